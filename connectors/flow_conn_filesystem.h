/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONN_FILESYSTEM_H
#define FLOW_CONN_FILESYSTEM_H

#include "flow/flow_connector.h"

#include "data/flow_text.h"

#include <sys/types.h>

/**
 * The filesystem connector's own parts; for its files and their tests only.
 */
typedef struct fs_connection_t {
    const char *root; /* absolute */
} fs_connection_t;

typedef struct fs_export_t {
    const flow_template_t *directory, *starts_with, *ends_with; /* or NULL */
    int is_csv;
    int keep; /* skipDelete */
    flow_csv_options_t csv;
    const flow_path_t *resource_path; /* JSON, or NULL */
} fs_export_t;

typedef struct fs_import_t {
    const flow_template_t *directory, *file_name;
    int is_csv;
    int file_per_record; /* skipAggregation */
    flow_csv_options_t csv;
} fs_import_t;

/* ---- flow_conn_filesystem_dir.c ---- */
/** Open @a below (relative, may be "") under @a root; no step may be ".." or a
 * symbolic link. *pfd is closed by the caller. */
apr_status_t flow_conn_fs_open_dir(int *pfd, const char *root,
                                   const char *below, apr_pool_t *p,
                                   flow_error_t *err);
/** NULL, or why @a name cannot be the name of a file of ours. */
const char *flow_conn_fs_name_problem(const char *name);
/** The first name after @a after (NULL = the first) of a regular file that
 * begins and ends as said, in byte order; NULL: none. Hidden files, which is
 * what files in the making are, are left out. @a dirfd stays open. */
apr_status_t flow_conn_fs_next_file(const char **pname, int dirfd,
                                    const char *after, const char *starts_with,
                                    const char *ends_with, apr_pool_t *p,
                                    flow_error_t *err);
/** An error about a file, from errno. */
apr_status_t flow_conn_fs_error(const char *verb, const char *name, int code,
                                flow_error_t *err);

/* ---- flow_conn_filesystem_csv.c ---- */
/** Where rows end, without taking cells apart. */
typedef struct fs_rows_t {
    char delimiter;
    int trims; /* blanks around quotes do not count */
    int state;
} fs_rows_t;
void flow_conn_fs_rows_init(fs_rows_t *rows, const flow_csv_options_t *csv);
/** Bytes of @a data up to and with the end of row @a max (or the last complete
 * one); *pn = rows found. */
apr_size_t flow_conn_fs_rows_find(fs_rows_t *rows, const char *data,
                                  apr_size_t len, apr_size_t max,
                                  apr_size_t *pn);

/* ---- flow_conn_filesystem_write.c ---- */
/** A new file with that content; over one that is there (@a replace) or only
 * if there is none (EEXIST). 0 or an errno. */
int flow_conn_fs_make(int dirfd, const char *name, const char *data,
                      apr_size_t len, int replace, apr_pool_t *p);
/** Lock the file against others of our kind, waiting until the deadline; the
 * lock ends with the descriptor. */
apr_status_t flow_conn_fs_lock(int fd, const char *name,
                               const flow_call_t *call, flow_error_t *err);
/** Put @a data where @a tail (all from @a at to @a size) stands; when that
 * fails the file is as it was. */
apr_status_t flow_conn_fs_replace_tail(int fd, const char *name, off_t at,
                                       off_t size, const char *tail,
                                       const char *data, apr_size_t len,
                                       flow_error_t *err);

/* ---- flow_conn_filesystem_export.c, flow_conn_filesystem_import.c ---- */
apr_status_t flow_conn_fs_export_page(const flow_export_t *exp,
                                      const flow_call_t *call,
                                      const json_t *input, const json_t *cursor,
                                      flow_page_t *page, apr_pool_t *p,
                                      flow_error_t *err);
apr_status_t flow_conn_fs_import_records(const flow_import_t *imp,
                                         const flow_call_t *call,
                                         const json_t *records,
                                         const json_t *originals,
                                         json_t **presponses, apr_pool_t *p,
                                         flow_error_t *err);

#endif
