/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "api_fixture.h"

/* ---- integrator-api ---- */

static void a_script_runs_exports_and_imports(void **state)
{
    (void)state;
    api_call("runExport", api_post("{}"));
    api_expect_body("{'data':[{'id':1,'price':19.90}],'errors':[]}");
    assert_non_null(strstr(api_answer.body, "19.90"));

    api_call("runImport", api_post("{\"id\":5}"));
    api_expect_body("{'statusCode':200,'id':5,'ignored':false,'errors':[],"
                    "'_json':{'id':5}}");
    api_call("runImport", api_post("[{\"id\":5},{\"id\":6,\"refuse\":1}]"));
    api_expect_body(
        "[{'statusCode':200,'id':5,'ignored':false,'errors':[],"
        "'_json':{'id':5}},{'statusCode':422,'ignored':false,"
        "'errors':[{'code':'refused','message':"
        "'the far end does not want it','source':'application'}]}]");
}

static void errors_of_calls_can_be_caught(void **state)
{
    (void)state;
    api_call("caught", api_post("{\"_id\":\"exq\"}"));
    assert_int_equal(api_answer.status, 400);
    api_expect_body("{'code':'not_found','message':'there is no export "
                    "\\u0027exq\\u0027; did you mean \\u0027exp\\u0027?',"
                    "'status':404}");
    api_call("caught", api_post("{}"));
    api_expect_body("{'code':'missing_required_field','message':"
                    "'exports.run needs the _id of the export','status':422}");
    fake.fail_at = 0;
    api_call("caught", api_post("{\"_id\":\"exp\"}"));
    api_expect_body("{'code':'far_end','message':'export \\u0027exp\\u0027: "
                    "page 0 cannot be read','status':502}");
}

static void scripts_cannot_call_each_other_without_end(void **state)
{
    (void)state;
    api_call("caught", api_post("{\"_id\":\"deep\"}"));
    assert_int_equal(api_answer.status, 400);
    assert_non_null(strstr(api_answer.body, "call_depth"));
}

static void a_queued_flow_answers_what_celigos_scripts_read(void **state)
{
    json_t *v = NULL;

    (void)state;
    api_call("runFlow",
             api_post("{\"_id\":\"flow\",\"data\":[1],\"wait\":false,"
                      "\"startDate\":\"2026-01-01\"}"));
    assert_int_equal(api_answer.status, 200);
    flow_json_parse(&v, api_answer.body, api_answer.body_len, NULL);
    world_own(api_world, v);
    assert_string_equal(flow_json_member(v, "_jobId"), "job-of-flow");
    assert_string_equal(flow_json_member(v, "_exportId"), "exp");
    assert_string_equal(flow_json_member(v, "_flowId"), "flow");
    assert_string_equal(
        flow_json_member(json_object_get(v, "message"), "_flowId"), "flow");
    assert_int_equal(strlen(flow_json_member(v, "endDate")), 24);
    world_expect(api_world, api_jobs.request,
                 "{'data':[1],'startDate':'2026-01-01'}");

    api_call("runFlow", api_post("\"flow\""));
    assert_int_equal(api_answer.status, 200);
}

static void a_flow_that_is_waited_for_gives_its_result(void **state)
{
    (void)state;
    api_jobs.result =
        world_json(api_world, "{'job':{'_id':'j','status':'completed'},"
                              "'data':[{'id':1}],'errors':[]}");
    api_call("runFlow",
             api_post("{\"_id\":\"flow\",\"wait\":true,\"timeout\":2}"));
    api_expect_body("{'job':{'_id':'j','status':'completed'},"
                    "'data':[{'id':1}],'errors':[]}");
    assert_in_range(api_jobs.waited, apr_time_from_msec(1500),
                    apr_time_from_sec(2));

    api_jobs.result =
        world_json(api_world, "{'job':{'_id':'j','status':'running'}}");
    api_jobs.status = APR_TIMEUP;
    api_call("runFlow", api_post("{\"_id\":\"flow\",\"wait\":true}"));
    api_expect_body("{'job':{'_id':'j','status':'running'},'timedOut':true}");
    /* the script has time left to answer */
    assert_in_range(api_jobs.waited, apr_time_from_sec(8),
                    apr_time_from_msec(9600));

    api_call("runFlow",
             api_post("{\"_id\":\"flow\",\"wait\":true,\"timeout\":-1}"));
    api_expect_error(422, "invalid_field", "script");
    api_call("runFlow", api_post("{\"_id\":\"paused\"}"));
    api_expect_error(422, "flow_disabled", "script");
    api_jobs.status = APR_EGENERAL;
    api_call("runFlow", api_post("{\"_id\":\"flow\"}"));
    api_expect_error(503, "queue_full", NULL);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_script_runs_exports_and_imports),
        TEST(errors_of_calls_can_be_caught),
        TEST(scripts_cannot_call_each_other_without_end),
        TEST(a_queued_flow_answers_what_celigos_scripts_read),
        TEST(a_flow_that_is_waited_for_gives_its_result),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
