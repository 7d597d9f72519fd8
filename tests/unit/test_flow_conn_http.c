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

/* ---- addresses ---- */

/* clang-format off */

static void a_link_of_a_relation_is_found(void **state)
{
    conn_http_fixture_t *t = *state;
    static const struct { const char *value, *rel, *target; } cases[] = {
        { "<https://x/?p=2>; rel=\"next\"", "next", "https://x/?p=2" },
        { "<https://x/?p=2>; rel=next", "next", "https://x/?p=2" },
        { "</a>; rel=\"prev\", </b>; rel=\"next\"", "next", "/b" },
        { "</a>;rel=\"prev next\"", "next", "/a" },
        { "</a>; rel=\"nextpage\"", "next", NULL },
        { "</a>; rel=\"NEXT\"", "next", "/a" },
        { "</a,b>; rel=\"next\"", "next", "/a,b" },
        { "</a>; title=\"x, <y>; rel=\\\"next\\\"\"; rel=\"prev\", </b>; rel=next", "next", "/b" },
        { "</a>; rel=prev; rel=next", "next", NULL },
        { "</a>; rel=next; anchor=\"#x\"", "next", NULL },
        { "</a> ; REL = next", "next", "/a" },
        { "<>; rel=next", "next", "" },
        { "</a>", "next", NULL },
        { "</a", "next", NULL },
        { "garbage, </b>; rel=next", "next", "/b" },
        { "</a>; rel=\"nex", "next", NULL },
        { ", ,, ", "next", NULL },
        { "", "next", NULL },
        { "</a>; title=\"unclosed, </b>; rel=next", "next", NULL },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *got = flow_conn_http_link(cases[i].value, cases[i].rel, t->f->p);

        if (!got != !cases[i].target || (got && strcmp(got, cases[i].target) != 0)) {
            fail_msg("%s: %s", cases[i].value, got ? got : "(none)");
        }
    }
}

static void a_reference_is_resolved(void **state)
{
    conn_http_fixture_t *t = *state;
    static const struct { const char *base, *reference, *url; } cases[] = {
        { "https://x.example/a/b?c=d", "https://y/z",  "https://y/z" },
        { "https://x.example/a/b?c=d", "//y/z",        "https://y/z" },
        { "https://x.example/a/b?c=d", "/z?p=2",       "https://x.example/z?p=2" },
        { "https://x.example/a/b?c=d", "z",            "https://x.example/a/z" },
        { "https://x.example/a/b?c=d", "?p=2",         "https://x.example/a/b?p=2" },
        { "https://x.example/a/b?c=/d", "z#f",         "https://x.example/a/z" },
        { "https://x.example",         "z",            "https://x.example/z" },
        { "https://x.example",         "?p",           "https://x.example?p" },
        { "https://x.example/a?b#c",   "",             "https://x.example/a?b" },
        { "https://x.example/a",       "javascript:x", "javascript:x" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(flow_conn_http_resolve(cases[i].base, cases[i].reference, t->f->p), cases[i].url);
    }
}

static void an_address_stays_at_its_origin(void **state)
{
    conn_http_fixture_t *t = *state;
    static const struct { const char *base, *relative, *url; } cases[] = {
        { "https://x.example/api",  "/orders",     "https://x.example/api/orders" },
        { "https://x.example/api/", "/orders",     "https://x.example/api/orders" },
        { "https://x.example/api",  "orders",      "https://x.example/api/orders" },
        { "https://x.example/api",  "?a=b",        "https://x.example/api?a=b" },
        { "https://x.example/api",  "",            "https://x.example/api" },
        { "https://x.example/api",  "/a b\"<\r\n#\xc3\xa9%20", "https://x.example/api/a%20b%22%3C%0D%0A%23%C3%A9%20" },
        { "https://x.example/api",  "https://x.example/other",     "https://x.example/other" },
        { "https://x.example/api",  "HTTPS://X.example:443/other", "HTTPS://X.example:443/other" },
        { "https://x.example/api",  "//y.example/", "https://x.example/api//y.example/" },
        { "https://x.example/api",  "https://y.example/",          NULL },
        { "https://x.example/api",  "https://x.example.y.example/", NULL },
        { "https://x.example/api",  "https://x.example@y.example/", NULL },
        { "https://x.example/api",  "https://x.example:8443/",     NULL },
        { "https://x.example/api",  "http://x.example/",           NULL },
        { "https://x.example/api",  "https://x.example\\@y.example/", NULL },
        { "https://x.example/api",  "ftp://x.example/",            NULL },
        { "https://x.example/api",  "javascript:alert",            NULL },
        { "http://[::1]:8080",      "http://[::1]:8080/a",         "http://[::1]:8080/a" },
        { "http://[::1]",           "http://[::1]:80/a",           "http://[::1]:80/a" },
        { "x.example/api",          "/orders",                     NULL },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *url = NULL;
        apr_status_t rv = flow_conn_http_join(&url, cases[i].base, cases[i].relative, t->f->p, &err);

        if ((rv == APR_SUCCESS) != (cases[i].url != NULL) ||
            (rv == APR_SUCCESS && strcmp(url, cases[i].url) != 0)) {
            fail_msg("%s + %s: %s", cases[i].base, cases[i].relative, rv == APR_SUCCESS ? url : err.message);
        }
    }
}

/* ---- judging ---- */

static void an_answer_is_told_good_from_bad(void **state)
{
    conn_http_fixture_t *t = *state;
    static const struct {
        const char *conf;
        int status;
        const char *body, *result;
    } cases[] = {
        { "", 200, "{\"a\":1}", "[{\"a\":1}]" },
        { "", 204, "", "[]" },
        { "", 404, "{\"m\":\"gone\"}", "!404 4: {\"m\":\"gone\"}" },
        { "", 404, "", "!404 4: the far end answered 404 without a text" },
        { "", 400, "two\nlines", "!400 4: two lines" },
        { "", 408, "x", "!408 5: x" },
        { "", 429, "x", "!429 5: x" },
        { "", 500, "x", "!500 5: x" },
        { "", 503, "x", "!503 5: x" },
        { "http.response.errorPath m.text\n", 422, "{\"m\":{\"text\":\"no stock\"}}", "!422 4: no stock" },
        { "http.response.errorPath m.text\n", 422, "{\"m\":1}", "!422 4: {\"m\":1}" },
        { "http.response.errorPath m\n", 500, "not json", "!500 5: not json" },
        /* 200 with an error inside */
        { "http.response.failPath status\nhttp.response.failValues error fail\nhttp.response.errorPath m\n",
          200, "{\"status\":\"error\",\"m\":\"bad\"}", "!fail_path 4: bad" },
        { "http.response.failPath status\nhttp.response.failValues error\n", 200, "{\"status\":\"Error\"}", "[{\"status\":\"Error\"}]" },
        { "http.response.failPath status\nhttp.response.failValues error\n", 200, "{}", "[{}]" },
        { "http.response.failPath ok\nhttp.response.failValues false null\n", 200, "{\"ok\":false}", "!fail_path 4: {\"ok\":false}" },
        { "http.response.failPath ok\nhttp.response.failValues false null\n", 200, "{\"ok\":null}", "!fail_path 4: {\"ok\":null}" },
        { "http.response.failPath code\nhttp.response.failValues 7\n", 200, "{\"code\":7}", "!fail_path 4: {\"code\":7}" },
        { "http.response.failPath errors\n", 200, "{\"errors\":[]}", "[{\"errors\":[]}]" },
        { "http.response.failPath errors\n", 200, "{\"errors\":[{\"m\":1}]}", "!fail_path 4: {\"errors\":[{\"m\":1}]}" },
        { "http.response.failPath error\n", 200, "{\"error\":\"\"}", "[{\"error\":\"\"}]" },
        { "http.response.failPath error\n", 200, "{\"error\":\"x\"}", "!fail_path 4: {\"error\":\"x\"}" },
        { "http.response.successPath ok\nhttp.response.successValues true\n", 200, "{\"ok\":true}", "[{\"ok\":true}]" },
        { "http.response.successPath ok\nhttp.response.successValues true\n", 200, "{\"ok\":\"true\"}", "[{\"ok\":\"true\"}]" },
        { "http.response.successPath ok\nhttp.response.successValues true\n", 200, "{\"ok\":false}", "!success_path 4: {\"ok\":false}" },
        { "http.response.successPath ok\nhttp.response.successValues true\n", 200, "{}", "!success_path 4: {}" },
        { "http.response.successPath ok\nhttp.response.successValues true\n", 204, "", "!success_path 4: the answer does not say that it succeeded" },
        { "http.response.successPath ok\nhttp.response.successValues [\"\"]\n", 200, "{\"ok\":\"\"}", "[{\"ok\":\"\"}]" },
        { "http.response.successPath ok\nhttp.response.successValues a\n", 200, "{\"ok\":[\"b\",\"a\"]}", "!success_path 4: {\"ok\":[\"b\",\"a\"]}" },
        { "http.response.successPath ok\nhttp.response.successValues a\nhttp.response.allowArrayforSuccessPath true\n",
          200, "{\"ok\":[\"b\",\"a\"]}", "[{\"ok\":[\"b\",\"a\"]}]" },
        { "http.response.successPath ok\nhttp.response.successValues a\nhttp.response.failPath bad\nhttp.response.failValues x\n",
          200, "{\"ok\":\"a\",\"bad\":\"x\"}", "!fail_path 4: {\"ok\":\"a\",\"bad\":\"x\"}" },
        { "http.successMediaType json\n", 200, "<x>", "!response_invalid 4: connection 'far': the answer (status 200) cannot be read as application/json: invalid JSON at line 1, column 1: expected a value" },
        /* records */
        { "", 200, "[1,{\"a\":19.90}]", "[1,{\"a\":19.90}]" },
        { "http.response.resourcePath r.list\n", 200, "{\"r\":{\"list\":[{\"a\":1},{\"a\":2}]}}", "[{\"a\":1},{\"a\":2}]" },
        { "http.response.resourcePath r\n", 200, "{\"r\":{\"a\":1}}", "[{\"a\":1}]" },
        { "http.response.resourcePath x\n", 200, "{\"r\":{\"a\":1}}", "[]" },
        { "http.successMediaType plaintext\n", 200, "hello", "[{\"text\":\"hello\"}]" },
        { "http.successMediaType csv\n", 200, "a,b\n1,2\n", "[{\"a\":\"1\",\"b\":\"2\"}]" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        route_t routes[] = { { "GET /api/x", cases[i].status, NULL, cases[i].body }, { NULL } };
        const char *got;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, EXPORT "http.relativeURI /x\n", cases[i].conf, NULL));
        got = conn_http_export(t, NULL);
        if (strcmp(got, cases[i].result) != 0) {
            fail_msg("%s%d %s\n got: %s\nwant: %s", cases[i].conf, cases[i].status, cases[i].body, got, cases[i].result);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

/* http.type file: the parsers of files, whatever the answer says it is. */
static void an_answer_that_is_a_file_is_read_as_one(void **state)
{
    conn_http_fixture_t *t = *state;
#define LATIN "Content-Type: text/csv; charset=iso-8859-1\r\n"
    static const struct { const char *conf, *headers, *body, *result; } cases[] = {
        { "file.type csv\nfile.csv.columnDelimiter ;\n", JSON, "id;name\n01;\"a;\nb\"\n19.90;c\n",
          "[{\"id\":\"01\",\"name\":\"a;\\nb\"},{\"id\":\"19.90\",\"name\":\"c\"}]" },
        { "file.type csv\n", LATIN, "n\n\xE4\n", "[{\"n\":\"\xC3\xA4\"}]" },
        { "file.type csv\nfile.encoding macroman\n", LATIN, "n\n\x8A\n", "[{\"n\":\"\xC3\xA4\"}]" },
        { "file.type csv\nfile.csv.keyColumns k\n", NULL, "k,v\n1,a\n1,b\n2,c\n",
          "[[{\"k\":\"1\",\"v\":\"a\"},{\"k\":\"1\",\"v\":\"b\"}],[{\"k\":\"2\",\"v\":\"c\"}]]" },
        { "file.type json\n", NULL, "{\"a\":1e400}\n{\"a\":2}\n", "[{\"a\":1e400},{\"a\":2}]" },
        { "file.type json\nfile.json.resourcePath d.l\n", NULL, "{\"d\":{\"l\":[1,2]}}", "[1,2]" },
        { "file.type xml\nfile.xml.resourcePath //o\n", NULL, "<r><o>x</o><o a='1'/></r>", "[{\"_\":\"x\"},{\"$\":{\"a\":\"1\"}}]" },
        { "file.type filedefinition\nfile.fileDefinition.rules [{\"elements\":[{\"name\":\"a\",\"size\":2},{\"name\":\"b\",\"size\":1}]}]\n",
          NULL, "x 1\nyz2\n", "[{\"a\":\"x\",\"b\":\"1\"},{\"a\":\"yz\",\"b\":\"2\"}]" },
        { "file.type csv\n", NULL, "", "[]" },
        { "file.type json\n", NULL, "{\"a\":1}\n{\"a\":", "!response_invalid 4: connection 'far': the file in the answer (status 200) cannot be read: invalid JSON at line 2, byte 14: the text ends where a value is expected" },
        { "file.type csv\nfile.compressionFormat gzip\n", NULL, "a\n1\n", "!response_invalid 4: connection 'far': the file in the answer (status 200) cannot be read: invalid gzip data" },
        { "file.type csv\n", NULL, "a\n1,2,3\n4\n", "[{\"a\":\"4\"}]" },
        { "file.type csv\n", "Content-Type: text/csv; charset=klingon\r\n", "a\n1\n", "!response_invalid 4: connection 'far': the file in the answer (status 200) cannot be read: " },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        route_t routes[] = { { "GET /api/x", 200, cases[i].headers, cases[i].body }, { NULL } };
        const char *got;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, EXPORT "http.relativeURI /x\nhttp.type file\n", cases[i].conf, NULL));
        got = conn_http_export(t, NULL);
        if (strncmp(got, cases[i].result, strlen(cases[i].result)) != 0) {
            fail_msg("%s%s\n got: %s\nwant: %s", cases[i].conf, cases[i].body, got, cases[i].result);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

/* ---- what goes out ---- */

static void a_request_carries_what_is_configured(void **state)
{
    static const route_t routes[] = {
        { "POST /api/x/a%2Fb?q=1", 200, JSON, "[]" }, { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes,
            "http.headers [{\"name\":\"X-One\",\"value\":\"{{connection.http.unencrypted.one}}\"},{\"name\":\"X-Two\",\"value\":\"c\"}]\n"
            "http.unencrypted.one uno\n"
            "http.auth.type basic\nhttp.auth.basic.username u\nhttp.auth.basic.password p\n"
            EXPORT "isLookup true\nhttp.method POST\nhttp.relativeURI /x/{{sku}}?q={{data.qty}}\n"
            "http.headers [{\"name\":\"x-two\",\"value\":\"{{record.sku}}\"},{\"name\":\"X-None\",\"value\":\"{{nothing}}\"}]\n"
            "http.body {\"name\":\"{{record.name}}\"}\n");
    t->call.context = conn_http_parse(t, "{\"connection\":{\"http\":{\"unencrypted\":{\"one\":\"uno\"}}}}");
    assert_string_equal(conn_http_export(t, "{\"sku\":\"a/b\",\"qty\":1,\"name\":\"say \\\"hi\\\"\"}"), "[]");
    conn_http_sent(t, "Authorization: Basic dTpw\r\n");
    conn_http_sent(t, "X-One: uno\r\n");
    conn_http_sent(t, ": a/b\r\n");
    conn_http_sent(t, "Content-Type: application/json\r\n");
    conn_http_sent(t, "{\"name\":\"say \\\"hi\\\"\"}");
    assert_null(strstr(t->text, "X-Two: c"));
    assert_null(strstr(t->text, "X-None"));
}

static void a_token_goes_where_it_belongs(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?a=b&api%20key=se%2Fcret", 200, JSON, "[]" },
        { "GET /api/x?a=b", 200, JSON, "[]" }, { NULL },
    };
    static const struct { const char *conf, *sent; } cases[] = {
        { "http.auth.token.location header\n", "Authorization: se/cret\r\n" },
        { "http.auth.token.location header\nhttp.auth.token.scheme Bearer\n", "Authorization: Bearer se/cret\r\n" },
        { "http.auth.token.location header\nhttp.auth.token.headerName X-Key\n", "X-Key: se/cret\r\n" },
        { "http.auth.token.location url\nhttp.auth.token.paramName api key\n", "GET /api/x?a=b&api%20key=se%2Fcret " },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, "http.auth.type token\nhttp.auth.token.token se/cret\n", cases[i].conf,
                                       EXPORT "http.relativeURI /x?a=b\n", NULL));
        assert_string_equal(conn_http_export(t, NULL), "[]");
        conn_http_sent(t, cases[i].sent);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void a_header_with_a_line_break_is_refused(void **state)
{
    static const route_t routes[] = { { NULL } };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, EXPORT "http.relativeURI /x\nhttp.headers [{\"name\":\"X-Sku\",\"value\":\"{{{record.sku}}}\"}]\n");
    assert_string_equal(conn_http_export(t, "{\"sku\":\"a\\r\\nEvil: 1\"}"),
                        "!header_invalid 1: connection 'far': the value of header 'X-Sku' would hold a control character");
    assert_int_equal(loopback_requests(t->server), 0);
}

static void a_secret_does_not_come_back_in_an_error(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?key=se%2Fcret", 403, NULL, "bad key se/cret in /x?key=se%2Fcret" }, { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, "http.auth.type token\nhttp.auth.token.token se/cret\nhttp.auth.token.location url\n"
            "http.auth.token.paramName key\n" EXPORT "http.relativeURI /x\n");
    assert_string_equal(conn_http_export(t, NULL), "!403 4: bad key ****** in /x?key=******");
}

/* ---- paging ---- */

static void pages_are_counted_up(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?p=1", 200, JSON, "{\"r\":[1,2],\"n\":5,\"pages\":3,\"last\":\"no\"}" },
        { "GET /api/x?p=2", 200, JSON, "{\"r\":[3,4],\"n\":5,\"pages\":3,\"last\":\"no\"}" },
        { "GET /api/x?p=3", 200, JSON, "{\"r\":[5],\"n\":5,\"pages\":3,\"last\":\"yes\"}" },
        { "GET /api/x?p=4", 200, JSON, "{\"r\":[]}" },
        { "GET /api/y?p=0", 200, JSON, "[1]" },
        { "GET /api/y?p=1", 404, JSON, "{}" },
        { "GET /api/z?p=0", 404, JSON, "{}" },
        { "GET /api/g?p=0", 200, JSON, "[1]" },
        { "GET /api/g?p=1", 410, JSON, "{}" },
        { "GET /api/same?p=0", 200, JSON, "[1]" },
        { "GET /api/same?p=1", 200, JSON, "[1]" },
        { NULL },
    };
    static const struct { const char *conf, *result; int requests; } cases[] = {
        { "http.relativeURI /x?p={{export.http.paging.page}}\nhttp.paging.page 1\nhttp.response.resourcePath r\n", "[1,2][3,4][5][]", 4 },
        { "http.relativeURI /x?p={{export.http.paging.page}}\nhttp.paging.page 1\nhttp.response.resourcePath r\nhttp.paging.maxPagePath pages\n", "[1,2][3,4][5]", 3 },
        { "http.relativeURI /x?p={{export.http.paging.page}}\nhttp.paging.page 1\nhttp.response.resourcePath r\nhttp.paging.maxCountPath n\n", "[1,2][3,4][5]", 3 },
        { "http.relativeURI /x?p={{export.http.paging.page}}\nhttp.paging.page 1\nhttp.response.resourcePath r\nhttp.paging.lastPagePath last\nhttp.paging.lastPageValues yes\n", "[1,2][3,4][5]", 3 },
        { "http.relativeURI /x?p=1\nhttp.paging.relativeURI /x?p={{export.http.paging.page}}\nhttp.paging.page 1\nhttp.response.resourcePath r\nhttp.paging.maxPagePath pages\n", "[1,2][3,4][5]", 3 },
        { "http.relativeURI /y?p={{export.http.paging.page}}\n", "[1][]", 2 },
        { "http.relativeURI /z?p={{export.http.paging.page}}\n", "!404 4: {}", 1 },
        { "http.relativeURI /g?p={{export.http.paging.page}}\n", "[1]!410 4: {}", 2 },
        { "http.relativeURI /g?p={{export.http.paging.page}}\nhttp.paging.lastPageStatusCode 410\n", "[1][]", 2 },
        /* equal pages alone are no reason to stop */
        { "http.relativeURI /same?p={{export.http.paging.page}}\n", "[1][1]!599 5: no route", 3 },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, EXPORT, cases[i].conf, "http.paging.method page\n", NULL));
        assert_string_equal(conn_http_export(t, NULL), cases[i].result);
        assert_int_equal(loopback_requests(t->server), cases[i].requests);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void links_are_followed(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x", 200, JSON "Link: </api/x?c=1>; rel=\"next\", </api/x>; rel=\"first\"\r\n", "[1]" },
        { "GET /api/x?c=1", 200, JSON "Link: <?c=2>; rel=next\r\n", "[2]" },
        { "GET /api/x?c=2", 200, JSON, "[3]" },
        { "GET /api/loop", 200, JSON "Link: </api/loop>; rel=\"next\"\r\n", "[1]" },
        { "GET /api/away", 200, JSON "Link: <http://127.0.0.1:1/x>; rel=\"next\"\r\n", "[1]" },
        { "GET /api/more", 200, JSON "Link: <more2>; rel=\"more\"\r\n", "[1]" },
        { "GET /api/more2", 200, JSON, "[2]" },
        { NULL },
    };
    static const struct { const char *conf, *result; } cases[] = {
        { "http.relativeURI /x\n", "[1][2][3]" },
        { "http.relativeURI /loop\n", "[1]!paging_same_request 2: paging does not advance: page 2 would be the same request again; look at 'http.paging'" },
        { "http.relativeURI /away\n", "[1]!url_foreign 2: the address leads away from the baseURI's scheme, host and port" },
        { "http.relativeURI /more\n", "[1]" },
        { "http.relativeURI /more\nhttp.paging.linkHeaderRelation more\n", "[1][2]" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, EXPORT, cases[i].conf, "http.paging.method linkheader\n", NULL));
        assert_string_equal(conn_http_export(t, NULL), cases[i].result);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void a_page_template_sees_the_page_before(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?p=0", 200, JSON "X-More: yes\r\n", "{\"r\":[{\"id\":7},{\"id\":9}],\"n\":\"a\"}" },
        { "GET /api/x?p=1&after=9&n=a&m=yes", 200, JSON, "{\"r\":[]}" },
        { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, EXPORT "http.relativeURI /x?p=0\nhttp.response.resourcePath r\nhttp.paging.method page\n"
            "http.paging.relativeURI /x?p={{export.http.paging.page}}&after={{previous_page.last_record.id}}"
            "&n={{previous_page.full_response.n}}&m={{previous_page.headers.x-more}}\n");
    assert_string_equal(conn_http_export(t, NULL), "[{\"id\":7},{\"id\":9}][]");
}

/* clang-format on */

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_link_of_a_relation_is_found),
        TEST(a_reference_is_resolved),
        TEST(an_address_stays_at_its_origin),
        TEST(an_answer_is_told_good_from_bad),
        TEST(an_answer_that_is_a_file_is_read_as_one),
        TEST(a_request_carries_what_is_configured),
        TEST(a_token_goes_where_it_belongs),
        TEST(a_header_with_a_line_break_is_refused),
        TEST(a_secret_does_not_come_back_in_an_error),
        TEST(pages_are_counted_up),
        TEST(links_are_followed),
        TEST(a_page_template_sees_the_page_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
