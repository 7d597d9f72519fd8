/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the parser's parts share: nodes, tokens, semicolons, names, patterns.
 */
#include <string.h>

#include "script/flow_es_private.h"

es_node_t *flow_es_node(es_t *es, int type, const es_token_t *at)
{
    es_node_t *n = flow_es_alloc(es, sizeof(*n));

    n->type = (unsigned char)type;
    n->pos = at->pos;
    n->line = at->line;
    n->end = at->end;
    n->depth = 1;
    return n;
}

es_node_t *flow_es_node_at(es_t *es, int type, const es_node_t *first)
{
    es_node_t *n = flow_es_alloc(es, sizeof(*n));

    n->type = (unsigned char)type;
    n->pos = first->pos;
    n->line = first->line;
    n->end = es->last_end;
    n->depth = 1;
    return n;
}

void flow_es_deepen(es_t *es, es_node_t *n, const es_node_t *child)
{
    if (child && child->depth >= n->depth) {
        n->depth = (unsigned short)(child->depth + 1);
        if (n->depth > ES_NODE_DEPTH_MAX) {
            flow_es_fail(es, child->pos,
                         "expression is too long; split it (limit: %d "
                         "operators in a row)",
                         ES_NODE_DEPTH_MAX);
        }
    }
}

es_node_t *flow_es_kids(es_t *es, es_node_t *n, es_node_t *a, es_node_t *b)
{
    n->a = a;
    n->b = b;
    flow_es_deepen(es, n, a);
    flow_es_deepen(es, n, b);
    n->end = es->last_end;
    return n;
}

void flow_es_finish(es_t *es, es_node_t *n)
{
    n->end = es->last_end;
}

void flow_es_append(es_node_t **plist, es_node_t **ptail, es_node_t *n)
{
    if (*ptail) {
        (*ptail)->next = n;
    }
    else {
        *plist = n;
    }
    *ptail = n;
}

int flow_es_enter(es_t *es)
{
    if (++es->depth > ES_DEPTH_MAX) {
        flow_es_fail(es, es->tok.pos, "nested too deeply (limit: %d levels)",
                     ES_DEPTH_MAX);
        es->tok.type = T_EOF;
    }
    else if (flow_es_is_deep(es, es->tok.pos)) {
        es->tok.type = T_EOF;
    }
    return !es->failed;
}

void flow_es_leave(es_t *es)
{
    --es->depth;
}

int flow_es_is(const es_t *es, int token)
{
    return es->tok.type == token;
}

int flow_es_is_word(const es_t *es, int kw)
{
    return es->tok.type == T_NAME && es->tok.atom->kw == kw &&
           !(es->tok.flags & TF_ESCAPED);
}

int flow_es_accept(es_t *es, int token)
{
    if (es->tok.type != token) {
        return 0;
    }
    flow_es_next(es);
    return 1;
}

int flow_es_accept_word(es_t *es, int kw)
{
    if (!flow_es_is_word(es, kw)) {
        return 0;
    }
    flow_es_next(es);
    return 1;
}

void flow_es_unexpected(es_t *es)
{
    flow_es_fail(es, es->tok.pos, "unexpected %s",
                 flow_es_token_text(es, &es->tok));
    es->tok.type = T_EOF;
}

void flow_es_expect(es_t *es, int token)
{
    static const char names[] = "{}()[].";

    if (es->tok.type == token) {
        flow_es_next(es);
        return;
    }
    if (token >= T_LBRACE && token <= T_DOT) {
        flow_es_fail(es, es->tok.pos, "unexpected %s; '%c' was expected",
                     flow_es_token_text(es, &es->tok), names[token - T_LBRACE]);
    }
    flow_es_unexpected(es);
}

void flow_es_expect_word(es_t *es, int kw)
{
    if (!flow_es_accept_word(es, kw)) {
        flow_es_unexpected(es);
    }
}

void flow_es_semicolon(es_t *es)
{
    if (flow_es_accept(es, T_SEMI) || es->tok.newline ||
        flow_es_is(es, T_RBRACE) || flow_es_is(es, T_EOF)) {
        return;
    }
    flow_es_unexpected(es);
}

es_token_t flow_es_peek(es_t *es)
{
    es_token_t tok = es->tok, next;
    unsigned int pos = es->pos, last_end = es->last_end;
    int line = es->line, failed = es->failed;

    flow_es_next(es);
    next = es->tok;
    /* What is wrong there is said when it is read for good: it may be the
     * inside of a regular expression. */
    es->failed = failed;
    es->tok = tok;
    es->pos = pos;
    es->line = line;
    es->last_end = last_end;
    return next;
}

/* ---- names ---- */

int flow_es_is_identifier(const es_t *es)
{
    int kw;

    if (es->tok.type != T_NAME) {
        return 0;
    }
    kw = es->tok.atom->kw;
    if (kw == KW_NONE || kw > KW_LAST_STRICT) {
        return kw != KW_AWAIT || !es->in_async;
    }
    return kw > KW_LAST_RESERVED && !es->strict;
}

es_node_t *flow_es_identifier(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_ID, &es->tok);

    if (!flow_es_is_identifier(es)) {
        if (es->tok.type == T_NAME) {
            flow_es_fail(es, es->tok.pos,
                         "unexpected %s; a name was expected, and this is a "
                         "reserved word",
                         flow_es_token_text(es, &es->tok));
        }
        flow_es_unexpected(es);
        n->atom = flow_es_atom(es, "", 0);
        return n;
    }
    n->atom = es->tok.atom;
    flow_es_next(es);
    return n;
}

/* ---- patterns ---- */

static es_node_t *element_default(es_t *es, es_node_t *target)
{
    es_node_t *n;

    if (!flow_es_accept(es, T_ASSIGN)) {
        return target;
    }
    n = flow_es_node_at(es, N_DEFAULT, target);
    return flow_es_kids(es, n, target, flow_es_parse_value(es, 0));
}

static es_node_t *binding_array(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_ARRAY_PATTERN, &es->tok), *tail = NULL;
    es_node_t *item;

    flow_es_next(es);
    while (!flow_es_is(es, T_RBRACK) && !flow_es_is(es, T_EOF)) {
        if (flow_es_is(es, T_COMMA)) {
            item = flow_es_node(es, N_HOLE, &es->tok);
        }
        else if (flow_es_is(es, T_ELLIPSIS)) {
            item = flow_es_node(es, N_REST, &es->tok);
            flow_es_next(es);
            flow_es_kids(es, item, flow_es_binding_target(es), NULL);
        }
        else {
            item = element_default(es, flow_es_binding_target(es));
        }
        flow_es_append(&n->list, &tail, item);
        flow_es_deepen(es, n, item);
        if (item->type == N_REST || !flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RBRACK);
    flow_es_finish(es, n);
    return n;
}

static es_node_t *binding_property(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_PROP, &es->tok), *id;
    es_token_t start = es->tok;
    int plain = flow_es_is_identifier(es);

    if (flow_es_is(es, T_ELLIPSIS)) {
        n->type = N_REST;
        flow_es_next(es);
        return flow_es_kids(es, n, flow_es_identifier(es), NULL);
    }
    n->a = flow_es_parse_key(es, &n->flags);
    if (n->flags & NF_PRIVATE_NAME) {
        flow_es_fail(es, n->pos, "a private name may not stand here");
    }
    if (flow_es_accept(es, T_COLON)) {
        return flow_es_kids(es, n, n->a,
                            element_default(es, flow_es_binding_target(es)));
    }
    if (!plain) {
        flow_es_unexpected(es);
        return n;
    }
    id = flow_es_node(es, N_ID, &start);
    id->atom = start.atom;
    n->flags |= NF_SHORTHAND;
    return flow_es_kids(es, n, n->a, element_default(es, id));
}

es_node_t *flow_es_binding_target(es_t *es)
{
    es_node_t *n, *tail = NULL, *item;

    if (!flow_es_enter(es)) {
        return flow_es_node(es, N_ERROR, &es->tok);
    }
    if (flow_es_is(es, T_LBRACK)) {
        n = binding_array(es);
    }
    else if (flow_es_is(es, T_LBRACE)) {
        n = flow_es_node(es, N_OBJECT_PATTERN, &es->tok);
        flow_es_next(es);
        while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
            item = binding_property(es);
            flow_es_append(&n->list, &tail, item);
            flow_es_deepen(es, n, item);
            if (item->type == N_REST || !flow_es_accept(es, T_COMMA)) {
                break;
            }
        }
        flow_es_expect(es, T_RBRACE);
        flow_es_finish(es, n);
    }
    else {
        n = flow_es_identifier(es);
    }
    flow_es_leave(es);
    return n;
}

void flow_es_check_target(es_t *es, const es_node_t *n)
{
    if (n->type == N_ID) {
        if (es->strict &&
            (n->atom->kw == KW_EVAL || n->atom->kw == KW_ARGUMENTS)) {
            flow_es_fail(es, n->pos, "'%s' may not be assigned in strict code",
                         n->atom->s);
        }
        return;
    }
    if ((n->type != N_MEMBER && n->type != N_INDEX && n->type != N_PRIVATE) ||
        (n->flags & NF_CHAIN && !(n->flags & NF_PAREN)) ||
        n->flags & NF_OPTIONAL) {
        flow_es_fail(es, n->pos, "this cannot be assigned to");
    }
}

static void pattern_element(es_t *es, es_node_t **pitem, int binding, int last)
{
    es_node_t *item = *pitem, *next = item->next, *target;

    if (item->type == N_SPREAD) {
        item->type = N_REST;
        if (!last || item->flags & NF_TRAILING) {
            flow_es_fail(es, item->pos, "a rest element must be the last");
        }
        if (item->a->type == N_ASSIGN && !(item->a->flags & NF_PAREN)) {
            flow_es_fail(es, item->pos, "a rest element has no default");
        }
        item->a = flow_es_to_pattern(es, item->a, binding);
        return;
    }
    if (item->type == N_ASSIGN && item->op == T_ASSIGN &&
        !(item->flags & NF_PAREN)) {
        /* its left side is a target already; for a binding, check again */
        target = binding ? flow_es_to_pattern(es, item->a, 1) : item->a;
        item->type = N_DEFAULT;
        item->a = target;
        return;
    }
    if (item->type != N_HOLE) {
        *pitem = flow_es_to_pattern(es, item, binding);
        (*pitem)->next = next;
    }
}

static void object_pattern(es_t *es, es_node_t *n, int binding)
{
    es_node_t *item;

    n->type = N_OBJECT_PATTERN;
    for (item = n->list; item; item = item->next) {
        if (item->type == N_SPREAD) {
            item->type = N_REST;
            if (item->next || item->flags & NF_TRAILING) {
                flow_es_fail(es, item->pos, "a rest element must be the last");
            }
            item->a = flow_es_to_pattern(es, item->a, binding);
            if (item->a->type == N_ARRAY_PATTERN ||
                item->a->type == N_OBJECT_PATTERN) {
                flow_es_fail(es, item->pos,
                             "the rest of an object goes into "
                             "a single name");
            }
            continue;
        }
        if (item->flags & (NF_METHOD | NF_GET | NF_SET)) {
            flow_es_fail(es, item->pos, "a method is no assignment target");
        }
        pattern_element(es, &item->b, binding, 1);
    }
}

es_node_t *flow_es_to_pattern(es_t *es, es_node_t *n, int binding)
{
    es_node_t **at;

    if (es->failed) {
        return n;
    }
    if (n->flags & NF_PAREN &&
        (binding || n->type == N_ARRAY || n->type == N_OBJECT)) {
        flow_es_fail(es, n->pos, "this pattern may not be in parentheses");
    }
    switch (n->type) {
    case N_ARRAY:
        n->type = N_ARRAY_PATTERN;
        for (at = &n->list; *at; at = &(*at)->next) {
            pattern_element(es, at, binding, (*at)->next == NULL);
        }
        break;
    case N_OBJECT:
        object_pattern(es, n, binding);
        break;
    case N_ARRAY_PATTERN:
    case N_OBJECT_PATTERN: /* [{a} = {}] : converted when = was seen */
        for (at = &n->list; binding && *at; at = &(*at)->next) {
            if ((*at)->type == N_PROP) {
                (*at)->b = flow_es_to_pattern(es, (*at)->b, 1);
            }
            else if ((*at)->type == N_REST || (*at)->type == N_DEFAULT) {
                (*at)->a = flow_es_to_pattern(es, (*at)->a, 1);
            }
            else if ((*at)->type != N_HOLE) {
                flow_es_to_pattern(es, *at, 1);
            }
        }
        break;
    case N_DEFAULT:
        n->a = flow_es_to_pattern(es, n->a, binding);
        break;
    case N_ASSIGN:
        if (binding && n->op == T_ASSIGN) {
            pattern_element(es, &n, 1, 1);
            break;
        }
        flow_es_fail(es, n->pos, "this cannot be assigned to");
        break;
    default:
        if (binding && n->type != N_ID) {
            flow_es_fail(es, n->pos, "a parameter must be a name or a pattern");
        }
        flow_es_check_target(es, n);
        break;
    }
    return n;
}
