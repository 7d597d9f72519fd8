/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: opening braces, what they enclose, {{else}}, closing braces.
 */
#include "data/flow_template_private.h"

#include <apr_strings.h>
#include <string.h>

#define bad(ps, at, ...)                                                       \
    flow_parser_fail(ps, at, "template_syntax", __VA_ARGS__)

/** What a block's parts need to know of it. */
typedef struct opening_t {
    const char *at;
    const char *name;
    flow_scope_names_t names;
} opening_t;

/* as |item index| */
static apr_status_t read_params(flow_parser_t *ps, flow_block_t *block,
                                opening_t *opening)
{
    flow_parser_advance(ps); /* | */
    flow_parser_advance(ps);
    for (; ps->token.kind == FLOW_TOKEN_WORD; flow_parser_advance(ps)) {
        if (block->n_params == 2)
            return bad(ps, ps->token.at, "a block has at most 2 parameters");
        opening->names.names[block->n_params++] =
            apr_pstrmemdup(ps->p, ps->token.text, ps->token.len);
    }
    if (ps->token.kind != FLOW_TOKEN_BAR)
        return bad(ps, ps->token.at, "'|' is missing after the parameters");
    if (block->n_params == 0)
        return bad(ps, ps->token.at, "a parameter is missing between '||'");
    flow_parser_advance(ps);
    opening->names.n = block->n_params;
    return APR_SUCCESS;
}

static apr_status_t read_block_opening(flow_parser_t *ps, flow_braces_t *braces,
                                       flow_block_t *block, opening_t *opening)
{
    apr_status_t rv;

    memset(opening, 0, sizeof(*opening));
    opening->at = braces->at;
    opening->name = "";
    rv = flow_parser_enter(ps, braces->at);
    if (rv != APR_SUCCESS)
        return rv;
    flow_parser_start_words(ps);
    if (ps->token.kind == FLOW_TOKEN_CLOSE)
        return bad(ps, ps->open, "the block has no name");
    rv = flow_parser_read_opening(ps, block, &opening->name,
                                  braces->kind == FLOW_BRACES_VERBATIM);
    if (rv == APR_SUCCESS && ps->token.kind == FLOW_TOKEN_WORD)
        rv = read_params(ps, block, opening);
    if (rv == APR_SUCCESS)
        rv = flow_parser_end_words(ps, braces);
    block->open_before = braces->before;
    block->open_after = braces->after;
    return rv;
}

static apr_status_t parse_inner(flow_parser_t *ps, const opening_t *opening,
                                flow_program_t **pprogram, flow_braces_t *pend)
{
    flow_scope_names_t names = opening->names;
    apr_status_t rv;

    names.outer = ps->names;
    if (names.n)
        ps->names = &names;
    rv = flow_parser_parse_program(ps, pprogram, pend);
    if (names.n)
        ps->names = names.outer;
    return rv;
}

/* The braces that ended the last part of a block: are they its closing ones?
 */
static apr_status_t read_closing(flow_parser_t *ps, const opening_t *opening,
                                 flow_braces_t *braces)
{
    const char *name = "";
    apr_status_t rv;

    if (braces->kind == FLOW_BRACES_NONE) {
        return bad(ps, opening->at, "no {{/%.64s}} closes this block",
                   opening->name);
    }
    if (braces->kind != FLOW_BRACES_CLOSE)
        return bad(ps, braces->at, "a second {{else}} in the same block");
    ps->open = braces->at;
    ps->lx.braces = 2;
    flow_parser_start_words(ps);
    rv = flow_parser_read_name(ps, &name);
    if (rv != APR_SUCCESS)
        return rv;
    if (strcmp(name, opening->name) != 0) {
        return bad(ps, braces->at,
                   "{{/%.64s}} closes nothing here; {{/%.64s}} is needed", name,
                   opening->name);
    }
    return flow_parser_end_words(ps, braces);
}

/* From {{else x}} to the end of the whole chain: a block inside a program that
 * holds nothing else. @a end is what ended it. */
static apr_status_t parse_chain(flow_parser_t *ps, flow_braces_t *braces,
                                const flow_program_t **pprogram,
                                flow_braces_t *pend)
{
    flow_program_t *chain = apr_pcalloc(ps->p, sizeof(*chain)), *part;
    flow_block_t *block = apr_pcalloc(ps->p, sizeof(*block));
    apr_array_header_t *nodes = apr_array_make(ps->p, 1, sizeof(flow_node_t));
    opening_t opening;
    apr_status_t rv;

    rv = read_block_opening(ps, braces, block, &opening);
    if (rv == APR_SUCCESS)
        rv = parse_inner(ps, &opening, &part, pend);
    if (rv != APR_SUCCESS)
        return rv;
    block->main = part;
    /* What handlebars.js has these at, until the block around corrects the
     * first of the chain: the braces that opened it. */
    block->close_before = block->open_before;
    block->close_after = block->open_after;
    if (pend->kind == FLOW_BRACES_ELSE || pend->kind == FLOW_BRACES_CHAIN) {
        flow_braces_t inner = *pend;

        if (inner.kind == FLOW_BRACES_CHAIN)
            rv = parse_chain(ps, &inner, &block->inverse, pend);
        else if ((rv = flow_parser_parse_program(ps, &part, pend)) ==
                 APR_SUCCESS)
            block->inverse = part;
        block->else_before = inner.before;
        block->else_after = inner.after;
    }
    --ps->depth;
    flow_parser_add_node(nodes, FLOW_NODE_BLOCK)->block = block;
    chain->nodes = (flow_node_t *)nodes->elts;
    chain->n = 1;
    chain->is_chained = 1;
    chain->has_calls = 1;
    *pprogram = chain;
    return rv;
}

/* Behind the main part, which ended in @a braces. */
static apr_status_t parse_else(flow_parser_t *ps, const opening_t *opening,
                               flow_block_t *block, flow_braces_t *braces)
{
    flow_braces_t inner = *braces;
    flow_program_t *part;
    apr_status_t rv = APR_SUCCESS;

    if (inner.kind == FLOW_BRACES_CHAIN) {
        rv = parse_chain(ps, &inner, &block->inverse, braces);
    }
    else if (inner.kind == FLOW_BRACES_ELSE) {
        rv = flow_parser_parse_program(ps, &part, braces);
        block->inverse = part;
    }
    if (rv == APR_SUCCESS)
        rv = read_closing(ps, opening, braces);
    if (rv != APR_SUCCESS)
        return rv;
    if (block->inverse) {
        block->else_before = inner.before;
        block->else_after = inner.after;
    }
    block->close_before = braces->before;
    block->close_after = braces->after;
    if (block->inverse && block->inverse->is_chained) {
        flow_block_t *first = block->inverse->nodes[0].block;

        first->close_before = braces->before;
        first->close_after = braces->after;
    }
    return APR_SUCCESS;
}

apr_status_t flow_parser_parse_block(flow_parser_t *ps, flow_braces_t *braces,
                                     apr_array_header_t *nodes)
{
    flow_block_t *block = apr_pcalloc(ps->p, sizeof(*block));
    int is_inverted = braces->kind == FLOW_BRACES_OPEN_INVERSE;
    flow_program_t *part;
    opening_t opening;
    flow_braces_t end;
    apr_status_t rv;

    rv = read_block_opening(ps, braces, block, &opening);
    if (rv == APR_SUCCESS)
        rv = parse_inner(ps, &opening, &part, &end);
    if (rv != APR_SUCCESS)
        return rv;
    block->main = part;
    if (is_inverted && end.kind == FLOW_BRACES_CHAIN) {
        return bad(ps, end.at,
                   "{{else ...}} with a condition does not go with {{^}}");
    }
    rv = parse_else(ps, &opening, block, &end);
    if (rv != APR_SUCCESS)
        return rv;
    if (is_inverted) {
        block->main = block->inverse;
        block->inverse = part;
    }
    --ps->depth;
    flow_parser_add_node(nodes, FLOW_NODE_BLOCK)->block = block;
    return APR_SUCCESS;
}

/* {{{{name}}}} text {{{{/name}}}}: nothing in between means anything, but raw
 * blocks inside have to be closed. */
apr_status_t flow_parser_parse_verbatim(flow_parser_t *ps,
                                        flow_braces_t *braces,
                                        apr_array_header_t *nodes)
{
    flow_block_t *block = apr_pcalloc(ps->p, sizeof(*block));
    flow_program_t *inner = apr_pcalloc(ps->p, sizeof(*inner));
    apr_array_header_t *texts = apr_array_make(ps->p, 1, sizeof(flow_node_t));
    const char *c, *start;
    opening_t opening;
    apr_size_t len;
    int level = 1;
    apr_status_t rv;

    rv = read_block_opening(ps, braces, block, &opening);
    if (rv != APR_SUCCESS)
        return rv;
    len = strlen(opening.name);
    start = c = ps->c;
    for (;; ++c) {
        c = flow_parser_find_braces(c, ps->end);
        if (ps->end - c < 5) {
            return bad(ps, opening.at, "no {{{{/%.64s}}}} closes this block",
                       opening.name);
        }
        if (c[2] != '{' || c[3] != '{')
            continue;
        level += c[4] == '/' ? -1 : 1;
        if (level == 0)
            break;
        c += 3;
    }
    ps->c = c + 5;
    if (!flow_parser_looking_at(ps, opening.name) ||
        (ps->c += len, !flow_parser_looking_at(ps, "}}}}")))
        return bad(ps, c, "{{{{/%.64s}}}} is needed here", opening.name);
    ps->c += 4;
    flow_parser_add_text(texts, start, c);
    inner->nodes = (flow_node_t *)texts->elts;
    inner->n = texts->nelts;
    block->main = inner;
    --ps->depth;
    flow_parser_add_node(nodes, FLOW_NODE_BLOCK)->block = block;
    return APR_SUCCESS;
}
