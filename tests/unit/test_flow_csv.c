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

/* --- reading ---------------------------------------------------------------*/

static apr_status_t collect(void *baton, json_t *row, flow_error_t *err)
{
    (void)err;
    json_array_append_new(baton, row);
    return APR_SUCCESS;
}

/* The rows as JSON, or the message; fed in pieces of @a piece bytes. */
static const char *read_pieces(const char *csv, size_t len, size_t piece,
                               const flow_csv_options_t *options)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_csv_reader_t *reader;
    json_t *rows = flow_json_own(pool, json_array());
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    assert_int_equal(
        flow_csv_reader_create(&reader, options, collect, rows, pool, NULL),
        APR_SUCCESS);
    for (i = 0; i < len && rv == APR_SUCCESS; i += piece) {
        rv = flow_csv_reader_feed(reader, csv + i,
                                  len - i < piece ? len - i : piece, &err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_csv_reader_finish(reader, &err);
    }
    if (rv != APR_SUCCESS) {
        assert_int_equal(err.kind, FLOW_E_INPUT);
        assert_string_equal(err.code, "invalid_csv");
        /* it stays failed */
        assert_int_equal(flow_csv_reader_feed(reader, "x", 1, NULL), rv);
        return apr_pstrdup(pool, err.message);
    }
    return flow_json_text(rows, NULL, pool);
}

static const char *read_csv(const char *csv, const flow_csv_options_t *options)
{
    const char *whole = read_pieces(csv, strlen(csv), 1 << 20, options);

    assert_string_equal(read_pieces(csv, strlen(csv), 1, options), whole);
    assert_string_equal(read_pieces(csv, strlen(csv), 3, options), whole);
    return whole;
}

static void rows_become_objects(void **state)
{
    /* clang-format off */
    static const struct { const char *csv, *json; } cases[] = {
        { "", "[]" }, { "a,b\n", "[]" }, { "\n\n", "[]" },
        { "a,b\n1,2", "[{\"a\":\"1\",\"b\":\"2\"}]" },
        { "a,b\r\n1,2\r\n\r\n3,4\r\n",
          "[{\"a\":\"1\",\"b\":\"2\"},{\"a\":\"3\",\"b\":\"4\"}]" },
        { "a,b\r1,2\r", "[{\"a\":\"1\",\"b\":\"2\"}]" },
        { "\xef\xbb\xbf\"a\",b\n1,2\n", "[{\"a\":\"1\",\"b\":\"2\"}]" },
        { "\xef\xbb,b\n1,2\n",
          "invalid CSV at line 1, byte 1: the header is not UTF-8 in column "
          "1, byte 1; set the encoding" },
        { "\xef\xbb",
          "invalid CSV at line 1, byte 1: the header is not UTF-8 in column "
          "1, byte 1; set the encoding" },
        { "a\n\"x\"\"y\"\"\"\n\"\"\n", "[{\"a\":\"x\\\"y\\\"\"},{\"a\":\"\"}]" },
        { "a,b\n\"1\n2\r\n3\",\"x,y\"\n",
          "[{\"a\":\"1\\n2\\r\\n3\",\"b\":\"x,y\"}]" },
        { "a,b,c\n1\n,\n", "[{\"a\":\"1\"},{\"a\":\"\",\"b\":\"\"}]" },
        { " a , b\n 1 , 2 \n", "[{\"a\":\" 1 \",\"b\":\" 2 \"}]" },
        { "a,,a,a,a_2,\n1,2,3,4,5,6\n",
          "[{\"a\":\"1\",\"Column2\":\"2\",\"a_2\":\"3\",\"a_3\":\"4\","
          "\"a_2_2\":\"5\",\"Column6\":\"6\"}]" },
        { "a\n5\" pipe\n", "[{\"a\":\"5\\\" pipe\"}]" },
        { "a\nb\xff\xe9\n",
          "invalid CSV at line 2, byte 3: the row is not UTF-8 in column 'a', "
          "byte 4; set the encoding" },
        { "n\n19.90\n", "[{\"n\":\"19.90\"}]" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(read_csv(cases[i].csv, NULL), cases[i].json);
    }
}

static void options_change_how_rows_are_read(void **state)
{
    flow_csv_options_t semicolon = { .delimiter = ";" };
    flow_csv_options_t tab = { .delimiter = "\t", .trim_spaces = 1 };
    flow_csv_options_t bare = { .no_header = 1 };
    flow_csv_options_t skip = { .rows_to_skip = 2, .trim_spaces = 1 };

    (void)state;
    assert_string_equal(read_csv("a;b\n1,5;2\n", &semicolon),
                        "[{\"a\":\"1,5\",\"b\":\"2\"}]");
    assert_string_equal(read_csv("a\tb\n 1 \t \" 2 \" \n\t2\n", &tab),
                        "[{\"a\":\"1\",\"b\":\" 2 \"},"
                        "{\"a\":\"\",\"b\":\"2\"}]");
    assert_string_equal(read_csv("1\n2,3\n", &bare),
                        "[{\"Column1\":\"1\"},"
                        "{\"Column1\":\"2\",\"Column2\":\"3\"}]");
    assert_string_equal(
        read_csv("Report \"of\r\n\r\na,b\r\n 1 , 2 \r\n", &skip),
        "[{\"a\":\"1\",\"b\":\"2\"}]");
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    /* clang-format off */
    static const struct { const char *csv, *message; } cases[] = {
        { "a,b\n1,2\n1,2,3\n", "invalid CSV at line 3, byte 9: the row has 3 "
          "cells where the header has 2" },
        { "a,b\r\n\"1\r\n\r\n\",2\r\n\r\n1,2,3", "invalid CSV at line 6, "
          "byte 19: the row has 3 cells where the header has 2" },
        { "a\r1\n2\r3,4\n", "invalid CSV at line 4, byte 7: the row has 2 "
          "cells where the header has 1" },
        { "a\n\n\"x\ny\nz", "invalid CSV at line 3, byte 4: a quoted cell that "
          "begins in this row is never closed" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(read_csv(cases[i].csv, NULL), cases[i].message);
    }
}

static void cells_and_rows_are_bounded(void **state)
{
    size_t len = 7 * 1024 * 1024;
    char *csv = malloc(len);
    size_t i;

    (void)state;
    assert_non_null(csv);
    memset(csv, 'x', len);
    memcpy(csv, "a\n\"", 3);
    assert_string_equal(
        read_pieces(csv, len, 100000, NULL),
        "invalid CSV at line 2, byte 3: a cell is longer than 1 MB");
    memset(csv, ',', len);
    assert_string_equal(
        read_pieces(csv, len, len, NULL),
        "invalid CSV at line 1, byte 1: the row has more than 10000 cells");
    memset(csv, 'x', len);
    for (i = 0; i < len; i += 1000000) {
        csv[i] = ',';
    }
    assert_string_equal(
        read_pieces(csv, len, len, NULL),
        "invalid CSV at line 1, byte 1: the row is longer than 5 MB");
    free(csv);
}

static apr_status_t refuse(void *baton, json_t *row, flow_error_t *err)
{
    json_decref(row);
    return ++*(int *)baton < 2
               ? APR_SUCCESS
               : flow_error_set(err, FLOW_E_SCRIPT, APR_EGENERAL, "enough",
                                "enough");
}

static void a_callback_that_fails_stops_the_reader(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_csv_reader_t *reader;
    int calls = 0;

    (void)state;
    flow_csv_reader_create(&reader, NULL, refuse, &calls, pool, NULL);
    assert_int_not_equal(
        flow_csv_reader_feed(reader, "a\n1\n2\n3\n4\n", 10, &err), 0);
    assert_int_equal(calls, 2);
    assert_string_equal(err.code, "enough");
    assert_int_not_equal(flow_csv_reader_finish(reader, NULL), 0);
    assert_int_equal(calls, 2);
}

static void a_senseless_delimiter_is_refused(void **state)
{
    static const char *const bad[] = { "\"", "\n",   "\r",
                                       "",   "a\nb", "12345678901234567" };
    flow_csv_reader_t *reader;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); ++i) {
        flow_csv_options_t options = { .delimiter = bad[i] };
        flow_error_t err = FLOW_ERROR_INIT;

        assert_int_not_equal(flow_csv_reader_create(&reader, &options, collect,
                                                    NULL, pool, &err),
                             0);
        assert_string_equal(err.code, "csv_delimiter");
    }
}

/* --- csv-spectrum ----------------------------------------------------------*/

static char *read_file(const char *name, const char *ext, apr_size_t *plen)
{
    const char *path = apr_pstrcat(pool, "tests/data/csv/", name, ext, NULL);
    char *text = apr_palloc(pool, 65536);
    FILE *f = fopen(path, "rb");

    if (!f) {
        fail_msg("%s is missing", path);
    }
    *plen = fread(text, 1, 65536, f);
    fclose(f);
    return text;
}

static void the_spectrum_reads_as_it_should(void **state)
{
    static const char *const names[] = {
        "comma_in_quotes", "empty",         "empty_crlf",
        "escaped_quotes",  "json",          "location_coordinates",
        "newlines",        "newlines_crlf", "quotes_and_newlines",
        "simple",          "simple_crlf",   "utf8",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); ++i) {
        apr_size_t csv_len, json_len;
        char *csv = read_file(names[i], ".csv", &csv_len);
        const char *json = read_file(names[i], ".json", &json_len);
        json_t *rows = NULL, *expected = NULL;

        /* location_coordinates is Latin-1, in both files alike */
        json = flow_utf8_repair(json, json_len, &json_len, pool);
        assert_int_equal(flow_json_parse(&expected, json, json_len, NULL), 0);
        assert_int_equal(flow_body_parse(&rows, FLOW_MEDIA_CSV, "text/csv", csv,
                                         csv_len, pool, NULL),
                         0);
        if (json_is_object(expected)) {
            json_t *list = json_array();

            json_array_append_new(list, expected);
            expected = list;
        }
        if (strcmp(names[i], "location_coordinates") == 0) {
            /* the two files hold different telephone numbers */
            json_object_del(json_array_get(expected, 0),
                            "Contact Phone Number");
            json_object_del(json_array_get(rows, 0), "Contact Phone Number");
        }
        if (!flow_json_equal(rows, expected)) {
            fail_msg("%s: %s", names[i], flow_json_text(rows, NULL, pool));
        }
        json_decref(rows);
        json_decref(expected);
    }
}

/* --- writing ---------------------------------------------------------------*/

static const char *write_csv(const char *json,
                             const flow_csv_options_t *options)
{
    json_t *v = NULL, *columns;
    flow_buf_t out;
    size_t i;

    assert_int_equal(flow_json_parse(&v, json, strlen(json), NULL), 0);
    flow_json_own(pool, v);
    columns = json_array_get(v, 0);
    flow_buf_init(&out, 10000);
    flow_csv_write_header(&out, options, columns, pool);
    for (i = 1; i < json_array_size(v); ++i) {
        assert_int_equal(flow_csv_write_row(&out, options, columns,
                                            json_array_get(v, i), pool),
                         APR_SUCCESS);
    }
    return flow_buf_steal(&out, NULL, pool);
}

static void cells_are_quoted_when_they_must_be(void **state)
{
    flow_csv_options_t all = { .wrap_with_quotes = 1, .row_delimiter = "\r\n" };
    flow_csv_options_t bare = { .no_header_out = 1, .delimiter = ";" };

    (void)state;
    assert_string_equal(
        write_csv("[[\"a\",\"b,c\"],{\"a\":\"x\\\"y\",\"b,c\":19.90},"
                  "{\"a\":\"1\\n2\",\"b,c\":null},{\"b,c\":true},"
                  "{\"a\":\" s\",\"b,c\":[1,2],\"more\":0},"
                  "{\"a\":{\"k\":1}}]",
                  NULL),
        "a,\"b,c\"\n\"x\"\"y\",19.90\n\"1\n2\",\n,true\n\" s\",\"1,2\"\n"
        "\"{\"\"k\"\":1}\",\n");
    assert_string_equal(write_csv("[[\"a\",\"b\"],{\"a\":1}]", &all),
                        "\"a\",\"b\"\r\n\"1\",\"\"\r\n");
    assert_string_equal(
        write_csv("[[\"a\",\"b\"],{\"a\":\"1,5\",\"b\":\"x;y\"}]", &bare),
        "1,5;\"x;y\"\n");
    /* an empty line would be skipped by readers */
    assert_string_equal(write_csv("[[\"a\"],{},{\"a\":\"x\"}]", NULL),
                        "a\n\"\"\nx\n");
}

static void what_was_written_reads_the_same(void **state)
{
    static const char json[] =
        "[{\"a\":\"1\",\"b\":\"x\\ny\"},{\"b\":\"\\\"q\\\"\",\"c\":\"\"},"
        "{\"a\":\" s \",\"b\":\",\",\"c\":\"\xc3\xa9\"}]";
    json_t *v = NULL, *back = NULL;
    flow_buf_t out;

    (void)state;
    assert_int_equal(flow_json_parse(&v, json, strlen(json), NULL), 0);
    flow_buf_init(&out, 1000);
    assert_int_equal(flow_body_write(&out, FLOW_MEDIA_CSV, v, pool, NULL), 0);
    assert_int_equal(flow_body_parse(&back, FLOW_MEDIA_CSV, NULL, out.data,
                                     out.len, pool, NULL),
                     0);
    /* what a record lacks is an empty cell */
    assert_string_equal(flow_json_text(back, NULL, pool),
                        "[{\"a\":\"1\",\"b\":\"x\\ny\",\"c\":\"\"},"
                        "{\"a\":\"\",\"b\":\"\\\"q\\\"\",\"c\":\"\"},"
                        "{\"a\":\" s \",\"b\":\",\",\"c\":\"\xc3\xa9\"}]");
    json_decref(v);
    json_decref(back);
    flow_buf_release(&out);
}

static void only_objects_are_rows(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;
    flow_buf_t out;

    (void)state;
    flow_buf_init(&out, 1000);
    assert_int_equal(flow_json_parse(&v, "[{\"a\":1},2]", 11, NULL), 0);
    assert_int_not_equal(flow_body_write(&out, FLOW_MEDIA_CSV, v, pool, &err),
                         0);
    assert_string_equal(err.message,
                        "CSV is written from objects; element 1 is number");
    json_decref(v);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(rows_become_objects),
        TEST(options_change_how_rows_are_read),
        TEST(what_is_wrong_is_said_with_its_line),
        TEST(cells_and_rows_are_bounded),
        TEST(a_callback_that_fails_stops_the_reader),
        TEST(a_senseless_delimiter_is_refused),
        TEST(the_spectrum_reads_as_it_should),
        TEST(cells_are_quoted_when_they_must_be),
        TEST(what_was_written_reads_the_same),
        TEST(only_objects_are_rows),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_text_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
