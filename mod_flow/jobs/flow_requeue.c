/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_requeue.h"

#include <string.h>

#include <apr_strings.h>

static const char text_sql[] =
    "INSERT INTO job_text (job_id, kind, text) VALUES (%s, 'request', %s)"
    " ON CONFLICT (job_id, kind) DO NOTHING";

apr_status_t flow_requeue_job(flow_store_t *store, const flow_new_job_t *job,
                              const flow_origin_t *origin, apr_time_t now,
                              flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job (id, type, flow_id, export_id, event_id, status,"
        " priority, collect, created, modified, origin, origin_id)"
        " VALUES (%s, %s, %s, %s, %s, 'queued', %lld, %lld, %lld, %lld, %s,"
        " %s) ON CONFLICT (id) DO NOTHING";
    apr_int64_t at = now;
    apr_status_t rv;

    rv = flow_store_exec(store, sql,
                         FLOW_SQL(job->id, origin->type, job->flow_id,
                                  job->export_id, job->event_id, &job->priority,
                                  &job->collect, &at, &at, origin->origin,
                                  origin->origin_id),
                         NULL, err);
    if (rv == APR_SUCCESS && job->request) {
        rv = flow_store_exec(store, text_sql, FLOW_SQL(job->id, job->request),
                             NULL, err);
    }
    return rv;
}

apr_status_t flow_requeue_keep(flow_store_t *store, const char *event_id,
                               apr_time_t now, flow_error_t *err)
{
    static const char sql[] = "UPDATE event SET replayed_at = %lld"
                              " WHERE id = %s";
    apr_int64_t at = now;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql, FLOW_SQL(&at, event_id), &n, err);
    return rv == APR_SUCCESS && !n ? APR_NOTFOUND : rv;
}

/* ---- rerun ---- */

static apr_status_t not_repeatable(const char *job_id, const char *type,
                                   flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "job_not_repeatable",
                          "job '%s' is of type '%s' and cannot be run again; "
                          "retry the errors that are left",
                          job_id, type);
}

/* The request of the old job, or none. */
static apr_status_t read_request(flow_store_t *store, const char *job_id,
                                 const char **ptext, apr_pool_t *p,
                                 flow_error_t *err)
{
    static const char sql[] = "SELECT text FROM job_text WHERE job_id = %s"
                              " AND kind = 'request'";
    flow_rows_t rows;
    apr_status_t rv;

    *ptext = NULL;
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(job_id), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        *ptext = flow_rows_text(&rows, 0);
    }
    return rv;
}

apr_status_t flow_requeue_rerun(flow_store_t *store, const char *job_id,
                                const char *id, apr_time_t now, apr_pool_t *p,
                                flow_error_t *err)
{
    static const char sql[] =
        "SELECT type, flow_id, export_id, event_id, status"
        " FROM job WHERE id = %s";
    flow_origin_t origin = { "flow", "rerun", job_id };
    flow_new_job_t job = { id };
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(job_id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    job.flow_id = flow_rows_text(&rows, 1);
    job.export_id = flow_rows_text(&rows, 2);
    job.event_id = flow_rows_text(&rows, 3);
    if (!flow_status_is_final(flow_rows_text(&rows, 4))) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "job_not_ended",
                              "job '%s' is %s; only a job that has ended can "
                              "be run again",
                              job_id, flow_rows_text(&rows, 4));
    }
    if (strcmp(flow_rows_text(&rows, 0), "flow") != 0) {
        return not_repeatable(job_id, flow_rows_text(&rows, 0), err);
    }
    rv = job.event_id ? flow_requeue_keep(store, job.event_id, now, err)
                      : APR_SUCCESS;
    if (rv == APR_NOTFOUND) {
        return flow_error_set(err, FLOW_E_INPUT, APR_NOTFOUND,
                              "job_not_repeatable",
                              "the event '%s' that started job '%s' is not "
                              "stored any more (FlowRetention)",
                              job.event_id, job_id);
    }
    if (rv == APR_SUCCESS) {
        rv = read_request(store, job_id, &job.request, p, err);
    }
    return rv == APR_SUCCESS ? flow_requeue_job(store, &job, &origin, now, err)
                             : rv;
}

/* ---- cancel ---- */

static apr_status_t read_status(flow_store_t *store, const char *job_id,
                                const char **pstatus, apr_pool_t *p,
                                flow_error_t *err)
{
    static const char sql[] = "SELECT status FROM job WHERE id = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(job_id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    *pstatus = flow_rows_text(&rows, 0);
    return APR_SUCCESS;
}

apr_status_t flow_requeue_cancel(flow_store_t *store, const char *job_id,
                                 const char **pstatus, apr_pool_t *p,
                                 flow_error_t *err)
{
    const char *before = NULL;
    apr_status_t rv = read_status(store, job_id, &before, p, err);

    if (rv == APR_SUCCESS && !flow_status_is_final(before)) {
        rv = flow_queue_cancel(store, job_id, pstatus, p, err);
        if (rv != APR_SUCCESS || strncmp(*pstatus, "cancel", 6) == 0) {
            return rv;
        }
        before = *pstatus; /* it has ended in between */
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "job_ended",
                          "job '%s' is %s and cannot be canceled any more",
                          job_id, before);
}
