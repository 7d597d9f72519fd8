/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static apr_pool_t *pool;

static int make_pool(void **state)
{
    (void)state;
    apr_pool_create(&pool, NULL);
    return 0;
}

static int drop_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

static void a_content_type_names_its_medium(void **state)
{
    /* clang-format off */
    static const struct { const char *type; flow_media_e media; } cases[] = {
        { "application/json", FLOW_MEDIA_JSON },
        { "Application/JSON; charset=utf-8", FLOW_MEDIA_JSON },
        { "  application/json ;x", FLOW_MEDIA_JSON },
        { "text/json", FLOW_MEDIA_JSON },
        { "application/problem+json", FLOW_MEDIA_JSON },
        { "application/xml", FLOW_MEDIA_XML }, { "text/xml", FLOW_MEDIA_XML },
        { "application/soap+xml; action=\"x\"", FLOW_MEDIA_XML },
        { "text/csv", FLOW_MEDIA_CSV },
        { "text/csv;header=present", FLOW_MEDIA_CSV },
        { "application/x-www-form-urlencoded", FLOW_MEDIA_URLENCODED },
        { "multipart/form-data; boundary=x", FLOW_MEDIA_FORM_DATA },
        { "text/plain", FLOW_MEDIA_PLAINTEXT },
        { "text/html", FLOW_MEDIA_PLAINTEXT },
        { "application/octet-stream", FLOW_MEDIA_UNKNOWN },
        { "application/jsonp", FLOW_MEDIA_UNKNOWN },
        { "+json", FLOW_MEDIA_UNKNOWN }, { "text/", FLOW_MEDIA_UNKNOWN },
        { "", FLOW_MEDIA_UNKNOWN }, { NULL, FLOW_MEDIA_UNKNOWN },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        if (flow_media_from_type(cases[i].type) != cases[i].media) {
            fail_msg("'%s'", cases[i].type ? cases[i].type : "NULL");
        }
    }
}

static void a_documents_word_and_the_type_sent_belong_together(void **state)
{
    static const char *const words[] = {
        "json", "xml", "csv", "urlencoded", "form-data", "plaintext"
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(words); ++i) {
        flow_media_e media = flow_media_from_name(words[i]);

        assert_int_not_equal(media, FLOW_MEDIA_UNKNOWN);
        assert_int_equal(flow_media_from_type(flow_media_type(media)), media);
    }
    assert_string_equal(flow_media_type(FLOW_MEDIA_JSON), "application/json");
    assert_string_equal(flow_media_type(FLOW_MEDIA_XML), "application/xml");
    assert_string_equal(flow_media_type(FLOW_MEDIA_UNKNOWN),
                        "application/octet-stream");
    assert_int_equal(flow_media_from_name("JSON"), FLOW_MEDIA_UNKNOWN);
    assert_int_equal(flow_media_from_name(NULL), FLOW_MEDIA_UNKNOWN);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(a_content_type_names_its_medium),
        TEST(a_documents_word_and_the_type_sent_belong_together),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_text_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
