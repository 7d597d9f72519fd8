/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the sender who it should be? Everything here reads what anybody on the
 * network may have written, and decides on it before anything else does.
 *
 * Expected values are compared with flow_equal_secret() only, and nothing that
 * depends on them is said to anybody.
 */
#include "flow/flow_webhook_private.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "data/flow_json.h"

#define PREFIX_MAX 16 /* bytes of a "sha256=" */

static int is_equal(const char *got, apr_size_t len, const char *expected)
{
    return flow_equal_secret(got, len, expected, strlen(expected));
}

static const char *header(const flow_request_t *req, const char *name)
{
    return req->headers ? apr_table_get(req->headers, name) : NULL;
}

/* What stands behind "<scheme> ", or NULL. Schemes ignore case, as everywhere
 * in HTTP; there is exactly one blank. */
static const char *after_scheme(const char *value, const char *scheme)
{
    apr_size_t len = strlen(scheme);

    if (apr_cstr_casecmpn(value, scheme, len) || value[len] != ' ') {
        return NULL;
    }
    return value + len + 1;
}

/* ---- basic ---- */

static int verify_basic(const flow_webhook_t *w, const flow_request_t *req,
                        apr_pool_t *p)
{
    const char *value = header(req, "Authorization");
    const char *colon;
    char *text;
    apr_size_t len, user_len;
    int user_ok, password_ok;

    value = value ? after_scheme(value, "Basic") : NULL;
    if (!value || flow_base64_decode(&text, &len, value, p) != APR_SUCCESS) {
        return 0;
    }
    colon = memchr(text, ':', len);
    if (!colon) {
        return 0;
    }
    user_len = (apr_size_t)(colon - text);
    /* both, always: the time must not tell which of them was right */
    user_ok = is_equal(text, user_len, w->username);
    password_ok = is_equal(colon + 1, len - user_len - 1, w->password);
    return user_ok & password_ok;
}

/* ---- token ---- */

static int is_token(const json_t *v, const char *token, apr_pool_t *p)
{
    apr_size_t len = 0;
    const char *text;

    if (!flow_json_is(v, STRING) && !flow_json_is(v, NUMBER)) {
        return 0;
    }
    text = flow_json_to_text(v, &len, p);
    return text && is_equal(text, len, token);
}

static int verify_token_body(const flow_webhook_t *w, const flow_request_t *req,
                             apr_pool_t *p)
{
    json_t *body = NULL, *found;
    int ok;

    if (flow_webhook_body(w, req, &body, p, NULL) != APR_SUCCESS) {
        return 0;
    }
    found = flow_path_get(w->token_path, body);
    ok = is_token(found, w->token, p);
    json_decref(found);
    json_decref(body);
    return ok;
}

static int verify_token_header(const flow_webhook_t *w,
                               const flow_request_t *req)
{
    const char *value = header(req, w->token_name);

    if (value && w->token_scheme) {
        value = after_scheme(value, w->token_scheme);
    }
    return value && is_equal(value, strlen(value), w->token);
}

static int verify_token_query(const flow_webhook_t *w,
                              const flow_request_t *req, apr_pool_t *p)
{
    json_t *query;
    int ok;

    if (!req->query) {
        return 0;
    }
    query = flow_query_parse(req->query, strlen(req->query), p, NULL);
    ok = is_token(json_object_get(query, w->token_name), w->token, p);
    json_decref(query);
    return ok;
}

/* ---- hmac ---- */

static int is_prefix_char(char c)
{
    return apr_isalnum(c) || c == '-' || c == '_';
}

/* A signature of @a len bytes, perhaps behind a "name="; NULL if it is not
 * that long. The length decides, because base64 may end in '=' itself. */
static const char *find_signature(const char *value, apr_size_t len)
{
    apr_size_t all, prefix, i;

    while (*value == ' ') {
        ++value;
    }
    all = strlen(value);
    while (all && value[all - 1] == ' ') {
        --all;
    }
    if (all < len) {
        return NULL;
    }
    prefix = all - len;
    if (prefix == 0) {
        return value;
    }
    if (prefix < 2 || prefix > PREFIX_MAX || value[prefix - 1] != '=') {
        return NULL;
    }
    for (i = 0; i + 1 < prefix; ++i) {
        if (!is_prefix_char(value[i])) {
            return NULL;
        }
    }
    return value + prefix;
}

static int verify_hmac(const flow_webhook_t *w, const flow_request_t *req,
                       apr_pool_t *p)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    const char *value = header(req, w->header), *signature;
    char *expected, *got;
    apr_size_t len = 0, i;

    if (!value || flow_hmac(w->digest, w->key, w->key_len, req->body,
                            req->body_len, digest, &len) != APR_SUCCESS) {
        return 0;
    }
    expected =
        w->is_base64 ? flow_base64(digest, len, p) : flow_hex(digest, len, p);
    signature = find_signature(value, strlen(expected));
    if (!signature) {
        return 0;
    }
    got = apr_pstrmemdup(p, signature, strlen(expected));
    for (i = 0; !w->is_base64 && got[i]; ++i) {
        got[i] = (char)apr_tolower(got[i]);
    }
    return is_equal(got, strlen(got), expected);
}

/* ---- secret_url ---- */

/* "/TOKEN" or "/TOKEN/data", the form of Celigo's generated addresses. */
static int verify_secret_url(const flow_webhook_t *w, const flow_request_t *req)
{
    const char *token = req->path_info;
    apr_size_t len;

    if (!token || *token != '/') {
        return 0;
    }
    len = strcspn(++token, "/");
    if (token[len] && strcmp(token + len, "/data")) {
        return 0;
    }
    return is_equal(token, len, w->token);
}

/* ---- all ---- */

/* A subscription challenge comes as a GET, which has no body to be signed. It
 * makes no record, and the answer holds nothing but what was sent. */
static int is_unsigned_challenge(const flow_webhook_t *w,
                                 const flow_request_t *req)
{
    return w->has_challenge && !strcmp(req->method, "GET");
}

static int verify(const flow_webhook_t *w, const flow_request_t *req,
                  const char **pmethod, apr_pool_t *p)
{
    switch (w->verify) {
    case FLOW_VERIFY_BASIC:
        *pmethod = "basic";
        return verify_basic(w, req, p);
    case FLOW_VERIFY_TOKEN_BODY:
        *pmethod = "token (body)";
        return is_unsigned_challenge(w, req) || verify_token_body(w, req, p);
    case FLOW_VERIFY_TOKEN_HEADER:
        *pmethod = "token (header)";
        return verify_token_header(w, req);
    case FLOW_VERIFY_TOKEN_QUERY:
        *pmethod = "token (queryParam)";
        return verify_token_query(w, req, p);
    case FLOW_VERIFY_HMAC:
        *pmethod = "hmac";
        if (w->is_signed != FLOW_SIGNED_BODY) {
            return is_unsigned_challenge(w, req) ||
                   flow_webhook_verify_signed(w, req, apr_time_now(), pmethod,
                                              p);
        }
        return is_unsigned_challenge(w, req) || verify_hmac(w, req, p);
    case FLOW_VERIFY_SECRET_URL:
        *pmethod = "secret_url";
        return verify_secret_url(w, req);
    case FLOW_VERIFY_NONE:
    case FLOW_VERIFY_BROKEN:
        break;
    }
    *pmethod = "none";
    return 0;
}

int flow_webhook_verifies(const flow_webhook_t *webhook)
{
    return webhook->verify != FLOW_VERIFY_NONE;
}

apr_status_t flow_webhook_verify(const flow_webhook_t *webhook,
                                 const flow_request_t *req, apr_pool_t *p,
                                 flow_error_t *err)
{
    const char *method = "none";

    if (verify(webhook, req, &method, p)) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EACCES, "unauthorized",
                          "the sender does not pass verify method %s", method);
}
