/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_ticks.h"

#include "jobs/flow_queue.h"

#define ROWS_MAX 10000

#define COLUMNS                                                                \
    "flow_id, name, definition, next_at, last_at, config_at, seen_at,"         \
    " last_job_id, merged"

apr_time_t flow_ticks_now(flow_store_t *store)
{
    return flow_store_is_pgsql(store) ? flow_store_clock(store)
                                      : apr_time_now();
}

/* ---- reading ---- */

static void read_row(const flow_rows_t *rows, flow_tick_row_t *row)
{
    row->flow_id = flow_rows_text(rows, 0);
    row->name = flow_rows_text(rows, 1);
    row->definition = flow_rows_text(rows, 2);
    row->next_at = flow_rows_int(rows, 3);
    row->last_at = flow_rows_int(rows, 4);
    row->config_at = flow_rows_int(rows, 5);
    row->seen_at = flow_rows_int(rows, 6);
    row->last_job_id = flow_rows_text(rows, 7);
    row->merged = flow_rows_int(rows, 8);
}

apr_status_t flow_ticks_list(flow_store_t *store, apr_array_header_t **plist,
                             apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT " COLUMNS " FROM schedule ORDER BY flow_id, name LIMIT %lld";
    apr_int64_t most = ROWS_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    *plist = apr_array_make(p, 16, sizeof(flow_tick_row_t));
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(&most), p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        read_row(&rows, apr_array_push(*plist));
    }
    return rv;
}

apr_status_t flow_ticks_read(flow_store_t *store, const char *flow_id,
                             const char *name, flow_tick_row_t *row,
                             apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT " COLUMNS " FROM schedule WHERE flow_id = %s AND name = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(flow_id, name), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    read_row(&rows, row);
    return APR_SUCCESS;
}

/* ---- what is configured ---- */

apr_status_t flow_ticks_know(flow_store_t *store, const char *flow_id,
                             const flow_schedule_t *schedule,
                             apr_time_t config_at, apr_time_t next_at,
                             apr_time_t now, flow_error_t *err)
{
    static const char same_sql[] =
        "UPDATE schedule SET seen_at = %lld, config_at ="
        " CASE WHEN config_at < %lld THEN %lld ELSE config_at END"
        " WHERE flow_id = %s AND name = %s AND definition = %s";
    static const char changed_sql[] =
        "UPDATE schedule SET definition = %s, next_at = %lld, config_at = %lld,"
        " seen_at = %lld"
        " WHERE flow_id = %s AND name = %s AND config_at < %lld";
    static const char new_sql[] =
        "INSERT INTO schedule (flow_id, name, definition, next_at, config_at,"
        " seen_at) VALUES (%s, %s, %s, %lld, %lld, %lld)"
        " ON CONFLICT DO NOTHING";
    apr_int64_t at = now, config = config_at, next = next_at;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(store, same_sql,
                         FLOW_SQL(&at, &config, &config, flow_id,
                                  schedule->name, schedule->definition),
                         &n, err);
    if (rv == APR_SUCCESS && n == 0) {
        rv = flow_store_exec(store, changed_sql,
                             FLOW_SQL(schedule->definition, &next, &config, &at,
                                      flow_id, schedule->name, &config),
                             &n, err);
    }
    if (rv == APR_SUCCESS && n == 0) {
        rv =
            flow_store_exec(store, new_sql,
                            FLOW_SQL(flow_id, schedule->name,
                                     schedule->definition, &next, &config, &at),
                            NULL, err);
    }
    return rv;
}

apr_status_t flow_ticks_drop(flow_store_t *store, const char *flow_id,
                             apr_time_t config_at, apr_time_t now,
                             flow_error_t *err)
{
    static const char sql[] = "DELETE FROM schedule WHERE flow_id = %s"
                              " AND config_at < %lld AND seen_at < %lld";
    apr_int64_t config = config_at, at = now;

    return flow_store_exec(store, sql, FLOW_SQL(flow_id, &config, &at), NULL,
                           err);
}

apr_status_t flow_ticks_forget(flow_store_t *store, apr_time_t config_at,
                               apr_time_t before, flow_error_t *err)
{
    static const char sql[] =
        "DELETE FROM schedule WHERE config_at <= %lld AND seen_at < %lld";
    apr_int64_t config = config_at, at = before;

    return flow_store_exec(store, sql, FLOW_SQL(&config, &at), NULL, err);
}

/* ---- ticks ---- */

/* Is the run of the tick before still waiting for its turn? */
static apr_status_t is_waiting(flow_store_t *store, const flow_tick_t *tick,
                               int *pyes, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT j.id FROM job j JOIN schedule s ON j.id = s.last_job_id"
        " WHERE s.flow_id = %s AND s.name = %s"
        " AND j.status = 'queued' AND j.started = 0 LIMIT 1";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql,
                           FLOW_SQL(tick->flow_id, tick->schedule->name), p,
                           err);
    *pyes = rv == APR_SUCCESS && flow_rows_next(&rows);
    return rv;
}

static apr_status_t queue_runs(flow_store_t *store, flow_tick_t *tick,
                               apr_time_t now, flow_error_t *err)
{
    static const char sql[] = "UPDATE schedule SET last_job_id = %s"
                              " WHERE flow_id = %s AND name = %s";
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < tick->runs && rv == APR_SUCCESS; ++i) {
        const flow_new_job_t job = { .id = tick->ids[i],
                                     .flow_id = tick->flow_id,
                                     .request = tick->schedule->request,
                                     .priority = FLOW_PRIORITY_EVENT };

        rv = flow_queue_job(store, &job, now, err);
    }
    if (rv == APR_SUCCESS && i) {
        rv = flow_store_exec(
            store, sql,
            FLOW_SQL(tick->ids[i - 1], tick->flow_id, tick->schedule->name),
            NULL, err);
    }
    tick->queued = i;
    return rv;
}

static apr_status_t count_merged(flow_store_t *store, const flow_tick_t *tick,
                                 flow_error_t *err)
{
    static const char sql[] = "UPDATE schedule SET merged = merged + 1"
                              " WHERE flow_id = %s AND name = %s";

    return flow_store_exec(
        store, sql, FLOW_SQL(tick->flow_id, tick->schedule->name), NULL, err);
}

apr_status_t flow_ticks_take(flow_store_t *store, flow_tick_t *tick,
                             apr_time_t now, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE schedule SET next_at = %lld, last_at = %lld"
        " WHERE flow_id = %s AND name = %s AND definition = %s"
        " AND next_at = %lld";
    const flow_schedule_t *s = tick->schedule;
    apr_int64_t to = tick->to, last = tick->last, from = tick->from;
    apr_status_t rv;
    int n = 0, waits = 0;

    tick->queued = tick->lost = 0;
    rv = flow_store_exec(
        store, sql,
        FLOW_SQL(&to, &last, tick->flow_id, s->name, s->definition, &from), &n,
        err);
    tick->lost = rv == APR_SUCCESS && n == 0;
    if (rv != APR_SUCCESS || tick->lost || !tick->runs) {
        return rv;
    }
    if (tick->one_waits) {
        rv = is_waiting(store, tick, &waits, p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return waits ? count_merged(store, tick, err)
                 : queue_runs(store, tick, now, err);
}
