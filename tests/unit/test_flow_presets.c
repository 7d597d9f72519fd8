/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "docs_fixture.h"

#include "data/flow_json.h"

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

static void expect_problems(docs_fixture_t *f, const char *conf,
                            const char *wanted)
{
    docs_fixture_conf(f, "t.conf", conf);
    docs_fixture_compile(f);
    if (strcmp(docs_fixture_problems(f), wanted) != 0) {
        fail_msg("got:\n%s\nnot:\n%s", docs_fixture_problems(f), wanted);
    }
}

/* Presets of a test's own. */
static void presets(docs_fixture_t *f, const char *name, const char *text)
{
    const char *path = docs_fixture_file(f, name, text);

    f->presets =
        apr_pstrmemdup(f->p, path, (apr_size_t)(strrchr(path, '/') - path));
}

static const json_t *http_of(const json_t *doc)
{
    return json_object_get(doc, "http");
}

static void every_preset_that_we_ship_compiles(void **state)
{
    static const char *const names[] = {
        "shopify", "shopify-graphql", "stripe", "github", "hubspot", "slack"
    };
    docs_fixture_t *f = *state;
    const char *conf = "";
    size_t i;

    for (i = 0; i < COUNT(names); ++i) {
        conf = apr_psprintf(f->p,
                            "%s<connection c-%s>\nassistant %s\n"
                            "http.auth.token.token key-of-a-test\n"
                            "http.unencrypted.store my-store\n"
                            "<export e-%s>\nassistant %s\n_connectionId c-%s\n"
                            "http.relativeURI /x?c={{{export.http.paging."
                            "token}}}\n"
                            "<import i-%s>\nassistant %s\n_connectionId c-%s\n"
                            "http.method POST\n",
                            conf, names[i], names[i], names[i], names[i],
                            names[i], names[i], names[i], names[i]);
    }
    expect_problems(f, conf, "");
}

static void what_a_document_says_goes_before_the_preset(void **state)
{
    docs_fixture_t *f = *state;
    const flow_connection_t *c;
    const flow_export_t *e;

    expect_problems(f,
                    "<connection c>\nassistant github\n"
                    "http.baseURI https://github.example/api/v3\n"
                    "http.auth.token.token key-of-a-test\n"
                    "http.auth.token.scheme token\n"
                    "<export e>\nassistant github\n_connectionId c\n"
                    "http.relativeURI /repos\n",
                    "");
    c = apr_hash_get(f->model->connections, "c", APR_HASH_KEY_STRING);
    assert_string_equal(flow_json_member(http_of(c->doc), "baseURI"),
                        "https://github.example/api/v3");
    assert_string_equal(flow_json_member(c->doc, "type"), "http");
    assert_string_equal(
        flow_json_member(
            json_object_get(json_object_get(http_of(c->doc), "auth"), "token"),
            "scheme"),
        "token");
    assert_int_equal(
        json_array_size(json_object_get(http_of(c->doc), "headers")), 2);
    e = apr_hash_get(f->model->exports, "e", APR_HASH_KEY_STRING);
    assert_string_equal(
        flow_json_member(json_object_get(http_of(e->doc), "paging"), "method"),
        "linkheader");
}

static const char *paging_of(docs_fixture_t *f, const char *id)
{
    const flow_export_t *e =
        apr_hash_get(f->model->exports, id, APR_HASH_KEY_STRING);
    const char *method =
        flow_json_member(json_object_get(http_of(e->doc), "paging"), "method");

    return method ? method : "none";
}

static void paging_is_taken_with_what_it_needs(void **state)
{
    docs_fixture_t *f = *state;

    expect_problems(
        f,
        "<connection h>\nassistant hubspot\nhttp.auth.token.token key-123\n"
        "<connection s>\nassistant stripe\nhttp.auth.token.token key-123\n"
        "<export one>\nassistant hubspot\n_connectionId h\n"
        "http.relativeURI /crm/v3/objects/contacts/1\n"
        "<export all>\nassistant hubspot\n_connectionId h\n"
        "http.relativeURI /c?a={{{export.http.paging.token}}}\n"
        "<export charge>\nassistant stripe\n_connectionId s\n"
        "http.relativeURI /v1/charges/1\n"
        "<export charges>\nassistant stripe\n_connectionId s\n"
        "http.relativeURI /v1/charges\n"
        "http.paging.relativeURI "
        "/v1/charges?starting_after={{{previous_page.last_record.id}}}\n",
        "");
    assert_string_equal(paging_of(f, "one"), "none");
    assert_string_equal(paging_of(f, "all"), "token");
    assert_string_equal(paging_of(f, "charge"), "none");
    assert_string_equal(paging_of(f, "charges"), "relativeuri");
}

static void what_a_preset_leaves_open_is_asked_for(void **state)
{
    expect_problems(*state, "<connection c>\nassistant shopify\n",
                    "t.conf:2: connection 'c', http.unencrypted.store: "
                    "required by preset 'shopify': the store's name, as in "
                    "NAME.myshopify.com\n"
                    "t.conf:2: connection 'c', http.auth.token.token: required "
                    "by preset 'shopify': an Admin API access token");
}

static void an_unknown_preset_names_the_nearest(void **state)
{
    docs_fixture_t *f = *state;

    f->presets = "connectors/presets";
    expect_problems(f,
                    "<connection c>\nassistant shoppify\ntype http\n"
                    "http.baseURI https://x.example\n",
                    "t.conf:2: connection 'c', assistant: no preset 'shoppify' "
                    "in 'connectors/presets'; did you mean 'shopify'?");
}

static void names_that_are_no_file_names_are_not_looked_for(void **state)
{
    docs_fixture_t *f = *state;

    presets(f, "x.json", "{}");
    f->presets = "connectors";
    expect_problems(f,
                    "<connection c>\nassistant presets/github\ntype http\n"
                    "http.baseURI https://x.example\n",
                    "t.conf:2: connection 'c', assistant: no preset "
                    "'presets/github' in 'connectors'");
}

static void documents_from_elsewhere_keep_unknown_names(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(f, "connections/c.json",
                      "{\"type\":\"http\",\"assistant\":\"zendesk\",\"http\":"
                      "{\"baseURI\":\"https://x.example\",\"mediaType\":"
                      "\"json\"}}");
    docs_fixture_include(f, "connections");
    docs_fixture_compile(f);
    assert_string_equal(docs_fixture_problems(f), "");
}

static void a_mistake_in_a_preset_names_its_file_and_field(void **state)
{
    docs_fixture_t *f = *state;

    presets(f, "shop.json",
            "{\"titel\": \"x\",\n"
            " \"required\": {\"http.nosuch\": \"x\"},\n"
            " \"connection\": {\"type\": \"http\", \"http\": {\n"
            "   \"baseURI\": \"https://x.example\",\n"
            "   \"concurrencyLevel\": 99,\n"
            "   \"retryHaeder\": \"X\"}},\n"
            " \"export\": {\"http\": {\n"
            "   \"relativeURI\": \"/{{#if}}\"}}}");
    expect_problems(
        f,
        "<connection c>\nassistant shop\nhttp.mediaType json\n"
        "<export e>\nassistant shop\n_connectionId c\n",
        "DIR/shop.json:1: preset 'shop', titel: unknown member; a preset has "
        "title, docs, required, connection, export and import\n"
        "DIR/shop.json:2: preset 'shop', required: 'http.nosuch' is no field "
        "of a connection\n"
        "DIR/shop.json:5: preset 'shop', connection.http.concurrencyLevel: 99 "
        "is out of range; must be 1 to 50\n"
        "DIR/shop.json:6: preset 'shop', connection.http.retryHaeder: unknown "
        "field 'http.retryHaeder'; did you mean 'http.retryHeader'?\n"
        "DIR/shop.json:8: export 'e', http.relativeURI: template "
        "line 1, column 5: block 'if' needs arguments: {{#if value "
        "[includeZero=true]}}; a field of that name is written this.if");
}

static void a_preset_that_is_no_json_says_so_once(void **state)
{
    docs_fixture_t *f = *state;

    presets(f, "shop.json", "{\n oops");
    docs_fixture_conf(f, "t.conf",
                      "<connection c>\nassistant shop\ntype http\n"
                      "http.baseURI https://x.example\n"
                      "<connection d>\nassistant shop\ntype http\n"
                      "http.baseURI https://x.example\n");
    docs_fixture_compile(f);
    assert_non_null(
        strstr(docs_fixture_problems(f), "DIR/shop.json:1: preset 'shop': "));
    assert_null(strchr(docs_fixture_problems(f), '\n'));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_preset_that_we_ship_compiles),
        TEST(what_a_document_says_goes_before_the_preset),
        TEST(paging_is_taken_with_what_it_needs),
        TEST(what_a_preset_leaves_open_is_asked_for),
        TEST(an_unknown_preset_names_the_nearest),
        TEST(names_that_are_no_file_names_are_not_looked_for),
        TEST(documents_from_elsewhere_keep_unknown_names),
        TEST(a_mistake_in_a_preset_names_its_file_and_field),
        TEST(a_preset_that_is_no_json_says_so_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
