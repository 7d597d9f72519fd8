/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_template_private.h"

#include <apr_strings.h>
#include <string.h>

typedef struct parser_t {
    const char *source;
    const char *end;
    const char *c;      /* not yet read */
    const char *text;   /* where the text before c begins */
    const char *open;   /* the braces being read */
    flow_lexer_t lx;    /* what stands in them */
    flow_token_t token; /* the word being looked at */
    int strips_text;    /* the last braces ended in ~ */
    apr_array_header_t *ops;
    apr_pool_t *p;
    flow_error_t *err;
} parser_t;

/* Columns are for people, so characters and not bytes are counted. */
static void place(const parser_t *ps, const char *at, int *pline, int *pcolumn)
{
    const char *c;

    *pline = *pcolumn = 1;
    for (c = ps->source; c < at && c < ps->end; ++c) {
        if (*c == '\n') {
            ++*pline;
            *pcolumn = 1;
        }
        else if (((unsigned char)*c & 0xc0) != 0x80) {
            ++*pcolumn;
        }
    }
}

static apr_status_t fail(const parser_t *ps, const char *at, const char *code,
                         const char *what)
{
    int line, column;

    place(ps, at, &line, &column);
    return flow_error_set(ps->err, FLOW_E_CONFIG, APR_EINVAL, code,
                          "template line %d, column %d: %s", line, column,
                          what);
}

static apr_status_t bad(const parser_t *ps, const char *at, const char *what)
{
    return fail(ps, at, "template_syntax", what);
}

/* What the language has and this compiler has not (yet): named, so that it is
 * never mistaken for a field that happens to be empty. */
static apr_status_t not_yet(const parser_t *ps, const char *at,
                            const char *kind, const char *name, apr_size_t len)
{
    return fail(ps, at, "template_helper",
                apr_psprintf(ps->p, "%s '%.*s' is not supported yet", kind,
                             (int)(len > 64 ? 64 : len), name));
}

static void add_text(parser_t *ps, const char *text, const char *end)
{
    flow_op_t *op;

    if (end <= text)
        return;
    op = apr_array_push(ps->ops);
    memset(op, 0, sizeof(*op));
    op->kind = FLOW_OP_TEXT;
    op->text = text;
    op->len = (apr_size_t)(end - text);
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- one expression ------------------------------------------------------- */

static void advance(parser_t *ps)
{
    ps->token = flow_lexer_next(&ps->lx);
}

static int token_is(const parser_t *ps, const char *word)
{
    return ps->token.kind == FLOW_TOKEN_WORD && !ps->token.is_bracketed &&
           ps->token.len == strlen(word) &&
           memcmp(ps->token.text, word, ps->token.len) == 0;
}

/* Why the current token cannot stand where it does. */
static apr_status_t unexpected(const parser_t *ps)
{
    const flow_token_t *t = &ps->token;
    const char *braces = ps->lx.wants_three ? "}}}" : "}}";

    if (t->at >= ps->end) {
        return bad(ps, ps->open,
                   apr_psprintf(ps->p, "no '%s' closes these braces", braces));
    }
    if (*t->at == '}') {
        return bad(
            ps, t->at,
            apr_psprintf(ps->p, "'%s' is needed to close the braces", braces));
    }
    if (*t->at == '"' || *t->at == '\'')
        return bad(ps, t->at, "no end to the quoted text");
    if (*t->at == '[' && t->kind == FLOW_TOKEN_BAD)
        return bad(ps, t->at, "']' is missing for the '['");
    return bad(ps, t->at,
               apr_psprintf(ps->p, "'%c' is not allowed here%s",
                            *t->at & 0x80 ? '?' : *t->at,
                            *t->at == '[' ? "; write list.[0]" : ""));
}

/* @root, or the name of something that only a block has. */
static apr_status_t read_at(parser_t *ps)
{
    static const char *const of_blocks[] = { "index", "key", "first", "last" };
    const char *at = ps->token.at;
    apr_size_t i;

    advance(ps);
    if (token_is(ps, "root") && !ps->token.follows_blank)
        return APR_SUCCESS;
    for (i = 0; i < sizeof(of_blocks) / sizeof(of_blocks[0]); ++i) {
        if (token_is(ps, of_blocks[i])) {
            return not_yet(ps, at, "block variable", at,
                           strlen(of_blocks[i]) + 1);
        }
    }
    return bad(ps, at, "'@' must be followed by root");
}

typedef struct steps_t {
    flow_step_t step[FLOW_PATH_STEPS_MAX];
    int n;
} steps_t;

static apr_status_t add_step(parser_t *ps, steps_t *steps)
{
    if (steps->n == FLOW_PATH_STEPS_MAX) {
        return bad(ps, ps->token.at,
                   "more than " APR_STRINGIFY(FLOW_PATH_STEPS_MAX) " steps");
    }
    steps->step[steps->n++] =
        flow_step_from_word(ps->token.text, ps->token.len, ps->p);
    return APR_SUCCESS;
}

/* After the first step: ".x" and "/x" until something else comes. */
static apr_status_t read_rest(parser_t *ps, steps_t *steps)
{
    apr_status_t rv = APR_SUCCESS;

    while (ps->token.kind == FLOW_TOKEN_SEPARATOR && !ps->token.follows_blank &&
           rv == APR_SUCCESS) {
        const char *at = ps->token.at;

        advance(ps);
        if (ps->token.kind != FLOW_TOKEN_WORD || ps->token.follows_blank) {
            return bad(
                ps, at,
                apr_psprintf(ps->p, "a name is missing after '%c'", *at));
        }
        rv = add_step(ps, steps);
        advance(ps);
    }
    return rv;
}

/* A path; leaves the token that follows it. Until there are blocks the root
 * and this are the same. */
static apr_status_t read_path(parser_t *ps, steps_t *steps)
{
    apr_status_t rv;

    steps->n = 0;
    switch (ps->token.kind) {
    case FLOW_TOKEN_AT:
        rv = read_at(ps);
        if (rv != APR_SUCCESS)
            return rv;
        break;
    case FLOW_TOKEN_UP:
        return not_yet(ps, ps->token.at, "block variable", "../", 3);
    case FLOW_TOKEN_SEPARATOR:
        if (*ps->token.at != '.')
            return unexpected(ps);
        break; /* "." and "./x" */
    case FLOW_TOKEN_WORD:
        if (token_is(ps, "this"))
            break;
        /* fall through */
    case FLOW_TOKEN_STRING:
        rv = add_step(ps, steps);
        if (rv != APR_SUCCESS)
            return rv;
        break;
    default:
        return unexpected(ps);
    }
    advance(ps);
    return read_rest(ps, steps);
}

/* The path is a whole expression; make it an instruction. */
static void add_value(parser_t *ps, const steps_t *steps, const char *at,
                      int is_raw)
{
    static const char length[] = "length";
    const flow_step_t *last = steps->n ? &steps->step[steps->n - 1] : NULL;
    const char *text =
        apr_pstrmemdup(ps->p, at, (apr_size_t)(ps->token.at - at));
    flow_op_t *op = apr_array_push(ps->ops);

    memset(op, 0, sizeof(*op));
    op->kind = FLOW_OP_VALUE;
    op->is_raw = is_raw;
    op->path = flow_path_make(steps->step, steps->n, text, ps->p);
    if (steps->n > 1 && last->len == sizeof(length) - 1 &&
        strcmp(last->name, length) == 0) {
        op->holder = flow_path_make(steps->step, steps->n - 1, text, ps->p);
    }
}

static apr_status_t read_expression(parser_t *ps, int is_raw)
{
    const char *at = ps->token.at, *name_end;
    steps_t steps;
    apr_status_t rv;

    if (ps->token.kind == FLOW_TOKEN_OPEN_CALL) {
        advance(ps);
        return not_yet(ps, at, "helper", ps->token.text ? ps->token.text : "",
                       ps->token.len);
    }
    if (token_is(ps, "else"))
        return not_yet(ps, at, "block", "else", 4);
    rv = read_path(ps, &steps);
    if (rv != APR_SUCCESS)
        return rv;
    switch (ps->token.kind) {
    case FLOW_TOKEN_CLOSE:
        break;
    case FLOW_TOKEN_WORD:
    case FLOW_TOKEN_STRING:
    case FLOW_TOKEN_AT:
    case FLOW_TOKEN_UP:
    case FLOW_TOKEN_OPEN_CALL:
        if (!ps->token.follows_blank)
            return unexpected(ps);
        for (name_end = ps->token.at; is_blank(name_end[-1]); --name_end)
            ;
        return not_yet(ps, at, "helper", at, (apr_size_t)(name_end - at));
    default:
        return unexpected(ps);
    }
    if (steps.n == 1 && strcmp(steps.step[0].name, "timestamp") == 0 &&
        ps->token.at - at >= 9 && memcmp(at, "timestamp", 9) == 0) {
        /* The one helper that needs no argument: it goes before a field. */
        return fail(ps, at, "template_helper",
                    "helper 'timestamp' is not supported yet; a field of that "
                    "name is written this.timestamp");
    }
    add_value(ps, &steps, at, is_raw);
    return APR_SUCCESS;
}

/* --- braces --------------------------------------------------------------- */

/* The blanks before the braces go: at most the text since the last ones. */
static void strip_before(parser_t *ps, const char **pend)
{
    while (*pend > ps->text && is_blank((*pend)[-1]))
        --*pend;
}

/* A comment that has its lines to itself takes them with it. */
static int is_alone(const parser_t *ps, const char *open, const char *close)
{
    while (open > ps->source && (open[-1] == ' ' || open[-1] == '\t'))
        --open;
    if (open > ps->source && open[-1] != '\n')
        return 0;
    while (close < ps->end &&
           (*close == ' ' || *close == '\t' || *close == '\r'))
        ++close;
    return close == ps->end || *close == '\n';
}

static void take_line(parser_t *ps, const char **ptext_end)
{
    while (*ptext_end > ps->text &&
           ((*ptext_end)[-1] == ' ' || (*ptext_end)[-1] == '\t'))
        --*ptext_end;
    while (ps->c < ps->end && *ps->c != '\n')
        ++ps->c;
    if (ps->c < ps->end)
        ++ps->c;
}

/* {{! to the first }} }}, or {{!-- to the first --}} which may enclose braces.
 * ps->c stands on the '!'. */
static apr_status_t read_comment(parser_t *ps, const char *text_end)
{
    int is_long = ps->end - ps->c >= 3 && memcmp(ps->c, "!--", 3) == 0;
    const char *c = ps->c + (is_long ? 3 : 1);

    for (;; ++c) {
        const char *close = c;

        if (c >= ps->end)
            return bad(ps, ps->open, "no end to the comment");
        if (is_long) {
            if (ps->end - c < 2 || memcmp(c, "--", 2) != 0)
                continue;
            close += 2;
        }
        ps->strips_text = close < ps->end && *close == '~';
        close += ps->strips_text;
        if (ps->end - close >= 2 && memcmp(close, "}}", 2) == 0) {
            ps->c = close + 2;
            break;
        }
    }
    if (!ps->strips_text && is_alone(ps, ps->open, ps->c))
        take_line(ps, &text_end);
    add_text(ps, ps->text, text_end);
    return APR_SUCCESS;
}

static apr_status_t refuse_sigil(parser_t *ps)
{
    const char *kind = *ps->c == '>' ? "partial" : "block";
    const char *name = ps->c, *c = name + 1;

    while (c < ps->end && !is_blank(*c) && *c != '}' && *c != '~')
        ++c;
    return not_yet(ps, ps->open, kind, name, (apr_size_t)(c - name));
}

/* ps->c stands behind the opening braces, which are @a opened bytes. */
static apr_status_t read_braces(parser_t *ps, int is_raw)
{
    apr_status_t rv;

    if (ps->c < ps->end && is_blank(*ps->c))
        return bad(ps, ps->c,
                   "a blank after the opening braces is not allowed");
    ps->lx.c = ps->c;
    ps->lx.end = ps->end;
    ps->lx.p = ps->p;
    advance(ps);
    if (ps->token.kind == FLOW_TOKEN_CLOSE)
        return bad(ps, ps->open, "nothing stands between the braces");
    rv = read_expression(ps, is_raw);
    if (rv == APR_SUCCESS) {
        ps->c = ps->lx.c;
        ps->strips_text = ps->token.strips;
    }
    return rv;
}

static apr_status_t read_mustache(parser_t *ps)
{
    const char *text_end = ps->open = ps->c;
    int is_raw = 0;

    if (ps->end - ps->c >= 4 && memcmp(ps->c, "{{{{", 4) == 0)
        return not_yet(ps, ps->open, "block", "{{{{", 4);
    ps->c += 2;
    ps->lx.wants_three = 0;
    if (ps->c < ps->end && *ps->c == '~') {
        strip_before(ps, &text_end);
        ++ps->c;
    }
    if (ps->c < ps->end && *ps->c == '!')
        return read_comment(ps, text_end);
    add_text(ps, ps->text, text_end);
    if (ps->c < ps->end && strchr("#^/>", *ps->c) && *ps->c)
        return refuse_sigil(ps);
    if (ps->c < ps->end && (*ps->c == '{' || *ps->c == '&')) {
        is_raw = 1;
        ps->lx.wants_three = *ps->c == '{';
        ++ps->c;
    }
    return read_braces(ps, is_raw);
}

/* --- text ----------------------------------------------------------------- */

/* "\{{" are two braces of text, "\\{{" is a backslash before real braces.
 * Returns 1 when the braces at ps->c are text. */
static int are_escaped(parser_t *ps)
{
    const char *c = ps->c;

    if (c == ps->text || c[-1] != '\\')
        return 0;
    add_text(ps, ps->text, c - 1);
    if (c - ps->text >= 2 && c[-2] == '\\') {
        ps->text = c;
        return 0;
    }
    ps->text = c;
    ps->c += 2;
    return 1;
}

static const char *next_braces(const parser_t *ps)
{
    const char *c = ps->c;

    for (; (c = memchr(c, '{', (apr_size_t)(ps->end - c))); ++c) {
        if (c + 1 < ps->end && c[1] == '{')
            return c;
    }
    return ps->end;
}

apr_status_t flow_template_parse(apr_array_header_t **pops, const char *text,
                                 apr_size_t len, apr_pool_t *p,
                                 flow_error_t *err)
{
    parser_t ps;
    apr_status_t rv;

    memset(&ps, 0, sizeof(ps));
    ps.source = ps.c = ps.text = text;
    ps.end = text + len;
    ps.ops = *pops = apr_array_make(p, 4, sizeof(flow_op_t));
    ps.p = p;
    ps.err = err;
    while (ps.c < ps.end) {
        ps.c = next_braces(&ps);
        if (ps.c < ps.end && are_escaped(&ps))
            continue;
        if (ps.c == ps.end)
            break;
        rv = read_mustache(&ps);
        if (rv != APR_SUCCESS)
            return rv;
        while (ps.strips_text && ps.c < ps.end && is_blank(*ps.c))
            ++ps.c;
        ps.strips_text = 0;
        ps.text = ps.c;
    }
    add_text(&ps, ps.text, ps.end);
    return APR_SUCCESS;
}
