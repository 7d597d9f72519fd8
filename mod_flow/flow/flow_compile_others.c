/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that are parts of others: what a connector may ask for while it
 * compiles one.
 */
#include "flow/flow_compile_private.h"

#include "flow/flow_schema_private.h"

#include <apr_strings.h>

#include <string.h>

const json_t *flow_compile_document(flow_compile_t *c, flow_kind_e kind,
                                    const char *id)
{
    const flow_doc_t *doc = flow_docs_find(c->docs, kind, id),
                     *current = c->doc;
    json_t *copy;

    if (!doc) {
        return NULL;
    }
    copy = flow_json_own(c->p, json_deep_copy(doc->json));
    c->doc = doc;
    flow_schema_secrets(kind, copy, flow_compile_on_secret, c, c->scratch);
    c->doc = current;
    return copy;
}

void flow_compile_default(flow_compile_t *c, const char *field, const json_t *v)
{
    json_t *at = c->json, *next;
    const char *dot;

    for (; v && (dot = strchr(field, '.')) != NULL; field = dot + 1) {
        const char *name =
            apr_pstrmemdup(c->scratch, field, (apr_size_t)(dot - field));

        next = json_object_get(at, name);
        if (!next) {
            next = json_object();
            json_object_set_new(at, name, next);
        }
        if (!flow_json_is(next, OBJECT)) {
            return;
        }
        at = next;
    }
    if (v && flow_json_type(json_object_get(at, field)) == FLOW_JSON_NULL) {
        json_object_set(at, field, (json_t *)v);
    }
}

void flow_compile_client(flow_compile_t *c, const json_t *client)
{
    c->client = client;
}

apr_status_t flow_compile_part(flow_compile_t *c, const char *export_id,
                               void **pdata,
                               const flow_connection_t **pconnection)
{
    const flow_doc_t *doc =
        flow_docs_find(c->docs, FLOW_KIND_EXPORT, export_id);
    const char *id = doc ? flow_json_member(doc->json, "_connectionId") : NULL;
    const flow_connection_t *connection =
        id ? apr_hash_get(c->model->connections, id, APR_HASH_KEY_STRING)
           : NULL;
    flow_compile_t inner = *c;

    if (!connection || !connection->connector || c->is_part ||
        strcmp(connection->connector->name, c->connector) != 0 ||
        !connection->connector->compile_export) {
        return APR_NOTFOUND;
    }
    inner.is_part = 1;
    inner.docs = flow_docs_create(c->scratch);
    inner.doc = doc;
    inner.json = flow_json_own(c->p, json_deep_copy(doc->json));
    connection->connector->compile_export(&inner, inner.json, connection,
                                          pdata);
    *pconnection = connection;
    return *pdata ? APR_SUCCESS : APR_NOTFOUND;
}
