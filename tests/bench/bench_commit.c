/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the durable side can do on this machine, without httpd.
 *
 *   bench_commit events STORE [threads [processes [seconds [workers]]]]
 *   bench_commit jobs STORE [workers [jobs [flows]]]
 *   bench_commit start STORE [workers [times]]
 *
 * STORE is a directory (SQLite, the file is made in it) or how to connect with
 * a PostgreSQL ("host=... dbname=...").
 *
 * events: threads hand 1 KB webhook events to flow_jobs_accept() and wait for
 * the commit. Per process: events/s, median, 99th percentile and maximum of an
 * accept; commits/s. With workers the jobs are run too.
 * jobs: that many jobs are queued and wait, then the workers run them all; what
 * is run does nothing. Jobs/s from the first claim to the last end, CPU time of
 * this process (a PostgreSQL has its own), statements and commits.
 * start: on an idle store, the time from before a job is queued until it
 * begins to run.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_jobs_private.h"

#define SAMPLES_MAX 2000000

static flow_jobs_t *jobs;
#define FLOWS_MAX 1000

static flow_export_t hook = { .id = "hook", .slot = -1 };
static flow_export_t source = { .id = "source", .slot = -1 };
static const flow_export_t *sources[] = { &source };
static flow_flow_t targets[FLOWS_MAX];
static flow_model_t model;
static flow_env_t env = { .model = &model };
static volatile int stop;
static apr_uint32_t *samples;
static apr_uint32_t nsamples, failures;
static apr_uint32_t ran;
static apr_time_t began_at; /* of the last run */

static apr_status_t run_nothing(const flow_env_t *e, flow_run_t *run,
                                const flow_run_sink_t *sink, apr_pool_t *p,
                                flow_error_t *err)
{
    (void)e;
    (void)sink;
    (void)p;
    (void)err;
    run->counters.success = 1;
    __atomic_store_n(&began_at, flow_clock(), __ATOMIC_RELAXED);
    __atomic_fetch_add(&ran, 1, __ATOMIC_RELEASE);
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

static const char *run_id(int n, apr_pool_t *p)
{
    return apr_psprintf(p, "flow%d", n);
}

static void make_model(int flows, apr_pool_t *p)
{
    apr_array_header_t *listening =
        apr_array_make(p, 1, sizeof(const flow_flow_t *));
    int i;

    model.p = p;
    model.connections = apr_hash_make(p);
    model.imports = apr_hash_make(p);
    model.scripts = apr_hash_make(p);
    model.apis = apr_hash_make(p);
    model.flows = apr_hash_make(p);
    model.exports = apr_hash_make(p);
    model.listeners = apr_hash_make(p);
    for (i = 0; i < flows; ++i) {
        targets[i].id = run_id(i, p);
        targets[i].slot = -1;
        targets[i].ngenerators = 1;
        targets[i].generators = sources;
        apr_hash_set(model.flows, targets[i].id, APR_HASH_KEY_STRING,
                     &targets[i]);
    }
    APR_ARRAY_PUSH(listening, const flow_flow_t *) = &targets[0];
    apr_hash_set(model.exports, "hook", APR_HASH_KEY_STRING, &hook);
    apr_hash_set(model.listeners, "hook", APR_HASH_KEY_STRING, listening);
}

static int argument(int argc, char **argv, int at, int otherwise)
{
    return argc > at ? (int)strtol(argv[at], NULL, 10) : otherwise;
}

static int complain(const flow_error_t *err)
{
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

static int bench_events(flow_jobs_settings_t *settings, int argc, char **argv,
                        apr_pool_t *p)
{
    int threads = argument(argc, argv, 3, 32), i;
    int processes = argument(argc, argv, 4, 1);
    int seconds = argument(argc, argv, 5, 3);
    flow_queue_depth_t depth;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store;

    settings->workers = argument(argc, argv, 6, 0);
    for (i = 0; i < processes; ++i) {
        if (fork() == 0) {
            exit(child(settings, threads, seconds));
        }
    }
    while (wait(NULL) > 0) {
    }
    if (flow_store_open(&store, settings->driver, settings->params, &err) ||
        flow_queue_depth(store, &depth, p, &err)) {
        return complain(&err);
    }
    printf("store: %" APR_INT64_T_FMT " queued, %" APR_INT64_T_FMT
           " running, %" APR_INT64_T_FMT " completed\n",
           depth.queued, depth.running, depth.completed);
    flow_store_close(store);
    return 0;
}

static int fill(const flow_jobs_settings_t *settings, int n, int flows,
                apr_pool_t *p, flow_error_t *err)
{
    flow_store_t *store;
    apr_pool_t *round;
    int i, rv;

    rv = flow_store_open(&store, settings->driver, settings->params, err);
    apr_pool_create(&round, p);
    rv = rv ? rv : flow_store_begin(store, -1, err);
    for (i = 0; i < n && !rv; ++i) {
        flow_new_job_t job = { apr_psprintf(round, "%08d", i),
                               targets[i % flows].id };

        rv = flow_queue_job(store, &job, i, err);
        apr_pool_clear(round);
    }
    rv = rv ? rv : flow_store_commit(store, err);
    flow_store_close(store);
    return rv;
}

static double cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static int bench_jobs(flow_jobs_settings_t *settings, int argc, char **argv,
                      apr_pool_t *p)
{
    apr_uint32_t n = (apr_uint32_t)argument(argc, argv, 4, 40000);
    int flows = argument(argc, argv, 5, 100);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_counts_t before, after;
    double seconds, cpu;
    apr_time_t began;
    apr_pool_t *pchild;

    settings->workers = argument(argc, argv, 3, 16);
    if (fill(settings, (int)n, flows, p, &err) != 0) {
        return complain(&err);
    }
    apr_pool_create(&pchild, NULL);
    if (flow_jobs_start(&jobs, settings, &env, pchild, &err) != APR_SUCCESS) {
        return complain(&err);
    }
    jobs->run = run_nothing;
    flow_store_counts(&before);
    cpu = cpu_us();
    began = flow_clock();
    flow_jobs_release(jobs);
    while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) < n &&
           flow_clock() - began < apr_time_from_sec(120)) {
        apr_sleep(1000);
    }
    /* ... and until the last end is stored */
    while (__atomic_load_n(&jobs->pending, __ATOMIC_ACQUIRE)) {
        apr_sleep(200);
    }
    seconds = (double)(flow_clock() - began) / 1e6;
    cpu = cpu_us() - cpu;
    flow_store_counts(&after);
    printf("%u jobs of %d flows with %d workers: %.0f/s, CPU %.1f us a job, "
           "%.2f statements a job, %.0f commits/s (%.0f jobs each)\n",
           ran, flows, settings->workers, ran / seconds, cpu / ran,
           (double)(after.statements - before.statements) / ran,
           (double)(after.commits - before.commits) / seconds,
           ran / (double)(after.commits - before.commits));
    apr_pool_destroy(pchild);
    return ran != n;
}

static void histogram(const apr_uint32_t *us, int n)
{
    static const apr_uint32_t limits[] = { 500,   1000,  2000,   5000,   10000,
                                           20000, 50000, 100000, 1000000 };
    int i = 0;
    apr_size_t at;

    for (at = 0; at < sizeof(limits) / sizeof(limits[0]) && i < n; ++at) {
        int from = i;

        for (; i < n && us[i] < limits[at]; ++i) {
        }
        printf("  below %7.1f ms: %5d\n", limits[at] / 1e3, i - from);
    }
    if (i < n) {
        printf("  more:             %5d\n", n - i);
    }
}

static int bench_start(flow_jobs_settings_t *settings, int argc, char **argv,
                       apr_pool_t *p)
{
    int i, n = argument(argc, argv, 4, 200);
    const flow_jobs_iface_t *iface;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *pchild;
    apr_uint32_t *us = apr_pcalloc(p, (apr_size_t)n * sizeof(*us));

    settings->workers = argument(argc, argv, 3, 2);
    apr_pool_create(&pchild, NULL);
    if (flow_jobs_start(&jobs, settings, &env, pchild, &err) != APR_SUCCESS) {
        return complain(&err);
    }
    jobs->run = run_nothing;
    flow_jobs_release(jobs);
    iface = flow_jobs_iface(jobs);
    for (i = 0; i < n; ++i) {
        apr_uint32_t before = __atomic_load_n(&ran, __ATOMIC_ACQUIRE);
        apr_time_t began = flow_clock();
        const char *id;

        if (iface->queue(iface->baton, &targets[i % 100], NULL, &id, p, &err) !=
            APR_SUCCESS) {
            return complain(&err);
        }
        while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) == before) {
            apr_sleep(50);
        }
        us[i] = (apr_uint32_t)(began_at - began);
        apr_sleep(20000);
    }
    qsort(us, (size_t)n, sizeof(*us), by_size);
    histogram(us, n);
    printf("from queue() to the run: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
           us[n / 2] / 1e3, us[n * 99 / 100] / 1e3, us[n - 1] / 1e3);
    apr_pool_destroy(pchild);
    return 0;
}

int main(int argc, char **argv)
{
    flow_jobs_settings_t settings = { "sqlite3" };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p;

    if (argc < 3) {
        fprintf(stderr, "usage: bench_commit events|jobs|start STORE ...\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&p, NULL);
    flow_json_global_init();
    settings.params = apr_pstrcat(p, argv[2], "/bench.db", NULL);
    if (strchr(argv[2], '=')) {
        settings.driver = "pgsql";
        settings.params = argv[2];
    }
    settings.queue_limit = 10000000;
    settings.uid = settings.gid = -1;
    settings.stats = apr_palloc(p, flow_stats_size(0));
    flow_stats_init(settings.stats, 0);
    make_model(FLOWS_MAX, p);
    if (flow_jobs_prepare(&settings, p, &err) != APR_SUCCESS) {
        return complain(&err);
    }
    switch (argv[1][0]) {
    case 'j':
        return bench_jobs(&settings, argc, argv, p);
    case 's':
        return bench_start(&settings, argc, argv, p);
    default:
        return bench_events(&settings, argc, argv, p);
    }
}
