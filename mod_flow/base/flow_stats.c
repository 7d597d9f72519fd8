/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_stats.h"

#include <string.h>

/*
 * Relaxed order everywhere: the numbers are for people, each is read whole,
 * and nothing is inferred from two of them together. The compiler's builtins
 * are used because APR 1.6 has no 64-bit atomics.
 */
static flow_stat_t *slot_at(flow_stats_t *stats, int slot)
{
    if (!stats || slot < 0 || (apr_uint32_t)slot >= stats->nslots) {
        return NULL;
    }
    return &stats->slots[slot];
}

static void add(apr_uint64_t *counter, apr_uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

apr_size_t flow_stats_size(apr_uint32_t nslots)
{
    return sizeof(flow_stats_t) + (apr_size_t)nslots * sizeof(flow_stat_t);
}

void flow_stats_init(flow_stats_t *stats, apr_uint32_t nslots)
{
    memset(stats, 0, flow_stats_size(nslots));
    stats->nslots = nslots;
}

void flow_stats_count(flow_stats_t *stats, int slot, int failed,
                      apr_uint64_t usec)
{
    flow_stat_t *stat = slot_at(stats, slot);
    apr_uint64_t max;

    if (!stat) {
        return;
    }
    add(&stat->calls, 1);
    add(&stat->usec, usec);
    if (failed) {
        add(&stat->errors, 1);
    }
    max = __atomic_load_n(&stat->usec_max, __ATOMIC_RELAXED);
    while (usec > max) {
        if (__atomic_compare_exchange_n(&stat->usec_max, &max, usec, 1,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            break;
        }
    }
}

void flow_stats_records(flow_stats_t *stats, int slot, apr_uint64_t good,
                        apr_uint64_t bad)
{
    flow_stat_t *stat = slot_at(stats, slot);

    if (stat) {
        add(&stat->records, good);
        add(&stat->record_errors, bad);
    }
}

void flow_stats_add64(apr_uint64_t *counter, apr_int64_t n)
{
    if (counter) {
        add(counter, (apr_uint64_t)n);
    }
}

void flow_stats_add32(apr_uint32_t *counter, apr_int32_t n)
{
    if (counter) {
        __atomic_fetch_add(counter, (apr_uint32_t)n, __ATOMIC_RELAXED);
    }
}

void flow_stats_read(const flow_stats_t *stats, int slot, flow_stat_t *copy)
{
    const flow_stat_t *stat;

    memset(copy, 0, sizeof(*copy));
    if (!stats || slot < 0 || (apr_uint32_t)slot >= stats->nslots) {
        return;
    }
    stat = &stats->slots[slot];
    copy->calls = __atomic_load_n(&stat->calls, __ATOMIC_RELAXED);
    copy->errors = __atomic_load_n(&stat->errors, __ATOMIC_RELAXED);
    copy->records = __atomic_load_n(&stat->records, __ATOMIC_RELAXED);
    copy->record_errors =
        __atomic_load_n(&stat->record_errors, __ATOMIC_RELAXED);
    copy->usec = __atomic_load_n(&stat->usec, __ATOMIC_RELAXED);
    copy->usec_max = __atomic_load_n(&stat->usec_max, __ATOMIC_RELAXED);
}
