/* SPDX-License-Identifier: Apache-2.0 */
/* size: one fixture, and tables of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>

#include <apr_file_info.h>
#include <apr_strings.h>
#include <zip.h>

#include "connectors/flow_conn_filesystem.h"
#include "docs_fixture.h"
#include "flow/flow_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct fixture_t {
    docs_fixture_t *f;
    flow_call_t call;
    flow_error_t err;
    int pages;
} fixture_t;

static int setup(void **state)
{
    static fixture_t t;

    memset(&t, 0, sizeof(t));
    t.f = docs_fixture_begin();
    docs_fixture_file(t.f, "in/.hidden.json", "broken");
    docs_fixture_file(t.f, "out/.keep", "");
    t.call.deadline = apr_time_now() + apr_time_from_sec(5);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *t = *state;

    docs_fixture_end(t->f);
    return 0;
}

static void compile(fixture_t *t, const char *conf)
{
    docs_fixture_conf(t->f, "t.conf",
                      apr_psprintf(t->f->p,
                                   "<connection disk>\ntype filesystem\n"
                                   "filesystem.directoryPath %s\n%s",
                                   t->f->dir, conf));
    docs_fixture_compile(t->f);
    assert_string_equal(docs_fixture_problems(t->f), "");
}

static json_t *parse(fixture_t *t, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(t->f->p, v);
}

/* One page; *pcursor as text, to be gone on from by another process. */
static const char *one_page(fixture_t *t, const char **pcursor)
{
    const flow_export_t *exp =
        apr_hash_get(t->f->model->exports, "e", APR_HASH_KEY_STRING);
    json_t *cursor = *pcursor ? parse(t, *pcursor) : NULL;
    flow_page_t page = { 0 };
    const char *out;
    size_t i;

    flow_error_clear(&t->err);
    *pcursor = NULL;
    if (exp->connector->export_page(exp, &t->call, NULL, cursor, &page, t->f->p,
                                    &t->err) != APR_SUCCESS) {
        return apr_psprintf(t->f->p, "!%s %d: %s", t->err.code, t->err.kind,
                            t->err.message);
    }
    ++t->pages;
    out = flow_json_text(page.records, NULL, t->f->p);
    for (i = 0; i < json_array_size(page.errors); ++i) {
        const json_t *error = json_array_get(page.errors, i);

        out = apr_pstrcat(t->f->p, out, "(", flow_json_member(error, "code"),
                          ": ", flow_json_member(error, "message"), ")", NULL);
    }
    json_decref(page.errors);
    if (page.cursor) {
        *pcursor = flow_json_text(page.cursor, NULL, t->f->p);
    }
    json_decref(page.records);
    json_decref(page.cursor);
    return out;
}

static const char *export_all(fixture_t *t)
{
    const char *cursor = NULL, *out = "", *page;

    do {
        page = one_page(t, &cursor);
        out = apr_pstrcat(t->f->p, out, page, NULL);
    } while (cursor && t->pages < 1000);
    return out;
}

static const char *import_all(fixture_t *t, const char *records)
{
    const flow_import_t *imp =
        apr_hash_get(t->f->model->imports, "i", APR_HASH_KEY_STRING);
    const json_t *list = parse(t, records);
    json_t *responses = NULL;
    const char *out;
    size_t i;

    flow_error_clear(&t->err);
    if (imp->connector->import_records(imp, &t->call, list, list, &responses,
                                       t->f->p, &t->err) != APR_SUCCESS) {
        return apr_psprintf(t->f->p, "!%s %d: %s", t->err.code, t->err.kind,
                            t->err.message);
    }
    assert_int_equal(json_array_size(responses), json_array_size(list));
    for (i = 0, out = ""; i < json_array_size(responses); ++i) {
        const json_t *r = json_array_get(responses, i);
        const json_t *error = json_array_get(json_object_get(r, "errors"), 0);

        out = apr_pstrcat(t->f->p, out, i ? " " : "",
                          error ? flow_json_member(error, "message")
                                : flow_json_member(r, "id"),
                          NULL);
    }
    json_decref(responses);
    return out;
}

static const char *content(fixture_t *t, const char *name)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *data;
    apr_size_t len;

    if (flow_file_read(&data, &len,
                       apr_pstrcat(t->f->p, t->f->dir, "/", name, NULL),
                       100 * 1024 * 1024, t->f->p, &err) != APR_SUCCESS) {
        return "(none)";
    }
    return data;
}

static int count_files(fixture_t *t, const char *name)
{
    apr_finfo_t info;
    apr_dir_t *dir;
    int n = 0;

    apr_dir_open(&dir, apr_pstrcat(t->f->p, t->f->dir, "/", name, NULL),
                 t->f->p);
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        n += strcmp(info.name, ".") && strcmp(info.name, "..");
    }
    apr_dir_close(dir);
    return n;
}

#define EXPORT "<export e>\n_connectionId disk\nfilesystem.directoryPath in\n"
#define KEEP   "file.skipDelete true\n"
#define IMPORT "<import i>\n_connectionId disk\nfilesystem.directoryPath out\n"

/* ---- reading ---- */

/* clang-format off */

static void files_are_read_in_the_order_of_their_names(void **state)
{
    static const struct {
        const char *conf, *records;
        struct { const char *name, *text; } files[3];
    } cases[] = {
        { "file.type json\n", "[{\"n\":1},{\"n\":2}][{\"n\":19.90}][]",
          { { "b.json", "{\"n\":19.90}" }, { "a.json", "[{\"n\":1},{\"n\":2}]" } } },
        { "file.type json\nfile.json.resourcePath r.list\n", "[{\"n\":1}][][]",
          { { "a.json", "{\"r\":{\"list\":[{\"n\":1}]}}" }, { "b.json", "{}" } } },
        { "file.type json\nfilesystem.fileNameStartsWith a\nfilesystem.fileNameEndsWith .json\n", "[1][]",
          { { "a1.json", "[1]" }, { "a2.jsonx", "[2]" }, { "b1.json", "[3]" } } },
        { "file.type csv\n", "[{\"a\":\"1\",\"b\":\"x\\ny\"},{\"a\":\"2\",\"b\":\"\"}][]",
          { { "a.csv", "a,b\n1,\"x\ny\"\n2,\n" } } },
        { "file.type csv\nfile.csv.columnDelimiter ;\n", "[{\"a\":\"1\",\"b\":\"2\"}][]",
          { { "a.csv", "\xef\xbb\xbf" "a;b\r\n1;2" } } },
        { "file.type csv\nfile.csv.columnDelimiter \\t\nfile.csv.hasHeaderRow false\n", "[{\"Column1\":\"1\",\"Column2\":\"2\"}][]",
          { { "a.csv", "\xef\xbb\xbf" "1\t2\n" } } },
        { "file.type csv\nfile.csv.rowsToSkip 2\nfile.csv.trimSpaces true\n", "[{\"a\":\"1\",\"b\":\"2\"}][]",
          { { "a.csv", "made by \"somebody\n\na , b\n 1, 2 \n" } } },
        { "file.type csv\n", "[][]", { { "a.csv", "" } } },
        { "file.type csv\n", "[][]", { { "a.csv", "a,b\n" } } },
        { "file.type csv\n", "[]", { { NULL } } },
        { "file.type csv\n", "[{\"a\":\"1\",\"b\":\"2\"},{\"a\":\"3\",\"b\":\"4\"}](invalid_csv: file 'a.csv': invalid CSV at line 3, byte 9: the row has 3 cells where the header has 2)[]",
          { { "a.csv", "a,b\n1,2\n1,2,3\n3,4\n" } } },
        { "file.type json\n", "[](invalid_json: file 'a.json' cannot be read to its end: invalid JSON at line 1, byte 2: the text ends inside a value)[]",
          { { "a.json", "[" } } },
    };
    size_t i, k;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        for (k = 0; k < 3 && cases[i].files[k].name; ++k) {
            docs_fixture_file(t->f, apr_pstrcat(t->f->p, "in/", cases[i].files[k].name, NULL), cases[i].files[k].text);
        }
        compile(t, apr_pstrcat(t->f->p, EXPORT KEEP, cases[i].conf, NULL));
        assert_string_equal(export_all(t), cases[i].records);
        teardown(state);
    }
    setup(state);
}

/* clang-format on */

static void a_large_csv_file_is_read_page_by_page(void **state)
{
    fixture_t *t = *state;
    const int rows = 12000;
    const char *cursor = NULL, *page;
    flow_buf_t text;
    int i, n = 0, pages = 0;

    flow_buf_init(&text, 10 * 1024 * 1024);
    flow_buf_adds(&text, "id,text\r\n");
    for (i = 0; i < rows; ++i) {
        flow_buf_addf(&text,
                      "%d,\"line one of %d\nline \"\"two\"\", with a comma and "
                      "some more text to fill the page a little\"\r\n",
                      i, i);
    }
    docs_fixture_file(t->f, "in/big.csv", text.data);
    flow_buf_release(&text);
    compile(t, EXPORT KEEP "file.type csv\n");
    do {
        json_t *list;
        size_t k;

        page = one_page(t, &cursor);
        list = parse(t, page);
        for (k = 0; k < json_array_size(list); ++k, ++n) {
            const char *id = flow_json_member(json_array_get(list, k), "id");

            assert_string_equal(id, apr_itoa(t->f->p, n));
        }
        ++pages;
    } while (cursor);
    assert_int_equal(n, rows);
    assert_true(pages >= 4);
}

static void a_large_json_file_is_read_page_by_page(void **state)
{
    fixture_t *t = *state;
    flow_buf_t text;
    const char *cursor = NULL;
    int i, n = 0, pages = 0;

    flow_buf_init(&text, 10 * 1024 * 1024);
    flow_buf_adds(&text, "[0");
    for (i = 1; i < 5000; ++i) {
        flow_buf_addf(&text, ",{\"id\":%d,\"text\":\"%01000d\"}", i, 0);
    }
    flow_buf_adds(&text, "]");
    docs_fixture_file(t->f, "in/big.json", text.data);
    flow_buf_release(&text);
    compile(t, EXPORT KEEP "file.type json\n");
    do {
        n += (int)json_array_size(parse(t, one_page(t, &cursor)));
        ++pages;
    } while (cursor);
    assert_int_equal(n, 5000);
    assert_true(pages >= 5);
}

/* ---- formats, packings, charsets ---- */

/* What the import has written to out/ is what the export reads from there. */
#define FROM_OUT                                                               \
    "<export e>\n_connectionId disk\nfilesystem.directoryPath out\n"

/* clang-format off */

static void what_an_import_writes_an_export_reads(void **state)
{
#define LAYOUT "file.fileDefinition.rules [{\"elements\":[{\"name\":\"a\",\"size\":4}]}]\n"
    static const struct {
        const char *both, *import, *export, *pages[2], *answers[2], *records;
    } cases[] = {
        { "file.type json\nfile.compressionFormat gzip\n", "", "",
          { "[{\"a\":19.90}]", "[{\"a\":\"\xc3\xa4\"}]" }, { "f", "f" }, "[{\"a\":19.90},{\"a\":\"\xc3\xa4\"}][]" },
        { "file.type json\nfile.json.resourcePath x.y\n", "", "",
          { "[{\"a\":1}]", "[{\"a\":2}]" }, { "f", "f" }, "[{\"a\":1},{\"a\":2}][]" },
        { "file.type json\nfile.encoding utf-16le\nfile.compressionFormat gzip\n", "", "",
          { "[{\"a\":1}]", "[{\"a\":\"\xf0\x9f\x98\x80\"}]" }, { "f", "f" }, "[{\"a\":1},{\"a\":\"\xf0\x9f\x98\x80\"}][]" },
        { "file.type json\nfile.encoding iso88591\n", "", "",
          { "[{\"a\":\"\xc3\xa4\"},{\"a\":\"\xe6\x97\xa5\"}]", "[{\"a\":2}]" },
          { "f a character in line 2, byte 9, does not exist in 'iso88591'; utf8 has all", "f" }, "[{\"a\":\"\xc3\xa4\"},{\"a\":2}][]" },
        { "file.type csv\nfile.encoding shiftjis\nfile.compressionFormat gzip\n", "", "",
          { "[{\"a\":\"\xe6\x97\xa5\",\"b\":\"x\\ny\"}]", "[{\"b\":2},{\"c\":3}]" },
          { "f", "f the file's header has no column 'c'" }, "[{\"a\":\"\xe6\x97\xa5\",\"b\":\"x\\ny\"},{\"a\":\"\",\"b\":\"2\"}][]" },
        { "file.type csv\nfile.csv.columnDelimiter ||\nfile.csv.rowDelimiter ~\\r\\n\n", "", "",
          { "[{\"a\":\"x|y\",\"b\":\"~\"}]", "[{\"b\":\"\\n\"}]" }, { "f", "f" }, "[{\"a\":\"x|y\",\"b\":\"~\"},{\"a\":\"\",\"b\":\"\\n\"}][]" },
        { "file.type csv\n", "file.csv.replaceTabWithSpace true\nfile.csv.replaceNewlineWithSpace true\nfile.csv.truncateLastRowDelimiter true\n", "",
          { "[{\"a\":\"x\\ty\\r\\nz\"}]", "[{\"a\":\"2\"}]" }, { "f", "f" }, "[{\"a\":\"x y z\"},{\"a\":\"2\"}][]" },
        { "file.type csv\n", "", "file.csv.keyColumns [\"o\"]\n",
          { "[[{\"o\":1,\"n\":1},{\"o\":1,\"n\":2}],{\"o\":2,\"n\":3}]" }, { "f f" },
          "[[{\"o\":\"1\",\"n\":\"1\"},{\"o\":\"1\",\"n\":\"2\"}],[{\"o\":\"2\",\"n\":\"3\"}]][]" },
        { "file.type csv\n", "file.csv.wrapWithQuotes true\n", "file.csv.disableQuoteAndStripEnclosingQuotes true\n",
          { "[{\"a\":\"x\\\"y\"}]" }, { "f" }, "[{\"a\":\"x\\\"\\\"y\"}][]" },
        { "file.type xml\nfile.xml.resourcePath /orders/order\n", "", "",
          { "[{\"$\":{\"id\":\"1\"},\"s\":[\"<\",\"\xc3\xa4\"]}]", "[{\"_\":\"x\"},7,{\"no name\":1}]" },
          { "f", "f f 'no name' cannot be the name of an XML element or attribute; use letters, digits, '_', '-' and '.'" },
          "[{\"$\":{\"id\":\"1\"},\"s\":[\"<\",\"\xc3\xa4\"]},{\"_\":\"x\"},{\"_\":\"7\"}][]" },
        { "file.type xml\nfile.compressionFormat gzip\n", "", "file.xml.resourcePath //record\n",
          { "[{\"a\":[\"1\"]}]", "[{\"a\":[\"2\"]}]" }, { "f", "f" }, "[{\"a\":[\"1\"]},{\"a\":[\"2\"]}][]" },
        { "file.type filedefinition\n" LAYOUT, "", "",
          { "[{\"a\":\"x\"},{\"a\":12345}]", "[{\"a\":1}]" }, { "f 'a' has 5 characters where the file definition has 4", "f" }, "[{\"a\":\"x\"},{\"a\":\"1\"}][]" },
        { "file.type json\nfile.compressionFormat zip\n", "file.skipAggregation true\n", "",
          { "[{\"a\":1}]", "[{\"a\":2}]" }, { "f", "f" }, "[{\"a\":2}][][]" },
        { "file.type csv\nfile.compressionFormat zip\n", "file.skipAggregation true\n", "",
          { "[{\"a\":\"x\"}]" }, { "f" }, "[{\"a\":\"x\"}][][]" },
    };
    size_t i, k;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        compile(t, apr_pstrcat(t->f->p, IMPORT "file.fileName f\n", cases[i].both, cases[i].import, FROM_OUT KEEP, cases[i].both, cases[i].export, NULL));
        for (k = 0; k < 2 && cases[i].pages[k]; ++k) {
            assert_string_equal(import_all(t, cases[i].pages[k]), cases[i].answers[k]);
        }
        assert_string_equal(export_all(t), cases[i].records);
        teardown(state);
    }
    setup(state);
}

static void what_does_not_go_together_is_said_at_startup(void **state)
{
    static const struct { const char *conf, *problem; } cases[] = {
        { EXPORT "file.type xml\n", "file.xml.resourcePath: required field 'file.xml.resourcePath' is missing" },
        { EXPORT "file.type xml\nfile.xml.resourcePath a[1]\n", "file.xml.resourcePath: 'a[1]' is no path to elements" },
        { EXPORT "file.type json\nfile.json.resourcePath a[*]\n", "file.json.resourcePath: must be names with dots between" },
        { EXPORT "file.type filedefinition\n", "file.fileDefinition: required field 'file.fileDefinition' is missing" },
        { EXPORT "file.type filedefinition\nfile.fileDefinition.rules 7\n", "file.fileDefinition: rules: must be an array of 1 to 1000 objects" },
        { EXPORT "file.type csv\nfile.csv.columnDelimiter \"\\\"\"\n", "file.csv.columnDelimiter: must have 1 to 16 bytes" },
        { EXPORT "file.type csv\nfile.xml.resourcePath /a\n", "file.xml: only for file.type 'xml'" },
        { IMPORT "file.fileName f\nfile.type csv\nfile.compressionFormat zip\n", "file.compressionFormat: nothing can be added to a 'zip'" },
        { IMPORT "file.fileName f\nfile.type csv\nfile.compressionFormat gzip\nfile.csv.truncateLastRowDelimiter true\n", "file.csv.truncateLastRowDelimiter: not together with compression" },
        { IMPORT "file.fileName f\nfile.type xml\nfile.xml.resourcePath //a\n", "file.xml.resourcePath: must be two or more names" },
    };
    size_t i;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;
        const char *problems;

        setup(state);
        t = *state;
        docs_fixture_conf(t->f, "t.conf", apr_psprintf(t->f->p, "<connection disk>\ntype filesystem\nfilesystem.directoryPath %s\n%s", t->f->dir, cases[i].conf));
        docs_fixture_compile(t->f);
        problems = docs_fixture_problems(t->f);
        if (!strstr(problems, cases[i].problem)) {
            fail_msg("%s\n%s", cases[i].problem, problems);
        }
        teardown(state);
    }
    setup(state);
}

/* clang-format on */

static void members_of_a_zip_file_are_files(void **state)
{
    static const char *const names[] = { "a.json", "dir/", "dir/b.json",
                                         "empty.json" };
    static const char *const texts[] = { "[1,2]", "", "{\"n\":3}", "[]" };
    fixture_t *t = *state;
    zip_t *zip;
    size_t i;

    zip = zip_open(apr_pstrcat(t->f->p, t->f->dir, "/in/x.zip", NULL),
                   ZIP_CREATE, NULL);
    for (i = 0; i < COUNT(names); ++i) {
        if (texts[i][0]) {
            zip_file_add(zip, names[i],
                         zip_source_buffer(zip, texts[i], strlen(texts[i]), 0),
                         0);
        }
        else {
            zip_dir_add(zip, "dir", 0);
        }
    }
    assert_int_equal(zip_close(zip), 0);
    compile(t, EXPORT KEEP "file.type json\nfile.compressionFormat zip\n");
    assert_string_equal(export_all(t), "[1,2][{\"n\":3}][][][]");
    docs_fixture_file(t->f, "in/y.zip", "[1]");
    t->pages = 0;
    assert_non_null(strstr(export_all(t), "(invalid_zip: file 'y.zip'"));
}

static void names_of_any_length_and_kind_are_read_once(void **state)
{
    fixture_t *t = *state;
    const char *name = apr_psprintf(t->f->p, "in/%0240d", 7);

    docs_fixture_file(t->f, "in/0 first", "[1]");
    docs_fixture_file(t->f, name, "[2]");
    docs_fixture_file(t->f, "in/x\ty\nz", "[3]");
    docs_fixture_file(t->f, "in/\x7f", "[4]");
    compile(t, EXPORT "file.type json\n");
    assert_string_equal(export_all(t), "[1][2][3][4][]");
    assert_string_equal(content(t, name), "(none)");
}

static void a_file_can_be_moved_instead_of_deleted(void **state)
{
    fixture_t *t = *state;

    docs_fixture_file(t->f, "in/a.json", "[1]");
    compile(t, EXPORT "file.type json\nfilesystem.backupDirectoryPath out\n");
    assert_string_equal(export_all(t), "[1][]");
    assert_string_equal(content(t, "in/a.json"), "(none)");
    assert_string_equal(content(t, "out/a.json"), "[1]");
}

static void what_is_kept_open_changes_nothing(void **state)
{
    fixture_t *t = *state;
    flow_keep_t keep = { NULL, NULL };
    const char *with, *without, *file;
    flow_buf_t text;
    int i;

    flow_buf_init(&text, 10 * 1024 * 1024);
    for (i = 0; i < 12000; ++i) {
        flow_buf_addf(&text, "{\"n\":%d}\n", i);
    }
    file = docs_fixture_file(t->f, "in/a.json", text.data);
    docs_fixture_file(t->f, "in/b.json", "[7]");
    flow_buf_release(&text);
    compile(t, EXPORT KEEP "file.type json\n");
    without = export_all(t);
    apr_pool_create(&keep.p, t->f->p);
    t->call.keep = &keep;
    t->pages = 0;
    with = export_all(t);
    assert_string_equal(with, without);
    assert_true(t->pages >= 4);
    assert_non_null(file);
}

static void a_file_is_deleted_when_its_records_have_gone_through(void **state)
{
    fixture_t *t = *state;
    const char *cursor = NULL, *after_first;

    docs_fixture_file(t->f, "in/a.json", "[1]");
    docs_fixture_file(t->f, "in/b.json", "[2]");
    compile(t, EXPORT "file.type json\n");
    assert_string_equal(one_page(t, &cursor), "[1]");
    assert_string_equal(content(t, "in/a.json"), "[1]");
    after_first = cursor;
    assert_string_equal(one_page(t, &cursor), "[2]");
    assert_string_equal(content(t, "in/a.json"), "(none)");
    assert_string_equal(content(t, "in/b.json"), "[2]");
    /* After a crash the same page is asked for again. */
    cursor = after_first;
    assert_string_equal(one_page(t, &cursor), "[2]");
    assert_string_equal(one_page(t, &cursor), "[]");
    assert_null(cursor);
    assert_string_equal(content(t, "in/b.json"), "(none)");
}

static void a_test_run_or_a_changed_file_is_not_deleted(void **state)
{
    fixture_t *t = *state;
    const char *cursor = NULL;

    docs_fixture_file(t->f, "in/a.json", "[1]");
    compile(t, EXPORT "file.type json\n");
    t->call.test_mode = 1;
    assert_string_equal(export_all(t), "[1][]");
    assert_string_equal(content(t, "in/a.json"), "[1]");
    t->call.test_mode = 0;
    assert_string_equal(one_page(t, &cursor), "[1]");
    docs_fixture_file(t->f, "in/a.json", "[1,2]");
    assert_string_equal(one_page(t, &cursor), "[]");
    assert_string_equal(content(t, "in/a.json"), "[1,2]");
}

static void a_file_that_changes_while_it_is_read_is_an_error(void **state)
{
    fixture_t *t = *state;
    const char *cursor =
        "{\"file\":\"a.csv\",\"size\":8,\"mtime\":1,\"position\":4,\"row\":0}";

    docs_fixture_file(t->f, "in/a.csv", "a,b\n1,2\n");
    compile(t, EXPORT KEEP "file.type csv\n");
    assert_string_equal(one_page(t, &cursor),
                        "!file_changed 5: connection 'disk': file 'a.csv': it "
                        "was changed while it was being read");
}

static void nothing_outside_of_the_directory_is_read(void **state)
{
    fixture_t *t = *state;
    const char *dir;
    const char *cursor =
        "{\"file\":\"../secret.json\",\"size\":3,\"mtime\":1,\"position\":0}";

    docs_fixture_file(t->f, "secret.json", "[7]");
    dir = t->f->dir;
    assert_int_equal(symlink("../secret.json",
                             apr_pstrcat(t->f->p, dir, "/in/link.json", NULL)),
                     0);
    assert_int_equal(symlink("..", apr_pstrcat(t->f->p, dir, "/in/up", NULL)),
                     0);
    assert_int_equal(
        mkfifo(apr_pstrcat(t->f->p, dir, "/in/fifo.json", NULL), 0600), 0);
    compile(t, EXPORT KEEP "file.type json\n");
    assert_string_equal(export_all(t), "[]");
    assert_string_equal(one_page(t, &cursor),
                        "!cursor_invalid 1: connection 'disk': the place to go "
                        "on from is none of ours");
}

static void a_directory_path_does_not_lead_out(void **state)
{
    static const char *const paths[] = { "..", "in/../..", "in/up", "nowhere",
                                         "secret.json" };
    fixture_t *t = *state;
    size_t i;
    int fd;

    docs_fixture_file(t->f, "secret.json", "[7]");
    assert_int_equal(
        symlink("..", apr_pstrcat(t->f->p, t->f->dir, "/in/up", NULL)), 0);
    for (i = 0; i < COUNT(paths); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;

        if (flow_conn_fs_open_dir(&fd, t->f->dir, paths[i], t->f->p, &err) ==
            APR_SUCCESS) {
            fail_msg("%s was opened", paths[i]);
        }
    }
    assert_int_equal(
        flow_conn_fs_open_dir(&fd, t->f->dir, "/in/./", t->f->p, NULL), 0);
    close(fd);
}

/* ---- writing ---- */

/* clang-format off */

static void records_become_files(void **state)
{
    static const struct {
        const char *conf;
        const char *pages[3], *answers[3];
        const char *name, *text;
    } cases[] = {
        { "file.type json\nfile.fileName all.json\n",
          { "[{\"n\":19.90},{\"n\":2}]", "[{\"n\":3}]" }, { "all.json all.json", "all.json" },
          "all.json", "[\n{\"n\":19.90},\n{\"n\":2},\n{\"n\":3}\n]\n" },
        { "file.type csv\nfile.fileName all.csv\n",
          { "[{\"a\":\"x,y\",\"b\":1},{\"b\":2,\"c\":null}]", "[{\"c\":\"3\"},{\"d\":4},{\"a\":5}]" },
          { "all.csv all.csv", "all.csv the file's header has no column 'd' all.csv" },
          "all.csv", "a,b,c\n\"x,y\",1,\n,2,\n,,3\n5,,\n" },
        { "file.type csv\nfile.fileName all.csv\nfile.csv.includeHeader false\nfile.csv.columnDelimiter ;\nfile.csv.wrapWithQuotes true\n",
          { "[{\"a\":1,\"b\":2}]", "[{\"a\":3,\"b\":4}]" }, { "all.csv", "all.csv" },
          "all.csv", "\"1\";\"2\"\n\"3\";\"4\"\n" },
        { "file.type csv\nfile.fileName all.csv\n", { "[{\"a\":1},7]" }, { "all.csv a CSV row must be an object" }, "all.csv", "a\n1\n" },
        { "file.type json\nfile.fileName r-{{record.n}}.json\nfile.skipAggregation true\n",
          { "[{\"n\":1},{\"n\":2},{\"n\":1},{\"n\":\"../x\"}]" },
          { "r-1.json r-2.json another record of this page has the file name 'r-1.json' the file's name contains a slash or a control character" },
          "r-2.json", "{\"n\":2}\n" },
        { "file.type json\nfile.fileName r.json\nfile.skipAggregation true\n", { "[{\"n\":1}]", "[{\"n\":2}]" }, { "r.json", "r.json" }, "r.json", "{\"n\":2}\n" },
        { "file.type csv\nfilesystem.fileName r.csv\nfile.skipAggregation true\n", { "[{\"n\":1}]" }, { "r.csv" }, "r.csv", "n\n1\n" },
        { "file.type json\nfile.fileName {{record.n}}\n", { "[{\"n\":\".x\"}]" }, { "!file_name 1: the file's name begins with a dot" }, ".x", "(none)" },
        { "file.type json\nfile.fileName {{record.none}}\n", { "[{\"n\":1}]" }, { "!file_name 1: the file's name is empty" }, "x", "(none)" },
    };
    size_t i, k;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        compile(t, apr_pstrcat(t->f->p, IMPORT, cases[i].conf, NULL));
        for (k = 0; k < 3 && cases[i].pages[k]; ++k) {
            assert_string_equal(import_all(t, cases[i].pages[k]), cases[i].answers[k]);
        }
        assert_string_equal(content(t, apr_pstrcat(t->f->p, "out/", cases[i].name, NULL)), cases[i].text);
        teardown(state);
    }
    setup(state);
}

static void a_file_that_is_there_is_added_to(void **state)
{
    static const struct { const char *type, *before, *answer, *after; } cases[] = {
        { "json", "[]",              "f",  "[\n{\"a\":1}\n]\n" },
        { "json", "[1 ] \n\n",       "f",  "[1,\n{\"a\":1}\n]\n" },
        { "json", "[1 \n\n\n\n\n\n\n\n\n\n]\n\n\n\n\n\n\n\n\n\n\n\n\n", "f", "[1,\n{\"a\":1}\n]\n" },
        { "json", "]",               "!file_format 2: file 'f' is there and does not end as one of this import does", "]" },
        { "json", "{\"x\":1}",       "!file_format 2: file 'f' is there and does not end as one of this import does", "{\"x\":1}" },
        { "json", "",                "!file_format 2: file 'f' is there and does not end as one of this import does", "" },
        { "csv",  "b,a\n2,3",        "f",  "b,a\n2,3\n,1\n" },
        { "csv",  "\"a\",b\r\n",     "f",  "\"a\",b\r\n1,\n" },
        { "csv",  "",                "!file_format 2: file 'f' is there and has no header row", "" },
    };
    size_t i;

    teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        fixture_t *t;

        setup(state);
        t = *state;
        docs_fixture_file(t->f, "out/f", cases[i].before);
        compile(t, apr_psprintf(t->f->p, IMPORT "file.fileName f\nfile.type %s\n", cases[i].type));
        assert_string_equal(import_all(t, "[{\"a\":1}]"), cases[i].answer);
        assert_string_equal(content(t, "out/f"), cases[i].after);
        teardown(state);
    }
    setup(state);
}

/* clang-format on */

static void nothing_is_written_through_a_link_and_nothing_is_left(void **state)
{
    fixture_t *t = *state;

    docs_fixture_file(t->f, "victim", "[]");
    assert_int_equal(
        symlink("../victim", apr_pstrcat(t->f->p, t->f->dir, "/out/f", NULL)),
        0);
    compile(t, IMPORT "file.fileName f\nfile.type json\n");
    assert_int_equal(import_all(t, "[{\"a\":1}]")[0], '!');
    assert_string_equal(content(t, "victim"), "[]");
    assert_int_equal(count_files(t, "out"), 2); /* .keep and the link */
}

static void the_records_of_a_file_are_sorted(void **state)
{
    fixture_t *t = *state;
    const char *csv = "k,n\n10,a\n9,b\nx,c\n,d\n9.0,e\n1e400,f\n";

    docs_fixture_file(t->f, "in/1.csv", csv);
    docs_fixture_file(t->f, "in/2.csv", "k,n\n2,y\n1,z\n");
    compile(t, "<export e>\n_connectionId disk\nfile.type csv\n"
               "filesystem.directoryPath in\nfile.skipDelete true\n"
               "file.sortByFields "
               "[{\"field\":\"k\"},{\"field\":\"n\",\"descending\":true}]\n");
    assert_string_equal(
        export_all(t),
        "[{\"k\":\"9.0\",\"n\":\"e\"},"
        "{\"k\":\"9\",\"n\":\"b\"},{\"k\":\"10\",\"n\":\"a\"},"
        "{\"k\":\"1e400\",\"n\":\"f\"},{\"k\":\"x\",\"n\":\"c\"},{\"k\":\"\","
        "\"n\":\"d\"}]"
        "[{\"k\":\"1\",\"n\":\"z\"},{\"k\":\"2\",\"n\":\"y\"}][]");
}

/* Cells of a byte need most: 50 times as much memory as text. */
static void what_is_sorted_is_bounded(void **state)
{
    fixture_t *t = *state;
    char *csv = apr_palloc(t->f->p, 4 * 1000000 + 8), *s = csv;
    int i;

    memcpy(s, "k,n\n", 4);
    for (i = 0, s += 4; i < 1000000; ++i, s += 4) {
        memcpy(s, "1,2\n", 5);
    }
    docs_fixture_file(t->f, "in/1.csv", csv);
    compile(t, "<export e>\n_connectionId disk\nfile.type csv\n"
               "filesystem.directoryPath in\nfile.skipDelete true\n"
               "file.sortByFields [{\"field\":\"k\"}]\n");
    assert_string_equal(
        export_all(t),
        "[](file_too_large: file '1.csv' cannot be read to its end: "
        "file.sortByFields: its records need more than 256 MB together)[]");
}

static apr_status_t look_up(void *baton, const char *name, const json_t *key,
                            const json_t **pvalue, flow_error_t *err)
{
    (void)err;
    assert_string_equal(name, "shops");
    *pvalue = json_object_get(baton, flow_json_string(key, NULL));
    return APR_SUCCESS;
}

static void names_of_files_use_lookups(void **state)
{
    fixture_t *t = *state;
    flow_template_env_t env = { 0 };

    env.lookup = look_up;
    env.lookup_baton = flow_json_own(
        t->f->p, json_copy((json_t *)parse(
                     t, "{\"1\":\"ulm\",\"o\":\"out\",\"i\":\"in\"}")));
    t->call.templates = &env;
    compile(t, "<import i>\n_connectionId disk\n"
               "filesystem.directoryPath {{lookup \"shops\" \"o\"}}\n"
               "file.type json\nfile.skipAggregation true\n"
               "file.fileName {{lookup \"shops\" record.shop}}.json\n"
               "<export e>\n_connectionId disk\nfile.type json\n"
               "filesystem.directoryPath {{lookup \"shops\" \"o\"}}\n");
    assert_string_equal(import_all(t, "[{\"shop\":\"1\"}]"), "ulm.json");
    assert_string_equal(export_all(t), "[{\"shop\":\"1\"}][]");
    t->call.templates = NULL;
}

static void a_preview_writes_nothing(void **state)
{
    fixture_t *t = *state;

    compile(t, IMPORT "file.fileName f\nfile.type json\n");
    t->call.dry_run = 1;
    assert_string_equal(import_all(t, "[{\"a\":1}]"), "f");
    assert_int_equal(count_files(t, "out"), 1);
}

static void a_locked_file_is_waited_for_until_the_deadline(void **state)
{
    fixture_t *t = *state;
    const char *path = docs_fixture_file(t->f, "out/f", "[]");
    flow_call_t call = { NULL };
    FILE *mine = fopen(path, "r+"), *other = fopen(path, "r+");

    call.deadline = apr_time_now() + apr_time_from_sec(1);
    assert_int_equal(flow_conn_fs_lock(fileno(mine), "f", &call, NULL), 0);
    call.deadline = apr_time_now();
    assert_int_not_equal(flow_conn_fs_lock(fileno(other), "f", &call, &t->err),
                         0);
    assert_string_equal(t->err.code, "file_locked");
    fclose(mine);
    assert_int_equal(flow_conn_fs_lock(fileno(other), "f", &call, NULL), 0);
    fclose(other);
}

static void a_ping_looks_whether_the_directory_is_there(void **state)
{
    fixture_t *t = *state;
    const flow_connection_t *conn;
    flow_error_t err = FLOW_ERROR_INIT;

    docs_fixture_file(t->f, "gone/file", "");
    compile(t, apr_psprintf(t->f->p,
                            "<connection gone>\ntype filesystem\n"
                            "filesystem.directoryPath %s/gone\n",
                            t->f->dir));
    unlink(apr_pstrcat(t->f->p, t->f->dir, "/gone/file", NULL));
    rmdir(apr_pstrcat(t->f->p, t->f->dir, "/gone", NULL));
    conn = apr_hash_get(t->f->model->connections, "disk", APR_HASH_KEY_STRING);
    assert_int_equal(conn->connector->ping(conn, &t->call, t->f->p, &err), 0);
    conn = apr_hash_get(t->f->model->connections, "gone", APR_HASH_KEY_STRING);
    assert_int_not_equal(conn->connector->ping(conn, &t->call, t->f->p, &err),
                         0);
    assert_int_equal(err.kind, FLOW_E_CONFIG);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_are_read_in_the_order_of_their_names),
        TEST(a_large_csv_file_is_read_page_by_page),
        TEST(a_large_json_file_is_read_page_by_page),
        TEST(what_an_import_writes_an_export_reads),
        TEST(what_does_not_go_together_is_said_at_startup),
        TEST(members_of_a_zip_file_are_files),
        TEST(names_of_any_length_and_kind_are_read_once),
        TEST(a_file_can_be_moved_instead_of_deleted),
        TEST(what_is_kept_open_changes_nothing),
        TEST(a_file_is_deleted_when_its_records_have_gone_through),
        TEST(a_test_run_or_a_changed_file_is_not_deleted),
        TEST(a_file_that_changes_while_it_is_read_is_an_error),
        TEST(nothing_outside_of_the_directory_is_read),
        TEST(a_directory_path_does_not_lead_out),
        TEST(records_become_files),
        TEST(a_file_that_is_there_is_added_to),
        TEST(nothing_is_written_through_a_link_and_nothing_is_left),
        TEST(the_records_of_a_file_are_sorted),
        TEST(what_is_sorted_is_bounded),
        TEST(names_of_files_use_lookups),
        TEST(a_preview_writes_nothing),
        TEST(a_locked_file_is_waited_for_until_the_deadline),
        TEST(a_ping_looks_whether_the_directory_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
