/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_seal.h"

static apr_pool_t *p;
static char dir[] = "/tmp/flow-seal-XXXXXX";
static flow_error_t err;

static int group_setup(void **state)
{
    (void)state;
    apr_initialize();
    apr_pool_create(&p, NULL);
    return mkdtemp(dir) ? 0 : -1;
}

static const char *path_of(const char *name)
{
    return apr_pstrcat(p, dir, "/", name, NULL);
}

static int group_teardown(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a", "b", "c", "d", "e", "new", "bad"
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        unlink(path_of(names[i]));
    }
    rmdir(dir);
    apr_pool_destroy(p);
    return 0;
}

static const char *write_file(const char *name, const char *text, int mode)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, (mode_t)mode);
    return path;
}

static flow_seal_t *open_file(const char *path, int create)
{
    flow_seal_t *seal = NULL;

    flow_error_clear(&err);
    flow_seal_open_file(&seal, path, create, -1, -1, p, &err);
    return seal;
}

#define KEY_A                                                                  \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define KEY_B                                                                  \
    "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1E1F\r\n"

static void a_text_comes_back(void **state)
{
    static const char *const texts[] = { "", "x", "a longer text \xc3\xa4" };
    flow_seal_t *seal = open_file(write_file("a", KEY_A, 0600), 0);
    char *sealed, *again, *text;
    size_t i;

    (void)state;
    assert_non_null(seal);
    for (i = 0; i < 3; ++i) {
        assert_int_equal(
            flow_seal(seal, "credential c", texts[i], &sealed, p, &err), 0);
        assert_int_equal(
            flow_seal(seal, "credential c", texts[i], &again, p, &err), 0);
        assert_string_not_equal(sealed, again); /* nonces are random */
        assert_int_equal(
            flow_unseal(seal, "credential c", sealed, &text, p, &err), 0);
        assert_string_equal(text, texts[i]);
    }
}

static void what_was_changed_or_moved_does_not_open(void **state)
{
    flow_seal_t *seal = open_file(write_file("b", KEY_A, 0600), 0);
    char *sealed, *text = NULL, *copy;
    size_t i;

    (void)state;
    assert_int_equal(flow_seal(seal, "credential c", "value", &sealed, p, &err),
                     0);
    assert_int_not_equal(
        flow_unseal(seal, "credential d", sealed, &text, p, &err), 0);
    assert_string_equal(err.code, "seal_broken");
    for (i = 0; sealed[i]; ++i) {
        copy = apr_pstrdup(p, sealed);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(
            flow_unseal(seal, "credential c", copy, &text, p, &err), 0);
        copy[i] = '\0';
        assert_int_not_equal(
            flow_unseal(seal, "credential c", copy, &text, p, &err), 0);
    }
    assert_null(text);
}

static void the_first_key_seals_and_all_open(void **state)
{
    flow_seal_t *old = open_file(write_file("c", KEY_A, 0600), 0);
    flow_seal_t *both =
        open_file(write_file("d", "# new\n\n" KEY_B KEY_A, 0600), 0);
    flow_seal_t *fresh = open_file(write_file("e", KEY_B, 0640), 0);
    char *sealed, *text;

    (void)state;
    assert_non_null(both);
    assert_non_null(fresh);
    assert_string_equal(flow_seal_key_id(both), flow_seal_key_id(fresh));
    assert_string_not_equal(flow_seal_key_id(both), flow_seal_key_id(old));
    assert_int_equal(flow_seal(old, "x", "value", &sealed, p, &err), 0);
    assert_int_equal(flow_unseal(both, "x", sealed, &text, p, &err), 0);
    assert_string_equal(text, "value");
    assert_int_not_equal(flow_unseal(fresh, "x", sealed, &text, p, &err), 0);
    assert_string_equal(err.code, "seal_key");
    assert_non_null(strstr(err.message, flow_seal_key_id(old)));
}

static void a_file_is_made_once_and_for_one_user(void **state)
{
    const char *path = path_of("new");
    flow_seal_t *one = open_file(path, 1), *two = open_file(path, 1);
    struct stat info;

    (void)state;
    assert_non_null(one);
    assert_non_null(two);
    assert_string_equal(flow_seal_key_id(one), flow_seal_key_id(two));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_nlink, 1);
}

static void a_bad_key_file_says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *says;
        int mode;
    } cases[] = {
        { "", "has no key in it", 0600 },
        { "# nothing\n", "has no key in it", 0600 },
        { KEY_A "abc\n", "line 2 is no key; a key is 64 hexadecimal digits",
          0600 },
        { "0" KEY_A, "line 1 is no key", 0600 },
        { KEY_A, "may be used by everybody; chmod 600 it", 0604 },
        { KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A
              KEY_A KEY_A KEY_A KEY_A KEY_A KEY_A,
          "has more than 16 keys", 0600 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_null(
            open_file(write_file("bad", cases[i].text, cases[i].mode), 0));
        assert_int_equal(err.kind, FLOW_E_CONFIG);
        if (!strstr(err.message, cases[i].says)) {
            fail_msg("%s\n%s", cases[i].says, err.message);
        }
        assert_null(strstr(err.message, "0102"));
    }
    assert_null(open_file(path_of("missing"), 0));
    assert_non_null(strstr(err.message, "cannot be opened"));
    assert_null(open_file(dir, 0));
    assert_non_null(strstr(err.message, "is no file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_comes_back),
        cmocka_unit_test(what_was_changed_or_moved_does_not_open),
        cmocka_unit_test(the_first_key_seals_and_all_open),
        cmocka_unit_test(a_file_is_made_once_and_for_one_user),
        cmocka_unit_test(a_bad_key_file_says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
