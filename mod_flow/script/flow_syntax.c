/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_syntax.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "data/flow_json.h"
#include "script/flow_syntax_private.h"

void flow_syntax_complain(flow_syntax_writer_t *w,
                          const flow_syntax_token_t *at, const char *why)
{
    if (!w->failed) {
        w->failed = 1;
        flow_error_set(w->err, FLOW_E_CONFIG, APR_EGENERAL, "script_syntax",
                       "%s:%d:%d: %s", w->filename, at->line,
                       flow_syntax_token_column(at), why);
    }
    w->token.kind = FLOW_SYNTAX_END; /* every loop ends there */
}

void flow_syntax_advance(flow_syntax_writer_t *w)
{
    w->before = w->token;
    w->token = flow_syntax_lexer_next(&w->lexer);
    if (w->token.kind == FLOW_SYNTAX_BAD) {
        flow_syntax_complain(w, &w->token, w->token.why);
        w->token.kind = FLOW_SYNTAX_END;
    }
    if (w->token.kind == FLOW_SYNTAX_TEMPLATE) {
        flow_syntax_complain(
            w, &w->token, "template literals are not supported; use '...' + x");
        w->token.kind = FLOW_SYNTAX_END;
    }
    if (w->failed) {
        w->token.kind = FLOW_SYNTAX_END;
    }
}

/* ---- output ---- */

void flow_syntax_copy_to(flow_syntax_writer_t *w, const char *to)
{
    flow_buf_add(&w->out, w->copied, (apr_size_t)(to - w->copied));
    w->copied = to;
}

/* Leave out the source up to @a to, but keep its lines and columns. */
void flow_syntax_blank_to(flow_syntax_writer_t *w, const char *to)
{
    for (; w->copied < to; ++w->copied) {
        char c = *w->copied;
        flow_buf_addc(&w->out, c == '\n' || c == '\r' ? c : ' ');
    }
}

/* The same, without the columns: something else stands in that place. */
void flow_syntax_keep_lines_to(flow_syntax_writer_t *w, const char *to)
{
    for (; w->copied < to; ++w->copied) {
        if (*w->copied == '\n' || *w->copied == '\r') {
            flow_buf_addc(&w->out, *w->copied);
        }
    }
}

/* ---- names ---- */

/* The innermost block that is a function's body; 0 is the script. */
static int function_depth(const flow_syntax_writer_t *w)
{
    int depth = w->depth;

    while (depth > 0 && !w->is_function[depth]) {
        --depth;
    }
    return depth;
}

/* `var` has no blocks: a name that is declared in an outer block, too, would
 * be the same variable. */
void flow_syntax_declare(flow_syntax_writer_t *w,
                         const flow_syntax_token_t *token, int depth)
{
    int lowest = function_depth(w), i;
    flow_syntax_name_t *name;

    for (i = w->names->nelts - 1; i >= 0; --i) {
        name = &APR_ARRAY_IDX(w->names, i, flow_syntax_name_t);
        if (name->depth < lowest || name->len != token->len ||
            memcmp(name->text, token->text, token->len) != 0) {
            continue;
        }
        flow_syntax_complain(
            w, token,
            apr_psprintf(w->p,
                         name->depth == depth
                             ? "'%.*s' is declared already, in line %d"
                             : "'%.*s' would hide the one of line %d, "
                               "which is not supported; use another name",
                         (int)token->len, token->text, name->line));
        return;
    }
    name = apr_array_push(w->names);
    name->text = token->text;
    name->len = token->len;
    name->line = token->line;
    name->depth = depth;
}

static void open_block(flow_syntax_writer_t *w)
{
    if (w->depth + 1 >= DEPTH_MAX) {
        flow_syntax_complain(w, &w->token, "blocks are nested too deeply");
        return;
    }
    ++w->depth;
    w->is_function[w->depth] = (unsigned char)w->function_next;
    w->function_next = 0;
}

/* Forget the names of blocks deeper than @a depth. */
static void forget_names(flow_syntax_writer_t *w, int depth)
{
    while (
        w->names->nelts > 0 &&
        APR_ARRAY_IDX(w->names, w->names->nelts - 1, flow_syntax_name_t).depth >
            depth) {
        apr_array_pop(w->names);
    }
}

static void close_block(flow_syntax_writer_t *w)
{
    forget_names(w, w->depth - 1);
    if (w->depth > 0) {
        --w->depth;
    }
}

/* ---- let and const ---- */

/* Is the `let` that was just read a declaration? */
static int declares(const flow_syntax_writer_t *w,
                    const flow_syntax_token_t *word)
{
    static const char *const operators[] = { "in", "instanceof", "of" };
    apr_size_t i;

    if (flow_syntax_is(word, "const")) {
        return 1;
    }
    for (i = 0; i < sizeof(operators) / sizeof(operators[0]); ++i) {
        if (flow_syntax_is(&w->token, operators[i])) {
            return 0;
        }
    }
    return flow_syntax_is_name(&w->token) || flow_syntax_is(&w->token, "{") ||
           (flow_syntax_is(&w->token, "[") && !w->token.after_newline);
}

static void visit(flow_syntax_writer_t *w);

/* Over the value of a declared name, to the comma behind it or to what cannot
 * belong to it. */
static void skip_value(flow_syntax_writer_t *w)
{
    int brackets = w->brackets, depth = w->depth;

    while (!w->failed && w->token.kind != FLOW_SYNTAX_END) {
        if (w->brackets == brackets && w->depth == depth &&
            (flow_syntax_is(&w->token, ",") || flow_syntax_is(&w->token, ";") ||
             flow_syntax_is(&w->token, ")") || flow_syntax_is(&w->token, "}") ||
             (flow_syntax_is_name(&w->token) && w->token.after_newline &&
              (w->before.kind != FLOW_SYNTAX_PUNCTUATOR ||
               flow_syntax_is(&w->before, ")") ||
               flow_syntax_is(&w->before, "]") ||
               flow_syntax_is(&w->before, "}"))))) {
            return;
        }
        visit(w);
    }
}

static void declare_list(flow_syntax_writer_t *w, int in_head)
{
    for (;;) {
        if (!flow_syntax_is_name(&w->token)) {
            flow_syntax_complain(
                w, &w->token,
                flow_syntax_is(&w->token, "{") || flow_syntax_is(&w->token, "[")
                    ? "destructuring is not supported; assign the "
                      "members one by one"
                    : "expected a name in this declaration");
            return;
        }
        /* names of a for's head belong to its body */
        flow_syntax_declare(w, &w->token, in_head ? w->depth + 1 : w->depth);
        flow_syntax_advance(w);
        if (flow_syntax_is(&w->token, "=")) {
            visit(w);
            skip_value(w);
        }
        else if (flow_syntax_is(&w->token, "of")) {
            flow_syntax_complain(
                w, &w->token,
                "for-of is not supported; use forEach() or an index");
        }
        else if (!in_head) {
            /* a new variable each time, not what the last round left */
            flow_syntax_copy_to(w, flow_syntax_end(&w->before));
            flow_buf_adds(&w->out, "=void 0");
        }
        if (w->failed || !flow_syntax_is(&w->token, ",")) {
            return;
        }
        flow_syntax_advance(w);
    }
}

static void rewrite_let(flow_syntax_writer_t *w)
{
    flow_syntax_token_t word = w->token;
    int in_head = w->for_depth && w->brackets == w->for_depth;

    if (flow_syntax_is(&w->before, ".")) {
        flow_syntax_advance(w);
        return;
    }
    flow_syntax_advance(w);
    if (flow_syntax_is(&w->token, ":") || !declares(w, &word)) {
        return; /* a member or variable of that name */
    }
    flow_syntax_copy_to(w, word.text);
    flow_buf_adds(&w->out, "var");
    w->copied = word.text + 3;
    flow_syntax_blank_to(w, flow_syntax_end(&word));
    declare_list(w, in_head);
}

/* ---- all of it ---- */

/* At `function`: its parameters are names of its body. */
static void visit_function(flow_syntax_writer_t *w)
{
    flow_syntax_advance(w);
    if (flow_syntax_is(&w->token, "*")) {
        flow_syntax_complain(w, &w->token, "generators are not supported");
        return;
    }
    if (flow_syntax_is_name(&w->token)) {
        flow_syntax_advance(w);
    }
    if (!flow_syntax_is(&w->token, "(")) {
        return; /* the engine will say what is wrong */
    }
    flow_syntax_advance(w);
    while (flow_syntax_is_name(&w->token) || flow_syntax_is(&w->token, ",")) {
        if (flow_syntax_is_name(&w->token)) {
            flow_syntax_name_t *name = apr_array_push(w->names);
            name->text = w->token.text;
            name->len = w->token.len;
            name->line = w->token.line;
            name->depth = w->depth + 1;
        }
        flow_syntax_advance(w);
    }
    if (flow_syntax_is(&w->token, "=") || flow_syntax_is(&w->token, "{") ||
        flow_syntax_is(&w->token, "[")) {
        flow_syntax_complain(
            w, &w->token,
            "default values and destructuring of parameters are not "
            "supported");
        return;
    }
    if (flow_syntax_is(&w->token, ")")) {
        flow_syntax_advance(w);
    }
    w->function_next = flow_syntax_is(&w->token, "{");
}

static const struct {
    const char *token;
    const char *why;
} refused[] = {
    { "=>", "arrow functions are not supported; use function" },
    { "...", "spread and rest are not supported" },
    { "?.", "'?.' is not supported; use a && a.b" },
    { "??", "'\?\?' is not supported" },
    { "**", "'**' is not supported; use Math.pow()" },
    { "class", "classes are not supported; use function and prototype" },
    { "async", NULL },
};

static int refuse(flow_syntax_writer_t *w)
{
    apr_size_t i;

    if (flow_syntax_is(&w->before, ".")) {
        return 0;
    }
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); ++i) {
        if (refused[i].why && flow_syntax_is(&w->token, refused[i].token)) {
            flow_syntax_complain(w, &w->token, refused[i].why);
            return 1;
        }
    }
    return 0;
}

static void visit_bracket(flow_syntax_writer_t *w)
{
    if (flow_syntax_is(&w->token, "{")) {
        open_block(w);
    }
    else if (flow_syntax_is(&w->token, "}")) {
        close_block(w);
    }
    else if (flow_syntax_is(&w->token, "(") || flow_syntax_is(&w->token, "[")) {
        ++w->brackets;
        if (flow_syntax_is(&w->before, "for")) {
            w->for_depth = w->brackets;
            /* those of an earlier head without a block */
            forget_names(w, w->depth);
        }
    }
    else if (flow_syntax_is(&w->token, ")") || flow_syntax_is(&w->token, "]")) {
        if (w->for_depth == w->brackets) {
            w->for_depth = 0;
        }
        w->brackets -= w->brackets > 0;
    }
    flow_syntax_advance(w);
}

/* One token, or what begins with it. */
static void visit(flow_syntax_writer_t *w)
{
    if (w->token.kind == FLOW_SYNTAX_END || refuse(w)) {
        return;
    }
    if (flow_syntax_is(&w->before, ".")) {
        flow_syntax_advance(w);
    }
    else if (flow_syntax_is(&w->token, "import")) {
        flow_syntax_import(w);
    }
    else if (flow_syntax_is(&w->token, "export")) {
        flow_syntax_export(w);
    }
    else if (flow_syntax_is(&w->token, "let") ||
             flow_syntax_is(&w->token, "const")) {
        rewrite_let(w);
    }
    else if (flow_syntax_is(&w->token, "function")) {
        visit_function(w);
    }
    else {
        visit_bracket(w);
    }
}

static apr_status_t check_source(const char *source, apr_size_t len,
                                 const char *filename, flow_error_t *err)
{
    const char *why = NULL;

    if (len > FLOW_SYNTAX_MAX) {
        why = "the script is larger than 1 MB";
    }
    else if (memchr(source, 0, len)) {
        why = "the script contains a NUL byte";
    }
    else if (!flow_utf8_is_valid(source, len)) {
        why = "the script is not valid UTF-8";
    }
    return why ? flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL,
                                "script_syntax", "%s:1:1: %s", filename, why)
               : APR_SUCCESS;
}

apr_status_t flow_syntax_compile(const char **ptext, const char *source,
                                 apr_size_t len, const char *filename,
                                 apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = check_source(source, len, filename, err);
    flow_syntax_writer_t *w;

    *ptext = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (len >= 3 && memcmp(source, "\xef\xbb\xbf", 3) == 0) {
        source += 3;
        len -= 3;
    }
    w = apr_pcalloc(p, sizeof(*w));
    w->p = p;
    w->err = err;
    w->filename = filename;
    w->names = apr_array_make(p, 32, sizeof(flow_syntax_name_t));
    w->copied = source;
    flow_buf_init(&w->out, 16 * FLOW_SYNTAX_MAX);
    flow_syntax_lexer_init(&w->lexer, source, len);

    flow_syntax_advance(w);
    while (w->token.kind != FLOW_SYNTAX_END) {
        visit(w);
    }
    flow_syntax_copy_to(w, source + len);
    if (w->out.status != APR_SUCCESS) {
        flow_syntax_complain(w, &w->token, "the script is too large");
    }
    if (w->failed) {
        flow_buf_release(&w->out);
        return err ? err->status : APR_EGENERAL;
    }
    *ptext = flow_buf_steal(&w->out, NULL, p);
    return APR_SUCCESS;
}

int flow_syntax_column(const char *text, int line, const char *complaint)
{
    const char *quote = strchr(complaint, '\'');
    const char *close = quote ? strchr(quote + 1, '\'') : NULL;
    const char *end = text + strlen(text);
    flow_syntax_token_t token, first;
    flow_syntax_lexer_t lexer;

    memset(&first, 0, sizeof(first));
    flow_syntax_lexer_init(&lexer, text, (apr_size_t)(end - text));
    do {
        token = flow_syntax_lexer_next(&lexer);
        if (token.line < line) {
            continue;
        }
        if (token.line > line || token.kind == FLOW_SYNTAX_END) {
            break;
        }
        if (first.line == 0) {
            first = token;
        }
        if (!close || (token.len == (apr_size_t)(close - quote - 1) &&
                       memcmp(token.text, quote + 1, token.len) == 0)) {
            return flow_syntax_token_column(&token);
        }
    } while (token.kind != FLOW_SYNTAX_BAD);
    return first.line ? flow_syntax_token_column(&first) : 1;
}
