/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_state_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_jobs_private.h"

#define WAITING_LINES 2000 /* in memory; more are lost */
#define GROUP         500  /* lines in one transaction */
#define TRIM_AFTER    1000 /* lines stored by this process */
#define NAME_MAX_LEN  100

typedef struct line_t line_t;
struct line_t {
    line_t *next;
    apr_time_t at;
    char id[FLOW_ID_SIZE];
    const char *level, *script_id, *flow_id, *api_id, *job_id, *text;
};

struct flow_script_log_t {
    pthread_mutex_t lock; /* guards all of it */
    line_t *first, *last;
    int n;
    apr_uint64_t lost, stored;
};

flow_script_log_t *flow_script_log_create(apr_pool_t *p)
{
    flow_script_log_t *log = apr_pcalloc(p, sizeof(*log));

    pthread_mutex_init(&log->lock, NULL);
    return log;
}

/* ---- taking lines ---- */

/* Copy @a text to *pat, which moves on. */
static const char *put(char **pat, const char *text, apr_size_t len)
{
    char *at = *pat;

    if (!text) {
        return NULL;
    }
    memcpy(at, text, len);
    at[len] = '\0';
    *pat = at + len + 1;
    return at;
}

static apr_size_t length(const char *name)
{
    return name ? strnlen(name, NAME_MAX_LEN) : 0;
}

static line_t *new_line(const flow_script_line_t *from)
{
    const char *const names[] = { from->level, from->script_id, from->flow_id,
                                  from->api_id, from->job_id };
    apr_size_t size = sizeof(line_t) + from->len + 1, i;
    line_t *line;
    char *at;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        size += length(names[i]) + 1;
    }
    line = calloc(1, size);
    if (line) {
        at = (char *)(line + 1);
        line->level = put(&at, names[0], length(names[0]));
        line->script_id = put(&at, names[1], length(names[1]));
        line->flow_id = put(&at, names[2], length(names[2]));
        line->api_id = put(&at, names[3], length(names[3]));
        line->job_id = put(&at, names[4], length(names[4]));
        line->text = put(&at, from->text ? from->text : "", from->len);
        line->at = apr_time_now();
    }
    return line;
}

int flow_script_log_add(flow_script_log_t *log, const flow_script_line_t *from)
{
    line_t *line = new_line(from);
    int n;

    pthread_mutex_lock(&log->lock);
    if (!line || log->n >= WAITING_LINES) {
        ++log->lost;
    }
    else {
        if (log->last) {
            log->last->next = line;
        }
        else {
            log->first = line;
        }
        log->last = line;
        ++log->n;
        line = NULL;
    }
    n = log->n;
    pthread_mutex_unlock(&log->lock);
    free(line);
    return n;
}

/* ---- storing them ---- */

typedef struct log_work_t {
    flow_work_t work;
    const line_t *first;
} log_work_t;

static apr_status_t run_insert(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO script_log (id, at, level, script_id, flow_id, api_id,"
        " job_id, text) VALUES (%s, %lld, %s, %s, %s, %s, %s, %s)";
    const line_t *line;
    apr_status_t rv = APR_SUCCESS;

    for (line = ((log_work_t *)work)->first; line && rv == APR_SUCCESS;
         line = line->next) {
        apr_int64_t at = line->at;

        rv = flow_store_exec(store, sql,
                             FLOW_SQL(line->id, &at, line->level,
                                      line->script_id, line->flow_id,
                                      line->api_id, line->job_id, line->text),
                             NULL, err);
    }
    return rv;
}

static void free_lines(line_t *line)
{
    while (line) {
        line_t *next = line->next;

        free(line);
        line = next;
    }
}

/* The oldest lines, at most a group; *plost: how many were lost until now. */
static line_t *take(flow_jobs_t *jobs, int *pn, apr_uint64_t *plost)
{
    flow_script_log_t *log = jobs->log;
    line_t *first, *line;
    int n;

    pthread_mutex_lock(&log->lock);
    first = line = log->first;
    for (n = line != NULL; line && line->next && n < GROUP; ++n) {
        line = line->next;
    }
    if (line) {
        log->first = line->next;
        line->next = NULL;
        if (!log->first) {
            log->last = NULL;
        }
    }
    log->n -= n;
    *plost = log->lost;
    log->lost = 0;
    pthread_mutex_unlock(&log->lock);
    for (line = first; line; line = line->next) {
        flow_ids_make(&jobs->ids, line->at, line->id);
    }
    *pn = n;
    return first;
}

static void tell_lost(flow_jobs_t *jobs, apr_uint64_t lost)
{
    flow_script_line_t line = { "warn" };
    char text[120];

    if (lost) {
        apr_snprintf(text, sizeof(text),
                     "%" APR_UINT64_T_FMT " lines were lost here: scripts "
                     "wrote faster than they can be stored",
                     lost);
        line.text = text;
        line.len = strlen(text);
        flow_script_log_add(jobs->log, &line);
    }
}

void flow_script_log_flush(flow_jobs_t *jobs)
{
    log_work_t w = { { .run = run_insert }, NULL };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_uint64_t lost;
    line_t *lines;
    int n;

    while ((lines = take(jobs, &n, &lost)) != NULL) {
        w.first = lines;
        if (flow_committer_do(jobs->committer, &w.work, -1, NULL, &err) !=
            APR_SUCCESS) {
            /* The committer has told why; what is lost is told later. */
            pthread_mutex_lock(&jobs->log->lock);
            jobs->log->lost += lost + (apr_uint64_t)n;
            pthread_mutex_unlock(&jobs->log->lock);
            free_lines(lines);
            return;
        }
        free_lines(lines);
        tell_lost(jobs, lost);
        jobs->log->stored += (apr_uint64_t)n;
        if (jobs->log->stored >= TRIM_AFTER) {
            jobs->log->stored = 0;
            flow_script_log_trim(jobs, 0);
        }
    }
}

/* ---- keeping them few ---- */

typedef struct trim_work_t {
    flow_work_t work;
    apr_int64_t before;
} trim_work_t;

static apr_status_t run_trim(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    static const char many[] =
        "DELETE FROM script_log WHERE id <="
        " (SELECT id FROM script_log ORDER BY id DESC LIMIT 1 OFFSET %lld)";
    static const char old[] = "DELETE FROM script_log WHERE at < %lld";
    trim_work_t *w = (trim_work_t *)work;
    apr_int64_t most = FLOW_SCRIPT_LOG_ROWS;
    apr_status_t rv = flow_store_exec(store, many, FLOW_SQL(&most), NULL, err);

    if (rv == APR_SUCCESS && w->before) {
        rv = flow_store_exec(store, old, FLOW_SQL(&w->before), NULL, err);
    }
    return rv;
}

void flow_script_log_trim(flow_jobs_t *jobs, apr_time_t before)
{
    trim_work_t w = { { .run = run_trim }, before };
    flow_error_t err = FLOW_ERROR_INIT;

    (void)flow_committer_do(jobs->committer, &w.work, -1, NULL, &err);
}

/* ---- reading them ---- */

static json_t *line_json(const flow_rows_t *rows, apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "_id", flow_rows_text(rows, 0), p);
    flow_json_put(v, "time", flow_iso_time(flow_rows_int(rows, 1), p), p);
    flow_json_put(v, "level", flow_rows_text(rows, 2), p);
    flow_json_put(v, "_scriptId", flow_rows_text(rows, 3), p);
    flow_json_put(v, "_flowId", flow_rows_text(rows, 4), p);
    flow_json_put(v, "_apiId", flow_rows_text(rows, 5), p);
    flow_json_put(v, "_jobId", flow_rows_text(rows, 6), p);
    flow_json_put(v, "message", flow_rows_text(rows, 7), p);
    return v;
}

#define COLUMNS "id, at, level, script_id, flow_id, api_id, job_id, text"

apr_status_t flow_script_log_list(flow_store_t *store, const char *script_id,
                                  int limit, json_t **plist, apr_pool_t *p,
                                  flow_error_t *err)
{
    static const char all[] = "SELECT " COLUMNS " FROM script_log"
                              " ORDER BY id DESC LIMIT %lld";
    static const char one[] = "SELECT " COLUMNS " FROM script_log"
                              " WHERE script_id = %s ORDER BY id DESC LIMIT "
                              "%lld";
    apr_int64_t most = limit;
    flow_rows_t rows;
    apr_status_t rv;

    rv = script_id
             ? flow_store_select(store, &rows, one, FLOW_SQL(script_id, &most),
                                 p, err)
             : flow_store_select(store, &rows, all, FLOW_SQL(&most), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    while (flow_rows_next(&rows)) {
        json_array_insert_new(*plist, 0, line_json(&rows, p));
    }
    return APR_SUCCESS;
}
