/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mapping of an import needs besides the record, and what becomes of
 * the answers before anybody sees them.
 */
#include "flow/flow_import.h"

#include <string.h>

#include "data/flow_json.h"
#include "flow/flow_record.h"

static const char *mapping_source(const flow_error_t *err)
{
    if (strncmp(err->code, "lookup_", 7) == 0) {
        return FLOW_SOURCE_LOOKUP;
    }
    /* a lookup that has asked the far end */
    return err->kind == FLOW_E_UNAVAILABLE || err->kind == FLOW_E_REFUSED
               ? flow_error_source(err)
               : FLOW_SOURCE_MAPPING;
}

apr_status_t flow_import_map(flow_scope_t *scope, const json_t *original,
                             json_t **pmapped, const char **psource,
                             apr_pool_t *p, flow_error_t *err)
{
    const flow_import_t *imp = scope->imp;
    flow_mapping_env_t env = scope->mapping;
    apr_status_t rv = APR_SUCCESS;
    flow_call_t call;

    if (flow_mapping_needs_state(imp->mapping) && imp->connector &&
        imp->connector->is_update) {
        flow_scope_call(scope, &call);
        flow_scope_call_lookups(scope, &call, original, p);
        call.dry_run = call.test_mode;
        rv = imp->connector->is_update(imp, &call, original, &env.is_update, p,
                                       err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_mapping_apply_with(imp->mapping, original, &env, pmapped, p,
                                     err);
    }
    *psource = rv == APR_SUCCESS ? NULL : mapping_source(err);
    return rv;
}

/* New: element k of mockResponse for record k, a single one for all. */
json_t *flow_import_mock(const flow_import_t *imp, size_t count)
{
    const json_t *mock = imp->mock;
    size_t i, n = json_array_size(mock);
    json_t *responses = json_array();

    for (i = 0; i < count; ++i) {
        const json_t *one = n ? json_array_get(mock, i < n ? i : n - 1) : mock;

        json_array_append(responses, (json_t *)one);
    }
    return responses;
}

/* The answers of the far end through responseTransform; an answer that cannot
 * be transformed fails its record, which has arrived all the same. */
json_t *flow_import_transform(flow_scope_t *scope, json_t *responses,
                              apr_pool_t *p)
{
    const flow_transform_t *transform = &scope->imp->response_transform;
    json_t *out = json_array();
    size_t i, n = json_array_size(responses);

    if (!transform->expression && !transform->script.script) {
        json_decref(out);
        return responses;
    }
    for (i = 0; i < n; ++i) {
        json_t *element = json_array_get(responses, i), *made = NULL;
        const json_t *answer = json_object_get(element, "_json");
        flow_error_t err = FLOW_ERROR_INIT;

        if (!json_is_object(answer) && !json_is_array(answer)) {
            json_array_append(out, element);
        }
        else if (flow_scope_transform(scope, transform, answer, &made, p,
                                      &err) != APR_SUCCESS) {
            json_array_append_new(
                out, flow_response_error(&err, FLOW_SOURCE_TRANSFORMATION));
        }
        else {
            element = json_copy(element);
            json_object_set_new(element, "_json", made);
            json_array_append_new(out, element);
        }
    }
    json_decref(responses);
    return out;
}
