/* SPDX-License-Identifier: Apache-2.0 */

/* Promise.all and its relatives; part of jslib.c's room. */

/* all, allSettled, any and race: each element gets two functions with the
 * place it belongs to and the object that they share. */
enum {
    ALL,
    SETTLED,
    ANY
};

/* One less to wait for; the last one settles. @a shared is where the object is
 * that they share. */
static void count_down(js_State *J, int shared)
{
    js_Object *promise;
    int how, left;

    js_getproperty(J, shared, "left");
    left = js_tointeger(J, -1) - 1;
    js_pushnumber(J, left);
    js_defproperty(J, shared, "left", 0);
    js_pop(J, 1);
    if (left > 0) {
        return;
    }
    js_getproperty(J, shared, "how");
    how = js_tointeger(J, -1);
    js_getproperty(J, shared, "promise");
    promise = js_toobject(J, -1);
    js_getproperty(J, shared, "values");
    if (how == ANY) {
        js_newerror(J, "every Promise was rejected");
        js_pushliteral(J, "AggregateError");
        js_defproperty(J, -2, "name", JS_DONTENUM);
        js_rot2(J);
        js_defproperty(J, -2, "errors", JS_DONTENUM);
    }
    settle(J, promise, how == ANY ? REJECTED : FULFILLED);
    js_pop(J, 2);
}

static void element(js_State *J, int reject)
{
    lib_pad(J, 2);
    js_currentfunction(J);              /* 2 */
    js_getproperty(J, 2, "__Shared__"); /* 3 */
    js_getproperty(J, 3, "values");     /* 4 */
    js_getproperty(J, 2, "__Index__");  /* 5 */
    js_getproperty(J, 3, "how");        /* 6 */
    if (js_tointeger(J, 6) == SETTLED) {
        js_newobject(J);
        js_pushstring(J, reject ? "rejected" : "fulfilled");
        js_defproperty(J, -2, "status", 0);
        js_copy(J, 1);
        js_defproperty(J, -2, reject ? "reason" : "value", 0);
    }
    else {
        js_copy(J, 1);
    }
    js_setindex(J, 4, js_tointeger(J, 5));
    count_down(J, 3);
    js_pushundefined(J);
}

static void element_value(js_State *J)
{
    element(J, 0);
}
static void element_reason(js_State *J)
{
    element(J, 1);
}

/* shared object on top -- and above it a function for element i */
static void push_element(js_State *J, js_CFunction f, int i)
{
    js_newcfunction(J, f, "", 1);
    js_copy(J, -2);
    js_defproperty(J, -2, "__Shared__", JS_DONTENUM);
    js_pushnumber(J, i);
    js_defproperty(J, -2, "__Index__", JS_DONTENUM);
}

static void combine(js_State *J, int how)
{
    int i, at;

    push_promise(J); /* 2 */
    js_newobject(J); /* 3 */
    js_newarray(J);
    js_defproperty(J, 3, "values", 0);
    js_copy(J, 2);
    js_defproperty(J, 3, "promise", 0);
    js_pushnumber(J, how);
    js_defproperty(J, 3, "how", 0);
    js_pushnumber(J, 1);
    js_defproperty(J, 3, "left", 0);
    at = js_gettop(J);
    iter_begin(J, 1); /* 4 and 5 */
    for (i = 0; iter_next(J, at); ++i) {
        to_promise(J); /* 6 */
        js_getproperty(J, 3, "left");
        js_pushnumber(J, js_tonumber(J, -1) + 1);
        js_defproperty(J, 3, "left", 0);
        js_pop(J, 1);
        js_getproperty(J, -1, "then");
        js_copy(J, -2);
        js_copy(J, 2);
        push_settlers(J); /* promise resolve reject */
        js_copy(J, 3);
        push_element(J, how == ANY ? element_reason : element_value, i);
        js_rot2pop1(J);
        if (how == ALL) { /* value: element, reason: reject */
            js_rot2(J);
            js_remove(J, -3);
        }
        else if (how == ANY) { /* value: resolve, reason: element */
            js_remove(J, -2);
        }
        else {
            js_remove(J, -2);
            js_remove(J, -2);
            js_copy(J, 3);
            push_element(J, element_reason, i);
            js_rot2pop1(J);
        }
        js_remove(J, -3); /* the Promise of push_settlers() */
        js_call(J, 2);
        js_pop(J, 2);
    }
    count_down(J, 3); /* it began with one, so that an empty list ends, too */
    js_copy(J, 2);
}

static void P_all(js_State *J)
{
    combine(J, ALL);
}
static void P_allSettled(js_State *J)
{
    combine(J, SETTLED);
}
static void P_any(js_State *J)
{
    combine(J, ANY);
}

static void P_race(js_State *J)
{
    push_promise(J);  /* 2 */
    iter_begin(J, 1); /* 3 and 4 */
    while (iter_next(J, 3)) {
        to_promise(J);
        js_getproperty(J, -1, "then");
        js_copy(J, -2);
        js_copy(J, 2);
        push_settlers(J);
        js_remove(J, -3);
        js_call(J, 2);
        js_pop(J, 2);
    }
    js_copy(J, 2);
}
