/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "script/flow_regexp_private.h"

static int hex_value(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* @a n hexadecimal digits, taken when they are there. */
static int read_hex(flow_regexp_reader_t *r, size_t n, unsigned *value)
{
    size_t i;
    int digit;

    *value = 0;
    for (i = 0; i < n; ++i) {
        digit = hex_value(flow_regexp_peek(r, i));
        if (digit < 0) {
            return 0;
        }
        *value = *value << 4 | (unsigned)digit;
    }
    r->at += n;
    return 1;
}

static int read_braced_hex(flow_regexp_reader_t *r, unsigned *value)
{
    int digit;

    *value = 0;
    ++r->at;
    if (flow_regexp_peek(r, 0) == '}') {
        return 0;
    }
    while ((digit = hex_value(flow_regexp_peek(r, 0))) >= 0) {
        *value = *value << 4 | (unsigned)digit;
        if (*value > 0x10FFFF) {
            return 0;
        }
        ++r->at;
    }
    return flow_regexp_accept(r, "}");
}

/* Behind \u. */
static unsigned unicode_escape(flow_regexp_reader_t *r)
{
    int is_u = (r->flags & FLOW_REGEXP_U) != 0;
    unsigned c, low;
    const char *mark;

    if (is_u && flow_regexp_peek(r, 0) == '{') {
        if (!read_braced_hex(r, &c)) {
            flow_regexp_fail(r, "invalid Unicode escape");
            return 0;
        }
        return c;
    }
    if (!read_hex(r, 4, &c)) {
        if (is_u) {
            flow_regexp_fail(r, "invalid Unicode escape");
        }
        return 'u';
    }
    mark = r->at;
    if (is_u && c >= 0xD800 && c < 0xDC00 && flow_regexp_accept(r, "\\u")) {
        if (read_hex(r, 4, &low) && low >= 0xDC00 && low < 0xE000) {
            return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        }
        r->at = mark;
    }
    return c;
}

/* Up to three octal digits, at most 0377. */
static unsigned legacy_octal(flow_regexp_reader_t *r)
{
    unsigned value = 0;
    int i, c;

    for (i = 0; i < 3; ++i) {
        c = flow_regexp_peek(r, 0);
        if (c < '0' || c > '7' || value * 8 + (unsigned)(c - '0') > 255) {
            break;
        }
        value = value * 8 + (unsigned)(c - '0');
        ++r->at;
    }
    return value;
}

/* At a digit. */
static void decimal_escape(flow_regexp_reader_t *r, int in_class,
                           flow_regexp_escape_t *e)
{
    const char *start = r->at;
    int c = flow_regexp_peek(r, 0), next = flow_regexp_peek(r, 1);
    unsigned n = 0;

    e->kind = FLOW_REGEXP_CHAR;
    if (c == '0' && (next < '0' || next > '9')) {
        ++r->at;
        e->value = 0;
        return;
    }
    if (c != '0' && !in_class) {
        while (flow_regexp_peek(r, 0) >= '0' && flow_regexp_peek(r, 0) <= '9') {
            n = n > 100000 ? n : n * 10 + (unsigned)(*r->at - '0');
            ++r->at;
        }
        if (n <= (unsigned)r->re->groups) {
            e->kind = FLOW_REGEXP_REFERENCE;
            e->value = n;
            return;
        }
        r->at = start;
    }
    if (r->flags & FLOW_REGEXP_U) {
        flow_regexp_fail(r, "reference to a group that does not exist");
        return;
    }
    e->value = c < '8' ? legacy_octal(r) : flow_regexp_next(r);
}

/* Behind \c. */
static unsigned control_escape(flow_regexp_reader_t *r, int in_class)
{
    int c = flow_regexp_peek(r, 0);
    int letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

    if (c >= 0 && (letter || (in_class && !(r->flags & FLOW_REGEXP_U) &&
                              ((c >= '0' && c <= '9') || c == '_')))) {
        ++r->at;
        return (unsigned)c & 31;
    }
    if (r->flags & FLOW_REGEXP_U) {
        flow_regexp_fail(r, "invalid control escape");
    }
    --r->at; /* the backslash stands for itself */
    return '\\';
}

/* A letter, or something else that means itself. */
static void identity_escape(flow_regexp_reader_t *r, int in_class,
                            flow_regexp_escape_t *e)
{
    unsigned c = flow_regexp_next(r);

    e->value = c;
    if ((r->flags & FLOW_REGEXP_U) &&
        (c == 0 || c > 0x7F || !strchr("^$\\.*+?()[]{}|/", (int)c)) &&
        !(in_class && c == '-')) {
        flow_regexp_fail(r, "invalid escape");
    }
}

void flow_regexp_escape(flow_regexp_reader_t *r, int in_class,
                        flow_regexp_escape_t *e)
{
    int is_u = (r->flags & FLOW_REGEXP_U) != 0;
    int c = flow_regexp_peek(r, 0);
    static const char controls[] = "tnvfr";

    e->kind = FLOW_REGEXP_CHAR;
    e->value = 0;
    if (c < 0) {
        flow_regexp_fail(r, "\\ at end of pattern");
        return;
    }
    if (c >= '0' && c <= '9') {
        decimal_escape(r, in_class, e);
        return;
    }
    if (c && strchr("dDwWsS", c)) {
        e->kind = FLOW_REGEXP_SET;
    }
    else if ((c == 'p' || c == 'P') && is_u) {
        e->kind = FLOW_REGEXP_PROPERTY;
    }
    else if ((c == 'b' || c == 'B') && !in_class) {
        e->kind = FLOW_REGEXP_BOUNDARY;
    }
    else if (c == 'k' && (is_u || r->re->n_names) && !in_class) {
        e->kind = FLOW_REGEXP_NAMED;
    }
    if (e->kind != FLOW_REGEXP_CHAR) {
        ++r->at;
        e->value = (unsigned)c;
        return;
    }
    if (c && strchr(controls, c)) {
        ++r->at;
        e->value = (unsigned char)"\t\n\v\f\r"[strchr(controls, c) - controls];
    }
    else if (c == 'b' && in_class) {
        ++r->at;
        e->value = 8;
    }
    else if (c == 'c') {
        ++r->at;
        e->value = control_escape(r, in_class);
    }
    else if (c == 'u') {
        ++r->at;
        e->value = unicode_escape(r);
    }
    else if (c == 'x' && ((++r->at), read_hex(r, 2, &e->value))) {
        return;
    }
    else if (c == 'x') {
        e->value = 'x';
        if (is_u) {
            flow_regexp_fail(r, "invalid escape");
        }
    }
    else {
        identity_escape(r, in_class, e);
    }
}
