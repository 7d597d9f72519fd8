/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <jses.h>
#include "script/flow_es.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_buf.h"
#include "data/flow_json.h"

/* What one console line may hold. */
#define CONSOLE_MAX 8192

/* What eval() and Function() take: compiling takes many times that. */
#define EVAL_MAX 262144

/* What one host call may be given. */
#define ARGUMENTS_MAX ((apr_size_t)5 << 20)

/* ---- console ---- */

/* Append argument @a i as people want to see it. */
static void console_argument(flow_script_call_t *call, flow_buf_t *line, int i)
{
    js_State *J = call->J;
    flow_taken_t taken;
    const char *text;
    apr_size_t len;

    js_copy(J, i);
    flow_script_take(call, FLOW_TAKE_TEXT, CONSOLE_MAX, &taken);
    flow_stop_leave(&call->stop);
    if (i > 1) {
        flow_buf_addc(line, ' ');
    }
    text = flow_json_string(taken.value, &len);
    if (taken.code) {
        flow_buf_addf(line, "(value %s)", taken.why);
    }
    else if (text) {
        flow_buf_add(line, text, len);
    }
    else if (taken.value) {
        flow_json_write(line, taken.value, FLOW_JSON_COMPACT);
    }
    else {
        flow_buf_adds(line, "undefined");
    }
    flow_script_drop(call, taken.mark);
    flow_stop_enter(&call->stop);
}

/* Cut at a character's end, and say so. */
static apr_size_t cut(flow_buf_t *line)
{
    apr_size_t len = line->len;

    if (!line->data || (line->status == APR_SUCCESS && len <= CONSOLE_MAX)) {
        return len;
    }
    if (len > CONSOLE_MAX) {
        len = CONSOLE_MAX;
    }
    if (len < 3) {
        return len; /* out of memory at the first word */
    }
    len -= 3;
    while (len > 0 && ((unsigned char)line->data[len] & 0xC0) == 0x80) {
        --len;
    }
    memcpy(line->data + len, "...", 3);
    return len + 3;
}

static void console_write(js_State *J)
{
    flow_script_call_t *call = flow_call_of(J);
    const char *level = js_currentfunctiondata(J);
    int n = js_gettop(J), i;
    flow_buf_t *line;

    if (!call->host || !call->host->console) {
        return;
    }
    /* The line is the call's, so that a jump does not lose it. */
    line = &call->line;
    flow_stop_leave(&call->stop);
    if (call->line_in_use) {
        /* a getter of an argument writes a line itself; one is enough */
        flow_stop_enter(&call->stop);
        return;
    }
    call->line_in_use = 1;
    flow_buf_clear(line);
    flow_stop_enter(&call->stop);

    if (js_try(J)) {
        call->line_in_use = 0;
        js_throw(J);
    }
    for (i = 1; i < n && line->status == APR_SUCCESS; ++i) {
        console_argument(call, line, i);
    }
    js_endtry(J);

    flow_stop_leave_far(&call->stop);
    call->line_in_use = 0;
    call->host->console(call->host->baton, level, line->data ? line->data : "",
                        cut(line));
    flow_stop_enter_far(&call->stop);
}

static void define_console(js_State *J)
{
    static const char *const levels[] = { "error", "warn", "info", "log",
                                          "debug" };
    int i;

    js_newobject(J);
    for (i = 0; i < (int)(sizeof(levels) / sizeof(levels[0])); ++i) {
        js_newcfunctionx(J, console_write, levels[i], 0,
                         (void *)(apr_uintptr_t)levels[i], NULL);
        js_defproperty(J, -2, levels[i], JS_DONTENUM);
    }
    js_defglobal(J, "console", JS_DONTENUM);
}

/* ---- integrator-api and mod_flow ---- */

#define API           "integrator-api"
#define OWN           "mod_flow"
#define CRUD          "find", "get", "create", "update", "patch", "delete"
#define MAX_FUNCTIONS 18

/* What the modules export: objects with functions, or (is_function) functions
 * that belong to no object. */
static const struct {
    const char *module, *name;
    int is_function;
    const char *functions[MAX_FUNCTIONS];
} objects[] = {
    { API,
      "exports",
      0,
      { "run", "runVirtual", "runVirtualWithPaging", CRUD } },
    { API, "imports", 0, { "run", "runVirtual", CRUD } },
    { API, "flows", 0, { "run", CRUD } },
    { API, "connections", 0, { CRUD } },
    { API, "integrations", 0, { CRUD } },
    { API, "accessTokens", 0, { CRUD } },
    { API, "asyncHelpers", 0, { CRUD } },
    { API, "fileDefinitions", 0, { CRUD } },
    { API,
      "state",
      0,
      { "get", "put", "delete", "getKeys", "getForResource", "putForResource",
        "deleteForResource", "getKeysForResource" } },
    { API,
      "lookupCaches",
      0,
      { "getData", "upsertData", "deleteData", "purgeData", "upsert", "purge",
        CRUD } },
    { API, "request", 1, { "request" } },
    { OWN, "sleep", 1, { "sleep" } },
    { OWN,
      "crypto",
      0,
      { "hash", "hmac", "timingSafeEqual", "uuid", "randomBytes" } },
};
#define N_OBJECTS ((int)(sizeof(objects) / sizeof(objects[0])))

/* The arguments as a new array, held by the call. Throws. */
static void take_arguments(flow_script_call_t *call, flow_taken_t *taken)
{
    js_State *J = call->J;
    int n = js_gettop(J), i;

    js_newarray(J);
    for (i = 1; i < n; ++i) {
        js_copy(J, i);
        js_setindex(J, -2, i - 1);
    }
    flow_script_take(call, FLOW_TAKE_ARGUMENT, ARGUMENTS_MAX, taken);
    if (taken->code) {
        flow_stop_leave(&call->stop);
        flow_script_drop(call, taken->mark);
        flow_stop_enter(&call->stop);
        js_typeerror(J, "an argument cannot be passed on: %s", taken->why);
    }
}

static void call_host(flow_script_call_t *call, const char *object,
                      const char *function)
{
    const flow_script_host_t *host = call->host;
    js_State *J = call->J;
    flow_error_t why = FLOW_ERROR_INIT;
    json_t *result = NULL;
    apr_status_t rv = APR_ENOTIMPL;
    flow_taken_t args;
    int status = 0;
    unsigned mark = 0;

    take_arguments(call, &args);
    flow_stop_leave_far(&call->stop);
    if (host && host->call) {
        rv = host->call(host->baton, object, function, args.value,
                        call->deadline, &result, &status, &why);
    }
    if (rv != APR_SUCCESS) {
        flow_error_set(&why, FLOW_E_SCRIPT, rv, "not_available",
                       "%s%s%s() is not available here", object,
                       *object ? "." : "", function);
    }
    flow_script_drop(call, args.mark);
    if (rv != APR_SUCCESS) {
        json_decref(result);
        result = NULL;
    }
    if (result) {
        mark = flow_script_hold(call, result);
    }
    flow_stop_enter_far(&call->stop);
    if (rv != APR_SUCCESS) {
        flow_throw_host(call, status, &why);
    }
    if (result) {
        flow_script_push_held(call, mark);
    }
    else {
        js_pushundefined(J);
    }
}

/* The function's data is where its name stands in `objects`, so that the
 * object it belongs to can be told. */
static void integrator_function(js_State *J)
{
    const char *const *slot = js_currentfunctiondata(J);
    int i;

    for (i = 0; i < N_OBJECTS; ++i) {
        if (slot >= objects[i].functions &&
            slot < objects[i].functions + MAX_FUNCTIONS) {
            call_host(flow_call_of(J),
                      objects[i].is_function ? "" : objects[i].name, *slot);
            return;
        }
    }
}

static void push_function(js_State *J, const char *const *slot)
{
    js_newcfunctionx(J, integrator_function, *slot, 0,
                     (void *)(apr_uintptr_t)slot, NULL);
}

static void push_object(js_State *J, int which)
{
    const char *const *slot = objects[which].functions;

    if (objects[which].is_function) {
        push_function(J, slot);
        return;
    }
    js_newobject(J);
    for (; *slot; ++slot) {
        push_function(J, slot);
        js_defproperty(J, -2, *slot, 0);
    }
}

static int find_object(const char *module, const char *name)
{
    int i;

    for (i = 0; i < N_OBJECTS; ++i) {
        if (strcmp(objects[i].module, module) == 0 &&
            strcmp(objects[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* A module's object is made when the first script line imports it: most
 * scripts use one of them or none, and what is not made need not be copied. */
static void import_member(js_State *J, int which)
{
    js_getregistry(J, objects[which].name);
    if (!js_isundefined(J, -1)) {
        return;
    }
    js_pop(J, 1);
    push_object(J, which);
    js_copy(J, -1);
    js_setregistry(J, objects[which].name);
}

void flow_lib_import(js_State *J, const char *module, const char *name)
{
    int i = find_object(module, name);

    if (i >= 0) {
        import_member(J, i);
        return;
    }
    if (strcmp(name, "*") != 0) {
        js_typeerror(J, "'%s' has no '%s'", module, name);
    }
    js_newobject(J);
    for (i = 0; i < N_OBJECTS; ++i) {
        if (strcmp(objects[i].module, module) == 0) {
            import_member(J, i);
            js_setproperty(J, -2, objects[i].name);
        }
    }
}

int flow_lib_is_module(const char *module)
{
    return strcmp(module, API) == 0 || strcmp(module, OWN) == 0;
}

int flow_lib_has(const char *module, const char *name)
{
    return find_object(module, name) >= 0;
}

const char *flow_lib_names(const char *module, apr_pool_t *p)
{
    const char *names = "";
    int i;

    for (i = 0; i < N_OBJECTS; ++i) {
        if (strcmp(objects[i].module, module) == 0) {
            names = apr_pstrcat(p, names, *names ? ", " : "", objects[i].name,
                                NULL);
        }
    }
    return names;
}

const char *flow_lib_module_names(apr_pool_t *p)
{
    return apr_pstrdup(p, "'" API "', '" OWN "'");
}

void flow_lib_runtime(js_State *J)
{
    js_getregistry(J, "runtime");
    if (js_isundefined(J, -1)) {
        js_esinit(J);
        js_loadstring(J, "(runtime)", flow_es_runtime());
        js_pushglobal(J);
        js_call(J, 0);
        js_pop(J, 1);
        js_pushboolean(J, 1);
        js_setregistry(J, "runtime");
    }
    js_pop(J, 1);
}

/* The text of eval() and Function() becomes what the engine understands. */
static void compile_text(js_State *J, const char *text)
{
    flow_es_options_t options = { 1, 0, NULL };
    flow_script_call_t *call = flow_call_of(J);
    flow_error_t why = FLOW_ERROR_INIT;
    flow_es_output_t out;
    json_t *held = NULL;
    apr_pool_t *p = NULL;
    unsigned mark = 0;
    int needs_runtime = 0;

    if (strlen(text) > EVAL_MAX) {
        js_rangeerror(J, "more than %d bytes of code", EVAL_MAX);
    }
    options.stack_guard = js_stackguard;
    flow_stop_leave(&call->stop);
    if (apr_pool_create(&p, call->p) == APR_SUCCESS &&
        flow_es_compile(text, strlen(text), "eval", &options, &out, p, &why) ==
            APR_SUCCESS) {
        held = flow_json_string_new(out.text, out.len);
        needs_runtime = out.needs_runtime;
    }
    if (p) {
        apr_pool_destroy(p);
    }
    if (held) {
        mark = flow_script_hold(call, held);
    }
    flow_stop_enter(&call->stop);
    if (!held) {
        js_syntaxerror(J, "%s",
                       why.message[0] ? why.message : "not valid UTF-8");
    }
    if (needs_runtime) {
        flow_lib_runtime(J);
    }
    flow_script_push_held(call, mark);
}

void flow_lib_define(js_State *J)
{
    js_setcompile(J, compile_text);
    flow_throw_define(J);
    define_console(J);
}
