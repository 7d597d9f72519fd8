/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_event.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_requeue.h"

#define FLOWS_MAX 200  /* jobs that one event starts */
#define TIME_PART 13   /* characters of an id that are its time */
#define LAST_ID   "zz" /* behind every id, in any collation */

/* ---- looking ---- */

/* The sender's id, and how often it came again, while they are known. */
#define EVENT_KEY                                                              \
    ", (SELECT min(k.name) FROM event_key k WHERE k.event_id = event.id),"     \
    " (SELECT sum(k.repeats) FROM event_key k WHERE k.event_id = event.id)"

static void put_key(json_t *event, const flow_rows_t *rows, int column,
                    apr_pool_t *p)
{
    const char *key = flow_rows_text(rows, column);

    if (key && *key) {
        flow_json_put(event, "eventId", key, p);
        json_object_set_new(event, "duplicates",
                            json_integer(flow_rows_int(rows, column + 1)));
    }
}

/* Ids begin with their time (flow_ids.h), so times are ranges of the key. A
 * microsecond more does no harm: received_at decides. */
static const char *id_at(apr_time_t t, apr_pool_t *p)
{
    return apr_psprintf(p, "%08x%05x", (unsigned)apr_time_sec(t),
                        (unsigned)apr_time_usec(t));
}

static const char *later(const char *a, const char *b)
{
    return strcmp(a, b) > 0 ? a : b;
}

static const char *earlier(const char *a, const char *b)
{
    return strcmp(a, b) < 0 ? a : b;
}

apr_status_t flow_event_select(flow_store_t *store,
                               const flow_event_filter_t *filter, int limit,
                               json_t **plist, apr_pool_t *p, flow_error_t *err)
{
    static const char newest_sql[] =
        "SELECT id, export_id, received_at" EVENT_KEY " FROM event"
        " WHERE id > %s AND id < %s AND (%s = '' OR export_id = %s)"
        " ORDER BY id DESC LIMIT %lld";
    static const char oldest_sql[] =
        "SELECT id, export_id, received_at" EVENT_KEY " FROM event"
        " WHERE id > %s AND id < %s AND (%s = '' OR export_id = %s)"
        " ORDER BY id LIMIT %lld";
    const char *from = filter->after ? filter->after : "";
    const char *to = filter->before ? filter->before : LAST_ID;
    const char *export_id = filter->export_id ? filter->export_id : "";
    apr_int64_t most = limit;
    flow_rows_t rows;
    apr_status_t rv;

    if (filter->since > 0) {
        from = later(from, id_at(filter->since, p));
    }
    if (filter->until > 0) {
        to = earlier(to, id_at(filter->until, p));
    }
    rv = flow_store_select(
        store, &rows, filter->oldest_first ? oldest_sql : newest_sql,
        FLOW_SQL(from, to, export_id, export_id, &most), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    while (flow_rows_next(&rows)) {
        json_t *v = json_object();

        flow_json_put(v, "_id", flow_rows_text(&rows, 0), p);
        flow_json_put(v, "_exportId", flow_rows_text(&rows, 1), p);
        flow_json_put(v, "receivedAt",
                      flow_iso_time(flow_rows_int(&rows, 2), p), p);
        put_key(v, &rows, 3, p);
        json_array_append_new(*plist, v);
    }
    return APR_SUCCESS;
}

/* The jobs that were stored with the event have ids of the same microsecond. */
static apr_status_t select_jobs(flow_store_t *store, const char *id,
                                flow_rows_t *rows, apr_pool_t *p,
                                flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, flow_id, status, export_id FROM job"
        " WHERE id > %s AND id < %s AND event_id = %s ORDER BY id LIMIT %lld";
    const char *from = apr_pstrndup(p, id, TIME_PART);
    const char *to = apr_pstrcat(p, from, LAST_ID, NULL);
    apr_int64_t most = FLOWS_MAX;

    return flow_store_select(store, rows, sql, FLOW_SQL(from, to, id, &most), p,
                             err);
}

static apr_status_t select_event(flow_store_t *store, const char *id,
                                 flow_rows_t *rows, apr_pool_t *p,
                                 flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, export_id, received_at, request" EVENT_KEY " FROM event"
        " WHERE id = %s";
    apr_status_t rv;

    rv = flow_store_select(store, rows, sql, FLOW_SQL(id), p, err);
    return rv == APR_SUCCESS && !flow_rows_next(rows) ? APR_NOTFOUND : rv;
}

apr_status_t flow_event_get(flow_store_t *store, const char *id,
                            json_t **pevent, apr_pool_t *p, flow_error_t *err)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    json_t *v, *request = NULL, *list;
    flow_rows_t rows;
    const char *text;
    apr_status_t rv;

    rv = select_event(store, id, &rows, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    v = json_object();
    flow_json_put(v, "_id", flow_rows_text(&rows, 0), p);
    flow_json_put(v, "_exportId", flow_rows_text(&rows, 1), p);
    flow_json_put(v, "receivedAt", flow_iso_time(flow_rows_int(&rows, 2), p),
                  p);
    put_key(v, &rows, 4, p);
    text = flow_rows_text(&rows, 3);
    if (flow_json_parse(&request, text, strlen(text), &ignored) ==
        APR_SUCCESS) {
        json_object_set_new(v, "request", request);
    }
    rv = select_jobs(store, id, &rows, p, err);
    if (rv != APR_SUCCESS) {
        json_decref(v);
        return rv;
    }
    list = json_array();
    while (flow_rows_next(&rows)) {
        json_t *job = json_object();

        flow_json_put(job, "_id", flow_rows_text(&rows, 0), p);
        flow_json_put(job, "_flowId", flow_rows_text(&rows, 1), p);
        flow_json_put(job, "status", flow_rows_text(&rows, 2), p);
        json_array_append_new(list, job);
    }
    json_object_set_new(v, "jobs", list);
    *pevent = v;
    return APR_SUCCESS;
}

/* ---- replay ---- */

static apr_status_t queue(flow_store_t *store, const char *event_id,
                          const char *export_id, const char *flow_id,
                          flow_ids_t *ids, flow_error_t *err)
{
    flow_origin_t origin = { "flow", "replay", NULL };
    apr_time_t now = apr_time_now();
    char id[FLOW_ID_SIZE];
    flow_new_job_t job = { .id = id,
                           .flow_id = flow_id,
                           .export_id = export_id,
                           .event_id = event_id,
                           .priority = FLOW_PRIORITY_EVENT };

    flow_ids_make(ids, now, id);
    return flow_requeue_job(store, &job, &origin, now, err);
}

apr_status_t flow_event_replay(flow_store_t *store, const char *id,
                               const char *flow_id, flow_ids_t *ids, int *pn,
                               apr_pool_t *p, flow_error_t *err)
{
    const char *export_id;
    flow_rows_t rows;
    apr_status_t rv;

    *pn = 0;
    rv = select_event(store, id, &rows, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    export_id = flow_rows_text(&rows, 1);
    rv = flow_requeue_keep(store, id, apr_time_now(), err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (flow_id) {
        *pn = 1;
        return queue(store, id, export_id, flow_id, ids, err);
    }
    rv = select_jobs(store, id, &rows, p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        rv = queue(store, id, export_id, flow_rows_text(&rows, 1), ids, err);
        ++*pn;
    }
    return rv;
}
