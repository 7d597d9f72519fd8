/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "conn_http_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

#define TWO IMPORT "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"CREATE\"]\nhttp.relativeURI [\"/c/{{{data.0.rid}}}\",\"/c\"]\n"
#define ONE IMPORT "http.method POST\nhttp.relativeURI /c\n"

static const route_t routes[] = {
    { "PUT /api/c/7", 200, JSON, "{\"customer\":{\"id\":\"u7\"}}" },
    { "PUT /api/c/8", 404, JSON, "{\"m\":\"no 8\"}" },
    { "POST /api/c", 201, JSON, "{\"made\":\"n1\",\"customer\":{\"id\":\"c1\"}}" },
    { "PUT /api/c/found", 200, JSON, "{}" },
    { "GET /api/find?q=a", 200, JSON, "{\"list\":[{\"id\":\"found\"}]}" },
    { "GET /api/find?q=b", 200, JSON, "{\"list\":[]}" },
    { "GET /api/find?q=c", 200, JSON, "{\"list\":[{\"id\":1},{\"id\":2}]}" },
    { "GET /api/find?q=d", 404, JSON, "{}" },
    { "GET /api/find?q=e", 400, JSON, "{\"m\":\"bad\"}" },
    { "GET /api/find?q=f", 200, JSON, "{\"list\":[{\"id\":\"\"}]}" },
    { NULL },
};

typedef struct import_case_t {
    const char *conf, *records, *result;
    int requests;
} import_case_t;

static void run_cases(void **state, const import_case_t *cases, size_t n)
{
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < n; ++i) {
        conn_http_fixture_t *t;
        const char *got;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, cases[i].conf);
        got = conn_http_import(t, cases[i].records);
        if (strcmp(got, cases[i].result) != 0 || loopback_requests(t->server) != cases[i].requests) {
            fail_msg("%s%s\n got: %s (%d)\nwant: %s (%d)", cases[i].conf, cases[i].records, got, loopback_requests(t->server), cases[i].result, cases[i].requests);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

#define OK(id, json) "{\"statusCode\":200,\"errors\":[]" id ",\"_json\":" json "}"
#define C1 "{\"made\":\"n1\",\"customer\":{\"id\":\"c1\"}}"
#define IGNORED "{\"statusCode\":200,\"ignored\":true,\"errors\":[]}"

static void what_exists_is_updated_and_the_rest_created(void **state)
{
    static const import_case_t cases[] = {
        { TWO "http.existingExtract rid\n", "[{\"rid\":7},{\"rid\":\"\"},{\"rid\":null},{\"x\":1},{\"rid\":8}]",
          "[" OK("", "{\"customer\":{\"id\":\"u7\"}}") "," OK("", C1) "," OK("", C1) "," OK("", C1)
          ",{\"statusCode\":422,\"errors\":[{\"code\":\"404\",\"message\":\"{\\\"m\\\":\\\"no 8\\\"}\",\"source\":\"application\"}]}]", 5 },
        /* paths by index, and one for both */
        { TWO "http.existingExtract rid\nhttp.response.resourceIdPath [\"customer.id\",\"made\"]\n", "[{\"rid\":7},{}]",
          "[" OK(",\"id\":\"u7\"", "{\"customer\":{\"id\":\"u7\"}}") "," OK(",\"id\":\"n1\"", C1) "]", 2 },
        { TWO "http.existingExtract rid\nhttp.response.resourceIdPath customer.id\n", "[{\"rid\":7},{}]",
          "[" OK(",\"id\":\"u7\"", "{\"customer\":{\"id\":\"u7\"}}") "," OK(",\"id\":\"c1\"", C1) "]", 2 },
        { TWO "http.existingExtract rid\nhttp.response.successPath [\"customer.id\",\"customer.id\"]\nhttp.response.successValues [[\"u7\"],[\"other\"]]\nhttp.response.errorPath made\n", "[{\"rid\":7},{}]",
          "[" OK("", "{\"customer\":{\"id\":\"u7\"}}") ",{\"statusCode\":422,\"errors\":[{\"code\":\"success_path\",\"message\":\"n1\",\"source\":\"application\"}]}]", 2 },
        /* the other order */
        { IMPORT "http.method [\"POST\",\"PUT\"]\nhttp.requestType [\"CREATE\",\"UPDATE\"]\nhttp.relativeURI [\"/c\",\"/c/{{{data.0.rid}}}\"]\nhttp.existingExtract rid\n",
          "[{\"rid\":7},{}]", "[" OK("", "{\"customer\":{\"id\":\"u7\"}}") "," OK("", C1) "]", 2 },
        /* a batch is split, each answer stays with its record */
        { IMPORT "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"CREATE\"]\nhttp.relativeURI [\"/c/7\",\"/c\"]\nhttp.existingExtract rid\nhttp.batchSize 10\n",
          "[{},{\"rid\":7},{}]", "[" OK("", C1) "," OK("", "{\"customer\":{\"id\":\"u7\"}}") "," OK("", C1) "]", 2 },
    };

    run_cases(state, cases, COUNT(cases));
}

#define FIND "http.lookups [{\"name\":\"find\",\"relativeURI\":\"/find?q={{record.q}}\",\"extract\":\"list[*].id\",\"allowFailures\":true}]\n"
#define MUST "http.lookups [{\"name\":\"find\",\"relativeURI\":\"/find?q={{record.q}}\",\"extract\":\"list[*].id\"}]\n"
#define FAILED(code, text, source) "{\"statusCode\":422,\"errors\":[{\"code\":\"" code "\",\"message\":\"" text "\",\"source\":\"" source "\"}]}"

static void a_lookup_tells_what_exists(void **state)
{
    static const char two[] = IMPORT "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"CREATE\"]\n"
        "http.relativeURI [\"/c/{{lookup.find}}\",\"/c\"]\nhttp.existingLookupName find\n" FIND;
    static const import_case_t cases[] = {
        { two, "[{\"q\":\"a\"},{\"q\":\"b\"},{\"q\":\"d\"},{\"q\":\"f\"}]", "[" OK("", "{}") "," OK("", C1) "," OK("", C1) "," OK("", C1) "]", 8 },
        { two, "[{\"q\":\"c\"}]", "[" FAILED("lookup_ambiguous", "lookup 'find' has found 2 values where one is wanted", "lookup") "]", 1 },
        /* a far end that refuses has not said that there is none */
        { two, "[{\"q\":\"e\"}]", "[" FAILED("400", "lookup 'find': {\\\"m\\\":\\\"bad\\\"}", "application") "]", 1 },
        { ONE MUST "http.ignoreLookupName find\nignoreExisting true\n", "[{\"q\":\"a\"},{\"q\":\"b\"}]",
          "[" IGNORED "," FAILED("lookup_miss", "lookup 'find' has found nothing", "lookup") "]", 2 },
        { ONE FIND "http.ignoreLookupName find\nignoreExisting true\n", "[{\"q\":\"a\"},{\"q\":\"b\"}]", "[" IGNORED "," OK("", C1) "]", 3 },
        { ONE FIND "http.ignoreLookupName find\nignoreMissing true\n", "[{\"q\":\"a\"},{\"q\":\"b\"}]", "[" OK("", C1) "," IGNORED "]", 3 },
        { ONE "http.ignoreExtract rid\nignoreExisting true\n", "[{\"rid\":1},{\"rid\":\"\"},{}]", "[" IGNORED "," OK("", C1) "," OK("", C1) "]", 2 },
        { ONE "http.ignoreExtract rid\nignoreMissing true\n", "[{\"rid\":1},{\"rid\":\"\"},{}]", "[" OK("", C1) "," IGNORED "," IGNORED "]", 1 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void a_template_uses_what_a_lookup_finds(void **state)
{
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, ONE "http.body {\"found\":\"{{lookup.find}}\",\"q\":\"{{record.q}}\"}\n"
            "http.lookups [{\"name\":\"find\",\"relativeURI\":\"/find?q={{record.q}}\",\"extract\":\"list[*].id\",\"allowFailures\":true,\"default\":\"none\"},"
            "{\"name\":\"unused\",\"relativeURI\":\"/nowhere\"},{\"name\":\"table\",\"map\":{\"a\":\"b\"}}]\n");
    conn_http_import_mapped(t, "[{\"q\":\"a\"}]", "[{\"q\":\"mapped\"}]");
    conn_http_sent(t, "{\"found\":\"found\",\"q\":\"mapped\"}");
    conn_http_import(t, "[{\"q\":\"b\"}]");
    conn_http_sent(t, "{\"found\":\"none\",\"q\":\"b\"}");
    assert_int_equal(loopback_requests(t->server), 4);
}

static void the_address_sees_the_record_before_the_mapping(void **state)
{
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, TWO "http.existingExtract rid\nhttp.headers [{\"name\":\"X-Q\",\"value\":\"{{record.rid}}\"}]\n");
    conn_http_import_mapped(t, "[{\"rid\":7}]", "[{\"name\":\"n\"}]");
    conn_http_sent(t, "PUT /api/c/7 ");
    conn_http_sent(t, "X-Q: 7\r\n");
    conn_http_sent(t, "\r\n\r\n{\"name\":\"n\"}");
}

/* ---- bodies ---- */

static void forms_are_written(void **state)
{
    static const struct { const char *conf, *record, *sent[4]; } cases[] = {
        { "http.requestMediaType urlencoded\n", "{\"a\":\"1 2\",\"b\":\"\xc3\xa9&\"}", { "\r\n\r\na=1+2&b=%C3%A9%26" } },
        { "http.requestMediaType urlencoded\nhttp.body x={{record.a}}&y=z\n", "{\"a\":\"1&2\"}", { "\r\n\r\nx=1%262&y=z", "Content-Type: application/x-www-form-urlencoded\r\n" } },
        { "http.requestMediaType urlencoded\nhttp.body {\"x\":\"{{record.a}}\"}\n", "{\"a\":\"1\\\"&2\"}", { "\r\n\r\nx=1%22%262" } },
        { "http.requestMediaType form-data\n", "{\"a\":\"1\",\"b\":[\"x\",2],\"q\\\"r\":true}",
          { "Content-Type: multipart/form-data; boundary=flow", "Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--flow",
            "name=\"b\"\r\n\r\nx\r\n--flow", "name=\"q%22r\"\r\n\r\ntrue\r\n--flow" } },
        { "http.requestMediaType form-data\nhttp.body {\"doc\":{\"value\":\"{{record.v}}\",\"fileName\":\"a.txt\",\"contentType\":\"text/plain\",\"encoding\":\"base64\"}}\n", "{\"v\":\"aGkh\"}",
          { "name=\"doc\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhi!\r\n--flow" } },
        { "http.requestMediaType xml\n", "{\"order\":{\"$\":{\"id\":\"1\"},\"line\":[\"a\",\"b<\"]}}",
          { "<order id=\"1\"><line>a</line><line>b&lt;</line></order>", "Content-Type: application/xml" } },
        { "http.requestMediaType xml\nhttp.body <o>{{record.a}}</o>\n", "{\"a\":\"<&>\"}", { "\r\n\r\n<o>&lt;&amp;&gt;</o>" } },
    };
    size_t i, k;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, ONE, cases[i].conf, NULL));
        conn_http_import(t, apr_pstrcat(t->f->p, "[", cases[i].record, "]", NULL));
        for (k = 0; k < 4 && cases[i].sent[k]; ++k) {
            conn_http_sent(t, cases[i].sent[k]);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void a_form_that_is_none_fails_its_record(void **state)
{
    static const import_case_t cases[] = {
        { ONE "http.requestMediaType form-data\nhttp.body a=b\n", "[{}]",
          "[" FAILED("form_invalid", "connection 'far': the body's template does not make a JSON object of the form's fields: invalid JSON at line 1, column 1: expected a value", "application") "]", 0 },
        { ONE "http.requestMediaType form-data\n", "[{\"f\":{\"value\":\"%\",\"encoding\":\"base64\"}}]",
          "[" FAILED("form_invalid", "the value of field 'f' is not base64", "application") "]", 0 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void operations_that_do_not_fit_are_refused(void **state)
{
    static const struct { const char *conf, *problem; } cases[] = {
        { "http.method [\"PUT\",\"POST\"]\n", "http.requestType: two operations need [\"UPDATE\", \"CREATE\"]" },
        { "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"UPDATE\"]\n", "http.requestType: two operations need" },
        { "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"CREATE\"]\n", "http.method: two operations need 'http.existingExtract' or" },
        { "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"CREATE\"]\nhttp.existingExtract a\nhttp.existingLookupName b\n", "excludes 'http.existingExtract'" },
        { "http.method [\"PUT\",\"POST\"]\nhttp.requestType [\"UPDATE\",\"CREATE\"]\nhttp.existingExtract a\nhttp.relativeURI /x\n", "http.relativeURI: has 1 entries for 2 operations" },
        { "http.method [\"PUT\",\"POST\",\"PUT\"]\n", "has 3 entries; one that updates and one that creates" },
        { "http.method POST\nhttp.existingExtract a\n", "http.existingExtract: needs two operations" },
        { "http.method POST\nhttp.existingLookupName a\n", "'http.lookups' has no 'a'" },
        { "http.method POST\nhttp.ignoreLookupName a\nignoreExisting true\nhttp.lookups [{\"name\":\"a\",\"map\":{}}]\n", "lookup 'a' is a table" },
        { "http.method POST\nhttp.lookups [{\"name\":\"a\"}]\n", "http.lookups[0]: needs 'map' (a table) or 'relativeURI' (a request)" },
        { "http.method POST\nhttp.lookups [{\"relativeURI\":\"/\"}]\n", "name' is missing" },
        { "http.method POST\nignoreExisting true\n", "ignoreExisting: needs 'http.ignoreExtract' or" },
        { "http.method POST\nhttp.ignoreExtract a\nignoreExisting true\nignoreMissing true\n", "no record would ever be sent" },
        { "http.method POST\nhttp.response.successPath [\"a\",\"b\"]\n", "http.response.successPath: has 2 entries for 1 operations" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        docs_fixture_conf(t->f, "t.conf", apr_pstrcat(t->f->p, "<connection far>\ntype http\nhttp.baseURI http://x\n" IMPORT, cases[i].conf, NULL));
        docs_fixture_compile(t->f);
        if (!strstr(docs_fixture_problems(t->f), cases[i].problem)) {
            fail_msg("%s: %s", cases[i].conf, docs_fixture_problems(t->f));
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

/* clang-format on */

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_exists_is_updated_and_the_rest_created),
        TEST(a_lookup_tells_what_exists),
        TEST(a_template_uses_what_a_lookup_finds),
        TEST(the_address_sees_the_record_before_the_mapping),
        TEST(forms_are_written),
        TEST(a_form_that_is_none_fails_its_record),
        TEST(operations_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
