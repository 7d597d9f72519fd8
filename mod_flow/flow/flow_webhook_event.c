/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is stored of a delivery: the request without what proved its sender,
 * and the id by which a second delivery of the same event is known.
 */
#include "flow/flow_webhook_private.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "data/flow_json.h"

#define ID_TEXT_MAX (64 * 1024)
#define ID_MAX      200 /* bytes; longer ones are kept as a digest */

static const char stars[] = "******";

/* ---- secrets ---- */

static const char *lower(const char *name, apr_pool_t *p)
{
    char *out = apr_pstrdup(p, name), *s;

    for (s = out; *s; ++s) {
        *s = (char)apr_tolower(*s);
    }
    return out;
}

static void mask_header(json_t *v, const char *name, apr_pool_t *p)
{
    json_t *headers = json_object_get(v, "headers");

    name = lower(name, p);
    if (json_object_get(headers, name)) {
        json_object_set_new(headers, name,
                            flow_json_string_new(stars, sizeof(stars) - 1));
    }
}

static int is_named(const char *at, apr_size_t len, const char *name,
                    apr_pool_t *p)
{
    char *raw = apr_pstrmemdup(p, at, len), *s, *decoded;
    apr_size_t n;

    for (s = raw; *s; ++s) {
        if (*s == '+') {
            *s = ' ';
        }
    }
    decoded = apr_palloc(p, len + 1);
    if (apr_unescape_url(decoded, raw, (apr_ssize_t)len, NULL, NULL, 1, &n) !=
        APR_SUCCESS) {
        return strcmp(raw, name) == 0;
    }
    return strcmp(decoded, name) == 0;
}

/* Every parameter of that name: the sender may have sent two. */
static void mask_query(json_t *v, const char *name, apr_pool_t *p)
{
    const char *at = flow_json_member(v, "query"), *out = "";

    while (at && *at) {
        apr_size_t len = strcspn(at, "&"), key = strcspn(at, "=&");
        const char *part = apr_pstrmemdup(p, at, len);

        if (key < len && is_named(at, key, name, p)) {
            part = apr_pstrcat(p, apr_pstrmemdup(p, at, key + 1), stars, NULL);
        }
        out = apr_pstrcat(p, out, part, at[len] ? "&" : "", NULL);
        at += len + (at[len] == '&');
    }
    if (*out) {
        json_object_set_new(v, "query", flow_json_string_new(out, strlen(out)));
    }
}

/* The token is the last segment of the address, or the one before "/data". It
 * is found by its place, since it may be written with escapes. */
static void mask_uri(json_t *v, apr_pool_t *p)
{
    const char *uri = flow_json_member(v, "uri"), *end, *begin, *out;

    if (!uri) {
        return;
    }
    end = uri + strlen(uri);
    if (end - uri > 5 && strcmp(end - 5, "/data") == 0) {
        end -= 5;
    }
    for (begin = end; begin > uri && begin[-1] != '/'; --begin) {
    }
    out = apr_pstrcat(p, apr_pstrmemdup(p, uri, (apr_size_t)(begin - uri)),
                      stars, end, NULL);
    json_object_set_new(v, "uri", flow_json_string_new(out, strlen(out)));
}

json_t *flow_webhook_to_json(const flow_webhook_t *webhook,
                             const flow_request_t *req, apr_pool_t *p)
{
    json_t *v = flow_request_to_json(req, p);

    switch (webhook ? webhook->verify : FLOW_VERIFY_NONE) {
    case FLOW_VERIFY_TOKEN_HEADER:
        mask_header(v, webhook->token_name, p);
        break;
    case FLOW_VERIFY_HMAC:
        /* with the body beside it, it would be a request to send again */
        mask_header(v, webhook->header, p);
        if (webhook->is_signed == FLOW_SIGNED_STANDARD) {
            mask_header(v, "svix-signature", p);
        }
        break;
    case FLOW_VERIFY_TOKEN_QUERY:
        mask_query(v, webhook->token_name, p);
        break;
    case FLOW_VERIFY_SECRET_URL:
        mask_uri(v, p);
        break;
    case FLOW_VERIFY_BASIC:      /* Authorization is never kept */
    case FLOW_VERIFY_TOKEN_BODY: /* the record is what was sent */
    case FLOW_VERIFY_NONE:
    case FLOW_VERIFY_BROKEN:
        break;
    }
    return v;
}

const char *flow_webhook_challenge(const flow_webhook_t *webhook,
                                   const char *realm, apr_pool_t *p)
{
    const char *scheme = "Webhook", *s;

    if (webhook->verify == FLOW_VERIFY_BASIC) {
        scheme = "Basic";
    }
    else if (webhook->verify == FLOW_VERIFY_TOKEN_HEADER &&
             webhook->token_scheme &&
             strcmp(webhook->token_scheme, "Bearer") == 0 &&
             strcmp(lower(webhook->token_name, p), "authorization") == 0) {
        scheme = "Bearer";
    }
    for (s = realm; *s; ++s) {
        if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\') {
            realm = "webhook";
            break;
        }
    }
    return apr_psprintf(p, "%s realm=\"%s\"", scheme, realm);
}

/* ---- event ids ---- */

/* Headers in which senders number their events, the same one when they send an
 * event again: Standard Webhooks (two names), Shopify, GitHub, and the
 * Idempotency-Key of GitLab and others. */
static const char *const id_headers[] = { "webhook-id", "svix-id",
                                          "X-Shopify-Webhook-Id",
                                          "X-GitHub-Delivery",
                                          "Idempotency-Key" };

static const char *header_id(const flow_request_t *req)
{
    size_t i;

    for (i = 0; req->headers && i < sizeof(id_headers) / sizeof(id_headers[0]);
         ++i) {
        const char *value = apr_table_get(req->headers, id_headers[i]);

        if (value && *value) {
            return value;
        }
    }
    return NULL;
}

const char *flow_webhook_event_id(const flow_webhook_t *webhook,
                                  const flow_request_t *req, apr_pool_t *p)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    const char *id = NULL;
    apr_size_t len = 0;
    json_t *context;

    if (!webhook || webhook->id_window <= 0) {
        return NULL;
    }
    if (!webhook->event_id) {
        id = header_id(req);
    }
    else {
        context = flow_webhook_context(webhook, req, p);
        if (flow_template_text(webhook->event_id, context, ID_TEXT_MAX, &id,
                               &len, p, NULL) != APR_SUCCESS) {
            id = NULL;
        }
        json_decref(context);
    }
    if (!id || !*id) {
        return NULL;
    }
    len = strlen(id);
    if (len <= ID_MAX && flow_utf8_is_valid(id, len)) {
        return id;
    }
    flow_digest(FLOW_DIGEST_SHA256, id, len, digest, &len);
    return apr_pstrcat(p, "sha256:", flow_hex(digest, len, p), NULL);
}

apr_interval_time_t flow_webhook_id_window(const flow_webhook_t *webhook)
{
    return webhook ? webhook->id_window : 0;
}
