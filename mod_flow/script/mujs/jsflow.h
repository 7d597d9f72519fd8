/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSFLOW_H
#define JSFLOW_H

#include "mujs.h"

/**
 * What mod_flow adds to mujs: a host that reads values without running script
 * code, numbers that remember their text, errors that remember who made them.
 *
 * jsflow.c is compiled into mujs' one object and knows its insides; the rest of
 * script/ sees only this header and mujs.h.
 *
 * Nothing here takes a lock or allocates outside of the state's allocator.
 */

/** Once per process, before threads exist: locale of number reading, and the
 * offset of local time. */
void js_globalinit(void);

/** Call for a new state. @a parse pushes the value of a JSON text, or throws. */
void js_flowinit(js_State *J, js_ParseText parse);

/** Start Math.random() anew: a restored state would repeat itself. */
void js_seed(js_State *J, unsigned int seed);

/** What eval() and Function() put their text through; see jslib.h. */
void js_setcompile(js_State *J, void (*compile)(js_State *J, const char *text));

/** Before a snapshot: forget what only the next regular expression needs. */
void js_rest(js_State *J);

/**
 * A Promise on top of the stack gives way to its value, or its reason is
 * thrown; whatever Promises have to do is done first. Other values stay.
 */
void js_settle(js_State *J);

/** Push UTF-8 that may contain U+0000. */
void js_pushutf8(js_State *J, const char *s, int len);

/**
 * Push the number that @a text (one JSON number) says, together with that
 * text. The text costs memory of the state only when it is neither what
 * String(number) would give nor that with zeros behind it.
 */
void js_pushnumberastext(js_State *J, const char *text, int len);

/* ---- reading values; no script code runs, nothing changes ---- */

typedef union js_Value js_Value;
typedef struct js_Property js_Property;

typedef enum {
    JS_KUNDEFINED, /* also a Symbol */
    JS_KNULL,
    JS_KBOOLEAN, /* also a Boolean object, and so on */
    JS_KNUMBER,
    JS_KSTRING,
    JS_KARRAY,
    JS_KOBJECT, /* anything with members that is none of the others */
    JS_KFUNCTION,
    JS_KDATE,
    JS_KERROR
} js_Kind;

/** Borrowed; good until the stack changes or script code runs. */
const js_Value *js_peek(js_State *J, int idx);
js_Kind js_valuekind(const js_Value *v);
int js_valueboolean(const js_Value *v);
double js_valuenumber(const js_Value *v);
/** UTF-8 with C0 80 for U+0000, and possibly lone surrogates. */
const char *js_valuestring(const js_Value *v);
/** The number's text, NULL when it is just the double. */
const char *js_valuetext(js_State *J, const js_Value *v, char buf[40]);
/** Two values are the same object when this is equal. */
const void *js_valueobject(const js_Value *v);

int js_arraylength(const js_Value *array);
/** NULL: a hole. *paccessor is set when a getter would have to run. */
const js_Value *js_arrayat(const js_Value *array, int i, int *paccessor);

/** The own properties in order, *pn of them; give the list back with
 * js_freemembers(). NULL when there are none. */
js_Property **js_members(js_State *J, const js_Value *object, int *pn);
void js_freemembers(js_State *J, js_Property **members);
const char *js_membername(const js_Property *m);
int js_memberenumerable(const js_Property *m);
/** NULL: a getter would have to run. */
const js_Value *js_membervalue(const js_Property *m);
/** Would JSON.stringify call a toJSON (or run a getter to find one)? */
int js_hastojson(js_State *J, const js_Value *object);

/** "Map", "Set", "RegExp", "Promise", or NULL for any other value. */
const char *js_classname(const js_Value *v);
/** A Map or a Set? */
int js_iscollection(const js_Value *v);
/** A Map or Set on top of the stack gives way to {"Map": [[key, value], ...]}
 * or {"Set": [value, ...]}, for people to read. */
void js_showcollection(js_State *J);

/** Is it a function written in the script (not a built-in one)? */
int js_isscripted(const js_Value *v);

/* ---- errors ---- */

/**
 * 0: made by script code (or no Error at all), -1: by the engine itself, else
 * what the host has set.
 */
int js_errormark(js_State *J, int idx);
void js_seterrormark(js_State *J, int idx, int mark);

#endif
