/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_WEBHOOK_PRIVATE_H
#define FLOW_WEBHOOK_PRIVATE_H

#include "base/flow_sign.h"
#include "data/flow_text.h"
#include "flow/flow_webhook.h"

/**
 * A compiled listener, shared by the files of the webhook. Texts are never
 * NULL where the method that `verify` names needs them.
 */
typedef enum {
    FLOW_VERIFY_NONE,
    FLOW_VERIFY_BASIC,
    FLOW_VERIFY_TOKEN_BODY,
    FLOW_VERIFY_TOKEN_HEADER,
    FLOW_VERIFY_TOKEN_QUERY,
    FLOW_VERIFY_HMAC,
    FLOW_VERIFY_SECRET_URL,
    FLOW_VERIFY_BROKEN /* could not be compiled: refuses everything */
} flow_verify_e;

/** What an hmac is over. */
typedef enum {
    FLOW_SIGNED_BODY,
    FLOW_SIGNED_STRIPE,  /* "t.body", both in one header: t=,v1= */
    FLOW_SIGNED_SLACK,   /* "v0:t:body" */
    FLOW_SIGNED_STANDARD /* "id.t.body", as standardwebhooks.com has it */
} flow_signed_e;

typedef struct flow_webhook_header_t {
    const char *name;
    const flow_template_t *value;
} flow_webhook_header_t;

/** One of the two answers. */
typedef struct flow_webhook_reply_t {
    int status;
    const flow_template_t *body; /* or NULL */
    const char *content_type;    /* of the body */
    flow_webhook_header_t *headers;
    apr_size_t nheaders;
} flow_webhook_reply_t;

struct flow_webhook_t {
    flow_verify_e verify;
    const char *username, *password;
    const char *token;
    const flow_path_t *token_path; /* in the body */
    const char *token_name;        /* of the header or query parameter */
    const char *token_scheme;      /* before the token, NULL = none */
    const char *key, *header;      /* hmac */
    flow_digest_e digest;
    int is_base64; /* else hex */
    flow_signed_e is_signed;
    apr_int64_t tolerance; /* seconds a signed time may be off; 0 = any */
    apr_size_t key_len;

    flow_media_e media;              /* UNKNOWN = by Content-Type */
    const flow_path_t *records_path; /* or NULL */
    int include_parent;

    const flow_template_t *event_id; /* NULL = well-known headers */
    apr_interval_time_t id_window;   /* 0 = every delivery counts */

    flow_webhook_reply_t success, challenge;
    int has_challenge;
};

/** The request's body as the listener reads it; *pv is new. FLOW_E_INPUT. */
apr_status_t flow_webhook_body(const flow_webhook_t *webhook,
                               const flow_request_t *req, json_t **pv,
                               apr_pool_t *p, flow_error_t *err);

/* ---- flow_webhook_signed.c ---- */
/** Where a scheme has its signature; NULL for FLOW_SIGNED_BODY. */
const char *flow_webhook_signed_header(flow_signed_e is_signed);
/** The key of Standard Webhooks: base64, perhaps behind "whsec_". NULL when it
 * is not that. */
const char *flow_webhook_signed_key(const char *text, apr_size_t *plen,
                                    apr_pool_t *p);
/** Is a signature that covers a time good, and the time near? *pwhy: what to
 * tell the administrator when not. */
int flow_webhook_verify_signed(const flow_webhook_t *w,
                               const flow_request_t *req, apr_time_t now,
                               const char **pwhy, apr_pool_t *p);

/** New: the body's and the query's fields by their names, and all by part. */
json_t *flow_webhook_context(const flow_webhook_t *webhook,
                             const flow_request_t *req, apr_pool_t *p);

#endif
