/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_errors.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_sign.h"
#include "data/flow_json.h"
#include "flow/flow_classify.h"
#include "flow/flow_record.h"

/* Beyond these a text is cut, or data left out. */
#define MESSAGE_MAX    4096
#define NAME_MAX_BYTES 512
#define RETRY_MAX      (5 * 1024 * 1024)
#define EXCHANGE_MAX   (512 * 1024)

#define BACKOFF_FIRST  apr_time_from_sec(30)

/* An error, or (code NULL) a success that resolves earlier ones. */
typedef struct entry_t {
    char id[FLOW_ID_SIZE];
    const char *step_id, *code, *message, *source, *trace_key;
    const char *export_uri, *import_uri;
    const char *class, *retry_data, *exchange, *exchange_key;
    apr_int64_t step_index, occurred, retry_at, has_retry;
} entry_t;

struct flow_errors_t {
    apr_pool_t *p; /* of the entries, cleared with them */
    flow_ids_t *ids;
    apr_array_header_t *entries;
    apr_size_t size;
    int auto_resolve, auto_retry, tries;
};

flow_errors_t *flow_errors_create(flow_ids_t *ids, apr_pool_t *p)
{
    flow_errors_t *errors = apr_pcalloc(p, sizeof(*errors));

    errors->ids = ids;
    apr_pool_create(&errors->p, p);
    errors->entries = apr_array_make(errors->p, 8, sizeof(entry_t));
    return errors;
}

void flow_errors_rules(flow_errors_t *errors, int auto_resolve, int auto_retry)
{
    errors->auto_resolve = auto_resolve;
    errors->auto_retry = auto_retry;
}

void flow_errors_tries(flow_errors_t *errors, int tries)
{
    errors->tries = tries;
}

apr_interval_time_t flow_errors_backoff(int n)
{
    apr_interval_time_t most;
    apr_uint32_t random = 0x80000000u;

    if (n < 0 || n >= FLOW_AUTO_RETRIES) {
        return 0;
    }
    /* Full jitter: records that failed together do not come back together. */
    most = BACKOFF_FIRST << n;
    flow_random(&random, sizeof(random));
    return 1 + (apr_interval_time_t)((double)most * random / 4294967296.0);
}

/* ---- gathering ---- */

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

static const char *copy_json(flow_errors_t *errors, const json_t *v,
                             apr_size_t max)
{
    apr_size_t len = 0;
    const char *text = v ? flow_json_text(v, &len, errors->p) : NULL;

    if (!text || len > max) {
        return NULL;
    }
    errors->size += len;
    return text;
}

/* Celigo's form: time, something unique, status, method. */
static const char *exchange_key(flow_errors_t *errors, const entry_t *e,
                                const json_t *exchange)
{
    const char *method =
        flow_json_member(json_object_get(exchange, "request"), "method");
    const json_t *status =
        json_object_get(json_object_get(exchange, "response"), "statusCode");
    apr_int64_t n = 0;

    flow_json_int64(status, &n);
    return apr_psprintf(errors->p,
                        "%" APR_INT64_T_FMT "-%s-%" APR_INT64_T_FMT "-%s",
                        (apr_int64_t)apr_time_as_msec(e->occurred), e->id + 8,
                        n, method ? copy(errors, method, 16) : "");
}

void flow_errors_add(flow_errors_t *errors, const flow_record_error_t *e)
{
    entry_t *entry = apr_array_push(errors->entries);

    memset(entry, 0, sizeof(*entry));
    entry->occurred = apr_time_now();
    flow_ids_make(errors->ids, entry->occurred, entry->id);
    entry->step_index = e->step_index;
    entry->step_id = copy(errors, e->step_id, NAME_MAX_BYTES);
    entry->code = copy(errors, e->code, NAME_MAX_BYTES);
    entry->message = copy(errors, e->message, MESSAGE_MAX);
    entry->source = copy(errors, e->source, NAME_MAX_BYTES);
    entry->trace_key =
        e->trace_key ? copy(errors, e->trace_key, NAME_MAX_BYTES) : NULL;
    entry->export_uri =
        e->export_uri ? copy(errors, e->export_uri, FLOW_LINK_MAX) : NULL;
    entry->import_uri =
        e->import_uri ? copy(errors, e->import_uri, FLOW_LINK_MAX) : NULL;
    entry->class = flow_error_class(entry->code, entry->message, entry->source);
    entry->retry_data = copy_json(errors, e->retry_data, RETRY_MAX);
    entry->has_retry = entry->retry_data != NULL;
    entry->exchange = copy_json(errors, e->exchange, EXCHANGE_MAX);
    if (entry->exchange) {
        entry->exchange_key = exchange_key(errors, entry, e->exchange);
    }
    if (errors->auto_retry && entry->has_retry && entry->class &&
        strcmp(entry->class, FLOW_CLASS_INTERMITTENT) == 0) {
        apr_interval_time_t wait = flow_errors_backoff(errors->tries);

        entry->retry_at = wait ? entry->occurred + wait : 0;
    }
    errors->size += sizeof(*entry);
}

void flow_errors_good(flow_errors_t *errors, const char *step_id,
                      const char *trace_key)
{
    entry_t *entry;

    if (!errors->auto_resolve || !trace_key) {
        return;
    }
    entry = apr_array_push(errors->entries);
    memset(entry, 0, sizeof(*entry));
    entry->occurred = apr_time_now();
    entry->step_id = copy(errors, step_id, NAME_MAX_BYTES);
    entry->trace_key = copy(errors, trace_key, NAME_MAX_BYTES);
    errors->size += sizeof(*entry);
}

apr_size_t flow_errors_size(const flow_errors_t *errors)
{
    return errors->size;
}

void flow_errors_range(const flow_errors_t *errors, const char **pfirst,
                       const char **plast)
{
    int i;

    *pfirst = *plast = NULL;
    for (i = 0; i < errors->entries->nelts; ++i) {
        const entry_t *e = &APR_ARRAY_IDX(errors->entries, i, entry_t);

        if (e->code) { /* successes have no row and no id */
            *pfirst = *pfirst ? *pfirst : e->id;
            *plast = e->id;
        }
    }
}

int flow_errors_count(const flow_errors_t *errors)
{
    return errors->entries->nelts;
}

void flow_errors_clear(flow_errors_t *errors)
{
    apr_pool_clear(errors->p);
    errors->entries = apr_array_make(errors->p, 8, sizeof(entry_t));
    errors->size = 0;
}

void flow_errors_cut(flow_errors_t *errors, int n)
{
    if (n < errors->entries->nelts) {
        errors->entries->nelts = n;
    }
}

/* ---- storing ---- */

/* What is there is there: see flow_queue.c, new rows. */

static apr_status_t insert_data(flow_store_t *store, const char *id,
                                const char *kind, const char *text,
                                flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO error_data (error_id, kind, text) VALUES (%s, %s, %s)"
        " ON CONFLICT (error_id, kind) DO NOTHING";

    return text ? flow_store_exec(store, sql, FLOW_SQL(id, kind, text), NULL,
                                  err)
                : APR_SUCCESS;
}

static apr_status_t replace_data(flow_store_t *store, const char *id,
                                 const char *kind, const char *text,
                                 flow_error_t *err)
{
    static const char sql[] =
        "DELETE FROM error_data WHERE error_id = %s AND kind = %s";
    apr_status_t rv;

    rv = flow_store_exec(store, sql, FLOW_SQL(id, kind), NULL, err);
    return rv == APR_SUCCESS ? insert_data(store, id, kind, text, err) : rv;
}

static apr_status_t insert_error(flow_store_t *store, const entry_t *e,
                                 const char *job_id, const char *flow_id,
                                 flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO job_error (id, job_id, flow_id, step_id, step_index,"
        " occurred_at, code, message, source, trace_key, classification,"
        " classified_by, exchange_key, has_retry, retry_at, export_uri,"
        " import_uri)"
        " VALUES (%s, %s, %s, %s, %lld, %lld, %s, %s, %s, %s, %s, %s, %s,"
        " %lld, %lld, %s, %s) ON CONFLICT (id) DO NOTHING";
    apr_status_t rv;

    rv = flow_store_exec(
        store, sql,
        FLOW_SQL(e->id, job_id, flow_id, e->step_id, &e->step_index,
                 &e->occurred, e->code, e->message, e->source, e->trace_key,
                 e->class, e->class ? "rules" : NULL, e->exchange_key,
                 &e->has_retry, &e->retry_at, e->export_uri, e->import_uri),
        NULL, err);
    if (rv == APR_SUCCESS) {
        rv = insert_data(store, e->id, "retry", e->retry_data, err);
    }
    if (rv == APR_SUCCESS) {
        rv = insert_data(store, e->id, "exchange", e->exchange, err);
    }
    return rv;
}

/* What is open under this trace key at this step. A record may have several
 * errors at once: those of its own job are not resolved by one another. */
static apr_status_t resolve_older(flow_store_t *store, const entry_t *e,
                                  const char *job_id, const char *flow_id,
                                  flow_error_t *err)
{
    static const char by_error[] =
        "UPDATE job_error SET resolved_at = %lld, resolved_by = 'auto',"
        " retry_at = 0 WHERE flow_id = %s AND step_id = %s AND trace_key = %s"
        " AND resolved_at = 0 AND job_id <> %s";
    static const char by_success[] =
        "UPDATE job_error SET resolved_at = %lld, resolved_by = 'auto',"
        " retry_at = 0 WHERE flow_id = %s AND step_id = %s AND trace_key = %s"
        " AND resolved_at = 0";

    if (e->code) {
        return flow_store_exec(
            store, by_error,
            FLOW_SQL(&e->occurred, flow_id, e->step_id, e->trace_key, job_id),
            NULL, err);
    }
    return flow_store_exec(
        store, by_success,
        FLOW_SQL(&e->occurred, flow_id, e->step_id, e->trace_key), NULL, err);
}

apr_status_t flow_errors_insert(const flow_errors_t *errors,
                                flow_store_t *store, const char *job_id,
                                const char *flow_id, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < errors->entries->nelts && rv == APR_SUCCESS; ++i) {
        const entry_t *e = &APR_ARRAY_IDX(errors->entries, i, entry_t);

        if (errors->auto_resolve && e->trace_key) {
            rv = resolve_older(store, e, job_id, flow_id, err);
        }
        if (rv == APR_SUCCESS && e->code) {
            rv = insert_error(store, e, job_id, flow_id, err);
        }
    }
    return rv;
}

apr_status_t flow_errors_again(const flow_errors_t *errors, int index,
                               flow_store_t *store, const char *id,
                               const char *retry_job, int *pn,
                               flow_error_t *err)
{
    static const char sql[] =
        "UPDATE job_error SET occurred_at = %lld, code = %s, message = %s,"
        " source = %s, classification = %s, exchange_key = %s,"
        " occurrences = occurrences + 1, retry_job = NULL, retry_at = %lld"
        " WHERE id = %s AND resolved_at = 0 AND retry_job = %s";
    const entry_t *e = &APR_ARRAY_IDX(errors->entries, index, entry_t);
    apr_status_t rv;

    rv = flow_store_exec(store, sql,
                         FLOW_SQL(&e->occurred, e->code, e->message, e->source,
                                  e->class, e->exchange_key, &e->retry_at, id,
                                  retry_job),
                         pn, err);
    if (rv == APR_SUCCESS && *pn) {
        rv = replace_data(store, id, "exchange", e->exchange, err);
    }
    return rv;
}

/* ---- texts ---- */

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
