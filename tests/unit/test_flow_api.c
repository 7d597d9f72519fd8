/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_run.h"
#include "world.h"

static const char source[] =
    "import { exports, imports, flows, state } from 'integrator-api'\n"
    "function echo(o) { return {statusCode: 200, body: o} }\n"
    "function say(o) { return o.body }\n"
    "function thrower(o) { throw new Error('boom') }\n"
    "function thrower2(o) { throw {code: 'stock', message: 'none left'} }\n"
    "function endless(o) { for (;;) {} }\n"
    "function date(o) { return {statusCode: 200, body: {at: new Date(0)}} }\n"
    "function fn(o) { return {statusCode: 200, body: {f: fn}} }\n"
    "function cycle(o) { var a = {}; a.a = a;"
    " return {statusCode: 200, body: a} }\n"
    "function nothing(o) { }\n"
    "function huge(o) { var s = 'x', a = [], i;"
    " while (s.length < 8192) { s += s }"
    " for (i = 0; i < 700; ++i) { a.push(s) }"
    " return {statusCode: 200, body: a} }\n"
    "function split(o) { return {statusCode: 200,"
    " headers: {'X-A': 'a\\r\\nSet-Cookie: stolen'}} }\n"
    "function splitName(o) { var h = {}; h['X\\r\\nY'] = 'v';"
    " return {statusCode: 200, headers: h} }\n"
    "function runExport(o) {"
    " return {statusCode: 200, body: exports.run({_id: 'exp'})} }\n"
    "function runImport(o) { return {statusCode: 200,"
    " body: imports.run({_id: 'imp', data: o.body})} }\n"
    "function runFlow(o) { return {statusCode: 200,"
    " body: flows.run(o.body)} }\n"
    "function caught(o) { try { exports.run(o.body) } catch (e) {"
    " return {statusCode: 400, body: {code: e.code, message: e.message,"
    " status: e.statusCode}} } }\n"
    "function getState(o) {"
    " return {statusCode: 200, body: state.get('k')} }\n"
    "function recurse(o) { exports.run('deep');"
    " return {data: o.data, errors: []} }\n";

static world_t *world;
static flow_answer_t answer;
static flow_error_t error;

/* ---- a job store that is none ---- */

static struct {
    json_t *request; /* of the last call, or NULL */
    json_t *result;  /* what run_wait gives */
    apr_status_t status;
    apr_interval_time_t waited;
} jobs;

static apr_status_t queue(void *baton, const flow_flow_t *flow,
                          const json_t *request, const char **pjob_id,
                          apr_pool_t *p, flow_error_t *err)
{
    (void)baton;
    jobs.request =
        request ? world_own(world, json_incref((json_t *)request)) : NULL;
    if (jobs.status != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, jobs.status,
                              "queue_full", "the queue is full");
    }
    *pjob_id = apr_pstrcat(p, "job-of-", flow->id, NULL);
    return APR_SUCCESS;
}

static apr_status_t run_wait(void *baton, const flow_flow_t *flow,
                             const json_t *request, apr_time_t until,
                             json_t **presult, apr_pool_t *p, flow_error_t *err)
{
    const char *id;

    jobs.waited = until - apr_time_now();
    if (jobs.status != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(jobs.status)) {
        return queue(baton, flow, request, &id, p, err);
    }
    queue(baton, flow, request, &id, p, NULL);
    *presult = json_incref(jobs.result);
    return jobs.status;
}

static const flow_jobs_iface_t iface = { NULL, queue, run_wait };

/* ---- the world of these tests ---- */

static int setup(void **state)
{
    (void)state;
    world = world_create();
    world_script(world, "s", source);
    world_doc(world, FLOW_KIND_API, "api", "script._scriptId", "s",
              "script.function", "echo", "settings", "{\"a\":1}", NULL);
    world_doc(world, FLOW_KIND_API, "off", "script._scriptId", "s",
              "script.function", "echo", "disabled", "true", NULL);
    world_doc(world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far", NULL);
    world_doc(world, FLOW_KIND_EXPORT, "deep", "_connectionId", "far",
              "hooks.preSavePage",
              "{\"_scriptId\":\"s\",\"function\":\"recurse\"}", NULL);
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far", NULL);
    world_doc(world, FLOW_KIND_IMPORT, "broken", "_connectionId", "far",
              "hooks.preMap", "{\"_scriptId\":\"s\",\"function\":\"thrower\"}",
              NULL);
    world_doc(world, FLOW_KIND_FLOW, "flow", "pageGenerators",
              "[{\"_exportId\":\"exp\"}]", "pageProcessors",
              "[{\"type\":\"import\",\"_importId\":\"imp\"}]", NULL);
    world_doc(world, FLOW_KIND_FLOW, "paused", "disabled", "true",
              "pageGenerators", "[{\"_exportId\":\"exp\"}]", "pageProcessors",
              "[{\"type\":\"import\",\"_importId\":\"imp\"}]", NULL);
    world_compile(world);
    world->env.jobs = &iface;
    memset(&jobs, 0, sizeof(jobs));
    fake.pages = world_json(world, "[[{'id':1,'price':19.90}]]");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

static flow_request_t *request(const char *method, const char *type,
                               const char *body)
{
    flow_request_t *req = apr_pcalloc(world->p, sizeof(*req));
    apr_table_t *headers = apr_table_make(world->p, 4);

    req->method = method;
    req->uri = "/api/x";
    req->path_info = "";
    req->body = body ? body : "";
    req->body_len = strlen(req->body);
    req->headers = headers;
    if (type) {
        apr_table_set(headers, "Content-Type", type);
    }
    return req;
}

static flow_request_t *post(const char *body)
{
    return request("POST", "application/json", body);
}

static void handle(const flow_api_target_t *target, const flow_request_t *req)
{
    flow_api_handle(&world->env, target, req, &answer, world->p, &error);
}

static void call(const char *function, const flow_request_t *req)
{
    flow_api_target_t target = { 0 };

    target.script.script =
        apr_hash_get(world->model->scripts, "s", APR_HASH_KEY_STRING);
    target.script.function = function;
    handle(&target, req);
}

static void expect_body(const char *expected)
{
    json_t *v = NULL;

    assert_non_null(answer.body);
    assert_string_equal(answer.content_type, "application/json");
    assert_int_equal(flow_json_parse(&v, answer.body, answer.body_len, NULL),
                     APR_SUCCESS);
    world_expect(world, world_own(world, v), expected);
}

static void expect_error(int status, const char *code, const char *source_name)
{
    json_t *v = NULL;
    const json_t *e;

    assert_int_equal(answer.status, status);
    assert_int_equal(flow_json_parse(&v, answer.body, answer.body_len, NULL),
                     APR_SUCCESS);
    world_own(world, v);
    e = json_array_get(json_object_get(v, "errors"), 0);
    assert_string_equal(flow_json_member(e, "code"), code);
    assert_non_null(flow_json_member(e, "message"));
    if (source_name) {
        assert_string_equal(flow_json_member(e, "source"), source_name);
    }
    assert_int_not_equal(error.kind, FLOW_E_NONE);
    assert_string_equal(error.code, code);
}

/* ---- what a script is told ---- */

static void a_script_is_told_the_request(void **state)
{
    flow_api_target_t target = { 0 };
    flow_request_t *req = post("{\"price\":19.90,\"id\":9007199254740993}");

    (void)state;
    target.api = apr_hash_get(world->model->apis, "api", APR_HASH_KEY_STRING);
    req->query = "a=1&b=x+y&a=2&c";
    req->path_info = "/orders/7";
    handle(&target, req);
    assert_int_equal(answer.status, 200);
    expect_body("{'method':'POST','headers':"
                "{'content-type':'application/json'},"
                "'queryString':{'a':['1','2'],'b':'x y','c':''},"
                "'queryParams':{'a':['1','2'],'b':'x y','c':''},"
                "'pathParams':{},'path':'/orders/7',"
                "'body':{'price':19.90,'id':9007199254740993},"
                "'rawBody':'{\\u0022price\\u0022:19.90,"
                "\\u0022id\\u0022:9007199254740993}',"
                "'_apiId':'api','settings':{'a':1},"
                "'testMode':false,'sandbox':false}");
    assert_non_null(strstr(answer.body, "\"price\":19.90"));
    assert_int_equal(error.kind, FLOW_E_NONE);
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

        call("echo", request("PUT", cases[i].type, cases[i].body));
        assert_int_equal(answer.status, 200);
        flow_json_parse(&v, answer.body, answer.body_len, NULL);
        world_own(world, v);
        if (cases[i].expected) {
            world_expect(world, json_object_get(v, "body"), cases[i].expected);
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
        call("say", post(flow_json_text(world_json(world, cases[i].returned),
                                        NULL, world->p)));
        assert_int_equal(error.kind, FLOW_E_NONE);
        assert_int_equal(answer.status, cases[i].status);
        if (cases[i].body) {
            assert_string_equal(answer.body, cases[i].body);
            assert_string_equal(answer.content_type, cases[i].type);
            assert_int_equal(answer.body_len, strlen(cases[i].body));
        }
        else {
            assert_null(answer.body);
            assert_null(answer.content_type);
        }
    }
}

static void headers_are_sent_as_given(void **state)
{
    const apr_array_header_t *rows;

    (void)state;
    call("say", post("{\"statusCode\":302,\"headers\":{\"Location\":\"/x\","
                     "\"X-N\":19.90,\"X-B\":true,\"X-Null\":null,"
                     "\"Set-Cookie\":[\"a=1\",\"b=2\"]}}"));
    assert_int_equal(answer.status, 302);
    assert_string_equal(apr_table_get(answer.headers, "Location"), "/x");
    assert_string_equal(apr_table_get(answer.headers, "X-N"), "19.90");
    assert_string_equal(apr_table_get(answer.headers, "X-B"), "true");
    assert_null(apr_table_get(answer.headers, "X-Null"));
    rows = apr_table_elts(answer.headers);
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
        call("say", post(flow_json_text(world_json(world, cases[i].returned),
                                        NULL, world->p)));
        expect_error(422, "invalid_response", "script");
        if (!strstr(error.message, cases[i].message)) {
            assert_string_equal(error.message, cases[i].message);
        }
        assert_null(answer.headers);
    }
    call("nothing", post("{}"));
    expect_error(422, "invalid_response", "script");
}

static void an_answer_cannot_be_split(void **state)
{
    (void)state;
    call("split", post("{}"));
    expect_error(422, "invalid_response", "script");
    assert_non_null(strstr(error.message, "'X-A'"));
    assert_null(strstr(answer.body, "stolen"));
    call("splitName", post("{}"));
    expect_error(422, "invalid_response", "script");
    assert_null(answer.headers);
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
        { "getState",  "not_implemented" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        call(cases[i].function, post("{}"));
        expect_error(422, cases[i].code, "script");
    }
    call("thrower2", post("{}"));
    assert_non_null(strstr(answer.body, "none left"));
}

static void a_script_that_takes_too_long_is_504(void **state)
{
    (void)state;
    world->env.api_timeout = apr_time_from_msec(50);
    call("endless", post("{}"));
    expect_error(504, "script_timeout", "script");
}

static void a_disabled_api_is_404(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.api = apr_hash_get(world->model->apis, "off", APR_HASH_KEY_STRING);
    handle(&target, post("{}"));
    expect_error(404, "api_disabled", NULL);
}

static void an_error_from_the_far_end_passes_through_a_script(void **state)
{
    (void)state;
    fake.fail_at = 0;
    call("runExport", post("{}"));
    expect_error(502, "far_end", "application");
    fake.fail_kind = FLOW_E_UNAVAILABLE;
    call("runExport", post("{}"));
    expect_error(503, "far_end", "connection");
    assert_string_equal(apr_table_get(answer.headers, "Retry-After"), "5");
}

/* ---- integrator-api ---- */

static void a_script_runs_exports_and_imports(void **state)
{
    (void)state;
    call("runExport", post("{}"));
    expect_body("{'data':[{'id':1,'price':19.90}],'errors':[]}");
    assert_non_null(strstr(answer.body, "19.90"));

    call("runImport", post("{\"id\":5}"));
    expect_body("{'statusCode':200,'id':5,'ignored':false,'errors':[],"
                "'_json':{'id':5}}");
    call("runImport", post("[{\"id\":5},{\"id\":6,\"refuse\":1}]"));
    expect_body("[{'statusCode':200,'id':5,'ignored':false,'errors':[],"
                "'_json':{'id':5}},{'statusCode':422,'ignored':false,"
                "'errors':[{'code':'refused','message':"
                "'the far end does not want it','source':'application'}]}]");
}

static void errors_of_calls_can_be_caught(void **state)
{
    (void)state;
    call("caught", post("{\"_id\":\"exq\"}"));
    assert_int_equal(answer.status, 400);
    expect_body("{'code':'not_found','message':'there is no export "
                "\\u0027exq\\u0027; did you mean \\u0027exp\\u0027?',"
                "'status':404}");
    call("caught", post("{}"));
    expect_body("{'code':'missing_required_field','message':"
                "'exports.run needs the _id of the export','status':422}");
    fake.fail_at = 0;
    call("caught", post("{\"_id\":\"exp\"}"));
    expect_body("{'code':'far_end','message':'export \\u0027exp\\u0027: "
                "page 0 cannot be read','status':502}");
}

static void scripts_cannot_call_each_other_without_end(void **state)
{
    (void)state;
    call("caught", post("{\"_id\":\"deep\"}"));
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "call_depth"));
}

static void a_queued_flow_answers_what_celigos_scripts_read(void **state)
{
    json_t *v = NULL;

    (void)state;
    call("runFlow", post("{\"_id\":\"flow\",\"data\":[1],\"wait\":false,"
                         "\"startDate\":\"2026-01-01\"}"));
    assert_int_equal(answer.status, 200);
    flow_json_parse(&v, answer.body, answer.body_len, NULL);
    world_own(world, v);
    assert_string_equal(flow_json_member(v, "_jobId"), "job-of-flow");
    assert_string_equal(flow_json_member(v, "_exportId"), "exp");
    assert_string_equal(flow_json_member(v, "_flowId"), "flow");
    assert_string_equal(
        flow_json_member(json_object_get(v, "message"), "_flowId"), "flow");
    assert_int_equal(strlen(flow_json_member(v, "endDate")), 24);
    world_expect(world, jobs.request, "{'data':[1],'startDate':'2026-01-01'}");

    call("runFlow", post("\"flow\""));
    assert_int_equal(answer.status, 200);
}

static void a_flow_that_is_waited_for_gives_its_result(void **state)
{
    (void)state;
    jobs.result = world_json(world, "{'job':{'_id':'j','status':'completed'},"
                                    "'data':[{'id':1}],'errors':[]}");
    call("runFlow", post("{\"_id\":\"flow\",\"wait\":true,\"timeout\":2}"));
    expect_body("{'job':{'_id':'j','status':'completed'},"
                "'data':[{'id':1}],'errors':[]}");
    assert_in_range(jobs.waited, apr_time_from_msec(1500),
                    apr_time_from_sec(2));

    jobs.result = world_json(world, "{'job':{'_id':'j','status':'running'}}");
    jobs.status = APR_TIMEUP;
    call("runFlow", post("{\"_id\":\"flow\",\"wait\":true}"));
    expect_body("{'job':{'_id':'j','status':'running'},'timedOut':true}");
    /* the script has time left to answer */
    assert_in_range(jobs.waited, apr_time_from_sec(8),
                    apr_time_from_msec(9600));

    call("runFlow", post("{\"_id\":\"flow\",\"wait\":true,\"timeout\":-1}"));
    expect_error(422, "invalid_field", "script");
    call("runFlow", post("{\"_id\":\"paused\"}"));
    expect_error(422, "flow_disabled", "script");
    jobs.status = APR_EGENERAL;
    call("runFlow", post("{\"_id\":\"flow\"}"));
    expect_error(503, "queue_full", NULL);
}

/* ---- exports, imports and flows without a script ---- */

static void an_export_is_an_api(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.exp = world_export(world, "exp");
    handle(&target, request("GET", NULL, NULL));
    assert_int_equal(answer.status, 200);
    expect_body("{'data':[{'id':1,'price':19.90}],'errors':[]}");
    assert_int_equal(json_array_size(fake.inputs), 0);

    handle(&target, post("{\"since\":\"x\"}"));
    assert_int_equal(answer.status, 200);
    world_expect(world, fake.inputs, "[{'since':'x'}]");

    handle(&target, post("{\"since\":"));
    expect_error(400, "invalid_json", NULL);
    handle(&target, post("7"));
    expect_error(400, "invalid_body", NULL);

    fake.fail_at = 0;
    handle(&target, post("{}"));
    expect_error(502, "far_end", "application");
    fake.fail_kind = FLOW_E_UNAVAILABLE;
    handle(&target, post("{}"));
    expect_error(502, "far_end", "connection");
}

static void an_import_is_an_api(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.imp = world_import(world, "imp");
    handle(&target, post("{\"id\":1}"));
    assert_int_equal(answer.status, 200);
    expect_body("{'statusCode':200,'id':1,'ignored':false,'errors':[],"
                "'_json':{'id':1}}");
    handle(&target, request("PUT", NULL, "[{\"id\":1},{\"refuse\":1}]"));
    assert_int_equal(answer.status, 422);
    assert_int_equal(error.kind, FLOW_E_NONE); /* it is the data's */
    handle(&target, post("[]"));
    assert_int_equal(answer.status, 200);
    expect_body("[]");
    handle(&target, post(""));
    expect_error(400, "missing_body", NULL);
    handle(&target, post("[1]"));
    expect_error(400, "invalid_record", NULL);
    handle(&target, request("GET", NULL, NULL));
    expect_error(405, "method_not_allowed", NULL);
    assert_string_equal(apr_table_get(answer.headers, "Allow"),
                        "POST, PUT, OPTIONS");

    target.imp = world_import(world, "broken");
    handle(&target, post("{\"id\":1}"));
    expect_error(422, "Error", "script");
}

static void a_flow_is_an_api(void **state)
{
    flow_api_target_t target = { 0 };
    flow_request_t *req = post("{\"id\":1}");

    (void)state;
    target.flow = world_flow(world, "flow");
    handle(&target, req);
    assert_int_equal(answer.status, 201);
    expect_body("{'_jobId':'job-of-flow'}");
    world_expect(world, jobs.request, "{'data':{'id':1}}");
    handle(&target, post(""));
    assert_int_equal(answer.status, 201);
    assert_null(jobs.request);

    req->query = "wait=20";
    jobs.result = world_json(world, "{'job':{'_id':'j','status':'failed'},"
                                    "'data':[],'errors':[]}");
    handle(&target, req);
    assert_int_equal(answer.status, 200);
    expect_body("{'job':{'_id':'j','status':'failed'},'data':[],'errors':[]}");
    jobs.status = APR_TIMEUP;
    handle(&target, req);
    assert_int_equal(answer.status, 202);
    expect_body("{'_jobId':'j'}");
    jobs.status = APR_EGENERAL;
    handle(&target, req);
    expect_error(503, "queue_full", NULL);
    assert_string_equal(apr_table_get(answer.headers, "Retry-After"), "5");

    handle(&target, request("GET", NULL, NULL));
    expect_error(405, "method_not_allowed", NULL);
    target.flow = world_flow(world, "paused");
    handle(&target, post(""));
    expect_error(404, "flow_disabled", NULL);
    world->env.jobs = NULL;
    target.flow = world_flow(world, "flow");
    handle(&target, post(""));
    expect_error(503, "flows_unavailable", NULL);
}

static void wait_is_a_number_of_seconds(void **state)
{
    static const char *const bad[] = { "wait=",   "wait=0",  "wait=301",
                                       "wait=x",  "wait=1x", "wait=1&wait=2",
                                       "wait=-1", "wait" };
    flow_api_target_t target = { 0 };
    flow_request_t *req = post("");
    size_t i;

    (void)state;
    target.flow = world_flow(world, "flow");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        req->query = bad[i];
        handle(&target, req);
        expect_error(400, "invalid_query", NULL);
    }
}

static void options_tells_what_is_allowed(void **state)
{
    flow_api_target_t target = { 0 };

    (void)state;
    target.exp = world_export(world, "exp");
    handle(&target, request("OPTIONS", NULL, NULL));
    assert_int_equal(answer.status, 204);
    assert_null(answer.body);
    assert_string_equal(apr_table_get(answer.headers, "Allow"),
                        "GET, HEAD, POST, OPTIONS");
    assert_int_equal(error.kind, FLOW_E_NONE);

    /* a script answers for itself */
    call("echo", request("OPTIONS", NULL, NULL));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "OPTIONS"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(a_script_runs_exports_and_imports),
        TEST(errors_of_calls_can_be_caught),
        TEST(scripts_cannot_call_each_other_without_end),
        TEST(a_queued_flow_answers_what_celigos_scripts_read),
        TEST(a_flow_that_is_waited_for_gives_its_result),
        TEST(an_export_is_an_api),
        TEST(an_import_is_an_api),
        TEST(a_flow_is_an_api),
        TEST(wait_is_a_number_of_seconds),
        TEST(options_tells_what_is_allowed),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
