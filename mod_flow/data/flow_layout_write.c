/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_layout_private.h"

#include <string.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

static apr_size_t count_chars(const char *s, apr_size_t len)
{
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    }
    return n;
}

static void fill(flow_buf_t *out, char c, apr_size_t n)
{
    while (n-- > 0) {
        flow_buf_addc(out, c);
    }
}

static apr_status_t write_element(flow_buf_t *out, const flow_layout_t *layout,
                                  const flow_layout_element_t *e,
                                  const json_t *record, apr_pool_t *scratch,
                                  flow_error_t *err)
{
    const char *text = e->value, *end = layout->row_delimiter;
    apr_size_t len = text ? strlen(text) : 0, n;

    if (!text && e->name) {
        text = flow_json_to_text(json_object_getn(record, e->name, e->name_len),
                                 &len, scratch);
    }
    text = text ? text : "";
    n = count_chars(text, len);
    if (n > e->size) {
        return flow_error_set(
            err, FLOW_E_INPUT, APR_ENOSPC, "fixed_too_long",
            "'%.64s' has %" APR_SIZE_T_FMT
            " characters where the file definition has %" APR_SIZE_T_FMT,
            e->name ? e->name : "value", n, e->size);
    }
    if (end ? strstr(text, end) != NULL : strpbrk(text, "\r\n") != NULL) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "fixed_line_end",
                              "'%.64s' contains a line end, which would end "
                              "the row",
                              e->name ? e->name : "value");
    }
    if (e->is_right) {
        fill(out, e->fill, e->size - n);
    }
    flow_buf_add(out, text, len);
    if (!e->is_right) {
        fill(out, e->fill, e->size - n);
    }
    return APR_SUCCESS;
}

/* Do the members of the record have the rule's values? */
static int fits(const flow_layout_rule_t *rule, const json_t *record)
{
    int i;

    for (i = 0; i < rule->n_elements; ++i) {
        const flow_layout_element_t *e = &rule->elements[i];
        const char *text =
            e->value && e->name ? flow_json_member(record, e->name) : NULL;

        if (e->value && e->name && (!text || strcmp(text, e->value) != 0)) {
            return 0;
        }
    }
    return 1;
}

static apr_status_t write_rule(flow_buf_t *out, const flow_layout_t *layout,
                               const flow_layout_rule_t *rule,
                               const json_t *record, apr_pool_t *scratch,
                               flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t k;
    int i;

    if (!json_is_object(record)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "record_type",
                              "a fixed-width row must be an object");
    }
    for (i = 0; i < rule->n_elements && rv == APR_SUCCESS; ++i) {
        rv = write_element(out, layout, &rule->elements[i], record, scratch,
                           err);
    }
    flow_buf_adds(out, layout->row_delimiter ? layout->row_delimiter : "\n");
    for (i = 0; i < rule->n_children && rv == APR_SUCCESS; ++i) {
        const flow_layout_rule_t *child = &rule->children[i];
        const json_t *list = json_object_get(record, child->name);

        for (k = 0; k < json_array_size(list) && rv == APR_SUCCESS; ++k) {
            rv = write_rule(out, layout, child, json_array_get(list, k),
                            scratch, err);
        }
    }
    return rv;
}

apr_status_t flow_layout_write(flow_buf_t *out, const flow_layout_t *layout,
                               const json_t *record, apr_pool_t *scratch,
                               flow_error_t *err)
{
    const flow_layout_rule_t *rule = &layout->rules[0];
    apr_size_t before = out->len;
    apr_status_t rv;
    int i;

    for (i = 0; layout->n_rules > 1 && i < layout->n_rules; ++i) {
        rule = &layout->rules[i];
        if (fits(rule, record)) {
            break;
        }
        rule = NULL;
    }
    if (!rule) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "fixed_no_rule",
                              "no rule of the file definition fits the record; "
                              "it has not the 'value's of any");
    }
    rv = write_rule(out, layout, rule, record, scratch, err);
    if (rv == APR_SUCCESS) {
        return flow_text_buffer_status(out, err);
    }
    if (out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return rv;
}
