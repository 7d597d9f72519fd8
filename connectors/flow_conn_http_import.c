/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivering: one request per record, or per batch of them.
 *
 * size: a page from its records to their answers; what can stand alone has
 * files of its own (form, lookup, async, blob).
 */
#include "connectors/flow_conn_http.h"

#include <apr_strings.h>

#include <string.h>

#define BODY_MAX (50 * 1024 * 1024)

/* Records of one batch that go the same way. */
typedef struct batch_t {
    const flow_import_t *imp;
    const http_import_t *x;
    const http_step_t *op;
    const flow_call_t *call;
    json_t *records, *originals; /* of this group */
    json_t *lookup;              /* {name: value} for templates */
    json_t *responses;           /* of this group, in order */
    json_t *exchange;            /* new, when it failed; or NULL */
    json_t **misfits;            /* of a file: elements of records that do not
                                    fit its format, or NULL */
    const char *key;             /* idempotency key of its request, or NULL */
    apr_pool_t *p;               /* dies with the batch */
} batch_t;

/* Where a record goes. */
typedef enum {
    WAY_IGNORE = -2,
    WAY_FAILED = -1 /* else the index of the operation */
} way_e;

/* All batches of one call. */
typedef struct delivery_t {
    const flow_import_t *imp;
    const http_import_t *x;
    const flow_call_t *call;
    const json_t *records, *originals;
    json_t **answers; /* one for each record; NULL = not tried */
    int *ways;        /* of the batch */
    json_t **lookups; /* of the batch: {name: value}, owned by batch_p */
    json_t *exchange; /* of the request that failed last, or NULL */
    apr_pool_t *batch_p;
} delivery_t;

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
    if (b->key) {
        json_object_set_new(context, "idempotencyKey",
                            flow_json_string_new(b->key, strlen(b->key)));
    }
    if (b->lookup) {
        json_object_set(context, "lookup", b->lookup);
    }
    if (b->x->batch_size > 1) {
        json_object_set(context, "batch_of_records", list);
    }
    return context;
}

static apr_status_t write_body(const batch_t *b, const json_t *payload,
                               http_send_t *send, flow_error_t *err)
{
    flow_buf_t text;
    apr_status_t rv;

    if (b->op->request_media == FLOW_MEDIA_FORM_DATA) {
        return flow_conn_http_multipart(payload, b->call->blobs, &send->body,
                                        &send->body_len, &send->content_type,
                                        b->p, err);
    }
    flow_buf_init(&text, BODY_MAX);
    rv = flow_body_write(&text, b->op->request_media, payload, b->p, err);
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

/* A form's template says which of its fields is the blob. */
static int is_blob_in_form(const batch_t *b)
{
    return b->op->request_media == FLOW_MEDIA_FORM_DATA && b->op->body.tpl;
}

/* The address and the headers see the record before the mapping, the body
 * after it; hence the body is rendered here, with a context of its own. */
static apr_status_t make_body(batch_t *b, json_t *list, http_send_t *send,
                              flow_error_t *err)
{
    const json_t *payload;

    if (b->x->file) {
        b->misfits = apr_pcalloc(b->p, (json_array_size(list) + 1) *
                                           sizeof(*b->misfits));
        return flow_conn_http_file_body(b->x, b->call, list,
                                        (json_t *)send->context, b->misfits,
                                        send, b->p, err);
    }
    if (b->x->blob_path && !is_blob_in_form(b)) {
        return b->call->dry_run
                   ? APR_SUCCESS
                   : flow_conn_http_blob_body(b->x, b->call,
                                              json_array_get(b->originals, 0),
                                              send, b->p, err);
    }
    if (b->op->body.tpl) {
        send->tpl = &b->op->body;
        send->body_context = context_with(b, list);
        return APR_SUCCESS;
    }
    if (strcmp(b->op->method, "GET") == 0) {
        return APR_SUCCESS;
    }
    payload = b->x->batch_size > 1 || b->op->request_media == FLOW_MEDIA_CSV
                  ? list
                  : json_array_get(list, 0);
    if (b->x->drop_empty) {
        payload = flow_json_own(b->p, without_empty(payload));
    }
    return write_body(b, payload, send, err);
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
    json_t *id =
        id_of(b->op, resource, b->x->batch_size > 1 ? NULL : answer->value);
    json_t *element = flow_response_ok(id, json);

    json_object_set_new(element, "_headers",
                        flow_conn_http_headers_json(answer->headers));
    json_array_append_new(b->responses, element);
    json_decref(id);
}

static void add_answers(const batch_t *b, const http_answer_t *answer)
{
    const flow_path_t *path = b->op->resource_path;
    size_t n = json_array_size(b->records), i;
    json_t *resource = NULL;

    if (answer->value) {
        resource = path ? flow_path_get(path, answer->value)
                        : json_incref((json_t *)answer->value);
    }
    if (b->x->has_header && flow_json_is(resource, ARRAY)) {
        json_t *rows = flow_conn_http_rows(json_copy(resource), 1, b->p);

        json_decref(resource);
        resource = rows;
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

/* The far end is gone, or does not let us in: no use in trying the rest. What
 * is wrong with one record alone is none of these. */
static int is_transport(const flow_error_t *err)
{
    return flow_response_is_connections_fault(err);
}

static void add_errors(json_t *responses, const flow_error_t *err,
                       json_t *exchange, size_t n)
{
    int is_connections = is_transport(err) || strcmp(err->code, "401") == 0;
    const char *source = is_connections ? "connection" : "application";

    while (n-- > 0) {
        json_t *element = flow_response_error(err, source);

        if (exchange) {
            json_object_set(element, "_exchange", exchange);
        }
        json_array_append_new(responses, element);
    }
}

/* ---- one request ---- */

static void forget_blob(const batch_t *b)
{
    const char *key;

    if (!b->x->blob_path || !b->x->delete_blob || b->call->dry_run) {
        return;
    }
    key = flow_conn_http_blob_key(b->x, json_array_get(b->originals, 0), b->p);
    if (key) {
        b->call->blobs->remove(b->call->blobs->baton, key, b->p);
    }
}

/* Those that did not get into the file have answers of their own. */
static void add_misfits(batch_t *b)
{
    size_t i, n = json_array_size(b->records);

    for (i = 0; b->misfits && i < n; ++i) {
        if (json_array_size(b->responses) <= i) {
            json_array_append_new(b->responses, json_null());
        }
        if (b->misfits[i]) {
            json_array_set_new(b->responses, i, b->misfits[i]);
            b->misfits[i] = NULL;
        }
    }
}

/* Nothing got into it. */
static int is_empty_file(const batch_t *b, const http_send_t *send)
{
    return b->misfits && send->body_len == 0;
}

static apr_status_t submit(batch_t *b, flow_error_t *err)
{
    http_send_t send = { b->imp->connection, b->op };
    http_answer_t answer = { 0 };
    apr_status_t rv;

    send.templates = b->call->templates;
    send.context = context_with(b, b->originals);
    send.body_max = b->x->body_limit;
    rv = make_body(b, b->x->send_original ? b->originals : b->records, &send,
                   err);
    if (rv == APR_SUCCESS && is_empty_file(b, &send)) {
        add_misfits(b);
        return rv;
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_send(&send, b->call, &answer, b->p, err);
    }
    if (rv == APR_SUCCESS && !b->call->dry_run) {
        rv = flow_conn_http_judge(&answer, &b->op->verdict, b->imp->connection,
                                  b->p, err);
    }
    if (rv == APR_SUCCESS && b->x->async && !b->call->dry_run) {
        rv =
            flow_conn_http_async_wait(b->x->async, b->call, &answer, b->p, err);
    }
    if (rv == APR_SUCCESS) {
        add_answers(b, &answer);
        add_misfits(b);
        forget_blob(b);
    }
    else if (b->call->exchange) {
        b->exchange =
            flow_conn_http_exchange(&answer, b->imp->connection, b->p);
    }
    return rv;
}

/* ---- which way a record goes ---- */

static int is_there(const json_t *v)
{
    return v && !is_empty(v);
}

static apr_status_t exists(const delivery_t *d, const flow_path_t *path,
                           const http_lookup_t *lookup, size_t k,
                           const json_t *original, int *pexists,
                           flow_error_t *err)
{
    json_t *found = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (path) {
        found = flow_path_get(path, original);
    }
    else if (lookup && !d->call->dry_run) {
        rv = flow_conn_http_lookup(lookup, d->imp->connection, d->call,
                                   original, &found, d->batch_p, err);
        if (found) {
            /* {{lookup.NAME}} need not ask again */
            json_object_set(d->lookups[k], lookup->name, found);
        }
    }
    *pexists = rv == APR_SUCCESS && is_there(found);
    json_decref(found);
    return rv;
}

static apr_status_t look_up_one(const delivery_t *d, size_t k,
                                const http_lookup_t *lookup,
                                const json_t *original, flow_error_t *err)
{
    json_t *found = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (!lookup->in_templates || json_object_get(d->lookups[k], lookup->name)) {
        return APR_SUCCESS;
    }
    if (d->call->dry_run) {
        const char *text =
            apr_pstrcat(d->batch_p, "lookup.", lookup->name, NULL);

        found = flow_json_string_new(text, strlen(text));
    }
    else {
        rv = flow_conn_http_lookup(lookup, d->imp->connection, d->call,
                                   original, &found, d->batch_p, err);
    }
    if (found) {
        json_object_set_new(d->lookups[k], lookup->name, found);
    }
    return rv;
}

static int is_own(const http_import_t *x, const char *name)
{
    int i;

    for (i = 0; i < x->nlookups; ++i) {
        if (strcmp(x->lookups[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* What the templates look up, unless the test for existence has. */
static apr_status_t look_up(const delivery_t *d, size_t k,
                            const json_t *original, flow_error_t *err)
{
    const flow_lookups_t *all = d->imp->lookups.lookups;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < d->x->nlookups && rv == APR_SUCCESS; ++i) {
        const http_lookup_t *lookup = &d->x->lookups[i];

        if (!lookup->map && lookup != d->x->existing_lookup) {
            rv = look_up_one(d, k, lookup, original, err);
        }
    }
    /* and those that stand at the import's root */
    for (i = 0; all && i < all->n && rv == APR_SUCCESS; ++i) {
        if (d->imp->lookups.asks[i] && !is_own(d->x, all->all[i].name)) {
            rv = look_up_one(d, k, d->imp->lookups.asks[i], original, err);
        }
    }
    return rv;
}

static apr_status_t find_way(const delivery_t *d, size_t k,
                             const json_t *original, int *pway,
                             flow_error_t *err)
{
    const http_import_t *x = d->x;
    int own = x->ignore_path || x->ignore_lookup, is_known = 0;
    apr_status_t rv = APR_SUCCESS;

    *pway = 0;
    if (x->ignore_existing || x->ignore_missing) {
        rv = exists(d, own ? x->ignore_path : x->existing_path,
                    own ? x->ignore_lookup : x->existing_lookup, k, original,
                    &is_known, err);
        if (rv == APR_SUCCESS && !d->call->dry_run &&
            (is_known ? x->ignore_existing : x->ignore_missing)) {
            *pway = WAY_IGNORE;
            return APR_SUCCESS;
        }
    }
    if (rv == APR_SUCCESS && x->nops == HTTP_OPERATIONS_MAX) {
        if (own || !(x->ignore_existing || x->ignore_missing)) {
            rv = exists(d, x->existing_path, x->existing_lookup, k, original,
                        &is_known, err);
        }
        *pway = is_known ? x->update : x->create;
    }
    return rv == APR_SUCCESS ? look_up(d, k, original, err) : rv;
}

/* ---- one batch ---- */

static json_t *ignored(void)
{
    json_t *response = flow_response_ok(NULL, NULL);

    json_object_set_new(response, "ignored", json_true());
    return response;
}

/* @a n records of the batch whose indexes are @a at, in one request; in two when
 * the far end takes no body as large as that. */
static void submit_part(delivery_t *d, size_t from, const size_t *at, size_t n,
                        int way, flow_error_t *err)
{
    batch_t b = { d->imp, d->x, &d->x->ops[way], d->call };
    size_t i, *indexes = apr_palloc(d->batch_p, n * sizeof(*indexes));
    apr_status_t rv;

    b.p = d->batch_p;
    b.records = flow_json_own(b.p, json_array());
    b.originals = flow_json_own(b.p, json_array());
    b.responses = flow_json_own(b.p, json_array());
    for (i = 0; i < n; ++i) {
        indexes[i] = from + at[i];
        json_array_append(b.records, json_array_get(d->records, from + at[i]));
        json_array_append(b.originals,
                          json_array_get(d->originals, from + at[i]));
    }
    b.lookup = d->lookups[at[0]];
    if (d->x->uses_key) {
        b.key = flow_call_idempotency_key(d->call, indexes, n, b.p);
    }
    rv = submit(&b, err);
    if (rv != APR_SUCCESS && n > 1 &&
        strcmp(err->code, "body_too_large") == 0) {
        flow_error_clear(err);
        submit_part(d, from, at, n / 2, way, err);
        if (!is_transport(err)) {
            flow_error_clear(err);
            submit_part(d, from, at + n / 2, n - n / 2, way, err);
        }
        return;
    }
    if (rv != APR_SUCCESS) {
        for (i = 0; b.misfits && i < n; ++i) {
            json_decref(b.misfits[i]);
        }
        json_decref(d->exchange);
        d->exchange = b.exchange;
        if (is_transport(err)) {
            return;
        }
        json_array_clear(b.responses);
        add_errors(b.responses, err, b.exchange, n);
    }
    for (i = 0; i < n; ++i) {
        d->answers[from + at[i]] = json_incref(json_array_get(b.responses, i));
    }
}

/* Those of the batch that go way @a way, together. */
static void submit_group(delivery_t *d, size_t from, size_t n, int way,
                         flow_error_t *err)
{
    size_t *at = apr_palloc(d->batch_p, n * sizeof(*at)), i, k = 0;

    for (i = 0; i < n; ++i) {
        if (d->ways[i] == way && !d->answers[from + i]) {
            at[k++] = i;
        }
    }
    if (k > 0) {
        submit_part(d, from, at, k, way, err);
    }
}

static void submit_batch(delivery_t *d, size_t from, size_t n,
                         flow_error_t *err)
{
    size_t i;
    int way;

    for (i = 0; i < n; ++i) {
        d->lookups[i] = flow_json_own(d->batch_p, json_object());
        flow_error_clear(err);
        if (find_way(d, i, json_array_get(d->originals, from + i), &d->ways[i],
                     err) != APR_SUCCESS) {
            if (is_transport(err)) {
                return;
            }
            d->ways[i] = WAY_FAILED;
            d->answers[from + i] = flow_response_error(
                err, strncmp(err->code, "lookup_", 7) == 0 ? "lookup"
                                                           : "application");
        }
        else if (d->ways[i] == WAY_IGNORE) {
            d->answers[from + i] = ignored();
        }
    }
    for (way = 0; way < d->x->nops; ++way) {
        flow_error_clear(err);
        submit_group(d, from, n, way, err);
        if (is_transport(err)) {
            return;
        }
    }
}

/* Batch after batch. Stops when the far end is gone: no use in waiting for it
 * once per record. */
static void submit_all(delivery_t *d, size_t total, flow_error_t *err)
{
    size_t done = 0, n;

    while (done < total && !is_transport(err)) {
        apr_pool_clear(d->batch_p);
        n = total - done < (size_t)d->x->batch_size ? total - done
                                                    : (size_t)d->x->batch_size;
        submit_batch(d, done, n, err);
        done += n;
    }
}

/* The answers as one array; those that were not tried have the error. */
static json_t *gather(const delivery_t *d, size_t total,
                      const flow_error_t *err)
{
    json_t *responses = json_array();
    size_t i;

    for (i = 0; i < total; ++i) {
        if (d->answers[i]) {
            json_array_append_new(responses, d->answers[i]);
        }
        else {
            add_errors(responses, err, d->exchange, 1);
        }
    }
    return responses;
}

apr_status_t flow_conn_http_import_records(const flow_import_t *imp,
                                           const flow_call_t *call,
                                           const json_t *records,
                                           const json_t *originals,
                                           json_t **presponses, apr_pool_t *p,
                                           flow_error_t *err)
{
    size_t total = json_array_size(records), i;
    flow_error_t why = FLOW_ERROR_INIT;
    delivery_t d = { imp, imp->data, call, records, originals };
    size_t batch =
        (size_t)d.x->batch_size < total ? (size_t)d.x->batch_size : total;
    int any = 0;

    d.answers = apr_pcalloc(p, (total + 1) * sizeof(*d.answers));
    d.ways = apr_pcalloc(p, (batch + 1) * sizeof(*d.ways));
    d.lookups = apr_pcalloc(p, (batch + 1) * sizeof(*d.lookups));
    apr_pool_create(&d.batch_p, p);
    submit_all(&d, total, &why);
    apr_pool_destroy(d.batch_p);
    for (i = 0; i < total; ++i) {
        any |= d.answers[i] != NULL;
    }
    if (!any && total > 0) {
        if (call->exchange) {
            *call->exchange = json_incref(d.exchange);
        }
        json_decref(d.exchange);
        return flow_error_set(err, why.kind, why.status, why.code, "%s",
                              why.message);
    }
    *presponses = gather(&d, total, &why);
    json_decref(d.exchange);
    return APR_SUCCESS;
}
