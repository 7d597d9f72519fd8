/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens with contents: strings, template chunks, numbers, regular
 * expressions. Text is kept as UTF-8; half a surrogate pair is kept as the
 * three bytes that UTF-8 would have for it, and halves that meet are joined.
 */
#include <stdlib.h>
#include <string.h>

#include "script/flow_es_private.h"

static int at(const es_t *es, unsigned int pos)
{
    return pos < es->len ? (unsigned char)es->src[pos] : -1;
}

static int hex_value(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* So many hex digits at es->pos. */
static int hex(es_t *es, int digits)
{
    int value = 0, d;

    while (digits-- > 0) {
        d = hex_value(at(es, es->pos));
        if (d < 0) {
            return -1;
        }
        value = value * 16 + d;
        ++es->pos;
    }
    return value;
}

int flow_es_lex_unicode(es_t *es)
{
    int value = 0, d, digits = 0;

    if (at(es, es->pos) != '{') {
        return hex(es, 4);
    }
    ++es->pos;
    while ((d = hex_value(at(es, es->pos))) >= 0) {
        value = value * 16 + d;
        if (value > 0x10FFFF) {
            return -1;
        }
        ++es->pos;
        ++digits;
    }
    if (digits == 0 || at(es, es->pos) != '}') {
        return -1;
    }
    ++es->pos;
    return value;
}

/* Append a code point; a low half after a high one makes one character. */
static void put_char(es_t *es, unsigned int c)
{
    const unsigned char *s;
    unsigned int high;

    if (c >= 0xDC00 && c <= 0xDFFF && es->buf.len >= 3) {
        s = (const unsigned char *)es->buf.s + es->buf.len - 3;
        if (s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xAF) {
            high = 0xD000 | ((s[1] & 0x3Fu) << 6) | (s[2] & 0x3Fu);
            es->buf.len -= 3;
            c = 0x10000 + ((high - 0xD800) << 10) + (c - 0xDC00);
        }
    }
    flow_es_put_utf8(es, &es->buf, c);
}

static int octal_escape(es_t *es)
{
    int value = 0, digits = 0, limit = at(es, es->pos) <= '3' ? 3 : 2, c;

    while (digits < limit && (c = at(es, es->pos)) >= '0' && c <= '7') {
        value = value * 8 + (c - '0');
        ++es->pos;
        ++digits;
    }
    return value;
}

static int simple_escape(int c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'v':
        return '\v';
    default:
        return c;
    }
}

/* Behind the backslash. Returns 0 when the escape is wrong. */
static int escape(es_t *es, int template)
{
    unsigned int next, c = flow_es_char(es, es->pos, &next);
    int value;

    if (c == 'x' || c == 'u') {
        ++es->pos;
        value = c == 'x' ? hex(es, 2) : flow_es_lex_unicode(es);
        if (value < 0) {
            return 0;
        }
        put_char(es, (unsigned)value);
        return 1;
    }
    if (c >= '0' && c <= '9') {
        if (c == '0' && !(at(es, next) >= '0' && at(es, next) <= '9')) {
            es->pos = next;
            put_char(es, 0);
            return 1;
        }
        if (template) {
            es->pos = next;
            return 0;
        }
        es->tok.flags |= TF_OCTAL;
        if (c < '8') {
            put_char(es, (unsigned)octal_escape(es));
            return 1;
        }
    }
    es->pos = next;
    if (c == '\r' && at(es, es->pos) == '\n') {
        ++es->pos;
    }
    if (c == '\r' || c == '\n' || c == 0x2028 || c == 0x2029) {
        ++es->line;
        return 1;
    }
    put_char(es, c < 0x80 ? (unsigned)simple_escape((int)c) : c);
    return 1;
}

void flow_es_lex_string(es_t *es, char quote)
{
    unsigned int start = es->pos, from;
    int c;

    es->buf.len = 0;
    ++es->pos;
    for (;;) {
        from = es->pos;
        while ((c = at(es, es->pos)) != quote && c != '\\' && c != '\n' &&
               c != '\r' && c >= 0) {
            ++es->pos;
        }
        flow_es_put(es, &es->buf, es->src + from, es->pos - from);
        if (c == quote) {
            break;
        }
        if (c != '\\' || es->pos + 1 >= es->len) {
            flow_es_fail(es, start, "string is not closed");
            return;
        }
        es->tok.flags |= TF_ESCAPED;
        from = es->pos++;
        if (!escape(es, 0)) {
            flow_es_fail(es, from, "wrong escape in a string");
            return;
        }
    }
    ++es->pos;
    es->tok.type = T_STR;
    es->tok.atom = flow_es_atom(es, es->buf.s, es->buf.len);
}

/* The raw text of a chunk: line breaks are \n. */
static es_atom_t *raw_text(es_t *es, unsigned int from, unsigned int to)
{
    es_text_t raw = { NULL, 0, 0 };

    for (; from < to; ++from) {
        if (es->src[from] != '\r') {
            flow_es_putc(es, &raw, es->src[from]);
        }
        else if (from + 1 >= to || es->src[from + 1] != '\n') {
            flow_es_putc(es, &raw, '\n');
        }
    }
    return flow_es_atom(es, raw.s ? raw.s : "", raw.len);
}

void flow_es_lex_template(es_t *es)
{
    unsigned int start, next, c;

    es->pos = es->tok.pos + 1; /* behind ` or } */
    es->line = es->tok.line;
    es->tok.type = T_TEMPLATE;
    es->tok.flags = 0;
    start = es->pos;
    es->buf.len = 0;
    for (;;) {
        c = flow_es_char(es, es->pos, &next);
        if (es->pos >= es->len) {
            flow_es_fail(es, es->tok.pos, "template literal is not closed");
            es->tok.type = T_EOF;
            return;
        }
        if (c == '`' || (c == '$' && at(es, next) == '{')) {
            break;
        }
        es->pos = next;
        if (c == '\\') {
            es->tok.flags |= escape(es, 1) ? 0 : TF_BAD;
            continue;
        }
        if (c == '\r') {
            es->pos += at(es, es->pos) == '\n';
            c = '\n';
        }
        es->line += c == '\n' || c == 0x2028 || c == 0x2029;
        put_char(es, c);
    }
    es->tok.atom = flow_es_atom(es, es->buf.s ? es->buf.s : "", es->buf.len);
    es->tok.raw = raw_text(es, start, es->pos);
    es->tok.flags |= c == '`' ? TF_TAIL : 0;
    es->pos += c == '`' ? 1 : 2;
    es->tok.end = es->pos;
}

/* Digits of a base with separators, into es->buf; returns how many. */
static int digits(es_t *es, int base, int separators)
{
    int n = 0, c, last_separator = 0;

    for (;; ++es->pos) {
        c = at(es, es->pos);
        if (c == '_' && separators && n > 0 && !last_separator) {
            last_separator = 1;
            continue;
        }
        if (c == '_') {
            flow_es_fail(es, es->pos,
                         "a numeric separator must stand between digits");
            return n;
        }
        if (hex_value(c) < 0 || hex_value(c) >= base) {
            break;
        }
        last_separator = 0;
        flow_es_putc(es, &es->buf, (char)c);
        ++n;
    }
    if (last_separator) {
        flow_es_fail(es, es->pos - 1,
                     "a numeric separator must stand between digits");
    }
    return n;
}

/* Exactly rounded, also for numbers of many digits: hexadecimal text is read
 * by the C library whatever the locale, other bases are made hexadecimal. */
static double radix_value(es_t *es, int base)
{
    es_text_t hexa = { NULL, 0, 0 };
    int bits = base == 16 ? 4 : base == 8 ? 3 : 1, have = 0;
    unsigned int value = 0;
    apr_size_t i, pad = (4 - es->buf.len * (unsigned)bits % 4) % 4;

    flow_es_put(es, &hexa, "0x", 2);
    have = (int)pad;
    for (i = 0; i < es->buf.len; ++i) {
        value = (value << bits) | (unsigned)hex_value(es->buf.s[i]);
        have += bits;
        while (have >= 4) {
            have -= 4;
            flow_es_putc(es, &hexa, "0123456789abcdef"[(value >> have) & 15]);
        }
    }
    flow_es_putc(es, &hexa, 0);
    return strtod(hexa.s, NULL);
}

static void radix_number(es_t *es, int base, int prefix)
{
    unsigned int start = es->pos;

    es->pos += (unsigned)prefix;
    if (digits(es, base, prefix == 2) == 0) {
        flow_es_fail(es, start, "digits are missing in this number");
    }
    flow_es_putc(es, &es->buf, 0);
    --es->buf.len;
    if (!es->failed) {
        es->tok.number = radix_value(es, base);
        es->tok.atom = NULL;
    }
}

static void decimal_number(es_t *es)
{
    unsigned int start = es->pos;
    int n, legacy = 0;

    if (at(es, start) == '0' && hex_value(at(es, start + 1)) >= 0 &&
        hex_value(at(es, start + 1)) < 10) {
        legacy = 1; /* 08, 09.5 */
        es->tok.flags |= TF_OCTAL;
    }
    n = digits(es, 10, !legacy);
    if (n > 1 && !legacy && es->src[start] == '0') {
        flow_es_fail(es, start,
                     "a number with a separator may not begin "
                     "with 0");
    }
    if (at(es, es->pos) == '.') {
        ++es->pos;
        flow_es_putc(es, &es->buf, '.');
        n += digits(es, 10, at(es, es->pos) != '_');
    }
    if (n > 0 && (at(es, es->pos) | 0x20) == 'e') {
        ++es->pos;
        flow_es_putc(es, &es->buf, 'e');
        if (at(es, es->pos) == '+' || at(es, es->pos) == '-') {
            flow_es_putc(es, &es->buf, es->src[es->pos++]);
        }
        if (digits(es, 10, 1) == 0) {
            flow_es_fail(es, start, "digits are missing in this number");
        }
    }
    while (legacy && es->buf.len > 1 && es->buf.s[0] == '0' &&
           es->buf.s[1] >= '0' && es->buf.s[1] <= '9') {
        memmove(es->buf.s, es->buf.s + 1, --es->buf.len);
    }
    es->tok.atom = flow_es_atom(es, es->buf.s, es->buf.len);
}

/* 017: digits up to 7 only, else it is decimal */
static int is_legacy_octal(const es_t *es)
{
    unsigned int pos = es->pos + 1;

    if (at(es, es->pos) != '0' || at(es, pos) < '0' || at(es, pos) > '9') {
        return 0;
    }
    while (at(es, pos) >= '0' && at(es, pos) <= '7') {
        ++pos;
    }
    return !(at(es, pos) >= '8' && at(es, pos) <= '9');
}

void flow_es_lex_number(es_t *es)
{
    unsigned int start = es->pos, next;
    int prefix = at(es, start) == '0' ? at(es, start + 1) | 0x20 : 0;

    es->buf.len = 0;
    es->tok.type = T_NUM;
    if (prefix == 'x') {
        radix_number(es, 16, 2);
    }
    else if (prefix == 'o') {
        radix_number(es, 8, 2);
    }
    else if (prefix == 'b') {
        radix_number(es, 2, 2);
    }
    else if (is_legacy_octal(es)) {
        es->tok.flags |= TF_OCTAL;
        radix_number(es, 8, 1);
    }
    else {
        decimal_number(es);
    }
    if (at(es, es->pos) == 'n') {
        flow_es_fail(es, start, "BigInt numbers are not supported");
    }
    if (flow_es_id_part(flow_es_char(es, es->pos, &next)) ||
        at(es, es->pos) == '\\') {
        flow_es_fail(es, es->pos, "a name may not follow a number directly");
    }
}

static void regex_flags(es_t *es, unsigned int start)
{
    unsigned int from = es->pos, i, j, next;
    unsigned int c;

    while (flow_es_id_part(c = flow_es_char(es, es->pos, &next)) ||
           at(es, es->pos) == '\\') {
        if (c == 0 || c >= 0x80 || !strchr("gimsuy", (int)c)) {
            flow_es_fail(es, es->pos, "unknown flag of a regular expression");
            return;
        }
        es->pos = next;
    }
    for (i = from; i < es->pos; ++i) {
        for (j = from; j < i; ++j) {
            if (es->src[i] == es->src[j]) {
                flow_es_fail(es, start, "flag '%c' is given twice", es->src[i]);
            }
        }
    }
    es->tok.raw = flow_es_atom(es, es->src + from, es->pos - from);
}

void flow_es_lex_regex(es_t *es)
{
    unsigned int start = es->tok.pos, next, c;
    int in_class = 0;

    if (es->failed) {
        return;
    }
    es->pos = start + 1;
    es->tok.type = T_REGEX;
    for (;;) {
        c = flow_es_char(es, es->pos, &next);
        if (c == '\\' && es->pos < es->len) {
            es->pos = next;
            c = flow_es_char(es, es->pos, &next);
            c = c == '/' || c == '[' || c == ']' ? 'x' : c;
        }
        if (es->pos >= es->len || c == '\n' || c == '\r' || c == 0x2028 ||
            c == 0x2029) {
            flow_es_fail(es, start, "regular expression is not closed");
            es->tok.type = T_EOF;
            return;
        }
        if (c == '/' && !in_class) {
            break;
        }
        in_class = c == '[' ? 1 : c == ']' ? 0 : in_class;
        es->pos = next;
    }
    es->tok.atom = flow_es_atom(es, es->src + start + 1, es->pos - start - 1);
    ++es->pos;
    regex_flags(es, start);
    es->tok.end = es->pos;
}
