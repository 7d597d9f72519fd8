/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_queue.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "data/flow_json.h"
#include "jobs/flow_jobs.h"

#define RUNNING_MAX 10000

int flow_status_is_final(const char *status)
{
    return status &&
           (strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0 ||
            strcmp(status, "canceled") == 0);
}

static void put_time(json_t *v, const char *key, apr_time_t t, apr_pool_t *p)
{
    if (t) {
        flow_json_put(v, key, flow_iso_time(t, p), p);
    }
}

/* The row as Celigo's job document. */
json_t *flow_job_json(const flow_rows_t *rows, apr_pool_t *p)
{
    static const char *const counters[] = {
        "numSuccess", "numError",          "numIgnore",
        "numExport",  "numPagesGenerated", "numPagesProcessed",
    };
    const char *status = flow_rows_text(rows, 4);
    json_t *v = json_object();
    int i;

    if (flow_rows_int(rows, 18) && strcmp(status, "running") == 0) {
        status = "canceling";
    }
    flow_json_put(v, "_id", flow_rows_text(rows, 0), p);
    flow_json_put(v, "type", flow_rows_text(rows, 1), p);
    flow_json_put(v, "_flowId", flow_rows_text(rows, 2), p);
    flow_json_put(v, "_exportId", flow_rows_text(rows, 3), p);
    flow_json_put(v, "_eventId", flow_rows_text(rows, 22), p);
    flow_json_put(v, "origin", flow_rows_text(rows, 20), p);
    flow_json_put(v, "_retryOfJobId", flow_rows_text(rows, 21), p);
    flow_json_put(v, "status", status, p);
    put_time(v, "createdAt", flow_rows_int(rows, 5), p);
    put_time(v, "startedAt", flow_rows_int(rows, 6), p);
    put_time(v, "endedAt", flow_rows_int(rows, 7), p);
    put_time(v, "lastModified", flow_rows_int(rows, 8), p);
    for (i = 0; i < 6; ++i) {
        json_object_set_new(v, counters[i],
                            json_integer(flow_rows_int(rows, 9 + i)));
    }
    json_object_set_new(v, "numResolved",
                        json_integer(flow_rows_int(rows, 23)));
    json_object_set_new(v, "doneExporting",
                        json_boolean(flow_rows_int(rows, 15) != 0));
    return v;
}

json_t *flow_job_reason(const flow_rows_t *rows, apr_pool_t *p)
{
    json_t *v = NULL;

    if (flow_rows_text(rows, 16)) {
        v = json_object();
        flow_json_put(v, "code", flow_rows_text(rows, 16), p);
        flow_json_put(v, "message", flow_rows_text(rows, 17), p);
        flow_json_put(v, "source",
                      flow_rows_text(rows, 19) ? flow_rows_text(rows, 19)
                                               : "internal",
                      p);
    }
    return v;
}

apr_status_t flow_queue_get(flow_store_t *store, const char *id, json_t **pjob,
                            json_t **preason, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT " FLOW_JOB_COLUMNS " FROM job WHERE id = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    *pjob = flow_job_json(&rows, p);
    if (preason) {
        *preason = flow_job_reason(&rows, p);
    }
    return APR_SUCCESS;
}

int flow_queue_is(flow_store_t *store, const char *id, const char *status,
                  apr_time_t since, apr_pool_t *p)
{
    static const char sql[] = "SELECT 1 FROM job WHERE id = %s AND status = %s"
                              " AND modified >= %lld AND owner IS NULL";
    flow_error_t ignored = FLOW_ERROR_INIT;
    apr_int64_t from = since;
    flow_rows_t rows;

    return flow_store_select(store, &rows, sql, FLOW_SQL(id, status, &from), p,
                             &ignored) == APR_SUCCESS &&
           flow_rows_next(&rows);
}

apr_status_t flow_queue_result(flow_store_t *store, const char *id,
                               const char **ptext, apr_pool_t *p,
                               flow_error_t *err)
{
    static const char sql[] = "SELECT text FROM job_text WHERE job_id = %s"
                              " AND kind = 'result'";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    *ptext = flow_rows_text(&rows, 0);
    return APR_SUCCESS;
}

apr_status_t flow_queue_running(flow_store_t *store, apr_array_header_t **plist,
                                apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, flow_id, owner, lease_until, attempts, alone, cancel,"
        " leaving, CASE WHEN place > 0 AND EXISTS (SELECT 1 FROM job r"
        " WHERE r.status = 'running' AND r.flow_id = job.flow_id"
        " AND r.place < job.place AND r.owner = job.owner) THEN 1 ELSE 0 END"
        " FROM job WHERE status = 'running' ORDER BY lease_until LIMIT %lld";
    apr_int64_t most = RUNNING_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&most), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = apr_array_make(p, 8, sizeof(flow_orphan_t));
    while (flow_rows_next(&rows)) {
        flow_orphan_t *orphan = apr_array_push(*plist);

        orphan->id = flow_rows_text(&rows, 0);
        orphan->flow_id = flow_rows_text(&rows, 1);
        orphan->owner = flow_rows_text(&rows, 2);
        orphan->lease_until = flow_rows_int(&rows, 3);
        orphan->attempts = (int)flow_rows_int(&rows, 4);
        orphan->alone = (int)flow_rows_int(&rows, 5);
        orphan->cancel = (int)flow_rows_int(&rows, 6);
        orphan->leaving = (int)flow_rows_int(&rows, 7);
        orphan->is_behind = (int)flow_rows_int(&rows, 8);
    }
    return APR_SUCCESS;
}

apr_status_t flow_queue_waiting(flow_store_t *store, apr_int64_t most,
                                apr_int64_t *pn, apr_pool_t *p,
                                flow_error_t *err)
{
    static const char sql[] =
        "SELECT count(*) FROM (SELECT 1 FROM job WHERE status = 'queued'"
        " LIMIT %lld) AS waiting";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&most), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        *pn = flow_rows_int(&rows, 0);
    }
    return rv;
}

apr_status_t flow_queue_depth(flow_store_t *store, flow_queue_depth_t *depth,
                              apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT 'queued', count(*), min(created) FROM job"
        " WHERE status = 'queued'"
        " UNION ALL SELECT 'running', count(*), 0 FROM job"
        " WHERE status = 'running'"
        " UNION ALL SELECT status, count(*), 0 FROM job"
        " WHERE ended > 0"
        " GROUP BY status";
    flow_rows_t rows;
    apr_status_t rv;

    memset(depth, 0, sizeof(*depth));
    rv = flow_store_select(store, &rows, sql, FLOW_SQL_NONE, p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        const char *status = flow_rows_text(&rows, 0);
        apr_int64_t n = flow_rows_int(&rows, 1);

        if (strcmp(status, "queued") == 0) {
            depth->queued = n;
            depth->oldest_queued = flow_rows_int(&rows, 2);
        }
        else if (strcmp(status, "running") == 0) {
            depth->running = n;
        }
        else if (strcmp(status, "completed") == 0) {
            depth->completed = n;
        }
        else if (strcmp(status, "failed") == 0) {
            depth->failed = n;
        }
        else {
            depth->canceled = n;
        }
    }
    return rv;
}

apr_status_t flow_queue_oldest_event(flow_store_t *store, apr_time_t before,
                                     const char **pid, apr_pool_t *p,
                                     flow_error_t *err)
{
    static const char sql[] =
        "SELECT min(event_id) FROM (SELECT event_id FROM job"
        " WHERE status = 'queued' UNION ALL SELECT event_id FROM job"
        " WHERE status = 'running') AS needed";
    apr_int64_t seconds = apr_time_sec(before);
    const char *needed;
    flow_rows_t rows;
    apr_status_t rv;

    *pid = "";
    if (seconds <= 0) {
        return APR_SUCCESS;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL_NONE, p, err);
    if (rv != APR_SUCCESS || !flow_rows_next(&rows)) {
        return rv;
    }
    /* An id begins with its time, see flow_new_id(). */
    *pid = apr_psprintf(p, "%08x", (unsigned)seconds);
    needed = flow_rows_text(&rows, 0);
    if (needed && strcmp(needed, *pid) < 0) {
        *pid = needed;
    }
    return APR_SUCCESS;
}
