/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's stored credentials, for commands that call far ends. A refresh
 * token may be good for one use only: whoever uses it must keep what comes of
 * it where the server finds it.
 */
#include "flowctl/flowctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/flow_seal.h"

static const flow_grant_iface_t *without(const char *why)
{
    fprintf(stderr,
            "flowctl: the credentials that the server has stored are not used: "
            "%s\n",
            why);
    return NULL;
}

/* Nothing is said of a store that is not there: a bundle may be tried before
 * any server knows it. */
static int is_there(const flowctl_t *ctl)
{
    return flow_store_is_shared(ctl->settings.driver) ||
           access(ctl->settings.params, F_OK) == 0 || errno == EACCES;
}

static apr_status_t check_store(flowctl_t *ctl, flow_error_t *err)
{
    const flow_jobs_settings_t *s = &ctl->settings;
    flow_store_t *store = NULL;
    apr_status_t rv = flow_store_global_init(s->driver, ctl->p, err);

    if (rv == APR_SUCCESS) {
        rv = flow_store_open(&store, s->driver, s->params, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_check(store, err);
    }
    flow_store_close(store);
    return rv;
}

const flow_grant_iface_t *flowctl_grants(flowctl_t *ctl, const flow_env_t *env)
{
    flow_jobs_settings_t settings = ctl->settings;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_seal_t *seal = NULL;
    flow_jobs_t *jobs = NULL;

    if (!is_there(ctl)) {
        return NULL;
    }
    if (flow_seal_open_file(&seal, ctl->key_file, 0, -1, -1, ctl->p, &err) !=
            APR_SUCCESS ||
        check_store(ctl, &err) != APR_SUCCESS) {
        return without(err.message);
    }
    settings.seal = seal;
    settings.is_tool = 1;
    if (flow_jobs_start(&jobs, &settings, env, ctl->p, &err) != APR_SUCCESS) {
        return without(err.message);
    }
    return flow_jobs_grants(jobs);
}
