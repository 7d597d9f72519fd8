/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing the program: imports, exports, the function around it all.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

/* ---- imports ---- */

static void note_export(es_t *es, const es_atom_t *name)
{
    APR_ARRAY_PUSH(es->exports, const char *) =
        apr_pstrmemdup(es->p, name->s, name->len);
}

static void fixed(es_t *es, const es_atom_t *name, const char *expr)
{
    note_export(es, name);
    flow_es_say(es, " __flow_exports[");
    flow_es_quote(es, name);
    flow_es_sayf(es, "] = %s;", expr);
}

static void export_star(es_t *es, es_node_t *n)
{
    if (n->atom2) {
        fixed(es, n->atom2, n->d->atom->s);
    }
    else {
        flow_es_sayf(es, " __flow_export_all(__flow_exports, %s);",
                     n->d->atom->s);
    }
}

void flow_es_print_import_name(es_t *es, es_binding_t *b)
{
    es_node_t *item = b->node;

    flow_es_say(es, item->b->d->atom->s);
    if (item->flags & NF_STAR) {
        return;
    }
    if (item->atom->ascii) {
        flow_es_sayf(es, ".%s", item->atom->s);
    }
    else {
        flow_es_say(es, "[");
        flow_es_quote(es, item->atom);
        flow_es_say(es, "]");
    }
}

static int has_module(const es_node_t *n)
{
    return n->type == N_IMPORT || (n->type == N_EXPORT && n->atom);
}

/* The variable of each module: node->d. */
static void name_modules(es_t *es, es_node_t *list)
{
    const char *name;

    for (; list; list = list->next) {
        if (has_module(list)) {
            APR_ARRAY_PUSH(es->imports, es_node_t *) = list;
            name = flow_es_unique(es, "__flow_m");
            list->d = flow_es_alloc(es, sizeof(*list->d));
            list->d->atom = flow_es_atom(es, name, strlen(name));
        }
    }
}

/* What of the module is asked for. */
static void required_names(es_t *es, const es_node_t *n)
{
    const es_node_t *item;

    if (n->type == N_EXPORT && n->flags & NF_STAR) {
        flow_es_say(es, ", \"*\"");
    }
    for (item = n->list; item; item = item->next) {
        flow_es_say(es, ", ");
        if (item->flags & NF_STAR) {
            flow_es_say(es, "\"*\"");
        }
        else {
            flow_es_quote(es, n->type == N_EXPORT ? item->a->atom : item->atom);
        }
    }
}

void flow_es_print_imports(es_t *es, es_node_t *list)
{
    for (; list; list = list->next) {
        if (has_module(list)) {
            flow_es_at_statement(es, list->line, list->pos);
            flow_es_sayf(es, " var %s = __flow_require(", list->d->atom->s);
            flow_es_quote(es, list->atom);
            required_names(es, list);
            flow_es_say(es, ");");
        }
        if (list->type == N_EXPORT && list->flags & NF_STAR) {
            export_star(es, list);
        }
    }
}

/* ---- exports ---- */

/* Readers see the variable itself, so that a later value shows. */
static void live(es_t *es, const es_atom_t *name, const char *expr)
{
    note_export(es, name);
    flow_es_say(es, " __flow_export(__flow_exports, ");
    flow_es_quote(es, name);
    flow_es_sayf(es, ", function () { return %s; });", expr);
}

static void export_pattern(es_t *es, es_node_t *n)
{
    es_node_t *item;

    switch (n->type) {
    case N_ID:
        live(es, n->atom, n->binding->out);
        break;
    case N_DEFAULT:
    case N_REST:
    case N_DECL:
        export_pattern(es, n->a);
        break;
    case N_PROP:
        export_pattern(es, n->b);
        break;
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN:
    case N_VAR:
        for (item = n->list; item; item = item->next) {
            if (item->type != N_HOLE) {
                export_pattern(es, item);
            }
        }
        break;
    default:
        break;
    }
}

static const char *reexported(es_t *es, es_node_t *n, es_node_t *item)
{
    return apr_psprintf(es->p, item->a->atom->ascii ? "%s.%s" : "%s[\"%s\"]",
                        n->d->atom->s, item->a->atom->s);
}

static void export_specifiers(es_t *es, es_node_t *n)
{
    es_node_t *item;
    apr_size_t from;
    const char *text;

    for (item = n->list; item; item = item->next) {
        if (n->atom) {
            live(es, item->atom, reexported(es, n, item));
            continue;
        }
        from = es->out.len;
        es->cur_line = item->a->line;
        flow_es_print_reference(es, item->a, P_ASSIGN);
        text = apr_pstrmemdup(es->p, es->out.s + from, es->out.len - from);
        es->out.len = from;
        if (item->a->binding->kind == B_FUNCTION &&
            !item->a->binding->assigned) {
            fixed(es, item->atom, text);
        }
        else {
            live(es, item->atom, text);
        }
    }
}

static void export_early(es_t *es, es_node_t *n)
{
    int line = es->cur_line;

    if (n->flags & NF_STAR) {
        return; /* when its module is there */
    }
    if (n->flags & NF_DEFAULT) {
        if (n->a->flags & NF_DECL && n->a->a) {
            if (n->a->type == N_FUNCTION) {
                fixed(es, flow_es_atom(es, "default", 7),
                      n->a->a->binding->out);
            }
            else {
                live(es, flow_es_atom(es, "default", 7), n->a->a->binding->out);
            }
        }
    }
    else if (!n->a) {
        export_specifiers(es, n);
    }
    else if (n->a->type == N_FUNCTION && !n->a->a->binding->assigned) {
        fixed(es, n->a->a->atom, n->a->a->binding->out);
    }
    else if (n->a->type == N_VAR) {
        export_pattern(es, n->a);
    }
    else {
        live(es, n->a->a->atom, n->a->a->binding->out);
    }
    es->cur_line = line;
}

void flow_es_print_exports(es_t *es, es_node_t *list)
{
    for (; list; list = list->next) {
        if (list->type == N_EXPORT) {
            export_early(es, list);
        }
    }
}

void flow_es_print_export(es_t *es, es_node_t *n)
{
    if (n->flags & NF_DEFAULT && !(n->a->flags & NF_DECL && n->a->a)) {
        note_export(es, flow_es_atom(es, "default", 7));
        flow_es_say(es, "__flow_exports[\"default\"] = ");
        if (n->a->type == N_FUNCTION || n->a->type == N_CLASS) {
            es_node_t *id = flow_es_alloc(es, sizeof(*id));

            id->type = N_ID;
            id->atom = flow_es_atom(es, "default", 7);
            flow_es_print_named(es, n->a, id, P_ASSIGN);
        }
        else {
            flow_es_print_expr(es, n->a, P_ASSIGN);
        }
        flow_es_say(es, ";");
    }
    else if (n->a) {
        flow_es_print_stmt(es, n->a);
    }
}

/* ---- functions that can be called by name ---- */

static int holds_function(const es_node_t *decl)
{
    return decl->a->type == N_ID && decl->b && decl->b->type == N_FUNCTION;
}

static void note(es_t *es, const es_node_t *id)
{
    APR_ARRAY_PUSH(es->functions, const char *) =
        apr_pstrmemdup(es->p, id->atom->s, id->atom->len);
    flow_es_say(es, " __flow_functions[");
    flow_es_quote(es, id->atom);
    flow_es_sayf(es, "] = %s;", id->binding->out);
}

static void note_functions(es_t *es, es_node_t *list, int declared)
{
    es_node_t *n, *s, *decl;

    for (n = list; n; n = n->next) {
        s = n->type == N_EXPORT && n->a ? n->a : n;
        if (declared && s->type == N_FUNCTION && s->flags & NF_DECL && s->a) {
            note(es, s->a);
        }
        for (decl = !declared && s->type == N_VAR ? s->list : NULL; decl;
             decl = decl->next) {
            if (holds_function(decl)) {
                note(es, decl->a);
            }
        }
    }
}

/* ---- the program ---- */

static void unset(es_t *es, es_scope_t *scope)
{
    es_binding_t *b;

    for (b = scope->first; b; b = b->next) {
        if (b->checked &&
            (b->kind == B_LET || b->kind == B_CONST || b->kind == B_CLASS)) {
            flow_es_sayf(es, " %s = __flow_T;", b->out);
        }
    }
}

void flow_es_print_program(es_t *es)
{
    es_node_t *prog = es->program, *list = prog->b->list;
    es_func_t *func = prog->func;

    es->pf = func;
    es->out_line = es->cur_line = 1;
    flow_es_map_line(es, list && list->line == 1 ? list->pos : 0);
    if (!es->opt->eval) {
        flow_es_say(es, "(function (__flow_exports, __flow_functions, "
                        "__flow_require) {");
    }
    if (prog->flags & NF_STRICT) {
        flow_es_say(es, " \"use strict\";");
    }
    flow_es_print_body_start(es, func);
    unset(es, func->scope);
    if (!es->opt->eval) {
        name_modules(es, list);
        flow_es_print_exports(es, list);
        note_functions(es, list, 1);
        flow_es_print_imports(es, list);
    }
    while (!es->opt->eval && list && list->type == N_EXPR &&
           list->a->type == N_STR && !(list->a->flags & NF_PAREN)) {
        list = list->next;
    }
    flow_es_print_stmts(es, list);
    if (!es->opt->eval) {
        note_functions(es, prog->b->list, 0);
    }
    flow_es_print_vars(es, func);
    if (!es->opt->eval) {
        flow_es_say(es, "})");
    }
    flow_es_say(es, "\n");
}
