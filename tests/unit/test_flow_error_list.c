/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_error_list.h"
#include "jobs/flow_errors.h"
#include "jobs_fixture.h"

typedef struct fixture_t {
    jobs_fixture_t *f;
    flow_store_t *store;
    flow_ids_t ids;
    apr_pool_t *p;
    flow_error_t err;
} fixture_t;

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    fixture_t *x = f ? apr_pcalloc(f->p, sizeof(*x)) : NULL;

    if (!x) {
        return -1;
    }
    x->f = f;
    x->p = f->p;
    flow_ids_init(&x->ids);
    x->store = jobs_fixture_store(f);
    *state = x;
    return x->store ? 0 : -1;
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    flow_store_close(x->store);
    jobs_fixture_free(x->f);
    return 0;
}

static void begin(fixture_t *x)
{
    assert_int_equal(flow_store_begin(x->store, -1, &x->err), 0);
}

static void commit(fixture_t *x)
{
    assert_int_equal(flow_store_commit(x->store, &x->err), 0);
}

typedef struct bad_t {
    const char *job, *flow, *step, *code, *source, *key;
    int no_retry;
} bad_t;

static void store_page(fixture_t *x, const bad_t *bad, int n, int resolve,
                       int retry)
{
    flow_errors_t *errors = flow_errors_create(&x->ids, x->p);
    json_t *record = json_object();
    int i;

    flow_errors_rules(errors, resolve, retry);
    json_object_set_new(record, "a", json_integer(1));
    for (i = 0; i < n; ++i) {
        flow_record_error_t e = { bad[i].step,
                                  1,
                                  bad[i].code,
                                  "no",
                                  bad[i].source,
                                  bad[i].key,
                                  bad[i].no_retry ? NULL : record };

        flow_errors_add(errors, &e);
    }
    json_decref(record);
    begin(x);
    assert_int_equal(
        flow_errors_insert(errors, x->store, bad[0].job, bad[0].flow, &x->err),
        0);
    commit(x);
}

static json_t *list(fixture_t *x, const flow_error_filter_t *filter, int limit)
{
    json_t *v = NULL;

    assert_int_equal(
        flow_error_select(x->store, filter, limit, &v, x->p, &x->err), 0);
    return flow_json_own(x->p, v);
}

static const char *keys(fixture_t *x, const flow_error_filter_t *filter)
{
    json_t *v = list(x, filter, 100);
    const char *out = "";
    size_t i;

    for (i = 0; i < json_array_size(v); ++i) {
        const char *key = flow_json_member(json_array_get(v, i), "traceKey");

        out = apr_pstrcat(x->p, out, key ? key : "-", NULL);
    }
    return out;
}

static const char *id_of(fixture_t *x, const char *key)
{
    return jobs_fixture_query(
        x->f, apr_psprintf(x->p,
                           "SELECT id FROM job_error WHERE trace_key = '%s'"
                           " ORDER BY id DESC",
                           key));
}

static const bad_t some[] = {
    { "j1", "f", "i", "422", "application", "a" },
    { "j1", "f", "i", "503", "application", "b" },
    { "j1", "f", "k", "409", "application", "c", 1 },
};
static const bad_t others[] = {
    { "j2", "g", "i", "mine", "post_submit_hook", "d" },
    { "j2", "g", "i", "422", "application", NULL },
};

static void both(fixture_t *x)
{
    store_page(x, some, 3, 0, 0);
    store_page(x, others, 2, 0, 0);
}

static void lists_are_filtered_and_newest_first(void **state)
{
    /* clang-format off */
    static const struct { flow_error_filter_t filter; const char *keys; } cases[] = {
        { { 0 }, "-dcba" },
        { { .flow_id = "f" }, "cba" },
        { { .flow_id = "f", .step_id = "i" }, "ba" },
        { { .flow_id = "f", .step_id = "i", .trace_key = "a" }, "a" },
        { { .job_id = "j2" }, "-d" },
        { { .classification = "duplicate" }, "c" },
        { { .classification = "intermittent", .flow_id = "f" }, "b" },
        { { .classification = "intermittent", .flow_id = "g" }, "" },
        { { .source = "post_submit_hook" }, "d" },
        { { .code = "422" }, "-a" },
        { { .retriable = 1 }, "-dba" },
        { { .state = FLOW_ERRORS_RESOLVED }, "" },
        { { .state = FLOW_ERRORS_ALL, .flow_id = "g" }, "-d" },
        { { .until = 1 }, "" },
        { { .since = 1, .step_id = "k" }, "c" },
    };
    /* clang-format on */
    fixture_t *x = *state;
    size_t i;

    both(x);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_string_equal(keys(x, &cases[i].filter), cases[i].keys);
    }
}

static void pages_follow_one_another_without_gap_or_overlap(void **state)
{
    fixture_t *x = *state;
    flow_error_filter_t filter = { .state = FLOW_ERRORS_ALL };
    const char *seen = "";
    json_t *page;
    int n = 0;

    both(x);
    begin(x);
    assert_int_equal(
        flow_error_resolve(x->store, id_of(x, "b"), "me", &n, &x->err), 0);
    commit(x);
    while (json_array_size(page = list(x, &filter, 2)) > 0) {
        size_t i;

        for (i = 0; i < json_array_size(page); ++i) {
            const json_t *error = json_array_get(page, i);
            const char *key = flow_json_member(error, "traceKey");

            seen = apr_pstrcat(x->p, seen, key ? key : "-", NULL);
            filter.before = flow_json_member(error, "errorId");
        }
    }
    assert_string_equal(seen, "-dcba");
}

static void resolved_is_final(void **state)
{
    fixture_t *x = *state;
    flow_error_filter_t filter = { .state = FLOW_ERRORS_RESOLVED };
    json_t *error;
    int n = 0;

    both(x);
    begin(x);
    assert_int_equal(
        flow_error_resolve(x->store, id_of(x, "a"), "ann", &n, &x->err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(
        flow_error_resolve(x->store, id_of(x, "a"), "bob", &n, &x->err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(
        flow_error_edit(x->store, id_of(x, "a"), "{}", &n, &x->err), 0);
    assert_int_equal(n, 0);
    commit(x);
    error = json_array_get(list(x, &filter, 5), 0);
    assert_string_equal(flow_json_member(error, "resolvedBy"), "ann");
    assert_non_null(flow_json_member(error, "resolvedAt"));
}

static void tags_are_added_found_and_taken_away(void **state)
{
    fixture_t *x = *state;
    flow_error_filter_t filter = { .tag = "erp" };
    const char *a;
    int n = 0, i;

    both(x);
    a = id_of(x, "a");
    begin(x);
    for (i = 0; i < 2; ++i) { /* twice is once */
        assert_int_equal(
            flow_error_tag(x->store, a, "erp", 1, &n, x->p, &x->err), 0);
        assert_int_equal(
            flow_error_tag(x->store, a, "erp2", 1, &n, x->p, &x->err), 0);
    }
    commit(x);
    assert_string_equal(keys(x, &filter), "a");
    assert_string_equal(jobs_fixture_query(x->f, "SELECT tags FROM job_error"
                                                 " WHERE trace_key = 'a'"),
                        ",erp,erp2,");
    begin(x);
    assert_int_equal(flow_error_tag(x->store, a, "erp", 0, &n, x->p, &x->err),
                     0);
    commit(x);
    assert_string_equal(keys(x, &filter), "");
    filter.tag = "erp2";
    assert_string_equal(keys(x, &filter), "a");
    assert_false(flow_error_tag_ok(""));
    assert_false(flow_error_tag_ok("a,b"));
    assert_false(flow_error_tag_ok("50%"));
    assert_true(flow_error_tag_ok("a-b_c.9"));
}

static void the_whole_of_one_has_its_record_and_the_edited_one(void **state)
{
    fixture_t *x = *state;
    json_t *error = NULL;
    int n = 0;

    both(x);
    begin(x);
    assert_int_equal(
        flow_error_edit(x->store, id_of(x, "a"), "{\"a\":2}", &n, &x->err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(
        flow_error_edit(x->store, id_of(x, "a"), "{\"a\":3}", &n, &x->err), 0);
    assert_int_equal(
        flow_error_edit(x->store, id_of(x, "c"), "{}", &n, &x->err), 0);
    assert_int_equal(n, 0); /* it keeps no record */
    commit(x);
    assert_int_equal(
        flow_error_get(x->store, id_of(x, "a"), &error, x->p, &x->err), 0);
    assert_string_equal(
        flow_json_text(json_object_get(error, "retryData"), NULL, x->p),
        "{\"stage\":\"page_processor\",\"traceKey\":\"a\",\"edited\":{\"a\":3},"
        "\"data\":{\"a\":1}}");
    json_decref(error);
    assert_int_equal(flow_error_get(x->store, "nope", &error, x->p, &x->err),
                     APR_NOTFOUND);
}

static void open_errors_are_counted_by_step(void **state)
{
    fixture_t *x = *state;
    json_t *counts = NULL;
    int n = 0;

    both(x);
    begin(x);
    flow_error_resolve(x->store, id_of(x, "a"), "me", &n, &x->err);
    commit(x);
    assert_int_equal(
        flow_error_counts(x->store, NULL, 10, &counts, x->p, &x->err), 0);
    assert_string_equal(flow_json_text(flow_json_own(x->p, counts), NULL, x->p),
                        "{\"f\":{\"i\":1,\"k\":1},\"g\":{\"i\":2}}");
    assert_int_equal(
        flow_error_counts(x->store, "g", 10, &counts, x->p, &x->err), 0);
    assert_string_equal(flow_json_text(flow_json_own(x->p, counts), NULL, x->p),
                        "{\"g\":{\"i\":2}}");
}

static void a_newer_error_or_a_success_resolves_by_trace_key(void **state)
{
    static const bad_t first[] = { { "j1", "f", "i", "1", "s", "a" },
                                   { "j1", "f", "i", "2", "s", "a" },
                                   { "j1", "f", "i", "3", "s", "b" },
                                   { "j1", "f", "k", "4", "s", "a" } };
    static const bad_t second[] = { { "j2", "f", "i", "5", "s", "a" } };
    fixture_t *x = *state;
    flow_error_filter_t open = { 0 };
    flow_errors_t *errors = flow_errors_create(&x->ids, x->p);

    store_page(x, first, 4, 1, 0); /* not one another */
    assert_string_equal(keys(x, &open), "abaa");
    store_page(x, second, 1, 1, 0);
    assert_string_equal(keys(x, &open), "aab"); /* 5, 4 and 3 are left */
    flow_errors_rules(errors, 1, 0);
    flow_errors_good(errors, "i", "a");
    flow_errors_good(errors, "i", NULL);
    begin(x);
    assert_int_equal(flow_errors_insert(errors, x->store, "j3", "f", &x->err),
                     0);
    commit(x);
    assert_string_equal(keys(x, &open), "ab");
    open.step_id = "k";
    assert_string_equal(keys(x, &open), "a");
    assert_string_equal(jobs_fixture_query(x->f, "SELECT count(*) FROM"
                                                 " job_error WHERE"
                                                 " resolved_by = 'auto'"),
                        "3");
}

static void only_intermittent_ones_are_to_be_retried_and_not_at_once(
    void **state)
{
    fixture_t *x = *state;
    int i, n;

    store_page(x, some, 3, 0, 1);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT group_concat(trace_key) FROM job_error"
                                 " WHERE retry_at > occurred_at AND"
                                 " retry_at <= occurred_at + 30000001"),
        "b");
    for (n = 0; n < 4; ++n) {
        apr_interval_time_t most = apr_time_from_sec(30) << n, sum = 0;

        for (i = 0; i < 200; ++i) {
            apr_interval_time_t wait = flow_errors_backoff(n);

            assert_true(wait > 0 && wait <= most + 1);
            sum += wait;
        }
        assert_true(sum > most * 200 / 4); /* full jitter: half, on average */
    }
    assert_int_equal(flow_errors_backoff(4), 0);
    assert_int_equal(flow_errors_backoff(-1), 0);
}

static void what_a_job_had_goes_with_it(void **state)
{
    fixture_t *x = *state;
    int n = 0;

    both(x);
    begin(x);
    assert_int_equal(flow_error_purge(x->store, "j1", 2, &n, &x->err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(flow_error_purge(x->store, "j1", 2, &n, &x->err), 0);
    assert_int_equal(n, 1);
    commit(x);
    assert_string_equal(
        jobs_fixture_query(x->f, "SELECT count(*) FROM error_data"), "2");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_filtered_and_newest_first),
        TEST(pages_follow_one_another_without_gap_or_overlap),
        TEST(resolved_is_final),
        TEST(tags_are_added_found_and_taken_away),
        TEST(the_whole_of_one_has_its_record_and_the_edited_one),
        TEST(open_errors_are_counted_by_step),
        TEST(a_newer_error_or_a_success_resolves_by_trace_key),
        TEST(only_intermittent_ones_are_to_be_retried_and_not_at_once),
        TEST(what_a_job_had_goes_with_it),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
