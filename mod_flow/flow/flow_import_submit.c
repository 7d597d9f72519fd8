/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An import's records go to its connector: all at once, or, where records of
 * equal keys must not be in flight together, so many at a time as may.
 */
#include "flow/flow_import_private.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/flow_sign.h"
#include "data/flow_json.h"
#include "flow/flow_breaker.h"
#include "flow/flow_record.h"

/* A connector gets a page as a whole, since it makes batches and files of it;
 * its time grows with every so many records. */
#define RECORDS_PER_TIMEOUT 250

/* ---- keys of requests ---- */

static const char *digest_of(const char *text, apr_size_t len, apr_pool_t *p)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t n = 0;

    flow_digest(FLOW_DIGEST_SHA256, text, len, digest, &n);
    return flow_hex(digest, n, p);
}

/* The page, the record, and which of its equals in the page it is. */
static const char **make_keys(const flow_import_work_t *w)
{
    const char **keys = apr_palloc(w->p, w->n * sizeof(*keys));
    apr_hash_t *seen = apr_hash_make(w->p);
    apr_pool_t *each;
    size_t i;

    apr_pool_create(&each, w->p);
    for (i = 0; i < w->n; ++i) {
        apr_size_t len = 0;
        const char *text, *digest;
        int *count;

        apr_pool_clear(each);
        text = flow_json_text(w->items[i].incoming, &len, each);
        digest = digest_of(text ? text : "", len, w->p);
        count = apr_hash_get(seen, digest, APR_HASH_KEY_STRING);
        if (!count) {
            count = apr_pcalloc(w->p, sizeof(*count));
            apr_hash_set(seen, digest, APR_HASH_KEY_STRING, count);
        }
        keys[i] =
            apr_psprintf(w->p, "%s.%s.%d", w->page_key, digest, (*count)++);
    }
    apr_pool_destroy(each);
    return keys;
}

const char *flow_call_idempotency_key(const flow_call_t *call,
                                      const size_t *indexes, size_t n,
                                      apr_pool_t *p)
{
    flow_call_keys_t *keys = call->keys;
    apr_array_header_t *list;
    const char *all;
    size_t i;

    if (!keys) {
        return flow_new_id(p); /* nobody will send this page again */
    }
    if (!keys->made) {
        keys->made = make_keys(keys->work);
    }
    list = apr_array_make(p, (int)n, sizeof(const char *));
    for (i = 0; i < n; ++i) {
        APR_ARRAY_PUSH(list, const char *) = keys->made[indexes[i]];
    }
    all = apr_array_pstrcat(p, list, '\n');
    return apr_pstrmemdup(p, digest_of(all, strlen(all), p), 32);
}

/* ---- submit ---- */

/* One object for each record? Connectors may be other people's. */
static int is_answer(const json_t *responses, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        if (!json_is_object(json_array_get(responses, i))) {
            return 0;
        }
    }
    return json_array_size(responses) == n;
}

static apr_interval_time_t time_for(const flow_import_work_t *w, size_t n)
{
    size_t times = (n + RECORDS_PER_TIMEOUT - 1) / RECORDS_PER_TIMEOUT;

    return w->scope->env->call_timeout * (apr_interval_time_t)times;
}

static apr_status_t call_connector(const flow_import_work_t *w,
                                   const json_t *records,
                                   const json_t *originals, json_t **presponses,
                                   json_t **pexchange, flow_error_t *err)
{
    const flow_import_t *imp = w->imp;
    flow_call_keys_t keys = { w, NULL };
    flow_call_t call;
    apr_status_t rv;

    if (!imp->connector || !imp->connector->import_records) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "cannot_import",
                              "the connector of import '%s' cannot import",
                              imp->id);
    }
    rv = flow_breaker_enter(w->scope->env, imp->connection, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    flow_scope_call(w->scope, &call);
    flow_scope_call_lookups(w->scope, &call, NULL, w->p);
    call.deadline =
        flow_deadline(w->scope->caller, time_for(w, json_array_size(records)));
    /* What has been begun is finished: breaking off now would leave records
     * of which nobody knows whether they have arrived. */
    call.stopping = NULL;
    call.dry_run = call.test_mode;
    call.exchange = pexchange;
    call.keys = w->page_key ? &keys : NULL;
    flow_scope_remember(w->scope);
    rv = imp->connector->import_records(imp, &call, records, originals,
                                        presponses, w->p, err);
    flow_scope_forget(w->scope);
    if (!call.dry_run) {
        flow_breaker_leave_import(w->scope->env, w->scope->caller,
                                  imp->connection, rv, err, *presponses, w->p);
    }
    if (rv == APR_SUCCESS &&
        !is_answer(*presponses, json_array_size(records))) {
        rv = flow_error_set(
            err, FLOW_E_INTERNAL, APR_EGENERAL, "response_count",
            "connector '%s' has not given one answer for each "
            "of %lu records",
            imp->connector->name, (unsigned long)json_array_size(records));
    }
    return rv;
}

/* Hooks do not see what is kept for people. */
static void take_exchanges(const flow_import_work_t *w, json_t *responses)
{
    size_t i;

    for (i = 0; i < w->n; ++i) {
        json_t *element = json_array_get(responses, i);
        json_t *exchange = json_object_get(element, "_exchange");

        if (exchange) {
            json_decref(w->items[i].result->exchange);
            w->items[i].result->exchange = json_incref(exchange);
            json_object_del(element, "_exchange");
        }
    }
}

/* New: a response element for every record. */
static json_t *submit_now(const flow_import_work_t *w, json_t *records,
                          json_t *originals)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *responses = NULL, *exchange = NULL;
    size_t i;

    if (w->imp->mock && w->scope->caller->test_mode) {
        return flow_import_mock(w->imp, w->n);
    }
    if (call_connector(w, records, originals, &responses, &exchange, &err) ==
        APR_SUCCESS) {
        json_decref(exchange);
        take_exchanges(w, responses);
        return responses;
    }
    json_decref(responses);
    responses = json_array();
    for (i = 0; i < w->n; ++i) {
        json_array_append_new(
            responses, flow_response_error(&err, flow_error_source(&err)));
        if (exchange) {
            json_decref(w->items[i].result->exchange);
            w->items[i].result->exchange = json_incref(exchange);
        }
    }
    json_decref(exchange);
    return responses;
}

/* ---- idLockTemplate ---- */

/* How many records before this one, still on their way, have its key: those
 * with the same number can be in flight together. */
static size_t *rounds_of(const flow_import_work_t *w, size_t *pmost)
{
    size_t *rounds = apr_pcalloc(w->p, w->n * sizeof(*rounds)), i;
    apr_hash_t *seen = apr_hash_make(w->p);

    *pmost = 0;
    for (i = 0; i < w->n; ++i) {
        const char *key = w->items[i].lock;
        size_t *last =
            key ? apr_hash_get(seen, key, APR_HASH_KEY_STRING) : NULL;

        if (!key) {
            continue;
        }
        rounds[i] = last ? *last + 1 : 0;
        *pmost = rounds[i] > *pmost ? rounds[i] : *pmost;
        apr_hash_set(seen, key, APR_HASH_KEY_STRING, &rounds[i]);
    }
    return rounds;
}

/* The records of one round, by themselves. */
static void submit_round(const flow_import_work_t *w, const size_t *rounds,
                         size_t round, const json_t *records,
                         const json_t *originals, json_t *responses)
{
    flow_import_work_t some = *w;
    json_t *r = json_array(), *o = json_array(), *answers;
    size_t *from = apr_palloc(w->p, w->n * sizeof(*from)), i;

    some.items = apr_pcalloc(w->p, w->n * sizeof(*some.items));
    some.n = 0;
    for (i = 0; i < w->n; ++i) {
        if (rounds[i] == round) {
            from[some.n] = i;
            some.items[some.n++] = w->items[i];
            json_array_append(r, json_array_get(records, i));
            json_array_append(o, json_array_get(originals, i));
        }
    }
    answers = submit_now(&some, r, o);
    for (i = 0; i < some.n; ++i) {
        json_array_set(responses, from[i], json_array_get(answers, i));
    }
    json_decref(answers);
    json_decref(r);
    json_decref(o);
}

static json_t *submit_locked(const flow_import_work_t *w, json_t *records,
                             json_t *originals)
{
    flow_import_locks_t locks = { w->scope, NULL, w->n };
    flow_error_t err = FLOW_ERROR_INIT;
    size_t most, i, *rounds = rounds_of(w, &most);
    json_t *responses = json_array();

    locks.keys = apr_palloc(w->p, w->n * sizeof(*locks.keys));
    for (i = 0; i < w->n; ++i) {
        locks.keys[i] = w->items[i].lock;
        json_array_append_new(responses, json_null());
    }
    w->scope->is_locked_out =
        flow_import_lock(&locks, w->p, &err) != APR_SUCCESS;
    if (w->scope->is_locked_out) {
        for (i = 0; i < w->n; ++i) {
            json_array_set_new(responses, i,
                               flow_response_error(&err, FLOW_SOURCE_INTERNAL));
        }
        return responses;
    }
    for (i = 0; i <= most; ++i) {
        submit_round(w, rounds, i, records, originals, responses);
    }
    flow_import_unlock(&locks, w->p);
    return responses;
}

static void show_mapped(const flow_import_work_t *w, json_t *records)
{
    json_t *stage = json_object();

    flow_record_set_text(stage, "name", "mapping");
    json_object_set_new(stage, "errors", json_array());
    json_object_set(stage, "data", records);
    json_array_append_new(w->scope->stages, stage);
}

json_t *flow_import_submit(const flow_import_work_t *w, json_t *records,
                           json_t *originals)
{
    if (w->scope->stages) {
        show_mapped(w, records);
    }
    return w->imp->id_lock && !w->scope->caller->test_mode
               ? submit_locked(w, records, originals)
               : submit_now(w, records, originals);
}
