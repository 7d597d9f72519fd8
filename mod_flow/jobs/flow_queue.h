/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_QUEUE_H
#define FLOW_QUEUE_H

#include <apr_pools.h>
#include <apr_time.h>
#include <jansson.h>

#include "base/flow_error.h"
#include "flow/flow_run.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_store.h"

/**
 * Events and jobs as rows. Functions marked [write] run inside a transaction
 * of their caller, which is the committer's; the others only read.
 *
 * Every change of a job's state is a compare-and-set from the state that it is
 * expected to be in; completed, failed and canceled never change again. A flow
 * has at most one process that runs its jobs (a unique index says so), and that
 * runs them one after the other.
 */
#define FLOW_LEASE apr_time_from_sec(30)
/** Deaths of its process, without a page in between, after which a job is set
 * aside: with the process to itself, and in whatever company. */
#define FLOW_JOB_DEATHS      3
#define FLOW_JOB_DEATHS_MOST 10
#define FLOW_CANCELED_TEXT   "canceled on request"
#define FLOW_RESULT_MAX      (5 * 1024 * 1024)
#define FLOW_PRIORITY_EVENT  0
#define FLOW_PRIORITY_WAIT   10 /* somebody is waiting for it */

/** What is stored of a new job. */
typedef struct flow_new_job_t {
    const char *id, *flow_id;
    const char *export_id, *event_id; /* NULL unless an event started it */
    const char *request;              /* JSON text or NULL */
    apr_int64_t priority;
    apr_int64_t collect; /* keep the final records */
} flow_new_job_t;

/** [write] */
apr_status_t flow_queue_event(flow_store_t *store, const char *id,
                              const char *export_id, apr_time_t received,
                              const char *request, flow_error_t *err);
/** [write] */
apr_status_t flow_queue_job(flow_store_t *store, const flow_new_job_t *job,
                            apr_time_t now, flow_error_t *err);

/** A job that this process runs. */
typedef struct flow_job_t {
    const char *id, *type, *flow_id, *export_id, *event_id;
    int collect;
    int attempts; /* deaths, see flow_queue_rescue() */
    apr_time_t created, started;
    flow_counters_t counters;
    const char *checkpoint; /* JSON text, or NULL: from the start */
    const char *event;      /* the event's request as JSON text, or NULL */
    const char *request;    /* JSON text, or NULL */
} flow_job_t;

typedef struct flow_claim_t flow_claim_t;
struct flow_claim_t {
    const char *owner;
    /** May this process run the flow? Others stay queued. */
    int (*knows)(void *baton, const char *flow_id, const char *export_id);
    void *baton;
    const char *only;    /* this job or none; NULL = any */
    flow_job_t *job;     /* out: NULL when there is nothing to do */
    int more;            /* out: another one could be claimed */
    apr_pool_t *p;       /* receives the job */
    int may_follow;      /* it may be of a flow that another claim has got */
    flow_claim_t *after; /* out: then the job is to run after that one's */
    flow_claim_t *next;  /* for flow_queue_claims() */
};

/** What jobs that must run alone (their process has died) may do. */
typedef enum {
    FLOW_ALONE_NOT,  /* stay where they are: others are running here */
    FLOW_ALONE_TOO,  /* be claimed, when it is their turn */
    FLOW_ALONE_FIRST /* be claimed before all others */
} flow_alone_e;

/** Jobs seen while looking for one, to be claimed next; one thread's. */
typedef struct flow_candidates_t flow_candidates_t;
flow_candidates_t *flow_candidates_create(apr_pool_t *p);
/** The transaction that claimed some of them has come to nothing. */
void flow_candidates_forget(flow_candidates_t *c);

/**
 * [write] For each claim of the list (none of them with `only`) the next job in
 * the order priority, age, whose flow has none running. A job that must run
 * alone gets nobody else claimed beside it. *pwaiting: there are such jobs, and
 * they were left. Found or not, it is a success.
 */
apr_status_t flow_queue_claims(flow_store_t *store, flow_claim_t *list,
                               flow_alone_e alone, flow_candidates_t *c,
                               int *pwaiting, flow_error_t *err);
/** [write] Of the jobs of a flow that were claimed together the first ones have
 * ended, and this one is the next. */
apr_status_t flow_queue_heir(flow_store_t *store, const char *id,
                             const char *owner, flow_error_t *err);
/** [write] For one, which may have `only`; whoever must run alone is claimed
 * like any other. */
apr_status_t flow_queue_claim(flow_store_t *store, flow_claim_t *claim,
                              apr_pool_t *p, flow_error_t *err);

/** How a job stands, to be written. */
typedef struct flow_progress_t {
    const char *job_id, *flow_id, *owner;
    flow_counters_t counters;
    const char *checkpoint;      /* JSON text or NULL */
    const flow_errors_t *errors; /* or NULL */
    const char *source; /* of a failure: what broke it, as errors say it */
} flow_progress_t;

/** [write] A page is done. *plost: it is not ours any more; nothing stored. */
apr_status_t flow_queue_page(flow_store_t *store, const flow_progress_t *at,
                             int *plost, flow_error_t *err);
/** [write] The end: @a status is "completed", "failed" or "canceled"; code
 * and message of a failure and @a result (JSON text) may be NULL. */
apr_status_t flow_queue_end(flow_store_t *store, const flow_progress_t *at,
                            const char *status, const char *code,
                            const char *message, const char *result, int *plost,
                            flow_error_t *err);
/** Of one owner, many at once, none of which brings errors or a result
 * (flow_queue_end_is_plain()). For a store that is_bulk(). */
typedef struct flow_end_t flow_end_t;
struct flow_end_t {
    const flow_progress_t *at;
    const char *status, *code, *message;
    int lost; /* out */
    apr_int64_t done;
    flow_end_t *next;
};
int flow_queue_end_is_plain(const flow_progress_t *at, const char *result);
/** [write] @a p: for less than the transaction. */
apr_status_t flow_queue_ends(flow_store_t *store, flow_end_t *list,
                             apr_pool_t *p, flow_error_t *err);
/** SET of a job that no longer runs and has not ended: it waits again, unless
 * somebody has asked it to stop. Two arguments: now, FLOW_CANCELED_TEXT. */
#define FLOW_BACK_TO_QUEUE                                                     \
    " owner = NULL, lease_until = 0, leaving = 0, place = 0,"                  \
    " status = CASE WHEN cancel = 1 THEN 'canceled' ELSE 'queued' END,"        \
    " error_code = CASE WHEN cancel = 1 THEN 'canceled' END,"                  \
    " ended = CASE WHEN cancel = 1 THEN %lld ELSE 0 END,"                      \
    " error_message = CASE WHEN cancel = 1 THEN %s END"
/** [write] Hand it back: queued again, to go on where it stands. */
apr_status_t flow_queue_return(flow_store_t *store, const flow_progress_t *at,
                               int *plost, flow_error_t *err);
/** [write] Errors of a page that is not done are too many for memory. When
 * the page is done they stay, else the next claim deletes them. @a range: the
 * ids of all so far, "FIRST LAST". */
apr_status_t flow_queue_spill(flow_store_t *store, const flow_progress_t *at,
                              const char *range, int *plost, flow_error_t *err);
/** [write] The owner is still at these jobs (array of const char *). *pids
 * (likewise) are those that are its own. What the store says is its own and it
 * does not run (a COMMIT that broke off had been one, an end could not be
 * stored) must lose its lease, or the flow would wait for ever. */
apr_status_t flow_queue_heartbeat(flow_store_t *store, const char *owner,
                                  const apr_array_header_t *ids,
                                  apr_array_header_t **pids, apr_pool_t *p,
                                  flow_error_t *err);
/** [write] The owner is about to end, as it should: whatever becomes of its
 * jobs, it is not their fault. */
apr_status_t flow_queue_leave(flow_store_t *store, const char *owner,
                              flow_error_t *err);

/**
 * [write] Cancel: a waiting job is canceled at once, a running one is asked to
 * stop ("canceling"; its process sees it within a second). *pstatus is what
 * the job is now; that of one that has ended is left as it is. APR_NOTFOUND.
 */
apr_status_t flow_queue_cancel(flow_store_t *store, const char *id,
                               const char **pstatus, apr_pool_t *p,
                               flow_error_t *err);

/** A running job that may have lost its process. */
typedef struct flow_orphan_t {
    const char *id, *flow_id, *owner;
    apr_time_t lease_until; /* by flow_store_clock() */
    int attempts, alone, cancel, leaving;
    int is_behind; /* others of its flow were to run before it */
} flow_orphan_t;

/** Array of flow_orphan_t: all running jobs, the oldest leases first. */
apr_status_t flow_queue_running(flow_store_t *store, apr_array_header_t **plist,
                                apr_pool_t *p, flow_error_t *err);
typedef enum {
    FLOW_RESCUED,  /* queued again */
    FLOW_BURIED,   /* set aside: it has been through this too often */
    FLOW_CANCELED, /* somebody wanted that anyway */
    FLOW_NO_ORPHAN /* it has changed meanwhile */
} flow_rescue_e;

/** [write] @a is_death: its process has died; counted, unless it was leaving or
 * the job had not begun. Those behind others go first, or it cannot be told. */
apr_status_t flow_queue_rescue(flow_store_t *store, const flow_orphan_t *orphan,
                               int is_death, flow_rescue_e *pwhat,
                               flow_error_t *err);

struct flow_queue_depth_t;
/** Numbers of jobs by status, from indexes alone. */
apr_status_t flow_queue_depth(flow_store_t *store,
                              struct flow_queue_depth_t *depth, apr_pool_t *p,
                              flow_error_t *err);

/** Number of waiting jobs, counted up to @a most. */
apr_status_t flow_queue_waiting(flow_store_t *store, apr_int64_t most,
                                apr_int64_t *pn, apr_pool_t *p,
                                flow_error_t *err);

/** The job document as new json, or APR_NOTFOUND. *preason (may be NULL) is
 * {code, message, source} of a failed one, new, or NULL. */
apr_status_t flow_queue_get(flow_store_t *store, const char *id, json_t **pjob,
                            json_t **preason, apr_pool_t *p, flow_error_t *err);
/** 1 = nobody owns the job, and it has this status since @a since or later. */
int flow_queue_is(flow_store_t *store, const char *id, const char *status,
                  apr_time_t since, apr_pool_t *p);
/** *ptext: the result that flow_queue_end() was given; APR_NOTFOUND when it
 * was given none. */
apr_status_t flow_queue_result(flow_store_t *store, const char *id,
                               const char **ptext, apr_pool_t *p,
                               flow_error_t *err);
/** The columns of a job's document; what they are made of: new. */
#define FLOW_JOB_COLUMNS                                                       \
    "id, type, flow_id, export_id, status, created, started, ended, modified," \
    " num_success, num_error, num_ignore, num_export, num_pages_generated,"    \
    " num_pages_processed, done_exporting, error_code, error_message, cancel," \
    " error_source, origin, origin_id, event_id, CASE WHEN num_error > 0 THEN" \
    " (SELECT count(*) FROM job_error e WHERE e.job_id = job.id"               \
    " AND e.resolved_at > 0) ELSE 0 END"
json_t *flow_job_json(const flow_rows_t *rows, apr_pool_t *p);
/** NULL: it has not failed. */
json_t *flow_job_reason(const flow_rows_t *rows, apr_pool_t *p);
/** 1 for completed, failed, canceled. */
int flow_status_is_final(const char *status);

/** Ids of events below this are needed by no job; "" = none are. */
apr_status_t flow_queue_oldest_event(flow_store_t *store, apr_time_t before,
                                     const char **pid, apr_pool_t *p,
                                     flow_error_t *err);
/** [write] Delete at most about 500 rows of what ended before @a before and of
 * events below @a event_id. *pmore: there is more. */
apr_status_t flow_queue_purge(flow_store_t *store, apr_time_t before,
                              const char *event_id, int *pmore, apr_pool_t *p,
                              flow_error_t *err);

#endif
