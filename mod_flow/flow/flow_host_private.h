/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_HOST_PRIVATE_H
#define FLOW_HOST_PRIVATE_H

#include "data/flow_json.h"
#include "flow/flow_host.h"
#include "flow/flow_record.h"
#include "flow/flow_state.h"

/**
 * What the files of the modules 'integrator-api' and 'mod_flow' share.
 *
 * flow_host.c          which function is called; running things
 * flow_host_docs.c     find, get, and what is refused
 * flow_host_state.c    state and lookup caches
 * flow_host_virtual.c  runVirtual
 * flow_host_request.c  request
 * flow_host_own.c      what Celigo does not have: sleep, crypto
 */

/** One call out of a script. */
typedef struct flow_host_call_t {
    const flow_env_t *env; /* NULL: a tool without documents */
    flow_caller_t caller;  /* of what is called */
    const char *object;    /* "exports", or "" */
    const char *function;
    const char *name;      /* "exports.run" */
    const json_t *args;    /* array */
    const json_t *options; /* the first one when it is an object, or NULL */
    const char *id;        /* the _id in the first one, or NULL */
    int status;            /* for the exception; 0 = follows from the error */
    apr_pool_t *p;
} flow_host_call_t;

typedef apr_status_t flow_host_fn(flow_host_call_t *call, json_t **presult,
                                  flow_error_t *err);

typedef struct flow_host_function_t {
    const char *object, *function; /* "*": every object */
    flow_host_fn *run;
} flow_host_function_t;

/* Each ends with a row whose object is NULL. */
extern const flow_host_function_t flow_host_docs[];
extern const flow_host_function_t flow_host_state[];
extern const flow_host_function_t flow_host_virtual[];
extern const flow_host_function_t flow_host_own[];

/** Run call->object's call->function with @a args. */
apr_status_t flow_host_run(flow_host_call_t *call, const json_t *args,
                           json_t **presult, flow_error_t *err);
flow_host_fn flow_host_request;

/** Member @a name of the first argument, or NULL. */
const json_t *flow_host_option(const flow_host_call_t *call, const char *name);
/** Argument @a i as text, NULL when it is none. */
const char *flow_host_text(const flow_host_call_t *call, apr_size_t i,
                           apr_size_t *plen);

/** "exports.run ...": what the script got wrong; it answers 422. */
apr_status_t flow_host_wrong(flow_host_call_t *call, flow_error_t *err,
                             const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
