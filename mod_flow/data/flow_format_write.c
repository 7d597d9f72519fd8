/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing records: what stands before, between and behind them.
 */
#include "data/flow_format.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

static const char *const default_names[] = { "records", "record", NULL };

/* Names of the elements around a record, and its own. */
static const char *const *xml_names(const flow_format_t *format, apr_pool_t *p)
{
    const char *const *names =
        format->xml_path ? flow_xpath_names(format->xml_path, p) : NULL;

    return names && names[0] ? names : default_names;
}

static void open_json(flow_buf_t *out, const flow_format_t *format)
{
    const char *const *name = format->json_path;

    for (; name && *name; ++name) {
        flow_buf_addc(out, '{');
        flow_json_write_string(out, *name, strlen(*name));
        flow_buf_addc(out, ':');
    }
    flow_buf_adds(out, "[\n");
}

static void open_xml(flow_buf_t *out, const char *const *names)
{
    flow_buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    for (; names[1]; ++names) {
        flow_buf_addf(out, "<%s>\n", names[0]);
    }
}

/* Innermost first. */
static void close_xml(flow_buf_t *out, const char *const *names)
{
    if (names[1]) {
        close_xml(out, names + 1);
        flow_buf_addf(out, "</%s>\n", names[0]);
    }
}

apr_status_t flow_format_open(flow_buf_t *out, const flow_format_t *format,
                              const json_t *columns, apr_pool_t *scratch,
                              flow_error_t *err)
{
    switch (format->kind) {
    case FLOW_FORMAT_JSON:
        open_json(out, format);
        break;
    case FLOW_FORMAT_CSV:
        flow_csv_write_header(out, &format->csv, columns, scratch);
        break;
    case FLOW_FORMAT_XML:
        open_xml(out, xml_names(format, scratch));
        break;
    case FLOW_FORMAT_LAYOUT:
        break;
    }
    return flow_text_buffer_status(out, err);
}

apr_status_t flow_format_close(flow_buf_t *out, const flow_format_t *format,
                               apr_pool_t *scratch)
{
    const char *const *name = format->json_path;

    switch (format->kind) {
    case FLOW_FORMAT_JSON:
        flow_buf_adds(out, "\n]");
        for (; name && *name; ++name) {
            flow_buf_addc(out, '}');
        }
        flow_buf_addc(out, '\n');
        break;
    case FLOW_FORMAT_XML:
        close_xml(out, xml_names(format, scratch));
        break;
    case FLOW_FORMAT_CSV:
    case FLOW_FORMAT_LAYOUT:
        break;
    }
    return out->status;
}

const char *flow_format_separator(const flow_format_t *format)
{
    return format->kind == FLOW_FORMAT_JSON ? ",\n" : "";
}

static apr_status_t write_xml(flow_buf_t *out, const flow_format_t *format,
                              const json_t *record, apr_pool_t *scratch,
                              flow_error_t *err)
{
    const char *const *names = xml_names(format, scratch);
    apr_status_t rv;

    while (names[1]) {
        ++names;
    }
    rv = flow_xml_write_element(out, names[0], record, err);
    flow_buf_addc(out, '\n');
    return rv;
}

/* Rows of a group are rows again. */
static apr_status_t write_csv(flow_buf_t *out, const flow_format_t *format,
                              const json_t *columns, const json_t *record,
                              apr_pool_t *scratch, flow_error_t *err)
{
    size_t i, n = json_array_size(record);

    if (json_is_object(record)) {
        flow_csv_write_row(out, &format->csv, columns, record, scratch);
        return APR_SUCCESS;
    }
    for (i = 0; i < n && json_is_object(json_array_get(record, i)); ++i) {
        flow_csv_write_row(out, &format->csv, columns,
                           json_array_get(record, i), scratch);
    }
    return n > 0 && i == n
               ? APR_SUCCESS
               : flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "record_type",
                                "a CSV row must be an object, or the record "
                                "an array of objects");
}

apr_status_t flow_format_write(flow_buf_t *out, const flow_format_t *format,
                               const json_t *columns, const json_t *record,
                               apr_pool_t *scratch, flow_error_t *err)
{
    apr_size_t before = out->len;
    apr_status_t rv = APR_SUCCESS;

    switch (format->kind) {
    case FLOW_FORMAT_JSON:
        flow_json_write(out, record, FLOW_JSON_COMPACT);
        break;
    case FLOW_FORMAT_CSV:
        rv = write_csv(out, format, columns, record, scratch, err);
        break;
    case FLOW_FORMAT_XML:
        rv = write_xml(out, format, record, scratch, err);
        break;
    case FLOW_FORMAT_LAYOUT:
        rv = flow_layout_write(out, format->layout, record, scratch, err);
        break;
    }
    if (rv == APR_SUCCESS) {
        return flow_text_buffer_status(out, err);
    }
    if (out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return rv;
}
