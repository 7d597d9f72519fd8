/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_queue.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

/*
 * Claiming: jobs that wait become jobs that run here.
 */

/* Flows looked at for one claim; each has one candidate, its oldest job. */
#define CANDIDATES_MAX  1000
#define CANDIDATES_MORE 32 /* that others may take before us, or we not know */

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
    "SELECT j.id, j.flow_id, j.export_id, j.attempts FROM f JOIN job j ON j.id "
    "="
    " (SELECT q.id FROM job q WHERE q.status = 'queued' AND q.flow_id = f.id"
    " ORDER BY q.priority DESC, q.created, q.id LIMIT 1)"
    " WHERE f.id IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM job r WHERE r.status = 'running' AND r.flow_id = f.id)"
    " ORDER BY j.priority DESC, j.created, j.id LIMIT %lld";

static const char only_sql[] =
    "SELECT j.id, j.flow_id, j.export_id, j.attempts FROM job j"
    " WHERE j.id = %s AND j.status = 'queued' AND NOT EXISTS"
    " (SELECT 1 FROM job r WHERE r.status = 'running'"
    " AND r.flow_id = j.flow_id)";

#define LOAD_COLUMNS                                                           \
    "id, type, flow_id, export_id, event_id, collect, attempts, created,"      \
    " started, num_success, num_error, num_ignore, num_export,"                \
    " num_pages_generated, num_pages_processed, checkpoint,"                   \
    " (SELECT e.request FROM event e WHERE e.id = job.event_id),"              \
    " (SELECT t.text FROM job_text t WHERE t.job_id = job.id"                  \
    " AND t.kind = 'request'), spilled"

#define TAKE                                                                   \
    "UPDATE job SET status = 'running', owner = %s, lease_until = %lld,"       \
    " modified = %lld, alone = %lld, leaving = 0,"                             \
    " started = CASE WHEN started = 0 THEN %lld ELSE started END"

static void read_job(const flow_rows_t *rows, flow_job_t *job,
                     const char **pspilled)
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
    *pspilled = flow_rows_text(rows, 18);
}

static const char *copy(const char *text, apr_pool_t *p)
{
    return text ? apr_pstrdup(p, text) : NULL;
}

static void job_copy(flow_job_t *job, apr_pool_t *p)
{
    job->id = copy(job->id, p);
    job->type = copy(job->type, p);
    job->flow_id = copy(job->flow_id, p);
    job->export_id = copy(job->export_id, p);
    job->event_id = copy(job->event_id, p);
    job->checkpoint = copy(job->checkpoint, p);
    job->event = copy(job->event, p);
    job->request = copy(job->request, p);
}

/* What a page that was never finished has left behind. */
static apr_status_t forget_spilled(flow_store_t *store, const char *job_id,
                                   const char *range, apr_pool_t *p,
                                   flow_error_t *err)
{
    static const char errors_sql[] = "DELETE FROM job_error WHERE job_id = %s"
                                     " AND id >= %s AND id <= %s";
    static const char job_sql[] = "UPDATE job SET spilled = NULL WHERE id = %s";
    const char *last = strchr(range, ' ');
    apr_status_t rv;

    if (!last) {
        return APR_SUCCESS;
    }
    rv = flow_store_exec(
        store, errors_sql,
        FLOW_SQL(job_id, apr_pstrmemdup(p, range, (apr_size_t)(last - range)),
                 last + 1),
        NULL, err);
    return rv == APR_SUCCESS
               ? flow_store_exec(store, job_sql, FLOW_SQL(job_id), NULL, err)
               : rv;
}

/* ---- who is next ---- */

typedef struct candidate_t {
    const char *id;
    int is_alone;
} candidate_t;

typedef struct choice_t {
    apr_array_header_t *list; /* candidate_t, the first n of them wanted */
    int n;
    int more;    /* others could be claimed as well */
    int waiting; /* some that must run alone were left */
    int full;    /* there are more rows than we have looked at */
} choice_t;

static apr_status_t look(flow_store_t *store, const flow_claim_t *claim,
                         int most, flow_alone_e alone, choice_t *choice,
                         flow_error_t *err)
{
    apr_int64_t limit = most;
    flow_rows_t rows;
    apr_status_t rv;

    choice->list = apr_array_make(claim->p, 16, sizeof(candidate_t));
    choice->waiting = choice->full = 0;
    rv = claim->only ? flow_store_select(store, &rows, only_sql,
                                         FLOW_SQL(claim->only), claim->p, err)
                     : flow_store_select(store, &rows, candidates_sql,
                                         FLOW_SQL(&limit), claim->p, err);
    for (; rv == APR_SUCCESS && flow_rows_next(&rows); --most) {
        candidate_t c = { flow_rows_text(&rows, 0),
                          flow_rows_int(&rows, 3) > 0 };

        if (!claim->knows(claim->baton, flow_rows_text(&rows, 1),
                          flow_rows_text(&rows, 2))) {
            continue;
        }
        choice->waiting |= c.is_alone;
        if (!c.is_alone || alone != FLOW_ALONE_NOT) {
            APR_ARRAY_PUSH(choice->list, candidate_t) = c;
        }
    }
    choice->full = rv == APR_SUCCESS && most <= 0;
    return rv;
}

/* In the list's order the first @a wanted; but one that must run alone only by
 * itself. */
static void choose(choice_t *choice, int wanted, flow_alone_e alone)
{
    candidate_t *c = (candidate_t *)choice->list->elts;
    int i, nelts = choice->list->nelts, single = -1;

    for (i = 0; i < nelts && single < 0; ++i) {
        if (c[i].is_alone && (i == 0 || alone == FLOW_ALONE_FIRST)) {
            single = i;
        }
    }
    if (single >= 0) {
        c[0] = c[single];
        choice->list->nelts = choice->n = 1;
        choice->more = choice->waiting = 0;
        return;
    }
    for (i = 0, choice->n = 0; i < nelts; ++i) {
        if (!c[i].is_alone) {
            c[choice->n++] = c[i];
        }
    }
    choice->list->nelts = choice->n;
    choice->more = choice->n > wanted;
    choice->n = choice->n < wanted ? choice->n : wanted;
}

/* ---- taking ---- */

static apr_status_t take(flow_store_t *store, flow_claim_t *claim,
                         const candidate_t *c, flow_error_t *err)
{
    static const char take_sql[] = TAKE " WHERE id = %s AND status = 'queued'";
    static const char load_sql[] =
        "SELECT " LOAD_COLUMNS " FROM job WHERE id = %s";
    apr_int64_t now = apr_time_now(), is_alone = c->is_alone;
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    const char *spilled = NULL;
    flow_rows_t rows;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(
        store, take_sql,
        FLOW_SQL(claim->owner, &until, &now, &is_alone, &now, c->id), &n, err);
    if (rv != APR_SUCCESS || n != 1) {
        return rv;
    }
    rv = flow_store_select(store, &rows, load_sql, FLOW_SQL(c->id), claim->p,
                           err);
    if (rv != APR_SUCCESS || !flow_rows_next(&rows)) {
        return rv;
    }
    claim->job = apr_pcalloc(claim->p, sizeof(*claim->job));
    read_job(&rows, claim->job, &spilled);
    return spilled
               ? forget_spilled(store, claim->job->id, spilled, claim->p, err)
               : APR_SUCCESS;
}

/* PostgreSQL: all in one statement, and around those that another process is
 * claiming this very moment. (Comparing the bare status would let the planner
 * take job_queued, and read all of it.) */
static apr_status_t take_all(flow_store_t *store, flow_claim_t *list,
                             const choice_t *choice, flow_error_t *err)
{
    static const char sql[] =
        TAKE " WHERE id IN (SELECT q.id FROM job q"
             " WHERE q.id = ANY(string_to_array(%s, ' '))"
             " AND q.status || '' = 'queued'"
             " ORDER BY q.priority DESC, q.created, q.id LIMIT %lld"
             " FOR UPDATE SKIP LOCKED) RETURNING " LOAD_COLUMNS;
    const candidate_t *c = (const candidate_t *)choice->list->elts;
    apr_int64_t now = apr_time_now(), n = choice->n;
    apr_int64_t is_alone = choice->n && c[0].is_alone;
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    const char *ids = "", *spilled = NULL;
    flow_claim_t *claim = list;
    flow_rows_t rows;
    apr_status_t rv;
    int i;

    for (i = 0; i < choice->list->nelts; ++i) {
        ids = apr_pstrcat(list->p, ids, i ? " " : "", c[i].id, NULL);
    }
    rv = flow_store_select(
        store, &rows, sql,
        FLOW_SQL(list->owner, &until, &now, &is_alone, &now, ids, &n), list->p,
        err);
    while (rv == APR_SUCCESS && claim && flow_rows_next(&rows)) {
        /* The rows are the first claim's; the job must outlive that. */
        claim->job = apr_pcalloc(claim->p, sizeof(*claim->job));
        read_job(&rows, claim->job, &spilled);
        if (claim != list) {
            job_copy(claim->job, claim->p);
        }
        if (spilled) {
            rv = forget_spilled(store, claim->job->id, spilled, list->p, err);
        }
        claim = claim->next;
    }
    return rv;
}

static apr_status_t claim_chosen(flow_store_t *store, flow_claim_t *list,
                                 const choice_t *choice, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (!choice->n) {
        return APR_SUCCESS;
    }
    if (flow_store_is_pgsql(store)) {
        rv = take_all(store, list, choice, err);
    }
    else {
        flow_claim_t *claim = list;

        for (i = 0; i < choice->n && rv == APR_SUCCESS; ++i) {
            rv = take(store, claim,
                      &APR_ARRAY_IDX(choice->list, i, candidate_t), err);
            claim = claim->next;
        }
    }
    list->more = choice->more;
    return rv;
}

apr_status_t flow_queue_claims(flow_store_t *store, flow_claim_t *list,
                               flow_alone_e alone, int *pwaiting,
                               flow_error_t *err)
{
    choice_t choice = { NULL };
    flow_claim_t *claim;
    apr_status_t rv;
    int wanted = 0;

    for (claim = list; claim; claim = claim->next) {
        claim->job = NULL;
        claim->more = 0;
        ++wanted;
    }
    rv = look(store, list, wanted + CANDIDATES_MORE, alone, &choice, err);
    if (rv == APR_SUCCESS && choice.full && choice.list->nelts <= wanted) {
        rv = look(store, list, CANDIDATES_MAX, alone, &choice, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    choose(&choice, wanted, alone);
    *pwaiting = choice.waiting;
    return claim_chosen(store, list, &choice, err);
}

apr_status_t flow_queue_claim(flow_store_t *store, flow_claim_t *claim,
                              apr_pool_t *p, flow_error_t *err)
{
    int waiting;

    claim->p = p;
    claim->next = NULL;
    return flow_queue_claims(store, claim, FLOW_ALONE_TOO, &waiting, err);
}
