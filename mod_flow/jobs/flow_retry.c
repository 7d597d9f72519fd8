/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_retry.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "jobs/flow_error_list.h"
#include "jobs/flow_requeue.h"

#define PAGE_RECORDS 20 /* dealt with per commit, at most */
#define PAGE_TIME    apr_time_from_msec(1000) /* ... or what this long brings */
#define DUE_MAX      500
#define DUE_FLOWS    64
#define POSTPONE     apr_time_from_sec(300)

/* ---- asking for retries ---- */

apr_status_t flow_retry_open(flow_store_t *store, const char *job_id,
                             const char *flow_id, flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job (id, type, flow_id, status, priority, created,"
        " modified, origin) VALUES (%s, 'retry', %s, 'preparing', %lld, %lld,"
        " %lld, 'retry')";
    apr_int64_t now = apr_time_now(), priority = FLOW_PRIORITY_EVENT;

    return flow_store_exec(store, sql,
                           FLOW_SQL(job_id, flow_id, &priority, &now, &now),
                           NULL, err);
}

apr_status_t flow_retry_hold(flow_store_t *store, const char *job_id, int *pn,
                             flow_error_t *err)
{
    static const char sql[] = "UPDATE job SET modified = %lld WHERE id = %s"
                              " AND status = 'preparing'";
    apr_int64_t now = apr_time_now();

    return flow_store_exec(store, sql, FLOW_SQL(&now, job_id), pn, err);
}

/* The retry that has the error, or had it last; "" = none. *pis_free: it may
 * have another one. */
static apr_status_t read_holder(flow_store_t *store, const char *id,
                                const char **pholder, int *pis_free,
                                apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT retry_job, (SELECT j.status FROM job j"
        " WHERE j.id = job_error.retry_job) FROM job_error WHERE id = %s"
        " AND resolved_at = 0 AND has_retry = 1";
    const char *holder, *status;
    flow_rows_t rows;
    apr_status_t rv;

    *pis_free = 0;
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv != APR_SUCCESS || !flow_rows_next(&rows)) {
        return rv;
    }
    holder = flow_rows_text(&rows, 0);
    status = flow_rows_text(&rows, 1);
    *pholder = holder ? holder : "";
    *pis_free = !status || !*status || flow_status_is_final(status);
    return APR_SUCCESS;
}

/* From the holder that has been looked at: whoever waits for another one's
 * mark sees in the row itself that it has come too late. A condition on the
 * other table would be answered as of the time before the wait. */
apr_status_t flow_retry_mark(flow_store_t *store, const char *id,
                             const char *job_id, int *pn, apr_pool_t *p,
                             flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job_error SET retry_job = %s, retry_at = 0"
        " WHERE id = %s AND resolved_at = 0 AND has_retry = 1"
        " AND COALESCE(retry_job, '') = %s";
    const char *holder = "";
    apr_status_t rv;
    int is_free;

    *pn = 0;
    rv = read_holder(store, id, &holder, &is_free, p, err);
    return rv == APR_SUCCESS && is_free
               ? flow_store_exec(store, sql, FLOW_SQL(job_id, id, holder), pn,
                                 err)
               : rv;
}

apr_status_t flow_retry_queue(flow_store_t *store, const char *job_id,
                              int is_bulk, flow_error_t *err)
{
    static const char sql[] = "UPDATE job SET status = 'queued', type = %s,"
                              " modified = %lld WHERE id = %s"
                              " AND status = 'preparing'";
    apr_int64_t now = apr_time_now();

    return flow_store_exec(
        store, sql, FLOW_SQL(is_bulk ? "bulk_retry" : "retry", &now, job_id),
        NULL, err);
}

apr_status_t flow_retry_drop(flow_store_t *store, const char *job_id,
                             flow_error_t *err)
{
    static const char sql[] =
        "DELETE FROM job WHERE id = %s AND status = 'preparing'";

    return flow_store_exec(store, sql, FLOW_SQL(job_id), NULL, err);
}

static apr_status_t queue_auto(flow_store_t *store, const char *job_id,
                               const char *flow_id, int is_bulk,
                               flow_error_t *err)
{
    flow_new_job_t job = { .id = job_id,
                           .flow_id = flow_id,
                           .priority = FLOW_PRIORITY_EVENT };
    flow_origin_t from = { is_bulk ? "bulk_retry" : "retry", "auto", NULL };

    return flow_requeue_job(store, &job, &from, apr_time_now(), err);
}

/* ---- what nobody has queued ---- */

typedef struct left_work_t {
    flow_work_t work;
    apr_time_t before;
    int n;
} left_work_t;

static apr_status_t run_left(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job SET status = 'queued', type = 'bulk_retry'"
        " WHERE status = 'preparing' AND modified < %lld";
    left_work_t *w = (left_work_t *)work;
    apr_int64_t before = w->before;

    return flow_store_exec(store, sql, FLOW_SQL(&before), &w->n, err);
}

void flow_retry_left(flow_jobs_t *jobs, flow_store_t *reader, apr_time_t before,
                     apr_pool_t *p)
{
    static const char sql[] = "SELECT 1 FROM job WHERE status = 'preparing'"
                              " AND modified < %lld LIMIT 1";
    left_work_t w = { .work.run = run_left, .before = before };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_int64_t at = before;
    flow_rows_t rows;

    if (flow_store_select(reader, &rows, sql, FLOW_SQL(&at), p, &err) ==
            APR_SUCCESS &&
        flow_rows_next(&rows) &&
        flow_committer_do(jobs->committer, &w.work, -1, NULL, &err) ==
            APR_SUCCESS) {
        flow_workers_wake(jobs);
    }
}

/* ---- automatic retries ---- */

typedef struct due_flow_t {
    const char *flow_id;
    char job_id[FLOW_ID_SIZE];
    int n; /* errors marked */
} due_flow_t;

typedef struct due_work_t {
    flow_work_t work;
    flow_jobs_t *jobs;
    apr_time_t now;
    apr_pool_t *p;
    int nflows, jobs_made;
    due_flow_t flows[DUE_FLOWS];
} due_work_t;

static due_flow_t *flow_of(due_work_t *w, const char *flow_id)
{
    due_flow_t *f;
    int i;

    for (i = 0; i < w->nflows; ++i) {
        if (strcmp(w->flows[i].flow_id, flow_id) == 0) {
            return &w->flows[i];
        }
    }
    if (w->nflows == DUE_FLOWS) {
        return NULL;
    }
    f = &w->flows[w->nflows++];
    f->flow_id = flow_id;
    f->n = 0;
    flow_ids_make(&w->jobs->ids, w->now, f->job_id);
    return f;
}

static apr_status_t take_due(due_work_t *w, flow_store_t *store, const char *id,
                             const char *flow_id, flow_error_t *err)
{
    static const char mark_sql[] =
        "UPDATE job_error SET retry_job = %s, retry_at = 0, tries = tries + 1"
        " WHERE id = %s AND resolved_at = 0 AND retry_at > 0";
    static const char later_sql[] =
        "UPDATE job_error SET retry_at = %lld WHERE id = %s AND retry_at > 0";
    apr_int64_t later = w->now + POSTPONE;
    due_flow_t *f;
    apr_status_t rv;
    int n = 0;

    if (!flow_job_known(w->jobs, flow_id, NULL)) {
        return flow_store_exec(store, later_sql, FLOW_SQL(&later, id), NULL,
                               err);
    }
    f = flow_of(w, flow_id);
    if (!f) {
        return APR_SUCCESS; /* the next round */
    }
    rv = flow_store_exec(store, mark_sql, FLOW_SQL(f->job_id, id), &n, err);
    f->n += n;
    return rv;
}

static apr_status_t run_due(flow_work_t *work, flow_store_t *store,
                            flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, flow_id FROM job_error WHERE retry_at > 0"
        " AND retry_at <= %lld ORDER BY retry_at LIMIT %lld";
    due_work_t *w = (due_work_t *)work;
    apr_int64_t now = w->now, most = DUE_MAX;
    flow_rows_t rows;
    apr_status_t rv;
    int i;

    apr_pool_clear(w->p);
    w->nflows = w->jobs_made = 0;
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&now, &most), w->p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        rv = take_due(w, store, flow_rows_text(&rows, 0),
                      flow_rows_text(&rows, 1), err);
    }
    for (i = 0; i < w->nflows && rv == APR_SUCCESS; ++i) {
        const due_flow_t *f = &w->flows[i];

        if (f->n) {
            rv = queue_auto(store, f->job_id, f->flow_id, f->n > 1, err);
            ++w->jobs_made;
        }
    }
    return rv;
}

static int is_due(flow_store_t *reader, apr_time_t at, apr_pool_t *p)
{
    static const char sql[] = "SELECT 1 FROM job_error WHERE retry_at > 0"
                              " AND retry_at <= %lld LIMIT 1";
    flow_error_t err = FLOW_ERROR_INIT;
    apr_int64_t now = at;
    flow_rows_t rows;

    return flow_store_select(reader, &rows, sql, FLOW_SQL(&now), p, &err) ==
               APR_SUCCESS &&
           flow_rows_next(&rows);
}

void flow_retry_due(flow_jobs_t *jobs, flow_store_t *reader, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    due_work_t *w;

    if (!is_due(reader, apr_time_now(), p)) {
        return;
    }
    w = apr_pcalloc(p, sizeof(*w));
    w->work.run = run_due;
    w->jobs = jobs;
    w->now = apr_time_now();
    apr_pool_create(&w->p, p);
    if (flow_committer_do(jobs->committer, &w->work, -1, NULL, &err) ==
            APR_SUCCESS &&
        w->jobs_made) {
        flow_workers_wake(jobs);
    }
}

/* ---- in the job ---- */

/* What became of a record. */
typedef struct outcome_t {
    char id[FLOW_ID_SIZE];
    int failed; /* index in `again`, or -1 */
} outcome_t;

struct flow_retry_t {
    flow_jobs_t *jobs;
    flow_progress_t at;
    flow_errors_t *errors; /* of later steps, the job's own */
    flow_errors_t *again;  /* new occurrences of what is retried */
    flow_retry_source_t source;
    flow_retry_item_t *item; /* at work */
    int nerrors;             /* in `errors` before it */
    flow_counters_t counted; /* before it */
    outcome_t now;           /* of it */
    char last[FLOW_ID_SIZE];
    json_t *record; /* of it, owned */
    outcome_t outcomes[PAGE_RECORDS];
    int n;
    apr_time_t since; /* the last commit */
};

typedef struct outcome_work_t {
    flow_work_t work;
    const flow_retry_t *r;
    const flow_progress_t *at;
    int lost;
} outcome_work_t;

static apr_status_t store_outcome(const flow_retry_t *r, const outcome_t *o,
                                  flow_store_t *store, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job_error SET resolved_at = %lld, resolved_by = 'retry',"
        " retry_at = 0 WHERE id = %s AND resolved_at = 0 AND retry_job = %s";
    apr_int64_t now = apr_time_now();
    int n = 0;

    if (o->failed >= 0) {
        return flow_errors_again(r->again, o->failed, store, o->id,
                                 r->at.job_id, &n, err);
    }
    return flow_store_exec(store, sql, FLOW_SQL(&now, o->id, r->at.job_id), &n,
                           err);
}

/* In the same transaction, so that it stays ours until that ends. */
static apr_status_t still_ours(flow_store_t *store, const flow_progress_t *at,
                               int *plost, flow_error_t *err)
{
    static const char sql[] = "UPDATE job SET modified = %lld WHERE id = %s"
                              " AND status = 'running' AND owner = %s";
    apr_int64_t now = apr_time_now();
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, sql, FLOW_SQL(&now, at->job_id, at->owner), &n,
                         err);
    *plost = rv == APR_SUCCESS && n == 0;
    return rv;
}

/* First what has been retried, then what happened besides: a success resolves
 * by trace key, too, and would take the place of the retry. */
static apr_status_t run_outcomes(flow_work_t *work, flow_store_t *store,
                                 flow_error_t *err)
{
    outcome_work_t *w = (outcome_work_t *)work;
    const flow_retry_t *r = w->r;
    apr_status_t rv;
    int i;

    rv = still_ours(store, w->at, &w->lost, err);
    for (i = 0; i < r->n && rv == APR_SUCCESS && !w->lost; ++i) {
        rv = store_outcome(r, &r->outcomes[i], store, err);
    }
    return rv == APR_SUCCESS && !w->lost
               ? flow_queue_page(store, w->at, &w->lost, err)
               : rv;
}

/* Store what has been done since the last time; APR_EINTR "lease_lost". */
static apr_status_t flush(flow_retry_t *r, const flow_counters_t *counters,
                          flow_error_t *err)
{
    flow_progress_t at = r->at;
    outcome_work_t w = { .work.run = run_outcomes, .r = r, .at = &at };
    apr_status_t rv;

    r->since = apr_time_now();
    if (!r->n) {
        return APR_SUCCESS;
    }
    at.counters = *counters;
    at.errors = r->errors;
    rv = flow_jobs_do(r->jobs, &w.work, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (w.lost) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "lease_lost",
                              "another process has taken the job over");
    }
    r->n = 0;
    flow_errors_clear(r->errors);
    flow_errors_clear(r->again);
    return APR_SUCCESS;
}

/* The job's next error, as it stands now: one that has been resolved while
 * others were retried is passed over. */
static apr_status_t select_next(flow_retry_t *r, flow_retry_item_t *item,
                                apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT e.id, e.step_id, e.step_index, e.source, e.tries,"
        " COALESCE((SELECT d.text FROM error_data d WHERE d.error_id = e.id"
        " AND d.kind = 'edited'),"
        " (SELECT d.text FROM error_data d WHERE d.error_id = e.id"
        " AND d.kind = 'retry'))"
        " FROM job_error e WHERE e.retry_job = %s AND e.id > %s"
        " AND e.resolved_at = 0 ORDER BY e.id LIMIT 1";
    flow_store_t *store;
    flow_rows_t rows;
    const char *text;
    apr_status_t rv;

    rv = flow_jobs_reader(r->jobs, &store, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(r->at.job_id, r->last),
                           p, err);
    if (rv == APR_SUCCESS && !flow_rows_next(&rows)) {
        rv = APR_EOF;
    }
    if (rv == APR_SUCCESS) {
        apr_cpystrn(r->now.id, flow_rows_text(&rows, 0), FLOW_ID_SIZE);
        apr_cpystrn(r->last, r->now.id, FLOW_ID_SIZE);
        item->key = r->now.id;
        item->step_id = apr_pstrdup(p, flow_rows_text(&rows, 1));
        item->step_index = (int)flow_rows_int(&rows, 2);
        item->source = apr_pstrdup(p, flow_rows_text(&rows, 3));
        flow_errors_tries(r->again, (int)flow_rows_int(&rows, 4));
        text = flow_rows_text(&rows, 5);
        rv = flow_json_parse(&r->record, text ? text : "",
                             text ? strlen(text) : 0, err);
    }
    flow_jobs_reader_done(r->jobs, store);
    return rv;
}

static apr_status_t next(void *baton, flow_retry_item_t *item, apr_pool_t *p,
                         flow_error_t *err)
{
    flow_retry_t *r = baton;
    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t rv;

    json_decref(r->record);
    r->record = NULL;
    rv = select_next(r, item, p, &why);
    if (rv == APR_EOF) {
        return rv;
    }
    if (rv != APR_SUCCESS && flow_error_is_retryable(&why)) {
        /* the store is away: the job is handed back and goes on later */
        return flow_error_set(err, why.kind, APR_EINTR, why.code, "%s",
                              why.message);
    }
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "job_undecodable",
                              "the retry data of error '%s' is not JSON: %s",
                              r->now.id, why.message);
    }
    r->item = item;
    r->nerrors = flow_errors_count(r->errors);
    r->now.failed = -1;
    item->record = r->record;
    return APR_SUCCESS;
}

static apr_status_t done(void *baton, const flow_counters_t *counters,
                         flow_error_t *err)
{
    flow_retry_t *r = baton;

    r->outcomes[r->n++] = r->now;
    r->item = NULL;
    r->counted = *counters;
    return r->n == PAGE_RECORDS || apr_time_now() - r->since > PAGE_TIME
               ? flush(r, counters, err)
               : APR_SUCCESS;
}

/* With retry data it is what stopped the record; the first of several is
 * enough. Everything else is told as in any run. */
apr_status_t flow_retry_error(flow_retry_t *r, const flow_record_error_t *e,
                              flow_error_t *err)
{
    int is_same = r->item && e->step_index == r->item->step_index &&
                  strcmp(e->step_id, r->item->step_id) == 0;

    (void)err;
    if (is_same && e->retry_data && r->now.failed < 0) {
        r->now.failed = flow_errors_count(r->again);
        flow_errors_add(r->again, e);
    }
    else if (!is_same || r->now.failed < 0) {
        flow_errors_add(r->errors, e);
    }
    return APR_SUCCESS;
}

void flow_retry_forget(flow_retry_t *r, flow_counters_t *counters)
{
    if (r->item) {
        flow_errors_cut(r->errors, r->nerrors);
        *counters = r->counted;
    }
}

static apr_status_t retry_cleanup(void *data)
{
    flow_retry_t *r = data;

    json_decref(r->record);
    return APR_SUCCESS;
}

static flow_retry_t *create(flow_jobs_t *jobs, const flow_progress_t *at,
                            flow_errors_t *errors, apr_pool_t *p)
{
    flow_retry_t *r = apr_pcalloc(p, sizeof(*r));

    r->jobs = jobs;
    r->at = *at;
    r->counted = at->counters;
    r->errors = errors;
    r->again = flow_errors_create(&jobs->ids, p);
    flow_errors_rules(r->again, 0, 1);
    r->source.baton = r;
    r->source.next = next;
    r->source.done = done;
    r->since = apr_time_now();
    apr_pool_cleanup_register(p, r, retry_cleanup, apr_pool_cleanup_null);
    return r;
}

/* Looking up the older errors costs something per record, so it is only done
 * where there are any. */
static apr_status_t any_open(flow_jobs_t *jobs, const char *flow_id, int *pany,
                             apr_pool_t *p, flow_error_t *err)
{
    flow_store_t *store;
    apr_status_t rv = flow_jobs_reader(jobs, &store, err);

    if (rv == APR_SUCCESS) {
        rv = flow_error_any_open(store, flow_id, pany, p, err);
        flow_jobs_reader_done(jobs, store);
    }
    /* not the job's fault: it is handed back */
    return rv == APR_SUCCESS ? rv : APR_EINTR;
}

apr_status_t flow_retry_prepare(flow_retry_t **pr, flow_jobs_t *jobs,
                                const flow_job_t *job,
                                const flow_progress_t *at, flow_run_t *run,
                                flow_errors_t *errors, int *pany, apr_pool_t *p,
                                flow_error_t *err)
{
    *pr = NULL;
    *pany = 0;
    flow_errors_rules(errors, run->flow->auto_resolve, 1);
    if (strcmp(job->type, "flow") != 0) {
        *pr = create(jobs, at, errors, p);
        run->retry = &(*pr)->source;
        run->delta = NULL; /* no export is read, no mark moves */
    }
    return run->flow->auto_resolve ? any_open(jobs, run->flow->id, pany, p, err)
                                   : APR_SUCCESS;
}

apr_status_t flow_retry_finish(flow_retry_t *r, const flow_run_t *run,
                               apr_status_t rv, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t kept = flush(r, &run->counters, &why);

    if (kept == APR_SUCCESS) {
        return rv;
    }
    flow_error_clear(err);
    return flow_error_set(err, why.kind, kept, why.code, "%s", why.message);
}
