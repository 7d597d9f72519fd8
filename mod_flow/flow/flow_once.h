/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ONCE_H
#define FLOW_ONCE_H

#include "flow/flow_steps.h"

/**
 * Exports of type once: records are marked at the source when the batch that
 * they came in has gone through all steps and that is committed. Which records
 * those are stands in what is committed, so that a run that ends in between
 * marks them when it goes on; marking may happen twice, processing need not.
 *
 * Records that failed at a step are marked, too: they are kept with their
 * errors. A mark that fails is an error of the record, which will come again.
 */

/** Add what is to be marked (array; NULL or empty: nothing) to a position, and
 * have that committed. */
void flow_once_remember(json_t *position, const json_t *unmarked);
/** Mark them, and empty the array. An error return: the run must stop. */
apr_status_t flow_once_mark(flow_runner_t *runner, int generator,
                            json_t *unmarked, apr_pool_t *p, flow_error_t *err);
/** Mark what an earlier try has left. */
apr_status_t flow_once_resume(flow_runner_t *runner, int generator,
                              const json_t *position, apr_pool_t *p,
                              flow_error_t *err);

#endif
