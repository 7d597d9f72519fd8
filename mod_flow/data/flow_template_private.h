/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TEMPLATE_PRIVATE_H
#define FLOW_TEMPLATE_PRIVATE_H

#include <apr_tables.h>

#include "data/flow_any.h"
#include "data/flow_path_private.h"
#include "data/flow_template.h"

/**
 * How a template is compiled: the parser (flow_template_parse.c) cuts the
 * source into text and what stands in braces, the lexer reads the latter word
 * by word, flow_template_expr.c makes expressions of the words and binds their
 * helpers, and flow_template_space.c takes away the white space of lines that
 * hold nothing but a block's braces. What is left is the program that
 * flow_template_render.c walks: a list of nodes, of which a block's have lists
 * below them.
 */
#define FLOW_TEMPLATE_MAX       (1024 * 1024) /* bytes of source */
#define FLOW_TEMPLATE_DEPTH     128           /* blocks and calls */
#define FLOW_TEMPLATE_ARGS_MAX  64
#define FLOW_TEMPLATE_STEPS_MAX 20000000
/* Of a context's members: who reads more gets all of them. */
#define FLOW_TEMPLATE_MEMBERS_MAX 32
#define FLOW_TEMPLATE_LIVE_MAX    (64 * 1024 * 1024)

typedef struct flow_helper_t flow_helper_t;
typedef struct flow_expr_t flow_expr_t;

/* --- the program ---------------------------------------------------------- */

/** Where something stands, for people: columns count characters. */
typedef struct flow_place_t {
    int line;
    int column;
} flow_place_t;

typedef struct flow_hash_arg_t {
    const char *name;
    const flow_expr_t *value;
} flow_hash_arg_t;

/** A helper or block with its arguments. */
typedef struct flow_invocation_t {
    const flow_helper_t *helper;
    const flow_expr_t *args;
    int n;
    const flow_hash_arg_t *hash;
    int n_hash;
    /** What the helper's prepare() made of constant arguments, or NULL. */
    void *prepared;
    flow_place_t place;
} flow_invocation_t;

typedef enum {
    FLOW_EXPR_LITERAL,
    FLOW_EXPR_PATH,  /* from the context, `up` contexts up */
    FLOW_EXPR_ROOT,  /* @root */
    FLOW_EXPR_PARAM, /* as |x| */
    FLOW_EXPR_INDEX, /* @index and its like, `up` loops up */
    FLOW_EXPR_KEY,
    FLOW_EXPR_FIRST,
    FLOW_EXPR_LAST,
    FLOW_EXPR_CALL
} flow_expr_e;

struct flow_expr_t {
    flow_expr_e kind;
    int up;    /* of a PARAM: blocks with parameters */
    int param; /* which one */
    int n;     /* steps that follow */
    const flow_step_t *steps;
    const char *text; /* as written, for messages */
    flow_any_t literal;
    const flow_invocation_t *call;
    flow_place_t place;
};

typedef struct flow_program_t flow_program_t;

/** A block. Without a helper it is a section: `{{#name}}`. */
typedef struct flow_block_t {
    flow_invocation_t call;        /* of a section the value is args[0] */
    const flow_program_t *main;    /* NULL: {{^x}} without else */
    const flow_program_t *inverse; /* or NULL */
    int n_params;
    /* For the white space: ~ at either side of the braces of opening, else
     * and closing. */
    unsigned open_before : 1, open_after : 1;
    unsigned else_before : 1, else_after : 1;
    unsigned close_before : 1, close_after : 1;
} flow_block_t;

typedef enum {
    FLOW_NODE_TEXT,
    FLOW_NODE_VALUE,
    FLOW_NODE_BLOCK,
    FLOW_NODE_COMMENT
} flow_node_e;

typedef struct flow_node_t {
    flow_node_e kind;
    unsigned is_raw : 1; /* VALUE: do not escape */
    unsigned strips_before : 1, strips_after : 1;
    unsigned left_done : 1, right_done : 1; /* TEXT: has been stripped */
    const char *text;                       /* what is left of the source */
    apr_size_t len;
    const char *source; /* TEXT: as written */
    apr_size_t source_len;
    const flow_expr_t *expr;
    flow_block_t *block;
} flow_node_t;

struct flow_program_t {
    flow_node_t *nodes;
    int n;
    int is_chained; /* holds the block of an {{else if}} and nothing else */
    int has_calls;  /* anywhere below: a loop needs a pool of its own */
};

struct flow_template_t {
    flow_program_t *program;
    int is_constant;
    int needs_request;
    const char *const *members; /* see flow_template_members() */
    flow_template_options_t options;
};

/* --- values --------------------------------------------------------------- */

/** One step into a value: members and elements, `length`, and the units of a
 * text. */
flow_any_t flow_template_step(const flow_any_t *v, const flow_step_t *step);
/** The value at a path that is given as text: "a.b[0].['c']". */
flow_any_t flow_template_find(flow_any_t v, const char *path, apr_size_t len,
                              apr_pool_t *p);
/** Append a value. @a p may be NULL for texts, numbers and booleans. */
void flow_template_print(flow_buf_t *out, flow_escape_e escape,
                         const flow_any_t *v, apr_pool_t *p);

/* --- the lexer: what stands between the braces ---------------------------- */

typedef enum {
    FLOW_TOKEN_CLOSE, /* }} or its like, with or without ~ */
    FLOW_TOKEN_WORD,  /* a name, [a name]; also this, true ... */
    FLOW_TOKEN_NUMBER,
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
    const char *end;  /* behind it */
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
    int braces; /* how many closing ones are called for: 2, 3 or 4 */
    flow_token_e last;
} flow_lexer_t;

flow_token_t flow_lexer_next(flow_lexer_t *lx);

/* --- the parser ----------------------------------------------------------- */

/** The names of one block's parameters. */
typedef struct flow_scope_names_t {
    const char *names[2];
    int n;
    const struct flow_scope_names_t *outer;
} flow_scope_names_t;

typedef struct flow_parser_t {
    const char *source;
    const char *end;
    const char *c;    /* not yet read */
    const char *open; /* the braces being read */
    flow_lexer_t lx;  /* what stands in them */
    flow_token_t token;
    /* The last place that was asked for: places are asked for in order, so
     * counting goes on from there. */
    const char *counted;
    flow_place_t place;
    const flow_scope_names_t *names;
    int depth;
    int has_calls;
    int needs_request;
    int needs_context;           /* as a whole */
    apr_array_header_t *members; /* const char *: what of it is needed */
    const flow_template_options_t *options;
    apr_pool_t *p;
    flow_error_t *err;
} flow_parser_t;

apr_status_t flow_template_parse(flow_parser_t *ps, flow_program_t **pprogram);

/** "template line L, column C: ..." as FLOW_E_CONFIG. */
apr_status_t flow_parser_fail(flow_parser_t *ps, const char *at,
                              const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
flow_place_t flow_parser_place(flow_parser_t *ps, const char *at);
void flow_parser_advance(flow_parser_t *ps);
/** Why the current token cannot stand where it does. */
apr_status_t flow_parser_unexpected(flow_parser_t *ps);
/** A path as it was read. */
typedef struct flow_read_path_t {
    flow_step_t step[FLOW_PATH_STEPS_MAX];
    int n;
    int up;
    int is_data;   /* @x */
    int is_scoped; /* this.x, ./x, ../x: no helper and no parameter */
    const char *at;
    const char *end;
    const char *text;
} flow_read_path_t;
int flow_parser_token_is(const flow_parser_t *ps, const char *word);
apr_status_t flow_parser_read_path(flow_parser_t *ps, flow_read_path_t *path);
/** The same at the start of braces, where a quoted word is a name, too. */
apr_status_t flow_parser_read_head(flow_parser_t *ps, flow_read_path_t *path);
/** Does it begin with a block's parameter? Then *expr says which. */
int flow_parser_bind_param(const flow_parser_t *ps,
                           const flow_read_path_t *path, flow_expr_t *expr);
apr_status_t flow_parser_bind_path(flow_parser_t *ps,
                                   const flow_read_path_t *path,
                                   flow_expr_t *expr);
/** The path's text without brackets, as closing braces repeat it. */
const char *flow_parser_plain_text(flow_parser_t *ps,
                                   const flow_read_path_t *path);
/** One level deeper; refused beyond FLOW_TEMPLATE_DEPTH. */
apr_status_t flow_parser_enter(flow_parser_t *ps, const char *at);

/** What `{{x ...}}` holds: a value or a helper's call. */
apr_status_t flow_parser_read_value(flow_parser_t *ps, flow_expr_t *expr);
/** What `{{#x ...}}` holds, up to a bar or the closing braces. @a *pname is
 * what the closing braces have to repeat. */
apr_status_t flow_parser_read_opening(flow_parser_t *ps, flow_block_t *block,
                                      const char **pname, int is_verbatim);
/** A path's text as closing braces repeat it. */
apr_status_t flow_parser_read_name(flow_parser_t *ps, const char **pname);

/* --- what flow_template_parse.c and flow_template_block.c share ----------- */

/** What a pair of braces is. */
typedef enum {
    FLOW_BRACES_VALUE,
    FLOW_BRACES_RAW_VALUE, /* {{{ or {{& */
    FLOW_BRACES_COMMENT,
    FLOW_BRACES_OPEN,         /* {{# */
    FLOW_BRACES_OPEN_INVERSE, /* {{^x */
    FLOW_BRACES_ELSE,         /* {{else}}, {{^}} */
    FLOW_BRACES_CHAIN,        /* {{else x */
    FLOW_BRACES_CLOSE,        /* {{/ */
    FLOW_BRACES_VERBATIM,     /* {{{{x */
    FLOW_BRACES_NONE          /* the source ends */
} flow_braces_e;

typedef struct flow_braces_t {
    flow_braces_e kind;
    const char *at;
    int before; /* ~ */
    int after;
} flow_braces_t;

flow_node_t *flow_parser_add_node(apr_array_header_t *nodes, flow_node_e kind);
void flow_parser_add_text(apr_array_header_t *nodes, const char *text,
                          const char *end);
int flow_parser_looking_at(const flow_parser_t *ps, const char *word);
/** The next two opening braces, else @a end. */
const char *flow_parser_find_braces(const char *c, const char *end);
void flow_parser_start_words(flow_parser_t *ps);
/** The closing braces must be there. */
apr_status_t flow_parser_end_words(flow_parser_t *ps, flow_braces_t *braces);
/** Up to braces that end a program; *pend says which. */
apr_status_t flow_parser_parse_program(flow_parser_t *ps,
                                       flow_program_t **pprogram,
                                       flow_braces_t *pend);
apr_status_t flow_parser_parse_block(flow_parser_t *ps, flow_braces_t *braces,
                                     apr_array_header_t *nodes);
apr_status_t flow_parser_parse_verbatim(flow_parser_t *ps,
                                        flow_braces_t *braces,
                                        apr_array_header_t *nodes);

/** Take away what handlebars.js takes away around the braces of blocks and
 * comments, then forget comments and empty texts. */
void flow_template_strip(flow_program_t *program);

#endif
