/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GraphQL through the http connector: it is JSON over POST, with errors inside
 * of good answers, cursors in the data and costs in the extensions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "conn_http_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */
#define QUERY "query Parts($n: Int, $after: String) { parts(first: $n, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }"
#define PAGED \
    EXPORT "http.method POST\nhttp.relativeURI /graphql\n" \
    "http.body {\"query\":\"" QUERY "\",\"operationName\":\"Parts\",\"variables\":{\"n\":2}}\n" \
    "http.response.resourcePath data.parts.nodes\n" \
    "http.paging.method body\n" \
    "http.paging.body {\"query\":\"" QUERY "\",\"operationName\":\"Parts\",\"variables\":{\"n\":2,\"after\":\"{{previous_page.full_response.data.parts.pageInfo.endCursor}}\"}}\n" \
    "http.paging.lastPagePath data.parts.pageInfo.hasNextPage\n" \
    "http.paging.lastPageValues false\n"
#define PAGE(ids, cursor, more) \
    "{\"data\":{\"parts\":{\"nodes\":[" ids "],\"pageInfo\":{\"endCursor\":\"" cursor "\",\"hasNextPage\":" more "}}}}"
/* clang-format on */

static void pages_are_read_along_the_cursor(void **state)
{
    static const route_t routes[] = {
        { "POST /api/graphql", 200, JSON, PAGE("{\"id\":3}", "c\\\"3", "true"),
          "\"after\":\"c2\"" },
        { "POST /api/graphql", 200, JSON, PAGE("{\"id\":4}", "c4", "false"),
          "\"after\":\"c\\\"3\"" },
        { "POST /api/graphql", 200, JSON,
          PAGE("{\"id\":1},{\"id\":2}", "c2", "true"),
          "\"operationName\":\"Parts\",\"variables\":{\"n\":2}}" },
        { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(t, routes, PAGED);
    assert_string_equal(conn_http_export(t, NULL),
                        "[{\"id\":1},{\"id\":2}][{\"id\":3}][{\"id\":4}]");
    conn_http_sent(t, "Content-Type: application/json");
}

/* Partial data with errors: both ways are somebody's intention. */
static void errors_inside_of_a_good_answer_count_when_asked(void **state)
{
    static const route_t routes[] = {
        { "POST /api/graphql", 200, JSON,
          "{\"data\":{\"a\":{\"id\":1},\"b\":null},\"errors\":[{\"message\":"
          "\"b "
          "is broken\",\"path\":[\"b\"]}]}" },
        { NULL },
    };
    /* clang-format off */
    static const struct { const char *response, *wanted; } cases[] = {
        { "", "[{\"a\":{\"id\":1},\"b\":null}]" },
        { "http.response.failPath errors\nhttp.response.errorPath errors[0].message\n",
          "!fail_path 4: b is broken" },
        { "http.response.failPath errors[*].message\nhttp.response.failValues [\"c is broken\"]\n",
          "[{\"a\":{\"id\":1},\"b\":null}]" },
        { "http.response.failPath data.b\n", "[{\"a\":{\"id\":1},\"b\":null}]" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;
        const char *got;

        if (i) {
            conn_http_teardown(state);
            conn_http_setup(state);
        }
        t = *state;
        conn_http_compile(
            t, routes,
            apr_pstrcat(t->f->p,
                        EXPORT "http.method POST\nhttp.relativeURI /graphql\n"
                               "http.body {\"query\":\"{ a { id } b { id } "
                               "}\"}\nhttp.response.resourcePath data\n",
                        cases[i].response, NULL));
        got = conn_http_export(t, NULL);
        if (strcmp(got, cases[i].wanted) != 0) {
            fail_msg("%lu: %s", (unsigned long)i, got);
        }
    }
}

static void a_throttled_query_waits_for_its_points(void **state)
{
    static const route_t routes[] = {
        { "POST /api/graphql", 200, JSON,
          "{\"errors\":[{\"message\":\"Throttled\",\"extensions\":{\"code\":"
          "\"THROTTLED\"}}],\"extensions\":{\"cost\":{\"requestedQueryCost\":"
          "100,\"actualQueryCost\":null,\"throttleStatus\":{"
          "\"maximumAvailable\":1000.0,\"currentlyAvailable\":99,"
          "\"restoreRate\":50.0}}}}",
          NULL, 1 },
        { "POST /api/graphql", 200, JSON, PAGE("{\"id\":1}", "c", "false") },
        { NULL },
    };
    conn_http_fixture_t *t = *state;
    apr_time_t began;

    conn_http_compile(t, routes,
                      "http.rateLimit.failPath errors[0].extensions.code\n"
                      "http.rateLimit.failValues THROTTLED\n" PAGED);
    began = apr_time_now();
    assert_string_equal(conn_http_export(t, NULL), "[{\"id\":1}]");
    /* one point at fifty a second */
    assert_true(apr_time_now() - began >= apr_time_from_msec(20));
    assert_int_equal(loopback_requests(t->server), 2);
}

static void the_wait_is_what_the_costs_say(void **state)
{
    /* clang-format off */
    static const struct { const char *text; apr_interval_time_t wait; } cases[] = {
        { "{\"extensions\":{\"cost\":{\"requestedQueryCost\":101,\"throttleStatus\":{\"currentlyAvailable\":1,\"restoreRate\":50}}}}", 2000000 },
        { "{\"extensions\":{\"cost\":{\"requestedQueryCost\":1,\"throttleStatus\":{\"currentlyAvailable\":100,\"restoreRate\":50}}}}", 0 },
        { "{\"extensions\":{\"cost\":{\"requestedQueryCost\":1e300,\"throttleStatus\":{\"currentlyAvailable\":0,\"restoreRate\":1e-300}}}}", 3600000000 },
        { "{\"extensions\":{\"cost\":{\"requestedQueryCost\":5,\"throttleStatus\":{\"currentlyAvailable\":1,\"restoreRate\":0}}}}", -1 },
        { "{\"extensions\":{\"cost\":{\"requestedQueryCost\":\"5\",\"throttleStatus\":{\"currentlyAvailable\":1,\"restoreRate\":50}}}}", -1 },
        { "{\"extensions\":{\"cost\":7}}", -1 },
        { "{\"extensions\":[]}", -1 },
        { "[]", -1 },
    };
    /* clang-format on */
    conn_http_fixture_t *t = *state;
    size_t i;

    assert_true(flow_conn_http_wait_of_cost(NULL) == -1);
    for (i = 0; i < COUNT(cases); ++i) {
        assert_true(flow_conn_http_wait_of_cost(
                        conn_http_parse(t, cases[i].text)) == cases[i].wait);
    }
}

static void a_mutation_is_an_import(void **state)
{
    static const route_t routes[] = {
        { "POST /api/graphql", 200, JSON,
          "{\"data\":{\"add\":{\"part\":{\"id\":\"p7\"},\"userErrors\":[]}}}",
          "\"variables\":{\"name\":\"a \\\"b\\\" c\"}" },
        { "POST /api/graphql", 200, JSON,
          "{\"data\":{\"add\":{\"part\":null,\"userErrors\":[{\"message\":\"no "
          "such name\"}]}}}" },
        { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(
        t, routes,
        IMPORT "http.method POST\nhttp.relativeURI /graphql\n"
               "http.body {\"query\":\"mutation A($name: String!) { add(name: "
               "$name) { part { id } userErrors { message } } }\","
               "\"variables\":{\"name\":\"{{record.name}}\"}}\n"
               "http.response.resourcePath data.add.part\n"
               "http.response.failPath data.add.userErrors[*].message\n"
               "http.response.errorPath data.add.userErrors[0].message\n");
    assert_string_equal(
        conn_http_import(t, "[{\"name\":\"a \\\"b\\\" c\"},{\"name\":\"\"}]"),
        "[{\"statusCode\":200,\"errors\":[],\"id\":\"p7\",\"_json\":{\"data\":{"
        "\"add\":{\"part\":{\"id\":\"p7\"},\"userErrors\":[]}}}},{"
        "\"statusCode\":422,\"errors\":[{\"code\":\"fail_path\","
        "\"message\":\"no such name\",\"source\":\"application\"}]}]");
}

static void a_query_finds_what_exists(void **state)
{
    static const route_t routes[] = {
        { "POST /api/graphql", 200, JSON,
          "{\"data\":{\"parts\":{\"nodes\":[{\"id\":\"p1\"}]}}}",
          "query Find" },
        { "POST /api/graphql", 200, JSON,
          "{\"data\":{\"set\":{\"id\":\"p1\"}}}", "mutation S" },
        { NULL },
    };
    conn_http_fixture_t *t = *state;

    conn_http_compile(
        t, routes,
        IMPORT
        "http.method [\"POST\",\"POST\"]\n"
        "http.requestType [\"UPDATE\",\"CREATE\"]\n"
        "http.relativeURI [\"/graphql\",\"/graphql\"]\n"
        "http.existingLookupName part\n"
        "http.lookups [{\"name\":\"part\",\"method\":\"POST\",\"relativeURI\":"
        "\"/graphql\",\"body\":\"{\\\"query\\\":\\\"query Find($q: String) { "
        "parts(q: $q) { nodes { id } } }\\\",\\\"variables\\\":{\\\"q\\\":"
        "\\\"{{record.name}}\\\"}}\",\"extract\":\"data.parts.nodes[*].id\","
        "\"allowFailures\":true}]\n"
        "http.body [\"{\\\"query\\\":\\\"mutation S($id: ID!) { set(id: $id) { "
        "id } }\\\",\\\"variables\\\":{\\\"id\\\":\\\"{{lookup.part}}\\\"}}\","
        "\"{\\\"query\\\":\\\"mutation C { create { id } }\\\"}\"]\n"
        "http.response.resourcePath [\"data.set\",\"data.create\"]\n");
    assert_string_equal(conn_http_import(t, "[{\"name\":\"x\"}]"),
                        "[{\"statusCode\":200,\"errors\":[],\"id\":\"p1\","
                        "\"_json\":{\"data\":{\"set\":{\"id\":\"p1\"}}}}]");
    conn_http_sent(t, "\"variables\":{\"id\":\"p1\"}");
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(pages_are_read_along_the_cursor),
        TEST(errors_inside_of_a_good_answer_count_when_asked),
        TEST(a_throttled_query_waits_for_its_points),
        TEST(the_wait_is_what_the_costs_say),
        TEST(a_mutation_is_an_import),
        TEST(a_query_finds_what_exists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
