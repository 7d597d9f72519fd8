/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of requests and answers, at the edges of its bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "conn_http_fixture.h"
#include "connectors/flow_conn_http_auth.h"

#define KEPT   (64 * 1024)
#define SECRET "s3cr3t-of-somebody"

typedef struct exchange_t {
    http_auth_t auth;
    http_connection_t http;
    flow_connection_t connection;
    flow_http_request_t sent;
    http_answer_t answer;
    apr_pool_t *p;
} exchange_t;

static json_t *kept(exchange_t *x, char *body, apr_size_t len)
{
    x->http.auth = &x->auth;
    x->connection.data = &x->http;
    x->connection.secrets = flow_json_own(x->p, json_array());
    json_array_append_new((json_t *)x->connection.secrets,
                          flow_json_string_new(SECRET, strlen(SECRET)));
    x->sent.method = "GET";
    x->sent.url = x->sent.url ? x->sent.url : "http://far.example.com/";
    x->answer.sent = &x->sent;
    x->answer.is_answered = 1;
    x->answer.status = 500;
    if (!x->answer.headers) {
        x->answer.headers = apr_table_make(x->p, 1);
    }
    x->answer.body = body;
    x->answer.body_len = len;
    return flow_json_own(
        x->p, flow_conn_http_exchange(&x->answer, &x->connection, x->p));
}

static const char *body_of(const json_t *exchange, apr_size_t *plen)
{
    return flow_json_string(
        json_object_get(json_object_get(exchange, "response"), "body"), plen);
}

/* A body of its own piece of memory: nothing behind it may be looked at. */
static void what_is_longer_than_the_bound_is_cut_there(void **state)
{
    static const apr_size_t lens[] = { KEPT - 1, KEPT, KEPT + 1, KEPT + 4000,
                                       KEPT + 5000 };
    apr_size_t i, len = 0;
    exchange_t x = { 0 };

    x.p = *state;
    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); ++i) {
        char *body = malloc(lens[i] + 1);
        const char *text;

        assert_non_null(body);
        memset(body, 'x', lens[i]);
        body[lens[i]] = '\0';
        text = body_of(kept(&x, body, lens[i]), &len);
        if (lens[i] <= KEPT) {
            assert_int_equal(len, lens[i]);
        }
        else {
            assert_int_equal(len, KEPT + 3);
            assert_string_equal(text + KEPT - 1, "x...");
        }
        free(body);
    }
}

/* However often it stands there and wherever it is cut. */
static void no_part_of_a_secret_is_kept(void **state)
{
    exchange_t x = { 0 };
    apr_size_t shift, len = 0, n = 2 * KEPT + 64;
    char *body = malloc(n + 1);

    assert_non_null(body);
    x.p = *state;
    for (shift = 0; shift < strlen(SECRET); ++shift) {
        apr_size_t at;

        memset(body, '.', n);
        body[n] = '\0';
        for (at = shift; at + strlen(SECRET) <= n; at += strlen(SECRET)) {
            memcpy(body + at, SECRET, strlen(SECRET));
        }
        assert_null(strstr(body_of(kept(&x, body, n), &len), "s3"));
    }
    free(body);
    x.sent.url = "http://far.example.com/";
    for (n = 4096 - strlen(SECRET); n < 4096; ++n) {
        char *url = apr_palloc(x.p, n + strlen(SECRET) + 1);
        const char *text;

        memset(url, 'u', n);
        memcpy(url + n, SECRET, strlen(SECRET) + 1);
        x.sent.url = url;
        text = flow_json_member(json_object_get(kept(&x, url, 0), "request"),
                                "url");
        assert_null(strstr(text, "us3"));
    }
}

static void addresses_in_headers_lose_their_secrets_too(void **state)
{
    exchange_t x = { 0 };
    apr_table_t *headers = apr_table_make(*state, 1);
    const json_t *out;

    x.p = *state;
    x.answer.headers = headers;
    apr_table_set(headers, "Location",
                  "https://far.example.com/a?access_token=abc&b=1");
    out = json_object_get(
        json_object_get(kept(&x, apr_pstrdup(x.p, ""), 0), "response"),
        "headers");
    assert_string_equal(flow_json_member(out, "Location"),
                        "https://far.example.com/a?access_token=******&b=1");
}

static int setup(void **state)
{
    apr_pool_t *p = NULL;

    apr_initialize();
    apr_pool_create(&p, NULL);
    *state = p;
    return p == NULL;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_longer_than_the_bound_is_cut_there, setup, teardown),
        cmocka_unit_test_setup_teardown(no_part_of_a_secret_is_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            addresses_in_headers_lose_their_secrets_too, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
