/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents as Celigo's own API hands them out: full of fields that were never
 * set and of what the platform keeps for itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "docs_fixture.h"

/* clang-format off */

static const char connections[] =
"[{\"_id\":\"5f0000000000000000000001\",\"createdAt\":\"2024-03-01T08:00:00.000Z\",\"lastModified\":\"2025-06-11T10:42:13.511Z\","
"\"type\":\"http\",\"name\":\"Shop (sandbox)\",\"offline\":false,\"isHTTP\":true,\"sandbox\":false,\"assistant\":null,"
"\"assistantMetadata\":{\"category\":\"ecommerce\",\"kind\":2},\"debugDate\":null,\"debugUntil\":\"2025-06-11T11:42:13.511Z\","
"\"microServices\":{\"disableNetSuiteWebServices\":false,\"disableRdbms\":true,\"disableDataWarehouse\":false},"
"\"queues\":[{\"name\":\"5f0000000000000000000001\",\"size\":3}],\"queueSize\":3,"
"\"aiDescription\":{\"summary\":\"A shop\",\"generatedOn\":\"2025-05-05\"},\"__v\":7,\"_createdByUserId\":\"5f00000000000000000000aa\","
"\"settingsForm\":{\"form\":{}},\"settings\":{},\"rdbms\":{\"options\":[]},\"pgp\":null,\"ssl\":{},\"rest\":{},\"netsuite\":{\"wsdlVersion\":\"\"},"
"\"http\":{\"formType\":\"rest\",\"mediaType\":\"json\",\"baseURI\":\"https://shop.example.com\",\"concurrencyLevel\":4,\"isRest\":false,"
"\"_iClientId\":null,\"_httpConnectorId\":null,\"unencrypted\":{\"region\":\"eu\"},\"unencryptedFields\":[],\"encryptedFields\":[],\"encrypted\":null,"
"\"headers\":[{\"name\":\"Accept\",\"value\":\"application/json\"}],\"clientCertificates\":{\"ca\":\"\",\"cert\":null},\"type\":null,"
"\"ping\":{\"relativeURI\":\"/me\",\"method\":\"GET\",\"successPath\":\"\",\"successValues\":[],\"failPath\":null,\"failValues\":[],\"body\":null},"
"\"rateLimit\":{\"limit\":null,\"failPath\":null},\"retryHeader\":null,\"useNewAuthFailSchema\":true,"
"\"auth\":{\"type\":\"token\",\"failStatusCode\":null,\"failPath\":null,\"failValues\":[],"
"\"token\":{\"token\":\"t0k3n\",\"location\":\"header\",\"headerName\":\"Authorization\",\"scheme\":\"Bearer\",\"paramName\":\"\",\"refreshToken\":null,\"refreshHeaders\":[],\"tokenPaths\":[],\"revoke\":{\"headers\":[]}},"
"\"basic\":{},\"cookie\":{},\"wsse\":{},\"oauth\":{\"useIClientFields\":false,\"type\":null,\"grantType\":null,\"scope\":[],\"oauth1\":{\"signatureMethod\":\"\"},\"accessTokenHeaders\":[],\"useSomethingNew\":false},\"jwt\":{}}}}]";

static const char scripts[] =
"[{\"_id\":\"5f0000000000000000000009\",\"createdAt\":\"2024-03-01T08:00:00.000Z\",\"lastModified\":\"2025-06-11T10:42:13.511Z\",\"name\":\"Hooks\","
"\"description\":\"\",\"aiDescription\":{\"summary\":\"x\"},\"debugUntil\":null,\"_sourceId\":null,\"insertFunction\":\"preMap\","
"\"content\":\"function preMap(options) { return options.data.map((d) => ({data: d})); }\"}]";

static const char exports[] =
"[{\"_id\":\"5f0000000000000000000002\",\"createdAt\":\"2024-03-01T08:00:00.000Z\",\"lastModified\":\"2025-06-11T10:42:13.511Z\","
"\"name\":\"Get orders\",\"_connectionId\":\"5f0000000000000000000001\",\"apiIdentifier\":\"e5f2\",\"asynchronous\":true,\"oneToMany\":false,\"sandbox\":false,"
"\"assistant\":null,\"assistantMetadata\":{\"resource\":\"orders\",\"operation\":\"list\",\"version\":\"v1\"},\"isLookup\":false,\"isHTTP\":true,\"adaptorType\":\"HTTPExport\","
"\"parsers\":[],\"dataURITemplate\":\"\",\"traceKeyTemplate\":null,\"pageSize\":null,\"type\":null,\"sampleData\":[{\"id\":1}],\"mockOutput\":{\"page_of_records\":[]},"
"\"aiDescription\":{\"summary\":\"all\",\"detailed\":\"<p>all</p>\"},\"once\":null,\"distributed\":{},\"test\":{},\"delta\":{\"dateField\":null},\"groupByFields\":[],\"file\":null,\"rdbms\":{\"once\":{}},\"ftp\":{},"
"\"inputFilter\":{\"rules\":[],\"version\":\"1\"},"
"\"filter\":{\"type\":\"expression\",\"expression\":{\"rules\":[],\"version\":\"1\"},\"rules\":[],\"version\":\"1\",\"script\":{\"_scriptId\":null,\"function\":null}},"
"\"transform\":{\"type\":\"expression\",\"expression\":{\"version\":\"1\",\"rules\":[[]]},\"version\":\"1\",\"rules\":[[]],\"script\":{}},"
"\"hooks\":{\"preSavePage\":{\"_scriptId\":null,\"function\":null,\"_stackId\":null,\"configuration\":{}}},"
"\"http\":{\"relativeURI\":\"/orders?p={{export.http.paging.page}}\",\"method\":\"GET\",\"formType\":\"http\",\"body\":null,\"headers\":[],\"isRest\":false,\"successMediaType\":null,\"errorMediaType\":\"\",\"sendAuthForFileDownloads\":false,\"strictHandlebarEvaluation\":false,\"type\":null,"
"\"once\":{},\"paging\":{\"method\":\"page\",\"page\":1,\"path\":\"\",\"relativeURI\":\"\",\"body\":\"\",\"token\":\"\",\"linkHeaderRelation\":\"\",\"lastPageValues\":[]},\"_asyncHelperId\":null,"
"\"response\":{\"resourcePath\":\"orders\",\"successPath\":null,\"successValues\":[],\"failPath\":null,\"failValues\":[],\"twoDArray\":{\"doNotNormalize\":false,\"hasHeader\":false},\"blobFormat\":null,\"hasHeader\":false}}},"
"{\"_id\":\"5f0000000000000000000003\",\"name\":\"Find customer\",\"_connectionId\":\"5f0000000000000000000001\",\"isLookup\":true,\"adaptorType\":\"HTTPExport\",\"oneToMany\":false,\"pathToMany\":\"\",\"mappings\":[],\"mapping\":{\"fields\":[],\"lists\":[]},\"lookups\":[],"
"\"transform\":{\"type\":\"expression\",\"expression\":{\"version\":\"2\",\"rulesTwoDotZero\":{\"mode\":\"create\",\"mappings\":[],\"lookups\":[]}},\"rules\":[],\"version\":\"2\"},"
"\"http\":{\"relativeURI\":\"/customers?mail={{record.mail}}\",\"method\":\"GET\",\"response\":{\"resourcePath\":\"\"}}},"
"{\"_id\":\"5f0000000000000000000004\",\"name\":\"Hook\",\"type\":\"webhook\",\"adaptorType\":\"WebhookExport\",\"_connectionId\":null,\"createdAt\":\"2024-03-01T08:00:00.000Z\",\"http\":{},\"assistant\":null,"
"\"webhook\":{\"provider\":\"custom\",\"verify\":\"secret_url\",\"token\":\"0123456789abcdef\",\"path\":null,\"algorithm\":null,\"encoding\":\"\",\"key\":\"\",\"header\":null}}]";

static const char imports[] =
"[{\"_id\":\"5f0000000000000000000005\",\"createdAt\":\"2024-03-01T08:00:00.000Z\",\"lastModified\":\"2025-06-11T10:42:13.511Z\",\"name\":\"Send order\","
"\"_connectionId\":\"5f0000000000000000000001\",\"adaptorType\":\"HTTPImport\",\"apiIdentifier\":\"i99\",\"sandbox\":false,\"distributed\":false,\"assistant\":null,\"externalId\":null,\"maxAttempts\":null,\"parsers\":null,"
"\"ignoreExisting\":false,\"ignoreMissing\":false,\"oneToMany\":false,\"pathToMany\":null,\"lookups\":[],\"blobKeyPath\":\"\",\"idLockTemplate\":\"\",\"dataURITemplate\":null,\"mockResponse\":[],\"sampleResponseData\":\"{}\",\"deleteAfterImport\":false,"
"\"responseTransform\":{\"type\":\"expression\",\"expression\":{\"version\":\"1\",\"rules\":[[]]},\"rules\":[[]],\"version\":\"1\"},"
"\"filter\":{\"type\":\"expression\",\"expression\":{\"rules\":[],\"version\":\"1\"},\"rules\":[],\"version\":\"1\"},\"hooks\":{\"preMap\":{\"_scriptId\":\"5f0000000000000000000009\",\"function\":\"preMap\"},\"postMap\":{},\"postAggregate\":null},"
"\"mapping\":{\"fields\":[],\"lists\":[]},"
"\"mappings\":[{\"extract\":\"$.id\",\"generate\":\"no\",\"dataType\":\"string\",\"sourceDataType\":\"string\",\"status\":\"Active\",\"conditional\":{\"when\":null},\"lookupName\":\"\",\"description\":\"\",\"mappings\":[],\"buildArrayHelper\":[],\"extractDateFormat\":\"\",\"generateDateFormat\":null,\"key\":\"abc\",\"hardCodedValue\":null}],"
"\"file\":{},\"rdbms\":{\"queryType\":[]},\"aiDescription\":{\"summary\":\"y\"},\"settings\":{},"
"\"http\":{\"relativeURI\":[\"/orders\"],\"method\":[\"POST\"],\"body\":[null],\"headers\":[],\"batchSize\":1,\"sendPostMappedData\":true,\"formType\":\"http\",\"requestType\":[\"CREATE\"],\"strictHandlebarEvaluation\":false,\"ignoreEmptyNodes\":false,\"type\":null,\"existingExtract\":\"\",\"lookups\":[],\"configureAsyncHelper\":false,"
"\"response\":{\"resourceIdPath\":[null],\"resourcePath\":[null],\"successPath\":[null],\"successValues\":[null],\"failPath\":[null],\"failValues\":[[null]],\"errorPath\":null,\"allowArrayforSuccessPath\":false,\"hasHeader\":false}}},"
"{\"_id\":\"5f0000000000000000000006\",\"name\":\"Old\",\"_connectionId\":\"5f0000000000000000000001\",\"adaptorType\":\"HTTPImport\",\"mappings\":[],"
"\"mapping\":{\"fields\":[{\"extract\":\"id\",\"generate\":\"no\",\"hardCodedValue\":null,\"lookupName\":\"\",\"internalId\":false,\"immutable\":false,\"discardIfEmpty\":false,\"default\":null,\"extractDateFormat\":\"\",\"conditional\":{\"when\":\"\",\"lookupName\":\"\"},\"isRequired\":false}],\"lists\":[{\"generate\":\"\",\"fields\":[]}]},"
"\"http\":{\"relativeURI\":[\"/old\"],\"method\":[\"POST\"],\"body\":[],\"requestType\":[],\"response\":{\"resourceIdPath\":[],\"successValues\":[[]]}}}]";

static const char flows[] =
"[{\"_id\":\"5f0000000000000000000007\",\"createdAt\":\"2024-03-01T08:00:00.000Z\",\"lastModified\":\"2025-06-11T10:42:13.511Z\",\"name\":\"Orders\",\"disabled\":false,\"sandbox\":false,\"skipRetries\":false,\"free\":false,\"isAbstract\":false,"
"\"_integrationId\":\"5f0000000000000000000011\",\"_flowGroupingId\":\"5f0000000000000000000012\",\"_connectorId\":null,\"_exportId\":null,\"_importId\":null,\"timezone\":null,\"schedule\":\"? 5 * * * *\",\"wizardState\":\"done\",\"errors\":4,"
"\"lastExecutedAt\":\"2025-06-11T10:42:13.511Z\",\"autoResolveMatchingTraceKeys\":true,\"overrides\":{},\"_runNextFlowIds\":[],\"_runNextExportIds\":[],\"routers\":[],\"logging\":{\"debugUntil\":\"x\"},\"aiDescription\":{\"summary\":\"z\"},"
"\"pageGenerators\":[{\"_exportId\":\"5f0000000000000000000002\",\"skipRetries\":false,\"schedule\":null,\"_keepDeltaBehindFlowId\":null,\"id\":\"aB3\"}],"
"\"pageProcessors\":[{\"responseMapping\":{\"fields\":[],\"lists\":[]},\"type\":\"export\",\"_exportId\":\"5f0000000000000000000003\",\"hooks\":{\"postResponseMap\":{}},\"proceedOnFailure\":false},"
"{\"responseMapping\":{\"fields\":[{\"extract\":\"id\",\"generate\":\"remote\"}],\"lists\":[]},\"type\":\"import\",\"_importId\":\"5f0000000000000000000005\",\"setupInProgress\":false,\"_toolId\":null}]},"
"{\"_id\":\"5f0000000000000000000008\",\"name\":\"Branches\",\"pageProcessors\":[],\"pageGenerators\":[{\"_exportId\":\"5f0000000000000000000002\"}],"
"\"routers\":[{\"id\":\"r1\",\"name\":\"\",\"routeRecordsTo\":\"first_matching_branch\",\"routeRecordsUsing\":\"input_filters\",\"script\":{},\"branches\":[{\"name\":\"all\",\"inputFilter\":{\"rules\":[],\"version\":\"1\"},\"nextRouterId\":null,\"collapsed\":true,\"pageProcessors\":[{\"type\":\"import\",\"_importId\":\"5f0000000000000000000006\",\"responseMapping\":{},\"setupInProgress\":false}]}]}]}]";

static const char others[] =
"{\"iClients\":[{\"_id\":\"5f0000000000000000000021\",\"provider\":\"custom_oauth2\",\"name\":\"c\",\"createdAt\":\"x\",\"oauth2\":{\"clientId\":\"a\",\"clientSecret\":\"b\",\"grantType\":\"clientcredentials\",\"scope\":[],\"token\":{\"uri\":\"https://a.example.com/t\",\"headers\":[],\"body\":null},\"refresh\":{\"headers\":[]},\"revoke\":{\"uri\":null,\"headers\":[]},\"failValues\":[],\"validDomainNames\":[],\"accessTokenLocation\":\"\"},\"assistant\":null,\"jwt\":{},\"amazonmws\":{\"accessKeyId\":\"\"}}],"
"\"apis\":[{\"_id\":\"5f0000000000000000000022\",\"name\":\"a\",\"createdAt\":\"x\",\"aiDescription\":{\"summary\":\"q\"},\"disabled\":false,\"script\":{\"_scriptId\":\"5f0000000000000000000009\",\"function\":\"preMap\"},\"shipworks\":{},\"apim\":[],\"builder\":{\"routers\":[]},\"debugUntil\":null}],"
"\"asyncHelpers\":[{\"_id\":\"5f0000000000000000000023\",\"name\":\"h\",\"lastModified\":\"x\",\"http\":{\"submit\":{\"sameAsStatus\":false,\"resourcePath\":null,\"transform\":{\"rules\":[]}},\"status\":{\"_exportId\":\"5f0000000000000000000002\",\"statusPath\":\"s\",\"inProgressValues\":[\"a\"],\"doneValues\":[],\"pollWaitTime\":null},\"result\":{\"_exportId\":\"5f0000000000000000000002\"}}}]}";

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

static const char *bundle(docs_fixture_t *f)
{
    return apr_pstrcat(f->p, "{\"connections\":", connections,
                       ",\"scripts\":", scripts, ",\"exports\":", exports,
                       ",\"imports\":", imports, ",\"flows\":", flows, ",",
                       others + 1, NULL);
}

static void what_celigo_exports_loads_as_it_is(void **state)
{
    docs_fixture_t *f = *state;
    apr_status_t rv;

    docs_fixture_file(f, "all.json", bundle(f));
    docs_fixture_include(f, "all.json");
    rv = docs_fixture_compile(f);
    assert_string_equal(docs_fixture_problems(f), "");
    assert_int_equal(rv, APR_SUCCESS);
}

/* An empty filter lets all records through, an empty mapping is none. */
static void what_was_never_set_does_nothing(void **state)
{
    docs_fixture_t *f = *state;
    const flow_export_t *exp;
    const flow_import_t *imp;

    docs_fixture_file(f, "all.json", bundle(f));
    docs_fixture_include(f, "all.json");
    assert_int_equal(docs_fixture_compile(f), APR_SUCCESS);
    exp = apr_hash_get(f->model->exports, "5f0000000000000000000002",
                       APR_HASH_KEY_STRING);
    assert_null(exp->filter.expression);
    assert_null(exp->filter.script.script);
    assert_null(exp->transform.expression);
    assert_null(exp->pre_save_page.script);
    exp = apr_hash_get(f->model->exports, "5f0000000000000000000003",
                       APR_HASH_KEY_STRING);
    assert_null(exp->transform.expression);
    assert_null(exp->mapping);
    imp = apr_hash_get(f->model->imports, "5f0000000000000000000005",
                       APR_HASH_KEY_STRING);
    assert_non_null(imp->mapping);
    assert_null(imp->response_transform.expression);
}

static void a_value_that_says_something_is_still_told(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(
        f, "one.json",
        "{\"connections\":[{\"_id\":\"c\",\"type\":\"http\",\"isHTTPS\":1,"
        "\"createdAt\":\"2024-03-01T08:00:00.000Z\","
        "\"http\":{\"baseURI\":\"https://x.example.com\","
        "\"pings\":{\"method\":\"GET\"},\"retryHeaders\":null}}],"
        "\"exports\":[{\"_id\":\"e\",\"_connectionId\":\"c\","
        "\"parsers\":[{\"a\":1}],\"transfrom\":{\"rules\":[[1]]},"
        "\"http\":{\"strictHandlebarEvaluations\":true}}]}");
    docs_fixture_include(f, "one.json");
    docs_fixture_compile(f);
    assert_string_equal(
        docs_fixture_problems(f),
        "DIR/one.json:1: connection 'c', isHTTPS: unknown field 'isHTTPS'; "
        "did you mean 'http'?\n"
        "DIR/one.json:1: connection 'c', http.pings: unknown field "
        "'http.pings'; did you mean 'http.ping'?\n"
        "DIR/one.json:1: export 'e', parsers: field 'parsers' is known but "
        "not supported yet\n"
        "DIR/one.json:1: export 'e', transfrom: unknown field 'transfrom'; "
        "did you mean 'transform'?\n"
        "DIR/one.json:1: export 'e', http.strictHandlebarEvaluations: unknown "
        "field 'http.strictHandlebarEvaluations'");
}

/* clang-format off */
#define NAMED(id, what) \
    "{\"_id\":\"" id "\",\"_connectionId\":\"c\",\"http\":{\"relativeURI\":\"/a\"}," what "}"

static const char misspelt_rules[] =
"{\"connections\":[{\"_id\":\"c\",\"type\":\"http\",\"http\":{\"baseURI\":\"https://x.example.com\"}}],\"exports\":["
NAMED("a", "\"filter\":{\"type\":\"expression\",\"expression\":{\"version\":\"1\",\"ruels\":[\"equals\",1,2]}}") ","
NAMED("b", "\"transform\":{\"expression\":{\"version\":\"1\",\"rule\":[[1]]}}") ","
NAMED("d", "\"transform\":{\"expression\":{\"rulesTwoDotZero\":{\"mappings\":[],\"lookup\":[1]}}}") "]}";
/* clang-format on */

static void rules_under_a_misspelt_name_are_not_taken_for_none(void **state)
{
    docs_fixture_t *f = *state;

    docs_fixture_file(f, "one.json", misspelt_rules);
    docs_fixture_include(f, "one.json");
    docs_fixture_compile(f);
    assert_string_equal(
        docs_fixture_problems(f),
        "DIR/one.json:1: export 'a', filter.expression: unknown field 'ruels'; "
        "did you mean 'rules'?\n"
        "DIR/one.json:1: export 'b', transform.expression: unknown field "
        "'rule'; did you mean 'rules'?\n"
        "DIR/one.json:1: export 'd', transform.expression.rulesTwoDotZero: "
        "unknown field 'lookup'; did you mean 'lookups'?");
}

/* Exported documents have stars for secrets, and keep what belongs to types of
 * authentication that were tried before. */
static void a_secret_that_was_left_out_is_warned_of(void **state)
{
    docs_fixture_t *f = *state;
    const apr_array_header_t *warnings;

    docs_fixture_file(
        f, "one.json",
        "{\"connections\":[{\"_id\":\"c\",\"type\":\"http\","
        "\"createdAt\":\"2024-03-01T08:00:00.000Z\","
        "\"http\":{\"baseURI\":\"https://x.example.com\",\"auth\":{"
        "\"type\":\"token\",\"basic\":{\"password\":\"***\"},"
        "\"token\":{\"token\":\"******\",\"location\":\"header\"}}}}]}");
    docs_fixture_include(f, "one.json");
    docs_fixture_compile(f);
    assert_string_equal(docs_fixture_problems(f), "");
    warnings = f->model->warnings;
    assert_int_equal(warnings->nelts, 2);
    assert_non_null(strstr(
        APR_ARRAY_IDX(warnings, 1, const char *),
        "connection 'c', http.auth.token.token: this is what exported "
        "documents have in place of a secret; write the secret, or env:NAME "
        "or file:PATH"));
}

/* What somebody has written means something, whatever it is; and false is not
 * "never set" where the name that was meant is true when nothing is said. */
static void a_misspelt_name_is_told_whatever_its_value(void **state)
{
    static const char *const values[] = { "false", "null", "\"\"", "[]", "{}" };
    docs_fixture_t *f = *state;
    apr_size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); ++i) {
        docs_fixture_file(
            f, apr_psprintf(f->p, "%d.json", (int)i),
            apr_psprintf(f->p,
                         "{\"connections\":[{\"_id\":\"c%d\",\"type\":"
                         "\"http\",\"http\":{\"baseURI\":"
                         "\"https://x.example.com\",\"medaiType\":%s}}]}",
                         (int)i, values[i]));
        docs_fixture_include(f, apr_psprintf(f->p, "%d.json", (int)i));
    }
    docs_fixture_file(f, "a.json",
                      "{\"connections\":[{\"_id\":\"x\",\"lastModified\":\"a\","
                      "\"type\":\"http\",\"autoRecoverRateLimitError\":false,"
                      "\"http\":{\"medaiType\":false,"
                      "\"baseURI\":\"https://x.example.com\"}}]}");
    docs_fixture_include(f, "a.json");
    docs_fixture_compile(f);
#define TOLD(n)                                                                \
    "DIR/" #n ".json:1: connection 'c" #n "', http.medaiType: unknown field "  \
    "'http.medaiType'; did you mean 'http.mediaType'?\n"
    assert_string_equal(docs_fixture_problems(f),
                        TOLD(0) TOLD(1) TOLD(2) TOLD(3)
                            TOLD(4) "DIR/a.json:1: connection 'x', "
                                    "autoRecoverRateLimitError: unknown field "
                                    "'autoRecoverRateLimitError'; did you mean "
                                    "'autoRecoverRateLimitErrors'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_celigo_exports_loads_as_it_is,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_never_set_does_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_value_that_says_something_is_still_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_misspelt_name_is_told_whatever_its_value, setup, teardown),
        cmocka_unit_test_setup_teardown(a_secret_that_was_left_out_is_warned_of,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            rules_under_a_misspelt_name_are_not_taken_for_none, setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
