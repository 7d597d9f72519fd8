/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_JSON_H
#define FLOW_JSON_H

#include <apr_pools.h>
#include <jansson.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"

/**
 * JSON, exactly.
 *
 * jansson's json_t is the tree that flow/, data/, script/ and connectors/
 * share, but JSON *text* is read and written only here: jansson's own text
 * layer prints 19.90 as 19.899999999999999, refuses 1e400 and U+0000.
 *
 * Numbers. A JSON number is held as
 *   - json_integer, when its text is the plain decimal form of a 64-bit int;
 *   - json_real, when its text is the shortest form that reads back as that
 *     double (so 0.1 is a json_real, 19.90 is not);
 *   - else as its own text: a jansson string whose first byte is 0xFF, which
 *     no UTF-8 text contains. 19.90, 1e400, 30-digit integers and -0 stay what
 *     they were as long as nobody computes with them.
 * Therefore nobody outside this file may ask jansson what a value is:
 * json_is_string, json_string_value, json_is_number and their like are
 * forbidden elsewhere (tests/lint/banned.sh); the functions below answer.
 *
 * Text in a json_t is always valid UTF-8 and may contain U+0000 (use the
 * length). Objects keep the order of insertion; of two equal keys the last
 * value wins, in the first one's place, as in JavaScript.
 *
 * References. "new" in a comment: the caller owns one reference. "borrowed":
 * valid as long as the container. flow_json_own() ties a reference to a pool.
 * A json_t that several threads see is never changed; counting its references
 * is thread safe.
 */

#define FLOW_JSON_DEPTH 512 /* nesting refused beyond this */

typedef enum {
    FLOW_JSON_NULL,
    FLOW_JSON_BOOL,
    FLOW_JSON_NUMBER,
    FLOW_JSON_STRING,
    FLOW_JSON_ARRAY,
    FLOW_JSON_OBJECT
} flow_json_type_e;

/** Once per process, before threads exist. Harmless to repeat. */
void flow_json_global_init(void);

/**
 * Where the values of a document stand in its source: filled on request, for
 * messages about configuration. Keys are paths as written in FlowSet
 * ("http.response.resourcePath", "pageGenerators[0]._exportId").
 */
typedef struct flow_json_places_t flow_json_places_t;
flow_json_places_t *flow_json_places_create(apr_pool_t *p);
/** 1-based line of the value at @a path, else of its nearest recorded parent,
 * else 1. */
int flow_json_places_line(const flow_json_places_t *places, const char *path);

/**
 * Read one JSON text (RFC 8259, UTF-8, an optional BOM), nothing after it but
 * white space. *pv is new. Refused, as FLOW_E_INPUT code "invalid_json" with
 * line and column: all that the RFC refuses, invalid UTF-8, lone surrogate
 * escapes, nesting beyond FLOW_JSON_DEPTH.
 */
apr_status_t flow_json_parse(json_t **pv, const char *text, apr_size_t len,
                             flow_error_t *err);
/** The same; also notes places. @a places lives in a pool. */
apr_status_t flow_json_parse_placed(json_t **pv, const char *text,
                                    apr_size_t len, flow_json_places_t *places,
                                    flow_error_t *err);

#define FLOW_JSON_COMPACT 0
#define FLOW_JSON_INDENT  1 /* two spaces */

/** Append the text of @a v. Only the buffer can fail (its status says how). */
apr_status_t flow_json_write(flow_buf_t *b, const json_t *v, int flags);
/** The text in a pool; NULL only when out of memory. plen may be NULL. */
char *flow_json_text(const json_t *v, apr_size_t *plen, apr_pool_t *p);
/** Append @a s as a JSON string with its quotes / without them. */
apr_status_t flow_json_write_string(flow_buf_t *b, const char *s,
                                    apr_size_t len);
apr_status_t flow_json_write_escaped(flow_buf_t *b, const char *s,
                                     apr_size_t len);

/* In line, for every step of every record asks this. */
static inline flow_json_type_e flow_json_type(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        return FLOW_JSON_OBJECT;
    case JSON_ARRAY:
        return FLOW_JSON_ARRAY;
    case JSON_STRING:
        return json_string_value(v)[0] == '\xff' ? FLOW_JSON_NUMBER
                                                 : FLOW_JSON_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return FLOW_JSON_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return FLOW_JSON_BOOL;
    default:
        return FLOW_JSON_NULL; /* also of a NULL pointer */
    }
}

/* The same as comparing the type, but only texts are looked into. */
static inline int flow_json_has_type(const json_t *v, flow_json_type_e type)
{
    switch (type) {
    case FLOW_JSON_OBJECT:
        return json_is_object(v);
    case FLOW_JSON_ARRAY:
        return json_is_array(v);
    case FLOW_JSON_NULL:
        return json_is_null(v);
    case FLOW_JSON_STRING:
        return v && json_typeof(v) == JSON_STRING &&
               json_string_value(v)[0] != '\xff';
    default:
        return v && flow_json_type(v) == type;
    }
}
#define flow_json_is(v, t) flow_json_has_type(v, FLOW_JSON_##t)
/** "null" "boolean" "number" "string" "array" "object", for messages */
const char *flow_json_type_name(const json_t *v);

/** Borrowed, or NULL when @a v is no string. @a plen may be NULL. */
const char *flow_json_string(const json_t *v, apr_size_t *plen);
/* The same for what is known to be one. */
static inline const char *flow_json_string_of(const json_t *v, apr_size_t *plen)
{
    *plen = json_string_length(v);
    return json_string_value(v);
}
/** Member @a key as a string, or NULL. Borrowed. */
const char *flow_json_member(const json_t *object, const char *key);
/** Member @a key; -1 when absent or no boolean. */
int flow_json_member_bool(const json_t *object, const char *key);
/** New string; NULL when @a s is not valid UTF-8 (repair it first). */
json_t *flow_json_string_new(const char *s, apr_size_t len);

#define FLOW_JSON_NUMBER_MAX 40 /* bytes for any number we make ourselves */
/** The number's text as it will be written. For a number that carries its own
 * text that text is returned (borrowed); else it is written to @a tmp. NULL
 * when @a v is no number. */
const char *flow_json_number_text(const json_t *v,
                                  char tmp[FLOW_JSON_NUMBER_MAX],
                                  apr_size_t *plen);
/** New; @a text must be one JSON number, else NULL. */
json_t *flow_json_number_new(const char *text, apr_size_t len);
/** New; integral values within +-2^53 become integers, NaN and infinities
 * become null (as JSON.stringify has it). */
json_t *flow_json_double_new(double d);
/** Nearest double (may be infinite); 0 when @a v is no number. */
double flow_json_double(const json_t *v);
/** 1 and *pn when @a v is a number with exactly that 64-bit value
 * (10, 10.0 and 1e1 all are). */
int flow_json_int64(const json_t *v, apr_int64_t *pn);
/** 1 when a double does not hold the number exactly, or not with this text:
 * what a script must carry along beside the double. */
int flow_json_number_is_textual(const json_t *v);
/** Shortest text that reads back as @a d ("1e+21", "0.1", "-0"); JavaScript's
 * Number::toString. @a d must be finite. Returns the length. */
apr_size_t flow_json_format_double(double d, char tmp[FLOW_JSON_NUMBER_MAX]);

/** Deep equality by value: 1, 1.0 and 1e0 are equal. */
int flow_json_equal(const json_t *a, const json_t *b);
/** Which of two numbers is greater, by their decimals: below 0, 0, above 0. */
int flow_json_order(const json_t *a, const json_t *b);

/**
 * The value as text, as templates, comparisons and CSV cells need it: a string
 * as it is, a number's text, "true"/"false", "" for null or NULL, JSON text for
 * an object, elements joined by commas for an array. From @a p or borrowed.
 */
const char *flow_json_to_text(const json_t *v, apr_size_t *plen, apr_pool_t *p);

/** Let @a p release this reference when it is cleared. Returns @a v. */
json_t *flow_json_own(apr_pool_t *p, json_t *v);

/** Is @a s valid UTF-8 (no surrogates, nothing beyond U+10FFFF)? */
int flow_utf8_is_valid(const char *s, apr_size_t len);
/** Valid UTF-8 from anything: CESU-8 surrogate pairs are joined, modified
 * NUL (C0 80) becomes U+0000, all else that is invalid becomes U+FFFD. Returns
 * @a s itself when nothing was wrong. */
const char *flow_utf8_repair(const char *s, apr_size_t len, apr_size_t *plen,
                             apr_pool_t *p);

/** Does a value say nothing: null, {}, [], or these inside of each other; with
 * @a with_leaves false and the empty text, too? */
int flow_json_is_silent(const json_t *v, int with_leaves);

#endif
