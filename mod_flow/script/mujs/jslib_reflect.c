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
    reflect_target(J);
    js_copy(J, 1);
    own_keys(J, KEYS_STRINGS | KEYS_SYMBOLS | KEYS_ALL);
}

static void Reflect_has(js_State *J)
{
    reflect_target(J);
    js_pushboolean(J, js_libexists(J, js_toobject(J, 1), js_tostring(J, 2)));
}

static void Reflect_get(js_State *J)
{
    int is_given = js_gettop(J) > 3;
    js_Value self;

    reflect_target(J);
    if (!is_given) {
        js_getproperty(J, 1, js_tostring(J, 2));
        return;
    }
    self = *js_tovalue(J, 3);
    if (!jsR_hasmember(J, js_toobject(J, 1), js_tostring(J, 2), &self)) {
        js_pushundefined(J);
    }
}

/* The property that an assignment finds, as a description on top of the stack;
 * or undefined. */
static void find_member(js_State *J, js_Object *obj, const char *name)
{
    for (; obj; obj = obj->prototype) {
        js_pushobject(J, obj);
        descriptor(J, -1, name);
        js_rot2pop1(J);
        if (!js_isundefined(J, -1)) {
            return;
        }
        js_pop(J, 1);
    }
    js_pushundefined(J);
}

/* May a property be set, as its description on top says? Pops that. */
static int is_writable(js_State *J)
{
    int yes = 1;

    if (!js_isundefined(J, -1)) {
        js_getproperty(J, -1, "writable");
        yes = js_toboolean(J, -1);
        js_pop(J, 1);
    }
    js_pop(J, 1);
    return yes;
}

/* The value at 3 becomes the property that the receiver at 4 has itself. */
static int set_own(js_State *J, const char *name)
{
    js_Object *to = js_toobject(J, 4);
    js_Descriptor d;

    memset(&d, 0, sizeof(d));
    d.has = HAS_VALUE;
    d.value = *js_tovalue(J, 3);
    descriptor(J, 4, name);
    if (js_isundefined(J, -1)) {
        js_pop(J, 1);
        d.has |= HAS_WRITABLE | HAS_ENUM | HAS_CONF;
        return define_own(J, to, name, &d, 0);
    }
    d.atts = JS_READONLY | JS_DONTENUM | JS_DONTCONF; /* none of them given */
    return is_writable(J) && define_own(J, to, name, &d, 0);
}

static void Reflect_set(js_State *J)
{
    const char *name;
    int top = js_gettop(J);

    reflect_target(J);
    name = js_tostring(J, 2);
    lib_args(J, 5);
    if (top < 5) {
        js_copy(J, 1);
        js_replace(J, 4);
    }
    find_member(J, js_toobject(J, 1), name);
    if (js_isobject(J, -1) && js_hasproperty(J, -1, "set")) {
        if (js_isundefined(J, -1)) {
            js_pushboolean(J, 0);
            return;
        }
        js_copy(J, 4);
        js_copy(J, 3);
        js_call(J, 1);
        js_pushboolean(J, 1);
        return;
    }
    js_pushboolean(J, is_writable(J) && js_isobject(J, 4) && set_own(J, name));
}

static void Reflect_apply(js_State *J)
{
    if (!js_iscallable(J, 1)) {
        js_typeerror(J, "%s is not callable", js_typeof(J, 1));
    }
    js_copy(J, 1);
    js_copy(J, 2);
    js_call(J, push_arguments(J, 3));
}

static void Reflect_construct(js_State *J)
{
    int target = js_gettop(J) > 3 ? 3 : 1;

    if (!is_constructor(J, 1) || !is_constructor(J, target)) {
        js_typeerror(J, "%s is not a constructor",
                     js_typeof(J, is_constructor(J, 1) ? target : 1));
    }
    js_copy(J, 1);
    js_constructas(J, push_arguments(J, 2), js_toobject(J, target));
}

static void Reflect_getPrototypeOf(js_State *J)
{
    push_prototype(J, reflect_target(J));
}

static void Reflect_setPrototypeOf(js_State *J)
{
    js_Object *obj = reflect_target(J);

    if (!js_isnull(J, 2) && !js_isobject(J, 2)) {
        js_typeerror(J, "a prototype is an object or null");
    }
    js_pushboolean(J, set_prototype(J, obj, 2));
}

static void Reflect_defineProperty(js_State *J)
{
    const char *name;
    js_Object *obj = reflect_target(J);

    name = js_tostring(J, 2);
    js_copy(J, 3);
    js_pushboolean(J, define_from(J, obj, name, 0));
}

static void Reflect_deleteProperty(js_State *J)
{
    js_Object *obj = reflect_target(J);

    J->strict = 0; /* the answer says it; the caller's comes back by itself */
    js_pushboolean(J, jsR_delproperty(J, obj, js_tostring(J, 2)));
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
    own_keys(J, KEYS_STRINGS); /* object copy keys */
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
