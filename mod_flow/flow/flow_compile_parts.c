/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several kinds of documents have: hooks, filters, transforms, type delta.
 */
#include "flow/flow_compile_private.h"

#include "data/flow_iso8601.h"
#include "data/flow_nearest.h"
#include "flow/flow_delta.h"
#include "flow/flow_schema_private.h"

#include <apr_strings.h>

#include <string.h>

/* ---- hooks ---- */

static void no_such_function(flow_compile_t *c, const char *field,
                             const flow_script_t *script, const char *function)
{
    flow_compile_problem(c, field,
                         "script '%s' has no function '%s'; it has: %s",
                         flow_script_id(script), function,
                         flow_script_functions(script, c->scratch));
}

void flow_compile_hook_object(flow_compile_t *c, const char *field,
                              const json_t *object, flow_hook_t *hook)
{
    const char *id = flow_json_member(object, "_scriptId");
    const char *function = flow_json_member(object, "function");
    const flow_script_t *script;

    if (!id || !function) {
        return;
    }
    /* One that is there but did not compile has been reported. */
    script = apr_hash_get(c->model->scripts, id, APR_HASH_KEY_STRING);
    if (!script) {
        return;
    }
    if (!flow_script_has(script, function)) {
        no_such_function(c,
                         apr_pstrcat(c->scratch, field, field[0] ? "." : "",
                                     "function", NULL),
                         script, function);
        return;
    }
    hook->script = script;
    hook->function = apr_pstrdup(c->p, function);
}

void flow_compile_hook(flow_compile_t *c, const char *field, flow_hook_t *hook)
{
    const json_t *object = flow_compile_get(c, field);

    if (object) {
        flow_compile_hook_object(c, field, object, hook);
    }
}

/* ---- filters and transforms ---- */

typedef enum {
    PART_NONE,
    PART_EXPRESSION,
    PART_SCRIPT
} part_e;

static int has_expression(const json_t *part)
{
    return json_object_get(part, "expression") ||
           json_object_get(part, "rules") ||
           json_object_get(part, "rulesTwoDotZero");
}

/* The form in which Celigo's editor saves that there is none: all that belongs
 * to it, and no rules. */
static int has_no_rules(const json_t *part)
{
    const json_t *expression = json_object_get(part, "expression");
    const json_t *two = json_object_get(part, "rulesTwoDotZero");

    if (flow_json_is_silent(two, 0) && expression) {
        two = json_object_get(expression, "rulesTwoDotZero");
    }
    return has_expression(part) &&
           (!expression || flow_json_is(expression, OBJECT) ||
            flow_json_is(expression, NULL)) &&
           flow_json_is_silent(json_object_get(part, "rules"), 0) &&
           flow_json_is_silent(json_object_get(expression, "rules"), 0) &&
           (flow_json_is_silent(two, 0) ||
            (json_object_get(two, "mappings") &&
             flow_json_is_silent(json_object_get(two, "mappings"), 0)));
}

static const char *at(flow_compile_t *c, const char *field, const char *member)
{
    return apr_pstrcat(c->scratch, field, ".", member, NULL);
}

/* Rules under a name that nobody looks at would be none. */
static int check_names(flow_compile_t *c, const char *field,
                       const json_t *object, const char *const *known,
                       apr_size_t n)
{
    const char *key, *near;
    apr_size_t i;
    json_t *v;

    json_object_foreach((json_t *)object, key, v)
    {
        for (i = 0; i < n && strcmp(known[i], key) != 0; ++i) {
        }
        if (i < n || flow_json_is_silent(v, 1)) {
            continue;
        }
        near = flow_nearest(key, known, n);
        flow_compile_problem(c, field, "unknown field '%s'%s%s%s",
                             flow_printable(key, c->scratch),
                             near ? "; did you mean '" : "", near ? near : "",
                             near ? "'?" : "");
        return 0;
    }
    return 1;
}

static int check_expression(flow_compile_t *c, const char *field,
                            const json_t *part)
{
    static const char *const names[] = { "version", "rules",
                                         "rulesTwoDotZero" };
    static const char *const two_names[] = { "mode", "mappings", "lookups" };
    const json_t *expression = json_object_get(part, "expression");
    const json_t *two = json_object_get(expression, "rulesTwoDotZero");

    return check_names(c, at(c, field, "expression"), expression, names,
                       sizeof(names) / sizeof(names[0])) &&
           check_names(c, at(c, field, "expression.rulesTwoDotZero"), two,
                       two_names, sizeof(two_names) / sizeof(two_names[0]));
}

/* Only the block named by `type` counts; without it, the one that is there. */
static part_e part_of(flow_compile_t *c, const char *field, const json_t *part)
{
    const char *type = flow_json_member(part, "type");
    int is_script = json_object_get(part, "script") != NULL;

    if (!part) {
        return PART_NONE;
    }
    if (type ? strcmp(type, "script") == 0 : is_script) {
        if (is_script) {
            return PART_SCRIPT;
        }
        flow_compile_problem(c, field, "type 'script' needs 'script'");
        return PART_NONE;
    }
    if (has_no_rules(part)) {
        check_expression(c, field, part);
        return PART_NONE;
    }
    if (has_expression(part)) {
        return PART_EXPRESSION;
    }
    if (type) {
        flow_compile_problem(c, field,
                             "type 'expression' needs 'expression', such as "
                             "{\"version\": \"1\", \"rules\": [...]}");
    }
    return PART_NONE;
}

void flow_compile_filter(flow_compile_t *c, const char *field,
                         flow_record_filter_t *filter)
{
    flow_compile_filter_object(c, field, flow_compile_get(c, field), filter);
}

void flow_compile_filter_object(flow_compile_t *c, const char *field,
                                const json_t *part,
                                flow_record_filter_t *filter)
{
    const json_t *expression;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *compiled = NULL;

    if (flow_json_type(part) == FLOW_JSON_NULL) {
        return;
    }
    switch (part_of(c, field, part)) {
    case PART_SCRIPT:
        flow_compile_hook_object(c, at(c, field, "script"),
                                 json_object_get(part, "script"),
                                 &filter->script);
        break;
    case PART_EXPRESSION:
        expression = json_object_get(part, "expression");
        if (flow_filter_compile(&compiled, expression ? expression : part, c->p,
                                &err) == APR_SUCCESS) {
            filter->expression = compiled;
            break;
        }
        flow_compile_problem(c,
                             at(c, field, expression ? "expression" : "rules"),
                             "%s", err.message);
        break;
    default:
        break;
    }
}

void flow_compile_transform(flow_compile_t *c, const char *field,
                            const flow_connection_t *connection,
                            flow_transform_t *transform)
{
    const json_t *part = flow_compile_get(c, field), *expression;

    switch (part_of(c, field, part)) {
    case PART_SCRIPT:
        flow_compile_hook(c, at(c, field, "script"), &transform->script);
        break;
    case PART_EXPRESSION:
        expression = json_object_get(part, "expression");
        transform->expression =
            expression
                ? flow_compile_rules(c, at(c, field, "expression"), expression)
                : flow_compile_rules(c, field, part);
        flow_compile_rules_lookups(
            c, expression ? at(c, field, "expression") : field,
            expression ? expression : part, connection, transform);
        break;
    default:
        break;
    }
}

/* ---- type delta ---- */

void flow_compile_delta(flow_compile_t *c, flow_export_t *exp)
{
    const char *type = flow_compile_string(c, "type");
    const char *start = flow_compile_string(c, "delta.startDate");

    exp->delta_start = -1;
    if (!type || strcmp(type, "delta") != 0) {
        if (flow_compile_get(c, "delta")) {
            flow_compile_problem(c, "delta",
                                 "only for exports of type "
                                 "'delta'");
        }
        return;
    }
    exp->is_delta = 1;
    exp->delta_lag = flow_compile_int(c, "delta.lagOffset");
    exp->delta_format = flow_compile_string(c, "delta.dateFormat");
    if (exp->is_lookup) {
        flow_compile_problem(c, "type", "a lookup cannot be of type 'delta'");
    }
    if (start && !flow_iso8601_parse(start, strlen(start), &exp->delta_start)) {
        flow_compile_problem(c, "delta.startDate",
                             "not a date as in ISO 8601, such as "
                             "2026-01-31T00:00:00Z");
    }
    if (exp->delta_format &&
        strlen(exp->delta_format) > FLOW_DELTA_FORMAT_MAX) {
        flow_compile_problem(c, "delta.dateFormat",
                             "longer than %d bytes; a format such as "
                             "YYYY-MM-DDTHH:mm:ss[Z] would be right",
                             FLOW_DELTA_FORMAT_MAX);
    }
}
