/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending a request, and sending it again.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#define RETRIES_MAX     2  /* after trouble on the line or at the far end */
#define LIMIT_WAITS_MAX 20 /* the deadline comes first */
#define FINDS_MAX       2  /* credentials of other processes tried */

/* One request, sent until it is through or given up. */
typedef struct http_try_t {
    const http_send_t *original;
    http_send_t send; /* of this attempt */
    const flow_call_t *call;
    const http_connection_t *conn;
    const http_auth_t *auth;
    http_cred_t cred;
    const char *secret; /* made for this attempt */
    int renewals, finds, retries, waits;
    apr_pool_t *p;
} http_try_t;

/* ---- sending ---- */

static apr_status_t perform(const http_try_t *t, const flow_http_request_t *req,
                            http_answer_t *answer, flow_error_t *err)
{
    const flow_call_t *call = t->call;
    flow_http_response_t resp;
    apr_status_t rv;
    int place;

    if (call->stopping && *call->stopping) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the server is stopping");
    }
    rv = flow_conn_http_gate_enter(t->conn->gate, call, &place, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_http_perform(call->http, req, &resp, t->p, err);
    flow_conn_http_gate_leave(t->conn->gate, place);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    answer->is_answered = 1;
    answer->status = resp.status;
    answer->headers = resp.headers;
    answer->body = resp.body;
    answer->body_len = resp.body_len;
    answer->url = resp.url ? resp.url : req->url;
    return APR_SUCCESS;
}

static apr_status_t renew(http_try_t *t, flow_error_t *err)
{
    http_grant_call_t call = { t->send.connection, t->call,
                               t->original->context };
    int found = 0;
    apr_status_t rv = flow_conn_http_token_renew(
        t->auth->token, t->send.connection->id, t->cred.generation,
        flow_conn_http_grant_run, &call, t->call, &found, t->p, err);

    /* Others' may be over, too, by now: then it is still our turn. */
    if (found && t->finds++ < FINDS_MAX) {
        --t->renewals;
    }
    return rv;
}

/* The credentials of the moment; new ones first when there are none or they
 * are about to expire. */
static apr_status_t read_credentials(http_try_t *t, flow_error_t *err)
{
    apr_status_t rv;

    if (!t->auth->token) {
        return APR_SUCCESS;
    }
    flow_conn_http_token_sync(t->auth->token, t->send.connection->id, t->call,
                              t->p);
    flow_conn_http_token_read(t->auth->token, &t->cred, t->p);
    if (!t->auth->grant || t->call->dry_run ||
        (t->cred.access &&
         (!t->cred.expires || apr_time_now() < t->cred.expires))) {
        return APR_SUCCESS;
    }
    ++t->renewals;
    rv = renew(t, err);
    if (rv == APR_SUCCESS) {
        flow_conn_http_token_read(t->auth->token, &t->cred, t->p);
    }
    return rv;
}

static const char *form_of(const http_try_t *t, const apr_table_t *headers)
{
    const char *type = apr_table_get(headers, "Content-Type");

    return t->send.body && flow_media_from_type(type) == FLOW_MEDIA_URLENCODED
               ? t->send.body
               : NULL;
}

static apr_status_t build(http_try_t *t, flow_http_request_t *req,
                          flow_error_t *err)
{
    http_outgoing_t out = { t->send.step->method };
    apr_status_t rv;

    t->send = *t->original;
    t->send.blobs = t->call->blobs;
    t->send.context =
        flow_conn_http_auth_context(t->auth, &t->cred, t->send.context, t->p);
    if (t->send.body_context) {
        t->send.body_context = flow_conn_http_auth_context(
            t->auth, &t->cred, t->send.body_context, t->p);
    }
    rv = flow_conn_http_url_of(&t->send, &out.url, t->p, err);
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_render_body(&t->send, out.url, t->p, err);
    }
    if (rv == APR_SUCCESS && t->send.body_max > 0 &&
        t->send.body_len > t->send.body_max) {
        rv = flow_error_set(
            err, FLOW_E_INPUT, APR_ENOSPC, "body_too_large",
            "the body has %" APR_SIZE_T_FMT
            " bytes, 'http.endPointBodyLimit' is %" APR_SIZE_T_FMT,
            t->send.body_len, t->send.body_max);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_make_headers(&t->send, &out.headers, t->p, err);
    }
    if (rv == APR_SUCCESS) {
        out.context = t->send.context;
        out.form = form_of(t, out.headers);
        rv = flow_conn_http_auth_apply(t->auth, &t->cred, &out, t->p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_sign_headers(&t->send, &out, t->p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    t->secret = out.secret;
    req->affinity = t->send.connection->id;
    req->method = t->send.step->method;
    req->url = out.url;
    req->trusted_host = t->conn->trusted_host;
    req->headers = out.headers;
    req->body = t->send.body;
    req->body_len = t->send.body_len;
    req->deadline = flow_call_until(t->call);
    req->insecure = t->conn->insecure;
    req->tls = t->conn->tls;
    return APR_SUCCESS;
}

static apr_status_t attempt(http_try_t *t, http_answer_t *answer,
                            flow_error_t *err)
{
    flow_http_request_t req = { NULL };
    apr_status_t rv;

    rv = read_credentials(t, err);
    if (rv == APR_SUCCESS) {
        rv = build(t, &req, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    answer->url = req.url;
    if (t->call->stages) {
        flow_conn_http_request_stage(t->call, t->send.connection, &req,
                                     t->secret, t->p);
    }
    if (t->call->dry_run) {
        return APR_SUCCESS;
    }
    answer->sent = apr_pmemdup(t->p, &req, sizeof(req));
    answer->sent_secret = t->secret;
    rv = perform(t, &req, answer, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (t->call->stages) {
        flow_conn_http_response_stage(t->call, t->send.connection, answer,
                                      t->p);
    }
    if (t->auth->type == HTTP_AUTH_COOKIE && t->cred.access) {
        const char *jar = flow_conn_http_cookies_take(
            t->cred.access, answer->headers, answer->url, apr_time_now(), t->p);

        if (jar != t->cred.access) {
            flow_conn_http_token_replace(t->auth->token, &t->cred, jar);
        }
    }
    return flow_conn_http_parse(answer, t->send.step, t->p, err);
}

/* ---- again? ---- */

/* May it be sent twice? */
static int is_safe(const http_try_t *t)
{
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "PUT",
                                           "DELETE" };
    size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i) {
        if (strcmp(t->send.step->method, methods[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_limited(const http_try_t *t, const http_answer_t *answer)
{
    const http_connection_t *conn = t->conn;

    return answer->status == conn->limit_status ||
           (conn->limit_path &&
            flow_conn_http_matches(conn->limit_path, answer->value,
                                   conn->limit_values, 1, t->p));
}

static int is_transient(int status)
{
    return status == 408 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

static apr_interval_time_t wait_for(const http_try_t *t,
                                    const http_answer_t *answer, int n)
{
    apr_interval_time_t least = flow_conn_http_backoff(n);
    apr_interval_time_t wait = flow_conn_http_wait_of(
        apr_table_get(answer->headers, t->conn->retry_header),
        apr_table_get(answer->headers, "Date"), apr_time_now());

    if (wait < 0) {
        wait = flow_conn_http_wait_of_cost(answer->value);
    }
    /* "At once" is no answer to too many requests. */
    return wait > 0 ? wait : least;
}

/* Too many requests: they were not acted upon, so any method may go again. */
static int wait_limit(http_try_t *t, const http_answer_t *answer)
{
    apr_interval_time_t wait;

    if (!t->conn->recovers || t->waits >= LIMIT_WAITS_MAX) {
        return 0;
    }
    wait = wait_for(t, answer, t->waits++);
    flow_conn_http_gate_pause(t->conn->gate, wait);
    return flow_conn_http_sleep(wait, t->call) == APR_SUCCESS;
}

static int retries_max(const http_try_t *t)
{
    return t->send.step->attempts > 0 ? t->send.step->attempts - 1
                                      : RETRIES_MAX;
}

static int wait_transient(http_try_t *t, const http_answer_t *answer)
{
    if (!is_safe(t) || t->retries >= retries_max(t)) {
        return 0;
    }
    return flow_conn_http_sleep(wait_for(t, answer, t->retries++), t->call) ==
           APR_SUCCESS;
}

static int is_line_trouble(const char *code)
{
    return strcmp(code, "connect_failed") == 0 ||
           strcmp(code, "connection_lost") == 0 || strcmp(code, "timeout") == 0;
}

/* No answer. What was not sent may go again, and what does no harm twice. */
static int wait_transport(http_try_t *t, const flow_error_t *err)
{
    int was_sent = err->status == APR_TIMEUP || err->status == APR_ECONNRESET;

    if (err->kind != FLOW_E_UNAVAILABLE || t->retries >= retries_max(t) ||
        (was_sent && !is_safe(t)) || !is_line_trouble(err->code)) {
        return 0;
    }
    return flow_conn_http_sleep(flow_conn_http_backoff(t->retries++),
                                t->call) == APR_SUCCESS;
}

/* 1 = with other credentials, 0 = there are none; an error ends it. */
static apr_status_t authenticate(http_try_t *t, const http_answer_t *answer,
                                 int *pagain, flow_error_t *err)
{
    *pagain = 0;
    if (t->auth->type == HTTP_AUTH_DIGEST) {
        *pagain =
            t->renewals++ < 1 &&
            flow_conn_http_digest_learn(t->auth->digest, answer->headers, t->p);
        return APR_SUCCESS;
    }
    if (!t->auth->grant) {
        return APR_SUCCESS;
    }
    if (t->renewals++ > 0) {
        return flow_error_set(
            err, FLOW_E_CONFIG, APR_EACCES, "auth_failed",
            "the far end does not take the new credentials, either (status "
            "%d)",
            answer->status);
    }
    *pagain = 1;
    return renew(t, err);
}

/* Is there reason, time and leave to send it again? */
static apr_status_t decide(http_try_t *t, const http_answer_t *answer,
                           int *pagain, flow_error_t *err)
{
    *pagain = 0;
    if (is_limited(t, answer)) {
        *pagain = wait_limit(t, answer);
        return APR_SUCCESS;
    }
    flow_conn_http_gate_good(t->conn->gate);
    if (flow_conn_http_auth_failed(t->auth, answer, t->p)) {
        apr_status_t rv = authenticate(t, answer, pagain, err);

        /* A refusal inside of a good answer must not pass for one. */
        if (rv == APR_SUCCESS && !*pagain && answer->status < 300) {
            rv = flow_error_set(err, FLOW_E_CONFIG, APR_EACCES, "auth_failed",
                                "the far end does not take the credentials");
        }
        return rv;
    }
    if (is_transient(answer->status)) {
        *pagain = wait_transient(t, answer);
    }
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_send(const http_send_t *send,
                                 const flow_call_t *call, http_answer_t *answer,
                                 apr_pool_t *p, flow_error_t *err)
{
    http_try_t t = { send, *send, call, send->connection->data };
    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t rv;
    int again;

    t.auth = t.conn->auth;
    t.p = p;
    do {
        again = 0;
        memset(answer, 0, sizeof(*answer));
        answer->status = 200;
        answer->headers = apr_table_make(p, 1);
        answer->body = "";
        flow_error_clear(&why);
        rv = attempt(&t, answer, &why);
        if (t.conn->debug_until > apr_time_now()) {
            flow_conn_http_debug(answer, send->connection, p);
        }
        if (rv != APR_SUCCESS) {
            again = wait_transport(&t, &why);
        }
        else if (!call->dry_run) {
            rv = decide(&t, answer, &again, &why);
            again = again && rv == APR_SUCCESS;
        }
    } while (again);
    if (rv != APR_SUCCESS) {
        flow_error_set(err, why.kind, why.status, why.code, "%s", why.message);
        flow_error_prefix(err, "connection '%s'", send->connection->id);
    }
    return rv;
}

const json_t *flow_conn_http_secrets(const flow_connection_t *connection,
                                     apr_pool_t *p)
{
    const http_connection_t *conn = connection->data;
    json_t *all;

    if (!conn->auth->token) {
        return connection->secrets;
    }
    all = flow_json_own(p, connection->secrets ? json_copy(connection->secrets)
                                               : json_array());
    flow_conn_http_token_secrets(conn->auth->token, all);
    return all;
}
