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
#include "flow/flow_parallel.h"
#include "run_fixture.h"

/* What the sink was told, in order: errors as their keys, pages as null. */
static json_t *told;
static json_t *kept; /* the last checkpoint that was taken */
static flow_counters_t counted;
static int stop_after, inside, at_once;

static apr_status_t page_done(void *baton, const flow_counters_t *counters,
                              const json_t *checkpoint, flow_error_t *err)
{
    (void)baton;
    assert_int_equal(__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST), 0);
    apr_sleep(2000);
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
    if (stop_after &&
        json_array_size(run_sink.checkpoints) >= (size_t)stop_after) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "lease",
                              "the lease is lost");
    }
    json_array_append(run_sink.checkpoints, (json_t *)checkpoint);
    json_array_append_new(told, json_null());
    kept = (json_t *)checkpoint;
    counted = *counters;
    return APR_SUCCESS;
}

static apr_status_t record_error(void *baton, const flow_record_error_t *e,
                                 flow_error_t *err)
{
    (void)baton;
    (void)err;
    json_array_append_new(
        told, flow_json_string_new(e->trace_key, strlen(e->trace_key)));
    return APR_SUCCESS;
}

static apr_status_t run_it(flow_run_t *run, flow_error_t *err)
{
    const flow_run_sink_t sink = { NULL, page_done, record_error };
    apr_status_t rv;

    flow_error_clear(err);
    rv = flow_run(&run_world->env, run, &sink, run_world->p, err);
    world_own(run_world, run->data);
    return rv;
}

static void documents(const char *pages)
{
    run_export("one", NOTHING);
    run_export("two", NOTHING);
    run_export("three", NOTHING);
    run_import("imp", NOTHING);
    world_doc(run_world, FLOW_KIND_FLOW, "f", "pageGenerators",
              "[{\"_exportId\":\"one\"},{\"_exportId\":\"two\"},"
              "{\"_exportId\":\"three\"}]",
              "pageProcessors", "[{\"_importId\":\"imp\"}]",
              "runPageGeneratorsInParallel", "true", NULL);
    run_pages(pages);
    told = world_own(run_world, json_array());
    kept = NULL;
    stop_after = at_once = 0;
    memset(&counted, 0, sizeof(counted));
}

/* How often the far end has got each of the ids 1..n. */
static void sent_times(int *times, int n)
{
    size_t i;

    memset(times, 0, sizeof(*times) * (size_t)(n + 1));
    for (i = 0; i < json_array_size(fake.sent); ++i) {
        apr_int64_t id = 0;

        flow_json_int64(json_object_get(json_array_get(fake.sent, i), "id"),
                        &id);
        assert_in_range(id, 1, n);
        ++times[id];
    }
}

#define PAGES                                                                  \
    "[[{'id':1},{'id':2}],[{'id':3},{'id':4}],[{'id':5},{'id':6}],"            \
    "[{'id':7}]]"

/* Nobody goes on before all three are there. */
static void meet(int page)
{
    int i;

    if (page == 0) {
        __atomic_fetch_add(&at_once, 1, __ATOMIC_SEQ_CST);
        for (i = 0; i < 2000 && __atomic_load_n(&at_once, __ATOMIC_SEQ_CST) < 3;
             ++i) {
            apr_sleep(1000);
        }
    }
}

static void generators_run_side_by_side(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;
    int times[8], i;
    size_t k, n;

    (void)state;
    documents(PAGES);
    fake.on_read = meet;
    run = run_new();
    assert_int_equal(run_it(&run, &err), APR_SUCCESS);
    assert_int_equal(at_once, 3);
    run_counts(&run, 21, 21, 0, 0);
    assert_int_equal(run.counters.pages_processed, 12);
    assert_int_equal(counted.success, 21);
    assert_int_equal(json_array_size(run.data), 21);
    sent_times(times, 7);
    for (i = 1; i <= 7; ++i) {
        assert_int_equal(times[i], 3);
    }
    /* only the last one says that there is no more */
    n = json_array_size(run_sink.checkpoints);
    assert_int_equal(n, 12);
    for (k = 0; k < n; ++k) {
        assert_int_equal(
            json_object_get(json_array_get(run_sink.checkpoints, k), "rest") !=
                NULL,
            k + 1 < n);
    }
}

static void errors_of_a_page_come_together_before_it(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;
    size_t i;

    (void)state;
    documents("[[{'id':1,'refuse':1},{'id':2,'refuse':1}],[{'id':3}],"
              "[{'id':4,'refuse':1},{'id':5,'refuse':1}]]");
    fake.on_read = meet;
    run = run_new();
    assert_int_equal(run_it(&run, &err), APR_SUCCESS);
    run_counts(&run, 15, 3, 12, 0);
    assert_int_equal(json_array_size(told), 12 + 9 - 3); /* 3 joins 4, 5 */
    for (i = 0; i < json_array_size(told); ++i) {
        const char *key = flow_json_string(json_array_get(told, i), NULL);

        if (key && (strcmp(key, "1") == 0 || strcmp(key, "4") == 0)) {
            const char *next =
                flow_json_string(json_array_get(told, i + 1), NULL);

            assert_non_null(next);
            assert_int_equal(next[0], key[0] + 1);
            assert_true(json_is_null(json_array_get(told, i + 2)));
        }
    }
}

static void a_lost_lease_repeats_only_pages_in_flight(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run, again;
    int times[8], i, most = 0;

    (void)state;
    documents(PAGES);
    stop_after = 5;
    run = run_new();
    assert_int_equal(run_it(&run, &err), APR_EINTR);
    assert_string_equal(err.code, "lease");
    stop_after = 0;
    again = run_new();
    again.checkpoint = kept;
    again.counters = counted;
    assert_int_equal(run_it(&again, &err), APR_SUCCESS);
    run_counts(&again, 21, 21, 0, 0);
    sent_times(times, 7);
    for (i = 1; i <= 7; ++i) {
        assert_in_range(times[i], 3, 6);
        most += times[i] - 3;
    }
    assert_in_range(most, 0, 6); /* a page of each generator */
}

static void stop_soon(int page)
{
    if (page == 1) { /* and time for all to hear of it */
        __atomic_store_n(&run_sink.stopping, 1, __ATOMIC_RELAXED);
        apr_sleep(200000);
    }
}

static void an_orderly_stop_repeats_nothing(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run, again;
    int times[8], i;

    (void)state;
    documents(PAGES);
    fake.on_read = stop_soon;
    run = run_new();
    assert_int_equal(run_it(&run, &err), APR_EINTR);
    fake.on_read = NULL;
    run_sink.stopping = 0;
    again = run_new();
    again.checkpoint = kept;
    again.counters = counted;
    assert_int_equal(run_it(&again, &err), APR_SUCCESS);
    run_counts(&again, 21, 21, 0, 0);
    sent_times(times, 7);
    for (i = 1; i <= 7; ++i) {
        assert_int_equal(times[i], 3);
    }
}

static void one_that_fails_ends_the_run(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    documents(PAGES);
    fake.fail_at = 2;
    run = run_new();
    assert_int_not_equal(run_it(&run, &err), APR_SUCCESS);
    assert_string_equal(err.code, "far_end");
    assert_string_equal(run.failed_source, "application");
    assert_int_equal(run.counters.exported, run.counters.success);
}

static void no_error_of_the_others_is_lost_when_one_fails(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;
    int i, most = 0;
    size_t k;

    (void)state;
    for (i = 0; i < 5; ++i) {
        int keys = 0;

        documents("[[{'id':1,'refuse':1},{'id':2,'refuse':1}],"
                  "[{'id':3,'refuse':1}],[{'id':4,'refuse':1}]]");
        fake.on_read = meet;
        fake.fail_at = 2;
        run = run_new();
        assert_int_not_equal(run_it(&run, &err), APR_SUCCESS);
        for (k = 0; k < json_array_size(told); ++k) {
            keys += json_is_string(json_array_get(told, k));
        }
        assert_int_equal(keys, run.counters.error);
        most = keys > most ? keys : most;
    }
    assert_in_range(most, 2, 9);
}

static void what_is_not_asked_for_is_not_run(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    documents(PAGES);
    run = run_new();
    run.request = world_json(run_world, "{'_exportIds':['two']}");
    assert_int_equal(run_it(&run, &err), APR_SUCCESS);
    run_counts(&run, 7, 7, 0, 0);
    run = run_new();
    run.request = world_json(run_world, "{'_exportIds':[]}");
    assert_int_not_equal(run_it(&run, &err), APR_SUCCESS);
    assert_string_equal(err.code, "nothing_to_run");
    /* a test is one page */
    run = run_new();
    run.test_mode = 1;
    assert_int_equal(run_it(&run, &err), APR_SUCCESS);
    assert_int_equal(run.counters.exported, 2);
}

/* The flow was changed while a run of it was put aside. */
static void a_run_goes_on_in_the_way_it_was_begun(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_run_t run;

    (void)state;
    documents(PAGES);
    run = run_new();
    run.checkpoint =
        world_json(run_world, "{'generator':1,'page':2,'cursor':2}");
    assert_int_equal(run_it(&run, &err), APR_SUCCESS);
    assert_int_equal(run.counters.exported, 3 + 7);
    ((flow_flow_t *)run.flow)->parallel = 0;
    run = run_new();
    run.checkpoint =
        world_json(run_world, "{'generator':2,'rest':1,'parallel':{'0':true,"
                              "'1':{'page':2,'cursor':2,'generator':1},"
                              "'2':{'page':4,'cursor':null,'generator':2}}}");
    assert_int_equal(run_it(&run, &err), APR_SUCCESS);
    assert_int_equal(run.counters.exported, 3);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(generators_run_side_by_side),
        TEST(errors_of_a_page_come_together_before_it),
        TEST(a_lost_lease_repeats_only_pages_in_flight),
        TEST(an_orderly_stop_repeats_nothing),
        TEST(one_that_fails_ends_the_run),
        TEST(no_error_of_the_others_is_lost_when_one_fails),
        TEST(what_is_not_asked_for_is_not_run),
        TEST(a_run_goes_on_in_the_way_it_was_begun),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
