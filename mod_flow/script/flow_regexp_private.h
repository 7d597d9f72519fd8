/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_REGEXP_PRIVATE_H
#define FLOW_REGEXP_PRIVATE_H

#include "script/flow_regexp.h"

/**
 * flow_regexp.c        the pattern: groups, quantifiers, references
 * flow_regexp_escape.c what a backslash means
 * flow_regexp_class.c  sets, [classes] and \p{properties}
 */

typedef struct flow_regexp_reader_t {
    flow_regexp_t *re;
    const char *at, *end;
    unsigned flags;
    int depth;
    unsigned char kinds[FLOW_REGEXP_DEPTH_MAX];
} flow_regexp_reader_t;

/** The first complaint counts; reading ends. */
void flow_regexp_fail(flow_regexp_reader_t *r, const char *why);
void flow_regexp_puts(flow_regexp_reader_t *r, const char *text);
/** One character by its code, escaped so that it means nothing else. */
void flow_regexp_put_char(flow_regexp_reader_t *r, unsigned c);

/** The next character; there must be one. */
unsigned flow_regexp_next(flow_regexp_reader_t *r);
/** The byte @a i bytes ahead, -1 at the end. */
int flow_regexp_peek(const flow_regexp_reader_t *r, size_t i);
int flow_regexp_accept(flow_regexp_reader_t *r, const char *text);

typedef struct flow_regexp_escape_t {
    enum {
        FLOW_REGEXP_CHAR,      /* value is its code */
        FLOW_REGEXP_SET,       /* value is one of d D w W s S */
        FLOW_REGEXP_PROPERTY,  /* value is p or P; at "{" */
        FLOW_REGEXP_REFERENCE, /* value is the group */
        FLOW_REGEXP_NAMED,     /* at "<" */
        FLOW_REGEXP_BOUNDARY   /* value is b or B */
    } kind;
    unsigned value;
} flow_regexp_escape_t;

/** Behind the backslash. */
void flow_regexp_escape(flow_regexp_reader_t *r, int in_class,
                        flow_regexp_escape_t *e);
/** \d and its like outside of a class. */
void flow_regexp_put_set(flow_regexp_reader_t *r, char which);
void flow_regexp_put_property(flow_regexp_reader_t *r, int is_negated);
/** Behind "[". */
void flow_regexp_class(flow_regexp_reader_t *r);

#endif
