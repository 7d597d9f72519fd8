/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_FILTER_PRIVATE_H
#define FLOW_FILTER_PRIVATE_H

#include "data/flow_filter.h"
#include "data/flow_path_private.h"
#include "data/flow_pattern.h"

/** A filter is compiled to a tree of nodes; flow_filter_compile.c makes it,
 * flow_filter.c walks it. */
#define FLOW_FILTER_DEPTH 64
#define FLOW_FILTER_NODES 10000

typedef enum {
    FLOW_FILTER_EQUALS,
    FLOW_FILTER_NOTEQUALS,
    FLOW_FILTER_GREATERTHAN,
    FLOW_FILTER_GREATERTHANEQUALS,
    FLOW_FILTER_LESSTHAN,
    FLOW_FILTER_LESSTHANEQUALS,
    FLOW_FILTER_STARTSWITH,
    FLOW_FILTER_ENDSWITH,
    FLOW_FILTER_CONTAINS,
    FLOW_FILTER_DOESNOTCONTAIN,
    FLOW_FILTER_MATCHES,
    FLOW_FILTER_ANYOF,
    FLOW_FILTER_EMPTY,
    FLOW_FILTER_NOTEMPTY,
    FLOW_FILTER_AND,
    FLOW_FILTER_OR,
    FLOW_FILTER_NOT,
    FLOW_FILTER_EXTRACT,
    FLOW_FILTER_SETTINGS,
    FLOW_FILTER_CONTEXT,
    FLOW_FILTER_STRING,
    FLOW_FILTER_NUMBER,
    FLOW_FILTER_BOOLEAN,
    FLOW_FILTER_EPOCHTIME,
    FLOW_FILTER_LOWERCASE,
    FLOW_FILTER_UPPERCASE,
    FLOW_FILTER_CEILING,
    FLOW_FILTER_FLOOR,
    FLOW_FILTER_ABS,
    FLOW_FILTER_LITERAL
} flow_filter_op_e;

typedef struct flow_filter_node_t flow_filter_node_t;
struct flow_filter_node_t {
    flow_filter_op_e op;
    int n;
    flow_filter_node_t *args;
    const flow_path_t *path;       /* EXTRACT, SETTINGS, CONTEXT */
    const flow_pattern_t *pattern; /* MATCHES with a literal, else NULL */
    json_t *literal;               /* LITERAL, and the list of ANYOF */
    const char *where;             /* "rules[1]", for messages */
};

struct flow_filter_t {
    const flow_filter_node_t *root; /* NULL: no rules, all records match */
};

#endif
