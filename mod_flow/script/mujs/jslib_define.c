/* SPDX-License-Identifier: Apache-2.0 */

/* Object.defineProperty and its like; part of jslib.c's room. */

enum {
    HAS_VALUE = 1,
    HAS_WRITABLE = 2,
    HAS_ENUM = 4,
    HAS_CONF = 8
};
enum {
    HAS_GET = 16,
    HAS_SET = 32
};

typedef struct js_Descriptor {
    int has;  /* the members that are given */
    int atts; /* what they say; what is not given is not allowed */
    js_Value value;
    js_Object *get, *set;
} js_Descriptor;

static int read_flag(js_State *J, js_Descriptor *d, const char *name, int has,
                     int att)
{
    if (!js_hasproperty(J, -1, name)) {
        return 0;
    }
    d->has |= has;
    if (js_toboolean(J, -1)) {
        d->atts &= ~att;
    }
    js_pop(J, 1);
    return 1;
}

static js_Object *read_accessor(js_State *J, js_Descriptor *d, const char *name,
                                int has)
{
    js_Object *f = NULL;

    if (!js_hasproperty(J, -1, name)) {
        return NULL;
    }
    d->has |= has;
    if (js_iscallable(J, -1)) {
        f = js_toobject(J, -1);
    }
    else if (!js_isundefined(J, -1)) {
        js_typeerror(J, "'%s' of a property is no function", name);
    }
    js_rot2(J); /* stays on the stack, below the descriptor */
    return f;
}

/* The descriptor is on top; what it refers to comes to lie below it. */
static void read_descriptor(js_State *J, js_Descriptor *d)
{
    memset(d, 0, sizeof(*d));
    d->atts = JS_READONLY | JS_DONTENUM | JS_DONTCONF;
    d->value.t.type = JS_TUNDEFINED;
    read_flag(J, d, "enumerable", HAS_ENUM, JS_DONTENUM);
    read_flag(J, d, "configurable", HAS_CONF, JS_DONTCONF);
    if (js_hasproperty(J, -1, "value")) {
        d->has |= HAS_VALUE;
        d->value = *js_tovalue(J, -1);
        js_rot2(J);
    }
    read_flag(J, d, "writable", HAS_WRITABLE, JS_READONLY);
    d->get = read_accessor(J, d, "get", HAS_GET);
    d->set = read_accessor(J, d, "set", HAS_SET);
    if ((d->has & (HAS_GET | HAS_SET)) &&
        (d->has & (HAS_VALUE | HAS_WRITABLE))) {
        js_typeerror(J, "a property has either a value or get and set");
    }
}

static int same_value(js_State *J, js_Value *a, js_Value *b)
{
    int same;

    if (a->t.type == JS_TNUMBER && b->t.type == JS_TNUMBER) {
        double x = a->u.number, y = b->u.number;

        return x == y ? signbit(x) == signbit(y) : isnan(x) && isnan(y);
    }
    js_pushvalue(J, *a);
    js_pushvalue(J, *b);
    same = js_strictequal(J);
    js_pop(J, 2);
    return same;
}

static void __attribute__((noreturn)) cannot(js_State *J, const char *name)
{
    js_typeerror(J, "property '%s' cannot be redefined", name);
}

/* May a property that cannot be configured become that? */
static void check_fixed(js_State *J, js_Property *ref, const js_Descriptor *d,
                        const char *name)
{
    int is_accessor = ref->getter || ref->setter;
    js_Value value = d->value;

    if (!(d->atts & JS_DONTCONF) ||
        ((d->has & HAS_ENUM) && ((d->atts ^ ref->atts) & JS_DONTENUM))) {
        cannot(J, name);
    }
    if (is_accessor) {
        if ((d->has & (HAS_VALUE | HAS_WRITABLE)) ||
            ((d->has & HAS_GET) && d->get != ref->getter) ||
            ((d->has & HAS_SET) && d->set != ref->setter)) {
            cannot(J, name);
        }
        return;
    }
    if ((d->has & (HAS_GET | HAS_SET)) ||
        ((ref->atts & JS_READONLY) &&
         (!(d->atts & JS_READONLY) ||
          ((d->has & HAS_VALUE) && !same_value(J, &ref->value, &value))))) {
        cannot(J, name);
    }
}

static void apply(js_Property *ref, const js_Descriptor *d)
{
    int given = (d->has & HAS_ENUM ? JS_DONTENUM : 0) |
                (d->has & HAS_CONF ? JS_DONTCONF : 0) |
                (d->has & HAS_WRITABLE ? JS_READONLY : 0);
    int is_accessor = ref->getter || ref->setter;

    if ((d->has & (HAS_GET | HAS_SET)) && !is_accessor) {
        ref->value.t.type = JS_TUNDEFINED;
        ref->atts |= JS_READONLY; /* without a setter */
    }
    if ((d->has & (HAS_VALUE | HAS_WRITABLE)) && is_accessor) {
        ref->getter = ref->setter = NULL;
        ref->atts |= JS_READONLY;
    }
    if (d->has & HAS_GET) {
        ref->getter = d->get;
    }
    if (d->has & HAS_SET) {
        ref->setter = d->set;
    }
    if (d->has & HAS_VALUE) {
        ref->value = d->value;
    }
    ref->atts = (ref->atts & ~given) | (d->atts & given);
}

/* A property that is not stored as one: elements of strings, lengths,
 * lastIndex, and the names of functions. 0: it is now. */
static int define_unstored(js_State *J, js_Object *obj, const char *name,
                           const js_Descriptor *d)
{
    js_Property was;
    int atts;

    if (obj->type == JS_CARRAY && obj->u.a.simple && strcmp(name, "length")) {
        jsR_unflattenarray(J, obj);
    }
    if (!js_libown(J, obj, name, &atts)) {
        return 0;
    }
    memset(&was, 0, sizeof(was));
    was.value = *js_tovalue(J, -1);
    was.atts = atts;
    if (obj->type == JS_CFUNCTION || obj->type == JS_CCFUNCTION) {
        js_Property *ref = jsV_setproperty(J, obj, name);

        if (!ref) {
            cannot(J, name);
        }
        ref->value = was.value;
        ref->atts = atts;
        js_pop(J, 1);
        return 0;
    }
    check_fixed(J, &was, d, name);
    js_pop(J, 1);
    if ((d->has & HAS_VALUE) && !(atts & JS_READONLY)) {
        js_pushvalue(J, d->value);
        jsR_setproperty(J, obj, name, 0);
        js_pop(J, 1);
    }
    return 1;
}

/* desc -- desc: define a property of @a obj as it says, or throw. */
void js_libdefine(js_State *J, js_Object *obj, const char *name)
{
    int top = js_gettop(J), k;
    js_Descriptor d;
    js_Property *ref;

    read_descriptor(J, &d);
    obj->gone &= ~8; /* it may become enumerable */
    if (define_unstored(J, obj, name, &d)) {
        goto done;
    }
    ref = jsV_getownproperty(J, obj, name);
    if (ref) {
        if (ref->atts & JS_DONTCONF) {
            check_fixed(J, ref, &d, name);
        }
        apply(ref, &d);
    }
    else {
        ref = obj->extensible ? jsV_setproperty(J, obj, name) : NULL;
        if (!ref) {
            js_typeerror(J, "'%s' cannot be added to this object", name);
        }
        ref->value = d.value;
        ref->getter = d.get;
        ref->setter = d.set;
        ref->atts |= d.atts; /* a symbol stays as it is */
        if (obj->type == JS_CARRAY && js_isarrayindex(J, name, &k) &&
            k >= obj->u.a.length) {
            obj->u.a.length = k + 1;
        }
    }
done:
    js_rot(J, js_gettop(J) - top + 1); /* the descriptor, below all else */
    js_pop(J, js_gettop(J) - top);
}
