/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Printing templates and literals of objects.
 */
#include <string.h>

#include "script/flow_es_private.h"

/* ---- templates ---- */

static int is_text(const es_node_t *n)
{
    return n->type == N_STR || n->type == N_NUM || n->type == N_TEMPLATE;
}

/* "a".concat(b, "c") makes strings as a template does: by toString(), where +
 * would ask valueOf() first. */
void flow_es_print_template(es_t *es, es_node_t *n, int prec)
{
    es_node_t *item;
    int texts = 1, wrap;
    const char *between;

    flow_es_at(es, n->line, n->pos);
    for (item = n->list->next; item; item = item->next) {
        texts &= item->type == N_CHUNK || is_text(item);
    }
    wrap = texts && n->list->next && prec > P_ADD;
    between = texts ? " + " : ", ";
    flow_es_say(es, wrap ? "(" : "");
    flow_es_quote(es, n->list->atom);
    if (n->list->next && !texts) {
        flow_es_say(es, ".concat(");
    }
    for (item = n->list->next; item; item = item->next) {
        if (item->type == N_CHUNK && item->atom->len == 0) {
            continue;
        }
        if (texts || item != n->list->next) {
            flow_es_say(es, between);
        }
        if (item->type == N_CHUNK) {
            flow_es_quote(es, item->atom);
        }
        else {
            flow_es_print_expr(es, item, texts ? P_MUL : P_ASSIGN);
        }
    }
    if (n->list->next && !texts) {
        flow_es_say(es, ")");
    }
    flow_es_say(es, wrap ? ")" : "");
}

static void chunks(es_t *es, es_node_t *n, int raw)
{
    es_node_t *item;
    int first = 1;

    flow_es_say(es, "[");
    for (item = n->list; item; item = item->next) {
        if (item->type != N_CHUNK) {
            continue;
        }
        flow_es_say(es, first ? "" : ", ");
        first = 0;
        if (raw) {
            flow_es_quote(es, item->atom2);
        }
        else if (item->atom) {
            flow_es_quote(es, item->atom);
        }
        else {
            flow_es_say(es, "void 0");
        }
    }
    flow_es_say(es, "]");
}

/* tag`a${b}` is tag(site, b); the site's object is made once. */
void flow_es_print_tagged(es_t *es, es_node_t *n, int prec)
{
    es_node_t *template = n->b, *call = flow_es_alloc(es, sizeof(*call));
    es_node_t *site = flow_es_alloc(es, sizeof(*site)), *item, *tail = site;
    es_node_t *next;

    site->type = N_TEXT;
    site->a = template;
    call->type = N_CALL;
    call->a = n->a;
    call->line = n->line;
    call->pos = n->pos;
    call->list = site;
    site->line = template->line;
    site->pos = template->pos;
    for (item = template->list; item; item = next) {
        next = item->next;
        if (item->type != N_CHUNK) {
            es_node_t *copy = flow_es_alloc(es, sizeof(*copy));

            *copy = *item;
            copy->next = NULL;
            tail->next = copy;
            tail = copy;
        }
    }
    flow_es_print_call(es, call, prec);
}

void flow_es_print_template_site(es_t *es, es_node_t *n)
{
    es_func_t *func = es->pf;
    const char *name;

    /* a variable of the whole program */
    es->pf = es->program->func;
    name = flow_es_variable(es, "__flow_tpl");
    es->pf = func;
    flow_es_sayf(es, "%s || (%s = __flow_template(", name, name);
    chunks(es, n->a, 0);
    flow_es_say(es, ", ");
    chunks(es, n->a, 1);
    flow_es_say(es, "))");
}

/* ---- objects ---- */

static void function_value(es_t *es, es_node_t *prop)
{
    const es_atom_t *hint = NULL;

    if (!(prop->flags & NF_COMPUTED) && !(prop->flags & (NF_GET | NF_SET)) &&
        prop->a->type == N_STR) {
        hint = prop->a->atom;
    }
    flow_es_print_function(es, prop->b, NULL, hint);
}

static void property_value(es_t *es, es_node_t *prop)
{
    es_node_t *v = prop->b;

    if (v->type == N_FUNCTION && !v->a) {
        flow_es_at(es, v->line, v->pos);
        function_value(es, prop);
    }
    else if (v->type == N_CLASS && !v->a && !(prop->flags & NF_COMPUTED) &&
             prop->a->type == N_STR) {
        flow_es_at(es, v->line, v->pos);
        flow_es_print_class(es, v, NULL, prop->a->atom);
    }
    else {
        flow_es_print_expr(es, v, P_ASSIGN);
    }
}

/* The key as it stands in a literal. */
void flow_es_print_key(es_t *es, es_node_t *prop)
{
    flow_es_at(es, prop->line, prop->pos);
    if (prop->a->type == N_STR && prop->a->atom->ascii) {
        flow_es_put(es, &es->out, prop->a->atom->s, prop->a->atom->len);
    }
    else {
        flow_es_print_expr(es, prop->a, P_PRIMARY - 3);
    }
}

static void accessor_body(es_t *es, es_node_t *fn)
{
    apr_size_t from = es->out.len;

    /* "function (x) {...}" without its first word */
    flow_es_print_function(es, fn, NULL, NULL);
    if (!es->failed) {
        while (es->out.s[from] == '\n') {
            ++from;
        }
        memmove(es->out.s + from, es->out.s + from + 9, es->out.len - from - 9);
        es->out.len -= 9;
    }
}

static void plain_property(es_t *es, es_node_t *prop)
{
    if (prop->flags & (NF_GET | NF_SET)) {
        flow_es_at(es, prop->line, prop->pos);
        flow_es_say(es, prop->flags & NF_GET ? "get " : "set ");
        flow_es_print_key(es, prop);
        accessor_body(es, prop->b);
        return;
    }
    flow_es_print_key(es, prop);
    flow_es_say(es, ": ");
    property_value(es, prop);
}

static int is_plain(const es_node_t *prop)
{
    return prop->type == N_PROP && !(prop->flags & (NF_COMPUTED | NF_PROTO));
}

static void key_expression(es_t *es, es_node_t *prop)
{
    if (!(prop->flags & NF_COMPUTED) && prop->a->type == N_STR) {
        flow_es_quote(es, prop->a->atom);
    }
    else {
        flow_es_print_expr(es, prop->a, P_ASSIGN);
    }
}

/* One property put onto the object @a o. */
static void put_property(es_t *es, es_node_t *prop, const char *o)
{
    flow_es_at(es, prop->line, prop->pos);
    if (prop->type == N_SPREAD) {
        flow_es_sayf(es, "__flow_assign(%s, ", o);
        flow_es_print_expr(es, prop->a, P_ASSIGN);
        flow_es_say(es, ")");
        return;
    }
    if (prop->flags & NF_PROTO) {
        flow_es_sayf(es, "__flow_literal_proto(%s, ", o);
        flow_es_print_expr(es, prop->b, P_ASSIGN);
        flow_es_say(es, ")");
        return;
    }
    flow_es_sayf(
        es, "%s(%s, ",
        prop->flags & NF_GET   ? "__flow_get"
        : prop->flags & NF_SET ? "__flow_set"
        : prop->flags & NF_COMPUTED && !prop->b->a &&
                (prop->b->type == N_FUNCTION || prop->b->type == N_CLASS)
            ? "__flow_putf"
            : "__flow_put",
        o);
    key_expression(es, prop);
    flow_es_say(es, ", ");
    property_value(es, prop);
    flow_es_say(es, prop->flags & (NF_GET | NF_SET) ? ", true)" : ")");
}

void flow_es_print_object(es_t *es, es_node_t *n, int prec)
{
    es_node_t *item;
    const char *o = NULL, *home = NULL;
    int plain = 1;

    (void)prec;
    for (item = n->list; item; item = item->next) {
        plain &= is_plain(item);
    }
    if (n->flags & NF_HOME) {
        home = flow_es_variable(es, "__flow_h");
        n->atom = flow_es_atom(es, home, strlen(home));
        flow_es_sayf(es, "(%s = ", home);
    }
    if (!plain) {
        o = flow_es_temp(es);
        flow_es_sayf(es, "(%s = ", o);
    }
    flow_es_say(es, "{");
    for (item = n->list; item && is_plain(item); item = item->next) {
        flow_es_say(es, item == n->list ? " " : ", ");
        plain_property(es, item);
    }
    flow_es_say(es, n->list && is_plain(n->list) ? " }" : "}");
    for (; item; item = item->next) {
        flow_es_say(es, ", ");
        put_property(es, item, o);
    }
    if (!plain) {
        flow_es_sayf(es, ", %s)", o);
        flow_es_untemp(es, o);
    }
    flow_es_say(es, home ? ")" : "");
}
