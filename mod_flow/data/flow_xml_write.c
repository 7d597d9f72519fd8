/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

/* Needs no library: the shape is ours, and so are its limits. */

#define DEPTH_MAX FLOW_JSON_DEPTH

static apr_status_t write_element(flow_buf_t *out, const char *name,
                                  apr_size_t name_len, const json_t *v,
                                  int depth, flow_error_t *err);

static int is_name_start(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == ':' || c >= 0x80;
}

static apr_status_t check_name(const char *name, apr_size_t len,
                               flow_error_t *err)
{
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)name[i];

        if (!is_name_start(c) &&
            (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.'))) {
            break;
        }
    }
    if (len > 0 && i == len) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "xml_name",
                          "'%.64s' cannot be the name of an XML element or "
                          "attribute; use letters, digits, '_', '-' and '.'",
                          name);
}

static const char *entity(unsigned char c, int is_attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#xD;";
    case '"':
        return is_attribute ? "&quot;" : NULL;
    case '\n':
        return is_attribute ? "&#xA;" : NULL;
    case '\t':
        return is_attribute ? "&#x9;" : NULL;
    default:
        return NULL;
    }
}

/* XML knows no way to write most control characters, U+FFFE and U+FFFF. */
static int is_impossible(const char *s, apr_size_t left)
{
    unsigned char c = (unsigned char)*s;

    if (c < 0x20) {
        return c != '\t' && c != '\n' && c != '\r';
    }
    return left >= 3 && c == 0xef && (unsigned char)s[1] == 0xbf &&
           (unsigned char)s[2] >= 0xbe;
}

static apr_status_t write_escaped(flow_buf_t *out, const char *name,
                                  const char *s, apr_size_t len,
                                  int is_attribute, flow_error_t *err)
{
    apr_size_t start = 0, i;

    for (i = 0; i < len; ++i) {
        const char *instead = entity((unsigned char)s[i], is_attribute);

        if (is_impossible(s + i, len - i)) {
            return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL,
                                  "xml_character",
                                  "the text of '%.64s' holds a control "
                                  "character, which XML cannot carry",
                                  name);
        }
        if (instead) {
            flow_buf_add(out, s + start, i - start);
            flow_buf_adds(out, instead);
            start = i + 1;
        }
    }
    flow_buf_add(out, s + start, len - start);
    return APR_SUCCESS;
}

/* The text of a scalar. */
static apr_status_t write_text(flow_buf_t *out, const char *name,
                               const json_t *v, int is_attribute,
                               flow_error_t *err)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len = 0;
    const char *text = "";

    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        break;
    case FLOW_JSON_BOOL:
        text = json_is_true(v) ? "true" : "false";
        len = strlen(text);
        break;
    case FLOW_JSON_NUMBER:
        text = flow_json_number_text(v, tmp, &len);
        break;
    case FLOW_JSON_STRING:
        text = flow_json_string(v, &len);
        break;
    case FLOW_JSON_ARRAY:
    case FLOW_JSON_OBJECT:
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "xml_shape",
                              "'%.64s' must be a text, not %s", name,
                              flow_json_type_name(v));
    }
    return write_escaped(out, name, text, len, is_attribute, err);
}

static apr_status_t write_attributes(flow_buf_t *out, json_t *attributes,
                                     flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    void *iter;

    if (attributes && !json_is_object(attributes)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "xml_shape",
                              "'$' must be an object of attributes, not %s",
                              flow_json_type_name(attributes));
    }
    for (iter = json_object_iter(attributes); iter && rv == APR_SUCCESS;
         iter = json_object_iter_next(attributes, iter)) {
        const char *name = json_object_iter_key(iter);
        apr_size_t len = json_object_iter_key_len(iter);

        rv = check_name(name, len, err);
        if (rv == APR_SUCCESS) {
            flow_buf_addc(out, ' ');
            flow_buf_add(out, name, len);
            flow_buf_add(out, "=\"", 2);
            rv = write_text(out, name, json_object_iter_value(iter), 1, err);
            flow_buf_addc(out, '"');
        }
    }
    return rv;
}

/* Every element of the list, or the one value, under the same name. */
static apr_status_t write_children(flow_buf_t *out, const char *name,
                                   apr_size_t len, const json_t *v, int depth,
                                   flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    if (!json_is_array(v)) {
        return write_element(out, name, len, v, depth, err);
    }
    for (i = 0; i < json_array_size(v) && rv == APR_SUCCESS; ++i) {
        rv = write_element(out, name, len, json_array_get(v, i), depth, err);
    }
    return rv;
}

static apr_status_t write_content(flow_buf_t *out, const char *name,
                                  json_t *object, int depth, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    void *iter;

    for (iter = json_object_iter(object); iter && rv == APR_SUCCESS;
         iter = json_object_iter_next(object, iter)) {
        const char *key = json_object_iter_key(iter);
        json_t *v = json_object_iter_value(iter);

        if (strcmp(key, "_") == 0 && !json_is_array(v)) {
            rv = write_text(out, name, v, 0, err);
        }
        else if (strcmp(key, "$") != 0) {
            rv = write_children(out, key, json_object_iter_key_len(iter), v,
                                depth + 1, err);
        }
    }
    return rv;
}

static apr_status_t write_element(flow_buf_t *out, const char *name,
                                  apr_size_t name_len, const json_t *v,
                                  int depth, flow_error_t *err)
{
    json_t *object = json_is_object(v) ? (json_t *)v : NULL;
    apr_status_t rv = check_name(name, name_len, err);
    apr_size_t start;

    if (rv == APR_SUCCESS && out->status != APR_SUCCESS) {
        return out->status; /* a shared tree can be larger than any buffer */
    }
    if (rv == APR_SUCCESS && depth > DEPTH_MAX) {
        rv = flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "xml_shape",
                            "nested too deeply for XML; at most %d levels",
                            DEPTH_MAX);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    flow_buf_addc(out, '<');
    flow_buf_add(out, name, name_len);
    rv = write_attributes(out, json_object_get(object, "$"), err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    flow_buf_addc(out, '>');
    start = out->len;
    rv = object ? write_content(out, name, object, depth, err)
                : write_text(out, name, v, 0, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (out->status == APR_SUCCESS && out->len == start) {
        out->data[--out->len] = '\0';
        flow_buf_add(out, "/>", 2);
        return APR_SUCCESS;
    }
    flow_buf_add(out, "</", 2);
    flow_buf_add(out, name, name_len);
    flow_buf_addc(out, '>');
    return APR_SUCCESS;
}

apr_status_t flow_xml_write_element(flow_buf_t *out, const char *name,
                                    const json_t *v, flow_error_t *err)
{
    return write_element(out, name, strlen(name), v, 1, err);
}

apr_status_t flow_xml_write(flow_buf_t *out, const json_t *v, flow_error_t *err)
{
    json_t *object = (json_t *)v; /* only read */
    const char *name = "root";
    apr_size_t len = 4;
    apr_status_t rv;
    void *iter;

    if (!flow_json_is(v, OBJECT)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "xml_shape",
                              "XML is written from an object, not from %s",
                              flow_json_type_name(v));
    }
    iter = json_object_size(v) == 1 ? json_object_iter(object) : NULL;
    if (iter && strcmp(json_object_iter_key(iter), "$") != 0 &&
        strcmp(json_object_iter_key(iter), "_") != 0) {
        name = json_object_iter_key(iter);
        len = json_object_iter_key_len(iter);
        v = json_object_iter_value(iter);
    }
    if (json_is_array(v) && json_array_size(v) == 1) {
        v = json_array_get(v, 0);
    }
    flow_buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    rv = write_element(out, name, len, v, 1, err);
    return rv == APR_SUCCESS || out->status != APR_SUCCESS
               ? flow_text_buffer_status(out, err)
               : rv;
}
