/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <stdlib.h>

#include "base/flow_log.h"

/*
 * The end of a process: who is waited for, for how long, and what happens when
 * a thread does not come.
 */
apr_interval_time_t flow_jobs_patience = apr_time_from_sec(10);

#define JOIN_PATIENCE  flow_jobs_patience
#define ABORT_PATIENCE (flow_jobs_patience / 2)

static int join_keeper(flow_jobs_t *jobs, apr_interval_time_t patience)
{
    apr_time_t until = flow_clock() + patience;
    apr_status_t rv;
    int alive;

    if (!jobs->keeper) {
        return 1;
    }
    pthread_mutex_lock(&jobs->lock);
    while (jobs->keeper_alive && flow_clock() < until) {
        flow_clock_cond_wait(&jobs->ended, &jobs->lock, until);
    }
    alive = jobs->keeper_alive;
    pthread_mutex_unlock(&jobs->lock);
    if (!alive) {
        apr_thread_join(&rv, jobs->keeper);
    }
    return !alive;
}

typedef struct leave_work_t {
    flow_work_t work;
    const char *owner;
} leave_work_t;

static apr_status_t run_leave(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    return flow_queue_leave(store, ((leave_work_t *)work)->owner, err);
}

static void release_leave(flow_work_t *work)
{
    free(work);
}

/* What the server's parent does to a child that is slow to end is no crash. */
static void leave(flow_jobs_t *jobs)
{
    leave_work_t *w = calloc(1, sizeof(*w));
    flow_error_t err = FLOW_ERROR_INIT;
    int is_abandoned = 0;

    if (!w) {
        return;
    }
    w->work.run = run_leave;
    w->work.release = release_leave;
    w->owner = jobs->owner;
    flow_committer_do(jobs->committer, &w->work, apr_time_from_sec(1),
                      &is_abandoned, &err);
    if (!is_abandoned) {
        free(w);
    }
}

static int join_workers(flow_jobs_t *jobs)
{
    if (flow_workers_join(jobs, 0)) {
        return 1;
    }
    leave(jobs);
    if (flow_workers_join(jobs, JOIN_PATIENCE)) {
        return 1;
    }
    /* Whatever they wait for: their pages are done again elsewhere. */
    flow_workers_abort(jobs);
    if (flow_workers_join(jobs, ABORT_PATIENCE)) {
        return 1;
    }
    flow_log(FLOW_LOG_WARNING,
             FLOW_LOGNO(0309) "%d workers have not come to the end of their "
                              "page; another process goes on with their jobs",
             jobs->alive);
    return 0;
}

/*
 * The workers first, because they still need the committer; the committer
 * last. A thread that does not come to its end keeps the memory it stands on:
 * the process is about to end, and what it was doing is taken up by another
 * one when its owner is gone.
 */
apr_status_t flow_jobs_stop(void *data)
{
    flow_jobs_t *jobs = data;
    int all;

    flow_jobs_stopping(jobs);
    all = join_workers(jobs);
    all &= join_keeper(jobs, JOIN_PATIENCE);
    if (jobs->committer && flow_committer_is_up(jobs->committer)) {
        /* claimed after the last worker left */
        if (flow_ready_return_all(jobs, JOIN_PATIENCE)) {
            flow_script_log_flush(jobs);
        }
    }
    if (jobs->committer &&
        flow_committer_stop(jobs->committer, JOIN_PATIENCE) != APR_SUCCESS) {
        flow_log(FLOW_LOG_WARNING,
                 FLOW_LOGNO(0310) "the store '%s' has not answered for %d s "
                                  "while stopping",
                 jobs->name, (int)apr_time_sec(JOIN_PATIENCE));
        all = 0;
    }
    if (jobs->settings.stats) {
        flow_stats_add32(&jobs->settings.stats->workers,
                         -jobs->settings.workers);
    }
    if (all) {
        while (jobs->nreaders) {
            flow_store_close(jobs->readers[--jobs->nreaders]);
        }
        flow_held_destroy_all(jobs);
        apr_pool_destroy(jobs->p);
    }
    else if (jobs->settings.not_ended) {
        jobs->settings.not_ended();
    }
    return APR_SUCCESS;
}
