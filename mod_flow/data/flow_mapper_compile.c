/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapper 2.0: mappings[] to a tree of fields, their paths bound to the slots
 * of the helpers around them.
 */
#include "data/flow_mapping_private.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

#include <apr_strings.h>
#include <string.h>

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define DEPTH_MAX 32 /* objects and helpers inside each other */

/* The input names that lead to an element of the moment. */
typedef struct binding_t {
    const flow_step_t *names;
    int n;
    int slot;
} binding_t;

/* Where fields stand: what `$` is, and which parts of it have slots. */
typedef struct place_t {
    const flow_frame_t *frame; /* NULL: the input */
    const binding_t *bindings;
    int n;
    int slots; /* taken so far */
    int depth; /* of fields */
} place_t;

static apr_status_t compile_fields(flow_mapping_compiler_t *c,
                                   const place_t *place, const json_t *array,
                                   const char *where, int is_inner,
                                   const flow_mapper_field_t **pfields,
                                   int *pn);

static apr_status_t wrong(const flow_mapping_compiler_t *c, const char *where,
                          const char *what)
{
    return flow_mapping_bad(c, where, "mapping_field", what);
}

/* --- paths ---------------------------------------------------------------- */

/* Do the first @a n steps of the path have these names? */
static int begins_with(const flow_path_t *path, const flow_step_t *names, int n)
{
    int i;

    if (path->n < n)
        return 0;
    for (i = 0; i < n; ++i) {
        const flow_step_t *step = &path->steps[i];

        if (step->kind == FLOW_STEP_ALL || step->len != names[i].len ||
            memcmp(step->name, names[i].name, step->len) != 0)
            return 0;
    }
    return 1;
}

static void bind_path(const flow_mapping_compiler_t *c, const place_t *place,
                      const flow_path_t *path, flow_mapper_path_t *bound)
{
    int i, best = -1;

    bound->slot = -1;
    bound->needs_composite = 0;
    bound->path = path;
    for (i = 0; i < place->n; ++i) {
        const binding_t *b = &place->bindings[i];

        if (begins_with(path, b->names, b->n)) {
            if (best < 0 || b->n >= place->bindings[best].n)
                best = i;
        }
        else if (path->n < b->n && begins_with(path, b->names, path->n)) {
            /* It ends above an array that has been replaced. */
            bound->needs_composite = 1;
        }
    }
    if (best < 0 || bound->needs_composite)
        return;
    bound->slot = place->bindings[best].slot;
    bound->path =
        flow_path_make(path->steps + place->bindings[best].n,
                       path->n - place->bindings[best].n, path->text, c->p);
}

static int is_path(const char *text)
{
    return text[0] == '$' && (!text[1] || text[1] == '.' || text[1] == '[');
}

/* The end of one path in `$.a|$.b`; a bar elsewhere is part of a name. */
static const char *path_end(const char *text)
{
    int brackets = 0;

    for (; *text; ++text) {
        if (*text == '[')
            ++brackets;
        else if (*text == ']' && brackets)
            --brackets;
        else if (*text == '|' && !brackets && is_path(text + 1))
            break;
    }
    return text;
}

static apr_status_t compile_paths(flow_mapping_compiler_t *c,
                                  const place_t *place, const char *where,
                                  const char *text, flow_source_t *source)
{
    flow_mapper_path_t *paths;
    const flow_path_t *path;
    const char *end = text, *at;
    apr_status_t rv;
    int n = 1;

    for (at = path_end(text); *at; at = path_end(at + 1))
        ++n;
    source->paths = paths = apr_pcalloc(c->p, (apr_size_t)n * sizeof(*paths));
    for (at = text; source->n < n; at = end + 1) {
        end = path_end(at);
        rv = flow_mapping_path(
            c, where, apr_pstrmemdup(c->p, at, (apr_size_t)(end - at)), &path);
        if (rv != APR_SUCCESS)
            return rv;
        bind_path(c, place, path, &paths[source->n++]);
    }
    return APR_SUCCESS;
}

/* --- sources -------------------------------------------------------------- */

static apr_status_t compile_extract(flow_mapping_compiler_t *c,
                                    const place_t *place, const char *where,
                                    const json_t *doc, flow_source_t *source)
{
    const json_t *extract = flow_mapping_member(doc, "extract");
    const char *text;
    apr_size_t len = 0;

    if (!extract)
        return APR_SUCCESS;
    if (flow_json_is(extract, OBJECT) || flow_json_is(extract, ARRAY))
        return wrong(c, where, "'extract' must be text");
    text = flow_json_string(extract, &len);
    if (text && len == 0)
        return APR_SUCCESS;
    if (text && strlen(text) != len)
        return wrong(c, where, "'extract' contains NUL");
    if (text && is_path(text))
        return compile_paths(c, place, where, text, source);
    if (text && strstr(text, "{{"))
        return flow_mapping_template(c, where, text, len, &source->tpl);
    source->constant = flow_mapping_keep(c, extract);
    return APR_SUCCESS;
}

static int has_source(const flow_source_t *source)
{
    return source->constant || source->tpl || source->n;
}

static apr_status_t compile_source(flow_mapping_compiler_t *c,
                                   const place_t *place, const char *where,
                                   const json_t *doc, flow_source_t *source)
{
    const json_t *constant = flow_mapping_member(doc, "hardCodedValue");
    apr_status_t rv = APR_SUCCESS;

    /* Editors leave "" beside an extract. */
    if (!constant || flow_value_is_empty(constant))
        rv = compile_extract(c, place, where, doc, source);
    if (rv == APR_SUCCESS && constant && !has_source(source))
        source->constant = flow_mapping_keep(c, constant);
    return rv;
}

/* A constant is converted once and for all. */
static apr_status_t convert_constant(const flow_mapping_compiler_t *c,
                                     flow_mapper_field_t *f)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = f->source.constant;

    if (!v || f->lookup || f->dates)
        return APR_SUCCESS;
    json_incref(v);
    flow_type_read(f->source_type, f->type, &v);
    if (flow_type_convert(f->type, &v, c->p, &err) != APR_SUCCESS) {
        json_decref(v);
        return flow_mapping_bad(
            c, f->where, err.code,
            apr_psprintf(c->p,
                         "the constant is no %s, as 'dataType' says it is; a "
                         "path begins with '$.'",
                         flow_type_names[f->type]));
    }
    f->source.constant = flow_json_own(c->p, v);
    return APR_SUCCESS;
}

/* --- helpers -------------------------------------------------------------- */

/* The place below a helper with a path: every array on it gets a slot. */
static void enter(const flow_mapping_compiler_t *c, const place_t *place,
                  const flow_path_t *path, const flow_mapper_path_t *from,
                  place_t *inner)
{
    flow_frame_t *frame = apr_pcalloc(c->p, sizeof(*frame));
    flow_step_t *names =
        apr_pcalloc(c->p, (apr_size_t)(path->n + 1) * sizeof(*names));
    binding_t *bindings = apr_pcalloc(
        c->p, (apr_size_t)(place->n + path->n + 1) * sizeof(*bindings));
    int *slots = apr_pcalloc(c->p, (apr_size_t)(path->n + 1) * sizeof(*slots));
    int i, n = 0, first = path->n - from->path->n;

    *inner = *place;
    if (place->n)
        memcpy(bindings, place->bindings,
               (apr_size_t)place->n * sizeof(*bindings));
    for (i = 0; i < path->n; ++i) {
        slots[i] = -1;
        if (path->steps[i].kind == FLOW_STEP_NAME) {
            names[n++] = path->steps[i];
        }
        else if (i >= first) {
            slots[i] = inner->slots++;
            bindings[inner->n].names = names;
            bindings[inner->n].n = n;
            bindings[inner->n++].slot = slots[i];
        }
    }
    frame->outer = place->frame;
    frame->path = path;
    frame->slots = slots;
    inner->frame = frame;
    inner->bindings = bindings;
    if (inner->slots > c->mapping->nslots)
        c->mapping->nslots = inner->slots;
}

/* clang-format off */
static const char *const helper_keys[] = {
    "extract", "sourceDataType", "default", "conditional", "mappings",
};
/* clang-format on */

static apr_status_t compile_helper_parts(flow_mapping_compiler_t *c,
                                         const place_t *place,
                                         const json_t *doc,
                                         const flow_mapper_field_t *f,
                                         flow_mapper_helper_t *helper)
{
    flow_when_e when = FLOW_WHEN_ALWAYS;
    const char *name;
    apr_status_t rv;

    if (!flow_json_is(doc, OBJECT))
        return wrong(c, helper->where, "must be an object");
    if ((rv = flow_mapping_check_keys(c, doc, helper->where, helper_keys,
                                      COUNT(helper_keys))) != APR_SUCCESS ||
        (rv = compile_extract(c, place, helper->where, doc, &helper->source)) !=
            APR_SUCCESS ||
        (rv = flow_mapping_type(c, helper->where, doc, "sourceDataType",
                                &helper->source_type)) != APR_SUCCESS ||
        (rv = flow_mapping_default(c, helper->where, doc,
                                   flow_type_element(f->type),
                                   &helper->fallback)) != APR_SUCCESS ||
        (rv = flow_mapping_conditional(c, helper->where, doc,
                                       FLOW_WHEN_EXTRACT_NOT_EMPTY + 1, &when,
                                       &name)) != APR_SUCCESS)
        return rv;
    helper->needs_value = when == FLOW_WHEN_EXTRACT_NOT_EMPTY;
    return APR_SUCCESS;
}

/* One helper of the document, of several paths and with fields one for each
 * path. */
static apr_status_t compile_helper(flow_mapping_compiler_t *c,
                                   const place_t *place, const json_t *doc,
                                   const char *where, int copies,
                                   const flow_mapper_field_t *f,
                                   apr_array_header_t *helpers)
{
    const json_t *fields = copies ? NULL : flow_mapping_member(doc, "mappings");
    int has_fields = json_array_size(fields) > 0, i;
    flow_mapper_helper_t first = { where }, *helper;
    apr_status_t rv = compile_helper_parts(c, place, doc, f, &first);

    if (rv != APR_SUCCESS)
        return rv;
    if (has_fields && f->type != FLOW_TYPE_OBJECTARRAY &&
        f->type != FLOW_TYPE_ARRAYARRAY)
        return wrong(c, where,
                     "only an objectarray or arrayarray can have 'mappings'");
    if (!has_fields && !has_source(&first.source) && !first.fallback)
        return wrong(c, where, "'extract' or 'mappings' is missing");
    if (has_fields && (first.source.constant || first.source.tpl))
        return wrong(c, where,
                     "with 'mappings' the 'extract' must be a path such as "
                     "'$.items[*]'");
    for (i = 0; i == 0 || (has_fields && i < first.source.n); ++i) {
        place_t inner = *place;

        helper = apr_array_push(helpers);
        *helper = first;
        if (!has_fields)
            break;
        if (first.source.n) {
            flow_mapper_path_t *one = apr_pmemdup(
                c->p, &first.source.paths[i], sizeof(first.source.paths[i]));
            const flow_path_t *path = NULL;

            rv = flow_mapping_path(c, where, one->path->text, &path);
            if (rv != APR_SUCCESS)
                return rv;
            enter(c, place, path, one, &inner);
            helper->source.paths = one;
            helper->source.n = 1;
            helper->from = one;
            helper->frame = inner.frame;
        }
        rv = compile_fields(
            c, &inner, fields, apr_pstrcat(c->p, where, ".mappings", NULL),
            f->type == FLOW_TYPE_ARRAYARRAY, &helper->fields, &helper->n);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
}

static apr_status_t compile_helpers(flow_mapping_compiler_t *c,
                                    const place_t *place, const json_t *doc,
                                    const char *where, int copies,
                                    flow_mapper_field_t *f)
{
    const json_t *list = flow_mapping_member(doc, "buildArrayHelper");
    apr_array_header_t *helpers =
        apr_array_make(c->p, 2, sizeof(flow_mapper_helper_t));
    apr_status_t rv = APR_SUCCESS, one;
    apr_size_t i;

    if (list && !flow_json_is(list, ARRAY))
        return wrong(c, f->where, "'buildArrayHelper' must be an array");
    c->rules += json_array_size(list);
    if (c->rules > FLOW_MAPPING_RULES_MAX)
        return wrong(c, f->where, "the mapping has too many fields");
    for (i = 0; i < json_array_size(list); ++i) {
        one = compile_helper(
            c, place, json_array_get(list, i),
            apr_psprintf(c->p, "%s.buildArrayHelper[%" APR_SIZE_T_FMT "]",
                         where, i),
            copies, f, helpers);
        if (flow_notes_take(c->notes, one) != APR_SUCCESS)
            rv = one;
    }
    f->helpers = (const flow_mapper_helper_t *)helpers->elts;
    f->nhelpers = helpers->nelts;
    return rv;
}

/* --- fields --------------------------------------------------------------- */

/* clang-format off */
static const char *const field_keys[] = {
    "generate", "dataType", "extract", "sourceDataType", "default",
    "lookupName", "extractDateFormat", "extractDateTimezone",
    "generateDateFormat", "generateDateTimezone", "mappings",
    "buildArrayHelper", "conditional", "status", "description",
    "hardCodedValue", "copySource", "action", "isKey",
};
/* clang-format on */

static apr_status_t check_status(const flow_mapping_compiler_t *c,
                                 const char *where, const json_t *doc,
                                 int *pis_draft)
{
    static const char *const known[] = { "Active", "Draft" };
    const char *status = flow_json_member(doc, "status");

    *pis_draft = 0;
    if (!status)
        return wrong(c, where,
                     "'status' is missing; write \"status\": \"Active\"");
    *pis_draft = strcmp(status, known[1]) == 0;
    if (*pis_draft || strcmp(status, known[0]) == 0)
        return APR_SUCCESS;
    return flow_mapping_unknown(c, where, "status", status, known,
                                COUNT(known));
}

/* What happens without a value, in the editor's words; they stand for a
 * default. */
static apr_status_t compile_action(const flow_mapping_compiler_t *c,
                                   const json_t *doc, flow_mapper_field_t *f)
{
    static const char *const known[] = { "discardIfEmpty",   "useEmptyString",
                                         "useNull",          "default",
                                         "discard_if_empty", "use_empty_string",
                                         "use_null",         "use_default" };
    const char *action = flow_json_member(doc, "action");
    apr_size_t i;

    if (!action || !*action)
        return APR_SUCCESS;
    for (i = 0; i < COUNT(known) && strcmp(known[i], action) != 0; ++i)
        ;
    if (i == COUNT(known))
        return flow_mapping_unknown(c, f->where, "action", action, known,
                                    COUNT(known));
    switch (i % 4) {
    case 0:
        f->fallback = NULL;
        break;
    case 1:
        f->fallback = flow_json_own(c->p, flow_json_string_new("", 0));
        break;
    case 2:
        f->fallback = flow_json_own(c->p, json_null());
        break;
    default:
        break;
    }
    return APR_SUCCESS;
}

static int copies_source(const json_t *doc)
{
    const char *text = flow_json_member(doc, "copySource");

    return (text && strcmp(text, "yes") == 0) ||
           flow_json_member_bool(doc, "copySource") == 1;
}

/* What a field of that type cannot have. */
static apr_status_t check_parts(const flow_mapping_compiler_t *c,
                                const json_t *doc, const flow_mapper_field_t *f)
{
    const json_t *fields = flow_mapping_member(doc, "mappings");
    const json_t *helpers = flow_mapping_member(doc, "buildArrayHelper");

    if (f->type == FLOW_TYPE_DATE)
        return wrong(c, f->where,
                     "there is no dataType 'date'; write 'string' with "
                     "'extractDateFormat' and 'generateDateFormat'");
    if (json_array_size(fields) && f->type != FLOW_TYPE_OBJECT)
        return wrong(c, f->where,
                     flow_type_is_array(f->type)
                         ? "the 'mappings' of an array stand in its "
                           "'buildArrayHelper'"
                         : "only dataType 'object' can have 'mappings'");
    if (json_array_size(helpers) && !flow_type_is_array(f->type))
        return wrong(c, f->where,
                     "only the dataTypes that end in 'array' can have "
                     "'buildArrayHelper'");
    return APR_SUCCESS;
}

static apr_status_t compile_leaf(flow_mapping_compiler_t *c,
                                 const place_t *place, const json_t *doc,
                                 flow_mapper_field_t *f)
{
    const char *lookup = flow_json_member(doc, "lookupName"), *name;
    apr_status_t rv;

    if ((rv = compile_source(c, place, f->where, doc, &f->source)) !=
            APR_SUCCESS ||
        (rv = flow_mapping_type(c, f->where, doc, "sourceDataType",
                                &f->source_type)) != APR_SUCCESS ||
        (rv = flow_mapping_default(c, f->where, doc, f->type, &f->fallback)) !=
            APR_SUCCESS ||
        (rv = compile_action(c, doc, f)) != APR_SUCCESS ||
        (rv = flow_mapping_dates(c, f->where, doc, &f->dates)) != APR_SUCCESS ||
        (rv = flow_mapping_conditional(c, f->where, doc,
                                       FLOW_WHEN_RECORD_UPDATED + 1, &f->when,
                                       &name)) != APR_SUCCESS)
        return rv;
    if (lookup && *lookup)
        rv = flow_mapping_lookup(c, f->where, lookup, &f->lookup);
    return rv == APR_SUCCESS ? convert_constant(c, f) : rv;
}

static apr_status_t compile_below(flow_mapping_compiler_t *c,
                                  const place_t *place, const json_t *doc,
                                  const char *where, flow_mapper_field_t *f)
{
    int copies = copies_source(doc);

    if (f->type == FLOW_TYPE_OBJECT && !copies) {
        return compile_fields(c, place, flow_mapping_member(doc, "mappings"),
                              apr_pstrcat(c->p, where, ".mappings", NULL), 0,
                              &f->fields, &f->n);
    }
    return flow_type_is_array(f->type)
               ? compile_helpers(c, place, doc, where, copies, f)
               : APR_SUCCESS;
}

/* @a is_inner: an inner array of an arrayarray, which has no name. */
static apr_status_t compile_field(flow_mapping_compiler_t *c,
                                  const place_t *place, const json_t *doc,
                                  const char *where, int is_inner,
                                  flow_mapper_field_t *f, int *pis_draft)
{
    const json_t *generate = flow_mapping_member(doc, "generate");
    apr_status_t rv;

    f->where = where;
    if (!flow_json_is(doc, OBJECT))
        return wrong(c, where, "must be an object");
    f->name = generate ? flow_json_string(generate, &f->len) : NULL;
    if (f->len) {
        f->name = apr_pstrmemdup(c->p, f->name, f->len);
        f->where = apr_psprintf(c->p, "%s '%.64s'", where, f->name);
    }
    rv = flow_mapping_check_keys(c, doc, f->where, field_keys,
                                 COUNT(field_keys));
    if (rv == APR_SUCCESS)
        rv = check_status(c, f->where, doc, pis_draft);
    if (rv != APR_SUCCESS || *pis_draft)
        return rv;
    if (!f->len && !is_inner)
        return wrong(c, where, "'generate' is missing");
    rv = flow_mapping_type(c, f->where, doc, "dataType", &f->type);
    if (rv == APR_SUCCESS)
        rv = check_parts(c, doc, f);
    if (rv == APR_SUCCESS && is_inner && !flow_type_is_array(f->type))
        rv = wrong(c, f->where, "what is in an arrayarray must be an array");
    if (rv == APR_SUCCESS)
        rv = compile_leaf(c, place, doc, f);
    if (rv == APR_SUCCESS)
        rv = compile_below(c, place, doc, where, f);
    if (rv == APR_SUCCESS && !has_source(&f->source) && !f->n && !f->nhelpers &&
        !f->fallback && !(f->lookup && f->lookup->kind == FLOW_LOOKUP_REQUEST))
        rv = wrong(c, f->where,
                   f->type == FLOW_TYPE_OBJECT ? "'mappings' or 'extract' is "
                                                 "missing"
                   : flow_type_is_array(f->type)
                       ? "'buildArrayHelper' or 'extract' is missing"
                       : "'extract', 'hardCodedValue' or 'default' is "
                         "missing");
    return rv;
}

static apr_status_t compile_fields(flow_mapping_compiler_t *c,
                                   const place_t *place, const json_t *array,
                                   const char *where, int is_inner,
                                   const flow_mapper_field_t **pfields, int *pn)
{
    apr_size_t n = json_array_size(array), i;
    place_t inner = *place;
    apr_status_t rv = APR_SUCCESS, one;
    flow_mapper_field_t *fields;
    int is_draft;

    if (array && !flow_json_is(array, ARRAY))
        return wrong(c, where, "must be an array of mappings");
    if (++inner.depth > DEPTH_MAX) {
        return wrong(c, where,
                     "more than " APR_STRINGIFY(DEPTH_MAX) " mappings inside "
                                                           "each other");
    }
    c->rules += n;
    if (n > FLOW_MAPPING_RULES_MAX || c->rules > FLOW_MAPPING_RULES_MAX)
        return wrong(
            c, where,
            "more than " APR_STRINGIFY(FLOW_MAPPING_RULES_MAX) " fields");
    *pfields = fields = apr_pcalloc(c->p, (n + 1) * sizeof(*fields));
    for (i = 0; i < n; ++i) {
        flow_mapper_field_t *f = &fields[*pn];

        memset(f, 0, sizeof(*f));
        is_draft = 0;
        one = compile_field(
            c, &inner, json_array_get(array, i),
            apr_psprintf(c->p, "%s[%" APR_SIZE_T_FMT "]", where, i), is_inner,
            f, &is_draft);
        if (flow_notes_take(c->notes, one) != APR_SUCCESS)
            rv = one;
        else if (!is_draft)
            ++*pn;
    }
    return rv;
}

apr_status_t flow_mapper_compile(flow_mapping_compiler_t *c, const json_t *doc)
{
    static const place_t input;

    c->mapping->is_mapper = 1;
    return compile_fields(c, &input, doc, c->root, 0, &c->mapping->fields,
                          &c->mapping->nfields);
}
