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

#include "connectors/flow_conn_http.h"
#include "docs_fixture.h"
#include "loopback.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a far end that answers by the request's first line ---- */

typedef struct route_t {
    const char *request; /* "GET /x", the whole path and query */
    int status;
    const char *headers, *body; /* headers with \r\n at their ends */
} route_t;

typedef struct fixture_t {
    docs_fixture_t *f;
    loopback_t *server;
    flow_http_client_t *client;
    const route_t *routes; /* ends with request NULL */
    flow_call_t call;
    char text[8192];
    flow_error_t err;
} fixture_t;

static int answer(loopback_t *server, int fd, const char *request, void *baton)
{
    const fixture_t *t = baton;
    const route_t *r;
    char head[1024];
    int n;

    (void)server;
    for (r = t->routes; r->request; ++r) {
        size_t len = strlen(r->request);

        if (strncmp(request, r->request, len) == 0 && request[len] == ' ') {
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

static int setup(void **state)
{
    static fixture_t t;
    flow_error_t err = FLOW_ERROR_INIT;

    memset(&t, 0, sizeof(t));
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

static int teardown(void **state)
{
    fixture_t *t = *state;

    loopback_stop(t->server);
    docs_fixture_end(t->f);
    return 0;
}

static json_t *parse(fixture_t *t, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(t->f->p, v);
}

/* A connection to the server and what @a conf adds to it, compiled. */
static void compile(fixture_t *t, const route_t *routes, const char *conf)
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

static const flow_export_t *export_named(fixture_t *t, const char *id)
{
    return apr_hash_get(t->f->model->exports, id, APR_HASH_KEY_STRING);
}

/* All records as text, one array a page; stops at an error, which then stands
 * at the end as "!code kind: message". */
static const char *export_all(fixture_t *t, const char *input)
{
    const flow_export_t *exp = export_named(t, "e");
    apr_pool_t *p = t->f->p;
    const json_t *in = input ? parse(t, input) : NULL;
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
        cursor = page.cursor;
        if (!cursor) {
            return out;
        }
        /* Another process may go on from the text of the cursor. */
        cursor = parse(t, flow_json_text(page.cursor, NULL, p));
        json_incref(cursor);
        json_decref(page.cursor);
    }
    json_decref(cursor);
    return apr_pstrcat(p, out, "...", NULL);
}

static const char *import_all(fixture_t *t, const char *records)
{
    const flow_import_t *imp =
        apr_hash_get(t->f->model->imports, "i", APR_HASH_KEY_STRING);
    const json_t *list = parse(t, records);
    json_t *responses = NULL;
    const char *out;

    flow_error_clear(&t->err);
    if (imp->connector->import_records(imp, &t->call, list, list, &responses,
                                       t->f->p, &t->err) != APR_SUCCESS) {
        return apr_psprintf(t->f->p, "!%s %d: %s", t->err.code, t->err.kind,
                            t->err.message);
    }
    assert_int_equal(json_array_size(responses), json_array_size(list));
    for (size_t i = 0; i < json_array_size(responses); ++i) {
        json_object_del(json_array_get(responses, i), "_headers");
        json_object_del(json_array_get(responses, i), "ignored");
    }
    out = flow_json_text(responses, NULL, t->f->p);
    json_decref(responses);
    return out;
}

static const char *last_request(fixture_t *t)
{
    loopback_last(t->server, t->text, sizeof(t->text));
    return t->text;
}

#define SENT(t, what)                                                          \
    do {                                                                       \
        if (!strstr(last_request(t), what)) {                                  \
            fail_msg("not sent: %s\n%s", what, (t)->text);                     \
        }                                                                      \
    } while (0)

#define EXPORT "<export e>\n_connectionId far\n"
#define IMPORT "<import i>\n_connectionId far\n"
#define JSON   "Content-Type: application/json\r\n"

/* ---- addresses ---- */

/* clang-format off */

static void a_link_of_a_relation_is_found(void **state)
{
    fixture_t *t = *state;
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
    fixture_t *t = *state;
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
    fixture_t *t = *state;
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
    fixture_t *t = *state;
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

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        route_t routes[] = { { "GET /api/x", cases[i].status, NULL, cases[i].body }, { NULL } };
        const char *got;

        setup(state);
        t = *state;
        compile(t, routes, apr_pstrcat(t->f->p, EXPORT "http.relativeURI /x\n", cases[i].conf, NULL));
        got = export_all(t, NULL);
        if (strcmp(got, cases[i].result) != 0) {
            fail_msg("%s%d %s\n got: %s\nwant: %s", cases[i].conf, cases[i].status, cases[i].body, got, cases[i].result);
        }
        teardown(state);
    }
    setup(state);
}

/* ---- what goes out ---- */

static void a_request_carries_what_is_configured(void **state)
{
    static const route_t routes[] = {
        { "POST /api/x/a%2Fb?q=1", 200, JSON, "[]" }, { NULL },
    };
    fixture_t *t = *state;

    compile(t, routes,
            "http.headers [{\"name\":\"X-One\",\"value\":\"{{connection.http.unencrypted.one}}\"},{\"name\":\"X-Two\",\"value\":\"c\"}]\n"
            "http.unencrypted.one uno\n"
            "http.auth.type basic\nhttp.auth.basic.username u\nhttp.auth.basic.password p\n"
            EXPORT "isLookup true\nhttp.method POST\nhttp.relativeURI /x/{{sku}}?q={{data.qty}}\n"
            "http.headers [{\"name\":\"x-two\",\"value\":\"{{record.sku}}\"},{\"name\":\"X-None\",\"value\":\"{{nothing}}\"}]\n"
            "http.body {\"name\":\"{{record.name}}\"}\n");
    t->call.context = parse(t, "{\"connection\":{\"http\":{\"unencrypted\":{\"one\":\"uno\"}}}}");
    assert_string_equal(export_all(t, "{\"sku\":\"a/b\",\"qty\":1,\"name\":\"say \\\"hi\\\"\"}"), "[]");
    SENT(t, "Authorization: Basic dTpw\r\n");
    SENT(t, "X-One: uno\r\n");
    SENT(t, ": a/b\r\n");
    SENT(t, "Content-Type: application/json\r\n");
    SENT(t, "{\"name\":\"say \\\"hi\\\"\"}");
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

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        compile(t, routes, apr_pstrcat(t->f->p, "http.auth.type token\nhttp.auth.token.token se/cret\n", cases[i].conf,
                                       EXPORT "http.relativeURI /x?a=b\n", NULL));
        assert_string_equal(export_all(t, NULL), "[]");
        SENT(t, cases[i].sent);
        teardown(state);
    }
    setup(state);
}

static void a_header_with_a_line_break_is_refused(void **state)
{
    static const route_t routes[] = { { NULL } };
    fixture_t *t = *state;

    compile(t, routes, EXPORT "http.relativeURI /x\nhttp.headers [{\"name\":\"X-Sku\",\"value\":\"{{{record.sku}}}\"}]\n");
    assert_string_equal(export_all(t, "{\"sku\":\"a\\r\\nEvil: 1\"}"),
                        "!header_invalid 1: connection 'far': the value of header 'X-Sku' would hold a control character");
    assert_int_equal(loopback_requests(t->server), 0);
}

static void a_secret_does_not_come_back_in_an_error(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?key=se%2Fcret", 403, NULL, "bad key se/cret in /x?key=se%2Fcret" }, { NULL },
    };
    fixture_t *t = *state;

    compile(t, routes, "http.auth.type token\nhttp.auth.token.token se/cret\nhttp.auth.token.location url\n"
            "http.auth.token.paramName key\n" EXPORT "http.relativeURI /x\n");
    assert_string_equal(export_all(t, NULL), "!403 4: bad key ****** in /x?key=******");
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
        { "http.relativeURI /same?p={{export.http.paging.page}}\n",
          "[1]!paging_loop 2: paging does not advance: page 2 is the same as the one before; look at 'http.paging'", 2 },
    };
    size_t i;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        compile(t, routes, apr_pstrcat(t->f->p, EXPORT, cases[i].conf, "http.paging.method page\n", NULL));
        assert_string_equal(export_all(t, NULL), cases[i].result);
        assert_int_equal(loopback_requests(t->server), cases[i].requests);
        teardown(state);
    }
    setup(state);
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
        { "http.relativeURI /loop\n", "[1]!paging_loop 2: paging does not advance: page 2 would be the same request again; look at 'http.paging'" },
        { "http.relativeURI /away\n", "[1]!url_foreign 2: the address leads away from the baseURI's scheme, host and port" },
        { "http.relativeURI /more\n", "[1]" },
        { "http.relativeURI /more\nhttp.paging.linkHeaderRelation more\n", "[1][2]" },
    };
    size_t i;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        compile(t, routes, apr_pstrcat(t->f->p, EXPORT, cases[i].conf, "http.paging.method linkheader\n", NULL));
        assert_string_equal(export_all(t, NULL), cases[i].result);
        teardown(state);
    }
    setup(state);
}

static void a_page_template_sees_the_page_before(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?p=0", 200, JSON "X-More: yes\r\n", "{\"r\":[{\"id\":7},{\"id\":9}],\"n\":\"a\"}" },
        { "GET /api/x?p=1&after=9&n=a&m=yes", 200, JSON, "{\"r\":[]}" },
        { NULL },
    };
    fixture_t *t = *state;

    compile(t, routes, EXPORT "http.relativeURI /x?p=0\nhttp.response.resourcePath r\nhttp.paging.method page\n"
            "http.paging.relativeURI /x?p={{export.http.paging.page}}&after={{previous_page.last_record.id}}"
            "&n={{previous_page.full_response.n}}&m={{previous_page.headers.x-more}}\n");
    assert_string_equal(export_all(t, NULL), "[{\"id\":7},{\"id\":9}][]");
}

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
    fixture_t *t = *state;

    compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x/{{record.n}}\nhttp.response.errorPath m\n"
            "http.response.failPath ok\nhttp.response.failValues false\n");
    assert_string_equal(import_all(t, "[{\"n\":1},{\"n\":2},{\"n\":3},{\"n\":4},{\"n\":5,\"price\":19.90}]"),
        "[{\"statusCode\":200,\"errors\":[],\"id\":71,\"_json\":{\"id\":71}},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"422\",\"message\":\"dup\",\"source\":\"application\"}]},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"503\",\"message\":\"busy\",\"source\":\"application\"}]},"
        "{\"statusCode\":422,\"errors\":[{\"code\":\"fail_path\",\"message\":\"no\",\"source\":\"application\"}]},"
        "{\"statusCode\":200,\"errors\":[]}]");
    SENT(t, "{\"n\":5,\"price\":19.90}");
    SENT(t, "Content-Type: application/json\r\n");
}

static void records_are_delivered_in_batches(void **state)
{
    static const route_t routes[] = {
        { "PUT /api/x", 200, JSON, "{\"r\":[{\"k\":\"a\"},{\"k\":\"b\"}]}" }, { NULL },
    };
    fixture_t *t = *state;

    compile(t, routes, IMPORT "http.method PUT\nhttp.relativeURI /x\nhttp.batchSize 2\nhttp.response.resourcePath r\nhttp.response.resourceIdPath k\n");
    assert_string_equal(import_all(t, "[{\"n\":1},{\"n\":2},{\"n\":3}]"),
        "[{\"statusCode\":200,\"errors\":[],\"id\":\"a\",\"_json\":{\"k\":\"a\"}},"
        "{\"statusCode\":200,\"errors\":[],\"id\":\"b\",\"_json\":{\"k\":\"b\"}},"
        "{\"statusCode\":200,\"errors\":[],\"_json\":{\"r\":[{\"k\":\"a\"},{\"k\":\"b\"}]}}]");
    SENT(t, "\r\n\r\n[{\"n\":3}]");
    assert_int_equal(loopback_requests(t->server), 2);
}

static void a_failed_batch_fails_each_of_its_records(void **state)
{
    static const route_t routes[] = { { "POST /api/x", 400, JSON, "no" }, { NULL } };
    fixture_t *t = *state;

    compile(t, routes, IMPORT "http.method POST\nhttp.relativeURI /x\nhttp.batchSize 2\n");
    assert_string_equal(import_all(t, "[1,2]"),
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

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        compile(t, routes, apr_pstrcat(t->f->p, IMPORT "http.method POST\nhttp.relativeURI /x\n", cases[i].conf, NULL));
        assert_string_equal(import_all(t, apr_pstrcat(t->f->p, "[", cases[i].record, "]", NULL)), "[{\"statusCode\":200,\"errors\":[]}]");
        SENT(t, cases[i].body);
        teardown(state);
    }
    setup(state);
}

static void without_the_far_end_nothing_is_known(void **state)
{
    static const route_t routes[] = { { NULL } };
    fixture_t *t = *state;
    const char *got;

    t->routes = routes;
    docs_fixture_conf(t->f, "t.conf", "<connection far>\ntype http\nhttp.baseURI http://127.0.0.1:1\n" IMPORT "http.method POST\n");
    docs_fixture_compile(t->f);
    assert_string_equal(docs_fixture_problems(t->f), "");
    got = import_all(t, "[{\"n\":1},{\"n\":2}]");
    if (strncmp(got, "!connect_failed 5: connection 'far': ", 37) != 0) {
        fail_msg("%s", got);
    }
}

/* clang-format on */

/* ---- preview, ping, limits ---- */

static void a_preview_shows_the_request_and_sends_nothing(void **state)
{
    static const route_t routes[] = { { NULL } };
    fixture_t *t = *state;
    const char *text;

    compile(t, routes,
            "http.auth.type token\nhttp.auth.token.token se/cret\n"
            "http.auth.token.location header\n" EXPORT
            "http.method POST\nhttp.relativeURI /x/{{record.n}}\nhttp.body "
            "b\n");
    t->call.dry_run = 1;
    t->call.stages = flow_json_own(t->f->p, json_array());
    assert_string_equal(export_all(t, "{\"n\":5}"), "[]");
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
    fixture_t *t = *state;
    const flow_connection_t *conn;
    flow_error_t err = FLOW_ERROR_INIT;

    compile(t, routes,
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
    fixture_t *t = *state;

    compile(t, routes, EXPORT "http.relativeURI /x\n");
    t->call.stopping = &stopping;
    assert_string_equal(export_all(t, NULL),
                        "!stopping 5: connection 'far': the server is "
                        "stopping");
    t->call.stopping = NULL;
}

static void the_gate_lets_so_many_in_at_once(void **state)
{
    fixture_t *t = *state;
    http_gate_t *gate = flow_conn_http_gate_create(2, t->f->p);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_call_t call = { NULL };

    call.deadline = apr_time_now() + apr_time_from_msec(5);
    assert_int_equal(flow_conn_http_gate_enter(gate, &call, &err), 0);
    assert_int_equal(flow_conn_http_gate_enter(gate, &call, &err), 0);
    assert_int_not_equal(flow_conn_http_gate_enter(gate, &call, &err), 0);
    assert_string_equal(err.code, "connection_busy");
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    flow_conn_http_gate_leave(gate);
    flow_error_clear(&err);
    assert_int_equal(flow_conn_http_gate_enter(gate, &call, &err), 0);
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

    (void)thread;
    call.deadline = apr_time_now() + apr_time_from_sec(5);
    w->rv = flow_conn_http_gate_enter(w->gate, &call, &err);
    return NULL;
}

static void who_waits_at_the_gate_comes_in_when_one_leaves(void **state)
{
    fixture_t *t = *state;
    waiter_t w = { flow_conn_http_gate_create(1, t->f->p), APR_EGENERAL };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_call_t call = { NULL };
    apr_thread_t *thread;
    apr_status_t rv;

    call.deadline = apr_time_now() + apr_time_from_sec(1);
    flow_conn_http_gate_enter(w.gate, &call, &err);
    assert_int_equal(
        apr_thread_create(&thread, NULL, wait_at_gate, &w, t->f->p), 0);
    apr_sleep(apr_time_from_msec(2));
    flow_conn_http_gate_leave(w.gate);
    apr_thread_join(&rv, thread);
    assert_int_equal(w.rv, APR_SUCCESS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_link_of_a_relation_is_found),
        TEST(a_reference_is_resolved),
        TEST(an_address_stays_at_its_origin),
        TEST(an_answer_is_told_good_from_bad),
        TEST(a_request_carries_what_is_configured),
        TEST(a_token_goes_where_it_belongs),
        TEST(a_header_with_a_line_break_is_refused),
        TEST(a_secret_does_not_come_back_in_an_error),
        TEST(pages_are_counted_up),
        TEST(links_are_followed),
        TEST(a_page_template_sees_the_page_before),
        TEST(records_are_delivered_one_by_one),
        TEST(records_are_delivered_in_batches),
        TEST(a_failed_batch_fails_each_of_its_records),
        TEST(a_body_is_written_as_configured),
        TEST(without_the_far_end_nothing_is_known),
        TEST(a_preview_shows_the_request_and_sends_nothing),
        TEST(a_ping_tells_whether_credentials_are_taken),
        TEST(a_stopping_process_sends_nothing_more),
        TEST(the_gate_lets_so_many_in_at_once),
        TEST(who_waits_at_the_gate_comes_in_when_one_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
