/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_job_list.h"
#include "jobs/flow_queue.h"
#include "jobs_fixture.h"

typedef struct fixture_t {
    jobs_fixture_t *f;
    flow_store_t *store;
    apr_pool_t *p;
    flow_error_t err;
} fixture_t;

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    fixture_t *x = f ? apr_pcalloc(f->p, sizeof(*x)) : NULL;

    if (!x) {
        return -1;
    }
    x->f = f;
    x->p = f->p;
    x->store = jobs_fixture_store(f);
    *state = x;
    return x->store ? 0 : -1;
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    flow_store_close(x->store);
    jobs_fixture_free(x->f);
    return 0;
}

/* A job that was queued @a second; its id. */
static const char *add(fixture_t *x, const char *flow, int second)
{
    char *id = apr_palloc(x->p, FLOW_ID_SIZE);
    apr_time_t at = apr_time_from_sec(0x60000000 + second);
    flow_new_job_t job = { id, flow };
    flow_ids_t ids;

    flow_ids_init(&ids);
    flow_ids_make(&ids, at, id);
    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
    assert_int_equal(flow_queue_job(x->store, &job, at, &x->err), 0);
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
    return id;
}

static void set(fixture_t *x, const char *id, const char *what)
{
    jobs_fixture_query(
        x->f,
        apr_psprintf(x->p, "UPDATE job SET %s WHERE id = '%s'", what, id));
}

/* The flows of the jobs found, "a,b,". */
static const char *found(fixture_t *x, const flow_job_filter_t *filter,
                         int limit)
{
    const char *text = "";
    json_t *list = NULL;
    size_t i;

    assert_int_equal(
        flow_job_select(x->store, filter, limit, &list, x->p, &x->err), 0);
    for (i = 0; i < json_array_size(list); ++i) {
        text = apr_pstrcat(x->p, text,
                           flow_json_member(json_array_get(list, i), "_flowId"),
                           ",", NULL);
    }
    json_decref(list);
    return text;
}

static void jobs_are_found_by_what_they_are(void **state)
{
    static const char *const states[] = {
        "queued", "preparing", "running", "completed", "failed", "canceled"
    };
    fixture_t *x = *state;
    const char *ids[6];
    size_t i;

    for (i = 0; i < 6; ++i) {
        ids[i] = add(x, states[i], (int)i);
        set(x, ids[i],
            apr_psprintf(x->p, "status = '%s', type = '%s', ended = %d",
                         states[i], i == 5 ? "retry" : "flow", i > 2));
    }
    for (i = 0; i < 6; ++i) {
        flow_job_filter_t by_state = { .status = states[i] };
        flow_job_filter_t by_flow = { .flow_id = states[i] };
        const char *one = apr_pstrcat(x->p, states[i], ",", NULL);

        assert_string_equal(found(x, &by_state, 9), one);
        assert_string_equal(found(x, &by_flow, 9), one);
        by_state.flow_id = "other";
        assert_string_equal(found(x, &by_state, 9), "");
    }
    {
        apr_time_t third = apr_time_from_sec(0x60000000 + 3);
        flow_job_filter_t all = { NULL }, since = { .since = third };
        flow_job_filter_t until = { .until = third };
        flow_job_filter_t before = { .before = ids[2] };
        flow_job_filter_t retries = { .type = "retry" };

        assert_string_equal(found(x, &all, 2), "canceled,failed,");
        assert_string_equal(found(x, &since, 9), "canceled,failed,completed,");
        assert_string_equal(found(x, &until, 9), "running,preparing,queued,");
        assert_string_equal(found(x, &before, 9), "preparing,queued,");
        before.until = third;
        assert_string_equal(found(x, &before, 9), "preparing,queued,");
        assert_string_equal(found(x, &retries, 9), "canceled,");
    }
}

static void a_failed_job_is_listed_with_its_reason(void **state)
{
    fixture_t *x = *state;
    flow_job_filter_t failed = { .status = "failed" };
    const char *id = add(x, "f", 1);
    json_t *list = NULL, *failure;
    int n = 0;

    set(x, id,
        "status = 'failed', ended = 500, error_code = '404',"
        " error_message = 'gone', error_source = 'application'");
    assert_int_equal(
        flow_job_select(x->store, &failed, 9, &list, x->p, &x->err), 0);
    failure = json_object_get(json_array_get(list, 0), "failure");
    assert_string_equal(flow_json_member(failure, "code"), "404");
    assert_string_equal(flow_json_member(failure, "message"), "gone");
    json_decref(list);
    flow_job_failures(x->store, NULL, 500, 9, &n, x->p, &x->err);
    assert_int_equal(n, 1);
    flow_job_failures(x->store, "f", 501, 9, &n, x->p, &x->err);
    assert_int_equal(n, 0);
    flow_job_failures(x->store, "g", 0, 9, &n, x->p, &x->err);
    assert_int_equal(n, 0);
}

/* The codes of what the job waits for, "a,b,". */
static const char *waits(fixture_t *x, const char *id)
{
    const char *text = "";
    json_t *list = NULL;
    size_t i;

    assert_int_equal(flow_job_waits(x->store, id, &list, x->p, &x->err), 0);
    for (i = 0; i < json_array_size(list); ++i) {
        text = apr_pstrcat(x->p, text,
                           flow_json_member(json_array_get(list, i), "code"),
                           ",", NULL);
    }
    json_decref(list);
    return text;
}

static void a_job_says_what_it_waits_for(void **state)
{
    fixture_t *x = *state;
    const char *first = add(x, "f", 1), *second = add(x, "f", 2);
    const char *other = add(x, "g", 3);

    assert_string_equal(waits(x, first), "unclaimed,");
    assert_string_equal(waits(x, second), "behind_others,");
    set(x, second, "priority = 10");
    assert_string_equal(waits(x, second), "unclaimed,");
    assert_string_equal(waits(x, first), "behind_others,");
    set(x, second, "status = 'running', started = 7");
    assert_string_equal(waits(x, first), "flow_busy,");
    assert_string_equal(waits(x, second), "");
    set(x, other, "attempts = 1");
    assert_string_equal(waits(x, other), "must_run_alone,");
    set(x, other, "status = 'preparing'");
    assert_string_equal(waits(x, other), "preparing,");
    set(x, other, "status = 'completed'");
    assert_string_equal(waits(x, other), "");
    assert_string_equal(waits(x, "nope"), "");
}

static void flows_are_known_by_what_is_stored_of_them(void **state)
{
    static const char *const known[] = { "f", "g", "tick" };
    fixture_t *x = *state;
    const char *id = add(x, "f", 1);
    json_t *flows = NULL, *f;
    apr_int64_t n = 0;
    int yes = 0;
    size_t i;

    add(x, "f", 2);
    add(x, "g", 3);
    set(x, id, "status = 'running'");
    jobs_fixture_query(
        x->f, "INSERT INTO schedule (flow_id, name, definition, next_at,"
              " config_at, seen_at) VALUES ('tick', '', 'd', 1000000, 0, 0)");
    assert_int_equal(flow_job_flows(x->store, &flows, x->p, &x->err), 0);
    assert_int_equal(json_object_size(flows), 3);
    f = json_object_get(flows, "f");
    assert_true(flow_json_int64(json_object_get(f, "queued"), &n) && n == 1);
    assert_true(flow_json_int64(json_object_get(f, "running"), &n) && n == 1);
    assert_string_equal(
        flow_json_member(json_object_get(f, "lastJob"), "status"), "queued");
    assert_string_equal(
        flow_json_member(json_object_get(flows, "tick"), "nextAt"),
        "1970-01-01T00:00:01.000Z");
    json_decref(flows);
    for (i = 0; i < 3; ++i) {
        flow_job_flow_known(x->store, known[i], &yes, x->p, &x->err);
        assert_int_equal(yes, 1);
    }
    flow_job_flow_known(x->store, "h", &yes, x->p, &x->err);
    assert_int_equal(yes, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_are_found_by_what_they_are),
        TEST(a_failed_job_is_listed_with_its_reason),
        TEST(a_job_says_what_it_waits_for),
        TEST(flows_are_known_by_what_is_stored_of_them),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
