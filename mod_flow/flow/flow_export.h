/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_EXPORT_H
#define FLOW_EXPORT_H

#include "flow/flow_scope.h"

/** flow_export_run() with a scope that is already there: for lookup steps,
 * which run once for each record. */
apr_status_t flow_export_collect(flow_scope_t *scope, const json_t *data,
                                 json_t **presult, apr_pool_t *p,
                                 flow_error_t *err);

#endif
