/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers that sign the request (aws4, hash, hmac): rendered last, when
 * everything that they look at is known.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include <string.h>

#define SIGNED_TEXT_MAX 16384

typedef struct signed_t {
    flow_template_env_t env;
    flow_template_request_t request;
    const json_t *context;
    http_outgoing_t *out;
    apr_pool_t *p;
} signed_t;

static int any_signed(const http_headers_t *headers)
{
    int i;

    for (i = 0; i < headers->n; ++i) {
        if (flow_template_needs_request(headers->all[i].value)) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t render(signed_t *s, const http_headers_t *headers,
                           flow_error_t *err)
{
    const char *value;
    apr_size_t len;
    apr_status_t rv;
    int i;

    for (i = 0; i < headers->n; ++i) {
        const http_header_t *h = &headers->all[i];

        if (!flow_template_needs_request(h->value)) {
            continue;
        }
        rv = flow_template_text_with(h->value, s->context, &s->env,
                                     SIGNED_TEXT_MAX, &value, &len, s->p, err);
        if (rv != APR_SUCCESS) {
            return flow_error_prefix(err, "header '%s'", h->name);
        }
        if (!flow_header_value_ok(value, len)) {
            return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL,
                                  "header_invalid",
                                  "the value of header '%s' would hold a "
                                  "control character",
                                  h->name);
        }
        apr_table_set(s->out->headers, h->name, value);
        /* a signature is good for this request only, and yet not for show */
        s->out->secret = value;
    }
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_sign_headers(const http_send_t *send,
                                         http_outgoing_t *out, apr_pool_t *p,
                                         flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    signed_t s = { .out = out, .p = p };
    json_t *context;
    apr_status_t rv;

    if (!any_signed(&conn->headers) && !any_signed(&send->step->headers)) {
        return APR_SUCCESS;
    }
    s.request.method = out->method;
    s.request.url = out->url;
    s.request.headers =
        flow_json_own(p, flow_conn_http_headers_json(out->headers));
    s.request.body = send->body;
    s.request.body_len = send->body_len;
    s.request.encrypted = json_object_get(
        json_object_get(send->connection->doc, "http"), "encrypted");
    s.env.request = &s.request;
    context = flow_json_own(p, flow_json_is(send->context, OBJECT)
                                   ? json_copy((json_t *)send->context)
                                   : json_object());
    json_object_set_new(context, "hashOptions",
                        flow_template_request_options(&s.request, 0, p));
    json_object_set_new(context, "hmacOptions",
                        flow_template_request_options(&s.request, 1, p));
    s.context = context;
    rv = render(&s, &conn->headers, err);
    return rv == APR_SUCCESS ? render(&s, &send->step->headers, err) : rv;
}
