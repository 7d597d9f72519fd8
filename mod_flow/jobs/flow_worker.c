/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/*
 * Worker threads.
 *
 * Jobs are claimed by the committer, at the end of a transaction in which
 * somebody asked for it, for workers that are free: whoever stored a job here,
 * the end of a job (the next one of its flow may begin), the keeper, which looks
 * for jobs of other processes. A worker takes what has been claimed, or sleeps
 * until something is; before that it has the committer look if there may be
 * more (`more`). An accept asks for nothing when the flow is running here,
 * because the end of that run does.
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
    flow_claim_t *claim;
} claim_work_t;

static apr_status_t run_claim(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    flow_claim_t *claim = ((claim_work_t *)work)->claim;

    return flow_queue_claim(store, claim, claim->p, err);
}

/* This one job, or NULL; a store that is away is the same as an empty one. */
static flow_held_t *claim_only(flow_jobs_t *jobs, const char *id)
{
    flow_held_t *held = flow_held_new(jobs);
    flow_error_t err = FLOW_ERROR_INIT;
    claim_work_t w = { .work.run = run_claim };

    if (!held) {
        return NULL;
    }
    w.claim = &held->claim;
    held->claim.owner = jobs->owner;
    held->claim.knows = flow_job_known;
    held->claim.baton = jobs;
    held->claim.only = id;
    held->claim.p = held->p;
    if (flow_committer_do(jobs->committer, &w.work, -1, NULL, &err) !=
            APR_SUCCESS ||
        !held->claim.job) {
        flow_held_free(jobs, held);
        return NULL;
    }
    __atomic_fetch_sub(&jobs->waiting, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&jobs->lock);
    held->since = flow_clock();
    held->is_taken = 1;
    flow_held_enter(jobs, held);
    pthread_mutex_unlock(&jobs->lock);
    return held;
}

/* ---- sleeping and waking ---- */

static apr_status_t run_nudge(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    (void)store;
    (void)err;
    flow_claims_ask(
        (flow_jobs_t *)((char *)work - offsetof(flow_jobs_t, nudge)));
    return APR_SUCCESS;
}

static void nudge_ended(flow_work_t *work)
{
    flow_jobs_t *jobs =
        (flow_jobs_t *)((char *)work - offsetof(flow_jobs_t, nudge));

    pthread_mutex_lock(&jobs->lock);
    jobs->nudged = 0;
    /* Who has seen work, or fell asleep, since the committer looked has
     * nudged nobody. */
    if (work->status == APR_SUCCESS && jobs->more &&
        jobs->idle > jobs->nleads) {
        flow_workers_nudge(jobs);
    }
    pthread_mutex_unlock(&jobs->lock);
}

void flow_workers_nudge(flow_jobs_t *jobs)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv;

    if (jobs->nudged || flow_jobs_is_stopping(jobs)) {
        return;
    }
    jobs->nudged = 1;
    pthread_mutex_unlock(&jobs->lock);
    jobs->nudge.run = run_nudge;
    jobs->nudge.ended = nudge_ended;
    rv = flow_committer_submit(jobs->committer, &jobs->nudge, &err);
    pthread_mutex_lock(&jobs->lock);
    if (rv != APR_SUCCESS) {
        jobs->nudged = 0;
    }
}

void flow_workers_wake(flow_jobs_t *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    ++jobs->rings;
    jobs->more = 1;
    if (jobs->idle > jobs->nleads) {
        flow_workers_nudge(jobs);
    }
    pthread_mutex_unlock(&jobs->lock);
}

int flow_workers_could_start(flow_jobs_t *jobs, const char *flow_id)
{
    const flow_running_t *r = NULL;
    int is_free;

    /* A guess will do: a worker that falls asleep has somebody look. */
    pthread_mutex_lock(&jobs->lock);
    is_free = jobs->idle > 0;
    if (!is_free) {
        jobs->more = 1;
    }
    else {
        for (r = jobs->running;
             r && (r->is_over || strcmp(r->flow_id, flow_id) != 0);
             r = r->next) {
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    return is_free && !r;
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

/* What a free worker does next: a job whose end is to be stored again, or one
 * that has been claimed. Under the lock. NULL: nothing more, the process ends. */
static flow_held_t *next_job(flow_jobs_t *jobs, int *pis_undone)
{
    flow_held_t *held;

    for (;;) {
        *pis_undone = jobs->undone != NULL;
        held = jobs->undone;
        if (held) {
            jobs->undone = held->next;
            return held;
        }
        held = flow_ready_take(jobs);
        if (held || (flow_jobs_is_stopping(jobs) && !jobs->pending)) {
            return held;
        }
        ++jobs->idle;
        if (jobs->more) {
            flow_workers_nudge(jobs);
        }
        if (!jobs->ready && !jobs->undone &&
            (jobs->pending || !flow_jobs_is_stopping(jobs))) {
            flow_clock_cond_wait(&jobs->wake, &jobs->lock, flow_clock() + NAP);
        }
        --jobs->idle;
    }
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
    flow_held_t *held = NULL;
    int is_undone;

    (void)thread;
    is_worker = 1;
    wait_for_release(jobs);
    for (;;) {
        is_undone = 0;
        pthread_mutex_lock(&jobs->lock);
        if (!held) {
            held = next_job(jobs, &is_undone);
        }
        pthread_mutex_unlock(&jobs->lock);
        if (!held) {
            break;
        }
        if (is_undone) {
            flow_job_end_again(jobs, held);
            held = NULL;
            continue;
        }
        flow_held_clean(jobs);
        held = flow_job_run(jobs, held);
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
    flow_held_t *held;

    (void)thread;
    is_worker = 1;
    if (!flow_jobs_is_stopping(jobs)) {
        held = claim_only(jobs, help->job_id);
        if (held) {
            flow_job_run(jobs, held);
        }
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
