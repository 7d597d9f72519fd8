/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_clock.h"
#include "jobs/flow_committer.h"
#include "jobs/flow_queue.h"
#include "jobs_fixture.h"

/* In the place of the C library's, for the committer and for SQLite. */
static int syncs, sync_fails, sync_hangs;

int fdatasync(int fd)
{
    __atomic_fetch_add(&syncs, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&sync_hangs, __ATOMIC_SEQ_CST)) {
        apr_sleep(1000);
    }
    if (__atomic_load_n(&sync_fails, __ATOMIC_SEQ_CST)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

#define THREADS 16
#define ROUNDS  200

typedef struct event_work_t {
    flow_work_t work;
    char id[64];
    const char *request; /* NULL is refused by the table */
    int released;
} event_work_t;

static apr_status_t run_event(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    event_work_t *w = (event_work_t *)work;

    if (strcmp(w->id, "slow") == 0) {
        apr_sleep(150000);
    }
    return flow_queue_event(store, w->id, "hook", apr_time_now(), w->request,
                            err);
}

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();

    *state = f;
    return f ? 0 : -1;
}

static int teardown(void **state)
{
    jobs_fixture_free(*state);
    return 0;
}

static apr_status_t destroy_pool(void *p)
{
    apr_pool_destroy(p);
    return APR_SUCCESS;
}

static flow_committer_t *start(jobs_fixture_t *f, flow_stats_t *stats)
{
    flow_committer_settings_t settings = { jobs_fixture_driver(), f->params,
                                           stats };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_committer_t *committer = NULL;
    apr_pool_t *p = flow_store_pool(1);

    apr_pool_cleanup_register(f->p, p, destroy_pool, apr_pool_cleanup_null);
    assert_int_equal(flow_committer_start(&committer, &settings, p, &err), 0);
    return committer;
}

static void prepare(jobs_fixture_t *f)
{
    flow_error_t err = FLOW_ERROR_INIT;

    assert_int_equal(flow_jobs_prepare(&f->settings, f->p, &err), APR_SUCCESS);
}

typedef struct sender_t {
    flow_committer_t *committer;
    int number, ok, poison_every, refused;
} sender_t;

static void *send_many(void *data)
{
    sender_t *s = data;
    event_work_t w;
    int i;

    for (i = 0; i < ROUNDS; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        apr_status_t rv;

        memset(&w, 0, sizeof(w));
        w.work.run = run_event;
        w.work.events = 1;
        apr_snprintf(w.id, sizeof(w.id), "%02d-%04d", s->number, i);
        w.request =
            s->poison_every && i % s->poison_every == 0 ? NULL : "{\"a\":1}";
        rv = flow_committer_do(s->committer, &w.work, -1, NULL, &err);
        if (rv == APR_SUCCESS) {
            ++s->ok;
        }
        else if (strcmp(err.code, "store_refused") == 0 &&
                 err.kind == FLOW_E_INTERNAL) {
            ++s->refused;
        }
    }
    return NULL;
}

static void send_from_all(flow_committer_t *committer, sender_t *senders,
                          int poison_every)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; ++i) {
        memset(&senders[i], 0, sizeof(senders[i]));
        senders[i].committer = committer;
        senders[i].number = i;
        senders[i].poison_every = i % 2 ? poison_every : 0;
        pthread_create(&threads[i], NULL, send_many, &senders[i]);
    }
    for (i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
}

static void all_that_was_accepted_is_there_after_reopening(void **state)
{
    jobs_fixture_t *f = *state;
    flow_stats_t *stats = apr_palloc(f->p, flow_stats_size(0));
    sender_t senders[THREADS];
    flow_committer_t *committer;
    int i;

    flow_stats_init(stats, 0);
    prepare(f);
    committer = start(f, stats);
    send_from_all(committer, senders, 0);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    for (i = 0; i < THREADS; ++i) {
        assert_int_equal(senders[i].ok, ROUNDS);
    }
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM event"),
                        apr_itoa(f->p, THREADS * ROUNDS));
    assert_int_equal(stats->events, THREADS * ROUNDS);
    /* Commits were shared. */
    assert_true(stats->commits < stats->events);
    assert_true(stats->commits > 0);
}

/* No timer gathers groups: alone, it is stored as soon as the disk takes it. */
static void a_lone_event_waits_for_nobody(void **state)
{
    jobs_fixture_t *f = *state;
    flow_stats_t *stats = apr_palloc(f->p, flow_stats_size(0));
    flow_committer_t *committer;
    apr_interval_time_t best = apr_time_from_sec(60);
    int i;

    flow_stats_init(stats, 0);
    prepare(f);
    committer = start(f, stats);
    for (i = 0; i < 30; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        event_work_t w = { .work.run = run_event, .request = "{}" };
        apr_time_t began = flow_clock();

        w.work.events = 1;
        apr_snprintf(w.id, sizeof(w.id), "lone-%04d", i);
        assert_int_equal(flow_committer_do(committer, &w.work, -1, NULL, &err),
                         0);
        best = flow_clock() - began < best ? flow_clock() - began : best;
    }
    assert_true(best < apr_time_from_msec(50)); /* the sanitizers' included */
    assert_int_equal(stats->commits, 30);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
}

static void a_poisoned_item_fails_nobody_else(void **state)
{
    jobs_fixture_t *f = *state;
    sender_t senders[THREADS];
    flow_committer_t *committer;
    int i, poisoned = 0;

    prepare(f);
    committer = start(f, NULL);
    send_from_all(committer, senders, 10);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    for (i = 0; i < THREADS; ++i) {
        int bad = i % 2 ? ROUNDS / 10 : 0;

        assert_int_equal(senders[i].refused, bad);
        assert_int_equal(senders[i].ok, ROUNDS - bad);
        poisoned += bad;
    }
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM event"),
                        apr_itoa(f->p, THREADS * ROUNDS - poisoned));
}

static apr_status_t do_one(flow_committer_t *committer, const char *id,
                           flow_error_t *err)
{
    event_work_t w = { .work.run = run_event, .request = "{}" };

    apr_cpystrn(w.id, id, sizeof(w.id));
    return flow_committer_do(committer, &w.work, -1, NULL, err);
}

static void a_store_that_is_away_is_said_to_be_and_found_again(void **state)
{
    jobs_fixture_t *f = *state;
    flow_committer_t *committer = start(f, NULL);
    flow_error_t err = FLOW_ERROR_INIT;
    int i;

    assert_int_not_equal(do_one(committer, "a", &err), APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_string_equal(err.code, "store_unavailable");
    assert_false(flow_committer_is_up(committer));

    prepare(f);
    for (i = 0; i < 300 && !flow_committer_is_up(committer); ++i) {
        apr_sleep(10000);
    }
    flow_error_clear(&err);
    assert_int_equal(do_one(committer, "b", &err), APR_SUCCESS);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    assert_string_equal(jobs_fixture_query(f, "SELECT id FROM event"), "b");
}

static void nobody_is_told_before_the_disk_has_it(void **state)
{
    jobs_fixture_t *f = *state;
    flow_committer_t *committer;
    flow_error_t err = FLOW_ERROR_INIT;
    int i, before;

    prepare(f);
    committer = start(f, NULL);
    for (i = 0; i < 10; ++i) {
        before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
        assert_int_equal(do_one(committer, apr_itoa(f->p, i), &err), 0);
        assert_true(__atomic_load_n(&syncs, __ATOMIC_SEQ_CST) > before);
    }
    __atomic_store_n(&sync_fails, 1, __ATOMIC_SEQ_CST);
    assert_int_not_equal(do_one(committer, "lost", &err), 0);
    __atomic_store_n(&sync_fails, 0, __ATOMIC_SEQ_CST);
    assert_string_equal(err.code, "store_unavailable");
    assert_non_null(strstr(err.message, "disk"));
    for (i = 0; i < 300 && !flow_committer_is_up(committer); ++i) {
        apr_sleep(10000);
    }
    flow_error_clear(&err);
    assert_int_equal(do_one(committer, "more", &err), 0);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
}

static void *send_one(void *data)
{
    sender_t *s = data;
    flow_error_t err = FLOW_ERROR_INIT;

    s->ok = do_one(s->committer, s->number ? "second" : "first", &err) == 0;
    return NULL;
}

static int count_until(int *number, int least)
{
    int i;

    for (i = 0; i < 300 && __atomic_load_n(number, __ATOMIC_SEQ_CST) < least;
         ++i) {
        apr_sleep(10000);
    }
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

/* After a sync that failed the kernel says yes to the next one, and has not
 * written what the first one was for. */
static void after_a_failed_sync_nobody_is_told_before_all_is_written_again(
    void **state)
{
    jobs_fixture_t *f = *state;
    sender_t senders[2] = { { .number = 0 }, { .number = 1 } };
    pthread_t threads[2];
    flow_committer_t *committer;
    flow_error_t err = FLOW_ERROR_INIT;
    int i, before;

    prepare(f);
    committer = start(f, NULL);
    assert_int_equal(do_one(committer, "zero", &err), 0);
    before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
    __atomic_store_n(&sync_hangs, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&sync_fails, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < 2; ++i) {
        senders[i].committer = committer;
        pthread_create(&threads[i], NULL, send_one, &senders[i]);
        /* the first one's sync; the second one commits behind it */
        assert_int_equal(count_until(&syncs, before + 1), before + 1);
        apr_sleep(20000 * i);
    }
    __atomic_store_n(&sync_hangs, 0, __ATOMIC_SEQ_CST);
    for (i = 0; i < 2; ++i) {
        pthread_join(threads[i], NULL);
        assert_false(senders[i].ok);
    }
    /* It does not come back while the disk refuses the log's copy. */
    apr_sleep(1200000);
    assert_false(flow_committer_is_up(committer));
    before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
    __atomic_store_n(&sync_fails, 0, __ATOMIC_SEQ_CST);
    for (i = 0; i < 300 && !flow_committer_is_up(committer); ++i) {
        apr_sleep(10000);
    }
    assert_true(flow_committer_is_up(committer));
    /* the log and the database, though nobody has asked for anything */
    assert_true(__atomic_load_n(&syncs, __ATOMIC_SEQ_CST) >= before + 2);
    assert_int_equal(do_one(committer, "third", &err), 0);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
}

/* What is written to a file that has no name any more is lost. */
static void a_store_that_was_deleted_takes_nothing_more(void **state)
{
    jobs_fixture_t *f = *state;
    flow_committer_t *committer;
    flow_error_t err = FLOW_ERROR_INIT;
    int i;

    prepare(f);
    committer = start(f, NULL);
    assert_int_equal(do_one(committer, "a", &err), APR_SUCCESS);
    unlink(f->file);
    unlink(apr_pstrcat(f->p, f->file, "-wal", NULL));
    unlink(apr_pstrcat(f->p, f->file, "-shm", NULL));
    assert_int_not_equal(do_one(committer, "b", &err), APR_SUCCESS);
    assert_string_equal(err.code, "store_unavailable");

    prepare(f); /* as a restart does */
    for (i = 0; i < 300 && !flow_committer_is_up(committer); ++i) {
        apr_sleep(10000);
    }
    flow_error_clear(&err);
    assert_int_equal(do_one(committer, "c", &err), APR_SUCCESS);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    assert_string_equal(jobs_fixture_query(f, "SELECT id FROM event"), "c");
}

static void a_store_that_was_replaced_is_opened_anew(void **state)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    jobs_fixture_t *f = *state;
    flow_committer_t *committer;
    flow_error_t err = FLOW_ERROR_INIT;
    int i;

    prepare(f);
    committer = start(f, NULL);
    assert_int_equal(do_one(committer, "a", &err), APR_SUCCESS);
    for (i = 0; i < 3; ++i) {
        rename(apr_pstrcat(f->p, f->file, ends[i], NULL),
               apr_pstrcat(f->p, f->file, ".old", ends[i], NULL));
    }
    prepare(f);
    assert_int_equal(do_one(committer, "b", &err), APR_SUCCESS);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    assert_string_equal(jobs_fixture_query(f, "SELECT id FROM event"), "b");
}

static void a_schema_change_by_another_process_is_survived(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_committer_t *committer;

    prepare(f);
    committer = start(f, NULL);
    assert_int_equal(do_one(committer, "a", &err), APR_SUCCESS);
    jobs_fixture_query(f, "CREATE INDEX later ON event (export_id)");
    assert_int_equal(do_one(committer, "b", &err), APR_SUCCESS);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM event"),
                        "2");
}

static void after_the_stop_all_is_refused(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_committer_t *committer;

    prepare(f);
    committer = start(f, NULL);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    assert_int_not_equal(do_one(committer, "a", &err), APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
}

static volatile int released;

static void release(flow_work_t *work)
{
    free(work);
    __atomic_store_n(&released, 1, __ATOMIC_SEQ_CST);
}

/* Another process holds the write lock for longer than the caller will wait. */
static void waiting_is_bounded_and_the_work_is_not_freed_too_early(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_committer_t *committer;
    event_work_t *first, *second;
    int fd, abandoned, i;

    prepare(f);
    committer = start(f, NULL);
    assert_int_equal(do_one(committer, "a", &err), APR_SUCCESS);
    fd = open(apr_pstrcat(f->p, f->file, "-lock", NULL), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);

    second = calloc(1, sizeof(*second));
    second->work.run = run_event;
    second->work.release = release;
    second->request = "{}";
    apr_cpystrn(second->id, "second", sizeof(second->id));
    assert_int_not_equal(
        flow_committer_do(committer, &second->work, 20000, &abandoned, &err),
        APR_SUCCESS);
    assert_int_equal(abandoned, 0); /* it had not, and will not */
    free(second);

    assert_int_equal(flock(fd, LOCK_UN), 0);
    close(fd);

    first = calloc(1, sizeof(*first));
    first->work.run = run_event;
    first->work.release = release;
    first->request = "{}";
    apr_cpystrn(first->id, "slow", sizeof(first->id));
    assert_int_not_equal(
        flow_committer_do(committer, &first->work, 20000, &abandoned, &err),
        APR_SUCCESS);
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_int_equal(abandoned, 1); /* it had begun */

    assert_int_equal(__atomic_load_n(&released, __ATOMIC_SEQ_CST), 0);
    for (i = 0; i < 500 && !__atomic_load_n(&released, __ATOMIC_SEQ_CST); ++i) {
        apr_sleep(10000);
    }
    assert_int_equal(__atomic_load_n(&released, __ATOMIC_SEQ_CST), 1);
    assert_int_equal(flow_committer_stop(committer, apr_time_from_sec(10)), 0);
    assert_string_equal(
        jobs_fixture_query(f, "SELECT count(*) FROM event WHERE id = 'second'"),
        "0");
}

int main(void)
{
    /* Nothing of this is a file or a lock file. */
    const struct CMUnitTest sqlite_tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_store_that_is_away_is_said_to_be_and_found_again),
        TEST(waiting_is_bounded_and_the_work_is_not_freed_too_early),
        TEST(nobody_is_told_before_the_disk_has_it),
        TEST(after_a_failed_sync_nobody_is_told_before_all_is_written_again),
        TEST(a_store_that_was_deleted_takes_nothing_more),
        TEST(a_store_that_was_replaced_is_opened_anew),
    };
    const struct CMUnitTest tests[] = {
        TEST(all_that_was_accepted_is_there_after_reopening),
        TEST(a_lone_event_waits_for_nobody),
        TEST(a_poisoned_item_fails_nobody_else),
        TEST(a_schema_change_by_another_process_is_survived),
        TEST(after_the_stop_all_is_refused),
    };
    int failed;

    apr_initialize();
    failed = cmocka_run_group_tests(sqlite_tests, NULL, NULL);
    return failed + JOBS_FIXTURE_BOTH(tests);
}
