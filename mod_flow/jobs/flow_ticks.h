/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TICKS_H
#define FLOW_TICKS_H

#include "flow/flow_model.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_store.h"

/**
 * Schedules as rows: one for each, whose next_at is when it ticks next.
 * Functions marked [write] run inside a transaction of their caller, which is
 * the committer's; the others only read.
 *
 * A tick is taken by setting next_at from what it was expected to be, in the
 * transaction that stores the run: whoever is second changes nothing, and who
 * dies in between has changed nothing. What a row says counts, not what a
 * process remembers.
 */
#define FLOW_TICKS_MAX 100 /* runs for missed ticks at once */

typedef struct flow_tick_row_t {
    const char *flow_id, *name, *definition;
    apr_time_t next_at, last_at; /* last_at: the tick before; 0 = none */
    apr_time_t config_at, seen_at;
    const char *last_job_id; /* or NULL */
    apr_int64_t merged;      /* ticks that found a run still waiting */
} flow_tick_row_t;

/** The date by which schedules tick: pgsql: the database's; sqlite3: this
 * machine's. */
apr_time_t flow_ticks_now(flow_store_t *store);

/** Array of flow_tick_row_t, all of them (10,000 at most), by flow and name. */
apr_status_t flow_ticks_list(flow_store_t *store, apr_array_header_t **plist,
                             apr_pool_t *p, flow_error_t *err);
/** One of them, or APR_NOTFOUND. */
apr_status_t flow_ticks_read(flow_store_t *store, const char *flow_id,
                             const char *name, flow_tick_row_t *row,
                             apr_pool_t *p, flow_error_t *err);

/**
 * [write] This configuration (read at @a config_at) has the schedule: its row
 * is made, to tick at @a next_at, when there is none, and when an older
 * configuration had defined it otherwise.
 */
apr_status_t flow_ticks_know(flow_store_t *store, const char *flow_id,
                             const flow_schedule_t *schedule,
                             apr_time_t config_at, apr_time_t next_at,
                             apr_time_t now, flow_error_t *err);
/** [write] Delete rows of the flow that this configuration (read at
 * @a config_at) has not just (@a now) said to know, unless a newer one has. */
apr_status_t flow_ticks_drop(flow_store_t *store, const char *flow_id,
                             apr_time_t config_at, apr_time_t now,
                             flow_error_t *err);
/** [write] Delete the rows of configurations read up to @a config_at that
 * nobody has known since @a before. */
apr_status_t flow_ticks_forget(flow_store_t *store, apr_time_t config_at,
                               apr_time_t before, flow_error_t *err);

typedef struct flow_tick_t {
    const char *flow_id;
    const flow_schedule_t *schedule;
    apr_time_t from, to, last; /* next_at as it is and will be, last_at */
    int runs;      /* at most FLOW_TICKS_MAX; 0 = the tick is left */
    int one_waits; /* no run when one is still waiting */
    char (*ids)[FLOW_ID_SIZE]; /* of the runs */
    int queued;                /* out: runs that were stored */
    int lost;                  /* out: somebody else was first */
} flow_tick_t;

/** [write] */
apr_status_t flow_ticks_take(flow_store_t *store, flow_tick_t *tick,
                             apr_time_t now, apr_pool_t *p, flow_error_t *err);

#endif
