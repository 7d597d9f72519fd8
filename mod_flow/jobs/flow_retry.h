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

/** [write] Give the error to the retry job @a job_id (which need not exist
 * yet). *pn = 0: it is resolved, cannot be retried, or is being retried. */
apr_status_t flow_retry_mark(flow_store_t *store, const char *id,
                             const char *job_id, int *pn, flow_error_t *err);
/** [write] Queue the job, after its errors have been marked. @a origin:
 * "retry" (somebody asked) or "auto". */
apr_status_t flow_retry_queue(flow_store_t *store, const char *job_id,
                              const char *flow_id, int is_bulk,
                              const char *origin, flow_error_t *err);

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
