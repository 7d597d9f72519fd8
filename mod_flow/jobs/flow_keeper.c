/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_hash.h>
#include <apr_tables.h>

#include "base/flow_log.h"
#include "jobs/flow_outages.h"
#include "jobs/flow_owner.h"
#include "jobs/flow_retry.h"
#include "jobs/flow_ticker.h"

/*
 * The keeper: one thread per process for what nobody asks for. It extends the
 * leases of our running jobs, brings back jobs whose process has died, looks
 * for jobs that other processes have queued, and deletes what is old.
 */
#define TICK_BUSY     apr_time_from_msec(250) /* work was seen lately */
#define TICK_IDLE     apr_time_from_sec(1)
#define BUSY_FOR      apr_time_from_sec(5)
#define BEAT_EVERY    apr_time_from_sec(10)
#define READY_FOR     apr_time_from_msec(250) /* claimed and not begun */
#define RESCUE_EVERY  apr_time_from_sec(1)
#define OUTAGES_EVERY apr_time_from_sec(1)
#define LEFT_EVERY    apr_time_from_sec(60)
#define PURGE_FIRST   apr_time_from_sec(60)
#define PURGE_EVERY   apr_time_from_sec(300)
#define PURGE_PAUSE   apr_time_from_msec(100)

typedef struct keeper_t {
    flow_jobs_t *jobs;
    apr_pool_t *p; /* cleared each round */
    flow_ticker_t *ticker;
    apr_interval_time_t nap; /* until the next round */
    apr_time_t now, beat_at, rescue_at, purge_at, outages_at, busy_until;
    apr_time_t left_at;
} keeper_t;

/* ---- heartbeats ---- */

typedef struct beat_work_t {
    flow_work_t work;
    const char *owner;
    apr_array_header_t *running; /* here */
    apr_array_header_t *ids;     /* that the store says are ours */
    apr_pool_t *p;
} beat_work_t;

static apr_status_t run_beat(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    beat_work_t *w = (beat_work_t *)work;

    return flow_queue_heartbeat(store, w->owner, w->running, &w->ids, w->p,
                                err);
}

static void tell_lost(flow_jobs_t *jobs, const char *id)
{
    flow_running_t *r;

    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        if (strcmp(r->id, id) == 0) {
            __atomic_store_n(&r->lost, 1, __ATOMIC_RELAXED);
            __atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
}

static int is_running(flow_jobs_t *jobs, const char *id)
{
    const flow_running_t *r;

    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r && strcmp(r->id, id) != 0; r = r->next) {
    }
    pthread_mutex_unlock(&jobs->lock);
    return r != NULL;
}

void flow_keeper_cancel(flow_jobs_t *jobs, const char *id)
{
    flow_running_t *r;

    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        if (strcmp(r->id, id) == 0) {
            __atomic_store_n(&r->cancel, 1, __ATOMIC_RELAXED);
            __atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
}

static void beat(keeper_t *k)
{
    flow_jobs_t *jobs = k->jobs;
    flow_error_t err = FLOW_ERROR_INIT;
    beat_work_t w = { .work.run = run_beat, .owner = jobs->owner, .p = k->p };
    apr_hash_t *mine = apr_hash_make(k->p);
    const flow_running_t *r;
    apr_hash_index_t *at;
    int i;

    w.running = apr_array_make(k->p, 16, sizeof(const char *));
    /* Those that run now, before the store is asked: what is claimed later may
     * be missing in its answer. */
    pthread_mutex_lock(&jobs->lock);
    for (r = jobs->running; r; r = r->next) {
        const char *id = apr_pstrdup(k->p, r->id);

        apr_hash_set(mine, id, APR_HASH_KEY_STRING, id);
        APR_ARRAY_PUSH(w.running, const char *) = id;
    }
    pthread_mutex_unlock(&jobs->lock);
    if (!apr_hash_count(mine) || flow_committer_do(jobs->committer, &w.work, -1,
                                                   NULL, &err) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < w.ids->nelts; ++i) {
        apr_hash_set(mine, APR_ARRAY_IDX(w.ids, i, const char *),
                     APR_HASH_KEY_STRING, NULL);
    }
    for (at = apr_hash_first(k->p, mine); at; at = apr_hash_next(at)) {
        /* One that has ended since then is not lost. */
        if (is_running(jobs, apr_hash_this_key(at))) {
            tell_lost(jobs, apr_hash_this_key(at));
        }
    }
}

/* ---- rescue ---- */

typedef struct rescue_work_t {
    flow_work_t work;
    const flow_orphan_t *orphan;
    int is_death;
    flow_rescue_e what;
} rescue_work_t;

static apr_status_t run_rescue(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    rescue_work_t *w = (rescue_work_t *)work;

    return flow_queue_rescue(store, w->orphan, w->is_death, &w->what, err);
}

static int is_mine(const keeper_t *k, const flow_orphan_t *o)
{
    return o->owner && strcmp(o->owner, k->jobs->owner) == 0;
}

/* No clock takes a job from a process that is seen to be alive: it may only
 * have been away from the store, and what it does would be done twice. */
static int is_orphan(const keeper_t *k, const flow_orphan_t *o,
                     apr_time_t store_time)
{
    int is_local = !flow_store_is_shared(k->jobs->settings.driver);
    int is_over = o->lease_until < store_time;

    if (!o->owner) {
        return 1;
    }
    if (is_mine(k, o)) {
        /* But not running here: its end could not be stored. */
        return is_over && !is_running(k->jobs, o->id);
    }
    switch (flow_owner_state(o->owner, is_local)) {
    case FLOW_OWNER_DEAD:
        return 1;
    case FLOW_OWNER_ALIVE:
        return 0;
    default:
        return is_over;
    }
}

/* 1 = it waits again. */
static int rescue_one(keeper_t *k, const flow_orphan_t *o)
{
    rescue_work_t w = { .work.run = run_rescue,
                        .orphan = o,
                        .is_death = !is_mine(k, o) };
    flow_error_t err = FLOW_ERROR_INIT;

    if (flow_committer_do(k->jobs->committer, &w.work, -1, NULL, &err) !=
        APR_SUCCESS) {
        return 0;
    }
    switch (w.what) {
    case FLOW_BURIED:
        flow_log(FLOW_LOG_ERROR,
                 FLOW_LOGNO(0307) "job %s of flow '%s' is set aside: the "
                                  "process that ran it died %d times",
                 o->id, o->flow_id, o->attempts + 1);
        flow_waiters_tell(k->jobs, o->id);
        return 0;
    case FLOW_CANCELED:
        flow_waiters_tell(k->jobs, o->id);
        return 1; /* the next one of its flow */
    case FLOW_RESCUED:
        flow_log(FLOW_LOG_NOTICE,
                 FLOW_LOGNO(0308) "job %s of flow '%s' goes on: the process "
                                  "that ran it is gone",
                 o->id, o->flow_id);
        return 1;
    default:
        return 0;
    }
}

static void rescue(keeper_t *k, flow_store_t *store)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_time_t store_time = flow_store_clock(store);
    apr_array_header_t *list;
    int i, behind, n = 0;

    if (flow_queue_running(store, &list, k->p, &err) != APR_SUCCESS) {
        return;
    }
    for (behind = 1; behind >= 0; --behind) {
        for (i = 0; i < list->nelts; ++i) {
            const flow_orphan_t *o = &APR_ARRAY_IDX(list, i, flow_orphan_t);

            if (o->is_behind != behind) {
                continue;
            }
            if (o->cancel && is_mine(k, o)) {
                flow_keeper_cancel(k->jobs, o->id);
            }
            if (is_orphan(k, o, store_time)) {
                n += rescue_one(k, o);
            }
        }
    }
    if (n) {
        flow_workers_wake(k->jobs);
    }
}

/* ---- looking for work ---- */

/* Is there any? How many there are is counted by the committer. */
static void look(keeper_t *k, flow_store_t *store)
{
    flow_jobs_t *jobs = k->jobs;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_int64_t n = 0;

    if (!jobs->settings.workers ||
        flow_queue_waiting(store, 1, &n, k->p, &err) != APR_SUCCESS) {
        return;
    }
    if (n) {
        k->busy_until = k->now + BUSY_FOR;
        flow_workers_wake(jobs);
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

    w.before = apr_time_now() - retention(jobs);
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

    k->nap = k->now < k->busy_until ? TICK_BUSY : TICK_IDLE;
    if (k->now >= k->beat_at) {
        k->beat_at = k->now + BEAT_EVERY;
        beat(k);
    }
    if (flow_jobs_reader(jobs, &store, &err) != APR_SUCCESS) {
        return; /* the committer has told the log */
    }
    flow_script_log_flush(jobs);
    if (flow_ready_any(jobs)) {
        k->busy_until = k->now + BUSY_FOR;
        flow_ready_return(jobs, READY_FOR);
    }
    if (k->now >= k->rescue_at) {
        k->rescue_at = k->now + RESCUE_EVERY;
        rescue(k, store);
    }
    if (jobs->breaker && k->now >= k->outages_at) {
        k->outages_at = k->now + OUTAGES_EVERY;
        flow_outages_tell(store, jobs->breaker, k->p, &err);
    }
    flow_retry_due(jobs, store, k->p);
    if (k->now >= k->left_at) {
        k->left_at = k->now + LEFT_EVERY;
        flow_retry_left(jobs, store, apr_time_now() - FLOW_RETRY_SILENCE, k->p);
    }
    look(k, store);
    k->nap = flow_ticker_run(k->ticker, store, k->nap, k->p);
    flow_workers_test(jobs);
    if (jobs->settings.retention_days > 0 && k->now >= k->purge_at) {
        k->purge_at = k->now + PURGE_EVERY;
        purge(k, store);
        flow_script_log_trim(jobs, apr_time_now() - retention(jobs));
    }
    flow_jobs_reader_done(jobs, store);
}

void *APR_THREAD_FUNC flow_keeper_main(apr_thread_t *thread, void *data)
{
    flow_jobs_t *jobs = data;
    keeper_t k = { .jobs = jobs, .p = flow_store_pool(0) };
    apr_pool_t *lasting = flow_store_pool(0);

    (void)thread;
    k.purge_at = flow_clock() + PURGE_FIRST;
    k.ticker = lasting ? flow_ticker_make(jobs, lasting) : NULL;
    pthread_mutex_lock(&jobs->lock);
    while (k.p && k.ticker && !flow_jobs_is_stopping(jobs)) {
        pthread_mutex_unlock(&jobs->lock);
        apr_pool_clear(k.p);
        k.now = flow_clock();
        round_of(&k);
        pthread_mutex_lock(&jobs->lock);
        if (!flow_jobs_is_stopping(jobs)) {
            flow_clock_cond_wait(&jobs->tick, &jobs->lock, k.now + k.nap);
        }
    }
    jobs->keeper_alive = 0;
    pthread_cond_broadcast(&jobs->ended);
    pthread_mutex_unlock(&jobs->lock);
    if (k.p) {
        apr_pool_destroy(k.p);
    }
    if (lasting) {
        apr_pool_destroy(lasting);
    }
    return NULL;
}
