/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `webhook` object of an export: its rows, and compiling it.
 */
#include "flow/flow_webhook_private.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"

/* clang-format off */

#define STRING   FLOW_FIELD_STRING
#define SECRET   FLOW_FIELD_SECRET

#define REPLY_HEADERS(path, help) \
    { path, FLOW_FIELD_ARRAY, 0, NULL, NULL, help }, \
    { path "[].name", STRING, FLOW_FIELD_REQUIRED, NULL, NULL, "name" }, \
    { path "[].value", FLOW_FIELD_TEMPLATE, FLOW_FIELD_REQUIRED, NULL, NULL, "value; sees the request" }

#define PRESETS \
    "custom shopify github stripe slack | hubspot box dropbox typeform " \
    "intercom helpscout pagerduty segment surveymonkey jira travis " \
    "travis-org onfleet recurly aha errorception postmark mailchimp " \
    "activecampaign shipwire parseur mailparser-io sapariba happyreturns " \
    "integrator-extension"

const flow_field_t flow_webhook_fields[] = {
    { "webhook", FLOW_FIELD_OBJECT, 0, NULL, NULL, "who may send, what is read, what is answered" },
    { "webhook.provider", STRING, 0, PRESETS, "custom", "who sends: gives verify hmac what it needs besides the key" },
    { "webhook.verify", STRING, 0, "basic token hmac secret_url | publickey", NULL, "how the sender proves itself; without it the Location must have an authentication, or FlowAuth none" },
    { "webhook.username", STRING, 0, NULL, NULL, "verify basic: user" },
    { "webhook.password", STRING, SECRET, NULL, NULL, "verify basic: password" },
    { "webhook.token", STRING, SECRET, NULL, NULL, "verify token and secret_url: exact value" },
    { "webhook.tokenLocation", STRING, 0, "body header queryParam", "body", "verify token: where it is" },
    { "webhook.path", FLOW_FIELD_PATH, 0, NULL, NULL, "token in the body: where, as in meta.token" },
    { "webhook.tokenHeaderName", STRING, 0, NULL, NULL, "token in a header: its name" },
    { "webhook.tokenHeaderScheme", STRING, 0, "bearer custom none", "bearer", "token in a header: what stands before it" },
    { "webhook.customTokenScheme", STRING, 0, NULL, NULL, "tokenHeaderScheme custom: the word before the token" },
    { "webhook.tokenQueryParamName", STRING, 0, NULL, NULL, "token in the query: name of the parameter" },
    { "webhook.key", STRING, SECRET, NULL, NULL, "verify hmac: the shared key" },
    { "webhook.algorithm", STRING, 0, "sha1 sha256 sha384 sha512", NULL, "verify hmac: digest; for signature body" },
    { "webhook.encoding", STRING, 0, "hex base64", NULL, "verify hmac: how the signature is written; for signature body" },
    { "webhook.header", STRING, 0, NULL, NULL, "verify hmac: header with the signature; a prefix such as sha256= is dropped. Only signature body needs it" },
    { "webhook.signature", STRING, 0, "body stripe slack standard", NULL, "verify hmac: what is signed; body: the body; stripe: t=,v1= of the header Stripe-Signature; slack: v0:time:body; standard: id.time.body with webhook-id, webhook-timestamp and webhook-signature (or svix-...), the key in base64; follows from provider when absent; an addition of mod_flow" },
    { "webhook.toleranceSeconds", FLOW_FIELD_INT, 0, "0 86400", "300", "signatures with a time: how far it may be from now; 0: any; an addition of mod_flow" },
    { "webhook.requestMediaType", STRING, 0, "json xml csv urlencoded plaintext", NULL, "how the body is read; else by Content-Type" },
    { "webhook.pathToRecords", FLOW_FIELD_PATH, 0, NULL, NULL, "array whose elements are the records" },
    { "webhook.includeParentData", FLOW_FIELD_BOOL, 0, NULL, "false", "records keep the fields that surround pathToRecords" },
    { "webhook.eventId", FLOW_FIELD_TEMPLATE, 0, NULL, NULL, "what identifies an event, as in {{id}} or {{headers.x-event}}; a second delivery of it is answered like the first and not stored; else the header webhook-id, svix-id, X-Shopify-Webhook-Id, X-GitHub-Delivery or Idempotency-Key" },
    { "webhook.eventIdWindow", FLOW_FIELD_INT, 0, "0 31536000", "86400", "seconds for which an event is remembered; 0: each delivery is an event" },
    { "webhook.successStatusCode", FLOW_FIELD_INT, 0, "200 299", "204", "answer to an event; 204 has no body" },
    { "webhook.successBody", FLOW_FIELD_TEMPLATE, 0, NULL, NULL, "body of it; sees the request" },
    { "webhook.successMediaType", STRING, 0, "json xml plaintext", "json", "type of that body" },
    REPLY_HEADERS("webhook.successResponseHeaders", "headers of it"),
    { "webhook.challengeSuccessStatusCode", FLOW_FIELD_INT, 0, "200 299", "200", "answer to a subscription challenge" },
    { "webhook.challengeSuccessBody", FLOW_FIELD_TEMPLATE, 0, NULL, NULL, "body of it, as in {{challenge}}; with it challenges are answered" },
    { "webhook.challengeSuccessMediaType", STRING, 0, "json xml plaintext", "json", "type of that body" },
    REPLY_HEADERS("webhook.challengeResponseHeaders", "headers of it"),
    { "webhook._httpConnectorId", STRING, FLOW_FIELD_READONLY, NULL, NULL, "prebuilt connector" },
    { NULL },
};
/* clang-format on */

/* ---- verify ---- */

/* A field that the method cannot do without; "" when it is missing, which
 * has been reported. */
static const char *needed(flow_compile_t *c, const char *field, int *pok)
{
    const char *text = flow_compile_string(c, field);

    if (!text || !*text) {
        const char *method = flow_compile_string(c, "webhook.verify");

        flow_compile_problem(c, field, "is required for verify '%s'",
                             method ? method : "");
        *pok = 0;
        return "";
    }
    return text;
}

static const char *needed_header(flow_compile_t *c, const char *field, int *pok)
{
    const char *name = needed(c, field, pok);

    if (*name && !flow_header_name_ok(name)) {
        flow_compile_problem(c, field, "'%.80s' cannot be the name of a header",
                             name);
        *pok = 0;
    }
    return name;
}

static void compile_token_header(flow_compile_t *c, flow_webhook_t *w, int *pok)
{
    const char *scheme = flow_compile_string(c, "webhook.tokenHeaderScheme");

    w->verify = FLOW_VERIFY_TOKEN_HEADER;
    w->token_name = needed_header(c, "webhook.tokenHeaderName", pok);
    if (!scheme || !strcmp(scheme, "bearer")) {
        w->token_scheme = "Bearer";
    }
    else if (!strcmp(scheme, "custom")) {
        w->token_scheme = needed(c, "webhook.customTokenScheme", pok);
    }
}

static void compile_token(flow_compile_t *c, flow_webhook_t *w, int *pok)
{
    const char *where = flow_compile_string(c, "webhook.tokenLocation");

    w->token = needed(c, "webhook.token", pok);
    if (where && !strcmp(where, "header")) {
        compile_token_header(c, w, pok);
    }
    else if (where && !strcmp(where, "queryParam")) {
        w->verify = FLOW_VERIFY_TOKEN_QUERY;
        w->token_name = needed(c, "webhook.tokenQueryParamName", pok);
    }
    else {
        w->verify = FLOW_VERIFY_TOKEN_BODY;
        if (*needed(c, "webhook.path", pok)) {
            w->token_path = flow_compile_path(c, "webhook.path");
            *pok &= w->token_path != NULL;
        }
    }
}

static flow_signed_e signed_of(flow_compile_t *c)
{
    const char *name = flow_compile_string(c, "webhook.signature");

    if (!name) {
        name = flow_compile_string(c, "webhook.provider");
    }
    return !name                       ? FLOW_SIGNED_BODY
           : !strcmp(name, "stripe")   ? FLOW_SIGNED_STRIPE
           : !strcmp(name, "slack")    ? FLOW_SIGNED_SLACK
           : !strcmp(name, "standard") ? FLOW_SIGNED_STANDARD
                                       : FLOW_SIGNED_BODY;
}

/* All three take SHA-256; where it stands and how it is written is theirs. */
static void compile_signed(flow_compile_t *c, flow_webhook_t *w, int *pok)
{
    w->digest = FLOW_DIGEST_SHA256;
    w->is_base64 = w->is_signed == FLOW_SIGNED_STANDARD;
    w->tolerance = flow_compile_int(c, "webhook.toleranceSeconds");
    w->header = flow_compile_string(c, "webhook.header");
    if (!w->header || !*w->header) {
        w->header = flow_webhook_signed_header(w->is_signed);
    }
    else if (!flow_header_name_ok(w->header)) {
        needed_header(c, "webhook.header", pok);
    }
    if (w->is_signed == FLOW_SIGNED_STANDARD && *w->key) {
        w->key =
            flow_webhook_signed_key(w->key, &w->key_len, flow_compile_pool(c));
        if (!w->key) {
            flow_compile_problem(c, "webhook.key",
                                 "must be base64, with or without 'whsec_' "
                                 "before it, for signature 'standard'");
            *pok = 0;
        }
    }
}

/* How those sign that sign the body alone. */
static const struct provider_t {
    const char *name, *algorithm, *encoding, *header;
} providers[] = {
    { "shopify", "sha256", "base64", "X-Shopify-Hmac-Sha256" },
    { "github", "sha256", "hex", "X-Hub-Signature-256" },
};

static const struct provider_t *provider_of(flow_compile_t *c)
{
    const char *name = flow_compile_string(c, "webhook.provider");
    size_t i;

    for (i = 0; name && i < sizeof(providers) / sizeof(providers[0]); ++i) {
        if (!strcmp(name, providers[i].name)) {
            return &providers[i];
        }
    }
    return NULL;
}

/* What the document says, else what the provider does. */
static const char *given(flow_compile_t *c, const char *field, const char *dflt,
                         int *pok)
{
    const char *text = flow_compile_string(c, field);

    return dflt && (!text || !*text) ? dflt : needed(c, field, pok);
}

static void compile_hmac(flow_compile_t *c, flow_webhook_t *w, int *pok)
{
    const struct provider_t *by = provider_of(c);
    const char *algorithm, *encoding;

    w->verify = FLOW_VERIFY_HMAC;
    w->key = needed(c, "webhook.key", pok);
    w->key_len = strlen(w->key);
    w->is_signed = signed_of(c);
    if (w->is_signed != FLOW_SIGNED_BODY) {
        compile_signed(c, w, pok);
        return;
    }
    w->header = by && !flow_compile_string(c, "webhook.header")
                    ? by->header
                    : needed_header(c, "webhook.header", pok);
    algorithm = given(c, "webhook.algorithm", by ? by->algorithm : NULL, pok);
    encoding = given(c, "webhook.encoding", by ? by->encoding : NULL, pok);
    w->is_base64 = !strcmp(encoding, "base64");
    if (*algorithm && flow_digest_parse(&w->digest, algorithm) != APR_SUCCESS) {
        *pok = 0; /* reported by the schema */
    }
}

static void compile_verify(flow_compile_t *c, flow_webhook_t *w)
{
    const char *method = flow_compile_string(c, "webhook.verify");
    int ok = 1;

    if (!method) {
        w->verify = FLOW_VERIFY_NONE;
        return;
    }
    if (!strcmp(method, "basic")) {
        w->verify = FLOW_VERIFY_BASIC;
        w->username = needed(c, "webhook.username", &ok);
        w->password = needed(c, "webhook.password", &ok);
    }
    else if (!strcmp(method, "token")) {
        compile_token(c, w, &ok);
    }
    else if (!strcmp(method, "hmac")) {
        compile_hmac(c, w, &ok);
    }
    else if (!strcmp(method, "secret_url")) {
        w->verify = FLOW_VERIFY_SECRET_URL;
        w->token = needed(c, "webhook.token", &ok);
    }
    else {
        ok = 0;
    }
    if (!ok) {
        w->verify = FLOW_VERIFY_BROKEN;
    }
}

/* ---- answers ---- */

static flow_escape_e escape_of(flow_media_e media)
{
    switch (media) {
    case FLOW_MEDIA_XML:
        return FLOW_ESCAPE_XML;
    case FLOW_MEDIA_PLAINTEXT:
        return FLOW_ESCAPE_NONE;
    default:
        return FLOW_ESCAPE_JSON;
    }
}

static const char *content_type_of(flow_media_e media)
{
    return media == FLOW_MEDIA_PLAINTEXT ? "text/plain; charset=utf-8"
                                         : flow_media_type(media);
}

static void compile_reply_header(flow_compile_t *c, flow_webhook_reply_t *reply,
                                 const char *field, const json_t *element)
{
    const char *name = flow_json_member(element, "name");
    const char *value = flow_json_member(element, "value");
    flow_webhook_header_t *header = &reply->headers[reply->nheaders];

    if (!name || !value) {
        return; /* reported by the schema */
    }
    if (!flow_header_name_ok(name)) {
        flow_compile_problem(
            c, apr_pstrcat(flow_compile_pool(c), field, ".name", NULL),
            "'%.80s' cannot be the name of a header", name);
        return;
    }
    header->name = apr_pstrdup(flow_compile_pool(c), name);
    header->value = flow_compile_template_text(
        c, apr_pstrcat(flow_compile_pool(c), field, ".value", NULL), value,
        FLOW_ESCAPE_NONE);
    reply->nheaders += header->value != NULL;
}

static void compile_reply_headers(flow_compile_t *c,
                                  flow_webhook_reply_t *reply,
                                  const char *field)
{
    const json_t *list = flow_compile_get(c, field);
    size_t i, n = json_array_size(list);

    if (!n) {
        return;
    }
    reply->headers =
        apr_pcalloc(flow_compile_pool(c), n * sizeof(*reply->headers));
    for (i = 0; i < n; ++i) {
        compile_reply_header(c, reply,
                             apr_psprintf(flow_compile_pool(c), "%s[%lu]",
                                          field, (unsigned long)i),
                             json_array_get(list, i));
    }
}

/* @a prefix: "success" or "challengeSuccess", @a headers the headers' field. */
static void compile_reply(flow_compile_t *c, flow_webhook_reply_t *reply,
                          const char *prefix, const char *headers)
{
    apr_pool_t *p = flow_compile_pool(c);
    const char *type = flow_compile_string(
        c, apr_pstrcat(p, "webhook.", prefix, "MediaType", NULL));
    flow_media_e media = type ? flow_media_from_name(type) : FLOW_MEDIA_JSON;

    reply->status = (int)flow_compile_int(
        c, apr_pstrcat(p, "webhook.", prefix, "StatusCode", NULL));
    reply->content_type = content_type_of(media);
    reply->body = flow_compile_template(
        c, apr_pstrcat(p, "webhook.", prefix, "Body", NULL), escape_of(media));
    compile_reply_headers(c, reply, headers);
}

void flow_webhook_compile(flow_compile_t *c, const json_t *doc,
                          const flow_webhook_t **pwebhook)
{
    flow_webhook_t *w = apr_pcalloc(flow_compile_pool(c), sizeof(*w));
    const char *type = flow_compile_string(c, "webhook.requestMediaType");

    (void)doc;
    compile_verify(c, w);
    w->media = type ? flow_media_from_name(type) : FLOW_MEDIA_UNKNOWN;
    w->records_path = flow_compile_path(c, "webhook.pathToRecords");
    w->include_parent = flow_compile_bool(c, "webhook.includeParentData");
    if (w->records_path && flow_path_is_multi(w->records_path)) {
        flow_compile_problem(c, "webhook.pathToRecords",
                             "must lead to one array, without *");
    }
    if (w->include_parent && !w->records_path) {
        flow_compile_problem(c, "webhook.includeParentData",
                             "needs pathToRecords");
    }
    w->event_id = flow_compile_template(c, "webhook.eventId", FLOW_ESCAPE_NONE);
    w->id_window =
        apr_time_from_sec(flow_compile_int(c, "webhook.eventIdWindow"));
    compile_reply(c, &w->success, "success", "webhook.successResponseHeaders");
    compile_reply(c, &w->challenge, "challengeSuccess",
                  "webhook.challengeResponseHeaders");
    w->has_challenge = w->challenge.body != NULL;
    *pwebhook = w;
}
