/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_JOBS_H
#define FLOW_JOBS_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "base/flow_stats.h"
#include "data/flow_tree.h"
#include "flow/flow_run.h"

/**
 * The durable side: events and jobs in a store, worker threads that run them.
 *
 * Promise: when flow_jobs_accept() or queue() returned success, the event or
 * job is committed (SQLite: WAL, synced) and will be run at least
 * once to its end, by this process or another one that shares the store. A job
 * may run more than once (a process can die after the work and before the
 * commit that says so); it resumes after the last page that was committed.
 *
 * Processes: any number of children (and flowctl) may use one store. Threads:
 * every function may be called from any thread unless it says otherwise. One
 * thread of a process writes (flow_committer.h says why); handles for reading
 * are lent to who needs one.
 */
typedef struct flow_jobs_t flow_jobs_t;

typedef struct flow_jobs_settings_t {
    const char *driver;  /* "sqlite3" or "pgsql" */
    const char *params;  /* the file; how to connect */
    int workers;         /* threads in this process; 0 = only accept */
    int queue_limit;     /* waiting jobs beyond which new ones get 503 */
    int retention_days;  /* finished jobs, errors, events */
    flow_stats_t *stats; /* shared counters, or NULL */
    /** Keys for what is stored encrypted; must outlive the jobs. NULL: got
     * credentials are not stored. */
    const struct flow_seal_t *seal;
    /** apr uid/gid that children run as, for files made by root; -1 = leave */
    int uid, gid;
    /** Some thread has not come to its end although everything was done to
     * stop it, and it may use what pchild's cleanups are about to free: leave
     * the process without them. NULL: the caller does not mind. */
    void (*not_ended)(void);
} flow_jobs_settings_t;

/** In the parent, before children exist: create or migrate the store, make it
 * readable by the children, and close it again. Messages name the file. */
apr_status_t flow_jobs_prepare(const flow_jobs_settings_t *settings,
                               apr_pool_t *p, flow_error_t *err);

/**
 * In a child: open the store, start the committer and the workers. A store
 * that cannot be opened is not fatal: it is tried again, calls meanwhile fail
 * FLOW_E_UNAVAILABLE "store_unavailable". @a env must outlive the jobs; set
 * env->jobs to flow_jobs_iface() afterwards, before workers are released by
 * flow_jobs_release(). Stopped by a pre-cleanup of @a pchild: workers finish
 * their page, hand the job back, are joined (at most a few seconds each).
 * See also flow_jobs_settings_t.not_ended.
 */
apr_status_t flow_jobs_start(flow_jobs_t **pjobs,
                             const flow_jobs_settings_t *settings,
                             const flow_env_t *env, apr_pool_t *pchild,
                             flow_error_t *err);
void flow_jobs_release(flow_jobs_t *jobs);
/** child_stopping: set the flag, wake everyone, do nothing else. */
void flow_jobs_stopping(flow_jobs_t *jobs);
const flow_jobs_iface_t *flow_jobs_iface(flow_jobs_t *jobs);
/** For env->breaker, likewise. */
struct flow_breaker_t *flow_jobs_breaker(flow_jobs_t *jobs);
/** For env->state, likewise. */
const flow_state_iface_t *flow_jobs_state(flow_jobs_t *jobs);
/** For env->grants; NULL without settings.seal. */
const flow_grant_iface_t *flow_jobs_grants(flow_jobs_t *jobs);

/**
 * Store a webhook event and one job for each enabled flow that starts with
 * @a exp. Returns after the commit; many callers share one. An event that has
 * been stored before (flow_webhook_event_id()) is a success, too, with that
 * one's id, and nothing is stored. FLOW_E_UNAVAILABLE:
 * "queue_full" (Retry-After), "store_unavailable", "store_full" (disk).
 * APR_NOTFOUND: no enabled flow starts with this listener; nothing stored.
 */
apr_status_t flow_jobs_accept(flow_jobs_t *jobs, const flow_export_t *exp,
                              const flow_request_t *req, const char **pevent_id,
                              apr_pool_t *p, flow_error_t *err);

/** Cancel a job. *pstatus: "canceled" (it waited), "canceling" (its process
 * stops it after the record or page at hand, within a second or so), or what
 * it had ended as before. APR_NOTFOUND. */
apr_status_t flow_jobs_cancel(flow_jobs_t *jobs, const char *id,
                              const char **pstatus, apr_pool_t *p,
                              flow_error_t *err);

/** The job document (Celigo's fields) as new json, or APR_NOTFOUND. */
apr_status_t flow_jobs_get(flow_jobs_t *jobs, const char *id, json_t **pjob,
                           apr_pool_t *p, flow_error_t *err);

/** For status pages: numbers of jobs by status. Cheap enough for a page. */
typedef struct flow_queue_depth_t {
    apr_int64_t queued, running, failed, completed, canceled;
    apr_time_t oldest_queued; /* 0 = none */
} flow_queue_depth_t;
apr_status_t flow_jobs_depth(flow_jobs_t *jobs, flow_queue_depth_t *depth,
                             apr_pool_t *p, flow_error_t *err);

#endif
