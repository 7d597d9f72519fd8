/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store.h"
#include "jobs/flow_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <apr_allocator.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

/*
 * Per handle, before anything else. busy_timeout is short because SQLite waits
 * with apr_dbd's mutex held; apr_dbd itself tries 16 times with 0.1 s between,
 * which together is about the 10 s that callers wait. It matters only when a
 * foreign program (the sqlite3 shell, a backup) holds the write lock: our own
 * processes queue on the lock file.
 */
/* clang-format off */
static const char *const sqlite_pragmas[] = {
    "PRAGMA busy_timeout=500",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=OFF",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8000",
    /* 16 MB: a checkpoint costs two fsyncs, so not too often */
    "PRAGMA wal_autocheckpoint=4000",
    "PRAGMA journal_size_limit=67108864",
};
/* clang-format on */

/* ---- memory ---- */

apr_pool_t *flow_store_pool(int shared)
{
    apr_allocator_t *allocator;
    apr_thread_mutex_t *mutex;
    apr_pool_t *p;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    /* Keep little when a big job has gone. */
    apr_allocator_max_free_set(allocator, 1024 * 1024);
    if (apr_pool_create_unmanaged_ex(&p, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, p);
    if (shared && apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT,
                                          p) == APR_SUCCESS) {
        apr_allocator_mutex_set(allocator, mutex);
    }
    return p;
}

/* ---- errors ---- */

static int says(const char *text, const char *words)
{
    return strstr(text, words) != NULL;
}

/* apr_dbd uses sqlite3_prepare(), whose statements report nearly every failure
 * as SQLITE_ERROR; only the text tells them apart. */
apr_status_t flow_store_fail(flow_store_t *store, int code, flow_error_t *err)
{
    const char *text = apr_dbd_error(store->driver, store->handle, code);

    text = text ? text : "unknown error";
    if (says(text, "constraint failed") || says(text, "too big") ||
        says(text, "mismatch")) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL,
                              "store_refused", "store '%s': %s", store->params,
                              text);
    }
    store->broken = 1;
    if (says(text, "disk is full")) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOSPC, "store_full",
                              "store '%s': %s", store->params, text);
    }
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                          "store_unavailable", "store '%s': %s", store->params,
                          text);
}

int flow_store_is_broken(const flow_store_t *store)
{
    return store->broken;
}

/* ---- opening and closing ---- */

apr_status_t flow_store_driver_check(const char *driver, flow_error_t *err)
{
    if (driver && !strcmp(driver, "sqlite3")) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "store_driver",
                          "FlowStore driver '%s' is not supported yet; use "
                          "sqlite3",
                          driver ? driver : "");
}

apr_status_t flow_store_global_init(const char *driver, apr_pool_t *p,
                                    flow_error_t *err)
{
    const apr_dbd_driver_t *found;
    apr_status_t rv;

    /* Registers itself in the topmost pool, whatever pool it is given. */
    rv = apr_dbd_init(p);
    if (rv == APR_SUCCESS) {
        rv = apr_dbd_get_driver(p, driver, &found);
    }
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_CONFIG, rv, "store_driver",
                              "cannot load the apr_dbd driver '%s'; install "
                              "the package libaprutil1-dbd-%s",
                              driver, driver);
    }
    return APR_SUCCESS;
}

static apr_status_t prepare_handle(flow_store_t *store, flow_error_t *err)
{
    apr_size_t i;

    for (i = 0; i < sizeof(sqlite_pragmas) / sizeof(sqlite_pragmas[0]); ++i) {
        apr_status_t rv =
            flow_store_pragma(store, sqlite_pragmas[i], NULL, err);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t flow_store_connect(flow_store_t *store, flow_error_t *err)
{
    const char *why = NULL;
    apr_status_t rv;

    rv = apr_dbd_get_driver(store->p, store->driver_name, &store->driver);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_CONFIG, rv, "store_driver",
                              "cannot load the apr_dbd driver '%s'",
                              store->driver_name);
    }
    /* The database library would make a missing file; we want to be told. */
    if (access(store->params, R_OK | W_OK) != 0) {
        rv = errno;
        return flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "store_unavailable",
                              "store '%s': %s", store->params, strerror(rv));
    }
    rv = apr_dbd_open_ex(store->driver, store->p, store->params, &store->handle,
                         &why);
    if (rv != APR_SUCCESS) {
        store->handle = NULL;
        return flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "store_unavailable",
                              "store '%s': %s", store->params,
                              why ? why : "cannot be opened");
    }
    return prepare_handle(store, err);
}

apr_status_t flow_store_new(flow_store_t **pstore, const char *driver,
                            const char *params, flow_error_t *err)
{
    apr_status_t rv = flow_store_driver_check(driver, err);
    flow_store_t *store;
    apr_pool_t *p;

    *pstore = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    p = flow_store_pool(0);
    if (!p) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "no_memory",
                              "out of memory for a store handle");
    }
    store = apr_pcalloc(p, sizeof(*store));
    store->p = p;
    store->lock_fd = -1;
    store->driver_name = apr_pstrdup(p, driver);
    store->params = apr_pstrdup(p, params);
    *pstore = store;
    return APR_SUCCESS;
}

apr_status_t flow_store_open(flow_store_t **pstore, const char *driver,
                             const char *params, flow_error_t *err)
{
    flow_store_t *store;
    apr_status_t rv;

    *pstore = NULL;
    rv = flow_store_new(&store, driver, params, err);
    if (!store) {
        return rv;
    }
    rv = flow_store_connect(store, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_lock_open(store, err);
    }
    if (rv != APR_SUCCESS) {
        flow_store_close(store);
        return rv;
    }
    *pstore = store;
    return APR_SUCCESS;
}

void flow_store_close(flow_store_t *store)
{
    if (!store) {
        return;
    }
    if (store->handle) {
        apr_dbd_close(store->driver, store->handle);
    }
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    apr_pool_destroy(store->p);
}

/* ---- statements ---- */

static apr_status_t prepared(flow_store_t *store, const char *sql,
                             apr_dbd_prepared_t **pstatement, flow_error_t *err)
{
    apr_size_t i, at = ((apr_size_t)sql >> 4) % FLOW_STORE_STATEMENTS;
    flow_statement_t *slot = NULL;
    int code;

    for (i = 0; i < FLOW_STORE_STATEMENTS; ++i) {
        slot = &store->statements[(at + i) % FLOW_STORE_STATEMENTS];
        if (slot->sql == sql) {
            *pstatement = slot->prepared;
            return APR_SUCCESS;
        }
        if (!slot->sql) {
            break;
        }
    }
    if (i == FLOW_STORE_STATEMENTS) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOSPC, "store_refused",
                              "store '%s': too many kinds of "
                              "statements",
                              store->params);
    }
    code = apr_dbd_prepare(store->driver, store->p, store->handle, sql, NULL,
                           &slot->prepared);
    if (code) {
        return flow_store_fail(store, code, err);
    }
    slot->sql = sql;
    *pstatement = slot->prepared;
    return APR_SUCCESS;
}

apr_status_t flow_store_exec(flow_store_t *store, const char *sql,
                             const void **args, int *pn, flow_error_t *err)
{
    apr_dbd_prepared_t *statement = NULL;
    apr_status_t rv;
    int code, n = 0;

    rv = prepared(store, sql, &statement, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    code = apr_dbd_pbquery(store->driver, store->p, store->handle, &n,
                           statement, args);
    if (code) {
        return flow_store_fail(store, code, err);
    }
    if (pn) {
        *pn = n;
    }
    return APR_SUCCESS;
}

apr_status_t flow_store_select(flow_store_t *store, flow_rows_t *rows,
                               const char *sql, const void **args,
                               apr_pool_t *p, flow_error_t *err)
{
    apr_dbd_prepared_t *statement = NULL;
    apr_status_t rv;
    int code;

    memset(rows, 0, sizeof(*rows));
    rows->store = store;
    rows->p = p;
    rv = prepared(store, sql, &statement, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    code = apr_dbd_pbselect(store->driver, p, store->handle, &rows->results,
                            statement, 0, args);
    if (code) {
        return flow_store_fail(store, code, err);
    }
    return APR_SUCCESS;
}

int flow_rows_next(flow_rows_t *rows)
{
    return apr_dbd_get_row(rows->store->driver, rows->p, rows->results,
                           &rows->row, -1) == 0;
}

const char *flow_rows_text(const flow_rows_t *rows, int column)
{
    return apr_dbd_get_entry(rows->store->driver, rows->row, column);
}

apr_int64_t flow_rows_int(const flow_rows_t *rows, int column)
{
    const char *text = flow_rows_text(rows, column);

    return text ? apr_strtoi64(text, NULL, 10) : 0;
}

apr_status_t flow_store_pragma(flow_store_t *store, const char *sql,
                               const char **pvalue, flow_error_t *err)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    int code;

    /* As a SELECT: most of them answer a row, which apr_dbd_query() would
     * take for a failure. */
    code = apr_dbd_select(store->driver, store->p, store->handle, &results, sql,
                          0);
    if (code) {
        return flow_store_fail(store, code, err);
    }
    if (pvalue) {
        *pvalue =
            apr_dbd_get_row(store->driver, store->p, results, &row, -1) == 0
                ? apr_dbd_get_entry(store->driver, row, 0)
                : NULL;
    }
    return APR_SUCCESS;
}

/* ---- transactions ---- */

apr_status_t flow_store_query(flow_store_t *store, const char *sql,
                              flow_error_t *err)
{
    int code, n = 0;

    code = apr_dbd_query(store->driver, store->handle, &n, sql);
    return code ? flow_store_fail(store, code, err) : APR_SUCCESS;
}

apr_status_t flow_store_begin(flow_store_t *store, apr_interval_time_t wait,
                              flow_error_t *err)
{
    apr_status_t rv = flow_store_lock(store, wait, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_query(store, "BEGIN IMMEDIATE", err);
    if (rv != APR_SUCCESS) {
        flow_store_unlock(store);
    }
    return rv;
}

apr_status_t flow_store_commit(flow_store_t *store, flow_error_t *err)
{
    apr_status_t rv = flow_store_query(store, "COMMIT", err);

    if (rv != APR_SUCCESS) {
        flow_store_rollback(store);
        return rv;
    }
    flow_store_unlock(store);
    return APR_SUCCESS;
}

void flow_store_rollback(flow_store_t *store)
{
    int n = 0;

    /* Fails when the database has rolled back by itself; that is as good. */
    apr_dbd_query(store->driver, store->handle, &n, "ROLLBACK");
    flow_store_unlock(store);
}
