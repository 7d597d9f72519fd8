/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_docs.h"

#include "data/flow_nearest.h"
#include "flow/flow_file.h"
#include "flow/flow_schema_private.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define ID_MAX       100
#define PROBLEMS_MAX 1000 /* nobody reads more than that */
#define INDEX_MAX    1000 /* of an array element in a FlowSet path */

struct flow_docs_t {
    apr_pool_t *p;
    apr_array_header_t *docs;     /* flow_doc_t * */
    apr_array_header_t *problems; /* flow_problem_t */
    apr_hash_t *index;            /* "export/orders" -> flow_doc_t * */
    apr_hash_t *files;            /* name -> flow_place_t *, line = rank */
    flow_doc_t *current;          /* begun last; NULL: its lines are dropped */
};

typedef struct set_t {
    const char *path, *value;
    flow_place_t place;
} set_t;

flow_docs_t *flow_docs_create(apr_pool_t *p)
{
    flow_docs_t *docs = apr_pcalloc(p, sizeof(*docs));

    flow_json_global_init();
    docs->p = p;
    docs->docs = apr_array_make(p, 32, sizeof(flow_doc_t *));
    docs->problems = apr_array_make(p, 8, sizeof(flow_problem_t));
    docs->index = apr_hash_make(p);
    docs->files = apr_hash_make(p);
    return docs;
}

apr_pool_t *flow_docs_pool(const flow_docs_t *docs)
{
    return docs->p;
}

/* ---- problems ---- */

/* Files are reported in the order in which they were first heard of. */
static void note_file(flow_docs_t *docs, const char *file)
{
    flow_place_t *seen;

    if (!apr_hash_get(docs->files, file, APR_HASH_KEY_STRING)) {
        seen = apr_pcalloc(docs->p, sizeof(*seen));
        seen->file = apr_pstrdup(docs->p, file);
        seen->line = (int)apr_hash_count(docs->files);
        apr_hash_set(docs->files, seen->file, APR_HASH_KEY_STRING, seen);
    }
}

/* Names from documents end up here: one problem stays one line of UTF-8. */
static const char *one_line(const char *text, apr_pool_t *p)
{
    apr_size_t len = 0;
    char *out, *s;

    text = flow_utf8_repair(text, strlen(text), &len, p);
    out = apr_pstrmemdup(p, text, len);
    for (s = out; *s; ++s) {
        if ((unsigned char)*s < 0x20 || *s == 0x7F) {
            *s = ' ';
        }
    }
    return out;
}

void flow_docs_problem(flow_docs_t *docs, const char *file, int line,
                       const char *what, const char *field, const char *fmt,
                       ...)
{
    flow_problem_t *problem;
    va_list ap;

    if (docs->problems->nelts >= PROBLEMS_MAX) {
        return;
    }
    file = file ? file : "";
    note_file(docs, file);
    problem = apr_array_push(docs->problems);
    problem->file = apr_pstrdup(docs->p, file);
    problem->line = line;
    problem->what = what ? one_line(what, docs->p) : NULL;
    problem->field = field ? one_line(field, docs->p) : NULL;
    va_start(ap, fmt);
    problem->message = one_line(apr_pvsprintf(docs->p, fmt, ap), docs->p);
    va_end(ap);
}

typedef struct ranked_t {
    flow_problem_t problem;
    int file, order;
} ranked_t;

static int by_place(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;

    if (x->file != y->file) {
        return x->file - y->file;
    }
    if (x->problem.line != y->problem.line) {
        return x->problem.line < y->problem.line ? -1 : 1;
    }
    return x->order - y->order;
}

const flow_problem_t *flow_docs_problems(const flow_docs_t *docs,
                                         apr_size_t *pn)
{
    apr_size_t n = (apr_size_t)docs->problems->nelts, i;
    ranked_t *ranked = apr_pcalloc(docs->p, (n + 1) * sizeof(*ranked));
    flow_problem_t *sorted = apr_pcalloc(docs->p, (n + 1) * sizeof(*sorted));
    const flow_place_t *seen;

    for (i = 0; i < n; ++i) {
        ranked[i].problem = APR_ARRAY_IDX(docs->problems, i, flow_problem_t);
        ranked[i].order = (int)i;
        seen = apr_hash_get(docs->files, ranked[i].problem.file,
                            APR_HASH_KEY_STRING);
        ranked[i].file = seen->line;
    }
    qsort(ranked, n, sizeof(*ranked), by_place);
    for (i = 0; i < n; ++i) {
        sorted[i] = ranked[i].problem;
    }
    *pn = n;
    return sorted;
}

const char *flow_problem_text(const flow_problem_t *problem, apr_pool_t *p)
{
    return apr_psprintf(p, "%s:%d: %s%s%s%s%s", problem->file, problem->line,
                        problem->what ? problem->what : "",
                        problem->what && problem->field ? ", " : "",
                        problem->field ? problem->field : "",
                        problem->what || problem->field ? ": " : "",
                        problem->message);
}

/* ---- documents ---- */

apr_size_t flow_docs_count(const flow_docs_t *docs)
{
    return (apr_size_t)docs->docs->nelts;
}

flow_doc_t *flow_docs_at(const flow_docs_t *docs, apr_size_t i)
{
    return i < flow_docs_count(docs)
               ? APR_ARRAY_IDX(docs->docs, i, flow_doc_t *)
               : NULL;
}

static const char *index_key(flow_kind_e kind, const char *id, apr_pool_t *p)
{
    return apr_pstrcat(p, flow_kind_name(kind), "/", id, NULL);
}

flow_doc_t *flow_docs_find(const flow_docs_t *docs, flow_kind_e kind,
                           const char *id)
{
    return apr_hash_get(docs->index, index_key(kind, id, docs->p),
                        APR_HASH_KEY_STRING);
}

const char *flow_docs_nearest(const flow_docs_t *docs, flow_kind_e kind,
                              const char *id, apr_pool_t *p)
{
    apr_array_header_t *ids = apr_array_make(p, 16, sizeof(const char *));
    apr_size_t i;

    for (i = 0; i < flow_docs_count(docs); ++i) {
        const flow_doc_t *doc = flow_docs_at(docs, i);

        if (doc->kind == kind) {
            APR_ARRAY_PUSH(ids, const char *) = doc->id;
        }
    }
    return flow_nearest(id, (const char *const *)ids->elts,
                        (apr_size_t)ids->nelts);
}

int flow_path_is_below(const char *path, const char *parent)
{
    apr_size_t len = strlen(parent);

    return strncmp(path, parent, len) == 0 &&
           (path[len] == '.' || path[len] == '[');
}

const char *flow_doc_what(const flow_doc_t *doc, apr_pool_t *p)
{
    return apr_psprintf(p, "%s '%s'", flow_kind_name(doc->kind), doc->id);
}

/* The line of @a path, else the first one of what is below it. */
static const flow_place_t *line_of(const flow_doc_t *doc, const char *path)
{
    const flow_place_t *best =
        apr_hash_get(doc->lines, path, APR_HASH_KEY_STRING);
    apr_size_t len = strlen(path);
    apr_hash_index_t *hi;

    if (best || len == 0) {
        return best;
    }
    for (hi = apr_hash_first(NULL, doc->lines); hi; hi = apr_hash_next(hi)) {
        const flow_place_t *place = apr_hash_this_val(hi);

        if (flow_path_is_below(apr_hash_this_key(hi), path) &&
            (!best || place->line < best->line)) {
            best = place;
        }
    }
    return best;
}

void flow_doc_place(const flow_doc_t *doc, const char *path, const char **pfile,
                    int *pline)
{
    char at[512];
    const flow_place_t *place;

    *pfile = doc->file;
    *pline = doc->line;
    path = path ? path : "";
    if (doc->places) {
        apr_snprintf(at, sizeof(at), "%s%s%s", doc->place_prefix,
                     doc->place_prefix[0] && path[0] ? "." : "", path);
        *pline = flow_json_places_line(doc->places, at);
        return;
    }
    if (!doc->lines) {
        return;
    }
    apr_cpystrn(at, path, sizeof(at));
    place = line_of(doc, at);
    while (!place && at[0]) {
        apr_size_t n = strlen(at);

        do {
            --n;
        } while (n > 0 && at[n] != '.' && at[n] != '[');
        at[n] = '\0';
        place = apr_hash_get(doc->lines, at, APR_HASH_KEY_STRING);
    }
    if (place) {
        *pfile = place->file;
        *pline = place->line;
    }
}

static const char *id_problem(const char *id)
{
    apr_size_t len = strlen(id), i;

    if (len == 0 || len > ID_MAX) {
        return "an id must have 1 to 100 characters";
    }
    for (i = 0; i < len; ++i) {
        if ((unsigned char)id[i] <= ' ' || id[i] == '/' || id[i] == 0x7F) {
            return "an id must not contain blanks, '/' or control characters";
        }
    }
    return flow_utf8_is_valid(id, len) ? NULL : "an id must be UTF-8";
}

static flow_doc_t *make_doc(flow_docs_t *docs, flow_kind_e kind, const char *id,
                            const char *file, int line)
{
    flow_doc_t *doc = apr_pcalloc(docs->p, sizeof(*doc));

    doc->kind = kind;
    doc->id = apr_pstrdup(docs->p, id);
    doc->file = apr_pstrdup(docs->p, file);
    doc->line = line;
    doc->place_prefix = "";
    doc->failed = apr_hash_make(docs->p);
    return doc;
}

flow_doc_t *flow_docs_add(flow_docs_t *docs, flow_kind_e kind, const char *id,
                          const char *file, int line)
{
    const char *why = id_problem(id), *what;
    flow_doc_t *doc, *first;

    note_file(docs, file);
    what = apr_psprintf(docs->p, "%s '%s'", flow_kind_name(kind),
                        flow_printable(id, docs->p));
    if (why) {
        flow_docs_problem(docs, file, line, what, NULL, "%s", why);
        return NULL;
    }
    first = flow_docs_find(docs, kind, id);
    if (first) {
        flow_docs_problem(docs, file, line, what, NULL,
                          "defined twice; the first one stands at %s:%d",
                          first->file, first->line);
        return NULL;
    }
    doc = make_doc(docs, kind, id, file, line);
    APR_ARRAY_PUSH(docs->docs, flow_doc_t *) = doc;
    apr_hash_set(docs->index, index_key(kind, id, docs->p), APR_HASH_KEY_STRING,
                 doc);
    return doc;
}

/* ---- sections ---- */

void flow_docs_begin(flow_docs_t *docs, flow_kind_e kind, const char *id,
                     const char *file, int line)
{
    flow_doc_t *doc = flow_docs_add(docs, kind, id, file, line);

    docs->current = doc;
    if (doc) {
        doc->json = flow_json_own(docs->p, json_object());
        json_object_set_new(doc->json, "_id",
                            flow_json_string_new(id, strlen(id)));
        doc->lines = apr_hash_make(docs->p);
        doc->sets = apr_array_make(docs->p, 8, sizeof(set_t));
    }
}

void flow_docs_set(flow_docs_t *docs, const char *path, const char *value,
                   const char *file, int line)
{
    flow_doc_t *doc = docs->current;
    const flow_place_t *first;
    set_t *set;

    if (!doc) {
        return;
    }
    first = apr_hash_get(doc->lines, path, APR_HASH_KEY_STRING);
    if (first) {
        flow_docs_problem(docs, file, line, flow_doc_what(doc, docs->p), path,
                          "set twice; first at %s:%d", first->file,
                          first->line);
        return;
    }
    set = apr_array_push(doc->sets);
    set->path = apr_pstrdup(docs->p, path);
    set->value = apr_pstrdup(docs->p, value);
    set->place.file = apr_pstrdup(docs->p, file);
    set->place.line = line;
    apr_hash_set(doc->lines, set->path, APR_HASH_KEY_STRING,
                 apr_pmemdup(docs->p, &set->place, sizeof(set->place)));
}

/* The element of @a array at "[n]", which becomes an object when it is the
 * next one; NULL with a message. */
static json_t *step_into(json_t *array, const char **ps, const char **pwhy,
                         apr_pool_t *p)
{
    apr_int64_t n = apr_strtoi64(*ps + 1, NULL, 10);
    json_t *item;

    if (n == (apr_int64_t)json_array_size(array) && n < INDEX_MAX) {
        json_array_append_new(array, json_object());
    }
    item = n < 0 ? NULL : json_array_get(array, (size_t)n);
    if (!flow_json_is(item, OBJECT)) {
        *pwhy = apr_psprintf(p,
                             "there is no object [%" APR_INT64_T_FMT
                             "]; the next element is [%d]",
                             n, (int)json_array_size(array));
        return NULL;
    }
    *ps = strchr(*ps, ']') + 1;
    *ps += **ps == '.';
    return item;
}

/* Put @a value (stolen) at @a path. NULL, or what stands in the way. */
static const char *put(json_t *object, const char *path, json_t *value,
                       apr_pool_t *p)
{
    const char *s = path, *why = NULL;

    for (;;) {
        apr_size_t len = strcspn(s, ".[");
        const char *key = apr_pstrmemdup(p, s, len);
        json_t *next = json_object_get(object, key);

        if (len == 0) {
            json_decref(value);
            return "an element is set by its members, or the array as a "
                   "whole";
        }
        s += len;
        if (!*s) {
            json_object_set_new(object, key, value);
            return NULL;
        }
        if (!next) {
            next = *s == '[' ? json_array() : json_object();
            json_object_set_new(object, key, next);
        }
        if (*s == '[' && flow_json_is(next, ARRAY)) {
            next = step_into(next, &s, &why, p);
        }
        else {
            s += *s == '.';
        }
        if (!flow_json_is(next, OBJECT)) {
            json_decref(value);
            return why ? why
                       : apr_psprintf(p,
                                      "'%s' already has a value that has "
                                      "no members",
                                      key);
        }
        object = next;
    }
}

static const char *try_set(flow_doc_t *doc, const set_t *set, apr_pool_t *p)
{
    const flow_field_t *row = flow_schema_find(doc->kind, NULL, set->path);
    flow_error_t err = FLOW_ERROR_INIT;
    const char *near = NULL, *why;
    json_t *v = NULL;

    if (!flow_utf8_is_valid(set->path, strlen(set->path))) {
        return "the name of the field is not UTF-8";
    }
    if (!row && set->path[0] && set->path[strlen(set->path) - 1] == ']') {
        return "an element is set by its members, or the array as a whole";
    }
    if (!row) {
        why = flow_schema_unknown(doc->kind, set->path, &near, p);
        if (near) {
            apr_hash_set(doc->failed, near, APR_HASH_KEY_STRING, "");
        }
        return why;
    }
    if (row->flags & FLOW_FIELD_LATER) {
        return apr_psprintf(p, "field '%s' is known but not supported yet",
                            row->path);
    }
    if (strcmp(row->path, "_id") == 0) {
        return "the section's argument is the id";
    }
    if (row->flags & FLOW_FIELD_READONLY) {
        return NULL;
    }
    if (flow_schema_value(row, set->value, flow_file_dir(set->place.file, p),
                          &v, p, &err) != APR_SUCCESS) {
        return apr_pstrdup(p, err.message);
    }
    return put(doc->json, set->path, v, p);
}

void flow_docs_finish(flow_docs_t *docs)
{
    apr_size_t i;
    int k;

    for (i = 0; i < flow_docs_count(docs); ++i) {
        flow_doc_t *doc = flow_docs_at(docs, i);

        for (k = 0; doc->sets && k < doc->sets->nelts; ++k) {
            const set_t *set = &APR_ARRAY_IDX(doc->sets, k, set_t);
            const char *why = try_set(doc, set, docs->p);

            if (why) {
                apr_hash_set(doc->failed, set->path, APR_HASH_KEY_STRING, "");
                flow_docs_problem(docs, set->place.file, set->place.line,
                                  flow_doc_what(doc, docs->p), set->path, "%s",
                                  why);
            }
        }
        doc->sets = NULL;
    }
    docs->current = NULL;
}
