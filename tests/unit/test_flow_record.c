/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_record.h"
#include "world.h"

static world_t *world;

static int setup(void **state)
{
    (void)state;
    world = world_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

static void a_trace_key_is_found_without_a_template(void **state)
{
    /* clang-format off */
    static const struct { const char *record, *key; } cases[] = {
        { "{'name':'n','id':7}",               "7" },
        { "{'name':'n','_id':'x','key':'k'}",  "x" },
        { "{'name':'n','key':'k'}",            "k" },
        { "{'name':'n'}",                      "n" },
        { "{'id':9007199254740993}",           "9007199254740993" },
        { "{'id':{'a':1},'name':'n'}",         "n" },
        { "{'id':'','name':'n'}",              "n" },
        { "{'id':null}",                       NULL },
        { "{'other':1}",                       NULL },
        { "[{'id':1},{'id':2}]",               "1" },
        { "[]",                                NULL },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *key = flow_record_trace_key(
            NULL, world_json(world, cases[i].record), world->p);

        if (cases[i].key) {
            assert_non_null(key);
            assert_string_equal(key, cases[i].key);
        }
        else {
            assert_null(key);
        }
    }
}

static void a_template_rules_and_long_keys_lose_their_middle(void **state)
{
    const char *text = "{{{record.a}}}-{{{b}}}", *key;
    flow_template_t *tpl = NULL;
    json_t *record = world_own(world, json_object());
    char *many = apr_palloc(world->p, 2 * 600 + 1);
    apr_size_t i;

    (void)state;
    assert_int_equal(flow_template_compile(&tpl, text, strlen(text),
                                           FLOW_ESCAPE_NONE, world->p, NULL),
                     APR_SUCCESS);
    assert_string_equal(
        flow_record_trace_key(tpl, world_json(world, "{'a':1,'b':'x','id':9}"),
                              world->p),
        "1-x");

    for (i = 0; i < 600; ++i) {
        memcpy(many + 2 * i, "\xc3\xa4", 2);
    }
    many[1200] = '\0';
    json_object_set_new(record, "id", flow_json_string_new(many, 1200));
    key = flow_record_trace_key(NULL, record, world->p);
    assert_int_equal(strlen(key), 2 * 509 + 3);
    assert_true(flow_utf8_is_valid(key, strlen(key)));
    assert_non_null(strstr(key, "..."));
}

static void errors_come_in_one_shape(void **state)
{
    /* clang-format off */
    static const struct { const char *given, *normal; } cases[] = {
        { "null", "[]" },
        { "[]", "[]" },
        { "[{'code':'c','message':'m','source':'s','x':1}]",
          "[{'code':'c','message':'m','source':'s'}]" },
        { "[{}]", "[{'code':'error','message':'no message was given',"
                  "'source':'here'}]" },
        { "[{'code':404,'message':null}]",
          "[{'code':'404','message':'no message was given',"
          "'source':'here'}]" },
        { "['text']", "[{'code':'error','message':'text','source':'here'}]" },
        { "'text'", "[{'code':'error','message':'text','source':'here'}]" },
        { "{'message':'m'}",
          "[{'code':'error','message':'m','source':'here'}]" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        json_t *normal = flow_record_errors_normal(
            world_json(world, cases[i].given), "here", world->p);

        world_expect(world, world_own(world, normal), cases[i].normal);
    }
    world_expect(
        world,
        world_own(world, flow_record_errors_normal(NULL, "here", world->p)),
        "[]");
}

static void a_size_is_about_that_of_the_text(void **state)
{
    static const char *const values[] = {
        "null",
        "{}",
        "[]",
        "{'a':19.90,'b':[true,false,null,'text'],'c':{'d':-1}}",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(values) / sizeof(values[0]); ++i) {
        const json_t *v = world_json(world, values[i]);
        apr_size_t size = flow_record_size(v, 1000), len = strlen(values[i]);

        assert_in_range(size, len, len + 6);
    }
    /* it does not look further than it must */
    assert_in_range(
        flow_record_size(world_json(world, "['aaaaaaaaaa','b','c','d']"), 8), 9,
        20);
}

static void a_time_is_written_as_celigo_does(void **state)
{
    (void)state;
    assert_string_equal(
        flow_record_time(APR_TIME_C(1764036001200000), world->p),
        "2025-11-25T02:00:01.200Z");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trace_key_is_found_without_a_template),
        TEST(a_template_rules_and_long_keys_lose_their_middle),
        TEST(errors_come_in_one_shape),
        TEST(a_size_is_about_that_of_the_text),
        TEST(a_time_is_written_as_celigo_does),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
