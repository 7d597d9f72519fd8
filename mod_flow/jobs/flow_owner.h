/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_OWNER_H
#define FLOW_OWNER_H

#include <apr_pools.h>

/**
 * Who runs a job: a text that names this process so exactly that any process
 * of the same machine can tell whether it still lives.
 *
 * BOOT:PIDNS:PID:START:RANDOM. The boot id tells machines and reboots apart,
 * the pid namespace containers, the start time reused pids.
 */

/** New at each call (RANDOM), in @a p. */
char *flow_owner_new(apr_pool_t *p);

typedef enum {
    FLOW_OWNER_ALIVE,
    FLOW_OWNER_DEAD,
    FLOW_OWNER_UNKNOWN /* elsewhere: only its lease tells */
} flow_owner_state_e;

/** @a local: the store can be used on one machine at a time only (SQLite), so
 * an owner of another boot is dead. */
flow_owner_state_e flow_owner_state(const char *owner, int local);

#endif
