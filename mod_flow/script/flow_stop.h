/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STOP_H
#define FLOW_STOP_H

#include <setjmp.h>
#include <signal.h>
#include <pthread.h>
#include <stdatomic.h>

#include <apr_errno.h>
#include <apr_time.h>

/**
 * The hard stop: leave a computation at any instruction when its time is up.
 *
 * A timer thread sends the stop signal to the thread that runs too long, and
 * the signal's handler jumps (siglongjmp) out of the computation. That is sound
 * only while the computation holds no lock, is not inside the C library's heap,
 * and works on memory that is thrown away afterwards; mujs on an arena is like
 * that. Code that is not says flow_stop_leave() first and flow_stop_enter()
 * when it is done; in between the handler does nothing, and enter() jumps if
 * time ran out meanwhile.
 *
 * Runs may nest (a host function may run another script on the same thread).
 */
typedef struct flow_timer_t flow_timer_t;

typedef enum {
    FLOW_STOP_NONE = 0, /* the function returned */
    FLOW_STOP_TIME,
    FLOW_STOP_CLIENT, /* it went away */
    FLOW_STOP_MEMORY,
    FLOW_STOP_STACK,
    FLOW_STOP_BROKEN /* the engine's panic: a promise of ours was broken */
} flow_stop_e;

/** One run; lives on the caller's stack. Private to flow_stop.c, except that
 * its size must be known. */
typedef struct flow_stop_t {
    sigjmp_buf jump;
    atomic_int inside;  /* may the handler jump? */
    atomic_int expired; /* why, set by the timer, never cleared */
    flow_stop_e why;
    apr_time_t deadline;
    const int *client; /* see flow_stop_run() */
    pthread_t thread;
    sigset_t mask;                   /* the thread's, before the run */
    struct flow_stop_t *outer;       /* the run that this one is nested in */
    struct flow_stop_t *next, *prev; /* in the timer's list */
} flow_stop_t;

/** Choose the signal and install the handler. Repeat as you like. */
void flow_stop_global_init(void);

/** Starts a thread; destroy() joins it, after all runs have ended. */
apr_status_t flow_timer_create(flow_timer_t **ptimer);
void flow_timer_destroy(flow_timer_t *timer);

/**
 * Run @a fn inside until it returns or is stopped. The calling thread's signal
 * mask is as before when this returns. @a client: a socket; the run is stopped
 * within half a second when its other end closes it. NULL: none.
 */
flow_stop_e flow_stop_run(flow_stop_t *stop, flow_timer_t *timer,
                          apr_time_t deadline, const int *client,
                          void (*fn)(void *baton), void *baton);

/** Before and after anything that must not be left halfway. */
void flow_stop_leave(flow_stop_t *stop);
void flow_stop_enter(flow_stop_t *stop);
/** The same, and no stop signal interrupts a system call in between. */
void flow_stop_leave_far(flow_stop_t *stop);
void flow_stop_enter_far(flow_stop_t *stop);

/** Why it has to end, or FLOW_STOP_NONE. For long work between leave() and
 * enter(). */
flow_stop_e flow_stop_is_due(const flow_stop_t *stop);

/** Jump out of the run. Also allowed between leave() and enter(), when nothing
 * is held. */
void flow_stop_now(flow_stop_t *stop, flow_stop_e why)
    __attribute__((noreturn));

/** The innermost run of the calling thread, or NULL. */
flow_stop_t *flow_stop_current(void);

#endif
