/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Location with FlowWebhook: verify the raw body, store, answer.
 *
 * The order is the promise: nothing is parsed before it is verified, nothing
 * is answered 2xx before it is committed.
 */
#include "httpd/mod_flow_private.h"

#include "flow/flow_webhook.h"

static int method_allowed(const char *allowed, const char *method)
{
    apr_size_t len = strlen(method);
    const char *hit = allowed;

    while ((hit = strstr(hit, method)) != NULL) {
        if ((hit == allowed || hit[-1] == ' ') &&
            (hit[len] == ',' || hit[len] == '\0')) {
            return 1;
        }
        ++hit;
    }
    return 0;
}

/* Fill in the answer for a request whose sender has been verified. */
static void deliver(request_rec *r, const flow_export_t *exp,
                    const flow_request_t *req, flow_answer_t *answer,
                    flow_error_t *err)
{
    const flow_webhook_t *webhook = exp->webhook;
    int challenge = flow_webhook_is_challenge(webhook, req, r->pool);
    const char *event_id = NULL;
    json_t *records = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (!challenge) {
        rv = flow_webhook_records(webhook, req, &records, r->pool, err);
        json_decref(records);
        if (rv != APR_SUCCESS) {
            flow_answer_error(answer, HTTP_BAD_REQUEST, err, NULL, r->pool);
            return;
        }
        rv = flow_jobs_accept(mod_flow_global->jobs, exp, req, &event_id,
                              r->pool, err);
        if (APR_STATUS_IS_NOTFOUND(rv)) {
            flow_error_set(err, FLOW_E_INPUT, rv, "flow_disabled",
                           "no enabled flow starts with this listener");
            flow_answer_error(answer, HTTP_NOT_FOUND, err, NULL, r->pool);
            return;
        }
    }
    if (rv == APR_SUCCESS) {
        if (event_id) {
            apr_table_setn(r->notes, "flow-event", event_id);
        }
        rv = flow_webhook_answer(webhook, req, challenge, answer, r->pool, err);
    }
    if (rv != APR_SUCCESS) {
        flow_answer_error(answer, 0, err, NULL, r->pool);
        if (answer->status == HTTP_SERVICE_UNAVAILABLE) {
            apr_table_setn(r->headers_out, "Retry-After", MOD_FLOW_RETRY_AFTER);
        }
    }
}

static int unauthorized(request_rec *r, const flow_export_t *exp,
                        const flow_error_t *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "webhook '%s' refused: %s",
                  exp->id, err->message);
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   flow_webhook_challenge(exp->webhook, exp->id, r->pool));
    return mod_flow_send_message(r, HTTP_UNAUTHORIZED, "Unauthorized");
}

/* Anybody can cause this line, so there is one a minute (in each child).
 * *pbefore: how many have been swallowed since the last one. */
static int may_warn(const mod_flow_location_t *loc, apr_uint32_t *pbefore)
{
    mod_flow_location_t *mine = (mod_flow_location_t *)loc;
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    apr_uint32_t last = __atomic_load_n(&mine->warned, __ATOMIC_RELAXED);

    if ((last && now - last < 60) ||
        !__atomic_compare_exchange_n(&mine->warned, &last, now, 0,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&mine->swallowed, 1, __ATOMIC_RELAXED);
        return 0;
    }
    *pbefore = __atomic_exchange_n(&mine->swallowed, 0, __ATOMIC_RELAXED);
    return 1;
}

/* Returns OK when the request may go on, else what the handler returns. */
static int verify(request_rec *r, const mod_flow_location_t *loc,
                  const flow_export_t *exp, const flow_request_t *req,
                  flow_error_t *err, int *psent)
{
    const mod_flow_dir_t *dir =
        ap_get_module_config(r->per_dir_config, &flow_module);
    apr_uint32_t before = 0;

    if (flow_webhook_verifies(exp->webhook)) {
        if (flow_webhook_verify(exp->webhook, req, r->pool, err) !=
            APR_SUCCESS) {
            *psent = 1;
            return unauthorized(r, exp, err);
        }
        return OK;
    }
    if (dir->open || mod_flow_apache_authenticates(r)) {
        return OK;
    }
    *psent = 1;
    if (may_warn(loc, &before)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      FLOW_LOGNO(0202) "webhook '%s' has no verify method and "
                                       "its Location no authentication; "
                                       "refused%s. Set webhook.verify, an "
                                       "AuthType with Require, or FlowAuth "
                                       "none",
                      exp->id,
                      before ? apr_psprintf(r->pool,
                                            ", as %u others since the "
                                            "last such line",
                                            before)
                             : "");
    }
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   flow_webhook_challenge(exp->webhook, exp->id, r->pool));
    return mod_flow_send_message(r, HTTP_UNAUTHORIZED, "Unauthorized");
}

int mod_flow_webhook_handler(request_rec *r)
{
    const mod_flow_location_t *loc = mod_flow_location(r);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_answer_t answer = { 0, NULL, NULL, NULL, 0 };
    const flow_export_t *exp;
    flow_request_t *req;
    int status, sent = 0;

    if (!loc || loc->kind != MOD_FLOW_WEBHOOK) {
        return DECLINED;
    }
    exp = loc->listener;
    if (!mod_flow_global->jobs) {
        return mod_flow_send_message(r, HTTP_SERVICE_UNAVAILABLE,
                                     "Service Unavailable");
    }
    if (!method_allowed(flow_webhook_allowed(exp->webhook), r->method)) {
        apr_table_setn(r->headers_out, "Allow",
                       flow_webhook_allowed(exp->webhook));
        return mod_flow_send_message(r, HTTP_METHOD_NOT_ALLOWED,
                                     "Method Not Allowed");
    }
    status = mod_flow_request_read(r, loc, &req, &err);
    if (status == OK) {
        status = verify(r, loc, exp, req, &err, &sent);
        if (!sent) {
            deliver(r, exp, req, &answer, &err);
        }
    }
    else {
        flow_answer_error(&answer, status, &err, NULL, r->pool);
    }
    if (err.kind > FLOW_E_INPUT) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      FLOW_LOGNO(0203) "webhook '%s' answered %d: %s: %s",
                      exp->id, answer.status, err.code, err.message);
    }
    flow_stats_count(mod_flow_global->stats, exp->slot,
                     sent || answer.status >= 400,
                     (apr_uint64_t)(apr_time_now() - r->request_time));
    return sent ? status : mod_flow_answer_send(r, &answer);
}
