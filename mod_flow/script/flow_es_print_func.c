/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing functions: parameters, this and arguments for inner arrows,
 * super, variables.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

/* ---- this, super ---- */

void flow_es_print_this(es_t *es, es_node_t *n)
{
    es_func_t *func = n->func;

    if (!func->uses_this) {
        flow_es_say(es, "this");
    }
    else if (func->derived && n->pos < func->super_end) {
        flow_es_sayf(es, "__flow_self(%s)", func->this_name);
    }
    else {
        flow_es_say(es, func->this_name);
    }
}

/* The object in which super.name is looked up. */
void flow_es_print_super_base(es_t *es, es_func_t *func)
{
    es_node_t *home = func->home;

    if (!home) {
        flow_es_fail(es, func->node->pos, "'super' may stand in methods only");
    }
    else if (home->type == N_OBJECT) {
        flow_es_sayf(es, "__flow_proto(%s)", home->atom->s);
    }
    else if (home->b) {
        flow_es_sayf(es, func->is_static ? "%s" : "%s.prototype",
                     home->func->super_name);
    }
    else {
        flow_es_sayf(es,
                     func->is_static ? "__flow_proto(%s)"
                                     : "__flow_proto(%s.prototype)",
                     home->func->class_name);
    }
}

void flow_es_print_super_call(es_t *es, es_node_t *n)
{
    es_func_t *func = n->a->func;
    es_node_t *cls = func->home;

    flow_es_at(es, n->line, n->pos);
    flow_es_sayf(es, "(%s = __flow_super(%s, %s_, ", func->this_name,
                 cls->func->class_name, func->this_name);
    flow_es_print_array_of(es, n->list, 0);
    flow_es_sayf(es, ", %s)", func->this_name);
    flow_es_print_fields_call(es, cls, func->this_name);
    flow_es_sayf(es, ", %s)", func->this_name);
}

/* ---- variables at the end ---- */

static void say_var(es_t *es, const char *name, int *pfirst)
{
    flow_es_sayf(es, "%s%s", *pfirst ? " var " : ", ", name);
    *pfirst = 0;
}

/* What the text has not declared yet; `var` counts from the function's start
 * wherever it stands. */
void flow_es_print_vars(es_t *es, es_func_t *func)
{
    es_binding_t *b;
    int first = 1, i;

    for (b = func->first; b; b = b->nfunc) {
        if (!b->declared && !b->in_env && !b->copy_of &&
            (b->kind == B_VAR || b->kind == B_LET || b->kind == B_CONST ||
             b->kind == B_CLASS ||
             (b->kind == B_FUNCTION && !b->scope->is_function))) {
            say_var(es, b->out, &first);
            b->declared = 1;
        }
        else if (!b->declared && b->kind == B_PARAM && b->node &&
                 b->node->flags & NF_DECL) {
            say_var(es, b->out, &first);
        }
    }
    for (i = 0; func->vars && i < func->vars->nelts; ++i) {
        say_var(es, APR_ARRAY_IDX(func->vars, i, const char *), &first);
    }
    func->vars = NULL;
    func->temps += 0;
    func->nfree = 0;
    flow_es_say(es, first ? "" : ";");
}

/* ---- parameters ---- */

static void parameter_names(es_t *es, es_node_t *fn, const char **names)
{
    es_node_t *param, *target;
    int i = 0;

    flow_es_say(es, "(");
    for (param = fn->list; param; param = param->next, ++i) {
        if (param->type == N_REST) {
            break;
        }
        target = param->type == N_DEFAULT ? param->a : param;
        names[i] = target->type == N_ID ? target->binding->out
                                        : flow_es_unique(es, "__flow_a");
        flow_es_sayf(es, "%s%s", i ? ", " : "", names[i]);
    }
    flow_es_say(es, ") {");
}

static void mark_declared(es_node_t *n)
{
    es_node_t *item;

    if (n->type == N_ID) {
        n->binding->node = n;
        n->flags |= NF_DECL;
    }
    else if (n->type == N_DEFAULT || n->type == N_REST) {
        mark_declared(n->a);
    }
    else if (n->type == N_PROP) {
        mark_declared(n->b);
    }
    for (item = n->type == N_ARRAY_PATTERN || n->type == N_OBJECT_PATTERN
                    ? n->list
                    : NULL;
         item; item = item->next) {
        if (item->type != N_HOLE) {
            mark_declared(item);
        }
    }
}

static void parameter_values(es_t *es, es_node_t *fn, const char **names)
{
    es_node_t *param, *target;
    es_func_t *func = fn->func;
    int i = 0;

    for (param = fn->list; param; param = param->next, ++i) {
        target = param->type == N_DEFAULT || param->type == N_REST ? param->a
                                                                   : param;
        if (param->type == N_DEFAULT) {
            flow_es_sayf(es, " if (%s === void 0) %s = ", names[i], names[i]);
            flow_es_print_named(es, param->b, target, P_ASSIGN);
            flow_es_say(es, ";");
        }
        if (param->type == N_REST) {
            mark_declared(target);
            flow_es_say(es, " ");
            flow_es_print_store(es, target,
                                apr_psprintf(es->p, "__flow_rest(%s, %d)",
                                             func->uses_arguments
                                                 ? func->arguments_name
                                                 : "arguments",
                                             i),
                                NULL, 1);
            flow_es_say(es, ";");
        }
        else if (target->type != N_ID) {
            mark_declared(target);
            flow_es_say(es, " ");
            flow_es_print_pattern(es, target, names[i], 1);
            flow_es_say(es, ";");
        }
    }
}

/* ---- bodies ---- */

/* Variables of a function's top that are checked before use begin as T. */
static void say_unset(es_t *es, es_scope_t *scope)
{
    es_binding_t *b;

    for (b = scope->first; b; b = b->next) {
        if (b->checked && !b->in_env &&
            (b->kind == B_LET || b->kind == B_CONST || b->kind == B_CLASS)) {
            flow_es_sayf(es, " %s = __flow_T;", b->out);
        }
    }
}

/* var _this = this and so on. */
void flow_es_print_body_start(es_t *es, es_func_t *func)
{
    if (func->derived) {
        flow_es_sayf(es, " var %s, %s_ = this;", func->this_name,
                     func->this_name);
    }
    else if (func->uses_this) {
        flow_es_sayf(es, " var %s = this;", func->this_name);
    }
    if (func->uses_arguments) {
        flow_es_sayf(es, " var %s = arguments;", func->arguments_name);
    }
    if (func->uses_newtarget) {
        flow_es_sayf(es,
                     func->self_name ? " var %s = __flow_newtarget(this, %s);"
                                     : " var %s;",
                     func->newtarget_name, func->self_name);
    }
}

static void constructor_start(es_t *es, es_node_t *fn)
{
    es_node_t *cls = fn->func->home;
    const char *name = cls->func->class_name;

    flow_es_sayf(es, " this instanceof %s || __flow_call(%s);", name, name);
    if (!fn->func->derived) {
        apr_size_t from;

        flow_es_say(es, " ");
        from = es->out.len;
        flow_es_print_fields_call(es, cls, "this");
        if (es->out.len > from) {
            es->out.s[from] = ' '; /* the comma before the first */
            flow_es_say(es, ";");
        }
    }
}

static int is_directive(const es_node_t *n)
{
    return n && n->type == N_EXPR && n->a->type == N_STR &&
           !(n->a->flags & NF_PAREN);
}

/* What the engine cannot see: how many parameters count, and that nobody
 * constructs with it. */
static void engine_directive(es_t *es, const es_node_t *fn)
{
    int plain = (fn->flags & (NF_ARROW | NF_METHOD | NF_GET | NF_SET) ||
                 fn->func->is_async) &&
                !(fn->flags & NF_CONSTRUCTOR);
    int all = 0, length = -1;
    const es_node_t *param;

    for (param = fn->list; param; param = param->next) {
        if (length < 0 && (param->type == N_DEFAULT || param->type == N_REST)) {
            length = all;
        }
        all += param->type != N_REST;
    }
    if (length < 0) {
        length = all;
    }
    if (plain || length != all) {
        flow_es_sayf(es, " \"flow %d%s\";", length, plain ? "a" : "");
    }
}

static es_node_t *directives(es_t *es, es_node_t *fn)
{
    es_node_t *n = fn->flags & NF_EXPR_BODY ? NULL : fn->b->list;

    if (fn->flags & NF_STRICT && fn->func->outer && !fn->func->outer->strict) {
        flow_es_say(es, " \"use strict\";");
    }
    engine_directive(es, fn);
    while (is_directive(n)) {
        n = n->next;
    }
    return n;
}

static void function_body(es_t *es, es_node_t *fn, es_node_t *list,
                          const char **names)
{
    es_func_t *func = fn->func;

    say_unset(es, func->scope);
    parameter_values(es, fn, names);
    if (fn->flags & NF_EXPR_BODY) {
        flow_es_say(es, " return ");
        if (fn->b->line != es->cur_line) {
            flow_es_say(es, "(");
            flow_es_print_expr(es, fn->b, P_SEQ);
            flow_es_say(es, ")");
        }
        else {
            flow_es_print_expr(es, fn->b, P_ASSIGN);
        }
        flow_es_say(es, ";");
    }
    else {
        flow_es_say(es, func->derived ? " __flow_L: {" : "");
        flow_es_print_stmts(es, list);
        if (func->derived && func->returned_name) {
            flow_es_sayf(es, " } return __flow_returned(%s, %s);",
                         func->returned_name, func->this_name);
        }
        else if (func->derived) {
            flow_es_sayf(es, " } return __flow_self(%s);", func->this_name);
        }
    }
    flow_es_print_vars(es, func);
}

static void print_whole(es_t *es, es_node_t *fn)
{
    es_func_t *func = fn->func, *outer = es->pf;
    es_label_t *pending = es->pending;
    es_node_t *param, *list;
    const char **names;
    int n = 0;

    for (param = fn->list; param; param = param->next) {
        ++n;
    }
    names = flow_es_alloc(es, (apr_size_t)(n + 1) * sizeof(*names));
    es->pf = func;
    es->pending = NULL;
    parameter_names(es, fn, names);
    list = directives(es, fn);
    if (fn->flags & NF_CONSTRUCTOR) {
        constructor_start(es, fn);
    }
    flow_es_print_body_start(es, func);
    if (func->is_async) {
        flow_es_say(es, " return __flow_async(function () {");
    }
    function_body(es, fn, list, names);
    flow_es_say(es, func->is_async ? " }); }" : " }");
    es->pf = outer;
    es->pending = pending;
}

/* May the text say `function name`? Only when no code inside means something
 * else by it. */
static const char *own_name(es_t *es, es_node_t *fn, es_node_t *id,
                            const es_atom_t *hint)
{
    es_binding_t *b;

    if (fn->a) {
        b = fn->a->binding;
        return b ? b->out : NULL;
    }
    if (!flow_es_can_name(es, hint) || fn->func->has_eval) {
        return NULL;
    }
    if (!flow_es_passes(es, fn->func, hint)) {
        return hint->s;
    }
    b = id ? id->binding : NULL;
    if (b && b->kind == B_CONST && id->flags & NF_INIT &&
        strcmp(b->out, hint->s) == 0) {
        return hint->s;
    }
    return NULL;
}

static int tells_newtarget(const es_func_t *func)
{
    return !func->is_arrow && !(func->node->flags & NF_METHOD);
}

void flow_es_print_function(es_t *es, es_node_t *fn, es_node_t *hint_id,
                            const es_atom_t *hint)
{
    const char *name = own_name(es, fn, hint_id, hint);

    if (fn->flags & NF_CONSTRUCTOR) {
        name = fn->func->home->func->class_name;
        fn->func->self_name = name;
    }
    else if (tells_newtarget(fn->func)) {
        if (!name) {
            name = fn->func->uses_newtarget || hint == NULL ? NULL : name;
        }
        fn->func->self_name = name;
    }
    flow_es_sayf(es, name ? "function %s" : "function ", name);
    print_whole(es, fn);
}
