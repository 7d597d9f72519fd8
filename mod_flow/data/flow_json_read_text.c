/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings of the JSON reader.
 */
#include "data/flow_json.h"

#include <stdlib.h>
#include <string.h>
#include "data/flow_json_private.h"

void *flow_json_fail(flow_json_reader_t *r, const char *why)
{
    if (!r->why) {
        r->why = why;
        r->status = APR_EINVAL;
    }
    return NULL;
}

json_t *flow_json_fail_memory(flow_json_reader_t *r)
{
    flow_json_fail(r, "out of memory");
    r->status = APR_ENOMEM;
    return NULL;
}

/* Over what stands for itself; stops at a quote, a backslash, the end, or
 * something that is not allowed. */
static const char *skip_plain(const char *s, const char *end)
{
    for (;;) {
        apr_size_t n = 8;

#ifdef __SSE2__
        while (end - s >= 16) {
            unsigned hit = flow_json_special16(s);

            if (hit) {
                s += __builtin_ctz(hit);
                n = 0;
                break;
            }
            s += 16;
        }
#endif
        while (n == 8 && end - s >= 8) {
            n = flow_json_plain8(s);
            s += n;
        }
        if (s == end) {
            return s;
        }
        if ((unsigned char)*s < 0x80) {
            if (*s == '"' || *s == '\\' || (unsigned char)*s < 0x20) {
                return s;
            }
            ++s;
            continue;
        }
        n = flow_utf8_sequence(s, (apr_size_t)(end - s));
        if (n == 0) {
            return s;
        }
        s += n;
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u, or -1. */
static int read_hex4(flow_json_reader_t *r)
{
    int c = 0;
    int i;

    for (i = 0; i < 4; ++i) {
        int h = r->s < r->end ? hex_value(*r->s) : -1;

        if (h < 0) {
            flow_json_fail(r, "'\\u' needs four hexadecimal digits");
            return -1;
        }
        c = c * 16 + h;
        ++r->s;
    }
    return c;
}

static char *put_utf8(char *o, int c)
{
    if (c < 0x80) {
        *o++ = (char)c;
    }
    else if (c < 0x800) {
        *o++ = (char)(0xc0 | (c >> 6));
        *o++ = (char)(0x80 | (c & 0x3f));
    }
    else if (c < 0x10000) {
        *o++ = (char)(0xe0 | (c >> 12));
        *o++ = (char)(0x80 | ((c >> 6) & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    }
    else {
        *o++ = (char)(0xf0 | (c >> 18));
        *o++ = (char)(0x80 | ((c >> 12) & 0x3f));
        *o++ = (char)(0x80 | ((c >> 6) & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    }
    return o;
}

/* r->s is behind "\u". Six source bytes never give more than four. */
static char *read_unicode_escape(flow_json_reader_t *r, char *o)
{
    const char *start = r->s - 2;
    int c = read_hex4(r);
    int low;

    if (c < 0xd800 || c > 0xdfff) {
        return c < 0 ? NULL : put_utf8(o, c);
    }
    if (c < 0xdc00 && r->end - r->s >= 2 && r->s[0] == '\\' && r->s[1] == 'u') {
        r->s += 2;
        low = read_hex4(r);
        if (low < 0) {
            return NULL;
        }
        if (low >= 0xdc00 && low <= 0xdfff) {
            return put_utf8(o, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    r->s = start;
    return flow_json_fail(r,
                          "a surrogate escape stands alone; a character beyond "
                          "U+FFFF needs two");
}

/* r->s is at a backslash. */
static char *read_escape(flow_json_reader_t *r, char *o)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (++r->s == r->end) {
        return flow_json_fail(r, "the text ends inside a string");
    }
    c = *r->s;
    if (c == 'u') {
        ++r->s;
        return read_unicode_escape(r, o);
    }
    found = c ? strchr(from, c) : NULL;
    if (!found) {
        return flow_json_fail(
            r, "unknown escape in a string; known are \\\" \\\\ \\/ "
               "\\b \\f \\n \\r \\t \\uXXXX");
    }
    ++r->s;
    *o = to[found - from];
    return o + 1;
}

/* Why skip_plain() stopped at something that is neither quote nor escape. */
static void *fail_in_string(flow_json_reader_t *r)
{
    if (r->s == r->end) {
        return flow_json_fail(r, "the text ends inside a string");
    }
    if ((unsigned char)*r->s < 0x20) {
        return flow_json_fail(
            r, "control character in a string; write it as an escape");
    }
    return flow_json_fail(r, "bytes that are not valid UTF-8");
}

/* Room for @a more bytes behind the first @a used ones of the scratch buffer,
 * and for one escape. */
static int need_scratch(flow_json_reader_t *r, apr_size_t used, apr_size_t more)
{
    apr_size_t need = used + more + 4, cap = r->scratch_cap;
    char *scratch;

    if (need <= cap) {
        return 1;
    }
    while (cap < need) {
        cap *= 2;
    }
    scratch = malloc(cap);
    if (!scratch) {
        flow_json_fail_memory(r);
        return 0;
    }
    memcpy(scratch, r->scratch, used);
    if (r->scratch != r->small) {
        free(r->scratch);
    }
    r->scratch = scratch;
    r->scratch_cap = cap;
    return 1;
}

/* A string with escapes, whose first one is at r->s. */
static const char *read_escaped(flow_json_reader_t *r, const char *start,
                                apr_size_t *plen)
{
    apr_size_t n = (apr_size_t)(r->s - start), len = 0;
    char *o;

    for (;;) {
        if (!need_scratch(r, len, n)) {
            return NULL;
        }
        memcpy(r->scratch + len, start, n);
        len += n;
        if (r->s == r->end || *r->s != '\\') {
            break;
        }
        o = read_escape(r, r->scratch + len);
        if (!o) {
            return NULL;
        }
        len = (apr_size_t)(o - r->scratch);
        start = r->s;
        r->s = skip_plain(start, r->end);
        n = (apr_size_t)(r->s - start);
    }
    if (r->s == r->end || *r->s != '"') {
        return fail_in_string(r);
    }
    ++r->s;
    *plen = len;
    return r->scratch;
}

/* r->s is behind the opening quote. The text is good until the next call. */
const char *flow_json_read_text(flow_json_reader_t *r, apr_size_t *plen)
{
    const char *start = r->s;

    r->s = skip_plain(start, r->end);
    if (r->s < r->end && *r->s == '"') {
        *plen = (apr_size_t)(r->s++ - start);
        return start;
    }
    if (r->s < r->end && *r->s == '\\') {
        return read_escaped(r, start, plen);
    }
    return fail_in_string(r);
}
