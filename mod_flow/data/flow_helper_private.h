/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HELPER_PRIVATE_H
#define FLOW_HELPER_PRIVATE_H

#include "data/flow_template_private.h"

/**
 * Helpers and blocks: one row each, in the table of the file that holds their
 * functions. Compiler, messages and docs/templates.md all read the rows.
 */
typedef struct flow_render_t flow_render_t;

/** One call while it runs. */
typedef struct flow_helper_call_t {
    const flow_any_t *args;
    int n;
    const flow_any_t *hash; /* values, in the order of node->hash */
    const flow_invocation_t *node;
    flow_render_t *run;
    const flow_template_env_t *env; /* never NULL */
    const json_t *root;
    apr_pool_t *p; /* lives as long as the result is needed */
    flow_error_t *err;
} flow_helper_call_t;

/** *out is MISSING on entry. */
typedef apr_status_t flow_helper_fn(flow_helper_call_t *call, flow_any_t *out);
/** Render the block. */
typedef apr_status_t flow_helper_block_fn(flow_helper_call_t *call,
                                          const flow_block_t *block);
/** When compiled: make something of arguments that are literals. */
typedef apr_status_t flow_helper_prepare_fn(void **pprepared,
                                            const flow_invocation_t *node,
                                            apr_pool_t *p, flow_error_t *err);

#define FLOW_HELPER_ANY FLOW_TEMPLATE_ARGS_MAX /* so many arguments */

struct flow_helper_t {
    const char *name;
    int min;
    int max;
    /** Inline helpers, and blocks that choose by a truth: true is the block,
     * false its else, MISSING neither. */
    flow_helper_fn *run;
    flow_helper_block_fn *block; /* blocks that do more than choose */
    int is_block;
    const char *arguments; /* "text delimiter [index]" */
    const char *help;
    const char *example; /* rendered by the tests, without a context */
    const char *result;
    const char *hash; /* names it knows, separated by blanks; NULL: none */
    flow_helper_prepare_fn *prepare;
};

typedef struct flow_helper_table_t {
    const char *title;
    const flow_helper_t *rows;
    apr_size_t n;
} flow_helper_table_t;

extern const flow_helper_table_t flow_helpers_math;
extern const flow_helper_table_t flow_helpers_string;
extern const flow_helper_table_t flow_helpers_case;
extern const flow_helper_table_t flow_helpers_array;
extern const flow_helper_table_t flow_helpers_date;
extern const flow_helper_table_t flow_helpers_encode;
extern const flow_helper_table_t flow_helpers_regex;
extern const flow_helper_table_t flow_helpers_format;
extern const flow_helper_table_t flow_helpers_crypto;
extern const flow_helper_table_t flow_helpers_block;

/** The table at @a i, NULL behind the last. */
const flow_helper_table_t *flow_helper_table(apr_size_t i);
const flow_helper_t *flow_helper_find(const char *name, apr_size_t len);
/** The known name that was perhaps meant, or NULL. */
const char *flow_helper_nearest(const char *name, int is_block);

/* --- for helpers ---------------------------------------------------------- */

/** Argument @a i; MISSING behind the last. */
flow_any_t flow_helper_arg(const flow_helper_call_t *call, int i);
const char *flow_helper_text(const flow_helper_call_t *call, int i,
                             apr_size_t *plen);
double flow_helper_number(const flow_helper_call_t *call, int i);
/** A whole number of at least 0, capped; @a missing when there is none. */
apr_size_t flow_helper_count(const flow_helper_call_t *call, int i,
                             apr_size_t missing);
/** Hash argument by name; MISSING when not given. */
flow_any_t flow_helper_hash(const flow_helper_call_t *call, const char *name);
/** The result is what @a out collected; it is stolen. */
apr_status_t flow_helper_take(const flow_helper_call_t *call, flow_buf_t *out,
                              flow_any_t *result);
/** The result is @a v, a new reference. */
apr_status_t flow_helper_own(const flow_helper_call_t *call, json_t *v,
                             flow_any_t *result);
/** Count what a helper is about to hold; fails when it is too much. */
apr_status_t flow_helper_charge(const flow_helper_call_t *call,
                                apr_size_t bytes);
/** "helper 'x' at template line L, column C: ..." as FLOW_E_INPUT. */
apr_status_t flow_helper_fail(const flow_helper_call_t *call, const char *code,
                              const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
apr_status_t flow_helper_no_memory(const flow_helper_call_t *call);
/** What can be written to one buffer of a helper. */
#define FLOW_HELPER_TEXT_MAX (32 * 1024 * 1024)

/** The value at a path written as text ("a.b[0].c"), in the context and then
 * in the root. */
flow_any_t flow_render_find(const flow_render_t *run, const char *path,
                            apr_size_t len);
/** Render @a program (may be NULL) with a new context. */
apr_status_t flow_render_body(flow_helper_call_t *call,
                              const flow_block_t *block,
                              const flow_program_t *program,
                              const flow_any_t *context);
/** Render the block's else in the present context. */
apr_status_t flow_render_else(flow_helper_call_t *call,
                              const flow_block_t *block);
/** For each element of an array or member of an object that @a accepts (NULL:
 * every one) render the block; *pcount is how many did. */
typedef int flow_render_accept_fn(void *baton, const json_t *element);
apr_status_t flow_render_loop(flow_helper_call_t *call,
                              const flow_block_t *block,
                              const flow_any_t *collection,
                              flow_render_accept_fn *accepts, void *baton,
                              apr_size_t *pcount);
/** `{{#value}}` without a helper. */
apr_status_t flow_render_section(flow_helper_call_t *call,
                                 const flow_block_t *block);
apr_time_t flow_render_now(const flow_helper_call_t *call);

/** JavaScript's toFixed, toExponential (digits < 0: as many as needed) and
 * toPrecision. @a tmp has FLOW_FORMAT_MAX bytes, @a digits is 0 to 100. */
#define FLOW_FORMAT_MAX 512
void flow_format_fixed(double d, int digits, char *tmp);
void flow_format_exponential(double d, int digits, char *tmp);
void flow_format_precision(double d, int precision, char *tmp);

#endif
