/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_log.h"
#include "jobs/flow_owner.h"
#include "jobs/flow_retry.h"

/*
 * The keeper: one thread per process for what nobody asks for. It extends the
 * leases of our running jobs, brings back jobs whose process has died, looks
 * for jobs that other processes have queued, and deletes what is old.
 */
#define TICK_BUSY    apr_time_from_msec(250) /* work was seen lately */
#define TICK_IDLE    apr_time_from_sec(1)
#define BUSY_FOR     apr_time_from_sec(5)
#define BEAT_EVERY   apr_time_from_sec(10)
#define RESCUE_EVERY apr_time_from_sec(1)
#define PURGE_FIRST  apr_time_from_sec(60)
#define PURGE_EVERY  apr_time_from_sec(300)
#define PURGE_PAUSE  apr_time_from_msec(100)
#define BEATS_MAX    256
/* A process that lives but has let a lease expire may only have been away from
 * the store; leave it the time to come back. */
#define ALIVE_GRACE apr_time_from_sec(120)

typedef struct keeper_t {
    flow_jobs_t *jobs;
    apr_pool_t *p; /* cleared each round */
    apr_time_t now, beat_at, rescue_at, purge_at, busy_until;
} keeper_t;

/* ---- heartbeats ---- */

typedef struct beat_work_t {
    flow_work_t work;
    const char *owner;
    int n;
    const char *ids[BEATS_MAX];
    int lost[BEATS_MAX];
} beat_work_t;

static apr_status_t run_beat(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    beat_work_t *w = (beat_work_t *)work;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        rv = flow_queue_heartbeat(store, w->ids[i], w->owner, &w->lost[i], err);
    }
    return rv;
}

static void tell_lost(flow_jobs_t *jobs, const char *id)
{
    flow_running_t *r;

    apr_thread_mutex_lock(jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        if (strcmp(r->id, id) == 0) {
            __atomic_store_n(&r->lost, 1, __ATOMIC_RELAXED);
            __atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
        }
    }
    apr_thread_mutex_unlock(jobs->lock);
}

static int is_running(flow_jobs_t *jobs, const char *id)
{
    const flow_running_t *r;

    apr_thread_mutex_lock(jobs->lock);
    for (r = jobs->running; r && strcmp(r->id, id) != 0; r = r->next) {
    }
    apr_thread_mutex_unlock(jobs->lock);
    return r != NULL;
}

static void beat(keeper_t *k)
{
    flow_jobs_t *jobs = k->jobs;
    flow_error_t err = FLOW_ERROR_INIT;
    beat_work_t *w = apr_pcalloc(k->p, sizeof(*w));
    const flow_running_t *r;
    int i;

    w->work.run = run_beat;
    w->owner = jobs->owner;
    apr_thread_mutex_lock(jobs->lock);
    for (r = jobs->running; r && w->n < BEATS_MAX; r = r->next) {
        w->ids[w->n++] = apr_pstrdup(k->p, r->id);
    }
    apr_thread_mutex_unlock(jobs->lock);
    if (!w->n || flow_committer_do(jobs->committer, &w->work, -1, NULL, &err) !=
                     APR_SUCCESS) {
        return;
    }
    for (i = 0; i < w->n; ++i) {
        /* One that has ended since then is not lost. */
        if (w->lost[i] && is_running(jobs, w->ids[i])) {
            tell_lost(jobs, w->ids[i]);
        }
    }
}

/* ---- rescue ---- */

typedef struct rescue_work_t {
    flow_work_t work;
    const flow_orphan_t *orphan;
    int buried, lost;
} rescue_work_t;

static apr_status_t run_rescue(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    rescue_work_t *w = (rescue_work_t *)work;

    return flow_queue_rescue(store, w->orphan, &w->buried, &w->lost, err);
}

static int is_orphan(const keeper_t *k, const flow_orphan_t *o)
{
    int is_local = strcmp(k->jobs->settings.driver, "sqlite3") == 0;

    if (!o->owner) {
        return 1;
    }
    if (strcmp(o->owner, k->jobs->owner) == 0) {
        /* Ours but not running here: its end could not be stored. */
        return o->lease_until < k->now && !is_running(k->jobs, o->id);
    }
    switch (flow_owner_state(o->owner, is_local)) {
    case FLOW_OWNER_DEAD:
        return 1;
    case FLOW_OWNER_ALIVE:
        return o->lease_until + ALIVE_GRACE < k->now;
    case FLOW_OWNER_UNKNOWN:
        return o->lease_until < k->now;
    }
    return 0;
}

static int rescue_one(keeper_t *k, const flow_orphan_t *o)
{
    rescue_work_t w = { .work.run = run_rescue, .orphan = o };
    flow_error_t err = FLOW_ERROR_INIT;

    if (flow_committer_do(k->jobs->committer, &w.work, -1, NULL, &err) !=
            APR_SUCCESS ||
        w.lost) {
        return 0;
    }
    if (w.buried) {
        flow_log(FLOW_LOG_ERROR,
                 FLOW_LOGNO(0307) "job %s of flow '%s' is set aside: the "
                                  "process that ran it died %d times",
                 o->id, o->flow_id, o->attempts);
        flow_waiters_tell(k->jobs, o->id);
        return 0;
    }
    flow_log(FLOW_LOG_NOTICE,
             FLOW_LOGNO(0308) "job %s of flow '%s' goes on: the process that "
                              "ran it is gone",
             o->id, o->flow_id);
    return 1;
}

static void rescue(keeper_t *k, flow_store_t *store)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_array_header_t *list;
    int i, n = 0;

    if (flow_queue_running(store, &list, k->p, &err) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < list->nelts; ++i) {
        const flow_orphan_t *o = &APR_ARRAY_IDX(list, i, flow_orphan_t);

        if (is_orphan(k, o)) {
            n += rescue_one(k, o);
        }
    }
    if (n) {
        flow_workers_wake(k->jobs, n);
    }
}

/* ---- looking for work ---- */

static void look(keeper_t *k, flow_store_t *store)
{
    flow_jobs_t *jobs = k->jobs;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_int64_t n = 0;

    if (flow_queue_waiting(store, (apr_int64_t)jobs->settings.queue_limit + 1,
                           &n, k->p, &err) != APR_SUCCESS) {
        return;
    }
    __atomic_store_n(&jobs->waiting, n, __ATOMIC_RELAXED);
    if (n) {
        k->busy_until = k->now + BUSY_FOR;
        flow_workers_wake(jobs, 1);
    }
}

/* ---- retention ---- */

typedef struct purge_work_t {
    flow_work_t work;
    apr_time_t before;
    const char *event_id;
    int more;
    apr_pool_t *p;
} purge_work_t;

static apr_status_t run_purge(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    purge_work_t *w = (purge_work_t *)work;

    apr_pool_clear(w->p);
    return flow_queue_purge(store, w->before, w->event_id, &w->more, w->p, err);
}

static apr_interval_time_t retention(const flow_jobs_t *jobs)
{
    return apr_time_from_sec(86400) *
           (apr_interval_time_t)jobs->settings.retention_days;
}

static void purge(keeper_t *k, flow_store_t *store)
{
    flow_jobs_t *jobs = k->jobs;
    purge_work_t w = { .work.run = run_purge };
    flow_error_t err = FLOW_ERROR_INIT;

    w.before = k->now - retention(jobs);
    if (flow_queue_oldest_event(store, w.before, &w.event_id, k->p, &err) !=
        APR_SUCCESS) {
        return;
    }
    apr_pool_create(&w.p, k->p);
    do {
        if (flow_committer_do(jobs->committer, &w.work, -1, NULL, &err) !=
            APR_SUCCESS) {
            return;
        }
        if (w.more) {
            apr_sleep(PURGE_PAUSE); /* let the others write */
        }
    } while (w.more && !flow_jobs_is_stopping(jobs));
}

/* ---- the thread ---- */

static void round_of(keeper_t *k)
{
    flow_jobs_t *jobs = k->jobs;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store;

    if (k->now >= k->beat_at) {
        k->beat_at = k->now + BEAT_EVERY;
        beat(k);
    }
    if (flow_jobs_reader(jobs, &store, &err) != APR_SUCCESS) {
        return; /* the committer has told the log */
    }
    flow_script_log_flush(jobs);
    if (k->now >= k->rescue_at) {
        k->rescue_at = k->now + RESCUE_EVERY;
        rescue(k, store);
    }
    flow_retry_due(jobs, store, k->p);
    look(k, store);
    if (jobs->settings.retention_days > 0 && k->now >= k->purge_at) {
        k->purge_at = k->now + PURGE_EVERY;
        purge(k, store);
        flow_script_log_trim(jobs, k->now - retention(jobs));
    }
    flow_jobs_reader_done(jobs, store);
}

void *APR_THREAD_FUNC flow_keeper_main(apr_thread_t *thread, void *data)
{
    flow_jobs_t *jobs = data;
    keeper_t k = { .jobs = jobs, .p = flow_store_pool(0) };

    (void)thread;
    k.purge_at = apr_time_now() + PURGE_FIRST;
    apr_thread_mutex_lock(jobs->lock);
    while (k.p && !flow_jobs_is_stopping(jobs)) {
        apr_thread_mutex_unlock(jobs->lock);
        apr_pool_clear(k.p);
        k.now = apr_time_now();
        round_of(&k);
        apr_thread_mutex_lock(jobs->lock);
        if (!flow_jobs_is_stopping(jobs)) {
            apr_thread_cond_timedwait(jobs->tick, jobs->lock,
                                      k.now < k.busy_until ? TICK_BUSY
                                                           : TICK_IDLE);
        }
    }
    jobs->keeper_alive = 0;
    apr_thread_cond_broadcast(jobs->ended);
    apr_thread_mutex_unlock(jobs->lock);
    if (k.p) {
        apr_pool_destroy(k.p);
    }
    return NULL;
}
