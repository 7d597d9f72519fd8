/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_seal.h"
#include "jobs/flow_grant_store.h"
#include "jobs_fixture.h"

static jobs_fixture_t *f;
static flow_jobs_t *jobs;
static const flow_grant_iface_t *grants;
static apr_pool_t *child;
static flow_error_t err;
static char key_file[120];

static int setup(void **state)
{
    flow_seal_t *seal = NULL;

    (void)state;
    f = jobs_fixture_new();
    snprintf(key_file, sizeof(key_file), "%s/flow.key", f->dir);
    apr_pool_create(&child, NULL);
    flow_error_clear(&err);
    if (flow_jobs_prepare(&f->settings, f->p, &err) != APR_SUCCESS ||
        flow_seal_open_file(&seal, key_file, 1, -1, -1, f->p, &err) !=
            APR_SUCCESS) {
        fail_msg("%s", err.message);
    }
    f->settings.seal = seal;
    if (flow_jobs_start(&jobs, &f->settings, &f->env, child, &err) !=
        APR_SUCCESS) {
        fail_msg("%s", err.message);
    }
    grants = flow_jobs_grants(jobs);
    flow_jobs_release(jobs);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(child);
    unlink(key_file);
    jobs_fixture_free(f);
    return 0;
}

static apr_time_t soon(void)
{
    return apr_time_now() + apr_time_from_sec(10);
}

static flow_lease_e lease(apr_int64_t known, apr_interval_time_t span,
                          flow_lease_t *mine, flow_grant_t *grant)
{
    flow_lease_e outcome = FLOW_LEASE_BUSY;

    flow_error_clear(&err);
    if (grants->lease(grants->baton, "c", known, span, soon(), mine, &outcome,
                      grant, f->p, &err) != APR_SUCCESS) {
        fail_msg("%s", err.message);
    }
    return outcome;
}

static apr_int64_t put(const flow_lease_t *mine, const char *text)
{
    apr_int64_t generation = -1;

    if (grants->put(grants->baton, "c", mine, text, soon(), &generation, f->p,
                    &err) != APR_SUCCESS) {
        fail_msg("%s", err.message);
    }
    return generation;
}

#define MINUTE apr_time_from_sec(60)

static void one_has_the_lease_until_it_has_stored(void **state)
{
    flow_lease_t a, b;
    flow_grant_t grant;

    (void)state;
    assert_int_equal(grants->read(grants->baton, "c", &grant, f->p, &err), 0);
    assert_int_equal(grant.generation, 0);
    assert_null(grant.text);
    assert_int_equal(lease(0, MINUTE, &a, &grant), FLOW_LEASE_MINE);
    assert_int_equal(lease(0, MINUTE, &b, &grant), FLOW_LEASE_BUSY);
    assert_int_equal(put(&a, "{\"access\":\"one\"}"), 1);
    /* who waited is told what there is */
    assert_int_equal(lease(0, MINUTE, &b, &grant), FLOW_LEASE_NEWER);
    assert_int_equal(grant.generation, 1);
    assert_string_equal(grant.text, "{\"access\":\"one\"}");
    /* who knows it gets the next lease */
    assert_int_equal(lease(1, MINUTE, &b, &grant), FLOW_LEASE_MINE);
    assert_int_equal(put(&b, "two"), 2);
    assert_int_equal(grants->read(grants->baton, "c", &grant, f->p, &err), 0);
    assert_int_equal(grant.generation, 2);
    assert_string_equal(grant.text, "two");
}

static void a_lease_ends_when_it_is_given_back_or_over(void **state)
{
    flow_lease_t a, b;
    flow_grant_t grant;

    (void)state;
    assert_int_equal(lease(0, MINUTE, &a, &grant), FLOW_LEASE_MINE);
    grants->release(grants->baton, "c", &a, soon());
    assert_int_equal(lease(0, 1000, &a, &grant), FLOW_LEASE_MINE);
    usleep(2000);
    assert_int_equal(lease(0, MINUTE, &b, &grant), FLOW_LEASE_MINE);
    /* the old holder cannot take the new one's away ... */
    grants->release(grants->baton, "c", &a, soon());
    assert_int_equal(lease(0, MINUTE, &a, &grant), FLOW_LEASE_BUSY);
    /* ... but what it has got is stored */
    assert_int_equal(put(&a, "late"), 1);
    assert_int_equal(put(&b, "later"), 2);
}

static void the_lease_of_a_dead_process_is_over(void **state)
{
    flow_lease_t a;
    flow_grant_t grant;

    (void)state;
    assert_int_equal(lease(0, MINUTE, &a, &grant), FLOW_LEASE_MINE);
    jobs_fixture_query(f, "UPDATE credential SET lease_owner ="
                          " 'another-boot:1:1:1:aa.1'");
    assert_int_equal(lease(0, MINUTE, &a, &grant), FLOW_LEASE_MINE);
}

static void what_is_stored_is_for_its_connection_only(void **state)
{
    flow_lease_t a;
    flow_grant_t grant;

    (void)state;
    assert_int_equal(lease(0, MINUTE, &a, &grant), FLOW_LEASE_MINE);
    put(&a, "secret-text");
    assert_null(strstr(jobs_fixture_query(f, "SELECT value FROM credential"),
                       "secret"));
    jobs_fixture_query(f, "INSERT INTO credential SELECT 'd', generation,"
                          " key_id, value, modified, NULL, 0 FROM credential");
    assert_int_not_equal(grants->read(grants->baton, "d", &grant, f->p, &err),
                         0);
    assert_string_equal(err.code, "seal_broken");
    assert_int_equal(grant.generation, 1);
    assert_null(grant.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(one_has_the_lease_until_it_has_stored),
        T(a_lease_ends_when_it_is_given_back_or_over),
        T(the_lease_of_a_dead_process_is_over),
        T(what_is_stored_is_for_its_connection_only),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
