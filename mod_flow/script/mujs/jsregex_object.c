/* SPDX-License-Identifier: Apache-2.0 */

/* RegExp; part of jsregex.c's room. */

void js_regexflags(const js_Regexp *re, char buf[10])
{
    static const struct {
        int bit;
        char name;
    } order[] = { { FLOW_REGEXP_D, 'd' }, { FLOW_REGEXP_G, 'g' },
                  { FLOW_REGEXP_I, 'i' }, { FLOW_REGEXP_M, 'm' },
                  { FLOW_REGEXP_S, 's' }, { FLOW_REGEXP_U, 'u' },
                  { FLOW_REGEXP_Y, 'y' } };
    int i, n = 0;

    for (i = 0; i < 7; ++i) {
        if (re->flags & order[i].bit) {
            buf[n++] = order[i].name;
        }
    }
    buf[n] = 0;
}

int js_regexisown(const char *name)
{
    return !strcmp(name, "lastIndex");
}

int js_regexget(js_State *J, js_Object *obj, const char *name)
{
    if (*name != 'l' || !js_regexisown(name)) {
        return 0;
    }
    if (obj->u.r.odd) {
        js_pushvalue(J, jsV_getownproperty(J, obj->u.r.odd, "v")->value);
    }
    else {
        js_pushnumber(J, obj->u.r.last);
    }
    return 1;
}

int js_regexput(js_State *J, js_Object *obj, const char *name, js_Value *v)
{
    js_Object *odd;

    if (*name != 'l' || !js_regexisown(name)) {
        return 0;
    }
    if (v->t.type == JS_TNUMBER && v->u.number == (int)v->u.number &&
        fabs(v->u.number) < INT_MAX && !signbit(v->u.number)) {
        regex_setlast(&obj->u.r, (int)v->u.number);
        return 1;
    }
    /* any value stays what it is until it is used */
    odd = jsV_newobject(J, JS_COBJECT, NULL);
    obj->u.r.odd = odd;
    jsV_setproperty(J, odd, "v")->value = *v;
    return 1;
}

/* ---- source, flags, and one getter for each flag ---- */

/* The RegExp that a getter is called for; NULL for RegExp.prototype itself. */
static js_Regexp *regex_getter(js_State *J)
{
    if (!js_isobject(J, 0) ||
        (!js_isregexp(J, 0) && js_toobject(J, 0) != J->RegExp_prototype)) {
        js_typeerror(J, "not a regular expression");
    }
    return js_isregexp(J, 0) ? js_toregexp(J, 0) : NULL;
}

static void regex_flag(js_State *J, int bit)
{
    js_Regexp *re = regex_getter(J);

    if (re) {
        js_pushboolean(J, (re->flags & bit) != 0);
    }
    else {
        js_pushundefined(J);
    }
}

#define REGEX_FLAG(letter)                                                     \
    static void Rp_flag##letter(js_State *J)                                   \
    {                                                                          \
        regex_flag(J, FLOW_REGEXP_##letter);                                   \
    }

REGEX_FLAG(D)
REGEX_FLAG(G)
REGEX_FLAG(I)
REGEX_FLAG(M)
REGEX_FLAG(S)
REGEX_FLAG(U)
REGEX_FLAG(Y)

static const struct {
    const char *name;
    js_CFunction getter;
    char letter;
} regex_flags[] = {
    { "hasIndices", Rp_flagD, 'd' }, { "global", Rp_flagG, 'g' },
    { "ignoreCase", Rp_flagI, 'i' }, { "multiline", Rp_flagM, 'm' },
    { "dotAll", Rp_flagS, 's' },     { "unicode", Rp_flagU, 'u' },
    { "sticky", Rp_flagY, 'y' },     { NULL, NULL, 0 }
};

static void Rp_source(js_State *J)
{
    js_Regexp *re = regex_getter(J);

    js_pushstring(J, re ? re->source : "(?:)");
}

/* Of any object, by its members. */
static void Rp_flags(js_State *J)
{
    char buf[10];
    int i, n = 0;

    if (!js_isobject(J, 0)) {
        js_typeerror(J, "not an object");
    }
    for (i = 0; regex_flags[i].name; ++i) {
        js_getproperty(J, 0, regex_flags[i].name);
        if (js_toboolean(J, -1)) {
            buf[n++] = regex_flags[i].letter;
        }
        js_pop(J, 1);
    }
    buf[n] = 0;
    js_pushstring(J, buf);
}

static void regex_accessor(js_State *J, const char *name, js_CFunction getter)
{
    char title[32];

    snprintf(title, sizeof(title), "get %s", name);
    js_newcfunction(J, getter, js_intern(J, title), 0);
    js_pushundefined(J);
    js_defaccessor(J, -3, name, JS_DONTENUM);
}

static int regex_toflags(js_State *J, int idx)
{
    const char *text = js_tostring(J, idx);
    int flags = flow_regexp_flags(text);

    if (flags < 0) {
        js_syntaxerror(J, "invalid regular expression flags '%.20s'", text);
    }
    return flags;
}

static void jsB_new_RegExp(js_State *J)
{
    js_Program *prog;

    if (js_isregexp(J, 1)) {
        js_Regexp *old = js_toregexp(J, 1);
        prog = old->prog;
        if (js_isundefined(J, 2) || regex_toflags(J, 2) == prog->flags) {
            regex_push(J, prog);
            return;
        }
        js_newregexp(J, prog->source, regex_toflags(J, 2));
        return;
    }
    js_newregexp(J, js_isundefined(J, 1) ? "" : js_tostring(J, 1),
                 js_isundefined(J, 2) ? 0 : regex_toflags(J, 2));
}

static void jsB_RegExp(js_State *J)
{
    if (js_isregexp(J, 1) && js_isundefined(J, 2)) {
        js_copy(J, 1);
        return;
    }
    jsB_new_RegExp(J);
}

static void Rp_toString(js_State *J)
{
    if (!js_isobject(J, 0)) {
        js_typeerror(J, "not an object");
    }
    js_pushliteral(J, "/");
    js_getproperty(J, 0, "source");
    js_tostring(J, -1);
    js_concat(J);
    js_pushliteral(J, "/");
    js_concat(J);
    js_getproperty(J, 0, "flags");
    js_tostring(J, -1);
    js_concat(J);
}

static void Rp_exec(js_State *J)
{
    js_Regexp *re = js_toregexp(J, 0);

    js_tostring(J, 1);
    regex_exec(J, re, 1);
}

static void Rp_test(js_State *J)
{
    js_Regexp *re = js_toregexp(J, 0);
    js_Subject sub;
    PCRE2_SIZE *ov;

    regex_subject(J, &sub, js_tostring(J, 1), re->flags & FLOW_REGEXP_U);
    js_pushboolean(J, regex_step(J, re, &sub, &ov));
}

static void Rp_compile(js_State *J)
{
    js_Object *obj = js_toobject(J, 0);
    js_Program *old = js_toregexp(J, 0)->prog;

    jsB_new_RegExp(J);
    obj->u.r = js_toobject(J, -1)->u.r;
    ++((js_Program *)obj->u.r.prog)->refs;
    js_regexfree(J, old);
    js_copy(J, 0);
}

void jsB_initregexp(js_State *J)
{
    int i;

    J->RegExp_prototype->type = JS_COBJECT;
    js_pushobject(J, J->RegExp_prototype);
    for (i = 0; regex_flags[i].name; ++i) {
        regex_accessor(J, regex_flags[i].name, regex_flags[i].getter);
    }
    regex_accessor(J, "source", Rp_source);
    regex_accessor(J, "flags", Rp_flags);
    jsB_propf(J, "RegExp.prototype.toString", Rp_toString, 0);
    jsB_propf(J, "RegExp.prototype.test", Rp_test, 1);
    jsB_propf(J, "RegExp.prototype.exec", Rp_exec, 1);
    jsB_propf(J, "RegExp.prototype.compile", Rp_compile, 2);
    js_newcconstructor(J, jsB_RegExp, jsB_new_RegExp, "RegExp", 2);
    js_defglobal(J, "RegExp", JS_DONTENUM);
}
