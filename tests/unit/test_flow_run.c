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

static world_t *world;

/* ---- a sink that remembers ---- */

static json_t *errors, *checkpoints;
static int stop_after; /* pages; 0 = never */
static volatile apr_uint32_t stopping;

static apr_status_t page_done(void *baton, const flow_counters_t *counters,
                              const json_t *checkpoint, flow_error_t *err)
{
    (void)baton;
    json_array_append(checkpoints, (json_t *)checkpoint);
    if (stop_after && counters->pages_processed >= stop_after) {
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
    json_array_append_new(errors, v);
    return APR_SUCCESS;
}

static const flow_run_sink_t sink = { NULL, page_done, record_error };

static int setup(void **state)
{
    (void)state;
    world = world_create();
    world_script(world, "s", source);
    errors = world_own(world, json_array());
    checkpoints = world_own(world, json_array());
    stop_after = 0;
    stopping = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

static void an_export(const char *id, const char *path, const char *value)
{
    world_doc(world, FLOW_KIND_EXPORT, id, "_connectionId", "far", "pageSize",
              "2", path, value, NULL);
}

static void an_import(const char *id, const char *path, const char *value)
{
    world_doc(world, FLOW_KIND_IMPORT, id, "_connectionId", "far", path, value,
              NULL);
}

static void a_flow(const char *processors)
{
    world_doc(world, FLOW_KIND_FLOW, "f", "pageGenerators",
              "[{\"_exportId\":\"exp\"}]", "pageProcessors", processors, NULL);
}

static void pages(const char *text)
{
    fake.pages = world_json(world, text);
}

static flow_run_t new_run(void)
{
    flow_run_t run;

    memset(&run, 0, sizeof(run));
    if (!world->model) {
        world_compile(world);
    }
    run.flow = world_flow(world, "f");
    run.deadline = apr_time_now() + apr_time_from_sec(10);
    run.job = world_json(world, "{'_id':'j1','type':'flow'}");
    run.stopping = &stopping;
    run.collect = 1;
    return run;
}

static apr_status_t try_run(flow_run_t *run, flow_error_t *err)
{
    apr_status_t rv;

    flow_error_clear(err);
    rv = flow_run(&world->env, run, &sink, world->p, err);
    world_own(world, run->data);
    return rv;
}

static flow_run_t run_flow(void)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run = new_run();
    apr_status_t rv = try_run(&run, &err);

    assert_string_equal(err.message, "");
    assert_int_equal(rv, APR_SUCCESS);
    return run;
}

static void expect_counts(const flow_run_t *run, int exported, int success,
                          int error, int ignore)
{
    assert_int_equal(run->counters.exported, exported);
    assert_int_equal(run->counters.success, success);
    assert_int_equal(run->counters.error, error);
    assert_int_equal(run->counters.ignore, ignore);
}

#define IMPORT_STEP "[{\"type\":\"import\",\"_importId\":\"imp\"}]"
#define NOTHING     NULL, NULL

/* ---- pages ---- */

static void records_go_from_the_export_to_the_import(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1,'price':19.90},{'id':2}],[{'id':9007199254740993}]]");
    run = run_flow();
    expect_counts(&run, 3, 3, 0, 0);
    assert_int_equal(run.counters.pages_generated, 2);
    assert_int_equal(run.counters.pages_processed, 2);
    assert_string_equal(flow_json_text(fake.sent, NULL, world->p),
                        "[{\"id\":1,\"price\":19.90},{\"id\":2},"
                        "{\"id\":9007199254740993}]");
    assert_int_equal(fake.calls, 2);
    world_expect(world, run.data,
                 "[{'id':1,'price':19.90},{'id':2},{'id':9007199254740993}]");
    assert_int_equal(run.data_truncated, 0);
    world_expect(world, checkpoints,
                 "[{'generator':0,'page':1,'cursor':1},"
                 "{'generator':0,'page':2,'cursor':null}]");
}

static void pages_are_cut_to_the_exports_page_size(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    /* five in one page of the far end, then three pages of one */
    pages("[[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5}],"
          "[{'id':6}],[],[{'id':7}]]");
    run = run_flow();
    expect_counts(&run, 7, 7, 0, 0);
    assert_int_equal(run.counters.pages_generated, 4); /* 2 2 1, 2 */
    world_expect(world, checkpoints,
                 "[{'generator':0,'page':3,'cursor':1},"
                 "{'generator':0,'page':4,'cursor':null}]");
}

static void nothing_to_export_is_a_run_without_pages(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[]]");
    run = run_flow();
    expect_counts(&run, 0, 0, 0, 0);
    assert_int_equal(run.counters.pages_generated, 0);
    assert_int_equal(fake.calls, 0);
    world_expect(world, run.data, "[]");
}

static void a_run_goes_on_where_the_checkpoint_says(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5}]]");
    run = new_run();
    stop_after = 1;
    assert_true(APR_STATUS_IS_EINTR(try_run(&run, &err)));
    assert_int_equal(json_array_size(fake.sent), 2);

    stop_after = 0;
    run.checkpoint = json_array_get(checkpoints, 0);
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    world_expect(world, fake.sent,
                 "[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5}]");
    expect_counts(&run, 5, 5, 0, 0); /* counted on */
    assert_int_equal(run.data_truncated, 1);

    run.checkpoint =
        json_array_get(checkpoints, json_array_size(checkpoints) - 1);
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    assert_int_equal(json_array_size(fake.sent), 5); /* nothing was left */
}

static void stop_on_page(int page)
{
    (void)page;
    stopping = 1;
}

static void a_run_that_is_stopped_repeats_nothing(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5}],[{'id':6}]]");
    run = new_run();
    fake.on_read = stop_on_page; /* told while the page is being read */
    assert_true(APR_STATUS_IS_EINTR(try_run(&run, &err)));
    world_expect(world, fake.sent, "[{'id':1},{'id':2}]");
    world_expect(world, checkpoints,
                 "[{'generator':0,'page':1,'cursor':1,"
                 "'rest':[{'id':3},{'id':4},{'id':5}]}]");

    fake.on_read = NULL;
    stopping = 0;
    run.checkpoint = json_array_get(checkpoints, 0);
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    world_expect(world, fake.sent,
                 "[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5},{'id':6}]");
}

static void a_failing_export_ends_the_run(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    fake.fail_at = 1;
    fake.fail_kind = FLOW_E_UNAVAILABLE;
    run = new_run();
    assert_int_not_equal(try_run(&run, &err), APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_string_equal(err.code, "far_end");
    assert_string_equal(err.message, "export 'exp': page 1 cannot be read");
    assert_int_equal(run.counters.success, 2);
}

/* ---- failing records ---- */

static void a_refused_record_is_reported_and_drops_out(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1,'refuse':1},{'id':2}]]");
    run = run_flow();
    expect_counts(&run, 2, 1, 1, 0);
    world_expect(world, errors,
                 "[{'step':'imp','index':1,'code':'refused','message':"
                 "'the far end does not want it','source':'application',"
                 "'key':'1','retry':{'id':1,'refuse':1}}]");
    world_expect(world, run.data, "[{'id':2}]");
}

static void a_record_may_proceed_although_it_failed(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    an_import("next", NOTHING);
    a_flow("[{\"type\":\"import\",\"_importId\":\"imp\","
           "\"proceedOnFailure\":true,\"responseMapping\":{\"fields\":"
           "[{\"extract\":\"errors[0].code\",\"generate\":\"why\"}]}},"
           "{\"type\":\"import\",\"_importId\":\"next\"}]");
    pages("[[{'id':1,'refuse':1}]]");
    run = run_flow();
    assert_int_equal(run.counters.error, 2); /* at both steps */
    assert_int_equal(fake.calls, 2);
    world_expect(world, json_array_get(fake.sent, 1),
                 "{'id':1,'refuse':1,'why':'refused'}");
    /* what was reported is what had come to the step */
    world_expect(world, json_object_get(json_array_get(errors, 0), "retry"),
                 "{'id':1,'refuse':1}");
}

static void a_far_end_that_is_away_fails_each_record(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    fake.import_fails = 1;
    run = run_flow();
    expect_counts(&run, 3, 0, 3, 0);
    assert_int_equal(json_array_size(errors), 3);
    assert_string_equal(flow_json_member(json_array_get(errors, 0), "source"),
                        "connection");
    assert_string_equal(flow_json_member(json_array_get(errors, 0), "code"),
                        "connect_failed");
}

/* ---- the stages of an import ---- */

static void a_filter_skips_the_step_and_the_record_goes_on(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", "filter",
              "{\"type\":\"expression\",\"expression\":{\"version\":\"1\","
              "\"rules\":[\"equals\",[\"extract\",\"state\"],\"paid\"]}}");
    a_flow(IMPORT_STEP);
    pages("[[{'id':1,'state':'paid'},{'id':2,'state':'new'}]]");
    run = run_flow();
    expect_counts(&run, 2, 1, 0, 1);
    world_expect(world, fake.sent, "[{'id':1,'state':'paid'}]");
    assert_int_equal(json_array_size(run.data), 2);
}

static void pre_map_decides_about_each_record(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", "hooks.preMap",
              "{\"_scriptId\":\"s\",\"function\":\"pick\"}");
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2},{'id':3},{'id':4}]]");
    run = run_flow();
    expect_counts(&run, 4, 2, 1, 1);
    world_expect(world, fake.sent, "[{'id':3},{'id':4}]");
    world_expect(world, errors,
                 "[{'step':'imp','index':1,'code':'one','message':'no ones',"
                 "'source':'pre_map_hook','key':'1','retry':{'id':1}},"
                 "{'step':'imp','index':1,'code':'note','message':'hm',"
                 "'source':'pre_map_hook','key':'3'}]");
    world_expect(world, run.data, "[{'id':2},{'id':3},{'id':4}]");
}

static void what_pre_map_changes_stays_in_its_import(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "hooks.preMap", "{\"_scriptId\":\"s\",\"function\":\"mark\"}",
              "mapping.fields",
              "[{\"extract\":\"marked\",\"generate\":\"m\"},"
              "{\"extract\":\"id\",\"generate\":\"nr\"}]",
              NULL);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1}]]");
    run = run_flow();
    world_expect(world, fake.sent, "[{'m':true,'nr':1}]");
    world_expect(world, fake.originals, "[{'id':1,'marked':true}]");
    world_expect(world, run.data, "[{'id':1}]");
}

static void a_hook_that_throws_fails_its_page_and_no_other(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", "hooks.preMap",
              "{\"_scriptId\":\"s\",\"function\":\"thrower\"}");
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    run = run_flow();
    expect_counts(&run, 3, 0, 3, 0);
    assert_int_equal(run.counters.pages_processed, 2);
    assert_string_equal(flow_json_member(json_array_get(errors, 2), "source"),
                        "pre_map_hook");
    assert_non_null(
        strstr(flow_json_member(json_array_get(errors, 2), "message"), "boom"));
}

static void post_submit_may_forgive(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", "hooks.postSubmit",
              "{\"_scriptId\":\"s\",\"function\":\"forgive\"}");
    a_flow(IMPORT_STEP);
    pages("[[{'id':1,'refuse':1}]]");
    run = run_flow();
    expect_counts(&run, 1, 1, 0, 0);
    assert_int_equal(json_array_size(errors), 0);
    assert_int_equal(json_array_size(run.data), 1);
}

static void an_answer_that_says_ignored_is_counted_so(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1,'skip':1}]]");
    run = run_flow();
    expect_counts(&run, 1, 0, 0, 1);
}

static void children_are_sent_one_by_one(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "oneToMany", "true", "pathToMany", "lines", NULL);
    world_doc(world, FLOW_KIND_IMPORT, "mapped", "_connectionId", "far",
              "oneToMany", "true", "pathToMany", "lines", "mapping.fields",
              "[{\"extract\":\"_PARENT.id\",\"generate\":\"order\"},"
              "{\"extract\":\"id\",\"generate\":\"line\"}]",
              NULL);
    a_flow("[{\"type\":\"import\",\"_importId\":\"imp\",\"responseMapping\":"
           "{\"fields\":[{\"extract\":\"id\",\"generate\":\"lineIds\"}]}},"
           "{\"type\":\"import\",\"_importId\":\"mapped\"}]");
    pages("[[{'id':7,'lines':[{'id':'a'},{'id':'b','refuse':1}]},"
          "{'id':8,'lines':[{'id':'c'}]},{'id':9,'lines':[]}]]");
    run = run_flow();
    /* a and c; b fails its parent, which does not go on; 9 has none */
    expect_counts(&run, 3, 3, 1, 2);
    world_expect(world, json_array_get(fake.sent, 0), "{'id':'a'}");
    world_expect(world, json_array_get(fake.sent, 3), "{'order':8,'line':'c'}");
    world_expect(world, json_object_get(json_array_get(errors, 0), "retry"),
                 "{'id':7,'lines':[{'id':'a'},{'id':'b','refuse':1}]}");
    world_expect(world, run.data,
                 "[{'id':8,'lines':[{'id':'c'}],'lineIds':['c']},"
                 "{'id':9,'lines':[]}]");
}

/* ---- lookups ---- */

#define LOOKUP_STEP                                                            \
    "[{\"type\":\"export\",\"_exportId\":\"look\",\"responseMapping\":"        \
    "{\"fields\":[{\"extract\":\"data[0].found\",\"generate\":\"f\"}]}}]"

static void a_lookup_is_fed_with_each_record(void **state)
{
    flow_run_t run;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "type", "webhook", NULL);
    world_doc(world, FLOW_KIND_EXPORT, "look", "_connectionId", "far",
              "isLookup", "true", "inputFilter",
              "{\"type\":\"expression\",\"expression\":{\"version\":\"1\","
              "\"rules\":[\"notequals\",[\"extract\",\"id\"],2]}}",
              NULL);
    a_flow(LOOKUP_STEP);
    fake.echo_input = 1;
    run = new_run();
    run.request = world_json(world, "{'data':[{'id':1},{'id':2}]}");
    {
        flow_error_t err = FLOW_ERROR_INIT;

        assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    }
    world_expect(world, fake.inputs, "[{'id':1}]");
    world_expect(world, run.data, "[{'id':1,'f':1},{'id':2}]");
    expect_counts(&run, 2, 0, 0, 0);
}

static void a_lookup_that_fails_fails_the_record(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "type", "webhook", NULL);
    world_doc(world, FLOW_KIND_EXPORT, "look", "_connectionId", "far",
              "isLookup", "true", NULL);
    a_flow(LOOKUP_STEP);
    fake.fail_at = 0;
    run = new_run();
    run.request = world_json(world, "{'data':{'id':1}}");
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    expect_counts(&run, 1, 0, 1, 0);
    world_expect(world, errors,
                 "[{'step':'look','index':1,'code':'far_end','message':"
                 "'export \\u0027look\\u0027: page 0 cannot be read',"
                 "'source':'application','key':'1','retry':{'id':1}}]");
    world_expect(world, run.data, "[]");
}

/* ---- after the step ---- */

static void post_response_map_has_the_last_word(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow("[{\"type\":\"import\",\"_importId\":\"imp\",\"hooks\":"
           "{\"postResponseMap\":{\"_scriptId\":\"s\",\"function\":\"after\"}}"
           "}]");
    pages("[[{'id':1}]]");
    run = run_flow();
    world_expect(world, run.data, "[{'id':1,'status':200}]");
}

static void post_response_map_that_throws_fails_the_page(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow("[{\"type\":\"import\",\"_importId\":\"imp\",\"hooks\":"
           "{\"postResponseMap\":{\"_scriptId\":\"s\",\"function\":"
           "\"thrower\"}}}]");
    pages("[[{'id':1},{'id':2}]]");
    run = run_flow();
    assert_int_equal(run.counters.success, 2); /* they had arrived */
    assert_int_equal(run.counters.error, 2);
    assert_string_equal(flow_json_member(json_array_get(errors, 0), "source"),
                        "response_mapping");
    world_expect(world, run.data, "[]");
}

/* ---- preSavePage ---- */

static void pre_save_page_may_shorten_a_page_and_end_the_export(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", "hooks.preSavePage",
              "{\"_scriptId\":\"s\",\"function\":\"first\"}");
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5}]]");
    run = run_flow();
    expect_counts(&run, 2, 2, 0, 0);
    world_expect(world, run.data, "[{'id':1},{'id':3}]");
    world_expect(world, json_array_get(checkpoints, 1),
                 "{'generator':0,'page':2,'cursor':null}");
}

static void pre_save_page_may_drop_errors_and_add_its_own(void **state)
{
    flow_run_t run;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "transform",
              "{\"type\":\"script\",\"script\":{\"_scriptId\":\"s\","
              "\"function\":\"thrower\"}}",
              "hooks.preSavePage",
              "{\"_scriptId\":\"s\",\"function\":\"clean\"}", NULL);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1}]]");
    run = run_flow();
    expect_counts(&run, 0, 0, 1, 0);
    world_expect(world, errors,
                 "[{'step':'exp','index':0,'code':'mine','message':'own',"
                 "'source':'pre_save_page_hook','key':'r',"
                 "'retry':{'id':'r'}}]");
}

static void a_transform_that_fails_is_the_records_error(void **state)
{
    flow_run_t run;

    (void)state;
    an_export("exp", "transform",
              "{\"type\":\"script\",\"script\":{\"_scriptId\":\"s\","
              "\"function\":\"thrower\"}}");
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1}]]");
    run = run_flow();
    expect_counts(&run, 0, 0, 1, 0);
    assert_string_equal(flow_json_member(json_array_get(errors, 0), "source"),
                        "transformation");
    world_expect(world, json_object_get(json_array_get(errors, 0), "retry"),
                 "{'id':1}");
}

static void pre_save_page_that_throws_stops_the_flow(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    an_export("exp", "hooks.preSavePage",
              "{\"_scriptId\":\"s\",\"function\":\"thrower\"}");
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1}]]");
    run = new_run();
    assert_int_not_equal(try_run(&run, &err), APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_SCRIPT);
    assert_int_equal(fake.calls, 0);
}

/* ---- events, several exports, test runs ---- */

static void an_event_is_cut_into_pages_that_are_done_one_by_one(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_request_t *req;
    flow_run_t run;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "type", "webhook", "pageSize",
              "2", NULL);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    run = new_run();
    req = apr_pcalloc(world->p, sizeof(*req));
    req->method = "POST";
    req->headers = apr_table_make(world->p, 1);
    req->body = "[{\"id\":1},{\"id\":2},{\"id\":3}]";
    req->body_len = strlen(req->body);
    run.event = req;
    run.listener = world_export(world, "exp");
    stop_after = 1;
    assert_true(APR_STATUS_IS_EINTR(try_run(&run, &err)));
    stop_after = 0;
    run.checkpoint = json_array_get(checkpoints, 0);
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    world_expect(world, fake.sent, "[{'id':1},{'id':2},{'id':3}]");
    expect_counts(&run, 3, 3, 0, 0);
}

static void a_listener_alone_has_nothing_to_run(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "type", "webhook", NULL);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    run = new_run();
    assert_int_not_equal(try_run(&run, &err), APR_SUCCESS);
    assert_string_equal(err.code, "nothing_to_run");
}

static void exports_run_one_after_the_other_and_may_be_chosen(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_export("more", NOTHING);
    an_import("imp", NOTHING);
    world_doc(world, FLOW_KIND_FLOW, "f", "pageGenerators",
              "[{\"_exportId\":\"exp\"},{\"_exportId\":\"more\"}]",
              "pageProcessors", IMPORT_STEP, NULL);
    pages("[[{'id':1}]]");
    run = run_flow();
    expect_counts(&run, 2, 2, 0, 0);
    world_expect(world, json_array_get(checkpoints, 1),
                 "{'generator':1,'page':1,'cursor':null}");

    run = new_run();
    run.request = world_json(world, "{'_exportIds':['more'],"
                                    "'data':{'since':'x'}}");
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    expect_counts(&run, 1, 1, 0, 0);
    world_expect(world, fake.inputs, "[{'since':'x'}]");

    run = new_run();
    run.checkpoint = json_array_get(checkpoints, 1);
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    expect_counts(&run, 0, 0, 0, 0); /* the first one is not run again */
}

static void a_test_run_takes_one_page_and_sends_nothing(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    an_export("exp", NOTHING);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    run = new_run();
    run.test_mode = 1;
    assert_int_equal(try_run(&run, &err), APR_SUCCESS);
    assert_int_equal(run.counters.pages_processed, 1);
    assert_int_equal(fake.dry_runs, 1);
    assert_int_equal(json_array_size(fake.sent), 0);
    world_expect(world,
                 json_object_get(json_array_get(fake.contexts, 0), "testMode"),
                 "true");
}

static void an_export_of_type_test_has_a_limit(void **state)
{
    flow_run_t run;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far", "type",
              "test", "test.limit", "3", "pageSize", "2", NULL);
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5}]]");
    run = run_flow();
    expect_counts(&run, 3, 3, 0, 0);
}

static void templates_see_connection_settings_and_job(void **state)
{
    const json_t *context;

    (void)state;
    an_export("exp", "settings", "{\"a\":1}");
    an_import("imp", NOTHING);
    a_flow(IMPORT_STEP);
    pages("[[{'id':1}]]");
    run_flow();
    context = json_array_get(fake.contexts, 0);
    world_expect(world, json_object_get(context, "settings"),
                 "{'export':{'a':1},'connection':{'zone':'eu'}}");
    world_expect(world, json_object_get(context, "job"),
                 "{'_id':'j1','type':'flow'}");
    assert_non_null(json_object_get(context, "connection"));
    assert_non_null(json_object_get(context, "export"));
    context = json_array_get(fake.contexts, 1);
    assert_non_null(json_object_get(context, "import"));
    assert_null(json_object_get(context, "export"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_go_from_the_export_to_the_import),
        TEST(pages_are_cut_to_the_exports_page_size),
        TEST(nothing_to_export_is_a_run_without_pages),
        TEST(a_run_goes_on_where_the_checkpoint_says),
        TEST(a_run_that_is_stopped_repeats_nothing),
        TEST(a_failing_export_ends_the_run),
        TEST(a_refused_record_is_reported_and_drops_out),
        TEST(a_record_may_proceed_although_it_failed),
        TEST(a_far_end_that_is_away_fails_each_record),
        TEST(a_filter_skips_the_step_and_the_record_goes_on),
        TEST(pre_map_decides_about_each_record),
        TEST(what_pre_map_changes_stays_in_its_import),
        TEST(a_hook_that_throws_fails_its_page_and_no_other),
        TEST(post_submit_may_forgive),
        TEST(an_answer_that_says_ignored_is_counted_so),
        TEST(children_are_sent_one_by_one),
        TEST(a_lookup_is_fed_with_each_record),
        TEST(a_lookup_that_fails_fails_the_record),
        TEST(post_response_map_has_the_last_word),
        TEST(post_response_map_that_throws_fails_the_page),
        TEST(pre_save_page_may_shorten_a_page_and_end_the_export),
        TEST(pre_save_page_may_drop_errors_and_add_its_own),
        TEST(a_transform_that_fails_is_the_records_error),
        TEST(pre_save_page_that_throws_stops_the_flow),
        TEST(an_event_is_cut_into_pages_that_are_done_one_by_one),
        TEST(a_listener_alone_has_nothing_to_run),
        TEST(exports_run_one_after_the_other_and_may_be_chosen),
        TEST(a_test_run_takes_one_page_and_sends_nothing),
        TEST(an_export_of_type_test_has_a_limit),
        TEST(templates_see_connection_settings_and_job),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
