/* SPDX-License-Identifier: Apache-2.0 */

/* Promise and async functions; part of jslib.c's room.
 *
 * There is nothing to wait for but Promises themselves: what they have to do
 * stands in a queue, which is worked off by await and at the end of a call. */

enum {
    PENDING,
    FULFILLED,
    REJECTED
};

static js_Object *this_promise(js_State *J, int idx)
{
    js_Object *obj = lib_is(J, idx, JS_LIBPROMISE);

    if (!obj) {
        js_typeerror(J, "not a Promise");
    }
    return obj;
}

static void push_promise(js_State *J)
{
    js_pushobject(J, lib_object(J, JS_LIBPROMISE, J->lib->promise));
}

/* Append the value on top to an array, and pop it. */
static void push_to(js_State *J, js_Object *array)
{
    js_pushobject(J, array);
    js_rot2(J);
    js_setindex(J, -2, array->u.a.length);
    js_pop(J, 1);
}

/* ---- jobs: four values each ----
 *
 * handler, argument, the Promise that its answer settles (or null), what
 * the argument is (FULFILLED, REJECTED; PENDING: the argument is a thenable
 * and the handler its then()). */

static js_Object *queue(js_State *J)
{
    if (!J->lib->jobs) {
        js_newarray(J);
        J->lib->jobs = js_toobject(J, -1);
        js_pop(J, 1);
    }
    return J->lib->jobs;
}

/* handler argument promise -- */
static void add_job(js_State *J, int state)
{
    js_Object *jobs = queue(J);
    int i;

    for (i = 0; i < 3; ++i) {
        js_copy(J, -3 + i);
        push_to(J, jobs);
    }
    js_pushnumber(J, state);
    push_to(J, jobs);
    js_pop(J, 3);
}

/* The value on top settles a Promise; it is popped. */
static void settle(js_State *J, js_Object *promise, int state)
{
    js_Object *waiting = promise->u.lib.target;
    int i, n;

    if (promise->u.lib.what != PENDING) {
        js_pop(J, 1);
        return;
    }
    promise->u.lib.what = (unsigned char)state;
    promise->u.lib.value = *js_tovalue(J, -1);
    js_pop(J, 1);
    if (!waiting) {
        return;
    }
    js_pushobject(J, waiting); /* onFulfilled, onRejected, Promise ... */
    promise->u.lib.target = NULL;
    n = waiting->u.a.length;
    for (i = 0; i < n; i += 3) {
        js_getindex(J, -1, i + (state == REJECTED));
        js_pushvalue(J, promise->u.lib.value);
        js_getindex(J, -3, i + 2);
        add_job(J, state);
    }
    js_pop(J, 1);
}

/* The value on top resolves a Promise; it is popped. */
static void resolve(js_State *J, js_Object *promise)
{
    if (!js_isobject(J, -1)) {
        settle(J, promise, FULFILLED);
        return;
    }
    if (js_toobject(J, -1) == promise) {
        js_pop(J, 1);
        js_newtypeerror(J, "a Promise cannot wait for itself");
        settle(J, promise, REJECTED);
        return;
    }
    if (js_try(J)) {
        settle(J, promise, REJECTED);
        js_pop(J, 1);
        return;
    }
    js_getproperty(J, -1, "then");
    js_endtry(J);
    if (!js_iscallable(J, -1)) {
        js_pop(J, 1);
        settle(J, promise, FULFILLED);
        return;
    }
    js_rot2(J);
    js_pushobject(J, promise);
    add_job(J, PENDING);
}

/* ---- functions that settle ---- */

/* The function being called belongs to a Promise, which it settles once. */
static js_Object *own_promise(js_State *J)
{
    js_Object *promise = NULL;

    js_currentfunction(J);
    js_getproperty(J, -1, "__Promise__");
    js_getproperty(J, -1, "open");
    if (js_toboolean(J, -1)) {
        js_pushboolean(J, 0);
        js_setproperty(J, -3, "open");
        js_getproperty(J, -2, "promise");
        promise = js_toobject(J, -1);
        js_pop(J, 1);
    }
    js_pop(J, 3);
    return promise;
}

static void settle_fulfilled(js_State *J)
{
    js_Object *promise = own_promise(J);

    if (promise) {
        js_copy(J, 1);
        resolve(J, promise);
    }
    js_pushundefined(J);
}

static void settle_rejected(js_State *J)
{
    js_Object *promise = own_promise(J);

    if (promise) {
        js_copy(J, 1);
        settle(J, promise, REJECTED);
    }
    js_pushundefined(J);
}

/* Push resolve and reject for the Promise on top. */
static void push_settlers(js_State *J)
{
    js_newobject(J);
    js_pushboolean(J, 1);
    js_defproperty(J, -2, "open", 0);
    js_copy(J, -2);
    js_defproperty(J, -2, "promise", 0);
    js_newcfunction(J, settle_fulfilled, "resolve", 1);
    js_copy(J, -2);
    js_defproperty(J, -2, "__Promise__", JS_DONTENUM);
    js_newcfunction(J, settle_rejected, "reject", 1);
    js_copy(J, -3);
    js_defproperty(J, -2, "__Promise__", JS_DONTENUM);
    js_remove(J, -3);
}

/* ---- working off ---- */

/* promise then thenable -- */
static void run_thenable(js_State *J)
{
    int top = js_gettop(J) - 3;

    js_copy(J, -3);
    push_settlers(J);
    js_remove(J, -3); /* promise then thenable resolve reject */
    if (js_try(J)) {
        js_copy(J, -2);
        js_pushundefined(J);
        js_copy(J, -3);
        js_call(J, 1);
        js_pop(J, js_gettop(J) - top);
        return;
    }
    js_call(J, 2);
    js_endtry(J);
    js_pop(J, js_gettop(J) - top);
}

/* promise handler argument -- */
static void run_handler(js_State *J, int state)
{
    js_Object *promise = js_isobject(J, -3) ? js_toobject(J, -3) : NULL;
    int top = js_gettop(J) - 3;

    if (!js_iscallable(J, -2)) {
        if (promise) {
            settle(J, promise, state);
        }
        js_pop(J, js_gettop(J) - top);
        return;
    }
    if (js_try(J)) {
        if (promise) {
            settle(J, promise, REJECTED);
        }
        js_pop(J, js_gettop(J) - top);
        return;
    }
    js_pushundefined(J);
    js_rot2(J);
    js_call(J, 1);
    js_endtry(J);
    if (promise) {
        resolve(J, promise);
    }
    js_pop(J, js_gettop(J) - top);
}

/* The job at @a first of the queue, which is on top. */
static void run_job(js_State *J, int first)
{
    int state;

    js_checkstack(J);
    js_getindex(J, -1, first + 3);
    state = js_tointeger(J, -1);
    js_pop(J, 1);
    js_getindex(J, -1, first + 2);
    js_getindex(J, -2, first);
    js_getindex(J, -3, first + 1);
    if (state == PENDING) {
        run_thenable(J);
    }
    else {
        run_handler(J, state);
    }
}

static void run_jobs(js_State *J)
{
    js_Object *jobs = J->lib->jobs;

    if (!jobs) {
        return;
    }
    js_pushobject(J, jobs);
    while (J->lib->firstjob < jobs->u.a.length) {
        int first = J->lib->firstjob;
        J->lib->firstjob += 4;
        run_job(J, first);
        if (J->lib->firstjob >= jobs->u.a.length) {
            js_setlength(J, -1, 0);
            J->lib->firstjob = 0;
        }
    }
    js_pop(J, 1);
}

/* ---- then and its relatives ---- */

/* onFulfilled onRejected derived-or-null -- : what happens after @a promise */
static void react(js_State *J, js_Object *promise)
{
    int i;

    if (promise->u.lib.what == PENDING) {
        if (!promise->u.lib.target) {
            js_newarray(J);
            promise->u.lib.target = js_toobject(J, -1);
            js_pop(J, 1);
        }
        for (i = 0; i < 3; ++i) {
            js_copy(J, -3 + i);
            push_to(J, promise->u.lib.target);
        }
        js_pop(J, 3);
        return;
    }
    js_copy(J, promise->u.lib.what == FULFILLED ? -3 : -2);
    js_pushvalue(J, promise->u.lib.value);
    js_copy(J, -3);
    add_job(J, promise->u.lib.what);
    js_pop(J, 3);
}

static void Pp_then(js_State *J)
{
    js_Object *promise = this_promise(J, 0);

    push_promise(J);
    js_copy(J, 1);
    js_copy(J, 2);
    js_copy(J, -3);
    react(J, promise);
}

static void Pp_catch(js_State *J)
{
    js_getproperty(J, 0, "then");
    js_copy(J, 0);
    js_pushundefined(J);
    js_copy(J, 1);
    js_call(J, 2);
}

/* The function that was given to finally() is called without a value; then
 * the value or the reason goes on. */
static void finally_value(js_State *J)
{
    js_currentfunction(J);
    js_getproperty(J, -1, "__Value__");
}

static void finally_reason(js_State *J)
{
    js_currentfunction(J);
    js_getproperty(J, -1, "__Value__");
    js_throw(J);
}

static void finally_run(js_State *J, js_CFunction after)
{
    js_currentfunction(J);
    js_getproperty(J, -1, "__Finally__");
    js_pushundefined(J);
    js_call(J, 0);
    push_promise(J);
    js_rot2(J);
    resolve(J, js_toobject(J, -2));
    js_getproperty(J, -1, "then");
    js_copy(J, -2);
    js_newcfunction(J, after, "", 0);
    js_copy(J, 1);
    js_defproperty(J, -2, "__Value__", JS_DONTENUM);
    js_call(J, 1);
}

static void finally_fulfilled(js_State *J)
{
    finally_run(J, finally_value);
}
static void finally_rejected(js_State *J)
{
    finally_run(J, finally_reason);
}

static void Pp_finally(js_State *J)
{
    js_getproperty(J, 0, "then");
    js_copy(J, 0);
    if (!js_iscallable(J, 1)) {
        js_copy(J, 1);
        js_copy(J, 1);
    }
    else {
        js_newcfunction(J, finally_fulfilled, "", 1);
        js_copy(J, 1);
        js_defproperty(J, -2, "__Finally__", JS_DONTENUM);
        js_newcfunction(J, finally_rejected, "", 1);
        js_copy(J, 1);
        js_defproperty(J, -2, "__Finally__", JS_DONTENUM);
    }
    js_call(J, 2);
}

/* ---- Promise ---- */

static void new_Promise(js_State *J)
{
    js_Object *promise;

    if (!js_iscallable(J, 1)) {
        js_typeerror(J, "new Promise() needs a function");
    }
    push_promise(J); /* at 2 */
    promise = js_toobject(J, -1);
    if (js_try(J)) {
        settle(J, promise, REJECTED);
        js_pushobject(J, promise);
        return;
    }
    js_copy(J, 1);
    js_pushundefined(J);
    js_copy(J, 2);
    push_settlers(J);
    js_remove(J, -3);
    js_call(J, 2);
    js_endtry(J);
    js_copy(J, 2);
}

/* The value on top becomes a Promise. */
static void to_promise(js_State *J)
{
    if (lib_is(J, -1, JS_LIBPROMISE)) {
        return;
    }
    push_promise(J);
    js_rot2(J);
    resolve(J, js_toobject(J, -2));
}

static void P_resolve(js_State *J)
{
    js_copy(J, 1);
    to_promise(J);
}

static void P_reject(js_State *J)
{
    push_promise(J);
    js_copy(J, 1);
    settle(J, js_toobject(J, -2), REJECTED);
}

/* jslib_combine.c */
static void P_all(js_State *J);
static void P_allSettled(js_State *J);
static void P_any(js_State *J);
static void P_race(js_State *J);

static void flow_async(js_State *J); /* jslib_eval.c */
static void flow_await(js_State *J);

static void init_promise(js_State *J)
{
    static const js_Method methods[] = { { "then", Pp_then, 2 },
                                         { "catch", Pp_catch, 1 },
                                         { "finally", Pp_finally, 1 },
                                         { NULL } };
    static const js_Method statics[] = { { "resolve", P_resolve, 1 },
                                         { "reject", P_reject, 1 },
                                         { "all", P_all, 1 },
                                         { "allSettled", P_allSettled, 1 },
                                         { "any", P_any, 1 },
                                         { "race", P_race, 1 },
                                         { NULL } };

    J->lib->promise = jsV_newobject(J, JS_COBJECT, J->Object_prototype);
    js_pushobject(J, J->lib->promise);
    lib_methods(J, methods);
    lib_tag(J, "Promise");
    js_newcconstructor(J, without_new, new_Promise, "Promise", 1);
    lib_methods(J, statics);
    js_defglobal(J, "Promise", JS_DONTENUM);
    js_newcfunction(J, flow_async, "__flow_async", 1);
    js_defglobal(J, "__flow_async", JS_DONTENUM);
    js_newcfunction(J, flow_await, "__flow_await", 1);
    js_defglobal(J, "__flow_await", JS_DONTENUM);
}
