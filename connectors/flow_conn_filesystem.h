/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONN_FILESYSTEM_H
#define FLOW_CONN_FILESYSTEM_H

#include "flow/flow_connector.h"

#include "data/flow_filter.h"
#include "data/flow_format.h"

#include <sys/types.h>

/**
 * The filesystem connector's own parts; for its files and their tests only,
 * but for fs_content_t, compile_content() and unpack(), which know what is in a
 * file from wherever it comes.
 */
typedef struct fs_connection_t {
    const char *root; /* absolute */
} fs_connection_t;

typedef enum {
    FS_PLAIN,
    FS_GZIP,
    FS_ZIP
} fs_packing_e;

typedef struct fs_sort_t fs_sort_t;

/** What is in a file, read or written. */
typedef struct fs_content_t {
    flow_format_t format;
    const char *charset; /* NULL: reading finds out, writing is UTF-8 */
    fs_packing_e packing;
    int truncates;         /* CSV, writing: no delimiter behind the last row */
    const fs_sort_t *sort; /* sortByFields */
    int nsort;
} fs_content_t;

typedef enum {
    FS_RECORDS, /* what is in the files */
    FS_METADATA,
    FS_BLOBS
} fs_output_e;

typedef struct fs_export_t {
    fs_output_e output;
    const flow_template_t *directory, *starts_with, *ends_with; /* or NULL */
    const flow_filter_t *filter;   /* of files, before they are read, or NULL */
    const flow_template_t *backup; /* NULL: files are deleted */
    const flow_template_t *aside;  /* for those that are wrong; NULL: renamed */
    int keep;                      /* skipDelete */
    fs_content_t content;
} fs_export_t;

typedef struct fs_import_t {
    const flow_template_t *directory, *file_name;
    int file_per_record; /* skipAggregation */
    fs_content_t content;
} fs_import_t;

/* ---- flow_conn_filesystem_fields.c ---- */
/** The `file` object of an export or import. */
void flow_conn_fs_compile_content(flow_compile_t *c, fs_content_t *content,
                                  int is_export);

/* ---- flow_conn_filesystem_sort.c ---- */
/** What the records of a file may need when they are in memory together. */
#define FS_MEMORY_MAX ((apr_size_t)256 * 1024 * 1024)
/** Add about what the record needs to *pused; "file_too_large" when that
 * becomes more. */
apr_status_t flow_conn_fs_count(const json_t *record, apr_size_t *pused,
                                flow_error_t *err);
void flow_conn_fs_compile_sort(flow_compile_t *c, fs_content_t *content);
/** Sort all records of a file; those that are equal stay in their order. */
void flow_conn_fs_sort(const fs_content_t *content, json_t *records,
                       apr_pool_t *p);

/* ---- flow_conn_filesystem_dir.c ---- */
/** Open @a below (relative, may be "") under @a root; no step may be ".." or a
 * symbolic link. *pfd is closed by the caller. */
apr_status_t flow_conn_fs_open_dir(int *pfd, const char *root,
                                   const char *below, apr_pool_t *p,
                                   flow_error_t *err);
/** NULL, or why @a name cannot be the name of a file that we make. */
const char *flow_conn_fs_name_problem(const char *name);
/** What the name of a file ends with that was set aside, for something in it
 * is wrong; such files are left alone. */
#define FS_ASIDE ".error"
/** Could flow_conn_fs_next_file() have given this name? */
int flow_conn_fs_is_name(const char *name);
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

/* ---- flow_conn_filesystem_read.c ---- */
/** Where reading stands: a file, a member of it (zip), records before. */
typedef struct fs_place_t {
    const char *name;
    apr_int64_t size, mtime; /* of the file; -1: not looked at yet */
    int member;
    apr_int64_t index;  /* records before; those that are wrong count */
    apr_int64_t errors; /* of them were wrong */
    int is_done;        /* nothing is left in the file */
    int is_broken;      /* ... that can be read */
} fs_place_t;
/** So many records of a file may be wrong; it is given up then. */
#define FS_ERRORS_MAX 1000
/** Append the next records to page->records and move @a place on. Records that
 * are wrong, and a rest of the file that is, become errors of the page. What is
 * open is kept for the next page where the call allows that. */
apr_status_t flow_conn_fs_read(fs_place_t *place, const fs_content_t *content,
                               int dirfd, const flow_call_t *call,
                               flow_page_t *page, apr_pool_t *p,
                               flow_error_t *err);
/** Make text of bytes: unpacked (gzip only) and converted. */
apr_status_t flow_conn_fs_unpack(flow_source_t *source,
                                 const fs_content_t *content, apr_pool_t *p,
                                 flow_error_t *err);
/** The same for an open file. */
apr_status_t flow_conn_fs_source(flow_source_t *source, int fd,
                                 const fs_content_t *content, apr_pool_t *p,
                                 flow_error_t *err);

/* ---- flow_conn_filesystem_whole.c ---- */
/** Does the file pass the filter, which sees {filename, filesize, lastmodified}?
 * One that is gone does not. */
apr_status_t flow_conn_fs_passes(const flow_filter_t *filter, const char *name,
                                 int dirfd, int *ppasses, apr_pool_t *p,
                                 flow_error_t *err);
/** The file at @a place as such: one record. @a place is behind it then. */
apr_status_t flow_conn_fs_list(fs_place_t *place, fs_output_e output, int dirfd,
                               const flow_call_t *call, flow_page_t *page,
                               apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_filesystem_content.c ---- */
/** What is to be written. */
typedef struct fs_text_t {
    const fs_content_t *content;
    const json_t *records;
    json_t **elements;     /* of each record; NULL = no error so far */
    const json_t *columns; /* CSV */
    int is_single;         /* a file per record */
    apr_pool_t *p;
} fs_text_t;
#define FS_PAGE_MAX (50 * 1024 * 1024)
/** The columns of all records, in the order in which they come; records that
 * are none for the format get an error element. */
void flow_conn_fs_columns(fs_text_t *text);
/** A whole file. @a name is for what is in an archive. */
apr_status_t flow_conn_fs_whole(fs_text_t *text, const char *name,
                                flow_buf_t *out, flow_error_t *err);
/** Add to a file that is there, locked and open as @a fd. */
apr_status_t flow_conn_fs_append(fs_text_t *text, int fd, const char *name,
                                 flow_error_t *err);
/** Replace the element of record @a i by an error. */
void flow_conn_fs_fail_record(fs_text_t *text, size_t i,
                              const flow_error_t *err);

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
