/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store_private.h"

/*
 * Transactions. With SQLite a writer holds the lock among processes
 * (flow_store_file.c) from its BEGIN to its COMMIT.
 */

apr_status_t flow_store_query(flow_store_t *store, const char *sql,
                              flow_error_t *err)
{
    int code, n = 0;

    __atomic_fetch_add(&flow_store_done.statements, 1, __ATOMIC_RELAXED);
    code = apr_dbd_query(store->driver, store->handle, &n, sql);
    return code ? flow_store_fail(store, code, err) : APR_SUCCESS;
}

apr_status_t flow_store_begin(flow_store_t *store, apr_interval_time_t wait,
                              flow_error_t *err)
{
    apr_status_t rv;

    store->conflict = store->is_bulk = 0;
    if (store->is_pg) {
        rv = flow_store_pg_clock(store, err);
        if (rv == APR_SUCCESS) {
            rv = flow_store_query(store, "BEGIN", err);
        }
        store->in_transaction = rv == APR_SUCCESS;
        store->has_failed = 0;
        return rv;
    }
    rv = flow_store_lock(store, wait, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_query(store, "BEGIN IMMEDIATE", err);
    if (rv != APR_SUCCESS) {
        flow_store_unlock(store);
    }
    return rv;
}

static apr_status_t may_commit(flow_store_t *store, flow_error_t *err)
{
    const flow_error_t *why = &store->failure;

    if (!store->is_pg) {
        return flow_store_file_verify(store, 1, err);
    }
    if (!store->has_failed) {
        return APR_SUCCESS;
    }
    /* PostgreSQL answers such a COMMIT with a friendly "ROLLBACK". */
    return flow_error_set(err, why->kind, APR_EGENERAL, why->code, "%s",
                          why->message);
}

apr_status_t flow_store_commit_fast(flow_store_t *store, int *pfd,
                                    flow_error_t *err)
{
    apr_status_t rv = may_commit(store, err);

    *pfd = -1;
    if (rv == APR_SUCCESS && store->is_bulk) {
        rv = flow_store_flush(store, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_query(store, "COMMIT", err);
    }
    if (rv != APR_SUCCESS) {
        flow_store_rollback(store);
        return rv;
    }
    store->in_transaction = 0;
    __atomic_fetch_add(&flow_store_done.commits, 1, __ATOMIC_RELAXED);
    if (!store->is_pg) {
        flow_store_unlock(store);
        *pfd = store->wal_fd; /* may_commit() has opened it */
    }
    return APR_SUCCESS;
}

apr_status_t flow_store_commit(flow_store_t *store, flow_error_t *err)
{
    int fd;
    apr_status_t rv = flow_store_commit_fast(store, &fd, err);

    if (rv == APR_SUCCESS && fd >= 0) {
        rv = flow_store_sync(fd, store->name, err);
        store->broken |= rv != APR_SUCCESS;
    }
    return rv;
}

void flow_store_rollback(flow_store_t *store)
{
    int n = 0, i;
    /* Fails when the database has rolled back by itself; that is as good. */
    int code = apr_dbd_query(store->driver, store->handle, &n, "ROLLBACK");

    for (i = 0; i < FLOW_STORE_BUFFERS; ++i) {
        store->buffers[i].n = 0;
    }
    if (store->is_pg) {
        store->in_transaction = 0;
        store->broken |= code != 0;
    }
    else {
        flow_store_unlock(store);
    }
}
