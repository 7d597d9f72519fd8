/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TEMPLATE_H
#define FLOW_TEMPLATE_H

#include <apr_pools.h>
#include <jansson.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"

/**
 * Handlebars as Celigo has it: so far text, `{{path}}` (encoded for the place
 * where the text goes), `{{{path}}}` (raw), `\{{literal}}` and comments.
 * Paths: `a.b`, `a.[name with space]`, `list.[0].x`, `list.0.x`, `this`,
 * `@root.x`. A missing value prints nothing. A helper or block is refused by
 * name when compiled ("template_helper"), a blank after the opening braces too
 * ("template_syntax"); messages carry line and column of the template.
 *
 * A compiled template is immutable and may be used by any thread.
 */
typedef struct flow_template_t flow_template_t;

/** What `{{x}}` does to the text of x. */
typedef enum {
    FLOW_ESCAPE_NONE, /* plain text */
    FLOW_ESCAPE_URI,  /* percent-encoding, all but unreserved */
    FLOW_ESCAPE_JSON, /* content of a JSON string */
    FLOW_ESCAPE_XML   /* & < > " ' as entities */
} flow_escape_e;

apr_status_t flow_template_compile(flow_template_t **ptpl, const char *text,
                                   apr_size_t len, flow_escape_e escape,
                                   apr_pool_t *p, flow_error_t *err);
/** Nothing but text? Then rendering needs no context. */
int flow_template_is_constant(const flow_template_t *tpl);
/** Append the rendering; objects and arrays print as flow_json_to_text(). */
apr_status_t flow_template_render(const flow_template_t *tpl,
                                  const json_t *context, flow_buf_t *out,
                                  apr_pool_t *scratch, flow_error_t *err);
/** Render into a pool, at most @a max bytes ("template_too_large"). */
apr_status_t flow_template_text(const flow_template_t *tpl,
                                const json_t *context, apr_size_t max,
                                const char **ptext, apr_size_t *plen,
                                apr_pool_t *p, flow_error_t *err);

#endif
