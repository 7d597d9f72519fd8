/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "flow/flow_webhook.h"
#include "jobs/flow_dedup.h"
#include "jobs/flow_locks.h"
#include "jobs/flow_outages.h"
#include "jobs/flow_owner.h"

#define ACCEPT_WAIT  apr_time_from_sec(10)
#define RETRY_AFTER  apr_time_from_sec(1)
#define COUNT_EVERY  apr_time_from_msec(100)
#define COUNT_SELDOM apr_time_from_sec(2)
#define GROWTH_MAX   50000 /* jobs a second that all processes may accept */
#define REQUEST_MAX  (50 * 1024 * 1024)
#define LOG_CROWD    500 /* lines that are not left waiting for the tick */

int flow_jobs_is_stopping(const flow_jobs_t *jobs)
{
    return __atomic_load_n(&jobs->stopping, __ATOMIC_RELAXED) != 0;
}

/* ---- read handles ---- */

apr_status_t flow_jobs_reader(flow_jobs_t *jobs, flow_store_t **pstore,
                              flow_error_t *err)
{
    const flow_jobs_settings_t *s = &jobs->settings;
    apr_status_t rv;

    *pstore = NULL;
    pthread_mutex_lock(&jobs->lock);
    if (jobs->nreaders) {
        *pstore = jobs->readers[--jobs->nreaders];
    }
    pthread_mutex_unlock(&jobs->lock);
    if (*pstore) {
        flow_error_t why = FLOW_ERROR_INIT;

        if (flow_store_verify(*pstore, &why) == APR_SUCCESS) {
            return APR_SUCCESS;
        }
        flow_store_close(*pstore);
        *pstore = NULL;
    }
    rv = flow_store_open(pstore, s->driver, s->params, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_check(*pstore, err);
    }
    if (rv != APR_SUCCESS) {
        flow_store_close(*pstore);
        *pstore = NULL;
    }
    return rv;
}

void flow_jobs_reader_done(flow_jobs_t *jobs, flow_store_t *store)
{
    int is_kept = 0;

    pthread_mutex_lock(&jobs->lock);
    if (!flow_store_is_broken(store) && jobs->nreaders < FLOW_IDLE_READERS) {
        jobs->readers[jobs->nreaders++] = store;
        is_kept = 1;
    }
    pthread_mutex_unlock(&jobs->lock);
    if (!is_kept) {
        flow_store_close(store);
    }
}

/* ---- storing events and jobs ---- */

/* One block, freed by who is done with it last. (A pool costs a system call.) */
typedef struct insert_job_t {
    char id[FLOW_ID_SIZE];
    flow_new_job_t job;
} insert_job_t;

typedef struct insert_t {
    flow_work_t work;
    flow_jobs_t *owner;
    apr_time_t now, key_until;
    char event_id[FLOW_ID_SIZE];  /* "" = jobs without an event */
    char stored_id[FLOW_ID_SIZE]; /* out: of an event that came before */
    char *key;                    /* the sender's id of the event, or NULL */
    int is_known;                 /* out: so nothing was stored now */
    const char *export_id;
    char *text; /* the event or the request, or NULL */
    int n;
    insert_job_t jobs[];
} insert_t;

static apr_status_t run_insert(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    insert_t *w = (insert_t *)work;
    apr_status_t rv = APR_SUCCESS;
    int i;

    w->is_known = 0;
    memcpy(w->stored_id, w->event_id, FLOW_ID_SIZE);
    if (w->key) {
        rv = flow_dedup_claim(store, w->export_id, w->key, w->now, w->key_until,
                              w->stored_id, &w->is_known, err);
    }
    if (rv != APR_SUCCESS || w->is_known) {
        return rv;
    }
    if (*w->event_id) {
        rv = flow_queue_event(store, w->event_id, w->export_id, w->now, w->text,
                              err);
    }
    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        rv = flow_queue_job(store, &w->jobs[i].job, w->now, err);
        if (flow_workers_could_start(w->owner, w->jobs[i].job.flow_id)) {
            flow_claims_ask(w->owner); /* it may begin with the same commit */
        }
    }
    return rv;
}

static void release_insert(flow_work_t *work)
{
    free(work);
}

/* @a v becomes w->text, @a key w->key; both may be NULL. */
static apr_status_t insert_new(insert_t **pw, int n, const json_t *v,
                               const char *key, apr_pool_t *p,
                               flow_error_t *err)
{
    apr_size_t size = sizeof(insert_t) + (apr_size_t)n * sizeof(insert_job_t);
    apr_size_t key_len = key ? strlen(key) : 0;
    const char *text = NULL;
    apr_size_t len = 0;
    insert_t *w;

    if (v) {
        text = flow_json_text(v, &len, p);
        if (text && len > REQUEST_MAX) {
            return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC,
                                  "request_too_large",
                                  "more than %d MB cannot be stored with a job",
                                  REQUEST_MAX / 1024 / 1024);
        }
    }
    w = !v || text ? calloc(1, size + len + 1 + key_len + 1) : NULL;
    if (!w) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for a job");
    }
    w->n = n;
    w->now = apr_time_now();
    w->work.run = run_insert;
    w->work.release = release_insert;
    if (text) {
        w->text = (char *)w + size;
        memcpy(w->text, text, len);
    }
    if (key) {
        w->key = (char *)w + size + len + 1;
        memcpy(w->key, key, key_len);
    }
    *pw = w;
    return APR_SUCCESS;
}

static apr_status_t check_room(flow_jobs_t *jobs, flow_error_t *err)
{
    apr_int64_t waiting = __atomic_load_n(&jobs->waiting, __ATOMIC_RELAXED);

    if (jobs->settings.queue_limit > 0 &&
        waiting >= jobs->settings.queue_limit) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EAGAIN, "queue_full",
                              "%" APR_INT64_T_FMT " %s waiting, and "
                              "FlowQueueLimit is %d; try again later",
                              waiting, waiting == 1 ? "job is" : "jobs are",
                              jobs->settings.queue_limit);
    }
    return APR_SUCCESS;
}

/* Consumes @a w. *pevent_id (may be NULL): the event's, in @a p. */
static apr_status_t store(flow_jobs_t *jobs, insert_t *w,
                          const char **pevent_id, apr_pool_t *p,
                          flow_error_t *err)
{
    int is_abandoned;
    apr_status_t rv;

    w->owner = jobs;
    /* Counted before, because the transaction itself may count anew. */
    __atomic_fetch_add(&jobs->waiting, w->n, __ATOMIC_RELAXED);
    rv = flow_committer_do(jobs->committer, &w->work, ACCEPT_WAIT,
                           &is_abandoned, err);
    if (is_abandoned) {
        return rv;
    }
    if (rv == APR_SUCCESS && pevent_id) {
        *pevent_id = apr_pstrdup(p, w->stored_id);
    }
    if (rv != APR_SUCCESS || w->is_known) {
        __atomic_fetch_sub(&jobs->waiting, w->n, __ATOMIC_RELAXED);
    }
    free(w);
    return rv;
}

apr_status_t flow_jobs_accept(flow_jobs_t *jobs, const flow_export_t *exp,
                              const flow_request_t *req, const char **pevent_id,
                              apr_pool_t *p, flow_error_t *err)
{
    const apr_array_header_t *flows =
        apr_hash_get(jobs->env->model->listeners, exp->id, APR_HASH_KEY_STRING);
    apr_status_t rv;
    insert_t *w = NULL;
    json_t *event;
    int i;

    if (!flows || !flows->nelts) {
        return APR_NOTFOUND;
    }
    rv = check_room(jobs, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    event = flow_webhook_to_json(exp->webhook, req, p);
    rv = insert_new(&w, flows->nelts, event,
                    flow_webhook_event_id(exp->webhook, req, p), p, err);
    json_decref(event);
    if (!w) {
        return rv;
    }
    flow_ids_make(&jobs->ids, w->now, w->event_id);
    w->export_id = exp->id;
    w->key_until = w->now + flow_webhook_id_window(exp->webhook);
    w->work.events = 1;
    for (i = 0; i < w->n; ++i) {
        flow_new_job_t *job = &w->jobs[i].job;

        flow_ids_make(&jobs->ids, w->now, w->jobs[i].id);
        job->id = w->jobs[i].id;
        job->flow_id = APR_ARRAY_IDX(flows, i, const flow_flow_t *)->id;
        job->export_id = exp->id;
        job->event_id = w->event_id;
        job->priority = FLOW_PRIORITY_EVENT;
    }
    return store(jobs, w, pevent_id, p, err);
}

apr_status_t flow_jobs_queue(flow_jobs_t *jobs, const flow_flow_t *flow,
                             const json_t *request, const char *id, int wait,
                             apr_pool_t *p, flow_error_t *err)
{
    flow_new_job_t *job;
    insert_t *w = NULL;
    apr_status_t rv;

    if (flow->disabled) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "flow_disabled",
                              "flow '%s' is disabled", flow->id);
    }
    rv = flow_run_check(flow, request, err);
    if (rv == APR_SUCCESS) {
        rv = check_room(jobs, err);
    }
    if (rv == APR_SUCCESS) {
        rv = insert_new(&w, 1, request, NULL, p, err);
    }
    if (!w) {
        return rv;
    }
    apr_cpystrn(w->jobs[0].id, id, FLOW_ID_SIZE);
    job = &w->jobs[0].job;
    job->id = w->jobs[0].id;
    job->flow_id = flow->id;
    job->request = w->text;
    job->priority = wait ? FLOW_PRIORITY_WAIT : FLOW_PRIORITY_EVENT;
    job->collect = wait;
    return store(jobs, w, NULL, p, err);
}

static apr_status_t iface_queue(void *baton, const flow_flow_t *flow,
                                const json_t *request, const char **pjob_id,
                                apr_pool_t *p, flow_error_t *err)
{
    flow_jobs_t *jobs = baton;
    char *id = apr_palloc(p, FLOW_ID_SIZE);

    flow_ids_make(&jobs->ids, apr_time_now(), id);
    *pjob_id = id;
    return flow_jobs_queue(jobs, flow, request, id, 0, p, err);
}

apr_status_t flow_jobs_do(flow_jobs_t *jobs, flow_work_t *work,
                          flow_error_t *err)
{
    apr_status_t rv;

    for (;;) {
        flow_error_clear(err);
        rv = flow_committer_do(jobs->committer, work, -1, NULL, err);
        if (rv == APR_SUCCESS || !err || !flow_error_is_retryable(err) ||
            flow_jobs_is_stopping(jobs)) {
            return rv;
        }
        pthread_mutex_lock(&jobs->lock);
        if (!flow_jobs_is_stopping(jobs)) {
            flow_clock_cond_wait(&jobs->tick, &jobs->lock,
                                 flow_clock() + RETRY_AFTER);
        }
        pthread_mutex_unlock(&jobs->lock);
    }
}

/* ---- looking ---- */

apr_status_t flow_jobs_get(flow_jobs_t *jobs, const char *id, json_t **pjob,
                           apr_pool_t *p, flow_error_t *err)
{
    flow_store_t *reader;
    apr_status_t rv = flow_jobs_reader(jobs, &reader, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_queue_get(reader, id, pjob, NULL, p, err);
    flow_jobs_reader_done(jobs, reader);
    return rv;
}

apr_status_t flow_jobs_depth(flow_jobs_t *jobs, flow_queue_depth_t *depth,
                             apr_pool_t *p, flow_error_t *err)
{
    flow_store_t *reader;
    apr_status_t rv = flow_jobs_reader(jobs, &reader, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_queue_depth(reader, depth, p, err);
    flow_jobs_reader_done(jobs, reader);
    return rv;
}

/* How many jobs wait? Counting reads an index entry for each of them, so not
 * more often than matters: what comes in here is added anyway, and others need
 * their time too until the limit is reached. */
static void count_waiting(flow_jobs_t *jobs, flow_store_t *handle)
{
    apr_int64_t n = 0, limit = jobs->settings.queue_limit, room;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_time_t now = flow_clock(), pause;
    apr_pool_t *p;

    if (now < jobs->count_at || limit <= 0) {
        return;
    }
    p = flow_store_pool(0);
    if (p && flow_queue_waiting(handle, limit, &n, p, &err) == APR_SUCCESS) {
        __atomic_store_n(&jobs->waiting, n, __ATOMIC_RELAXED);
    }
    if (p) {
        apr_pool_destroy(p);
    }
    room = (limit - n) * APR_USEC_PER_SEC / GROWTH_MAX;
    pause = COUNT_EVERY + 100 * (flow_clock() - now);
    if (pause < room) {
        pause = room < COUNT_SELDOM ? room : COUNT_SELDOM;
    }
    jobs->count_at = flow_clock() + pause;
}

static apr_status_t group_end(void *baton, flow_store_t *handle,
                              flow_error_t *err)
{
    flow_jobs_t *jobs = baton;

    count_waiting(jobs, handle);
    return flow_claims_make(jobs, handle, err);
}

/* ---- start and stop ---- */

apr_status_t flow_jobs_prepare(const flow_jobs_settings_t *settings,
                               apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = flow_store_driver_check(settings->driver, err);

    if (rv == APR_SUCCESS) {
        rv = flow_store_global_init(settings->driver, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_create(settings->driver, settings->params,
                               settings->uid, settings->gid, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_migrate(settings->driver, settings->params, err);
    }
    if (rv != APR_SUCCESS && flow_store_is_shared(settings->driver) && err &&
        err->kind == FLOW_E_UNAVAILABLE) {
        /* What needs no store can be answered; children try again. */
        flow_log(FLOW_LOG_ERROR,
                 FLOW_LOGNO(0340) "the server starts without its store: %s",
                 err->message);
        flow_error_clear(err);
        rv = APR_SUCCESS;
    }
    else if (rv == APR_SUCCESS) {
        flow_outages_hurry(settings, p);
    }
    return rv;
}

void flow_jobs_release(flow_jobs_t *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->released = 1;
    pthread_cond_broadcast(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
}

const flow_jobs_iface_t *flow_jobs_iface(flow_jobs_t *jobs)
{
    return &jobs->iface;
}

flow_breaker_t *flow_jobs_breaker(flow_jobs_t *jobs)
{
    return jobs->breaker;
}

const flow_state_iface_t *flow_jobs_state(flow_jobs_t *jobs)
{
    return &jobs->state;
}

const flow_grant_iface_t *flow_jobs_grants(flow_jobs_t *jobs)
{
    return jobs->settings.seal ? &jobs->grants : NULL;
}

static void log_line(void *baton, const flow_script_line_t *line)
{
    flow_jobs_t *jobs = baton;

    if (flow_script_log_add(jobs->log, line) == LOG_CROWD) {
        pthread_mutex_lock(&jobs->lock);
        pthread_cond_broadcast(&jobs->tick);
        pthread_mutex_unlock(&jobs->lock);
    }
}

void flow_jobs_stopping(flow_jobs_t *jobs)
{
    flow_running_t *r;

    pthread_mutex_lock(&jobs->lock);
    __atomic_store_n(&jobs->stopping, 1, __ATOMIC_RELAXED);
    for (r = jobs->running; r; r = r->next) {
        __atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
    }
    pthread_cond_broadcast(&jobs->wake);
    pthread_cond_broadcast(&jobs->tick);
    pthread_mutex_unlock(&jobs->lock);
}

static flow_jobs_t *jobs_new(const flow_jobs_settings_t *settings,
                             const flow_env_t *env)
{
    apr_pool_t *p = flow_store_pool(1);
    flow_jobs_t *jobs;

    if (!p) {
        return NULL;
    }
    jobs = apr_pcalloc(p, sizeof(*jobs));
    jobs->p = p;
    jobs->settings = *settings;
    jobs->settings.driver = apr_pstrdup(p, settings->driver);
    jobs->settings.params = apr_pstrdup(p, settings->params);
    jobs->name = flow_store_name(settings->driver, settings->params, p);
    jobs->env = env;
    jobs->claims.candidates = flow_candidates_create(p);
    jobs->run = flow_run;
    jobs->owner = flow_owner_new(p);
    flow_ids_init(&jobs->ids);
    jobs->iface.baton = jobs;
    jobs->iface.queue = iface_queue;
    jobs->iface.run_wait = flow_jobs_run_wait;
    jobs->log = flow_script_log_create(p);
    jobs->state.baton = jobs;
    jobs->state.log = log_line;
    flow_state_store_fill(&jobs->state);
    flow_cache_store_fill(&jobs->state);
    flow_grant_store_fill(&jobs->grants, jobs);
    if (!flow_locks_fill(jobs)) {
        apr_pool_destroy(p);
        return NULL;
    }
    pthread_mutex_init(&jobs->lock, NULL);
    flow_clock_cond_init(&jobs->wake);
    flow_clock_cond_init(&jobs->tick);
    flow_clock_cond_init(&jobs->ended);
    flow_outages_fill(&jobs->outages, jobs);
    if (env->model) {
        jobs->breaker = flow_breaker_create(env->model, &jobs->outages, p);
    }
    return jobs;
}

static apr_status_t start_threads(flow_jobs_t *jobs, flow_error_t *err)
{
    flow_committer_settings_t c = { jobs->settings.driver,
                                    jobs->settings.params,
                                    jobs->settings.stats,
                                    flow_claims_begin,
                                    group_end,
                                    flow_claims_done,
                                    jobs };
    apr_status_t rv;

    rv = flow_committer_start(&jobs->committer, &c, jobs->p, err);
    if (jobs->settings.is_tool) {
        return rv;
    }
    if (rv == APR_SUCCESS) {
        rv = flow_workers_start(jobs, err);
    }
    if (rv == APR_SUCCESS) {
        jobs->keeper_alive = 1;
        rv = apr_thread_create(&jobs->keeper, NULL, flow_keeper_main, jobs,
                               jobs->p);
        if (rv != APR_SUCCESS) {
            jobs->keeper = NULL;
            flow_error_set(err, FLOW_E_INTERNAL, rv, "no_thread",
                           "cannot start the thread that looks after jobs");
        }
    }
    return rv;
}

apr_status_t flow_jobs_start(flow_jobs_t **pjobs,
                             const flow_jobs_settings_t *settings,
                             const flow_env_t *env, apr_pool_t *pchild,
                             flow_error_t *err)
{
    sigset_t all, before;
    flow_jobs_t *jobs;
    apr_status_t rv;

    *pjobs = NULL;
    rv = flow_store_driver_check(settings->driver, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_global_init(settings->driver, pchild, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    jobs = jobs_new(settings, env);
    if (!jobs) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "no_memory",
                              "out of memory for jobs");
    }
    /* Before pchild's other cleanups, which free what workers use. */
    apr_pool_pre_cleanup_register(pchild, jobs, flow_jobs_stop);
    if (settings->stats) {
        flow_stats_add32(&settings->stats->workers, settings->workers);
    }
    /* The server's signals belong to its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = start_threads(jobs, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv != APR_SUCCESS) {
        apr_pool_cleanup_run(pchild, jobs, flow_jobs_stop);
        return rv;
    }
    *pjobs = jobs;
    return APR_SUCCESS;
}
