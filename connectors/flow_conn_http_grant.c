/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting credentials: token refresh, OAuth 2 grants (RFC 6749), login.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#define EXPIRES_MAX (10 * 365 * 24 * 3600)

/* ---- the request ---- */

static apr_status_t add_form(const http_grant_t *g, const http_cred_t *old,
                             http_send_t *send, apr_pool_t *p)
{
    const char *form = g->form ? g->form : "";

    if (g->sends_refresh && old->refresh) {
        form = apr_pstrcat(
            p, form, *form ? "&" : "",
            "grant_type=refresh_token&refresh_token=",
            flow_url_encode(old->refresh, strlen(old->refresh), p), NULL);
    }
    if (*form) {
        send->body = apr_pstrcat(p, form, send->body && *send->body ? "&" : "",
                                 send->body ? send->body : "", NULL);
        send->body_len = strlen(send->body);
    }
    return APR_SUCCESS;
}

static apr_status_t make_headers(const http_grant_t *g, const http_cred_t *old,
                                 const http_send_t *send, int is_own,
                                 apr_table_t *out, apr_pool_t *p,
                                 flow_error_t *err)
{
    const http_connection_t *conn = send->connection->data;
    apr_status_t rv = APR_SUCCESS;

    apr_table_set(out, "Accept", "application/json, */*;q=0.5");
    if (send->body) {
        apr_table_set(out, "Content-Type",
                      send->content_type
                          ? send->content_type
                          : flow_media_type(g->step.request_media));
    }
    if (g->basic) {
        apr_table_set(out, "Authorization", g->basic);
    }
    if (g->refresh_in_header && old->refresh) {
        apr_table_set(out, "Authorization",
                      apr_pstrcat(p, "Bearer ", old->refresh, NULL));
    }
    /* What belongs to the connection's own host goes nowhere else. */
    if (is_own) {
        rv = flow_conn_http_render_headers(out, &conn->headers, send->context,
                                           p, err);
    }
    return rv == APR_SUCCESS ? flow_conn_http_render_headers(
                                   out, &g->step.headers, send->context, p, err)
                             : rv;
}

static apr_status_t make_url(const http_grant_t *g, const http_send_t *send,
                             const char **purl, apr_pool_t *p,
                             flow_error_t *err)
{
    apr_size_t len;

    if (!g->trusted_host) {
        return flow_conn_http_url_of(send, purl, p, err);
    }
    return flow_template_text(g->step.uri, send->context, 16384, purl, &len, p,
                              err);
}

apr_status_t flow_conn_http_grant_request(const http_grant_t *g,
                                          const http_cred_t *old,
                                          const http_grant_call_t *call,
                                          http_answer_t *answer, apr_pool_t *p,
                                          flow_error_t *err)
{
    const http_connection_t *conn = call->connection->data;
    http_send_t send = { call->connection, &g->step };
    flow_http_request_t req = { call->connection->id, g->step.method };
    apr_table_t *headers = apr_table_make(p, 8);
    http_outgoing_t out = { g->step.method };
    flow_http_response_t resp;
    apr_status_t rv;

    send.context =
        flow_conn_http_auth_context(conn->auth, old, call->context, p);
    send.tpl = &g->step.body;
    rv = make_url(g, &send, &req.url, p, err);
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_render_body(&send, req.url, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = add_form(g, old, &send, p);
    }
    if (rv == APR_SUCCESS) {
        rv = make_headers(g, old, &send, !g->trusted_host, headers, p, err);
    }
    out.url = req.url;
    out.headers = headers;
    if (rv == APR_SUCCESS && !g->trusted_host) {
        rv = flow_conn_http_sign(&send, &conn->headers, &out, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_sign(&send, &g->step.headers, &out, p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    req.trusted_host = g->trusted_host ? g->trusted_host : conn->trusted_host;
    req.headers = headers;
    req.body = send.body;
    req.body_len = send.body_len;
    req.deadline = call->call->deadline;
    req.insecure = conn->insecure;
    req.tls = conn->tls;
    rv = flow_http_perform(call->call->http, &req, &resp, p, err);
    if (rv == APR_SUCCESS) {
        memset(answer, 0, sizeof(*answer));
        answer->status = resp.status;
        answer->headers = resp.headers;
        answer->body = resp.body;
        answer->body_len = resp.body_len;
        answer->url = resp.url ? resp.url : req.url;
    }
    return rv;
}

/* ---- the answer ---- */

static int is_taken(const http_grant_t *g, int status)
{
    if (g->success_status) {
        return status == g->success_status;
    }
    return status >= 200 && status < (g->is_login ? 400 : 300);
}

static apr_status_t refused(const http_answer_t *answer, const char *what,
                            const http_grant_call_t *call, apr_pool_t *p,
                            flow_error_t *err)
{
    const char *text =
        flow_conn_http_error_text(answer, NULL, call->connection, p);
    int later =
        answer->status >= 500 || answer->status == 429 || answer->status == 408;

    return flow_error_set(
        err, later ? FLOW_E_UNAVAILABLE : FLOW_E_CONFIG, APR_EGENERAL,
        "auth_failed", "no new credentials: the %s was answered %d%s%s", what,
        answer->status, text ? ": " : "", text ? text : "");
}

static const char *text_at(const flow_path_t *path, const json_t *value,
                           apr_pool_t *p)
{
    json_t *v = path && value ? flow_path_get(path, value) : NULL;
    const char *text = NULL;
    apr_size_t len = 0;

    if (v && (flow_json_is(v, STRING) || flow_json_is(v, NUMBER) ||
              flow_json_is(v, ARRAY))) {
        text = flow_json_to_text(v, &len, p);
        text = len > 0 ? apr_pstrmemdup(p, text, len) : NULL;
    }
    json_decref(v);
    return text;
}

static void read_expiry(const http_grant_t *g, const http_answer_t *answer,
                        http_cred_t *fresh, apr_pool_t *p)
{
    const char *text = text_at(g->expires_path, answer->value, p);
    apr_int64_t seconds = text ? apr_strtoi64(text, NULL, 10) : 0;

    if (seconds > 0 && seconds < EXPIRES_MAX) {
        /* A little sooner: the request has to get there, too. */
        apr_int64_t margin = seconds / 10 < 60 ? seconds / 10 : 60;

        fresh->expires = apr_time_now() + apr_time_from_sec(seconds - margin);
    }
}

/* What this answer does not have stays as it was. */
static void read_kept(const http_grant_t *g, const http_answer_t *answer,
                      const http_cred_t *old, http_cred_t *fresh, apr_pool_t *p)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    json_t *extra = NULL;
    int i;

    if (!old->extra || flow_json_parse(&extra, old->extra, strlen(old->extra),
                                       &ignored) != APR_SUCCESS) {
        extra = json_object();
    }
    flow_json_own(p, extra);
    for (i = 0; i < g->nkept; ++i) {
        const char *text = text_at(g->kept[i].path, answer->value, p);
        const char *name = g->kept[i].name;

        if (!text) {
            continue;
        }
        json_object_set_new(extra, name,
                            flow_json_string_new(text, strlen(text)));
        if (strcasecmp(name, "refresh_token") == 0 ||
            strcasecmp(name, "refreshToken") == 0) {
            fresh->refresh = text;
        }
    }
    if (json_object_size(extra) > 0) {
        fresh->extra = flow_json_text(extra, NULL, p);
    }
}

static apr_status_t read_token(const http_grant_t *g,
                               const http_grant_call_t *call,
                               http_answer_t *answer, const http_cred_t *old,
                               http_cred_t *fresh, apr_pool_t *p,
                               flow_error_t *err)
{
    const char *token;
    apr_status_t rv;

    rv = flow_conn_http_parse(answer, &g->step, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!is_taken(g, answer->status)) {
        return refused(answer, "token request", call, p, err);
    }
    token = text_at(g->token_path, answer->value, p);
    if (!token) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "auth_failed",
                              "no new credentials: the answer to the token "
                              "request has nothing at '%s'",
                              g->token_path_text);
    }
    if (!flow_header_value_ok(token, strlen(token))) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_EINVAL, "auth_failed",
                              "the new token has control characters");
    }
    fresh->access = token;
    fresh->refresh = text_at(g->refresh_path, answer->value, p);
    read_expiry(g, answer, fresh, p);
    read_kept(g, answer, old, fresh, p);
    return APR_SUCCESS;
}

static apr_status_t read_login(const http_grant_t *g,
                               const http_grant_call_t *call,
                               const http_answer_t *answer, http_cred_t *fresh,
                               apr_pool_t *p, flow_error_t *err)
{
    if (!is_taken(g, answer->status)) {
        return refused(answer, "login", call, p, err);
    }
    fresh->access = flow_conn_http_cookies_take(NULL, answer->headers,
                                                answer->url, apr_time_now(), p);
    if (!fresh->access) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "auth_failed",
                              "no new credentials: the answer to the login "
                              "(status %d) sets no cookie",
                              answer->status);
    }
    return APR_SUCCESS;
}

apr_status_t flow_conn_http_grant_run(void *baton, const http_cred_t *old,
                                      http_cred_t *fresh, apr_pool_t *p,
                                      flow_error_t *err)
{
    const http_grant_call_t *call = baton;
    const http_connection_t *conn = call->connection->data;
    const http_grant_t *g = conn->auth->grant;
    http_answer_t answer;
    apr_status_t rv;

    if (g->needs_refresh && !old->refresh) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_NOTFOUND, "auth_failed",
                              "no new credentials: there is no refresh token; "
                              "authorize the application and set "
                              "'http.auth.token.refreshToken'");
    }
    if (g->uses_refresh && old->refresh && call->call->spare_grants &&
        !call->call->grants) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EACCES, "auth_not_kept",
                              "no new credentials: the refresh token may be "
                              "good for one use only, and the next one could "
                              "not be kept; name the server's store and key "
                              "file (--state-dir or --store, --key-file)");
    }
    rv = flow_conn_http_grant_request(g, old, call, &answer, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return g->is_login ? read_login(g, call, &answer, fresh, p, err)
                       : read_token(g, call, &answer, old, fresh, p, err);
}
