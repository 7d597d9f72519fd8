/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's tests of the language: tests/data/handlebars, tests/data/
 * mustache. What we do not do their way is listed here, case by case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_template.h"

typedef struct exception_t {
    const char *file;
    const char *name;
    const char *reason;
} exception_t;

static const char a_helper[] = "first and last are helpers here, and a helper "
                               "without its arguments is refused";
static const char no_stack[] = "as in handlebars.js a name is looked up in the "
                               "context alone and not in those around it";

static const exception_t exceptions[] = {
    { "blocks", "blocks: works with cached blocks", a_helper },
    { "builtins", "builtin helpers - #with: with", a_helper },
    { "builtins", "builtin helpers - #with: with provides block parameter",
      a_helper },
    { "builtins", "builtin helpers - #with: works when data is disabled",
      a_helper },
    { "sections", "Parent contexts", no_stack },
    { "sections", "Variable test", no_stack },
    { "sections", "List Contexts", no_stack },
    { "sections", "Deeply Nested Contexts", no_stack },
};

/* --- running -------------------------------------------------------------- */

static json_t *load(const char *folder, const char *file, apr_pool_t *p)
{
    char *path = apr_psprintf(p, "tests/data/%s/%s.json", folder, file);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;
    apr_file_t *f;
    apr_finfo_t info;
    apr_size_t len;
    char *text;

    if (apr_file_open(&f, path, APR_READ, 0, p) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, f) != APR_SUCCESS)
        fail_msg("%s cannot be read", path);
    len = (apr_size_t)info.size;
    text = apr_palloc(p, len);
    assert_int_equal(apr_file_read_full(f, text, len, &len), APR_SUCCESS);
    apr_file_close(f);
    if (flow_json_parse(&v, text, len, &err) != APR_SUCCESS)
        fail_msg("%s: %s", path, err.message);
    return v;
}

static const char *exception_for(const char *file, const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); ++i) {
        if (strcmp(exceptions[i].file, file) == 0 &&
            strcmp(exceptions[i].name, name) == 0)
            return exceptions[i].reason;
    }
    return NULL;
}

/* NULL when it is as it should be. */
static const char *run(const json_t *one, apr_pool_t *p)
{
    flow_template_options_t options = { FLOW_ESCAPE_HTML };
    const char *expected = flow_json_member(one, "expected"), *text, *out;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_size_t len;

    options.allows_blank = 1;
    options.is_strict = flow_json_member_bool(one, "strict") == 1;
    if (flow_json_member_bool(one, "noEscape") == 1)
        options.escape = FLOW_ESCAPE_NONE;
    text = flow_json_string(json_object_get(one, "template"), &len);
    if (flow_template_try(text, len, &options, json_object_get(one, "data"),
                          &out, NULL, p, &err) != APR_SUCCESS)
        return expected ? apr_pstrdup(p, err.message) : NULL;
    if (!expected)
        return apr_pstrcat(p, "was not refused but gave ", out, NULL);
    return strcmp(out, expected) == 0 ? NULL : out;
}

static void run_file(const char *folder, const char *file, apr_pool_t *p)
{
    json_t *cases = load(folder, file, p);
    size_t i, passed = 0, excepted = 0;

    for (i = 0; i < json_array_size(cases); ++i) {
        const json_t *one = json_array_get(cases, i);
        const char *name = flow_json_member(one, "name");
        const char *wrong = run(one, p), *reason = exception_for(file, name);

        if (reason) {
            if (!wrong)
                fail_msg("%s, %s: is no exception any more", file, name);
            ++excepted;
            continue;
        }
        if (wrong) {
            fail_msg("%s, %s: %s gave %s, not %s", file, name,
                     flow_json_member(one, "template"), wrong,
                     flow_json_member(one, "expected"));
        }
        ++passed;
    }
    print_message("%s/%s: %d passed, %d excepted\n", folder, file, (int)passed,
                  (int)excepted);
    assert_true(passed > 0);
    json_decref(cases);
}

static void handlebars_own_cases_render_as_they_should(void **state)
{
    static const char *const files[] = {
        "basic",   "blocks",      "builtins", "data",
        "helpers", "regressions", "strict",   "whitespace-control",
    };
    size_t i;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); ++i)
        run_file("handlebars", files[i], *state);
}

static void mustache_s_cases_render_as_they_should(void **state)
{
    run_file("mustache", "interpolation", *state);
    run_file("mustache", "sections", *state);
    run_file("mustache", "inverted", *state);
    run_file("mustache", "comments", *state);
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
        cmocka_unit_test(handlebars_own_cases_render_as_they_should),
        cmocka_unit_test(mustache_s_cases_render_as_they_should),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
