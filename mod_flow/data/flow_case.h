/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CASE_H
#define FLOW_CASE_H

#include <apr_pools.h>

/**
 * Upper and lower case of valid UTF-8, the same in every locale: Unicode's one
 * to one mappings, and "SS" for the sharp s as JavaScript has it. The result
 * is @a s itself when nothing changes, else from @a p. Any thread.
 */
const char *flow_case_lower(const char *s, apr_size_t len, apr_size_t *plen,
                            apr_pool_t *p);
const char *flow_case_upper(const char *s, apr_size_t len, apr_size_t *plen,
                            apr_pool_t *p);

#endif
