/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_scope.h"

#include <string.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "flow/flow_delta.h"
#include "flow/flow_host.h"
#include "flow/flow_record.h"

/* Where neither the caller nor a setting has a limit. */
#define NO_LIMIT apr_time_from_sec(300)

apr_time_t flow_deadline(const flow_caller_t *caller, apr_interval_time_t limit)
{
    apr_time_t until;

    if (limit <= 0 && caller->deadline) {
        return caller->deadline;
    }
    until = flow_clock() + (limit > 0 ? limit : NO_LIMIT);
    return caller->deadline && caller->deadline < until ? caller->deadline
                                                        : until;
}

/* A document without settings has empty ones, so that a script may ask for a
 * member of them. */
static void share_settings(json_t *settings, const char *name,
                           const json_t *doc)
{
    const json_t *own = json_object_get(doc, "settings");

    if (own && !json_is_null(own)) {
        flow_record_share(settings, name, own);
    }
    else {
        json_object_set_new(settings, name, json_object());
    }
}

static json_t *make_settings(const flow_scope_t *scope,
                             const flow_connection_t *connection)
{
    json_t *settings = json_object();

    /* integrations are no documents here, so nothing can be set for them */
    share_settings(settings, "integration", NULL);
    if (scope->caller->flow) {
        share_settings(settings, "flow", scope->caller->flow->doc);
    }
    if (scope->caller->api) {
        share_settings(settings, "api", scope->caller->api->doc);
    }
    if (scope->exp) {
        share_settings(settings, "export", scope->exp->doc);
    }
    if (scope->imp) {
        share_settings(settings, "import", scope->imp->doc);
    }
    if (connection) {
        share_settings(settings, "connection", connection->doc);
    }
    return settings;
}

static json_t *make_context(const flow_scope_t *scope,
                            const flow_connection_t *connection)
{
    json_t *context = json_object();

    if (connection) {
        flow_record_share(context, "connection", connection->context);
        flow_record_share(context, "iClient", connection->client);
    }
    json_object_set(context, "settings", scope->settings);
    if (scope->exp && !scope->exp->webhook) {
        flow_record_share(context, "export", scope->exp->doc);
        if (scope->exp->is_delta) {
            flow_delta_add(context, scope->exp, scope->caller->delta, scope->p);
        }
    }
    else if (scope->imp) {
        flow_record_share(context, "import", scope->imp->doc);
    }
    flow_record_share(context, "job", scope->caller->job);
    json_object_set_new(context, "testMode",
                        json_boolean(scope->caller->test_mode));
    return context;
}

void flow_scope_init(flow_scope_t *scope, const flow_env_t *env,
                     const flow_caller_t *caller, const flow_export_t *exp,
                     const flow_import_t *imp, apr_pool_t *p)
{
    const flow_connection_t *connection = exp   ? exp->connection
                                          : imp ? imp->connection
                                                : NULL;

    scope->env = env;
    scope->caller = caller;
    scope->exp = exp;
    scope->imp = imp;
    scope->p = p;
    scope->hook_fields = NULL;
    scope->stages = NULL;
    scope->failed_source = NULL;
    scope->exchange = NULL;
    scope->memo = NULL;
    scope->memo_size = 0;
    scope->settings = flow_json_own(p, make_settings(scope, connection));
    scope->context = flow_json_own(p, make_context(scope, connection));
    scope->filter_context = flow_json_own(p, json_object());
    json_object_set(scope->filter_context, "settings", scope->settings);
    json_object_set(scope->filter_context, "context", scope->context);
    memset(&scope->mapping, 0, sizeof(scope->mapping));
    flow_scope_bind(scope);
}

static const char *integration_id(const flow_scope_t *scope)
{
    const flow_flow_t *flow = scope->caller->flow;

    if (flow && flow->integration_id) {
        return flow->integration_id;
    }
    return flow_json_member(scope->exp   ? scope->exp->doc
                            : scope->imp ? scope->imp->doc
                                         : NULL,
                            "_integrationId");
}

static json_t *make_hook_fields(const flow_scope_t *scope)
{
    const flow_caller_t *caller = scope->caller;
    const flow_connection_t *connection = scope->exp   ? scope->exp->connection
                                          : scope->imp ? scope->imp->connection
                                                       : NULL;
    json_t *fields = json_object();

    if (scope->exp) {
        flow_record_set_text(fields, "_exportId", scope->exp->id);
    }
    else if (scope->imp) {
        flow_record_set_text(fields, "_importId", scope->imp->id);
    }
    if (connection) {
        flow_record_set_text(fields, "_connectionId", connection->id);
    }
    if (caller->flow) {
        flow_record_set_text(fields, "_flowId", caller->flow->id);
    }
    if (caller->api) {
        flow_record_set_text(fields, "_apiId", caller->api->id);
    }
    flow_record_set_text(fields, "_integrationId", integration_id(scope));
    json_object_set(fields, "settings", scope->settings);
    json_object_set_new(fields, "testMode", json_boolean(caller->test_mode));
    json_object_set_new(fields, "sandbox", json_false());
    flow_record_share(fields, "job", caller->job);
    return fields;
}

json_t *flow_scope_hook_args(flow_scope_t *scope)
{
    if (!scope->hook_fields) {
        scope->hook_fields = flow_json_own(scope->p, make_hook_fields(scope));
    }
    return json_copy(scope->hook_fields);
}

json_t *flow_scope_take_exchange(flow_scope_t *scope)
{
    json_t *exchange = scope->exchange;

    scope->exchange = NULL;
    return exchange;
}

apr_time_t flow_call_until(const flow_call_t *call)
{
    apr_time_t until = flow_clock() + call->step_timeout;

    return call->step_timeout > 0 && until < call->deadline ? until
                                                            : call->deadline;
}

void flow_scope_call(const flow_scope_t *scope, flow_call_t *call)
{
    memset(call, 0, sizeof(*call));
    call->http = scope->env->http;
    call->deadline = flow_deadline(scope->caller, scope->env->call_timeout);
    call->stopping = scope->caller->stopping;
    call->context = scope->context;
    call->test_mode = scope->caller->test_mode;
    call->dry_run = 0;
    call->stages = scope->stages;
    call->step_timeout = scope->env->call_timeout;
    call->grants = scope->env->grants;
    call->spare_grants = scope->env->spare_grants;
    call->blobs = scope->env->blobs;
}

/* ---- record functions ---- */

apr_status_t flow_scope_record_hook(flow_scope_t *scope,
                                    const flow_hook_t *hook,
                                    const json_t *record, json_t **presult,
                                    apr_pool_t *scratch, flow_error_t *err)
{
    json_t *args = flow_scope_hook_args(scope);
    apr_status_t rv;

    flow_record_share(args, "record", record);
    rv = flow_host_hook(scope->env, scope->caller, hook, args, presult, scratch,
                        err);
    json_decref(args);
    return rv;
}

/* What a function returned is not what its place wants. */
static apr_status_t wrong_answer(const flow_scope_t *scope,
                                 const flow_hook_t *hook, const char *what,
                                 const char *wanted, const json_t *got,
                                 apr_pool_t *p, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;

    flow_error_set(&why, FLOW_E_SCRIPT, APR_EINVAL, "invalid_response",
                   "%s '%s' of script '%s' must return %s, got %s", what,
                   hook->function, flow_script_id(hook->script), wanted,
                   got ? flow_json_type_name(got) : "undefined");
    flow_host_failed(scope->env, scope->caller, hook, &why, "", p);
    return flow_error_set(err, why.kind, why.status, why.code, "%s",
                          why.message);
}

static apr_status_t filter_by_script(flow_scope_t *scope,
                                     const flow_hook_t *hook,
                                     const json_t *record, int *ppass,
                                     apr_pool_t *scratch, flow_error_t *err)
{
    json_t *result = NULL;
    apr_status_t rv =
        flow_scope_record_hook(scope, hook, record, &result, scratch, err);

    if (rv == APR_SUCCESS && !json_is_boolean(result)) {
        rv = wrong_answer(scope, hook, "filter", "true or false", result,
                          scratch, err);
    }
    *ppass = json_is_true(result);
    json_decref(result);
    return rv;
}

apr_status_t flow_scope_filter(flow_scope_t *scope,
                               const flow_record_filter_t *filter,
                               const json_t *record, int *ppass,
                               apr_pool_t *scratch, flow_error_t *err)
{
    *ppass = 1;
    if (filter->expression) {
        return flow_filter_match(filter->expression, record,
                                 scope->filter_context, ppass, scratch, err);
    }
    if (filter->script.script) {
        return filter_by_script(scope, &filter->script, record, ppass, scratch,
                                err);
    }
    return APR_SUCCESS;
}

static apr_status_t transform_by_script(flow_scope_t *scope,
                                        const flow_hook_t *hook,
                                        const json_t *record, json_t **pout,
                                        apr_pool_t *scratch, flow_error_t *err)
{
    apr_status_t rv =
        flow_scope_record_hook(scope, hook, record, pout, scratch, err);

    if (rv == APR_SUCCESS && !json_is_object(*pout) && !json_is_array(*pout)) {
        rv = wrong_answer(scope, hook, "transform", "a record", *pout, scratch,
                          err);
        json_decref(*pout);
        *pout = NULL;
    }
    return rv;
}

apr_status_t flow_scope_transform(flow_scope_t *scope,
                                  const flow_transform_t *transform,
                                  const json_t *record, json_t **pout,
                                  apr_pool_t *scratch, flow_error_t *err)
{
    *pout = NULL;
    if (transform->expression) {
        return flow_mapping_apply_with(transform->expression, record,
                                       &scope->mapping, pout, scratch, err);
    }
    if (transform->script.script) {
        return transform_by_script(scope, &transform->script, record, pout,
                                   scratch, err);
    }
    *pout = flow_record_ref(record);
    return APR_SUCCESS;
}
