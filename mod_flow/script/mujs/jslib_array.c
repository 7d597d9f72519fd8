/* SPDX-License-Identifier: Apache-2.0 */

/* Array; part of jslib.c's room. */

static void lib_callback(js_State *J, int idx)
{
    if (!js_iscallable(J, idx)) {
        js_typeerror(J, "callback is not a function");
    }
}

/* Call the function at 1 for element i; its answer is pushed above the
 * element. */
static void call_for(js_State *J, int i)
{
    js_checkstack(J);
    js_getindex(J, 0, i);
    js_copy(J, 1);
    js_copy(J, 2);
    js_copy(J, -3);
    js_pushnumber(J, i);
    js_copy(J, 0);
    js_call(J, 3);
}

static void search(js_State *J, int backwards, int want_index)
{
    int len, i, k;

    lib_pad(J, 3);
    len = lib_length(J, 0);
    lib_callback(J, 1);
    for (k = 0; k < len; ++k) {
        i = backwards ? len - 1 - k : k;
        call_for(J, i);
        if (js_toboolean(J, -1)) {
            js_pop(J, 1);
            if (want_index) {
                js_pushnumber(J, i);
            }
            return;
        }
        js_pop(J, 2);
    }
    if (want_index) {
        js_pushnumber(J, -1);
    }
    else {
        js_pushundefined(J);
    }
}

static void Ap_find(js_State *J)
{
    search(J, 0, 0);
}
static void Ap_findIndex(js_State *J)
{
    search(J, 0, 1);
}
static void Ap_findLast(js_State *J)
{
    search(J, 1, 0);
}
static void Ap_findLastIndex(js_State *J)
{
    search(J, 1, 1);
}

/* Are the two values on top the same (NaN is, 0 and -0 are)? Pops them. */
static int same_value_zero(js_State *J)
{
    int same = js_strictequal(J);

    if (!same && js_isnumber(J, -1) && js_isnumber(J, -2)) {
        same = isnan(js_tonumber(J, -1)) && isnan(js_tonumber(J, -2));
    }
    js_pop(J, 2);
    return same;
}

static void Ap_includes(js_State *J)
{
    int len, i;

    lib_pad(J, 3);
    len = lib_length(J, 0);
    for (i = lib_index(J, 2, len, 0); i < len; ++i) {
        js_getindex(J, 0, i);
        js_copy(J, 1);
        if (same_value_zero(J)) {
            js_pushboolean(J, 1);
            return;
        }
    }
    js_pushboolean(J, 0);
}

static void Ap_fill(js_State *J)
{
    int len, i, end;

    lib_pad(J, 4);
    len = lib_length(J, 0);
    i = lib_index(J, 2, len, 0);
    end = lib_index(J, 3, len, len);
    for (; i < end; ++i) {
        js_copy(J, 1);
        js_setindex(J, 0, i);
    }
    js_copy(J, 0);
}

static void Ap_copyWithin(js_State *J)
{
    int len, to, from, n, step = 1;

    lib_pad(J, 4);
    len = lib_length(J, 0);
    to = lib_index(J, 1, len, 0);
    from = lib_index(J, 2, len, 0);
    n = lib_index(J, 3, len, len) - from;
    n = n < len - to ? n : len - to;
    if (from < to && to < from + n) {
        step = -1;
        from += n - 1;
        to += n - 1;
    }
    for (; n > 0; --n, from += step, to += step) {
        if (js_hasindex(J, 0, from)) {
            js_setindex(J, 0, to);
        }
        else {
            js_delindex(J, 0, to);
        }
    }
    js_copy(J, 0);
}

static void Ap_at(js_State *J)
{
    int len = lib_length(J, 0);
    double i = lib_integer(J, 1);

    i = i < 0 ? i + len : i;
    if (i < 0 || i >= len) {
        js_pushundefined(J);
    }
    else {
        js_getindex(J, 0, (int)i);
    }
}

static void Ap_values(js_State *J)
{
    js_libiterator(J, 0, JS_ITERVALUES);
}
static void Ap_keys(js_State *J)
{
    js_libiterator(J, 0, JS_ITERKEYS);
}
static void Ap_entries(js_State *J)
{
    js_libiterator(J, 0, JS_ITERENTRIES);
}

/* Append the array on top to the one at @a out, and pop it. */
static void flatten(js_State *J, int out, double depth, int *n)
{
    int len = lib_length(J, -1), i;

    js_checkstack(J);
    if (JS_NOSTACK()) {
        js_rangeerror(J, "array is nested too deeply");
    }
    for (i = 0; i < len; ++i) {
        if (!js_hasindex(J, -1, i)) {
            continue;
        }
        if (depth > 0 && js_isarray(J, -1)) {
            flatten(J, out, depth - 1, n);
        }
        else {
            js_setindex(J, out, (*n)++);
        }
    }
    js_pop(J, 1);
}

static void Ap_flat(js_State *J)
{
    double depth = 1;
    int n = 0;

    lib_pad(J, 2);
    if (!js_isundefined(J, 1)) {
        depth = lib_integer(J, 1);
    }
    js_newarray(J);
    js_copy(J, 0);
    flatten(J, 2, depth, &n);
}

static void Ap_flatMap(js_State *J)
{
    int len, i, k, n = 0, inner;

    lib_pad(J, 3);
    len = lib_length(J, 0);
    lib_callback(J, 1);
    js_newarray(J); /* at 3 */
    for (i = 0; i < len; ++i) {
        if (!js_hasindex(J, 0, i)) {
            continue;
        }
        js_pop(J, 1);
        call_for(J, i);
        if (js_isarray(J, -1)) {
            inner = lib_length(J, -1);
            for (k = 0; k < inner; ++k) {
                if (js_hasindex(J, -1, k)) {
                    js_setindex(J, 3, n++);
                }
            }
        }
        else {
            js_copy(J, -1);
            js_setindex(J, 3, n++);
        }
        js_pop(J, 2);
    }
    js_copy(J, 3);
}

static void Ap_toReversed(js_State *J)
{
    int len = lib_length(J, 0), i;

    js_newarray(J);
    for (i = 0; i < len; ++i) {
        js_getindex(J, 0, len - 1 - i);
        js_setindex(J, -2, i);
    }
}

static void copy_array(js_State *J)
{
    int len = lib_length(J, 0), i;

    js_newarray(J);
    for (i = 0; i < len; ++i) {
        js_getindex(J, 0, i);
        js_setindex(J, -2, i);
    }
}

static void Ap_toSorted(js_State *J)
{
    lib_pad(J, 2);
    copy_array(J);
    js_getproperty(J, -1, "sort");
    js_copy(J, -2);
    js_copy(J, 1);
    js_call(J, 1);
}

static void Ap_with(js_State *J)
{
    int len = lib_length(J, 0);
    double i = lib_integer(J, 1);

    i = i < 0 ? i + len : i;
    if (i < 0 || i >= len) {
        js_rangeerror(J, "invalid index");
    }
    copy_array(J);
    js_copy(J, 2);
    js_setindex(J, -2, (int)i);
}

/* Element i on top becomes the result's, through the function at 2. */
static void from_element(js_State *J, int out, int i)
{
    if (js_isundefined(J, 2)) {
        js_setindex(J, out, i);
        return;
    }
    js_copy(J, 2);
    js_copy(J, 3);
    js_copy(J, -3);
    js_pushnumber(J, i);
    js_call(J, 2);
    js_setindex(J, out, i);
    js_pop(J, 1);
}

static void A_from(js_State *J)
{
    int i, len;

    lib_pad(J, 4);
    if (!js_isundefined(J, 2)) {
        lib_callback(J, 2);
    }
    js_newarray(J); /* at 4 */
    if (lib_method(J, 1, "@@iterator")) {
        js_pop(J, 1);
        iter_begin(J, 1); /* at 5 and 6 */
        for (i = 0; iter_next(J, 5); ++i) {
            from_element(J, 4, i);
        }
    }
    else {
        js_copy(J, 1);
        js_toobject(J, -1);
        len = lib_length(J, -1);
        for (i = 0; i < len; ++i) {
            js_getindex(J, 6, i);
            from_element(J, 4, i);
        }
        js_setlength(J, 4, len);
    }
    js_copy(J, 4);
}

static void A_of(js_State *J)
{
    int i, n = js_gettop(J);

    js_newarray(J);
    for (i = 1; i < n; ++i) {
        js_copy(J, i);
        js_setindex(J, -2, i - 1);
    }
}

static void init_array(js_State *J)
{
    static const js_Method methods[] = { { "find", Ap_find, 1 },
                                         { "findIndex", Ap_findIndex, 1 },
                                         { "findLast", Ap_findLast, 1 },
                                         { "findLastIndex", Ap_findLastIndex,
                                           1 },
                                         { "includes", Ap_includes, 1 },
                                         { "fill", Ap_fill, 1 },
                                         { "copyWithin", Ap_copyWithin, 2 },
                                         { "at", Ap_at, 1 },
                                         { "keys", Ap_keys, 0 },
                                         { "entries", Ap_entries, 0 },
                                         { "flat", Ap_flat, 0 },
                                         { "flatMap", Ap_flatMap, 1 },
                                         { "toReversed", Ap_toReversed, 0 },
                                         { "toSorted", Ap_toSorted, 1 },
                                         { "with", Ap_with, 2 },
                                         { NULL } };
    static const js_Method statics[] = { { "from", A_from, 1 },
                                         { "of", A_of, 0 },
                                         { NULL } };

    js_pushobject(J, J->Array_prototype);
    lib_methods(J, methods);
    js_newcfunction(J, Ap_values, "values", 0);
    js_copy(J, -1);
    js_defproperty(J, -3, "values", JS_DONTENUM);
    js_defproperty(J, -2, "@@iterator", JS_DONTENUM);
    js_pop(J, 1);
    js_getglobal(J, "Array");
    lib_methods(J, statics);
    js_pop(J, 1);
}
