/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Expressions: members and calls, literals, what stands in brackets.
 */
#include "script/flow_es_private.h"

void flow_es_arguments(es_t *es, es_node_t *call)
{
    es_node_t *tail = NULL, *item;

    flow_es_expect(es, T_LPAREN);
    while (!flow_es_is(es, T_RPAREN) && !flow_es_is(es, T_EOF)) {
        if (flow_es_is(es, T_ELLIPSIS)) {
            item = flow_es_node(es, N_SPREAD, &es->tok);
            flow_es_next(es);
            flow_es_kids(es, item, flow_es_parse_assignment(es, 0), NULL);
            item->flags |= flow_es_is(es, T_COMMA) ? NF_TRAILING : 0;
        }
        else {
            item = flow_es_parse_assignment(es, 0);
        }
        flow_es_append(&call->list, &tail, item);
        flow_es_deepen(es, call, item);
        if (!flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RPAREN);
    flow_es_finish(es, call);
}

static void plain_arguments(es_t *es, es_node_t *call)
{
    es_cover_t *outer = es->cover;

    es->cover = NULL;
    flow_es_arguments(es, call);
    es->cover = outer;
}

/* async (...) is a call, or the head of an arrow function. */
static es_node_t *async_call(es_t *es, es_node_t *callee, int can_be_arrow)
{
    es_cover_t cover = { 0, 0, 0, 0 }, *outer = es->cover;
    es_node_t *call = flow_es_node_at(es, N_CALL, callee), **at;

    es->cover = &cover;
    flow_es_arguments(es, call);
    es->cover = outer;
    if (can_be_arrow && flow_es_is(es, T_ARROW) && !es->tok.newline) {
        for (at = &call->list; *at && !es->failed; at = &(*at)->next) {
            es_node_t *next = (*at)->next;

            if ((*at)->type == N_SPREAD) {
                (*at)->type = N_REST;
                (*at)->a = flow_es_to_pattern(es, (*at)->a, 1);
                if (next || (*at)->flags & NF_TRAILING) {
                    flow_es_fail(es, (*at)->pos,
                                 "a rest parameter must be the last");
                }
            }
            else {
                *at = flow_es_to_pattern(es, *at, 1);
            }
            (*at)->next = next;
        }
        return flow_es_parse_arrow(es, call->list, callee, NF_ARROW | NF_ASYNC,
                                   0);
    }
    flow_es_cover_check(es, &cover);
    return flow_es_kids(es, call, callee, NULL);
}

/* .name, .#name or [key] onto @a left; the bracket or dot is the token */
static es_node_t *member(es_t *es, es_node_t *left)
{
    es_token_t at = es->tok;
    es_node_t *n;

    if (flow_es_accept(es, T_LBRACK)) {
        n = flow_es_node_at(es, N_INDEX, left);
        n->b = flow_es_parse_expression(es, 0);
        flow_es_expect(es, T_RBRACK);
        n->number = at.line;
        return flow_es_kids(es, n, left, n->b);
    }
    n = flow_es_node_at(es, N_MEMBER, left);
    n->number = es->tok.line;
    if (es->tok.type != T_NAME && es->tok.type != T_PRIVATE) {
        flow_es_fail(es, es->tok.pos,
                     "unexpected %s; a property name was "
                     "expected",
                     flow_es_token_text(es, &es->tok));
    }
    if (es->tok.type == T_PRIVATE) {
        n->type = N_PRIVATE;
        if (left->type == N_SUPER) {
            flow_es_fail(es, es->tok.pos, "'super' has no private members");
        }
    }
    n->atom = es->tok.atom;
    flow_es_next(es);
    return flow_es_kids(es, n, left, NULL);
}

static es_node_t *chained(es_node_t *n, const es_node_t *left)
{
    if (left->flags & NF_CHAIN && !(left->flags & NF_PAREN)) {
        n->flags |= NF_CHAIN;
    }
    return n;
}

/* What follows ?. */
static es_node_t *optional(es_t *es, es_node_t *left)
{
    es_node_t *n;

    flow_es_next(es);
    if (flow_es_is(es, T_LPAREN)) {
        n = flow_es_node_at(es, N_CALL, left);
        plain_arguments(es, n);
        flow_es_kids(es, n, left, NULL);
    }
    else if (flow_es_is(es, T_TEMPLATE)) {
        flow_es_fail(es, es->tok.pos,
                     "a template may not follow an optional chain");
        return left;
    }
    else {
        n = member(es, left);
    }
    n->flags |= NF_OPTIONAL | NF_CHAIN;
    return n;
}

static es_node_t *suffixes(es_t *es, es_node_t *left, int calls)
{
    es_node_t *n;
    unsigned int start = left->pos;
    int can_be_arrow = es->assign_start == start;

    while (!es->failed && !flow_es_is_arrow(left)) {
        if (flow_es_accept(es, T_DOT) || flow_es_is(es, T_LBRACK)) {
            left = chained(member(es, left), left);
        }
        else if (flow_es_is(es, T_TEMPLATE)) {
            if (left->flags & NF_CHAIN && !(left->flags & NF_PAREN)) {
                flow_es_fail(es, es->tok.pos,
                             "a template may not follow an optional chain");
            }
            n = flow_es_node_at(es, N_TAGGED, left);
            left = flow_es_kids(es, n, left, flow_es_parse_template(es, 1));
        }
        else if (calls && flow_es_is(es, T_QDOT)) {
            left = optional(es, left);
        }
        else if (calls && flow_es_is(es, T_LPAREN)) {
            if (left->type == N_ID && left->atom->kw == KW_ASYNC &&
                !(left->flags & NF_PAREN) && !es->tok.newline) {
                left = async_call(es, left, can_be_arrow);
                continue;
            }
            n = flow_es_node_at(es, N_CALL, left);
            n->number = es->tok.line;
            plain_arguments(es, n);
            left = chained(flow_es_kids(es, n, left, NULL), left);
        }
        else {
            break;
        }
    }
    return left;
}

static es_node_t *new_target(es_t *es, es_node_t *n)
{
    flow_es_next(es);
    if (!flow_es_is_word(es, KW_TARGET)) {
        flow_es_unexpected(es);
    }
    if (!es->allow_newtarget) {
        flow_es_fail(es, n->pos, "'new.target' may stand in functions only");
    }
    flow_es_next(es);
    n->type = N_NEWTARGET;
    flow_es_finish(es, n);
    return n;
}

static es_node_t *new_expression(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_NEW, &es->tok), *callee;

    flow_es_next(es);
    if (flow_es_is(es, T_DOT)) {
        return new_target(es, n);
    }
    if (!flow_es_enter(es)) {
        return n;
    }
    if (flow_es_is_word(es, KW_NEW)) {
        callee = new_expression(es);
    }
    else if (flow_es_is_word(es, KW_IMPORT)) {
        flow_es_fail(es, es->tok.pos, "dynamic import is not supported");
        callee = n;
    }
    else {
        callee = flow_es_parse_primary(es);
    }
    callee = suffixes(es, callee, 0);
    if (flow_es_is(es, T_QDOT)) {
        flow_es_fail(es, es->tok.pos, "'?.' may not follow 'new' directly");
    }
    if (flow_es_is_arrow(callee)) {
        flow_es_fail(es, callee->pos,
                     "an arrow function here needs parentheses");
    }
    if (flow_es_is(es, T_LPAREN)) {
        plain_arguments(es, n);
    }
    flow_es_kids(es, n, callee, NULL);
    flow_es_leave(es);
    return n;
}

static es_node_t *super_expression(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_SUPER, &es->tok);

    flow_es_next(es);
    if (flow_es_is(es, T_LPAREN) ? !es->allow_super_call : !es->allow_super) {
        flow_es_fail(es, n->pos,
                     flow_es_is(es, T_LPAREN)
                         ? "'super()' may stand in the constructor of a class "
                           "with 'extends' only"
                         : "'super' may stand in methods only");
    }
    if (!flow_es_is(es, T_LPAREN) && !flow_es_is(es, T_DOT) &&
        !flow_es_is(es, T_LBRACK)) {
        flow_es_unexpected(es);
    }
    return n;
}

es_node_t *flow_es_parse_lhs(es_t *es)
{
    es_node_t *n;

    if (flow_es_is_word(es, KW_NEW)) {
        n = new_expression(es);
    }
    else if (flow_es_is_word(es, KW_SUPER)) {
        n = super_expression(es);
    }
    else {
        n = flow_es_parse_primary(es);
    }
    return suffixes(es, n, 1);
}

/* ---- literals ---- */

es_node_t *flow_es_parse_template(es_t *es, int tagged)
{
    es_node_t *n = flow_es_node(es, N_TEMPLATE, &es->tok), *tail = NULL, *item;
    es_cover_t *outer = es->cover;
    int last = 0;

    es->cover = NULL;
    while (!last && flow_es_is(es, T_TEMPLATE)) {
        item = flow_es_node(es, N_CHUNK, &es->tok);
        item->atom = es->tok.flags & TF_BAD ? NULL : es->tok.atom;
        item->atom2 = es->tok.raw;
        if (es->tok.flags & TF_BAD && !tagged) {
            flow_es_fail(es, item->pos, "wrong escape in a template literal");
        }
        flow_es_append(&n->list, &tail, item);
        last = es->tok.flags & TF_TAIL;
        flow_es_next(es);
        if (!last) {
            item = flow_es_parse_expression(es, 0);
            flow_es_append(&n->list, &tail, item);
            flow_es_deepen(es, n, item);
            if (!flow_es_is(es, T_RBRACE)) {
                flow_es_unexpected(es);
                break;
            }
            flow_es_lex_template(es);
        }
    }
    es->cover = outer;
    flow_es_finish(es, n);
    return n;
}

es_node_t *flow_es_parse_array(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_ARRAY, &es->tok), *tail = NULL, *item;

    flow_es_next(es);
    while (!flow_es_is(es, T_RBRACK) && !flow_es_is(es, T_EOF)) {
        if (flow_es_is(es, T_COMMA)) {
            item = flow_es_node(es, N_HOLE, &es->tok);
        }
        else if (flow_es_is(es, T_ELLIPSIS)) {
            item = flow_es_node(es, N_SPREAD, &es->tok);
            flow_es_next(es);
            flow_es_kids(es, item, flow_es_parse_assignment(es, 0), NULL);
            item->flags |= flow_es_is(es, T_COMMA) ? NF_TRAILING : 0;
        }
        else {
            item = flow_es_parse_assignment(es, 0);
        }
        flow_es_append(&n->list, &tail, item);
        flow_es_deepen(es, n, item);
        if (!flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RBRACK);
    flow_es_finish(es, n);
    return n;
}

/* ---- parentheses ---- */

static es_node_t *parameter_list(es_t *es, es_node_t *list)
{
    es_node_t **at, *next;

    for (at = &list; *at && !es->failed; at = &(*at)->next) {
        next = (*at)->next;
        if ((*at)->type != N_REST) {
            *at = flow_es_to_pattern(es, *at, 1);
            (*at)->next = next;
        }
    }
    return list;
}

static es_node_t *in_parentheses(es_t *es, es_node_t *list, int trailing)
{
    es_node_t *n = list, *item;

    if (!list || trailing) {
        flow_es_unexpected(es);
        return flow_es_node(es, N_ERROR, &es->tok);
    }
    if (list->next) {
        n = flow_es_node_at(es, N_SEQ, list);
        n->list = list;
        for (item = list; item; item = item->next) {
            flow_es_deepen(es, n, item);
        }
    }
    n->flags |= NF_PAREN;
    return n;
}

static es_node_t *parenthesised(es_t *es)
{
    es_cover_t cover = { 0, 0, 0, 0 }, *outer = es->cover;
    es_node_t *list = NULL, *tail = NULL, *item, *start, *n;
    int trailing = 0, rest = 0, arrow = es->assign_start == es->tok.pos;

    start = flow_es_node(es, N_ERROR, &es->tok);
    es->cover = &cover;
    flow_es_next(es);
    while (!flow_es_is(es, T_RPAREN) && !flow_es_is(es, T_EOF)) {
        trailing = 0;
        if (flow_es_is(es, T_ELLIPSIS)) {
            item = flow_es_node(es, N_REST, &es->tok);
            flow_es_next(es);
            flow_es_kids(es, item, flow_es_binding_target(es), NULL);
            rest = 1;
        }
        else {
            item = flow_es_parse_assignment(es, 0);
        }
        flow_es_append(&list, &tail, item);
        if (rest || !flow_es_accept(es, T_COMMA)) {
            break;
        }
        trailing = 1;
    }
    flow_es_expect(es, T_RPAREN);
    es->cover = outer;
    if (arrow && flow_es_is(es, T_ARROW) && !es->tok.newline) {
        return flow_es_parse_arrow(es, parameter_list(es, list), start,
                                   NF_ARROW, 0);
    }
    if (rest) {
        flow_es_unexpected(es);
    }
    n = in_parentheses(es, list, trailing);
    flow_es_cover_check(es, &cover);
    return n;
}

/* ---- primary ---- */

static es_node_t *literal(es_t *es, int type)
{
    es_node_t *n = flow_es_node(es, type, &es->tok);

    if (es->tok.flags & TF_OCTAL && es->strict) {
        flow_es_fail(es, n->pos,
                     type == N_STR ? "octal escapes are not allowed in "
                                     "strict code"
                                   : "numbers with a leading 0 are not "
                                     "allowed in strict code");
    }
    n->atom = es->tok.atom;
    n->atom2 = es->tok.raw;
    n->number = es->tok.number;
    n->flags |= es->tok.flags & TF_ESCAPED ? NF_ESCAPED : 0;
    flow_es_next(es);
    return n;
}

static es_node_t *async_primary(es_t *es)
{
    es_token_t next = flow_es_peek(es);
    es_node_t *id, *param;
    int arrow = es->assign_start == es->tok.pos;

    if (next.newline || next.type != T_NAME) {
        return flow_es_identifier(es);
    }
    if (next.atom->kw == KW_FUNCTION && !(next.flags & TF_ESCAPED)) {
        return flow_es_parse_function(es, 0);
    }
    id = flow_es_identifier(es);
    if (!arrow || next.atom->kw == KW_IN || next.atom->kw == KW_INSTANCEOF ||
        next.atom->kw == KW_OF) {
        return id;
    }
    param = flow_es_identifier(es);
    if (!flow_es_is(es, T_ARROW) || es->tok.newline) {
        flow_es_unexpected(es);
        return id;
    }
    return flow_es_parse_arrow(es, param, id, NF_ARROW | NF_ASYNC, 0);
}

static es_node_t *word(es_t *es)
{
    if (es->tok.flags & TF_ESCAPED) {
        return flow_es_identifier(es);
    }
    switch (es->tok.atom->kw) {
    case KW_THIS:
        return literal(es, N_THIS);
    case KW_NULL:
        return literal(es, N_NULL);
    case KW_TRUE:
        return literal(es, N_TRUE);
    case KW_FALSE:
        return literal(es, N_FALSE);
    case KW_FUNCTION:
        return flow_es_parse_function(es, 0);
    case KW_CLASS:
        return flow_es_parse_class(es, 0);
    case KW_ASYNC:
        return async_primary(es);
    case KW_IMPORT:
        flow_es_fail(es, es->tok.pos,
                     "dynamic import and import.meta are not supported");
        return flow_es_node(es, N_ERROR, &es->tok);
    default:
        return flow_es_identifier(es);
    }
}

es_node_t *flow_es_parse_primary(es_t *es)
{
    switch (es->tok.type) {
    case T_NAME:
        return word(es);
    case T_NUM:
        return literal(es, N_NUM);
    case T_STR:
        return literal(es, N_STR);
    case T_LPAREN:
        return parenthesised(es);
    case T_LBRACK:
        return flow_es_parse_array(es);
    case T_LBRACE:
        return flow_es_parse_object(es);
    case T_TEMPLATE:
        return flow_es_parse_template(es, 0);
    case T_DIV:
    case T_A_DIV:
        flow_es_lex_regex(es);
        return literal(es, N_REGEX);
    case T_AT:
        flow_es_fail(es, es->tok.pos, "decorators are not supported");
        return flow_es_node(es, N_ERROR, &es->tok);
    default:
        flow_es_unexpected(es);
        return flow_es_node(es, N_ERROR, &es->tok);
    }
}
