/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store.h"
#include "jobs/flow_store_private.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_allocator.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"

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
    /* What FULL adds, the fsync at the end of COMMIT, flow_store_commit() does
     * itself, after other processes may write again. */
    "PRAGMA synchronous=NORMAL",
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
    if (store->is_pg) {
        return flow_store_pg_fail(store, text, err);
    }
    if (says(text, "constraint failed") || says(text, "too big") ||
        says(text, "mismatch")) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL,
                              "store_refused", "store '%s': %s", store->name,
                              text);
    }
    store->broken = 1;
    if (says(text, "disk is full")) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOSPC, "store_full",
                              "store '%s': %s", store->name, text);
    }
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                          "store_unavailable", "store '%s': %s", store->name,
                          text);
}

int flow_store_is_broken(const flow_store_t *store)
{
    return store->broken;
}

int flow_store_is_conflict(const flow_store_t *store)
{
    return store->conflict;
}

int flow_store_is_shared(const char *driver)
{
    return strcmp(driver, "pgsql") == 0;
}

const char *flow_store_name(const char *driver, const char *params,
                            apr_pool_t *p)
{
    return flow_store_is_shared(driver) ? flow_store_pg_name(params, p)
                                        : apr_pstrdup(p, params);
}

int flow_store_is_pgsql(const flow_store_t *store)
{
    return store->is_pg;
}

apr_time_t flow_store_clock(flow_store_t *store)
{
    struct timespec ts;

    if (store->is_pg) {
        return flow_clock() + store->clock_offset;
    }
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

apr_status_t flow_store_verify(flow_store_t *store, flow_error_t *err)
{
    return store->is_pg ? flow_store_pg_clock(store, err)
                        : flow_store_file_verify(store, 0, err);
}

/* ---- opening and closing ---- */

apr_status_t flow_store_driver_check(const char *driver, flow_error_t *err)
{
    if (driver && (!strcmp(driver, "sqlite3") || !strcmp(driver, "pgsql"))) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "store_driver",
                          "there is no store driver '%s'; use sqlite3 or pgsql",
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

    if (store->is_pg) {
        return flow_store_pg_setup(store, err);
    }
    for (i = 0; i < sizeof(sqlite_pragmas) / sizeof(sqlite_pragmas[0]); ++i) {
        apr_status_t rv =
            flow_store_pragma(store, sqlite_pragmas[i], NULL, err);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return flow_store_file_note(store, err);
}

apr_status_t flow_store_connect(flow_store_t *store, flow_error_t *err)
{
    const char *why = NULL, *params = store->params;
    apr_status_t rv;

    rv = apr_dbd_get_driver(store->p, store->driver_name, &store->driver);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_CONFIG, rv, "store_driver",
                              "cannot load the apr_dbd driver '%s'",
                              store->driver_name);
    }
    /* The database library would make a missing file; we want to be told. */
    if (store->is_pg) {
        params = flow_store_pg_params(params, store->p);
    }
    else if (access(params, R_OK | W_OK) != 0) {
        rv = errno;
        return flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "store_unavailable",
                              "store '%s': %s", store->name, strerror(rv));
    }
    rv = apr_dbd_open_ex(store->driver, store->p, params, &store->handle, &why);
    if (rv != APR_SUCCESS) {
        store->handle = NULL;
        return flow_error_set(
            err, FLOW_E_UNAVAILABLE, rv, "store_unavailable", "store '%s': %s",
            store->name,
            why ? apr_pstrmemdup(store->p, why, strcspn(why, "\n"))
                : "cannot be opened");
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
    store->lock_fd = store->wal_fd = -1;
    store->driver_name = apr_pstrdup(p, driver);
    store->params = apr_pstrdup(p, params);
    store->is_pg = flow_store_is_shared(driver);
    store->name = flow_store_name(driver, params, p);
    store->lock_path = apr_pstrcat(p, params, "-lock", NULL);
    store->wal_path = apr_pstrcat(p, params, "-wal", NULL);
    apr_pool_create(&store->scratch, p);
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
    if (rv == APR_SUCCESS && !store->is_pg) {
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
    if (store->wal_fd >= 0) {
        close(store->wal_fd);
    }
    apr_pool_destroy(store->p);
}

/* ---- statements ---- */

flow_store_counts_t flow_store_done;

void flow_store_counts(flow_store_counts_t *counts)
{
    counts->statements =
        __atomic_load_n(&flow_store_done.statements, __ATOMIC_RELAXED);
    counts->commits =
        __atomic_load_n(&flow_store_done.commits, __ATOMIC_RELAXED);
}

/* 's' and 'l' for each parameter. */
static const char *kinds_of(const char *sql, apr_pool_t *p)
{
    char *kinds = apr_pcalloc(p, strlen(sql) / 2 + 1);
    apr_size_t n = 0;

    for (; *sql; ++sql) {
        if (*sql == '%') {
            kinds[n++] = sql[1];
        }
    }
    return kinds;
}

static apr_status_t prepare(flow_store_t *store, flow_statement_t *slot,
                            const char *sql, flow_error_t *err)
{
    /* Without a label apr_dbd_pgsql has the server parse it every time. */
    const char *label =
        store->is_pg
            ? apr_psprintf(store->p, "flow_%d", (int)(slot - store->statements))
            : NULL;
    int code = apr_dbd_prepare(store->driver, store->p, store->handle, sql,
                               label, &slot->prepared);

    if (code) {
        slot->prepared = NULL;
        return flow_store_fail(store, code, err);
    }
    slot->kinds = kinds_of(sql, store->p);
    slot->sql = sql;
    return APR_SUCCESS;
}

static apr_status_t prepared(flow_store_t *store, const char *sql,
                             const flow_statement_t **pslot, flow_error_t *err)
{
    apr_size_t i, at = ((apr_size_t)sql >> 4) % FLOW_STORE_STATEMENTS;
    flow_statement_t *slot = NULL;

    for (i = 0; i < FLOW_STORE_STATEMENTS; ++i) {
        slot = &store->statements[(at + i) % FLOW_STORE_STATEMENTS];
        if (slot->sql == sql) {
            *pslot = slot;
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
                              store->name);
    }
    *pslot = slot;
    return prepare(store, slot, sql, err);
}

/* The statement, and its parameters as the database takes them. */
static apr_status_t ready(flow_store_t *store, const char *sql,
                          const void ***pargs, const flow_statement_t **pslot,
                          flow_error_t *err)
{
    apr_status_t rv = prepared(store, sql, pslot, err);
    const void **args = *pargs, **copy = NULL;
    apr_size_t len, i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_clear(store->scratch);
    for (i = 0; (*pslot)->kinds[i]; ++i) {
        const char *text = args[i];

        if ((*pslot)->kinds[i] != 's' || !text) {
            continue;
        }
        text = flow_utf8_repair(text, strlen(text), &len, store->scratch);
        if (text == args[i]) {
            continue;
        }
        if (!copy) {
            copy = apr_pmemdup(store->scratch, args,
                               strlen((*pslot)->kinds) * sizeof(*copy));
            *pargs = copy;
        }
        copy[i] = text;
    }
    return APR_SUCCESS;
}

apr_status_t flow_store_exec(flow_store_t *store, const char *sql,
                             const void **args, int *pn, flow_error_t *err)
{
    const flow_statement_t *slot = NULL;
    apr_status_t rv;
    int code, n = 0;

    rv = ready(store, sql, &args, &slot, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    __atomic_fetch_add(&flow_store_done.statements, 1, __ATOMIC_RELAXED);
    code = apr_dbd_pbquery(store->driver, store->scratch, store->handle, &n,
                           slot->prepared, args);
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
    const flow_statement_t *slot = NULL;
    apr_status_t rv;
    int code;

    memset(rows, 0, sizeof(*rows));
    rows->store = store;
    rows->p = p;
    rv = store->is_bulk ? flow_store_flush(store, err) : APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        rv = ready(store, sql, &args, &slot, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    __atomic_fetch_add(&flow_store_done.statements, 1, __ATOMIC_RELAXED);
    /* apr_dbd_pgsql without random access waits 0.1 s for an empty result. */
    code = apr_dbd_pbselect(store->driver, p, store->handle, &rows->results,
                            slot->prepared, store->is_pg, args);
    if (code) {
        return flow_store_fail(store, code, err);
    }
    return APR_SUCCESS;
}

int flow_rows_next(flow_rows_t *rows)
{
    const apr_dbd_driver_t *driver = rows->store->driver;

    /* Beyond its last row apr_dbd_pgsql frees all of them. */
    if (rows->store->is_pg &&
        rows->n++ >= apr_dbd_num_tuples(driver, rows->results)) {
        return 0;
    }
    return apr_dbd_get_row(driver, rows->p, rows->results, &rows->row, -1) == 0;
}

const char *flow_rows_text(const flow_rows_t *rows, int column)
{
    const char *text = NULL;

    if (!rows->store->is_pg) {
        return apr_dbd_get_entry(rows->store->driver, rows->row, column);
    }
    /* Its get_entry() has "" for NULL. */
    return apr_dbd_datum_get(rows->store->driver, rows->row, column,
                             APR_DBD_TYPE_STRING, &text) == APR_SUCCESS
               ? text
               : NULL;
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
                          store->is_pg);
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
