/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl_error.h"

#include <stdio.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_retry.h"

#define RECORD_MAX (5 * 1024 * 1024)

/* A retry must be heard of now and then while it gets its errors. */
#define HOLD_EVERY apr_time_from_sec(20)

typedef struct retry_job_t {
    char id[FLOW_ID_SIZE];
    apr_int64_t n;
    apr_time_t held;
} retry_job_t;

/* One job per flow; it is queued when all its errors are marked. */
typedef struct retries_t {
    flow_ids_t ids;
    apr_hash_t *jobs; /* flow id -> retry_job_t */
    json_t *list;     /* ids of jobs that were queued */
    apr_pool_t *p;
} retries_t;

/* *pjob is stored, and nobody has begun it. */
static apr_status_t hold(retries_t *r, flow_store_t *store, const char *flow_id,
                         retry_job_t **pjob, flow_error_t *err)
{
    retry_job_t *job = apr_hash_get(r->jobs, flow_id, APR_HASH_KEY_STRING);
    apr_status_t rv;
    int n = 1;

    *pjob = job;
    if (job && apr_time_now() - job->held < HOLD_EVERY) {
        return APR_SUCCESS;
    }
    if (job) {
        rv = flow_retry_hold(store, job->id, &n, err);
        job->held = apr_time_now();
        if (rv != APR_SUCCESS || n) {
            return rv;
        }
        json_array_append_new(r->list,
                              flow_json_string_new(job->id, strlen(job->id)));
    }
    job = apr_pcalloc(r->p, sizeof(*job));
    job->held = apr_time_now();
    flow_ids_make(&r->ids, job->held, job->id);
    apr_hash_set(r->jobs, apr_pstrdup(r->p, flow_id), APR_HASH_KEY_STRING, job);
    *pjob = job;
    return flow_retry_open(store, job->id, flow_id, err);
}

static apr_status_t retry_one(void *baton, flow_store_t *store,
                              const flow_error_ref_t *ref, int *pn,
                              apr_pool_t *p, flow_error_t *err)
{
    retry_job_t *job;
    apr_status_t rv = hold(baton, store, ref->flow_id, &job, err);

    if (rv == APR_SUCCESS) {
        rv = flow_retry_mark(store, ref->id, job->id, pn, p, err);
        job->n += *pn;
    }
    return rv;
}

static apr_status_t queue_jobs(retries_t *r, flow_store_t *store,
                               flow_error_t *err)
{
    apr_status_t rv = flow_store_begin(store, FLOWCTL_PATIENCE, err);
    apr_hash_index_t *hi;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (hi = apr_hash_first(r->p, r->jobs); hi && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        const retry_job_t *job = apr_hash_this_val(hi);

        if (!job->n) {
            rv = flow_retry_drop(store, job->id, err);
            continue;
        }
        rv = flow_retry_queue(store, job->id, job->n > 1, err);
        json_array_append_new(r->list,
                              flow_json_string_new(job->id, strlen(job->id)));
    }
    if (rv != APR_SUCCESS) {
        flow_store_rollback(store);
        return rv;
    }
    return flow_store_commit(store, err);
}

/* *ptext: the JSON in the file, checked. */
static int read_record(flowctl_t *ctl, const char *path, const char **ptext)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_size_t len = RECORD_MAX;
    apr_file_t *file;
    json_t *v = NULL;
    char *text = apr_palloc(ctl->p, len + 1), space[120];
    apr_status_t rv;

    rv = apr_file_open(&file, path, APR_FOPEN_READ, 0, ctl->p);
    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, text, RECORD_MAX, &len);
        apr_file_close(file);
    }
    if ((rv != APR_SUCCESS && rv != APR_EOF) || len == RECORD_MAX) {
        fprintf(stderr, "flowctl: '%s': %s\n", path,
                len == RECORD_MAX ? "is larger than 5 MB"
                                  : apr_strerror(rv, space, sizeof(space)));
        return FLOWCTL_FAILED;
    }
    if (flow_json_parse(&v, text, len, &err) != APR_SUCCESS ||
        (!json_is_object(v) && !json_is_array(v))) {
        fprintf(stderr, "flowctl: '%s' is no record: %s\n", path,
                v ? "it must be an object or an array" : err.message);
        json_decref(v);
        return FLOWCTL_FAILED;
    }
    *ptext = flow_json_text(v, NULL, ctl->p);
    json_decref(v);
    return FLOWCTL_OK;
}

static int edit(flow_store_t *store, const char *id, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv = flow_store_begin(store, FLOWCTL_PATIENCE, &err);
    int n = 0;

    if (rv == APR_SUCCESS) {
        rv = flow_error_edit(store, id, text, &n, &err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_commit(store, &err);
    }
    else {
        flow_store_rollback(store);
    }
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (!n) {
        fprintf(stderr,
                "flowctl: error '%s' is not open or has no retry data\n", id);
        return FLOWCTL_FAILED;
    }
    return FLOWCTL_OK;
}

static int run_retry(flowctl_selection_t *s, const char *record)
{
    flow_error_t err = FLOW_ERROR_INIT;
    retries_t r = { .jobs = apr_hash_make(s->ctl->p), .p = s->ctl->p };
    json_t *result = json_object(), *list = json_array();
    flow_store_t *store = flowctl_open(s->ctl);
    apr_int64_t seen = 0, done = 0;
    apr_status_t rv;
    int rc = FLOWCTL_OK;

    r.list = list;
    json_object_set_new(result, "jobs", list);
    flow_ids_init(&r.ids);
    if (!store || (record && edit(store, s->ids[0], record) != FLOWCTL_OK)) {
        rc = FLOWCTL_FAILED;
    }
    else {
        rv = flowctl_selection_change(s, store, retry_one, &r, &seen, &done,
                                      &err);
        if (rv == APR_SUCCESS) {
            rv = queue_jobs(&r, store, &err);
        }
        rc = rv == APR_SUCCESS ? FLOWCTL_OK : flowctl_failed(&err);
    }
    flow_store_close(store);
    if (rc != FLOWCTL_OK) {
        json_decref(result);
        return rc;
    }
    if (s->n && done < seen) {
        fprintf(stderr, "flowctl: the others are resolved, have no retry data, "
                        "or are being retried\n");
    }
    return flowctl_selection_finish(s, "queued", seen, done, result);
}

int flowctl_error_retry(flowctl_t *ctl)
{
    const char *data = NULL, *record = NULL;
    flowctl_selection_t s = { ctl, "error retry" };
    const flowctl_option_t options[] = {
        FLOWCTL_SELECTION(s),
        { "--matching", .flag = &s.matching },
        { "--data", .value = &data },
        { NULL },
    };
    int rc = flowctl_options(ctl, options, s.ids, FLOWCTL_IDS_MAX);

    rc = rc == FLOWCTL_OK ? flowctl_selection_read(&s) : rc;
    if (rc == FLOWCTL_OK && data && s.n != 1) {
        rc = flowctl_usage("error retry: --data FILE goes with one id, whose "
                           "record it replaces");
    }
    if (rc == FLOWCTL_OK && data) {
        rc = read_record(ctl, data, &record);
    }
    s.filter.retriable = 1;
    return rc == FLOWCTL_OK ? run_retry(&s, record) : rc;
}
