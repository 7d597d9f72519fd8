/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A section of mod_status' page, and its lines for ?auto.
 *
 * Numbers of requests and runs come from memory that all children share; the
 * length of the queue is asked of the store, once a page.
 */
#include "httpd/mod_flow_private.h"

#include <mod_status.h>

#include "flow/flow_breaker.h"
#include "flow/flow_connector.h"

typedef struct row_t {
    const char *kind, *name;
    int slot;
} row_t;

static void add_row(apr_array_header_t *rows, const char *kind,
                    const char *name, int slot)
{
    row_t *row = apr_array_push(rows);

    row->kind = kind;
    row->name = name;
    row->slot = slot;
}

/* Sorted by kind and name, so that a page can be compared with the last. */
static int by_name(const void *a, const void *b)
{
    const row_t *x = a, *y = b;
    int c = strcmp(x->kind, y->kind);

    return c ? c : strcmp(x->name, y->name);
}

/* A listener may stand behind several Locations; it counts once. */
static int has_row(const apr_array_header_t *rows, int slot)
{
    int i;

    for (i = 0; i < rows->nelts; ++i) {
        if (APR_ARRAY_IDX(rows, i, row_t).slot == slot) {
            return 1;
        }
    }
    return 0;
}

static apr_array_header_t *rows_of(const mod_flow_global_t *g, apr_pool_t *p)
{
    apr_array_header_t *rows = apr_array_make(p, 32, sizeof(row_t));
    apr_hash_index_t *hi;
    int i;

    for (i = 0; i < g->locations->nelts; ++i) {
        const mod_flow_location_t *loc =
            APR_ARRAY_IDX(g->locations, i, mod_flow_location_t *);

        if (loc->kind == MOD_FLOW_API) {
            add_row(rows, "api", loc->path ? loc->path : loc->target,
                    loc->api.slot);
        }
        else if (!has_row(rows, loc->listener->slot)) {
            add_row(rows, "webhook", loc->target, loc->listener->slot);
        }
    }
    for (hi = apr_hash_first(p, g->model->flows); hi; hi = apr_hash_next(hi)) {
        const flow_flow_t *flow = apr_hash_this_val(hi);

        add_row(rows, "flow", flow->id, flow->slot);
    }
    qsort(rows->elts, (size_t)rows->nelts, sizeof(row_t), by_name);
    return rows;
}

/* Connections that are offline, as this child knows it. */
static void print_outages(request_rec *r, const mod_flow_global_t *g,
                          int is_auto)
{
    apr_array_header_t *ids = apr_array_make(r->pool, 4, sizeof(row_t));
    flow_outage_t outage;
    apr_hash_index_t *hi;
    int i;

    for (hi = apr_hash_first(r->pool, g->model->connections); hi;
         hi = apr_hash_next(hi)) {
        if (flow_breaker_outage(g->env.breaker, apr_hash_this_key(hi),
                                &outage)) {
            add_row(ids, "", apr_hash_this_key(hi), -1);
        }
    }
    qsort(ids->elts, (size_t)ids->nelts, sizeof(row_t), by_name);
    if (is_auto) {
        ap_rprintf(r, "FlowConnectionsOffline: %d\n", ids->nelts);
    }
    for (i = 0; i < ids->nelts; ++i) {
        const char *id = APR_ARRAY_IDX(ids, i, row_t).name;

        if (!flow_breaker_outage(g->env.breaker, id, &outage)) {
            continue;
        }
        if (is_auto) {
            ap_rprintf(r,
                       "Flow.connection.%s: offline_seconds=%" APR_INT64_T_FMT
                       " code=%s tests=%d\n",
                       id,
                       (apr_int64_t)apr_time_sec(apr_time_now() - outage.since),
                       outage.code, outage.tests);
        }
        else {
            ap_rprintf(r,
                       "<p>Connection %s is offline for %" APR_INT64_T_FMT
                       " s: %s: %s</p>\n",
                       ap_escape_html(r->pool, id),
                       (apr_int64_t)apr_time_sec(apr_time_now() - outage.since),
                       ap_escape_html(r->pool, outage.code),
                       ap_escape_html(r->pool, outage.message));
        }
    }
}

static double mean_ms(const flow_stat_t *stat)
{
    return stat->calls ? (double)stat->usec / (double)stat->calls / 1000.0 : 0;
}

static void print_auto(request_rec *r, const flow_stats_t *stats,
                       const flow_queue_depth_t *depth, int have_depth,
                       const apr_array_header_t *rows)
{
    int i;

    ap_rprintf(r, "FlowWorkers: %u\nFlowWorkersBusy: %u\n", stats->workers,
               stats->workers_busy);
    if (have_depth) {
        ap_rprintf(r,
                   "FlowJobsQueued: %" APR_INT64_T_FMT
                   "\nFlowJobsRunning: %" APR_INT64_T_FMT
                   "\nFlowOldestQueuedSeconds: %" APR_INT64_T_FMT "\n",
                   depth->queued, depth->running,
                   depth->oldest_queued
                       ? (apr_int64_t)apr_time_sec(apr_time_now() -
                                                   depth->oldest_queued)
                       : 0);
    }
    ap_rprintf(r,
               "FlowJobsDone: %" APR_UINT64_T_FMT
               "\nFlowJobsFailed: %" APR_UINT64_T_FMT
               "\nFlowEvents: %" APR_UINT64_T_FMT
               "\nFlowCommits: %" APR_UINT64_T_FMT "\n",
               stats->jobs_done, stats->jobs_failed, stats->events,
               stats->commits);
    for (i = 0; i < rows->nelts; ++i) {
        const row_t *row = &APR_ARRAY_IDX(rows, i, row_t);
        flow_stat_t stat;

        flow_stats_read(stats, row->slot, &stat);
        ap_rprintf(
            r,
            "Flow.%s.%s: calls=%" APR_UINT64_T_FMT " errors=%" APR_UINT64_T_FMT
            " records=%" APR_UINT64_T_FMT " record_errors=%" APR_UINT64_T_FMT
            " mean_ms=%.3f max_ms=%.3f\n",
            row->kind, row->name, stat.calls, stat.errors, stat.records,
            stat.record_errors, mean_ms(&stat), (double)stat.usec_max / 1000.0);
    }
}

static void print_html(request_rec *r, const flow_stats_t *stats,
                       const flow_queue_depth_t *depth, int have_depth,
                       const apr_array_header_t *rows)
{
    int i;

    ap_rputs("<hr>\n<h2>mod_flow</h2>\n<dl>", r);
    ap_rprintf(r, "<dt>%u workers, %u busy</dt>\n", stats->workers,
               stats->workers_busy);
    if (have_depth) {
        ap_rprintf(r,
                   "<dt>Queue: %" APR_INT64_T_FMT " waiting, %" APR_INT64_T_FMT
                   " running</dt>\n",
                   depth->queued, depth->running);
    }
    else {
        ap_rputs("<dt>Queue: the store cannot be reached</dt>\n", r);
    }
    ap_rprintf(r,
               "<dt>Jobs: %" APR_UINT64_T_FMT " done, %" APR_UINT64_T_FMT
               " failed; events: %" APR_UINT64_T_FMT " in %" APR_UINT64_T_FMT
               " commits</dt></dl>\n",
               stats->jobs_done, stats->jobs_failed, stats->events,
               stats->commits);
    ap_rputs("<table border=\"0\"><tr><th>Kind</th><th>Name</th>"
             "<th>Calls</th><th>Errors</th><th>Records</th>"
             "<th>Record errors</th><th>Mean ms</th><th>Max ms</th></tr>\n",
             r);
    for (i = 0; i < rows->nelts; ++i) {
        const row_t *row = &APR_ARRAY_IDX(rows, i, row_t);
        flow_stat_t stat;

        flow_stats_read(stats, row->slot, &stat);
        ap_rprintf(r,
                   "<tr><td>%s</td><td>%s</td><td>%" APR_UINT64_T_FMT
                   "</td><td>%" APR_UINT64_T_FMT "</td><td>%" APR_UINT64_T_FMT
                   "</td><td>%" APR_UINT64_T_FMT
                   "</td><td>%.3f</td><td>%.3f</td></tr>\n",
                   row->kind, ap_escape_html(r->pool, row->name), stat.calls,
                   stat.errors, stat.records, stat.record_errors,
                   mean_ms(&stat), (double)stat.usec_max / 1000.0);
    }
    ap_rputs("</table>\n", r);
}

int mod_flow_status_hook(request_rec *r, int flags)
{
    const mod_flow_global_t *g = mod_flow_global;
    flow_queue_depth_t depth;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_array_header_t *rows;
    int have_depth;

    if (!g || !g->used || !g->stats || !g->model) {
        return DECLINED;
    }
    have_depth = g->jobs &&
                 flow_jobs_depth(g->jobs, &depth, r->pool, &err) == APR_SUCCESS;
    rows = rows_of(g, r->pool);
    if (flags & AP_STATUS_SHORT) {
        print_auto(r, g->stats, &depth, have_depth, rows);
        print_outages(r, g, 1);
    }
    else {
        print_html(r, g->stats, &depth, have_depth, rows);
        print_outages(r, g, 0);
    }
    return OK;
}
