/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_API_SCRIPT_H
#define FLOW_API_SCRIPT_H

#include "flow/flow_model.h"
#include "flow/flow_request.h"

/**
 * Between a request and the function of an API script: its one argument, and
 * what its return value means. Any thread.
 */

/** New: the argument `options` (docs/apis.md). @a api may be NULL. */
json_t *flow_api_options(const flow_api_t *api, const flow_hook_t *handler,
                         const flow_request_t *req, apr_pool_t *p);

/**
 * Make the answer of a return value, which is stolen and lives as long as
 * @a p (its texts are sent from where they are). FLOW_E_SCRIPT
 * "invalid_response" says what is wrong with it; a header that would break
 * the answer apart is named, its value never.
 */
apr_status_t flow_api_answer(flow_answer_t *answer, json_t *result,
                             apr_pool_t *p, flow_error_t *err);

#endif
