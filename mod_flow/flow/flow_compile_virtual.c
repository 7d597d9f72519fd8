/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One document compiled while the server runs, beside a model that others read
 * at the same time: nothing of the model is changed.
 */
#include "flow/flow_compile_private.h"

#include <string.h>

#include <apr_strings.h>

#define PROBLEMS_TOLD 3

/* What the document names, as far as it can. */
static apr_hash_t *of_kind(const flow_model_t *model, const char *kind)
{
    if (strcmp(kind, "connection") == 0) {
        return model->connections;
    }
    if (strcmp(kind, "script") == 0) {
        return model->scripts;
    }
    if (strcmp(kind, "export") == 0) {
        return model->exports;
    }
    return strcmp(kind, "import") == 0 ? model->imports : NULL;
}

int flow_compile_virtual_exists(const flow_compile_t *c, const char *kind,
                                const char *id)
{
    apr_hash_t *docs = of_kind(c->known, kind);

    return !docs || apr_hash_get(docs, id, APR_HASH_KEY_STRING);
}

/* The connection with a list of secrets of its own, since compiling adds to
 * it. */
static apr_hash_t *own_connection(const flow_model_t *model, const json_t *doc,
                                  apr_pool_t *p)
{
    const char *id = flow_json_member(doc, "_connectionId");
    apr_hash_t *own = apr_hash_make(p);
    const flow_connection_t *found =
        id ? apr_hash_get(model->connections, id, APR_HASH_KEY_STRING) : NULL;
    flow_connection_t *copy;

    if (found) {
        copy = apr_pmemdup(p, found, sizeof(*found));
        copy->secrets = flow_json_own(p, json_copy(found->secrets));
        apr_hash_set(own, found->id, APR_HASH_KEY_STRING, copy);
    }
    return own;
}

static void begin(flow_compile_t *c, flow_model_t *own, flow_doc_t *doc,
                  flow_kind_e kind, const flow_model_t *model, json_t *json,
                  apr_pool_t *p)
{
    const char *id = flow_json_member(json, "_id");

    memset(c, 0, sizeof(*c));
    memset(doc, 0, sizeof(*doc));
    *own = *model;
    own->p = p;
    own->connections = own_connection(model, json, p);
    own->exports = apr_hash_make(p);
    own->imports = apr_hash_make(p);
    c->docs = flow_docs_create(p);
    c->model = own;
    c->known = model;
    c->p = c->scratch = p;
    doc->kind = kind;
    doc->id = id && *id ? apr_pstrdup(p, id) : "virtual";
    doc->json = json;
    doc->file = "";
    doc->place_prefix = "";
    doc->failed = apr_hash_make(p);
}

/* "http.relativeURI: required field ...; ...; and 2 more" */
static apr_status_t end(const flow_compile_t *c, flow_error_t *err)
{
    apr_size_t i, n;
    const flow_problem_t *problems = flow_docs_problems(c->docs, &n);
    const char *text = "";

    for (i = 0; i < n && i < PROBLEMS_TOLD; ++i) {
        text = apr_pstrcat(c->p, text, i ? "; " : "",
                           problems[i].field ? problems[i].field : "",
                           problems[i].field ? ": " : "", problems[i].message,
                           NULL);
    }
    if (!n) {
        return APR_SUCCESS;
    }
    if (n > PROBLEMS_TOLD) {
        text = apr_psprintf(c->p, "%s; and %d more", text,
                            (int)(n - PROBLEMS_TOLD));
    }
    return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL, "invalid_document",
                          "%s", text);
}

apr_status_t flow_compile_virtual_export(flow_export_t **pexp,
                                         const flow_model_t *model,
                                         json_t *json, apr_pool_t *p,
                                         flow_error_t *err)
{
    const char *type = flow_json_member(json, "type");
    flow_model_t own;
    flow_compile_t c;
    flow_doc_t doc;

    if (json_object_get(json, "webhook") ||
        (type && strcmp(type, "webhook") == 0)) {
        return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL,
                              "invalid_document",
                              "type: a webhook has no records of its own and "
                              "cannot be run like this");
    }
    begin(&c, &own, &doc, FLOW_KIND_EXPORT, model, json, p);
    flow_compile_export(&c, &doc);
    *pexp = apr_hash_get(own.exports, doc.id, APR_HASH_KEY_STRING);
    (*pexp)->slot = -1;
    return end(&c, err);
}

apr_status_t flow_compile_virtual_import(flow_import_t **pimp,
                                         const flow_model_t *model,
                                         json_t *json, apr_pool_t *p,
                                         flow_error_t *err)
{
    flow_model_t own;
    flow_compile_t c;
    flow_doc_t doc;

    begin(&c, &own, &doc, FLOW_KIND_IMPORT, model, json, p);
    flow_compile_import(&c, &doc);
    *pimp = apr_hash_get(own.imports, doc.id, APR_HASH_KEY_STRING);
    (*pimp)->slot = -1;
    return end(&c, err);
}
