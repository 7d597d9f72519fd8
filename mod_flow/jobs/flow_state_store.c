/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_state_store.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_jobs_private.h"

#define TOKENS_MAX 1000

/* A change of the state; in a pool of its own, which the committer destroys
 * when we have given up waiting. */
typedef struct state_work_t {
    flow_work_t work;
    apr_pool_t *p;
    const char *scope, *name, *text;
    int is_new;
} state_work_t;

static void release_state(flow_work_t *work)
{
    apr_pool_destroy(((state_work_t *)work)->p);
}

static apr_status_t state_work(state_work_t **pw, const char *scope,
                               const char *name, const char *text,
                               flow_error_t *err)
{
    apr_pool_t *p = flow_store_pool(0);
    state_work_t *w;

    if (!p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for state");
    }
    w = apr_pcalloc(p, sizeof(*w));
    w->p = p;
    w->work.release = release_state;
    w->scope = apr_pstrdup(p, scope);
    w->name = apr_pstrdup(p, name);
    w->text = apr_pstrdup(p, text);
    *pw = w;
    return APR_SUCCESS;
}

static apr_status_t finish(flow_jobs_t *jobs, state_work_t *w, apr_time_t until,
                           int *pis_new, flow_error_t *err)
{
    apr_time_t now = apr_time_now();
    int is_abandoned = 0;
    apr_status_t rv =
        flow_committer_do(jobs->committer, &w->work,
                          until > now ? until - now : 0, &is_abandoned, err);

    if (!is_abandoned) {
        if (pis_new) {
            *pis_new = w->is_new;
        }
        apr_pool_destroy(w->p);
    }
    return rv;
}

/* ---- writing ---- */

static apr_status_t check_room(state_work_t *w, flow_store_t *store,
                               flow_error_t *err)
{
    static const char sql[] =
        "SELECT COUNT(*) FROM"
        " (SELECT name FROM state WHERE scope = %s LIMIT %lld) AS names";
    apr_int64_t most = FLOW_STATE_KEYS_MAX;
    flow_rows_t rows;
    apr_status_t rv = flow_store_select(store, &rows, sql,
                                        FLOW_SQL(w->scope, &most), w->p, err);

    if (rv == APR_SUCCESS && flow_rows_next(&rows) &&
        flow_rows_int(&rows, 0) >= most) {
        rv = flow_error_set(err, FLOW_E_SCRIPT, APR_ENOSPC, "state_full",
                            "there are %d keys%s%s, which is the most; delete "
                            "some",
                            FLOW_STATE_KEYS_MAX, *w->scope ? " of " : "",
                            w->scope);
    }
    return rv;
}

static apr_status_t run_put(flow_work_t *work, flow_store_t *store,
                            flow_error_t *err)
{
    static const char update[] =
        "UPDATE state SET value = %s WHERE scope = %s AND name = %s";
    static const char insert[] =
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)"
        " ON CONFLICT (scope, name) DO UPDATE SET value = EXCLUDED.value";
    state_work_t *w = (state_work_t *)work;
    apr_status_t rv;
    int n = 0;

    w->is_new = 0;
    rv = flow_store_exec(store, update, FLOW_SQL(w->text, w->scope, w->name),
                         &n, err);
    if (rv != APR_SUCCESS || n) {
        return rv;
    }
    w->is_new = 1;
    rv = check_room(w, store, err);
    return rv == APR_SUCCESS
               ? flow_store_exec(store, insert,
                                 FLOW_SQL(w->scope, w->name, w->text), NULL,
                                 err)
               : rv;
}

static apr_status_t run_remove(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    static const char one[] =
        "DELETE FROM state WHERE scope = %s AND name = %s";
    static const char all[] = "DELETE FROM state WHERE scope = %s";
    state_work_t *w = (state_work_t *)work;

    return w->name ? flow_store_exec(store, one, FLOW_SQL(w->scope, w->name),
                                     NULL, err)
                   : flow_store_exec(store, all, FLOW_SQL(w->scope), NULL, err);
}

static apr_status_t put(void *baton, const char *scope, const char *name,
                        const char *text, apr_time_t until, int *pis_new,
                        flow_error_t *err)
{
    state_work_t *w = NULL;
    apr_status_t rv = state_work(&w, scope, name, text, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    w->work.run = run_put;
    return finish(baton, w, until, pis_new, err);
}

static apr_status_t remove_state(void *baton, const char *scope,
                                 const char *name, apr_time_t until,
                                 flow_error_t *err)
{
    state_work_t *w = NULL;
    apr_status_t rv = state_work(&w, scope, name, NULL, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    w->work.run = run_remove;
    return finish(baton, w, until, NULL, err);
}

/* ---- reading ---- */

static apr_status_t get(void *baton, const char *scope, const char *name,
                        const char **ptext, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT value FROM state WHERE scope = %s AND name = %s LIMIT 1";
    flow_store_t *store;
    flow_rows_t rows;
    apr_status_t rv = flow_jobs_reader(baton, &store, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(scope, name), p, err);
    if (rv == APR_SUCCESS) {
        *ptext = flow_rows_next(&rows) ? flow_rows_text(&rows, 0) : NULL;
        rv = *ptext ? APR_SUCCESS : APR_NOTFOUND;
    }
    flow_jobs_reader_done(baton, store);
    return rv;
}

static apr_status_t keys(void *baton, const char *scope, json_t **plist,
                         apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] = "SELECT name FROM state WHERE scope = %s"
                              " ORDER BY name LIMIT %lld";
    apr_int64_t most = FLOW_STATE_KEYS_MAX;
    flow_store_t *store;
    flow_rows_t rows;
    apr_status_t rv = flow_jobs_reader(baton, &store, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(scope, &most), p, err);
    if (rv == APR_SUCCESS) {
        *plist = json_array();
        while (flow_rows_next(&rows)) {
            const char *name = flow_rows_text(&rows, 0);

            json_array_append_new(*plist,
                                  flow_json_string_new(name, strlen(name)));
        }
    }
    flow_jobs_reader_done(baton, store);
    return rv;
}

static json_t *token_json(const flow_rows_t *rows, apr_pool_t *p)
{
    apr_int64_t expires = flow_rows_int(rows, 4);
    json_t *v = json_object();

    flow_json_put(v, "_id", flow_rows_text(rows, 0), p);
    flow_json_put(v, "name", flow_rows_text(rows, 1), p);
    json_object_set_new(v, "fullAccess", json_boolean(flow_rows_int(rows, 2)));
    flow_json_put(v, "createdAt", flow_iso_time(flow_rows_int(rows, 3), p), p);
    if (expires) {
        flow_json_put(v, "expiresAt", flow_iso_time(expires, p), p);
    }
    json_object_set_new(v, "revoked", json_boolean(flow_rows_int(rows, 5)));
    return v;
}

static apr_status_t tokens(void *baton, json_t **plist, apr_pool_t *p,
                           flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, name, full_access, created, expires, revoked FROM token"
        " ORDER BY created DESC, id LIMIT %lld";
    apr_int64_t most = TOKENS_MAX;
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
            json_array_append_new(*plist, token_json(&rows, p));
        }
    }
    flow_jobs_reader_done(baton, store);
    return rv;
}

void flow_state_store_fill(flow_state_iface_t *iface)
{
    iface->get = get;
    iface->put = put;
    iface->remove = remove_state;
    iface->keys = keys;
    iface->tokens = tokens;
}
