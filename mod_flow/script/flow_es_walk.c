/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk that resolves names: expressions and statements.
 */
#include "script/flow_es_private.h"

/* ---- references ---- */

/* Is the binding initialized when code at @a pos of es->func reads it? */
static unsigned int initialized(es_t *es, es_binding_t *b, unsigned int pos)
{
    es_func_t *func = es->func;
    unsigned int created;

    if (b->kind != B_LET && b->kind != B_CONST && b->kind != B_CLASS &&
        b->kind != B_PARAM) {
        return 0;
    }
    if (func == b->scope->func) {
        if (pos < b->pos) {
            return NF_TDZ;
        }
        return b->case_end && pos >= b->case_end ? NF_CHECK : 0;
    }
    if (b->kind == B_PARAM) {
        return 0;
    }
    while (func->outer != b->scope->func) {
        func = func->outer;
    }
    created = func->created > b->scope->begin ? func->created : b->scope->begin;
    if (func->is_class && created < b->pos && b->kind != B_CLASS) {
        return NF_CHECK;
    }
    if (created >= b->pos && !(b->case_end && created >= b->case_end)) {
        return 0;
    }
    return b->scope->inert_end >= b->pos && !b->scope->is_switch ? 0 : NF_CHECK;
}

static void special_names(es_t *es, es_node_t *id, int assign)
{
    es_func_t *func = flow_es_this_func(es->func);

    if (id->atom->kw == KW_ARGUMENTS) {
        if (func->is_field) {
            flow_es_fail(es, id->pos,
                         "'arguments' may not stand in a field of a class");
        }
        if (func->outer && !func->is_class) {
            if (func == es->func && !func->is_async) {
                func->own_arguments = 1;
            }
            else {
                func->uses_arguments = 1;
                id->func = func;
            }
            if (assign) {
                func->own_arguments = 1;
            }
        }
    }
}

static void check_reference(es_t *es, const es_node_t *id)
{
    int kw = id->atom->kw;

    if (es->func->strict && kw > KW_LAST_RESERVED && kw <= KW_LAST_STRICT) {
        flow_es_fail(es, id->pos, "'%s' is a reserved word in strict code",
                     id->atom->s);
    }
}

void flow_es_walk_reference(es_t *es, es_node_t *id, int assign)
{
    es_binding_t *b = id->atom->top;

    check_reference(es, id);
    if (assign && es->func->strict &&
        (id->atom->kw == KW_EVAL || id->atom->kw == KW_ARGUMENTS)) {
        flow_es_fail(es, id->pos, "'%s' may not be assigned in strict code",
                     id->atom->s);
    }
    while (b && b->kind == B_PRIVATE) {
        b = b->shadow;
    }
    id->binding = b;
    if (!b) {
        special_names(es, id, assign);
        flow_es_note_passing(es, es->func, NULL, id->atom);
        return;
    }
    flow_es_note_passing(es, es->func, b->scope->func, id->atom);
    if (b->scope->func != es->func) {
        b->captured = 1;
    }
    if (assign) {
        b->assigned = 1;
    }
    id->flags |= initialized(es, b, id->pos);
    if (id->flags & NF_CHECK) {
        b->checked = 1;
    }
}

/* The identifier of a declaration takes its value. */
static void initialize(es_t *es, es_node_t *id)
{
    es_binding_t *b = id->atom->top;

    while (b && b->kind == B_PRIVATE) {
        b = b->shadow;
    }
    id->binding = b;
    id->flags |= NF_INIT;
    if (b) {
        flow_es_note_passing(es, es->func, b->scope->func, id->atom);
    }
}

/* var x in a block that has a let x around it */
static void check_var(es_t *es, const es_node_t *id)
{
    es_binding_t *b = id->atom->top;

    while (b && b->scope->func == es->func && !b->scope->is_function) {
        if (b->kind == B_LET || b->kind == B_CONST || b->kind == B_CLASS ||
            b->kind == B_FUNCTION) {
            flow_es_fail(es, id->pos, "'%s' is declared twice", id->atom->s);
        }
        b = b->shadow;
    }
}

/* @a init: 0 assignment, 1 declaration, 2 var */
void flow_es_walk_pattern(es_t *es, es_node_t *n, int init)
{
    es_node_t *item;

    switch (n->type) {
    case N_ID:
        if (init == 2) {
            check_var(es, n);
        }
        if (init) {
            initialize(es, n);
        }
        else {
            flow_es_walk_reference(es, n, 1);
        }
        break;
    case N_DEFAULT:
        flow_es_walk_expr(es, n->b);
        flow_es_walk_pattern(es, n->a, init);
        break;
    case N_REST:
        flow_es_walk_pattern(es, n->a, init);
        break;
    case N_PROP:
        if (n->flags & NF_COMPUTED) {
            flow_es_walk_expr(es, n->a);
        }
        flow_es_walk_pattern(es, n->b, init);
        break;
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN:
        for (item = n->list; item; item = item->next) {
            if (item->type != N_HOLE) {
                flow_es_walk_pattern(es, item, init);
            }
        }
        break;
    default:
        flow_es_walk_expr(es, n);
        break;
    }
}

/* ---- expressions ---- */

static void use_this(es_t *es, es_node_t *n)
{
    es_func_t *func = flow_es_this_func(es->func);

    n->func = func;
    if (func != es->func || func->is_async || func->derived) {
        func->uses_this = 1;
    }
}

static void use_private(es_t *es, es_node_t *n)
{
    es_binding_t *b = n->atom->top;

    while (b && b->kind != B_PRIVATE) {
        b = b->shadow;
    }
    if (!b) {
        flow_es_fail(es, n->pos, "no class around this declares '#%s'",
                     n->atom->s);
        return;
    }
    n->binding = b;
    b->captured = 1;
}

static void use_super(es_t *es, es_node_t *n)
{
    es_func_t *func = flow_es_this_func(es->func);

    n->func = func;
    use_this(es, n);
    if (func->home) {
        func->home->flags |= NF_HOME;
    }
}

static void walk_object(es_t *es, es_node_t *n)
{
    es_node_t *item;

    for (item = n->list; item; item = item->next) {
        if (item->flags & NF_COMPUTED) {
            flow_es_walk_expr(es, item->a);
        }
        if (item->type == N_PROP && item->b->type == N_FUNCTION &&
            item->flags & (NF_METHOD | NF_GET | NF_SET)) {
            item->b->d = n; /* its home */
        }
        flow_es_walk_expr(es, item->type == N_PROP ? item->b : item->a);
    }
}

static void walk_call(es_t *es, es_node_t *n)
{
    es_func_t *func;

    if (n->a->type == N_ID && n->a->atom->kw == KW_EVAL && !n->a->atom->top) {
        for (func = es->func; func; func = func->outer) {
            func->has_eval = 1;
        }
    }
    flow_es_walk_expr(es, n->a);
    flow_es_walk_list(es, n->list);
}

void flow_es_walk_list(es_t *es, es_node_t *list)
{
    for (; list; list = list->next) {
        flow_es_walk_expr(es, list);
    }
}

static void walk_target(es_t *es, es_node_t *n)
{
    if (n->a->type == N_ID) {
        flow_es_walk_reference(es, n->a, 1);
    }
    else {
        flow_es_walk_expr(es, n->a);
    }
}

void flow_es_walk_expr(es_t *es, es_node_t *n)
{
    if (!n || flow_es_is_deep(es, n->pos)) {
        return;
    }
    switch (n->type) {
    case N_ID:
        flow_es_walk_reference(es, n, 0);
        break;
    case N_THIS:
        use_this(es, n);
        break;
    case N_SUPER:
        use_super(es, n);
        break;
    case N_NEWTARGET:
        n->func = flow_es_this_func(es->func);
        if (n->func != es->func || n->func->is_async || n->func->derived) {
            n->func->uses_newtarget = 1;
        }
        break;
    case N_FUNCTION:
        flow_es_walk_function(es, n);
        break;
    case N_CLASS:
        flow_es_walk_class(es, n);
        break;
    case N_OBJECT:
        walk_object(es, n);
        break;
    case N_PRIVATE:
    case N_PRIVATE_IN:
        use_private(es, n);
        flow_es_walk_expr(es, n->a);
        break;
    case N_CALL:
        walk_call(es, n);
        break;
    case N_UPDATE:
        walk_target(es, n);
        break;
    case N_ASSIGN:
        if (n->op == T_ASSIGN) {
            flow_es_walk_pattern(es, n->a, 0);
        }
        else {
            walk_target(es, n);
        }
        flow_es_walk_expr(es, n->b);
        break;
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN:
        flow_es_walk_pattern(es, n, 0);
        break;
    case N_STR:
    case N_NUM:
    case N_REGEX:
    case N_CHUNK:
        break;
    default:
        flow_es_walk_expr(es, n->a);
        flow_es_walk_expr(es, n->b);
        flow_es_walk_expr(es, n->c);
        flow_es_walk_list(es, n->list);
        break;
    }
}

/* ---- statements ---- */

static void walk_statements(es_t *es, es_node_t *list)
{
    for (; list; list = list->next) {
        flow_es_walk_stmt(es, list);
    }
}

static void walk_block(es_t *es, es_node_t *n)
{
    if (n->flags & NF_NO_SCOPE) {
        walk_statements(es, n->list);
        return;
    }
    n->scope = flow_es_open_scope(es, n->pos);
    flow_es_declare_lexical(es, n->list);
    flow_es_inert(es, n->scope, n->list);
    walk_statements(es, n->list);
    flow_es_close_scope(es);
}

static void walk_variables(es_t *es, es_node_t *n)
{
    es_node_t *decl;

    for (decl = n->list; decl; decl = decl->next) {
        flow_es_walk_expr(es, decl->b);
        flow_es_walk_pattern(es, decl->a, n->op == KW_VAR ? 2 : 1);
    }
}

static void walk_loop_body(es_t *es, es_node_t *body)
{
    ++es->loop_depth;
    flow_es_walk_stmt(es, body);
    --es->loop_depth;
}

/* let in the head: the body gets variables of its own, for closures */
static void copy_head(es_t *es, es_node_t *n)
{
    es_binding_t *b, *copy;

    ++es->loop_depth;
    n->scope2 = flow_es_open_scope(es, n->d->pos);
    for (b = n->scope->first; b; b = b->next) {
        copy = flow_es_declare(es, n->scope2, b->node, b->kind, n->d->pos);
        copy->copy_of = b;
    }
    n->scope2->inert_end = ~0u;
    flow_es_walk_stmt(es, n->d);
    for (b = n->scope2->first; b; b = b->next) {
        b->copy_of->assigned |= b->assigned;
    }
    flow_es_close_scope(es);
    --es->loop_depth;
}

static void walk_for(es_t *es, es_node_t *n)
{
    int scoped = n->a && n->a->type == N_VAR && n->a->op != KW_VAR;

    if (scoped) {
        n->scope = flow_es_open_scope(es, n->pos);
        flow_es_declare_lexical(es, n->a);
        flow_es_inert(es, n->scope, n->a);
    }
    if (n->a && n->a->type == N_VAR) {
        walk_variables(es, n->a);
    }
    else {
        flow_es_walk_expr(es, n->a);
    }
    ++es->loop_depth;
    flow_es_walk_expr(es, n->b);
    flow_es_walk_expr(es, n->c);
    --es->loop_depth;
    if (scoped && n->a->op == KW_LET) {
        copy_head(es, n);
    }
    else {
        walk_loop_body(es, n->d);
    }
    if (scoped) {
        flow_es_close_scope(es);
    }
}

static void walk_for_in(es_t *es, es_node_t *n)
{
    int scoped = n->a->type == N_VAR && n->a->op != KW_VAR;

    if (scoped) {
        ++es->loop_depth;
        n->scope = flow_es_open_scope(es, n->pos);
        flow_es_declare_pattern(es, n->scope, n->a->list->a,
                                n->a->op == KW_CONST ? B_CONST : B_LET,
                                n->b->end);
        if (n->scope->first && n->a->list->a->type == N_ID &&
            n->a->list->a->atom->kw == KW_LET) {
            flow_es_fail(es, n->a->pos, "a variable may not be named 'let'");
        }
        --es->loop_depth;
    }
    else if (n->a->type == N_VAR) {
        flow_es_walk_expr(es, n->a->list->b);
    }
    flow_es_walk_expr(es, n->b);
    ++es->loop_depth;
    if (n->a->type == N_VAR) {
        flow_es_walk_pattern(es, n->a->list->a, scoped ? 1 : 2);
    }
    else {
        flow_es_walk_pattern(es, n->a, 0);
    }
    flow_es_walk_stmt(es, n->d);
    if (scoped) {
        flow_es_close_scope(es);
    }
    --es->loop_depth;
}

static void walk_try(es_t *es, es_node_t *n)
{
    flow_es_walk_stmt(es, n->a);
    if (n->c) {
        n->scope = flow_es_open_scope(es, n->c->pos);
        n->scope->is_catch = 1;
        if (n->b && n->b->type == N_ID) {
            flow_es_declare(es, n->scope, n->b, B_CATCH, n->c->pos);
        }
        else {
            flow_es_declare_pattern(es, n->scope, n->b, B_LET, 0);
        }
        flow_es_declare_lexical(es, n->c->list);
        flow_es_inert(es, n->scope, n->c->list);
        if (n->b) {
            flow_es_walk_pattern(es, n->b, 1);
        }
        walk_statements(es, n->c->list);
        flow_es_close_scope(es);
    }
    flow_es_walk_stmt(es, n->d);
}

static void walk_switch(es_t *es, es_node_t *n)
{
    es_node_t *c;
    unsigned int outer_end = es->case_end;

    flow_es_walk_expr(es, n->a);
    n->scope = flow_es_open_scope(es, n->pos);
    n->scope->is_switch = 1;
    for (c = n->list; c; c = c->next) {
        es->case_end = c->end;
        flow_es_declare_lexical(es, c->list);
    }
    es->case_end = outer_end;
    for (c = n->list; c; c = c->next) {
        flow_es_walk_expr(es, c->a);
        walk_statements(es, c->list);
    }
    flow_es_close_scope(es);
}

static void walk_class_declaration(es_t *es, es_node_t *n)
{
    flow_es_walk_class(es, n);
    if (n->a) {
        initialize(es, n->a);
    }
}

static void walk_export(es_t *es, es_node_t *n)
{
    es_node_t *item;

    if (n->a && (n->a->type >= N_VAR || n->a->flags & NF_DECL)) {
        flow_es_walk_stmt(es, n->a);
    }
    else {
        flow_es_walk_expr(es, n->a);
    }
    for (item = n->atom ? NULL : n->list; item; item = item->next) {
        flow_es_walk_reference(es, item->a, 0);
        if (!item->a->binding) {
            flow_es_fail(es, item->a->pos, "'%s' is exported, but not declared",
                         item->a->atom->s);
        }
        item->a->flags &= ~(NF_TDZ | NF_CHECK);
    }
}

void flow_es_walk_stmt(es_t *es, es_node_t *n)
{
    if (!n || flow_es_is_deep(es, n->pos)) {
        return;
    }
    switch (n->type) {
    case N_VAR:
        walk_variables(es, n);
        break;
    case N_BLOCK:
        walk_block(es, n);
        break;
    case N_IF:
        flow_es_walk_expr(es, n->a);
        flow_es_walk_stmt(es, n->b);
        flow_es_walk_stmt(es, n->c);
        break;
    case N_FOR:
        walk_for(es, n);
        break;
    case N_FORIN:
    case N_FOROF:
        walk_for_in(es, n);
        break;
    case N_WHILE:
    case N_DO:
        ++es->loop_depth;
        flow_es_walk_expr(es, n->a);
        --es->loop_depth;
        walk_loop_body(es, n->d);
        break;
    case N_TRY:
        walk_try(es, n);
        break;
    case N_SWITCH:
        walk_switch(es, n);
        break;
    case N_LABEL:
        flow_es_walk_stmt(es, n->a);
        break;
    case N_FUNCTION:
        flow_es_walk_function(es, n);
        if (n->a) {
            initialize(es, n->a);
        }
        break;
    case N_CLASS:
        walk_class_declaration(es, n);
        break;
    case N_EXPORT:
        walk_export(es, n);
        break;
    case N_EXPR:
    case N_RETURN:
    case N_THROW:
        flow_es_walk_expr(es, n->a);
        break;
    default:
        break;
    }
}
