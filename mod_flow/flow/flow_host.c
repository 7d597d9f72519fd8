/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_host.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "data/flow_value.h"
#include "flow/flow_record.h"
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
    apr_pool_t *p;
} host_t;

/* One call out of the script. */
typedef struct api_call_t {
    const flow_env_t *env;
    flow_caller_t caller;  /* of what is called */
    const char *name;      /* "exports.run" */
    const json_t *options; /* the argument when it is an object, or NULL */
    const char *id;
    int status; /* for the exception; 0 = follows from the error */
    apr_pool_t *p;
} api_call_t;

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

static apr_status_t find_doc(api_call_t *call, apr_hash_t *docs,
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

static const json_t *option(const api_call_t *call, const char *name)
{
    return json_object_get(call->options, name);
}

/* ---- exports.run, imports.run ---- */

static apr_status_t run_export(api_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    const json_t *data = option(call, "data");
    void *exp = NULL;
    apr_status_t rv =
        find_doc(call, call->env->model->exports, "export", &exp, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!data) {
        data = option(call, "listenerData");
    }
    return flow_export_run(call->env, &call->caller, exp, data, presult,
                           call->p, err);
}

static apr_status_t run_import(api_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    const json_t *data = option(call, "data");
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
static json_t *job_request(const api_call_t *call)
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

static apr_status_t wait_until(api_call_t *call, apr_time_t *puntil,
                               flow_error_t *err)
{
    const json_t *timeout = option(call, "timeout");
    apr_time_t now = apr_time_now();
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

static apr_status_t wait_for_flow(api_call_t *call, const flow_flow_t *flow,
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

static apr_status_t run_flow(api_call_t *call, json_t **presult,
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
    if (json_is_true(option(call, "wait"))) {
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

typedef apr_status_t api_fn(api_call_t *call, json_t **presult,
                            flow_error_t *err);

/* clang-format off */
static const struct {
    const char *object, *function;
    api_fn *run;
} functions[] = {
    { "exports", "run", run_export },
    { "imports", "run", run_import },
    { "flows",   "run", run_flow },
};
/* clang-format on */
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static api_fn *find_function(const char *object, const char *function)
{
    apr_size_t i;

    for (i = 0; i < FUNCTIONS; ++i) {
        if (!strcmp(object, functions[i].object) &&
            !strcmp(function, functions[i].function)) {
            return functions[i].run;
        }
    }
    return NULL;
}

/* run('id') and run({_id: 'id'}) are the same. */
static void read_argument(api_call_t *call, const json_t *args)
{
    const json_t *first = json_array_get(args, 0);

    call->options = json_is_object(first) ? first : NULL;
    call->id = call->options ? flow_json_member(first, "_id")
                             : flow_json_string(first, NULL);
}

static apr_status_t dispatch(api_call_t *call, const char *object,
                             const char *function, json_t **presult,
                             flow_error_t *err)
{
    api_fn *run = find_function(object, function);

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

apr_status_t flow_host_api(const flow_env_t *env, const flow_caller_t *caller,
                           const char *object, const char *function,
                           const json_t *args, apr_time_t deadline,
                           json_t **presult, int *pstatus, apr_pool_t *p,
                           flow_error_t *err)
{
    api_call_t call = { 0 };
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
    call.name = apr_psprintf(call.p, "%.40s.%.40s", object, function);
    read_argument(&call, args);

    rv = dispatch(&call, object, function, presult, err);
    if (rv != APR_SUCCESS && pstatus) {
        *pstatus = call.status ? call.status
                   : err       ? flow_error_http_status(err)
                               : 0;
    }
    apr_pool_destroy(call.p);
    return rv;
}

static apr_status_t host_call(void *baton, const char *object,
                              const char *function, const json_t *args,
                              apr_time_t deadline, json_t **presult,
                              int *pstatus, flow_error_t *err)
{
    host_t *host = baton;

    return flow_host_api(host->env, host->caller, object, function, args,
                         deadline, presult, pstatus, host->p, err);
}

static void host_console(void *baton, const char *level, const char *text,
                         apr_size_t len)
{
    const host_t *host = baton;
    flow_log_level_e to =
        !strcmp(level, "debug") ? FLOW_LOG_DEBUG : FLOW_LOG_INFO;

    if (flow_log_enabled(to)) {
        flow_log(to, "script '%s': %.*s", host->script_id,
                 (int)(len < CONSOLE_MAX ? len : CONSOLE_MAX), text);
    }
}

/* ---- calling a script ---- */

apr_status_t flow_host_call(const flow_env_t *env, const flow_caller_t *caller,
                            const flow_hook_t *function, const json_t *arg,
                            apr_time_t deadline, json_t **presult,
                            apr_pool_t *p, flow_error_t *err)
{
    host_t baton = { env, caller, flow_script_id(function->script), p };
    const flow_script_host_t host = { &baton, host_call, host_console };
    const flow_script_limits_t limits = { deadline, FLOW_PAGE_BYTES };

    return flow_script_call(env->scripts, function->script, function->function,
                            arg, &limits, &host, presult, p, err);
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
