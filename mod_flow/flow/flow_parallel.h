/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PARALLEL_H
#define FLOW_PARALLEL_H

#include "flow/flow_run.h"

/**
 * runPageGeneratorsInParallel: the generators of a run side by side, each with
 * its steps on a thread of its own, up to FLOW_PARALLEL_MAX at once.
 *
 * Upwards it is one run: the sink is called by one thread at a time, a page's
 * errors come together, right before the page_done() that counts them, and the
 * checkpoint says where each generator stands:
 *
 *   {generator, rest, parallel: {"0": {page, cursor, rest}, "2": true}}
 *
 * (`true`: done; `rest`, as the sink wants it, says that there is more.) When
 * one generator fails the others stop after the record or page at hand, and
 * the run fails with the first error. What a test or an event runs is never
 * parallel.
 */
#define FLOW_PARALLEL_MAX 8

/** Is this run one, by its flow or by what an earlier try has left? */
int flow_parallel_is(const flow_run_t *run);

/** As flow_run(). Blocks until all threads have ended. */
apr_status_t flow_parallel_run(const flow_env_t *env, flow_run_t *run,
                               const flow_run_sink_t *sink, apr_pool_t *p,
                               flow_error_t *err);

/* flow_run.c: one generator of a run, from run->checkpoint (its own). */
apr_status_t flow_run_generator(const flow_env_t *env, flow_run_t *run,
                                const flow_run_sink_t *sink, int generator,
                                apr_pool_t *p, flow_error_t *err);
/** Is generator @a i of the flow to be run at all? */
int flow_run_wants(const flow_run_t *run, int i);

#endif
