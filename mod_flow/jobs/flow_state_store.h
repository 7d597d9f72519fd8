/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STATE_STORE_H
#define FLOW_STATE_STORE_H

#include <apr_pools.h>

#include "data/flow_tree.h"
#include "flow/flow_state.h"
#include "jobs/flow_jobs.h"
#include "jobs/flow_store.h"

/**
 * What scripts keep (flow/flow_state.h), in the store. Writing goes through the
 * committer, reading through the handles for that. Any thread.
 */

/* flow_state_store.c, flow_cache_store.c: the rows of the interface. */
void flow_state_store_fill(flow_state_iface_t *iface);
void flow_cache_store_fill(flow_state_iface_t *iface);

/* ---- flow_script_log.c ---- */

/**
 * Lines gather in memory, so that writing one never waits, and the keeper
 * stores them. At most FLOW_SCRIPT_LOG_ROWS lines are kept, or a few more until
 * somebody looks after them.
 */
#define FLOW_SCRIPT_LOG_ROWS 10000

typedef struct flow_script_log_t flow_script_log_t;

flow_script_log_t *flow_script_log_create(apr_pool_t *p);
/** Take a line; for flow_state_iface_t.log. Returns how many wait. */
int flow_script_log_add(flow_script_log_t *log, const flow_script_line_t *line);
/** Store what waits. */
void flow_script_log_flush(flow_jobs_t *jobs);
/** Delete lines from before @a before, and those that are too many. */
void flow_script_log_trim(flow_jobs_t *jobs, apr_time_t before);

/** The newest @a limit lines, oldest of them first, of @a script_id (NULL: of
 * all). New array of {_id, time, level, _scriptId, _flowId, _apiId, _jobId,
 * message}. */
apr_status_t flow_script_log_list(flow_store_t *store, const char *script_id,
                                  int limit, json_t **plist, apr_pool_t *p,
                                  flow_error_t *err);

#endif
