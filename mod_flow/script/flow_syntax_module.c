/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_syntax_private.h"

#include <string.h>

#include <apr_strings.h>

#include "script/flow_script_private.h"

/*
 * import and export: the script's modules are not files but what the host
 * offers, and all top-level functions are visible to it.
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

static void check_module(flow_syntax_writer_t *w,
                         const flow_syntax_token_t *module)
{
    static const char name[] = "integrator-api";

    if (module->kind != FLOW_SYNTAX_STRING) {
        flow_syntax_complain(w, module,
                             "expected the name of a module in quotes");
    }
    else if (module->len != sizeof(name) + 1 ||
             memcmp(module->text + 1, name, sizeof(name) - 1) != 0) {
        flow_syntax_complain(
            w, module,
            apr_psprintf(w->p, "no module %.*s; there is 'integrator-api'",
                         (int)(module->len > 80 ? 80 : module->len),
                         module->text));
    }
}

static int is_exported(const flow_syntax_token_t *what)
{
    int i;

    if (flow_syntax_is(what, "*")) {
        return 1;
    }
    for (i = 0; i < flow_lib_export_count(); ++i) {
        if (flow_syntax_is(what, flow_lib_export(i))) {
            return 1;
        }
    }
    return 0;
}

static const char *export_names(apr_pool_t *p)
{
    const char *names = flow_lib_export(0);
    int i;

    for (i = 1; i < flow_lib_export_count(); ++i) {
        names = apr_pstrcat(p, names, ", ", flow_lib_export(i), NULL);
    }
    return names;
}

static void write_imports(flow_syntax_writer_t *w,
                          const apr_array_header_t *list)
{
    int i;

    for (i = 0; i < list->nelts; ++i) {
        const imported_t *item = &APR_ARRAY_IDX(list, i, imported_t);
        /* `import x from` is all of the module */
        int is_all = flow_syntax_is(&item->what, "*") ||
                     flow_syntax_is(&item->what, "default");

        if (!is_all && !is_exported(&item->what)) {
            flow_syntax_complain(
                w, &item->what,
                apr_psprintf(w->p, "'integrator-api' has no '%.*s'; it has %s",
                             (int)item->what.len, item->what.text,
                             export_names(w->p)));
            return;
        }
        flow_buf_adds(&w->out, i ? "," : "var ");
        flow_buf_add(&w->out, item->as.text, item->as.len);
        flow_buf_adds(&w->out, "=__flow_import('integrator-api','");
        flow_buf_add(&w->out, is_all ? "*" : item->what.text,
                     is_all ? 1 : item->what.len);
        flow_buf_adds(&w->out, "')");
    }
    flow_buf_addc(&w->out, ';');
}

/* At `import`. */
void flow_syntax_import(flow_syntax_writer_t *w)
{
    apr_array_header_t *list = apr_array_make(w->p, 4, sizeof(imported_t));
    flow_syntax_token_t start = w->token, all = w->token, module;

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
    check_module(w, &module);
    if (w->failed) {
        return;
    }
    write_imports(w, list);
    flow_syntax_keep_lines_to(w, flow_syntax_end(&module));
    flow_syntax_advance(w);
}

/* ---- export ---- */

void flow_syntax_export(flow_syntax_writer_t *w)
{
    static const char *const declarations[] = { "function", "var", "let",
                                                "const" };
    flow_syntax_token_t start = w->token;
    apr_size_t i;

    flow_syntax_copy_to(w, start.text);
    flow_syntax_advance(w);
    if (flow_syntax_is(&w->token, "default")) {
        flow_syntax_advance(w);
    }
    if (flow_syntax_is(&w->token, "{")) {
        while (!w->failed && w->token.kind != FLOW_SYNTAX_END &&
               !flow_syntax_is(&w->token, "}")) {
            flow_syntax_advance(w);
            if (flow_syntax_is(&w->token, "as")) {
                flow_syntax_complain(
                    w, &w->token, "export under another name is not supported");
            }
        }
        flow_syntax_blank_to(w, flow_syntax_end(&w->token));
        flow_syntax_advance(w);
        return;
    }
    for (i = 0; i < sizeof(declarations) / sizeof(declarations[0]); ++i) {
        if (flow_syntax_is(&w->token, declarations[i])) {
            flow_syntax_blank_to(w, w->token.text);
            return; /* the declaration is read as any other */
        }
    }
    flow_syntax_complain(
        w, &start, "export stands before function, var, let or const only");
}
