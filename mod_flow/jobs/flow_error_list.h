/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ERROR_LIST_H
#define FLOW_ERROR_LIST_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"
#include "jobs/flow_store.h"

/**
 * Stored errors: finding, resolving, labelling. An error is open or resolved;
 * resolved is final. A list is read page by page: the next page is what is
 * older than the last id of this one, so page 500 costs as much as page 1.
 *
 * Functions marked [write] run inside a transaction of their caller.
 */
typedef enum {
    FLOW_ERRORS_OPEN,
    FLOW_ERRORS_RESOLVED,
    FLOW_ERRORS_ALL
} flow_error_state_e;

/** NULL and 0 = whatever it is. */
typedef struct flow_error_filter_t {
    flow_error_state_e state;
    const char *flow_id, *step_id, *job_id;
    const char *classification, *source, *code, *trace_key;
    const char *tag, *assigned_to;
    apr_time_t since, until; /* occurred at or after, before */
    int retriable;           /* only those with retry data */
    const char *before;      /* an id: only older ones */
} flow_error_filter_t;

#define FLOW_ERRORS_PAGE 500 /* a good number for those who work through all */

/** New array of error records (celigo-runtime 6.6), newest first. */
apr_status_t flow_error_select(flow_store_t *store,
                               const flow_error_filter_t *filter, int limit,
                               json_t **plist, apr_pool_t *p,
                               flow_error_t *err);
/** Only the ids, and those of their flows: array of flow_error_ref_t. */
typedef struct flow_error_ref_t {
    const char *id, *flow_id;
} flow_error_ref_t;
apr_status_t flow_error_refs(flow_store_t *store,
                             const flow_error_filter_t *filter, int limit,
                             apr_array_header_t **plist, apr_pool_t *p,
                             flow_error_t *err);

/** One, new, with `retryData` {data, stage, traceKey} and `exchange` where
 * they are kept; APR_NOTFOUND. */
apr_status_t flow_error_get(flow_store_t *store, const char *id,
                            json_t **perror, apr_pool_t *p, flow_error_t *err);

/** [write] Open to resolved; *pn = 0: it was not open. */
apr_status_t flow_error_resolve(flow_store_t *store, const char *id,
                                const char *by, int *pn, flow_error_t *err);
/** [write] @a tag: letters, digits, - _ . (flow_error_tag_ok()). */
apr_status_t flow_error_tag(flow_store_t *store, const char *id,
                            const char *tag, int add, int *pn, apr_pool_t *p,
                            flow_error_t *err);
int flow_error_tag_ok(const char *tag);
/** [write] @a who NULL: to nobody. */
apr_status_t flow_error_assign(flow_store_t *store, const char *id,
                               const char *who, int *pn, flow_error_t *err);
/** [write] Retry with this record (JSON text) instead of the one that failed,
 * which is kept. *pn = 0: not open, or without retry data. */
apr_status_t flow_error_edit(flow_store_t *store, const char *id,
                             const char *text, int *pn, flow_error_t *err);

/** {open: {flow: {step: n}}} is what a status page wants: new object
 * {flowId: {stepId: number of open errors}}. At most @a limit steps. */
apr_status_t flow_error_counts(flow_store_t *store, const char *flow_id,
                               int limit, json_t **pcounts, apr_pool_t *p,
                               flow_error_t *err);

/** Has the flow open errors with a trace key? */
apr_status_t flow_error_any_open(flow_store_t *store, const char *flow_id,
                                 int *pany, apr_pool_t *p, flow_error_t *err);

/** [write] Delete at most @a most errors of a job that is being deleted. */
apr_status_t flow_error_purge(flow_store_t *store, const char *job_id, int most,
                              int *pn, flow_error_t *err);

#endif
