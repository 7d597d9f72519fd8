/* SPDX-License-Identifier: Apache-2.0 */
/*
 * concurrencyLevel: how many calls of a connection are under way in this
 * process. The gate is made while the configuration is read and inherited by
 * the children, each of which then counts for itself.
 */
#include "connectors/flow_conn_http.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/* How often a waiter looks whether the process is about to stop. */
#define GLANCE apr_time_from_msec(200)

struct http_gate_t {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *left;
    int max, inside;
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

apr_status_t flow_conn_http_gate_enter(http_gate_t *gate,
                                       const flow_call_t *call,
                                       flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    if (!gate) {
        return APR_SUCCESS;
    }
    apr_thread_mutex_lock(gate->lock);
    while (gate->inside >= gate->max) {
        apr_interval_time_t wait = call->deadline - apr_time_now();

        if (wait <= 0 || (call->stopping && *call->stopping)) {
            rv = APR_TIMEUP;
            break;
        }
        apr_thread_cond_timedwait(gate->left, gate->lock,
                                  wait < GLANCE ? wait : GLANCE);
    }
    gate->inside += rv == APR_SUCCESS;
    apr_thread_mutex_unlock(gate->lock);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "connection_busy",
                              "all %d calls that concurrencyLevel allows are "
                              "under way",
                              gate->max);
    }
    return APR_SUCCESS;
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
