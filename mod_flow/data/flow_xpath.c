/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_xpath.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"

#define STEPS_MAX 30 /* a set has a bit for each, and one for the end */
#define DEPTH_MAX 128

typedef struct step_t {
    const char *name; /* "*": any */
    int has_prefix;
    int is_deep;           /* any number of levels may come before it */
    const char *attribute; /* to be there, or NULL */
    const char *value;     /* to be equal to, or NULL */
} step_t;

struct flow_xpath_t {
    step_t steps[STEPS_MAX];
    int n;
};

/* ---- compiling ---- */

static int is_name_byte(char c, int is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80 ||
           (!is_first && ((c >= '0' && c <= '9') || strchr("-.:", c)));
}

/* The name at *ps, which is moved behind it; NULL when there is none. */
static const char *read_name(const char **ps, apr_pool_t *p)
{
    const char *start = *ps, *s = start;

    while (*s && is_name_byte(*s, s == start)) {
        ++s;
    }
    *ps = s;
    return s == start ? NULL
                      : apr_pstrmemdup(p, start, (apr_size_t)(s - start));
}

/* [@name] or [@name='value'], behind the opening bracket. */
static const char *read_test(step_t *step, const char *s, apr_pool_t *p)
{
    const char *end;

    if (*s != '@') {
        return NULL;
    }
    ++s;
    step->attribute = read_name(&s, p);
    if (!step->attribute) {
        return NULL;
    }
    if (*s == '=' && (s[1] == '\'' || s[1] == '"')) {
        end = strchr(s + 2, s[1]);
        if (!end) {
            return NULL;
        }
        step->value = apr_pstrmemdup(p, s + 2, (apr_size_t)(end - s - 2));
        s = end + 1;
    }
    return *s == ']' ? s + 1 : NULL;
}

static const char *read_step(step_t *step, const char *s, apr_pool_t *p)
{
    if (*s == '*') {
        step->name = "*";
        ++s;
    }
    else {
        step->name = read_name(&s, p);
        if (!step->name) {
            return NULL;
        }
        step->has_prefix = strchr(step->name, ':') != NULL;
    }
    return *s == '[' ? read_test(step, s + 1, p) : s;
}

const flow_xpath_t *flow_xpath_compile(const char *text, apr_pool_t *p,
                                       flow_error_t *err)
{
    flow_xpath_t *path = apr_pcalloc(p, sizeof(*path));
    const char *s = text;

    while (s && *s && path->n < STEPS_MAX) {
        step_t *step = &path->steps[path->n];

        if (*s == '/') {
            ++s;
            step->is_deep = *s == '/';
            s += step->is_deep;
        }
        else if (path->n > 0) {
            break;
        }
        s = read_step(step, s, p);
        path->n += s != NULL;
    }
    if (!s || *s || path->n == 0) {
        flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "invalid_xpath",
                       "'%.200s' is no path to elements; understood are names, "
                       "'*', '/', '//', [@name] and [@name='value'], as in "
                       "/orders/order",
                       text);
        return NULL;
    }
    return path;
}

const char *const *flow_xpath_names(const flow_xpath_t *path, apr_pool_t *p)
{
    const char **names =
        apr_pcalloc(p, (apr_size_t)(path->n + 1) * sizeof(*names));
    int i;

    for (i = 0; i < path->n; ++i) {
        const step_t *step = &path->steps[i];

        if (step->is_deep || step->attribute || strcmp(step->name, "*") == 0) {
            return NULL;
        }
        names[i] = step->name;
    }
    return names;
}

/* ---- walking ---- */

static int fits(const step_t *step, const char *name,
                flow_xpath_attribute_fn *attribute, const void *baton)
{
    const char *local = strchr(name, ':'), *value;

    if (strcmp(step->name, "*") != 0 && strcmp(step->name, name) != 0 &&
        (step->has_prefix || !local || strcmp(step->name, local + 1) != 0)) {
        return 0;
    }
    if (!step->attribute) {
        return 1;
    }
    value = attribute(baton, step->attribute);
    return value && (!step->value || strcmp(step->value, value) == 0);
}

flow_xpath_set_t flow_xpath_step(const flow_xpath_t *path,
                                 flow_xpath_set_t parent, const char *name,
                                 flow_xpath_attribute_fn *attribute,
                                 const void *baton)
{
    flow_xpath_set_t set = 0;
    int i;

    for (i = 0; i < path->n; ++i) {
        if (!((parent >> i) & 1)) {
            continue;
        }
        if (path->steps[i].is_deep) {
            set |= (flow_xpath_set_t)1 << i;
        }
        if (fits(&path->steps[i], name, attribute, baton)) {
            set |= (flow_xpath_set_t)1 << (i + 1);
        }
    }
    return set;
}

int flow_xpath_is_found(const flow_xpath_t *path, flow_xpath_set_t set)
{
    return (set >> path->n) & 1;
}

/* ---- in a tree ---- */

static const char *tree_attribute(const void *baton, const char *name)
{
    return flow_json_member(json_object_get(baton, "$"), name);
}

static void select_in(const flow_xpath_t *path, flow_xpath_set_t set,
                      const char *name, json_t *element, int depth,
                      int as_records, json_t *found)
{
    const char *key;
    json_t *list, *text;
    size_t i;

    set = flow_xpath_step(path, set, name, tree_attribute, element);
    if (flow_xpath_is_found(path, set)) {
        if (json_is_object(element) || !as_records) {
            json_array_append(found, element);
            return;
        }
        text = json_object();
        json_object_set(text, "_", element);
        json_array_append_new(found, text);
        return;
    }
    if (!set || depth == DEPTH_MAX) {
        return;
    }
    json_object_foreach(element, key, list)
    {
        for (i = 0; i < json_array_size(list); ++i) {
            select_in(path, set, key, json_array_get(list, i), depth + 1,
                      as_records, found);
        }
    }
}

json_t *flow_xpath_select(const flow_xpath_t *path, const json_t *document,
                          int as_records)
{
    json_t *found = json_array(), *element;
    const char *name;

    /* only read; jansson's iterators want it mutable */
    json_object_foreach((json_t *)document, name, element)
    {
        select_in(path, FLOW_XPATH_START, name, element, 0, as_records, found);
    }
    return found;
}
