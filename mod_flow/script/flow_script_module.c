/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script and what it imports: files of the administrator and packages that
 * are built in. All of it is read and compiled while the configuration is, and
 * so are the names that files take from each other; a world runs a module when
 * it is first asked for.
 */
#include "script/flow_script_private.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_sign.h"
#include "script/flow_es.h"

#define MODULES_MAX 200
#define DEPTH_MAX   50

typedef struct graph_t {
    const flow_script_files_t *files;
    apr_array_header_t *modules; /* flow_script_module_t * */
    int needs_runtime;
    apr_pool_t *p;
    flow_error_t *err;
} graph_t;

/* ---- names ---- */

const flow_package_t *flow_package_find(const char *name)
{
    const flow_package_t *package;

    for (package = flow_packages; package->name; ++package) {
        if (strcmp(package->name, name) == 0) {
            return package;
        }
    }
    return NULL;
}

const char *flow_module_names(apr_pool_t *p)
{
    const char *names = flow_lib_module_names(p);
    const flow_package_t *package;

    for (package = flow_packages; package->name; ++package) {
        names = apr_pstrcat(p, names, ", '", package->name, "'", NULL);
    }
    return names;
}

const char *flow_script_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static char *parent_of(char *path, apr_pool_t *p)
{
    char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;

    if (strcmp(last, "..") == 0) {
        return apr_pstrcat(p, path, "/..", NULL);
    }
    if (slash) {
        *slash = '\0';
        return path;
    }
    return apr_pstrdup(p, *path && strcmp(path, ".") ? "" : "..");
}

/* "/a/b" and "../c/./d" -> "/a/c/d", with ".js" when it has no ending. */
static const char *resolve(const char *dir, const char *name, apr_pool_t *p)
{
    char *path = apr_pstrdup(p, dir);
    const char *at = name, *base;
    apr_size_t len;

    while (*at) {
        len = strcspn(at, "/");
        if (len == 2 && strncmp(at, "..", 2) == 0) {
            path = parent_of(path, p);
        }
        else if (len > 0 && !(len == 1 && *at == '.')) {
            path = apr_pstrcat(p, path, *path || *dir == '/' ? "/" : "",
                               apr_pstrmemdup(p, at, len), NULL);
        }
        at += len + (at[len] == '/');
    }
    base = flow_script_base_name(path);
    return strchr(base, '.') ? path : apr_pstrcat(p, path, ".js", NULL);
}

static const char *dir_of(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');

    return slash ? apr_pstrmemdup(p, path, (apr_size_t)(slash - path)) : "";
}

/* ---- the graph ---- */

static flow_script_module_t *find(graph_t *g, const char *path)
{
    int i;

    for (i = 0; i < g->modules->nelts; ++i) {
        flow_script_module_t *m =
            APR_ARRAY_IDX(g->modules, i, flow_script_module_t *);

        if (strcmp(m->path, path) == 0) {
            return m;
        }
    }
    return NULL;
}

static flow_script_module_t *add(graph_t *g, const char *path)
{
    flow_script_module_t *m = apr_pcalloc(g->p, sizeof(*m));

    m->path = path;
    m->number = g->modules->nelts;
    m->tag = apr_psprintf(g->p, "#%d", m->number);
    APR_ARRAY_PUSH(g->modules, flow_script_module_t *) = m;
    return m;
}

static apr_status_t complain(graph_t *g, const flow_script_module_t *from,
                             int line, int column, const char *why)
{
    return flow_error_set(g->err, FLOW_E_CONFIG, APR_EGENERAL, "script_syntax",
                          "%s:%d:%d: %s", from->path, line, column, why);
}

static const flow_script_module_t *package(graph_t *g, const char *name)
{
    const flow_package_t *package = flow_package_find(name);
    flow_script_module_t *m = find(g, name);

    if (!m) {
        m = add(g, package->name);
        m->is_package = 1;
        m->text = apr_pstrcat(g->p, "(function(module,exports,__flow_random){",
                              package->text, "\n})", NULL);
    }
    return m;
}

/* The files that are being compiled, from the one imported again on. */
static const char *circle(graph_t *g, const flow_script_module_t *again)
{
    const char *text = "";
    int i, on = 0;

    for (i = 0; i < g->modules->nelts; ++i) {
        const flow_script_module_t *m =
            APR_ARRAY_IDX(g->modules, i, flow_script_module_t *);

        on |= m == again;
        if (on && m->is_open) {
            text = apr_pstrcat(g->p, text, flow_script_base_name(m->path),
                               " -> ", NULL);
        }
    }
    return apr_pstrcat(g->p, text, flow_script_base_name(again->path), NULL);
}

static apr_status_t compile(graph_t *g, flow_script_module_t *m,
                            const char *source, apr_size_t len, int depth);

static apr_status_t file(graph_t *g, const flow_script_module_t *from,
                         const flow_es_import_t *import, int depth,
                         const flow_script_module_t **ptarget)
{
    const char *path = resolve(from->dir, import->module, g->p), *text;
    int line = import->line, column = import->column;
    flow_error_t why = FLOW_ERROR_INIT;
    flow_script_module_t *m = find(g, path);
    apr_size_t len;

    *ptarget = m;
    if (m && m->is_open) {
        return complain(g, from, line, column,
                        apr_psprintf(g->p,
                                     "files import each other in a circle: "
                                     "%s; move what both need to a third one",
                                     circle(g, m)));
    }
    if (m) {
        return APR_SUCCESS;
    }
    if (g->modules->nelts >= MODULES_MAX || depth >= DEPTH_MAX) {
        return complain(g, from, line, column,
                        "the script imports too many files");
    }
    if (!g->files) {
        return complain(g, from, line, column,
                        "files cannot be imported here; the script has no "
                        "place in a directory");
    }
    if (g->files->read(g->files->baton, path, &text, &len, g->p, &why) !=
        APR_SUCCESS) {
        return complain(g, from, line, column, apr_pstrdup(g->p, why.message));
    }
    m = add(g, path);
    m->dir = dir_of(path, g->p);
    *ptarget = m;
    return compile(g, m, text, len, depth + 1);
}

static int is_relative(const char *name)
{
    return strncmp(name, "./", 2) == 0 || strncmp(name, "../", 3) == 0;
}

/* Does a file export @a name? What another has that it passes on counts. */
static int exports(const flow_script_module_t *m, const char *name, int depth)
{
    int i;

    for (i = 0; i < m->n_exports; ++i) {
        if (strcmp(m->exports[i], name) == 0) {
            return 1;
        }
    }
    for (i = 0; i < m->n_imports && depth < DEPTH_MAX; ++i) {
        const flow_script_import_t *from = &m->imports[i];

        /* a package says itself what it has, when it runs */
        if (from->is_star && strcmp(name, "default") != 0 &&
            (!from->target || from->target->is_package ||
             exports(from->target, name, depth + 1))) {
            return 1;
        }
    }
    return 0;
}

/* All names that are imported are there, as far as that can be told. */
static apr_status_t check_names(graph_t *g, const flow_script_module_t *m,
                                const flow_es_import_t *import,
                                const flow_script_module_t *target)
{
    int i;

    for (i = 0; i < import->nnames; ++i) {
        const flow_es_name_t *n = &import->names[i];
        const char *why = NULL;

        if (strcmp(n->name, "*") == 0 ||
            (target && (target->is_package || exports(target, n->name, 0))) ||
            (!target && (strcmp(n->name, "default") == 0 ||
                         flow_lib_has(import->module, n->name)))) {
            continue;
        }
        why = target ? apr_psprintf(g->p, "'%s' exports no '%s'",
                                    import->module, n->name)
                     : apr_psprintf(g->p, "'%s' has no '%s'; it has %s",
                                    import->module, n->name,
                                    flow_lib_names(import->module, g->p));
        return complain(g, m, n->line, n->column, why);
    }
    return APR_SUCCESS;
}

static apr_status_t import_module(graph_t *g, const flow_script_module_t *m,
                                  const flow_es_import_t *import, int depth,
                                  flow_script_import_t *out)
{
    const char *name = import->module;
    apr_status_t rv = APR_SUCCESS;

    out->name = name;
    out->is_star = import->is_star;
    if (flow_package_find(name)) {
        out->target = package(g, name);
    }
    else if (is_relative(name)) {
        rv = file(g, m, import, depth, &out->target);
    }
    else if (!flow_lib_is_module(name)) {
        rv = complain(g, m, import->line, import->column,
                      apr_psprintf(g->p,
                                   "no module '%.80s'; there are %s and "
                                   "files, as in './lib.js'",
                                   name, flow_module_names(g->p)));
    }
    return rv == APR_SUCCESS ? check_names(g, m, import, out->target) : rv;
}

static apr_status_t compile(graph_t *g, flow_script_module_t *m,
                            const char *source, apr_size_t len, int depth)
{
    flow_es_output_t out;
    apr_status_t rv;
    int i;

    m->is_open = 1;
    rv = flow_es_compile(source, len, m->path, NULL, &out, g->p, g->err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->text = out.text;
    m->map = out.map;
    m->exports = out.exports;
    m->n_exports = out.nexports;
    g->needs_runtime |= out.needs_runtime;
    m->imports =
        apr_pcalloc(g->p, (apr_size_t)(out.nimports + 1) * sizeof(*m->imports));
    for (i = 0; i < out.nimports && rv == APR_SUCCESS; ++i) {
        rv = import_module(g, m, &out.imports[i], depth, &m->imports[i]);
        m->n_imports = i + 1;
    }
    m->is_open = 0;
    return rv;
}

apr_status_t flow_module_compile(flow_script_t *script,
                                 const flow_script_files_t *files,
                                 const char *source, apr_size_t len,
                                 apr_pool_t *p, flow_error_t *err)
{
    graph_t g = { files, NULL, 0, p, err };
    flow_script_module_t *m;

    g.modules = apr_array_make(p, 4, sizeof(flow_script_module_t *));
    m = add(&g, script->filename);
    m->dir = files && files->dir ? files->dir : dir_of(script->filename, p);
    script->main = m;
    if (compile(&g, m, source, len, 0) != APR_SUCCESS) {
        return err ? err->status : APR_EGENERAL;
    }
    script->modules = (const flow_script_module_t *const *)g.modules->elts;
    script->n_modules = g.modules->nelts;
    script->needs_runtime = g.needs_runtime;
    return APR_SUCCESS;
}

/* ---- running ---- */

/* Push the random words that sjcl asks for, one 32-bit integer each. */
static void random_words(js_State *J)
{
    flow_script_call_t *call = flow_call_of(J);
    int n = js_tointeger(J, 1), i;
    apr_int32_t words[256];
    apr_status_t rv;

    if (n < 0 || n > (int)(sizeof(words) / sizeof(words[0]))) {
        js_rangeerror(J, "too many random words");
    }
    flow_stop_leave(&call->stop);
    rv = flow_random(words, (apr_size_t)n * sizeof(*words));
    flow_stop_enter(&call->stop);
    if (rv != APR_SUCCESS) {
        js_error(J, "the system gives no random bytes");
    }
    js_newarray(J);
    for (i = 0; i < n; ++i) {
        js_pushnumber(J, words[i]);
        js_setindex(J, -2, i);
    }
}

/* Call the function on top of the stack, which fills module.exports; leaves
 * what that is then. */
static void run_package(js_State *J)
{
    int f = js_gettop(J) - 1;

    js_newobject(J); /* module */
    js_newobject(J);
    js_setproperty(J, -2, "exports");
    js_copy(J, f);
    js_pushundefined(J);
    js_copy(J, f + 1);
    js_getproperty(J, f + 1, "exports");
    js_newcfunction(J, random_words, "random", 1);
    js_call(J, 3);
    js_pop(J, 1);
    js_getproperty(J, f + 1, "exports");
    js_rot3pop2(J);
}

static void push_require(js_State *J, const flow_script_module_t *m);

/* Call the function on top of the stack and leave the object it has filled.
 * The functions of the script itself are kept for those who call them. */
static void run_file(js_State *J, const flow_script_module_t *m)
{
    int f = js_gettop(J) - 1;

    js_newobject(J); /* exports */
    js_newobject(J); /* functions */
    if (m->number == 0) {
        js_copy(J, -1);
        js_setregistry(J, FLOW_FUNCTIONS);
    }
    js_copy(J, f);
    js_pushglobal(J);
    js_copy(J, f + 1);
    js_copy(J, f + 2);
    push_require(J, m);
    js_call(J, 3);
    js_pop(J, 2);
    js_rot2pop1(J);
}

void flow_module_run(js_State *J, const flow_script_module_t *m)
{
    char key[32];

    apr_snprintf(key, sizeof(key), "module %d", m->number);
    js_getregistry(J, key);
    if (!js_isundefined(J, -1)) {
        return;
    }
    js_pop(J, 1);
    js_loadstring(J, m->tag, m->text);
    js_pushundefined(J);
    js_call(J, 0);
    if (m->is_package) {
        run_package(J);
    }
    else {
        run_file(J, m);
    }
    js_copy(J, -1);
    js_setregistry(J, key);
}

static const flow_script_module_t *target_of(const flow_script_module_t *m,
                                             const char *name)
{
    int i;

    for (i = 0; i < m->n_imports; ++i) {
        if (strcmp(m->imports[i].name, name) == 0) {
            return m->imports[i].target;
        }
    }
    return NULL;
}

static int is_asked_for(js_State *J, int top, const char *name)
{
    int i;

    for (i = 2; i < top; ++i) {
        if (strcmp(js_tostring(J, i), name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Push member @a name of the package on top; it need not be an object. */
static void package_member(js_State *J, const char *module, const char *name)
{
    if (!js_isobject(J, -1) || !js_hasproperty(J, -1, name)) {
        js_error(J, "'%s' exports no '%s'", module, name);
    }
}

/* A module that is no file, as an object with what is asked for: what nobody
 * asks for is not made. "*" is the module itself. */
static void require_other(js_State *J, const char *module,
                          const flow_script_module_t *package)
{
    int top = js_gettop(J), i;

    if (package) {
        flow_module_run(J, package);
    }
    else if (is_asked_for(J, top, "*") || is_asked_for(J, top, "default")) {
        flow_lib_import(J, module, "*");
    }
    else {
        js_pushundefined(J);
    }
    if (is_asked_for(J, top, "*") && !is_asked_for(J, top, "default")) {
        return;
    }
    js_newobject(J);
    for (i = 2; i < top; ++i) {
        const char *name = js_tostring(J, i);

        if (strcmp(name, "*") == 0) {
            continue;
        }
        if (strcmp(name, "default") == 0) {
            js_copy(J, top);
        }
        else if (package) {
            js_copy(J, top);
            package_member(J, module, name);
            js_rot2pop1(J);
        }
        else {
            flow_lib_import(J, module, name);
        }
        js_setproperty(J, -2, name);
    }
}

/* __flow_require(module, names...): an object that has them. */
static void require(js_State *J)
{
    const flow_script_module_t *from = js_currentfunctiondata(J), *target;
    const char *module = js_tostring(J, 1);

    target = target_of(from, module);
    if (target && !target->is_package) {
        flow_module_run(J, target);
        return;
    }
    if (!target && !flow_lib_is_module(module)) {
        js_typeerror(J, "no module '%s'", module);
    }
    require_other(J, module, target);
}

static void push_require(js_State *J, const flow_script_module_t *m)
{
    js_newcfunctionx(J, require, "__flow_require", 1, (void *)(apr_uintptr_t)m,
                     NULL);
}
