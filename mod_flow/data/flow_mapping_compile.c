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

/* Stable: those that come first, then the others. */
static flow_rule_t *sort_rules(const flow_mapping_compiler_t *c,
                               const flow_rule_t *rules, apr_size_t n)
{
    flow_rule_t *sorted = apr_palloc(c->p, (n + 1) * sizeof(*sorted));
    apr_size_t i, k = 0;
    int first;

    for (first = 1; first >= 0; --first) {
        for (i = 0; i < n; ++i) {
            if (rules[i].is_first == first)
                sorted[k++] = rules[i];
        }
    }
    return sorted;
}

static apr_status_t compile_rules(flow_mapping_compiler_t *c,
                                  const json_t *array, apr_size_t n,
                                  const char *where, flow_rule_t **prules)
{
    flow_rule_t *rules;
    apr_status_t rv = APR_SUCCESS, one;
    apr_size_t i;

    *prules = NULL;
    c->rules += n;
    if (n > FLOW_MAPPING_RULES_MAX || c->rules > FLOW_MAPPING_RULES_MAX) {
        return flow_mapping_bad(
            c, where, "mapping_field",
            "more than " APR_STRINGIFY(FLOW_MAPPING_RULES_MAX) " fields");
    }
    rules = apr_pcalloc(c->p, (n + 1) * sizeof(*rules));
    for (i = 0; i < n; ++i) {
        one = flow_mapping_rule(
            c, &rules[i], json_array_get(array, i),
            apr_psprintf(c->p, "%s[%" APR_SIZE_T_FMT "]", where, i));
        if (flow_notes_take(c->notes, one) != APR_SUCCESS)
            rv = one;
    }
    if (rv == APR_SUCCESS)
        *prules = sort_rules(c, rules, n);
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
        rule->is_each = rule->inner && rule->inner->is_multi &&
                        rule->generate->is_multi &&
                        !flow_type_is_array(rule->type);
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
                                  const json_t *array, apr_size_t n)
{
    flow_rule_list_t *lists;
    apr_status_t rv = APR_SUCCESS, one;
    apr_size_t i, k = 0;

    if (n > FLOW_MAPPING_RULES_MAX) {
        return flow_mapping_bad(
            c, c->root, "mapping_field",
            "more than " APR_STRINGIFY(FLOW_MAPPING_RULES_MAX) " lists");
    }
    lists = apr_pcalloc(c->p, (n + 1) * sizeof(*lists));
    for (i = 0; i < n; ++i) {
        if (flow_json_is_silent(json_array_get(array, i), 1))
            continue; /* an editor's empty line */
        one = compile_list(
            c, &lists[k++], json_array_get(array, i),
            apr_psprintf(c->p, "%s.lists[%" APR_SIZE_T_FMT "]", c->root, i));
        if (flow_notes_take(c->notes, one) != APR_SUCCESS)
            rv = one;
    }
    c->mapping->lists = lists;
    c->mapping->nlists = (int)k;
    return rv;
}

/* --- documents ------------------------------------------------------------ */

static void start(flow_mapping_compiler_t *c, const char *root,
                  const flow_mapping_options_t *options, flow_notes_t *notes,
                  apr_pool_t *p)
{
    memset(c, 0, sizeof(*c));
    c->options = options;
    c->mapping = apr_pcalloc(p, sizeof(*c->mapping));
    c->mapping->lookups = options->lookups;
    c->mapping->is_envelope = options->is_envelope;
    c->asked = apr_array_make(p, 2, sizeof(const flow_lookup_t *));
    c->root = root;
    c->notes = notes;
    c->p = p;
}

static apr_status_t finish(flow_mapping_compiler_t *c, apr_status_t rv,
                           flow_mapping_t **pmapping)
{
    flow_notes_take(c->notes, rv);
    c->mapping->asked = (const flow_lookup_t *const *)c->asked->elts;
    c->mapping->nasked = c->asked->nelts;
    *pmapping = rv == APR_SUCCESS ? c->mapping : NULL;
    return rv;
}

static apr_status_t compile_fields(flow_mapping_compiler_t *c,
                                   const json_t *doc)
{
    static const char *const keys[] = { "fields", "lists" };
    flow_rule_t *rules = NULL;
    const json_t *array;
    apr_size_t n;
    apr_status_t rv, first;

    if (doc && !flow_json_is(doc, NULL) && !flow_json_is(doc, OBJECT))
        return flow_mapping_bad(c, c->root, "mapping_field",
                                "must be an object");
    if ((rv = flow_mapping_check_keys(c, doc, c->root, keys, COUNT(keys))) !=
            APR_SUCCESS ||
        (rv = find_array(c, doc, "fields", c->root, &array, &n)) != APR_SUCCESS)
        return rv;
    first = flow_notes_take(
        c->notes,
        compile_rules(c, array, n, apr_pstrcat(c->p, c->root, ".fields", NULL),
                      &rules));
    c->mapping->rules = rules;
    c->mapping->n = (int)n;
    if ((rv = find_array(c, doc, "lists", c->root, &array, &n)) == APR_SUCCESS)
        rv = compile_lists(c, array, n);
    return first != APR_SUCCESS ? first : rv;
}

apr_status_t flow_mapping_compile_fields(flow_mapping_t **pmapping,
                                         const json_t *doc,
                                         const flow_mapping_options_t *options,
                                         flow_notes_t *notes, apr_pool_t *p)
{
    flow_mapping_compiler_t c;

    start(&c, "mapping", options, notes, p);
    return finish(&c, compile_fields(&c, doc), pmapping);
}

apr_status_t flow_mapping_compile_mappings(
    flow_mapping_t **pmapping, const json_t *doc,
    const flow_mapping_options_t *options, flow_notes_t *notes, apr_pool_t *p)
{
    flow_mapping_compiler_t c;

    start(&c, "mappings", options, notes, p);
    return finish(&c, flow_mapper_compile(&c, doc), pmapping);
}

/* --- transforms ----------------------------------------------------------- */

static apr_status_t compile_groups(flow_mapping_compiler_t *c,
                                   const json_t *groups, apr_size_t i)
{
    const json_t *group = json_array_get(groups, i);
    const char *where =
        apr_psprintf(c->p, "transform.rules[%" APR_SIZE_T_FMT "]", i);
    flow_rule_t *rules = NULL;
    apr_status_t rv;

    if (group && !flow_json_is(group, ARRAY)) {
        return flow_mapping_bad(c, where, "mapping_field",
                                "must be an array of rules");
    }
    rv = compile_rules(c, group, json_array_size(group), where, &rules);
    c->mapping->rules = rules;
    c->mapping->n = (int)json_array_size(group);
    return rv;
}

/* Groups work one after the other, each on what the one before has made. */
static apr_status_t compile_rules_1(flow_mapping_compiler_t *c,
                                    const json_t *expression,
                                    flow_mapping_t **pmapping)
{
    const json_t *groups = flow_mapping_member(expression, "rules");
    flow_mapping_t *next = NULL, *made = NULL;
    apr_size_t n = json_array_size(groups), i;
    apr_status_t rv = APR_SUCCESS, one;

    if (groups && !flow_json_is(groups, ARRAY)) {
        rv = flow_mapping_bad(c, "transform.rules", "mapping_field",
                              "must be an array of rule groups");
        return finish(c, rv, pmapping);
    }
    if (n > FLOW_MAPPING_RULES_MAX) {
        rv = flow_mapping_bad(c, "transform.rules", "mapping_field",
                              "has too many rule groups");
        return finish(c, rv, pmapping);
    }
    for (i = n ? n : 1; i-- > 0;) {
        start(c, "transform", c->options, c->notes, c->p);
        one = finish(c, compile_groups(c, groups, i), &made);
        if (one != APR_SUCCESS) {
            rv = one;
            continue;
        }
        made->next = next;
        next = made;
    }
    *pmapping = rv == APR_SUCCESS ? next : NULL;
    return rv;
}

static apr_status_t compile_rules_2(flow_mapping_compiler_t *c,
                                    const json_t *rules)
{
    static const char *const keys[] = { "mode", "mappings", "lookups" };
    static const char *const modes[] = { "create", "modify" };
    static const char where[] = "transform.rulesTwoDotZero";
    const char *mode = flow_json_member(rules, "mode");
    apr_status_t rv;

    if (!flow_json_is(rules, OBJECT)) {
        return flow_mapping_bad(
            c, where, "mapping_field",
            "must be an object such as {\"mode\": \"create\", "
            "\"mappings\": [...]}");
    }
    rv = flow_mapping_check_keys(c, rules, where, keys, COUNT(keys));
    if (rv != APR_SUCCESS)
        return rv;
    if (mode && strcmp(mode, modes[0]) != 0 && strcmp(mode, modes[1]) != 0)
        return flow_mapping_unknown(c, where, "mode", mode, modes,
                                    COUNT(modes));
    c->mapping->is_modify = mode && strcmp(mode, modes[1]) == 0;
    return flow_mapper_compile(c, flow_mapping_member(rules, "mappings"));
}

/* The part that has the rules, whatever stands around it. */
static apr_status_t find_expression(const flow_mapping_compiler_t *c,
                                    const json_t **pdoc, int *pversion)
{
    const json_t *doc = *pdoc, *version;
    const char *type, *text = "1";

    *pversion = 1;
    if (!doc || flow_json_is(doc, NULL))
        return APR_SUCCESS;
    type = flow_json_member(doc, "type");
    if (type && strcmp(type, "expression") != 0) {
        return flow_mapping_bad(
            c, "transform.type", "transform_type",
            apr_psprintf(c->p, "'%.64s' is no expression", type));
    }
    if (flow_json_is(flow_mapping_member(doc, "expression"), OBJECT))
        *pdoc = doc = flow_mapping_member(doc, "expression");
    if (!flow_json_is(doc, OBJECT))
        return flow_mapping_bad(c, "transform", "mapping_field",
                                "must be an object");
    version = flow_mapping_member(doc, "version");
    if (version)
        text = flow_json_to_text(version, NULL, c->p);
    else if (flow_mapping_member(doc, "rulesTwoDotZero"))
        text = "2";
    *pversion = strcmp(text, "2") == 0 ? 2 : 1;
    if (*pversion == 1 && strcmp(text, "1") != 0) {
        return flow_mapping_bad(
            c, "transform.version", "mapping_field",
            apr_psprintf(
                c->p,
                "there is no version '%.64s'; write \"1\" (rules) or \"2\" "
                "(rulesTwoDotZero)",
                text));
    }
    return APR_SUCCESS;
}

apr_status_t flow_mapping_compile_rules(flow_mapping_t **pmapping,
                                        const json_t *doc, flow_notes_t *notes,
                                        apr_pool_t *p)
{
    flow_mapping_options_t *options = apr_pcalloc(p, sizeof(*options));
    flow_lookups_t *lookups = NULL;
    const json_t *rules;
    flow_mapping_compiler_t c;
    apr_status_t rv;
    int version, before = notes->n;

    start(&c, "transform.rulesTwoDotZero.mappings", options, notes, p);
    rv = find_expression(&c, &doc, &version);
    if (rv != APR_SUCCESS)
        return finish(&c, rv, pmapping);
    if (version == 1)
        return compile_rules_1(&c, doc, pmapping);
    rules = flow_mapping_member(doc, "rulesTwoDotZero");
    flow_lookups_compile(&lookups, json_object_get(rules, "lookups"),
                         "transform.rulesTwoDotZero.lookups", notes, p);
    options->lookups = lookups;
    c.mapping->lookups = lookups;
    rv = compile_rules_2(&c, rules);
    if (rv == APR_SUCCESS && notes->n > before)
        rv = notes->first.status; /* the lookups are wrong */
    return finish(&c, rv, pmapping);
}

/* --- for those who want one mistake --------------------------------------- */

apr_status_t flow_mapping_compile(flow_mapping_t **pmapping, const json_t *doc,
                                  const json_t *lookups, apr_pool_t *p,
                                  flow_error_t *err)
{
    flow_mapping_options_t *options = apr_pcalloc(p, sizeof(*options));
    const json_t *mappings =
        flow_json_is(doc, ARRAY) ? doc : flow_mapping_member(doc, "mappings");
    flow_lookups_t *compiled = NULL;
    flow_notes_t notes;
    apr_status_t rv;

    *pmapping = NULL;
    flow_notes_init(&notes, NULL, NULL);
    flow_lookups_compile(&compiled, lookups, "lookups", &notes, p);
    options->lookups = compiled;
    if (mappings && json_object_size(doc) > 1) {
        flow_notes_take(&notes,
                        flow_error_set(&notes.now, FLOW_E_CONFIG, APR_EINVAL,
                                       "mapping_field",
                                       "mapping: 'mappings' is Mapper 2.0 and "
                                       "excludes 'fields' and 'lists'"));
    }
    else if (mappings)
        flow_mapping_compile_mappings(pmapping, mappings, options, &notes, p);
    else
        flow_mapping_compile_fields(pmapping, doc, options, &notes, p);
    rv = flow_notes_end(&notes, err);
    if (rv != APR_SUCCESS)
        *pmapping = NULL;
    return rv;
}

apr_status_t flow_mapping_compile_transform(flow_mapping_t **pmapping,
                                            const json_t *doc, apr_pool_t *p,
                                            flow_error_t *err)
{
    flow_notes_t notes;
    apr_status_t rv;

    *pmapping = NULL;
    flow_notes_init(&notes, NULL, NULL);
    flow_mapping_compile_rules(pmapping, doc, &notes, p);
    rv = flow_notes_end(&notes, err);
    if (rv != APR_SUCCESS)
        *pmapping = NULL;
    return rv;
}

int flow_mapping_needs_state(const flow_mapping_t *mapping)
{
    return mapping && mapping->needs_state;
}

const flow_lookups_t *flow_mapping_lookups(const flow_mapping_t *mapping)
{
    return mapping ? mapping->lookups : NULL;
}
