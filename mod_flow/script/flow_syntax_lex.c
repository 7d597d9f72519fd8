/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_syntax_private.h"

#include <string.h>

static int is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '$' || c == '\\' || (unsigned char)c >= 0x80;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int flow_syntax_is(const flow_syntax_token_t *token, const char *text)
{
    return (token->kind == FLOW_SYNTAX_NAME ||
            token->kind == FLOW_SYNTAX_PUNCTUATOR) &&
           strlen(text) == token->len &&
           memcmp(token->text, text, token->len) == 0;
}

void flow_syntax_lexer_init(flow_syntax_lexer_t *lexer, const char *text,
                            apr_size_t len)
{
    memset(lexer, 0, sizeof(*lexer));
    lexer->at = lexer->line_start = text;
    lexer->end = text + len;
    lexer->line = 1;
    lexer->regexp_allowed = 1;
}

/* The byte @a n behind the current one; 0 at the end. */
static char peek(const flow_syntax_lexer_t *lexer, apr_size_t n)
{
    return (apr_size_t)(lexer->end - lexer->at) > n ? lexer->at[n] : '\0';
}

/* Length of a line terminator here, 0 if there is none: LF, CR, CR LF,
 * U+2028, U+2029. */
static apr_size_t newline_here(const flow_syntax_lexer_t *lexer)
{
    switch (peek(lexer, 0)) {
    case '\n':
        return 1;
    case '\r':
        return peek(lexer, 1) == '\n' ? 2 : 1;
    case '\xe2':
        return peek(lexer, 1) == '\x80' &&
                       (peek(lexer, 2) == '\xa8' || peek(lexer, 2) == '\xa9')
                   ? 3
                   : 0;
    default:
        return 0;
    }
}

int flow_syntax_token_column(const flow_syntax_token_t *token)
{
    const char *s;
    int column = 1;

    for (s = token->line_start; s < token->text; ++s) {
        column += ((unsigned char)*s & 0xC0) != 0x80;
    }
    return column;
}

static int skip_newline(flow_syntax_lexer_t *lexer)
{
    apr_size_t n = newline_here(lexer);

    if (n) {
        lexer->at += n;
        lexer->line_start = lexer->at;
        ++lexer->line;
    }
    return n != 0;
}

/* Spaces that are more than one byte: U+00A0, U+FEFF. */
static apr_size_t wide_space(const flow_syntax_lexer_t *lexer)
{
    if (peek(lexer, 0) == '\xc2' && peek(lexer, 1) == '\xa0') {
        return 2;
    }
    return peek(lexer, 0) == '\xef' && peek(lexer, 1) == '\xbb' &&
                   peek(lexer, 2) == '\xbf'
               ? 3
               : 0;
}

/* Over the rest of a block comment; 0 when it does not end. */
static int skip_comment(flow_syntax_lexer_t *lexer, int *pnewline)
{
    lexer->at += 2;
    while (lexer->at < lexer->end) {
        if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            lexer->at += 2;
            return 1;
        }
        if (skip_newline(lexer)) {
            *pnewline = 1;
        }
        else {
            ++lexer->at;
        }
    }
    return 0;
}

/* White space and comments; 0 when a comment does not end. */
static int skip_space(flow_syntax_lexer_t *lexer, int *pnewline)
{
    while (lexer->at < lexer->end) {
        char c = *lexer->at;

        if (c == ' ' || c == '\t' || c == '\v' || c == '\f') {
            ++lexer->at;
        }
        else if (skip_newline(lexer)) {
            *pnewline = 1;
        }
        else if (wide_space(lexer)) {
            lexer->at += wide_space(lexer);
        }
        else if (c == '/' && peek(lexer, 1) == '/') {
            while (lexer->at < lexer->end && !newline_here(lexer)) {
                ++lexer->at;
            }
        }
        else if (c == '/' && peek(lexer, 1) == '*') {
            if (!skip_comment(lexer, pnewline)) {
                return 0;
            }
        }
        else {
            break;
        }
    }
    return 1;
}

static flow_syntax_kind_e bad(flow_syntax_token_t *token, const char *why)
{
    token->why = why;
    return FLOW_SYNTAX_BAD;
}

static flow_syntax_kind_e lex_string(flow_syntax_lexer_t *lexer,
                                     flow_syntax_token_t *token)
{
    char quote = *lexer->at++;

    while (lexer->at < lexer->end && *lexer->at != quote) {
        if (*lexer->at == '\\') {
            ++lexer->at;
            if (skip_newline(lexer)) {
                continue;
            }
        }
        else if (*lexer->at == '\n' || *lexer->at == '\r') {
            break;
        }
        if (lexer->at < lexer->end) {
            ++lexer->at;
        }
    }
    if (lexer->at >= lexer->end || *lexer->at != quote) {
        return bad(token, "string is not closed");
    }
    ++lexer->at;
    return FLOW_SYNTAX_STRING;
}

static flow_syntax_kind_e lex_regexp(flow_syntax_lexer_t *lexer,
                                     flow_syntax_token_t *token)
{
    int in_class = 0;

    for (++lexer->at; lexer->at < lexer->end; ++lexer->at) {
        char c = *lexer->at;

        if (newline_here(lexer)) {
            break;
        }
        if (c == '\\' && lexer->at + 1 < lexer->end) {
            ++lexer->at;
            if (newline_here(lexer)) {
                break;
            }
        }
        else if (c == '[') {
            in_class = 1;
        }
        else if (c == ']') {
            in_class = 0;
        }
        else if (c == '/' && !in_class) {
            ++lexer->at;
            while (is_name_start(peek(lexer, 0)) || is_digit(peek(lexer, 0))) {
                ++lexer->at;
            }
            return FLOW_SYNTAX_REGEXP;
        }
    }
    return bad(token, "regular expression is not closed");
}

static flow_syntax_kind_e lex_number(flow_syntax_lexer_t *lexer)
{
    while (is_digit(peek(lexer, 0)) || is_name_start(peek(lexer, 0)) ||
           peek(lexer, 0) == '.') {
        char c = *lexer->at++;
        if ((c == 'e' || c == 'E') &&
            (peek(lexer, 0) == '+' || peek(lexer, 0) == '-') &&
            lexer->at - 1 > lexer->line_start && is_digit(lexer->at[-2])) {
            ++lexer->at;
        }
    }
    return FLOW_SYNTAX_NUMBER;
}

static flow_syntax_kind_e lex_name(flow_syntax_lexer_t *lexer)
{
    while (lexer->at < lexer->end &&
           (is_name_start(*lexer->at) || is_digit(*lexer->at)) &&
           !newline_here(lexer) && !wide_space(lexer)) {
        ++lexer->at;
    }
    return FLOW_SYNTAX_NAME;
}

static flow_syntax_kind_e lex_punctuator(flow_syntax_lexer_t *lexer)
{
    static const char *const longer[] = { "...", "=>", "?.", "??", "**",
                                          "++",  "--", "==", "<=", ">=" };
    apr_size_t i;

    for (i = 0; i < sizeof(longer) / sizeof(longer[0]); ++i) {
        apr_size_t n = strlen(longer[i]);
        if ((apr_size_t)(lexer->end - lexer->at) >= n &&
            memcmp(lexer->at, longer[i], n) == 0 &&
            !(n == 2 && longer[i][1] == '.' && is_digit(peek(lexer, 2)))) {
            lexer->at += n;
            return FLOW_SYNTAX_PUNCTUATOR;
        }
    }
    if (*lexer->at == '(') {
        int head = flow_syntax_is(&lexer->last, "if") ||
                   flow_syntax_is(&lexer->last, "while") ||
                   flow_syntax_is(&lexer->last, "for") ||
                   flow_syntax_is(&lexer->last, "with");
        lexer->heads = lexer->heads << 1 | (apr_uint64_t)head;
    }
    ++lexer->at;
    return FLOW_SYNTAX_PUNCTUATOR;
}

/* What may follow @a token: an operand (so a slash begins a regular
 * expression) or an operator? */
static int operand_follows(flow_syntax_lexer_t *lexer,
                           const flow_syntax_token_t *token)
{
    static const char *const keywords[] = {
        "return", "typeof", "case", "in",   "instanceof", "new",  "delete",
        "void",   "throw",  "do",   "else", "yield",      "await"
    };
    apr_size_t i;

    switch (token->kind) {
    case FLOW_SYNTAX_NAME:
        for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); ++i) {
            if (flow_syntax_is(token, keywords[i])) {
                return !flow_syntax_is(&lexer->last, ".");
            }
        }
        return 0;
    case FLOW_SYNTAX_PUNCTUATOR:
        if (flow_syntax_is(token, ")")) {
            int head = (int)(lexer->heads & 1);
            lexer->heads >>= 1;
            return head;
        }
        return !flow_syntax_is(token, "]") && !flow_syntax_is(token, "}") &&
               !flow_syntax_is(token, "++") && !flow_syntax_is(token, "--");
    default:
        return 0;
    }
}

static flow_syntax_kind_e lex(flow_syntax_lexer_t *lexer,
                              flow_syntax_token_t *token)
{
    char c = *lexer->at;

    if (c == '"' || c == '\'') {
        return lex_string(lexer, token);
    }
    if (c == '`') {
        ++lexer->at;
        return FLOW_SYNTAX_TEMPLATE;
    }
    if (c == '/' && lexer->regexp_allowed) {
        return lex_regexp(lexer, token);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) {
        return lex_number(lexer);
    }
    if (is_name_start(c)) {
        return lex_name(lexer);
    }
    return lex_punctuator(lexer);
}

flow_syntax_token_t flow_syntax_lexer_next(flow_syntax_lexer_t *lexer)
{
    flow_syntax_token_t token;
    int closed;

    memset(&token, 0, sizeof(token));
    token.line = lexer->line;
    token.line_start = lexer->line_start;
    token.text = lexer->at;
    closed = skip_space(lexer, &token.after_newline);
    if (closed) {
        token.line = lexer->line;
        token.line_start = lexer->line_start;
        token.text = lexer->at;
    }
    if (!closed) {
        token.kind = bad(&token, "comment is not closed");
    }
    else if (lexer->at < lexer->end) {
        token.kind = lex(lexer, &token);
    }
    token.len = (apr_size_t)(lexer->at - token.text);
    lexer->regexp_allowed = operand_follows(lexer, &token);
    lexer->last = token;
    return token;
}
