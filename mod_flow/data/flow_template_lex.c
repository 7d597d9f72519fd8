/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_template_private.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Not in a bare name: ! " # % & ' ( ) * + , . / ; < = > @ [ \ ] ^ ` { | } ~ */
static int is_word(char c)
{
    return !is_blank(c) && c != '\0' &&
           !strchr("!\"#%&'()*+,./;<=>@[\\]^`{|}~", c);
}

/* Up to an unescaped closer; the only escape is that of the closer. */
static int read_delimited(flow_lexer_t *lx, char closer, flow_token_t *token)
{
    const char *c = lx->c + 1;
    char *text;

    while (c < lx->end && *c != closer)
        c += *c == '\\' && c + 1 < lx->end && c[1] == closer ? 2 : 1;
    if (c >= lx->end)
        return 0;
    text = apr_palloc(lx->p, (apr_size_t)(c - lx->c));
    token->text = text;
    for (++lx->c; lx->c < c; ++lx->c) {
        if (*lx->c == '\\' && lx->c[1] == closer)
            ++lx->c;
        text[token->len++] = *lx->c;
    }
    text[token->len] = '\0';
    lx->c = c + 1;
    return 1;
}

/* }}, ~}}, }}}, }~}} or }}}}, whichever the opening braces call for. */
static int read_close(flow_lexer_t *lx, flow_token_t *token)
{
    const char *c = lx->c;

    if (lx->braces == 4) {
        if (lx->end - c < 4 || memcmp(c, "}}}}", 4) != 0)
            return 0;
        lx->c = c + 4;
        return 1;
    }
    if (lx->braces == 3) {
        if (*c != '}')
            return 0;
        ++c;
    }
    if (c < lx->end && *c == '~') {
        token->strips = 1;
        ++c;
    }
    if (lx->end - c < 2 || c[0] != '}' || c[1] != '}')
        return 0;
    lx->c = c + 2;
    return 1;
}

/* -12 or 3.14, where what follows leaves no doubt; `0.x` is a path. */
static int read_number(flow_lexer_t *lx, flow_token_t *token)
{
    const char *c = lx->c + (*lx->c == '-'), *digits = c;

    if (lx->last == FLOW_TOKEN_SEPARATOR)
        return 0;
    while (c < lx->end && apr_isdigit(*c))
        ++c;
    if (c == digits)
        return 0;
    if (c + 1 < lx->end && *c == '.' && apr_isdigit(c[1])) {
        for (++c; c < lx->end && apr_isdigit(*c);)
            ++c;
    }
    if (c < lx->end && *c != '~' && *c != '}' && *c != ')' && !is_blank(*c))
        return 0;
    token->kind = FLOW_TOKEN_NUMBER;
    token->text = lx->c;
    token->len = (apr_size_t)(c - lx->c);
    lx->c = c;
    return 1;
}

static flow_token_e read_sign(flow_lexer_t *lx)
{
    char c = *lx->c++;

    switch (c) {
    case '.':
        if (lx->c < lx->end && *lx->c == '.') {
            ++lx->c;
            return FLOW_TOKEN_UP;
        }
        return FLOW_TOKEN_SEPARATOR;
    case '/':
        return FLOW_TOKEN_SEPARATOR;
    case '@':
        return FLOW_TOKEN_AT;
    case '(':
        return FLOW_TOKEN_OPEN_CALL;
    case ')':
        return FLOW_TOKEN_CLOSE_CALL;
    case '=':
        return FLOW_TOKEN_EQUALS;
    case '|':
        return FLOW_TOKEN_BAR;
    default:
        --lx->c;
        return FLOW_TOKEN_BAD;
    }
}

static void read_token(flow_lexer_t *lx, flow_token_t *token)
{
    const char *start = lx->c;

    if ((*lx->c == '}' || *lx->c == '~') && read_close(lx, token)) {
        token->kind = FLOW_TOKEN_CLOSE;
    }
    else if (*lx->c == '[') {
        token->is_bracketed = 1;
        if (read_delimited(lx, ']', token))
            token->kind = FLOW_TOKEN_WORD;
    }
    else if (*lx->c == '"' || *lx->c == '\'') {
        if (read_delimited(lx, *lx->c, token))
            token->kind = FLOW_TOKEN_STRING;
    }
    else if (is_word(*lx->c)) {
        if (read_number(lx, token))
            return;
        while (lx->c < lx->end && is_word(*lx->c))
            ++lx->c;
        token->kind = FLOW_TOKEN_WORD;
        token->text = start;
        token->len = (apr_size_t)(lx->c - start);
    }
    else {
        token->kind = read_sign(lx);
    }
}

flow_token_t flow_lexer_next(flow_lexer_t *lx)
{
    flow_token_t token = { FLOW_TOKEN_BAD };

    for (; lx->c < lx->end && is_blank(*lx->c); ++lx->c)
        token.follows_blank = 1;
    token.at = lx->c;
    if (lx->c < lx->end)
        read_token(lx, &token);
    token.end = lx->c;
    lx->last = token.kind;
    return token;
}
