/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STATS_H
#define FLOW_STATS_H

#include <apr.h>

/**
 * Counters in memory that all children share.
 *
 * The block is allocated once by the parent (anonymous shared memory) and
 * inherited through fork; it holds no pointers. Slots belong to documents: the
 * same index means the same document as long as the configuration lives.
 * Every function is lock free and may be called from any thread.
 */
typedef struct flow_stat_t {
    apr_uint64_t calls;   /* requests, events or runs that ended */
    apr_uint64_t errors;  /* of those: answered >= 400, or failed */
    apr_uint64_t records; /* records that succeeded (flows) */
    apr_uint64_t record_errors;
    apr_uint64_t usec; /* time of all calls */
    apr_uint64_t usec_max;
} flow_stat_t;

typedef struct flow_stats_t {
    apr_uint32_t nslots;
    apr_uint32_t workers; /* in all living children */
    apr_uint32_t workers_busy;
    apr_uint32_t pad;
    apr_uint64_t events;  /* webhook events committed */
    apr_uint64_t commits; /* transactions that held them */
    apr_uint64_t jobs_done, jobs_failed;
    apr_uint64_t scripts, scripts_stopped;
    flow_stat_t slots[];
} flow_stats_t;

apr_size_t flow_stats_size(apr_uint32_t nslots);
void flow_stats_init(flow_stats_t *stats, apr_uint32_t nslots);
/** @a slot outside of the block, or @a stats NULL: nothing happens. */
void flow_stats_count(flow_stats_t *stats, int slot, int failed,
                      apr_uint64_t usec);
void flow_stats_records(flow_stats_t *stats, int slot, apr_uint64_t good,
                        apr_uint64_t bad);
void flow_stats_add64(apr_uint64_t *counter, apr_int64_t n);
void flow_stats_add32(apr_uint32_t *counter, apr_int32_t n);
/** A copy of one slot, each number read whole. */
void flow_stats_read(const flow_stats_t *stats, int slot, flow_stat_t *copy);

#endif
