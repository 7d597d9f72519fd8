/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.auth of connections whose requests are signed one by one, compiled.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#define AUTH "http.auth."

/* ---- OAuth 1 ---- */

static void check_key(flow_compile_t *c, const char *field, flow_sign_e scheme,
                      flow_digest_e digest, const char *pem)
{
    flow_error_t err = FLOW_ERROR_INIT;

    if (*pem && flow_sign(scheme, digest, pem, NULL, 0, NULL, NULL,
                          flow_compile_pool(c), &err) != APR_SUCCESS) {
        flow_compile_problem(c, field, "%s", err.message);
    }
}

void flow_conn_http_compile_oauth1(flow_compile_t *c, http_auth_t *a)
{
    static const struct {
        const char *name, *wire;
        flow_digest_e digest;
    } methods[] = {
        { "hmac-sha1", "HMAC-SHA1", FLOW_DIGEST_SHA1 },
        { "hmac-sha256", "HMAC-SHA256", FLOW_DIGEST_SHA256 },
        { "hmac-sha512", "HMAC-SHA512", FLOW_DIGEST_SHA512 },
        { "rsa-sha1", "RSA-SHA1", FLOW_DIGEST_SHA1 },
        { "rsa-sha256", "RSA-SHA256", FLOW_DIGEST_SHA256 },
        { "rsa-sha512", "RSA-SHA512", FLOW_DIGEST_SHA512 },
        { "plaintext", "PLAINTEXT", FLOW_DIGEST_SHA1 },
    };
    http_oauth1_t *o = apr_pcalloc(flow_compile_pool(c), sizeof(*o));
    const char *name = flow_conn_http_compile_need(
        c, "oauth1", AUTH "oauth.oauth1.signatureMethod");
    size_t i;

    a->type = HTTP_AUTH_OAUTH1;
    a->oauth1 = o;
    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i) {
        if (strcmp(name, methods[i].name) == 0) {
            o->method = methods[i].wire;
            o->digest = methods[i].digest;
        }
    }
    o->is_plain = strcmp(name, "plaintext") == 0;
    o->is_rsa = strncmp(name, "rsa-", 4) == 0;
    o->consumer_key = flow_conn_http_compile_need(
        c, "oauth1", AUTH "oauth.oauth1.consumerKey");
    o->token = flow_compile_string(c, AUTH "oauth.oauth1.accessToken");
    o->realm = flow_compile_string(c, AUTH "oauth.oauth1.realm");
    if (o->realm && (strpbrk(o->realm, "\"\\") ||
                     !flow_header_value_ok(o->realm, strlen(o->realm)))) {
        flow_compile_problem(c, AUTH "oauth.oauth1.realm",
                             "must not contain quotation marks, backslashes "
                             "and control characters");
    }
    if (o->is_rsa) {
        o->private_key = flow_conn_http_compile_need(
            c, "oauth1", AUTH "oauth.oauth1.consumerPrivateKey");
        check_key(c, AUTH "oauth.oauth1.consumerPrivateKey", FLOW_SIGN_RSA,
                  o->digest, o->private_key);
        return;
    }
    o->consumer_secret = flow_conn_http_compile_need(
        c, "oauth1", AUTH "oauth.oauth1.consumerSecret");
    o->token_secret = flow_compile_string(c, AUTH "oauth.oauth1.tokenSecret");
}

/* ---- JWT ---- */

static void add_templates(flow_compile_t *c, const json_t *v, apr_hash_t *all)
{
    const char *text = flow_json_string(v, NULL), *key;
    json_t *item;
    size_t i;

    if (text && strstr(text, "{{")) {
        const flow_template_t *tpl = flow_compile_template_text(
            c, AUTH "jwt.payload", text, FLOW_ESCAPE_NONE);

        if (tpl) {
            apr_hash_set(all, text, APR_HASH_KEY_STRING, tpl);
        }
    }
    json_array_foreach((json_t *)v, i, item)
    {
        add_templates(c, item, all);
    }
    json_object_foreach((json_t *)v, key, item)
    {
        add_templates(c, item, all);
    }
}

static void compile_jwt_key(flow_compile_t *c, http_jwt_t *jwt)
{
    apr_pool_t *p = flow_compile_pool(c);
    char *raw;

    if (!jwt->is_hmac) {
        jwt->key =
            flow_conn_http_compile_need(c, "jwtbearer", AUTH "jwt.privateKey");
        check_key(c, AUTH "jwt.privateKey", jwt->scheme, jwt->digest, jwt->key);
        return;
    }
    jwt->key = flow_conn_http_compile_need(c, "jwtbearer", AUTH "jwt.secret");
    jwt->key_len = strlen(jwt->key);
    if (flow_compile_bool(c, AUTH "jwt.isSecretBase64Encoded")) {
        if (flow_base64_decode(&raw, &jwt->key_len, jwt->key, p) !=
            APR_SUCCESS) {
            flow_compile_problem(c, AUTH "jwt.secret", "is not base64");
            return;
        }
        jwt->key = raw;
    }
}

void flow_conn_http_compile_jwt(flow_compile_t *c, http_auth_t *a)
{
    static const struct {
        const char *prefix, *alg;
        int is_hmac;
        flow_sign_e scheme;
    } kinds[] = { { "hmac-sha", "HS", 1, FLOW_SIGN_RSA },
                  { "rsa-sha", "RS", 0, FLOW_SIGN_RSA },
                  { "es", "ES", 0, FLOW_SIGN_EC },
                  { "ps", "PS", 0, FLOW_SIGN_PSS } };
    apr_pool_t *p = flow_compile_pool(c);
    http_jwt_t *jwt = apr_pcalloc(p, sizeof(*jwt));
    const char *name;
    size_t i;

    a->type = HTTP_AUTH_JWT;
    a->jwt = jwt;
    if (flow_compile_string(c, AUTH "jwt.token")) {
        jwt->token = flow_compile_string(c, AUTH "jwt.token");
        return;
    }
    name =
        flow_conn_http_compile_need(c, "jwtbearer", AUTH "jwt.signatureMethod");
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        apr_size_t len = strlen(kinds[i].prefix);

        if (strncmp(name, kinds[i].prefix, len) == 0) {
            jwt->name = apr_pstrcat(p, kinds[i].alg, name + len, NULL);
            jwt->is_hmac = kinds[i].is_hmac;
            jwt->scheme = kinds[i].scheme;
            jwt->digest = strcmp(name + len, "256") == 0   ? FLOW_DIGEST_SHA256
                          : strcmp(name + len, "384") == 0 ? FLOW_DIGEST_SHA384
                                                           : FLOW_DIGEST_SHA512;
        }
    }
    if (!jwt->name) {
        return;
    }
    compile_jwt_key(c, jwt);
    jwt->payload = flow_compile_get(c, AUTH "jwt.payload");
    jwt->headers = flow_compile_get(c, AUTH "jwt.headers");
    if (!flow_json_is(jwt->payload, OBJECT) ||
        json_object_size(jwt->payload) == 0) {
        flow_compile_problem(c, AUTH "jwt.payload",
                             "must be an object with at least one claim");
    }
    if (jwt->headers && !flow_json_is(jwt->headers, OBJECT)) {
        flow_compile_problem(c, AUTH "jwt.headers", "must be an object");
        jwt->headers = NULL;
    }
    jwt->templates = apr_hash_make(p);
    add_templates(c, jwt->payload, jwt->templates);
}
