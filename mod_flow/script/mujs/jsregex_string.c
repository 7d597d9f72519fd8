/* SPDX-License-Identifier: Apache-2.0 */

/* String.prototype's methods that take a regular expression; part of jsregex.c's
 * room. */

static const char *text_arg(js_State *J, int idx); /* jslib_string.c */

static const char *regex_this(js_State *J)
{
    if (!js_iscoercible(J, 0)) {
        js_typeerror(J, "string function called on null or undefined");
    }
    if (JS_ISSYMBOL(js_tostring(J, 0))) {
        js_typeerror(J, "cannot convert a Symbol to a string");
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
    regex_setlast(re, 0);
    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    js_newarray(J);
    while (at <= sub.len &&
           regex_match(J, re->prog, &sub, at, re->flags & FLOW_REGEXP_Y, &ov)) {
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
    at = regex_byte(&sub, regex_last(J, re));
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
    js_pushnumber(
        J, regex_match(J, re->prog, &sub, 0, re->flags & FLOW_REGEXP_Y, &ov)
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
    r = text_arg(J, -1);
    text_add(J, t, r, (int)strlen(r));
    js_pop(J, 1);
}

static void replace_regex(js_State *J, const char *text)
{
    js_Regexp *re = js_toregexp(J, 1);
    const char *r = js_iscallable(J, 2) ? NULL : text_arg(J, 2);
    int last = re->flags & FLOW_REGEXP_Y ? regex_last(J, re) : 0;
    int is_global = re->flags & JS_REGEXP_G, sticky = re->flags & FLOW_REGEXP_Y;
    js_Program *prog = re->prog;
    js_Subject sub;
    PCRE2_SIZE *ov;
    js_Text out;
    int at = 0, copied = 0, from, to;

    if (!r) {
        regex_push(J, prog); /* stays, whatever is called does to the RegExp */
    }
    regex_subject(J, &sub, text, re->flags & FLOW_REGEXP_U);
    if (!is_global && sticky) {
        at = regex_byte(&sub, last);
    }
    if (at < 0 || !regex_match(J, prog, &sub, at, sticky, &ov)) {
        if (GLOBAL_OR_STICKY(re)) {
            regex_setlast(re, 0);
        }
        js_copy(J, 0);
        return;
    }
    if (is_global || sticky) {
        regex_setlast(re, is_global ? 0 : regex_unit(&sub, (int)ov[1]));
    }
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
    const char *needle = text_arg(J, 1);
    const char *r = js_iscallable(J, 2) ? NULL : text_arg(J, 2);
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
        s = n    ? strstr(s + n, needle)
            : *s ? s + CHAR_BYTES((unsigned char)*s)
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
        js_typeerror(J,
                     "replaceAll needs a regular expression with the flag g");
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
