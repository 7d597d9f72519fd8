/* SPDX-License-Identifier: Apache-2.0 */

/* Elements of arrays and of what is like one; part of jslib.c's room.
 *
 * Methods work on anything with a length, which goes up to 2^53 - 1: indices
 * are doubles. A loop over them may be long, but does not outlast the script's
 * time: the host's signal ends it wherever it is. */

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
    return k <= INT_MAX ? js_itoa(buf, (int)k) : jsV_numbertostring(J, buf, k);
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

    if (obj->type == JS_CARRAY && obj->u.a.simple &&
        k <= obj->u.a.flat_length) {
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

/* ---- holes ---- */

/* "5" to 5; -1: no element's name. */
static double element_number(const char *s)
{
    double n = 0;
    int i;

    if (s[0] < '0' || s[0] > '9' || (s[0] == '0' && s[1])) {
        return -1;
    }
    for (i = 0; i < 16 && s[i] >= '0' && s[i] <= '9'; ++i) {
        n = n * 10 + (s[i] - '0');
    }
    return s[i] ? -1 : n;
}

/* The first element behind k in the tree, when it is before *next. */
static void first_behind(const js_Property *prop, double k, double *next)
{
    double n;

    if (prop->level == 0) {
        return;
    }
    n = element_number(prop->name);
    if (n > k && n < *next) {
        *next = n;
    }
    first_behind(prop->left, k, next);
    first_behind(prop->right, k, next);
}

/* Element k is a hole: where a loop to len may go on, less one. A long row of
 * holes is passed in one step; looking for its end takes as long as a row of
 * as many holes as there are properties, so it is done after so many. */
static double arr_gap(js_State *J, double k, double len, int *holes)
{
    js_Object *obj = js_toobject(J, 0);
    double next = len;

    if (++*holes < 64 + obj->count) {
        return k;
    }
    *holes = 0;
    for (; obj; obj = obj->prototype) {
        if (obj->type == JS_CSTRING || obj->type == JS_CUSERDATA) {
            return k;
        }
        if (obj->type == JS_CARRAY && k + 1 < obj->u.a.flat_length) {
            return k;
        }
        first_behind(obj->properties, k, &next);
    }
    return next - 1;
}
