/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PREVIEW_H
#define FLOW_PREVIEW_H

#include "flow/flow_run.h"

/**
 * Preview and send: one export, import or connection tried out for somebody
 * who looks. Nothing is stored and no mark of an export moves; what an export
 * would take (delete, acknowledge) stays. caller->test_mode is set as the
 * kind of preview asks. Any thread.
 *
 * *presult is always new, also when it failed:
 *   {"stages": [{"name", "errors": [], "data": []}, ...],
 *    "data": [...], "errors": [{code, message, source}]}
 * Stages are what the connector did ("request": {method, url, headers, body},
 * "response": {statusCode, headers, body}: secrets masked, long texts cut, and
 * then "bodyBytes" is how long the body is;
 * several of each when it sent several) and then, for an export, "parse",
 * "transform" and "filter" with at most FLOW_PREVIEW_RECORDS records, for an
 * import "mapping" (before the requests) with the records as they go out.
 * `data` is what came of it: an export's records, an import's responses.
 * Errors of single records are in their stage and in `errors`; an error return
 * (the far end did not answer, say) is also in `errors`.
 */
#define FLOW_PREVIEW_RECORDS 10

/** The first page. @a data: record(s) that feed it, or NULL. */
apr_status_t flow_preview_export(const flow_env_t *env, flow_caller_t *caller,
                                 const flow_export_t *exp, const json_t *data,
                                 json_t **presult, apr_pool_t *p,
                                 flow_error_t *err);
/** @a data: a record or an array of at most FLOW_PREVIEW_RECORDS. @a send: let
 * the requests really go out; else they are only built, and what depends on an
 * answer (a lookup, which of two operations) is taken as not found. */
apr_status_t flow_preview_import(const flow_env_t *env, flow_caller_t *caller,
                                 const flow_import_t *imp, const json_t *data,
                                 int send, json_t **presult, apr_pool_t *p,
                                 flow_error_t *err);
/** Is the far end there and does it take our credentials? */
apr_status_t flow_preview_ping(const flow_env_t *env, flow_caller_t *caller,
                               const flow_connection_t *connection,
                               json_t **presult, apr_pool_t *p,
                               flow_error_t *err);
/** End the tokens of the connection, at the far end and in the store. */
apr_status_t flow_preview_revoke(const flow_env_t *env, flow_caller_t *caller,
                                 const flow_connection_t *connection,
                                 apr_pool_t *p, flow_error_t *err);

#endif
