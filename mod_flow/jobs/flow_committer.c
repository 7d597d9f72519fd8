/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_committer_private.h"

#include "base/flow_clock.h"
#include "base/flow_log.h"

/* Pieces of work in one transaction: bounds how long the first one waits. */
#define GROUP_MAX    256
#define REOPEN_AFTER apr_time_from_sec(1)
/* How long the thread waits for others to join a group: see gather(). Below the
 * least a wait costs more than it brings. */
#define GATHER_LEAST  50
#define GATHER_MOST   apr_time_from_msec(2)
#define CONFLICTS_MAX 6 /* the others go through meanwhile */

static void finish(flow_work_t *work, apr_status_t status,
                   const flow_error_t *why)
{
    work->status = status;
    if (why) {
        work->error = *why;
    }
    if (work->ended) {
        work->ended(work);
        return;
    }
    if (flow_work_change(work, WORK_TAKEN, WORK_DONE)) {
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
    flow_error_t lost = FLOW_ERROR_INIT;

    if (flow_teller_settle(c->teller, &lost) != APR_SUCCESS) {
        c->unsettled = 1;
        why = &lost;
    }
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
    if (flow_clock() < c->open_at) {
        return flow_error_set(
            err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "store_unavailable",
            "store '%s' is out of reach at the moment", c->name);
    }
    rv =
        flow_store_open(&c->store, c->settings.driver, c->settings.params, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_check(c->store, err);
    }
    if (rv != APR_SUCCESS && c->store && !flow_store_is_broken(c->store) &&
        err->kind == FLOW_E_UNAVAILABLE &&
        flow_store_is_shared(c->settings.driver)) {
        /* It was out of reach when the server started. */
        flow_error_clear(err);
        rv = flow_store_migrate(c->settings.driver, c->settings.params, err);
    }
    if (rv == APR_SUCCESS && c->unsettled) {
        rv = flow_store_settle(c->store, err);
        c->unsettled = rv != APR_SUCCESS;
    }
    if (rv != APR_SUCCESS) {
        close_store(c, err);
        c->open_at = flow_clock() + REOPEN_AFTER;
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
                 c->name);
    }
}

/* One transaction; *pfd is flow_store_commit_fast()'s. *pculprit is the piece
 * whose statement failed, NULL when the store as such did. */
static apr_status_t attempt(flow_committer_t *c, flow_work_t *group,
                            int with_end, int *pfd, flow_work_t **pculprit,
                            flow_error_t *err)
{
    flow_work_t *work;
    apr_status_t rv;

    *pculprit = NULL;
    rv = c->has_begun ? APR_SUCCESS : flow_store_begin(c->store, -1, err);
    c->has_begun = 0;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    flow_store_set_bulk(c->store, with_end);
    if (c->settings.group_begin) {
        c->settings.group_begin(c->settings.baton);
    }
    for (work = group; work; work = work->next) {
        rv = work->run(work, c->store, err);
        if (rv != APR_SUCCESS) {
            flow_store_rollback(c->store);
            if (!flow_store_is_broken(c->store) &&
                !flow_store_is_conflict(c->store)) {
                *pculprit = work;
            }
            return rv;
        }
    }
    rv = flow_store_flush(c->store, err);
    if (rv == APR_SUCCESS && c->settings.group_end && with_end) {
        rv = c->settings.group_end(c->settings.baton, c->store, err);
    }
    if (rv != APR_SUCCESS) {
        flow_store_rollback(c->store);
        return rv;
    }
    rv = flow_store_commit_fast(c->store, pfd, err);
    if (rv == APR_SUCCESS && c->settings.group_done) {
        c->settings.group_done(c->settings.baton);
    }
    return rv;
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

/* A transaction, tried again when it met another one, and once more when the
 * handle went bad: the schema may have changed, the file was replaced, the
 * session was cut. */
static apr_status_t attempt_again(flow_committer_t *c, flow_work_t *group,
                                  int *pfd, flow_work_t **pculprit,
                                  flow_error_t *err)
{
    apr_status_t rv = APR_EGENERAL;
    int tries = 0, conflicts = 0;

    *pculprit = NULL;
    while (tries < 2 && conflicts < CONFLICTS_MAX) {
        flow_error_clear(err);
        rv = open_store(c, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        rv = attempt(c, group, !tries && conflicts < 2, pfd, pculprit, err);
        if (rv == APR_SUCCESS || *pculprit) {
            return rv;
        }
        if (!flow_store_is_broken(c->store)) {
            ++conflicts;
            continue;
        }
        if (APR_STATUS_IS_ENOSPC(rv)) {
            break;
        }
        close_store(c, tries++ ? err : NULL);
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

/* The teller's thread. */
static void tell(void *baton, void *group, apr_status_t status,
                 const flow_error_t *why)
{
    flow_committer_t *c = baton;

    if (status == APR_SUCCESS) {
        count(c, group);
    }
    else { /* the committer opens the store anew, at once */
        pthread_mutex_lock(&c->lock);
        pthread_cond_signal(&c->arrived);
        pthread_mutex_unlock(&c->lock);
    }
    finish_all(group, status, why);
}

/* It has been committed: @a fd as above. */
static void tell_later(flow_committer_t *c, flow_work_t *group, int fd)
{
    announce_return(c);
    if (fd < 0) {
        tell(c, group, APR_SUCCESS, NULL);
    }
    else {
        flow_teller_hand(c->teller, group, fd, c->name);
    }
}

/* Have the group done; pieces whose own statements fail are set apart, so that
 * they fail nobody else, and tried alone at the end. */
static void do_group(flow_committer_t *c, flow_work_t *group)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_work_t *apart = NULL, *culprit;
    apr_status_t rv;
    int fd;

    while (group) {
        rv = attempt_again(c, group, &fd, &culprit, &err);
        if (rv != APR_SUCCESS && culprit) {
            group = take_out(group, culprit);
            culprit->next = apart;
            apart = culprit;
            continue;
        }
        if (rv == APR_SUCCESS) {
            tell_later(c, group, fd);
        }
        else {
            finish_all(group, rv, &err);
        }
        group = NULL;
    }
    while (apart) {
        culprit = apart;
        apart = apart->next;
        culprit->next = NULL;
        rv = attempt_again(c, culprit, &fd, &group, &err);
        if (rv == APR_SUCCESS) {
            tell_later(c, culprit, fd);
        }
        else {
            finish(culprit, rv, &err);
        }
    }
}

/*
 * Those of the last group come back when they have been told; whoever came
 * since waits already. Give them some time, up to half of what the disk takes:
 * one transaction for all costs less than two that halve them. After a lone
 * piece nobody is waited for. The lock is held.
 */
static void gather(flow_committer_t *c)
{
    apr_interval_time_t patience = flow_teller_cost(c->teller) / 2;
    int expected = c->length + c->crowd;
    apr_time_t until;

    if (c->crowd < 2 || patience < GATHER_LEAST) {
        return;
    }
    until = flow_clock() + (patience < GATHER_MOST ? patience : GATHER_MOST);
    c->wanted = expected - expected / 8;
    while (c->length < c->wanted && !c->stopping &&
           flow_clock_cond_wait(&c->arrived, &c->lock, until) == 0) {
    }
    c->wanted = 0;
}

/* Sleep until somebody comes, or it is time to try to open the store. The lock
 * is held. */
static void wait_for_one(flow_committer_t *c)
{
    flow_error_t err = FLOW_ERROR_INIT;

    c->wanted = 1;
    if (flow_teller_has_failed(c->teller)) {
        /* It has called under the lock, perhaps before we slept. */
    }
    else if (c->store) {
        pthread_cond_wait(&c->arrived, &c->lock);
    }
    else {
        flow_clock_cond_wait(&c->arrived, &c->lock,
                             flow_clock() + REOPEN_AFTER);
    }
    c->wanted = 0;
    if (c->head || c->stopping) {
        return;
    }
    pthread_mutex_unlock(&c->lock);
    if (flow_teller_has_failed(c->teller)) {
        close_store(c, NULL);
    }
    if (!c->store && open_store(c, &err) == APR_SUCCESS) {
        announce_return(c);
    }
    pthread_mutex_lock(&c->lock);
}

/* Wait for work; 0 = end. */
static int wait_for_work(flow_committer_t *c)
{
    int is_there;

    flow_teller_await(c->teller);
    pthread_mutex_lock(&c->lock);
    gather(c);
    while (!c->head && !c->stopping) {
        wait_for_one(c);
    }
    is_there = c->head != NULL;
    pthread_mutex_unlock(&c->lock);
    if (flow_teller_has_failed(c->teller)) {
        close_store(c, NULL);
    }
    return is_there;
}

/* All that is there. NULL: those who wanted it have given up. */
static flow_work_t *take_group(flow_committer_t *c)
{
    flow_work_t *group, *work = NULL;
    int n;

    pthread_mutex_lock(&c->lock);
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
    c->length -= n;
    pthread_mutex_unlock(&c->lock);
    return group;
}

static void *APR_THREAD_FUNC committer_main(apr_thread_t *thread, void *data)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_committer_t *c = data;
    flow_work_t *group;

    (void)thread;
    open_store(c, &err);
    while (wait_for_work(c)) {
        /* Begin first: what arrives while other processes have the store goes
         * along. A failure shows when the group is attempted. */
        c->has_begun =
            c->store && flow_store_begin(c->store, -1, NULL) == APR_SUCCESS;
        group = take_group(c);
        if (group) {
            do_group(c, group);
        }
        else if (c->has_begun) {
            flow_store_rollback(c->store);
            c->has_begun = 0;
        }
    }
    close_store(c, NULL);
    flow_teller_stop(c->teller);

    pthread_mutex_lock(&c->lock);
    c->has_ended = 1;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

apr_status_t flow_committer_start(flow_committer_t **pcommitter,
                                  const flow_committer_settings_t *settings,
                                  apr_pool_t *p, flow_error_t *err)
{
    flow_committer_t *c = apr_pcalloc(p, sizeof(*c));
    apr_status_t rv;

    c->settings = *settings;
    c->name = flow_store_name(settings->driver, settings->params, p);
    pthread_mutex_init(&c->lock, NULL);
    flow_clock_cond_init(&c->arrived);
    flow_clock_cond_init(&c->ended);
    rv = flow_teller_start(&c->teller, tell, c, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_thread_create(&c->thread, NULL, committer_main, c, p);
    if (rv != APR_SUCCESS) {
        flow_teller_stop(c->teller);
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_thread",
                              "cannot start the thread that writes to the "
                              "store");
    }
    *pcommitter = c;
    return APR_SUCCESS;
}
