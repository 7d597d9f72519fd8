/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_hooks.h"

#include <stdarg.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_host.h"
#include "flow/flow_record.h"

/* One call of a hook. */
typedef struct call_t {
    flow_scope_t *scope;
    const flow_hook_t *hook;
    const char *name; /* "preMap" */
    apr_pool_t *p;
    flow_error_t *err;
} call_t;

static apr_status_t broken(const call_t *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static apr_status_t broken(const call_t *call, const char *fmt, ...)
{
    flow_error_t why = FLOW_ERROR_INIT;
    char text[256];
    va_list args;

    va_start(args, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    flow_error_set(&why, FLOW_E_SCRIPT, APR_EINVAL, "invalid_hook_response",
                   "%s hook '%s' of script '%s': %s", call->name,
                   call->hook->function, flow_script_id(call->hook->script),
                   text);
    flow_host_failed(call->scope->env, call->scope->caller, call->hook, &why,
                     "", call->p);
    return flow_error_set(call->err, why.kind, why.status, why.code, "%s",
                          why.message);
}

static const char *type_name(const json_t *v)
{
    return v ? flow_json_type_name(v) : "undefined";
}

static int is_record(const json_t *v)
{
    return json_is_object(v) || json_is_array(v);
}

/* Steals @a args. */
static apr_status_t run(const call_t *call, json_t *args, json_t **presult)
{
    apr_status_t rv =
        flow_host_hook(call->scope->env, call->scope->caller, call->hook, args,
                       presult, call->p, call->err);

    json_decref(args);
    if (rv != APR_SUCCESS) {
        flow_error_prefix(call->err, "%s hook '%s' of script '%s'", call->name,
                          call->hook->function,
                          flow_script_id(call->hook->script));
    }
    return rv;
}

/* For the hooks that answer element for element. Steals @a args. */
static apr_status_t run_same_length(const call_t *call, json_t *args, size_t n,
                                    json_t **presult)
{
    apr_status_t rv = run(call, args, presult);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!json_is_array(*presult)) {
        rv = broken(call, "hook must return an array of %lu elements, got %s",
                    (unsigned long)n, type_name(*presult));
    }
    else if (json_array_size(*presult) != n) {
        rv = broken(call, "hook must return %lu elements, got %lu",
                    (unsigned long)n, (unsigned long)json_array_size(*presult));
    }
    if (rv != APR_SUCCESS) {
        json_decref(*presult);
        *presult = NULL;
    }
    return rv;
}

/* Releases a result whose element @a i is of the wrong kind. */
static apr_status_t bad_element(const call_t *call, json_t **presult, size_t i,
                                const char *wanted, const json_t *got)
{
    apr_status_t rv = broken(call, "element %lu must be %s, got %s",
                             (unsigned long)i, wanted, type_name(got));

    json_decref(*presult);
    *presult = NULL;
    return rv;
}

/* ---- preSavePage ---- */

/* files[i] tells where data[i] is from. */
static json_t *files_of(const flow_save_page_t *page)
{
    size_t i, n = page->file ? json_array_size(page->records) : 0;
    json_t *files = json_array(), *one = json_object(), *meta = json_object();

    flow_record_set_text(meta, "fileName", page->file);
    json_object_set_new(one, "fileMeta", meta);
    for (i = 0; i < n; ++i) {
        json_array_append(files, one);
    }
    json_decref(one);
    return files;
}

static json_t *save_page_args(flow_scope_t *scope, const flow_save_page_t *page)
{
    json_t *args = flow_scope_hook_args(scope);

    json_object_set(args, "data", page->records);
    json_object_set_new(args, "files", files_of(page));
    json_object_set(args, "errors", page->errors);
    json_object_set(args, "retryData", page->retry_data);
    if (page->index >= 0) {
        json_object_set_new(args, "pageIndex", json_integer(page->index));
    }
    if (scope->exp && scope->exp->is_delta) {
        flow_record_share(
            args, "lastExportDateTime",
            json_object_get(scope->context, "lastExportDateTime"));
        flow_record_share(
            args, "currentExportDateTime",
            json_object_get(scope->context, "currentExportDateTime"));
    }
    return args;
}

static apr_status_t check_records(const call_t *call, const json_t *data)
{
    size_t i, n = json_array_size(data);

    if (!json_is_array(data)) {
        return broken(call,
                      "hook must return an object with an array 'data', "
                      "got %s",
                      type_name(data));
    }
    for (i = 0; i < n; ++i) {
        const json_t *record = json_array_get(data, i);

        if (!is_record(record)) {
            return broken(call,
                          "element %lu of 'data' must be a record, "
                          "got %s",
                          (unsigned long)i, type_name(record));
        }
    }
    return APR_SUCCESS;
}

/* Absent means unchanged or none; anything else must be an array. */
static apr_status_t check_list(const call_t *call, const json_t *result,
                               const char *name)
{
    const json_t *list = json_object_get(result, name);

    if (list && !json_is_null(list) && !json_is_array(list)) {
        return broken(call, "'%s' must be an array, got %s", name,
                      type_name(list));
    }
    return APR_SUCCESS;
}

static void replace(json_t **pvalue, json_t *by)
{
    if (by && !json_is_null(by)) {
        json_decref(*pvalue);
        *pvalue = json_incref(by);
    }
}

apr_status_t flow_hook_pre_save_page(flow_scope_t *scope,
                                     const flow_hook_t *hook,
                                     flow_save_page_t *page, apr_pool_t *p,
                                     flow_error_t *err)
{
    call_t call = { scope, hook, "preSavePage", p, err };
    json_t *result = NULL;
    apr_status_t rv = run(&call, save_page_args(scope, page), &result);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!json_is_object(result)) {
        rv = broken(&call, "hook must return an object with 'data', got %s",
                    type_name(result));
    }
    else {
        rv = check_records(&call, json_object_get(result, "data"));
    }
    if (rv == APR_SUCCESS) {
        rv = check_list(&call, result, "errors");
    }
    if (rv == APR_SUCCESS) {
        rv = check_list(&call, result, "newErrorsAndRetryData");
    }
    if (rv == APR_SUCCESS) {
        replace(&page->records, json_object_get(result, "data"));
        replace(&page->errors, json_object_get(result, "errors"));
        replace(&page->more, json_object_get(result, "newErrorsAndRetryData"));
        page->abort = json_is_true(json_object_get(result, "abort"));
    }
    json_decref(result);
    return rv;
}

/* ---- preMap, postMap ---- */

static int has_errors(const json_t *errors)
{
    return errors && !json_is_null(errors) &&
           !(json_is_array(errors) && !json_array_size(errors));
}

flow_verdict_e flow_hook_verdict(const json_t *element, const json_t **pdata,
                                 const json_t **perrors)
{
    const json_t *data = json_object_get(element, "data");
    const json_t *errors = json_object_get(element, "errors");

    *pdata = is_record(data) ? data : NULL;
    *perrors = has_errors(errors) ? errors : NULL;
    if (*pdata) {
        return FLOW_VERDICT_GO;
    }
    return *perrors ? FLOW_VERDICT_FAIL : FLOW_VERDICT_IGNORE;
}

static apr_status_t run_verdicts(const call_t *call, json_t *args, size_t n,
                                 json_t **presult)
{
    apr_status_t rv = run_same_length(call, args, n, presult);
    size_t i;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        const json_t *element = json_array_get(*presult, i);
        const json_t *data = json_object_get(element, "data");

        if (!json_is_object(element)) {
            return bad_element(call, presult, i,
                               "{data}, {errors}, {data, errors} or {}",
                               element);
        }
        if (data && !json_is_null(data) && !is_record(data)) {
            return bad_element(call, presult, i, "{data} with a record", data);
        }
    }
    return rv;
}

apr_status_t flow_hook_pre_map(flow_scope_t *scope, const flow_hook_t *hook,
                               const json_t *records, json_t **presult,
                               apr_pool_t *p, flow_error_t *err)
{
    call_t call = { scope, hook, "preMap", p, err };
    json_t *args = flow_scope_hook_args(scope);

    flow_record_share(args, "data", records);
    return run_verdicts(&call, args, json_array_size(records), presult);
}

apr_status_t flow_hook_post_map(flow_scope_t *scope, const flow_hook_t *hook,
                                const json_t *originals, const json_t *mapped,
                                json_t **presult, apr_pool_t *p,
                                flow_error_t *err)
{
    call_t call = { scope, hook, "postMap", p, err };
    json_t *args = flow_scope_hook_args(scope);

    flow_record_share(args, "preMapData", originals);
    flow_record_share(args, "postMapData", mapped);
    return run_verdicts(&call, args, json_array_size(mapped), presult);
}

/* ---- postSubmit, postResponseMap ---- */

apr_status_t flow_hook_post_submit(flow_scope_t *scope, const flow_hook_t *hook,
                                   const json_t *originals,
                                   const json_t *mapped,
                                   const json_t *responses, json_t **presult,
                                   apr_pool_t *p, flow_error_t *err)
{
    call_t call = { scope, hook, "postSubmit", p, err };
    json_t *args = flow_scope_hook_args(scope);
    size_t i, n = json_array_size(responses);
    apr_status_t rv;

    flow_record_share(args, "preMapData", originals);
    flow_record_share(args, "postMapData", mapped);
    flow_record_share(args, "responseData", responses);
    rv = run_same_length(&call, args, n, presult);
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        const json_t *element = json_array_get(*presult, i);

        if (!json_is_object(element)) {
            return bad_element(&call, presult, i, "a response object", element);
        }
    }
    return rv;
}

apr_status_t flow_hook_post_response_map(
    flow_scope_t *scope, const flow_hook_t *hook, const json_t *records,
    const json_t *responses, json_t **presult, apr_pool_t *p, flow_error_t *err)
{
    call_t call = { scope, hook, "postResponseMap", p, err };
    json_t *args = flow_scope_hook_args(scope);
    const flow_import_t *imp = scope->imp;
    size_t i, n = json_array_size(records);
    apr_status_t rv;

    flow_record_share(args, "postResponseMapData", records);
    flow_record_share(args, "responseData", responses);
    json_object_set_new(args, "oneToMany",
                        json_boolean(imp && imp->one_to_many));
    if (imp && imp->path_to_many) {
        flow_record_set_text(args, "pathToMany",
                             flow_path_text(imp->path_to_many));
    }
    rv = run_same_length(&call, args, n, presult);
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        const json_t *element = json_array_get(*presult, i);

        if (!is_record(element)) {
            return bad_element(&call, presult, i, "a record", element);
        }
    }
    return rv;
}

/* ---- postAggregate ---- */

/* What became of the file that the records went into: the first answer tells
 * it. */
static json_t *aggregate_data(const json_t *responses)
{
    const json_t *first = json_array_get(responses, 0);
    const json_t *errors = json_object_get(first, "errors");
    const json_t *error = json_array_get(errors, 0);
    json_t *data = json_object();

    json_object_set_new(data, "success", json_boolean(!has_errors(errors)));
    flow_record_share(data, "_json", json_object_get(first, "_json"));
    flow_record_share(data, "code", json_object_get(error, "code"));
    flow_record_share(data, "message", json_object_get(error, "message"));
    flow_record_share(data, "source", json_object_get(error, "source"));
    return data;
}

apr_status_t flow_hook_post_aggregate(flow_scope_t *scope,
                                      const flow_hook_t *hook,
                                      const json_t *responses, apr_pool_t *p,
                                      flow_error_t *err)
{
    call_t call = { scope, hook, "postAggregate", p, err };
    json_t *args = flow_scope_hook_args(scope), *result = NULL;
    apr_status_t rv;

    json_object_set_new(args, "postAggregateData", aggregate_data(responses));
    rv = run(&call, args, &result);
    json_decref(result);
    return rv;
}
