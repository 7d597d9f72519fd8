/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks. Those that only choose between their parts by a truth may also stand
 * in parentheses: {{#if (and a b)}}.
 */
#include "data/flow_helper_private.h"

#include "data/flow_json.h"
#include "data/flow_path_private.h"

#include <math.h>
#include <string.h>

#define CHOOSE(value)                                                          \
    do {                                                                       \
        *out = flow_any_of_bool(value);                                        \
        return APR_SUCCESS;                                                    \
    } while (0)

static int is_true_condition(const flow_helper_call_t *call)
{
    flow_any_t v = call->args[0];
    flow_any_t zero = flow_helper_hash(call, "includeZero");

    if (v.type == FLOW_ANY_NUMBER && flow_any_number(&v, call->p) == 0)
        return flow_any_is_true(&zero);
    return !flow_any_is_empty(&v);
}

static apr_status_t if_(flow_helper_call_t *call, flow_any_t *out)
{
    CHOOSE(is_true_condition(call));
}

static apr_status_t unless(flow_helper_call_t *call, flow_any_t *out)
{
    CHOOSE(!is_true_condition(call));
}

/* --- two values ----------------------------------------------------------- */

static const char *const operators[] = { "==", "===", "!=", "!==",
                                         "<",  ">",   "<=", ">=" };

/* The operator is almost always a literal: refuse a wrong one at once. */
static apr_status_t prepare_compare(void **pprepared,
                                    const flow_invocation_t *node,
                                    apr_pool_t *p, flow_error_t *err)
{
    const flow_any_t *op = &node->args[1].literal;
    apr_size_t i;

    (void)p;
    if (node->n < 3 || node->args[1].kind != FLOW_EXPR_LITERAL)
        return APR_SUCCESS;
    for (i = 0; i < sizeof(operators) / sizeof(operators[0]); ++i) {
        if (op->type == FLOW_ANY_TEXT && op->len == strlen(operators[i]) &&
            memcmp(op->text, operators[i], op->len) == 0) {
            *pprepared = (void *)&operators[i];
            return APR_SUCCESS;
        }
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "template_helper",
                          "the operator must be one of \"==\" \"===\" \"!=\" "
                          "\"!==\" \"<\" \">\" \"<=\" \">=\"");
}

static int less_or_equal(const flow_any_t *a, const flow_any_t *b,
                         apr_pool_t *p)
{
    int is_less = flow_any_is_less(b, a, p);

    return is_less == 0; /* NaN is neither */
}

static apr_status_t compare(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *a = &call->args[0], *b = &call->args[2];
    apr_size_t len;
    const char *op = flow_helper_text(call, 1, &len);

    if (len == 2 && memcmp(op, "==", 2) == 0)
        CHOOSE(flow_any_is_equal(a, b, call->p));
    if (len == 3 && memcmp(op, "===", 3) == 0)
        CHOOSE(flow_any_is_same(a, b));
    if (len == 2 && memcmp(op, "!=", 2) == 0)
        CHOOSE(!flow_any_is_equal(a, b, call->p));
    if (len == 3 && memcmp(op, "!==", 3) == 0)
        CHOOSE(!flow_any_is_same(a, b));
    if (len == 1 && *op == '<')
        CHOOSE(flow_any_is_less(a, b, call->p) == 1);
    if (len == 1 && *op == '>')
        CHOOSE(flow_any_is_less(b, a, call->p) == 1);
    if (len == 2 && memcmp(op, "<=", 2) == 0)
        CHOOSE(less_or_equal(a, b, call->p));
    if (len == 2 && memcmp(op, ">=", 2) == 0)
        CHOOSE(less_or_equal(b, a, call->p));
    return flow_helper_fail(call, "template_operator",
                            "'%.16s' is no operator; use == === != !== < > <= "
                            "or >=",
                            op);
}

static apr_status_t and_(flow_helper_call_t *call, flow_any_t *out)
{
    CHOOSE(flow_any_is_true(&call->args[0]) &&
           flow_any_is_true(&call->args[1]));
}

static apr_status_t or_(flow_helper_call_t *call, flow_any_t *out)
{
    CHOOSE(flow_any_is_true(&call->args[0]) ||
           flow_any_is_true(&call->args[1]));
}

static apr_status_t neither(flow_helper_call_t *call, flow_any_t *out)
{
    CHOOSE(!flow_any_is_true(&call->args[0]) &&
           !flow_any_is_true(&call->args[1]));
}

static apr_status_t not_(flow_helper_call_t *call, flow_any_t *out)
{
    CHOOSE(!flow_any_is_true(&call->args[0]));
}

/* --- collections ---------------------------------------------------------- */

static apr_status_t is_empty(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];

    if (v->type == FLOW_ANY_ARRAY)
        CHOOSE(json_array_size(v->json) == 0);
    if (v->type == FLOW_ANY_OBJECT)
        CHOOSE(json_object_size(v->json) == 0);
    CHOOSE(1);
}

static int has_element(const json_t *array, const flow_any_t *wanted)
{
    apr_size_t i;

    for (i = 0; i < json_array_size(array); ++i) {
        flow_any_t element = flow_any_from(json_array_get(array, i));

        if (flow_any_is_same(&element, wanted))
            return 1;
    }
    return 0;
}

static apr_status_t contains(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *hay = &call->args[0], *needle = &call->args[1];
    const char *s, *t;
    apr_size_t slen, tlen;

    if (flow_any_is_nothing(hay) || flow_any_is_nothing(needle))
        CHOOSE(0);
    if (hay->type == FLOW_ANY_ARRAY)
        CHOOSE(has_element(hay->json, needle));
    t = flow_any_text(needle, &tlen, call->p);
    if (hay->type == FLOW_ANY_OBJECT)
        CHOOSE(json_object_getn(hay->json, t, tlen) != NULL);
    s = flow_any_text(hay, &slen, call->p);
    CHOOSE(tlen == 0 || memmem(s, slen, t, tlen) != NULL);
}

static apr_status_t in_array(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *array = &call->args[0];
    apr_size_t i;

    if (array->type != FLOW_ANY_ARRAY)
        CHOOSE(0);
    for (i = 0; i < json_array_size(array->json); ++i) {
        if (flow_json_is(json_array_get(array->json, i), OBJECT))
            CHOOSE(0);
    }
    CHOOSE(has_element(array->json, &call->args[1]));
}

static apr_status_t if_even(flow_helper_call_t *call, flow_any_t *out)
{
    double d = flow_helper_number(call, 0);

    CHOOSE(!flow_any_is_nothing(&call->args[0]) && fmod(d, 2) == 0);
}

static apr_status_t starts_with(flow_helper_call_t *call, flow_any_t *out)
{
    flow_any_t prefix = flow_helper_arg(call, 0),
               text = flow_helper_arg(call, 1);
    const char *s, *t;
    apr_size_t slen, tlen;

    if (flow_any_is_nothing(&prefix) || flow_any_is_nothing(&text))
        return APR_SUCCESS;
    s = flow_any_text(&text, &slen, call->p);
    t = flow_any_text(&prefix, &tlen, call->p);
    CHOOSE(tlen <= slen && memcmp(s, t, tlen) == 0);
}

/* --- some ----------------------------------------------------------------- */

typedef struct condition_t {
    const char *name;
    int type; /* -1: by truth */
} condition_t;

static const condition_t conditions[] = {
    { "isTruthy", -1 },
    { "isFalsy", -1 },
    { "isArray", FLOW_ANY_ARRAY },
    { "isString", FLOW_ANY_TEXT },
    { "isObject", FLOW_ANY_OBJECT },
    { "isNumber", FLOW_ANY_NUMBER },
    { "isBoolean", FLOW_ANY_BOOL },
};

static const condition_t *condition_named(const char *name, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < sizeof(conditions) / sizeof(conditions[0]); ++i) {
        if (strlen(conditions[i].name) == len &&
            memcmp(conditions[i].name, name, len) == 0)
            return &conditions[i];
    }
    return NULL;
}

/* The condition is written bare, as if it were a field. */
static apr_status_t prepare_some(void **pprepared,
                                 const flow_invocation_t *node, apr_pool_t *p,
                                 flow_error_t *err)
{
    const flow_expr_t *expr = &node->args[1];
    const condition_t *condition = NULL;

    (void)p;
    if (node->n < 2)
        return APR_SUCCESS;
    if (expr->kind == FLOW_EXPR_LITERAL && expr->literal.type == FLOW_ANY_TEXT)
        condition = condition_named(expr->literal.text, expr->literal.len);
    else if (expr->kind == FLOW_EXPR_PATH && expr->n == 1 && expr->up == 0)
        condition = condition_named(expr->steps[0].name, expr->steps[0].len);
    if (!condition) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "template_helper",
                              "the condition must be one of isFalsy isTruthy "
                              "isArray isString isObject isNumber isBoolean");
    }
    *pprepared = (void *)condition;
    return APR_SUCCESS;
}

static int meets(const condition_t *condition, const flow_any_t *v)
{
    if (condition->type >= 0)
        return (int)v->type == condition->type;
    return flow_any_is_true(v) == (condition == &conditions[0]);
}

static apr_status_t some(flow_helper_call_t *call, flow_any_t *out)
{
    const condition_t *condition = call->node->prepared;
    const flow_any_t *array = &call->args[0];
    apr_size_t i;

    if (array->type != FLOW_ANY_ARRAY)
        CHOOSE(0);
    for (i = 0; i < json_array_size(array->json); ++i) {
        flow_any_t v = flow_any_from(json_array_get(array->json, i));

        if (meets(condition, &v))
            CHOOSE(1);
    }
    CHOOSE(0);
}

/* --- those that do more than choose --------------------------------------- */

static apr_status_t each(flow_helper_call_t *call, const flow_block_t *block)
{
    const flow_any_t *v = &call->args[0];
    apr_size_t count = 0;
    apr_status_t rv = APR_SUCCESS;

    if (v->type == FLOW_ANY_ARRAY || v->type == FLOW_ANY_OBJECT)
        rv = flow_render_loop(call, block, v, NULL, NULL, &count);
    if (rv == APR_SUCCESS && count == 0)
        rv = flow_render_else(call, block);
    return rv;
}

static apr_status_t with(flow_helper_call_t *call, const flow_block_t *block)
{
    if (flow_any_is_empty(&call->args[0]))
        return flow_render_else(call, block);
    return flow_render_body(call, block, block->main, &call->args[0]);
}

/** What {{#filter}} looks for. */
typedef struct wanted_t {
    const flow_any_t *value;
    const char *property; /* NULL: the element itself */
    apr_size_t len;
} wanted_t;

static int is_wanted(void *baton, const json_t *element)
{
    const wanted_t *wanted = baton;
    const char *c = wanted->property, *end, *dot;
    flow_any_t v;

    if (c) {
        end = c + wanted->len;
        for (; element && c <= end; c = dot + 1) {
            dot = memchr(c, '.', (apr_size_t)(end - c));
            if (!dot)
                dot = end;
            element = flow_json_is(element, OBJECT)
                          ? json_object_getn(element, c, (apr_size_t)(dot - c))
                          : NULL;
        }
    }
    v = flow_any_from(element);
    return flow_any_is_same(&v, wanted->value);
}

static apr_status_t filter(flow_helper_call_t *call, const flow_block_t *block)
{
    wanted_t wanted = { &call->args[1] };
    apr_size_t count = 0;
    apr_status_t rv;

    if (call->args[0].type != FLOW_ANY_ARRAY)
        return APR_SUCCESS;
    if (call->n > 2)
        wanted.property = flow_helper_text(call, 2, &wanted.len);
    rv = flow_render_loop(call, block, &call->args[0], is_wanted, &wanted,
                          &count);
    if (rv == APR_SUCCESS && count == 0)
        rv = flow_render_else(call, block);
    return rv;
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "if", 1, 1, if_, NULL, 1, "value [includeZero=true]",
      "The value is true: not false, 0, empty text, an empty array or nothing. `{{else if ...}}` goes on.",
      "{{#if \"\"}}a{{else if \"x\"}}b{{else}}c{{/if}}", "b", "includeZero" },
    { "unless", 1, 1, unless, NULL, 1, "value [includeZero=true]", "The opposite of `#if`.",
      "{{#unless \"\"}}none{{/unless}}", "none", "includeZero" },
    { "compare", 3, 3, compare, NULL, 1, "a operator b",
      "`==` `===` `!=` `!==` `<` `>` `<=` `>=` as in JavaScript: two texts compare as text, a number on one side makes numbers of both.",
      "{{#compare \"50\" \">\" \"100\"}}true{{else}}false{{/compare}}", "true", NULL, prepare_compare },
    { "and", 2, 2, and_, NULL, 1, "a b", "Both are true in JavaScript's sense: the text `0` is, the number 0 and empty text are not.",
      "{{#and \"0\" 1}}yes{{else}}no{{/and}}", "yes" },
    { "or", 2, 2, or_, NULL, 1, "a b", "At least one is true.", "{{#or \"\" 1}}yes{{else}}no{{/or}}", "yes" },
    { "neither", 2, 2, neither, NULL, 1, "a b", "None is true.", "{{#neither \"\" 0}}yes{{else}}no{{/neither}}", "yes" },
    { "not", 1, 1, not_, NULL, 1, "value", "The value is false in JavaScript's sense; an empty array is true here, unlike in `#if`.",
      "{{#not 0}}none{{else}}some{{/not}}", "none" },
    { "isEmpty", 1, 1, is_empty, NULL, 1, "value", "An empty array or object, or nothing; also any text, number or boolean.",
      "{{#isEmpty (jsonParse \"[]\")}}empty{{else}}items{{/isEmpty}}", "empty" },
    { "contains", 2, 2, contains, NULL, 1, "text needle", "A text holds the needle, or an array has it as an element.",
      "{{#contains \"12345\" \"5\"}}found{{else}}missing{{/contains}}", "found" },
    { "inArray", 2, 2, in_array, NULL, 1, "array value", "The array has exactly this value (`3` is not `\"3\"`). Not for arrays of objects.",
      "{{#inArray (jsonParse \"[1,2,3]\") \"3\"}}found{{else}}not found{{/inArray}}", "not found" },
    { "ifEven", 1, 1, if_even, NULL, 1, "number", "The number is even.", "{{#ifEven \"8\"}}even{{else}}odd{{/ifEven}}", "even" },
    { "startsWith", 1, 2, starts_with, NULL, 1, "prefix text", "The text starts with the prefix, which comes first. When one of them is missing the block prints nothing at all.",
      "{{#startsWith \"Hello\" \"Hello, world\"}}match{{else}}no match{{/startsWith}}", "match" },
    { "some", 2, 2, some, NULL, 1, "array condition", "An element meets the condition: isFalsy isTruthy isArray isString isObject isNumber isBoolean.",
      "{{#some (jsonParse \"[false,42]\") isNumber}}number{{else}}none{{/some}}", "number", NULL, prepare_some },
    { "filter", 2, 3, NULL, filter, 1, "array value [property]", "Once per element that equals the value, or whose property (`a.b` is fine) does, with the element as context. None: else; no array: nothing.",
      "{{#filter (jsonParse '[{\"t\":\"x\",\"n\":1},{\"t\":\"y\",\"n\":2}]') \"y\" \"t\"}}{{n}}{{/filter}}", "2" },
    { "each", 1, 1, NULL, each, 1, "value [as |item key|]", "Once per element or member, which is the context. None: else.",
      "{{#each (jsonParse '{\"a\":1,\"b\":2}') as |v k|}}{{k}}={{v}}{{#unless @last}},{{/unless}}{{/each}}", "a=1,b=2" },
    { "with", 1, 1, NULL, with, 1, "value [as |name|]", "With the value as context. Nothing there: else.",
      "{{#with (jsonParse '{\"a\":1}')}}{{a}}{{/with}}", "1" },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_block = {
    "Blocks", rows, sizeof(rows) / sizeof(rows[0])
};
