/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_time.h>

#include "script/flow_regexp.h"
#include "tests/unit/lib_fixture.h"

/* ---- the translation ---- */

static void *plain_alloc(void *baton, void *ptr, size_t size)
{
    int *left = baton;

    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return left && (*left)-- <= 0 ? NULL : realloc(ptr, size);
}

static void a_pattern_is_translated(void **state)
{
    /* clang-format off */
    static const struct { const char *pattern, *flags, *text, *error; } cases[] = {
        { "a.b", "", "a[^\\n\\r\\x{2028}\\x{2029}]b", NULL },
        { "a.b", "s", "a(?s:.)b", NULL },
        { "^a$", "", "^a\\z", NULL },
        { "^a$", "m", "(?<![^\\n\\r\\x{2028}\\x{2029}])a(?![^\\n\\r\\x{2028}\\x{2029}])", NULL },
        { "ks", "i", "(?-i:[kK])(?-i:[sS])", NULL },
        { "ks", "iu", "ks", NULL },
        { "[a-c]", "i", "(?-i:[a-cA-C])", NULL },
        { "[^]", "", "(?s:.)", NULL },
        { "[]", "", "[^\\x{0}-\\x{10ffff}]", NULL },
        { "[\\s\\S]", "", "(?s:.)", NULL },
        { "(?<n>a)\\k<n>", "", "(a)\\g{1}", NULL },
        { "\xF0\x9F\x98\x80", "", "\\x{d83d}\\x{de00}", NULL },
        { "\xF0\x9F\x98\x80", "u", "\\x{1f600}", NULL },
        { "\xC0\x80", "", "\\x{0}", NULL },
        { "a{2,99999}", "", "a{2,}", NULL },
        { "a{,3}", "", "a\\x{7b}\\x{2c}3\\x{7d}", NULL },
        { "a{99999}", "", NULL, "number too large in {} quantifier" },
        { "a{3,2}", "", NULL, "numbers out of order in {} quantifier" },
        { "a**", "", NULL, "nothing to repeat" },
        { "*", "", NULL, "nothing to repeat" },
        { "(?=a)*", "u", NULL, "nothing to repeat" },
        { "(", "", NULL, "unterminated group" },
        { ")", "", NULL, "unmatched ')'" },
        { "(?x)", "", NULL, "invalid group" },
        { "(?<a>x)(?<a>y)", "", NULL, "two groups have the same name" },
        { "(?<1>x)", "", NULL, "invalid name of a group" },
        { "\\k<b>(?<a>x)", "", NULL, "invalid reference to a named group" },
        { "[b-a]", "", NULL, "range out of order in character class" },
        { "[a", "", NULL, "unterminated character class" },
        { "\\", "", NULL, "\\ at end of pattern" },
        { "\\1", "u", NULL, "reference to a group that does not exist" },
        { "\\a", "u", NULL, "invalid escape" },
        { "\\u{110000}", "u", NULL, "invalid Unicode escape" },
        { "\\p{No Such}", "u", NULL, "invalid property name" },
        { "{", "u", NULL, "incomplete quantifier" },
        { "}", "u", NULL, "lone bracket" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        int flags = flow_regexp_flags(cases[i].flags);
        flow_regexp_t re = { .alloc = plain_alloc };
        flow_regexp_translate(&re, cases[i].pattern, strlen(cases[i].pattern),
                              (unsigned)flags);
        if (cases[i].error) {
            assert_string_equal(re.error ? re.error : "none", cases[i].error);
        }
        else {
            assert_null(re.error);
            assert_int_equal(re.len, strlen(cases[i].text));
            assert_memory_equal(re.text, cases[i].text, re.len);
        }
        flow_regexp_release(&re);
    }
}

static void flags_are_a_set(void **state)
{
    (void)state;
    assert_int_equal(flow_regexp_flags(""), 0);
    assert_int_equal(flow_regexp_flags("yg"), FLOW_REGEXP_Y | FLOW_REGEXP_G);
    assert_int_equal(flow_regexp_flags("gimsuyd"), 127);
    assert_int_equal(flow_regexp_flags("gg"), -1);
    assert_int_equal(flow_regexp_flags("x"), -1);
}

static void without_memory_there_is_an_error(void **state)
{
    static const char pattern[] = "(?<a>x)(?<b>[a-z]+)(?<c>\\s)(?<d>.)(?<e>.)(?"
                                  "<f>.)(?<g>.)(?<h>.)(?<i>.)";
    int allowed, left;

    (void)state;
    for (allowed = 0; allowed < 20; ++allowed) {
        flow_regexp_t re = { .alloc = plain_alloc, .baton = &left };
        left = allowed;
        if (flow_regexp_translate(&re, pattern, strlen(pattern), 0) == 0) {
            assert_int_equal(re.groups, 9);
            assert_int_equal(re.n_names, 9);
            flow_regexp_release(&re);
            return;
        }
        assert_string_equal(re.error, "out of memory");
        flow_regexp_release(&re);
    }
    fail_msg("no amount of memory is enough");
}

/* ---- in scripts ---- */

static void patterns_mean_what_the_language_says(void **state)
{
    /* clang-format off */
    static const lib_case_t cases[] = {
        { "/a(b)?(c)/.exec('xac')",
          "[\"ac\",undefined,\"c\"]@1" },
        { "/(?<y>\\d{4})-(?<m>\\d\\d)/.exec('on 2024-05-06')",
          "[\"2024-05\",\"2024\",\"05\"]@3{y:\"2024\",m:\"05\"}" },
        { "'aBc'.replace(/b/i, '[$&]')",
          "\"a[B]c\"" },
        { "'x-1,y-2'.replace(/(\\w)-(\\d)/g, '$2$1')",
          "\"1x,2y\"" },
        { "'2020-01-02'.replace(/(?<y>\\d+)-(?<m>\\d+)-(?<d>\\d+)/, '$<d>/$<m>/$<y>')",
          "\"02/01/2020\"" },
        { "'abc'.split(/(b)/)",
          "[\"a\",\"b\",\"c\"]" },
        { "'a1b2c3'.split(/\\d/)",
          "[\"a\",\"b\",\"c\",\"\"]" },
        { "'abc'.split(/(?:)/)",
          "[\"a\",\"b\",\"c\"]" },
        { "''.split(/x/)",
          "[\"\"]" },
        { "''.split(/(?:)/)",
          "[]" },
        { "'A<B>bold</B>and<CODE>coded</CODE>'.split(/<(\\/)?([^<>]+)>/)",
          "[\"A\",undefined,\"B\",\"bold\",\"/\",\"B\",\"and\",undefined,\"CODE\",\"coded\",\"/\",\"CODE\",\"\"]" },
        { "'a b  c'.split(/\\s*/)",
          "[\"a\",\"b\",\"c\"]" },
        { "/^.$/.test('\360\237\230\200')",
          "false" },
        { "/^.$/u.test('\360\237\230\200')",
          "true" },
        { "'\360\237\230\200'.match(/./g).length",
          "2" },
        { "'\360\237\230\200x\360\237\230\200'.replace(/x/, '-')",
          "\"\360\237\230\200-\360\237\230\200\"" },
        { "/x/.exec('\360\237\230\200x').index",
          "2" },
        { "/x/u.exec('\360\237\230\200\360\237\230\200x').index",
          "4" },
        { "/[\360\237\230\200]/.exec('a\360\237\230\200').index",
          "1" },
        { "/[\360\237\230\200-\360\237\230\202]/u.exec('a\360\237\230\201')",
          "[\"\360\237\230\201\"]@1" },
        { "/[^x]/.exec('\360\237\230\200')[0].length",
          "1" },
        { "'a\360\237\230\200b'.split(/(?:)/)",
          "[\"a\",\"\\ud83d\",\"\\ude00\",\"b\"]" },
        { "'a\360\237\230\200b'.split(/(?:)/u)",
          "[\"a\",\"\360\237\230\200\",\"b\"]" },
        { "'a\360\237\230\200b'.search(/b/)",
          "3" },
        { "'\\ud83d'.match(/\\ud83d/)",
          "[\"\\ud83d\"]@0" },
        { "'\\u0000a'.match(/\\0/).index",
          "0" },
        { "'x\\u0000a\\u0000'.replace(/\\0/g, 'N')",
          "\"xNaN\"" },
        { "/[^]/.exec('\\n')",
          "[\"\\n\"]@0" },
        { "/[]/.exec('a')",
          "null" },
        { "/\\w+/.exec('\303\251t\303\251')",
          "[\"t\"]@1" },
        { "/\\s+/.exec('a\\u00a0\\ufeffb')[0].length",
          "2" },
        { "/\\S+/.exec('\\u00a0\303\251')",
          "[\"\303\251\"]@1" },
        { "/[\\s\\S]/.exec('\\u2028')",
          "[\"\342\200\250\"]@0" },
        { "/\\bfoo\\b/.test('\303\251foo\303\251')",
          "true" },
        { "/k/i.test('\\u212a')",
          "false" },
        { "/k/iu.test('\\u212a')",
          "true" },
        { "/[a-z]/i.test('\\u017f')",
          "false" },
        { "/[a-z]/iu.test('\\u017f')",
          "true" },
        { "/[^a-z]/i.test('\\u017f')",
          "true" },
        { "/\303\251/i.test('\303\211')",
          "true" },
        { "/[\303\240-\303\274]/i.test('\303\211')",
          "true" },
        { "/\\u00df/iu.test('\\u1e9e')",
          "true" },
        { "/\\1(a)/.exec('aa')",
          "[\"a\",\"a\"]@0" },
        { "/(?:(a)|b)\\1/.exec('b')",
          "[\"b\",undefined]@0" },
        { "/a$/.test('a\\n')",
          "false" },
        { "/a$/m.test('a\\n')",
          "true" },
        { "/^b/m.exec('a\\nb')",
          "[\"b\"]@2" },
        { "/^b/m.exec('a\\r\\nb')",
          "[\"b\"]@3" },
        { "'a\\nb\\r\\nc'.replace(/^/gm, '>')",
          "\">a\\n>b\\r>\\n>c\"" },
        { "'a\\nb'.replace(/$/gm, '<')",
          "\"a<\\nb<\"" },
        { "/./.test('\\u2028')",
          "false" },
        { "/./s.test('\\n')",
          "true" },
        { "/(?<=\\$)\\d+/.exec('cost $42')",
          "[\"42\"]@6" },
        { "/(?<!\\$)\\b\\d+/.exec('cost $42 43')",
          "[\"43\"]@9" },
        { "/(?<=^|,)x/.exec('a,x')",
          "[\"x\"]@2" },
        { "/(?=a)*b/.exec('b')",
          "[\"b\"]@0" },
        { "/a{,5}/.exec('a{,5}')",
          "[\"a{,5}\"]@0" },
        { "new RegExp('a{2}{3}')",
          "throws SyntaxError" },
        { "new RegExp('a++')",
          "throws SyntaxError" },
        { "new RegExp('(')",
          "throws SyntaxError" },
        { "new RegExp('[b-a]')",
          "throws SyntaxError" },
        { "new RegExp('\\\\')",
          "throws SyntaxError" },
        { "new RegExp('a', 'gg')",
          "throws SyntaxError" },
        { "new RegExp('a', 'x')",
          "throws SyntaxError" },
        { "new RegExp('/').source",
          "\"\\\\/\"" },
        { "new RegExp('[/]').source",
          "\"[/]\"" },
        { "new RegExp('').source",
          "\"(?:)\"" },
        { "new RegExp('\\n').source",
          "\"\\\\n\"" },
        { "String(new RegExp('a/b', 'gi'))",
          "\"/a\\\\/b/gi\"" },
        { "/a/gimsuy.flags",
          "\"gimsuy\"" },
        { "[/a/g.global, /a/y.sticky, /a/u.unicode, /a/s.dotAll, /a/i.ignoreCase, /a/m.multiline]",
          "[true,true,true,true,true,true]" },
        { "(function () { var r = /a/g, o = []; while ((m = r.exec('aXa\360\237\230\200a'))) o.push(m.index, r.lastIndex); return o; var m })()",
          "[0,1,2,3,5,6]" },
        { "(function () { var r = /a/y; return [r.test('ba'), r.lastIndex, r.test('ab'), r.lastIndex] })()",
          "[false,0,true,1]" },
        { "(function () { var r = /x/g; r.lastIndex = 5; return [r.test('xxx'), r.lastIndex] })()",
          "[false,0]" },
        { "(function () { var r = /a/g; r.lastIndex = 2; return 'aaa'.replace(r, 'b') + r.lastIndex })()",
          "\"bbb0\"" },
        { "(function () { var r = /a/y; r.lastIndex = 1; return 'aaa'.replace(r, 'b') + r.lastIndex })()",
          "\"aba2\"" },
        { "Array.from('a1b2'.matchAll(/[a-z](\\d)/g)).map(function (m) { return [m[0], m[1], m.index] })",
          "[[\"a1\",\"1\",0],[\"b2\",\"2\",2]]" },
        { "'aXbX'.replaceAll('X', function (m, i) { return i })",
          "\"a1b3\"" },
        { "'abc'.replaceAll('', '-')",
          "\"-a-b-c-\"" },
        { "'aaa'.replaceAll('aa', 'b')",
          "\"ba\"" },
        { "'xyz'.replaceAll(/y/, 1)",
          "throws TypeError" },
        { "'abc'.replace('b', '$$-$&-$`-$\\'')",
          "\"a$-b-a-cc\"" },
        { "'abc'.replace(/(b)/, '$01$10$2')",
          "\"abb0$2c\"" },
        { "'abcdefghijkl'.replace(/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)/, '$11-$10-$12')",
          "\"k-j-a2l\"" },
        { "'abc'.replace(/(?<x>b)/, '[$<x>$<y>]')",
          "\"a[b]c\"" },
        { "'abc'.replace(/b/, '$<x>')",
          "\"a$<x>c\"" },
        { "'abc'.replace(/(?<n>b)/, function () { return JSON.stringify([].slice.call(arguments)) })",
          "\"a[\\\"b\\\",\\\"b\\\",1,\\\"abc\\\",{\\\"n\\\":\\\"b\\\"}]c\"" },
        { "'aaa'.lastIndexOf('a')",
          "2" },
        { "/\\u{61}/u.exec('a')",
          "[\"a\"]@0" },
        { "/\\u{2}/.exec('uu')",
          "[\"uu\"]@0" },
        { "/\\u{1F600}/u.exec('\360\237\230\200')",
          "[\"\360\237\230\200\"]@0" },
        { "/\\ud83d\\ude00/u.exec('\360\237\230\200')",
          "[\"\360\237\230\200\"]@0" },
        { "/\\ud83d\\ude00/.exec('\360\237\230\200')",
          "[\"\360\237\230\200\"]@0" },
        { "/^[\\ud83d]/u.exec('\360\237\230\200')",
          "null" },
        { "/^[\\ud83d]/.exec('\360\237\230\200')[0].length",
          "1" },
        { "/\\p{L}+/u.exec('1\303\251\344\270\255x2')",
          "[\"\303\251\344\270\255x\"]@1" },
        { "/\\p{Lu}/u.exec('a\303\211')",
          "[\"\303\211\"]@1" },
        { "/\\p{Script=Greek}+/u.exec('ab\316\263\316\264')",
          "[\"\316\263\316\264\"]@2" },
        { "/\\p{Uppercase_Letter}/u.exec('aB')",
          "[\"B\"]@1" },
        { "/\\P{L}+/u.exec('ab12')",
          "[\"12\"]@2" },
        { "/[\\p{L}\\d]+/u.exec('-\303\2511-')",
          "[\"\303\2511\"]@1" },
        { "/\\p{Alphabetic}/u.test('a')",
          "true" },
        { "/\\p{Foo}/",
          "/\\p{Foo}/" },
        { "new RegExp('\\\\p{Foo}', 'u')",
          "throws SyntaxError" },
        { "/\\cJ/.test('\\n')",
          "true" },
        { "/\\c/.exec('\\\\c')",
          "[\"\\\\c\"]@0" },
        { "/[\\c]/.exec('\\\\')",
          "[\"\\\\\"]@0" },
        { "/\\x41/.exec('A')",
          "[\"A\"]@0" },
        { "/\\x4/.exec('x4')",
          "[\"x4\"]@0" },
        { "/\\101/.exec('A')",
          "[\"A\"]@0" },
        { "/\\8/.exec('8')",
          "[\"8\"]@0" },
        { "/[\\b]/.exec('\\b')",
          "[\"\\b\"]@0" },
        { "/\\-/.exec('-')",
          "[\"-\"]@0" },
        { "new RegExp('\\\\-', 'u')",
          "throws SyntaxError" },
        { "/\\//.exec('/')",
          "[\"/\"]@0" },
        { "/[/]/.exec('/')",
          "[\"/\"]@0" },
        { "/a|ab/.exec('abc')",
          "[\"a\"]@0" },
        { "/((a)|(ab))((c)|(bc))/.exec('abc')",
          "[\"abc\",\"a\",\"a\",undefined,\"bc\",undefined,\"bc\"]@0" },
        { "/a[a-z]{2,4}?/.exec('abcdefghi')",
          "[\"abc\"]@0" },
        { "/(aa|aabaac|ba|b|c)*/.exec('aabaac')",
          "[\"aaba\",\"ba\"]@0" },
        { "/(?=(a+))a*b\\1/.exec('baaabac')",
          "[\"aba\",\"a\"]@3" },
        { "/(.*?)a(?!(a+)b\\2c)\\2(.*)/.exec('baaabaac')",
          "[\"baaabaac\",\"ba\",undefined,\"abaac\"]@0" },
        { "/(?!foo)bar/.exec('foobar')",
          "[\"bar\"]@3" },
        { "/\\k<x>/.exec('k<x>')",
          "[\"k<x>\"]@0" },
        { "/(?<x>a)\\k<x>/.exec('aa')",
          "[\"aa\",\"a\"]@0{x:\"a\"}" },
        { "/\\k<x>(?<x>a)/.exec('aa')",
          "[\"a\",\"a\"]@0{x:\"a\"}" },
        { "new RegExp('(?<x>a)(?<x>b)')",
          "throws SyntaxError" },
        { "new RegExp('(?<1a>a)')",
          "throws SyntaxError" },
        { "new RegExp('\\\\k<y>(?<x>a)')",
          "throws SyntaxError" },
        { "/]/.exec(']')",
          "[\"]\"]@0" },
        { "/}/.exec('}')",
          "[\"}\"]@0" },
        { "/{/.exec('{')",
          "[\"{\"]@0" },
        { "/x{1/.exec('x{1')",
          "[\"x{1\"]@0" },
        { "'x'.match(/y/)",
          "null" },
        { "'x'.match(/y/g)",
          "null" },
        { "'x'.match()",
          "[\"\"]@0" },
        { "'x'.search()",
          "0" },
        { "'abc'.match(/(?:)/g)",
          "[\"\",\"\",\"\",\"\"]" },
        { "'a.b*c'.replace(/[.*+?^${}()|[\\]\\\\]/g, '\\\\$&')",
          "\"a\\\\.b\\\\*c\"" },
        { "'The Quick'.replace(/quick/i, function (m) { return m.toUpperCase() })",
          "\"The QUICK\"" },
        { "'camelCaseString'.replace(/([A-Z])/g, ' $1').toLowerCase()",
          "\"camel case string\"" },
        { "'  trim '.replace(/^\\s+|\\s+$/g, '')",
          "\"trim\"" },
        { "'1234567.891'.replace(/\\B(?=(\\d{3})+(?!\\d))/g, ',')",
          "\"1,234,567.891\"" },
        { "'a,b;c d'.split(/[,; ]/)",
          "[\"a\",\"b\",\"c\",\"d\"]" },
        { "'a,b,c'.split(/,/, 2)",
          "[\"a\",\"b\"]" },
        { "'a1b2'.split(/(\\d)/, 3)",
          "[\"a\",\"1\",\"b\"]" },
        { "'test'.split('')",
          "[\"t\",\"e\",\"s\",\"t\"]" },
        { "'\360\237\230\200a'.split('')",
          "[\"\\ud83d\",\"\\ude00\",\"a\"]" },
        { "'a,b'.split(',', 0)",
          "[]" },
        { "'ab'.split(undefined)",
          "[\"ab\"]" },
        { "/[\\d-x]/.exec('-')",
          "[\"-\"]@0" },
        { "/[a-\\d]/.exec('-')",
          "[\"-\"]@0" },
        { "new RegExp('[a-\\\\d]', 'u')",
          "throws SyntaxError" },
        { "/[\\w-]+/.exec('a-b')",
          "[\"a-b\"]@0" },
        { "/[^\\W]+/.exec('-ab')",
          "[\"ab\"]@1" },
        { "/[\\W]/i.exec('s')",
          "null" },
        { "/\\w/iu.test('\\u017f')",
          "true" },
        { "/[^\\s]+/.exec(' \\u3000x')",
          "[\"x\"]@2" },
        { "/^(?:\\+|-)?\\d+$/.test('-12')",
          "true" },
        { "/(\\d+)\\s\\1/.exec('12 12')",
          "[\"12 12\",\"12\"]@0" },
        { "/^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$/.test('a.b+c@d-e.co.uk')",
          "true" },
        { "/(?:)/.test('')",
          "true" },
        { "RegExp('a').test('A')",
          "false" },
        { "RegExp(/a/g) instanceof RegExp",
          "true" },
        { "new RegExp(/a/g, 'i').flags",
          "\"i\"" },
        { "/a/ == /a/",
          "false" },
        { "typeof /a/",
          "\"object\"" },
        { "Object.prototype.toString.call(/a/)",
          "\"[object RegExp]\"" },
        { "RegExp.prototype.toString.call(/a/g)",
          "\"/a/g\"" },
        { "/undefined/.test()",
          "true" },
        { "/null/.test(null)",
          "true" },
    };
    /* clang-format on */

    lib_check(cases, COUNT(cases), *state);
}

static void a_wrong_literal_is_found_at_startup(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *complaint; } cases[] = {
        { "function f() {\n return /(/ }",
          "script_syntax: test.js:2:9: regular expression: unterminated group" },
        { "var x = /a/q",
          "script_syntax: test.js:1:12: unknown flag of a regular expression" },
        { "var x = /(?<=a+)b/",
          "script_syntax: test.js:1:9: regular expression: each alternative of a "
          "lookbehind must have a fixed length" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(script_complaint(cases[i].source, *state),
                            cases[i].complaint);
    }
}

/* Each ends with an answer or a RangeError, or is stopped; and the world is
 * well afterwards. */
static void no_pattern_runs_for_ever(void **state)
{
    static const char *const bodies[] = {
        "/^(a+)+$/.test(new Array(60).join('a') + '!')",
        "/^.{1,64}$/.test(new Array(200000).join('a'))",
        "/a*a*a*b/.test(new Array(3000).join('a'))",
        "/(a+)+$/.test(new Array(40).join('a') + '!')",
        "/(x+x+)+y/.test(new Array(60).join('x'))",
        "/^(([a-z])+.)+[A-Z]([a-z])+$/.test(new Array(60).join('a'))",
        "new Array(3000).join('a').replace(/(a*)*b/g, '')",
        "new Array(3000).join('a').split(/(a*)*b/)",
        "/(?:a|b)*c/.test(new Array(300000).join('ab'))",
        "/(.*)*x/.test(new Array(100).join('y'))",
        "/((a|b|c|d)*?)*!/.test(new Array(500).join('abcd'))",
        "new RegExp(new Array(5000).join('(')).test('')",
        "new RegExp('(' + new Array(20000).join('a|') + ')').test('b')",
        "(function () { for (var i = 0; i < 1e7; i++) new RegExp('a' + i) })()",
        "(function () { for (;;) 'aaa'.replace(/a/g, function () { throw 1 }) "
        "})()",
        "(function () { for (;;) try { 'aaa'.replace(/a/g, function () "
        "{ throw 1 }) } catch (e) {} })()",
    };
    size_t i;

    for (i = 0; i < COUNT(bodies); ++i) {
        char text[400];
        const char *got;
        flow_script_engine_t *engine =
            script_engine((apr_size_t)32 << 20, 1, *state);
        flow_script_t *script;
        apr_time_t begun = apr_time_now();

        snprintf(text, sizeof(text),
                 "function f() { return %s }\n"
                 "function g() { return 'aXb'.replace(/x/i, '-') }",
                 bodies[i]);
        script = script_compile(text, *state);
        got = script_call(engine, script, "f", NULL, 500, NULL, *state);
        if (*got == '!' && strncmp(got, "!RangeError", 11) != 0 &&
            strncmp(got, "!SyntaxError", 12) != 0 &&
            strncmp(got, "!script_", 8) != 0) {
            fail_msg("%s: %s", bodies[i], got);
        }
        assert_true(apr_time_now() - begun < apr_time_from_sec(20));
        assert_string_equal(
            script_call(engine, script, "g", NULL, 2000, NULL, *state),
            "\"a-b\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_translated),
        cmocka_unit_test(flags_are_a_set),
        cmocka_unit_test(without_memory_there_is_an_error),
        lib_test(patterns_mean_what_the_language_says),
        lib_test(a_wrong_literal_is_found_at_startup),
        lib_test(no_pattern_runs_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
