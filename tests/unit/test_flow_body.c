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

#define BODY(s) s, sizeof(s) - 1

static const char *read_body(flow_media_e media, const char *type,
                             const char *body, size_t len)
{
    flow_error_t err = FLOW_ERROR_INIT;
    char *exact = malloc(len ? len : 1); /* no NUL behind it */
    json_t *v = NULL;
    apr_status_t rv;

    memcpy(exact, body, len);
    rv = flow_body_parse(&v, media, type, exact, len, pool, &err);
    free(exact);
    if (rv != APR_SUCCESS) {
        assert_null(v);
        return apr_psprintf(pool, "%s: %s", err.code, err.message);
    }
    return flow_json_text(flow_json_own(pool, v), NULL, pool);
}

static void each_medium_has_its_parser(void **state)
{
    /* clang-format off */
    static const struct { flow_media_e media; const char *type, *body;
                          size_t len; const char *json; } cases[] = {
        { FLOW_MEDIA_JSON, "application/json", BODY("{\"a\":19.90}"),
          "{\"a\":19.90}" },
        { FLOW_MEDIA_JSON, NULL, BODY("\xef\xbb\xbf[]"), "[]" },
        { FLOW_MEDIA_JSON, NULL, BODY(""),
          "invalid_json: invalid JSON at line 1, column 1: the text is "
          "empty" },
        { FLOW_MEDIA_URLENCODED, NULL, BODY("a=1&a=2"),
          "{\"a\":[\"1\",\"2\"]}" },
        { FLOW_MEDIA_XML, NULL, BODY("<a>1</a>"), "{\"a\":\"1\"}" },
        { FLOW_MEDIA_CSV, NULL, BODY("a,b\n1,2\n"),
          "[{\"a\":\"1\",\"b\":\"2\"}]" },
        { FLOW_MEDIA_CSV, NULL, BODY(""), "[]" },
        { FLOW_MEDIA_PLAINTEXT, NULL, BODY("x\xff\"\0"),
          "\"x\xef\xbf\xbd\\\"\\u0000\"" },
        { FLOW_MEDIA_PLAINTEXT, NULL, BODY(""), "\"\"" },
        { FLOW_MEDIA_FORM_DATA, NULL, BODY("x"),
          "unsupported_media_type: a body of this type is not parsed; send "
          "JSON, XML, CSV, a urlencoded form or text" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(read_body(cases[i].media, cases[i].type,
                                      cases[i].body, cases[i].len),
                            cases[i].json);
    }
}

static void other_charsets_become_utf8(void **state)
{
    /* clang-format off */
    static const struct { flow_media_e media; const char *type, *body;
                          size_t len; const char *json; } cases[] = {
        { FLOW_MEDIA_PLAINTEXT, "text/plain; charset=iso-8859-1",
          BODY("gr\xfc\xdf" "e"), "\"gr\xc3\xbc\xc3\x9f" "e\"" },
        { FLOW_MEDIA_PLAINTEXT, "text/plain; format=x; charset=\"LATIN1\"",
          BODY("\xe9"), "\"\xc3\xa9\"" },
        { FLOW_MEDIA_PLAINTEXT, "text/plain;charset=Windows-1252",
          BODY("\x80 1"), "\"\xe2\x82\xac 1\"" },
        { FLOW_MEDIA_PLAINTEXT, "text/plain;charset=us-ascii", BODY("a"),
          "\"a\"" },
        { FLOW_MEDIA_PLAINTEXT, "text/plain;charset=UTF-8",
          BODY("\xc3\xa9"), "\"\xc3\xa9\"" },
        { FLOW_MEDIA_PLAINTEXT, "text/plain;charset=", BODY("a"), "\"a\"" },
        { FLOW_MEDIA_JSON, "application/json;charset=utf-16",
          BODY("\xff\xfe[\0" "1\0]\0"), "[1]" },
        { FLOW_MEDIA_JSON, "application/json;charset=utf-16",
          BODY("\xfe\xff\0[\0" "1\0]"), "[1]" },
        { FLOW_MEDIA_JSON, "application/json;charset=utf-16le",
          BODY("[\0\"\0\x3d\xd8\x00\xde\"\0]\0"),
          "[\"\xf0\x9f\x98\x80\"]" },
        { FLOW_MEDIA_CSV, "text/csv; charset=windows-1252",
          BODY("a\n\xe9\n"), "[{\"a\":\"\xc3\xa9\"}]" },
        /* a BOM outranks the header */
        { FLOW_MEDIA_JSON, "application/json; charset=iso-8859-1",
          BODY("\xef\xbb\xbf[\"\xc3\xa9\"]"), "[\"\xc3\xa9\"]" },
        /* the header's word outranks the declaration */
        { FLOW_MEDIA_XML, "text/xml; charset=utf-8",
          BODY("<?xml version='1.0' encoding='iso-8859-1'?><a>\xc3\xa9</a>"),
          "{\"a\":\"\xc3\xa9\"}" },
        { FLOW_MEDIA_XML, "text/xml; charset=iso-8859-1",
          BODY("<?xml version='1.0' encoding='utf-8'?><a>\xe9</a>"),
          "{\"a\":\"\xc3\xa9\"}" },
        { FLOW_MEDIA_XML, "text/xml",
          BODY("<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>"),
          "{\"a\":\"\xc3\xa9\"}" },
        { FLOW_MEDIA_JSON, "application/json; charset=ebcdic-xy", BODY("1"),
          "unsupported_charset: unknown charset 'ebcdic-xy'; UTF-8 is always "
          "right" },
        { FLOW_MEDIA_JSON, "application/json; charset=UTF-8//TRANSLIT",
          BODY("1"), "unsupported_charset: unknown charset "
          "'UTF-8//TRANSLIT'; UTF-8 is always right" },
        { FLOW_MEDIA_JSON, "application/json;charset=utf-16le",
          BODY("1\0" "2"), "invalid_charset: byte 3 of the text is not valid "
          "'utf-16le'" },
        { FLOW_MEDIA_JSON, "application/json;charset=utf-16le",
          BODY("1\0\x00\xdc" "2\0"), "invalid_charset: byte 3 of the text is "
          "not valid 'utf-16le'" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(read_body(cases[i].media, cases[i].type,
                                      cases[i].body, cases[i].len),
                            cases[i].json);
    }
}

static void each_medium_has_its_writer(void **state)
{
    /* clang-format off */
    static const struct { flow_media_e media; const char *text; } cases[] = {
        { FLOW_MEDIA_JSON, "{\"a\":19.90,\"b\":\"x y\"}" },
        { FLOW_MEDIA_URLENCODED, "a=19.90&b=x+y" },
        { FLOW_MEDIA_XML, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<root><a>19.90</a><b>x y</b></root>" },
        { FLOW_MEDIA_CSV, "a,b\n19.90,x y\n" },
        { FLOW_MEDIA_PLAINTEXT, "{\"a\":19.90,\"b\":\"x y\"}" },
    };
    /* clang-format on */
    static const char json[] = "{\"a\":19.90,\"b\":\"x y\"}";
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;
    flow_buf_t out;
    size_t i;

    (void)state;
    assert_int_equal(flow_json_parse(&v, json, strlen(json), NULL), 0);
    for (i = 0; i < COUNT(cases); ++i) {
        flow_buf_init(&out, 1000);
        assert_int_equal(flow_body_write(&out, cases[i].media, v, pool, &err),
                         APR_SUCCESS);
        assert_string_equal(out.data, cases[i].text);
        flow_buf_release(&out);
        flow_buf_init(&out, 8);
        assert_int_equal(flow_body_write(&out, cases[i].media, v, pool, &err),
                         APR_ENOSPC);
        assert_string_equal(err.code, "too_large");
        flow_buf_release(&out);
        flow_error_clear(&err);
    }
    assert_int_not_equal(
        flow_body_write(&out, FLOW_MEDIA_FORM_DATA, v, pool, &err), 0);
    assert_string_equal(err.code, "unsupported_media_type");
    json_decref(v);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(each_medium_has_its_parser),
        TEST(other_charsets_become_utf8),
        TEST(each_medium_has_its_writer),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_text_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
