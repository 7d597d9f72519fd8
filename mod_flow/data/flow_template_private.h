/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TEMPLATE_PRIVATE_H
#define FLOW_TEMPLATE_PRIVATE_H

#include <apr_tables.h>

#include "data/flow_path_private.h"
#include "data/flow_template.h"

/**
 * A template is compiled in three steps: the parser cuts the source into text
 * and what stands in braces, the lexer reads the latter word by word, and both
 * end as a program: a flat list of instructions that one loop executes.
 */
#define FLOW_TEMPLATE_MAX (1024 * 1024) /* bytes of source */

typedef enum {
    FLOW_OP_TEXT,
    FLOW_OP_VALUE
} flow_op_e;

typedef struct flow_op_t {
    flow_op_e kind;
    int is_raw;       /* VALUE: do not escape */
    const char *text; /* TEXT: a slice of the source */
    apr_size_t len;
    const flow_path_t *path;
    /* VALUE of `a.length`: the path to a, which may be an array or text whose
     * length is meant. NULL else. */
    const flow_path_t *holder;
} flow_op_t;

struct flow_template_t {
    const flow_op_t *ops;
    int n;
    int is_constant;
    flow_escape_e escape;
};

/* --- the lexer: what stands between the braces ---------------------------- */

typedef enum {
    FLOW_TOKEN_CLOSE, /* }} or }}}, with or without ~ */
    FLOW_TOKEN_WORD,  /* a name, a number, [a name]; also this, true ... */
    FLOW_TOKEN_STRING,
    FLOW_TOKEN_SEPARATOR, /* . or / */
    FLOW_TOKEN_UP,        /* .. */
    FLOW_TOKEN_AT,
    FLOW_TOKEN_OPEN_CALL,  /* ( */
    FLOW_TOKEN_CLOSE_CALL, /* ) */
    FLOW_TOKEN_EQUALS,
    FLOW_TOKEN_BAR,
    FLOW_TOKEN_BAD /* the source ends, or a character that means nothing */
} flow_token_e;

typedef struct flow_token_t {
    flow_token_e kind;
    const char *at;   /* where it stands in the source */
    const char *text; /* of WORD and STRING, without brackets and escapes */
    apr_size_t len;
    int is_bracketed; /* WORD: stood in [], so "this" is a plain name */
    int follows_blank;
    int strips; /* CLOSE: ~ */
} flow_token_t;

typedef struct flow_lexer_t {
    const char *c;
    const char *end;
    apr_pool_t *p;
    int wants_three; /* the braces that opened were three */
} flow_lexer_t;

flow_token_t flow_lexer_next(flow_lexer_t *lx);

/* --- the parser ----------------------------------------------------------- */

/** *pops: flow_op_t. @a text must outlive them. */
apr_status_t flow_template_parse(apr_array_header_t **pops, const char *text,
                                 apr_size_t len, apr_pool_t *p,
                                 flow_error_t *err);

#endif
