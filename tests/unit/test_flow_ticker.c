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

#include "jobs/flow_next.h"
#include "jobs/flow_queue.h"
#include "jobs/flow_ticker.h"
#include "jobs/flow_ticks.h"
#include "jobs_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEC(n)   apr_time_from_sec((apr_int64_t)(n))
#define NOON     SEC(1772020800) /* 2026-02-25T12:00:00Z */
#define MINUTE   SEC(60)

static flow_schedule_t make(const char *text, flow_catch_up_e catch_up)
{
    flow_schedule_t s = { .name = "",
                          .text = text,
                          .timezone = "UTC",
                          .catch_up = catch_up,
                          .definition = text };
    flow_error_t err = FLOW_ERROR_INIT;

    assert_int_equal(flow_cron_compile(&s.cron, text, strlen(text), &err),
                     APR_SUCCESS);
    return s;
}

/* ---- planning ---- */

static void missed_ticks_follow_the_policy(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        flow_catch_up_e policy;
        int late; /* seconds after the first tick, at noon */
        int next, last, runs; /* minutes after noon */
    } cases[] = {
        { "*/15 * * * *", FLOW_CATCH_UP_ONE, 0, 15, 0, 1 },
        { "*/15 * * * *", FLOW_CATCH_UP_NONE, 59, 15, 0, 1 },
        { "*/15 * * * *", FLOW_CATCH_UP_NONE, 61, 15, 0, 0 },
        { "*/15 * * * *", FLOW_CATCH_UP_NONE, 45 * 60 + 5, 60, 45, 1 },
        { "*/15 * * * *", FLOW_CATCH_UP_ONE, 44 * 60, 45, 30, 1 },
        { "*/15 * * * *", FLOW_CATCH_UP_ALL, 44 * 60, 45, 30, 3 },
        { "*/15 * * * *", FLOW_CATCH_UP_ALL, 45 * 60, 60, 45, 4 },
        { "* * * * *", FLOW_CATCH_UP_ALL, 1000 * 60, 1001, 1000, 100 },
        { "* * * * *", FLOW_CATCH_UP_ALL, 400 * 86400, 400 * 1440 + 1, 400 * 1440, 100 },
        { "0 12 * * *", FLOW_CATCH_UP_ONE, 3600, 1440, 0, 1 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_schedule_t s = make(cases[i].text, cases[i].policy);
        apr_time_t next, last;
        int runs;

        flow_ticker_plan(&s, NOON, NOON + SEC(cases[i].late), &next, &last,
                         &runs);
        if (next != NOON + cases[i].next * MINUTE ||
            last != NOON + cases[i].last * MINUTE || runs != cases[i].runs) {
            fail_msg("case %d: next %ld, last %ld, runs %d", (int)i,
                     (long)((next - NOON) / MINUTE),
                     (long)((last - NOON) / MINUTE), runs);
        }
    }
}

/* ---- rows ---- */

static apr_status_t take(flow_store_t *store, flow_tick_t *tick, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv;

    assert_int_equal(flow_store_begin(store, -1, &err), APR_SUCCESS);
    rv = flow_ticks_take(store, tick, NOON, p, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(flow_store_commit(store, &err), APR_SUCCESS);
    return rv;
}

static void know(flow_store_t *store, const flow_schedule_t *s,
                 apr_time_t config, apr_time_t next, apr_time_t now)
{
    flow_error_t err = FLOW_ERROR_INIT;

    assert_int_equal(flow_store_begin(store, -1, &err), APR_SUCCESS);
    flow_ticks_know(store, "f", s, config, next, now, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(flow_store_commit(store, &err), APR_SUCCESS);
}

static flow_tick_row_t row_of(flow_store_t *store, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_tick_row_t row;

    assert_int_equal(flow_ticks_read(store, "f", "", &row, p, &err),
                     APR_SUCCESS);
    return row;
}

static int count(jobs_fixture_t *f, const char *what)
{
    return atoi(jobs_fixture_query(
        f, apr_pstrcat(f->p, "SELECT count(*) FROM ", what, NULL)));
}

static void a_tick_is_taken_once(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_store_t *store = jobs_fixture_store(f);
    flow_schedule_t s = make("*/15 * * * *", FLOW_CATCH_UP_ONE);
    char ids[2][FLOW_ID_SIZE] = { "a", "b" };
    flow_tick_t tick = { .flow_id = "f",
                         .schedule = &s,
                         .from = NOON,
                         .to = NOON + 15 * MINUTE,
                         .last = NOON,
                         .runs = 1,
                         .one_waits = 1,
                         .ids = ids };

    (void)state;
    know(store, &s, 1, NOON, 1);
    take(store, &tick, f->p);
    assert_int_equal(tick.lost, 0);
    assert_int_equal(tick.queued, 1);
    assert_int_equal(count(f, "job WHERE status = 'queued'"), 1);
    take(store, &tick, f->p);
    assert_int_equal(tick.lost, 1);
    assert_int_equal(count(f, "job"), 1);
    assert_true(row_of(store, f->p).next_at == NOON + 15 * MINUTE);
    assert_string_equal(row_of(store, f->p).last_job_id, "a");
    /* the next one finds it waiting */
    tick.from = tick.to;
    tick.to += 15 * MINUTE;
    tick.ids = &ids[1];
    take(store, &tick, f->p);
    assert_int_equal(tick.lost, 0);
    assert_int_equal(tick.queued, 0);
    assert_int_equal(count(f, "job"), 1);
    assert_int_equal(row_of(store, f->p).merged, 1);
    /* and the one after that does not: it has begun */
    flow_store_begin(store, -1, NULL);
    flow_store_exec(store, "UPDATE job SET status = 'running', started = 5",
                    FLOW_SQL_NONE, NULL, NULL);
    flow_store_commit(store, NULL);
    tick.from = tick.to;
    tick.to += 15 * MINUTE;
    take(store, &tick, f->p);
    assert_int_equal(tick.queued, 1);
    assert_int_equal(count(f, "job"), 2);
    flow_store_close(store);
    jobs_fixture_free(f);
}

static void a_changed_definition_begins_anew(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_store_t *store = jobs_fixture_store(f);
    flow_schedule_t s = make("*/15 * * * *", FLOW_CATCH_UP_ONE);
    flow_schedule_t other = make("0 * * * *", FLOW_CATCH_UP_ONE);
    char id[1][FLOW_ID_SIZE] = { "a" };
    flow_tick_t tick = { .flow_id = "f",
                         .schedule = &s,
                         .from = NOON,
                         .to = NOON + 15 * MINUTE,
                         .runs = 1,
                         .ids = id };
    flow_error_t err = FLOW_ERROR_INIT;

    (void)state;
    know(store, &s, 100, NOON, 1);
    know(store, &s, 100, NOON + MINUTE, 2); /* another child */
    assert_true(row_of(store, f->p).next_at == NOON);
    know(store, &s, 200, NOON + MINUTE, 3); /* restarted */
    assert_true(row_of(store, f->p).next_at == NOON);
    assert_int_equal(row_of(store, f->p).config_at, 200);
    know(store, &other, 300, NOON + 60 * MINUTE, 4);
    assert_true(row_of(store, f->p).next_at == NOON + 60 * MINUTE);
    /* a child of the old configuration neither changes nor takes it */
    know(store, &s, 200, NOON, 5);
    assert_string_equal(row_of(store, f->p).definition, "0 * * * *");
    tick.from = NOON + 60 * MINUTE;
    take(store, &tick, f->p);
    assert_int_equal(tick.lost, 1);
    assert_int_equal(count(f, "job"), 0);
    /* the flow is disabled, or gone */
    flow_store_begin(store, -1, &err);
    flow_ticks_drop(store, "f", 300, 6, &err);
    flow_ticks_forget(store, 300, 4, &err);
    flow_store_commit(store, &err);
    assert_int_equal(count(f, "schedule"), 1);
    flow_store_begin(store, -1, &err);
    flow_ticks_drop(store, "f", 301, 6, &err);
    flow_store_commit(store, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(count(f, "schedule"), 0);
    know(store, &other, 300, NOON, 7);
    flow_store_begin(store, -1, &err);
    flow_ticks_forget(store, 299, 8, &err); /* an older child does not know */
    flow_store_commit(store, &err);
    assert_int_equal(count(f, "schedule"), 1);
    flow_store_begin(store, -1, &err);
    flow_ticks_forget(store, 300, 8, &err);
    flow_store_commit(store, &err);
    assert_int_equal(count(f, "schedule"), 0);
    flow_store_close(store);
    jobs_fixture_free(f);
}

/* ---- processes ---- */

static flow_flow_t *scheduled(jobs_fixture_t *f, const char *id,
                              flow_schedule_t *s)
{
    flow_flow_t *flow = jobs_fixture_flow(f, id, "e", 0);

    flow->schedules = s;
    flow->nschedules = 1;
    return flow;
}

static void start(jobs_fixture_t *f, flow_jobs_t **pjobs, apr_pool_t **pchild)
{
    flow_error_t err = FLOW_ERROR_INIT;

    apr_pool_create(pchild, NULL);
    flow_jobs_start(pjobs, &f->settings, &f->env, *pchild, &err);
    assert_string_equal(err.message, "");
    flow_jobs_release(*pjobs);
}

static void the_configuration_read_last_counts_whatever_the_clock_says(
    void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_store_t *store = jobs_fixture_store(f);
    flow_schedule_t old = { .name = "", .definition = "old" };
    flow_schedule_t new = { .name = "", .definition = "new" };
    apr_time_t at;

    (void)state;
    assert_int_equal(flow_ticker_config_time(&f->settings, 50, f->p), 50);
    know(store, &old, 1000, 5000, 1);
    at = flow_ticker_config_time(&f->settings, 500, f->p); /* set back */
    assert_int_equal(at, 1001);
    know(store, &new, at, 6000, 1);
    assert_string_equal(row_of(store, f->p).definition, "new");
    assert_int_equal(flow_ticker_config_time(&f->settings, 2000, f->p), 2000);
    flow_store_close(store);
    jobs_fixture_free(f);
}

static void several_processes_make_one_run_of_a_tick(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_schedule_t s = make("* * * * *", FLOW_CATCH_UP_ONE);
    flow_schedule_t far = make("0 0 29 2 *", FLOW_CATCH_UP_ONE);
    apr_time_t due = apr_time_now() + apr_time_from_msec(1500);
    flow_store_t *store;
    apr_pool_t *child[3];
    flow_jobs_t *jobs[3];
    flow_error_t err = FLOW_ERROR_INIT;
    int i, n = 0;

    (void)state;
    scheduled(f, "f", &s);
    scheduled(f, "far", &far);
    scheduled(f, "off", &far)->disabled = 1;
    f->settings.workers = 0; /* such processes tick, too */
    assert_int_equal(flow_jobs_prepare(&f->settings, f->p, &err), 0);
    store = jobs_fixture_store(f);
    know(store, &s, 0, due, 1);
    for (i = 0; i < 3; ++i) {
        start(f, &jobs[i], &child[i]);
    }
    for (i = 0; i < 100 && !n; ++i) {
        apr_sleep(50000);
        n = count(f, "job");
    }
    apr_sleep(300000);
    assert_true(apr_time_now() >= due);
    assert_int_equal(count(f, "job"), 1);
    assert_int_equal(count(f, "job WHERE flow_id = 'f'"), 1);
    assert_true(row_of(store, f->p).next_at > due);
    assert_int_equal(count(f, "schedule"), 2);
    /* not before its time, and not much after it */
    assert_int_equal(
        count(f, apr_psprintf(f->p,
                              "job WHERE created >= %" APR_INT64_T_FMT
                              " AND created < %" APR_INT64_T_FMT,
                              due, due + apr_time_from_sec(2))),
        1);
    for (i = 0; i < 3; ++i) {
        flow_jobs_stopping(jobs[i]);
        apr_pool_destroy(child[i]);
    }
    flow_store_close(store);
    jobs_fixture_free(f);
}

/* ---- flows after flows ---- */

static int completed;

static apr_status_t play(const flow_env_t *env, flow_run_t *run,
                         const flow_run_sink_t *sink, apr_pool_t *p,
                         flow_error_t *err)
{
    (void)env;
    (void)sink;
    (void)p;
    if (strcmp(run->flow->id, "bad") == 0) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "no", "no");
    }
    __atomic_fetch_add(&completed, 1, __ATOMIC_SEQ_CST);
    return APR_SUCCESS;
}

static void a_completed_run_queues_the_flows_after_it(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_flow_t *first = jobs_fixture_flow(f, "first", "e", 0);
    flow_flow_t *bad = jobs_fixture_flow(f, "bad", "e", 0);
    flow_flow_t *off = jobs_fixture_flow(f, "off", "e", 0);
    flow_next_t after_first[] = { { jobs_fixture_flow(f, "second", "e", 0) },
                                  { off },
                                  { bad, "{\"_exportIds\":[\"e\"]}" } };
    flow_next_t after_bad[] = { { jobs_fixture_flow(f, "never", "e", 0) } };
    const flow_jobs_iface_t *iface;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *child;
    flow_jobs_t *jobs;
    const char *id;
    int i;

    (void)state;
    first->next = after_first;
    first->nnext = COUNT(after_first);
    bad->next = after_bad;
    bad->nnext = 1;
    off->disabled = 1;
    completed = 0;
    f->settings.workers = 2;
    assert_int_equal(flow_jobs_prepare(&f->settings, f->p, &err), 0);
    apr_pool_create(&child, NULL);
    flow_jobs_start(&jobs, &f->settings, &f->env, child, &err);
    assert_string_equal(err.message, "");
    jobs->run = play;
    flow_jobs_release(jobs);
    iface = flow_jobs_iface(jobs);
    assert_int_equal(iface->queue(iface->baton, first, NULL, &id, f->p, &err),
                     APR_SUCCESS);
    for (i = 0; i < 100 && count(f, "job WHERE ended > 0") < 3; ++i) {
        apr_sleep(20000);
    }
    assert_int_equal(count(f, "job"), 3);
    assert_int_equal(completed, 2);
    assert_int_equal(
        count(f, "job WHERE flow_id = 'second' AND status = 'completed'"), 1);
    assert_int_equal(count(f, "job WHERE flow_id = 'bad' AND status ="
                              " 'failed'"),
                     1);
    assert_string_equal(jobs_fixture_query(f, "SELECT text FROM job_text"
                                              " WHERE kind = 'request'"),
                        "{\"_exportIds\":[\"e\"]}");
    flow_jobs_stopping(jobs);
    apr_pool_destroy(child);
    jobs_fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missed_ticks_follow_the_policy),
        cmocka_unit_test(a_tick_is_taken_once),
        cmocka_unit_test(a_changed_definition_begins_anew),
        cmocka_unit_test(
            the_configuration_read_last_counts_whatever_the_clock_says),
        cmocka_unit_test(several_processes_make_one_run_of_a_tick),
        cmocka_unit_test(a_completed_run_queues_the_flows_after_it),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
