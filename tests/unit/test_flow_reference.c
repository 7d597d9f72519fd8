/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size: tables. What Celigo's documentation says of helpers, tokens, filters
 * and documents, example by example, in words of our own where it has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "data/flow_filter.h"
#include "data/flow_template.h"
#include "docs_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

#define RECORD "{\"email\": \"a@b\", \"n\": 5, \"s\": \"5\", \"list\": [{\"x\": 1, \"p\": {\"q\": 7}}, {\"x\": 2}], \"nums\": [3, 1, 20], \"words\": [\"b\", \"a\", \"b\"], \"o\": {\"k\": 1, \"m\": 2}, \"e\": [], \"z\": 0, \"es\": \"\", \"name with space\": \"sp\", \"nul\": null, \"html\": \"<b>Hi</b> <i>you</i>\", \"q\": \"say \\\"hi\\\"\\n\", \"f\": false, \"zero\": \"0\"}"

typedef struct case_t {
    const char *text, *out;
} case_t;

static const case_t examples[] = {
    { "{{abs \"-123\"}}", "123" },
    { "{{add \"2\" \"5\"}}", "7" },
    { "{{subtract 5 \"2\"}}", "3" },
    { "{{multiply \"3\" 4}}", "12" },
    { "{{divide \"2002\" \"100\"}}", "20.02" },
    { "{{modulo 7 3}}", "1" },
    { "{{modulo -7 3}}", "-1" },
    { "{{subtract \"a\" 1}}", "NaN" },
    { "{{avg \"2\" \"5\" \"2\"}}", "3" },
    { "{{sum record.nums 1}}", "25" },
    { "{{ceil -2.8}}", "-2" },
    { "{{floor -2.8}}", "-3" },
    { "{{round \"29.77\"}}", "30" },
    { "{{toFixed 29.7777 2}}", "29.78" },
    { "{{toExponential \"12345\" 2}}", "1.23e+4" },
    { "{{toExponential 3.1415926 6}}", "3.141593e+0" },
    { "{{toPrecision 123 2}}", "1.2e+2" },
    { "{{toPrecision 123456 5}}", "1.2346e+5" },
    { "{{capitalize \"foo bar\"}}", "Foo bar" },
    { "{{capitalizeAll \"foo bar\"}}", "Foo Bar" },
    { "{{lowercase \"AB\"}}", "ab" },
    { "{{uppercase \"ab\"}}", "AB" },
    { "{{camelcase \"hand crafted item\"}}", "handCraftedItem" },
    { "{{pascalcase \"hand crafted item\"}}", "HandCraftedItem" },
    { "{{snakecase \"hand crafted item\"}}", "hand_crafted_item" },
    { "{{dashcase \"hand crafted item\"}}", "hand-crafted-item" },
    { "{{dotcase \"hand crafted item\"}}", "hand.crafted.item" },
    { "{{pathcase \"hand crafted item\"}}", "hand/crafted/item" },
    { "{{camelcase \"version-2_1-final\"}}", "version21Final" },
    { "{{sentence \"hELLO wORLD. it is ME! ok? yes\"}}", "Hello world. It is me! Ok? Yes" },
    { "{{chop \"  _ABC_ \"}}", "ABC" },
    { "{{chop \"-ab- cd!\"}}", "ab- cd" },
    { "[{{trim \"  a b \"}}]", "[a b]" },
    { "[{{trimLeft \"  a \"}}]", "[a ]" },
    { "[{{trimRight \" a  \"}}]", "[ a]" },
    { "{{padLeft \"5\" 3 \"0\"}}", "005" },
    { "{{padLeft \"5\" 3.9 \"ab\"}}", "ab5" },
    { "[{{padRight \"5\" 3}}]", "[5  ]" },
    { "{{padLeft \"5\" \"x\" \"0\"}}", "5" },
    { "{{substring \"Celigo\" 1 4}}", "eli" },
    { "{{split \"a,b,c\" \",\"}}", "a" },
    { "{{split \"a,b,c\" \",\" 2}}", "c" },
    { "{{join \"-\" \"a\" \"b\"}}", "a-b" },
    { "{{join \",\" record.nums \"x\"}}", "3,1,20,x" },
    { "{{replace \"a.b.a\" \"a\" \"c\"}}", "c.b.c" },
    { "{{replacefirst \"aXa\" \"a\" \"c\"}}", "cXa" },
    { "{{removefirst \"abab\" \"ab\"}}", "ab" },
    { "{{occurrences \"aaaa\" \"aa\"}}", "2" },
    { "{{reverse \"abc\"}}", "cba" },
    { "{{{sanitize record.html}}}", "Hi you" },
    { "{{truncateWords \"foo bar baz\" 2}}", "foo bar…" },
    { "{{truncateWords \"foo bar baz\" 2 \"!\"}}", "foo bar!" },
    { "{{truncateWords \"foo bar\" 0}}", "…" },
    { "{{truncateWords \"foo bar\" 5}}", "foo bar" },
    { "{{truncateWords \"foo bar\" \"x\"}}", "" },
    { "{{after record.nums 1}}", "1,20" },
    { "{{before record.nums 1}}", "3,1" },
    { "{{first record.nums}}", "3" },
    { "{{first record.nums 2}}", "3,1" },
    { "{{last record.nums}}", "20" },
    { "{{last record.nums 2}}", "1,20" },
    { "{{{jsonSerialize (arrayify record.nul)}}}", "[]" },
    { "{{{jsonSerialize (arrayify 1)}}}", "[1]" },
    { "{{getValue \"record.o.k\"}}", "1" },
    { "{{getValue \"record.no\" \"d\"}}", "d" },
    { "{{{jsonSerialize (pluck record.list \"p.q\")}}}", "[7,null]" },
    { "{{sort record.nums}}", "1,20,3" },
    { "{{sort record.nums number=\"true\"}}", "1,3,20" },
    { "{{sort record.words reverse=\"true\"}}", "b,b,a" },
    { "{{unique record.words}}", "b,a" },
    { "{{dateAdd \"2025-03-26T12:34:56Z\"}}", "2025-03-26T12:34:56.000Z" },
    { "{{dateAdd \"2025-03-26T12:34:56Z\" 86400000}}", "2025-03-27T12:34:56.000Z" },
    { "{{dateAdd \"2025-03-26T12:34:56Z\" 0 \"Asia/Hong_Kong\"}}", "2025-03-26T20:34:56.000+08:00" },
    { "{{dateAdd \"2025-03-26T12:34:56Z\" \"1E6\"}}", "2025-03-26T12:51:36.000Z" },
    { "{{dateAdd \"Wed, 26 Mar 2025 12:34:56 GMT\"}}", "2025-03-26T12:34:56.000Z" },
    { "{{base64Encode \"Hello\" \"hex\"}}", "48656c6c6f" },
    { "{{base64Encode \"Hello\"}}", "SGVsbG8=" },
    { "{{base64Decode \"SGVsbG8=\"}}", "Hello" },
    { "{{base64Decode \"SGVsbG8=\" \"hex\"}}", "48656c6c6f" },
    { "{{{encodeURI \", / ? : @ & = + $ #\"}}}", "%2C%20%2F%20%3F%20%3A%20%40%20%26%20%3D%20%2B%20%24%20%23" },
    { "{{{decodeURI \"%E0%A4%A\"}}}", "%E0%A4%A" },
    { "{{{decodeURI \"a%20b\"}}}", "a b" },
    { "{{{htmlEncode \"<&>'\"}}}", "&lt;&amp;&gt;&#39;" },
    { "{{{htmlDecode \"&lt;&amp;&quot;&#39;\"}}}", "<&\"'" },
    { "{{{jsonEncode record.q}}}", "say \\\"hi\\\"\\n" },
    { "{{{jsonEncode record.o}}}", "[object Object]" },
    { "{{{jsonEncode 5}}}", "5" },
    { "{{{jsonSerialize \"a\"}}}", "\"a\"" },
    { "{{{jsonStringify record.o}}}", "{\"k\":1,\"m\":2}" },
    { "{{#with (jsonParse '{\"a\":{\"b\":3}}')}}{{a.b}}{{/with}}", "3" },
    { "{{{stripProtocol \"http://a/b\"}}}", "//a/b" },
    { "{{{stripQuerystring \"http://a/b?c=d?e\"}}}", "http://a/b" },
    { "{{regexMatch \"a1b22\" \"[0-9]+\"}}", "1" },
    { "{{regexMatch \"a1b22\" \"[0-9]+\" 1}}", "22" },
    { "{{regexMatch \"A\" \"a\" \"i\"}}", "A" },
    { "{{regexReplace \"aXbX\" \"-\" \"X\"}}", "a-bX" },
    { "{{regexReplace \"aXbX\" \"-\" \"X\" \"g\"}}", "a-b-" },
    { "{{regexSearch \"abc\" \"c\"}}", "2" },
    { "{{regexSearch \"abc\" \"x\"}}", "-1" },
    { "{{regexMatch \"price: 12\" \"(?<=price: )[0-9]+\"}}", "12" },
    { "{{eq 5 \"5\"}}", "true" },
    { "{{typeOf record.nums}}", "array" },
    { "{{typeOf record.nul}}", "object" },
    { "{{typeOf record.n}}", "number" },
    { "{{isTruthy \"0\"}}", "true" },
    { "{{isFalsey 0}}", "true" },
    { "{{hasNoItems record.e}}", "true" },
    { "{{hasOwn record.o \"k\"}}", "true" },
    { "{{addCommas 1234567}}", "1,234,567" },
    { "{{addCommas \"x\"}}", "" },
    { "{{bytes 13661855}}", "13.66 MB" },
    { "{{bytes 13661855 3}}", "13.662 MB" },
    { "{{bytes 1396}}", "1.4 kB" },
    { "{{bytes \"foo\"}}", "3 B" },
    { "{{bytes 825399}}", "825.4 kB" },
    { "{{ordinalize 11}}", "11th" },
    { "{{ordinalize 22}}", "22nd" },
    { "{{{hash \"md5\" \"base64\" \"Bob\"}}}", "L8HAvrmSzXCWl1z+v51cOw==" },
    { "{{hash \"sha256\" \"hex\" \"HelloWorld\"}}", "872e4e50ce9990d8b041330c47c9ddd11bec6b503ae9386a99da8584e9bb12c4" },
    { "{{hmac \"sha256\" \"k1\" \"hex\" \"payload\"}}", "f55aa6d0d62426dccb8b38e409fcdbd021fa5265dd89788b937614aea435089e" },
    { "{{{hmac \"sha1\" \"azE=\" \"base64\" \"payload\" \"base64\"}}}", "0gWSS5hEbxc/Vbz13S8lwZbR70U=" },
    { "{{#if record.e}}y{{else}}n{{/if}}", "n" },
    { "{{#unless record.e}}y{{/unless}}", "y" },
    { "{{#compare \"50\" \">\" \"100\"}}y{{else}}n{{/compare}}", "y" },
    { "{{#compare 50 \">\" \"100\"}}y{{else}}n{{/compare}}", "n" },
    { "{{#compare 5 \"==\" \"5\"}}y{{else}}n{{/compare}}", "y" },
    { "{{#compare 5 \"===\" \"5\"}}y{{else}}n{{/compare}}", "n" },
    { "{{#and \"0\" 1}}y{{else}}n{{/and}}", "y" },
    { "{{#and 0 1}}y{{else}}n{{/and}}", "n" },
    { "{{#or \"\" 1}}y{{/or}}", "y" },
    { "{{#neither 0 \"\"}}y{{/neither}}", "y" },
    { "{{#not record.e}}y{{else}}n{{/not}}", "n" },
    { "{{#isEmpty record.e}}y{{else}}n{{/isEmpty}}", "y" },
    { "{{#isEmpty record.no}}y{{else}}n{{/isEmpty}}", "y" },
    { "{{#isEmpty \"x\"}}y{{else}}n{{/isEmpty}}", "y" },
    { "{{#isEmpty record.o}}y{{else}}n{{/isEmpty}}", "n" },
    { "{{#contains \"hay\" \"a\"}}y{{else}}n{{/contains}}", "y" },
    { "{{#contains record.nums 20}}y{{else}}n{{/contains}}", "y" },
    { "{{#inArray record.nums 20}}y{{else}}n{{/inArray}}", "y" },
    { "{{#inArray record.nums \"20\"}}y{{else}}n{{/inArray}}", "n" },
    { "{{#inArray record.list 1}}y{{else}}n{{/inArray}}", "n" },
    { "{{#inArray \"x\" 1}}y{{else}}n{{/inArray}}", "n" },
    { "{{#ifEven 4}}y{{else}}n{{/ifEven}}", "y" },
    { "{{#startsWith \"a\" \"abc\"}}y{{else}}n{{/startsWith}}", "y" },
    { "{{#startsWith \"a\"}}y{{else}}n{{/startsWith}}", "" },
    { "{{#some record.nums isNumber}}y{{else}}n{{/some}}", "y" },
    { "{{#some record.nums \"isString\"}}y{{else}}n{{/some}}", "n" },
    { "{{#filter record.words \"b\"}}[{{this}}]{{else}}n{{/filter}}", "[b][b]" },
    { "{{#filter record.list 7 \"p.q\"}}{{x}}{{/filter}}", "1" },
    { "{{#filter record.e 1}}y{{else}}n{{/filter}}", "n" },
    { "{{#filter \"a\" 1}}y{{else}}n{{/filter}}", "" },
    { "{{#each record.list as |item|}}{{item.x}}{{/each}}", "12" },
    { "{{#each record.o}}{{@key}}{{this}}{{#unless @last}},{{/unless}}{{/each}}", "k1,m2" },
    { "{{#with record.o}}{{k}}{{/with}}", "1" },
    { "{{{{raw}}}}{{x}}{{{{/raw}}}}", "{{x}}" },
    { "\\{{x}}", "{{x}}" },
    { "{{! c }}{{!-- c --}}a", "a" },
    { "{{record.[name with space]}}", "sp" },
    { "{{record.list.[0].x}}", "1" },
    { "{{record.list.length}}", "2" },
    { "{{#each record.list}}{{@index}}{{@first}}{{/each}}", "0true1false" },
    { "{{#if record.z}}a{{else if record.n}}b{{else}}c{{/if}}", "b" },
    { "{{#compare 1 \">\" 2}}a{{else compare 1 \"<\" 2}}b{{else}}c{{/compare}}", "b" },
    { "{{data.0.email}}", "a@b" },
    { "{{email}}", "a@b" },
    { "{{data.email}}", "a@b" },
    { "{{dateFormat \"DDD\" \"2020-07-09T19:59:39.161Z\"}}", "191" },
    { "{{dateFormat \"E\" \"2020-07-09T19:59:39.161Z\"}}", "4" },
    { "{{dateFormat \"ww\" \"2020-07-09T19:59:39.161Z\"}}", "28" },
    { "{{dateFormat \"hh\" \"2020-07-09T19:59:39.161Z\"}}", "07" },
    { "{{dateFormat \"SS\" \"2020-07-09T19:59:39.161Z\"}}", "16" },
    { "{{dateFormat \"X\" \"2020-07-09T19:59:39.161Z\"}}", "1594324779" },
    { "{{dateFormat \"LLLL\" \"2020-07-09T19:59:39.161Z\"}}", "Thursday, July 9, 2020 7:59 PM" },
    { "{{dateFormat \"Z\" \"2020-07-09T19:59:39.161Z\"}}", "+00:00" },
    { "{{dateFormat \"ZZ\" \"2020-07-09T19:59:39.161Z\"}}", "+0000" },
    { "{{dateFormat \"M\" \"2020-07-09T19:59:39.161Z\"}}", "7" },
    { "{{dateFormat \"Mo\" \"2020-07-09T19:59:39.161Z\"}}", "7th" },
    { "{{dateFormat \"MM\" \"2020-07-09T19:59:39.161Z\"}}", "07" },
    { "{{dateFormat \"MMM\" \"2020-07-09T19:59:39.161Z\"}}", "Jul" },
    { "{{dateFormat \"MMMM\" \"2020-07-09T19:59:39.161Z\"}}", "July" },
    { "{{dateFormat \"Q\" \"2020-07-09T19:59:39.161Z\"}}", "3" },
    { "{{dateFormat \"Qo\" \"2020-07-09T19:59:39.161Z\"}}", "3rd" },
    { "{{dateFormat \"D\" \"2020-07-09T19:59:39.161Z\"}}", "9" },
    { "{{dateFormat \"Do\" \"2020-07-09T19:59:39.161Z\"}}", "9th" },
    { "{{dateFormat \"DD\" \"2020-07-09T19:59:39.161Z\"}}", "09" },
    { "{{dateFormat \"DDDo\" \"2020-07-09T19:59:39.161Z\"}}", "191st" },
    { "{{dateFormat \"DDDD\" \"2020-07-09T19:59:39.161Z\"}}", "191" },
    { "{{dateFormat \"d\" \"2020-07-09T19:59:39.161Z\"}}", "4" },
    { "{{dateFormat \"do\" \"2020-07-09T19:59:39.161Z\"}}", "4th" },
    { "{{dateFormat \"dd\" \"2020-07-09T19:59:39.161Z\"}}", "Th" },
    { "{{dateFormat \"ddd\" \"2020-07-09T19:59:39.161Z\"}}", "Thu" },
    { "{{dateFormat \"dddd\" \"2020-07-09T19:59:39.161Z\"}}", "Thursday" },
    { "{{dateFormat \"e\" \"2020-07-09T19:59:39.161Z\"}}", "4" },
    { "{{dateFormat \"w\" \"2020-07-09T19:59:39.161Z\"}}", "28" },
    { "{{dateFormat \"wo\" \"2020-07-09T19:59:39.161Z\"}}", "28th" },
    { "{{dateFormat \"W\" \"2020-07-09T19:59:39.161Z\"}}", "28" },
    { "{{dateFormat \"Wo\" \"2020-07-09T19:59:39.161Z\"}}", "28th" },
    { "{{dateFormat \"WW\" \"2020-07-09T19:59:39.161Z\"}}", "28" },
    { "{{dateFormat \"YY\" \"2020-07-09T19:59:39.161Z\"}}", "20" },
    { "{{dateFormat \"YYYY\" \"2020-07-09T19:59:39.161Z\"}}", "2020" },
    { "{{dateFormat \"gg\" \"2020-07-09T19:59:39.161Z\"}}", "20" },
    { "{{dateFormat \"gggg\" \"2020-07-09T19:59:39.161Z\"}}", "2020" },
    { "{{dateFormat \"GG\" \"2020-07-09T19:59:39.161Z\"}}", "20" },
    { "{{dateFormat \"GGGG\" \"2020-07-09T19:59:39.161Z\"}}", "2020" },
    { "{{dateFormat \"A\" \"2020-07-09T19:59:39.161Z\"}}", "PM" },
    { "{{dateFormat \"a\" \"2020-07-09T19:59:39.161Z\"}}", "pm" },
    { "{{dateFormat \"H\" \"2020-07-09T19:59:39.161Z\"}}", "19" },
    { "{{dateFormat \"HH\" \"2020-07-09T19:59:39.161Z\"}}", "19" },
    { "{{dateFormat \"h\" \"2020-07-09T19:59:39.161Z\"}}", "7" },
    { "{{dateFormat \"m\" \"2020-07-09T19:59:39.161Z\"}}", "59" },
    { "{{dateFormat \"mm\" \"2020-07-09T19:59:39.161Z\"}}", "59" },
    { "{{dateFormat \"s\" \"2020-07-09T19:59:39.161Z\"}}", "39" },
    { "{{dateFormat \"ss\" \"2020-07-09T19:59:39.161Z\"}}", "39" },
    { "{{dateFormat \"S\" \"2020-07-09T19:59:39.161Z\"}}", "1" },
    { "{{dateFormat \"SSS\" \"2020-07-09T19:59:39.161Z\"}}", "161" },
    { "{{dateFormat \"x\" \"2020-07-09T19:59:39.161Z\"}}", "1594324779161" },
    { "{{dateFormat \"LT\" \"2020-07-09T19:59:39.161Z\"}}", "7:59 PM" },
    { "{{dateFormat \"LTS\" \"2020-07-09T19:59:39.161Z\"}}", "7:59:39 PM" },
    { "{{dateFormat \"L\" \"2020-07-09T19:59:39.161Z\"}}", "07/09/2020" },
    { "{{dateFormat \"l\" \"2020-07-09T19:59:39.161Z\"}}", "7/9/2020" },
    { "{{dateFormat \"LL\" \"2020-07-09T19:59:39.161Z\"}}", "July 9, 2020" },
    { "{{dateFormat \"ll\" \"2020-07-09T19:59:39.161Z\"}}", "Jul 9, 2020" },
    { "{{dateFormat \"LLL\" \"2020-07-09T19:59:39.161Z\"}}", "July 9, 2020 7:59 PM" },
    { "{{dateFormat \"lll\" \"2020-07-09T19:59:39.161Z\"}}", "Jul 9, 2020 7:59 PM" },
    { "{{dateFormat \"llll\" \"2020-07-09T19:59:39.161Z\"}}", "Thu, Jul 9, 2020 7:59 PM" },
    { "{{dateFormat \"[at] YYYY\" \"2020-07-09T19:59:39.161Z\"}}", "at 2020" },
    { "{{dateFormat \"HH\" \"2020-07-09T19:59:39.161Z\" \"\" \"Asia/Hong_Kong\"}}", "03" },
    { "{{dateFormat \"HH\" \"2020-07-09T19:59:39.161Z\" \"Asia/Hong_Kong\"}}", "03" },
    { "{{dateFormat \"YYYY-MM-DD\" \"09.07.2020\" \"DD.MM.YYYY\"}}", "2020-07-09" },
};

/* clang-format on */

static int setup(void **state)
{
    *state = docs_fixture_begin();
    return 0;
}

static int teardown(void **state)
{
    docs_fixture_end(*state);
    return 0;
}

static json_t *parse(docs_fixture_t *f, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(f->p, v);
}

/* The record's fields at the top, too, as a lookup's request has them. */
static json_t *make_context(docs_fixture_t *f)
{
    json_t *record = parse(f, RECORD);
    json_t *context = flow_json_own(f->p, json_copy(record));
    json_t *data = json_copy(record);

    json_object_set(data, "0", record);
    json_object_set_new(context, "data", data);
    json_object_set(context, "record", record);
    return context;
}

static void every_example_of_a_helper_gives_its_result(void **state)
{
    docs_fixture_t *f = *state;
    json_t *context = make_context(f);
    size_t i;

    for (i = 0; i < COUNT(examples); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_template_t *tpl = NULL;
        const char *out = NULL, *text = examples[i].text;
        apr_size_t len;

        if (flow_template_compile(&tpl, text, strlen(text), FLOW_ESCAPE_NONE,
                                  f->p, &err) != APR_SUCCESS ||
            flow_template_text_with(tpl, context, NULL, 65536, &out, &len, f->p,
                                    &err) != APR_SUCCESS) {
            fail_msg("%s: %s", text, err.message);
        }
        if (strcmp(out, examples[i].out) != 0) {
            fail_msg("%s\n--- got\n%s\n--- expected\n%s", text, out,
                     examples[i].out);
        }
    }
}

static void a_filter_of_all_groups_matches_as_it_reads(void **state)
{
    /* clang-format off */
    static const char rules[] =
        "[\"and\",[\"notempty\",[\"extract\",\"mail\"]],"
        "[\"greaterthan\",[\"number\",[\"extract\",\"total\"]],100],"
        "[\"or\",[\"equals\",[\"lowercase\",[\"string\",[\"extract\",\"land\"]]],\"de\"],"
        "[\"anyof\",[\"extract\",\"tier\"],[\"gold\",\"silver\"]]],"
        "[\"greaterthanequals\",[\"epochtime\",[\"extract\",\"changed\"]],1735689600000]]";
    static const struct { const char *record; int match; } cases[] = {
        { "{\"mail\":\"a@b\",\"total\":\"100.5\",\"land\":\"DE\",\"changed\":\"2025-01-01T00:00:00Z\"}", 1 },
        { "{\"mail\":\"a@b\",\"total\":\"100.5\",\"land\":\"fr\",\"tier\":\"silver\",\"changed\":\"2025-01-01T00:00:00Z\"}", 1 },
        { "{\"mail\":\"a@b\",\"total\":\"100.5\",\"land\":\"fr\",\"tier\":\"Silver\",\"changed\":\"2025-01-01T00:00:00Z\"}", 0 },
        { "{\"mail\":\"\",\"total\":101,\"land\":\"de\",\"changed\":\"2025-01-01T00:00:00Z\"}", 0 },
        { "{\"mail\":\"a@b\",\"total\":\"99\",\"land\":\"de\",\"changed\":\"2025-01-01T00:00:00Z\"}", 0 },
        { "{\"mail\":\"a@b\",\"total\":101,\"land\":\"de\",\"changed\":\"2024-12-31T23:59:59.999Z\"}", 0 },
    };
    /* clang-format on */
    docs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter = NULL;
    size_t i;

    assert_int_equal(flow_filter_compile(&filter, parse(f, rules), f->p, &err),
                     0);
    for (i = 0; i < COUNT(cases); ++i) {
        int match = -1;

        assert_int_equal(flow_filter_match(filter, parse(f, cases[i].record),
                                           NULL, &match, f->p, &err),
                         0);
        if (match != cases[i].match) {
            fail_msg("%s: %d", cases[i].record, match);
        }
    }
}

/* Token paging with delta; an upsert with a table; create only, asked first; a
 * daily file. */
static void documents_of_each_shape_load(void **state)
{
    /* clang-format off */
    static const char bundle[] =
        "{\"connections\":[{\"_id\":\"shop\",\"type\":\"http\",\"http\":{\"baseURI\":\"https://shop.example.com\",\"mediaType\":\"json\"}},"
        "{\"_id\":\"disk\",\"type\":\"filesystem\",\"filesystem\":{\"directoryPath\":\"/tmp\"}}],"
        "\"exports\":[{\"_id\":\"changed\",\"name\":\"Changed orders\",\"adaptorType\":\"HTTPExport\",\"_connectionId\":\"shop\","
        "\"type\":\"delta\",\"delta\":{\"dateFormat\":\"YYYY-MM-DDTHH:mm:ss[Z]\",\"lagOffset\":30000},\"pageSize\":50,"
        "\"http\":{\"method\":\"GET\",\"relativeURI\":\"/orders?since={{{lastExportDateTime}}}&cursor={{{export.http.paging.token}}}\","
        "\"response\":{\"resourcePath\":\"result.orders\",\"failPath\":\"result.status\",\"failValues\":[\"error\"],\"errorPath\":\"result.message\"},"
        "\"paging\":{\"method\":\"token\",\"path\":\"result.next\",\"pathLocation\":\"body\",\"lastPagePath\":\"result.more\",\"lastPageValues\":[\"false\"]}},"
        "\"filter\":{\"type\":\"expression\",\"expression\":{\"version\":\"1\",\"rules\":[\"notequals\",[\"extract\",\"state\"],\"draft\"]}}}],"
        "\"imports\":[{\"_id\":\"upsert\",\"adaptorType\":\"HTTPImport\",\"_connectionId\":\"shop\",\"idLockTemplate\":\"{{record.email}}\","
        "\"http\":{\"method\":[\"PUT\",\"POST\"],\"requestType\":[\"UPDATE\",\"CREATE\"],\"relativeURI\":[\"/customers/{{{data.0.remoteId}}}\",\"/customers\"],"
        "\"existingExtract\":\"remoteId\",\"batchSize\":1,\"requestMediaType\":\"json\","
        "\"response\":{\"resourceIdPath\":[\"customer.id\",\"customer.id\"],\"successPath\":[\"ok\",\"ok\"],\"successValues\":[[\"true\"],[\"true\"]],\"errorPath\":\"problems.0.text\"}},"
        "\"mappings\":[{\"generate\":\"email\",\"dataType\":\"string\",\"extract\":\"$.email\",\"status\":\"Active\"},"
        "{\"generate\":\"tier\",\"dataType\":\"string\",\"extract\":\"$.segment\",\"lookupName\":\"tierMap\",\"status\":\"Active\"}],"
        "\"lookups\":[{\"name\":\"tierMap\",\"map\":{\"A\":\"gold\",\"B\":\"silver\"},\"default\":\"basic\",\"allowFailures\":true}]},"
        "{\"_id\":\"tags\",\"adaptorType\":\"HTTPImport\",\"_connectionId\":\"shop\",\"ignoreExisting\":true,"
        "\"http\":{\"method\":[\"POST\"],\"relativeURI\":[\"/tags\"],\"requestType\":[\"CREATE\"],\"ignoreLookupName\":\"findTag\","
        "\"lookups\":[{\"name\":\"findTag\",\"method\":\"GET\",\"relativeURI\":\"/tags?name={{record.tag}}\",\"extract\":\"list.0.id\",\"allowFailures\":true}]}},"
        "{\"_id\":\"stock\",\"adaptorType\":\"FileSystemImport\",\"_connectionId\":\"disk\","
        "\"file\":{\"fileName\":\"stock-{{timestamp \\\"YYYYMMDD-HHmmss\\\" \\\"UTC\\\"}}.csv\",\"type\":\"csv\",\"skipAggregation\":false,"
        "\"csv\":{\"columnDelimiter\":\";\",\"includeHeader\":true,\"wrapWithQuotes\":true}}}],"
        "\"flows\":[{\"_id\":\"f\",\"pageGenerators\":[{\"_exportId\":\"changed\"}],\"schedule\":\"? */5 * * * *\",\"timezone\":\"Europe/Berlin\","
        "\"pageProcessors\":[{\"type\":\"import\",\"_importId\":\"upsert\",\"responseMapping\":{\"fields\":{\"type\":[{\"extract\":\"id\",\"generate\":\"remoteId\"}]},\"lists\":{\"type\":[]}}}]}]}";
    /* clang-format on */
    docs_fixture_t *f = *state;

    docs_fixture_file(f, "all.json", bundle);
    docs_fixture_include(f, "all.json");
    docs_fixture_compile(f);
    assert_string_equal(docs_fixture_problems(f), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            every_example_of_a_helper_gives_its_result, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_filter_of_all_groups_matches_as_it_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(documents_of_each_shape_load, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
