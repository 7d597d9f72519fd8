/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SCRIPT_H
#define FLOW_SCRIPT_H

#include <apr_pools.h>
#include <apr_time.h>
#include <jansson.h>

#include "base/flow_error.h"

/**
 * Scripts in mujs: compiled once, run in a clean world per call, bounded.
 *
 * A flow_script_t is a script's source after the syntax compiler, with the
 * names of its functions: made while the configuration is read, immutable,
 * shared by children through fork and by all their threads.
 *
 * A flow_script_engine_t belongs to one process. It keeps arenas: one block of
 * memory each, in which a mujs state with our library and one script has been
 * loaded, and a copy of the used bytes. A call takes an arena of its script
 * (or loads a new one), copies the bytes back, runs, and gives it back. So no
 * global, prototype change or half-finished exception of an earlier call is
 * ever seen, and a call may be stopped at any instruction.
 *
 * Threads: every function may be called from any thread; a call runs wholly on
 * the caller's thread. docs/internals.md has the argument for the hard stop.
 */
typedef struct flow_script_t flow_script_t;
typedef struct flow_script_engine_t flow_script_engine_t;

/** Once per process before threads exist (and again in a child after fork it
 * is harmless): time zone, locale, the stop signal's handler. */
void flow_script_global_init(void);

/**
 * Compile @a source (UTF-8). @a id is the script's _id, @a filename what error
 * messages call it. Syntax errors are FLOW_E_CONFIG "script_syntax" with
 * "FILE:LINE:COLUMN: reason". The script's top level is run once in a scratch
 * arena (limits: 2 s, @a memory) so that a throwing top level is found at startup.
 */
apr_status_t flow_script_compile(flow_script_t **pscript, const char *id,
                                 const char *filename, const char *source,
                                 apr_size_t len, apr_size_t memory,
                                 apr_pool_t *p, flow_error_t *err);

/** How the files that a script imports (`import ... from './lib.js'`) are
 * read. Used only while the script is compiled. */
typedef struct flow_script_files_t {
    void *baton;
    const char *dir; /* of the script; NULL: of its file's name */
    /** The whole of a file. The message says what is wrong and names it. */
    apr_status_t (*read)(void *baton, const char *path, const char **ptext,
                         apr_size_t *plen, apr_pool_t *p, flow_error_t *err);
} flow_script_files_t;

/** The same for a script that may import files. */
apr_status_t flow_script_compile_files(flow_script_t **pscript, const char *id,
                                       const char *filename,
                                       const flow_script_files_t *files,
                                       const char *source, apr_size_t len,
                                       apr_size_t memory, apr_pool_t *p,
                                       flow_error_t *err);

const char *flow_script_id(const flow_script_t *script);
/** Does the script define a global function of that name (case counts)? */
int flow_script_has(const flow_script_t *script, const char *function);
/** The names of its functions, comma separated, for messages. */
const char *flow_script_functions(const flow_script_t *script, apr_pool_t *p);

/**
 * What a script may call, filled in by the floor above. Both run on the
 * calling thread, outside of mujs, with no signal able to interrupt them; they
 * must respect @a deadline. All pointers may be used only during the call.
 */
typedef struct flow_script_host_t {
    void *baton;
    /**
     * `object.function(argument)` of the integrator-api and mod_flow modules,
     * e.g. "exports", "run"; @a object is "" for functions that belong to none.
     * @a args is an array, borrowed. *presult is new (NULL = undefined).
     * An error becomes a JavaScript Error with the enumerable fields name,
     * code, message, statusCode (when not 0 in @a pstatus) and errors.
     */
    apr_status_t (*call)(void *baton, const char *object, const char *function,
                         const json_t *args, apr_time_t deadline,
                         json_t **presult, int *pstatus, flow_error_t *err);
    /** console.error/warn/info/log/debug; text is valid UTF-8. May be NULL. */
    void (*console)(void *baton, const char *level, const char *text,
                    apr_size_t len);
    /** The call failed with @a why. @a trace is the call stack in the author's
     * terms, "f (lib.js:3), g (main.js:7)", or "". May be NULL. */
    void (*failed)(void *baton, const flow_error_t *why, const char *trace);
} flow_script_host_t;

typedef struct flow_script_limits_t {
    apr_time_t deadline;    /* absolute */
    apr_size_t result_size; /* bytes of JSON text; 0 = 5 MB */
    /** The socket of who waits for the result: when it is closed the call is
     * stopped (client_gone). NULL: nobody. */
    const int *client;
} flow_script_limits_t;

/**
 * Whether engines made from now on note what a call writes to (flow_guard.h),
 * as they do at first; if not they copy all of a world before each call, and
 * leave the signal of memory faults alone (FlowScriptWatch).
 */
void flow_script_watch(int is_on);

/**
 * @a memory: bytes of one arena (FlowScriptMemory); @a max_arenas bounds how
 * many exist at once in this process (a call waits for one until its deadline,
 * then fails FLOW_E_UNAVAILABLE "script_busy"); @a max_idle_bytes bounds what
 * idle arenas may keep resident. Starts the timer thread; released with @a p,
 * which joins it.
 */
apr_status_t flow_script_engine_create(flow_script_engine_t **pengine,
                                       apr_size_t memory, int max_arenas,
                                       apr_size_t max_idle_bytes, apr_pool_t *p,
                                       flow_error_t *err);

/**
 * Call @a function of @a script with one argument. @a arg is borrowed and not
 * changed. *presult is new; NULL when the function returned undefined.
 *
 * Numbers cross exactly: a number that the script only moved comes back with
 * its own text (19.90, 9007199254740993, 1e400). Keys keep their order. Text
 * that comes out is valid UTF-8.
 *
 * Failures (FLOW_E_SCRIPT unless said otherwise), code in parentheses:
 * the script threw (its error's `code`, else its `name`, else "script_error";
 * message "FILE:LINE: text", FILE without its directory, for errors made by
 * the engine, the bare message
 * for a thrown object with `message`); no such function (invalid_function);
 * the result is no JSON: function, Date, cycle, Error (invalid_extension_
 * response); too large (response_size_exceeded); memory limit
 * (script_memory); stack (script_stack); deadline (script_timeout, status
 * APR_TIMEUP). The last three cannot be caught by the script.
 * When a host call failed and the script did not catch it, the error passes
 * through unchanged in kind, code and message.
 */
apr_status_t flow_script_call(flow_script_engine_t *engine,
                              const flow_script_t *script, const char *function,
                              const json_t *arg,
                              const flow_script_limits_t *limits,
                              const flow_script_host_t *host, json_t **presult,
                              apr_pool_t *p, flow_error_t *err);

typedef struct flow_script_stats_t {
    apr_uint32_t arenas; /* existing now */
    apr_uint32_t busy;   /* of those, in a call now */
    apr_uint64_t calls, stopped, out_of_memory, loads;
} flow_script_stats_t;
void flow_script_engine_stats(const flow_script_engine_t *engine,
                              flow_script_stats_t *stats);

#endif
