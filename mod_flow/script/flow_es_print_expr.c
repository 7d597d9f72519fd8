/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing expressions: operators, literals, what needs no new shape.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

static const char *operator_text(int op)
{
    /* in the order of T_LT ... T_NULLISH */
    static const char *const binary[] = {
        "<", ">",  "<=", ">=", "==",  "!=", "===", "!==", "+",  "-",  "*",  "/",
        "%", "**", "<<", ">>", ">>>", "&",  "|",   "^",   "&&", "||", "?\?"
    };

    switch (op) {
    case T_IN:
        return "in";
    case T_INSTANCEOF:
        return "instanceof";
    case T_TYPEOF:
        return "typeof ";
    case T_VOID:
        return "void ";
    case T_DELETE:
        return "delete ";
    case T_NOT:
        return "!";
    case T_TILDE:
        return "~";
    case T_INC:
        return "++";
    case T_DEC:
        return "--";
    default:
        return binary[op - T_LT];
    }
}

static int operator_precedence(int op)
{
    static const unsigned char prec[] = {
        P_REL,   P_REL,  P_REL, P_REL, P_EQ,   P_EQ,   P_EQ,    P_EQ,
        P_ADD,   P_ADD,  P_MUL, P_MUL, P_MUL,  P_CALL, P_SHIFT, P_SHIFT,
        P_SHIFT, P_BAND, P_BOR, P_XOR, P_LAND, P_LOR,  P_COND
    };

    return op == T_IN ? 0 : op == T_INSTANCEOF ? P_REL : prec[op - T_LT];
}

static void open_paren(es_t *es, int wrap)
{
    if (wrap) {
        flow_es_say(es, "(");
    }
}

static void close_paren(es_t *es, int wrap)
{
    if (wrap) {
        flow_es_say(es, ")");
    }
}

static void number(es_t *es, es_node_t *n, int prec)
{
    char digits[400];

    open_paren(es, prec >= P_MEMBER);
    if (n->atom) {
        flow_es_put(es, &es->out, n->atom->s, n->atom->len);
    }
    else if (isinf(n->number)) {
        flow_es_say(es, "1e999");
    }
    else {
        /* all digits; APR's own formatting rounds */
        snprintf(digits, sizeof(digits), "%.0f", n->number);
        flow_es_say(es, digits);
    }
    close_paren(es, prec >= P_MEMBER);
}

static void regex(es_t *es, es_node_t *n)
{
    flow_es_say(es, "/");
    flow_es_put(es, &es->out, n->atom->s, n->atom->len);
    flow_es_say(es, "/");
    flow_es_put(es, &es->out, n->atom2->s, n->atom2->len);
}

static void unary(es_t *es, es_node_t *n, int prec)
{
    const char *op = operator_text(n->op);
    int chain = n->op == T_DELETE && n->a->flags & NF_CHAIN;

    if (n->op == T_DELETE &&
        (n->a->type == N_MEMBER || n->a->type == N_INDEX) &&
        n->a->a->type == N_SUPER) {
        flow_es_say(es, "__flow_tdz(\"super\")");
        return;
    }

    if (chain) {
        n->a->flags |= NF_DECL; /* delete a?.b: see print_chain() */
        flow_es_print_expr(es, n->a, prec);
        return;
    }
    open_paren(es, prec > P_UNARY);
    flow_es_at(es, n->line, n->pos);
    flow_es_say(es, op);
    if ((n->op == T_PLUS || n->op == T_MINUS) &&
        (n->a->type == N_UNARY || n->a->type == N_UPDATE)) {
        flow_es_say(es, " ");
    }
    if (n->op == T_DELETE && n->a->type != N_ID && n->a->type != N_MEMBER &&
        n->a->type != N_INDEX) {
        /* the value is not a reference: true */
        es->out.len -= strlen(op);
        flow_es_say(es, "(");
        flow_es_print_expr(es, n->a, P_ASSIGN);
        flow_es_say(es, ", true)");
    }
    else if (n->op == T_TYPEOF && n->a->type == N_ID && !n->a->binding &&
             n->a->atom->kw == KW_EVAL) {
        flow_es_say(es, "eval");
    }
    else if (n->op == T_DELETE && n->a->type == N_ID && n->a->binding) {
        es->out.len -= strlen(op);
        flow_es_say(es, "!1");
    }
    else {
        flow_es_print_expr(es, n->a, P_UNARY);
    }
    close_paren(es, prec > P_UNARY);
}

static void binary(es_t *es, es_node_t *n, int prec)
{
    int own = operator_precedence(n->op), wrap = own < prec || n->op == T_IN;

    if (n->op == T_POW) {
        flow_es_at(es, n->line, n->pos);
        flow_es_say(es, "__flow_pow(");
        flow_es_print_expr(es, n->a, P_ASSIGN);
        flow_es_say(es, ", ");
        flow_es_print_expr(es, n->b, P_ASSIGN);
        flow_es_say(es, ")");
        return;
    }
    open_paren(es, wrap);
    flow_es_print_expr(es, n->a, n->op == T_IN ? P_REL : own);
    flow_es_sayf(es, " %s ", operator_text(n->op));
    flow_es_print_expr(es, n->b, (n->op == T_IN ? P_REL : own) + 1);
    close_paren(es, wrap);
}

static void logical(es_t *es, es_node_t *n, int prec)
{
    int own = operator_precedence(n->op);
    const char *t;

    if (n->op != T_NULLISH) {
        open_paren(es, own < prec);
        flow_es_print_expr(es, n->a, own);
        flow_es_sayf(es, " %s ", operator_text(n->op));
        flow_es_print_expr(es, n->b, own + 1);
        close_paren(es, own < prec);
        return;
    }
    open_paren(es, prec > P_COND);
    if (flow_es_is_simple(n->a) && !(n->a->flags & NF_CHECK)) {
        flow_es_print_expr(es, n->a, P_EQ);
        flow_es_say(es, " != null ? ");
        flow_es_print_expr(es, n->a, P_ASSIGN);
    }
    else {
        t = flow_es_temp(es);
        flow_es_sayf(es, "(%s = ", t);
        flow_es_print_expr(es, n->a, P_ASSIGN);
        flow_es_sayf(es, ") != null ? %s", t);
        flow_es_untemp(es, t);
    }
    flow_es_say(es, " : ");
    flow_es_print_expr(es, n->b, P_ASSIGN);
    close_paren(es, prec > P_COND);
}

static void conditional(es_t *es, es_node_t *n, int prec)
{
    open_paren(es, prec > P_COND);
    flow_es_print_expr(es, n->a, P_COND + 1);
    flow_es_say(es, " ? ");
    flow_es_print_expr(es, n->b, P_ASSIGN);
    flow_es_say(es, " : ");
    flow_es_print_expr(es, n->c, P_ASSIGN);
    close_paren(es, prec > P_COND);
}

static void sequence(es_t *es, es_node_t *n, int prec)
{
    es_node_t *item;

    open_paren(es, prec > P_SEQ);
    for (item = n->list; item; item = item->next) {
        flow_es_print_expr(es, item, P_ASSIGN);
        flow_es_say(es, item->next ? ", " : "");
    }
    close_paren(es, prec > P_SEQ);
}

static void array(es_t *es, es_node_t *n)
{
    es_node_t *item;

    if (flow_es_has_spread(n->list)) {
        flow_es_print_array_of(es, n->list, 1);
        return;
    }
    flow_es_say(es, "[");
    for (item = n->list; item; item = item->next) {
        if (item->type != N_HOLE) {
            flow_es_print_expr(es, item, P_ASSIGN);
        }
        flow_es_say(es, item->next || item->type == N_HOLE ? ", " : "");
    }
    flow_es_say(es, "]");
}

static void call_helper(es_t *es, const char *name, es_node_t *arg)
{
    flow_es_say(es, name);
    flow_es_print_expr(es, arg, P_ASSIGN);
    flow_es_say(es, ")");
}

static void new_target(es_t *es, es_node_t *n)
{
    es_func_t *func = n->func;

    if (func->uses_newtarget) {
        flow_es_say(es, func->newtarget_name);
    }
    else if (func->self_name) {
        flow_es_sayf(es, "__flow_newtarget(this, %s)", func->self_name);
    }
    else {
        flow_es_say(es, "void 0");
    }
}

void flow_es_print_named(es_t *es, es_node_t *n, es_node_t *id, int prec)
{
    int is_named = id && id->type == N_ID && !(id->flags & NF_PAREN) && !n->a;

    if (is_named && n->type == N_FUNCTION) {
        flow_es_at(es, n->line, n->pos);
        flow_es_print_function(es, n, id, id->atom);
    }
    else if (is_named && n->type == N_CLASS) {
        flow_es_at(es, n->line, n->pos);
        flow_es_print_class(es, n, id, id->atom);
    }
    else {
        flow_es_print_expr(es, n, prec);
    }
}

static void literal(es_t *es, es_node_t *n, int prec)
{
    flow_es_at(es, n->line, n->pos);
    switch (n->type) {
    case N_NUM:
        number(es, n, prec);
        break;
    case N_STR:
        flow_es_quote(es, n->atom);
        break;
    case N_REGEX: /* in parentheses: mujs takes /a/ / 2 for two */
        open_paren(es, prec > P_ASSIGN);
        regex(es, n);
        close_paren(es, prec > P_ASSIGN);
        break;
    case N_NULL:
        flow_es_say(es, "null");
        break;
    case N_TRUE:
        flow_es_say(es, "true");
        break;
    case N_FALSE:
        flow_es_say(es, "false");
        break;
    case N_THIS:
        flow_es_print_this(es, n);
        break;
    case N_NEWTARGET:
        new_target(es, n);
        break;
    case N_ARRAY:
        array(es, n);
        break;
    case N_OBJECT:
        flow_es_print_object(es, n, prec);
        break;
    case N_FUNCTION:
        open_paren(es, prec >= P_CALL);
        flow_es_print_function(es, n, NULL, NULL);
        close_paren(es, prec >= P_CALL);
        break;
    case N_CLASS:
        flow_es_print_class(es, n, NULL, NULL);
        break;
    case N_TEXT:
        flow_es_print_template_site(es, n);
        break;
    case N_TEMP:
        flow_es_say(es, n->atom->s);
        break;
    case N_DEFAULT: /* of a pattern: the atom names what was read */
        flow_es_sayf(es, "%s === void 0 ? ", n->atom->s);
        flow_es_print_named(es, n->b, n->a, P_ASSIGN);
        flow_es_sayf(es, " : %s", n->atom->s);
        break;
    default:
        flow_es_fail(es, n->pos, "this may not stand here");
        break;
    }
}

void flow_es_print_expr(es_t *es, es_node_t *n, int prec)
{
    if (flow_es_is_deep(es, n->pos)) {
        return;
    }
    if (n->type < N_CALL) {
        switch (n->type) {
        case N_ID:
            flow_es_print_reference(es, n, prec);
            return;
        case N_TEMPLATE:
            flow_es_print_template(es, n, prec);
            return;
        case N_TAGGED:
            flow_es_print_tagged(es, n, prec);
            return;
        case N_UNARY:
            unary(es, n, prec);
            return;
        case N_UPDATE:
            flow_es_print_update(es, n, prec);
            return;
        case N_BINARY:
            binary(es, n, prec);
            return;
        case N_LOGICAL:
            logical(es, n, prec);
            return;
        case N_ASSIGN:
            flow_es_print_assign(es, n, prec);
            return;
        case N_COND:
            conditional(es, n, prec);
            return;
        default:
            literal(es, n, prec);
            return;
        }
    }
    switch (n->type) {
    case N_CALL:
    case N_MEMBER:
    case N_INDEX:
    case N_PRIVATE:
        if (n->flags & NF_CHAIN) {
            flow_es_print_chain(es, n, prec);
        }
        else if (n->type == N_CALL) {
            flow_es_print_call(es, n, prec);
        }
        else {
            flow_es_print_member(es, n, prec);
        }
        break;
    case N_NEW:
        flow_es_print_new(es, n, prec);
        break;
    case N_SEQ:
        sequence(es, n, prec);
        break;
    case N_AWAIT:
        flow_es_at(es, n->line, n->pos);
        call_helper(es, "__flow_await(", n->a);
        break;
    case N_PRIVATE_IN:
        flow_es_at(es, n->line, n->pos);
        flow_es_sayf(es, "__flow_phas(%s, ", n->binding->out);
        call_helper(es, "", n->a);
        break;
    default:
        literal(es, n, prec);
        break;
    }
}
