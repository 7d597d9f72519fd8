/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "base/flow_sign.h"
#include "conn_http_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

/* The context that a flow would give: the connection's document. */
static void see_connection(conn_http_fixture_t *t)
{
    const flow_connection_t *conn = apr_hash_get(t->f->model->connections, "far", APR_HASH_KEY_STRING);

    t->call.context = flow_json_own(t->f->p, json_object());
    json_object_set((json_t *)t->call.context, "connection", conn->context);
}

static const char *hmac_of(conn_http_fixture_t *t, const char *text)
{
    unsigned char raw[FLOW_DIGEST_MAX];
    apr_size_t n;

    assert_int_equal(flow_hmac(FLOW_DIGEST_SHA256, "key-1", 5, text, strlen(text), raw, &n), APR_SUCCESS);
    return flow_hex(raw, n, t->f->p);
}

static void a_header_signs_the_body_that_is_sent(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "{}" }, { NULL } };

    conn_http_compile(t, routes,
        "http.encrypted.k key-1\n"
        "http.headers [{\"name\":\"X-Sig\",\"value\":\"{{{hmac \\\"sha256\\\" connection.http.encrypted.k \\\"hex\\\" hmacOptions.body}}}\"},{\"name\":\"X-Tenant\",\"value\":\"blue\"}]\n"
        IMPORT "http.method POST\nhttp.relativeURI /x\n"
        "http.headers [{\"name\":\"X-Call\",\"value\":\"{{{hmac \\\"sha256\\\" connection.http.encrypted.k \\\"hex\\\" hmacOptions.method}}}\"}]\n");
    see_connection(t);
    conn_http_import(t, "[{\"a\":1.50}]");
    conn_http_sent(t, "\r\n\r\n{\"a\":1.50}");
    conn_http_sent(t, apr_psprintf(t->f->p, "X-Sig: %s\r\n", hmac_of(t, "{\"a\":1.50}")));
    conn_http_sent(t, apr_psprintf(t->f->p, "X-Call: %s\r\n", hmac_of(t, "POST")));
}

static void a_body_may_hold_a_signature_of_the_address(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "[1]" }, { NULL } };
    const char *url;

    conn_http_compile(t, routes,
        "http.encrypted.k key-1\n"
        EXPORT "http.method POST\nhttp.relativeURI /x\n"
        "http.body {\"s\":\"{{{hmac \"sha256\" connection.http.encrypted.k \"hex\" hmacOptions.URI}}}\"}\n");
    see_connection(t);
    assert_string_equal(conn_http_export(t, NULL), "[1]");
    url = apr_psprintf(t->f->p, "http://127.0.0.1:%d/api/x", loopback_port(t->server));
    conn_http_sent(t, apr_psprintf(t->f->p, "{\"s\":\"%s\"}", hmac_of(t, url)));
}

static void aws4_sees_the_finished_request(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "PUT /api/b/k", 200, JSON, "{}" }, { NULL } };

    conn_http_compile(t, routes,
        "http.encrypted.id AKID\nhttp.encrypted.secret s3cret-key\n"
        "http.headers [{\"name\":\"Authorization\",\"value\":\"{{{aws4 connection.http.encrypted.id connection.http.encrypted.secret \\\"\\\" \\\"eu-west-1\\\" \\\"s3\\\"}}}\"},"
        "{\"name\":\"X-Amz-Date\",\"value\":\"{{{timestamp \\\"YYYYMMDD[T]HHmmss[Z]\\\" \\\"UTC\\\"}}}\"}]\n"
        IMPORT "http.method PUT\nhttp.relativeURI /b/k\n");
    see_connection(t);
    conn_http_import(t, "[{\"a\":1}]");
    conn_http_sent(t, "Authorization: AWS4-HMAC-SHA256 Credential=AKID/");
    conn_http_sent(t, "/eu-west-1/s3/aws4_request");
    /* the date that stands behind it in the list is signed, too */
    conn_http_sent(t, "x-amz-date");
}

static void a_strict_import_fails_the_record_that_misses_a_value(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x/1", 200, JSON, "{\"id\":1}" }, { NULL } };

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x/{{record.n}}\nhttp.strictHandlebarEvaluation true\n");
    assert_string_equal(conn_http_import(t, "[{\"m\":1},{\"n\":1}]"),
        "[{\"statusCode\":422,\"errors\":[{\"code\":\"template_missing\",\"message\":\"connection 'far': 'record.n' has no value, at template line 1, column 6\",\"source\":\"application\"}]},"
        "{\"statusCode\":200,\"errors\":[],\"id\":1,\"_json\":{\"id\":1}}]");
    assert_int_equal(loopback_requests(t->server), 1);
}

static void a_record_whose_address_leads_away_does_not_stop_the_others(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "{\"id\":1}" }, { NULL } };
    const char *got;

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI {{{record.to}}}\n");
    got = conn_http_import(t, "[{\"to\":\"/x\"},{\"to\":\"http://elsewhere.example/x\"},{\"to\":\"ftp://x/y\"},{\"to\":\"/x\"}]");
    assert_non_null(strstr(got, "{\"statusCode\":422,\"errors\":[{\"code\":\"url_foreign\""));
    assert_null(strstr(got, "\"source\":\"connection\""));
    assert_int_equal(loopback_requests(t->server), 2);
}

static void a_far_end_that_is_gone_is_asked_once(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { NULL } };

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x\n");
    loopback_stop(t->server);
    t->server = loopback_start(NULL, NULL); /* on another port */
    assert_non_null(strstr(conn_http_import(t, "[{},{},{}]"), "!connect_failed 5"));
}

static void a_token_in_the_query_is_set_by_its_name(void **state)
{
    apr_pool_t *p = ((conn_http_fixture_t *)*state)->f->p;
    size_t i;
    static const struct { const char *url, *want; } cases[] = {
        { "http://x/a", "http://x/a?key=n%2F1" },
        { "http://x/a?", "http://x/a?key=n%2F1" },
        { "http://x/a?b=1", "http://x/a?b=1&key=n%2F1" },
        /* one that is over is replaced, wherever it stands */
        { "http://x/a?key=old&b=1", "http://x/a?b=1&key=n%2F1" },
        { "http://x/a?b=1&key=old&c=2", "http://x/a?b=1&c=2&key=n%2F1" },
        { "http://x/a?key", "http://x/a?key=n%2F1" },
        /* the same text inside of another parameter is not it */
        { "http://x/a?mykey=n%2F1", "http://x/a?mykey=n%2F1&key=n%2F1" },
        { "http://x/a?key=n%2F12", "http://x/a?key=n%2F1" },
        { "http://x/a?keys=1&KEY=2", "http://x/a?keys=1&KEY=2&key=n%2F1" },
    };

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(flow_conn_http_set_query(cases[i].url, "key", "n/1", p), cases[i].want);
    }
}

static void a_secret_at_the_cut_is_masked(void **state)
{
    conn_http_fixture_t *t = *state;
    apr_pool_t *p = t->f->p;
    const json_t *secrets = conn_http_parse(t, "[\"secret-value\",\"abcd\"]");
    apr_size_t n, at;
    const char *got;

    for (at = 0; at < 40; ++at) {
        char text[81];

        memset(text, '.', 80);
        text[80] = '\0';
        memcpy(text + at, "secret-value", 12);
        got = flow_secret_mask_cut(text, 80, 20, secrets, &n, p);
        assert_int_equal(n, 20);
        assert_null(strchr(got, 's'));
        assert_null(strchr(got, 'v'));
    }
    /* what shrinks brings nothing half into sight */
    got = flow_secret_mask_cut("secret-valuesecret-valuesecret-va", 33, 100, secrets, &n, p);
    assert_string_equal(got, "************secret-va");
    got = flow_secret_mask_cut("abcdabcdabcd", 12, 7, secrets, &n, p);
    assert_string_equal(got, "*******");
}

static void what_a_preview_shows_is_masked_before_it_is_cut(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "{}" }, { NULL } };
    char *long_text = apr_palloc(t->f->p, 65530);
    const char *got;

    conn_http_compile(t, routes, "http.encrypted.k top-secret-value\n" IMPORT "http.method POST\nhttp.relativeURI /x\nhttp.body {{{record.a}}}{{{connection.http.encrypted.k}}}\n");
    see_connection(t);
    memset(long_text, 'x', 65529);
    long_text[65529] = '\0';
    t->call.stages = flow_json_own(t->f->p, json_array());
    t->call.dry_run = 1;
    conn_http_import(t, apr_psprintf(t->f->p, "[{\"a\":\"%s\"}]", long_text));
    got = flow_json_text(t->call.stages, NULL, t->f->p);
    assert_non_null(strstr(got, "xxx******"));
    assert_null(strstr(got, "top-"));
}

static void a_body_that_is_too_large_goes_in_parts(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "{}" }, { NULL } };
    const char *got;

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x\nhttp.batchSize 10\nhttp.endPointBodyLimit 20\n");
    got = conn_http_import(t, "[{\"a\":1},{\"a\":2},{\"a\":3},{\"a\":\"xxxxxxxxxxxxxxxxxxxxxx\"},{\"a\":5}]");
    assert_string_equal(got,
        "[{\"statusCode\":200,\"errors\":[],\"_json\":{}},{\"statusCode\":200,\"errors\":[],\"_json\":{}},{\"statusCode\":200,\"errors\":[],\"_json\":{}},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"body_too_large\",\"message\":\"connection 'far': the body has 32 bytes, 'http.endPointBodyLimit' is 20\",\"source\":\"application\"}]},"
        "{\"statusCode\":200,\"errors\":[],\"_json\":{}}]");
    assert_int_equal(loopback_requests(t->server), 3);
}

static void attempts_are_counted_as_asked(void **state)
{
    static const struct { const char *conf; int requests; } cases[] = {
        { "", 3 }, { "maxAttempts 1\n", 1 }, { "maxAttempts 5\n", 5 },
    };
    static const route_t routes[] = { { "PUT /api/x", 503, JSON, "{}" }, { NULL } };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < 3; ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, IMPORT "http.method PUT\nhttp.relativeURI /x\n", cases[i].conf, NULL));
        conn_http_import(t, "[{}]");
        assert_int_equal(loopback_requests(t->server), cases[i].requests);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void rows_become_records(void **state)
{
    static const route_t routes[] = { { "GET /api/x", 200, JSON, "{\"rows\":[[\"id\",\"n\"],[1,\"a\"],[2,\"b\",true],{\"o\":1}]}" }, { NULL } };
    static const struct { const char *conf, *result; } cases[] = {
        { "http.response.twoDArray.hasHeader true\n", "[{\"id\":1,\"n\":\"a\"},{\"id\":2,\"n\":\"b\",\"Column3\":true},{\"o\":1}]" },
        { "http.response.twoDArray.hasHeader false\n", "[{\"Column1\":\"id\",\"Column2\":\"n\"},{\"Column1\":1,\"Column2\":\"a\"},{\"Column1\":2,\"Column2\":\"b\",\"Column3\":true},{\"o\":1}]" },
        { "http.response.twoDArray.doNotNormalize true\n", "[[\"id\",\"n\"],[1,\"a\"],[2,\"b\",true],{\"o\":1}]" },
        { "", "[[\"id\",\"n\"],[1,\"a\"],[2,\"b\",true],{\"o\":1}]" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < 4; ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, EXPORT "http.relativeURI /x\nhttp.response.resourcePath rows\n", cases[i].conf, NULL));
        assert_string_equal(conn_http_export(t, NULL), cases[i].result);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void a_file_is_read_as_it_says(void **state)
{
    static const route_t routes[] = {
        { "GET /api/csv", 200, "Content-Type: application/octet-stream\r\n", "made today\na;b\n 1 ;x\n2;\"y;z\"\n" },
        { "GET /api/json", 200, "Content-Type: text/plain\r\n", "{\"r\":[{\"a\":1.0}]}" },
        { "GET /api/xml", 200, "Content-Type: text/plain\r\n", "<o><l><n>1</n></l><l><n>2</n></l></o>" },
        { "GET /api/bad", 200, JSON, "{" },
        { NULL },
    };
    static const struct { const char *conf, *result; } cases[] = {
        { "http.type file\nfile.type csv\nfile.csv.columnDelimiter ;\nfile.csv.rowsToSkip 1\nfile.csv.trimSpaces true\nhttp.relativeURI /csv\n", "[{\"a\":\"1\",\"b\":\"x\"},{\"a\":\"2\",\"b\":\"y;z\"}]" },
        { "http.type file\nfile.type json\nfile.json.resourcePath r\nhttp.relativeURI /json\n", "[{\"a\":1.0}]" },
        { "http.type file\nfile.type xml\nfile.xml.resourcePath /o/l\nhttp.relativeURI /xml\n", "[{\"n\":[\"1\"]},{\"n\":[\"2\"]}]" },
        { "http.type file\nfile.type json\nhttp.relativeURI /bad\n", "!response_invalid" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;
        const char *got;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, EXPORT, cases[i].conf, NULL));
        got = conn_http_export(t, NULL);
        if (strncmp(got, cases[i].result, strlen(cases[i].result)) != 0) {
            fail_msg("%s\n got: %s\nwant: %s", cases[i].conf, got, cases[i].result);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void an_answer_of_rows_is_read_by_its_header(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "{\"r\":[[\"id\"],[7],[8]]}" }, { NULL } };

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x\nhttp.batchSize 2\nhttp.response.resourcePath r\nhttp.response.hasHeader true\n");
    assert_string_equal(conn_http_import(t, "[{},{}]"),
        "[{\"statusCode\":200,\"errors\":[],\"id\":7,\"_json\":{\"id\":7}},{\"statusCode\":200,\"errors\":[],\"id\":8,\"_json\":{\"id\":8}}]");
}

static void which_record_a_template_sees(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/before/in", 200, JSON, "{}" }, { NULL } };

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /{{record.v}}/{{data.0.w}}\n"
        "http.headers [{\"name\":\"X-V\",\"value\":\"{{record.v}}\"}]\nhttp.body {\"b\":\"{{record.v}}\"}\n");
    conn_http_import_mapped(t, "[{\"v\":\"before\",\"w\":\"in\"}]", "[{\"v\":\"after\"}]");
    conn_http_sent(t, "POST /api/before/in ");
    conn_http_sent(t, "X-V: before\r\n");
    conn_http_sent(t, "\r\n\r\n{\"b\":\"after\"}");
}

static void the_record_before_the_mapping_may_be_the_body(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/x", 200, JSON, "{}" }, { NULL } };

    conn_http_compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x\nhttp.sendPostMappedData false\nhttp.requestMediaType xml\n");
    conn_http_import_mapped(t, "[{\"order\":{\"$\":{\"n\":\"1\"},\"line\":[\"a\",\"b & c\"]}}]", "[{\"v\":\"after\"}]");
    conn_http_sent(t, "Content-Type: application/xml\r\n");
    conn_http_sent(t, "<order n=\"1\"><line>a</line><line>b &amp; c</line></order>");
}

/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, conn_http_setup, conn_http_teardown)
        T(a_header_signs_the_body_that_is_sent),
        T(a_body_may_hold_a_signature_of_the_address),
        T(aws4_sees_the_finished_request),
        T(a_strict_import_fails_the_record_that_misses_a_value),
        T(a_record_whose_address_leads_away_does_not_stop_the_others),
        T(a_far_end_that_is_gone_is_asked_once),
        T(a_token_in_the_query_is_set_by_its_name),
        T(a_secret_at_the_cut_is_masked),
        T(what_a_preview_shows_is_masked_before_it_is_cut),
        T(a_body_that_is_too_large_goes_in_parts),
        T(attempts_are_counted_as_asked),
        T(rows_become_records),
        T(a_file_is_read_as_it_says),
        T(an_answer_of_rows_is_read_by_its_header),
        T(which_record_a_template_sees),
        T(the_record_before_the_mapping_may_be_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
