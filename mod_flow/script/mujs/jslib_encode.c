/* SPDX-License-Identifier: Apache-2.0 */

/* escape, btoa and their opposites; part of jslib.c's room. */

/* ---- escape and unescape: old, but btoa(unescape(encodeURIComponent(s))) is
 * in many scripts ---- */

static void B_escape(js_State *J)
{
    const char *s = js_tostring(J, 1);
    char buf[16];
    js_Text out;
    Rune rune;

    text_begin(J, &out, (int)strlen(s) + 16);
    while (*s) {
        s += chartorune(&rune, s);
        if (rune >= 0x10000) {
            snprintf(buf, sizeof(buf), "%%u%04X%%u%04X",
                     0xD800 + ((rune - 0x10000) >> 10),
                     0xDC00 + ((rune - 0x10000) & 0x3FF));
        }
        else if (rune > 255) {
            snprintf(buf, sizeof(buf), "%%u%04X", rune);
        }
        else if (rune && rune < 128 &&
                 (strchr("@*_+-./", rune) || (rune >= '0' && rune <= '9') ||
                  (rune | 32) >= 'a' && (rune | 32) <= 'z')) {
            snprintf(buf, sizeof(buf), "%c", rune);
        }
        else {
            snprintf(buf, sizeof(buf), "%%%02X", rune);
        }
        text_add(J, &out, buf, (int)strlen(buf));
    }
    text_end(J, &out);
}

/* @a n hexadecimal digits, or -1. */
static int hex_digits(const char *s, int n)
{
    int value = 0;

    for (; n > 0; --n, ++s) {
        if (!jsY_ishex(*s)) {
            return -1;
        }
        value = value << 4 | jsY_tohex(*s);
    }
    return value;
}

static void B_unescape(js_State *J)
{
    const char *s = js_tostring(J, 1);
    char buf[UTFmax];
    js_Text out;
    Rune rune;

    text_begin(J, &out, (int)strlen(s) + 16);
    while (*s) {
        if (*s == '%' && s[1] == 'u' && (rune = hex_digits(s + 2, 4)) >= 0) {
            s += 6;
        }
        else if (*s == '%' && (rune = hex_digits(s + 1, 2)) >= 0) {
            s += 3;
        }
        else {
            s += chartorune(&rune, s);
        }
        text_add(J, &out, buf, runetochar(buf, &rune));
    }
    text_end(J, &out);
}

/* ---- base64 ---- */

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void B_btoa(js_State *J)
{
    const char *s = js_tostring(J, 1);
    unsigned bits = 0;
    int n = 0;
    js_Text out;
    Rune rune;

    text_begin(J, &out, (int)strlen(s) / 2 * 3 + 8);
    while (*s) {
        s += chartorune(&rune, s);
        if (rune > 255) {
            js_rangeerror(J, "btoa takes characters up to U+00FF; encode the "
                             "text first");
        }
        bits = bits << 8 | (unsigned)rune;
        n += 8;
        while (n >= 6) {
            n -= 6;
            text_add(J, &out, &base64[bits >> n & 63], 1);
        }
    }
    if (n) {
        text_add(J, &out, &base64[bits << (6 - n) & 63], 1);
    }
    while (out.n % 4) {
        text_add(J, &out, "=", 1);
    }
    text_end(J, &out);
}

static void B_atob(js_State *J)
{
    const char *s = js_tostring(J, 1), *at;
    unsigned bits = 0;
    int n = 0, count = 0, padding = 0, size = (int)strlen(s) * 2 + 8;
    char buf[UTFmax];
    js_Text out;
    Rune rune;

    text_begin(J, &out, size);
    for (; *s; ++s) {
        if (strchr(" \t\n\f\r", *s)) {
            continue;
        }
        if (*s == '=') {
            ++padding;
            continue;
        }
        at = strchr(base64, *s);
        if (!at || padding) {
            js_rangeerror(J, "atob: not a base64 text");
        }
        ++count;
        bits = bits << 6 | (unsigned)(at - base64);
        n += 6;
        if (n >= 8) {
            n -= 8;
            rune = (Rune)(bits >> n & 255);
            text_add(J, &out, buf, runetochar(buf, &rune));
        }
    }
    if (count % 4 == 1 || padding > 2 || (padding && (count + padding) % 4)) {
        js_rangeerror(J, "atob: not a base64 text");
    }
    text_end(J, &out);
}
