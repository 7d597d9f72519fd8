/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that are wrong in files that are not: told and left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

typedef struct pieces_t {
    const char *text;
    size_t len, piece;
} pieces_t;

static apr_status_t give(void *baton, char *data, apr_size_t *plen,
                         flow_error_t *err)
{
    pieces_t *pieces = baton;
    size_t n = pieces->len < pieces->piece ? pieces->len : pieces->piece;

    (void)err;
    n = n < *plen ? n : *plen;
    memcpy(data, pieces->text, n);
    pieces->text += n;
    pieces->len -= n;
    *plen = n;
    return APR_SUCCESS;
}

/* One line for each record, "! why" for one that is wrong, "!! why" for the
 * end of it all. */
static const char *read_all(const flow_format_t *format, const char *text,
                            size_t len, size_t piece)
{
    pieces_t pieces = { text, len, piece };
    flow_source_t source = { give, &pieces };
    flow_records_t *records;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *out = "";
    json_t *record = NULL;
    apr_status_t rv;

    assert_int_equal(flow_records_open(&records, format, &source, pool, &err),
                     0);
    flow_records_tolerate(records);
    for (;;) {
        flow_error_t why = FLOW_ERROR_INIT;

        rv = flow_records_next(records, &record, &why);
        if (rv == APR_SUCCESS) {
            out = apr_pstrcat(pool, out, flow_json_text(record, NULL, pool),
                              "\n", NULL);
            json_decref(record);
        }
        else if (rv == FLOW_RECORD_BAD) {
            out = apr_pstrcat(pool, out, "! ", why.message, "\n", NULL);
        }
        else {
            return rv == APR_EOF
                       ? out
                       : apr_pstrcat(pool, out, "!! ", why.message, "\n", NULL);
        }
    }
}

typedef struct case_t {
    const char *text, *out;
} case_t;

static void check(const flow_format_t *format, const case_t *cases, size_t n)
{
    static const size_t sizes[] = { 1, 2, 3, 7, 8192 };
    size_t i, k;

    for (i = 0; i < n; ++i) {
        for (k = 0; k < COUNT(sizes); ++k) {
            const char *got = read_all(format, cases[i].text,
                                       strlen(cases[i].text), sizes[k]);

            if (strcmp(got, cases[i].out) != 0) {
                fail_msg("%s\n--- in pieces of %lu\n%s--- expected\n%s",
                         cases[i].text, (unsigned long)sizes[k], got,
                         cases[i].out);
            }
        }
    }
}

/* clang-format off */

static void a_bad_csv_row_does_not_hide_the_next(void **state)
{
    static const case_t cases[] = {
        { "a,b\n1,2\n3,4,5\n6,7\n", "{\"a\":\"1\",\"b\":\"2\"}\n! invalid CSV at line 3, byte 9: the row has 3 cells where the header has 2\n{\"a\":\"6\",\"b\":\"7\"}\n" },
        { "a,b\n1,2,3\n", "! invalid CSV at line 2, byte 5: the row has 3 cells where the header has 2\n" },
        { "a,b\n\"x\ny\",2,3\r\n4,5", "! invalid CSV at line 2, byte 5: the row has 3 cells where the header has 2\n{\"a\":\"4\",\"b\":\"5\"}\n" },
        { "a,b\n1,x\xffy\n2,\xc3\xa9\n\xc3,3\n", "! invalid CSV at line 2, byte 5: the row is not UTF-8 in column 'b', byte 8; set the encoding\n{\"a\":\"2\",\"b\":\"\xc3\xa9\"}\n! invalid CSV at line 4, byte 16: the row is not UTF-8 in column 'a', byte 16; set the encoding\n" },
        { "a,\xff\n1,2\n", "!! invalid CSV at line 1, byte 1: the header is not UTF-8 in column 2, byte 3; set the encoding\n" },
        { "a,b\n1,2\n3,\"4\n5,6\n", "{\"a\":\"1\",\"b\":\"2\"}\n!! invalid CSV at line 3, byte 9: a quoted cell that begins in this row is never closed\n" },
    };
    static const flow_format_t format = { FLOW_FORMAT_CSV };

    (void)state;
    check(&format, cases, COUNT(cases));
}

static void a_group_beside_a_bad_row_is_left_out(void **state)
{
    static const case_t cases[] = {
        { "k,v\na,1\na,2,3\na,4\nb,5\n", "! invalid CSV at line 3, byte 9: the row has 3 cells where the header has 2\n! the 2 rows with 'a' in column 'k' are left out, for a row among them or beside them is wrong\n[{\"k\":\"b\",\"v\":\"5\"}]\n" },
        { "k,v\na,1\nb,2,3\nc,4\nd,5\n", "! invalid CSV at line 3, byte 9: the row has 3 cells where the header has 2\n! the 1 rows with 'a' in column 'k' are left out, for a row among them or beside them is wrong\n! the 1 rows with 'c' in column 'k' are left out, for a row among them or beside them is wrong\n[{\"k\":\"d\",\"v\":\"5\"}]\n" },
    };
    static const char *const keys[] = { "k", NULL };
    flow_format_t format = { FLOW_FORMAT_CSV };

    (void)state;
    format.key_columns = keys;
    check(&format, cases, COUNT(cases));
}

static void a_bad_json_line_does_not_hide_the_next(void **state)
{
    static const case_t cases[] = {
        { "{\"a\":1}\n{\"a\":}\n{\"a\":3}\n", "{\"a\":1}\n! invalid JSON at line 2, byte 14: expected a value\n{\"a\":3}\n" },
        { "{\"a\":1}\n{\"a\":2\n{\"a\":3}\n", "{\"a\":1}\n! invalid JSON at line 2, byte 15: expected ',' or '}' in an object\n{\"a\":3}\n" },
        { "{\"a\":1}\nrubbish\n\n{\"a\":3}\n{\"a\":4} 5\n\"b\": 2\n7\n{\"a\":8}", "{\"a\":1}\n! invalid JSON at line 2, byte 9: expected a value\n{\"a\":3}\n! invalid JSON at line 5, byte 34: something follows the value on its line\n! invalid JSON at line 6, byte 39: something follows the value on its line\n! invalid JSON at line 7, byte 43: a line must be an object or an array\n{\"a\":8}\n" },
        { "{\"a\":1,}\n{\"a\":2}\n", "! invalid JSON at line 1, byte 8: expected a name in double quotes\n{\"a\":2}\n" },
        { "{\"a\":1}\n{\"a\":\"\xff\"}\n{\"a\":3}\n{\"a\":", "{\"a\":1}\n! invalid JSON at line 2, byte 15: bytes that are not valid UTF-8\n{\"a\":3}\n!! invalid JSON at line 4, byte 32: the text ends where a value is expected\n" },
        { "{\"a\":1}\n{\"a\":2", "{\"a\":1}\n!! invalid JSON at line 2, byte 15: expected ',' or '}' in an object\n" },
        /* one that is not made of lines */
        { "{\n \"a\": 1,\n \"b\": x\n}\n", "!! invalid JSON at line 3, byte 18: expected a value\n" },
        { "[{\"a\":1},\n{\"a\":}]", "{\"a\":1}\n!! invalid JSON at line 2, byte 16: expected a value\n" },
        { "{\"a\":1}\n]\n{\"a\":2}", "{\"a\":1}\n! invalid JSON at line 2, byte 9: expected a value\n{\"a\":2}\n" },
    };
    static const flow_format_t format = { FLOW_FORMAT_JSON };

    (void)state;
    check(&format, cases, COUNT(cases));
}

static void a_bad_fixed_width_row_takes_its_record_with_it(void **state)
{
    static const case_t cases[] = {
        { "Ha\nLx\nHb\nZz\nLy\nHc\nLz\n", "{\"t\":\"H\",\"n\":\"a\",\"lines\":[{\"t\":\"L\",\"m\":\"x\"}]}\n! invalid fixed-width row at line 4, byte 10: no rule of the file definition fits the row; the record that begins at line 3 is left out\n{\"t\":\"H\",\"n\":\"c\",\"lines\":[{\"t\":\"L\",\"m\":\"z\"}]}\n" },
        { "Haxx\nLx\nHb\n", "! invalid fixed-width row at line 1, byte 1: the row is longer than the 2 characters of its rule\n{\"t\":\"H\",\"n\":\"b\"}\n" },
        { "Ha\nLxxx\nHb\n", "! invalid fixed-width row at line 2, byte 4: the row is longer than the 2 characters of its rule; the record that begins at line 1 is left out\n{\"t\":\"H\",\"n\":\"b\"}\n" },
        { "Ha\n\xff\nHb\n", "! invalid fixed-width row at line 2, byte 4: the row is not UTF-8 at byte 4; set the encoding; the record that begins at line 1 is left out\n{\"t\":\"H\",\"n\":\"b\"}\n" },
    };
    flow_format_t format = { FLOW_FORMAT_LAYOUT };
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text =
        "{\"rules\":[{\"name\":\"h\",\"elements\":[{\"name\":\"t\",\"size\":1,\"value\":\"H\"},{\"name\":\"n\",\"size\":1}],"
        "\"children\":[{\"name\":\"lines\",\"elements\":[{\"name\":\"t\",\"size\":1,\"value\":\"L\"},{\"name\":\"m\",\"size\":1}]}]}]}";
    json_t *doc = NULL;

    (void)state;
    assert_int_equal(flow_json_parse(&doc, text, strlen(text), &err), 0);
    format.layout = flow_layout_compile(doc, pool, &err);
    assert_non_null(format.layout);
    check(&format, cases, COUNT(cases));
    json_decref(doc);
}

/* clang-format on */

/* Too many cells, and a cell that is too long, end with their row. */
static void a_csv_row_without_measure_is_left_out(void **state)
{
    static const flow_format_t format = { FLOW_FORMAT_CSV };
    size_t n = 1100 * 1000;
    char *text = apr_palloc(pool, n + 64), *at = text;
    const char *got;

    (void)state;
    memcpy(at, "a\n1\n", 4);
    at += 4;
    memset(at, ',', 20000);
    at += 20000;
    memcpy(at, "\n2\n", 3);
    at += 3;
    got = read_all(&format, text, (size_t)(at - text), 8192);
    assert_string_equal(got, "{\"a\":\"1\"}\n! invalid CSV at line 3, byte 5: "
                             "the row has more than 10000 cells\n"
                             "{\"a\":\"2\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bad_csv_row_does_not_hide_the_next,
                                        make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(a_group_beside_a_bad_row_is_left_out,
                                        make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(a_bad_json_line_does_not_hide_the_next,
                                        make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(
            a_bad_fixed_width_row_takes_its_record_with_it, make_pool,
            drop_pool),
        cmocka_unit_test_setup_teardown(a_csv_row_without_measure_is_left_out,
                                        make_pool, drop_pool),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
