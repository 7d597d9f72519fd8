/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "flow/flow_breaker.h"
#include "flow/flow_connector.h"
#include "flow/flow_import_private.h"
#include "run_fixture.h"

#define TWO_STEPS                                                              \
    "[{\"type\":\"import\",\"_importId\":\"imp\"},"                            \
    "{\"type\":\"import\",\"_importId\":\"next\"}]"
#define PROCEEDS                                                               \
    "[{\"type\":\"import\",\"_importId\":\"imp\",\"proceedOnFailure\":true},"  \
    "{\"type\":\"import\",\"_importId\":\"next\"}]"

/* Records to be retried, one after the other. */
typedef struct queue_t {
    flow_retry_item_t items[4];
    int n, at, done, stop_at, offline_at;
} queue_t;

static apr_status_t next(void *baton, flow_retry_item_t *item, apr_pool_t *p,
                         flow_error_t *err)
{
    queue_t *q = baton;

    (void)p;
    (void)err;
    if (q->at == q->n) {
        return APR_EOF;
    }
    *item = q->items[q->at++];
    return APR_SUCCESS;
}

static apr_status_t done(void *baton, const flow_counters_t *counters,
                         flow_error_t *err)
{
    static const flow_outage_t outage = { 1, 1 };
    queue_t *q = baton;

    (void)counters;
    (void)err;
    if (++q->done == q->stop_at) {
        run_sink.stopping = 1;
    }
    if (q->done == q->offline_at) {
        flow_breaker_heard(run_world->env.breaker, "far", &outage,
                           apr_time_now());
    }
    return APR_SUCCESS;
}

static void add(queue_t *q, const char *step, int index, const char *record)
{
    flow_retry_item_t *item = &q->items[q->n++];

    memset(item, 0, sizeof(*item));
    item->key = "e1";
    item->step_id = step;
    item->step_index = index;
    item->source = "application";
    item->record = world_json(run_world, record);
}

static apr_status_t retry(queue_t *q, flow_run_t *run, flow_error_t *err)
{
    static flow_retry_source_t source;

    source.baton = q;
    source.next = next;
    source.done = done;
    *run = run_new();
    run->retry = &source;
    return run_try(run, err);
}

static void documents(const char *processors)
{
    run_export("exp", NOTHING);
    run_import("imp", NOTHING);
    run_import("next", NOTHING);
    run_processors(processors);
}

static void a_record_goes_on_from_its_step_to_the_end(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .n = 0 };
    flow_run_t run;

    (void)state;
    documents(TWO_STEPS);
    run_pages("[[{'id':9}]]"); /* not read */
    add(&q, "imp", 1, "{'id':1}");
    add(&q, "next", 2, "{'id':2}");
    add(&q, "imp", 1, "{'id':3,'refuse':1}");
    assert_int_equal(retry(&q, &run, &err), 0);
    world_expect(run_world, fake.sent,
                 "[{'id':1},{'id':1},{'id':2},{'id':3,'refuse':1}]");
    assert_int_equal(run.counters.success, 3);
    assert_int_equal(run.counters.error, 1);
    assert_int_equal(json_array_size(run_sink.errors), 1);
    assert_int_equal(q.done, 3);
    assert_int_equal(run.counters.pages_generated, 0);
}

static void a_step_that_proceeds_on_failure_is_not_followed_up(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .n = 0 };
    flow_run_t run;

    (void)state;
    documents(PROCEEDS);
    add(&q, "imp", 1, "{'id':1}");
    add(&q, "next", 2, "{'id':2}");
    assert_int_equal(retry(&q, &run, &err), 0);
    world_expect(run_world, fake.sent, "[{'id':1},{'id':2}]");
}

static void a_step_that_has_moved_is_found_by_its_id(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .n = 0 };
    flow_run_t run;

    (void)state;
    documents(TWO_STEPS);
    add(&q, "next", 1, "{'id':1}");
    add(&q, "gone", 1, "{'id':2}");
    assert_int_equal(retry(&q, &run, &err), 0);
    world_expect(run_world, fake.sent, "[{'id':1}]");
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "code"),
        "step_unknown");
    assert_string_equal(
        flow_json_member(json_array_get(run_sink.errors, 0), "source"),
        "resource");
}

static void what_failed_at_the_export_begins_there(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .n = 0 };
    flow_run_t run;

    (void)state;
    run_export("exp", "filter",
               "{\"type\":\"expression\",\"expression\":{\"version\":\"1\","
               "\"rules\":[\"equals\",[\"number\",[\"extract\",\"id\"]],1]}}");
    run_import("imp", NOTHING);
    run_import("next", NOTHING);
    run_processors(TWO_STEPS);
    add(&q, "exp", 0, "{'id':1}");
    add(&q, "exp", 0, "{'id':2}"); /* is filtered */
    add(&q, "exp", 0, "{'id':3}"); /* has been filtered before */
    q.items[2].source = "pre_save_page_hook";
    assert_int_equal(retry(&q, &run, &err), 0);
    world_expect(run_world, fake.sent, "[{'id':1},{'id':1},{'id':3},{'id':3}]");
}

static void a_server_that_stops_leaves_the_rest(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .stop_at = 1 };
    flow_run_t run;

    (void)state;
    documents(TWO_STEPS);
    add(&q, "next", 2, "{'id':1}");
    add(&q, "next", 2, "{'id':2}");
    assert_int_equal(retry(&q, &run, &err), APR_EINTR);
    assert_int_equal(q.done, 1);
    world_expect(run_world, fake.sent, "[{'id':1}]");
}

/* A far end that is offline is asked by nobody; who would be the next to fail
 * waits. */
static void a_connection_that_goes_offline_leaves_the_rest(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .offline_at = 1 };
    flow_run_t run;

    (void)state;
    documents(TWO_STEPS);
    world_compile(run_world);
    run_world->env.breaker =
        flow_breaker_create(run_world->model, NULL, run_world->p);
    add(&q, "imp", 1, "{'id':1}");
    add(&q, "imp", 1, "{'id':2}");
    assert_int_equal(retry(&q, &run, &err), APR_EINTR);
    assert_string_equal(err.code, "connection_offline");
    assert_int_equal(q.at, 1);
    assert_int_equal(json_array_size(run_sink.errors), 0);
}

/* Alone or not: what found the far end gone is repeated. */
static void a_step_alone_waits_for_its_connection_too(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    queue_t q = { .n = 0 };
    flow_run_t run;

    (void)state;
    documents(PROCEEDS);
    world_compile(run_world);
    run_world->env.breaker =
        flow_breaker_create(run_world->model, NULL, run_world->p);
    fake.import_fails = 1;
    add(&q, "imp", 1, "{'id':1}");
    assert_int_equal(retry(&q, &run, &err), APR_EINTR);
    assert_string_equal(err.code, "connection_offline");
    assert_int_equal(q.done, 0);
}

/* ---- keys ---- */

/* The key of the records @a from to @a from + @a n - 1 of a page. */
static const char *key_of(const char *page, const char *records, size_t from,
                          size_t n)
{
    flow_import_item_t items[4];
    flow_import_work_t work = { .items = items, .page_key = page };
    flow_call_keys_t keys = { &work, NULL };
    flow_call_t call = { .keys = &keys };
    const json_t *list = world_json(run_world, records);
    size_t indexes[4], i;

    memset(items, 0, sizeof(items));
    work.p = run_world->p;
    work.n = json_array_size(list);
    for (i = 0; i < work.n; ++i) {
        items[i].incoming = json_array_get(list, i);
    }
    for (i = 0; i < n; ++i) {
        indexes[i] = from + i;
    }
    return flow_call_idempotency_key(&call, indexes, n, run_world->p);
}

static void a_key_is_the_same_for_the_same_records_only(void **state)
{
    static const size_t zero[] = { 0 };
    flow_call_t none = { NULL };
    const char *a = key_of("j.0", "[{'id':1},{'id':2}]", 0, 1);

    (void)state;
    assert_int_equal(strlen(a), 32);
    assert_string_equal(key_of("j.0", "[{'id':1},{'id':2}]", 0, 1), a);
    /* read anew, with a record before it */
    assert_string_equal(key_of("j.0", "[{'id':9},{'id':1}]", 1, 1), a);
    assert_string_not_equal(key_of("j.0", "[{'id':9},{'id':1}]", 0, 1), a);
    assert_string_not_equal(key_of("j.1", "[{'id':1}]", 0, 1), a);
    assert_string_not_equal(key_of("j.0", "[{'id':1},{'id':2}]", 0, 2), a);
    /* equal records are two records */
    assert_string_not_equal(key_of("j.0", "[{'id':1},{'id':1}]", 1, 1), a);
    /* outside of flows each request is another one */
    assert_string_not_equal(
        flow_call_idempotency_key(&none, zero, 1, run_world->p),
        flow_call_idempotency_key(&none, zero, 1, run_world->p));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, run_setup, run_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_goes_on_from_its_step_to_the_end),
        TEST(a_step_that_proceeds_on_failure_is_not_followed_up),
        TEST(a_step_that_has_moved_is_found_by_its_id),
        TEST(what_failed_at_the_export_begins_there),
        TEST(a_server_that_stops_leaves_the_rest),
        TEST(a_connection_that_goes_offline_leaves_the_rest),
        TEST(a_step_alone_waits_for_its_connection_too),
        TEST(a_key_is_the_same_for_the_same_records_only),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
