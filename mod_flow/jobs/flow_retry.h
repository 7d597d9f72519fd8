/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_RETRY_H
#define FLOW_RETRY_H

#include "jobs/flow_jobs_private.h"

/**
 * Retries. An error is retried by a job of its flow, of type "retry" (one
 * record) or "bulk_retry", to which it belongs from the moment it is marked
 * until it is resolved or has failed again; it never belongs to two. The job
 * takes its errors one after the other, so what has been dealt with is never
 * dealt with again, whatever happens to the process in between, but for those
 * of the last second.
 */

/** [write] Begin a retry that somebody asks for: its job (status "preparing")
 * is stored, so that errors can be given to it, but nobody claims it yet. */
apr_status_t flow_retry_open(flow_store_t *store, const char *job_id,
                             const char *flow_id, flow_error_t *err);
/** [write] It is still being prepared; to be said every minute or so.
 * *pn = 0: not any more, errors must be given to another one. */
apr_status_t flow_retry_hold(flow_store_t *store, const char *job_id, int *pn,
                             flow_error_t *err);
/** [write] Give the error to the job. *pn = 0: it is resolved, cannot be
 * retried, or another retry has it. */
apr_status_t flow_retry_mark(flow_store_t *store, const char *id,
                             const char *job_id, int *pn, apr_pool_t *p,
                             flow_error_t *err);
/** [write] All errors have been given to it: it can be claimed. */
apr_status_t flow_retry_queue(flow_store_t *store, const char *job_id,
                              int is_bulk, flow_error_t *err);
/** [write] There were none. */
apr_status_t flow_retry_drop(flow_store_t *store, const char *job_id,
                             flow_error_t *err);
/** How long one may be silent about a retry that it prepares. */
#define FLOW_RETRY_SILENCE apr_time_from_sec(600)

/** The keeper's: retries whose preparation has broken off begin with what they
 * have got. @a before: nothing has been heard of them since. */
void flow_retry_left(flow_jobs_t *jobs, flow_store_t *reader, apr_time_t before,
                     apr_pool_t *p);
/** The keeper's: queue retries whose time has come. */
void flow_retry_due(flow_jobs_t *jobs, flow_store_t *reader, apr_pool_t *p);

/* ---- in the job ---- */

/** What flow_job_run.c and this file share of a retry job; made once per job,
 * used on its thread. */
typedef struct flow_retry_t flow_retry_t;

/**
 * Before a run: what becomes of its errors, in @a errors. For a retry (else
 * *pr is NULL): @a run gets its records from it. *pany: has the flow open
 * errors that a success could resolve? APR_EINTR: the store is away.
 */
apr_status_t flow_retry_prepare(flow_retry_t **pr, flow_jobs_t *jobs,
                                const flow_job_t *job,
                                const flow_progress_t *at, flow_run_t *run,
                                flow_errors_t *errors, int *pany, apr_pool_t *p,
                                flow_error_t *err);
/** After it: store what is done, whatever stopped it (@a rv, @a err); the
 * status that holds then. */
apr_status_t flow_retry_finish(flow_retry_t *r, const flow_run_t *run,
                               apr_status_t rv, flow_error_t *err);
/** For the sink. */
apr_status_t flow_retry_error(flow_retry_t *r, const flow_record_error_t *e,
                              flow_error_t *err);
/** The run was interrupted: what it has reported of the record at work, if
 * there is one, is forgotten, because that record comes again. *counters become
 * what they were before it. */
void flow_retry_forget(flow_retry_t *r, flow_counters_t *counters);

#endif
