/* SPDX-License-Identifier: Apache-2.0 */

/* Object, Reflect, Function's and structuredClone; part of jslib.c's room. */

/* The enumerable own keys of the object on top, as an array in its place; with
 * @a all also those that are not enumerable, or with 2 only the symbols. */
static void own_keys(js_State *J, int all)
{
    js_Object *obj = js_toobject(J, -1);
    js_Property **list;
    char name[32];
    int k, n = 0, i = 0, symbol;

    js_newarray(J);
    if (all != 2 && obj->type == JS_CSTRING) {
        n = obj->u.s.length;
    }
    if (all != 2 && obj->type == JS_CARRAY && obj->u.a.simple) {
        n = obj->u.a.flat_length;
    }
    for (k = 0; k < n; ++k) {
        js_pushstring(J, js_itoa(name, k));
        js_setindex(J, -2, i++);
    }
    if (all == 1 && (obj->type == JS_CARRAY || obj->type == JS_CSTRING ||
                     obj->type == JS_CCFUNCTION)) {
        js_pushliteral(J, "length");
        js_setindex(J, -2, i++);
    }
    if (all == 1 && obj->type == JS_CCFUNCTION) {
        js_pushliteral(J, "name");
        js_setindex(J, -2, i++);
    }
    if (all == 1 && obj->type == JS_CREGEXP) {
        js_pushliteral(J, "lastIndex");
        js_setindex(J, -2, i++);
    }
    list = jsV_ownorder(J, obj);
    for (k = 0; list && k < obj->count; ++k) {
        symbol = JS_ISSYMBOL(list[k]->name);
        if (all == 2 ? symbol
                     : !symbol && (all || !(list[k]->atts & JS_DONTENUM))) {
            js_pushstring(J, list[k]->name);
            js_setindex(J, -2, i++);
        }
    }
    if (list) {
        js_free(J, list);
    }
    js_rot2pop1(J);
}

static void O_keys2(js_State *J)
{
    js_copy(J, 1);
    own_keys(J, 0);
}

static void O_getOwnPropertyNames2(js_State *J)
{
    js_Object *obj = js_toobject(J, 1);
    static const char *const names[] = { "length", "name" };
    int i, atts;

    JS_NEEDPROTOTYPE(J, obj, "prototype");
    js_copy(J, 1);
    own_keys(J, 1);
    for (i = 0; i < 2; ++i) {
        if ((obj->type == JS_CFUNCTION || obj->type == JS_CCFUNCTION) &&
            js_libown(J, obj, names[i], &atts) &&
            !jsV_getownproperty(J, obj, names[i])) {
            js_pop(J, 1);
            js_pushstring(J, names[i]);
            js_setindex(J, -2, js_getlength(J, -2));
        }
    }
}

static void O_getOwnPropertySymbols(js_State *J)
{
    js_copy(J, 1);
    own_keys(J, 2);
}

/* [key, value] or value of each enumerable property. */
static void list_members(js_State *J, int pairs)
{
    int i, n;

    js_copy(J, 1);
    js_toobject(J, -1); /* at 2 */
    js_copy(J, 2);
    own_keys(J, 0); /* at 3 */
    n = lib_length(J, 3);
    js_newarray(J); /* at 4 */
    for (i = 0; i < n; ++i) {
        js_getindex(J, 3, i);
        js_getproperty(J, 2, js_tostring(J, -1));
        if (pairs) {
            push_pair(J);
        }
        else {
            js_rot2pop1(J);
        }
        js_setindex(J, 4, i);
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

static void O_assign(js_State *J)
{
    int i, k, n, top = js_gettop(J), strict = J->strict;

    js_toobject(J, 1);
    for (i = 2; i < top; ++i) {
        if (!js_iscoercible(J, i)) {
            continue;
        }
        js_copy(J, i);
        js_toobject(J, -1);
        js_copy(J, -1);
        own_keys(J, 0);
        n = lib_length(J, -1);
        for (k = 0; k < n; ++k) {
            js_getindex(J, -1, k);
            js_getproperty(J, top, js_tostring(J, -1));
            J->strict = 1;
            js_setproperty(J, 1, js_tostring(J, -2));
            J->strict = strict;
            js_pop(J, 1);
        }
        js_pop(J, 2);
    }
    js_copy(J, 1);
}

static void O_fromEntries(js_State *J)
{
    js_newobject(J); /* at 2 */
    iter_begin(J, 1);
    while (iter_next(J, 3)) {
        if (!js_isobject(J, -1)) {
            js_typeerror(J, "an entry must be an object");
        }
        js_getindex(J, -1, 0);
        js_getindex(J, -2, 1);
        js_defproperty(J, 2, js_tostring(J, -2), 0);
        js_pop(J, 2);
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
    js_pushboolean(J, has_own(J, 1, js_tostring(J, 2)));
}

static void Op_hasOwnProperty2(js_State *J)
{
    js_pushboolean(J, has_own(J, 0, js_tostring(J, 1)));
}

/* Also of elements, lengths and the like. */
static void descriptor(js_State *J, int idx, const char *name)
{
    js_Object *obj = js_toobject(J, idx);
    js_Property *ref;
    int atts;

    if (js_libown(J, obj, name, &atts)) {
        js_newobject(J);
        js_rot2(J);
        js_setproperty(J, -2, "value");
        js_pushboolean(J, !(atts & JS_READONLY));
        js_setproperty(J, -2, "writable");
    }
    else if ((ref = jsV_getownproperty(J, obj, name)) == NULL) {
        js_pushundefined(J);
        return;
    }
    else {
        atts = ref->atts;
        js_newobject(J);
        if (ref->getter || ref->setter) {
            ref->getter ? js_pushobject(J, ref->getter) : js_pushundefined(J);
            js_setproperty(J, -2, "get");
            ref->setter ? js_pushobject(J, ref->setter) : js_pushundefined(J);
            js_setproperty(J, -2, "set");
        }
        else {
            js_pushvalue(J, ref->value);
            js_setproperty(J, -2, "value");
            js_pushboolean(J, !(atts & JS_READONLY));
            js_setproperty(J, -2, "writable");
        }
    }
    js_pushboolean(J, !(atts & JS_DONTENUM));
    js_setproperty(J, -2, "enumerable");
    js_pushboolean(J, !(atts & JS_DONTCONF));
    js_setproperty(J, -2, "configurable");
}

static void O_getOwnPropertyDescriptor2(js_State *J)
{
    descriptor(J, 1, js_tostring(J, 2));
}

static void O_getOwnPropertyDescriptors(js_State *J)
{
    int which, i, n;

    js_toobject(J, 1);
    js_newobject(J); /* at 2 */
    for (which = 1; which <= 2; ++which) {
        js_copy(J, 1);
        own_keys(J, which); /* at 3 */
        n = lib_length(J, 3);
        for (i = 0; i < n; ++i) {
            js_getindex(J, 3, i);
            descriptor(J, 1, js_tostring(J, -1));
            js_setproperty(J, 2, js_tostring(J, -2));
            js_pop(J, 1);
        }
        js_pop(J, 1);
    }
}

static void Op_propertyIsEnumerable2(js_State *J)
{
    descriptor(J, 0, js_tostring(J, 1));
    if (!js_isundefined(J, -1)) {
        js_getproperty(J, -1, "enumerable");
    }
    js_pushboolean(J, js_toboolean(J, -1));
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
    if (!obj->extensible) {
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

/* ES2015: what is no object is frozen already. */
static void harden(js_State *J, js_CFunction f)
{
    if (js_isobject(J, 1)) {
        f(J);
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
    if (js_isobject(J, 1)) {
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
        { "defineProperties", O_defineProperties, 2 },
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
