/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing calls, members, optional chains, spread, templates, literals of
 * objects.
 */
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

int flow_es_has_spread(const es_node_t *list)
{
    for (; list; list = list->next) {
        if (list->type == N_SPREAD) {
            return 1;
        }
    }
    return 0;
}

void flow_es_print_args(es_t *es, es_node_t *list)
{
    for (; list; list = list->next) {
        flow_es_print_expr(es, list, P_ASSIGN);
        flow_es_say(es, list->next ? ", " : "");
    }
}

/* [a, ...b] is __flow_cat(0, a, 1, b): a flag before each value. */
void flow_es_print_array_of(es_t *es, es_node_t *list, int fresh)
{
    es_node_t *item;

    if (!flow_es_has_spread(list)) {
        flow_es_say(es, "[");
        flow_es_print_args(es, list);
        flow_es_say(es, "]");
        return;
    }
    if (!fresh && !list->next) {
        flow_es_say(es, "__flow_list(");
        flow_es_print_expr(es, list->a, P_ASSIGN);
        flow_es_say(es, ", -1)");
        return;
    }
    flow_es_say(es, "__flow_cat(");
    for (item = list; item; item = item->next) {
        if (item->type == N_HOLE) {
            flow_es_say(es, "2, 0");
        }
        else {
            flow_es_say(es, item->type == N_SPREAD ? "1, " : "0, ");
            flow_es_print_expr(es, item->type == N_SPREAD ? item->a : item,
                               P_ASSIGN);
        }
        flow_es_say(es, item->next ? ", " : "");
    }
    flow_es_say(es, ")");
}

/* ---- members ---- */

static void dot_name(es_t *es, const es_atom_t *name)
{
    if (name->ascii) {
        flow_es_say(es, ".");
        flow_es_put(es, &es->out, name->s, name->len);
        return;
    }
    flow_es_say(es, "[");
    flow_es_quote(es, name);
    flow_es_say(es, "]");
}

static void member_suffix(es_t *es, es_node_t *n)
{
    if (n->type == N_INDEX) {
        flow_es_say(es, "[");
        flow_es_print_expr(es, n->b, P_SEQ);
        flow_es_say(es, "]");
        return;
    }
    flow_es_at(es, (int)n->number, n->pos);
    dot_name(es, n->atom);
}

static void super_key(es_t *es, es_node_t *n)
{
    if (n->type == N_INDEX) {
        flow_es_print_expr(es, n->b, P_ASSIGN);
    }
    else {
        flow_es_quote(es, n->atom);
    }
}

/* The object; kept in a variable when a call needs it as `this`. */
static void print_object(es_t *es, es_node_t *n, int prec)
{
    if (!n->d) {
        flow_es_print_expr(es, n->a, prec);
        return;
    }
    flow_es_sayf(es, prec > P_ASSIGN ? "(%s = " : "%s = ", n->d->atom->s);
    flow_es_print_expr(es, n->a, P_ASSIGN);
    flow_es_say(es, prec > P_ASSIGN ? ")" : "");
}

void flow_es_print_member(es_t *es, es_node_t *n, int prec)
{
    (void)prec;
    if (n->type == N_PRIVATE) {
        flow_es_say(es, "__flow_pget(");
        print_object(es, n, P_ASSIGN);
        flow_es_sayf(es, ", %s)", n->binding->out);
    }
    else if (n->a->type == N_SUPER) {
        flow_es_at(es, n->line, n->pos);
        flow_es_say(es, "__flow_sget(");
        flow_es_print_this(es, n->a);
        flow_es_say(es, ", ");
        flow_es_print_super_base(es, n->a->func);
        flow_es_say(es, ", ");
        super_key(es, n);
        flow_es_say(es, ")");
    }
    else {
        print_object(es, n, P_MEMBER);
        member_suffix(es, n);
    }
}

/* ---- calls ---- */

static es_node_t *temp_node(es_t *es, const char *name, const es_node_t *like)
{
    es_node_t *n = flow_es_alloc(es, sizeof(*n));

    n->type = N_TEMP;
    n->atom = flow_es_atom(es, name, strlen(name));
    n->line = like->line;
    n->pos = like->pos;
    return n;
}

/* Text for the `this` of a call of @a callee; *ptemp is a temporary that the
 * caller gives back. Comes before the callee is printed. */
static const char *self_of(es_t *es, es_node_t *callee, const char **ptemp)
{
    apr_size_t from = es->out.len;
    es_node_t *object = callee->a;
    const char *self;
    int line = es->cur_line;

    *ptemp = NULL;
    if (callee->type != N_MEMBER && callee->type != N_INDEX &&
        callee->type != N_PRIVATE) {
        return "void 0";
    }
    if (object->type == N_SUPER ||
        (flow_es_is_simple(object) && !(object->flags & NF_CHECK))) {
        es->cur_line = object->line; /* no line break in this text */
        if (object->type == N_SUPER) {
            flow_es_print_this(es, object);
        }
        else {
            flow_es_print_expr(es, object, P_MEMBER);
        }
        es->cur_line = line;
        self = apr_pstrmemdup(es->p, es->out.s + from, es->out.len - from);
        es->out.len = from;
        return self;
    }
    *ptemp = flow_es_temp(es);
    callee->d = temp_node(es, *ptemp, object);
    return *ptemp;
}

/* f(...a): .apply(this, array), or .call(this, a, b) */
static void apply(es_t *es, const char *self, es_node_t *args)
{
    int spread = flow_es_has_spread(args);

    flow_es_sayf(es, "%s(%s", spread ? ".apply" : ".call", self);
    if (spread) {
        flow_es_say(es, ", ");
        flow_es_print_array_of(es, args, 0);
    }
    else if (args) {
        flow_es_say(es, ", ");
        flow_es_print_args(es, args);
    }
    flow_es_say(es, ")");
}

/* super.m(): the method of the class above, without a look at getters */
static void print_callee(es_t *es, es_node_t *callee)
{
    es_func_t *func;

    if ((callee->type == N_MEMBER || callee->type == N_INDEX) &&
        callee->a->type == N_SUPER) {
        func = callee->a->func;
        if (func->home && func->home->type == N_CLASS && func->home->b) {
            flow_es_at(es, callee->line, callee->pos);
            flow_es_print_super_base(es, func);
            member_suffix(es, callee);
            return;
        }
    }
    flow_es_print_expr(es, callee, P_MEMBER);
}

static void call_with_this(es_t *es, es_node_t *n)
{
    const char *t, *self = self_of(es, n->a, &t);

    print_callee(es, n->a);
    apply(es, self, n->list);
    flow_es_untemp(es, t);
}

static int is_eval(const es_node_t *n)
{
    return n->type == N_ID && n->atom->kw == KW_EVAL && !n->binding &&
           !(n->flags & NF_PAREN);
}

void flow_es_print_call(es_t *es, es_node_t *n, int prec)
{
    es_node_t *callee = n->a;

    (void)prec;
    if (callee->type == N_SUPER) {
        flow_es_print_super_call(es, n);
    }
    else if (is_eval(callee) && n->list && n->list->type != N_SPREAD) {
        flow_es_at(es, n->line, n->pos);
        flow_es_say(es, "eval(");
        flow_es_print_args(es, n->list);
        flow_es_say(es, ")");
    }
    else if (callee->type == N_PRIVATE || flow_es_has_spread(n->list) ||
             ((callee->type == N_MEMBER || callee->type == N_INDEX) &&
              (callee->a->type == N_SUPER || callee->flags & NF_CHAIN))) {
        call_with_this(es, n);
    }
    else {
        if (callee->type == N_ID && callee->binding &&
            callee->binding->kind == B_IMPORT) {
            flow_es_say(es, "(0, ");
            flow_es_print_expr(es, callee, P_ASSIGN);
            flow_es_say(es, ")");
        }
        else {
            flow_es_print_expr(es, callee, P_MEMBER);
        }
        flow_es_say(es, "(");
        flow_es_print_args(es, n->list);
        flow_es_say(es, ")");
    }
}

/* new a().b is not new (a().b): is a call on the way to the callee? */
static int is_plain_path(const es_node_t *n)
{
    while ((n->type == N_MEMBER || n->type == N_INDEX) &&
           !(n->flags & NF_CHAIN)) {
        n = n->a;
    }
    return n->type == N_TEMP ||
           (n->type == N_ID && !(n->flags & (NF_CHECK | NF_TDZ)));
}

void flow_es_print_new(es_t *es, es_node_t *n, int prec)
{
    int wrap;

    (void)prec;
    flow_es_at(es, n->line, n->pos);
    if (flow_es_has_spread(n->list)) {
        flow_es_say(es, "__flow_new(");
        flow_es_print_expr(es, n->a, P_ASSIGN);
        flow_es_say(es, ", ");
        flow_es_print_array_of(es, n->list, 0);
        flow_es_say(es, ")");
        return;
    }
    wrap = !is_plain_path(n->a);
    flow_es_say(es, wrap ? "new (" : "new ");
    flow_es_print_expr(es, n->a, wrap ? P_SEQ : P_MEMBER);
    flow_es_say(es, wrap ? ")(" : "(");
    flow_es_print_args(es, n->list);
    flow_es_say(es, ")");
}

/* ---- optional chains ---- */

/* f?.(...) becomes t.call(self, ...): in place */
static void call_through(es_t *es, es_node_t *l, const char *t,
                         const char *self)
{
    es_node_t *member = flow_es_alloc(es, sizeof(*member)), *array;
    int spread = flow_es_has_spread(l->list);

    if (!self) {
        l->a = temp_node(es, t, l);
        return;
    }
    member->type = N_MEMBER;
    member->line = l->line;
    member->pos = l->pos;
    member->a = temp_node(es, t, l);
    member->atom = flow_es_atom(es, spread ? "apply" : "call", spread ? 5 : 4);
    if (spread) {
        array = flow_es_alloc(es, sizeof(*array));
        array->type = N_ARRAY;
        array->line = l->line;
        array->pos = l->pos;
        array->list = l->list;
        l->list = array;
    }
    l->a = temp_node(es, self, l);
    l->a->next = l->list;
    l->list = l->a;
    l->a = member;
}

/* a?.b.c is (t = a) == null ? void 0 : t.b.c, from the last ?. on outwards;
 * what stands before it is printed as a chain of its own. */
void flow_es_print_chain(es_t *es, es_node_t *n, int prec)
{
    es_node_t *l = n, *m;
    const char *t, *o = NULL, *self = NULL;
    int wrap = prec > P_COND, deleting = (n->flags & NF_DECL) != 0;

    while (!(l->flags & NF_OPTIONAL)) {
        l = l->a;
    }
    for (m = n; m != l; m = m->a) {
        m->flags &= ~(unsigned)NF_CHAIN;
    }
    l->flags &= ~(unsigned)(NF_CHAIN | NF_OPTIONAL);
    if (l->type == N_CALL) {
        self = self_of(es, l->a, &o);
        self = l->a->type == N_MEMBER || l->a->type == N_INDEX ||
                       l->a->type == N_PRIVATE
                   ? self
                   : NULL;
    }
    t = flow_es_temp(es);
    flow_es_sayf(es, "%s(%s = ", wrap ? "(" : "", t);
    if (l->type == N_CALL) {
        print_callee(es, l->a);
        call_through(es, l, t, self);
    }
    else {
        flow_es_print_expr(es, l->a, P_ASSIGN);
        l->a = temp_node(es, t, l);
    }
    flow_es_sayf(es, ") == null ? %s : ", deleting ? "true" : "void 0");
    flow_es_say(es, deleting ? "delete " : "");
    flow_es_print_expr(es, n, P_UNARY);
    flow_es_say(es, wrap ? ")" : "");
    flow_es_untemp(es, t);
    flow_es_untemp(es, o);
}
