/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivering: one request per record, or per batch of them.
 */
#include "connectors/flow_conn_http.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define BODY_MAX (50 * 1024 * 1024)

typedef struct batch_t {
    const flow_import_t *imp;
    const http_import_t *x;
    const flow_call_t *call;
    json_t *records, *originals; /* of this batch */
    json_t *responses;           /* of all */
    apr_pool_t *p;               /* dies with the batch */
} batch_t;

/* ---- the body ---- */

static int is_empty(const json_t *v)
{
    apr_size_t len;

    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        return 1;
    case FLOW_JSON_STRING:
        flow_json_string(v, &len);
        return len == 0;
    case FLOW_JSON_ARRAY:
        return json_array_size(v) == 0;
    case FLOW_JSON_OBJECT:
        return json_object_size(v) == 0;
    default:
        return 0;
    }
}

/* A copy without what is empty, from the leaves up; new. Elements of arrays
 * keep their place even when empty. */
static json_t *without_empty(const json_t *v)
{
    const char *key;
    json_t *item, *copy;
    size_t i, len;

    if (flow_json_is(v, OBJECT)) {
        copy = json_object();
        json_object_keylen_foreach((json_t *)v, key, len, item)
        {
            item = without_empty(item);
            if (!is_empty(item)) {
                json_object_setn_nocheck(copy, key, len, item);
            }
            json_decref(item);
        }
        return copy;
    }
    if (flow_json_is(v, ARRAY)) {
        copy = json_array();
        json_array_foreach((json_t *)v, i, item)
        {
            json_array_append_new(copy, without_empty(item));
        }
        return copy;
    }
    return json_incref((json_t *)v);
}

static json_t *context_with(const batch_t *b, json_t *list)
{
    json_t *context = flow_conn_http_context(b->call, b->p);
    json_t *first = json_array_get(list, 0);

    json_object_set(context, "data", list);
    json_object_set(context, "record", first);
    if (b->x->batch_size > 1) {
        json_object_set(context, "batch_of_records", list);
    }
    return context;
}

static apr_status_t make_body(const batch_t *b, json_t *list, http_send_t *send,
                              flow_error_t *err)
{
    const http_step_t *step = &b->x->step;
    const json_t *payload;
    flow_buf_t text;
    apr_status_t rv;

    if (step->body) {
        return flow_conn_http_body(step->body, context_with(b, list),
                                   &send->body, &send->body_len, b->p, err);
    }
    if (strcmp(step->method, "GET") == 0) {
        return APR_SUCCESS;
    }
    payload = b->x->batch_size > 1 || step->request_media == FLOW_MEDIA_CSV
                  ? list
                  : json_array_get(list, 0);
    if (b->x->drop_empty) {
        payload = flow_json_own(b->p, without_empty(payload));
    }
    flow_buf_init(&text, BODY_MAX);
    rv = flow_body_write(&text, step->request_media, payload, b->p, err);
    if (rv == APR_SUCCESS && text.status != APR_SUCCESS) {
        rv = flow_error_set(err, FLOW_E_INPUT, text.status, "body_too_large",
                            "the body would have more than %d bytes", BODY_MAX);
    }
    if (rv == APR_SUCCESS) {
        send->body = flow_buf_steal(&text, &send->body_len, b->p);
    }
    flow_buf_release(&text);
    return rv;
}

/* ---- answers ---- */

static json_t *id_of(const http_step_t *step, const json_t *resource,
                     const json_t *whole)
{
    json_t *id = NULL, *found;

    if (step->id_path) {
        id = resource ? flow_path_get(step->id_path, resource) : NULL;
        if (!id && whole) {
            id = flow_path_get(step->id_path, whole);
        }
        return id;
    }
    found = json_object_get(resource, "id");
    found = found ? found : json_object_get(resource, "_id");
    return json_incref(found);
}

static void add_ok(const batch_t *b, const http_answer_t *answer,
                   const json_t *resource, const json_t *json)
{
    json_t *id = id_of(&b->x->step, resource,
                       b->x->batch_size > 1 ? NULL : answer->value);
    json_t *element = flow_response_ok(id, json);

    json_object_set_new(element, "_headers",
                        flow_conn_http_headers_json(answer->headers));
    json_array_append_new(b->responses, element);
    json_decref(id);
}

static void add_answers(const batch_t *b, const http_answer_t *answer)
{
    const flow_path_t *path = b->x->step.resource_path;
    size_t n = json_array_size(b->records), i;
    json_t *resource = NULL;

    if (answer->value) {
        resource = path ? flow_path_get(path, answer->value)
                        : json_incref((json_t *)answer->value);
    }
    if (b->x->batch_size == 1) {
        const json_t *one = flow_json_is(resource, ARRAY)
                                ? json_array_get(resource, 0)
                                : resource;

        add_ok(b, answer, one, answer->value);
    }
    else {
        /* Element k belongs to record k; a list of another length belongs to
         * nobody in particular. */
        int aligned =
            flow_json_is(resource, ARRAY) && json_array_size(resource) == n;

        for (i = 0; i < n; ++i) {
            const json_t *one = aligned ? json_array_get(resource, i) : NULL;

            add_ok(b, answer, one, aligned ? one : answer->value);
        }
    }
    json_decref(resource);
}

/* No answer at all: nobody knows what became of the records. */
static int is_transport(const flow_error_t *err)
{
    return !apr_isdigit(err->code[0]) &&
           (err->kind == FLOW_E_UNAVAILABLE || err->kind == FLOW_E_CONFIG);
}

static void add_errors(json_t *responses, const flow_error_t *err, size_t n)
{
    const char *source = is_transport(err) ? "connection" : "application";

    while (n-- > 0) {
        json_array_append_new(responses, flow_response_error(err, source));
    }
}

/* ---- one batch ---- */

static apr_status_t submit(const batch_t *b, flow_error_t *err)
{
    http_send_t send = { b->imp->connection, &b->x->step };
    http_answer_t answer;
    apr_status_t rv;

    send.context = context_with(b, b->originals);
    rv = make_body(b, b->x->send_original ? b->originals : b->records, &send,
                   err);
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_send(&send, b->call, &answer, b->p, err);
    }
    if (rv == APR_SUCCESS && !b->call->dry_run) {
        rv = flow_conn_http_judge(&answer, &b->x->step.verdict,
                                  b->imp->connection->secrets, b->p, err);
    }
    if (rv == APR_SUCCESS) {
        add_answers(b, &answer);
    }
    return rv;
}

static json_t *slice(const json_t *list, size_t from, size_t n, apr_pool_t *p)
{
    json_t *out = flow_json_own(p, json_array());

    while (n-- > 0) {
        json_array_append(out, json_array_get(list, from++));
    }
    return out;
}

/* Batch after batch. Stops when the far end is gone: no use in waiting for it
 * once per record. Returns how many records were tried. */
static size_t submit_all(batch_t *b, const json_t *records,
                         const json_t *originals, flow_error_t *err)
{
    size_t total = json_array_size(records), done = 0, n;

    while (done < total && !is_transport(err)) {
        flow_error_clear(err);
        apr_pool_clear(b->p);
        n = total - done < (size_t)b->x->batch_size ? total - done
                                                    : (size_t)b->x->batch_size;
        b->records = slice(records, done, n, b->p);
        b->originals = slice(originals, done, n, b->p);
        if (submit(b, err) != APR_SUCCESS) {
            if (is_transport(err)) {
                break;
            }
            add_errors(b->responses, err, n);
        }
        done += n;
    }
    return done;
}

apr_status_t flow_conn_http_import_records(const flow_import_t *imp,
                                           const flow_call_t *call,
                                           const json_t *records,
                                           const json_t *originals,
                                           json_t **presponses, apr_pool_t *p,
                                           flow_error_t *err)
{
    size_t total = json_array_size(records), done;
    flow_error_t why = FLOW_ERROR_INIT;
    batch_t b = { imp, imp->data, call };

    b.responses = json_array();
    apr_pool_create(&b.p, p);
    done = submit_all(&b, records, originals, &why);
    apr_pool_destroy(b.p);
    if (done == 0 && total > 0) {
        json_decref(b.responses);
        return flow_error_set(err, why.kind, why.status, why.code, "%s",
                              why.message);
    }
    add_errors(b.responses, &why, total - done);
    *presponses = b.responses;
    return APR_SUCCESS;
}
