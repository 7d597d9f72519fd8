/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_template_private.h"

#include "data/flow_escape.h"
#include "data/flow_json.h"

#include <apr_strings.h>
#include <string.h>

apr_status_t flow_template_compile(flow_template_t **ptpl, const char *text,
                                   apr_size_t len, flow_escape_e escape,
                                   apr_pool_t *p, flow_error_t *err)
{
    apr_array_header_t *ops;
    flow_template_t *tpl;
    apr_status_t rv;
    int i;

    *ptpl = NULL;
    if (len > FLOW_TEMPLATE_MAX) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "template_syntax",
                              "the template is longer than %d bytes",
                              FLOW_TEMPLATE_MAX);
    }
    rv = flow_template_parse(&ops, apr_pstrmemdup(p, text, len), len, p, err);
    if (rv != APR_SUCCESS)
        return rv;
    tpl = apr_pcalloc(p, sizeof(*tpl));
    tpl->ops = (const flow_op_t *)ops->elts;
    tpl->n = ops->nelts;
    tpl->escape = escape;
    tpl->is_constant = 1;
    for (i = 0; i < tpl->n; ++i)
        tpl->is_constant &= tpl->ops[i].kind == FLOW_OP_TEXT;
    *ptpl = tpl;
    return APR_SUCCESS;
}

int flow_template_is_constant(const flow_template_t *tpl)
{
    return tpl->is_constant;
}

static void write_text(flow_buf_t *out, flow_escape_e escape, const char *s,
                       apr_size_t len)
{
    switch (escape) {
    case FLOW_ESCAPE_NONE:
        flow_buf_add(out, s, len);
        break;
    case FLOW_ESCAPE_URI:
        flow_escape_uri(out, s, len);
        break;
    case FLOW_ESCAPE_JSON:
        flow_json_write_escaped(out, s, len);
        break;
    case FLOW_ESCAPE_XML:
        flow_escape_xml(out, s, len);
        break;
    }
}

/* Text and numbers go straight from the record to the buffer. */
static void write_value(flow_buf_t *out, flow_escape_e escape, const json_t *v,
                        apr_pool_t *scratch)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    const char *s;
    apr_size_t len;

    s = flow_json_string(v, &len);
    if (!s)
        s = flow_json_number_text(v, tmp, &len);
    if (!s)
        s = flow_json_to_text(v, &len, scratch);
    if (s)
        write_text(out, escape, s, len);
}

/* In UTF-16 units, as JavaScript counts. */
static apr_size_t text_length(const char *s, apr_size_t len)
{
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)s[i];

        n += ((c & 0xc0) != 0x80) + (c >= 0xf0);
    }
    return n;
}

/* 1 when the value of `a.length` is a count and no member. */
static int write_length(flow_buf_t *out, const flow_path_t *holder,
                        const json_t *context)
{
    const json_t *v = flow_path_find(holder, context);
    const char *s;
    apr_size_t len;

    if (flow_json_is(v, ARRAY)) {
        len = json_array_size(v);
    }
    else {
        s = v ? flow_json_string(v, &len) : NULL;
        if (!s)
            return 0;
        len = text_length(s, len);
    }
    flow_buf_addf(out, "%" APR_SIZE_T_FMT, len);
    return 1;
}

apr_status_t flow_template_render(const flow_template_t *tpl,
                                  const json_t *context, flow_buf_t *out,
                                  apr_pool_t *scratch, flow_error_t *err)
{
    int i;

    for (i = 0; i < tpl->n && out->status == APR_SUCCESS; ++i) {
        const flow_op_t *op = &tpl->ops[i];
        const json_t *v;

        if (op->kind == FLOW_OP_TEXT) {
            flow_buf_add(out, op->text, op->len);
            continue;
        }
        if (op->holder && write_length(out, op->holder, context))
            continue;
        v = flow_path_find(op->path, context);
        if (v) {
            write_value(out, op->is_raw ? FLOW_ESCAPE_NONE : tpl->escape, v,
                        scratch);
        }
    }
    if (out->status == APR_SUCCESS)
        return APR_SUCCESS;
    if (out->status != APR_ENOSPC) {
        return flow_error_set(err, FLOW_E_INTERNAL, out->status,
                              "out_of_memory",
                              "no memory to render a template");
    }
    return flow_error_set(err, FLOW_E_INPUT, out->status, "template_too_large",
                          "the rendered template would be longer than "
                          "%" APR_SIZE_T_FMT " bytes",
                          out->max);
}

apr_status_t flow_template_text(const flow_template_t *tpl,
                                const json_t *context, apr_size_t max,
                                const char **ptext, apr_size_t *plen,
                                apr_pool_t *p, flow_error_t *err)
{
    flow_buf_t out;
    apr_status_t rv;
    apr_size_t len;

    flow_buf_init(&out, max);
    rv = flow_template_render(tpl, context, &out, p, err);
    if (rv == APR_SUCCESS) {
        *ptext = flow_buf_steal(&out, &len, p);
        if (plen)
            *plen = len;
    }
    flow_buf_release(&out);
    return rv;
}
