/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compliance suite of JSONPath (RFC 9535) for the forms that we have:
 * tests/data/jsonpath. A selector with anything else must be refused when it
 * is compiled. What we do otherwise is listed case by case.
 */
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
#include "data/flow_path.h"

#define SUITE_MAX      (1024 * 1024)

#define EXCEPTIONS_MAX 300

/* Lines of "name<TAB>reason" of tests/data/jsonpath/EXCEPTIONS. */
static char exceptions[65536];
static const char *names[EXCEPTIONS_MAX];
static int is_seen[EXCEPTIONS_MAX];
static int n_names;

static void load_exceptions(void)
{
    FILE *f = fopen("tests/data/jsonpath/EXCEPTIONS", "rb");
    char *line, *last, *tab;
    size_t len;

    assert_non_null(f);
    len = fread(exceptions, 1, sizeof(exceptions) - 1, f);
    fclose(f);
    assert_true(len < sizeof(exceptions) - 1);
    for (line = apr_strtok(exceptions, "\n", &last); line;
         line = apr_strtok(NULL, "\n", &last)) {
        tab = strchr(line, '\t');
        assert_true(tab && tab[1] && n_names < EXCEPTIONS_MAX);
        *tab = '\0';
        names[n_names++] = line;
    }
}

static int is_excepted(const char *name)
{
    int i;

    for (i = 0; i < n_names; ++i) {
        if (strcmp(names[i], name) == 0) {
            is_seen[i] = 1;
            return 1;
        }
    }
    return 0;
}

/* Outside of quotes: descent, filters, slices, unions, negative indexes. */
static int has_other_forms(const char *s)
{
    char quote = 0;

    for (; *s; ++s) {
        if (quote) {
            s += *s == '\\' && s[1];
            quote = *s == quote ? 0 : quote;
        }
        else if (*s == '"' || *s == '\'') {
            quote = *s;
        }
        else if (strchr("?:,", *s) || strncmp(s, "..", 2) == 0 ||
                 strncmp(s, "[-", 2) == 0) {
            return 1;
        }
    }
    return 0;
}

/* What we find, as the list that the suite speaks of; new. */
static json_t *find(const flow_path_t *path, const json_t *document)
{
    json_t *found = flow_path_get(path, document), *list;

    if (found && flow_path_is_multi(path)) {
        return found;
    }
    list = json_array();
    if (found) {
        json_array_append_new(list, found);
    }
    return list;
}

static int is_one_of(const json_t *found, const json_t *test)
{
    const json_t *results = json_object_get(test, "results");
    size_t i;

    if (!results) {
        return flow_json_equal(found, json_object_get(test, "result"));
    }
    for (i = 0; i < json_array_size(results); ++i) {
        if (flow_json_equal(found, json_array_get(results, i))) {
            return 1;
        }
    }
    return 0;
}

/* NULL: as the suite wants it. */
static const char *check(const json_t *test, apr_pool_t *p)
{
    const char *selector = flow_json_member(test, "selector");
    int is_invalid = flow_json_member_bool(test, "invalid_selector") == 1;
    flow_path_t *path = NULL;
    json_t *found;
    const char *why = NULL;

    if (flow_path_compile(&path, selector, p, NULL) != APR_SUCCESS) {
        return is_invalid || has_other_forms(selector) ? NULL : "refused";
    }
    if (is_invalid) {
        return "accepted";
    }
    if (has_other_forms(selector)) {
        return "accepted though it has forms that we have not";
    }
    found = find(path, json_object_get(test, "document"));
    if (!is_one_of(found, test)) {
        why = apr_psprintf(p, "found %s", flow_json_text(found, NULL, p));
    }
    json_decref(found);
    return why;
}

static void the_suite_passes(void **state)
{
    static char text[SUITE_MAX];
    FILE *f = fopen("tests/data/jsonpath/cts.json", "rb");
    const json_t *tests;
    json_t *suite = NULL;
    int wrong = 0, done = 0, k;
    apr_pool_t *p;
    size_t i, len;

    (void)state;
    load_exceptions();
    assert_non_null(f);
    len = fread(text, 1, sizeof(text), f);
    fclose(f);
    apr_pool_create(&p, NULL);
    assert_int_equal(flow_json_parse(&suite, text, len, NULL), 0);
    tests = json_object_get(suite, "tests");
    for (i = 0; i < json_array_size(tests); ++i) {
        const json_t *test = json_array_get(tests, i);
        const char *name = flow_json_member(test, "name");
        const char *why = check(test, p);

        ++done;
        if ((why != NULL) != is_excepted(name)) {
            fprintf(stderr, "%s (%s): %s\n", name,
                    flow_json_member(test, "selector"),
                    why ? why : "is an exception and passes");
            ++wrong;
        }
    }
    for (k = 0; k < n_names; ++k) {
        if (!is_seen[k]) {
            fprintf(stderr, "no such case: %s\n", names[k]);
            ++wrong;
        }
    }
    json_decref(suite);
    apr_pool_destroy(p);
    assert_int_equal(done, 703);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_passes),
    };

    apr_initialize();
    flow_json_global_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
