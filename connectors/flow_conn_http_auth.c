/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in requests, and the answers that refuse them.
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_strings.h>

#include <string.h>

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text) {
        json_object_set_new(object, name,
                            flow_json_string_new(text, strlen(text)));
    }
}

const json_t *flow_conn_http_auth_context(const http_auth_t *auth,
                                          const http_cred_t *cred,
                                          const json_t *context, apr_pool_t *p)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    json_t *copy, *at, *extra = NULL;

    /* The documents say it all until something has been renewed. */
    if (auth->type != HTTP_AUTH_TOKEN || cred->generation == 0) {
        return context;
    }
    copy = flow_json_own(p, flow_json_is(context, OBJECT)
                                ? json_copy((json_t *)context)
                                : json_object());
    at = flow_conn_http_copy_member(copy, "connection");
    at = flow_conn_http_copy_member(at, "http");
    at = flow_conn_http_copy_member(at, "auth");
    at = flow_conn_http_copy_member(at, "token");
    if (cred->extra && flow_json_parse(&extra, cred->extra, strlen(cred->extra),
                                       &ignored) == APR_SUCCESS) {
        json_object_update(at, extra);
        json_decref(extra);
    }
    set_text(at, "token", cred->access);
    set_text(at, "refreshToken", cred->refresh);
    return copy;
}

/* ---- applying ---- */

static void put_header(http_outgoing_t *out, const char *name,
                       const char *value)
{
    if (value && !apr_table_get(out->headers, name)) {
        apr_table_set(out->headers, name, value);
    }
}

static void put_token(const http_auth_t *auth, const http_cred_t *cred,
                      http_outgoing_t *out, apr_pool_t *p)
{
    const char *token = cred->access;

    if (!token || auth->in_body) {
        return;
    }
    if (auth->query) {
        /* A next link may carry a token already, even one that is over. */
        out->url = flow_conn_http_set_query(out->url, auth->query, token, p);
        return;
    }
    put_header(out, auth->header,
               auth->scheme && auth->scheme[0]
                   ? apr_pstrcat(p, auth->scheme, " ", token, NULL)
                   : token);
}

static apr_status_t put_wsse(const http_auth_t *auth, http_outgoing_t *out,
                             apr_pool_t *p, flow_error_t *err)
{
    unsigned char raw[16];
    apr_time_exp_t t;
    const char *created;

    if (flow_random(raw, sizeof(raw)) != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "random",
                              "no random bytes for a nonce");
    }
    apr_time_exp_gmt(&t, apr_time_now());
    created =
        apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900,
                     t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    out->secret = flow_conn_http_wsse(
        auth->user, auth->password, flow_hex(raw, sizeof(raw), p), created, p);
    put_header(out, auth->header, out->secret);
    return APR_SUCCESS;
}

static apr_status_t put_jwt(const http_auth_t *auth, http_outgoing_t *out,
                            apr_pool_t *p, flow_error_t *err)
{
    const char *token;
    apr_status_t rv = flow_conn_http_jwt_make(auth->jwt, out->context,
                                              apr_time_now(), &token, p, err);

    if (rv == APR_SUCCESS) {
        out->secret = token;
        put_header(out, "Authorization",
                   apr_pstrcat(p, "Bearer ", token, NULL));
    }
    return rv;
}

apr_status_t flow_conn_http_auth_apply(const http_auth_t *auth,
                                       const http_cred_t *cred,
                                       http_outgoing_t *out, apr_pool_t *p,
                                       flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    switch (auth->type) {
    case HTTP_AUTH_NONE:
        break;
    case HTTP_AUTH_BASIC:
        put_header(out, auth->header, auth->value);
        break;
    case HTTP_AUTH_TOKEN:
        put_token(auth, cred, out, p);
        break;
    case HTTP_AUTH_COOKIE:
        out->secret = flow_conn_http_cookies_for(cred->access, out->url,
                                                 apr_time_now(), p);
        put_header(out, "Cookie", out->secret);
        break;
    case HTTP_AUTH_DIGEST:
        out->secret = flow_conn_http_digest_answer(
            auth->digest, auth->user, auth->password, out->method, out->url, p);
        put_header(out, "Authorization", out->secret);
        break;
    case HTTP_AUTH_WSSE:
        rv = put_wsse(auth, out, p, err);
        break;
    case HTTP_AUTH_JWT:
        rv = put_jwt(auth, out, p, err);
        break;
    case HTTP_AUTH_OAUTH1:
        rv = flow_conn_http_oauth1_header(auth->oauth1, out->method, out->url,
                                          out->form, &out->secret, p, err);
        put_header(out, "Authorization", out->secret);
        break;
    }
    return rv;
}

/* ---- refused? ---- */

int flow_conn_http_auth_failed(const http_auth_t *auth,
                               const http_answer_t *answer, apr_pool_t *p)
{
    int i;

    for (i = 0; i < auth->nfail_statuses; ++i) {
        if (answer->status == auth->fail_statuses[i]) {
            return 1;
        }
    }
    return auth->fail_path &&
           flow_conn_http_matches(auth->fail_path, answer->value,
                                  auth->fail_values, 1, p);
}
