/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a document along its rows: checking, secrets, masking.
 */
#include "flow/flow_schema_private.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

typedef struct walk_t {
    flow_kind_e kind;
    const char *connector;
    const flow_schema_check_t *check;
    apr_pool_t *p;
    apr_hash_t *excused; /* required fields that a misspelt one stands for */
    int is_exported;     /* by Celigo, not written by hand */
    int problems;
} walk_t;

static void check_object(walk_t *w, const char *pattern, const char *path,
                         json_t *object);

static const char *join(walk_t *w, const char *path, const char *key)
{
    return path[0] ? apr_pstrcat(w->p, path, ".", key, NULL) : key;
}

static void problem(walk_t *w, const char *path, const char *message)
{
    ++w->problems;
    w->check->problem(w->check->baton, path, message);
}

static const char *a_type(walk_t *w, const json_t *v)
{
    const char *name = flow_json_type_name(v);

    return apr_pstrcat(w->p, strchr("ao", name[0]) ? "an " : "a ", name, NULL);
}

/* A key that is no plain name would be read as a path. */
static const flow_field_t *row_of(walk_t *w, const char *connector,
                                  const char *pattern, const char *key)
{
    return strpbrk(key, ".[]")
               ? NULL
               : flow_schema_member(w->kind, connector, pattern, key);
}

static void unknown(walk_t *w, const char *pattern, const char *path,
                    const char *key)
{
    const char *full = join(w, path, flow_printable(key, w->p));
    const char *near = NULL, *message;

    if (w->connector && row_of(w, NULL, pattern, key)) {
        message = apr_psprintf(w->p, "field '%s' does not fit a '%s' %s", full,
                               w->connector, flow_kind_name(w->kind));
    }
    else {
        message = flow_schema_unknown(w->kind, full, &near, w->p);
    }
    if (near) {
        apr_hash_set(w->excused, near, APR_HASH_KEY_STRING, "");
    }
    problem(w, full, message);
}

static int check_id(walk_t *w, const flow_field_t *row, const char *path,
                    const json_t *v)
{
    const char *id = flow_json_string(v, NULL), *near = NULL, *message;

    if (!w->check->exists ||
        w->check->exists(w->check->baton, row->values, id, &near)) {
        return 1;
    }
    message =
        apr_psprintf(w->p, "no %s '%s'", row->values, flow_printable(id, w->p));
    if (near) {
        message = apr_psprintf(w->p, "%s; did you mean '%s'?", message, near);
    }
    problem(w, path, message);
    return 0;
}

static int check_scalar(walk_t *w, const flow_field_t *row, const char *path,
                        const json_t *v)
{
    const char *message = flow_schema_scalar_problem(row, v, w->p);

    if (message) {
        problem(w, path, message);
        return 0;
    }
    return row->type != FLOW_FIELD_ID || check_id(w, row, path, v);
}

static int check_strings(walk_t *w, const flow_field_t *row, const char *path,
                         json_t *v)
{
    size_t i;

    if (!flow_json_is(v, ARRAY)) {
        problem(w, path,
                apr_psprintf(w->p,
                             "must be an array of strings, such as "
                             "[\"...\"], not %s",
                             a_type(w, v)));
        return 0;
    }
    for (i = 0; i < json_array_size(v); ++i) {
        json_t *item = json_array_get(v, i);

        /* A JSON body may be written as JSON. */
        if (row->type == FLOW_FIELD_TEMPLATES && flow_json_is(item, OBJECT)) {
            continue;
        }
        if (flow_json_is(item, NULL)) {
            continue; /* not set for that operation */
        }
        if (!check_scalar(w, row, apr_psprintf(w->p, "%s[%d]", path, (int)i),
                          item)) {
            json_array_set_new(v, i, json_null());
        }
    }
    return 1;
}

static int check_array(walk_t *w, const flow_field_t *row, const char *path,
                       json_t *v)
{
    const char *pattern = apr_pstrcat(w->p, row->path, "[]", NULL);
    size_t i;

    if (!flow_json_is(v, ARRAY)) {
        problem(w, path,
                apr_psprintf(w->p, "must be an array of objects, not %s",
                             a_type(w, v)));
        return 0;
    }
    for (i = 0; i < json_array_size(v); ++i) {
        json_t *item = json_array_get(v, i);
        const char *at = apr_psprintf(w->p, "%s[%d]", path, (int)i);

        if (flow_json_is(item, OBJECT)) {
            check_object(w, pattern, at, item);
            continue;
        }
        problem(
            w, at,
            apr_psprintf(w->p, "must be an object, not %s", a_type(w, item)));
        json_array_set_new(v, i, json_null());
    }
    return 1;
}

static int check_value(walk_t *w, const flow_field_t *row, const char *path,
                       json_t *v)
{
    switch (row->type) {
    case FLOW_FIELD_ANY:
        return 1;
    case FLOW_FIELD_ARRAY:
        return check_array(w, row, path, v);
    case FLOW_FIELD_STRINGS:
    case FLOW_FIELD_TEMPLATES:
        return check_strings(w, row, path, v);
    case FLOW_FIELD_OBJECT:
        if (flow_json_is(v, OBJECT)) {
            check_object(w, row->path, path, v);
            return 1;
        }
        problem(w, path,
                apr_psprintf(w->p, "must be an object, not %s", a_type(w, v)));
        return 0;
    default:
        return check_scalar(w, row, path, v);
    }
}

/* A field that need not be there and holds nothing is as good as absent. */
static int is_unset(const flow_field_t *row, const json_t *v)
{
    apr_size_t len = 1;
    int is_paging = strncmp(row->path, "http.paging.", 12) == 0;

    if (row->flags & (FLOW_FIELD_REQUIRED | FLOW_FIELD_READONLY)) {
        return 0;
    }
    switch (row->type) {
    case FLOW_FIELD_OBJECT:
        return flow_json_is(v, OBJECT) && flow_json_is_silent(v, 0);
    case FLOW_FIELD_ARRAY:
    case FLOW_FIELD_STRINGS:
    case FLOW_FIELD_TEMPLATES:
        return flow_json_is(v, ARRAY) && flow_json_is_silent(v, 0);
    case FLOW_FIELD_ANY: /* an empty table or default of a lookup is one */
        return !strstr(row->path, "lookups[]") && flow_json_is_silent(v, 0);
    case FLOW_FIELD_INT:
    case FLOW_FIELD_ID:
    case FLOW_FIELD_PATH:
        return flow_json_string(v, &len) && len == 0;
    case FLOW_FIELD_TEMPLATE:
        return (is_paging || !strchr(row->path, '.')) &&
               flow_json_string(v, &len) && len == 0;
    case FLOW_FIELD_STRING:
        return (is_paging || row->values || (row->flags & FLOW_FIELD_SECRET)) &&
               flow_json_string(v, &len) && len == 0;
    default:
        return 0;
    }
}

/* What exported documents are full of: fields that were never set. Of those
 * that are not known here false may still mean something, when the name that
 * was meant has true where nothing is said. Who writes by hand writes nothing
 * without a meaning: there it is a slip. */
static int is_never_set(walk_t *w, const flow_field_t *row, const char *path,
                        const char *key, const json_t *v)
{
    const char *near;

    if ((row && !(row->flags & FLOW_FIELD_LATER)) ||
        !flow_json_is_silent(v, 1)) {
        return 0;
    }
    if (row) {
        return 1;
    }
    if (!w->is_exported) {
        return 0;
    }
    if (!flow_json_is(v, BOOL)) {
        return 1;
    }
    near = flow_schema_nearest(w->kind,
                               join(w, path, flow_printable(key, w->p)), w->p);
    row = near ? flow_schema_find(w->kind, NULL, near) : NULL;
    return !row || !row->dflt || strcmp(row->dflt, "true") != 0;
}

static int check_member(walk_t *w, const char *pattern, const char *path,
                        const char *key, json_t *v)
{
    const flow_field_t *row = row_of(w, w->connector, pattern, key);
    const char *full;

    if (is_never_set(w, row, path, key, v) || (row && is_unset(row, v))) {
        return 0;
    }
    if (!row) {
        unknown(w, pattern, path, key);
        return 0;
    }
    full = join(w, path, key);
    if (row->flags & FLOW_FIELD_LATER) {
        problem(w, full,
                apr_psprintf(w->p, "field '%s' is known but not supported yet",
                             row->path));
        return 0;
    }
    /* null is how documents say "not set". */
    if (flow_json_is(v, NULL) || (row->flags & FLOW_FIELD_READONLY)) {
        return 1;
    }
    return check_value(w, row, full, v);
}

/* The rows of connectors that do not take part demand nothing. */
static int may_demand(const walk_t *w, int table)
{
    if (table == 0) {
        return 1;
    }
    if (!w->connector) {
        return 0;
    }
    return table != 1 || strcmp(w->connector, "webhook") == 0;
}

static void check_required(walk_t *w, const char *pattern, const char *path,
                           const json_t *before)
{
    const flow_field_t *row;
    const char *name;
    int i;

    for (i = 0; flow_schema_table(w->kind, w->connector, i, &row); ++i) {
        for (; may_demand(w, i) && row->path; ++row) {
            name = flow_schema_member_name(pattern, row->path);
            if (!(row->flags & FLOW_FIELD_REQUIRED) || !name ||
                flow_json_type(json_object_get(before, name)) !=
                    FLOW_JSON_NULL ||
                apr_hash_get(w->excused, row->path, APR_HASH_KEY_STRING)) {
                continue;
            }
            problem(w, join(w, path, name),
                    apr_psprintf(w->p, "required field '%s' is missing",
                                 row->path));
        }
    }
}

static void check_object(walk_t *w, const char *pattern, const char *path,
                         json_t *object)
{
    json_t *before = json_copy(object), *v;
    const char *key;

    json_object_foreach(before, key, v)
    {
        if (!check_member(w, pattern, path, key, v)) {
            json_object_del(object, key);
        }
    }
    check_required(w, pattern, path, before);
    json_decref(before);
}

/* Celigo gives every document a time, and an id of 24 hexadecimal digits. */
static int is_exported(const json_t *doc)
{
    apr_size_t len = 0;
    const char *id = flow_json_string(json_object_get(doc, "_id"), &len);

    return (id && len == 24 && strspn(id, "0123456789abcdef") == len) ||
           flow_json_is(json_object_get(doc, "createdAt"), STRING) ||
           flow_json_is(json_object_get(doc, "lastModified"), STRING);
}

int flow_schema_check(flow_kind_e kind, const char *connector, json_t *doc,
                      const flow_schema_check_t *check, apr_pool_t *p)
{
    walk_t w = { kind, connector, check, p, NULL, 0, 0 };

    w.excused = apr_hash_make(p);
    w.is_exported = is_exported(doc);
    if (flow_json_is(doc, OBJECT)) {
        check_object(&w, "", "", doc);
    }
    else {
        problem(&w, "",
                apr_psprintf(p, "a document must be an object, not %s",
                             a_type(&w, doc)));
    }
    return w.problems;
}

/* ---- secrets ---- */

typedef struct secrets_t {
    flow_kind_e kind;
    flow_schema_secret_fn *fn;
    void *baton;
    apr_pool_t *p;
} secrets_t;

/* Every text below a secret field; the new value, or NULL to keep. */
static json_t *replace_leaves(secrets_t *s, const char *path, json_t *v)
{
    json_t *item, *fresh;
    const char *key;
    size_t i;
    void *tmp;

    if (flow_json_is(v, STRING) || flow_json_is(v, NUMBER)) {
        return s->fn(s->baton, path, flow_json_to_text(v, NULL, s->p));
    }
    if (flow_json_is(v, OBJECT)) {
        json_object_foreach_safe(v, tmp, key, item)
        {
            fresh = replace_leaves(s, apr_pstrcat(s->p, path, ".", key, NULL),
                                   item);
            if (fresh) {
                json_object_set_new_nocheck(v, key, fresh);
            }
        }
    }
    else if (flow_json_is(v, ARRAY)) {
        for (i = 0; i < json_array_size(v); ++i) {
            fresh = replace_leaves(s, path, json_array_get(v, i));
            if (fresh) {
                json_array_set_new(v, i, fresh);
            }
        }
    }
    return NULL;
}

static void walk_secrets(secrets_t *s, const char *pattern, const char *path,
                         json_t *object)
{
    const char *key, *at;
    json_t *v, *fresh;
    void *tmp;
    size_t i;

    json_object_foreach_safe(object, tmp, key, v)
    {
        const flow_field_t *row =
            strpbrk(key, ".[]")
                ? NULL
                : flow_schema_member(s->kind, NULL, pattern, key);

        if (!row) {
            continue;
        }
        at = path[0] ? apr_pstrcat(s->p, path, ".", key, NULL) : key;
        if (row->flags & FLOW_FIELD_SECRET) {
            fresh = replace_leaves(s, at, v);
            if (fresh) {
                json_object_set_new_nocheck(object, key, fresh);
            }
        }
        else if (row->type == FLOW_FIELD_OBJECT && flow_json_is(v, OBJECT)) {
            walk_secrets(s, row->path, at, v);
        }
        else if (row->type == FLOW_FIELD_ARRAY && flow_json_is(v, ARRAY)) {
            for (i = 0; i < json_array_size(v); ++i) {
                walk_secrets(s, apr_pstrcat(s->p, row->path, "[]", NULL),
                             apr_psprintf(s->p, "%s[%d]", at, (int)i),
                             json_array_get(v, i));
            }
        }
    }
}

void flow_schema_secrets(flow_kind_e kind, json_t *doc,
                         flow_schema_secret_fn *fn, void *baton, apr_pool_t *p)
{
    secrets_t s = { kind, fn, baton, p };

    walk_secrets(&s, "", "", doc);
}

static json_t *stars(void *baton, const char *path, const char *text)
{
    (void)baton;
    (void)path;
    return text[0] ? flow_json_string_new("******", 6) : NULL;
}

json_t *flow_schema_mask(flow_kind_e kind, const json_t *doc)
{
    json_t *copy = json_deep_copy(doc);
    apr_pool_t *p = NULL;

    if (copy && apr_pool_create(&p, NULL) == APR_SUCCESS) {
        flow_schema_secrets(kind, copy, stars, NULL, p);
        apr_pool_destroy(p);
        return copy;
    }
    /* Rather nothing than an unmasked document. */
    json_decref(copy);
    return NULL;
}
