# SPDX-License-Identifier: Apache-2.0
"""Planted mistakes: each is reported by configtest with file and line."""
import pytest

GOOD = """<FlowConnection shop>
  FlowSet type http
  FlowSet http.baseURI https://shop.example.com
  FlowSet http.mediaType json
</FlowConnection>
<FlowExport orders>
  FlowSet _connectionId shop
  FlowSet http.method GET
  FlowSet http.relativeURI /orders
</FlowExport>
<FlowImport erp>
  FlowSet _connectionId shop
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<Flow sync>
  FlowSet pageGenerators [{"_exportId":"orders"}]
  FlowSet pageProcessors [{"type":"import","_importId":"erp"}]
</Flow>
"""

# (what is changed in GOOD, into what, line of the message, words of it)
DOCUMENT = [
    ("http.baseURI", "http.baseUri", 3, "'http.baseUri'; did you mean 'http.baseURI'"),
    ("type http", "type htp", 2, "'htp'"),
    ("https://shop.example.com", "shop.example.com", 3, "http.baseURI"),
    ("mediaType json", "mediaType jsn", 4, "did you mean 'json'"),
    ("FlowSet http.baseURI https://shop.example.com\n", "\n", 1, "http.baseURI"),
    ("http.method GET", "http.method GTE", 8, "did you mean 'GET'"),
    ("_connectionId shop\n  FlowSet http.method GET",
     "_connectionId shp\n  FlowSet http.method GET", 7, "did you mean 'shop'"),
    ("relativeURI /orders", "relativeURI /orders?x={{record.x", 9, "http.relativeURI"),
    ("relativeURI /orders", "relativeURI {{ record.x}}", 9, "http.relativeURI"),
    ("relativeURI /orders", "relativeURI {{nosuch record.x}}", 9, "nosuch"),
    ("relativeURI /orders",
     'relativeURI "/orders?x={{timestamp "YYYY MM"}}"', 9,
     "write single quotes around the value"),
    ("relativeURI /orders",
     "relativeURI /orders\n  FlowSet pageSize many", 10, "'many'"),
    ("relativeURI /orders",
     "relativeURI /orders\n  FlowSet isLookup maybe", 10, "'maybe'"),
    ("relativeURI /orders",
     "relativeURI /orders\n  FlowSet http.response.resourcePath a[?(@.x)]", 10,
     "http.response.resourcePath"),
    ("relativeURI /orders",
     "relativeURI /orders\n  FlowSet http.paging.method linkhead", 10,
     "did you mean 'linkheader'"),
    ("relativeURI /orders",
     'relativeURI /orders\n  FlowSet filter {"type":"expression","expression":'
     '{"version":"1","rules":["equal",["extract","a"],1]}}', 10,
     "did you mean 'equals'"),
    ("relativeURI /orders",
     "relativeURI /orders\n  FlowSet filter {broken", 10, "JSON"),
    ("relativeURI /orders",
     'relativeURI /orders\n  FlowSet hooks.preSavePage {"_scriptId":"nope",'
     '"function":"f"}', 10, "'nope'"),
    ("http.method POST", "http.method", 13, "http.method"),
    ("relativeURI /in", "relativeURI /in\n  FlowSet http.batchSize 0", 15, "1 to 1000"),
    ("relativeURI /in", 'relativeURI /in\n  FlowSet mapping.fields '
     '[{"extract":"a","generat":"b"}]', 15, "generat"),
    ('"_exportId":"orders"', '"_exportId":"ordres"', 17, "did you mean 'orders'"),
    ('"type":"import"', '"type":"impot"', 18, "did you mean 'import'"),
    ('"_importId":"erp"', '"_importId":"orders"', 18, "no import 'orders'"),
    ("  FlowSet pageGenerators [{\"_exportId\":\"orders\"}]\n", "", 16,
     "pageGenerators"),
    ("</Flow>\n", "  FlowSet routers [7]\n</Flow>\n", 18, "routers"),
    ("</Flow>\n", "  FlowSet schedule \"? 61 * * * *\"\n</Flow>\n", 19,
     "schedule"),
    ("</Flow>\n", "  AllowOverride None\n</Flow>\n", 19, "AllowOverride"),
    ("</Flow>\n", "</Flow>\n<FlowExport orders>\n</FlowExport>\n", 20, "orders"),
    ("</Flow>\n", "</Flow>\nFlowScript s nowhere.js\n", 20, "nowhere.js"),
    ("</Flow>\n", '</Flow>\n<Location "/a">\n  FlowAPI export:order\n</Location>\n',
     21, "did you mean 'orders'"),
    ("</Flow>\n", '</Flow>\n<Location "/a">\n  FlowWebhook orders\n</Location>\n',
     21, "no webhook"),
    ("</Flow>\n", '</Flow>\n<Location "/a">\n  FlowAPI thing\n</Location>\n',
     21, "script:ID"),
    ("type http", "type http\n  FlowSet http.auth.type basic\n"
     "  FlowSet http.auth.basic.username u\n"
     "  FlowSet http.auth.basic.password env:NOT_SET_ANYWHERE", 5,
     "NOT_SET_ANYWHERE"),
]


@pytest.mark.parametrize("old, new, line, words", DOCUMENT,
                         ids=[f"{i:02}" for i in range(len(DOCUMENT))])
def test_a_mistake_in_a_document(httpd, old, new, line, words):
    assert old in GOOD
    status, output = httpd.check(GOOD.replace(old, new, 1))
    assert status != 0, output
    found = [text for text in output.splitlines() if words in text]
    assert found, output
    assert f"test.conf:{line}:" in found[0], output


def test_the_good_one_is_good(httpd):
    status, output = httpd.check(GOOD)
    assert status == 0, output


DIRECTIVES = [
    ("FlowWorkers many", "'many' is not a number of threads from 0 to 64"),
    ("FlowWorkers 65", "'65' is not a number of threads from 0 to 64"),
    ("FlowWorkers 4294967298", "from 0 to 64"),
    ("FlowQueueLimit 0", "'0' is not a number of jobs"),
    ("FlowRetention -1", "'-1' is not a number of days"),
    ("FlowScriptTimeout 1.5", "'1.5' is not a number of seconds"),
    ("FlowScriptMemory 1", "'1' is not a number of bytes"),
    ("FlowMaxBody 5X", "'5X' is not a number of bytes"),
    ("FlowStore mysql x", "there is no store driver 'mysql'; use sqlite3 or pgsql"),
    ("FlowEgress maybe host", "'maybe' is neither 'allow' nor 'deny'"),
    ("FlowEgress allow 10.0.0.0/99", "'/99' is not a number of bits"),
    ("FlowSet type http", "FlowSet belongs in"),
    ("<Flow>\n</Flow>", "takes one argument"),
    ("<Location /x>\nFlowAuth all\n</Location>", "'all' is unknown"),
    ("<Location /x>\nFlowAPI export:a f\n</Location>", "takes no function"),
    ("<Location /x>\nFlowAPI script:a\nFlowWebhook b\n</Location>",
     "one Location, one target"),
    ("<Directory />\nFlowAPI export:a\n</Directory>", "cannot occur within"),
    ("<Directory />\nFlowAuth none\n</Directory>", "cannot occur within"),
    ("<VirtualHost *:1>\nFlowWorkers 1\n</VirtualHost>",
     "cannot occur within"),
]


@pytest.mark.parametrize("text, words", DIRECTIVES,
                         ids=[t.split("\n")[0] for t, _ in DIRECTIVES])
def test_a_mistake_in_a_directive(httpd, text, words):
    status, output = httpd.check("\n\n" + text + "\n")
    assert status != 0, output
    assert words in output
    assert "test.conf" in output


def test_all_mistakes_are_reported_at_once(httpd):
    text = (GOOD.replace("mediaType json", "mediaType jsn")
            .replace("http.method GET", "http.method GTE")
            .replace('"_importId":"erp"', '"_importId":"epr"')
            + '<Location "/a">\n  FlowAPI flow:snyc\n</Location>\n')
    status, output = httpd.check(text)
    assert status != 0
    for line in (4, 8, 18, 21):
        assert f"test.conf:{line}:" in output, output
    assert "FLOW0101: 4 mistakes" in output


def test_a_mistake_in_a_json_document(httpd):
    httpd.files({"docs/exports/orders.json":
                 '{\n  "_connectionId": "shop",\n  "http": {\n'
                 '    "method": "GET",\n    "relativeUri": "/orders"\n  }\n}\n',
                 "docs/flows/broken.json": '{\n  "name": "x",\n}\n'})
    status, output = httpd.check(
        GOOD.split("<FlowExport")[0] + 'FlowInclude "@root@/docs"\n')
    assert status != 0
    assert "orders.json:5:" in output and "relativeURI" in output
    assert "broken.json:3:" in output


def test_a_mistake_in_a_script_names_line_and_column(httpd):
    httpd.files({"s.js": "function a () {\n  return 1 +\n}\n"})
    status, output = httpd.check('FlowScript s "@root@/s.js"\n')
    assert status != 0
    assert "s.js:3:" in output


def test_a_script_that_throws_at_its_top_level_is_found(httpd):
    httpd.files({"s.js": "var a = 1\nnosuch.call()\n"})
    status, output = httpd.check('FlowScript s "@root@/s.js"\n')
    assert status != 0
    assert "s.js" in output and "nosuch" in output


def test_a_secret_is_not_printed(httpd):
    httpd.env["TOKEN"] = "very-secret-value"
    text = GOOD.replace("type http", "type http\n  FlowSet http.auth.type token\n"
                        "  FlowSet http.auth.token.location hedaer\n"
                        "  FlowSet http.auth.token.token env:TOKEN")
    status, output = httpd.check(text)
    assert status != 0 and "hedaer" in output
    assert "very-secret-value" not in output


def test_flow_conf_is_accepted(httpd):
    from env import TOP
    import re
    text = (TOP / "conf" / "flow.conf").read_text()
    assert httpd.check(text)[0] == 0
    # ... and so is every example in it, once its # is taken away
    lines = []
    for line in text.splitlines():
        live = re.sub(r"^#(?=(Flow|</?(Flow|Location)|\s+(Flow|AuthType|Require)))",
                      "", line)
        lines.append(live)
    text = "\n".join(lines)
    text = text.replace("/var/lib/mod_flow", "@root@/state")
    httpd.env["SHOP_TOKEN"] = "x" * 8
    httpd.files({
        "conf/flow/main-flow.js": "function _mainFlow () {}",
        "conf/flow/x.json": {
            "connections": [{"_id": "erp", "type": "http", "http": {
                "baseURI": "https://erp.example.com", "mediaType": "json"}}],
            "exports": [{"_id": "customer-created", "type": "webhook",
                         "webhook": {"verify": "secret_url", "token": "t"}}],
            "scripts": [{"_id": "ping", "name": "ping", "content":
                         "function handleRequest () {}"}]}})
    text = text.replace("conf/flow/", "@root@/conf/flow/")
    status, output = httpd.check(text)
    assert status == 0, output
