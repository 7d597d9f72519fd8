# SPDX-License-Identifier: Apache-2.0
"""What scripts can use: modules, packages, their own files, state, the log."""
import json
import subprocess

import pytest

from env import FLOWCTL, wait_for

API = """
<FlowConnection far>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
  FlowSet http.auth.type basic
  FlowSet http.auth.basic.username u
  FlowSet http.auth.basic.password s3cret
</FlowConnection>
<Location "/api">
  FlowAPI js/main.js
  FlowAuth none
</Location>
"""


@pytest.fixture
def api(httpd, upstream):
    """A function: files of scripts, js/main.js among them."""
    def start(**files):
        httpd.files({f"js/{name}.js": text for name, text in files.items()})
        return httpd.start(API.replace("js/main.js", "@root@/js/main.js")
                           % upstream.url())
    return start


def flowctl(*args, ok=True):
    done = subprocess.run([FLOWCTL, *map(str, args)], text=True,
                          capture_output=True, timeout=60)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done


def answer(server, **body):
    got = server.post("/api", json=body)
    assert got.status_code == 200, got.text
    return got.json()


def test_dayjs_sjcl_and_own_files(api):
    server = api(
        main="import dayjs from 'dayjs'\n"
             "import utc from 'dayjs/plugin/utc'\n"
             "import sjcl from 'sjcl'\n"
             "import { sleep, crypto } from 'mod_flow'\n"
             "import twice, { name } from './lib/twice.js'\n"
             "dayjs.extend(utc)\n"
             "function handleRequest (options) {\n"
             "  sleep(5)\n"
             "  var c = sjcl.encrypt('k', options.body.text)\n"
             "  return { statusCode: 200, body: {\n"
             "    date: dayjs.utc(options.body.date).add(1, 'day').format('YYYY-MM-DD'),\n"
             "    secret: c, text: sjcl.decrypt('k', c),\n"
             "    hmac: crypto.hmac('sha256', 'k', 'm', 'base64'),\n"
             "    uuid: crypto.uuid(), twice: twice(21), name: name } }\n"
             "}\n",
        **{"lib/twice": "import { factor } from '../factor.js'\n"
                        "export const name = 'twice'\n"
                        "export default function (x) { return x * factor }\n",
           "factor": "export var factor = 2\n"})
    first = answer(server, date="2026-02-28", text="grüße")
    second = answer(server, date="2026-02-28", text="grüße")
    assert first["date"] == "2026-03-01"
    assert first["text"] == "grüße"
    assert first["hmac"] == "tgCQ4wUil661oICInOL8S8qVfnVvrrTffTGADKHncew="
    assert (first["twice"], first["name"]) == (42, "twice")
    assert first["uuid"] != second["uuid"]
    assert json.loads(first["secret"])["iv"] != json.loads(second["secret"])["iv"]


def test_mistakes_in_imported_files_are_found_at_startup(httpd):
    httpd.files({"js/main.js": "import { x } from './lib.js'\nfunction handleRequest () {}\n",
                 "js/lib.js": "\n  export var x = ;\n"})
    httpd.conf('<Location "/api">\n  FlowAPI @root@/js/main.js\n</Location>\n')
    status, text = httpd.check()
    assert status != 0 and f"{httpd.root}/js/lib.js:2:" in text
    httpd.files({"js/lib.js": "import './main.js'\n"})
    assert "circle: main.js -> lib.js -> main.js" in httpd.check()[1]


def test_state_and_lookup_caches_survive_a_restart(api):
    server = api(
        main="import { state, lookupCaches } from 'integrator-api'\n"
             "function handleRequest (options) {\n"
             "  var b = options.body, r = {}\n"
             "  if (b.set) {\n"
             "    r.put = state.put('n', b.set)\n"
             "    state.putForResource('exports', 'e', 'n', { v: b.set })\n"
             "    lookupCaches.upsertData('prices',"
             " { data: [{ key: 'a', value: String(b.set) }] })\n"
             "  }\n"
             "  r.n = state.get('n'); r.keys = state.getKeys().keys\n"
             "  r.res = state.getForResource('exports', 'e', 'n')\n"
             "  r.cache = lookupCaches.getData('prices', { keys: ['a', 'b'] }).data\n"
             "  r.none = state.get('none') === undefined\n"
             "  return { statusCode: 200, body: r }\n"
             "}\n")
    assert answer(server, set=19.9)["put"] == "Created"
    assert answer(server, set=20.5)["put"] == "OK"
    server.stop()
    server.start()
    assert answer(server) == {
        "n": 20.5, "keys": ["n"], "res": {"v": 20.5},
        "cache": [{"key": "a", "value": "20.5"}], "none": True}


def test_virtual_documents_and_masked_ones(api, upstream):
    upstream.on("GET", "/items", lambda r: (
        200, [{"id": 1}], {"Link": '</items2>; rel="next"'}))
    upstream.on("GET", "/items2", 200, [{"id": 2}])
    upstream.on("POST", "/in", 200, {"ok": True})
    server = api(
        main="import { exports, imports, connections } from 'integrator-api'\n"
             "function handleRequest (options) {\n"
             "  var doc = { _connectionId: 'far', http: { method: 'GET',\n"
             "    relativeURI: '/items', paging: { method: 'linkheader' } } }, r = {}\n"
             "  r.one = exports.runVirtual({ export: doc }).data.length\n"
             "  r.all = exports.runVirtualWithPaging({ export: doc }).data.length\n"
             "  r.sent = imports.runVirtual({ import: { _connectionId: 'far',\n"
             "    http: { method: ['POST'], relativeURI: ['/in'] } },\n"
             "    data: { id: 7 } }).statusCode\n"
             "  doc.http.methd = 'GET'\n"
             "  try { exports.runVirtual({ export: doc }) } catch (e) {\n"
             "    r.code = e.code; r.message = e.message; r.status = e.statusCode }\n"
             "  try { connections.delete('far') } catch (e) { r.refused = e.message }\n"
             "  r.connection = connections.get('far')\n"
             "  return { statusCode: 200, body: r }\n"
             "}\n")
    got = answer(server)
    assert (got["one"], got["all"], got["sent"]) == (1, 2, 200)
    assert (got["code"], got["status"]) == ("invalid_document", 422)
    assert "http.methd" in got["message"] and "http.method" in got["message"]
    assert "definitions live in files" in got["refused"]
    assert got["connection"]["http"]["auth"]["basic"]["password"] == "******"
    assert "s3cret" not in json.dumps(got)
    assert [r.json() for r in upstream.seen("POST", "/in")] == [{"id": 7}]


def test_the_script_log_tells_lines_and_failures(api):
    server = api(
        main="import { broken } from './lib.js'\n"
             "function inner (o) { return broken(o) }\n"
             "function handleRequest (options) {\n"
             "  console.warn('got', options.body)\n"
             "  return inner(options)\n"
             "}\n",
        lib="export function broken (o) {\n  return o.none.x\n}\n")
    server.expect_log(r"FLOW0201.*TypeError")
    got = server.post("/api", json={"a": 1})
    assert got.status_code == 422
    message = got.json()["errors"][0]["message"]
    assert message == "lib.js:2:10: cannot read 'x' of undefined: o.none"
    assert str(server.root) not in got.text

    def lines():
        done = flowctl("script", "log", "--state-dir", server.state_dir, "--json")
        found = json.loads(done.stdout)
        return len(found) >= 2 and found
    warning, failure = wait_for(lines)
    assert warning["level"] == "warn" and warning["message"] == 'got {"a":1}'
    assert warning["_scriptId"] == f"{server.root}/js/main.js"
    assert failure["level"] == "error"
    assert failure["message"].endswith(
        "; at broken (lib.js:2:3), inner (main.js:2:22), handleRequest (main.js:5:3)")
    text = flowctl("script", "log", "--state-dir", server.state_dir,
                   "--limit", 1, "--script", f"{server.root}/js/main.js").stdout
    assert text.count("\n") == 1 and " error script " in text
    assert flowctl("script", "log", "--state-dir", server.state_dir,
                   "--script", "none").stdout == ""


FAILURES = {
    # what the script returns or does: status, code, what the log says
    "return { body: 'x' }": (422, "invalid_response", "has no statusCode"),
    "return 7": (422, "invalid_response", "must return {statusCode"),
    "return { statusCode: 200, body: new Map() }":
        (422, "invalid_extension_response", "is a Map"),
    "return { statusCode: 200, body: 'x'.repeat(6e6) }":
        (422, "response_size_exceeded", "too large"),
    "for (;;) {}": (504, "script_timeout", "took more than 1 s"),
    "return handleRequest(options)": (422, "script_stack", "too deeply"),
    "let s = 'x'; for (;;) s += s": (422, "script_memory", "MB of memory"),
    "return options.body.order.id": (422, "TypeError", "options.body.order"),
    "throw { code: 'mine', message: 'so it is' }": (422, "mine", "so it is"),
}


def test_why_an_api_failed_stands_in_the_script_log(httpd):
    """Once each, with the code that the caller got."""
    conf = "FlowScriptTimeout 1 1\nFlowScriptMemory 16M\n"
    for i, code in enumerate(FAILURES):
        httpd.files({f"js/f{i}.js":
                     "function handleRequest (options) { %s }" % code})
        conf += (f'<Location "/f{i}">\n  FlowAPI "@root@/js/f{i}.js"\n'
                 "  FlowAuth none\n</Location>\n")
    server = httpd.start(conf)
    httpd.allow_log("FLOW0201")
    for i, (status, code, _) in enumerate(FAILURES.values()):
        got = server.post(f"/f{i}", json={})
        assert (got.status_code, got.json()["errors"][0]["code"]) == \
            (status, code), got.text

    def lines():
        done = flowctl("script", "log", "--state-dir", server.state_dir, "--json")
        found = json.loads(done.stdout)
        return len(found) >= len(FAILURES) and found
    found = wait_for(lines)
    assert len(found) == len(FAILURES)
    for line, (_, code, said) in zip(found, FAILURES.values()):
        assert line["level"] == "error"
        assert line["message"].startswith(f"handleRequest() failed: {code}: ")
        assert said in line["message"]


def test_flowctl_checks_and_runs_scripts(tmp_path, upstream):
    upstream.on("GET", "/items", 200, [{"id": 1}])
    script = tmp_path / "s.js"
    script.write_text("import { exports, state } from 'integrator-api'\n"
                      "import { crypto } from 'mod_flow'\n"
                      "import { add } from './add.js'\n"
                      "function sum (o) { console.log('sum of', o); return add(o.a, o.b) }\n"
                      "function hash (o) { return crypto.hash('md5', 'abc') }\n"
                      "function read () { return exports.run('e').data }\n"
                      "function keep () { return state.get('k') }\n"
                      "function nothing () {}\n")
    (tmp_path / "add.js").write_text("export function add (a, b) { return a + b }\n")
    (tmp_path / "bad.js").write_text("function f () {\n  return 1 +\n}\n")
    (tmp_path / "in.json").write_text('{"a": 1.5, "b": 2}')
    (tmp_path / "docs.json").write_text(json.dumps({
        "connections": [{"_id": "far", "type": "http", "http": {
            "baseURI": upstream.url(), "mediaType": "json",
            "auth": {"type": "custom"}}}],
        "exports": [{"_id": "e", "_connectionId": "far",
                     "http": {"method": "GET", "relativeURI": "/items"}}]}))

    done = flowctl("script", "check", script, tmp_path / "bad.js", ok=False)
    assert f"{script}: good; it has " in done.stdout
    assert f"{tmp_path}/bad.js:3:" in done.stdout
    done = flowctl("script", "run", script, "sum", "--input", tmp_path / "in.json")
    assert done.stdout == "3.5\n"
    assert done.stderr == 'log: sum of {"a":1.5,"b":2}\n'
    assert "900150983cd24fb0" in flowctl("script", "run", script, "hash").stdout
    assert flowctl("script", "run", script, "nothing").stdout == "undefined\n"
    done = flowctl("script", "run", script, "read", ok=False)
    assert "exports.run is not available here" in done.stderr
    done = flowctl("script", "run", script, "read", "--include", tmp_path / "docs.json")
    assert json.loads(done.stdout) == [{"id": 1}]
    done = flowctl("script", "run", script, "keep", "--include",
                   tmp_path / "docs.json", ok=False)
    assert "there is no store here" in done.stderr
    done = flowctl("script", "run", script, "missing", ok=False)
    assert "has no function 'missing'" in done.stderr
    assert flowctl("script", "run", script, "sum", "--timeout", "0",
                   ok=False).returncode == 2
