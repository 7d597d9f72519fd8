/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ROUTER_H
#define FLOW_ROUTER_H

#include "flow/flow_steps.h"

/**
 * A page's way through a flow: its steps in order, or its routers.
 *
 * A router gets the records of all branches that lead to it as one page, in
 * the order of those branches. Each record goes to the first branch that it
 * matches, or to all of them; with none it ends there and is counted nowhere.
 * Records are shared by branches, not copied: no step changes what it is
 * given.
 *
 * Places in a flow, as they are told in error records (step_index): 1 is the
 * first step, nsteps + 1 the first router.
 */
#define FLOW_ROUTER_RECORDS 100000 /* that one router takes of one page */

/**
 * Take the records (array, *precords) from @a place to the flow's end; 0 is its
 * beginning. *precords is replaced by those that came out, a new array. Errors
 * of records go to the sink; an error return is as in flow_step_run(), or says
 * "router_overflow": branches that meet again have multiplied the page.
 */
apr_status_t flow_route(flow_runner_t *runner, int place, json_t **precords,
                        apr_pool_t *p, flow_error_t *err);

#endif
