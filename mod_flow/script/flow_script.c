/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <stdatomic.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"

/* How long a script's top level may run while the server starts. */
#define LOAD_TIME apr_time_from_sec(2)

void flow_script_global_init(void)
{
    static int is_done;

    flow_stop_global_init();
    if (!is_done) {
        js_globalinit();
        is_done = 1;
    }
}

static apr_uint64_t next_serial(void)
{
    static atomic_ullong serial;

    return atomic_fetch_add(&serial, 1) + 1;
}

/* A script that does not load is a mistake in the configuration. */
static apr_status_t explain(const flow_error_t *why, flow_error_t *err)
{
    int is_syntax = strcmp(why->code, "SyntaxError") == 0;

    if (why->kind != FLOW_E_SCRIPT) {
        return flow_error_set(err, why->kind, why->status, why->code, "%s",
                              why->message);
    }
    return flow_error_set(err, FLOW_E_CONFIG, why->status,
                          is_syntax ? "script_syntax" : why->code, "%s",
                          why->message);
}

static void set_functions(flow_script_t *script, const json_t *names,
                          apr_pool_t *p)
{
    apr_size_t n = json_array_size(names), i;
    const char **list = apr_pcalloc(p, (n + 1) * sizeof(*list));

    for (i = 0; i < n; ++i) {
        list[i] =
            apr_pstrdup(p, flow_json_string(json_array_get(names, i), NULL));
    }
    script->functions = list;
    script->n_functions = (int)n;
}

/* Load the script once, into a world of its own. */
static apr_status_t try_load(flow_script_t *script, apr_size_t memory,
                             apr_pool_t *p, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    flow_world_t *world = NULL;
    flow_timer_t *timer = NULL;
    flow_script_call_t call;
    apr_status_t rv;

    memset(&call, 0, sizeof(call));
    call.script = script;
    call.deadline = flow_clock() + LOAD_TIME;
    call.allowed = LOAD_TIME;
    call.memory = memory;
    call.err = &why;
    call.p = p;
    flow_buf_init(&call.line, 1);

    rv = flow_world_create(&world, memory);
    if (rv == APR_SUCCESS) {
        rv = flow_timer_create(&timer);
    }
    if (rv != APR_SUCCESS) {
        flow_error_set(
            err, FLOW_E_CONFIG, rv, "script_memory",
            "cannot set up %" APR_SIZE_T_FMT " bytes of script memory", memory);
        goto cleanup;
    }
    rv = flow_world_load(world, timer, &call);
    if (rv == APR_SUCCESS) {
        set_functions(script, call.result, p);
    }
    else {
        rv = explain(&why, err);
    }

cleanup:
    flow_timer_destroy(timer);
    flow_world_destroy(world);
    flow_buf_release(&call.line);
    json_decref(call.held);
    json_decref(call.result);
    return rv;
}

apr_status_t flow_script_compile(flow_script_t **pscript, const char *id,
                                 const char *filename, const char *source,
                                 apr_size_t len, apr_size_t memory,
                                 apr_pool_t *p, flow_error_t *err)
{
    return flow_script_compile_files(pscript, id, filename, NULL, source, len,
                                     memory, p, err);
}

apr_status_t flow_script_compile_files(flow_script_t **pscript, const char *id,
                                       const char *filename,
                                       const flow_script_files_t *files,
                                       const char *source, apr_size_t len,
                                       apr_size_t memory, apr_pool_t *p,
                                       flow_error_t *err)
{
    flow_script_t *script = apr_pcalloc(p, sizeof(*script));
    apr_status_t rv;

    *pscript = NULL;
    flow_script_global_init();
    script->id = apr_pstrdup(p, id);
    script->filename = apr_pstrdup(p, filename);
    script->serial = next_serial();
    rv = flow_module_compile(script, files, source, len, p, err);
    if (rv == APR_SUCCESS) {
        rv = try_load(script, memory, p, err);
    }
    if (rv == APR_SUCCESS) {
        *pscript = script;
    }
    return rv;
}

const char *flow_script_id(const flow_script_t *script)
{
    return script->id;
}

int flow_script_has(const flow_script_t *script, const char *function)
{
    int i;

    for (i = 0; i < script->n_functions; ++i) {
        if (strcmp(script->functions[i], function) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *flow_script_functions(const flow_script_t *script, apr_pool_t *p)
{
    const char *names = script->n_functions ? script->functions[0] : "none";
    int i;

    for (i = 1; i < script->n_functions; ++i) {
        names = apr_pstrcat(p, names, ", ", script->functions[i], NULL);
    }
    return names;
}
