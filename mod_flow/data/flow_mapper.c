/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapper 2.0 at work: a tree of fields makes an object, helpers append the
 * elements of arrays.
 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

typedef flow_mapping_run_t run_t;

/* What `$` is at the moment; made as an object of its own only for those who
 * look at it as a whole. */
typedef struct scope_t {
    const flow_frame_t *frame; /* NULL: the input */
    struct scope_t *outer;
    json_t *input;   /* NULL until needed */
    json_t *context; /* for templates; NULL until needed */
} scope_t;

static void leave(scope_t *scope)
{
    json_decref(scope->input);
    json_decref(scope->context);
    scope->input = scope->context = NULL;
}

/* --- the composite object ------------------------------------------------- */

/* A copy of @a v in which the rest of the path's arrays are replaced by their
 * elements of the moment; new. */
static json_t *replace_arrays(const run_t *run, const flow_frame_t *frame,
                              int i, const json_t *v)
{
    const flow_step_t *step;
    json_t *copy;

    for (; i < frame->path->n && frame->slots[i] >= 0; ++i)
        v = run->slots[frame->slots[i]];
    if (i == frame->path->n)
        return json_incref((json_t *)v);
    if (flow_json_is(v, ARRAY))
        v = json_array_get(v, 0);
    step = &frame->path->steps[i];
    if (!flow_json_is(v, OBJECT))
        return json_incref((json_t *)v);
    copy = flow_value_copy(v);
    if (copy) {
        json_object_setn_new(
            copy, step->name, step->len,
            replace_arrays(run, frame, i + 1,
                           json_object_getn(v, step->name, step->len)));
    }
    return copy;
}

/* Borrowed from the scope. */
static const json_t *input_of(const run_t *run, scope_t *scope)
{
    if (!scope->frame)
        return run->record;
    if (!scope->input) {
        scope->input =
            replace_arrays(run, scope->frame, 0, input_of(run, scope->outer));
    }
    return scope->input;
}

/* --- values --------------------------------------------------------------- */

static const json_t *path_root(const run_t *run, scope_t *scope,
                               const flow_mapper_path_t *path)
{
    if (path->needs_composite)
        return input_of(run, scope);
    return path->slot < 0 ? run->record : run->slots[path->slot];
}

static json_t *read_path(const run_t *run, scope_t *scope,
                         const flow_mapper_path_t *path)
{
    return flow_path_get(path->path, path_root(run, scope, path));
}

static apr_status_t render(run_t *run, scope_t *scope,
                           const flow_template_t *tpl, const char *where,
                           json_t **pv)
{
    apr_status_t rv = APR_SUCCESS;

    if (!scope->context) {
        scope->context =
            flow_mapping_context(run, input_of(run, scope), NULL, &rv);
    }
    if (rv != APR_SUCCESS)
        return flow_error_prefix(run->err, "%s", where);
    return flow_mapping_render(run, tpl, scope->context, input_of(run, scope),
                               where, pv);
}

/* Of several paths the first one that has something. */
static apr_status_t read_source(run_t *run, scope_t *scope,
                                const flow_source_t *source, const char *where,
                                json_t **pv)
{
    int i;

    *pv = json_incref(source->constant);
    if (source->tpl)
        return render(run, scope, source->tpl, where, pv);
    for (i = 0; i < source->n && flow_value_is_empty(*pv); ++i) {
        json_decref(*pv);
        *pv = read_path(run, scope, &source->paths[i]);
    }
    return APR_SUCCESS;
}

static apr_status_t convert(run_t *run, flow_type_e from,
                            const flow_dates_t *dates, flow_type_e to,
                            const char *where, json_t **pv)
{
    const json_t *before = *pv;
    apr_status_t rv = flow_type_read(from, to, pv);

    if (rv == APR_SUCCESS && dates)
        rv = flow_dates_convert(dates, run->env->now, pv, run->scratch,
                                run->err);
    if (rv == APR_SUCCESS)
        rv = flow_type_convert(to, pv, run->scratch, run->err);
    if (rv != APR_SUCCESS)
        return flow_error_prefix(run->err, "%s", where);
    return *pv == before ? rv : flow_mapping_count_text(run, where, *pv);
}

/* Each element of an array is looked up by itself. */
static apr_status_t look_up(run_t *run, scope_t *scope,
                            const flow_mapper_field_t *f, json_t **pv)
{
    const json_t *record;
    json_t *out, *v;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    if (!f->lookup)
        return APR_SUCCESS;
    record = f->lookup->kind == FLOW_LOOKUP_REQUEST ? input_of(run, scope)
                                                    : run->record;
    if (f->lookup->kind == FLOW_LOOKUP_REQUEST || !flow_json_is(*pv, ARRAY))
        return flow_mapping_look_up(run, f->lookup, record, f->where,
                                    f->fallback, pv);
    out = json_array();
    for (i = 0; i < json_array_size(*pv) && rv == APR_SUCCESS; ++i) {
        v = json_incref(json_array_get(*pv, i));
        rv = flow_mapping_look_up(run, f->lookup, record, f->where, f->fallback,
                                  &v);
        json_array_append_new(out, v ? v : json_null());
    }
    json_decref(*pv);
    *pv = out;
    return rv;
}

/* --- arrays --------------------------------------------------------------- */

static apr_status_t make_array(run_t *run, scope_t *scope,
                               const flow_mapper_field_t *f, json_t **pv);
static apr_status_t put_fields(run_t *run, scope_t *scope,
                               const flow_mapper_field_t *fields, int n,
                               int modify, json_t *out);

/* Helpers inside each other multiply what they walk. */
static apr_status_t count_made(run_t *run, const char *where)
{
    if (++run->made <= FLOW_MAPPING_MADE_MAX)
        return APR_SUCCESS;
    return flow_error_set(run->err, FLOW_E_INPUT, APR_ENOSPC, "mapping_limit",
                          "%s: the record would get more than %d elements",
                          where, FLOW_MAPPING_MADE_MAX);
}

/* One built object, or the inner arrays of an arrayarray. */
static apr_status_t append_built(run_t *run, scope_t *scope,
                                 const flow_mapper_field_t *f,
                                 const flow_mapper_helper_t *helper,
                                 json_t *out)
{
    json_t *v;
    apr_status_t rv = count_made(run, helper->where);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    if (f->type == FLOW_TYPE_OBJECTARRAY) {
        v = json_object();
        if (!v)
            return flow_mapping_no_memory(run);
        ++run->is_building;
        rv = put_fields(run, scope, helper->fields, helper->n, 0, v);
        --run->is_building;
        if (rv == APR_SUCCESS && json_object_size(v))
            return json_array_append_new(out, v) ? flow_mapping_no_memory(run)
                                                 : APR_SUCCESS;
        json_decref(v);
        return rv;
    }
    for (i = 0; i < helper->n && rv == APR_SUCCESS; ++i) {
        v = NULL;
        rv = make_array(run, scope, &helper->fields[i], &v);
        if (rv == APR_SUCCESS && v)
            json_array_append(out, v);
        json_decref(v);
    }
    return rv;
}

/* Everything a scan for a helper's elements carries along. */
typedef struct scan_t {
    run_t *run;
    scope_t *scope;
    const flow_mapper_field_t *f;
    const flow_mapper_helper_t *helper;
    json_t *out;
} scan_t;

/* Below step @a i of the helper's path; each match makes an element. */
static apr_status_t scan(const scan_t *s, int i, const json_t *v)
{
    const flow_frame_t *frame = s->helper->frame;
    const flow_step_t *step;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t k;

    if (!v || flow_json_is(v, NULL))
        return APR_SUCCESS;
    if (i == frame->path->n) {
        scope_t inner = { frame, s->scope };

        rv = append_built(s->run, &inner, s->f, s->helper, s->out);
        leave(&inner);
        return rv;
    }
    step = &frame->path->steps[i];
    if (step->kind != FLOW_STEP_ALL) {
        v = flow_step_take(step, v);
        if (frame->slots[i] >= 0)
            s->run->slots[frame->slots[i]] = v;
        return scan(s, i + 1, v);
    }
    if (!flow_json_is(v, ARRAY))
        return APR_SUCCESS;
    for (k = 0; k < json_array_size(v) && rv == APR_SUCCESS; ++k) {
        s->run->slots[frame->slots[i]] = json_array_get(v, k);
        rv = scan(s, i + 1, json_array_get(v, k));
    }
    return rv;
}

/* What an extract has found, element by element; @a v is taken. */
static apr_status_t append_found(run_t *run, const flow_mapper_field_t *f,
                                 const flow_mapper_helper_t *helper, json_t *v,
                                 json_t *out)
{
    int is_list = flow_json_is(v, ARRAY) && f->type != FLOW_TYPE_ARRAYARRAY;
    apr_size_t n = is_list ? json_array_size(v) : 1, i;
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        json_t *one = is_list ? json_array_get(v, i) : v;

        /* "append found objects": what is none was not meant */
        if (f->type == FLOW_TYPE_OBJECTARRAY && flow_json_is(one, NULL))
            continue;
        one = json_incref(one);
        rv = count_made(run, helper->where);
        if (rv == APR_SUCCESS)
            rv = convert(run, helper->source_type, f->dates,
                         flow_type_element(f->type), helper->where, &one);
        if (rv == APR_SUCCESS)
            json_array_append(out, one);
        json_decref(one);
    }
    json_decref(v);
    return rv;
}

/* An arrayarray's path through `*` has found arrays; any other is one. */
static apr_status_t append_arrays(const run_t *run,
                                  const flow_mapper_helper_t *helper,
                                  const flow_mapper_path_t *path, json_t *v,
                                  json_t *out)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;
    int is_list = (path && path->path->is_multi) ||
                  flow_json_is(json_array_get(v, 0), ARRAY);

    if (!is_list) {
        rv = flow_type_convert(FLOW_TYPE_ARRAYARRAY, &v, run->scratch, NULL);
        if (rv != APR_SUCCESS && flow_json_is(v, ARRAY)) {
            json_array_append_new(out, v); /* a plain array: one element */
            return APR_SUCCESS;
        }
    }
    for (i = 0; i < json_array_size(v) && rv == APR_SUCCESS; ++i) {
        if (flow_json_is(json_array_get(v, i), ARRAY))
            json_array_append(out, json_array_get(v, i));
        else
            rv = APR_EINVAL;
    }
    if (rv != APR_SUCCESS) {
        rv = flow_error_set(run->err, FLOW_E_INPUT, APR_EINVAL, "mapping_array",
                            "%s: an array of arrays is needed", helper->where);
    }
    json_decref(v);
    return rv;
}

static apr_status_t append_value(run_t *run, const flow_mapper_field_t *f,
                                 const flow_mapper_helper_t *helper,
                                 const flow_mapper_path_t *path, json_t *v,
                                 json_t *out, int *pfound)
{
    if (!v || flow_json_is(v, NULL) ||
        (helper->needs_value && flow_value_is_empty(v))) {
        json_decref(v);
        return APR_SUCCESS;
    }
    *pfound = 1;
    return f->type == FLOW_TYPE_ARRAYARRAY
               ? append_arrays(run, helper, path, v, out)
               : append_found(run, f, helper, v, out);
}

static apr_status_t run_helper(run_t *run, scope_t *scope,
                               const flow_mapper_field_t *f,
                               const flow_mapper_helper_t *helper, json_t *out)
{
    const flow_source_t *source = &helper->source;
    apr_size_t before = json_array_size(out);
    apr_status_t rv = APR_SUCCESS;
    int i, found = 0;
    json_t *v;

    if (helper->frame) {
        scan_t s = { run, scope, f, helper, out };

        rv = scan(&s, helper->frame->path->n - helper->from->path->n,
                  path_root(run, scope, helper->from));
    }
    else if (helper->n) {
        rv = append_built(run, scope, f, helper, out);
    }
    else if (source->n) {
        for (i = 0; i < source->n && rv == APR_SUCCESS; ++i) {
            v = read_path(run, scope, &source->paths[i]);
            rv =
                append_value(run, f, helper, &source->paths[i], v, out, &found);
        }
    }
    else {
        rv = read_source(run, scope, source, helper->where, &v);
        if (rv == APR_SUCCESS)
            rv = append_value(run, f, helper, NULL, v, out, &found);
    }
    if (rv == APR_SUCCESS && helper->fallback && !found &&
        json_array_size(out) == before)
        json_array_append(out, helper->fallback);
    return rv;
}

/* *pv is new, NULL when nothing was found. */
static apr_status_t make_array(run_t *run, scope_t *scope,
                               const flow_mapper_field_t *f, json_t **pv)
{
    json_t *out;
    apr_status_t rv = APR_SUCCESS;
    int i;

    *pv = NULL;
    if (!f->nhelpers) {
        rv = read_source(run, scope, &f->source, f->where, pv);
        if (rv == APR_SUCCESS)
            rv = look_up(run, scope, f, pv);
        return rv == APR_SUCCESS ? convert(run, f->source_type, f->dates,
                                           f->type, f->where, pv)
                                 : rv;
    }
    out = json_array();
    if (!out)
        return flow_mapping_no_memory(run);
    for (i = 0; i < f->nhelpers && rv == APR_SUCCESS; ++i)
        rv = run_helper(run, scope, f, &f->helpers[i], out);
    *pv = out;
    if (rv == APR_SUCCESS)
        rv = look_up(run, scope, f, pv);
    return rv;
}

/* --- objects and fields --------------------------------------------------- */

/* Copied from the source (else what is there already, in mode modify), then
 * filled. */
static apr_status_t make_object(run_t *run, scope_t *scope,
                                const flow_mapper_field_t *f, int modify,
                                const json_t *there, json_t **pv)
{
    json_t *base = NULL, *out;
    apr_status_t rv = read_source(run, scope, &f->source, f->where, &base);

    if (rv == APR_SUCCESS && f->when == FLOW_WHEN_EXTRACT_NOT_EMPTY &&
        flow_value_is_empty(base)) {
        json_decref(base);
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS)
        rv = look_up(run, scope, f, &base);
    if (rv == APR_SUCCESS)
        rv = convert(run, f->source_type, NULL, FLOW_TYPE_OBJECT, f->where,
                     &base);
    if (rv != APR_SUCCESS || !f->n) {
        *pv = base;
        return rv;
    }
    if (!flow_json_is(base, OBJECT) && modify && flow_json_is(there, OBJECT)) {
        json_decref(base);
        base = json_incref((json_t *)there);
    }
    out = flow_json_is(base, OBJECT) ? flow_value_copy(base) : json_object();
    json_decref(base);
    if (!out)
        return flow_mapping_no_memory(run);
    *pv = out;
    ++run->level;
    rv = put_fields(run, scope, f->fields, f->n, modify, out);
    --run->level;
    return rv;
}

static apr_status_t make_leaf(run_t *run, scope_t *scope,
                              const flow_mapper_field_t *f, json_t **pv)
{
    apr_status_t rv = read_source(run, scope, &f->source, f->where, pv);

    if (rv == APR_SUCCESS && f->when == FLOW_WHEN_EXTRACT_NOT_EMPTY &&
        flow_value_is_empty(*pv))
        return APR_SUCCESS;
    if (rv == APR_SUCCESS)
        rv = look_up(run, scope, f, pv);
    if (rv != APR_SUCCESS || flow_value_is_empty(*pv))
        return rv;
    return convert(run, f->source_type, f->dates, f->type, f->where, pv);
}

/* Its fields were counted one by one. */
static int is_counted(const flow_mapper_field_t *f, const json_t *v)
{
    return f->n && !f->source.constant && !f->source.tpl && !f->source.n &&
           json_object_size(v) > 0;
}

static apr_status_t put_field(run_t *run, scope_t *scope,
                              const flow_mapper_field_t *f, int modify,
                              json_t *out)
{
    json_t *v = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (flow_mapping_when(run, f->when)) {
        if (f->type == FLOW_TYPE_OBJECT) {
            rv = make_object(
                run, scope, f, modify,
                modify ? json_object_getn(out, f->name, f->len) : NULL, &v);
        }
        else if (flow_type_is_array(f->type)) {
            rv = make_array(run, scope, f, &v);
        }
        else {
            rv = make_leaf(run, scope, f, &v);
        }
    }
    if (rv == APR_SUCCESS && flow_value_is_empty(v)) {
        json_decref(v);
        v = json_incref(f->fallback);
    }
    if (rv != APR_SUCCESS || !v) {
        json_decref(v);
        return rv;
    }
    if (!run->is_building && !is_counted(f, v))
        flow_mapping_note_put(run, v, run->level + 1);
    return json_object_setn_new(out, f->name, f->len, v)
               ? flow_mapping_no_memory(run)
               : APR_SUCCESS;
}

static apr_status_t put_fields(run_t *run, scope_t *scope,
                               const flow_mapper_field_t *fields, int n,
                               int modify, json_t *out)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i)
        rv = put_field(run, scope, &fields[i], modify, out);
    return rv;
}

/* What `$` is in an envelope mapping; new. */
static json_t *make_envelope(const run_t *run)
{
    json_t *root = json_object();

    if (flow_json_is(run->env->envelope, OBJECT))
        flow_value_update(root, run->env->envelope);
    if (run->record)
        json_object_set(root, "record", (json_t *)run->record);
    return root;
}

apr_status_t flow_mapper_apply(flow_mapping_run_t *run, json_t *out)
{
    const flow_mapping_t *mapping = run->mapping;
    const json_t *record = run->record;
    json_t *envelope = NULL;
    scope_t scope = { NULL, NULL };
    apr_status_t rv;

    if (mapping->nslots) {
        run->slots = apr_pcalloc(run->scratch, (apr_size_t)mapping->nslots *
                                                   sizeof(run->slots[0]));
    }
    if (mapping->is_envelope)
        run->record = envelope = make_envelope(run);
    rv = put_fields(run, &scope, mapping->fields, mapping->nfields,
                    mapping->is_modify, out);
    leave(&scope);
    run->record = record;
    json_decref(envelope);
    return rv;
}
