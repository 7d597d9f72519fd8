/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HOOKS_H
#define FLOW_HOOKS_H

#include "flow/flow_scope.h"

/**
 * The hooks, with their exact contracts (docs/hooks.md).
 *
 * A hook that throws, returns another number of elements or something of
 * another shape has broken its contract: that is an error return, and what the
 * hook was given has failed as a whole. Messages name the hook, its function
 * and its script. Arguments are borrowed and never changed; results are new.
 */

/** What preSavePage gets and gives. */
typedef struct flow_save_page_t {
    json_t *records;    /* in: page so far; out: as the hook returned it */
    json_t *errors;     /* in, out: [{code, message, source, retryDataKey}] */
    json_t *retry_data; /* in: {retryDataKey: {data, stage, traceKey}} */
    const char *file;   /* in: that the records are from, or NULL */
    int index;          /* in: pageIndex; -1 = none (lookups, listeners) */
    int abort;          /* out: make no further page */
    json_t *more;       /* out: newErrorsAndRetryData, [{retryData, errors}] */
} flow_save_page_t;

/** References in @a page are replaced, those that were in it released. */
apr_status_t flow_hook_pre_save_page(flow_scope_t *scope,
                                     const flow_hook_t *hook,
                                     flow_save_page_t *page, apr_pool_t *p,
                                     flow_error_t *err);

/** What preMap and postMap say about one record. */
typedef enum {
    FLOW_VERDICT_GO,    /* {data} or {data, errors}: the latter are logged */
    FLOW_VERDICT_FAIL,  /* {errors} */
    FLOW_VERDICT_IGNORE /* {} */
} flow_verdict_e;

/** @a element borrowed; *pdata and *perrors borrowed, perrors NULL when there
 * are none. */
flow_verdict_e flow_hook_verdict(const json_t *element, const json_t **pdata,
                                 const json_t **perrors);

/** *presult: array, as long as @a records, of objects for
 * flow_hook_verdict(). */
apr_status_t flow_hook_pre_map(flow_scope_t *scope, const flow_hook_t *hook,
                               const json_t *records, json_t **presult,
                               apr_pool_t *p, flow_error_t *err);
apr_status_t flow_hook_post_map(flow_scope_t *scope, const flow_hook_t *hook,
                                const json_t *originals, const json_t *mapped,
                                json_t **presult, apr_pool_t *p,
                                flow_error_t *err);
/** *presult: the response elements, edited. */
apr_status_t flow_hook_post_submit(flow_scope_t *scope, const flow_hook_t *hook,
                                   const json_t *originals,
                                   const json_t *mapped,
                                   const json_t *responses, json_t **presult,
                                   apr_pool_t *p, flow_error_t *err);
/** *presult: the records, edited. */
apr_status_t flow_hook_post_response_map(flow_scope_t *scope,
                                         const flow_hook_t *hook,
                                         const json_t *records,
                                         const json_t *responses,
                                         json_t **presult, apr_pool_t *p,
                                         flow_error_t *err);
/** After the records of a page were put into one file: success or failure of
 * @a responses is told, and what the hook returns means nothing. */
apr_status_t flow_hook_post_aggregate(flow_scope_t *scope,
                                      const flow_hook_t *hook,
                                      const json_t *responses, apr_pool_t *p,
                                      flow_error_t *err);

#endif
