/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <stddef.h>

#include <apr_strings.h>
#include <apr_tables.h>

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
 * All of this is the committer's thread.
 */
#define AHEAD_MAX 128
#define PATIENCE  apr_time_from_sec(1)
#define DRAIN_FOR apr_time_from_sec(10)
#define REST_FOR  apr_time_from_sec(30)

/* Memory for claims that have not become jobs. */
static void drop_list(flow_jobs_t *jobs)
{
    flow_held_t *held;

    while ((held = jobs->claims.list) != NULL) {
        jobs->claims.list = held->next;
        flow_held_free(jobs, held);
    }
}

void flow_claims_begin(void *baton)
{
    flow_jobs_t *jobs = baton;
    flow_claims_t *c = &jobs->claims;
    flow_running_t *r;

    if (c->is_open) {
        flow_candidates_forget(c->candidates);
        drop_list(jobs);
    }
    c->is_open = 1;
    c->ends = NULL;
    c->ends_end = &c->ends;
    c->ask = c->quick = c->slow = c->freeing = c->found_all = 0;
    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        r->is_ending = r->is_heir = 0;
    }
    pthread_mutex_unlock(&jobs->lock);
}

void flow_claims_ask(flow_jobs_t *jobs)
{
    jobs->claims.ask = 1;
}

void flow_claims_add_end(flow_jobs_t *jobs, flow_end_t *end)
{
    end->next = NULL;
    *jobs->claims.ends_end = end;
    jobs->claims.ends_end = &end->next;
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

/* Jobs that run here and will when this transaction is over; -1: one of them
 * must be alone. */
static int busy(flow_jobs_t *jobs)
{
    const flow_running_t *r;
    int n, is_alone;

    pthread_mutex_lock(&jobs->lock);
    n = is_alone = 0;
    for (r = jobs->running; r; r = r->next) {
        int runs = !r->is_ending && !r->is_over;

        n += runs;
        is_alone += runs && r->is_alone;
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

/* In the list of running jobs, and behind the one that it is to follow. */
static void enter(flow_jobs_t *jobs, flow_held_t *held)
{
    const flow_claim_t *after = held->claim.after;
    flow_held_t *before;

    flow_held_enter(jobs, held);
    held->running.is_lead = !after;
    if (after) {
        before = (flow_held_t *)((char *)after - offsetof(flow_held_t, claim));
        before->chain = held;
        before->running.after = &held->running;
        held->running.before = &before->running;
    }
}

static void make_ready(flow_jobs_t *jobs, flow_held_t *list, int *pn)
{
    flow_held_t *held;
    int n = 0;

    for (; list; ++n) {
        held = list;
        list = held->next;
        flow_ready_add(jobs, held);
    }
    *pn = n;
}

void flow_claims_done(void *baton)
{
    flow_jobs_t *jobs = baton;
    flow_claims_t *c = &jobs->claims;
    flow_held_t *held, *none = NULL, *leads = NULL, **end = &leads;
    apr_time_t now = flow_clock();
    flow_running_t *r;
    int n = 0, calls;

    c->is_open = 0;
    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        r->is_lead |= r->is_heir;
        r->is_over |= r->is_ending;
    }
    while ((held = c->list) != NULL) {
        c->list = held->next;
        held->next = NULL;
        if (!held->claim.job) {
            held->next = none;
            none = held;
            continue;
        }
        ++n;
        held->since = now;
        enter(jobs, held);
        if (!held->claim.after) {
            *end = held;
            end = &held->next;
        }
    }
    __atomic_fetch_sub(&jobs->waiting, n, __ATOMIC_RELAXED);
    make_ready(jobs, leads, &n);
    if (c->ask) {
        jobs->more = !c->found_all || jobs->rings != c->heard;
    }
    for (calls = n; calls > 0 && calls > n - jobs->idle; --calls) {
        pthread_cond_signal(&jobs->wake);
    }
    if (jobs->more && jobs->idle > jobs->nleads) {
        flow_workers_nudge(jobs); /* free since we counted */
    }
    pthread_mutex_unlock(&jobs->lock);
    c->list = none;
    drop_list(jobs);
}

/* How many jobs could this process take? For those who are free and, as long
 * as jobs take no time, for a while ahead (*pahead of them); but not while a
 * worker waits for another job, which might be among them. What stands behind
 * others of its flow is ahead: nobody else can begin it. */
static int wanted(flow_jobs_t *jobs, int *pahead)
{
    flow_claims_t *c = &jobs->claims;
    int n, served, ahead = 0;

    if (c->slow || c->quick) {
        c->pace -= c->slow ? c->pace : c->pace / 4;
        c->pace = c->quick > c->pace ? c->quick : c->pace;
    }
    if (c->quick) {
        ahead = 2 * c->pace < AHEAD_MAX ? 2 * c->pace : AHEAD_MAX;
    }
    pthread_mutex_lock(&jobs->lock);
    c->heard = jobs->rings;
    if (jobs->extra) {
        ahead = 0;
    }
    n = jobs->idle + c->freeing;
    served = n < jobs->nleads ? n : jobs->nleads;
    ahead -= jobs->nready - served;
    if (!jobs->released || flow_jobs_is_stopping(jobs)) {
        n = served;
        ahead = 0;
    }
    pthread_mutex_unlock(&jobs->lock);
    *pahead = ahead > 0 ? ahead : 0;
    return n - served + *pahead;
}

static apr_status_t make_list(flow_jobs_t *jobs, int n, int ahead,
                              flow_error_t *err)
{
    flow_held_t **at = &jobs->claims.list, *held, *last = NULL;

    for (; n > 0; --n) {
        held = flow_held_new(jobs);
        if (!held) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM,
                                  "no_memory", "out of memory for jobs");
        }
        held->claim.owner = jobs->owner;
        held->claim.knows = flow_job_known;
        held->claim.baton = jobs;
        held->claim.p = held->p;
        held->claim.may_follow = n <= ahead;
        *at = held;
        at = &held->next;
        if (last) {
            last->claim.next = &held->claim;
        }
        last = held;
    }
    return APR_SUCCESS;
}

/* PostgreSQL: a flow that goes on here keeps its place in the index. (SQLite
 * has one writer: whoever claims sees what runs.) */
static apr_status_t store_heirs(flow_jobs_t *jobs, flow_store_t *store,
                                flow_error_t *err)
{
    apr_array_header_t *ids = NULL;
    apr_status_t rv = APR_SUCCESS;
    flow_running_t *r, *heir;
    apr_pool_t *p;
    int i;

    p = flow_store_is_pgsql(store) ? flow_store_pool(0) : NULL;
    if (!p) {
        return APR_SUCCESS;
    }
    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        for (heir = r; heir && (heir->is_ending || heir->is_over);
             heir = heir->after) {
        }
        if (r->is_lead && r->is_ending && heir) {
            ids = ids ? ids : apr_array_make(p, 4, sizeof(const char *));
            APR_ARRAY_PUSH(ids, const char *) = apr_pstrdup(p, heir->id);
            heir->is_heir = 1;
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    for (i = 0; ids && i < ids->nelts && rv == APR_SUCCESS; ++i) {
        rv = flow_queue_heir(store, APR_ARRAY_IDX(ids, i, const char *),
                             jobs->owner, err);
    }
    apr_pool_destroy(p);
    return rv;
}

apr_status_t flow_claims_make(flow_jobs_t *jobs, flow_store_t *store,
                              flow_error_t *err)
{
    flow_claims_t *c = &jobs->claims;
    int n, most, ahead, drains = flow_clock() < c->drain_until, waiting = 0;
    flow_alone_e alone = FLOW_ALONE_NOT;
    const flow_held_t *held;
    apr_status_t rv = store_ends(jobs, store, err);

    if (rv == APR_SUCCESS && (c->quick || c->slow)) {
        rv = store_heirs(jobs, store, err);
    }
    if (rv != APR_SUCCESS || !c->ask || (most = wanted(jobs, &ahead)) <= 0) {
        return rv;
    }
    n = busy(jobs);
    if (n < 0 || (drains && n > 0)) {
        c->found_all = 1; /* until one of them ends */
        return APR_SUCCESS;
    }
    if (n == 0) {
        alone = drains ? FLOW_ALONE_FIRST : FLOW_ALONE_TOO;
    }
    rv = make_list(jobs, most, ahead, err);
    if (rv == APR_SUCCESS) {
        rv = flow_queue_claims(store, &c->list->claim, alone, c->candidates,
                               &waiting, err);
    }
    if (rv == APR_SUCCESS) {
        make_room(c, waiting);
        for (held = c->list; held; held = held->next) {
            c->found_all |= !held->claim.job;
        }
    }
    return rv;
}
