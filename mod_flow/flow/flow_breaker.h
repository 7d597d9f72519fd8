/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_BREAKER_H
#define FLOW_BREAKER_H

#include "flow/flow_run.h"

/**
 * Circuit breaker: connections that are offline.
 *
 * A call that gets no answer (connect_failed, connection_lost, timeout,
 * tls_failed) or is not let in (auth_failed, 401) counts against its
 * connection. When a run meets one, when the new credentials are refused, too,
 * or at the third in a row, the connection is tested by its ping; only when
 * that fails as well is the connection offline. Then
 *
 *  - runs of flows that use it stop at the end of their page (or of the step,
 *    if nothing of the page has been delivered yet) and go back into the
 *    queue; waiting jobs of such flows are not begun. No job fails.
 *  - other calls are refused at once ("connection_offline").
 *  - the ping is tried again after 2 seconds, then after twice as long each
 *    time, up to 5 minutes. When it succeeds everything goes on.
 *
 * What is offline stands in the store, so that all processes and flowctl know
 * it; each process keeps a copy that its keeper brings up to date every
 * second. Which process tests is settled in the store.
 *
 * One breaker per process. Any thread; its lock is never held during a call.
 * A connection whose connector has no ping is never offline.
 */
typedef struct flow_breaker_t flow_breaker_t;

/** A connection that is offline. */
typedef struct flow_outage_t {
    apr_time_t since, next; /* next: when it is tested again */
    int tests;              /* failed since then */
    char code[64], message[512];
} flow_outage_t;

/** What the floor above does: keep outages, for all processes. Failures are
 * its own business; a store that is away leaves each process on its own. */
typedef struct flow_outages_iface_t {
    void *baton;
    void (*set)(void *baton, const char *connection_id,
                const flow_outage_t *outage);
    void (*forget)(void *baton, const char *connection_id);
    /** 1 = the next test, due at @a due, is ours; nobody else makes it before
     * @a until. */
    int (*claim)(void *baton, const char *connection_id, apr_time_t due,
                 apr_time_t until);
} flow_outages_iface_t;

/** @a iface may be NULL: nothing is shared. */
flow_breaker_t *flow_breaker_create(const flow_model_t *model,
                                    const flow_outages_iface_t *iface,
                                    apr_pool_t *p);

/** Before a call. FLOW_E_UNAVAILABLE "connection_offline", but one call is let
 * through when a test is due: with no worker around, that is the test. */
apr_status_t flow_breaker_enter(const flow_env_t *env,
                                const flow_connection_t *connection,
                                flow_error_t *err);
/** After it: what came of it. May test the connection, which takes up to 20
 * seconds; the caller's call has failed by then. */
void flow_breaker_leave(const flow_env_t *env, const flow_caller_t *caller,
                        const flow_connection_t *connection, apr_status_t rv,
                        const flow_error_t *why, apr_pool_t *p);
/** The same after a call of an import: an answer of its records may say it. */
void flow_breaker_leave_import(const flow_env_t *env,
                               const flow_caller_t *caller,
                               const flow_connection_t *connection,
                               apr_status_t rv, const flow_error_t *why,
                               const json_t *responses, apr_pool_t *p);

/** Is a connection offline that this flow uses? @a breaker may be NULL. */
int flow_breaker_holds(const flow_breaker_t *breaker, const flow_flow_t *flow);
/** 0 = it is not offline. Connections that exist only. */
int flow_breaker_outage(const flow_breaker_t *breaker, const char *id,
                        flow_outage_t *outage);

/** What the store says now, read at @a read_at: an outage of @a id. */
void flow_breaker_heard(flow_breaker_t *breaker, const char *id,
                        const flow_outage_t *outage, apr_time_t read_at);
/** All outages have been told; whatever else is offline is not any more. */
void flow_breaker_heard_all(flow_breaker_t *breaker, apr_time_t read_at);
/** How many tests are due. */
int flow_breaker_due(const flow_breaker_t *breaker);
/** Make them; the number of connections that answer again. */
int flow_breaker_test(const flow_env_t *env, volatile apr_uint32_t *stopping,
                      apr_pool_t *p);

extern apr_interval_time_t flow_breaker_first_wait; /* tests hurry */

#endif
