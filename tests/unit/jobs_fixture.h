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
    const char *params; /* the file, or a schema of our own in PostgreSQL */
    flow_jobs_settings_t settings;
    flow_model_t model;
    flow_env_t env;
} jobs_fixture_t;

/** The store does not exist yet. */
jobs_fixture_t *jobs_fixture_new(void);

/** Which kind the stores of the next tests are: "sqlite3" (at first) or
 * "pgsql". 0: there is no PostgreSQL, and standard output says so. Its address
 * is in FLOW_TEST_PGSQL; without that one is started here, for the program. */
int jobs_fixture_use(const char *driver);
const char *jobs_fixture_driver(void);
/** The group of tests with one kind of store, then with the other. */
#define JOBS_FIXTURE_BOTH(tests)                                               \
    (cmocka_run_group_tests_name("sqlite3", tests, NULL, NULL) +               \
     (jobs_fixture_use("pgsql")                                                \
          ? cmocka_run_group_tests_name("pgsql", tests, NULL, NULL)            \
          : 0))
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
