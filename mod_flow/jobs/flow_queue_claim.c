/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_queue.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_clock.h"

/*
 * Claiming: jobs that wait become jobs that run here.
 *
 * size: one way through it, from who is next to what follows, over one list.
 */

/* Flows looked at for a claim; each has one candidate, its oldest job. When
 * none of them can be claimed (they are held, or this process does not know
 * them) the next ones are looked at, however many there are. */
#define CANDIDATES_MAX  1000
#define CANDIDATES_NEXT 10000
#define CANDIDATES_SOME 128
/* Looking costs more than taking, the more flows there are; so what has been
 * seen is used for the next claims too. What is better and comes meanwhile (a
 * higher priority) waits so long. */
#define CANDIDATES_FOR  apr_time_from_msec(20)
#define CANDIDATES_LONG apr_time_from_msec(200)
#define LOOK_SHARE      10 /* times as long as it took */
/* Jobs of one flow in one claim. */
#define FOLLOWERS_MAX 64
#define FOLLOWERS_MIN 7

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
    " ORDER BY j.priority DESC, j.created, j.id LIMIT %lld OFFSET %lld";

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
    " modified = %lld, alone = %lld, leaving = 0, place = %lld,"               \
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
    static const char data_sql[] =
        "DELETE FROM error_data WHERE error_id IN (SELECT id FROM job_error"
        " WHERE job_id = %s AND id >= %s AND id <= %s)";
    static const char errors_sql[] = "DELETE FROM job_error WHERE job_id = %s"
                                     " AND id >= %s AND id <= %s";
    static const char job_sql[] = "UPDATE job SET spilled = NULL WHERE id = %s";
    const char *first, *last = strchr(range, ' ');
    apr_status_t rv;

    if (!last) {
        return APR_SUCCESS;
    }
    first = apr_pstrmemdup(p, range, (apr_size_t)(last - range));
    rv = flow_store_exec(store, data_sql, FLOW_SQL(job_id, first, last + 1),
                         NULL, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_exec(store, errors_sql,
                             FLOW_SQL(job_id, first, last + 1), NULL, err);
    }
    return rv == APR_SUCCESS
               ? flow_store_exec(store, job_sql, FLOW_SQL(job_id), NULL, err)
               : rv;
}

/* ---- who is next ---- */

typedef struct candidate_t {
    const char *id;
    int is_alone;
    int is_used; /* taken, or it could not be */
} candidate_t;

struct flow_candidates_t {
    apr_pool_t *p; /* of the list */
    apr_array_header_t *list;
    int nrows;        /* flows looked at */
    int full;         /* there are more than we have looked at */
    int fresh;        /* nobody has chosen of them yet */
    apr_time_t until; /* by then they are too old */
};

flow_candidates_t *flow_candidates_create(apr_pool_t *p)
{
    flow_candidates_t *c = apr_pcalloc(p, sizeof(*c));

    apr_pool_create(&c->p, p);
    return c;
}

void flow_candidates_forget(flow_candidates_t *c)
{
    c->list = NULL;
}

static int has_one(const flow_candidates_t *c, flow_alone_e alone)
{
    int i;

    for (i = 0; i < c->list->nelts; ++i) {
        const candidate_t *one = &APR_ARRAY_IDX(c->list, i, candidate_t);

        if (!one->is_used && (!one->is_alone || alone != FLOW_ALONE_NOT)) {
            return 1;
        }
    }
    return 0;
}

/* Some flows more, in order; the number of rows is c->nrows. */
static apr_status_t look_at(flow_store_t *store, const flow_claim_t *claim,
                            int most, flow_candidates_t *c, flow_error_t *err)
{
    apr_int64_t limit = most, offset = c->nrows;
    apr_pool_t *p;
    flow_rows_t rows;
    apr_status_t rv;

    apr_pool_create(&p, c->p);
    rv = claim->only ? flow_store_select(store, &rows, only_sql,
                                         FLOW_SQL(claim->only), p, err)
                     : flow_store_select(store, &rows, candidates_sql,
                                         FLOW_SQL(&limit, &offset), p, err);
    for (; rv == APR_SUCCESS && flow_rows_next(&rows); --most) {
        ++c->nrows;
        if (claim->knows(claim->baton, flow_rows_text(&rows, 1),
                         flow_rows_text(&rows, 2))) {
            candidate_t *one = apr_array_push(c->list);

            one->id = apr_pstrdup(c->p, flow_rows_text(&rows, 0));
            one->is_alone = flow_rows_int(&rows, 3) > 0;
            one->is_used = 0;
        }
    }
    c->full = rv == APR_SUCCESS && most <= 0;
    apr_pool_destroy(p);
    return rv;
}

static apr_status_t look(flow_store_t *store, const flow_claim_t *claim,
                         int most, flow_alone_e alone, flow_candidates_t *c,
                         flow_error_t *err)
{
    apr_time_t began = flow_clock(), now;
    apr_status_t rv;

    apr_pool_clear(c->p);
    c->list = apr_array_make(c->p, 64, sizeof(candidate_t));
    c->nrows = 0;
    c->fresh = 1;
    rv = look_at(store, claim, most, c, err);
    while (rv == APR_SUCCESS && c->full && most >= CANDIDATES_MAX &&
           !has_one(c, alone)) {
        most = CANDIDATES_NEXT;
        rv = look_at(store, claim, most, c, err);
    }
    if (rv != APR_SUCCESS) {
        c->list = NULL;
    }
    now = flow_clock();
    c->until = now + (now - began) * LOOK_SHARE;
    c->until = c->until < now + CANDIDATES_FOR    ? now + CANDIDATES_FOR
               : c->until > now + CANDIDATES_LONG ? now + CANDIDATES_LONG
                                                  : c->until;
    return rv;
}

/* Those that could be taken now. */
typedef struct choice_t {
    candidate_t **list;
    int n;       /* in the list */
    int wanted;  /* of them */
    int waiting; /* some that must run alone are not among them */
} choice_t;

/* The first ones, and some more in case that others are quicker; but one that
 * must run alone only by itself. */
static void choose(const flow_candidates_t *c, int wanted, flow_alone_e alone,
                   choice_t *choice, apr_pool_t *p)
{
    candidate_t *all = (candidate_t *)c->list->elts;
    int i, most = 2 * wanted + 1, may_be_alone = alone != FLOW_ALONE_NOT;

    choice->list = apr_palloc(p, (apr_size_t)most * sizeof(candidate_t *));
    choice->n = choice->waiting = 0;
    choice->wanted = wanted;
    for (i = 0; i < c->list->nelts; ++i) {
        if (all[i].is_used) {
            continue;
        }
        if (all[i].is_alone && may_be_alone &&
            (choice->n == 0 || alone == FLOW_ALONE_FIRST)) {
            choice->list[0] = &all[i];
            choice->n = choice->wanted = 1;
            choice->waiting = 0;
            return;
        }
        choice->waiting |= all[i].is_alone;
        if (!all[i].is_alone && choice->n < most) {
            choice->list[choice->n++] = &all[i];
        }
    }
}

/* ---- taking ---- */

#define IF_FREE                                                                \
    " AND NOT EXISTS (SELECT 1 FROM job r WHERE r.status = 'running'"          \
    " AND r.flow_id = job.flow_id)"

/* Read first, then an UPDATE by key alone: with a subquery in it SQLite makes a
 * table for the rows to change. Nobody writes in between. @a place: 0, or it
 * follows others of its flow. */
static apr_status_t take(flow_store_t *store, flow_claim_t *claim,
                         const candidate_t *c, apr_int64_t place,
                         flow_error_t *err)
{
    static const char load_sql[] =
        "SELECT " LOAD_COLUMNS " FROM job WHERE id = %s"
        " AND status = 'queued'" IF_FREE;
    static const char follower_sql[] =
        "SELECT " LOAD_COLUMNS " FROM job WHERE id = %s"
        " AND status = 'queued'";
    static const char take_sql[] = TAKE " WHERE id = %s AND status = 'queued'";
    apr_int64_t now = apr_time_now(), is_alone = c->is_alone;
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    const char *spilled = NULL;
    flow_rows_t rows;
    flow_job_t *job;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_select(store, &rows, place ? follower_sql : load_sql,
                           FLOW_SQL(c->id), claim->p, err);
    if (rv != APR_SUCCESS || !flow_rows_next(&rows)) {
        return rv;
    }
    job = apr_pcalloc(claim->p, sizeof(*job));
    read_job(&rows, job, &spilled);
    job->started = job->started ? job->started : now;
    rv = flow_store_exec(
        store, take_sql,
        FLOW_SQL(claim->owner, &until, &now, &is_alone, &place, &now, c->id),
        &n, err);
    if (rv != APR_SUCCESS || n != 1) {
        return rv;
    }
    claim->job = job;
    return spilled ? forget_spilled(store, job->id, spilled, claim->p, err)
                   : APR_SUCCESS;
}

static apr_status_t take_each(flow_store_t *store, flow_claim_t **pclaim,
                              const choice_t *choice, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i, taken = 0;

    for (i = 0; i < choice->n && taken < choice->wanted && *pclaim &&
                rv == APR_SUCCESS;
         ++i) {
        choice->list[i]->is_used = 1;
        rv = take(store, *pclaim, choice->list[i], 0, err);
        if ((*pclaim)->job) {
            *pclaim = (*pclaim)->next;
            ++taken;
        }
    }
    return rv;
}

/* They have become jobs, or somebody else's. */
static void mark_used(const choice_t *choice, const char *id)
{
    int i;

    for (i = 0; i < choice->n; ++i) {
        if (!id || strcmp(choice->list[i]->id, id) == 0) {
            choice->list[i]->is_used = 1;
        }
    }
}

static const char *id_list(const choice_t *choice, apr_pool_t *p)
{
    apr_array_header_t *ids =
        apr_array_make(p, choice->n, sizeof(const char *));
    int i;

    for (i = 0; i < choice->n; ++i) {
        APR_ARRAY_PUSH(ids, const char *) = choice->list[i]->id;
    }
    return apr_array_pstrcat(p, ids, ' ');
}

/* A row of @a first's result becomes @a claim's job. */
static apr_status_t got(flow_store_t *store, const flow_rows_t *rows,
                        const flow_claim_t *first, flow_claim_t *claim,
                        flow_error_t *err)
{
    const char *spilled = NULL;

    claim->job = apr_pcalloc(claim->p, sizeof(*claim->job));
    read_job(rows, claim->job, &spilled);
    /* The rows are the first claim's; the jobs must outlive that. */
    if (claim != first) {
        job_copy(claim->job, claim->p);
    }
    return spilled
               ? forget_spilled(store, claim->job->id, spilled, first->p, err)
               : APR_SUCCESS;
}

/* PostgreSQL: all in one statement, and around those that another process is
 * claiming this very moment. (Comparing the bare status would let the planner
 * take job_queued, and read all of it.) */
static apr_status_t take_all(flow_store_t *store, flow_claim_t **pclaim,
                             const choice_t *choice, flow_error_t *err)
{
    static const char sql[] =
        TAKE " WHERE id IN (SELECT q.id FROM job q"
             " WHERE q.id = ANY(string_to_array(%s, ' '))"
             " AND q.status || '' = 'queued' AND NOT EXISTS"
             " (SELECT 1 FROM job r WHERE r.status = 'running'"
             " AND r.flow_id = q.flow_id)"
             " ORDER BY q.priority DESC, q.created, q.id LIMIT %lld"
             " FOR UPDATE SKIP LOCKED) RETURNING " LOAD_COLUMNS;
    flow_claim_t *first = *pclaim;
    apr_int64_t now = apr_time_now(), n = choice->wanted, place = 0;
    apr_int64_t is_alone = choice->list[0]->is_alone;
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    flow_rows_t rows;
    apr_status_t rv;
    int taken = 0;

    rv =
        flow_store_select(store, &rows, sql,
                          FLOW_SQL(first->owner, &until, &now, &is_alone,
                                   &place, &now, id_list(choice, first->p), &n),
                          first->p, err);
    while (rv == APR_SUCCESS && *pclaim && flow_rows_next(&rows)) {
        flow_claim_t *claim = *pclaim;

        rv = got(store, &rows, first, claim, err);
        mark_used(choice, claim->job->id);
        *pclaim = claim->next;
        ++taken;
    }
    if (taken < choice->wanted) {
        mark_used(choice, NULL);
    }
    return rv;
}

/* ---- the next jobs of the same flows ---- */

/* Those that may run after the one of @a lead, in their order. (PostgreSQL
 * plans anew each time when it can see how many.) */
static apr_status_t look_after(flow_store_t *store, const flow_claim_t *lead,
                               int most, choice_t *choice, apr_pool_t *p,
                               flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, export_id, attempts FROM job"
        " WHERE status = 'queued' AND flow_id = %s"
        " ORDER BY priority DESC, created, id LIMIT (SELECT %lld)";
    const char *flow_id = lead->job->flow_id;
    apr_int64_t limit = most;
    flow_rows_t rows;
    apr_status_t rv;

    choice->n = 0;
    choice->list = apr_palloc(p, (apr_size_t)most * sizeof(candidate_t *));
    rv =
        flow_store_select(store, &rows, sql, FLOW_SQL(flow_id, &limit), p, err);
    while (rv == APR_SUCCESS && choice->n < most && flow_rows_next(&rows)) {
        candidate_t *one = apr_pcalloc(p, sizeof(*one));

        one->id = flow_rows_text(&rows, 0);
        if (flow_rows_int(&rows, 2) > 0 ||
            !lead->knows(lead->baton, flow_id, flow_rows_text(&rows, 1))) {
            break; /* nobody overtakes it */
        }
        choice->list[choice->n++] = one;
    }
    choice->wanted = choice->n;
    return rv;
}

/* PostgreSQL; the flow is ours, so nobody else claims them. */
static apr_status_t follow_all(flow_store_t *store, flow_claim_t **pclaim,
                               const choice_t *choice, apr_pool_t *p,
                               flow_error_t *err)
{
    static const char sql[] =
        "WITH w AS (SELECT id, n FROM unnest(string_to_array((SELECT %s), ' '))"
        " WITH ORDINALITY AS u(id, n)), t AS (UPDATE job"
        " SET status = 'running', owner = %s, lease_until = %lld,"
        " modified = %lld, alone = 0, leaving = 0, place = w.n,"
        " started = CASE WHEN started = 0 THEN %lld ELSE started END"
        " FROM w WHERE job.id = w.id AND job.status || '' = 'queued'"
        " RETURNING job.*) SELECT " LOAD_COLUMNS
        " FROM t AS job ORDER BY place";
    flow_claim_t *first = *pclaim;
    apr_int64_t now = apr_time_now();
    apr_int64_t until = flow_store_clock(store) + FLOW_LEASE;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(
        store, &rows, sql,
        FLOW_SQL(id_list(choice, p), first->owner, &until, &now, &now),
        first->p, err);
    while (rv == APR_SUCCESS && *pclaim && flow_rows_next(&rows)) {
        rv = got(store, &rows, first, *pclaim, err);
        *pclaim = (*pclaim)->next;
    }
    return rv;
}

static apr_status_t follow_each(flow_store_t *store, flow_claim_t **pclaim,
                                const choice_t *choice, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < choice->n && rv == APR_SUCCESS; ++i) {
        rv = take(store, *pclaim, choice->list[i], i + 1, err);
        if ((*pclaim)->job) {
            *pclaim = (*pclaim)->next;
        }
    }
    return rv;
}

/* The claims in *prest get the next jobs of the flows of @a list. */
static apr_status_t follow(flow_store_t *store, flow_claim_t *list,
                           flow_claim_t **prest, flow_error_t *err)
{
    flow_claim_t *lead, *claim, *last;
    int leads = 0, left = 0, most;
    apr_status_t rv = APR_SUCCESS;
    choice_t choice;

    for (lead = list; lead && lead->job; lead = lead->next) {
        ++leads;
    }
    for (claim = *prest; claim; claim = claim->next) {
        ++left;
    }
    for (lead = list; leads > 0 && left > 0 && rv == APR_SUCCESS;
         lead = lead->next, --leads) {
        flow_claim_t *first = *prest;

        most = (left + leads - 1) / leads;
        most = most < FOLLOWERS_MIN   ? FOLLOWERS_MIN
               : most > FOLLOWERS_MAX ? FOLLOWERS_MAX
                                      : most;
        most = most < left ? most : left;
        rv = look_after(store, lead, most, &choice, first->p, err);
        if (rv == APR_SUCCESS && choice.n) {
            rv = flow_store_is_pgsql(store)
                     ? follow_all(store, prest, &choice, first->p, err)
                     : follow_each(store, prest, &choice, err);
        }
        for (claim = first, last = lead; claim != *prest; claim = claim->next) {
            claim->after = last;
            last = claim;
            --left;
        }
    }
    return rv;
}

apr_status_t flow_queue_heir(flow_store_t *store, const char *id,
                             const char *owner, flow_error_t *err)
{
    static const char sql[] = "UPDATE job SET place = 0 WHERE id = %s"
                              " AND status = 'running' AND owner = %s";

    return flow_store_exec(store, sql, FLOW_SQL(id, owner), NULL, err);
}

/* ---- claims ---- */

/* Have the claims from *pclaim on get what is in the list. */
static apr_status_t serve(flow_store_t *store, flow_candidates_t *c,
                          flow_claim_t **pclaim, flow_alone_e alone,
                          choice_t *choice, flow_error_t *err)
{
    const flow_claim_t *claim;
    int wanted = 0;

    for (claim = *pclaim; claim; claim = claim->next) {
        ++wanted;
    }
    choose(c, wanted, alone, choice, (*pclaim)->p);
    c->fresh = 0;
    if (!choice->n) {
        return APR_SUCCESS;
    }
    return flow_store_is_pgsql(store) ? take_all(store, pclaim, choice, err)
                                      : take_each(store, pclaim, choice, err);
}

static int is_left(const flow_candidates_t *c, flow_alone_e alone)
{
    return has_one(c, alone) || c->full;
}

/* For each claim of the list, the first ones first, a job of a flow of its
 * own. */
static apr_status_t lead(flow_store_t *store, flow_claim_t *list,
                         flow_alone_e alone, flow_candidates_t *c,
                         choice_t *choice, flow_error_t *err)
{
    int is_fresh = !c->list || flow_clock() >= c->until ||
                   !is_left(c, FLOW_ALONE_NOT) || alone == FLOW_ALONE_FIRST;
    flow_claim_t *claim = list;
    apr_status_t rv = APR_SUCCESS;
    int most = CANDIDATES_SOME;

    while (claim && rv == APR_SUCCESS) {
        if (is_fresh) {
            rv = look(store, list, most, alone, c, err);
        }
        if (rv == APR_SUCCESS) {
            rv = serve(store, c, &claim, alone, choice, err);
        }
        if (is_fresh && (!c->full || most == CANDIDATES_MAX)) {
            break;
        }
        if (choice->n && choice->list[0]->is_alone) {
            break;
        }
        most = is_fresh ? CANDIDATES_MAX : CANDIDATES_SOME;
        is_fresh = 1;
    }
    return rv;
}

/* Where followers may begin: behind the claims that want a flow of their own,
 * and one for each FOLLOWERS_MIN of the others. The list is cut in two there. */
static flow_claim_t *cut(flow_claim_t *list)
{
    flow_claim_t *claim, *last = list, *rest;
    int n = 0;

    for (claim = list; claim; claim = claim->next) {
        n += claim->may_follow;
    }
    n = (n + FOLLOWERS_MIN) / (FOLLOWERS_MIN + 1);
    while (last->next && (!last->next->may_follow || n > 0)) {
        last = last->next;
        n -= last->may_follow;
    }
    rest = last->next;
    last->next = NULL;
    return rest;
}

apr_status_t flow_queue_claims(flow_store_t *store, flow_claim_t *list,
                               flow_alone_e alone, flow_candidates_t *c,
                               int *pwaiting, flow_error_t *err)
{
    choice_t choice = { NULL };
    flow_claim_t *claim, *rest, *left, *last;
    apr_status_t rv;
    int is_enough; /* flows */

    for (claim = list; claim; claim = claim->next) {
        claim->job = NULL;
        claim->after = NULL;
        claim->more = 0;
    }
    rest = cut(list);
    rv = lead(store, list, alone, c, &choice, err);
    for (last = list; last->next; last = last->next) {
    }
    is_enough = last->job != NULL;
    last->next = rest;
    for (left = list; left && (left->job || !left->may_follow);
         left = left->next) {
    }
    if (rv == APR_SUCCESS && left && list->job && !list->job->attempts) {
        rv = follow(store, list, &left, err);
        /* Those flows have no more jobs; others may wait. */
        if (rv == APR_SUCCESS && left && is_enough) {
            rv = lead(store, left, FLOW_ALONE_NOT, c, &choice, err);
        }
    }
    *pwaiting = choice.waiting;
    list->more = rv == APR_SUCCESS && is_left(c, alone);
    return rv;
}

apr_status_t flow_queue_claim(flow_store_t *store, flow_claim_t *claim,
                              apr_pool_t *p, flow_error_t *err)
{
    int waiting;

    claim->p = p;
    claim->may_follow = 0;
    claim->next = NULL;
    return flow_queue_claims(store, claim, FLOW_ALONE_TOO,
                             flow_candidates_create(p), &waiting, err);
}
