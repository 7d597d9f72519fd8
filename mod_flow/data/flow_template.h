/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TEMPLATE_H
#define FLOW_TEMPLATE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * Handlebars as Celigo has it; docs/templates.md is the author's manual.
 *
 * The language is that of handlebars.js 4.7 without partials and decorators,
 * and a blank after the opening braces is an error. `{{x}}` is escaped for the
 * place where the text goes, `{{{x}}}` is not. A missing value prints nothing,
 * unless the template is strict. A name that is no helper is an error when
 * compiled ("template_helper"), as is a wrong number of arguments; everything
 * else that is wrong with the source is "template_syntax". Messages carry line
 * and column.
 *
 * What a template can see is up to its caller: whatever is in the context is
 * reached by its name, so both generations of Celigo's contexts (`{{x}}` and
 * `{{record.x}}`) are a matter of the members that the caller puts there.
 *
 * Bounds: source 1 MB, blocks and calls 128 deep, 64 arguments; a rendering
 * stops with FLOW_E_INPUT at the buffer's maximum ("template_too_large"), after
 * 20 million steps or with 64 MB of intermediate values ("template_limit").
 *
 * A compiled template is immutable and may be used by any thread.
 */
typedef struct flow_template_t flow_template_t;

/** What `{{x}}` does to the text of x. */
typedef enum {
    FLOW_ESCAPE_NONE, /* plain text */
    FLOW_ESCAPE_URI,  /* percent-encoding, all but unreserved */
    FLOW_ESCAPE_JSON, /* content of a JSON string */
    FLOW_ESCAPE_XML,  /* & < > " ' as entities */
    FLOW_ESCAPE_HTML, /* & < > " ' ` = as entities, as handlebars.js has it */
    FLOW_ESCAPE_SQL   /* in single quotes, which are doubled inside */
} flow_escape_e;

typedef struct flow_template_options_t {
    flow_escape_e escape;
    /** strictHandlebarEvaluation: a missing value is an error naming the path
     * ("template_missing"). */
    int is_strict;
    /** `{{ x}}` is allowed, as in handlebars.js and mustache. */
    int allows_blank;
} flow_template_options_t;

apr_status_t flow_template_compile(flow_template_t **ptpl, const char *text,
                                   apr_size_t len, flow_escape_e escape,
                                   apr_pool_t *p, flow_error_t *err);
apr_status_t flow_template_compile_with(flow_template_t **ptpl,
                                        const char *text, apr_size_t len,
                                        const flow_template_options_t *options,
                                        apr_pool_t *p, flow_error_t *err);
/** Nothing but text? Then rendering needs no context. */
int flow_template_is_constant(const flow_template_t *tpl);
/**
 * Does it use aws4, hash, hmac, hashOptions or hmacOptions? Those look at the
 * request that is being made: the caller renders such headers (and URI
 * parameters) last, when method, URL, body and the other headers are known,
 * with env.request set and the context's members hashOptions and hmacOptions
 * made by flow_template_request_options().
 */
int flow_template_needs_request(const flow_template_t *tpl);

/** Which members of its context it reads, other than `record`. (Names in
 * blocks count, whatever their context turns out to be.) The names are NULL
 * after the last one; NULL itself: any, the context as a whole. */
const char *const *flow_template_members(const flow_template_t *tpl);

/** The request that a header is rendered for. */
typedef struct flow_template_request_t {
    const char *method;
    const char *url;       /* absolute, as it will be sent */
    const json_t *headers; /* object of texts (an array: repeated), or NULL */
    const char *body;      /* may be NULL */
    apr_size_t body_len;
    const json_t *encrypted; /* the connection's http.encrypted, or NULL */
} flow_template_request_t;

/** A static lookup: *pvalue is borrowed, or NULL when @a key has no entry. An
 * unknown name is an error. */
typedef apr_status_t flow_template_lookup_fn(void *baton, const char *name,
                                             const json_t *key,
                                             const json_t **pvalue,
                                             flow_error_t *err);

/** What a rendering may use besides its context; all of it optional. */
typedef struct flow_template_env_t {
    apr_time_t now;   /* 0: the clock */
    const char *zone; /* of {{timestamp}} without a zone; NULL: UTC */
    const flow_template_request_t *request;
    flow_template_lookup_fn *lookup;
    void *lookup_baton;
} flow_template_env_t;

/** Append the rendering; objects and arrays print as flow_json_to_text(). A
 * template without helpers and blocks takes nothing from @a scratch for texts
 * and numbers. @a env may be NULL. */
apr_status_t flow_template_render_with(const flow_template_t *tpl,
                                       const json_t *context,
                                       const flow_template_env_t *env,
                                       flow_buf_t *out, apr_pool_t *scratch,
                                       flow_error_t *err);
apr_status_t flow_template_render(const flow_template_t *tpl,
                                  const json_t *context, flow_buf_t *out,
                                  apr_pool_t *scratch, flow_error_t *err);
/** Render into a pool, at most @a max bytes ("template_too_large"). */
apr_status_t flow_template_text(const flow_template_t *tpl,
                                const json_t *context, apr_size_t max,
                                const char **ptext, apr_size_t *plen,
                                apr_pool_t *p, flow_error_t *err);
apr_status_t flow_template_text_with(const flow_template_t *tpl,
                                     const json_t *context,
                                     const flow_template_env_t *env,
                                     apr_size_t max, const char **ptext,
                                     apr_size_t *plen, apr_pool_t *p,
                                     flow_error_t *err);
/**
 * An author's trial: compile @a text, render it once with @a context, and
 * either give the text or say what is wrong with line and column. The same
 * calls as above in one, for a command line.
 */
apr_status_t flow_template_try(const char *text, apr_size_t len,
                               const flow_template_options_t *options,
                               const json_t *context, const char **ptext,
                               apr_size_t *plen, apr_pool_t *p,
                               flow_error_t *err);

/** hashOptions (or, with @a is_hmac, hmacOptions): headers body
 * bodyParametersMap method http.encrypted baseURI relativeURI urlParameters
 * urlParametersMap URI; for hmac orderedQueryParams too. A new object, NULL
 * only when out of memory. It holds secrets. */
json_t *flow_template_request_options(const flow_template_request_t *request,
                                      int is_hmac, apr_pool_t *p);

/** docs/templates.md's tables of helpers and blocks. */
apr_status_t flow_template_write_markdown(flow_buf_t *out);

#endif
