/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents as scripts see them: found and read, secrets masked, never
 * changed.
 */
#include "flow/flow_host_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#define FIND_MAX 10000 /* documents in one answer */

/* What a script may look at: a kind of documents, or something else. */
typedef struct source_t {
    const char *object;
    int kind; /* -1: none */
} source_t;

static const source_t sources[] = {
    { "exports", FLOW_KIND_EXPORT },
    { "imports", FLOW_KIND_IMPORT },
    { "flows", FLOW_KIND_FLOW },
    { "connections", FLOW_KIND_CONNECTION },
};

static int kind_of(const char *object)
{
    apr_size_t i;

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); ++i) {
        if (strcmp(sources[i].object, object) == 0) {
            return sources[i].kind;
        }
    }
    return -1;
}

static apr_hash_t *docs_of(const flow_model_t *model, int kind)
{
    switch (kind) {
    case FLOW_KIND_EXPORT:
        return model->exports;
    case FLOW_KIND_IMPORT:
        return model->imports;
    case FLOW_KIND_FLOW:
        return model->flows;
    default:
        return model->connections;
    }
}

static const json_t *doc_of(int kind, const void *object)
{
    switch (kind) {
    case FLOW_KIND_EXPORT:
        return ((const flow_export_t *)object)->doc;
    case FLOW_KIND_IMPORT:
        return ((const flow_import_t *)object)->doc;
    case FLOW_KIND_FLOW:
        return ((const flow_flow_t *)object)->doc;
    default:
        return ((const flow_connection_t *)object)->doc;
    }
}

static json_t *shown(int kind, const char *id, const void *object)
{
    json_t *doc = flow_schema_mask((flow_kind_e)kind, doc_of(kind, object));

    if (doc && !json_object_get(doc, "_id")) {
        flow_record_set_text(doc, "_id", id);
    }
    return doc;
}

/* ---- find ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids of a hash in order. */
static const char **sorted_ids(apr_hash_t *docs, apr_size_t *pn, apr_pool_t *p)
{
    const char **ids = apr_palloc(p, (apr_hash_count(docs) + 1) * sizeof(*ids));
    apr_hash_index_t *hi;
    apr_size_t n = 0;

    for (hi = apr_hash_first(p, docs); hi; hi = apr_hash_next(hi)) {
        ids[n++] = apr_hash_this_key(hi);
    }
    qsort(ids, n, sizeof(*ids), by_text);
    *pn = n;
    return ids;
}

static int matches(const json_t *doc, const json_t *external)
{
    return !external ||
           flow_json_equal(json_object_get(doc, "externalId"), external);
}

static json_t *find_docs(const flow_host_call_t *call, int kind)
{
    apr_hash_t *docs = docs_of(call->env->model, kind);
    const json_t *external = flow_host_option(call, "externalId");
    json_t *list = json_array();
    const char **ids;
    apr_size_t i, n;

    ids = sorted_ids(docs, &n, call->p);
    for (i = 0; i < n && json_array_size(list) < FIND_MAX; ++i) {
        const void *object = apr_hash_get(docs, ids[i], APR_HASH_KEY_STRING);

        if (matches(doc_of(kind, object), external)) {
            json_array_append_new(list, shown(kind, ids[i], object));
        }
    }
    return list;
}

/* Integrations are no documents here; what they are called is. */
static void add_integration(apr_hash_t *seen, const json_t *doc)
{
    const char *id = flow_json_member(doc, "_integrationId");

    if (id && *id) {
        apr_hash_set(seen, id, APR_HASH_KEY_STRING, id);
    }
}

static json_t *find_integrations(const flow_host_call_t *call)
{
    apr_hash_t *seen = apr_hash_make(call->p);
    json_t *list = json_array(), *v;
    const char **ids;
    apr_size_t i, n;
    apr_size_t s;

    for (s = 0; s < sizeof(sources) / sizeof(sources[0]); ++s) {
        apr_hash_t *docs = docs_of(call->env->model, sources[s].kind);
        apr_hash_index_t *hi;

        for (hi = apr_hash_first(call->p, docs); hi; hi = apr_hash_next(hi)) {
            add_integration(seen,
                            doc_of(sources[s].kind, apr_hash_this_val(hi)));
        }
    }
    ids = sorted_ids(seen, &n, call->p);
    for (i = 0; i < n; ++i) {
        v = json_object();
        flow_record_set_text(v, "_id", ids[i]);
        flow_record_set_text(v, "name", ids[i]);
        json_array_append_new(list, v);
    }
    return list;
}

static apr_status_t no_store(flow_host_call_t *call, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "state_unavailable",
                          "%s is not available: there is no store here",
                          call->name);
}

/* *plist: all that @a call->object can be. */
static apr_status_t list_all(flow_host_call_t *call, json_t **plist,
                             flow_error_t *err)
{
    const flow_state_iface_t *state = call->env->state;
    int kind = kind_of(call->object);

    if (kind >= 0) {
        *plist = find_docs(call, kind);
    }
    else if (strcmp(call->object, "integrations") == 0) {
        *plist = find_integrations(call);
    }
    else if (strcmp(call->object, "accessTokens") == 0) {
        return state && state->tokens
                   ? state->tokens(state->baton, plist, call->p, err)
                   : no_store(call, err);
    }
    else if (strcmp(call->object, "lookupCaches") == 0) {
        return state && state->caches
                   ? state->caches(state->baton, plist, call->p, err)
                   : no_store(call, err);
    }
    else { /* asyncHelpers, fileDefinitions: there are none */
        *plist = json_array();
    }
    return APR_SUCCESS;
}

static apr_status_t find(flow_host_call_t *call, json_t **presult,
                         flow_error_t *err)
{
    const json_t *external = flow_host_option(call, "externalId");
    apr_status_t rv = list_all(call, presult, err);
    size_t i;

    if (rv == APR_SUCCESS && kind_of(call->object) < 0 && external) {
        for (i = json_array_size(*presult); i > 0; --i) {
            if (!matches(json_array_get(*presult, i - 1), external)) {
                json_array_remove(*presult, i - 1);
            }
        }
    }
    return rv;
}

/* ---- get ---- */

/* undefined when there is none. */
static apr_status_t get(flow_host_call_t *call, json_t **presult,
                        flow_error_t *err)
{
    int kind = kind_of(call->object);
    json_t *list = NULL;
    apr_status_t rv;
    size_t i;

    if (!call->id) {
        return flow_host_wrong(call, err, "missing_required_field",
                               "needs an _id");
    }
    if (kind >= 0) {
        const void *object = apr_hash_get(docs_of(call->env->model, kind),
                                          call->id, APR_HASH_KEY_STRING);

        *presult = object ? shown(kind, call->id, object) : NULL;
        return APR_SUCCESS;
    }
    rv = list_all(call, &list, err);
    for (i = 0; i < json_array_size(list); ++i) {
        json_t *v = json_array_get(list, i);
        const char *id = flow_json_member(v, "_id");

        if (id && strcmp(id, call->id) == 0) {
            *presult = json_incref(v);
            break;
        }
    }
    json_decref(list);
    return rv;
}

/* ---- what is refused ---- */

static apr_status_t refuse(flow_host_call_t *call, json_t **presult,
                           flow_error_t *err)
{
    (void)presult;
    call->status = 405;
    if (strcmp(call->object, "accessTokens") == 0) {
        return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOTIMPL, "not_supported",
                              "%s is refused: scripts make no access tokens; "
                              "use flowctl token",
                              call->name);
    }
    return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOTIMPL, "not_supported",
                          "%s is refused: definitions live in files; change "
                          "the file and reload the server",
                          call->name);
}

/* clang-format off */
const flow_host_function_t flow_host_docs[] = {
    { "*", "find",   find },
    { "*", "get",    get },
    { "*", "create", refuse },
    { "*", "update", refuse },
    { "*", "patch",  refuse },
    { "*", "delete", refuse },
    { "",  "request", flow_host_request },
    { NULL }
};
/* clang-format on */
