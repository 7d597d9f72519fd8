/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_FIXTURE_H
#define RUN_FIXTURE_H

#include "world.h"

/**
 * A flow "f" of the export "exp" in a fresh world, with a script "s" whose
 * functions are hooks, and a sink that remembers what it is told.
 */
extern world_t *run_world;

typedef struct run_sink_t {
    json_t *errors;      /* array of {step, index, code, message, source, key,
                            retry} */
    json_t *checkpoints; /* array */
    int stop_after;      /* the lease is lost after so many pages; 0 = never */
    volatile apr_uint32_t stopping;
} run_sink_t;
extern run_sink_t run_sink;

int run_setup(void **state);
int run_teardown(void **state);

/** Documents with one setting, or NOTHING. Exports have pageSize 2. */
#define NOTHING NULL, NULL
void run_export(const char *id, const char *path, const char *value);
void run_import(const char *id, const char *path, const char *value);
void run_processors(const char *processors);
#define IMPORT_STEP "[{\"type\":\"import\",\"_importId\":\"imp\"}]"
/** What the far end has, page by page; ' stands for ". */
void run_pages(const char *text);

/** A run of the flow; the world is compiled if it is not. */
flow_run_t run_new(void);
apr_status_t run_try(flow_run_t *run, flow_error_t *err);
/** From its beginning to its end, which must be good. */
flow_run_t run_whole(void);
void run_counts(const flow_run_t *run, int exported, int success, int error,
                int ignore);

#endif
