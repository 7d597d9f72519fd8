/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSLIB_H
#define JSLIB_H

#include "mujs.h"

typedef struct js_Object js_Object;

/* A built-in function's length is n, but no argument is made up: it looks at
 * how many there are. */
#define JS_ANYARGS(n) (~(n))
/* js_Object.gone: an array's length cannot be changed (it is not simple) */
#define JS_FIXEDLENGTH 16
/* js_Property.atts: get and set are both undefined */
#define JS_ACCESSOR 8

/**
 * What ECMAScript 2015 to 2020 (and a little later) added to the library.
 *
 * jslib.c          iterators, what built-ins have for properties
 * jslib_symbol.c   Symbol
 * jslib_element.c  elements of arrays
 * jslib_array.c    Array: what changes and copies it
 * jslib_walk.c     Array: what goes through its elements
 * jslib_object.c   Object
 * jslib_function.c Function
 * jslib_define.c   Object.defineProperty
 * jslib_reflect.c  Reflect, structuredClone
 * jslib_string.c   String
 * jslib_case.c     its upper and lower case
 * jslib_encode.c   escape, btoa
 * jslib_norm.c     Unicode's canonical forms
 * jslib_number.c   Number, Math
 * jslib_map.c      Map, Set, WeakMap, WeakSet
 * jslib_promise.c  Promise
 * jslib_combine.c  Promise.all and its relatives
 * jslib_eval.c     async functions, eval and Function
 * jslib_date.c     reading and writing dates as people do
 * jslib_datetime.c making and changing them
 *
 * A Symbol is a string that begins with "@@" and one of a few names, or with
 * "@@" and a byte 1 (Symbol()) or 2 (Symbol.for()).
 */

/** An object of the library's own: Map, Set, iterator, Promise. */
typedef enum {
    JS_LIBMAP = 1,
    JS_LIBSET,
    JS_LIBWEAKMAP,
    JS_LIBWEAKSET,
    JS_LIBITERATOR,
    JS_LIBPROMISE
} js_LibKind;

/** What an iterator gives; of strings only values. */
typedef enum {
    JS_ITERVALUES,
    JS_ITERKEYS,
    JS_ITERENTRIES
} js_IterKind;

typedef struct js_Table js_Table;

/** J->lib */
typedef struct js_Lib {
    js_Object *symbol, *iterator, *map, *set, *weakmap, *weakset, *promise;
    js_Object *values; /* Array.prototype.values */
    js_Object *jobs;   /* an array: what Promises have to do */
    int firstjob;
    unsigned symbols;
    void (*compile)(js_State *J, const char *source);
} js_Lib;

int js_issymbolname(const char *name);
/** Cheap: nearly every name fails at the first byte. */
#define JS_ISSYMBOL(s) ((s)[0] == '@' && (s)[1] == '@' && js_issymbolname(s))

void js_libinit(js_State *J);
void js_libmark(js_State *J, int mark);
void js_libscan(js_State *J, int mark, js_Object *obj);
void js_libfree(js_State *J, js_Object *obj);
/** With the state. */
void js_libend(js_State *J);

/** Push an iterator over the value at @a idx (array-like, string, Map, Set). */
void js_libiterator(js_State *J, int idx, js_IterKind what);

/** Push the own property that an object has without storing it (an element of
 * a string, a function's name); *atts is set. 0: there is none. */
int js_libown(js_State *J, js_Object *obj, const char *name, int *atts);

/** The function that a bound one calls in the end. */
js_Object *js_libtarget(js_State *J, js_Object *f);

/** Has an object a property of that name, also an inherited one? No getter is
 * called. */
int js_libexists(js_State *J, js_Object *obj, const char *name);

/** desc -- desc: define a property of @a obj as the object on top says, or
 * throw. */
void js_libdefine(js_State *J, js_Object *obj, const char *name);

/** Why a name that is no variable is not there; NULL: nothing to say. */
const char *js_libmissing(const char *name);

/** The host's syntax compiler, called with the text of eval() and Function():
 * it pushes what mujs understands, or throws. */
void js_setcompile(js_State *J, void (*compile)(js_State *J, const char *text));
/** Put the text on top of the stack through it. */
void js_libcompile(js_State *J);

/** Replace a Promise on top of the stack by its value, or throw; other values
 * stay. Whatever Promises have to do is done. */
void js_libsettle(js_State *J);

#endif
