/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_REGEXP_H
#define FLOW_REGEXP_H

#include <stddef.h>

/**
 * ECMAScript's regular expressions in PCRE2's words.
 *
 * The pattern is in the engine's encoding (UTF-8, C0 80 for U+0000, lone
 * surrogates as three bytes); the result is for PCRE2_UTF with
 * FLOW_REGEXP_OPTIONS, and the subject must be prepared to match: without the
 * flag u as UTF-16 units, each in UTF-8 of its own (an astral character is two
 * times three bytes), with it as characters; U+0000 is one zero byte in both.
 *
 * Nothing here takes a lock or allocates but through `alloc`.
 */

#define FLOW_REGEXP_G         1u
#define FLOW_REGEXP_I         2u
#define FLOW_REGEXP_M         4u
#define FLOW_REGEXP_S         8u
#define FLOW_REGEXP_U         16u
#define FLOW_REGEXP_Y         32u
#define FLOW_REGEXP_D         64u

#define FLOW_REGEXP_DEPTH_MAX 200  /* groups within groups */
#define FLOW_REGEXP_NAMES_MAX 1000 /* named groups */

typedef struct flow_regexp_name_t {
    const char *name; /* in the pattern, not terminated */
    size_t len;
    int group;
} flow_regexp_name_t;

typedef struct flow_regexp_t {
    char *text; /* not terminated */
    size_t len, size;
    int groups; /* without the whole match */
    flow_regexp_name_t *names;
    int n_names;
    const char *error; /* NULL: all is well */
    /* realloc() and free() in one, as the engine has them; NULL is an error */
    void *(*alloc)(void *baton, void *ptr, size_t size);
    void *baton;
} flow_regexp_t;

/** g i m s u y d, each once at most; -1 when it is no list of flags. */
int flow_regexp_flags(const char *text);

/**
 * Fill @a re, whose alloc and baton are set, all else zero. Returns 0, or -1
 * with re->error. Give it back with flow_regexp_release() either way.
 */
int flow_regexp_translate(flow_regexp_t *re, const char *pattern, size_t len,
                          unsigned flags);
void flow_regexp_release(flow_regexp_t *re);

#endif
