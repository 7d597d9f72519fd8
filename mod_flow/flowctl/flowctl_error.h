/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWCTL_ERROR_H
#define FLOWCTL_ERROR_H

#include "flowctl/flowctl.h"
#include "jobs/flow_error_list.h"

/** What the commands on errors share: which ones, and working through them. */
#define FLOWCTL_IDS_MAX 1000

typedef struct flowctl_selection_t {
    flowctl_t *ctl;
    const char *command;
    flow_error_filter_t filter;
    const char *since, *until;
    int resolved, all, matching;
    const char *ids[FLOWCTL_IDS_MAX + 1];
    int n;
} flowctl_selection_t;

#define FLOWCTL_SELECTION(s)                                                   \
    { "--flow", .value = &(s).filter.flow_id },                                \
        { "--step", .value = &(s).filter.step_id },                            \
        { "--job", .value = &(s).filter.job_id },                              \
        { "--class", .value = &(s).filter.classification },                    \
        { "--source", .value = &(s).filter.source },                           \
        { "--code", .value = &(s).filter.code },                               \
        { "--trace-key", .value = &(s).filter.trace_key },                     \
        { "--tag", .value = &(s).filter.tag },                                 \
        { "--assigned-to", .value = &(s).filter.assigned_to },                 \
        { "--since", .value = &(s).since },                                    \
    {                                                                          \
        "--until", .value = &(s).until                                         \
    }

/** Ids, or --matching with or without filters: changing everything there is
 * takes two words. FLOWCTL_OK or FLOWCTL_USAGE. */
int flowctl_selection_read(flowctl_selection_t *s);

/** What is done with one, inside a transaction; *pn: was anything? */
typedef apr_status_t flowctl_change_fn(void *baton, flow_store_t *store,
                                       const flow_error_ref_t *ref, int *pn,
                                       apr_pool_t *p, flow_error_t *err);
/** With all of them, so many in a transaction that the server can write in
 * between. */
apr_status_t flowctl_selection_change(flowctl_selection_t *s,
                                      flow_store_t *store,
                                      flowctl_change_fn *fn, void *baton,
                                      apr_int64_t *pseen, apr_int64_t *pdone,
                                      flow_error_t *err);
/** Say what has been done; @a more (may be NULL, stolen) is for JSON. */
int flowctl_selection_finish(const flowctl_selection_t *s, const char *word,
                             apr_int64_t seen, apr_int64_t done, json_t *more);

#endif
