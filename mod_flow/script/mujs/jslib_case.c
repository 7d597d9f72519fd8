/* SPDX-License-Identifier: Apache-2.0 */

/* Upper and lower case; part of jslib.c's room. */

/* The length of the function on top, or of its member, when that is more than
 * the arguments that it must have. */
static void lib_says(js_State *J, const char *member, int length)
{
    js_getproperty(J, -1, member ? member : "constructor");
    js_toobject(J, member ? -1 : -2)->u.c.length = length;
    js_pop(J, 1);
}

/* clang-format off */
/* The letters that become two or three, by code (Unicode's SpecialCasing). */
static const struct {
    int c;
    int upper;
    const char *text;
} cases[] = {
    { 0xDF, 1, "SS" },
    { 0x130, 0, "i\314\207" },
    { 0x149, 1, "\312\274N" },
    { 0x1F0, 1, "J\314\214" },
    { 0x390, 1, "\316\231\314\210\314\201" },
    { 0x3B0, 1, "\316\245\314\210\314\201" },
    { 0x587, 1, "\324\265\325\222" },
    { 0x1E96, 1, "H\314\261" },
    { 0x1E97, 1, "T\314\210" },
    { 0x1E98, 1, "W\314\212" },
    { 0x1E99, 1, "Y\314\212" },
    { 0x1E9A, 1, "A\312\276" },
    { 0x1F50, 1, "\316\245\314\223" },
    { 0x1F52, 1, "\316\245\314\223\314\200" },
    { 0x1F54, 1, "\316\245\314\223\314\201" },
    { 0x1F56, 1, "\316\245\314\223\315\202" },
    { 0x1F80, 1, "\341\274\210\316\231" },
    { 0x1F81, 1, "\341\274\211\316\231" },
    { 0x1F82, 1, "\341\274\212\316\231" },
    { 0x1F83, 1, "\341\274\213\316\231" },
    { 0x1F84, 1, "\341\274\214\316\231" },
    { 0x1F85, 1, "\341\274\215\316\231" },
    { 0x1F86, 1, "\341\274\216\316\231" },
    { 0x1F87, 1, "\341\274\217\316\231" },
    { 0x1F88, 1, "\341\274\210\316\231" },
    { 0x1F89, 1, "\341\274\211\316\231" },
    { 0x1F8A, 1, "\341\274\212\316\231" },
    { 0x1F8B, 1, "\341\274\213\316\231" },
    { 0x1F8C, 1, "\341\274\214\316\231" },
    { 0x1F8D, 1, "\341\274\215\316\231" },
    { 0x1F8E, 1, "\341\274\216\316\231" },
    { 0x1F8F, 1, "\341\274\217\316\231" },
    { 0x1F90, 1, "\341\274\250\316\231" },
    { 0x1F91, 1, "\341\274\251\316\231" },
    { 0x1F92, 1, "\341\274\252\316\231" },
    { 0x1F93, 1, "\341\274\253\316\231" },
    { 0x1F94, 1, "\341\274\254\316\231" },
    { 0x1F95, 1, "\341\274\255\316\231" },
    { 0x1F96, 1, "\341\274\256\316\231" },
    { 0x1F97, 1, "\341\274\257\316\231" },
    { 0x1F98, 1, "\341\274\250\316\231" },
    { 0x1F99, 1, "\341\274\251\316\231" },
    { 0x1F9A, 1, "\341\274\252\316\231" },
    { 0x1F9B, 1, "\341\274\253\316\231" },
    { 0x1F9C, 1, "\341\274\254\316\231" },
    { 0x1F9D, 1, "\341\274\255\316\231" },
    { 0x1F9E, 1, "\341\274\256\316\231" },
    { 0x1F9F, 1, "\341\274\257\316\231" },
    { 0x1FA0, 1, "\341\275\250\316\231" },
    { 0x1FA1, 1, "\341\275\251\316\231" },
    { 0x1FA2, 1, "\341\275\252\316\231" },
    { 0x1FA3, 1, "\341\275\253\316\231" },
    { 0x1FA4, 1, "\341\275\254\316\231" },
    { 0x1FA5, 1, "\341\275\255\316\231" },
    { 0x1FA6, 1, "\341\275\256\316\231" },
    { 0x1FA7, 1, "\341\275\257\316\231" },
    { 0x1FA8, 1, "\341\275\250\316\231" },
    { 0x1FA9, 1, "\341\275\251\316\231" },
    { 0x1FAA, 1, "\341\275\252\316\231" },
    { 0x1FAB, 1, "\341\275\253\316\231" },
    { 0x1FAC, 1, "\341\275\254\316\231" },
    { 0x1FAD, 1, "\341\275\255\316\231" },
    { 0x1FAE, 1, "\341\275\256\316\231" },
    { 0x1FAF, 1, "\341\275\257\316\231" },
    { 0x1FB2, 1, "\341\276\272\316\231" },
    { 0x1FB3, 1, "\316\221\316\231" },
    { 0x1FB4, 1, "\316\206\316\231" },
    { 0x1FB6, 1, "\316\221\315\202" },
    { 0x1FB7, 1, "\316\221\315\202\316\231" },
    { 0x1FBC, 1, "\316\221\316\231" },
    { 0x1FC2, 1, "\341\277\212\316\231" },
    { 0x1FC3, 1, "\316\227\316\231" },
    { 0x1FC4, 1, "\316\211\316\231" },
    { 0x1FC6, 1, "\316\227\315\202" },
    { 0x1FC7, 1, "\316\227\315\202\316\231" },
    { 0x1FCC, 1, "\316\227\316\231" },
    { 0x1FD2, 1, "\316\231\314\210\314\200" },
    { 0x1FD3, 1, "\316\231\314\210\314\201" },
    { 0x1FD6, 1, "\316\231\315\202" },
    { 0x1FD7, 1, "\316\231\314\210\315\202" },
    { 0x1FE2, 1, "\316\245\314\210\314\200" },
    { 0x1FE3, 1, "\316\245\314\210\314\201" },
    { 0x1FE4, 1, "\316\241\314\223" },
    { 0x1FE6, 1, "\316\245\315\202" },
    { 0x1FE7, 1, "\316\245\314\210\315\202" },
    { 0x1FF2, 1, "\341\277\272\316\231" },
    { 0x1FF3, 1, "\316\251\316\231" },
    { 0x1FF4, 1, "\316\217\316\231" },
    { 0x1FF6, 1, "\316\251\315\202" },
    { 0x1FF7, 1, "\316\251\315\202\316\231" },
    { 0x1FFC, 1, "\316\251\316\231" },
    { 0xFB00, 1, "FF" },
    { 0xFB01, 1, "FI" },
    { 0xFB02, 1, "FL" },
    { 0xFB03, 1, "FFI" },
    { 0xFB04, 1, "FFL" },
    { 0xFB05, 1, "ST" },
    { 0xFB06, 1, "ST" },
    { 0xFB13, 1, "\325\204\325\206" },
    { 0xFB14, 1, "\325\204\324\265" },
    { 0xFB15, 1, "\325\204\324\273" },
    { 0xFB16, 1, "\325\216\325\206" },
    { 0xFB17, 1, "\325\204\324\275" },
};
/* clang-format on */

static const char *long_case(int c, int upper)
{
    int low = 0, high = COUNT_OF(cases) - 1, middle;

    while (low <= high) {
        middle = (low + high) / 2;
        if (cases[middle].c == c) {
            return cases[middle].upper == upper ? cases[middle].text : NULL;
        }
        if (cases[middle].c < c) {
            low = middle + 1;
        }
        else {
            high = middle - 1;
        }
    }
    return NULL;
}

/* ---- the sigma at the end of a word ---- */

/* What stands within words without having a case. */
static int is_passed_over(int c)
{
    return c == '.' || c == ':' || c == '\'' || c == '^' || c == '`' ||
           c == 0xA8 || c == 0xAD || c == 0xAF || c == 0xB4 || c == 0xB7 ||
           c == 0xB8 || (c >= 0x2B0 && c <= 0x36F) || c == 0x387 ||
           (c >= 0x483 && c <= 0x489) || (c >= 0x200B && c <= 0x200F) ||
           c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027 ||
           (c >= 0x20D0 && c <= 0x20F0) || (c >= 0xFE00 && c <= 0xFE0F) ||
           (c >= 0xFE20 && c <= 0xFE2F) || c == 0xFEFF ||
           (c >= 0x1D165 && c <= 0x1D169) || (c >= 0x1D242 && c <= 0x1D244) ||
           (c >= 0xE0001 && c <= 0xE01EF);
}

static int has_case(int c)
{
    return tolowerrune(c) != c || toupperrune(c) != c || long_case(c, 1) ||
           (c >= 0x1D400 && c <= 0x1D7CB);
}

/* Is the sigma at @a at, with @a next behind it, the last letter of a word? */
static int is_final(const char *begin, const char *at, const char *next)
{
    const char *p = at;
    Rune c = 0;

    do {
        if (p == begin) {
            return 0;
        }
        for (--p; p > begin && (*p & 0xC0) == 0x80; --p) {
        }
        chartorune(&c, p);
    } while (is_passed_over(c));
    if (!has_case(c)) {
        return 0;
    }
    do {
        if (!*next) {
            return 1;
        }
        next += chartorune(&c, next);
    } while (is_passed_over(c));
    return !has_case(c);
}

static void change_case(js_State *J, int upper)
{
    const char *s = regex_this(J), *begin = s, *at, *longer;
    int n;
    char buf[UTFmax];
    js_Text out;
    Rune rune;

    n = (int)strlen(s);
    text_begin(J, &out, n + 8);
    while (*s) {
        if ((unsigned char)*s < 0x80) {
            char c = *s++;
            if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z') {
                c ^= 32;
            }
            if (out.n < out.size) {
                out.s[out.n++] = c;
            }
            else {
                text_add(J, &out, &c, 1);
            }
            continue;
        }
        at = s;
        s += chartorune(&rune, s);
        longer = long_case(rune, upper);
        if (longer) {
            text_add(J, &out, longer, (int)strlen(longer));
        }
        else if (rune == 0x3A3 && !upper && is_final(begin, at, s)) {
            text_add(J, &out, "\317\202", 2);
        }
        else {
            rune = upper ? toupperrune(rune) : tolowerrune(rune);
            text_add(J, &out, buf, runetochar(buf, &rune));
        }
    }
    text_end(J, &out);
}

static void Sp_toUpperCase2(js_State *J)
{
    change_case(J, 1);
}
static void Sp_toLowerCase2(js_State *J)
{
    change_case(J, 0);
}
