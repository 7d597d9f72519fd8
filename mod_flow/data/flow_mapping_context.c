/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the templates of a mapping see, and how they are rendered.
 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

#include <string.h>

typedef flow_mapping_run_t run_t;

/* {{lookup.NAME}} of requests, asked once for the record. */
static apr_status_t ask(run_t *run)
{
    const flow_mapping_t *mapping = run->mapping;
    apr_status_t rv = APR_SUCCESS;
    json_t *v;
    int i;

    if (!mapping->nasked || run->asked)
        return APR_SUCCESS;
    run->asked = json_object();
    for (i = 0; i < mapping->nasked && rv == APR_SUCCESS; ++i) {
        rv = flow_lookup_value(mapping->asked[i], run->env->lookups, NULL,
                               run->record, &v, run->scratch, run->err);
        if (rv == APR_SUCCESS && v)
            json_object_set_new(run->asked, mapping->asked[i]->name, v);
    }
    return rv;
}

/* {{data.0.x}}, as templates of the first generation have it. */
static void add_data(json_t *context, const json_t *input)
{
    json_t *data;

    if (json_object_get(context, "data"))
        return;
    data = json_array();
    json_array_append(data, (json_t *)input);
    json_object_set_new(context, "data", data);
}

/* The members of the input (of grouped rows: the first one's), those of the
 * element over them; below all that, what the caller has. */
static void add_members(const run_t *run, const json_t *input,
                        const json_t *element, json_t *context)
{
    if (flow_json_is(run->env->context, OBJECT))
        flow_value_update(context, run->env->context);
    if (run->asked)
        json_object_set(context, "lookup", run->asked);
    if (flow_json_is(input, ARRAY))
        input = json_array_get(input, 0);
    if (flow_json_is(input, OBJECT))
        flow_value_update(context, input);
    if (flow_json_is(element, OBJECT))
        flow_value_update(context, element);
}

/* The same for one name. */
static json_t *find_member(const run_t *run, const json_t *input,
                           const json_t *element, const char *name,
                           apr_size_t len)
{
    json_t *v = json_object_getn(element, name, len);

    if (!v) {
        v = json_object_getn(
            flow_json_is(input, ARRAY) ? json_array_get(input, 0) : input, name,
            len);
    }
    if (!v && run->asked && strcmp(name, "lookup") == 0)
        v = run->asked;
    return v ? v : json_object_getn(run->env->context, name, len);
}

static void add_named(const run_t *run, const json_t *input,
                      const json_t *element, json_t *context)
{
    const apr_array_header_t *names = run->mapping->members;
    int i;

    for (i = 0; names && i < names->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        apr_size_t len = strlen(name);
        json_t *v = find_member(run, input, element, name, len);

        if (v)
            json_object_setn_nocheck(context, name, len, v);
        else if (strcmp(name, "data") == 0)
            add_data(context, input);
    }
}

/* What templates see at their top, and the input as a whole: only what they
 * ask for, as far as that is known. */
json_t *flow_mapping_context(run_t *run, const json_t *input,
                             const json_t *element, apr_status_t *prv)
{
    json_t *context;

    *prv = ask(run);
    context = *prv == APR_SUCCESS ? json_object() : NULL;
    if (!context) {
        if (*prv == APR_SUCCESS)
            *prv = flow_mapping_no_memory(run);
        return NULL;
    }
    if (run->mapping->needs_context) {
        add_members(run, input, element, context);
        add_data(context, input);
    }
    else {
        add_named(run, input, element, context);
    }
    json_object_set(context, "record", (json_t *)input);
    return context;
}

apr_status_t flow_mapping_render(run_t *run, const flow_template_t *tpl,
                                 const json_t *context, const json_t *input,
                                 const char *where, json_t **pv)
{
    flow_lookup_template_t baton = { run->mapping->lookups, run->env->lookups,
                                     input, run->scratch };
    flow_template_env_t env = { run->env->now, NULL, NULL,
                                flow_lookup_for_template, &baton };
    apr_status_t rv;

    flow_buf_clear(&run->out);
    rv = flow_template_render_with(tpl, context, &env, &run->out, run->scratch,
                                   run->err);
    if (rv != APR_SUCCESS)
        return flow_error_prefix(run->err, "%s", where);
    *pv = flow_json_string_new(run->out.len ? run->out.data : "", run->out.len);
    return *pv ? flow_mapping_count_text(run, where, *pv)
               : flow_mapping_no_memory(run);
}
