/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_BLOB_STORE_H
#define FLOW_BLOB_STORE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "flow/flow_blob.h"

/**
 * flow/flow_blob.h in files: DIR/KEY, mode 0600; the directory is made with the
 * first one. Blobs that nobody has removed go after @a keep (0: stay). All
 * together have at most @a most bytes (0: 10 GB), more or less: processes count
 * for themselves, every few minutes. Servers share blobs by sharing the
 * directory.
 */
const flow_blob_iface_t *flow_blob_store_create(const char *dir,
                                                apr_interval_time_t keep,
                                                apr_int64_t most,
                                                apr_pool_t *p);

#endif
