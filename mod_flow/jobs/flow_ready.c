/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_allocator.h>

/*
 * Jobs that this process has claimed and nobody runs yet, and the memory of
 * all its jobs.
 *
 * The committer claims, for workers that are free and, while jobs take no
 * time, some more, so that workers need not wait for a transaction between two
 * jobs. What has been claimed ahead and then waits (the others took longer than
 * expected) goes back to the queue, where other processes find it.
 *
 * A pool belongs to one thread at a time: the committer's while it claims, the
 * worker's, the committer's again when the end is stored. Clearing it takes
 * time that the committer has not got, so workers do that.
 */
#define SPARE_MAX 256
#define CLEAN_MAX 8 /* at a time */
#define KEEP_FREE (64 * 1024)

/* ---- memory ---- */

static void destroy(flow_held_t *held)
{
    apr_pool_destroy(held->p);
    free(held);
}

static void clean(flow_held_t *held)
{
    flow_held_t empty = { .p = held->p, .next = held->next };

    apr_pool_clear(held->p);
    *held = empty;
}

/* Rather a dirty one than a new one: a transaction may give back many that have
 * not become jobs, and no worker cleans as fast as that. */
flow_held_t *flow_held_new(flow_jobs_t *jobs)
{
    flow_held_t *held;
    int is_dirty;

    pthread_mutex_lock(&jobs->lock);
    held = jobs->spare;
    is_dirty = !held;
    if (held) {
        jobs->spare = held->next;
        --jobs->nspare;
    }
    else if (jobs->dirty) {
        held = jobs->dirty;
        jobs->dirty = held->next;
    }
    pthread_mutex_unlock(&jobs->lock);
    if (held) {
        held->next = NULL;
        if (is_dirty) {
            clean(held);
        }
        return held;
    }
    held = calloc(1, sizeof(*held));
    if (held) {
        held->p = flow_store_pool(0);
        if (!held->p) {
            free(held);
            return NULL;
        }
        /* There are many of them. */
        apr_allocator_max_free_set(apr_pool_allocator_get(held->p), KEEP_FREE);
    }
    return held;
}

void flow_held_free(flow_jobs_t *jobs, flow_held_t *held)
{
    pthread_mutex_lock(&jobs->lock);
    held->next = jobs->dirty;
    jobs->dirty = held;
    pthread_mutex_unlock(&jobs->lock);
}

void flow_held_clean(flow_jobs_t *jobs)
{
    flow_held_t *list, *held, *last = NULL, *too_many = NULL;
    int n = 0;

    pthread_mutex_lock(&jobs->lock);
    list = jobs->dirty;
    for (held = list; held && n < CLEAN_MAX; held = held->next) {
        last = held;
        ++n;
    }
    jobs->dirty = held;
    pthread_mutex_unlock(&jobs->lock);
    if (!last) {
        return;
    }
    last->next = NULL;
    for (held = list; held; held = held->next) {
        clean(held);
    }
    pthread_mutex_lock(&jobs->lock);
    if (jobs->nspare + n <= SPARE_MAX) {
        last->next = jobs->spare;
        jobs->spare = list;
        jobs->nspare += n;
    }
    else {
        too_many = list;
    }
    pthread_mutex_unlock(&jobs->lock);
    while (too_many) {
        held = too_many;
        too_many = held->next;
        destroy(held);
    }
}

void flow_held_destroy_all(flow_jobs_t *jobs)
{
    flow_held_t *lists[] = { jobs->spare, jobs->dirty, jobs->ready,
                             jobs->undone };
    flow_held_t *held, *next, *rest;
    int i;

    for (i = 0; i < 4; ++i) {
        for (held = lists[i]; held; held = next) {
            next = held->next;
            while (held) {
                rest = held->chain;
                destroy(held);
                held = rest;
            }
        }
    }
    jobs->spare = jobs->dirty = jobs->ready = jobs->undone = NULL;
}

/* ---- lists ---- */

void flow_held_enter(flow_jobs_t *jobs, flow_held_t *held)
{
    const flow_job_t *job = held->claim.job;
    flow_running_t *r = &held->running;

    r->id = job->id;
    r->flow_id = job->flow_id;
    r->is_alone = job->attempts > 0;
    r->stop = jobs->stopping;
    r->prev = NULL;
    r->next = jobs->running;
    if (r->next) {
        r->next->prev = r;
    }
    jobs->running = r;
}

void flow_held_leave(flow_jobs_t *jobs, flow_held_t *held)
{
    flow_running_t *r = &held->running;

    if (r->prev) {
        r->prev->next = r->next;
    }
    else {
        jobs->running = r->next;
    }
    if (r->next) {
        r->next->prev = r->prev;
    }
    if (r->before) {
        r->before->after = r->after;
    }
    if (r->after) {
        r->after->before = r->before;
        r->after->is_lead |= r->is_lead;
    }
}

static int length(const flow_held_t *held)
{
    int n = 0;

    for (; held; held = held->chain) {
        ++n;
    }
    return n;
}

void flow_ready_add(flow_jobs_t *jobs, flow_held_t *held)
{
    held->next = NULL;
    if (jobs->ready_end) {
        jobs->ready_end->next = held;
    }
    else {
        jobs->ready = held;
    }
    jobs->ready_end = held;
    jobs->nready += length(held);
    ++jobs->nleads;
}

flow_held_t *flow_ready_take(flow_jobs_t *jobs)
{
    flow_held_t *held = jobs->ready;

    if (held) {
        jobs->ready = held->next;
        if (!jobs->ready) {
            jobs->ready_end = NULL;
        }
        held->next = NULL;
        held->is_taken = 1;
        --jobs->nready;
        --jobs->nleads;
    }
    return held;
}

flow_held_t *flow_ready_chain(flow_jobs_t *jobs, flow_held_t *held)
{
    flow_held_t *next = held->chain;

    held->chain = NULL;
    if (next) {
        next->is_taken = 1;
        --jobs->nready;
    }
    return next;
}

int flow_ready_any(flow_jobs_t *jobs)
{
    int n;

    pthread_mutex_lock(&jobs->lock);
    n = jobs->nready;
    pthread_mutex_unlock(&jobs->lock);
    return n > 0;
}

/* ---- back to the queue ---- */

typedef struct return_work_t {
    flow_work_t work;
    flow_jobs_t *jobs;
    apr_time_t before;
    flow_held_t *list; /* linked by next */
} return_work_t;

static void gather_one(return_work_t *w, flow_held_t *held)
{
    flow_held_t *next;

    for (; held; held = next) {
        next = held->chain;
        held->chain = NULL;
        --w->jobs->nready;
        held->next = w->list;
        w->list = held;
    }
}

/* Under the lock. */
static void gather(return_work_t *w)
{
    flow_jobs_t *jobs = w->jobs;
    flow_held_t **at = &jobs->ready, *held;
    flow_running_t *r;

    jobs->ready_end = NULL;
    while ((held = *at) != NULL) {
        if (held->since <= w->before) {
            *at = held->next;
            --jobs->nleads;
            gather_one(w, held);
        }
        else {
            jobs->ready_end = held;
            at = &held->next;
        }
    }
    /* And what waits for the job in front of it. */
    for (r = jobs->running; r; r = r->next) {
        held = (flow_held_t *)((char *)r - offsetof(flow_held_t, running));
        if (held->is_taken && held->chain && held->since <= w->before) {
            gather_one(w, held->chain);
            held->chain = NULL;
        }
    }
}

/* Gathers on the committer's thread: what earlier transactions claimed is in
 * the lists by then. */
static apr_status_t run_return(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    return_work_t *w = (return_work_t *)work;
    apr_status_t rv = APR_SUCCESS;
    const flow_held_t *held;

    pthread_mutex_lock(&w->jobs->lock);
    gather(w);
    pthread_mutex_unlock(&w->jobs->lock);
    for (held = w->list; held && rv == APR_SUCCESS; held = held->next) {
        const flow_job_t *job = held->claim.job;
        const flow_progress_t at = { .job_id = job->id,
                                     .flow_id = job->flow_id,
                                     .owner = w->jobs->owner,
                                     .counters = job->counters,
                                     .checkpoint = job->checkpoint };
        int lost;

        rv = flow_queue_return(store, &at, &lost, err);
    }
    return rv;
}

/* They are no longer ours. 0: there were none. */
static int let_go(return_work_t *w)
{
    flow_jobs_t *jobs = w->jobs;
    flow_held_t *held;
    int any = 0;

    while ((held = w->list) != NULL) {
        w->list = held->next;
        any = 1;
        pthread_mutex_lock(&jobs->lock);
        flow_held_leave(jobs, held);
        pthread_mutex_unlock(&jobs->lock);
        flow_waiters_tell(jobs, held->claim.job->id); /* it may be canceled */
        flow_held_free(jobs, held);
    }
    return any;
}

void flow_ready_return(flow_jobs_t *jobs, apr_interval_time_t age)
{
    return_work_t w = { .work.run = run_return,
                        .jobs = jobs,
                        .before = flow_clock() - age };
    flow_error_t err = FLOW_ERROR_INIT;

    /* When this fails for good the server stops, and others take them over. */
    flow_jobs_do(jobs, &w.work, &err);
    if (let_go(&w)) {
        flow_workers_wake(jobs);
    }
}

static void release_return(flow_work_t *work)
{
    let_go((return_work_t *)work);
    free(work);
}

int flow_ready_return_all(flow_jobs_t *jobs, apr_interval_time_t patience)
{
    return_work_t *w = calloc(1, sizeof(*w));
    flow_error_t err = FLOW_ERROR_INIT;
    int is_abandoned = 0;

    if (!w) {
        return 0;
    }
    w->work.run = run_return;
    w->work.release = release_return;
    w->jobs = jobs;
    w->before = APR_INT64_MAX; /* also of a transaction that goes on now */
    flow_committer_do(jobs->committer, &w->work, patience, &is_abandoned, &err);
    if (!is_abandoned) {
        release_return(&w->work);
    }
    return !is_abandoned;
}
