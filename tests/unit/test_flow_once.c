/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "run_fixture.h"

#define PAGES "[[{'id':1},{'id':2}],[{'id':3}],[{'id':4},{'id':5,'refuse':1}]]"

static void documents(const char *pages)
{
    run_export("exp", "type", "once");
    run_import("imp", NOTHING);
    run_processors(IMPORT_STEP);
    run_pages(pages);
}

static void records_are_marked_when_their_batch_is_through(void **state)
{
    flow_run_t run;

    (void)state;
    documents(PAGES);
    run = run_whole();
    run_counts(&run, 5, 4, 1, 0);
    world_expect(run_world, fake.marked,
                 "[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5,'refuse':1}]");
    /* a batch with something to mark is never the last word */
    world_expect(run_world, json_array_get(run_sink.checkpoints, 0),
                 "{'generator':0,'page':1,'cursor':1,'rest':[],"
                 "'mark':[{'id':1},{'id':2}]}");
    world_expect(
        run_world,
        json_object_get(json_array_get(run_sink.checkpoints, 1), "rest"), "[]");
}

static void nothing_is_marked_that_is_not_committed(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run, again;

    (void)state;
    documents(PAGES);
    run_sink.stop_after = 1;
    run = run_new();
    assert_int_equal(run_try(&run, &err), APR_EINTR);
    world_expect(run_world, fake.marked, "[]");
    /* it was committed after all, and the process died before marking */
    run_sink.stop_after = 0;
    again = run_new();
    again.checkpoint = json_array_get(run_sink.checkpoints, 0);
    again.counters = run.counters;
    assert_int_equal(run_try(&again, &err), APR_SUCCESS);
    run_counts(&again, 5, 4, 1, 0);
    assert_int_equal(json_array_size(fake.sent), 5);
    world_expect(run_world, fake.marked,
                 "[{'id':1},{'id':2},{'id':3},{'id':4},{'id':5,'refuse':1}]");
}

static void the_last_batch_is_marked_when_the_run_goes_on(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run, again;

    (void)state;
    documents("[[{'id':1}]]");
    run_sink.stop_after = 1;
    run = run_new();
    assert_int_equal(run_try(&run, &err), APR_EINTR);
    run_sink.stop_after = 0;
    again = run_new();
    again.checkpoint = json_array_get(run_sink.checkpoints, 0);
    assert_int_equal(run_try(&again, &err), APR_SUCCESS);
    world_expect(run_world, fake.sent, "[{'id':1}]");
    world_expect(run_world, fake.marked, "[{'id':1}]");
}

static void a_failed_run_leaves_what_it_has_not_done(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    documents(PAGES);
    fake.fail_at = 1;
    run = run_new();
    assert_int_not_equal(run_try(&run, &err), APR_SUCCESS);
    assert_string_equal(err.code, "far_end");
    world_expect(run_world, fake.marked, "[{'id':1},{'id':2}]");
}

static void a_mark_that_fails_is_an_error_of_the_record(void **state)
{
    flow_run_t run;

    (void)state;
    documents("[[{'id':1},{'id':2},{'id':3}]]");
    fake.mark_fails = 2;
    run = run_whole();
    run_counts(&run, 3, 3, 1, 0);
    world_expect(run_world, fake.marked, "[{'id':1},{'id':3}]");
    world_expect(run_world, run_sink.errors,
                 "[{'step':'exp','index':0,'code':'no_mark','message':"
                 "'the record is through but not marked: it stays as it is',"
                 "'source':'application','key':'2'}]");
}

static void a_test_marks_nothing(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    documents(PAGES);
    run = run_new();
    run.test_mode = 1;
    assert_int_equal(run_try(&run, &err), APR_SUCCESS);
    world_expect(run_world, fake.marked, "[]");
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_marked_when_their_batch_is_through),
        TEST(nothing_is_marked_that_is_not_committed),
        TEST(the_last_batch_is_marked_when_the_run_goes_on),
        TEST(a_failed_run_leaves_what_it_has_not_done),
        TEST(a_mark_that_fails_is_an_error_of_the_record),
        TEST(a_test_marks_nothing),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
