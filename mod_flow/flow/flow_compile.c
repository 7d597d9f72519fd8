/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents become the model: scripts first, since hooks name them, then
 * connections, exports, imports, and what is made of those.
 */
#include "flow/flow_compile_private.h"

#include "data/flow_nearest.h"
#include "flow/flow_file.h"
#include "flow/flow_presets.h"
#include "flow/flow_schema_private.h"
#include "flow/flow_secret.h"
#include "flow/flow_webhook.h"

#include <apr_strings.h>

#include <string.h>

/* ---- opening a document ---- */

/* A FlowSet line that was wrong has been reported as such; that its field, or
 * the object around it, is now missing is no second mistake. */
static int has_failed(const flow_doc_t *doc, const char *path)
{
    apr_hash_index_t *hi;

    if (apr_hash_get(doc->failed, "assistant", APR_HASH_KEY_STRING)) {
        return 1; /* whatever the preset would have given */
    }
    for (hi = apr_hash_first(NULL, doc->failed); hi; hi = apr_hash_next(hi)) {
        const char *failed = apr_hash_this_key(hi);

        if (strcmp(failed, path) == 0 || flow_path_is_below(failed, path)) {
            return 1;
        }
    }
    return 0;
}

static void on_problem(void *baton, const char *path, const char *message)
{
    flow_compile_t *c = baton;

    if (strncmp(message, "required ", 9) != 0 || !has_failed(c->doc, path)) {
        flow_compile_problem(c, path, "%s", message);
    }
}

static int on_exists(void *baton, const char *kind_name, const char *id,
                     const char **pnearest)
{
    flow_compile_t *c = baton;
    int kind;

    if (c->known) {
        return flow_compile_virtual_exists(c, kind_name, id);
    }
    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        if (strcmp(kind_name, flow_kind_name((flow_kind_e)kind)) == 0) {
            break;
        }
    }
    if (kind == FLOW_KIND_COUNT ||
        flow_docs_find(c->docs, (flow_kind_e)kind, id)) {
        return 1;
    }
    *pnearest = flow_docs_nearest(c->docs, (flow_kind_e)kind, id, c->scratch);
    return 0;
}

json_t *flow_compile_on_secret(void *baton, const char *path, const char *text)
{
    flow_compile_t *c = baton;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *value;

    if (c->known) {
        /* a script's document: it does not read our files */
        flow_compile_secret(c, text);
        return NULL;
    }
    if (flow_secret_resolve(&value, text, flow_file_dir(c->doc->file, c->p),
                            c->p, &err) != APR_SUCCESS) {
        flow_compile_problem(c, path, "%s", err.message);
        return NULL;
    }
    if (text[0] && strspn(text, "*") == strlen(text)) {
        flow_compile_warning(c, path,
                             "this is what exported documents have in place of "
                             "a secret; write the secret, or env:NAME or "
                             "file:PATH");
    }
    flow_compile_secret(c, value);
    return value == text ? NULL : flow_json_string_new(value, strlen(value));
}

void flow_compile_open(flow_compile_t *c, const flow_doc_t *doc,
                       const char *connector, json_t *secrets)
{
    flow_schema_check_t check = { c, on_problem, on_exists };

    c->doc = doc;
    c->connector = connector;
    c->secrets = secrets;
    c->json = flow_json_own(c->p, json_deep_copy(doc->json));
    flow_schema_check(doc->kind, connector, c->json, &check, c->scratch);
    flow_schema_secrets(doc->kind, c->json, flow_compile_on_secret, c,
                        c->scratch);
}

/* ---- what compile functions may call ---- */

void flow_compile_strict(flow_compile_t *c, int on)
{
    c->is_strict = on;
}

apr_pool_t *flow_compile_pool(flow_compile_t *c)
{
    return c->p;
}

static void add_form(flow_compile_t *c, const char *form, const char *text)
{
    if (form && strcmp(form, text) != 0) {
        json_array_append_new(c->secrets,
                              flow_json_string_new(form, strlen(form)));
    }
}

void flow_compile_secret(flow_compile_t *c, const char *text)
{
    apr_size_t len = strlen(text);
    flow_buf_t escaped;

    if (!c->secrets || !len) {
        return;
    }
    json_array_append_new(c->secrets, flow_json_string_new(text, len));
    /* It may also come back from a URL or inside of a JSON text. */
    add_form(c, flow_url_encode(text, len, c->scratch), text);
    flow_buf_init(&escaped, 6 * len + 1);
    if (flow_json_write_escaped(&escaped, text, len) == APR_SUCCESS) {
        add_form(c, escaped.data, text);
    }
    flow_buf_release(&escaped);
}

const json_t *flow_compile_get(flow_compile_t *c, const char *field)
{
    const json_t *v = c->json;
    const char *s = field;

    while (v && *s) {
        apr_size_t len = strcspn(s, ".");

        v = json_object_get(v, apr_pstrmemdup(c->scratch, s, len));
        s += len;
        s += *s == '.';
    }
    return flow_json_type(v) == FLOW_JSON_NULL ? NULL : v;
}

static const char *default_of(flow_compile_t *c, const char *field)
{
    const flow_field_t *row =
        flow_schema_find(c->doc->kind, c->connector, field);

    return row ? row->dflt : NULL;
}

const char *flow_compile_string(flow_compile_t *c, const char *field)
{
    const char *text = flow_json_string(flow_compile_get(c, field), NULL);

    return text ? apr_pstrdup(c->p, text) : default_of(c, field);
}

int flow_compile_bool(flow_compile_t *c, const char *field)
{
    const json_t *v = flow_compile_get(c, field);
    const char *dflt;

    if (v) {
        return json_is_true(v);
    }
    dflt = default_of(c, field);
    return dflt && strcmp(dflt, "true") == 0;
}

apr_int64_t flow_compile_int(flow_compile_t *c, const char *field)
{
    apr_int64_t n;
    const char *dflt;

    if (flow_json_int64(flow_compile_get(c, field), &n)) {
        return n;
    }
    dflt = default_of(c, field);
    return dflt ? apr_strtoi64(dflt, NULL, 10) : 0;
}

const flow_template_t *flow_compile_template_text(flow_compile_t *c,
                                                  const char *field,
                                                  const char *text,
                                                  flow_escape_e escape)
{
    flow_template_options_t options = { escape, c->is_strict };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_template_t *tpl = NULL;

    if (flow_template_compile_with(&tpl, text, strlen(text), &options, c->p,
                                   &err) != APR_SUCCESS) {
        flow_compile_problem(c, field, "%s", err.message);
        return NULL;
    }
    return tpl;
}

const flow_template_t *flow_compile_template(flow_compile_t *c,
                                             const char *field,
                                             flow_escape_e escape)
{
    const char *text = flow_compile_string(c, field);

    return text ? flow_compile_template_text(c, field, text, escape) : NULL;
}

const flow_path_t *flow_compile_path_text(flow_compile_t *c, const char *field,
                                          const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_path_t *path = NULL;

    if (flow_path_compile_answer(&path, text, c->p, &err) != APR_SUCCESS) {
        flow_compile_problem(c, field, "%s", err.message);
        return NULL;
    }
    return path;
}

const flow_path_t *flow_compile_path(flow_compile_t *c, const char *field)
{
    const char *text = flow_compile_string(c, field);

    return text ? flow_compile_path_text(c, field, text) : NULL;
}

const char *flow_compile_name(flow_compile_t *c)
{
    const char *name = flow_compile_string(c, "name");

    return name && name[0] ? name : c->doc->id;
}

/* ---- connections ---- */

static const char later_types[] =
    " rest netsuite salesforce ftp s3 rdbms jdbc mongodb dynamodb as2 van "
    "wrapper mcp ";

static const flow_connector_t *connector_of(flow_compile_t *c,
                                            const flow_doc_t *doc,
                                            const char **pwhy)
{
    const char *type = flow_json_member(doc->json, "type"), *near;
    const char *names[64], *list = "";
    const flow_connector_t *connector;
    int n;

    if (!type) {
        return NULL; /* missing or no string: the schema says so */
    }
    connector = flow_connector_find(type);
    if (connector) {
        return connector;
    }
    for (n = 0; n < 64 && flow_connector_at(n); ++n) {
        names[n] = flow_connector_at(n)->name;
        list = apr_pstrcat(c->scratch, list, n ? " " : "", names[n], NULL);
    }
    near = flow_nearest(type, names, (apr_size_t)n);
    type = flow_printable(type, c->scratch);
    if (strstr(later_types, apr_pstrcat(c->scratch, " ", type, " ", NULL))) {
        *pwhy = apr_psprintf(c->scratch,
                             "'%s' is known but not supported yet; "
                             "supported: %s",
                             type, list);
    }
    else {
        *pwhy = apr_psprintf(c->scratch, "'%s' is not one of %s%s%s%s", type,
                             list, near ? "; did you mean '" : "",
                             near ? near : "", near ? "'?" : "");
    }
    return NULL;
}

static void compile_connection(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_connection_t *conn = apr_pcalloc(c->p, sizeof(*conn));
    const char *why = NULL;

    conn->id = doc->id;
    conn->connector = connector_of(c, doc, &why);
    conn->secrets = flow_json_own(c->p, json_array());
    flow_compile_open(c, doc, conn->connector ? conn->connector->name : NULL,
                      conn->secrets);
    if (why) {
        flow_compile_problem(c, "type", "%s", why);
    }
    conn->name = flow_compile_name(c);
    conn->doc = c->json;
    conn->context = c->json;
    if (conn->connector && conn->connector->compile_connection) {
        c->client = NULL;
        conn->connector->compile_connection(c, c->json, &conn->data);
        conn->client = c->client;
    }
    apr_hash_set(c->model->connections, conn->id, APR_HASH_KEY_STRING, conn);
}

static const flow_connection_t *connection_of(flow_compile_t *c,
                                              const flow_doc_t *doc)
{
    const char *id = flow_json_member(doc->json, "_connectionId");

    return id ? apr_hash_get(c->model->connections, id, APR_HASH_KEY_STRING)
              : NULL;
}

/* ---- exports and imports ---- */

static int adaptor_fits(flow_compile_t *c, const flow_connection_t *conn,
                        const char *expected, const char *verb)
{
    const char *given = flow_compile_string(c, "adaptorType");

    if (!expected) {
        flow_compile_problem(c, "_connectionId",
                             "connection '%s' of type '%s' cannot %s", conn->id,
                             conn->connector->name, verb);
        return 0;
    }
    if (given && strcmp(given, expected) != 0) {
        flow_compile_problem(c, "adaptorType",
                             "'%s' does not fit connection '%s' of type '%s'; "
                             "it must be '%s'",
                             given, conn->id, conn->connector->name, expected);
    }
    return 1;
}

static int is_webhook(const flow_doc_t *doc)
{
    const char *type = flow_json_member(doc->json, "type");
    const char *adaptor = flow_json_member(doc->json, "adaptorType");

    return (type && strcmp(type, "webhook") == 0) ||
           (adaptor && strcmp(adaptor, "WebhookExport") == 0);
}

static void compile_listener(flow_compile_t *c, flow_export_t *exp)
{
    const char *adaptor = flow_compile_string(c, "adaptorType");

    if (flow_compile_get(c, "_connectionId")) {
        flow_compile_problem(c, "_connectionId",
                             "a webhook has no connection; remove it");
    }
    if (adaptor && strcmp(adaptor, "WebhookExport") != 0) {
        flow_compile_problem(c, "adaptorType",
                             "'%s' does not fit type 'webhook'; it must be "
                             "'WebhookExport'",
                             adaptor);
    }
    if (flow_compile_bool(c, "isLookup")) {
        flow_compile_problem(c, "isLookup", "a webhook cannot be a lookup");
    }
    flow_webhook_compile(c, c->json, &exp->webhook);
}

static void compile_source(flow_compile_t *c, const flow_doc_t *doc,
                           flow_export_t *exp)
{
    if (flow_compile_get(c, "webhook")) {
        flow_compile_problem(c, "webhook",
                             "only for exports of type 'webhook'");
    }
    exp->connection = connection_of(c, doc);
    if (!exp->connection) {
        /* A wrong one has been reported; a missing one only here, since
         * webhooks have none. */
        if (!json_object_get(doc->json, "_connectionId") &&
            !apr_hash_get(doc->failed, "_connectionId", APR_HASH_KEY_STRING)) {
            flow_compile_problem(c, "_connectionId",
                                 "required field '_connectionId' is missing");
        }
        return;
    }
    exp->connector = exp->connection->connector;
    if (exp->connector &&
        adaptor_fits(c, exp->connection, exp->connector->export_adaptor,
                     "export")) {
        exp->connector->compile_export(c, c->json, exp->connection, &exp->data);
    }
}

static void check_once(flow_compile_t *c, const flow_export_t *exp)
{
    if (!exp->is_once) {
        return;
    }
    if (exp->is_lookup) {
        flow_compile_problem(c, "type", "a lookup cannot be of type 'once'");
    }
    else if (exp->connector && !exp->connector->export_mark) {
        flow_compile_problem(c, "type",
                             "connections of type '%s' have no exports of type "
                             "'once'",
                             exp->connector->name);
    }
}

void flow_compile_export(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_export_t *exp = apr_pcalloc(c->p, sizeof(*exp));
    const flow_connection_t *conn = connection_of(c, doc);
    const char *type;

    exp->id = doc->id;
    exp->slot = c->model->nslots++;
    flow_compile_open(c, doc,
                      is_webhook(doc)           ? "webhook"
                      : conn && conn->connector ? conn->connector->name
                                                : NULL,
                      conn ? conn->secrets : NULL);
    exp->name = flow_compile_name(c);
    exp->doc = c->json;
    exp->is_lookup = flow_compile_bool(c, "isLookup");
    exp->page_size = (int)flow_compile_int(c, "pageSize");
    type = flow_compile_string(c, "type");
    if (type && strcmp(type, "test") == 0) {
        exp->test_limit = (int)flow_compile_int(c, "test.limit");
    }
    flow_compile_delta(c, exp);
    exp->is_once = type && strcmp(type, "once") == 0;
    if (is_webhook(doc)) {
        compile_listener(c, exp);
    }
    else {
        compile_source(c, doc, exp);
    }
    check_once(c, exp);
    flow_compile_filter(c, "filter", &exp->filter);
    flow_compile_filter(c, "inputFilter", &exp->input_filter);
    if ((exp->input_filter.expression || exp->input_filter.script.script) &&
        !exp->is_lookup) {
        flow_compile_problem(c, "inputFilter",
                             "only for lookups; set 'isLookup' to true, or "
                             "use 'filter'");
    }
    flow_compile_transform(c, "transform", exp->connection, &exp->transform);
    flow_compile_export_shape(c, exp);
    flow_compile_hook(c, "hooks.preSavePage", &exp->pre_save_page);
    exp->trace_key =
        flow_compile_template(c, "traceKeyTemplate", FLOW_ESCAPE_NONE);
    exp->data_uri =
        flow_compile_template(c, "dataURITemplate", FLOW_ESCAPE_URI);
    apr_hash_set(c->model->exports, exp->id, APR_HASH_KEY_STRING, exp);
}

void flow_compile_import(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_import_t *imp = apr_pcalloc(c->p, sizeof(*imp));

    imp->id = doc->id;
    imp->slot = c->model->nslots++;
    imp->connection = connection_of(c, doc);
    imp->connector = imp->connection ? imp->connection->connector : NULL;
    flow_compile_open(c, doc, imp->connector ? imp->connector->name : NULL,
                      imp->connection ? imp->connection->secrets : NULL);
    imp->name = flow_compile_name(c);
    imp->doc = c->json;
    if (imp->connector &&
        adaptor_fits(c, imp->connection, imp->connector->import_adaptor,
                     "import")) {
        imp->connector->compile_import(c, c->json, imp->connection, &imp->data);
    }
    flow_compile_filter(c, "filter", &imp->filter);
    flow_compile_import_shape(c, imp);
    flow_compile_hook(c, "hooks.preMap", &imp->pre_map);
    flow_compile_hook(c, "hooks.postMap", &imp->post_map);
    flow_compile_hook(c, "hooks.postSubmit", &imp->post_submit);
    flow_compile_hook(c, "hooks.postAggregate", &imp->post_aggregate);
    imp->one_to_many = flow_compile_bool(c, "oneToMany");
    imp->path_to_many = flow_compile_path(c, "pathToMany");
    imp->id_lock = flow_compile_template(c, "idLockTemplate", FLOW_ESCAPE_NONE);
    imp->trace_key =
        flow_compile_template(c, "traceKeyTemplate", FLOW_ESCAPE_NONE);
    imp->data_uri =
        flow_compile_template(c, "dataURITemplate", FLOW_ESCAPE_URI);
    apr_hash_set(c->model->imports, imp->id, APR_HASH_KEY_STRING, imp);
}

/* ---- all ---- */

static void each(flow_compile_t *c, flow_kind_e kind,
                 void (*compile)(flow_compile_t *c, const flow_doc_t *doc))
{
    apr_size_t i;

    for (i = 0; i < flow_docs_count(c->docs); ++i) {
        const flow_doc_t *doc = flow_docs_at(c->docs, i);

        if (doc->kind == kind) {
            compile(c, doc);
        }
    }
}

/* Used by the documents that name it. */
static void check_only(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_schema_check_t check = { c, on_problem, on_exists };

    c->doc = doc;
    c->json = flow_json_own(c->p, json_deep_copy(doc->json));
    flow_schema_check(doc->kind, NULL, c->json, &check, c->scratch);
}

apr_status_t flow_compile(flow_model_t **pmodel, flow_docs_t *docs,
                          const flow_compile_settings_t *settings,
                          apr_pool_t *p, apr_pool_t *scratch)
{
    flow_compile_t c = {
        docs, NULL, settings->script_memory, p, scratch, NULL
    };
    flow_model_t *model = apr_pcalloc(p, sizeof(*model));
    apr_size_t n;

    model->p = p;
    model->compiled = apr_time_now();
    model->connections = apr_hash_make(p);
    model->exports = apr_hash_make(p);
    model->imports = apr_hash_make(p);
    model->flows = apr_hash_make(p);
    model->scripts = apr_hash_make(p);
    model->apis = apr_hash_make(p);
    model->listeners = apr_hash_make(p);
    model->warnings = apr_array_make(p, 4, sizeof(const char *));
    c.model = model;
    flow_docs_finish(docs);
    flow_presets_apply(docs, settings->preset_dir);
    each(&c, FLOW_KIND_ICLIENT, check_only);
    each(&c, FLOW_KIND_ASYNC_HELPER, check_only);
    each(&c, FLOW_KIND_SCRIPT, flow_compile_script);
    each(&c, FLOW_KIND_CONNECTION, compile_connection);
    each(&c, FLOW_KIND_EXPORT, flow_compile_export);
    each(&c, FLOW_KIND_IMPORT, flow_compile_import);
    each(&c, FLOW_KIND_FLOW, flow_compile_flow);
    each(&c, FLOW_KIND_FLOW, flow_compile_next);
    flow_compile_cycles(&c);
    each(&c, FLOW_KIND_API, flow_compile_api);
    *pmodel = model;
    flow_docs_problems(docs, &n);
    return n ? APR_EINVAL : APR_SUCCESS;
}
