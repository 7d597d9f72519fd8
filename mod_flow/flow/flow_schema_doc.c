/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/fields.md, written from the rows.
 */
#include "flow/flow_schema_private.h"

#include "flow/flow_connector.h"

#include <string.h>

static const char *type_name(const flow_field_t *row)
{
    static const char *const names[] = {
        [FLOW_FIELD_STRING] = "string",
        [FLOW_FIELD_TEMPLATE] = "template",
        [FLOW_FIELD_PATH] = "path",
        [FLOW_FIELD_INT] = "whole number",
        [FLOW_FIELD_BOOL] = "true, false",
        [FLOW_FIELD_ID] = "id",
        [FLOW_FIELD_OBJECT] = "object",
        [FLOW_FIELD_ARRAY] = "array of objects",
        [FLOW_FIELD_STRINGS] = "strings",
        [FLOW_FIELD_TEMPLATES] = "templates",
        [FLOW_FIELD_ANY] = "JSON",
    };

    return names[row->type];
}

/* A bar would end the table's cell. */
static void add_cell(flow_buf_t *out, const char *text)
{
    for (; *text; ++text) {
        if (*text == '|') {
            flow_buf_addc(out, '\\');
        }
        flow_buf_addc(out, *text);
    }
}

static void add_values(flow_buf_t *out, const flow_field_t *row)
{
    const char *space;

    if (!row->values) {
        return;
    }
    if (row->type == FLOW_FIELD_ID) {
        flow_buf_addf(out, " of %s %s",
                      strchr("aei", row->values[0]) ? "an" : "a", row->values);
        return;
    }
    space = strchr(row->values, ' ');
    if (row->type == FLOW_FIELD_INT && space) {
        flow_buf_addf(out, ", %.*s to %s", (int)(space - row->values),
                      row->values, space + 1);
        return;
    }
    flow_buf_adds(out, ": `");
    flow_buf_add(out, row->values, strcspn(row->values, "|"));
    while (out->len > 0 && out->data[out->len - 1] == ' ') {
        --out->len;
    }
    flow_buf_adds(out, "`");
}

static void add_row(flow_buf_t *out, const flow_field_t *row)
{
    flow_buf_addf(out, "| `%s` | %s", row->path, type_name(row));
    add_values(out, row);
    flow_buf_adds(out, " | ");
    if (row->dflt) {
        flow_buf_addf(out, "`%s`", row->dflt);
    }
    flow_buf_adds(out, " | ");
    if (row->flags & FLOW_FIELD_REQUIRED) {
        flow_buf_adds(out, "**Required.** ");
    }
    if (row->flags & FLOW_FIELD_SECRET) {
        flow_buf_adds(out, "**Secret.** ");
    }
    add_cell(out, row->help ? row->help : "");
    flow_buf_adds(out, " |\n");
}

static void add_table(flow_buf_t *out, const flow_field_t *rows,
                      const char *title)
{
    const flow_field_t *row;
    int n = 0;

    for (row = rows; row->path; ++row) {
        n += !(row->flags & (FLOW_FIELD_LATER | FLOW_FIELD_READONLY));
    }
    if (n == 0) {
        return;
    }
    flow_buf_addf(out, "\n### %s\n\n", title);
    flow_buf_adds(out, "| Field | Type | Default | Meaning |\n"
                       "| --- | --- | --- | --- |\n");
    for (row = rows; row->path; ++row) {
        if (!(row->flags & (FLOW_FIELD_LATER | FLOW_FIELD_READONLY))) {
            add_row(out, row);
        }
    }
}

static void add_names(flow_buf_t *out, const flow_field_t *rows, unsigned flag,
                      const char *title)
{
    const flow_field_t *row;
    int n = 0;

    for (row = rows; row->path; ++row) {
        if (row->flags & flag) {
            flow_buf_addf(out, "%s`%s`", n++ ? ", " : title, row->path);
        }
    }
    if (n) {
        flow_buf_adds(out, ".\n");
    }
}

static void add_rows(flow_buf_t *out, const flow_field_t *rows,
                     const char *title)
{
    add_table(out, rows, title);
    add_names(out, rows, FLOW_FIELD_READONLY, "\nAccepted and ignored: ");
    add_names(out, rows, FLOW_FIELD_LATER,
              "\nKnown, refused as not supported yet: ");
}

static void add_kind(flow_buf_t *out, flow_kind_e kind)
{
    const flow_connector_t *connector;
    const flow_field_t *rows;
    char title[80];
    int i;

    flow_buf_addf(out, "\n## %s\n", flow_kind_plural(kind));
    snprintf(title, sizeof(title), "every %s", flow_kind_name(kind));
    for (i = 0; flow_schema_table(kind, NULL, i, &rows); ++i) {
        if (i == 1) {
            snprintf(title, sizeof(title), "%s of type webhook",
                     flow_kind_name(kind));
        }
        connector =
            i < FLOW_SCHEMA_OWN ? NULL : flow_connector_at(i - FLOW_SCHEMA_OWN);
        if (connector) {
            snprintf(title, sizeof(title), "%s with connector %s",
                     flow_kind_name(kind), connector->name);
        }
        if (i == 2) {
            add_names(out, rows, FLOW_FIELD_READONLY,
                      "\nKept by Celigo for itself, ignored: ");
        }
        else if (rows->path) {
            add_rows(out, rows, title);
        }
    }
}

apr_status_t flow_schema_write_markdown(flow_buf_t *out)
{
    int kind;

    flow_buf_adds(
        out,
        "# Fields of documents\n"
        "\n"
        "Written by `flowctl fields`; do not edit.\n"
        "\n"
        "A *template* is text with `{{...}}`, a *path* leads into a record or\n"
        "an answer (`a.b[0].c`). A **secret** may be given as `env:NAME` or\n"
        "`file:PATH` and is never shown. With `FlowSet`, *strings* are one or\n"
        "more words or a JSON array, *templates* one text or a JSON array of\n"
        "strings, objects and arrays are JSON, and `@PATH` reads the value "
        "from\na file. Unknown fields are refused. In documents that Celigo "
        "has "
        "exported\n(with `createdAt`, `lastModified` or an `_id` of 24 "
        "hexadecimal digits) they\nare ignored where their value says "
        "nothing: null, false, an empty text, {}\nand [], and objects and "
        "arrays of these.\n");
    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        add_kind(out, (flow_kind_e)kind);
    }
    return out->status;
}
