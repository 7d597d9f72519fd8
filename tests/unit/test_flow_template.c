/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_escape.h"
#include "data/flow_json.h"
#include "data/flow_template.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

static const char *render(const char *text, flow_escape_e escape,
                          const json_t *context, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *out = NULL;

    if (flow_template_text(compile(text, escape, p), context, 10000, &out, NULL,
                           p, &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return out;
}

/* clang-format off */
#define CONTEXT "{\"record\":{\"id\":9007199254740993,\"price\":19.90,\"name\":\"Ann & \\\"Bob\\\"\","  \
    "\"ok\":true,\"no\":false,\"nil\":null,\"tags\":[\"a\",\"b\"],\"big\":1e400,"                        \
    "\"First Name\":\"Ann\",\"o\":{\"x\":1},\"length\":7,\"u\":\"\xc3\xa9\xf0\x9f\x98\x80\","           \
    "\"lines\":[{\"sku\":\"s0\"},{\"sku\":\"s1\"}]},\"data\":[{\"x\":\"d0\"}],"                         \
    "\"0\":{\"x\":\"zero\"},\"this\":\"T\",\"timestamp\":\"ts\",\"a]b\":\"odd\"}"
/* clang-format on */

static void a_template_prints_what_its_paths_find(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *out; } cases[] = {
        { "", "" },
        { "plain { } }} text", "plain { } }} text" },
        { "{{record.id}}|{{{record.price}}}", "9007199254740993|19.90" },
        { "{{record.big}}", "1e400" },
        { "{{record.ok}}{{record.no}}{{record.nil}}{{record.zzz}}{{record.zzz.y}}", "truefalse" },
        { "{{record.tags}} {{record.o}}", "a,b {\"x\":1}" },
        { "{{record.[First Name]}}", "Ann" },
        { "{{record.lines.[1].sku}}{{record.lines.0.sku}}", "s1s0" },
        { "{{record.lines.sku}}", "s0" },
        { "{{record/lines/1/sku}}", "s1" },
        { "{{data.0.x}}{{0.x}}{{[0].x}}", "d0zerozero" },
        { "{{@root.data.[0].x}}{{this.data.0.x}}{{./data/0/x}}", "d0d0d0" },
        { "{{[this]}}{{this.[this]}}", "TT" },
        { "{{this.timestamp}}{{[timestamp]}}", "tsts" },
        { "{{\"this\"}}{{'this'}}", "TT" },
        { "{{[a\\]b]}}", "odd" },
        { "{{record.tags.length}} {{record.lines.length}} {{record.length}}", "2 2 7" },
        { "{{record.u.length}}", "3" }, /* UTF-16 units */
        { "{{record.id }}", "9007199254740993" },
        { "{{&record.name}}", "Ann & \"Bob\"" },
        { "{\"a\":{{record.id}}}", "{\"a\":9007199254740993}" },
        { "{\"a\":{{{record.id}}}}", "{\"a\":9007199254740993}" },
        { "\\{{x}} {{record.ok}}", "{{x}} true" },
        { "\\{{{x}}} {{record.ok}}", "{{{x}}} true" },
        { "a\\b \\\\{{record.ok}}", "a\\b \\true" },
        { "a {{! gone }}b{{!-- also }} gone --}}c", "a bc" },
        { "one\n  {{! a line of its own }}  \ntwo", "one\ntwo" },
        { "one\n{{! not alone }} x", "one\n x" },
        { "{{! first line }}\r\nx", "x" },
        { "{{!}}x{{!----}}", "x" },
        { "a \n {{~record.ok}} b", "atrue b" },
        { "a {{record.ok~}}\n b", "a trueb" },
        { "a {{~{record.ok}~}} b", "atrueb" },
        { "a {{~! c ~}} b", "ab" },
        { "a {{~!-- c --~}} b", "ab" },
    };
    /* clang-format on */
    json_t *context = parse(CONTEXT);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *out =
            render(cases[i].text, FLOW_ESCAPE_NONE, context, *state);

        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s gave %s", cases[i].text, out);
    }
    json_decref(context);
}

static void two_braces_escape_for_the_place_three_do_not(void **state)
{
    /* clang-format off */
    static const struct { flow_escape_e escape; const char *value, *out; } cases[] = {
        { FLOW_ESCAPE_NONE, "\"a b&\\\"\"",   "a b&\"" },
        { FLOW_ESCAPE_URI,  "\"a b/\\u00e9~\"", "a%20b%2F%C3%A9~" },
        { FLOW_ESCAPE_URI,  "\"A-z_0.9~\"",   "A-z_0.9~" },
        { FLOW_ESCAPE_URI,  "\"\\u0000%+'()\"", "%00%25%2B%27%28%29" },
        { FLOW_ESCAPE_URI,  "1e+5000",        "1e%2B5000" },
        { FLOW_ESCAPE_JSON, "\"a\\\"b\\\\c\\n\"", "a\\\"b\\\\c\\n" },
        { FLOW_ESCAPE_JSON, "19.90",          "19.90" },
        { FLOW_ESCAPE_JSON, "true",           "true" },
        { FLOW_ESCAPE_JSON, "null",           "" },
        { FLOW_ESCAPE_JSON, "{\"a\":\"b\"}",  "{\\\"a\\\":\\\"b\\\"}" },
        { FLOW_ESCAPE_XML,  "\"<a b='c'>&\\\"\"", "&lt;a b=&#39;c&#39;&gt;&amp;&quot;" },
        { FLOW_ESCAPE_XML,  "\"t\\t\\n\\r\"", "t\t\n&#13;" },
        { FLOW_ESCAPE_XML,  "\"\\u0001x\\uffff\"", "\xef\xbf\xbdx\xef\xbf\xbd" },
        { FLOW_ESCAPE_XML,  "\"\\ufffd\\uff01\"", "\xef\xbf\xbd\xef\xbc\x81" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        json_t *context = json_object();

        json_object_set_new(context, "v", parse(cases[i].value));
        assert_string_equal(render("{{v}}", cases[i].escape, context, *state),
                            cases[i].out);
        if (i == 0 || i == 1) {
            assert_string_equal(
                render("<{{{v}}}>", cases[i].escape, context, *state),
                i == 0 ? "<a b&\">" : "<a b/\xc3\xa9~>");
        }
        json_decref(context);
    }
}

static void what_is_wrong_names_line_and_column(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *code, *message; } cases[] = {
        { "a\n b{{ x}}", "template_syntax",
          "template line 2, column 5: a blank after the opening braces is not allowed" },
        { "{{{ x}}}", "template_syntax",
          "template line 1, column 4: a blank after the opening braces is not allowed" },
        { "{{\nx}}", "template_syntax",
          "template line 1, column 3: a blank after the opening braces is not allowed" },
        { "{{x", "template_syntax", "template line 1, column 1: no '}}' closes these braces" },
        { "{{", "template_syntax", "template line 1, column 1: no '}}' closes these braces" },
        { "{{{x}}", "template_syntax", "template line 1, column 5: '}}}' is needed to close the braces" },
        { "{{x} }", "template_syntax", "template line 1, column 4: '}}' is needed to close the braces" },
        { "{{}}", "template_syntax", "template line 1, column 1: nothing stands between the braces" },
        { "{{{}}}", "template_syntax", "template line 1, column 1: nothing stands between the braces" },
        { "{{! x", "template_syntax", "template line 1, column 1: no end to the comment" },
        { "{{!-- x }}", "template_syntax", "template line 1, column 1: no end to the comment" },
        { "{{a.}}", "template_syntax", "template line 1, column 4: a name is missing after '.'" },
        { "{{a. b}}", "template_syntax", "template line 1, column 4: a name is missing after '.'" },
        { "{{a..b}}", "template_syntax", "template line 1, column 4: '.' is not allowed here" },
        { "{{a[0]}}", "template_syntax", "template line 1, column 4: '[' is not allowed here; write list.[0]" },
        { "{{a.[b}}", "template_syntax", "template line 1, column 4: a name is missing after '.'" },
        { "{{[b}}", "template_syntax", "template line 1, column 3: ']' is missing for the '['" },
        { "{{\"b}}", "template_syntax", "template line 1, column 3: no end to the quoted text" },
        { "{{a=b}}", "template_syntax", "template line 1, column 4: '=' is not allowed here" },
        { "{{\xc3\xa9+}}", "template_syntax", "template line 1, column 4: '+' is not allowed here" },
        { "{{/}}", "template_syntax", "template line 1, column 1: these braces close no block" },
        { "{{@foo}}", "template_syntax",
          "template line 1, column 3: '@' must be followed by root, index, key, first or last" },
        { "{{a.this}}", "template_syntax",
          "template line 1, column 5: 'this' may only stand at the start of a path; a field of that name is written [this]" },
        { "{{a/../b}}", "template_syntax",
          "template line 1, column 5: '..' may only stand at the start of a path; a field of that name is written [..]" },
        { "x\n{{uppercse record.name}}", "template_helper",
          "template line 2, column 3: there is no helper 'uppercse'; did you mean 'uppercase'?" },
        { "{{my.helper \"x\"}}", "template_helper",
          "template line 1, column 3: there is no helper 'my.helper'" },
        { "{{add 1 (sub 2 3)}}", "template_helper",
          "template line 1, column 10: there is no helper 'sub'; did you mean 'sum'?" },
        { "{{(lowercase x)}}", "template_syntax",
          "template line 1, column 3: a call that stands alone has no parentheses; write {{name arguments}}" },
        { "{{add (add 1 2}}", "template_syntax", "template line 1, column 7: ')' is missing for the '('" },
        { "{{uppercase}}", "template_helper",
          "template line 1, column 3: helper 'uppercase' needs arguments: {{uppercase text}}; a field of that name is written this.uppercase" },
        { "{{split a}}", "template_helper",
          "template line 1, column 3: too few arguments for helper 'split': {{split text delimiter [index=0]}}" },
        { "{{abs 1 2}}", "template_helper",
          "template line 1, column 3: too many arguments for helper 'abs': {{abs number}}" },
        { "{{sort a nummer=1}}", "template_helper",
          "template line 1, column 3: 'sort' has no argument 'nummer='; it has number reverse" },
        { "{{abs x=1 2}}", "template_syntax", "template line 1, column 11: arguments with a name come last" },
        { "{{abs x=1}}", "template_helper",
          "template line 1, column 3: helper 'abs' needs arguments: {{abs number}}; a field of that name is written this.abs" },
        { "{{if x}}", "template_helper",
          "template line 1, column 3: 'if' is a block; write {{#if ...}}, and this.if for a field of that name" },
        { "{{#eq a b}}{{/eq}}", "template_helper",
          "template line 1, column 4: helper 'eq' is no block; write {{#if (eq ...)}}" },
        { "{{#iff x}}{{/iff}}", "template_helper",
          "template line 1, column 4: there is no block 'iff'; did you mean 'if'?" },
        { "{{#if x}}", "template_syntax", "template line 1, column 1: no {{/if}} closes this block" },
        { "a\n{{#if x}}{{/each}}", "template_syntax",
          "template line 2, column 10: {{/each}} closes nothing here; {{/if}} is needed" },
        { "{{/if}}", "template_syntax", "template line 1, column 1: these braces close no block" },
        { "{{else}}", "template_syntax", "template line 1, column 1: {{else}} belongs into a block" },
        { "{{^}}", "template_syntax", "template line 1, column 1: {{else}} belongs into a block" },
        { "{{#if x}}{{else}}{{else}}{{/if}}", "template_syntax",
          "template line 1, column 18: a second {{else}} in the same block" },
        { "{{^x}}{{else if y}}{{/x}}", "template_syntax",
          "template line 1, column 7: {{else ...}} with a condition does not go with {{^}}" },
        { "{{#each x as |a b c|}}{{/each}}", "template_syntax",
          "template line 1, column 19: a block has at most 2 parameters" },
        { "{{#each x as ||}}{{/each}}", "template_syntax",
          "template line 1, column 15: a parameter is missing between '||'" },
        { "{{#each x as |a}}{{/each}}", "template_syntax",
          "template line 1, column 16: '|' is missing after the parameters" },
        { "{{#}}", "template_syntax", "template line 1, column 1: the block has no name" },
        { "{{> part}}", "template_helper", "template line 1, column 1: partial 'part': there are no partials here" },
        { "{{#> part}}{{/part}}", "template_helper", "template line 1, column 1: partial 'part': there are no partials here" },
        { "{{* deco}}", "template_helper", "template line 1, column 1: decorator 'deco': there are no decorators here" },
        { "{{{{raw}}}} x", "template_syntax", "template line 1, column 1: no {{{{/raw}}}} closes this block" },
        { "{{{{raw}}}}{{{{/rav}}}}", "template_syntax", "template line 1, column 12: {{{{/raw}}}} is needed here" },
        { "{{#compare 1 \"=<\" 2}}{{/compare}}", "template_helper",
          "template line 1, column 4: helper 'compare': the operator must be one of \"==\" \"===\" \"!=\" \"!==\" \"<\" \">\" \"<=\" \">=\"" },
        { "{{#some x isNumbr}}{{/some}}", "template_helper",
          "template line 1, column 4: helper 'some': the condition must be one of isFalsy isTruthy isArray isString isObject isNumber isBoolean" },
        { "{{dateAdd x 1 \"Mars/X\"}}", "template_helper",
          "template line 1, column 3: helper 'dateAdd': there is no time zone 'Mars/X'; names are like America/New_York" },
        { "{{regexMatch x \"a(\"}}", "pattern_syntax",
          "template line 1, column 3: helper 'regexMatch': the pattern is wrong at character 3: missing closing parenthesis" },
        { "{{regexSearch x \"a\" \"q\"}}", "pattern_syntax",
          "template line 1, column 3: helper 'regexSearch': 'q' are no flags; known are g i m s u y" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_template_t *tpl = (flow_template_t *)1;

        if (flow_template_compile(&tpl, cases[i].text, strlen(cases[i].text),
                                  FLOW_ESCAPE_NONE, *state,
                                  &err) == APR_SUCCESS)
            fail_msg("%s was accepted", cases[i].text);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_CONFIG);
        assert_null(tpl);
    }
}

/* Rendered with HTML's escapes, as the cases are easier to compare so. */
static void blocks_nest_and_leave_no_empty_lines(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *out; } cases[] = {
        { "{{#if a}}\n  yes\n{{else}}\n  no\n{{/if}}\nend", "  yes\nend" },
        { "{{#each l}}\n- {{n}}\n{{/each}}\n", "- 1\n- 2\n" },
        { "a {{#if a}}\nx {{/if}}\n", "a \nx \n" },
        { "{{#each l}}{{#each ../l}}{{n}}{{../n}}{{@../index}} {{/each}}{{/each}}", "10 210 121 21 " },
        { "{{#each l as |row i|}}{{#with row as |r|}}{{i}}{{r.n}}{{row.n}} {{/with}}{{/each}}{{row.n}}", "011 122 " },
        { "{{#l}}{{n}}{{@last}};{{/l}}{{#o}}{{x}}{{../a}}{{/o}}{{^zz}}none{{/zz}}{{^l}}a{{else}}b{{/l}}", "1false;2true;5truenonebb" },
        { "{{#with o}}{{#if x}}{{../a}}{{/if}}{{/with}}", "true" },
        { "{{#each o}}{{@key}}{{this}}{{/each}}{{#each nums}}{{.}}{{#unless @last}},{{/unless}}{{/each}}", "x51,2.50" },
        { "{{#if zz}}1{{else if zz}}2{{else each l}}{{n}}{{else}}3{{/if}}", "12" },
        { "{{{{raw}}}} {{x}} {{{{b}}}} {{{{/b}}}} {{{{/raw}}}}|{{{{if a}}}}{{y}}{{{{/if}}}}", " {{x}} {{{{b}}}} {{{{/b}}}} |{{y}}" },
        { "{{#each l}}{{~#if n~}} {{n}} {{~else~}} x {{~/if~}} , {{/each}}", "1, 2, " },
        { "{{uppercase (join \"-\" \"a\" (lowercase \"B\"))}}{{\"a\"}}{{'o'.x}}", NULL },
        { "{{#each (jsonParse \"[1,[2,3]]\")}}{{#each this}}{{this}}{{else}}-{{/each}}{{/each}}", "-23" },
        { "{{\n", NULL },
        { "{{#\"o\"}}{{x}}{{/\"o\"}}{{#[o]}}{{x}}{{/o}}", "55" },
        { "{{#if true}}{{#if 0}}{{else}}{{#if \"x\"}}in{{/if}}{{/if}}{{/if}}", "in" },
    };
    /* clang-format on */
    json_t *context = parse("{\"a\":true,\"l\":[{\"n\":1},{\"n\":2}],\"o\":{"
                            "\"x\":5},\"nums\":[1,2.50]}");
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_template_options_t options = { FLOW_ESCAPE_HTML };
        flow_error_t err = FLOW_ERROR_INIT;
        const char *out = NULL;
        apr_status_t rv =
            flow_template_try(cases[i].text, strlen(cases[i].text), &options,
                              context, &out, NULL, *state, &err);

        if (!cases[i].out)
            assert_int_not_equal(rv, APR_SUCCESS);
        else if (rv != APR_SUCCESS || strcasecmp(out, cases[i].out) != 0)
            fail_msg("%s gave '%s' %s", cases[i].text, out, err.message);
    }
    json_decref(context);
}

static void a_strict_template_names_what_is_missing(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *message; } cases[] = {
        { "{{a}}{{#if zz}}{{/if}}{{#unless zz}}x{{/unless}}{{typeOf zz}}", NULL },
        { "a\n {{zz}}", "'zz' has no value, at template line 2, column 4" },
        { "{{o.y.z}}", "'o.y.z' has no value, at template line 1, column 3" },
        { "{{#if zz.y}}{{/if}}", "'zz.y' has no value, at template line 1, column 7" },
        { "{{#zz}}{{/zz}}", "'zz' has no value, at template line 1, column 4" },
        { "{{nil}}{{lowercase nil}}", NULL },
    };
    /* clang-format on */
    flow_template_options_t options = { FLOW_ESCAPE_NONE, 1 };
    json_t *context = parse("{\"a\":1,\"o\":{},\"nil\":null}");
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *out;
        apr_status_t rv =
            flow_template_try(cases[i].text, strlen(cases[i].text), &options,
                              context, &out, NULL, *state, &err);

        if (!cases[i].message) {
            if (rv != APR_SUCCESS)
                fail_msg("%s: %s", cases[i].text, err.message);
            continue;
        }
        assert_int_not_equal(rv, APR_SUCCESS);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.code, "template_missing");
        assert_int_equal(err.kind, FLOW_E_INPUT);
    }
    json_decref(context);
}

static void only_text_makes_a_constant(void **state)
{
    assert_true(flow_template_is_constant(
        compile("x{{! c }}\\{{y}}", FLOW_ESCAPE_NONE, *state)));
    assert_false(
        flow_template_is_constant(compile("x{{y}}", FLOW_ESCAPE_NONE, *state)));
    assert_string_equal(render("x\\{{y}}", FLOW_ESCAPE_NONE, NULL, *state),
                        "x{{y}}");
    assert_string_equal(
        render("x{{y}}{{this}}", FLOW_ESCAPE_NONE, NULL, *state), "x");
}

static void a_rendering_that_would_be_too_long_is_refused(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *context = parse("{\"a\":\"0123456789\"}");
    flow_template_t *tpl = compile("{{a}}{{a}}", FLOW_ESCAPE_NONE, *state);
    const char *out;
    apr_size_t len;

    assert_int_equal(
        flow_template_text(tpl, context, 20, &out, &len, *state, &err),
        APR_SUCCESS);
    assert_int_equal(len, 20);
    assert_int_not_equal(
        flow_template_text(tpl, context, 19, &out, &len, *state, &err),
        APR_SUCCESS);
    assert_string_equal(err.code, "template_too_large");
    assert_string_equal(err.message,
                        "the rendered template would be longer than 19 bytes");
    assert_int_equal(err.kind, FLOW_E_INPUT);
    json_decref(context);
}

static void a_template_source_has_a_bound(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_size_t len = 1024 * 1024 + 1;
    char *text = apr_palloc(*state, len);
    flow_template_t *tpl;

    memset(text, 'x', len);
    assert_int_equal(flow_template_compile(&tpl, text, len - 1,
                                           FLOW_ESCAPE_NONE, *state, &err),
                     APR_SUCCESS);
    assert_int_not_equal(
        flow_template_compile(&tpl, text, len, FLOW_ESCAPE_NONE, *state, &err),
        APR_SUCCESS);
    assert_string_equal(err.message,
                        "the template is longer than 1048576 bytes");
}

static void a_template_may_hold_nul(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *context = parse("{\"a\":\"x\\u0000y\"}");
    flow_template_t *tpl;
    const char *out;
    apr_size_t len;

    assert_int_equal(flow_template_compile(&tpl, "\0{{a}}", 6, FLOW_ESCAPE_NONE,
                                           *state, &err),
                     APR_SUCCESS);
    assert_int_equal(
        flow_template_text(tpl, context, 99, &out, &len, *state, &err),
        APR_SUCCESS);
    assert_int_equal(len, 4);
    assert_memory_equal(out, "\0x\0y", 4);
    json_decref(context);
}

static void a_value_that_is_text_is_not_copied_to_print_it(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *context = parse("{\"s\":\"x y\",\"n\":19.90,\"b\":true}");
    flow_template_t *tpl =
        compile("{{s}}{{n}}{{zz}}{{{s}}}", FLOW_ESCAPE_URI, *state);
    flow_buf_t out;

    flow_buf_init(&out, 1000);
    /* No scratch pool: whoever wanted to allocate would crash. */
    assert_int_equal(flow_template_render(tpl, context, &out, NULL, &err),
                     APR_SUCCESS);
    assert_string_equal(out.data, "x%20y19.90x y");
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
        cmocka_unit_test(a_template_prints_what_its_paths_find),
        cmocka_unit_test(two_braces_escape_for_the_place_three_do_not),
        cmocka_unit_test(what_is_wrong_names_line_and_column),
        cmocka_unit_test(blocks_nest_and_leave_no_empty_lines),
        cmocka_unit_test(a_strict_template_names_what_is_missing),
        cmocka_unit_test(only_text_makes_a_constant),
        cmocka_unit_test(a_rendering_that_would_be_too_long_is_refused),
        cmocka_unit_test(a_template_source_has_a_bound),
        cmocka_unit_test(a_template_may_hold_nul),
        cmocka_unit_test(a_value_that_is_text_is_not_copied_to_print_it),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
