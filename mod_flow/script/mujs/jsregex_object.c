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

static const struct {
    const char *name;
    int bit;
} regex_properties[] = { { "lastIndex", -1 },
                         { "source", -2 },
                         { "flags", -3 },
                         { "global", FLOW_REGEXP_G },
                         { "ignoreCase", FLOW_REGEXP_I },
                         { "multiline", FLOW_REGEXP_M },
                         { "dotAll", FLOW_REGEXP_S },
                         { "unicode", FLOW_REGEXP_U },
                         { "sticky", FLOW_REGEXP_Y },
                         { "hasIndices", FLOW_REGEXP_D },
                         { NULL, 0 } };

static int regex_property(const char *name)
{
    int i;

    for (i = 0; regex_properties[i].name; ++i) {
        if (*name == *regex_properties[i].name &&
            !strcmp(name, regex_properties[i].name)) {
            return i;
        }
    }
    return -1;
}

int js_regexisown(const char *name)
{
    return !strcmp(name, "lastIndex");
}

int js_regexget(js_State *J, js_Object *obj, const char *name)
{
    int i = regex_property(name);
    char buf[10];

    if (i < 0) {
        return 0;
    }
    switch (regex_properties[i].bit) {
    case -1:
        js_pushnumber(J, obj->u.r.last);
        break;
    case -2:
        js_pushstring(J, obj->u.r.source);
        break;
    case -3:
        js_regexflags(&obj->u.r, buf);
        js_pushstring(J, buf);
        break;
    default:
        js_pushboolean(J, obj->u.r.flags & regex_properties[i].bit);
        break;
    }
    return 1;
}

int js_regexput(js_State *J, js_Object *obj, const char *name, js_Value *v)
{
    int i = regex_property(name);

    if (i < 0) {
        return 0;
    }
    if (regex_properties[i].bit != -1) {
        return -1;
    }
    obj->u.r.last = jsV_numbertointeger(jsV_tonumber(J, v));
    return 1;
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
    char flags[10];
    js_Regexp *re = js_toregexp(J, 0);

    js_pushliteral(J, "/");
    js_pushstring(J, re->source);
    js_concat(J);
    js_regexflags(re, flags);
    js_pushliteral(J, "/");
    js_pushstring(J, flags);
    js_concat(J);
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
    char why[160];
    js_Program *prog = js_regexliteral(J, js_intern(J, ""), 0, why);

    ++prog->refs;
    J->RegExp_prototype->u.r.prog = prog;
    J->RegExp_prototype->u.r.source = prog->source;
    js_pushobject(J, J->RegExp_prototype);
    jsB_propf(J, "RegExp.prototype.toString", Rp_toString, 0);
    jsB_propf(J, "RegExp.prototype.test", Rp_test, 1);
    jsB_propf(J, "RegExp.prototype.exec", Rp_exec, 1);
    jsB_propf(J, "RegExp.prototype.compile", Rp_compile, 2);
    js_newcconstructor(J, jsB_RegExp, jsB_new_RegExp, "RegExp", 2);
    js_defglobal(J, "RegExp", JS_DONTENUM);
}
