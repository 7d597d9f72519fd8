/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths between the braces, and what they start from.
 */
#include "data/flow_template_private.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

int flow_parser_token_is(const flow_parser_t *ps, const char *word)
{
    return ps->token.kind == FLOW_TOKEN_WORD && !ps->token.is_bracketed &&
           ps->token.len == strlen(word) &&
           memcmp(ps->token.text, word, ps->token.len) == 0;
}

/* --- paths ---------------------------------------------------------------- */

static apr_status_t add_step(flow_parser_t *ps, flow_read_path_t *path)
{
    if (path->n == FLOW_PATH_STEPS_MAX) {
        return flow_parser_fail(ps, ps->token.at, "template_syntax",
                                "more than %d steps", FLOW_PATH_STEPS_MAX);
    }
    path->step[path->n++] =
        flow_step_from_word(ps->token.text, ps->token.len, ps->p);
    return APR_SUCCESS;
}

/* `..`, `.` and `this` lead somewhere only at a path's start. */
static apr_status_t scope_segment(flow_parser_t *ps, flow_read_path_t *path)
{
    if (path->n) {
        return flow_parser_fail(
            ps, ps->token.at, "template_syntax",
            "'%.*s' may only stand at the start of a path; "
            "a field of that name is written [%.*s]",
            (int)(ps->token.end - ps->token.at), ps->token.at,
            (int)(ps->token.end - ps->token.at), ps->token.at);
    }
    path->is_scoped = 1;
    path->up += ps->token.kind == FLOW_TOKEN_UP;
    return APR_SUCCESS;
}

static apr_status_t read_segment(flow_parser_t *ps, flow_read_path_t *path)
{
    switch (ps->token.kind) {
    case FLOW_TOKEN_UP:
        return scope_segment(ps, path);
    case FLOW_TOKEN_SEPARATOR:
        if (*ps->token.at != '.' || path->n)
            return flow_parser_unexpected(ps);
        return scope_segment(ps, path);
    case FLOW_TOKEN_WORD:
        return flow_parser_token_is(ps, "this") ? scope_segment(ps, path)
                                                : add_step(ps, path);
    case FLOW_TOKEN_NUMBER:
        return add_step(ps, path);
    default:
        return flow_parser_unexpected(ps);
    }
}

/* The path's text without brackets, as closing braces repeat it. */
const char *flow_parser_plain_text(flow_parser_t *ps,
                                   const flow_read_path_t *path)
{
    char *text = apr_palloc(ps->p, (apr_size_t)(path->end - path->at) + 1);
    const char *c;
    char *o = text;

    for (c = path->at; c < path->end; ++c) {
        if (*c == '\\' && c + 1 < path->end)
            ++c;
        else if (strchr("[]\"'", *c))
            continue;
        *o++ = *c;
    }
    *o = '\0';
    return text;
}

apr_status_t flow_parser_read_path(flow_parser_t *ps, flow_read_path_t *path)
{
    apr_status_t rv;

    path->n = path->up = path->is_data = path->is_scoped = 0;
    path->at = ps->token.at;
    if (ps->token.kind == FLOW_TOKEN_AT) {
        path->is_data = 1;
        flow_parser_advance(ps);
        if (ps->token.follows_blank)
            return flow_parser_unexpected(ps);
    }
    for (;;) {
        const char *separator;

        rv = read_segment(ps, path);
        if (rv != APR_SUCCESS)
            return rv;
        path->end = ps->token.end;
        flow_parser_advance(ps);
        if (ps->token.kind != FLOW_TOKEN_SEPARATOR || ps->token.follows_blank)
            break;
        separator = ps->token.at;
        flow_parser_advance(ps);
        if (ps->token.follows_blank ||
            (ps->token.kind != FLOW_TOKEN_WORD &&
             ps->token.kind != FLOW_TOKEN_NUMBER &&
             (path->n || (ps->token.kind != FLOW_TOKEN_UP &&
                          ps->token.kind != FLOW_TOKEN_SEPARATOR)))) {
            if (path->n == 0 && ps->token.kind != FLOW_TOKEN_BAD && path->up &&
                *separator == '/')
                break; /* `../` is the context itself */
            if (path->n && ps->token.kind == FLOW_TOKEN_UP)
                return scope_segment(ps, path);
            return flow_parser_fail(ps, separator, "template_syntax",
                                    "a name is missing after '%c'", *separator);
        }
    }
    path->text =
        apr_pstrmemdup(ps->p, path->at, (apr_size_t)(path->end - path->at));
    return APR_SUCCESS;
}

/* A quoted word at the start of braces is a name, too. */
apr_status_t flow_parser_read_head(flow_parser_t *ps, flow_read_path_t *path)
{
    apr_status_t rv;

    if (ps->token.kind != FLOW_TOKEN_STRING)
        return flow_parser_read_path(ps, path);
    path->n = path->up = path->is_data = path->is_scoped = 0;
    path->at = ps->token.at;
    path->end = ps->token.end;
    rv = add_step(ps, path);
    path->text =
        apr_pstrmemdup(ps->p, path->at, (apr_size_t)(path->end - path->at));
    flow_parser_advance(ps);
    return rv;
}

static void set_steps(flow_parser_t *ps, const flow_read_path_t *path, int from,
                      flow_expr_t *expr)
{
    expr->n = path->n - from;
    if (expr->n) {
        flow_step_t *steps =
            apr_pmemdup(ps->p, path->step + from,
                        (apr_size_t)expr->n * sizeof(path->step[0]));

        flow_step_know(steps, expr->n);
        expr->steps = steps;
    }
}

static apr_status_t bind_data(flow_parser_t *ps, const flow_read_path_t *path,
                              flow_expr_t *expr)
{
    static const struct {
        const char *name;
        flow_expr_e kind;
    } known[] = {
        { "root", FLOW_EXPR_ROOT }, { "index", FLOW_EXPR_INDEX },
        { "key", FLOW_EXPR_KEY },   { "first", FLOW_EXPR_FIRST },
        { "last", FLOW_EXPR_LAST },
    };
    apr_size_t i;

    for (i = 0; path->n && i < sizeof(known) / sizeof(known[0]); ++i) {
        if (strcmp(path->step[0].name, known[i].name) == 0) {
            expr->kind = known[i].kind;
            expr->up = path->up;
            set_steps(ps, path, 1, expr);
            return APR_SUCCESS;
        }
    }
    return flow_parser_fail(ps, path->at, "template_syntax",
                            "'@' must be followed by root, index, key, first "
                            "or last");
}

/* Does the first step name a block's parameter? */
int flow_parser_bind_param(const flow_parser_t *ps,
                           const flow_read_path_t *path, flow_expr_t *expr)
{
    const flow_scope_names_t *names;
    int up = 0, i;

    if (path->is_data || path->is_scoped || path->n == 0)
        return 0;
    for (names = ps->names; names; names = names->outer, ++up) {
        for (i = 0; i < names->n; ++i) {
            if (strcmp(names->names[i], path->step[0].name) == 0) {
                expr->kind = FLOW_EXPR_PARAM;
                expr->up = up;
                expr->param = i;
                return 1;
            }
        }
    }
    return 0;
}

/* Which member of the context a path may read. @index and its like are none. */
static void note_member(flow_parser_t *ps, const flow_read_path_t *path)
{
    int first = 0, i;
    const char *name;

    if (path->is_data) {
        if (!path->n || strcmp(path->step[0].name, "root") != 0)
            return;
        first = 1;
    }
    name = path->n > first ? path->step[first].name : NULL;
    if (!name || path->step[first].len != strlen(name)) {
        ps->needs_context = 1;
        return;
    }
    for (i = 0; i < ps->members->nelts; ++i) {
        if (strcmp(APR_ARRAY_IDX(ps->members, i, const char *), name) == 0)
            return;
    }
    if (i == FLOW_TEMPLATE_MEMBERS_MAX)
        ps->needs_context = 1;
    else if (strcmp(name, "record") != 0)
        APR_ARRAY_PUSH(ps->members, const char *) = name;
}

apr_status_t flow_parser_bind_path(flow_parser_t *ps,
                                   const flow_read_path_t *path,
                                   flow_expr_t *expr)
{
    memset(expr, 0, sizeof(*expr));
    expr->text = path->text;
    expr->place = flow_parser_place(ps, path->at);
    if (path->n && (strcmp(path->step[0].name, "hashOptions") == 0 ||
                    strcmp(path->step[0].name, "hmacOptions") == 0 ||
                    (path->is_data && path->n > 1 &&
                     (strcmp(path->step[1].name, "hashOptions") == 0 ||
                      strcmp(path->step[1].name, "hmacOptions") == 0))))
        ps->needs_request = 1;
    note_member(ps, path);
    if (path->is_data)
        return bind_data(ps, path, expr);
    if (flow_parser_bind_param(ps, path, expr)) {
        set_steps(ps, path, 1, expr);
        return APR_SUCCESS;
    }
    expr->kind = FLOW_EXPR_PATH;
    expr->up = path->up;
    set_steps(ps, path, 0, expr);
    return APR_SUCCESS;
}
