/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_preview.h"

#include <string.h>

#include "data/flow_json.h"
#include "flow/flow_import.h"
#include "flow/flow_record.h"

static json_t *new_result(json_t **pstages)
{
    json_t *result = json_object();

    *pstages = json_array();
    json_object_set_new(result, "stages", *pstages);
    json_object_set_new(result, "data", json_array());
    json_object_set_new(result, "errors", json_array());
    return result;
}

/* Both arrays are borrowed. */
static void add_stage(json_t *stages, const char *name, json_t *data,
                      json_t *errors)
{
    json_t *stage = json_object();

    flow_record_set_text(stage, "name", name);
    json_object_set(stage, "errors", errors);
    json_object_set(stage, "data", data);
    json_array_append_new(stages, stage);
}

/* What a failed call says stands in the result, too. */
static void add_failure(json_t *result, apr_status_t rv,
                        const flow_error_t *err)
{
    if (rv != APR_SUCCESS) {
        json_array_append_new(
            json_object_get(result, "errors"),
            flow_record_error_from(err, flow_error_source(err)));
    }
}

/* NULL when there is nothing to mask in it. */
static const char *masked_text(const json_t *v, const json_t *secrets,
                               apr_pool_t *p)
{
    const char *text = flow_json_string(v, NULL);
    const char *masked = text ? flow_secret_mask(text, secrets, p) : NULL;

    return masked == text ? NULL : masked;
}

/* Replaces texts in place, so @a v is a copy of the caller's own.
 * Parsed values are no deeper than the parser allows. */
static void mask_texts(json_t *v, const json_t *secrets, apr_pool_t *p)
{
    const char *key, *masked;
    json_t *item;
    size_t i;
    void *tmp;

    if (flow_json_is(v, ARRAY)) {
        json_array_foreach(v, i, item)
        {
            masked = masked_text(item, secrets, p);
            if (masked) {
                json_array_set_new(v, i, flow_record_text(masked));
            }
            else {
                mask_texts(item, secrets, p);
            }
        }
    }
    else if (flow_json_is(v, OBJECT)) {
        json_object_foreach_safe(v, tmp, key, item)
        {
            masked = masked_text(item, secrets, p);
            if (masked) {
                json_object_set_new_nocheck(v, key, flow_record_text(masked));
            }
            else {
                mask_texts(item, secrets, p);
            }
        }
    }
}

/* What a record holds of the connection's secrets is not shown, either. */
static void mask_records(json_t *result, const char *member,
                         const flow_connection_t *connection, apr_pool_t *p)
{
    json_t *copy;

    if (connection && json_array_size(connection->secrets)) {
        copy = json_deep_copy(json_object_get(result, member));
        mask_texts(copy, connection->secrets, p);
        json_object_set_new(result, member, copy);
    }
}

static void mask_result(json_t *result, const flow_connection_t *connection,
                        apr_pool_t *p)
{
    mask_records(result, "stages", connection, p);
    mask_records(result, "data", connection, p);
}

/* ---- exports ---- */

/* Records of one stage on their way to the next. */
typedef struct step_t {
    json_t *records, *errors;
} step_t;

static step_t step_new(void)
{
    step_t s = { json_array(), json_array() };

    return s;
}

static void step_free(step_t *s)
{
    json_decref(s->records);
    json_decref(s->errors);
}

static void transform_all(flow_scope_t *scope, const json_t *in, step_t *out,
                          apr_pool_t *p)
{
    size_t i, n = json_array_size(in);

    for (i = 0; i < n; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *record = NULL;

        if (flow_scope_transform(scope, &scope->exp->transform,
                                 json_array_get(in, i), &record, p,
                                 &err) == APR_SUCCESS) {
            json_array_append_new(out->records, record);
        }
        else {
            json_array_append_new(
                out->errors,
                flow_record_error_from(&err, FLOW_SOURCE_TRANSFORMATION));
        }
    }
}

static void filter_all(flow_scope_t *scope, const json_t *in, step_t *out,
                       apr_pool_t *p)
{
    size_t i, n = json_array_size(in);

    for (i = 0; i < n; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *record = json_array_get(in, i);
        int pass = 0;

        if (flow_scope_filter(scope, &scope->exp->filter, record, &pass, p,
                              &err) != APR_SUCCESS) {
            json_array_append_new(
                out->errors,
                flow_record_error_from(&err, FLOW_SOURCE_OUTPUT_FILTER));
        }
        else if (pass) {
            json_array_append(out->records, record);
        }
    }
}

/* The first few of a page, through transform and filter. */
static void show_records(flow_scope_t *scope, json_t *page, json_t *result,
                         apr_pool_t *p)
{
    json_t *stages = json_object_get(result, "stages");
    json_t *errors = json_object_get(result, "errors");
    step_t parsed = step_new(), changed = step_new(), kept = step_new();
    size_t i;

    for (i = 0; i < json_array_size(page) && i < FLOW_PREVIEW_RECORDS; ++i) {
        json_array_append(parsed.records, json_array_get(page, i));
    }
    add_stage(stages, "parse", parsed.records, parsed.errors);
    transform_all(scope, parsed.records, &changed, p);
    add_stage(stages, "transform", changed.records, changed.errors);
    filter_all(scope, changed.records, &kept, p);
    add_stage(stages, "filter", kept.records, kept.errors);
    json_object_set(result, "data", kept.records);
    json_array_extend(errors, changed.errors);
    json_array_extend(errors, kept.errors);
    step_free(&parsed);
    step_free(&changed);
    step_free(&kept);
}

apr_status_t flow_preview_export(const flow_env_t *env, flow_caller_t *caller,
                                 const flow_export_t *exp, const json_t *data,
                                 json_t **presult, apr_pool_t *p,
                                 flow_error_t *err)
{
    flow_page_t page = { NULL, NULL };
    flow_scope_t scope;
    flow_call_t call;
    json_t *stages;
    apr_status_t rv;

    *presult = new_result(&stages);
    caller->test_mode = 1;
    flow_scope_init(&scope, env, caller, exp, NULL, p);
    if (!exp->connector) {
        /* a listener shows what it is given */
        page.records = flow_json_is(data, ARRAY) ? json_copy((json_t *)data)
                                                 : json_array();
        if (data && !flow_json_is(data, ARRAY)) {
            json_array_append(page.records, (json_t *)data);
        }
        rv = APR_SUCCESS;
    }
    else {
        flow_scope_call(&scope, &call);
        call.stages = stages;
        call.leave = 1;
        rv = exp->connector->export_page(exp, &call, data, NULL, &page, p, err);
    }
    if (rv == APR_SUCCESS) {
        show_records(&scope, page.records, *presult, p);
    }
    else {
        flow_error_prefix(err, "export '%s'", exp->id);
        add_failure(*presult, rv, err);
    }
    mask_result(*presult, exp->connection, p);
    json_decref(page.records);
    json_decref(page.cursor);
    json_decref(page.errors);
    return rv;
}

/* ---- imports ---- */

static apr_status_t take_records(const flow_import_t *imp, const json_t *data,
                                 json_t **precords, flow_error_t *err)
{
    json_t *records =
        flow_json_is(data, ARRAY) ? json_copy((json_t *)data) : json_array();
    size_t i, n;

    if (data && !flow_json_is(data, ARRAY)) {
        json_array_append(records, (json_t *)data);
    }
    n = json_array_size(records);
    *precords = records;
    if (n < 1 || n > FLOW_PREVIEW_RECORDS) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_record",
                              "a preview of import '%s' takes 1 to %d records, "
                              "not %lu",
                              imp->id, FLOW_PREVIEW_RECORDS, (unsigned long)n);
    }
    for (i = 0; i < n; ++i) {
        const json_t *record = json_array_get(records, i);

        if (!flow_json_is(record, OBJECT) && !flow_json_is(record, ARRAY)) {
            return flow_error_set(
                err, FLOW_E_INPUT, APR_EINVAL, "invalid_record",
                "record %lu must be an object, not %s", (unsigned long)i + 1,
                flow_json_type_name(record));
        }
    }
    return APR_SUCCESS;
}

static void show_responses(const flow_import_page_t *page, json_t *result)
{
    json_t *data = json_object_get(result, "data");
    json_t *errors = json_object_get(result, "errors");
    size_t i;

    for (i = 0; i < page->n; ++i) {
        const flow_import_result_t *one = &page->results[i];

        json_array_append(data, one->response);
        if (one->is_failed) {
            json_array_extend(errors, json_object_get(one->response, "errors"));
        }
        if (one->logged) {
            json_array_extend(errors, one->logged);
        }
    }
}

apr_status_t flow_preview_import(const flow_env_t *env, flow_caller_t *caller,
                                 const flow_import_t *imp, const json_t *data,
                                 int send, json_t **presult, apr_pool_t *p,
                                 flow_error_t *err)
{
    flow_import_page_t page;
    flow_scope_t scope;
    json_t *records = NULL, *stages;
    apr_status_t rv;

    *presult = new_result(&stages);
    rv = take_records(imp, data, &records, err);
    if (rv == APR_SUCCESS) {
        caller->test_mode = !send;
        flow_scope_init(&scope, env, caller, NULL, imp, p);
        scope.stages = stages;
        flow_import_page(&scope, records, NULL, &page, p);
        show_responses(&page, *presult);
    }
    mask_result(*presult, imp->connection, p);
    json_decref(records);
    add_failure(*presult, rv, err);
    return rv;
}

/* ---- connections ---- */

typedef apr_status_t connection_fn(const flow_connection_t *connection,
                                   const flow_call_t *call, apr_pool_t *p,
                                   flow_error_t *err);

static apr_status_t ask(const flow_env_t *env, flow_caller_t *caller,
                        const flow_connection_t *connection, connection_fn *fn,
                        json_t *stages, apr_pool_t *p, flow_error_t *err)
{
    json_t *context = flow_json_own(p, json_object());
    flow_call_t call = { NULL };

    caller->test_mode = 1;
    flow_record_share(context, "connection", connection->context);
    json_object_set_new(context, "testMode", json_true());
    call.http = env->http;
    call.deadline = flow_deadline(caller, env->call_timeout);
    call.step_timeout = env->call_timeout;
    call.stopping = caller->stopping;
    call.context = context;
    call.test_mode = 1;
    call.stages = stages;
    call.grants = env->grants;
    call.spare_grants = env->spare_grants;
    return fn(connection, &call, p, err);
}

apr_status_t flow_preview_ping(const flow_env_t *env, flow_caller_t *caller,
                               const flow_connection_t *connection,
                               json_t **presult, apr_pool_t *p,
                               flow_error_t *err)
{
    json_t *stages;
    apr_status_t rv;

    *presult = new_result(&stages);
    if (!connection->connector || !connection->connector->ping) {
        rv = flow_error_set(
            err, FLOW_E_CONFIG, APR_ENOTIMPL, "cannot_ping",
            "connection '%s' of type '%s' has no ping", connection->id,
            connection->connector ? connection->connector->name : "");
    }
    else {
        rv = ask(env, caller, connection, connection->connector->ping, stages,
                 p, err);
    }
    add_failure(*presult, rv, err);
    return rv;
}

apr_status_t flow_preview_revoke(const flow_env_t *env, flow_caller_t *caller,
                                 const flow_connection_t *connection,
                                 apr_pool_t *p, flow_error_t *err)
{
    if (!connection->connector || !connection->connector->revoke) {
        return flow_error_set(
            err, FLOW_E_CONFIG, APR_ENOTIMPL, "cannot_revoke",
            "connection '%s' of type '%s' has no tokens", connection->id,
            connection->connector ? connection->connector->name : "");
    }
    return ask(env, caller, connection, connection->connector->revoke, NULL, p,
               err);
}
