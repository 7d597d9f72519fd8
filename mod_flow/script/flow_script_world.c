/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Beside the memory that a script may use: mujs' stacks. */
#define STACKS_SPACE ((apr_size_t)2 << 20)
/* Allocations of js_newstate() from this size on are stacks. */
#define STACK_LIKE 65536

/* The native stack that a call may use, and what must be left below for
 * host functions, which make requests and speak to databases. Bounded, because
 * pages of a stack that were touched once stay with their thread. */
#define STACK_MAX     ((apr_size_t)4 << 20)
#define STACK_RESERVE ((apr_size_t)256 << 10)
#define STACK_LEAST   ((apr_size_t)48 << 10) /* what our own code needs */

/* Garbage is collected after this part of the memory has been allocated. */
#define GC_SHARE 8

/* Kept of what a call used beyond the snapshot. */
#define KEEP_BYTES ((apr_size_t)256 << 10)

/* ---- memory and limits, as mujs asks for them ---- */

static void *arena_alloc(void *baton, void *ptr, int size)
{
    flow_world_t *world = baton;
    void *got;

    if (world->is_booting && size >= STACK_LIKE && !ptr) {
        got = flow_arena_unsaved(world->arena, (size_t)size);
    }
    else {
        got = flow_arena_realloc(world->arena, ptr, (size_t)size);
    }
    /* NULL would become an exception, which a script can catch. */
    if (!got && size > 0) {
        flow_stop_now(flow_stop_current(), FLOW_STOP_MEMORY);
    }
    return got;
}

static void reach_limit(js_State *J, int which)
{
    (void)J;
    flow_stop_now(flow_stop_current(), which == JS_LIMIT_MEMORY
                                           ? FLOW_STOP_MEMORY
                                           : FLOW_STOP_STACK);
}

static void panic(js_State *J)
{
    (void)J;
    flow_stop_now(flow_stop_current(), FLOW_STOP_BROKEN);
}

/* The lowest address of this thread's stack. */
static char *stack_bottom(void)
{
    static __thread char *bottom;
    pthread_attr_t attr;
    void *addr = NULL;
    size_t size = 0;

    if (!bottom) {
        if (pthread_getattr_np(pthread_self(), &attr) == 0) {
            pthread_attr_getstack(&attr, &addr, &size);
            pthread_attr_destroy(&attr);
        }
        bottom = addr;
    }
    return bottom;
}

/* How far down mujs may go from here. */
static char *stack_guard(void)
{
    char *here = __builtin_frame_address(0);
    char *bottom = stack_bottom();
    apr_size_t reserve = STACK_RESERVE;
    apr_size_t room = bottom ? (apr_size_t)(here - bottom) : STACK_RESERVE;

    if (room < 4 * reserve) {
        reserve = room / 4;
    }
    if (reserve < STACK_LEAST) {
        reserve = STACK_LEAST;
    }
    if (room < reserve) {
        return here; /* every call will be one too many */
    }
    room -= reserve;
    return here - (room < STACK_MAX ? room : STACK_MAX);
}

flow_script_call_t *flow_call_of(js_State *J)
{
    return js_getcontext(J);
}

/* ---- life ---- */

apr_status_t flow_world_create(flow_world_t **pworld, apr_size_t memory)
{
    flow_world_t *world = calloc(1, sizeof(*world));
    apr_status_t rv;

    *pworld = NULL;
    if (!world) {
        return APR_ENOMEM;
    }
    rv = flow_arena_create(&world->arena, memory + STACKS_SPACE);
    if (rv != APR_SUCCESS) {
        free(world);
        return rv;
    }
    *pworld = world;
    return APR_SUCCESS;
}

void flow_world_destroy(flow_world_t *world)
{
    if (world) {
        flow_arena_destroy(world->arena);
        free(world);
    }
}

void flow_world_rest(flow_world_t *world, int all)
{
    flow_arena_trim(world->arena, KEEP_BYTES);
    if (all) {
        flow_arena_drop_unsaved(world->arena);
    }
    world->resident = flow_arena_resident(world->arena);
}

/* Calls nest, so each puts the guard of the one around it back. */
static flow_stop_e run(flow_script_call_t *call, flow_timer_t *timer,
                       void (*fn)(void *baton))
{
    char *outer = js_stackguard;
    flow_stop_e why;

    js_stackguard = stack_guard();
    flow_arena_enter(call->world->arena);
    why = flow_stop_run(&call->stop, timer, call->deadline, call->client, fn,
                        call);
    flow_arena_leave(call->world->arena);
    js_stackguard = outer;
    return why;
}

/* ---- loading ---- */

/* The names of the functions on top of the stack: the result of loading. */
static void list_functions(flow_script_call_t *call)
{
    js_State *J = call->J;
    js_Property **members;
    json_t *names;
    int n, i;

    flow_stop_leave(&call->stop);
    members = js_members(J, js_peek(J, -1), &n);
    names = json_array();
    for (i = 0; members && i < n; ++i) {
        json_array_append_new(names, json_string(js_membername(members[i])));
    }
    js_freemembers(J, members);
    call->result = names; /* before enter(), which may jump */
    flow_stop_enter(&call->stop);
}

/* functions exports -- functions: what the script passes on of other files can
 * be called, too. */
static void add_exports(js_State *J)
{
    const char *name;

    js_pushiterator(J, -1, 1);
    while ((name = js_nextiterator(J, -1)) != NULL) {
        int known = js_hasproperty(J, -3, name);

        js_pop(J, known);
        js_getproperty(J, -2, name);
        if (!known && js_iscallable(J, -1) && strcmp(name, "default") != 0) {
            js_setproperty(J, -4, name);
        }
        else {
            js_pop(J, 1);
        }
    }
    js_pop(J, 2);
}

static void run_script(flow_script_call_t *call)
{
    js_State *J = call->J;

    if (js_try(J)) {
        flow_throw_describe(call);
        return;
    }
    flow_lib_define(J);
    if (call->script->needs_runtime) {
        flow_lib_runtime(J);
    }
    flow_module_run(J, call->script->main);
    js_pushundefined(J);
    js_settle(J);
    js_pop(J, 1);
    js_getregistry(J, FLOW_FUNCTIONS);
    js_rot2(J);
    add_exports(J);
    list_functions(call);
    js_pop(J, 1);
    js_rest(J);
    js_gc(J, 0);
    js_endtry(J);
}

static void load_inside(void *baton)
{
    flow_script_call_t *call = baton;
    flow_world_t *world = call->world;

    world->is_booting = 1;
    world->J = js_newstate(arena_alloc, world, 0);
    world->is_booting = 0;
    call->J = world->J;
    if (!call->J) {
        flow_stop_now(&call->stop, FLOW_STOP_MEMORY);
    }
    js_atpanic(call->J, panic);
    js_setcontext(call->J, call);
    js_setlimit(call->J, reach_limit,
                (unsigned)(flow_arena_size(world->arena) / GC_SHARE));
    js_flowinit(call->J, flow_script_parse);
    js_seed(call->J, (unsigned)apr_time_now());
    run_script(call);
}

apr_status_t flow_world_load(flow_world_t *world, flow_timer_t *timer,
                             flow_script_call_t *call)
{
    flow_stop_e why;

    flow_arena_reset(world->arena);
    world->script = call->script;
    world->serial = call->script->serial;
    world->J = NULL;
    call->world = world;
    why = run(call, timer, load_inside);
    if (why != FLOW_STOP_NONE) {
        return flow_throw_stopped(call, why);
    }
    if (call->threw) {
        return call->err->status;
    }
    js_setcontext(world->J, NULL);
    if (flow_arena_snapshot(world->arena, world->J,
                            (apr_size_t)js_headsize()) != APR_SUCCESS) {
        return flow_error_set(call->err, FLOW_E_UNAVAILABLE, APR_ENOMEM,
                              "out_of_memory", "out of memory for script '%s'",
                              call->script->id);
    }
    return APR_SUCCESS;
}

/* ---- calling ---- */

static void take_result(flow_script_call_t *call)
{
    flow_taken_t taken;

    flow_script_take(call, FLOW_TAKE_RESULT, call->result_size, &taken);
    flow_stop_leave(&call->stop);
    if (taken.code) {
        call->threw = 1;
        flow_error_set(call->err, FLOW_E_SCRIPT, APR_EGENERAL, taken.code,
                       "the result of %s() %s%s", call->function,
                       taken.why[0] == '\'' ? "is no JSON: " : "", taken.why);
    }
    else {
        call->result = json_incref(taken.value);
    }
    flow_stop_enter(&call->stop);
}

static void call_inside(void *baton)
{
    flow_script_call_t *call = baton;
    js_State *J = call->J;

    js_setcontext(J, call);
    js_seed(J, (unsigned)apr_time_now() ^ (unsigned)(apr_uintptr_t)call->arg);
    if (js_try(J)) {
        flow_throw_describe(call);
        return;
    }
    js_getregistry(J, FLOW_FUNCTIONS);
    js_getproperty(J, -1, call->function);
    js_rot2pop1(J);
    js_pushundefined(J);
    if (call->arg) {
        flow_script_push(call, call->arg);
    }
    else {
        js_pushundefined(J);
    }
    js_call(J, 1);
    js_settle(J);
    take_result(call);
    js_endtry(J);
}

apr_status_t flow_world_call(flow_world_t *world, flow_timer_t *timer,
                             flow_script_call_t *call)
{
    flow_stop_e why;

    flow_arena_restore(world->arena);
    call->world = world;
    call->J = world->J;
    why = run(call, timer, call_inside);
    if (why != FLOW_STOP_NONE) {
        return flow_throw_stopped(call, why);
    }
    return call->threw ? call->err->status : APR_SUCCESS;
}
