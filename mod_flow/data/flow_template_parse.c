/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_template_private.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdarg.h>
#include <string.h>

/* --- messages ------------------------------------------------------------- */

flow_place_t flow_parser_place(flow_parser_t *ps, const char *at)
{
    const char *c;

    if (!ps->counted || at < ps->counted) {
        ps->counted = ps->source;
        ps->place.line = ps->place.column = 1;
    }
    for (c = ps->counted; c < at && c < ps->end; ++c) {
        if (*c == '\n') {
            ++ps->place.line;
            ps->place.column = 1;
        }
        else if (((unsigned char)*c & 0xc0) != 0x80) {
            ++ps->place.column;
        }
    }
    ps->counted = c;
    return ps->place;
}

apr_status_t flow_parser_fail(flow_parser_t *ps, const char *at,
                              const char *code, const char *fmt, ...)
{
    flow_place_t place = flow_parser_place(ps, at);
    const char *what;
    va_list args;

    va_start(args, fmt);
    what = apr_pvsprintf(ps->p, fmt, args);
    va_end(args);
    return flow_error_set(ps->err, FLOW_E_CONFIG, APR_EINVAL, code,
                          "template line %d, column %d: %s", place.line,
                          place.column, what);
}

#define bad(ps, at, ...)                                                       \
    flow_parser_fail(ps, at, "template_syntax", __VA_ARGS__)

apr_status_t flow_parser_unexpected(flow_parser_t *ps)
{
    static const char *const closing[] = { "}}", "}}}", "}}}}" };
    const flow_token_t *t = &ps->token;
    const char *braces = closing[ps->lx.braces - 2];

    if (t->at >= ps->end)
        return bad(ps, ps->open, "no '%s' closes these braces", braces);
    if (*t->at == '}')
        return bad(ps, t->at, "'%s' is needed to close the braces", braces);
    if (t->kind == FLOW_TOKEN_BAD && (*t->at == '"' || *t->at == '\''))
        return bad(ps, t->at, "no end to the quoted text");
    if (*t->at == '[' && t->kind == FLOW_TOKEN_BAD)
        return bad(ps, t->at, "']' is missing for the '['");
    return bad(ps, t->at, "'%c' is not allowed here%s",
               *t->at & 0x80 ? '?' : *t->at,
               *t->at == '[' ? "; write list.[0]" : "");
}

apr_status_t flow_parser_enter(flow_parser_t *ps, const char *at)
{
    if (++ps->depth > FLOW_TEMPLATE_DEPTH) {
        return bad(ps, at, "blocks and calls are nested more than %d deep",
                   FLOW_TEMPLATE_DEPTH);
    }
    return APR_SUCCESS;
}

void flow_parser_advance(flow_parser_t *ps)
{
    ps->token = flow_lexer_next(&ps->lx);
}

/* --- nodes ---------------------------------------------------------------- */

flow_node_t *flow_parser_add_node(apr_array_header_t *nodes, flow_node_e kind)
{
    flow_node_t *node = apr_array_push(nodes);

    memset(node, 0, sizeof(*node));
    node->kind = kind;
    return node;
}

void flow_parser_add_text(apr_array_header_t *nodes, const char *text,
                          const char *end)
{
    flow_node_t *node;

    if (end <= text)
        return;
    node = flow_parser_add_node(nodes, FLOW_NODE_TEXT);
    node->text = node->source = text;
    node->len = node->source_len = (apr_size_t)(end - text);
}

/* --- text ----------------------------------------------------------------- */

const char *flow_parser_find_braces(const char *c, const char *end)
{
    for (; c < end && (c = memchr(c, '{', (apr_size_t)(end - c))); ++c) {
        if (c + 1 < end && c[1] == '{')
            return c;
    }
    return end;
}

/* "\{{" are two braces of text that go on to the next braces, escaped or not.
 */
static const char *escaped_end(const char *start, const char *c,
                               const char *end)
{
    c = flow_parser_find_braces(c, end);
    if (c == end)
        return end;
    if (c - start >= 1 && c[-1] == '\\')
        --c;
    if (c - start >= 1 && c[-1] == '\\')
        --c;
    return c;
}

/* Text up to the next braces that mean something. "\\{{" is a backslash before
 * real braces. */
static void read_text(flow_parser_t *ps, apr_array_header_t *nodes)
{
    for (;;) {
        const char *at = flow_parser_find_braces(ps->c, ps->end), *end;
        apr_size_t len = (apr_size_t)(at - ps->c);

        if (at == ps->end || len == 0 || at[-1] != '\\') {
            flow_parser_add_text(nodes, ps->c, at);
            ps->c = at;
            return;
        }
        flow_parser_add_text(nodes, ps->c, at - 1);
        ps->c = at;
        if (len >= 2 && at[-2] == '\\')
            return;
        end = escaped_end(at + 2, at + 2, ps->end);
        flow_parser_add_text(nodes, at, end);
        ps->c = end;
    }
}

/* --- braces --------------------------------------------------------------- */

int flow_parser_looking_at(const flow_parser_t *ps, const char *word)
{
    apr_size_t len = strlen(word);

    return (apr_size_t)(ps->end - ps->c) >= len &&
           memcmp(ps->c, word, len) == 0;
}

static const char *skip_blanks(const flow_parser_t *ps, const char *c)
{
    while (c < ps->end && apr_isspace(*c))
        ++c;
    return c;
}

/* Do the braces close at @a c? Then step over them. */
static int closes_at(flow_parser_t *ps, const char *c, flow_braces_t *braces)
{
    int strips = c < ps->end && *c == '~';

    c += strips;
    if (ps->end - c < 2 || c[0] != '}' || c[1] != '}')
        return 0;
    braces->after = strips;
    ps->c = c + 2;
    return 1;
}

/* {{else}} or {{else if ...; "elsewhere" is a name. */
static int read_else(flow_parser_t *ps, flow_braces_t *braces)
{
    const char *c = skip_blanks(ps, ps->c), *start = ps->c;

    ps->c = c;
    if (!flow_parser_looking_at(ps, "else") ||
        (ps->end - c > 4 && (apr_isalnum(c[4]) || c[4] == '_'))) {
        ps->c = start;
        return 0;
    }
    braces->kind = FLOW_BRACES_ELSE;
    if (!closes_at(ps, skip_blanks(ps, c + 4), braces)) {
        braces->kind = FLOW_BRACES_CHAIN;
        ps->c = c + 4;
    }
    return 1;
}

static apr_status_t refuse(flow_parser_t *ps, const char *kind)
{
    const char *c = skip_blanks(ps, ps->c), *name = c;

    while (c < ps->end && !apr_isspace(*c) && *c != '}' && *c != '~')
        ++c;
    return flow_parser_fail(ps, ps->open, "template_helper",
                            "%s '%.*s': there are no %ss here", kind,
                            (int)(c - name > 64 ? 64 : c - name), name, kind);
}

/* A sigil and what it stands for. */
static apr_status_t read_sigil(flow_parser_t *ps, flow_braces_t *braces)
{
    char c = ps->c < ps->end ? *ps->c : '\0';

    switch (c) {
    case '#':
        ++ps->c;
        if (flow_parser_looking_at(ps, ">") ||
            flow_parser_looking_at(ps, "*")) {
            c = *ps->c++;
            return refuse(ps, c == '>' ? "partial" : "decorator");
        }
        braces->kind = FLOW_BRACES_OPEN;
        return APR_SUCCESS;
    case '>':
    case '*':
        ++ps->c;
        return refuse(ps, c == '>' ? "partial" : "decorator");
    case '/':
        ++ps->c;
        braces->kind = FLOW_BRACES_CLOSE;
        return APR_SUCCESS;
    case '^':
        ++ps->c;
        braces->kind = closes_at(ps, skip_blanks(ps, ps->c), braces)
                           ? FLOW_BRACES_ELSE
                           : FLOW_BRACES_OPEN_INVERSE;
        return APR_SUCCESS;
    case '{':
    case '&':
        ++ps->c;
        braces->kind = FLOW_BRACES_RAW_VALUE;
        ps->lx.braces = c == '{' ? 3 : 2;
        return APR_SUCCESS;
    case '!':
        braces->kind = FLOW_BRACES_COMMENT;
        return APR_SUCCESS;
    default:
        return APR_SUCCESS;
    }
}

/* The opening braces and what says what they are. */
static apr_status_t read_opening(flow_parser_t *ps, flow_braces_t *braces)
{
    apr_status_t rv;

    memset(braces, 0, sizeof(*braces));
    braces->kind = FLOW_BRACES_NONE;
    if (ps->c >= ps->end)
        return APR_SUCCESS;
    braces->at = ps->open = ps->c;
    braces->kind = FLOW_BRACES_VALUE;
    ps->lx.braces = 2;
    if (flow_parser_looking_at(ps, "{{{{")) {
        braces->kind = FLOW_BRACES_VERBATIM;
        ps->lx.braces = 4;
        ps->c += 4;
        return APR_SUCCESS;
    }
    ps->c += 2;
    if (ps->c < ps->end && *ps->c == '~') {
        braces->before = 1;
        ++ps->c;
    }
    rv = read_sigil(ps, braces);
    if (rv != APR_SUCCESS)
        return rv;
    if (!ps->options->allows_blank && ps->c < ps->end && apr_isspace(*ps->c) &&
        (braces->kind == FLOW_BRACES_VALUE ||
         braces->kind == FLOW_BRACES_RAW_VALUE)) {
        return bad(ps, ps->c,
                   "a blank after the opening braces is not allowed");
    }
    if (braces->kind == FLOW_BRACES_VALUE)
        read_else(ps, braces);
    return APR_SUCCESS;
}

void flow_parser_start_words(flow_parser_t *ps)
{
    ps->lx.c = ps->c;
    ps->lx.end = ps->end;
    ps->lx.p = ps->p;
    ps->lx.last = FLOW_TOKEN_BAD;
    flow_parser_advance(ps);
}

apr_status_t flow_parser_end_words(flow_parser_t *ps, flow_braces_t *braces)
{
    if (ps->token.kind != FLOW_TOKEN_CLOSE)
        return flow_parser_unexpected(ps);
    ps->c = ps->lx.c;
    braces->after = ps->token.strips;
    return APR_SUCCESS;
}

/* {{! to the first }} }}, or {{!-- to the first --}} which may enclose braces.
 * ps->c stands on the '!'. */
static apr_status_t read_comment(flow_parser_t *ps, flow_braces_t *braces,
                                 apr_array_header_t *nodes)
{
    int is_long = flow_parser_looking_at(ps, "!--");
    const char *c = ps->c + (is_long ? 3 : 1);
    flow_node_t *node;

    for (;; ++c) {
        if (c >= ps->end)
            return bad(ps, ps->open, "no end to the comment");
        if (is_long) {
            if (ps->end - c >= 2 && memcmp(c, "--", 2) == 0 &&
                closes_at(ps, c + 2, braces))
                break;
        }
        else if (closes_at(ps, c, braces)) {
            break;
        }
    }
    node = flow_parser_add_node(nodes, FLOW_NODE_COMMENT);
    node->strips_before = braces->before;
    node->strips_after = braces->after;
    return APR_SUCCESS;
}

static apr_status_t read_value(flow_parser_t *ps, flow_braces_t *braces,
                               apr_array_header_t *nodes)
{
    flow_expr_t *expr = apr_palloc(ps->p, sizeof(*expr));
    flow_node_t *node;
    apr_status_t rv;

    flow_parser_start_words(ps);
    if (ps->token.kind == FLOW_TOKEN_CLOSE)
        return bad(ps, ps->open, "nothing stands between the braces");
    rv = flow_parser_read_value(ps, expr);
    if (rv == APR_SUCCESS)
        rv = flow_parser_end_words(ps, braces);
    if (rv != APR_SUCCESS)
        return rv;
    node = flow_parser_add_node(nodes, FLOW_NODE_VALUE);
    node->is_raw = braces->kind == FLOW_BRACES_RAW_VALUE;
    node->strips_before = braces->before;
    node->strips_after = braces->after;
    node->expr = expr;
    return APR_SUCCESS;
}

/* --- programs ------------------------------------------------------------- */

/* One pair of braces; *pis_end when it ends the program. */
static apr_status_t parse_braces(flow_parser_t *ps, apr_array_header_t *nodes,
                                 flow_braces_t *braces, int *pis_end)
{
    apr_status_t rv = read_opening(ps, braces);

    *pis_end = 0;
    if (rv != APR_SUCCESS)
        return rv;
    switch (braces->kind) {
    case FLOW_BRACES_VALUE:
    case FLOW_BRACES_RAW_VALUE:
        return read_value(ps, braces, nodes);
    case FLOW_BRACES_COMMENT:
        return read_comment(ps, braces, nodes);
    case FLOW_BRACES_OPEN:
    case FLOW_BRACES_OPEN_INVERSE:
        return flow_parser_parse_block(ps, braces, nodes);
    case FLOW_BRACES_VERBATIM:
        return flow_parser_parse_verbatim(ps, braces, nodes);
    default:
        *pis_end = 1;
        return APR_SUCCESS;
    }
}

apr_status_t flow_parser_parse_program(flow_parser_t *ps,
                                       flow_program_t **pprogram,
                                       flow_braces_t *pend)
{
    flow_program_t *program = apr_pcalloc(ps->p, sizeof(*program));
    apr_array_header_t *nodes = apr_array_make(ps->p, 4, sizeof(flow_node_t));
    int had_calls = ps->has_calls, is_end = 0;
    apr_status_t rv = APR_SUCCESS;

    ps->has_calls = 0;
    while (rv == APR_SUCCESS && !is_end) {
        read_text(ps, nodes);
        rv = parse_braces(ps, nodes, pend, &is_end);
    }
    program->nodes = (flow_node_t *)nodes->elts;
    program->n = nodes->nelts;
    program->has_calls = ps->has_calls;
    ps->has_calls |= had_calls;
    *pprogram = program;
    return rv;
}

apr_status_t flow_template_parse(flow_parser_t *ps, flow_program_t **pprogram)
{
    flow_braces_t end;
    apr_status_t rv = flow_parser_parse_program(ps, pprogram, &end);

    if (rv != APR_SUCCESS || end.kind == FLOW_BRACES_NONE)
        return rv;
    if (end.kind == FLOW_BRACES_CLOSE)
        return bad(ps, end.at, "these braces close no block");
    return bad(ps, end.at, "{{else}} belongs into a block");
}
