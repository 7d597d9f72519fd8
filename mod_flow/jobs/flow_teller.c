/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_teller.h"

#include <pthread.h>

#include <apr_thread_proc.h>

#include "base/flow_clock.h"
#include "jobs/flow_store.h"

/* Groups between the committer and the teller. flow_teller_await() keeps it at
 * one; a committer that does not wait for it waits here. */
#define HANDED_MAX 16

struct flow_teller_t {
    flow_teller_fn *tell;
    void *baton;
    apr_thread_t *thread;
    apr_interval_time_t cost; /* atomic; written by the thread */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t handed;
    pthread_cond_t taken; /* or all told */
    void *groups[HANDED_MAX];
    int n;
    int fd;
    const char *store;
    int is_busy;
    int is_waiting; /* the committer waits for `taken` */
    int stopping;
    int has_failed; /* also read without the lock */
    flow_error_t why;
};

/* The lock is held. */
static void call_committer(flow_teller_t *t)
{
    if (t->is_waiting) {
        pthread_cond_signal(&t->taken);
    }
}

/* Have the disk take it. The lock is not held. */
static apr_status_t sync_one(flow_teller_t *t, int fd, const char *store,
                             flow_error_t *err)
{
    apr_time_t began = flow_clock();
    apr_status_t rv = flow_store_sync(fd, store, err);
    apr_interval_time_t cost = __atomic_load_n(&t->cost, __ATOMIC_RELAXED);

    cost += (flow_clock() - began - cost) / 8;
    __atomic_store_n(&t->cost, cost, __ATOMIC_RELAXED);
    return rv;
}

static void do_taken(flow_teller_t *t)
{
    flow_error_t err = FLOW_ERROR_INIT;
    int i, n = t->n, fd = t->fd, failed = t->has_failed;
    const char *store = t->store;
    void *groups[HANDED_MAX];
    apr_status_t rv;

    for (i = 0; i < n; ++i) {
        groups[i] = t->groups[i];
    }
    if (failed) {
        err = t->why;
    }
    t->n = 0;
    t->is_busy = 1;
    call_committer(t);
    pthread_mutex_unlock(&t->lock);

    rv = failed ? APR_EGENERAL : sync_one(t, fd, store, &err);
    if (rv != APR_SUCCESS && !failed) {
        pthread_mutex_lock(&t->lock);
        t->why = err;
        __atomic_store_n(&t->has_failed, 1, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&t->lock);
    }
    for (i = 0; i < n; ++i) {
        t->tell(t->baton, groups[i], rv, rv == APR_SUCCESS ? NULL : &err);
    }

    pthread_mutex_lock(&t->lock);
    t->is_busy = 0;
    call_committer(t);
}

static void *APR_THREAD_FUNC teller_main(apr_thread_t *thread, void *data)
{
    flow_teller_t *t = data;

    (void)thread;
    pthread_mutex_lock(&t->lock);
    while (t->n || !t->stopping) {
        if (t->n) {
            do_taken(t);
        }
        else {
            pthread_cond_wait(&t->handed, &t->lock);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

apr_status_t flow_teller_start(flow_teller_t **pteller, flow_teller_fn *tell,
                               void *baton, apr_pool_t *p, flow_error_t *err)
{
    flow_teller_t *t = apr_pcalloc(p, sizeof(*t));
    apr_status_t rv;

    t->tell = tell;
    t->baton = baton;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->handed, NULL);
    pthread_cond_init(&t->taken, NULL);
    rv = apr_thread_create(&t->thread, NULL, teller_main, t, p);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_thread",
                              "cannot start the thread that waits for the "
                              "disk");
    }
    *pteller = t;
    return APR_SUCCESS;
}

/* Wait while there are so many groups, or, with at_work, somebody is being
 * told. The lock is held. */
static void wait_taken(flow_teller_t *t, int most, int at_work)
{
    while (t->n > most || (at_work && t->is_busy)) {
        t->is_waiting = 1;
        pthread_cond_wait(&t->taken, &t->lock);
        t->is_waiting = 0;
    }
}

void flow_teller_hand(flow_teller_t *t, void *group, int fd, const char *store)
{
    pthread_mutex_lock(&t->lock);
    wait_taken(t, HANDED_MAX - 1, 0);
    t->groups[t->n++] = group;
    t->fd = fd;
    t->store = store;
    if (!t->is_busy && t->n == 1) {
        pthread_cond_signal(&t->handed);
    }
    pthread_mutex_unlock(&t->lock);
}

void flow_teller_await(flow_teller_t *t)
{
    pthread_mutex_lock(&t->lock);
    wait_taken(t, 0, 0);
    pthread_mutex_unlock(&t->lock);
}

apr_interval_time_t flow_teller_cost(const flow_teller_t *t)
{
    return __atomic_load_n(&t->cost, __ATOMIC_RELAXED);
}

int flow_teller_has_failed(const flow_teller_t *t)
{
    return __atomic_load_n(&t->has_failed, __ATOMIC_ACQUIRE);
}

apr_status_t flow_teller_settle(flow_teller_t *t, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    pthread_mutex_lock(&t->lock);
    wait_taken(t, 0, 1);
    if (t->has_failed) {
        rv = flow_error_set(err, t->why.kind, APR_EGENERAL, t->why.code, "%s",
                            t->why.message);
        __atomic_store_n(&t->has_failed, 0, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&t->lock);
    return rv;
}

void flow_teller_stop(flow_teller_t *t)
{
    apr_status_t rv;

    pthread_mutex_lock(&t->lock);
    t->stopping = 1;
    pthread_cond_signal(&t->handed);
    pthread_mutex_unlock(&t->lock);
    apr_thread_join(&rv, t->thread);
}
