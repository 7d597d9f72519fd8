/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments and calls of helpers, which are bound here so that a wrong name or
 * number of arguments never runs.
 */
#include "data/flow_helper_private.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static apr_status_t read_call(flow_parser_t *ps, const char *name,
                              const char *at, int as_block,
                              flow_invocation_t *call);

/* --- arguments ------------------------------------------------------------ */

static int read_word_literal(const flow_parser_t *ps, flow_any_t *literal)
{
    if (ps->lx.c < ps->lx.end && strchr("./", *ps->lx.c))
        return 0;
    if (flow_parser_token_is(ps, "true"))
        *literal = flow_any_of_bool(1);
    else if (flow_parser_token_is(ps, "false"))
        *literal = flow_any_of_bool(0);
    else if (flow_parser_token_is(ps, "null"))
        literal->type = FLOW_ANY_NULL;
    else if (flow_parser_token_is(ps, "undefined"))
        literal->type = FLOW_ANY_MISSING;
    else
        return 0;
    return 1;
}

static int read_literal(flow_parser_t *ps, flow_any_t *literal)
{
    memset(literal, 0, sizeof(*literal));
    switch (ps->token.kind) {
    case FLOW_TOKEN_STRING:
        *literal = flow_any_of_text(ps->token.text, ps->token.len);
        return 1;
    case FLOW_TOKEN_NUMBER:
        *literal = flow_any_of_number(
            flow_any_number_from_text(ps->token.text, ps->token.len));
        return 1;
    case FLOW_TOKEN_WORD:
        return read_word_literal(ps, literal);
    default:
        return 0;
    }
}

/* (helper a b) */
static apr_status_t read_parenthesis(flow_parser_t *ps, flow_expr_t *expr)
{
    const char *at = ps->token.at;
    flow_invocation_t *call = apr_pcalloc(ps->p, sizeof(*call));
    flow_read_path_t path;
    apr_status_t rv = flow_parser_enter(ps, at);

    if (rv != APR_SUCCESS)
        return rv;
    flow_parser_advance(ps);
    rv = flow_parser_read_head(ps, &path);
    if (rv != APR_SUCCESS)
        return rv;
    expr->kind = FLOW_EXPR_CALL;
    expr->call = call;
    expr->place = flow_parser_place(ps, at);
    expr->text = path.text;
    rv = read_call(ps,
                   path.n == 1 && !path.is_scoped && !path.is_data
                       ? path.step[0].name
                       : path.text,
                   path.at, 0, call);
    if (rv != APR_SUCCESS)
        return rv;
    if (ps->token.kind != FLOW_TOKEN_CLOSE_CALL) {
        return flow_parser_fail(ps, at, "template_syntax",
                                "')' is missing for the '('");
    }
    flow_parser_advance(ps);
    --ps->depth;
    return APR_SUCCESS;
}

static apr_status_t read_argument(flow_parser_t *ps, flow_expr_t *expr)
{
    flow_read_path_t path;
    apr_status_t rv;

    memset(expr, 0, sizeof(*expr));
    if (ps->token.kind == FLOW_TOKEN_OPEN_CALL)
        return read_parenthesis(ps, expr);
    if (read_literal(ps, &expr->literal)) {
        expr->kind = FLOW_EXPR_LITERAL;
        expr->text = apr_pstrmemdup(ps->p, ps->token.at,
                                    (apr_size_t)(ps->token.end - ps->token.at));
        flow_parser_advance(ps);
        return APR_SUCCESS;
    }
    rv = flow_parser_read_path(ps, &path);
    return rv == APR_SUCCESS ? flow_parser_bind_path(ps, &path, expr) : rv;
}

/* Is the word before '='? */
static int is_hash_name(flow_parser_t *ps)
{
    flow_lexer_t ahead = ps->lx;

    if (ps->token.kind != FLOW_TOKEN_WORD)
        return 0;
    while (ahead.c < ahead.end && apr_isspace(*ahead.c))
        ++ahead.c;
    return ahead.c < ahead.end && *ahead.c == '=';
}

/* `as |` ends the arguments of a block. */
static int is_param_list(flow_parser_t *ps)
{
    flow_lexer_t ahead = ps->lx;

    if (!flow_parser_token_is(ps, "as"))
        return 0;
    while (ahead.c < ahead.end && apr_isspace(*ahead.c))
        ++ahead.c;
    return ahead.c < ahead.end && *ahead.c == '|';
}

static int is_end(flow_parser_t *ps)
{
    return ps->token.kind == FLOW_TOKEN_CLOSE ||
           ps->token.kind == FLOW_TOKEN_CLOSE_CALL ||
           ps->token.kind == FLOW_TOKEN_BAR || is_param_list(ps);
}

/* --- binding -------------------------------------------------------------- */

static const char *signature(flow_parser_t *ps, const flow_helper_t *helper)
{
    return apr_psprintf(ps->p, "{{%s%s%s%s}}", helper->is_block ? "#" : "",
                        helper->name, helper->arguments[0] ? " " : "",
                        helper->arguments);
}

static apr_status_t unknown_helper(flow_parser_t *ps, const char *name,
                                   const char *at, int as_block)
{
    const char *near = flow_helper_nearest(name, as_block);

    return flow_parser_fail(
        ps, at, "template_helper", "there is no %s '%.64s'%s%s%s",
        as_block ? "block" : "helper", name, near ? "; did you mean '" : "",
        near ? near : "", near ? "'?" : "");
}

static apr_status_t check_kind(flow_parser_t *ps, const flow_helper_t *helper,
                               const char *at, int as_block)
{
    if (as_block && !helper->is_block) {
        return flow_parser_fail(ps, at, "template_helper",
                                "helper '%s' is no block; write "
                                "{{#if (%s ...)}}",
                                helper->name, helper->name);
    }
    if (!as_block && helper->is_block && (ps->depth == 0 || !helper->run)) {
        return flow_parser_fail(
            ps, at, "template_helper",
            "'%s' is a block; write {{#%s ...}}, and this.%s for a field of "
            "that name",
            helper->name, helper->name, helper->name);
    }
    return APR_SUCCESS;
}

static apr_status_t check_count(flow_parser_t *ps,
                                const flow_invocation_t *call, const char *at)
{
    const flow_helper_t *helper = call->helper;
    const char *kind = helper->is_block ? "block" : "helper";

    if (call->n >= helper->min && call->n <= helper->max)
        return APR_SUCCESS;
    if (call->n == 0) {
        return flow_parser_fail(ps, at, "template_helper",
                                "%s '%s' needs arguments: %s; a field of that "
                                "name is written this.%s",
                                kind, helper->name, signature(ps, helper),
                                helper->name);
    }
    return flow_parser_fail(ps, at, "template_helper",
                            "too %s arguments for %s '%s': %s",
                            call->n < helper->min ? "few" : "many", kind,
                            helper->name, signature(ps, helper));
}

static int knows_hash(const flow_helper_t *helper, const char *name)
{
    const char *c = helper->hash;
    apr_size_t len = strlen(name);

    for (; c && *c; c += strspn(c, " ")) {
        apr_size_t n = strcspn(c, " ");

        if (n == len && memcmp(c, name, n) == 0)
            return 1;
        c += n;
    }
    return 0;
}

static apr_status_t check_hash(flow_parser_t *ps, const flow_invocation_t *call,
                               const char *at)
{
    int i;

    for (i = 0; i < call->n_hash; ++i) {
        if (knows_hash(call->helper, call->hash[i].name))
            continue;
        return flow_parser_fail(ps, at, "template_helper",
                                "'%s' has no argument '%.64s='%s%s",
                                call->helper->name, call->hash[i].name,
                                call->helper->hash ? "; it has " : "",
                                call->helper->hash ? call->helper->hash : "");
    }
    return APR_SUCCESS;
}

static apr_status_t prepare(flow_parser_t *ps, flow_invocation_t *call)
{
    flow_error_t err = FLOW_ERROR_INIT;

    if (!call->helper->prepare ||
        call->helper->prepare(&call->prepared, call, ps->p, &err) ==
            APR_SUCCESS)
        return APR_SUCCESS;
    return flow_error_set(ps->err, FLOW_E_CONFIG, err.status, err.code,
                          "template line %d, column %d: helper '%s': %s",
                          call->place.line, call->place.column,
                          call->helper->name, err.message);
}

static apr_status_t add_hash(flow_parser_t *ps, apr_array_header_t *hash)
{
    flow_hash_arg_t *arg = apr_array_push(hash);
    flow_expr_t *value = apr_palloc(ps->p, sizeof(*value));

    arg->name = apr_pstrmemdup(ps->p, ps->token.text, ps->token.len);
    arg->value = value;
    flow_parser_advance(ps); /* = */
    flow_parser_advance(ps);
    return read_argument(ps, value);
}

static apr_status_t read_arguments(flow_parser_t *ps, flow_invocation_t *call)
{
    apr_array_header_t *args = apr_array_make(ps->p, 4, sizeof(flow_expr_t));
    apr_array_header_t *hash =
        apr_array_make(ps->p, 1, sizeof(flow_hash_arg_t));
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && !is_end(ps)) {
        if (!ps->token.follows_blank)
            return flow_parser_unexpected(ps);
        if (args->nelts + hash->nelts == FLOW_TEMPLATE_ARGS_MAX) {
            return flow_parser_fail(ps, ps->token.at, "template_helper",
                                    "more than %d arguments",
                                    FLOW_TEMPLATE_ARGS_MAX);
        }
        if (is_hash_name(ps)) {
            rv = add_hash(ps, hash);
        }
        else if (hash->nelts) {
            return flow_parser_fail(ps, ps->token.at, "template_syntax",
                                    "arguments with a name come last");
        }
        else {
            flow_expr_t arg;

            rv = read_argument(ps, &arg);
            *(flow_expr_t *)apr_array_push(args) = arg;
        }
    }
    call->args = (const flow_expr_t *)args->elts;
    call->n = args->nelts;
    call->hash = (const flow_hash_arg_t *)hash->elts;
    call->n_hash = hash->nelts;
    return rv;
}

/* The arguments, up to what ends them, and then what they mean. */
static apr_status_t read_call(flow_parser_t *ps, const char *name,
                              const char *at, int as_block,
                              flow_invocation_t *call)
{
    apr_status_t rv;

    call->helper = flow_helper_find(name, strlen(name));
    call->place = flow_parser_place(ps, at);
    if (!call->helper)
        return unknown_helper(ps, name, at, as_block);
    rv = check_kind(ps, call->helper, at, as_block);
    if (rv == APR_SUCCESS)
        rv = read_arguments(ps, call);
    if (rv == APR_SUCCESS)
        rv = check_count(ps, call, at);
    if (rv == APR_SUCCESS)
        rv = check_hash(ps, call, at);
    if (rv == APR_SUCCESS)
        rv = prepare(ps, call);
    ps->has_calls = 1;
    if (rv == APR_SUCCESS && (strcmp(call->helper->name, "aws4") == 0 ||
                              strcmp(call->helper->name, "hash") == 0 ||
                              strcmp(call->helper->name, "hmac") == 0))
        ps->needs_request = 1;
    if (rv == APR_SUCCESS && strcmp(call->helper->name, "getValue") == 0)
        ps->needs_context = 1; /* its path is text, perhaps not known yet */
    return rv;
}

static int is_simple(const flow_read_path_t *path)
{
    return path->n == 1 && !path->is_scoped && !path->is_data;
}

/* Must it be a helper, or is it one because there is one of that name? In
 * brackets it is a field then. */
static int is_call(flow_parser_t *ps, const flow_read_path_t *path)
{
    flow_expr_t param;

    if (!is_end(ps))
        return 1;
    return is_simple(path) && *path->at != '[' &&
           !flow_parser_bind_param(ps, path, &param) &&
           flow_helper_find(path->step[0].name, path->step[0].len) != NULL;
}

apr_status_t flow_parser_read_value(flow_parser_t *ps, flow_expr_t *expr)
{
    flow_invocation_t *call;
    flow_read_path_t path;
    apr_status_t rv;
    int depth = ps->depth;

    if (ps->token.kind == FLOW_TOKEN_OPEN_CALL) {
        return flow_parser_fail(ps, ps->token.at, "template_syntax",
                                "a call that stands alone has no parentheses; "
                                "write {{name arguments}}");
    }
    rv = flow_parser_read_head(ps, &path);
    if (rv != APR_SUCCESS)
        return rv;
    if (!is_call(ps, &path))
        return flow_parser_bind_path(ps, &path, expr);
    if (!is_end(ps) && !ps->token.follows_blank)
        return flow_parser_unexpected(ps);
    call = apr_pcalloc(ps->p, sizeof(*call));
    memset(expr, 0, sizeof(*expr));
    expr->kind = FLOW_EXPR_CALL;
    expr->call = call;
    expr->text = path.text;
    expr->place = flow_parser_place(ps, path.at);
    ps->depth = 0; /* a block's name alone in braces is none */
    rv = read_call(ps, is_simple(&path) ? path.step[0].name : path.text,
                   path.at, 0, call);
    ps->depth = depth;
    return rv;
}

static apr_status_t raw_block(flow_helper_call_t *call, flow_any_t *out)
{
    (void)call;
    *out = flow_any_of_bool(1);
    return APR_SUCCESS;
}

static const flow_helper_t verbatim = { "", 0, 0, raw_block, NULL, 1, "" };

apr_status_t flow_parser_read_opening(flow_parser_t *ps, flow_block_t *block,
                                      const char **pname, int is_verbatim)
{
    flow_expr_t *value;
    flow_read_path_t path;
    apr_status_t rv = flow_parser_read_head(ps, &path);

    if (rv != APR_SUCCESS)
        return rv;
    *pname = flow_parser_plain_text(ps, &path);
    if (is_call(ps, &path)) {
        return read_call(ps, is_simple(&path) ? path.step[0].name : path.text,
                         path.at, 1, &block->call);
    }
    block->call.place = flow_parser_place(ps, path.at);
    if (is_verbatim) {
        block->call.helper = &verbatim;
        return APR_SUCCESS;
    }
    value = apr_palloc(ps->p, sizeof(*value));
    block->call.args = value;
    block->call.n = 1;
    return flow_parser_bind_path(ps, &path, value);
}

apr_status_t flow_parser_read_name(flow_parser_t *ps, const char **pname)
{
    flow_read_path_t path;
    apr_status_t rv = flow_parser_read_head(ps, &path);

    if (rv == APR_SUCCESS)
        *pname = flow_parser_plain_text(ps, &path);
    return rv;
}
