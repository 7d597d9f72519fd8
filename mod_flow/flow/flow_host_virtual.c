/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exports and imports that exist for one call: compiled from the document that
 * the script gives, with the checks that documents in files have.
 */
#include "flow/flow_host_private.h"

#include <string.h>

#include <apr_strings.h>

#include "flow/flow_compile_private.h"

#define DOCUMENT_MAX (1024 * 1024) /* bytes */

/* A copy of the document that the script gave as option @a name. */
static apr_status_t given_doc(flow_host_call_t *call, const char *name,
                              json_t **pdoc, flow_error_t *err)
{
    const json_t *doc = flow_host_option(call, name);

    if (!json_is_object(doc)) {
        return flow_host_wrong(call, err, "missing_required_field",
                               "needs %s: a complete document, such as {%s: "
                               "{_connectionId: ..., http: {...}}}",
                               name, name);
    }
    if (flow_record_size(doc, DOCUMENT_MAX) > DOCUMENT_MAX) {
        return flow_host_wrong(call, err, "too_large",
                               "the document is larger than 1 MB");
    }
    *pdoc = flow_json_own(call->p, json_deep_copy(doc));
    return APR_SUCCESS;
}

/* runVirtual reads one page: without paging there is no other. */
static void drop_paging(json_t *doc)
{
    const char *key;
    json_t *part;

    json_object_foreach(doc, key, part)
    {
        if (json_is_object(part)) {
            json_object_del(part, "paging");
        }
    }
}

static apr_status_t not_compiled(flow_host_call_t *call, flow_error_t *err,
                                 const flow_error_t *why)
{
    return flow_host_wrong(call, err, why->code, "%s", why->message);
}

static apr_status_t run_export(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    flow_export_t *exp = NULL;
    json_t *doc = NULL;
    apr_status_t rv = given_doc(call, "export", &doc, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (strcmp(call->function, "runVirtual") == 0) {
        drop_paging(doc);
    }
    if (flow_compile_virtual_export(&exp, call->env->model, doc, call->p,
                                    &why) != APR_SUCCESS) {
        return not_compiled(call, err, &why);
    }
    return flow_export_run(call->env, &call->caller, exp,
                           flow_host_option(call, "data"), presult, call->p,
                           err);
}

static apr_status_t run_import(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    const json_t *data = flow_host_option(call, "data");
    flow_error_t why = FLOW_ERROR_INIT;
    flow_import_t *imp = NULL;
    json_t *doc = NULL;
    apr_status_t rv = given_doc(call, "import", &doc, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!data) {
        return flow_host_wrong(call, err, "missing_required_field",
                               "needs data: a record or an array of them");
    }
    if (flow_compile_virtual_import(&imp, call->env->model, doc, call->p,
                                    &why) != APR_SUCCESS) {
        return not_compiled(call, err, &why);
    }
    return flow_import_run(call->env, &call->caller, imp, data, presult,
                           call->p, err);
}

/* clang-format off */
const flow_host_function_t flow_host_virtual[] = {
    { "exports", "runVirtual",           run_export },
    { "exports", "runVirtualWithPaging", run_export },
    { "imports", "runVirtual",           run_import },
    { NULL }
};
/* clang-format on */
