/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes time: a program of its own, since others run under valgrind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_template.h"

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return v;
}

static flow_template_t *compile(const char *text, flow_escape_e escape,
                                apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_template_t *tpl = NULL;

    if (flow_template_compile(&tpl, text, strlen(text), escape, p, &err) !=
        APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return tpl;
}

/* text * n, for templates that are too much. */
static const char *times(const char *text, int n, apr_pool_t *p)
{
    char *all = apr_palloc(p, strlen(text) * (apr_size_t)n + 1);
    int i;

    all[0] = '\0';
    for (i = 0; i < n; ++i)
        memcpy(all + strlen(text) * (apr_size_t)i, text, strlen(text) + 1);
    return all;
}

static const char *refusal(const char *text, const char *record, apr_pool_t *p)
{
    flow_template_options_t options = { FLOW_ESCAPE_NONE };
    static flow_error_t err;
    json_t *context = parse(record);
    const char *out;
    apr_status_t rv;

    memset(&err, 0, sizeof(err));
    rv = flow_template_try(text, strlen(text), &options, context, &out, NULL, p,
                           &err);
    json_decref(context);
    return rv == APR_SUCCESS ? "fine" : err.message;
}

static void everything_has_a_bound(void **state)
{
    apr_pool_t *p = *state;
    const char *list =
        apr_pstrcat(p, "{\"l\":[", times("1,", 99, p), "1]}", NULL);

    assert_string_equal(refusal(apr_pstrcat(p, times("{{#if 1}}", 128, p),
                                            times("{{/if}}", 128, p), NULL),
                                "{}", p),
                        "fine");
    assert_string_equal(
        refusal(apr_pstrcat(p, times("{{#if 1}}", 129, p),
                            times("{{/if}}", 129, p), NULL),
                "{}", p),
        "template line 1, column 1153: blocks and calls are nested more than "
        "128 deep");
    assert_non_null(
        strstr(refusal(apr_pstrcat(p, "{{add ", times("(add ", 200, p), "1",
                                   times(")", 200, p), "}}", NULL),
                       "{}", p),
               "nested more than 128 deep"));
    assert_non_null(strstr(
        refusal(apr_pstrcat(p, "{{#if 1}}", times("{{else if 1}}", 200, p),
                            "{{/if}}", NULL),
                "{}", p),
        "nested more than 128 deep"));
    assert_non_null(
        strstr(refusal(apr_pstrcat(p, "{{add", times(" 1", 65, p), "}}", NULL),
                       "{}", p),
               "more than 64 arguments"));
    /* 100 to the power of 5 */
    assert_string_equal(
        refusal(apr_pstrcat(p, times("{{#each @root.l}}", 5, p),
                            times("{{/each}}", 5, p), NULL),
                list, p),
        "the template takes more than 20 million steps; let it do less");
    assert_string_equal(
        refusal(times("{{#if (padLeft \"x\" 999999)}}{{/if}}", 70, p), "{}", p),
        "the template holds more than 64 MB of intermediate values; let it do "
        "less");
    /* what a round of a loop held is given back */
    assert_string_equal(
        refusal("{{#each l}}{{#if (padLeft \"x\" 999999)}}{{/if}}{{/each}}",
                list, p),
        "fine");
}

static void many_rows_render_in_no_time(void **state)
{
    static const char text[] =
        "{{#each rows}}<li class=\"{{#if ok}}on{{else}}off{{/if}}\">"
        "{{uppercase name}} {{price}} {{@index}}</li>\n{{/each}}";
    flow_template_t *tpl = compile(text, FLOW_ESCAPE_HTML, *state);
    json_t *rows = json_array(), *context = json_object();
    flow_error_t err = FLOW_ERROR_INIT;
    apr_time_t start, best = APR_TIME_C(1000000000);
    flow_buf_t out;
    int i;

    for (i = 0; i < 100; ++i) {
        json_array_append_new(
            rows, parse("{\"ok\":true,\"name\":\"Ann <b>\",\"price\":19.90}"));
    }
    json_object_set_new(context, "rows", rows);
    flow_buf_init(&out, 100000);
    for (i = 0; i < 20; ++i) {
        flow_buf_clear(&out);
        start = apr_time_now();
        assert_int_equal(flow_template_render(tpl, context, &out, *state, &err),
                         APR_SUCCESS);
        start = apr_time_now() - start;
        best = start < best ? start : best;
    }
    assert_int_equal(out.len, 10 * 42 + 90 * 43);
    /* under sanitizers, on a busy machine; 0.1 ms without */
    assert_true(best < 10000);
    flow_buf_release(&out);
    json_decref(context);
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
        cmocka_unit_test(everything_has_a_bound),
        cmocka_unit_test(many_rows_render_in_no_time),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
