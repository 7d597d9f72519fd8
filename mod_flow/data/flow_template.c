/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_template_private.h"

#include <apr_strings.h>
#include <string.h>

#include "data/flow_json.h"

/* Pieces of text that stripping left side by side are one. */
static int is_text_only(const flow_program_t *program)
{
    int i;

    for (i = 0; i < program->n; ++i) {
        if (program->nodes[i].kind != FLOW_NODE_TEXT)
            return 0;
    }
    return 1;
}

apr_status_t flow_template_compile_with(flow_template_t **ptpl,
                                        const char *text, apr_size_t len,
                                        const flow_template_options_t *options,
                                        apr_pool_t *p, flow_error_t *err)
{
    flow_template_t *tpl;
    flow_parser_t ps;
    apr_status_t rv;

    *ptpl = NULL;
    if (len > FLOW_TEMPLATE_MAX) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "template_syntax",
                              "the template is longer than %d bytes",
                              FLOW_TEMPLATE_MAX);
    }
    if (!flow_utf8_is_valid(text, len)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "template_syntax",
                              "the template is not valid UTF-8 text; save the "
                              "file that it stands in as UTF-8");
    }
    tpl = apr_pcalloc(p, sizeof(*tpl));
    tpl->options = *options;
    memset(&ps, 0, sizeof(ps));
    ps.source = ps.c = apr_pstrmemdup(p, text, len);
    ps.end = ps.source + len;
    ps.options = &tpl->options;
    ps.members = apr_array_make(p, 4, sizeof(const char *));
    ps.p = p;
    ps.err = err;
    rv = flow_template_parse(&ps, &tpl->program);
    if (rv != APR_SUCCESS)
        return rv;
    flow_template_strip(tpl->program);
    tpl->is_constant = is_text_only(tpl->program);
    tpl->needs_request = ps.needs_request;
    if (!ps.needs_context) {
        APR_ARRAY_PUSH(ps.members, const char *) = NULL;
        tpl->members = (const char *const *)ps.members->elts;
    }
    *ptpl = tpl;
    return APR_SUCCESS;
}

apr_status_t flow_template_compile(flow_template_t **ptpl, const char *text,
                                   apr_size_t len, flow_escape_e escape,
                                   apr_pool_t *p, flow_error_t *err)
{
    flow_template_options_t options = { escape };

    return flow_template_compile_with(ptpl, text, len, &options, p, err);
}

int flow_template_is_constant(const flow_template_t *tpl)
{
    return tpl->is_constant;
}

int flow_template_needs_request(const flow_template_t *tpl)
{
    return tpl->needs_request;
}

const char *const *flow_template_members(const flow_template_t *tpl)
{
    return tpl->members;
}

apr_status_t flow_template_render(const flow_template_t *tpl,
                                  const json_t *context, flow_buf_t *out,
                                  apr_pool_t *scratch, flow_error_t *err)
{
    return flow_template_render_with(tpl, context, NULL, out, scratch, err);
}

apr_status_t flow_template_text_with(const flow_template_t *tpl,
                                     const json_t *context,
                                     const flow_template_env_t *env,
                                     apr_size_t max, const char **ptext,
                                     apr_size_t *plen, apr_pool_t *p,
                                     flow_error_t *err)
{
    flow_buf_t out;
    apr_status_t rv;
    apr_size_t len;

    flow_buf_init(&out, max);
    rv = flow_template_render_with(tpl, context, env, &out, p, err);
    if (rv == APR_SUCCESS) {
        *ptext = flow_buf_steal(&out, &len, p);
        if (plen)
            *plen = len;
    }
    flow_buf_release(&out);
    return rv;
}

apr_status_t flow_template_text(const flow_template_t *tpl,
                                const json_t *context, apr_size_t max,
                                const char **ptext, apr_size_t *plen,
                                apr_pool_t *p, flow_error_t *err)
{
    return flow_template_text_with(tpl, context, NULL, max, ptext, plen, p,
                                   err);
}

apr_status_t flow_template_try(const char *text, apr_size_t len,
                               const flow_template_options_t *options,
                               const json_t *context, const char **ptext,
                               apr_size_t *plen, apr_pool_t *p,
                               flow_error_t *err)
{
    flow_template_t *tpl;
    apr_status_t rv =
        flow_template_compile_with(&tpl, text, len, options, p, err);

    if (rv != APR_SUCCESS)
        return rv;
    return flow_template_text(tpl, context, (apr_size_t)16 * FLOW_TEMPLATE_MAX,
                              ptext, plen, p, err);
}
