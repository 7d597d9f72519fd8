/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ES_H
#define FLOW_ES_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "base/flow_error.h"

/**
 * The syntax compiler: ES2020 source in, ES5 that mujs runs out.
 *
 * A compilation uses only its pool and its arguments, so any number may run at
 * once; the same source gives the same output. It takes well under a
 * millisecond per kB of source and is bounded: source of 1 MB, 1000 levels of
 * nesting, 1500 operators in a row; beyond that it is refused, and so it is
 * when the native stack does not suffice (that takes 2 MB at most).
 *
 * What is compiled, and how:
 *
 * let, const, class, functions in blocks: variables of the function, renamed
 *   (x$7) where a name is taken. When a closure keeps a variable of a loop's
 *   body, the variables live in an object per iteration that `with` puts into
 *   scope: break, continue and return stay what they are. const is checked
 *   where it is assigned (TypeError at run time).
 *   A closure in the head of a for loop sees the loop's one variable.
 * Use before declaration: ReferenceError, where it is certain from the text;
 *   a closure that may be called too early checks at run time. Code before the
 *   declaration that cannot call the closure makes the check unnecessary, so
 *   functions that use constants of the script's top cost nothing.
 * Arrow functions: functions; this, arguments and new.target of the outside
 *   are kept in variables there.
 * Classes: a function called at once, see flow_es_class.c. Fields are defined,
 *   not assigned. Methods are not enumerable. `extends` takes functions,
 *   classes and built-in constructors (Error, Array, Map): those make the
 *   object, which then gets the class's prototype. A private name is a string
 *   key made per evaluation of the class ("#x@5"), not enumerable: never in
 *   JSON, but seen by Object.getOwnPropertyNames. A private method is there
 *   once for each evaluation of the class; its objects are only marked as ones
 *   that have it, by such a key too. A constructor of a derived class returns
 *   at its end: what it may return is looked at outside of try and for-of.
 * Patterns, defaults, rest: assignments in source order. An iterable is read
 *   into an array first, and its iterator is closed before targets are
 *   assigned.
 * Spread, for-of: arrays are walked by index; strings by code point; all else
 *   by its iterator, whose `return` is called when the loop is left early (what
 *   was thrown stays what is thrown, whatever that does). The
 *   protocol's key is the string "@@iterator", which Symbol.iterator must be.
 * Templates: "a".concat(b, "c"), which makes text as String(b) does. A tag
 *   gets the same frozen array each time.
 * ?. ?? ??= ||= &&= **: temporaries (__flow_t1) and conditions.
 * async and await: __flow_async(function () { body }) and __flow_await(x),
 *   which the library may replace; by default both just go on.
 * import: var __flow_m1 = __flow_require("module", "name", "name"), with the
 *   names that this script takes from it ("*" for all); each use reads the
 *   member. export: __flow_exports gets functions at once, all else by getters.
 * Regular expressions stay literals.
 * eval(): statements have the value that the language gives them; our own
 *   assignments are declarations there, which have none.
 * eval("text") stays that: the engine asks the host to compile the text
 *   (js_setcompile()). Code in a direct eval sees a variable of its
 *   surroundings only under the name it has in the output, and its let and
 *   const are visible there.
 * `debugger` does nothing. Function names (f.name) follow the language except
 *   where the text inside the function means something else by the name.
 *
 * Refused: generators, BigInt, `with`, dynamic import, import.meta, static
 * blocks, decorators, HTML-like comments; and what the language calls an early
 * error. Not kept: parameters that change with `arguments`.
 *
 * "flow 2" and "flow 2a" at the start of a function tell the engine (patch 13)
 * its length, and that it is an arrow function, a method or asynchronous: no
 * constructor.
 *
 * Names that begin with __flow_ are ours. The functions the output calls are
 * in lib/es_runtime.js (flow_es_runtime()) and mujs/jses.c.
 */

typedef struct flow_es_map_t flow_es_map_t;

typedef struct flow_es_options_t {
    int eval;   /* code for eval(): no function around it, no import/export */
    int strict; /* as if it began with 'use strict' */
    /** The lowest address of the stack that may be used; NULL: no matter. */
    const char *stack_guard;
} flow_es_options_t;

/** A name that is imported, and where it stands. */
typedef struct flow_es_name_t {
    const char *name; /* "default"; "*" for all of the module */
    int line, column;
} flow_es_name_t;

/** A declaration that names a module: import, or export from. */
typedef struct flow_es_import_t {
    const char *module;
    int line, column; /* of the module's name */
    int is_star;      /* export * from */
    const flow_es_name_t *names;
    int nnames;
} flow_es_import_t;

typedef struct flow_es_output_t {
    /**
     * "(function (__flow_exports, __flow_functions, __flow_require) {...})":
     * run it, then call the value with this = the global object, two objects
     * and a function. The second gets the functions by name, see below. With
     * options.eval, the code itself. Ends with a zero byte.
     */
    const char *text;
    apr_size_t len;
    const flow_es_map_t *map;
    int needs_runtime; /* it calls what lib/es_runtime.js defines */
    /** Top-level functions, and variables that begin as one, in order. */
    const char *const *functions;
    int nfunctions;
    /** In the order in which they are required. */
    const flow_es_import_t *imports;
    int nimports;
    /** What others may import, less what `export *` adds. */
    const char *const *exports;
    int nexports;
} flow_es_output_t;

/**
 * Compile @a source (UTF-8, a BOM is skipped). @a opt may be NULL. What is
 * wrong is FLOW_E_CONFIG "script_syntax" with "FILE:LINE:COLUMN: reason" (lines
 * and columns from 1, columns in characters). All of @a out is in @a p.
 */
apr_status_t flow_es_compile(const char *source, apr_size_t len,
                             const char *filename, const flow_es_options_t *opt,
                             flow_es_output_t *out, apr_pool_t *p,
                             flow_error_t *err);

/**
 * Where the statement began that line @a gen_line of the output comes from; with
 * @a word (may be NULL) the place in it where that stands. Returns 0 (and 1:1)
 * when there is no such line.
 */
int flow_es_map_position(const flow_es_map_t *map, int gen_line,
                         const char *word, int *src_line, int *src_col);

/** The text of lib/es_runtime.js: runs in a state before any output does, and
 * after js_esinit() of mujs/jses.h. */
const char *flow_es_runtime(void);

#endif
