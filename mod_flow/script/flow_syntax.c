/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_syntax.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "base/flow_buf.h"
#include "data/flow_json.h"
#include "script/flow_script_private.h"
#include "script/flow_syntax_private.h"

/* Blocks within blocks. */
#define DEPTH_MAX 1000

/* A name that `let`, `const` or a parameter list declares. */
typedef struct name_t {
    const char *text;
    apr_size_t len;
    int line;
    int depth; /* of the block it belongs to */
} name_t;

typedef struct writer_t {
    flow_syntax_lexer_t lexer;
    flow_token_t token; /* the current one */
    flow_token_t before;
    flow_buf_t out;
    const char *copied; /* source up to here is in `out` */
    const char *filename;
    apr_array_header_t *names;
    int depth;
    int brackets; /* open ( and [ */
    /* Is the block at this depth the body of a function? */
    unsigned char is_function[DEPTH_MAX];
    int function_next; /* the next brace opens a function's body */
    int for_depth;     /* brackets within the head of a for, else 0 */
    apr_pool_t *p;
    flow_error_t *err;
    int failed;
} writer_t;

static void complain(writer_t *w, const flow_token_t *at, const char *why)
{
    if (!w->failed) {
        w->failed = 1;
        flow_error_set(w->err, FLOW_E_CONFIG, APR_EGENERAL, "script_syntax",
                       "%s:%d:%d: %s", w->filename, at->line,
                       flow_token_column(at), why);
    }
}

static void advance(writer_t *w)
{
    w->before = w->token;
    w->token = flow_syntax_lexer_next(&w->lexer);
    if (w->token.kind == FLOW_TOKEN_BAD) {
        complain(w, &w->token, w->token.why);
        w->token.kind = FLOW_TOKEN_END;
    }
    if (w->token.kind == FLOW_TOKEN_TEMPLATE) {
        complain(w, &w->token,
                 "template literals are not supported; use '...' + x");
        w->token.kind = FLOW_TOKEN_END;
    }
    if (w->failed) {
        w->token.kind = FLOW_TOKEN_END;
    }
}

/* ---- output ---- */

static void copy_to(writer_t *w, const char *to)
{
    flow_buf_add(&w->out, w->copied, (apr_size_t)(to - w->copied));
    w->copied = to;
}

/* Leave out the source up to @a to, but keep its lines and columns. */
static void blank_to(writer_t *w, const char *to)
{
    for (; w->copied < to; ++w->copied) {
        char c = *w->copied;
        flow_buf_addc(&w->out, c == '\n' || c == '\r' ? c : ' ');
    }
}

/* The same, without the columns: something else stands in that place. */
static void keep_lines_to(writer_t *w, const char *to)
{
    for (; w->copied < to; ++w->copied) {
        if (*w->copied == '\n' || *w->copied == '\r') {
            flow_buf_addc(&w->out, *w->copied);
        }
    }
}

static const char *end_of(const flow_token_t *token)
{
    return token->text + token->len;
}

/* ---- names ---- */

/* The innermost block that is a function's body; 0 is the script. */
static int function_depth(const writer_t *w)
{
    int depth = w->depth;

    while (depth > 0 && !w->is_function[depth]) {
        --depth;
    }
    return depth;
}

/* `var` has no blocks: a name that is declared in an outer block, too, would
 * be the same variable. */
static void declare(writer_t *w, const flow_token_t *token, int depth)
{
    int lowest = function_depth(w), i;
    name_t *name;

    for (i = w->names->nelts - 1; i >= 0; --i) {
        name = &APR_ARRAY_IDX(w->names, i, name_t);
        if (name->depth < lowest || name->len != token->len ||
            memcmp(name->text, token->text, token->len) != 0) {
            continue;
        }
        complain(w, token,
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

static void open_block(writer_t *w)
{
    if (w->depth + 1 >= DEPTH_MAX) {
        complain(w, &w->token, "blocks are nested too deeply");
        return;
    }
    ++w->depth;
    w->is_function[w->depth] = (unsigned char)w->function_next;
    w->function_next = 0;
}

/* Forget the names of blocks deeper than @a depth. */
static void forget_names(writer_t *w, int depth)
{
    while (w->names->nelts > 0 &&
           APR_ARRAY_IDX(w->names, w->names->nelts - 1, name_t).depth > depth) {
        apr_array_pop(w->names);
    }
}

static void close_block(writer_t *w)
{
    forget_names(w, w->depth - 1);
    if (w->depth > 0) {
        --w->depth;
    }
}

/* ---- import ---- */

static int is_identifier(const flow_token_t *token)
{
    return token->kind == FLOW_TOKEN_NAME;
}

/* One imported name; @a what is the name in the module, or "*". */
typedef struct imported_t {
    flow_token_t what;
    flow_token_t as;
} imported_t;

static int expect(writer_t *w, const char *text)
{
    if (!flow_token_is(&w->token, text)) {
        complain(w, &w->token,
                 apr_psprintf(w->p, "expected '%s' in this import", text));
        return 0;
    }
    advance(w);
    return 1;
}

static void add_import(writer_t *w, apr_array_header_t *list,
                       const flow_token_t *what)
{
    imported_t *item = apr_array_push(list);

    item->what = *what;
    item->as = *what;
    if (flow_token_is(&w->token, "as")) {
        advance(w);
        if (!is_identifier(&w->token)) {
            complain(w, &w->token, "expected a name behind 'as'");
        }
        item->as = w->token;
        advance(w);
    }
    declare(w, &item->as, w->depth);
}

/* { a, b as c } */
static void import_list(writer_t *w, apr_array_header_t *list)
{
    advance(w);
    while (!w->failed && !flow_token_is(&w->token, "}")) {
        flow_token_t what = w->token;

        if (!is_identifier(&what)) {
            complain(w, &what, "expected a name in this import");
            return;
        }
        advance(w);
        add_import(w, list, &what);
        if (!flow_token_is(&w->token, "}")) {
            expect(w, ",");
        }
    }
    advance(w);
}

static void check_module(writer_t *w, const flow_token_t *module)
{
    static const char name[] = "integrator-api";

    if (module->kind != FLOW_TOKEN_STRING) {
        complain(w, module, "expected the name of a module in quotes");
    }
    else if (module->len != sizeof(name) + 1 ||
             memcmp(module->text + 1, name, sizeof(name) - 1) != 0) {
        complain(w, module,
                 apr_psprintf(w->p, "no module %.*s; there is 'integrator-api'",
                              (int)(module->len > 80 ? 80 : module->len),
                              module->text));
    }
}

static int is_exported(const flow_token_t *what)
{
    int i;

    if (flow_token_is(what, "*")) {
        return 1;
    }
    for (i = 0; i < flow_lib_export_count(); ++i) {
        if (flow_token_is(what, flow_lib_export(i))) {
            return 1;
        }
    }
    return 0;
}

static const char *export_names(apr_pool_t *p)
{
    const char *names = flow_lib_export(0);
    int i;

    for (i = 1; i < flow_lib_export_count(); ++i) {
        names = apr_pstrcat(p, names, ", ", flow_lib_export(i), NULL);
    }
    return names;
}

static void write_imports(writer_t *w, const apr_array_header_t *list)
{
    int i;

    for (i = 0; i < list->nelts; ++i) {
        const imported_t *item = &APR_ARRAY_IDX(list, i, imported_t);
        /* `import x from` is all of the module */
        int is_all = flow_token_is(&item->what, "*") ||
                     flow_token_is(&item->what, "default");

        if (!is_all && !is_exported(&item->what)) {
            complain(w, &item->what,
                     apr_psprintf(w->p,
                                  "'integrator-api' has no '%.*s'; it has %s",
                                  (int)item->what.len, item->what.text,
                                  export_names(w->p)));
            return;
        }
        flow_buf_adds(&w->out, i ? "," : "var ");
        flow_buf_add(&w->out, item->as.text, item->as.len);
        flow_buf_adds(&w->out, "=__flow_import('integrator-api','");
        flow_buf_add(&w->out, is_all ? "*" : item->what.text,
                     is_all ? 1 : item->what.len);
        flow_buf_adds(&w->out, "')");
    }
    flow_buf_addc(&w->out, ';');
}

/* At `import`. */
static void rewrite_import(writer_t *w)
{
    apr_array_header_t *list = apr_array_make(w->p, 4, sizeof(imported_t));
    flow_token_t start = w->token, all = w->token, module;

    copy_to(w, start.text);
    advance(w);
    if (flow_token_is(&w->token, "(") || flow_token_is(&w->token, ".")) {
        complain(w, &start, "import() is not supported");
        return;
    }
    if (w->depth > 0 || w->brackets > 0) {
        complain(w, &start, "import belongs at the top of the script");
        return;
    }
    if (w->token.kind != FLOW_TOKEN_STRING) {
        all.text = "*";
        all.len = 1;
        all.kind = FLOW_TOKEN_PUNCTUATOR;
        if (is_identifier(&w->token)) {
            imported_t *item = apr_array_push(list);
            item->what = all;
            item->as = w->token;
            declare(w, &w->token, w->depth);
            advance(w);
            if (flow_token_is(&w->token, ",")) {
                advance(w);
            }
        }
        if (flow_token_is(&w->token, "*")) {
            advance(w);
            if (!flow_token_is(&w->token, "as")) {
                complain(w, &w->token, "expected 'as' in this import");
            }
            add_import(w, list, &all);
        }
        else if (flow_token_is(&w->token, "{")) {
            import_list(w, list);
        }
        expect(w, "from");
    }
    module = w->token;
    check_module(w, &module);
    if (w->failed) {
        return;
    }
    write_imports(w, list);
    keep_lines_to(w, end_of(&module));
    advance(w);
}

/* ---- export ---- */

static void rewrite_export(writer_t *w)
{
    static const char *const declarations[] = { "function", "var", "let",
                                                "const" };
    flow_token_t start = w->token;
    apr_size_t i;

    copy_to(w, start.text);
    advance(w);
    if (flow_token_is(&w->token, "default")) {
        advance(w);
    }
    if (flow_token_is(&w->token, "{")) {
        while (!w->failed && w->token.kind != FLOW_TOKEN_END &&
               !flow_token_is(&w->token, "}")) {
            advance(w);
            if (flow_token_is(&w->token, "as")) {
                complain(w, &w->token,
                         "export under another name is not supported");
            }
        }
        blank_to(w, end_of(&w->token));
        advance(w);
        return;
    }
    for (i = 0; i < sizeof(declarations) / sizeof(declarations[0]); ++i) {
        if (flow_token_is(&w->token, declarations[i])) {
            blank_to(w, w->token.text);
            return; /* the declaration is read as any other */
        }
    }
    complain(w, &start,
             "export stands before function, var, let or const only");
}

/* ---- let and const ---- */

/* Is the `let` that was just read a declaration? */
static int declares(const writer_t *w, const flow_token_t *word)
{
    static const char *const operators[] = { "in", "instanceof", "of" };
    apr_size_t i;

    if (flow_token_is(word, "const")) {
        return 1;
    }
    for (i = 0; i < sizeof(operators) / sizeof(operators[0]); ++i) {
        if (flow_token_is(&w->token, operators[i])) {
            return 0;
        }
    }
    return is_identifier(&w->token) || flow_token_is(&w->token, "{") ||
           (flow_token_is(&w->token, "[") && !w->token.after_newline);
}

static void visit(writer_t *w);

/* Over the value of a declared name, to the comma behind it or to what cannot
 * belong to it. */
static void skip_value(writer_t *w)
{
    int brackets = w->brackets, depth = w->depth;

    while (!w->failed && w->token.kind != FLOW_TOKEN_END) {
        if (w->brackets == brackets && w->depth == depth &&
            (flow_token_is(&w->token, ",") || flow_token_is(&w->token, ";") ||
             flow_token_is(&w->token, ")") || flow_token_is(&w->token, "}") ||
             (is_identifier(&w->token) && w->token.after_newline &&
              (w->before.kind != FLOW_TOKEN_PUNCTUATOR ||
               flow_token_is(&w->before, ")") ||
               flow_token_is(&w->before, "]") ||
               flow_token_is(&w->before, "}"))))) {
            return;
        }
        visit(w);
    }
}

static void declare_list(writer_t *w, int in_head)
{
    for (;;) {
        if (!is_identifier(&w->token)) {
            complain(w, &w->token,
                     flow_token_is(&w->token, "{") ||
                             flow_token_is(&w->token, "[")
                         ? "destructuring is not supported; assign the "
                           "members one by one"
                         : "expected a name in this declaration");
            return;
        }
        /* names of a for's head belong to its body */
        declare(w, &w->token, in_head ? w->depth + 1 : w->depth);
        advance(w);
        if (flow_token_is(&w->token, "=")) {
            visit(w);
            skip_value(w);
        }
        else if (flow_token_is(&w->token, "of")) {
            complain(w, &w->token,
                     "for-of is not supported; use forEach() or an index");
        }
        else if (!in_head) {
            /* a new variable each time, not what the last round left */
            copy_to(w, end_of(&w->before));
            flow_buf_adds(&w->out, "=void 0");
        }
        if (w->failed || !flow_token_is(&w->token, ",")) {
            return;
        }
        advance(w);
    }
}

static void rewrite_let(writer_t *w)
{
    flow_token_t word = w->token;
    int in_head = w->for_depth && w->brackets == w->for_depth;

    if (flow_token_is(&w->before, ".")) {
        advance(w);
        return;
    }
    advance(w);
    if (flow_token_is(&w->token, ":") || !declares(w, &word)) {
        return; /* a member or variable of that name */
    }
    copy_to(w, word.text);
    flow_buf_adds(&w->out, "var");
    w->copied = word.text + 3;
    blank_to(w, end_of(&word));
    declare_list(w, in_head);
}

/* ---- all of it ---- */

/* At `function`: its parameters are names of its body. */
static void visit_function(writer_t *w)
{
    advance(w);
    if (flow_token_is(&w->token, "*")) {
        complain(w, &w->token, "generators are not supported");
        return;
    }
    if (is_identifier(&w->token)) {
        advance(w);
    }
    if (!flow_token_is(&w->token, "(")) {
        return; /* the engine will say what is wrong */
    }
    advance(w);
    while (is_identifier(&w->token) || flow_token_is(&w->token, ",")) {
        if (is_identifier(&w->token)) {
            name_t *name = apr_array_push(w->names);
            name->text = w->token.text;
            name->len = w->token.len;
            name->line = w->token.line;
            name->depth = w->depth + 1;
        }
        advance(w);
    }
    if (flow_token_is(&w->token, "=") || flow_token_is(&w->token, "{") ||
        flow_token_is(&w->token, "[")) {
        complain(w, &w->token,
                 "default values and destructuring of parameters are not "
                 "supported");
        return;
    }
    if (flow_token_is(&w->token, ")")) {
        advance(w);
    }
    w->function_next = flow_token_is(&w->token, "{");
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

static int refuse(writer_t *w)
{
    apr_size_t i;

    if (flow_token_is(&w->before, ".")) {
        return 0;
    }
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); ++i) {
        if (refused[i].why && flow_token_is(&w->token, refused[i].token)) {
            complain(w, &w->token, refused[i].why);
            return 1;
        }
    }
    return 0;
}

static void visit_bracket(writer_t *w)
{
    if (flow_token_is(&w->token, "{")) {
        open_block(w);
    }
    else if (flow_token_is(&w->token, "}")) {
        close_block(w);
    }
    else if (flow_token_is(&w->token, "(") || flow_token_is(&w->token, "[")) {
        ++w->brackets;
        if (flow_token_is(&w->before, "for")) {
            w->for_depth = w->brackets;
            /* those of an earlier head without a block */
            forget_names(w, w->depth);
        }
    }
    else if (flow_token_is(&w->token, ")") || flow_token_is(&w->token, "]")) {
        if (w->for_depth == w->brackets) {
            w->for_depth = 0;
        }
        w->brackets -= w->brackets > 0;
    }
    advance(w);
}

/* One token, or what begins with it. */
static void visit(writer_t *w)
{
    if (w->token.kind == FLOW_TOKEN_END || refuse(w)) {
        return;
    }
    if (flow_token_is(&w->before, ".")) {
        advance(w);
    }
    else if (flow_token_is(&w->token, "import")) {
        rewrite_import(w);
    }
    else if (flow_token_is(&w->token, "export")) {
        rewrite_export(w);
    }
    else if (flow_token_is(&w->token, "let") ||
             flow_token_is(&w->token, "const")) {
        rewrite_let(w);
    }
    else if (flow_token_is(&w->token, "function")) {
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
    writer_t *w;

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
    w->names = apr_array_make(p, 32, sizeof(name_t));
    w->copied = source;
    flow_buf_init(&w->out, 16 * FLOW_SYNTAX_MAX);
    flow_syntax_lexer_init(&w->lexer, source, len);

    advance(w);
    while (w->token.kind != FLOW_TOKEN_END) {
        visit(w);
    }
    copy_to(w, source + len);
    if (w->out.status != APR_SUCCESS) {
        complain(w, &w->token, "the script is too large");
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
    flow_token_t token, first;
    flow_syntax_lexer_t lexer;

    memset(&first, 0, sizeof(first));
    flow_syntax_lexer_init(&lexer, text, (apr_size_t)(end - text));
    do {
        token = flow_syntax_lexer_next(&lexer);
        if (token.line < line) {
            continue;
        }
        if (token.line > line || token.kind == FLOW_TOKEN_END) {
            break;
        }
        if (first.line == 0) {
            first = token;
        }
        if (!close || (token.len == (apr_size_t)(close - quote - 1) &&
                       memcmp(token.text, quote + 1, token.len) == 0)) {
            return flow_token_column(&token);
        }
    } while (token.kind != FLOW_TOKEN_BAD);
    return first.line ? flow_token_column(&first) : 1;
}
