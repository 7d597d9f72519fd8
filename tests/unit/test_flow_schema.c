/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "docs_fixture.h"
#include "flow/flow_connector.h"
#include "flow/flow_schema.h"

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

static json_t *parse(docs_fixture_t *f, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(f->p, v);
}

static void a_row_is_found_by_a_concrete_path(void **state)
{
    /* clang-format off */
    static const struct {
        flow_kind_e kind;
        const char *connector, *path, *row;
    } cases[] = {
        { FLOW_KIND_FLOW,   NULL,   "pageGenerators[3]._exportId", "pageGenerators[]._exportId" },
        { FLOW_KIND_FLOW,   NULL,   "pageGenerators[]._exportId",  "pageGenerators[]._exportId" },
        { FLOW_KIND_FLOW,   NULL,   "pageProcessors[0].responseMapping.fields[1].x", "pageProcessors[].responseMapping" },
        { FLOW_KIND_FLOW,   NULL,   "pageGenerators[x]._exportId", NULL },
        { FLOW_KIND_FLOW,   NULL,   "nothing",                     NULL },
        { FLOW_KIND_FLOW,   NULL,   "",                            NULL },
        { FLOW_KIND_EXPORT, NULL,   "http.paging.method",          "http.paging.method" },
        { FLOW_KIND_EXPORT, "http", "http.paging.method",          "http.paging.method" },
        { FLOW_KIND_EXPORT, "filesystem", "http.paging.method",    NULL },
        { FLOW_KIND_EXPORT, "filesystem", "file.csv.trimSpaces",   "file.csv.trimSpaces" },
        { FLOW_KIND_EXPORT, "http", "file.csv.trimSpaces",         "file.csv.trimSpaces" },
        { FLOW_KIND_IMPORT, "http", "file.csv.includeHeader",      "file.csv.includeHeader" },
        { FLOW_KIND_IMPORT, "http", "hooks.postAggregate._scriptId", "hooks.postAggregate._scriptId" },
        { FLOW_KIND_EXPORT, NULL,   "webhook.verify",              "webhook.verify" },
        { FLOW_KIND_EXPORT, NULL,   "distributed.bearerToken",     "distributed" },
        { FLOW_KIND_EXPORT, NULL,   "delta.lagOffset",             "delta.lagOffset" },
        { FLOW_KIND_CONNECTION, NULL, "http.encrypted.key",        "http.encrypted" },
        { FLOW_KIND_CONNECTION, NULL, "http.headers[0].name",      "http.headers[].name" },
        { FLOW_KIND_CONNECTION, NULL, "http.method",               NULL },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        const flow_field_t *row =
            flow_schema_find(cases[i].kind, cases[i].connector, cases[i].path);

        if (!cases[i].row && row) {
            fail_msg("%s: found %s", cases[i].path, row->path);
        }
        else if (cases[i].row && !row) {
            fail_msg("%s: not found", cases[i].path);
        }
        else if (row) {
            assert_string_equal(row->path, cases[i].row);
        }
    }
}

static void an_unknown_path_has_a_nearest_one(void **state)
{
    docs_fixture_t *f = *state;
    /* clang-format off */
    static const struct {
        flow_kind_e kind;
        const char *path, *nearest;
    } cases[] = {
        { FLOW_KIND_CONNECTION, "http.baseUri",        "http.baseURI" },
        { FLOW_KIND_CONNECTION, "htpp.baseUri",        "http.baseURI" },
        { FLOW_KIND_CONNECTION, "http.header[0].nmae", "http.headers[].name" },
        { FLOW_KIND_CONNECTION, "baseURI",             "http.baseURI" },
        { FLOW_KIND_EXPORT,     "conectionId",         "_connectionId" },
        { FLOW_KIND_EXPORT,     "http.response.recourcePath", "http.response.resourcePath" },
        { FLOW_KIND_FLOW,       "pageGenerator",       "pageGenerators" },
        { FLOW_KIND_FLOW,       "zzz",                 NULL },
        { FLOW_KIND_FLOW,       "zzz.yyy",             NULL },
        { FLOW_KIND_FLOW,       "[",                   NULL },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *near =
            flow_schema_nearest(cases[i].kind, cases[i].path, f->p);

        if (!near != !cases[i].nearest ||
            (near && strcmp(near, cases[i].nearest) != 0)) {
            fail_msg("%s: got %s, expected %s", cases[i].path,
                     near ? near : "(none)",
                     cases[i].nearest ? cases[i].nearest : "(none)");
        }
    }
}

static void a_text_becomes_what_its_field_wants(void **state)
{
    docs_fixture_t *f = *state;
    /* clang-format off */
    static const struct {
        flow_kind_e kind;
        const char *path, *text, *json;
    } cases[] = {
        { FLOW_KIND_CONNECTION, "name", "My shop",            "\"My shop\"" },
        { FLOW_KIND_CONNECTION, "name", "{not json",          "\"{not json\"" },
        { FLOW_KIND_CONNECTION, "name", "@@home",             "\"@home\"" },
        { FLOW_KIND_CONNECTION, "name", "007",                "\"007\"" },
        { FLOW_KIND_CONNECTION, "http.concurrencyLevel", "4", "4" },
        { FLOW_KIND_CONNECTION, "http.disableStrictSSL", "true", "true" },
        { FLOW_KIND_CONNECTION, "settings.a", "1",            "\"1\"" },
        { FLOW_KIND_CONNECTION, "settings", "{\"a\":19.90}",  "{\"a\":19.90}" },
        { FLOW_KIND_CONNECTION, "http.ping.successValues", "ok", "[\"ok\"]" },
        { FLOW_KIND_CONNECTION, "http.ping.successValues", " a  b c ", "[\"a\",\"b\",\"c\"]" },
        { FLOW_KIND_CONNECTION, "http.ping.successValues", "[\"a b\"]", "[\"a b\"]" },
        { FLOW_KIND_IMPORT, "http.method", "POST",            "[\"POST\"]" },
        { FLOW_KIND_IMPORT, "http.body", "{\"a\": {{record.a}}}", "[\"{\\\"a\\\": {{record.a}}}\"]" },
        { FLOW_KIND_IMPORT, "http.body", "[{\"a\": {{record.a}}}]", "[\"[{\\\"a\\\": {{record.a}}}]\"]" },
        { FLOW_KIND_IMPORT, "http.body", "[\"a b\"]",         "[\"a b\"]" },
        { FLOW_KIND_IMPORT, "http.relativeURI", "/a b",       "[\"/a b\"]" },
        { FLOW_KIND_EXPORT, "filter.rules", "[\"equals\",1,1]", "[\"equals\",1,1]" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const flow_field_t *row =
            flow_schema_find(cases[i].kind, NULL, cases[i].path);
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *v = NULL;

        assert_non_null(row);
        if (flow_schema_value(row, cases[i].text, "/", &v, f->p, &err) !=
            APR_SUCCESS) {
            fail_msg("%s %s: %s", cases[i].path, cases[i].text, err.message);
        }
        assert_string_equal(flow_json_text(v, NULL, f->p), cases[i].json);
        json_decref(v);
    }
}

static void a_wrong_text_says_what_would_be_right(void **state)
{
    docs_fixture_t *f = *state;
    /* clang-format off */
    static const struct {
        flow_kind_e kind;
        const char *path, *text, *message;
    } cases[] = {
        { FLOW_KIND_CONNECTION, "http.concurrencyLevel", "four", "'four' is not a whole number" },
        { FLOW_KIND_CONNECTION, "http.concurrencyLevel", "1.5", "1.5 is not a whole number" },
        { FLOW_KIND_CONNECTION, "http.concurrencyLevel", "99", "99 is out of range; must be 1 to 50" },
        { FLOW_KIND_CONNECTION, "http.disableStrictSSL", "yes", "'yes' is not true or false" },
        { FLOW_KIND_CONNECTION, "http.auth.type", "bsaic", "'bsaic' is not one of custom basic token oauth oauth1 cookie digest wsse jwtbearer; did you mean 'basic'?" },
        { FLOW_KIND_CONNECTION, "http.auth.type", "specific", "'specific' is known but not supported yet; supported: custom basic token oauth oauth1 cookie digest wsse jwtbearer" },
        { FLOW_KIND_CONNECTION, "http.auth.type", "xyzzy", "'xyzzy' is not one of custom basic token oauth oauth1 cookie digest wsse jwtbearer" },
        { FLOW_KIND_CONNECTION, "http.headers", "X: y", "'X: y' is not a JSON array such as [{\"name\": \"value\"}]" },
        { FLOW_KIND_CONNECTION, "http.headers", "[{]", "invalid JSON at line 1, column 3" },
        { FLOW_KIND_CONNECTION, "http.auth.basic", "x", "'x' is not a JSON object such as {\"name\": \"value\"}; its members can be set one by one" },
        { FLOW_KIND_CONNECTION, "name", "@/nowhere/at/all", "cannot read '/nowhere/at/all': No such file or directory" },
        { FLOW_KIND_CONNECTION, "name", "@.", "'//.' is no regular file" },
        { FLOW_KIND_CONNECTION, "name", "\xff", "the value is not UTF-8" },
        { FLOW_KIND_CONNECTION, "http.ping.successValues", "a \xff b", "the value is not UTF-8" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const flow_field_t *row =
            flow_schema_find(cases[i].kind, NULL, cases[i].path);
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *v = NULL;

        assert_non_null(row);
        if (flow_schema_value(row, cases[i].text, "/", &v, f->p, &err) ==
            APR_SUCCESS) {
            fail_msg("%s %s: taken", cases[i].path, cases[i].text);
        }
        if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) !=
            0) {
            fail_msg("got '%s', expected '%s'", err.message, cases[i].message);
        }
    }
}

static void a_file_gives_a_value(void **state)
{
    docs_fixture_t *f = *state;
    const flow_field_t *row = flow_schema_find(FLOW_KIND_FLOW, NULL, "name");
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    docs_fixture_file(f, "name.txt", "from a file\r\n");
    assert_int_equal(
        flow_schema_value(row, "@name.txt", f->dir, &v, f->p, &err), 0);
    assert_string_equal(flow_json_string(v, NULL), "from a file");
    json_decref(v);
}

typedef struct told_t {
    apr_pool_t *p;
    const char *text;
} told_t;

static void tell(void *baton, const char *path, const char *message)
{
    told_t *told = baton;

    told->text = apr_pstrcat(told->p, told->text, told->text[0] ? "\n" : "",
                             path, ": ", message, NULL);
}

static int exists(void *baton, const char *kind, const char *id,
                  const char **pnearest)
{
    (void)baton;
    *pnearest = "shop";
    return strcmp(kind, "connection") == 0 && strcmp(id, "shop") == 0;
}

static void a_document_is_checked_and_cleaned(void **state)
{
    docs_fixture_t *f = *state;
    /* clang-format off */
    static const struct {
        flow_kind_e kind;
        const char *connector, *doc, *problems, *left;
    } cases[] = {
        { FLOW_KIND_EXPORT, "http", "{\"_connectionId\":\"shop\",\"http\":{\"method\":\"GET\"}}", "",
          "{\"_connectionId\":\"shop\",\"http\":{\"method\":\"GET\"}}" },
        { FLOW_KIND_EXPORT, "http", "{\"_connectionId\":\"shp\",\"http\":{}}",
          "_connectionId: no connection 'shp'; did you mean 'shop'?", "{\"http\":{}}" },
        { FLOW_KIND_EXPORT, "http", "{\"http\":{\"method\":\"PSOT\",\"relativeURI\":7}}",
          "http.method: 'PSOT' is not one of GET POST PUT PATCH DELETE; did you mean 'POST'?\n"
          "http.relativeURI: must be a string, not a number", "{\"http\":{}}" },
        { FLOW_KIND_EXPORT, "http", "{}", "http: required field 'http' is missing", "{}" },
        { FLOW_KIND_EXPORT, NULL, "{}", "", "{}" },
        { FLOW_KIND_EXPORT, "http", "{\"http\":null}", "http: required field 'http' is missing", "{\"http\":null}" },
        { FLOW_KIND_EXPORT, "http", "{\"http\":[]}", "http: must be an object, not an array", "{}" },
        { FLOW_KIND_EXPORT, "http", "{\"http\":{},\"filesystem\":{\"directoryPath\":\"x\"}}",
          "filesystem: field 'filesystem' does not fit a 'http' export", "{\"http\":{}}" },
        { FLOW_KIND_EXPORT, "http", "{\"http\":{},\"http.method\":1}",
          "http.method: unknown field 'http.method'", "{\"http\":{}}" },
        { FLOW_KIND_EXPORT, "http", "{\"http\":{\"relative\\nURI\":1}}",
          "http.relative?URI: unknown field 'http.relative?URI'; did you mean 'http.relativeURI'?", "{\"http\":{}}" },
        { FLOW_KIND_CONNECTION, "http", "{\"type\":\"http\",\"http\":{\"baseUri\":\"x\"}}",
          "http.baseUri: unknown field 'http.baseUri'; did you mean 'http.baseURI'?", "{\"type\":\"http\",\"http\":{}}" },
        { FLOW_KIND_CONNECTION, "http", "{\"type\":\"http\",\"createdAt\":7,\"http\":{\"baseURI\":\"x\"},\"pgp\":{\"key\":1}}",
          "pgp: field 'pgp' is known but not supported yet",
          "{\"type\":\"http\",\"createdAt\":7,\"http\":{\"baseURI\":\"x\"}}" },
        { FLOW_KIND_CONNECTION, "http", "{\"type\":\"http\",\"http\":{\"baseURI\":\"x\",\"headers\":[{\"name\":\"a\"},7,{\"value\":\"v\",\"nmae\":\"b\"}]}}",
          "http.headers[0].value: required field 'http.headers[].value' is missing\n"
          "http.headers[1]: must be an object, not a number\n"
          "http.headers[2].nmae: unknown field 'http.headers[2].nmae'; did you mean 'http.headers[].name'?",
          "{\"type\":\"http\",\"http\":{\"baseURI\":\"x\",\"headers\":[{\"name\":\"a\"},null,{\"value\":\"v\"}]}}" },
        { FLOW_KIND_IMPORT, "http", "{\"_connectionId\":\"shop\",\"http\":{\"method\":\"POST\"}}",
          "http.method: must be an array of strings, such as [\"...\"], not a string", "{\"_connectionId\":\"shop\",\"http\":{}}" },
        { FLOW_KIND_IMPORT, "http", "{\"_connectionId\":\"shop\",\"http\":{\"method\":[\"POST\",\"GTE\"],\"body\":[{\"a\":1}]}}",
          "http.method[1]: 'GTE' is not one of GET PUT POST PATCH DELETE; did you mean 'GET'?",
          "{\"_connectionId\":\"shop\",\"http\":{\"method\":[\"POST\",null],\"body\":[{\"a\":1}]}}" },
        { FLOW_KIND_FLOW, NULL, "[]", ": a document must be an object, not an array", "[]" },
        { FLOW_KIND_FLOW, NULL, "{\"name\":\"a\\u0000b\",\"pageGenerators\":[]}", "name: must not contain a NUL character", "{\"pageGenerators\":[]}" },
        { FLOW_KIND_FLOW, NULL, "{\"disabled\":\"true\",\"pageGenerators\":{}}",
          "disabled: must be true or false, not a string\npageGenerators: must be an array of objects, not an object", "{}" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        told_t told = { f->p, "" };
        flow_schema_check_t check = { &told, tell, exists };
        json_t *doc = parse(f, cases[i].doc);
        int n = flow_schema_check(cases[i].kind, cases[i].connector, doc,
                                  &check, f->p);

        assert_string_equal(told.text, cases[i].problems);
        assert_int_equal(n != 0, cases[i].problems[0] != '\0');
        assert_string_equal(flow_json_text(doc, NULL, f->p), cases[i].left);
    }
}

static void a_masked_document_shows_no_secret(void **state)
{
    docs_fixture_t *f = *state;
    json_t *doc = parse(
        f, "{\"name\":\"shop\",\"http\":{\"baseURI\":\"https://x\",\"auth\":{"
           "\"type\":\"basic\",\"basic\":{\"username\":\"u\",\"password\":"
           "\"geheim\"},\"token\":{\"token\":\"env:TOKEN\",\"scheme\":\"\"},"
           "\"oauth\":{\"clientSecret\":\"s\",\"scope\":[\"a\"]}},"
           "\"encrypted\":{\"a\":{\"b\":\"c\"},\"n\":1234,\"e\":\"\"}}}");
    json_t *masked = flow_schema_mask(FLOW_KIND_CONNECTION, doc);

    assert_string_equal(
        flow_json_text(masked, NULL, f->p),
        "{\"name\":\"shop\",\"http\":{\"baseURI\":\"https://x\",\"auth\":{"
        "\"type\":\"basic\",\"basic\":{\"username\":\"u\",\"password\":"
        "\"******\"},\"token\":{\"token\":\"******\",\"scheme\":\"\"},"
        "\"oauth\":{\"clientSecret\":\"******\",\"scope\":[\"a\"]}},"
        "\"encrypted\":{\"a\":{\"b\":\"******\"},\"n\":\"******\",\"e\":\"\"}}"
        "}");
    assert_string_equal(
        flow_json_member(
            json_object_get(
                json_object_get(json_object_get(doc, "http"), "auth"), "basic"),
            "password"),
        "geheim");
    json_decref(masked);
}

static void secrets_are_masked_by_value(void **state)
{
    docs_fixture_t *f = *state;
    const json_t *secrets =
        parse(f, "[\"abcd\",\"abcdef\",\"xy\",\"\",7,\"1234\"]");
    /* clang-format off */
    static const struct { const char *text, *masked; } cases[] = {
        { "nothing here",       "nothing here" },
        { "abcd",               "******" },
        { "<abcdef>",           "<******>" },
        { "abcdefabcd",         "************" },
        { "xy stays, abc too",  "xy stays, abc too" },
        { "12341234123",        "************123" },
        { "",                   "" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(flow_secret_mask(cases[i].text, secrets, f->p),
                            cases[i].masked);
    }
}

static int has_child(const char *const *paths, size_t n, const char *path)
{
    size_t len = strlen(path), i;

    for (i = 0; i < n; ++i) {
        if (strncmp(paths[i], path, len) == 0 && paths[i][len]) {
            return 1;
        }
    }
    return 0;
}

static void check_rows(const flow_field_t *rows, const char **paths, size_t *pn)
{
    for (; rows && rows->path; ++rows) {
        size_t i;

        for (i = 0; i < *pn; ++i) {
            if (strcmp(paths[i], rows->path) == 0 &&
                strcmp(rows->path, "http") != 0 &&
                strncmp(rows->path, "file", 4) != 0) {
                fail_msg("%s stands twice", rows->path);
            }
        }
        paths[(*pn)++] = rows->path;
        assert_non_null(rows->help);
        assert_true(rows->help[0]);
        if (rows->help[strlen(rows->help) - 1] == '.') {
            fail_msg("%s: help ends with a full stop", rows->path);
        }
    }
}

static void the_tables_are_in_order(void **state)
{
    const char *paths[2000];
    int kind, i;

    (void)state;
    for (kind = 0; kind < FLOW_KIND_COUNT; ++kind) {
        const flow_connector_t *connector;
        size_t n = 0;

        check_rows(flow_schema_fields((flow_kind_e)kind), paths, &n);
        for (i = 0; (connector = flow_connector_at(i)); ++i) {
            const flow_field_t *rows =
                kind == FLOW_KIND_CONNECTION ? connector->connection_fields
                : kind == FLOW_KIND_EXPORT   ? connector->export_fields
                : kind == FLOW_KIND_IMPORT   ? connector->import_fields
                                             : NULL;

            check_rows(rows, paths, &n);
        }
        assert_true(n < COUNT(paths));
        if (kind == FLOW_KIND_CONNECTION) {
            assert_true(has_child(paths, n, "http."));
        }
    }
}

static void the_reference_is_what_the_rows_say(void **state)
{
    docs_fixture_t *f = *state;
    flow_buf_t out;
    char *want = NULL;
    apr_size_t len = 0;
    FILE *file = fopen("docs/fields.md", "rb");

    flow_buf_init(&out, 1024 * 1024);
    assert_int_equal(flow_schema_write_markdown(&out), APR_SUCCESS);
    if (!file) {
        fail_msg("docs/fields.md is missing; write it with flowctl fields");
    }
    want = apr_palloc(f->p, 1024 * 1024);
    len = fread(want, 1, 1024 * 1024, file);
    fclose(file);
    if (len != out.len || memcmp(want, out.data, len) != 0) {
        flow_buf_release(&out);
        fail_msg("docs/fields.md is not what the rows say; write it anew with "
                 "flowctl fields");
    }
    flow_buf_release(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_row_is_found_by_a_concrete_path),
        TEST(an_unknown_path_has_a_nearest_one),
        TEST(a_text_becomes_what_its_field_wants),
        TEST(a_wrong_text_says_what_would_be_right),
        TEST(a_file_gives_a_value),
        TEST(a_document_is_checked_and_cleaned),
        TEST(a_masked_document_shows_no_secret),
        TEST(secrets_are_masked_by_value),
        TEST(the_tables_are_in_order),
        TEST(the_reference_is_what_the_rows_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
