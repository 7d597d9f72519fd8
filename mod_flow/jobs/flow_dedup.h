/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_DEDUP_H
#define FLOW_DEDUP_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_store.h"

/**
 * Events that come once. The sender's id of an event is claimed by inserting a
 * row with a unique key, in the transaction that stores the event: of two
 * deliveries at the same instant one is stored, in whatever process they are,
 * and the other one is told which.
 */

/** [write] Claim @a key for the event @a id until @a until. *pis_known: it was
 * claimed before, and @a id has become the id of that event. */
apr_status_t flow_dedup_claim(flow_store_t *store, const char *export_id,
                              const char *key, apr_time_t now, apr_time_t until,
                              char id[FLOW_ID_SIZE], int *pis_known,
                              flow_error_t *err);

/** [write] Forget at most @a most claims (and record locks) that are over. */
apr_status_t flow_dedup_purge(flow_store_t *store, apr_time_t now, int most,
                              int *pn, flow_error_t *err);

#endif
