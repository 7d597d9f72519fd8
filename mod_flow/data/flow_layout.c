/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts: from their document, and reading.
 */
#include "data/flow_layout_private.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_format_private.h"
#include "data/flow_json.h"
#include "data/flow_json_private.h"
#include "data/flow_text_private.h"

#define LIST_MAX       1000 /* elements of a rule, rules in a list */
#define SIZE_MAX_CHARS 100000

/* ---- compiling ---- */

typedef struct compiler_t {
    apr_pool_t *p;
    flow_error_t *err;
} compiler_t;

static int refuse(compiler_t *c, const char *where, const char *what)
{
    flow_error_set(c->err, FLOW_E_CONFIG, APR_EINVAL, "invalid_layout",
                   "%s: %s", where, what);
    return 0;
}

/* The list at @a key; its length, or -1. */
static int list_of(compiler_t *c, const json_t *doc, const char *key,
                   const char *where, const json_t **plist)
{
    const json_t *list = json_object_get(doc, key);
    apr_size_t n = json_array_size(list);

    *plist = list;
    if (!json_is_array(list) || n == 0 || n > LIST_MAX) {
        refuse(c, apr_pstrcat(c->p, where, key, NULL),
               "must be an array of 1 to " APR_STRINGIFY(LIST_MAX) " objects");
        return -1;
    }
    return (int)n;
}

static int known_members(compiler_t *c, const json_t *doc, const char *where,
                         const char *const *names)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)doc, key, v)
    {
        const char *const *name = names;

        while (*name && strcmp(*name, key) != 0) {
            ++name;
        }
        if (!*name) {
            return refuse(c, where,
                          apr_psprintf(c->p, "unknown field '%.64s'", key));
        }
    }
    return json_is_object(doc) ? 1 : refuse(c, where, "must be an object");
}

static int compile_element(compiler_t *c, const json_t *doc, const char *where,
                           flow_layout_element_t *e)
{
    static const char *const names[] = { "name",  "size", "value",
                                         "align", "fill", NULL };
    const char *align = flow_json_member(doc, "align");
    const char *fill = flow_json_member(doc, "fill");
    apr_int64_t size = 0;

    if (!known_members(c, doc, where, names)) {
        return 0;
    }
    e->name = flow_json_member(doc, "name");
    e->value = flow_json_member(doc, "value");
    e->fill = ' ';
    if (!flow_json_int64(json_object_get(doc, "size"), &size) || size < 1 ||
        size > SIZE_MAX_CHARS) {
        return refuse(c, where,
                      "'size' must be a number of characters from 1 to "
                      "" APR_STRINGIFY(SIZE_MAX_CHARS));
    }
    if (align && strcmp(align, "left") != 0 && strcmp(align, "right") != 0) {
        return refuse(c, where, "'align' must be 'left' or 'right'");
    }
    if (fill && (strlen(fill) != 1 || (unsigned char)fill[0] >= 0x80)) {
        return refuse(c, where, "'fill' must be one ASCII character");
    }
    e->size = (apr_size_t)size;
    e->is_right = align && strcmp(align, "right") == 0;
    e->fill = fill ? fill[0] : ' ';
    /* the document may go, the layout stays */
    e->name = e->name ? apr_pstrdup(c->p, e->name) : NULL;
    e->name_len = e->name ? strlen(e->name) : 0;
    e->value = e->value ? apr_pstrdup(c->p, e->value) : NULL;
    return 1;
}

static int compile_elements(compiler_t *c, const json_t *doc, const char *where,
                            flow_layout_rule_t *rule)
{
    const json_t *list;
    int i, n = list_of(c, doc, "elements", where, &list);

    if (n < 0) {
        return 0;
    }
    rule->elements = apr_pcalloc(c->p, (apr_size_t)n * sizeof(*rule->elements));
    rule->n_elements = n;
    for (i = 0; i < n; ++i) {
        const char *place = apr_psprintf(c->p, "%selements[%d]", where, i);

        if (!compile_element(c, json_array_get(list, (size_t)i), place,
                             &rule->elements[i])) {
            return 0;
        }
        rule->size += rule->elements[i].size;
    }
    return 1;
}

static int compile_rules(compiler_t *c, const json_t *doc, const char *key,
                         const char *where, int depth,
                         flow_layout_rule_t **prules, int *pn)
{
    static const char *const names[] = { "name", "elements", "children", NULL };
    const json_t *list;
    flow_layout_rule_t *rules;
    int i, n = list_of(c, doc, key, where, &list);

    if (n < 0) {
        return 0;
    }
    if (depth == FLOW_LAYOUT_DEPTH_MAX) {
        return refuse(c, where,
                      "nested too deeply; at most " APR_STRINGIFY(
                          FLOW_LAYOUT_DEPTH_MAX) " levels");
    }
    rules = apr_pcalloc(c->p, (apr_size_t)n * sizeof(*rules));
    for (i = 0; i < n; ++i) {
        const json_t *rule = json_array_get(list, (size_t)i);
        const char *place = apr_psprintf(c->p, "%s%s[%d]", where, key, i);
        const char *name = flow_json_member(rule, "name");

        if (!known_members(c, rule, place, names)) {
            return 0;
        }
        if (!name && depth > 0) {
            return refuse(c, place,
                          "'name' is missing; the rows are collected "
                          "under it");
        }
        rules[i].name = apr_pstrdup(c->p, name ? name : "");
        place = apr_pstrcat(c->p, place, ".", NULL);
        if (!compile_elements(c, rule, place, &rules[i]) ||
            (json_object_get(rule, "children") &&
             !compile_rules(c, rule, "children", place, depth + 1,
                            &rules[i].children, &rules[i].n_children))) {
            return 0;
        }
    }
    *prules = rules;
    *pn = n;
    return 1;
}

const flow_layout_t *flow_layout_compile(const json_t *doc, apr_pool_t *p,
                                         flow_error_t *err)
{
    static const char *const names[] = { "name", "format", "rowDelimiter",
                                         "rules", NULL };
    flow_layout_t *layout = apr_pcalloc(p, sizeof(*layout));
    const char *format = flow_json_member(doc, "format");
    const char *end = flow_json_member(doc, "rowDelimiter");
    compiler_t c = { p, err };

    if (!known_members(&c, doc, "the file definition", names)) {
        return NULL;
    }
    if (format && strcmp(format, "fixed") != 0) {
        refuse(&c, "format", "only 'fixed' is understood");
        return NULL;
    }
    if (end && (!*end || strlen(end) > 16)) {
        refuse(&c, "rowDelimiter", "must have 1 to 16 bytes");
        return NULL;
    }
    layout->row_delimiter = end ? apr_pstrdup(p, end) : NULL;
    return compile_rules(&c, doc, "rules", "", 0, &layout->rules,
                         &layout->n_rules)
               ? layout
               : NULL;
}

/* ---- reading ---- */

typedef struct open_rule_t {
    const flow_layout_rule_t *rule;
    json_t *row; /* borrowed; the outermost is the record */
} open_rule_t;

struct flow_layout_reader_t {
    const flow_layout_t *layout;
    flow_record_fn *record_fn;
    void *baton;
    flow_buf_t row; /* what there is of it */
    json_t *record;
    int record_line;
    int is_spoiled; /* a row of the record is wrong: it is left out */
    int is_row_bad;
    flow_bad_record_fn *bad_fn; /* NULL: a bad row is a failure */
    void *bad_baton;
    open_rule_t open[FLOW_LAYOUT_DEPTH_MAX + 1];
    int depth;
    int line;
    apr_uint64_t at; /* of the row */
    apr_pool_t *scratch;
    flow_error_t err;
};

static int is_failed(const flow_layout_reader_t *r)
{
    return r->err.kind != FLOW_E_NONE;
}

static void fail(flow_layout_reader_t *r, const char *why)
{
    flow_error_set(&r->err, FLOW_E_INPUT, APR_EINVAL, "invalid_fixed",
                   "invalid fixed-width row at line %d, byte %" APR_UINT64_T_FMT
                   ": %s",
                   r->line, r->at + 1, why);
}

/* A row that cannot be used. What it may have belonged to would be incomplete,
 * so that is left out with it. */
static void bad_row(flow_layout_reader_t *r, const char *why)
{
    flow_error_t told = FLOW_ERROR_INIT;
    apr_status_t rv;

    r->is_row_bad = 1;
    if (!r->bad_fn) {
        fail(r, why);
        return;
    }
    if (r->depth > 0 && r->open[0].rule->n_children > 0 && !r->is_spoiled) {
        r->is_spoiled = 1;
        why = apr_psprintf(r->scratch,
                           "%s; the record that begins at line %d is left out",
                           why, r->record_line);
    }
    flow_error_set(&told, FLOW_E_INPUT, APR_EINVAL, "invalid_fixed",
                   "invalid fixed-width row at line %d, byte %" APR_UINT64_T_FMT
                   ": %s",
                   r->line, r->at + 1, why);
    rv = r->bad_fn(r->bad_baton, &told, &r->err);
    if (rv != APR_SUCCESS) {
        flow_error_set(&r->err, FLOW_E_INTERNAL, rv, "fixed_stopped",
                       "the reader of the records stopped");
    }
}

/* Bytes of the next @a size characters, or of what there is. */
static apr_size_t take_chars(const char *s, apr_size_t len, apr_size_t size)
{
    apr_size_t i = 0;

    for (; size > 0 && i < len; --size) {
        do {
            ++i;
        } while (i < len && ((unsigned char)s[i] & 0xc0) == 0x80);
    }
    return i;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const flow_layout_element_t *e, const char **ps,
                 apr_size_t *plen)
{
    const char *s = *ps;
    apr_size_t len = *plen, least = e->fill == '0' ? 1 : 0;

    while (len > 0 && is_blank(s[len - 1])) {
        --len;
    }
    while (len > 0 && is_blank(*s)) {
        ++s;
        --len;
    }
    while (e->is_right && len > least && *s == e->fill) {
        ++s;
        --len;
    }
    while (!e->is_right && len > least && s[len - 1] == e->fill) {
        --len;
    }
    *ps = s;
    *plen = len;
}

static int fits(const flow_layout_rule_t *rule, const char *s, apr_size_t len)
{
    int i;

    for (i = 0; i < rule->n_elements; ++i) {
        const flow_layout_element_t *e = &rule->elements[i];
        apr_size_t n = take_chars(s, len, e->size), have = n;
        const char *text = s;

        if (e->value) {
            trim(e, &text, &have);
            if (strlen(e->value) != have || memcmp(e->value, text, have) != 0) {
                return 0;
            }
        }
        s += n;
        len -= n;
    }
    return 1;
}

static const flow_layout_rule_t *find(const flow_layout_rule_t *rules, int n,
                                      const char *s, apr_size_t len)
{
    int i;

    for (i = 0; i < n; ++i) {
        if (fits(&rules[i], s, len)) {
            return &rules[i];
        }
    }
    return NULL;
}

/* New. */
static json_t *make_row(flow_layout_reader_t *r, const flow_layout_rule_t *rule,
                        const char *s, apr_size_t len)
{
    json_t *row = json_object();
    int i;

    for (i = 0; i < rule->n_elements && len > 0; ++i) {
        const flow_layout_element_t *e = &rule->elements[i];
        apr_size_t n = take_chars(s, len, e->size), have = n;
        const char *text = s;

        if (e->name) {
            trim(e, &text, &have);
            json_object_setn_new_nocheck(row, e->name, e->name_len,
                                         json_stringn_nocheck(text, have));
        }
        s += n;
        len -= n;
    }
    for (; len > 0 && is_blank(*s); --len) {
        ++s;
    }
    if (len > 0) {
        bad_row(r, apr_psprintf(r->scratch,
                                "the row is longer than the %" APR_SIZE_T_FMT
                                " characters of its rule",
                                rule->size));
    }
    return row;
}

static void deliver(flow_layout_reader_t *r)
{
    json_t *record = r->record;
    apr_status_t rv;

    r->record = NULL;
    r->depth = 0;
    if (!record || r->is_spoiled) {
        json_decref(record);
        r->is_spoiled = 0;
        return;
    }
    rv = r->record_fn(r->baton, record, &r->err);
    if (rv != APR_SUCCESS) {
        flow_error_set(&r->err, FLOW_E_INTERNAL, rv, "fixed_stopped",
                       "the reader of the records stopped");
    }
}

/* A row below the rule that is open at @a depth - 1. */
static void add_child(flow_layout_reader_t *r, int depth,
                      const flow_layout_rule_t *rule, json_t *row)
{
    json_t *parent = r->open[depth - 1].row;
    json_t *list = json_object_get(parent, rule->name);

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(parent, rule->name, list);
    }
    json_array_append_new(list, row);
    r->open[depth].rule = rule;
    r->open[depth].row = row;
    r->depth = depth + 1;
}

static void take_row(flow_layout_reader_t *r, const char *s, apr_size_t len)
{
    const flow_layout_t *layout = r->layout;
    const flow_layout_rule_t *rule = NULL;
    int depth;

    r->is_row_bad = 0;
    if (!flow_utf8_is_valid(s, len)) {
        bad_row(r,
                apr_psprintf(r->scratch,
                             "the row is not UTF-8 at byte %" APR_UINT64_T_FMT
                             "; set the encoding",
                             r->at + flow_utf8_prefix(s, len) + 1));
        return;
    }
    if (strspn(s, " \t") >= len) {
        return;
    }
    for (depth = r->depth; depth > 0 && !rule; --depth) {
        const flow_layout_rule_t *above = r->open[depth - 1].rule;

        rule = find(above->children, above->n_children, s, len);
        if (rule) {
            add_child(r, depth, rule, make_row(r, rule, s, len));
            return;
        }
    }
    rule = find(layout->rules, layout->n_rules, s, len);
    if (!rule) {
        bad_row(r, "no rule of the file definition fits the row");
        return;
    }
    deliver(r);
    r->record_line = r->line;
    r->record = make_row(r, rule, s, len);
    r->is_spoiled = r->is_row_bad;
    r->open[0].rule = rule;
    r->open[0].row = r->record;
    r->depth = 1;
}

static void end_row(flow_layout_reader_t *r, apr_size_t mark)
{
    apr_size_t len = r->row.len;

    if (!r->layout->row_delimiter && len > 0 && r->row.data[len - 1] == '\r') {
        r->row.data[--len] = '\0';
    }
    if (len > 0) {
        take_row(r, r->row.data, len);
        apr_pool_clear(r->scratch);
    }
    r->at += r->row.len + mark;
    flow_buf_clear(&r->row);
    ++r->line;
}

/* The row ends with the delimiter's last byte when the others stand before
 * it. */
static int has_end(flow_layout_reader_t *r, const char *end, apr_size_t n)
{
    apr_size_t rest = n - 1;

    if (r->row.len < rest ||
        memcmp(r->row.data + r->row.len - rest, end, rest) != 0) {
        return 0;
    }
    r->row.len -= rest;
    r->row.data[r->row.len] = '\0';
    return 1;
}

static apr_status_t status_of(const flow_layout_reader_t *r, flow_error_t *err)
{
    return is_failed(r) ? flow_error_set(err, r->err.kind, r->err.status,
                                         r->err.code, "%s", r->err.message)
                        : APR_SUCCESS;
}

void flow_layout_reader_tolerate(flow_layout_reader_t *r,
                                 flow_bad_record_fn *bad, void *baton)
{
    r->bad_fn = bad;
    r->bad_baton = baton;
}

apr_status_t flow_layout_reader_feed(flow_layout_reader_t *r, const char *data,
                                     apr_size_t len, flow_error_t *err)
{
    const char *end =
        r->layout->row_delimiter ? r->layout->row_delimiter : "\n";
    apr_size_t n = strlen(end);

    while (len > 0 && !is_failed(r)) {
        const char *found = memchr(data, end[n - 1], len);
        apr_size_t more = found ? (apr_size_t)(found - data) : len;

        if (flow_buf_add(&r->row, data, more) != APR_SUCCESS) {
            fail(r, "a row is longer than 1 MB");
            break;
        }
        if (found && (n == 1 || has_end(r, end, n))) {
            end_row(r, n);
        }
        else if (found) {
            flow_buf_addc(&r->row, *found);
        }
        more += found != NULL;
        data += more;
        len -= more;
    }
    return status_of(r, err);
}

apr_status_t flow_layout_reader_finish(flow_layout_reader_t *r,
                                       flow_error_t *err)
{
    if (!is_failed(r)) {
        end_row(r, 0);
    }
    if (!is_failed(r)) {
        deliver(r);
    }
    return status_of(r, err);
}

static apr_status_t release(void *data)
{
    flow_layout_reader_t *r = data;

    flow_buf_release(&r->row);
    json_decref(r->record);
    return APR_SUCCESS;
}

apr_status_t flow_layout_reader_create(flow_layout_reader_t **preader,
                                       const flow_layout_t *layout,
                                       flow_record_fn *record, void *baton,
                                       apr_pool_t *p, flow_error_t *err)
{
    flow_layout_reader_t *r = apr_pcalloc(p, sizeof(*r));

    (void)err;
    r->layout = layout;
    r->record_fn = record;
    r->baton = baton;
    r->line = 1;
    flow_buf_init(&r->row, FLOW_LAYOUT_ROW_MAX);
    apr_pool_create(&r->scratch, p);
    apr_pool_cleanup_register(p, r, release, apr_pool_cleanup_null);
    *preader = r;
    return APR_SUCCESS;
}
