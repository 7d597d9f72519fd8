/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings, transforms and lookups of documents, and what else gives records
 * their shape.
 */
#include "flow/flow_compile_private.h"

#include <apr_strings.h>

#include <string.h>

#define MOCK_RECORDS_MAX 10
#define GROUP_FIELDS_MAX 32

/* ---- mistakes ---- */

/* What a part calls itself, and where it stands in the document. */
typedef struct teller_t {
    flow_compile_t *c;
    const char *name, *field;
} teller_t;

/* "mapping.fields[3] 'price': unknown ..." is a mistake of the document at
 * mapping.fields[3], so that its line is told. */
static void tell(void *baton, const flow_error_t *err)
{
    const teller_t *t = baton;
    apr_size_t len = strlen(t->name), path;
    const char *text = err->message;

    if (strncmp(text, t->name, len) != 0) {
        flow_compile_problem(t->c, t->field, "%s", text);
        return;
    }
    path = strcspn(text, " :");
    text += path + strspn(text + path, " :");
    flow_compile_problem(
        t->c,
        apr_pstrcat(
            t->c->scratch, t->field,
            apr_pstrmemdup(t->c->scratch, err->message + len, path - len),
            NULL),
        "%s", text);
}

static void start_notes(teller_t *t, flow_compile_t *c, const char *name,
                        const char *field, flow_notes_t *notes)
{
    t->c = c;
    t->name = name;
    t->field = field;
    flow_notes_init(notes, tell, t);
}

/* ---- lookups ---- */

/* The connector tells what is wrong with its own: one that is nothing at all
 * is not ours to complain about. */
static json_t *without_strangers(flow_compile_t *c, const json_t *list)
{
    json_t *out = flow_json_own(c->p, json_array());
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        json_t *item = json_array_get(list, i);

        json_array_append(out,
                          flow_json_member(item, "name") &&
                                  (json_object_get(item, "map") ||
                                   json_object_get(item, "_lookupCacheId") ||
                                   json_object_get(item, "relativeURI"))
                              ? item
                              : json_null());
    }
    return out;
}

static void add_lookups(flow_compile_t *c, const flow_connection_t *connection,
                        const char *field, const json_t *list,
                        flow_lookup_set_t *set, flow_lookups_t *all, int is_own)
{
    flow_lookup_t *out = (flow_lookup_t *)all->all;
    flow_lookups_t *lookups = NULL;
    flow_notes_t notes;
    teller_t t;
    int i;

    start_notes(&t, c, field, field, &notes);
    flow_lookups_compile(&lookups, list, field, &notes, c->p);
    for (i = 0; i < lookups->n; ++i) {
        const flow_lookup_t *from = &lookups->all[i], *other;
        const char *place =
            apr_psprintf(c->scratch, "%s[%d]", field, from->index);
        const flow_connector_t *connector =
            connection ? connection->connector : NULL;

        if (from->kind == FLOW_LOOKUP_REQUEST &&
            (!connector || !connector->compile_lookup)) {
            if (connector && !is_own) {
                flow_compile_problem(c, place,
                                     "connector '%s' cannot ask for single "
                                     "values; use 'map' or '_lookupCacheId'",
                                     connector->name);
            }
            continue;
        }
        other = flow_lookups_find(all, from->name);
        if (other) {
            flow_compile_problem(c, place,
                                 "lookups[%d] has the same name '%s'; give "
                                 "each its own",
                                 other->index, from->name);
            continue;
        }
        out[all->n] = *from;
        out[all->n].index = all->n;
        if (from->kind == FLOW_LOOKUP_REQUEST) {
            c->is_quiet = is_own;
            connector->compile_lookup(c, place,
                                      json_array_get(list, (size_t)from->index),
                                      connection, &set->asks[all->n]);
            c->is_quiet = 0;
        }
        ++all->n;
    }
}

void flow_compile_lookups(flow_compile_t *c,
                          const flow_connection_t *connection,
                          flow_lookup_set_t *set)
{
    const json_t *list = flow_compile_get(c, "lookups"), *own = NULL;
    flow_lookups_t *all = apr_pcalloc(c->p, sizeof(*all));
    const char *field = NULL;
    size_t n;

    if (connection && connection->connector) {
        field =
            apr_pstrcat(c->p, connection->connector->name, ".lookups", NULL);
        own = flow_compile_get(c, field);
    }
    own = flow_json_is(own, ARRAY) ? without_strangers(c, own) : NULL;
    n = json_array_size(list) + json_array_size(own);
    all->all = apr_pcalloc(c->p, (n + 1) * sizeof(*all->all));
    set->asks = apr_pcalloc(c->p, (n + 1) * sizeof(*set->asks));
    set->lookups = all;
    if (list) {
        add_lookups(c, connection, "lookups", list, set, all, 0);
    }
    if (own) {
        add_lookups(c, connection, field, own, set, all, 1);
    }
}

/* ---- mappings ---- */

static const flow_mapping_t *compile_mapping(
    flow_compile_t *c, const char *name, const json_t *doc,
    const flow_mapping_options_t *options)
{
    flow_mapping_t *compiled = NULL;
    flow_notes_t notes;
    teller_t t;

    if (!doc) {
        return NULL;
    }
    start_notes(&t, c, name, name, &notes);
    if (strcmp(name, "mappings") == 0) {
        flow_mapping_compile_mappings(&compiled, doc, options, &notes, c->p);
    }
    else {
        flow_mapping_compile_fields(&compiled, doc, options, &notes, c->p);
    }
    return notes.n ? NULL : compiled;
}

const flow_mapping_t *flow_compile_mapping(flow_compile_t *c,
                                           const flow_lookup_set_t *set)
{
    const json_t *fields = flow_compile_get(c, "mapping");
    const json_t *mappings = flow_compile_get(c, "mappings");
    const char *context = flow_compile_string(c, "mappingContext");
    flow_mapping_options_t *options = apr_pcalloc(c->p, sizeof(*options));
    const flow_mapping_t *one, *two;

    options->lookups = set->lookups;
    options->is_envelope = context && strcmp(context, "envelope") == 0;
    if (options->is_envelope && fields) {
        flow_compile_problem(c, "mappingContext",
                             "'envelope' is for 'mappings' (Mapper 2.0)");
    }
    one = compile_mapping(c, "mapping", fields, options);
    two = compile_mapping(c, "mappings", mappings, options);
    if (fields && mappings) {
        flow_compile_problem(c, "mappings",
                             "\"mappings\" is not allowed when \"mapping\" "
                             "is present");
        return NULL;
    }
    return one ? one : two;
}

const flow_mapping_t *flow_compile_rules(flow_compile_t *c, const char *field,
                                         const json_t *expression)
{
    flow_mapping_t *compiled = NULL;
    flow_notes_t notes;
    teller_t t;

    start_notes(&t, c, "transform", field, &notes);
    flow_mapping_compile_rules(&compiled, expression, &notes, c->p);
    return notes.n ? NULL : compiled;
}

void flow_compile_rules_lookups(flow_compile_t *c, const char *field,
                                const json_t *expression,
                                const flow_connection_t *connection,
                                flow_transform_t *transform)
{
    const flow_lookups_t *lookups = flow_mapping_lookups(transform->expression);
    const json_t *list = json_object_get(
        json_object_get(expression, "rulesTwoDotZero"), "lookups");
    const flow_connector_t *connector =
        connection ? connection->connector : NULL;
    flow_lookup_set_t *set = &transform->lookups;
    int i, n = lookups ? lookups->n : 0;

    set->lookups = lookups;
    set->asks =
        apr_pcalloc(c->p, (json_array_size(list) + 1) * sizeof(*set->asks));
    for (i = 0; i < n; ++i) {
        int k = lookups->all[i].index;
        const char *place = apr_psprintf(
            c->scratch, "%s.rulesTwoDotZero.lookups[%d]", field, k);

        if (lookups->all[i].kind != FLOW_LOOKUP_REQUEST) {
            continue;
        }
        if (connector && connector->compile_lookup) {
            connector->compile_lookup(c, place, json_array_get(list, (size_t)k),
                                      connection, &set->asks[k]);
            continue;
        }
        flow_compile_problem(c, place,
                             "there is no connection that could be asked for "
                             "single values here; use 'map' or "
                             "'_lookupCacheId'");
    }
}

const flow_mapping_t *flow_compile_response_mapping(flow_compile_t *c,
                                                    const char *field,
                                                    const json_t *v)
{
    flow_mapping_options_t *options = apr_pcalloc(c->p, sizeof(*options));
    flow_mapping_t *compiled = NULL;
    flow_notes_t notes;
    teller_t t;

    start_notes(&t, c, "mapping", field, &notes);
    flow_mapping_compile_fields(&compiled, v, options, &notes, c->p);
    return notes.n ? NULL : compiled;
}

/* ---- exports ---- */

static void compile_groups(flow_compile_t *c, flow_export_t *exp)
{
    const json_t *own = flow_compile_get(c, "groupByFields");
    const json_t *list = own ? own : flow_compile_get(c, "file.groupByFields");
    const char *field = own ? "groupByFields" : "file.groupByFields";
    size_t n = json_array_size(list), i;
    const flow_path_t *path;

    if (n > GROUP_FIELDS_MAX) {
        flow_compile_problem(c, field, "has more than %d fields",
                             GROUP_FIELDS_MAX);
        return;
    }
    if (own && flow_compile_get(c, "file.groupByFields")) {
        flow_compile_problem(c, "file.groupByFields",
                             "excludes 'groupByFields'; they do the same");
    }
    exp->groups_empty = own || flow_compile_bool(c, "file.groupEmptyValues");
    exp->group_by = apr_pcalloc(c->p, (n + 1) * sizeof(*exp->group_by));
    for (i = 0; i < n; ++i) {
        const char *text = flow_json_string(json_array_get(list, i), NULL);

        path = text ? flow_compile_path_text(c, field, text) : NULL;
        if (path) {
            exp->group_by[exp->ngroup_by++] = path;
        }
    }
}

/* {page_of_records: [{record: {}} | {rows: []}]} */
static void compile_mock_output(flow_compile_t *c, flow_export_t *exp)
{
    const json_t *mock = flow_compile_get(c, "mockOutput");
    const json_t *page = json_object_get(mock, "page_of_records");
    size_t i, n = json_array_size(page);

    if (!mock) {
        return;
    }
    for (i = 0; i < n; ++i) {
        const json_t *item = json_array_get(page, i);

        if (!flow_json_is(json_object_get(item, "record"), OBJECT) &&
            !flow_json_is(json_object_get(item, "rows"), ARRAY)) {
            break;
        }
    }
    if (!flow_json_is(page, ARRAY) || i < n || n > MOCK_RECORDS_MAX) {
        flow_compile_problem(c, "mockOutput",
                             "must be {\"page_of_records\": [{\"record\": "
                             "{...}}]} with at most %d records; grouped ones "
                             "are {\"rows\": [...]}",
                             MOCK_RECORDS_MAX);
        return;
    }
    exp->mock = page;
}

static void lookups_only(flow_compile_t *c, const flow_export_t *exp,
                         const char *field)
{
    const json_t *v = flow_compile_get(c, field);

    if (v && !json_is_false(v) && !exp->is_lookup) {
        flow_compile_problem(c, field,
                             "only for lookups; set 'isLookup' to true");
    }
}

void flow_compile_export_shape(flow_compile_t *c, flow_export_t *exp)
{
    lookups_only(c, exp, "mapping");
    lookups_only(c, exp, "mappings");
    lookups_only(c, exp, "oneToMany");
    flow_compile_lookups(c, exp->connection, &exp->lookups);
    exp->mapping = flow_compile_mapping(c, &exp->lookups);
    exp->one_to_many = flow_compile_bool(c, "oneToMany");
    exp->path_to_many = flow_compile_path(c, "pathToMany");
    compile_groups(c, exp);
    compile_mock_output(c, exp);
}

/* ---- imports ---- */

/* A response element for every record, or one for all. */
static void compile_mock_response(flow_compile_t *c, flow_import_t *imp)
{
    const json_t *mock = flow_compile_get(c, "mockResponse");
    size_t i, n = json_array_size(mock);

    for (i = 0; i < n && flow_json_is(json_array_get(mock, i), OBJECT); ++i) {
    }
    if (mock && (flow_json_is(mock, ARRAY) ? !n || i < n
                                           : !flow_json_is(mock, OBJECT))) {
        flow_compile_problem(c, "mockResponse",
                             "must be a response element such as "
                             "{\"statusCode\": 200, \"id\": \"1\", \"_json\": "
                             "{}}, or an array of them, one for each record");
        return;
    }
    imp->mock = mock;
}

void flow_compile_import_shape(flow_compile_t *c, flow_import_t *imp)
{
    flow_compile_lookups(c, imp->connection, &imp->lookups);
    imp->mapping = flow_compile_mapping(c, &imp->lookups);
    flow_compile_transform(c, "responseTransform", imp->connection,
                           &imp->response_transform);
    compile_mock_response(c, imp);
}
