/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_WEBHOOK_H
#define FLOW_WEBHOOK_H

#include "flow/flow_connector.h"
#include "flow/flow_model.h"
#include "flow/flow_request.h"

/**
 * Webhook listeners: exports of type webhook. Compiled once, immutable; any
 * thread. Order for the glue: verify on the raw body, then challenge?, then
 * records (refuse what does not parse), then store, then answer.
 */

extern const flow_field_t
    flow_webhook_fields[]; /* schema rows, path NULL end */

/** Compile the `webhook` object of an export. */
void flow_webhook_compile(flow_compile_t *c, const json_t *doc,
                          const flow_webhook_t **pwebhook);

/** APR_SUCCESS, or FLOW_E_INPUT "unauthorized": 401, says which method failed
 * but nothing about the expected value. Comparisons take constant time. */
apr_status_t flow_webhook_verify(const flow_webhook_t *webhook,
                                 const flow_request_t *req, apr_pool_t *p,
                                 flow_error_t *err);

/** Is a verify method configured? Without one, authentication must come from
 * elsewhere, or the listener is deliberately open. */
int flow_webhook_verifies(const flow_webhook_t *webhook);

/** POST and PUT deliver; GET only where a challenge is configured. The value
 * for an Allow header. */
const char *flow_webhook_allowed(const flow_webhook_t *webhook);

/** 1 when this request is a subscription challenge: it makes no record. */
int flow_webhook_is_challenge(const flow_webhook_t *webhook,
                              const flow_request_t *req, apr_pool_t *p);

/** The body as records (new array): pathToRecords, includeParentData; a
 * top-level array of objects is one record per element. FLOW_E_INPUT with
 * status 400 when it does not parse or has no array at the path. */
apr_status_t flow_webhook_records(const flow_webhook_t *webhook,
                                  const flow_request_t *req, json_t **precords,
                                  apr_pool_t *p, flow_error_t *err);

/** The event as it is stored: flow_request_to_json() without what `verify`
 * says proves the sender (a token in the body stays: it is in the record).
 * @a webhook may be NULL, here and below. */
json_t *flow_webhook_to_json(const flow_webhook_t *webhook,
                             const flow_request_t *req, apr_pool_t *p);

/** What tells this event from others of the listener: `webhook.eventId`, or a
 * header that senders are known to use; NULL = each delivery is an event. The
 * same id within the window is the same event. */
const char *flow_webhook_event_id(const flow_webhook_t *webhook,
                                  const flow_request_t *req, apr_pool_t *p);
apr_interval_time_t flow_webhook_id_window(const flow_webhook_t *webhook);

/** The value of a WWW-Authenticate header. */
const char *flow_webhook_challenge(const flow_webhook_t *webhook,
                                   const char *realm, apr_pool_t *p);

/** The success (204 and empty unless configured) or challenge answer. */
apr_status_t flow_webhook_answer(const flow_webhook_t *webhook,
                                 const flow_request_t *req, int challenge,
                                 flow_answer_t *answer, apr_pool_t *p,
                                 flow_error_t *err);

#endif
