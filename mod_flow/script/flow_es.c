/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The way from source to output, and positions.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "script/flow_es_private.h"

#define SOURCE_MAX (1024 * 1024)

struct flow_es_map_t {
    int n;
    const unsigned int *out_line, *line, *column, *pos;
    const char *source;
    unsigned int len;
};

/* Line and column, from 1; columns count characters. */
static void position(const es_t *es, unsigned int pos, unsigned int *pline,
                     unsigned int *pcolumn)
{
    unsigned int i = 0, next, c, line = 1, start = 0, column = 1;

    while (i < pos && i < es->len) {
        c = flow_es_char(es, i, &next);
        if (c == '\n' || c == 0x2028 || c == 0x2029 ||
            (c == '\r' && !(next < es->len && es->src[next] == '\n'))) {
            ++line;
            start = next;
        }
        i = next;
    }
    for (i = start; i < pos && i < es->len; ++column) {
        flow_es_char(es, i, &next);
        i = next;
    }
    *pline = line;
    *pcolumn = column;
}

static apr_status_t failure(const es_t *es, flow_error_t *err)
{
    unsigned int line, column;

    position(es, es->error_pos, &line, &column);
    return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "script_syntax",
                          "%s:%u:%u: %s", es->filename, line, column,
                          es->error_text);
}

static int by_position(const void *a, const void *b)
{
    const es_map_entry_t *const *x = a, *const *y = b;

    return (*x)->pos < (*y)->pos ? -1 : (*x)->pos > (*y)->pos;
}

/* Columns of all entries in one pass over the source. */
static void columns(const es_t *es, unsigned int *line, unsigned int *column)
{
    const es_map_entry_t **order;
    unsigned int i = 0, next, c, at_line = 1, at_column = 1;
    int k;

    order = apr_palloc(es->p, (apr_size_t)(es->nmap + 1) * sizeof(*order));
    for (k = 0; k < es->nmap; ++k) {
        order[k] = &es->map[k];
    }
    qsort(order, (size_t)es->nmap, sizeof(*order), by_position);
    for (k = 0; k < es->nmap; ++k) {
        while (i < order[k]->pos && i < es->len) {
            c = flow_es_char(es, i, &next);
            ++at_column;
            if (c == '\n' || c == 0x2028 || c == 0x2029 ||
                (c == '\r' && !(next < es->len && es->src[next] == '\n'))) {
                ++at_line;
                at_column = 1;
            }
            i = next;
        }
        line[order[k] - es->map] = at_line;
        column[order[k] - es->map] = at_column;
    }
}

static const flow_es_map_t *make_map(const es_t *es, apr_pool_t *p)
{
    flow_es_map_t *map = apr_pcalloc(p, sizeof(*map));
    apr_size_t size = (apr_size_t)(es->nmap + 1) * sizeof(unsigned int);
    unsigned int *out_line = apr_palloc(p, size);
    unsigned int *line = apr_palloc(p, size);
    unsigned int *column = apr_palloc(p, size);
    unsigned int *pos = apr_palloc(p, size);
    int k;

    for (k = 0; k < es->nmap; ++k) {
        out_line[k] = es->map[k].line;
        pos[k] = es->map[k].pos;
    }
    columns(es, line, column);
    map->n = es->nmap;
    map->out_line = out_line;
    map->line = line;
    map->column = column;
    map->pos = pos;
    map->source = apr_pstrmemdup(p, es->src, es->len);
    map->len = es->len;
    return map;
}

static int is_word(const flow_es_map_t *map, unsigned int at)
{
    unsigned char c = at < map->len ? (unsigned char)map->source[at] : ' ';

    return c >= 0x80 || c == '$' || c == '_' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* How many characters behind map->pos[k] the word stands, in the same line. */
static unsigned int find_word(const flow_es_map_t *map, int k, const char *word)
{
    unsigned int from = map->pos[k], at = from, n = (unsigned)strlen(word);
    unsigned int columns = 0, was_word = 0;
    int is_name = *word != '/';

    for (; n && at + n <= map->len && map->source[at] != '\n'; ++at) {
        if (memcmp(map->source + at, word, n) == 0 &&
            !(is_name && (was_word || is_word(map, at + n)))) {
            return columns;
        }
        was_word = (unsigned)is_word(map, at);
        columns += ((unsigned char)map->source[at] & 0xC0) != 0x80;
    }
    return 0;
}

int flow_es_map_position(const flow_es_map_t *map, int gen_line,
                         const char *word, int *src_line, int *src_col)
{
    int low = 0, high = map->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (map->out_line[mid] <= (unsigned)gen_line) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    if (gen_line <= 0 || low == 0) {
        *src_line = *src_col = 1;
        return 0;
    }
    *src_line = (int)map->line[low - 1];
    *src_col = (int)map->column[low - 1];
    if (word) {
        *src_col += (int)find_word(map, low - 1, word);
    }
    return 1;
}

/* The offset of what is no UTF-8, or a zero byte; the length when all is well.
 */
static unsigned int check_text(const unsigned char *s, unsigned int len)
{
    unsigned int i = 0, n, k, c;

    while (i < len) {
        c = s[i];
        n = c < 0x80 ? 0 : c < 0xC2 ? 4 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        if (c == 0 || n > 3 || c > 0xF4 || i + n >= len) {
            return i;
        }
        for (k = 1; k <= n; ++k) {
            if ((s[i + k] & 0xC0) != 0x80) {
                return i;
            }
        }
        if ((c == 0xE0 && s[i + 1] < 0xA0) || (c == 0xED && s[i + 1] > 0x9F) ||
            (c == 0xF0 && s[i + 1] < 0x90) || (c == 0xF4 && s[i + 1] > 0x8F)) {
            return i;
        }
        i += n + 1;
    }
    return len;
}

int flow_es_is_deep(es_t *es, unsigned int pos)
{
    char here;

    if (&here < es->opt->stack_guard) {
        flow_es_fail(es, pos, "script is nested too deeply");
    }
    return es->failed;
}

static void run(es_t *es)
{
    unsigned int bad = check_text((const unsigned char *)es->src, es->len);

    if (bad < es->len) {
        flow_es_fail(es, bad,
                     es->src[bad] ? "text is not valid UTF-8"
                                  : "text contains a zero byte");
        return;
    }
    flow_es_next(es);
    es->program = flow_es_parse_program(es);
    if (!es->failed) {
        flow_es_resolve(es);
    }
    if (!es->failed) {
        flow_es_print_program(es);
    }
}

static const char *const *copy_names(const apr_array_header_t *names,
                                     apr_pool_t *p)
{
    const char **copy;
    int i;

    copy = apr_palloc(p, (apr_size_t)(names->nelts + 1) * sizeof(*copy));
    for (i = 0; i < names->nelts; ++i) {
        copy[i] = apr_pstrdup(p, APR_ARRAY_IDX(names, i, const char *));
    }
    copy[i] = NULL;
    return copy;
}

/* Goes on from where it was: declarations come in the order of the text. */
typedef struct cursor_t {
    unsigned int pos, line, column;
} cursor_t;

static void go(const es_t *es, cursor_t *cursor, unsigned int to, int *pline,
               int *pcolumn)
{
    unsigned int line, column;

    while (cursor->pos < to && cursor->pos < es->len) {
        unsigned int next, c = flow_es_char(es, cursor->pos, &next);

        ++cursor->column;
        if (c == '\n' || c == 0x2028 || c == 0x2029 ||
            (c == '\r' && !(next < es->len && es->src[next] == '\n'))) {
            ++cursor->line;
            cursor->column = 1;
        }
        cursor->pos = next;
    }
    line = cursor->line;
    column = cursor->column;
    if (cursor->pos > to) {
        position(es, to, &line, &column);
    }
    *pline = (int)line;
    *pcolumn = (int)column;
}

static void copy_import(const es_t *es, const es_node_t *n, cursor_t *cursor,
                        flow_es_import_t *out, apr_pool_t *p)
{
    const es_node_t *item;
    flow_es_name_t *names;
    int i = 0;

    out->module = apr_pstrmemdup(p, n->atom->s, n->atom->len);
    out->is_star = n->type == N_EXPORT && n->flags & NF_STAR && !n->atom2;
    for (item = n->list; item; item = item->next) {
        ++i;
    }
    out->names = names = apr_pcalloc(p, (apr_size_t)(i + 1) * sizeof(*names));
    out->nnames = i;
    for (item = n->list; item; item = item->next, ++names) {
        const es_atom_t *name =
            n->type == N_EXPORT ? item->a->atom : item->atom;

        names->name =
            item->flags & NF_STAR ? "*" : apr_pstrmemdup(p, name->s, name->len);
        go(es, cursor, item->pos, &names->line, &names->column);
    }
    go(es, cursor, n->c->pos, &out->line, &out->column);
}

static void copy_imports(const es_t *es, flow_es_output_t *out, apr_pool_t *p)
{
    flow_es_import_t *imports;
    cursor_t cursor = { 0, 1, 1 };
    int i, n = es->imports->nelts;

    imports = apr_pcalloc(p, (apr_size_t)(n + 1) * sizeof(*imports));
    for (i = 0; i < n; ++i) {
        copy_import(es, APR_ARRAY_IDX(es->imports, i, es_node_t *), &cursor,
                    &imports[i], p);
    }
    out->imports = imports;
    out->nimports = n;
}

/* Names of ours that are variables of the output, or always there. */
static int is_plain(const char *s, apr_size_t len)
{
    static const char *const names[] = { "exports", "functions", "require",
                                         "async",   "await",     "this",
                                         "args" };
    apr_size_t i;

    if (len > 0 && s[len - 1] >= '0' && s[len - 1] <= '9') {
        return 1;
    }
    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (len == strlen(names[i]) && memcmp(s, names[i], len) == 0) {
            return 1;
        }
    }
    return 0;
}

static int needs_runtime(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";
    apr_size_t len;

    while ((text = strstr(text, "__flow_")) != NULL) {
        text += strlen("__flow_");
        len = strspn(text, letters);
        if (!is_plain(text, len)) {
            return 1;
        }
        text += len;
    }
    return 0;
}

static void hand_out(const es_t *es, flow_es_output_t *out, apr_pool_t *p)
{
    out->text = apr_pstrmemdup(p, es->out.s, es->out.len);
    out->len = es->out.len;
    out->map = make_map(es, p);
    out->functions = copy_names(es->functions, p);
    out->nfunctions = es->functions->nelts;
    out->exports = copy_names(es->exports, p);
    out->nexports = es->exports->nelts;
    out->needs_runtime = needs_runtime(out->text);
    copy_imports(es, out, p);
}

apr_status_t flow_es_compile(const char *source, apr_size_t len,
                             const char *filename, const flow_es_options_t *opt,
                             flow_es_output_t *out, apr_pool_t *p,
                             flow_error_t *err)
{
    static const flow_es_options_t defaults = { 0, 0, NULL };
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *work;
    es_t *es;

    /* what the work takes is many times what it leaves */
    apr_pool_create(&work, p);
    es = apr_pcalloc(work, sizeof(*es));
    if (len >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0) {
        source += 3;
        len -= 3;
    }
    es->p = work;
    es->src = source;
    es->len = len > SOURCE_MAX ? 0 : (unsigned)len;
    es->filename = filename;
    es->opt = opt ? opt : &defaults;
    es->line = 1;
    es->imports = apr_array_make(work, 4, sizeof(es_node_t *));
    es->exports = apr_array_make(work, 4, sizeof(const char *));
    es->functions = apr_array_make(work, 8, sizeof(const char *));
    if (len > SOURCE_MAX) {
        flow_es_fail(es, 0, "script is larger than %d bytes", SOURCE_MAX);
    }
    else {
        run(es);
    }
    if (es->failed) {
        rv = failure(es, err);
    }
    else {
        hand_out(es, out, p);
    }
    apr_pool_destroy(work);
    return rv;
}
