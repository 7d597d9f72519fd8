/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http connector: what it can do, and the ping.
 */
#include "connectors/flow_conn_http.h"

static apr_status_t ping(const flow_connection_t *connection,
                         const flow_call_t *call, apr_pool_t *p,
                         flow_error_t *err)
{
    const http_connection_t *conn = connection->data;
    http_send_t send = { connection, &conn->ping };
    http_answer_t answer;
    apr_status_t rv;

    send.context = flow_conn_http_context(call, p);
    send.tpl = &conn->ping.body;
    rv = flow_conn_http_send(&send, call, &answer, p, err);
    if (rv == APR_SUCCESS && !call->dry_run) {
        rv = flow_conn_http_judge(&answer, &conn->ping.verdict, connection, p,
                                  err);
    }
    return rv;
}

const flow_connector_t flow_connector_http = {
    .name = "http",
    .export_adaptor = "HTTPExport",
    .import_adaptor = "HTTPImport",
    .connection_fields = flow_conn_http_connection_fields,
    .export_fields = flow_conn_http_export_fields,
    .import_fields = flow_conn_http_import_fields,
    .compile_connection = flow_conn_http_compile_connection,
    .compile_export = flow_conn_http_compile_export,
    .compile_import = flow_conn_http_compile_import,
    .export_page = flow_conn_http_export_page,
    .import_records = flow_conn_http_import_records,
    .ping = ping,
    .revoke = flow_conn_http_revoke,
    .compile_lookup = flow_conn_http_compile_lookup,
    .lookup = flow_conn_http_ask,
    .is_update = flow_conn_http_is_update,
    .export_mark = flow_conn_http_export_mark,
};
