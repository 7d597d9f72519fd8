/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gives records their shape around the mappings themselves: groups, mocks,
 * transforms of answers, children of lookups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "run_fixture.h"

static json_t *sent(void)
{
    return fake.sent;
}

static void grouped(const char *fields)
{
    run_export("exp", "groupByFields", fields);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
}

static void equal_neighbours_become_one_record(void **state)
{
    flow_run_t run;

    (void)state;
    grouped("[\"no\",\"a.b\"]");
    run_pages("[[{'no':1,'x':1},{'no':1.0,'x':2},{'no':'1','x':3},"
              "{'no':1,'a':{'b':1},'x':4},{'x':5},{'x':6}]]");
    run = run_whole();
    run_counts(&run, 4, 4, 0, 0);
    world_expect(run_world, sent(),
                 "[[{'no':1,'x':1},{'no':1,'x':2}],[{'no':'1','x':3}],"
                 "[{'no':1,'a':{'b':1},'x':4}],[{'x':5},{'x':6}]]");
}

static void a_group_goes_on_from_page_to_page(void **state)
{
    flow_run_t run;

    (void)state;
    grouped("[\"no\"]");
    run_pages("[[{'no':1},{'no':2,'x':1}],[],[{'no':2,'x':2}],"
              "[{'no':2,'x':3},{'no':3}]]");
    run = run_whole();
    run_counts(&run, 3, 3, 0, 0);
    world_expect(run_world, sent(),
                 "[[{'no':1}],[{'no':2,'x':1},{'no':2,'x':2},"
                 "{'no':2,'x':3}],[{'no':3}]]");
}

static void a_group_that_is_open_is_in_the_checkpoint(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    grouped("[\"no\"]");
    run_pages("[[{'no':1},{'no':2},{'no':3,'x':1}],[{'no':3,'x':2}]]");
    run_sink.stop_after = 1;
    run = run_new();
    assert_int_not_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(
        run_world,
        json_object_get(json_array_get(run_sink.checkpoints, 0), "group"),
        "[{'no':3,'x':1}]");
    run_sink.stop_after = 0;
    flow_error_clear(&err);
    run = run_new();
    run.checkpoint = json_array_get(run_sink.checkpoints, 0);
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, sent(),
                 "[[{'no':1}],[{'no':2}],[{'no':3,'x':1},{'no':3,'x':2}]]");
}

static void transforms_see_the_group(void **state)
{
    flow_run_t run;

    (void)state;
    world_doc(run_world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "groupByFields", "[\"no\"]", "transform",
              "{\"expression\":{\"version\":\"1\",\"rules\":[["
              "{\"extract\":\"no\",\"generate\":\"no\"},"
              "{\"extract\":\"*.x\",\"generate\":\"xs\"}]]}}",
              NULL);
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages("[[{'no':1,'x':1},{'no':1,'x':2}]]");
    run = run_whole();
    run_counts(&run, 1, 1, 0, 0);
    world_expect(run_world, sent(), "[{'no':1,'xs':[1,2]}]");
}

static void a_test_run_takes_mocks(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", "mockOutput",
               "{\"page_of_records\":[{\"record\":{\"id\":1}},"
               "{\"rows\":[{\"id\":2}]}]}");
    run_import("imp", "mockResponse",
               "[{\"statusCode\":200,\"id\":\"a\"},{\"statusCode\":422,"
               "\"errors\":[{\"code\":\"no\",\"message\":\"way\"}]}]");
    run_processors("[{\"type\":\"import\",\"_importId\":\"imp\","
                   "\"responseMapping\":{\"fields\":[{\"extract\":\"id\","
                   "\"generate\":\"erp\"}]}}]");
    run_pages("[[{'id':9}]]");
    run = run_new();
    run.test_mode = 1;
    run.collect = 1;
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    run_counts(&run, 2, 1, 1, 0);
    world_expect(run_world, run.data, "[{'id':1,'erp':'a'}]");
    assert_int_equal(json_array_size(fake.inputs), 0);
    assert_int_equal(fake.calls, 0);
    /* any other run asks the far end */
    run = run_new();
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    assert_int_equal(fake.calls, 1);
}

static void an_answer_may_be_transformed(void **state)
{
    flow_run_t run;
    flow_error_t err = FLOW_ERROR_INIT;

    (void)state;
    run_export("exp", NOTHING);
    world_doc(run_world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "mockResponse",
              "{\"statusCode\":200,\"_json\":{\"a\":\"19.90\"}}",
              "responseTransform",
              "{\"expression\":{\"version\":\"2\",\"rulesTwoDotZero\":{"
              "\"mode\":\"modify\",\"mappings\":[{\"generate\":\"b\","
              "\"dataType\":\"number\",\"extract\":\"$.a\","
              "\"status\":\"Active\"}]}}}",
              NULL);
    run_processors("[{\"type\":\"import\",\"_importId\":\"imp\","
                   "\"responseMapping\":{\"fields\":[{\"extract\":\"_json\","
                   "\"generate\":\"answer\"}]}}]");
    run_pages("[[{'id':9}]]");
    run = run_new();
    run.test_mode = 1;
    run.collect = 1;
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    assert_string_equal(
        flow_json_text(run.data, NULL, run_world->p),
        "[{\"id\":9,\"answer\":{\"a\":\"19.90\",\"b\":19.90}}]");
}

static void a_lookup_is_asked_for_each_child(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    run_export("exp", NOTHING);
    world_doc(run_world, FLOW_KIND_EXPORT, "look", "_connectionId", "far",
              "isLookup", "true", "oneToMany", "true", "pathToMany", "items",
              "inputFilter",
              "{\"expression\":{\"version\":\"1\",\"rules\":["
              "\"notequals\",[\"extract\",\"id\"],2]}}",
              NULL);
    run_processors("[{\"type\":\"export\",\"_exportId\":\"look\","
                   "\"responseMapping\":{\"fields\":[{\"extract\":\"data\","
                   "\"generate\":\"hits\"}]}}]");
    fake.echo_input = 1;
    run_pages("[[{'n':1,'items':[{'id':1},{'id':2},{'id':3}]},"
              "{'n':2,'items':5},{'n':3}]]");
    run = run_new();
    run.collect = 1;
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, run.data,
                 "[{'n':1,'items':[{'id':1},{'id':2},{'id':3}],"
                 "'hits':[{'found':1},null,{'found':3}]},{'n':3,'hits':[]}]");
    assert_int_equal(json_array_size(run_sink.errors), 1);
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "code"),
        "one_to_many");
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_neighbours_become_one_record),
        TEST(a_group_goes_on_from_page_to_page),
        TEST(a_group_that_is_open_is_in_the_checkpoint),
        TEST(transforms_see_the_group),
        TEST(a_test_run_takes_mocks),
        TEST(an_answer_may_be_transformed),
        TEST(a_lookup_is_asked_for_each_child),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
