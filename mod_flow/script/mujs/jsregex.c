/* SPDX-License-Identifier: Apache-2.0 */

/* Compiled into mujs' one object: it knows its insides. See jsregex.h. */

#include "jsi.h"
#include "utf.h"
#include "jsregex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "script/flow_regexp.h"

/* What one match may do: steps at one place of the text, and memory for going
 * back (in kB). Time is bounded by the hard stop. */
#define REGEX_STEPS 10000000
#define REGEX_HEAP  (24 << 10)

#define REGEX_OPTIONS                                                          \
    (PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_MATCH_UNSET_BACKREF |              \
     PCRE2_NEVER_BACKSLASH_C)

struct js_Program {
    js_Program *next; /* literals */
    const char *pattern; /* of a literal: the interned text */
    int refs;
    int flags;
    int groups;
    int nnames;
    struct { const char *name; int group; } *names;
    pcre2_code *code;
    char source[1];
};

struct js_Regexes {
    pcre2_general_context *general;
    pcre2_compile_context *compile;
    pcre2_match_context *match;
    pcre2_match_data *data; /* of the latest match */
    int room;               /* pairs in it */
    js_Program *literals;
};

/* ---- memory ---- */

static void *regex_alloc(PCRE2_SIZE size, void *baton)
{
    js_State *J = baton;

    if (size > INT_MAX - 64) {
        return NULL;
    }
    J->gcbytes += (unsigned)size;
    return J->alloc(J->actx, NULL, (int)size);
}

static void regex_free(void *ptr, void *baton)
{
    js_State *J = baton;

    if (ptr) {
        J->alloc(J->actx, ptr, 0);
    }
}

static void *regex_realloc(void *baton, void *ptr, size_t size)
{
    js_State *J = baton;

    return size > INT_MAX - 64 ? NULL : J->alloc(J->actx, ptr, (int)size);
}

/* PCRE2's compiler calls itself for groups. */
static int regex_guard(uint32_t depth, void *baton)
{
    char here;

    (void)depth;
    (void)baton;
    return &here < js_stackguard + 16384;
}

static js_Regexes *regexes(js_State *J)
{
    js_Regexes *rx = J->regexes;

    if (!rx) {
        rx = js_malloc(J, sizeof(*rx));
        memset(rx, 0, sizeof(*rx));
        rx->general = pcre2_general_context_create(regex_alloc, regex_free, J);
        rx->compile = pcre2_compile_context_create(rx->general);
        rx->match = pcre2_match_context_create(rx->general);
        pcre2_set_compile_extra_options(
            rx->compile, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
        pcre2_set_compile_recursion_guard(rx->compile, regex_guard, J);
        pcre2_set_parens_nest_limit(rx->compile, 2 * FLOW_REGEXP_DEPTH_MAX);
        pcre2_set_match_limit(rx->match, REGEX_STEPS);
        pcre2_set_heap_limit(rx->match, REGEX_HEAP);
        J->regexes = rx;
    }
    return rx;
}

void js_regexrest(js_State *J)
{
    if (J->regexes && J->regexes->data) {
        pcre2_match_data_free(J->regexes->data);
        J->regexes->data = NULL;
        J->regexes->room = 0;
    }
}

void js_regexglobalinit(void)
{
    static const char *const patterns[] = {
        "(?i)(a|b)*[^c-e]+\\x{100}{2}(?<!xy)z", "(a+)\\g{1}[\\x{100}\\d]*?(?=q)\\z"
    };
    static const char text[] = "abababzz\304\200\304\200zaaa1q";
    size_t i, size;

    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); ++i) {
        int code;
        PCRE2_SIZE at;
        pcre2_code *re = pcre2_compile((PCRE2_SPTR)patterns[i],
                                       PCRE2_ZERO_TERMINATED, REGEX_OPTIONS,
                                       &code, &at, NULL);
        pcre2_match_data *data =
            re ? pcre2_match_data_create_from_pattern(re, NULL) : NULL;
        if (data) {
            PCRE2_UCHAR buf[80];
            pcre2_match(re, (PCRE2_SPTR)text, sizeof(text) - 1, 0, 0, data,
                        NULL);
            pcre2_pattern_info(re, PCRE2_INFO_SIZE, &size);
            pcre2_get_error_message(101, buf, sizeof(buf));
        }
        pcre2_match_data_free(data);
        pcre2_code_free(re);
    }
}

/* ---- programs ---- */

/* What stands between the slashes: a slash needs a backslash, a line break
 * cannot stand there. At most six times as long. */
static int regex_source(char *out, const char *s)
{
    char *start = out;
    int in_class = 0;

    for (; *s; ++s) {
        if (*s == '\\' && s[1]) {
            *out++ = *s++;
        }
        else if (*s == '[') {
            in_class = 1;
        }
        else if (*s == ']') {
            in_class = 0;
        }
        else if (*s == '/' && !in_class) {
            *out++ = '\\';
        }
        else if (*s == '\n' || *s == '\r') {
            *out++ = '\\';
            *out++ = *s == '\n' ? 'n' : 'r';
            continue;
        }
        *out++ = *s;
    }
    if (out == start) {
        memcpy(out, "(?:)", 4);
        out += 4;
    }
    *out = 0;
    return (int)(out - start);
}

static void regex_names(js_State *J, js_Program *prog, const flow_regexp_t *re)
{
    char *text;
    size_t room = 0;
    int i;

    if (!re->n_names) {
        return;
    }
    for (i = 0; i < re->n_names; ++i) {
        room += sizeof(*prog->names) + re->names[i].len + 1;
    }
    prog->names = js_malloc(J, (int)room);
    prog->nnames = re->n_names;
    text = (char *)(prog->names + re->n_names);
    for (i = 0; i < re->n_names; ++i) {
        prog->names[i].name = text;
        prog->names[i].group = re->names[i].group;
        memcpy(text, re->names[i].name, re->names[i].len);
        text += re->names[i].len;
        *text++ = 0;
    }
}

static js_Program *regex_compile(js_State *J, const char *pattern, int flags,
                                 char why[160])
{
    js_Regexes *rx = regexes(J);
    int len = (int)strlen(pattern), code = 0;
    flow_regexp_t re;
    js_Program *prog;
    PCRE2_SIZE at;

    memset(&re, 0, sizeof(re));
    re.alloc = regex_realloc;
    re.baton = J;
    if (flow_regexp_translate(&re, pattern, len, (unsigned)flags) != 0) {
        snprintf(why, 160, "%s", re.error);
        flow_regexp_release(&re);
        return NULL;
    }
    prog = js_malloc(J, (int)sizeof(*prog) + 2 * len + 8);
    memset(prog, 0, sizeof(*prog));
    prog->flags = flags;
    prog->groups = re.groups;
    regex_source(prog->source, pattern);
    prog->code = pcre2_compile((PCRE2_SPTR)(re.text ? re.text : ""), re.len,
                               REGEX_OPTIONS |
                                   (flags & JS_REGEXP_I ? PCRE2_CASELESS : 0),
                               &code, &at, rx->compile);
    if (prog->code) {
        regex_names(J, prog, &re);
    }
    else {
        if (code == 125) {
            snprintf(why, 160, "each alternative of a lookbehind must have a "
                               "fixed length");
        }
        else {
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, 160);
        }
        js_free(J, prog);
        prog = NULL;
    }
    flow_regexp_release(&re);
    return prog;
}

void js_regexfree(js_State *J, js_Program *prog)
{
    if (prog && --prog->refs <= 0 && !prog->pattern) {
        pcre2_code_free(prog->code);
        js_free(J, prog->names);
        js_free(J, prog);
    }
}

js_Program *js_regexliteral(js_State *J, const char *pattern, int flags,
                            char why[160])
{
    js_Program *prog, **link = &regexes(J)->literals;

    for (; (prog = *link) != NULL; link = &prog->next) {
        if (prog->pattern == pattern && prog->flags == flags) {
            *link = prog->next; /* the latest is found first */
            prog->next = J->regexes->literals;
            J->regexes->literals = prog;
            return prog;
        }
    }
    prog = regex_compile(J, pattern, flags, why);
    if (prog) {
        prog->pattern = pattern;
        prog->next = J->regexes->literals;
        J->regexes->literals = prog;
    }
    return prog;
}

static void regex_push(js_State *J, js_Program *prog)
{
    js_Object *obj = jsV_newobject(J, JS_CREGEXP, J->RegExp_prototype);

    ++prog->refs;
    obj->u.r.prog = prog;
    obj->u.r.source = prog->source;
    obj->u.r.flags = prog->flags;
    obj->u.r.last = 0;
    js_pushobject(J, obj);
}

/* OP_NEWREGEXP: the program is there since the script was compiled. */
void js_newregexpliteral(js_State *J, const char *pattern, int flags)
{
    char why[160];
    js_Program *prog = js_regexliteral(J, pattern, flags, why);

    if (!prog) {
        js_syntaxerror(J, "regular expression: %s", why);
    }
    regex_push(J, prog);
}

void js_newregexp(js_State *J, const char *pattern, int flags)
{
    char why[160];
    js_Program *prog = regex_compile(J, pattern, flags, why);

    if (!prog) {
        js_syntaxerror(J, "regular expression: %s", why);
    }
    if (js_try(J)) {
        js_regexfree(J, prog);
        js_throw(J);
    }
    regex_push(J, prog);
    js_endtry(J);
}

/* ---- subjects ---- */

/* A text as PCRE2 sees it (see flow_regexp.h). */
typedef struct js_Subject {
    const char *s;
    int len;
    int ascii; /* an index is an offset */
    int split; /* not the string's own bytes */
    int byte, unit; /* a place that was looked for before */
} js_Subject;

static int regex_scan(const char *s, int *len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = strlen(s), i = 0;
    int seen = 0;
    unsigned long long w;

    *len = (int)n;
    for (; i + 8 <= n; i += 8) {
        memcpy(&w, p + i, 8);
        if (w & 0x8080808080808080ull) {
            break;
        }
    }
    for (; i < n; ++i) {
        if (p[i] & 0x80) {
            seen |= p[i] >= 0xF0 ? 5 : p[i] == 0xC0 ? 3 : 1;
        }
    }
    return seen; /* 1: beyond ASCII, 2: U+0000, 4: astral */
}

/* Pushes one value, which keeps the bytes alive. */
static void regex_subject(js_State *J, js_Subject *sub, const char *text, int u)
{
    int seen = regex_scan(text, &sub->len);
    js_Value v;
    const unsigned char *s;
    char *out;
    Rune rune;

    sub->s = text;
    sub->ascii = !seen;
    sub->byte = sub->unit = 0;
    sub->split = (seen & 2) || ((seen & 4) && !u);
    if (!sub->split) {
        js_pushundefined(J);
        return;
    }
    if (sub->len > JS_STRLIMIT / 2) {
        js_rangeerror(J, "string too long for a regular expression");
    }
    v.t.type = JS_TMEMSTR;
    v.u.memstr = jsV_newmemspace(J, sub->len + sub->len / 2 + 4);
    js_pushvalue(J, v);
    out = v.u.memstr->p;
    for (s = (const unsigned char *)text; *s;) {
        if (*s >= 0xF0 && !u) {
            Rune half;
            s += chartorune(&rune, (const char *)s);
            half = 0xD800 + ((rune - 0x10000) >> 10);
            out += runetochar(out, &half);
            half = 0xDC00 + ((rune - 0x10000) & 0x3FF);
            out += runetochar(out, &half);
        }
        else if (s[0] == 0xC0 && s[1] == 0x80) {
            *out++ = 0;
            s += 2;
        }
        else {
            *out++ = (char)*s++;
        }
    }
    *out = 0;
    sub->s = v.u.memstr->p;
    sub->len = (int)(out - sub->s);
}

/* How long a character is by its first byte, and how many units it counts. */
#define CHAR_BYTES(c) ((c) < 0x80 ? 1 : (c) < 0xE0 ? 2 : (c) < 0xF0 ? 3 : 4)
#define CHAR_UNITS(c) ((c) < 0xF0 ? 1 : 2)

/* The unit at a byte offset, and the other way round (-1: behind the end). */
static int regex_unit(js_Subject *sub, int byte)
{
    int at, unit;

    if (sub->ascii) {
        return byte;
    }
    at = byte >= sub->byte ? sub->byte : 0;
    unit = byte >= sub->byte ? sub->unit : 0;
    while (at < byte) {
        unsigned char c = (unsigned char)sub->s[at];
        at += CHAR_BYTES(c);
        unit += CHAR_UNITS(c);
    }
    sub->byte = at;
    sub->unit = unit;
    return unit;
}

static int regex_byte(js_Subject *sub, double want)
{
    int at, unit;

    if (want > sub->len) {
        return -1;
    }
    if (sub->ascii) {
        return (int)want;
    }
    at = want >= sub->unit ? sub->byte : 0;
    unit = want >= sub->unit ? sub->unit : 0;
    while (unit < want && at < sub->len) {
        unsigned char c = (unsigned char)sub->s[at];
        if (unit + CHAR_UNITS(c) > want) {
            break; /* within a character */
        }
        at += CHAR_BYTES(c);
        unit += CHAR_UNITS(c);
    }
    sub->byte = at;
    sub->unit = unit;
    return unit < want && at >= sub->len ? -1 : at;
}

static int regex_after(const js_Subject *sub, int byte)
{
    return byte >= sub->len ? byte + 1
                            : byte + CHAR_BYTES((unsigned char)sub->s[byte]);
}

/* Append a piece in mujs' own encoding; at most twice as long. */
static int regex_join(char *out, const char *s, int n)
{
    char *start = out;
    const char *e = s + n;

    while (s < e) {
        if (e - s >= 6 && ishighsurrogate(s) && islowsurrogate(s + 3)) {
            joinsurrogates(out, s, s + 3);
            out += 4;
            s += 6;
        }
        else if (*s == 0) {
            *out++ = (char)0xC0;
            *out++ = (char)0x80;
            ++s;
        }
        else {
            *out++ = *s++;
        }
    }
    return (int)(out - start);
}

static void regex_piece(js_State *J, const js_Subject *sub, int a, int b)
{
    js_Value v;
    int n;

    if (b < a) {
        b = a; /* a lookbehind may turn a group round */
    }
    if (!sub->split) {
        js_pushlstring(J, sub->s + a, b - a);
        return;
    }
    v.t.type = JS_TMEMSTR;
    v.u.memstr = jsV_newmemspace(J, 2 * (b - a) + 1);
    n = regex_join(v.u.memstr->p, sub->s + a, b - a);
    v.u.memstr->p[n] = 0;
    js_pushvalue(J, v);
    js_pushlstring(J, v.u.memstr->p, n);
    js_rot2pop1(J);
}

/* ---- matching ---- */

/* 1 when it matches at or behind @a start (at it when @a sticky). *pov is good
 * until the next match. */
static int regex_match(js_State *J, js_Program *prog, const js_Subject *sub,
                       int start, int sticky, PCRE2_SIZE **pov)
{
    js_Regexes *rx = regexes(J);
    int rc;

    if (rx->room < prog->groups + 1) {
        js_regexrest(J);
        rx->room = prog->groups + 1 < 16 ? 16 : prog->groups + 1;
        rx->data = pcre2_match_data_create((uint32_t)rx->room, rx->general);
    }
    rc = pcre2_match(prog->code, (PCRE2_SPTR)sub->s, sub->len, start,
                     PCRE2_NO_UTF_CHECK | (sticky ? PCRE2_ANCHORED : 0),
                     rx->data, rx->match);
    *pov = pcre2_get_ovector_pointer(rx->data);
    if (rc > 0) {
        int i;
        for (i = 2 * rc; i < 2 * (prog->groups + 1); ++i) {
            (*pov)[i] = PCRE2_UNSET;
        }
        return 1;
    }
    if (rc == PCRE2_ERROR_NOMATCH) {
        return 0;
    }
    js_regexrest(J);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT ||
        rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_NOMEMORY) {
        js_rangeerror(J, "regular expression /%.80s/ takes too many steps on "
                         "this text", prog->source);
    }
    js_rangeerror(J, "regular expression failed (%d)", rc);
}

static void regex_group(js_State *J, const js_Subject *sub,
                        const PCRE2_SIZE *ov, int i)
{
    if (ov[2 * i] == PCRE2_UNSET) {
        js_pushundefined(J);
    }
    else {
        regex_piece(J, sub, (int)ov[2 * i], (int)ov[2 * i + 1]);
    }
}

static void regex_groups(js_State *J, js_Program *prog, const js_Subject *sub,
                         const PCRE2_SIZE *ov)
{
    int i;

    if (!prog->nnames) {
        js_pushundefined(J);
        return;
    }
    js_pushnull(J);
    js_newobjectx(J);
    for (i = 0; i < prog->nnames; ++i) {
        regex_group(J, sub, ov, prog->names[i].group);
        js_setproperty(J, -2, prog->names[i].name);
    }
}

/* The result of exec(); @a text is at @a idx of the stack. */
static void regex_result(js_State *J, js_Program *prog, js_Subject *sub,
                         const PCRE2_SIZE *ov, int idx)
{
    int i;

    js_newarray(J);
    for (i = 0; i <= prog->groups; ++i) {
        regex_group(J, sub, ov, i);
        js_setindex(J, -2, i);
    }
    js_pushnumber(J, regex_unit(sub, (int)ov[0]));
    js_setproperty(J, -2, "index");
    js_copy(J, idx);
    js_setproperty(J, -2, "input");
    regex_groups(J, prog, sub, ov);
    js_setproperty(J, -2, "groups");
}

#define GLOBAL_OR_STICKY(re) ((re)->flags & (JS_REGEXP_G | FLOW_REGEXP_Y))

/* One step of exec(): 1 when it matched; lastIndex is moved. */
static int regex_step(js_State *J, js_Regexp *re, js_Subject *sub,
                      PCRE2_SIZE **pov)
{
    js_Program *prog = re->prog;
    int start = 0;

    if (GLOBAL_OR_STICKY(re)) {
        start = re->last < 0 ? 0 : regex_byte(sub, re->last);
    }
    if (start < 0 || !regex_match(J, prog, sub, start,
                                  re->flags & FLOW_REGEXP_Y, pov)) {
        if (GLOBAL_OR_STICKY(re)) {
            re->last = 0;
        }
        return 0;
    }
    if (GLOBAL_OR_STICKY(re)) {
        re->last = regex_unit(sub, (int)(*pov)[1]);
    }
    return 1;
}

static void regex_exec(js_State *J, js_Regexp *re, int idx)
{
    js_Subject sub;
    PCRE2_SIZE *ov;

    regex_subject(J, &sub, js_tostring(J, idx), re->flags & FLOW_REGEXP_U);
    if (regex_step(J, re, &sub, &ov)) {
        regex_result(J, re->prog, &sub, ov, idx);
    }
    else {
        js_pushnull(J);
    }
}

void js_RegExp_prototype_exec(js_State *J, js_Regexp *re, const char *text)
{
    js_pushstring(J, text);
    regex_exec(J, re, js_gettop(J) - 1);
}

/* ---- RegExp ---- */

void js_regexflags(const js_Regexp *re, char buf[10])
{
    static const struct { int bit; char name; } order[] = {
        { FLOW_REGEXP_D, 'd' }, { FLOW_REGEXP_G, 'g' }, { FLOW_REGEXP_I, 'i' },
        { FLOW_REGEXP_M, 'm' }, { FLOW_REGEXP_S, 's' }, { FLOW_REGEXP_U, 'u' },
        { FLOW_REGEXP_Y, 'y' }
    };
    int i, n = 0;

    for (i = 0; i < 7; ++i) {
        if (re->flags & order[i].bit) {
            buf[n++] = order[i].name;
        }
    }
    buf[n] = 0;
}

static const struct { const char *name; int bit; } regex_properties[] = {
    { "lastIndex", -1 }, { "source", -2 }, { "flags", -3 },
    { "global", FLOW_REGEXP_G }, { "ignoreCase", FLOW_REGEXP_I },
    { "multiline", FLOW_REGEXP_M }, { "dotAll", FLOW_REGEXP_S },
    { "unicode", FLOW_REGEXP_U }, { "sticky", FLOW_REGEXP_Y },
    { "hasIndices", FLOW_REGEXP_D }, { NULL, 0 }
};

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

/* ---- String.prototype's methods that take one ---- */

static const char *regex_this(js_State *J)
{
    if (!js_iscoercible(J, 0)) {
        js_typeerror(J, "string function called on null or undefined");
    }
    return js_tostring(J, 0);
}

/* The RegExp of argument 1, made of its text when it is none; at index 1. */
static js_Regexp *regex_argument(js_State *J, int flags)
{
    if (!js_isregexp(J, 1)) {
        js_newregexp(J, js_isundefined(J, 1) ? "" : js_tostring(J, 1), flags);
        js_replace(J, 1);
    }
    return js_toregexp(J, 1);
}

static int regex_next(const js_Subject *sub, const PCRE2_SIZE *ov)
{
    int from = (int)ov[0], to = (int)ov[1];

    return from == to ? regex_after(sub, to) : to;
}

static void Sp_match(js_State *J)
{
    const char *text = regex_this(J);
    js_Regexp *re = regex_argument(J, 0);
    js_Subject sub;
    PCRE2_SIZE *ov;
    int at = 0, n = 0;

    if (!(re->flags & JS_REGEXP_G)) {
        regex_exec(J, re, 0);
        return;
    }
    re->last = 0;
    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    js_newarray(J);
    while (at <= sub.len && regex_match(J, re->prog, &sub, at,
                                        re->flags & FLOW_REGEXP_Y, &ov)) {
        at = regex_next(&sub, ov);
        regex_piece(J, &sub, (int)ov[0], (int)ov[1]);
        js_setindex(J, -2, n++);
    }
    if (!n) {
        js_pushnull(J);
    }
}

static void Sp_matchAll(js_State *J)
{
    const char *text = regex_this(J);
    js_Regexp *re;
    js_Subject sub;
    PCRE2_SIZE *ov;
    int at, n = 0;

    re = regex_argument(J, JS_REGEXP_G);
    if (!(re->flags & JS_REGEXP_G)) {
        js_typeerror(J, "matchAll needs a regular expression with the flag g");
    }
    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    js_newarray(J);
    at = regex_byte(&sub, re->last);
    while (at >= 0 && at <= sub.len &&
           regex_match(J, re->prog, &sub, at, re->flags & FLOW_REGEXP_Y, &ov)) {
        at = regex_next(&sub, ov);
        regex_result(J, re->prog, &sub, ov, 0);
        js_setindex(J, -2, n++);
    }
    js_libiterator(J, -1, JS_ITERVALUES);
}

static void Sp_search(js_State *J)
{
    const char *text = regex_this(J);
    js_Regexp *re = regex_argument(J, 0);
    js_Subject sub;
    PCRE2_SIZE *ov;

    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    js_pushnumber(J, regex_match(J, re->prog, &sub, 0,
                                 re->flags & FLOW_REGEXP_Y, &ov)
                         ? regex_unit(&sub, (int)ov[0])
                         : -1);
}

/* ---- replace ---- */

/* A growing text, kept alive by the stack: slot @a idx holds it. */
typedef struct js_Text {
    int idx;
    char *s;
    int n, size;
} js_Text;

static void text_begin(js_State *J, js_Text *t, int size)
{
    js_Value v;

    t->idx = js_gettop(J);
    t->n = 0;
    t->size = size < 64 ? 64 : size;
    v.t.type = JS_TMEMSTR;
    v.u.memstr = jsV_newmemspace(J, t->size);
    t->s = v.u.memstr->p;
    t->s[0] = 0;
    js_pushvalue(J, v);
}

static char *text_room(js_State *J, js_Text *t, int n)
{
    js_Value v;
    int size = t->size;

    if (n > JS_STRLIMIT - t->n) {
        js_rangeerror(J, "invalid string length");
    }
    if (t->n + n > size) {
        while (size < t->n + n) {
            size = size > JS_STRLIMIT / 2 ? JS_STRLIMIT : 2 * size;
        }
        v.t.type = JS_TMEMSTR;
        v.u.memstr = jsV_newmemspace(J, size);
        memcpy(v.u.memstr->p, t->s, t->n);
        v.u.memstr->p[t->n] = 0;
        t->s = v.u.memstr->p;
        t->size = size;
        js_pushvalue(J, v);
        js_replace(J, t->idx);
    }
    return t->s + t->n;
}

static void text_add(js_State *J, js_Text *t, const char *s, int n)
{
    char *out = text_room(J, t, n);

    /* halves that meet become one character */
    if (n >= 3 && t->n >= 3 && (unsigned char)*s == 0xED && islowsurrogate(s) &&
        ishighsurrogate(out - 3)) {
        char pair[4];
        joinsurrogates(pair, out - 3, s);
        memcpy(out - 3, pair, 4);
        memcpy(out + 1, s + 3, n - 3);
        t->n += n - 2;
        return;
    }
    memcpy(out, s, n);
    t->n += n;
}

static void text_piece(js_State *J, js_Text *t, const js_Subject *sub, int a,
                       int b)
{
    if (b <= a) {
        return;
    }
    if (sub->split) {
        regex_piece(J, sub, a, b);
        text_add(J, t, js_tostring(J, -1), (int)strlen(js_tostring(J, -1)));
        js_pop(J, 1);
        return;
    }
    text_add(J, t, sub->s + a, b - a);
}

static void text_end(js_State *J, js_Text *t)
{
    t->s[t->n] = 0;
    if (t->n >= 16 && t->size - t->n <= t->n) {
        js_copy(J, t->idx); /* as it is: little is lost */
    }
    else {
        js_pushlstring(J, t->s, t->n);
    }
}

/* $<name>; 0 when it is just text. */
static int text_named(js_State *J, js_Text *t, const js_Subject *sub,
                      js_Program *prog, const PCRE2_SIZE *ov, const char **pr)
{
    const char *end = strchr(*pr + 1, '>');
    int i, n;

    if (!prog || !prog->nnames || !end) {
        return 0;
    }
    n = (int)(end - *pr) - 1;
    for (i = 0; i < prog->nnames; ++i) {
        if (!strncmp(prog->names[i].name, *pr + 1, n) &&
            !prog->names[i].name[n]) {
            int g = prog->names[i].group;
            if (ov[2 * g] != PCRE2_UNSET) {
                text_piece(J, t, sub, (int)ov[2 * g], (int)ov[2 * g + 1]);
            }
        }
    }
    *pr = end;
    return 1;
}

/* $1 and $12, at the digit; the two digits only when there is such a group. */
static int text_numbered(js_State *J, js_Text *t, const js_Subject *sub,
                         int groups, const PCRE2_SIZE *ov, const char **pr)
{
    const char *r = *pr;
    int g = r[0] - '0', gg = -1;

    if (r[1] >= '0' && r[1] <= '9') {
        gg = g * 10 + r[1] - '0';
    }
    if (gg > 0 && gg <= groups) {
        g = gg;
        ++r;
    }
    if (g < 1 || g > groups) {
        return 0;
    }
    if (ov[2 * g] != PCRE2_UNSET) {
        text_piece(J, t, sub, (int)ov[2 * g], (int)ov[2 * g + 1]);
    }
    *pr = r;
    return 1;
}

/* Append a replacement text with its $ signs. */
static void text_template(js_State *J, js_Text *t, const js_Subject *sub,
                          js_Program *prog, const PCRE2_SIZE *ov, const char *r)
{
    const char *dollar;
    int groups = prog ? prog->groups : 0;

    while ((dollar = strchr(r, '$')) != NULL) {
        text_add(J, t, r, (int)(dollar - r));
        r = dollar + 1;
        switch (*r) {
        case '$':
            text_add(J, t, "$", 1);
            break;
        case '&':
            text_piece(J, t, sub, (int)ov[0], (int)ov[1]);
            break;
        case '`':
            text_piece(J, t, sub, 0, (int)ov[0]);
            break;
        case '\'':
            text_piece(J, t, sub, (int)ov[1], sub->len);
            break;
        case '<':
            if (!text_named(J, t, sub, prog, ov, &r)) {
                text_add(J, t, "$<", 2);
            }
            break;
        default:
            if (*r < '0' || *r > '9' ||
                !text_numbered(J, t, sub, groups, ov, &r)) {
                text_add(J, t, "$", 1);
                --r; /* what follows is text again */
            }
            break;
        }
        ++r;
    }
    text_add(J, t, r, (int)strlen(r));
}

/* Call the function at index 2 for a match; its text is pushed. */
static void regex_callback(js_State *J, js_Subject *sub, js_Program *prog,
                           const PCRE2_SIZE *ov)
{
    int i, n = prog ? prog->groups + 1 : 1;

    js_copy(J, 2);
    js_pushundefined(J);
    for (i = 0; i < n; ++i) {
        regex_group(J, sub, ov, i);
    }
    js_pushnumber(J, regex_unit(sub, (int)ov[0]));
    js_copy(J, 0);
    n += 2;
    if (prog && prog->nnames) {
        regex_groups(J, prog, sub, ov);
        ++n;
    }
    js_call(J, n);
    js_tostring(J, -1);
}

static void replace_one(js_State *J, js_Text *t, js_Subject *sub,
                        js_Program *prog, const PCRE2_SIZE *ov, const char *r)
{
    if (r) {
        if (!strchr(r, '$')) {
            text_add(J, t, r, (int)strlen(r));
            return;
        }
        text_template(J, t, sub, prog, ov, r);
        return;
    }
    regex_callback(J, sub, prog, ov);
    r = js_tostring(J, -1);
    text_add(J, t, r, (int)strlen(r));
    js_pop(J, 1);
}

static void replace_regex(js_State *J, const char *text)
{
    js_Regexp *re = js_toregexp(J, 1);
    js_Program *prog = re->prog;
    int is_global = re->flags & JS_REGEXP_G, sticky = re->flags & FLOW_REGEXP_Y;
    const char *r = js_iscallable(J, 2) ? NULL : js_tostring(J, 2);
    js_Subject sub;
    PCRE2_SIZE *ov;
    js_Text out;
    int at = 0, copied = 0, from, to;

    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    if (!is_global && sticky) {
        at = re->last < 0 ? 0 : regex_byte(&sub, re->last);
    }
    if (at < 0 || !regex_match(J, prog, &sub, at, sticky, &ov)) {
        re->last = GLOBAL_OR_STICKY(re) ? 0 : re->last;
        js_copy(J, 0);
        return;
    }
    re->last = is_global ? 0
               : sticky  ? regex_unit(&sub, (int)ov[1])
                         : re->last;
    text_begin(J, &out, sub.len + 16);
    do {
        from = (int)ov[0];
        to = (int)ov[1];
        at = regex_next(&sub, ov);
        text_piece(J, &out, &sub, copied, from);
        replace_one(J, &out, &sub, prog, ov, r);
        copied = to;
    } while (is_global && at <= sub.len &&
             regex_match(J, prog, &sub, at, sticky, &ov));
    text_piece(J, &out, &sub, copied, sub.len);
    text_end(J, &out);
}

/* A text for a text; @a all of them, or the first. */
static void replace_text(js_State *J, const char *text, int all)
{
    const char *needle = js_tostring(J, 1);
    const char *r = js_iscallable(J, 2) ? NULL : js_tostring(J, 2);
    int n = (int)strlen(needle), copied = 0;
    const char *s = strstr(text, needle);
    PCRE2_SIZE ov[2];
    js_Subject sub;
    js_Text out;

    if (!s) {
        js_copy(J, 0);
        return;
    }
    regex_subject(J, &sub, text, 1);
    sub.s = text; /* U+0000 stays as it is here */
    sub.len = (int)strlen(text);
    sub.split = 0;
    text_begin(J, &out, sub.len + 16);
    do {
        ov[0] = (PCRE2_SIZE)(s - text);
        ov[1] = ov[0] + n;
        text_piece(J, &out, &sub, copied, (int)ov[0]);
        replace_one(J, &out, &sub, NULL, ov, r);
        copied = (int)ov[1];
        s = n        ? strstr(s + n, needle)
            : *s     ? s + CHAR_BYTES((unsigned char)*s)
                     : NULL;
    } while (all && s);
    text_piece(J, &out, &sub, copied, sub.len);
    text_end(J, &out);
}

static void Sp_replace(js_State *J)
{
    const char *text = regex_this(J);

    if (js_isregexp(J, 1)) {
        replace_regex(J, text);
    }
    else {
        replace_text(J, text, 0);
    }
}

static void Sp_replaceAll(js_State *J)
{
    const char *text = regex_this(J);

    if (!js_isregexp(J, 1)) {
        replace_text(J, text, 1);
        return;
    }
    if (!(js_toregexp(J, 1)->flags & JS_REGEXP_G)) {
        js_typeerror(J, "replaceAll needs a regular expression with the flag g");
    }
    replace_regex(J, text);
}

/* ---- split ---- */

static void split_regex(js_State *J, const char *text, unsigned limit)
{
    js_Regexp *re = js_toregexp(J, 1);
    js_Program *prog = re->prog;
    js_Subject sub;
    PCRE2_SIZE *ov;
    int p = 0, at = 0, i;
    unsigned n = 0;

    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    js_newarray(J);
    if (limit == 0) {
        return;
    }
    if (sub.len == 0) {
        if (!regex_match(J, prog, &sub, 0, 1, &ov)) {
            js_copy(J, 0);
            js_setindex(J, -2, 0);
        }
        return;
    }
    while (at < sub.len && regex_match(J, prog, &sub, at, 0, &ov)) {
        int from = (int)ov[0], to = (int)ov[1];
        if (from >= sub.len) {
            break;
        }
        if (to == p) {
            at = regex_after(&sub, from);
            continue;
        }
        regex_piece(J, &sub, p, from);
        js_setindex(J, -2, (int)n++);
        for (i = 1; i <= prog->groups && n < limit; ++i) {
            regex_group(J, &sub, ov, i);
            js_setindex(J, -2, (int)n++);
        }
        if (n >= limit) {
            return;
        }
        at = p = to;
    }
    regex_piece(J, &sub, p, sub.len);
    js_setindex(J, -2, (int)n);
}

static void split_chars(js_State *J, const char *text, unsigned limit)
{
    unsigned n = 0;
    Rune rune, half;
    char buf[UTFmax + 1];

    while (*text && n < limit) {
        int len = chartorune(&rune, text);
        if (rune >= 0x10000) {
            half = 0xD800 + ((rune - 0x10000) >> 10);
            js_pushlstring(J, buf, runetochar(buf, &half));
            js_setindex(J, -2, (int)n++);
            if (n == limit) {
                return;
            }
            half = 0xDC00 + ((rune - 0x10000) & 0x3FF);
            js_pushlstring(J, buf, runetochar(buf, &half));
        }
        else {
            js_pushlstring(J, text, len);
        }
        js_setindex(J, -2, (int)n++);
        text += len;
    }
}

static void split_text(js_State *J, const char *text, unsigned limit)
{
    const char *sep = js_tostring(J, 1), *s;
    int len = (int)strlen(sep);
    unsigned n = 0;

    js_newarray(J);
    if (limit == 0) {
        return;
    }
    if (len == 0) {
        split_chars(J, text, limit);
        return;
    }
    while ((s = strstr(text, sep)) != NULL) {
        js_pushlstring(J, text, (int)(s - text));
        js_setindex(J, -2, (int)n++);
        if (n == limit) {
            return;
        }
        text = s + len;
    }
    js_pushstring(J, text);
    js_setindex(J, -2, (int)n);
}

static void Sp_split(js_State *J)
{
    const char *text = regex_this(J);
    unsigned limit = js_isdefined(J, 2) ? js_touint32(J, 2) : 0x7fffffff;

    if (limit > 0x7fffffff) {
        limit = 0x7fffffff;
    }
    if (js_isundefined(J, 1)) {
        js_newarray(J);
        if (limit) {
            js_copy(J, 0);
            js_setindex(J, -2, 0);
        }
    }
    else if (js_isregexp(J, 1)) {
        split_regex(J, text, limit);
    }
    else {
        split_text(J, text, limit);
    }
}

static void regex_initstring(js_State *J)
{
    js_pushobject(J, J->String_prototype);
    jsB_propf(J, "String.prototype.match", Sp_match, 1);
    jsB_propf(J, "String.prototype.matchAll", Sp_matchAll, 1);
    jsB_propf(J, "String.prototype.replace", Sp_replace, 2);
    jsB_propf(J, "String.prototype.replaceAll", Sp_replaceAll, 2);
    jsB_propf(J, "String.prototype.search", Sp_search, 1);
    jsB_propf(J, "String.prototype.split", Sp_split, 2);
    js_pop(J, 1);
}
