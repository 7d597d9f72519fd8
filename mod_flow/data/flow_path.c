/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_path_private.h"
#include "data/flow_xpath.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* --- reading a path ------------------------------------------------------- */

typedef struct parser_t {
    const char *text;
    const char *c;
    flow_step_t steps[FLOW_PATH_STEPS_MAX];
    int n;
    apr_pool_t *p;
    flow_error_t *err;
} parser_t;

/* Columns are for people, so characters and not bytes are counted. */
static int column_of(const parser_t *ps, const char *at)
{
    const char *c;
    int column = 1;

    for (c = ps->text; c < at; ++c)
        column += ((unsigned char)*c & 0xc0) != 0x80;
    return column;
}

static apr_status_t bad(const parser_t *ps, const char *at, const char *what)
{
    return flow_error_set(ps->err, FLOW_E_CONFIG, APR_EINVAL, "path_syntax",
                          "path '%.200s': %s at column %d", ps->text, what,
                          column_of(ps, at));
}

static apr_status_t unsupported(const parser_t *ps, const char *at,
                                const char *what)
{
    return flow_error_set(ps->err, FLOW_E_CONFIG, APR_ENOTIMPL,
                          "path_unsupported",
                          "path '%.200s': %s not supported, at column %d; use "
                          "names, [n] and [*]",
                          ps->text, what, column_of(ps, at));
}

static apr_status_t add_step(parser_t *ps, const char *at, flow_step_t step)
{
    if (ps->n == FLOW_PATH_STEPS_MAX) {
        return bad(ps, at,
                   "more than " APR_STRINGIFY(FLOW_PATH_STEPS_MAX) " steps");
    }
    ps->steps[ps->n++] = step;
    return APR_SUCCESS;
}

static int is_index(const char *word, apr_size_t len)
{
    apr_size_t i;

    if (len == 0 || len > 9 || (len > 1 && word[0] == '0'))
        return 0;
    for (i = 0; i < len; ++i) {
        if (!apr_isdigit(word[i]))
            return 0;
    }
    return 1;
}

static flow_step_t name_step(const char *name, apr_size_t len, apr_pool_t *p)
{
    flow_step_t step = { FLOW_STEP_NAME, NULL, len, 0, NULL };

    step.name = apr_pstrmemdup(p, name, len);
    return step;
}

flow_step_t flow_step_from_word(const char *word, apr_size_t len, apr_pool_t *p)
{
    flow_step_t step = name_step(word, len, p);
    apr_size_t i;

    if (is_index(word, len)) {
        step.kind = FLOW_STEP_INDEX;
        for (i = 0; i < len; ++i)
            step.index = step.index * 10 + (apr_size_t)(word[i] - '0');
    }
    return step;
}

static flow_step_t all_step(void)
{
    flow_step_t step = { FLOW_STEP_ALL, "*", 1, 0, NULL };

    return step;
}

/* ['it''s']: the quote and the backslash are escaped by a backslash. */
static apr_status_t read_quoted(parser_t *ps)
{
    const char *start = ps->c, quote = *ps->c++;
    char *name = apr_palloc(ps->p, strlen(ps->c) + 1);
    apr_size_t len = 0;

    while (*ps->c && *ps->c != quote) {
        if (*ps->c == '\\' && (ps->c[1] == quote || ps->c[1] == '\\'))
            ++ps->c;
        name[len++] = *ps->c++;
    }
    if (!*ps->c)
        return bad(ps, start, "no end to the quote");
    ++ps->c;
    if (*ps->c == ',')
        return unsupported(ps, ps->c, "a union (',') is");
    if (*ps->c != ']')
        return bad(ps, ps->c, "']' is missing");
    ++ps->c;
    return add_step(ps, start, name_step(name, len, ps->p));
}

/* Of what stands bare in brackets only numbers joined by ':' or ',' are read
 * as slices and unions: "[Name, First]" is the name of a column. */
static const char *unsupported_bracket(const char *word, apr_size_t len)
{
    apr_size_t i;
    int digits = 0, colons = 0, commas = 0;

    if (word[0] == '?' || (len > 1 && word[0] == '(' && word[1] == '@'))
        return "a filter ('?') or script is";
    for (i = 0; i < len; ++i) {
        if (apr_isdigit(word[i]))
            ++digits;
        else if (word[i] == ':')
            ++colons;
        else if (word[i] == ',')
            ++commas;
        else if (word[i] != ' ' &&
                 !(word[i] == '-' && (i == 0 || !apr_isdigit(word[i - 1]))))
            return NULL;
    }
    if (colons)
        return "a slice (':') is";
    if (commas && digits)
        return "a union (',') is";
    if (digits && word[0] == '-')
        return "a negative index is";
    return NULL;
}

static apr_status_t read_bracket(parser_t *ps)
{
    const char *open = ps->c++, *word, *end, *what;
    apr_size_t len;

    if (*ps->c == '\'' || *ps->c == '"')
        return read_quoted(ps);
    word = ps->c;
    end = strchr(word, ']');
    if (!end)
        return bad(ps, open, "']' is missing for the '['");
    len = (apr_size_t)(end - word);
    if (len == 0)
        return bad(ps, open, "nothing stands between '[' and ']'");
    what = unsupported_bracket(word, len);
    if (what)
        return unsupported(ps, word, what);
    ps->c = end + 1;
    if (len == 1 && word[0] == '*')
        return add_step(ps, open, all_step());
    return add_step(ps, open, flow_step_from_word(word, len, ps->p));
}

static apr_status_t read_name(parser_t *ps)
{
    const char *start = ps->c;
    apr_size_t len = strcspn(start, ".[]");

    if (start[len] == ']')
        return bad(ps, start + len, "']' without '['");
    if (len == 0) {
        if (*start == '.' && start > ps->text && start[-1] == '.')
            return unsupported(ps, start, "'..' is");
        return bad(ps, start, "a name is missing");
    }
    ps->c += len;
    if (len == 1 && *start == '*')
        return add_step(ps, start, all_step());
    return add_step(ps, start, flow_step_from_word(start, len, ps->p));
}

static apr_status_t read_steps(parser_t *ps)
{
    apr_status_t rv;

    if (*ps->c == '$' && (!ps->c[1] || ps->c[1] == '.' || ps->c[1] == '[')) {
        ++ps->c;
        if (!*ps->c)
            return APR_SUCCESS;
        if (*ps->c == '.')
            ++ps->c;
    }
    else if (!*ps->c) {
        return APR_SUCCESS;
    }
    if (*ps->c == '/')
        return unsupported(ps, ps->c, "an XML path ('/') is");
    for (;;) {
        rv = *ps->c == '[' ? read_bracket(ps) : read_name(ps);
        if (rv != APR_SUCCESS || !*ps->c)
            return rv;
        if (*ps->c == '.')
            ++ps->c;
        else if (*ps->c != '[')
            return bad(ps, ps->c, "'.' or '[' is missing");
    }
}

void flow_step_know(flow_step_t *steps, int n)
{
    int i;

    for (i = 0; i < n; ++i)
        steps[i].known = flow_tree_name(steps[i].name, steps[i].len);
}

flow_path_t *flow_path_make(const flow_step_t *steps, int n, const char *text,
                            apr_pool_t *p)
{
    flow_path_t *path = apr_pcalloc(p, sizeof(*path));
    int i;

    path->text = text;
    path->n = n;
    if (n) {
        flow_step_t *own =
            apr_pmemdup(p, steps, (apr_size_t)n * sizeof(steps[0]));

        flow_step_know(own, n);
        path->steps = own;
    }
    for (i = 0; i < n; ++i)
        path->is_multi |= steps[i].kind == FLOW_STEP_ALL;
    return path;
}

apr_status_t flow_path_compile(flow_path_t **ppath, const char *text,
                               apr_pool_t *p, flow_error_t *err)
{
    parser_t ps;
    apr_status_t rv;

    *ppath = NULL;
    if (strlen(text) > FLOW_PATH_TEXT_MAX) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "path_syntax",
                              "the path is longer than %d bytes",
                              FLOW_PATH_TEXT_MAX);
    }
    ps.text = ps.c = apr_pstrdup(p, text);
    ps.n = 0;
    ps.p = p;
    ps.err = err;
    rv = read_steps(&ps);
    if (rv == APR_SUCCESS)
        *ppath = flow_path_make(ps.steps, ps.n, ps.text, p);
    return rv;
}

apr_status_t flow_path_compile_answer(flow_path_t **ppath, const char *text,
                                      apr_pool_t *p, flow_error_t *err)
{
    flow_path_t *path;

    if (text[0] != '/')
        return flow_path_compile(ppath, text, p, err);
    path = apr_pcalloc(p, sizeof(*path));
    path->text = apr_pstrdup(p, text);
    path->is_multi = 1;
    path->xpath = flow_xpath_compile(text, p, err);
    *ppath = path->xpath ? path : NULL;
    return path->xpath ? APR_SUCCESS : APR_EINVAL;
}

const char *flow_path_text(const flow_path_t *path)
{
    return path->text;
}

int flow_path_is_multi(const flow_path_t *path)
{
    return path->is_multi;
}

/* --- getting -------------------------------------------------------------- */

/* Header fields stand in every row. What is no object is no row. */
static const json_t *first_row(const json_t *list)
{
    apr_size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        if (flow_json_is(json_array_get(list, i), OBJECT))
            return json_array_get(list, i);
    }
    return NULL;
}

const json_t *flow_step_take(const flow_step_t *step, const json_t *v)
{
    if (flow_json_is(v, ARRAY)) {
        if (step->kind == FLOW_STEP_INDEX)
            return json_array_get(v, step->index);
        v = first_row(v);
    }
    return flow_tree_get_named(v, step->known, step->name, step->len);
}

const json_t *flow_path_find(const flow_path_t *path, const json_t *root)
{
    int i;

    for (i = 0; i < path->n && root; ++i)
        root = flow_step_take(&path->steps[i], root);
    return root;
}

/* Results are members of the document, so the document bounds them. */
static void collect(const flow_step_t *step, int n, const json_t *v,
                    json_t *found)
{
    apr_size_t i;

    for (; n && v; ++step, --n) {
        if (step->kind == FLOW_STEP_ALL) {
            if (!flow_json_is(v, ARRAY))
                return;
            for (i = 0; i < json_array_size(v); ++i)
                collect(step + 1, n - 1, json_array_get(v, i), found);
            return;
        }
        v = flow_step_take(step, v);
    }
    if (v)
        json_array_append(found, (json_t *)v);
}

/* The element, an array of several, or NULL. */
static json_t *get_elements(const flow_path_t *path, const json_t *root)
{
    json_t *found = flow_xpath_select(path->xpath, root, 0), *one;

    if (json_array_size(found) > 1)
        return found;
    one = json_incref(json_array_get(found, 0));
    json_decref(found);
    return one;
}

json_t *flow_path_get(const flow_path_t *path, const json_t *root)
{
    json_t *found;

    if (path->xpath)
        return get_elements(path, root);
    if (!path->is_multi)
        return json_incref((json_t *)flow_path_find(path, root));
    found = json_array();
    if (!found)
        return NULL;
    collect(path->steps, path->n, root, found);
    if (json_array_size(found) == 0) {
        json_decref(found);
        return NULL;
    }
    return found;
}

/* --- setting -------------------------------------------------------------- */

static apr_status_t put(const flow_step_t *step, int n, json_t *at,
                        json_t *value);

static int is_container(const json_t *v)
{
    flow_json_type_e type = flow_json_type(v);

    return v && (type == FLOW_JSON_OBJECT || type == FLOW_JSON_ARRAY);
}

/* `list[*].x` makes no elements for a single value. */
static int has_no_place(const flow_step_t *step, int n, const json_t *value)
{
    if (flow_json_is(value, ARRAY))
        return 0;
    for (; n; ++step, --n) {
        if (step->kind == FLOW_STEP_ALL)
            return 1;
    }
    return 0;
}

/* What has to stand in a slot before we may write below it: *pnew stays NULL
 * when what stands there is ours alone already. */
static apr_status_t prepare(json_t *child, const flow_step_t *below,
                            json_t **pnew)
{
    *pnew = NULL;
    if (!child || flow_json_is(child, NULL)) {
        *pnew = below->kind == FLOW_STEP_NAME ? json_object() : json_array();
    }
    else if (!is_container(child)) {
        return APR_EINVAL;
    }
    else if (child->refcount > 1) {
        /* Others hold it too: another record, the page that it came from. A
         * count of one is ours through the parent and cannot grow meanwhile. */
        *pnew = flow_value_copy(child);
    }
    else {
        return APR_SUCCESS;
    }
    return *pnew ? APR_SUCCESS : APR_ENOMEM;
}

static apr_status_t put_member(const flow_step_t *step, int n, json_t *at,
                               json_t *value)
{
    json_t *child, *fresh;
    apr_status_t rv;

    if (n == 1) {
        return flow_tree_set_named(at, step->known, step->name, step->len,
                                   json_incref(value))
                   ? APR_ENOMEM
                   : APR_SUCCESS;
    }
    child = flow_tree_get_named(at, step->known, step->name, step->len);
    if ((!child || flow_json_is(child, NULL)) &&
        has_no_place(step + 1, n - 1, value))
        return APR_SUCCESS;
    rv = prepare(child, step + 1, &fresh);
    if (rv != APR_SUCCESS)
        return rv;
    if (fresh) {
        child = fresh;
        if (flow_tree_set_named(at, step->known, step->name, step->len, fresh))
            return APR_ENOMEM;
    }
    return put(step + 1, n - 1, child, value);
}

static apr_status_t put_element(const flow_step_t *step, int n, json_t *at,
                                apr_size_t index, json_t *value)
{
    json_t *child, *fresh;
    apr_status_t rv;

    child = json_array_get(at, index);
    if (n > 1 && (!child || flow_json_is(child, NULL)) &&
        has_no_place(step + 1, n - 1, value))
        return APR_SUCCESS;
    while (json_array_size(at) <= index) {
        if (json_array_append_new(at, json_null()))
            return APR_ENOMEM;
    }
    if (n == 1)
        return json_array_set(at, index, value) ? APR_ENOMEM : APR_SUCCESS;
    rv = prepare(child, step + 1, &fresh);
    if (rv != APR_SUCCESS)
        return rv;
    if (fresh) {
        child = fresh;
        if (json_array_set_new(at, index, fresh))
            return APR_ENOMEM;
    }
    return put(step + 1, n - 1, child, value);
}

static apr_status_t put_all(const flow_step_t *step, int n, json_t *at,
                            json_t *value)
{
    int spread = flow_json_is(value, ARRAY);
    apr_size_t count = json_array_size(spread ? value : at), i;
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < count && rv == APR_SUCCESS; ++i) {
        rv = put_element(step, n, at, i,
                         spread ? json_array_get(value, i) : value);
    }
    return rv;
}

/* A name in an array of rows: every row gets it, as every row of a group
 * carries the header fields. */
static apr_status_t put_rows(const flow_step_t *step, int n, json_t *at,
                             json_t *value)
{
    static const flow_step_t row = { FLOW_STEP_ALL, "*", 1, 0, NULL };
    flow_step_t below[FLOW_PATH_STEPS_MAX + 1];
    apr_size_t i;
    apr_status_t rv = APR_SUCCESS;
    int rows = 0;

    below[0] = row;
    memcpy(below + 1, step, (apr_size_t)n * sizeof(below[0]));
    for (i = 0; i < json_array_size(at) && rv == APR_SUCCESS; ++i) {
        if (!flow_json_is(json_array_get(at, i), OBJECT))
            continue;
        rv = put_element(below, n + 1, at, i, value);
        ++rows;
    }
    return rows ? rv : APR_EINVAL;
}

/* @a at is a container that only our tree holds. */
static apr_status_t put(const flow_step_t *step, int n, json_t *at,
                        json_t *value)
{
    if (flow_json_is(at, OBJECT)) {
        return step->kind == FLOW_STEP_ALL ? APR_EINVAL
                                           : put_member(step, n, at, value);
    }
    if (!flow_json_is(at, ARRAY))
        return APR_EINVAL;
    if (step->kind == FLOW_STEP_ALL)
        return put_all(step, n, at, value);
    if (step->kind == FLOW_STEP_NAME)
        return put_rows(step, n, at, value);
    if (step->index > FLOW_PATH_INDEX_MAX)
        return APR_EINVAL;
    return put_element(step, n, at, step->index, value);
}

apr_status_t flow_path_set(const flow_path_t *path, json_t *root, json_t *value)
{
    apr_status_t rv = APR_EINVAL;

    if (!value)
        return APR_ENOMEM;        /* what made it has failed */
    if (path->n && root != value) /* a value inside itself would never end */
        rv = put(path->steps, path->n, root, value);
    json_decref(value);
    return rv;
}

apr_status_t flow_path_check_target(const flow_path_t *path, flow_error_t *err)
{
    int i;

    if (path->n == 0) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "path_target",
                              "path '%s' is the whole record; name a field",
                              path->text);
    }
    for (i = 0; i < path->n; ++i) {
        if (path->steps[i].kind == FLOW_STEP_INDEX &&
            path->steps[i].index > FLOW_PATH_INDEX_MAX) {
            return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "path_target",
                                  "path '%s': index %s is above %d", path->text,
                                  path->steps[i].name, FLOW_PATH_INDEX_MAX);
        }
    }
    return APR_SUCCESS;
}
