/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_json.h"
#include "data/flow_nearest.h"

#include <apr_strings.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#define NAMES_MAX 128

static const flow_helper_table_t *const tables[] = {
    &flow_helpers_math,  &flow_helpers_string, &flow_helpers_case,
    &flow_helpers_array, &flow_helpers_date,   &flow_helpers_encode,
    &flow_helpers_regex, &flow_helpers_format, &flow_helpers_crypto,
    &flow_helpers_block,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

const flow_helper_table_t *flow_helper_table(apr_size_t i)
{
    return i < TABLES ? tables[i] : NULL;
}

const flow_helper_t *flow_helper_find(const char *name, apr_size_t len)
{
    apr_size_t t, i;

    for (t = 0; t < TABLES; ++t) {
        for (i = 0; i < tables[t]->n; ++i) {
            const flow_helper_t *row = &tables[t]->rows[i];

            if (row->name[0] == name[0] && strlen(row->name) == len &&
                memcmp(row->name, name, len) == 0)
                return row;
        }
    }
    return NULL;
}

const char *flow_helper_nearest(const char *name, int is_block)
{
    const char *known[NAMES_MAX];
    apr_size_t t, i, n = 0;

    for (t = 0; t < TABLES; ++t) {
        for (i = 0; i < tables[t]->n && n < NAMES_MAX; ++i) {
            if (!tables[t]->rows[i].is_block == !is_block)
                known[n++] = tables[t]->rows[i].name;
        }
    }
    return flow_nearest(name, known, n);
}

/* --- for helpers ---------------------------------------------------------- */

flow_any_t flow_helper_arg(const flow_helper_call_t *call, int i)
{
    return i < call->n ? call->args[i] : flow_any_missing();
}

const char *flow_helper_text(const flow_helper_call_t *call, int i,
                             apr_size_t *plen)
{
    *plen = 0;
    return i < call->n ? flow_any_text(&call->args[i], plen, call->p) : "";
}

double flow_helper_number(const flow_helper_call_t *call, int i)
{
    return i < call->n ? flow_any_number(&call->args[i], call->p) : NAN;
}

apr_size_t flow_helper_count(const flow_helper_call_t *call, int i,
                             apr_size_t missing)
{
    double d = flow_helper_number(call, i);

    if (i >= call->n || isnan(d) || d < 0 ||
        flow_any_is_nothing(&call->args[i]))
        return missing;
    return d > 1e9 ? 1000000000 : (apr_size_t)d;
}

flow_any_t flow_helper_hash(const flow_helper_call_t *call, const char *name)
{
    int i;

    for (i = 0; i < call->node->n_hash; ++i) {
        if (strcmp(call->node->hash[i].name, name) == 0)
            return call->hash[i];
    }
    return flow_any_missing();
}

apr_status_t flow_helper_no_memory(const flow_helper_call_t *call)
{
    return flow_error_set(call->err, FLOW_E_INTERNAL, APR_ENOMEM,
                          "out_of_memory", "no memory to render a template");
}

apr_status_t flow_helper_take(const flow_helper_call_t *call, flow_buf_t *out,
                              flow_any_t *result)
{
    apr_status_t status = out->status;
    apr_size_t len;
    char *text;

    if (status == APR_ENOSPC) {
        flow_buf_release(out);
        return flow_helper_fail(call, "template_limit",
                                "the result is longer than %d MB",
                                FLOW_HELPER_TEXT_MAX / (1024 * 1024));
    }
    if (status != APR_SUCCESS) {
        flow_buf_release(out);
        return flow_helper_no_memory(call);
    }
    if (out->len < 512) { /* the pool is cheaper than a cleanup */
        text = apr_pstrmemdup(call->p, out->data ? out->data : "", out->len);
        *result = flow_any_of_text(text, out->len);
        flow_buf_release(out);
        return APR_SUCCESS;
    }
    text = flow_buf_steal(out, &len, call->p);
    *result = flow_any_of_text(text, len);
    return APR_SUCCESS;
}

apr_status_t flow_helper_own(const flow_helper_call_t *call, json_t *v,
                             flow_any_t *result)
{
    if (!v)
        return flow_helper_no_memory(call);
    *result = flow_any_from(flow_json_own(call->p, v));
    return flow_helper_charge(call, 64 + 16 * (json_is_array(v)
                                                   ? json_array_size(v)
                                                   : json_object_size(v)));
}

apr_status_t flow_helper_fail(const flow_helper_call_t *call, const char *code,
                              const char *fmt, ...)
{
    const char *what;
    va_list args;

    va_start(args, fmt);
    what = apr_pvsprintf(call->p, fmt, args);
    va_end(args);
    return flow_error_set(call->err, FLOW_E_INPUT, APR_EINVAL, code,
                          "helper '%s' at template line %d, column %d: %s",
                          call->node->helper->name, call->node->place.line,
                          call->node->place.column, what);
}

/* --- docs/templates.md ---------------------------------------------------- */

/* A bar would end the table's cell. */
static void add_cell(flow_buf_t *out, const char *text)
{
    for (; *text; ++text) {
        if (*text == '|')
            flow_buf_addc(out, '\\');
        flow_buf_addc(out, *text);
    }
}

/* As code, in as many backticks as it needs. */
static void add_code(flow_buf_t *out, const char *text)
{
    int has_tick = strchr(text, '`') != NULL;

    flow_buf_adds(out, has_tick ? "`` " : "`");
    add_cell(out, text);
    flow_buf_adds(out, has_tick ? " ``" : "`");
}

static void add_row(flow_buf_t *out, const flow_helper_t *row)
{
    flow_buf_addf(out, "| `%s%s%s", row->is_block ? "#" : "", row->name,
                  row->arguments[0] ? " " : "");
    add_cell(out, row->arguments);
    flow_buf_adds(out, "` | ");
    add_cell(out, row->help);
    flow_buf_adds(out, " | ");
    if (row->example) {
        add_code(out, row->example);
        if (row->result[0]) {
            flow_buf_adds(out, " is ");
            add_code(out, row->result);
        }
        else {
            flow_buf_adds(out, " is empty");
        }
    }
    flow_buf_adds(out, " |\n");
}

apr_status_t flow_template_write_markdown(flow_buf_t *out)
{
    apr_size_t t, i;

    for (t = 0; t < TABLES; ++t) {
        flow_buf_addf(out,
                      "%s### %s\n\n| %s | What it does | Example |\n"
                      "|---|---|---|\n",
                      t ? "\n" : "", tables[t]->title,
                      tables[t]->rows[0].is_block ? "Block" : "Helper");
        for (i = 0; i < tables[t]->n; ++i)
            add_row(out, &tables[t]->rows[i]);
    }
    return out->status;
}
