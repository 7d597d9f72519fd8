/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing statements other than loops.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

/* ---- scopes ---- */

int flow_es_completes(const es_t *es)
{
    return es->opt->eval && es->pf == es->program->func;
}

/* An assignment of ours, which is no statement of the script: eval() does not
 * return its value. */
void flow_es_print_quiet(es_t *es, es_node_t *target, const char *text,
                         es_node_t *value, int init)
{
    const char *t = NULL;

    if (flow_es_completes(es)) {
        t = flow_es_temp(es);
        flow_es_sayf(es, " var %s = (", t);
    }
    else {
        flow_es_say(es, " ");
    }
    flow_es_print_store(es, target, text, value, init);
    flow_es_say(es, t ? ");" : ";");
    flow_es_untemp(es, t);
}

/* function f() {} in a block: an assignment at the block's start */
static void block_functions(es_t *es, es_node_t *list)
{
    es_node_t *n, *fn;

    for (n = list; n; n = n->next) {
        fn = n;
        while (fn->type == N_LABEL) {
            fn = fn->a;
        }
        if (fn->type == N_FUNCTION && fn->flags & NF_DECL && fn->a) {
            flow_es_at(es, fn->line, fn->pos);
            flow_es_sayf(es, " %s = ", fn->a->binding->out);
            flow_es_print_function(es, fn, NULL, NULL);
            flow_es_say(es, ";");
        }
    }
}

static void environment(es_t *es, es_scope_t *scope)
{
    es_binding_t *b;
    int first = 1;

    flow_es_say(es, " with (__flow_scope({");
    for (b = scope->first; b; b = b->next) {
        if (b->in_env) {
            flow_es_sayf(es, "%s%s: %s", first ? " " : ", ", b->out,
                         b->checked ? "__flow_T" : "void 0");
            first = 0;
        }
    }
    flow_es_say(es, " })) {");
}

int flow_es_print_scope(es_t *es, es_scope_t *scope, es_node_t *list)
{
    es_binding_t *b;

    if (!scope) {
        return 0;
    }
    if (scope->env) {
        environment(es, scope);
    }
    for (b = scope->first; b; b = b->next) {
        if (b->checked && !b->in_env && !b->copy_of &&
            (b->kind == B_LET || b->kind == B_CONST || b->kind == B_CLASS)) {
            flow_es_sayf(es, " %s = __flow_T;", b->out);
        }
    }
    block_functions(es, list);
    return scope->env;
}

void flow_es_print_stmts(es_t *es, es_node_t *list)
{
    for (; list && !es->failed; list = list->next) {
        flow_es_print_stmt(es, list);
    }
}

static void block(es_t *es, es_node_t *n)
{
    int env;

    flow_es_say(es, " {");
    env = flow_es_print_scope(es, n->scope, n->list);
    flow_es_print_stmts(es, n->list);
    flow_es_say(es, env ? " } }" : " }");
}

/* ---- declarations ---- */

/* `let x;` gives x the value undefined each time */
static int must_reset(const es_binding_t *b)
{
    return b->kind != B_VAR && b->kind != B_PARAM && b->kind != B_FUNCTION &&
           (b->scope->in_loop || b->checked || b->in_env);
}

static int can_say_var(const es_binding_t *b)
{
    return !b->in_env && !b->copy_of && b->kind != B_PARAM &&
           b->kind != B_CATCH && b->kind != B_FUNCTION && b->kind != B_SELF;
}

/* One declarator as an expression; returns whether anything was written. */
static int declarator(es_t *es, es_node_t *decl, int let, const char *before)
{
    if (!decl->b) {
        if (!let || !must_reset(decl->a->binding)) {
            return 0;
        }
        flow_es_sayf(es, "%s%s = void 0", before, decl->a->binding->out);
        return 1;
    }
    flow_es_say(es, before);
    flow_es_print_store(es, decl->a, NULL, decl->b, 1);
    return 1;
}

static int all_plain(const es_node_t *var)
{
    const es_node_t *decl;

    for (decl = var->list; decl; decl = decl->next) {
        if (decl->a->type != N_ID || !can_say_var(decl->a->binding)) {
            return 0;
        }
    }
    return 1;
}

static void plain_var(es_t *es, es_node_t *var)
{
    es_node_t *decl;
    int reset;

    flow_es_say(es, "var ");
    for (decl = var->list; decl; decl = decl->next) {
        flow_es_at(es, decl->line, decl->pos);
        flow_es_say(es, decl->a->binding->out);
        decl->a->binding->declared = 1;
        reset = var->op != KW_VAR && must_reset(decl->a->binding);
        if (decl->b) {
            flow_es_say(es, " = ");
            flow_es_print_named(es, decl->b, decl->a, P_ASSIGN);
        }
        else if (reset) {
            flow_es_say(es, " = void 0");
        }
        flow_es_say(es, decl->next ? ", " : "");
    }
}

/* Without the semicolon. */
void flow_es_print_declaration(es_t *es, es_node_t *var)
{
    es_node_t *decl;
    const char *before = "", *t = NULL;

    if (all_plain(var)) {
        plain_var(es, var);
        return;
    }
    if (flow_es_completes(es)) {
        t = flow_es_temp(es);
        flow_es_sayf(es, "var %s = (void 0", t);
        before = ", ";
    }
    for (decl = var->list; decl; decl = decl->next) {
        if (declarator(es, decl, var->op != KW_VAR, before)) {
            before = ", ";
        }
    }
    flow_es_say(es, t ? ")" : "");
    flow_es_untemp(es, t);
}

static void class_declaration(es_t *es, es_node_t *n)
{
    es_binding_t *b = n->a->binding;

    if (can_say_var(b) && !b->declared) {
        flow_es_say(es, "var ");
        b->declared = 1;
    }
    flow_es_sayf(es, "%s = ", b->out);
    flow_es_print_class(es, n, NULL, NULL);
    flow_es_say(es, ";");
}

static void function_declaration(es_t *es, es_node_t *n)
{
    if (n->a && n->a->binding->scope->is_function) {
        flow_es_print_function(es, n, NULL, NULL);
    }
}

/* ---- simple statements ---- */

static const es_node_t *leftmost(const es_node_t *n)
{
    for (;;) {
        switch (n->type) {
        case N_BINARY:
        case N_LOGICAL:
        case N_COND:
        case N_MEMBER:
        case N_INDEX:
        case N_CALL:
        case N_TAGGED:
        case N_ASSIGN:
            n = n->a;
            break;
        case N_UPDATE:
            if (n->flags & NF_PREFIX) {
                return n;
            }
            n = n->a;
            break;
        case N_SEQ:
            n = n->list;
            break;
        default:
            return n;
        }
    }
}

static void expression(es_t *es, es_node_t *n)
{
    const es_node_t *left = leftmost(n->a);
    int wrap = left->type == N_FUNCTION || left->type == N_OBJECT ||
               left->type == N_REGEX;

    /* a text that is no directive must not become one */
    flow_es_say(es, left->type == N_STR && left == n->a ? "0, "
                    : wrap                              ? "("
                                                        : "");
    flow_es_print_expr(es, n->a, P_SEQ);
    flow_es_say(es, wrap ? ");" : ";");
}

/* return and throw: no line break may follow the word */
static void with_value(es_t *es, const char *word, es_node_t *value)
{
    int wrap = value->line != es->cur_line;

    flow_es_sayf(es, wrap ? "%s (" : "%s ", word);
    flow_es_print_expr(es, value, P_SEQ);
    flow_es_say(es, wrap ? ");" : ";");
}

static void return_statement(es_t *es, es_node_t *n)
{
    es_func_t *func = es->pf;

    if (func->derived) {
        if (!n->a) {
            flow_es_say(es, "break __flow_L;");
            return;
        }
        /* is looked at outside of try and for-of */
        if (!func->returned_name) {
            func->returned_name = flow_es_variable(es, "__flow_r");
        }
        flow_es_sayf(es, "{ %s = [", func->returned_name);
        flow_es_print_expr(es, n->a, P_ASSIGN);
        flow_es_say(es, "]; break __flow_L; }");
    }
    else if (n->a) {
        with_value(es, "return", n->a);
    }
    else {
        flow_es_say(es, "return;");
    }
}

static void jump(es_t *es, const char *word, es_node_t *n)
{
    if (n->atom) {
        flow_es_sayf(es, "%s %s;", word, flow_es_ascii_name(es, n->atom));
    }
    else {
        flow_es_sayf(es, "%s;", word);
    }
}

/* ---- compound statements ---- */

static void sub_statement(es_t *es, es_node_t *n)
{
    /* in braces: a statement may become several */
    if (n->type == N_BLOCK) {
        flow_es_at(es, n->line, n->pos);
        block(es, n);
        return;
    }
    flow_es_say(es, " {");
    flow_es_print_stmt(es, n);
    flow_es_say(es, " }");
}

static void if_statement(es_t *es, es_node_t *n)
{
    for (;;) {
        flow_es_say(es, "if (");
        flow_es_print_expr(es, n->a, P_SEQ);
        flow_es_say(es, ")");
        sub_statement(es, n->b);
        if (!n->c) {
            break;
        }
        flow_es_say(es, " else ");
        if (n->c->type != N_IF) {
            sub_statement(es, n->c);
            break;
        }
        n = n->c;
        flow_es_at(es, n->line, n->pos);
    }
}

static void catch_clause(es_t *es, es_node_t *n)
{
    const char *name = n->b && n->b->type == N_ID
                           ? n->b->binding->out
                           : flow_es_unique(es, "__flow_c");
    int env;

    flow_es_at(es, n->c->line, n->c->pos);
    flow_es_sayf(es, " catch (%s) {", name);
    flow_es_say(es, flow_es_completes(es) ? " void 0;" : "");
    env = flow_es_print_scope(es, n->scope, n->c->list);
    if (n->b && n->b->type != N_ID) {
        flow_es_print_quiet(es, n->b, name, NULL, 1);
    }
    flow_es_print_stmts(es, n->c->list);
    flow_es_say(es, env ? " } }" : " }");
}

static void try_statement(es_t *es, es_node_t *n)
{
    flow_es_say(es, "try");
    block(es, n->a);
    if (n->c) {
        catch_clause(es, n);
    }
    if (n->d) {
        flow_es_at(es, n->d->line, n->d->pos);
        flow_es_say(es, " finally");
        block(es, n->d);
    }
}

static void switch_statement(es_t *es, es_node_t *n)
{
    es_node_t *c;
    const char *t = NULL;
    int env;

    /* the value is read outside of the scope of the cases */
    if (n->scope->env) {
        t = flow_es_temp(es);
        flow_es_sayf(es, flow_es_completes(es) ? "var %s = " : "%s = ", t);
        flow_es_print_expr(es, n->a, P_ASSIGN);
        flow_es_say(es, ";");
    }
    env = flow_es_print_scope(es, n->scope, NULL);
    for (c = n->list; c; c = c->next) {
        block_functions(es, c->list);
    }
    flow_es_print_labels(es);
    flow_es_say(es, " switch (");
    if (t) {
        flow_es_say(es, t);
        flow_es_untemp(es, t);
    }
    else {
        flow_es_print_expr(es, n->a, P_SEQ);
    }
    flow_es_say(es, ") {");
    for (c = n->list; c; c = c->next) {
        flow_es_at(es, c->line, c->pos);
        flow_es_say(es, c->a ? " case " : " default:");
        if (c->a) {
            flow_es_print_expr(es, c->a, P_SEQ);
            flow_es_say(es, ":");
        }
        flow_es_print_stmts(es, c->list);
    }
    flow_es_say(es, env ? " } }" : " }");
}

static void while_statement(es_t *es, es_node_t *n)
{
    flow_es_print_labels(es);
    flow_es_say(es, "while (");
    flow_es_print_expr(es, n->a, P_SEQ);
    flow_es_say(es, ")");
    sub_statement(es, n->d);
}

static void do_statement(es_t *es, es_node_t *n)
{
    flow_es_print_labels(es);
    flow_es_say(es, "do");
    sub_statement(es, n->d);
    flow_es_say(es, " while (");
    flow_es_print_expr(es, n->a, P_SEQ);
    flow_es_say(es, ");");
}

static int takes_labels(const es_node_t *n)
{
    return n->type == N_FOR || n->type == N_FORIN || n->type == N_FOROF ||
           n->type == N_WHILE || n->type == N_DO || n->type == N_LABEL ||
           n->type == N_SWITCH;
}

static void labelled(es_t *es, es_node_t *n)
{
    es_label_t label = { es->pending, n->atom, 0 };

    es->pending = &label;
    if (takes_labels(n->a)) {
        flow_es_print_stmt(es, n->a);
        es->pending = NULL;
        return;
    }
    flow_es_print_labels(es);
    flow_es_say(es, " {");
    flow_es_print_stmt(es, n->a);
    flow_es_say(es, " }");
}

/* Its value is undefined when nothing in it has one. */
static int has_value(const es_node_t *n)
{
    return n->type == N_IF || n->type == N_FOR || n->type == N_FORIN ||
           n->type == N_FOROF || n->type == N_WHILE || n->type == N_DO ||
           n->type == N_SWITCH || n->type == N_TRY;
}

void flow_es_print_stmt(es_t *es, es_node_t *n)
{
    if (flow_es_is_deep(es, n->pos)) {
        return;
    }
    if (n->type == N_FUNCTION &&
        (!n->a || !n->a->binding->scope->is_function)) {
        return;
    }
    flow_es_at_statement(es, n->line, n->pos);
    flow_es_say(es, " ");
    if (flow_es_completes(es) && has_value(n)) {
        flow_es_say(es, "void 0; ");
    }
    switch (n->type) {
    case N_VAR:
        flow_es_print_declaration(es, n);
        flow_es_say(es, ";");
        break;
    case N_FUNCTION:
        function_declaration(es, n);
        break;
    case N_CLASS:
        class_declaration(es, n);
        break;
    case N_EXPR:
        expression(es, n);
        break;
    case N_BLOCK:
        block(es, n);
        break;
    case N_IF:
        if_statement(es, n);
        break;
    case N_FOR:
        flow_es_print_for(es, n);
        break;
    case N_FORIN:
        flow_es_print_for_in(es, n);
        break;
    case N_FOROF:
        flow_es_print_for_of(es, n);
        break;
    case N_WHILE:
        while_statement(es, n);
        break;
    case N_DO:
        do_statement(es, n);
        break;
    case N_RETURN:
        return_statement(es, n);
        break;
    case N_THROW:
        with_value(es, "throw", n->a);
        break;
    case N_BREAK:
        jump(es, "break", n);
        break;
    case N_CONTINUE:
        jump(es, "continue", n);
        break;
    case N_TRY:
        try_statement(es, n);
        break;
    case N_SWITCH:
        switch_statement(es, n);
        break;
    case N_LABEL:
        labelled(es, n);
        break;
    case N_EXPORT:
        flow_es_print_export(es, n);
        break;
    default:
        break;
    }
}
