/* SPDX-License-Identifier: Apache-2.0 */

/* Array: what goes through its elements; part of jslib.c's room. */

/* Element k is on top: call the function at 1 for it and push its answer. */
static void walk_call(js_State *J, double k)
{
    js_checkstack(J);
    js_copy(J, 1);
    js_copy(J, 2);
    js_copy(J, -3);
    js_pushnumber(J, k);
    js_copy(J, 0);
    js_call(J, 3);
}

/* Of a method with a callback: its length. */
static double walk_begin(js_State *J)
{
    double len;

    lib_pad(J, 3);
    arr_this(J);
    len = arr_length(J, 0);
    lib_callback(J, 1);
    return len;
}

static void search(js_State *J, int backwards, int want_index)
{
    double len = walk_begin(J), i, k;

    for (k = 0; k < len; ++k) {
        i = backwards ? len - 1 - k : k;
        arr_get(J, 0, i);
        walk_call(J, i);
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

/* Does the callback say @a wanted of any element? */
static int any(js_State *J, int wanted)
{
    double len = walk_begin(J), k;

    for (k = 0; k < len; ++k) {
        if (arr_has(J, 0, k)) {
            walk_call(J, k);
            if (js_toboolean(J, -1) == wanted) {
                return 1;
            }
            js_pop(J, 2);
        }
    }
    return 0;
}

static void Ap_every(js_State *J)
{
    js_pushboolean(J, !any(J, 0));
}
static void Ap_some(js_State *J)
{
    js_pushboolean(J, any(J, 1));
}
static void Ap_forEach(js_State *J)
{
    any(J, -1);
    js_pushundefined(J);
}

static void Ap_map(js_State *J)
{
    double len = walk_begin(J), k;
    int out = js_gettop(J);

    arr_species(J, len);
    for (k = 0; k < len; ++k) {
        if (arr_has(J, 0, k)) {
            walk_call(J, k);
            arr_create(J, out, k);
            js_pop(J, 1);
        }
    }
}

static void Ap_filter(js_State *J)
{
    double len = walk_begin(J), k, n = 0;
    int out = js_gettop(J), keep;

    arr_species(J, 0);
    for (k = 0; k < len; ++k) {
        if (arr_has(J, 0, k)) {
            walk_call(J, k);
            keep = js_toboolean(J, -1);
            js_pop(J, 1);
            if (keep) {
                arr_create(J, out, n++);
            }
            else {
                js_pop(J, 1);
            }
        }
    }
}

static void reduce(js_State *J, int backwards)
{
    int has_first = js_gettop(J) >= 3, at;
    double len, i, k = 0;

    arr_this(J);
    len = arr_length(J, 0);
    lib_callback(J, 1);
    if (has_first) {
        js_copy(J, 2);
    }
    for (; !has_first && k < len; ++k) {
        has_first = arr_has(J, 0, backwards ? len - 1 - k : k);
    }
    if (!has_first) {
        js_typeerror(J, "no initial value");
    }
    at = js_gettop(J) - 1;
    for (; k < len; ++k) {
        i = backwards ? len - 1 - k : k;
        if (arr_has(J, 0, i)) {
            js_checkstack(J);
            js_copy(J, 1);
            js_pushundefined(J);
            js_copy(J, at);
            js_copy(J, at + 1);
            js_pushnumber(J, i);
            js_copy(J, 0);
            js_call(J, 4);
            js_replace(J, at);
            js_pop(J, 1);
        }
    }
}

static void Ap_reduce(js_State *J)
{
    reduce(J, 0);
}
static void Ap_reduceRight(js_State *J)
{
    reduce(J, 1);
}

/* ---- looking for a value ---- */

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

/* Where a search that begins at the argument at 2 begins. */
static double search_from(js_State *J, double len)
{
    double n = lib_integer(J, 2);

    return n >= 0 ? n + 0 : n + len > 0 ? n + len : 0; /* no -0 */
}

static void Ap_includes(js_State *J)
{
    double len, k;

    lib_pad(J, 3);
    arr_this(J);
    len = arr_length(J, 0);
    for (k = len > 0 ? search_from(J, len) : 0; k < len; ++k) {
        arr_get(J, 0, k);
        js_copy(J, 1);
        if (same_value_zero(J)) {
            js_pushboolean(J, 1);
            return;
        }
    }
    js_pushboolean(J, 0);
}

/* Is element k the value at 1? */
static int is_element(js_State *J, double k)
{
    int same;

    if (!arr_has(J, 0, k)) {
        return 0;
    }
    js_copy(J, 1);
    same = js_strictequal(J);
    js_pop(J, 2);
    return same;
}

static void Ap_indexOf(js_State *J)
{
    double len, k;

    lib_pad(J, 3);
    arr_this(J);
    len = arr_length(J, 0);
    for (k = len > 0 ? search_from(J, len) : 0; k < len; ++k) {
        if (is_element(J, k)) {
            js_pushnumber(J, k);
            return;
        }
    }
    js_pushnumber(J, -1);
}

static void Ap_lastIndexOf(js_State *J)
{
    int from_end = js_gettop(J) < 3;
    double len, n, k;

    arr_this(J);
    len = arr_length(J, 0);
    if (len > 0) {
        n = from_end ? len - 1 : lib_integer(J, 2);
        k = n >= len ? len - 1 : n >= 0 ? n + 0 : n + len; /* no -0 */
        for (; k >= 0; --k) {
            if (is_element(J, k)) {
                js_pushnumber(J, k);
                return;
            }
        }
    }
    js_pushnumber(J, -1);
}

static void Ap_at(js_State *J)
{
    double len, k;

    arr_this(J);
    len = arr_length(J, 0);
    k = lib_integer(J, 1);
    k = k < 0 ? k + len : k;
    if (k < 0 || k >= len) {
        js_pushundefined(J);
    }
    else {
        arr_get(J, 0, k);
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

/* ---- arrays in arrays ---- */

/* Append the len elements of what is on top to the array at @a out; pop it. */
static void flatten(js_State *J, int out, double depth, double len, double *n)
{
    int at = js_gettop(J) - 1;
    double k;

    js_checkstack(J);
    for (k = 0; k < len; ++k) {
        if (!arr_has(J, at, k)) {
            continue;
        }
        if (depth > 0 && js_isarray(J, -1)) {
            flatten(J, out, depth - 1, arr_length(J, -1), n);
        }
        else {
            check_length(J, *n + 1);
            arr_create(J, out, (*n)++);
        }
    }
    js_pop(J, 1);
}

static void Ap_flat(js_State *J)
{
    double depth = 1, n = 0, len;
    int out;

    lib_pad(J, 2);
    arr_this(J);
    len = arr_length(J, 0);
    if (!js_isundefined(J, 1)) {
        depth = lib_integer(J, 1);
    }
    out = js_gettop(J);
    arr_species(J, 0);
    js_copy(J, 0);
    flatten(J, out, depth, len, &n);
}

static void Ap_flatMap(js_State *J)
{
    double len = walk_begin(J), k, n = 0;
    int out = js_gettop(J);

    arr_species(J, 0);
    for (k = 0; k < len; ++k) {
        if (!arr_has(J, 0, k)) {
            continue;
        }
        walk_call(J, k);
        js_rot2pop1(J);
        if (js_isarray(J, -1)) {
            flatten(J, out, 0, arr_length(J, -1), &n);
        }
        else {
            arr_create(J, out, n++);
        }
    }
}

/* ---- sorting ---- */

/* Is the value at a to stand after the one at b? */
static int sort_after(js_State *J, js_Value *a, js_Value *b)
{
    int after;

    if (js_isundefined(J, 1)) {
        js_pushvalue(J, *a);
        js_pushvalue(J, *b);
        after = strcmp(lib_text(J, -2), lib_text(J, -1)) > 0;
        js_pop(J, 2);
        return after;
    }
    js_copy(J, 1);
    js_pushundefined(J);
    js_pushvalue(J, *a);
    js_pushvalue(J, *b);
    js_call(J, 2);
    after = js_tonumber(J, -1) > 0;
    js_pop(J, 1);
    return after;
}

/* Push an array of n undefined values. */
static js_Value *sort_space(js_State *J, int n)
{
    js_Object *obj;
    int i;

    js_newarray(J);
    obj = js_toobject(J, -1);
    obj->u.a.array = js_malloc(J, (n > 0 ? n : 1) * sizeof(js_Value));
    obj->u.a.flat_capacity = n > 0 ? n : 1;
    for (i = 0; i < n; ++i) {
        memset(&obj->u.a.array[i], 0, sizeof(js_Value));
        obj->u.a.array[i].t.type = JS_TUNDEFINED;
    }
    obj->u.a.length = obj->u.a.flat_length = n;
    return obj->u.a.array;
}

/* One step of a stable merge sort: sorted pieces of @a width become pieces of
 * twice that. */
static void sort_merge(js_State *J, js_Value *from, js_Value *to, int n,
                       int width)
{
    int left, mid, end, i, k, out;

    for (left = 0; left < n; left = end) {
        mid = width < n - left ? left + width : n;
        end = width < n - mid ? mid + width : n;
        for (i = left, k = mid, out = left; out < end; ++out) {
            if (k >= end || (i < mid && !sort_after(J, &from[i], &from[k]))) {
                to[out] = from[i++];
            }
            else {
                to[out] = from[k++];
            }
        }
    }
}

/* On two arrays that no script can reach: the comparison function may do to the
 * array being sorted whatever it likes. */
static js_Value *sort_values(js_State *J, js_Value *from, js_Value *to, int n)
{
    int width, left, end, i, k;
    js_Value *tmp;

    for (left = 0; left < n; left += 8) { /* pieces of eight by insertion */
        end = left + 8 < n ? left + 8 : n;
        for (i = left + 1; i < end; ++i) {
            js_Value v = from[i];
            for (k = i; k > left && sort_after(J, &from[k - 1], &v); --k) {
                from[k] = from[k - 1];
                from[k - 1] = v;
            }
        }
    }
    for (width = 8; width < n; width *= 2) {
        sort_merge(J, from, to, n, width);
        tmp = from;
        from = to;
        to = tmp;
    }
    return from;
}

/* Push an array of the values, without holes and undefined; *undefs is the
 * number of those. */
static int sort_collect(js_State *J, double len, double *undefs)
{
    int out = js_gettop(J), n = 0;
    double k;

    *undefs = 0;
    js_newarray(J);
    for (k = 0; k < len; ++k) {
        if (!arr_has(J, 0, k)) {
            continue;
        }
        if (js_isundefined(J, -1)) {
            ++*undefs;
            js_pop(J, 1);
        }
        else {
            arr_create(J, out, n++);
        }
    }
    return n;
}

static void Ap_sort(js_State *J)
{
    double len, undefs, k = 0;
    js_Value *values;
    int n;

    lib_pad(J, 2);
    if (!js_isundefined(J, 1) && !js_iscallable(J, 1)) {
        js_typeerror(J, "the comparison of sort() is not a function");
    }
    arr_this(J);
    len = arr_length(J, 0);
    n = sort_collect(J, len, &undefs);
    values = js_toobject(J, -1)->u.a.array;
    values = sort_values(J, values, sort_space(J, n), n);
    for (; k < n; ++k) {
        js_pushvalue(J, values[(int)k]);
        arr_set(J, 0, k);
    }
    for (; k < n + undefs; ++k) {
        js_pushundefined(J);
        arr_set(J, 0, k);
    }
    for (; k < len; ++k) {
        if (arr_has(J, 0, k)) {
            js_pop(J, 1);
            arr_delete(J, 0, k);
        }
    }
    js_copy(J, 0);
}

static void Ap_toSorted(js_State *J)
{
    lib_pad(J, 2);
    if (!js_isundefined(J, 1)) {
        lib_callback(J, 1);
    }
    arr_this(J);
    copy_array(J);
    js_replace(J, 0);
    Ap_sort(J);
}

/* Array.prototype is on top. */
static void init_walk(js_State *J)
{
    static const js_Method methods[] = {
        { "find", Ap_find, 1 },
        { "findIndex", Ap_findIndex, 1 },
        { "findLast", Ap_findLast, 1 },
        { "findLastIndex", Ap_findLastIndex, 1 },
        { "every", Ap_every, 1 },
        { "some", Ap_some, 1 },
        { "forEach", Ap_forEach, 1 },
        { "map", Ap_map, 1 },
        { "filter", Ap_filter, 1 },
        { "reduce", Ap_reduce, 1 },
        { "reduceRight", Ap_reduceRight, 1 },
        { "includes", Ap_includes, 1 },
        { "indexOf", Ap_indexOf, 1 },
        { "lastIndexOf", Ap_lastIndexOf, 1 },
        { "at", Ap_at, 1 },
        { "keys", Ap_keys, 0 },
        { "entries", Ap_entries, 0 },
        { "values", Ap_values, 0 },
        { "flat", Ap_flat, 0 },
        { "flatMap", Ap_flatMap, 1 },
        { "sort", Ap_sort, 1 },
        { "toSorted", Ap_toSorted, 1 },
        { NULL }
    };

    lib_methods(J, methods);
    js_getproperty(J, -1, "values");
    js_defproperty(J, -2, "@@iterator", JS_DONTENUM);
}
