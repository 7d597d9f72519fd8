/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/flow_clock.h"
#include "base/flow_log.h"
#include "base/flow_peer.h"

/* A stopped run is looked at again after this long: the signal may have met it
 * between leave() and enter(). */
#define AGAIN_AFTER apr_time_from_msec(2)

/* How often the client of a run is looked after. */
#define LOOK_AFTER apr_time_from_msec(250)
#define NEVER      APR_INT64_MAX

struct flow_timer_t {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    flow_stop_t *runs;
    apr_time_t sleeps_until; /* a run with an earlier deadline must wake it */
    int quit;
};

/* The handler reads this. initial-exec: its place is fixed when the thread is
 * made, so reading it never allocates. */
static __thread flow_stop_t *current __attribute__((tls_model("initial-exec")));

static int stop_signal;

/*
 * Runs on the thread of the run that it stops. Everything it uses is
 * async-signal-safe: atomics, a thread-local pointer, siglongjmp. A signal
 * that comes late meets another run, whose `expired` is not set, or none.
 */
static void handle_stop(int signo, siginfo_t *info, void *context)
{
    flow_stop_t *stop = current;

    (void)signo;
    (void)info;
    (void)context;
    if (stop && atomic_load(&stop->inside) && atomic_load(&stop->expired)) {
        atomic_store(&stop->inside, 0);
        stop->why = (flow_stop_e)atomic_load(&stop->expired);
        siglongjmp(stop->jump, 1);
    }
}

static int handler_is_ours(void)
{
    struct sigaction now;

    return sigaction(stop_signal, NULL, &now) == 0 &&
           (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle_stop;
}

static void install_handler(void)
{
    struct sigaction ours;

    memset(&ours, 0, sizeof(ours));
    ours.sa_sigaction = handle_stop;
    ours.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&ours.sa_mask);
    sigaction(stop_signal, &ours, NULL);
}

void flow_stop_global_init(void)
{
    struct sigaction now;
    int n;

    if (stop_signal && handler_is_ours()) {
        return;
    }
    /* The first few are taken by convention by threading libraries and
     * profilers. Ignored counts as free: see below. */
    for (n = SIGRTMIN + 5; n <= SIGRTMAX; ++n) {
        if (sigaction(n, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)) {
            break;
        }
    }
    stop_signal = n <= SIGRTMAX ? n : SIGRTMAX;
    install_handler();
}

/* The handler's code goes away when a module is unloaded (httpd does that at
 * every restart); a signal that nobody expects must not end the process. */
__attribute__((destructor)) static void forget_handler(void)
{
    if (stop_signal && handler_is_ours()) {
        signal(stop_signal, SIG_IGN);
    }
}

/* ---- the timer ---- */

/* Called with the lock held, so the thread of the run still exists. */
static void stop_one(flow_stop_t *stop, flow_stop_e why)
{
    atomic_store(&stop->expired, why);
    /* Between leave() and enter() nobody needs to be disturbed: enter() sets
     * `inside` first and then looks at `expired`. */
    if (!atomic_load(&stop->inside)) {
        return;
    }
    if (!handler_is_ours()) {
        flow_log(FLOW_LOG_WARNING,
                 FLOW_LOGNO(0501) "somebody replaced the handler of signal "
                                  "%d, which stops scripts; put back",
                 stop_signal);
        install_handler();
    }
    pthread_kill(stop->thread, stop_signal);
}

static void sleep_until(flow_timer_t *timer, apr_time_t when)
{
    timer->sleeps_until = when;
    if (when == NEVER) {
        pthread_cond_wait(&timer->wake, &timer->lock);
        return;
    }
    flow_clock_cond_wait(&timer->wake, &timer->lock, when);
}

/* Stop the run if it has to be; when to look at it again. */
static apr_time_t look_at(flow_stop_t *stop, apr_time_t now)
{
    if (stop->deadline <= now) {
        stop_one(stop, FLOW_STOP_TIME);
        return now + AGAIN_AFTER;
    }
    if (!stop->client) {
        return stop->deadline;
    }
    if (flow_peer_is_gone(*stop->client)) {
        stop_one(stop, FLOW_STOP_CLIENT);
        return now + AGAIN_AFTER;
    }
    return stop->deadline < now + LOOK_AFTER ? stop->deadline
                                             : now + LOOK_AFTER;
}

static void *timer_main(void *arg)
{
    flow_timer_t *timer = arg;

    pthread_mutex_lock(&timer->lock);
    while (!timer->quit) {
        apr_time_t now = flow_clock();
        apr_time_t next = NEVER;
        flow_stop_t *stop;

        for (stop = timer->runs; stop; stop = stop->next) {
            apr_time_t due = look_at(stop, now);

            if (due < next) {
                next = due;
            }
        }
        sleep_until(timer, next);
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

apr_status_t flow_timer_create(flow_timer_t **ptimer)
{
    flow_timer_t *timer = calloc(1, sizeof(*timer));
    sigset_t all, before;
    int rc;

    *ptimer = NULL;
    if (!timer) {
        return APR_ENOMEM;
    }
    pthread_mutex_init(&timer->lock, NULL);
    flow_clock_cond_init(&timer->wake);
    timer->sleeps_until = NEVER;

    /* The process's signals are for its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&timer->thread, NULL, timer_main, timer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        pthread_cond_destroy(&timer->wake);
        pthread_mutex_destroy(&timer->lock);
        free(timer);
        return rc;
    }
    *ptimer = timer;
    return APR_SUCCESS;
}

void flow_timer_destroy(flow_timer_t *timer)
{
    if (!timer) {
        return;
    }
    pthread_mutex_lock(&timer->lock);
    timer->quit = 1;
    pthread_cond_signal(&timer->wake);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(timer->thread, NULL);
    pthread_cond_destroy(&timer->wake);
    pthread_mutex_destroy(&timer->lock);
    free(timer);
}

static void timer_add(flow_timer_t *timer, flow_stop_t *stop)
{
    apr_time_t due = stop->deadline, look;

    if (stop->client) {
        look = apr_time_now() + LOOK_AFTER;
        due = look < due ? look : due;
    }
    pthread_mutex_lock(&timer->lock);
    stop->prev = NULL;
    stop->next = timer->runs;
    if (stop->next) {
        stop->next->prev = stop;
    }
    timer->runs = stop;
    /* Most runs are due later than what the timer sleeps for, be it for a run
     * that has long ended, so most of them cost no wake-up. */
    if (due < timer->sleeps_until) {
        timer->sleeps_until = due;
        pthread_cond_signal(&timer->wake);
    }
    pthread_mutex_unlock(&timer->lock);
}

static void timer_remove(flow_timer_t *timer, flow_stop_t *stop)
{
    pthread_mutex_lock(&timer->lock);
    if (stop->next) {
        stop->next->prev = stop->prev;
    }
    if (stop->prev) {
        stop->prev->next = stop->next;
    }
    else {
        timer->runs = stop->next;
    }
    pthread_mutex_unlock(&timer->lock);
}

/* ---- runs ---- */

flow_stop_t *flow_stop_current(void)
{
    return current;
}

/* The stop signal, and that of a page that is written to for the first time
 * (flow_guard.h), which would end the process when blocked. */
static void unblock_ours(sigset_t *before)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, stop_signal);
    sigaddset(&ours, SIGSEGV);
    pthread_sigmask(SIG_UNBLOCK, &ours, before);
}

flow_stop_e flow_stop_run(flow_stop_t *stop, flow_timer_t *timer,
                          apr_time_t deadline, const int *client,
                          void (*fn)(void *baton), void *baton)
{
    atomic_init(&stop->inside, 0);
    atomic_init(&stop->expired, 0);
    stop->why = FLOW_STOP_NONE;
    stop->deadline = deadline;
    stop->client = client;
    stop->thread = pthread_self();
    stop->outer = current;

    unblock_ours(&stop->mask);
    current = stop;
    timer_add(timer, stop);

    /* The mask is put back below; saving it here would be a system call. */
    if (sigsetjmp(stop->jump, 0) == 0) {
        flow_stop_enter(stop);
        fn(baton);
    }
    atomic_store(&stop->inside, 0);

    timer_remove(timer, stop);
    current = stop->outer;
    pthread_sigmask(SIG_SETMASK, &stop->mask, NULL);
    return stop->why;
}

void flow_stop_leave(flow_stop_t *stop)
{
    atomic_store(&stop->inside, 0);
}

void flow_stop_enter(flow_stop_t *stop)
{
    atomic_store(&stop->inside, 1);
    if (atomic_load(&stop->expired)) {
        flow_stop_now(stop, (flow_stop_e)atomic_load(&stop->expired));
    }
}

void flow_stop_leave_far(flow_stop_t *stop)
{
    flow_stop_leave(stop);
    pthread_sigmask(SIG_SETMASK, &stop->mask, NULL);
}

void flow_stop_enter_far(flow_stop_t *stop)
{
    unblock_ours(NULL);
    flow_stop_enter(stop);
}

flow_stop_e flow_stop_is_due(const flow_stop_t *stop)
{
    return (flow_stop_e)atomic_load(&stop->expired);
}

void flow_stop_now(flow_stop_t *stop, flow_stop_e why)
{
    atomic_store(&stop->inside, 0);
    stop->why = why;
    siglongjmp(stop->jump, 1);
}
