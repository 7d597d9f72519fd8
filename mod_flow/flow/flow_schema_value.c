/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_schema_private.h"

#include "data/flow_nearest.h"
#include "flow/flow_file.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define WORDS_MAX   64   /* allowed words of one field */
#define STRINGS_MAX 1000 /* words of one FlowSet line */

/* ---- words ---- */

/* Words before the '|' and, in *plater, behind it. */
static apr_size_t split_words(const char *values, const char *words[],
                              apr_size_t *pnlater, apr_pool_t *p)
{
    apr_size_t n = 0, good = 0;
    int later = 0;
    const char *s = values;

    for (;;) {
        apr_size_t len;

        s += strspn(s, " ");
        len = strcspn(s, " ");
        if (len == 0 || n == WORDS_MAX) {
            break;
        }
        if (len == 1 && *s == '|') {
            later = 1;
        }
        else {
            words[n++] = apr_pstrmemdup(p, s, len);
            good += !later;
        }
        s += len;
    }
    *pnlater = n - good;
    return good;
}

static int among(const char *word, const char *const *words, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        if (strcmp(word, words[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *flow_schema_word_problem(const flow_field_t *field,
                                     const char *word, apr_pool_t *p)
{
    const char *words[WORDS_MAX], *near, *list = "";
    apr_size_t n, nlater, i;

    if (!field->values) {
        return NULL;
    }
    n = split_words(field->values, words, &nlater, p);
    if (among(word, words, n)) {
        return NULL;
    }
    for (i = 0; i < n; ++i) {
        list = apr_pstrcat(p, list, i ? " " : "", words[i], NULL);
    }
    word = flow_printable(word, p);
    if (among(word, words + n, nlater)) {
        return apr_psprintf(p,
                            "'%s' is known but not supported yet; "
                            "supported: %s",
                            word, list);
    }
    near = flow_nearest(word, words, n + nlater);
    if (near) {
        return apr_psprintf(p, "'%s' is not one of %s; did you mean '%s'?",
                            word, list, near);
    }
    return apr_psprintf(p, "'%s' is not one of %s", word, list);
}

/* ---- scalars ---- */

static const char *int_problem(const flow_field_t *field, const json_t *v,
                               apr_pool_t *p)
{
    apr_int64_t n, min, max;
    const char *rest;

    if (!flow_json_int64(v, &n)) {
        return flow_json_is(v, NUMBER)
                   ? apr_psprintf(p, "%s is not a whole number",
                                  flow_json_to_text(v, NULL, p))
                   : apr_psprintf(p, "must be a whole number, not a%s %s",
                                  strchr("ao", flow_json_type_name(v)[0]) ? "n"
                                                                          : "",
                                  flow_json_type_name(v));
    }
    if (!field->values) {
        return NULL;
    }
    min = apr_strtoi64(field->values, (char **)&rest, 10);
    max = apr_strtoi64(rest, NULL, 10);
    if (n < min || n > max) {
        return apr_psprintf(p,
                            "%" APR_INT64_T_FMT
                            " is out of range; must be %" APR_INT64_T_FMT
                            " to %" APR_INT64_T_FMT,
                            n, min, max);
    }
    return NULL;
}

const char *flow_schema_scalar_problem(const flow_field_t *field,
                                       const json_t *v, apr_pool_t *p)
{
    const char *text;
    apr_size_t len;

    if (field->type == FLOW_FIELD_INT) {
        return int_problem(field, v, p);
    }
    if (field->type == FLOW_FIELD_BOOL) {
        return flow_json_is(v, BOOL)
                   ? NULL
                   : apr_psprintf(p, "must be true or false, not a %s",
                                  flow_json_type_name(v));
    }
    text = flow_json_string(v, &len);
    if (!text) {
        return apr_psprintf(p, "must be a string, not %s %s",
                            strchr("ao", flow_json_type_name(v)[0]) ? "an"
                                                                    : "a",
                            flow_json_type_name(v));
    }
    if (strlen(text) != len) {
        return "must not contain a NUL character";
    }
    return field->type == FLOW_FIELD_ID
               ? NULL
               : flow_schema_word_problem(field, text, p);
}

/* ---- FlowSet ---- */

static json_t *string_value(const char *text)
{
    return flow_json_string_new(text, strlen(text));
}

static json_t *words_value(const char *text, apr_pool_t *p)
{
    json_t *list = json_array();
    const char *s = text;

    for (;;) {
        apr_size_t len;

        s += strspn(s, " \t\r\n");
        len = strcspn(s, " \t\r\n");
        if (len == 0 || json_array_size(list) == STRINGS_MAX) {
            return list;
        }
        json_array_append_new(list, string_value(apr_pstrmemdup(p, s, len)));
        s += len;
    }
}

static int all_strings(const json_t *v)
{
    size_t i;

    for (i = 0; i < json_array_size(v); ++i) {
        if (!flow_json_is(json_array_get(v, i), STRING)) {
            return 0;
        }
    }
    return flow_json_is(v, ARRAY);
}

static json_t *templates_value(const char *text)
{
    json_t *v = NULL;

    /* A body template may itself begin with a bracket: only what reads as an
     * array of strings is meant as one. */
    if (text[0] == '[' &&
        flow_json_parse(&v, text, strlen(text), NULL) == APR_SUCCESS) {
        if (all_strings(v)) {
            return v;
        }
        json_decref(v);
    }
    v = json_array();
    json_array_append_new(v, string_value(text));
    return v;
}

static json_t *scalar_value(const flow_field_t *field, const char *text)
{
    if (field->type == FLOW_FIELD_BOOL) {
        return strcmp(text, "true") == 0    ? json_true()
               : strcmp(text, "false") == 0 ? json_false()
                                            : NULL;
    }
    if (field->type == FLOW_FIELD_INT) {
        return flow_json_number_new(text, strlen(text));
    }
    return string_value(text);
}

static const char *wanted(const flow_field_t *field)
{
    switch (field->type) {
    case FLOW_FIELD_BOOL:
        return "true or false";
    case FLOW_FIELD_INT:
        return "a whole number";
    case FLOW_FIELD_OBJECT:
        return "a JSON object such as {\"name\": \"value\"}; its members can "
               "be set one by one";
    case FLOW_FIELD_ARRAY:
        return "a JSON array such as [{\"name\": \"value\"}]";
    default:
        return "UTF-8 text";
    }
}

static apr_status_t read_at(const char **ptext, const char *base_dir,
                            apr_pool_t *p, flow_error_t *err)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv;

    rv =
        flow_file_read(&data, &len, flow_file_absolute(base_dir, *ptext + 1, p),
                       FLOW_FILE_MAX, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (len > 0 && data[len - 1] == '\n') {
        --len;
        len -= len > 0 && data[len - 1] == '\r';
    }
    *ptext = apr_pstrmemdup(p, data, len);
    return APR_SUCCESS;
}

static int may_be_json(const flow_field_t *field, const char *text)
{
    switch (field->type) {
    case FLOW_FIELD_OBJECT:
        return text[0] == '{';
    case FLOW_FIELD_ARRAY:
    case FLOW_FIELD_STRINGS:
        return text[0] == '[';
    case FLOW_FIELD_ANY:
        return text[0] == '[' || text[0] == '{';
    default:
        return 0;
    }
}

/* NULL: the text is not what the field wants. */
static json_t *typed(const flow_field_t *field, const char *text, apr_pool_t *p)
{
    switch (field->type) {
    case FLOW_FIELD_STRINGS:
        return words_value(text, p);
    case FLOW_FIELD_TEMPLATES:
        return templates_value(text);
    case FLOW_FIELD_OBJECT:
    case FLOW_FIELD_ARRAY:
        return NULL;
    default:
        return scalar_value(field, text);
    }
}

apr_status_t flow_schema_value(const flow_field_t *field, const char *text,
                               const char *base_dir, json_t **pv, apr_pool_t *p,
                               flow_error_t *err)
{
    const char *problem = NULL;
    apr_status_t rv;
    json_t *v = NULL;

    if (text[0] == '@' && text[1] == '@') {
        ++text;
    }
    else if (text[0] == '@') {
        rv = read_at(&text, base_dir, p, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    if (!flow_utf8_is_valid(text, strlen(text))) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "value",
                              "the value is not UTF-8");
    }
    if (may_be_json(field, text)) {
        rv = flow_json_parse(&v, text, strlen(text), err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    else {
        v = typed(field, text, p);
        if (!v) {
            /* The value itself stays out of the message when it may be a
             * secret. */
            return flow_error_set(
                err, FLOW_E_CONFIG, APR_EINVAL, "value", "'%s' is not %s",
                (field->flags & FLOW_FIELD_SECRET) ? "******"
                                                   : flow_printable(text, p),
                wanted(field));
        }
    }
    if (!flow_json_is(v, ARRAY) && !flow_json_is(v, OBJECT) &&
        field->type != FLOW_FIELD_ANY) {
        problem = flow_schema_scalar_problem(field, v, p);
    }
    if (problem) {
        json_decref(v);
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "value", "%s",
                              problem);
    }
    *pv = v;
    return APR_SUCCESS;
}
