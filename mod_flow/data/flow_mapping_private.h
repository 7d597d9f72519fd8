/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_MAPPING_PRIVATE_H
#define FLOW_MAPPING_PRIVATE_H

#include <apr_tables.h>

#include "data/flow_mapping.h"
#include "data/flow_path_private.h"
#include "data/flow_template.h"

/** flow_mapping_compile.c makes these, flow_mapping.c carries them out. */
#define FLOW_MAPPING_RULES_MAX 10000
#define FLOW_MAPPING_TEXT_MAX  (1024 * 1024) /* what one template may render */

typedef enum {
    FLOW_CONVERT_NONE,
    FLOW_CONVERT_STRING,
    FLOW_CONVERT_NUMBER,
    FLOW_CONVERT_BOOLEAN
} flow_convert_e;

typedef enum {
    FLOW_WHEN_ALWAYS,
    FLOW_WHEN_EXTRACT_NOT_EMPTY,
    FLOW_WHEN_LOOKUP_NOT_EMPTY,
    FLOW_WHEN_LOOKUP_EMPTY,
    FLOW_WHEN_IGNORE_IF_SET
} flow_when_e;

typedef struct flow_static_map_t {
    const char *name;
    json_t *map;
    json_t *fallback; /* may be NULL */
    int may_miss;
} flow_static_map_t;

/** One field. Where its value comes from: exactly one of constant, tpl and
 * the two paths. */
typedef struct flow_rule_t {
    const char *where; /* "mapping.fields[3] 'price'", for messages */
    const flow_path_t *generate;
    json_t *constant;
    const flow_template_t *tpl;
    const flow_path_t *inner; /* in the element of a list, first; or NULL */
    const flow_path_t *outer; /* in the record; or NULL */
    const flow_static_map_t *lookup;
    const flow_static_map_t *condition;
    json_t *fallback; /* "default", converted already; or NULL */
    flow_convert_e convert;
    flow_when_e when;
    int discards_empty;
    int is_each; /* from a[*].x to b[*].y: convert element by element */
} flow_rule_t;

typedef struct flow_rule_list_t {
    const char *where;
    const flow_path_t *generate;
    const flow_path_t *source; /* an array: its elements; else one element */
    const flow_rule_t *rules;
    int n;
} flow_rule_list_t;

struct flow_mapping_t {
    const flow_rule_t *rules;
    int n;
    const flow_rule_list_t *lists;
    int nlists;
};

/** @a v converted; NULL when it is no number. NULL and null stay. */
json_t *flow_rule_convert(flow_convert_e convert, const json_t *v,
                          apr_pool_t *scratch);

/* --- compiling: flow_mapping_rule.c, for flow_mapping_compile.c ------------ */

typedef struct flow_mapping_compiler_t {
    const json_t *lookups;
    apr_array_header_t *maps; /* flow_static_map_t *, made so far */
    apr_size_t rules;         /* so far, for the maximum */
    apr_pool_t *p;
    flow_error_t *err;
} flow_mapping_compiler_t;

/** Refuse the document: @a where says which part of it. */
apr_status_t flow_mapping_bad(const flow_mapping_compiler_t *c,
                              const char *where, const char *code,
                              const char *what);
apr_status_t flow_mapping_not_yet(const flow_mapping_compiler_t *c,
                                  const char *where, const char *field);
/** A member that is neither absent nor null, else NULL. Borrowed. */
const json_t *flow_mapping_member(const json_t *object, const char *key);
/** Every key of @a object is in @a known, or the first other one is named. */
apr_status_t flow_mapping_check_keys(const flow_mapping_compiler_t *c,
                                     const json_t *object, const char *where,
                                     const char *const *known, apr_size_t n);
apr_status_t flow_mapping_path(const flow_mapping_compiler_t *c,
                               const char *where, const char *text,
                               const flow_path_t **ppath);
/** A path that values can be put at. */
apr_status_t flow_mapping_target(const flow_mapping_compiler_t *c,
                                 const char *where, const char *text,
                                 const flow_path_t **ppath);
apr_status_t flow_mapping_rule(flow_mapping_compiler_t *c, flow_rule_t *rule,
                               const json_t *doc, const char *where);

#endif
