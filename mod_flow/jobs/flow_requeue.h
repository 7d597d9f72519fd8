/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_REQUEUE_H
#define FLOW_REQUEUE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "jobs/flow_queue.h"

/**
 * Jobs that somebody asks for again, or not any more. All are [write]: inside
 * a transaction of the caller.
 */

/** Where a job comes from, beside its flow's generators and events. */
typedef struct flow_origin_t {
    const char *type;      /* "flow", "retry", "bulk_retry" */
    const char *origin;    /* "replay", "rerun", "retry", "auto" */
    const char *origin_id; /* the job that it repeats, or NULL */
} flow_origin_t;

/** As flow_queue_job(), with an origin. */
apr_status_t flow_requeue_job(flow_store_t *store, const flow_new_job_t *job,
                              const flow_origin_t *origin, apr_time_t now,
                              flow_error_t *err);

/** A job is about to be given this stored event: it stays for FlowRetention
 * from now on, whatever deletes old ones at this moment. APR_NOTFOUND. */
apr_status_t flow_requeue_keep(flow_store_t *store, const char *event_id,
                               apr_time_t now, flow_error_t *err);

/** Run a job that has ended once more, as it was queued: a new job with the
 * id @a id. APR_NOTFOUND; FLOW_E_INPUT "job_not_ended", "job_not_repeatable"
 * (a retry: its errors are retried instead; an event that is gone). */
apr_status_t flow_requeue_rerun(flow_store_t *store, const char *job_id,
                                const char *id, apr_time_t now, apr_pool_t *p,
                                flow_error_t *err);

/** A queued job is canceled at once, a running one is asked to end ("canceling"):
 * *pstatus (a literal) says which. APR_NOTFOUND; FLOW_E_INPUT "job_ended". */
apr_status_t flow_requeue_cancel(flow_store_t *store, const char *job_id,
                                 const char **pstatus, apr_pool_t *p,
                                 flow_error_t *err);

#endif
