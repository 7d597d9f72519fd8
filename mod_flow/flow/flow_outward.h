/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_OUTWARD_H
#define FLOW_OUTWARD_H

#include <jansson.h>

#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * What leaves towards a caller. Messages name the hosts of far ends, which are
 * the administrator's business: the log, the script log and error records keep
 * them, callers read "the far end" instead. That a caller can be a script makes
 * no difference: what it returns goes out, too. Scripts of flows have no caller.
 */

/** In @a err's message; 1 when something has been hidden. */
int flow_outward_error(flow_error_t *err, apr_pool_t *p);

/**
 * In the messages of a result {"data", "errors", "job"}, of a response element
 * or an array of them, in place (what it shares with others is copied); the
 * `_headers` of the far end's answer go, too. The first message that named a
 * place is logged as it was, with @a what in front ("import 'i'"), else the
 * first error, for those who want to know (level info).
 */
void flow_outward_result(json_t *result, const char *what, apr_pool_t *p);

#endif
