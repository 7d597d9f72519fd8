/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "run_fixture.h"

/* ---- pages ---- */

static void records_go_from_the_export_to_the_import(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1,'price':19.90},{'id':2}],[{'id':9007199254740993}]]");
    run = run_whole();
    run_counts(&run, 3, 3, 0, 0);
    assert_int_equal(run.counters.pages_generated, 2);
    assert_int_equal(run.counters.pages_processed, 2);
    assert_string_equal(flow_json_text(fake.sent, NULL, run_world->p),
                        "[{\"id\":1,\"price\":19.90},{\"id\":2},"
                        "{\"id\":9007199254740993}]");
    assert_int_equal(fake.calls, 2);
    world_expect(run_world, run.data,
                 "[{'id':1,'price':19.90},{'id':2},{'id':9007199254740993}]");
    assert_int_equal(run.data_truncated, 0);
    world_expect(run_world, run_sink.checkpoints,
                 "[{'generator':0,'page':1,'cursor':1},"
                 "{'generator':0,'page':2,'cursor':null}]");
}

static void pages_are_cut_to_the_exports_page_size(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    /* five in one page of the far end, then three pages of one */
    run_pages("[[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5}],"
              "[{'id':6}],[],[{'id':7}]]");
    run = run_whole();
    run_counts(&run, 7, 7, 0, 0);
    assert_int_equal(run.counters.pages_generated, 4); /* 2 2 1, 2 */
    world_expect(run_world, run_sink.checkpoints,
                 "[{'generator':0,'page':3,'cursor':1},"
                 "{'generator':0,'page':4,'cursor':null}]");
}

static void nothing_to_export_is_a_run_without_pages(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[]]");
    run = run_whole();
    run_counts(&run, 0, 0, 0, 0);
    assert_int_equal(run.counters.pages_generated, 0);
    assert_int_equal(fake.calls, 0);
    world_expect(run_world, run.data, "[]");
}

static void a_run_goes_on_where_the_checkpoint_says(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5}]]");
    run = run_new();
    run_sink.stop_after = 1;
    assert_true(APR_STATUS_IS_EINTR(run_try(&run, &err)));
    assert_int_equal(json_array_size(fake.sent), 2);

    run_sink.stop_after = 0;
    run.checkpoint = json_array_get(run_sink.checkpoints, 0);
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, fake.sent,
                 "[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5}]");
    run_counts(&run, 5, 5, 0, 0); /* counted on */
    assert_int_equal(run.data_truncated, 1);

    run.checkpoint = json_array_get(run_sink.checkpoints,
                                    json_array_size(run_sink.checkpoints) - 1);
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    assert_int_equal(json_array_size(fake.sent), 5); /* nothing was left */
}

static void stop_on_page(int page)
{
    (void)page;
    run_sink.stopping = 1;
}

static void a_run_that_is_stopped_repeats_nothing(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5}],[{'id':6}]]");
    run = run_new();
    fake.on_read = stop_on_page; /* told while the page is being read */
    assert_true(APR_STATUS_IS_EINTR(run_try(&run, &err)));
    world_expect(run_world, fake.sent, "[{'id':1},{'id':2}]");
    world_expect(run_world, run_sink.checkpoints,
                 "[{'generator':0,'page':1,'cursor':1,"
                 "'rest':[{'id':3},{'id':4},{'id':5}]}]");

    fake.on_read = NULL;
    run_sink.stopping = 0;
    run.checkpoint = json_array_get(run_sink.checkpoints, 0);
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, fake.sent,
                 "[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5},{'id':6}]");
}

static void a_run_that_is_stopped_on_its_last_page_ends(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1}]]");
    run = run_new();
    fake.on_read = stop_on_page;
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, run.data, "[{'id':1}]");
}

static void a_failing_export_ends_the_run(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    fake.fail_at = 1;
    fake.fail_kind = FLOW_E_UNAVAILABLE;
    run = run_new();
    assert_int_not_equal(run_try(&run, &err), APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_string_equal(err.code, "far_end");
    assert_string_equal(err.message, "export 'exp': page 1 cannot be read");
    assert_int_equal(run.counters.success, 2);
}

/* ---- preSavePage ---- */

static void pre_save_page_may_shorten_a_page_and_end_the_export(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", "hooks.preSavePage",
               "{\"_scriptId\":\"s\",\"function\":\"first\"}");
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5}]]");
    run = run_whole();
    run_counts(&run, 2, 2, 0, 0);
    world_expect(run_world, run.data, "[{'id':1},{'id':3}]");
    world_expect(run_world, json_array_get(run_sink.checkpoints, 1),
                 "{'generator':0,'page':2,'cursor':null}");
}

static void pre_save_page_may_drop_errors_and_add_its_own(void **state)
{
    flow_run_t run;

    (void)state;
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "transform",
              "{\"type\":\"script\",\"script\":{\"_scriptId\":\"s\","
              "\"function\":\"thrower\"}}",
              "hooks.preSavePage",
              "{\"_scriptId\":\"s\",\"function\":\"clean\"}", NULL);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1}]]");
    run = run_whole();
    run_counts(&run, 0, 0, 1, 0);
    world_expect(run_world, run_sink.errors,
                 "[{'step':'exp','index':0,'code':'mine','message':'own',"
                 "'source':'pre_save_page_hook','key':'r',"
                 "'retry':{'id':'r'}}]");
}

static void a_transform_that_fails_is_the_records_error(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", "transform",
               "{\"type\":\"script\",\"script\":{\"_scriptId\":\"s\","
               "\"function\":\"thrower\"}}");
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1}]]");
    run = run_whole();
    run_counts(&run, 0, 0, 1, 0);
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "source"),
        "transformation");
    world_expect(run_world,
                 json_object_get(json_array_get(run_sink.errors, 0), "retry"),
                 "{'id':1}");
}

static void pre_save_page_that_throws_stops_the_flow(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", "hooks.preSavePage",
               "{\"_scriptId\":\"s\",\"function\":\"thrower\"}");
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1}]]");
    run = run_new();
    assert_int_not_equal(run_try(&run, &err), APR_SUCCESS);
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
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "type", "webhook", "pageSize",
              "2", NULL);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run = run_new();
    req = apr_pcalloc(run_world->p, sizeof(*req));
    req->method = "POST";
    req->headers = apr_table_make(run_world->p, 1);
    req->body = "[{\"id\":1},{\"id\":2},{\"id\":3}]";
    req->body_len = strlen(req->body);
    run.event = req;
    run.listener = world_export(run_world, "exp");
    run_sink.stop_after = 1;
    assert_true(APR_STATUS_IS_EINTR(run_try(&run, &err)));
    run_sink.stop_after = 0;
    world_expect(run_world, run_sink.checkpoints,
                 "[{'generator':0,'page':1,'cursor':null,'rest':1}]");
    run.checkpoint = json_array_get(run_sink.checkpoints, 0);
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, fake.sent, "[{'id':1},{'id':2},{'id':3}]");
    assert_null(
        json_object_get(json_array_get(run_sink.checkpoints, 1), "rest"));
    run_counts(&run, 3, 3, 0, 0);
}

static void a_listener_alone_has_nothing_to_run(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "type", "webhook", NULL);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run = run_new();
    assert_int_not_equal(run_try(&run, &err), APR_SUCCESS);
    assert_string_equal(err.code, "nothing_to_run");
}

static void exports_run_one_after_the_other_and_may_be_chosen(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_export("more", NOTHING);
    run_import("imp", NOTHING);
    world_doc(run_world, FLOW_KIND_FLOW, "f", "pageGenerators",
              "[{\"_exportId\":\"exp\"},{\"_exportId\":\"more\"}]",
              "pageProcessors", IMPORT_STEP, NULL);
    run_pages("[[{'id':1}]]");
    run = run_whole();
    run_counts(&run, 2, 2, 0, 0);
    world_expect(run_world, json_array_get(run_sink.checkpoints, 1),
                 "{'generator':1,'page':1,'cursor':null}");

    run = run_new();
    run.request = world_json(run_world, "{'_exportIds':['more'],"
                                        "'data':{'since':'x'}}");
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    run_counts(&run, 1, 1, 0, 0);
    world_expect(run_world, fake.inputs, "[{'since':'x'}]");

    run = run_new();
    run.checkpoint = json_array_get(run_sink.checkpoints, 1);
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    run_counts(&run, 0, 0, 0, 0); /* the first one is not run again */
}

static void a_test_run_takes_one_page_and_sends_nothing(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    run = run_new();
    run.test_mode = 1;
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    assert_int_equal(run.counters.pages_processed, 1);
    assert_int_equal(fake.dry_runs, 1);
    assert_int_equal(json_array_size(fake.sent), 0);
    world_expect(run_world,
                 json_object_get(json_array_get(fake.contexts, 0), "testMode"),
                 "true");
}

static void an_export_of_type_test_has_a_limit(void **state)
{
    flow_run_t run;

    (void)state;
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "type", "test", "test.limit", "3", "pageSize", "2", NULL);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5}]]");
    run = run_whole();
    run_counts(&run, 3, 3, 0, 0);
}

static void templates_see_connection_settings_and_job(void **state)
{
    const json_t *context;

    (void)state;
    run_export("exp", "settings", "{\"a\":1}");
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1}]]");
    run_whole();
    context = json_array_get(fake.contexts, 0);
    world_expect(run_world, json_object_get(context, "settings"),
                 "{'export':{'a':1},'connection':{'zone':'eu'}}");
    world_expect(run_world, json_object_get(context, "job"),
                 "{'_id':'j1','type':'flow'}");
    assert_non_null(json_object_get(context, "connection"));
    assert_non_null(json_object_get(context, "export"));
    context = json_array_get(fake.contexts, 1);
    assert_non_null(json_object_get(context, "import"));
    assert_null(json_object_get(context, "export"));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_go_from_the_export_to_the_import),
        TEST(pages_are_cut_to_the_exports_page_size),
        TEST(nothing_to_export_is_a_run_without_pages),
        TEST(a_run_goes_on_where_the_checkpoint_says),
        TEST(a_run_that_is_stopped_repeats_nothing),
        TEST(a_run_that_is_stopped_on_its_last_page_ends),
        TEST(a_failing_export_ends_the_run),
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
