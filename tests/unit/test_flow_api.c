/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "api_fixture.h"

/* ---- what a script is told ---- */

static void a_script_is_told_the_request(void **state)
{
    flow_api_target_t target = { 0 };
    flow_request_t *req = api_post("{\"price\":19.90,\"id\":9007199254740993}");

    (void)state;
    target.api =
        apr_hash_get(api_world->model->apis, "api", APR_HASH_KEY_STRING);
    req->query = "a=1&b=x+y&a=2&c";
    req->path_info = "/orders/7";
    api_handle(&target, req);
    assert_int_equal(api_answer.status, 200);
    api_expect_body("{'method':'POST','headers':"
                    "{'content-type':'application/json'},"
                    "'queryString':{'a':['1','2'],'b':'x y','c':''},"
                    "'queryParams':{'a':['1','2'],'b':'x y','c':''},"
                    "'pathParams':{},'path':'/orders/7',"
                    "'body':{'price':19.90,'id':9007199254740993},"
                    "'rawBody':'{\\u0022price\\u0022:19.90,"
                    "\\u0022id\\u0022:9007199254740993}',"
                    "'_apiId':'api','settings':{'a':1},"
                    "'testMode':false,'sandbox':false}");
    assert_non_null(strstr(api_answer.body, "\"price\":19.90"));
    assert_int_equal(api_error.kind, FLOW_E_NONE);
}

static void bodies_are_parsed_by_their_type(void **state)
{
    /* clang-format off */
    static const struct { const char *type, *body, *expected, *raw; }
    cases[] = {
        { "application/json", "{\"a\":1}", "{'a':1}", NULL },
        { "application/json; charset=utf-8", "[1]", "[1]", NULL },
        { "application/json", "{\"a\":", NULL, "{\"a\":" },
        { "application/x-www-form-urlencoded", "a=1&a=2&b=%C3%A4",
          "{'a':['1','2'],'b':'\xc3\xa4'}", NULL },
        { "application/xml", "<o><id>7</id></o>", "{'o':{'id':['7']}}", NULL },
        { "text/plain", "hello", "'hello'", "hello" },
        { "image/png", "\x89PNG", NULL, "\xef\xbf\xbdPNG" },
        { NULL, "{\"a\":1}", NULL, "{\"a\":1}" },
        { NULL, "", NULL, "" },
        { "multipart/form-data; boundary=b", "--b--", NULL, "--b--" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        json_t *v = NULL;

        api_call("echo",
                 world_request(api_world, "PUT", cases[i].type, cases[i].body));
        assert_int_equal(api_answer.status, 200);
        flow_json_parse(&v, api_answer.body, api_answer.body_len, NULL);
        world_own(api_world, v);
        if (cases[i].expected) {
            world_expect(api_world, json_object_get(v, "body"),
                         cases[i].expected);
        }
        else {
            assert_null(json_object_get(v, "body"));
        }
        if (cases[i].raw) {
            assert_string_equal(flow_json_member(v, "rawBody"), cases[i].raw);
        }
    }
}

/* ---- what a script may answer ---- */

static void answers_of_scripts(void **state)
{
    /* clang-format off */
    static const struct {
        const char *returned; int status; const char *type, *body;
    } cases[] = {
        { "{'statusCode':201,'body':{'b':19.90,'a':1}}", 201,
          "application/json", "{\"b\":19.90,\"a\":1}" },
        { "{'statusCode':200,'body':[1]}", 200, "application/json", "[1]" },
        { "{'statusCode':200,'body':'hi'}", 200, "text/plain; charset=utf-8",
          "hi" },
        { "{'statusCode':200,'body':''}", 200, "text/plain; charset=utf-8",
          "" },
        { "{'statusCode':200,'body':7}", 200, "application/json", "7" },
        { "{'statusCode':200,'body':true}", 200, "application/json", "true" },
        { "{'statusCode':200,'body':null}", 200, NULL, NULL },
        { "{'statusCode':200}", 200, NULL, NULL },
        { "{'statusCode':200.0,'body':'x'}", 200, "text/plain; charset=utf-8",
          "x" },
        { "{'statusCode':204,'body':'x'}", 204, NULL, NULL },
        { "{'statusCode':304,'body':{'a':1}}", 304, NULL, NULL },
        { "{'statusCode':599,'body':'x'}", 599, "text/plain; charset=utf-8",
          "x" },
        { "{'statusCode':200,'headers':{'content-type':'text/html'},"
          "'body':'<b>'}", 200, "text/html", "<b>" },
        { "{'statusCode':200,'headers':{'Content-Type':'a/b+json'},"
          "'body':{'a':1}}", 200, "a/b+json", "{\"a\":1}" },
        { "{'statusCode':200,'headers':null,'body':'x'}", 200,
          "text/plain; charset=utf-8", "x" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        api_call("say", api_post(flow_json_text(
                            world_json(api_world, cases[i].returned), NULL,
                            api_world->p)));
        assert_int_equal(api_error.kind, FLOW_E_NONE);
        assert_int_equal(api_answer.status, cases[i].status);
        if (cases[i].body) {
            assert_string_equal(api_answer.body, cases[i].body);
            assert_string_equal(api_answer.content_type, cases[i].type);
            assert_int_equal(api_answer.body_len, strlen(cases[i].body));
        }
        else {
            assert_null(api_answer.body);
            assert_null(api_answer.content_type);
        }
    }
}

static void headers_are_sent_as_given(void **state)
{
    const apr_array_header_t *rows;

    (void)state;
    api_call("say",
             api_post("{\"statusCode\":302,\"headers\":{\"Location\":\"/x\","
                      "\"X-N\":19.90,\"X-B\":true,\"X-Null\":null,"
                      "\"Set-Cookie\":[\"a=1\",\"b=2\"]}}"));
    assert_int_equal(api_answer.status, 302);
    assert_string_equal(apr_table_get(api_answer.headers, "Location"), "/x");
    assert_string_equal(apr_table_get(api_answer.headers, "X-N"), "19.90");
    assert_string_equal(apr_table_get(api_answer.headers, "X-B"), "true");
    assert_null(apr_table_get(api_answer.headers, "X-Null"));
    rows = apr_table_elts(api_answer.headers);
    assert_int_equal(rows->nelts, 5);
}

static void answers_that_are_none_are_refused(void **state)
{
    /* clang-format off */
    static const struct { const char *returned, *message; } cases[] = {
        { "{'body':{}}",                 "has no statusCode" },
        { "{'statusCode':'200'}",        "whole number, got string" },
        { "{'statusCode':null}",         "whole number, got null" },
        { "{'statusCode':200.5}",        "whole number" },
        { "{'statusCode':99}",           "from 200 to 599, got 99" },
        { "{'statusCode':101}",          "from 200 to 599, got 101" },
        { "{'statusCode':600}",          "from 200 to 599" },
        { "'ok'",                        "got string" },
        { "[]",                          "got array" },
        { "{'statusCode':200,'headers':[]}", "headers must be an object" },
        { "{'statusCode':200,'headers':{'a b':'c'}}", "a header's name" },
        { "{'statusCode':200,'headers':{'':'c'}}", "a header's name" },
        { "{'statusCode':200,'headers':{'X\\u0000':'c'}}", "a header's name" },
        { "{'statusCode':200,'headers':{'X':{}}}", "header 'X' must be text" },
        { "{'statusCode':200,'headers':{'X':[['a']]}}", "header 'X' must be" },
        { "{'statusCode':200,'headers':{'X':'a\\u0000b'}}",
          "header 'X' holds a control character" },
        { "{'statusCode':200,'headers':{'content-length':'5'}}",
          "header 'content-length' is set by the server" },
        { "{'statusCode':200,'headers':{'Transfer-Encoding':'chunked'}}",
          "header 'Transfer-Encoding' is set by the server" },
        { "{'statusCode':200,'headers':{'Connection':'close'}}",
          "header 'Connection' is set by the server" },
        { "{'statusCode':200,'headers':{'Content-Type':['a/b','c/d']}}",
          "'Content-Type' is there twice" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        api_call("say", api_post(flow_json_text(
                            world_json(api_world, cases[i].returned), NULL,
                            api_world->p)));
        api_expect_error(422, "invalid_response", "script");
        if (!strstr(api_error.message, cases[i].message)) {
            assert_string_equal(api_error.message, cases[i].message);
        }
        assert_null(api_answer.headers);
    }
    api_call("nothing", api_post("{}"));
    api_expect_error(422, "invalid_response", "script");
}

static void an_answer_cannot_be_split(void **state)
{
    (void)state;
    api_call("split", api_post("{}"));
    api_expect_error(422, "invalid_response", "script");
    assert_non_null(strstr(api_error.message, "'X-A'"));
    assert_null(strstr(api_answer.body, "stolen"));
    api_call("splitName", api_post("{}"));
    api_expect_error(422, "invalid_response", "script");
    assert_null(api_answer.headers);
}

/* ---- celigo-runtime 1.5, row by row ---- */

static void a_failing_script_is_422(void **state)
{
    /* clang-format off */
    static const struct { const char *function, *code; } cases[] = {
        { "thrower",   "Error" },
        { "thrower2",  "stock" },
        { "noSuch",    "invalid_function" },
        { "date",      "invalid_extension_response" },
        { "fn",        "invalid_extension_response" },
        { "cycle",     "invalid_extension_response" },
        { "huge",      "response_size_exceeded" },
        { "raw",       "not_found" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        api_call(cases[i].function, api_post("{}"));
        api_expect_error(422, cases[i].code, "script");
    }
    api_call("thrower2", api_post("{}"));
    assert_non_null(strstr(api_answer.body, "none left"));
}

static void a_script_that_takes_too_long_is_504(void **state)
{
    (void)state;
    api_world->env.api_timeout = apr_time_from_msec(50);
    api_call("endless", api_post("{}"));
    api_expect_error(504, "script_timeout", "script");
}

static void a_disabled_api_is_404(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.api =
        apr_hash_get(api_world->model->apis, "off", APR_HASH_KEY_STRING);
    api_handle(&target, api_post("{}"));
    api_expect_error(404, "api_disabled", NULL);
}

static void an_error_from_the_far_end_passes_through_a_script(void **state)
{
    (void)state;
    fake.fail_at = 0;
    api_call("runExport", api_post("{}"));
    api_expect_error(502, "far_end", "application");
    fake.fail_kind = FLOW_E_UNAVAILABLE;
    api_call("runExport", api_post("{}"));
    api_expect_error(503, "far_end", "connection");
    assert_string_equal(apr_table_get(api_answer.headers, "Retry-After"), "5");
}

/* ---- exports, imports and flows without a script ---- */

static void an_export_is_an_api(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.exp = world_export(api_world, "exp");
    api_handle(&target, world_request(api_world, "GET", NULL, NULL));
    assert_int_equal(api_answer.status, 200);
    api_expect_body("{'data':[{'id':1,'price':19.90}],'errors':[]}");
    assert_int_equal(json_array_size(fake.inputs), 0);

    api_handle(&target, api_post("{\"since\":\"x\"}"));
    assert_int_equal(api_answer.status, 200);
    world_expect(api_world, fake.inputs, "[{'since':'x'}]");

    api_handle(&target, api_post("{\"since\":"));
    api_expect_error(400, "invalid_json", NULL);
    api_handle(&target, api_post("7"));
    api_expect_error(400, "invalid_body", NULL);

    fake.fail_at = 0;
    api_handle(&target, api_post("{}"));
    api_expect_error(502, "far_end", "application");
    fake.fail_kind = FLOW_E_UNAVAILABLE;
    api_handle(&target, api_post("{}"));
    api_expect_error(502, "far_end", "connection");
}

static void an_import_is_an_api(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.imp = world_import(api_world, "imp");
    api_handle(&target, api_post("{\"id\":1}"));
    assert_int_equal(api_answer.status, 200);
    api_expect_body("{'statusCode':200,'id':1,'ignored':false,'errors':[],"
                    "'_json':{'id':1}}");
    api_handle(&target, world_request(api_world, "PUT", NULL,
                                      "[{\"id\":1},{\"refuse\":1}]"));
    assert_int_equal(api_answer.status, 422);
    assert_int_equal(api_error.kind, FLOW_E_NONE); /* it is the data's */
    api_handle(&target, api_post("[]"));
    assert_int_equal(api_answer.status, 200);
    api_expect_body("[]");
    api_handle(&target, api_post(""));
    api_expect_error(400, "missing_body", NULL);
    api_handle(&target, api_post("[1]"));
    api_expect_error(400, "invalid_record", NULL);
    api_handle(&target, world_request(api_world, "GET", NULL, NULL));
    api_expect_error(405, "method_not_allowed", NULL);
    assert_string_equal(apr_table_get(api_answer.headers, "Allow"),
                        "POST, PUT, OPTIONS");

    target.imp = world_import(api_world, "broken");
    api_handle(&target, api_post("{\"id\":1}"));
    api_expect_error(422, "Error", "script");
}

static void a_flow_is_an_api(void **state)
{
    flow_api_target_t target = { 0 };
    flow_request_t *req = api_post("{\"id\":1}");

    (void)state;
    target.flow = world_flow(api_world, "flow");
    api_handle(&target, req);
    assert_int_equal(api_answer.status, 201);
    api_expect_body("{'_jobId':'job-of-flow'}");
    world_expect(api_world, api_jobs.request, "{'data':{'id':1}}");
    api_handle(&target, api_post(""));
    assert_int_equal(api_answer.status, 201);
    assert_null(api_jobs.request);

    req->query = "wait=20";
    api_jobs.result =
        world_json(api_world, "{'job':{'_id':'j','status':'failed'},"
                              "'data':[],'errors':[]}");
    api_handle(&target, req);
    assert_int_equal(api_answer.status, 200);
    api_expect_body(
        "{'job':{'_id':'j','status':'failed'},'data':[],'errors':[]}");
    api_jobs.status = APR_TIMEUP;
    api_handle(&target, req);
    assert_int_equal(api_answer.status, 202);
    api_expect_body("{'_jobId':'j'}");
    api_jobs.status = APR_EGENERAL;
    api_handle(&target, req);
    api_expect_error(503, "queue_full", NULL);
    assert_string_equal(apr_table_get(api_answer.headers, "Retry-After"), "5");

    api_handle(&target, world_request(api_world, "GET", NULL, NULL));
    api_expect_error(405, "method_not_allowed", NULL);
    target.flow = world_flow(api_world, "paused");
    api_handle(&target, api_post(""));
    api_expect_error(404, "flow_disabled", NULL);
    api_world->env.jobs = NULL;
    target.flow = world_flow(api_world, "flow");
    api_handle(&target, api_post(""));
    api_expect_error(503, "flows_unavailable", NULL);
}

static void wait_is_a_number_of_seconds(void **state)
{
    static const char *const bad[] = { "wait=",   "wait=0",  "wait=301",
                                       "wait=x",  "wait=1x", "wait=1&wait=2",
                                       "wait=-1", "wait" };
    flow_api_target_t target = { 0 };
    flow_request_t *req = api_post("");
    size_t i;

    (void)state;
    target.flow = world_flow(api_world, "flow");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        req->query = bad[i];
        api_handle(&target, req);
        api_expect_error(400, "invalid_query", NULL);
    }
}

static void options_tells_what_is_allowed(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.exp = world_export(api_world, "exp");
    api_handle(&target, world_request(api_world, "OPTIONS", NULL, NULL));
    assert_int_equal(api_answer.status, 204);
    assert_null(api_answer.body);
    assert_string_equal(apr_table_get(api_answer.headers, "Allow"),
                        "GET, HEAD, POST, OPTIONS");
    assert_int_equal(api_error.kind, FLOW_E_NONE);

    /* a script answers for itself */
    api_call("echo", world_request(api_world, "OPTIONS", NULL, NULL));
    assert_int_equal(api_answer.status, 200);
    assert_non_null(strstr(api_answer.body, "OPTIONS"));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_script_is_told_the_request),
        TEST(bodies_are_parsed_by_their_type),
        TEST(answers_of_scripts),
        TEST(headers_are_sent_as_given),
        TEST(answers_that_are_none_are_refused),
        TEST(an_answer_cannot_be_split),
        TEST(a_failing_script_is_422),
        TEST(a_script_that_takes_too_long_is_504),
        TEST(a_disabled_api_is_404),
        TEST(an_error_from_the_far_end_passes_through_a_script),
        TEST(an_export_is_an_api),
        TEST(an_import_is_an_api),
        TEST(a_flow_is_an_api),
        TEST(wait_is_a_number_of_seconds),
        TEST(options_tells_what_is_allowed),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
