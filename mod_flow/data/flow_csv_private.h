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

#endif
