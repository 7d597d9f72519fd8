/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_filter_private.h"

#include "data/flow_case.h"
#include "data/flow_iso8601.h"
#include "data/flow_json.h"
#include "data/flow_value.h"

#include <math.h>
#include <string.h>

typedef flow_filter_node_t node_t;

typedef struct run_t {
    const json_t *record;
    const json_t *context;
    apr_pool_t *scratch;
    flow_error_t *err;
} run_t;

static apr_status_t evaluate(const run_t *run, const node_t *node, json_t **pv);

/* --- comparing ------------------------------------------------------------ */

/* A missing value is a null, nothing else equals a value of another type. */
static int equals(const json_t *a, const json_t *b)
{
    if (!a || !b)
        return (!a || flow_json_is(a, NULL)) && (!b || flow_json_is(b, NULL));
    return flow_json_equal(a, b);
}

static int compare_text(const json_t *a, const json_t *b)
{
    apr_size_t alen, blen;
    const char *as = flow_json_string(a, &alen);
    const char *bs = flow_json_string(b, &blen);
    int order = memcmp(as, bs, alen < blen ? alen : blen);

    return order ? order : (alen > blen) - (alen < blen);
}

/* 1 and *porder when there is an order between the two at all. */
static int compare(const json_t *a, const json_t *b, int *porder)
{
    if (flow_json_is(a, STRING) && flow_json_is(b, STRING))
        *porder = compare_text(a, b);
    else if (flow_json_is(a, NUMBER) && flow_json_is(b, NUMBER))
        *porder = flow_json_order(a, b);
    else
        return 0;
    return 1;
}

static int is_ordered(flow_filter_op_e op, const json_t *a, const json_t *b)
{
    int order;

    if (!compare(a, b, &order))
        return 0;
    switch (op) {
    case FLOW_FILTER_GREATERTHAN:
        return order > 0;
    case FLOW_FILTER_GREATERTHANEQUALS:
        return order >= 0;
    case FLOW_FILTER_LESSTHAN:
        return order < 0;
    default:
        return order <= 0;
    }
}

static int is_member(const json_t *list, const json_t *v)
{
    apr_size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        if (equals(json_array_get(list, i), v))
            return 1;
    }
    return 0;
}

static int has_text(flow_filter_op_e op, const json_t *a, const json_t *b)
{
    apr_size_t len, part_len;
    const char *s = a ? flow_json_string(a, &len) : NULL;
    const char *part = b ? flow_json_string(b, &part_len) : NULL;

    if (!s || !part || part_len > len)
        return 0;
    switch (op) {
    case FLOW_FILTER_STARTSWITH:
        return memcmp(s, part, part_len) == 0;
    case FLOW_FILTER_ENDSWITH:
        return memcmp(s + len - part_len, part, part_len) == 0;
    default:
        return part_len == 0 || memmem(s, len, part, part_len) != NULL;
    }
}

static int contains(const json_t *a, const json_t *b)
{
    return flow_json_is(a, ARRAY) ? is_member(a, b)
                                  : has_text(FLOW_FILTER_CONTAINS, a, b);
}

static int is_comparison(flow_filter_op_e op, const json_t *a, const json_t *b)
{
    switch (op) {
    case FLOW_FILTER_EQUALS:
        return equals(a, b);
    case FLOW_FILTER_NOTEQUALS:
        return !equals(a, b);
    case FLOW_FILTER_STARTSWITH:
    case FLOW_FILTER_ENDSWITH:
        return has_text(op, a, b);
    case FLOW_FILTER_CONTAINS:
        return contains(a, b);
    case FLOW_FILTER_DOESNOTCONTAIN:
        return !contains(a, b);
    default:
        return is_ordered(op, a, b);
    }
}

/* --- patterns ------------------------------------------------------------- */

static apr_status_t search(const run_t *run, const node_t *node,
                           const json_t *v, const json_t *operand, int *pmatch)
{
    const flow_pattern_t *pattern = node->pattern;
    flow_pattern_t *made;
    const char *s, *text;
    apr_size_t len, text_len;
    apr_status_t rv;

    *pmatch = 0;
    s = v ? flow_json_string(v, &len) : NULL;
    if (!s)
        return APR_SUCCESS;
    if (!pattern) {
        text = operand ? flow_json_string(operand, &text_len) : NULL;
        if (!text)
            return APR_SUCCESS;
        rv = flow_pattern_compile(&made, text, text_len, FLOW_E_INPUT,
                                  run->scratch, run->err);
        if (rv != APR_SUCCESS) {
            flow_error_prefix(run->err, "filter %s", node->where);
            return rv;
        }
        pattern = made;
    }
    rv = flow_pattern_search(pattern, s, len, pmatch, run->err);
    if (rv != APR_SUCCESS)
        flow_error_prefix(run->err, "filter %s", node->where);
    return rv;
}

/* --- converting ----------------------------------------------------------- */

static json_t *to_epochtime(const json_t *v, apr_pool_t *scratch)
{
    const char *s;
    apr_size_t len;
    apr_int64_t ms;

    s = v ? flow_json_string(v, &len) : NULL;
    if (s && flow_iso8601_parse(s, len, &ms) &&
        !(len == 4)) /* "2025" is as likely a count of milliseconds */
        return json_integer(ms);
    return flow_json_is(v, BOOL) ? NULL : flow_value_to_number(v, scratch);
}

static json_t *change_case(flow_filter_op_e op, const json_t *v,
                           apr_pool_t *scratch)
{
    apr_size_t len;
    const char *s = v ? flow_json_string(v, &len) : NULL;

    if (!s)
        return json_incref((json_t *)v);
    s = op == FLOW_FILTER_LOWERCASE ? flow_case_lower(s, len, &len, scratch)
                                    : flow_case_upper(s, len, &len, scratch);
    return flow_json_string_new(s, len);
}

/* Whole numbers of any size stay exact. */
static json_t *round_number(flow_filter_op_e op, const json_t *v)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len;
    const char *text = v ? flow_json_number_text(v, tmp, &len) : NULL;
    int is_negative = text && *text == '-';
    double d;

    if (!text)
        return NULL;
    if (op == FLOW_FILTER_ABS) {
        return flow_json_number_new(text + is_negative,
                                    len - (apr_size_t)is_negative);
    }
    d = flow_json_double(v);
    if (strspn(text, "-0123456789") == len || fabs(d) >= 9007199254740992.0)
        return json_incref((json_t *)v);
    return flow_json_double_new(op == FLOW_FILTER_CEILING ? ceil(d) : floor(d));
}

static json_t *convert(flow_filter_op_e op, const json_t *v,
                       apr_pool_t *scratch)
{
    switch (op) {
    case FLOW_FILTER_STRING:
        return flow_value_to_string(v, scratch);
    case FLOW_FILTER_NUMBER:
        return flow_value_to_number(v, scratch);
    case FLOW_FILTER_BOOLEAN:
        return json_boolean(flow_value_is_true(v));
    case FLOW_FILTER_EPOCHTIME:
        return to_epochtime(v, scratch);
    case FLOW_FILTER_LOWERCASE:
    case FLOW_FILTER_UPPERCASE:
        return change_case(op, v, scratch);
    default:
        return round_number(op, v);
    }
}

/* --- walking -------------------------------------------------------------- */

static apr_status_t is_true(const run_t *run, const node_t *node, int *pis_true)
{
    json_t *v = NULL;
    apr_status_t rv = evaluate(run, node, &v);

    *pis_true = flow_value_is_true(v);
    json_decref(v);
    return rv;
}

/* and, or: operands after the one that decides are not looked at. */
static apr_status_t decide(const run_t *run, const node_t *node, int *presult)
{
    int decisive = node->op == FLOW_FILTER_OR, i;
    apr_status_t rv = APR_SUCCESS;

    *presult = !decisive;
    for (i = 0; i < node->n && rv == APR_SUCCESS && *presult != decisive; ++i)
        rv = is_true(run, &node->args[i], presult);
    return rv;
}

static apr_status_t test(const run_t *run, const node_t *node, const json_t *a,
                         const json_t *b, int *presult)
{
    switch (node->op) {
    case FLOW_FILTER_MATCHES:
        return search(run, node, a, b, presult);
    case FLOW_FILTER_ANYOF:
        *presult = is_member(node->literal, a);
        break;
    case FLOW_FILTER_EMPTY:
    case FLOW_FILTER_NOTEMPTY:
        *presult = flow_value_is_empty(a) == (node->op == FLOW_FILTER_EMPTY);
        break;
    case FLOW_FILTER_NOT:
        *presult = !flow_value_is_true(a);
        break;
    default:
        *presult = is_comparison(node->op, a, b);
        break;
    }
    return APR_SUCCESS;
}

static json_t *get(const node_t *node, const json_t *root)
{
    return root ? flow_path_get(node->path, root) : NULL;
}

/* Everything that has operands: evaluate them, then apply the operator. */
static apr_status_t apply(const run_t *run, const node_t *node, json_t **pv)
{
    json_t *a = NULL, *b = NULL;
    int result = 0;
    apr_status_t rv;

    rv = evaluate(run, &node->args[0], &a);
    if (rv == APR_SUCCESS && node->n > 1)
        rv = evaluate(run, &node->args[1], &b);
    if (rv != APR_SUCCESS)
        goto cleanup;
    if (node->op >= FLOW_FILTER_STRING) {
        *pv = convert(node->op, a, run->scratch);
        goto cleanup;
    }
    rv = test(run, node, a, b, &result);
    *pv = json_boolean(result);
cleanup:
    json_decref(a);
    json_decref(b);
    return rv;
}

/* *pv is new, NULL for a missing value. */
static apr_status_t evaluate(const run_t *run, const node_t *node, json_t **pv)
{
    apr_status_t rv = APR_SUCCESS;
    int result;

    *pv = NULL;
    switch (node->op) {
    case FLOW_FILTER_LITERAL:
        *pv = json_incref(node->literal);
        return APR_SUCCESS;
    case FLOW_FILTER_EXTRACT:
        *pv = get(node, run->record);
        return APR_SUCCESS;
    case FLOW_FILTER_SETTINGS:
        *pv = get(node, json_object_get(run->context, "settings"));
        return APR_SUCCESS;
    case FLOW_FILTER_CONTEXT:
        *pv = get(node, json_object_get(run->context, "context"));
        return APR_SUCCESS;
    case FLOW_FILTER_AND:
    case FLOW_FILTER_OR:
        rv = decide(run, node, &result);
        *pv = json_boolean(result);
        return rv;
    default:
        return apply(run, node, pv);
    }
}

apr_status_t flow_filter_match(const flow_filter_t *filter,
                               const json_t *record, const json_t *context,
                               int *pmatch, apr_pool_t *scratch,
                               flow_error_t *err)
{
    run_t run = { record, context, scratch, err };

    *pmatch = 1;
    return filter->root ? is_true(&run, filter->root, pmatch) : APR_SUCCESS;
}
