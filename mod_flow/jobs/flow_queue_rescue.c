/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_queue.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

/*
 * What happens to a running job beside its run: leases, jobs whose process is
 * gone, canceling.
 */
#define OWNED_MAX 100000

/* PostgreSQL: one statement, because each is a round trip. */
static apr_status_t beat(flow_store_t *store, const char *owner,
                         const apr_array_header_t *ids, apr_pool_t *p,
                         flow_error_t *err)
{
    static const char one_sql[] =
        "UPDATE job SET lease_until = %lld"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    static const char all_sql[] =
        "UPDATE job SET lease_until = %lld"
        " WHERE id = ANY(string_to_array(%s, ' '))"
        " AND status || '' = 'running' AND owner = %s";
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (flow_store_is_pgsql(store)) {
        return flow_store_exec(
            store, all_sql,
            FLOW_SQL(&until, apr_array_pstrcat(p, ids, ' '), owner), NULL, err);
    }
    for (i = 0; i < ids->nelts && rv == APR_SUCCESS; ++i) {
        rv = flow_store_exec(
            store, one_sql,
            FLOW_SQL(&until, APR_ARRAY_IDX(ids, i, const char *), owner), NULL,
            err);
    }
    return rv;
}

apr_status_t flow_queue_heartbeat(flow_store_t *store, const char *owner,
                                  const apr_array_header_t *ids,
                                  apr_array_header_t **pids, apr_pool_t *p,
                                  flow_error_t *err)
{
    static const char sql[] = "SELECT id FROM job WHERE status = 'running'"
                              " AND owner = %s LIMIT %lld";
    apr_int64_t most = OWNED_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    *pids = apr_array_make(p, 16, sizeof(const char *));
    rv = beat(store, owner, ids, p, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_select(store, &rows, sql, FLOW_SQL(owner, &most), p,
                               err);
    }
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        APR_ARRAY_PUSH(*pids, const char *) = flow_rows_text(&rows, 0);
    }
    return rv;
}

apr_status_t flow_queue_leave(flow_store_t *store, const char *owner,
                              flow_error_t *err)
{
    static const char sql[] = "UPDATE job SET leaving = 1"
                              " WHERE status = 'running' AND owner = %s";

    return flow_store_exec(store, sql, FLOW_SQL(owner), NULL, err);
}

/* ---- jobs whose process is gone ---- */

/* Every change is bound to what the orphan was when it was looked at. */
#define AS_IT_WAS                                                              \
    " WHERE id = %s AND status = 'running' AND owner = %s"                     \
    " AND lease_until = %lld"

static apr_status_t requeue(flow_store_t *store, const flow_orphan_t *o,
                            apr_int64_t deaths, int *pn, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET attempts = %lld, modified = %lld," FLOW_BACK_TO_QUEUE
            AS_IT_WAS;
    apr_int64_t now = apr_time_now(), lease = o->lease_until;

    return flow_store_exec(store, sql,
                           FLOW_SQL(&deaths, &now, &now, FLOW_CANCELED_TEXT,
                                    o->id, o->owner, &lease),
                           pn, err);
}

static apr_status_t finish(flow_store_t *store, const flow_orphan_t *o,
                           const char *status, const char *code,
                           const char *message, int *pn, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = %s, owner = NULL, lease_until = 0,"
        " ended = %lld, modified = %lld, error_code = %s,"
        " error_message = %s" AS_IT_WAS;
    apr_int64_t now = apr_time_now(), lease = o->lease_until;

    return flow_store_exec(
        store, sql,
        FLOW_SQL(status, &now, &now, code, message, o->id, o->owner, &lease),
        pn, err);
}

apr_status_t flow_queue_rescue(flow_store_t *store, const flow_orphan_t *o,
                               int is_death, flow_rescue_e *pwhat,
                               flow_error_t *err)
{
    int deaths = o->attempts + (is_death && !o->leaving && !o->is_behind);
    char message[128];
    apr_status_t rv;
    int n = 0;

    if (o->cancel) {
        *pwhat = FLOW_CANCELED;
        rv = finish(store, o, "canceled", "canceled", FLOW_CANCELED_TEXT, &n,
                    err);
    }
    else if (deaths >= FLOW_JOB_DEATHS_MOST ||
             (deaths >= FLOW_JOB_DEATHS && o->alone)) {
        *pwhat = FLOW_BURIED;
        apr_snprintf(message, sizeof(message),
                     "the process that ran it died, %d times in a row", deaths);
        rv = finish(store, o, "failed", "job_crashed", message, &n, err);
    }
    else {
        *pwhat = FLOW_RESCUED;
        rv = requeue(store, o, deaths, &n, err);
    }
    if (rv == APR_SUCCESS && n == 0) {
        *pwhat = FLOW_NO_ORPHAN;
    }
    return rv;
}

/* ---- canceling ---- */

/* What it is when it could not be changed. */
static apr_status_t current(flow_store_t *store, const char *id,
                            const char **pstatus, apr_pool_t *p,
                            flow_error_t *err)
{
    static const char sql[] = "SELECT status, cancel FROM job WHERE id = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    *pstatus = flow_rows_int(&rows, 1) &&
                       strcmp(flow_rows_text(&rows, 0), "running") == 0
                   ? "canceling"
                   : flow_rows_text(&rows, 0);
    return APR_SUCCESS;
}

apr_status_t flow_queue_cancel(flow_store_t *store, const char *id,
                               const char **pstatus, apr_pool_t *p,
                               flow_error_t *err)
{
    static const char waiting[] =
        "UPDATE job SET status = 'canceled', ended = %lld, modified = %lld,"
        " error_code = 'canceled', error_message = %s"
        " WHERE id = %s AND status IN ('queued', 'preparing')";
    static const char running[] =
        "UPDATE job SET cancel = 1, modified = %lld"
        " WHERE id = %s AND status = 'running' AND cancel = 0";
    apr_int64_t now = apr_time_now();
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, waiting,
                         FLOW_SQL(&now, &now, FLOW_CANCELED_TEXT, id), &n, err);
    if (rv == APR_SUCCESS && n) {
        *pstatus = "canceled";
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_exec(store, running, FLOW_SQL(&now, id), &n, err);
    }
    if (rv == APR_SUCCESS && n) {
        *pstatus = "canceling";
        return APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? current(store, id, pstatus, p, err) : rv;
}
