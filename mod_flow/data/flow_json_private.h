/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_JSON_PRIVATE_H
#define FLOW_JSON_PRIVATE_H

#include "data/flow_json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/**
 * What the files of flow_json share.
 */

/* First byte of a jansson string that is a number's own text. */
#define FLOW_JSON_RAW '\xff'

/* No text that we make in a pool grows beyond this: values may be shared
 * inside a tree, so a small tree can have a text of any length. */
#define FLOW_JSON_TEXT_MAX ((apr_size_t)1 << 30)

/* How deep equality and conversion to text look into a tree that no parser
 * has bounded. */
#define FLOW_JSON_WALK_DEPTH 2048

/** A number as it stands in its text. */
typedef struct flow_json_lexeme_t {
    apr_size_t len;        /* bytes; when refused: where it went wrong */
    apr_uint64_t mantissa; /* all digits, valid when n_digits <= 19 */
    apr_size_t n_digits;   /* before and behind the point */
    apr_size_t n_fraction; /* behind the point */
    apr_int64_t exponent;  /* as written, saturating */
    int is_negative;
    int has_exponent;
} flow_json_lexeme_t;

/** Reads the number at the start of @a s; 0 when there is none. */
int flow_json_number_lex(flow_json_lexeme_t *lex, const char *s,
                         apr_size_t len);
/** New value from a lexed number, NULL when out of memory. */
json_t *flow_json_number_make(const flow_json_lexeme_t *lex, const char *s);
/** Are two numbers, given as text, the same decimal? */
int flow_json_number_equal(const char *a, apr_size_t alen, const char *b,
                           apr_size_t blen);
/** Below 0, 0 or above 0, by their decimals. Exponents beyond 10^17 are that. */
int flow_json_number_order(const char *a, apr_size_t alen, const char *b,
                           apr_size_t blen);

/** Longer paths are not noted. */
#define FLOW_JSON_PLACE_PATH_MAX 1024
/** The value at @a path stands in @a line; of equal paths the last counts. */
void flow_json_places_note(flow_json_places_t *places, const char *path,
                           apr_size_t len, int line);

/**
 * The value at the very start of @a text, whatever follows it. New, with
 * *pused = its bytes; else NULL with *pwhy = what was wrong at byte *pused. A
 * value that is no container, string or word may go on where the text ends.
 */
json_t *flow_json_parse_prefix(const char *text, apr_size_t len,
                               apr_size_t *pused, const char **pwhy);

/** Bytes of valid UTF-8 at the start of @a s. */
apr_size_t flow_utf8_prefix(const char *s, apr_size_t len);
/** Length (2-4) of the valid UTF-8 sequence at @a s that is not ASCII, else
 * 0. */
apr_size_t flow_utf8_sequence(const char *s, apr_size_t len);

/** Of the eight bytes at @a s: how many, from the first on, are no control
 * character, quote, backslash or beyond ASCII. The well-known test of all
 * bytes of a word at once; a borrow may spoil it only above the first hit. */
static inline unsigned flow_json_plain8(const char *s)
{
    const apr_uint64_t ones = 0x0101010101010101ULL;
    const apr_uint64_t high = 0x8080808080808080ULL;
    apr_uint64_t w, quote, slash, hit;

    __builtin_memcpy(&w, s, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    quote = w ^ (ones * '"');
    slash = w ^ (ones * '\\');
    hit = (w | (w - ones * 0x20) | (quote - ones) | (slash - ones)) & high;
    return hit ? (unsigned)__builtin_ctzll(hit) / 8 : 8;
}

#ifdef __SSE2__
/** A bit for each of sixteen bytes that does not stand for itself: as signed
 * bytes those beyond ASCII are below a space, too. */
static inline unsigned flow_json_special16(const char *s)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)s);
    __m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(' '));
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(low, _mm_or_si128(quote, slash)));
}
#endif

/* ---- flow_json_read_text.c, for flow_json_read.c ---- */

typedef struct flow_json_reader_t {
    const char *start;
    const char *s; /* next byte */
    const char *end;
    int depth;

    const char *why; /* first failure; NULL = none */
    apr_status_t status;

    char *scratch; /* for strings with escapes: first the one below */
    apr_size_t scratch_cap;

    flow_json_places_t *places; /* NULL = not wanted */
    const char *counted;        /* lines are known up to here */
    int line;
    char path[FLOW_JSON_PLACE_PATH_MAX];
    apr_size_t path_len; /* FLOW_JSON_PLACE_PATH_MAX when too long to note */
    char small[512];
} flow_json_reader_t;

/** Note the first failure, at r->s. NULL. */
void *flow_json_fail(flow_json_reader_t *r, const char *why);
json_t *flow_json_fail_memory(flow_json_reader_t *r);
/** r->s is behind the opening quote. The text is good until the next call;
 * NULL on failure. */
const char *flow_json_read_text(flow_json_reader_t *r, apr_size_t *plen);
/* The same; most are short and plain. */
static inline const char *flow_json_take_text(flow_json_reader_t *r,
                                              apr_size_t *plen)
{
#ifdef __SSE2__
    const char *start = r->s;

    if (r->end - start >= 16) {
        unsigned hit = flow_json_special16(start);
        unsigned n = hit ? (unsigned)__builtin_ctz(hit) : 0;

        if (hit && start[n] == '"') {
            r->s = start + n + 1;
            *plen = n;
            return start;
        }
    }
#endif
    return flow_json_read_text(r, plen);
}

#endif
