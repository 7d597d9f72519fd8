/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json_private.h"

static json_t *read_value(flow_json_reader_t *r);

static inline void skip_blanks(flow_json_reader_t *r)
{
    if (r->s < r->end && (unsigned char)*r->s > ' ') {
        return;
    }
    while (r->s < r->end &&
           (*r->s == ' ' || *r->s == '\n' || *r->s == '\r' || *r->s == '\t')) {
        ++r->s;
    }
}

/* --- places ----------------------------------------------------------------*/

/* The value that begins at r->s stands at the current path. */
static void note_place(flow_json_reader_t *r)
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

static void path_add(flow_json_reader_t *r, const char *s, apr_size_t len)
{
    if (len >= FLOW_JSON_PLACE_PATH_MAX - r->path_len) {
        r->path_len = FLOW_JSON_PLACE_PATH_MAX;
        return;
    }
    memcpy(r->path + r->path_len, s, len);
    r->path_len += len;
}

static void path_add_key(flow_json_reader_t *r, const char *key, apr_size_t len)
{
    if (r->places) {
        path_add(r, ".", r->path_len > 0);
        path_add(r, key, len);
    }
}

static void path_add_index(flow_json_reader_t *r, apr_size_t i)
{
    char tmp[32];

    if (r->places) {
        apr_snprintf(tmp, sizeof(tmp), "[%" APR_SIZE_T_FMT "]", i);
        path_add(r, tmp, strlen(tmp));
    }
}

/* --- values ----------------------------------------------------------------*/

static json_t *read_string(flow_json_reader_t *r)
{
    apr_size_t len = 0;
    const char *text;
    json_t *v;

    ++r->s;
    text = flow_json_take_text(r, &len);
    if (!text) {
        return NULL;
    }
    v = json_stringn_nocheck(text, len);
    return v ? v : flow_json_fail_memory(r);
}

static json_t *read_number(flow_json_reader_t *r)
{
    flow_json_lexeme_t lex;
    const char *start = r->s;
    json_t *v;

    if (!flow_json_number_lex(&lex, start, (apr_size_t)(r->end - start))) {
        r->s = start + lex.len;
        return flow_json_fail(r, "malformed number");
    }
    r->s += lex.len;
    v = flow_json_number_make(&lex, start);
    return v ? v : flow_json_fail_memory(r);
}

static json_t *read_word(flow_json_reader_t *r, const char *word, json_t *v)
{
    apr_size_t len = strlen(word);

    if ((apr_size_t)(r->end - r->s) < len || memcmp(r->s, word, len) != 0) {
        return flow_json_fail(r, "expected a value");
    }
    r->s += len;
    return v;
}

/* An opening bracket. */
static int enter(flow_json_reader_t *r)
{
    if (++r->depth > FLOW_JSON_DEPTH) {
        flow_json_fail(r, "nested too deeply; at most " APR_STRINGIFY(
                              FLOW_JSON_DEPTH) " levels");
        return 0;
    }
    ++r->s;
    skip_blanks(r);
    return 1;
}

/* After an element: 1 = another one follows, 0 = closed, -1 = neither. */
static int read_separator(flow_json_reader_t *r, char close, const char *why)
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
    flow_json_fail(r, why);
    return -1;
}

static json_t *read_array(flow_json_reader_t *r)
{
    apr_size_t path_len = r->path_len;
    json_t *array = json_array();
    apr_size_t i = 0;
    int more = 1;

    if (!array) {
        return flow_json_fail_memory(r);
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
            flow_json_fail_memory(r);
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
static int read_member(flow_json_reader_t *r, json_t *object)
{
    apr_size_t path_len = r->path_len;
    char small[256];
    char *copy = NULL;
    const char *key;
    apr_size_t len = 0;
    json_t *v = NULL;

    if (r->s == r->end || *r->s != '"') {
        flow_json_fail(r, "expected a name in double quotes");
        return 0;
    }
    ++r->s;
    key = flow_json_take_text(r, &len);
    if (!key) {
        return 0;
    }
    if (key == r->scratch) {
        copy = len <= sizeof(small) ? small : malloc(len);
        if (!copy) {
            flow_json_fail_memory(r);
            return 0;
        }
        memcpy(copy, key, len);
        key = copy;
    }
    skip_blanks(r);
    if (r->s == r->end || *r->s != ':') {
        flow_json_fail(r, "expected ':' after a name");
        goto cleanup;
    }
    ++r->s;
    skip_blanks(r);
    path_add_key(r, key, len);
    v = read_value(r);
    r->path_len = path_len;
    if (v && json_object_setn_new_nocheck(object, key, len, v) != 0) {
        flow_json_fail_memory(r);
    }

cleanup:
    if (copy != small) {
        free(copy);
    }
    return !r->why;
}

static json_t *read_object(flow_json_reader_t *r)
{
    json_t *object = json_object();
    int more = 1;

    if (!object) {
        return flow_json_fail_memory(r);
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

static json_t *read_value(flow_json_reader_t *r)
{
    if (r->s == r->end) {
        return flow_json_fail(r, r->depth
                                     ? "the text ends where a value is expected"
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
        return flow_json_fail(r, "expected a value");
    }
}

/* Line, and column in characters, of the byte at r->s. */
static apr_status_t explain(const flow_json_reader_t *r, flow_error_t *err)
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

static void start(flow_json_reader_t *r)
{
    memset(r, 0, offsetof(flow_json_reader_t, path));
    r->path_len = 0;
    r->scratch = r->small;
    r->scratch_cap = sizeof(r->small);
}

static void finish(flow_json_reader_t *r)
{
    if (r->scratch != r->small) {
        free(r->scratch);
    }
}

apr_status_t flow_json_parse_placed(json_t **pv, const char *text,
                                    apr_size_t len, flow_json_places_t *places,
                                    flow_error_t *err)
{
    flow_json_reader_t r;
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
            flow_json_fail(&r, "something follows the value");
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
    flow_json_reader_t r;
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
