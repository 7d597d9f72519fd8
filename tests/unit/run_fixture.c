/* SPDX-License-Identifier: Apache-2.0 */
#include "run_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "data/flow_json.h"

static const char source[] =
    "function mark(o) { return o.data.map(function (r) {"
    " r.marked = true; return {data: r} }) }\n"
    "function pick(o) { return o.data.map(function (r) {"
    " if (r.id === 1) return {errors: [{code: 'one', message: 'no ones'}]};"
    " if (r.id === 2) return {};"
    " if (r.id === 3) return {data: r, errors: [{code: 'note',"
    " message: 'hm'}]};"
    " return {data: r} }) }\n"
    "function thrower(o) { throw new Error('boom') }\n"
    "function forgive(o) { return o.responseData.map(function (r) {"
    " r.errors = []; return r }) }\n"
    "function after(o) { return o.postResponseMapData.map(function (r, i) {"
    " r.status = o.responseData[i].statusCode; return r }) }\n"
    "function first(o) { return {data: o.data.slice(0, 1), errors: o.errors,"
    " abort: o.pageIndex === 1} }\n"
    "function clean(o) { return {data: o.data, errors: [],"
    " newErrorsAndRetryData: [{retryData: {id: 'r'},"
    " errors: [{code: 'mine', message: 'own'}]}]} }\n";

world_t *run_world;
run_sink_t run_sink;

static apr_status_t page_done(void *baton, const flow_counters_t *counters,
                              const json_t *checkpoint, flow_error_t *err)
{
    (void)baton;
    json_array_append(run_sink.checkpoints, (json_t *)checkpoint);
    if (run_sink.stop_after &&
        counters->pages_processed >= run_sink.stop_after) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "lease",
                              "the lease is lost");
    }
    return APR_SUCCESS;
}

static apr_status_t record_error(void *baton, const flow_record_error_t *e,
                                 flow_error_t *err)
{
    json_t *v = json_object();

    (void)baton;
    (void)err;
    json_object_set_new(v, "step", json_string(e->step_id));
    json_object_set_new(v, "index", json_integer(e->step_index));
    json_object_set_new(v, "code", json_string(e->code));
    json_object_set_new(v, "message", json_string(e->message));
    json_object_set_new(v, "source", json_string(e->source));
    json_object_set_new(v, "key",
                        e->trace_key ? json_string(e->trace_key) : json_null());
    json_object_set(v, "retry", (json_t *)e->retry_data);
    json_array_append_new(run_sink.errors, v);
    return APR_SUCCESS;
}

static const flow_run_sink_t sink = { NULL, page_done, record_error };

int run_setup(void **state)
{
    (void)state;
    run_world = world_create();
    world_script(run_world, "s", source);
    run_sink.errors = world_own(run_world, json_array());
    run_sink.checkpoints = world_own(run_world, json_array());
    run_sink.stop_after = 0;
    run_sink.stopping = 0;
    return 0;
}

int run_teardown(void **state)
{
    (void)state;
    world_destroy(run_world);
    return 0;
}

void run_export(const char *id, const char *path, const char *value)
{
    world_doc(run_world, FLOW_KIND_EXPORT, id, "_connectionId", "far",
              "pageSize", "2", path, value, NULL);
}

void run_import(const char *id, const char *path, const char *value)
{
    world_doc(run_world, FLOW_KIND_IMPORT, id, "_connectionId", "far", path,
              value, NULL);
}

void run_processors(const char *processors)
{
    world_doc(run_world, FLOW_KIND_FLOW, "f", "pageGenerators",
              "[{\"_exportId\":\"exp\"}]", "pageProcessors", processors, NULL);
}

void run_pages(const char *text)
{
    fake.pages = world_json(run_world, text);
}

flow_run_t run_new(void)
{
    flow_run_t run;

    memset(&run, 0, sizeof(run));
    if (!run_world->model) {
        world_compile(run_world);
    }
    run.flow = world_flow(run_world, "f");
    run.deadline = apr_time_now() + apr_time_from_sec(10);
    run.job = world_json(run_world, "{'_id':'j1','type':'flow'}");
    run.stopping = &run_sink.stopping;
    run.collect = 1;
    return run;
}

apr_status_t run_try(flow_run_t *run, flow_error_t *err)
{
    apr_status_t rv;

    flow_error_clear(err);
    rv = flow_run(&run_world->env, run, &sink, run_world->p, err);
    world_own(run_world, run->data);
    return rv;
}

flow_run_t run_whole(void)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run = run_new();
    apr_status_t rv = run_try(&run, &err);

    assert_string_equal(err.message, "");
    assert_int_equal(rv, APR_SUCCESS);
    return run;
}

void run_counts(const flow_run_t *run, int exported, int success, int error,
                int ignore)
{
    assert_int_equal(run->counters.exported, exported);
    assert_int_equal(run->counters.success, success);
    assert_int_equal(run->counters.error, error);
    assert_int_equal(run->counters.ignore, ignore);
}
