/* SPDX-License-Identifier: Apache-2.0 */

/*
 * import and export.
 */
#include "script/flow_es_private.h"

static void at_top(es_t *es, const char *word)
{
    if (es->in_function || es->opt->eval || es->depth > 1 || es->scope) {
        flow_es_fail(es, es->tok.pos,
                     "'%s' may stand at the top of a script only", word);
    }
}

static es_atom_t *module_name(es_t *es, es_node_t *decl)
{
    es_atom_t *name = es->tok.atom;

    decl->c = flow_es_node(es, N_STR, &es->tok);

    if (!flow_es_is(es, T_STR)) {
        flow_es_fail(es, es->tok.pos,
                     "unexpected %s; the name of a module in quotes was "
                     "expected",
                     flow_es_token_text(es, &es->tok));
        return flow_es_atom(es, "", 0);
    }
    flow_es_next(es);
    return name;
}

static es_node_t *star_import(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_SPECIFIER, &es->tok);

    n->flags |= NF_STAR;
    flow_es_next(es);
    flow_es_expect_word(es, KW_AS);
    return flow_es_kids(es, n, flow_es_identifier(es), NULL);
}

static es_atom_t *any_name(es_t *es)
{
    es_atom_t *name = es->tok.atom;

    if (es->tok.type != T_NAME && es->tok.type != T_STR) {
        flow_es_unexpected(es);
        return flow_es_atom(es, "", 0);
    }
    flow_es_next(es);
    return name;
}

static es_node_t *named_import(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_SPECIFIER, &es->tok), *id;
    es_token_t next = flow_es_peek(es);

    if (es->tok.type == T_NAME &&
        !(next.type == T_NAME && next.atom->kw == KW_AS)) {
        id = flow_es_identifier(es);
        n->atom = id->atom;
        return flow_es_kids(es, n, id, NULL);
    }
    n->atom = any_name(es);
    flow_es_expect_word(es, KW_AS);
    return flow_es_kids(es, n, flow_es_identifier(es), NULL);
}

static void import_list(es_t *es, es_node_t *n, es_node_t **ptail)
{
    flow_es_expect(es, T_LBRACE);
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        flow_es_append(&n->list, ptail, named_import(es));
        if (!flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RBRACE);
}

es_node_t *flow_es_parse_import(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_IMPORT, &es->tok), *tail = NULL, *item;
    es_token_t next = flow_es_peek(es);

    if (next.type == T_LPAREN || next.type == T_DOT) {
        flow_es_fail(es, n->pos,
                     "dynamic import and import.meta are not supported");
        return n;
    }
    at_top(es, "import");
    flow_es_next(es);
    if (flow_es_is(es, T_STR)) {
        n->atom = module_name(es, n);
        flow_es_semicolon(es);
        return n;
    }
    if (flow_es_is_identifier(es)) {
        item = flow_es_node(es, N_SPECIFIER, &es->tok);
        item->flags |= NF_DEFAULT;
        item->atom = flow_es_atom(es, "default", 7);
        flow_es_kids(es, item, flow_es_identifier(es), NULL);
        flow_es_append(&n->list, &tail, item);
        if (flow_es_is_word(es, KW_FROM)) {
            goto from;
        }
        flow_es_expect(es, T_COMMA);
    }
    if (flow_es_is(es, T_MUL)) {
        flow_es_append(&n->list, &tail, star_import(es));
    }
    else {
        import_list(es, n, &tail);
    }
from:
    flow_es_expect_word(es, KW_FROM);
    n->atom = module_name(es, n);
    flow_es_semicolon(es);
    flow_es_finish(es, n);
    return n;
}

static void export_list(es_t *es, es_node_t *n)
{
    es_node_t *tail = NULL, *item;

    flow_es_next(es);
    while (!flow_es_is(es, T_RBRACE) && !flow_es_is(es, T_EOF)) {
        item = flow_es_node(es, N_SPECIFIER, &es->tok);
        item->a = flow_es_node(es, N_ID, &es->tok);
        item->a->atom = item->atom = any_name(es);
        if (flow_es_accept_word(es, KW_AS)) {
            item->atom = any_name(es);
        }
        flow_es_append(&n->list, &tail, item);
        if (!flow_es_accept(es, T_COMMA)) {
            break;
        }
    }
    flow_es_expect(es, T_RBRACE);
    if (flow_es_accept_word(es, KW_FROM)) {
        n->atom = module_name(es, n);
    }
    flow_es_semicolon(es);
}

static void export_default(es_t *es, es_node_t *n)
{
    es_token_t next = flow_es_peek(es);

    n->flags |= NF_DEFAULT;
    if (flow_es_is_word(es, KW_FUNCTION) ||
        (flow_es_is_word(es, KW_ASYNC) && next.type == T_NAME &&
         next.atom->kw == KW_FUNCTION && !next.newline)) {
        n->a = flow_es_parse_function(es, NF_DECL | NF_DEFAULT);
    }
    else if (flow_es_is_word(es, KW_CLASS)) {
        n->a = flow_es_parse_class(es, 2);
    }
    else {
        n->a = flow_es_parse_value(es, 0);
        flow_es_semicolon(es);
    }
}

es_node_t *flow_es_parse_export(es_t *es)
{
    es_node_t *n = flow_es_node(es, N_EXPORT, &es->tok);

    at_top(es, "export");
    flow_es_next(es);
    if (flow_es_accept_word(es, KW_DEFAULT)) {
        export_default(es, n);
    }
    else if (flow_es_is(es, T_LBRACE)) {
        export_list(es, n);
    }
    else if (flow_es_accept(es, T_MUL)) {
        n->flags |= NF_STAR;
        if (flow_es_accept_word(es, KW_AS)) {
            n->atom2 = any_name(es);
        }
        flow_es_expect_word(es, KW_FROM);
        n->atom = module_name(es, n);
        flow_es_semicolon(es);
    }
    else if (flow_es_is_word(es, KW_VAR) || flow_es_is_word(es, KW_LET) ||
             flow_es_is_word(es, KW_CONST) || flow_es_is_word(es, KW_CLASS) ||
             flow_es_is_word(es, KW_FUNCTION) ||
             flow_es_is_word(es, KW_ASYNC)) {
        n->a = flow_es_parse_item(es);
        if (n->a->type != N_VAR && n->a->type != N_FUNCTION &&
            n->a->type != N_CLASS) {
            flow_es_fail(es, n->a->pos, "a declaration must follow 'export'");
        }
    }
    else {
        flow_es_unexpected(es);
    }
    flow_es_deepen(es, n, n->a);
    flow_es_finish(es, n);
    return n;
}
