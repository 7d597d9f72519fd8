/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts as people who integrate write them: the constructs and functions of
 * the hooks that are published, in scripts of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "tests/unit/script_fixture.h"

static const char source[] =
    "import { exports } from 'integrator-api';\n"
    /* rows become orders with lines: Set, Array.from, indexOf, sums as text */
    "function groupRows(options) {\n"
    "  let ids = new Set();\n"
    "  for (let i = 0; i < options.data.length; i++) {\n"
    "    ids.add(options.data[i].order);\n"
    "  }\n"
    "  let orders = [];\n"
    "  for (let id of Array.from(ids)) {\n"
    "    let lines = options.data.filter(row => row.order === id);\n"
    "    let total = 0;\n"
    "    for (let j = 0; j < lines.length; j++) {\n"
    "      total += parseFloat(lines[j].price) * parseInt(lines[j].qty, 10);\n"
    "    }\n"
    "    orders.push({ id: id, total: total.toFixed(2), count: lines.length,\n"
    "                  skus: lines.map(function (l) { return l.sku })"
    ".join('|'),\n"
    "                  rounded: Math.round(total * 100) / 100,\n"
    "                  most: Math.max.apply(null, lines.map(l => +l.qty)) });\n"
    "  }\n"
    "  return { data: orders, errors: options.errors, abort: false,\n"
    "           newErrorsAndRetryData: [] }\n"
    "}\n"
    /* a parsed XML tree to plain JSON: for-in, recursion, typeof */
    "function plain(node, prefix) {\n"
    "  if (typeof node === 'string') { return node }\n"
    "  if (Array.isArray(node)) {\n"
    "    return node.length === 1 ? plain(node[0], prefix)\n"
    "      : node.map(function (n) { return plain(n, prefix) })\n"
    "  }\n"
    "  var out = {}\n"
    "  for (const key in node) {\n"
    "    if (!node.hasOwnProperty(key)) continue\n"
    "    if (key === '$') {\n"
    "      for (const name in node.$) { out[prefix + name] = node.$[name] }\n"
    "    } else if (key === '_') {\n"
    "      if (Object.keys(node).length === 1) { return node._ }\n"
    "      out.text = node._\n"
    "    } else { out[key] = plain(node[key], prefix) }\n"
    "  }\n"
    "  return out\n"
    "}\n"
    "function xmlToJson(options) {\n"
    "  return { data: options.data.map(r => plain(r, '@')),\n"
    "           errors: options.errors, abort: false }\n"
    "}\n"
    /* errors that mean nothing are forgiven, others get a better text */
    "function forgive(options) {\n"
    "  for (var i = 0; i < options.responseData.length; i++) {\n"
    "    var response = options.responseData[i];\n"
    "    if (response.statusCode === 200) { continue; }\n"
    "    for (var j = response.errors.length - 1; j >= 0; j--) {\n"
    "      var message = response.errors[j].message;\n"
    "      if (message.indexOf('already exists') !== -1) {\n"
    "        response.errors.splice(j, 1);\n"
    "      } else if (message.startsWith('RCRD') && message.endsWith('.')) {\n"
    "        response.errors[j].message = options.postMapData[i].id + ': ' +\n"
    "          message.replace(/^RCRD_\\w+\\s*/, '').trim();\n"
    "      }\n"
    "    }\n"
    "    if (!response.errors.length) { response.statusCode = 200; }\n"
    "  }\n"
    "  return options.responseData;\n"
    "}\n"
    /* names, leading zeros, quotes */
    "function people(options) {\n"
    "  return options.data.map(function (record) {\n"
    "    let parts = record.name.split(',');\n"
    "    let first = parts.pop().trim();\n"
    "    let number = record.number.toString();\n"
    "    while (number.length < 6) { number = '0' + number; }\n"
    "    for (let field in record) {\n"
    "      if (typeof record[field] === 'string') {\n"
    "        record[field] = record[field].replace(/\"/g, '');\n"
    "      }\n"
    "    }\n"
    "    return { data: { ...record, first, last: parts[0].substring(0, 1)"
    ".toUpperCase() +\n"
    "      parts[0].substr(1), number } };\n"
    "  });\n"
    "}\n"
    /* days, without the time zone of the machine */
    "function days(options) {\n"
    "  var date = new Date(options.data[0].date);\n"
    "  date.setDate(date.getDate() - 1);\n"
    "  var days = Math.floor((date.getTime() - Date.UTC(2020, 0, 1)) / "
    "86400000);\n"
    "  return [{ data: { day: date.toISOString().split('T')[0], days } },\n"
    "          { errors: [{ code: 'x', message: `bad: ${options.data[1].date}` "
    "}] }];\n"
    "}\n"
    /* a deep copy that changes nothing; a class with state; concat, spread */
    "class Ledger {\n"
    "  constructor(name) { this.name = name; this.lines = []; }\n"
    "  add(line) { this.lines = this.lines.concat([line]); return this; }\n"
    "  get total() { return this.lines.reduce((sum, l) => sum + l.amount, 0) "
    "}\n"
    "}\n"
    "function ledger(options) {\n"
    "  let copy = JSON.parse(JSON.stringify(options.data));\n"
    "  copy.forEach(c => { c.amount = -c.amount });\n"
    "  let book = new Ledger('main');\n"
    "  [...options.data, ...copy.slice(1)].forEach(line => book.add(line));\n"
    "  switch (book.lines.length) {\n"
    "    case 0: throw 'nothing';\n"
    "    case 3: console.info('three'); // falls through\n"
    "    default: return { name: book.name, total: book.total,\n"
    "                      first: options.data[0].amount };\n"
    "  }\n"
    "}\n"
    /* waiting with the help of another server, as people do without sleep() */
    "function pause(options) {\n"
    "  try {\n"
    "    let result = exports.runVirtual({ export: { _connectionId: 'c',\n"
    "      http: { relativeURI: '/wait/5', method: 'GET' } } });\n"
    "    console.log('waited: ' + JSON.stringify(result));\n"
    "  } catch (e) {\n"
    "    console.error(JSON.stringify(e));\n"
    "  }\n"
    "  return options.responseData;\n"
    "}\n";

typedef struct case_t {
    const char *function, *options, *result;
} case_t;

/* clang-format off */
static const case_t cases[] = {
    { "groupRows",
      "{'data':[{'order':'A','sku':'x','price':'19.90','qty':'2'},"
      "{'order':'B','sku':'y','price':'0.1','qty':'3'},"
      "{'order':'A','sku':'z','price':'0.05','qty':'1'}],'errors':[]}",
      "{'data':[{'id':'A','total':'39.85','count':2,'skus':'x|z',"
      "'rounded':39.85,'most':2},{'id':'B','total':'0.30','count':1,"
      "'skus':'y','rounded':0.3,'most':3}],'errors':[],'abort':false,"
      "'newErrorsAndRetryData':[]}" },
    { "xmlToJson",
      "{'data':[{'order':{'$':{'no':'7'},'line':[{'sku':[{'_':'x'}]},"
      "{'sku':'y'}],'note':[{'_':'text','$':{'lang':'en'}}]}}],'errors':[]}",
      "{'data':[{'order':{'@no':'7','line':[{'sku':'x'},{'sku':'y'}],"
      "'note':{'text':'text','@lang':'en'}}}],'errors':[],'abort':false}" },
    { "forgive",
      "{'postMapData':[{'id':1},{'id':2},{'id':3}],'responseData':["
      "{'statusCode':200},{'statusCode':422,'errors':[{'message':"
      "'it already exists'}]},{'statusCode':422,'errors':[{'message':"
      "'RCRD_DSNT_EXIST  no such record.'},{'message':'already exists'}]}]}",
      "[{'statusCode':200},{'statusCode':200,'errors':[]},{'statusCode':422,"
      "'errors':[{'message':'3: no such record.'}]}]" },
    { "people",
      "{'data':[{'name':'smith, Ann B.','number':42,'title':'a \\\"b\\\" c'}]}",
      "[{'data':{'name':'smith, Ann B.','number':'000042','title':'a b c',"
      "'first':'Ann B.','last':'Smith'}}]" },
    { "days",
      "{'data':[{'date':'2020-03-01T12:00:00Z'},{'date':'no'}]}",
      "[{'data':{'day':'2020-02-29','days':59}},{'errors':[{'code':'x',"
      "'message':'bad: no'}]}]" },
    { "ledger", "{'data':[{'amount':5},{'amount':7}]}",
      "{'name':'main','total':5,'first':5}" },
    { "pause", "{'responseData':[{'statusCode':200}]}",
      "[{'statusCode':200}]" },
};
/* clang-format on */

static char heard[1024];
static int fails;

static apr_status_t answer(void *baton, const char *object,
                           const char *function, const json_t *args,
                           apr_time_t deadline, json_t **presult, int *pstatus,
                           flow_error_t *err)
{
    (void)baton;
    (void)args;
    (void)deadline;
    assert_string_equal(object, "exports");
    assert_string_equal(function, "runVirtual");
    if (fails) {
        *pstatus = 502;
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "far_end",
                              "it said no");
    }
    *presult = json_object();
    json_object_set_new(*presult, "data", json_array());
    return APR_SUCCESS;
}

static void hear(void *baton, const char *level, const char *text,
                 apr_size_t len)
{
    (void)baton;
    apr_snprintf(heard, sizeof(heard), "%s: %.*s", level, (int)len, text);
}

static const flow_script_host_t host = { NULL, answer, hear, NULL };

static const char *json_of(const char *text, apr_pool_t *p)
{
    char *out = apr_pstrdup(p, text), *at;

    for (at = out; *at; ++at) {
        *at = *at == '\'' ? '"' : *at;
    }
    return out;
}

static void hooks_as_people_write_them_work(void **state)
{
    flow_script_t *script = script_compile(source, *state);
    flow_script_engine_t *engine = script_engine(16 << 20, 1, *state);
    size_t i;

    fails = 0;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(script_call(engine, script, cases[i].function,
                                        json_of(cases[i].options, *state), 5000,
                                        &host, *state),
                            json_of(cases[i].result, *state));
    }
    assert_string_equal(heard, "log: waited: {\"data\":[]}");
}

/* Users print what was thrown with JSON.stringify. */
static void what_a_call_throws_can_be_printed(void **state)
{
    flow_script_t *script = script_compile(source, *state);

    fails = 1;
    assert_string_equal(script_call(script_engine(16 << 20, 1, *state), script,
                                    "pause", "{\"responseData\":[1]}", 5000,
                                    &host, *state),
                        "[1]");
    assert_string_equal(
        heard, "error: {\"name\":\"Error\",\"code\":\"far_end\",\"message\":"
               "\"it said no\",\"statusCode\":502,\"errors\":[{\"code\":"
               "\"far_end\",\"message\":\"it said no\"}]}");
}

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

#define with_pool(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(hooks_as_people_write_them_work),
        with_pool(what_a_call_throws_can_be_printed),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    flow_script_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}
