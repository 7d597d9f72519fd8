/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>

#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_store_admin.h"

static flow_store_t *open_any(flowctl_t *ctl, flow_error_t *err)
{
    const flow_jobs_settings_t *s = &ctl->settings;
    flow_store_t *store = NULL;

    if (flow_store_global_init(s->driver, ctl->p, err) != APR_SUCCESS ||
        flow_store_open(&store, s->driver, s->params, err) != APR_SUCCESS) {
        return NULL;
    }
    return store;
}

static json_t *versions_json(int have, int want)
{
    json_t *v = json_object();

    json_object_set_new(v, "schema",
                        have < 0 ? json_null() : json_integer(have));
    json_object_set_new(v, "wanted", json_integer(want));
    return v;
}

/* ---- migrate ---- */

/* -1 when there is no store yet. */
static int version_of(flowctl_t *ctl, int *pwant)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    flow_store_t *store = open_any(ctl, &ignored);
    int have = -1;

    *pwant = 0;
    if (store) {
        flow_store_versions(store, &have, pwant, &ignored);
    }
    flow_store_close(store);
    return have;
}

int flowctl_store_migrate(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0), before, after, want;
    flow_error_t err = FLOW_ERROR_INIT;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    before = version_of(ctl, &want);
    if (flow_jobs_prepare(&ctl->settings, ctl->p, &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    after = version_of(ctl, &want);
    if (ctl->json) {
        json_t *v = versions_json(after, want);

        json_object_set_new(v, "before",
                            before < 0 ? json_null() : json_integer(before));
        return flowctl_print_json(v);
    }
    if (before == after) {
        printf("schema %d is up to date\n", after);
    }
    else if (before < 0) {
        printf("created with schema %d\n", after);
    }
    else {
        printf("schema %d -> %d\n", before, after);
    }
    return FLOWCTL_OK;
}

/* ---- check ---- */

static int print_check(flowctl_t *ctl, json_t *findings, int have, int want)
{
    int is_good = have == want && json_array_size(findings) == 0;
    size_t i;

    if (ctl->json) {
        json_t *v = versions_json(have, want);

        json_object_set_new(v, "ok", json_boolean(is_good));
        json_object_set_new(v, "findings", findings);
        flowctl_print_json(v);
        return is_good ? FLOWCTL_OK : FLOWCTL_FAILED;
    }
    for (i = 0; i < json_array_size(findings); ++i) {
        const char *text = flow_json_string(json_array_get(findings, i), NULL);

        printf("%s\n", text);
    }
    if (have != want) {
        printf("schema %d, this program wants %d; 'flowctl store migrate' or "
               "a start of the server brings it there\n",
               have, want);
    }
    if (is_good) {
        printf("ok, schema %d\n", have);
    }
    json_decref(findings);
    return is_good ? FLOWCTL_OK : FLOWCTL_FAILED;
}

int flowctl_store_check(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0), have = -1, want = 0;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *findings = NULL;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    store = open_any(ctl, &err);
    if (!store) {
        return flowctl_failed(&err);
    }
    rv = flow_store_versions(store, &have, &want, &err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_integrity(store, &findings, ctl->p, &err);
    }
    flow_store_close(store);
    return rv == APR_SUCCESS ? print_check(ctl, findings, have, want)
                             : flowctl_failed(&err);
}

/* ---- backup ---- */

int flowctl_store_backup(flowctl_t *ctl)
{
    const char *path = NULL;
    int rc = flowctl_options(ctl, NULL, &path, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!path) {
        return flowctl_usage("store backup: the name of the new file is "
                             "missing");
    }
    store = open_any(ctl, &err);
    if (!store) {
        return flowctl_failed(&err);
    }
    rv = flow_store_backup(store, ctl->settings.driver, path, ctl->p, &err);
    flow_store_close(store);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (ctl->json) {
        json_t *v = json_object();

        flow_json_put(v, "backup", path, ctl->p);
        return flowctl_print_json(v);
    }
    printf("%s\n", path);
    return FLOWCTL_OK;
}
