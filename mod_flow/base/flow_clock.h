/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CLOCK_H
#define FLOW_CLOCK_H

#include <pthread.h>
#include <semaphore.h>

#include <apr_time.h>

/**
 * Time for deadlines and waiting, inside one process.
 *
 * The wall clock jumps: a deadline made of it comes too early, or an hour too
 * late, and a thread that waits on it sleeps that hour. This one only goes
 * forward. Its values look like apr_time_now()'s (it starts there, once per
 * process, and then counts by CLOCK_MONOTONIC), so a deadline that somebody
 * made of the wall clock is not far off either; but they are no dates, and
 * mean nothing to another process.
 */
apr_time_t flow_clock(void);

/** A condition whose timed waits go by that clock. */
void flow_clock_cond_init(pthread_cond_t *cond);
/** Wait until called or @a until, whichever is first. 0 = called (perhaps for
 * nothing, as with every condition), else time is up. */
int flow_clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
                         apr_time_t until);
/** The same for a semaphore; 0 = it was ours. */
int flow_clock_sem_wait(sem_t *sem, apr_time_t until);

/**
 * Giving up: what the calling thread waits for in base/ (an answer of a far
 * end) ends early once *@a flag is not 0. NULL: nothing ends it. The flag must
 * outlive the watching.
 */
void flow_abort_watch(const volatile apr_uint32_t *flag);
int flow_abort_asked(void);

#endif
