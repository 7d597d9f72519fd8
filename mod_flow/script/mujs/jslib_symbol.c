/* SPDX-License-Identifier: Apache-2.0 */

/* Symbol; part of jslib.c's room. */

static const char *const symbol_names[] = {
    "asyncIterator", "hasInstance", "isConcatSpreadable",
    "iterator",      "match",       "matchAll",
    "replace",       "search",      "species",
    "split",         "toPrimitive", "toStringTag",
    "unscopables",   NULL
};

int js_issymbolname(const char *name)
{
    int i;

    if (name[0] != '@' || name[1] != '@') {
        return 0;
    }
    if (name[2] == 1 || name[2] == 2) {
        return 1;
    }
    for (i = 0; symbol_names[i]; ++i) {
        if (!strcmp(name + 2, symbol_names[i])) {
            return 1;
        }
    }
    return 0;
}

/* "description" of a symbol; NULL when it has none. */
static const char *symbol_description(const char *s, char buf[40])
{
    const char *colon;

    if (s[2] == 2) {
        return s + 3;
    }
    if (s[2] == 1) {
        colon = strchr(s, ':');
        return colon ? colon + 1 : NULL;
    }
    snprintf(buf, 40, "Symbol.%s", s + 2);
    return buf;
}

static const char *symbol_this(js_State *J)
{
    const char *s = js_isobject(J, 0) && js_toobject(J, 0)->type == JS_CSTRING
                        ? js_toobject(J, 0)->u.s.string
                    : js_isstring(J, 0) ? js_tostring(J, 0)
                                        : "";

    if (!JS_ISSYMBOL(s)) {
        js_typeerror(J, "not a Symbol");
    }
    return s;
}

static void symbol_show(js_State *J, const char *s)
{
    char buf[40];
    const char *d = symbol_description(s, buf);

    js_pushliteral(J, "Symbol(");
    js_pushstring(J, d ? d : "");
    js_concat(J);
    js_pushliteral(J, ")");
    js_concat(J);
}

/* Not js_concat(), which refuses symbols. */
static void push_symbol(js_State *J, const char *begin, const char *rest)
{
    js_Text out;

    text_begin(J, &out, 64);
    text_add(J, &out, begin, (int)strlen(begin));
    text_add(J, &out, rest, (int)strlen(rest));
    text_end(J, &out);
}

static void jsB_Symbol(js_State *J)
{
    int is_plain = js_isundefined(J, 1);
    const char *description = is_plain ? "" : lib_text(J, 1);
    char buf[32];

    snprintf(buf, sizeof(buf), "@@\1%u%s", ++J->lib->symbols,
             is_plain ? "" : ":");
    push_symbol(J, buf, description);
}

static void jsB_new_Symbol(js_State *J)
{
    js_typeerror(J, "Symbol is not a constructor");
}

static void Symbol_for(js_State *J)
{
    push_symbol(J, "@@\2", lib_text(J, 1));
}

static void Symbol_keyFor(js_State *J)
{
    const char *s = js_isstring(J, 1) ? js_tostring(J, 1) : "";

    if (!JS_ISSYMBOL(s)) {
        js_typeerror(J, "not a Symbol");
    }
    if (s[2] == 2) {
        js_pushstring(J, s + 3);
    }
    else {
        js_pushundefined(J);
    }
}

static void Symp_toString(js_State *J)
{
    symbol_show(J, symbol_this(J));
}

static void Symp_valueOf(js_State *J)
{
    js_pushstring(J, symbol_this(J));
}

static void Symp_description(js_State *J)
{
    char buf[40];
    const char *d = symbol_description(symbol_this(J), buf);

    if (d) {
        js_pushstring(J, d);
    }
    else {
        js_pushundefined(J);
    }
}

static void init_symbol(js_State *J)
{
    static const js_Method methods[] = { { "toString", Symp_toString, 0 },
                                         { "valueOf", Symp_valueOf, 0 },
                                         { NULL } };
    static const js_Method statics[] = { { "for", Symbol_for, 1 },
                                         { "keyFor", Symbol_keyFor, 1 },
                                         { NULL } };
    static const char *const shown[] = { "@@iterator",
                                         "@@asyncIterator",
                                         "@@hasInstance",
                                         "@@toPrimitive",
                                         "@@toStringTag",
                                         "@@species",
                                         "@@isConcatSpreadable",
                                         "@@unscopables",
                                         "@@match",
                                         "@@matchAll",
                                         "@@replace",
                                         "@@search",
                                         "@@split" };
    int i;

    js_pushobject(J, J->lib->symbol);
    lib_methods(J, methods);
    lib_getter(J, "get description", "description", Symp_description);
    lib_tag(J, "Symbol");
    js_newcconstructor(J, jsB_Symbol, jsB_new_Symbol, "Symbol", 0);
    lib_methods(J, statics);
    for (i = 0; i < (int)(sizeof(shown) / sizeof(shown[0])); ++i) {
        js_pushliteral(J, shown[i]);
        js_defproperty(J, -2, shown[i] + 2,
                       JS_READONLY | JS_DONTENUM | JS_DONTCONF);
    }
    js_defglobal(J, "Symbol", JS_DONTENUM);
}
