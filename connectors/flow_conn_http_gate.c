/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many calls of a connection are under way on this server, and when the
 * next one may start. What all children must agree on lies in memory that they
 * share: it is made while the configuration is read, before they exist.
 *
 * A child may die at any moment. So its places carry its process id and are
 * taken back when it is gone, and the lock is of the kind that survives its
 * holder. Nobody sleeps in shared memory: a condition that a dead process waits
 * for cannot be relied upon. Threads wait on a condition of their own process,
 * and look now and then for what other processes have left.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#define PLACES_MAX 50 /* as concurrencyLevel */
#define DEFAULT    25
#define BORROW_MAX 8 /* connections that borrow from one that borrows */

/* How often a waiter looks for places of other processes, for dead ones, and
 * whether the process is about to stop. */
#define LOOK    apr_time_from_msec(10)
#define GLANCE  apr_time_from_msec(200)
#define OVERDUE apr_time_from_sec(60) /* behind a deadline: not coming back */

typedef struct place_t {
    pid_t pid; /* 0 = free */
    apr_time_t until;
} place_t;

typedef struct shared_t {
    pthread_mutex_t lock;
    int max, inside;
    int target;            /* adaptive: max moves between 1 and this; or 0 */
    int good;              /* answers since max has moved */
    apr_time_t not_before; /* the far end wants to be left alone */
    int limit, used;       /* calls in each window; 0 = no limit */
    apr_interval_time_t span;
    apr_time_t window; /* when the present one began */
    apr_time_t reaped; /* when dead processes were last looked for */
    place_t places[PLACES_MAX];
} shared_t;

struct http_gate_t {
    shared_t *s;
    http_gate_t *instead; /* the one it borrows from, or NULL */
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *left; /* a thread of this process has left */
};

/* ---- making ---- */

static apr_status_t unmap(void *data)
{
    munmap(data, sizeof(shared_t));
    return APR_SUCCESS;
}

static shared_t *make_shared(apr_pool_t *p)
{
    shared_t *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attr;

    if (s == MAP_FAILED) {
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    s->max = DEFAULT;
    apr_pool_cleanup_register(p, s, unmap, apr_pool_cleanup_null);
    return s;
}

http_gate_t *flow_conn_http_gate_create(int max, apr_pool_t *p)
{
    http_gate_t *gate = apr_pcalloc(p, sizeof(*gate));

    gate->s = make_shared(p);
    if (!gate->s ||
        apr_thread_mutex_create(&gate->lock, APR_THREAD_MUTEX_DEFAULT, p) !=
            APR_SUCCESS ||
        apr_thread_cond_create(&gate->left, p) != APR_SUCCESS) {
        return NULL;
    }
    flow_conn_http_gate_size(gate, max);
    return gate;
}

http_gate_t *flow_conn_http_gate_of(const char *id, apr_pool_t *p)
{
    static const char key[] = "flow_conn_http gates";
    void *found = NULL;
    apr_hash_t *gates;
    http_gate_t *gate;

    apr_pool_userdata_get(&found, key, p);
    gates = found ? found : apr_hash_make(p);
    if (!found) {
        apr_pool_userdata_setn(gates, key, NULL, p);
    }
    gate = apr_hash_get(gates, id, APR_HASH_KEY_STRING);
    if (!gate) {
        gate = flow_conn_http_gate_create(DEFAULT, p);
        apr_hash_set(gates, apr_pstrdup(p, id), APR_HASH_KEY_STRING, gate);
    }
    return gate;
}

void flow_conn_http_gate_borrow(http_gate_t *gate, http_gate_t *from)
{
    gate->instead = from;
}

void flow_conn_http_gate_size(http_gate_t *gate, int max)
{
    gate->s->max = max < PLACES_MAX ? max : PLACES_MAX;
}

void flow_conn_http_gate_adapt(http_gate_t *gate, int target)
{
    gate->s->target = target;
    gate->s->max = target;
}

void flow_conn_http_gate_limit(http_gate_t *gate, int limit,
                               apr_interval_time_t span)
{
    gate->s->max = 1;
    gate->s->target = 0;
    gate->s->limit = limit;
    gate->s->span = span;
}

/* ---- under the shared lock ---- */

static void lock(shared_t *s)
{
    /* Its holder died in here: counts are put right by reaping. */
    if (pthread_mutex_lock(&s->lock) == EOWNERDEAD) {
        pthread_mutex_consistent(&s->lock);
        s->reaped = 0;
    }
}

static void unlock(shared_t *s)
{
    pthread_mutex_unlock(&s->lock);
}

static int is_gone(const place_t *place, apr_time_t now)
{
    return (kill(place->pid, 0) != 0 && errno == ESRCH) ||
           now > place->until + OVERDUE;
}

/* Take back the places of processes that are gone, and count anew. */
static void reap(shared_t *s, apr_time_t now)
{
    int i;

    if (now - s->reaped < GLANCE) {
        return;
    }
    s->reaped = now;
    s->inside = 0;
    for (i = 0; i < PLACES_MAX; ++i) {
        if (s->places[i].pid && is_gone(&s->places[i], now)) {
            s->places[i].pid = 0;
        }
        s->inside += s->places[i].pid != 0;
    }
}

/* 0 = come in, else how long to wait at most. */
static apr_interval_time_t closed_for(shared_t *s, apr_time_t now)
{
    if (s->inside >= s->max) {
        reap(s, now);
    }
    if (s->inside >= s->max) {
        return LOOK;
    }
    if (now < s->not_before) {
        return s->not_before - now;
    }
    if (s->limit > 0) {
        if (now - s->window >= s->span) {
            s->window = now;
            s->used = 0;
        }
        if (s->used >= s->limit) {
            return s->window + s->span - now;
        }
    }
    return 0;
}

static int take_place(shared_t *s, apr_time_t until)
{
    int i;

    for (i = 0; i < PLACES_MAX && s->places[i].pid; ++i) {
    }
    if (i < PLACES_MAX) {
        s->places[i].pid = getpid();
        s->places[i].until = until;
    }
    ++s->inside;
    ++s->used;
    return i;
}

/* How long to wait, or 0: then *pplace is ours. */
static apr_interval_time_t try_enter(shared_t *s, const flow_call_t *call,
                                     int *pplace, int *pis_full)
{
    apr_interval_time_t wait;

    lock(s);
    wait = closed_for(s, apr_time_now());
    *pis_full = s->inside >= s->max;
    if (wait <= 0) {
        wait = 0;
        *pplace = take_place(s, call->deadline);
    }
    unlock(s);
    return wait;
}

/* ---- coming and going ---- */

static http_gate_t *real(http_gate_t *gate)
{
    int n;

    for (n = 0; gate && gate->instead && n < BORROW_MAX; ++n) {
        gate = gate->instead;
    }
    return gate;
}

static apr_status_t refuse(const http_gate_t *gate, int is_full,
                           flow_error_t *err)
{
    return is_full
               ? flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                "connection_busy",
                                "all %d calls that concurrencyLevel allows are "
                                "under way",
                                gate->s->max)
               : flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                "rate_limited",
                                "the far end takes no more requests for now");
}

apr_status_t flow_conn_http_gate_enter(http_gate_t *gate,
                                       const flow_call_t *call, int *pplace,
                                       flow_error_t *err)
{
    apr_interval_time_t wait, left;
    int is_full;

    *pplace = PLACES_MAX;
    gate = real(gate);
    if (!gate) {
        return APR_SUCCESS;
    }
    while ((wait = try_enter(gate->s, call, pplace, &is_full)) > 0) {
        left = call->deadline - flow_clock();
        /* No use in waiting for a time that is past the deadline. */
        if (left <= 0 || (!is_full && wait >= left) ||
            (call->stopping && *call->stopping)) {
            return refuse(gate, is_full, err);
        }
        wait = wait < GLANCE ? wait : GLANCE;
        apr_thread_mutex_lock(gate->lock);
        apr_thread_cond_timedwait(gate->left, gate->lock,
                                  wait < left ? wait : left);
        apr_thread_mutex_unlock(gate->lock);
    }
    return APR_SUCCESS;
}

static void tell(http_gate_t *gate)
{
    apr_thread_mutex_lock(gate->lock);
    apr_thread_cond_signal(gate->left);
    apr_thread_mutex_unlock(gate->lock);
}

void flow_conn_http_gate_leave(http_gate_t *gate, int place)
{
    shared_t *s;

    gate = real(gate);
    if (!gate) {
        return;
    }
    s = gate->s;
    lock(s);
    /* Taken back when we were overdue? Then it may be somebody else's. */
    if (place >= PLACES_MAX || s->places[place].pid == getpid()) {
        if (place < PLACES_MAX) {
            s->places[place].pid = 0;
        }
        s->inside -= s->inside > 0;
    }
    unlock(s);
    tell(gate);
}

void flow_conn_http_gate_pause(http_gate_t *gate, apr_interval_time_t wait)
{
    apr_time_t until = apr_time_now() + wait;
    shared_t *s;

    gate = real(gate);
    if (!gate) {
        return;
    }
    s = gate->s;
    lock(s);
    if (until > s->not_before) {
        s->not_before = until;
    }
    if (s->target && s->max > 1) {
        s->max /= 2;
    }
    s->good = 0;
    unlock(s);
}

void flow_conn_http_gate_good(http_gate_t *gate)
{
    int is_wider = 0;
    shared_t *s;

    gate = real(gate);
    if (!gate || !gate->s->target) {
        return;
    }
    s = gate->s;
    lock(s);
    if (++s->good >= s->max && s->max < s->target) {
        ++s->max;
        s->good = 0;
        is_wider = 1;
    }
    unlock(s);
    if (is_wider) {
        tell(gate);
    }
}
