/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SECRET_H
#define FLOW_SECRET_H

#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * Secrets in documents: `env:NAME` is the environment variable, `file:PATH`
 * the file's content without its last line break (relative to @a base_dir),
 * everything else is the secret itself. *pvalue is from @a p. Messages name
 * the variable or the file, never a value.
 */
apr_status_t flow_secret_resolve(const char **pvalue, const char *text,
                                 const char *base_dir, apr_pool_t *p,
                                 flow_error_t *err);

#endif
