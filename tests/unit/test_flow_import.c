/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "data/flow_json.h"
#include "flow/flow_run.h"
#include "world.h"

static const char source[] =
    "function note(o) { return o.data.map(function (r) {"
    " return {data: r, errors: [{code: 7, message: {why: 'so'}}]} }) }\n"
    "function drop(o) { return o.postMapData.map(function (r, i) {"
    " if (o.preMapData[i].id === 2) { return {} }"
    " r.extra = o.preMapData[i].id; return {data: r} }) }\n"
    "function spoil(o) { return o.responseData.map(function (r) {"
    " r.errors = ['bad']; return r }) }\n"
    "function short(o) { return [] }\n";

static world_t *world;

static int setup(void **state)
{
    (void)state;
    world = world_create();
    world_script(world, "s", source);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

static apr_status_t run(const char *data, json_t **presponse, flow_error_t *err)
{
    apr_status_t rv;

    if (!world->model) {
        world_compile(world);
    }
    flow_error_clear(err);
    rv =
        flow_import_run(&world->env, &world->caller, world_import(world, "imp"),
                        world_json(world, data), presponse, world->p, err);
    world_own(world, *presponse);
    return rv;
}

static void expect(const char *data, const char *expected)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *response;

    assert_int_equal(run(data, &response, &err), APR_SUCCESS);
    world_expect(world, response, expected);
}

static void an_import(const char *path, const char *value)
{
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far", path,
              value, NULL);
}

#define HOOK(function) "{\"_scriptId\":\"s\",\"function\":\"" function "\"}"
#define OK(id)                                                                 \
    "{'statusCode':200,'id':" id ",'ignored':false,'errors':[],"               \
    "'_json':{'id':" id "}}"

static void the_answer_mirrors_what_was_given(void **state)
{
    (void)state;
    an_import(NULL, NULL);
    expect("{'id':1}", OK("1"));
    expect("[{'id':1}]", "[" OK("1") "]");
    expect("[]", "[]");
    expect("[{'id':1},{'id':2}]", "[" OK("1") "," OK("2") "]");
}

static void only_records_can_be_imported(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *response;

    (void)state;
    an_import(NULL, NULL);
    assert_int_not_equal(run("[{'id':1},'x']", &response, &err), APR_SUCCESS);
    assert_string_equal(err.code, "invalid_record");
    assert_string_equal(err.message, "import 'imp' takes a record or an array "
                                     "of records, element 1 is string");
    assert_int_equal(fake.calls, 0);
    assert_int_not_equal(run("7", &response, &err), APR_SUCCESS);
}

static void answers_keep_their_order_around_those_that_stay_behind(void **state)
{
    (void)state;
    an_import("filter",
              "{\"type\":\"expression\",\"expression\":{\"version\":\"1\","
              "\"rules\":[\"notequals\",[\"extract\",\"id\"],2]}}");
    expect("[{'id':1},{'id':2},{'id':3}]",
           "[" OK("1") ",{'statusCode':200,'ignored':true,'errors':[]}," OK(
               "3") "]");
    assert_int_equal(fake.calls, 1);
}

static void a_mapping_that_fails_fails_its_record(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *response;
    const json_t *first;

    (void)state;
    an_import("mapping.fields", "[{\"extract\":\"n\",\"generate\":\"n\","
                                "\"dataType\":\"number\"}]");
    assert_int_equal(run("[{'n':'x'},{'n':'5'}]", &response, &err),
                     APR_SUCCESS);
    first = json_array_get(response, 0);
    world_expect(world, json_object_get(first, "statusCode"), "422");
    assert_string_equal(
        flow_json_member(json_array_get(json_object_get(first, "errors"), 0),
                         "source"),
        "mapping");
    world_expect(world, fake.sent, "[{'n':5}]");
}

static void errors_that_are_only_noted_are_in_the_answer(void **state)
{
    (void)state;
    an_import("hooks.preMap", HOOK("note"));
    expect("{'id':1}",
           "{'statusCode':200,'id':1,'ignored':false,'_json':{'id':1},"
           "'errors':[{'code':'7','message':'{\\u0022why\\u0022:"
           "\\u0022so\\u0022}','source':'pre_map_hook'}]}");
}

static void post_map_changes_what_is_sent(void **state)
{
    (void)state;
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "mapping.fields", "[{\"extract\":\"id\",\"generate\":\"nr\"}]",
              "hooks.postMap", HOOK("drop"), NULL);
    expect("[{'id':1},{'id':2}]",
           "[{'statusCode':200,'ignored':false,'errors':[],"
           "'_json':{'nr':1,'extra':1}},"
           "{'statusCode':200,'ignored':true,'errors':[]}]");
    world_expect(world, fake.sent, "[{'nr':1,'extra':1}]");
}

static void post_submit_may_find_fault(void **state)
{
    (void)state;
    an_import("hooks.postSubmit", HOOK("spoil"));
    expect("{'id':1}",
           "{'statusCode':200,'id':1,'ignored':false,'_json':{'id':1},"
           "'errors':[{'code':'error','message':'bad','source':"
           "'application'}]}");
}

static void a_broken_contract_is_an_error_of_the_call(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *response;

    (void)state;
    an_import("hooks.preMap", HOOK("short"));
    assert_int_not_equal(run("[{'id':1}]", &response, &err), APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_SCRIPT);
    assert_string_equal(err.message, "preMap hook 'short' of script 's': hook "
                                     "must return 1 elements, got 0");
    assert_null(response);
    assert_int_equal(fake.calls, 0);
}

static void the_connector_gets_a_page_as_a_whole_and_time_for_it(void **state)
{
    json_t *records, *response = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    int i;

    (void)state;
    an_import(NULL, NULL);
    world_compile(world);
    world->caller.deadline = 0;
    records = world_own(world, json_array());
    for (i = 0; i < 600; ++i) {
        json_t *record = json_object();

        json_object_set_new(record, "id", json_integer(i));
        json_array_append_new(records, record);
    }
    assert_int_equal(flow_import_run(&world->env, &world->caller,
                                     world_import(world, "imp"), records,
                                     &response, world->p, &err),
                     APR_SUCCESS);
    world_own(world, response);
    assert_int_equal(json_array_size(response), 600);
    world_expect(world, json_object_get(json_array_get(response, 599), "id"),
                 "599");
    assert_int_equal(fake.calls, 1);
    /* ten seconds for each 250 records begun, but not for one request */
    assert_in_range(fake.deadline - apr_time_now(), apr_time_from_sec(20),
                    apr_time_from_sec(30));
    assert_in_range(fake.until - apr_time_now(), 0, apr_time_from_sec(10));
}

static void children_must_be_objects(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *response;

    (void)state;
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "oneToMany", "true", "pathToMany", "lines", NULL);
    assert_int_equal(run("[{'lines':[1]},{'lines':{}},{'lines':[{'id':1}]},{}]",
                         &response, &err),
                     APR_SUCCESS);
    world_expect(world, response,
                 "[{'statusCode':422,'ignored':false,'errors':[{'code':"
                 "'one_to_many','message':'child 0 must be an object, found "
                 "number','source':'mapping'}]},"
                 "{'statusCode':422,'ignored':false,'errors':[{'code':"
                 "'one_to_many','message':'pathToMany must lead to an array, "
                 "found object','source':'mapping'}]},"
                 "{'statusCode':200,'ignored':false,'errors':[],'id':[1],"
                 "'_json':[{'id':1}]},"
                 "{'statusCode':200,'ignored':true,'errors':[]}]");
}

static void rows_of_a_grouped_record_are_its_children(void **state)
{
    (void)state;
    world_doc(world, FLOW_KIND_IMPORT, "imp", "_connectionId", "far",
              "oneToMany", "true", NULL);
    expect("[[{'id':1},{'id':2}]]",
           "[{'statusCode':200,'ignored':false,'errors':[],'id':[1,2],"
           "'_json':[{'id':1},{'id':2}]}]");
    world_expect(world, fake.originals,
                 "[{'id':1,'_PARENT':[{'id':1},{'id':2}]},"
                 "{'id':2,'_PARENT':[{'id':1},{'id':2}]}]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_answer_mirrors_what_was_given),
        TEST(only_records_can_be_imported),
        TEST(answers_keep_their_order_around_those_that_stay_behind),
        TEST(a_mapping_that_fails_fails_its_record),
        TEST(errors_that_are_only_noted_are_in_the_answer),
        TEST(post_map_changes_what_is_sent),
        TEST(post_submit_may_find_fault),
        TEST(a_broken_contract_is_an_error_of_the_call),
        TEST(the_connector_gets_a_page_as_a_whole_and_time_for_it),
        TEST(children_must_be_objects),
        TEST(rows_of_a_grouped_record_are_its_children),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
