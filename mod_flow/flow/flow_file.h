/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_FILE_H
#define FLOW_FILE_H

#include <apr_pools.h>

#include "base/flow_error.h"

/** Largest document or script that is read while the configuration is. */
#define FLOW_FILE_MAX (5 * 1024 * 1024)

/** The whole of a regular file, NUL-terminated. The message (FLOW_E_CONFIG)
 * names the path. */
apr_status_t flow_file_read(const char **pdata, apr_size_t *plen,
                            const char *path, apr_size_t max, apr_pool_t *p,
                            flow_error_t *err);

/** The directory part of @a path, without a slash at its end; "." if none. */
const char *flow_file_dir(const char *path, apr_pool_t *p);
/** @a path itself when absolute, else below @a dir. */
const char *flow_file_absolute(const char *dir, const char *path,
                               apr_pool_t *p);

#endif
