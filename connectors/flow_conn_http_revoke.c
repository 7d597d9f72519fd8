/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending tokens (RFC 7009): the far end is asked to, then what is stored of
 * them is forgotten.
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_strings.h>

#include <string.h>

#define REVOKE "http.auth.token.revoke"

/* With a body of the document's own nothing is added to it. */
const http_grant_t *flow_conn_http_compile_revoke(flow_compile_t *c,
                                                  const http_grant_t *grant)
{
    http_grant_t *g;

    if (!flow_compile_get(c, REVOKE)) {
        return NULL;
    }
    g = apr_pcalloc(flow_compile_pool(c), sizeof(*g));
    flow_conn_http_compile_address(c, REVOKE ".uri", g);
    g->step.method = "POST";
    g->step.request_media = FLOW_MEDIA_URLENCODED;
    g->step.headers = flow_conn_http_compile_headers(c, REVOKE ".headers");
    g->step.body = flow_conn_http_compile_body(
        c, REVOKE ".body", flow_compile_string(c, REVOKE ".body"),
        FLOW_MEDIA_URLENCODED);
    if (grant) {
        g->basic = grant->basic;
    }
    return g->step.uri ? g : NULL;
}

/* The grant, with the token in its form when no template says what is sent. */
static const http_grant_t *filled(const http_grant_t *g,
                                  const http_cred_t *cred, apr_pool_t *p)
{
    http_grant_t *copy = apr_pmemdup(p, g, sizeof(*g));
    const char *token = cred->refresh ? cred->refresh : cred->access;

    if (!g->step.body.tpl) {
        copy->form = apr_pstrcat(
            p, "token=", flow_url_encode(token, strlen(token), p),
            "&token_type_hint=", cred->refresh ? "refresh" : "access", "_token",
            NULL);
    }
    return copy;
}

apr_status_t flow_conn_http_revoke(const flow_connection_t *connection,
                                   const flow_call_t *call, apr_pool_t *p,
                                   flow_error_t *err)
{
    const http_connection_t *conn = connection->data;
    const http_auth_t *auth = conn->auth;
    http_grant_call_t grant = { connection, call, call->context };
    http_answer_t answer = { 0 };
    http_cred_t cred;
    apr_status_t rv;

    if (!auth->revoke) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "cannot_revoke",
                              "connection '%s' does not say how its tokens are "
                              "revoked; set 'http.auth.token.revoke'",
                              connection->id);
    }
    flow_conn_http_token_sync(auth->token, connection->id, call, p);
    flow_conn_http_token_read(auth->token, &cred, p);
    if (!cred.access && !cred.refresh) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_NOTFOUND, "no_token",
                              "connection '%s' has no token", connection->id);
    }
    rv = flow_conn_http_grant_request(filled(auth->revoke, &cred, p), &cred,
                                      &grant, &answer, p, err);
    if (rv == APR_SUCCESS && (answer.status < 200 || answer.status > 299)) {
        rv = flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "revoke_failed",
                            "connection '%s': the far end has not revoked the "
                            "token (status %d)",
                            connection->id, answer.status);
    }
    if (rv == APR_SUCCESS && call->grants) {
        rv = flow_conn_http_keep_forget(connection->id, call, p, err);
    }
    return rv;
}
