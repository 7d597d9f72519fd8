/* SPDX-License-Identifier: Apache-2.0 */

/* Function; part of jslib.c's room. It stands in the place of mujs' own; what
 * compiles the text of Function() is in jslib_eval.c. */

static int has_own(js_State *J, int idx, const char *name);

static void Function_prototype(js_State *J)
{
    js_pushundefined(J);
}

static js_Object *this_function(js_State *J)
{
    if (!js_iscallable(J, 0)) {
        js_typeerror(J, "not a function");
    }
    return js_toobject(J, 0);
}

/* Push the elements of the value at idx; null and undefined have none. */
static int push_arguments(js_State *J, int idx)
{
    double n;
    int i;

    if (!js_isobject(J, idx)) {
        js_typeerror(J, "the arguments must be an array");
    }
    n = arr_length(J, idx);
    if (n > JS_STACKSIZE / 2) {
        js_rangeerror(J, "too many arguments");
    }
    for (i = 0; i < (int)n; ++i) {
        js_getindex(J, idx, i);
    }
    return (int)n;
}

static void Fp_apply(js_State *J)
{
    this_function(J);
    js_copy(J, 0);
    js_copy(J, 1);
    js_call(J, js_iscoercible(J, 2) ? push_arguments(J, 2) : 0);
}

static void Fp_call(js_State *J)
{
    int i, top = js_gettop(J);

    this_function(J);
    for (i = 0; i < top; ++i) {
        js_copy(J, i);
    }
    js_call(J, top - 2);
}

static void Fp_toString(js_State *J)
{
    js_Object *self = this_function(J);
    js_Text out;
    int i;

    text_begin(J, &out, 64);
    text_add(J, &out, "function ", 9);
    if (self->type == JS_CCFUNCTION) {
        const char *s = self->u.c.name;
        text_add(J, &out, s, (int)strlen(s));
        text_add(J, &out, "() { [native code] }", 20);
    }
    else {
        js_Function *f = self->u.f.function;
        text_add(J, &out, f->name, (int)strlen(f->name));
        text_add(J, &out, "(", 1);
        for (i = 0; i < f->numparams; ++i) {
            text_add(J, &out, ",", i > 0);
            text_add(J, &out, f->vartab[i], (int)strlen(f->vartab[i]));
        }
        text_add(J, &out, ") { [byte code] }", 17);
    }
    text_end(J, &out);
}

/* ---- bound functions ---- */

/* Push what is called, with what for this unless it is constructed, and all
 * arguments. */
static int push_bound(js_State *J, int construct)
{
    int top = js_gettop(J), i, n;

    js_currentfunction(J); /* at top */
    js_getproperty(J, top, "__BoundArguments__");
    js_getproperty(J, top, "__TargetFunction__");
    if (!construct) {
        js_getproperty(J, top, "__BoundThis__");
    }
    n = lib_length(J, top + 1);
    for (i = 0; i < n; ++i) {
        js_getindex(J, top + 1, i);
    }
    for (i = 1; i < top; ++i) {
        js_copy(J, i);
    }
    return n + top - 1;
}

static void call_bound(js_State *J)
{
    js_call(J, push_bound(J, 0));
}

static void construct_bound(js_State *J)
{
    js_construct(J, push_bound(J, 1));
}

/* The function that a bound one calls in the end. */
js_Object *js_libtarget(js_State *J, js_Object *f)
{
    js_Property *ref;

    while (f->type == JS_CCFUNCTION && f->u.c.function == call_bound) {
        ref = jsV_getownproperty(J, f, "__TargetFunction__");
        f = ref->value.u.object;
    }
    return f;
}

/* The length and name of the bound function on top. */
static void describe_bound(js_State *J, int args)
{
    double n = 0;

    if (has_own(J, 0, "length")) {
        js_getproperty(J, 0, "length");
        if (js_isnumber(J, -1)) {
            n = lib_integer(J, -1) - args;
        }
        js_pop(J, 1);
    }
    js_pushnumber(J, n > 0 ? n : 0);
    js_defproperty(J, -2, "length", JS_READONLY | JS_DONTENUM);
    js_pushliteral(J, "bound ");
    js_getproperty(J, 0, "name");
    if (!js_isstring(J, -1) || JS_ISSYMBOL(js_tostring(J, -1))) {
        js_pop(J, 1);
        js_pushliteral(J, "");
    }
    js_concat(J);
    js_defproperty(J, -2, "name", JS_READONLY | JS_DONTENUM);
}

static void Fp_bind(js_State *J)
{
    const int hidden = JS_READONLY | JS_DONTENUM | JS_DONTCONF;
    js_Object *target = this_function(J), *f;
    int i, top = js_gettop(J);

    js_newcfunction(J, call_bound, "bound", 0);
    f = js_toobject(J, -1);
    f->prototype = target->prototype;
    f->u.c.constructor = is_constructor(J, 0) ? construct_bound : NULL;
    describe_bound(J, top - 2);
    js_copy(J, 0);
    js_defproperty(J, -2, "__TargetFunction__", hidden);
    js_copy(J, 1);
    js_defproperty(J, -2, "__BoundThis__", hidden);
    js_newarray(J);
    for (i = 2; i < top; ++i) {
        js_copy(J, i);
        js_setindex(J, -2, i - 2);
    }
    js_defproperty(J, -2, "__BoundArguments__", hidden);
}

/* ---- beginning ---- */

/* Of caller and arguments. */
static void restricted(js_State *J)
{
    js_typeerror(J, "'caller' and 'arguments' of a function are not available");
}

static void init_restricted(js_State *J, const char *name)
{
    js_copy(J, -1);
    js_copy(J, -1);
    js_defaccessor(J, -4, name, JS_DONTENUM);
}

static void jsB_Function2(js_State *J); /* jslib_eval.c */

void jsB_initfunction(js_State *J)
{
    static const js_Method methods[] = { { "toString", Fp_toString, 0 },
                                         { "apply", Fp_apply, 2 },
                                         { "call", Fp_call, 1 },
                                         { "bind", Fp_bind, 1 },
                                         { NULL } };
    js_Object *proto = J->Function_prototype;

    proto->u.c.name = "";
    proto->u.c.function = Function_prototype;
    proto->u.c.constructor = NULL;
    proto->u.c.length = 0;
    js_pushobject(J, proto);
    lib_methods(J, methods);
    js_newcfunction(J, restricted, "", 0);
    init_restricted(J, "caller");
    init_restricted(J, "arguments");
    js_pop(J, 1);
    js_newcconstructor(J, jsB_Function2, jsB_Function2, "Function",
                       JS_ANYARGS(1));
    js_defglobal(J, "Function", JS_DONTENUM);
}
