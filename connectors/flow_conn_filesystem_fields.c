/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `file` object of exports and imports: what is in a file.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <string.h>

#include "data/flow_json.h"

static int kind_of(flow_compile_t *c, flow_format_e *pkind)
{
    static const struct {
        const char *type, *object;
        flow_format_e kind;
    } kinds[] = {
        { "csv", "file.csv", FLOW_FORMAT_CSV },
        { "json", "file.json", FLOW_FORMAT_JSON },
        { "xml", "file.xml", FLOW_FORMAT_XML },
        { "filedefinition", "file.fileDefinition", FLOW_FORMAT_LAYOUT },
    };
    const char *type = flow_compile_string(c, "file.type");
    apr_size_t i;
    int found = 0;

    for (i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (strcmp(type, kinds[i].type) == 0) {
            *pkind = kinds[i].kind;
            found = 1;
        }
        else if (flow_compile_get(c, kinds[i].object)) {
            flow_compile_problem(c, kinds[i].object, "only for file.type '%s'",
                                 kinds[i].type);
        }
    }
    return found;
}

/* A delimiter as people write it, with \t, \n, \r and \\ for what they cannot;
 * NULL when absent. */
static const char *delimiter(flow_compile_t *c, const char *field)
{
    static const char from[] = "tnr\\", to[] = "\t\n\r\\";
    const char *s = flow_compile_string(c, field), *escape;
    char *out, *o;

    if (!s) {
        return NULL;
    }
    out = o = apr_palloc(flow_compile_pool(c), strlen(s) + 1);
    for (; *s; ++s) {
        escape = *s == '\\' && s[1] ? strchr(from, s[1]) : NULL;
        if (escape) {
            ++s;
        }
        *o++ = escape ? to[escape - from] : *s;
    }
    *o = '\0';
    return out;
}

static const char *const *key_columns(flow_compile_t *c)
{
    const json_t *list = flow_compile_get(c, "file.csv.keyColumns");
    apr_size_t i, n = json_array_size(list), k = 0;
    const char **keys =
        apr_pcalloc(flow_compile_pool(c), (n + 1) * sizeof(*keys));

    for (i = 0; i < n; ++i) {
        const char *key = flow_json_string(json_array_get(list, i), NULL);

        if (key) {
            keys[k++] = apr_pstrdup(flow_compile_pool(c), key);
        }
    }
    return k ? keys : NULL;
}

static void compile_csv(flow_compile_t *c, fs_content_t *content, int is_export)
{
    flow_csv_options_t *csv = &content->format.csv;
    const char *column = delimiter(c, "file.csv.columnDelimiter");
    const char *row = delimiter(c, "file.csv.rowDelimiter");

    csv->delimiter = column;
    csv->row_delimiter = row;
    if (column &&
        (!*column || strlen(column) > 16 || strpbrk(column, "\"\r\n"))) {
        flow_compile_problem(c, "file.csv.columnDelimiter",
                             "must have 1 to 16 bytes, none of them a quote or "
                             "a line end; \\t is a tab");
        csv->delimiter = ",";
    }
    if (row && (!*row || strlen(row) > 16 || strchr(row, '"'))) {
        flow_compile_problem(c, "file.csv.rowDelimiter",
                             "must have 1 to 16 bytes, none of them a quote; "
                             "\\n and \\r are understood");
        csv->row_delimiter = "\n";
    }
    if (!is_export) {
        csv->no_header_out = !flow_compile_bool(c, "file.csv.includeHeader");
        csv->wrap_with_quotes = flow_compile_bool(c, "file.csv.wrapWithQuotes");
        csv->tab_to_space =
            flow_compile_bool(c, "file.csv.replaceTabWithSpace");
        csv->newline_to_space =
            flow_compile_bool(c, "file.csv.replaceNewlineWithSpace");
        content->truncates =
            flow_compile_bool(c, "file.csv.truncateLastRowDelimiter");
        return;
    }
    csv->no_header = !flow_compile_bool(c, "file.csv.hasHeaderRow");
    csv->trim_spaces = flow_compile_bool(c, "file.csv.trimSpaces");
    csv->rows_to_skip = (int)flow_compile_int(c, "file.csv.rowsToSkip");
    csv->no_quotes =
        flow_compile_bool(c, "file.csv.disableQuoteAndStripEnclosingQuotes");
    content->format.key_columns = key_columns(c);
}

static void compile_json(flow_compile_t *c, flow_format_t *format)
{
    const char *path = flow_compile_string(c, "file.json.resourcePath");

    if (!path) {
        return;
    }
    format->json_path = flow_format_json_path(path, flow_compile_pool(c));
    if (!format->json_path) {
        flow_compile_problem(c, "file.json.resourcePath",
                             "must be names with dots between, as in "
                             "data.orders, without [] and *");
    }
}

static void compile_xml(flow_compile_t *c, flow_format_t *format, int is_export)
{
    const char *text = flow_compile_string(c, "file.xml.resourcePath");
    const char *const *names;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_pool_t *p = flow_compile_pool(c);

    if (!text) {
        flow_compile_problem(c, "file.xml.resourcePath",
                             "required field 'file.xml.resourcePath' is "
                             "missing; it says which elements are records, as "
                             "in /orders/order");
        text = "/*";
    }
    format->xml_path = flow_xpath_compile(text, p, &err);
    if (!format->xml_path) {
        flow_compile_problem(c, "file.xml.resourcePath", "%s", err.message);
        format->xml_path = flow_xpath_compile("/*", p, NULL);
        return;
    }
    names = is_export ? NULL : flow_xpath_names(format->xml_path, p);
    if (!is_export && (!names || !names[0] || !names[1])) {
        flow_compile_problem(c, "file.xml.resourcePath",
                             "must be two or more names, as in /orders/order");
    }
}

static void compile_layout(flow_compile_t *c, flow_format_t *format)
{
    const json_t *doc = flow_compile_get(c, "file.fileDefinition");
    flow_error_t err = FLOW_ERROR_INIT;

    format->layout =
        doc ? flow_layout_compile(doc, flow_compile_pool(c), &err) : NULL;
    if (!doc) {
        flow_compile_problem(c, "file.fileDefinition",
                             "required field 'file.fileDefinition' is missing; "
                             "it says how rows are cut");
    }
    else if (!format->layout) {
        flow_compile_problem(c, "file.fileDefinition", "%s", err.message);
    }
}

void flow_conn_fs_compile_content(flow_compile_t *c, fs_content_t *content,
                                  int is_export)
{
    const char *packing = flow_compile_string(c, "file.compressionFormat");

    content->charset = flow_compile_string(c, "file.encoding");
    if (!is_export && content->charset &&
        strcmp(content->charset, "utf8") == 0) {
        content->charset = NULL;
    }
    if (packing) {
        content->packing = strcmp(packing, "zip") == 0 ? FS_ZIP : FS_GZIP;
    }
    if (is_export) {
        flow_conn_fs_compile_sort(c, content);
    }
    if (!kind_of(c, &content->format.kind)) {
        return;
    }
    switch (content->format.kind) {
    case FLOW_FORMAT_CSV:
        compile_csv(c, content, is_export);
        break;
    case FLOW_FORMAT_JSON:
        compile_json(c, &content->format);
        break;
    case FLOW_FORMAT_XML:
        compile_xml(c, &content->format, is_export);
        break;
    case FLOW_FORMAT_LAYOUT:
        compile_layout(c, &content->format);
        break;
    }
}
