/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_COMMITTER_PRIVATE_H
#define FLOW_COMMITTER_PRIVATE_H

#include "jobs/flow_committer.h"

#include <pthread.h>

#include <apr_thread_proc.h>

#include "jobs/flow_teller.h"

/* flow_committer.c is the thread, flow_committer_do.c those who call it. */

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
    const char *name; /* the store's, for messages */
    apr_thread_t *thread;
    pthread_mutex_t lock; /* guards the members down to the blank line */
    pthread_cond_t arrived;
    pthread_cond_t ended;
    flow_work_t *head, *tail;
    int length; /* of the list */
    int wanted; /* the thread sleeps until there are so many; 0 = it does not */
    int stopping;
    int has_ended;

    /* the thread's own */
    flow_store_t *store;
    flow_teller_t *teller;
    apr_time_t open_at;
    int has_begun; /* a transaction, for the next group */
    int was_down;  /* the log has been told */
    int crowd;     /* size of the last group */
    int unsettled; /* a sync has failed: flow_store_settle() first */
    volatile int up;
};

/** *@a work from one state to the next; 0: it was in another one. */
static inline int flow_work_change(flow_work_t *work, int from, int to)
{
    return __atomic_compare_exchange_n(&work->state, &from, to, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

#endif
