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
#include "hook_fixture.h"

static flow_request_t *post(const char *body)
{
    return world_request(hook_world, "POST", "application/json", body);
}

static const char *stored(const flow_webhook_t *w, const flow_request_t *req,
                          const char *member)
{
    json_t *v = flow_json_own(hook_world->p,
                              flow_webhook_to_json(w, req, hook_world->p));

    return flow_json_member(v, member);
}

static void a_token_in_the_query_is_not_stored(void **state)
{
    static const struct {
        const char *query, *kept;
    } cases[] = {
        { "the%20key=s3cret", "the%20key=******" },
        { "the+key=s3cret&a=1", "the+key=******&a=1" },
        { "a=1&the%20key=x&the key=s3cret",
          "a=1&the%20key=******&the key=******" },
        { "a=1", "a=1" },
        { "the%20key", "the%20key" },
        { "%zz=1&&the%20key=s", "%zz=1&&the%20key=******" },
    };
    const flow_webhook_t *w =
        LISTENER({ "verify", "token" }, { "token", "s3cret" },
                 { "tokenLocation", "queryParam" },
                 { "tokenQueryParamName", "the key" });
    flow_request_t *req = post("{}");
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        req->query = cases[i].query;
        assert_string_equal(stored(w, req, "query"), cases[i].kept);
    }
}

static void a_token_in_the_address_is_not_stored(void **state)
{
    static const struct {
        const char *uri, *kept;
    } cases[] = {
        { "/hooks/s3cret", "/hooks/******" },
        { "/hooks/s%33cret", "/hooks/******" },
        { "/hooks/s3cret/data", "/hooks/******/data" },
        { "/s3cret", "/******" },
        { "s3cret", "******" },
    };
    const flow_webhook_t *w =
        LISTENER({ "verify", "secret_url" }, { "token", "s3cret" });
    flow_request_t *req = post("{}");
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        req->uri = cases[i].uri;
        assert_string_equal(stored(w, req, "uri"), cases[i].kept);
    }
}

static void a_header_that_proves_the_sender_is_not_stored(void **state)
{
    const flow_webhook_t *token =
        LISTENER({ "verify", "token" }, { "token", "s3cret" },
                 { "tokenLocation", "header" }, { "tokenHeaderName", "X-Tok" });
    flow_request_t *req =
        world_header(world_header(post("{}"), "x-TOK", "s3cret"), "X-A", "b");
    json_t *headers;

    (void)state;
    headers = json_object_get(
        flow_json_own(hook_world->p,
                      flow_webhook_to_json(token, req, hook_world->p)),
        "headers");
    assert_string_equal(flow_json_member(headers, "x-tok"), "******");
    assert_string_equal(flow_json_member(headers, "x-a"), "b");
}

static void an_event_is_known_by_the_senders_id(void **state)
{
    /* clang-format off */
    static const struct { const char *header, *value, *id; } cases[] = {
        { "webhook-id", "msg_1", "msg_1" },
        { "X-Shopify-Webhook-Id", "b54557e4", "b54557e4" },
        { "x-github-delivery", "72d3162e", "72d3162e" },
        { "X-Request-Id", "a", NULL },
        { "webhook-id", "", NULL },
    };
    /* clang-format on */
    const flow_webhook_t *w =
        LISTENER({ "verify", "secret_url" }, { "token", "t" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_request_t *req =
            world_header(post("{}"), cases[i].header, cases[i].value);
        const char *id = flow_webhook_event_id(w, req, hook_world->p);

        if (!cases[i].id) {
            assert_null(id);
        }
        else {
            assert_string_equal(id, cases[i].id);
        }
    }
    assert_null(flow_webhook_event_id(NULL, post("{}"), hook_world->p));
    assert_int_equal(flow_webhook_id_window(w), apr_time_from_sec(86400));
}

static void an_id_that_is_long_or_no_text_becomes_a_digest(void **state)
{
    const flow_webhook_t *w =
        LISTENER({ "verify", "secret_url" }, { "token", "t" });
    char *longer = apr_palloc(hook_world->p, 301);
    const char *id;

    (void)state;
    memset(longer, 'x', 300);
    longer[300] = '\0';
    id = flow_webhook_event_id(w, world_header(post("{}"), "svix-id", longer),
                               hook_world->p);
    assert_int_equal(strlen(id), 7 + 64);
    id = flow_webhook_event_id(w, world_header(post("{}"), "svix-id", "\xff"),
                               hook_world->p);
    assert_memory_equal(id, "sha256:", 7);
}

static void a_template_makes_the_id_and_a_window_of_nothing_none(void **state)
{
    const flow_webhook_t *w =
        LISTENER({ "verify", "secret_url" }, { "token", "t" },
                 { "eventId", "{{data.id}}/{{headers.x-topic}}" });
    flow_request_t *req =
        world_header(post("{\"data\":{\"id\":7}}"), "X-Topic", "paid");

    (void)state;
    assert_string_equal(flow_webhook_event_id(w, req, hook_world->p), "7/paid");
    hook_teardown(state);
    hook_setup(state);
    w = LISTENER({ "verify", "secret_url" }, { "token", "t" },
                 { "eventIdWindow", "0" });
    req = world_header(post("{}"), "webhook-id", "a");
    assert_null(flow_webhook_event_id(w, req, hook_world->p));
}

static void a_challenge_names_the_method_and_a_clean_realm(void **state)
{
    const flow_webhook_t *w = LISTENER(
        { "verify", "basic" }, { "username", "u" }, { "password", "p" });

    (void)state;
    assert_string_equal(flow_webhook_challenge(w, "orders", hook_world->p),
                        "Basic realm=\"orders\"");
    assert_string_equal(flow_webhook_challenge(w, "a\"b\r\n", hook_world->p),
                        "Basic realm=\"webhook\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, hook_setup, hook_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_in_the_query_is_not_stored),
        TEST(a_token_in_the_address_is_not_stored),
        TEST(a_header_that_proves_the_sender_is_not_stored),
        TEST(an_event_is_known_by_the_senders_id),
        TEST(an_id_that_is_long_or_no_text_becomes_a_digest),
        TEST(a_template_makes_the_id_and_a_window_of_nothing_none),
        TEST(a_challenge_names_the_method_and_a_clean_realm),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
