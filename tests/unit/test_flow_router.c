/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_router.h"
#include "run_fixture.h"

/* Imports a, b and c send {"a": id} and so on; "+" marks the record. */
static void documents(const char *routers)
{
    static const char *const ids[] = { "a", "b", "c" };
    int i;

    run_export("exp", NOTHING);
    for (i = 0; i < 3; ++i) {
        run_import(ids[i], "mapping.fields",
                   apr_psprintf(run_world->p,
                                "[{\"extract\":\"id\",\"generate\":\"%s\"}]",
                                ids[i]));
    }
    world_script(
        run_world, "r",
        "function route(o) { return o.record.to }\n"
        "function seen(o) { return Object.keys(o).sort().join() ==="
        " '_flowId,job,record,sandbox,settings,testMode' ? [1] : [0] }\n"
        "function plus(o) { return o.postResponseMapData.map("
        "function (r) { r.id = r.id + '+'; return r }) }\n");
    world_doc(run_world, FLOW_KIND_FLOW, "f", "pageGenerators",
              "[{\"_exportId\":\"exp\"}]", "routers", routers, NULL);
}

#define STEP(id) "{\"_importId\":\"" id "\"}"
#define PLUS(id)                                                               \
    "{\"_importId\":\"" id "\",\"hooks\":{\"postResponseMap\":"                \
    "{\"_scriptId\":\"r\",\"function\":\"plus\"}}}"
#define IS(field, value)                                                       \
    "\"inputFilter\":{\"expression\":{\"version\":\"1\",\"rules\":"            \
    "[\"equals\",[\"extract\",\"" field "\"],\"" value "\"]}}"

static void a_record_takes_the_first_branch_that_it_matches(void **state)
{
    flow_run_t run;

    (void)state;
    documents(
        "[{\"id\":\"r1\",\"branches\":["
        "{\"name\":\"de\"," IS("k", "x") ",\"pageProcessors\":[" STEP(
            "a") "]},"
                 "{\"name\":\"gone\"," IS(
                     "k", "y") ",\"pageProcessors\":[]},"
                               "{\"name\":\"rest\",\"pageProcessors\":[" STEP(
                                   "b") "]}]}]");
    run_pages("[[{'id':1,'k':'z'},{'id':2,'k':'x'},{'id':3,'k':'y'},"
              "{'id':4,'k':'x'}]]");
    run = run_whole();
    world_expect(run_world, fake.sent, "[{'a':2},{'b':1},{'a':4}]");
    run_counts(&run, 4, 3, 0, 0);
    world_expect(run_world, run.data,
                 "[{'id':2,'k':'x'},{'id':1,'k':'z'},{'id':4,'k':'x'}]");
}

static void without_a_match_a_record_ends(void **state)
{
    flow_run_t run;

    (void)state;
    documents("[{\"id\":\"r1\",\"branches\":[{" IS(
        "k", "x") ",\"pageProcessors\":[" STEP("a") "]}]}]");
    run_pages("[[{'id':1,'k':'z'},{'id':2,'k':'x'}]]");
    run = run_whole();
    world_expect(run_world, fake.sent, "[{'a':2}]");
    run_counts(&run, 2, 1, 0, 0);
    world_expect(run_world, run_sink.errors, "[]");
}

static void all_matching_branches_get_the_record_as_it_came(void **state)
{
    flow_run_t run;

    (void)state;
    documents("[{\"id\":\"r1\",\"routeRecordsTo\":\"all_matching_branches\","
              "\"branches\":[{" IS("k", "x") ",\"pageProcessors\":[" PLUS(
                  "a") "," STEP("c") "]},"
                                     "{\"pageProcessors\":[" STEP("b") "]}]}]");
    run_pages("[[{'id':1,'k':'x'},{'id':2,'k':'y'}]]");
    run = run_whole();
    world_expect(run_world, fake.sent, "[{'a':1},{'c':'1+'},{'b':1},{'b':2}]");
    run_counts(&run, 2, 4, 0, 0);
}

/* r1 -> (a | b) -> r3; r1 -> r2 -> c -> r3: r3 runs once, with all. */
static void branches_meet_again(void **state)
{
    flow_run_t run;

    (void)state;
    documents(
        "[{\"id\":\"r1\",\"branches\":["
        "{" IS("k", "x") ",\"pageProcessors\":[" PLUS(
            "a") "],\"nextRouterId\":\"r3\"},"
                 "{" IS("k",
                        "y") ",\"nextRouterId\":\"r2\"},"
                             "{\"nextRouterId\":\"r3\"}]},"
                             "{\"id\":\"r3\",\"branches\":[{\"pageProcessors\":"
                             "[" STEP(
                                 "b") "]}]},"
                                      "{\"id\":\"r2\",\"branches\":[{"
                                      "\"pageProcessors\":[" STEP(
                                          "c") "],\"nextRouterId\":\"r3\"}]}]");
    fake.pages = NULL;
    run_pages("[[{'id':1,'k':'z'},{'id':2,'k':'y'}],[{'id':3,'k':'x'}]]");
    run = run_whole();
    world_expect(run_world, fake.sent,
                 "[{'c':2},{'b':1},{'b':2},{'a':3},{'b':'3+'}]");
    run_counts(&run, 3, 5, 0, 0);
    assert_int_equal(json_array_size(run.data), 3);
    assert_int_equal(fake.calls, 4);
}

static void a_script_gives_indexes_or_names(void **state)
{
    flow_run_t run;
    json_t *error;

    (void)state;
    documents(
        "[{\"id\":\"r1\",\"routeRecordsTo\":\"all_matching_branches\","
        "\"routeRecordsUsing\":\"script\",\"script\":{\"_scriptId\":"
        "\"r\",\"function\":\"route\"},\"branches\":["
        "{\"name\":\"first\",\"pageProcessors\":[" STEP(
            "a") "]},"
                 "{\"name\":\"second\",\"pageProcessors\":[" STEP("b") "]}]}]");
    run_pages("[[{'id':1,'to':[1,0]},{'id':2,'to':['second']},"
              "{'id':3,'to':'first'},{'id':4,'to':[]},{'id':5,'to':[2]},"
              "{'id':6,'to':'third'},{'id':7},{'id':8,'to':null},"
              "{'id':9,'to':[1,1]}]]");
    run = run_whole();
    world_expect(run_world, fake.sent,
                 "[{'a':1},{'b':1},{'b':2},{'a':3},{'b':9}]");
    run_counts(&run, 9, 5, 4, 0);
    assert_int_equal(json_array_size(run_sink.errors), 4);
    error = json_array_get(run_sink.errors, 0);
    assert_string_equal(
        flow_json_string(json_object_get(error, "message"), NULL),
        "router 'r1': function 'route' of script 'r' must return an array of "
        "branch indexes (0 to 1) or names, got 2");
    json_object_del(error, "message");
    world_expect(run_world, error,
                 "{'step':'r1','index':3,'code':'invalid_response','source':"
                 "'script','key':'5','retry':{'id':5,'to':[2]}}");
}

static void a_script_sees_the_record_and_the_settings(void **state)
{
    (void)state;
    documents("[{\"id\":\"r1\",\"routeRecordsUsing\":\"script\",\"script\":"
              "{\"_scriptId\":\"r\",\"function\":\"seen\"},\"branches\":["
              "{\"pageProcessors\":[" STEP("a") "]},"
                                                "{\"pageProcessors\":[" STEP(
                                                    "b") "]}]}]");
    run_pages("[[{'id':1}]]");
    run_whole();
    world_expect(run_world, fake.sent, "[{'b':1}]");
}

static void errors_of_a_branch_name_its_step(void **state)
{
    flow_run_t run;

    (void)state;
    documents("[{\"id\":\"r1\",\"branches\":["
              "{" IS("k", "x") ",\"pageProcessors\":[" STEP("a") "," STEP(
                  "c") "]},"
                       "{\"pageProcessors\":[" STEP("b") "]}]}]");
    run_pages("[[{'id':1,'k':'x'},{'id':2,'k':'y'}]]");
    fake.import_fails = 1;
    run = run_whole();
    run_counts(&run, 2, 0, 2, 0);
    assert_string_equal(
        flow_json_string(
            json_object_get(json_array_get(run_sink.errors, 1), "step"), NULL),
        "b");
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(run_sink.errors, 1), "index")),
                     3);
}

static void a_run_goes_on_at_the_page_that_was_not_done(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run, again;

    (void)state;
    documents("[{\"id\":\"r1\",\"branches\":["
              "{" IS("k", "x") ",\"pageProcessors\":[" STEP(
                  "a") "]},"
                       "{\"pageProcessors\":[" STEP("b") "]}]}]");
    run_pages("[[{'id':1,'k':'x'},{'id':2}],[{'id':3},{'id':4,'k':'x'}]]");
    run_sink.stop_after = 1;
    run = run_new();
    assert_int_equal(run_try(&run, &err), APR_EINTR);
    run_sink.stop_after = 0;
    again = run_new();
    again.checkpoint = json_array_get(run_sink.checkpoints, 0);
    again.counters = run.counters;
    assert_int_equal(run_try(&again, &err), APR_SUCCESS);
    world_expect(run_world, fake.sent, "[{'a':1},{'b':2},{'a':4},{'b':3}]");
    run_counts(&again, 4, 4, 0, 0);
}

static void copies_that_multiply_are_stopped(void **state)
{
    const char *routers = "[";
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;
    int i;

    (void)state;
    for (i = 0; i < 20; ++i) {
        routers = apr_psprintf(
            run_world->p,
            "%s%s{\"id\":\"r%d\",\"routeRecordsTo\":\"all_matching_branches\","
            "\"branches\":[{%s%d%s},{%s%d%s}]}",
            routers, i ? "," : "", i,
            i < 19 ? "\"nextRouterId\":\"r" : "\"name\":\"", i + 1, "\"",
            i < 19 ? "\"nextRouterId\":\"r" : "\"name\":\"", i + 1, "\"");
    }
    documents(apr_pstrcat(run_world->p, routers, "]", NULL));
    run_pages("[[{'id':1}]]");
    run = run_new();
    assert_int_not_equal(run_try(&run, &err), APR_SUCCESS);
    assert_string_equal(err.code, "router_overflow");
}

static void mistakes_are_found(void **state)
{
    /* clang-format off */
    static const struct { const char *routers, *says; } cases[] = {
        { "[{\"id\":\"r\",\"branches\":[]}]",
          "routers[0].branches: a router needs at least one branch" },
        { "[{\"branches\":[{}]}]",
          "routers[0].id: required field 'routers[].id' is missing" },
        { "[{\"id\":\"r\",\"branches\":[{\"nextRouterId\":\"s\"}]}]",
          "routers[0].branches[0].nextRouterId: there is no router 's' in this flow" },
        { "[{\"id\":\"r\",\"branches\":[{\"nextRouterId\":\"r\"}]}]",
          "routers[0].branches[0].nextRouterId: leads back to router 'r'" },
        { "[{\"id\":\"r\",\"branches\":[{\"nextRouterId\":\"s\"}]},"
          "{\"id\":\"s\",\"branches\":[{},{\"nextRouterId\":\"r\"}]}]",
          "routers[1].branches[1].nextRouterId: leads back to router 'r'" },
        { "[{\"id\":\"r\",\"branches\":[{}]},{\"id\":\"s\",\"branches\":[{}]}]",
          "routers[1]: no branch leads to this router" },
        { "[{\"id\":\"r\",\"branches\":[{\"nextRouterId\":\"r2\"}]},"
          "{\"id\":\"r2\",\"branches\":[{}]},{\"id\":\"r2\",\"branches\":[{}]}]",
          "routers[2].id: router 'r2' is there twice" },
        { "[{\"id\":\"r\",\"routeRecordsUsing\":\"script\",\"branches\":[{}]}]",
          "routers[0].script: routeRecordsUsing 'script' needs 'script'" },
        { "[{\"id\":\"r\",\"routeRecordsTo\":\"some\",\"branches\":[{}]}]",
          "routers[0].routeRecordsTo: 'some' is not one of first_matching_branch all_matching_branches" },
        { "[{\"id\":\"r\",\"branches\":[{\"pageProcessors\":[{}]}]}]",
          "routers[0].branches[0].pageProcessors[0]: names neither" },
        { "[{\"id\":\"r\",\"branches\":[{\"pageProcessors\":[{\"_importId\":\"imb\"}]}]}]",
          "routers[0].branches[0].pageProcessors[0]._importId: " },
        { "[{\"id\":\"r\",\"branches\":[{\"inputFilter\":{\"rules\":[\"foo\"]}}]}]",
          "routers[0].branches[0].inputFilter.rules: " },
    };
    /* clang-format on */
    const flow_compile_settings_t settings = { 16 * 1024 * 1024 };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *got;
        void *none = NULL;

        run_teardown(&none);
        run_setup(&none);
        documents(cases[i].routers);
        flow_compile(&run_world->model, run_world->docs, &settings,
                     run_world->p, run_world->p);
        got = world_problems(run_world);
        if (!strstr(got, cases[i].says)) {
            fail_msg("%s\n--- got\n%s\n--- not\n%s", cases[i].routers, got,
                     cases[i].says);
        }
    }
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_takes_the_first_branch_that_it_matches),
        TEST(without_a_match_a_record_ends),
        TEST(all_matching_branches_get_the_record_as_it_came),
        TEST(branches_meet_again),
        TEST(a_script_gives_indexes_or_names),
        TEST(a_script_sees_the_record_and_the_settings),
        TEST(errors_of_a_branch_name_its_step),
        TEST(a_run_goes_on_at_the_page_that_was_not_done),
        TEST(copies_that_multiply_are_stopped),
        TEST(mistakes_are_found),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
