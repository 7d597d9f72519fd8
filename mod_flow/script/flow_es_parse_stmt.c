/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Statements.
 */
#include <string.h>

#include "script/flow_es_private.h"

/* ---- lists of statements ---- */

static int is_use_strict(const es_t *es)
{
    return es->tok.type == T_STR && es->tok.end - es->tok.pos == 12 &&
           memcmp(es->src + es->tok.pos + 1, "use strict", 10) == 0;
}

static int simple_parameters(const es_node_t *fn)
{
    const es_node_t *param;

    for (param = fn ? fn->list : NULL; param; param = param->next) {
        if (param->type != N_ID) {
            return 0;
        }
    }
    return 1;
}

/* One statement of a prologue; returns 0 at its end. */
static int directive(es_t *es, es_node_t *fn, es_node_t *block,
                     es_node_t **ptail)
{
    es_node_t *n;
    unsigned int pos = es->tok.pos;
    int strict = is_use_strict(es);

    if (es->tok.flags & TF_OCTAL && !es->strict_octal_pos) {
        es->strict_octal_pos = pos + 1;
    }
    n = flow_es_parse_statement(es);
    flow_es_append(&block->list, ptail, n);
    flow_es_deepen(es, block, n);
    if (n->type != N_EXPR || n->a->type != N_STR || n->a->flags & NF_PAREN) {
        return 0;
    }
    if (strict) {
        if (fn && !simple_parameters(fn)) {
            flow_es_fail(es, pos,
                         "'use strict' may not stand in a function "
                         "whose parameters are not plain names");
        }
        if (es->strict_octal_pos) {
            flow_es_fail(es, es->strict_octal_pos - 1,
                         "octal escapes are not allowed in strict code");
        }
        es->strict = 1;
    }
    return 1;
}

es_node_t *flow_es_parse_body(es_t *es, es_node_t *fn)
{
    es_node_t *block = flow_es_node(es, N_BLOCK, &es->tok), *tail = NULL, *n;
    int prologue = 1;

    block->flags |= NF_NO_SCOPE;
    es->strict_octal_pos = 0;
    if (fn) {
        flow_es_expect(es, T_LBRACE);
    }
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        if (prologue && flow_es_is(es, T_STR)) {
            prologue = directive(es, fn, block, &tail);
            continue;
        }
        prologue = 0;
        n = flow_es_parse_item(es);
        flow_es_append(&block->list, &tail, n);
        flow_es_deepen(es, block, n);
    }
    flow_es_finish(es, block);
    return block;
}

es_node_t *flow_es_parse_program(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_PROGRAM, &es->tok);

    es->strict = es->opt->strict;
    n->b = flow_es_parse_body(es, NULL);
    if (!flow_es_is(es, T_EOF)) {
        flow_es_unexpected(es);
    }
    n->flags |= es->strict ? NF_STRICT : 0;
    return n;
}

es_node_t *flow_es_parse_block(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_BLOCK, &es->tok), *tail = NULL, *s;

    flow_es_expect(es, T_LBRACE);
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        s = flow_es_parse_item(es);
        flow_es_append(&n->list, &tail, s);
        flow_es_deepen(es, n, s);
    }
    flow_es_expect(es, T_RBRACE);
    flow_es_finish(es, n);
    return n;
}

/* ---- declarations ---- */

es_node_t *flow_es_parse_var(es_t *es, int kw, int no_in)
{
    es_node_t *n = flow_es_node(es, N_VAR, &es->tok), *tail = NULL, *decl;

    n->op = (unsigned char)kw;
    flow_es_next(es);
    do {
        decl = flow_es_node(es, N_DECL, &es->tok);
        if (kw != KW_VAR && flow_es_is_word(es, KW_LET)) {
            flow_es_fail(es, es->tok.pos, "a variable may not be named 'let'");
        }
        decl->a = flow_es_binding_target(es);
        if (flow_es_accept(es, T_ASSIGN)) {
            decl->b = flow_es_parse_value(es, no_in);
        }
        else if (!no_in && kw == KW_CONST) {
            flow_es_fail(es, decl->pos, "a constant needs a value");
        }
        else if (!no_in && decl->a->type != N_ID) {
            flow_es_fail(es, decl->pos, "a pattern needs a value");
        }
        flow_es_kids(es, decl, decl->a, decl->b);
        flow_es_append(&n->list, &tail, decl);
        flow_es_deepen(es, n, decl);
    } while (flow_es_accept(es, T_COMMA));
    flow_es_finish(es, n);
    return n;
}

/* `let` is a declaration when a name or a pattern follows. */
int flow_es_is_let(es_t *es)
{
    es_token_t next;

    if (!flow_es_is_word(es, KW_LET)) {
        return 0;
    }
    next = flow_es_peek(es);
    if (next.type == T_LBRACK || next.type == T_LBRACE) {
        return 1;
    }
    return next.type == T_NAME &&
           ((next.flags & TF_ESCAPED) || next.atom->kw == KW_NONE ||
            next.atom->kw > KW_LAST_RESERVED) &&
           !(next.newline && next.atom->kw == KW_LET && 0);
}

int flow_es_is_async_function(es_t *es)
{
    es_token_t next;

    if (!flow_es_is_word(es, KW_ASYNC)) {
        return 0;
    }
    next = flow_es_peek(es);
    return next.type == T_NAME && next.atom->kw == KW_FUNCTION &&
           !(next.flags & TF_ESCAPED) && !next.newline;
}

static es_node_t *variables(es_t *es, int kw)
{
    es_node_t *n = flow_es_parse_var(es, kw, 0);

    flow_es_semicolon(es);
    return n;
}

static es_node_t *item(es_t *es)
{
    if (es->tok.type != T_NAME || es->tok.flags & TF_ESCAPED) {
        return flow_es_parse_statement(es);
    }
    switch (es->tok.atom->kw) {
    case KW_CONST:
        return variables(es, KW_CONST);
    case KW_LET:
        return flow_es_is_let(es) ? variables(es, KW_LET)
                                  : flow_es_parse_statement(es);
    case KW_FUNCTION:
        return flow_es_parse_function(es, NF_DECL);
    case KW_ASYNC:
        return flow_es_is_async_function(es)
                   ? flow_es_parse_function(es, NF_DECL)
                   : flow_es_parse_statement(es);
    case KW_CLASS:
        return flow_es_parse_class(es, 1);
    case KW_IMPORT:
        return flow_es_parse_import(es);
    case KW_EXPORT:
        return flow_es_parse_export(es);
    default:
        return flow_es_parse_statement(es);
    }
}

/* A statement, or a declaration where these are allowed. */
es_node_t *flow_es_parse_item(es_t *es)
{
    es_node_t *n;

    if (!flow_es_enter(es)) {
        return flow_es_node(es, N_ERROR, &es->tok);
    }
    n = item(es);
    flow_es_leave(es);
    return n;
}

/* ---- labels, expressions ---- */

static int begins_loop(const es_t *es)
{
    return flow_es_is_word(es, KW_FOR) || flow_es_is_word(es, KW_WHILE) ||
           flow_es_is_word(es, KW_DO);
}

static es_node_t *labelled(es_t *es, es_node_t *id)
{
    es_node_t *n = flow_es_node_at(es, N_LABEL, id);
    es_label_t label = { es->labels, id->atom, 0 }, *l;
    es_token_t next;

    for (l = es->labels; l; l = l->outer) {
        if (l->name == id->atom) {
            flow_es_fail(es, id->pos, "label '%s' is given twice", id->atom->s);
        }
    }
    flow_es_next(es);
    /* L: M: for (...) : `continue L` is allowed, too */
    label.loop = begins_loop(es);
    if (flow_es_is_identifier(es)) {
        next = flow_es_peek(es);
        label.loop |= next.type == T_COLON;
    }
    n->atom = id->atom;
    es->labels = &label;
    if (flow_es_is_word(es, KW_FUNCTION) && !es->strict) {
        n->a = flow_es_parse_function(es, NF_DECL);
        if (n->a->flags & NF_ASYNC) {
            flow_es_unexpected(es);
        }
    }
    else if (flow_es_is_identifier(es)) {
        n->a = flow_es_parse_statement(es); /* perhaps another label */
    }
    else {
        n->a = flow_es_parse_sub(es, 0);
    }
    es->labels = label.outer;
    return flow_es_kids(es, n, n->a, NULL);
}

static es_node_t *expression_statement(es_t *es)
{
    es_node_t *expr, *n;

    if (flow_es_is_word(es, KW_LET) && flow_es_peek(es).type == T_LBRACK) {
        flow_es_unexpected(es);
    }
    expr = flow_es_parse_expression(es, 0);
    if (expr->type == N_ID && !(expr->flags & NF_PAREN) &&
        flow_es_is(es, T_COLON)) {
        return labelled(es, expr);
    }
    n = flow_es_node_at(es, N_EXPR, expr);
    flow_es_kids(es, n, expr, NULL);
    flow_es_semicolon(es);
    return n;
}

static es_node_t *simple(es_t *es, int type)
{
    es_node_t *n = flow_es_node(es, type, &es->tok);

    flow_es_next(es);
    if (type == N_EMPTY && es->src[n->pos] == 'd') {
        flow_es_semicolon(es); /* debugger */
    }
    return n;
}

static es_node_t *word_statement(es_t *es)
{
    switch (es->tok.atom->kw) {
    case KW_VAR:
        return variables(es, KW_VAR);
    case KW_IF:
        return flow_es_parse_if(es);
    case KW_FOR:
        return flow_es_parse_for(es);
    case KW_WHILE:
        return flow_es_parse_while(es);
    case KW_DO:
        return flow_es_parse_do(es);
    case KW_CONTINUE:
        return flow_es_parse_jump(es, N_CONTINUE);
    case KW_BREAK:
        return flow_es_parse_jump(es, N_BREAK);
    case KW_RETURN:
        return flow_es_parse_return(es);
    case KW_THROW:
        return flow_es_parse_throw(es);
    case KW_TRY:
        return flow_es_parse_try(es);
    case KW_SWITCH:
        return flow_es_parse_switch(es);
    case KW_DEBUGGER:
        return simple(es, N_EMPTY);
    case KW_WITH:
        flow_es_fail(es, es->tok.pos, "'with' is not supported");
        return flow_es_node(es, N_ERROR, &es->tok);
    case KW_IMPORT:
    case KW_EXPORT:
        if (flow_es_peek(es).type == T_LPAREN ||
            flow_es_peek(es).type == T_DOT) {
            return expression_statement(es);
        }
        flow_es_fail(es, es->tok.pos,
                     "'%s' may stand at the top of a script only",
                     es->tok.atom->s);
        return flow_es_node(es, N_ERROR, &es->tok);
    case KW_FUNCTION:
    case KW_CLASS:
        flow_es_unexpected(es);
        return flow_es_node(es, N_ERROR, &es->tok);
    default:
        return expression_statement(es);
    }
}

es_node_t *flow_es_parse_statement(es_t *es)
{
    es_node_t *n;

    if (!flow_es_enter(es)) {
        return flow_es_node(es, N_ERROR, &es->tok);
    }
    if (flow_es_is(es, T_LBRACE)) {
        n = flow_es_parse_block(es);
    }
    else if (flow_es_is(es, T_SEMI)) {
        n = simple(es, N_EMPTY);
    }
    else if (es->tok.type == T_NAME && !(es->tok.flags & TF_ESCAPED)) {
        n = word_statement(es);
    }
    else {
        n = expression_statement(es);
    }
    flow_es_leave(es);
    return n;
}
