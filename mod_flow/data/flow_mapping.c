/* SPDX-License-Identifier: Apache-2.0 */
/* size: what carries out Mapper 1.0, in one place. */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

#include <string.h>

typedef flow_mapping_run_t run_t;

apr_status_t flow_mapping_no_memory(const run_t *run)
{
    return flow_error_set(run->err, FLOW_E_INTERNAL, APR_ENOMEM,
                          "out_of_memory", "no memory for a mapping");
}

/* --- bounds --------------------------------------------------------------- */

apr_status_t flow_mapping_count_text(run_t *run, const char *where,
                                     const json_t *v)
{
    apr_size_t len = 0, i;

    if (flow_json_is(v, ARRAY)) {
        for (i = 0; i < json_array_size(v); ++i) {
            if (flow_json_string(json_array_get(v, i), &len))
                run->text += len;
        }
    }
    else if (flow_json_string(v, &len)) {
        run->text += len;
    }
    if (run->text <= FLOW_MAPPING_SIZE_MAX)
        return APR_SUCCESS;
    return flow_error_set(run->err, FLOW_E_INPUT, APR_ENOSPC, "mapping_limit",
                          "%s: the record would get more than 64 MB of text",
                          where);
}

/* About the length of its text from *pleft, which becomes 0 when there is not
 * so much; a tree whose parts are shared can have a text much longer than
 * itself. 0: it is nested too deeply. */
static int measure(const json_t *v, int depth, apr_size_t *pleft)
{
    json_t *object = (json_t *)v; /* iterators want it so, and change nothing */
    apr_size_t len = 8, i;
    void *iter;

    flow_json_string(v, &len);
    *pleft -= len + 1 < *pleft ? len + 1 : *pleft;
    if (!flow_json_is(v, ARRAY) && !flow_json_is(v, OBJECT))
        return 1;
    if (depth == FLOW_JSON_DEPTH)
        return 0;
    for (i = 0; i < json_array_size(v) && *pleft; ++i) {
        if (!measure(json_array_get(v, i), depth + 1, pleft))
            return 0;
    }
    for (iter = json_object_iter(object); iter && *pleft;
         iter = json_object_iter_next(object, iter)) {
        if (!measure(json_object_iter_value(iter), depth + 1, pleft))
            return 0;
    }
    return 1;
}

void flow_mapping_note_put(run_t *run, const json_t *v, int levels)
{
    apr_size_t left = FLOW_MAPPING_SIZE_MAX, len;

    if (!run->is_fresh)
        return;
    len = 8;
    if (flow_json_is(v, ARRAY) || flow_json_is(v, OBJECT)) {
        run->has_array = 1;
        run->is_fresh = measure(v, levels, &left);
        len = FLOW_MAPPING_SIZE_MAX - left;
    }
    else {
        flow_json_string(v, &len);
    }
    run->size += len + 1 + 9 * (apr_size_t)levels;
    if (run->size >= FLOW_MAPPING_SIZE_MAX)
        run->is_fresh = 0;
}

/* What nobody could read again is not made: groups of rules work on each
 * other's results, so that a few can make a tree of any depth. */
static apr_status_t check_made(const run_t *run, const json_t *made,
                               flow_error_t *err)
{
    apr_size_t left = FLOW_MAPPING_SIZE_MAX;

    if (run->is_fresh)
        return APR_SUCCESS; /* the sum of its parts is small enough */
    if (!measure(made, 0, &left)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "mapping_limit",
                              "the record would be nested more than %d levels "
                              "deep",
                              FLOW_JSON_DEPTH);
    }
    if (left)
        return APR_SUCCESS;
    return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "mapping_limit",
                          "the record would get more than 64 MB of text");
}

/* --- where values come from ----------------------------------------------- */

static void forget_context(run_t *run)
{
    json_decref(run->context);
    run->context = NULL;
}

static apr_status_t render(run_t *run, const flow_rule_t *rule, json_t **pv)
{
    apr_status_t rv = APR_SUCCESS;

    if (!run->context)
        run->context =
            flow_mapping_context(run, run->record, run->element, &rv);
    if (rv != APR_SUCCESS)
        return flow_error_prefix(run->err, "%s", rule->where);
    return flow_mapping_render(run, rule->tpl, run->context, run->record,
                               rule->where, pv);
}

/* New: an element that is nothing but text is that text. */
static json_t *text_of(const json_t *element)
{
    json_t *text =
        json_object_size(element) == 1 ? json_object_get(element, "_") : NULL;

    return json_incref(text ? text : (json_t *)element);
}

/* One element, or an array of several; NULL: none. */
static json_t *find_elements(const flow_rule_t *rule, const json_t *record)
{
    json_t *document = json_object(), *all, *one;
    size_t i;

    json_object_set(document, "record", (json_t *)record);
    all = flow_xpath_select(rule->xpath, document, 0);
    json_decref(document);
    for (i = 0; i < json_array_size(all); ++i)
        json_array_set_new(all, i, text_of(json_array_get(all, i)));
    if (i > 1)
        return all;
    one = json_incref(json_array_get(all, 0));
    json_decref(all);
    return one;
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
    if (rule->xpath) {
        *pv = find_elements(rule, run->record);
        return APR_SUCCESS;
    }
    if (rule->inner && run->element)
        *pv = flow_path_get(rule->inner, run->element);
    if (!*pv && rule->outer)
        *pv = flow_path_get(rule->outer, run->record);
    return APR_SUCCESS;
}

/* --- what becomes of them ------------------------------------------------- */

/* A missing value is not looked up, so that it can have its default. So has an
 * empty one that the table has no entry for, where there is a default. A
 * request looks for the record. */
apr_status_t flow_mapping_look_up(const run_t *run, const flow_lookup_t *lookup,
                                  const json_t *record, const char *where,
                                  const json_t *fallback, json_t **pv)
{
    json_t *found = NULL;
    apr_status_t rv;

    if (!lookup || (!*pv && lookup->kind != FLOW_LOOKUP_REQUEST))
        return APR_SUCCESS;
    if (*pv && fallback && lookup->kind != FLOW_LOOKUP_REQUEST &&
        flow_value_is_empty(*pv)) {
        rv = flow_lookup_find(lookup, run->env->lookups, *pv, record, &found,
                              run->scratch, run->err);
        if (rv == APR_SUCCESS && !found)
            return APR_SUCCESS;
    }
    else {
        rv = flow_lookup_value(lookup, run->env->lookups, *pv, record, &found,
                               run->scratch, run->err);
    }
    if (rv != APR_SUCCESS)
        return flow_error_prefix(run->err, "%s", where);
    json_decref(*pv);
    *pv = found;
    return APR_SUCCESS;
}

/* Lookup, default, dates and type of one value; takes and gives a
 * reference. */
static apr_status_t refine(run_t *run, const flow_rule_t *rule, json_t **pv)
{
    const json_t *before;
    apr_status_t rv = flow_mapping_look_up(run, rule->lookup, run->record,
                                           rule->where, rule->fallback, pv);

    if (rv != APR_SUCCESS)
        return rv;
    if (rule->fallback && flow_value_is_empty(*pv)) {
        json_decref(*pv);
        *pv = json_incref(rule->fallback);
        return APR_SUCCESS;
    }
    before = *pv;
    if (rule->dates)
        rv = flow_dates_convert(rule->dates, run->env->now, pv, run->scratch,
                                run->err);
    if (rv == APR_SUCCESS)
        rv = flow_type_convert(rule->type, pv, run->scratch, run->err);
    if (rv != APR_SUCCESS)
        return flow_error_prefix(run->err, "%s", rule->where);
    return *pv == before ? rv : flow_mapping_count_text(run, rule->where, *pv);
}

static apr_status_t refine_each(run_t *run, const flow_rule_t *rule,
                                json_t **pv)
{
    json_t *array = json_array(), *v;
    apr_status_t rv = array ? APR_SUCCESS : flow_mapping_no_memory(run);
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

static apr_status_t is_lookup_empty(const run_t *run, const flow_rule_t *rule,
                                    const json_t *v, int *pis)
{
    const flow_lookup_t *lookup = rule->condition;
    json_t *found = NULL;
    apr_status_t rv =
        flow_lookup_find(lookup, run->env->lookups, v, run->record, &found,
                         run->scratch, run->err);

    *pis = flow_value_is_empty(found              ? found
                               : lookup->may_miss ? lookup->fallback
                                                  : NULL);
    json_decref(found);
    return rv == APR_SUCCESS ? rv
                             : flow_error_prefix(run->err, "%s", rule->where);
}

int flow_mapping_when(const run_t *run, flow_when_e when)
{
    switch (when) {
    case FLOW_WHEN_RECORD_CREATED:
        return !run->env->is_update;
    case FLOW_WHEN_RECORD_UPDATED:
        return run->env->is_update;
    default:
        return 1;
    }
}

static apr_status_t is_wanted(const run_t *run, const flow_rule_t *rule,
                              const json_t *v, const json_t *target, int *pis)
{
    json_t *old;
    apr_status_t rv = APR_SUCCESS;

    switch (rule->when) {
    case FLOW_WHEN_EXTRACT_NOT_EMPTY:
        *pis = !flow_value_is_empty(v);
        break;
    case FLOW_WHEN_LOOKUP_EMPTY:
        rv = is_lookup_empty(run, rule, v, pis);
        break;
    case FLOW_WHEN_LOOKUP_NOT_EMPTY:
        rv = is_lookup_empty(run, rule, v, pis);
        *pis = !*pis;
        break;
    case FLOW_WHEN_IGNORE_IF_SET:
        old = flow_path_get(rule->generate, target);
        *pis = flow_value_is_empty(old);
        json_decref(old);
        break;
    default:
        *pis = flow_mapping_when(run, rule->when);
        break;
    }
    return rv;
}

/* --- putting them --------------------------------------------------------- */

/* @a v is taken. */
static apr_status_t put(run_t *run, const char *where, const flow_path_t *path,
                        json_t *target, json_t *v)
{
    apr_status_t rv;

    if (path->is_multi || (path->n > 1 && run->has_array))
        run->is_fresh = 0;
    flow_mapping_note_put(run, v, path->n);
    rv = flow_path_set(path, target, v);
    if (rv == APR_ENOMEM)
        return flow_mapping_no_memory(run);
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
    int wanted = 0;
    apr_status_t rv = get_source(run, rule, &v);

    if (rv == APR_SUCCESS)
        rv = is_wanted(run, rule, v, target, &wanted);
    if (rv != APR_SUCCESS || !wanted)
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
        return flow_mapping_no_memory(run);
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
             : flow_mapping_no_memory(run);
    if (rv != APR_SUCCESS)
        goto cleanup;
    rv = put(run, list->where, list->generate, target, out);
    out = NULL;
cleanup:
    json_decref(out);
    json_decref(found);
    return rv;
}

/* --- the whole ------------------------------------------------------------ */

static apr_status_t apply_all(run_t *run, json_t *target)
{
    const flow_mapping_t *mapping = run->mapping;
    apr_status_t rv;
    int i;

    if (mapping->is_mapper)
        return flow_mapper_apply(run, target);
    rv = apply_rules(run, mapping->rules, mapping->n, target);
    for (i = 0; i < mapping->nlists && rv == APR_SUCCESS; ++i)
        rv = apply_list(run, &mapping->lists[i], target);
    return rv;
}

static const flow_mapping_env_t no_env;

static apr_status_t run_one(const flow_mapping_t *mapping, const json_t *record,
                            const flow_mapping_env_t *env, json_t *target,
                            apr_pool_t *scratch, flow_error_t *err)
{
    run_t run = { mapping, env ? env : &no_env, record };
    apr_status_t rv;

    run.scratch = scratch;
    run.err = err;
    run.is_fresh = json_object_size(target) == 0;
    flow_buf_init(&run.out, FLOW_MAPPING_TEXT_MAX);
    rv = apply_all(&run, target);
    forget_context(&run);
    json_decref(run.asked);
    flow_buf_release(&run.out);
    return rv == APR_SUCCESS ? check_made(&run, target, err) : rv;
}

/* Without a single rule nothing is mapped, and what is modified keeps what no
 * field names. */
static int can_start_from(const flow_mapping_t *mapping, const json_t *record)
{
    if (mapping->is_mapper)
        return mapping->is_modify && flow_json_is(record, OBJECT);
    return record && !mapping->n && !mapping->nlists;
}

static apr_status_t apply_one(const flow_mapping_t *mapping,
                              const json_t *record,
                              const flow_mapping_env_t *env, json_t **pout,
                              apr_pool_t *scratch, flow_error_t *err);

/* Of grouped rows each is modified. */
static apr_status_t modify_rows(const flow_mapping_t *mapping,
                                const json_t *rows,
                                const flow_mapping_env_t *env, json_t **pout,
                                apr_pool_t *scratch, flow_error_t *err)
{
    json_t *out = json_array(), *made;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < json_array_size(rows) && rv == APR_SUCCESS; ++i) {
        const json_t *row = json_array_get(rows, i);

        if (flow_json_is(row, ARRAY)) {
            json_array_append(out, (json_t *)row);
            continue;
        }
        rv = apply_one(mapping, row, env, &made, scratch, err);
        if (rv == APR_SUCCESS)
            json_array_append_new(out, made);
    }
    *pout = rv == APR_SUCCESS ? out : NULL;
    if (rv != APR_SUCCESS)
        json_decref(out);
    return rv;
}

static apr_status_t apply_one(const flow_mapping_t *mapping,
                              const json_t *record,
                              const flow_mapping_env_t *env, json_t **pout,
                              apr_pool_t *scratch, flow_error_t *err)
{
    run_t run = { mapping, env, record };
    apr_status_t rv;

    run.err = err;
    if (mapping->is_modify && flow_json_is(record, ARRAY))
        return modify_rows(mapping, record, env, pout, scratch, err);
    *pout = can_start_from(mapping, record) ? flow_value_copy(record)
                                            : json_object();
    if (!*pout)
        return flow_mapping_no_memory(&run);
    rv = run_one(mapping, record, env, *pout, scratch, err);
    if (rv != APR_SUCCESS) {
        json_decref(*pout);
        *pout = NULL;
    }
    return rv;
}

apr_status_t flow_mapping_apply_with(const flow_mapping_t *mapping,
                                     const json_t *record,
                                     const flow_mapping_env_t *env,
                                     json_t **pout, apr_pool_t *scratch,
                                     flow_error_t *err)
{
    apr_status_t rv = apply_one(mapping, record, env, pout, scratch, err);

    while (rv == APR_SUCCESS && mapping->next) {
        json_t *before = *pout;

        mapping = mapping->next;
        rv = apply_one(mapping, before, env, pout, scratch, err);
        json_decref(before);
    }
    return rv;
}

apr_status_t flow_mapping_apply(const flow_mapping_t *mapping,
                                const json_t *record, json_t **pout,
                                apr_pool_t *scratch, flow_error_t *err)
{
    return flow_mapping_apply_with(mapping, record, NULL, pout, scratch, err);
}

apr_status_t flow_mapping_merge(const flow_mapping_t *mapping,
                                const json_t *answer, json_t *record,
                                apr_pool_t *scratch, flow_error_t *err)
{
    return run_one(mapping, answer, NULL, record, scratch, err);
}
