/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Statements that hold others: if, loops, try, switch; and jumps.
 */
#include "script/flow_es_private.h"

/* The body of if, a loop, a label: no declaration. */
es_node_t *flow_es_parse_sub(es_t *es, int in_if)
{
    es_node_t *block, *n;

    if (in_if && flow_es_is_word(es, KW_FUNCTION) && !es->strict) {
        block = flow_es_node(es, N_BLOCK, &es->tok);
        n = flow_es_parse_function(es, NF_DECL);
        if (n->flags & NF_ASYNC) {
            flow_es_fail(es, n->pos, "an async function needs a block here");
        }
        block->list = n;
        flow_es_deepen(es, block, n);
        flow_es_finish(es, block);
        return block;
    }
    if (flow_es_is_word(es, KW_CONST) || flow_es_is_word(es, KW_CLASS) ||
        flow_es_is_word(es, KW_FUNCTION) || flow_es_is_async_function(es) ||
        (flow_es_is_word(es, KW_LET) && flow_es_is_let(es) &&
         (flow_es_peek(es).type == T_LBRACK || !flow_es_peek(es).newline))) {
        flow_es_fail(es, es->tok.pos,
                     "a declaration here needs a block around it");
    }
    n = flow_es_parse_statement(es);
    for (block = n; block->type == N_LABEL;) {
        block = block->a;
    }
    if (block != n && block->type == N_FUNCTION) {
        flow_es_fail(es, block->pos,
                     "a declaration here needs a block around it");
    }
    return n;
}

static es_node_t *condition(es_t *es)
{
    es_node_t *n;

    flow_es_expect(es, T_LPAREN);
    n = flow_es_parse_expression(es, 0);
    flow_es_expect(es, T_RPAREN);
    return n;
}

/* `else if` goes on in a loop, so that a long chain is not deep here; the tree
 * is, which has its own limit. */
es_node_t *flow_es_parse_if(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_IF, &es->tok);

    flow_es_next(es);
    n->a = condition(es);
    flow_es_kids(es, n, n->a, flow_es_parse_sub(es, 1));
    if (flow_es_accept_word(es, KW_ELSE)) {
        n->c = flow_es_parse_sub(es, 1);
        flow_es_deepen(es, n, n->c);
    }
    flow_es_finish(es, n);
    return n;
}

static es_node_t *loop_body(es_t *es)
{
    es_node_t *n;

    ++es->in_loop;
    n = flow_es_parse_sub(es, 0);
    --es->in_loop;
    return n;
}

es_node_t *flow_es_parse_while(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_WHILE, &es->tok);

    flow_es_next(es);
    n->a = condition(es);
    n->d = loop_body(es);
    flow_es_deepen(es, n, n->d);
    return flow_es_kids(es, n, n->a, NULL);
}

es_node_t *flow_es_parse_do(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_DO, &es->tok);

    flow_es_next(es);
    n->d = loop_body(es);
    flow_es_deepen(es, n, n->d);
    flow_es_expect_word(es, KW_WHILE);
    flow_es_kids(es, n, condition(es), NULL);
    flow_es_accept(es, T_SEMI);
    return n;
}

static es_node_t *for_in_of(es_t *es, es_node_t *n, es_node_t *left)
{
    int of = flow_es_is_word(es, KW_OF);

    n->type = of ? N_FOROF : N_FORIN;
    flow_es_next(es);
    if (left->type == N_VAR) {
        if (left->list->next) {
            flow_es_fail(es, left->pos, "only one variable may stand here");
        }
        if (left->list->b && (of || left->op != KW_VAR || es->strict ||
                              left->list->a->type != N_ID)) {
            flow_es_fail(es, left->list->b->pos,
                         "this variable may not have a value");
        }
    }
    else {
        left = flow_es_to_pattern(es, left, 0);
    }
    n->a = left;
    n->b = of ? flow_es_parse_value(es, 0) : flow_es_parse_expression(es, 0);
    flow_es_kids(es, n, n->a, n->b);
    flow_es_expect(es, T_RPAREN);
    n->d = loop_body(es);
    flow_es_deepen(es, n, n->d);
    flow_es_finish(es, n);
    return n;
}

static void missing_values(es_t *es, const es_node_t *var)
{
    const es_node_t *decl;

    for (decl = var->list; decl; decl = decl->next) {
        if (!decl->b && (var->op == KW_CONST || decl->a->type != N_ID)) {
            flow_es_fail(es, decl->pos,
                         var->op == KW_CONST ? "a constant needs a value"
                                             : "a pattern needs a value");
        }
    }
}

static es_node_t *for_head(es_t *es)
{
    es_cover_t cover = { 0, 0, 0, 0 }, *outer = es->cover;
    es_node_t *left, *seq, *tail;
    int async_of = flow_es_is_word(es, KW_ASYNC);

    if (flow_es_is_word(es, KW_VAR)) {
        return flow_es_parse_var(es, KW_VAR, 1);
    }
    if (flow_es_is_word(es, KW_CONST)) {
        return flow_es_parse_var(es, KW_CONST, 1);
    }
    if (flow_es_is_let(es) &&
        (flow_es_peek(es).type != T_NAME ||
         flow_es_peek(es).atom->kw != KW_OF || 1) &&
        !(flow_es_peek(es).type == T_NAME &&
          (flow_es_peek(es).atom->kw == KW_IN))) {
        return flow_es_parse_var(es, KW_LET, 1);
    }
    if (flow_es_is_word(es, KW_LET) && flow_es_peek(es).type == T_NAME &&
        flow_es_peek(es).atom->kw == KW_OF) {
        flow_es_unexpected(es);
    }
    es->cover = &cover;
    left = flow_es_parse_assignment(es, 1);
    es->cover = outer;
    if (flow_es_is_word(es, KW_OF) && async_of && left->type == N_ID &&
        !(left->flags & NF_PAREN)) {
        flow_es_unexpected(es);
    }
    if (flow_es_is_word(es, KW_OF) || flow_es_is_word(es, KW_IN)) {
        return left;
    }
    flow_es_cover_check(es, &cover);
    if (!flow_es_is(es, T_COMMA)) {
        return left;
    }
    seq = flow_es_node_at(es, N_SEQ, left);
    seq->list = tail = left;
    while (flow_es_accept(es, T_COMMA)) {
        flow_es_append(&seq->list, &tail, flow_es_parse_value(es, 1));
        flow_es_deepen(es, seq, tail);
    }
    return seq;
}

es_node_t *flow_es_parse_for(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_FOR, &es->tok), *left = NULL;

    flow_es_next(es);
    if (flow_es_is_word(es, KW_AWAIT)) {
        if (!es->in_async && (es->in_function || es->opt->eval)) {
            flow_es_fail(es, es->tok.pos,
                         "'for await' is possible in async functions only");
        }
        n->flags |= NF_AWAIT;
        flow_es_next(es);
    }
    flow_es_expect(es, T_LPAREN);
    if (!flow_es_is(es, T_SEMI)) {
        left = for_head(es);
        if (flow_es_is_word(es, KW_OF) ||
            (flow_es_is_word(es, KW_IN) && !(n->flags & NF_AWAIT))) {
            return for_in_of(es, n, left);
        }
    }
    if (n->flags & NF_AWAIT) {
        flow_es_unexpected(es);
    }
    if (left && left->type == N_VAR) {
        missing_values(es, left);
    }
    n->a = left;
    flow_es_expect(es, T_SEMI);
    if (!flow_es_is(es, T_SEMI)) {
        n->b = flow_es_parse_expression(es, 0);
    }
    flow_es_expect(es, T_SEMI);
    if (!flow_es_is(es, T_RPAREN)) {
        n->c = flow_es_parse_expression(es, 0);
        flow_es_deepen(es, n, n->c);
    }
    flow_es_expect(es, T_RPAREN);
    n->d = loop_body(es);
    flow_es_deepen(es, n, n->d);
    return flow_es_kids(es, n, n->a, n->b);
}

es_node_t *flow_es_parse_jump(es_t *es, int type)
{
    es_node_t *n = flow_es_node(es, type, &es->tok);
    es_label_t *label = NULL;

    flow_es_next(es);
    if (flow_es_is_identifier(es) && !es->tok.newline) {
        n->atom = es->tok.atom;
        for (label = es->labels; label && label->name != n->atom;) {
            label = label->outer;
        }
        if (!label || (type == N_CONTINUE && !label->loop)) {
            flow_es_fail(es, es->tok.pos,
                         label ? "label '%s' does not name a loop"
                               : "there is no label '%s' around this",
                         n->atom->s);
        }
        flow_es_next(es);
    }
    else if (type == N_CONTINUE ? !es->in_loop
                                : !es->in_loop && !es->in_switch) {
        flow_es_fail(es, n->pos,
                     type == N_CONTINUE ? "'continue' may stand in loops only"
                                        : "'break' may stand in loops and "
                                          "'switch' only");
    }
    flow_es_semicolon(es);
    return n;
}

es_node_t *flow_es_parse_return(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_RETURN, &es->tok);

    if (!es->in_function) {
        flow_es_fail(es, n->pos, "'return' may stand in functions only");
    }
    flow_es_next(es);
    if (!flow_es_is(es, T_SEMI) && !flow_es_is(es, T_RBRACE) &&
        !flow_es_is(es, T_EOF) && !es->tok.newline) {
        flow_es_kids(es, n, flow_es_parse_expression(es, 0), NULL);
    }
    flow_es_semicolon(es);
    return n;
}

es_node_t *flow_es_parse_throw(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_THROW, &es->tok);

    flow_es_next(es);
    if (es->tok.newline) {
        flow_es_fail(es, n->pos,
                     "what is thrown must begin on the line of 'throw'");
    }
    flow_es_kids(es, n, flow_es_parse_expression(es, 0), NULL);
    flow_es_semicolon(es);
    return n;
}

es_node_t *flow_es_parse_try(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_TRY, &es->tok);

    flow_es_next(es);
    n->a = flow_es_parse_block(es);
    if (flow_es_accept_word(es, KW_CATCH)) {
        if (flow_es_accept(es, T_LPAREN)) {
            n->b = flow_es_binding_target(es);
            flow_es_expect(es, T_RPAREN);
        }
        n->c = flow_es_parse_block(es);
        flow_es_deepen(es, n, n->c);
    }
    if (flow_es_accept_word(es, KW_FINALLY)) {
        n->d = flow_es_parse_block(es);
        flow_es_deepen(es, n, n->d);
    }
    if (!n->c && !n->d) {
        flow_es_fail(es, es->tok.pos, "'catch' or 'finally' is missing");
    }
    return flow_es_kids(es, n, n->a, n->b);
}

static es_node_t *switch_case(es_t *es, int *pdefaults)
{
    es_node_t *n = flow_es_node(es, N_CASE, &es->tok), *tail = NULL, *s;

    if (flow_es_accept_word(es, KW_DEFAULT)) {
        if ((*pdefaults)++) {
            flow_es_fail(es, n->pos, "a switch has one 'default' only");
        }
    }
    else {
        flow_es_expect_word(es, KW_CASE);
        flow_es_kids(es, n, flow_es_parse_expression(es, 0), NULL);
    }
    flow_es_expect(es, T_COLON);
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF) &&
           !flow_es_is_word(es, KW_CASE) && !flow_es_is_word(es, KW_DEFAULT)) {
        s = flow_es_parse_item(es);
        flow_es_append(&n->list, &tail, s);
        flow_es_deepen(es, n, s);
    }
    flow_es_finish(es, n);
    return n;
}

es_node_t *flow_es_parse_switch(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_SWITCH, &es->tok), *tail = NULL, *c;
    int defaults = 0;

    flow_es_next(es);
    n->a = condition(es);
    flow_es_expect(es, T_LBRACE);
    ++es->in_switch;
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        c = switch_case(es, &defaults);
        flow_es_append(&n->list, &tail, c);
        flow_es_deepen(es, n, c);
    }
    --es->in_switch;
    flow_es_expect(es, T_RBRACE);
    return flow_es_kids(es, n, n->a, NULL);
}
