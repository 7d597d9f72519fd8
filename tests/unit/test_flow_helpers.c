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

#include "data/flow_helper_private.h"
#include "data/flow_json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct case_t {
    const char *text, *out;
} case_t;

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS)
        fail_msg("%s: %s", text, err.message);
    return v;
}

static apr_status_t try_out(const char *text, const json_t *context,
                            const flow_template_env_t *env, const char **out,
                            apr_pool_t *p, flow_error_t *err)
{
    flow_template_options_t options = { FLOW_ESCAPE_NONE };
    flow_template_t *tpl;
    apr_status_t rv =
        flow_template_compile_with(&tpl, text, strlen(text), &options, p, err);

    *out = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    return flow_template_text_with(tpl, context, env, 4 * 1024 * 1024, out,
                                   NULL, p, err);
}

static void check_env(const case_t *cases, size_t n, const char *record,
                      const flow_template_env_t *env, apr_pool_t *p)
{
    json_t *context = parse(record);
    size_t i;

    for (i = 0; i < n; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *out;

        if (try_out(cases[i].text, context, env, &out, p, &err) != APR_SUCCESS)
            fail_msg("%s: %s", cases[i].text, err.message);
        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s gave '%s', not '%s'", cases[i].text, out,
                     cases[i].out);
    }
    json_decref(context);
}

#define check(cases, record, p) check_env(cases, COUNT(cases), record, NULL, p)

/* --- the tables ----------------------------------------------------------- */

static void every_example_in_the_tables_is_true(void **state)
{
    const flow_helper_table_t *table;
    apr_size_t t, i, inlines = 0, blocks = 0;

    for (t = 0; (table = flow_helper_table(t)) != NULL; ++t) {
        for (i = 0; i < table->n; ++i) {
            const flow_helper_t *row = &table->rows[i];

            *(row->is_block ? &blocks : &inlines) += 1;
            if (row->example) {
                case_t one = { row->example, row->result };

                check_env(&one, 1, "{}", NULL, *state);
            }
            assert_ptr_equal(flow_helper_find(row->name, strlen(row->name)),
                             row);
            assert_true(row->help[0]);
        }
    }
    /* first, last, date and jsonStringify besides those of the index */
    assert_int_equal(inlines, 79 + 4);
    assert_int_equal(blocks, 16);
}

static void the_documentation_is_what_the_tables_say(void **state)
{
    FILE *f = fopen("docs/templates.md", "r");
    char *text = apr_pcalloc(*state, 200000);
    flow_buf_t out;

    assert_non_null(f);
    assert_true(fread(text, 1, 199999, f) > 0);
    fclose(f);
    flow_buf_init(&out, 200000);
    assert_int_equal(flow_template_write_markdown(&out), APR_SUCCESS);
    /* TEMPLATES_MD=1 prints what the page has to contain */
    if (getenv("TEMPLATES_MD"))
        fwrite(out.data, 1, out.len, stderr);
    if (!strstr(text, out.data))
        fail_msg("docs/templates.md does not hold the tables as they are; run "
                 "this test with TEMPLATES_MD=1 to see them");
    flow_buf_release(&out);
}

/* --- by topic ------------------------------------------------------------- */

/* clang-format off */
static void numbers_are_javascript_s(void **state)
{
    static const case_t cases[] = {
        { "{{add 0.1 0.2}} {{add \"1e3\" \"0x10\"}} {{add \" 5 \" true}}", "0.30000000000000004 1016 6" },
        { "{{add \"x\" 1}} {{divide 1 0}} {{divide -1 0}} {{divide 0 0}}", "NaN Infinity -Infinity NaN" },
        { "{{add nil 1}} {{add zz 1}} {{add \"\" 1}} {{multiply o 1}} {{add one 1}}", "1 NaN 1 NaN 6" },
        { "{{multiply \"3\" 19.99}} {{modulo -7 3}} {{subtract 5 5}}", "59.97 -1 0" },
        { "{{sum list 10 \"1\"}} {{avg 1 2}} {{abs -45.67}}", "14.5 1.5 45.67" },
        { "{{round 2.5}} {{round -2.5}} {{round 0.49999999999999994}} {{round \"19.4\"}} {{ceil -2.8}} {{ceil 62.02}}", "3 -2 0 19 -2 63" },
        { "{{toFixed 1.005 2}} {{toFixed 2.5 0}} {{toFixed -2.5 0}} {{toFixed -0.001 2}} {{toFixed \"1e21\" 2}} {{toFixed 123.456789 4}} {{toFixed \"x\" 1}} {{toFixed 0 2}}",
          "1.00 3 -3 -0.00 1e+21 123.4568 NaN 0.00" },
        { "{{toFixed 9.995 2}} {{toFixed 99.99 1}} {{toFixed 0.5 0}} {{toFixed 10 3}} {{toFixed 29.77}}", "9.99 100.0 1 10.000 30" },
        { "{{toExponential 0}} {{toExponential 12345}} {{toExponential 0.00015 1}} {{toExponential \"3.14159265359\" 6}} {{toExponential -99999 2}} {{toExponential 0 2}}",
          "0e+0 1.2345e+4 1.5e-4 3.141593e+0 -1.00e+5 0.00e+0" },
        { "{{toPrecision 123.00 2}} {{toPrecision 123 3}} {{toPrecision 0.000123 2}} {{toPrecision 0.0000001 1}} {{toPrecision 1234567 6}} {{toPrecision 99.9 2}} {{toPrecision 0 3}} {{toPrecision 12 5}}",
          "1.2e+2 123 0.00012 1e-7 1.23457e+6 1.0e+2 0.00 12.000" },
        { "{{big}} {{price}} {{add price 0}}", "9007199254740993 19.90 19.9" },
    };

    check(cases, "{\"list\":[1,\"2\",0.5],\"nil\":null,\"o\":{},\"one\":[5],\"big\":9007199254740993,\"price\":19.90}", *state);
}

static void text_is_cut_in_utf16_units(void **state)
{
    static const case_t cases[] = {
        { "{{substring u 0 1}}|{{substring u 1 3}}|{{substring u 3 4}}|{{substring u 9 2}}", "\xc3\xa9|\xf0\x9f\x98\x80|x|\xf0\x9f\x98\x80x" },
        { "{{substring \"abc\" 2 0}}|{{substring \"abc\" 1}}|{{substring \"abc\" \"x\" 2}}|{{substring zz 0 1}}", "ab|bc|ab|" },
        { "{{padLeft u 6 \"-+\"}}|{{padRight 7 3}}|{{padLeft \"abcd\" 2}}|{{padLeft \"a\" 5.9 0}}|{{padLeft \"a\" \"x\"}}", "-+\xc3\xa9\xf0\x9f\x98\x80x|7  |abcd|0000a|a" },
        { "{{reverse u}}|{{reverse 123}}|{{reverse list}}", "x\xf0\x9f\x98\x80\xc3\xa9|321|3,2,1" },
        { "{{u.length}} {{u.[0]}} {{u.[4]}}|{{item.[0]}}{{item.[10]}}", "4 \xc3\xa9 |1a" },
        { "{{split \"a-b\" \"-\"}}|{{split \"a-b\" \"-\" 5}}|{{split \"ab\" \"-\"}}|{{split \"abc\" \"\" 1}}|{{split \"a--b\" \"-\" 1}}", "a||ab|b|" },
        { "{{join \",\" list \"x\" nested}}|{{join \"-\"}}|{{join \"-\" nil \"a\"}}", "1,2,3,x,4,5||-a" },
        { "{{replace \"aaa\" \"a\" \"$&\"}}|{{replace \"abc\" \"\" \"x\"}}|{{replace zz \"a\" \"b\"}}|{{replacefirst \"aXa\" \"a\" \"\"}}|{{removefirst \"a b a\" \"a\"}}", "$&$&$&|abc||Xa| b a" },
        { "{{occurrences \"aaaa\" \"aa\"}} {{occurrences \"Foo\" \"foo\"}} {{occurrences \"/api/v1/resource/item\" \"/\"}}", "2 0 4" },
        { "{{trim \"\\t x \"}}|{{chop \"_ABC_\"}}|{{chop \"--\"}}|{{chop \"A_B\"}}|{{chop \"(\xc3\xa9)\"}}", "\\t x|ABC||A_B|\xc3\xa9" },
        { "{{sanitize \"a < b <b>c</b><!-- x > y --><br/>d <\"}}|{{sanitize \"1<2\"}}", "a < b cd <|1<2" },
        { "{{truncateWords \"foo bar baz\" 3}}|{{truncateWords \"foo bar baz\" 0}}|{{truncateWords \"foo bar\" -1}}|{{truncateWords \"foo bar\" \"x\"}}|{{truncateWords \"a b c\" 2 \"--more\"}}",
          "foo bar baz|\xe2\x80\xa6|||a b--more" },
        { "{{capitalize \"\xc3\xa9t\xc3\xa9\"}} {{capitalizeAll \"o'neil's  x-y\"}} {{sentence \"Mr. API? yes!no\"}} {{uppercase \"stra\xc3\x9f""e\"}}",
          "\xc3\x89t\xc3\xa9 O'neil's  X-y Mr. Api? Yes!No STRASSE" },
        { "{{camelcase \"HELLO&WORLD\"}} {{camelcase \" order_123_id \"}} {{pascalcase \"XMLHttpRequest v2Final\"}} {{snakecase \"New Product Launch 2025\"}} {{dashcase \"--\"}}",
          "helloWorld order123Id XmlHttpRequestV2Final new_product_launch_2025 " },
        { "{{dotcase \"a-b-c d_e\"}} {{pathcase \"a-b-c d_e\"}} {{dashcase \"v2.1\"}} {{lowercase 5}}{{lowercase nil}}", "a.b.c.d.e a/b/c/d/e v2-1 5" },
    };

    check(cases, "{\"u\":\"\xc3\xa9\xf0\x9f\x98\x80x\",\"list\":[1,2,3],\"nested\":[[4],[5,[]]],\"nil\":null,\"item\":\"1001 text a\"}", *state);
}

static void arrays_stay_arrays_between_helpers(void **state)
{
    static const case_t cases[] = {
        { "{{#each (after tags 3)}}{{this}};{{/each}}|{{#each (before tags 3)}}{{this}};{{/each}}|{{after tags 9}}|{{before tags 9}}|{{after \"x\" 1}}", "four;five;|one;two;|||" },
        { "{{first tags}} {{first tags 2}} {{last tags}} {{last tags 2}} {{first empty}}|{{last zz}}", "one one,two five four,five |" },
        { "{{{jsonSerialize (arrayify zz)}}}{{{jsonSerialize (arrayify tags)}}}{{{jsonSerialize (arrayify \"a,b\")}}}{{{jsonSerialize (arrayify 1)}}}", "[][\"one\",\"two\",\"three\",\"four\",\"five\"][\"a,b\"][1]" },
        { "{{sort nums}} {{sort nums number=\"true\"}} {{sort nums number=\"true\" reverse=\"true\"}} {{sort tags reverse=\"true\"}} {{sort nums number=\"false\"}}", "1,10,2,9 1,2,9,10 10,9,2,1 two,three,one,four,five 1,10,2,9" },
        { "{{unique mixed}} {{#each (unique tags)}}{{this}}{{#unless @last}},{{/unless}}{{/each}}", "1,1,true,9007199254740993,9007199254740992 one,two,three,four,five" },
        { "{{{jsonSerialize (pluck rows \"a.b\")}}} {{sum (pluck rows \"a.b\")}}", "[1,null,3] 4" },
        { "{{getValue \"rows[2].a.b\" 7}} {{getValue \"rows.0.a.[b]\"}} {{getValue \"zz.y\" \"d\"}} {{getValue (getValue \"dyn\")}} {{getValue \"nil\" \"n\"}}", "3 1 d one n" },
        { "{{#each rows}}{{getValue \"nums.0\"}}{{getValue \"a.b\" \"-\"}} {{/each}}", "101 10- 103 " },
        { "{{#each (sort (unique nums) number=\"true\")}}{{@index}}{{this}}{{/each}}", "0112293" "10" },
        { "{{hasOwn rows.[0] \"a\"}} {{hasOwn rows.[0] \"toString\"}} {{hasOwn tags \"0\"}} {{hasNoItems empty}} {{hasNoItems tags}} {{hasNoItems zz}}", "true false false true false true" },
        { "{{typeOf 1}} {{typeOf \"\"}} {{typeOf true}} {{typeOf tags}} {{typeOf nil}} {{typeOf zz}} {{typeOf rows.[0]}}", "number string boolean array object undefined object" },
        { "{{eq 5 \"5\"}} {{eq nil zz}} {{eq 0 \"\"}} {{eq nil 0}} {{eq \"a\" \"a\"}} {{eq true \"1\"}} {{eq big big2}} {{eq tags tags}} {{eq one \"1\"}}", "true true true false true true false true true" },
        { "{{isTruthy empty}} {{isFalsey \"\"}} {{isTruthy \"0\"}} {{isFalsey nil}} {{isTruthy (add \"x\" 1)}}", "true true true true false" },
        { "{{#with (jsonParse payload)}}{{{jsonStringify event}}} {{id.length}}{{/with}}", "{\"type\":\"create\",\"n\":1.50} 3" },
    };

    check(cases, "{\"tags\":[\"one\",\"two\",\"three\",\"four\",\"five\"],\"empty\":[],\"nums\":[\"10\",9,1,2],\"one\":[1],"
          "\"mixed\":[1,\"1\",1.0,true,\"1\",9007199254740993,9007199254740992],\"dyn\":\"tags.0\",\"nil\":null,"
          "\"rows\":[{\"a\":{\"b\":1}},{},{\"a\":{\"b\":3}}],\"big\":9007199254740993,\"big2\":9007199254740992,"
          "\"payload\":\"{\\\"event\\\":{\\\"type\\\":\\\"create\\\",\\\"n\\\":1.50},\\\"id\\\":[123,456,789]}\"}", *state);
}

static void encodings_go_both_ways(void **state)
{
    static const case_t cases[] = {
        { "{{{base64Encode u}}} {{{base64Encode \"48656c6c6f\" \"hex\"}}} {{{base64Encode \"\xc3\xa9\" \"latin1\"}}} {{{base64Encode \"a\" \"utf16le\"}}} {{{base64Encode \"SGk=\" \"base64\"}}}",
          "w6nwn5iA SGVsbG8= 6Q== YQA= SGk=" },
        /* The reference prints hex of the input here, against its own text. */
        { "{{{base64Encode \"Hello\" \"hex\"}}}", "48656c6c6f" },
        { "{{{base64Encode (join \":\" \"username\" \"secret\")}}}", "dXNlcm5hbWU6c2VjcmV0" },
        { "{{{base64Decode \"U29tZSBlbmNvZGVkIHZhbHVl\" \"utf8\"}}}|{{{base64Decode \"w6nwn5iA\"}}}|{{{base64Decode \"6Q\" \"latin1\"}}}|{{{base64Decode \"YQA92ADe\" \"ucs2\"}}}|{{{base64Decode \"_-8=\" \"hex\"}}}|{{{base64Decode \"6Q==\"}}}|{{{base64Decode \"SGk=\" \"base64\"}}}",
          "Some encoded value|\xc3\xa9\xf0\x9f\x98\x80|\xc3\xa9|a\xf0\x9f\x98\x80|ffef|\xef\xbf\xbd|SGk=" },
        { "{{{encodeURI \", / ? : @ & = + $ #!~*'()\"}}} {{{encodeURI u}}}", "%2C%20%2F%20%3F%20%3A%20%40%20%26%20%3D%20%2B%20%24%20%23!~*'() %C3%A9%F0%9F%98%80" },
        { "{{{decodeURI \"%C3%A9+%2f\"}}}|{{{decodeURI \"100%\"}}}|{{{decodeURI \"%ff\"}}}", "\xc3\xa9+/|100%|%ff" },
        { "{{{htmlEncode record.content}}}", "&lt;div class=&#39;alert&#39;&gt;&amp; Goodbye &quot;world&quot;&lt;/div&gt;" },
        { "{{{htmlDecode \"&#233;&#xe9;&#x1F600;&apos;&nbsp;&foo;&#0;&#x;&amp;lt;\"}}}", "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80'\xc2\xa0&foo;&#0;&#x;&lt;" },
        { "{{jsonEncode lines}}|{{jsonEncode 89.99}}|{{jsonEncode record}}|{{jsonEncode true}}|{{jsonEncode zz}}", "a\\nb\\\"|89.99|[object Object]|true|" },
        { "{{replace (jsonEncode lines) \"\\n\" \", \"}}", "a, b\\\"" },
        { "{{{jsonSerialize \"a\"}}} {{{jsonSerialize price}}} {{{jsonSerialize nil}}} {{{jsonSerialize zz}}}", "\"a\" 19.90 null " },
        { "{{#each (jsonParse \"[1,2.50]\")}}{{@index}}:{{this}} {{/each}}", "0:1 1:2.50 " },
        { "{{stripProtocol \"HTTPS://e.com/r?url=http://o.com\"}} {{stripProtocol \"//a/b\"}} {{stripProtocol \"a/b\"}} {{stripProtocol \"h2://x\"}}", "//e.com/r?url=http://o.com //a/b a/b //x" },
        { "{{stripQuerystring \"/f.html?v=1?2\"}} {{stripQuerystring \"/f#x\"}}", "/f.html /f#x" },
    };

    check(cases, "{\"u\":\"\xc3\xa9\xf0\x9f\x98\x80\",\"record\":{\"content\":\"<div class='alert'>& Goodbye \\\"world\\\"</div>\"},"
          "\"lines\":\"a\\nb\\\"\",\"price\":19.90,\"nil\":null}", *state);
}

static void regular_expressions_are_javascript_s(void **state)
{
    static const case_t cases[] = {
        { "{{regexMatch c \"[0-9]{5}\"}}|{{regexMatch c \"[0-9]{5}\" 1}}|{{regexMatch c \"[0-9]{5}\" 2}}|{{regexMatch c \"IDS\" 0 \"i\"}}|{{regexMatch c \"IDS\" \"i\"}}|{{regexMatch c \"IDS\" 0}}", "12345|67890||ids|ids|" },
        { "{{regexMatch (regexReplace \"+1 (555) 123-4567\" \"\" \"[^\\d]\" \"g\") \"\\d{10}$\" \"g\"}}", "5551234567" },
        { "{{regexMatch \"(BR12345)-WIT-1\" \"(?<=\\()(.*?)(?=\\))\" \"g\"}}|{{regexMatch \"a?id=77&x\" \"(?<=id=)\\d*\" 0 \"gm\"}}|{{{regexMatch \"a?id=77&x\" \"id=.*$\"}}}", "BR12345|77|id=77&x" },
        { "{{regexReplace \"aaa\" \"b\" \"a\"}} {{regexReplace \"aaa\" \"b\" \"a\" \"g\"}} {{regexReplace \"John Smith\" \"$2, $1\" \"(\\w+) (\\w+)\"}} {{regexReplace \"x\" \"[$&$$$0]\" \"x\"}}", "baa bbb Smith, John [x$$0]" },
        { "{{regexReplace \"abc\" \"-\" \"\" \"g\"}} {{regexReplace \"abc\" \"[$`|$']\" \"b\"}} {{regexReplace \"ab\" \"$<y>$<x>\" \"(?<x>a)(?<y>b)\"}}", "-a-b-c- a[a|c]c ba" },
        { "{{regexReplace notes \"#### #### #### ####\" \"[0-9]{4} ?[0-9]{4} ?[0-9]{4} ?[0-9]{4}\" \"g\"}}", "Payment with #### #### #### #### approved" },
        { "{{{regexReplace \"<p>a&nbsp;b</P>\" \"\" \"(&nbsp;|<([^>]+)>)\" \"ig\"}}}", "ab" },
        { "{{regexSearch \"$1499.95\" \"\\.\"}} {{regexSearch \"HELLO Celigo\" \"celigo\" \"i\"}} {{regexSearch \"abc\" \"x\"}} {{regexSearch u \"x\"}}", "5 6 -1 3" },
        { "{{regexMatch c dyn}} {{regexMatch zz \"x*\"}}|{{regexMatch c \"^and\" 0 \"m\"}}", "12345 |and" },
    };

    check(cases, "{\"c\":\"ids: 12345\\nand 67890\",\"dyn\":\"\\\\d+\",\"u\":\"\xc3\xa9\xf0\x9f\x98\x80x\",\"notes\":\"Payment with 4111 1111 1111 1111 approved\"}", *state);
}

static void formats_are_for_people(void **state)
{
    static const case_t cases[] = {
        { "{{addCommas 987654321}} {{addCommas \"45200000\"}} {{addCommas 1234.5678}} {{addCommas -1234}} {{addCommas -123}} {{addCommas 123}} {{addCommas big}}|{{addCommas \"x\"}}|{{addCommas zz}}|{{addCommas \"\"}}",
          "987,654,321 45,200,000 1,234.5678 -1,234 -123 123 123,456,789,012,345,678,901|||" },
        /* The reference shows 825.39 kB, without rounding as it does elsewhere. */
        { "{{bytes \"foo\"}} {{bytes 13661855}} {{bytes 825399}} {{bytes 1396}} {{bytes 13661855 0}} {{bytes 1024}} {{bytes 1048576}} {{bytes 0}} {{bytes zz}}", "3 B 13.66 MB 825.4 kB 1.4 kB 14 MB 1.02 kB 1.05 MB 0 B 0 B" },
        { "{{ordinalize 1}} {{ordinalize \"2\"}} {{ordinalize 3}} {{ordinalize 4}} {{ordinalize 11}} {{ordinalize 12}} {{ordinalize 13}} {{ordinalize 22}} {{ordinalize 111}} {{ordinalize -1}} {{ordinalize 1.5}} {{ordinalize \"x\"}}",
          "1st 2nd 3rd 4th 11th 12th 13th 22nd 111th -1 1.5 x" },
    };

    check(cases, "{\"big\":123456789012345678901}", *state);
}

static void blocks_choose_as_documented(void **state)
{
    static const case_t cases[] = {
        { "{{#if empty}}a{{else}}b{{/if}}{{#if zero}}a{{else}}b{{/if}}{{#if zero includeZero=true}}a{{else}}b{{/if}}{{#if \"0\"}}a{{/if}}{{#if o}}a{{/if}}", "bbaaa" },
        { "{{#unless empty}}a{{/unless}}{{#not empty}}a{{else}}b{{/not}}{{#not nil}}a{{/not}}", "aba" },
        { "{{#if nil}}1{{else if zero}}2{{else compare 1 \"<\" \"2\"}}3{{else}}4{{/if}}", "3" },
        { "{{#compare ordered \"<=\" stock}}Match{{else compare stock \"<\" onorder}}Match 2{{else}}low{{/compare}}", "Match 2" },
        { "{{#compare \"50\" \">\" \"100\"}}t{{/compare}}{{#compare 50 \">\" \"100\"}}t{{else}}f{{/compare}}{{#compare \"9\" \">\" \"10\"}}t{{/compare}}", "tft" },
        { "{{#compare 1 \"==\" \"1\"}}a{{/compare}}{{#compare 1 \"===\" \"1\"}}b{{/compare}}{{#compare nil \"!=\" zz}}c{{/compare}}{{#compare nil \"!==\" zz}}d{{/compare}}{{#compare \"x\" \"<=\" 1}}e{{/compare}}{{#compare phone.length \"===\" 9}}f{{/compare}}", "adf" },
        { "{{#and \"0\" 1}}a{{/and}}{{#and zero 1}}b{{else}}c{{/and}}{{#or \"\" nil}}d{{else}}e{{/or}}{{#neither \"\" \"5\"}}f{{else}}g{{/neither}}", "aceg" },
        { "{{#isEmpty empty}}a{{/isEmpty}}{{#isEmpty o}}b{{/isEmpty}}{{#isEmpty zz}}c{{/isEmpty}}{{#isEmpty 5}}d{{/isEmpty}}{{#isEmpty tags}}e{{else}}f{{/isEmpty}}", "abcdf" },
        { "{{#contains \"12345\" 3}}a{{/contains}}{{#contains tags \"gift\"}}b{{/contains}}{{#contains tags \"gif\"}}c{{else}}d{{/contains}}{{#contains zz \"\"}}e{{else}}f{{/contains}}", "abdf" },
        { "{{#inArray nums \"3\"}}a{{else}}b{{/inArray}}{{#inArray nums 3}}c{{/inArray}}{{#inArray rows rows.[0]}}d{{else}}e{{/inArray}}{{#inArray \"x\" \"x\"}}f{{else}}g{{/inArray}}", "bceg" },
        { "{{#ifEven \"2\"}}a{{/ifEven}}{{#ifEven 5}}b{{else}}c{{/ifEven}}{{#ifEven zz}}d{{else}}e{{/ifEven}}", "ace" },
        { "{{#startsWith \"Jane\" name}}a{{/startsWith}}{{#startsWith \"jane\" name}}b{{else}}c{{/startsWith}}[{{#startsWith \"x\" zz}}d{{else}}e{{/startsWith}}]", "ac[]" },
        { "{{#some nums isNumber}}a{{/some}}{{#some nums isString}}b{{else}}c{{/some}}{{#some mixed isFalsy}}d{{/some}}{{#some mixed \"isObject\"}}e{{/some}}{{#some zz isTruthy}}f{{else}}g{{/some}}", "acdeg" },
        { "{{#filter rows \"custom\" \"tag\"}}{{sku}} {{else}}none{{/filter}}|{{#filter rows \"x\" \"tag\"}}a{{else}}none{{/filter}}|{{#filter zz 1}}a{{else}}b{{/filter}}|{{#filter empty 1}}a{{else}}b{{/filter}}", "m1 m2 |none||b" },
        { "{{#filter rows \"b\" \"d.e\"}}{{sku}}{{@index}}{{../name}}{{/filter}}|{{#filter nums 3 as |n|}}{{n}}{{/filter}}", "m22Jane Doe|3" },
        { "{{#each tags}}{{@index}}{{@key}}{{@first}}{{@last}} {{/each}}{{#each p}}{{@index}}{{@key}}={{this}}{{@last}} {{/each}}", "00truefalse 11falsetrue 0x=1false 1y=2true " },
        { "{{#each zz}}a{{else}}b{{/each}}{{#each \"x\"}}a{{else}}b{{/each}}{{@index}}", "bb" },
        { "{{#with p}}{{x}}{{../name}}{{else}}none{{/with}}{{#with empty}}a{{else}}none{{/with}}{{#with p as |q|}}{{q.y}}{{/with}}", "1Jane Doenone2" },
        { "{{#if (and 1 (not zero))}}a{{/if}}{{and 1 0}}", NULL },
        { "{{#each rows}}{{#if (eq (modulo @index 2) 0)}}<{{/if}}{{sku}}{{/each}}", "<s1m1<m2" },
        { "{{#each rows}}{{#each ../tags}}{{@../index}}{{@index}}{{this}} {{/each}}{{/each}}", "00gift 01rush 10gift 11rush 20gift 21rush " },
    };
    size_t i;
    json_t *context = parse("{\"empty\":[],\"zero\":0,\"o\":{},\"nil\":null,\"ordered\":\"100\",\"stock\":\"10\",\"onorder\":\"1000\","
        "\"phone\":\"123456789\",\"tags\":[\"gift\",\"rush\"],\"nums\":[1,2,3],\"mixed\":[0,{}],\"name\":\"Jane Doe\",\"p\":{\"x\":1,\"y\":2},"
        "\"rows\":[{\"sku\":\"s1\",\"tag\":\"std\"},{\"sku\":\"m1\",\"tag\":\"custom\"},{\"sku\":\"m2\",\"tag\":\"custom\",\"d\":{\"e\":\"b\"}}]}");

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *out;
        apr_status_t rv = try_out(cases[i].text, context, NULL, &out, *state, &err);

        if (!cases[i].out) { /* a block without # is a mistake */
            assert_int_not_equal(rv, APR_SUCCESS);
            continue;
        }
        if (rv != APR_SUCCESS || strcmp(out, cases[i].out) != 0)
            fail_msg("%s gave '%s' %s", cases[i].text, out, err.message);
    }
    json_decref(context);
}

static void dates_take_formats_and_zones(void **state)
{
    static const flow_template_env_t env = { APR_TIME_C(1594324779161000) };
    static const case_t cases[] = {
        { "{{dateAdd d}} {{dateAdd d \"86400000\"}} {{dateAdd d \"-43200000\"}} {{dateAdd d \"1E6\"}}", "2025-03-26T12:34:56.000Z 2025-03-27T12:34:56.000Z 2025-03-26T00:34:56.000Z 2025-03-26T12:51:36.000Z" },
        { "{{dateAdd \"2025-03-26T00:00:00Z\" \"86400000\" \"Asia/Hong_Kong\"}} {{dateAdd \"Mon Nov 21 2019 20:00:00 GMT+0000\"}}", "2025-03-27T08:00:00.000+08:00 2019-11-21T20:00:00.000Z" },
        { "{{dateAdd \"03/10/1990\" \"\" \"US/Central\"}} {{dateAdd 0}} {{dateAdd \"nonsense\"}}|{{dateAdd zz 5}}", "1990-03-09T18:00:00.000-06:00 1970-01-01T00:00:00.000Z Invalid date|" },
        { "{{dateFormat \"MM-DD-YYYY hh:mm A\" d}} {{dateFormat \"YYYY-MM-DDTHH:mm:ssZ\" d \"\" \"Asia/Hong_Kong\"}} {{dateFormat \"MM-DD-YYYY HH:mm\" \"1966-25-05 18:36\" \"YYYY-DD-MM HH:mm\"}}", "03-26-2025 12:34 PM 2025-03-26T20:34:56+08:00 05-25-1966 18:36" },
        { "{{dateFormat \"YYYY-MM-DD HH\" d \"US/Eastern\"}} {{dateFormat \"X\" d}} {{dateFormat \"YYYY-MM-DD [at] HH:mm\" d}} {{dateFormat \"YYYY\" \"x\"}}|{{dateFormat \"YYYY\" zz}}", "2025-03-26 08 1742992496 2025-03-26 at 12:34 Invalid date|" },
        { "{{timestamp}} {{timestamp \"YYYYMMDD[T]HHmmss[Z]\" \"UTC\"}} {{timestamp \"\" \"Europe/Berlin\"}} {{date 'YYYY-MM-DD'}} {{timestamp \"HH:mm\" \"America/Los_Angeles\"}}",
          "2020-07-09T19:59:39.161Z 20200709T195939Z 2020-07-09T21:59:39.161+02:00 2020-07-09 12:59" },
        { "{{#compare (add 1814400 (dateFormat \"X\" d)) \">\" (dateFormat \"X\" \"2025-04-01\")}}later{{/compare}}", "later" },
    };

    check_env(cases, COUNT(cases), "{\"d\":\"2025-03-26T12:34:56Z\"}", &env, *state);
}

static void digests_match_their_vectors(void **state)
{
    static const case_t cases[] = {
        { "{{hash \"md5\" \"base64\" \"Bob\"}}", "L8HAvrmSzXCWl1z+v51cOw==" },
        { "{{hash \"sha256\" \"hex\" \"HelloWorld\"}}", "872e4e50ce9990d8b041330c47c9ddd11bec6b503ae9386a99da8584e9bb12c4" },
        { "{{hmac \"sha256\" \"k1\" \"hex\" \"payload\"}}", "f55aa6d0d62426dccb8b38e409fcdbd021fa5265dd89788b937614aea435089e" },
        { "{{hmac \"sha1\" \"azE=\" \"base64\" \"payload\" \"base64\"}}", "0gWSS5hEbxc/Vbz13S8lwZbR70U=" },
        { "{{hmac \"sha256\" \"Jefe\" \"hex\" \"what do ya want for nothing?\" \"utf8\"}}", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { "{{hash \"sha256\" \"k1\" \"hex\" \"payload\"}}", "f55aa6d0d62426dccb8b38e409fcdbd021fa5265dd89788b937614aea435089e" },
        { "{{hmac \"sha256\" \"hush\" \"base64\" '{\"id\":1}'}}", "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=" },
    };

    check(cases, "{}", *state);
}
/* clang-format on */

static void options_show_the_request_being_made(void **state)
{
    /* clang-format off */
    static const case_t cases[] = {
        { "{{hmacOptions.method}} {{{hmacOptions.URI}}} {{{hmacOptions.baseURI}}} {{{hmacOptions.relativeURI}}} {{{hmacOptions.urlParameters}}}",
          "POST https://api.example.com/v1/x?b=2&sign=q&a=1&access_token=t https://api.example.com /v1/x?b=2&sign=q&a=1&access_token=t b=2&sign=q&a=1&access_token=t" },
        { "{{hmacOptions.urlParametersMap.b}} {{{hmacOptions.orderedQueryParams}}} {{hmacOptions.bodyParametersMap.id}} {{{hmacOptions.body}}}",
          "2 a=1&b=2 7 {\"id\":7}" },
        { "{{hmacOptions.headers.X-A}} {{hmac \"sha256\" hmacOptions.http.encrypted.key \"hex\" hmacOptions.body}}",
          "v f1ce0b9bdbcecd73bb4ba9c1bb0f80c95d4a3b4f3b2d1b05bbb9d26e32c2e0a5" },
        { "{{hashOptions.orderedQueryParams}}|", "|" },
    };
    /* clang-format on */
    flow_template_request_t request = {
        "POST", "https://api.example.com/v1/x?b=2&sign=q&a=1&access_token=t"
    };
    json_t *headers = parse("{\"X-A\":\"v\"}"),
           *secret = parse("{\"key\":\"k\"}");
    json_t *context = json_object();
    flow_template_t *tpl;
    size_t i;

    request.headers = headers;
    request.encrypted = secret;
    request.body = "{\"id\":7}";
    request.body_len = 8;
    json_object_set_new(context, "hmacOptions",
                        flow_template_request_options(&request, 1, *state));
    json_object_set_new(context, "hashOptions",
                        flow_template_request_options(&request, 0, *state));
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *out;

        if (try_out(cases[i].text, context, NULL, &out, *state, &err) !=
            APR_SUCCESS)
            fail_msg("%s", err.message);
        if (i != 2)
            assert_string_equal(out, cases[i].out);
        else
            assert_int_equal(strlen(out), 2 + 64);
        flow_template_compile(&tpl, cases[i].text, strlen(cases[i].text),
                              FLOW_ESCAPE_NONE, *state, NULL);
        assert_true(flow_template_needs_request(tpl));
    }
    flow_template_compile(&tpl, "{{record.hash}}", 15, FLOW_ESCAPE_NONE, *state,
                          NULL);
    assert_false(flow_template_needs_request(tpl));
    json_decref(context);
    json_decref(headers);
    json_decref(secret);
}

static apr_status_t find_state(void *baton, const char *name, const json_t *key,
                               const json_t **pvalue, flow_error_t *err)
{
    if (strcmp(name, "states") != 0) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_NOTFOUND, "no_lookup",
                              "no lookup '%s'", name);
    }
    *pvalue = json_object_get(baton, flow_json_string(key, NULL));
    return APR_SUCCESS;
}

static void a_static_lookup_asks_its_caller(void **state)
{
    flow_template_env_t env = { 0 };
    json_t *map = parse("{\"Texas\":\"TX\"}");
    flow_error_t err = FLOW_ERROR_INIT;
    const char *out;
    static const case_t cases[] = {
        { "{{lookup \"states\" state}}{{lookup \"states\" "
          "\"Ohio\"}}|{{lookup.dyn}}|"
          "{{lookup obj \"k\"}}|{{lookup list 1}}",
          "TX|found|v|b" },
    };
    const char *record = "{\"state\":\"Texas\",\"lookup\":{\"dyn\":\"found\"},"
                         "\"obj\":{\"k\":\"v\"},\"list\":[\"a\",\"b\"]}";

    env.lookup = find_state;
    env.lookup_baton = map;
    check_env(cases, COUNT(cases), record, &env, *state);
    assert_int_not_equal(
        try_out("{{lookup \"x\" 1}}", NULL, &env, &out, *state, &err),
        APR_SUCCESS);
    assert_string_equal(err.message, "no lookup 'x'");
    json_decref(map);
}

static void random_text_has_the_length_and_the_letters_asked_for(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *a, *b;

    try_out("{{random \"crypto\"}}", NULL, NULL, &a, *state, &err);
    try_out("{{random \"crypto\"}}", NULL, NULL, &b, *state, &err);
    assert_int_equal(strlen(a), 32);
    assert_string_not_equal(a, b);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    try_out("{{random \"number\" 200}}", NULL, NULL, &a, *state, &err);
    assert_int_equal(strlen(a), 200);
    assert_int_equal(strspn(a, "0123456789"), 200);
    try_out("{{random \"uuid\" 5}}", NULL, NULL, &a, *state, &err);
    assert_int_equal(strlen(a), 5);
}

static void what_a_helper_refuses_says_where(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *code, *message; } cases[] = {
        { "a\n{{jsonParse \"{\"}}", "template_value", "helper 'jsonParse' at template line 2, column 3: invalid JSON at line 1, column 2" },
        { "{{toFixed 1 101}}", "template_value", "digits must be 0 to 100" },
        { "{{toPrecision 1 0}}", "template_value", "digits must be 1 to 100" },
        { "{{random \"x\"}}", "template_value", "crypto, uuid or number" },
        { "{{random \"uuid\" 10001}}", "template_value", "at most 10000" },
        { "{{padLeft \"a\" 1000000}}", "template_value", "at most 999999" },
        { "{{base64Encode \"a\" \"utf9\"}}", "template_value", "the encoding must be one of" },
        { "{{hash \"sha3\" \"hex\" \"a\"}}", "template_value", "not 'sha3'" },
        { "{{hash \"md5\" \"hexx\" \"a\"}}", "template_value", "hex or base64" },
        { "{{hmac \"md5\" \"*\" \"hex\" \"a\" \"base64\"}}", "template_value", "the key is not valid base64" },
        { "{{hmac \"md5\" \"k\" \"hex\" \"a\" \"x\"}}", "template_value", "utf8 or base64" },
        { "{{timestamp \"\" zone}}", "template_zone", "there is no time zone 'Mars/X'" },
        { "{{regexMatch \"a\" bad}}", "pattern_syntax", "helper 'regexMatch' at template line 1, column 3: the pattern is wrong at character" },
        { "{{regexMatch \"a\" \"a\" 0 badflags}}", "pattern_syntax", "'q' are no flags" },
        { "{{lookup \"x\" 1}}", "template_lookup", "there are no static lookups here, so no 'x'" },
        { "{{aws4 \"a\" \"b\" \"\" \"\" \"\"}}", "template_request", "only a request's header can be signed" },
        { "{{#compare 1 op 2}}{{/compare}}", "template_operator", "'=>' is no operator" },
    };
    /* clang-format on */
    json_t *context = parse("{\"zone\":\"Mars/X\",\"bad\":\"(\",\"badflags\":"
                            "\"q\",\"op\":\"=>\"}");
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *out;

        if (try_out(cases[i].text, context, NULL, &out, *state, &err) ==
            APR_SUCCESS)
            fail_msg("%s gave '%s'", cases[i].text, out);
        if (!strstr(err.message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, FLOW_E_INPUT);
    }
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
        cmocka_unit_test(every_example_in_the_tables_is_true),
        cmocka_unit_test(the_documentation_is_what_the_tables_say),
        cmocka_unit_test(numbers_are_javascript_s),
        cmocka_unit_test(text_is_cut_in_utf16_units),
        cmocka_unit_test(arrays_stay_arrays_between_helpers),
        cmocka_unit_test(encodings_go_both_ways),
        cmocka_unit_test(regular_expressions_are_javascript_s),
        cmocka_unit_test(formats_are_for_people),
        cmocka_unit_test(blocks_choose_as_documented),
        cmocka_unit_test(dates_take_formats_and_zones),
        cmocka_unit_test(digests_match_their_vectors),
        cmocka_unit_test(options_show_the_request_being_made),
        cmocka_unit_test(a_static_lookup_asks_its_caller),
        cmocka_unit_test(random_text_has_the_length_and_the_letters_asked_for),
        cmocka_unit_test(what_a_helper_refuses_says_where),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}
