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
#include "data/flow_xml_guard.h"

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

static const char *read_xml(const char *xml)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_xml_parse(&v, xml, strlen(xml), pool, &err) != APR_SUCCESS) {
        assert_null(v);
        return apr_psprintf(pool, "%s: %s", err.code, err.message);
    }
    return flow_json_text(flow_json_own(pool, v), NULL, pool);
}

static void elements_become_objects_as_xml2js_makes_them(void **state)
{
    /* clang-format off */
    static const struct { const char *xml, *json; } cases[] = {
        { "<a/>", "{\"a\":\"\"}" }, { "<a></a>", "{\"a\":\"\"}" },
        { "<a>text</a>", "{\"a\":\"text\"}" },
        { "<a>  </a>", "{\"a\":\"  \"}" },
        { "<a x='1' y=\"2\">t</a>",
          "{\"a\":{\"_\":\"t\",\"$\":{\"x\":\"1\",\"y\":\"2\"}}}" },
        { "<a x='1'/>", "{\"a\":{\"$\":{\"x\":\"1\"}}}" },
        { "<a x='1'>\n </a>", "{\"a\":{\"$\":{\"x\":\"1\"}}}" },
        { "<a>\n <b>1</b>\n <c/>\n <b>2</b>\n</a>",
          "{\"a\":{\"b\":[\"1\",\"2\"],\"c\":[\"\"]}}" },
        { "<a>x <b/> y</a>", "{\"a\":{\"_\":\"x  y\",\"b\":[\"\"]}}" },
        { "<a><b k='v'>t</b></a>",
          "{\"a\":{\"b\":[{\"_\":\"t\",\"$\":{\"k\":\"v\"}}]}}" },
        { "<s:E xmlns:s='urn:s' xmlns='urn:d'><s:B s:q='1'/></s:E>",
          "{\"s:E\":{\"$\":{\"xmlns:s\":\"urn:s\",\"xmlns\":\"urn:d\"},"
          "\"s:B\":[{\"$\":{\"s:q\":\"1\"}}]}}" },
        { "<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x20ac;</a>",
          "{\"a\":\"<&>\\\"'A\xe2\x82\xac\"}" },
        { "<a k='&lt;&amp;amp;&amp;#38;&#38;&#x26;x&quot;&#10;'/>",
          "{\"a\":{\"$\":{\"k\":\"<&amp;&#38;&&x\\\"\\n\"}}}" },
        { "<a><![CDATA[<b>&amp;]]></a>", "{\"a\":\"<b>&amp;\"}" },
        { "<a><b/><![CDATA[ ]]></a>", "{\"a\":{\"_\":\" \",\"b\":[\"\"]}}" },
        { "<a>1<!-- x -->2<?pi y?>3</a>", "{\"a\":\"123\"}" },
        { "<a>x<_>y</_><_/></a>", "{\"a\":{\"_\":[\"x\",\"y\",\"\"]}}" },
        { "<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>",
          "{\"a\":\"\xc3\xa9\"}" },
        { "\xef\xbb\xbf<?xml version='1.0'?>\n<a>\xc3\xa9</a>\n",
          "{\"a\":\"\xc3\xa9\"}" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(read_xml(cases[i].xml), cases[i].json);
    }
}

static void what_is_not_xml_is_refused_with_its_line(void **state)
{
    /* clang-format off */
    static const struct { const char *xml, *begin; } cases[] = {
        { "", "invalid_xml: invalid XML: the document is empty" },
        { "x", "invalid_xml: invalid XML at line 1: " },
        { "<a>\n<b>\n</a>", "invalid_xml: invalid XML at line 3: " },
        { "<a>", "invalid_xml: invalid XML at line 1: " },
        { "<a/><b/>", "invalid_xml: invalid XML at line 1: " },
        { "<a>\n&nbsp;</a>", "invalid_xml: invalid XML at line 2: " },
        { "<a x=1/>", "invalid_xml: invalid XML at line 1: " },
        { "<a x='1' x='2'/>", "invalid_xml: invalid XML at line 1: " },
        { "<a>\xff</a>", "invalid_xml: invalid XML: bytes that are not valid "
          "UTF-8" },
        { "<?xml version='1.0' encoding='ebcdic-cp-us'?><a/>",
          "unsupported_charset: unknown charset 'ebcdic-cp-us'" },
        { "<?xml version='1.0' encoding='UTF-7'?><a/>",
          "unsupported_charset: unknown charset 'UTF-7'" },
        { "<a>\x01</a>", "invalid_xml: invalid XML at line 1: " },
        { "<a>&#0;</a>", "invalid_xml: invalid XML at line 1: " },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        const char *said = read_xml(cases[i].xml);

        if (strncmp(said, cases[i].begin, strlen(cases[i].begin)) != 0) {
            fail_msg("%s: %s", cases[i].xml, said);
        }
        assert_null(strchr(said, '\n'));
    }
}

static void utf16_is_recognised(void **state)
{
    static const char little[] = "\xff\xfe<\0a\0>\0\xac\x20<\0/\0a\0>";
    static const char big[] = "\0<\0a\0>\x20\xac\0<\0/\0a\0>";
    json_t *v = NULL;

    (void)state;
    assert_int_equal(flow_xml_parse(&v, little, sizeof(little), pool, NULL), 0);
    assert_string_equal(flow_json_text(flow_json_own(pool, v), NULL, pool),
                        "{\"a\":\"\xe2\x82\xac\"}");
    assert_int_equal(flow_xml_parse(&v, big, sizeof(big) - 1, pool, NULL), 0);
    assert_string_equal(flow_json_text(flow_json_own(pool, v), NULL, pool),
                        "{\"a\":\"\xe2\x82\xac\"}");
}

static void a_doctype_is_refused_before_anything_is_done(void **state)
{
    static const char *const bombs[] = {
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
        "<a>&x;</a>",
        "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><a/>",
        "<!DOCTYPE a [<!ENTITY x \"xxxxxxxxxx\"><!ENTITY y \"&x;&x;&x;\">"
        "<!ENTITY z \"&y;&y;&y;\">]><a b='&z;'>&z;</a>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///dev/zero\">%p;]><a/>",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bombs); ++i) {
        assert_string_equal(read_xml(bombs[i]),
                            "xml_doctype: invalid XML at line 1: a DOCTYPE is "
                            "not allowed; send the document without it");
    }
}

static const char *nested(int depth)
{
    char *xml = apr_palloc(pool, (apr_size_t)depth * 7 + 1);
    int i;

    for (i = 0; i < depth; ++i) {
        memcpy(xml + 3 * i, "<a>", 3);
        memcpy(xml + 3 * depth + 4 * i, "</a>", 4);
    }
    xml[depth * 7] = '\0';
    return xml;
}

static void depth_and_number_are_bounded(void **state)
{
    int n = 1000001;
    char *many = malloc((size_t)n * 4 + 8);
    const char *said;
    int i;

    (void)state;
    assert_int_equal(strncmp(read_xml(nested(128)), "{\"a\":", 5), 0);
    said = read_xml(nested(129));
    assert_non_null(strstr(said, "nested too deeply; at most 128 levels"));

    assert_non_null(many);
    memcpy(many, "<r>", 3);
    for (i = 0; i < n; ++i) {
        memcpy(many + 3 + 4 * i, "<a/>", 4);
    }
    memcpy(many + 3 + 4 * n, "</r>", 5);
    said = read_xml(many);
    free(many);
    assert_non_null(strstr(said, "more than 1000000 elements"));
}

/* libxml2 compares each attribute with all others: a megabyte of them would
 * take it minutes. */
static void attributes_of_an_element_are_bounded(void **state)
{
    static const struct {
        const char *before, *after;
        int n, is_good;
    } cases[] = {
        { "<r ", "/>", 1000, 1 },
        { "<r ", "/>", 1001, 0 },
        { "<!--->--><r ", "/>", 1001, 0 },
        { "<!-- <a \" --><r ", "/>", 1001, 0 },
        { "<?p <a '?><r ", "/>", 1001, 0 },
        { "<r><![CDATA[<a \"]]]><b x='>' ", "/></r>", 1000, 0 },
        { "<r><![CDATA[<a \"]]]><b x='>' ", "/></r>", 999, 1 },
        { "<r><!-- <a ", "--></r>", 2000, 1 },
        { "<r><![CDATA[<a ", "]]></r>", 2000, 1 },
        { "<r>", "</r>", 2000, 1 },
        { "<r a='", "'/>", 2000, 1 },
    };
    size_t i, k;
    int n;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_xml_guard_t whole = { 0 }, parts = { 0 };
        char *xml = apr_palloc(pool, 64 + 2000 * 12), *s = xml;
        int is_good = 1;

        s += apr_snprintf(s, 64, "%s", cases[i].before);
        for (n = 0; n < cases[i].n; ++n) {
            s += apr_snprintf(s, 12, "a%d=\"\" ", n);
        }
        apr_snprintf(s, 32, "%s", cases[i].after);
        if (flow_xml_guard(&whole, xml, strlen(xml)) != cases[i].is_good) {
            fail_msg("%s %d", cases[i].before, cases[i].n);
        }
        for (k = 0; xml[k] && is_good; ++k) {
            is_good = flow_xml_guard(&parts, xml + k, 1);
        }
        assert_int_equal(is_good, cases[i].is_good);
        if (!cases[i].is_good) {
            assert_string_equal(read_xml(xml),
                                "invalid_xml: invalid XML: an element has more "
                                "than 1000 attributes");
        }
    }
}

static const char *write_xml(const char *json)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;
    flow_buf_t out;

    assert_int_equal(flow_json_parse(&v, json, strlen(json), NULL), 0);
    flow_json_own(pool, v);
    flow_buf_init(&out, 10000);
    if (flow_xml_write(&out, v, &err) != APR_SUCCESS) {
        flow_buf_release(&out);
        return apr_psprintf(pool, "%s: %s", err.code, err.message);
    }
    return flow_buf_steal(&out, NULL, pool);
}

static void objects_become_elements(void **state)
{
    /* clang-format off */
    static const struct { const char *json, *xml; } cases[] = {
        { "{\"a\":\"t\"}", "<a>t</a>" }, { "{\"a\":null}", "<a/>" },
        { "{\"a\":[\"t\"]}", "<a>t</a>" },
        { "{\"a\":{\"$\":{\"k\":\"<\\\"&\\n\",\"n\":19.90},\"_\":\"<&>\\r\"}}",
          "<a k=\"&lt;&quot;&amp;&#xA;\" n=\"19.90\">&lt;&amp;&gt;&#xD;</a>" },
        { "{\"a\":{\"b\":[1,true,\"\",null,{\"c\":\"x\"}],\"d\":2}}",
          "<a><b>1</b><b>true</b><b/><b/><b><c>x</c></b><d>2</d></a>" },
        { "{\"a\":1,\"b\":2}", "<root><a>1</a><b>2</b></root>" },
        { "{\"_\":\"x\"}", "<root>x</root>" }, { "{}", "<root/>" },
        { "{\"s:E\":{\"$\":{\"xmlns:s\":\"u\"}}}", "<s:E xmlns:s=\"u\"/>" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(
            write_xml(cases[i].json),
            apr_pstrcat(pool, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
                        cases[i].xml, NULL));
    }
}

static void what_xml_cannot_carry_is_said(void **state)
{
    /* clang-format off */
    static const struct { const char *json, *message; } cases[] = {
        { "[]", "xml_shape: XML is written from an object, not from array" },
        { "{\"a b\":1}", "xml_name: 'a b' cannot be the name of an XML element "
          "or attribute; use letters, digits, '_', '-' and '.'" },
        { "{\"\":1}", "xml_name: '' cannot be the name of an XML element "
          "or attribute; use letters, digits, '_', '-' and '.'" },
        { "{\"a\":{\"$\":{\"1\":1}}}", "xml_name: '1' cannot be the name of an "
          "XML element or attribute; use letters, digits, '_', '-' and '.'" },
        { "{\"a\":\"x\\u0000\"}", "xml_character: the text of 'a' holds a "
          "control character, which XML cannot carry" },
        { "{\"a\":{\"$\":1}}",
          "xml_shape: '$' must be an object of attributes, not number" },
        { "{\"a\":{\"$\":{\"k\":[]}}}",
          "xml_shape: 'k' must be a text, not array" },
        { "{\"a\":[1,2]}", "xml_shape: 'a' must be a text, not array" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(write_xml(cases[i].json), cases[i].message);
    }
}

static void what_was_read_is_written_and_read_the_same(void **state)
{
    static const char xml[] =
        "<o:order xmlns:o='urn:o' id='7'><line n='1'>a &amp; b</line>"
        "<line n='2'/><note>  </note>tail<_>u</_></o:order>";
    const char *json = read_xml(xml);

    (void)state;
    assert_string_equal(read_xml(write_xml(json)), json);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(elements_become_objects_as_xml2js_makes_them),
        TEST(what_is_not_xml_is_refused_with_its_line),
        TEST(utf16_is_recognised),
        TEST(a_doctype_is_refused_before_anything_is_done),
        TEST(depth_and_number_are_bounded),
        TEST(attributes_of_an_element_are_bounded),
        TEST(objects_become_elements),
        TEST(what_xml_cannot_carry_is_said),
        TEST(what_was_read_is_written_and_read_the_same),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_text_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
