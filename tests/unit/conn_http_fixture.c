/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "conn_http_fixture.h"

#include <apr_strings.h>

static int answer(loopback_t *server, int fd, const char *request, void *baton)
{
    conn_http_fixture_t *t = baton;
    const route_t *r;
    char head[1024];
    int n;

    (void)server;
    for (r = t->routes; r->request; ++r) {
        size_t len = strlen(r->request);

        if (strncmp(request, r->request, len) == 0 && request[len] == ' ' &&
            (!r->has || strstr(request, r->has)) &&
            __atomic_fetch_add(&t->used[r - t->routes], 1, __ATOMIC_SEQ_CST) <
                (r->times ? r->times : 1000000)) {
            break;
        }
    }
    n = snprintf(
        head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n",
        r->request ? r->status : 599, r->request ? (int)strlen(r->body) : 8,
        r->request && r->headers ? r->headers : "");
    loopback_write(fd, head, (size_t)n);
    loopback_write(fd, r->request ? r->body : "no route",
                   r->request ? strlen(r->body) : 8);
    return 1;
}

int conn_http_setup(void **state)
{
    static conn_http_fixture_t t;
    flow_error_t err = FLOW_ERROR_INIT;

    memset(&t, 0, sizeof(t));
    flow_conn_http_backoff_base = 1000;
    t.f = docs_fixture_begin();
    assert_int_equal(flow_http_global_init(), APR_SUCCESS);
    assert_int_equal(flow_http_client_create(&t.client, NULL, t.f->p, &err),
                     APR_SUCCESS);
    t.server = loopback_start(answer, &t);
    t.call.http = t.client;
    t.call.deadline = apr_time_now() + apr_time_from_sec(5);
    *state = &t;
    return 0;
}

int conn_http_teardown(void **state)
{
    conn_http_fixture_t *t = *state;

    loopback_stop(t->server);
    docs_fixture_end(t->f);
    return 0;
}

json_t *conn_http_parse(conn_http_fixture_t *t, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(t->f->p, v);
}

void conn_http_compile(conn_http_fixture_t *t, const route_t *routes,
                       const char *conf)
{
    t->routes = routes;
    docs_fixture_conf(t->f, "t.conf",
                      apr_psprintf(t->f->p,
                                   "<connection far>\ntype http\n"
                                   "http.baseURI http://127.0.0.1:%d/api/\n%s",
                                   loopback_port(t->server), conf));
    docs_fixture_compile(t->f);
    assert_string_equal(docs_fixture_problems(t->f), "");
}

static const flow_export_t *export_named(conn_http_fixture_t *t, const char *id)
{
    return apr_hash_get(t->f->model->exports, id, APR_HASH_KEY_STRING);
}

const char *conn_http_export(conn_http_fixture_t *t, const char *input)
{
    const flow_export_t *exp = export_named(t, "e");
    apr_pool_t *p = t->f->p;
    const json_t *in = input ? conn_http_parse(t, input) : NULL;
    json_t *cursor = NULL;
    const char *out = "";
    flow_page_t page;
    int n;

    flow_error_clear(&t->err);
    for (n = 0; n < 20; ++n) {
        page.records = page.cursor = NULL;
        if (exp->connector->export_page(exp, &t->call, in, cursor, &page, p,
                                        &t->err) != APR_SUCCESS) {
            json_decref(cursor);
            return apr_psprintf(p, "%s!%s %d: %s", out, t->err.code,
                                t->err.kind, t->err.message);
        }
        json_decref(cursor);
        out = apr_pstrcat(p, out, flow_json_text(page.records, NULL, p), NULL);
        json_decref(page.records);
        json_decref(page.errors);
        cursor = page.cursor;
        if (!cursor) {
            return out;
        }
        /* Another process may go on from the text of the cursor. */
        cursor = conn_http_parse(t, flow_json_text(page.cursor, NULL, p));
        json_incref(cursor);
        json_decref(page.cursor);
    }
    json_decref(cursor);
    return apr_pstrcat(p, out, "...", NULL);
}

const char *conn_http_import(conn_http_fixture_t *t, const char *records)
{
    return conn_http_import_mapped(t, records, records);
}

const char *conn_http_import_mapped(conn_http_fixture_t *t,
                                    const char *original, const char *records)
{
    const flow_import_t *imp =
        apr_hash_get(t->f->model->imports, "i", APR_HASH_KEY_STRING);
    const json_t *list = conn_http_parse(t, records);
    const json_t *originals = conn_http_parse(t, original);
    json_t *responses = NULL;
    const char *out;

    flow_error_clear(&t->err);
    if (imp->connector->import_records(imp, &t->call, list, originals,
                                       &responses, t->f->p,
                                       &t->err) != APR_SUCCESS) {
        return apr_psprintf(t->f->p, "!%s %d: %s", t->err.code, t->err.kind,
                            t->err.message);
    }
    assert_int_equal(json_array_size(responses), json_array_size(list));
    for (size_t i = 0; i < json_array_size(responses); ++i) {
        json_object_del(json_array_get(responses, i), "_headers");
        if (!json_is_true(
                json_object_get(json_array_get(responses, i), "ignored"))) {
            json_object_del(json_array_get(responses, i), "ignored");
        }
    }
    out = flow_json_text(responses, NULL, t->f->p);
    json_decref(responses);
    return out;
}

void conn_http_sent(conn_http_fixture_t *t, const char *what)
{
    loopback_last(t->server, t->text, sizeof(t->text));
    if (!strstr(t->text, what)) {
        fail_msg("not sent: %s\n%s", what, t->text);
    }
}
