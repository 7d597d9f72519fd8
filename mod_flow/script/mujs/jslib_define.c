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

/* What cannot be defined: throws, or the answer is 0. */
static int refuse(js_State *J, const char *name, int throws)
{
    if (throws) {
        js_typeerror(J, "property '%s' cannot be redefined", name);
    }
    return 0;
}

static int is_accessor(const js_Property *ref)
{
    return ref->getter || ref->setter || (ref->atts & JS_ACCESSOR);
}

/* May a property that cannot be configured become that? */
static int check_fixed(js_State *J, js_Property *ref, const js_Descriptor *d)
{
    js_Value value = d->value;

    if (!(d->atts & JS_DONTCONF) ||
        ((d->has & HAS_ENUM) && ((d->atts ^ ref->atts) & JS_DONTENUM))) {
        return 0;
    }
    if (is_accessor(ref)) {
        return !(d->has & (HAS_VALUE | HAS_WRITABLE)) &&
               (!(d->has & HAS_GET) || d->get == ref->getter) &&
               (!(d->has & HAS_SET) || d->set == ref->setter);
    }
    if (d->has & (HAS_GET | HAS_SET)) {
        return 0;
    }
    return !(ref->atts & JS_READONLY) ||
           ((d->atts & JS_READONLY) &&
            (!(d->has & HAS_VALUE) || same_value(J, &ref->value, &value)));
}

static void apply(js_Property *ref, const js_Descriptor *d)
{
    int given = (d->has & HAS_ENUM ? JS_DONTENUM : 0) |
                (d->has & HAS_CONF ? JS_DONTCONF : 0) |
                (d->has & HAS_WRITABLE ? JS_READONLY : 0);

    if ((d->has & (HAS_GET | HAS_SET)) && !is_accessor(ref)) {
        ref->value.t.type = JS_TUNDEFINED;
        ref->atts |= JS_READONLY | JS_ACCESSOR; /* without a setter */
    }
    if ((d->has & (HAS_VALUE | HAS_WRITABLE)) && is_accessor(ref)) {
        ref->getter = ref->setter = NULL;
        ref->atts = (ref->atts & ~JS_ACCESSOR) | JS_READONLY;
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

/* The length and name of a function as properties like others; or what
 * arguments iterate with. */
static void store_unstored(js_State *J, js_Object *obj, const char *name)
{
    int atts, extensible = obj->extensible;
    js_Property *ref;

    if (js_libown(J, obj, name, &atts)) {
        obj->extensible = 1;
        ref = jsV_setproperty(J, obj, name);
        obj->extensible = extensible;
        ref->order = 0; /* before all others */
        ref->value = *js_tovalue(J, -1);
        ref->atts = atts;
        js_pop(J, 1);
    }
}

/* A property that is not stored as one: elements of strings and lastIndex.
 * -1: it is stored. */
static int define_unstored(js_State *J, js_Object *obj, const char *name,
                           const js_Descriptor *d, int throws)
{
    js_Property was;
    int atts;

    if (obj->type == JS_CFUNCTION || obj->type == JS_CCFUNCTION ||
        obj->type == JS_CARGUMENTS) {
        store_unstored(J, obj, name);
        return -1;
    }
    if (!js_libown(J, obj, name, &atts)) {
        return -1;
    }
    memset(&was, 0, sizeof(was));
    was.value = *js_tovalue(J, -1);
    was.atts = atts;
    if (!check_fixed(J, &was, d)) {
        js_pop(J, 1);
        return refuse(J, name, throws);
    }
    js_pop(J, 1);
    if ((d->has & HAS_VALUE) && !(atts & JS_READONLY)) {
        js_pushvalue(J, d->value);
        jsR_setproperty(J, obj, name, 0);
        js_pop(J, 1);
    }
    return 1;
}

static int define_length(js_State *J, js_Object *obj, const js_Descriptor *d,
                         int throws)
{
    js_Descriptor e = *d;
    js_Property was;
    int done = 1;

    if (d->has & HAS_VALUE) {
        e.value.t.type = JS_TNUMBER;
        e.value.u.number = jsR_arraylength(J, &d->value);
    }
    memset(&was, 0, sizeof(was));
    was.value.t.type = JS_TNUMBER;
    was.value.u.number = obj->u.a.length;
    was.atts = JS_DONTENUM | JS_DONTCONF |
               (obj->gone & JS_FIXEDLENGTH ? JS_READONLY : 0);
    if (!check_fixed(J, &was, &e)) {
        return refuse(J, "length", throws);
    }
    if (d->has & HAS_VALUE) {
        done = jsV_resizearray(J, obj, (unsigned int)e.value.u.number);
    }
    if ((d->has & HAS_WRITABLE) && (d->atts & JS_READONLY)) {
        jsR_unflattenarray(J, obj);
        obj->gone |= JS_FIXEDLENGTH;
    }
    return done || refuse(J, "length", throws);
}

/* The descriptor's values are on the stack. 0: it cannot be. */
static int define_own(js_State *J, js_Object *obj, const char *name,
                      js_Descriptor *d, int throws)
{
    unsigned int k = 0;
    js_Property *ref;
    int is_element, done;

    obj->gone &= ~8; /* it may become enumerable */
    is_element = obj->type == JS_CARRAY && jsR_arrayindex(name, &k);
    if (obj->type == JS_CARRAY && !strcmp(name, "length")) {
        return define_length(J, obj, d, throws);
    }
    if (is_element) {
        if (k >= obj->u.a.length && (obj->gone & JS_FIXEDLENGTH)) {
            return refuse(J, name, throws);
        }
        jsR_unflattenarray(J, obj);
    }
    done = define_unstored(J, obj, name, d, throws);
    if (done >= 0) {
        return done;
    }
    ref = jsV_getownproperty(J, obj, name);
    if (ref) {
        if ((ref->atts & JS_DONTCONF) && !check_fixed(J, ref, d)) {
            return refuse(J, name, throws);
        }
        apply(ref, d);
        return 1;
    }
    if (!obj->extensible) {
        if (throws) {
            js_typeerror(J, "'%s' cannot be added to this object", name);
        }
        return 0;
    }
    ref = jsV_setproperty(J, obj, name);
    ref->value = d->value;
    ref->getter = d->get;
    ref->setter = d->set;
    ref->atts = d->atts | (d->has & (HAS_GET | HAS_SET) ? JS_ACCESSOR : 0);
    if (is_element && k >= obj->u.a.length) {
        obj->u.a.length = k + 1;
    }
    return 1;
}

static void describe(js_State *J, js_Descriptor *d, const char *name)
{
    if (!js_isobject(J, -1)) {
        js_typeerror(J, "the description of property '%s' is not an object",
                     name);
    }
    read_descriptor(J, d);
}

static void put_flag(js_State *J, const js_Descriptor *d, const char *name,
                     int has, int att)
{
    if (d->has & has) {
        js_pushboolean(J, !(d->atts & att));
        js_defproperty(J, -2, name, 0);
    }
}

static void put_accessor(js_State *J, const js_Descriptor *d, const char *name,
                         int has, js_Object *f)
{
    if (d->has & has) {
        f ? js_pushobject(J, f) : js_pushundefined(J);
        js_defproperty(J, -2, name, 0);
    }
}

/* The description on top, read now and written as one that can be read again
 * without script code. */
static js_Object *normal_descriptor(js_State *J, const char *name)
{
    js_Object *out = jsV_newobject(J, JS_COBJECT, NULL);
    int top = js_gettop(J);
    js_Descriptor d;

    describe(J, &d, name);
    js_pushobject(J, out);
    put_flag(J, &d, "enumerable", HAS_ENUM, JS_DONTENUM);
    put_flag(J, &d, "configurable", HAS_CONF, JS_DONTCONF);
    put_flag(J, &d, "writable", HAS_WRITABLE, JS_READONLY);
    if (d.has & HAS_VALUE) {
        js_pushvalue(J, d.value);
        js_defproperty(J, -2, "value", 0);
    }
    put_accessor(J, &d, "get", HAS_GET, d.get);
    put_accessor(J, &d, "set", HAS_SET, d.set);
    js_pop(J, 1);
    js_rot(J, js_gettop(J) - top + 1); /* the descriptor, below all else */
    js_pop(J, js_gettop(J) - top);
    return out;
}

/* desc -- desc: define a property of @a obj as it says. */
static int define_from(js_State *J, js_Object *obj, const char *name,
                       int throws)
{
    int top = js_gettop(J), done;
    js_Descriptor d;

    describe(J, &d, name);
    done = define_own(J, obj, name, &d, throws);
    js_rot(J, js_gettop(J) - top + 1); /* the descriptor, below all else */
    js_pop(J, js_gettop(J) - top);
    return done;
}

void js_libdefine(js_State *J, js_Object *obj, const char *name)
{
    define_from(J, obj, name, 1);
}
