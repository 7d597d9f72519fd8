/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_GRANT_STORE_H
#define FLOW_GRANT_STORE_H

#include "flow/flow_grant.h"
#include "jobs/flow_jobs.h"

/**
 * flow/flow_grant.h in the store: table credential, a row per connection, whose
 * value is sealed (base/flow_seal.h) for that connection. Writing goes through
 * the committer.
 */
void flow_grant_store_fill(flow_grant_iface_t *iface, flow_jobs_t *jobs);

#endif
