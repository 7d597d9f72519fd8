/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TELLER_H
#define FLOW_TELLER_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"

/**
 * The second half of a group commit: a thread that has the disk take what has
 * been committed, and then tells those who wait for it. Meanwhile the committer
 * runs the next transaction; one sync serves all groups that were handed in
 * before it began.
 *
 * When a sync fails nobody can tell what is on the disk, not even after one
 * that succeeds later (the kernel has given up the pages by then): all that has
 * been handed in is told so, and so is all that comes, until
 * flow_teller_settle().
 *
 * One thread, the committer, calls the functions.
 */
typedef struct flow_teller_t flow_teller_t;

/** On the teller's thread, which must not be held up: @a group (as handed in)
 * is on the disk, or else @a why not. */
typedef void flow_teller_fn(void *baton, void *group, apr_status_t status,
                            const flow_error_t *why);

apr_status_t flow_teller_start(flow_teller_t **pteller, flow_teller_fn *tell,
                               void *baton, apr_pool_t *p, flow_error_t *err);

/** @a group is committed; @a fd, open until the next flow_teller_settle(), is
 * what flow_store_commit_fast() gave. @a store is its name, for messages. */
void flow_teller_hand(flow_teller_t *teller, void *group, int fd,
                      const char *store);

/** Wait until what was handed in has been taken up, so that there is never more
 * than one sync to wait for. */
void flow_teller_await(flow_teller_t *teller);

/** What a sync takes, of late. */
apr_interval_time_t flow_teller_cost(const flow_teller_t *teller);

/** Has a sync failed since the last flow_teller_settle()? */
int flow_teller_has_failed(const flow_teller_t *teller);

/** Wait until all have been told. Success: no sync has failed since the last
 * time, else the failure, and the teller begins anew. */
apr_status_t flow_teller_settle(flow_teller_t *teller, flow_error_t *err);

/** Tell all, and end the thread. */
void flow_teller_stop(flow_teller_t *teller);

#endif
