/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_filter_private.h"

#include "data/flow_json.h"
#include "data/flow_nearest.h"

#include <apr_strings.h>
#include <string.h>

#define ANY 0 /* operands: one or more */

typedef struct operator_t {
    const char *name;
    flow_filter_op_e op;
    apr_size_t operands;
} operator_t;

/* clang-format off */
static const operator_t operators[] = {
    { "equals",            FLOW_FILTER_EQUALS,            2 },
    { "notequals",         FLOW_FILTER_NOTEQUALS,         2 },
    { "greaterthan",       FLOW_FILTER_GREATERTHAN,       2 },
    { "greaterthanequals", FLOW_FILTER_GREATERTHANEQUALS, 2 },
    { "lessthan",          FLOW_FILTER_LESSTHAN,          2 },
    { "lessthanequals",    FLOW_FILTER_LESSTHANEQUALS,    2 },
    { "startswith",        FLOW_FILTER_STARTSWITH,        2 },
    { "endswith",          FLOW_FILTER_ENDSWITH,          2 },
    { "contains",          FLOW_FILTER_CONTAINS,          2 },
    { "doesnotcontain",    FLOW_FILTER_DOESNOTCONTAIN,    2 },
    { "matches",           FLOW_FILTER_MATCHES,           2 },
    { "anyof",             FLOW_FILTER_ANYOF,             2 },
    { "empty",             FLOW_FILTER_EMPTY,             1 },
    { "notempty",          FLOW_FILTER_NOTEMPTY,          1 },
    { "isempty",           FLOW_FILTER_EMPTY,             1 },
    { "isnotempty",        FLOW_FILTER_NOTEMPTY,          1 },
    { "and",               FLOW_FILTER_AND,               ANY },
    { "or",                FLOW_FILTER_OR,                ANY },
    { "not",               FLOW_FILTER_NOT,               1 },
    { "extract",           FLOW_FILTER_EXTRACT,           1 },
    { "settings",          FLOW_FILTER_SETTINGS,          1 },
    { "context",           FLOW_FILTER_CONTEXT,           1 },
    { "string",            FLOW_FILTER_STRING,            1 },
    { "number",            FLOW_FILTER_NUMBER,            1 },
    { "boolean",           FLOW_FILTER_BOOLEAN,           1 },
    { "epochtime",         FLOW_FILTER_EPOCHTIME,         1 },
    { "lowercase",         FLOW_FILTER_LOWERCASE,         1 },
    { "uppercase",         FLOW_FILTER_UPPERCASE,         1 },
    { "ceiling",           FLOW_FILTER_CEILING,           1 },
    { "floor",             FLOW_FILTER_FLOOR,             1 },
    { "abs",               FLOW_FILTER_ABS,               1 },
};
/* clang-format on */
#define OPERATORS (sizeof(operators) / sizeof(operators[0]))

typedef struct compiler_t {
    apr_pool_t *p;
    flow_error_t *err;
    int nodes;
} compiler_t;

static apr_status_t bad(const compiler_t *c, const char *where,
                        const char *code, const char *what)
{
    return flow_error_set(c->err, FLOW_E_CONFIG, APR_EINVAL, code, "%s: %s",
                          where, what);
}

static apr_status_t unknown_operator(const compiler_t *c, const char *name,
                                     const char *where)
{
    const char *names[OPERATORS], *near;
    apr_size_t i;

    for (i = 0; i < OPERATORS; ++i)
        names[i] = operators[i].name;
    near = flow_nearest(name, names, OPERATORS);
    return bad(c, where, "filter_operator",
               apr_psprintf(c->p,
                            near ? "unknown operator '%.64s'; did you mean "
                                   "'%s'"
                                 : "unknown operator '%.64s'",
                            name, near));
}

static apr_status_t find_operator(const compiler_t *c, const json_t *doc,
                                  const char *where, const operator_t **pfound)
{
    const char *name = flow_json_string(json_array_get(doc, 0), NULL);
    apr_size_t found = json_array_size(doc) - 1, i;

    if (!name) {
        return bad(c, where, "filter_operator",
                   "an expression must begin with the name of an operator");
    }
    for (i = 0; i < OPERATORS; ++i) {
        const operator_t *o = &operators[i];

        if (strcmp(o->name, name) != 0)
            continue;
        *pfound = o;
        if (o->operands == ANY ? found > 0 : o->operands == found)
            return APR_SUCCESS;
        return bad(c, where, "filter_operands",
                   apr_psprintf(
                       c->p, "'%s' takes %s operand%s, found %" APR_SIZE_T_FMT,
                       name,
                       o->operands == ANY ? "at least one"
                       : o->operands == 1 ? "one"
                                          : "two",
                       o->operands == 2 ? "s" : "", found));
    }
    return unknown_operator(c, name, where);
}

static void set_literal(const compiler_t *c, flow_filter_node_t *node,
                        const json_t *doc)
{
    node->literal = flow_json_own(c->p, json_incref((json_t *)doc));
}

static apr_status_t compile_path(const compiler_t *c, flow_filter_node_t *node,
                                 const json_t *doc)
{
    const char *text = flow_json_string(json_array_get(doc, 1), NULL);
    flow_path_t *path;

    if (!text) {
        return bad(
            c, node->where, "filter_operands",
            apr_psprintf(c->p, "'%s' takes a path as text",
                         flow_json_string(json_array_get(doc, 0), NULL)));
    }
    if (flow_path_compile(&path, text, c->p, c->err) != APR_SUCCESS)
        return flow_error_prefix(c->err, "%s", node->where);
    node->path = path;
    return APR_SUCCESS;
}

/* anyof: the second operand is a list, never an expression. */
static apr_status_t compile_list(const compiler_t *c, flow_filter_node_t *node,
                                 const json_t *doc)
{
    const json_t *list = json_array_get(doc, 2);

    if (!flow_json_is(list, ARRAY)) {
        return bad(c, node->where, "filter_operands",
                   "'anyof' takes a list of values as its second operand");
    }
    set_literal(c, node, list);
    return APR_SUCCESS;
}

static apr_status_t compile_pattern(const compiler_t *c,
                                    flow_filter_node_t *node, const json_t *doc)
{
    const json_t *operand = json_array_get(doc, 2);
    flow_pattern_t *pattern;
    const char *text;
    apr_size_t len;

    if (flow_json_is(operand, ARRAY))
        return APR_SUCCESS; /* known only when the record is */
    text = flow_json_string(operand, &len);
    if (!text) {
        return bad(c, node->where, "filter_operands",
                   "'matches' takes a pattern as text");
    }
    if (flow_pattern_compile(&pattern, text, len, FLOW_E_CONFIG, c->p,
                             c->err) != APR_SUCCESS)
        return flow_error_prefix(c->err, "%s", node->where);
    node->pattern = pattern;
    return APR_SUCCESS;
}

static apr_status_t compile_node(compiler_t *c, flow_filter_node_t *node,
                                 const json_t *doc, const char *where,
                                 int depth);

static apr_status_t compile_operands(compiler_t *c, flow_filter_node_t *node,
                                     const json_t *doc, int n, int depth)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (n <= 0)
        return APR_SUCCESS;
    node->n = n;
    node->args = apr_pcalloc(c->p, (apr_size_t)n * sizeof(node->args[0]));
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = compile_node(
            c, &node->args[i], json_array_get(doc, (apr_size_t)i + 1),
            apr_psprintf(c->p, "%s[%d]", node->where, i + 1), depth + 1);
    }
    return rv;
}

static apr_status_t compile_expression(compiler_t *c, flow_filter_node_t *node,
                                       const json_t *doc, int depth)
{
    const operator_t *o = NULL;
    apr_status_t rv = find_operator(c, doc, node->where, &o);
    int n;

    if (rv != APR_SUCCESS || !o)
        return rv;
    node->op = o->op;
    n = (int)json_array_size(doc) - 1;
    switch (node->op) {
    case FLOW_FILTER_EXTRACT:
    case FLOW_FILTER_SETTINGS:
    case FLOW_FILTER_CONTEXT:
        return compile_path(c, node, doc);
    case FLOW_FILTER_ANYOF:
        rv = compile_list(c, node, doc);
        n = 1;
        break;
    case FLOW_FILTER_MATCHES:
        rv = compile_pattern(c, node, doc);
        n = node->pattern ? 1 : 2;
        break;
    default:
        break;
    }
    return rv == APR_SUCCESS ? compile_operands(c, node, doc, n, depth) : rv;
}

static apr_status_t compile_node(compiler_t *c, flow_filter_node_t *node,
                                 const json_t *doc, const char *where,
                                 int depth)
{
    node->where = where;
    if (depth > FLOW_FILTER_DEPTH || ++c->nodes > FLOW_FILTER_NODES ||
        (flow_json_is(doc, ARRAY) &&
         json_array_size(doc) > FLOW_FILTER_NODES)) {
        return bad(
            c, depth > FLOW_FILTER_DEPTH ? "rules" : where, "filter_too_large",
            "the filter has more than " APR_STRINGIFY(
                FLOW_FILTER_DEPTH) " levels or " APR_STRINGIFY(FLOW_FILTER_NODES) " operands");
    }
    switch (flow_json_type(doc)) {
    case FLOW_JSON_ARRAY:
        return compile_expression(c, node, doc, depth);
    case FLOW_JSON_OBJECT:
        return bad(c, where, "filter_operands",
                   "an object is no operand; write [\"extract\", path] or a "
                   "plain value");
    default:
        node->op = FLOW_FILTER_LITERAL;
        set_literal(c, node, doc);
        return APR_SUCCESS;
    }
}

/* {type, expression:{version, rules}}, {version, rules} or the rules. */
static apr_status_t find_rules(const compiler_t *c, const json_t *doc,
                               const json_t **prules)
{
    const char *type;
    const json_t *version, *inner;

    *prules = doc;
    if (!flow_json_is(doc, OBJECT))
        return APR_SUCCESS;
    type = flow_json_member(doc, "type");
    if (type && strcmp(type, "expression") != 0) {
        return bad(c, "type", "filter_type",
                   apr_psprintf(c->p, "'%.64s' is no expression filter", type));
    }
    inner = json_object_get(doc, "expression");
    if (flow_json_is(inner, OBJECT))
        doc = inner;
    version = json_object_get(doc, "version");
    if (version && !flow_json_is(version, NULL) &&
        strcmp(flow_json_to_text(version, NULL, c->p), "1") != 0) {
        return bad(c, "version", "filter_version",
                   "only version 1 of filter expressions is known");
    }
    *prules = json_object_get(doc, "rules");
    return APR_SUCCESS;
}

apr_status_t flow_filter_compile(flow_filter_t **pfilter, const json_t *doc,
                                 apr_pool_t *p, flow_error_t *err)
{
    compiler_t c = { NULL, NULL, 0 };
    flow_filter_t *filter = apr_pcalloc(p, sizeof(*filter));
    flow_filter_node_t *root;
    const json_t *rules;
    apr_status_t rv;

    *pfilter = NULL;
    c.p = p;
    c.err = err;
    rv = find_rules(&c, doc, &rules);
    if (rv != APR_SUCCESS)
        return rv;
    if (!rules || flow_json_is(rules, NULL) ||
        (flow_json_is(rules, ARRAY) && json_array_size(rules) == 0)) {
        *pfilter = filter; /* what the editor saves for "no filter" */
        return APR_SUCCESS;
    }
    if (!flow_json_is(rules, ARRAY)) {
        return bad(&c, "rules", "filter_operator",
                   "an expression must be an array");
    }
    root = apr_pcalloc(p, sizeof(*root));
    rv = compile_node(&c, root, rules, "rules", 1);
    if (rv != APR_SUCCESS)
        return rv;
    filter->root = root;
    *pfilter = filter;
    return APR_SUCCESS;
}
