/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_queue.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "jobs/flow_dedup.h"
#include "jobs/flow_error_list.h"

/* Flows looked at for one claim; each has one candidate, its oldest job. */
#define CANDIDATES_MAX 1000
#define PURGE_ROWS     500

/* ---- new rows ---- */

apr_status_t flow_queue_event(flow_store_t *store, const char *id,
                              const char *export_id, apr_time_t received,
                              const char *request, flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO event (id, export_id, received_at, request)"
        " VALUES (%s, %s, %lld, %s)";
    apr_int64_t at = received;

    return flow_store_exec(store, sql, FLOW_SQL(id, export_id, &at, request),
                           NULL, err);
}

static apr_status_t insert_text(flow_store_t *store, const char *job_id,
                                const char *kind, const char *text,
                                flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job_text (job_id, kind, text) VALUES (%s, %s, %s)";

    return flow_store_exec(store, sql, FLOW_SQL(job_id, kind, text), NULL, err);
}

apr_status_t flow_queue_job(flow_store_t *store, const flow_new_job_t *job,
                            apr_time_t now, flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job (id, type, flow_id, export_id, event_id, status,"
        " priority, collect, created, modified)"
        " VALUES (%s, 'flow', %s, %s, %s, 'queued', %lld, %lld, %lld, %lld)";
    apr_int64_t at = now;
    apr_status_t rv;

    rv = flow_store_exec(store, sql,
                         FLOW_SQL(job->id, job->flow_id, job->export_id,
                                  job->event_id, &job->priority, &job->collect,
                                  &at, &at),
                         NULL, err);
    if (rv == APR_SUCCESS && job->request) {
        rv = insert_text(store, job->id, "request", job->request, err);
    }
    return rv;
}

/* ---- claiming ---- */

/*
 * The oldest job of each flow that has none running. The recursive part hops
 * from one flow to the next in the index, so ten thousand waiting jobs of a
 * busy flow cost no more than one.
 */
#define WAITING_FLOWS                                                          \
    "WITH RECURSIVE f(id) AS ("                                                \
    "SELECT min(flow_id) FROM job WHERE status = 'queued'"                     \
    " UNION ALL "                                                              \
    "SELECT (SELECT min(flow_id) FROM job"                                     \
    " WHERE status = 'queued' AND flow_id > f.id)"                             \
    " FROM f WHERE f.id IS NOT NULL) "

static const char candidates_sql[] = WAITING_FLOWS
    "SELECT j.id, j.flow_id, j.export_id FROM f JOIN job j ON j.id ="
    " (SELECT q.id FROM job q WHERE q.status = 'queued' AND q.flow_id = f.id"
    " ORDER BY q.priority DESC, q.created, q.id LIMIT 1)"
    " WHERE f.id IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM job r WHERE r.status = 'running' AND r.flow_id = f.id)"
    " ORDER BY j.priority DESC, j.created, j.id LIMIT %lld";

static const char only_sql[] =
    "SELECT j.id, j.flow_id, j.export_id FROM job j"
    " WHERE j.id = %s AND j.status = 'queued' AND NOT EXISTS"
    " (SELECT 1 FROM job r WHERE r.status = 'running'"
    " AND r.flow_id = j.flow_id)";

static apr_status_t select_candidates(flow_store_t *store,
                                      const flow_claim_t *claim,
                                      flow_rows_t *rows, apr_pool_t *p,
                                      flow_error_t *err)
{
    apr_int64_t most = CANDIDATES_MAX;

    if (claim->only) {
        return flow_store_select(store, rows, only_sql, FLOW_SQL(claim->only),
                                 p, err);
    }
    return flow_store_select(store, rows, candidates_sql, FLOW_SQL(&most), p,
                             err);
}

static apr_status_t take(flow_store_t *store, const char *id, const char *owner,
                         int *pn, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = 'running', owner = %s, lease_until = %lld,"
        " attempts = attempts + 1, modified = %lld,"
        " started = CASE WHEN started = 0 THEN %lld ELSE started END"
        " WHERE id = %s AND status = 'queued'";
    apr_int64_t now = apr_time_now();
    apr_int64_t until = now + FLOW_LEASE;

    return flow_store_exec(store, sql, FLOW_SQL(owner, &until, &now, &now, id),
                           pn, err);
}

static void read_job(const flow_rows_t *rows, flow_job_t *job)
{
    job->id = flow_rows_text(rows, 0);
    job->type = flow_rows_text(rows, 1);
    job->flow_id = flow_rows_text(rows, 2);
    job->export_id = flow_rows_text(rows, 3);
    job->event_id = flow_rows_text(rows, 4);
    job->collect = (int)flow_rows_int(rows, 5);
    job->attempts = (int)flow_rows_int(rows, 6);
    job->created = flow_rows_int(rows, 7);
    job->started = flow_rows_int(rows, 8);
    job->counters.success = flow_rows_int(rows, 9);
    job->counters.error = flow_rows_int(rows, 10);
    job->counters.ignore = flow_rows_int(rows, 11);
    job->counters.exported = flow_rows_int(rows, 12);
    job->counters.pages_generated = flow_rows_int(rows, 13);
    job->counters.pages_processed = flow_rows_int(rows, 14);
    job->checkpoint = flow_rows_text(rows, 15);
    job->event = flow_rows_text(rows, 16);
    job->request = flow_rows_text(rows, 17);
}

static apr_status_t load_job(flow_store_t *store, const char *id,
                             flow_job_t **pjob, apr_pool_t *p,
                             flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, type, flow_id, export_id, event_id, collect, attempts,"
        " created, started, num_success, num_error, num_ignore, num_export,"
        " num_pages_generated, num_pages_processed, checkpoint,"
        " (SELECT e.request FROM event e WHERE e.id = job.event_id),"
        " (SELECT t.text FROM job_text t WHERE t.job_id = job.id"
        " AND t.kind = 'request')"
        " FROM job WHERE id = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        *pjob = apr_pcalloc(p, sizeof(**pjob));
        read_job(&rows, *pjob);
    }
    return rv;
}

apr_status_t flow_queue_claim(flow_store_t *store, flow_claim_t *claim,
                              apr_pool_t *p, flow_error_t *err)
{
    const char *id = NULL;
    flow_rows_t rows;
    apr_status_t rv;
    int n = 0;

    claim->job = NULL;
    claim->more = 0;
    rv = select_candidates(store, claim, &rows, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (!claim->more && flow_rows_next(&rows)) {
        if (!claim->knows(claim->baton, flow_rows_text(&rows, 1),
                          flow_rows_text(&rows, 2))) {
            continue;
        }
        if (id) {
            claim->more = 1;
        }
        else {
            id = flow_rows_text(&rows, 0);
        }
    }
    if (!id) {
        return APR_SUCCESS;
    }
    rv = take(store, id, claim->owner, &n, err);
    if (rv != APR_SUCCESS || n != 1) {
        return rv;
    }
    return load_job(store, id, &claim->job, p, err);
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
        " lease_until = %lld"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    const flow_counters_t *c = &at->counters;
    apr_int64_t now = apr_time_now();
    apr_int64_t until = now + FLOW_LEASE;
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
        " lease_until = 0, error_code = %s, error_message = %s"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    const flow_counters_t *c = &at->counters;
    apr_int64_t now = apr_time_now();
    apr_int64_t done = strcmp(status, "completed") == 0;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql,
                         FLOW_SQL(status, &c->success, &c->error, &c->ignore,
                                  &c->exported, &c->pages_generated,
                                  &c->pages_processed, &done, &now, &now, code,
                                  message, at->job_id, at->owner),
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

apr_status_t flow_queue_return(flow_store_t *store, const flow_progress_t *at,
                               int *plost, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = 'queued', owner = NULL, lease_until = 0,"
        " attempts = attempts - 1, modified = %lld"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    apr_int64_t now = apr_time_now();
    apr_status_t rv;
    int n = 0;

    rv = flow_queue_page(store, at, plost, err);
    if (rv == APR_SUCCESS && !*plost) {
        rv = flow_store_exec(store, sql, FLOW_SQL(&now, at->job_id, at->owner),
                             &n, err);
    }
    return rv;
}

apr_status_t flow_queue_heartbeat(flow_store_t *store, const char *job_id,
                                  const char *owner, int *plost,
                                  flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET lease_until = %lld"
        " WHERE id = %s AND status = 'running' AND owner = %s";
    apr_int64_t until = apr_time_now() + FLOW_LEASE;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql, FLOW_SQL(&until, job_id, owner), &n, err);
    *plost = rv == APR_SUCCESS && n == 0;
    return rv;
}

/* ---- jobs whose process is gone ---- */

static apr_status_t bury(flow_store_t *store, const flow_orphan_t *orphan,
                         int *pn, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = 'failed', owner = NULL, lease_until = 0,"
        " ended = %lld, modified = %lld, error_code = 'job_crashed',"
        " error_message = %s"
        " WHERE id = %s AND status = 'running' AND owner = %s"
        " AND lease_until = %lld";
    apr_int64_t now = apr_time_now();
    apr_int64_t lease = orphan->lease_until;
    char message[128];

    apr_snprintf(message, sizeof(message),
                 "the process that ran it died, %d times in a row",
                 orphan->attempts);
    return flow_store_exec(
        store, sql,
        FLOW_SQL(&now, &now, message, orphan->id, orphan->owner, &lease), pn,
        err);
}

apr_status_t flow_queue_rescue(flow_store_t *store, const flow_orphan_t *orphan,
                               int *pburied, int *plost, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = 'queued', owner = NULL, lease_until = 0,"
        " modified = %lld"
        " WHERE id = %s AND status = 'running' AND owner = %s"
        " AND lease_until = %lld";
    apr_int64_t now = apr_time_now();
    apr_int64_t lease = orphan->lease_until;
    apr_status_t rv;
    int n = 0;

    *pburied = orphan->attempts >= FLOW_JOB_ATTEMPTS;
    if (*pburied) {
        rv = bury(store, orphan, &n, err);
    }
    else {
        rv = flow_store_exec(store, sql,
                             FLOW_SQL(&now, orphan->id, orphan->owner, &lease),
                             &n, err);
    }
    *plost = rv == APR_SUCCESS && n == 0;
    return rv;
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
        "SELECT id FROM job WHERE status IN ('completed', 'failed', 'canceled')"
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
        "DELETE FROM event WHERE id IN"
        " (SELECT id FROM event WHERE id < %s ORDER BY id LIMIT %lld)";
    apr_int64_t most = PURGE_ROWS;
    apr_status_t rv = APR_SUCCESS;
    int i, n = 0, keys = 0, deleted = 0;

    for (i = 0; i < 3 && rv == APR_SUCCESS && deleted < PURGE_ROWS; ++i) {
        rv = purge_jobs(store, finals[i], before, &deleted, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_exec(store, events_sql, FLOW_SQL(event_id, &most), &n,
                             err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_dedup_purge(store, apr_time_now(), PURGE_ROWS, &keys, err);
    }
    *pmore = deleted >= PURGE_ROWS || n == PURGE_ROWS || keys == PURGE_ROWS;
    return rv;
}
