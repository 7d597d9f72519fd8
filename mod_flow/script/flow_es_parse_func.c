/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Functions, arrow functions, object literals, classes.
 */
#include "script/flow_es_private.h"

/* What a function's inside starts from, and gives back. */
typedef struct context_t {
    int strict, in_function, in_async, in_loop, in_switch, allow_super_call,
        allow_super, allow_newtarget, in_params;
    es_label_t *labels;
    es_cover_t *cover;
} context_t;

static context_t save_context(const es_t *es)
{
    context_t c = { es->strict,      es->in_function,
                    es->in_async,    es->in_loop,
                    es->in_switch,   es->allow_super_call,
                    es->allow_super, es->allow_newtarget,
                    es->in_params,   es->labels,
                    es->cover };

    return c;
}

static void restore_context(es_t *es, const context_t *c)
{
    es->strict = c->strict;
    es->in_function = c->in_function;
    es->in_async = c->in_async;
    es->in_loop = c->in_loop;
    es->in_switch = c->in_switch;
    es->allow_super_call = c->allow_super_call;
    es->allow_super = c->allow_super;
    es->allow_newtarget = c->allow_newtarget;
    es->in_params = c->in_params;
    es->labels = c->labels;
    es->cover = c->cover;
}

static void enter_function(es_t *es, unsigned int flags)
{
    es->in_function = 1;
    es->in_async = (flags & NF_ASYNC) != 0;
    es->in_loop = es->in_switch = 0;
    es->in_params = 0;
    es->labels = NULL;
    es->cover = NULL;
    if (!(flags & NF_ARROW)) {
        es->allow_newtarget = 1;
        es->allow_super = (flags & (NF_METHOD | NF_GET | NF_SET)) != 0;
        es->allow_super_call =
            (flags & NF_CONSTRUCTOR) != 0 && (flags & NF_DERIVED) != 0;
    }
}

static void parameters(es_t *es, es_node_t *fn)
{
    es_node_t *tail = NULL, *item, *target;

    flow_es_expect(es, T_LPAREN);
    es->in_params = 1;
    while (!flow_es_is(es, T_RPAREN) && !flow_es_is(es, T_EOF)) {
        if (flow_es_is(es, T_ELLIPSIS)) {
            item = flow_es_node(es, N_REST, &es->tok);
            flow_es_next(es);
            flow_es_kids(es, item, flow_es_binding_target(es), NULL);
        }
        else {
            item = target = flow_es_binding_target(es);
            if (flow_es_accept(es, T_ASSIGN)) {
                item = flow_es_node_at(es, N_DEFAULT, target);
                flow_es_kids(es, item, target, flow_es_parse_value(es, 0));
            }
        }
        flow_es_append(&fn->list, &tail, item);
        flow_es_deepen(es, fn, item);
        if (item->type == N_REST || !flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RPAREN);
    es->in_params = 0;
}

static void check_accessor(es_t *es, const es_node_t *fn)
{
    if (fn->flags & NF_GET && fn->list) {
        flow_es_fail(es, fn->list->pos, "a getter has no parameters");
    }
    if (fn->flags & NF_SET &&
        (!fn->list || fn->list->next || fn->list->type == N_REST)) {
        flow_es_fail(es, fn->pos, "a setter has exactly one parameter");
    }
}

static void body(es_t *es, es_node_t *fn)
{
    fn->b = flow_es_parse_body(es, fn);
    flow_es_deepen(es, fn, fn->b);
    fn->flags |= es->strict ? NF_STRICT : 0;
}

/* The current token is `function` or `async`. */
es_node_t *flow_es_parse_function(es_t *es, unsigned int flags)
{
    es_node_t *fn = flow_es_node(es, N_FUNCTION, &es->tok);
    context_t outer;

    fn->flags = flags;
    if (flow_es_accept_word(es, KW_ASYNC)) {
        fn->flags |= NF_ASYNC;
    }
    flow_es_next(es);
    if (flow_es_is(es, T_MUL)) {
        flow_es_fail(es, es->tok.pos, "generators are not supported");
    }
    outer = save_context(es);
    if (!(flags & NF_DECL)) {
        es->in_async = (fn->flags & NF_ASYNC) != 0;
    }
    if (!flow_es_is(es, T_LPAREN)) {
        fn->a = flow_es_identifier(es);
    }
    else if (flags & NF_DECL && !(flags & NF_DEFAULT)) {
        flow_es_fail(es, es->tok.pos, "a function declaration needs a name");
    }
    enter_function(es, fn->flags);
    parameters(es, fn);
    body(es, fn);
    restore_context(es, &outer);
    flow_es_expect(es, T_RBRACE);
    flow_es_finish(es, fn);
    return fn;
}

/* The current token is the parenthesis before the parameters. */
es_node_t *flow_es_parse_method(es_t *es, unsigned int flags)
{
    es_node_t *fn = flow_es_node(es, N_FUNCTION, &es->tok);
    context_t outer = save_context(es);

    fn->flags = flags;
    enter_function(es, flags);
    parameters(es, fn);
    check_accessor(es, fn);
    body(es, fn);
    restore_context(es, &outer);
    flow_es_expect(es, T_RBRACE);
    flow_es_finish(es, fn);
    return fn;
}

/* The current token is =>. */
es_node_t *flow_es_parse_arrow(es_t *es, es_node_t *params,
                               const es_node_t *start, unsigned int flags,
                               int no_in)
{
    es_node_t *fn = flow_es_node_at(es, N_FUNCTION, start), *item;
    context_t outer = save_context(es);

    fn->flags = flags;
    fn->list = params;
    for (item = params; item; item = item->next) {
        flow_es_deepen(es, fn, item);
    }
    enter_function(es, flags);
    flow_es_next(es);
    if (flow_es_is(es, T_LBRACE)) {
        fn->b = flow_es_parse_body(es, fn);
        flow_es_deepen(es, fn, fn->b);
        fn->flags |= es->strict ? NF_STRICT : 0;
        restore_context(es, &outer);
        flow_es_expect(es, T_RBRACE);
    }
    else {
        fn->flags |= NF_EXPR_BODY | (es->strict ? NF_STRICT : 0);
        fn->b = flow_es_parse_value(es, no_in);
        flow_es_deepen(es, fn, fn->b);
        restore_context(es, &outer);
    }
    flow_es_finish(es, fn);
    return fn;
}

/* ---- property names ---- */

es_node_t *flow_es_parse_key(es_t *es, unsigned int *pflags)
{
    es_node_t *n = flow_es_node(es, N_STR, &es->tok);
    es_cover_t *outer = es->cover;

    if (flow_es_accept(es, T_LBRACK)) {
        *pflags |= NF_COMPUTED;
        es->cover = NULL;
        n = flow_es_parse_assignment(es, 0);
        es->cover = outer;
        flow_es_expect(es, T_RBRACK);
        return n;
    }
    n->atom = es->tok.atom;
    if (es->tok.type == T_NUM) {
        n->type = N_NUM;
        n->number = es->tok.number;
    }
    else if (es->tok.type == T_PRIVATE) {
        *pflags |= NF_PRIVATE_NAME;
    }
    else if (es->tok.type != T_NAME && es->tok.type != T_STR) {
        flow_es_fail(es, es->tok.pos,
                     "unexpected %s; a property name was expected",
                     flow_es_token_text(es, &es->tok));
        n->atom = flow_es_atom(es, "", 0);
        return n;
    }
    if (es->tok.flags & TF_OCTAL && es->strict) {
        flow_es_fail(es, n->pos, "octal is not allowed in strict code");
    }
    flow_es_next(es);
    return n;
}

/* Does the current word end the property name (so that `get` is a name)? */
static int ends_name(const es_t *es)
{
    switch (es->tok.type) {
    case T_LPAREN:
    case T_COLON:
    case T_COMMA:
    case T_RBRACE:
    case T_ASSIGN:
    case T_SEMI:
    case T_EOF:
        return 1;
    default:
        return 0;
    }
}

/* get, set, async in front of a name: consumes it and returns its flag. */
static unsigned int modifier(es_t *es, int class_member)
{
    es_token_t next;
    int kw = es->tok.type == T_NAME ? es->tok.atom->kw : 0;

    if ((kw != KW_GET && kw != KW_SET && kw != KW_ASYNC) ||
        es->tok.flags & TF_ESCAPED) {
        return 0;
    }
    next = flow_es_peek(es);
    if (next.type == T_LPAREN || next.type == T_COLON || next.type == T_COMMA ||
        next.type == T_RBRACE || next.type == T_ASSIGN || next.type == T_SEMI ||
        next.type == T_EOF ||
        (next.newline &&
         (kw == KW_ASYNC || (class_member && next.type == T_MUL)))) {
        return 0;
    }
    flow_es_next(es);
    return kw == KW_GET ? NF_GET : kw == KW_SET ? NF_SET : NF_ASYNC | NF_METHOD;
}

/* ---- object literals ---- */

static void shorthand(es_t *es, es_node_t *n, const es_token_t *name)
{
    es_node_t *id = flow_es_node(es, N_ID, name), *value;
    es_token_t after = es->tok;

    id->atom = name->atom;
    n->flags |= NF_SHORTHAND;
    n->b = id;
    if (!flow_es_is(es, T_ASSIGN)) {
        return;
    }
    if (!es->cover) {
        flow_es_unexpected(es);
        return;
    }
    if (!es->cover->set_init) {
        es->cover->set_init = 1;
        es->cover->init_pos = after.pos;
    }
    flow_es_next(es);
    value = flow_es_node_at(es, N_ASSIGN, id);
    value->op = T_ASSIGN;
    n->b = flow_es_kids(es, value, id, flow_es_parse_value(es, 0));
}

static es_node_t *property(es_t *es, int *pprotos)
{
    es_node_t *n = flow_es_node(es, N_PROP, &es->tok);
    es_token_t start;
    int plain;

    if (flow_es_accept(es, T_ELLIPSIS)) {
        n->type = N_SPREAD;
        flow_es_kids(es, n, flow_es_parse_assignment(es, 0), NULL);
        n->flags |= flow_es_is(es, T_COMMA) ? NF_TRAILING : 0;
        return n;
    }
    if (flow_es_is(es, T_MUL)) {
        flow_es_fail(es, es->tok.pos, "generators are not supported");
    }
    n->flags |= modifier(es, 0);
    if (n->flags & NF_ASYNC && flow_es_is(es, T_MUL)) {
        flow_es_fail(es, es->tok.pos, "generators are not supported");
    }
    start = es->tok;
    plain = flow_es_is_identifier(es);
    n->a = flow_es_parse_key(es, &n->flags);
    if (n->flags & NF_PRIVATE_NAME) {
        flow_es_fail(es, n->pos, "a private name may not stand here");
    }
    if (n->flags & (NF_GET | NF_SET | NF_ASYNC) || flow_es_is(es, T_LPAREN)) {
        n->flags |= n->flags & (NF_GET | NF_SET) ? 0 : NF_METHOD;
        n->b = flow_es_parse_method(
            es, (n->flags & (NF_GET | NF_SET | NF_ASYNC)) | NF_METHOD);
    }
    else if (flow_es_accept(es, T_COLON)) {
        if (!(n->flags & NF_COMPUTED) && n->a->type == N_STR &&
            n->a->atom->kw == KW_PROTO) {
            n->flags |= NF_PROTO;
            if ((*pprotos)++ == 1 && es->cover) {
                es->cover->set_proto = 1;
                es->cover->proto_pos = n->pos;
            }
        }
        n->b = flow_es_parse_assignment(es, 0);
    }
    else if (plain && ends_name(es)) {
        shorthand(es, n, &start);
    }
    else {
        flow_es_unexpected(es);
    }
    return flow_es_kids(es, n, n->a, n->b);
}

es_node_t *flow_es_parse_object(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_OBJECT, &es->tok), *tail = NULL, *item;
    es_cover_t *outer = es->cover, own = { 0, 0, 0, 0 };
    int protos = 0;

    es->cover = outer ? outer : &own;
    flow_es_next(es);
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        item = property(es, &protos);
        flow_es_append(&n->list, &tail, item);
        flow_es_deepen(es, n, item);
        if (!flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RBRACE);
    flow_es_finish(es, n);
    es->cover = outer;
    if (!outer) {
        flow_es_cover_check(es, &own);
    }
    return n;
}

/* ---- classes ---- */

static void field(es_t *es, es_node_t *n)
{
    context_t outer = save_context(es);

    n->flags |= NF_FIELD;
    if (!(n->flags & NF_COMPUTED) &&
        (n->a->atom &&
         (n->a->atom->kw == KW_CONSTRUCTOR ||
          (n->flags & NF_STATIC && n->a->atom->kw == KW_PROTOTYPE &&
           !(n->flags & NF_PRIVATE_NAME))))) {
        flow_es_fail(es, n->pos, "a field may not have the name '%s'",
                     n->a->atom->s);
    }
    if (flow_es_accept(es, T_ASSIGN)) {
        enter_function(es, NF_METHOD);
        n->b = flow_es_parse_value(es, 0);
    }
    restore_context(es, &outer);
    flow_es_semicolon(es);
}

static void class_method(es_t *es, es_node_t *n, es_node_t *cls)
{
    unsigned int flags =
        (n->flags & (NF_GET | NF_SET | NF_ASYNC | NF_STATIC)) | NF_METHOD;
    int kw = n->flags & NF_COMPUTED || !n->a->atom ? 0 : n->a->atom->kw;

    if (n->flags & NF_PRIVATE_NAME) {
        if (kw == KW_CONSTRUCTOR) {
            flow_es_fail(es, n->pos, "'#constructor' is not allowed");
        }
    }
    else if (kw == KW_CONSTRUCTOR && !(n->flags & NF_STATIC)) {
        if (n->flags & (NF_GET | NF_SET | NF_ASYNC)) {
            flow_es_fail(es, n->pos,
                         "a constructor may not be a getter, setter or async");
        }
        if (cls->c) {
            flow_es_fail(es, n->pos, "a class has one constructor only");
        }
        flags |= NF_CONSTRUCTOR | (cls->b ? NF_DERIVED : 0);
        n->flags |= NF_CONSTRUCTOR;
        cls->c = n;
    }
    else if (kw == KW_PROTOTYPE && n->flags & NF_STATIC) {
        flow_es_fail(es, n->pos, "a static method may not be 'prototype'");
    }
    n->flags |= n->flags & (NF_GET | NF_SET) ? 0 : NF_METHOD;
    n->b = flow_es_parse_method(es, flags);
}

static es_node_t *class_member(es_t *es, es_node_t *cls)
{
    es_node_t *n = flow_es_node(es, N_PROP, &es->tok);
    es_token_t next;

    if (flow_es_is_word(es, KW_STATIC)) {
        next = flow_es_peek(es);
        if (next.type == T_LBRACE) {
            flow_es_fail(es, n->pos, "static blocks are not supported");
        }
        if (next.type != T_LPAREN && next.type != T_ASSIGN &&
            next.type != T_SEMI && next.type != T_RBRACE) {
            n->flags |= NF_STATIC;
            flow_es_next(es);
        }
    }
    n->flags |= modifier(es, 1);
    if (flow_es_is(es, T_MUL)) {
        flow_es_fail(es, es->tok.pos, "generators are not supported");
    }
    n->a = flow_es_parse_key(es, &n->flags);
    if (n->flags & (NF_GET | NF_SET | NF_METHOD) || flow_es_is(es, T_LPAREN)) {
        class_method(es, n, cls);
    }
    else {
        field(es, n);
    }
    return flow_es_kids(es, n, n->a, n->b);
}

es_node_t *flow_es_parse_class(es_t *es, int decl)
{
    es_node_t *cls = flow_es_node(es, N_CLASS, &es->tok), *tail = NULL, *item;
    context_t outer = save_context(es);

    cls->flags |= decl ? NF_DECL : 0;
    cls->flags |= NF_STRICT;
    es->strict = 1;
    es->cover = NULL;
    flow_es_next(es);
    if (flow_es_is(es, T_NAME) && !flow_es_is_word(es, KW_EXTENDS)) {
        cls->a = flow_es_identifier(es);
    }
    else if (decl == 1) {
        flow_es_fail(es, es->tok.pos, "a class declaration needs a name");
    }
    if (flow_es_accept_word(es, KW_EXTENDS)) {
        cls->b = flow_es_parse_lhs(es);
        if (flow_es_is_arrow(cls->b)) {
            flow_es_unexpected(es);
        }
        flow_es_deepen(es, cls, cls->b);
    }
    flow_es_expect(es, T_LBRACE);
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        if (flow_es_accept(es, T_SEMI)) {
            continue;
        }
        item = class_member(es, cls);
        flow_es_append(&cls->list, &tail, item);
        flow_es_deepen(es, cls, item);
    }
    restore_context(es, &outer);
    flow_es_expect(es, T_RBRACE);
    flow_es_finish(es, cls);
    return cls;
}
