/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages: what a preview shows of a request and its answer, without secrets.
 */
#include "connectors/flow_conn_http_auth.h"

#include <string.h>

#define STAGE_TEXT_MAX 65536

static json_t *masked(const char *text, apr_size_t len, const json_t *secrets,
                      apr_pool_t *p)
{
    apr_size_t n;

    text = flow_secret_mask_cut(text, len, STAGE_TEXT_MAX, secrets, &n, p);
    text = flow_utf8_repair(text, n, &n, p);
    return flow_json_string_new(text, n);
}

/* A body, and how long it is when it is not all there. */
static void add_body(json_t *data, const char *body, apr_size_t len,
                     const json_t *secrets, apr_pool_t *p)
{
    json_object_set_new(data, "body", masked(body, len, secrets, p));
    if (len > STAGE_TEXT_MAX) {
        json_object_set_new(data, "bodyBytes", json_integer((json_int_t)len));
    }
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

void flow_conn_http_request_stage(const flow_call_t *call,
                                  const flow_connection_t *connection,
                                  const flow_http_request_t *req,
                                  const char *secret, apr_pool_t *p)
{
    json_t *secrets = flow_json_own(
        p, json_copy((json_t *)flow_conn_http_secrets(connection, p)));
    json_t *data = json_object();

    if (secret) {
        json_array_append_new(secrets,
                              flow_json_string_new(secret, strlen(secret)));
    }
    json_object_set_new(data, "method",
                        flow_json_string_new(req->method, strlen(req->method)));
    json_object_set_new(data, "url",
                        masked(req->url, strlen(req->url), secrets, p));
    json_object_set_new(data, "headers",
                        stage_headers(req->headers, secrets, p));
    if (req->body) {
        add_body(data, req->body, req->body_len, secrets, p);
    }
    add_stage(call, "request", data);
}

void flow_conn_http_response_stage(const flow_call_t *call,
                                   const flow_connection_t *connection,
                                   const http_answer_t *answer, apr_pool_t *p)
{
    const json_t *secrets = flow_conn_http_secrets(connection, p);
    json_t *data = json_object();

    json_object_set_new(data, "statusCode", json_integer(answer->status));
    json_object_set_new(data, "headers",
                        stage_headers(answer->headers, secrets, p));
    add_body(data, answer->body, answer->body_len, secrets, p);
    add_stage(call, "response", data);
}
