/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_JOB_LIST_H
#define FLOW_JOB_LIST_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include <jansson.h>

#include "base/flow_error.h"
#include "jobs/flow_store.h"

/**
 * Jobs as people look at them: lists, and why one has not begun. Reading only.
 * A list is read page by page, like that of errors: the next page is what is
 * older than the last id of this one.
 */

/** NULL and 0 = whatever it is. */
typedef struct flow_job_filter_t {
    const char *flow_id;
    const char *type;        /* "flow", "retry", "bulk_retry" */
    const char *status;      /* one of flow_job_statuses */
    apr_time_t since, until; /* queued at or after, before */
    const char *before;      /* an id: only older ones */
} flow_job_filter_t;

/** NULL at the end. */
extern const char *const flow_job_statuses[];
extern const char *const flow_job_types[];

/** New array of job documents, newest first; those that failed have `failure`
 * {code, message, source}. */
apr_status_t flow_job_select(flow_store_t *store,
                             const flow_job_filter_t *filter, int limit,
                             json_t **plist, apr_pool_t *p, flow_error_t *err);

/** How many runs have failed as a whole since then, counted up to @a most. */
apr_status_t flow_job_failures(flow_store_t *store, const char *flow_id,
                               apr_time_t since, int most, int *pn,
                               apr_pool_t *p, flow_error_t *err);

/**
 * What the store knows of why a job that waits has not begun: new array of
 * {code, message} and more, empty for a job that does not wait. Codes:
 * "preparing", "flow_busy" (_jobId), "behind_others" (jobs), "must_run_alone";
 * "unclaimed" when there is none of these. What only the documents tell
 * (connections that are offline, a flow that is disabled) the caller adds.
 */
apr_status_t flow_job_waits(flow_store_t *store, const char *id, json_t **plist,
                            apr_pool_t *p, flow_error_t *err);

/** The flows that the store knows: new object {id: {queued, running,
 * openErrors, lastJob: {_id, status, createdAt}, nextAt}}, numbers that are 0
 * and what is not known left out. lastJob: among the newest jobs only. */
apr_status_t flow_job_flows(flow_store_t *store, json_t **pflows, apr_pool_t *p,
                            flow_error_t *err);
/** Has there ever been a job, an error or a schedule of this flow (that is
 * still stored)? */
apr_status_t flow_job_flow_known(flow_store_t *store, const char *flow_id,
                                 int *pyes, apr_pool_t *p, flow_error_t *err);

#endif
