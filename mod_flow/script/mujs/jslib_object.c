/* SPDX-License-Identifier: Apache-2.0 */

/* Object; part of jslib.c's room. */

/* Which keys. */
enum {
    KEYS_STRINGS = 1, /* that are no symbols */
    KEYS_SYMBOLS = 2,
    KEYS_ALL = 4 /* also those that are not enumerable */
};

/* A list of keys as it grows: the array on top. */
static void add_key(js_State *J, int *n, const char *name)
{
    js_pushstring(J, name);
    js_setindex(J, -2, (*n)++);
}

/* The keys of elements that are not stored as properties. */
static void element_keys(js_State *J, js_Object *obj, int *n)
{
    char name[32];
    int k, len = 0;

    if (obj->type == JS_CSTRING && !JS_ISSYMBOL(obj->u.s.string)) {
        len = obj->u.s.length;
    }
    if (obj->type == JS_CARRAY && obj->u.a.simple) {
        len = obj->u.a.flat_length;
    }
    for (k = 0; k < len; ++k) {
        add_key(J, n, js_itoa(name, k));
    }
}

/* What js_libown() has besides elements. */
static void unstored_keys(js_State *J, js_Object *obj, int *n)
{
    static const char *const names[] = { "length", "name", "lastIndex" };
    int i, atts;

    if (obj->type == JS_COBJECT) {
        return;
    }
    for (i = 0; i < 3; ++i) {
        if (js_libown(J, obj, names[i], &atts)) {
            js_pop(J, 1);
            add_key(J, n, names[i]);
        }
    }
}

/* Of the properties in @a list from k on: elements, or all others. */
static int stored_keys(js_State *J, js_Property **list, int count, int k,
                       int which, int elements, int *n)
{
    unsigned int index;

    for (; k < count; ++k) {
        if (elements && !jsR_arrayindex(list[k]->name, &index)) {
            break;
        }
        if ((!(list[k]->atts & JS_DONTENUM) || (which & KEYS_ALL)) &&
            !JS_ISSYMBOL(list[k]->name) == (which & KEYS_STRINGS)) {
            add_key(J, n, list[k]->name);
        }
    }
    return k;
}

/* The own keys of the object on top, as an array in its place. */
static void own_keys(js_State *J, int which)
{
    js_Object *obj = js_toobject(J, -1);
    js_Property **list;
    int k = 0, n = 0;

    JS_NEEDPROTOTYPE(J, obj, "prototype");
    js_newarray(J);
    list = jsV_ownorder(J, obj);
    if (which & KEYS_STRINGS) {
        element_keys(J, obj, &n);
        if (list) {
            k = stored_keys(J, list, obj->count, 0, which, 1, &n);
        }
        if (which & KEYS_ALL) {
            unstored_keys(J, obj, &n);
        }
        if (list) {
            stored_keys(J, list, obj->count, k, which, 0, &n);
        }
    }
    if (list && (which & KEYS_SYMBOLS)) {
        stored_keys(J, list, obj->count, 0, which & ~KEYS_STRINGS, 0, &n);
    }
    if (list) {
        js_free(J, list);
    }
    js_rot2pop1(J);
}

static void O_keys2(js_State *J)
{
    js_copy(J, 1);
    own_keys(J, KEYS_STRINGS);
}

static void O_getOwnPropertyNames2(js_State *J)
{
    js_copy(J, 1);
    own_keys(J, KEYS_STRINGS | KEYS_ALL);
}

static void O_getOwnPropertySymbols(js_State *J)
{
    js_copy(J, 1);
    own_keys(J, KEYS_SYMBOLS | KEYS_ALL);
}

/* Is there still such a property? A getter before it may have changed it. */
static int is_enumerable(js_State *J, js_Object *obj, const char *name)
{
    js_Property *ref = jsV_getownproperty(J, obj, name);
    int atts;

    if (ref) {
        return !(ref->atts & JS_DONTENUM);
    }
    if (!js_libown(J, obj, name, &atts)) {
        return 0;
    }
    js_pop(J, 1);
    return !(atts & JS_DONTENUM);
}

/* [key, value] or value of each enumerable property. */
static void list_members(js_State *J, int pairs)
{
    int i, len, n = 0;
    js_Object *obj;

    lib_args(J, 2);
    js_pushobject(J, js_toobject(J, 1)); /* at 2 */
    obj = js_toobject(J, 2);
    js_copy(J, 2);
    own_keys(J, KEYS_STRINGS); /* at 3 */
    len = lib_length(J, 3);
    js_newarray(J); /* at 4 */
    for (i = 0; i < len; ++i) {
        js_getindex(J, 3, i);
        if (!is_enumerable(J, obj, js_tostring(J, -1))) {
            js_pop(J, 1);
            continue;
        }
        js_getproperty(J, 2, js_tostring(J, -1));
        if (pairs) {
            push_pair(J);
        }
        else {
            js_rot2pop1(J);
        }
        js_setindex(J, 4, n++);
    }
    js_copy(J, 4);
}

static void O_entries(js_State *J)
{
    list_members(J, 1);
}
static void O_values(js_State *J)
{
    list_members(J, 0);
}

/* Assign what the object at @a from has to that at 1. */
static void assign_from(js_State *J, int from)
{
    js_Object *obj = js_toobject(J, from);
    int k, n;

    js_copy(J, from);
    own_keys(J, KEYS_STRINGS | KEYS_SYMBOLS);
    n = lib_length(J, -1);
    for (k = 0; k < n; ++k) {
        js_getindex(J, -1, k);
        if (is_enumerable(J, obj, js_tostring(J, -1))) {
            js_getproperty(J, from, js_tostring(J, -1));
            js_setproperty(J, 1, js_tostring(J, -2));
        }
        js_pop(J, 1);
    }
    js_pop(J, 1);
}

static void O_assign(js_State *J)
{
    int i, top = js_gettop(J);

    js_pushobject(J, js_toobject(J, 1));
    js_replace(J, 1);
    for (i = 2; i < top; ++i) {
        if (js_iscoercible(J, i)) {
            js_pushobject(J, js_toobject(J, i));
            assign_from(J, top);
            js_pop(J, 1);
        }
    }
    js_copy(J, 1);
}

/* The entry on top becomes a member of the object at 2. */
static void add_entry(js_State *J)
{
    if (!js_isobject(J, -1)) {
        js_typeerror(J, "an entry must be an object");
    }
    js_getindex(J, -1, 0);
    js_getindex(J, -2, 1);
    js_defproperty(J, 2, js_tostring(J, -2), 0);
    js_pop(J, 2);
}

static void O_fromEntries(js_State *J)
{
    int is_own;

    lib_args(J, 2);
    js_newobject(J); /* at 2 */
    iter_begin(J, 1);
    is_own = lib_is(J, 3, JS_LIBITERATOR) != NULL;
    while (iter_next(J, 3)) {
        if (!is_own && js_try(J)) {
            iter_abort(J, 3);
        }
        add_entry(J);
        if (!is_own) {
            js_endtry(J);
        }
    }
    js_copy(J, 2);
}

static void O_is(js_State *J)
{
    int same;

    lib_pad(J, 3);
    if (js_isnumber(J, 1) && js_isnumber(J, 2)) {
        double a = js_tonumber(J, 1), b = js_tonumber(J, 2);
        same = (a == b && signbit(a) == signbit(b)) || (isnan(a) && isnan(b));
    }
    else {
        js_copy(J, 1);
        js_copy(J, 2);
        same = js_strictequal(J);
    }
    js_pushboolean(J, same);
}

static int has_own(js_State *J, int idx, const char *name)
{
    js_Object *obj = js_toobject(J, idx);
    int atts;

    if (js_libown(J, obj, name, &atts)) {
        js_pop(J, 1);
        return 1;
    }
    return jsV_getownproperty(J, obj, name) != NULL;
}

static void O_hasOwn(js_State *J)
{
    js_toobject(J, 1);
    js_pushboolean(J, has_own(J, 1, js_tostring(J, 2)));
}

static void Op_hasOwnProperty2(js_State *J)
{
    const char *name = js_tostring(J, 1);

    js_pushboolean(J, has_own(J, 0, name));
}

static void member(js_State *J, const char *name)
{
    js_defproperty(J, -2, name, 0);
}

/* Also of elements, lengths and the like. */
static void descriptor(js_State *J, int idx, const char *name)
{
    js_Object *obj = js_toobject(J, idx);
    js_Property *ref = NULL;
    int atts;

    if (js_libown(J, obj, name, &atts)) {
        js_newobject(J);
        js_rot2(J);
    }
    else if ((ref = jsV_getownproperty(J, obj, name)) == NULL) {
        js_pushundefined(J);
        return;
    }
    else {
        atts = ref->atts;
        js_newobject(J);
        js_pushvalue(J, ref->value);
    }
    if (ref && is_accessor(ref)) {
        js_pop(J, 1);
        ref->getter ? js_pushobject(J, ref->getter) : js_pushundefined(J);
        member(J, "get");
        ref->setter ? js_pushobject(J, ref->setter) : js_pushundefined(J);
        member(J, "set");
    }
    else {
        member(J, "value");
        js_pushboolean(J, !(atts & JS_READONLY));
        member(J, "writable");
    }
    js_pushboolean(J, !(atts & JS_DONTENUM));
    member(J, "enumerable");
    js_pushboolean(J, !(atts & JS_DONTCONF));
    member(J, "configurable");
}

static void O_getOwnPropertyDescriptor2(js_State *J)
{
    js_toobject(J, 1);
    descriptor(J, 1, js_tostring(J, 2));
}

static void O_getOwnPropertyDescriptors(js_State *J)
{
    int i, n;

    lib_args(J, 2);
    js_pushobject(J, js_toobject(J, 1));
    js_replace(J, 1);
    js_newobject(J); /* at 2 */
    js_copy(J, 1);
    own_keys(J, KEYS_STRINGS | KEYS_SYMBOLS | KEYS_ALL); /* at 3 */
    n = lib_length(J, 3);
    for (i = 0; i < n; ++i) {
        js_getindex(J, 3, i);
        descriptor(J, 1, js_tostring(J, -1));
        js_defproperty(J, 2, js_tostring(J, -2), 0);
        js_pop(J, 1);
    }
    js_copy(J, 2);
}

static void Op_propertyIsEnumerable2(js_State *J)
{
    const char *name = js_tostring(J, 1);

    js_pushboolean(J, is_enumerable(J, js_toobject(J, 0), name));
}

static void Op_valueOf2(js_State *J)
{
    js_pushobject(J, js_toobject(J, 0));
}

static void Op_toLocaleString(js_State *J)
{
    js_copy(J, 0);
    js_getproperty(J, 0, "toString");
    js_rot2(J);
    js_call(J, 0);
}

static void Op_isPrototypeOf2(js_State *J)
{
    if (js_isobject(J, 1)) {
        Op_isPrototypeOf(J);
    }
    else {
        js_pushboolean(J, 0);
    }
}

static void push_prototype(js_State *J, js_Object *obj)
{
    if (obj->prototype) {
        js_pushobject(J, obj->prototype);
    }
    else {
        js_pushnull(J);
    }
}

static void O_getPrototypeOf2(js_State *J)
{
    push_prototype(J, js_toobject(J, 1));
}

/* 0: may not be. */
static int set_prototype(js_State *J, js_Object *obj, int idx)
{
    js_Object *proto = js_isnull(J, idx) ? NULL : js_toobject(J, idx), *p;

    if (obj->prototype == proto) {
        return 1;
    }
    if (!obj->extensible || obj == J->Object_prototype) {
        return 0;
    }
    for (p = proto; p; p = p->prototype) {
        if (p == obj) {
            return 0;
        }
    }
    obj->prototype = proto;
    return 1;
}

static void O_setPrototypeOf(js_State *J)
{
    if (!js_iscoercible(J, 1)) {
        js_typeerror(J, "not an object");
    }
    if (!js_isnull(J, 2) && !js_isobject(J, 2)) {
        js_typeerror(J, "a prototype is an object or null");
    }
    if (js_isobject(J, 1) && !set_prototype(J, js_toobject(J, 1), 2)) {
        js_typeerror(J, "the prototype of this object cannot be changed");
    }
    js_copy(J, 1);
}

/* Define the members of the object at 2 as those of @a obj; all are read before
 * the first is defined. */
static void define_all(js_State *J, js_Object *obj)
{
    int i, n, at = js_gettop(J);
    js_Object *from = js_toobject(J, 2);

    js_pushobject(J, from);
    js_replace(J, 2);
    js_copy(J, 2);
    own_keys(J, KEYS_STRINGS | KEYS_SYMBOLS | KEYS_ALL); /* at at */
    n = lib_length(J, at);
    js_newarray(J); /* pairs, at at + 1 */
    for (i = 0; i < n; ++i) {
        js_getindex(J, at, i);
        if (!is_enumerable(J, from, js_tostring(J, -1))) {
            js_pop(J, 1);
            continue;
        }
        js_getproperty(J, 2, js_tostring(J, -1));
        js_pushobject(J, normal_descriptor(J, js_tostring(J, -2)));
        js_rot2pop1(J);
        push_pair(J);
        js_setindex(J, at + 1, js_getlength(J, at + 1));
    }
    n = lib_length(J, at + 1);
    for (i = 0; i < n; ++i) {
        js_getindex(J, at + 1, i);
        js_getindex(J, -1, 0);
        js_getindex(J, -2, 1);
        define_from(J, obj, js_tostring(J, -2), 1);
        js_pop(J, 3);
    }
    js_pop(J, 2);
}

static void O_defineProperties2(js_State *J)
{
    lib_args(J, 3);
    if (!js_isobject(J, 1)) {
        js_typeerror(J, "not an object");
    }
    define_all(J, js_toobject(J, 1));
    js_copy(J, 1);
}

static void O_create2(js_State *J)
{
    lib_args(J, 3);
    if (!js_isobject(J, 1) && !js_isnull(J, 1)) {
        js_typeerror(J, "a prototype is an object or null");
    }
    js_pushobject(J, jsV_newobject(J, JS_COBJECT,
                                   js_isnull(J, 1) ? NULL
                                                   : js_toobject(J, 1)));
    if (!js_isundefined(J, 2)) {
        define_all(J, js_toobject(J, 3));
    }
}

/* ES2015: what is no object is frozen already. */
static void harden(js_State *J, js_CFunction f)
{
    js_Object *obj;

    if (js_isobject(J, 1)) {
        obj = js_toobject(J, 1);
        if (obj->type == JS_CFUNCTION || obj->type == JS_CCFUNCTION) {
            store_unstored(J, obj, "length");
            store_unstored(J, obj, "name");
        }
        f(J);
        if (f == O_freeze && obj->type == JS_CARRAY) {
            obj->gone |= JS_FIXEDLENGTH;
        }
    }
    else {
        js_copy(J, 1);
    }
}

static void O_freeze2(js_State *J)
{
    harden(J, O_freeze);
}
static void O_seal2(js_State *J)
{
    harden(J, O_seal);
}

static void O_preventExtensions2(js_State *J)
{
    harden(J, O_preventExtensions);
}

static void is_hard(js_State *J, js_CFunction f, int otherwise)
{
    js_Object *obj = js_isobject(J, 1) ? js_toobject(J, 1) : NULL;

    if (obj && f == O_isFrozen && obj->type == JS_CARRAY &&
        !(obj->gone & JS_FIXEDLENGTH)) {
        js_pushboolean(J, 0);
    }
    else if (obj) {
        f(J);
    }
    else {
        js_pushboolean(J, otherwise);
    }
}

static void O_isFrozen2(js_State *J)
{
    is_hard(J, O_isFrozen, 1);
}
static void O_isSealed2(js_State *J)
{
    is_hard(J, O_isSealed, 1);
}
static void O_isExtensible2(js_State *J)
{
    is_hard(J, O_isExtensible, 0);
}

static void init_object(js_State *J)
{
    static const js_Method methods[] = {
        { "hasOwnProperty", Op_hasOwnProperty2, 1 },
        { "propertyIsEnumerable", Op_propertyIsEnumerable2, 1 },
        { "isPrototypeOf", Op_isPrototypeOf2, 1 },
        { "toLocaleString", Op_toLocaleString, 0 },
        { "valueOf", Op_valueOf2, 0 },
        { NULL }
    };
    static const js_Method statics[] = {
        { "assign", O_assign, 2 },
        { "entries", O_entries, 1 },
        { "values", O_values, 1 },
        { "fromEntries", O_fromEntries, 1 },
        { "is", O_is, 2 },
        { "keys", O_keys2, 1 },
        { "hasOwn", O_hasOwn, 2 },
        { "getOwnPropertyNames", O_getOwnPropertyNames2, 1 },
        { "getOwnPropertySymbols", O_getOwnPropertySymbols, 1 },
        { "getOwnPropertyDescriptor", O_getOwnPropertyDescriptor2, 2 },
        { "getOwnPropertyDescriptors", O_getOwnPropertyDescriptors, 1 },
        { "getPrototypeOf", O_getPrototypeOf2, 1 },
        { "setPrototypeOf", O_setPrototypeOf, 2 },
        { "defineProperty", O_defineProperty, 3 },
        { "defineProperties", O_defineProperties2, 2 },
        { "create", O_create2, 2 },
        { "freeze", O_freeze2, 1 },
        { "seal", O_seal2, 1 },
        { "preventExtensions", O_preventExtensions2, 1 },
        { "isFrozen", O_isFrozen2, 1 },
        { "isSealed", O_isSealed2, 1 },
        { "isExtensible", O_isExtensible2, 1 },
        { NULL }
    };

    js_pushobject(J, J->Object_prototype);
    lib_methods(J, methods);
    js_pop(J, 1);
    js_getglobal(J, "Object");
    lib_methods(J, statics);
    js_pop(J, 1);
}
