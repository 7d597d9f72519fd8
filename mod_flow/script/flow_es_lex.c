/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens. The parser asks for one at a time; where a slash begins a regular
 * expression or a brace goes on with a template, it says so.
 */
#include <string.h>

#include "script/flow_es_private.h"

int flow_es_is_space(unsigned int c)
{
    return c == ' ' || c == '\t' || c == 0x0B || c == 0x0C || c == 0xA0 ||
           c == 0xFEFF || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static int is_newline(unsigned int c)
{
    return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029;
}

/* Beyond ASCII, all that is no space, punctuation, symbol or emoji: the exact
 * tables would be larger than the rest of the lexer. */
static int is_letter_beyond_ascii(unsigned int c)
{
    if (c < 0xC0) {
        return c == 0xAA || c == 0xB5 || c == 0xBA;
    }
    if (c == 0xD7 || c == 0xF7 || flow_es_is_space(c) || is_newline(c)) {
        return 0;
    }
    if (c == 0x2118 || c == 0x212E || c == 0x2071 || c == 0x207F ||
        (c >= 0x2090 && c <= 0x209C) || c == 0x2102 || c == 0x2107 ||
        (c >= 0x210A && c <= 0x2113) || c == 0x2115 ||
        (c >= 0x2119 && c <= 0x211D) || c == 0x2124 || c == 0x2126 ||
        c == 0x2128 || (c >= 0x212A && c <= 0x2139) ||
        (c >= 0x213C && c <= 0x213F) || (c >= 0x2145 && c <= 0x2149) ||
        c == 0x214E || (c >= 0x2160 && c <= 0x2188)) {
        return 1;
    }
    return !(c >= 0x2010 && c <= 0x2BFF) && !(c >= 0x2E00 && c <= 0x2E7F) &&
           !(c >= 0x3001 && c <= 0x3004) && !(c >= 0x3008 && c <= 0x3020) &&
           !(c >= 0xD800 && c <= 0xF8FF) && !(c >= 0xFF01 && c <= 0xFF20) &&
           !(c >= 0x1F000 && c <= 0x1FAFF) && c != 0x2E2F && c < 0xE0000;
}

int flow_es_id_start(unsigned int c)
{
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '$' ||
               c == '_';
    }
    return is_letter_beyond_ascii(c) && c != 0x200C && c != 0x200D &&
           !(c >= 0x300 && c <= 0x36F);
}

int flow_es_id_part(unsigned int c)
{
    if (c < 0x80) {
        return flow_es_id_start(c) || (c >= '0' && c <= '9');
    }
    return is_letter_beyond_ascii(c) || c == 0x200C || c == 0x200D ||
           c == 0xB7 || c == 0x203F || c == 0x2040 || c == 0x2054 ||
           (c >= 0x20D0 && c <= 0x20F0) || (c >= 0xFF10 && c <= 0xFF19) ||
           (c >= 0xE0100 && c <= 0xE01EF);
}

unsigned int flow_es_char(const es_t *es, unsigned int pos, unsigned int *pnext)
{
    const unsigned char *s = (const unsigned char *)es->src;
    unsigned int c, n, i;

    if (pos >= es->len) {
        *pnext = pos;
        return 0;
    }
    c = s[pos];
    if (c < 0x80) {
        *pnext = pos + 1;
        return c;
    }
    n = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    c &= 0x3Fu >> n;
    for (i = 1; i <= n && pos + i < es->len; ++i) {
        c = (c << 6) | (s[pos + i] & 0x3Fu);
    }
    *pnext = pos + i;
    return c;
}

static int at(const es_t *es, unsigned int pos)
{
    return pos < es->len ? (unsigned char)es->src[pos] : -1;
}

static int starts(const es_t *es, const char *text)
{
    apr_size_t n = strlen(text);

    return es->len - es->pos >= n && memcmp(es->src + es->pos, text, n) == 0;
}

static void skip_line(es_t *es)
{
    unsigned int next;

    while (es->pos < es->len && !is_newline(flow_es_char(es, es->pos, &next))) {
        es->pos = next;
    }
}

/* One line break at es->pos, which counts CR LF once. */
static void line_break(es_t *es, unsigned int c, unsigned int next)
{
    es->pos = next;
    if (c == '\r' && at(es, es->pos) == '\n') {
        ++es->pos;
    }
    ++es->line;
}

static int block_comment(es_t *es)
{
    unsigned int start = es->pos, c, next;
    int newline = 0;

    es->pos += 2;
    while (es->pos < es->len && !starts(es, "*/")) {
        c = flow_es_char(es, es->pos, &next);
        if (is_newline(c)) {
            line_break(es, c, next);
            newline = 1;
        }
        else {
            es->pos = next;
        }
    }
    if (es->pos >= es->len) {
        flow_es_fail(es, start, "comment is not closed");
    }
    else {
        es->pos += 2;
    }
    return newline;
}

/* White space and comments; returns whether a line break was among them. */
static int skip_space(es_t *es)
{
    int newline = es->pos == 0;
    unsigned int c, next;

    for (;;) {
        c = flow_es_char(es, es->pos, &next);
        if (es->pos >= es->len) {
            return newline;
        }
        if (is_newline(c)) {
            line_break(es, c, next);
            newline = 1;
        }
        else if (flow_es_is_space(c)) {
            es->pos = next;
        }
        else if (starts(es, "//")) {
            skip_line(es);
        }
        else if (starts(es, "/*")) {
            newline |= block_comment(es);
        }
        else if (starts(es, "<!--") || (newline && starts(es, "-->"))) {
            flow_es_fail(es, es->pos, "HTML-like comments are not supported");
            return newline;
        }
        else {
            return newline;
        }
    }
}

/* A name; with escapes or beyond ASCII it is gathered in es->buf. */
static es_atom_t *name(es_t *es)
{
    unsigned int start = es->pos, c, next;
    int first = 1, u;

    while (es->pos < es->len && (unsigned char)es->src[es->pos] < 0x80 &&
           flow_es_id_part((unsigned char)es->src[es->pos])) {
        ++es->pos;
    }
    if (es->pos >= es->len ||
        (es->src[es->pos] != '\\' && (unsigned char)es->src[es->pos] < 0x80)) {
        return flow_es_atom(es, es->src + start, es->pos - start);
    }
    es->buf.len = 0;
    flow_es_put(es, &es->buf, es->src + start, es->pos - start);
    first = es->pos == start;
    for (;; first = 0) {
        c = flow_es_char(es, es->pos, &next);
        if (c == '\\' && es->pos < es->len) {
            es->tok.flags |= TF_ESCAPED;
            es->pos += 2;
            u = at(es, es->pos - 1) == 'u' ? flow_es_lex_unicode(es) : -1;
            if (u < 0 || !(first ? flow_es_id_start((unsigned)u)
                                 : flow_es_id_part((unsigned)u))) {
                flow_es_fail(es, next - 1, "wrong escape in a name");
                break;
            }
            flow_es_put_utf8(es, &es->buf, (unsigned)u);
        }
        else if (es->pos < es->len &&
                 (first ? flow_es_id_start(c) : flow_es_id_part(c))) {
            flow_es_put_utf8(es, &es->buf, c);
            es->pos = next;
        }
        else {
            break;
        }
    }
    return flow_es_atom(es, es->buf.s, es->buf.len);
}

/* clang-format off */
static const struct { char text[5]; unsigned char len, token; } punctuation[] = {
    { ">>>=", 4, T_A_USHR }, { "...", 3, T_ELLIPSIS }, { "===", 3, T_SEQ },
    { "!==", 3, T_SNE }, { "**=", 3, T_A_POW }, { "<<=", 3, T_A_SHL },
    { ">>=", 3, T_A_SHR }, { ">>>", 3, T_USHR }, { "&&=", 3, T_A_LAND },
    { "||=", 3, T_A_LOR }, { "?\?=", 3, T_A_NULLISH }, { "=>", 2, T_ARROW },
    { "==", 2, T_EQ }, { "!=", 2, T_NE }, { "<=", 2, T_LE }, { ">=", 2, T_GE },
    { "&&", 2, T_LAND }, { "||", 2, T_LOR }, { "?\?", 2, T_NULLISH },
    { "?.", 2, T_QDOT }, { "++", 2, T_INC }, { "--", 2, T_DEC },
    { "+=", 2, T_A_PLUS }, { "-=", 2, T_A_MINUS }, { "*=", 2, T_A_MUL },
    { "/=", 2, T_A_DIV }, { "%=", 2, T_A_MOD }, { "&=", 2, T_A_AND },
    { "|=", 2, T_A_OR }, { "^=", 2, T_A_XOR }, { "<<", 2, T_SHL },
    { ">>", 2, T_SHR }, { "**", 2, T_POW }, { "{", 1, T_LBRACE },
    { "}", 1, T_RBRACE }, { "(", 1, T_LPAREN }, { ")", 1, T_RPAREN },
    { "[", 1, T_LBRACK }, { "]", 1, T_RBRACK }, { ".", 1, T_DOT },
    { ";", 1, T_SEMI }, { ",", 1, T_COMMA }, { ":", 1, T_COLON },
    { "?", 1, T_QUESTION }, { "!", 1, T_NOT }, { "~", 1, T_TILDE },
    { "<", 1, T_LT }, { ">", 1, T_GT }, { "+", 1, T_PLUS }, { "-", 1, T_MINUS },
    { "*", 1, T_MUL }, { "/", 1, T_DIV }, { "%", 1, T_MOD }, { "&", 1, T_AND },
    { "|", 1, T_OR }, { "^", 1, T_XOR }, { "=", 1, T_ASSIGN }, { "@", 1, T_AT },
};
/* clang-format on */

static void punctuator(es_t *es)
{
    unsigned int next, c = flow_es_char(es, es->pos, &next);
    apr_size_t i;

    for (i = 0; i < sizeof(punctuation) / sizeof(punctuation[0]); ++i) {
        if (punctuation[i].text[0] == es->src[es->pos] &&
            starts(es, punctuation[i].text)) {
            /* a?.5:1 is a conditional */
            if (punctuation[i].token == T_QDOT && at(es, es->pos + 2) >= '0' &&
                at(es, es->pos + 2) <= '9') {
                continue;
            }
            es->tok.type = punctuation[i].token;
            es->pos += punctuation[i].len;
            return;
        }
    }
    if (c > 0x20 && c < 0x7F) {
        flow_es_fail(es, es->pos, "unexpected character '%c'", (char)c);
    }
    else {
        flow_es_fail(es, es->pos, "unexpected character U+%04X", c);
    }
}

static void one_token(es_t *es)
{
    unsigned int next, c = flow_es_char(es, es->pos, &next);

    if (flow_es_id_start(c) || c == '\\') {
        es->tok.atom = name(es);
        es->tok.type = T_NAME;
    }
    else if ((c >= '0' && c <= '9') ||
             (c == '.' && at(es, next) >= '0' && at(es, next) <= '9')) {
        flow_es_lex_number(es);
    }
    else if (c == '"' || c == '\'') {
        flow_es_lex_string(es, (char)c);
    }
    else if (c == '`') {
        flow_es_lex_template(es);
    }
    else if (c == '#' && (flow_es_id_start(flow_es_char(es, next, &next)) ||
                          at(es, es->pos + 1) == '\\')) {
        ++es->pos;
        es->tok.atom = name(es);
        es->tok.type = T_PRIVATE;
    }
    else {
        punctuator(es);
    }
}

void flow_es_next(es_t *es)
{
    es->last_end = es->tok.end;
    es->tok.newline = skip_space(es);
    es->tok.flags = 0;
    es->tok.pos = es->pos;
    es->tok.line = es->line;
    es->tok.atom = NULL;
    es->tok.type = T_EOF;
    if (!es->failed && es->pos < es->len) {
        one_token(es);
    }
    if (es->failed) {
        es->tok.type = T_EOF;
    }
    es->tok.end = es->pos;
}

const char *flow_es_token_text(es_t *es, const es_token_t *t)
{
    unsigned int n = t->end - t->pos;
    char *s;

    if (t->type == T_EOF) {
        return "end of the script";
    }
    n = n > 40 ? 40 : n;
    while (n > 0 && t->pos + n < es->len &&
           ((unsigned char)es->src[t->pos + n] & 0xC0) == 0x80) {
        --n;
    }
    s = flow_es_alloc(es, n + 3);
    s[0] = '\'';
    memcpy(s + 1, es->src + t->pos, n);
    s[n + 1] = '\'';
    return s;
}
