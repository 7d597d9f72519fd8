/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptors, waiters, workers, cancels, a second set of jobs on the same store,
 * and stops in the middle of it: for ThreadSanitizer above all (`make tsan`),
 * and for the sums at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_jobs_private.h"
#include "jobs_fixture.h"

#define SENDERS 6
#define FLOWS   5
#define ROUNDS  3
#define MS      700 /* of each round */

static jobs_fixture_t *f;
static flow_jobs_t *jobs, *others;
static apr_pool_t *child, *others_child;
static int stop_sending, accepted, ran, waited;

/* Some pages, an error, and now and then a run that waits for another. */
static apr_status_t play(const flow_env_t *env, flow_run_t *run,
                         const flow_run_sink_t *sink, apr_pool_t *p,
                         flow_error_t *err)
{
    flow_record_error_t e = { "imp", 1, "bad", "no good", "application" };
    json_t *at = json_object(), *result = NULL;
    apr_status_t rv = APR_SUCCESS;

    run->counters.success++;
    if (strcmp(run->flow->id, "flow0") == 0) {
        json_object_set_new(at, "cursor", json_integer(1));
        rv = sink->page_done(sink->baton, &run->counters, at, err);
    }
    if (rv == APR_SUCCESS && strcmp(run->flow->id, "flow1") == 0) {
        rv = sink->record_error(sink->baton, &e, err);
    }
    if (rv == APR_SUCCESS && strcmp(run->flow->id, "outer") == 0) {
        const flow_jobs_iface_t *iface = env->jobs;

        iface->run_wait(
            iface->baton,
            apr_hash_get(env->model->flows, "inner", APR_HASH_KEY_STRING), NULL,
            flow_clock() + apr_time_from_sec(2), &result, p, err);
        json_decref(result);
    }
    json_decref(at);
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
    return __atomic_load_n(run->stopping, __ATOMIC_RELAXED) ? APR_EINTR : rv;
}

static void *send_events(void *data)
{
    const flow_export_t *hook = data;
    apr_pool_t *p = flow_store_pool(0), *round;

    apr_pool_create(&round, p);
    while (!__atomic_load_n(&stop_sending, __ATOMIC_RELAXED)) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *id;

        apr_pool_clear(round);
        if (flow_jobs_accept(jobs, hook, jobs_fixture_request(round, "{}", 2),
                             &id, round, &err) == APR_SUCCESS) {
            __atomic_fetch_add(&accepted, 1, __ATOMIC_RELAXED);
        }
    }
    apr_pool_destroy(p);
    return NULL;
}

/* Queues, cancels, looks, waits. */
static void *meddle(void *data)
{
    const flow_flow_t *plain = data;
    const flow_flow_t *outer =
        apr_hash_get(f->model.flows, "outer", APR_HASH_KEY_STRING);
    const flow_jobs_iface_t *iface = flow_jobs_iface(jobs);
    apr_pool_t *p = flow_store_pool(0), *round;
    int n = 0;

    apr_pool_create(&round, p);
    while (!__atomic_load_n(&stop_sending, __ATOMIC_RELAXED)) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *id = NULL, *status;
        flow_queue_depth_t depth;
        json_t *result = NULL;

        apr_pool_clear(round);
        iface->queue(iface->baton, ++n % 3 ? plain : outer, NULL, &id, round,
                     &err);
        flow_error_clear(&err);
        flow_jobs_cancel(jobs, id, &status, round, &err);
        flow_error_clear(&err);
        flow_jobs_depth(jobs, &depth, round, &err);
        flow_error_clear(&err);
        if (iface->run_wait(iface->baton, plain, NULL,
                            flow_clock() + apr_time_from_msec(300), &result,
                            round, &err) == APR_SUCCESS) {
            __atomic_fetch_add(&waited, 1, __ATOMIC_RELAXED);
        }
        json_decref(result);
    }
    apr_pool_destroy(p);
    return NULL;
}

static flow_jobs_t *start(apr_pool_t **pchild, int workers)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_jobs_t *started = NULL;

    f->settings.workers = workers;
    apr_pool_create(pchild, NULL);
    assert_int_equal(
        flow_jobs_start(&started, &f->settings, &f->env, *pchild, &err), 0);
    started->run = play;
    return started;
}

static void one_round(void)
{
    pthread_t senders[SENDERS], meddlers[2];
    int i;

    stop_sending = 0;
    others = start(&others_child, 2);
    jobs = start(&child, 4);
    f->env.jobs = flow_jobs_iface(jobs);
    flow_jobs_release(jobs);
    flow_jobs_release(others);
    for (i = 0; i < SENDERS; ++i) {
        pthread_create(&senders[i], NULL, send_events,
                       (void *)jobs_fixture_export(
                           f, apr_psprintf(f->p, "hook%d", i % FLOWS)));
    }
    for (i = 0; i < 2; ++i) {
        pthread_create(&meddlers[i], NULL, meddle,
                       apr_hash_get(f->model.flows, i ? "inner" : "plain",
                                    APR_HASH_KEY_STRING));
    }
    usleep(MS * 1000);
    apr_pool_destroy(others_child); /* under load */
    usleep(MS * 500);
    __atomic_store_n(&stop_sending, 1, __ATOMIC_RELAXED);
    flow_jobs_stopping(jobs);
    for (i = 0; i < SENDERS; ++i) {
        pthread_join(senders[i], NULL);
    }
    for (i = 0; i < 2; ++i) {
        pthread_join(meddlers[i], NULL);
    }
    apr_pool_destroy(child);
}

static int count(const char *where)
{
    return (int)strtol(
        jobs_fixture_query(
            f, apr_pstrcat(f->p, "SELECT count(*) FROM ", where, NULL)),
        NULL, 10);
}

static void nothing_is_lost_and_nothing_runs_into_another(void **state)
{
    int i;

    (void)state;
    stop_sending = accepted = ran = waited = 0;
    f = jobs_fixture_new();
    for (i = 0; i < FLOWS; ++i) {
        jobs_fixture_flow(f, apr_psprintf(f->p, "flow%d", i),
                          apr_psprintf(f->p, "hook%d", i), 1);
    }
    jobs_fixture_flow(f, "plain", "exp", 0);
    jobs_fixture_flow(f, "inner", "exp", 0);
    jobs_fixture_flow(f, "outer", "exp", 0);
    flow_store_close(jobs_fixture_store(f));
    for (i = 0; i < ROUNDS; ++i) {
        one_round();
    }
    printf("%d accepted, %d ran, %d waited for\n", accepted, ran, waited);
    assert_true(accepted > 20 && ran > 20);
    assert_int_equal(count("event"), accepted);
    assert_int_equal(count("job WHERE event_id IS NOT NULL"), accepted);
    assert_int_equal(count("job WHERE status = 'running'"), 0);
    assert_int_equal(count("job WHERE status = 'failed'"), 0);
    jobs_fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_nothing_runs_into_another),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
