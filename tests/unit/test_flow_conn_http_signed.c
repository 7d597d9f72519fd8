/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conn_http_fixture.h"

/* The signature itself is compared with others in test_flow_aws4.c and in
 * tests/conformance/far. */
static void a_header_that_signs_sees_the_finished_request(void **state)
{
    static const route_t routes[] = {
        { "POST /api/x?b=1&a=2", 200, JSON, "[1]" },
        { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(
        t, routes,
        "http.encrypted {\"id\":\"AKIDEXAMPLE\",\"key\":\"wJalrXUtnFEMI\"}\n"
        "http.headers [{\"name\":\"Authorization\",\"value\":\"{{{aws4 "
        "connection.http.encrypted.id connection.http.encrypted.key \\\"\\\" "
        "\\\"us-east-1\\\" \\\"service\\\"}}}\"},{\"name\":\"X-Amz-Date\","
        "\"value\":\"20150830T123600Z\"}]\n" EXPORT
        "http.method POST\nhttp.relativeURI /x?b=1&a=2\nhttp.body {}\n"
        "http.headers [{\"name\":\"X-Own\",\"value\":\"1\"}]\n");
    t->call.context =
        conn_http_parse(t, "{\"connection\":{\"http\":{\"encrypted\":{\"id\":"
                           "\"AKIDEXAMPLE\",\"key\":\"wJalrXUtnFEMI\"}}}}");
    assert_string_equal(conn_http_export(t, NULL), "[1]");
    conn_http_sent(t, "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
                      "20150830/us-east-1/service/aws4_request, "
                      "SignedHeaders=");
    /* a header of the step is there when the connection's header signs */
    conn_http_sent(t, ";x-own, Signature=");
}

static void what_cannot_be_signed_names_its_header(void **state)
{
    static const route_t routes[] = { { NULL } };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes,
                      EXPORT "http.relativeURI /x\nhttp.headers "
                             "[{\"name\":\"Authorization\",\"value\":\"{{{aws4 "
                             "\\\"id\\\" \\\"key\\\" \\\"\\\" \\\"r\\\" "
                             "\\\"s\\\"}}}\"}]\n");
    assert_non_null(
        strstr(conn_http_export(t, NULL), "header 'Authorization'"));
    assert_int_equal(loopback_requests(t->server), 0);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_header_that_signs_sees_the_finished_request),
        TEST(what_cannot_be_signed_names_its_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
