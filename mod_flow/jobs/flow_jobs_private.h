/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_JOBS_PRIVATE_H
#define FLOW_JOBS_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include <apr_thread_pool.h>
#include <apr_thread_proc.h>

#include "base/flow_clock.h"
#include "flow/flow_breaker.h"
#include "jobs/flow_committer.h"
#include "jobs/flow_grant_store.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_jobs.h"
#include "jobs/flow_queue.h"
#include "jobs/flow_state_store.h"

/**
 * What the files behind flow_jobs.h share. docs/internals-jobs.md tells the
 * whole story; in short:
 *
 *   flow_jobs.c    start, stop, accept, queue; read handles
 *   flow_stop_jobs.c  the end of all threads
 *   flow_cancel.c  cancel a job
 *   flow_wait.c    queue a run and wait for its end
 *   flow_worker.c  threads that claim jobs, and their sleep
 *   flow_claim.c   the claims of a transaction, made together
 *   flow_job_run.c one job, from claimed to ended
 *   flow_keeper.c  heartbeats, rescue, polling, retention
 *   flow_state_store.h  what scripts keep, and what they log
 */
#define FLOW_IDLE_READERS 16

typedef apr_status_t flow_runner_fn(const flow_env_t *env, flow_run_t *run,
                                    const flow_run_sink_t *sink, apr_pool_t *p,
                                    flow_error_t *err);

/** A job that this process is running; on its thread's stack, in the list
 * while it runs. */
typedef struct flow_running_t flow_running_t;
struct flow_running_t {
    const char *id, *flow_id;
    int is_alone;  /* its process has died before: nobody runs beside it */
    int is_ending; /* its end is being stored; the committer's */
    volatile apr_uint32_t stop;   /* what flow_run() looks at */
    volatile apr_uint32_t abort;  /* give up even what you are waiting for */
    volatile apr_uint32_t lost;   /* the lease is another process's now */
    volatile apr_uint32_t cancel; /* somebody wants it to end */
    flow_running_t *next;
};

/** The claims of one transaction, made together at its end; and how this
 * process makes room for jobs that must run alone. */
typedef struct flow_claims_t {
    flow_claim_t *list;
    flow_end_t *ends; /* stored together as well */
    flow_candidates_t *candidates;
    int is_open; /* a transaction has begun and not been committed */
    apr_time_t waiting_since; /* a job that must run alone; 0 = none */
    apr_time_t drain_until, rest_until;
} flow_claims_t;

/** Somebody who waits for the end of a job. */
typedef struct flow_waiter_t flow_waiter_t;
struct flow_waiter_t {
    const char *job_id;
    sem_t ended;
    flow_waiter_t *next;
};

typedef struct flow_locks_t flow_locks_t; /* flow_locks.h */

struct flow_jobs_t {
    apr_pool_t *p; /* hangs on nothing: outlives a thread that does not end */
    flow_jobs_settings_t settings;
    const char *name; /* the store's, for messages */
    const flow_env_t *env;
    flow_jobs_iface_t iface;
    flow_outages_iface_t outages;
    flow_breaker_t *breaker;
    volatile apr_uint32_t testing; /* a thread tests what is offline */
    flow_state_iface_t state;
    flow_grant_iface_t grants;
    flow_script_log_t *log;
    flow_locks_t *locks;
    flow_runner_fn *run; /* flow_run(); tests put their own */
    const char *owner;
    flow_ids_t ids;
    flow_committer_t *committer;
    apr_thread_pool_t *threads;
    apr_thread_t *keeper;
    volatile apr_uint32_t stopping;
    apr_int64_t waiting;  /* jobs queued, by the last count; atomic */
    apr_time_t count_at;  /* the committer's: when to count again */
    flow_claims_t claims; /* the committer's */

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t wake;  /* idle workers */
    pthread_cond_t tick;  /* the keeper, and who waits for the store */
    pthread_cond_t ended; /* a thread has come to its end */
    int released;
    int handed;       /* jobs claimed that are not in the list yet */
    int handed_alone; /* of those: that must run alone */
    unsigned rings;   /* how often workers have been called */
    int idle;         /* workers asleep */
    int calls;        /* of those: already called */
    int alive;        /* workers and helpers that have not ended */
    int extra;        /* of those: helpers */
    int keeper_alive;
    flow_running_t *running;
    flow_waiter_t *waiters;
    flow_store_t *readers[FLOW_IDLE_READERS]; /* idle read handles */
    int nreaders;
};

/** A handle for reading, for the calling thread; give it back at once. */
apr_status_t flow_jobs_reader(flow_jobs_t *jobs, flow_store_t **pstore,
                              flow_error_t *err);
void flow_jobs_reader_done(flow_jobs_t *jobs, flow_store_t *store);

int flow_jobs_is_stopping(const flow_jobs_t *jobs);

/** flow_committer_do() without limit, again and again while the store is away
 * and nobody stops us. */
apr_status_t flow_jobs_do(flow_jobs_t *jobs, flow_work_t *work,
                          flow_error_t *err);

/** Store a job with the id @a id. @a wait: somebody waits for its result. */
apr_status_t flow_jobs_queue(flow_jobs_t *jobs, const flow_flow_t *flow,
                             const json_t *request, const char *id, int wait,
                             apr_pool_t *p, flow_error_t *err);

/* flow_stop_jobs.c: pchild's pre-cleanup; @a data is the flow_jobs_t. */
apr_status_t flow_jobs_stop(void *data);
extern apr_interval_time_t flow_jobs_patience; /* tests hurry */

/* flow_claim.c: for the committer. */
void flow_claims_begin(void *baton);
/** Have the transaction end with this claim. */
void flow_claims_add(flow_jobs_t *jobs, flow_claim_t *claim);
/** Have the transaction store this end with others. */
void flow_claims_add_end(flow_jobs_t *jobs, flow_end_t *end);
apr_status_t flow_claims_make(flow_jobs_t *jobs, flow_store_t *store,
                              flow_error_t *err);
void flow_claims_done(void *baton);
/** The claimed job is in the list of running ones now. Under the lock. */
void flow_claims_entered(flow_jobs_t *jobs, const flow_job_t *job);

/* flow_worker.c */
apr_status_t flow_workers_start(flow_jobs_t *jobs, flow_error_t *err);
/** Call up to @a n sleeping workers. */
void flow_workers_wake(flow_jobs_t *jobs, int n);
/** Those that have not ended may not even finish what they wait for. */
void flow_workers_abort(flow_jobs_t *jobs);
/** Could a job of this flow start now, as far as this process knows? */
int flow_workers_could_start(flow_jobs_t *jobs, const char *flow_id);
/** May this process run it? For flow_claim_t. */
int flow_job_known(void *baton, const char *flow_id, const char *export_id);
/** Is the calling thread running a job of ours? */
int flow_worker_is_current(void);
/** A thread more for this one job, because the caller is going to wait for
 * it and occupies a worker meanwhile. */
void flow_worker_help(flow_jobs_t *jobs, const char *job_id);
/** A thread that tests what is offline, if one is due. */
void flow_workers_test(flow_jobs_t *jobs);
/** Wait until all have ended; 0 = some have not. */
int flow_workers_join(flow_jobs_t *jobs, apr_interval_time_t patience);

/* flow_job_run.c */
/** Run a claimed job to its end and store that end, in one transaction with
 * the claim of the next one when @a next_p is not NULL; returns that one (in
 * @a next_p) or NULL. */
flow_job_t *flow_job_run(flow_jobs_t *jobs, flow_job_t *job, apr_pool_t *p,
                         apr_pool_t *next_p);

/* flow_wait.c */
void flow_waiters_tell(flow_jobs_t *jobs, const char *job_id);
apr_status_t flow_jobs_run_wait(void *baton, const flow_flow_t *flow,
                                const json_t *request, apr_time_t until,
                                json_t **presult, apr_pool_t *p,
                                flow_error_t *err);

/* flow_keeper.c */
/** Tell a run of this process. */
void flow_keeper_cancel(flow_jobs_t *jobs, const char *job_id);
void *APR_THREAD_FUNC flow_keeper_main(apr_thread_t *thread, void *data);

#endif
