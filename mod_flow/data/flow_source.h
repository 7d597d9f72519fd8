/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SOURCE_H
#define FLOW_SOURCE_H

#include <apr_pools.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"

/**
 * Bytes that are asked for, and what stands between a file and its text:
 * compression and charset. Each step reads from the one before it and has a
 * buffer of fixed size, so a chain of them needs little memory however long
 * the file is. One thread at a time.
 */

/** *plen: room in, bytes out; 0 bytes = the end. */
typedef apr_status_t flow_read_fn(void *baton, char *data, apr_size_t *plen,
                                  flow_error_t *err);
typedef struct flow_source_t {
    flow_read_fn *read;
    void *baton;
} flow_source_t;

/** No file unpacks to more than this ("too_large"). */
#define FLOW_UNPACK_MAX ((apr_uint64_t)64 << 30)

/** What *source gives is gzip (one member or several): it gives what is in
 * there from now on. FLOW_E_INPUT "invalid_gzip" while reading. */
apr_status_t flow_source_gunzip(flow_source_t *source, apr_pool_t *p,
                                flow_error_t *err);
/** What *source gives is text in @a charset (a name as in flow_charset.c):
 * UTF-8 from now on, without a BOM. FLOW_E_CONFIG "unsupported_charset"; while
 * reading FLOW_E_INPUT "invalid_charset" with the byte. */
apr_status_t flow_source_decode(flow_source_t *source, const char *charset,
                                apr_pool_t *p, flow_error_t *err);
/** The charset that the text's own beginning tells (a BOM, an XML
 * declaration); "utf-8" when it is silent. Nothing is lost for reading. */
apr_status_t flow_source_detect(flow_source_t *source, const char **pcharset,
                                apr_pool_t *p, flow_error_t *err);

/** A zip archive on an open file (which stays the caller's). At most 10,000
 * members; encrypted ones are refused when read. */
typedef struct flow_zip_t flow_zip_t;
apr_status_t flow_zip_open(flow_zip_t **pzip, int fd, apr_pool_t *p,
                           flow_error_t *err);
int flow_zip_count(const flow_zip_t *zip);
/** What is in member @a i; APR_NOTFOUND (no @a err): a directory. *source
 * lasts until the next call. *pname may not be UTF-8 and is for messages. */
apr_status_t flow_zip_member(flow_zip_t *zip, int i, flow_source_t *source,
                             const char **pname, flow_error_t *err);

/** Append to @a out: @a data as a gzip member of its own; members one after
 * the other are one file. */
apr_status_t flow_gzip_write(flow_buf_t *out, const char *data, apr_size_t len);
/** ... as an archive with one member. */
apr_status_t flow_zip_write(flow_buf_t *out, const char *name, const char *data,
                            apr_size_t len, flow_error_t *err);
/** ... in @a charset. FLOW_E_INPUT "invalid_charset" names the first character
 * that it does not have; @a out is as it was then. */
apr_status_t flow_charset_write(flow_buf_t *out, const char *charset,
                                const char *data, apr_size_t len, apr_pool_t *p,
                                flow_error_t *err);
/** Is it one we know? */
int flow_charset_is_known(const char *charset);

#endif
