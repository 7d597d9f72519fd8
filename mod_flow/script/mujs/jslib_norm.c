/* SPDX-License-Identifier: Apache-2.0 */

/* Unicode's canonical forms; part of jslib.c's room. */

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* The place of a character in norm_parts, or -1. */
static int norm_find(Rune c)
{
    int a = 0, b = COUNT_OF(norm_parts);

    while (a < b) {
        int mid = (a + b) / 2;
        if (norm_parts[mid].c < c) {
            a = mid + 1;
        }
        else {
            b = mid;
        }
    }
    return a < COUNT_OF(norm_parts) && norm_parts[a].c == c ? a : -1;
}

static int norm_kind(Rune c)
{
    int a = 0, b = COUNT_OF(norm_kinds);

    while (a < b) {
        int mid = (a + b) / 2;
        if (norm_kinds[mid].last < c) {
            a = mid + 1;
        }
        else {
            b = mid;
        }
    }
    return a < COUNT_OF(norm_kinds) && norm_kinds[a].first <= c
               ? norm_kinds[a].kind
               : 0;
}

/* What is left of a letter without its marks. */
static Rune js_normbase(Rune c)
{
    int i;

    while ((i = norm_find(c)) >= 0) {
        c = norm_parts[i].a;
    }
    return c;
}

/* Korean syllables follow a rule. */
#define HANGUL_S 0xAC00
#define HANGUL_L 0x1100
#define HANGUL_V 0x1161
#define HANGUL_T 0x11A7
#define HANGUL_N 11172

/* At most four characters. */
static int norm_split(Rune c, Rune *out)
{
    int i, n = 0;

    if (c >= HANGUL_S && c < HANGUL_S + HANGUL_N) {
        int s = c - HANGUL_S;
        out[n++] = HANGUL_L + s / 588;
        out[n++] = HANGUL_V + s % 588 / 28;
        if (s % 28) {
            out[n++] = HANGUL_T + s % 28;
        }
        return n;
    }
    i = norm_find(c);
    if (i < 0) {
        out[0] = c;
        return 1;
    }
    n = norm_split(norm_parts[i].a, out);
    if (norm_parts[i].b) {
        out[n++] = norm_parts[i].b;
    }
    return n;
}

/* 0: they do not compose. */
static Rune norm_join(Rune x, Rune y)
{
    int a = 0, b = COUNT_OF(norm_wholes), i;

    if (x >= HANGUL_L && x < HANGUL_L + 19 && y >= HANGUL_V &&
        y < HANGUL_V + 21) {
        return HANGUL_S + ((x - HANGUL_L) * 21 + (y - HANGUL_V)) * 28;
    }
    if (x >= HANGUL_S && x < HANGUL_S + HANGUL_N && (x - HANGUL_S) % 28 == 0 &&
        y > HANGUL_T && y < HANGUL_T + 28) {
        return x + (y - HANGUL_T);
    }
    while (a < b) {
        int mid = (a + b) / 2;
        i = norm_wholes[mid];
        if (norm_parts[i].a < x ||
            (norm_parts[i].a == x && norm_parts[i].b < y)) {
            a = mid + 1;
        }
        else {
            b = mid;
        }
    }
    if (a == COUNT_OF(norm_wholes)) {
        return 0;
    }
    i = norm_wholes[a];
    return norm_parts[i].a == x && norm_parts[i].b == y ? norm_parts[i].c : 0;
}

/* Marks on one letter stand in the order of their kinds, those of one kind as
 * they were. Runs of marks are short. */
static void norm_order(Rune *c, int n)
{
    int i, k, kind;

    for (i = 1; i < n; ++i) {
        kind = norm_kind(c[i]);
        for (k = i; kind && k > 0 && norm_kind(c[k - 1]) > kind; --k) {
            Rune tmp = c[k];
            c[k] = c[k - 1];
            c[k - 1] = tmp;
        }
    }
}

static int norm_compose(Rune *c, int n)
{
    int i, out = 0, starter = -1, before = 0;

    for (i = 0; i < n; ++i) {
        int kind = norm_kind(c[i]);
        Rune whole = 0;
        if (starter >= 0 && (before < kind || out == starter + 1)) {
            whole = norm_join(c[starter], c[i]);
        }
        if (whole) {
            c[starter] = whole;
            continue;
        }
        if (kind == 0) {
            starter = out;
        }
        before = kind;
        c[out++] = c[i];
    }
    return out;
}

/* Push the canonical form of a text. */
static void js_normalize(js_State *J, const char *s, int compose)
{
    int len = (int)strlen(s), n = 0, i;
    js_Value v;
    Rune *all, rune;
    js_Text out;

    if (len > JS_STRLIMIT / 16) {
        js_rangeerror(J, "string too long to normalize");
    }
    v.t.type = JS_TMEMSTR;
    v.u.memstr = jsV_newmemspace(J, (4 * len + 4) * (int)sizeof(Rune) + 8);
    v.u.memstr->p[0] = 0;
    js_pushvalue(J, v);
    all = (Rune *)(((size_t)v.u.memstr->p + 7) & ~(size_t)7);
    while (*s) {
        s += chartorune(&rune, s);
        n += norm_split(rune, all + n);
    }
    norm_order(all, n);
    if (compose) {
        n = norm_compose(all, n);
    }
    text_begin(J, &out, len + 16);
    for (i = 0; i < n; ++i) {
        char buf[UTFmax];
        text_add(J, &out, buf, runetochar(buf, &all[i]));
    }
    text_end(J, &out);
}
