/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_errors.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "data/flow_json.h"

/* Beyond these a text is cut, or retry data left out. */
#define MESSAGE_MAX    4096
#define NAME_MAX_BYTES 512
#define RETRY_MAX      (5 * 1024 * 1024)

typedef struct entry_t {
    char id[FLOW_ID_SIZE];
    const char *step_id, *code, *message, *source, *trace_key;
    const char *retry_data;
    apr_int64_t step_index, occurred;
} entry_t;

struct flow_errors_t {
    apr_pool_t *p; /* of the entries, cleared with them */
    flow_ids_t *ids;
    apr_array_header_t *entries;
    apr_size_t size;
};

flow_errors_t *flow_errors_create(flow_ids_t *ids, apr_pool_t *p)
{
    flow_errors_t *errors = apr_pcalloc(p, sizeof(*errors));

    errors->ids = ids;
    apr_pool_create(&errors->p, p);
    errors->entries = apr_array_make(errors->p, 8, sizeof(entry_t));
    return errors;
}

/* A copy that is valid UTF-8 and not longer than @a max; "" for NULL. */
static const char *copy(flow_errors_t *errors, const char *text, apr_size_t max)
{
    apr_size_t len = text ? strlen(text) : 0;
    const char *clean;

    if (len > max) {
        /* Not in the middle of a character. */
        for (len = max; len && ((unsigned char)text[len] & 0xC0) == 0x80;
             --len) {
        }
    }
    text = len ? apr_pstrmemdup(errors->p, text, len) : "";
    clean = flow_utf8_repair(text, len, &len, errors->p);
    errors->size += len;
    return clean == text ? text : apr_pstrmemdup(errors->p, clean, len);
}

void flow_errors_add(flow_errors_t *errors, const flow_record_error_t *e)
{
    entry_t *entry = apr_array_push(errors->entries);
    apr_size_t len = 0;

    entry->occurred = apr_time_now();
    flow_ids_make(errors->ids, entry->occurred, entry->id);
    entry->step_index = e->step_index;
    entry->step_id = copy(errors, e->step_id, NAME_MAX_BYTES);
    entry->code = copy(errors, e->code, NAME_MAX_BYTES);
    entry->message = copy(errors, e->message, MESSAGE_MAX);
    entry->source = copy(errors, e->source, NAME_MAX_BYTES);
    entry->trace_key =
        e->trace_key ? copy(errors, e->trace_key, NAME_MAX_BYTES) : NULL;
    entry->retry_data =
        e->retry_data ? flow_json_text(e->retry_data, &len, errors->p) : NULL;
    if (len > RETRY_MAX) {
        entry->retry_data = NULL;
    }
    errors->size += len + sizeof(*entry);
}

apr_size_t flow_errors_size(const flow_errors_t *errors)
{
    return errors->size;
}

void flow_errors_range(const flow_errors_t *errors, const char **pfirst,
                       const char **plast)
{
    int n = errors->entries->nelts;

    if (n) {
        *pfirst = APR_ARRAY_IDX(errors->entries, 0, entry_t).id;
        *plast = APR_ARRAY_IDX(errors->entries, n - 1, entry_t).id;
    }
}

void flow_errors_clear(flow_errors_t *errors)
{
    apr_pool_clear(errors->p);
    errors->entries = apr_array_make(errors->p, 8, sizeof(entry_t));
    errors->size = 0;
}

apr_status_t flow_errors_insert(const flow_errors_t *errors,
                                flow_store_t *store, const char *job_id,
                                const char *flow_id, flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job_error (id, job_id, flow_id, step_id, step_index,"
        " occurred_at, code, message, source, trace_key, retry_data)"
        " VALUES (%s, %s, %s, %s, %lld, %lld, %s, %s, %s, %s, %s)";
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < errors->entries->nelts && rv == APR_SUCCESS; ++i) {
        const entry_t *e = &APR_ARRAY_IDX(errors->entries, i, entry_t);

        rv = flow_store_exec(store, sql,
                             FLOW_SQL(e->id, job_id, flow_id, e->step_id,
                                      &e->step_index, &e->occurred, e->code,
                                      e->message, e->source, e->trace_key,
                                      e->retry_data),
                             NULL, err);
    }
    return rv;
}

char *flow_iso_time(apr_time_t t, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                        e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour,
                        e.tm_min, e.tm_sec, e.tm_usec / 1000);
}

void flow_json_put(json_t *object, const char *key, const char *text,
                   apr_pool_t *p)
{
    apr_size_t len;

    if (text) {
        text = flow_utf8_repair(text, strlen(text), &len, p);
        json_object_set_new(object, key, flow_json_string_new(text, len));
    }
}

static json_t *error_json(const flow_rows_t *rows, apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "errorId", flow_rows_text(rows, 0), p);
    flow_json_put(v, "occurredAt", flow_iso_time(flow_rows_int(rows, 1), p), p);
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
    return v;
}

apr_status_t flow_errors_list(flow_store_t *store, const char *job_id,
                              int limit, json_t **plist, apr_pool_t *p,
                              flow_error_t *err)
{
    static const char sql[] =
        "SELECT id, occurred_at, code, message, source, trace_key, step_index,"
        " step_id, CASE WHEN retry_data IS NULL THEN 0 ELSE 1 END,"
        " classification, job_id FROM job_error WHERE job_id = %s"
        " ORDER BY occurred_at, id LIMIT %lld";
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
