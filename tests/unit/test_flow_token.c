/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_log.h"
#include "jobs/flow_token.h"
#include "jobs_fixture.h"

typedef struct fixture_t {
    jobs_fixture_t *f;
    apr_pool_t *child;
    flow_token_store_t *store;
    flow_jobs_t *jobs;
    flow_error_t err;
    char log[4096];
} fixture_t;

static void keep_log(void *baton, flow_log_level_e level, const char *file,
                     int line, const char *text)
{
    fixture_t *x = baton;

    (void)level;
    (void)file;
    (void)line;
    apr_cpystrn(x->log, text, sizeof(x->log));
}

static int setup(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    fixture_t *x = f ? apr_pcalloc(f->p, sizeof(*x)) : NULL;

    if (!x) {
        return -1;
    }
    x->f = f;
    apr_pool_create(&x->child, NULL);
    *state = x;
    if (flow_token_store_open(&x->store, &f->settings, f->p, &x->err) != 0) {
        return -1;
    }
    return flow_jobs_start(&x->jobs, &f->settings, &f->env, x->child, &x->err);
}

static int teardown(void **state)
{
    fixture_t *x = *state;

    flow_log_set_sink(NULL, NULL, FLOW_LOG_ERROR);
    apr_pool_destroy(x->child);
    jobs_fixture_free(x->f);
    return 0;
}

static const char *create(fixture_t *x, flow_token_t *token)
{
    const char *plain = NULL;

    assert_int_equal(
        flow_token_create(x->store, token, &plain, x->f->p, &x->err), 0);
    return plain;
}

static int verify(fixture_t *x, const char *plain, const flow_token_t **ptoken)
{
    flow_error_clear(&x->err);
    return flow_token_verify(x->jobs, plain, ptoken, x->f->p, &x->err);
}

static void a_token_is_shown_once_and_stored_as_a_hash(void **state)
{
    fixture_t *x = *state;
    flow_token_t token = { .name = "shop caller", .full_access = 1 };
    const flow_token_t *found = NULL;
    const char *plain = create(x, &token);

    assert_int_equal(strncmp(plain, "flow_", 5), 0);
    assert_int_equal(strlen(plain), 69);
    assert_string_not_equal(plain, create(x, &token));
    assert_string_equal(
        jobs_fixture_query(
            x->f, apr_psprintf(x->f->p,
                               "SELECT count(*) FROM token WHERE hash LIKE"
                               " '%%%s%%' OR length(hash) <> 64",
                               plain + 5)),
        "0");
    assert_int_equal(verify(x, plain, &found), 0);
    assert_string_equal(found->name, "shop caller");
    assert_true(flow_token_covers(found, FLOW_TOKEN_API, "any"));
    assert_true(flow_token_covers(found, FLOW_TOKEN_FLOW, "any"));
}

static void a_chosen_scope_covers_what_was_chosen(void **state)
{
    fixture_t *x = *state;
    apr_array_header_t *apis = apr_array_make(x->f->p, 2, sizeof(char *));
    apr_array_header_t *flows = apr_array_make(x->f->p, 1, sizeof(char *));
    flow_token_t token = { .name = "n", .apis = apis, .flows = flows };
    const flow_token_t *found = NULL;

    APR_ARRAY_PUSH(apis, const char *) = "run \"orders\"";
    APR_ARRAY_PUSH(apis, const char *) = "b";
    APR_ARRAY_PUSH(flows, const char *) = "f";
    assert_int_equal(verify(x, create(x, &token), &found), 0);
    assert_true(flow_token_covers(found, FLOW_TOKEN_API, "run \"orders\""));
    assert_true(flow_token_covers(found, FLOW_TOKEN_API, "b"));
    assert_true(flow_token_covers(found, FLOW_TOKEN_FLOW, "f"));
    assert_false(flow_token_covers(found, FLOW_TOKEN_API, "f"));
    assert_false(flow_token_covers(found, FLOW_TOKEN_FLOW, "b"));
    assert_false(flow_token_covers(found, FLOW_TOKEN_EXPORT, "b"));
    assert_false(flow_token_covers(found, FLOW_TOKEN_IMPORT, ""));
}

static void what_is_no_valid_token_gets_the_same_answer(void **state)
{
    fixture_t *x = *state;
    flow_token_t revoked = { .name = "revoked" };
    flow_token_t expired = { .name = "expired", .expires = apr_time_now() - 1 };
    const struct {
        const char *plain;
        const char *log;
    } cases[] = {
        { "", "none of ours" },
        { "flow_", "none of ours" },
        { "Bearer", "none of ours" },
        { "flow_"
          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
          "unknown" },
        { create(x, &revoked), "revoked" },
        { create(x, &expired), "expired" },
    };
    const flow_token_t *found = NULL;
    size_t i;

    flow_log_set_sink(keep_log, x, FLOW_LOG_DEBUG);
    assert_int_equal(flow_token_revoke(x->store, revoked.id, x->f->p, &x->err),
                     0);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        x->log[0] = '\0';
        assert_int_not_equal(verify(x, cases[i].plain, &found), 0);
        assert_null(found);
        assert_string_equal(x->err.code, "unauthorized");
        assert_int_equal(x->err.kind, FLOW_E_INPUT);
        assert_string_equal(x->err.message, "the token is not valid");
        assert_non_null(strstr(x->log, cases[i].log));
        if (strlen(cases[i].plain) > 10) {
            assert_null(strstr(x->log, cases[i].plain + 5));
        }
    }
}

static void revoking_works_at_once(void **state)
{
    fixture_t *x = *state;
    flow_token_t token = { .name = "n", .full_access = 1 };
    const flow_token_t *found = NULL;
    const char *plain = create(x, &token);

    assert_int_equal(verify(x, plain, &found), 0);
    assert_int_equal(flow_token_revoke(x->store, token.id, x->f->p, &x->err),
                     0);
    assert_int_not_equal(verify(x, plain, &found), 0);
    flow_error_clear(&x->err);
    assert_int_equal(flow_token_revoke(x->store, "no-such", x->f->p, &x->err),
                     APR_NOTFOUND);
    assert_int_equal(x->err.kind, FLOW_E_NONE);
}

static void the_list_is_newest_first(void **state)
{
    fixture_t *x = *state;
    flow_token_t one = { .name = "one" }, two = { .name = "two" };
    apr_array_header_t *list = NULL;

    create(x, &one);
    two.expires = apr_time_now() + apr_time_from_sec(3600);
    create(x, &two);
    assert_int_equal(flow_token_list(x->store, &list, x->f->p, &x->err), 0);
    assert_int_equal(list->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(list, 0, flow_token_t).name, "two");
    assert_true(APR_ARRAY_IDX(list, 0, flow_token_t).expires == two.expires);
    assert_string_equal(APR_ARRAY_IDX(list, 1, flow_token_t).id, one.id);
    assert_int_equal(APR_ARRAY_IDX(list, 1, flow_token_t).revoked, 0);
}

static void a_name_is_needed(void **state)
{
    fixture_t *x = *state;
    const char *const names[] = { NULL, "", "\xff",
                                  apr_psprintf(x->f->p, "%0300d", 1) };
    const char *plain = NULL;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        flow_token_t token = { .name = names[i] };

        flow_error_clear(&x->err);
        assert_int_not_equal(
            flow_token_create(x->store, &token, &plain, x->f->p, &x->err), 0);
        assert_string_equal(x->err.code, "token_name");
        assert_null(plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_token_is_shown_once_and_stored_as_a_hash),
        TEST(a_chosen_scope_covers_what_was_chosen),
        TEST(what_is_no_valid_token_gets_the_same_answer),
        TEST(revoking_works_at_once),
        TEST(the_list_is_newest_first),
        TEST(a_name_is_needed),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}
