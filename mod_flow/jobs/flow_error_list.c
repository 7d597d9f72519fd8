/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_error_list.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"

#define TAGS_MAX 512 /* bytes of all tags of an error */
#define TAG_MAX  64
#define LAST_ID  "zz" /* behind every id, in any collation */

#define COLUMNS                                                                \
    "SELECT id, occurred_at, code, message, source, trace_key, step_index,"    \
    " step_id, has_retry, classification, job_id, flow_id, classified_by,"     \
    " export_uri, import_uri, tags, assigned_to, exchange_key, occurrences,"   \
    " retry_job, tries, retry_at, resolved_at, resolved_by"                    \
    " FROM job_error WHERE "

/*
 * What every list can be filtered by; an empty text or 0 lets all pass. The
 * condition that stands before it chooses the index. Statements are literals
 * because they are prepared once and found by their address.
 */
#define FILTERS                                                                \
    " AND id < %s"                                                             \
    " AND (%s = '' OR flow_id = %s)"                                           \
    " AND (%s = '' OR step_id = %s) AND (%s = '' OR classification = %s)"      \
    " AND (%s = '' OR source = %s) AND (%s = '' OR code = %s)"                 \
    " AND (%s = '' OR trace_key = %s) AND (%s = '' OR tags LIKE %s)"           \
    " AND (%s = '' OR assigned_to = %s)"                                       \
    " AND (%lld = 0 OR occurred_at >= %lld)"                                   \
    " AND (%lld = 0 OR occurred_at < %lld) AND (%lld = 0 OR has_retry = 1)"    \
    " ORDER BY id DESC LIMIT %lld"

static const char open_sql[] = COLUMNS "%s = '' AND resolved_at = 0" FILTERS;
static const char open_flow_sql[] =
    COLUMNS "flow_id = %s AND resolved_at = 0" FILTERS;
static const char open_step_sql[] =
    COLUMNS "flow_id = %s AND step_id = %s AND resolved_at = 0" FILTERS;
static const char open_class_sql[] =
    COLUMNS "classification = %s AND resolved_at = 0" FILTERS;
static const char open_code_sql[] =
    COLUMNS "code = %s AND resolved_at = 0" FILTERS;
static const char open_trace_sql[] =
    COLUMNS "flow_id = %s AND step_id = %s AND trace_key = %s"
            " AND resolved_at = 0" FILTERS;
static const char open_job_sql[] =
    COLUMNS "job_id = %s AND resolved_at = 0" FILTERS;
static const char resolved_sql[] =
    COLUMNS "%s = '' AND resolved_at > 0" FILTERS;
static const char resolved_flow_sql[] =
    COLUMNS "flow_id = %s AND resolved_at > 0" FILTERS;
static const char resolved_code_sql[] =
    COLUMNS "code = %s AND resolved_at > 0" FILTERS;
static const char resolved_job_sql[] =
    COLUMNS "job_id = %s AND resolved_at > 0" FILTERS;

static const char *text(const char *s)
{
    return s ? s : "";
}

/* ---- rows ---- */

static void put_time(json_t *v, const char *key, apr_time_t t, apr_pool_t *p)
{
    if (t) {
        flow_json_put(v, key, flow_iso_time(t, p), p);
    }
}

static json_t *tags_json(const char *tags, apr_pool_t *p)
{
    json_t *list = json_array();
    char *copy = apr_pstrdup(p, tags), *state = NULL, *tag;

    for (tag = apr_strtok(copy, ",", &state); tag;
         tag = apr_strtok(NULL, ",", &state)) {
        json_array_append_new(list, flow_json_string_new(tag, strlen(tag)));
    }
    return list;
}

static json_t *error_json(const flow_rows_t *rows, apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "errorId", flow_rows_text(rows, 0), p);
    put_time(v, "occurredAt", flow_rows_int(rows, 1), p);
    flow_json_put(v, "code", flow_rows_text(rows, 2), p);
    flow_json_put(v, "message", flow_rows_text(rows, 3), p);
    flow_json_put(v, "source", flow_rows_text(rows, 4), p);
    flow_json_put(v, "traceKey", flow_rows_text(rows, 5), p);
    flow_json_put(v, "oIndex", flow_rows_text(rows, 6), p);
    flow_json_put(v, "stepId", flow_rows_text(rows, 7), p);
    if (flow_rows_int(rows, 8)) {
        flow_json_put(v, "retryDataKey", flow_rows_text(rows, 0), p);
    }
    flow_json_put(v, "classification", flow_rows_text(rows, 9), p);
    flow_json_put(v, "_flowJobId", flow_rows_text(rows, 10), p);
    flow_json_put(v, "_flowId", flow_rows_text(rows, 11), p);
    flow_json_put(v, "classifiedBy", flow_rows_text(rows, 12), p);
    flow_json_put(v, "exportDataURI", flow_rows_text(rows, 13), p);
    flow_json_put(v, "importDataURI", flow_rows_text(rows, 14), p);
    if (flow_rows_text(rows, 15) && *flow_rows_text(rows, 15)) {
        json_object_set_new(v, "tags", tags_json(flow_rows_text(rows, 15), p));
    }
    flow_json_put(v, "assignedTo", flow_rows_text(rows, 16), p);
    flow_json_put(v, "reqAndResKey", flow_rows_text(rows, 17), p);
    json_object_set_new(v, "occurrences",
                        json_integer(flow_rows_int(rows, 18)));
    flow_json_put(v, "_retryJobId", flow_rows_text(rows, 19), p);
    if (flow_rows_int(rows, 20)) {
        json_object_set_new(v, "autoRetries",
                            json_integer(flow_rows_int(rows, 20)));
    }
    put_time(v, "retryAt", flow_rows_int(rows, 21), p);
    put_time(v, "resolvedAt", flow_rows_int(rows, 22), p);
    flow_json_put(v, "resolvedBy", flow_rows_text(rows, 23), p);
    return v;
}

/* ---- selecting ---- */

typedef struct query_t {
    const char *sql, *keys[3];
    int nkeys;
} query_t;

static void choose_open(query_t *q, const flow_error_filter_t *f)
{
    q->nkeys = 1;
    if (f->job_id) {
        q->sql = open_job_sql;
        q->keys[0] = f->job_id;
    }
    else if (f->flow_id && f->step_id && f->trace_key) {
        q->sql = open_trace_sql;
        q->keys[0] = f->flow_id;
        q->keys[1] = f->step_id;
        q->keys[2] = f->trace_key;
        q->nkeys = 3;
    }
    else if (f->code) { /* rarer than a flow, a step or a class */
        q->sql = open_code_sql;
        q->keys[0] = f->code;
    }
    else if (f->flow_id && f->step_id) {
        q->sql = open_step_sql;
        q->keys[0] = f->flow_id;
        q->keys[1] = f->step_id;
        q->nkeys = 2;
    }
    else if (f->flow_id) {
        q->sql = open_flow_sql;
        q->keys[0] = f->flow_id;
    }
    else if (f->classification) {
        q->sql = open_class_sql;
        q->keys[0] = f->classification;
    }
    else {
        q->sql = open_sql;
        q->keys[0] = "";
    }
}

static void choose_resolved(query_t *q, const flow_error_filter_t *f)
{
    q->nkeys = 1;
    q->keys[0] = f->job_id ? f->job_id : f->code ? f->code : text(f->flow_id);
    q->sql = f->job_id    ? resolved_job_sql
             : f->code    ? resolved_code_sql
             : f->flow_id ? resolved_flow_sql
                          : resolved_sql;
}

static apr_status_t run_query(flow_store_t *store, const query_t *q,
                              const flow_error_filter_t *f, apr_int64_t limit,
                              flow_rows_t *rows, apr_pool_t *p,
                              flow_error_t *err)
{
    const void *args[3 + 24 + 1];
    const char *tag = f->tag ? apr_pstrcat(p, "%,", f->tag, ",%", NULL) : "";
    const char *before = f->before ? f->before : LAST_ID;
    apr_int64_t since = f->since, until = f->until, retriable = f->retriable;
    const char *texts[] = { f->flow_id, f->step_id,    f->classification,
                            f->source,  f->code,       f->trace_key,
                            tag,        f->assigned_to };
    int i, n = 0;

    for (i = 0; i < q->nkeys; ++i) {
        args[n++] = q->keys[i];
    }
    args[n++] = before;
    for (i = 0; i < 8; ++i) {
        args[n++] = text(texts[i]);
        args[n++] = text(texts[i]);
    }
    args[n++] = &since;
    args[n++] = &since;
    args[n++] = &until;
    args[n++] = &until;
    args[n++] = &retriable;
    args[n++] = &limit;
    args[n] = NULL;
    return flow_store_select(store, rows, q->sql, args, p, err);
}

/* Of two lists that are newest first, one. Borrows both. */
static json_t *merge(const json_t *a, const json_t *b, size_t limit)
{
    size_t i = 0, k = 0, n = json_array_size(a), m = json_array_size(b);
    json_t *out = json_array();

    while ((i < n || k < m) && json_array_size(out) < limit) {
        json_t *left = json_array_get(a, i), *right = json_array_get(b, k);

        if (!right ||
            (left && strcmp(flow_json_member(left, "errorId"),
                            flow_json_member(right, "errorId")) > 0)) {
            json_array_append(out, left);
            ++i;
        }
        else {
            json_array_append(out, right);
            ++k;
        }
    }
    return out;
}

static apr_status_t select_state(flow_store_t *store,
                                 const flow_error_filter_t *filter,
                                 flow_error_state_e state, int limit,
                                 json_t **plist, apr_pool_t *p,
                                 flow_error_t *err)
{
    flow_rows_t rows;
    apr_status_t rv;
    query_t q;

    if (state == FLOW_ERRORS_OPEN) {
        choose_open(&q, filter);
    }
    else {
        choose_resolved(&q, filter);
    }
    rv = run_query(store, &q, filter, limit, &rows, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    while (flow_rows_next(&rows)) {
        json_array_append_new(*plist, error_json(&rows, p));
    }
    return APR_SUCCESS;
}

apr_status_t flow_error_select(flow_store_t *store,
                               const flow_error_filter_t *filter, int limit,
                               json_t **plist, apr_pool_t *p, flow_error_t *err)
{
    json_t *open = NULL, *resolved = NULL;
    apr_status_t rv;

    if (filter->state != FLOW_ERRORS_ALL) {
        return select_state(store, filter, filter->state, limit, plist, p, err);
    }
    rv = select_state(store, filter, FLOW_ERRORS_OPEN, limit, &open, p, err);
    if (rv == APR_SUCCESS) {
        rv = select_state(store, filter, FLOW_ERRORS_RESOLVED, limit, &resolved,
                          p, err);
    }
    if (rv == APR_SUCCESS) {
        *plist = merge(open, resolved, (size_t)limit);
    }
    json_decref(open);
    json_decref(resolved);
    return rv;
}

apr_status_t flow_error_refs(flow_store_t *store,
                             const flow_error_filter_t *filter, int limit,
                             apr_array_header_t **plist, apr_pool_t *p,
                             flow_error_t *err)
{
    json_t *list = NULL;
    apr_status_t rv;
    size_t i;

    rv = flow_error_select(store, filter, limit, &list, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = apr_array_make(p, 16, sizeof(flow_error_ref_t));
    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *error = json_array_get(list, i);
        flow_error_ref_t *ref = apr_array_push(*plist);

        ref->id = apr_pstrdup(p, flow_json_member(error, "errorId"));
        ref->flow_id = apr_pstrdup(p, flow_json_member(error, "_flowId"));
    }
    json_decref(list);
    return APR_SUCCESS;
}

apr_status_t flow_errors_list(flow_store_t *store, const char *job_id,
                              int limit, json_t **plist, apr_pool_t *p,
                              flow_error_t *err)
{
    static const char sql[] = COLUMNS "job_id = %s ORDER BY id LIMIT %lld";
    apr_int64_t n = limit;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(job_id, &n), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    while (flow_rows_next(&rows)) {
        json_array_append_new(*plist, error_json(&rows, p));
    }
    return APR_SUCCESS;
}

/* ---- one ---- */

static json_t *parsed(const char *s)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    json_t *v = NULL;

    return flow_json_parse(&v, s, strlen(s), &ignored) == APR_SUCCESS ? v
                                                                      : NULL;
}

static void put_data(json_t *error, const char *kind, json_t *v)
{
    json_t *retry = json_object_get(error, "retryData");
    const char *at = flow_json_member(error, "oIndex"), *stage;

    if (!v) {
        return;
    }
    if (strcmp(kind, "exchange") == 0) {
        json_object_set_new(error, "exchange", v);
        return;
    }
    if (!retry) {
        retry = json_object();
        stage = at && strcmp(at, "0") == 0 ? "export" : "page_processor";
        json_object_set_new(retry, "stage",
                            flow_json_string_new(stage, strlen(stage)));
        json_object_set(retry, "traceKey", json_object_get(error, "traceKey"));
        json_object_set_new(error, "retryData", retry);
    }
    json_object_set_new(retry, strcmp(kind, "edited") == 0 ? "edited" : "data",
                        v);
}

apr_status_t flow_error_get(flow_store_t *store, const char *id,
                            json_t **perror, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] = COLUMNS "id = %s";
    static const char data_sql[] =
        "SELECT kind, text FROM error_data WHERE error_id = %s"
        " ORDER BY kind LIMIT 8";
    flow_rows_t rows;
    apr_status_t rv;

    *perror = NULL;
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return APR_NOTFOUND;
    }
    *perror = error_json(&rows, p);
    rv = flow_store_select(store, &rows, data_sql, FLOW_SQL(id), p, err);
    while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        put_data(*perror, flow_rows_text(&rows, 0),
                 parsed(flow_rows_text(&rows, 1)));
    }
    if (rv != APR_SUCCESS) {
        json_decref(*perror);
        *perror = NULL;
    }
    return rv;
}

/* ---- changing ---- */

apr_status_t flow_error_resolve(flow_store_t *store, const char *id,
                                const char *by, int *pn, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job_error SET resolved_at = %lld, resolved_by = %s,"
        " retry_at = 0 WHERE id = %s AND resolved_at = 0";
    apr_int64_t now = apr_time_now();

    return flow_store_exec(store, sql, FLOW_SQL(&now, by, id), pn, err);
}

apr_status_t flow_error_assign(flow_store_t *store, const char *id,
                               const char *who, int *pn, flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job_error SET assigned_to = %s WHERE id = %s";

    return flow_store_exec(store, sql, FLOW_SQL(who, id), pn, err);
}

int flow_error_tag_ok(const char *tag)
{
    size_t len = strlen(tag), i;

    for (i = 0; i < len; ++i) {
        if (!apr_isalnum(tag[i]) && !strchr("-_.", tag[i])) {
            return 0;
        }
    }
    return len > 0 && len <= TAG_MAX;
}

static apr_status_t read_tags(flow_store_t *store, const char *id,
                              const char **ptags, apr_pool_t *p,
                              flow_error_t *err)
{
    static const char sql[] = "SELECT tags FROM job_error WHERE id = %s";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    *ptags = rv == APR_SUCCESS && flow_rows_next(&rows)
                 ? text(flow_rows_text(&rows, 0))
                 : "";
    return rv;
}

apr_status_t flow_error_tag(flow_store_t *store, const char *id,
                            const char *tag, int add, int *pn, apr_pool_t *p,
                            flow_error_t *err)
{
    static const char sql[] = "UPDATE job_error SET tags = %s WHERE id = %s";
    const char *tags, *wanted = apr_pstrcat(p, ",", tag, ",", NULL), *at;
    apr_status_t rv;

    rv = read_tags(store, id, &tags, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    at = strstr(tags, wanted);
    if (add && !at) {
        tags = *tags ? apr_pstrcat(p, tags, tag, ",", NULL) : wanted;
    }
    else if (!add && at) {
        tags = apr_pstrcat(p, apr_pstrmemdup(p, tags, (apr_size_t)(at - tags)),
                           at + strlen(wanted) - 1, NULL);
        tags = strcmp(tags, ",") == 0 ? NULL : tags;
    }
    if (tags && strlen(tags) > TAGS_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "too_many_tags",
                              "error '%s' has too many tags; %d characters is "
                              "the limit for all",
                              id, TAGS_MAX);
    }
    return flow_store_exec(store, sql, FLOW_SQL(tags, id), pn, err);
}

apr_status_t flow_error_edit(flow_store_t *store, const char *id,
                             const char *record, int *pn, flow_error_t *err)
{
    static const char check[] =
        "UPDATE job_error SET has_retry = 1"
        " WHERE id = %s AND resolved_at = 0 AND has_retry = 1";
    static const char forget[] =
        "DELETE FROM error_data WHERE error_id = %s AND kind = 'edited'";
    static const char sql[] = "INSERT INTO error_data (error_id, kind, text)"
                              " VALUES (%s, 'edited', %s)";
    apr_status_t rv;

    rv = flow_store_exec(store, check, FLOW_SQL(id), pn, err);
    if (rv != APR_SUCCESS || !*pn) {
        return rv;
    }
    rv = flow_store_exec(store, forget, FLOW_SQL(id), NULL, err);
    return rv == APR_SUCCESS
               ? flow_store_exec(store, sql, FLOW_SQL(id, record), NULL, err)
               : rv;
}

/* ---- numbers, and the end ---- */

apr_status_t flow_error_counts(flow_store_t *store, const char *flow_id,
                               int limit, json_t **pcounts, apr_pool_t *p,
                               flow_error_t *err)
{
    static const char all_sql[] =
        "SELECT flow_id, step_id, count(*) FROM job_error"
        " WHERE resolved_at = 0 GROUP BY flow_id, step_id LIMIT %lld";
    static const char flow_sql[] =
        "SELECT flow_id, step_id, count(*) FROM job_error"
        " WHERE resolved_at = 0 AND flow_id = %s"
        " GROUP BY flow_id, step_id LIMIT %lld";
    apr_int64_t most = limit;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_id ? flow_store_select(store, &rows, flow_sql,
                                     FLOW_SQL(flow_id, &most), p, err)
                 : flow_store_select(store, &rows, all_sql, FLOW_SQL(&most), p,
                                     err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pcounts = json_object();
    while (flow_rows_next(&rows)) {
        const char *flow = flow_rows_text(&rows, 0);
        json_t *steps = json_object_get(*pcounts, flow);

        if (!steps) {
            steps = json_object();
            json_object_set_new(*pcounts, flow, steps);
        }
        json_object_set_new(steps, flow_rows_text(&rows, 1),
                            json_integer(flow_rows_int(&rows, 2)));
    }
    return APR_SUCCESS;
}

apr_status_t flow_error_any_open(flow_store_t *store, const char *flow_id,
                                 int *pany, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT 1 FROM job_error WHERE resolved_at = 0"
        " AND trace_key IS NOT NULL AND flow_id = %s LIMIT 1";
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql, FLOW_SQL(flow_id), p, err);
    *pany = rv == APR_SUCCESS && flow_rows_next(&rows);
    return rv;
}

apr_status_t flow_error_purge(flow_store_t *store, const char *job_id, int most,
                              int *pn, flow_error_t *err)
{
    static const char data_sql[] =
        "DELETE FROM error_data WHERE error_id IN"
        " (SELECT id FROM job_error WHERE job_id = %s ORDER BY id LIMIT %lld)";
    static const char sql[] =
        "DELETE FROM job_error WHERE id IN"
        " (SELECT id FROM job_error WHERE job_id = %s ORDER BY id LIMIT %lld)";
    apr_int64_t limit = most;
    apr_status_t rv;

    rv = flow_store_exec(store, data_sql, FLOW_SQL(job_id, &limit), NULL, err);
    return rv == APR_SUCCESS
               ? flow_store_exec(store, sql, FLOW_SQL(job_id, &limit), pn, err)
               : rv;
}
