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

typedef struct paging_case_t {
    const char *conf, *result;
    int requests;
} paging_case_t;

static void run_cases(void **state, const route_t *routes,
                      const paging_case_t *cases, size_t n)
{
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < n; ++i) {
        conn_http_fixture_t *t;
        const char *got;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes,
                          apr_pstrcat(t->f->p, EXPORT, cases[i].conf, NULL));
        got = conn_http_export(t, NULL);
        if (strcmp(got, cases[i].result) != 0 ||
            loopback_requests(t->server) != cases[i].requests) {
            fail_msg("%s\n got: %s (%d)\nwant: %s (%d)", cases[i].conf, got,
                     loopback_requests(t->server), cases[i].result,
                     cases[i].requests);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

/* clang-format off */

static void what_is_skipped_grows_by_what_came(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?o=0&n=2", 200, JSON, "{\"r\":[1,2],\"n\":3}" },
        { "GET /api/x?o=2&n=2", 200, JSON, "{\"r\":[3],\"n\":3}" },
        { "GET /api/x?o=3&n=2", 200, JSON, "{\"r\":[],\"n\":3}" },
        { "GET /api/x?o=1&n=2", 200, JSON, "{\"r\":[2,3],\"n\":3}" },
        { "POST /api/b", 200, JSON, "[7]" },
        { "GET /api/eq?p=0", 200, JSON, "[{\"v\":0}]" },
        { "GET /api/eq?p=1", 200, JSON, "[{\"v\":0}]" },
        { "GET /api/eq?p=2", 200, JSON, "[{\"v\":1}]" },
        { "GET /api/eq?p=3", 200, JSON, "[]" },
        { "GET /api/id?p=0", 200, JSON, "{\"r\":[{\"id\":1}],\"page\":0}" },
        { "GET /api/id?p=1", 200, JSON, "{\"r\":[{\"id\":1}],\"page\":1}" },
        { "GET /api/key?p=0", 200, JSON, "{\"r\":[{\"k\":{\"n\":1}}],\"page\":0}" },
        { "GET /api/key?p=1", 200, JSON, "{\"r\":[{\"k\":{\"n\":1}}],\"page\":1}" },
        { NULL },
    };
    static const paging_case_t cases[] = {
        { "http.paging.method skip\nhttp.response.resourcePath r\nhttp.relativeURI /x?o={{export.http.paging.skip}}&n=2\n", "[1,2][3][]", 3 },
        { "http.paging.method skip\nhttp.response.resourcePath r\nhttp.relativeURI /x?o={{export.http.paging.skip}}&n=2\nhttp.paging.maxCountPath n\n", "[1,2][3]", 2 },
        { "http.paging.method skip\nhttp.response.resourcePath r\nhttp.relativeURI /x?o={{export.http.paging.skip}}&n=2\nhttp.paging.skip 1\n", "[2,3][]", 2 },
        { "http.paging.method skip\nhttp.method POST\nhttp.relativeURI /b\nhttp.body {\"o\":{{export.http.paging.skip}}}\n",
          "[7][7][7][7][7][7][7][7][7][7]!paging_same_page 2: paging does not advance: page 11 is one of many with the same records; look at 'http.paging'", 11 },
        /* readings may be equal, page by page */
        { "http.paging.method page\nhttp.relativeURI /eq?p={{export.http.paging.page}}\n", "[{\"v\":0}][{\"v\":0}][{\"v\":1}][]", 4 },
        /* what has an id may not, whatever is written around it */
        { "http.paging.method page\nhttp.response.resourcePath r\nhttp.relativeURI /id?p={{export.http.paging.page}}\n",
          "[{\"id\":1}]!paging_same_page 2: paging does not advance: page 2 has the same records as the one before; look at 'http.paging'", 2 },
        { "http.paging.method page\nhttp.response.resourcePath r\nhttp.response.resourceIdPath k.n\nhttp.relativeURI /key?p={{export.http.paging.page}}\n",
          "[{\"k\":{\"n\":1}}]!paging_same_page 2: paging does not advance: page 2 has the same records as the one before; look at 'http.paging'", 2 },
    };

    run_cases(state, routes, cases, COUNT(cases));
}

static void tokens_are_passed_on(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x?c=", 200, JSON "X-Next: h1\r\n", "{\"r\":[1],\"next\":\"a/b\",\"more\":true}" },
        { "GET /api/x?c=a%2Fb", 200, JSON, "{\"r\":[2],\"next\":17,\"more\":true}" },
        { "GET /api/x?c=17", 200, JSON, "{\"r\":[3],\"next\":\"\",\"more\":false}" },
        { "GET /api/x?c=h1", 200, JSON "x-next: \r\n", "{\"r\":[4],\"later\":\"a/b\"}" },
        { "GET /api/x?c=first", 200, JSON, "{\"r\":[0]}" },
        { "GET /api/same?c=", 200, JSON, "{\"r\":[1],\"next\":\"s\"}" },
        { "GET /api/same?c=s", 200, JSON, "{\"r\":[2],\"next\":\"s\"}" },
        { "GET /api/circle?c=", 200, JSON, "{\"r\":[1],\"next\":\"s\"}" },
        { "GET /api/circle?c=s", 200, JSON, "{\"r\":[2],\"next\":\"t\"}" },
        { "GET /api/circle?c=t", 200, JSON, "{\"r\":[3],\"next\":\"s\"}" },
        { "GET /api/null?c=", 200, JSON, "{\"r\":[1],\"next\":null}" },
        { "GET /api/no?c=", 200, JSON, "{\"r\":[1],\"next\":false}" },
        { "GET /api/start", 200, JSON, "{\"r\":[1],\"next\":\"a/b\"}" },
        { NULL },
    };
#define TOKEN "http.paging.method token\nhttp.response.resourcePath r\nhttp.paging.path next\nhttp.paging.pathLocation body\n"
    static const paging_case_t cases[] = {
        { TOKEN "http.relativeURI /x?c={{export.http.paging.token}}\n", "[1][2][3]", 3 },
        { TOKEN "http.relativeURI /x?c={{export.http.paging.token}}\nhttp.paging.token first\n", "[0]", 1 },
        { TOKEN "http.relativeURI /start\nhttp.paging.relativeURI /x?c={{export.http.paging.token}}\n", "[1][2][3]", 3 },
        { TOKEN "http.relativeURI /x?c={{export.http.paging.token}}\nhttp.paging.lastPagePath more\nhttp.paging.lastPageValues false\n", "[1][2][3]", 3 },
        { TOKEN "http.relativeURI /x?c={{export.http.paging.token}}\nhttp.paging.lastPagePath more\nhttp.paging.lastPageValues true\n", "[1]", 1 },
        { "http.paging.method token\nhttp.response.resourcePath r\nhttp.paging.path X-Next\nhttp.paging.pathLocation header\n"
          "http.relativeURI /x?c={{export.http.paging.token}}\n", "[1][4]", 2 },
        { "http.paging.method token\nhttp.response.resourcePath r\nhttp.paging.path next\nhttp.paging.pathLocation body\nhttp.paging.pathAfterFirstRequest gone\n"
          "http.relativeURI /x?c={{export.http.paging.token}}\n", "[1][2]", 2 },
        { TOKEN "http.relativeURI /same?c={{export.http.paging.token}}\n",
          "[1]!paging_same_token 2: paging does not advance: page 2 names the token it was asked for with; look at 'http.paging'", 2 },
        { TOKEN "http.relativeURI /circle?c={{export.http.paging.token}}\n",
          "[1][2][3]!paging_same_request 2: paging does not advance: page 4 would be the same request again; look at 'http.paging'", 3 },
        { TOKEN "http.relativeURI /null?c={{export.http.paging.token}}\n", "[1]", 1 },
        { TOKEN "http.relativeURI /no?c={{export.http.paging.token}}\n", "[1]", 1 },
    };

    run_cases(state, routes, cases, COUNT(cases));
}

static void an_address_in_the_answer_is_followed(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x", 200, JSON, "{\"r\":[1],\"next\":\"/api/x?c=1\"}" },
        { "GET /api/x?c=1", 200, JSON, "{\"r\":[2],\"next\":\"x?c=2\"}" },
        { "GET /api/x?c=2", 200, JSON, "{\"r\":[3],\"next\":null}" },
        { "GET /api/h", 200, JSON "X-Next: /api/x?c=2\r\n", "{\"r\":[0]}" },
        { "GET /api/away", 200, JSON, "{\"r\":[1],\"next\":\"http://127.0.0.1:1/x\"}" },
        { "GET /api/loop", 200, JSON, "{\"r\":[1],\"next\":\"/api/loop\"}" },
        { "GET /api/empty", 200, JSON, "{\"r\":[],\"next\":\"/api/x\"}" },
        { NULL },
    };
#define URL "http.paging.method url\nhttp.response.resourcePath r\nhttp.paging.path next\n"
    static const paging_case_t cases[] = {
        { URL "http.relativeURI /x\n", "[1][2][3]", 3 },
        { "http.paging.method nextpageurl\nhttp.response.resourcePath r\nhttp.paging.path next\nhttp.relativeURI /x\n", "[1][2][3]", 3 },
        { "http.paging.method url\nhttp.response.resourcePath r\nhttp.paging.path x-next\nhttp.paging.pathLocation header\nhttp.relativeURI /h\n", "[0][3]", 2 },
        { URL "http.relativeURI /away\n", "[1]!url_foreign 2: the address leads away from the baseURI's scheme, host and port", 1 },
        { URL "http.relativeURI /loop\n", "[1]!paging_same_request 2: paging does not advance: page 2 would be the same request again; look at 'http.paging'", 1 },
        { URL "http.relativeURI /empty\n", "[]", 1 },
    };

    run_cases(state, routes, cases, COUNT(cases));
}

static void a_template_makes_the_next_request(void **state)
{
    static const route_t routes[] = {
        { "GET /api/x", 200, JSON "X-P: p2\r\n", "{\"r\":[{\"id\":1}],\"left\":2}" },
        { "GET /api/x?after=1", 200, JSON, "{\"r\":[{\"id\":5}],\"left\":1}" },
        { "GET /api/x?after=5", 200, JSON, "{\"other\":[{\"id\":6}],\"left\":0}" },
        { "GET /api/h/", 200, JSON "X-P: p2\r\n", "[1]" },
        { "GET /api/h/p2", 200, JSON "X-P: p3\r\n", "[2]" },
        { "GET /api/h/p3", 404, JSON, "{\"m\":\"gone\"}" },
        { "POST /api/q", 200, JSON, "{\"data\":{\"list\":[1],\"page\":{\"cursor\":\"c\\\"1\",\"more\":true}}}" },
        { NULL },
    };
    static const paging_case_t cases[] = {
        { "http.paging.method relativeuri\nhttp.relativeURI /x\nhttp.response.resourcePath r\nhttp.paging.relativeURI /x?after={{previous_page.last_record.id}}\n",
          "[{\"id\":1}][{\"id\":5}][]", 3 },
        { "http.paging.method relativeuri\nhttp.relativeURI /x\nhttp.response.resourcePath r\nhttp.paging.relativeURI /x?after={{previous_page.full_response.r.0.id}}\nhttp.paging.lastPagePath left\nhttp.paging.lastPageValues 1\n",
          "[{\"id\":1}][{\"id\":5}]", 2 },
        { "http.paging.method relativeuri\nhttp.relativeURI /h/\nhttp.paging.relativeURI /h/{{previous_page.headers.x-p}}\n", "[1][2][]", 3 },
        { "http.paging.method relativeuri\nhttp.relativeURI /x\nhttp.paging.resourcePath r\nhttp.paging.relativeURI /x?after=1\nhttp.paging.maxPagePath left\n",
          "[{\"r\":[{\"id\":1}],\"left\":2}][{\"id\":5}]", 2 },
        { "http.paging.method body\nhttp.method POST\nhttp.relativeURI /q\nhttp.response.resourcePath data.list\nhttp.body {\"first\":true}\n"
          "http.paging.body {\"after\":\"{{previous_page.full_response.data.page.cursor}}\"}\nhttp.paging.lastPagePath data.page.more\nhttp.paging.lastPageValues false\n",
          "[1][1]!paging_same_request 2: paging does not advance: page 3 would be the same request again; look at 'http.paging'", 2 },
    };

    run_cases(state, routes, cases, COUNT(cases));
}

static void a_page_body_is_escaped_for_its_place(void **state)
{
    static const route_t routes[] = {
        { "POST /api/q", 200, JSON, "{\"l\":[1],\"cursor\":\"c\\\"1\"}" }, { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, EXPORT "http.method POST\nhttp.relativeURI /q\nhttp.response.resourcePath l\nhttp.paging.method body\n"
            "http.body {\"first\":true}\nhttp.paging.body {\"after\":\"{{previous_page.full_response.cursor}}\"}\n");
    conn_http_export(t, NULL);
    conn_http_sent(t, "\r\n\r\n{\"after\":\"c\\\"1\"}");
}

static void endless_paging_is_cut_off(void **state)
{
    static const route_t routes[] = { { NULL } };
    static const struct { const char *cursor, *code; } cases[] = {
        { "{\"pages\":100000,\"records\":1}", "paging_pages" },
        { "{\"pages\":1,\"records\":100000000}", "paging_records" },
        { "{\"pages\":1,\"records\":1,\"began\":1000}", "paging_time" },
    };
    conn_http_fixture_t *t = *state;
    const flow_export_t *exp;
    size_t i;

    conn_http_compile(t, routes, EXPORT "http.relativeURI /x?p={{export.http.paging.page}}\nhttp.paging.method page\n");
    exp = apr_hash_get(t->f->model->exports, "e", APR_HASH_KEY_STRING);
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_page_t page;

        assert_int_not_equal(exp->connector->export_page(exp, &t->call, NULL, conn_http_parse(t, cases[i].cursor), &page, t->f->p, &err), 0);
        assert_string_equal(err.code, cases[i].code);
    }
    assert_int_equal(loopback_requests(t->server), 0);
}

static void paging_that_cannot_work_is_refused(void **state)
{
    static const struct { const char *conf, *problem; } cases[] = {
        { "http.paging.method skip\n", "method 'skip' needs {{export.http.paging.skip}} in 'http.relativeURI' or 'http.body'" },
        { "http.paging.method token\nhttp.relativeURI /{{export.http.paging.token}}\n", "method 'token' needs 'http.paging.path'" },
        { "http.paging.method token\nhttp.paging.path a\nhttp.relativeURI /{{export.http.paging.token}}\n", "method 'token' needs 'http.paging.pathLocation'" },
        { "http.paging.method url\n", "method 'url' needs 'http.paging.path'" },
        { "http.paging.method url\nhttp.paging.path a[?(x)]\n", "http.paging.path" },
        { "http.paging.method url\nhttp.paging.path a b\nhttp.paging.pathLocation header\n", "not the name of a header" },
        { "http.paging.method relativeuri\n", "method 'relativeuri' needs 'http.paging.relativeURI'" },
        { "http.paging.method body\n", "method 'body' needs 'http.paging.body'" },
        { "http.paging.method linkheader\nhttp.paging.lastPageValues a\n", "has no effect without 'http.paging.lastPagePath'" },
        { "http.paging.method pages\n", "did you mean 'page'?" },
        /* an answer that is a file is not looked into */
        { "http.type file\n", "required field 'file' is missing; it says what is in the answer" },
        { "http.type file\nfile.encoding utf8\n", "required field 'file.type' is missing" },
        { "file.type csv\n", "file: only for http.type 'file'" },
        { "http.type file\nfile.type csv\nfile.json.resourcePath a\n", "only for file.type 'json'" },
        { "http.type file\nfile.type csv\nhttp.response.successPath a\n", "has no effect with http.type 'file'" },
        { "http.type file\nfile.type csv\nhttp.paging.method url\nhttp.paging.path a\n", "must be 'header' with http.type 'file'" },
        { "http.type csvstream\n", "'csvstream' is known but not supported yet; supported: blob file" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        docs_fixture_conf(t->f, "t.conf", apr_pstrcat(t->f->p, "<connection far>\ntype http\nhttp.baseURI http://x\n" EXPORT, cases[i].conf, NULL));
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
        TEST(what_is_skipped_grows_by_what_came),
        TEST(tokens_are_passed_on),
        TEST(an_address_in_the_answer_is_followed),
        TEST(a_template_makes_the_next_request),
        TEST(a_page_body_is_escaped_for_its_place),
        TEST(endless_paging_is_cut_off),
        TEST(paging_that_cannot_work_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
