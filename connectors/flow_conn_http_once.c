/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exports of type once: one request per record says that it has been dealt
 * with.
 */
#include "connectors/flow_conn_http.h"

#include <string.h>

void flow_conn_http_compile_once(flow_compile_t *c, http_export_t *x)
{
    const char *type = flow_compile_string(c, "type");
    int is_once = type && strcmp(type, "once") == 0;
    int has_once = flow_compile_get(c, "http.once") != NULL;

    if (is_once != has_once) {
        flow_compile_problem(
            c, "http.once", "%s",
            has_once ? "only for exports of type 'once'"
                     : "an export of type 'once' needs it: the request that "
                       "marks a record, such as {\"method\": \"PUT\", "
                       "\"relativeURI\": \"/orders/{{record.id}}/done\"}");
        return;
    }
    if (!has_once) {
        return;
    }
    x->once = x->step;
    x->once.method = flow_compile_string(c, "http.once.method");
    x->once.uri =
        flow_compile_template(c, "http.once.relativeURI", FLOW_ESCAPE_URI);
    x->once.body = flow_conn_http_compile_body(
        c, "http.once.body", flow_compile_string(c, "http.once.body"),
        x->once.request_media);
}

apr_status_t flow_conn_http_export_mark(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *record, apr_pool_t *p,
                                        flow_error_t *err)
{
    const http_export_t *x = exp->data;
    http_send_t send = { exp->connection, &x->once };
    json_t *context = flow_conn_http_context(call, p);
    json_t *list = json_array();
    http_answer_t answer;
    apr_status_t rv;

    json_array_append(list, (json_t *)record);
    json_object_set_new(context, "data", list);
    json_object_set(context, "record", (json_t *)record);
    send.context = context;
    send.tpl = &x->once.body;
    rv = flow_conn_http_send(&send, call, &answer, p, err);
    if (rv == APR_SUCCESS && !call->dry_run) {
        rv = flow_conn_http_judge(&answer, &x->once.verdict, exp->connection, p,
                                  err);
    }
    return rv;
}
