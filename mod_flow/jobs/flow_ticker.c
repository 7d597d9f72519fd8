/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_ticker.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "jobs/flow_ticks.h"

/* Up to here a tick is on time, whatever the policy: a busy machine, a server
 * that starts anew. */
#define ON_TIME apr_time_from_sec(60)
/* Rows are looked at without reason, and rows are said to be known. */
#define LOOK_EVERY apr_time_from_sec(60)
#define KNOW_EVERY apr_time_from_sec(3600)
/* Nodes with other configurations may share a store: a row that nobody has
 * known for so long belongs to nobody. In a file, everybody has ours. */
#define FORGET_AFTER apr_time_from_sec(24 * 3600)
/* A last tick that lies further ahead was one of a wrong clock. */
#define SKEW_MAX  apr_time_from_sec(300)
#define LOOK_BACK apr_time_from_sec(31 * 86400)
#define FAR_AWAY  apr_time_from_sec(APR_INT64_C(366) * 86400)

typedef struct entry_t {
    const flow_flow_t *flow;
    const flow_schedule_t *schedule;
    apr_time_t next_at; /* as the row said last; 0 = look */
} entry_t;

struct flow_ticker_t {
    flow_jobs_t *jobs;
    entry_t *entries;
    int n;
    const flow_flow_t **flows;
    int nflows;
    int is_shared;
    apr_time_t config_at;
    apr_time_t know_at, look_at; /* by flow_clock(); 0 = now */
};

/* ---- when ---- */

apr_time_t flow_ticker_next(const flow_schedule_t *schedule, apr_time_t now)
{
    apr_int64_t at =
        flow_cron_next(&schedule->cron, schedule->zone, apr_time_sec(now));

    return at < 0 ? now + FAR_AWAY : apr_time_from_sec(at);
}

void flow_ticker_plan(const flow_schedule_t *schedule, apr_time_t from,
                      apr_time_t now, apr_time_t *pnext, apr_time_t *plast,
                      int *pruns)
{
    apr_time_t at = from, next;
    int n = 1;

    if (now - at > LOOK_BACK) { /* what is older is not even counted */
        next = flow_ticker_next(schedule, now - LOOK_BACK);
        at = next <= now ? next : at;
    }
    for (next = flow_ticker_next(schedule, at); next <= now;
         next = flow_ticker_next(schedule, at)) {
        at = next;
        ++n;
    }
    *pnext = next;
    *plast = at;
    switch (schedule->catch_up) {
    case FLOW_CATCH_UP_NONE:
        *pruns = now - at <= ON_TIME;
        break;
    case FLOW_CATCH_UP_ALL:
        *pruns = n < FLOW_TICKS_MAX ? n : FLOW_TICKS_MAX;
        break;
    default:
        *pruns = 1;
    }
}

/* ---- what there is ---- */

static void add_flow(flow_ticker_t *t, const flow_flow_t *flow)
{
    int i;

    for (i = 0; i < flow->nschedules && !flow->disabled; ++i) {
        t->entries[t->n].flow = flow;
        t->entries[t->n++].schedule = &flow->schedules[i];
    }
}

apr_time_t flow_ticker_config_time(const flow_jobs_settings_t *settings,
                                   apr_time_t read_at, apr_pool_t *p)
{
    static const char sql[] = "SELECT max(config_at) FROM schedule";
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;
    flow_rows_t rows;

    if (flow_store_open(&store, settings->driver, settings->params, &err) ==
            APR_SUCCESS &&
        flow_store_select(store, &rows, sql, FLOW_SQL_NONE, p, &err) ==
            APR_SUCCESS &&
        flow_rows_next(&rows) && flow_rows_int(&rows, 0) >= read_at) {
        read_at = flow_rows_int(&rows, 0) + 1;
    }
    flow_store_close(store);
    return read_at;
}

flow_ticker_t *flow_ticker_make(flow_jobs_t *jobs, apr_pool_t *p)
{
    const flow_model_t *model = jobs->env ? jobs->env->model : NULL;
    flow_ticker_t *t = apr_pcalloc(p, sizeof(*t));
    apr_hash_index_t *at;
    apr_size_t n = 0;
    void *flow;

    t->jobs = jobs;
    t->is_shared = flow_store_is_shared(jobs->settings.driver);
    if (!model || !model->flows) {
        return t;
    }
    t->config_at = model->compiled;
    for (at = apr_hash_first(p, model->flows); at; at = apr_hash_next(at)) {
        apr_hash_this(at, NULL, NULL, &flow);
        n += (apr_size_t)((const flow_flow_t *)flow)->nschedules;
    }
    t->entries = apr_pcalloc(p, (n + 1) * sizeof(*t->entries));
    t->flows =
        apr_pcalloc(p, (apr_hash_count(model->flows) + 1) * sizeof(*t->flows));
    for (at = apr_hash_first(p, model->flows); at; at = apr_hash_next(at)) {
        apr_hash_this(at, NULL, NULL, &flow);
        add_flow(t, flow);
        t->flows[t->nflows++] = flow;
    }
    return t;
}

/* ---- knowing ---- */

typedef struct know_work_t {
    flow_work_t work;
    const flow_ticker_t *ticker;
} know_work_t;

/* At the start: schedules that flows of ours no longer have, or that are
 * disabled now. When they come back they begin anew. */
static apr_status_t drop_others(const flow_ticker_t *t, flow_store_t *store,
                                apr_time_t now, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < t->nflows && rv == APR_SUCCESS; ++i) {
        rv = flow_ticks_drop(store, t->flows[i]->id, t->config_at, now, err);
    }
    return rv;
}

static apr_status_t run_know(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    const flow_ticker_t *t = ((know_work_t *)work)->ticker;
    apr_time_t now = flow_ticks_now(store);
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < t->n && rv == APR_SUCCESS; ++i) {
        const entry_t *e = &t->entries[i];

        rv = flow_ticks_know(store, e->flow->id, e->schedule, t->config_at,
                             flow_ticker_next(e->schedule, now), now, err);
    }
    if (t->is_shared && !t->look_at) {
        rv = rv == APR_SUCCESS ? drop_others(t, store, now, err) : rv;
    }
    if (rv == APR_SUCCESS) {
        /* a child of the configuration before may be late */
        rv = flow_ticks_forget(store, t->is_shared ? now : t->config_at,
                               t->is_shared ? now - FORGET_AFTER : now, err);
    }
    return rv;
}

static apr_status_t know(flow_ticker_t *t, apr_time_t now)
{
    know_work_t w = { .work.run = run_know, .ticker = t };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv =
        flow_committer_do(t->jobs->committer, &w.work, -1, NULL, &err);

    if (rv == APR_SUCCESS) {
        t->know_at = now + KNOW_EVERY;
        t->look_at = 0;
    }
    return rv;
}

/* ---- looking ---- */

typedef struct tick_work_t {
    flow_work_t work;
    flow_tick_t tick;
    apr_pool_t *p;
} tick_work_t;

static apr_status_t run_tick(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    tick_work_t *w = (tick_work_t *)work;

    return flow_ticks_take(store, &w->tick, apr_time_now(), w->p, err);
}

/* A clock that went ahead and came back has taken ticks that are still to
 * come; the row is set right. */
static void repair(flow_ticker_t *t, entry_t *e, const flow_tick_row_t *row,
                   apr_time_t now, apr_pool_t *p)
{
    tick_work_t w = { .work.run = run_tick, .p = p };
    flow_error_t err = FLOW_ERROR_INIT;

    w.tick = (flow_tick_t){ .flow_id = e->flow->id,
                            .schedule = e->schedule,
                            .from = row->next_at,
                            .to = flow_ticker_next(e->schedule, now),
                            .last = now };
    if (w.tick.to < row->next_at &&
        flow_committer_do(t->jobs->committer, &w.work, -1, NULL, &err) ==
            APR_SUCCESS &&
        !w.tick.lost) {
        flow_log(FLOW_LOG_WARNING,
                 FLOW_LOGNO(0380) "the clock has gone back: the schedule of "
                                  "flow '%s' ticked in what is future now, and "
                                  "goes on from the present",
                 e->flow->id);
        e->next_at = w.tick.to;
    }
}

static entry_t *entry_of(flow_ticker_t *t, const flow_tick_row_t *row)
{
    int i;

    for (i = 0; i < t->n; ++i) {
        if (strcmp(t->entries[i].flow->id, row->flow_id) == 0 &&
            strcmp(t->entries[i].schedule->name, row->name) == 0) {
            return &t->entries[i];
        }
    }
    return NULL;
}

/* Is the row one that we may take a tick of? A newer configuration may have
 * defined it anew; then this process is about to end, or another node's. */
static int is_ours(const entry_t *e, const flow_tick_row_t *row)
{
    return strcmp(row->definition, e->schedule->definition) == 0;
}

static void look(flow_ticker_t *t, flow_store_t *store, apr_time_t now,
                 apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_array_header_t *rows;
    int i;

    if (flow_ticks_list(store, &rows, p, &err) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < t->n; ++i) {
        t->entries[i].next_at = now + LOOK_EVERY; /* no row: nothing to do */
    }
    for (i = 0; i < rows->nelts; ++i) {
        const flow_tick_row_t *row = &APR_ARRAY_IDX(rows, i, flow_tick_row_t);
        entry_t *e = entry_of(t, row);

        if (e && is_ours(e, row)) {
            e->next_at = row->next_at;
            if (row->last_at > now + SKEW_MAX) {
                repair(t, e, row, now, p);
            }
        }
    }
    t->look_at = flow_clock() + LOOK_EVERY;
}

/* ---- ticking ---- */

static void tell(const entry_t *e, const flow_tick_t *tick, int planned)
{
    if (tick->queued > 1 || planned > 1) {
        flow_log(
            FLOW_LOG_NOTICE,
            FLOW_LOGNO(0381) "schedule '%s' of flow '%s' has missed ticks; "
                             "%d runs are queued for them",
            e->schedule->text, e->flow->id, tick->queued);
    }
    else if (!tick->runs) {
        flow_log(
            FLOW_LOG_NOTICE,
            FLOW_LOGNO(0382) "schedule '%s' of flow '%s' has missed a tick, "
                             "which is left out (scheduleCatchUp none)",
            e->schedule->text, e->flow->id);
    }
    else if (!tick->queued) {
        flow_log(
            FLOW_LOG_INFO,
            "schedule '%s' of flow '%s' ticked while its last run is still "
            "waiting; no other one is queued",
            e->schedule->text, e->flow->id);
    }
}

static void wake(flow_jobs_t *jobs, const flow_tick_t *tick)
{
    if (tick->queued) {
        __atomic_fetch_add(&jobs->waiting, tick->queued, __ATOMIC_RELAXED);
        flow_workers_wake(jobs);
    }
}

static void fire(flow_ticker_t *t, entry_t *e, const flow_tick_row_t *row,
                 apr_time_t now, apr_pool_t *p)
{
    tick_work_t w = { .work.run = run_tick, .p = p };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_tick_t *tick = &w.tick;
    int i;

    tick->flow_id = e->flow->id;
    tick->schedule = e->schedule;
    tick->from = row->next_at;
    flow_ticker_plan(e->schedule, row->next_at, now, &tick->to, &tick->last,
                     &tick->runs);
    tick->one_waits = tick->runs == 1;
    tick->ids = apr_palloc(p, sizeof(*tick->ids) *
                                  (apr_size_t)(tick->runs ? tick->runs : 1));
    for (i = 0; i < tick->runs; ++i) {
        flow_ids_make(&t->jobs->ids, apr_time_now(), tick->ids[i]);
    }
    if (flow_committer_do(t->jobs->committer, &w.work, -1, NULL, &err) !=
        APR_SUCCESS) {
        return; /* the committer has told the log; it is tried again */
    }
    if (tick->lost) {
        e->next_at = 0;
        return;
    }
    e->next_at = tick->to;
    tell(e, tick, tick->runs);
    wake(t->jobs, tick);
}

static void see(flow_ticker_t *t, entry_t *e, flow_store_t *store,
                apr_time_t now, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_tick_row_t row;
    apr_status_t rv =
        flow_ticks_read(store, e->flow->id, e->schedule->name, &row, p, &err);

    if (rv == APR_NOTFOUND || (rv == APR_SUCCESS && !is_ours(e, &row))) {
        e->next_at = now + LOOK_EVERY;
    }
    else if (rv == APR_SUCCESS) {
        e->next_at = row.next_at;
        if (row.next_at <= now) {
            fire(t, e, &row, now, p);
        }
    }
}

apr_interval_time_t flow_ticker_run(flow_ticker_t *t, flow_store_t *store,
                                    apr_interval_time_t most, apr_pool_t *p)
{
    apr_time_t now = flow_ticks_now(store);
    int i;

    if (flow_clock() >= t->know_at && know(t, flow_clock()) != APR_SUCCESS) {
        return most;
    }
    if (t->n && flow_clock() >= t->look_at) {
        look(t, store, now, p);
    }
    for (i = 0; i < t->n; ++i) {
        entry_t *e = &t->entries[i];

        if (e->next_at <= now) {
            see(t, e, store, now, p);
        }
        if (e->next_at > now && e->next_at - now < most) {
            most = e->next_at - now;
        }
    }
    return most;
}
