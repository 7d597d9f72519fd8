/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <pthread.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "script/flow_guard.h"

#define RESULT_SIZE ((apr_size_t)5 << 20)

/* A console line is cut there, plus what one argument may add. */
#define LINE_MAX_BYTES 65536

#define BUCKETS        64

/*
 * Worlds that no call uses stand in two lists: those of a script (in its
 * bucket, the warmest first), and all of them by the time they were put down.
 * Both are changed under the lock; a world in a call is in neither.
 */
typedef struct idle_t {
    flow_world_t *world;
    struct idle_t *next_same; /* in the bucket */
    struct idle_t *older, *newer;
} idle_t;

struct flow_script_engine_t {
    pthread_mutex_t lock;
    pthread_cond_t put_down; /* a world, or the right to make one */
    flow_timer_t *timer;
    apr_size_t memory;
    apr_uint32_t max_arenas;
    apr_size_t max_idle_bytes;

    idle_t *buckets[BUCKETS];
    idle_t *newest, *oldest;
    idle_t *slots, *free_slots; /* max_arenas of them */
    apr_size_t idle_bytes;
    flow_script_stats_t stats;
};

/* ---- idle worlds; all of it under the lock ---- */

static idle_t **bucket_of(flow_script_engine_t *engine, apr_uint64_t serial)
{
    return &engine->buckets[serial % BUCKETS];
}

static flow_world_t *take_out(flow_script_engine_t *engine, idle_t **link)
{
    idle_t *idle = *link;
    flow_world_t *world = idle->world;

    *link = idle->next_same;
    *(idle->newer ? &idle->newer->older : &engine->newest) = idle->older;
    *(idle->older ? &idle->older->newer : &engine->oldest) = idle->newer;
    idle->world = NULL;
    idle->next_same = engine->free_slots;
    engine->free_slots = idle;
    engine->idle_bytes -= world->resident;
    return world;
}

static flow_world_t *take_of_script(flow_script_engine_t *engine,
                                    const flow_script_t *script)
{
    idle_t **link = bucket_of(engine, script->serial);

    while (*link && (*link)->world->serial != script->serial) {
        link = &(*link)->next_same;
    }
    return *link ? take_out(engine, link) : NULL;
}

static flow_world_t *take_oldest(flow_script_engine_t *engine)
{
    idle_t *idle = engine->oldest;
    idle_t **link;

    if (!idle) {
        return NULL;
    }
    link = bucket_of(engine, idle->world->serial);
    while (*link != idle) {
        link = &(*link)->next_same;
    }
    return take_out(engine, link);
}

static void put_in(flow_script_engine_t *engine, flow_world_t *world)
{
    idle_t **bucket = bucket_of(engine, world->serial);
    idle_t *idle = engine->free_slots;

    engine->free_slots = idle->next_same;
    idle->world = world;
    idle->next_same = *bucket;
    *bucket = idle;
    idle->newer = NULL;
    idle->older = engine->newest;
    *(engine->newest ? &engine->newest->newer : &engine->oldest) = idle;
    engine->newest = idle;
    engine->idle_bytes += world->resident;
}

/* ---- worlds for calls ---- */

static int wait_for_world(flow_script_engine_t *engine, apr_time_t deadline)
{
    return flow_clock_cond_wait(&engine->put_down, &engine->lock, deadline) ==
           0;
}

/* A world of the script; or one that must be loaded (its serial is another);
 * or NULL and the right to create one; or APR_TIMEUP. */
static apr_status_t take_world(flow_script_engine_t *engine,
                               const flow_script_t *script, apr_time_t deadline,
                               flow_world_t **pworld)
{
    apr_status_t rv = APR_SUCCESS;

    pthread_mutex_lock(&engine->lock);
    ++engine->stats.calls;
    for (;;) {
        *pworld = take_of_script(engine, script);
        if (*pworld) {
            break;
        }
        if (engine->stats.arenas < engine->max_arenas) {
            ++engine->stats.arenas;
            break;
        }
        *pworld = take_oldest(engine);
        if (*pworld) {
            break;
        }
        if (!wait_for_world(engine, deadline) && flow_clock() >= deadline) {
            rv = APR_TIMEUP;
            break;
        }
    }
    if (rv == APR_SUCCESS) {
        ++engine->stats.busy;
    }
    pthread_mutex_unlock(&engine->lock);
    return rv;
}

/* The call's world is no more (@a world NULL), or becomes idle. */
static void give_back(flow_script_engine_t *engine, flow_world_t *world,
                      const flow_script_call_t *call, int was_loaded)
{
    flow_world_t *surplus = NULL;

    if (world) {
        flow_world_rest(world, call->err->kind != FLOW_E_NONE);
    }
    pthread_mutex_lock(&engine->lock);
    --engine->stats.busy;
    engine->stats.loads += (apr_uint64_t)was_loaded;
    engine->stats.stopped += call->stop.why == FLOW_STOP_TIME;
    engine->stats.out_of_memory += call->stop.why == FLOW_STOP_MEMORY;
    if (world) {
        put_in(engine, world);
    }
    else {
        --engine->stats.arenas;
    }
    if (engine->idle_bytes > engine->max_idle_bytes) {
        surplus = take_oldest(engine);
        engine->stats.arenas -= surplus != NULL;
    }
    pthread_cond_signal(&engine->put_down);
    pthread_mutex_unlock(&engine->lock);
    flow_world_destroy(surplus);
}

/* ---- calling ---- */

static apr_status_t run(flow_script_engine_t *engine, flow_script_call_t *call,
                        flow_world_t **pworld, int *pwas_loaded)
{
    const flow_script_t *script = call->script;
    flow_world_t *world = *pworld;
    apr_status_t rv = APR_SUCCESS;

    *pwas_loaded = 0;
    if (!world) {
        rv = flow_world_create(&world, engine->memory);
        if (rv != APR_SUCCESS) {
            return flow_error_set(call->err, FLOW_E_UNAVAILABLE, rv,
                                  "out_of_memory", "out of memory for scripts");
        }
        *pworld = world;
    }
    if (world->serial != script->serial) {
        *pwas_loaded = 1;
        rv = flow_world_load(world, engine->timer, call);
        json_decref(call->result); /* the names of its functions */
        call->result = NULL;
        if (rv != APR_SUCCESS) {
            flow_world_destroy(world);
            *pworld = NULL;
            return rv;
        }
    }
    return flow_world_call(world, engine->timer, call);
}

static void finish(flow_script_call_t *call)
{
    json_decref(call->held);
    flow_buf_release(&call->line);
}

apr_status_t flow_script_call(flow_script_engine_t *engine,
                              const flow_script_t *script, const char *function,
                              const json_t *arg,
                              const flow_script_limits_t *limits,
                              const flow_script_host_t *host, json_t **presult,
                              apr_pool_t *p, flow_error_t *err)
{
    flow_error_t own = FLOW_ERROR_INIT;
    flow_world_t *world = NULL;
    flow_script_call_t call;
    apr_time_t start = flow_clock();
    int was_loaded;
    apr_status_t rv;

    *presult = NULL;
    if (!flow_script_has(script, function)) {
        return flow_error_set(
            err, FLOW_E_SCRIPT, APR_ENOENT, "invalid_function",
            "script '%s' has no function '%s'; it has %s", script->id, function,
            flow_script_functions(script, p));
    }
    if (take_world(engine, script, limits->deadline, &world) != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                              "script_busy",
                              "all script arenas are busy; see FlowScript"
                              "Memory and the number of threads");
    }
    memset(&call, 0, sizeof(call));
    call.script = script;
    call.function = function;
    call.arg = arg;
    call.host = host;
    call.deadline = limits->deadline;
    call.client = limits->client;
    call.allowed = limits->deadline - start;
    call.memory = engine->memory;
    call.result_size = limits->result_size ? limits->result_size : RESULT_SIZE;
    call.err = &own;
    call.p = p;
    flow_buf_init(&call.line, LINE_MAX_BYTES);

    rv = run(engine, &call, &world, &was_loaded);
    give_back(engine, world, &call, was_loaded);
    finish(&call);
    if (rv != APR_SUCCESS) {
        json_decref(call.result);
        if (host && host->failed) {
            host->failed(host->baton, &own, call.trace);
        }
        return flow_error_set(err, own.kind, own.status, own.code, "%s",
                              own.message);
    }
    *presult = call.result;
    return APR_SUCCESS;
}

/* ---- life ---- */

static apr_status_t engine_cleanup(void *baton)
{
    flow_script_engine_t *engine = baton;
    flow_world_t *world;

    flow_timer_destroy(engine->timer);
    while ((world = take_oldest(engine)) != NULL) {
        flow_world_destroy(world);
    }
    pthread_cond_destroy(&engine->put_down);
    pthread_mutex_destroy(&engine->lock);
    return APR_SUCCESS;
}

static int watches = 1;

void flow_script_watch(int is_on)
{
    watches = is_on;
}

apr_status_t flow_script_engine_create(flow_script_engine_t **pengine,
                                       apr_size_t memory, int max_arenas,
                                       apr_size_t max_idle_bytes, apr_pool_t *p,
                                       flow_error_t *err)
{
    flow_script_engine_t *engine = apr_pcalloc(p, sizeof(*engine));
    apr_status_t rv;
    int i;

    *pengine = NULL;
    flow_script_global_init();
    flow_guard_allow(watches);
    if (max_arenas < 1) {
        max_arenas = 1;
    }
    rv = flow_timer_create(&engine->timer);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "script_engine",
                              "cannot start the thread that stops scripts");
    }
    pthread_mutex_init(&engine->lock, NULL);
    flow_clock_cond_init(&engine->put_down);
    engine->memory = memory;
    engine->max_arenas = (apr_uint32_t)max_arenas;
    engine->max_idle_bytes = max_idle_bytes;
    engine->slots =
        apr_pcalloc(p, (apr_size_t)max_arenas * sizeof(*engine->slots));
    for (i = 0; i < max_arenas; ++i) {
        engine->slots[i].next_same = engine->free_slots;
        engine->free_slots = &engine->slots[i];
    }
    apr_pool_cleanup_register(p, engine, engine_cleanup, apr_pool_cleanup_null);
    *pengine = engine;
    return APR_SUCCESS;
}

void flow_script_engine_stats(const flow_script_engine_t *engine,
                              flow_script_stats_t *stats)
{
    /* only the lock is written to */
    flow_script_engine_t *locked = (flow_script_engine_t *)(void *)engine;

    pthread_mutex_lock(&locked->lock);
    *stats = locked->stats;
    pthread_mutex_unlock(&locked->lock);
}
