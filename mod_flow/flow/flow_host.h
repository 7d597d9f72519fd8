/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HOST_H
#define FLOW_HOST_H

#include "flow/flow_run.h"

/**
 * Scripts and what they may call: the integrator-api module and the console.
 * Every script of flow/ is called through here, so that limits and nesting are
 * the same everywhere.
 */

#define FLOW_CALL_DEPTH 8 /* scripts calling exports whose hooks call ... */

/** Call a function until @a deadline. Errors as flow_script_call(). */
apr_status_t flow_host_call(const flow_env_t *env, const flow_caller_t *caller,
                            const flow_hook_t *function, const json_t *arg,
                            apr_time_t deadline, json_t **presult,
                            apr_pool_t *p, flow_error_t *err);

/** The same for a hook: within env->hook_timeout and the caller's deadline. */
apr_status_t flow_host_hook(const flow_env_t *env, const flow_caller_t *caller,
                            const flow_hook_t *hook, const json_t *arg,
                            json_t **presult, apr_pool_t *p, flow_error_t *err);

/** Into the script log, where the author looks first: a call of @a function has
 * failed, or what it answered is not what was wanted. flow_host_call() and
 * flow_host_hook() do so themselves for what they return. @a trace may be
 * "". */
void flow_host_failed(const flow_env_t *env, const flow_caller_t *caller,
                      const flow_hook_t *function, const flow_error_t *why,
                      const char *trace, apr_pool_t *p);

/** For tests: one call of the integrator-api module, as a script makes it. */
apr_status_t flow_host_api(const flow_env_t *env, const flow_caller_t *caller,
                           const char *object, const char *function,
                           const json_t *args, apr_time_t deadline,
                           json_t **presult, int *pstatus, apr_pool_t *p,
                           flow_error_t *err);

#endif
