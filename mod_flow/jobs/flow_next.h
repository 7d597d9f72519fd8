/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_NEXT_H
#define FLOW_NEXT_H

#include "jobs/flow_jobs_private.h"

/**
 * What a completed run brings about, in the transaction that completes it, so
 * that it happens exactly when the run has ended: marks move, and the flows
 * that come next are queued.
 */

/** [write] Queue the flows after @a flow; disabled ones are left out. *pn: how
 * many. @a p must last until the commit. */
apr_status_t flow_next_queue(flow_jobs_t *jobs, const flow_flow_t *flow,
                             flow_store_t *store, int *pn, apr_pool_t *p,
                             flow_error_t *err);
/** After the commit. */
void flow_next_wake(flow_jobs_t *jobs, int n);

/** [write] The marks of the exports of type delta that a run with this request
 * (may be NULL) has read; it began at @a began (ms since 1970). A mark that is
 * kept behind another one stops there, and stays away while there is none. */
apr_status_t flow_next_marks(const flow_flow_t *flow, const json_t *request,
                             apr_int64_t began, flow_store_t *store,
                             apr_pool_t *p, flow_error_t *err);

#endif
