/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of a connection that change while we run. One thread renews
 * them; all that find the old ones refused meanwhile wait and share what comes
 * of it, so that many threads make one request. Between processes the store
 * does the same (flow_conn_http_keep.c).
 */
#include "connectors/flow_conn_http_auth.h"

#include "base/flow_clock.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <stdlib.h>
#include <string.h>

#define GLANCE    apr_time_from_msec(200)
#define PAST_MAX  8 /* values before the present ones that are still masked */
#define VALUE_MAX 65536

struct http_token_t {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *renewed;
    int busy;          /* somebody is renewing */
    unsigned attempts; /* finished ones */
    flow_error_t last; /* of the last attempt, when it failed */
    unsigned generation;
    apr_int64_t stored; /* generation in the store */
    int is_synced;      /* the store has been looked at */
    int was_found;      /* the last success came from there */
    const char *identity;
    char *access, *refresh, *extra; /* malloc */
    apr_time_t expires;
    char *past[PAST_MAX];
    int npast;
};

static apr_status_t token_cleanup(void *data)
{
    http_token_t *t = data;
    int i;

    free(t->access);
    free(t->refresh);
    free(t->extra);
    for (i = 0; i < PAST_MAX; ++i) {
        free(t->past[i]);
    }
    return APR_SUCCESS;
}

http_token_t *flow_conn_http_token_create(const char *access,
                                          const char *refresh,
                                          const char *identity, apr_pool_t *p)
{
    http_token_t *t = apr_pcalloc(p, sizeof(*t));

    t->identity = identity;
    if (apr_thread_mutex_create(&t->lock, APR_THREAD_MUTEX_DEFAULT, p) !=
            APR_SUCCESS ||
        apr_thread_cond_create(&t->renewed, p) != APR_SUCCESS) {
        return NULL;
    }
    t->access = access && access[0] ? strdup(access) : NULL;
    t->refresh = refresh && refresh[0] ? strdup(refresh) : NULL;
    apr_pool_cleanup_register(p, t, token_cleanup, apr_pool_cleanup_null);
    return t;
}

void flow_conn_http_token_read(http_token_t *t, http_cred_t *cred,
                               apr_pool_t *p)
{
    apr_thread_mutex_lock(t->lock);
    cred->access = t->access ? apr_pstrdup(p, t->access) : NULL;
    cred->refresh = t->refresh ? apr_pstrdup(p, t->refresh) : NULL;
    cred->extra = t->extra ? apr_pstrdup(p, t->extra) : NULL;
    cred->expires = t->expires;
    cred->generation = t->generation;
    cred->stored = t->stored;
    apr_thread_mutex_unlock(t->lock);
}

/* Under the lock. Takes the place of *pold, which is remembered. */
static void put(http_token_t *t, char **pold, const char *fresh)
{
    char *copy;

    if (!fresh || (*pold && strcmp(*pold, fresh) == 0)) {
        return;
    }
    copy = strdup(fresh);
    if (!copy) {
        return;
    }
    if (*pold) {
        int slot = t->npast++ % PAST_MAX;

        free(t->past[slot]);
        t->past[slot] = *pold;
    }
    *pold = copy;
}

static apr_status_t check(const http_cred_t *fresh, flow_error_t *err)
{
    if ((fresh->access && strlen(fresh->access) > VALUE_MAX) ||
        (fresh->refresh && strlen(fresh->refresh) > VALUE_MAX)) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_ENOSPC, "auth_failed",
                              "the new credentials have more than %d bytes",
                              VALUE_MAX);
    }
    return APR_SUCCESS;
}

/* Under the lock: until nobody renews. */
static apr_status_t wait_for_others(http_token_t *t, const flow_call_t *call,
                                    flow_error_t *err)
{
    while (t->busy) {
        apr_interval_time_t left = call->deadline - flow_clock();

        if (left <= 0 || (call->stopping && *call->stopping)) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                  "auth_busy",
                                  "new credentials have not come in time");
        }
        apr_thread_cond_timedwait(t->renewed, t->lock,
                                  left < GLANCE ? left : GLANCE);
    }
    return APR_SUCCESS;
}

/* Under the lock. */
static void take(http_token_t *t, const http_cred_t *fresh)
{
    put(t, &t->access, fresh->access);
    put(t, &t->refresh, fresh->refresh);
    put(t, &t->extra, fresh->extra);
    t->expires = fresh->expires;
    t->stored = fresh->stored;
    t->is_synced = 1;
    ++t->generation;
}

static apr_status_t renew_now(http_token_t *t, const char *id,
                              http_renew_fn *renew, void *baton,
                              const flow_call_t *call, int *pfound,
                              apr_pool_t *p, flow_error_t *err)
{
    http_cred_t old, fresh;
    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t rv;

    flow_conn_http_token_read(t, &old, p);
    memset(&fresh, 0, sizeof(fresh));
    rv = call->grants
             ? flow_conn_http_keep_renew(t->identity, id, &old, &fresh, renew,
                                         baton, call, pfound, p, &why)
             : renew(baton, &old, &fresh, p, &why);
    if (rv == APR_SUCCESS) {
        rv = check(&fresh, &why);
    }
    apr_thread_mutex_lock(t->lock);
    if (rv == APR_SUCCESS) {
        take(t, &fresh);
        t->was_found = *pfound;
    }
    t->last = why;
    ++t->attempts;
    t->busy = 0;
    apr_thread_cond_broadcast(t->renewed);
    apr_thread_mutex_unlock(t->lock);
    return rv == APR_SUCCESS ? rv
                             : flow_error_set(err, why.kind, why.status,
                                              why.code, "%s", why.message);
}

apr_status_t flow_conn_http_token_renew(http_token_t *t, const char *id,
                                        unsigned seen, http_renew_fn *renew,
                                        void *baton, const flow_call_t *call,
                                        int *pfound, apr_pool_t *p,
                                        flow_error_t *err)
{
    unsigned attempts;
    apr_status_t rv;

    *pfound = 0;
    apr_thread_mutex_lock(t->lock);
    attempts = t->attempts;
    rv = wait_for_others(t, call, err);
    if (rv == APR_SUCCESS && t->generation != seen) {
        *pfound = t->was_found;
        apr_thread_mutex_unlock(t->lock);
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && t->attempts != attempts) {
        /* It failed while we waited; asking again at once would be a storm. */
        rv = flow_error_set(err, t->last.kind, t->last.status, t->last.code,
                            "%s", t->last.message);
    }
    if (rv != APR_SUCCESS) {
        apr_thread_mutex_unlock(t->lock);
        return rv;
    }
    t->busy = 1;
    apr_thread_mutex_unlock(t->lock);
    return renew_now(t, id, renew, baton, call, pfound, p, err);
}

/* Several may look at the same time; they find the same. */
void flow_conn_http_token_sync(http_token_t *t, const char *id,
                               const flow_call_t *call, apr_pool_t *p)
{
    http_cred_t found = { NULL };
    int is_needed, is_ours;

    apr_thread_mutex_lock(t->lock);
    is_needed = call->grants && !t->is_synced;
    apr_thread_mutex_unlock(t->lock);
    if (!is_needed) {
        return;
    }
    is_ours = flow_conn_http_keep_read(t->identity, id, call, &found, p);
    apr_thread_mutex_lock(t->lock);
    if (is_ours >= 0 && !t->is_synced) {
        t->is_synced = 1;
        t->stored = found.stored;
        if (is_ours && check(&found, NULL) == APR_SUCCESS) {
            take(t, &found);
        }
    }
    apr_thread_mutex_unlock(t->lock);
}

void flow_conn_http_token_replace(http_token_t *t, const http_cred_t *cred,
                                  const char *access)
{
    apr_thread_mutex_lock(t->lock);
    if (t->generation == cred->generation && t->access && cred->access &&
        strcmp(t->access, cred->access) == 0 && strlen(access) <= VALUE_MAX) {
        put(t, &t->access, access);
    }
    apr_thread_mutex_unlock(t->lock);
}

/* ---- masking ---- */

static void add_text(json_t *list, const char *text)
{
    apr_size_t len = strlen(text);
    flow_buf_t escaped;

    json_array_append_new(list, flow_json_string_new(text, len));
    /* It may also come back from a URL or inside of a JSON text. */
    flow_buf_init(&escaped, 6 * len + 1);
    if (flow_json_write_escaped(&escaped, text, len) == APR_SUCCESS &&
        strcmp(escaped.data, text) != 0) {
        json_array_append_new(list,
                              flow_json_string_new(escaped.data, escaped.len));
    }
    flow_buf_release(&escaped);
}

static void add_strings(json_t *list, const json_t *v)
{
    const char *text = flow_json_string(v, NULL), *key;
    json_t *item;
    size_t i;

    if (text && *text) {
        add_text(list, text);
    }
    json_array_foreach((json_t *)v, i, item)
    {
        add_strings(list, item);
    }
    json_object_foreach((json_t *)v, key, item)
    {
        add_strings(list, item);
    }
}

/* A jar or further values: what they hold; else the text itself. */
static void add_value(json_t *list, const char *text)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (!text) {
        return;
    }
    if ((text[0] == '[' || text[0] == '{') &&
        flow_json_parse(&v, text, strlen(text), &ignored) == APR_SUCCESS) {
        add_strings(list, v);
        json_decref(v);
    }
    else if (*text) {
        add_text(list, text);
    }
}

void flow_conn_http_token_secrets(http_token_t *t, json_t *list)
{
    int i;

    apr_thread_mutex_lock(t->lock);
    add_value(list, t->access);
    add_value(list, t->refresh);
    add_value(list, t->extra);
    for (i = 0; i < PAST_MAX; ++i) {
        add_value(list, t->past[i]);
    }
    apr_thread_mutex_unlock(t->lock);
}
