/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_time.h>

#include "data/flow_json.h"

/* Programs run at the top of the tree. */
#define SUITE "tests/data/json/"

/* Exceptions: none. The suite's RFC 8259 is ours. */

static char *read_file(const char *name, size_t *plen)
{
    char path[512];
    char *text;
    FILE *f;
    long len;

    snprintf(path, sizeof(path), SUITE "%s", name);
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    len = ftell(f);
    rewind(f);
    /* as long as the file, so that a read past its end is seen */
    text = malloc(len ? (size_t)len : 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)len, f), len);
    fclose(f);
    *plen = (size_t)len;
    return text;
}

/* Returns how many files there were. */
static int run_all(char kind, int is_accepted)
{
    struct dirent *entry;
    DIR *dir = opendir(SUITE);
    int n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *v = NULL;
        size_t len;
        char *text;

        if (entry->d_name[0] != kind || entry->d_name[1] != '_') {
            continue;
        }
        text = read_file(entry->d_name, &len);
        if ((flow_json_parse(&v, text, len, &err) == APR_SUCCESS) !=
            is_accepted) {
            fail_msg("%s: %s", entry->d_name,
                     is_accepted ? err.message : "was accepted");
        }
        if (!is_accepted) {
            assert_null(v);
            assert_string_equal(err.code, "invalid_json");
            assert_int_equal(err.kind, FLOW_E_INPUT);
        }
        json_decref(v);
        free(text);
        ++n;
    }
    closedir(dir);
    return n;
}

static void what_the_rfc_allows_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(run_all('y', 1), 95);
}

static void what_the_rfc_forbids_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run_all('n', 0), 186);
}

static void what_was_accepted_reads_the_same_when_written(void **state)
{
    struct dirent *entry;
    DIR *dir = opendir(SUITE);

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        json_t *v = NULL, *again = NULL;
        flow_buf_t b;
        size_t len;
        char *text;

        if (entry->d_name[0] != 'y' || entry->d_name[1] != '_') {
            continue;
        }
        text = read_file(entry->d_name, &len);
        flow_buf_init(&b, 1 << 20);
        assert_int_equal(flow_json_parse(&v, text, len, NULL), APR_SUCCESS);
        assert_int_equal(flow_json_write(&b, v, FLOW_JSON_INDENT), APR_SUCCESS);
        assert_int_equal(flow_json_parse(&again, b.data, b.len, NULL),
                         APR_SUCCESS);
        if (!flow_json_equal(v, again)) {
            fail_msg("%s became %s", entry->d_name, b.data);
        }
        flow_buf_release(&b);
        json_decref(v);
        json_decref(again);
        free(text);
    }
    closedir(dir);
}

static void endless_opening_is_refused_at_once(void **state)
{
    static const char *const pieces[] = { "[", "[{\"\":" };
    size_t i, k;

    (void)state;
    for (i = 0; i < 2; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        size_t piece = strlen(pieces[i]);
        size_t len = piece * 1000000;
        char *text = malloc(len);
        apr_time_t start;
        json_t *v = NULL;

        assert_non_null(text);
        for (k = 0; k < 1000000; ++k) {
            memcpy(text + k * piece, pieces[i], piece);
        }
        start = apr_time_now();
        assert_int_not_equal(flow_json_parse(&v, text, len, &err), APR_SUCCESS);
        assert_true(apr_time_now() - start < apr_time_from_msec(500));
        assert_null(v);
        assert_non_null(strstr(err.message, "nested too deeply"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rfc_allows_is_accepted),
        cmocka_unit_test(what_the_rfc_forbids_is_refused),
        cmocka_unit_test(what_was_accepted_reads_the_same_when_written),
        cmocka_unit_test(endless_opening_is_refused_at_once),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
