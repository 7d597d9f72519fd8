/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_clock.h"
#include "api_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"

static const char source[] =
    "import { exports, imports, flows, request } from 'integrator-api'\n"
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
    "function raw(o) {"
    " return {statusCode: 200, body: request({relativeURI: '/v1/nothing'})} }\n"
    "function recurse(o) { exports.run('deep');"
    " return {data: o.data, errors: []} }\n";

world_t *api_world;
flow_answer_t api_answer;
flow_error_t api_error;
api_jobs_t api_jobs;

/* ---- a job store that is none ---- */

static apr_status_t queue(void *baton, const flow_flow_t *flow,
                          const json_t *request, const char **pjob_id,
                          apr_pool_t *p, flow_error_t *err)
{
    (void)baton;
    api_jobs.request =
        request ? world_own(api_world, json_incref((json_t *)request)) : NULL;
    if (api_jobs.status != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, api_jobs.status,
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

    api_jobs.waited = until - flow_clock();
    if (api_jobs.status != APR_SUCCESS &&
        !APR_STATUS_IS_TIMEUP(api_jobs.status)) {
        return queue(baton, flow, request, &id, p, err);
    }
    queue(baton, flow, request, &id, p, NULL);
    *presult = json_incref(api_jobs.result);
    return api_jobs.status;
}

static const flow_jobs_iface_t iface = { NULL, queue, run_wait };

/* ---- the world of these tests ---- */

int api_setup(void **state)
{
    (void)state;
    api_world = world_create();
    world_script(api_world, "s", source);
    world_doc(api_world, FLOW_KIND_API, "api", "script._scriptId", "s",
              "script.function", "echo", "settings", "{\"a\":1}", NULL);
    world_doc(api_world, FLOW_KIND_API, "off", "script._scriptId", "s",
              "script.function", "echo", "disabled", "true", NULL);
    world_doc(api_world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far", NULL);
    world_doc(api_world, FLOW_KIND_EXPORT, "deep", "_connectionId", "far",
              "hooks.preSavePage",
              "{\"_scriptId\":\"s\",\"function\":\"recurse\"}", NULL);
    world_doc(api_world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far", NULL);
    world_doc(api_world, FLOW_KIND_IMPORT, "broken", "_connectionId", "far",
              "hooks.preMap", "{\"_scriptId\":\"s\",\"function\":\"thrower\"}",
              NULL);
    world_doc(api_world, FLOW_KIND_FLOW, "flow", "pageGenerators",
              "[{\"_exportId\":\"exp\"}]", "pageProcessors",
              "[{\"type\":\"import\",\"_importId\":\"imp\"}]", NULL);
    world_doc(api_world, FLOW_KIND_FLOW, "paused", "disabled", "true",
              "pageGenerators", "[{\"_exportId\":\"exp\"}]", "pageProcessors",
              "[{\"type\":\"import\",\"_importId\":\"imp\"}]", NULL);
    world_compile(api_world);
    api_world->env.jobs = &iface;
    memset(&api_jobs, 0, sizeof(api_jobs));
    fake.pages = world_json(api_world, "[[{'id':1,'price':19.90}]]");
    return 0;
}

int api_teardown(void **state)
{
    (void)state;
    world_destroy(api_world);
    return 0;
}

flow_request_t *api_post(const char *body)
{
    return world_request(api_world, "POST", "application/json", body);
}

void api_handle(const flow_api_target_t *target, const flow_request_t *req)
{
    flow_api_handle(&api_world->env, target, req, &api_answer, api_world->p,
                    &api_error);
}

void api_call(const char *function, const flow_request_t *req)
{
    flow_api_target_t target = { 0 };

    target.script.script =
        apr_hash_get(api_world->model->scripts, "s", APR_HASH_KEY_STRING);
    target.script.function = function;
    api_handle(&target, req);
}

void api_expect_body(const char *expected)
{
    json_t *v = NULL;

    assert_non_null(api_answer.body);
    assert_string_equal(api_answer.content_type, "application/json");
    assert_int_equal(
        flow_json_parse(&v, api_answer.body, api_answer.body_len, NULL),
        APR_SUCCESS);
    world_expect(api_world, world_own(api_world, v), expected);
}

void api_expect_error(int status, const char *code, const char *source_name)
{
    json_t *v = NULL;
    const json_t *e;

    assert_int_equal(api_answer.status, status);
    assert_int_equal(
        flow_json_parse(&v, api_answer.body, api_answer.body_len, NULL),
        APR_SUCCESS);
    world_own(api_world, v);
    e = json_array_get(json_object_get(v, "errors"), 0);
    assert_string_equal(flow_json_member(e, "code"), code);
    assert_non_null(flow_json_member(e, "message"));
    if (source_name) {
        assert_string_equal(flow_json_member(e, "source"), source_name);
    }
    assert_int_not_equal(api_error.kind, FLOW_E_NONE);
    assert_string_equal(api_error.code, code);
}
