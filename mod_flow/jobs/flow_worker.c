/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/*
 * Worker threads.
 *
 * A worker sleeps until it is called: by whoever has just stored a job here,
 * by a worker that saw more work than it could take, or by the keeper, which
 * looks for jobs of other processes. An accept never calls a worker for a flow
 * that is already running here, because the end of that run claims the next
 * job by itself.
 *
 * A worker whose flow waits for another flow's run would be a thread less, and
 * with enough of them nobody would be left to run what they wait for. So a
 * waiting worker may have a helper: a thread for that one job.
 */
#define EXTRA_PER_WORKER 4
#define NAP              apr_time_from_sec(1)

static __thread int is_worker;

int flow_worker_is_current(void)
{
    return is_worker;
}

/* ---- claiming ---- */

int flow_job_known(void *baton, const char *flow_id, const char *export_id)
{
    const flow_model_t *model = ((flow_jobs_t *)baton)->env->model;
    const flow_flow_t *flow =
        apr_hash_get(model->flows, flow_id, APR_HASH_KEY_STRING);

    /* Jobs of flows that the next configuration knows, that are switched off
     * for a while, or whose connection is offline, wait. */
    return flow && !flow->disabled &&
           !flow_breaker_holds(((flow_jobs_t *)baton)->breaker, flow) &&
           (!export_id ||
            apr_hash_get(model->exports, export_id, APR_HASH_KEY_STRING));
}

typedef struct claim_work_t {
    flow_work_t work;
    flow_claim_t claim;
    flow_jobs_t *jobs;
} claim_work_t;

static apr_status_t run_claim(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    claim_work_t *w = (claim_work_t *)work;

    if (w->claim.only) {
        return flow_queue_claim(store, &w->claim, w->claim.p, err);
    }
    flow_claims_add(w->jobs, &w->claim);
    return APR_SUCCESS;
}

/* A job, or NULL; a store that is away is the same as an empty one. */
static flow_job_t *claim(flow_jobs_t *jobs, const char *only, apr_pool_t *p)
{
    claim_work_t w = { .work.run = run_claim,
                       .claim.owner = jobs->owner,
                       .claim.knows = flow_job_known,
                       .claim.baton = jobs,
                       .claim.only = only,
                       .claim.p = p,
                       .jobs = jobs };
    flow_error_t err = FLOW_ERROR_INIT;

    if (flow_committer_do(jobs->committer, &w.work, -1, NULL, &err) !=
            APR_SUCCESS ||
        !w.claim.job) {
        return NULL;
    }
    __atomic_fetch_sub(&jobs->waiting, 1, __ATOMIC_RELAXED);
    if (only) {
        /* A job that must run alone may have one beside it that it waits for. */
        pthread_mutex_lock(&jobs->lock);
        ++jobs->handed;
        jobs->handed_alone += w.claim.job->attempts > 0;
        pthread_mutex_unlock(&jobs->lock);
    }
    if (w.claim.more) {
        flow_workers_wake(jobs, 1);
    }
    return w.claim.job;
}

/* ---- sleeping and waking ---- */

void flow_workers_wake(flow_jobs_t *jobs, int n)
{
    pthread_mutex_lock(&jobs->lock);
    ++jobs->rings;
    for (; n > 0 && jobs->calls < jobs->idle; --n) {
        ++jobs->calls;
        pthread_cond_signal(&jobs->wake);
    }
    pthread_mutex_unlock(&jobs->lock);
}

int flow_workers_could_start(flow_jobs_t *jobs, const char *flow_id)
{
    const flow_running_t *r;

    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r && strcmp(r->flow_id, flow_id) != 0;
         r = r->next) {
    }
    pthread_mutex_unlock(&jobs->lock);
    return !r;
}

void flow_workers_abort(flow_jobs_t *jobs)
{
    flow_running_t *r;

    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        __atomic_store_n(&r->abort, 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&jobs->lock);
}

static unsigned rings(flow_jobs_t *jobs)
{
    unsigned n;

    pthread_mutex_lock(&jobs->lock);
    n = jobs->rings;
    pthread_mutex_unlock(&jobs->lock);
    return n;
}

/* @a heard: the rings before the claim that found nothing. Who rang since then
 * found nobody asleep. */
static void sleep_until_called(flow_jobs_t *jobs, unsigned heard)
{
    pthread_mutex_lock(&jobs->lock);
    ++jobs->idle;
    while (!jobs->calls && jobs->rings == heard &&
           !flow_jobs_is_stopping(jobs)) {
        flow_clock_cond_wait(&jobs->wake, &jobs->lock, flow_clock() + NAP);
    }
    if (jobs->calls) {
        --jobs->calls;
    }
    --jobs->idle;
    pthread_mutex_unlock(&jobs->lock);
}

static void wait_for_release(flow_jobs_t *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->released && !flow_jobs_is_stopping(jobs)) {
        flow_clock_cond_wait(&jobs->wake, &jobs->lock, flow_clock() + NAP);
    }
    pthread_mutex_unlock(&jobs->lock);
}

static void goodbye(flow_jobs_t *jobs, int is_extra)
{
    pthread_mutex_lock(&jobs->lock);
    --jobs->alive;
    jobs->extra -= is_extra;
    pthread_cond_broadcast(&jobs->ended);
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- the threads ---- */

static void *APR_THREAD_FUNC worker_main(apr_thread_t *thread, void *data)
{
    flow_jobs_t *jobs = data;
    apr_pool_t *pools[2] = { flow_store_pool(0), flow_store_pool(0) };
    flow_job_t *job = NULL;
    unsigned heard;
    int turn = 0;

    (void)thread;
    is_worker = 1;
    wait_for_release(jobs);
    while (pools[0] && pools[1] && (job || !flow_jobs_is_stopping(jobs))) {
        heard = rings(jobs);
        if (!job) {
            apr_pool_clear(pools[turn]);
            job = claim(jobs, NULL, pools[turn]);
        }
        if (!job) {
            sleep_until_called(jobs, heard);
            continue;
        }
        /* The next job is claimed while this one still stands in its pool. */
        apr_pool_clear(pools[!turn]);
        job = flow_job_run(jobs, job, pools[turn], pools[!turn]);
        turn = !turn;
    }
    if (pools[0]) {
        apr_pool_destroy(pools[0]);
    }
    if (pools[1]) {
        apr_pool_destroy(pools[1]);
    }
    is_worker = 0;
    goodbye(jobs, 0);
    return NULL;
}

typedef struct help_t {
    flow_jobs_t *jobs;
    char job_id[64];
} help_t;

static void *APR_THREAD_FUNC helper_main(apr_thread_t *thread, void *data)
{
    help_t *help = data;
    flow_jobs_t *jobs = help->jobs;
    apr_pool_t *p = flow_store_pool(0);
    flow_job_t *job;

    (void)thread;
    is_worker = 1;
    if (p && !flow_jobs_is_stopping(jobs)) {
        job = claim(jobs, help->job_id, p);
        if (job) {
            flow_job_run(jobs, job, p, NULL);
            /* It claims no next one; there may be one of its flow. */
            flow_workers_wake(jobs, 1);
        }
    }
    if (p) {
        apr_pool_destroy(p);
    }
    free(help);
    is_worker = 0;
    goodbye(jobs, 1);
    return NULL;
}

void flow_worker_help(flow_jobs_t *jobs, const char *job_id)
{
    help_t *help = malloc(sizeof(*help));
    int ok;

    if (!help) {
        return;
    }
    help->jobs = jobs;
    apr_cpystrn(help->job_id, job_id, sizeof(help->job_id));

    pthread_mutex_lock(&jobs->lock);
    ok = !flow_jobs_is_stopping(jobs) &&
         jobs->extra < jobs->settings.workers * EXTRA_PER_WORKER;
    if (ok) {
        ++jobs->extra;
        ++jobs->alive;
    }
    pthread_mutex_unlock(&jobs->lock);

    if (ok && apr_thread_pool_push(jobs->threads, helper_main, help,
                                   APR_THREAD_TASK_PRIORITY_HIGHEST,
                                   jobs) != APR_SUCCESS) {
        goodbye(jobs, 1);
        ok = 0;
    }
    if (!ok) {
        free(help);
    }
}

static void *APR_THREAD_FUNC tester_main(apr_thread_t *thread, void *data)
{
    flow_jobs_t *jobs = data;
    apr_pool_t *p = flow_store_pool(0);

    (void)thread;
    if (p) {
        flow_breaker_test(jobs->env, &jobs->stopping, p);
        apr_pool_destroy(p);
    }
    __atomic_store_n(&jobs->testing, 0, __ATOMIC_RELEASE);
    goodbye(jobs, 0);
    return NULL;
}

void flow_workers_test(flow_jobs_t *jobs)
{
    if (!jobs->threads || !jobs->env->breaker ||
        !flow_breaker_due(jobs->breaker) || flow_jobs_is_stopping(jobs) ||
        __atomic_exchange_n(&jobs->testing, 1, __ATOMIC_ACQUIRE)) {
        return;
    }
    pthread_mutex_lock(&jobs->lock);
    ++jobs->alive;
    pthread_mutex_unlock(&jobs->lock);
    if (apr_thread_pool_push(jobs->threads, tester_main, jobs,
                             APR_THREAD_TASK_PRIORITY_HIGHEST,
                             jobs) != APR_SUCCESS) {
        __atomic_store_n(&jobs->testing, 0, __ATOMIC_RELEASE);
        goodbye(jobs, 0);
    }
}

apr_status_t flow_workers_start(flow_jobs_t *jobs, flow_error_t *err)
{
    apr_size_t n = (apr_size_t)jobs->settings.workers;
    apr_status_t rv;
    apr_size_t i;

    if (!n) {
        return APR_SUCCESS;
    }
    rv = apr_thread_pool_create(&jobs->threads, n,
                                n * (1 + EXTRA_PER_WORKER) + 1, jobs->p);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_thread",
                              "cannot start %d workers", (int)n);
    }
    apr_thread_pool_threshold_set(jobs->threads, 0);
    apr_thread_pool_idle_max_set(jobs->threads, n);
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        pthread_mutex_lock(&jobs->lock);
        ++jobs->alive;
        pthread_mutex_unlock(&jobs->lock);
        rv = apr_thread_pool_push(jobs->threads, worker_main, jobs,
                                  APR_THREAD_TASK_PRIORITY_NORMAL, jobs);
    }
    if (rv != APR_SUCCESS) {
        goodbye(jobs, 0);
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_thread",
                              "cannot start %d workers", (int)n);
    }
    return APR_SUCCESS;
}

int flow_workers_join(flow_jobs_t *jobs, apr_interval_time_t patience)
{
    apr_time_t until = flow_clock() + patience;
    int left;

    pthread_mutex_lock(&jobs->lock);
    while (jobs->alive && flow_clock() < until) {
        flow_clock_cond_wait(&jobs->ended, &jobs->lock, until);
    }
    left = jobs->alive;
    pthread_mutex_unlock(&jobs->lock);
    if (!left && jobs->threads) {
        apr_thread_pool_destroy(jobs->threads);
    }
    return left == 0;
}
