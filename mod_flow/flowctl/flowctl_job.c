/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_breaker.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_job_list.h"
#include "jobs/flow_outages.h"
#include "jobs/flow_queue.h"
#include "jobs/flow_requeue.h"

#define LIST_DEFAULT 20
#define LIST_MAX     1000
#define ERRORS_MAX   100

static void print_one(flowctl_t *ctl, const json_t *job)
{
    const json_t *failure = json_object_get(job, "failure");
    const char *type = flowctl_text(ctl, job, "type");

    printf(
        "%s  %-9s  %s  %s%s%s  (%s good, %s failed, %s ignored)%s%s%s%s\n",
        flowctl_text(ctl, job, "_id"), flowctl_text(ctl, job, "status"),
        flowctl_text(ctl, job, "createdAt"), flowctl_text(ctl, job, "_flowId"),
        strcmp(type, "flow") == 0 ? "" : "  ",
        strcmp(type, "flow") == 0 ? "" : type,
        flowctl_text(ctl, job, "numSuccess"),
        flowctl_text(ctl, job, "numError"), flowctl_text(ctl, job, "numIgnore"),
        failure ? "  " : "", failure ? flowctl_text(ctl, failure, "code") : "",
        failure ? ": " : "",
        failure ? flowctl_text(ctl, failure, "message") : "");
}

/* NULL, or one of @a names: FLOWCTL_OK; else says which there are. */
static int check_name(const char *option, const char *given,
                      const char *const *names, apr_pool_t *p)
{
    const char *all = "";
    int i;

    for (i = 0; given && names[i]; ++i) {
        if (strcmp(given, names[i]) == 0) {
            return FLOWCTL_OK;
        }
        all = apr_pstrcat(p, all, i ? ", " : "", names[i], NULL);
    }
    return given ? flowctl_usage("job list: '%s %s' is none of %s", option,
                                 given, all)
                 : FLOWCTL_OK;
}

static int list_jobs(flowctl_t *ctl, const flow_job_filter_t *filter, int most)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = flowctl_open(ctl);
    json_t *list = NULL;
    apr_status_t rv;
    int rc = FLOWCTL_OK;

    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_job_select(store, filter, most, &list, ctl->p, &err);
    if (rv == APR_SUCCESS && filter->flow_id && !json_array_size(list)) {
        rc = flowctl_flow_check(ctl, store, filter->flow_id);
    }
    flow_store_close(store);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (rc != FLOWCTL_OK) {
        json_decref(list);
        return rc;
    }
    return flowctl_print_list(ctl, list, print_one);
}

int flowctl_job_list(flowctl_t *ctl)
{
    const char *limit = NULL, *since = NULL, *until = NULL;
    flow_job_filter_t filter = { NULL };
    const flowctl_option_t options[] = {
        { "--flow", .value = &filter.flow_id },
        { "--state", .value = &filter.status },
        { "--type", .value = &filter.type },
        { "--since", .value = &since },
        { "--until", .value = &until },
        { "--before", .value = &filter.before },
        { "--limit", .value = &limit },
        { NULL },
    };
    int rc = flowctl_options(ctl, options, NULL, 0), most;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    most = flowctl_limit("job list", limit, LIST_DEFAULT, LIST_MAX);
    if (most < 0 ||
        check_name("--state", filter.status, flow_job_statuses, ctl->p) ||
        check_name("--type", filter.type, flow_job_types, ctl->p) ||
        flowctl_when("job list", "--since", since, &filter.since) ||
        flowctl_when("job list", "--until", until, &filter.until)) {
        return FLOWCTL_USAGE;
    }
    return list_jobs(ctl, &filter, most);
}

static void print_outage(flowctl_t *ctl, const json_t *v)
{
    printf("%s  offline since %s, tested again at %s (%s failed)  %s: %s\n",
           flowctl_text(ctl, v, "_connectionId"), flowctl_text(ctl, v, "since"),
           flowctl_text(ctl, v, "nextTest"), flowctl_text(ctl, v, "tests"),
           flowctl_text(ctl, v, "code"), flowctl_text(ctl, v, "message"));
}

static void add_wait(json_t *waits, const char *code, const char *message,
                     apr_pool_t *p)
{
    json_t *v = json_object();

    flow_json_put(v, "code", code, p);
    flow_json_put(v, "message", message, p);
    json_array_append_new(waits, v);
}

/* Without documents nobody knows which connections the flow uses. */
static void add_offline(flowctl_t *ctl, flow_store_t *store, json_t *waits)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *ids = "";
    json_t *list = NULL;
    size_t i;

    if (flow_outages_list(store, &list, ctl->p, &err) != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < json_array_size(list); ++i) {
        ids = apr_pstrcat(
            ctl->p, ids, i ? ", '" : "'",
            flowctl_text(ctl, json_array_get(list, i), "_connectionId"), "'",
            NULL);
    }
    if (*ids) {
        add_wait(waits, "connections_offline",
                 apr_pstrcat(ctl->p, "offline: ", ids,
                             "; if the flow uses one of them, it begins when "
                             "that answers again (name the documents by "
                             "--include or --httpd-conf to know)",
                             NULL),
                 ctl->p);
    }
    json_decref(list);
}

int flowctl_connection_list(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = NULL;
    flow_store_t *store;
    apr_status_t rv;

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
    if (!json_array_size(list)) {
        fputs("flowctl: no connection is offline\n", stderr);
    }
    return flowctl_print_list(ctl, list, print_outage);
}

/* What only the documents tell: whether this process could run the flow. */
static void add_held(flowctl_t *ctl, flow_store_t *store, const char *flow_id,
                     json_t *waits)
{
    flow_model_t *model = flowctl_model(ctl);
    const flow_flow_t *flow =
        model ? apr_hash_get(model->flows, flow_id, APR_HASH_KEY_STRING) : NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_breaker_t *breaker;

    if (model && (!flow || flow->disabled)) {
        add_wait(waits, flow ? "flow_disabled" : "flow_unknown",
                 apr_psprintf(ctl->p, "flow '%s' is %s", flow_id,
                              flow ? "disabled" : "not configured"),
                 ctl->p);
    }
    else if (model) {
        breaker = flow_breaker_create(model, NULL, ctl->p);
        flow_outages_tell(store, breaker, ctl->p, &err);
        if (flow_breaker_holds(breaker, flow)) {
            add_wait(waits, "connection_offline",
                     "a connection that the flow uses is offline; it begins "
                     "when that answers again ('flowctl connection list')",
                     ctl->p);
        }
    }
    else {
        add_offline(ctl, store, waits);
    }
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

static apr_status_t add_waits(flowctl_t *ctl, flow_store_t *store, json_t *job,
                              flow_error_t *err)
{
    json_t *waits = NULL;
    apr_status_t rv = flow_job_waits(store, flow_json_member(job, "_id"),
                                     &waits, ctl->p, err);

    if (rv == APR_SUCCESS && json_array_size(waits)) {
        add_held(ctl, store, flow_json_member(job, "_flowId"), waits);
        json_object_set_new(job, "waitsFor", waits);
    }
    else {
        json_decref(waits);
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
        if (json_is_array(v) && strcmp(key, "waitsFor") == 0) {
            json_array_foreach(v, i, error)
            {
                printf("%-18s %s: %s\n", key, flowctl_text(ctl, error, "code"),
                       flowctl_text(ctl, error, "message"));
            }
        }
        else if (json_is_array(v)) {
            json_array_foreach(v, i, error)
            {
                printf("error              %s: %s: %s\n",
                       flowctl_text(ctl, error, "stepId"),
                       flowctl_text(ctl, error, "code"),
                       flowctl_text(ctl, error, "message"));
            }
        }
        else if (json_is_object(v)) {
            printf("%-18s %s: %s\n", key, flowctl_text(ctl, v, "code"),
                   flowctl_text(ctl, v, "message"));
        }
        else {
            printf("%-18s %s\n", key, flowctl_text(ctl, job, key));
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
    if (rv == APR_SUCCESS) {
        rv = add_waits(ctl, store, job, &err);
    }
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
