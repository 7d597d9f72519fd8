/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"

#include <apr_strings.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What stands in `fields` and `lists`: an array, or one that sits in "type"
 * as the published schema has it. NULL with *pn 0 when there is none. */
static apr_status_t find_array(const flow_mapping_compiler_t *c,
                               const json_t *doc, const char *key,
                               const char *where, const json_t **parray,
                               apr_size_t *pn)
{
    const json_t *v = flow_mapping_member(doc, key);

    *parray = NULL;
    *pn = 0;
    if (flow_json_is(v, OBJECT) && json_object_size(v) == 1)
        v = flow_mapping_member(v, "type");
    if (!v)
        return APR_SUCCESS;
    if (!flow_json_is(v, ARRAY)) {
        return flow_mapping_bad(c, apr_pstrcat(c->p, where, ".", key, NULL),
                                "mapping_field", "must be an array");
    }
    *parray = v;
    *pn = json_array_size(v);
    return APR_SUCCESS;
}

/* --- fields --------------------------------------------------------------- */

static apr_status_t compile_rules(flow_mapping_compiler_t *c,
                                  const json_t *array, apr_size_t n,
                                  const char *where, flow_rule_t **prules)
{
    flow_rule_t *rules;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    *prules = NULL;
    c->rules += n;
    if (n > FLOW_MAPPING_RULES_MAX || c->rules > FLOW_MAPPING_RULES_MAX) {
        return flow_mapping_bad(
            c, where, "mapping_field",
            "more than " APR_STRINGIFY(FLOW_MAPPING_RULES_MAX) " fields");
    }
    rules = apr_pcalloc(c->p, (n + 1) * sizeof(*rules));
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = flow_mapping_rule(
            c, &rules[i], json_array_get(array, i),
            apr_psprintf(c->p, "%s[%" APR_SIZE_T_FMT "]", where, i));
    }
    *prules = rules;
    return rv;
}

/* --- lists ---------------------------------------------------------------- */

static int is_same_step(const flow_step_t *a, const flow_step_t *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* Does @a path go through the elements of @a source: `source[*].rest`? */
static int goes_through(const flow_path_t *path, const flow_path_t *source)
{
    int i;

    if (path->n <= source->n || path->steps[source->n].kind != FLOW_STEP_ALL)
        return 0;
    for (i = 0; i < source->n; ++i) {
        if (!is_same_step(&path->steps[i], &source->steps[i]))
            return 0;
    }
    return 1;
}

static const flow_path_t *shorten(const flow_mapping_compiler_t *c,
                                  const flow_path_t *path, int from, int to)
{
    return flow_path_make(path->steps + from, to - from, path->text, c->p);
}

/* Without jsonPath the list is what the first `list[*].x` goes through, else
 * the record itself, be it one object or rows. */
static const flow_path_t *guess_source(const flow_mapping_compiler_t *c,
                                       const flow_rule_t *rules, apr_size_t n)
{
    static const flow_path_t whole = { "$", NULL, 0, 0 };
    apr_size_t i;
    int at;

    for (i = 0; i < n; ++i) {
        const flow_path_t *path = rules[i].outer;

        if (!path || !path->is_multi)
            continue;
        for (at = 0; path->steps[at].kind != FLOW_STEP_ALL; ++at)
            ;
        return shorten(c, path, 0, at);
    }
    return &whole;
}

/* A path of a list's field is looked up in the element first. One that names
 * the list again (`items[*].sku`) means the element and nothing else. */
static apr_status_t make_relative(const flow_mapping_compiler_t *c,
                                  flow_rule_t *rules, apr_size_t n,
                                  const flow_path_t *source, int is_guessed)
{
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        flow_rule_t *rule = &rules[i];
        const flow_path_t *path = rule->outer;

        if (!path)
            continue;
        if (goes_through(path, source)) {
            rule->inner = shorten(c, path, source->n + 1, path->n);
            rule->outer = NULL;
        }
        else if (!is_guessed || source->n == 0) {
            rule->inner = path;
        }
        else if (path->is_multi) {
            return flow_mapping_bad(
                c, rule->where, "mapping_field",
                "fields of a list without 'jsonPath' must all extract "
                "from one array");
        }
        rule->is_each =
            rule->inner && rule->inner->is_multi && rule->generate->is_multi;
    }
    return APR_SUCCESS;
}

static apr_status_t compile_list(flow_mapping_compiler_t *c,
                                 flow_rule_list_t *list, const json_t *doc,
                                 const char *where)
{
    static const char *const keys[] = { "generate", "jsonPath", "fields" };
    const char *generate = flow_json_member(doc, "generate");
    const char *json_path = flow_json_member(doc, "jsonPath");
    const json_t *fields;
    flow_rule_t *rules = NULL;
    apr_size_t n = 0;
    apr_status_t rv;

    list->where = where;
    if (!flow_json_is(doc, OBJECT))
        return flow_mapping_bad(c, where, "mapping_field", "must be an object");
    if ((rv = flow_mapping_check_keys(c, doc, where, keys, COUNT(keys))) !=
        APR_SUCCESS)
        return rv;
    if (!generate || !*generate)
        return flow_mapping_bad(c, where, "mapping_field",
                                "'generate' is missing");
    list->where = apr_psprintf(c->p, "%s '%.64s'", where, generate);
    if ((rv = flow_mapping_target(c, list->where, generate, &list->generate)) !=
            APR_SUCCESS ||
        (rv = find_array(c, doc, "fields", where, &fields, &n)) !=
            APR_SUCCESS ||
        (rv = compile_rules(c, fields, n,
                            apr_pstrcat(c->p, where, ".fields", NULL),
                            &rules)) != APR_SUCCESS)
        return rv;
    list->rules = rules;
    list->n = (int)n;
    if (!json_path || !*json_path) {
        list->source = guess_source(c, rules, n);
        return make_relative(c, rules, n, list->source, 1);
    }
    rv = flow_mapping_path(c, list->where, json_path, &list->source);
    if (rv != APR_SUCCESS)
        return rv;
    if (list->source->n &&
        list->source->steps[list->source->n - 1].kind == FLOW_STEP_ALL)
        list->source = shorten(c, list->source, 0, list->source->n - 1);
    return make_relative(c, rules, n, list->source, 0);
}

static apr_status_t compile_lists(flow_mapping_compiler_t *c,
                                  const json_t *array, apr_size_t n,
                                  flow_mapping_t *mapping)
{
    flow_rule_list_t *lists;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    if (n > FLOW_MAPPING_RULES_MAX) {
        return flow_mapping_bad(
            c, "mapping.lists", "mapping_field",
            "more than " APR_STRINGIFY(FLOW_MAPPING_RULES_MAX) " lists");
    }
    lists = apr_pcalloc(c->p, (n + 1) * sizeof(*lists));
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = compile_list(
            c, &lists[i], json_array_get(array, i),
            apr_psprintf(c->p, "mapping.lists[%" APR_SIZE_T_FMT "]", i));
    }
    mapping->lists = lists;
    mapping->nlists = (int)n;
    return rv;
}

/* --- documents ------------------------------------------------------------ */

static void start(flow_mapping_compiler_t *c, const json_t *lookups,
                  apr_pool_t *p, flow_error_t *err)
{
    c->lookups = lookups;
    c->maps = apr_array_make(p, 4, sizeof(flow_static_map_t *));
    c->rules = 0;
    c->p = p;
    c->err = err;
}

apr_status_t flow_mapping_compile(flow_mapping_t **pmapping, const json_t *doc,
                                  const json_t *lookups, apr_pool_t *p,
                                  flow_error_t *err)
{
    static const char *const keys[] = { "fields", "lists", "mappings" };
    flow_mapping_t *mapping = apr_pcalloc(p, sizeof(*mapping));
    flow_rule_t *rules = NULL;
    const json_t *array;
    apr_size_t n;
    flow_mapping_compiler_t c;
    apr_status_t rv;

    *pmapping = NULL;
    start(&c, lookups, p, err);
    if (doc && !flow_json_is(doc, NULL) && !flow_json_is(doc, OBJECT))
        return flow_mapping_bad(&c, "mapping", "mapping_field",
                                "must be an object");
    if ((rv = flow_mapping_check_keys(&c, doc, "mapping", keys, COUNT(keys))) !=
        APR_SUCCESS)
        return rv;
    if (flow_mapping_member(doc, "mappings"))
        return flow_mapping_not_yet(&c, "mapping", "mappings");
    if ((rv = find_array(&c, doc, "fields", "mapping", &array, &n)) !=
            APR_SUCCESS ||
        (rv = compile_rules(&c, array, n, "mapping.fields", &rules)) !=
            APR_SUCCESS)
        return rv;
    mapping->rules = rules;
    mapping->n = (int)n;
    if ((rv = find_array(&c, doc, "lists", "mapping", &array, &n)) !=
            APR_SUCCESS ||
        (rv = compile_lists(&c, array, n, mapping)) != APR_SUCCESS)
        return rv;
    *pmapping = mapping;
    return APR_SUCCESS;
}

/* {version, rules} or {type, expression: {version, rules}}. */
static apr_status_t find_groups(const flow_mapping_compiler_t *c,
                                const json_t *doc, const json_t **pgroups)
{
    const char *type;
    const json_t *version;

    *pgroups = NULL;
    if (!doc || flow_json_is(doc, NULL))
        return APR_SUCCESS;
    type = flow_json_member(doc, "type");
    if (type && strcmp(type, "expression") != 0) {
        return flow_mapping_bad(
            c, "transform.type", "transform_type",
            apr_psprintf(c->p, "'%.64s' is no expression", type));
    }
    if (flow_json_is(flow_mapping_member(doc, "expression"), OBJECT))
        doc = flow_mapping_member(doc, "expression");
    if (!flow_json_is(doc, OBJECT))
        return flow_mapping_bad(c, "transform", "mapping_field",
                                "must be an object");
    version = flow_mapping_member(doc, "version");
    if (flow_mapping_member(doc, "rulesTwoDotZero") ||
        (version && strcmp(flow_json_to_text(version, NULL, c->p), "1") != 0)) {
        return flow_mapping_bad(
            c, "transform", "not_implemented",
            "only version 1 of transform rules is supported yet");
    }
    *pgroups = flow_mapping_member(doc, "rules");
    if (*pgroups && !flow_json_is(*pgroups, ARRAY)) {
        return flow_mapping_bad(c, "transform.rules", "mapping_field",
                                "must be an array of rule groups");
    }
    return APR_SUCCESS;
}

apr_status_t flow_mapping_compile_transform(flow_mapping_t **pmapping,
                                            const json_t *doc, apr_pool_t *p,
                                            flow_error_t *err)
{
    flow_mapping_t *mapping = apr_pcalloc(p, sizeof(*mapping));
    flow_rule_t *rules = NULL;
    const json_t *groups, *group;
    flow_mapping_compiler_t c;
    apr_status_t rv;

    *pmapping = NULL;
    start(&c, NULL, p, err);
    rv = find_groups(&c, doc, &groups);
    if (rv != APR_SUCCESS)
        return rv;
    if (json_array_size(groups) > 1) {
        return flow_mapping_bad(
            &c, "transform.rules", "not_implemented",
            "more than one rule group is not supported yet");
    }
    group = json_array_get(groups, 0);
    if (group && !flow_json_is(group, ARRAY)) {
        return flow_mapping_bad(&c, "transform.rules[0]", "mapping_field",
                                "must be an array of rules");
    }
    rv = compile_rules(&c, group, json_array_size(group), "transform.rules[0]",
                       &rules);
    mapping->rules = rules;
    mapping->n = (int)json_array_size(group);
    if (rv == APR_SUCCESS)
        *pmapping = mapping;
    return rv;
}
