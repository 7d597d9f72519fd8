/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_DELTA_H
#define FLOW_DELTA_H

#include "flow/flow_run.h"

/**
 * Exports of type delta: what has changed since the last run.
 *
 * The mark of an export in a flow is the time at which the flow's last
 * completed job began (not when it ended: what changed meanwhile is read
 * again). It is stored in the transaction that completes the job, so it moves
 * exactly when the job has been done; failed and canceled jobs, tests and
 * previews leave it alone. So does a run with an explicit endDate, which looks
 * at the past. An export that runs outside of a flow has no mark.
 *
 * Templates see lastExportDateTime (the mark less lagOffset; before the first
 * run startDate, or nothing) and currentExportDateTime (when the job began).
 */
typedef struct flow_delta_t {
    const json_t *marks; /* {export id: ISO time}, or NULL */
    apr_int64_t now;     /* ms since 1970: when the job began */
    apr_int64_t start;   /* explicit startDate, -1 = none */
    apr_int64_t end;     /* explicit endDate, -1 = none */
} flow_delta_t;

/** Read startDate and endDate of a run's request (may be NULL): ISO 8601, or
 * milliseconds since 1970. FLOW_E_INPUT "invalid_date". */
apr_status_t flow_delta_init(flow_delta_t *delta, const json_t *request,
                             const json_t *marks, apr_time_t began,
                             apr_pool_t *p, flow_error_t *err);

/** Add the two times to a template context. @a delta may be NULL. */
void flow_delta_add(json_t *context, const flow_export_t *exp,
                    const flow_delta_t *delta, apr_pool_t *p);

#define FLOW_DELTA_FORMAT_MAX 256
/** In UTC and moment.js's format; NULL: ISO 8601 with milliseconds. */
const char *flow_delta_format(apr_int64_t ms, const char *format,
                              apr_pool_t *p);

#endif
