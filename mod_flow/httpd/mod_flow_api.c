/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Location with FlowAPI: authorize, read, run, answer, count.
 */
#include "httpd/mod_flow_private.h"

/* One log line where the error stops travelling. What the caller did wrong is
 * theirs to mend and stays at info; everything else wants attention. */
static void log_failure(request_rec *r, const mod_flow_location_t *loc,
                        const flow_answer_t *answer, const flow_error_t *err)
{
    if (err->kind == FLOW_E_NONE) {
        return;
    }
    if (err->kind == FLOW_E_INPUT) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "%s answered %d: %s",
                      loc->target, answer->status, err->message);
        return;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  FLOW_LOGNO(0201) "%s answered %d: %s: %s", loc->target,
                  answer->status, err->code, err->message);
}

int mod_flow_api_handler(request_rec *r)
{
    const mod_flow_location_t *loc = mod_flow_location(r);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_answer_t answer = { 0, NULL, NULL, NULL, 0 };
    mod_flow_watch_t watch;
    flow_request_t *req;
    int status;

    if (!loc || loc->kind != MOD_FLOW_API) {
        return DECLINED;
    }
    if (!mod_flow_global->jobs) {
        return mod_flow_send_message(r, HTTP_SERVICE_UNAVAILABLE,
                                     "Service Unavailable");
    }
    status = mod_flow_authorize(r, loc);
    if (status != DECLINED) {
        flow_stats_count(mod_flow_global->stats, loc->api.slot, 1,
                         (apr_uint64_t)(apr_time_now() - r->request_time));
        return status;
    }
    status = mod_flow_request_read(r, loc, &req, &err);
    if (status == OK) {
        mod_flow_gone_watch(&watch, r);
        req->gone = &watch.gone;
        flow_api_handle(&mod_flow_global->env, &loc->api, req, &answer, r->pool,
                        &err);
        mod_flow_gone_leave(&watch);
        if (watch.gone) {
            ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                          FLOW_LOGNO(0403) "the client of %s has gone",
                          loc->target);
        }
        else {
            log_failure(r, loc, &answer, &err);
        }
    }
    else {
        flow_answer_error(&answer, status, &err, "request", r->pool);
    }
    if (err.kind == FLOW_E_UNAVAILABLE &&
        answer.status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->headers_out, "Retry-After", MOD_FLOW_RETRY_AFTER);
    }
    flow_stats_count(mod_flow_global->stats, loc->api.slot,
                     answer.status >= 400,
                     (apr_uint64_t)(apr_time_now() - r->request_time));
    return mod_flow_answer_send(r, &answer);
}
