/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JOBS_FIXTURE_H
#define JOBS_FIXTURE_H

#include <apr_pools.h>

#include "jobs/flow_jobs.h"
#include "jobs/flow_store.h"

/** A store in a directory of its own, a model made by hand, and a pool. */
typedef struct jobs_fixture_t {
    apr_pool_t *p;
    char dir[64];
    char file[80];
    flow_jobs_settings_t settings;
    flow_model_t model;
    flow_env_t env;
} jobs_fixture_t;

jobs_fixture_t *jobs_fixture_new(void); /* the store does not exist yet */
void jobs_fixture_free(jobs_fixture_t *f);

/** A flow without steps, whose generator is export @a export_id: a listener
 * when @a is_listener. Both are added to the model. */
flow_flow_t *jobs_fixture_flow(jobs_fixture_t *f, const char *id,
                               const char *export_id, int is_listener);
const flow_export_t *jobs_fixture_export(jobs_fixture_t *f, const char *id);

/** A handle, migrated. */
flow_store_t *jobs_fixture_store(jobs_fixture_t *f);

/** The first cell of a query's first row; "" for none. */
const char *jobs_fixture_query(jobs_fixture_t *f, const char *sql);

flow_request_t *jobs_fixture_request(apr_pool_t *p, const char *body,
                                     apr_size_t len);

#endif
