/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "docs_fixture.h"
#include "flow/flow_breaker.h"
#include "flow/flow_connector.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A far end that can be taken down. */
static struct {
    const char *code; /* what the ping fails with, or NULL */
    flow_error_kind_e kind;
    int pings;
    const flow_grant_iface_t *grants; /* that the last ping had */
} far_end;

static apr_status_t ping(const flow_connection_t *connection,
                         const flow_call_t *call, apr_pool_t *p,
                         flow_error_t *err)
{
    (void)connection;
    (void)p;
    far_end.grants = call->grants;
    ++far_end.pings;
    return far_end.code ? flow_error_set(err, far_end.kind, APR_EGENERAL,
                                         far_end.code, "down")
                        : APR_SUCCESS;
}

static void compile_any(flow_compile_t *c, const json_t *doc,
                        const flow_connection_t *connection, void **pdata)
{
    (void)c;
    (void)doc;
    (void)connection;
    *pdata = NULL;
}

static apr_status_t no_page(const flow_export_t *exp, const flow_call_t *call,
                            const json_t *input, const json_t *cursor,
                            flow_page_t *page, apr_pool_t *p, flow_error_t *err)
{
    (void)exp;
    (void)call;
    (void)input;
    (void)cursor;
    (void)page;
    (void)p;
    (void)err;
    return APR_ENOTIMPL;
}

static const flow_field_t fields[] = {
    { "pinged", FLOW_FIELD_OBJECT, 0, NULL, NULL, "x" },
    { "pinged.ping", FLOW_FIELD_ANY, 0, NULL, NULL, "x" },
    { NULL },
};
static const flow_connector_t pinged = {
    .name = "pinged",
    .export_adaptor = "PingedExport",
    .connection_fields = fields,
    .compile_export = compile_any,
    .export_page = no_page,
    .ping = ping,
};

/* What the store would hold. */
static struct {
    flow_outage_t outage;
    int is_there, claims, may_claim;
} kept;

static void kept_set(void *baton, const char *id, const flow_outage_t *outage)
{
    (void)baton;
    assert_string_equal(id, "c");
    kept.outage = *outage;
    kept.is_there = 1;
}

static void kept_forget(void *baton, const char *id)
{
    (void)baton;
    (void)id;
    kept.is_there = 0;
}

static int kept_claim(void *baton, const char *id, apr_time_t due,
                      apr_time_t until)
{
    (void)baton;
    (void)id;
    assert_true(until > due);
    ++kept.claims;
    return kept.may_claim;
}

static const flow_outages_iface_t iface = { NULL, kept_set, kept_forget,
                                            kept_claim };

typedef struct breaker_t {
    docs_fixture_t *f;
    flow_env_t env;
    flow_caller_t caller;
    const flow_connection_t *c;
    const flow_flow_t *flow;
} breaker_t;

static void start(breaker_t *t, const char *more)
{
    flow_connector_register(&pinged);
    docs_fixture_conf(
        t->f, "t.conf",
        apr_pstrcat(t->f->p, "<connection c>\ntype pinged\n", more,
                    "<export e>\n_connectionId c\n<flow f>\npageGenerators "
                    "[{\"_exportId\":\"e\"}]\n",
                    NULL));
    docs_fixture_compile(t->f);
    assert_string_equal(docs_fixture_problems(t->f), "");
    t->env.model = t->f->model;
    t->env.breaker = flow_breaker_create(t->f->model, &iface, t->f->p);
    t->c = apr_hash_get(t->f->model->connections, "c", APR_HASH_KEY_STRING);
    t->flow = apr_hash_get(t->f->model->flows, "f", APR_HASH_KEY_STRING);
}

static int setup(void **state)
{
    static breaker_t t;

    memset(&t, 0, sizeof(t));
    memset(&far_end, 0, sizeof(far_end));
    memset(&kept, 0, sizeof(kept));
    kept.may_claim = 1;
    far_end.kind = FLOW_E_UNAVAILABLE;
    flow_breaker_first_wait = 1000;
    t.f = docs_fixture_begin();
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    docs_fixture_end(((breaker_t *)*state)->f);
    return 0;
}

static void leave(breaker_t *t, flow_error_kind_e kind, const char *code)
{
    flow_error_t err = FLOW_ERROR_INIT;

    if (code) {
        flow_error_set(&err, kind, APR_EGENERAL, code, "failed");
    }
    flow_breaker_leave(&t->env, &t->caller, t->c,
                       code ? APR_EGENERAL : APR_SUCCESS, &err, t->f->p);
}

static int is_offline(breaker_t *t)
{
    return flow_breaker_holds(t->env.breaker, t->flow);
}

static void it_takes_a_failed_test(void **state)
{
    breaker_t *t = *state;

    start(t, "");
    /* outside of a run: at the third time */
    leave(t, FLOW_E_UNAVAILABLE, "connect_failed");
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    assert_int_equal(far_end.pings, 0);
    leave(t, FLOW_E_UNAVAILABLE, "connection_lost");
    assert_int_equal(far_end.pings, 1);
    assert_false(is_offline(t));

    /* a good one in between starts anew */
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    leave(t, FLOW_E_REFUSED, "404");
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    assert_int_equal(far_end.pings, 1);

    /* in a run, or when nothing is let in: at once */
    far_end.code = "connect_failed";
    leave(t, FLOW_E_CONFIG, "auth_failed");
    assert_int_equal(far_end.pings, 2);
    assert_true(is_offline(t));
    assert_true(kept.is_there);
    assert_string_equal(kept.outage.code, "connect_failed");
}

static void a_test_keeps_the_credentials_that_it_gets(void **state)
{
    static const flow_grant_iface_t grants;
    breaker_t *t = *state;

    start(t, "");
    t->env.grants = &grants;
    leave(t, FLOW_E_CONFIG, "auth_failed");
    leave(t, FLOW_E_CONFIG, "auth_failed");
    leave(t, FLOW_E_CONFIG, "auth_failed");
    assert_true(far_end.pings > 0);
    assert_ptr_equal(far_end.grants, &grants);
}

static void what_is_no_outage(void **state)
{
    static const char *const codes[] = { "500",          "503",
                                         "rate_limited", "connection_busy",
                                         "url_invalid",  "egress_refused",
                                         "stopping",     "connection_offline" };
    breaker_t *t = *state;
    size_t i;

    start(t, "");
    far_end.code = "timeout";
    t->caller.flow = t->flow;
    for (i = 0; i < COUNT(codes); ++i) {
        leave(t, FLOW_E_UNAVAILABLE, codes[i]);
        assert_int_equal(far_end.pings, 0);
    }
    leave(t, FLOW_E_REFUSED, "fail_path");
    assert_false(is_offline(t));
}

static void a_ping_without_settings_need_not_be_good(void **state)
{
    breaker_t *t = *state;

    start(t, "");
    t->caller.flow = t->flow;
    far_end.code = "404";
    far_end.kind = FLOW_E_REFUSED;
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    assert_false(is_offline(t));
    far_end.code = "401";
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    assert_true(is_offline(t));
}

static void a_ping_with_settings_must_be_good(void **state)
{
    breaker_t *t = *state;

    start(t, "pinged.ping {\"a\":1}\n");
    t->caller.flow = t->flow;
    far_end.code = "404";
    far_end.kind = FLOW_E_REFUSED;
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    assert_true(is_offline(t));
}

static void calls_are_refused_till_a_test_is_due(void **state)
{
    breaker_t *t = *state;
    flow_error_t err = FLOW_ERROR_INIT;

    start(t, "");
    flow_breaker_first_wait = apr_time_from_sec(60);
    t->caller.flow = t->flow;
    far_end.code = "timeout";
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    assert_int_not_equal(flow_breaker_enter(&t->env, t->c, &err), APR_SUCCESS);
    assert_string_equal(err.code, "connection_offline");
    assert_non_null(strstr(err.message, "connection 'c' is offline (timeout: "
                                        "down); it is tested again in"));
    assert_int_equal(flow_breaker_due(t->env.breaker), 0);

    /* news from the store: due now; one call goes through as the test */
    kept.outage.next = 1;
    flow_breaker_heard(t->env.breaker, "c", &kept.outage,
                       apr_time_now() + apr_time_from_sec(1));
    assert_int_equal(flow_breaker_due(t->env.breaker), 1);
    assert_int_equal(flow_breaker_enter(&t->env, t->c, &err), APR_SUCCESS);
    assert_int_not_equal(flow_breaker_enter(&t->env, t->c, &err), APR_SUCCESS);
    leave(t, FLOW_E_NONE, NULL);
    assert_false(is_offline(t));
    assert_false(kept.is_there);
}

static void tests_are_made_when_due_by_whom_the_store_lets(void **state)
{
    breaker_t *t = *state;

    start(t, "");
    flow_breaker_first_wait = 0;
    t->caller.flow = t->flow;
    far_end.code = "timeout";
    leave(t, FLOW_E_UNAVAILABLE, "timeout");
    flow_breaker_first_wait = apr_time_from_sec(100);
    kept.may_claim = 0;
    assert_int_equal(flow_breaker_test(&t->env, NULL, t->f->p), 0);
    assert_int_equal(far_end.pings, 1);
    assert_int_equal(kept.claims, 1);

    kept.outage.next = 1;
    flow_breaker_heard(t->env.breaker, "c", &kept.outage,
                       apr_time_now() + apr_time_from_sec(1));
    kept.may_claim = 1;
    assert_int_equal(flow_breaker_test(&t->env, NULL, t->f->p), 0);
    assert_int_equal(far_end.pings, 2);
    assert_int_equal(kept.outage.tests, 1);
    /* twice as long, and not more than five minutes */
    assert_in_range(kept.outage.next - apr_time_now(), apr_time_from_sec(190),
                    apr_time_from_sec(200));

    kept.outage.next = 1;
    flow_breaker_heard(t->env.breaker, "c", &kept.outage,
                       apr_time_now() + apr_time_from_sec(2));
    far_end.code = NULL;
    assert_int_equal(flow_breaker_test(&t->env, NULL, t->f->p), 1);
    assert_false(is_offline(t));
    assert_false(kept.is_there);
}

static void what_others_find_out_is_heard(void **state)
{
    breaker_t *t = *state;
    flow_outage_t outage = { 0 };
    apr_time_t now;

    start(t, "");
    outage.next = apr_time_now() + apr_time_from_sec(60);
    now = apr_time_now();
    flow_breaker_heard(t->env.breaker, "c", &outage, now);
    flow_breaker_heard(t->env.breaker, "unknown", &outage, now);
    flow_breaker_heard_all(t->env.breaker, now);
    assert_true(is_offline(t));
    flow_breaker_heard_all(t->env.breaker, now + 1);
    assert_false(is_offline(t));
    /* what was read before our own change is old */
    flow_breaker_heard(t->env.breaker, "c", &outage, now);
    assert_false(is_offline(t));
}

static void an_answer_of_a_record_says_it_too(void **state)
{
    breaker_t *t = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *responses = flow_json_own(t->f->p, json_array());

    start(t, "");
    t->caller.flow = t->flow;
    far_end.code = "timeout";
    json_array_append_new(responses, flow_response_ok(NULL, NULL));
    flow_breaker_leave_import(&t->env, &t->caller, t->c, APR_SUCCESS, &err,
                              responses, t->f->p);
    assert_int_equal(far_end.pings, 0);
    flow_error_set(&err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "timeout", "x");
    json_array_append_new(responses, flow_response_error(&err, "connection"));
    flow_breaker_leave_import(&t->env, &t->caller, t->c, APR_SUCCESS, &err,
                              responses, t->f->p);
    assert_true(is_offline(t));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_takes_a_failed_test),
        TEST(a_test_keeps_the_credentials_that_it_gets),
        TEST(what_is_no_outage),
        TEST(a_ping_without_settings_need_not_be_good),
        TEST(a_ping_with_settings_must_be_good),
        TEST(calls_are_refused_till_a_test_is_due),
        TEST(tests_are_made_when_due_by_whom_the_store_lets),
        TEST(what_others_find_out_is_heard),
        TEST(an_answer_of_a_record_says_it_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
