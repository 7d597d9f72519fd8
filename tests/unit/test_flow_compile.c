/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "docs_fixture.h"
#include "flow/flow_connector.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int setup(void **state)
{
    docs_fixture_t *f = docs_fixture_begin();

    setenv("FLOW_TEST_TOKEN", "s3cret/token", 1);
    unsetenv("FLOW_TEST_GONE");
    /* Good documents that the cases may refer to. */
    docs_fixture_conf(f, "base.conf",
                      "<connection shop>\n"
                      "type http\n"
                      "http.baseURI https://shop.example.com/api\n"
                      "<connection disk>\n"
                      "type filesystem\n"
                      "filesystem.directoryPath /tmp\n"
                      "<export orders>\n"
                      "_connectionId shop\n"
                      "http.relativeURI /orders\n"
                      "<export stock>\n"
                      "_connectionId shop\n"
                      "isLookup true\n"
                      "http.relativeURI /stock/{{record.sku}}\n"
                      "<export hook>\n"
                      "type webhook\n"
                      "webhook.verify secret_url\n"
                      "webhook.token 0123456789abcdef\n"
                      "<import customers>\n"
                      "_connectionId shop\n"
                      "http.method POST\n"
                      "http.relativeURI /customers\n");
    docs_fixture_file(f, "main.js",
                      "function first(options) { return options; }\n"
                      "function second(options) { return options; }\n");
    flow_docs_script(f->docs, "main",
                     apr_pstrcat(f->p, f->dir, "/main.js", NULL), "base.conf",
                     22);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    docs_fixture_end(*state);
    return 0;
}

typedef struct case_t {
    const char *conf, *problems;
} case_t;

/* Each case is a configuration of its own beside the good documents. */
static void check_cases(const case_t *cases, size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        void *state;
        docs_fixture_t *f;
        const char *got;
        apr_status_t rv;

        setup(&state);
        f = state;
        docs_fixture_conf(f, "t.conf", cases[i].conf);
        rv = docs_fixture_compile(f);
        got = docs_fixture_problems(f);
        if (strcmp(got, cases[i].problems) != 0) {
            fail_msg("%s\n--- got\n%s\n--- expected\n%s", cases[i].conf, got,
                     cases[i].problems);
        }
        assert_int_equal(rv, cases[i].problems[0] ? APR_EINVAL : APR_SUCCESS);
        teardown(&state);
    }
}

#define SHOP   "<connection c>\ntype http\nhttp.baseURI https://x.example.com\n"
#define EXPORT "<export e>\n_connectionId shop\n"
#define IMPORT "<import i>\n_connectionId shop\nhttp.method POST\n"
#define FLOW   "<flow f>\npageGenerators [{\"_exportId\":\"orders\"}]\n"

/* clang-format off */

static void mistakes_in_connections_are_found(void **state)
{
    static const case_t cases[] = {
        { "<connection c>\ntype http\nhttp.baseUri https://x.example.com\n",
          "t.conf:3: connection 'c', http.baseUri: unknown field 'http.baseUri'; did you mean 'http.baseURI'?" },
        { "<connection c>\ntype http\n",
          "t.conf:1: connection 'c', http: required field 'http' is missing" },
        { "<connection c>\nhttp.baseURI https://x.example.com\n",
          "t.conf:1: connection 'c', type: required field 'type' is missing" },
        { "<connection c>\ntype htpt\nhttp.baseURI https://x.example.com\n",
          "t.conf:2: connection 'c', type: 'htpt' is not one of http filesystem; did you mean 'http'?" },
        { "<connection c>\ntype ftp\n",
          "t.conf:2: connection 'c', type: 'ftp' is known but not supported yet; supported: http filesystem" },
        { "<connection c>\ntype http\nhttp.baseURI shop.example.com\n",
          "t.conf:3: connection 'c', http.baseURI: must be an absolute address such as https://shop.example.com/api, without user or password" },
        { "<connection c>\ntype http\nhttp.baseURI https://u:p@x.example.com\n",
          "t.conf:3: connection 'c', http.baseURI: must be an absolute address such as https://shop.example.com/api, without user or password" },
        { "<connection c>\ntype http\nhttp.baseURI https://x.example.com?a=b\n",
          "t.conf:3: connection 'c', http.baseURI: must not have a query or a fragment; put it into 'http.relativeURI'" },
        { "<connection c>\ntype http\nhttp.baseURI ftp://{{connection.x}}\n",
          "t.conf:3: connection 'c', http.baseURI: must begin with https:// or http://" },
        { SHOP "http.mediaType jsn\n",
          "t.conf:4: connection 'c', http.mediaType: 'jsn' is not one of json xml urlencoded plaintext form-data; did you mean 'json'?" },
        { SHOP "http.concurrencyLevel 0\n",
          "t.conf:4: connection 'c', http.concurrencyLevel: 0 is out of range; must be 1 to 50" },
        { SHOP "http.auth.type basic\n",
          "t.conf:4: connection 'c', http.auth.type: type 'basic' needs 'http.auth.basic.username'" },
        { SHOP "http.auth.type basic\nhttp.auth.basic.username a:b\n",
          "t.conf:5: connection 'c', http.auth.basic.username: must not contain a colon" },
        { SHOP "http.auth.basic.username u\n",
          "t.conf:1: connection 'c', http.auth.type: required field 'http.auth.type' is missing" },
        { SHOP "http.auth.type token\nhttp.auth.token.token env:FLOW_TEST_GONE\nhttp.auth.token.location header\n",
          "t.conf:5: connection 'c', http.auth.token.token: environment variable 'FLOW_TEST_GONE' is not set" },
        { SHOP "http.auth.type token\nhttp.auth.token.token env:\nhttp.auth.token.location header\n",
          "t.conf:5: connection 'c', http.auth.token.token: 'env:' must be followed by the name of an environment variable, such as env:SHOP_TOKEN" },
        { SHOP "http.auth.type token\nhttp.auth.token.token file:/nowhere\nhttp.auth.token.location header\n",
          "t.conf:5: connection 'c', http.auth.token.token: cannot read '/nowhere': No such file or directory" },
        { SHOP "http.auth.type token\nhttp.auth.token.token env:FLOW_TEST_TOKEN\nhttp.auth.token.location url\n",
          "t.conf:6: connection 'c', http.auth.token.location: location 'url' needs 'http.auth.token.paramName'" },
        { SHOP "http.headers [{\"name\":\"X Y\",\"value\":\"z\"},{\"name\":\"X\",\"value\":\"{{ z}}\"}]\n",
          "t.conf:4: connection 'c', http.headers[0].name: not the name of a header: only letters, digits and - . _ are sure to work\n"
          "t.conf:4: connection 'c', http.headers[1].value: template line 1, column 3: a blank after the opening braces is not allowed" },
        { SHOP "pgp.key k\n",
          "t.conf:4: connection 'c', pgp.key: field 'pgp' is known but not supported yet" },
        { SHOP "http.ping.successValues ok\n",
          "t.conf:4: connection 'c', http.ping.successValues: has no effect without 'http.ping.successPath'" },
        { SHOP "filesystem.directoryPath /tmp\n",
          "t.conf:4: connection 'c', filesystem: field 'filesystem' does not fit a 'http' connection" },
        { "<connection c>\ntype filesystem\nfilesystem.directoryPath data\n",
          "t.conf:3: connection 'c', filesystem.directoryPath: must be an absolute path" },
        { "<connection shop>\ntype http\n",
          "t.conf:1: connection 'shop': defined twice; the first one stands at base.conf:1" },
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

static void mistakes_in_exports_are_found(void **state)
{
    static const case_t cases[] = {
        { "<export e>\n_connectionId shp\nhttp.relativeURI /x\n",
          "t.conf:2: export 'e', _connectionId: no connection 'shp'; did you mean 'shop'?" },
        { "<export e>\nhttp.relativeURI /x\n",
          "t.conf:1: export 'e', _connectionId: required field '_connectionId' is missing" },
        { EXPORT,
          "t.conf:1: export 'e', http: required field 'http' is missing" },
        { EXPORT "http.method PSOT\n",
          "t.conf:3: export 'e', http.method: 'PSOT' is not one of GET POST PUT PATCH DELETE; did you mean 'POST'?" },
        { EXPORT "http.method GET\nadaptorType FTPExport\n",
          "t.conf:4: export 'e', adaptorType: 'FTPExport' does not fit connection 'shop' of type 'http'; it must be 'HTTPExport'" },
        { EXPORT "http.method GET\ntype once\n",
          "t.conf:1: export 'e', http.once: an export of type 'once' needs it: the request that marks a record, such as {\"method\": \"PUT\", \"relativeURI\": \"/orders/{{record.id}}/done\"}" },
        { EXPORT "http.once.relativeURI /x\n",
          "t.conf:3: export 'e', http.once: only for exports of type 'once'" },
        { EXPORT "type once\nhttp.once.method PUT\n",
          "t.conf:1: export 'e', http.once.relativeURI: required field 'http.once.relativeURI' is missing" },
        { EXPORT "type once\nisLookup true\nhttp.once.relativeURI /x\n",
          "t.conf:3: export 'e', type: a lookup cannot be of type 'once'" },
        { "<export e>\n_connectionId disk\ntype once\n",
          "t.conf:1: export 'e', file: required field 'file' is missing\n"
          "t.conf:3: export 'e', type: connections of type 'filesystem' have no exports of type 'once'" },
        { EXPORT "http.relativeURI /{{x\n",
          "t.conf:3: export 'e', http.relativeURI: template line 1, column 2: no '}}' closes these braces" },
        { EXPORT "http.relativeURI /{{frobnicate x}}\n",
          "t.conf:3: export 'e', http.relativeURI: template line 1, column 4: there is no helper 'frobnicate'" },
        { EXPORT "http.response.resourcePath $..x\n",
          "t.conf:3: export 'e', http.response.resourcePath: path '$..x': '..' is not supported, at column 3; use names, [n] and [*]" },
        { EXPORT "http.relativeURI /x\nhttp.paging.method page\n",
          "t.conf:4: export 'e', http.paging.method: method 'page' needs {{export.http.paging.page}} in 'http.relativeURI' or 'http.body'; else every page is the first one" },
        { EXPORT "http.relativeURI /x\nhttp.paging.method skip\n",
          "t.conf:4: export 'e', http.paging.method: method 'skip' needs {{export.http.paging.skip}} in 'http.relativeURI' or 'http.body'; else every page is the first one" },
        { EXPORT "http.relativeURI /x\nhttp.paging.page 1\n",
          "t.conf:1: export 'e', http.paging.method: required field 'http.paging.method' is missing" },
        { EXPORT "http.relativeURI /x\nhttp.response.failValues a b\n",
          "t.conf:4: export 'e', http.response.failValues: has no effect without 'http.response.failPath'" },
        { EXPORT "http.relativeURI /x\npageSize 20000\n",
          "t.conf:4: export 'e', pageSize: 20000 is out of range; must be 1 to 10000" },
        { EXPORT "http.relativeURI /x\nfilter [\"eqauls\",1,1]\n",
          "t.conf:4: export 'e', filter: '[\"eqauls\",1,1]' is not a JSON object such as {\"name\": \"value\"}; its members can be set one by one" },
        { EXPORT "http.relativeURI /x\nfilter.rules [\"eqauls\",1,1]\n",
          "t.conf:4: export 'e', filter.rules: rules: unknown operator 'eqauls'; did you mean 'equals'" },
        { EXPORT "http.relativeURI /x\nfilter.type script\n",
          "t.conf:4: export 'e', filter: type 'script' needs 'script'" },
        { EXPORT "http.relativeURI /x\ninputFilter.rules [\"equals\",1,1]\n",
          "t.conf:4: export 'e', inputFilter: only for lookups; set 'isLookup' to true, or use 'filter'" },
        { EXPORT "http.relativeURI /x\nhooks.preSavePage {\"_scriptId\":\"mian\",\"function\":\"first\"}\n",
          "t.conf:4: export 'e', hooks.preSavePage._scriptId: no script 'mian'; did you mean 'main'?" },
        { EXPORT "http.relativeURI /x\nhooks.preSavePage {\"_scriptId\":\"main\"}\n",
          "t.conf:4: export 'e', hooks.preSavePage.function: required field 'hooks.preSavePage.function' is missing" },
        { EXPORT "http.relativeURI /x\nwebhook.verify basic\n",
          "t.conf:4: export 'e', webhook: only for exports of type 'webhook'" },
        { "<export e>\ntype webhook\n_connectionId shop\nwebhook.verify secret_url\nwebhook.token abcdef\n",
          "t.conf:3: export 'e', _connectionId: a webhook has no connection; remove it" },
        { "<export e>\n_connectionId disk\nfile.type csv\nhttp.method GET\n",
          "t.conf:4: export 'e', http: field 'http' does not fit a 'filesystem' export" },
        { "<export e>\n_connectionId disk\nfile.type csv\nfile.csv.columnDelimiter ;\";\n",
          "t.conf:4: export 'e', file.csv.columnDelimiter: must have 1 to 16 bytes, none of them a quote or a line end; \\t is a tab" },
        { "<export e>\n_connectionId disk\nfile.type json\nfile.csv.columnDelimiter ;\n",
          "t.conf:4: export 'e', file.csv: only for file.type 'csv'" },
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

static void mistakes_in_imports_are_found(void **state)
{
    static const case_t cases[] = {
        { "<import i>\n_connectionId shop\nhttp.relativeURI /x\n",
          "t.conf:1: import 'i', http.method: required field 'http.method' is missing" },
        { "<import i>\nhttp.method POST\n",
          "t.conf:1: import 'i', _connectionId: required field '_connectionId' is missing" },
        { IMPORT "http.existingExtract id\n",
          "t.conf:4: import 'i', http.existingExtract: needs two operations, such as \"method\": [\"PUT\", \"POST\"], \"requestType\": [\"UPDATE\", \"CREATE\"]" },
        { "<import i>\n_connectionId shop\nhttp.method PUT POST\n",
          "t.conf:1: import 'i', http.requestType: two operations need [\"UPDATE\", \"CREATE\"]\n"
          "t.conf:3: import 'i', http.method: two operations need 'http.existingExtract' or 'http.existingLookupName' to choose by" },
        { "<import i>\n_connectionId shop\nhttp.method []\n",
          "t.conf:3: import 'i', http.method: must name a method, such as [\"POST\"]" },
        { IMPORT "http.batchSize 5\nhttp.requestMediaType xml\n",
          "t.conf:4: import 'i', http.batchSize: several records in one request need media type json or csv, or a 'http.body'" },
        { IMPORT "http.response.successPath ok\nhttp.response.successValues [[true]]\n",
          "t.conf:5: import 'i', http.response.successValues: must be strings, one list per operation, such as [[\"true\"]]" },
        { IMPORT "mapping.fields [{\"generate\":\"a\"}]\nmappings [{\"generate\":\"b\",\"dataType\":\"string\",\"extract\":\"$.b\",\"status\":\"Active\"}]\n",
          "t.conf:4: import 'i', mapping.fields[0]: 'a': 'extract' or 'hardCodedValue' is missing\n"
          "t.conf:5: import 'i', mappings: \"mappings\" is not allowed when \"mapping\" is present" },
        { IMPORT "mapping.fields [{\"generate\":\"a\"},{\"generate\":\"b\",\"extract\":\"a[\"}]\n"
          "mapping.lists [{\"generate\":\"l\",\"fields\":[{\"extract\":\"a\"}]}]\nlookups [{\"name\":\"l\",\"map\":[]},{\"name\":\"m\"}]\n",
          "t.conf:4: import 'i', mapping.fields[0]: 'a': 'extract' or 'hardCodedValue' is missing\n"
          "t.conf:4: import 'i', mapping.fields[1]: 'b': path 'a[': ']' is missing for the '[' at column 2\n"
          "t.conf:5: import 'i', mapping.lists[0].fields[0]: 'generate' is missing\n"
          "t.conf:6: import 'i', lookups[0]: 'l': 'map' must be an object of keys and values, such as {\"DE\": \"Germany\"}\n"
          "t.conf:6: import 'i', lookups[1]: 'm': needs 'map' (a table), '_lookupCacheId' (a cache) or 'relativeURI' (a request)" },
        { IMPORT "mappings [{\"generate\":\"a\",\"status\":\"Active\"},{\"generate\":\"o\",\"dataType\":\"object\",\"status\":\"Active\",\"mappings\":[{\"generate\":\"p\",\"extract\":\"x\"}]}]\n",
          "t.conf:4: import 'i', mappings[0]: 'a': 'extract', 'hardCodedValue' or 'default' is missing\n"
          "t.conf:4: import 'i', mappings[1].mappings[0]: 'p': 'status' is missing; write \"status\": \"Active\"" },
        { IMPORT "responseTransform.expression {\"version\":\"1\",\"rules\":[[{\"extract\":\"a\"}]]}\nmockResponse 5\n",
          "t.conf:4: import 'i', responseTransform.expression.rules[0][0]: 'generate' is missing\n"
          "t.conf:5: import 'i', mockResponse: must be a response element such as {\"statusCode\": 200, \"id\": \"1\", \"_json\": {}}, or an array of them, one for each record" },
        { IMPORT "lookups [{\"name\":\"t\",\"map\":{\"a\":1}},{\"name\":\"u\",\"map\":{\"a\":1}},{\"name\":\"t\",\"map\":{\"b\":1}}]\n",
          "t.conf:4: import 'i', lookups[2]: 't': lookup 0 has the same name; give each its own" },
        { IMPORT "lookups [{\"name\":\"t\",\"map\":{\"a\":1}}]\nhttp.lookups [{\"name\":\"t\",\"relativeURI\":\"/t\"}]\n",
          "t.conf:5: import 'i', http.lookups[0]: lookups[0] has the same name 't'; give each its own" },
        { IMPORT "http.response.failValues [[\"no\"]]\nhttp.response.successValues [\"yes\"]\n",
          "t.conf:4: import 'i', http.response.failValues: has no effect without 'http.response.failPath'\n"
          "t.conf:5: import 'i', http.response.successValues: has no effect without 'http.response.successPath'" },
        { "<export e>\n_connectionId disk\nfilesystem.fileNameEndsWith .csv.error\nfile.type json\n",
          "t.conf:3: export 'e', filesystem.fileNameEndsWith: no such file is ever read: '.error' marks those that are set aside; give them another name" },
        { "<import i>\n_connectionId disk\nfilesystem.directoryPath ../in\nfile.fileName a\nfile.type json\n",
          "t.conf:3: import 'i', filesystem.directoryPath: must not contain '..'; it is a path below the connection's filesystem.directoryPath, which is '/tmp'" },
        { IMPORT "lookups [{\"name\":\"t\"}]\n",
          "t.conf:4: import 'i', lookups[0]: 't': needs 'map' (a table), '_lookupCacheId' (a cache) or 'relativeURI' (a request)" },
        { IMPORT "hooks.preMap {\"_scriptId\":\"main\",\"function\":\"frist\"}\n",
          "t.conf:4: import 'i', hooks.preMap.function: script 'main' has no function 'frist'; it has: first, second" },
        { IMPORT "adaptorType HTTPExport\n",
          "t.conf:4: import 'i', adaptorType: 'HTTPExport' does not fit connection 'shop' of type 'http'; it must be 'HTTPImport'" },
        { "<import i>\n_connectionId disk\nfile.type csv\n",
          "t.conf:1: import 'i', file.fileName: required field 'file.fileName' is missing" },
        { IMPORT "ignoreExisting true\n",
          "t.conf:4: import 'i', ignoreExisting: needs 'http.ignoreExtract' or 'http.ignoreLookupName' to know what exists" },
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

static void mistakes_in_flows_scripts_and_apis_are_found(void **state)
{
    static const case_t cases[] = {
        { "<flow f>\nname x\n",
          "t.conf:1: flow 'f', pageGenerators: required field 'pageGenerators' is missing" },
        { "<flow f>\npageGenerators []\n",
          "t.conf:2: flow 'f', pageGenerators: a flow needs at least one page generator, such as [{\"_exportId\": \"orders\"}]" },
        { "<flow f>\npageGenerators [{\"_exportId\":\"ordres\"}]\n",
          "t.conf:2: flow 'f', pageGenerators[0]._exportId: no export 'ordres'; did you mean 'orders'?" },
        { "<flow f>\npageGenerators [{\"_exportId\":\"stock\"}]\n",
          "t.conf:2: flow 'f', pageGenerators[0]._exportId: export 'stock' is a lookup, which needs a record and cannot start a flow; make it a page processor" },
        { FLOW "pageProcessors [{\"type\":\"import\",\"_importId\":\"costumers\"}]\n",
          "t.conf:3: flow 'f', pageProcessors[0]._importId: no import 'costumers'; did you mean 'customers'?" },
        { FLOW "pageProcessors [{\"type\":\"import\",\"_exportId\":\"stock\"}]\n",
          "t.conf:3: flow 'f', pageProcessors[0]: type 'import' needs '_importId', not '_exportId'" },
        { FLOW "pageProcessors [{\"type\":\"export\"}]\n",
          "t.conf:3: flow 'f', pageProcessors[0]: names neither an '_importId' nor an '_exportId'" },
        { FLOW "pageProcessors [{\"_exportId\":\"hook\"}]\n",
          "t.conf:3: flow 'f', pageProcessors[0]._exportId: export 'hook' is a webhook and cannot be a step; make it a page generator" },
        { FLOW "pageProcessors [{\"_importId\":\"customers\",\"responseMaping\":{\"fields\":[{\"extract\":\"a\",\"generate\":\"b\"}]}}]\n",
          "t.conf:3: flow 'f', pageProcessors[0].responseMaping: unknown field 'pageProcessors[0].responseMaping'; did you mean 'pageProcessors[].responseMapping'?" },
        { FLOW "_exportId orders\n",
          "t.conf:3: flow 'f', _exportId: field '_exportId' is known but not supported yet" },
        { "<api a>\nname x\n",
          "t.conf:1: api 'a', script: required field 'script' is missing; it names the function that answers: {\"_scriptId\": \"...\", \"function\": \"...\"}" },
        { "<api a>\nscript._scriptId main\nscript.function third\n",
          "t.conf:3: api 'a', script.function: script 'main' has no function 'third'; it has: first, second" },
        { "<api a>\n_scriptId main\nfunction third\n",
          "t.conf:3: api 'a', function: script 'main' has no function 'third'; it has: first, second" },
        { "<api a>\ntype builder\nscript._scriptId main\nscript.function first\n",
          "t.conf:2: api 'a', type: 'builder' is known but not supported yet; supported: script" },
        { "<script s>\nname x\n",
          "t.conf:1: script 's', content: the script has no source; give 'content', or a file scripts/s.js" },
    };

    (void)state;
    check_cases(cases, COUNT(cases));
}

/* clang-format on */

static void mistakes_in_files_have_the_files_lines(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(
        f, "all.json",
        "{\n"
        " \"flows\": [\n"
        "  {\"_id\": \"f\",\n"
        "   \"pageGenerators\": [\n"
        "     {\"_exportId\": \"orders\"},\n"
        "     {\"_exportId\": \"nix\"}],\n"
        "   \"pageProcessors\": [{\"_importId\": \"customers\"}],\n"
        "   \"routers\": [7]}\n"
        " ],\n"
        " \"imports\": [\n"
        "  {\"_id\": \"i\", \"_connectionId\": \"shop\",\n"
        "   \"http\": {\"method\": [\"POST\"]},\n"
        "   \"mapping\": {\"fields\": [{\"extract\": \"a\", "
        "\"generate\": \"b\"}]},\n"
        "   \"mappings\": [{\"generate\": \"b\", \"dataType\": "
        "\"string\", \"extract\": \"$.b\", \"status\": "
        "\"Active\"}]}\n"
        " ]\n"
        "}\n");
    docs_fixture_include(f, "all.json");
    assert_int_equal(docs_fixture_compile(f), APR_EINVAL);
    assert_string_equal(
        docs_fixture_problems(f),
        "DIR/all.json:6: flow 'f', pageGenerators[1]._exportId: no export "
        "'nix'\n"
        "DIR/all.json:7: flow 'f', pageProcessors: \"pageProcessors\" is not "
        "allowed when \"routers\" is present\n"
        "DIR/all.json:8: flow 'f', routers[0]: must be an object, not a "
        "number\n"
        "DIR/all.json:14: import 'i', mappings: \"mappings\" is not allowed "
        "when \"mapping\" is present");
}

static void a_syntax_error_stands_in_the_script(void **state)
{
    docs_fixture_t *f = *state;
    const char *problems;

    docs_fixture_file(f, "scripts/bad.js", "function a() {\n  return (;\n}\n");
    docs_fixture_include(f, "scripts");
    docs_fixture_conf(f, "t.conf",
                      "<api a>\nscript._scriptId bad\nscript.function a\n");
    assert_int_equal(docs_fixture_compile(f), APR_EINVAL);
    problems = docs_fixture_problems(f);
    if (strncmp(problems, "DIR/scripts/bad.js:2: script 'bad': ", 36) != 0 ||
        strchr(problems, '\n')) {
        fail_msg("%s", problems);
    }
}

static void good_documents_become_the_model(void **state)
{
    docs_fixture_t *f = *state;
    const flow_export_t *hook, *orders;
    const flow_flow_t *flow;
    const flow_api_t *api;
    apr_array_header_t *flows;

    docs_fixture_conf(
        f, "t.conf",
        "<flow sync>\n"
        "name Order sync\n"
        "pageGenerators [{\"_exportId\":\"hook\"},{\"_exportId\":\"orders\"}]\n"
        "pageProcessors [{\"_exportId\":\"stock\",\"responseMapping\":{"
        "\"fields\":[{\"extract\":\"data[0].qty\",\"generate\":\"qty\"}]}},{"
        "\"type\":\"import\",\"_importId\":\"customers\",\"proceedOnFailure\":"
        "true,\"hooks\":{\"postResponseMap\":{\"_scriptId\":\"main\","
        "\"function\":\"second\"}}}]\n"
        "<flow off>\n"
        "disabled true\n"
        "pageGenerators [{\"_exportId\":\"hook\"}]\n"
        "<api a>\n"
        "script {\"_scriptId\":\"main\",\"function\":\"first\"}\n"
        "<api b>\n"
        "_scriptId main\n"
        "function second\n");
    docs_fixture_compile(f);
    assert_string_equal(docs_fixture_problems(f), "");
    flow = apr_hash_get(f->model->flows, "sync", APR_HASH_KEY_STRING);
    assert_string_equal(flow->name, "Order sync");
    assert_int_equal(flow->ngenerators, 2);
    assert_int_equal(flow->nsteps, 2);
    assert_non_null(flow->steps[0].lookup);
    assert_null(flow->steps[0].import);
    assert_non_null(flow->steps[0].response_mapping);
    assert_non_null(flow->steps[1].import);
    assert_int_equal(flow->steps[1].proceed_on_failure, 1);
    assert_string_equal(flow->steps[1].post_response_map.function, "second");
    hook = apr_hash_get(f->model->exports, "hook", APR_HASH_KEY_STRING);
    assert_non_null(hook->webhook);
    assert_null(hook->connection);
    orders = apr_hash_get(f->model->exports, "orders", APR_HASH_KEY_STRING);
    assert_int_equal(orders->page_size, 20);
    assert_string_equal(orders->name, "orders");
    assert_ptr_equal(orders->connector, &flow_connector_http);
    flows = apr_hash_get(f->model->listeners, "hook", APR_HASH_KEY_STRING);
    assert_int_equal(flows->nelts, 1);
    assert_ptr_equal(APR_ARRAY_IDX(flows, 0, const flow_flow_t *), flow);
    api = apr_hash_get(f->model->apis, "b", APR_HASH_KEY_STRING);
    assert_string_equal(api->handler.function, "second");
    assert_int_equal(f->model->nslots, 8);
}

static int has_secret(const flow_connection_t *conn, const char *text)
{
    size_t i;

    for (i = 0; i < json_array_size(conn->secrets); ++i) {
        if (strcmp(flow_json_string(json_array_get(conn->secrets, i), NULL),
                   text) == 0) {
            return 1;
        }
    }
    return 0;
}

/* It may be mounted later. */
static void a_directory_that_is_missing_is_a_warning(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_conf(f, "t.conf",
                      "<connection gone>\ntype filesystem\n"
                      "filesystem.directoryPath /no/such\n"
                      "<import i>\n_connectionId disk\n"
                      "filesystem.directoryPath no/such\n"
                      "file.fileName a\nfile.type json\n");
    assert_int_equal(docs_fixture_compile(f), APR_SUCCESS);
    assert_int_equal(f->model->warnings->nelts, 2);
    assert_string_equal(
        APR_ARRAY_IDX(f->model->warnings, 0, const char *),
        "t.conf:3: connection 'gone', filesystem.directoryPath: there is no "
        "directory '/no/such' now; make it, or name one that is there");
    assert_string_equal(
        APR_ARRAY_IDX(f->model->warnings, 1, const char *),
        "t.conf:6: import 'i', filesystem.directoryPath: there is no directory "
        "'no/such' in '/tmp' now; make it, or name one that is there");
}

static void secrets_are_resolved_and_remembered(void **state)
{
    docs_fixture_t *f = *state;
    const flow_connection_t *conn;
    const char *text;

    docs_fixture_file(f, "password", "from-file\n");
    docs_fixture_conf(f, "t.conf",
                      apr_psprintf(f->p,
                                   SHOP
                                   "http.auth.type basic\n"
                                   "http.auth.basic.username user\n"
                                   "http.auth.basic.password file:%s/password\n"
                                   "http.encrypted.key env:FLOW_TEST_TOKEN\n"
                                   "http.encrypted.plain literal\n"
                                   "http.encrypted.quoted say\"hi\n",
                                   f->dir));
    docs_fixture_compile(f);
    assert_string_equal(docs_fixture_problems(f), "");
    conn = apr_hash_get(f->model->connections, "c", APR_HASH_KEY_STRING);
    text = flow_json_text(conn->context, NULL, f->p);
    assert_non_null(strstr(text, "\"key\":\"s3cret/token\""));
    assert_non_null(strstr(text, "\"password\":\"from-file\""));
    assert_true(has_secret(conn, "s3cret/token"));
    assert_true(has_secret(conn, "s3cret%2Ftoken"));
    assert_true(has_secret(conn, "from-file"));
    assert_true(has_secret(conn, "literal"));
    assert_true(has_secret(conn, "say\\\"hi"));
    assert_true(has_secret(conn, "dXNlcjpmcm9tLWZpbGU=")); /* user:from-file */
    /* The document itself still has what the administrator wrote. */
    text = flow_json_text(
        flow_docs_find(f->docs, FLOW_KIND_CONNECTION, "c")->json, NULL, f->p);
    assert_non_null(strstr(text, "\"key\":\"env:FLOW_TEST_TOKEN\""));
    assert_null(strstr(text, "s3cret"));
}

static void every_document_is_there_even_when_wrong(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_conf(f, "t.conf",
                      "<connection c>\ntype nix\n<export e>\n_connectionId "
                      "c\n<import i>\n<flow f>\n<api a>\n");
    assert_int_equal(docs_fixture_compile(f), APR_EINVAL);
    assert_non_null(
        apr_hash_get(f->model->connections, "c", APR_HASH_KEY_STRING));
    assert_non_null(apr_hash_get(f->model->exports, "e", APR_HASH_KEY_STRING));
    assert_non_null(apr_hash_get(f->model->imports, "i", APR_HASH_KEY_STRING));
    assert_non_null(apr_hash_get(f->model->flows, "f", APR_HASH_KEY_STRING));
    assert_non_null(apr_hash_get(f->model->apis, "a", APR_HASH_KEY_STRING));
}

static void a_script_file_is_compiled_by_itself(void **state)
{
    docs_fixture_t *f = *state;
    const char *path = docs_fixture_file(f, "api.js", "function x() {}\n");
    const flow_script_t *script = flow_compile_script_file(
        f->docs, path, 8 * 1024 * 1024, "t.conf", 3, f->p);

    assert_non_null(script);
    assert_true(flow_script_has(script, "x"));
    assert_null(flow_compile_script_file(f->docs, "/nowhere.js",
                                         8 * 1024 * 1024, "t.conf", 3, f->p));
    assert_string_equal(docs_fixture_problems(f),
                        "t.conf:3: cannot read '/nowhere.js': No such file or "
                        "directory");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_in_connections_are_found),
        cmocka_unit_test(mistakes_in_exports_are_found),
        cmocka_unit_test(mistakes_in_imports_are_found),
        cmocka_unit_test(mistakes_in_flows_scripts_and_apis_are_found),
        TEST(mistakes_in_files_have_the_files_lines),
        TEST(a_syntax_error_stands_in_the_script),
        TEST(good_documents_become_the_model),
        TEST(a_directory_that_is_missing_is_a_warning),
        TEST(secrets_are_resolved_and_remembered),
        TEST(every_document_is_there_even_when_wrong),
        TEST(a_script_file_is_compiled_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
