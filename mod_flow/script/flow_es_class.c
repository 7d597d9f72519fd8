/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing classes: a function that is called at once, in which the
 * constructor is a declaration and the members follow in their order.
 *
 *   (function (S) { "use strict"; __flow_class(C, S, "name");
 *       function C(a) { ... }
 *       __flow_method(C.prototype, "m", function m() { ... });
 *       function f1() { __flow_field(this, "x", 1); }
 *       f2.call(C); return C; })(parent)
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

static int is_field(const es_node_t *m)
{
    return m && m->flags & NF_FIELD;
}

static int same_run(const es_node_t *a, const es_node_t *b)
{
    return is_field(a) && is_field(b) &&
           (a->flags & NF_STATIC) == (b->flags & NF_STATIC);
}

/* Fields that follow each other make one function; its name is kept at the
 * first of them. */
static void name_runs(es_t *es, es_node_t *cls)
{
    es_node_t *m, *before = NULL;
    const char *name;

    for (m = cls->list; m; before = m, m = m->next) {
        if (is_field(m) && !same_run(before, m)) {
            name = flow_es_unique(es, "__flow_f");
            m->atom2 = flow_es_atom(es, name, strlen(name));
        }
        if (m->flags & NF_COMPUTED && is_field(m)) {
            name = flow_es_unique(es, "__flow_k");
            m->atom = flow_es_atom(es, name, strlen(name));
        }
    }
}

static int is_private_method(const es_node_t *m)
{
    return m->flags & NF_PRIVATE_NAME && !is_field(m);
}

/* A private method is the same for all objects: an object is only marked as one
 * that has the methods of this class. */
static void name_brands(es_t *es, es_node_t *cls)
{
    es_func_t *func = cls->func;
    es_node_t *m;

    for (m = cls->list; m; m = m->next) {
        if (!is_private_method(m)) {
            continue;
        }
        if (m->flags & NF_STATIC && !func->static_brand) {
            func->static_brand = flow_es_unique(es, "__flow_b");
        }
        else if (!(m->flags & NF_STATIC) && !func->brand_name) {
            func->brand_name = flow_es_unique(es, "__flow_b");
        }
    }
}

/* ", f1.call(self)" for each run of instance fields */
void flow_es_print_fields_call(es_t *es, es_node_t *cls, const char *self)
{
    es_node_t *m;

    if (cls->func->brand_name) {
        flow_es_sayf(es, ", __flow_pbrand(%s, %s)", self,
                     cls->func->brand_name);
    }
    for (m = cls->list; m; m = m->next) {
        if (m->atom2 && !(m->flags & NF_STATIC)) {
            flow_es_sayf(es, ", %s.call(%s)", m->atom2->s, self);
        }
    }
}

static void key(es_t *es, es_node_t *m)
{
    if (m->flags & NF_PRIVATE_NAME) {
        flow_es_say(es, m->binding->out);
    }
    else if (m->flags & NF_COMPUTED && is_field(m)) {
        flow_es_say(es, m->atom->s);
    }
    else {
        flow_es_print_expr(es, m->a, P_ASSIGN);
    }
}

static int is_anonymous(const es_node_t *n)
{
    return (n->type == N_FUNCTION || n->type == N_CLASS) && !n->a;
}

static void one_field(es_t *es, es_node_t *m)
{
    flow_es_at(es, m->line, m->pos);
    flow_es_say(es, m->flags & NF_PRIVATE_NAME ? " __flow_pinit(this, "
                                               : " __flow_field(this, ");
    key(es, m);
    flow_es_say(es, ", ");
    if (!m->b) {
        flow_es_say(es, "void 0");
    }
    else if (is_anonymous(m->b) && m->flags & NF_PRIVATE_NAME) {
        flow_es_say(es, "__flow_named(");
        flow_es_print_expr(es, m->b, P_ASSIGN);
        flow_es_say(es, ", \"#");
        flow_es_say(es, flow_es_ascii_name(es, m->a->atom));
        flow_es_say(es, "\")");
    }
    else if (m->b->type == N_FUNCTION && !m->b->a && m->a->type == N_STR &&
             !(m->flags & NF_COMPUTED)) {
        flow_es_at(es, m->b->line, m->b->pos);
        flow_es_print_function(es, m->b, NULL, m->a->atom);
    }
    else {
        flow_es_print_expr(es, m->b, P_ASSIGN);
    }
    flow_es_say(es, ");");
}

static void computed_keys(es_t *es, es_node_t *m)
{
    es_node_t *first = m;

    for (; m && same_run(first, m); m = m->next) {
        if (m->flags & NF_COMPUTED) {
            flow_es_at(es, m->line, m->pos);
            flow_es_sayf(es, " var %s = __flow_key(", m->atom->s);
            flow_es_print_expr(es, m->a, P_ASSIGN);
            flow_es_say(es, ");");
        }
    }
}

/* A run of fields; returns its last. */
static es_node_t *fields(es_t *es, es_node_t *m)
{
    es_func_t *func = m->func, *outer = es->pf;
    es_node_t *first = m, *last = m;

    computed_keys(es, m);
    flow_es_sayf(es, " function %s() {", first->atom2->s);
    es->pf = func;
    flow_es_print_body_start(es, func);
    for (; m && same_run(first, m); m = m->next) {
        one_field(es, m);
        last = m;
    }
    flow_es_print_vars(es, func);
    es->pf = outer;
    flow_es_say(es, " }");
    return last;
}

static const char *helper(const es_node_t *m)
{
    if (m->flags & NF_GET) {
        return "__flow_get";
    }
    if (m->flags & NF_SET) {
        return "__flow_set";
    }
    return "__flow_method";
}

static void private_method(es_t *es, es_node_t *m)
{
    flow_es_at(es, m->line, m->pos);
    flow_es_sayf(es, " __flow_pmethod(%s, \"%s\", ", m->binding->out,
                 m->flags & NF_GET   ? "get"
                 : m->flags & NF_SET ? "set"
                                     : "value");
    flow_es_print_function(es, m->b, NULL, NULL);
    flow_es_say(es, ");");
}

static void method(es_t *es, es_node_t *m, const char *name)
{
    const es_atom_t *hint = NULL;

    flow_es_at(es, m->line, m->pos);
    flow_es_sayf(es, " %s(%s%s, ", helper(m), name,
                 m->flags & NF_STATIC ? "" : ".prototype");
    key(es, m);
    flow_es_say(es, ", ");
    if (!(m->flags & (NF_COMPUTED | NF_GET | NF_SET)) && m->a->type == N_STR) {
        hint = m->a->atom;
    }
    flow_es_print_function(es, m->b, NULL, hint);
    flow_es_say(es, m->flags & (NF_GET | NF_SET) ? ", false);" : ");");
}

static void default_constructor(es_t *es, es_node_t *cls, const char *name)
{
    apr_size_t from;

    if (cls->b) {
        flow_es_sayf(es,
                     " function %s() { this instanceof %s || __flow_call(%s);"
                     " var t = __flow_super(%s, this, arguments); t",
                     name, name, name, name);
        flow_es_print_fields_call(es, cls, "t");
        flow_es_say(es, "; return t; }");
        return;
    }
    flow_es_sayf(es, " function %s() { this instanceof %s || __flow_call(%s);",
                 name, name, name);
    from = es->out.len;
    flow_es_print_fields_call(es, cls, "this");
    if (es->out.len > from) {
        es->out.s[from] = ' ';
        flow_es_say(es, ";");
    }
    flow_es_say(es, " }");
}

static void private_names(es_t *es, es_node_t *cls)
{
    es_func_t *func = cls->func;
    es_binding_t *b;

    if (func->brand_name) {
        flow_es_sayf(es, " var %s = __flow_pname(\"\");", func->brand_name);
    }
    if (func->static_brand) {
        flow_es_sayf(es, " var %s = __flow_pname(\"\");", func->static_brand);
    }
    for (b = cls->func->scope->first; b; b = b->next) {
        if (b->kind == B_PRIVATE) {
            flow_es_sayf(es, " var %s = __flow_pname(", b->out);
            flow_es_quote(es, b->name);
            if (is_private_method(b->node)) {
                flow_es_sayf(es, ", %s",
                             b->is_static ? cls->func->static_brand
                                          : cls->func->brand_name);
            }
            flow_es_say(es, ");");
        }
    }
}

static void members(es_t *es, es_node_t *cls, const char *name)
{
    es_node_t *m;

    for (m = cls->list; m; m = m->next) {
        if (m == cls->c) {
            flow_es_at(es, m->line, m->pos);
            flow_es_say(es, " ");
            flow_es_print_function(es, m->b, NULL, NULL);
        }
        else if (is_field(m)) {
            m = fields(es, m);
        }
        else if (is_private_method(m)) {
            private_method(es, m);
        }
        else {
            method(es, m, name);
        }
    }
    if (cls->func->static_brand) {
        flow_es_sayf(es, " __flow_pbrand(%s, %s);", name,
                     cls->func->static_brand);
    }
    for (m = cls->list; m; m = m->next) {
        if (m->atom2 && m->flags & NF_STATIC) {
            flow_es_sayf(es, " %s.call(%s);", m->atom2->s, name);
        }
    }
}

static const char *class_name(es_t *es, es_node_t *cls, const es_atom_t *hint)
{
    if (cls->a) {
        return cls->func->first->out;
    }
    if (flow_es_can_name(es, hint) && !cls->func->has_eval &&
        !flow_es_passes(es, cls->func, hint)) {
        return hint->s;
    }
    return cls->func->class_name;
}

void flow_es_print_class(es_t *es, es_node_t *cls, es_node_t *hint_id,
                         const es_atom_t *hint)
{
    es_func_t *func = cls->func, *outer = es->pf;
    const es_atom_t *title = cls->a ? cls->a->atom : hint;
    const char *name = class_name(es, cls, hint);

    (void)hint_id;
    func->class_name = name;
    name_runs(es, cls);
    name_brands(es, cls);
    es->pf = func;
    flow_es_sayf(es, "(function (%s) {%s", func->super_name,
                 outer->strict ? "" : " \"use strict\";");
    flow_es_sayf(es, cls->b ? " __flow_class(%s, %s, " : " __flow_class(%s, %s",
                 name, cls->b ? func->super_name : "void 0, ");
    if (title) {
        flow_es_quote(es, title);
    }
    else {
        flow_es_say(es, "\"\"");
    }
    flow_es_say(es, cls->b ? ", true);" : ", false);");
    private_names(es, cls);
    if (!cls->c) {
        default_constructor(es, cls, name);
    }
    members(es, cls, name);
    flow_es_sayf(es, " return %s;", name);
    flow_es_print_vars(es, func);
    es->pf = outer;
    flow_es_say(es, " })(");
    if (cls->b) {
        flow_es_print_expr(es, cls->b, P_ASSIGN);
    }
    flow_es_say(es, ")");
}
