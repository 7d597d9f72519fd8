/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_syntax_private.h"

#include <string.h>

#include <apr_strings.h>

#include "script/flow_script_private.h"

/*
 * import and export: from what the host offers, from packages that are built
 * in, and from files. All top-level functions of a script are visible to the
 * host; what a file exports is visible to those that import it.
 */

/* ---- import ---- */

/* One imported name; @a what is the name in the module, or "*". */
typedef struct imported_t {
    flow_syntax_token_t what;
    flow_syntax_token_t as;
} imported_t;

static int expect(flow_syntax_writer_t *w, const char *text)
{
    if (!flow_syntax_is(&w->token, text)) {
        flow_syntax_complain(
            w, &w->token,
            apr_psprintf(w->p, "expected '%s' in this import", text));
        return 0;
    }
    flow_syntax_advance(w);
    return 1;
}

static void add_import(flow_syntax_writer_t *w, apr_array_header_t *list,
                       const flow_syntax_token_t *what)
{
    imported_t *item = apr_array_push(list);

    item->what = *what;
    item->as = *what;
    if (flow_syntax_is(&w->token, "as")) {
        flow_syntax_advance(w);
        if (!flow_syntax_is_name(&w->token)) {
            flow_syntax_complain(w, &w->token, "expected a name behind 'as'");
        }
        item->as = w->token;
        flow_syntax_advance(w);
    }
    flow_syntax_declare(w, &item->as, w->depth);
}

/* { a, b as c } */
static void import_list(flow_syntax_writer_t *w, apr_array_header_t *list)
{
    flow_syntax_advance(w);
    while (!w->failed && !flow_syntax_is(&w->token, "}")) {
        flow_syntax_token_t what = w->token;

        if (!flow_syntax_is_name(&what)) {
            flow_syntax_complain(w, &what, "expected a name in this import");
            return;
        }
        flow_syntax_advance(w);
        add_import(w, list, &what);
        if (!flow_syntax_is(&w->token, "}")) {
            expect(w, ",");
        }
    }
    flow_syntax_advance(w);
}

/* A relative path? */
static int is_file(const char *name)
{
    return strncmp(name, "./", 2) == 0 || strncmp(name, "../", 3) == 0;
}

/* Without its quotes; NULL with a complaint. */
static const char *module_name(flow_syntax_writer_t *w,
                               const flow_syntax_token_t *module)
{
    const char *name;

    if (module->kind != FLOW_SYNTAX_STRING) {
        flow_syntax_complain(w, module,
                             "expected the name of a module in quotes");
        return NULL;
    }
    name = apr_pstrmemdup(w->p, module->text + 1, module->len - 2);
    if (strchr(name, '\\')) {
        flow_syntax_complain(w, module,
                             "the name of a module is written without "
                             "escapes");
        return NULL;
    }
    if (!is_file(name) && !flow_lib_is_module(name) &&
        !flow_package_find(name)) {
        flow_syntax_complain(
            w, module,
            apr_psprintf(w->p,
                         "no module '%.80s'; there are %s and files, as in "
                         "'./lib.js'",
                         name, flow_module_names(w->p)));
        return NULL;
    }
    return name;
}

/* What the host has to load before the script runs. */
static void note_import(flow_syntax_writer_t *w, const char *name,
                        const flow_syntax_token_t *at)
{
    flow_syntax_import_t *item;
    int i;

    if (flow_lib_is_module(name)) {
        return;
    }
    for (i = 0; i < w->imports->nelts; ++i) {
        item = &APR_ARRAY_IDX(w->imports, i, flow_syntax_import_t);
        if (strcmp(item->module, name) == 0) {
            return;
        }
    }
    item = apr_array_push(w->imports);
    item->module = name;
    item->line = at->line;
    item->column = flow_syntax_token_column(at);
}

/* Files and packages say themselves what they have, when they are loaded. */
static int is_exported(const char *module, const flow_syntax_token_t *what,
                       apr_pool_t *p)
{
    return !flow_lib_is_module(module) ||
           flow_lib_has(module, apr_pstrmemdup(p, what->text, what->len));
}

static void write_imports(flow_syntax_writer_t *w, const char *module,
                          const apr_array_header_t *list)
{
    const char *quoted =
        apr_pstrcat(w->p, strchr(module, '\'') ? "\"" : "'", module,
                    strchr(module, '\'') ? "\"" : "'", NULL);
    int i;

    for (i = 0; i < list->nelts; ++i) {
        const imported_t *item = &APR_ARRAY_IDX(list, i, imported_t);
        /* of a host's module, `import x from` is all of it */
        int is_all = flow_syntax_is(&item->what, "*") ||
                     (flow_syntax_is(&item->what, "default") &&
                      flow_lib_is_module(module));

        if (!is_all && !is_exported(module, &item->what, w->p)) {
            flow_syntax_complain(
                w, &item->what,
                apr_psprintf(w->p, "'%s' has no '%.*s'; it has %s", module,
                             (int)item->what.len, item->what.text,
                             flow_lib_names(module, w->p)));
            return;
        }
        flow_buf_adds(&w->out, i ? "," : "var ");
        flow_buf_add(&w->out, item->as.text, item->as.len);
        flow_buf_addf(&w->out, "=__flow_import(%s,'", quoted);
        flow_buf_add(&w->out, is_all ? "*" : item->what.text,
                     is_all ? 1 : item->what.len);
        flow_buf_adds(&w->out, "')");
    }
    if (!list->nelts && !flow_lib_is_module(module)) {
        flow_buf_addf(&w->out, "__flow_import(%s,'*')", quoted);
    }
    flow_buf_addc(&w->out, ';');
}

/* At `import`. */
void flow_syntax_import(flow_syntax_writer_t *w)
{
    apr_array_header_t *list = apr_array_make(w->p, 4, sizeof(imported_t));
    flow_syntax_token_t start = w->token, all = w->token, module;
    const char *name;

    flow_syntax_copy_to(w, start.text);
    flow_syntax_advance(w);
    if (flow_syntax_is(&w->token, "(") || flow_syntax_is(&w->token, ".")) {
        flow_syntax_complain(w, &start, "import() is not supported");
        return;
    }
    if (w->depth > 0 || w->brackets > 0) {
        flow_syntax_complain(w, &start,
                             "import belongs at the top of the script");
        return;
    }
    if (w->token.kind != FLOW_SYNTAX_STRING) {
        all.text = "*";
        all.len = 1;
        all.kind = FLOW_SYNTAX_PUNCTUATOR;
        if (flow_syntax_is_name(&w->token)) {
            imported_t *item = apr_array_push(list);
            item->what = all;
            item->what.text = "default";
            item->what.len = 7;
            item->what.kind = FLOW_SYNTAX_NAME;
            item->as = w->token;
            flow_syntax_declare(w, &w->token, w->depth);
            flow_syntax_advance(w);
            if (flow_syntax_is(&w->token, ",")) {
                flow_syntax_advance(w);
            }
        }
        if (flow_syntax_is(&w->token, "*")) {
            flow_syntax_advance(w);
            if (!flow_syntax_is(&w->token, "as")) {
                flow_syntax_complain(w, &w->token,
                                     "expected 'as' in this import");
            }
            add_import(w, list, &all);
        }
        else if (flow_syntax_is(&w->token, "{")) {
            import_list(w, list);
        }
        expect(w, "from");
    }
    module = w->token;
    name = w->failed ? NULL : module_name(w, &module);
    if (!name) {
        return;
    }
    note_import(w, name, &module);
    write_imports(w, name, list);
    flow_syntax_keep_lines_to(w, flow_syntax_end(&module));
    flow_syntax_advance(w);
}

/* ---- export ---- */

void flow_syntax_add_export(flow_syntax_writer_t *w,
                            const flow_syntax_token_t *name,
                            const flow_syntax_token_t *as)
{
    flow_syntax_exported_t *item = apr_array_push(w->exports);

    item->name = *name;
    item->as = *as;
}

void flow_syntax_write_exports(flow_syntax_writer_t *w)
{
    int i;

    for (i = 0; i < w->exports->nelts; ++i) {
        const flow_syntax_exported_t *item =
            &APR_ARRAY_IDX(w->exports, i, flow_syntax_exported_t);

        flow_buf_adds(&w->out, ";__flow_exports['");
        flow_buf_add(&w->out, item->as.text, item->as.len);
        flow_buf_adds(&w->out, "']=");
        flow_buf_add(&w->out, item->name.text, item->name.len);
    }
}

/* At `{`. */
static void export_list(flow_syntax_writer_t *w)
{
    flow_syntax_advance(w);
    while (!w->failed && w->token.kind != FLOW_SYNTAX_END &&
           !flow_syntax_is(&w->token, "}")) {
        flow_syntax_token_t name = w->token, as = w->token;

        if (!flow_syntax_is_name(&name)) {
            flow_syntax_complain(w, &name, "expected a name in this export");
            return;
        }
        flow_syntax_advance(w);
        if (flow_syntax_is(&w->token, "as")) {
            flow_syntax_advance(w);
            as = w->token;
            if (!flow_syntax_is_name(&as)) {
                flow_syntax_complain(w, &as, "expected a name behind 'as'");
                return;
            }
            flow_syntax_advance(w);
        }
        flow_syntax_add_export(w, &name, &as);
        if (!flow_syntax_is(&w->token, "}")) {
            expect(w, ",");
        }
    }
    flow_syntax_blank_to(w, flow_syntax_end(&w->token));
    flow_syntax_advance(w);
    if (flow_syntax_is(&w->token, "from")) {
        flow_syntax_complain(w, &w->token,
                             "export from another module is not supported; "
                             "import it first");
    }
}

/* Behind `export default`, whose token is @a word. A function with a name is a
 * declaration like any other. */
static void export_default(flow_syntax_writer_t *w, flow_syntax_token_t word)
{
    flow_syntax_lexer_t ahead = w->lexer;
    flow_syntax_token_t next = flow_syntax_lexer_next(&ahead);

    if (flow_syntax_is(&w->token, "function") && flow_syntax_is_name(&next)) {
        flow_syntax_add_export(w, &next, &word);
        flow_syntax_blank_to(w, w->token.text);
        return;
    }
    flow_buf_adds(&w->out, w->is_module ? "__flow_exports['default']="
                                        : "var __flow_default=");
    flow_syntax_keep_lines_to(w, w->token.text);
}

void flow_syntax_export(flow_syntax_writer_t *w)
{
    flow_syntax_token_t start = w->token, next;
    flow_syntax_lexer_t ahead;

    flow_syntax_copy_to(w, start.text);
    flow_syntax_advance(w);
    if (w->depth > 0 || w->brackets > 0) {
        flow_syntax_complain(w, &start,
                             "export belongs at the top of the script");
    }
    else if (flow_syntax_is(&w->token, "default")) {
        next = w->token;
        flow_syntax_advance(w);
        export_default(w, next);
    }
    else if (flow_syntax_is(&w->token, "{")) {
        export_list(w);
    }
    else if (flow_syntax_is(&w->token, "function")) {
        ahead = w->lexer;
        next = flow_syntax_lexer_next(&ahead);
        flow_syntax_add_export(w, &next, &next);
        flow_syntax_blank_to(w, w->token.text);
    }
    else if (flow_syntax_is(&w->token, "var") ||
             flow_syntax_is(&w->token, "let") ||
             flow_syntax_is(&w->token, "const")) {
        flow_syntax_blank_to(w, w->token.text);
        w->is_exporting = 1;
        flow_syntax_declaration(w);
        w->is_exporting = 0;
    }
    else {
        flow_syntax_complain(w, &start,
                             "export stands before function, var, let, const, "
                             "default or a list in braces only");
    }
}
