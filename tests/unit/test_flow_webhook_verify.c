/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "flow/flow_webhook_private.h"
#include "hook_fixture.h"

static flow_request_t *post(const char *type, const char *body)
{
    return world_request(hook_world, "POST", type, body);
}

/* ---- basic ---- */

static void basic_wants_user_and_password(void **state)
{
    /* clang-format off */
    static const struct { const char *value; int ok; } cases[] = {
        { "Basic c2hvcDpzM2NyZXQ=",     1 }, /* shop:s3cret */
        { "basic c2hvcDpzM2NyZXQ=",     1 },
        { "Basic c2hvcDpzM2NyZXR4",     0 }, /* shop:s3cretx */
        { "Basic c2hvcDpzM2NyZQ==",     0 }, /* shop:s3cre */
        { "Basic eGhvcDpzM2NyZXQ=",     0 }, /* xhop:s3cret */
        { "Basic c2hvcHMzY3JldA==",     0 }, /* no colon */
        { "Basic c2hvcDpzM2NyZXQ",      0 }, /* no padding */
        { "Basic  c2hvcDpzM2NyZXQ=",    0 }, /* two blanks */
        { "Bearer c2hvcDpzM2NyZXQ=",    0 },
        { "Basicc2hvcDpzM2NyZXQ=",      0 },
        { "Basic",                      0 },
        { "Basic ",                     0 },
        { "",                           0 },
        { "c2hvcDpzM2NyZXQ=",           0 },
    };
    /* clang-format on */
    const flow_webhook_t *w =
        LISTENER({ "verify", "basic" }, { "username", "shop" },
                 { "password", "s3cret" });
    size_t i;

    (void)state;
    assert_true(flow_webhook_verifies(w));
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_int_equal(
            hook_passes(w, world_header(post(NULL, ""), "Authorization",
                                        cases[i].value)),
            cases[i].ok);
    }
    assert_false(hook_passes(w, post(NULL, "")));
}

/* ---- token ---- */

static void a_token_in_the_body_is_found_by_its_path(void **state)
{
    /* clang-format off */
    static const struct { const char *type, *body; int ok; } cases[] = {
        { "application/json", "{\"meta\":{\"token\":\"s3cret\"}}",   1 },
        { NULL,               "{\"meta\":{\"token\":\"s3cret\"}}",   1 },
        { "application/json", "{\"meta\":{\"token\":\"S3cret\"}}",   0 },
        { "application/json", "{\"meta\":{\"token\":\" s3cret\"}}",  0 },
        { "application/json", "{\"meta\":{\"token\":\"s3cret \"}}",  0 },
        { "application/json", "{\"meta\":{\"token\":[\"s3cret\"]}}", 0 },
        { "application/json", "{\"meta\":{\"token\":null}}",         0 },
        { "application/json", "{\"meta\":{}}",                       0 },
        { "application/json", "{\"token\":\"s3cret\"}",              0 },
        { "application/json", "not json",                            0 },
        { "application/json", "",                                    0 },
    };
    /* clang-format on */
    const flow_webhook_t *w = LISTENER(
        { "verify", "token" }, { "token", "s3cret" }, { "path", "meta.token" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_int_equal(hook_passes(w, post(cases[i].type, cases[i].body)),
                         cases[i].ok);
    }
}

static void a_token_in_a_header_stands_behind_its_scheme(void **state)
{
    /* clang-format off */
    static const struct { const char *scheme, *custom, *value; int ok; }
    cases[] = {
        { "bearer", NULL,  "Bearer s3cret",   1 },
        { "bearer", NULL,  "bearer s3cret",   1 },
        { "bearer", NULL,  "s3cret",          0 },
        { "bearer", NULL,  "Bearer  s3cret",  0 },
        { "bearer", NULL,  "Bearer s3crets",  0 },
        { "custom", "Key", "Key s3cret",      1 },
        { "custom", "Key", "Bearer s3cret",   0 },
        { "none",   NULL,  "s3cret",          1 },
        { "none",   NULL,  "Bearer s3cret",   0 },
        { "none",   NULL,  "s3cret, s3cret",  0 },
        { "none",   NULL,  "",                0 },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const flow_webhook_t *w;

        hook_teardown(state);
        hook_setup(state);
        w = LISTENER(
            { "verify", "token" }, { "token", "s3cret" },
            { "tokenLocation", "header" }, { "tokenHeaderName", "X-Token" },
            { "tokenHeaderScheme", cases[i].scheme },
            { cases[i].custom ? "customTokenScheme" : NULL, cases[i].custom });
        assert_int_equal(hook_passes(w, world_header(post(NULL, ""), "x-token",
                                                     cases[i].value)),
                         cases[i].ok);
        assert_false(hook_passes(w, post(NULL, "")));
    }
}

static void a_token_in_the_query_stands_there_once(void **state)
{
    /* clang-format off */
    static const struct { const char *query; int ok; } cases[] = {
        { "key=s3cret",            1 },
        { "a=b&key=s3cret&c",      1 },
        { "key=s3%63ret",          1 },
        { "key=s3cret&key=s3cret", 0 },
        { "Key=s3cret",            0 },
        { "key=",                  0 },
        { "key",                   0 },
        { "",                      0 },
        { NULL,                    0 },
    };
    /* clang-format on */
    const flow_webhook_t *w = LISTENER(
        { "verify", "token" }, { "token", "s3cret" },
        { "tokenLocation", "queryParam" }, { "tokenQueryParamName", "key" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_request_t *req = post(NULL, "");

        req->query = cases[i].query;
        assert_int_equal(hook_passes(w, req), cases[i].ok);
    }
}

/* ---- hmac ---- */

#define BODY "{\"id\":1, \"price\": 19.90}"

/* Computed with `openssl dgst -ALG -hmac s3cret` over BODY. */
/* clang-format off */
static const struct {
    const char *algorithm, *encoding, *signature;
} vectors[] = {
    { "sha1",   "hex",    "17c69249f5bec27aee60fb9d8caadcf7bcc22b9b" },
    { "sha256", "hex",    "e549013d88ea9f71f03951a6659eab9a5b5977dafc121774c26c8fa26cfb6a55" },
    { "sha384", "hex",    "feec0ed4ccb92ff17f37287d72e510753a31b1bca604a14ad9a2680b48a79a12f7cbd3d3368c3db7af8d56f6100a5f51" },
    { "sha512", "hex",    "f278f5079eca0bddce8561a401cdbae47cd1a0a9b6b4dce24158954cdd9da1efe9047fce9c62a6e39fbc4213d1f28d9bc00b9c29c23a5b00b55c43cc0571abc2" },
    { "sha1",   "base64", "F8aSSfW+wnruYPudjKrc97zCK5s=" },
    { "sha256", "base64", "5UkBPYjqn3HwOVGmZZ6rmltZd9r8Ehd0wmyPomz7alU=" },
    { "sha512", "base64", "8nj1B57KC93OhWGkAc265HzRoKm2tNziQViVTN2doe/pBH/OnGKm45+8QhPR8o2bwAucKcI6WwC1XEPMBXGrwg==" },
};
/* clang-format on */

static const flow_webhook_t *hmac_listener(const char *algorithm,
                                           const char *encoding)
{
    return LISTENER({ "verify", "hmac" }, { "key", "s3cret" },
                    { "algorithm", algorithm }, { "encoding", encoding },
                    { "header", "X-Signature" });
}

static int signed_passes(const flow_webhook_t *w, const char *body,
                         const char *signature)
{
    return hook_passes(w, world_header(post("application/json", body),
                                       "X-SIGNATURE", signature));
}

static void every_signature_is_checked_over_the_raw_body(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); ++i) {
        const char *good = vectors[i].signature;
        char *bad;
        const flow_webhook_t *w;
        apr_size_t k;

        hook_teardown(state);
        hook_setup(state);
        w = hmac_listener(vectors[i].algorithm, vectors[i].encoding);
        bad = apr_pstrdup(hook_world->p, good);
        assert_true(signed_passes(w, BODY, good));
        /* a blank less is the same JSON and another body */
        assert_false(signed_passes(w, "{\"id\":1,\"price\": 19.90}", good));
        assert_false(signed_passes(w, "", good));
        assert_false(hook_passes(w, post("application/json", BODY)));
        for (k = 0; k < strlen(good); k += 7) {
            char was = bad[k];

            bad[k] = was == 'A' ? 'B' : 'A';
            if ((was | 0x20) != 'a') {
                assert_false(signed_passes(w, BODY, bad));
            }
            bad[k] = was;
        }
    }
}

static void a_signature_may_have_a_prefix_and_upper_case_hex(void **state)
{
    const char *good = vectors[1].signature, *upper;
    const flow_webhook_t *w = hmac_listener("sha256", "hex");
    char *s;

    (void)state;
    s = apr_pstrdup(hook_world->p, good);
    upper = s;
    for (; *s; ++s) {
        *s = (char)(*s >= 'a' && *s <= 'f' ? *s - 32 : *s);
    }
    assert_true(signed_passes(w, BODY, upper));
    assert_true(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, "sha256=", good, NULL)));
    assert_true(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, "v0=", good, NULL)));
    assert_true(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, "  ", good, " ", NULL)));
    assert_false(signed_passes(w, BODY, ""));
    assert_false(signed_passes(w, BODY, "sha256="));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, "=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, "a b=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, good, good, NULL)));
    assert_false(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, good, ", ", good, NULL)));
    assert_false(signed_passes(w, BODY, apr_pstrndup(hook_world->p, good, 63)));
    assert_false(signed_passes(
        w, BODY,
        apr_pstrcat(hook_world->p, "a-prefix-longer-than-any=", good, NULL)));
}

static void base64_keeps_its_padding_behind_a_prefix(void **state)
{
    const char *good = vectors[5].signature;
    const flow_webhook_t *w = hmac_listener("sha256", "base64");

    (void)state;
    assert_true(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, "sha256=", good, NULL)));
    assert_false(signed_passes(
        w, BODY, apr_pstrndup(hook_world->p, good, strlen(good) - 1)));
}

/* ---- hmac with a time ---- */

/* The examples of Slack's and Standard Webhooks' own documentation, and one in
 * Stripe's form, computed with node's crypto. */
#define SLACK_BODY                                                             \
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain="            \
    "testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"   \
    "&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="     \
    "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"      \
    "%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."         \
    "803a0bc887a14d10d2c447fce8b6703c"
#define SLACK_SIGNATURE                                                        \
    "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
#define STRIPE_SIGNATURE                                                       \
    "14b61702fcaaa171db64e1592649521cd5872fc8a7916939fa18bca04b7196ed"
#define STANDARD_SIGNATURE "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define STANDARD_KEY       "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

typedef struct timed_t {
    const char *headers[3][2];
    const char *body;
    apr_int64_t late; /* seconds after the signed time */
    int ok;
} timed_t;

static int timed_passes(const flow_webhook_t *w, const timed_t *c,
                        apr_int64_t signed_at)
{
    flow_request_t *req = post("application/json", c->body);
    const char *why = "";
    size_t i;

    for (i = 0; i < 3 && c->headers[i][0]; ++i) {
        world_header(req, c->headers[i][0], c->headers[i][1]);
    }
    return flow_webhook_verify_signed(
        w, req, apr_time_from_sec(signed_at + c->late), &why, hook_world->p);
}

static void check_timed(const flow_webhook_t *w, const timed_t *cases, size_t n,
                        apr_int64_t signed_at)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        if (timed_passes(w, &cases[i], signed_at) != cases[i].ok) {
            fail_msg("case %d should be %d", (int)i, cases[i].ok);
        }
    }
    /* as everybody calls it: long ago */
    assert_false(hook_passes(w, post("application/json", cases[0].body)));
}

static void stripe_signs_time_and_body(void **state)
{
#define S "Stripe-Signature"
#define T "t=1492774577,"
    /* clang-format off */
    static const timed_t cases[] = {
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 1 },
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 300, 1 },
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", -300, 1 },
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 301, 0 },
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", -301, 0 },
        { { { S, T "v0=00, v1=00 ,v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 1 },
        { { { S, "v1=" STRIPE_SIGNATURE ",t=1492774577" } }, "{\"id\":1}", 0, 1 },
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "{\"id\":2}", 0, 0 },
        { { { S, T "v1=" STRIPE_SIGNATURE } }, "", 0, 0 },
        { { { S, T "v0=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, T "v1=" STRIPE_SIGNATURE "0" } }, "{\"id\":1}", 0, 0 },
        { { { S, "t=1492774578,v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, "t=1492774577.0,v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, "t=,v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, "t=99999999999999999999,v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, "v1=" STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, "1492774577," STRIPE_SIGNATURE } }, "{\"id\":1}", 0, 0 },
        { { { S, T } }, "{\"id\":1}", 0, 0 },
        { { { S, "" } }, "{\"id\":1}", 0, 0 },
        { { { NULL, NULL } }, "{\"id\":1}", 0, 0 },
    };
    /* clang-format on */
#undef S
#undef T
    const flow_webhook_t *w =
        LISTENER({ "provider", "stripe" }, { "verify", "hmac" },
                 { "key", "whsec_s3cret" });

    (void)state;
    check_timed(w, cases, sizeof(cases) / sizeof(cases[0]), 1492774577);
}

static void slack_signs_version_time_and_body(void **state)
{
#define S "X-Slack-Signature"
#define T "X-Slack-Request-Timestamp"
    /* clang-format off */
    static const timed_t cases[] = {
        { { { S, "v0=" SLACK_SIGNATURE }, { T, "1531420618" } }, SLACK_BODY, 0, 1 },
        { { { S, "v0=" SLACK_SIGNATURE }, { T, "1531420618" } }, SLACK_BODY, 299, 1 },
        { { { S, "v0=" SLACK_SIGNATURE }, { T, "1531420618" } }, SLACK_BODY, 3600, 0 },
        { { { S, "v0=" SLACK_SIGNATURE }, { T, "1531420619" } }, SLACK_BODY, 0, 0 },
        { { { S, "v0=" SLACK_SIGNATURE }, { T, "01531420618" } }, SLACK_BODY, 0, 0 },
        { { { S, "v0=" SLACK_SIGNATURE }, { T, "" } }, SLACK_BODY, 0, 0 },
        { { { S, SLACK_SIGNATURE }, { T, "1531420618" } }, SLACK_BODY, 0, 0 },
        { { { S, "v0=" SLACK_SIGNATURE } }, SLACK_BODY, 0, 0 },
        { { { T, "1531420618" } }, SLACK_BODY, 0, 0 },
    };
    /* clang-format on */
#undef S
#undef T
    /* as a document of Celigo's has it: with what is not needed */
    const flow_webhook_t *w =
        LISTENER({ "provider", "slack" }, { "verify", "hmac" },
                 { "key", "8f742231b10e8888abcd99yyyzzz85a5" },
                 { "algorithm", "sha256" }, { "encoding", "hex" },
                 { "header", "X-Slack-Signature" });

    (void)state;
    check_timed(w, cases, sizeof(cases) / sizeof(cases[0]), 1531420618);
}

static void standard_webhooks_sign_id_time_and_body(void **state)
{
#define W  "webhook-"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define B  "{\"test\": 2432232314}"
#define G  STANDARD_SIGNATURE
    /* clang-format off */
    static const timed_t cases[] = {
        { { { W "id", ID }, { W "timestamp", "1614265330" }, { W "signature", "v1," G } }, B, 0, 1 },
        { { { "svix-id", ID }, { "svix-timestamp", "1614265330" }, { "svix-signature", "v1," G } }, B, 0, 1 },
        { { { W "id", ID }, { W "timestamp", "1614265330" }, { W "signature", "v1a,x v1,x v1," G " v2,y" } }, B, 10, 1 },
        { { { W "id", ID }, { W "timestamp", "1614265330" }, { W "signature", "v1," G } }, B, 301, 0 },
        { { { W "id", "msg_2" }, { W "timestamp", "1614265330" }, { W "signature", "v1," G } }, B, 0, 0 },
        { { { W "id", ID }, { W "timestamp", "1614265331" }, { W "signature", "v1," G } }, B, 0, 0 },
        { { { W "id", ID }, { W "timestamp", "1614265330" }, { W "signature", "v1," G } }, "{\"test\":2432232314}", 0, 0 },
        { { { W "id", ID }, { W "timestamp", "1614265330" }, { W "signature", G } }, B, 0, 0 },
        { { { W "timestamp", "1614265330" }, { W "signature", "v1," G } }, B, 0, 0 },
        { { { "svix-id", ID }, { W "timestamp", "1614265330" }, { W "signature", "v1," G } }, B, 0, 0 },
    };
    /* clang-format on */
#undef W
#undef ID
#undef B
#undef G
    static const char *const keys[] = { STANDARD_KEY, "whsec_" STANDARD_KEY };
    size_t i;

    for (i = 0; i < 2; ++i) {
        hook_teardown(state);
        hook_setup(state);
        check_timed(LISTENER({ "signature", "standard" }, { "verify", "hmac" },
                             { "key", keys[i] }),
                    cases, sizeof(cases) / sizeof(cases[0]), 1614265330);
    }
}

static void a_tolerance_of_zero_takes_any_time(void **state)
{
    static const timed_t old = { { { "X-Mine", "v0=" SLACK_SIGNATURE },
                                   { "X-Slack-Request-Timestamp",
                                     "1531420618" } },
                                 SLACK_BODY,
                                 100000000,
                                 1 };
    const flow_webhook_t *w =
        LISTENER({ "signature", "slack" }, { "verify", "hmac" },
                 { "key", "8f742231b10e8888abcd99yyyzzz85a5" },
                 { "header", "X-Mine" }, { "toleranceSeconds", "0" });

    (void)state;
    assert_true(timed_passes(w, &old, 1531420618));
}

/* shopify and github: only the key is said */
static void a_provider_knows_how_it_signs(void **state)
{
    static const struct {
        const char *provider, *header, *signature;
    } cases[] = {
        { "shopify", "X-Shopify-Hmac-Sha256",
          "5UkBPYjqn3HwOVGmZZ6rmltZd9r8Ehd0wmyPomz7alU=" },
        { "github", "X-Hub-Signature-256",
          "sha256=e549013d88ea9f71f03951a6659eab9a5b5977dafc121774c26c8fa26cfb6"
          "a55" },
    };
    size_t i;

    for (i = 0; i < 2; ++i) {
        const flow_webhook_t *w;

        hook_teardown(state);
        hook_setup(state);
        w = LISTENER({ "provider", cases[i].provider }, { "verify", "hmac" },
                     { "key", "s3cret" });
        assert_true(
            hook_passes(w, world_header(post("application/json", BODY),
                                        cases[i].header, cases[i].signature)));
        assert_false(
            hook_passes(w, world_header(post("application/json", "{}"),
                                        cases[i].header, cases[i].signature)));
        assert_false(hook_passes(w, post("application/json", BODY)));
    }
}

/* ---- secret_url ---- */

static void a_secret_url_ends_in_the_token(void **state)
{
    /* clang-format off */
    static const struct { const char *path; int ok; } cases[] = {
        { "/s3cret",        1 },
        { "/s3cret/data",   1 },
        { "/s3cret/",       0 },
        { "/s3cret/date",   0 },
        { "/s3cret/data/x", 0 },
        { "/s3cre",         0 },
        { "/s3crett",       0 },
        { "s3cret",         0 },
        { "//s3cret",       0 },
        { "/",              0 },
        { "",               0 },
    };
    /* clang-format on */
    const flow_webhook_t *w =
        LISTENER({ "verify", "secret_url" }, { "token", "s3cret" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_request_t *req = post(NULL, "{}");

        req->path_info = cases[i].path;
        assert_int_equal(hook_passes(w, req), cases[i].ok);
    }
}

static void without_a_method_nobody_passes(void **state)
{
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });

    (void)state;
    assert_false(flow_webhook_verifies(w));
    assert_false(hook_passes(w, post("application/json", "{}")));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, hook_setup, hook_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(basic_wants_user_and_password),
        TEST(a_token_in_the_body_is_found_by_its_path),
        TEST(a_token_in_a_header_stands_behind_its_scheme),
        TEST(a_token_in_the_query_stands_there_once),
        TEST(every_signature_is_checked_over_the_raw_body),
        TEST(a_signature_may_have_a_prefix_and_upper_case_hex),
        TEST(base64_keeps_its_padding_behind_a_prefix),
        TEST(stripe_signs_time_and_body),
        TEST(slack_signs_version_time_and_body),
        TEST(standard_webhooks_sign_id_time_and_body),
        TEST(a_tolerance_of_zero_takes_any_time),
        TEST(a_provider_knows_how_it_signs),
        TEST(a_secret_url_ends_in_the_token),
        TEST(without_a_method_nobody_passes),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
