/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a request and sending it.
 */
#include "connectors/flow_conn_http.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#define URL_TEXT_MAX    16384
#define HEADER_TEXT_MAX 16384
#define BODY_TEXT_MAX   (50 * 1024 * 1024)
#define STAGE_TEXT_MAX  65536

json_t *flow_conn_http_context(const flow_call_t *call, apr_pool_t *p)
{
    json_t *copy = flow_json_is(call->context, OBJECT)
                       ? json_copy((json_t *)call->context)
                       : json_object();

    return flow_json_own(p, copy);
}

apr_status_t flow_conn_http_body(const flow_template_t *tpl,
                                 const json_t *context, const char **pbody,
                                 apr_size_t *plen, apr_pool_t *p,
                                 flow_error_t *err)
{
    *pbody = NULL;
    *plen = 0;
    return tpl ? flow_template_text(tpl, context, BODY_TEXT_MAX, pbody, plen, p,
                                    err)
               : APR_SUCCESS;
}

apr_status_t flow_conn_http_url_of(const http_send_t *send, const char **purl,
                                   apr_pool_t *p, flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    const flow_template_t *tpl = send->uri ? send->uri : send->step->uri;
    const char *base, *relative = send->url ? send->url : "";
    apr_size_t len;
    apr_status_t rv;

    rv = flow_template_text(conn->base, send->context, URL_TEXT_MAX, &base,
                            &len, p, err);
    if (rv == APR_SUCCESS && !send->url && tpl) {
        rv = flow_template_text(tpl, send->context, URL_TEXT_MAX, &relative,
                                &len, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_join(purl, base, relative, p, err);
    }
    /* A next link may carry the token already. */
    if (rv == APR_SUCCESS && conn->auth_query &&
        !strstr(*purl, conn->auth_query)) {
        *purl = flow_conn_http_add_query(*purl, conn->auth_query, p);
    }
    return rv;
}

/* ---- headers ---- */

static apr_status_t render_headers(apr_table_t *out,
                                   const http_headers_t *headers,
                                   const json_t *context, apr_pool_t *p,
                                   flow_error_t *err)
{
    const char *value;
    apr_size_t len;
    apr_status_t rv;
    int i;

    for (i = 0; i < headers->n; ++i) {
        const http_header_t *h = &headers->all[i];

        rv = flow_template_text(h->value, context, HEADER_TEXT_MAX, &value,
                                &len, p, err);
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
        if (len > 0) {
            apr_table_set(out, h->name, value);
        }
    }
    return APR_SUCCESS;
}

/* From the weakest to the strongest: defaults, credentials, the connection's,
 * the step's. */
static apr_status_t make_headers(const http_send_t *send, apr_table_t **pout,
                                 apr_pool_t *p, flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    apr_table_t *out = apr_table_make(p, 8);
    flow_media_e accept = send->step->success_media;
    apr_status_t rv;

    if (send->body) {
        apr_table_set(out, "Content-Type",
                      flow_media_type(send->step->request_media));
    }
    apr_table_set(out, "Accept",
                  accept == FLOW_MEDIA_UNKNOWN ? "application/json, */*;q=0.5"
                                               : flow_media_type(accept));
    if (conn->auth_header) {
        apr_table_set(out, conn->auth_header, conn->auth_value);
    }
    rv = render_headers(out, &conn->headers, send->context, p, err);
    if (rv == APR_SUCCESS) {
        rv = render_headers(out, &send->step->headers, send->context, p, err);
    }
    *pout = out;
    return rv;
}

/* ---- stages: what a preview shows ---- */

static json_t *masked(const char *text, apr_size_t len, const json_t *secrets,
                      apr_pool_t *p)
{
    apr_size_t n;

    text = apr_pstrmemdup(p, text, len > STAGE_TEXT_MAX ? STAGE_TEXT_MAX : len);
    text = flow_secret_mask(text, secrets, p);
    text = flow_utf8_repair(text, strlen(text), &n, p);
    return flow_json_string_new(text, n);
}

static void add_stage(const flow_call_t *call, const char *name, json_t *data)
{
    json_t *stage = json_object(), *list = json_array();

    json_array_append_new(list, data);
    json_object_set_new(stage, "name",
                        flow_json_string_new(name, strlen(name)));
    json_object_set_new(stage, "errors", json_array());
    json_object_set_new(stage, "data", list);
    json_array_append_new(call->stages, stage);
}

static json_t *stage_headers(const apr_table_t *headers, const json_t *secrets,
                             apr_pool_t *p)
{
    const apr_array_header_t *list = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)list->elts;
    json_t *out = json_object();
    int i;

    for (i = 0; i < list->nelts; ++i) {
        if (flow_utf8_is_valid(e[i].key, strlen(e[i].key))) {
            json_object_set_new(out, e[i].key,
                                masked(e[i].val, strlen(e[i].val), secrets, p));
        }
    }
    return out;
}

static void request_stage(const http_send_t *send, const flow_call_t *call,
                          const flow_http_request_t *req, apr_pool_t *p)
{
    const json_t *secrets = send->connection->secrets;
    json_t *data = json_object();

    json_object_set_new(data, "method",
                        flow_json_string_new(req->method, strlen(req->method)));
    json_object_set_new(data, "url",
                        masked(req->url, strlen(req->url), secrets, p));
    json_object_set_new(data, "headers",
                        stage_headers(req->headers, secrets, p));
    if (req->body) {
        json_object_set_new(data, "body",
                            masked(req->body, req->body_len, secrets, p));
    }
    add_stage(call, "request", data);
}

static void response_stage(const http_send_t *send, const flow_call_t *call,
                           const http_answer_t *answer, apr_pool_t *p)
{
    const json_t *secrets = send->connection->secrets;
    json_t *data = json_object();

    json_object_set_new(data, "statusCode", json_integer(answer->status));
    json_object_set_new(data, "headers",
                        stage_headers(answer->headers, secrets, p));
    json_object_set_new(data, "body",
                        masked(answer->body, answer->body_len, secrets, p));
    add_stage(call, "response", data);
}

/* ---- sending ---- */

static apr_status_t perform(const http_send_t *send, const flow_call_t *call,
                            const flow_http_request_t *req,
                            http_answer_t *answer, apr_pool_t *p,
                            flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    flow_http_response_t resp;
    apr_status_t rv;

    if (call->stopping && *call->stopping) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the server is stopping");
    }
    rv = flow_conn_http_gate_enter(conn->gate, call, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_http_perform(call->http, req, &resp, p, err);
    flow_conn_http_gate_leave(conn->gate);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    answer->status = resp.status;
    answer->headers = resp.headers;
    answer->body = resp.body;
    answer->body_len = resp.body_len;
    answer->url = resp.url ? resp.url : req->url;
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_send(const http_send_t *send,
                                 const flow_call_t *call, http_answer_t *answer,
                                 apr_pool_t *p, flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    flow_http_request_t req = { send->connection->id, send->step->method };
    apr_table_t *headers = NULL;
    apr_status_t rv;

    memset(answer, 0, sizeof(*answer));
    answer->status = 200;
    answer->headers = apr_table_make(p, 1);
    answer->body = "";
    rv = flow_conn_http_url_of(send, &req.url, p, err);
    if (rv == APR_SUCCESS) {
        rv = make_headers(send, &headers, p, err);
    }
    if (rv == APR_SUCCESS) {
        answer->url = req.url;
        req.trusted_host = conn->trusted_host;
        req.headers = headers;
        req.body = send->body;
        req.body_len = send->body_len;
        req.deadline = call->deadline;
        req.insecure = conn->insecure;
        if (call->stages) {
            request_stage(send, call, &req, p);
        }
        if (call->dry_run) {
            return APR_SUCCESS;
        }
        rv = perform(send, call, &req, answer, p, err);
    }
    if (rv == APR_SUCCESS && call->stages) {
        response_stage(send, call, answer, p);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_parse(answer, send->step, p, err);
    }
    if (rv != APR_SUCCESS) {
        flow_error_prefix(err, "connection '%s'", send->connection->id);
    }
    return rv;
}
