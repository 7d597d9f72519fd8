/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fields of both mappers have, and one field of Mapper 1.0.
 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "data/flow_value.h"

#include <apr_strings.h>
#include <string.h>

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

#define MEMBERS_MAX 64 /* names at the top that templates are given by name */

apr_status_t flow_mapping_bad(const flow_mapping_compiler_t *c,
                              const char *where, const char *code,
                              const char *what)
{
    return flow_error_set(&c->notes->now, FLOW_E_CONFIG,
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

apr_status_t flow_mapping_unknown(const flow_mapping_compiler_t *c,
                                  const char *where, const char *what,
                                  const char *name, const char *const *known,
                                  apr_size_t n)
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

json_t *flow_mapping_keep(const flow_mapping_compiler_t *c, const json_t *v)
{
    return flow_json_own(c->p, json_incref((json_t *)v));
}

/* What the editors of mappings keep for themselves. */
static int is_kept(const char *key)
{
    static const char *const kept[] = { "_id", "isNotEditable", "isPreview",
                                        "isRequired", "key" };
    apr_size_t i;

    for (i = 0; i < COUNT(kept); ++i) {
        if (strcmp(kept[i], key) == 0)
            return 1;
    }
    return 0;
}

/* What was never set, unless its name is so near to a known one that somebody
 * meant that: then an empty text is a value that is missing there. */
static int is_never_set(const char *key, const json_t *v,
                        const char *const *known, apr_size_t n)
{
    return flow_json_is(v, NULL) ||
           (flow_json_is_silent(v, 1) && !flow_nearest(key, known, n));
}

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
        if (i == n && !is_kept(key) && !is_never_set(key, v, known, n))
            return flow_mapping_unknown(c, where, "field", key, known, n);
    }
    return APR_SUCCESS;
}

apr_status_t flow_mapping_path(const flow_mapping_compiler_t *c,
                               const char *where, const char *text,
                               const flow_path_t **ppath)
{
    flow_path_t *path;

    if (flow_path_compile(&path, text, c->p, &c->notes->now) != APR_SUCCESS)
        return flow_error_prefix(&c->notes->now, "%s", where);
    *ppath = path;
    return APR_SUCCESS;
}

apr_status_t flow_mapping_target(const flow_mapping_compiler_t *c,
                                 const char *where, const char *text,
                                 const flow_path_t **ppath)
{
    apr_status_t rv = flow_mapping_path(c, where, text, ppath);

    if (rv == APR_SUCCESS &&
        flow_path_check_target(*ppath, &c->notes->now) != APR_SUCCESS)
        return flow_error_prefix(&c->notes->now, "%s", where);
    return rv;
}

/* --- lookups -------------------------------------------------------------- */

apr_status_t flow_mapping_lookup(const flow_mapping_compiler_t *c,
                                 const char *where, const char *name,
                                 const flow_lookup_t **plookup)
{
    *plookup = flow_lookups_find(c->options->lookups, name);
    if (*plookup)
        return APR_SUCCESS;
    return flow_mapping_bad(
        c, where, "mapping_field",
        flow_lookups_unknown(c->options->lookups, name, c->p));
}

/* {{lookup.NAME}} wants the answer of a request before it is rendered. */
static void note_asked(flow_mapping_compiler_t *c, const char *text)
{
    const flow_lookups_t *lookups = c->options->lookups;
    int i, k;

    for (i = 0; lookups && i < lookups->n; ++i) {
        const flow_lookup_t *lookup = &lookups->all[i];

        if (lookup->kind != FLOW_LOOKUP_REQUEST ||
            !strstr(text, apr_pstrcat(c->p, "lookup.", lookup->name, NULL)))
            continue;
        for (k = 0; k < c->asked->nelts; ++k) {
            if (APR_ARRAY_IDX(c->asked, k, const flow_lookup_t *) == lookup)
                break;
        }
        if (k == c->asked->nelts)
            APR_ARRAY_PUSH(c->asked, const flow_lookup_t *) = lookup;
    }
}

static void note_members(flow_mapping_compiler_t *c, const char *const *names)
{
    int i;

    if (!c->members)
        c->members = apr_array_make(c->p, 8, sizeof(const char *));
    c->mapping->members = c->members;
    c->mapping->needs_context |= !names;
    for (; names && *names; ++names) {
        for (i = 0; i < c->members->nelts; ++i) {
            if (strcmp(APR_ARRAY_IDX(c->members, i, const char *), *names) == 0)
                break;
        }
        if (i == MEMBERS_MAX)
            c->mapping->needs_context = 1;
        else if (i == c->members->nelts)
            APR_ARRAY_PUSH(c->members, const char *) = *names;
    }
}

apr_status_t flow_mapping_template(flow_mapping_compiler_t *c,
                                   const char *where, const char *text,
                                   apr_size_t len, const flow_template_t **ptpl)
{
    flow_template_t *tpl;

    if (flow_template_compile(&tpl, text, len, FLOW_ESCAPE_NONE, c->p,
                              &c->notes->now) != APR_SUCCESS)
        return flow_error_prefix(&c->notes->now, "%s", where);
    *ptpl = tpl;
    note_members(c, flow_template_members(tpl));
    note_asked(c, text);
    return APR_SUCCESS;
}

/* --- types, defaults, dates, conditions ----------------------------------- */

apr_status_t flow_mapping_type(const flow_mapping_compiler_t *c,
                               const char *where, const json_t *doc,
                               const char *key, flow_type_e *ptype)
{
    const json_t *v = flow_mapping_member(doc, key);
    const char *name = v ? flow_json_string(v, NULL) : "";

    *ptype = FLOW_TYPE_NONE;
    if (!name) {
        return flow_mapping_bad(c, where, "mapping_field",
                                apr_psprintf(c->p, "'%s' must be text", key));
    }
    if (!*name)
        return APR_SUCCESS;
    *ptype = flow_type_find(name);
    if (*ptype < FLOW_TYPES)
        return APR_SUCCESS;
    return flow_mapping_unknown(c, where, key, name, flow_type_names + 1,
                                FLOW_TYPES - 1);
}

/* "default": null and "" are values of their own, so only absence is none. */
apr_status_t flow_mapping_default(const flow_mapping_compiler_t *c,
                                  const char *where, const json_t *doc,
                                  flow_type_e type, json_t **pfallback)
{
    const json_t *v = json_object_get(doc, "default");
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *converted;

    if (!v)
        return APR_SUCCESS;
    converted = json_incref((json_t *)v);
    if (!(flow_json_is(v, STRING) && flow_value_is_empty(v)) &&
        flow_type_convert(type, &converted, c->p, &err) != APR_SUCCESS) {
        json_decref(converted);
        return flow_mapping_bad(
            c, where, err.code,
            apr_psprintf(c->p, "'default' is no %s, as 'dataType' says it is",
                         flow_type_names[type]));
    }
    *pfallback = flow_json_own(c->p, converted);
    return APR_SUCCESS;
}

static apr_status_t compile_zone(const flow_mapping_compiler_t *c,
                                 const char *where, const json_t *doc,
                                 const char *key, const flow_zone_t **pzone)
{
    const char *name = flow_json_member(doc, key);

    if (!name || !*name)
        return APR_SUCCESS;
    *pzone = flow_zone_find(name, strlen(name));
    if (*pzone)
        return APR_SUCCESS;
    return flow_mapping_bad(c, where, "mapping_field",
                            apr_psprintf(c->p,
                                         "'%s': there is no time zone '%.64s'; "
                                         "write it as in 'Europe/Berlin'",
                                         key, name));
}

apr_status_t flow_mapping_dates(const flow_mapping_compiler_t *c,
                                const char *where, const json_t *doc,
                                const flow_dates_t **pdates)
{
    static const char *const keys[] = { "extractDateFormat",
                                        "generateDateFormat",
                                        "extractDateTimezone",
                                        "generateDateTimezone" };
    flow_dates_t *dates = apr_pcalloc(c->p, sizeof(*dates));
    const char *text[COUNT(keys)];
    int any = 0;
    apr_status_t rv;
    apr_size_t i;

    for (i = 0; i < COUNT(keys); ++i) {
        const json_t *v = flow_mapping_member(doc, keys[i]);

        text[i] = v ? flow_json_string(v, NULL) : NULL;
        if (v && !text[i] && flow_json_member_bool(doc, keys[i]) != 0) {
            return flow_mapping_bad(
                c, where, "mapping_field",
                apr_psprintf(c->p, "'%s' must be text", keys[i]));
        }
        any |= text[i] && *text[i];
    }
    if (!any)
        return APR_SUCCESS;
    dates->from = text[0] && *text[0] ? apr_pstrdup(c->p, text[0]) : NULL;
    dates->to = text[1] && *text[1] ? apr_pstrdup(c->p, text[1]) : NULL;
    rv = compile_zone(c, where, doc, keys[2], &dates->from_zone);
    if (rv == APR_SUCCESS)
        rv = compile_zone(c, where, doc, keys[3], &dates->to_zone);
    *pdates = dates;
    return rv;
}

apr_status_t flow_mapping_conditional(flow_mapping_compiler_t *c,
                                      const char *where, const json_t *doc,
                                      int allowed, flow_when_e *pwhen,
                                      const char **pname)
{
    /* clang-format off */
    static const char *const known[] = {
        "always", "extract_not_empty", "record_created", "record_updated",
        "lookup_not_empty", "lookup_empty", "ignore_if_set",
    };
    /* clang-format on */
    static const char *const keys[] = { "when", "lookupName" };
    const json_t *v = flow_mapping_member(doc, "conditional");
    const char *when = flow_json_member(v, "when");
    apr_status_t rv;
    int i;

    *pname = NULL;
    rv = flow_json_is(v, OBJECT)
             ? flow_mapping_check_keys(
                   c, v, apr_pstrcat(c->p, where, ".conditional", NULL), keys,
                   COUNT(keys))
             : APR_SUCCESS;
    if (rv != APR_SUCCESS)
        return rv;
    if (flow_json_is_silent(v, 1) ||
        (flow_json_is(v, OBJECT) &&
         flow_json_is_silent(json_object_get(v, "when"), 1)))
        return APR_SUCCESS;
    if (!when) {
        return flow_mapping_bad(c, where, "mapping_field",
                                "'conditional' must be an object with 'when'");
    }
    for (i = 0; i < allowed && strcmp(known[i], when) != 0; ++i)
        ;
    if (i == allowed) {
        return flow_mapping_unknown(c, where, "condition", when, known + 1,
                                    (apr_size_t)allowed - 1);
    }
    *pwhen = (flow_when_e)i;
    *pname = flow_json_member(v, "lookupName");
    if (*pwhen == FLOW_WHEN_RECORD_CREATED ||
        *pwhen == FLOW_WHEN_RECORD_UPDATED)
        c->mapping->needs_state = 1;
    return APR_SUCCESS;
}

/* --- one field of Mapper 1.0 ---------------------------------------------- */

/* clang-format off */
static const char *const field_keys[] = {
    "generate", "extract", "hardCodedValue", "lookupName", "dataType",
    "default", "discardIfEmpty", "conditional",
    "extractDateFormat", "extractDateTimezone", "generateDateFormat",
    "generateDateTimezone", "immutable", "useAsAnInitializeValue", "isKey",
    "internalId", "subRecordMapping",
};
/* They mean something to NetSuite and to nobody else. */
static const char *const not_yet_keys[] = { "internalId", "subRecordMapping" };
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

static apr_status_t compile_conditional(flow_mapping_compiler_t *c,
                                        flow_rule_t *rule, const json_t *doc)
{
    const char *name;
    apr_status_t rv = flow_mapping_conditional(
        c, rule->where, doc, FLOW_WHEN_IGNORE_IF_SET + 1, &rule->when, &name);

    if (rv != APR_SUCCESS)
        return rv;
    if (flow_json_member_bool(doc, "immutable") == 1) {
        if (rule->when != FLOW_WHEN_ALWAYS &&
            rule->when != FLOW_WHEN_RECORD_CREATED) {
            return flow_mapping_bad(c, rule->where, "mapping_field",
                                    "'immutable' is a condition itself "
                                    "(record_created); remove 'conditional'");
        }
        rule->when = FLOW_WHEN_RECORD_CREATED;
        c->mapping->needs_state = 1;
    }
    if (rule->when != FLOW_WHEN_LOOKUP_EMPTY &&
        rule->when != FLOW_WHEN_LOOKUP_NOT_EMPTY)
        return APR_SUCCESS;
    if (!name || !*name) {
        return flow_mapping_bad(
            c, rule->where, "mapping_field",
            apr_psprintf(c->p, "condition '%s' needs 'conditional.lookupName'",
                         rule->when == FLOW_WHEN_LOOKUP_EMPTY
                             ? "lookup_empty"
                             : "lookup_not_empty"));
    }
    return flow_mapping_lookup(c, rule->where, name, &rule->condition);
}

/* "/Order/Tag" finds elements of a record that was XML. */
static apr_status_t compile_xpath(const flow_mapping_compiler_t *c,
                                  flow_rule_t *rule, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;

    if (!flow_xpath_compile(text, c->p, &err))
        return flow_mapping_bad(c, rule->where, "mapping_field", err.message);
    /* the record is the root element without its name; see find_elements() */
    rule->xpath = flow_xpath_compile(apr_pstrcat(c->p, "/record", text, NULL),
                                     c->p, &err);
    return rule->xpath
               ? APR_SUCCESS
               : flow_mapping_bad(c, rule->where, "mapping_field", err.message);
}

static apr_status_t compile_source(flow_mapping_compiler_t *c,
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
        /* A request finds its value for the record as a whole. */
        if (rule->lookup && rule->lookup->kind == FLOW_LOOKUP_REQUEST)
            return APR_SUCCESS;
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'extract' or 'hardCodedValue' is missing");
    }
    if (!text) {
        rule->constant = flow_mapping_keep(c, constant);
        return APR_SUCCESS;
    }
    if (strlen(text) != len)
        return flow_mapping_bad(c, rule->where, "mapping_field",
                                "'extract' contains NUL");
    if (strstr(text, "{{"))
        return flow_mapping_template(c, rule->where, text, len, &rule->tpl);
    if (text[0] == '/')
        return compile_xpath(c, rule, text);
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
    rule->is_first = flow_json_member_bool(doc, "useAsAnInitializeValue") == 1;
    if ((rv = flow_mapping_target(c, rule->where, generate, &rule->generate)) !=
        APR_SUCCESS)
        return rv;
    if (lookup && *lookup &&
        (rv = flow_mapping_lookup(c, rule->where, lookup, &rule->lookup)) !=
            APR_SUCCESS)
        return rv;
    if ((rv = compile_source(c, rule, doc)) != APR_SUCCESS ||
        (rv = flow_mapping_type(c, rule->where, doc, "dataType",
                                &rule->type)) != APR_SUCCESS ||
        (rv = flow_mapping_default(c, rule->where, doc, rule->type,
                                   &rule->fallback)) != APR_SUCCESS ||
        (rv = flow_mapping_dates(c, rule->where, doc, &rule->dates)) !=
            APR_SUCCESS ||
        (rv = compile_conditional(c, rule, doc)) != APR_SUCCESS)
        return rv;
    /* An array type wants the values together. */
    rule->is_each = rule->outer && rule->outer->is_multi &&
                    rule->generate->is_multi && !flow_type_is_array(rule->type);
    return APR_SUCCESS;
}
