/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Expressions: from the comma operator down to calls and members.
 */
#include "script/flow_es_private.h"

int flow_es_is_arrow(const es_node_t *n)
{
    return n->type == N_FUNCTION && n->flags & NF_ARROW &&
           !(n->flags & NF_PAREN);
}

void flow_es_cover_check(es_t *es, const es_cover_t *cover)
{
    if (cover->set_init) {
        flow_es_fail(es, cover->init_pos,
                     "a default value may stand in a pattern only");
    }
    if (cover->set_proto) {
        flow_es_fail(es, cover->proto_pos, "'__proto__' is given twice");
    }
}

es_node_t *flow_es_parse_value(es_t *es, int no_in)
{
    es_cover_t *outer = es->cover;
    es_node_t *n;

    es->cover = NULL;
    n = flow_es_parse_assignment(es, no_in);
    es->cover = outer;
    return n;
}

es_node_t *flow_es_parse_expression(es_t *es, int no_in)
{
    es_node_t *first = flow_es_parse_value(es, no_in), *seq, *tail, *item;

    if (!flow_es_is(es, T_COMMA)) {
        return first;
    }
    seq = flow_es_node_at(es, N_SEQ, first);
    seq->list = tail = first;
    flow_es_deepen(es, seq, first);
    while (flow_es_accept(es, T_COMMA)) {
        item = flow_es_parse_value(es, no_in);
        flow_es_append(&seq->list, &tail, item);
        flow_es_deepen(es, seq, item);
    }
    flow_es_finish(es, seq);
    return seq;
}

/* ---- binary operators ---- */

static int operator_at(const es_t *es, int no_in)
{
    if (es->tok.type == T_NAME && !(es->tok.flags & TF_ESCAPED)) {
        if (es->tok.atom->kw == KW_INSTANCEOF) {
            return T_INSTANCEOF;
        }
        return es->tok.atom->kw == KW_IN && !no_in ? T_IN : 0;
    }
    return es->tok.type >= T_LT && es->tok.type <= T_NULLISH ? es->tok.type : 0;
}

static int precedence(int op)
{
    switch (op) {
    case T_NULLISH:
        return 1;
    case T_LOR:
        return 2;
    case T_LAND:
        return 3;
    case T_OR:
        return 4;
    case T_XOR:
        return 5;
    case T_AND:
        return 6;
    case T_EQ:
    case T_NE:
    case T_SEQ:
    case T_SNE:
        return 7;
    case T_LT:
    case T_GT:
    case T_LE:
    case T_GE:
    case T_IN:
    case T_INSTANCEOF:
        return 8;
    case T_SHL:
    case T_SHR:
    case T_USHR:
        return 9;
    case T_PLUS:
    case T_MINUS:
        return 10;
    case T_MUL:
    case T_DIV:
    case T_MOD:
        return 11;
    case T_POW:
        return 12;
    default:
        return 0;
    }
}

static void check_mixed(es_t *es, int op, const es_node_t *side)
{
    if (side->type == N_LOGICAL && !(side->flags & NF_PAREN) &&
        (op == T_NULLISH) != (side->op == T_NULLISH)) {
        flow_es_fail(es, side->pos,
                     "'?\?\' beside '||' or '&&' needs parentheses");
    }
}

static es_node_t *combine(es_t *es, int op, es_node_t *left, es_node_t *right)
{
    es_node_t *n;

    if (op == T_LAND || op == T_LOR || op == T_NULLISH) {
        check_mixed(es, op, left);
        check_mixed(es, op, right);
        n = flow_es_node_at(es, N_LOGICAL, left);
    }
    else {
        n = flow_es_node_at(es, N_BINARY, left);
    }
    n->op = (unsigned char)op;
    return flow_es_kids(es, n, left, right);
}

/* #name in object */
static es_node_t *private_in(es_t *es, int min, int no_in)
{
    es_node_t *n = flow_es_node(es, N_PRIVATE_IN, &es->tok);

    n->atom = es->tok.atom;
    flow_es_next(es);
    if (operator_at(es, no_in) != T_IN || min > precedence(T_IN)) {
        flow_es_unexpected(es);
    }
    return n;
}

static es_node_t *binary(es_t *es, int min, int no_in)
{
    es_node_t *left, *right;
    int op, prec;

    if (!flow_es_enter(es)) {
        return flow_es_node(es, N_ERROR, &es->tok);
    }
    left = flow_es_is(es, T_PRIVATE) ? private_in(es, min, no_in)
                                     : flow_es_parse_unary(es);
    while (!flow_es_is_arrow(left) && (op = operator_at(es, no_in)) != 0) {
        prec = precedence(op);
        if (prec < min) {
            break;
        }
        if (op == T_POW && (left->type == N_UNARY || left->type == N_AWAIT) &&
            !(left->flags & NF_PAREN)) {
            flow_es_fail(es, left->pos,
                         "a unary operator before '**' needs parentheses");
        }
        flow_es_next(es);
        right = binary(es, op == T_POW ? prec : prec + 1, no_in);
        if (flow_es_is_arrow(right)) {
            flow_es_fail(es, right->pos,
                         "an arrow function here needs parentheses");
        }
        if (left->type == N_PRIVATE_IN && !left->a) {
            flow_es_kids(es, left, right, NULL);
        }
        else {
            left = combine(es, op, left, right);
        }
    }
    flow_es_leave(es);
    return left;
}

static es_node_t *conditional(es_t *es, int no_in)
{
    es_node_t *test = binary(es, 1, no_in), *n;

    if (!flow_es_is(es, T_QUESTION) || flow_es_is_arrow(test)) {
        return test;
    }
    flow_es_next(es);
    n = flow_es_node_at(es, N_COND, test);
    flow_es_kids(es, n, test, flow_es_parse_value(es, 0));
    flow_es_expect(es, T_COLON);
    n->c = flow_es_parse_value(es, no_in);
    flow_es_deepen(es, n, n->c);
    flow_es_finish(es, n);
    return n;
}

/* ---- assignment ---- */

static es_node_t *arrow_from_name(es_t *es, es_node_t *id, int no_in)
{
    if (es->tok.newline) {
        flow_es_fail(es, es->tok.pos,
                     "'=>' must stand on the line of its parameters");
    }
    return flow_es_parse_arrow(es, id, id, NF_ARROW, no_in);
}

static es_node_t *assignment_to(es_t *es, es_node_t *left, es_cover_t *cover,
                                int no_in)
{
    es_node_t *n = flow_es_node_at(es, N_ASSIGN, left);

    n->op = (unsigned char)es->tok.type;
    if (n->op == T_ASSIGN) {
        cover->set_init = cover->set_proto = 0;
        left = flow_es_to_pattern(es, left, 0);
    }
    else {
        flow_es_check_target(es, left);
    }
    flow_es_next(es);
    return flow_es_kids(es, n, left, flow_es_parse_value(es, no_in));
}

es_node_t *flow_es_parse_assignment(es_t *es, int no_in)
{
    es_cover_t *outer = es->cover, cover = { 0, 0, 0, 0 };
    unsigned int start = es->tok.pos;
    es_node_t *left;

    if (!flow_es_enter(es)) {
        return flow_es_node(es, N_ERROR, &es->tok);
    }
    es->assign_start = start;
    es->cover = &cover;
    left = conditional(es, no_in);
    if (left->type == N_ID && !(left->flags & NF_PAREN) &&
        flow_es_is(es, T_ARROW) && left->pos == start) {
        left = arrow_from_name(es, left, no_in);
    }
    else if (!flow_es_is_arrow(left) && es->tok.type >= T_ASSIGN &&
             es->tok.type <= T_A_NULLISH) {
        left = assignment_to(es, left, &cover, no_in);
    }
    es->cover = outer;
    if (!outer) {
        flow_es_cover_check(es, &cover);
    }
    else {
        if (cover.set_init && !outer->set_init) {
            outer->set_init = 1;
            outer->init_pos = cover.init_pos;
        }
        if (cover.set_proto && !outer->set_proto) {
            outer->set_proto = 1;
            outer->proto_pos = cover.proto_pos;
        }
    }
    flow_es_leave(es);
    return left;
}

/* ---- unary ---- */

static int unary_operator(const es_t *es)
{
    switch (es->tok.type) {
    case T_NOT:
    case T_TILDE:
    case T_PLUS:
    case T_MINUS:
    case T_INC:
    case T_DEC:
        return es->tok.type;
    case T_NAME:
        if (es->tok.flags & TF_ESCAPED) {
            return 0;
        }
        return es->tok.atom->kw == KW_TYPEOF   ? T_TYPEOF
               : es->tok.atom->kw == KW_VOID   ? T_VOID
               : es->tok.atom->kw == KW_DELETE ? T_DELETE
                                               : 0;
    default:
        return 0;
    }
}

/* Is this `await` the operator? At the top of a script it may also be a name. */
static int is_await(es_t *es)
{
    es_token_t next;

    if (!flow_es_is_word(es, KW_AWAIT)) {
        return 0;
    }
    if (es->in_async) {
        if (es->in_params) {
            flow_es_fail(es, es->tok.pos,
                         "'await' may not stand in parameters");
        }
        return 1;
    }
    next = flow_es_peek(es);
    if (next.newline ||
        (next.type != T_NAME && next.type != T_STR && next.type != T_NUM &&
         (next.type != T_LBRACK && next.type != T_LPAREN)) ||
        (next.type == T_NAME &&
         (next.atom->kw == KW_IN || next.atom->kw == KW_INSTANCEOF ||
          next.atom->kw == KW_OF))) {
        return 0;
    }
    if (es->in_function || es->opt->eval) {
        if (next.type == T_LPAREN || next.type == T_LBRACK) {
            return 0;
        }
        flow_es_fail(es, es->tok.pos,
                     "'await' is possible in async functions only");
    }
    return 1;
}

static void check_delete(es_t *es, const es_node_t *arg)
{
    if (es->strict && arg->type == N_ID) {
        flow_es_fail(es, arg->pos, "strict code may not delete a variable");
    }
    if (arg->type == N_PRIVATE) {
        flow_es_fail(es, arg->pos, "a private member may not be deleted");
    }
}

es_node_t *flow_es_parse_unary(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_UNARY, &es->tok), *arg;
    int op = unary_operator(es);

    if (!flow_es_enter(es)) {
        n->type = N_ERROR;
        return n;
    }
    if (op || is_await(es)) {
        n->op = (unsigned char)op;
        flow_es_next(es);
        arg = flow_es_parse_unary(es);
        if (flow_es_is_arrow(arg)) {
            flow_es_fail(es, arg->pos,
                         "an arrow function here needs parentheses");
        }
        if (op == T_INC || op == T_DEC) {
            n->type = N_UPDATE;
            n->flags |= NF_PREFIX;
            flow_es_check_target(es, arg);
        }
        else if (!op) {
            n->type = N_AWAIT;
        }
        else if (op == T_DELETE) {
            check_delete(es, arg);
        }
        flow_es_kids(es, n, arg, NULL);
        flow_es_leave(es);
        return n;
    }
    arg = flow_es_parse_lhs(es);
    if ((flow_es_is(es, T_INC) || flow_es_is(es, T_DEC)) && !es->tok.newline &&
        !flow_es_is_arrow(arg)) {
        flow_es_check_target(es, arg);
        n->type = N_UPDATE;
        n->op = (unsigned char)es->tok.type;
        flow_es_next(es);
        arg = flow_es_kids(es, n, arg, NULL);
    }
    flow_es_leave(es);
    return arg;
}
