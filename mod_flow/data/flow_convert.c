/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_convert.h"

#include "data/flow_json.h"
#include "data/flow_value.h"

#include <string.h>

#define DATE_TEXT_MAX 4096

const char *const flow_type_names[FLOW_TYPES] = {
    "",          "string",      "number",      "boolean",      "date",
    "object",    "stringarray", "numberarray", "booleanarray", "objectarray",
    "arrayarray"
};

flow_type_e flow_type_find(const char *name)
{
    int i;

    for (i = 0; i < FLOW_TYPES && strcmp(flow_type_names[i], name) != 0; ++i)
        ;
    return (flow_type_e)i;
}

int flow_type_is_array(flow_type_e type)
{
    return type >= FLOW_TYPE_STRINGARRAY && type < FLOW_TYPES;
}

flow_type_e flow_type_element(flow_type_e type)
{
    switch (type) {
    case FLOW_TYPE_STRINGARRAY:
        return FLOW_TYPE_STRING;
    case FLOW_TYPE_NUMBERARRAY:
        return FLOW_TYPE_NUMBER;
    case FLOW_TYPE_BOOLEANARRAY:
        return FLOW_TYPE_BOOLEAN;
    case FLOW_TYPE_OBJECTARRAY:
        return FLOW_TYPE_OBJECT;
    default:
        return FLOW_TYPE_NONE;
    }
}

/* --- types ---------------------------------------------------------------- */

static apr_status_t wrong(flow_error_t *err, const char *code,
                          const char *wanted, const json_t *v)
{
    return flow_error_set(
        err, FLOW_E_INPUT, APR_EINVAL, code, "%s is needed, found %s", wanted,
        flow_json_is(v, STRING) ? "text that is none" : flow_json_type_name(v));
}

static apr_status_t replace(json_t **pv, json_t *v, flow_error_t *err)
{
    if (!v) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "out_of_memory",
                              "no memory for a mapping");
    }
    json_decref(*pv);
    *pv = v;
    return APR_SUCCESS;
}

static apr_status_t to_number(json_t **pv, apr_pool_t *scratch,
                              flow_error_t *err)
{
    json_t *v;

    /* An empty cell is no number, but nobody's mistake either. */
    if (flow_value_is_empty(*pv))
        return replace(pv, json_null(), err);
    v = flow_value_to_number(*pv, scratch);
    if (!v) {
        return flow_error_set(
            err, FLOW_E_INPUT, APR_EINVAL, "mapping_number",
            "a number is needed, found %s that is none",
            flow_json_is(*pv, STRING) ? "text" : flow_json_type_name(*pv));
    }
    return replace(pv, v, err);
}

/* The JSON of a container of that kind, or NULL. */
static json_t *parse_as(const json_t *v, char first, flow_json_type_e type)
{
    apr_size_t len, i = 0;
    const char *text = flow_json_string(v, &len);
    json_t *parsed = NULL;

    while (text && i < len && strchr(" \t\r\n", text[i]) && text[i])
        ++i;
    if (!text || i == len || text[i] != first ||
        flow_json_parse(&parsed, text, len, NULL) != APR_SUCCESS)
        return NULL;
    if (flow_json_type(parsed) == type)
        return parsed;
    json_decref(parsed);
    return NULL;
}

static apr_status_t to_object(json_t **pv, flow_error_t *err)
{
    json_t *v;

    if (flow_json_is(*pv, OBJECT))
        return APR_SUCCESS;
    if (flow_value_is_empty(*pv) && flow_json_is(*pv, STRING))
        return replace(pv, json_null(), err);
    v = parse_as(*pv, '{', FLOW_JSON_OBJECT);
    return v ? replace(pv, v, err)
             : wrong(err, "mapping_object", "an object", *pv);
}

static apr_status_t to_element(flow_type_e array, json_t **pv,
                               apr_pool_t *scratch, flow_error_t *err)
{
    if (array != FLOW_TYPE_ARRAYARRAY)
        return flow_type_convert(flow_type_element(array), pv, scratch, err);
    if (flow_json_is(*pv, ARRAY) || flow_json_is(*pv, NULL))
        return APR_SUCCESS;
    return wrong(err, "mapping_array", "an array of arrays", *pv);
}

/* A single value is an array of one. */
static json_t *as_array(const json_t *v)
{
    json_t *array;

    if (flow_json_is(v, ARRAY))
        return json_incref((json_t *)v);
    array = parse_as(v, '[', FLOW_JSON_ARRAY);
    if (array)
        return array;
    array = json_array();
    if (!(flow_json_is(v, STRING) && flow_value_is_empty(v)))
        json_array_append(array, (json_t *)v);
    return array;
}

static apr_status_t to_array(flow_type_e type, json_t **pv, apr_pool_t *scratch,
                             flow_error_t *err)
{
    json_t *from = as_array(*pv), *out = json_array(), *v;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < json_array_size(from) && rv == APR_SUCCESS; ++i) {
        v = json_incref(json_array_get(from, i));
        rv = to_element(type, &v, scratch, err);
        json_array_append_new(out, v);
    }
    json_decref(from);
    if (rv == APR_SUCCESS)
        return replace(pv, out, err);
    json_decref(out);
    return rv;
}

apr_status_t flow_type_convert(flow_type_e type, json_t **pv,
                               apr_pool_t *scratch, flow_error_t *err)
{
    if (!*pv || flow_json_is(*pv, NULL))
        return APR_SUCCESS;
    switch (type) {
    case FLOW_TYPE_NONE:
    case FLOW_TYPE_DATE:
        return APR_SUCCESS;
    case FLOW_TYPE_STRING:
        if (flow_json_is(*pv, STRING))
            return APR_SUCCESS;
        return replace(pv, flow_value_to_string(*pv, scratch), err);
    case FLOW_TYPE_NUMBER:
        return to_number(pv, scratch, err);
    case FLOW_TYPE_BOOLEAN:
        return replace(pv, json_boolean(flow_value_is_true(*pv)), err);
    case FLOW_TYPE_OBJECT:
        return to_object(pv, err);
    default:
        return to_array(type, pv, scratch, err);
    }
}

apr_status_t flow_type_read(flow_type_e source, flow_type_e target, json_t **pv)
{
    if (source != FLOW_TYPE_BOOLEAN || target == FLOW_TYPE_STRING ||
        !flow_json_is(*pv, STRING) || flow_value_is_empty(*pv))
        return APR_SUCCESS;
    return replace(pv, json_boolean(flow_value_is_true(*pv)), NULL);
}

/* --- dates ---------------------------------------------------------------- */

static int read_date(const flow_dates_t *dates, apr_time_t now, const char *s,
                     apr_size_t len, apr_int64_t *pms)
{
    if (!dates->from)
        return flow_date_parse(s, len, dates->from_zone, pms);
    return flow_date_parse_format(s, len, dates->from, strlen(dates->from),
                                  dates->from_zone, now ? now : apr_time_now(),
                                  pms);
}

static apr_status_t convert_one(const flow_dates_t *dates, apr_time_t now,
                                json_t **pv, apr_pool_t *scratch,
                                flow_error_t *err)
{
    apr_int64_t ms = 0;
    flow_buf_t out;
    apr_size_t len;
    const char *s = flow_json_to_text(*pv, &len, scratch);
    json_t *v;

    if (!s || !read_date(dates, now, s, len, &ms)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "mapping_date",
                              dates->from ? "the value is no date as "
                                            "'extractDateFormat' has it ('%s')"
                                          : "the value is no date%s",
                              dates->from ? dates->from : "");
    }
    flow_buf_init(&out, DATE_TEXT_MAX);
    if (dates->to) {
        /* A day read in a zone is the same day when nobody says otherwise. */
        flow_date_format(&out, ms,
                         dates->to_zone ? dates->to_zone : dates->from_zone,
                         dates->to, strlen(dates->to));
    }
    else {
        flow_date_format_iso(&out, ms, dates->to_zone);
    }
    if (APR_STATUS_IS_ENOSPC(out.status)) {
        flow_buf_release(&out);
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "mapping_date",
                              "the date as 'generateDateFormat' has it is "
                              "longer than %d bytes",
                              DATE_TEXT_MAX);
    }
    v = out.status == APR_SUCCESS
            ? flow_json_string_new(out.len ? out.data : "", out.len)
            : NULL;
    flow_buf_release(&out);
    return replace(pv, v, err);
}

apr_status_t flow_dates_convert(const flow_dates_t *dates, apr_time_t now,
                                json_t **pv, apr_pool_t *scratch,
                                flow_error_t *err)
{
    json_t *out, *v;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    if (flow_value_is_empty(*pv))
        return APR_SUCCESS;
    if (!flow_json_is(*pv, ARRAY))
        return convert_one(dates, now, pv, scratch, err);
    out = json_array();
    for (i = 0; i < json_array_size(*pv) && rv == APR_SUCCESS; ++i) {
        v = json_incref(json_array_get(*pv, i));
        if (!flow_value_is_empty(v))
            rv = convert_one(dates, now, &v, scratch, err);
        json_array_append_new(out, v);
    }
    if (rv == APR_SUCCESS)
        return replace(pv, out, err);
    json_decref(out);
    return rv;
}
