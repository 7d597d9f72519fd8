/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_committer.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "base/flow_log.h"

/* Pieces of work in one transaction: bounds how long the first one waits. */
#define GROUP_MAX    256
#define REOPEN_AFTER apr_time_from_sec(1)

/* What has become of a piece of work. Between QUEUED and TAKEN it changes under
 * the lock; from TAKEN the committer and the submitter race by compare-and-set
 * for who sees it last and therefore frees it. */
enum {
    WORK_QUEUED,
    WORK_TAKEN,
    WORK_DONE,
    WORK_ABANDONED
};

struct flow_committer_t {
    flow_committer_settings_t settings;
    apr_thread_t *thread;
    apr_thread_mutex_t *lock; /* guards the members down to the blank line */
    apr_thread_cond_t *arrived;
    apr_thread_cond_t *ended;
    flow_work_t *head, *tail;
    int waiting; /* the thread sleeps on `arrived` */
    int stopping;
    int has_ended;

    /* the thread's own */
    flow_store_t *store;
    apr_time_t open_at;
    int was_down; /* the log has been told */
    int crowd;    /* size of the last group */
    volatile int up;
};

static int change_state(flow_work_t *work, int from, int to)
{
    return __atomic_compare_exchange_n(&work->state, &from, to, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* ---- the thread ---- */

static void finish(flow_work_t *work, apr_status_t status,
                   const flow_error_t *why)
{
    work->status = status;
    if (why) {
        work->error = *why;
    }
    if (change_state(work, WORK_TAKEN, WORK_DONE)) {
        sem_post(&work->done);
    }
    else {
        sem_destroy(&work->done);
        work->release(work);
    }
}

static void finish_all(flow_work_t *group, apr_status_t status,
                       const flow_error_t *why)
{
    while (group) {
        flow_work_t *next = group->next;

        finish(group, status, why);
        group = next;
    }
}

static void close_store(flow_committer_t *c, const flow_error_t *why)
{
    flow_store_close(c->store);
    c->store = NULL;
    __atomic_store_n(&c->up, 0, __ATOMIC_RELEASE);
    if (why && !c->was_down) {
        c->was_down = 1;
        flow_log(FLOW_LOG_ERROR, FLOW_LOGNO(0301) "nothing can be stored: %s",
                 why->message);
    }
}

static apr_status_t open_store(flow_committer_t *c, flow_error_t *err)
{
    apr_status_t rv;

    if (c->store) {
        return APR_SUCCESS;
    }
    if (apr_time_now() < c->open_at) {
        return flow_error_set(
            err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "store_unavailable",
            "store '%s' is out of reach at the moment", c->settings.params);
    }
    rv =
        flow_store_open(&c->store, c->settings.driver, c->settings.params, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_check(c->store, err);
    }
    if (rv != APR_SUCCESS) {
        close_store(c, err);
        c->open_at = apr_time_now() + REOPEN_AFTER;
        return rv;
    }
    __atomic_store_n(&c->up, 1, __ATOMIC_RELEASE);
    return APR_SUCCESS;
}

static void announce_return(flow_committer_t *c)
{
    if (c->was_down) {
        c->was_down = 0;
        flow_log(FLOW_LOG_NOTICE, FLOW_LOGNO(0302) "store '%s' works again",
                 c->settings.params);
    }
}

/* One transaction. *pculprit is the piece whose statement failed, NULL when
 * the store as such did. */
static apr_status_t attempt(flow_committer_t *c, flow_work_t *group,
                            flow_work_t **pculprit, flow_error_t *err)
{
    flow_work_t *work;
    apr_status_t rv;

    *pculprit = NULL;
    rv = flow_store_begin(c->store, -1, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (work = group; work; work = work->next) {
        rv = work->run(work, c->store, err);
        if (rv != APR_SUCCESS) {
            flow_store_rollback(c->store);
            if (!flow_store_is_broken(c->store)) {
                *pculprit = work;
            }
            return rv;
        }
    }
    if (c->settings.before_commit) {
        c->settings.before_commit(c->settings.baton, c->store);
    }
    return flow_store_commit(c->store, err);
}

static flow_work_t *take_out(flow_work_t *group, flow_work_t *one)
{
    flow_work_t **at = &group;

    while (*at != one) {
        at = &(*at)->next;
    }
    *at = one->next;
    one->next = NULL;
    return group;
}

/* A transaction, tried twice when the handle went bad: the schema may have
 * changed, or the file was replaced. */
static apr_status_t attempt_twice(flow_committer_t *c, flow_work_t *group,
                                  flow_work_t **pculprit, flow_error_t *err)
{
    apr_status_t rv = APR_EGENERAL;
    int i;

    *pculprit = NULL;
    for (i = 0; i < 2; ++i) {
        flow_error_clear(err);
        rv = open_store(c, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        rv = attempt(c, group, pculprit, err);
        if (rv == APR_SUCCESS || *pculprit) {
            return rv;
        }
        if (APR_STATUS_IS_ENOSPC(rv)) {
            break;
        }
        close_store(c, i ? err : NULL);
    }
    close_store(c, err);
    return rv;
}

static void count(flow_committer_t *c, const flow_work_t *group)
{
    flow_stats_t *stats = c->settings.stats;
    int events = 0;

    for (; group; group = group->next) {
        events += group->events;
    }
    if (stats && events) {
        flow_stats_add64(&stats->events, events);
        flow_stats_add64(&stats->commits, 1);
    }
}

/* Have the group done; pieces whose own statements fail are set apart, so that
 * they fail nobody else, and tried alone at the end. */
static void do_group(flow_committer_t *c, flow_work_t *group)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_work_t *apart = NULL, *culprit;
    apr_status_t rv;

    while (group) {
        rv = attempt_twice(c, group, &culprit, &err);
        if (rv != APR_SUCCESS && culprit) {
            group = take_out(group, culprit);
            culprit->next = apart;
            apart = culprit;
            continue;
        }
        if (rv == APR_SUCCESS) {
            announce_return(c);
            count(c, group);
        }
        finish_all(group, rv, rv == APR_SUCCESS ? NULL : &err);
        group = NULL;
    }
    while (apart) {
        culprit = apart;
        apart = apart->next;
        culprit->next = NULL;
        rv = attempt_twice(c, culprit, &group, &err);
        if (rv == APR_SUCCESS) {
            count(c, culprit);
        }
        finish(culprit, rv, rv == APR_SUCCESS ? NULL : &err);
    }
}

/* Wait for work; NULL = end. */
static flow_work_t *take_group(flow_committer_t *c)
{
    flow_work_t *group, *work = NULL;
    int n;

    /* A crowd was here a moment ago and has just been woken: let it come
     * back, or the first one to return gets a transaction of its own. */
    if (c->crowd > 1) {
        sched_yield();
    }
    apr_thread_mutex_lock(c->lock);
    while (!c->head && !c->stopping) {
        c->waiting = 1;
        if (c->store) {
            apr_thread_cond_wait(c->arrived, c->lock);
        }
        else {
            apr_thread_cond_timedwait(c->arrived, c->lock, REOPEN_AFTER);
        }
        c->waiting = 0;
        if (!c->store && !c->head) {
            flow_error_t err = FLOW_ERROR_INIT;

            apr_thread_mutex_unlock(c->lock);
            if (open_store(c, &err) == APR_SUCCESS) {
                announce_return(c);
            }
            apr_thread_mutex_lock(c->lock);
        }
    }
    group = c->head;
    for (n = 0; c->head && n < GROUP_MAX; ++n) {
        work = c->head;
        __atomic_store_n(&work->state, WORK_TAKEN, __ATOMIC_RELEASE);
        c->head = work->next;
    }
    if (!c->head) {
        c->tail = NULL;
    }
    if (work) {
        work->next = NULL;
    }
    c->crowd = n;
    apr_thread_mutex_unlock(c->lock);
    return group;
}

static void *APR_THREAD_FUNC committer_main(apr_thread_t *thread, void *data)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_committer_t *c = data;
    flow_work_t *group;

    (void)thread;
    open_store(c, &err);
    while ((group = take_group(c)) != NULL) {
        do_group(c, group);
    }
    flow_store_close(c->store);
    c->store = NULL;

    apr_thread_mutex_lock(c->lock);
    c->has_ended = 1;
    apr_thread_cond_signal(c->ended);
    apr_thread_mutex_unlock(c->lock);
    return NULL;
}

apr_status_t flow_committer_start(flow_committer_t **pcommitter,
                                  const flow_committer_settings_t *settings,
                                  apr_pool_t *p, flow_error_t *err)
{
    flow_committer_t *c = apr_pcalloc(p, sizeof(*c));
    apr_status_t rv;

    c->settings = *settings;
    rv = apr_thread_mutex_create(&c->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&c->arrived, p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&c->ended, p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_create(&c->thread, NULL, committer_main, c, p);
    }
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_thread",
                              "cannot start the thread that writes to the "
                              "store");
    }
    *pcommitter = c;
    return APR_SUCCESS;
}

/* ---- callers ---- */

static apr_status_t refuse(flow_error_t *err, const char *why)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                          "store_unavailable", "%s", why);
}

static int enqueue(flow_committer_t *c, flow_work_t *work)
{
    int ok;

    apr_thread_mutex_lock(c->lock);
    ok = !c->stopping;
    if (ok) {
        if (c->tail) {
            c->tail->next = work;
        }
        else {
            c->head = work;
        }
        c->tail = work;
        if (c->waiting) {
            apr_thread_cond_signal(c->arrived);
        }
    }
    apr_thread_mutex_unlock(c->lock);
    return ok;
}

/* Take back what has not been begun. */
static int dequeue(flow_committer_t *c, flow_work_t *work)
{
    flow_work_t *before = NULL, *at;

    apr_thread_mutex_lock(c->lock);
    for (at = c->head; at && at != work; at = at->next) {
        before = at;
    }
    if (at) {
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
    apr_thread_mutex_unlock(c->lock);
    return at != NULL;
}

static int wait_done(flow_work_t *work, apr_interval_time_t wait)
{
    apr_time_t until = apr_time_now() + wait;
    struct timespec ts;
    int rc;

    ts.tv_sec = (time_t)apr_time_sec(until);
    ts.tv_nsec = (long)apr_time_usec(until) * 1000;
    do {
        rc = wait < 0 ? sem_wait(&work->done) : sem_timedwait(&work->done, &ts);
    } while (rc != 0 && errno == EINTR);
    return rc == 0;
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
        if (change_state(work, WORK_TAKEN, WORK_ABANDONED)) {
            if (pabandoned) {
                *pabandoned = 1;
            }
            return refuse(err, "the store has not answered in time");
        }
        wait_done(work, -1); /* it is being done this very moment */
    }
    rv = work->status;
    if (rv != APR_SUCCESS) {
        flow_error_set(err, work->error.kind, rv, work->error.code, "%s",
                       work->error.message);
    }
    sem_destroy(&work->done);
    return rv;
}

int flow_committer_is_up(const flow_committer_t *c)
{
    return __atomic_load_n(&c->up, __ATOMIC_ACQUIRE);
}

apr_status_t flow_committer_stop(flow_committer_t *c,
                                 apr_interval_time_t patience)
{
    apr_time_t until = apr_time_now() + patience;
    apr_status_t rv;
    int ended;

    apr_thread_mutex_lock(c->lock);
    c->stopping = 1;
    apr_thread_cond_signal(c->arrived);
    while (!c->has_ended && apr_time_now() < until) {
        apr_thread_cond_timedwait(c->ended, c->lock, until - apr_time_now());
    }
    ended = c->has_ended;
    apr_thread_mutex_unlock(c->lock);
    if (!ended) {
        return APR_TIMEUP;
    }
    apr_thread_join(&rv, c->thread);
    return APR_SUCCESS;
}
