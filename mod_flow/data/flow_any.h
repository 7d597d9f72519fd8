/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ANY_H
#define FLOW_ANY_H

#include <apr_pools.h>
#include <jansson.h>

#include "data/flow_json.h"

/**
 * What a JavaScript variable would hold while a template is rendered: a value
 * of a record, borrowed and with its exact number, or a computed number, text
 * or truth that no record holds. NaN and "undefined" exist here and nowhere
 * else. Small enough to be copied; owns nothing. Any thread.
 */
typedef enum {
    FLOW_ANY_MISSING, /* undefined */
    FLOW_ANY_NULL,
    FLOW_ANY_BOOL,
    FLOW_ANY_NUMBER,
    FLOW_ANY_TEXT,
    FLOW_ANY_ARRAY,
    FLOW_ANY_OBJECT
} flow_any_e;

typedef struct flow_any_t {
    flow_any_e type;
    const json_t *json; /* the record's value; NULL when computed */
    const char *text;   /* TEXT */
    apr_size_t len;
    double number; /* computed NUMBER; 0 or 1 of a BOOL */
} flow_any_t;

flow_any_t flow_any_missing(void);
/** NULL is MISSING. In line, because values are made for every step. */
static inline flow_any_t flow_any_from(const json_t *json)
{
    static const flow_any_e types[] = {
        [FLOW_JSON_NULL] = FLOW_ANY_NULL,
        [FLOW_JSON_BOOL] = FLOW_ANY_BOOL,
        [FLOW_JSON_NUMBER] = FLOW_ANY_NUMBER,
        [FLOW_JSON_STRING] = FLOW_ANY_TEXT,
        [FLOW_JSON_ARRAY] = FLOW_ANY_ARRAY,
        [FLOW_JSON_OBJECT] = FLOW_ANY_OBJECT,
    };
    flow_any_t v;

    v.type = json ? types[flow_json_type(json)] : FLOW_ANY_MISSING;
    v.json = json;
    v.text = NULL;
    v.len = 0;
    if (v.type == FLOW_ANY_TEXT)
        v.text = flow_json_string_of(json, &v.len);
    v.number = v.type == FLOW_ANY_BOOL && json_is_true(json);
    return v;
}
flow_any_t flow_any_of_number(double number);
flow_any_t flow_any_of_bool(int is_true);
flow_any_t flow_any_of_text(const char *text, apr_size_t len);

/** typeof, but "array" for arrays. */
const char *flow_any_type_name(const flow_any_t *v);
/** MISSING or NULL */
int flow_any_is_nothing(const flow_any_t *v);
/** As it prints: "" for nothing, a number's own or shortest text, else as
 * flow_json_to_text(). Borrowed or from @a p; "" when out of memory. */
const char *flow_any_text(const flow_any_t *v, apr_size_t *plen, apr_pool_t *p);
/** Number(v): NaN when it is none, 0 for null and blank text. */
double flow_any_number(const flow_any_t *v, apr_pool_t *p);
/** Number(text) */
double flow_any_number_from_text(const char *s, apr_size_t len);
/** JavaScript's truthiness: false are nothing, false, 0, NaN and "". */
int flow_any_is_true(const flow_any_t *v);
/** What #if and #with take for false: the same, and []; but not 0. */
int flow_any_is_empty(const flow_any_t *v);
/** === ; arrays and objects are equal when they are the same one. */
int flow_any_is_same(const flow_any_t *a, const flow_any_t *b);
/** == */
int flow_any_is_equal(const flow_any_t *a, const flow_any_t *b, apr_pool_t *p);
/** < : 1, 0, or -1 when one of them is NaN. Two texts compare as text. */
int flow_any_is_less(const flow_any_t *a, const flow_any_t *b, apr_pool_t *p);
/** A new reference; nothing is null, as are NaN and infinities. */
json_t *flow_any_to_json(const flow_any_t *v);

/** "NaN", "Infinity" or the shortest text. @a tmp: FLOW_JSON_NUMBER_MAX. */
apr_size_t flow_any_format_number(double number, char *tmp);

/** Length in bytes of the white space (as JavaScript has it) at @a s, or 0. */
apr_size_t flow_any_space(const char *s, apr_size_t len);
/** Length in bytes of the white space that ends at s + len, or 0. */
apr_size_t flow_any_space_before(const char *s, apr_size_t len);
void flow_any_trim(const char **ps, apr_size_t *plen);
/** Length in UTF-16 units, which is how JavaScript counts. */
apr_size_t flow_any_units(const char *s, apr_size_t len);
/** The byte where that many UTF-16 units have passed, at most @a len. Within a
 * surrogate pair it is the pair's start. */
apr_size_t flow_any_unit_offset(const char *s, apr_size_t len,
                                apr_size_t units);

#endif
