/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures that cover the time of sending, so that what somebody has caught
 * cannot be sent again later. As in flow_webhook_verify.c everything here reads
 * what anybody may have written.
 */
#include "flow/flow_webhook_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define TIME_DIGITS    12
#define SIGNATURES_MAX 32 /* in one header: keys overlap while they change */
#define KEY_PREFIX     "whsec_"

/* What one request says of itself. */
typedef struct proof_t {
    const char *id, *time;
    const char *list; /* signatures, as the scheme separates them */
} proof_t;

const char *flow_webhook_signed_header(flow_signed_e is_signed)
{
    switch (is_signed) {
    case FLOW_SIGNED_STRIPE:
        return "Stripe-Signature";
    case FLOW_SIGNED_SLACK:
        return "X-Slack-Signature";
    case FLOW_SIGNED_STANDARD:
        return "webhook-signature";
    case FLOW_SIGNED_BODY:
        break;
    }
    return NULL;
}

const char *flow_webhook_signed_key(const char *text, apr_size_t *plen,
                                    apr_pool_t *p)
{
    char *raw;

    if (strncmp(text, KEY_PREFIX, strlen(KEY_PREFIX)) == 0) {
        text += strlen(KEY_PREFIX);
    }
    return flow_base64_decode(&raw, plen, text, p) == APR_SUCCESS && *plen
               ? raw
               : NULL;
}

static const char *header(const flow_request_t *req, const char *name)
{
    return req->headers ? apr_table_get(req->headers, name) : NULL;
}

/* The first "t=" of "t=1,v1=a,v1=b"; the rest is looked at later. */
static const char *stripe_time(const char *list, apr_pool_t *p)
{
    while (list) {
        list += strspn(list, " ,");
        if (strncmp(list, "t=", 2) == 0) {
            return apr_pstrmemdup(p, list + 2, strcspn(list + 2, ", "));
        }
        list = strchr(list, ',');
    }
    return NULL;
}

static void read_proof(const flow_webhook_t *w, const flow_request_t *req,
                       proof_t *proof, apr_pool_t *p)
{
    proof->list = header(req, w->header);
    switch (w->is_signed) {
    case FLOW_SIGNED_STRIPE:
        proof->time = stripe_time(proof->list, p);
        break;
    case FLOW_SIGNED_SLACK:
        proof->time = header(req, "X-Slack-Request-Timestamp");
        break;
    case FLOW_SIGNED_STANDARD:
        proof->id = header(req, "webhook-id");
        proof->time = header(req, "webhook-timestamp");
        if (!proof->list) {
            proof->list = header(req, "svix-signature");
            proof->id = header(req, "svix-id");
            proof->time = header(req, "svix-timestamp");
        }
        break;
    case FLOW_SIGNED_BODY:
        break;
    }
}

/* Digits only: what is signed is the text, and the number must be what the
 * sender has meant by it. */
static int is_near(const char *time, apr_int64_t tolerance, apr_time_t now)
{
    apr_size_t len = strlen(time);
    apr_int64_t off;

    if (!len || len > TIME_DIGITS || strspn(time, "0123456789") != len) {
        return 0;
    }
    off = apr_strtoi64(time, NULL, 10) - apr_time_sec(now);
    return !tolerance || (off <= tolerance && off >= -tolerance);
}

/* What stands before the body in what is signed. */
static const char *prefix_of(const flow_webhook_t *w, const proof_t *proof,
                             apr_pool_t *p)
{
    switch (w->is_signed) {
    case FLOW_SIGNED_SLACK:
        return apr_pstrcat(p, "v0:", proof->time, ":", NULL);
    case FLOW_SIGNED_STANDARD:
        return apr_pstrcat(p, proof->id, ".", proof->time, ".", NULL);
    default:
        return apr_pstrcat(p, proof->time, ".", NULL);
    }
}

static const char *expected_of(const flow_webhook_t *w,
                               const flow_request_t *req, const char *prefix,
                               apr_pool_t *p)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t n = strlen(prefix), len = 0;
    char *text = apr_palloc(p, n + req->body_len + 1);

    memcpy(text, prefix, n);
    if (req->body_len) {
        memcpy(text + n, req->body, req->body_len);
    }
    if (flow_hmac(w->digest, w->key, w->key_len, text, n + req->body_len,
                  digest, &len) != APR_SUCCESS) {
        return NULL;
    }
    return w->is_base64 ? flow_base64(digest, len, p)
                        : flow_hex(digest, len, p);
}

/* One element of the list. Hex is compared in lower case. */
static int is_signature(const flow_webhook_t *w, const char *one,
                        apr_size_t len, const char *expected, apr_pool_t *p)
{
    static const char *const versions[] = {
        [FLOW_SIGNED_STRIPE] = "v1=",
        [FLOW_SIGNED_SLACK] = "v0=",
        [FLOW_SIGNED_STANDARD] = "v1,",
    };
    const char *version = versions[w->is_signed];
    apr_size_t n = strlen(version), i;
    char *got;

    if (len < n || strncmp(one, version, n)) {
        return 0;
    }
    got = apr_pstrmemdup(p, one + n, len - n);
    for (i = 0; !w->is_base64 && got[i]; ++i) {
        got[i] = (char)apr_tolower(got[i]);
    }
    return flow_equal_secret(got, strlen(got), expected, strlen(expected));
}

/* All of them, whichever is right: the time must not tell which one was. */
static int any_signature(const flow_webhook_t *w, const char *list,
                         const char *expected, apr_pool_t *p)
{
    const char *between = w->is_base64 ? " " : " ,";
    int ok = 0, n;

    for (n = 0; *list && n < SIGNATURES_MAX; ++n) {
        apr_size_t len;

        list += strspn(list, between);
        len = strcspn(list, between);
        ok |= is_signature(w, list, len, expected, p);
        list += len;
    }
    return ok;
}

int flow_webhook_verify_signed(const flow_webhook_t *w,
                               const flow_request_t *req, apr_time_t now,
                               const char **pwhy, apr_pool_t *p)
{
    proof_t proof = { NULL, NULL, NULL };
    const char *expected;

    read_proof(w, req, &proof, p);
    if (!proof.list || !proof.time ||
        (w->is_signed == FLOW_SIGNED_STANDARD && !proof.id)) {
        *pwhy = "hmac (a header of the signature is missing)";
        return 0;
    }
    if (!is_near(proof.time, w->tolerance, now)) {
        *pwhy = "hmac (its time is not within webhook.toleranceSeconds)";
        return 0;
    }
    expected = expected_of(w, req, prefix_of(w, &proof, p), p);
    return expected && any_signature(w, proof.list, expected, p);
}
