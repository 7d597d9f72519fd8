/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OAuth 1.0 (RFC 5849): signing requests.
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 1000

typedef struct pair_t {
    const char *name, *value; /* encoded */
} pair_t;

typedef struct pairs_t {
    pair_t all[PAIRS_MAX];
    int n;
} pairs_t;

static const char *encode(const char *text, apr_pool_t *p)
{
    return flow_url_encode(text, strlen(text), p);
}

static void add(pairs_t *pairs, const char *name, const char *value,
                apr_pool_t *p)
{
    if (pairs->n < PAIRS_MAX) {
        pairs->all[pairs->n].name = encode(name, p);
        pairs->all[pairs->n++].value = encode(value, p);
    }
}

/* name=value&... with %XX and '+', decoded and encoded anew (3.4.1.3.1). A NUL
 * in a value ends it; no far end would sign such a thing in another way. */
static const char *decode(const char *text, apr_size_t len, apr_pool_t *p)
{
    char *out = apr_palloc(p, len + 1);
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        if (text[i] == '+') {
            out[n++] = ' ';
        }
        else if (text[i] == '%' && i + 2 < len && apr_isxdigit(text[i + 1]) &&
                 apr_isxdigit(text[i + 2])) {
            char hex[3] = { text[i + 1], text[i + 2], '\0' };

            out[n++] = (char)strtol(hex, NULL, 16);
            i += 2;
        }
        else {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
    return out;
}

static void add_all(pairs_t *pairs, const char *text, apr_pool_t *p)
{
    while (text && *text) {
        apr_size_t len = strcspn(text, "&");
        const char *eq = memchr(text, '=', len);
        apr_size_t name_len = eq ? (apr_size_t)(eq - text) : len;

        if (len > 0) {
            add(pairs, decode(text, name_len, p),
                eq ? decode(eq + 1, len - name_len - 1, p) : "", p);
        }
        text += len + (text[len] == '&');
    }
}

static int compare(const void *a, const void *b)
{
    const pair_t *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->value, y->value);
}

static const char *join(pairs_t *pairs, apr_pool_t *p)
{
    apr_array_header_t *parts =
        apr_array_make(p, pairs->n * 4 + 1, sizeof(const char *));
    int i;

    qsort(pairs->all, (size_t)pairs->n, sizeof(pair_t), compare);
    for (i = 0; i < pairs->n; ++i) {
        if (i) {
            APR_ARRAY_PUSH(parts, const char *) = "&";
        }
        APR_ARRAY_PUSH(parts, const char *) = pairs->all[i].name;
        APR_ARRAY_PUSH(parts, const char *) = "=";
        APR_ARRAY_PUSH(parts, const char *) = pairs->all[i].value;
    }
    return apr_array_pstrcat(p, parts, 0);
}

/* Scheme and host in lower case, no default port, no query (3.4.1.2). */
static const char *base_url(const char *url, apr_pool_t *p)
{
    apr_size_t len = strcspn(url, "?#"), host;
    char *out = apr_pstrmemdup(p, url, len), *s, *path;
    int secure = strncasecmp(url, "https://", 8) == 0;

    host = secure ? 8 : 7;
    host = len < host ? len : host;
    path = out + host + strcspn(out + host, "/");
    for (s = out; s < path; ++s) {
        *s = (char)apr_tolower(*s);
    }
    s = path - (secure ? 4 : 3);
    if (s > out + host &&
        strncmp(s, secure ? ":443" : ":80", (size_t)(path - s)) == 0) {
        memmove(s, path, strlen(path) + 1);
        path = s;
    }
    return *path ? out : apr_pstrcat(p, out, "/", NULL);
}

static const char *upper(const char *text, apr_pool_t *p)
{
    char *out = apr_pstrdup(p, text), *s;

    for (s = out; *s; ++s) {
        *s = (char)apr_toupper(*s);
    }
    return out;
}

static void add_own(pairs_t *pairs, const http_oauth1_t *o, const char *nonce,
                    const char *timestamp, int version, apr_pool_t *p)
{
    add(pairs, "oauth_consumer_key", o->consumer_key, p);
    if (o->token && o->token[0]) {
        add(pairs, "oauth_token", o->token, p);
    }
    add(pairs, "oauth_signature_method", o->method, p);
    add(pairs, "oauth_timestamp", timestamp, p);
    add(pairs, "oauth_nonce", nonce, p);
    if (version) {
        add(pairs, "oauth_version", "1.0", p);
    }
}

static apr_status_t seal(const http_oauth1_t *o, const char *base,
                         const char **psignature, apr_pool_t *p,
                         flow_error_t *err)
{
    const char *secret = o->consumer_secret ? o->consumer_secret : "";
    const char *token_secret = o->token_secret ? o->token_secret : "";
    const char *key =
        apr_pstrcat(p, encode(secret, p), "&", encode(token_secret, p), NULL);
    unsigned char mac[FLOW_DIGEST_MAX];
    apr_size_t len = 0;
    char *sig = NULL;
    apr_status_t rv;

    if (o->is_plain) {
        *psignature = key;
        return APR_SUCCESS;
    }
    if (o->is_rsa) {
        rv = flow_sign(FLOW_SIGN_RSA, o->digest, o->private_key, base,
                       strlen(base), &sig, &len, p, err);
    }
    else {
        rv = flow_hmac(o->digest, key, strlen(key), base, strlen(base), mac,
                       &len);
        sig = (char *)mac;
        if (rv != APR_SUCCESS) {
            flow_error_set(err, FLOW_E_INTERNAL, rv, "sign",
                           "the request cannot be signed");
        }
    }
    *psignature = rv == APR_SUCCESS ? flow_base64(sig, len, p) : NULL;
    return rv;
}

apr_status_t flow_conn_http_oauth1_sign(const http_oauth1_t *o,
                                        const char *method, const char *url,
                                        const char *form, const char *nonce,
                                        const char *timestamp, int version,
                                        const char **psignature, apr_pool_t *p,
                                        flow_error_t *err)
{
    pairs_t *pairs = apr_pcalloc(p, sizeof(*pairs));
    const char *query = strchr(url, '?');
    const char *base;

    add_all(pairs, query ? query + 1 : NULL, p);
    add_all(pairs, form, p);
    add_own(pairs, o, nonce, timestamp, version, p);
    if (pairs->n == PAIRS_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "form_invalid",
                              "more than %d parameters cannot be signed",
                              PAIRS_MAX);
    }
    base = apr_pstrcat(p, upper(method, p), "&", encode(base_url(url, p), p),
                       "&", encode(join(pairs, p), p), NULL);
    return seal(o, base, psignature, p, err);
}

apr_status_t flow_conn_http_oauth1_header(const http_oauth1_t *o,
                                          const char *method, const char *url,
                                          const char *form, const char **pvalue,
                                          apr_pool_t *p, flow_error_t *err)
{
    pairs_t *pairs = apr_pcalloc(p, sizeof(*pairs));
    const char *timestamp = apr_psprintf(
        p, "%" APR_INT64_T_FMT, (apr_int64_t)apr_time_sec(apr_time_now()));
    const char *nonce, *signature = NULL, *out;
    unsigned char raw[16];
    apr_status_t rv;
    int i;

    rv = flow_random(raw, sizeof(raw));
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "random",
                              "no random bytes for a nonce");
    }
    nonce = flow_hex(raw, sizeof(raw), p);
    rv = flow_conn_http_oauth1_sign(o, method, url, form, nonce, timestamp, 1,
                                    &signature, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    add_own(pairs, o, nonce, timestamp, 1, p);
    add(pairs, "oauth_signature", signature, p);
    out = o->realm && o->realm[0]
              ? apr_pstrcat(p, "OAuth realm=\"", o->realm, "\"", NULL)
              : "OAuth ";
    for (i = 0; i < pairs->n; ++i) {
        out = apr_pstrcat(p, out, i || out[6] ? "," : "", pairs->all[i].name,
                          "=\"", pairs->all[i].value, "\"", NULL);
    }
    *pvalue = out;
    return APR_SUCCESS;
}
