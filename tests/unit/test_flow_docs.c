/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "docs_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

static void expect_doc(docs_fixture_t *f, flow_kind_e kind, const char *id,
                       const char *json)
{
    flow_doc_t *doc = flow_docs_find(f->docs, kind, id);

    if (!doc) {
        fail_msg("no %s '%s'; problems: %s", flow_kind_name(kind), id,
                 docs_fixture_problems(f));
    }
    assert_string_equal(flow_json_text(doc->json, NULL, f->p), json);
}

static void sections_become_documents(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_conf(f, "a.conf",
                      "<connection shop>\n"
                      "type http\n"
                      "http.baseURI https://shop.example.com\n"
                      "http.headers[0].name X-One\n"
                      "http.headers[0].value one\n"
                      "http.headers[1].name X-Two\n"
                      "http.auth.basic {\"username\":\"u\"}\n"
                      "http.auth.basic.password p\n"
                      "settings.a.b c\n"
                      "createdAt yesterday\n");
    flow_docs_finish(f->docs);
    assert_string_equal(docs_fixture_problems(f), "");
    expect_doc(f, FLOW_KIND_CONNECTION, "shop",
               "{\"_id\":\"shop\",\"type\":\"http\",\"http\":{\"baseURI\":"
               "\"https://shop.example.com\",\"headers\":[{\"name\":\"X-One\","
               "\"value\":\"one\"},{\"name\":\"X-Two\"}],\"auth\":{\"basic\":{"
               "\"username\":\"u\",\"password\":\"p\"}}},\"settings\":{\"a\":{"
               "\"b\":\"c\"}}}");
}

static void wrong_lines_are_problems_with_their_place(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_conf(f, "a.conf",
                      "<flow a/b>\n"
                      "name not reported\n"
                      "<flow sync>\n"
                      "name Sync\n"
                      "name Again\n"
                      "nmae x\n"
                      "_abstractFlowId x\n"
                      "disabled maybe\n"
                      "_id other\n"
                      "pageGenerators[2]._exportId x\n"
                      "pageGenerators[0] {}\n"
                      "pageProcessors []\n"
                      "pageProcessors[0].type import\n"
                      "name.first x\n"
                      "settings.\xff.x y\n"
                      "<flow sync>\n"
                      "nmae not reported\n");
    flow_docs_finish(f->docs);
    flow_docs_finish(f->docs);
    assert_string_equal(
        docs_fixture_problems(f),
        "a.conf:1: flow 'a/b': an id must not contain blanks, '/' or control "
        "characters\n"
        "a.conf:5: flow 'sync', name: set twice; first at a.conf:4\n"
        "a.conf:6: flow 'sync', nmae: unknown field 'nmae'; did you mean "
        "'name'?\n"
        "a.conf:7: flow 'sync', _abstractFlowId: field '_abstractFlowId' is "
        "known but not "
        "supported yet\n"
        "a.conf:8: flow 'sync', disabled: 'maybe' is not true or false\n"
        "a.conf:9: flow 'sync', _id: the section's argument is the id\n"
        "a.conf:10: flow 'sync', pageGenerators[2]._exportId: there is no "
        "object [2]; the next element is [0]\n"
        "a.conf:11: flow 'sync', pageGenerators[0]: an element is set by its "
        "members, or the array as a whole\n"
        "a.conf:14: flow 'sync', name.first: unknown field 'name.first'\n"
        "a.conf:15: flow 'sync', settings.\xef\xbf\xbd.x: the name of the "
        "field is not "
        "UTF-8\n"
        "a.conf:16: flow 'sync': defined twice; the first one stands at "
        "a.conf:3");
}

static void a_field_knows_where_it_stands(void **state)
{
    docs_fixture_t *f = *state;
    flow_doc_t *doc;
    const char *file;
    int line;

    docs_fixture_conf(f, "a.conf",
                      "\n<flow sync>\npageGenerators [{}]\nname x\n");
    docs_fixture_file(f, "all.json",
                      "{\n \"exports\": [\n  {\"_id\": \"a\"},\n"
                      "  {\"_id\": \"b\",\n   \"http\": {\n    \"method\":\n"
                      "     \"GET\"}}]}\n");
    docs_fixture_include(f, "all.json");
    flow_docs_finish(f->docs);
    doc = flow_docs_find(f->docs, FLOW_KIND_FLOW, "sync");
    flow_doc_place(doc, "pageGenerators[0]._exportId", &file, &line);
    assert_string_equal(file, "a.conf");
    assert_int_equal(line, 3);
    flow_doc_place(doc, "disabled", &file, &line);
    assert_int_equal(line, 2);
    flow_doc_place(doc, NULL, &file, &line);
    assert_int_equal(line, 2);
    doc = flow_docs_find(f->docs, FLOW_KIND_EXPORT, "b");
    flow_doc_place(doc, "http.method", &file, &line);
    assert_int_equal(line, 7);
    flow_doc_place(doc, "http.body", &file, &line);
    assert_int_equal(line, 5);
    flow_doc_place(doc, "name", &file, &line);
    assert_int_equal(line, 4);
}

static void folders_bundles_and_scripts_are_included(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(f, "exports/orders.json", "{\"name\": \"Orders\"}");
    docs_fixture_file(f, "exports/other.json", "{\"_id\": \"named\"}");
    docs_fixture_file(f, "exports/two.json",
                      "[{\"_id\":\"x1\"},{\"_id\":\"x2\"}]");
    docs_fixture_file(f, "exports/.hidden.json", "not json");
    docs_fixture_file(f, "exports/README.md", "not a document");
    docs_fixture_file(f, "scripts/main.js", "function a() {}\n");
    docs_fixture_file(f, "scripts/old.json",
                      "{\"content\":\"function b() {}\"}");
    docs_fixture_file(f, "all.json",
                      "{\"flows\":[{\"_id\":\"sync\"}],\"apis\":[]}");
    docs_fixture_file(f, "misc/ignored.json", "not json");
    docs_fixture_include(f, "");
    assert_string_equal(docs_fixture_problems(f), "");
    assert_int_equal(flow_docs_count(f->docs), 7);
    expect_doc(f, FLOW_KIND_EXPORT, "orders", "{\"name\":\"Orders\"}");
    expect_doc(f, FLOW_KIND_EXPORT, "named", "{\"_id\":\"named\"}");
    expect_doc(f, FLOW_KIND_EXPORT, "x2", "{\"_id\":\"x2\"}");
    expect_doc(f, FLOW_KIND_FLOW, "sync", "{\"_id\":\"sync\"}");
    assert_string_equal(
        flow_docs_find(f->docs, FLOW_KIND_SCRIPT, "main")->source,
        "function a() {}\n");
    assert_string_equal(
        flow_docs_find(f->docs, FLOW_KIND_SCRIPT, "old")->source,
        "function b() {}");
}

static void a_wildcard_takes_what_matches(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(f, "flows/a1.json", "{}");
    docs_fixture_file(f, "flows/a2.json", "{}");
    docs_fixture_file(f, "flows/b1.json", "{}");
    docs_fixture_file(f, "flows/a3.txt", "{}");
    docs_fixture_include(f, "flows/a*.json");
    assert_int_equal(flow_docs_count(f->docs), 2);
    docs_fixture_include(f, "flows/c*");
    docs_fixture_include(f, "flows/a3*");
    assert_string_equal(
        docs_fixture_problems(f),
        "test.conf:1: nothing matches 'DIR/flows/c*'\n"
        "test.conf:1: 'DIR/flows/a3.txt' is neither a .json document nor a .js "
        "script");
}

static void what_cannot_be_included_says_why(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(f, "stray.json", "{\"name\":\"x\"}");
    docs_fixture_file(f, "odd.json",
                      "{\n\"exports\":[],\n\"exprots\":[],\n\"zzz\":1}");
    docs_fixture_file(f, "object.json", "{\"exports\":[],\n\"flows\":{}}");
    docs_fixture_file(f, "nameless.json",
                      "{\"exports\":[\n{\"name\":\"x\"},\n7]}");
    docs_fixture_file(f, "broken.json", "{\n\"exports\": [,]}");
    docs_fixture_file(f, "flows/list.json", "7");
    docs_fixture_file(f, "empty/x.txt", "");
    docs_fixture_include(f, "stray.json");
    docs_fixture_include(f, "odd.json");
    docs_fixture_include(f, "object.json");
    docs_fixture_include(f, "nameless.json");
    docs_fixture_include(f, "broken.json");
    docs_fixture_include(f, "flows");
    docs_fixture_include(f, "empty/");
    docs_fixture_include(f, "nowhere.json");
    assert_string_equal(
        docs_fixture_problems(f),
        "DIR/stray.json:1: cannot tell what kind of document this is; put the "
        "file into a folder named connections, exports, imports, flows, "
        "scripts or apis, or make it a bundle such as {\"exports\": [...]}\n"
        "DIR/odd.json:3: exprots: unknown kind of document; did you mean "
        "'exports'?\n"
        "DIR/odd.json:4: zzz: unknown kind of document; a bundle may hold "
        "connections, exports, imports, flows, scripts and apis\n"
        "DIR/object.json:2: flows: must be an array of documents\n"
        "DIR/nameless.json:2: export, exports[0]: a document in a list needs "
        "an '_id'\n"
        "DIR/nameless.json:3: export, exports[1]: a document must be an "
        "object\n"
        "DIR/broken.json:2: invalid JSON at line 2, column 13: expected a "
        "value\n"
        "DIR/flows/list.json:1: flow: a document must be an object\n"
        "test.conf:1: 'DIR/empty' holds no documents; expected .json bundles, "
        ".js scripts, or folders named connections, exports, imports, flows, "
        "scripts and apis\n"
        "test.conf:1: there is no file or directory 'DIR/nowhere.json'");
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    docs_fixture_t *f = *state;
    const char *path = docs_fixture_file(f, "flows/big.json", "{}");

    assert_int_equal(truncate(path, 5 * 1024 * 1024 + 1), 0);
    docs_fixture_include(f, "flows");
    assert_string_equal(docs_fixture_problems(f),
                        "test.conf:1: 'DIR/flows/big.json' has 5242881 bytes; "
                        "the limit is 5242880");
}

static void a_script_can_be_named(void **state)
{
    docs_fixture_t *f = *state;
    const char *path = docs_fixture_file(f, "x.js", "function a() {}");

    flow_docs_script(f->docs, "main", path, "test.conf", 4);
    flow_docs_script(f->docs, "main", path, "test.conf", 5);
    flow_docs_script(f->docs, "gone", "/nowhere.js", "test.conf", 6);
    assert_string_equal(docs_fixture_problems(f),
                        "DIR/x.js:1: script 'main': defined twice; the first "
                        "one stands at DIR/x.js:1\n"
                        "test.conf:6: cannot read '/nowhere.js': No such file "
                        "or directory");
}

static void problems_come_in_order_of_place(void **state)
{
    docs_fixture_t *f = *state;

    flow_docs_problem(f->docs, "b.conf", 9, NULL, NULL, "%s", "one");
    flow_docs_problem(f->docs, "a.conf", 2, "flow 'x'", NULL, "%s", "two");
    flow_docs_problem(f->docs, "b.conf", 1, NULL, "name", "%s", "th\nree");
    flow_docs_problem(f->docs, "b.conf", 9, NULL, NULL, "%s", "four");
    assert_string_equal(docs_fixture_problems(f),
                        "b.conf:1: name: th ree\nb.conf:9: one\nb.conf:9: "
                        "four\na.conf:2: flow 'x': two");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sections_become_documents),
        TEST(wrong_lines_are_problems_with_their_place),
        TEST(a_field_knows_where_it_stands),
        TEST(folders_bundles_and_scripts_are_included),
        TEST(a_wildcard_takes_what_matches),
        TEST(what_cannot_be_included_says_why),
        TEST(a_file_that_is_too_large_is_refused),
        TEST(a_script_can_be_named),
        TEST(problems_come_in_order_of_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
