/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>

#include "base/flow_http.h"
#include "data/flow_json.h"
#include "flow/flow_outward.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int begin(void **state)
{
    apr_pool_t *p = NULL;

    apr_initialize();
    apr_pool_create(&p, NULL);
    *state = p;
    return 0;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void callers_do_not_learn_where_far_ends_are(void **state)
{
    static const struct {
        const char *was, *is;
    } cases[] = {
        { "host 'erp.intern' port 8080 cannot be reached: no route",
          "the far end cannot be reached: no route" },
        { "connection 'c': no TLS connection with host '10.0.0.1' port 443: x",
          "connection 'c': no TLS connection with the far end: x" },
        { "host 'a' port 1 redirects, and host 'b' port 2 does not answer",
          "the far end redirects, and the far end does not answer" },
        { "host '::1' port 80", "the far end" },
        /* cut in the middle */
        { "export 'e': host 'erp.int", "export 'e': the far end" },
        { "export 'e': host 'erp.intern' po", "export 'e': the far end" },
        { "export 'e': host 'erp.intern'", "export 'e': the far end" },
        /* what is no place stays */
        { "there is no host 'x' here", NULL },
        { "nothing of the kind", NULL },
        { "", NULL },
    };
    apr_size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *got = flow_http_hide_places(cases[i].was, *state);

        assert_string_equal(got, cases[i].is ? cases[i].is : cases[i].was);
        if (!cases[i].is) {
            assert_ptr_equal(got, cases[i].was);
        }
    }
}

static void an_error_keeps_all_but_the_place(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;

    flow_error_set(&err, FLOW_E_UNAVAILABLE, APR_TIMEUP, "timeout",
                   "no answer from host 'a' port 1");
    assert_true(flow_outward_error(&err, *state));
    assert_string_equal(err.message, "no answer from the far end");
    assert_string_equal(err.code, "timeout");
    assert_int_equal(err.kind, FLOW_E_UNAVAILABLE);
    assert_int_equal(err.status, APR_TIMEUP);
    assert_false(flow_outward_error(&err, *state));
}

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    assert_int_equal(flow_json_parse(&v, text, strlen(text), &err), 0);
    return v;
}

static void results_hide_them_wherever_messages_are(void **state)
{
    static const struct {
        const char *was, *is;
    } cases[] = {
        { "{\"data\":[{\"message\":\"host 'a' port 1\"}],"
          "\"errors\":[{\"code\":\"x\",\"message\":\"host 'a' port 1 is "
          "down\"}]}",
          "{\"data\":[{\"message\":\"host 'a' port 1\"}],"
          "\"errors\":[{\"code\":\"x\",\"message\":\"the far end is "
          "down\"}]}" },
        { "[{\"statusCode\":200,\"errors\":[]},{\"errors\":["
          "{\"message\":\"ok\"},{\"message\":\"host 'a' port 1\"}]},3]",
          "[{\"statusCode\":200,\"errors\":[]},{\"errors\":["
          "{\"message\":\"ok\"},{\"message\":\"the far end\"}]},3]" },
        { "{\"job\":{\"_id\":\"1\",\"error\":{\"message\":\"host 'a' port "
          "1\"}},"
          "\"errors\":[]}",
          "{\"job\":{\"_id\":\"1\",\"error\":{\"message\":\"the far end\"}},"
          "\"errors\":[]}" },
        { "[{\"statusCode\":200,\"id\":1,\"_headers\":{\"set-cookie\":\"a=b\"},"
          "\"errors\":[{\"message\":\"host 'a' port 1\"}]},"
          "{\"statusCode\":200,\"id\":2,\"_headers\":{}}]",
          "[{\"statusCode\":200,\"id\":1,\"errors\":[{\"message\":\"the far "
          "end\"}]},"
          "{\"statusCode\":200,\"id\":2}]" },
        { "{\"statusCode\":200,\"id\":1,\"_headers\":{\"set-cookie\":\"a=b\"}}",
          "{\"statusCode\":200,\"id\":1}" },
        { "{\"_headers\":{\"a\":\"b\"}}", "{\"_headers\":{\"a\":\"b\"}}" },
        { "\"host 'a' port 1\"", "\"host 'a' port 1\"" },
        { "{\"errors\":[1,null,{\"message\":2}]}",
          "{\"errors\":[1,null,{\"message\":2}]}" },
    };
    apr_size_t i, len;

    for (i = 0; i < COUNT(cases); ++i) {
        json_t *v = parse(cases[i].was);

        flow_outward_result(v, "test", *state);
        assert_string_equal(flow_json_text(v, &len, *state), cases[i].is);
        json_decref(v);
    }
    flow_outward_result(NULL, "test", *state);
}

/* An error record and an answer may be the same object. */
static void what_others_hold_is_not_changed(void **state)
{
    json_t *error = parse("{\"message\":\"host 'a' port 1\"}");
    json_t *errors = json_array(), *element = json_object();
    json_t *all = json_array();

    json_array_append(errors, error);
    json_object_set(element, "errors", errors);
    json_array_append(all, element);
    flow_outward_result(all, "test", *state);
    assert_string_equal(flow_json_member(error, "message"), "host 'a' port 1");
    assert_ptr_equal(json_array_get(errors, 0), error);
    assert_ptr_equal(json_object_get(element, "errors"), errors);
    json_decref(all);
    json_decref(element);
    json_decref(errors);
    json_decref(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(callers_do_not_learn_where_far_ends_are,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_error_keeps_all_but_the_place, begin,
                                        end),
        cmocka_unit_test_setup_teardown(results_hide_them_wherever_messages_are,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_others_hold_is_not_changed, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
