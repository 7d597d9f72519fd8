/* SPDX-License-Identifier: Apache-2.0 */

/* Reflect and structuredClone; part of jslib.c's room. */

/* ---- Reflect ---- */

static js_Object *reflect_target(js_State *J)
{
    if (!js_isobject(J, 1)) {
        js_typeerror(J, "Reflect needs an object");
    }
    return js_toobject(J, 1);
}

static void Reflect_ownKeys(js_State *J)
{
    int i, n, len;

    reflect_target(J);
    js_copy(J, 1);
    own_keys(J, 1);
    js_copy(J, 1);
    own_keys(J, 2);
    len = lib_length(J, -2);
    n = lib_length(J, -1);
    for (i = 0; i < n; ++i) {
        js_getindex(J, -1, i);
        js_setindex(J, -3, len + i);
    }
    js_pop(J, 1);
}

static void Reflect_has(js_State *J)
{
    reflect_target(J);
    js_pushboolean(J, js_hasproperty(J, 1, js_tostring(J, 2)));
}

static void Reflect_get(js_State *J)
{
    reflect_target(J);
    js_getproperty(J, 1, js_tostring(J, 2));
}

static void Reflect_set(js_State *J)
{
    js_Property *ref = jsV_getproperty(J, reflect_target(J), js_tostring(J, 2));
    int ok = ref ? !(ref->atts & JS_READONLY) && (!ref->getter || ref->setter)
                 : js_toobject(J, 1)->extensible;

    if (ok) {
        js_copy(J, 3);
        js_setproperty(J, 1, js_tostring(J, 2));
    }
    js_pushboolean(J, ok);
}

static int push_arguments(js_State *J, int idx)
{
    int i, n = lib_length(J, idx);

    if (n > JS_STACKSIZE / 2) {
        js_rangeerror(J, "too many arguments");
    }
    for (i = 0; i < n; ++i) {
        js_getindex(J, idx, i);
    }
    return n;
}

static void Reflect_apply(js_State *J)
{
    js_copy(J, 1);
    js_copy(J, 2);
    js_call(J, push_arguments(J, 3));
}

static void Reflect_construct(js_State *J)
{
    js_copy(J, 1);
    js_construct(J, push_arguments(J, 2));
}

static void Reflect_getPrototypeOf(js_State *J)
{
    push_prototype(J, reflect_target(J));
}

static void Reflect_setPrototypeOf(js_State *J)
{
    js_pushboolean(J, set_prototype(J, reflect_target(J), 2));
}

static void Reflect_defineProperty(js_State *J)
{
    reflect_target(J);
    if (js_try(J)) {
        js_pop(J, 1);
        js_pushboolean(J, 0);
        return;
    }
    O_defineProperty(J);
    js_endtry(J);
    js_pushboolean(J, 1);
}

static void Reflect_deleteProperty(js_State *J)
{
    js_Property *ref =
        jsV_getownproperty(J, reflect_target(J), js_tostring(J, 2));
    int ok = !ref || !(ref->atts & JS_DONTCONF);

    if (ok) {
        js_delproperty(J, 1, js_tostring(J, 2));
    }
    js_pushboolean(J, ok);
}

static void Reflect_getOwnPropertyDescriptor(js_State *J)
{
    reflect_target(J);
    descriptor(J, 1, js_tostring(J, 2));
}

static void Reflect_isExtensible(js_State *J)
{
    js_pushboolean(J, reflect_target(J)->extensible);
}

static void Reflect_preventExtensions(js_State *J)
{
    reflect_target(J);
    O_preventExtensions(J);
    js_pushboolean(J, 1);
}

/* ---- structuredClone ---- */

/* Replace the value on top by its copy; @a seen is where a Map of what was
 * copied before lies. */
static void clone(js_State *J, int seen);

static void clone_members(js_State *J, int seen)
{
    int i, n;

    js_copy(J, -2);
    own_keys(J, 0); /* object copy keys */
    n = lib_length(J, -1);
    for (i = 0; i < n; ++i) {
        js_getindex(J, -1, i);
        js_getproperty(J, -4, js_tostring(J, -1));
        clone(J, seen);
        js_defproperty(J, -4, js_tostring(J, -2), 0);
        js_pop(J, 1);
    }
    js_pop(J, 1);
}

static void clone_table(js_State *J, int seen, js_Object *from)
{
    js_Object *to = js_toobject(J, -1);
    unsigned long long last = 0;
    int index = 0;
    js_Entry *e;

    to->u.lib.u.table = js_malloc(J, sizeof(js_Table));
    memset(to->u.lib.u.table, 0, sizeof(js_Table));
    while ((e = table_next(from->u.lib.u.table, &index, &last)) != NULL) {
        js_Value value = e->value;
        js_pushvalue(J, e->key);
        clone(J, seen);
        js_pushvalue(J, value);
        clone(J, seen);
        table_put(J, to->u.lib.u.table, js_tovalue(J, -2), js_tovalue(J, -1));
        js_pop(J, 2);
    }
}

/* Push an empty object of the same sort. */
static void clone_begin(js_State *J, js_Object *obj)
{
    switch (obj->type) {
    case JS_CARRAY:
        js_newarray(J);
        js_setlength(J, -1, obj->u.a.length);
        break;
    case JS_CDATE:
        js_pushobject(J, jsV_newobject(J, JS_CDATE, J->Date_prototype));
        js_toobject(J, -1)->u.number = obj->u.number;
        break;
    case JS_CREGEXP:
        regex_push(J, obj->u.r.prog);
        break;
    case JS_CERROR:
        js_pushobject(J, jsV_newobject(J, JS_CERROR, obj->prototype));
        js_getproperty(J, -2, "message");
        js_defproperty(J, -2, "message", JS_DONTENUM);
        break;
    case JS_CBOOLEAN:
        js_newboolean(J, obj->u.boolean);
        break;
    case JS_CNUMBER:
        js_newnumber(J, obj->u.number);
        break;
    case JS_CSTRING:
        js_newstring(J, obj->u.s.string);
        break;
    case JS_COBJECT:
    case JS_CARGUMENTS:
        js_newobject(J);
        break;
    case JS_CLIB:
        if (obj->u.lib.kind == JS_LIBMAP || obj->u.lib.kind == JS_LIBSET) {
            js_pushobject(J, lib_object(J, obj->u.lib.kind,
                                        obj->u.lib.kind == JS_LIBMAP
                                            ? J->lib->map
                                            : J->lib->set));
            break;
        }
        /* fall through */
    default:
        js_typeerror(J, "structuredClone cannot copy a function or the like");
    }
}

static void clone(js_State *J, int seen)
{
    js_Object *obj;
    js_Entry *known;

    js_checkstack(J);
    if (JS_NOSTACK()) {
        js_rangeerror(J, "value is nested too deeply");
    }
    if (!js_isobject(J, -1)) {
        if (js_isstring(J, -1) && JS_ISSYMBOL(js_tostring(J, -1))) {
            js_typeerror(J, "structuredClone cannot copy a Symbol");
        }
        return;
    }
    obj = js_toobject(J, -1);
    known = table_find(js_toobject(J, seen)->u.lib.u.table, js_tovalue(J, -1));
    if (known) {
        js_pushvalue(J, known->value);
        js_rot2pop1(J);
        return;
    }
    clone_begin(J, obj);
    table_put(J, js_toobject(J, seen)->u.lib.u.table, js_tovalue(J, -2),
              js_tovalue(J, -1));
    if (obj->type == JS_CLIB) {
        clone_table(J, seen, obj);
    }
    else if (obj->type == JS_COBJECT || obj->type == JS_CARRAY ||
             obj->type == JS_CARGUMENTS) {
        clone_members(J, seen);
    }
    js_rot2pop1(J);
}

static void structured_clone(js_State *J)
{
    js_Object *map;

    if (js_gettop(J) < 2) {
        js_typeerror(J, "structuredClone needs a value");
    }
    map = lib_object(J, JS_LIBMAP, J->lib->map);
    js_pushobject(J, map);
    map->u.lib.u.table = js_malloc(J, sizeof(js_Table));
    memset(map->u.lib.u.table, 0, sizeof(js_Table));
    js_copy(J, 1);
    clone(J, js_gettop(J) - 2);
}

static void init_reflect(js_State *J)
{
    static const js_Method reflect[] = {
        { "ownKeys", Reflect_ownKeys, 1 },
        { "has", Reflect_has, 2 },
        { "get", Reflect_get, 2 },
        { "set", Reflect_set, 3 },
        { "apply", Reflect_apply, 3 },
        { "construct", Reflect_construct, 2 },
        { "getPrototypeOf", Reflect_getPrototypeOf, 1 },
        { "setPrototypeOf", Reflect_setPrototypeOf, 2 },
        { "defineProperty", Reflect_defineProperty, 3 },
        { "deleteProperty", Reflect_deleteProperty, 2 },
        { "getOwnPropertyDescriptor", Reflect_getOwnPropertyDescriptor, 2 },
        { "isExtensible", Reflect_isExtensible, 1 },
        { "preventExtensions", Reflect_preventExtensions, 1 },
        { NULL }
    };

    js_newobject(J);
    lib_methods(J, reflect);
    lib_tag(J, "Reflect");
    js_defglobal(J, "Reflect", JS_DONTENUM);
    js_newcfunction(J, structured_clone, "structuredClone", 1);
    js_defglobal(J, "structuredClone", JS_DONTENUM);
}
