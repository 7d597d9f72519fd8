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

/* ---- failing records ---- */

static void a_refused_record_is_reported_and_drops_out(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1,'refuse':1},{'id':2}]]");
    run = run_whole();
    run_counts(&run, 2, 1, 1, 0);
    world_expect(run_world, run_sink.errors,
                 "[{'step':'imp','index':1,'code':'refused','message':"
                 "'the far end does not want it','source':'application',"
                 "'key':'1','retry':{'id':1,'refuse':1}}]");
    world_expect(run_world, run.data, "[{'id':2}]");
}

static void a_record_may_proceed_although_it_failed(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_import("next", NOTHING);
    run_processors("[{\"type\":\"import\",\"_importId\":\"imp\","
                   "\"proceedOnFailure\":true,\"responseMapping\":{\"fields\":"
                   "[{\"extract\":\"errors[0].code\",\"generate\":\"why\"}]}},"
                   "{\"type\":\"import\",\"_importId\":\"next\"}]");
    run_pages("[[{'id':1,'refuse':1,'a\\u0000b':2,'a':3}]]");
    run = run_whole();
    assert_int_equal(run.counters.error, 2); /* at both steps */
    assert_int_equal(fake.calls, 2);
    world_expect(run_world, json_array_get(fake.sent, 1),
                 "{'id':1,'refuse':1,'a\\u0000b':2,'a':3,'why':'refused'}");
    /* what was reported is what had come to the step */
    world_expect(run_world,
                 json_object_get(json_array_get(run_sink.errors, 0), "retry"),
                 "{'id':1,'refuse':1,'a\\u0000b':2,'a':3}");
}

static void a_far_end_that_is_away_fails_each_record(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    fake.import_fails = 1;
    run = run_whole();
    run_counts(&run, 3, 0, 3, 0);
    assert_int_equal(json_array_size(run_sink.errors), 3);
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "source"),
        "connection");
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "code"),
        "connect_failed");
}

/* ---- idLockTemplate ---- */

static int locks, unlocks, refuses;

static apr_status_t take_names(void *baton, const char *scope,
                               const char *const *names, int n,
                               apr_time_t until, flow_error_t *err)
{
    (void)baton;
    (void)until;
    assert_string_equal(scope, "imp");
    assert_int_equal(n, 2); /* each once, and not the empty one */
    assert_true(strcmp(names[0], names[1]) < 0);
    ++locks;
    return refuses ? flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EAGAIN,
                                    "record_locked", "in flight")
                   : APR_SUCCESS;
}

static void give_names(void *baton, const char *scope, const char *const *names,
                       int n)
{
    (void)baton;
    (void)scope;
    (void)names;
    assert_int_equal(n, 2);
    ++unlocks;
}

static void records_of_equal_keys_go_one_after_the_other(void **state)
{
    static const flow_jobs_iface_t iface = { .lock = take_names,
                                             .unlock = give_names };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    locks = unlocks = refuses = 0;
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "pageSize", "9", NULL);
    run_import("imp", "idLockTemplate", "{{record.k}}");
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1,'k':'a'},{'id':2,'k':'b'},{'id':3,'k':'a'},"
              "{'id':4},{'id':5,'k':'a'}]]");
    run_new();
    run_world->env.jobs = &iface;
    run = run_whole();
    run_counts(&run, 5, 5, 0, 0);
    assert_int_equal(fake.calls, 3);
    world_expect(run_world, fake.sent,
                 "[{'id':1,'k':'a'},{'id':2,'k':'b'},{'id':4},"
                 "{'id':3,'k':'a'},{'id':5,'k':'a'}]");
    /* ... but are answered in their order */
    world_expect(run_world, json_array_get(run.data, 2), "{'id':3,'k':'a'}");
    assert_int_equal(locks, 1);
    assert_int_equal(unlocks, 1);
    refuses = 1;
    run = run_whole();
    run_counts(&run, 5, 0, 5, 0);
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "code"),
        "record_locked");
    assert_int_equal(unlocks, 1);
    /* a server that stops does not wait; that is not the records' fault */
    run = run_new();
    run_sink.stopping = 1;
    run_sink.errors = world_own(run_world, json_array());
    assert_int_equal(run_try(&run, &err), APR_EINTR);
    assert_int_equal(json_array_size(run_sink.errors), 0);
}

/* ---- the stages of an import ---- */

static void a_filter_skips_the_step_and_the_record_goes_on(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", "filter",
               "{\"type\":\"expression\",\"expression\":{\"version\":\"1\","
               "\"rules\":[\"equals\",[\"extract\",\"state\"],\"paid\"]}}");
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1,'state':'paid'},{'id':2,'state':'new'}]]");
    run = run_whole();
    run_counts(&run, 2, 1, 0, 1);
    world_expect(run_world, fake.sent, "[{'id':1,'state':'paid'}]");
    assert_int_equal(json_array_size(run.data), 2);
}

static void pre_map_decides_about_each_record(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", "hooks.preMap",
               "{\"_scriptId\":\"s\",\"function\":\"pick\"}");
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2},{'id':3},{'id':4}]]");
    run = run_whole();
    run_counts(&run, 4, 2, 1, 1);
    world_expect(run_world, fake.sent, "[{'id':3},{'id':4}]");
    world_expect(run_world, run_sink.errors,
                 "[{'step':'imp','index':1,'code':'one','message':'no ones',"
                 "'source':'pre_map_hook','key':'1','retry':{'id':1}},"
                 "{'step':'imp','index':1,'code':'note','message':'hm',"
                 "'source':'pre_map_hook','key':'3'}]");
    world_expect(run_world, run.data, "[{'id':2},{'id':3},{'id':4}]");
}

static void what_pre_map_changes_stays_in_its_import(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    world_doc(run_world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "hooks.preMap", "{\"_scriptId\":\"s\",\"function\":\"mark\"}",
              "mapping.fields",
              "[{\"extract\":\"marked\",\"generate\":\"m\"},"
              "{\"extract\":\"id\",\"generate\":\"nr\"}]",
              NULL);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1}]]");
    run = run_whole();
    world_expect(run_world, fake.sent, "[{'m':true,'nr':1}]");
    world_expect(run_world, fake.originals, "[{'id':1,'marked':true}]");
    world_expect(run_world, run.data, "[{'id':1}]");
}

static void a_hook_that_throws_fails_its_page_and_no_other(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", "hooks.preMap",
               "{\"_scriptId\":\"s\",\"function\":\"thrower\"}");
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1},{'id':2}],[{'id':3}]]");
    run = run_whole();
    run_counts(&run, 3, 0, 3, 0);
    assert_int_equal(run.counters.pages_processed, 2);
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 2), "source"),
        "pre_map_hook");
    assert_non_null(
        strstr(flow_json_member(json_array_get(run_sink.errors, 2), "message"),
               "boom"));
}

static void post_submit_may_forgive(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", "hooks.postSubmit",
               "{\"_scriptId\":\"s\",\"function\":\"forgive\"}");
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1,'refuse':1}]]");
    run = run_whole();
    run_counts(&run, 1, 1, 0, 0);
    assert_int_equal(json_array_size(run_sink.errors), 0);
    assert_int_equal(json_array_size(run.data), 1);
}

static void an_answer_that_says_ignored_is_counted_so(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'id':1,'skip':1}]]");
    run = run_whole();
    run_counts(&run, 1, 0, 0, 1);
}

static void children_are_sent_one_by_one(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    world_doc(run_world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "oneToMany", "true", "pathToMany", "lines", NULL);
    world_doc(run_world, FLOW_KIND_IMPORT, "mapped", "_connectionId", "far",
              "oneToMany", "true", "pathToMany", "lines", "mapping.fields",
              "[{\"extract\":\"_PARENT.id\",\"generate\":\"order\"},"
              "{\"extract\":\"id\",\"generate\":\"line\"}]",
              NULL);
    run_processors(
        "[{\"type\":\"import\",\"_importId\":\"imp\",\"responseMapping\":"
        "{\"fields\":[{\"extract\":\"id\",\"generate\":\"lineIds\"}]}},"
        "{\"type\":\"import\",\"_importId\":\"mapped\"}]");
    run_pages("[[{'id':7,'lines':[{'id':'a'},{'id':'b','refuse':1}]},"
              "{'id':8,'lines':[{'id':'c'}]},{'id':9,'lines':[]}]]");
    run = run_whole();
    /* a and c; b fails its parent, which does not go on; 9 has none */
    run_counts(&run, 3, 3, 1, 2);
    world_expect(run_world, json_array_get(fake.sent, 0), "{'id':'a'}");
    world_expect(run_world, json_array_get(fake.sent, 3),
                 "{'order':8,'line':'c'}");
    world_expect(run_world,
                 json_object_get(json_array_get(run_sink.errors, 0), "retry"),
                 "{'id':7,'lines':[{'id':'a'},{'id':'b','refuse':1}]}");
    world_expect(run_world, run.data,
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
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "type", "webhook", NULL);
    world_doc(run_world, FLOW_KIND_EXPORT, "look", "_connectionId", "far",
              "isLookup", "true", "inputFilter",
              "{\"type\":\"expression\",\"expression\":{\"version\":\"1\","
              "\"rules\":[\"notequals\",[\"extract\",\"id\"],2]}}",
              NULL);
    run_processors(LOOKUP_STEP);
    fake.echo_input = 1;
    run = run_new();
    run.request = world_json(run_world, "{'data':[{'id':1},{'id':2}]}");
    {
        flow_error_t err = FLOW_ERROR_INIT;

        assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    }
    world_expect(run_world, fake.inputs, "[{'id':1}]");
    world_expect(run_world, run.data, "[{'id':1,'f':1},{'id':2}]");
    run_counts(&run, 2, 0, 0, 0);
}

static void a_lookup_that_fails_fails_the_record(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "type", "webhook", NULL);
    world_doc(run_world, FLOW_KIND_EXPORT, "look", "_connectionId", "far",
              "isLookup", "true", NULL);
    run_processors(LOOKUP_STEP);
    fake.fail_at = 0;
    run = run_new();
    run.request = world_json(run_world, "{'data':{'id':1}}");
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    run_counts(&run, 1, 0, 1, 0);
    world_expect(run_world, run_sink.errors,
                 "[{'step':'look','index':1,'code':'far_end','message':"
                 "'export \\u0027look\\u0027: page 0 cannot be read',"
                 "'source':'application','key':'1','retry':{'id':1}}]");
    world_expect(run_world, run.data, "[]");
}

/* ---- after the step ---- */

static void post_response_map_has_the_last_word(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors(
        "[{\"type\":\"import\",\"_importId\":\"imp\",\"hooks\":"
        "{\"postResponseMap\":{\"_scriptId\":\"s\",\"function\":\"after\"}}"
        "}]");
    run_pages("[[{'id':1}]]");
    run = run_whole();
    world_expect(run_world, run.data, "[{'id':1,'status':200}]");
}

static void post_response_map_that_throws_fails_the_page(void **state)
{
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_processors("[{\"type\":\"import\",\"_importId\":\"imp\",\"hooks\":"
                   "{\"postResponseMap\":{\"_scriptId\":\"s\",\"function\":"
                   "\"thrower\"}}}]");
    run_pages("[[{'id':1},{'id':2}]]");
    run = run_whole();
    assert_int_equal(run.counters.success, 2); /* they had arrived */
    assert_int_equal(run.counters.error, 2);
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "source"),
        "response_mapping");
    world_expect(run_world, run.data, "[]");
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refused_record_is_reported_and_drops_out),
        TEST(records_of_equal_keys_go_one_after_the_other),
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
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
