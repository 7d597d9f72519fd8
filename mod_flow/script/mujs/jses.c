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

static const char *privatekey(js_State *J, int idx)
{
    const char *key = js_tostring(J, idx);

    if (!js_isobject(J, 1)) {
        js_typeerror(J, "%s has no private members", js_typeof(J, 1));
    }
    return key;
}

static void nomember(js_State *J, const char *key)
{
    const char *end = strchr(key, '@');

    js_typeerror(J, "object has no private member '%.*s'",
                 (int)(end ? end - key : 0), key);
}

/* __flow_pget(object, key) */
static void es_pget(js_State *J)
{
    const char *key = privatekey(J, 2);
    js_Property *ref = jsV_getproperty(J, js_toobject(J, 1), key);

    if (!ref) {
        nomember(J, key);
    }
    if (ref->setter && !ref->getter) {
        js_typeerror(J, "private member has no getter");
    }
    js_getproperty(J, 1, key);
}

/* __flow_pset(object, key, value) returns the value. */
static void es_pset(js_State *J)
{
    const char *key = privatekey(J, 2);
    int own;
    js_Property *ref = jsV_getpropertyx(J, js_toobject(J, 1), key, &own);

    if (!ref) {
        nomember(J, key);
    }
    if (!ref->setter && (ref->getter || (ref->atts & JS_READONLY))) {
        js_typeerror(J, "private method or getter may not be assigned");
    }
    js_copy(J, 3);
    js_setproperty(J, 1, key);
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
    define(J, "__flow_pget", es_pget, 2);
    define(J, "__flow_pset", es_pset, 3);
}
