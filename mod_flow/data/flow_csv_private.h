/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CSV_PRIVATE_H
#define FLOW_CSV_PRIVATE_H

#include "data/flow_text.h"

/**
 * Taking CSV text apart, before anything is named: bytes in, rows of cells
 * out. Keeps the row that is not complete yet and nothing else.
 */
#define FLOW_CSV_CELL_MAX  (1024 * 1024)
#define FLOW_CSV_ROW_MAX   (5 * 1024 * 1024)
#define FLOW_CSV_CELLS_MAX 10000
#define FLOW_CSV_MARK_MAX  16 /* bytes of a delimiter */

/** Good until the row function returns. */
typedef struct flow_csv_cell_t {
    const char *s;
    apr_size_t len;
} flow_csv_cell_t;

typedef struct flow_csv_scan_t flow_csv_scan_t;

/** A complete row of at least one cell. Non-success stops the scanner; it
 * has been explained in flow_csv_scan_t's error by then, or gets an
 * explanation here. */
typedef apr_status_t flow_csv_cells_fn(void *baton, flow_csv_cell_t *cells,
                                       int n, flow_error_t *err);

apr_status_t flow_csv_scan_create(flow_csv_scan_t **pscan,
                                  const flow_csv_options_t *options,
                                  flow_csv_cells_fn *row, void *baton,
                                  apr_pool_t *p, flow_error_t *err);
apr_status_t flow_csv_scan_feed(flow_csv_scan_t *scan, const char *data,
                                apr_size_t len, flow_error_t *err);
apr_status_t flow_csv_scan_finish(flow_csv_scan_t *scan, flow_error_t *err);
/** "invalid CSV at line 3, byte 20: ..." about the current row. */
apr_status_t flow_csv_scan_fail(flow_csv_scan_t *scan, flow_error_t *err,
                                const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** The same where the rows behind it can be read: nothing more than that the
 * row is left out, when somebody is told of such rows. */
apr_status_t flow_csv_scan_bad(flow_csv_scan_t *scan, flow_error_t *err,
                               const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void flow_csv_scan_tolerate(flow_csv_scan_t *scan, flow_bad_record_fn *bad,
                            void *baton);
/** Where a cell's byte is in the text, from 1 (but for escapes before it). */
apr_uint64_t flow_csv_scan_byte(const flow_csv_scan_t *scan, const char *s);

/* ---- flow_csv_state.c, for flow_csv_scan.c ---- */

typedef enum {
    FLOW_CSV_AT_ROW,
    FLOW_CSV_AT_CELL,
    FLOW_CSV_IN_CELL,
    FLOW_CSV_IN_QUOTES
} flow_csv_state_e;

typedef struct flow_csv_span_t {
    apr_size_t at, len; /* in the buffer */
    int has_marks;      /* doubled quotes or escapes are still in it */
} flow_csv_span_t;

struct flow_csv_scan_t {
    flow_csv_cells_fn *row_fn;
    void *baton;

    char delimiter[FLOW_CSV_MARK_MAX + 1];
    apr_size_t delimiter_len;
    char end[FLOW_CSV_MARK_MAX + 1]; /* of a row; "" = CR, LF or CR LF */
    apr_size_t end_len;
    char quote;  /* 0: quotes are text, and stripped around a cell */
    char escape; /* 0: none */
    int trims;
    unsigned char stops[256]; /* bytes that end a run of plain text */

    char *data;
    apr_size_t len, cap;
    apr_size_t pos;    /* next byte to look at */
    apr_size_t row_at; /* where the row begins */
    apr_size_t cell_at;
    flow_csv_state_e state;
    int has_marks; /* of the cell */
    int skips_lf;  /* the row ended with CR */
    int bom;       /* bytes of a BOM seen at the start; -1 = past that */
    int lines_to_skip;

    flow_csv_span_t *spans; /* of the row so far */
    flow_csv_cell_t *cells;
    int n, spans_cap;
    apr_size_t row_bytes;

    apr_uint64_t dropped; /* bytes before data[0] */
    int line;             /* of data[pos] */
    int row_line;
    flow_bad_record_fn *bad_fn; /* NULL: a bad row is a failure */
    void *bad_baton;
    int is_row_bad;   /* and has been told */
    flow_error_t err; /* the first failure; nothing is read after it */
};

/** Look at all that is in the buffer. @a is_last: nothing comes after it. */
void flow_csv_scan_all(flow_csv_scan_t *scan, int is_last);
/** The cell that began at cell_at ends before @a end. */
void flow_csv_end_cell(flow_csv_scan_t *scan, apr_size_t end, int was_quoted);
void flow_csv_end_row(flow_csv_scan_t *scan);
void flow_csv_start_row(flow_csv_scan_t *scan);

#endif
