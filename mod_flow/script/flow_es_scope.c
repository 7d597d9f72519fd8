/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scopes: what is declared where, and which declaration a name means.
 *
 * The walk enters and leaves scopes as the program nests, so each name keeps a
 * stack of its declarations, and looking one up is reading its top.
 */
#include "script/flow_es_private.h"

/* ---- names that pass a function on their way out ---- */

struct es_through {
    const es_func_t *func;
    const es_atom_t *name;
};

static unsigned int through_slot(const es_t *es, const es_func_t *func,
                                 const es_atom_t *name)
{
    unsigned int i =
        (name->hash ^ (unsigned)((apr_uintptr_t)func >> 5) * 2654435761u) &
        es->through_mask;

    while (es->through[i].func &&
           (es->through[i].func != func || es->through[i].name != name)) {
        i = (i + 1) & es->through_mask;
    }
    return i;
}

static void grow_through(es_t *es)
{
    struct es_through *old = es->through;
    unsigned int n = old ? es->through_mask + 1 : 0, i;

    es->through_mask = n ? n * 2 - 1 : 255;
    es->through = flow_es_alloc(es, (es->through_mask + 1) * sizeof(*old));
    for (i = 0; i < n; ++i) {
        if (old[i].func) {
            es->through[through_slot(es, old[i].func, old[i].name)] = old[i];
        }
    }
}

int flow_es_passes(const es_t *es, const es_func_t *func, const es_atom_t *name)
{
    return es->through &&
           es->through[through_slot(es, func, name)].func != NULL;
}

void flow_es_note_passing(es_t *es, es_func_t *from, const es_func_t *to,
                          const es_atom_t *name)
{
    unsigned int i;

    for (; from && from != to; from = from->outer) {
        if (es->through_count * 2 >= es->through_mask) {
            grow_through(es);
        }
        i = through_slot(es, from, name);
        if (es->through[i].func) {
            return; /* then it has passed the outer ones, too */
        }
        es->through[i].func = from;
        es->through[i].name = name;
        ++es->through_count;
    }
}

/* ---- scopes and functions ---- */

es_scope_t *flow_es_open_scope(es_t *es, unsigned int begin)
{
    es_scope_t *scope = flow_es_alloc(es, sizeof(*scope));

    scope->outer = es->scope;
    scope->func = es->func;
    scope->in_loop = es->loop_depth > 0;
    scope->begin = begin;
    es->scope = scope;
    return scope;
}

void flow_es_close_scope(es_t *es)
{
    es_binding_t *b;

    for (b = es->scope->first; b; b = b->next) {
        if (b->name->top == b) {
            b->name->top = b->shadow;
        }
        if (es->scope->in_loop && b->captured && b->kind >= B_LET &&
            b->kind <= B_CLASS) {
            b->in_env = 1;
            es->scope->env = 1;
        }
        if (es->scope->in_loop && b->captured && b->kind == B_FUNCTION &&
            !b->copy_of && !es->scope->is_function) {
            b->in_env = 1;
            es->scope->env = 1;
        }
    }
    es->scope = es->scope->outer;
}

es_func_t *flow_es_open_func(es_t *es, es_node_t *node)
{
    es_func_t *func = flow_es_alloc(es, sizeof(*func));

    func->outer = es->func;
    func->node = node;
    func->strict = es->func && es->func->strict;
    func->created = node->pos;
    if (es->funcs_tail) {
        es->funcs_tail->next = func;
    }
    else {
        es->funcs = func;
    }
    es->funcs_tail = func;
    es->func = func;
    return func;
}

void flow_es_close_func(es_t *es)
{
    es->func = es->func->outer;
}

es_func_t *flow_es_this_func(es_func_t *func)
{
    while (func->is_arrow && func->outer) {
        func = func->outer;
    }
    return func;
}

/* ---- declarations ---- */

static void check_name(es_t *es, const es_node_t *id)
{
    int kw = id->atom->kw;

    if (!es->func->strict || kw == KW_NONE) {
        return;
    }
    if (kw == KW_EVAL || kw == KW_ARGUMENTS) {
        flow_es_fail(es, id->pos, "'%s' may not be declared in strict code",
                     id->atom->s);
    }
    if (kw > KW_LAST_RESERVED && kw <= KW_LAST_STRICT) {
        flow_es_fail(es, id->pos, "'%s' is a reserved word in strict code",
                     id->atom->s);
    }
}

static int is_lexical(int kind)
{
    return kind == B_LET || kind == B_CONST || kind == B_CLASS ||
           kind == B_IMPORT;
}

/* May @a kind be declared in @a scope beside the earlier @a old? */
static int may_stand(const es_t *es, const es_scope_t *scope,
                     const es_binding_t *old, int kind)
{
    if (old->kind == B_SELF) {
        return 1;
    }
    if (is_lexical(kind) || is_lexical(old->kind)) {
        return 0;
    }
    if (kind == B_FUNCTION || old->kind == B_FUNCTION) {
        return scope->is_function || (kind == old->kind && !es->func->strict);
    }
    return 1;
}

es_binding_t *flow_es_declare(es_t *es, es_scope_t *scope, es_node_t *id,
                              int kind, unsigned int pos)
{
    es_binding_t *old = id->atom->top, *b;

    check_name(es, id);
    if (old && old->scope == scope && old->kind != B_PRIVATE) {
        if (!may_stand(es, scope, old, kind)) {
            flow_es_fail(es, id->pos, "'%s' is declared twice", id->atom->s);
        }
        if (old->kind != B_SELF) {
            if (kind == B_FUNCTION) {
                old->kind = old->kind == B_PARAM ? B_PARAM : B_FUNCTION;
            }
            return old;
        }
    }
    b = flow_es_alloc(es, sizeof(*b));
    b->name = id->atom;
    b->scope = scope;
    b->kind = (unsigned char)kind;
    b->pos = pos;
    b->node = id;
    b->case_end = scope->is_switch ? es->case_end : 0;
    b->shadow = old;
    id->atom->top = b;
    if (scope->last) {
        scope->last->next = b;
    }
    else {
        scope->first = b;
    }
    scope->last = b;
    if (scope->func->last) {
        scope->func->last->nfunc = b;
    }
    else {
        scope->func->first = b;
    }
    scope->func->last = b;
    return b;
}

void flow_es_declare_pattern(es_t *es, es_scope_t *scope, es_node_t *n,
                             int kind, unsigned int pos)
{
    es_node_t *item;

    if (!n) {
        return;
    }
    switch (n->type) {
    case N_ID:
        flow_es_declare(es, scope, n, kind, pos ? pos : n->end);
        break;
    case N_DEFAULT:
        flow_es_declare_pattern(es, scope, n->a, kind, pos ? pos : n->end);
        break;
    case N_REST:
        flow_es_declare_pattern(es, scope, n->a, kind, pos);
        break;
    case N_PROP:
        flow_es_declare_pattern(es, scope, n->b, kind, pos);
        break;
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN:
        for (item = n->list; item; item = item->next) {
            flow_es_declare_pattern(es, scope, item, kind, pos);
        }
        break;
    default:
        break;
    }
}

static void declare_variables(es_t *es, es_node_t *var)
{
    es_node_t *decl;
    int kind = var->op == KW_CONST ? B_CONST : B_LET;

    for (decl = var->list; decl; decl = decl->next) {
        if (decl->a->type == N_ID) {
            flow_es_declare(es, es->scope, decl->a, kind, decl->end);
        }
        else {
            flow_es_declare_pattern(es, es->scope, decl->a, kind, 0);
        }
    }
}

static void declare_function(es_t *es, es_node_t *fn)
{
    es_binding_t *outside = NULL, *b;
    es_scope_t *scope;

    if (!fn->a) {
        return;
    }
    /* sloppy code sees a function in a block outside of it, too */
    if (!es->scope->is_function && !es->func->strict &&
        !(fn->flags & NF_ASYNC)) {
        outside = fn->a->atom->top;
        for (scope = es->scope; !scope->is_function;) {
            scope = scope->outer;
        }
        if (outside && outside->scope == es->scope) {
            outside = outside->copy_of;
        }
        if (!outside || outside->scope != scope ||
            (outside->kind != B_VAR && outside->kind != B_FUNCTION)) {
            outside = NULL;
        }
    }
    b = flow_es_declare(es, es->scope, fn->a, B_FUNCTION, es->scope->begin);
    b->copy_of = outside;
}

void flow_es_declare_lexical(es_t *es, es_node_t *list)
{
    es_node_t *n, *inner;

    for (n = list; n; n = n->next) {
        inner = n->type == N_EXPORT && n->a ? n->a : n;
        while (inner->type == N_LABEL) {
            inner = inner->a;
        }
        if (inner->type == N_VAR && inner->op != KW_VAR) {
            declare_variables(es, inner);
        }
        else if (inner->type == N_FUNCTION && inner->flags & NF_DECL) {
            declare_function(es, inner);
        }
        else if (inner->type == N_CLASS && inner->flags & NF_DECL && inner->a) {
            flow_es_declare(es, es->scope, inner->a, B_CLASS, inner->end);
        }
    }
}

/* ---- var ---- */

static void hoist_list(es_t *es, es_node_t *list, int block)
{
    es_node_t *n, *fn;
    es_binding_t *top;

    for (n = list; n; n = n->next) {
        fn = n;
        while (fn->type == N_LABEL) {
            fn = fn->a;
        }
        if (fn->type == N_FUNCTION && fn->flags & NF_DECL) {
            top = fn->a ? fn->a->atom->top : NULL;
            if (block && fn->a && !es->func->strict &&
                !(fn->flags & NF_ASYNC) &&
                !(top && top->scope == es->scope &&
                  (is_lexical(top->kind) || top->kind == B_PARAM))) {
                flow_es_declare(es, es->scope, fn->a, B_VAR, 0);
            }
            continue;
        }
        flow_es_hoist(es, n);
    }
}

/* Declare in the function's scope each `var` below the statement @a n. */
void flow_es_hoist(es_t *es, es_node_t *n)
{
    es_node_t *item;

    if (!n || flow_es_is_deep(es, n->pos)) {
        return;
    }
    switch (n->type) {
    case N_VAR:
        for (item = n->op == KW_VAR ? n->list : NULL; item; item = item->next) {
            flow_es_declare_pattern(es, es->scope, item->a, B_VAR, 0);
        }
        break;
    case N_BLOCK:
        hoist_list(es, n->list, !(n->flags & NF_NO_SCOPE));
        break;
    case N_IF:
        flow_es_hoist(es, n->b);
        flow_es_hoist(es, n->c);
        break;
    case N_FOR:
    case N_FORIN:
    case N_FOROF:
        flow_es_hoist(es, n->a);
        flow_es_hoist(es, n->d);
        break;
    case N_WHILE:
    case N_DO:
        flow_es_hoist(es, n->d);
        break;
    case N_LABEL:
    case N_EXPORT:
        flow_es_hoist(es, n->a);
        break;
    case N_TRY:
        flow_es_hoist(es, n->a);
        flow_es_hoist(es, n->c);
        flow_es_hoist(es, n->d);
        break;
    case N_SWITCH:
        for (item = n->list; item; item = item->next) {
            hoist_list(es, item->list, 1);
        }
        break;
    default:
        break;
    }
}

/* ---- code that calls nothing ---- */

static int is_foreign(const es_node_t *n)
{
    while (n->type == N_MEMBER) {
        n = n->a;
    }
    return n->type == N_ID && (!n->atom->top || n->atom->top->kind == B_IMPORT);
}

/* Could evaluating this call a function of the script? @a data: may its value
 * hold one? */
static int calls_nothing(const es_node_t *n, int data)
{
    const es_node_t *item;

    if (!n) {
        return 1;
    }
    switch (n->type) {
    case N_NUM:
    case N_STR:
    case N_REGEX:
    case N_NULL:
    case N_TRUE:
    case N_FALSE:
    case N_CHUNK:
    case N_HOLE:
        return 1;
    case N_FUNCTION:
        return !data;
    case N_ID:
    case N_MEMBER:
        return !data && n->type == N_ID ? 1 : is_foreign(n);
    case N_UNARY:
        return n->op != T_DELETE && calls_nothing(n->a, 1);
    case N_BINARY:
    case N_LOGICAL:
        return calls_nothing(n->a, 1) && calls_nothing(n->b, 1);
    case N_PROP:
        return !(n->flags & NF_COMPUTED) && calls_nothing(n->b, data);
    case N_CALL:
    case N_NEW:
        data = 1;
        if (!is_foreign(n->a)) {
            return 0;
        }
        break;
    case N_ARRAY:
    case N_OBJECT:
    case N_TEMPLATE:
        break;
    default:
        return 0;
    }
    for (item = n->list; item; item = item->next) {
        if (!calls_nothing(item, data)) {
            return 0;
        }
    }
    return 1;
}

static int class_calls_nothing(const es_node_t *cls)
{
    const es_node_t *item;

    for (item = cls->list; item; item = item->next) {
        if (item->flags & NF_COMPUTED ||
            (item->flags & NF_STATIC && item->flags & NF_FIELD)) {
            return 0;
        }
    }
    return !cls->b || cls->b->type == N_ID;
}

void flow_es_inert(es_t *es, es_scope_t *scope, const es_node_t *list)
{
    const es_node_t *n, *s, *decl;

    (void)es;
    scope->inert_end = scope->begin;
    for (n = list; n; n = n->next) {
        s = n->type == N_EXPORT && n->a ? n->a : n;
        if (s->type == N_VAR) {
            for (decl = s->list; decl; decl = decl->next) {
                if (decl->a->type != N_ID || !calls_nothing(decl->b, 0)) {
                    return;
                }
                scope->inert_end = decl->end;
            }
        }
        else if (s->type == N_CLASS
                     ? !class_calls_nothing(s)
                     : s->type != N_FUNCTION && s->type != N_IMPORT &&
                           s->type != N_EMPTY &&
                           !(s->type == N_EXPR && s->a->type == N_STR)) {
            return;
        }
        scope->inert_end = n->end;
    }
    scope->inert_end = ~0u;
}
