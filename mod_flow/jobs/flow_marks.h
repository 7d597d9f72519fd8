/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_MARKS_H
#define FLOW_MARKS_H


#include "data/flow_tree.h"
#include "jobs/flow_store.h"

/**
 * The marks of a flow's exports of type delta (flow_delta.h): rows of the table
 * `state`, scope "delta FLOW", name the export's id, value an ISO time.
 */

/** New object {export id: time}. */
apr_status_t flow_marks_read(flow_store_t *store, const char *flow_id,
                             json_t **pmarks, apr_pool_t *p, flow_error_t *err);
/** [write] */
apr_status_t flow_marks_set(flow_store_t *store, const char *flow_id,
                            const char *export_id, const char *value,
                            apr_pool_t *p, flow_error_t *err);

#endif
