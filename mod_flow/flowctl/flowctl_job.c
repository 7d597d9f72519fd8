/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_outages.h"
#include "jobs/flow_queue.h"
#include "jobs/flow_requeue.h"

#define LIST_DEFAULT 20
#define LIST_MAX     1000
#define ERRORS_MAX   100

static const char *text_of(const json_t *v, const char *key, apr_pool_t *p)
{
    apr_size_t len;

    return flow_json_to_text(json_object_get(v, key), &len, p);
}

static int print_list(flowctl_t *ctl, json_t *list)
{
    size_t i;

    if (ctl->json) {
        return flowctl_print_json(list);
    }
    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *job = json_array_get(list, i);

        printf("%s  %-9s  %s  %s  (%s good, %s failed, %s ignored)\n",
               text_of(job, "_id", ctl->p), text_of(job, "status", ctl->p),
               text_of(job, "createdAt", ctl->p),
               text_of(job, "_flowId", ctl->p),
               text_of(job, "numSuccess", ctl->p),
               text_of(job, "numError", ctl->p),
               text_of(job, "numIgnore", ctl->p));
    }
    json_decref(list);
    return FLOWCTL_OK;
}

int flowctl_job_list(flowctl_t *ctl)
{
    const char *limit = NULL;
    const flowctl_option_t options[] = { { "--limit", .value = &limit },
                                         { NULL } };
    int rc = flowctl_options(ctl, options, NULL, 0);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = NULL;
    int most;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    most = flowctl_limit("job list", limit, LIST_DEFAULT, LIST_MAX);
    if (most < 0) {
        return FLOWCTL_USAGE;
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_queue_list(store, most, &list, ctl->p, &err);
    flow_store_close(store);
    return rv == APR_SUCCESS ? print_list(ctl, list) : flowctl_failed(&err);
}

int flowctl_connection_list(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = NULL;
    flow_store_t *store;
    apr_status_t rv;
    size_t i;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_outages_list(store, &list, ctl->p, &err);
    flow_store_close(store);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (ctl->json) {
        return flowctl_print_json(list);
    }
    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *v = json_array_get(list, i);

        printf("%s  offline since %s, tested again at %s (%s failed)  %s: %s\n",
               text_of(v, "_connectionId", ctl->p), text_of(v, "since", ctl->p),
               text_of(v, "nextTest", ctl->p), text_of(v, "tests", ctl->p),
               text_of(v, "code", ctl->p), text_of(v, "message", ctl->p));
    }
    if (!json_array_size(list)) {
        fputs("flowctl: no connection is offline\n", stderr);
    }
    json_decref(list);
    return FLOWCTL_OK;
}

static apr_status_t read_job(flowctl_t *ctl, flow_store_t *store,
                             const char *id, json_t **pjob, flow_error_t *err)
{
    json_t *reason = NULL, *errors = NULL;
    apr_status_t rv;

    rv = flow_queue_get(store, id, pjob, &reason, ctl->p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reason) {
        json_object_set_new(*pjob, "failure", reason);
    }
    rv = flow_errors_list(store, id, ERRORS_MAX, &errors, ctl->p, err);
    if (rv == APR_SUCCESS) {
        json_object_set_new(*pjob, "errors", errors);
    }
    return rv;
}

static int print_job(flowctl_t *ctl, json_t *job)
{
    const char *key;
    json_t *v, *error;
    size_t i;

    if (ctl->json) {
        return flowctl_print_json(job);
    }
    json_object_foreach(job, key, v)
    {
        if (json_is_array(v)) {
            json_array_foreach(v, i, error)
            {
                printf("error              %s: %s: %s\n",
                       text_of(error, "stepId", ctl->p),
                       text_of(error, "code", ctl->p),
                       text_of(error, "message", ctl->p));
            }
        }
        else if (json_is_object(v)) {
            printf("%-18s %s: %s\n", key, text_of(v, "code", ctl->p),
                   text_of(v, "message", ctl->p));
        }
        else {
            printf("%-18s %s\n", key, text_of(job, key, ctl->p));
        }
    }
    json_decref(job);
    return FLOWCTL_OK;
}

int flowctl_job_show(flowctl_t *ctl)
{
    const char *id = NULL;
    int rc = flowctl_options(ctl, NULL, &id, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *job = NULL;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!id) {
        return flowctl_usage("job show: the job's id is missing; 'flowctl job "
                             "list' shows the newest");
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = read_job(ctl, store, id, &job, &err);
    flow_store_close(store);
    if (rv == APR_NOTFOUND) {
        return flowctl_unknown("job", id);
    }
    if (rv != APR_SUCCESS) {
        json_decref(job);
        return flowctl_failed(&err);
    }
    return print_job(ctl, job);
}

/* ---- cancel and rerun ---- */

typedef apr_status_t change_fn(flowctl_t *ctl, flow_store_t *store,
                               const char *id, const char **presult,
                               flow_error_t *err);

static int change(flowctl_t *ctl, const char *command, const char *member,
                  change_fn *fn)
{
    const char *id = NULL, *result = NULL;
    int rc = flowctl_options(ctl, NULL, &id, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!id) {
        return flowctl_usage("%s: the job's id is missing; 'flowctl job list' "
                             "shows the newest",
                             command);
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_store_begin(store, FLOWCTL_PATIENCE, &err);
    if (rv == APR_SUCCESS) {
        rv = fn(ctl, store, id, &result, &err);
        if (rv == APR_SUCCESS) {
            rv = flow_store_commit(store, &err);
        }
        else {
            flow_store_rollback(store);
        }
    }
    flow_store_close(store);
    if (rv == APR_NOTFOUND) {
        return flowctl_unknown("job", id);
    }
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (ctl->json) {
        json_t *v = json_object();

        flow_json_put(v, member, result, ctl->p);
        return flowctl_print_json(v);
    }
    puts(result);
    return FLOWCTL_OK;
}

static apr_status_t cancel(flowctl_t *ctl, flow_store_t *store, const char *id,
                           const char **presult, flow_error_t *err)
{
    return flow_requeue_cancel(store, id, presult, ctl->p, err);
}

int flowctl_job_cancel(flowctl_t *ctl)
{
    return change(ctl, "job cancel", "status", cancel);
}

static apr_status_t rerun(flowctl_t *ctl, flow_store_t *store, const char *id,
                          const char **presult, flow_error_t *err)
{
    char *job_id = apr_palloc(ctl->p, FLOW_ID_SIZE);
    flow_ids_t ids;

    flow_ids_init(&ids);
    flow_ids_make(&ids, apr_time_now(), job_id);
    *presult = job_id;
    return flow_requeue_rerun(store, id, job_id, apr_time_now(), ctl->p, err);
}

int flowctl_job_rerun(flowctl_t *ctl)
{
    return change(ctl, "job rerun", "_jobId", rerun);
}
