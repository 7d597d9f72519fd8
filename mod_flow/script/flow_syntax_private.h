/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SYNTAX_PRIVATE_H
#define FLOW_SYNTAX_PRIVATE_H

#include "script/flow_syntax.h"

/**
 * The tokens of a script.
 */
typedef enum {
    FLOW_TOKEN_END,
    FLOW_TOKEN_NAME, /* identifiers and keywords */
    FLOW_TOKEN_NUMBER,
    FLOW_TOKEN_STRING,
    FLOW_TOKEN_TEMPLATE, /* only its opening quote */
    FLOW_TOKEN_REGEXP,
    FLOW_TOKEN_PUNCTUATOR, /* longest match where it matters here */
    FLOW_TOKEN_BAD         /* `why` says what */
} flow_token_kind_e;

typedef struct flow_token_t {
    flow_token_kind_e kind;
    const char *text;
    apr_size_t len;
    int line; /* 1-based */
    const char *line_start;
    int after_newline;
    const char *why;
} flow_token_t;

typedef struct flow_syntax_lexer_t {
    const char *at, *end;
    const char *line_start;
    int line;
    /* May a slash begin a regular expression here? */
    int regexp_allowed;
    /* For each open parenthesis: is it the head of if, while, for or with? */
    apr_uint64_t heads; /* one bit each, the innermost lowest */
    flow_token_t last;
} flow_syntax_lexer_t;

void flow_syntax_lexer_init(flow_syntax_lexer_t *lexer, const char *text, apr_size_t len);
/** The next token; comments are skipped. */
flow_token_t flow_syntax_lexer_next(flow_syntax_lexer_t *lexer);
/** 1-based, in characters. */
int flow_token_column(const flow_token_t *token);
int flow_token_is(const flow_token_t *token, const char *text);

#endif
