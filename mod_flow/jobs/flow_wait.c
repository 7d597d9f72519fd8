/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <string.h>

#include "data/flow_json.h"

/*
 * Queue a run and wait for its end. The job is an ordinary one, only with
 * priority: it survives a crash, and it goes on when the waiting is over. A
 * worker of this process tells us at once; a run in another process is seen
 * by looking.
 *
 * No deadlock: whoever waits does so until a given time; a worker that waits
 * gets a helper for the job that it waits for, so waiting never uses up the
 * threads that would do the work. A flow that waits for itself is told so by
 * the time limit.
 */
#define LOOK_EVERY apr_time_from_msec(200)
#define ERRORS_MAX 1000

void flow_waiters_tell(flow_jobs_t *jobs, const char *job_id)
{
    flow_waiter_t *w;

    pthread_mutex_lock(&jobs->lock);
    for (w = jobs->waiters; w; w = w->next) {
        if (strcmp(w->job_id, job_id) == 0) {
            sem_post(&w->ended);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
}

static void enter(flow_jobs_t *jobs, flow_waiter_t *w)
{
    sem_init(&w->ended, 0, 0);
    pthread_mutex_lock(&jobs->lock);
    w->next = jobs->waiters;
    jobs->waiters = w;
    pthread_mutex_unlock(&jobs->lock);
}

static void leave(flow_jobs_t *jobs, flow_waiter_t *w)
{
    flow_waiter_t **at;

    pthread_mutex_lock(&jobs->lock);
    for (at = &jobs->waiters; *at != w; at = &(*at)->next) {
    }
    *at = w->next;
    pthread_mutex_unlock(&jobs->lock);
    sem_destroy(&w->ended);
}

static void wait_until(flow_waiter_t *w, apr_time_t t)
{
    flow_clock_sem_wait(&w->ended, t);
}

/* {"job", "data", "errors"} of a job that has ended. */
static apr_status_t read_result(flow_store_t *store, const char *id,
                                json_t *job, const json_t *reason,
                                json_t *result, apr_pool_t *p,
                                flow_error_t *err)
{
    json_t *list = NULL, *kept = NULL, *failure;
    const char *text = NULL;
    apr_status_t rv;

    rv = flow_queue_result(store, id, &text, p, err);
    if (rv == APR_SUCCESS) {
        rv = flow_json_parse(&kept, text, strlen(text), err);
    }
    if (rv == APR_NOTFOUND) {
        rv = APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = flow_errors_list(store, id, ERRORS_MAX, &list, p, err);
    }
    if (rv != APR_SUCCESS) {
        json_decref(kept);
        return rv;
    }
    if (reason) {
        /* What broke the run itself comes first. */
        failure = json_copy((json_t *)reason);
        json_array_insert_new(list, 0, failure);
    }
    json_object_set(result, "job", job);
    if (kept) {
        json_object_update(result, kept);
        if (!json_is_true(json_object_get(kept, "truncated"))) {
            json_object_del(result, "truncated");
        }
    }
    else {
        json_object_set_new(result, "data", json_array());
    }
    json_object_set_new(result, "errors", list);
    json_decref(kept);
    return APR_SUCCESS;
}

/* APR_SUCCESS: it has ended, *presult is complete. APR_INCOMPLETE: it has not;
 * *presult has the job as it is. */
static apr_status_t look(flow_jobs_t *jobs, const char *id, json_t **presult,
                         apr_pool_t *p, flow_error_t *err)
{
    json_t *job = NULL, *reason = NULL, *result = NULL;
    flow_store_t *store;
    apr_status_t rv;

    rv = flow_jobs_reader(jobs, &store, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_queue_get(store, id, &job, &reason, p, err);
    if (rv == APR_SUCCESS) {
        result = json_object();
        if (flow_status_is_final(flow_json_member(job, "status"))) {
            rv = read_result(store, id, job, reason, result, p, err);
        }
        else {
            json_object_set(result, "job", job);
            rv = APR_INCOMPLETE;
        }
    }
    else if (rv == APR_NOTFOUND) {
        rv = flow_error_set(err, FLOW_E_INTERNAL, APR_NOTFOUND, "job_unknown",
                            "job '%s' has been deleted", id);
    }
    flow_jobs_reader_done(jobs, store);
    json_decref(job);
    json_decref(reason);
    if (rv == APR_SUCCESS || rv == APR_INCOMPLETE) {
        json_decref(*presult);
        *presult = result;
    }
    else {
        json_decref(result);
    }
    return rv;
}

static int is_queued(const json_t *result)
{
    const char *status =
        flow_json_member(json_object_get(result, "job"), "status");

    return status && strcmp(status, "queued") == 0;
}

static apr_status_t wait_for(flow_jobs_t *jobs, const char *id,
                             flow_waiter_t *waiter, apr_time_t until,
                             json_t **presult, apr_pool_t *p, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    apr_pool_t *round_p;
    apr_status_t rv;

    apr_pool_create(&round_p, p);
    for (;;) {
        apr_time_t now = flow_clock();

        if (flow_worker_is_current() && (!*presult || is_queued(*presult))) {
            flow_worker_help(jobs, id);
        }
        wait_until(waiter, now + LOOK_EVERY < until ? now + LOOK_EVERY : until);
        apr_pool_clear(round_p);
        flow_error_clear(&why);
        rv = look(jobs, id, presult, round_p, &why);
        if (rv == APR_SUCCESS ||
            (rv != APR_INCOMPLETE && !flow_error_is_retryable(&why)) ||
            flow_clock() >= until || flow_jobs_is_stopping(jobs)) {
            break;
        }
    }
    apr_pool_destroy(round_p);
    if (rv == APR_INCOMPLETE) {
        return APR_TIMEUP;
    }
    return rv == APR_SUCCESS
               ? rv
               : flow_error_set(err, why.kind, rv, why.code, "%s", why.message);
}

apr_status_t flow_jobs_run_wait(void *baton, const flow_flow_t *flow,
                                const json_t *request, apr_time_t until,
                                json_t **presult, apr_pool_t *p,
                                flow_error_t *err)
{
    flow_jobs_t *jobs = baton;
    flow_waiter_t waiter = { NULL };
    char id[FLOW_ID_SIZE];
    apr_status_t rv;

    *presult = NULL;
    flow_ids_make(&jobs->ids, apr_time_now(), id);
    waiter.job_id = id;
    /* Before it is stored, so that its end cannot be missed. */
    enter(jobs, &waiter);
    rv = flow_jobs_queue(jobs, flow, request, id, 1, p, err);
    if (rv == APR_SUCCESS) {
        rv = wait_for(jobs, id, &waiter, until, presult, p, err);
    }
    leave(jobs, &waiter);
    if (rv != APR_SUCCESS && rv != APR_TIMEUP) {
        json_decref(*presult);
        *presult = NULL;
    }
    return rv;
}
