/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One import for somebody who wants the answers: imports.run, FlowAPI
 * import:ID.
 */
#include "flow/flow_run.h"

#include "data/flow_json.h"
#include "flow/flow_import.h"
#include "flow/flow_record.h"

/* An answer has one place for errors, whether they stopped the record or
 * not. */
static json_t *element_of(const flow_import_result_t *result)
{
    json_t *element, *errors;

    if (!result->logged) {
        return json_incref(result->response);
    }
    element = json_copy(result->response);
    errors = json_copy(result->logged);
    json_array_extend(errors, json_object_get(element, "errors"));
    json_object_set_new(element, "errors", errors);
    return element;
}

static json_t *as_records(const json_t *data)
{
    json_t *records;

    if (json_is_array(data)) {
        return flow_record_ref(data);
    }
    records = json_array();
    json_array_append(records, (json_t *)data);
    return records;
}

static apr_status_t check_records(const flow_import_t *imp,
                                  const json_t *records, flow_error_t *err)
{
    size_t i, n = json_array_size(records);

    for (i = 0; i < n; ++i) {
        const json_t *record = json_array_get(records, i);

        if (!json_is_object(record) && !json_is_array(record)) {
            return flow_error_set(
                err, FLOW_E_INPUT, APR_EINVAL, "invalid_record",
                "import '%s' takes a record or an array of "
                "records, element %lu is %s",
                imp->id, (unsigned long)i, flow_json_type_name(record));
        }
    }
    return APR_SUCCESS;
}

apr_status_t flow_import_run(const flow_env_t *env, const flow_caller_t *caller,
                             const flow_import_t *imp, const json_t *data,
                             json_t **presponse, apr_pool_t *p,
                             flow_error_t *err)
{
    json_t *records = as_records(data), *answer;
    flow_import_page_t page;
    flow_scope_t scope;
    size_t i;
    apr_status_t rv = check_records(imp, records, err);

    *presponse = NULL;
    if (rv != APR_SUCCESS) {
        json_decref(records);
        return rv;
    }
    flow_scope_init(&scope, env, caller, NULL, imp, p);
    flow_import_page(&scope, records, NULL, &page, p);
    json_decref(records);
    if (page.broken.kind != FLOW_E_NONE) {
        return flow_error_set(err, page.broken.kind, page.broken.status,
                              page.broken.code, "%s", page.broken.message);
    }
    if (!json_is_array(data)) {
        *presponse = element_of(&page.results[0]);
        return APR_SUCCESS;
    }
    answer = json_array();
    for (i = 0; i < page.n; ++i) {
        json_array_append_new(answer, element_of(&page.results[i]));
    }
    *presponse = answer;
    return APR_SUCCESS;
}
