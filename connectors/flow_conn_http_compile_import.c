/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports of adaptor HTTPImport, compiled. method, relativeURI, requestType,
 * body and the paths of the response share one index: one operation, or two
 * of which one updates what exists and one creates what does not.
 */
#include "connectors/flow_conn_http.h"

#include <apr_strings.h>

#include <string.h>

static const char *at(flow_compile_t *c, const char *field, int i)
{
    return apr_psprintf(flow_compile_pool(c), "%s[%d]", field, i);
}

/* Entry @a i of one of the arrays that run side by side with method[]; of an
 * array with one entry that one. */
static const json_t *entry(flow_compile_t *c, const char *field, int i)
{
    const json_t *list = flow_compile_get(c, field);

    if (!flow_json_is(list, ARRAY)) {
        return list;
    }
    return json_array_get(list, json_array_size(list) == 1 ? 0 : (size_t)i);
}

static const char *entry_text(flow_compile_t *c, const char *field, int i)
{
    const json_t *item = entry(c, field, i);
    const char *text;

    if (flow_json_is(item, OBJECT)) {
        return flow_json_text(item, NULL, flow_compile_pool(c));
    }
    text = flow_json_string(item, NULL);
    return text ? apr_pstrdup(flow_compile_pool(c), text) : NULL;
}

static const flow_path_t *entry_path(flow_compile_t *c, const char *field,
                                     int i)
{
    const char *text = entry_text(c, field, i);

    return text && text[0] ? flow_compile_path_text(c, at(c, field, i), text)
                           : NULL;
}

static int are_strings(const json_t *list)
{
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        if (!flow_json_is(json_array_get(list, i), STRING)) {
            return 0;
        }
    }
    return flow_json_is(list, ARRAY);
}

/* "ok" and ["ok", "done"] are for every operation, [["ok"], ["done"]] has a
 * list for each. */
static const json_t *entry_values(flow_compile_t *c, const char *field, int i)
{
    const json_t *v = flow_compile_get(c, field);
    json_t *one;

    if (flow_json_is(v, STRING)) {
        one = flow_json_own(flow_compile_pool(c), json_array());
        json_array_append(one, (json_t *)v);
        return one;
    }
    if (flow_json_is(json_array_get(v, 0), ARRAY)) {
        v = entry(c, field, i);
    }
    if (flow_json_is_silent(v, 0)) {
        return NULL; /* nothing for this operation */
    }
    if (!are_strings(v)) {
        flow_compile_problem(c, field,
                             "must be strings, one list per operation, such "
                             "as [[\"true\"]]");
        return NULL;
    }
    return v;
}

/* Values that are compared with nothing would make nothing fail. */
static void need_path(flow_compile_t *c, const json_t *values,
                      const flow_path_t *path, const char *name, int i)
{
    const char *field =
        apr_pstrcat(flow_compile_pool(c), "http.response.", name, NULL);
    const char *text = entry_text(
        c, apr_pstrcat(flow_compile_pool(c), field, "Path", NULL), i);

    if (values && !path && (!text || !text[0])) {
        flow_compile_problem(
            c, apr_pstrcat(flow_compile_pool(c), field, "Values", NULL),
            "has no effect without '%sPath'%s", field,
            i ? " for the second operation" : "");
    }
}

static void compile_verdict(flow_compile_t *c, http_verdict_t *v, int i)
{
    v->success_path = entry_path(c, "http.response.successPath", i);
    v->success_values = entry_values(c, "http.response.successValues", i);
    v->fail_path = entry_path(c, "http.response.failPath", i);
    v->fail_values = entry_values(c, "http.response.failValues", i);
    v->error_path = flow_compile_path(c, "http.response.errorPath");
    v->array_ok =
        flow_compile_bool(c, "http.response.allowArrayforSuccessPath");
    need_path(c, v->success_values, v->success_path, "success", i);
    need_path(c, v->fail_values, v->fail_path, "fail", i);
}

static void compile_operation(flow_compile_t *c, http_import_t *x,
                              const http_step_t *shared, int i)
{
    const char *method = entry_text(c, "http.method", i);
    const char *uri = entry_text(c, "http.relativeURI", i);
    http_step_t *op = &x->ops[i];

    *op = *shared;
    op->method = method ? method : "POST";
    op->uri = uri ? flow_compile_template_text(c, at(c, "http.relativeURI", i),
                                               uri, FLOW_ESCAPE_URI)
                  : NULL;
    op->body = flow_conn_http_compile_body(c, at(c, "http.body", i),
                                           entry_text(c, "http.body", i),
                                           op->request_media);
    compile_verdict(c, &op->verdict, i);
    op->resource_path = entry_path(c, "http.response.resourcePath", i);
    op->id_path = entry_path(c, "http.response.resourceIdPath", i);
}

/* ---- lookups ---- */

int flow_conn_http_in_templates(flow_compile_t *c, const char *name)
{
    static const char *const fields[] = { "http.relativeURI", "http.body",
                                          "http.headers" };
    apr_pool_t *p = flow_compile_pool(c);
    const char *what = apr_pstrcat(p, "lookup.", name, NULL);
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); ++i) {
        const json_t *v = flow_compile_get(c, fields[i]);

        if (v && strstr(flow_json_text(v, NULL, p), what)) {
            return 1;
        }
    }
    return 0;
}

void flow_conn_http_compile_search(flow_compile_t *c, const json_t *item,
                                   const char *field, const http_step_t *shared,
                                   http_lookup_t *lookup)
{
    apr_pool_t *p = flow_compile_pool(c);
    const char *method = flow_json_member(item, "method");
    const char *uri = flow_json_member(item, "relativeURI");
    const char *body = flow_json_member(item, "body");
    const char *extract = flow_json_member(item, "extract");
    http_step_t *step = &lookup->step;
    http_headers_t none = { NULL, 0 };

    body = body ? body : flow_json_member(item, "postBody");
    *step = *shared;
    step->method = method ? apr_pstrdup(p, method) : "GET";
    if (flow_json_member_bool(item, "useImportHeaders") != 1) {
        step->headers = none;
    }
    if (!uri) {
        flow_compile_problem(c, field,
                             "needs 'map' (a table) or 'relativeURI' (a "
                             "request)");
        return;
    }
    step->uri = flow_compile_template_text(
        c, apr_pstrcat(p, field, ".relativeURI", NULL), uri, FLOW_ESCAPE_URI);
    step->body = flow_conn_http_compile_body(
        c, apr_pstrcat(p, field, ".body", NULL), body, step->request_media);
    lookup->extract =
        extract && extract[0]
            ? flow_compile_path_text(c, apr_pstrcat(p, field, ".extract", NULL),
                                     extract)
            : NULL;
}

static void compile_lookups(flow_compile_t *c, http_import_t *x,
                            const http_step_t *shared)
{
    const json_t *list = flow_compile_get(c, "http.lookups");
    apr_pool_t *p = flow_compile_pool(c);
    size_t n = json_array_size(list), i;
    http_lookup_t *all = apr_pcalloc(p, (n + 1) * sizeof(*all));

    x->lookups = all;
    for (i = 0; i < n; ++i) {
        const json_t *item = json_array_get(list, i);
        const char *name = flow_json_member(item, "name");
        http_lookup_t *lookup = &all[x->nlookups];

        if (!name || json_object_get(item, "_lookupCacheId")) {
            continue; /* a cache is for mappings, see flow_compile_mapping.c */
        }
        lookup->name = apr_pstrdup(p, name);
        lookup->map = json_object_get(item, "map");
        lookup->dflt = json_object_get(item, "default");
        lookup->allow_failures =
            flow_json_member_bool(item, "allowFailures") == 1;
        lookup->in_templates = flow_conn_http_in_templates(c, name);
        if (!lookup->map) {
            flow_conn_http_compile_search(
                c, item, at(c, "http.lookups", (int)i), shared, lookup);
        }
        ++x->nlookups;
    }
}

static const http_lookup_t *find_lookup(flow_compile_t *c,
                                        const http_import_t *x,
                                        const char *field)
{
    const char *name = flow_compile_string(c, field);
    int i;

    for (i = 0; name && i < x->nlookups; ++i) {
        if (strcmp(x->lookups[i].name, name) == 0) {
            if (!x->lookups[i].map) {
                return &x->lookups[i];
            }
            flow_compile_problem(c, field,
                                 "lookup '%s' is a table; only a request can "
                                 "tell whether a record exists",
                                 name);
            return NULL;
        }
    }
    if (name) {
        flow_compile_problem(c, field, "'http.lookups' has no '%s'", name);
    }
    return NULL;
}

/* ---- what goes together ---- */

static void check_lengths(flow_compile_t *c, const http_import_t *x)
{
    static const char *const fields[] = { "http.relativeURI",
                                          "http.requestType",
                                          "http.body",
                                          "http.response.resourcePath",
                                          "http.response.resourceIdPath",
                                          "http.response.successPath",
                                          "http.response.failPath" };
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); ++i) {
        int n = (int)json_array_size(flow_compile_get(c, fields[i]));
        int must = i < 3; /* one for each operation, the rest may be shared */

        if (n > x->nops || (n > 0 && n < x->nops && (must || n > 1))) {
            flow_compile_problem(c, fields[i],
                                 "has %d entries for %d operations; entry k "
                                 "belongs to entry k of 'http.method'",
                                 n, x->nops);
        }
    }
}

static void check_composite(flow_compile_t *c, http_import_t *x)
{
    int has_test = flow_compile_get(c, "http.existingExtract") != NULL;
    int has_call = flow_compile_get(c, "http.existingLookupName") != NULL;
    int i;

    x->update = x->create = -1;
    for (i = 0; i < x->nops; ++i) {
        const char *type = entry_text(c, "http.requestType", i);

        if (type) {
            *(strcmp(type, "UPDATE") == 0 ? &x->update : &x->create) = i;
        }
    }
    if (has_test && has_call) {
        flow_compile_problem(c, "http.existingLookupName",
                             "excludes 'http.existingExtract'");
    }
    if (x->nops < HTTP_OPERATIONS_MAX) {
        if (has_test || has_call) {
            flow_compile_problem(c,
                                 has_test ? "http.existingExtract"
                                          : "http.existingLookupName",
                                 "needs two operations, such as "
                                 "\"method\": [\"PUT\", \"POST\"], "
                                 "\"requestType\": [\"UPDATE\", "
                                 "\"CREATE\"]");
        }
        return;
    }
    if (x->update < 0 || x->create < 0) {
        flow_compile_problem(c, "http.requestType",
                             "two operations need [\"UPDATE\", \"CREATE\"]");
    }
    if (!has_test && !has_call) {
        flow_compile_problem(c, "http.method",
                             "two operations need 'http.existingExtract' or "
                             "'http.existingLookupName' to choose by");
    }
}

static void check_ignore(flow_compile_t *c, const http_import_t *x)
{
    int has_test = flow_compile_get(c, "http.ignoreExtract") ||
                   flow_compile_get(c, "http.ignoreLookupName") ||
                   flow_compile_get(c, "http.existingExtract") ||
                   flow_compile_get(c, "http.existingLookupName");

    if (x->ignore_existing && x->ignore_missing) {
        flow_compile_problem(c, "ignoreMissing",
                             "together with 'ignoreExisting' no record would "
                             "ever be sent");
    }
    if ((x->ignore_existing || x->ignore_missing) && !has_test) {
        flow_compile_problem(
            c, x->ignore_existing ? "ignoreExisting" : "ignoreMissing",
            "needs 'http.ignoreExtract' or "
            "'http.ignoreLookupName' to know what exists");
    }
}

/* Bytes are a blob's or a file's; a record cannot be written so. */
static void check_raw(flow_compile_t *c, const http_import_t *x)
{
    const char *media = flow_compile_string(c, "http.requestMediaType");

    if (media && strcmp(media, "octet-stream") == 0 && !x->file &&
        !x->blob_path) {
        flow_compile_problem(c, "http.requestMediaType",
                             "'octet-stream' is for blobs ('blobKeyPath') and "
                             "files (http.type 'file')");
    }
}

static void check_batch(flow_compile_t *c, const http_import_t *x)
{
    int i;

    if (x->file) {
        return;
    }
    for (i = 0; i < x->nops && x->batch_size > 1; ++i) {
        const http_step_t *op = &x->ops[i];

        if (!op->body.tpl && op->request_media != FLOW_MEDIA_JSON &&
            op->request_media != FLOW_MEDIA_CSV) {
            flow_compile_problem(c, "http.batchSize",
                                 "several records in one request need media "
                                 "type json or csv, or a 'http.body'");
            return;
        }
    }
}

static void count_operations(flow_compile_t *c, http_import_t *x)
{
    const json_t *methods = flow_compile_get(c, "http.method");
    int n = (int)json_array_size(methods);

    if (methods && n == 0) {
        flow_compile_problem(c, "http.method",
                             "must name a method, such as [\"POST\"]");
    }
    if (n > HTTP_OPERATIONS_MAX) {
        flow_compile_problem(c, "http.method",
                             "has %d entries; one that updates and one that "
                             "creates are the most there can be",
                             n);
    }
    x->nops = n < 1 ? 1 : n > HTTP_OPERATIONS_MAX ? HTTP_OPERATIONS_MAX : n;
}

/* Does any text of the document speak of the key? Making it costs something. */
static int names_key(const json_t *doc, apr_pool_t *p)
{
    const char *text = flow_json_text(doc, NULL, p);

    return text && strstr(text, "idempotencyKey") != NULL;
}

void flow_conn_http_compile_import(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata)
{
    http_import_t *x = apr_pcalloc(flow_compile_pool(c), sizeof(*x));
    http_step_t shared = { NULL };
    int i;

    x->uses_key = names_key(doc, flow_compile_pool(c)) ||
                  names_key(connection->doc, flow_compile_pool(c));
    *pdata = x;
    count_operations(c, x);
    flow_compile_strict(c,
                        flow_compile_bool(c, "http.strictHandlebarEvaluation"));
    flow_conn_http_compile_step(c, connection->data, &shared);
    shared.attempts = (int)flow_compile_int(c, "maxAttempts");
    for (i = 0; i < x->nops; ++i) {
        compile_operation(c, x, &shared, i);
    }
    compile_lookups(c, x, &shared);
    flow_compile_strict(c, 0);
    x->existing_path = flow_compile_path(c, "http.existingExtract");
    x->ignore_path = flow_compile_path(c, "http.ignoreExtract");
    x->existing_lookup = find_lookup(c, x, "http.existingLookupName");
    x->ignore_lookup = find_lookup(c, x, "http.ignoreLookupName");
    x->ignore_existing = flow_compile_bool(c, "ignoreExisting");
    x->ignore_missing = flow_compile_bool(c, "ignoreMissing");
    x->batch_size = (int)flow_compile_int(c, "http.batchSize");
    x->send_original = !flow_compile_bool(c, "http.sendPostMappedData");
    x->drop_empty = flow_compile_bool(c, "http.ignoreEmptyNodes");
    x->has_header = flow_compile_bool(c, "http.response.hasHeader");
    x->body_limit = (apr_size_t)flow_compile_int(c, "http.endPointBodyLimit");
    x->async = flow_conn_http_compile_async(c);
    x->blob_path = flow_compile_path(c, "blobKeyPath");
    x->blob_coding =
        flow_conn_http_coding(flow_compile_string(c, "http.blobFormat"));
    x->delete_blob = flow_compile_bool(c, "deleteAfterImport");
    flow_conn_http_compile_file_out(c, x);
    check_raw(c, x);
    if (x->blob_path && x->batch_size > 1) {
        flow_compile_problem(c, "http.batchSize",
                             "a blob goes alone; it excludes 'blobKeyPath'");
    }
    check_lengths(c, x);
    check_composite(c, x);
    check_ignore(c, x);
    check_batch(c, x);
}
