/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_queue.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "jobs/flow_dedup.h"
#include "jobs/flow_error_list.h"

#define PURGE_ROWS 500

/* ---- new rows ---- */

/* Whose id is there already is there: a COMMIT that broke off with its session
 * may have been one, and then all of it is done a second time. */

#define EVENT_INSERT "INSERT INTO event (id, export_id, received_at, request)"
#define EVENT_ROW    "(%s, %s, %lld, %s)"
#define JOB_INSERT                                                             \
    "INSERT INTO job (id, type, flow_id, export_id, event_id, status,"         \
    " priority, collect, created, modified)"
#define JOB_ROW  "(%s, 'flow', %s, %s, %s, 'queued', %lld, %lld, %lld, %lld)"
#define IF_IT_IS " ON CONFLICT (id) DO NOTHING"

apr_status_t flow_queue_event(flow_store_t *store, const char *id,
                              const char *export_id, apr_time_t received,
                              const char *request, flow_error_t *err)
{
    static const flow_insert_t into = {
        EVENT_INSERT " VALUES " EVENT_ROW IF_IT_IS,
        EVENT_INSERT " VALUES " FLOW_TIMES_16(EVENT_ROW) IF_IT_IS, 4
    };
    apr_int64_t at = received;

    return flow_store_insert(store, &into,
                             FLOW_SQL(id, export_id, &at, request), err);
}

static apr_status_t insert_text(flow_store_t *store, const char *job_id,
                                const char *kind, const char *text,
                                flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job_text (job_id, kind, text) VALUES (%s, %s, %s)"
        " ON CONFLICT (job_id, kind) DO NOTHING";

    return flow_store_exec(store, sql, FLOW_SQL(job_id, kind, text), NULL, err);
}

apr_status_t flow_queue_job(flow_store_t *store, const flow_new_job_t *job,
                            apr_time_t now, flow_error_t *err)
{
    static const flow_insert_t into = {
        JOB_INSERT " VALUES " JOB_ROW IF_IT_IS,
        JOB_INSERT " VALUES " FLOW_TIMES_16(JOB_ROW) IF_IT_IS, 8
    };
    apr_int64_t at = now;
    apr_status_t rv;

    rv = flow_store_insert(store, &into,
                           FLOW_SQL(job->id, job->flow_id, job->export_id,
                                    job->event_id, &job->priority,
                                    &job->collect, &at, &at),
                           err);
    if (rv == APR_SUCCESS && job->request) {
        rv = insert_text(store, job->id, "request", job->request, err);
    }
    return rv;
}

/* ---- a running job ---- */

static apr_status_t insert_errors(flow_store_t *store,
                                  const flow_progress_t *at, flow_error_t *err)
{
    return at->errors ? flow_errors_insert(at->errors, store, at->job_id,
                                           at->flow_id, err)
                      : APR_SUCCESS;
}

apr_status_t flow_queue_page(flow_store_t *store, const flow_progress_t *at,
                             int *plost, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET num_success = %lld, num_error = %lld,"
        " num_ignore = %lld, num_export = %lld, num_pages_generated = %lld,"
        " num_pages_processed = %lld, checkpoint = %s, modified = %lld,"
        " lease_until = %lld, attempts = 0, spilled = NULL"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    const flow_counters_t *c = &at->counters;
    apr_int64_t now = apr_time_now();
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql,
                         FLOW_SQL(&c->success, &c->error, &c->ignore,
                                  &c->exported, &c->pages_generated,
                                  &c->pages_processed, at->checkpoint, &now,
                                  &until, at->job_id, at->owner),
                         &n, err);
    *plost = rv == APR_SUCCESS && n == 0;
    return rv == APR_SUCCESS && n ? insert_errors(store, at, err) : rv;
}

apr_status_t flow_queue_end(flow_store_t *store, const flow_progress_t *at,
                            const char *status, const char *code,
                            const char *message, const char *result, int *plost,
                            flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = %s, num_success = %lld, num_error = %lld,"
        " num_ignore = %lld, num_export = %lld, num_pages_generated = %lld,"
        " num_pages_processed = %lld, done_exporting = %lld,"
        " checkpoint = NULL, ended = %lld, modified = %lld, owner = NULL,"
        " lease_until = 0, leaving = 0, error_code = %s, error_message = %s,"
        " error_source = %s WHERE id = %s AND status = 'running' AND owner = "
        "%s";
    const flow_counters_t *c = &at->counters;
    apr_int64_t now = apr_time_now();
    apr_int64_t done = strcmp(status, "completed") == 0;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql,
                         FLOW_SQL(status, &c->success, &c->error, &c->ignore,
                                  &c->exported, &c->pages_generated,
                                  &c->pages_processed, &done, &now, &now, code,
                                  message, at->source, at->job_id, at->owner),
                         &n, err);
    *plost = rv == APR_SUCCESS && n == 0;
    if (rv != APR_SUCCESS || n == 0) {
        return rv;
    }
    rv = insert_errors(store, at, err);
    if (rv == APR_SUCCESS && result) {
        rv = insert_text(store, at->job_id, "result", result, err);
    }
    return rv;
}

/*
 * Many ends in one statement (PostgreSQL), those that are no more than a row.
 */
#define END_ROW                                                                \
    "(%s, %s, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %s, %s, %s)"
#define END_ARGS 13
#define END_MANY                                                               \
    "UPDATE job SET status = v.status, num_success = v.success,"               \
    " num_error = v.error, num_ignore = v.ignored, num_export = v.exported,"   \
    " num_pages_generated = v.generated, num_pages_processed = v.processed,"   \
    " done_exporting = v.done, ended = v.at, modified = v.at,"                 \
    " checkpoint = NULL, owner = NULL, lease_until = 0, leaving = 0,"          \
    " error_code = v.code, error_message = v.message,"                         \
    " error_source = v.source FROM (VALUES "
#define END_WHERE                                                              \
    ") AS v (id, status, success, error, ignored, exported, generated,"        \
    " processed, done, at, code, message, source) WHERE job.id = v.id"         \
    " AND job.status || '' = 'running' AND job.owner = %s RETURNING job.id"

int flow_queue_end_is_plain(const flow_progress_t *at, const char *result)
{
    return !result && (!at->errors || !flow_errors_size(at->errors));
}

static void put_end(const void **args, flow_end_t *e, const apr_int64_t *now)
{
    const flow_counters_t *c = &e->at->counters;
    int i = 0;

    e->done = strcmp(e->status, "completed") == 0;
    e->lost = 1;
    args[i++] = e->at->job_id;
    args[i++] = e->status;
    args[i++] = &c->success;
    args[i++] = &c->error;
    args[i++] = &c->ignore;
    args[i++] = &c->exported;
    args[i++] = &c->pages_generated;
    args[i++] = &c->pages_processed;
    args[i++] = &e->done;
    args[i++] = now;
    args[i++] = e->code;
    args[i++] = e->message;
    args[i++] = e->at->source;
}

static apr_status_t end_some(flow_store_t *store, flow_end_t *list, int n,
                             apr_pool_t *p, flow_error_t *err)
{
    static const char one[] = END_MANY END_ROW END_WHERE;
    static const char four[] = END_MANY FLOW_TIMES_4(END_ROW) END_WHERE;
    static const char many[] = END_MANY FLOW_TIMES_16(END_ROW) END_WHERE;
    const void *args[16 * END_ARGS + 2];
    apr_int64_t now = apr_time_now();
    flow_end_t *e = list;
    flow_rows_t rows;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; ++i, e = e->next) {
        put_end(args + (apr_size_t)(i * END_ARGS), e, &now);
    }
    args[n * END_ARGS] = list->at->owner;
    rv = flow_store_select(store, &rows,
                           n == 16  ? many
                           : n == 4 ? four
                                    : one,
                           args, p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        const char *id = flow_rows_text(&rows, 0);

        for (i = 0, e = list; i < n; ++i, e = e->next) {
            if (strcmp(e->at->job_id, id) == 0) {
                e->lost = 0;
            }
        }
    }
    return rv;
}

apr_status_t flow_queue_ends(flow_store_t *store, flow_end_t *list,
                             apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    flow_end_t *e;
    int left = 0, n;

    for (e = list; e; e = e->next) {
        ++left;
    }
    for (e = list; left && rv == APR_SUCCESS; left -= n) {
        int i;

        n = left >= 16 ? 16 : left >= 4 ? 4 : 1;
        rv = end_some(store, e, n, p, err);
        for (i = 0; i < n; ++i) {
            e = e->next;
        }
    }
    return rv;
}

apr_status_t flow_queue_return(flow_store_t *store, const flow_progress_t *at,
                               int *plost, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET num_success = %lld, num_error = %lld,"
        " num_ignore = %lld, num_export = %lld, num_pages_generated = %lld,"
        " num_pages_processed = %lld, checkpoint = %s, modified = "
        "%lld," FLOW_BACK_TO_QUEUE
        " WHERE id = %s AND status = 'running' AND owner = %s";
    const flow_counters_t *c = &at->counters;
    apr_int64_t now = apr_time_now();
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(
        store, sql,
        FLOW_SQL(&c->success, &c->error, &c->ignore, &c->exported,
                 &c->pages_generated, &c->pages_processed, at->checkpoint, &now,
                 &now, FLOW_CANCELED_TEXT, at->job_id, at->owner),
        &n, err);
    *plost = rv == APR_SUCCESS && n == 0;
    return rv == APR_SUCCESS && n ? insert_errors(store, at, err) : rv;
}

apr_status_t flow_queue_spill(flow_store_t *store, const flow_progress_t *at,
                              const char *range, int *plost, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET spilled = %s"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql, FLOW_SQL(range, at->job_id, at->owner), &n,
                         err);
    *plost = rv == APR_SUCCESS && n == 0;
    return rv == APR_SUCCESS && n ? insert_errors(store, at, err) : rv;
}

/* ---- what is old ---- */

/* Errors go first and in portions: a job may have millions. */
static apr_status_t purge_job(flow_store_t *store, const char *id,
                              int *pdeleted, flow_error_t *err)
{
    static const char text_sql[] = "DELETE FROM job_text WHERE job_id = %s";
    static const char job_sql[] = "DELETE FROM job WHERE id = %s";
    apr_status_t rv;
    int n = 0;

    rv = flow_error_purge(store, id, PURGE_ROWS, &n, err);
    *pdeleted += n;
    if (rv != APR_SUCCESS || n == PURGE_ROWS) {
        return rv;
    }
    rv = flow_store_exec(store, text_sql, FLOW_SQL(id), NULL, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_exec(store, job_sql, FLOW_SQL(id), NULL, err);
        *pdeleted += 1;
    }
    return rv;
}

static apr_status_t purge_jobs(flow_store_t *store, const char *status,
                               apr_time_t before, int *pdeleted, apr_pool_t *p,
                               flow_error_t *err)
{
    static const char sql[] =
        "SELECT id FROM job WHERE ended > 0"
        " AND status = %s AND ended < %lld ORDER BY ended LIMIT %lld";
    apr_int64_t limit = before, most = PURGE_ROWS;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(status, &limit, &most),
                           p, err);
    while (rv == APR_SUCCESS && *pdeleted < PURGE_ROWS &&
           flow_rows_next(&rows)) {
        rv = purge_job(store, flow_rows_text(&rows, 0), pdeleted, err);
    }
    return rv;
}

apr_status_t flow_queue_purge(flow_store_t *store, apr_time_t before,
                              const char *event_id, int *pmore, apr_pool_t *p,
                              flow_error_t *err)
{
    static const char *const finals[] = { "completed", "failed", "canceled" };
    static const char events_sql[] =
        "DELETE FROM event WHERE replayed_at < %lld AND id IN"
        " (SELECT id FROM event WHERE id < %s AND replayed_at < %lld"
        " ORDER BY id LIMIT %lld)";
    apr_int64_t most = PURGE_ROWS, limit = before;
    apr_status_t rv = APR_SUCCESS;
    int i, n = 0, keys = 0, deleted = 0;

    for (i = 0; i < 3 && rv == APR_SUCCESS && deleted < PURGE_ROWS; ++i) {
        rv = purge_jobs(store, finals[i], before, &deleted, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv =
            flow_store_exec(store, events_sql,
                            FLOW_SQL(&limit, event_id, &limit, &most), &n, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_dedup_purge(store, apr_time_now(), PURGE_ROWS, &keys, err);
    }
    *pmore = deleted >= PURGE_ROWS || n == PURGE_ROWS || keys == PURGE_ROWS;
    return rv;
}
