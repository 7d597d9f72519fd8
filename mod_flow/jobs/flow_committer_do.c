/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_committer_private.h"

#include "base/flow_clock.h"

static apr_status_t refuse(flow_error_t *err, const char *why)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                          "store_unavailable", "%s", why);
}

static int enqueue(flow_committer_t *c, flow_work_t *work)
{
    int ok;

    pthread_mutex_lock(&c->lock);
    ok = !c->stopping;
    if (ok) {
        if (c->tail) {
            c->tail->next = work;
        }
        else {
            c->head = work;
        }
        c->tail = work;
        if (++c->length >= c->wanted && c->wanted) {
            pthread_cond_signal(&c->arrived);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return ok;
}

/* Take back what has not been begun. */
static int dequeue(flow_committer_t *c, flow_work_t *work)
{
    flow_work_t *before = NULL, *at;

    pthread_mutex_lock(&c->lock);
    for (at = c->head; at && at != work; at = at->next) {
        before = at;
    }
    if (at) {
        --c->length;
        if (before) {
            before->next = work->next;
        }
        else {
            c->head = work->next;
        }
        if (c->tail == work) {
            c->tail = before;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return at != NULL;
}

static int wait_done(flow_work_t *work, apr_interval_time_t wait)
{
    int rc;

    if (wait >= 0) {
        return flow_clock_sem_wait(&work->done, flow_clock() + wait) == 0;
    }
    do {
        rc = sem_wait(&work->done);
    } while (rc != 0);
    return 1;
}

apr_status_t flow_committer_do(flow_committer_t *c, flow_work_t *work,
                               apr_interval_time_t wait, int *pabandoned,
                               flow_error_t *err)
{
    apr_status_t rv;

    if (pabandoned) {
        *pabandoned = 0;
    }
    work->next = NULL;
    work->state = WORK_QUEUED;
    work->status = APR_SUCCESS;
    flow_error_clear(&work->error);
    sem_init(&work->done, 0, 0);
    if (!enqueue(c, work)) {
        sem_destroy(&work->done);
        return refuse(err, "the server is stopping");
    }
    if (!wait_done(work, wait)) {
        if (dequeue(c, work)) {
            sem_destroy(&work->done);
            return refuse(err, "the store has not answered in time");
        }
        if (flow_work_change(work, WORK_TAKEN, WORK_ABANDONED)) {
            if (pabandoned) {
                *pabandoned = 1;
            }
            return refuse(err, "the store has not answered in time");
        }
        wait_done(work, -1); /* it is being done this very moment */
    }
    /* The semaphore orders this too; the state says so to all tools. */
    (void)__atomic_load_n(&work->state, __ATOMIC_ACQUIRE);
    rv = work->status;
    if (rv != APR_SUCCESS) {
        flow_error_set(err, work->error.kind, rv, work->error.code, "%s",
                       work->error.message);
    }
    sem_destroy(&work->done);
    return rv;
}

apr_status_t flow_committer_submit(flow_committer_t *c, flow_work_t *work,
                                   flow_error_t *err)
{
    work->next = NULL;
    work->state = WORK_QUEUED;
    work->status = APR_SUCCESS;
    flow_error_clear(&work->error);
    return enqueue(c, work) ? APR_SUCCESS
                            : refuse(err, "the server is stopping");
}

int flow_committer_is_up(const flow_committer_t *c)
{
    return __atomic_load_n(&c->up, __ATOMIC_ACQUIRE);
}

apr_status_t flow_committer_stop(flow_committer_t *c,
                                 apr_interval_time_t patience)
{
    apr_time_t until = flow_clock() + patience;
    apr_status_t rv;
    int ended;

    pthread_mutex_lock(&c->lock);
    c->stopping = 1;
    pthread_cond_signal(&c->arrived);
    while (!c->has_ended && flow_clock() < until) {
        flow_clock_cond_wait(&c->ended, &c->lock, until);
    }
    ended = c->has_ended;
    pthread_mutex_unlock(&c->lock);
    if (!ended) {
        return APR_TIMEUP;
    }
    apr_thread_join(&rv, c->thread);
    return APR_SUCCESS;
}
