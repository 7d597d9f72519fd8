/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookup caches. An entry's size stands beside it, and the sum of them with its
 * cache, so that the limit costs no counting.
 */
#include "jobs/flow_state_store.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_jobs_private.h"

#define ANSWER_BYTES (4 * 1024 * 1024)
#define CACHES_MAX   1000

/* Behind every other character. */
#define LAST "\xf4\x8f\xbf\xbf"

typedef struct cache_work_t {
    flow_work_t work;
    apr_pool_t *p;
    const char *cache;
    json_t *list; /* entries or keys, a reference of our own; NULL: all */
} cache_work_t;

static void release_cache(flow_work_t *work)
{
    apr_pool_destroy(((cache_work_t *)work)->p);
}

/* ---- writing ---- */

static apr_status_t cache_size(flow_store_t *store, cache_work_t *w,
                               apr_int64_t *psize, flow_error_t *err)
{
    static const char sql[] = "SELECT size FROM lookup_cache WHERE id = %s";
    flow_rows_t rows;
    apr_status_t rv =
        flow_store_select(store, &rows, sql, FLOW_SQL(w->cache), w->p, err);

    *psize = rv == APR_SUCCESS && flow_rows_next(&rows)
                 ? flow_rows_int(&rows, 0)
                 : -1;
    return rv;
}

/* @a had: was there a row before? An empty cache has none. */
static apr_status_t set_size(flow_store_t *store, const cache_work_t *w,
                             int had, apr_int64_t size, flow_error_t *err)
{
    static const char insert[] =
        "INSERT INTO lookup_cache (size, id) VALUES (%lld, %s)";
    static const char update[] =
        "UPDATE lookup_cache SET size = %lld WHERE id = %s";
    static const char remove[] = "DELETE FROM lookup_cache WHERE id = %s";

    if (size <= 0) {
        return flow_store_exec(store, remove, FLOW_SQL(w->cache), NULL, err);
    }
    return had ? flow_store_exec(store, update, FLOW_SQL(&size, w->cache), NULL,
                                 err)
               : flow_store_exec(store, insert, FLOW_SQL(&size, w->cache), NULL,
                                 err);
}

static apr_status_t remove_entry(flow_store_t *store, cache_work_t *w,
                                 const char *key, apr_int64_t *psize,
                                 flow_error_t *err)
{
    static const char find[] =
        "SELECT size FROM lookup_entry WHERE cache_id = %s AND name = %s";
    static const char remove[] =
        "DELETE FROM lookup_entry WHERE cache_id = %s AND name = %s";
    flow_rows_t rows;
    apr_status_t rv = flow_store_select(store, &rows, find,
                                        FLOW_SQL(w->cache, key), w->p, err);

    if (rv != APR_SUCCESS || !flow_rows_next(&rows)) {
        return rv;
    }
    *psize -= flow_rows_int(&rows, 0);
    return flow_store_exec(store, remove, FLOW_SQL(w->cache, key), NULL, err);
}

static apr_status_t write_entry(flow_store_t *store, cache_work_t *w,
                                const json_t *entry, apr_int64_t *psize,
                                flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO lookup_entry (cache_id, name, value, size)"
        " VALUES (%s, %s, %s, %lld)";
    const char *key = flow_json_member(entry, "key");
    const char *value = flow_json_member(entry, "value");
    apr_int64_t size = (apr_int64_t)(strlen(key) + strlen(value));
    apr_status_t rv = remove_entry(store, w, key, psize, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *psize += size;
    if (*psize > FLOW_CACHE_BYTES_MAX) {
        return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOSPC, "cache_full",
                              "lookup cache '%s' would be larger than %d MB",
                              w->cache, FLOW_CACHE_BYTES_MAX / 1024 / 1024);
    }
    return flow_store_exec(store, sql, FLOW_SQL(w->cache, key, value, &size),
                           NULL, err);
}

static apr_status_t run_write(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    cache_work_t *w = (cache_work_t *)work;
    apr_int64_t before, size;
    apr_status_t rv = cache_size(store, w, &before, err);
    size_t i;

    size = before > 0 ? before : 0;
    for (i = 0; i < json_array_size(w->list) && rv == APR_SUCCESS; ++i) {
        rv = write_entry(store, w, json_array_get(w->list, i), &size, err);
    }
    return rv == APR_SUCCESS ? set_size(store, w, before >= 0, size, err) : rv;
}

static apr_status_t run_remove(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    static const char all[] = "DELETE FROM lookup_entry WHERE cache_id = %s";
    cache_work_t *w = (cache_work_t *)work;
    apr_int64_t before, size;
    apr_status_t rv = cache_size(store, w, &before, err);
    size_t i;

    size = before > 0 ? before : 0;
    if (rv == APR_SUCCESS && !w->list) {
        size = 0;
        rv = flow_store_exec(store, all, FLOW_SQL(w->cache), NULL, err);
    }
    for (i = 0; i < json_array_size(w->list) && rv == APR_SUCCESS; ++i) {
        rv = remove_entry(store, w,
                          flow_json_string(json_array_get(w->list, i), NULL),
                          &size, err);
    }
    return rv == APR_SUCCESS ? set_size(store, w, before >= 0, size, err) : rv;
}

static apr_status_t write_cache(flow_jobs_t *jobs, const char *cache,
                                const json_t *list, apr_time_t until,
                                apr_status_t (*run)(flow_work_t *work,
                                                    flow_store_t *store,
                                                    flow_error_t *err),
                                flow_error_t *err)
{
    apr_pool_t *p = flow_store_pool(0);
    apr_time_t now = apr_time_now();
    int is_abandoned = 0;
    cache_work_t *w;
    apr_status_t rv;

    if (!p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for a lookup cache");
    }
    w = apr_pcalloc(p, sizeof(*w));
    w->p = p;
    w->work.run = run;
    w->work.release = release_cache;
    w->cache = apr_pstrdup(p, cache);
    /* The tree is read by the committer's thread and, when it has given up
     * waiting, no more by the caller's, which only lets go of it. */
    w->list = list ? flow_json_own(p, json_incref((json_t *)list)) : NULL;
    rv = flow_committer_do(jobs->committer, &w->work,
                           until > now ? until - now : 0, &is_abandoned, err);
    if (!is_abandoned) {
        apr_pool_destroy(p);
    }
    return rv;
}

static apr_status_t cache_write(void *baton, const char *cache,
                                const json_t *entries, apr_time_t until,
                                flow_error_t *err)
{
    return write_cache(baton, cache, entries, until, run_write, err);
}

static apr_status_t cache_remove(void *baton, const char *cache,
                                 const json_t *keys, apr_time_t until,
                                 flow_error_t *err)
{
    return write_cache(baton, cache, keys, until, run_remove, err);
}

/* ---- reading ---- */

static void add_entry(json_t *list, const char *key, const char *value,
                      apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "key", key, p);
    flow_json_put(v, "value", value, p);
    json_array_append_new(list, v);
}

static apr_status_t read_keys(flow_store_t *store, const char *cache,
                              const json_t *keys, json_t *list, apr_pool_t *p,
                              flow_error_t *err)
{
    static const char sql[] = "SELECT value, size FROM lookup_entry"
                              " WHERE cache_id = %s AND name = %s";
    apr_int64_t size = 0;
    apr_status_t rv = APR_SUCCESS;
    flow_rows_t rows;
    size_t i;

    for (i = 0; i < json_array_size(keys) && rv == APR_SUCCESS; ++i) {
        const char *key = flow_json_string(json_array_get(keys, i), NULL);

        rv = flow_store_select(store, &rows, sql, FLOW_SQL(cache, key), p, err);
        if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
            size += flow_rows_int(&rows, 1);
            if (size > ANSWER_BYTES) {
                return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOSPC,
                                      "too_large",
                                      "these keys have more than %d MB of "
                                      "values; ask for fewer at once",
                                      ANSWER_BYTES / 1024 / 1024);
            }
            add_entry(list, key, flow_rows_text(&rows, 0), p);
        }
    }
    return rv;
}

/* How many of the next entries fit into one answer; all rows of a result are
 * in memory at once. */
static apr_status_t count_fitting(flow_store_t *store, const void **args,
                                  apr_int64_t *pn, apr_pool_t *p,
                                  flow_error_t *err)
{
    static const char sql[] =
        "SELECT size FROM lookup_entry WHERE cache_id = %s AND name >= %s"
        " AND name > %s AND name < %s ORDER BY name LIMIT %lld";
    apr_int64_t size = 0;
    flow_rows_t rows;
    apr_status_t rv = flow_store_select(store, &rows, sql, args, p, err);

    *pn = 0;
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        size += flow_rows_int(&rows, 0);
        if (size > ANSWER_BYTES && *pn) {
            break;
        }
        ++*pn;
    }
    return rv;
}

static apr_status_t read_range(flow_store_t *store, const char *cache,
                               const flow_cache_query_t *query, json_t *list,
                               apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT name, value FROM lookup_entry WHERE cache_id = %s"
        " AND name >= %s AND name > %s AND name < %s ORDER BY name LIMIT %lld";
    const char *from = query->prefix ? query->prefix : "";
    const char *after = query->after ? query->after : "";
    const char *to = apr_pstrcat(p, from, LAST, NULL);
    apr_int64_t n = FLOW_CACHE_ANSWER_MAX;
    const void **args = FLOW_SQL(cache, from, after, to, &n);
    flow_rows_t rows;
    apr_status_t rv = count_fitting(store, args, &n, p, err);

    if (rv == APR_SUCCESS) {
        rv = flow_store_select(store, &rows, sql, args, p, err);
    }
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        add_entry(list, flow_rows_text(&rows, 0), flow_rows_text(&rows, 1), p);
    }
    return rv;
}

static apr_status_t cache_read(void *baton, const char *cache,
                               const flow_cache_query_t *query, json_t **plist,
                               apr_pool_t *p, flow_error_t *err)
{
    flow_store_t *store;
    apr_status_t rv = flow_jobs_reader(baton, &store, err);
    json_t *list;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    list = json_array();
    rv = query->keys ? read_keys(store, cache, query->keys, list, p, err)
                     : read_range(store, cache, query, list, p, err);
    flow_jobs_reader_done(baton, store);
    if (rv == APR_SUCCESS) {
        *plist = list;
    }
    else {
        json_decref(list);
    }
    return rv;
}

static apr_status_t caches(void *baton, json_t **plist, apr_pool_t *p,
                           flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, size FROM lookup_cache ORDER BY id LIMIT %lld";
    apr_int64_t most = CACHES_MAX;
    flow_store_t *store;
    flow_rows_t rows;
    apr_status_t rv = flow_jobs_reader(baton, &store, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&most), p, err);
    if (rv == APR_SUCCESS) {
        *plist = json_array();
        while (flow_rows_next(&rows)) {
            json_t *v = json_object();

            flow_json_put(v, "_id", flow_rows_text(&rows, 0), p);
            flow_json_put(v, "name", flow_rows_text(&rows, 0), p);
            json_object_set_new(v, "size",
                                json_integer(flow_rows_int(&rows, 1)));
            json_array_append_new(*plist, v);
        }
    }
    flow_jobs_reader_done(baton, store);
    return rv;
}

void flow_cache_store_fill(flow_state_iface_t *iface)
{
    iface->cache_read = cache_read;
    iface->cache_write = cache_write;
    iface->cache_remove = cache_remove;
    iface->caches = caches;
}
