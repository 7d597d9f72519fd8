/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Tokens (RFC 7515, 7519), made for each request, and the user name
 * token of WS-Security.
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_strings.h>

#include <string.h>

#define TEXT_MAX 65536
/* Below this a time is meant from now on. */
#define RELATIVE_MAX 1000000000

static apr_status_t fill(const http_jwt_t *jwt, const json_t *v,
                         const json_t *context, json_t **pout, apr_pool_t *p,
                         flow_error_t *err)
{
    const char *text = flow_json_string(v, NULL), *key;
    const flow_template_t *tpl;
    apr_status_t rv = APR_SUCCESS;
    json_t *item, *part = NULL;
    apr_size_t len;
    size_t i;

    *pout = NULL;
    if (text) {
        tpl = apr_hash_get(jwt->templates, text, APR_HASH_KEY_STRING);
        if (!tpl) {
            *pout = json_incref((json_t *)v);
            return APR_SUCCESS;
        }
        rv = flow_template_text(tpl, context, TEXT_MAX, &text, &len, p, err);
        *pout = rv == APR_SUCCESS ? flow_json_string_new(text, len) : NULL;
        return rv;
    }
    if (!flow_json_is(v, ARRAY) && !flow_json_is(v, OBJECT)) {
        *pout = json_incref((json_t *)v);
        return APR_SUCCESS;
    }
    *pout = flow_json_is(v, ARRAY) ? json_array() : json_object();
    json_array_foreach((json_t *)v, i, item)
    {
        rv = rv == APR_SUCCESS ? fill(jwt, item, context, &part, p, err) : rv;
        if (rv == APR_SUCCESS) {
            json_array_append_new(*pout, part);
        }
    }
    json_object_foreach((json_t *)v, key, item)
    {
        rv = rv == APR_SUCCESS ? fill(jwt, item, context, &part, p, err) : rv;
        if (rv == APR_SUCCESS) {
            json_object_set_new(*pout, key, part);
        }
    }
    return rv;
}

/* A number, or a text that is one (a template's); a small one counts from
 * now. */
static void fix_time(json_t *payload, const char *name, apr_time_t now,
                     apr_pool_t *p)
{
    const json_t *v = json_object_get(payload, name);
    apr_size_t len;
    const char *text;
    apr_int64_t n;
    json_t *number;

    if (!v) {
        return;
    }
    text = flow_json_to_text(v, &len, p);
    number = flow_json_number_new(text, len);
    if (number && flow_json_int64(number, &n)) {
        json_object_set_new(
            payload, name,
            json_integer(n < RELATIVE_MAX ? n + apr_time_sec(now) : n));
    }
    json_decref(number);
}

static const char *encode(const json_t *v, apr_pool_t *p)
{
    apr_size_t len;
    const char *text = flow_json_text(v, &len, p);

    return flow_base64url(text, len, p);
}

static apr_status_t sign(const http_jwt_t *jwt, const char *input,
                         const char **psignature, apr_pool_t *p,
                         flow_error_t *err)
{
    unsigned char mac[FLOW_DIGEST_MAX];
    apr_size_t len = 0;
    char *sig = (char *)mac;
    apr_status_t rv;

    if (jwt->is_hmac) {
        rv = flow_hmac(jwt->digest, jwt->key, jwt->key_len, input,
                       strlen(input), mac, &len);
        if (rv != APR_SUCCESS) {
            flow_error_set(err, FLOW_E_INTERNAL, rv, "sign",
                           "the token cannot be signed");
        }
    }
    else {
        rv = flow_sign(jwt->scheme, jwt->digest, jwt->key, input, strlen(input),
                       &sig, &len, p, err);
    }
    *psignature = rv == APR_SUCCESS ? flow_base64url(sig, len, p) : NULL;
    return rv;
}

apr_status_t flow_conn_http_jwt_make(const http_jwt_t *jwt,
                                     const json_t *context, apr_time_t now,
                                     const char **ptoken, apr_pool_t *p,
                                     flow_error_t *err)
{
    const char *input, *signature = NULL;
    json_t *head, *payload = NULL;
    apr_status_t rv;

    if (jwt->token) {
        *ptoken = jwt->token;
        return APR_SUCCESS;
    }
    rv = fill(jwt, jwt->payload, context, &payload, p, err);
    flow_json_own(p, payload);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    fix_time(payload, "exp", now, p);
    fix_time(payload, "nbf", now, p);
    fix_time(payload, "iat", now, p);
    head = flow_json_own(p, json_object());
    json_object_set_new(head, "alg",
                        flow_json_string_new(jwt->name, strlen(jwt->name)));
    json_object_set_new(head, "typ", flow_json_string_new("JWT", 3));
    if (jwt->headers) {
        json_object_update(head, (json_t *)jwt->headers);
    }
    input = apr_pstrcat(p, encode(head, p), ".", encode(payload, p), NULL);
    rv = sign(jwt, input, &signature, p, err);
    if (rv == APR_SUCCESS) {
        *ptoken = apr_pstrcat(p, input, ".", signature, NULL);
    }
    return rv;
}

const char *flow_conn_http_wsse(const char *user, const char *password,
                                const char *nonce, const char *created,
                                apr_pool_t *p)
{
    const char *text = apr_pstrcat(p, nonce, created, password, NULL);
    unsigned char raw[FLOW_DIGEST_MAX];
    apr_size_t len = 0;

    if (flow_digest(FLOW_DIGEST_SHA1, text, strlen(text), raw, &len) !=
        APR_SUCCESS) {
        return NULL;
    }
    return apr_psprintf(p,
                        "UsernameToken Username=\"%s\", PasswordDigest=\"%s\", "
                        "Nonce=\"%s\", Created=\"%s\"",
                        user, flow_base64(raw, len, p), nonce, created);
}
