/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk through functions and classes, and the output's names.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

/* ---- functions ---- */

static void check_parameters(es_t *es, const es_node_t *fn)
{
    const es_node_t *param, *other;
    int simple = 1;

    for (param = fn->list; param; param = param->next) {
        simple &= param->type == N_ID;
    }
    if (simple && !es->func->strict && !(fn->flags & (NF_ARROW | NF_METHOD))) {
        return;
    }
    /* patterns were declared one by one: plain names are compared here, and
     * patterns in declare_parameter() */
    for (param = fn->list; param; param = param->next) {
        for (other = fn->list; other != param; other = other->next) {
            if (param->type == N_ID && other->type == N_ID &&
                param->atom == other->atom) {
                flow_es_fail(es, param->pos, "parameter '%s' is given twice",
                             param->atom->s);
            }
        }
    }
}

static unsigned int declared(const es_func_t *func)
{
    unsigned int n = 0;
    const es_binding_t *b;

    for (b = func->first; b; b = b->nfunc) {
        ++n;
    }
    return n;
}

static unsigned int names_in(const es_node_t *n)
{
    const es_node_t *item;
    unsigned int count = 0;

    switch (n->type) {
    case N_ID:
        return 1;
    case N_DEFAULT:
    case N_REST:
        return names_in(n->a);
    case N_PROP:
        return names_in(n->b);
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN:
        for (item = n->list; item; item = item->next) {
            count += names_in(item);
        }
        return count;
    default:
        return 0;
    }
}

static void declare_parameters(es_t *es, es_node_t *fn)
{
    es_node_t *param;
    unsigned int before = declared(es->func), wanted = 0;
    int simple = 1;

    for (param = fn->list; param; param = param->next) {
        simple &= param->type == N_ID;
    }
    for (param = fn->list; param; param = param->next) {
        wanted += names_in(param);
        flow_es_declare_pattern(es, es->scope, param, B_PARAM,
                                simple ? 1 : param->end);
    }
    if (!simple && declared(es->func) - before < wanted) {
        flow_es_fail(es, fn->list->pos, "a parameter is given twice");
    }
    check_parameters(es, fn);
    for (param = fn->list; param; param = param->next) {
        flow_es_walk_pattern(es, param, 1);
    }
}

/* Behind the last top-level super(...) statement, `this` is there. */
static unsigned int super_end(const es_node_t *body)
{
    const es_node_t *n;

    for (n = body->list; n; n = n->next) {
        if (n->type == N_EXPR && n->a->type == N_CALL &&
            n->a->a->type == N_SUPER) {
            return n->end;
        }
    }
    return ~0u;
}

static void body_scope(es_t *es, es_node_t *fn, es_func_t *func)
{
    es_node_t *list = fn->flags & NF_EXPR_BODY ? NULL : fn->b->list;

    declare_parameters(es, fn);
    flow_es_declare_lexical(es, list);
    flow_es_hoist(es, fn->flags & NF_EXPR_BODY ? NULL : fn->b);
    flow_es_inert(es, func->scope, list);
    func->super_end = fn->flags & NF_EXPR_BODY ? ~0u : super_end(fn->b);
    if (fn->flags & NF_EXPR_BODY) {
        flow_es_walk_expr(es, fn->b);
    }
    else {
        flow_es_walk_stmt(es, fn->b);
    }
}

void flow_es_walk_function(es_t *es, es_node_t *fn)
{
    es_func_t *func, *outer = es->func;
    es_scope_t *outer_scope = es->scope;
    int loops = es->loop_depth;
    unsigned int case_end = es->case_end;
    es_binding_t *self = NULL;

    es->loop_depth = 0;
    fn->func = func = flow_es_open_func(es, fn);
    func->strict = (fn->flags & NF_STRICT) != 0;
    func->is_arrow = (fn->flags & NF_ARROW) != 0;
    func->is_async = (fn->flags & NF_ASYNC) != 0;
    func->derived = (fn->flags & NF_DERIVED) != 0;
    func->uses_this = func->derived;
    func->is_static = (fn->flags & NF_STATIC) != 0;
    func->home = fn->d;
    func->created = fn->flags & NF_DECL ? outer_scope->begin : fn->pos;
    func->scope = flow_es_open_scope(es, fn->pos);
    func->scope->is_function = 1;
    if (fn->a && func->strict &&
        (fn->a->atom->kw == KW_EVAL || fn->a->atom->kw == KW_ARGUMENTS)) {
        flow_es_fail(es, fn->a->pos, "'%s' may not be declared in strict code",
                     fn->a->atom->s);
    }
    if (fn->a && !(fn->flags & NF_DECL)) {
        self = flow_es_declare(es, func->scope, fn->a, B_SELF, 0);
        fn->a->binding = self;
    }
    body_scope(es, fn, func);
    flow_es_close_scope(es);
    flow_es_close_func(es);
    es->func = outer;
    es->loop_depth = loops;
    es->case_end = case_end;
}

/* ---- classes ---- */

static void declare_private(es_t *es, es_node_t *member)
{
    es_binding_t *b = member->a->atom->top;
    int accessor = member->flags & (NF_GET | NF_SET);

    if (b && b->scope == es->scope && b->kind == B_PRIVATE) {
        if (!accessor || (member->flags & NF_GET ? b->has_get : b->has_set) ||
            (!b->has_get && !b->has_set) ||
            b->is_static != !!(member->flags & NF_STATIC)) {
            flow_es_fail(es, member->pos, "'#%s' is declared twice",
                         member->a->atom->s);
        }
    }
    else {
        b = flow_es_alloc(es, sizeof(*b));
        b->name = member->a->atom;
        b->scope = es->scope;
        b->kind = B_PRIVATE;
        b->node = member;
        b->shadow = b->name->top;
        b->name->top = b;
        if (es->scope->last) {
            es->scope->last->next = b;
        }
        else {
            es->scope->first = b;
        }
        es->scope->last = b;
        b->out = flow_es_unique(es, "__flow_p");
    }
    b->has_get |= (member->flags & NF_GET) != 0;
    b->has_set |= (member->flags & NF_SET) != 0;
    b->is_static = (member->flags & NF_STATIC) != 0;
    member->binding = b;
}

/* The values of fields run as a function of their own, with their own this. */
static void walk_field(es_t *es, es_node_t *cls, es_node_t *member,
                       es_func_t **pfields)
{
    es_func_t *func, *outer = es->func;
    int loops = es->loop_depth;

    if (!*pfields) {
        *pfields = flow_es_open_func(es, member);
        (*pfields)->is_field = 1;
        (*pfields)->home = cls;
        (*pfields)->is_static = (member->flags & NF_STATIC) != 0;
        (*pfields)->scope = flow_es_open_scope(es, member->pos);
        (*pfields)->scope->is_function = 1;
        flow_es_close_scope(es);
    }
    func = *pfields;
    func->outer = outer;
    func->created = member->flags & NF_STATIC ? cls->pos : member->pos;
    member->func = func;
    es->func = func;
    es->loop_depth = 0;
    flow_es_walk_expr(es, member->b);
    es->func = outer;
    es->loop_depth = loops;
}

static void walk_members(es_t *es, es_node_t *cls)
{
    es_node_t *m;
    es_func_t *fields = NULL, *statics = NULL;

    for (m = cls->list; m; m = m->next) {
        if (m->flags & NF_PRIVATE_NAME) {
            declare_private(es, m);
        }
    }
    for (m = cls->list; m; m = m->next) {
        if (m->flags & NF_COMPUTED) {
            flow_es_walk_expr(es, m->a);
        }
        if (m->flags & NF_FIELD) {
            walk_field(es, cls, m, m->flags & NF_STATIC ? &statics : &fields);
        }
        else {
            m->b->d = cls;
            flow_es_walk_function(es, m->b);
        }
    }
}

void flow_es_walk_class(es_t *es, es_node_t *cls)
{
    es_func_t *func, *outer = es->func;
    int loops = es->loop_depth;
    es_binding_t *self;

    es->loop_depth = 0;
    cls->func = func = flow_es_open_func(es, cls);
    func->is_class = func->is_arrow = 1;
    func->strict = 1;
    func->scope = flow_es_open_scope(es, cls->pos);
    func->scope->is_function = 1;
    func->scope->inert_end = ~0u;
    if (cls->a) {
        self = flow_es_declare(es, func->scope, cls->a, B_CONST, cls->pos);
        self->declared = 1;
        /* not in what it extends; else the constructor is a function
         * declaration, there from the start */
        self->pos = cls->b ? cls->b->end : 0;
    }
    flow_es_walk_expr(es, cls->b);
    walk_members(es, cls);
    flow_es_close_scope(es);
    flow_es_close_func(es);
    es->func = outer;
    es->loop_depth = loops;
    func->class_name = flow_es_unique(es, "__flow_C");
    func->super_name = flow_es_unique(es, "__flow_S");
}

/* ---- names of the output ---- */

const char *flow_es_unique(es_t *es, const char *stem)
{
    const char *name;
    unsigned int before;

    do {
        name = apr_psprintf(es->p, es->opt->eval ? "%se%d" : "%s%d", stem,
                            ++es->unique);
        before = es->atom_count;
        flow_es_atom(es, name, strlen(name));
    } while (es->atom_count == before);
    return name;
}

/* Letters beyond ASCII: mujs knows fewer of them than the language has. */
const char *flow_es_ascii_name(es_t *es, const es_atom_t *name)
{
    es_text_t out = { NULL, 0, 0 };
    unsigned int i;
    const unsigned char *s = (const unsigned char *)name->s;

    if (name->ascii) {
        return name->s;
    }
    for (i = 0; i < name->len; ++i) {
        if (s[i] < 0x80) {
            flow_es_putc(es, &out, (char)s[i]);
        }
        else {
            flow_es_putc(es, &out, '$');
            flow_es_putc(es, &out, "0123456789abcdef"[s[i] >> 4]);
            flow_es_putc(es, &out, "0123456789abcdef"[s[i] & 15]);
        }
    }
    flow_es_putc(es, &out, 0);
    return out.s;
}

static const char *choose(es_t *es, const es_func_t *func, es_binding_t *b)
{
    const es_binding_t *other;
    const char *stem = flow_es_ascii_name(es, b->name);
    int taken =
        !b->name->ascii ||
        (b->name->kw > KW_LAST_RESERVED && b->name->kw <= KW_LAST_STRICT) ||
        strncmp(b->name->s, "__flow_", 7) == 0 || b->name->kw == KW_EVAL ||
        (b->kind != B_SELF && flow_es_passes(es, func, b->name));

    for (other = b->name->top; !taken && other; other = other->shadow) {
        taken = other->scope->func == func && other->kind != B_SELF;
    }
    if (b->kind == B_SELF && b->name->ascii && !taken) {
        return b->name->s;
    }
    if (taken) {
        return flow_es_unique(es, apr_pstrcat(es->p, stem, "$", NULL));
    }
    return b->name->s;
}

/* Of the bindings of one function, the first of a name keeps it. While this
 * runs, atom->top is the list of those that have been named here. */
static void name_function(es_t *es, const es_func_t *func)
{
    es_binding_t *b;

    for (b = func->first; b; b = b->nfunc) {
        if (b->copy_of && !b->in_env) {
            b->out = b->copy_of->out;
            continue;
        }
        if (es->opt->eval && func->node->type == N_PROGRAM) {
            b->out = b->name->s;
            continue;
        }
        b->out = choose(es, func, b);
        b->shadow = b->kind == B_SELF ? b->shadow : b->name->top;
        if (b->kind != B_SELF) {
            b->name->top = b;
        }
    }
    for (b = func->first; b; b = b->nfunc) {
        b->name->top = NULL;
    }
}

void flow_es_name_bindings(es_t *es)
{
    es_func_t *func;
    es_binding_t *b;

    for (func = es->funcs; func; func = func->next) {
        for (b = func->first; b; b = b->nfunc) {
            b->shadow = NULL;
            b->name->top = NULL;
        }
    }
    for (func = es->funcs; func; func = func->next) {
        name_function(es, func);
        if (func->uses_this) {
            func->this_name = flow_es_unique(es, "__flow_this");
        }
        if (func->uses_arguments) {
            func->arguments_name = flow_es_unique(es, "__flow_args");
        }
        if (func->uses_newtarget) {
            func->newtarget_name = flow_es_unique(es, "__flow_new");
        }
    }
}

/* ---- the program ---- */

static void declare_imports(es_t *es, es_node_t *list)
{
    es_node_t *n, *item;
    es_binding_t *b;

    for (n = list; n; n = n->next) {
        if (n->type != N_IMPORT) {
            continue;
        }
        for (item = n->list; item; item = item->next) {
            b = flow_es_declare(es, es->scope, item->a, B_IMPORT, 0);
            b->node = item;
            item->b = n;
        }
    }
}

void flow_es_resolve(es_t *es)
{
    es_node_t *prog = es->program;
    es_func_t *func = flow_es_open_func(es, prog);

    prog->func = func;
    func->strict = (prog->flags & NF_STRICT) != 0;
    func->scope = flow_es_open_scope(es, 0);
    func->scope->is_function = 1;
    declare_imports(es, prog->b->list);
    flow_es_declare_lexical(es, prog->b->list);
    flow_es_hoist(es, prog->b);
    flow_es_inert(es, func->scope, prog->b->list);
    flow_es_walk_stmt(es, prog->b);
    flow_es_close_scope(es);
    flow_es_close_func(es);
    if (!es->failed) {
        flow_es_name_bindings(es);
    }
}
