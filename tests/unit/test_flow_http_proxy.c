/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_http.h"
#include "loopback.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct proxy_t {
    apr_pool_t *p;
    loopback_t *server; /* the proxy, and what is called directly */
    flow_egress_t *egress;
    flow_http_client_t *client;
    flow_http_settings_t settings;
    char last[8192];
} proxy_t;

static int answer(loopback_t *server, int fd, const char *request, void *baton)
{
    static const char good[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy";
    static const char bad[] =
        "HTTP/1.1 403 No\r\nContent-Length: 2\r\nX-From: proxy\r\n\r\nno";

    (void)server;
    (void)baton;
    if (strncmp(request, "CONNECT ", 8) == 0) {
        loopback_write(fd, bad, sizeof(bad) - 1);
        return 0;
    }
    loopback_write(fd, good, sizeof(good) - 1);
    return 1;
}

static int setup(void **state)
{
    proxy_t *t = calloc(1, sizeof(*t));
    flow_error_t err = FLOW_ERROR_INIT;

    apr_pool_create(&t->p, NULL);
    t->server = loopback_start(answer, t);
    t->egress = flow_egress_create(t->p);
    assert_int_equal(flow_http_client_create(&t->client, t->egress, t->p, &err),
                     APR_SUCCESS);
    t->settings.proxy = apr_psprintf(t->p, "http://me:pass@127.0.0.1:%d",
                                     loopback_port(t->server));
    flow_http_client_configure(t->client, &t->settings);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    proxy_t *t = *state;

    loopback_stop(t->server);
    apr_pool_destroy(t->p);
    free(t);
    return 0;
}

/* The code of the failure, or the body. */
static const char *call(proxy_t *t, const char *url, const char *trusted)
{
    flow_http_request_t req = { .url = url, .trusted_host = trusted };
    flow_http_response_t resp;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_table_t *headers = apr_table_make(t->p, 1);

    apr_table_set(headers, "Authorization", "secret");
    req.headers = headers;
    req.deadline = apr_time_now() + apr_time_from_sec(5);
    if (flow_http_perform(t->client, &req, &resp, t->p, &err) != APR_SUCCESS) {
        return apr_pstrcat(t->p, err.code, ": ", err.message, NULL);
    }
    return resp.body;
}

static void a_call_goes_through_the_proxy(void **state)
{
    proxy_t *t = *state;

    assert_string_equal(call(t, "http://far.example:81/x?y=1", NULL), "proxy");
    loopback_last(t->server, t->last, sizeof(t->last));
    assert_non_null(strstr(t->last, "GET http://far.example:81/x?y=1 HTTP/1."));
    assert_non_null(strstr(t->last, "Proxy-Authorization: Basic bWU6cGFzcw=="));
    assert_non_null(strstr(t->last, "Authorization: secret"));
}

static void hosts_may_be_called_without_it(void **state)
{
    proxy_t *t = *state;
    flow_egress_t *direct = flow_egress_create(t->p);

    flow_egress_add(direct, 1, "127.0.0.0/8", t->p);
    t->settings.direct = direct;
    flow_http_client_configure(t->client, &t->settings);
    assert_string_equal(call(t,
                             apr_psprintf(t->p, "http://127.0.0.1:%d/d",
                                          loopback_port(t->server)),
                             "127.0.0.1"),
                        "proxy");
    loopback_last(t->server, t->last, sizeof(t->last));
    assert_non_null(strstr(t->last, "GET /d HTTP/1.1"));
    assert_null(strstr(t->last, "Proxy-Authorization"));
}

static void a_proxy_is_no_way_around_the_rules(void **state)
{
    static const char *const urls[] = {
        "http://10.0.0.1/",        "http://localhost/",
        "http://a.localhost/",     "http://169.254.169.254/",
        "http://[::1]/",           "http://[::ffff:10.0.0.1]/",
        "http://denied.example/",  "http://x.denied.example/",
        "http://2130706433/",      "http://0x7f.1/",
        "https://denied.example/",
    };
    proxy_t *t = *state;
    int before = loopback_requests(t->server);
    size_t i;

    flow_egress_add(t->egress, 0, "denied.example", t->p);
    flow_egress_add(t->egress, 0, "*.denied.example", t->p);
    for (i = 0; i < COUNT(urls); ++i) {
        const char *got = call(t, urls[i], NULL);

        if (strncmp(got, "egress_refused: ", 16) != 0) {
            fail_msg("%s: %s", urls[i], got);
        }
    }
    assert_int_equal(loopback_requests(t->server), before);
    assert_string_equal(call(t, "http://10.0.0.1/", "10.0.0.1"), "proxy");
}

static void a_tunnel_that_is_refused_is_no_connection(void **state)
{
    proxy_t *t = *state;
    const char *got = call(t, "https://far.example/", NULL);

    if (strcmp(got, "connect_failed: host 'far.example' port 443 cannot be "
                    "reached: the proxy answered 403; see FlowProxy") != 0) {
        fail_msg("%s", got);
    }
    loopback_last(t->server, t->last, sizeof(t->last));
    assert_non_null(strstr(t->last, "CONNECT far.example:443 HTTP/1."));
    assert_null(strstr(t->last, "secret"));
}

static void the_largest_answer_is_a_setting(void **state)
{
    proxy_t *t = *state;

    t->settings.max_response = 4;
    flow_http_client_configure(t->client, &t->settings);
    assert_int_equal(
        strncmp(call(t, "http://far.example/", NULL), "response_too_large", 18),
        0);
}

static void an_address_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = { "",          "proxy:3128", "ftp://x",
                                       "http://",   "http://x/y", "http://x?y",
                                       "socks5://x" };
    proxy_t *t = *state;
    size_t i;

    for (i = 0; i < COUNT(bad); ++i) {
        if (!flow_http_proxy_problem(bad[i], t->p)) {
            fail_msg("'%s' was taken", bad[i]);
        }
    }
    assert_null(flow_http_proxy_problem("http://x.example:3128", t->p));
    assert_null(flow_http_proxy_problem("https://u:p@x.example/", t->p));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_call_goes_through_the_proxy),
        TEST(hosts_may_be_called_without_it),
        TEST(a_proxy_is_no_way_around_the_rules),
        TEST(a_tunnel_that_is_refused_is_no_connection),
        TEST(the_largest_answer_is_a_setting),
        TEST(an_address_that_is_none_is_refused),
    };
    int rc;

    apr_initialize();
    flow_http_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
