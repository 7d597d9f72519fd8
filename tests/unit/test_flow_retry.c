/* SPDX-License-Identifier: Apache-2.0 */
/* size: many short cases over one fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_error_list.h"
#include "jobs/flow_locks.h"
#include "jobs/flow_requeue.h"
#include "jobs/flow_jobs_private.h"
#include "jobs/flow_retry.h"
#include "jobs_fixture.h"

typedef struct fixture_t {
    jobs_fixture_t *f;
    flow_store_t *store;
    apr_pool_t *child, *p;
    flow_jobs_t *jobs;
    flow_ids_t ids;
    flow_error_t err;
} fixture_t;

static fixture_t *the_fixture;
static char order[200]; /* trace keys as they were retried */
static int torn;        /* runs that were interrupted in a record */
static int break_after; /* the run breaks after so many; 0 = never */

/* What flow_run() would do: records with "bad" fail again; "later" ones pass
 * their step and fail at the next. */
static apr_status_t play(const flow_env_t *env, flow_run_t *run,
                         const flow_run_sink_t *sink, apr_pool_t *p,
                         flow_error_t *err)
{
    flow_retry_item_t item;
    apr_status_t rv = APR_SUCCESS;
    int n = 0;

    (void)env;
    while (run->retry && rv == APR_SUCCESS) {
        memset(&item, 0, sizeof(item));
        rv = run->retry->next(run->retry->baton, &item, p, err);
        if (rv != APR_SUCCESS) {
            break;
        }
        apr_snprintf(order + strlen(order), sizeof(order) - strlen(order),
                     "%s,", flow_json_member(item.record, "key"));
        if (json_object_get(item.record, "hung") && !torn++) {
            flow_record_error_t e = { item.step_id, item.step_index, "lost",
                                      "hung up",    "connection",    "x",
                                      item.record };

            flow_workers_abort(the_fixture->jobs);
            rv = sink->record_error(sink->baton, &e, err);
        }
        else if (json_object_get(item.record, "bad")) {
            flow_record_error_t e = { item.step_id, item.step_index, "503",
                                      "still",      "application",   "x",
                                      item.record };

            ++run->counters.error;
            rv = sink->record_error(sink->baton, &e, err);
        }
        else if (json_object_get(item.record, "torn") && !torn++) {
            /* it has got on when the run is interrupted */
            flow_record_error_t e = { "later",       2,   "9",        "there",
                                      "application", "y", item.record };

            ++run->counters.success;
            ++run->counters.error;
            rv = sink->record_error(sink->baton, &e, err);
            return rv == APR_SUCCESS ? APR_EINTR : rv;
        }
        else if (json_object_get(item.record, "later")) {
            flow_record_error_t e = { "later",       2,   "9",        "there",
                                      "application", "y", item.record };

            rv = sink->record_error(sink->baton, &e, err);
        }
        else {
            ++run->counters.success;
        }
        if (rv == APR_SUCCESS) {
            rv = run->retry->done(run->retry->baton, &run->counters, err);
        }
        if (rv == APR_SUCCESS && ++n == break_after) {
            return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "broke",
                                  "it broke");
        }
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

static void start(fixture_t *x, int workers)
{
    x->f->settings.workers = workers;
    apr_pool_create(&x->child, NULL);
    assert_int_equal(flow_jobs_start(&x->jobs, &x->f->settings, &x->f->env,
                                     x->child, &x->err),
                     0);
    x->jobs->run = play;
    flow_jobs_release(x->jobs);
}

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    fixture_t *x = f ? apr_pcalloc(f->p, sizeof(*x)) : NULL;

    if (!x) {
        return -1;
    }
    x->f = f;
    x->p = f->p;
    flow_ids_init(&x->ids);
    jobs_fixture_flow(f, "f", "exp", 0)->auto_resolve = 1;
    x->store = jobs_fixture_store(f);
    the_fixture = x;
    order[0] = '\0';
    break_after = torn = 0;
    *state = x;
    return x->store ? 0 : -1;
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    if (x->child) {
        apr_pool_destroy(x->child);
    }
    flow_store_close(x->store);
    jobs_fixture_free(x->f);
    return 0;
}

static void begin(fixture_t *x)
{
    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
}

static void commit(fixture_t *x)
{
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
}

/* An error whose record is @a record; its id. */
static const char *fail_one(fixture_t *x, const char *flow, const char *key,
                            const char *more)
{
    flow_errors_t *errors = flow_errors_create(&x->ids, x->p);
    flow_record_error_t e = { "i", 1, "503", "no", "application", key };
    const char *text = apr_psprintf(x->p, "{\"key\":\"%s\"%s}", key, more);
    json_t *record = NULL;

    assert_int_equal(flow_json_parse(&record, text, strlen(text), &x->err), 0);
    e.retry_data = record;
    flow_errors_rules(errors, 0, 1);
    flow_errors_add(errors, &e);
    json_decref(record);
    begin(x);
    assert_int_equal(flow_errors_insert(errors, x->store, "old", flow, &x->err),
                     0);
    commit(x);
    return jobs_fixture_query(x->f, "SELECT max(id) FROM job_error");
}

/* Begin the retry @a job, unless it has been. */
static void open_retry(fixture_t *x, const char *job)
{
    const char *found = jobs_fixture_query(
        x->f,
        apr_psprintf(x->p, "SELECT count(*) FROM job WHERE id = '%s'", job));

    if (strcmp(found, "0") == 0) {
        begin(x);
        assert_int_equal(flow_retry_open(x->store, job, "f", &x->err), 0);
        commit(x);
    }
}

static int mark(fixture_t *x, const char *id, const char *job)
{
    int n = -1;

    open_retry(x, job);
    begin(x);
    assert_int_equal(flow_retry_mark(x->store, id, job, &n, x->p, &x->err), 0);
    commit(x);
    return n;
}

static void queue(fixture_t *x, const char *job)
{
    begin(x);
    assert_int_equal(flow_retry_queue(x->store, job, 0, &x->err), 0);
    commit(x);
}

static const char *query(fixture_t *x, const char *sql)
{
    return jobs_fixture_query(x->f, sql);
}

static void wait_end(fixture_t *x, const char *job)
{
    int i;

    for (i = 0; i < 4000; ++i) {
        const char *status = query(
            x,
            apr_psprintf(x->p, "SELECT status FROM job WHERE id = '%s'", job));

        if (flow_status_is_final(status)) {
            return;
        }
        apr_sleep(2000);
    }
    fail_msg("job %s does not end", job);
}

static void an_error_belongs_to_one_retry(void **state)
{
    fixture_t *x = *state;
    const char *id = fail_one(x, "f", "a", "");
    int n = 0;

    assert_int_equal(mark(x, id, "j1"), 1);
    /* it has it before it is queued, while it waits and while it runs */
    assert_int_equal(mark(x, id, "j2"), 0);
    queue(x, "j1");
    assert_int_equal(mark(x, id, "j2"), 0);
    query(x, "UPDATE job SET status = 'running' WHERE id = 'j1'");
    assert_int_equal(mark(x, id, "j2"), 0);
    query(x, "UPDATE job SET status = 'failed' WHERE id = 'j1'");
    assert_int_equal(mark(x, id, "j2"), 1);
    begin(x);
    assert_int_equal(flow_error_resolve(x->store, id, "me", &n, &x->err), 0);
    commit(x);
    query(x, "UPDATE job SET status = 'completed'");
    assert_int_equal(mark(x, id, "j3"), 0);
}

/* A process of its own marks @a id for its own retry; 10 + what it changed. */
static pid_t rival(fixture_t *x, const char *id, const char *job)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;
    pid_t pid = fork();
    int n = 5;

    if (pid != 0) {
        return pid;
    }
    if (flow_store_open(&store, x->f->settings.driver, x->f->params, &err) ==
            APR_SUCCESS &&
        flow_store_begin(store, apr_time_from_sec(20), &err) == APR_SUCCESS &&
        flow_retry_open(store, job, "f", &err) == APR_SUCCESS &&
        flow_retry_mark(store, id, job, &n, x->p, &err) == APR_SUCCESS) {
        usleep(3000); /* the other one waits for this row */
        n = flow_store_commit(store, &err) == APR_SUCCESS ? n : 6;
    }
    _exit(10 + n);
}

static int exit_of(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void of_two_processes_that_retry_an_error_at_once_one_has_it(
    void **state)
{
    fixture_t *x = *state;
    int i;

    for (i = 0; i < 25; ++i) {
        const char *id = fail_one(x, "f", apr_itoa(x->p, i), "");
        const char *a = apr_psprintf(x->p, "a%d", i);
        const char *b = apr_psprintf(x->p, "b%d", i);
        pid_t first, second;
        int n, m;

        first = rival(x, id, a);
        second = rival(x, id, b);
        n = exit_of(first);
        m = exit_of(second);
        if (n + m != 21) {
            fail_msg("round %d: %d and %d", i, n, m);
        }
        assert_string_equal(
            query(x, apr_psprintf(x->p,
                                  "SELECT retry_job FROM job_error"
                                  " WHERE id = '%s'",
                                  id)),
            n == 11 ? a : b);
    }
}

static void a_retry_whose_preparation_broke_off_begins_with_what_it_has(
    void **state)
{
    fixture_t *x = *state;
    const char *id = fail_one(x, "f", "a", "");
    int n;

    assert_int_equal(mark(x, id, "j"), 1);
    query(x, "UPDATE job SET modified = modified / 1000000 * 1000000");
    start(x, 1);
    apr_sleep(50000);
    assert_string_equal(query(x, "SELECT status FROM job"), "preparing");
    flow_retry_left(
        x->jobs, x->store,
        apr_strtoi64(query(x, "SELECT modified FROM job"), NULL, 10), x->p);
    assert_string_equal(query(x, "SELECT status FROM job"), "preparing");
    flow_retry_left(x->jobs, x->store, apr_time_now(), x->p);
    wait_end(x, "j");
    assert_string_equal(order, "a,");
    begin(x);
    assert_int_equal(flow_retry_hold(x->store, "j", &n, &x->err), 0);
    assert_int_equal(n, 0);
    commit(x);
}

static void the_keeper_begins_what_was_left(void **state)
{
    fixture_t *x = *state;

    assert_int_equal(mark(x, fail_one(x, "f", "a", ""), "j"), 1);
    query(x, "UPDATE job SET modified = 1000");
    start(x, 1);
    wait_end(x, "j");
    assert_string_equal(order, "a,");
}

static void what_succeeds_is_resolved_and_what_fails_occurs_again(void **state)
{
    fixture_t *x = *state;
    const char *good = fail_one(x, "f", "a", "");
    const char *bad = fail_one(x, "f", "b", ",\"bad\":1");
    const char *later = fail_one(x, "f", "c", ",\"later\":1");
    const char *edited = fail_one(x, "f", "d", ",\"bad\":1");
    int n = 0;

    begin(x);
    assert_int_equal(
        flow_error_edit(x->store, edited, "{\"key\":\"e\"}", &n, &x->err), 0);
    commit(x);
    mark(x, good, "j");
    mark(x, bad, "j");
    mark(x, later, "j");
    mark(x, edited, "j");
    queue(x, "j");
    start(x, 1);
    wait_end(x, "j");
    assert_string_equal(order, "a,b,c,e,");
    assert_string_equal(
        query(x, "SELECT group_concat(x) FROM (SELECT trace_key || occurrences"
                 " || coalesce(resolved_by, 'open') AS x FROM job_error"
                 " ORDER BY id) AS t"),
        "a1retry,b2open,c1retry,d1retry,y1open");
    assert_string_equal(query(x, "SELECT job_id FROM job_error"
                                 " WHERE trace_key = 'y'"),
                        "j");
    assert_string_equal(query(x, "SELECT num_success || status || type FROM job"
                                 " WHERE id = 'j'"),
                        "2completedretry");
    /* it can be retried again */
    assert_int_equal(mark(x, bad, "k"), 1);
}

static void what_is_resolved_meanwhile_is_passed_over(void **state)
{
    fixture_t *x = *state;
    const char *a = fail_one(x, "f", "a", "");
    const char *b = fail_one(x, "f", "b", "");
    int n = 0;

    mark(x, a, "j");
    mark(x, b, "j");
    begin(x);
    flow_error_resolve(x->store, a, "me", &n, &x->err);
    commit(x);
    queue(x, "j");
    start(x, 1);
    wait_end(x, "j");
    assert_string_equal(order, "b,");
    assert_string_equal(query(x, "SELECT resolved_by FROM job_error"
                                 " WHERE trace_key = 'a'"),
                        "me");
}

static void what_was_done_before_a_run_breaks_stays_done(void **state)
{
    fixture_t *x = *state;
    const char *a = fail_one(x, "f", "a", "");
    const char *b = fail_one(x, "f", "b", "");

    mark(x, a, "j");
    mark(x, b, "j");
    queue(x, "j");
    break_after = 1;
    start(x, 1);
    wait_end(x, "j");
    assert_string_equal(query(x, "SELECT group_concat(trace_key) FROM job_error"
                                 " WHERE resolved_at = 0"),
                        "b");
    assert_int_equal(mark(x, b, "k"), 1); /* its job has ended */
}

static void a_record_that_is_interrupted_comes_again_and_counts_once(
    void **state)
{
    fixture_t *x = *state;

    mark(x, fail_one(x, "f", "a", ""), "j");
    mark(x, fail_one(x, "f", "b", ",\"torn\":1"), "j");
    queue(x, "j");
    start(x, 1);
    wait_end(x, "j");
    assert_string_equal(order, "a,b,b,");
    assert_string_equal(
        query(x, "SELECT num_success || '/' || num_error || '/' ||"
                 " (SELECT count(*) FROM job_error WHERE trace_key = 'y')"
                 " FROM job WHERE id = 'j'"),
        "2/0/0");
}

/* The far end was hung up on: that is no answer. */
static void a_retry_that_is_given_up_has_not_failed(void **state)
{
    fixture_t *x = *state;

    mark(x, fail_one(x, "f", "a", ",\"hung\":1"), "j");
    queue(x, "j");
    start(x, 1);
    wait_end(x, "j");
    assert_string_equal(order, "a,a,");
    assert_string_equal(query(x, "SELECT occurrences || resolved_by"
                                 " FROM job_error"),
                        "1retry");
}

static void a_retry_that_is_due_makes_one_job_per_flow(void **state)
{
    fixture_t *x = *state;
    apr_pool_t *p;
    int i;

    fail_one(x, "f", "a", ",\"bad\":1");
    fail_one(x, "f", "b", "");
    fail_one(x, "elsewhere", "c", "");
    query(x, "UPDATE job_error SET retry_at = 1");
    start(x, 0);
    apr_pool_create(&p, x->p);
    for (i = 0; i < 3; ++i) { /* the keeper may have been first */
        flow_retry_due(x->jobs, x->store, p);
    }
    assert_string_equal(
        query(x, "SELECT group_concat(flow_id || type || origin) FROM job"),
        "fbulk_retryauto");
    assert_string_equal(query(x, "SELECT count(*) FROM job_error WHERE"
                                 " retry_job IS NOT NULL AND tries = 1"
                                 " AND retry_at = 0"),
                        "2");
    /* who does not know the flow leaves it for later */
    assert_string_equal(query(x, "SELECT count(*) FROM job_error WHERE"
                                 " retry_at > occurred_at AND"
                                 " flow_id = 'elsewhere'"),
                        "1");
}

static void automatic_retries_are_counted_and_end(void **state)
{
    fixture_t *x = *state;
    int i;

    fail_one(x, "f", "a", ",\"bad\":1");
    start(x, 1);
    for (i = 1; i <= FLOW_AUTO_RETRIES; ++i) {
        const char *want = apr_itoa(x->p, i + 1);
        int k;

        assert_string_equal(query(x, "SELECT count(*) FROM job_error"
                                     " WHERE retry_at > occurred_at"),
                            "1");
        query(x, "UPDATE job_error SET retry_at = 1");
        flow_retry_due(x->jobs, x->store, x->p);
        for (k = 0; k < 4000 && strcmp(query(x, "SELECT occurrences FROM"
                                                " job_error"),
                                       want) != 0;
             ++k) {
            apr_sleep(2000);
        }
    }
    assert_string_equal(
        query(x, "SELECT tries || '/' || occurrences || '/' || retry_at"
                 " FROM job_error"),
        "4/5/0");
}

/* ---- cancel and rerun ---- */

static void add_job(fixture_t *x, const char *id, const char *status)
{
    flow_new_job_t job = { id, "f", .request = "{\"data\":1}" };

    begin(x);
    assert_int_equal(flow_queue_job(x->store, &job, 1, &x->err), 0);
    commit(x);
    query(x, apr_psprintf(x->p, "UPDATE job SET status = '%s' WHERE id = '%s'",
                          status, id));
}

static void only_what_has_not_ended_is_canceled(void **state)
{
    static const struct {
        const char *status, *after, *told, *code;
    } cases[] = {
        { "queued", "canceled0", "canceled", "" },
        /* it is the run's to end; a state that it does not know would make it
         * believe that the job was somebody else's */
        { "running", "running1", "canceling", "" },
        { "completed", "completed0", "", "job_ended" },
        { "failed", "failed0", "", "job_ended" },
        { "canceled", "canceled0", "", "job_ended" },
    };
    fixture_t *x = *state;
    const char *status;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *id = apr_itoa(x->p, (int)i);

        add_job(x, id, cases[i].status);
        flow_error_clear(&x->err);
        begin(x);
        flow_requeue_cancel(x->store, id, &status, x->p, &x->err);
        if (*cases[i].told) {
            assert_string_equal(status, cases[i].told);
        }
        commit(x);
        assert_string_equal(x->err.code, cases[i].code);
        assert_string_equal(
            query(x, apr_psprintf(x->p,
                                  "SELECT status || cancel FROM job"
                                  " WHERE id = '%s'",
                                  id)),
            cases[i].after);
    }
    begin(x);
    assert_int_equal(
        flow_requeue_cancel(x->store, "nope", &status, x->p, &x->err),
        APR_NOTFOUND);
    commit(x);
}

static const char *rerun(fixture_t *x, const char *id, const char *as)
{
    flow_error_clear(&x->err);
    begin(x);
    flow_requeue_rerun(x->store, id, as, 9, x->p, &x->err);
    commit(x);
    return x->err.code;
}

static void a_rerun_is_a_new_job_with_the_same_request(void **state)
{
    fixture_t *x = *state;

    add_job(x, "1", "completed");
    add_job(x, "2", "queued");
    add_job(x, "3", "failed");
    query(x, "UPDATE job SET type = 'retry' WHERE id = '3'");
    add_job(x, "4", "failed");
    query(x, "UPDATE job SET event_id = 'gone', export_id = 'e'"
             " WHERE id = '4'");
    assert_string_equal(rerun(x, "1", "n"), "");
    assert_string_equal(rerun(x, "2", "m"), "job_not_ended");
    assert_string_equal(rerun(x, "3", "m"), "job_not_repeatable");
    assert_string_equal(rerun(x, "4", "m"), "job_not_repeatable");
    assert_string_equal(query(x, "SELECT status || origin || origin_id FROM job"
                                 " WHERE id = 'n'"),
                        "queuedrerun1");
    assert_string_equal(query(x, "SELECT text FROM job_text"
                                 " WHERE job_id = 'n'"),
                        "{\"data\":1}");
}

/* ---- locks ---- */

static apr_status_t lock(fixture_t *x, flow_jobs_t *jobs, const char *a,
                         const char *b, int ms)
{
    const char *names[] = { a, b };

    flow_error_clear(&x->err);
    return flow_locks_lock(jobs, "imp", names, 2,
                           apr_time_now() + apr_time_from_msec(ms), &x->err);
}

static void unlock(flow_jobs_t *jobs, const char *a, const char *b)
{
    const char *names[] = { a, b };

    flow_locks_unlock(jobs, "imp", names, 2);
}

static void names_are_held_by_one_of_all_processes(void **state)
{
    fixture_t *x = *state;
    flow_jobs_t *other;
    apr_pool_t *child;

    start(x, 0);
    apr_pool_create(&child, NULL);
    assert_int_equal(
        flow_jobs_start(&other, &x->f->settings, &x->f->env, child, &x->err),
        0);
    assert_int_equal(lock(x, x->jobs, "a", "b", 1000), 0);
    /* a thread of the same process; another process */
    assert_int_equal(lock(x, x->jobs, "b", "c", 30), APR_EAGAIN);
    assert_string_equal(x->err.code, "record_locked");
    assert_int_equal(lock(x, other, "b", "c", 30), APR_EAGAIN);
    assert_string_equal(x->err.code, "record_locked");
    /* all or none: c is free */
    assert_int_equal(lock(x, other, "c", "d", 1000), 0);
    unlock(other, "c", "d");
    unlock(x->jobs, "a", "b");
    assert_int_equal(lock(x, other, "b", "c", 1000), 0);
    unlock(other, "b", "c");
    assert_string_equal(query(x, "SELECT count(*) FROM record_lock"), "0");
    apr_pool_destroy(child);
}

static void what_a_dead_process_held_is_taken_over(void **state)
{
    fixture_t *x = *state;

    start(x, 0);
    /* Of another machine, which shares no file, only the time is known. */
    query(x,
          apr_psprintf(
              x->p,
              "INSERT INTO record_lock (scope, name, owner, until)"
              " VALUES ('imp', 'a', 'boot:1:999999:1:x', %" APR_TIME_T_FMT ")",
              flow_store_clock(x->store) +
                  (strcmp(jobs_fixture_driver(), "pgsql") == 0
                       ? -1
                       : apr_time_from_sec(60))));
    assert_int_equal(lock(x, x->jobs, "a", "b", 1000), 0);
    unlock(x->jobs, "a", "b");
    /* what we could not give back ourselves */
    query(x, apr_psprintf(x->p,
                          "INSERT INTO record_lock (scope, name, owner, until)"
                          " VALUES ('imp', 'a', '%s', 9000000000000000)",
                          x->jobs->owner));
    assert_int_equal(lock(x, x->jobs, "a", "b", 1000), 0);
    unlock(x->jobs, "a", "b");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_error_belongs_to_one_retry),
        TEST(of_two_processes_that_retry_an_error_at_once_one_has_it),
        TEST(a_retry_whose_preparation_broke_off_begins_with_what_it_has),
        TEST(the_keeper_begins_what_was_left),
        TEST(what_succeeds_is_resolved_and_what_fails_occurs_again),
        TEST(what_is_resolved_meanwhile_is_passed_over),
        TEST(what_was_done_before_a_run_breaks_stays_done),
        TEST(a_record_that_is_interrupted_comes_again_and_counts_once),
        TEST(a_retry_that_is_given_up_has_not_failed),
        TEST(a_retry_that_is_due_makes_one_job_per_flow),
        TEST(automatic_retries_are_counted_and_end),
        TEST(only_what_has_not_ended_is_canceled),
        TEST(a_rerun_is_a_new_job_with_the_same_request),
        TEST(names_are_held_by_one_of_all_processes),
        TEST(what_a_dead_process_held_is_taken_over),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
