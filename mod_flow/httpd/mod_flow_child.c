/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's own things: script engine, HTTP client, store handles, threads.
 *
 * Everything hangs on pchild and is released by its (pre-)cleanups in the
 * reverse order of creation: first the workers are joined, then the committer,
 * then the script engine's timer. child_stopping only announces it, so that
 * workers come to the end of their page while requests are still answered.
 */
#include "httpd/mod_flow_private.h"

#include <unistd.h>

#include <ap_mpm.h>

#include "flow/flow_host.h"
#include "jobs/flow_blob_store.h"

#define IDLE_ARENA_BYTES (64 * 1024 * 1024)
/* A worker that waits for a run inside a run has up to four helpers. */
#define THREADS_PER_WORKER 5

/* Scripts run on request threads and workers, and a script may call an import
 * whose hook is a script again, each level in an arena of its own, at most
 * FLOW_CALL_DEPTH levels deep. With fewer arenas than that, threads could wait
 * for one another. Arenas are made when needed, so this is only a bound. */
static int arena_count(int workers)
{
    int threads = 0;

    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS ||
        threads < 1) {
        threads = 1;
    }
    return (threads + workers * THREADS_PER_WORKER) * FLOW_CALL_DEPTH;
}

/* A thread is stuck and would find its memory gone: no cleanups for us. What it
 * did is taken up by another process; the server's parent needs no more than
 * our end. */
static void leave_at_once(void)
{
    _exit(0);
}

static apr_status_t start(mod_flow_global_t *g, apr_pool_t *pchild,
                          flow_error_t *err)
{
    flow_jobs_settings_t settings;
    apr_status_t rv;

    flow_script_global_init();
    mod_flow_jobs_settings(&settings, pchild);
    settings.not_ended = leave_at_once;
    g->env.model = g->model;
    g->env.api_timeout = g->api_timeout;
    g->env.hook_timeout = g->hook_timeout;
    g->env.call_timeout = g->call_timeout;
    g->env.blobs = flow_blob_store_create(
        apr_pstrcat(pchild, g->state_dir ? g->state_dir : MOD_FLOW_STATE_DIR,
                    "/blobs", NULL),
        apr_time_from_sec((apr_int64_t)settings.retention_days * 24 * 3600), 0,
        pchild);
    flow_script_watch(g->script_watch);
    rv = flow_script_engine_create(&g->env.scripts, g->script_memory,
                                   arena_count(settings.workers),
                                   IDLE_ARENA_BYTES, pchild, err);
    if (rv == APR_SUCCESS) {
        rv = flow_http_client_create(&g->env.http, g->egress, pchild, err);
    }
    if (rv == APR_SUCCESS) {
        flow_http_client_configure(g->env.http, &g->http);
        rv = flow_jobs_start(&g->jobs, &settings, &g->env, pchild, err);
    }
    if (rv == APR_SUCCESS) {
        g->env.jobs = flow_jobs_iface(g->jobs);
        g->env.state = flow_jobs_state(g->jobs);
        g->env.breaker = flow_jobs_breaker(g->jobs);
        g->env.grants = flow_jobs_grants(g->jobs);
        flow_jobs_release(g->jobs);
    }
    return rv;
}

void mod_flow_child_init(apr_pool_t *pchild, server_rec *s)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv;

    if (!mod_flow_global->used) {
        return;
    }
    rv = start(mod_flow_global, pchild, &err);
    if (rv != APR_SUCCESS) {
        /* Requests to our Locations answer 503 from here on; the rest of the
         * server is not ours to stop. */
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     FLOW_LOGNO(0106) "this child runs without flows: %s",
                     err.message);
    }
}

void mod_flow_child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    (void)graceful;
    if (mod_flow_global && mod_flow_global->jobs) {
        flow_jobs_stopping(mod_flow_global->jobs);
    }
}
