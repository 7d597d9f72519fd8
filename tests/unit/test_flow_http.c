/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "http_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ONLY_MS  40 /* for calls that are to run out of time */

static void an_answer_is_returned_whatever_its_status(void **state)
{
    /* clang-format off */
    static const struct {
        const char *method, *path; int status; const char *body;
    } cases[] = {
        { "GET",    "/ok",         200, "ok"   },
        { NULL,     "/ok",         200, "ok"   },
        { "POST",   "/ok",         200, "ok"   },
        { "DELETE", "/empty",      204, ""     },
        { "PATCH",  "/absent",     404, "none" },
        { "GET",    "/broken",     500, ""     },
        { "GET",    "/chunked",    200, "abcde" },
        { "GET",    "/close",      200, "until the end" },
        { "HEAD",   "/head",       200, ""     },
        { "GET",    "/to-nowhere", 302, ""     },
        { "POST",   "/to-ok",      302, "gone" },
    };
    /* clang-format on */
    http_fixture_t *f = *state;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_http_request_t req =
            http_fixture_request(f, cases[i].method, cases[i].path);
        flow_http_response_t resp = http_fixture_perform(f, &req);

        assert_int_equal(resp.status, cases[i].status);
        assert_string_equal(resp.body, cases[i].body);
        assert_int_equal(resp.body_len, strlen(cases[i].body));
        assert_string_equal(resp.url, req.url);
    }
}

static int count_values(const apr_table_t *table, const char *name)
{
    const apr_array_header_t *entries = apr_table_elts(table);
    int i, count = 0;

    for (i = 0; i < entries->nelts; ++i) {
        count +=
            !strcasecmp(APR_ARRAY_IDX(entries, i, apr_table_entry_t).key, name);
    }
    return count;
}

static void headers_are_those_of_the_last_answer(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "GET", "/ok");
    flow_http_response_t resp = http_fixture_perform(f, &req);

    assert_int_equal(count_values(resp.headers, "X-A"), 2);
    assert_string_equal(apr_table_get(resp.headers, "x-A"), "1");

    req = http_fixture_request(f, "GET", "/early");
    resp = http_fixture_perform(f, &req);
    assert_null(apr_table_get(resp.headers, "X-Early"));
    assert_string_equal(apr_table_get(resp.headers, "X-Late"), "1");

    req = http_fixture_request(f, "GET", "/chunked");
    resp = http_fixture_perform(f, &req);
    assert_null(apr_table_get(resp.headers, "X-Trailer"));
}

static int was_sent(loopback_t *server, const char *text)
{
    char last[4096];

    loopback_last(server, last, sizeof(last));
    return strcasestr(last, text) != NULL;
}

static void a_request_carries_what_it_was_given_and_no_more(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "POST", "/ok");
    apr_table_t *headers = apr_table_make(f->p, 4);

    req.headers = headers;
    req.body = "a\nb";
    req.body_len = 3;
    apr_table_add(headers, "X-One", "1");
    apr_table_add(headers, "X-One", "2");
    apr_table_add(headers, "X-None", "");
    apr_table_add(headers, "Content-Length", "99");
    apr_table_add(headers, "Transfer-Encoding", "chunked");
    apr_table_add(headers, "Connection", "X-One");
    http_fixture_perform(f, &req);

    assert_true(was_sent(f->a, "POST /ok?key=secret HTTP/1.1\r\n"));
    assert_true(was_sent(f->a, "\r\nX-One: 1\r\n"));
    assert_true(was_sent(f->a, "\r\nX-One: 2\r\n"));
    assert_true(was_sent(f->a, "\r\nX-None:\r\n"));
    assert_true(was_sent(f->a, "\r\nContent-Length: 3\r\n"));
    assert_true(was_sent(f->a, "\r\nUser-Agent: mod_flow\r\n"));
    assert_true(was_sent(f->a, "\r\n\r\na\nb"));
    assert_false(was_sent(f->a, "Content-Length: 99"));
    assert_false(was_sent(f->a, "Transfer-Encoding"));
    assert_false(was_sent(f->a, "Connection:"));
    assert_false(was_sent(f->a, "Expect:"));
    assert_false(was_sent(f->a, "Content-Type"));

    req = http_fixture_request(f, "PUT", "/ok");
    http_fixture_perform(f, &req);
    assert_true(was_sent(f->a, "\r\nContent-Length: 0\r\n"));
    req = http_fixture_request(f, "DELETE", "/ok");
    http_fixture_perform(f, &req);
    assert_false(was_sent(f->a, "Content-Length"));
}

static void what_would_inject_a_header_is_refused(void **state)
{
    /* clang-format off */
    static const struct { const char *name, *value; } cases[] = {
        { "X-A",        "a\r\nX-B: secret" },
        { "X-A",        "a\nX-B: secret"   },
        { "X-A",        "secret\x7f"       },
        { "X-A",        "a\x01"            },
        { "X-A\r\nX-B", "secret"           },
        { "X-A: b",     "secret"           },
        { "X A",        "secret"           },
        { "",           "secret"           },
        { "X-\xc3\xa9", "secret"           },
    };
    static const char *const methods[] = { "", "GET /x HTTP/1.1\r\nX: ", "G T",
                                           "CONNECT" };
    /* clang-format on */
    http_fixture_t *f = *state;
    int before = loopback_requests(f->a);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_http_request_t req = http_fixture_request(f, "GET", "/ok");
        apr_table_t *headers = apr_table_make(f->p, 1);

        apr_table_add(headers, cases[i].name, cases[i].value);
        req.headers = headers;
        http_fixture_expect_failure(f, &req, FLOW_E_INPUT, APR_EINVAL,
                                    "header_invalid");
    }
    for (i = 0; i < COUNT(methods); ++i) {
        flow_http_request_t req = http_fixture_request(f, methods[i], "/ok");

        http_fixture_expect_failure(f, &req, FLOW_E_INPUT, APR_EINVAL,
                                    "method_invalid");
    }
    assert_int_equal(loopback_requests(f->a), before);
}

static void a_connection_is_kept_for_its_document(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "GET", "/ok");
    int before = loopback_connections(f->a), i;

    req.affinity = "kept";
    for (i = 0; i < 5; ++i) {
        http_fixture_perform(f, &req);
    }
    assert_int_equal(loopback_connections(f->a), before + 1);
    req.affinity = "other";
    http_fixture_perform(f, &req);
    assert_int_equal(loopback_connections(f->a), before + 2);
    req.affinity = "kept";
    http_fixture_perform(f, &req);
    assert_int_equal(loopback_connections(f->a), before + 2);

    /* what trust has opened is not there for those without */
    req.trusted_host = NULL;
    http_fixture_expect_failure(f, &req, FLOW_E_CONFIG, APR_EACCES,
                                "egress_refused");
    assert_int_equal(loopback_connections(f->a), before + 2);
}

static void only_what_may_be_repeated_is_repeated(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "GET", "/once");
    int before = loopback_requests(f->a);

    req.affinity = "once";
    http_fixture_perform(f, &req);
    /* closed by the server when the second request comes */
    req.url = http_fixture_request(f, "GET", "/drop").url;
    req.method = "POST";
    req.body = "x";
    req.body_len = 1;
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_ECONNRESET,
                                "connection_lost");
    assert_int_equal(loopback_requests(f->a), before + 2);

    req = http_fixture_request(f, "GET", "/once");
    req.affinity = "once";
    http_fixture_perform(f, &req);
    before = loopback_requests(f->a);
    req.url = http_fixture_request(f, "GET", "/drop").url;
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_ECONNRESET,
                                "connection_lost");
    assert_int_equal(loopback_requests(f->a), before + 2);
}

static void get_follows_five_redirects(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "GET", "/to-4");
    flow_http_response_t resp = http_fixture_perform(f, &req);
    int before;

    assert_int_equal(resp.status, 200);
    assert_string_equal(resp.body, "ok");
    assert_string_equal(resp.url, apr_psprintf(f->p, "http://127.0.0.1:%d/ok",
                                               loopback_port(f->a)));

    req = http_fixture_request(f, "HEAD", "/to-self");
    before = loopback_requests(f->a);
    resp = http_fixture_perform(f, &req);
    assert_int_equal(resp.status, 302);
    assert_int_equal(loopback_requests(f->a), before + 6);

    req = http_fixture_request(f, "GET", "/to-file");
    http_fixture_expect_failure(f, &req, FLOW_E_REFUSED, APR_EINVAL,
                                "redirect_invalid");

    /* an answer that ends within its headers is none */
    req = http_fixture_request(f, "GET", "/half-head");
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_ECONNRESET,
                                "connection_lost");

    /* the hop that fails is another one than the hop that was sent */
    req = http_fixture_request(f, "GET", "/to-dead");
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "connect_failed");
}

static void secrets_do_not_follow_to_another_port(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "GET", "/to-ok");
    apr_table_t *headers = apr_table_make(f->p, 4);

    req.headers = headers;
    apr_table_add(headers, "authorization", "Bearer secret");
    apr_table_add(headers, "Cookie", "a=secret");
    apr_table_add(headers, "X-Api-Key", "secret");
    apr_table_add(headers, "accept", "text/x-mine");
    http_fixture_perform(f, &req);
    assert_true(was_sent(f->a, "GET /ok "));
    assert_true(was_sent(f->a, "authorization: Bearer secret"));
    assert_true(was_sent(f->a, "X-Api-Key"));

    req.url = http_fixture_request(f, "GET", "/to-b").url;
    assert_int_equal(http_fixture_perform(f, &req).status, 200);
    assert_true(was_sent(f->b, "GET /ok?secret "));
    assert_true(was_sent(f->b, "accept: text/x-mine"));
    assert_false(was_sent(f->b, "authorization"));
    assert_false(was_sent(f->b, "Cookie"));
    assert_false(was_sent(f->b, "X-Api-Key"));
}

static void an_answer_that_is_too_large_is_cut_off(void **state)
{
    static const char *const paths[] = { "/big", "/endless", "/bomb",
                                         "/headers" };
    http_fixture_t *f = *state;
    flow_http_request_t req;
    size_t i;

    for (i = 0; i < COUNT(paths); ++i) {
        req = http_fixture_request(f, "GET", paths[i]);
        http_fixture_expect_failure(f, &req, FLOW_E_REFUSED, APR_ENOSPC,
                                    "response_too_large");
    }
    req = http_fixture_request(f, "GET", "/big");
    req.max_response = 4000;
    assert_int_equal(http_fixture_perform(f, &req).body_len, 4000);
    req.max_response = 0; /* the default */
    assert_int_equal(http_fixture_perform(f, &req).body_len, 4000);
}

static void a_compressed_answer_is_read_as_it_was_meant(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "GET", "/gzip");
    flow_http_response_t resp = http_fixture_perform(f, &req);

    assert_true(was_sent(f->a, "Accept-Encoding: "));
    assert_string_equal(resp.body, "{\"price\":19.90}");
    assert_null(apr_table_get(resp.headers, "Content-Encoding"));
    assert_null(apr_table_get(resp.headers, "Content-Length"));
}

static void a_broken_answer_is_no_answer(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path; flow_error_kind_e kind; apr_status_t status;
        const char *code;
    } cases[] = {
        { "/nothing", FLOW_E_UNAVAILABLE, APR_ECONNRESET, "connection_lost" },
        { "/short",   FLOW_E_UNAVAILABLE, APR_ECONNRESET, "connection_lost" },
        { "/garbage", FLOW_E_REFUSED,     0,              "response_invalid" },
        { "/no-status", FLOW_E_REFUSED,   0,              "response_invalid" },
        { "/unknown-coding", FLOW_E_REFUSED, 0,           "response_invalid" },
    };
    /* clang-format on */
    http_fixture_t *f = *state;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_http_request_t req = http_fixture_request(f, "GET", cases[i].path);

        http_fixture_expect_failure(f, &req, cases[i].kind, cases[i].status,
                                    cases[i].code);
    }
}

static void a_timeout_tells_whether_the_request_was_sent(void **state)
{
    http_fixture_t *f = *state;
    flow_http_request_t req = http_fixture_request(f, "POST", "/slow");
    apr_time_t start = apr_time_now();

    req.deadline = start + apr_time_from_msec(ONLY_MS);
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                "timeout");
    req = http_fixture_request(f, "GET", "/half");
    req.deadline = apr_time_now() + apr_time_from_msec(ONLY_MS);
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                "timeout");

    /* a TLS hello that nobody answers */
    req.url =
        apr_psprintf(f->p, "https://127.0.0.1:%d/secret", loopback_port(f->a));
    req.deadline = apr_time_now() + apr_time_from_msec(ONLY_MS);
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "timeout");
    req.deadline = apr_time_now() + apr_time_from_sec(5);
    req.connect_timeout = apr_time_from_msec(ONLY_MS);
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "timeout");
    assert_true(apr_time_now() - start < apr_time_from_sec(2));

    req = http_fixture_request(f, "GET", "/ok");
    req.deadline = apr_time_now();
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "timeout");
    req.deadline = 0;
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "timeout");
}

static void a_call_without_connection_says_so(void **state)
{
    http_fixture_t *f = *state;
    loopback_t *gone = loopback_start(http_fixture_answer, f);
    flow_http_request_t req = http_fixture_request(f, "GET", "/ok");

    req.url =
        apr_psprintf(f->p, "http://127.0.0.1:%d/secret", loopback_port(gone));
    loopback_stop(gone);
    http_fixture_expect_failure(f, &req, FLOW_E_UNAVAILABLE, 0,
                                "connect_failed");
    req.url = "not a secret";
    http_fixture_expect_failure(f, &req, FLOW_E_CONFIG, APR_EINVAL,
                                "url_invalid");
    req.url = "http://user:secret@127.0.0.1/";
    http_fixture_expect_failure(f, &req, FLOW_E_CONFIG, APR_EINVAL,
                                "url_invalid");
    req.url = NULL;
    http_fixture_expect_failure(f, &req, FLOW_E_CONFIG, APR_EINVAL,
                                "url_invalid");
}

static void the_inside_is_closed_however_it_is_written(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1",  "localhost",       "0x7f.1", "2130706433",
        "0177.0.0.1", "127.1",           "[::1]",  "[::ffff:127.0.0.1]",
        "0.0.0.0",    "%31%32%37.0.0.1",
    };
    http_fixture_t *f = *state;
    int before = loopback_connections(f->a);
    flow_http_request_t req;
    size_t i;

    for (i = 0; i < COUNT(hosts); ++i) {
        req = http_fixture_request(f, "GET", "/ok");
        req.url = apr_psprintf(f->p, "http://%s:%d/secret", hosts[i],
                               loopback_port(f->a));
        req.trusted_host = "shop.example";
        http_fixture_expect_failure(f, &req, FLOW_E_CONFIG, APR_EACCES,
                                    "egress_refused");
    }
    assert_int_equal(loopback_connections(f->a), before);

    /* the first address is trusted, the one that it redirects to is not */
    before = loopback_connections(f->b);
    req = http_fixture_request(f, "GET", "/to-localhost");
    http_fixture_expect_failure(f, &req, FLOW_E_CONFIG, APR_EACCES,
                                "egress_refused");
    assert_int_equal(loopback_connections(f->b), before);
}

typedef struct caller_t {
    http_fixture_t *f;
    int number;
    int good;
} caller_t;

static void *call_often(void *data)
{
    caller_t *caller = data;
    apr_pool_t *p;
    int i;

    apr_pool_create_unmanaged(&p);
    for (i = 0; i < 25; ++i) {
        flow_http_request_t req = { 0 };
        flow_http_response_t resp;

        req.affinity = apr_psprintf(p, "thread %d", caller->number % 3);
        req.url = apr_psprintf(p, "http://127.0.0.1:%d/ok",
                               loopback_port(caller->f->a));
        req.trusted_host = "127.0.0.1";
        req.deadline = apr_time_now() + apr_time_from_sec(5);
        caller->good += flow_http_perform(caller->f->client, &req, &resp, p,
                                          NULL) == APR_SUCCESS &&
                        !strcmp(resp.body, "ok");
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL;
}

static void many_threads_share_a_client(void **state)
{
    http_fixture_t *f = *state;
    pthread_t threads[8];
    caller_t callers[8];
    int before = loopback_connections(f->a), i;

    for (i = 0; i < 8; ++i) {
        callers[i] = (caller_t){ f, i, 0 };
        assert_int_equal(
            pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (i = 0; i < 8; ++i) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].good, 25);
    }
    assert_in_range(loopback_connections(f->a) - before, 1, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_returned_whatever_its_status),
        cmocka_unit_test(headers_are_those_of_the_last_answer),
        cmocka_unit_test(a_request_carries_what_it_was_given_and_no_more),
        cmocka_unit_test(what_would_inject_a_header_is_refused),
        cmocka_unit_test(a_connection_is_kept_for_its_document),
        cmocka_unit_test(only_what_may_be_repeated_is_repeated),
        cmocka_unit_test(get_follows_five_redirects),
        cmocka_unit_test(secrets_do_not_follow_to_another_port),
        cmocka_unit_test(an_answer_that_is_too_large_is_cut_off),
        cmocka_unit_test(a_compressed_answer_is_read_as_it_was_meant),
        cmocka_unit_test(a_broken_answer_is_no_answer),
        cmocka_unit_test(a_timeout_tells_whether_the_request_was_sent),
        cmocka_unit_test(a_call_without_connection_says_so),
        cmocka_unit_test(the_inside_is_closed_however_it_is_written),
        cmocka_unit_test(many_threads_share_a_client),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, http_fixture_setup,
                                http_fixture_teardown);
    apr_terminate();
    return rc;
}
