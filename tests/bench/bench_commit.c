/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable events per second: N threads hand 1 KB webhook events to
 * flow_jobs_accept() and wait for the commit; with P processes on one store.
 *
 *   bench_commit DIR [threads [processes [seconds [workers]]]]
 *
 * Prints per process: events, events/s, the slowest and the 99th percentile of
 * a single accept; at the end how many rows the store holds. With workers, the
 * jobs are run too (by a runner that does nothing).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_jobs_private.h"

#define SAMPLES_MAX 2000000

static flow_jobs_t *jobs;
static flow_export_t hook = { .id = "hook", .slot = -1 };
static flow_flow_t target = { .id = "target", .slot = -1, .ngenerators = 1 };
static flow_model_t model;
static flow_env_t env = { .model = &model };
static volatile int stop;
static apr_uint32_t *samples;
static apr_uint32_t nsamples, failures;

static apr_status_t run_nothing(const flow_env_t *e, flow_run_t *run,
                                const flow_run_sink_t *sink, apr_pool_t *p,
                                flow_error_t *err)
{
    (void)e;
    (void)sink;
    (void)p;
    (void)err;
    run->counters.success = 1;
    return APR_SUCCESS;
}

static void *send_events(void *data)
{
    static char body[1025];
    flow_request_t req = { "POST", "/hooks/x", "", NULL, NULL, body };
    apr_pool_t *p = flow_store_pool(0);
    apr_table_t *headers = apr_table_make(p, 4);
    apr_pool_t *round;

    (void)data;
    memset(body, 'x', 1024);
    memcpy(body, "{\"a\":\"", 6);
    memcpy(body + 1022, "\"}", 2);
    apr_table_setn(headers, "Content-Type", "application/json");
    apr_table_setn(headers, "User-Agent", "bench");
    req.headers = headers;
    req.body_len = 1024;
    apr_pool_create(&round, p);
    while (!stop) {
        flow_error_t err = FLOW_ERROR_INIT;
        apr_time_t began = apr_time_now();
        const char *id;

        apr_pool_clear(round);
        if (flow_jobs_accept(jobs, &hook, &req, &id, round, &err) ==
            APR_SUCCESS) {
            apr_uint32_t at =
                __atomic_fetch_add(&nsamples, 1, __ATOMIC_RELAXED);

            if (at < SAMPLES_MAX) {
                samples[at] = (apr_uint32_t)(apr_time_now() - began);
            }
        }
        else if (__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) == 0) {
            fprintf(stderr, "%s: %s\n", err.code, err.message);
        }
    }
    apr_pool_destroy(p);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    apr_uint32_t x = *(const apr_uint32_t *)a, y = *(const apr_uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int child(const flow_jobs_settings_t *settings, int threads, int seconds)
{
    flow_error_t err = FLOW_ERROR_INIT;
    pthread_t *ids = calloc((size_t)threads, sizeof(*ids));
    apr_time_t began;
    apr_pool_t *p;
    apr_uint32_t n;
    int i;

    apr_pool_create(&p, NULL);
    samples = calloc(SAMPLES_MAX, sizeof(*samples));
    if (flow_jobs_start(&jobs, settings, &env, p, &err) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    jobs->run = run_nothing;
    flow_jobs_release(jobs);
    began = apr_time_now();
    for (i = 0; i < threads; ++i) {
        pthread_create(&ids[i], NULL, send_events, NULL);
    }
    sleep((unsigned)seconds);
    stop = 1;
    for (i = 0; i < threads; ++i) {
        pthread_join(ids[i], NULL);
    }
    n = nsamples < SAMPLES_MAX ? nsamples : SAMPLES_MAX;
    qsort(samples, n, sizeof(*samples), by_size);
    printf("events %u, %.0f/s, p50 %.2f ms, p99 %.2f ms, max %.2f ms, "
           "refused %u, commits %.0f/s\n",
           n, n * 1e6 / (double)(apr_time_now() - began),
           n ? samples[n / 2] / 1e3 : 0, n ? samples[n * 99 / 100] / 1e3 : 0,
           n ? samples[n - 1] / 1e3 : 0, failures,
           settings->stats ? (double)settings->stats->commits / seconds : 0);
    fflush(stdout);
    apr_pool_destroy(p);
    free(samples);
    free(ids);
    return 0;
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 32;
    int processes = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1;
    int seconds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 3;
    int workers = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 0;
    flow_jobs_settings_t settings = { "sqlite3" };
    flow_queue_depth_t depth;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_array_header_t *listening;
    flow_store_t *store;
    apr_pool_t *p;
    int i;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_commit DIR [threads [processes "
                        "[seconds [workers]]]]\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&p, NULL);
    flow_json_global_init();
    settings.params = apr_pstrcat(p, argv[1], "/bench.db", NULL);
    settings.workers = workers;
    settings.queue_limit = 100000000;
    settings.uid = settings.gid = -1;
    settings.stats = apr_palloc(p, flow_stats_size(0));
    flow_stats_init(settings.stats, 0);
    model.flows = apr_hash_make(p);
    model.exports = apr_hash_make(p);
    model.listeners = apr_hash_make(p);
    listening = apr_array_make(p, 1, sizeof(const flow_flow_t *));
    APR_ARRAY_PUSH(listening, const flow_flow_t *) = &target;
    apr_hash_set(model.flows, "target", APR_HASH_KEY_STRING, &target);
    apr_hash_set(model.exports, "hook", APR_HASH_KEY_STRING, &hook);
    apr_hash_set(model.listeners, "hook", APR_HASH_KEY_STRING, listening);
    if (flow_jobs_prepare(&settings, p, &err) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (i = 0; i < processes; ++i) {
        if (fork() == 0) {
            return child(&settings, threads, seconds);
        }
    }
    while (wait(NULL) > 0) {
    }
    if (flow_store_open(&store, "sqlite3", settings.params, &err) ||
        flow_queue_depth(store, &depth, p, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("store: %" APR_INT64_T_FMT " queued, %" APR_INT64_T_FMT
           " running, %" APR_INT64_T_FMT " completed\n",
           depth.queued, depth.running, depth.completed);
    flow_store_close(store);
    return 0;
}
