/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json_private.h"

typedef struct reader_t {
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
} reader_t;

static json_t *read_value(reader_t *r);

static void *fail(reader_t *r, const char *why)
{
    if (!r->why) {
        r->why = why;
        r->status = APR_EINVAL;
    }
    return NULL;
}

static json_t *fail_memory(reader_t *r)
{
    fail(r, "out of memory");
    r->status = APR_ENOMEM;
    return NULL;
}

static void skip_blanks(reader_t *r)
{
    while (r->s < r->end &&
           (*r->s == ' ' || *r->s == '\n' || *r->s == '\r' || *r->s == '\t')) {
        ++r->s;
    }
}

/* --- places ----------------------------------------------------------------*/

/* The value that begins at r->s stands at the current path. */
static void note_place(reader_t *r)
{
    if (!r->places) {
        return;
    }
    while (r->counted < r->s) {
        r->line += *r->counted++ == '\n';
    }
    if (r->path_len < FLOW_JSON_PLACE_PATH_MAX) {
        flow_json_places_note(r->places, r->path, r->path_len, r->line);
    }
}

static void path_add(reader_t *r, const char *s, apr_size_t len)
{
    if (len >= FLOW_JSON_PLACE_PATH_MAX - r->path_len) {
        r->path_len = FLOW_JSON_PLACE_PATH_MAX;
        return;
    }
    memcpy(r->path + r->path_len, s, len);
    r->path_len += len;
}

static void path_add_key(reader_t *r, const char *key, apr_size_t len)
{
    if (r->places) {
        path_add(r, ".", r->path_len > 0);
        path_add(r, key, len);
    }
}

static void path_add_index(reader_t *r, apr_size_t i)
{
    char tmp[32];

    if (r->places) {
        apr_snprintf(tmp, sizeof(tmp), "[%" APR_SIZE_T_FMT "]", i);
        path_add(r, tmp, strlen(tmp));
    }
}

/* --- strings ---------------------------------------------------------------*/

/* Over what stands for itself; stops at a quote, a backslash, the end, or
 * something that is not allowed. */
static const char *skip_plain(const char *s, const char *end)
{
    for (;;) {
        apr_size_t n = 8;

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
static int read_hex4(reader_t *r)
{
    int c = 0;
    int i;

    for (i = 0; i < 4; ++i) {
        int h = r->s < r->end ? hex_value(*r->s) : -1;

        if (h < 0) {
            fail(r, "'\\u' needs four hexadecimal digits");
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
static char *read_unicode_escape(reader_t *r, char *o)
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
    return fail(r, "a surrogate escape stands alone; a character beyond "
                   "U+FFFF needs two");
}

/* r->s is at a backslash. */
static char *read_escape(reader_t *r, char *o)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (++r->s == r->end) {
        return fail(r, "the text ends inside a string");
    }
    c = *r->s;
    if (c == 'u') {
        ++r->s;
        return read_unicode_escape(r, o);
    }
    found = c ? strchr(from, c) : NULL;
    if (!found) {
        return fail(r, "unknown escape in a string; known are \\\" \\\\ \\/ "
                       "\\b \\f \\n \\r \\t \\uXXXX");
    }
    ++r->s;
    *o = to[found - from];
    return o + 1;
}

/* Why skip_plain() stopped at something that is neither quote nor escape. */
static void *fail_in_string(reader_t *r)
{
    if (r->s == r->end) {
        return fail(r, "the text ends inside a string");
    }
    if ((unsigned char)*r->s < 0x20) {
        return fail(r, "control character in a string; write it as an escape");
    }
    return fail(r, "bytes that are not valid UTF-8");
}

/* Room for @a more bytes behind the first @a used ones of the scratch buffer,
 * and for one escape. */
static int need_scratch(reader_t *r, apr_size_t used, apr_size_t more)
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
        fail_memory(r);
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
static const char *read_escaped(reader_t *r, const char *start,
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
static const char *read_text(reader_t *r, apr_size_t *plen)
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

/* --- values ----------------------------------------------------------------*/

static json_t *read_string(reader_t *r)
{
    apr_size_t len = 0;
    const char *text;
    json_t *v;

    ++r->s;
    text = read_text(r, &len);
    if (!text) {
        return NULL;
    }
    v = json_stringn_nocheck(text, len);
    return v ? v : fail_memory(r);
}

static json_t *read_number(reader_t *r)
{
    flow_json_lexeme_t lex;
    const char *start = r->s;
    json_t *v;

    if (!flow_json_number_lex(&lex, start, (apr_size_t)(r->end - start))) {
        r->s = start + lex.len;
        return fail(r, "malformed number");
    }
    r->s += lex.len;
    v = flow_json_number_make(&lex, start);
    return v ? v : fail_memory(r);
}

static json_t *read_word(reader_t *r, const char *word, json_t *v)
{
    apr_size_t len = strlen(word);

    if ((apr_size_t)(r->end - r->s) < len || memcmp(r->s, word, len) != 0) {
        return fail(r, "expected a value");
    }
    r->s += len;
    return v;
}

/* An opening bracket. */
static int enter(reader_t *r)
{
    if (++r->depth > FLOW_JSON_DEPTH) {
        fail(r, "nested too deeply; at most " APR_STRINGIFY(
                    FLOW_JSON_DEPTH) " levels");
        return 0;
    }
    ++r->s;
    skip_blanks(r);
    return 1;
}

/* After an element: 1 = another one follows, 0 = closed, -1 = neither. */
static int read_separator(reader_t *r, char close, const char *why)
{
    skip_blanks(r);
    if (r->s < r->end && *r->s == ',') {
        ++r->s;
        skip_blanks(r);
        return 1;
    }
    if (r->s < r->end && *r->s == close) {
        ++r->s;
        return 0;
    }
    fail(r, why);
    return -1;
}

static json_t *read_array(reader_t *r)
{
    apr_size_t path_len = r->path_len;
    json_t *array = json_array();
    apr_size_t i = 0;
    int more = 1;

    if (!array) {
        return fail_memory(r);
    }
    if (!enter(r)) {
        goto cleanup;
    }
    if (r->s < r->end && *r->s == ']') {
        ++r->s;
        more = 0;
    }
    while (more > 0) {
        json_t *v;

        path_add_index(r, i++);
        v = read_value(r);
        r->path_len = path_len;
        if (!v) {
            goto cleanup;
        }
        if (json_array_append_new(array, v) != 0) {
            fail_memory(r);
            goto cleanup;
        }
        more = read_separator(r, ']', "expected ',' or ']' in an array");
    }

cleanup:
    --r->depth;
    if (r->why) {
        json_decref(array);
        array = NULL;
    }
    return array;
}

/* "key": value. The key may sit in the scratch buffer that the value needs
 * too, or in the text, where it stays. */
static int read_member(reader_t *r, json_t *object)
{
    apr_size_t path_len = r->path_len;
    char small[256];
    char *copy = NULL;
    const char *key;
    apr_size_t len = 0;
    json_t *v = NULL;

    if (r->s == r->end || *r->s != '"') {
        fail(r, "expected a name in double quotes");
        return 0;
    }
    ++r->s;
    key = read_text(r, &len);
    if (!key) {
        return 0;
    }
    if (key == r->scratch) {
        copy = len <= sizeof(small) ? small : malloc(len);
        if (!copy) {
            fail_memory(r);
            return 0;
        }
        memcpy(copy, key, len);
        key = copy;
    }
    skip_blanks(r);
    if (r->s == r->end || *r->s != ':') {
        fail(r, "expected ':' after a name");
        goto cleanup;
    }
    ++r->s;
    skip_blanks(r);
    path_add_key(r, key, len);
    v = read_value(r);
    r->path_len = path_len;
    if (v && json_object_setn_new_nocheck(object, key, len, v) != 0) {
        fail_memory(r);
    }

cleanup:
    if (copy != small) {
        free(copy);
    }
    return !r->why;
}

static json_t *read_object(reader_t *r)
{
    json_t *object = json_object();
    int more = 1;

    if (!object) {
        return fail_memory(r);
    }
    if (!enter(r)) {
        goto cleanup;
    }
    if (r->s < r->end && *r->s == '}') {
        ++r->s;
        more = 0;
    }
    while (more > 0) {
        if (!read_member(r, object)) {
            goto cleanup;
        }
        more = read_separator(r, '}', "expected ',' or '}' in an object");
    }

cleanup:
    --r->depth;
    if (r->why) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static json_t *read_value(reader_t *r)
{
    if (r->s == r->end) {
        return fail(r, r->depth ? "the text ends where a value is expected"
                                : "the text is empty");
    }
    note_place(r);
    switch (*r->s) {
    case '{':
        return read_object(r);
    case '[':
        return read_array(r);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true", json_true());
    case 'f':
        return read_word(r, "false", json_false());
    case 'n':
        return read_word(r, "null", json_null());
    default:
        if (*r->s == '-' || (*r->s >= '0' && *r->s <= '9')) {
            return read_number(r);
        }
        return fail(r, "expected a value");
    }
}

/* Line, and column in characters, of the byte at r->s. */
static apr_status_t explain(const reader_t *r, flow_error_t *err)
{
    const char *s;
    int line = 1, column = 1;

    if (APR_STATUS_IS_ENOMEM(r->status)) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, r->status,
                              "out_of_memory", "%s", r->why);
    }
    for (s = r->start; s < r->s; ++s) {
        if (*s == '\n') {
            ++line;
            column = 1;
        }
        else {
            column += ((unsigned char)*s & 0xc0) != 0x80;
        }
    }
    return flow_error_set(err, FLOW_E_INPUT, r->status, "invalid_json",
                          "invalid JSON at line %d, column %d: %s", line,
                          column, r->why);
}

static void start(reader_t *r)
{
    memset(r, 0, offsetof(reader_t, path));
    r->path_len = 0;
    r->scratch = r->small;
    r->scratch_cap = sizeof(r->small);
}

static void finish(reader_t *r)
{
    if (r->scratch != r->small) {
        free(r->scratch);
    }
}

apr_status_t flow_json_parse_placed(json_t **pv, const char *text,
                                    apr_size_t len, flow_json_places_t *places,
                                    flow_error_t *err)
{
    reader_t r;
    json_t *v;

    start(&r);
    r.places = places;
    r.line = 1;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    r.start = r.s = r.counted = text;
    r.end = text + len;

    skip_blanks(&r);
    v = read_value(&r);
    if (v) {
        skip_blanks(&r);
        if (r.s < r.end) {
            fail(&r, "something follows the value");
            json_decref(v);
            v = NULL;
        }
    }
    finish(&r);
    *pv = v;
    return v ? APR_SUCCESS : explain(&r, err);
}

/* The reader on a text that may go on elsewhere: see the header. */
json_t *flow_json_parse_prefix(const char *text, apr_size_t len,
                               apr_size_t *pused, const char **pwhy)
{
    reader_t r;
    json_t *v;

    start(&r);
    r.start = r.s = text;
    r.end = text + len;
    v = read_value(&r);
    finish(&r);
    *pused = (apr_size_t)(r.s - text);
    *pwhy = r.why;
    return v;
}

apr_status_t flow_json_parse(json_t **pv, const char *text, apr_size_t len,
                             flow_error_t *err)
{
    return flow_json_parse_placed(pv, text, len, NULL, err);
}
