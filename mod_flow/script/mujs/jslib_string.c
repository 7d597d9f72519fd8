/* SPDX-License-Identifier: Apache-2.0 */

/* String, escape, btoa and their opposites; part of jslib.c's room. */

static const char *text_this(js_State *J)
{
    return regex_this(J);
}

/* Where unit @a n of a string begins; *inside when that is the second half of a
 * character, whose place it then is. NULL beyond the end. */
static const char *unit_at(const char *s, int n, int *inside)
{
    Rune rune;

    *inside = 0;
    while (n > 0 && *s) {
        int len = (unsigned char)*s < 0x80 ? 1 : chartorune(&rune, s);
        if (len > 3 && n == 1) {
            *inside = 1;
            return s;
        }
        n -= len > 3 ? 2 : 1;
        s += len;
    }
    return n > 0 ? NULL : s;
}

/* The text of an argument; a Symbol has none. */
static const char *text_arg(js_State *J, int idx)
{
    const char *s = js_tostring(J, idx);

    if (JS_ISSYMBOL(s)) {
        js_typeerror(J, "cannot convert a Symbol to a string");
    }
    return s;
}

static const char *no_regexp(js_State *J)
{
    if (js_isregexp(J, 1)) {
        js_typeerror(J, "a text is needed here, not a regular expression");
    }
    return text_arg(J, 1);
}

static int clamp(double n, int len)
{
    return n < 0 ? 0 : n > len ? len : (int)n;
}

static void Sp_startsWith(js_State *J)
{
    const char *s = text_this(J), *what = no_regexp(J);
    int inside;

    lib_pad(J, 3);
    s = unit_at(s, clamp(lib_integer(J, 2), INT_MAX), &inside);
    js_pushboolean(J, s ? !inside && !strncmp(s, what, strlen(what)) : !*what);
}

static void Sp_endsWith(js_State *J)
{
    const char *s = text_this(J), *what = no_regexp(J), *end;
    size_t n = strlen(what);
    int inside = 0;

    lib_pad(J, 3);
    end = js_isundefined(J, 2)
              ? NULL
              : unit_at(s, clamp(lib_integer(J, 2), INT_MAX), &inside);
    if (!end) {
        end = s + strlen(s);
    }
    js_pushboolean(J, !inside && (size_t)(end - s) >= n &&
                          !memcmp(end - n, what, n));
}

static void Sp_includes(js_State *J)
{
    const char *s = text_this(J), *what = no_regexp(J);
    int inside;

    lib_pad(J, 3);
    s = unit_at(s, clamp(lib_integer(J, 2), INT_MAX), &inside);
    js_pushboolean(J, s ? strstr(s, what) != NULL : !*what);
}

static void Sp_repeat(js_State *J)
{
    const char *s = text_this(J);
    double n = lib_integer(J, 1);
    int len = (int)strlen(s);
    js_Text out;

    if (n < 0 || isinf(n) || n * len > JS_STRLIMIT) {
        js_rangeerror(J, "invalid count: the result would be too long");
    }
    text_begin(J, &out, (int)(n * len));
    if (len > 0) {
        for (; n > 0; --n) {
            text_add(J, &out, s, len);
        }
    }
    text_end(J, &out);
}

/* @a n units of a text, over and over. */
static void add_fill(js_State *J, js_Text *out, const char *fill, int n)
{
    int units = js_utflen(fill), len = (int)strlen(fill), inside;
    const char *end;

    for (; n >= units; n -= units) {
        text_add(J, out, fill, len);
    }
    end = unit_at(fill, n, &inside);
    text_add(J, out, fill, (int)(end - fill));
    if (inside) {
        char buf[UTFmax];
        Rune rune;
        chartorune(&rune, end);
        rune = 0xD800 + ((rune - 0x10000) >> 10);
        text_add(J, out, buf, runetochar(buf, &rune));
    }
}

static void pad(js_State *J, int at_start)
{
    const char *s = text_this(J), *fill;
    double want;
    int len = js_utflen(s);
    js_Text out;

    lib_pad(J, 3);
    want = lib_integer(J, 1);
    fill = js_isundefined(J, 2) ? " " : text_arg(J, 2);
    if (want <= len || !*fill) {
        js_copy(J, 0);
        return;
    }
    if (want > JS_STRLIMIT) {
        js_rangeerror(J, "invalid string length");
    }
    text_begin(J, &out, (int)want + 8);
    if (!at_start) {
        text_add(J, &out, s, (int)strlen(s));
    }
    add_fill(J, &out, fill, (int)want - len);
    if (at_start) {
        text_add(J, &out, s, (int)strlen(s));
    }
    text_end(J, &out);
}

static void Sp_padStart(js_State *J)
{
    pad(J, 1);
}
static void Sp_padEnd(js_State *J)
{
    pad(J, 0);
}

static void Sp_indexOf2(js_State *J)
{
    const char *s = text_this(J), *what = text_arg(J, 1), *at, *start;
    int len, inside, from;

    lib_pad(J, 3);
    from = js_isundefined(J, 2) ? 0 : clamp(lib_integer(J, 2), INT_MAX);
    start = from ? unit_at(s, from, &inside) : s;
    if (!start) {
        len = js_utflen(s);
        js_pushnumber(J, *what ? -1 : len);
        return;
    }
    at = strstr(start, what);
    js_pushnumber(J, at ? (at == start ? from : js_utfptrtoidx(s, at)) : -1);
}

static void Sp_lastIndexOf2(js_State *J)
{
    const char *s = text_this(J), *what = text_arg(J, 1), *p = s;
    size_t n = strlen(what);
    int k = 0, last = -1;
    double from;
    Rune rune;

    lib_pad(J, 3);
    from = js_tonumber(J, 2);
    from = isnan(from) ? INFINITY : from < 0 ? 0 : from;
    for (; k <= from; k += rune >= 0x10000 ? 2 : 1) {
        if (!strncmp(p, what, n)) {
            last = k;
        }
        if (!*p) {
            break;
        }
        p += chartorune(&rune, p);
    }
    js_pushnumber(J, last);
}

static void Sp_concat2(js_State *J)
{
    int i, given = J->argc;
    const char *s = text_this(J);
    js_Text out;

    text_begin(J, &out, (int)strlen(s) + 16 * given);
    text_add(J, &out, s, (int)strlen(s));
    for (i = 1; i <= given; ++i) {
        s = text_arg(J, i);
        text_add(J, &out, s, (int)strlen(s));
    }
    text_end(J, &out);
}

static void Sp_slice2(js_State *J)
{
    const char *s = text_this(J);
    int len = js_utflen(s), from, to;

    lib_pad(J, 3);
    from = lib_index(J, 1, len, 0);
    to = lib_index(J, 2, len, len);
    Sp_substring_imp(J, s, from, to > from ? to - from : 0);
}

static int is_space(Rune c)
{
    return (c >= 9 && c <= 13) || c == 32 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

const char *js_skipspace(const char *s)
{
    Rune rune;
    int n;

    for (; *s; s += n) {
        n = (unsigned char)*s < 0x80 ? (rune = *s, 1) : chartorune(&rune, s);
        if (!is_space(rune)) {
            break;
        }
    }
    return s;
}

static void trim(js_State *J, int start, int end)
{
    const char *s = text_this(J), *e = s + strlen(s), *p;
    Rune rune;

    while (start && *s) {
        int n = chartorune(&rune, s);
        if (!is_space(rune)) {
            break;
        }
        s += n;
    }
    while (end && e > s) {
        for (p = e - 1; p > s && (*p & 0xC0) == 0x80; --p) {
        }
        chartorune(&rune, p);
        if (!is_space(rune)) {
            break;
        }
        e = p;
    }
    js_pushlstring(J, s, (int)(e - s));
}

static void Sp_trim2(js_State *J)
{
    trim(J, 1, 1);
}
static void Sp_trimStart(js_State *J)
{
    trim(J, 1, 0);
}
static void Sp_trimEnd(js_State *J)
{
    trim(J, 0, 1);
}

static void Sp_codePointAt(js_State *J)
{
    const char *s = text_this(J);
    double n = lib_integer(J, 1);
    int inside;
    Rune rune;

    s = n < 0 ? NULL : unit_at(s, clamp(n, INT_MAX), &inside);
    if (!s || !*s) {
        js_pushundefined(J);
        return;
    }
    chartorune(&rune, s);
    js_pushnumber(J, inside ? 0xDC00 + ((rune - 0x10000) & 0x3FF) : rune);
}

static void Sp_at(js_State *J)
{
    const char *s = text_this(J);
    double n = lib_integer(J, 1);

    n = n < 0 ? n + js_utflen(s) : n;
    js_pushrune(J, n < 0 || n > INT_MAX ? -1 : js_runeat(J, s, (int)n));
}

static void Sp_substr(js_State *J)
{
    const char *s = text_this(J);
    int len = js_utflen(s), from, n;

    lib_pad(J, 3);
    from = lib_index(J, 1, len, 0);
    n = js_isundefined(J, 2) ? len - from
                             : clamp(lib_integer(J, 2), len - from);
    Sp_substring_imp(J, s, from, n);
}

static void Sp_iterator(js_State *J)
{
    text_this(J);
    js_libiterator(J, 0, JS_ITERVALUES);
}

static void S_fromCodePoint(js_State *J)
{
    int i, top = 1 + J->argc;
    char buf[UTFmax];
    js_Text out;

    text_begin(J, &out, 4 * top);
    for (i = 1; i < top; ++i) {
        double n = js_tonumber(J, i);
        Rune rune = (Rune)n;
        if (!(n >= 0 && n <= 0x10FFFF && n == rune)) {
            js_rangeerror(J, "invalid code point");
        }
        text_add(J, &out, buf, runetochar(buf, &rune));
    }
    text_end(J, &out);
}

static void S_raw(js_State *J)
{
    int i, n, top = js_gettop(J);
    js_Text out;

    js_getproperty(J, 1, "raw");
    n = lib_length(J, -1);
    text_begin(J, &out, 64);
    for (i = 0; i < n; ++i) {
        js_getindex(J, top, i);
        text_add(J, &out, text_arg(J, -1), (int)strlen(js_tostring(J, -1)));
        js_pop(J, 1);
        if (i + 1 < n && i + 2 < top) {
            js_copy(J, i + 2);
            text_add(J, &out, text_arg(J, -1), (int)strlen(js_tostring(J, -1)));
            js_pop(J, 1);
        }
    }
    text_end(J, &out);
}

/* The order of words in a dictionary: letters by their alphabet, then small
 * before capital. Beyond Latin letters by code. */
static int collate_key(Rune c)
{
    Rune base = c < 0x80 ? c : js_normbase(c);

    if (base >= 0x80) {
        return 0x10000 + tolowerrune(base);
    }
    if ((base | 32) >= 'a' && (base | 32) <= 'z') {
        return 0x1000 + (base | 32);
    }
    return base >= '0' && base <= '9' ? 0x800 + base : base;
}

static int collate(const char *a, const char *b)
{
    Rune x = 0, y = 0;
    int later = 0, kx, ky;

    while (*a && *b) {
        a += chartorune(&x, a);
        b += chartorune(&y, b);
        kx = collate_key(x);
        ky = collate_key(y);
        if (kx != ky) {
            return kx < ky ? -1 : 1;
        }
        if (x != y && !later) {
            int lx = tolowerrune(x), ly = tolowerrune(y);
            later = lx != ly ? (lx < ly ? -1 : 1) : x == lx ? -1 : 1;
        }
    }
    return *a ? 1 : *b ? -1 : later;
}

static void Sp_localeCompare2(js_State *J)
{
    const char *a = text_this(J), *b = text_arg(J, 1);
    int n;

    if ((regex_scan(a, &n) | regex_scan(b, &n)) != 0) {
        js_normalize(J, a, 1);
        a = js_tostring(J, -1);
        js_normalize(J, b, 1);
        b = js_tostring(J, -1);
    }
    js_pushnumber(J, collate(a, b));
}

static void Sp_normalize(js_State *J)
{
    const char *s = text_this(J);
    const char *form = js_isundefined(J, 1) ? "NFC" : text_arg(J, 1);
    int n;

    if (strcmp(form, "NFC") && strcmp(form, "NFD")) {
        js_rangeerror(J, "normalize knows the forms NFC and NFD, not '%.20s'",
                      form);
    }
    if (!regex_scan(s, &n)) {
        js_copy(J, 0);
    }
    else {
        js_normalize(J, s, form[2] == 'C');
    }
}

static void init_strings(js_State *J)
{
    static const js_Method methods[] = {
        { "startsWith", Sp_startsWith, 1 },
        { "endsWith", Sp_endsWith, 1 },
        { "includes", Sp_includes, 1 },
        { "indexOf", Sp_indexOf2, 1 },
        { "lastIndexOf", Sp_lastIndexOf2, 1 },
        { "concat", Sp_concat2, 1 },
        { "slice", Sp_slice2, 2 },
        { "repeat", Sp_repeat, 1 },
        { "padStart", Sp_padStart, 1 },
        { "padEnd", Sp_padEnd, 1 },
        { "trim", Sp_trim2, 0 },
        { "trimStart", Sp_trimStart, 0 },
        { "trimEnd", Sp_trimEnd, 0 },
        { "trimLeft", Sp_trimStart, 0 },
        { "trimRight", Sp_trimEnd, 0 },
        { "codePointAt", Sp_codePointAt, 1 },
        { "toUpperCase", Sp_toUpperCase2, 0 },
        { "toLowerCase", Sp_toLowerCase2, 0 },
        { "toLocaleUpperCase", Sp_toUpperCase2, 0 },
        { "toLocaleLowerCase", Sp_toLowerCase2, 0 },
        { "at", Sp_at, 1 },
        { "substr", Sp_substr, 2 },
        { "localeCompare", Sp_localeCompare2, 1 },
        { "normalize", Sp_normalize, 0 },
        { "@@iterator", Sp_iterator, 0 },
        { NULL }
    };
    static const js_Method statics[] = {
        { "fromCodePoint", S_fromCodePoint, 1 }, { "raw", S_raw, 1 }, { NULL }
    };

    js_pushobject(J, J->String_prototype);
    lib_methods(J, methods);
    js_pop(J, 1);
    js_getglobal(J, "String");
    lib_says(J, NULL, 1);
    lib_says(J, "fromCharCode", 1);
    lib_methods(J, statics);
    js_pop(J, 1);
    js_newcfunction(J, B_escape, "escape", 1);
    js_defglobal(J, "escape", JS_DONTENUM);
    js_newcfunction(J, B_unescape, "unescape", 1);
    js_defglobal(J, "unescape", JS_DONTENUM);
    js_newcfunction(J, B_btoa, "btoa", 1);
    js_defglobal(J, "btoa", JS_DONTENUM);
    js_newcfunction(J, B_atob, "atob", 1);
    js_defglobal(J, "atob", JS_DONTENUM);
}
