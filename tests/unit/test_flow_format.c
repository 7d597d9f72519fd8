/* SPDX-License-Identifier: Apache-2.0 */
/* size: one fixture, and tables of cases. */
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

#include "data/flow_format.h"
#include "data/flow_json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static apr_pool_t *pool;

static int make_pool(void **state)
{
    (void)state;
    apr_pool_create(&pool, NULL);
    flow_text_global_init();
    return 0;
}

static int drop_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

/* ---- reading, in pieces ---- */

static apr_status_t collect(void *baton, json_t *record, flow_error_t *err)
{
    (void)err;
    json_array_append_new(baton, record);
    return APR_SUCCESS;
}

/* The records as JSON, or the message. */
static const char *read_pieces(const flow_format_t *format, const char *text,
                               size_t len, size_t piece)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *records = flow_json_own(pool, json_array());
    flow_reader_t *reader;
    apr_status_t rv;
    size_t i;

    rv = flow_reader_create(&reader, format, collect, records, pool, &err);
    for (i = 0; i < len && rv == APR_SUCCESS; i += piece) {
        size_t n = len - i < piece ? len - i : piece;
        char *exact = malloc(n); /* so that reading beyond it is seen */

        memcpy(exact, text + i, n);
        rv = flow_reader_feed(reader, exact, n, &err);
        free(exact);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_reader_finish(reader, &err);
    }
    return rv == APR_SUCCESS ? flow_json_text(records, NULL, pool)
                             : apr_pstrdup(pool, err.message);
}

static const char *read_all(const flow_format_t *format, const char *text)
{
    size_t len = strlen(text);
    const char *whole = read_pieces(format, text, len, len ? len : 1);

    assert_string_equal(read_pieces(format, text, len, 1), whole);
    assert_string_equal(read_pieces(format, text, len, 3), whole);
    assert_string_equal(read_pieces(format, text, len, 17), whole);
    return whole;
}

typedef struct case_t {
    const char *path, *text, *expected;
} case_t;

static void check_json(const case_t *cases, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        flow_format_t format = { FLOW_FORMAT_JSON };

        format.json_path =
            cases[i].path ? flow_format_json_path(cases[i].path, pool) : NULL;
        assert_string_equal(read_all(&format, cases[i].text),
                            cases[i].expected);
    }
}

static void json_records_are_found_where_the_path_says(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { NULL, "[]", "[]" }, { NULL, " [ ] \n", "[]" },
        { NULL, "[1,\"a\",null,{\"a\":[1]}]", "[1,\"a\",null,{\"a\":[1]}]" },
        { NULL, "{\"a\":1}", "[{\"a\":1}]" }, { NULL, "null", "[]" },
        { NULL, "{\"a\":1}\n{\"a\":19.90}\r\n\n7\n\"x\"",
          "[{\"a\":1},{\"a\":19.90},7,\"x\"]" },
        { NULL, "\xef\xbb\xbf[1e400]", "[1e400]" },
        { "data", "{\"x\":[1,{\"data\":[0]}],\"data\":[1,2],\"y\":\"]\"}",
          "[1,2]" },
        { "data.list", "{\"data\":{\"n\":-1.5e3,\"list\":[{},[]]}}",
          "[{},[]]" },
        { "data.list", "{\"data\":[{\"list\":[1]}]}", "[]" },
        { "data", "{\"data\":{\"a\":1}}", "[{\"a\":1}]" },
        { "data", "{\"data\":null}", "[]" },
        { "data", "{\"other\":1}", "[]" }, { "data", "[1]", "[]" },
        { "a", "{\"a\":[1]}\n{\"a\":[2,3]}", "[1,2,3]" },
        { "\xc3\xa4", "{\"\\u00e4\":[\"\\ud83d\\ude00\"]}",
          "[\"\xf0\x9f\x98\x80\"]" },
        { "a", "{\"b\\\"\":\"\\\\\\\"]}\",\"a\":[true]}", "[true]" },
    };
    /* clang-format on */

    (void)state;
    check_json(cases, COUNT(cases));
    assert_null(flow_format_json_path("a[0]", pool));
    assert_null(flow_format_json_path("a..b", pool));
    assert_null(flow_format_json_path("a.", pool));
    assert_null(flow_format_json_path("*.a", pool));
}

static void json_that_is_wrong_is_told_with_line_and_byte(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { NULL, "", "invalid JSON at line 1, byte 1: the text is empty" },
        { NULL, "[1,2,]", "invalid JSON at line 1, byte 6: expected a value" },
        { NULL, "[,1]", "invalid JSON at line 1, byte 2: expected a value" },
        { "a", "{\"a\":}", "invalid JSON at line 1, byte 6: expected a value" },
        { NULL, "[1,\n2", "invalid JSON at line 2, byte 6: the text ends "
          "inside a value" },
        { NULL, "[1] 2", "invalid JSON at line 1, byte 5: something follows "
          "the array of records" },
        { NULL, "{\"a\":1}\n{\"a\":01}\n", "invalid JSON at line 2, byte 15: "
          "malformed number" },
        { NULL, "[{\"a\":1}\n{\"a\":1}]", "invalid JSON at line 2, byte 10: "
          "expected ',' or ']' in an array" },
        { "a", "{\"b\":[1}", "invalid JSON at line 1, byte 8: a closing "
          "bracket that does not match" },
        { "a", "{\"b\":1 \"a\":1}", "invalid JSON at line 1, byte 8: expected "
          "',' or '}' in an object" },
        { "a", "{\"b\":truth,\"a\":[1]}", "invalid JSON at line 1, byte 6: "
          "expected a value" },
        { "a", "{a:1}", "invalid JSON at line 1, byte 2: expected a name in "
          "double quotes" },
    };
    /* clang-format on */

    (void)state;
    check_json(cases, COUNT(cases));
}

static void a_json_record_is_bounded(void **state)
{
    flow_format_t format = { FLOW_FORMAT_JSON };
    size_t len = 17 * 1024 * 1024;
    char *text = malloc(len);

    (void)state;
    memset(text, 'x', len);
    memcpy(text, "[\"", 2);
    assert_string_equal(
        read_pieces(&format, text, len, 65536),
        "invalid JSON at line 1, byte 2: a record is longer than 16 MB");
    memset(text, '[', len);
    assert_string_equal(
        read_pieces(&format, text, len, 65536),
        "invalid JSON at line 1, byte 514: nested too deeply; at most 512 "
        "levels");
    free(text);
}

/* ---- XML ---- */

static const char *read_xml(const char *path, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_format_t format = { FLOW_FORMAT_XML };

    format.xml_path = flow_xpath_compile(path, pool, &err);
    return format.xml_path ? read_all(&format, text)
                           : apr_pstrdup(pool, err.message);
}

static void xml_records_are_found_where_the_path_says(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { "/o/i", "<o><i a='1'>x</i><j/><i>y</i></o>",
          "[{\"_\":\"x\",\"$\":{\"a\":\"1\"}},{\"_\":\"y\"}]" },
        { "/o/i", "<?xml version='1.0'?>\n<o>\n<i><s>1</s><s>2</s></i></o>",
          "[{\"s\":[\"1\",\"2\"]}]" },
        { "//i", "<o><k><i>1</i></k><i>2<i>3</i></i></o>",
          "[{\"_\":\"1\"},{\"_\":\"2\",\"i\":[\"3\"]}]" },
        { "/*/k/*", "<o><k><a>1</a><b>2</b></k><l><a/></l></o>",
          "[{\"_\":\"1\"},{\"_\":\"2\"}]" },
        { "/o/i[@t='x']", "<o><i t='y'>1</i><i t='x'>2</i></o>",
          "[{\"_\":\"2\",\"$\":{\"t\":\"x\"}}]" },
        { "o//i[@t]", "<o><k><k><i t=''/></k></k><i/></o>",
          "[{\"$\":{\"t\":\"\"}}]" },
        { "/o/i", "<n:o xmlns:n='u'><n:i>1</n:i></n:o>", "[{\"_\":\"1\"}]" },
        { "/n:o/m:i", "<n:o><n:i>1</n:i><m:i>2</m:i></n:o>",
          "[{\"_\":\"2\"}]" },
        { "/o", "<o>\xc3\xa4&amp;\xf0\x9f\x98\x80<![CDATA[ ]]></o>",
          "[{\"_\":\"\xc3\xa4&\xf0\x9f\x98\x80 \"}]" },
        { "/x", "<o/>", "[]" },
        { "/o/i", "<o><i>1</i><i>2</o>", "invalid XML at line 1, byte 20: "
          "Opening and ending tag mismatch: i line 1 and o" },
        { "/o[1]", "", "'/o[1]' is no path to elements; understood are names, "
          "'*', '/', '//', [@name] and [@name='value'], as in /orders/order" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        const char *seen = read_xml(cases[i].path, cases[i].text);

        /* where exactly libxml2 has stopped depends on the pieces */
        if (strncmp(cases[i].expected, "invalid", 7) == 0) {
            assert_non_null(strstr(seen, "line 1"));
            continue;
        }
        assert_string_equal(seen, cases[i].expected);
    }
}

static const char *xml_message(const char *text, size_t len)
{
    flow_format_t format = { FLOW_FORMAT_XML };

    format.xml_path = flow_xpath_compile("//r", pool, NULL);
    return read_pieces(&format, text, len, 4096);
}

static void hostile_xml_is_refused(void **state)
{
    static const char *const cases[][2] = {
        { "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", "DOCTYPE" },
        { "<!DOCTYPE r SYSTEM \"http://127.0.0.1/x\"><r/>", "DOCTYPE" },
        { "<r>&a;</r>", "Entity" },
        { "<r>\xff</r>", "UTF-8" },
        { "<r>", "line 1" },
        { "", "invalid XML" },
        { "x", "invalid XML" },
    };
    size_t i, len = 17 * 1024 * 1024;
    char *text;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        const char *seen = xml_message(cases[i][0], strlen(cases[i][0]));

        if (!strstr(seen, cases[i][1])) {
            fail_msg("%s: %s", cases[i][0], seen);
        }
    }
    assert_non_null(strstr(xml_message("<r>\0</r>", 8), "NUL"));
    text = malloc(len);
    for (i = 0; i + 3 <= len; i += 3) {
        memcpy(text + i, "<r>", 3);
    }
    assert_non_null(strstr(xml_message(text, len), "at most 128 levels"));
    memset(text, 'x', len);
    memcpy(text, "<r>", 3);
    for (i = 1000; i + 4 <= len; i += 1000) {
        memcpy(text + i, "<i/>", 4);
    }
    assert_non_null(strstr(xml_message(text, len), "longer than 16 MB"));
    free(text);
}

static void a_path_finds_the_same_in_a_tree(void **state)
{
    static const char *const paths[] = { "/o/k/i", "//i", "/o/*/i[@t='x']",
                                         "/o/x:k/i", "/nothing" };
    static const char xml[] = "<o><k><i>1</i><i t='x'>2</i></k>"
                              "<k><i a='b'><i>3</i></i></k></o>";
    json_t *tree = NULL;
    size_t i;

    (void)state;
    assert_int_equal(flow_xml_parse(&tree, xml, strlen(xml), pool, NULL), 0);
    for (i = 0; i < COUNT(paths); ++i) {
        const flow_xpath_t *path = flow_xpath_compile(paths[i], pool, NULL);
        json_t *found = flow_xpath_select(path, tree, 1);

        assert_string_equal(flow_json_text(found, NULL, pool),
                            read_xml(paths[i], xml));
        json_decref(found);
    }
    json_decref(tree);
}

/* ---- fixed width ---- */

static const char orders[] =
    "{\"format\":\"fixed\",\"rules\":[{\"name\":\"order\",\"elements\":["
    "{\"name\":\"type\",\"size\":1,\"value\":\"H\"},"
    "{\"name\":\"id\",\"size\":5,\"align\":\"right\",\"fill\":\"0\"},"
    "{\"size\":1},{\"name\":\"who\",\"size\":6}],"
    "\"children\":[{\"name\":\"lines\",\"elements\":["
    "{\"size\":1,\"value\":\"L\"},{\"name\":\"sku\",\"size\":4}]}]},"
    "{\"elements\":[{\"name\":\"end\",\"size\":1,\"value\":\"E\"}]}]}";

static const flow_layout_t *layout(const char *json, flow_error_t *err)
{
    json_t *doc = NULL;

    assert_int_equal(flow_json_parse(&doc, json, strlen(json), NULL), 0);
    return flow_layout_compile(flow_json_own(pool, doc), pool, err);
}

static void fixed_width_rows_become_records(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { NULL, "H00042 \xc3\x84nne  \r\nLab  \nL c d\n\nH00000\nE",
          "[{\"type\":\"H\",\"id\":\"42\",\"who\":\"\xc3\x84nne\",\"lines\":"
          "[{\"sku\":\"ab\"},{\"sku\":\"c d\"}]},"
          "{\"type\":\"H\",\"id\":\"0\"},{\"end\":\"E\"}]" },
        { NULL, "", "[]" },
        { NULL, "E\nLab\n", "invalid fixed-width row at line 2, byte 3: no "
          "rule of the file definition fits the row" },
        { NULL, "E \nEx\n", "invalid fixed-width row at line 2, byte 4: the "
          "row is longer than the 1 characters of its rule" },
    };
    /* clang-format on */
    flow_format_t format = { FLOW_FORMAT_LAYOUT };
    size_t i;

    (void)state;
    format.layout = layout(orders, NULL);
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(read_all(&format, cases[i].text),
                            cases[i].expected);
    }
    format.layout = layout("{\"rowDelimiter\":\"~|\",\"rules\":[{\"elements\":"
                           "[{\"name\":\"a\",\"size\":2}]}]}",
                           NULL);
    assert_string_equal(read_all(&format, "1\n~|~~~|"),
                        "[{\"a\":\"1\\n\"},{\"a\":\"~~\"}]");
}

static void a_layout_that_is_wrong_says_where(void **state)
{
    /* clang-format off */
    static const char *const cases[][2] = {
        { "{}", "rules: must be an array of 1 to 1000 objects" },
        { "{\"format\":\"edi\",\"rules\":[{}]}",
          "format: only 'fixed' is understood" },
        { "{\"rules\":[{\"elements\":[{\"size\":0}]}]}",
          "rules[0].elements[0]: 'size' must be a number of characters from 1 "
          "to 100000" },
        { "{\"rules\":[{\"element\":[]}]}",
          "rules[0]: unknown field 'element'" },
        { "{\"rules\":[{\"elements\":[{\"size\":1}],\"children\":[{}]}]}",
          "rules[0].children[0]: 'name' is missing; the rows are collected "
          "under it" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;

        assert_null(layout(cases[i][0], &err));
        assert_string_equal(err.message, cases[i][1]);
    }
}

/* ---- writing ---- */

static const char *write_all(const flow_format_t *format, const char *json)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *records = NULL, *columns = json_array(), *known = json_object();
    flow_buf_t out;
    size_t i;

    assert_int_equal(flow_json_parse(&records, json, strlen(json), NULL), 0);
    flow_json_own(pool, records);
    flow_json_own(pool, columns);
    flow_json_own(pool, known);
    for (i = 0; i < json_array_size(records); ++i) {
        flow_csv_add_columns(columns, known, json_array_get(records, i));
    }
    flow_buf_init(&out, 100000);
    flow_format_open(&out, format, columns, pool, &err);
    for (i = 0; i < json_array_size(records); ++i) {
        if (i > 0) {
            flow_buf_adds(&out, flow_format_separator(format));
        }
        flow_format_write(&out, format, columns, json_array_get(records, i),
                          pool, &err);
    }
    flow_format_close(&out, format, pool);
    if (err.kind != FLOW_E_NONE) {
        flow_buf_release(&out);
        return apr_pstrdup(pool, err.message);
    }
    return flow_buf_steal(&out, NULL, pool);
}

static void what_is_written_reads_the_same(void **state)
{
    flow_format_t json = { FLOW_FORMAT_JSON };
    flow_format_t xml = { FLOW_FORMAT_XML };
    flow_format_t fixed = { FLOW_FORMAT_LAYOUT };
    const char *text;

    (void)state;
    text = write_all(&json, "[{\"a\":19.90},{\"b\":[]}]");
    assert_string_equal(text, "[\n{\"a\":19.90},\n{\"b\":[]}\n]\n");
    json.json_path = flow_format_json_path("data.list", pool);
    text = write_all(&json, "[{\"a\":1e2},7]");
    assert_string_equal(text, "{\"data\":{\"list\":[\n{\"a\":1e2},\n7\n]}}\n");
    assert_string_equal(read_all(&json, text), "[{\"a\":1e2},7]");

    xml.xml_path = flow_xpath_compile("/orders/list/order", pool, NULL);
    text = write_all(&xml, "[{\"$\":{\"id\":\"1\"},\"sku\":[\"a\",\"b\"]},"
                           "{\"sku\":\"<\"}]");
    assert_string_equal(
        text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<orders>\n<list>\n"
              "<order id=\"1\"><sku>a</sku><sku>b</sku></order>\n"
              "<order><sku>&lt;</sku></order>\n</list>\n</orders>\n");
    assert_string_equal(read_all(&xml, text),
                        "[{\"$\":{\"id\":\"1\"},\"sku\":[\"a\",\"b\"]},"
                        "{\"sku\":[\"<\"]}]");

    fixed.layout = layout(orders, NULL);
    text =
        write_all(&fixed, "[{\"type\":\"H\",\"id\":42,\"who\":\"\xc3\x84nne\","
                          "\"lines\":[{\"sku\":\"ab\"}]},{\"end\":\"E\"}]");
    assert_string_equal(text, "H00042 \xc3\x84nne  \nLab  \nE\n");
    assert_string_equal(
        write_all(&fixed, "[{\"type\":\"H\",\"id\":\"123456\"}]"),
        "'id' has 6 characters where the file definition has 5");
    assert_string_equal(write_all(&fixed, "[{\"type\":\"X\"}]"),
                        "no rule of the file definition fits the record; it "
                        "has not the 'value's of any");
    assert_string_equal(
        write_all(&fixed, "[{\"type\":\"H\",\"who\":\"a\\nb\"}]"),
        "'who' contains a line end, which would end the row");
}

static void rows_of_equal_keys_are_one_record(void **state)
{
    static const char *const keys[] = { "o", NULL };
    flow_format_t csv = { FLOW_FORMAT_CSV };

    (void)state;
    csv.key_columns = keys;
    assert_string_equal(read_all(&csv, "o,n\n1,a\n1,b\n2,c\n1,d\n"),
                        "[[{\"o\":\"1\",\"n\":\"a\"},{\"o\":\"1\",\"n\":\"b\"}]"
                        ",[{\"o\":\"2\",\"n\":\"c\"}],"
                        "[{\"o\":\"1\",\"n\":\"d\"}]]");
    assert_string_equal(read_all(&csv, "o,n\n"), "[]");
    /* with a slip all rows would have equal keys: none */
    assert_string_equal(read_all(&csv, "O,n\n1,a\n2,b\n"),
                        "invalid CSV at line 2, byte 5: there is no column "
                        "'o', which is one of the key columns; the first "
                        "column is 'O'");
    csv.csv.no_header = 1;
    assert_string_equal(read_all(&csv, "1\n"), "[[{\"Column1\":\"1\"}]]");
}

static void marks_may_have_several_characters(void **state)
{
    flow_format_t csv = { FLOW_FORMAT_CSV };

    (void)state;
    csv.csv.delimiter = "||";
    csv.csv.row_delimiter = "~\n";
    assert_string_equal(read_all(&csv, "a||b~\n1|2||\"x||\"\"y~\n\"~\n|||~\n"),
                        "[{\"a\":\"1|2\",\"b\":\"x||\\\"y~\\n\"},"
                        "{\"a\":\"\",\"b\":\"|\"}]");
    csv.csv.delimiter = "::";
    csv.csv.row_delimiter = NULL;
    csv.csv.escape = '\\';
    assert_string_equal(
        read_all(&csv, "a::b\n\\:\\:x::\"\\\"y\"\n1::2::\n\\\n::z\n"),
        "[{\"a\":\"::x\",\"b\":\"\\\"y\"},{\"a\":\"1\",\"b\":\"2\"},"
        "{\"a\":\"\\n\",\"b\":\"z\"}]");
    csv.csv.delimiter = ",";
    csv.csv.escape = 0;
    csv.csv.no_quotes = 1;
    assert_string_equal(read_all(&csv, "a,b\n\"x\",\"y\n5\",\"\n"),
                        "[{\"a\":\"x\",\"b\":\"\\\"y\"},"
                        "{\"a\":\"5\\\"\",\"b\":\"\\\"\"}]");
}

/* ---- pulling ---- */

typedef struct text_t {
    const char *s;
    apr_size_t len, piece;
} text_t;

static apr_status_t read_text(void *baton, char *data, apr_size_t *plen,
                              flow_error_t *err)
{
    text_t *t = baton;
    apr_size_t n = t->piece < *plen ? t->piece : *plen;

    (void)err;
    n = n < t->len ? n : t->len;
    memcpy(data, t->s, n);
    t->s += n;
    t->len -= n;
    *plen = n;
    return APR_SUCCESS;
}

static const char *pull(const flow_format_t *format, const char *text,
                        size_t len, size_t piece, const char *charset,
                        int is_gzip)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = flow_json_own(pool, json_array()), *record;
    text_t t = { text, len, piece };
    flow_source_t source = { read_text, &t };
    flow_records_t *records;
    apr_status_t rv = APR_SUCCESS;

    if (is_gzip) {
        rv = flow_source_gunzip(&source, pool, &err);
    }
    if (rv == APR_SUCCESS && charset) {
        rv = flow_source_decode(&source, charset, pool, &err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_records_open(&records, format, &source, pool, &err);
    }
    while (rv == APR_SUCCESS) {
        rv = flow_records_next(records, &record, &err);
        if (rv == APR_SUCCESS) {
            json_array_append_new(list, record);
        }
    }
    return apr_pstrcat(pool, flow_json_text(list, NULL, pool), err.message,
                       NULL);
}

static void charsets_are_converted_on_the_way(void **state)
{
    static const char *const charsets[] = { "win1252",  "utf-16le", "gb18030",
                                            "macroman", "iso88591", "shiftjis",
                                            "utf8" };
    static const char json[] = "[\"a\",{\"k\":\"%s\"}]";
    flow_format_t format = { FLOW_FORMAT_JSON };
    size_t i, piece;

    (void)state;
    for (i = 0; i < COUNT(charsets); ++i) {
        int is_japanese = strcmp(charsets[i], "shiftjis") == 0;
        const char *text = apr_psprintf(
            pool, json, is_japanese ? "\xe6\x97\xa5\xe6\x9c\xac" : "\xc3\xa4");
        flow_buf_t out;

        flow_buf_init(&out, 1000);
        assert_int_equal(flow_charset_write(&out, charsets[i], text,
                                            strlen(text), pool, NULL),
                         0);
        for (piece = 1; piece < 5; ++piece) {
            assert_string_equal(
                pull(&format, out.data, out.len, piece, charsets[i], 0), text);
        }
        flow_buf_release(&out);
    }
    assert_string_equal(
        pull(&format, "\xff\xfe[\0001\0]\0", 8, 3, "utf-16le", 0), "[1]");
    assert_string_equal(pull(&format, "[1,\"\x81\"]", 7, 2, "win1252", 0),
                        "[1]byte 5 of the text is not valid 'win1252'");
    assert_string_equal(pull(&format, "[\0001\0]", 5, 2, "utf-16le", 0),
                        "[]byte 5 of the text is not valid 'utf-16le'");
    assert_string_equal(pull(&format, "[]", 2, 2, "ebcdic", 0),
                        "[]unknown charset 'ebcdic'; UTF-8 is always right");
}

static void what_a_charset_lacks_is_refused(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_buf_t out;

    (void)state;
    flow_buf_init(&out, 1000);
    flow_buf_adds(&out, "x");
    assert_int_not_equal(
        flow_charset_write(&out, "iso88591", "a\nb\xe6\x97\xa5", 6, pool, &err),
        0);
    assert_string_equal(err.message,
                        "a character in line 2, byte 4, does not exist in "
                        "'iso88591'; utf8 has all");
    assert_int_equal(out.len, 1);
    flow_buf_release(&out);
}

static void gzip_is_unpacked_member_by_member(void **state)
{
    flow_format_t format = { FLOW_FORMAT_JSON };
    flow_buf_t out;
    apr_size_t piece, i;
    int is_wrong = 0;

    (void)state;
    flow_buf_init(&out, 1000);
    flow_gzip_write(&out, "[1,\n", 4);
    flow_gzip_write(&out, "", 0);
    assert_int_equal(flow_gzip_write(&out, "2]\n", 3), 0);
    for (piece = 1; piece < 100; piece += 7) {
        assert_string_equal(pull(&format, out.data, out.len, piece, "utf8", 1),
                            "[1,2]");
    }
    for (i = 1; i < out.len; ++i) {
        const char *seen = pull(&format, out.data, i, 1000, NULL, 1);

        is_wrong += strstr(seen, "invalid") == NULL;
    }
    assert_int_equal(is_wrong, 0);
    assert_non_null(strstr(pull(&format, "[1,2]", 5, 9, NULL, 1),
                           "invalid gzip data near byte"));
    assert_non_null(
        strstr(pull(&format, "", 0, 9, NULL, 1), "the file ends too early"));
    flow_buf_release(&out);
}

static void zip_members_are_read_one_by_one(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_zip_t *zip;
    flow_source_t source;
    const char *name = NULL;
    char text[100];
    apr_size_t len = sizeof(text);
    flow_buf_t out;
    FILE *f = tmpfile();

    (void)state;
    flow_buf_init(&out, 10000);
    assert_int_equal(flow_zip_write(&out, "o\xc3\xa4.json", "[1,2,3]", 7, &err),
                     0);
    fwrite(out.data, 1, out.len, f);
    fflush(f);
    assert_int_equal(flow_zip_open(&zip, fileno(f), pool, &err), 0);
    assert_int_equal(flow_zip_count(zip), 1);
    assert_int_equal(flow_zip_member(zip, 0, &source, &name, &err), 0);
    assert_string_equal(name, "o\xc3\xa4.json");
    assert_int_equal(source.read(source.baton, text, &len, &err), 0);
    assert_int_equal(len, 7);
    assert_memory_equal(text, "[1,2,3]", 7);
    fclose(f);

    f = tmpfile();
    fwrite(out.data, 1, out.len / 2, f);
    fflush(f);
    assert_int_not_equal(flow_zip_open(&zip, fileno(f), pool, &err), 0);
    assert_string_equal(err.code, "invalid_zip");
    fclose(f);
    flow_buf_release(&out);
}

static void what_stands_before_a_mistake_is_handed_out(void **state)
{
    flow_format_t format = { FLOW_FORMAT_JSON };

    (void)state;
    assert_string_equal(
        pull(&format, "[1,2,}                     ", 27, 100, NULL, 0),
        "[1,2]invalid JSON at line 1, byte 6: expected a "
        "value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_records_are_found_where_the_path_says),
        cmocka_unit_test(json_that_is_wrong_is_told_with_line_and_byte),
        cmocka_unit_test(a_json_record_is_bounded),
        cmocka_unit_test(xml_records_are_found_where_the_path_says),
        cmocka_unit_test(hostile_xml_is_refused),
        cmocka_unit_test(a_path_finds_the_same_in_a_tree),
        cmocka_unit_test(fixed_width_rows_become_records),
        cmocka_unit_test(a_layout_that_is_wrong_says_where),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(rows_of_equal_keys_are_one_record),
        cmocka_unit_test(marks_may_have_several_characters),
        cmocka_unit_test(charsets_are_converted_on_the_way),
        cmocka_unit_test(what_a_charset_lacks_is_refused),
        cmocka_unit_test(gzip_is_unpacked_member_by_member),
        cmocka_unit_test(zip_members_are_read_one_by_one),
        cmocka_unit_test(what_stands_before_a_mistake_is_handed_out),
    };

    apr_initialize();
    flow_json_global_init();
    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}
