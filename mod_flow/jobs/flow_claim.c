/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

/*
 * The claims of a transaction, all made at its end: looking for work costs a
 * query over all flows that wait, and one is enough for all workers.
 *
 * A job whose process has died while it ran may be the one that kills
 * processes. It runs alone, so that its next death is its own and nobody is
 * suspected who only stood beside it. For that the process must be idle, and a
 * busy one makes room: for a while it claims nothing else. Not for long, and
 * not again at once, because a job may run for hours; other processes may have
 * room meanwhile.
 *
 * All of this is the committer's thread, but for the two counters of jobs on
 * their way to a worker.
 */
#define PATIENCE  apr_time_from_sec(1)
#define DRAIN_FOR apr_time_from_sec(10)
#define REST_FOR  apr_time_from_sec(30)

void flow_claims_begin(void *baton)
{
    flow_jobs_t *jobs = baton;
    flow_running_t *r;

    if (jobs->claims.is_open) {
        flow_candidates_forget(jobs->claims.candidates);
    }
    jobs->claims.is_open = 1;
    jobs->claims.list = NULL;
    jobs->claims.ends = NULL;
    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        r->is_ending = 0;
    }
    pthread_mutex_unlock(&jobs->lock);
}

void flow_claims_add(flow_jobs_t *jobs, flow_claim_t *claim)
{
    claim->job = NULL;
    claim->more = 0;
    claim->next = jobs->claims.list;
    jobs->claims.list = claim;
}

void flow_claims_add_end(flow_jobs_t *jobs, flow_end_t *end)
{
    end->next = jobs->claims.ends;
    jobs->claims.ends = end;
}

static apr_status_t store_ends(flow_jobs_t *jobs, flow_store_t *store,
                               flow_error_t *err)
{
    apr_pool_t *p;
    apr_status_t rv;

    if (!jobs->claims.ends) {
        return APR_SUCCESS;
    }
    p = flow_store_pool(0);
    if (!p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for the ends of jobs");
    }
    rv = flow_queue_ends(store, jobs->claims.ends, p, err);
    apr_pool_destroy(p);
    return rv;
}

void flow_claims_entered(flow_jobs_t *jobs, const flow_job_t *job)
{
    --jobs->handed;
    jobs->handed_alone -= job->attempts > 0;
}

/* Jobs that run here and will when this transaction is over; -1: one of them
 * must be alone. */
static int busy(flow_jobs_t *jobs)
{
    const flow_running_t *r;
    int n, is_alone;

    pthread_mutex_lock(&jobs->lock);
    n = jobs->handed;
    is_alone = jobs->handed_alone;
    for (r = jobs->running; r; r = r->next) {
        n += !r->is_ending;
        is_alone += !r->is_ending && r->is_alone;
    }
    pthread_mutex_unlock(&jobs->lock);
    return is_alone ? -1 : n;
}

/* Somebody waits until nobody runs here. */
static void make_room(flow_claims_t *c, int is_waiting)
{
    apr_time_t now = flow_clock();

    if (!is_waiting) {
        c->waiting_since = c->drain_until = 0;
    }
    else if (!c->waiting_since) {
        c->waiting_since = now;
    }
    else if (now >= c->rest_until && now - c->waiting_since > PATIENCE) {
        c->drain_until = now + DRAIN_FOR;
        c->rest_until = now + DRAIN_FOR + REST_FOR;
    }
}

void flow_claims_done(void *baton)
{
    flow_jobs_t *jobs = baton;
    const flow_claim_t *claim = jobs->claims.list;

    jobs->claims.is_open = 0;
    pthread_mutex_lock(&jobs->lock);
    for (; claim; claim = claim->next) {
        if (claim->job) {
            ++jobs->handed;
            jobs->handed_alone += claim->job->attempts > 0;
        }
    }
    pthread_mutex_unlock(&jobs->lock);
}

apr_status_t flow_claims_make(flow_jobs_t *jobs, flow_store_t *store,
                              flow_error_t *err)
{
    flow_claims_t *c = &jobs->claims;
    int n, drains = flow_clock() < c->drain_until, waiting = 0;
    flow_alone_e alone = FLOW_ALONE_NOT;
    apr_status_t rv = store_ends(jobs, store, err);

    if (rv != APR_SUCCESS || !c->list || (n = busy(jobs)) < 0 ||
        (drains && n > 0)) {
        return rv;
    }
    if (n == 0) {
        alone = drains ? FLOW_ALONE_FIRST : FLOW_ALONE_TOO;
    }
    rv = flow_queue_claims(store, c->list, alone, c->candidates, &waiting, err);
    if (rv == APR_SUCCESS) {
        make_room(c, waiting);
    }
    return rv;
}
