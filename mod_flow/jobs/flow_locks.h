/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_LOCKS_H
#define FLOW_LOCKS_H

#include "jobs/flow_jobs_private.h"

/**
 * Names that only one page at a time may hold, for idLockTemplate: first among
 * the threads of this process, in memory, then among processes, as rows of
 * the store. A page takes all its names or none, so nobody waits while
 * holding some. Rows of a process that is gone are taken over at once where
 * that can be known (flow_owner.h), else when their time is up.
 */

/** Sets jobs->locks and the interface's functions; 0 when it cannot. */
int flow_locks_fill(flow_jobs_t *jobs);

/* As in flow_jobs_iface_t. */
apr_status_t flow_locks_lock(void *baton, const char *scope,
                             const char *const *names, int n, apr_time_t until,
                             flow_error_t *err);
void flow_locks_unlock(void *baton, const char *scope, const char *const *names,
                       int n);

#endif
