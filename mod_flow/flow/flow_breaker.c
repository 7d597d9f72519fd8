/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_breaker.h"

#include "base/flow_clock.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "flow/flow_connector.h"
#include "flow/flow_record.h"

#define THRESHOLD  3 /* failures in a row, outside of runs */
#define TEST_TIME  apr_time_from_sec(20)
#define CLAIM_TIME apr_time_from_sec(60)
#define WAIT_MAX   apr_time_from_sec(300)

apr_interval_time_t flow_breaker_first_wait = 2 * APR_USEC_PER_SEC;

/* One connection. */
typedef struct entry_t {
    const flow_connection_t *connection;
    int failures; /* in a row */
    int is_offline, is_testing, is_heard;
    apr_time_t changed; /* here; news from before that are stale */
    flow_outage_t outage;
} entry_t;

struct flow_breaker_t {
    apr_thread_mutex_t *lock; /* for the entries' contents */
    apr_thread_cond_t *tested;
    const flow_outages_iface_t *iface;
    apr_hash_t *entries; /* connection id -> entry_t *; fixed */
    volatile apr_uint32_t noffline;
    apr_pool_t *p;
};

flow_breaker_t *flow_breaker_create(const flow_model_t *model,
                                    const flow_outages_iface_t *iface,
                                    apr_pool_t *p)
{
    flow_breaker_t *b = apr_pcalloc(p, sizeof(*b));
    apr_hash_index_t *hi;

    b->iface = iface;
    b->entries = apr_hash_make(p);
    b->p = p;
    if (apr_thread_mutex_create(&b->lock, APR_THREAD_MUTEX_DEFAULT, p) !=
            APR_SUCCESS ||
        apr_thread_cond_create(&b->tested, p) != APR_SUCCESS) {
        return NULL;
    }
    for (hi = apr_hash_first(p, model->connections); hi;
         hi = apr_hash_next(hi)) {
        entry_t *e = apr_pcalloc(p, sizeof(*e));

        e->connection = apr_hash_this_val(hi);
        apr_hash_set(b->entries, e->connection->id, APR_HASH_KEY_STRING, e);
    }
    return b;
}

static entry_t *entry_of(const flow_breaker_t *b, const char *id)
{
    return b ? apr_hash_get(b->entries, id, APR_HASH_KEY_STRING) : NULL;
}

/* Nobody is offline nearly always; then nobody takes the lock to see that. */
static int any_offline(const flow_breaker_t *b)
{
    return b && __atomic_load_n(&b->noffline, __ATOMIC_ACQUIRE) != 0;
}

/* Under the lock. */
static void set_offline(flow_breaker_t *b, entry_t *e, int is_offline)
{
    if (e->is_offline != is_offline) {
        e->is_offline = is_offline;
        __atomic_fetch_add(&b->noffline, is_offline ? 1 : (apr_uint32_t)-1,
                           __ATOMIC_RELEASE);
    }
    e->changed = apr_time_now();
}

/* ---- is it the connection? ---- */

typedef enum {
    OUTCOME_GOOD, /* it has answered, whatever it said */
    OUTCOME_BAD,
    OUTCOME_UNKNOWN /* it has not been asked */
} outcome_e;

static int is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; ++codes) {
        if (strcmp(code, *codes) == 0) {
            return 1;
        }
    }
    return 0;
}

static outcome_e outcome_of(apr_status_t rv, const flow_error_t *why)
{
    static const char *const bad[] = { "connect_failed",
                                       "connection_lost",
                                       "timeout",
                                       "tls_failed",
                                       "auth_failed",
                                       "401",
                                       NULL };

    if (rv == APR_SUCCESS) {
        return OUTCOME_GOOD;
    }
    if (is_one_of(why->code, bad)) {
        return OUTCOME_BAD;
    }
    return why->kind == FLOW_E_REFUSED ? OUTCOME_GOOD : OUTCOME_UNKNOWN;
}

static int has_ping_settings(const flow_connection_t *connection)
{
    return json_object_get(
               json_object_get(connection->doc, connection->connector->name),
               "ping") != NULL;
}

/* Ask it. Without settings of its own the ping asks for the base address,
 * which may well be answered 404. */
static int is_alive(const flow_env_t *env, const flow_connection_t *connection,
                    volatile apr_uint32_t *stopping, flow_error_t *why,
                    apr_pool_t *p)
{
    json_t *context = flow_json_own(p, json_object());
    flow_call_t call = { env->http, flow_clock() + TEST_TIME, stopping };
    apr_status_t rv;

    flow_record_share(context, "connection", connection->context);
    json_object_set_new(context, "testMode", json_true());
    call.context = context;
    call.test_mode = 1;
    /* what the test renews is as good as what a call renews */
    call.grants = env->grants;
    call.spare_grants = env->spare_grants;
    flow_error_clear(why);
    rv = connection->connector->ping(connection, &call, p, why);
    switch (outcome_of(rv, why)) {
    case OUTCOME_GOOD:
        return rv == APR_SUCCESS || !has_ping_settings(connection);
    case OUTCOME_BAD:
        return 0;
    case OUTCOME_UNKNOWN:
        break;
    }
    return !has_ping_settings(connection) && apr_isdigit(why->code[0]);
}

/* ---- going offline and coming back ---- */

static apr_interval_time_t wait_for(int tests)
{
    apr_interval_time_t wait = flow_breaker_first_wait;

    for (; tests > 0 && wait < WAIT_MAX; --tests) {
        wait *= 2;
    }
    return wait < WAIT_MAX ? wait : WAIT_MAX;
}

static void go_offline(flow_breaker_t *b, entry_t *e, const flow_error_t *why)
{
    flow_outage_t outage = { 0 };

    outage.since = apr_time_now();
    outage.next = outage.since + wait_for(0);
    apr_cpystrn(outage.code, why->code, sizeof(outage.code));
    apr_cpystrn(outage.message, why->message, sizeof(outage.message));
    if (b->iface) {
        b->iface->set(b->iface->baton, e->connection->id, &outage);
    }
    apr_thread_mutex_lock(b->lock);
    e->outage = outage;
    e->is_heard = 1;
    set_offline(b, e, 1);
    apr_thread_mutex_unlock(b->lock);
    flow_log(FLOW_LOG_WARNING,
             FLOW_LOGNO(0420) "connection '%s' is offline: %s: %s; flows that "
                              "use it wait",
             e->connection->id, why->code, why->message);
}

static void come_back(flow_breaker_t *b, entry_t *e)
{
    apr_time_t since;
    int was_offline;

    apr_thread_mutex_lock(b->lock);
    was_offline = e->is_offline;
    since = e->outage.since;
    set_offline(b, e, 0);
    e->failures = 0;
    apr_thread_mutex_unlock(b->lock);
    if (!was_offline) {
        return;
    }
    if (b->iface) {
        b->iface->forget(b->iface->baton, e->connection->id);
    }
    flow_log(FLOW_LOG_NOTICE,
             FLOW_LOGNO(0421) "connection '%s' answers again after %d s",
             e->connection->id, (int)apr_time_sec(apr_time_now() - since));
}

/* One thread asks, the others that have failed meanwhile wait for what it
 * finds out. */
static void test_now(const flow_env_t *env, const flow_caller_t *caller,
                     entry_t *e, apr_pool_t *p)
{
    flow_breaker_t *b = env->breaker;
    flow_error_t why = FLOW_ERROR_INIT;
    int mine = 0;

    apr_thread_mutex_lock(b->lock);
    while (e->is_testing) {
        mine = -1;
        apr_thread_cond_wait(b->tested, b->lock);
    }
    if (!mine && !e->is_offline) {
        e->is_testing = mine = 1;
    }
    apr_thread_mutex_unlock(b->lock);
    if (mine != 1) {
        return;
    }
    if (!is_alive(env, e->connection, caller->stopping, &why, p) &&
        !(caller->stopping && *caller->stopping)) {
        go_offline(b, e, &why);
    }
    apr_thread_mutex_lock(b->lock);
    e->is_testing = 0;
    e->failures = 0;
    apr_thread_cond_broadcast(b->tested);
    apr_thread_mutex_unlock(b->lock);
}

/* ---- around calls ---- */

apr_status_t flow_breaker_enter(const flow_env_t *env,
                                const flow_connection_t *connection,
                                flow_error_t *err)
{
    flow_breaker_t *b = env->breaker;
    apr_time_t now = apr_time_now(), due;
    flow_outage_t outage;
    entry_t *e;

    if (!any_offline(b) || !connection || !(e = entry_of(b, connection->id)) ||
        !flow_breaker_outage(b, connection->id, &outage)) {
        return APR_SUCCESS;
    }
    due = outage.next;
    if (now >= due) {
        apr_thread_mutex_lock(b->lock);
        if (e->outage.next == due) {
            e->outage.next = now + wait_for(++e->outage.tests);
            due = 0;
        }
        apr_thread_mutex_unlock(b->lock);
        if (!due) {
            return APR_SUCCESS;
        }
    }
    return flow_error_set(
        err, FLOW_E_UNAVAILABLE, APR_EAGAIN, "connection_offline",
        "connection '%s' is offline (%s: %s); it is tested "
        "again in %d s",
        connection->id, outage.code, outage.message,
        now < outage.next ? (int)apr_time_sec(outage.next - now) + 1 : 1);
}

void flow_breaker_leave(const flow_env_t *env, const flow_caller_t *caller,
                        const flow_connection_t *connection, apr_status_t rv,
                        const flow_error_t *why, apr_pool_t *p)
{
    flow_breaker_t *b = env->breaker;
    entry_t *e = b && connection ? entry_of(b, connection->id) : NULL;
    int failures = 0, is_offline;

    if (!e || !connection->connector->ping ||
        (caller->stopping && *caller->stopping)) {
        return;
    }
    switch (outcome_of(rv, why)) {
    case OUTCOME_GOOD:
        if (any_offline(b)) {
            come_back(b, e);
        }
        __atomic_store_n(&e->failures, 0, __ATOMIC_RELAXED);
        return;
    case OUTCOME_UNKNOWN:
        return;
    case OUTCOME_BAD:
        break;
    }
    apr_thread_mutex_lock(b->lock);
    failures = ++e->failures;
    is_offline = e->is_offline;
    apr_thread_mutex_unlock(b->lock);
    if (!is_offline && (caller->flow || failures >= THRESHOLD ||
                        strcmp(why->code, "auth_failed") == 0)) {
        test_now(env, caller, e, p);
    }
}

void flow_breaker_leave_import(const flow_env_t *env,
                               const flow_caller_t *caller,
                               const flow_connection_t *connection,
                               apr_status_t rv, const flow_error_t *why,
                               const json_t *responses, apr_pool_t *p)
{
    flow_error_t said = FLOW_ERROR_INIT;
    size_t i, n = rv == APR_SUCCESS ? json_array_size(responses) : 0;

    for (i = 0; i < n; ++i) {
        const json_t *error = json_array_get(
            json_object_get(json_array_get(responses, i), "errors"), 0);
        const char *code = flow_json_member(error, "code");

        if (!code) {
            continue;
        }
        flow_error_set(&said, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                       apr_pstrdup(p, code), "%s", "");
        if (outcome_of(APR_EGENERAL, &said) == OUTCOME_BAD) {
            flow_breaker_leave(env, caller, connection, APR_EGENERAL, &said, p);
            return;
        }
    }
    flow_breaker_leave(env, caller, connection, rv, why, p);
}

/* ---- who asks ---- */

int flow_breaker_outage(const flow_breaker_t *b, const char *id,
                        flow_outage_t *outage)
{
    const entry_t *e = any_offline(b) ? entry_of(b, id) : NULL;
    int is_offline;

    if (!e) {
        return 0;
    }
    apr_thread_mutex_lock(b->lock);
    is_offline = e->is_offline;
    *outage = e->outage;
    apr_thread_mutex_unlock(b->lock);
    return is_offline;
}

static int is_offline(const flow_breaker_t *b,
                      const flow_connection_t *connection)
{
    flow_outage_t outage;

    return connection && flow_breaker_outage(b, connection->id, &outage);
}

int flow_breaker_holds(const flow_breaker_t *b, const flow_flow_t *flow)
{
    int i, held = 0;

    if (!any_offline(b)) {
        return 0;
    }
    for (i = 0; i < flow->ngenerators && !held; ++i) {
        held = is_offline(b, flow->generators[i]->connection);
    }
    for (i = 0; i < flow->nsteps && !held; ++i) {
        const flow_step_t *step = &flow->steps[i];

        held = is_offline(b, step->import ? step->import->connection
                                          : step->lookup->connection);
    }
    return held;
}

/* ---- news from the store ---- */

void flow_breaker_heard(flow_breaker_t *b, const char *id,
                        const flow_outage_t *outage, apr_time_t read_at)
{
    entry_t *e = entry_of(b, id);

    if (!e || !e->connection->connector || !e->connection->connector->ping) {
        return;
    }
    apr_thread_mutex_lock(b->lock);
    if (e->changed < read_at) {
        e->outage = *outage;
        set_offline(b, e, 1);
        e->changed = read_at;
    }
    e->is_heard = 1;
    apr_thread_mutex_unlock(b->lock);
}

void flow_breaker_heard_all(flow_breaker_t *b, apr_time_t read_at)
{
    apr_hash_index_t *hi;
    apr_pool_t *p;

    if (!any_offline(b) || apr_pool_create(&p, NULL) != APR_SUCCESS) {
        return;
    }
    apr_thread_mutex_lock(b->lock);
    for (hi = apr_hash_first(p, b->entries); hi; hi = apr_hash_next(hi)) {
        entry_t *e = apr_hash_this_val(hi);

        if (e->is_offline && !e->is_heard && e->changed < read_at) {
            set_offline(b, e, 0);
        }
        e->is_heard = 0;
    }
    apr_thread_mutex_unlock(b->lock);
    apr_pool_destroy(p);
}

/* ---- tests ---- */

/* An entry whose test is due, or NULL; *pdue is when it was. */
static entry_t *next_due(const flow_breaker_t *b, int *pn, apr_pool_t *p)
{
    apr_time_t now = apr_time_now();
    apr_hash_index_t *hi;
    entry_t *found = NULL;

    *pn = 0;
    apr_thread_mutex_lock(b->lock);
    for (hi = apr_hash_first(p, b->entries); hi; hi = apr_hash_next(hi)) {
        entry_t *e = apr_hash_this_val(hi);

        if (e->is_offline && e->outage.next <= now) {
            ++*pn;
            found = e;
        }
    }
    apr_thread_mutex_unlock(b->lock);
    return found;
}

int flow_breaker_due(const flow_breaker_t *b)
{
    apr_pool_t *p;
    int n = 0;

    if (any_offline(b) && apr_pool_create(&p, NULL) == APR_SUCCESS) {
        next_due(b, &n, p);
        apr_pool_destroy(p);
    }
    return n;
}

/* It is ours to test; till then it looks as if it had been done. */
static int claim(flow_breaker_t *b, entry_t *e, flow_outage_t *outage)
{
    apr_time_t due, until = apr_time_now() + CLAIM_TIME;
    int mine;

    apr_thread_mutex_lock(b->lock);
    due = e->outage.next;
    mine = e->is_offline && due <= apr_time_now();
    if (mine) {
        e->outage.next = until;
        e->changed = apr_time_now();
    }
    *outage = e->outage;
    apr_thread_mutex_unlock(b->lock);
    return mine &&
           (!b->iface ||
            b->iface->claim(b->iface->baton, e->connection->id, due, until));
}

int flow_breaker_test(const flow_env_t *env, volatile apr_uint32_t *stopping,
                      apr_pool_t *p)
{
    flow_breaker_t *b = env->breaker;
    int n, back = 0;
    entry_t *e;

    while (any_offline(b) && !(stopping && *stopping) &&
           (e = next_due(b, &n, p)) != NULL) {
        flow_error_t why = FLOW_ERROR_INIT;
        flow_outage_t outage;

        if (!claim(b, e, &outage)) {
            continue;
        }
        if (is_alive(env, e->connection, stopping, &why, p)) {
            come_back(b, e);
            ++back;
            continue;
        }
        outage.next = apr_time_now() + wait_for(++outage.tests);
        if (*why.code) {
            apr_cpystrn(outage.code, why.code, sizeof(outage.code));
            apr_cpystrn(outage.message, why.message, sizeof(outage.message));
        }
        if (b->iface) {
            b->iface->set(b->iface->baton, e->connection->id, &outage);
        }
        apr_thread_mutex_lock(b->lock);
        e->outage = outage;
        e->changed = apr_time_now();
        apr_thread_mutex_unlock(b->lock);
    }
    return back;
}
