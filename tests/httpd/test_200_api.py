# SPDX-License-Identifier: Apache-2.0
"""My APIs through httpd: what a script is given, and what its answer becomes."""
import socket

import pytest

from env import apxs

ECHO = """
function handleRequest (options) {
  return { statusCode: 200, body: {
    method: options.method, headers: options.headers,
    queryString: options.queryString, body: options.body,
    hasBody: options.body !== undefined, rawBody: options.rawBody,
    apiId: options._apiId, testMode: options.testMode } }
}
"""
OPEN = '<Location "/api">\n  FlowAPI script:s\n  FlowAuth none\n</Location>\n'


@pytest.fixture
def api(httpd):
    """A function: start the server with this script behind /api."""
    def start(script, conf=""):
        httpd.files({"s.js": script})
        httpd.start('FlowScript s "@root@/s.js"\n' + OPEN + conf)
        return httpd
    return start


def answer(expression):
    return "function handleRequest (options) { return %s }" % expression


def test_a_script_sees_the_request(api):
    server = api(ECHO)
    got = server.call("PATCH", "/api?a=1&b=x%20y&a=2",
                      headers={"X-Mixed-Case": "Yes"}, json={"n": 1}).json()
    assert got["method"] == "PATCH"
    assert got["headers"]["x-mixed-case"] == "Yes"
    assert got["queryString"] == {"a": ["1", "2"], "b": "x y"}
    assert got["body"] == {"n": 1}
    assert got["rawBody"] == '{"n": 1}'
    assert got["testMode"] is False


@pytest.mark.parametrize("content_type, raw, body", [
    ("application/json", '{"a":[1,2]}', {"a": [1, 2]}),
    ("application/vnd.api+json; charset=utf-8", '"x"', "x"),
    ("application/x-www-form-urlencoded", "a=1&a=2&b=%C3%A9+x",
     {"a": ["1", "2"], "b": "é x"}),
    ("application/xml", "<o><id>7</id></o>", {"o": {"id": ["7"]}}),
    ("text/xml", "<o/>", {"o": ""}),
])
def test_bodies_are_parsed_by_type(api, content_type, raw, body):
    got = api(ECHO).post("/api", data=raw.encode(),
                         headers={"Content-Type": content_type}).json()
    assert got["body"] == body
    assert got["rawBody"] == raw


@pytest.mark.parametrize("content_type, raw", [
    ("application/json", "{"),
    ("application/xml", "<a>"),
    ("application/octet-stream", "\x01\x02"),
    ("application/json", ""),
])
def test_a_body_that_cannot_be_parsed_is_undefined(api, content_type, raw):
    got = api(ECHO).post("/api", data=raw.encode(),
                         headers={"Content-Type": content_type}).json()
    assert got["hasBody"] is False
    assert got["rawBody"] == raw


def test_no_body_at_all(api):
    got = api(ECHO).get("/api").json()
    assert got["hasBody"] is False and got["rawBody"] == ""


def test_numbers_go_through_a_script_as_they_came(api):
    server = api(answer("{ statusCode: 200, body: options.body }"))
    raw = ('{"price":19.90,"id":9007199254740993,"huge":1e400,'
           '"z":0.1,"a":-0.0,"long":123456789012345678901234567890}')
    got = server.post("/api", data=raw,
                      headers={"Content-Type": "application/json"})
    assert got.text == raw


@pytest.mark.parametrize("returned, status, body, content_type", [
    ("{ statusCode: 201, body: { a: 1 } }", 201, '{"a":1}',
     "application/json"),
    ("{ statusCode: 200, body: [1, 'x', null] }", 200, '[1,"x",null]',
     "application/json"),
    ("{ statusCode: 200, body: 'text é' }", 200, "text é",
     "text/plain; charset=utf-8"),
    ("{ statusCode: 200, body: 7 }", 200, "7", "application/json"),
    ("{ statusCode: 200, body: true }", 200, "true", "application/json"),
    ("{ statusCode: 200, body: null }", 200, "", None),
    ("{ statusCode: 202 }", 202, "", None),
    ("{ statusCode: 204, body: 'ignored' }", 204, "", None),
    ("{ statusCode: 200, headers: { 'content-type': 'text/csv' }, "
     "body: 'a,b' }", 200, "a,b", "text/csv"),
    ("{ statusCode: 599, body: '' }", 599, "", None),
])
def test_what_a_script_returns_is_the_answer(api, returned, status, body,
                                             content_type):
    got = api(answer(returned)).get("/api")
    got.encoding = "utf-8"
    assert got.status_code == status
    assert got.text == body
    if content_type:
        assert got.headers["Content-Type"].lower() == content_type
    elif not body:
        assert not got.content


def test_headers_of_the_script_win_and_may_repeat(api):
    server = api(answer("{ statusCode: 200, headers: { 'X-One': 'a', "
                        "'Set-Cookie': ['a=1', 'b=2'], 'X-N': 5 }, body: '' }"))
    got = server.get("/api")
    assert got.headers["X-One"] == "a" and got.headers["X-N"] == "5"
    assert got.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("script, status, code", [
    ("function handleRequest () { throw new Error('boom') }", 422, "Error"),
    ("function handleRequest () { throw { code: 'mine', message: 'm' } }",
     422, "mine"),
    ("function handleRequest () { return {}.x.y }", 422, "TypeError"),
    (answer("{ body: 'no status' }"), 422, "invalid_response"),
    (answer("{ statusCode: 'abc' }"), 422, "invalid_response"),
    (answer("{ statusCode: 99 }"), 422, "invalid_response"),
    (answer("undefined"), 422, "invalid_response"),
    (answer("{ statusCode: 200, body: { f: function () {} } }"), 422,
     "invalid_extension_response"),
    (answer("{ statusCode: 200, body: { d: new Date() } }"), 422,
     "invalid_extension_response"),
    ("function handleRequest () { var a = {}; a.a = a; "
     "return { statusCode: 200, body: a } }", 422,
     "invalid_extension_response"),
    ("function handleRequest () { var s = 'xxxxxxxxxxxxxxxx'; "
     "while (s.length < 6000000) s += s; "
     "return { statusCode: 200, body: s } }", 422, "response_size_exceeded"),
    (answer("{ statusCode: 200, headers: { 'X-A': 'a\\r\\nX-B: b' } }"), 422,
     "invalid_response"),
    (answer("{ statusCode: 200, headers: { 'X-A\\r\\nX-B': 'b' } }"), 422,
     "invalid_response"),
    (answer("{ statusCode: 200, headers: { 'Content-Length': '5' } }"), 422,
     "invalid_response"),
])
def test_every_failure_has_its_code(api, script, status, code):
    server = api(script)
    got = server.get("/api")
    assert got.status_code == status, got.text
    errors = got.json()["errors"]
    assert errors[0]["code"] == code
    assert errors[0]["message"]
    assert "X-B" not in got.headers
    server.expect_log("FLOW0201")


@pytest.mark.parametrize("first", ["rewrite", "flow"])
def test_rewrite_rules_come_first_in_any_load_order(new_httpd, first):
    server = new_httpd(extra_modules=["rewrite"] if first == "rewrite" else [])
    late = ("" if first == "rewrite" else
            'LoadModule rewrite_module "%s/mod_rewrite.so"\n' % apxs("LIBEXECDIR"))
    server.files({"s.js": answer("{ statusCode: 200, body: 'in' }")})
    server.start(late + 'FlowScript s "@root@/s.js"\n' + OPEN
                 + "RewriteEngine on\nRewriteRule ^/api/admin - [F]\n")
    assert server.get("/api/admin").status_code == 403
    assert server.get("/api/other").text == "in"


def test_a_missing_function_is_found_at_startup(httpd):
    httpd.files({"s.js": "function other () {}"})
    status, output = httpd.check(
        'FlowScript s "@root@/s.js"\n<Location "/api">\n'
        "  FlowAPI script:s handle\n</Location>\n")
    assert status != 0
    assert "test.conf:3:" in output
    assert "has no function 'handle'" in output and "other" in output


def test_head_has_the_headers_of_get_and_no_body(api):
    server = api(answer("{ statusCode: 200, body: { method: options.method } }"))
    got = server.call("HEAD", "/api")
    assert got.status_code == 200 and got.content == b""
    assert int(got.headers["Content-Length"]) == len('{"method":"HEAD"}')


def test_options_is_the_scripts_to_answer(api):
    server = api(answer("{ statusCode: 204, headers: "
                        "{ 'Access-Control-Allow-Origin': '*' } }"))
    got = server.call("OPTIONS", "/api")
    assert got.status_code == 204
    assert got.headers["Access-Control-Allow-Origin"] == "*"


def test_the_path_below_the_location_is_seen(api):
    server = api(answer("{ statusCode: 200, body: { path: options.path } }"))
    assert server.get("/api/customers/7").json() == {"path": "/customers/7"}
    assert server.get("/api").json() == {"path": ""}


def test_a_large_body_is_refused_unread(api):
    server = api(ECHO, "FlowMaxBody 10K\n")
    got = server.post("/api", data=b"x" * 20000)
    assert got.status_code == 413
    assert got.json()["errors"][0]["code"] == "request_too_large"
    assert server.post("/api", data=b"x" * 10000).status_code == 200

    def chunks():
        for _ in range(20):
            yield b"x" * 1000
    got = server.post("/api", data=chunks())
    assert got.status_code == 413


def test_a_body_that_ends_early_makes_no_call(api):
    server = api(ECHO)
    with socket.create_connection(("127.0.0.1", server.port), 10) as s:
        s.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nx")
        s.shutdown(socket.SHUT_WR)
        data = s.recv(1000)
    assert b" 200 " not in data.split(b"\r\n")[0]


def test_a_js_file_named_directly(httpd):
    httpd.files({"direct.js": "function go () { return { statusCode: 200, "
                              "body: 'direct' } }"})
    httpd.start('<Location "/d">\n  FlowAPI "@root@/direct.js" go\n'
                "  FlowAuth none\n</Location>\n")
    assert httpd.get("/d").text == "direct"


def test_a_call_never_sees_an_earlier_one(api):
    server = api("""
var seen = 0
function handleRequest () {
  seen++
  var before = { seen: seen, leaked: typeof leak, push: [].push === Array.prototype.push, extra: Object.prototype.extra }
  leak = 1
  Array.prototype.push = null
  Object.prototype.extra = 'polluted'
  return { statusCode: 200, body: before }
}""", "")
    first = server.get("/api").json()
    assert first["seen"] == 1
    for _ in range(40):
        assert server.get("/api").json() == first


def test_targets_without_a_script(httpd, upstream):
    upstream.on("GET", "/orders", 200, {"orders": [{"id": 1, "total": 19.9}]})
    upstream.on("POST", "/in", [(201, {"id": "a"}), (500, "broken")])
    httpd.start(f"""
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI {upstream.url()}
  FlowSet http.mediaType json
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId c
  FlowSet http.method GET
  FlowSet http.relativeURI /orders
  FlowSet http.response.resourcePath orders
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<Location "/e">
  FlowAPI export:e
  FlowAuth none
</Location>
<Location "/i">
  FlowAPI import:i
  FlowAuth none
</Location>
""")
    got = httpd.get("/e")
    assert got.status_code == 200
    assert got.json() == {"data": [{"id": 1, "total": 19.9}], "errors": []}
    got = httpd.post("/i", json={"x": 1})
    assert got.status_code == 200 and got.json()["statusCode"] == 200
    assert got.json()["id"] == "a"
    got = httpd.post("/i", json=[{"x": 1}])
    assert got.status_code == 422 and got.json()[0]["errors"][0]["code"] == "500"
    assert httpd.call("DELETE", "/i").status_code == 405
    assert httpd.post("/i", data="{",
                      headers={"Content-Type": "application/json"}
                      ).status_code == 400
    sent = len(upstream.seen("POST", "/in"))
    for body in ('{"x":1}', ' [{"x":1}]', '{"x":'):
        got = httpd.post("/i", data=body, headers={
            "Content-Type": "application/x-www-form-urlencoded"})
        assert got.status_code == 400
        assert "application/json" in got.json()["errors"][0]["message"]
    assert len(upstream.seen("POST", "/in")) == sent
    assert httpd.post("/i", data={"x": "{1}"}).status_code != 400
    upstream.on("GET", "/orders", 503, "away")
    got = httpd.get("/e")
    assert got.status_code == 502
    assert got.json()["errors"][0]["message"]
    httpd.allow_log("FLOW0201")
