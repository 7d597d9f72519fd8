/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "conn_http_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

/* ---- imports ---- */

static void records_are_delivered_one_by_one(void **state)
{
    static const route_t routes[] = {
        { "POST /api/x/1", 201, JSON, "{\"id\":71}" },
        { "POST /api/x/2", 422, JSON, "{\"m\":\"dup\"}" },
        { "POST /api/x/3", 503, JSON, "{\"m\":\"busy\"}" },
        { "POST /api/x/4", 200, JSON, "{\"ok\":false,\"m\":\"no\"}" },
        { "POST /api/x/5", 204, NULL, "" },
        { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x/{{record.n}}\nhttp.response.errorPath m\n"
            "http.response.failPath ok\nhttp.response.failValues false\n");
    assert_string_equal(conn_http_import(t, "[{\"n\":1},{\"n\":2},{\"n\":3},{\"n\":4},{\"n\":5,\"price\":19.90}]"),
        "[{\"statusCode\":200,\"errors\":[],\"id\":71,\"_json\":{\"id\":71}},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"422\",\"message\":\"dup\",\"source\":\"application\"}]},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"503\",\"message\":\"busy\",\"source\":\"application\"}]},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"fail_path\",\"message\":\"no\",\"source\":\"application\"}]},"
        "{\"statusCode\":200,\"errors\":[]}]");
    conn_http_sent(t, "{\"n\":5,\"price\":19.90}");
    conn_http_sent(t, "Content-Type: application/json\r\n");
}

static void records_are_delivered_in_batches(void **state)
{
    static const route_t routes[] = {
        { "PUT /api/x", 200, JSON, "{\"r\":[{\"k\":\"a\"},{\"k\":\"b\"}]}" }, { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, IMPORT "http.method PUT\nhttp.relativeURI /x\nhttp.batchSize 2\nhttp.response.resourcePath r\nhttp.response.resourceIdPath k\n");
    assert_string_equal(conn_http_import(t, "[{\"n\":1},{\"n\":2},{\"n\":3}]"),
        "[{\"statusCode\":200,\"errors\":[],\"id\":\"a\",\"_json\":{\"k\":\"a\"}},"
        "{\"statusCode\":200,\"errors\":[],\"id\":\"b\",\"_json\":{\"k\":\"b\"}},"
        "{\"statusCode\":200,\"errors\":[],\"_json\":{\"r\":[{\"k\":\"a\"},{\"k\":\"b\"}]}}]");
    conn_http_sent(t, "\r\n\r\n[{\"n\":3}]");
    assert_int_equal(loopback_requests(t->server), 2);
}

static void a_failed_request_is_kept_without_what_lets_somebody_in(void **state)
{
    static const route_t routes[] = {
        { "POST /api/x?api_key=k1&n=1&k%65y=k2", 422, "Set-Cookie: sid=c00kie\r\n", "no n=1" }, { NULL },
    };
    conn_http_fixture_t *t = *state;
    json_t *whole = NULL;
    const char *text;

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x?api_key=k1&n={{record.n}}&k%65y=k2\n"
            "http.headers [{\"name\":\"X-Auth-Token\",\"value\":\"t0ken\"},{\"name\":\"X-A\",\"value\":\"b\"}]\n");
    t->call.exchange = &whole;
    text = conn_http_import(t, "[{\"n\":1}]");
    t->call.exchange = NULL;
    assert_null(whole); /* it belongs to the record */
    assert_non_null(strstr(text, "\"_exchange\":{\"request\":{\"method\":\"POST\""));
    assert_non_null(strstr(text, "/api/x?api_key=******&n=1&"));
    assert_non_null(strstr(text, "\"X-Auth-Token\":\"******\""));
    assert_non_null(strstr(text, "\"X-A\":\"b\""));
    assert_non_null(strstr(text, "\"body\":\"{\\\"n\\\":1}\""));
    assert_non_null(strstr(text, "\"response\":{\"statusCode\":422"));
    assert_non_null(strstr(text, "\"body\":\"no n=1\""));
    assert_null(strstr(text, "k1"));
    assert_null(strstr(text, "t0ken"));
    assert_null(strstr(text, "c00kie"));
}

static void a_failed_batch_fails_each_of_its_records(void **state)
{
    static const route_t routes[] = { { "POST /api/x", 400, JSON, "no" }, { NULL } };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x\nhttp.batchSize 2\n");
    assert_string_equal(conn_http_import(t, "[1,2]"),
        "[{\"statusCode\":422,\"errors\":[{\"code\":\"400\",\"message\":\"no\",\"source\":\"application\"}]},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"400\",\"message\":\"no\",\"source\":\"application\"}]}]");
}

static void a_body_is_written_as_configured(void **state)
{
    static const route_t routes[] = { { "POST /api/x", 204, NULL, "" }, { NULL } };
    static const struct { const char *conf, *record, *body; } cases[] = {
        { "http.body {\"q\":\"{{record.q}}\",\"all\":{{{data.[0].n}}}}\n", "{\"q\":\"a\\\"b\",\"n\":7}", "\r\n\r\n{\"q\":\"a\\\"b\",\"all\":7}" },
        { "http.requestMediaType urlencoded\n", "{\"a\":\"x y\",\"b\":1}", "\r\n\r\na=x+y&b=1" },
        { "http.requestMediaType plaintext\nhttp.body <{{record.a}}>\n", "{\"a\":\"x y\"}", "\r\n\r\n<x y>" },
        { "http.requestMediaType xml\nhttp.body <a>{{record.a}}</a>\n", "{\"a\":\"x&y\"}", "\r\n\r\n<a>x&amp;y</a>" },
        { "http.ignoreEmptyNodes true\n", "{\"a\":\"\",\"b\":{\"c\":null,\"d\":[]},\"e\":[\"\",{\"f\":null}],\"g\":0,\"h\":false}",
          "\r\n\r\n{\"e\":[\"\",{}],\"g\":0,\"h\":false}" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, IMPORT "http.method POST\nhttp.relativeURI /x\n", cases[i].conf, NULL));
        assert_string_equal(conn_http_import(t, apr_pstrcat(t->f->p, "[", cases[i].record, "]", NULL)), "[{\"statusCode\":200,\"errors\":[]}]");
        conn_http_sent(t, cases[i].body);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void without_the_far_end_nothing_is_known(void **state)
{
    static const route_t routes[] = { { NULL } };
    conn_http_fixture_t *t = *state;
    const char *got;

    t->routes = routes;
    docs_fixture_conf(t->f, "t.conf", "<connection far>\ntype http\nhttp.baseURI http://127.0.0.1:1\n" IMPORT "http.method POST\n");
    docs_fixture_compile(t->f);
    assert_string_equal(docs_fixture_problems(t->f), "");
    got = conn_http_import(t, "[{\"n\":1},{\"n\":2}]");
    if (strncmp(got, "!connect_failed 5: connection 'far': ", 37) != 0) {
        fail_msg("%s", got);
    }
}

/* clang-format on */

/* ---- preview, ping, limits ---- */

static void a_preview_shows_the_request_and_sends_nothing(void **state)
{
    static const route_t routes[] = { { NULL } };
    conn_http_fixture_t *t = *state;
    const char *text;

    conn_http_compile(
        t, routes,
        "http.auth.type token\nhttp.auth.token.token se/cret\n"
        "http.auth.token.location header\n" EXPORT
        "http.method POST\nhttp.relativeURI /x/{{record.n}}\nhttp.body "
        "b\n");
    t->call.dry_run = 1;
    t->call.stages = flow_json_own(t->f->p, json_array());
    assert_string_equal(conn_http_export(t, "{\"n\":5}"), "[]");
    assert_int_equal(loopback_requests(t->server), 0);
    text = flow_json_text(t->call.stages, NULL, t->f->p);
    assert_non_null(strstr(text, "\"name\":\"request\""));
    assert_non_null(strstr(text, "/api/x/5\""));
    assert_non_null(strstr(text, "\"Authorization\":\"******\""));
    assert_non_null(strstr(text, "\"body\":\"b\""));
    assert_null(strstr(text, "cret"));
}

static void a_ping_tells_whether_credentials_are_taken(void **state)
{
    static const route_t routes[] = { { "GET /api/me", 200, JSON,
                                        "{\"ok\":\"no\",\"why\":\"expired\"}" },
                                      { NULL } };
    conn_http_fixture_t *t = *state;
    const flow_connection_t *conn;
    flow_error_t err = FLOW_ERROR_INIT;

    conn_http_compile(
        t, routes,
        "http.ping.relativeURI /me\nhttp.ping.successPath "
        "ok\nhttp.ping.successValues yes\nhttp.ping.errorPath why\n");
    conn = apr_hash_get(t->f->model->connections, "far", APR_HASH_KEY_STRING);
    assert_int_not_equal(conn->connector->ping(conn, &t->call, t->f->p, &err),
                         APR_SUCCESS);
    assert_string_equal(err.code, "success_path");
    assert_string_equal(err.message, "expired");
}

static void a_stopping_process_sends_nothing_more(void **state)
{
    static const route_t routes[] = { { NULL } };
    volatile apr_uint32_t stopping = 1;
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, EXPORT "http.relativeURI /x\n");
    t->call.stopping = &stopping;
    assert_string_equal(conn_http_export(t, NULL),
                        "!stopping 5: connection 'far': the server is "
                        "stopping");
    t->call.stopping = NULL;
}

typedef struct waiter_t {
    http_gate_t *gate;
    apr_status_t rv;
} waiter_t;

static void *APR_THREAD_FUNC wait_at_gate(apr_thread_t *thread, void *baton)
{
    waiter_t *w = baton;
    flow_call_t call = { NULL };
    flow_error_t err = FLOW_ERROR_INIT;
    int place;

    (void)thread;
    call.deadline = apr_time_now() + apr_time_from_sec(5);
    w->rv = flow_conn_http_gate_enter(w->gate, &call, &place, &err);
    return NULL;
}

static void who_waits_at_the_gate_comes_in_when_one_leaves(void **state)
{
    conn_http_fixture_t *t = *state;
    waiter_t w = { flow_conn_http_gate_create(1, t->f->p), APR_EGENERAL };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_call_t call = { NULL };
    apr_thread_t *thread;
    apr_status_t rv;
    int place;

    call.deadline = apr_time_now() + apr_time_from_sec(1);
    flow_conn_http_gate_enter(w.gate, &call, &place, &err);
    assert_int_equal(
        apr_thread_create(&thread, NULL, wait_at_gate, &w, t->f->p), 0);
    apr_sleep(apr_time_from_msec(2));
    flow_conn_http_gate_leave(w.gate, place);
    apr_thread_join(&rv, thread);
    assert_int_equal(w.rv, APR_SUCCESS);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_are_delivered_one_by_one),
        TEST(records_are_delivered_in_batches),
        TEST(a_failed_request_is_kept_without_what_lets_somebody_in),
        TEST(a_failed_batch_fails_each_of_its_records),
        TEST(a_body_is_written_as_configured),
        TEST(without_the_far_end_nothing_is_known),
        TEST(a_preview_shows_the_request_and_sends_nothing),
        TEST(a_ping_tells_whether_credentials_are_taken),
        TEST(a_stopping_process_sends_nothing_more),
        TEST(who_waits_at_the_gate_comes_in_when_one_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
