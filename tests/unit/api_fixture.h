/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_FIXTURE_H
#define API_FIXTURE_H

#include "world.h"

/**
 * APIs in a fresh world: a script "s" with a function for each way to answer,
 * the APIs "api" and "off" (disabled), exports "exp" and "deep" (its hook runs
 * itself), imports "imp" and "broken" (its hook throws), flows "flow" and
 * "paused" (disabled), and a job store that only remembers.
 */
extern world_t *api_world;
extern flow_answer_t api_answer; /* of the last call */
extern flow_error_t api_error;

typedef struct api_jobs_t {
    json_t *request; /* of the last call, or NULL */
    json_t *result;  /* what waiting for a flow gives */
    apr_status_t status;
    apr_interval_time_t waited;
} api_jobs_t;
extern api_jobs_t api_jobs;

int api_setup(void **state);
int api_teardown(void **state);

/** A POST of JSON. */
flow_request_t *api_post(const char *body);
void api_handle(const flow_api_target_t *target, const flow_request_t *req);
/** The API is this function of the script. */
void api_call(const char *function, const flow_request_t *req);

/** The answer is JSON; ' stands for ". */
void api_expect_body(const char *expected);
/** The answer is an error, and the log is told the same. */
void api_expect_error(int status, const char *code, const char *source_name);

#endif
