/* SPDX-License-Identifier: Apache-2.0 */

/* Subjects and matching; part of jsregex.c's room. */

/* ---- subjects ---- */

/* A text as PCRE2 sees it (see flow_regexp.h). */
typedef struct js_Subject {
    const char *s;
    int len;
    int ascii;      /* an index is an offset */
    int split;      /* not the string's own bytes */
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
        js_rangeerror(J,
                      "regular expression /%.80s/ takes too many steps on "
                      "this text",
                      prog->source);
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
        js_defproperty(J, -2, prog->names[i].name, 0);
    }
}

/* The result of exec(); the text is at @a idx of the stack. Nothing here may call
 * the script, by a setter of a prototype for one: a match of its own would take
 * @a ov away. */
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
    js_defproperty(J, -2, "index", 0);
    if (js_isstring(J, idx)) {
        js_copy(J, idx); /* a long text many times is still one text */
    }
    else {
        js_pushstring(J, js_tostring(J, idx));
    }
    js_defproperty(J, -2, "input", 0);
    regex_groups(J, prog, sub, ov);
    js_defproperty(J, -2, "groups", 0);
}

/* lastIndex as a number, which may call a function of the script. */
static int regex_last(js_State *J, js_Regexp *re)
{
    double n;

    if (!re->odd) {
        return re->last;
    }
    js_pushvalue(J, jsV_getownproperty(J, re->odd, "v")->value);
    n = js_tonumber(J, -1);
    js_pop(J, 1);
    return isnan(n) || n <= 0 ? 0 : n >= INT_MAX ? INT_MAX : (int)n;
}

static void regex_setlast(js_Regexp *re, int last)
{
    re->last = last;
    re->odd = NULL;
}

#define GLOBAL_OR_STICKY(re) ((re)->flags & (JS_REGEXP_G | FLOW_REGEXP_Y))

/* One step of exec(): 1 when it matched; lastIndex is moved. */
static int regex_step(js_State *J, js_Regexp *re, js_Subject *sub,
                      PCRE2_SIZE **pov)
{
    int last = regex_last(J, re), start = 0;
    js_Program *prog = re->prog; /* now: what was called may have changed it */

    if (GLOBAL_OR_STICKY(re)) {
        start = last < 0 ? 0 : regex_byte(sub, last);
    }
    if (start < 0 ||
        !regex_match(J, prog, sub, start, re->flags & FLOW_REGEXP_Y, pov)) {
        if (GLOBAL_OR_STICKY(re)) {
            regex_setlast(re, 0);
        }
        return 0;
    }
    if (GLOBAL_OR_STICKY(re)) {
        regex_setlast(re, regex_unit(sub, (int)(*pov)[1]));
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
