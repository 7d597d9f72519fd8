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
    "function twice(o) { return {id: o.record.id * 2} }\n"
    "function odd(o) { if (o.record.id === 3) { throw new Error('three') }"
    " return o.record.id % 2 === 1 }\n"
    "function truthy(o) { return 1 }\n"
    "function noRecord(o) { return 7 }\n";

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

static apr_status_t run(const char *data, json_t **presult, flow_error_t *err)
{
    apr_status_t rv;

    if (!world->model) {
        world_compile(world);
    }
    flow_error_clear(err);
    *presult = NULL;
    rv = flow_export_run(
        &world->env, &world->caller, world_export(world, "exp"),
        data ? world_json(world, data) : NULL, presult, world->p, err);
    world_own(world, *presult);
    return rv;
}

static void expect(const char *data, const char *expected)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *result;

    assert_int_equal(run(data, &result, &err), APR_SUCCESS);
    world_expect(world, result, expected);
}

static void an_export(const char *path, const char *value)
{
    world_doc(world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
              "pageSize", "2", path, value, NULL);
}

#define SCRIPT(function)                                                       \
    "{\"type\":\"script\",\"script\":{\"_scriptId\":\"s\",\"function\":"       \
    "\"" function "\"}}"

static void all_pages_are_gathered(void **state)
{
    (void)state;
    an_export(NULL, NULL);
    fake.pages = world_json(world, "[[{'id':1},{'id':2},{'id':3}],[],"
                                   "[{'id':4}]]");
    expect(NULL, "{'data':[{'id':1},{'id':2},{'id':3},{'id':4}],'errors':[]}");
}

static void a_script_may_transform_records(void **state)
{
    (void)state;
    an_export("transform", SCRIPT("twice"));
    fake.pages = world_json(world, "[[{'id':1},{'id':2}]]");
    expect(NULL, "{'data':[{'id':2},{'id':4}],'errors':[]}");
}

static void a_transform_must_return_a_record(void **state)
{
    (void)state;
    an_export("transform", SCRIPT("noRecord"));
    fake.pages = world_json(world, "[[{'id':1}]]");
    expect(NULL,
           "{'data':[],'errors':[{'code':'invalid_response','message':"
           "'transform \\u0027noRecord\\u0027 of script \\u0027s\\u0027 must "
           "return a record, got number','source':'transformation'}]}");
}

static void what_the_filter_drops_is_no_error(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *result;

    (void)state;
    an_export("filter", SCRIPT("odd"));
    fake.pages = world_json(world, "[[{'id':1},{'id':2},{'id':3}]]");
    assert_int_equal(run(NULL, &result, &err), APR_SUCCESS);
    world_expect(world, json_object_get(result, "data"), "[{'id':1}]");
    assert_int_equal(json_array_size(json_object_get(result, "errors")), 1);
    assert_string_equal(
        flow_json_member(json_array_get(json_object_get(result, "errors"), 0),
                         "source"),
        "output_filter");
}

static void a_filter_must_return_a_boolean(void **state)
{
    (void)state;
    an_export("filter", SCRIPT("truthy"));
    fake.pages = world_json(world, "[[{'id':1}]]");
    expect(NULL, "{'data':[],'errors':[{'code':'invalid_response','message':"
                 "'filter \\u0027truthy\\u0027 of script \\u0027s\\u0027 must "
                 "return true or false, got number','source':"
                 "'output_filter'}]}");
}

static void the_export_is_fed_with_the_callers_data(void **state)
{
    (void)state;
    an_export(NULL, NULL);
    fake.echo_input = 1;
    expect("{'id':7}", "{'data':[{'found':7}],'errors':[]}");
    world_expect(world, fake.inputs, "[{'id':7}]");
}

static void a_listener_gives_what_it_is_given(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *result;

    (void)state;
    world_doc(world, FLOW_KIND_EXPORT, "exp", "type", "webhook", "transform",
              SCRIPT("twice"), NULL);
    expect("[{'id':1},{'id':2}]", "{'data':[{'id':2},{'id':4}],'errors':[]}");
    expect("{'id':1}", "{'data':[{'id':2}],'errors':[]}");
    assert_int_not_equal(run(NULL, &result, &err), APR_SUCCESS);
    assert_string_equal(err.code, "cannot_export");
}

static void more_than_five_megabytes_are_too_many(void **state)
{
    static char text[1024 * 1024 + 1];
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *result, *page, *record;
    int i;

    (void)state;
    an_export(NULL, NULL);
    memset(text, 'x', sizeof(text) - 1);
    record = world_own(world, json_object());
    json_object_set_new(record, "text",
                        flow_json_string_new(text, sizeof(text) - 1));
    page = json_array();
    for (i = 0; i < 6; ++i) {
        json_array_append(page, record);
    }
    fake.pages = world_own(world, json_array());
    json_array_append_new(fake.pages, page);
    assert_int_not_equal(run(NULL, &result, &err), APR_SUCCESS);
    assert_string_equal(err.code, "too_large");
    assert_null(result);
}

static void a_record_beyond_five_megabytes_is_an_error_of_its_own(void **state)
{
    static char text[6 * 1024 * 1024];
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *result, *record;

    (void)state;
    an_export(NULL, NULL);
    memset(text, 'x', sizeof(text));
    fake.pages = json_deep_copy(world_json(world, "[[{'id':1},{'id':2}]]"));
    world_own(world, fake.pages);
    record = json_array_get(json_array_get(fake.pages, 0), 0);
    json_object_set_new(record, "text",
                        flow_json_string_new(text, sizeof(text)));
    assert_int_equal(run(NULL, &result, &err), APR_SUCCESS);
    world_expect(world, result,
                 "{'data':[{'id':2}],'errors':[{'code':'too_large','message':"
                 "'the record is larger than 5 MB','source':'internal'}]}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_pages_are_gathered),
        TEST(a_script_may_transform_records),
        TEST(a_transform_must_return_a_record),
        TEST(what_the_filter_drops_is_no_error),
        TEST(a_filter_must_return_a_boolean),
        TEST(the_export_is_fed_with_the_callers_data),
        TEST(a_listener_gives_what_it_is_given),
        TEST(more_than_five_megabytes_are_too_many),
        TEST(a_record_beyond_five_megabytes_is_an_error_of_its_own),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
