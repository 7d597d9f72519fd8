/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_host_private.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"
#include "base/flow_log.h"
#include "data/flow_nearest.h"
#include "data/flow_value.h"
#include "flow/flow_outward.h"
#include "flow/flow_scope.h"

#define CONSOLE_MAX 8192 /* bytes of one line */
#define NEAREST_MAX 1024 /* ids looked at for a suggestion */
#define WAIT_MAX    apr_time_from_sec(3600)

/* What is kept back of the caller's time when it waits for a flow, so that the
 * script can still answer. */
#define ANSWER_TIME apr_time_from_msec(500)

/* One script call; the baton of both callbacks. */
typedef struct host_t {
    const flow_env_t *env;
    const flow_caller_t *caller;
    const char *script_id;
    const flow_hook_t *function;
    int is_told; /* the failure is in the log */
    apr_pool_t *p;
} host_t;

/* ---- what the functions share ---- */

const json_t *flow_host_option(const flow_host_call_t *call, const char *name)
{
    return json_object_get(call->options, name);
}

const char *flow_host_text(const flow_host_call_t *call, apr_size_t i,
                           apr_size_t *plen)
{
    return flow_json_string(json_array_get(call->args, i), plen);
}

apr_status_t flow_host_wrong(flow_host_call_t *call, flow_error_t *err,
                             const char *code, const char *fmt, ...)
{
    char text[FLOW_ERROR_MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    call->status = 422;
    return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL, code, "%s %s",
                          call->name, text);
}

/* ---- finding documents ---- */

static const char *nearest_id(apr_hash_t *docs, const char *id, apr_pool_t *p)
{
    const char **ids = apr_palloc(p, NEAREST_MAX * sizeof(*ids));
    apr_hash_index_t *hi;
    apr_size_t n = 0;

    for (hi = apr_hash_first(p, docs); hi && n < NEAREST_MAX;
         hi = apr_hash_next(hi)) {
        ids[n++] = apr_hash_this_key(hi);
    }
    return flow_nearest(id, ids, n);
}

static apr_status_t find_doc(flow_host_call_t *call, apr_hash_t *docs,
                             const char *kind, void **pdoc, flow_error_t *err)
{
    const char *near;

    if (!call->id) {
        call->status = 422;
        return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL,
                              "missing_required_field",
                              "%s needs the _id of the %s", call->name, kind);
    }
    *pdoc = apr_hash_get(docs, call->id, APR_HASH_KEY_STRING);
    if (*pdoc) {
        return APR_SUCCESS;
    }
    near = nearest_id(docs, call->id, call->p);
    call->status = 404;
    return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOENT, "not_found",
                          near ? "there is no %s '%.100s'; did you mean '%s'?"
                               : "there is no %s '%.100s'",
                          kind, call->id, near);
}

/* ---- exports.run, imports.run ---- */

static apr_status_t run_export(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    const json_t *data = flow_host_option(call, "data");
    void *exp = NULL;
    apr_status_t rv =
        find_doc(call, call->env->model->exports, "export", &exp, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!data) {
        data = flow_host_option(call, "listenerData");
    }
    return flow_export_run(call->env, &call->caller, exp, data, presult,
                           call->p, err);
}

static apr_status_t run_import(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    const json_t *data = flow_host_option(call, "data");
    void *imp = NULL;
    apr_status_t rv =
        find_doc(call, call->env->model->imports, "import", &imp, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!data) {
        call->status = 422;
        return flow_error_set(
            err, FLOW_E_SCRIPT, APR_EINVAL, "missing_required_field",
            "%s needs data: a record or an array of them", call->name);
    }
    return flow_import_run(call->env, &call->caller, imp, data, presult,
                           call->p, err);
}

/* ---- flows.run ---- */

/* What is kept with the job: the options without those that are ours. */
static json_t *job_request(const flow_host_call_t *call)
{
    json_t *request =
        call->options ? flow_value_copy(call->options) : json_object();

    json_object_del(request, "_id");
    json_object_del(request, "wait");
    json_object_del(request, "timeout");
    return request;
}

/* The answer of a queued run, with the fields that Celigo's scripts read. */
static json_t *queued_answer(const flow_flow_t *flow, const json_t *request,
                             const char *job_id, apr_pool_t *p)
{
    const char *export_id = flow->ngenerators ? flow->generators[0]->id : NULL;
    const json_t *end = json_object_get(request, "endDate");
    json_t *answer = json_object(), *message = json_object();

    flow_record_set_text(message, "_flowId", flow->id);
    flow_record_set_text(message, "_jobId", job_id);
    flow_record_set_text(message, "_exportId", export_id);

    flow_record_set_text(answer, "_jobId", job_id);
    flow_record_set_text(answer, "_exportId", export_id);
    flow_record_set_text(answer, "_flowId", flow->id);
    json_object_set_new(answer, "message", message);
    if (flow_json_is(end, STRING)) {
        flow_record_share(answer, "endDate", end);
    }
    else {
        flow_record_set_text(answer, "endDate",
                             flow_record_time(apr_time_now(), p));
    }
    return answer;
}

static apr_status_t wait_until(flow_host_call_t *call, apr_time_t *puntil,
                               flow_error_t *err)
{
    const json_t *timeout = flow_host_option(call, "timeout");
    apr_time_t now = flow_clock();
    apr_interval_time_t left = call->caller.deadline - now;
    apr_interval_time_t wait = WAIT_MAX;

    if (timeout && !json_is_null(timeout)) {
        double seconds = flow_json_double(timeout);

        if (!flow_json_is(timeout, NUMBER) || !(seconds > 0)) {
            call->status = 422;
            return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL,
                                  "invalid_field",
                                  "timeout of %s must be a number of seconds "
                                  "above 0",
                                  call->name);
        }
        if (seconds * APR_USEC_PER_SEC < (double)WAIT_MAX) {
            wait = (apr_interval_time_t)(seconds * APR_USEC_PER_SEC);
        }
    }
    left -= left > 2 * ANSWER_TIME ? ANSWER_TIME : left / 2;
    *puntil = now + (wait < left ? wait : left);
    return APR_SUCCESS;
}

static apr_status_t wait_for_flow(flow_host_call_t *call,
                                  const flow_flow_t *flow,
                                  const json_t *request, json_t **presult,
                                  flow_error_t *err)
{
    const flow_jobs_iface_t *jobs = call->env->jobs;
    apr_time_t until = 0;
    apr_status_t rv = wait_until(call, &until, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = jobs->run_wait(jobs->baton, flow, request, until, presult, call->p,
                        err);
    if (APR_STATUS_IS_TIMEUP(rv) && *presult) {
        json_object_set_new(*presult, "timedOut", json_true());
        return APR_SUCCESS;
    }
    return rv;
}

static apr_status_t run_flow(flow_host_call_t *call, json_t **presult,
                             flow_error_t *err)
{
    const flow_jobs_iface_t *jobs = call->env->jobs;
    const flow_flow_t *flow;
    const char *job_id = NULL;
    void *found = NULL;
    json_t *request;
    apr_status_t rv =
        find_doc(call, call->env->model->flows, "flow", &found, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    flow = found;
    if (flow->disabled) {
        call->status = 404;
        return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOENT, "flow_disabled",
                              "flow '%s' is disabled", flow->id);
    }
    if (!jobs) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL,
                              "flows_unavailable",
                              "flow '%s' cannot be run: there is no job store "
                              "here",
                              flow->id);
    }
    request = job_request(call);
    if (json_is_true(flow_host_option(call, "wait"))) {
        rv = wait_for_flow(call, flow, request, presult, err);
    }
    else {
        rv = jobs->queue(jobs->baton, flow, request, &job_id, call->p, err);
        if (rv == APR_SUCCESS) {
            *presult = queued_answer(flow, request, job_id, call->p);
        }
    }
    json_decref(request);
    return rv;
}

/* ---- the module ---- */

/* clang-format off */
static const flow_host_function_t running[] = {
    { "exports", "run", run_export },
    { "imports", "run", run_import },
    { "flows",   "run", run_flow },
    { NULL }
};
/* clang-format on */

static const flow_host_function_t *const tables[] = {
    running, flow_host_virtual, flow_host_state, flow_host_own, flow_host_docs
};

static flow_host_fn *find_function(const char *object, const char *function)
{
    const flow_host_function_t *row;
    apr_size_t i;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); ++i) {
        for (row = tables[i]; row->object; ++row) {
            if ((!strcmp(object, row->object) ||
                 (!strcmp("*", row->object) && *object)) &&
                !strcmp(function, row->function)) {
                return row->run;
            }
        }
    }
    return NULL;
}

/* run('id') and run({_id: 'id'}) are the same. */
static void read_argument(flow_host_call_t *call, const json_t *args)
{
    const json_t *first = json_array_get(args, 0);

    call->args = args;
    call->options = json_is_object(first) ? first : NULL;
    call->id = call->options ? flow_json_member(first, "_id")
                             : flow_json_string(first, NULL);
}

static apr_status_t dispatch(flow_host_call_t *call, json_t **presult,
                             flow_error_t *err)
{
    flow_host_fn *run = find_function(call->object, call->function);

    if (run && !call->env->model && strcmp(call->object, "crypto") &&
        strcmp(call->function, "sleep")) {
        call->status = 501;
        return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOTIMPL, "not_available",
                              "%s is not available here: it needs documents",
                              call->name);
    }
    if (!run) {
        call->status = 501;
        return flow_error_set(
            err, FLOW_E_SCRIPT, APR_ENOTIMPL, "not_implemented",
            "%s of integrator-api is not supported yet", call->name);
    }
    if (call->caller.depth > FLOW_CALL_DEPTH) {
        return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL, "call_depth",
                              "%s: scripts have called each other through "
                              "exports and imports %d levels deep",
                              call->name, FLOW_CALL_DEPTH);
    }
    return run(call, presult, err);
}

apr_status_t flow_host_run(flow_host_call_t *call, const json_t *args,
                           json_t **presult, flow_error_t *err)
{
    read_argument(call, args);
    return dispatch(call, presult, err);
}

apr_status_t flow_host_api(const flow_env_t *env, const flow_caller_t *caller,
                           const char *object, const char *function,
                           const json_t *args, apr_time_t deadline,
                           json_t **presult, int *pstatus, apr_pool_t *p,
                           flow_error_t *err)
{
    flow_host_call_t call = { 0 };
    apr_status_t rv;

    *presult = NULL;
    /* A script may call out in a loop: what one call needs goes with it. */
    rv = apr_pool_create(&call.p, p);
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "out_of_memory",
                              "no memory for a call out of a script");
    }
    call.env = env;
    call.caller = *caller;
    call.caller.depth = caller->depth + 1;
    call.caller.deadline = deadline;
    call.object = object;
    call.function = function;
    call.name = apr_psprintf(call.p, "%.40s%s%.40s", object, *object ? "." : "",
                             function);

    rv = flow_host_run(&call, args, presult, err);
    if (rv != APR_SUCCESS && pstatus) {
        *pstatus = call.status ? call.status
                   : err       ? flow_error_http_status(err)
                               : 0;
    }
    apr_pool_destroy(call.p);
    return rv;
}

/* Into the script log, which says for whom the script ran. */
static void keep_line(const host_t *host, const char *level, const char *text,
                      apr_size_t len)
{
    const flow_state_iface_t *state = host->env->state;
    const flow_caller_t *caller = host->caller;
    flow_script_line_t line = { level, host->script_id };

    if (!state) {
        return;
    }
    line.flow_id = caller->flow ? caller->flow->id : NULL;
    line.api_id = caller->api ? caller->api->id : NULL;
    line.job_id = flow_json_member(caller->job, "_id");
    line.text = text;
    line.len = len;
    state->log(state->baton, &line);
}

/* Scripts of flows have no caller; what others learn can go out. */
static void hide_places(const host_t *host, const char *object,
                        const char *function, const json_t *args,
                        json_t *result, flow_error_t *err)
{
    const char *id, *what, *was;

    if (host->caller->flow || (!result && !err)) {
        return;
    }
    id = flow_json_member(json_array_get(args, 0), "_id");
    what = apr_psprintf(host->p, "%.40s%s%.40s '%.80s'", object,
                        *object ? "." : "", function, id ? id : "");
    flow_outward_result(result, what, host->p);
    if (!err || err->kind == FLOW_E_NONE) {
        return;
    }
    was = apr_psprintf(host->p, "%s: %s: %s", what, err->code, err->message);
    if (flow_outward_error(err, host->p)) {
        flow_log(FLOW_LOG_WARNING, FLOW_LOGNO(0451) "script '%s': %s",
                 host->script_id, was);
        keep_line(host, "error", was, strlen(was));
    }
}

static apr_status_t host_call(void *baton, const char *object,
                              const char *function, const json_t *args,
                              apr_time_t deadline, json_t **presult,
                              int *pstatus, flow_error_t *err)
{
    host_t *host = baton;
    apr_status_t rv =
        flow_host_api(host->env, host->caller, object, function, args, deadline,
                      presult, pstatus, host->p, err);

    /* not only those that run something: request() does, too, and a state may
     * hold what one of them has said */
    hide_places(host, object, function, args, *presult,
                rv == APR_SUCCESS ? NULL : err);
    return rv;
}

static void host_console(void *baton, const char *level, const char *text,
                         apr_size_t len)
{
    const host_t *host = baton;
    int is_debug = !strcmp(level, "debug");
    flow_log_level_e to = is_debug ? FLOW_LOG_DEBUG : FLOW_LOG_INFO;

    len = len < CONSOLE_MAX ? len : CONSOLE_MAX;
    if (flow_log_enabled(to)) {
        flow_log(to, "script '%s': %.*s", host->script_id, (int)len, text);
    }
    if (!is_debug || flow_log_enabled(FLOW_LOG_DEBUG)) {
        keep_line(host, level, text, len);
    }
}

/* The one who called tells the error; here is where it happened. */
static void tell_failure(const host_t *host, const flow_error_t *why,
                         const char *trace)
{
    const char *text = apr_psprintf(host->p, "%s() failed: %s: %s%s%s",
                                    host->function->function, why->code,
                                    why->message, *trace ? "; at " : "", trace);

    if (flow_log_enabled(FLOW_LOG_INFO)) {
        flow_log(FLOW_LOG_INFO, "script '%s': %s", host->script_id, text);
    }
    keep_line(host, "error", text, strlen(text));
}

static void host_failed(void *baton, const flow_error_t *why, const char *trace)
{
    host_t *host = baton;

    tell_failure(host, why, trace);
    host->is_told = 1;
}

static host_t make_host(const flow_env_t *env, const flow_caller_t *caller,
                        const flow_hook_t *function, apr_pool_t *p)
{
    host_t host = { env,      caller, flow_script_id(function->script),
                    function, 0,      p };

    return host;
}

void flow_host_failed(const flow_env_t *env, const flow_caller_t *caller,
                      const flow_hook_t *function, const flow_error_t *why,
                      const char *trace, apr_pool_t *p)
{
    host_t host = make_host(env, caller, function, p);

    tell_failure(&host, why, trace);
}

/* ---- calling a script ---- */

apr_status_t flow_host_call(const flow_env_t *env, const flow_caller_t *caller,
                            const flow_hook_t *function, const json_t *arg,
                            apr_time_t deadline, json_t **presult,
                            apr_pool_t *p, flow_error_t *err)
{
    host_t baton = make_host(env, caller, function, p);
    const flow_script_host_t host = { &baton, host_call, host_console,
                                      host_failed };
    const flow_script_limits_t limits = { deadline, FLOW_PAGE_BYTES,
                                          caller->client };

    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t rv =
        flow_script_call(env->scripts, function->script, function->function,
                         arg, &limits, &host, presult, p, &why);

    if (rv == APR_SUCCESS) {
        return rv;
    }
    if (!baton.is_told) { /* it did not even begin */
        tell_failure(&baton, &why, "");
    }
    return flow_error_set(err, why.kind, why.status, why.code, "%s",
                          why.message);
}

apr_status_t flow_host_hook(const flow_env_t *env, const flow_caller_t *caller,
                            const flow_hook_t *hook, const json_t *arg,
                            json_t **presult, apr_pool_t *p, flow_error_t *err)
{
    *presult = NULL;
    return flow_host_call(env, caller, hook, arg,
                          flow_deadline(caller, env->hook_timeout), presult, p,
                          err);
}
