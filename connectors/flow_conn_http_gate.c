/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many calls of a connection are under way in this process, and when the
 * next one may start. The gate is made while the configuration is read and
 * inherited by the children, each of which then counts for itself.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_clock.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/* How often a waiter looks whether the process is about to stop. */
#define GLANCE apr_time_from_msec(200)

struct http_gate_t {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *left;
    int max, inside;
    int target;               /* adaptive: max moves between 1 and this; or 0 */
    int good;                 /* answers since max has moved */
    apr_time_t not_before;    /* the far end wants to be left alone */
    int limit, used;          /* calls in each window; 0 = no limit */
    apr_interval_time_t span; /* of a window */
    apr_time_t window;        /* when the present one began */
};

http_gate_t *flow_conn_http_gate_create(int max, apr_pool_t *p)
{
    http_gate_t *gate = apr_pcalloc(p, sizeof(*gate));

    gate->max = max;
    if (apr_thread_mutex_create(&gate->lock, APR_THREAD_MUTEX_DEFAULT, p) !=
            APR_SUCCESS ||
        apr_thread_cond_create(&gate->left, p) != APR_SUCCESS) {
        return NULL;
    }
    return gate;
}

void flow_conn_http_gate_adapt(http_gate_t *gate, int target)
{
    gate->target = target;
    gate->max = target;
}

void flow_conn_http_gate_limit(http_gate_t *gate, int limit,
                               apr_interval_time_t span)
{
    gate->max = 1;
    gate->target = 0;
    gate->limit = limit;
    gate->span = span;
}

/* Under the lock: 0 = come in, else how long to wait at most. */
static apr_interval_time_t closed_for(http_gate_t *gate, apr_time_t now)
{
    if (gate->inside >= gate->max) {
        return GLANCE;
    }
    if (now < gate->not_before) {
        return gate->not_before - now;
    }
    if (gate->limit > 0) {
        if (now - gate->window >= gate->span) {
            gate->window = now;
            gate->used = 0;
        }
        if (gate->used >= gate->limit) {
            return gate->window + gate->span - now;
        }
    }
    return 0;
}

apr_status_t flow_conn_http_gate_enter(http_gate_t *gate,
                                       const flow_call_t *call,
                                       flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_interval_time_t wait;
    int max, is_full;

    if (!gate) {
        return APR_SUCCESS;
    }
    apr_thread_mutex_lock(gate->lock);
    while ((wait = closed_for(gate, flow_clock())) > 0) {
        apr_interval_time_t left = call->deadline - flow_clock();

        is_full = gate->inside >= gate->max;
        /* No use in waiting for a time that is past the deadline. */
        if (left <= 0 || (!is_full && wait >= left) ||
            (call->stopping && *call->stopping)) {
            rv = APR_TIMEUP;
            break;
        }
        wait = wait < GLANCE ? wait : GLANCE;
        apr_thread_cond_timedwait(gate->left, gate->lock,
                                  wait < left ? wait : left);
    }
    is_full = gate->inside >= gate->max;
    max = gate->max;
    gate->inside += rv == APR_SUCCESS;
    gate->used += rv == APR_SUCCESS;
    apr_thread_mutex_unlock(gate->lock);
    if (rv == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    return is_full
               ? flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "connection_busy",
                                "all %d calls that concurrencyLevel allows are "
                                "under way",
                                max)
               : flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "rate_limited",
                                "the far end takes no more requests for now");
}

void flow_conn_http_gate_leave(http_gate_t *gate)
{
    if (gate) {
        apr_thread_mutex_lock(gate->lock);
        --gate->inside;
        apr_thread_cond_signal(gate->left);
        apr_thread_mutex_unlock(gate->lock);
    }
}

void flow_conn_http_gate_pause(http_gate_t *gate, apr_interval_time_t wait)
{
    apr_time_t until = flow_clock() + wait;

    if (!gate) {
        return;
    }
    apr_thread_mutex_lock(gate->lock);
    if (until > gate->not_before) {
        gate->not_before = until;
    }
    if (gate->target && gate->max > 1) {
        gate->max /= 2;
    }
    gate->good = 0;
    apr_thread_mutex_unlock(gate->lock);
}

void flow_conn_http_gate_good(http_gate_t *gate)
{
    if (!gate || !gate->target) {
        return;
    }
    apr_thread_mutex_lock(gate->lock);
    if (++gate->good >= gate->max && gate->max < gate->target) {
        ++gate->max;
        gate->good = 0;
        apr_thread_cond_signal(gate->left);
    }
    apr_thread_mutex_unlock(gate->lock);
}
