# SPDX-License-Identifier: Apache-2.0
"""What callers do not learn of far ends, and what administrators do: the host
behind an error, the link to a record, requests while somebody looks."""
import json
import time

import pytest

CONF = """
<FlowConnection gone>
  FlowSet type http
  FlowSet http.baseURI http://127.0.0.1:1
  FlowSet http.mediaType json
</FlowConnection>
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
%s
</FlowConnection>
FlowInclude "@root@/docs"
"""
LOCATION = """
<Location "/%s">
  FlowAPI %s
  FlowAuth none
</Location>
"""
SCRIPT = """
import { exports, imports, request } from 'integrator-api'
function escapes () { return exports.run({ _id: 'gone' }) }
function catches () {
  try { exports.run({ _id: 'gone' }) } catch (e) {
    return { statusCode: 200, body: { message: e.message } }
  }
}
function answers () {
  return { statusCode: 200,
           body: imports.run({ _id: 'gone', data: [{ id: 1 }, { id: 2 }] }) }
}
function asks () {
  const answers = []
  for (const path of ['exports/gone/invoke', 'imports/gone/invoke']) {
    try {
      answers.push(request({ method: 'POST', relativeURI: '/v1/' + path,
                             body: { data: [{ id: 1 }] } }))
    } catch (e) { answers.push({ message: e.message, text: JSON.stringify(e) }) }
  }
  return { statusCode: 200, body: { answers } }
}
"""


@pytest.fixture
def start(httpd, upstream):
    def go(locations, connection="", **documents):
        httpd.files({"docs/bundle.json": documents})
        httpd.allow_log("FLOW0201", "FLOW0420", "FLOW0450", "FLOW0451")
        return httpd.start(CONF % (upstream.url(), connection) + "".join(
            LOCATION % pair for pair in locations.items()))
    return go


GONE = {
    "exports": [{"_id": "gone", "_connectionId": "gone",
                 "http": {"method": "GET", "relativeURI": "/x"}},
                {"_id": "one", "_connectionId": "c",
                 "http": {"method": "GET", "relativeURI": "/one"}},
                {"_id": "meta", "_connectionId": "c", "isLookup": True,
                 "http": {"method": "GET", "relativeURI": "/meta"}}],
    "imports": [{"_id": "gone", "_connectionId": "gone", "http": {
        "method": ["POST"], "relativeURI": ["/x"]}}],
    "flows": [{"_id": "f", "pageGenerators": [{"_exportId": "one"}],
               "pageProcessors": [{"type": "export", "_exportId": "meta"}]}],
    "scripts": [{"_id": "s", "content": SCRIPT}],
    "apis": [{"_id": name, "type": "script",
              "script": {"_scriptId": "s", "function": name}}
             for name in ("escapes", "catches", "answers", "asks")]}


def test_callers_do_not_learn_where_far_ends_are(start, upstream, httpd):
    upstream.on("GET", "/one", 200, [{"id": 1}])
    upstream.on("GET", "/meta", 302, "", {"Location": "http://169.254.169.254/"})
    server = start({"e": "export:gone", "i": "import:gone", "f": "flow:f",
                    "escapes": "api:escapes", "catches": "api:catches",
                    "answers": "api:answers", "asks": "api:asks"}, **GONE)
    for path, body in (("/e", None), ("/i", {"id": 1}),
                       ("/i", [{"id": 1}, {"id": 2}]), ("/escapes", {}),
                       ("/catches", {}), ("/answers", {}), ("/asks", {}),
                       ("/f?wait=20", {})):
        got = server.get(path) if body is None else server.post(
            path, json=body or None)
        assert "the far end" in got.text, (path, got.text)
        assert "127.0.0.1" not in got.text and "169" not in got.text, got.text
    # the log and the error records say it
    assert "host '127.0.0.1' port 1 cannot be reached" in server.log
    assert "FLOW0451" in server.log
    (kept,) = json.loads(server.flowctl("--json", "error", "list"))
    assert kept["message"].count("host '169.254.169.254' port 80") == 1


FLOW = {
    "exports": [{"_id": "list", "_connectionId": "c",
                 "dataURITemplate": "https://shop.test/orders/{{id}}",
                 "filter": {"type": "expression", "expression": {
                     "version": "1", "rules": [
                         "notequals", ["string", ["extract", "id"]], "no"]}},
                 "transform": {"type": "expression", "expression": {
                     "version": 2, "rulesTwoDotZero": {
                         "mode": "modify", "mappings": [
                             {"generate": "n", "dataType": "number",
                              "extract": "$.n", "status": "Active"}]}}},
                 "http": {"method": "GET", "relativeURI": "/list"}}],
    "imports": [{"_id": "put", "_connectionId": "c",
                 "dataURITemplate": "https://erp.test/{{record.id}}"
                                    "{{#if response}}?{{response.id}}{{/if}}",
                 "http": {"method": ["POST"], "relativeURI": ["/in"]}}],
    "flows": [{"_id": "f", "pageGenerators": [{"_exportId": "list"}],
               "pageProcessors": [{
                   "type": "import", "_importId": "put", "responseMapping": {
                       "fields": [{"extract": "dataURI",
                                   "generate": "link"}]}}]}]}


def test_errors_and_answers_link_to_the_record(start, upstream):
    upstream.on("GET", "/list", 200, [{"id": "a b", "n": 1}, {"id": "c", "n": 2},
                                      {"id": "d", "n": "none"}])
    upstream.on("POST", "/in", lambda r: (
        (200, {"id": "x7"}) if r.json()["id"] == "c" else (422, "no")))
    server = start({"f": "flow:f", "put": "import:put"}, **FLOW)
    assert server.post("/put", json={"id": "c"}).json()["dataURI"] \
        == "https://erp.test/c?x7"
    assert "dataURI" not in server.post("/put", json={"id": "q"}).json()
    got = server.post("/f?wait=20").json()
    assert [r.get("link") for r in got["data"]] == ["https://erp.test/c?x7"]
    found = {e["traceKey"]: e for e in json.loads(
        server.flowctl("--json", "error", "list"))}
    assert found["a b"]["importDataURI"] == "https://erp.test/a%20b"
    assert "exportDataURI" not in found["a b"]
    assert found["d"]["exportDataURI"] == "https://shop.test/orders/d"


def test_headers_of_far_ends_are_for_hooks(start, upstream):
    upstream.on("POST", "/in", 200, {"id": "x7"},
                {"Set-Cookie": "SESSION=s3cr3t", "X-Served-By": "db-01.inner"})
    server = start({"put": "import:put"}, **FLOW)
    for body in ({"id": "c"}, [{"id": "c"}, {"id": "d"}]):
        got = server.post("/put", json=body)
        assert got.status_code == 200
        assert "s3cr3t" not in got.text and "_headers" not in got.text


def test_what_far_ends_say_does_nothing_to_a_terminal(start, upstream):
    evil = "no\u001b]0;x\u0007\u009b2J\n6b06d3fc  forged  line\r"
    upstream.on("GET", "/list", 200, [{"id": evil, "n": 1}])
    upstream.on("POST", "/in", 422, {"message": evil, "code": evil},
                {"X-Evil": "a\u009b2J"})
    server = start({"f": "flow:f"}, **FLOW)
    server.post("/f?wait=20")
    (error,) = json.loads(server.flowctl("--json", "error", "list"))
    assert "\u001b" in error["traceKey"]
    documents = ("--httpd", server.program, "--httpd-conf",
                 server.root / "conf" / "httpd.conf")
    (server.root / "evil.json").write_text(json.dumps([{"id": evil}]))
    for args in (("error", "list"), ("error", "show", error["errorId"]),
                 (*documents, "preview", "list"),
                 (*documents, "preview", "put", "--send", "--record",
                  "evil.json")):
        _, out, message = server.flowctl(*args, check=False)
        for char in "\u001b\u0007\r":
            assert char not in out + message, (args, out + message)
        assert args[0] != "error" or "\u009b" not in out.split("{")[0]
        if args[1] == "list":
            assert len(out.splitlines()) == 1, out


def test_requests_are_logged_while_somebody_looks(start, upstream):
    secret = "very-secret-token"
    auth = """
  FlowSet http.auth.type token
  FlowSet http.auth.token.location header
  FlowSet http.auth.token.scheme Bearer
  FlowSet http.auth.token.token %s
  FlowSet debugDate %s
"""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
    upstream.on("GET", "/one", 200, [{"id": 1, "echo": secret,
                                      "pad": "y" * 20000}])
    server = start({"one": "export:one"}, auth % (secret, soon), **GONE)
    server.allow_log("FLOW0452")
    assert server.get("/one").status_code == 200
    request, response = [
        l for l in server.log.splitlines() if "FLOW0452" in l]
    assert '"url":"http://127.0.0.1' in request
    assert '"Authorization":"******"' in request
    assert '"statusCode":200' in response and '******' in response
    assert response.endswith("...") and secret not in server.log
    server.stop()
    server = start({"one": "export:one"},
                   auth % (secret, "2020-01-01T00:00:00Z"), **GONE)
    before = server.log.count("FLOW0452")
    assert server.get("/one").status_code == 200
    assert server.log.count("FLOW0452") == before
    server.stop()
    server.conf(CONF % (upstream.url(), auth % (secret, "soon")))
    status, message = server.check()
    assert status and "debugDate: 'soon' is no date" in message
