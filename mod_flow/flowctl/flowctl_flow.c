/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_job_list.h"
#include "jobs/flow_queue.h"

#define TIMEOUT_MAX 86400 /* seconds */
#define LOOK_EVERY  apr_time_from_msec(100)

/* ---- which flows there are ---- */

static void add_names(apr_array_header_t *names, flow_model_t *model,
                      json_t *stored, apr_pool_t *p)
{
    apr_hash_index_t *hi;
    const char *id;
    json_t *v;

    for (hi = model ? apr_hash_first(p, model->flows) : NULL; hi;
         hi = apr_hash_next(hi)) {
        APR_ARRAY_PUSH(names, const char *) = apr_hash_this_key(hi);
    }
    json_object_foreach(stored, id, v)
    {
        APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(p, id);
    }
}

int flowctl_flow_check(flowctl_t *ctl, flow_store_t *store, const char *id)
{
    apr_array_header_t *names =
        apr_array_make(ctl->p, 16, sizeof(const char *));
    flow_model_t *model = flowctl_model(ctl);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *stored = NULL;
    const char *near;
    int is_known = 0;

    if (model && apr_hash_get(model->flows, id, APR_HASH_KEY_STRING)) {
        return FLOWCTL_OK;
    }
    if (flow_job_flow_known(store, id, &is_known, ctl->p, &err) !=
        APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (is_known) {
        return FLOWCTL_OK;
    }
    flow_job_flows(store, &stored, ctl->p, &err);
    add_names(names, model, stored, ctl->p);
    json_decref(stored);
    near = flow_nearest(id, (const char *const *)names->elts,
                        (apr_size_t)names->nelts);
    fprintf(stderr, "flowctl: no flow '%s' is known%s%s%s%s\n", id,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            model ? ""
                  : " (only those that have run, unless --include or "
                    "--httpd-conf names the documents)");
    return FLOWCTL_FAILED;
}

/* ---- list ---- */

static json_t *flow_row(flowctl_t *ctl, const char *id, const flow_flow_t *flow,
                        const json_t *known)
{
    static const char *const numbers[] = { "queued", "running", "openErrors" };
    json_t *v = json_object(), *n;
    size_t i;

    flow_json_put(v, "_id", id, ctl->p);
    if (flow) {
        json_object_set_new(v, "disabled", json_boolean(flow->disabled));
    }
    for (i = 0; i < 3; ++i) {
        n = json_object_get(known, numbers[i]);
        json_object_set_new(v, numbers[i],
                            n ? json_incref(n) : json_integer(0));
    }
    if (json_object_get(known, "nextAt")) {
        json_object_set(v, "nextAt", json_object_get(known, "nextAt"));
    }
    if (json_object_get(known, "lastJob")) {
        json_object_set(v, "lastJob", json_object_get(known, "lastJob"));
    }
    return v;
}

static void print_flow(flowctl_t *ctl, const json_t *v)
{
    const json_t *last = json_object_get(v, "lastJob");
    const char *next = flowctl_text(ctl, v, "nextAt");

    printf("%s%s  %s running, %s queued, %s open errors  last %s %s%s%s\n",
           flowctl_text(ctl, v, "_id"),
           json_is_true(json_object_get(v, "disabled")) ? " (disabled)" : "",
           flowctl_text(ctl, v, "running"), flowctl_text(ctl, v, "queued"),
           flowctl_text(ctl, v, "openErrors"),
           last ? flowctl_text(ctl, last, "createdAt") : "-",
           last ? flowctl_text(ctl, last, "status") : "",
           *next ? "  next " : "", next);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *all_flows(flowctl_t *ctl, flow_model_t *model, json_t *stored)
{
    apr_array_header_t *names =
        apr_array_make(ctl->p, 16, sizeof(const char *));
    const char *before = NULL;
    json_t *list = json_array();
    int i;

    add_names(names, model, stored, ctl->p);
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), by_name);
    for (i = 0; i < names->nelts; ++i) {
        const char *id = APR_ARRAY_IDX(names, i, const char *);

        if (!before || strcmp(id, before) != 0) {
            json_array_append_new(
                list, flow_row(ctl, id,
                               model ? apr_hash_get(model->flows, id,
                                                    APR_HASH_KEY_STRING)
                                     : NULL,
                               json_object_get(stored, id)));
        }
        before = id;
    }
    return list;
}

int flowctl_flow_list(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store;
    json_t *stored = NULL, *list;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_job_flows(store, &stored, ctl->p, &err);
    flow_store_close(store);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    list = all_flows(ctl, flowctl_model(ctl), stored);
    json_decref(stored);
    return flowctl_print_list(ctl, list, print_flow);
}

/* ---- run ---- */

/* The request of the run: NULL, or {"data": what stands in the file}. */
static int read_request(flowctl_t *ctl, const char *path, json_t **prequest)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *data = NULL;

    *prequest = NULL;
    if (!path) {
        return FLOWCTL_OK;
    }
    if (flowctl_read_json(ctl, path, &data, &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    *prequest = json_object();
    json_object_set_new(*prequest, "data", data);
    flow_json_own(ctl->p, *prequest);
    return FLOWCTL_OK;
}

static int check_run(flowctl_t *ctl, flow_store_t *store, const char *id,
                     const json_t *request)
{
    flow_model_t *model = flowctl_model(ctl);
    const flow_flow_t *flow =
        model ? apr_hash_get(model->flows, id, APR_HASH_KEY_STRING) : NULL;
    flow_error_t err = FLOW_ERROR_INIT;

    if (!flow) {
        return flowctl_flow_check(ctl, store, id);
    }
    if (flow->disabled) {
        fprintf(stderr, "flowctl: flow '%s' is disabled\n", id);
        return FLOWCTL_FAILED;
    }
    return flow_run_check(flow, request, &err) == APR_SUCCESS
               ? FLOWCTL_OK
               : flowctl_failed(&err);
}

static apr_status_t store_run(flowctl_t *ctl, flow_store_t *store,
                              const char *flow_id, const json_t *request,
                              char id[FLOW_ID_SIZE], flow_error_t *err)
{
    flow_new_job_t job = { id, flow_id };
    apr_status_t rv;
    flow_ids_t ids;

    flow_ids_init(&ids);
    flow_ids_make(&ids, apr_time_now(), id);
    job.request = request ? flow_json_text(request, NULL, ctl->p) : NULL;
    job.priority = FLOW_PRIORITY_EVENT;
    rv = flow_store_begin(store, FLOWCTL_PATIENCE, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_queue_job(store, &job, apr_time_now(), err);
    if (rv != APR_SUCCESS) {
        flow_store_rollback(store);
        return rv;
    }
    return flow_store_commit(store, err);
}

static void print_end(flowctl_t *ctl, const json_t *job, const json_t *reason)
{
    printf(
        "%s  (%s good, %s failed, %s ignored)%s%s%s%s\n",
        flowctl_text(ctl, job, "status"), flowctl_text(ctl, job, "numSuccess"),
        flowctl_text(ctl, job, "numError"), flowctl_text(ctl, job, "numIgnore"),
        reason ? "  " : "", flowctl_text(ctl, reason, "code"),
        reason ? ": " : "", flowctl_text(ctl, reason, "message"));
}

/* Until the job has ended, or @a until: FLOWCTL_OK when it has completed. */
static int wait_end(flowctl_t *ctl, flow_store_t *store, const char *id,
                    apr_time_t until)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *job = NULL, *reason = NULL;
    const char *status = NULL;
    apr_status_t rv;
    apr_pool_t *p;
    int rc;

    apr_pool_create(&p, ctl->p);
    do {
        json_decref(job);
        json_decref(reason);
        job = reason = NULL;
        apr_pool_clear(p);
        rv = flow_queue_get(store, id, &job, &reason, p, &err);
        status = rv == APR_SUCCESS ? flow_json_member(job, "status") : NULL;
        if (rv != APR_SUCCESS || flow_status_is_final(status)) {
            break;
        }
        apr_sleep(LOOK_EVERY);
    } while (apr_time_now() < until);
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? flowctl_unknown("job", id)
                                  : flowctl_failed(&err);
    }
    rc = strcmp(status, "completed") == 0 ? FLOWCTL_OK : FLOWCTL_FAILED;
    if (ctl->json) {
        if (reason) {
            json_object_set_new(job, "failure", reason);
        }
        flowctl_print_json(job);
        return rc;
    }
    print_end(ctl, job, reason);
    if (!flow_status_is_final(status)) {
        fprintf(stderr,
                "flowctl: time is up, the job goes on ('flowctl job "
                "show %s')\n",
                id);
    }
    json_decref(job);
    json_decref(reason);
    return rc;
}

int flowctl_flow_run(flowctl_t *ctl)
{
    const char *flow_id = NULL, *data = NULL, *timeout = NULL;
    int wait = 0, rc, seconds;
    const flowctl_option_t options[] = {
        { "--data", .value = &data },
        { "--wait", .flag = &wait },
        { "--timeout", .value = &timeout },
        { NULL },
    };
    flow_error_t err = FLOW_ERROR_INIT;
    char id[FLOW_ID_SIZE];
    flow_store_t *store;
    json_t *request;

    rc = flowctl_options(ctl, options, &flow_id, 1);
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!flow_id) {
        return flowctl_usage("flow run: the flow's id is missing; 'flowctl "
                             "flow list' shows them");
    }
    if (timeout && !wait) {
        return flowctl_usage("flow run: --timeout SECONDS goes with --wait");
    }
    seconds = timeout ? flowctl_limit("flow run", timeout, 1, TIMEOUT_MAX)
                      : TIMEOUT_MAX;
    if (seconds < 0) {
        return FLOWCTL_USAGE;
    }
    rc = read_request(ctl, data, &request);
    store = rc == FLOWCTL_OK ? flowctl_open(ctl) : NULL;
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rc = check_run(ctl, store, flow_id, request);
    if (rc == FLOWCTL_OK &&
        store_run(ctl, store, flow_id, request, id, &err) != APR_SUCCESS) {
        rc = flowctl_failed(&err);
    }
    if (rc == FLOWCTL_OK && !(wait && ctl->json)) {
        puts(id);
        fflush(stdout);
    }
    if (rc == FLOWCTL_OK && wait) {
        rc = wait_end(ctl, store, id,
                      apr_time_now() + apr_time_from_sec(seconds));
    }
    flow_store_close(store);
    return rc;
}
