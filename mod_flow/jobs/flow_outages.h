/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_OUTAGES_H
#define FLOW_OUTAGES_H


#include "data/flow_tree.h"
#include "flow/flow_breaker.h"
#include "jobs/flow_jobs.h"
#include "jobs/flow_store.h"

/**
 * Connections that are offline (flow_breaker.h): rows of the table `state`,
 * scope "offline", name the connection's id, value {since, next, tests, code,
 * message}, times in microseconds.
 */

/** The interface; its baton is @a jobs. */
void flow_outages_fill(flow_outages_iface_t *iface, flow_jobs_t *jobs);

/** Tell @a breaker all that stand in the store. */
apr_status_t flow_outages_tell(flow_store_t *store, flow_breaker_t *breaker,
                               apr_pool_t *p, flow_error_t *err);
/** When a server starts: what is offline is tested at once, since the
 * configuration may have changed. Failures do no harm. */
void flow_outages_hurry(const flow_jobs_settings_t *settings, apr_pool_t *p);
/** For tools: new array of {_connectionId, since, nextTest, tests, code,
 * message}, times in ISO form. */
apr_status_t flow_outages_list(flow_store_t *store, json_t **plist,
                               apr_pool_t *p, flow_error_t *err);

#endif
