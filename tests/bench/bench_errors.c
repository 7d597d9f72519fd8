/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How quick are lists of errors when there are many?
 *
 *   bench_errors DIR [rows]
 *
 * Fills a store in DIR with that many errors (1,000,000) of 20 flows with 5
 * steps each and times what an administrator asks for. With 0 it takes the
 * store as an earlier run has left it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_error_list.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_jobs.h"

#define PAGE  50
#define GROUP 1000

static apr_pool_t *p;
static flow_store_t *store;
static flow_error_t err;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

static void fill(int rows)
{
    static const char *const codes[] = { "422", "409", "503", "404", "mine" };
    flow_ids_t ids;
    json_t *record = NULL;
    apr_pool_t *round;
    int i, k;

    flow_json_parse(&record, "{\"id\":1,\"name\":\"a record of some length\"}",
                    44, &err);
    flow_ids_init(&ids);
    apr_pool_create(&round, p);
    for (i = 0; i < rows; i += GROUP) {
        flow_errors_t *errors;
        char job[40], flow[20];

        apr_pool_clear(round);
        errors = flow_errors_create(&ids, round);
        apr_snprintf(job, sizeof(job), "job%06d", i / GROUP);
        apr_snprintf(flow, sizeof(flow), "flow%d", i / GROUP % 20);
        for (k = 0; k < GROUP; ++k) {
            char step[20], key[20];
            /* the last class is rare: one in 10,000 */
            flow_record_error_t e = { step,
                                      1 + k % 5,
                                      k % 5 == 4 && (k != 4 || i % 10000)
                                          ? "422"
                                          : codes[k % 5],
                                      "the far end does not want this record",
                                      "application",
                                      key,
                                      record };

            apr_snprintf(step, sizeof(step), "step%d", k % 5);
            apr_snprintf(key, sizeof(key), "key%d", i + k);
            flow_errors_add(errors, &e);
        }
        if (flow_store_begin(store, -1, &err) ||
            flow_errors_insert(errors, store, job, flow, &err) ||
            flow_store_commit(store, &err)) {
            die("fill");
        }
    }
    json_decref(record);
}

static double ms_since(apr_time_t began)
{
    return (double)(apr_time_now() - began) / 1000;
}

static void list(const char *what, flow_error_filter_t filter, int pages)
{
    char before[FLOW_ID_SIZE] = "";
    apr_time_t began = apr_time_now();
    double last = 0;
    size_t n = 0;
    int i;

    for (i = 0; i < pages; ++i) {
        apr_pool_t *round;
        json_t *page = NULL;
        apr_time_t at = apr_time_now();

        apr_pool_create(&round, p);
        if (flow_error_select(store, &filter, PAGE, &page, round, &err)) {
            die(what);
        }
        last = ms_since(at);
        n += json_array_size(page);
        if (json_array_size(page)) {
            apr_cpystrn(
                before,
                flow_json_member(
                    json_array_get(page, json_array_size(page) - 1), "errorId"),
                sizeof(before));
            filter.before = before;
        }
        json_decref(page);
        apr_pool_destroy(round);
    }
    printf("%-44s %8lu rows, page %d in %6.2f ms, all in %8.1f ms\n", what,
           (unsigned long)n, pages, last, ms_since(began));
}

int main(int argc, char **argv)
{
    flow_jobs_settings_t settings = { "sqlite3", NULL, 0, 0, 0, NULL, -1, -1 };
    int rows = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1000000;
    json_t *counts = NULL;
    apr_time_t began;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_errors DIR [rows]\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&p, NULL);
    flow_json_global_init();
    settings.params = apr_pstrcat(p, argv[1], "/flow.db", NULL);
    if (flow_jobs_prepare(&settings, p, &err) ||
        flow_store_open(&store, "sqlite3", settings.params, &err)) {
        die("open");
    }
    began = apr_time_now();
    fill(rows);
    if (rows) {
        printf("%d errors stored in %.1f s, %.0f a second\n", rows,
               ms_since(began) / 1000, rows / (ms_since(began) / 1000));
    }
    list("open, first page", (flow_error_filter_t){ 0 }, 1);
    list("open, page 500", (flow_error_filter_t){ 0 }, 500);
    list("flow, page 500", (flow_error_filter_t){ .flow_id = "flow7" }, 500);
    list("flow and step, page 100",
         (flow_error_filter_t){ .flow_id = "flow7", .step_id = "step2" }, 100);
    list("class, page 100",
         (flow_error_filter_t){ .classification = "duplicate" }, 100);
    list("flow, step and class",
         (flow_error_filter_t){ .flow_id = "flow7",
                                .step_id = "step1",
                                .classification = "duplicate" },
         1);
    list("flow, step and a class that is not there",
         (flow_error_filter_t){ .flow_id = "flow7",
                                .step_id = "step1",
                                .classification = "parse" },
         1);
    list("flow, step and trace key",
         (flow_error_filter_t){
             .flow_id = "flow7", .step_id = "step1", .trace_key = "key7001" },
         1);
    list("job", (flow_error_filter_t){ .job_id = "job000007" }, 1);
    list("a code that is rare", (flow_error_filter_t){ .code = "mine" }, 1);
    list("resolved, of a flow (there are none)",
         (flow_error_filter_t){ .state = FLOW_ERRORS_RESOLVED,
                                .flow_id = "flow7" },
         1);
    list("resolved (there are none)",
         (flow_error_filter_t){ .state = FLOW_ERRORS_RESOLVED }, 1);
    began = apr_time_now();
    flow_error_counts(store, NULL, 1000, &counts, p, &err);
    printf("%-44s %.1f ms\n", "open errors by flow and step", ms_since(began));
    json_decref(counts);
    flow_store_close(store);
    return 0;
}
