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

/** A job of this process, in the list from the commit of its claim to that of
 * its end. */
typedef struct flow_running_t flow_running_t;
struct flow_running_t {
    const char *id, *flow_id;
    int is_alone;  /* its process has died before: nobody runs beside it */
    int is_ending; /* its end is being stored; the committer's */
    int is_over;   /* it has been, and nobody has been told yet */
    volatile apr_uint32_t stop;   /* what flow_run() looks at */
    volatile apr_uint32_t abort;  /* give up even what you are waiting for */
    volatile apr_uint32_t lost;   /* the lease is another process's now */
    volatile apr_uint32_t cancel; /* somebody wants it to end */
    flow_running_t *next, *prev;
    /* Jobs of one flow that were claimed together, in their order. */
    flow_running_t *before, *after;
    int is_heir, is_lead; /* the committer's: it is at place 0, or will be */
};

/** A claimed job and the memory that it lives in. */
typedef struct flow_held_t flow_held_t;
struct flow_held_t {
    flow_claim_t claim; /* claim.job is it */
    flow_running_t running;
    apr_pool_t *p;      /* for one thread at a time */
    apr_time_t since;   /* when it was claimed */
    int is_taken;       /* a worker runs it */
    void *x;            /* its execution, flow_job_run.c */
    flow_held_t *chain; /* the next one of its flow, to run after it */
    flow_held_t *next;  /* in one of the lists below */
};

/** The claims of one transaction, made together at its end; and how this
 * process makes room for jobs that must run alone. */
typedef struct flow_claims_t {
    flow_held_t *list;
    int ask;     /* somebody has seen work, or room for it */
    int quick;   /* jobs that end in this transaction and took no time */
    int slow;    /* ... and that took some */
    int pace;    /* of quick ones, lately */
    int freeing; /* workers that wait for this transaction and then are free */
    int found_all;                /* looking again would find no more */
    unsigned heard;               /* the rings before that */
    flow_end_t *ends, **ends_end; /* stored together as well */
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
    flow_held_t *ready, *ready_end; /* claimed, for the next free worker */
    int nready;                     /* with their chains */
    int nleads;                     /* without: anybody may begin them */
    flow_held_t *undone;        /* have run, but their ends were not stored */
    flow_held_t *spare, *dirty; /* memory for the next ones */
    int nspare;
    int pending;    /* ends on their way to the store, nobody waiting */
    unsigned rings; /* how often somebody has seen work */
    int more;       /* there may be jobs to be claimed */
    int nudged;     /* the committer has been asked to look */
    flow_work_t nudge;
    int idle;  /* workers asleep */
    int alive; /* workers and helpers that have not ended */
    int extra; /* of those: helpers */
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
/** Have the transaction end with claims, if workers are free. */
void flow_claims_ask(flow_jobs_t *jobs);
/** Have the transaction store this end with others. */
void flow_claims_add_end(flow_jobs_t *jobs, flow_end_t *end);
apr_status_t flow_claims_make(flow_jobs_t *jobs, flow_store_t *store,
                              flow_error_t *err);
void flow_claims_done(void *baton);

/* flow_worker.c */
apr_status_t flow_workers_start(flow_jobs_t *jobs, flow_error_t *err);
/** There is work: have it claimed, if somebody is free. */
void flow_workers_wake(flow_jobs_t *jobs);
/** Have the committer look. Under the lock, which is given up meanwhile. */
void flow_workers_nudge(flow_jobs_t *jobs);
/** Those that have not ended may not even finish what they wait for. */
void flow_workers_abort(flow_jobs_t *jobs);
/** Could a job of this flow start now, as far as this process knows? For the
 * committer. 0: a run is going on, the end of which will ask for claims, or no
 * worker is free, and the next one to be has somebody look. */
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
/** Run a claimed job to its end. That end is stored then, or on its way to the
 * store, and the job no longer the caller's. Returns the next one of its chain,
 * or NULL. */
flow_held_t *flow_job_run(flow_jobs_t *jobs, flow_held_t *held);
/** One of jobs->undone: try again to have its end stored, and wait for it. */
void flow_job_end_again(flow_jobs_t *jobs, flow_held_t *held);

/* flow_ready.c: jobs that have been claimed, and their memory. */
/** Empty; NULL: out of memory. */
flow_held_t *flow_held_new(flow_jobs_t *jobs);
/** It may hold a job, which is then no longer ours. */
void flow_held_free(flow_jobs_t *jobs, flow_held_t *held);
/** Make up for what flow_held_free() did not take the time for. */
void flow_held_clean(flow_jobs_t *jobs);
void flow_held_destroy_all(flow_jobs_t *jobs);
/** In the list of running jobs, and out of it. Under the lock. */
void flow_held_enter(flow_jobs_t *jobs, flow_held_t *held);
void flow_held_leave(flow_jobs_t *jobs, flow_held_t *held);
/** For the next free worker. Under the lock. */
void flow_ready_add(flow_jobs_t *jobs, flow_held_t *held);
flow_held_t *flow_ready_take(flow_jobs_t *jobs);
/** What comes after it, if that has not been handed back. Under the lock. */
flow_held_t *flow_ready_chain(flow_jobs_t *jobs, flow_held_t *held);
/** Are there any? */
int flow_ready_any(flow_jobs_t *jobs);
/** Queue again what was claimed @a age ago and that nobody has begun. */
void flow_ready_return(flow_jobs_t *jobs, apr_interval_time_t age);
/** All, when the process ends; 0: the disk hangs, and is not waited for. */
int flow_ready_return_all(flow_jobs_t *jobs, apr_interval_time_t patience);

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
