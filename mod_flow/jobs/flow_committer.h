/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_COMMITTER_H
#define FLOW_COMMITTER_H

#include <semaphore.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "base/flow_stats.h"
#include "jobs/flow_store.h"

/**
 * Group commit: the one thread of a process that writes to the store.
 *
 * Callers hand in a piece of work and wait. The committer takes all that has
 * arrived, runs it in one transaction and commits; a second thread (the
 * teller) has the disk take it and wakes each caller alone. While the disk is
 * at work the next group gathers, so the price of a sync is shared by as many
 * as want it and a lone caller waits for nobody.
 *
 * The store may be away: work is then refused at once ("store_unavailable"),
 * and the committer goes on trying to open it. Any thread may submit.
 */
typedef struct flow_committer_t flow_committer_t;

/**
 * A piece of work. Extend it by making it the first member of a struct.
 *
 * run() executes statements inside the committer's transaction, on its thread.
 * It may be called again after a rollback (because another piece of the group
 * failed, or because nobody can tell whether a COMMIT that broke off has been
 * one), so it sets its outputs anew each time. It fails with the error of a
 * statement, or to refuse what it was asked for; then nothing that it did is
 * stored.
 */
typedef struct flow_work_t flow_work_t;
struct flow_work_t {
    apr_status_t (*run)(flow_work_t *work, flow_store_t *store,
                        flow_error_t *err);
    /** Frees the work when its submitter has given up waiting; NULL when the
     * submitter waits without limit (the work may then be on its stack). */
    void (*release)(flow_work_t *work);
    /** For flow_committer_submit(): what became of it, on the committer's or
     * the teller's thread, which must not be held up. It may free the work. */
    void (*ended)(flow_work_t *work);
    int events; /* for the statistics: webhook events in it */

    /* the committer's */
    flow_work_t *next;
    int state;
    apr_status_t status;
    flow_error_t error;
    sem_t done;
};

typedef struct flow_committer_settings_t {
    const char *driver, *params;
    flow_stats_t *stats; /* or NULL */
    /** On the committer's thread: before the first piece of a transaction, and
     * after its last one, before COMMIT. The latter may write; when it fails
     * the transaction is rolled back and tried again, and then again without
     * it and not in bulk (flow_store_set_bulk()). May be NULL. */
    void (*group_begin)(void *baton);
    apr_status_t (*group_end)(void *baton, flow_store_t *store,
                              flow_error_t *err);
    /** It has been committed, others may see it; nobody has been told yet, and
     * with sqlite3 the disk need not have it: should it never, those who are
     * waiting are told so. */
    void (*group_done)(void *baton);
    void *baton;
} flow_committer_settings_t;

/** Starts the thread. A store that cannot be opened is tried again. */
apr_status_t flow_committer_start(flow_committer_t **pcommitter,
                                  const flow_committer_settings_t *settings,
                                  apr_pool_t *p, flow_error_t *err);

/**
 * Have @a work done. Success: committed. @a wait: negative = without limit;
 * else, past it, FLOW_E_UNAVAILABLE "store_unavailable": if it had not begun it
 * will not be done, else it may still be. In that case only, @a work belongs
 * to the committer: *pabandoned (not NULL when @a wait is not negative) says
 * so. After flow_committer_stop() everything is refused.
 */
apr_status_t flow_committer_do(flow_committer_t *committer, flow_work_t *work,
                               apr_interval_time_t wait, int *pabandoned,
                               flow_error_t *err);

/** Have @a work done and do not wait: work->ended() is told, with work->status
 * and work->error. Pieces are done in the order in which they came. After
 * flow_committer_stop() it is refused, and nobody is told. */
apr_status_t flow_committer_submit(flow_committer_t *committer,
                                   flow_work_t *work, flow_error_t *err);

/** Is the store open now? */
int flow_committer_is_up(const flow_committer_t *committer);

/** Finish what has been submitted and end the thread; APR_TIMEUP when it did
 * not end in time, and then nothing of the committer may be freed. */
apr_status_t flow_committer_stop(flow_committer_t *committer,
                                 apr_interval_time_t patience);

#endif
