/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSREGEX_H
#define JSREGEX_H

#include "mujs.h"

typedef union js_Value js_Value;
typedef struct js_Object js_Object;
typedef struct js_Regexp js_Regexp;

/**
 * RegExp on PCRE2; takes the place of mujs' regexp.c and jsregexp.c.
 *
 * A js_Program is a compiled pattern. Literals have one each, made when the
 * script is compiled and kept; other RegExp objects share theirs by a counter.
 * PCRE2 gets its memory from the state, so it may be left by a jump wherever
 * mujs may.
 */
typedef struct js_Program js_Program;
typedef struct js_Regexes js_Regexes; /* J->regexes */

/** The program of a literal, whose pattern is interned; NULL when it is none,
 * and @a why says why. */
js_Program *js_regexliteral(js_State *J, const char *pattern, int flags,
                            char why[160]);
/** Push a new object for a literal. */
void js_newregexpliteral(js_State *J, const char *pattern, int flags);
void js_regexfree(js_State *J, js_Program *prog);
/** Forget what only matching needs: before a snapshot. */
void js_regexrest(js_State *J);
/** With the state. */
void js_regexend(js_State *J);
/** Make the dynamic linker bind what PCRE2 calls: before threads exist. */
void js_regexglobalinit(void);

/** The properties that every RegExp has; push the value and return 1. */
int js_regexget(js_State *J, js_Object *obj, const char *name);
/** 1: stored, -1: read-only, 0: none of ours. */
int js_regexput(js_State *J, js_Object *obj, const char *name, js_Value *v);
int js_regexisown(const char *name);

void js_regexflags(const js_Regexp *re, char buf[10]);

#endif
