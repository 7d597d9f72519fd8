/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <string.h>

#include "data/flow_json_private.h"

static int is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

apr_size_t flow_utf8_sequence(const char *s, apr_size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned char low = 0x80, high = 0xbf;
    apr_size_t n, i;

    if (len < 2 || u[0] < 0xc2 || u[0] > 0xf4) {
        return 0;
    }
    n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (len < n) {
        return 0;
    }
    /* the second byte alone tells overlong forms, surrogates and what lies
     * beyond U+10FFFF */
    if (u[0] == 0xe0) {
        low = 0xa0;
    }
    else if (u[0] == 0xed) {
        high = 0x9f;
    }
    else if (u[0] == 0xf0) {
        low = 0x90;
    }
    else if (u[0] == 0xf4) {
        high = 0x8f;
    }
    if (u[1] < low || u[1] > high) {
        return 0;
    }
    for (i = 2; i < n; ++i) {
        if (!is_tail(u[i])) {
            return 0;
        }
    }
    return n;
}

apr_size_t flow_utf8_prefix(const char *s, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len) {
        apr_uint64_t w;
        apr_size_t n;

        if (len - i >= 8) {
            memcpy(&w, s + i, 8);
            if ((w & 0x8080808080808080ULL) == 0) {
                i += 8;
                continue;
            }
        }
        if ((unsigned char)s[i] < 0x80) {
            ++i;
            continue;
        }
        n = flow_utf8_sequence(s + i, len - i);
        if (n == 0) {
            break;
        }
        i += n;
    }
    return i;
}

int flow_utf8_is_valid(const char *s, apr_size_t len)
{
    return flow_utf8_prefix(s, len) == len;
}

/* A surrogate as CESU-8 writes it: three bytes, ED A0..BF 80..BF. */
static unsigned surrogate_at(const unsigned char *u, apr_size_t len)
{
    if (len < 3 || u[0] != 0xed || u[1] < 0xa0 || u[1] > 0xbf ||
        !is_tail(u[2])) {
        return 0;
    }
    return 0xd000u | ((u[1] & 0x3fu) << 6) | (u[2] & 0x3fu);
}

/* How much of a sequence that does not continue belongs to one U+FFFD: the
 * longest start of a valid sequence, as browsers do it. */
static apr_size_t broken_length(const unsigned char *u, apr_size_t len)
{
    static const char tail[] = "\x80\x80";
    char probe[4];
    apr_size_t n;

    if (surrogate_at(u, len)) {
        return 3;
    }
    for (n = len < 3 ? len : 3; n > 1; --n) {
        memcpy(probe, u, n);
        memcpy(probe + n, tail, 4 - n);
        if (flow_utf8_sequence(probe, 4) > n) {
            return n;
        }
    }
    return 1;
}

static apr_size_t put_code_point(char out[4], unsigned c)
{
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* What stands for the invalid bytes at u. Returns how many were used up. */
static apr_size_t mend(const unsigned char *u, apr_size_t len, char out[4],
                       apr_size_t *pn)
{
    unsigned high = surrogate_at(u, len);
    unsigned low = 0;

    if (high && high < 0xdc00 && len >= 6) {
        low = surrogate_at(u + 3, len - 3);
    }
    if (low >= 0xdc00) {
        *pn = put_code_point(out, 0x10000 + ((high - 0xd800) << 10) +
                                      (low - 0xdc00));
        return 6;
    }
    if (len >= 2 && u[0] == 0xc0 && u[1] == 0x80) {
        out[0] = '\0';
        *pn = 1;
        return 2;
    }
    memcpy(out, "\xef\xbf\xbd", 3);
    *pn = 3;
    return broken_length(u, len);
}

/* Write the mended text to out, or only measure it when out is NULL. */
static apr_size_t repair_to(char *out, const char *s, apr_size_t len)
{
    apr_size_t i = 0, o = 0;

    while (i < len) {
        apr_size_t n = flow_utf8_prefix(s + i, len - i);
        char mended[4];

        if (out) {
            memcpy(out + o, s + i, n);
        }
        i += n;
        o += n;
        if (i < len) {
            i += mend((const unsigned char *)s + i, len - i, mended, &n);
            if (out) {
                memcpy(out + o, mended, n);
            }
            o += n;
        }
    }
    return o;
}

const char *flow_utf8_repair(const char *s, apr_size_t len, apr_size_t *plen,
                             apr_pool_t *p)
{
    apr_size_t need;
    char *out;

    if (flow_utf8_is_valid(s, len)) {
        if (plen) {
            *plen = len;
        }
        return s;
    }
    need = repair_to(NULL, s, len);
    out = apr_palloc(p, need + 1);
    repair_to(out, s, len);
    out[need] = '\0';
    if (plen) {
        *plen = need;
    }
    return out;
}
