/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SCRIPT_PRIVATE_H
#define FLOW_SCRIPT_PRIVATE_H

#include <jsflow.h>

#include "base/flow_buf.h"
#include "script/flow_arena.h"
#include "script/flow_es.h"
#include "script/flow_script.h"
#include "script/flow_stop.h"

/**
 * What the files of the script engine share.
 *
 * flow_script.c         compiling, and what is known about a script
 * flow_script_engine.c  the pool of worlds, and calling
 * flow_script_world.c   a mujs state in an arena: load, restore, run
 * flow_script_value.c   json_t to script values, JSON.parse
 * flow_script_take.c    script values to json_t
 * flow_script_lib.c     what scripts see: console, integrator-api, mod_flow
 * flow_script_module.c  what scripts import: files and packages
 * flow_script_throw.c   exceptions to flow_error_t and back
 *
 * Inside and outside. Functions that call js_* run "inside" (see flow_stop.h)
 * and may be left at any instruction; they hold nothing. Whatever allocates,
 * frees or calls the host stands between flow_stop_leave() and
 * flow_stop_enter().
 */
typedef struct flow_script_module_t flow_script_module_t;

struct flow_script_t {
    const char *id;
    const char *filename;
    const flow_script_module_t *main;           /* its text is a program */
    const flow_script_module_t *const *modules; /* main is the first */
    int n_modules;
    int needs_runtime; /* what the compiler's output calls */
    const char *const *functions;
    int n_functions;
    apr_uint64_t serial; /* tells scripts apart when memory is reused */
};

typedef struct flow_script_import_t {
    const char *name;                   /* as written */
    const flow_script_module_t *target; /* NULL: the host's */
    int is_star;                        /* and passed on */
} flow_script_import_t;

struct flow_script_module_t {
    const char *path;         /* of a file; or the package's name */
    const char *tag;          /* what the engine knows instead, no path */
    const char *dir;          /* what its imports are relative to */
    const char *text;         /* ES5: a function */
    const flow_es_map_t *map; /* NULL: a package */
    const char *const *exports;
    int n_exports;
    flow_script_import_t *imports;
    int n_imports;
    int number;
    int is_package;
    int is_open; /* being compiled */
};

/** Packages that are built in; the list ends with a name of NULL. Made by
 * lib/embed.sh when mod_flow is built. */
typedef struct flow_package_t {
    const char *name, *text;
} flow_package_t;
extern const flow_package_t flow_packages[];

/** A mujs state with one script loaded. One thread at a time. */
typedef struct flow_world_t {
    flow_arena_t *arena;
    js_State *J;
    int is_booting; /* large allocations are mujs' stacks */
    /* the engine's */
    const flow_script_t *script;
    apr_uint64_t serial;
    apr_size_t resident; /* as counted while idle */
    struct flow_world_t *next, *prev;
} flow_world_t;

#define FLOW_CALL_ERRORS 16
#define FLOW_TRACE_MAX   1024

/** One call, or the loading of a script. */
typedef struct flow_script_call_t {
    flow_stop_t stop;
    flow_world_t *world;
    js_State *J;
    const flow_script_t *script;
    const char *function; /* NULL: load the script */
    const json_t *arg;
    const flow_script_host_t *host; /* may be NULL */
    apr_time_t deadline;
    const int *client;           /* as flow_script_limits_t */
    apr_interval_time_t allowed; /* until then, from the call's start */
    apr_size_t memory, result_size;
    /* Trees that are being read or made, so that a jump loses none. */
    json_t *held;
    /* What went wrong in host calls, by the mark of the Error it became. */
    flow_error_t *host_errors;
    unsigned n_host_errors;
    /* results */
    json_t *result; /* owned */
    int threw;
    flow_error_t *err; /* never NULL */
    apr_pool_t *p;
    char trace[FLOW_TRACE_MAX]; /* where it threw, "" when unknown */
    flow_buf_t line;            /* of console; kept from line to line */
    int line_in_use;
} flow_script_call_t;

/* ---- flow_script_world.c ---- */

/** Also says what mujs needs beside @a memory. */
apr_status_t flow_world_create(flow_world_t **pworld, apr_size_t memory);
void flow_world_destroy(flow_world_t *world);

/** Fill an empty world with call->script and keep a snapshot; call->result
 * becomes an array of the names of the script's functions. On failure, which
 * call->err has, the world must be destroyed or loaded anew. */
apr_status_t flow_world_load(flow_world_t *world, flow_timer_t *timer,
                             flow_script_call_t *call);
/** Restore the world and run call->function. */
apr_status_t flow_world_call(flow_world_t *world, flow_timer_t *timer,
                             flow_script_call_t *call);
/** After a call: give memory back; @a all after one that failed. */
void flow_world_rest(flow_world_t *world, int all);

/** The call whose code runs in @a J. */
flow_script_call_t *flow_call_of(js_State *J);

/* ---- flow_script_take.c ---- */

typedef enum {
    FLOW_TAKE_RESULT,   /* strict: functions, Dates, Errors are refused */
    FLOW_TAKE_ARGUMENT, /* as JSON.stringify */
    FLOW_TAKE_TEXT      /* for people: everything becomes something */
} flow_take_e;

/**
 * Read the value on top of the stack and pop it. Inside. *pv is held by the
 * call until flow_script_drop(mark), NULL for undefined. On failure code and
 * why say what is wrong ("the result ... is a Date").
 */
typedef struct flow_taken_t {
    json_t *value;    /* NULL: undefined */
    unsigned mark;    /* for flow_script_drop() */
    const char *code; /* NULL: all is well */
    char why[256];
} flow_taken_t;
void flow_script_take(flow_script_call_t *call, flow_take_e how, apr_size_t max,
                      flow_taken_t *taken);

/* ---- flow_script_value.c ---- */

/** Push @a v. Inside. */
void flow_script_push(flow_script_call_t *call, const json_t *v);
/** Let go of what the call has held since @a mark. Outside. */
void flow_script_drop(flow_script_call_t *call, unsigned mark);
/** Let the call hold @a v (new, may be NULL). Outside. */
unsigned flow_script_hold(flow_script_call_t *call, json_t *v);

/** Push what is held at @a mark and let go of it, also when that throws.
 * Inside. */
void flow_script_push_held(flow_script_call_t *call, unsigned mark);

/** How long a text is in JSON, quotes included. */
apr_size_t flow_script_quoted_length(const char *s, apr_size_t len);

/** JSON.parse's reader. Inside. */
void flow_script_parse(js_State *J, const char *text);

/* ---- flow_script_lib.c ---- */

/** Define what scripts see. Inside. */
void flow_lib_define(js_State *J);
/** Define what the compiler's output calls, once. Inside. */
void flow_lib_runtime(js_State *J);
/** Is this the name of a module of the host's? */
int flow_lib_is_module(const char *module);
int flow_lib_has(const char *module, const char *name);
/** What a module exports, and which modules there are; for messages. */
const char *flow_lib_names(const char *module, apr_pool_t *p);
const char *flow_lib_module_names(apr_pool_t *p);
/** Push member @a name of a module, or all of it for "*". Inside. */
void flow_lib_import(js_State *J, const char *module, const char *name);

/* ---- flow_script_module.c ---- */

/** Compile the script with all that it imports; fills script->modules. */
apr_status_t flow_module_compile(flow_script_t *script,
                                 const flow_script_files_t *files,
                                 const char *source, apr_size_t len,
                                 apr_pool_t *p, flow_error_t *err);
/** Where in the state's registry the functions of the script are, an object. */
#define FLOW_FUNCTIONS "functions"
/** Push what module @a m exports, after running it if nobody has. Inside. */
void flow_module_run(js_State *J, const flow_script_module_t *m);
const flow_package_t *flow_package_find(const char *name);
/** All modules that are no files, for messages. */
const char *flow_module_names(apr_pool_t *p);
/** What stands behind the last slash. */
const char *flow_script_base_name(const char *path);

/* ---- flow_script_throw.c ---- */

/** Describe the exception on top of the stack in call->err. Inside. */
void flow_throw_describe(flow_script_call_t *call);
/** The value on top of the stack gives way to its text; that of an Error, with
 * @a with_trace, tells its call stack, too. Inside. */
void flow_throw_text(flow_script_call_t *call, int with_trace);
/** Define what Errors have: stack. Inside. */
void flow_throw_define(js_State *J);
/** Throw a host's failure as an Error. Inside. */
void flow_throw_host(flow_script_call_t *call, int status,
                     const flow_error_t *why) __attribute__((noreturn));
/** err for a run that was stopped. Outside. */
apr_status_t flow_throw_stopped(flow_script_call_t *call, flow_stop_e why);

#endif
