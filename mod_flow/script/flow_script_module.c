/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script and what it imports: files of the administrator and packages that
 * are built in. All of it is read and compiled while the configuration is; a
 * world runs a module when it is first asked for.
 */
#include "script/flow_script_private.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_sign.h"
#include "script/flow_syntax.h"

#define MODULES_MAX 200
#define DEPTH_MAX   50

typedef struct graph_t {
    const flow_script_files_t *files;
    apr_array_header_t *modules; /* flow_script_module_t * */
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
    APR_ARRAY_PUSH(g->modules, flow_script_module_t *) = m;
    return m;
}

static apr_status_t complain(graph_t *g, const flow_script_module_t *from,
                             const flow_syntax_import_t *import,
                             const char *why)
{
    return flow_error_set(g->err, FLOW_E_CONFIG, APR_EGENERAL, "script_syntax",
                          "%s:%d:%d: %s", from->path, import->line,
                          import->column, why);
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
                         const flow_syntax_import_t *import, int depth,
                         const flow_script_module_t **ptarget)
{
    const char *path = resolve(from->dir, import->module, g->p), *text;
    flow_error_t why = FLOW_ERROR_INIT;
    flow_script_module_t *m = find(g, path);
    apr_size_t len;

    *ptarget = m;
    if (m && m->is_open) {
        return complain(g, from, import,
                        apr_psprintf(g->p,
                                     "files import each other in a circle: "
                                     "%s; move what both need to a third one",
                                     circle(g, m)));
    }
    if (m) {
        return APR_SUCCESS;
    }
    if (g->modules->nelts >= MODULES_MAX || depth >= DEPTH_MAX) {
        return complain(g, from, import, "the script imports too many files");
    }
    if (!g->files) {
        return complain(g, from, import,
                        "files cannot be imported here; the script has no "
                        "place in a directory");
    }
    if (g->files->read(g->files->baton, path, &text, &len, g->p, &why) !=
        APR_SUCCESS) {
        return complain(g, from, import, apr_pstrdup(g->p, why.message));
    }
    m = add(g, path);
    m->dir = dir_of(path, g->p);
    *ptarget = m;
    return compile(g, m, text, len, depth + 1);
}

static apr_status_t compile(graph_t *g, flow_script_module_t *m,
                            const char *source, apr_size_t len, int depth)
{
    flow_syntax_output_t out;
    apr_status_t rv;
    int i;

    m->is_open = 1;
    rv = flow_syntax_compile_module(&out, depth > 0, source, len, m->path, g->p,
                                    g->err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->text = out.text;
    m->imports = apr_pcalloc(g->p, (apr_size_t)(out.n_imports + 1) *
                                       sizeof(*m->imports));
    for (i = 0; i < out.n_imports && rv == APR_SUCCESS; ++i) {
        const char *name = out.imports[i].module;

        m->imports[i].name = name;
        if (flow_package_find(name)) {
            m->imports[i].target = package(g, name);
        }
        else {
            rv = file(g, m, &out.imports[i], depth, &m->imports[i].target);
        }
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
    graph_t g = { files, NULL, p, err };
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

/* Call the function on top of the stack and leave the object it has filled. */
static void run_file(js_State *J, const flow_script_module_t *m)
{
    int f = js_gettop(J) - 1;

    js_newobject(J);
    js_copy(J, f);
    js_pushundefined(J);
    js_copy(J, f + 1);
    flow_module_push_import(J, m);
    js_call(J, 2);
    js_pop(J, 1);
    js_rot2pop1(J);
}

/* Push the module's exports, after running it if nobody has. */
static void require(js_State *J, const flow_script_module_t *m)
{
    char key[32];

    apr_snprintf(key, sizeof(key), "module %d", m->number);
    js_getregistry(J, key);
    if (!js_isundefined(J, -1)) {
        return;
    }
    js_pop(J, 1);
    js_loadstring(J, m->path, m->text);
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

/* __flow_import(module, name): what an import declaration becomes. "*" is all
 * of it. */
static void import(js_State *J)
{
    const flow_script_module_t *from = js_currentfunctiondata(J), *target;
    const char *module = js_tostring(J, 1), *name = js_tostring(J, 2);

    if (flow_lib_is_module(module)) {
        flow_lib_import(J, module, name);
        return;
    }
    target = target_of(from, module);
    if (!target) {
        js_typeerror(J, "no module '%s'", module);
    }
    require(J, target);
    if (strcmp(name, "*") == 0 ||
        (target->is_package && strcmp(name, "default") == 0)) {
        return;
    }
    if (!js_isobject(J, -1) || !js_hasproperty(J, -1, name)) {
        js_error(J, "'%s' exports no '%s'", module, name);
    }
    js_rot2pop1(J);
}

void flow_module_push_import(js_State *J, const flow_script_module_t *m)
{
    js_newcfunctionx(J, import, "__flow_import", 2, (void *)(apr_uintptr_t)m,
                     NULL);
}
