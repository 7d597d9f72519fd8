/* SPDX-License-Identifier: Apache-2.0 */

/* Compiled into mujs' one object: it knows its insides. See jses.h. */
#include "jses.h"

/* __flow_setproto(object, prototype or null) returns the object. */
static void es_setproto(js_State *J)
{
    js_Object *obj = js_toobject(J, 1), *p, *proto = NULL;

    if (!js_isnull(J, 2)) {
        if (!js_isobject(J, 2)) {
            js_typeerror(J, "prototype is neither an object nor null");
        }
        proto = js_toobject(J, 2);
    }
    if (obj->prototype != proto) {
        if (!obj->extensible) {
            js_typeerror(J, "object is not extensible");
        }
        for (p = proto; p; p = p->prototype) {
            if (p == obj) {
                js_typeerror(J, "cyclic prototype");
            }
        }
        obj->prototype = proto;
    }
    js_copy(J, 1);
}

/* __flow_scope(object): only its own properties are variables. */
static void es_scope(js_State *J)
{
    js_toobject(J, 1)->prototype = NULL;
    js_copy(J, 1);
}

/* __flow_native(f): does it make its objects itself? */
static void es_native(js_State *J)
{
    js_Object *obj = js_isobject(J, 1) ? js_toobject(J, 1) : NULL;

    js_pushboolean(J, obj && obj->type == JS_CCFUNCTION);
}

/* __flow_construct(f, array) */
static void es_construct(js_State *J)
{
    int i, n;

    if (!js_iscallable(J, 1)) {
        js_typeerror(J, "%s is not a constructor", js_typeof(J, 1));
    }
    n = js_getlength(J, 2);
    if (n < 0 || n > JS_STACKSIZE / 4) {
        js_rangeerror(J, "too many arguments");
    }
    js_copy(J, 1);
    for (i = 0; i < n; ++i) {
        js_getindex(J, 2, i);
    }
    js_construct(J, n);
}

/* ---- Symbols ---- */

static int count_symbols(js_Property *prop)
{
    return prop == &sentinel
               ? 0
               : (JS_ISSYMBOL(prop->name) && !(prop->atts & JS_DONTENUM)) +
                     count_symbols(prop->left) + count_symbols(prop->right);
}

/* __flow_symbols(object): the enumerable ones; nearly always undefined. */
static void es_symbols(js_State *J)
{
    js_Object *obj = js_isobject(J, 1) ? js_toobject(J, 1) : NULL;
    js_Property **list;
    int i, n = 0;

    if (!obj || !count_symbols(obj->properties)) {
        js_pushundefined(J);
        return;
    }
    js_newarray(J);
    list = jsV_ownorder(J, obj);
    for (i = 0; list && i < obj->count; ++i) {
        if (JS_ISSYMBOL(list[i]->name) && !(list[i]->atts & JS_DONTENUM)) {
            js_pushstring(J, list[i]->name);
            js_setindex(J, -2, n++);
        }
    }
    js_free(J, list);
}

/* ---- private members ---- */

/* "#x@5": an own property; a method's name is an object, see es_runtime.js. */
static const char *private_key(js_State *J)
{
    const char *key;

    if (js_isobject(J, 2)) {
        js_getproperty(J, 2, "brand");
        key = js_tostring(J, -1);
        js_pop(J, 1); /* the object keeps it */
    }
    else {
        key = js_tostring(J, 2);
    }
    if (!js_isobject(J, 1)) {
        js_typeerror(J, "%s has no private members", js_typeof(J, 1));
    }
    return key;
}

static js_Property *private_find(js_State *J)
{
    const char *key = private_key(J), *end;
    js_Property *ref = jsV_getownproperty(J, js_toobject(J, 1), key);

    if (!ref) {
        if (js_isobject(J, 2)) {
            js_getproperty(J, 2, "name");
            key = js_tostring(J, -1);
        }
        end = strchr(key, '@');
        js_typeerror(J, "object has no private member '%.*s'",
                     (int)(end ? end - key : (int)strlen(key)), key);
    }
    return ref;
}

/* __flow_pget(object, key) */
static void es_pget(js_State *J)
{
    js_Property *ref = private_find(J);

    if (!js_isobject(J, 2)) {
        js_pushvalue(J, ref->value);
        return;
    }
    if (js_hasproperty(J, 2, "value")) {
        return;
    }
    if (!js_hasproperty(J, 2, "get")) {
        js_getproperty(J, 2, "name");
        js_typeerror(J, "'%s' has no getter", js_tostring(J, -1));
    }
    js_copy(J, 1);
    js_call(J, 0);
}

/* __flow_pset(object, key, value) returns the value. */
static void es_pset(js_State *J)
{
    js_Property *ref = private_find(J);

    if (!js_isobject(J, 2)) {
        ref->value = *js_tovalue(J, 3);
    }
    else {
        if (!js_hasproperty(J, 2, "set")) {
            int method = js_hasproperty(J, 2, "value");

            js_getproperty(J, 2, "name");
            js_typeerror(J, "'%s' %s", js_tostring(J, -1),
                         method ? "is a method and cannot be assigned"
                                : "has no setter");
        }
        js_copy(J, 1);
        js_copy(J, 3);
        js_call(J, 1);
        js_pop(J, 1);
    }
    js_copy(J, 3);
}

static void define(js_State *J, const char *name, js_CFunction f, int n)
{
    js_newcfunction(J, f, name, n);
    js_defglobal(J, name, JS_DONTENUM);
}

void js_esinit(js_State *J)
{
    define(J, "__flow_setproto", es_setproto, 2);
    define(J, "__flow_scope", es_scope, 1);
    define(J, "__flow_native", es_native, 1);
    define(J, "__flow_construct", es_construct, 2);
    define(J, "__flow_symbols", es_symbols, 1);
    define(J, "__flow_pget", es_pget, 2);
    define(J, "__flow_pset", es_pset, 3);
}
