/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a request from templates. Those that look at the request itself
 * (aws4, hash, hmac and what they are made of) are rendered when the rest of
 * it stands: the address sees the base address, the body the address, and a
 * header all of it, credentials and the other headers included.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#define URL_TEXT_MAX    16384
#define HEADER_TEXT_MAX 16384
#define BODY_TEXT_MAX   (50 * 1024 * 1024)

json_t *flow_conn_http_context(const flow_call_t *call, apr_pool_t *p)
{
    json_t *copy = flow_json_is(call->context, OBJECT)
                       ? json_copy((json_t *)call->context)
                       : json_object();

    return flow_json_own(p, copy);
}

/* What was rendered is an object of fields. */
static apr_status_t make_form(http_send_t *send, apr_pool_t *p,
                              flow_error_t *err)
{
    flow_media_e media = send->step->request_media;
    flow_error_t why = FLOW_ERROR_INIT;
    json_t *fields = NULL;
    flow_buf_t out;
    apr_status_t rv;

    if (flow_json_parse(&fields, send->body, send->body_len, &why) !=
        APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "form_invalid",
                              "the body's template does not make a JSON "
                              "object of the form's fields: %s",
                              why.message);
    }
    flow_json_own(p, fields);
    if (media == FLOW_MEDIA_FORM_DATA) {
        return flow_conn_http_multipart(fields, send->blobs, &send->body,
                                        &send->body_len, &send->content_type, p,
                                        err);
    }
    flow_buf_init(&out, BODY_TEXT_MAX);
    rv = flow_body_write(&out, media, fields, p, err);
    if (rv == APR_SUCCESS) {
        send->body = flow_buf_steal(&out, &send->body_len, p);
    }
    flow_buf_release(&out);
    return rv;
}

/* ---- templates that look at the request ---- */

typedef struct late_t {
    flow_template_env_t env;
    flow_template_request_t request;
    json_t *context; /* with hashOptions and hmacOptions */
} late_t;

static const json_t *encrypted_of(const http_send_t *send)
{
    return json_object_get(json_object_get(send->connection->doc, "http"),
                           "encrypted");
}

static void look_at(late_t *late, const http_send_t *send, const char *url,
                    const json_t *context, const apr_table_t *headers,
                    apr_pool_t *p)
{
    json_t *v;

    memset(late, 0, sizeof(*late));
    if (send->templates) {
        late->env = *send->templates;
    }
    late->request.method = send->step->method;
    late->request.url = url;
    late->request.body = send->body;
    late->request.body_len = send->body_len;
    late->request.encrypted = encrypted_of(send);
    late->request.headers =
        headers ? flow_json_own(p, flow_conn_http_headers_json(headers)) : NULL;
    late->env.request = &late->request;
    late->context = flow_json_own(p, flow_json_is(context, OBJECT)
                                         ? json_copy((json_t *)context)
                                         : json_object());
    v = flow_template_request_options(&late->request, 0, p);
    json_object_set_new(late->context, "hashOptions", v);
    v = flow_template_request_options(&late->request, 1, p);
    json_object_set_new(late->context, "hmacOptions", v);
}

/* A template of the address, or of the body when that is known. */
static apr_status_t render(const http_send_t *send, const flow_template_t *tpl,
                           const json_t *context, const char *url,
                           apr_size_t max, const char **ptext, apr_size_t *plen,
                           apr_pool_t *p, flow_error_t *err)
{
    late_t late;

    if (!flow_template_needs_request(tpl)) {
        return flow_template_text_with(tpl, context, send->templates, max,
                                       ptext, plen, p, err);
    }
    look_at(&late, send, url, context, NULL, p);
    return flow_template_text_with(tpl, late.context, &late.env, max, ptext,
                                   plen, p, err);
}

apr_status_t flow_conn_http_render_body(http_send_t *send, const char *url,
                                        apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv;

    if (!send->tpl || !send->tpl->tpl) {
        return APR_SUCCESS;
    }
    rv = render(send, send->tpl->tpl,
                send->body_context ? send->body_context : send->context, url,
                BODY_TEXT_MAX, &send->body, &send->body_len, p, err);
    if (rv == APR_SUCCESS && send->tpl->is_object) {
        rv = make_form(send, p, err);
    }
    return rv;
}

apr_status_t flow_conn_http_url_of(const http_send_t *send, const char **purl,
                                   apr_pool_t *p, flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    const flow_template_t *tpl = send->uri ? send->uri : send->step->uri;
    const char *base, *relative = send->url ? send->url : "";
    apr_size_t len;
    apr_status_t rv;

    rv = flow_template_text_with(conn->base, send->context, send->templates,
                                 URL_TEXT_MAX, &base, &len, p, err);
    if (rv == APR_SUCCESS && !send->url && tpl) {
        rv = render(send, tpl, send->context, base, URL_TEXT_MAX, &relative,
                    &len, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_join(purl, base, relative, p, err);
    }
    return rv;
}

/* ---- headers ---- */

static apr_status_t set_header(apr_table_t *out, const char *name,
                               const char *value, apr_size_t len,
                               flow_error_t *err)
{
    if (!flow_header_value_ok(value, len)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "header_invalid",
                              "the value of header '%s' would hold a control "
                              "character",
                              name);
    }
    if (len > 0) {
        apr_table_set(out, name, value);
    }
    return APR_SUCCESS;
}

/* Those that look at the request are left for later. */
static apr_status_t render_headers(apr_table_t *out,
                                   const http_headers_t *headers,
                                   const json_t *context,
                                   const flow_template_env_t *templates,
                                   apr_pool_t *p, flow_error_t *err)
{
    const char *value;
    apr_size_t len;
    apr_status_t rv;
    int i;

    for (i = 0; i < headers->n; ++i) {
        const http_header_t *h = &headers->all[i];

        if (flow_template_needs_request(h->value)) {
            continue;
        }
        rv = flow_template_text_with(h->value, context, templates,
                                     HEADER_TEXT_MAX, &value, &len, p, err);
        if (rv != APR_SUCCESS) {
            return flow_error_prefix(err, "header '%s'", h->name);
        }
        rv = set_header(out, h->name, value, len, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_render_headers(apr_table_t *out,
                                           const http_headers_t *headers,
                                           const json_t *context, apr_pool_t *p,
                                           flow_error_t *err)
{
    return render_headers(out, headers, context, NULL, p, err);
}

apr_status_t flow_conn_http_sign(const http_send_t *send,
                                 const http_headers_t *headers,
                                 http_outgoing_t *out, apr_pool_t *p,
                                 flow_error_t *err)
{
    const char *value;
    apr_size_t len;
    apr_status_t rv;
    late_t late;
    int i;

    for (i = 0; i < headers->n; ++i) {
        const http_header_t *h = &headers->all[i];

        if (!flow_template_needs_request(h->value)) {
            continue;
        }
        look_at(&late, send, out->url, send->context, out->headers, p);
        rv = flow_template_text_with(h->value, late.context, &late.env,
                                     HEADER_TEXT_MAX, &value, &len, p, err);
        if (rv != APR_SUCCESS) {
            return flow_error_prefix(err, "header '%s'", h->name);
        }
        rv = set_header(out->headers, h->name, value, len, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        /* good for this request only, and yet not for show */
        out->secret = value;
    }
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_sign_headers(const http_send_t *send,
                                         http_outgoing_t *out, apr_pool_t *p,
                                         flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    apr_status_t rv = flow_conn_http_sign(send, &conn->headers, out, p, err);

    return rv == APR_SUCCESS
               ? flow_conn_http_sign(send, &send->step->headers, out, p, err)
               : rv;
}

/* From the weakest to the strongest: defaults, the connection's, the step's.
 * Credentials come last, where no header of theirs is there yet. */
apr_status_t flow_conn_http_make_headers(const http_send_t *send,
                                         apr_table_t **pout, apr_pool_t *p,
                                         flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    apr_table_t *out = apr_table_make(p, 8);
    flow_media_e accept = send->step->success_media;
    apr_status_t rv;

    if (send->body) {
        apr_table_set(out, "Content-Type",
                      send->content_type
                          ? send->content_type
                          : flow_media_type(send->step->request_media));
    }
    apr_table_set(out, "Accept",
                  accept == FLOW_MEDIA_UNKNOWN ? "application/json, */*;q=0.5"
                                               : flow_media_type(accept));
    rv = render_headers(out, &conn->headers, send->context, send->templates, p,
                        err);
    if (rv == APR_SUCCESS) {
        rv = render_headers(out, &send->step->headers, send->context,
                            send->templates, p, err);
    }
    *pout = out;
    return rv;
}
