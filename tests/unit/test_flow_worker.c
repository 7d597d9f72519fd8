/* SPDX-License-Identifier: Apache-2.0 */
/* size: many short cases over one fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_jobs_private.h"
#include "jobs_fixture.h"

/* In the place of the C library's: a disk that takes its time. */
static int sync_hangs;
static __thread int is_spared;

int fdatasync(int fd)
{
    while (!is_spared && __atomic_load_n(&sync_hangs, __ATOMIC_SEQ_CST)) {
        apr_sleep(1000);
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void hang_the_disk(int yes)
{
    __atomic_store_n(&sync_hangs, yes, __ATOMIC_SEQ_CST);
}

/* What flow_run() would do is played by these, chosen by the flow's id. */

typedef struct fixture_t {
    jobs_fixture_t *f;
    apr_pool_t *child; /* as httpd's pchild */
    flow_jobs_t *jobs;
    flow_stats_t *stats;
    flow_error_t err;
} fixture_t;

static fixture_t *the_fixture;
static char seen_body[64];
static apr_size_t seen_len;
static int runs;    /* how often a run has begun */
static int slow_at; /* this run of "plain" goes on until it is 0, or a stop */
static int at_once, at_once_most; /* runs of "plain" */

static const flow_flow_t *flow_of(const char *id)
{
    return apr_hash_get(the_fixture->f->model.flows, id, APR_HASH_KEY_STRING);
}

static apr_status_t run_wait(const char *id, apr_interval_time_t wait,
                             json_t **presult, apr_pool_t *p, flow_error_t *err)
{
    const flow_jobs_iface_t *iface = flow_jobs_iface(the_fixture->jobs);

    return iface->run_wait(iface->baton, flow_of(id), NULL,
                           apr_time_now() + wait, presult, p, err);
}

static int is_stopping(const flow_run_t *run)
{
    return __atomic_load_n(run->stopping, __ATOMIC_RELAXED) != 0;
}

/* One page per 2 ms, `pages` of them, from the checkpoint on. */
static apr_status_t run_pages(flow_run_t *run, const flow_run_sink_t *sink,
                              int pages, flow_error_t *err)
{
    apr_int64_t n = 0;
    apr_status_t rv = APR_SUCCESS;

    flow_json_int64(json_object_get(run->checkpoint, "cursor"), &n);
    for (++n; n <= pages && rv == APR_SUCCESS; ++n) {
        json_t *at = json_object();

        apr_sleep(2000);
        ++run->counters.success;
        ++run->counters.pages_processed;
        if (n < pages) {
            json_object_set_new(at, "cursor", json_integer(n));
        }
        rv = sink->page_done(sink->baton, &run->counters, at, err);
        json_decref(at);
        if (rv == APR_SUCCESS && is_stopping(run)) {
            rv = APR_EINTR;
        }
    }
    return rv;
}

static apr_status_t run_errors(flow_run_t *run, const flow_run_sink_t *sink,
                               flow_error_t *err)
{
    flow_record_error_t e = { "imp", 1, "bad", "no good", "application" };

    run->counters.error = 1;
    run->data = json_array();
    json_array_append_new(run->data, json_object());
    return sink->record_error(sink->baton, &e, err);
}

static apr_status_t run_plain(const flow_run_t *run, int n)
{
    int now = __atomic_add_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
    int is_slow = n == __atomic_load_n(&slow_at, __ATOMIC_SEQ_CST);

    if (now > at_once_most) {
        at_once_most = now;
    }
    while (is_slow && __atomic_load_n(&slow_at, __ATOMIC_SEQ_CST) &&
           !is_stopping(run)) {
        apr_sleep(1000);
    }
    __atomic_sub_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
    return is_stopping(run) ? APR_EINTR : APR_SUCCESS;
}
static int deaf; /* "never" does not end */

static apr_status_t play(const flow_env_t *env, flow_run_t *run,
                         const flow_run_sink_t *sink, apr_pool_t *p,
                         flow_error_t *err)
{
    const char *id = run->flow->id;
    json_t *result = NULL;
    apr_status_t rv;
    int n;

    (void)env;
    n = __atomic_add_fetch(&runs, 1, __ATOMIC_SEQ_CST);
    if (run->event) {
        seen_len = run->event->body_len;
        memcpy(seen_body, run->event->body, seen_len);
    }
    if (strcmp(id, "plain") == 0) {
        return run_plain(run, n);
    }
    if (strcmp(id, "pages") == 0) {
        return run_pages(run, sink, 40, err);
    }
    if (strcmp(id, "errors") == 0) {
        return run_errors(run, sink, err);
    }
    if (strcmp(id, "breaks") == 0) {
        run->failed_source = "resource";
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "no_entry",
                              "the shop is closed");
    }
    if (strcmp(id, "kills") == 0) {
        apr_sleep(30000);
        kill(getpid(), SIGKILL);
    }
    if (strcmp(id, "hangs") == 0) {
        while (!is_stopping(run)) {
            apr_sleep(1000);
        }
        return APR_EINTR;
    }
    if (strcmp(id, "never") == 0 && deaf) {
        while (1) { /* whatever it is told */
            apr_sleep(10000);
        }
    }
    if (strcmp(id, "outer") == 0 || strcmp(id, "selfish") == 0) {
        rv = run_wait(strcmp(id, "outer") == 0 ? "errors" : "selfish",
                      strcmp(id, "outer") == 0 ? apr_time_from_sec(8)
                                               : apr_time_from_msec(300),
                      &result, p, err);
        run->counters.ignore = rv == APR_TIMEUP;
        run->counters.success = rv == APR_SUCCESS;
        json_decref(result);
    }
    return APR_SUCCESS;
}

/* ---- start and stop ---- */

static void start(fixture_t *x, int workers)
{
    x->f->settings.workers = workers;
    x->f->settings.stats = x->stats;
    apr_pool_create(&x->child, NULL);
    assert_int_equal(flow_jobs_start(&x->jobs, &x->f->settings, &x->f->env,
                                     x->child, &x->err),
                     0);
    x->jobs->run = play;
    x->f->env.jobs = flow_jobs_iface(x->jobs);
    flow_jobs_release(x->jobs);
}

static void stop(fixture_t *x)
{
    hang_the_disk(0);
    if (x->child) {
        apr_pool_destroy(x->child);
    }
    x->child = NULL;
    x->jobs = NULL;
}

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    fixture_t *x = f ? apr_pcalloc(f->p, sizeof(*x)) : NULL;
    static const char *const flows[] = { "pages", "errors", "breaks",
                                         "hangs", "outer",  "selfish",
                                         "plain", "kills",  "never" };
    size_t i;

    if (!x) {
        return -1;
    }
    x->f = f;
    x->stats = apr_palloc(f->p, flow_stats_size(1));
    flow_stats_init(x->stats, 1);
    for (i = 0; i < sizeof(flows) / sizeof(flows[0]); ++i) {
        jobs_fixture_flow(f, flows[i], "exp", 0);
    }
    jobs_fixture_flow(f, "listens", "hook", 1)->slot = 0;
    the_fixture = x;
    runs = slow_at = at_once_most = 0;
    *state = x;
    return flow_jobs_prepare(&f->settings, f->p, &x->err);
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    stop(x);
    jobs_fixture_free(x->f);
    return 0;
}

static const char *queue(fixture_t *x, const char *flow_id)
{
    const flow_jobs_iface_t *iface = flow_jobs_iface(x->jobs);
    const char *id = NULL;

    assert_int_equal(iface->queue(iface->baton, flow_of(flow_id), NULL, &id,
                                  x->f->p, &x->err),
                     0);
    return id;
}

static int has_status(fixture_t *x, const char *id, const char *status)
{
    json_t *job = NULL;
    int is_so;

    if (flow_jobs_get(x->jobs, id, &job, x->f->p, &x->err) != APR_SUCCESS) {
        return 0;
    }
    is_so = strcmp(flow_json_member(job, "status"), status) == 0;
    json_decref(job);
    return is_so;
}

/* Milliseconds until it had that status; -1: not within 8 s. */
static int until_status(fixture_t *x, const char *id, const char *status)
{
    int ms;

    for (ms = 0; ms < 8000; ms += 5) {
        if (has_status(x, id, status)) {
            return ms;
        }
        apr_sleep(5000);
    }
    return -1;
}

static const char *only_job(fixture_t *x)
{
    return jobs_fixture_query(x->f, "SELECT id FROM job");
}

static int accept_body(fixture_t *x, const char *body, apr_size_t len)
{
    const char *event_id = NULL;

    flow_error_clear(&x->err);
    return flow_jobs_accept(x->jobs, jobs_fixture_export(x->f, "hook"),
                            jobs_fixture_request(x->f->p, body, len), &event_id,
                            x->f->p, &x->err);
}

/* ---- the tests ---- */

static void an_accepted_event_is_run_at_once(void **state)
{
    static const char body[] = "a\0\xff\n{}";
    fixture_t *x = *state;
    flow_queue_depth_t depth;
    flow_stat_t stat;
    int ms;

    start(x, 2);
    apr_sleep(50000); /* let them fall asleep */
    assert_int_equal(accept_body(x, body, sizeof(body) - 1), 0);
    ms = until_status(x, only_job(x), "completed");
    assert_true(ms >= 0);
    assert_true(ms < 200); /* called, not found by looking */
    assert_int_equal(seen_len, sizeof(body) - 1);
    assert_memory_equal(seen_body, body, sizeof(body) - 1);
    assert_int_equal(flow_jobs_depth(x->jobs, &depth, x->f->p, &x->err), 0);
    assert_int_equal(depth.completed, 1);
    assert_int_equal(depth.queued, 0);
    assert_int_equal(x->stats->events, 1);
    assert_int_equal(x->stats->workers, 2);
    stop(x);
    /* counted after the commit: to be seen when the worker has ended */
    flow_stats_read(x->stats, 0, &stat);
    assert_int_equal(stat.calls, 1);
    assert_int_equal(x->stats->workers, 0);
    assert_int_equal(x->stats->jobs_done, 1);
}

static void many_events_of_one_flow_run_one_after_the_other(void **state)
{
    fixture_t *x = *state;
    int i;

    start(x, 4);
    for (i = 0; i < 50; ++i) {
        assert_int_equal(accept_body(x, "{}", 2), 0);
    }
    for (i = 0; i < 1600; ++i) {
        if (strcmp(jobs_fixture_query(x->f, "SELECT count(*) FROM job"
                                            " WHERE status = 'completed'"),
                   "50") == 0) {
            break;
        }
        apr_sleep(5000);
    }
    assert_true(i < 1600);
    assert_int_equal(runs, 50);
}

static int number(fixture_t *x, const char *what)
{
    return (int)apr_atoi64(
        jobs_fixture_query(x->f, apr_pstrcat(x->f->p, "SELECT ", what, NULL)));
}

static int wait_for_number(fixture_t *x, const char *what, int n)
{
    int i;

    for (i = 0; i < 1600; ++i) {
        if (number(x, what) == n) {
            return 1;
        }
        apr_sleep(5000);
    }
    return 0;
}

#define COMPLETED "count(*) FROM job WHERE status = 'completed'"
#define RUNNING   "count(*) FROM job WHERE status = 'running'"
#define QUEUED    "count(*) FROM job WHERE status = 'queued'"

/* 200 jobs wait, and the run @a slow of them takes long. */
static void start_busy(fixture_t *x, int workers, int slow)
{
    int i;

    start(x, 0);
    for (i = 0; i < 200; ++i) {
        queue(x, "plain");
    }
    stop(x);
    slow_at = slow;
    start(x, workers);
}

static void a_busy_flow_runs_one_job_at_a_time_and_each_once(void **state)
{
    fixture_t *x = *state;

    start_busy(x, 4, 0);
    assert_true(wait_for_number(x, COMPLETED, 200));
    assert_int_equal(runs, 200);
    assert_int_equal(at_once_most, 1);
    /* in their order */
    assert_int_equal(number(x, "count(*) FROM job a JOIN job b ON a.id < b.id"
                               " WHERE a.ended > b.ended"),
                     0);
}

static void what_was_claimed_ahead_goes_back_when_a_job_takes_long(void **state)
{
    fixture_t *x = *state;
    int i;

    start_busy(x, 2, 60);
    for (i = 0; i < 1600 && __atomic_load_n(&runs, __ATOMIC_SEQ_CST) < 60;
         ++i) {
        apr_sleep(5000);
    }
    assert_true(wait_for_number(x, RUNNING, 1));
    assert_true(wait_for_number(x, QUEUED, 140));
    assert_int_equal(number(x, COMPLETED), 59);
    __atomic_store_n(&slow_at, 0, __ATOMIC_SEQ_CST);
    assert_true(wait_for_number(x, COMPLETED, 200));
    assert_int_equal(runs, 200);
    assert_int_equal(at_once_most, 1);
}

static int stands_ahead(fixture_t *x)
{
    int n;

    pthread_mutex_lock(&x->jobs->lock);
    n = x->jobs->nready;
    pthread_mutex_unlock(&x->jobs->lock);
    return n;
}

/* Tried some times: on a busy machine they may be back before we look. */
static void what_stands_behind_a_slow_job_holds_up_no_other_flow(void **state)
{
    fixture_t *x = *state;
    int i, round, good = 0;

    for (round = 0; round < 5 && !good; ++round) {
        __atomic_store_n(&runs, 0, __ATOMIC_SEQ_CST);
        start_busy(x, 4, 60);
        for (i = 0; i < 8000 && __atomic_load_n(&runs, __ATOMIC_SEQ_CST) < 60;
             ++i) {
            apr_sleep(1000);
        }
        assert_true(until_status(x, queue(x, "errors"), "completed") >= 0);
        good = stands_ahead(x) > 0;
        stop(x);
    }
    assert_true(good);
}

static void a_stop_hands_back_what_was_claimed_ahead(void **state)
{
    fixture_t *x = *state;
    int i;

    start_busy(x, 2, 60);
    for (i = 0; i < 1600 && __atomic_load_n(&runs, __ATOMIC_SEQ_CST) < 60;
         ++i) {
        apr_sleep(1000);
    }
    stop(x);
    assert_int_equal(number(x, RUNNING), 0);
    assert_int_equal(number(x, COMPLETED), 59);
    assert_int_equal(number(x, QUEUED), 141);
    assert_int_equal(number(x, "count(*) FROM job WHERE attempts > 0"), 0);
    slow_at = 0;
    start(x, 2);
    assert_true(wait_for_number(x, COMPLETED, 200));
    assert_int_equal(runs, 201); /* the one that was interrupted */
}

static void a_job_that_was_claimed_ahead_can_be_canceled(void **state)
{
    fixture_t *x = *state;
    const char *status = NULL, *last;
    int i;

    start_busy(x, 2, 60);
    for (i = 0; i < 1600 && __atomic_load_n(&runs, __ATOMIC_SEQ_CST) < 60;
         ++i) {
        apr_sleep(1000);
    }
    assert_true(wait_for_number(x, COMPLETED, 59));
    last = jobs_fixture_query(
        x->f,
        "SELECT id FROM job WHERE ended = 0 ORDER BY id LIMIT 1 OFFSET 1");
    assert_int_equal(flow_jobs_cancel(x->jobs, last, &status, x->f->p, &x->err),
                     0);
    __atomic_store_n(&slow_at, 0, __ATOMIC_SEQ_CST);
    assert_true(wait_for_number(x, COMPLETED, 199));
    assert_true(until_status(x, last, "canceled") >= 0);
    assert_int_equal(runs, 199);
}

/* Of the jobs that are not running. */
static int held_now(fixture_t *x)
{
    const flow_held_t *held;
    int n = 0;

    pthread_mutex_lock(&x->jobs->lock);
    for (held = x->jobs->spare; held; held = held->next) {
        ++n;
    }
    for (held = x->jobs->dirty; held; held = held->next) {
        ++n;
    }
    pthread_mutex_unlock(&x->jobs->lock);
    return n;
}

static void many_workers_and_few_jobs_take_no_more_memory(void **state)
{
    fixture_t *x = *state;
    int i;

    start(x, 32);
    apr_sleep(50000); /* let them fall asleep */
    for (i = 1; i <= 60; ++i) {
        queue(x, "plain");
        assert_true(wait_for_number(x, COMPLETED, i));
    }
    assert_in_range(held_now(x), 1, 100);
}

/* A job that nobody has been told of, as if another process had stored it. */
static const char *smuggle(fixture_t *x, const char *flow_id)
{
    char *id = apr_palloc(x->f->p, FLOW_ID_SIZE);
    flow_new_job_t job = { id };
    flow_store_t *store;

    is_spared = 1;
    store = jobs_fixture_store(x->f);
    flow_ids_make(&x->jobs->ids, apr_time_now(), id);
    job.flow_id = flow_id;
    assert_int_equal(flow_store_begin(store, -1, &x->err), 0);
    assert_int_equal(flow_queue_job(store, &job, apr_time_now(), &x->err), 0);
    assert_int_equal(flow_store_commit(store, &x->err), 0);
    flow_store_close(store);
    is_spared = 0;
    return id;
}

static int nudged(fixture_t *x, int *pmore)
{
    int n;

    pthread_mutex_lock(&x->jobs->lock);
    n = x->jobs->nudged;
    *pmore = x->jobs->more;
    pthread_mutex_unlock(&x->jobs->lock);
    return n;
}

static void who_comes_before_an_end_is_told_is_not_forgotten(void **state)
{
    fixture_t *x = *state;
    const char *first, *second;
    const flow_jobs_iface_t *iface;

    if (strcmp(jobs_fixture_driver(), "sqlite3") != 0) {
        return;
    }
    start(x, 2);
    iface = flow_jobs_iface(x->jobs);
    queue(x, "plain");
    assert_true(wait_for_number(x, COMPLETED, 1));
    x->jobs->settings.workers = 0; /* the keeper does not look */
    first = smuggle(x, "hangs");
    flow_workers_wake(x->jobs);
    assert_true(until_status(x, first, "running") >= 0);
    flow_keeper_cancel(x->jobs, first);
    hang_the_disk(1); /* its end is committed, and not told */
    assert_true(until_status(x, first, "canceled") >= 0);
    assert_true(flow_workers_could_start(x->jobs, "hangs"));
    hang_the_disk(0);
    assert_int_equal(iface->queue(iface->baton, flow_of("hangs"), NULL, &second,
                                  x->f->p, &x->err),
                     0);
    assert_true(until_status(x, second, "running") >= 0);
    x->jobs->settings.workers = 2;
}

static void a_nudge_while_another_one_is_told_is_not_forgotten(void **state)
{
    fixture_t *x = *state;
    int i, j, more, ms = 0;
    const char *id;

    if (strcmp(jobs_fixture_driver(), "sqlite3") != 0) {
        return;
    }
    start(x, 2);
    apr_sleep(50000);              /* let them fall asleep */
    x->jobs->settings.workers = 0; /* the keeper does not look */
    for (i = 0; i < 6; ++i) {
        hang_the_disk(1);
        /* until somebody has looked, and nobody been told */
        for (j = 0; j < 2000 && (!nudged(x, &more) || more); ++j) {
            if (!nudged(x, &more)) {
                flow_workers_wake(x->jobs);
            }
            apr_sleep(2000);
        }
        assert_true(j < 2000);
        id = smuggle(x, "plain");
        flow_workers_wake(x->jobs);
        hang_the_disk(0);
        ms += until_status(x, id, "completed");
    }
    assert_true(ms < 1500);
    x->jobs->settings.workers = 2;
}

static void without_a_listening_flow_nothing_is_stored(void **state)
{
    fixture_t *x = *state;
    const char *event_id = NULL;

    start(x, 0);
    assert_int_equal(flow_jobs_accept(x->jobs, jobs_fixture_export(x->f, "exp"),
                                      jobs_fixture_request(x->f->p, "{}", 2),
                                      &event_id, x->f->p, &x->err),
                     APR_NOTFOUND);
    assert_int_equal(x->err.kind, FLOW_E_NONE);
    assert_string_equal(jobs_fixture_query(x->f, "SELECT count(*) FROM event"),
                        "0");
}

static void a_full_queue_says_try_again(void **state)
{
    fixture_t *x = *state;

    x->f->settings.queue_limit = 3;
    start(x, 0);
    assert_int_equal(accept_body(x, "{}", 2), 0);
    assert_int_equal(accept_body(x, "{}", 2), 0);
    assert_int_equal(accept_body(x, "{}", 2), 0);
    assert_int_not_equal(accept_body(x, "{}", 2), 0);
    assert_string_equal(x->err.code, "queue_full");
    assert_int_equal(x->err.kind, FLOW_E_UNAVAILABLE);
    assert_int_equal(flow_error_http_status(&x->err), 503);
}

static void a_disabled_flow_is_not_queued(void **state)
{
    fixture_t *x = *state;
    const flow_jobs_iface_t *iface;
    const char *id = NULL;

    ((flow_flow_t *)flow_of("plain"))->disabled = 1;
    start(x, 0);
    iface = flow_jobs_iface(x->jobs);
    assert_int_not_equal(iface->queue(iface->baton, flow_of("plain"), NULL, &id,
                                      x->f->p, &x->err),
                         0);
    assert_string_equal(x->err.code, "flow_disabled");
}

static void a_run_that_breaks_is_a_failed_job_with_its_reason(void **state)
{
    fixture_t *x = *state;
    json_t *result = NULL, *error;

    start(x, 1);
    assert_int_equal(
        run_wait("breaks", apr_time_from_sec(8), &result, x->f->p, &x->err), 0);
    assert_string_equal(
        flow_json_member(json_object_get(result, "job"), "status"), "failed");
    error = json_array_get(json_object_get(result, "errors"), 0);
    assert_string_equal(flow_json_member(error, "code"), "no_entry");
    assert_string_equal(flow_json_member(error, "message"),
                        "the shop is closed");
    assert_string_equal(flow_json_member(error, "source"), "resource");
    json_decref(result);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT error_source FROM job"), "resource");
    assert_int_equal(x->stats->jobs_failed, 1);
}

static void who_waits_gets_records_and_errors(void **state)
{
    fixture_t *x = *state;
    json_t *result = NULL;

    start(x, 1);
    assert_int_equal(
        run_wait("errors", apr_time_from_sec(8), &result, x->f->p, &x->err), 0);
    assert_string_equal(
        flow_json_member(json_object_get(result, "job"), "status"),
        "completed");
    assert_int_equal(json_array_size(json_object_get(result, "data")), 1);
    assert_int_equal(json_array_size(json_object_get(result, "errors")), 1);
    assert_null(json_object_get(result, "truncated"));
    json_decref(result);
}

static void when_time_is_up_the_run_goes_on(void **state)
{
    fixture_t *x = *state;
    json_t *result = NULL;
    const char *id;

    start(x, 1);
    assert_int_equal(
        run_wait("pages", apr_time_from_msec(20), &result, x->f->p, &x->err),
        APR_TIMEUP);
    assert_int_equal(x->err.kind, FLOW_E_NONE);
    id = apr_pstrdup(x->f->p,
                     flow_json_member(json_object_get(result, "job"), "_id"));
    assert_null(json_object_get(result, "data"));
    json_decref(result);
    assert_true(until_status(x, id, "completed") >= 0);
}

static void a_worker_may_wait_for_another_flow(void **state)
{
    fixture_t *x = *state;
    const char *id;
    json_t *job = NULL;

    start(x, 1); /* the only worker waits */
    id = queue(x, "outer");
    assert_true(until_status(x, id, "completed") >= 0);
    assert_int_equal(flow_jobs_get(x->jobs, id, &job, x->f->p, &x->err), 0);
    assert_string_equal(
        flow_json_text(json_object_get(job, "numSuccess"), NULL, x->f->p), "1");
    json_decref(job);
}

static void a_flow_that_waits_for_itself_is_let_go(void **state)
{
    fixture_t *x = *state;
    const char *id;
    json_t *job = NULL;

    start(x, 1);
    id = queue(x, "selfish");
    assert_true(until_status(x, id, "completed") >= 0);
    assert_int_equal(flow_jobs_get(x->jobs, id, &job, x->f->p, &x->err), 0);
    assert_string_equal(
        flow_json_text(json_object_get(job, "numIgnore"), NULL, x->f->p), "1");
    json_decref(job);
}

static void a_node_without_workers_leaves_it_to_others(void **state)
{
    fixture_t *x = *state;
    fixture_t accepting = *x;
    const char *id;

    start(&accepting, 0);
    id = queue(&accepting, "plain");
    apr_sleep(20000);
    assert_true(has_status(&accepting, id, "queued"));
    start(x, 1);
    assert_true(until_status(x, id, "completed") >= 0);
    stop(&accepting);
}

static void a_stop_hands_the_job_back_after_its_page(void **state)
{
    fixture_t *x = *state;
    const char *id;
    apr_time_t began;
    int pages;

    start(x, 1);
    id = queue(x, "pages");
    assert_true(until_status(x, id, "running") >= 0);
    apr_sleep(20000);
    began = apr_time_now();
    flow_jobs_stopping(x->jobs);
    stop(x);
    assert_true(apr_time_now() - began < apr_time_from_sec(3));
    assert_string_equal(jobs_fixture_query(x->f, "SELECT status FROM job"),
                        "queued");
    pages = (int)strtol(
        jobs_fixture_query(x->f, "SELECT num_pages_processed FROM job"), NULL,
        10);
    assert_true(pages > 0 && pages < 40);

    start(x, 1);
    assert_true(until_status(x, id, "completed") >= 0);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT num_success || ' ' || attempts"
                                 " FROM job"),
        "40 0");
}

static void leave_42(void)
{
    _exit(42);
}

static void who_never_comes_home_is_left_and_its_job_goes_on_elsewhere(
    void **state)
{
    fixture_t *x = *state;
    int status = 0;
    pid_t pid = fork();

    if (!pid) {
        deaf = 1;
        flow_jobs_patience = apr_time_from_msec(100);
        x->f->settings.not_ended = leave_42;
        start(x, 1);
        queue(x, "never");
        while (!__atomic_load_n(&runs, __ATOMIC_SEQ_CST)) {
            apr_sleep(1000);
        }
        stop(x);
        _exit(1); /* what the thread stands on would be freed now */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    start(x, 1);
    assert_true(until_status(x, only_job(x), "completed") >= 0);
    /* it is not suspected of having killed its process */
    assert_string_equal(jobs_fixture_query(x->f, "SELECT attempts FROM job"),
                        "0");
}

static void a_disk_that_hangs_is_left_by_an_idle_process_too(void **state)
{
    fixture_t *x = *state;
    int status = 0;
    pid_t pid;

    if (strcmp(jobs_fixture_driver(), "sqlite3") != 0) {
        return;
    }
    pid = fork();
    if (!pid) {
        alarm(20);
        flow_jobs_patience = apr_time_from_msec(100);
        x->f->settings.not_ended = leave_42;
        start(x, 1);
        apr_sleep(50000); /* let it fall asleep */
        hang_the_disk(1);
        apr_pool_destroy(x->child);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

/* A process that runs the job and is killed in the middle. */
static void run_and_be_killed(fixture_t *x, const char *id, int deaths)
{
    const char *running = apr_psprintf(x->f->p, "running %d", deaths);
    int status;
    pid_t pid = fork();

    if (!pid) {
        start(x, 1);
        while (1) {
            pause();
        }
    }
    for (status = 0; status < 1600; ++status) {
        if (strcmp(jobs_fixture_query(
                       x->f, apr_psprintf(x->f->p,
                                          "SELECT status || ' ' || attempts"
                                          " FROM job WHERE id = '%s'",
                                          id)),
                   running) == 0) {
            break;
        }
        apr_sleep(5000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

static const char *queue_and_stop(fixture_t *x, const char *flow_id)
{
    const char *id;

    start(x, 0);
    id = queue(x, flow_id);
    stop(x);
    return id;
}

static void a_killed_process_loses_its_job_to_the_next_at_once(void **state)
{
    fixture_t *x = *state;
    const char *id = queue_and_stop(x, "pages");
    int ms;

    run_and_be_killed(x, id, 0);
    start(x, 1);
    ms = until_status(x, id, "completed");
    assert_true(ms >= 0 && ms < 3000); /* not after its lease of 30 s */
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT num_success || ' ' || attempts"
                                 " FROM job"),
        "40 0");
}

static void a_job_that_kills_its_process_is_set_aside(void **state)
{
    fixture_t *x = *state;
    const char *id = queue_and_stop(x, "hangs");
    int i;

    for (i = 0; i < 3; ++i) {
        run_and_be_killed(x, id, i);
    }
    start(x, 1);
    assert_true(until_status(x, id, "failed") >= 0);
    assert_string_equal(jobs_fixture_query(x->f, "SELECT error_code FROM job"),
                        "job_crashed");
}

/* Only the one that does it is set aside, not those who stood beside it. */
static void who_stands_beside_a_killer_is_not_set_aside(void **state)
{
    fixture_t *x = *state;
    const char *killer, *beside;
    int i, status;

    start(x, 0);
    beside = queue(x, "pages");
    killer = queue(x, "kills");
    stop(x);
    for (i = 0; i < 8; ++i) {
        pid_t pid = fork();

        if (!pid) {
            start(x, 2);
            until_status(x, killer, "failed");
            _exit(0);
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status)) {
            break;
        }
    }
    assert_int_equal(i, 3); /* deaths */
    start(x, 2);
    assert_true(has_status(x, killer, "failed"));
    assert_true(until_status(x, beside, "completed") >= 0);
}

static void a_job_is_canceled_from_another_process(void **state)
{
    fixture_t *x = *state;
    fixture_t other = *x;
    const char *running, *waiting, *status = NULL;

    start(&other, 0);
    start(x, 1);
    running = queue(x, "hangs");
    assert_true(until_status(x, running, "running") >= 0);
    waiting = queue(x, "plain");
    assert_int_equal(
        flow_jobs_cancel(other.jobs, waiting, &status, x->f->p, &x->err), 0);
    assert_string_equal(status, "canceled");
    assert_int_equal(
        flow_jobs_cancel(other.jobs, running, &status, x->f->p, &x->err), 0);
    assert_string_equal(status, "canceling");
    status = NULL;
    assert_in_range(until_status(x, running, "canceled"), 0, 2500);
    assert_true(has_status(x, waiting, "canceled"));
    assert_int_equal(
        flow_jobs_cancel(other.jobs, "none", &status, x->f->p, &x->err),
        APR_NOTFOUND);
    stop(&other);
}

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    while (dir && readdir(dir)) {
        ++n;
    }
    closedir(dir);
    return n;
}

static void starting_and_stopping_leaves_nothing_behind(void **state)
{
    fixture_t *x = *state;
    int i, threads = 0, files = 0;

    for (i = 0; i < 12; ++i) {
        start(x, 3);
        assert_true(until_status(x, queue(x, "plain"), "completed") >= 0);
        stop(x);
        if (i == 1) {
            threads = count_entries("/proc/self/task");
            files = count_entries("/proc/self/fd");
        }
    }
    assert_int_equal(count_entries("/proc/self/task"), threads);
    assert_int_equal(count_entries("/proc/self/fd"), files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        /* first those that fork: threads do not come along */
        TEST(a_killed_process_loses_its_job_to_the_next_at_once),
        TEST(a_job_that_kills_its_process_is_set_aside),
        TEST(who_stands_beside_a_killer_is_not_set_aside),
        TEST(an_accepted_event_is_run_at_once),
        TEST(a_job_is_canceled_from_another_process),
        TEST(many_events_of_one_flow_run_one_after_the_other),
        TEST(a_busy_flow_runs_one_job_at_a_time_and_each_once),
        TEST(what_was_claimed_ahead_goes_back_when_a_job_takes_long),
        TEST(what_stands_behind_a_slow_job_holds_up_no_other_flow),
        TEST(a_stop_hands_back_what_was_claimed_ahead),
        TEST(a_job_that_was_claimed_ahead_can_be_canceled),
        TEST(many_workers_and_few_jobs_take_no_more_memory),
        TEST(who_comes_before_an_end_is_told_is_not_forgotten),
        TEST(a_nudge_while_another_one_is_told_is_not_forgotten),
        TEST(without_a_listening_flow_nothing_is_stored),
        TEST(a_full_queue_says_try_again),
        TEST(a_disabled_flow_is_not_queued),
        TEST(a_run_that_breaks_is_a_failed_job_with_its_reason),
        TEST(who_waits_gets_records_and_errors),
        TEST(when_time_is_up_the_run_goes_on),
        TEST(a_worker_may_wait_for_another_flow),
        TEST(a_flow_that_waits_for_itself_is_let_go),
        TEST(a_node_without_workers_leaves_it_to_others),
        TEST(a_stop_hands_the_job_back_after_its_page),
        TEST(who_never_comes_home_is_left_and_its_job_goes_on_elsewhere),
        TEST(a_disk_that_hangs_is_left_by_an_idle_process_too),
        TEST(starting_and_stopping_leaves_nothing_behind),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
