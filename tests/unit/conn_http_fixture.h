/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONN_HTTP_FIXTURE_H
#define CONN_HTTP_FIXTURE_H

#include "connectors/flow_conn_http.h"
#include "docs_fixture.h"
#include "loopback.h"

/** A far end on the loopback and a connection `far` to it. */
typedef struct route_t {
    const char *request; /* "GET /x", the whole path and query */
    int status;
    const char *headers, *body; /* headers with \r\n at their ends */
} route_t;

typedef struct conn_http_fixture_t {
    docs_fixture_t *f;
    loopback_t *server;
    flow_http_client_t *client;
    const route_t *routes; /* ends with request NULL */
    flow_call_t call;
    char text[8192];
    flow_error_t err;
} conn_http_fixture_t;

int conn_http_setup(void **state);
int conn_http_teardown(void **state);

json_t *conn_http_parse(conn_http_fixture_t *t, const char *text);
/** A connection to the server and what @a conf adds to it, compiled. */
void conn_http_compile(conn_http_fixture_t *t, const route_t *routes,
                       const char *conf);
/** All records of export `e` as text, one array a page; stops at an error,
 * which then stands at the end as "!code kind: message". */
const char *conn_http_export(conn_http_fixture_t *t, const char *input);
/** The answers of import `i` as text, without _headers and ignored. */
const char *conn_http_import(conn_http_fixture_t *t, const char *records);
/** The test fails unless the last request holds @a what. */
void conn_http_sent(conn_http_fixture_t *t, const char *what);

#define EXPORT "<export e>\n_connectionId far\n"
#define IMPORT "<import i>\n_connectionId far\n"
#define JSON   "Content-Type: application/json\r\n"

#endif
