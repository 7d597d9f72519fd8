/* SPDX-License-Identifier: Apache-2.0 */
/*
 * try: an author's workbench. One template, filter, mapping or transform, one
 * record, and the result or what is wrong and where.
 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "data/flow_filter.h"
#include "data/flow_json.h"
#include "data/flow_mapping.h"
#include "data/flow_template.h"
#include "data/flow_value.h"
#include "flow/flow_file.h"
#include "jobs/flow_errors.h"

#define INPUT_MAX  ((apr_size_t)50 * 1024 * 1024)
#define RESULT_MAX ((apr_size_t)256 * 1024 * 1024)

/* One trial. */
typedef struct try_t {
    flowctl_t *ctl;
    const char *file; /* what is tried */
    const char *text;
    apr_size_t len;
    json_t *doc; /* parsed; NULL for a template */
    flow_json_places_t *places;
    const char *name;  /* what the part calls itself in messages */
    const char *field; /* where it stands in the file */
    const json_t *record;
    const json_t *context; /* beside the record, or NULL */
    int is_update;
    json_t *mistakes; /* [{line, field, code, message}] */
} try_t;

/* ---- what is wrong ---- */

static void put_mistake(try_t *t, const char *field, int line, const char *code,
                        const char *message)
{
    json_t *v = json_object();

    if (line) {
        json_object_set_new(v, "line", json_integer(line));
    }
    if (field && field[0]) {
        flow_json_put(v, "field", field, t->ctl->p);
    }
    flow_json_put(v, "code", code, t->ctl->p);
    flow_json_put(v, "message", message, t->ctl->p);
    json_array_append_new(t->mistakes, v);
}

/* "mappings[3] 'x': unknown ..." is about the file's mappings[3]. */
static void tell(void *baton, const flow_error_t *err)
{
    try_t *t = baton;
    apr_size_t n = t->name ? strlen(t->name) : 0, path;
    const char *text = err->message, *field;

    if (!t->doc) {
        put_mistake(t, NULL, 0, err->code, text);
        return;
    }
    if (strncmp(text, t->name, n) != 0) {
        path = strcspn(text, " :");
        field = apr_pstrmemdup(t->ctl->p, text, path);
    }
    else {
        path = strcspn(text, " :");
        field =
            apr_pstrcat(t->ctl->p, t->field,
                        apr_pstrmemdup(t->ctl->p, text + n, path - n), NULL);
    }
    field += field[0] == '.';
    text += path + strspn(text + path, " :");
    put_mistake(t, field, flow_json_places_line(t->places, field), err->code,
                text);
}

static int print_mistakes(const try_t *t)
{
    size_t i;
    json_t *v, *all;

    if (t->ctl->json) {
        all = json_object();
        json_object_set(all, "errors", t->mistakes);
        flowctl_print_json(all);
        return FLOWCTL_FAILED;
    }
    json_array_foreach(t->mistakes, i, v)
    {
        const char *field = flow_json_member(v, "field");
        apr_int64_t line = 0;

        flow_json_int64(json_object_get(v, "line"), &line);
        if (line) {
            fprintf(stderr, "%s:%d: %s%s%s\n", t->file, (int)line,
                    field ? field : "", field ? ": " : "",
                    flow_json_member(v, "message"));
        }
        else {
            fprintf(stderr, "%s: %s\n", t->file,
                    flow_json_member(v, "message"));
        }
    }
    return FLOWCTL_FAILED;
}

/* A record's mistake, or one that has no place in the file. */
static int print_error(try_t *t, const flow_error_t *err)
{
    put_mistake(t, NULL, 0, err->code, err->message);
    return print_mistakes(t);
}

/* Takes @a v. */
static int print_result(const try_t *t, json_t *v)
{
    json_t *all;

    if (!t->ctl->json) {
        return flowctl_print_json(v);
    }
    all = json_object();
    json_object_set_new(all, "result", v);
    return flowctl_print_json(all);
}

/* ---- lookups: what is not in the file has a placeholder ---- */

static apr_status_t placeholder(const char *name, json_t **pvalue,
                                apr_pool_t *p)
{
    const char *text = apr_pstrcat(p, "lookup.", name, NULL);

    *pvalue = flow_json_string_new(text, strlen(text));
    return APR_SUCCESS;
}

static apr_status_t cached(void *baton, const char *cache, const char *key,
                           apr_size_t len, json_t **pvalue, apr_pool_t *scratch,
                           flow_error_t *err)
{
    (void)baton;
    (void)key;
    (void)len;
    (void)err;
    return placeholder(cache, pvalue, scratch);
}

static apr_status_t request(void *baton, const flow_lookup_t *lookup,
                            const json_t *record, json_t **pvalue,
                            apr_pool_t *scratch, flow_error_t *err)
{
    (void)baton;
    (void)record;
    (void)err;
    return placeholder(lookup->name, pvalue, scratch);
}

static const flow_lookup_env_t placeholders = { NULL, cached, request };

/* ---- the four ---- */

static json_t *template_context(const try_t *t)
{
    json_t *context = json_object(), *data = json_array();
    const json_t *first = t->record;

    if (flow_json_is(first, ARRAY)) {
        first = json_array_get(first, 0);
    }
    if (flow_json_is(first, OBJECT)) {
        flow_value_update(context, first);
    }
    json_array_append(data, (json_t *)t->record);
    json_object_set_new(context, "data", data);
    json_object_set(context, "record", (json_t *)t->record);
    if (flow_json_is(t->context, OBJECT)) {
        flow_value_update(context, t->context);
    }
    return flow_json_own(t->ctl->p, context);
}

static int try_template(try_t *t, const char *escape)
{
    static const char *const names[] = { "none", "uri",  "json",
                                         "xml",  "html", "sql" };
    flow_template_options_t options = { FLOW_ESCAPE_NONE };
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text;
    apr_size_t len, n = t->len, i;

    for (i = 0; escape && i < 6 && strcmp(names[i], escape) != 0; ++i) {
    }
    if (escape && i == 6) {
        return flowctl_usage("try template: '--escape %s' is none of none uri "
                             "json xml html sql",
                             escape);
    }
    options.escape = escape ? (flow_escape_e)i : FLOW_ESCAPE_NONE;
    /* An editor ends the file with a line feed that nobody means. */
    n -= n && t->text[n - 1] == '\n';
    if (flow_template_try(t->text, n, &options, template_context(t), &text,
                          &len, t->ctl->p, &err) != APR_SUCCESS) {
        return print_error(t, &err);
    }
    if (t->ctl->json) {
        return print_result(t, flow_json_string_new(text, len));
    }
    fwrite(text, 1, len, stdout);
    putchar('\n');
    return FLOWCTL_OK;
}

/* The part of the document that is meant: one of its members, or all of it. */
static const json_t *part_of(try_t *t, const char *const *names)
{
    for (; *names; ++names) {
        const json_t *v = json_object_get(t->doc, *names);

        if (flow_json_is(v, OBJECT) || flow_json_is(v, ARRAY)) {
            t->field = *names;
            return v;
        }
    }
    t->field = "";
    return t->doc;
}

static int try_filter(try_t *t)
{
    static const char *const names[] = { "filter", "inputFilter", NULL };
    const json_t *part = part_of(t, names);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter;
    int match = 0;

    t->name = "rules";
    if (flow_json_is(part, OBJECT)) {
        t->field = apr_pstrcat(
            t->ctl->p, t->field, t->field[0] ? "." : "",
            json_object_get(part, "expression") ? "expression." : "", "rules",
            NULL);
    }
    if (flow_filter_compile(&filter, part, t->ctl->p, &err) != APR_SUCCESS) {
        tell(t, &err);
        return print_mistakes(t);
    }
    if (flow_filter_match(filter, t->record, t->context, &match, t->ctl->p,
                          &err) != APR_SUCCESS) {
        return print_error(t, &err);
    }
    return print_result(t, json_boolean(match));
}

static int apply(try_t *t, const flow_mapping_t *mapping)
{
    flow_mapping_env_t env = { &placeholders };
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *out = NULL;

    env.context = env.envelope = t->context;
    env.is_update = t->is_update;
    if (flow_mapping_apply_with(mapping, t->record, &env, &out, t->ctl->p,
                                &err) != APR_SUCCESS) {
        return print_error(t, &err);
    }
    return print_result(t, out);
}

static int try_transform(try_t *t)
{
    static const char *const names[] = { "transform", "responseTransform",
                                         NULL };
    const json_t *part = part_of(t, names);
    flow_mapping_t *mapping = NULL;
    flow_notes_t notes;

    t->name = "transform";
    if (json_object_get(part, "expression")) {
        t->field = t->field[0]
                       ? apr_pstrcat(t->ctl->p, t->field, ".expression", NULL)
                       : "expression";
    }
    flow_notes_init(&notes, tell, t);
    flow_mapping_compile_rules(&mapping, part, &notes, t->ctl->p);
    return notes.n ? print_mistakes(t) : apply(t, mapping);
}

static const flow_lookups_t *lookups_of(try_t *t, flow_notes_t *notes)
{
    const json_t *own =
        json_object_get(json_object_get(t->doc, "http"), "lookups");
    const json_t *list = json_object_get(t->doc, "lookups");
    flow_lookups_t *lookups = NULL;
    const char *name = t->name, *field = t->field;

    t->name = t->field = own && !list ? "http.lookups" : "lookups";
    flow_lookups_compile(&lookups, list ? list : own, t->name, notes,
                         t->ctl->p);
    t->name = name;
    t->field = field;
    return lookups;
}

/* An import, its mapping, or the mapping with its lookups. */
static int try_mapping(try_t *t)
{
    static const char *const names[] = { "mappings", "mapping", NULL };
    const json_t *part = part_of(t, names);
    const char *context = flow_json_member(t->doc, "mappingContext");
    flow_mapping_options_t options = { NULL };
    flow_mapping_t *mapping = NULL;
    flow_notes_t notes;

    flow_notes_init(&notes, tell, t);
    options.lookups = lookups_of(t, &notes);
    options.is_envelope = context && strcmp(context, "envelope") == 0;
    if (flow_json_is(part, ARRAY)) {
        t->name = "mappings";
        flow_mapping_compile_mappings(&mapping, part, &options, &notes,
                                      t->ctl->p);
    }
    else {
        json_t *fields = flow_json_own(t->ctl->p, json_copy((json_t *)part));

        json_object_del(fields, "lookups"); /* of the file, not of the part */
        t->name = "mapping";
        flow_mapping_compile_fields(&mapping, fields, &options, &notes,
                                    t->ctl->p);
    }
    return notes.n ? print_mistakes(t) : apply(t, mapping);
}

/* ---- files ---- */

static apr_status_t read_json(flowctl_t *ctl, const char *path, json_t **pv,
                              flow_json_places_t *places, flow_error_t *err)
{
    const char *text;
    apr_size_t len;
    apr_status_t rv;

    if (!path) {
        return APR_SUCCESS;
    }
    rv = flow_file_read(&text, &len, path, INPUT_MAX, ctl->p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = places ? flow_json_parse_placed(pv, text, len, places, err)
                : flow_json_parse(pv, text, len, err);
    if (rv == APR_SUCCESS) {
        flow_json_own(ctl->p, *pv);
        return rv;
    }
    return flow_error_prefix(err, "%s", path);
}

static int try_it(flowctl_t *ctl, const char *what)
{
    const char *words[2] = { NULL }, *record = NULL, *context = NULL;
    const char *escape = NULL;
    try_t t = { ctl };
    const flowctl_option_t options[] = {
        { "--record", .value = &record },
        { "--context", .value = &context },
        { "--escape", .value = &escape },
        { "--update", .flag = &t.is_update },
        { NULL },
    };
    int is_template = strcmp(what, "template") == 0;
    int rc = flowctl_options(ctl, options, words, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL, *around = NULL;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!words[0]) {
        return flowctl_usage("try %s: the file is missing", what);
    }
    if (!record) {
        return flowctl_usage("try %s: '--record FILE' is missing", what);
    }
    if (escape && !is_template) {
        return flowctl_usage("try %s: '--escape' is for templates", what);
    }
    t.file = words[0];
    t.mistakes = flow_json_own(ctl->p, json_array());
    t.places = flow_json_places_create(ctl->p);
    if (read_json(ctl, record, &v, NULL, &err) != APR_SUCCESS ||
        read_json(ctl, context, &around, NULL, &err) != APR_SUCCESS ||
        (is_template
             ? flow_file_read(&t.text, &t.len, t.file, INPUT_MAX, ctl->p, &err)
             : read_json(ctl, t.file, &t.doc, t.places, &err)) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    t.record = v;
    t.context = around;
    return is_template                      ? try_template(&t, escape)
           : strcmp(what, "filter") == 0    ? try_filter(&t)
           : strcmp(what, "transform") == 0 ? try_transform(&t)
                                            : try_mapping(&t);
}

int flowctl_try_template(flowctl_t *ctl)
{
    return try_it(ctl, "template");
}

int flowctl_try_filter(flowctl_t *ctl)
{
    return try_it(ctl, "filter");
}

int flowctl_try_mapping(flowctl_t *ctl)
{
    return try_it(ctl, "mapping");
}

int flowctl_try_transform(flowctl_t *ctl)
{
    return try_it(ctl, "transform");
}
