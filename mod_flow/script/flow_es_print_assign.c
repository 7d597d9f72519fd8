/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing assignments: operators, ++, patterns.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

/* A place to read and then write: its object and key are evaluated once. */
typedef struct place_t {
    es_node_t *n;
    const char *o, *k;   /* text to use again */
    const char *to, *tk; /* temporaries to give back */
    int begun;
} place_t;

static const char *const operators[] = {
    "=",   "+=",   "-=", "*=", "/=", "%=",  "**=", "<<=",
    ">>=", ">>>=", "&=", "|=", "^=", "&&=", "||=", "?\?="
};

const char *flow_es_text_of(es_t *es, es_node_t *n)
{
    apr_size_t from = es->out.len;
    int line = es->cur_line;
    const char *s;

    es->cur_line = n->line;
    flow_es_print_expr(es, n, P_PRIMARY);
    es->cur_line = line;
    s = apr_pstrmemdup(es->p, es->out.s + from, es->out.len - from);
    es->out.len = from;
    return s;
}

static place_t place_of(es_t *es, es_node_t *n)
{
    place_t p = { n, NULL, NULL, NULL, NULL, 0 };

    if (n->type == N_ID) {
        p.o = n->binding ? n->binding->out : NULL;
        return p;
    }
    if (n->a->type != N_SUPER) {
        if (flow_es_is_simple(n->a) && !(n->a->flags & NF_CHECK)) {
            p.o = flow_es_text_of(es, n->a);
        }
        else {
            p.o = p.to = flow_es_temp(es);
        }
    }
    if (n->type == N_INDEX) {
        if (n->b->type == N_STR || n->b->type == N_NUM) {
            p.k = flow_es_text_of(es, n->b);
        }
        else {
            p.k = p.tk = flow_es_temp(es);
        }
    }
    return p;
}

static void free_place(es_t *es, place_t *p)
{
    flow_es_untemp(es, p->to);
    flow_es_untemp(es, p->tk);
}

static void place_object(es_t *es, place_t *p, int paren)
{
    if (p->begun || !p->to) {
        flow_es_say(es, p->o);
        return;
    }
    flow_es_sayf(es, paren ? "(%s = " : "%s = ", p->to);
    flow_es_print_expr(es, p->n->a, P_ASSIGN);
    flow_es_say(es, paren ? ")" : "");
}

static void place_key(es_t *es, place_t *p)
{
    if (p->n->type != N_INDEX) {
        flow_es_quote(es, p->n->atom);
    }
    else if (p->begun || !p->tk) {
        flow_es_say(es, p->k);
    }
    else {
        flow_es_sayf(es, "%s = ", p->tk);
        flow_es_print_expr(es, p->n->b, P_ASSIGN);
    }
}

/* The start of a reference; what writes it closes it. */
static void place_head(es_t *es, place_t *p, int write)
{
    es_node_t *n = p->n;

    if (n->type == N_PRIVATE) {
        flow_es_say(es, write ? "__flow_pset(" : "__flow_pget(");
        place_object(es, p, 0);
        flow_es_sayf(es, ", %s", n->binding->out);
    }
    else if (n->type != N_ID && n->a->type == N_SUPER) {
        flow_es_say(es, write ? "__flow_sset(" : "__flow_sget(");
        flow_es_print_this(es, n->a);
        flow_es_say(es, ", ");
        flow_es_print_super_base(es, n->a->func);
        flow_es_say(es, ", ");
        place_key(es, p);
    }
    else if (n->type == N_ID) {
        flow_es_print_reference(es, n, write ? P_PRIMARY : P_POSTFIX);
    }
    else {
        place_object(es, p, 1);
        flow_es_say(es, "[");
        place_key(es, p);
        flow_es_say(es, "]");
    }
    p->begun = 1;
}

static int is_call(const place_t *p)
{
    return p->n->type == N_PRIVATE ||
           (p->n->type != N_ID && p->n->a->type == N_SUPER);
}

static void place_read(es_t *es, place_t *p)
{
    place_head(es, p, 0);
    flow_es_say(es, is_call(p) ? ")" : "");
}

/* ---- constants, names not there yet ---- */

/* Why may this name not be written? NULL when it may. */
static const char *refusal(const es_t *es, const es_node_t *id)
{
    const es_binding_t *b = id->binding;

    if (!b || id->flags & NF_INIT) {
        return NULL;
    }
    if (id->flags & NF_TDZ) {
        return "__flow_tdz(";
    }
    if (b->kind == B_CONST || b->kind == B_IMPORT ||
        (b->kind == B_SELF && es->pf->strict)) {
        return "__flow_const(";
    }
    return b->kind == B_SELF ? "" : NULL;
}

static void refuse(es_t *es, const char *why, const es_node_t *id)
{
    if (*why) {
        flow_es_sayf(es, ", %s", why);
        flow_es_quote(es, id->atom);
        flow_es_say(es, ")");
    }
}

static int checked(const es_node_t *id)
{
    return id->type == N_ID && id->flags & NF_CHECK && id->binding->checked &&
           !(id->flags & NF_INIT);
}

static void check_first(es_t *es, es_node_t *id)
{
    flow_es_sayf(es, "%s === __flow_T && __flow_tdz(", id->binding->out);
    flow_es_quote(es, id->atom);
    flow_es_say(es, "), ");
    id->flags &= ~(unsigned)NF_CHECK;
}

/* ---- storing ---- */

static void value_text(es_t *es, const char *text, es_node_t *value,
                       es_node_t *id)
{
    if (text) {
        flow_es_say(es, text);
    }
    else {
        flow_es_print_named(es, value, id, P_ASSIGN);
    }
}

static void store_name(es_t *es, es_node_t *id, const char *text,
                       es_node_t *value)
{
    const char *why = refusal(es, id);

    if (why) {
        flow_es_say(es, "(");
        value_text(es, text, value, id);
        refuse(es, why, id);
        flow_es_say(es, ")");
        return;
    }
    if (checked(id)) {
        const char *t = flow_es_temp(es);

        flow_es_sayf(es, "(%s = ", t);
        value_text(es, text, value, id);
        flow_es_say(es, ", ");
        check_first(es, id);
        flow_es_sayf(es, "%s = %s)", id->binding->out, t);
        flow_es_untemp(es, t);
        return;
    }
    flow_es_at(es, id->line, id->pos);
    if (id->binding) {
        flow_es_say(es, id->binding->out);
    }
    else {
        flow_es_print_reference(es, id, P_PRIMARY);
    }
    flow_es_say(es, " = ");
    value_text(es, text, value, id);
}

static int is_name(const char *text)
{
    while (flow_es_id_part((unsigned char)*text)) {
        ++text;
    }
    return *text == 0;
}

void flow_es_print_store(es_t *es, es_node_t *target, const char *text,
                         es_node_t *value, int init)
{
    place_t p;
    const char *t;

    switch (target->type) {
    case N_ID:
        store_name(es, target, text, value);
        break;
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN:
        if (text && is_name(text)) {
            flow_es_print_pattern(es, target, text, init);
            break;
        }
        t = flow_es_temp(es);
        flow_es_sayf(es, "%s = ", t);
        value_text(es, text, value, NULL);
        flow_es_say(es, ", ");
        flow_es_print_pattern(es, target, t, init);
        flow_es_untemp(es, t);
        break;
    case N_PRIVATE:
    case N_MEMBER:
    case N_INDEX:
        if (target->type == N_PRIVATE || target->a->type == N_SUPER) {
            p = place_of(es, target);
            place_head(es, &p, 1);
            flow_es_say(es, ", ");
            value_text(es, text, value, NULL);
            flow_es_say(es, ")");
            free_place(es, &p);
            break;
        }
        flow_es_print_member(es, target, P_MEMBER);
        flow_es_say(es, " = ");
        value_text(es, text, value, NULL);
        break;
    default:
        flow_es_fail(es, target->pos, "this cannot be assigned to");
        break;
    }
}

/* ---- operators ---- */

static void pattern_assignment(es_t *es, es_node_t *n)
{
    const char *t = flow_es_temp(es);

    flow_es_sayf(es, "(%s = ", t);
    flow_es_print_expr(es, n->b, P_ASSIGN);
    flow_es_say(es, ", ");
    flow_es_print_pattern(es, n->a, t, 0);
    flow_es_sayf(es, ", %s)", t);
    flow_es_untemp(es, t);
}

static void logical_assignment(es_t *es, es_node_t *n)
{
    place_t p = place_of(es, n->a);
    const char *why = n->a->type == N_ID ? refusal(es, n->a) : NULL, *t = NULL;

    flow_es_say(es, "(");
    if (n->op == T_A_NULLISH) {
        t = flow_es_temp(es);
        flow_es_sayf(es, "(%s = ", t);
        place_read(es, &p);
        flow_es_sayf(es, ") != null ? %s : (", t);
        flow_es_untemp(es, t);
    }
    else {
        place_read(es, &p);
        flow_es_say(es, n->op == T_A_LAND ? " && (" : " || (");
    }
    if (why) {
        flow_es_print_expr(es, n->b, P_ASSIGN);
        refuse(es, why, n->a);
    }
    else {
        if (n->a->type == N_ID) {
            n->a->flags &= ~(unsigned)NF_CHECK;
        }
        place_head(es, &p, 1);
        flow_es_say(es, is_call(&p) ? ", " : " = ");
        flow_es_print_named(es, n->b, n->a, P_ASSIGN);
        flow_es_say(es, is_call(&p) ? ")" : "");
    }
    flow_es_say(es, "))");
    free_place(es, &p);
}

static void arithmetic(es_t *es, es_node_t *n, place_t *p)
{
    const char *op = operators[n->op - T_ASSIGN];

    if (n->op == T_A_POW) {
        flow_es_say(es, "__flow_pow(");
        place_read(es, p);
        flow_es_say(es, ", ");
        flow_es_print_expr(es, n->b, P_ASSIGN);
        flow_es_say(es, ")");
        return;
    }
    place_read(es, p);
    flow_es_sayf(es, " %.*s ", (int)strlen(op) - 1, op);
    flow_es_print_expr(es, n->b, P_UNARY);
}

/* += and so on where mujs' own operator does not do */
static void long_assignment(es_t *es, es_node_t *n)
{
    place_t p = place_of(es, n->a), again;
    const char *why = n->a->type == N_ID ? refusal(es, n->a) : NULL;

    flow_es_say(es, "(");
    if (why) {
        arithmetic(es, n, &p);
        refuse(es, why, n->a);
    }
    else {
        if (checked(n->a)) {
            check_first(es, n->a);
        }
        place_head(es, &p, 1);
        flow_es_say(es, is_call(&p) ? ", " : " = ");
        again = p;
        arithmetic(es, n, &again);
        flow_es_say(es, is_call(&p) ? ")" : "");
    }
    flow_es_say(es, ")");
    free_place(es, &p);
}

static int is_odd_target(const es_t *es, const es_node_t *n)
{
    if (n->type == N_ID) {
        return refusal(es, n) != NULL || checked(n);
    }
    return n->type == N_PRIVATE || n->a->type == N_SUPER;
}

void flow_es_print_assign(es_t *es, es_node_t *n, int prec)
{
    int wrap = prec > P_ASSIGN;

    if (n->a->type == N_ARRAY_PATTERN || n->a->type == N_OBJECT_PATTERN) {
        pattern_assignment(es, n);
    }
    else if (n->op >= T_A_LAND) {
        logical_assignment(es, n);
    }
    else if (n->op == T_ASSIGN) {
        flow_es_say(es, wrap ? "(" : "");
        flow_es_print_store(es, n->a, NULL, n->b, 0);
        flow_es_say(es, wrap ? ")" : "");
    }
    else if (n->op == T_A_POW || is_odd_target(es, n->a)) {
        long_assignment(es, n);
    }
    else {
        flow_es_say(es, wrap ? "(" : "");
        flow_es_print_expr(es, n->a, P_POSTFIX);
        flow_es_sayf(es, " %s ", operators[n->op - T_ASSIGN]);
        flow_es_print_expr(es, n->b, P_ASSIGN);
        flow_es_say(es, wrap ? ")" : "");
    }
}

static void long_update(es_t *es, es_node_t *n)
{
    place_t p = place_of(es, n->a), again;
    const char *why = n->a->type == N_ID ? refusal(es, n->a) : NULL;
    const char *t = flow_es_temp(es), *op = n->op == T_INC ? "+" : "-";

    flow_es_say(es, "(");
    if (why) {
        flow_es_say(es, "+");
        place_read(es, &p);
        refuse(es, why, n->a);
    }
    else if (n->a->type == N_ID) {
        check_first(es, n->a);
        flow_es_print_update(es, n, P_ASSIGN);
    }
    else {
        flow_es_sayf(es, "%s = +", t);
        place_read(es, &p);
        flow_es_say(es, ", ");
        again = p;
        place_head(es, &again, 1);
        flow_es_sayf(es, ", %s %s 1)", t, op);
        if (!(n->flags & NF_PREFIX)) {
            flow_es_sayf(es, ", %s", t);
        }
    }
    flow_es_say(es, ")");
    flow_es_untemp(es, t);
    free_place(es, &p);
}

void flow_es_print_update(es_t *es, es_node_t *n, int prec)
{
    const char *op = n->op == T_INC ? "++" : "--";
    int wrap = prec > P_UNARY;

    if (is_odd_target(es, n->a)) {
        long_update(es, n);
        return;
    }
    flow_es_say(es, wrap ? "(" : "");
    flow_es_at(es, n->line, n->pos);
    flow_es_say(es, n->flags & NF_PREFIX ? op : "");
    flow_es_print_expr(es, n->a, P_UNARY);
    flow_es_say(es, n->flags & NF_PREFIX ? "" : op);
    flow_es_say(es, wrap ? ")" : "");
}
