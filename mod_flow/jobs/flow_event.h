/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_EVENT_H
#define FLOW_EVENT_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_store.h"

/**
 * Stored events: looking, and running them once more. Reading only, unless
 * marked [write]. Events are kept for FlowRetention.
 */
typedef struct flow_event_filter_t {
    const char *export_id;   /* NULL = any */
    apr_time_t since, until; /* received at or after, before; 0 = any */
    const char *before;      /* newest first: only older ones than this id */
    const char *after;       /* with oldest_first: only newer ones */
    int oldest_first;
} flow_event_filter_t;

/** New array of {_id, _exportId, receivedAt}. */
apr_status_t flow_event_select(flow_store_t *store,
                               const flow_event_filter_t *filter, int limit,
                               json_t **plist, apr_pool_t *p,
                               flow_error_t *err);

/** One, new, with `request` {method, uri, query, headers, body | body64} and
 * `jobs`: those that it started when it came ({_id, _flowId, status});
 * APR_NOTFOUND. */
apr_status_t flow_event_get(flow_store_t *store, const char *id,
                            json_t **pevent, apr_pool_t *p, flow_error_t *err);

/**
 * [write] Queue a new job, of origin "replay", for each flow that the event
 * started when it came, or for @a flow_id alone when that is not NULL. It is
 * the stored event that runs: it is not received again, so nothing takes it
 * for a repetition. *pn: jobs queued; 0 = it is not known what it started.
 * APR_NOTFOUND: no such event.
 */
apr_status_t flow_event_replay(flow_store_t *store, const char *id,
                               const char *flow_id, flow_ids_t *ids, int *pn,
                               apr_pool_t *p, flow_error_t *err);

#endif
