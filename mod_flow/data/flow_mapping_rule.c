/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "data/flow_value.h"

#include <apr_strings.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

apr_status_t flow_mapping_bad(const flow_mapping_compiler_t *c,
                              const char *where, const char *code,
                              const char *what)
{
    return flow_error_set(c->err, FLOW_E_CONFIG,
                          strcmp(code, "not_implemented") == 0 ? APR_ENOTIMPL
                                                               : APR_EINVAL,
                          code, "%s: %s", where, what);
}

apr_status_t flow_mapping_not_yet(const flow_mapping_compiler_t *c,
                                  const char *where, const char *field)
{
    return flow_mapping_bad(
        c, where, "not_implemented",
        apr_psprintf(c->p, "mapping field '%s' is not supported yet", field));
}

static apr_status_t unknown(const flow_mapping_compiler_t *c, const char *where,
                            const char *what, const char *name,
                            const char *const *known, apr_size_t n)
{
    const char *near = flow_nearest(name, known, n);

    if (!near) {
        return flow_mapping_bad(
            c, where, "mapping_field",
            apr_psprintf(c->p, "unknown %s '%.64s'", what, name));
    }
    return flow_mapping_bad(
        c, where, "mapping_field",
        apr_psprintf(c->p, "unknown %s '%.64s'; did you mean '%s'", what, name,
                     near));
}

const json_t *flow_mapping_member(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return v && !flow_json_is(v, NULL) ? v : NULL;
}

static json_t *keep(const flow_mapping_compiler_t *c, const json_t *v)
{
    return flow_json_own(c->p, json_incref((json_t *)v));
}

/* Every key of @a object is in @a known or the first other one is named. */
apr_status_t flow_mapping_check_keys(const flow_mapping_compiler_t *c,
                                     const json_t *object, const char *where,
                                     const char *const *known, apr_size_t n)
{
    const char *key;
    size_t len;
    json_t *v;
    apr_size_t i;

    json_object_keylen_foreach((json_t *)object, key, len, v)
    {
        for (i = 0; i < n; ++i) {
            if (strlen(known[i]) == len && memcmp(known[i], key, len) == 0)
                break;
        }
        if (i == n)
            return unknown(c, where, "field", key, known, n);
    }
    return APR_SUCCESS;
}

/* --- lookups -------------------------------------------------------------- */

static const json_t *find_lookup(const flow_mapping_compiler_t *c,
                                 const char *name)
{
    apr_size_t i;

    for (i = 0; i < json_array_size(c->lookups); ++i) {
        const json_t *v = json_array_get(c->lookups, i);
        const char *found = flow_json_member(v, "name");

        if (found && strcmp(found, name) == 0)
            return v;
    }
    return NULL;
}

static apr_status_t no_lookup(const flow_mapping_compiler_t *c,
                              const char *where, const char *name)
{
    apr_size_t n = json_array_size(c->lookups), i, count = 0;
    const char **known = apr_palloc(c->p, (n + 1) * sizeof(known[0]));

    for (i = 0; i < n; ++i) {
        known[count] = flow_json_member(json_array_get(c->lookups, i), "name");
        count += known[count] != NULL;
    }
    return unknown(c, where, "lookup", name, known, count);
}

static apr_status_t compile_lookup(flow_mapping_compiler_t *c,
                                   const char *where, const char *name,
                                   const flow_static_map_t **pmap)
{
    const json_t *doc = find_lookup(c, name), *map;
    flow_static_map_t *made;
    int i;

    for (i = 0; i < c->maps->nelts; ++i) {
        made = APR_ARRAY_IDX(c->maps, i, flow_static_map_t *);
        if (strcmp(made->name, name) == 0) {
            *pmap = made;
            return APR_SUCCESS;
        }
    }
    if (!doc)
        return no_lookup(c, where, name);
    map = flow_mapping_member(doc, "map");
    if (!flow_json_is(map, OBJECT)) {
        return flow_mapping_bad(
            c, where, "not_implemented",
            apr_psprintf(c->p,
                         "lookup '%.64s' has no 'map'; other kinds of "
                         "lookup are not supported yet",
                         name));
    }
    made = apr_pcalloc(c->p, sizeof(*made));
    made->name = apr_pstrdup(c->p, name);
    made->map = keep(c, map);
    made->may_miss = flow_json_member_bool(doc, "allowFailures") == 1;
    if (flow_mapping_member(doc, "default"))
        made->fallback = keep(c, flow_mapping_member(doc, "default"));
    APR_ARRAY_PUSH(c->maps, flow_static_map_t *) = made;
    *pmap = made;
    return APR_SUCCESS;
}

/* --- one field ------------------------------------------------------------ */

/* clang-format off */
static const char *const field_keys[] = {
    "generate", "extract", "hardCodedValue", "lookupName", "dataType",
    "default", "discardIfEmpty", "conditional",
    "extractDateFormat", "extractDateTimezone", "generateDateFormat",
    "generateDateTimezone", "immutable", "internalId", "isKey",
    "subRecordMapping",
};
static const char *const not_yet_keys[] = {
    "extractDateFormat", "extractDateTimezone", "generateDateFormat",
    "generateDateTimezone", "immutable", "internalId", "isKey",
    "subRecordMapping",
};
/* clang-format on */

static apr_status_t check_field(const flow_mapping_compiler_t *c,
                                const json_t *doc, const char *where)
{
    apr_status_t rv =
        flow_mapping_check_keys(c, doc, where, field_keys, COUNT(field_keys));
    apr_size_t i;

    for (i = 0; i < COUNT(not_yet_keys) && rv == APR_SUCCESS; ++i) {
        const json_t *v = flow_mapping_member(doc, not_yet_keys[i]);
        const char *text = v ? flow_json_string(v, NULL) : NULL;

        /* editors save what is switched off as false or "" */
        if (!v || flow_json_member_bool(doc, not_yet_keys[i]) == 0 ||
            (text && !*text))
            continue;
        rv = flow_mapping_not_yet(c, where, not_yet_keys[i]);
    }
    return rv;
}

static apr_status_t compile_data_type(const flow_mapping_compiler_t *c,
                                      flow_rule_t *rule, const json_t *doc)
{
    static const char *const known[] = {
        "string",      "number",       "boolean", "date",        "stringarray",
        "numberarray", "booleanarray", "object",  "objectarray", "arrayarray"
    };
    const json_t *v = flow_mapping_member(doc, "dataType");
    const char *type = v ? flow_json_string(v, NULL) : "";
    apr_size_t i;

    if (!type)
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'dataType' must be text");
    if (!*type)
        return APR_SUCCESS;
    for (i = 0; i < COUNT(known) && strcmp(known[i], type) != 0; ++i)
        ;
    if (i == COUNT(known))
        return unknown(c, rule->where, "dataType", type, known, 3);
    if (i > 2) {
        return flow_mapping_bad(
            c, rule->where, "not_implemented",
            apr_psprintf(c->p,
                         "mapping field 'dataType' with '%s' is not "
                         "supported yet",
                         type));
    }
    rule->convert = (flow_convert_e)(FLOW_CONVERT_STRING + (int)i);
    return APR_SUCCESS;
}

/* "default": null and "" are values of their own, so only absence is none. */
static apr_status_t compile_default(const flow_mapping_compiler_t *c,
                                    flow_rule_t *rule, const json_t *doc)
{
    const json_t *v = json_object_get(doc, "default");
    json_t *converted;

    if (!v)
        return APR_SUCCESS;
    converted = flow_rule_convert(rule->convert, v, c->p);
    if (!converted) {
        return flow_mapping_bad(
            c, rule->where, "mapping_number",
            "'default' is no number, as 'dataType' says it is");
    }
    rule->fallback = flow_json_own(c->p, converted);
    return APR_SUCCESS;
}

static apr_status_t compile_conditional(flow_mapping_compiler_t *c,
                                        flow_rule_t *rule, const json_t *doc)
{
    /* clang-format off */
    static const char *const known[] = {
        "", "extract_not_empty", "lookup_not_empty", "lookup_empty",
        "ignore_if_set", "record_created", "record_updated",
    };
    /* clang-format on */
    const json_t *v = flow_mapping_member(doc, "conditional");
    const char *when = flow_json_member(v, "when"), *name;
    apr_size_t i;

    if (!v || (flow_json_is(v, OBJECT) && !flow_mapping_member(v, "when")))
        return APR_SUCCESS;
    if (!when) {
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'conditional' must be an object with 'when'");
    }
    for (i = 0; i < COUNT(known) && strcmp(known[i], when) != 0; ++i)
        ;
    if (i == COUNT(known)) {
        return unknown(c, rule->where, "condition", when, known + 1,
                       COUNT(known) - 1);
    }
    if (i > FLOW_WHEN_IGNORE_IF_SET) {
        return flow_mapping_bad(
            c, rule->where, "not_implemented",
            apr_psprintf(c->p,
                         "mapping field 'conditional.when' with '%s' "
                         "is not supported yet",
                         when));
    }
    rule->when = (flow_when_e)i;
    if (rule->when != FLOW_WHEN_LOOKUP_EMPTY &&
        rule->when != FLOW_WHEN_LOOKUP_NOT_EMPTY)
        return APR_SUCCESS;
    name = flow_json_member(v, "lookupName");
    if (!name) {
        return flow_mapping_bad(
            c, rule->where, "mapping_field",
            apr_psprintf(c->p, "condition '%s' needs 'conditional.lookupName'",
                         when));
    }
    return compile_lookup(c, rule->where, name, &rule->condition);
}

static apr_status_t compile_template(const flow_mapping_compiler_t *c,
                                     flow_rule_t *rule, const char *text,
                                     apr_size_t len)
{
    flow_template_t *tpl;

    if (flow_template_compile(&tpl, text, len, FLOW_ESCAPE_NONE, c->p,
                              c->err) != APR_SUCCESS)
        return flow_error_prefix(c->err, "%s", rule->where);
    rule->tpl = tpl;
    return APR_SUCCESS;
}

apr_status_t flow_mapping_path(const flow_mapping_compiler_t *c,
                               const char *where, const char *text,
                               const flow_path_t **ppath)
{
    flow_path_t *path;

    if (flow_path_compile(&path, text, c->p, c->err) != APR_SUCCESS)
        return flow_error_prefix(c->err, "%s", where);
    *ppath = path;
    return APR_SUCCESS;
}

apr_status_t flow_mapping_target(const flow_mapping_compiler_t *c,
                                 const char *where, const char *text,
                                 const flow_path_t **ppath)
{
    apr_status_t rv = flow_mapping_path(c, where, text, ppath);

    if (rv == APR_SUCCESS &&
        flow_path_check_target(*ppath, c->err) != APR_SUCCESS)
        return flow_error_prefix(c->err, "%s", where);
    return rv;
}

static apr_status_t compile_source(const flow_mapping_compiler_t *c,
                                   flow_rule_t *rule, const json_t *doc)
{
    const json_t *extract = flow_mapping_member(doc, "extract");
    const json_t *constant = json_object_get(doc, "hardCodedValue");
    const char *text;
    apr_size_t len = 0;

    text = extract ? flow_json_string(extract, &len) : NULL;
    if (extract && !text)
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'extract' must be text");
    if (len == 0)
        text = NULL;
    if (text && constant && !flow_json_is(constant, NULL)) {
        return flow_mapping_bad(
            c, rule->where, "mapping_field",
            "'extract' and 'hardCodedValue' exclude each other");
    }
    if (!text && !constant) {
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'extract' or 'hardCodedValue' is missing");
    }
    if (!text) {
        rule->constant = keep(c, constant);
        return APR_SUCCESS;
    }
    if (strlen(text) != len)
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'extract' contains NUL");
    if (strstr(text, "{{"))
        return compile_template(c, rule, text, len);
    return flow_mapping_path(c, rule->where, text, &rule->outer);
}

apr_status_t flow_mapping_rule(flow_mapping_compiler_t *c, flow_rule_t *rule,
                               const json_t *doc, const char *where)
{
    const char *generate = flow_json_member(doc, "generate");
    const char *lookup = flow_json_member(doc, "lookupName");
    apr_status_t rv;

    rule->where = where;
    if (!flow_json_is(doc, OBJECT))
        return flow_mapping_bad(c, where, "mapping_field", "must be an object");
    if (generate && *generate)
        rule->where = apr_psprintf(c->p, "%s '%.64s'", where, generate);
    rv = check_field(c, doc, rule->where);
    if (rv != APR_SUCCESS)
        return rv;
    if (!generate || !*generate)
        return flow_mapping_bad(c, where, "mapping_field",
                                "'generate' is missing");
    rule->discards_empty = flow_json_member_bool(doc, "discardIfEmpty") == 1;
    if ((rv = flow_mapping_target(c, rule->where, generate, &rule->generate)) !=
            APR_SUCCESS ||
        (rv = compile_source(c, rule, doc)) != APR_SUCCESS ||
        (rv = compile_data_type(c, rule, doc)) != APR_SUCCESS ||
        (rv = compile_default(c, rule, doc)) != APR_SUCCESS ||
        (rv = compile_conditional(c, rule, doc)) != APR_SUCCESS)
        return rv;
    rule->is_each =
        rule->outer && rule->outer->is_multi && rule->generate->is_multi;
    return lookup && *lookup
               ? compile_lookup(c, rule->where, lookup, &rule->lookup)
               : APR_SUCCESS;
}
