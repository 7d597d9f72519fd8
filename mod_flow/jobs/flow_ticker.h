/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TICKER_H
#define FLOW_TICKER_H

#include "jobs/flow_jobs_private.h"

/**
 * What makes schedules tick in a process: part of the keeper's round. Every
 * process of every node does it; the rows see to it that each tick becomes one
 * run (flow_ticks.h). One thread.
 *
 * A tick whose run would find an earlier one of the same schedule still waiting
 * adds none: it is merged into that. Ticks that nobody was there for are dealt
 * with as the flow's scheduleCatchUp says.
 */
typedef struct flow_ticker_t flow_ticker_t;

/** For the parent: a configuration has been read at @a read_at. That time, or a
 * later one when the store knows of a configuration that claims to be younger
 * (a clock has been set back): the one read last counts. @a read_at when the
 * store is away. */
apr_time_t flow_ticker_config_time(const flow_jobs_settings_t *settings,
                                   apr_time_t read_at, apr_pool_t *p);

/** With the schedules of the model (none when it is NULL); lives in @a p. */
flow_ticker_t *flow_ticker_make(flow_jobs_t *jobs, apr_pool_t *p);

/** Do what is due; how long until something will be (at most @a most). @a p is
 * for the while. */
apr_interval_time_t flow_ticker_run(flow_ticker_t *ticker, flow_store_t *store,
                                    apr_interval_time_t most, apr_pool_t *p);

/** What to do about a schedule that was to tick at @a from, at @a now: when it
 * ticks next, when it should have ticked last, and how many runs there are to
 * be. A pure function, for tests. */
void flow_ticker_plan(const flow_schedule_t *schedule, apr_time_t from,
                      apr_time_t now, apr_time_t *pnext, apr_time_t *plast,
                      int *pruns);
/** The first tick after @a now. */
apr_time_t flow_ticker_next(const flow_schedule_t *schedule, apr_time_t now);

#endif
