/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_job_list.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_error_list.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_jobs.h"
#include "jobs/flow_queue.h"
#include "jobs/flow_ticks.h"

#define LAST_ID   "zz"  /* behind every id, in any collation */
#define LAST_JOBS 5000  /* looked at for the last one of each flow */
#define FLOWS_MAX 10000 /* and steps with errors */

const char *const flow_job_statuses[] = { "queued",    "preparing", "running",
                                          "completed", "failed",    "canceled",
                                          NULL };
const char *const flow_job_types[] = { "flow", "retry", "bulk_retry", NULL };

static const char *text(const char *s)
{
    return s ? s : "";
}

/* ---- lists ---- */

/* The condition in front chooses the index; statements are found by their
 * address, so they are literals. */
#define FILTERS                                                                \
    " AND id > %s AND id < %s AND (%s = '' OR flow_id = %s)"                   \
    " AND (%s = '' OR type = %s) ORDER BY id DESC LIMIT %lld"
#define SELECT_JOBS "SELECT " FLOW_JOB_COLUMNS " FROM job WHERE "

static const char any_sql[] = SELECT_JOBS "%s = ''" FILTERS;
static const char queued_sql[] = SELECT_JOBS "status = 'queued'"
                                             " AND status = %s" FILTERS;
static const char preparing_sql[] = SELECT_JOBS "status = 'preparing'"
                                                " AND status = %s" FILTERS;
static const char running_sql[] = SELECT_JOBS "status = 'running'"
                                              " AND status = %s" FILTERS;
static const char final_sql[] = SELECT_JOBS "ended > 0 AND status = %s" FILTERS;

static const char *statement_for(const char *status)
{
    return !status                            ? any_sql
           : strcmp(status, "queued") == 0    ? queued_sql
           : strcmp(status, "preparing") == 0 ? preparing_sql
           : strcmp(status, "running") == 0   ? running_sql
                                              : final_sql;
}

/* Ids begin with the time at which the job was queued (flow_ids.h). */
static const char *id_at(apr_time_t t, apr_pool_t *p)
{
    return apr_psprintf(p, "%08x%05x", (unsigned)apr_time_sec(t),
                        (unsigned)apr_time_usec(t));
}

apr_status_t flow_job_select(flow_store_t *store,
                             const flow_job_filter_t *filter, int limit,
                             json_t **plist, apr_pool_t *p, flow_error_t *err)
{
    const char *from = filter->since > 0 ? id_at(filter->since, p) : "";
    const char *to = filter->before ? filter->before : LAST_ID;
    const char *flow = text(filter->flow_id), *type = text(filter->type);
    apr_int64_t most = limit;
    flow_rows_t rows;
    apr_status_t rv;

    if (filter->until > 0 && strcmp(id_at(filter->until, p), to) < 0) {
        to = id_at(filter->until, p);
    }
    rv = flow_store_select(
        store, &rows, statement_for(filter->status),
        FLOW_SQL(text(filter->status), from, to, flow, flow, type, type, &most),
        p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    while (flow_rows_next(&rows)) {
        json_t *job = flow_job_json(&rows, p);
        json_t *reason = flow_job_reason(&rows, p);

        if (reason) {
            json_object_set_new(job, "failure", reason);
        }
        json_array_append_new(*plist, job);
    }
    return APR_SUCCESS;
}

apr_status_t flow_job_failures(flow_store_t *store, const char *flow_id,
                               apr_time_t since, int most, int *pn,
                               apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT count(*) FROM (SELECT 1 FROM job"
        " WHERE ended > 0 AND status = 'failed' AND ended >= %lld"
        " AND (%s = '' OR flow_id = %s) LIMIT %lld) AS failed";
    apr_int64_t from = since, limit = most;
    flow_rows_t rows;
    apr_status_t rv;

    *pn = 0;
    rv = flow_store_select(
        store, &rows, sql,
        FLOW_SQL(&from, text(flow_id), text(flow_id), &limit), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        *pn = (int)flow_rows_int(&rows, 0);
    }
    return rv;
}

/* ---- why one waits ---- */

static json_t *add(json_t *list, const char *code, const char *message,
                   apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "code", code, p);
    flow_json_put(v, "message", message, p);
    json_array_append_new(list, v);
    return v;
}

typedef struct waiting_t {
    const char *id, *flow_id;
    apr_int64_t attempts, priority, created;
} waiting_t;

static apr_status_t read_running(flow_store_t *store, const waiting_t *w,
                                 json_t *list, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] = "SELECT id, started FROM job"
                              " WHERE status = 'running' AND flow_id = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(w->flow_id), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        const char *id = flow_rows_text(&rows, 0);
        json_t *v = add(
            list, "flow_busy",
            apr_psprintf(p,
                         "job '%s' of the same flow is running since %s; one "
                         "runs at a time",
                         id, flow_iso_time(flow_rows_int(&rows, 1), p)),
            p);

        flow_json_put(v, "_jobId", id, p);
    }
    return rv;
}

static apr_status_t read_ahead(flow_store_t *store, const waiting_t *w,
                               json_t *list, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT count(*) FROM job WHERE status = 'queued' AND flow_id = %s"
        " AND (priority > %lld OR (priority = %lld AND (created < %lld"
        " OR (created = %lld AND id < %s))))";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql,
                           FLOW_SQL(w->flow_id, &w->priority, &w->priority,
                                    &w->created, &w->created, w->id),
                           p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows) && flow_rows_int(&rows, 0)) {
        apr_int64_t n = flow_rows_int(&rows, 0);
        json_t *v = add(list, "behind_others",
                        apr_psprintf(p,
                                     "%" APR_INT64_T_FMT " job%s of the same "
                                     "flow come%s first",
                                     n, n == 1 ? "" : "s", n == 1 ? "s" : ""),
                        p);

        json_object_set_new(v, "jobs", json_integer(n));
    }
    return rv;
}

static apr_status_t read_reasons(flow_store_t *store, const waiting_t *w,
                                 json_t *list, apr_pool_t *p, flow_error_t *err)
{
    flow_queue_depth_t depth = { 0 };
    apr_status_t rv = read_running(store, w, list, p, err);

    if (rv == APR_SUCCESS) {
        rv = read_ahead(store, w, list, p, err);
    }
    if (rv == APR_SUCCESS && w->attempts) {
        add(list, "must_run_alone",
            apr_psprintf(p,
                         "the process that ran it has died (%" APR_INT64_T_FMT
                         " so far); it begins when a process has nothing else "
                         "to run",
                         w->attempts),
            p);
    }
    if (rv != APR_SUCCESS || json_array_size(list)) {
        return rv;
    }
    rv = flow_queue_depth(store, &depth, p, err);
    if (rv == APR_SUCCESS) {
        add(list, "unclaimed",
            apr_psprintf(p,
                         "no server has claimed it: none is running with "
                         "FlowWorkers above 0, or none has the flow enabled "
                         "and its connections online, or all workers are busy "
                         "(%" APR_INT64_T_FMT " job%s running)",
                         depth.running, depth.running == 1 ? " is" : "s are"),
            p);
    }
    return rv;
}

apr_status_t flow_job_waits(flow_store_t *store, const char *id, json_t **plist,
                            apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] = "SELECT status, flow_id, attempts, priority,"
                              " created FROM job WHERE id = %s";
    waiting_t w = { id };
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    if (!flow_rows_next(&rows)) {
        return rv;
    }
    w.flow_id = flow_rows_text(&rows, 1);
    w.attempts = flow_rows_int(&rows, 2);
    w.priority = flow_rows_int(&rows, 3);
    w.created = flow_rows_int(&rows, 4);
    if (strcmp(flow_rows_text(&rows, 0), "preparing") == 0) {
        add(*plist, "preparing", "the errors that it retries are being chosen",
            p);
    }
    else if (strcmp(flow_rows_text(&rows, 0), "queued") == 0) {
        rv = read_reasons(store, &w, *plist, p, err);
    }
    if (rv != APR_SUCCESS) {
        json_decref(*plist);
        *plist = NULL;
    }
    return rv;
}

/* ---- flows ---- */

static json_t *flow_of(json_t *flows, const char *id)
{
    json_t *v = json_object_get(flows, id);

    if (!v) {
        v = json_object();
        json_object_set_new(flows, id, v);
    }
    return v;
}

static apr_status_t count_jobs(flow_store_t *store, const char *key,
                               const char *sql, json_t *flows, apr_pool_t *p,
                               flow_error_t *err)
{
    apr_int64_t most = FLOWS_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&most), p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        json_object_set_new(flow_of(flows, flow_rows_text(&rows, 0)), key,
                            json_integer(flow_rows_int(&rows, 1)));
    }
    return rv;
}

static apr_status_t add_errors(flow_store_t *store, json_t *flows,
                               apr_pool_t *p, flow_error_t *err)
{
    json_t *counts = NULL, *steps, *n;
    const char *flow, *step;
    apr_status_t rv;

    rv = flow_error_counts(store, NULL, FLOWS_MAX, &counts, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    json_object_foreach(counts, flow, steps)
    {
        apr_int64_t sum = 0, one;

        json_object_foreach(steps, step, n)
        {
            sum += flow_json_int64(n, &one) ? one : 0;
        }
        json_object_set_new(flow_of(flows, flow), "openErrors",
                            json_integer(sum));
    }
    json_decref(counts);
    return rv;
}

static apr_status_t add_last(flow_store_t *store, json_t *flows, apr_pool_t *p,
                             flow_error_t *err)
{
    static const char sql[] = "SELECT id, flow_id, status, created FROM job"
                              " ORDER BY id DESC LIMIT %lld";
    apr_int64_t most = LAST_JOBS;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&most), p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        json_t *flow = flow_of(flows, flow_rows_text(&rows, 1)), *job;

        if (json_object_get(flow, "lastJob")) {
            continue;
        }
        job = json_object();
        flow_json_put(job, "_id", flow_rows_text(&rows, 0), p);
        flow_json_put(job, "status", flow_rows_text(&rows, 2), p);
        flow_json_put(job, "createdAt",
                      flow_iso_time(flow_rows_int(&rows, 3), p), p);
        json_object_set_new(flow, "lastJob", job);
    }
    return rv;
}

static apr_status_t add_ticks(flow_store_t *store, json_t *flows, apr_pool_t *p,
                              flow_error_t *err)
{
    apr_array_header_t *list;
    apr_status_t rv = flow_ticks_list(store, &list, p, err);
    int i;

    for (i = 0; rv == APR_SUCCESS && i < list->nelts; ++i) {
        const flow_tick_row_t *row = &APR_ARRAY_IDX(list, i, flow_tick_row_t);
        json_t *flow = flow_of(flows, row->flow_id);
        const char *next = flow_iso_time(row->next_at, p);
        const char *known = flow_json_member(flow, "nextAt");

        if (row->next_at && (!known || strcmp(next, known) < 0)) {
            flow_json_put(flow, "nextAt", next, p);
        }
    }
    return rv;
}

apr_status_t flow_job_flows(flow_store_t *store, json_t **pflows, apr_pool_t *p,
                            flow_error_t *err)
{
    static const char queued[] =
        "SELECT flow_id, count(*) FROM job WHERE status = 'queued'"
        " GROUP BY flow_id LIMIT %lld";
    static const char running[] =
        "SELECT flow_id, count(*) FROM job WHERE status = 'running'"
        " GROUP BY flow_id LIMIT %lld";
    json_t *flows = json_object();
    apr_status_t rv = count_jobs(store, "queued", queued, flows, p, err);

    if (rv == APR_SUCCESS) {
        rv = count_jobs(store, "running", running, flows, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = add_errors(store, flows, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = add_last(store, flows, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = add_ticks(store, flows, p, err);
    }
    if (rv != APR_SUCCESS) {
        json_decref(flows);
        flows = NULL;
    }
    *pflows = flows;
    return rv;
}

apr_status_t flow_job_flow_known(flow_store_t *store, const char *flow_id,
                                 int *pyes, apr_pool_t *p, flow_error_t *err)
{
    static const char *const sqls[] = {
        "SELECT 1 FROM schedule WHERE flow_id = %s LIMIT 1",
        "SELECT 1 FROM job_error WHERE flow_id = %s AND resolved_at = 0"
        " LIMIT 1",
        "SELECT 1 FROM job_error WHERE flow_id = %s AND resolved_at > 0"
        " LIMIT 1",
        "SELECT 1 FROM job WHERE flow_id = %s LIMIT 1",
    };
    flow_rows_t rows;
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    *pyes = 0;
    for (i = 0; i < 4 && rv == APR_SUCCESS && !*pyes; ++i) {
        rv =
            flow_store_select(store, &rows, sqls[i], FLOW_SQL(flow_id), p, err);
        *pyes = rv == APR_SUCCESS && flow_rows_next(&rows);
    }
    return rv;
}
