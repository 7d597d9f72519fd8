/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FlowInclude and FlowScript: documents and scripts from files.
 */
#include "flow/flow_docs.h"

#include "data/flow_nearest.h"
#include "flow/flow_file.h"
#include "flow/flow_schema_private.h"

#include <apr_file_info.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 10000 /* of one directory */

typedef struct include_t {
    flow_docs_t *docs;
    const char *file; /* the directive's place */
    int line;
    int found; /* documents so far */
    apr_pool_t *p;
} include_t;

static void complain(const include_t *in, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(const include_t *in, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    flow_docs_problem(in->docs, in->file, in->line, NULL, NULL, "%s",
                      apr_pvsprintf(in->p, fmt, ap));
    va_end(ap);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t n = strlen(text), m = strlen(end);

    return n > m && strcmp(text + n - m, end) == 0;
}

/* The kind whose plural @a name is, or FLOW_KIND_COUNT. */
static flow_kind_e kind_of_plural(const char *name)
{
    int kind;

    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        if (strcmp(name, flow_kind_plural((flow_kind_e)kind)) == 0) {
            break;
        }
    }
    return (flow_kind_e)kind;
}

/* ---- one document ---- */

static const char *stem(const char *path, apr_pool_t *p)
{
    const char *name = base_name(path);
    const char *dot = strrchr(name, '.');

    return apr_pstrmemdup(p, name,
                          dot ? (apr_size_t)(dot - name) : strlen(name));
}

static void add_script(include_t *in, const char *id, const char *path)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text;
    apr_size_t len;
    flow_doc_t *doc;

    ++in->found;
    if (flow_file_read(&text, &len, path, FLOW_FILE_MAX, in->p, &err) !=
        APR_SUCCESS) {
        complain(in, "%s", err.message);
        return;
    }
    doc = flow_docs_add(in->docs, FLOW_KIND_SCRIPT, id, path, 1);
    if (doc) {
        doc->json = flow_json_own(in->p, json_object());
        json_object_set_new(doc->json, "_id",
                            flow_json_string_new(id, strlen(id)));
        doc->source = text;
        doc->source_len = len;
    }
}

typedef struct source_t {
    const char *path;
    flow_json_places_t *places;
} source_t;

static void add_json(include_t *in, flow_kind_e kind, json_t *json,
                     const source_t *src, const char *prefix, const char *id)
{
    int line = flow_json_places_line(src->places, prefix);
    const char *own = flow_json_member(json, "_id");
    flow_doc_t *doc;

    ++in->found;
    id = own ? own : id;
    if (!flow_json_is(json, OBJECT) || !id) {
        flow_docs_problem(in->docs, src->path, line, flow_kind_name(kind),
                          prefix[0] ? prefix : NULL,
                          flow_json_is(json, OBJECT)
                              ? "a document in a list needs an '_id'"
                              : "a document must be an object");
        return;
    }
    doc = flow_docs_add(in->docs, kind, id, src->path, line);
    if (!doc) {
        return;
    }
    doc->json = flow_json_own(in->p, json_incref(json));
    doc->places = src->places;
    doc->place_prefix = prefix;
    if (kind == FLOW_KIND_SCRIPT) {
        doc->source = flow_json_string(json_object_get(json, "content"),
                                       &doc->source_len);
    }
}

static void add_list(include_t *in, flow_kind_e kind, json_t *list,
                     const source_t *src, const char *name)
{
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        add_json(in, kind, json_array_get(list, i), src,
                 apr_psprintf(in->p, "%s[%d]", name, (int)i), NULL);
    }
}

/* ---- one file ---- */

static const char *unknown_kind(const char *key, apr_pool_t *p)
{
    const char *plurals[FLOW_KIND_COUNT], *near;
    int kind;

    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        plurals[kind] = flow_kind_plural((flow_kind_e)kind);
    }
    near = flow_nearest(key, plurals, FLOW_KIND_COUNT);
    if (near) {
        return apr_psprintf(p, "unknown kind of document; did you mean '%s'?",
                            near);
    }
    return "unknown kind of document; a bundle may hold connections, exports, "
           "imports, flows, scripts and apis";
}

static void add_bundle(include_t *in, json_t *json, const source_t *src)
{
    const char *key;
    json_t *list;

    json_object_foreach(json, key, list)
    {
        flow_kind_e kind = kind_of_plural(key);

        if (kind < FLOW_KIND_COUNT && flow_json_is(list, ARRAY)) {
            add_list(in, kind, list, src, key);
            continue;
        }
        flow_docs_problem(
            in->docs, src->path, flow_json_places_line(src->places, key), NULL,
            flow_printable(key, in->p), "%s",
            kind < FLOW_KIND_COUNT ? "must be an array of documents"
                                   : unknown_kind(key, in->p));
    }
}

static int is_bundle(const json_t *json)
{
    int kind;

    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        if (flow_json_is(
                json_object_get(json, flow_kind_plural((flow_kind_e)kind)),
                ARRAY)) {
            return 1;
        }
    }
    return 0;
}

/* "line 3, column 7: ..." -> 3 */
static int line_of(const char *message)
{
    const char *at = strstr(message, "line ");
    apr_int64_t n = at ? apr_strtoi64(at + 5, NULL, 10) : 1;

    return n > 0 && n < APR_INT32_MAX ? (int)n : 1;
}

static void include_json(include_t *in, const char *path)
{
    flow_kind_e kind = kind_of_plural(base_name(flow_file_dir(path, in->p)));
    source_t src = { path, flow_json_places_create(in->p) };
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text;
    apr_size_t len;
    json_t *json = NULL;

    if (flow_file_read(&text, &len, path, FLOW_FILE_MAX, in->p, &err) !=
        APR_SUCCESS) {
        ++in->found;
        complain(in, "%s", err.message);
        return;
    }
    if (flow_json_parse_placed(&json, text, len, src.places, &err) !=
        APR_SUCCESS) {
        ++in->found;
        flow_docs_problem(in->docs, path, line_of(err.message), NULL, NULL,
                          "%s", err.message);
        return;
    }
    if (kind < FLOW_KIND_COUNT && flow_json_is(json, ARRAY)) {
        add_list(in, kind, json, &src, "");
    }
    else if (kind < FLOW_KIND_COUNT) {
        add_json(in, kind, json, &src, "", stem(path, in->p));
    }
    else if (is_bundle(json)) {
        add_bundle(in, json, &src);
    }
    else {
        ++in->found;
        flow_docs_problem(in->docs, path, 1, NULL, NULL,
                          "cannot tell what kind of document this is; put the "
                          "file into a folder named connections, exports, "
                          "imports, flows, scripts or apis, or make it a "
                          "bundle such as {\"exports\": [...]}");
    }
    json_decref(json);
}

static void include_file(include_t *in, const char *path)
{
    if (ends_with(path, ".js")) {
        add_script(in, stem(path, in->p), path);
    }
    else if (ends_with(path, ".json")) {
        include_json(in, path);
    }
    else {
        ++in->found;
        complain(in, "'%s' is neither a .json document nor a .js script", path);
    }
}

/* ---- directories ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in @a dir that match @a pattern (NULL = all), sorted, none hidden. */
static apr_array_header_t *list_dir(const include_t *in, const char *dir,
                                    const char *pattern)
{
    apr_array_header_t *names = apr_array_make(in->p, 16, sizeof(char *));
    apr_dir_t *handle;
    apr_finfo_t info;
    char why[120];
    apr_status_t rv = apr_dir_open(&handle, dir, in->p);

    if (rv != APR_SUCCESS) {
        complain(in, "cannot read the directory '%s': %s", dir,
                 apr_strerror(rv, why, sizeof(why)));
        return NULL;
    }
    for (;;) {
        rv = apr_dir_read(&info, APR_FINFO_NAME, handle);
        if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
            break;
        }
        if (info.name[0] != '.' &&
            (!pattern || apr_fnmatch(pattern, info.name, 0) == APR_SUCCESS)) {
            APR_ARRAY_PUSH(names, char *) = apr_pstrdup(in->p, info.name);
        }
        if (names->nelts > ENTRIES_MAX) {
            complain(in, "'%s' has more than %d entries", dir, ENTRIES_MAX);
            break;
        }
    }
    apr_dir_close(handle);
    qsort(names->elts, (size_t)names->nelts, sizeof(char *), by_name);
    return names;
}

static int is_dir(const char *path, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_TYPE, p);

    return (rv == APR_SUCCESS || rv == APR_INCOMPLETE) &&
           info.filetype == APR_DIR;
}

/* @a depth 1: folders named after kinds are looked into. */
static void include_dir(include_t *in, const char *dir, int depth)
{
    apr_array_header_t *names = list_dir(in, dir, NULL);
    int i;

    for (i = 0; names && i < names->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const char *path = apr_pstrcat(in->p, dir, "/", name, NULL);

        if (is_dir(path, in->p)) {
            if (depth > 0 && kind_of_plural(name) < FLOW_KIND_COUNT) {
                include_dir(in, path, depth - 1);
            }
        }
        else if (ends_with(name, ".json") || ends_with(name, ".js")) {
            include_file(in, path);
        }
    }
}

static void include_one(include_t *in, const char *path)
{
    int before = in->found;
    apr_finfo_t info;

    if (APR_STATUS_IS_ENOENT(apr_stat(&info, path, APR_FINFO_TYPE, in->p))) {
        complain(in, "there is no file or directory '%s'", path);
        return;
    }
    if (!is_dir(path, in->p)) {
        include_file(in, path);
        return;
    }
    include_dir(in, path,
                kind_of_plural(base_name(path)) < FLOW_KIND_COUNT ? 0 : 1);
    if (in->found == before) {
        complain(in,
                 "'%s' holds no documents; expected .json bundles, .js "
                 "scripts, or folders named connections, exports, imports, "
                 "flows, scripts and apis",
                 path);
    }
}

static void include_matching(include_t *in, const char *path)
{
    const char *dir = flow_file_dir(path, in->p);
    apr_array_header_t *names = list_dir(in, dir, base_name(path));
    int i;

    if (names && names->nelts == 0) {
        complain(in, "nothing matches '%s'", path);
    }
    for (i = 0; names && i < names->nelts; ++i) {
        include_one(in,
                    apr_pstrcat(in->p, dir, "/",
                                APR_ARRAY_IDX(names, i, const char *), NULL));
    }
}

void flow_docs_include(flow_docs_t *docs, const char *path, const char *file,
                       int line)
{
    include_t in = { docs, file, line, 0, flow_docs_pool(docs) };
    apr_size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        --len;
    }
    path = apr_pstrmemdup(in.p, path, len);
    if (apr_fnmatch_test(base_name(path))) {
        include_matching(&in, path);
    }
    else {
        include_one(&in, path);
    }
}

void flow_docs_script(flow_docs_t *docs, const char *name, const char *path,
                      const char *file, int line)
{
    include_t in = { docs, file, line, 0, flow_docs_pool(docs) };

    add_script(&in, name, apr_pstrdup(in.p, path));
}
