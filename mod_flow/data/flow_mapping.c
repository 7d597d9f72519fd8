/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

#include <string.h>

typedef struct run_t {
    const json_t *record;
    const json_t *element; /* of a list; NULL outside one */
    json_t *context;       /* what templates see; made when first needed */
    apr_pool_t *scratch;
    flow_error_t *err;
} run_t;

static apr_status_t no_memory(const run_t *run)
{
    return flow_error_set(run->err, FLOW_E_INTERNAL, APR_ENOMEM,
                          "out_of_memory", "no memory for a mapping");
}

/* --- where values come from ----------------------------------------------- */

/* The members of the record, those of the element over them, and the record
 * as a whole. Of grouped rows the first one's members. */
static json_t *make_context(const run_t *run)
{
    const json_t *first = run->record;
    json_t *context = json_object();

    if (flow_json_is(first, ARRAY))
        first = json_array_get(first, 0);
    if (flow_json_is(first, OBJECT))
        flow_value_update(context, first);
    if (flow_json_is(run->element, OBJECT))
        flow_value_update(context, run->element);
    json_object_set(context, "record", (json_t *)run->record);
    return context;
}

static void forget_context(run_t *run)
{
    json_decref(run->context);
    run->context = NULL;
}

static apr_status_t render(run_t *run, const flow_rule_t *rule, json_t **pv)
{
    const char *text;
    apr_size_t len;
    apr_status_t rv;

    if (!run->context)
        run->context = make_context(run);
    if (!run->context)
        return no_memory(run);
    rv = flow_template_text(rule->tpl, run->context, FLOW_MAPPING_TEXT_MAX,
                            &text, &len, run->scratch, run->err);
    if (rv != APR_SUCCESS) {
        flow_error_prefix(run->err, "%s", rule->where);
        return rv;
    }
    *pv = flow_json_string_new(text, len);
    return *pv ? APR_SUCCESS : no_memory(run);
}

/* *pv is new, NULL when there is no value. */
static apr_status_t get_source(run_t *run, const flow_rule_t *rule, json_t **pv)
{
    *pv = NULL;
    if (rule->constant) {
        *pv = json_incref(rule->constant);
        return APR_SUCCESS;
    }
    if (rule->tpl)
        return render(run, rule, pv);
    if (rule->inner && run->element)
        *pv = flow_path_get(rule->inner, run->element);
    if (!*pv && rule->outer)
        *pv = flow_path_get(rule->outer, run->record);
    return APR_SUCCESS;
}

/* --- what becomes of them ------------------------------------------------- */

json_t *flow_rule_convert(flow_convert_e convert, const json_t *v,
                          apr_pool_t *scratch)
{
    if (convert == FLOW_CONVERT_NONE || !v || flow_json_is(v, NULL))
        return json_incref((json_t *)v);
    switch (convert) {
    case FLOW_CONVERT_STRING:
        return flow_value_to_string(v, scratch);
    case FLOW_CONVERT_NUMBER:
        /* An empty cell is no number, but nobody's mistake either. */
        return flow_value_is_empty(v) ? json_null()
                                      : flow_value_to_number(v, scratch);
    default:
        return json_boolean(flow_value_is_true(v));
    }
}

/* New, or NULL on a miss. */
static json_t *find_entry(const flow_static_map_t *map, const json_t *v,
                          apr_pool_t *scratch)
{
    apr_size_t len;
    const char *key = flow_json_to_text(v, &len, scratch);

    return key ? json_incref(json_object_getn(map->map, key, len)) : NULL;
}

/* A missing value is not looked up, so that it can have its default; "" is
 * when the map has an entry for it. */
static apr_status_t look_up(const run_t *run, const flow_rule_t *rule,
                            json_t **pv)
{
    const flow_static_map_t *map = rule->lookup;
    json_t *found;

    if (!map || !*pv)
        return APR_SUCCESS;
    found = find_entry(map, *pv, run->scratch);
    if (!found && flow_value_is_empty(*pv))
        return APR_SUCCESS;
    if (!found && !map->may_miss) {
        return flow_error_set(run->err, FLOW_E_INPUT, APR_EINVAL,
                              "lookup_failed",
                              "%s: lookup '%s' has no entry for the value",
                              rule->where, map->name);
    }
    json_decref(*pv);
    *pv = found ? found : json_incref(map->fallback);
    return APR_SUCCESS;
}

/* Lookup, default and type of one value; takes and gives a reference. */
static apr_status_t refine(const run_t *run, const flow_rule_t *rule,
                           json_t **pv)
{
    json_t *converted;
    apr_status_t rv = look_up(run, rule, pv);

    if (rv != APR_SUCCESS)
        return rv;
    if (rule->fallback && flow_value_is_empty(*pv)) {
        json_decref(*pv);
        *pv = json_incref(rule->fallback);
        return APR_SUCCESS;
    }
    converted = flow_rule_convert(rule->convert, *pv, run->scratch);
    if (*pv && !converted) {
        return flow_error_set(
            run->err, FLOW_E_INPUT, APR_EINVAL, "mapping_number",
            "%s: a number is needed, found %s that is none", rule->where,
            flow_json_is(*pv, STRING) ? "text" : flow_json_type_name(*pv));
    }
    json_decref(*pv);
    *pv = converted;
    return APR_SUCCESS;
}

static apr_status_t refine_each(const run_t *run, const flow_rule_t *rule,
                                json_t **pv)
{
    json_t *array = json_array(), *v;
    apr_status_t rv = array ? APR_SUCCESS : no_memory(run);
    apr_size_t i;

    for (i = 0; i < json_array_size(*pv) && rv == APR_SUCCESS; ++i) {
        v = json_incref(json_array_get(*pv, i));
        rv = refine(run, rule, &v);
        if (rv == APR_SUCCESS)
            json_array_append_new(array, v ? v : json_null());
        else
            json_decref(v);
    }
    json_decref(*pv);
    *pv = array;
    return rv;
}

static int is_lookup_empty(const run_t *run, const flow_rule_t *rule,
                           const json_t *v)
{
    const flow_static_map_t *map = rule->condition;
    json_t *found = v ? find_entry(map, v, run->scratch) : NULL;
    int is_empty;

    is_empty = flow_value_is_empty(found           ? found
                                   : map->may_miss ? map->fallback
                                                   : NULL);
    json_decref(found);
    return is_empty;
}

static int is_wanted(const run_t *run, const flow_rule_t *rule, const json_t *v,
                     const json_t *target)
{
    json_t *old;
    int is_set;

    switch (rule->when) {
    case FLOW_WHEN_EXTRACT_NOT_EMPTY:
        return !flow_value_is_empty(v);
    case FLOW_WHEN_LOOKUP_EMPTY:
        return is_lookup_empty(run, rule, v);
    case FLOW_WHEN_LOOKUP_NOT_EMPTY:
        return !is_lookup_empty(run, rule, v);
    case FLOW_WHEN_IGNORE_IF_SET:
        old = flow_path_get(rule->generate, target);
        is_set = !flow_value_is_empty(old);
        json_decref(old);
        return !is_set;
    default:
        return 1;
    }
}

/* --- putting them --------------------------------------------------------- */

/* @a v is taken. */
static apr_status_t put(const run_t *run, const char *where,
                        const flow_path_t *path, json_t *target, json_t *v)
{
    apr_status_t rv = flow_path_set(path, target, v);

    if (rv == APR_ENOMEM)
        return no_memory(run);
    if (rv != APR_SUCCESS) {
        return flow_error_set(run->err, FLOW_E_INPUT, rv, "mapping_target",
                              "%s: the target leads through a value that has "
                              "no fields",
                              where);
    }
    return APR_SUCCESS;
}

static apr_status_t apply_rule(run_t *run, const flow_rule_t *rule,
                               json_t *target)
{
    json_t *v = NULL;
    apr_status_t rv = get_source(run, rule, &v);

    if (rv != APR_SUCCESS || !is_wanted(run, rule, v, target))
        goto cleanup;
    rv =
        rule->is_each && v ? refine_each(run, rule, &v) : refine(run, rule, &v);
    if (rv != APR_SUCCESS || !v ||
        (rule->discards_empty && flow_value_is_empty(v)))
        goto cleanup;
    rv = put(run, rule->where, rule->generate, target, v);
    v = NULL;
cleanup:
    json_decref(v);
    return rv;
}

static apr_status_t apply_rules(run_t *run, const flow_rule_t *rules, int n,
                                json_t *target)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i)
        rv = apply_rule(run, &rules[i], target);
    return rv;
}

static apr_status_t add_element(run_t *run, const flow_rule_list_t *list,
                                const json_t *element, json_t *out)
{
    json_t *made = json_object();
    apr_status_t rv;

    if (json_array_append_new(out, made))
        return no_memory(run);
    run->element = element;
    forget_context(run);
    rv = apply_rules(run, list->rules, list->n, made);
    run->element = NULL;
    forget_context(run);
    return rv;
}

/* `orders[*].items` finds an array of arrays: their elements are meant. */
static apr_status_t add_elements(run_t *run, const flow_rule_list_t *list,
                                 const json_t *found, int depth, json_t *out)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    if (!flow_json_is(found, ARRAY) || depth == 0)
        return add_element(run, list, found, out);
    for (i = 0; i < json_array_size(found) && rv == APR_SUCCESS; ++i)
        rv = add_elements(run, list, json_array_get(found, i), depth - 1, out);
    return rv;
}

static apr_status_t apply_list(run_t *run, const flow_rule_list_t *list,
                               json_t *target)
{
    json_t *found = flow_path_get(list->source, run->record), *out = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (!found || flow_json_is(found, NULL))
        goto cleanup;
    out = json_array();
    rv = out ? add_elements(run, list, found, list->source->is_multi ? 2 : 1,
                            out)
             : no_memory(run);
    if (rv != APR_SUCCESS)
        goto cleanup;
    rv = put(run, list->where, list->generate, target, out);
    out = NULL;
cleanup:
    json_decref(out);
    json_decref(found);
    return rv;
}

static apr_status_t apply_all(const flow_mapping_t *mapping,
                              const json_t *source, json_t *target,
                              apr_pool_t *scratch, flow_error_t *err)
{
    run_t run = { source, NULL, NULL, scratch, err };
    apr_status_t rv;
    int i;

    rv = apply_rules(&run, mapping->rules, mapping->n, target);
    for (i = 0; i < mapping->nlists && rv == APR_SUCCESS; ++i)
        rv = apply_list(&run, &mapping->lists[i], target);
    forget_context(&run);
    return rv;
}

apr_status_t flow_mapping_apply(const flow_mapping_t *mapping,
                                const json_t *record, json_t **pout,
                                apr_pool_t *scratch, flow_error_t *err)
{
    run_t run = { NULL, NULL, NULL, scratch, err };
    apr_status_t rv;

    /* Without a single rule nothing is mapped: the record passes as it is. */
    *pout = mapping->n || mapping->nlists || !record ? json_object()
                                                     : flow_value_copy(record);
    if (!*pout)
        return no_memory(&run);
    rv = apply_all(mapping, record, *pout, scratch, err);
    if (rv != APR_SUCCESS) {
        json_decref(*pout);
        *pout = NULL;
    }
    return rv;
}

apr_status_t flow_mapping_merge(const flow_mapping_t *mapping,
                                const json_t *answer, json_t *record,
                                apr_pool_t *scratch, flow_error_t *err)
{
    return apply_all(mapping, answer, record, scratch, err);
}
