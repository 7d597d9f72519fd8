/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_aws4.h"
#include "data/flow_json.h"
#include "data/flow_template.h"

static json_t *load(const char *path, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;
    apr_file_t *f;
    apr_size_t len = 200000;
    char *text = apr_palloc(p, len);

    if (apr_file_open(&f, path, APR_READ, 0, p) != APR_SUCCESS)
        fail_msg("%s cannot be read", path);
    apr_file_read_full(f, text, len, &len);
    apr_file_close(f);
    if (flow_json_parse(&v, text, len, &err) != APR_SUCCESS)
        fail_msg("%s: %s", path, err.message);
    return v;
}

/** A signed request of the suite, taken apart. */
typedef struct sample_t {
    flow_aws4_t request;
    json_t *headers;
    const char *expected;
} sample_t;

/* A name that comes twice is an array. */
static void add_header(json_t *headers, const char *name, const char *value)
{
    json_t *old = json_object_get(headers, name), *all;

    if (!old) {
        json_object_set_new(headers, name, json_string(value));
        return;
    }
    if (json_is_array(old)) {
        json_array_append_new(old, json_string(value));
        return;
    }
    all = json_array();
    json_array_append(all, old);
    json_array_append_new(all, json_string(value));
    json_object_set_new(headers, name, all);
}

static void read_headers(sample_t *s, char *c, int omits_token, apr_pool_t *p)
{
    char *end, *colon;

    for (; *c && *c != '\n'; c = end + 1) {
        end = strchr(c, '\n');
        while (end && (end[1] == ' ' || end[1] == '\t')) /* goes on */
            end = strchr(end + 1, '\n');
        if (!end)
            end = c + strlen(c) - 1;
        colon = strchr(c, ':');
        assert_non_null(colon);
        {
            char *name = apr_pstrmemdup(p, c, (apr_size_t)(colon - c));
            char *value =
                apr_pstrmemdup(p, colon + 1, (apr_size_t)(end - colon) - 1);

            if (strcasecmp(name, "Authorization") == 0)
                s->expected = value;
            else if (!omits_token ||
                     strcasecmp(name, "X-Amz-Security-Token") != 0)
                add_header(s->headers, name, value);
        }
    }
    s->request.body = *c ? c + 1 : c;
    s->request.body_len = strlen(s->request.body);
}

static void take_apart(sample_t *s, const json_t *one, apr_pool_t *p)
{
    const json_t *context = json_object_get(one, "context");
    const json_t *keys = json_object_get(context, "credentials");
    char *text = apr_pstrdup(p, flow_json_member(one, "request"));
    char *line_end = strchr(text, '\n'), *path = strchr(text, ' ') + 1;
    char *version = strstr(text, " HTTP/1.1");
    int omits = flow_json_member_bool(context, "omit_session_token") == 1;

    memset(s, 0, sizeof(*s));
    s->headers = json_object();
    s->request.method = apr_pstrmemdup(p, text, (apr_size_t)(path - text) - 1);
    s->request.url = apr_pstrcat(
        p, "https://example.amazonaws.com",
        apr_pstrmemdup(p, path, (apr_size_t)(version - path)), NULL);
    s->request.headers = s->headers;
    s->request.access_key = flow_json_member(keys, "access_key_id");
    s->request.secret_key = flow_json_member(keys, "secret_access_key");
    s->request.token = omits ? NULL : flow_json_member(keys, "token");
    s->request.region = flow_json_member(context, "region");
    s->request.service = flow_json_member(context, "service");
    read_headers(s, line_end + 1, omits, p);
}

static void the_published_suite_gives_its_signatures(void **state)
{
    json_t *suite = load("tests/data/aws4/suite.json", *state);
    size_t i, passed = 0, left = 0;

    for (i = 0; i < json_array_size(suite); ++i) {
        const json_t *one = json_array_get(suite, i);
        const char *name = flow_json_member(one, "name"), *value = NULL;
        const json_t *context = json_object_get(one, "context");
        flow_error_t err = FLOW_ERROR_INIT;
        sample_t s;

        /* Paths are always normalised, but for s3. */
        if (flow_json_member_bool(context, "normalize") == 0 &&
            strcmp(name, "get-space-unnormalized") != 0) {
            ++left;
            continue;
        }
        take_apart(&s, one, *state);
        if (flow_aws4_sign(&s.request, &value, *state, &err) != APR_SUCCESS)
            fail_msg("%s: %s", name, err.message);
        if (strcmp(value, s.expected) != 0)
            fail_msg("%s:\n%s\n%s", name, value, s.expected);
        json_decref(s.headers);
        ++passed;
    }
    print_message("%d passed, %d need paths as they are\n", (int)passed,
                  (int)left);
    assert_int_equal(passed + left, 38);
    assert_true(left <= 7);
    json_decref(suite);
}

static const char *sign(const char *url, const char *headers,
                        const char *region, const char *service,
                        const char *token, apr_pool_t *p)
{
    flow_aws4_t request = { "GET", url };
    static flow_error_t err;
    json_t *all = NULL;
    const char *value;
    apr_status_t rv;

    memset(&err, 0, sizeof(err));
    assert_int_equal(flow_json_parse(&all, headers, strlen(headers), NULL),
                     APR_SUCCESS);
    request.headers = all;
    request.access_key = "AKIAIOSFODNN7EXAMPLE";
    request.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    request.region = region;
    request.service = service;
    request.token = token;
    rv = flow_aws4_sign(&request, &value, p, &err);
    json_decref(all);
    if (rv != APR_SUCCESS)
        assert_string_equal(err.code, "aws4");
    return rv == APR_SUCCESS ? value : err.message;
}

#define AMZ_DATE "\"X-Amz-Date\":\"20130524T000000Z\""
#define EMPTY    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void s3_signs_its_own_example(void **state)
{
    const char *value =
        sign("https://examplebucket.s3.amazonaws.com/test.txt",
             "{\"Range\":\"bytes=0-9\",\"x-amz-content-sha256\":\"" EMPTY
             "\"," AMZ_DATE "}",
             "", "", "", *state);

    assert_string_equal(
        value, "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
               "us-east-1/s3/aws4_request, SignedHeaders=host;range;"
               "x-amz-content-sha256;x-amz-date, Signature="
               "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb"
               "41");
}

static void region_and_service_stand_in_the_host(void **state)
{
    static const struct {
        const char *host, *scope;
    } cases[] = {
        { "sqs.eu-west-1.amazonaws.com", "/eu-west-1/sqs/" },
        { "iam.amazonaws.com", "/us-east-1/iam/" },
        { "b.s3.eu-central-1.amazonaws.com", "/eu-central-1/s3/" },
        { "s3-eu-west-1.amazonaws.com", "/eu-west-1/s3/" },
        { "x.execute-api.us-gov-east-1.amazonaws.com:443",
          "/us-gov-east-1/execute-api/" },
        { "search-a.us-west-2.es.amazonaws.com", "/us-west-2/es/" },
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *value =
            sign(apr_pstrcat(*state, "https://", cases[i].host, "/", NULL),
                 "{" AMZ_DATE "}", "", "", "", *state);

        if (!strstr(value, cases[i].scope))
            fail_msg("%s: %s", cases[i].host, value);
    }
}

static void what_is_missing_is_said(void **state)
{
    static const char url[] = "https://sqs.eu-west-1.amazonaws.com/";

    assert_non_null(strstr(sign(url, "{}", "", "", "", *state),
                           "the request needs a header X-Amz-Date"));
    assert_non_null(strstr(sign(url, "{" AMZ_DATE "}", "", "", "t", *state),
                           "needs it as its header X-Amz-Security-Token"));
    assert_non_null(strstr(
        sign("https://example.com/", "{" AMZ_DATE "}", "", "s3", "", *state),
        "region and service must be given"));
    assert_non_null(
        strstr(sign("/x", "{" AMZ_DATE "}", "", "", "", *state), "absolute"));
}

static void the_helper_signs_the_request_of_its_rendering(void **state)
{
    static const char text[] =
        "{{{aws4 connection.http.encrypted.keyId "
        "connection.http.encrypted.keySecret \"\" \"us-east-1\" \"service\"}}}";
    static const char record[] =
        "{\"connection\":{\"http\":{\"encrypted\":{\"keyId\":\"AKIDEXAMPLE\","
        "\"keySecret\":\"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\"}}}}";
    flow_template_request_t request = { "GET",
                                        "https://example.amazonaws.com/" };
    flow_template_env_t env = { 0 };
    flow_template_t *tpl;
    json_t *context = NULL, *headers = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *out;

    flow_json_parse(&context, record, sizeof(record) - 1, NULL);
    flow_json_parse(&headers, "{\"X-Amz-Date\":\"20150830T123600Z\"}", 33,
                    NULL);
    request.headers = headers;
    env.request = &request;
    assert_int_equal(flow_template_compile(&tpl, text, sizeof(text) - 1,
                                           FLOW_ESCAPE_NONE, *state, &err),
                     APR_SUCCESS);
    assert_true(flow_template_needs_request(tpl));
    assert_int_equal(flow_template_text_with(tpl, context, &env, 1000, &out,
                                             NULL, *state, &err),
                     APR_SUCCESS);
    assert_non_null(strstr(out, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260"
                                "956d9b8aae1d763fbf31"));
    json_decref(context);
    json_decref(headers);
}

static int setup(void **state)
{
    flow_json_global_init();
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_suite_gives_its_signatures),
        cmocka_unit_test(s3_signs_its_own_example),
        cmocka_unit_test(region_and_service_stand_in_the_host),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(the_helper_signs_the_request_of_its_rendering),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
