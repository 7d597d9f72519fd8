/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a listener makes of a request: challenge or records, and its answer.
 */
#include "flow/flow_webhook_private.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_record.h"

#define REPLY_MAX  (1024 * 1024) /* bytes of an answer's body */
#define HEADER_MAX 8192          /* bytes of one of its headers */

const char *flow_webhook_allowed(const flow_webhook_t *webhook)
{
    return webhook->has_challenge ? "GET, POST, PUT" : "POST, PUT";
}

/* ---- the body ---- */

static const char *content_type(const flow_request_t *req)
{
    return req->headers ? apr_table_get(req->headers, "Content-Type") : NULL;
}

apr_status_t flow_webhook_body(const flow_webhook_t *webhook,
                               const flow_request_t *req, json_t **pv,
                               apr_pool_t *p, flow_error_t *err)
{
    const char *type = content_type(req);
    flow_media_e media = webhook->media;

    *pv = NULL;
    if (media == FLOW_MEDIA_UNKNOWN) {
        media = flow_media_from_type(type);
    }
    if (!req->body_len && media == FLOW_MEDIA_UNKNOWN) {
        /* a bare call: something has happened, there is no more to say */
        *pv = json_object();
        return APR_SUCCESS;
    }
    if (media == FLOW_MEDIA_UNKNOWN) {
        media = FLOW_MEDIA_JSON; /* what senders without a type send */
    }
    if (media == FLOW_MEDIA_FORM_DATA) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_body",
                              "multipart/form-data is not understood; send "
                              "JSON, XML, CSV, a form or text");
    }
    return flow_body_parse(pv, media, type, req->body, req->body_len, p, err);
}

/* ---- records ---- */

static int is_record(const json_t *v)
{
    return json_is_object(v) || json_is_array(v);
}

/* An array of objects is a list of records; any other array is one. */
static int is_list(const json_t *v)
{
    size_t i;

    if (!json_is_array(v)) {
        return 0;
    }
    for (i = 0; i < json_array_size(v); ++i) {
        if (!json_is_object(json_array_get(v, i))) {
            return 0;
        }
    }
    return 1;
}

/* New: the fields around the records. What leads to them is left out: it
 * would put all records into each of them. */
static json_t *surroundings(const flow_path_t *path, const json_t *body)
{
    const char *text = flow_path_text(path), *begin;
    json_t *around = json_is_object(body) ? flow_value_copy(body) : NULL;
    const char *key;
    apr_size_t len;
    json_t *value;
    void *next;

    begin = text + strspn(text, "$.[' ");
    json_object_foreach_safe(around, next, key, value)
    {
        len = strlen(key);
        if (!strncmp(begin, key, len) && strchr(".[]' ", begin[len])) {
            json_object_del(around, key);
        }
    }
    return around;
}

static json_t *with_parent(const json_t *around, json_t *element)
{
    json_t *record, *value;
    const char *key;
    size_t len;

    if (!json_is_object(element)) {
        return json_incref(element);
    }
    record = flow_value_copy(around);
    json_object_keylen_foreach(element, key, len, value)
    {
        json_object_setn_nocheck(record, key, len, value);
    }
    return record;
}

static apr_status_t records_at_path(const flow_webhook_t *webhook,
                                    const json_t *body, json_t **precords,
                                    flow_error_t *err)
{
    json_t *list = flow_path_get(webhook->records_path, body);
    json_t *around = NULL, *records;
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(list);
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "no_records",
                              "there is no array at '%s'",
                              flow_path_text(webhook->records_path));
    }
    if (webhook->include_parent) {
        around = surroundings(webhook->records_path, body);
    }
    records = json_array();
    for (i = 0; i < json_array_size(list) && rv == APR_SUCCESS; ++i) {
        json_t *element = json_array_get(list, i);

        if (!is_record(element)) {
            rv = flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "no_records",
                                "element %lu at '%s' is no record",
                                (unsigned long)i,
                                flow_path_text(webhook->records_path));
        }
        json_array_append_new(records, around ? with_parent(around, element)
                                              : json_incref(element));
    }
    json_decref(list);
    json_decref(around);
    *precords = records;
    return rv;
}

static apr_status_t whole_body(json_t *body, json_t **precords,
                               flow_error_t *err)
{
    if (is_list(body)) {
        *precords = json_incref(body);
        return APR_SUCCESS;
    }
    *precords = json_array();
    if (flow_json_is(body, STRING)) {
        json_t *record = json_object();

        json_object_set(record, "text", body);
        json_array_append_new(*precords, record);
        return APR_SUCCESS;
    }
    if (!is_record(body)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "no_records",
                              "the body must be an object or an array, found "
                              "%s",
                              flow_json_type_name(body));
    }
    json_array_append(*precords, body);
    return APR_SUCCESS;
}

apr_status_t flow_webhook_records(const flow_webhook_t *webhook,
                                  const flow_request_t *req, json_t **precords,
                                  apr_pool_t *p, flow_error_t *err)
{
    json_t *body = NULL;
    apr_status_t rv;

    *precords = NULL;
    rv = flow_webhook_body(webhook, req, &body, p, err);
    if (rv == APR_SUCCESS) {
        rv = webhook->records_path
                 ? records_at_path(webhook, body, precords, err)
                 : whole_body(body, precords, err);
    }
    json_decref(body);
    if (rv != APR_SUCCESS) {
        json_decref(*precords);
        *precords = NULL;
    }
    return rv;
}

/* ---- challenges ---- */

static json_t *parse_query(const flow_request_t *req, apr_pool_t *p)
{
    json_t *query = NULL;

    if (req->query && *req->query) {
        query = flow_query_parse(req->query, strlen(req->query), p, NULL);
    }
    return query ? query : json_object();
}

static int names_challenge(const json_t *v)
{
    return json_object_get(v, "challenge") ||
           json_object_get(v, "hub.challenge") ||
           json_object_get(json_object_get(v, "hub"), "challenge");
}

int flow_webhook_is_challenge(const flow_webhook_t *webhook,
                              const flow_request_t *req, apr_pool_t *p)
{
    json_t *query, *body = NULL;
    int found;

    if (!webhook->has_challenge) {
        return 0;
    }
    if (!strcmp(req->method, "GET")) {
        return 1;
    }
    query = parse_query(req, p);
    found = names_challenge(query);
    json_decref(query);
    if (!found &&
        flow_webhook_body(webhook, req, &body, p, NULL) == APR_SUCCESS) {
        found = names_challenge(body);
        json_decref(body);
    }
    return found;
}

/* ---- answers ---- */

/* "hub.challenge" is one name in a query and two steps in a template. */
static void set_dotted(json_t *context, const char *name, json_t *value,
                       apr_pool_t *p)
{
    const char *dot = strchr(name, '.');
    const char *first;
    json_t *inner;

    json_object_set(context, name, value);
    if (!dot || dot == name || !dot[1]) {
        return;
    }
    first = apr_pstrmemdup(p, name, (apr_size_t)(dot - name));
    inner = json_object_get(context, first);
    if (!inner) {
        inner = json_object();
        json_object_set_new(context, first, inner);
    }
    if (json_is_object(inner) && !json_object_get(inner, dot + 1)) {
        json_object_set(inner, dot + 1, value);
    }
}

json_t *flow_webhook_context(const flow_webhook_t *webhook,
                             const flow_request_t *req, apr_pool_t *p)
{
    json_t *body = NULL, *query = parse_query(req, p), *context, *value;
    const char *name;

    if (flow_webhook_body(webhook, req, &body, p, NULL) != APR_SUCCESS) {
        body = json_null();
    }
    context = json_is_object(body) ? flow_value_copy(body) : json_object();
    json_object_foreach(query, name, value)
    {
        set_dotted(context, name, value, p);
    }
    json_object_set_new(context, "body", body);
    json_object_set(context, "queryParams", query);
    json_object_set_new(context, "queryString", query);
    json_object_set_new(context, "headers", flow_request_headers_json(req));
    flow_record_set_text(context, "currentDateTime",
                         flow_record_time(apr_time_now(), p));
    return context;
}

/* The event has been accepted: what the request has spoilt is left out rather
 * than making the sender believe that it must send again. */
static void add_header(flow_answer_t *answer,
                       const flow_webhook_header_t *header,
                       const json_t *context, apr_pool_t *p)
{
    const char *value = NULL;
    apr_size_t len = 0;

    if (flow_template_text(header->value, context, HEADER_MAX, &value, &len, p,
                           NULL) != APR_SUCCESS ||
        !flow_header_value_ok(value, len)) {
        flow_log(FLOW_LOG_INFO,
                 "webhook: header '%s' of the answer is left out, its value "
                 "cannot be sent",
                 header->name);
        return;
    }
    if (!apr_cstr_casecmp(header->name, "Content-Type")) {
        answer->content_type = value;
        return;
    }
    apr_table_addn(answer->headers, header->name, value);
}

static apr_status_t add_body(flow_answer_t *answer,
                             const flow_webhook_reply_t *reply,
                             const json_t *context, apr_pool_t *p,
                             flow_error_t *err)
{
    apr_status_t rv =
        flow_template_text(reply->body, context, REPLY_MAX, &answer->body,
                           &answer->body_len, p, err);

    if (rv != APR_SUCCESS) {
        answer->body = NULL;
        answer->body_len = 0;
        return rv;
    }
    answer->content_type = reply->content_type;
    return APR_SUCCESS;
}

apr_status_t flow_webhook_answer(const flow_webhook_t *webhook,
                                 const flow_request_t *req, int challenge,
                                 flow_answer_t *answer, apr_pool_t *p,
                                 flow_error_t *err)
{
    const flow_webhook_reply_t *reply =
        challenge ? &webhook->challenge : &webhook->success;
    apr_status_t rv = APR_SUCCESS;
    json_t *context;
    apr_size_t i;

    memset(answer, 0, sizeof(*answer));
    answer->status = reply->status;
    if (!reply->nheaders && (!reply->body || reply->status == 204)) {
        return APR_SUCCESS; /* the usual one needs no look at the request */
    }
    context = flow_webhook_context(webhook, req, p);
    if (reply->body && reply->status != 204) {
        rv = add_body(answer, reply, context, p, err);
        if (rv != APR_SUCCESS && !challenge) {
            flow_log(FLOW_LOG_INFO,
                     "webhook: the answer goes without a body: "
                     "%s",
                     err ? err->message : "it cannot be made");
            flow_error_clear(err);
            rv = APR_SUCCESS;
        }
    }
    if (reply->nheaders) {
        answer->headers = apr_table_make(p, (int)reply->nheaders);
    }
    for (i = 0; i < reply->nheaders && rv == APR_SUCCESS; ++i) {
        add_header(answer, &reply->headers[i], context, p);
    }
    json_decref(context);
    return rv;
}
