/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CSV rows end. A large file is read in slices of whole rows, so that a
 * page can begin at an offset; the CSV reader proper then sees the header and
 * the slice. The states follow the reader's leniency: a quote counts only at
 * the beginning of a cell, and one that is not followed by a delimiter, a line
 * end or blanks does not end the cell.
 */
#include "connectors/flow_conn_filesystem.h"

enum {
    AT_ROW,  /* nothing of this row yet */
    AT_CELL, /* nothing of this cell yet but blanks */
    IN_CELL,
    IN_QUOTES,
    AFTER_QUOTE
};

void flow_conn_fs_rows_init(fs_rows_t *rows, const flow_csv_options_t *csv)
{
    rows->delimiter = csv->delimiter ? csv->delimiter : ',';
    rows->trims = csv->trim_spaces;
    rows->state = AT_ROW;
}

static int is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static int is_blank(const fs_rows_t *rows, char c)
{
    return rows->trims && (c == ' ' || c == '\t');
}

static int step(const fs_rows_t *rows, char c)
{
    switch (rows->state) {
    case AT_ROW:
    case AT_CELL:
        if (c == rows->delimiter) {
            return AT_CELL;
        }
        if (is_blank(rows, c)) {
            return AT_CELL;
        }
        return c == '"' ? IN_QUOTES : IN_CELL;
    case IN_CELL:
        return c == rows->delimiter ? AT_CELL : IN_CELL;
    case IN_QUOTES:
        return c == '"' ? AFTER_QUOTE : IN_QUOTES;
    default: /* AFTER_QUOTE */
        if (c == rows->delimiter) {
            return AT_CELL;
        }
        return is_blank(rows, c) ? AFTER_QUOTE : IN_QUOTES;
    }
}

apr_size_t flow_conn_fs_rows_find(fs_rows_t *rows, const char *data,
                                  apr_size_t len, apr_size_t max,
                                  apr_size_t *pn)
{
    apr_size_t i, end = 0, n = 0;

    for (i = 0; i < len && n < max; ++i) {
        if (!is_line_end(data[i]) || rows->state == IN_QUOTES) {
            rows->state = step(rows, data[i]);
            continue;
        }
        /* "\r\n" ends one row, and an empty line is none. */
        n += rows->state != AT_ROW;
        rows->state = AT_ROW;
        end = i + 1;
    }
    *pn = n;
    return end;
}
