/* SPDX-License-Identifier: Apache-2.0 */

/* Compiled into mujs' one object: it knows its insides. See jslib.h. */

#include "jsi.h"

/* What several files here use. */

typedef struct js_Method {
    const char *name; /* "Array.prototype.find" */
    js_CFunction function;
    int length;
} js_Method;

static void lib_methods(js_State *J, const js_Method *m)
{
    for (; m->name; ++m) {
        jsB_propf(J, m->name, m->function, m->length);
    }
}

/* Arguments up to index n - 1 exist. */
static void lib_pad(js_State *J, int n)
{
    while (js_gettop(J) < n) {
        js_pushundefined(J);
    }
}

/* Arguments up to index n - 1 exist, and no others. */
static void lib_args(js_State *J, int n)
{
    lib_pad(J, n);
    js_pop(J, js_gettop(J) - n);
}

/* The text of an argument, which a symbol has none of. */
static const char *lib_text(js_State *J, int idx)
{
    const char *s = js_tostring(J, idx);

    if (JS_ISSYMBOL(s)) {
        js_typeerror(J, "cannot convert a Symbol to a string");
    }
    return s;
}

static js_Object *lib_object(js_State *J, js_LibKind kind, js_Object *proto)
{
    js_Object *obj = jsV_newobject(J, JS_CLIB, proto);

    obj->u.lib.kind = (unsigned char)kind;
    obj->u.lib.value.t.type = JS_TUNDEFINED;
    return obj;
}

/* The object at idx when it is of that kind, else NULL. */
static js_Object *lib_is(js_State *J, int idx, js_LibKind kind)
{
    js_Value *v = js_tovalue(J, idx);

    return v->t.type == JS_TOBJECT && v->u.object->type == JS_CLIB &&
                   v->u.object->u.lib.kind == kind
               ? v->u.object
               : NULL;
}

static void lib_tag(js_State *J, const char *tag)
{
    js_pushliteral(J, tag);
    js_defproperty(J, -2, "@@toStringTag", JS_READONLY | JS_DONTENUM);
}

/* A call of a method that may be missing: pushes it. */
static int lib_method(js_State *J, int idx, const char *name)
{
    if (!js_iscoercible(J, idx)) {
        js_pushundefined(J);
        return 0;
    }
    js_getproperty(J, idx, name);
    return js_iscallable(J, -1);
}

/* A length or index, within what arrays may have. */
static int lib_length(js_State *J, int idx)
{
    double n;

    js_getproperty(J, idx, "length");
    n = js_tonumber(J, -1);
    js_pop(J, 1);
    return n > JS_ARRAYLIMIT ? JS_ARRAYLIMIT : n > 0 ? (int)n : 0;
}

/* An argument that counts from the end when negative. */
static int lib_index(js_State *J, int idx, int len, int otherwise)
{
    double n;

    if (js_isundefined(J, idx)) {
        return otherwise;
    }
    n = js_tonumber(J, idx);
    if (n != n) {
        return 0;
    }
    n = n < 0 ? ceil(n) : floor(n);
    n = n < 0 ? n + len : n;
    return n < 0 ? 0 : n > len ? len : (int)n;
}

static double lib_integer(js_State *J, int idx)
{
    double n = js_tonumber(J, idx);

    return n != n ? 0 : n < 0 ? ceil(n) : floor(n);
}

/* object -- object: a getter; "get size" is the name of that of "size" */
static void lib_getter(js_State *J, const char *function, const char *name,
                       js_CFunction f)
{
    js_newcfunction(J, f, function, 0);
    js_pushundefined(J);
    js_defaccessor(J, -3, name, JS_DONTENUM);
}

static void init_symbol(js_State *J);

/* ---- iterators ---- */

void js_libiterator(js_State *J, int idx, js_IterKind what)
{
    js_Object *obj;

    js_copy(J, idx);
    obj = js_toobject(J, -1);
    js_pushobject(J, lib_object(J, JS_LIBITERATOR, J->lib->iterator));
    js_toobject(J, -1)->u.lib.target = obj;
    js_toobject(J, -1)->u.lib.what = (unsigned char)what;
    js_rot2pop1(J);
}

/* Push the next character of a string as the language counts them. */
static int iterate_string(js_State *J, js_LibObject *it)
{
    const char *s = it->target->u.s.string + it->index;
    Rune rune;
    int n;

    if (!*s) {
        return 0;
    }
    n = chartorune(&rune, s);
    it->index += n;
    js_pushlstring(J, s, n);
    return 1;
}

static int iterate_table(js_State *J, js_LibObject *it); /* jslib_map.c */

static void push_pair(js_State *J)
{
    js_newarray(J);
    js_rot3(J); /* array key value */
    js_copy(J, -2);
    js_setindex(J, -4, 0);
    js_setindex(J, -3, 1);
    js_pop(J, 1);
}

static double arr_length(js_State *J, int idx); /* jslib_array.c */

static int iterate_array(js_State *J, js_LibObject *it)
{
    int i = it->index;
    double len;

    js_pushobject(J, it->target);
    len = arr_length(J, -1);
    if (i >= len) {
        js_pop(J, 1);
        return 0;
    }
    it->index = i + 1;
    if (it->what != JS_ITERVALUES) {
        js_pushnumber(J, i);
        js_rot2(J);
    }
    if (it->what == JS_ITERKEYS) {
        js_pop(J, 1);
        return 1;
    }
    js_getindex(J, -1, i);
    js_rot2pop1(J);
    if (it->what == JS_ITERENTRIES) {
        push_pair(J);
    }
    return 1;
}

/* Push the next value; 0 when there is none. */
static int iterate(js_State *J, js_Object *obj)
{
    js_LibObject *it = &obj->u.lib;
    int more;

    if (!it->target) {
        return 0;
    }
    if (it->target->type == JS_CSTRING && it->what == JS_ITERVALUES) {
        more = iterate_string(J, it);
    }
    else if (it->target->type == JS_CLIB) {
        more = iterate_table(J, it);
    }
    else {
        more = iterate_array(J, it);
    }
    if (!more) {
        it->target = NULL;
    }
    return more;
}

static void Ip_next(js_State *J)
{
    js_Object *obj = lib_is(J, 0, JS_LIBITERATOR);
    int more;

    if (!obj) {
        js_typeerror(J, "not an iterator");
    }
    more = iterate(J, obj);
    if (!more) {
        js_pushundefined(J);
    }
    js_newobject(J);
    js_rot2(J);
    js_defproperty(J, -2, "value", 0);
    js_pushboolean(J, !more);
    js_defproperty(J, -2, "done", 0);
}

static void lib_this(js_State *J)
{
    js_copy(J, 0);
}

static void init_iterator(js_State *J)
{
    static const js_Method methods[] = { { "next", Ip_next, 0 },
                                         { "@@iterator", lib_this, 0 },
                                         { NULL } };

    js_pushobject(J, J->lib->iterator);
    lib_methods(J, methods);
    lib_tag(J, "Iterator");
    js_pop(J, 1);
}

/* Going through any iterable from C: begin pushes two values (the iterator and
 * its next method, or an iterator of ours and undefined), next pushes one. */

static void Ap_values(js_State *J);
static void Sp_iterator(js_State *J);

static int is_builtin(js_State *J, int idx, js_CFunction f)
{
    js_Value *v = js_tovalue(J, idx);

    return v->t.type == JS_TOBJECT && v->u.object->type == JS_CCFUNCTION &&
           v->u.object->u.c.function == f;
}

static void iter_begin(js_State *J, int idx)
{
    js_copy(J, idx);
    if (!lib_method(J, -1, "@@iterator")) {
        js_typeerror(J, "%s is not iterable",
                     js_isobject(J, idx) ? "object" : js_typeof(J, idx));
    }
    if (is_builtin(J, -1, Ap_values) || is_builtin(J, -1, Sp_iterator)) {
        js_pop(J, 1);
        js_libiterator(J, -1, JS_ITERVALUES);
        js_rot2pop1(J);
        js_pushundefined(J);
        return;
    }
    js_rot2(J);
    js_call(J, 0);
    if (!js_isobject(J, -1)) {
        js_typeerror(J, "an iterator must be an object");
    }
    if (lib_is(J, -1, JS_LIBITERATOR)) {
        js_pushundefined(J);
        return;
    }
    js_getproperty(J, -1, "next");
}

/* @a at is where the two are. */
static int iter_next(js_State *J, int at)
{
    js_Object *own = lib_is(J, at, JS_LIBITERATOR);

    js_checkstack(J);
    if (own) {
        return iterate(J, own);
    }
    js_copy(J, at + 1);
    js_copy(J, at);
    js_call(J, 0);
    if (!js_isobject(J, -1)) {
        js_typeerror(J, "an iterator's result must be an object");
    }
    js_getproperty(J, -1, "done");
    if (js_toboolean(J, -1)) {
        js_pop(J, 2);
        return 0;
    }
    js_pop(J, 1);
    js_getproperty(J, -1, "value");
    js_rot2pop1(J);
    return 1;
}

/* What is done with an iterator's value threw what is on top, so the iterator
 * at @a at is told that nobody wants more; that its answer may throw is of no
 * interest. */
static void __attribute__((noreturn)) iter_abort(js_State *J, int at)
{
    if (js_try(J)) {
        js_pop(J, 1);
        js_throw(J);
    }
    if (lib_method(J, at, "return")) {
        js_copy(J, at);
        js_call(J, 0);
    }
    js_pop(J, 1);
    js_endtry(J);
    js_throw(J);
}

/* ---- memory ---- */

static void mark_value(js_State *J, int mark, js_Value *v)
{
    if (v->t.type == JS_TMEMSTR && v->u.memstr->gcmark != mark) {
        v->u.memstr->gcmark = mark;
    }
    if (v->t.type == JS_TOBJECT && v->u.object->gcmark != mark) {
        jsG_markobject(J, mark, v->u.object);
    }
}

static void scan_table(js_State *J, int mark, js_Table *t);
static void free_table(js_State *J, js_Table *t);

static int has_table(const js_Object *obj)
{
    return obj->u.lib.kind >= JS_LIBMAP && obj->u.lib.kind <= JS_LIBWEAKSET;
}

void js_libscan(js_State *J, int mark, js_Object *obj)
{
    if (obj->u.lib.target && obj->u.lib.target->gcmark != mark) {
        jsG_markobject(J, mark, obj->u.lib.target);
    }
    mark_value(J, mark, &obj->u.lib.value);
    if (has_table(obj) && obj->u.lib.u.table) {
        scan_table(J, mark, obj->u.lib.u.table);
    }
}

void js_libmark(js_State *J, int mark)
{
    js_Lib *lib = J->lib;
    js_Object *all[] = { lib->symbol,  lib->iterator, lib->map,
                         lib->set,     lib->weakmap,  lib->weakset,
                         lib->promise, lib->jobs,     lib->values };
    int i;

    for (i = 0; i < (int)(sizeof(all) / sizeof(all[0])); ++i) {
        if (all[i] && all[i]->gcmark != mark) {
            jsG_markobject(J, mark, all[i]);
        }
    }
}

void js_libfree(js_State *J, js_Object *obj)
{
    if (has_table(obj) && obj->u.lib.u.table) {
        free_table(J, obj->u.lib.u.table);
    }
}

void js_libend(js_State *J)
{
    js_regexend(J);
    js_free(J, J->lib);
    J->lib = NULL;
}

/* ---- properties that are not stored ---- */

/* Length and name, unless they were deleted or defined anew. */
static int own_of_function(js_State *J, js_Object *obj, const char *name)
{
    int is_own = obj->type == JS_CFUNCTION;

    if (!strcmp(name, "length") && !(obj->gone & 2) &&
        !jsV_getownproperty(J, obj, name)) {
        js_pushnumber(J, is_own ? obj->u.f.function->length : obj->u.c.length);
        return 1;
    }
    if (!strcmp(name, "name") && !(obj->gone & 1) &&
        !jsV_getownproperty(J, obj, name)) {
        const char *s = is_own ? obj->u.f.function->name : obj->u.c.name;
        const char *dot = is_own ? NULL : strrchr(s, '.');

        js_pushstring(J, dot ? dot + 1 : s);
        return 1;
    }
    return 0;
}

int js_libown(js_State *J, js_Object *obj, const char *name, int *atts)
{
    int k;

    *atts = JS_READONLY | JS_DONTENUM | JS_DONTCONF;
    switch (obj->type) {
    case JS_CARRAY:
        if (!strcmp(name, "length")) {
            *atts = JS_DONTENUM | JS_DONTCONF |
                    (obj->gone & JS_FIXEDLENGTH ? JS_READONLY : 0);
            js_pushnumber(J, obj->u.a.length);
            return 1;
        }
        if (obj->u.a.simple && js_isarrayindex(J, name, &k) &&
            k < obj->u.a.flat_length) {
            *atts = 0;
            js_pushvalue(J, obj->u.a.array[k]);
            return 1;
        }
        return 0;
    case JS_CSTRING:
        if (JS_ISSYMBOL(obj->u.s.string)) {
            return 0;
        }
        if (!strcmp(name, "length")) {
            js_pushnumber(J, obj->u.s.length);
            return 1;
        }
        if (js_isarrayindex(J, name, &k) && k < obj->u.s.length) {
            *atts = JS_READONLY | JS_DONTCONF;
            js_pushrune(J, js_runeat(J, obj->u.s.string, k));
            return 1;
        }
        return 0;
    case JS_CREGEXP:
        if (js_regexisown(name)) {
            *atts = JS_DONTENUM | JS_DONTCONF;
            return js_regexget(J, obj, name);
        }
        return 0;
    case JS_CFUNCTION:
    case JS_CCFUNCTION:
        JS_NEEDPROTOTYPE(J, obj, name);
        *atts = JS_READONLY | JS_DONTENUM;
        return own_of_function(J, obj, name);
    case JS_CARGUMENTS:
        if (!strcmp(name, "@@iterator") && !(obj->gone & 1) &&
            !jsV_getownproperty(J, obj, name)) {
            *atts = JS_DONTENUM;
            js_pushobject(J, J->lib->values);
            return 1;
        }
        return 0;
    default:
        return 0;
    }
}

int js_libexists(js_State *J, js_Object *obj, const char *name)
{
    int atts;

    for (; obj; obj = obj->prototype) {
        if (jsV_getownproperty(J, obj, name)) {
            return 1;
        }
        if (js_libown(J, obj, name, &atts) ||
            (obj->type == JS_CUSERDATA && obj->u.user.has &&
             obj->u.user.has(J, obj->u.user.data, name))) {
            js_pop(J, 1);
            return 1;
        }
    }
    return 0;
}

/* ---- what is not there ---- */

const char *js_libmissing(const char *name)
{
    static const char timers[] =
        "a script runs to its end at once; to wait, import { sleep } from "
        "'mod_flow' and call sleep(ms)";
    static const struct {
        const char *name, *why;
    } missing[] = {
        { "setTimeout", timers },
        { "setInterval", timers },
        { "setImmediate", timers },
        { "clearTimeout", timers },
        { "clearInterval", timers },
        { "queueMicrotask", "use Promise.resolve().then()" },
        { "Intl", "use toLocaleString() or a library" },
        { "require", "write import" },
        { "module", "write export" },
        { "process", "scripts do not run in node" },
        { "Buffer", "use btoa() and atob()" },
        { "fetch", "use the exports and imports of integrator-api" },
        { "XMLHttpRequest", "use the exports and imports of integrator-api" },
        { "BigInt", "numbers keep their digits when they are only moved" },
        { "Proxy", "objects cannot be intercepted" },
        { "window", "write globalThis" },
        { "document", "scripts do not run in a browser" },
        { NULL, NULL }
    };
    int i;

    for (i = 0; missing[i].name; ++i) {
        if (!strcmp(name, missing[i].name)) {
            return missing[i].why;
        }
    }
    return NULL;
}

/* ---- beginning ---- */

static void init_object(js_State *J);
static void init_reflect(js_State *J);
static void init_strings(js_State *J);
static void init_number(js_State *J);
static void init_math(js_State *J);
static void init_eval(js_State *J);
static void init_map(js_State *J);
static void init_promise(js_State *J);
static void init_date(js_State *J);

void js_libinit(js_State *J)
{
    js_Lib *lib = js_malloc(J, sizeof(*lib));

    memset(lib, 0, sizeof(*lib));
    J->lib = lib;
    lib->symbol = jsV_newobject(J, JS_COBJECT, J->Object_prototype);
    lib->iterator = jsV_newobject(J, JS_COBJECT, J->Object_prototype);
    init_symbol(J);
    init_iterator(J);
    js_pushobject(J, J->Array_prototype);
    js_getproperty(J, -1, "values");
    lib->values = js_toobject(J, -1);
    js_pop(J, 2);
    init_object(J);
    regex_initstring(J);
    init_reflect(J);
    init_strings(J);
    init_number(J);
    init_math(J);
    init_eval(J);
    init_map(J);
    init_promise(J);
    init_date(J);
    js_pushobject(J, J->G);
    js_defglobal(J, "globalThis", JS_DONTENUM);
}
