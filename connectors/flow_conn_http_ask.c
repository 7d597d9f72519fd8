/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mappings ask the far end: lookups[] that are requests, and whether a
 * record is there already.
 */
#include "connectors/flow_conn_http.h"

#include <apr_strings.h>

void flow_conn_http_compile_lookup(flow_compile_t *c, const char *field,
                                   const json_t *item,
                                   const flow_connection_t *connection,
                                   void **pdata)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_lookup_t *lookup = apr_pcalloc(p, sizeof(*lookup));
    http_step_t shared = { NULL };

    if (!connection->data) {
        return; /* it did not compile */
    }
    flow_conn_http_compile_step(c, connection->data, &shared);
    lookup->name = apr_pstrdup(p, flow_json_member(item, "name"));
    lookup->dflt = json_object_get(item, "default");
    lookup->allow_failures = flow_json_member_bool(item, "allowFailures") == 1;
    lookup->in_templates = flow_conn_http_in_templates(c, lookup->name);
    flow_conn_http_compile_search(c, item, field, &shared, lookup);
    *pdata = lookup;
}

apr_status_t flow_conn_http_ask(const flow_connection_t *connection,
                                const void *data, const flow_call_t *call,
                                const json_t *record, json_t **pvalue,
                                apr_pool_t *p, flow_error_t *err)
{
    return flow_conn_http_lookup(data, connection, call, record, pvalue, p,
                                 err);
}

/* As the composite rule has it (flow_conn_http_import.c): what exists is
 * updated. A single operation says by its requestType what it does. */
apr_status_t flow_conn_http_is_update(const flow_import_t *imp,
                                      const flow_call_t *call,
                                      const json_t *original, int *pis,
                                      apr_pool_t *p, flow_error_t *err)
{
    const http_import_t *x = imp->data;
    json_t *found = NULL;
    apr_size_t len = 1;
    apr_status_t rv = APR_SUCCESS;

    *pis = x->nops < HTTP_OPERATIONS_MAX && x->update == 0;
    if (x->nops < HTTP_OPERATIONS_MAX) {
        return APR_SUCCESS;
    }
    if (x->existing_path) {
        found = flow_path_get(x->existing_path, original);
    }
    else if (x->existing_lookup && !call->dry_run) {
        rv = flow_conn_http_lookup(x->existing_lookup, imp->connection, call,
                                   original, &found, p, err);
    }
    if (flow_json_is(found, STRING)) {
        flow_json_string(found, &len);
    }
    *pis = rv == APR_SUCCESS && found && !flow_json_is(found, NULL) && len > 0;
    json_decref(found);
    return rv;
}
