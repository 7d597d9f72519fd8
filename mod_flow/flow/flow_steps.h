/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STEPS_H
#define FLOW_STEPS_H

#include "flow/flow_scope.h"

/** A run under way; one thread. */
typedef struct flow_runner_t {
    const flow_env_t *env;
    flow_run_t *run;
    const flow_run_sink_t *sink;
    flow_caller_t caller;
    flow_scope_t *scopes; /* one per step */
    apr_size_t collected; /* bytes in run->data */
    apr_pool_t *p;
    flow_scope_t *router_scope;    /* what routers see; NULL without any */
    flow_scope_t *generator_scope; /* of the one that is under way */
    apr_int64_t before_page;       /* numSuccess when the page began */
    int skip_retries;     /* of the generator at work: keep no retry data */
    int generator, page;  /* at work, for keys */
    const char *item_key; /* instead of them: of a retry */
    int only_step; /* a retry: what goes on from this step is not followed up */
} flow_runner_t;

/** What flow_run() begins with. */
void flow_runner_start(flow_runner_t *runner);
/** A run whose flow_run_t has a retry source. */
apr_status_t flow_run_retry(flow_runner_t *runner, flow_error_t *err);
/** The errors of a page of a generator, to the sink. */
apr_status_t flow_runner_report_page(flow_runner_t *runner,
                                     const flow_export_t *exp,
                                     const json_t *errors, flow_error_t *err);

int flow_runner_is_stopping(const flow_runner_t *runner);
/** Is a connection of this flow offline? Then the job waits in the queue. */
int flow_runner_is_held(const flow_runner_t *runner);
/** The error that sends it there. */
apr_status_t flow_runner_wait(flow_error_t *err);

/** Tell the sink of one error of a record. @a error: {code, message, source};
 * @a retry_data and @a exchange may be NULL. */
apr_status_t flow_runner_report(const flow_runner_t *runner, int step_index,
                                const char *step_id, const char *trace_key,
                                const json_t *error, const json_t *retry_data,
                                const json_t *exchange, flow_error_t *err);

/**
 * Take the records (array, *precords) through step @a i. *precords is replaced
 * by those that go on: a new array, its records changed copies where the step
 * changes them. Errors of records go to the sink; an error return means that
 * the sink or the server wants the run to stop.
 */
apr_status_t flow_step_run(flow_runner_t *runner, int i, json_t **precords,
                           apr_pool_t *p, flow_error_t *err);

#endif
