/* SPDX-License-Identifier: Apache-2.0 */

/* Array: what changes and copies it; part of jslib.c's room. It stands in the
 * place of mujs' own.
 *
 * Methods work on anything with a length, which goes up to 2^53 - 1: indices
 * are doubles. Arrays whose elements lie in one piece (dense) are moved as
 * one. A loop may be long, but does not outlast the script's time: the host's
 * signal ends it wherever it is. */

#define ARR_MAX    9007199254740991.0 /* the largest length */
#define ARR_ARRAYS 4294967295.0       /* of arrays */

int js_getlength(js_State *J, int idx)
{
    double len;

    js_getproperty(J, idx, "length");
    len = js_tonumber(J, -1);
    js_pop(J, 1);
    return len > INT_MAX ? INT_MAX : len > 0 ? (int)len : 0;
}

void js_setlength(js_State *J, int idx, int len)
{
    js_pushnumber(J, len);
    js_setproperty(J, idx < 0 ? idx - 1 : idx, "length");
}

static void lib_callback(js_State *J, int idx)
{
    if (!js_iscallable(J, idx)) {
        js_typeerror(J, "callback is not a function");
    }
}

/* ---- elements ---- */

/* The value at 0 as an object, in its place. */
static js_Object *arr_this(js_State *J)
{
    js_Object *obj = js_toobject(J, 0);

    if (!js_isobject(J, 0)) {
        js_pushobject(J, obj);
        js_replace(J, 0);
    }
    return obj;
}

/* An array with all its elements in one piece. */
static int arr_dense(const js_Object *obj)
{
    return obj->type == JS_CARRAY && obj->u.a.simple &&
           obj->u.a.length == (unsigned int)obj->u.a.flat_length;
}

static double arr_length(js_State *J, int idx)
{
    js_Value *v = js_tovalue(J, idx);
    double n;

    if (v->t.type == JS_TOBJECT && v->u.object->type == JS_CARRAY) {
        return v->u.object->u.a.length;
    }
    js_getproperty(J, idx, "length");
    n = js_tonumber(J, -1);
    js_pop(J, 1);
    return n > ARR_MAX ? ARR_MAX : n > 0 ? floor(n) : 0;
}

static const char *arr_name(js_State *J, double k, char buf[32])
{
    return k <= INT_MAX ? js_itoa(buf, (int)k)
                        : jsV_numbertostring(J, buf, k);
}

/* Push element k when there is one, also an inherited one. */
static int arr_has(js_State *J, int idx, double k)
{
    char buf[32];

    if (k <= INT_MAX) {
        return js_hasindex(J, idx, (int)k);
    }
    return js_hasproperty(J, idx, arr_name(J, k, buf));
}

static void arr_get(js_State *J, int idx, double k)
{
    if (!arr_has(J, idx, k)) {
        js_pushundefined(J);
    }
}

/* Element k becomes the value on top, which is popped; or throw. */
static void arr_set(js_State *J, int idx, double k)
{
    char buf[32];

    if (k <= INT_MAX && !JS_INHERITS(J)) {
        js_setindex(J, idx, (int)k);
    }
    else {
        js_setproperty(J, idx, arr_name(J, k, buf));
    }
}

static void arr_delete(js_State *J, int idx, double k)
{
    char buf[32];

    if (k <= INT_MAX) {
        js_delindex(J, idx, (int)k);
    }
    else {
        js_delproperty(J, idx, arr_name(J, k, buf));
    }
}

static void arr_setlength(js_State *J, int idx, double n)
{
    js_Object *obj = js_toobject(J, idx);

    if (obj->type != JS_CARRAY || !obj->u.a.simple || obj->u.a.length != n) {
        js_pushnumber(J, n);
        js_setproperty(J, idx, "length");
    }
}

/* Define element k of what a method makes as the value on top; pops it. */
static void arr_create(js_State *J, int idx, double k)
{
    js_Object *obj = js_toobject(J, idx);
    js_Descriptor d;
    char buf[32];

    if (obj->type == JS_CARRAY && obj->u.a.simple && k <= obj->u.a.flat_length) {
        jsR_setarrayindex(J, obj, (int)k, js_tovalue(J, -1));
    }
    else {
        memset(&d, 0, sizeof(d));
        d.has = HAS_VALUE | HAS_WRITABLE | HAS_ENUM | HAS_CONF;
        d.value = *js_tovalue(J, -1);
        define_own(J, obj, arr_name(J, k, buf), &d, 1);
    }
    js_pop(J, 1);
}

static void arr_new(js_State *J, double n)
{
    if (n > ARR_ARRAYS) {
        js_rangeerror(J, "invalid array length");
    }
    js_newarray(J);
    js_toobject(J, -1)->u.a.length = (unsigned int)n;
}

static int is_constructor(js_State *J, int idx)
{
    js_Value *v = js_tovalue(J, idx);
    js_Object *f = v->t.type == JS_TOBJECT ? v->u.object : NULL;

    return f && ((f->type == JS_CFUNCTION && !f->u.f.function->plain) ||
                 (f->type == JS_CCFUNCTION && f->u.c.constructor));
}

static void jsB_Array(js_State *J);

/* Push what a method of the array at 0 returns: of the array's own kind. */
static void arr_species(js_State *J, double n)
{
    if (!js_isarray(J, 0)) {
        arr_new(J, n);
        return;
    }
    js_getproperty(J, 0, "constructor");
    if (is_builtin(J, -1, jsB_Array)) {
        js_pop(J, 1);
        arr_new(J, n);
        return;
    }
    if (js_isobject(J, -1)) {
        js_getproperty(J, -1, "@@species");
        js_rot2pop1(J);
        if (js_isnull(J, -1)) {
            js_pop(J, 1);
            js_pushundefined(J);
        }
    }
    if (js_isundefined(J, -1) || is_builtin(J, -1, jsB_Array)) {
        js_pop(J, 1);
        arr_new(J, n);
        return;
    }
    if (!is_constructor(J, -1)) {
        js_typeerror(J, "'constructor' of the array is not a constructor");
    }
    js_pushnumber(J, n);
    js_construct(J, 1);
}

/* What the constructor at 0 makes, else an array. */
static void arr_made(js_State *J, int with_length, double n)
{
    if (!is_constructor(J, 0) || is_builtin(J, 0, jsB_Array)) {
        arr_new(J, n);
        return;
    }
    js_copy(J, 0);
    if (with_length) {
        js_pushnumber(J, n);
    }
    js_construct(J, with_length);
}

/* An argument that counts from the end when negative. */
static double arr_index(js_State *J, int idx, double len, double otherwise)
{
    double n;

    if (js_isundefined(J, idx)) {
        return otherwise;
    }
    n = lib_integer(J, idx);
    n = n < 0 ? n + len : n;
    return n < 0 ? 0 : n > len ? len : n;
}

static void check_length(js_State *J, double n)
{
    if (n > ARR_MAX) {
        js_typeerror(J, "length would exceed 2^53 - 1");
    }
}

/* ---- at the ends ---- */

static void Ap_push(js_State *J)
{
    js_Object *obj = arr_this(J);
    int top = js_gettop(J), i;
    double n = arr_length(J, 0);

    check_length(J, n + (top - 1));
    for (i = 1; i < top; ++i, ++n) {
        if (arr_dense(obj) && !JS_INHERITS(J)) {
            jsR_setarrayindex(J, obj, (int)n, js_tovalue(J, i));
        }
        else {
            js_copy(J, i);
            arr_set(J, 0, n);
        }
    }
    arr_setlength(J, 0, n);
    js_pushnumber(J, n);
}

static void Ap_pop(js_State *J)
{
    double n;

    arr_this(J);
    n = arr_length(J, 0);
    if (n == 0) {
        arr_setlength(J, 0, 0);
        js_pushundefined(J);
        return;
    }
    arr_get(J, 0, n - 1);
    arr_delete(J, 0, n - 1);
    arr_setlength(J, 0, n - 1);
}

/* Move element @a from to @a to, or delete that one. */
static void arr_move(js_State *J, double from, double to)
{
    if (arr_has(J, 0, from)) {
        arr_set(J, 0, to);
    }
    else {
        arr_delete(J, 0, to);
    }
}

static void Ap_shift(js_State *J)
{
    js_Object *obj = arr_this(J);
    double len = arr_length(J, 0), k;

    if (len == 0) {
        arr_setlength(J, 0, 0);
        js_pushundefined(J);
        return;
    }
    arr_get(J, 0, 0);
    if (arr_dense(obj)) {
        memmove(obj->u.a.array, obj->u.a.array + 1,
                (obj->u.a.flat_length - 1) * sizeof(js_Value));
        obj->u.a.length = --obj->u.a.flat_length;
        return;
    }
    for (k = 1; k < len; ++k) {
        arr_move(J, k, k - 1);
    }
    arr_delete(J, 0, len - 1);
    arr_setlength(J, 0, len - 1);
}

/* Make room for n more elements before element @a at of a dense array; or, with
 * a negative n, take elements away there. */
static void arr_shiftdense(js_State *J, js_Object *obj, int at, int n)
{
    int len = obj->u.a.flat_length, i;

    for (i = 0; i < n; ++i) {
        js_pushundefined(J);
        jsR_setarrayindex(J, obj, len + i, js_tovalue(J, -1));
        js_pop(J, 1);
    }
    if (n > 0) {
        memmove(obj->u.a.array + at + n, obj->u.a.array + at,
                (len - at) * sizeof(js_Value));
    }
    if (n < 0) {
        memmove(obj->u.a.array + at, obj->u.a.array + at - n,
                (len - at + n) * sizeof(js_Value));
        obj->u.a.length = obj->u.a.flat_length = len + n;
    }
}

static void Ap_unshift(js_State *J)
{
    js_Object *obj = arr_this(J);
    int add = js_gettop(J) - 1, i;
    double len = arr_length(J, 0), k;

    if (add > 0) {
        check_length(J, len + add);
        if (arr_dense(obj) && !JS_INHERITS(J)) {
            arr_shiftdense(J, obj, 0, add);
        }
        else {
            for (k = len; k > 0; --k) {
                arr_move(J, k - 1, k + add - 1);
            }
        }
        for (i = 0; i < add; ++i) {
            js_copy(J, i + 1);
            arr_set(J, 0, i);
        }
    }
    arr_setlength(J, 0, len + add);
    js_pushnumber(J, len + add);
}

/* Elements start to start + n of what is at 0, into the result on top. */
static void arr_copy(js_State *J, double start, double n)
{
    int out = js_gettop(J) - 1;
    double k;

    for (k = 0; k < n; ++k) {
        if (arr_has(J, 0, start + k)) {
            arr_create(J, out, k);
        }
    }
    js_pushnumber(J, n);
    js_setproperty(J, out, "length");
}

static void Ap_slice(js_State *J)
{
    double len, start, end, n;

    lib_pad(J, 3);
    arr_this(J);
    len = arr_length(J, 0);
    start = arr_index(J, 1, len, 0);
    end = arr_index(J, 2, len, len);
    n = end > start ? end - start : 0;
    arr_species(J, n);
    arr_copy(J, start, n);
}

/* The tail moves by as much as splice() adds or takes. */
static void splice_tail(js_State *J, double len, double start, double del,
                        double add)
{
    js_Object *obj = js_toobject(J, 0);
    double k;

    if (add == del) {
        return;
    }
    if (arr_dense(obj) && obj->u.a.length == len && !JS_INHERITS(J)) {
        if (add > del) {
            arr_shiftdense(J, obj, (int)(start + del), (int)(add - del));
        }
        else {
            arr_shiftdense(J, obj, (int)(start + add), (int)(add - del));
        }
    }
    else if (add < del) {
        for (k = start; k < len - del; ++k) {
            arr_move(J, k + del, k + add);
        }
        for (k = len; k > len - del + add; --k) {
            arr_delete(J, 0, k - 1);
        }
    }
    else {
        for (k = len - del; k > start; --k) {
            arr_move(J, k + del - 1, k + add - 1);
        }
    }
}

static void Ap_splice(js_State *J)
{
    int top = js_gettop(J), i;
    double len, start, del = 0, add = top > 3 ? top - 3 : 0;

    lib_pad(J, 3);
    arr_this(J);
    len = arr_length(J, 0);
    start = arr_index(J, 1, len, 0);
    if (top == 2) {
        del = len - start;
    }
    else if (top > 2) {
        del = lib_integer(J, 2);
        del = del < 0 ? 0 : del > len - start ? len - start : del;
    }
    check_length(J, len + (add - del));
    arr_species(J, del);
    arr_copy(J, start, del);
    splice_tail(J, len, start, del, add);
    for (i = 0; i < (int)add; ++i) {
        js_copy(J, 3 + i);
        arr_set(J, 0, start + i);
    }
    arr_setlength(J, 0, len - del + add);
}

/* ---- whole arrays ---- */

static int is_spreadable(js_State *J, int idx)
{
    int yes;

    if (!js_isobject(J, idx)) {
        return 0;
    }
    js_getproperty(J, idx, "@@isConcatSpreadable");
    yes = js_isundefined(J, -1) ? js_isarray(J, idx) : js_toboolean(J, -1);
    js_pop(J, 1);
    return yes;
}

static void Ap_concat(js_State *J)
{
    int i, top = js_gettop(J);
    double n = 0, k, len;

    arr_this(J);
    arr_species(J, 0); /* at top */
    for (i = 0; i < top; ++i) {
        if (!is_spreadable(J, i)) {
            check_length(J, n + 1);
            js_copy(J, i);
            arr_create(J, top, n++);
            continue;
        }
        len = arr_length(J, i);
        check_length(J, n + len);
        for (k = 0; k < len; ++k, ++n) {
            if (arr_has(J, i, k)) {
                arr_create(J, top, n);
            }
        }
    }
    js_pushnumber(J, n);
    js_setproperty(J, top, "length");
}

static void reverse_dense(js_Object *obj)
{
    int i = 0, k = obj->u.a.flat_length - 1;

    for (; i < k; ++i, --k) {
        js_Value v = obj->u.a.array[i];
        obj->u.a.array[i] = obj->u.a.array[k];
        obj->u.a.array[k] = v;
    }
}

static void Ap_reverse(js_State *J)
{
    js_Object *obj = arr_this(J);
    double len = arr_length(J, 0), lower, upper;
    int has_lower, has_upper;

    if (arr_dense(obj)) {
        reverse_dense(obj);
        js_copy(J, 0);
        return;
    }
    for (lower = 0; lower < floor(len / 2); ++lower) {
        upper = len - lower - 1;
        has_lower = arr_has(J, 0, lower);
        has_upper = arr_has(J, 0, upper);
        if (has_lower && has_upper) {
            arr_set(J, 0, lower);
            arr_set(J, 0, upper);
        }
        else if (has_upper) {
            arr_set(J, 0, lower);
            arr_delete(J, 0, upper);
        }
        else if (has_lower) {
            arr_delete(J, 0, lower);
            arr_set(J, 0, upper);
        }
    }
    js_copy(J, 0);
}

static void Ap_fill(js_State *J)
{
    double len, k, end;

    lib_pad(J, 4);
    arr_this(J);
    len = arr_length(J, 0);
    k = arr_index(J, 2, len, 0);
    end = arr_index(J, 3, len, len);
    for (; k < end; ++k) {
        js_copy(J, 1);
        arr_set(J, 0, k);
    }
    js_copy(J, 0);
}

static void Ap_copyWithin(js_State *J)
{
    double len, to, from, n, step = 1;

    lib_pad(J, 4);
    arr_this(J);
    len = arr_length(J, 0);
    to = arr_index(J, 1, len, 0);
    from = arr_index(J, 2, len, 0);
    n = arr_index(J, 3, len, len) - from;
    n = n < len - to ? n : len - to;
    if (from < to && to < from + n) {
        step = -1;
        from += n - 1;
        to += n - 1;
    }
    for (; n > 0; --n, from += step, to += step) {
        arr_move(J, from, to);
    }
    js_copy(J, 0);
}

/* Push the text of the elements of what is at 0, with that between them. */
static void join(js_State *J, double len, const char *separator, int local)
{
    int length = (int)strlen(separator);
    js_Text out;
    double k;

    js_checkstack(J);
    text_begin(J, &out, 64);
    for (k = 0; k < len; ++k) {
        if (k > 0) {
            text_add(J, &out, separator, length);
        }
        arr_get(J, 0, k);
        if (js_iscoercible(J, -1)) {
            if (local) {
                js_copy(J, -1);
                js_getproperty(J, -1, "toLocaleString");
                js_rot2pop1(J);
                js_rot2(J);
                js_call(J, 0);
            }
            lib_text(J, -1);
            text_add(J, &out, js_tostring(J, -1),
                     (int)strlen(js_tostring(J, -1)));
        }
        js_pop(J, 1);
    }
    text_end(J, &out);
}

static void Ap_join(js_State *J)
{
    double len;

    lib_pad(J, 2);
    arr_this(J);
    len = arr_length(J, 0);
    join(J, len, js_isundefined(J, 1) ? "," : lib_text(J, 1), 0);
}

static void Ap_toLocaleString(js_State *J)
{
    arr_this(J);
    join(J, arr_length(J, 0), ",", 1);
}

static void Op_toString(js_State *J);

static void Ap_toString(js_State *J)
{
    arr_this(J);
    js_getproperty(J, 0, "join");
    if (!js_iscallable(J, -1)) {
        Op_toString(J);
        return;
    }
    js_copy(J, 0);
    js_call(J, 0);
}

static void Ap_toReversed(js_State *J)
{
    double len, k;

    arr_this(J);
    len = arr_length(J, 0);
    arr_new(J, len);
    for (k = 0; k < len; ++k) {
        arr_get(J, 0, len - 1 - k);
        arr_create(J, js_gettop(J) - 2, k);
    }
}

static void copy_array(js_State *J)
{
    double len = arr_length(J, 0), k;

    arr_new(J, len);
    for (k = 0; k < len; ++k) {
        arr_get(J, 0, k);
        arr_create(J, js_gettop(J) - 2, k);
    }
}

static void Ap_with(js_State *J)
{
    double len, k;

    lib_pad(J, 3);
    arr_this(J);
    len = arr_length(J, 0);
    k = lib_integer(J, 1);
    k = k < 0 ? k + len : k;
    if (k < 0 || k >= len) {
        js_rangeerror(J, "invalid index");
    }
    copy_array(J);
    js_copy(J, 2);
    arr_create(J, js_gettop(J) - 2, k);
}

/* ---- Array itself ---- */

static void jsB_Array(js_State *J)
{
    int i, top = js_gettop(J);
    double n;

    if (top == 2 && js_isnumber(J, 1)) {
        n = js_tonumber(J, 1);
        if (n != jsV_numbertouint32(n)) {
            js_rangeerror(J, "invalid array length");
        }
        arr_new(J, n);
        return;
    }
    js_newarray(J);
    for (i = 1; i < top; ++i) {
        js_copy(J, i);
        js_setindex(J, -2, i - 1);
    }
}

static void A_isArray(js_State *J)
{
    js_pushboolean(J, js_isarray(J, 1));
}

/* The element on top becomes number k of the result at 4, through the function
 * at 2; pops it. */
static void from_element(js_State *J, double k)
{
    if (!js_isundefined(J, 2)) {
        js_copy(J, 2);
        js_copy(J, 3);
        js_copy(J, -3);
        js_pushnumber(J, k);
        js_call(J, 2);
        js_rot2pop1(J);
    }
    arr_create(J, 4, k);
}

/* From what iterates: at 5 and 6. */
static double from_iterable(js_State *J)
{
    int is_own;
    double k;

    iter_begin(J, 1);
    is_own = lib_is(J, 5, JS_LIBITERATOR) != NULL;
    for (k = 0; iter_next(J, 5); ++k) {
        if (!is_own && js_try(J)) {
            iter_abort(J, 5);
        }
        from_element(J, k);
        if (!is_own) {
            js_endtry(J);
        }
    }
    return k;
}

static void A_from(js_State *J)
{
    double k, len;

    lib_args(J, 4);
    if (!js_isundefined(J, 2)) {
        lib_callback(J, 2);
    }
    if (lib_method(J, 1, "@@iterator")) {
        js_pop(J, 1);
        arr_made(J, 0, 0); /* at 4 */
        len = from_iterable(J);
    }
    else {
        if (js_iscoercible(J, -1)) {
            js_typeerror(J, "object is not iterable");
        }
        js_pop(J, 1);
        js_pushobject(J, js_toobject(J, 1));
        js_replace(J, 1);
        len = arr_length(J, 1);
        arr_made(J, 1, len);
        for (k = 0; k < len; ++k) {
            arr_get(J, 1, k);
            from_element(J, k);
        }
    }
    js_pushnumber(J, len);
    js_setproperty(J, 4, "length");
    js_copy(J, 4);
}

static void A_of(js_State *J)
{
    int i, n = js_gettop(J);

    arr_made(J, 1, n - 1); /* at n */
    for (i = 1; i < n; ++i) {
        js_copy(J, i);
        arr_create(J, n, i - 1);
    }
    js_pushnumber(J, n - 1);
    js_setproperty(J, n, "length");
}

static void init_walk(js_State *J);

void jsB_initarray(js_State *J)
{
    static const js_Method methods[] = {
        { "toString", Ap_toString, 0 },
        { "toLocaleString", Ap_toLocaleString, 0 },
        { "concat", Ap_concat, JS_ANYARGS(1) },
        { "join", Ap_join, 1 },
        { "pop", Ap_pop, 0 },
        { "push", Ap_push, JS_ANYARGS(1) },
        { "reverse", Ap_reverse, 0 },
        { "shift", Ap_shift, 0 },
        { "slice", Ap_slice, 2 },
        { "splice", Ap_splice, JS_ANYARGS(2) },
        { "unshift", Ap_unshift, JS_ANYARGS(1) },
        { "fill", Ap_fill, 1 },
        { "copyWithin", Ap_copyWithin, 2 },
        { "toReversed", Ap_toReversed, 0 },
        { "with", Ap_with, 2 },
        { NULL }
    };
    static const js_Method statics[] = { { "isArray", A_isArray, 1 },
                                         { "from", A_from, 1 },
                                         { "of", A_of, JS_ANYARGS(0) },
                                         { NULL } };

    js_pushobject(J, J->Array_prototype);
    lib_methods(J, methods);
    init_walk(J);
    js_newcconstructor(J, jsB_Array, jsB_Array, "Array", JS_ANYARGS(1));
    lib_methods(J, statics);
    lib_getter(J, "get [Symbol.species]", "@@species", lib_this);
    js_defglobal(J, "Array", JS_DONTENUM);
}
