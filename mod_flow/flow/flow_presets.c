/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_presets.h"

#include <string.h>

#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_nearest.h"
#include "flow/flow_connector.h"
#include "flow/flow_file.h"
#include "flow/flow_schema_private.h"

#ifndef FLOW_PRESET_DIR
#define FLOW_PRESET_DIR "/usr/share/mod_flow/presets"
#endif

#define FILE_MAX  (256 * 1024)
#define NAME_MAX_ 64
#define NAMES_MAX 1000

/* A file that has been read. */
typedef struct preset_t {
    const char *file;
    flow_json_places_t *places;
    json_t *json; /* without what is wrong; NULL: unusable */
} preset_t;

typedef struct presets_t {
    flow_docs_t *docs;
    const char *dir;
    apr_hash_t *read; /* name -> preset_t * */
    apr_pool_t *p;
} presets_t;

/* What a document has from its preset. */
struct flow_doc_preset_t {
    const preset_t *preset;
    const char *part;  /* "connection" ... */
    const json_t *own; /* the document without it */
};

const char *flow_presets_dir(void)
{
    return FLOW_PRESET_DIR;
}

/* ---- reading one ---- */

typedef struct check_t {
    presets_t *all;
    const preset_t *preset;
    const char *name, *part;
} check_t;

static void complain(const check_t *c, const char *path, const char *message)
{
    const char *field =
        path && *path
            ? apr_pstrcat(c->all->p, c->part, *c->part ? "." : "", path, NULL)
            : c->part;

    flow_docs_problem(
        c->all->docs, c->preset->file,
        c->preset->places ? flow_json_places_line(c->preset->places, field) : 1,
        apr_psprintf(c->all->p, "preset '%s'", c->name), *field ? field : NULL,
        "%s", message);
}

/* A preset leaves required fields to the documents. */
static void on_problem(void *baton, const char *path, const char *message)
{
    if (strncmp(message, "required ", 9) != 0) {
        complain(baton, path, message);
    }
}

static void check_part(check_t *c, flow_kind_e kind, const char *connector)
{
    flow_schema_check_t check = { c, on_problem, NULL };
    json_t *part = json_object_get(c->preset->json, flow_kind_name(kind));

    c->part = flow_kind_name(kind);
    if (part) {
        flow_schema_check(kind, connector, part, &check, c->all->p);
        if (!flow_json_is(part, OBJECT)) {
            json_object_del(c->preset->json, c->part);
        }
    }
}

static void check_members(check_t *c)
{
    static const char *const known[] = { "title",      "docs",   "required",
                                         "connection", "export", "import",
                                         NULL };
    const char *key;
    json_t *v, *required;
    void *tmp;
    int i;

    c->part = "";
    json_object_foreach(c->preset->json, key, v)
    {
        for (i = 0; known[i] && strcmp(known[i], key) != 0; ++i) {
        }
        if (!known[i]) {
            complain(c, flow_printable(key, c->all->p),
                     "unknown member; a preset has title, docs, required, "
                     "connection, export and import");
        }
    }
    required = json_object_get(c->preset->json, "required");
    json_object_foreach_safe(required, tmp, key, v)
    {
        if (!flow_schema_find(FLOW_KIND_CONNECTION, NULL, key)) {
            complain(c, "required",
                     apr_psprintf(c->all->p, "'%s' is no field of a connection",
                                  flow_printable(key, c->all->p)));
            json_object_del(required, key);
        }
    }
}

static void check_preset(check_t *c)
{
    json_t *connection = json_object_get(c->preset->json, "connection");
    const char *type = flow_json_member(connection, "type");

    if (!type || !flow_connector_find(type)) {
        c->part = "connection";
        complain(c, "type", "must name a connector, such as \"http\"");
        return;
    }
    check_members(c);
    check_part(c, FLOW_KIND_CONNECTION, type);
    check_part(c, FLOW_KIND_EXPORT, type);
    check_part(c, FLOW_KIND_IMPORT, type);
}

static int is_name(const char *name)
{
    const char *s;

    for (s = name; apr_isalnum(*s) || *s == '-' || *s == '_'; ++s) {
    }
    return s > name && !*s && s - name <= NAME_MAX_;
}

static const preset_t *read_preset(presets_t *all, const char *name)
{
    preset_t *preset = apr_hash_get(all->read, name, APR_HASH_KEY_STRING);
    check_t c = { all, NULL, name, "" };
    flow_error_t err = FLOW_ERROR_INIT;
    apr_finfo_t info;
    const char *text;
    apr_size_t len;

    if (preset) {
        return preset;
    }
    preset = apr_pcalloc(all->p, sizeof(*preset));
    preset->file = apr_pstrcat(all->p, all->dir, "/", name, ".json", NULL);
    if (!is_name(name) ||
        apr_stat(&info, preset->file, APR_FINFO_TYPE, all->p) != APR_SUCCESS) {
        return NULL;
    }
    apr_hash_set(all->read, apr_pstrdup(all->p, name), APR_HASH_KEY_STRING,
                 preset);
    c.preset = preset;
    if (flow_file_read(&text, &len, preset->file, FILE_MAX, all->p, &err) ==
        APR_SUCCESS) {
        preset->places = flow_json_places_create(all->p);
        if (flow_json_parse_placed(&preset->json, text, len, preset->places,
                                   &err) == APR_SUCCESS &&
            !flow_json_is(preset->json, OBJECT)) {
            flow_error_set(&err, FLOW_E_CONFIG, APR_EINVAL, "invalid", "%s",
                           "must be an object");
        }
    }
    if (preset->json) {
        flow_json_own(all->p, preset->json);
    }
    if (*err.code) {
        preset->json = NULL;
        complain(&c, NULL, err.message);
        return preset;
    }
    check_preset(&c);
    return preset;
}

/* ---- applying ---- */

/* What @a own lacks, from @a given. */
static void merge(json_t *own, const json_t *given)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)given, key, v)
    {
        json_t *mine = json_object_get(own, key);

        if (!mine) {
            json_object_set_new_nocheck(own, key, json_deep_copy(v));
        }
        else if (flow_json_is(mine, OBJECT) && flow_json_is(v, OBJECT)) {
            merge(mine, v);
        }
    }
}

static int has_text(const json_t *http, const char *member, const char *what)
{
    const char *text = flow_json_member(http, member);

    return text && strstr(text, what);
}

/* Does the export's own `http` have what the preset's paging needs? */
static int can_page(const json_t *own, const json_t *given)
{
    const json_t *http = json_object_get(own, "http");
    const json_t *paging = json_object_get(http, "paging");
    const char *method = flow_json_member(
        json_object_get(json_object_get(given, "http"), "paging"), "method");
    char variable[64];

    if (!method || flow_json_member(paging, "method")) {
        return 1;
    }
    if (strcmp(method, "relativeuri") == 0) {
        return flow_json_member(paging, "relativeURI") != NULL;
    }
    if (strcmp(method, "body") == 0) {
        return flow_json_member(paging, "body") != NULL;
    }
    if (strcmp(method, "token") != 0 && strcmp(method, "page") != 0 &&
        strcmp(method, "skip") != 0) {
        return 1;
    }
    apr_snprintf(variable, sizeof(variable), "export.http.paging.%s", method);
    return has_text(http, "relativeURI", variable) ||
           has_text(http, "body", variable) ||
           has_text(paging, "relativeURI", variable) ||
           has_text(paging, "body", variable);
}

static const json_t *at_path(const json_t *v, const char *path)
{
    char key[128];

    while (v && *path) {
        apr_size_t len = strcspn(path, ".");

        apr_cpystrn(key, path, len + 1 < sizeof(key) ? len + 1 : sizeof(key));
        v = json_object_get(v, key);
        path += len;
        path += *path == '.';
    }
    return v;
}

/* A text at @a path, so that compiling does not miss it once more. */
static void put_placeholder(json_t *object, const char *path, apr_pool_t *p)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        const char *key = apr_pstrmemdup(p, path, (apr_size_t)(dot - path));

        if (!flow_json_is(json_object_get(object, key), OBJECT)) {
            json_object_set_new(object, key, json_object());
        }
        object = json_object_get(object, key);
        path = dot + 1;
    }
    json_object_set_new(object, path, flow_json_string_new("missing", 7));
}

static void check_required(presets_t *all, const flow_doc_t *doc,
                           const char *name, const preset_t *preset)
{
    const json_t *required = json_object_get(preset->json, "required");
    const char *key, *file;
    json_t *v;
    int line;

    json_object_foreach((json_t *)required, key, v)
    {
        const char *what = flow_json_string(v, NULL);

        if (!at_path(doc->json, key) &&
            !apr_hash_get(doc->failed, key, APR_HASH_KEY_STRING)) {
            flow_doc_place(doc, "assistant", &file, &line);
            flow_docs_problem(all->docs, file, line, flow_doc_what(doc, all->p),
                              key, "required by preset '%s': %s", name,
                              what ? what : "a value");
            put_placeholder(doc->json, key, all->p);
        }
    }
}

static const char *nearest(const presets_t *all, const char *name)
{
    const char *names[NAMES_MAX];
    apr_finfo_t info;
    apr_size_t n = 0;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, all->dir, all->p) != APR_SUCCESS) {
        return NULL;
    }
    while (n < NAMES_MAX &&
           apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        apr_size_t len = strlen(info.name);

        if (len > 5 && strcmp(info.name + len - 5, ".json") == 0) {
            names[n++] = apr_pstrmemdup(all->p, info.name, len - 5);
        }
    }
    apr_dir_close(dir);
    return flow_nearest(name, names, n);
}

static void no_preset(presets_t *all, const flow_doc_t *doc, const char *name)
{
    const char *near, *file;
    int line;

    /* Exported documents name applications that they do not need us to know:
     * they hold all settings themselves. */
    if (!doc->lines && json_object_get(doc->json, "http")) {
        return;
    }
    near = nearest(all, name);
    /* what it would have given is not missing besides */
    apr_hash_set(doc->failed, "assistant", APR_HASH_KEY_STRING, "");
    flow_doc_place(doc, "assistant", &file, &line);
    flow_docs_problem(
        all->docs, file, line, flow_doc_what(doc, all->p), "assistant",
        "no preset '%s' in '%s'%s%s%s", flow_printable(name, all->p), all->dir,
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void apply(presets_t *all, flow_doc_t *doc)
{
    const char *name = flow_json_member(doc->json, "assistant");
    const char *part = flow_kind_name(doc->kind);
    struct flow_doc_preset_t *from;
    const preset_t *preset;
    const json_t *given;
    json_t *copy;

    if (!name ||
        (doc->kind != FLOW_KIND_CONNECTION && doc->kind != FLOW_KIND_EXPORT &&
         doc->kind != FLOW_KIND_IMPORT)) {
        return;
    }
    preset = read_preset(all, name);
    if (!preset) {
        no_preset(all, doc, name);
        return;
    }
    if (!preset->json) {
        return;
    }
    if (doc->kind == FLOW_KIND_CONNECTION) {
        check_required(all, doc, name, preset);
    }
    given = json_object_get(preset->json, part);
    if (!given) {
        return;
    }
    copy = flow_json_own(all->p, json_deep_copy(given));
    if (doc->kind == FLOW_KIND_EXPORT && !can_page(doc->json, copy)) {
        json_object_del(json_object_get(copy, "http"), "paging");
    }
    from = apr_pcalloc(all->p, sizeof(*from));
    from->preset = preset;
    from->part = part;
    from->own = flow_json_own(all->p, json_deep_copy(doc->json));
    doc->preset = from;
    merge(doc->json, copy);
}

void flow_presets_apply(flow_docs_t *docs, const char *dir)
{
    presets_t all = { docs, dir ? dir : FLOW_PRESET_DIR, NULL,
                      flow_docs_pool(docs) };
    apr_size_t i;

    all.read = apr_hash_make(all.p);
    for (i = 0; i < flow_docs_count(docs); ++i) {
        apply(&all, flow_docs_at(docs, i));
    }
}

int flow_presets_place(const flow_doc_t *doc, const char *path,
                       const char **pfile, int *pline)
{
    const struct flow_doc_preset_t *from = doc->preset;
    char at[512];

    if (!from || !path || !*path) {
        return 0;
    }
    apr_cpystrn(at, path, sizeof(at));
    at[strcspn(at, "[")] = '\0';
    if (at_path(from->own, at) ||
        !at_path(json_object_get(from->preset->json, from->part), at)) {
        return 0;
    }
    apr_snprintf(at, sizeof(at), "%s.%s", from->part, path);
    *pfile = from->preset->file;
    *pline = flow_json_places_line(from->preset->places, at);
    return 1;
}
