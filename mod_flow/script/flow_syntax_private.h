/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SYNTAX_PRIVATE_H
#define FLOW_SYNTAX_PRIVATE_H

#include <apr_tables.h>

#include "base/flow_buf.h"
#include "script/flow_syntax.h"

/**
 * The tokens of a script.
 */
typedef enum {
    FLOW_SYNTAX_END,
    FLOW_SYNTAX_NAME, /* identifiers and keywords */
    FLOW_SYNTAX_NUMBER,
    FLOW_SYNTAX_STRING,
    FLOW_SYNTAX_TEMPLATE, /* only its opening quote */
    FLOW_SYNTAX_REGEXP,
    FLOW_SYNTAX_PUNCTUATOR, /* longest match where it matters here */
    FLOW_SYNTAX_BAD         /* `why` says what */
} flow_syntax_kind_e;

typedef struct flow_syntax_token_t {
    flow_syntax_kind_e kind;
    const char *text;
    apr_size_t len;
    int line; /* 1-based */
    const char *line_start;
    int after_newline;
    const char *why;
} flow_syntax_token_t;

typedef struct flow_syntax_lexer_t {
    const char *at, *end;
    const char *line_start;
    int line;
    /* May a slash begin a regular expression here? */
    int regexp_allowed;
    /* For each open parenthesis: is it the head of if, while, for or with? */
    apr_uint64_t heads; /* one bit each, the innermost lowest */
    flow_syntax_token_t last;
} flow_syntax_lexer_t;

void flow_syntax_lexer_init(flow_syntax_lexer_t *lexer, const char *text,
                            apr_size_t len);
/** The next token; comments are skipped. */
flow_syntax_token_t flow_syntax_lexer_next(flow_syntax_lexer_t *lexer);
/** 1-based, in characters. */
int flow_syntax_token_column(const flow_syntax_token_t *token);
int flow_syntax_is(const flow_syntax_token_t *token, const char *text);
#define flow_syntax_is_name(token) ((token)->kind == FLOW_SYNTAX_NAME)
#define flow_syntax_end(token)     ((token)->text + (token)->len)

/**
 * The rewriter: it copies the source token by token, with changes.
 */
/* Blocks within blocks. */
#define DEPTH_MAX 1000

/* A name that `let`, `const` or a parameter list declares. */
typedef struct flow_syntax_name_t {
    const char *text;
    apr_size_t len;
    int line;
    int depth; /* of the block it belongs to */
} flow_syntax_name_t;

typedef struct flow_syntax_writer_t {
    flow_syntax_lexer_t lexer;
    flow_syntax_token_t token; /* the current one */
    flow_syntax_token_t before;
    flow_buf_t out;
    const char *copied; /* source up to here is in `out` */
    const char *filename;
    apr_array_header_t *names;
    int depth;
    int brackets; /* open ( and [ */
    /* Is the block at this depth the body of a function? */
    unsigned char is_function[DEPTH_MAX];
    int function_next; /* the next brace opens a function's body */
    int for_depth;     /* brackets within the head of a for, else 0 */
    apr_pool_t *p;
    flow_error_t *err;
    int failed;
} flow_syntax_writer_t;

void flow_syntax_complain(flow_syntax_writer_t *w,
                          const flow_syntax_token_t *at, const char *why);
void flow_syntax_advance(flow_syntax_writer_t *w);
void flow_syntax_copy_to(flow_syntax_writer_t *w, const char *to);
void flow_syntax_blank_to(flow_syntax_writer_t *w, const char *to);
void flow_syntax_keep_lines_to(flow_syntax_writer_t *w, const char *to);
/** A block that declares a name twice, or hides one, is refused. */
void flow_syntax_declare(flow_syntax_writer_t *w,
                         const flow_syntax_token_t *token, int depth);

/* ---- flow_syntax_module.c; at the keyword ---- */

void flow_syntax_import(flow_syntax_writer_t *w);
void flow_syntax_export(flow_syntax_writer_t *w);

#endif
