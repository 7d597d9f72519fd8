/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STORE_ADMIN_H
#define FLOW_STORE_ADMIN_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"
#include "jobs/flow_store.h"

/** What an administrator does with a store, beside the server. */

/** The schema the store has (-1 = none) and the one this program wants. */
apr_status_t flow_store_versions(flow_store_t *store, int *phave, int *pwant,
                                 flow_error_t *err);

/** Is the database whole? *pfindings: new array of texts, empty when it is.
 * For SQLite its integrity check; elsewhere that is the database server's
 * business, and only our tables are looked for. */
apr_status_t flow_store_integrity(flow_store_t *store, json_t **pfindings,
                                  apr_pool_t *p, flow_error_t *err);

/**
 * A consistent copy of a SQLite store while the server runs, as the file
 * @a path (mode 0600), which must not exist and appears only when it is whole
 * and on the disk. FLOW_E_CONFIG "backup_unsupported" for other drivers.
 */
apr_status_t flow_store_backup(flow_store_t *store, const char *driver,
                               const char *path, apr_pool_t *p,
                               flow_error_t *err);

#endif
