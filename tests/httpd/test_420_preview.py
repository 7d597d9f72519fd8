# SPDX-License-Identifier: Apache-2.0
"""flowctl ping and flowctl preview, against a far end on loopback."""
import json

import pytest

SECRET = "very-secret-key"


def documents(upstream, **more):
    return {
        "connections": [{
            "_id": "c", "type": "http", "http": {
                "baseURI": upstream.url(), "mediaType": "json",
                "ping": {"relativeURI": "/ping", "successPath": "ok",
                         "successValues": ["true"]},
                "auth": {"type": "token", "token": {
                    "location": "header", "scheme": "Bearer",
                    "token": SECRET}}}}],
        "exports": [{
            "_id": "e", "_connectionId": "c",
            "http": {"relativeURI": "/orders",
                     "response": {"resourcePath": "orders"},
                     "paging": {"method": "page", "page": 1,
                                "relativeURI":
                                "/orders?p={{export.http.paging.page}}"}},
            "transform": {"expression": {"version": "1", "rules": [
                [{"extract": "id", "generate": "key"}]]}},
            "filter": {"expression": {"version": "1", "rules": [
                "notequals", ["number", ["extract", "key"]], 2]}}}],
        "imports": [{
            "_id": "i", "_connectionId": "c",
            "http": {"method": ["POST"], "relativeURI": ["/things"]},
            "mapping": {"fields": [{"extract": "id",
                                    "generate": "number"}]}}],
        **more}


@pytest.fixture
def tool(httpd, upstream):
    def make(bundle=None):
        httpd.files({"docs/bundle.json": bundle or documents(upstream),
                     "record.json": {"id": 7}})

        def call(*args, ok=True):
            status, out, err = httpd.flowctl("--include", "docs", *args,
                                             check=False)
            assert (status == 0) == ok, out + err
            assert SECRET not in out + err
            return json.loads(out) if "--json" in args else out + err
        return call
    return make


def stages(result):
    return {s["name"]: s["data"] for s in result["stages"]}


def test_ping(tool, upstream):
    upstream.on("GET", "/ping", [(200, {"ok": True}), (200, {"ok": False}),
                                 (401, "who?"), (401, "who?")])
    flowctl = tool()
    assert "connection 'c' answers" in flowctl("ping", "c")
    assert "success_path" in flowctl("ping", "c", ok=False)
    got = flowctl("--json", "ping", "c", ok=False)
    assert got["errors"][0]["code"] == "401"
    assert stages(got)["request"][0]["headers"]["Authorization"] == \
        "Bearer ******"
    assert "there is no connection 'd'" in flowctl("ping", "d", ok=False)


def test_an_export_shows_request_answer_and_records(tool, upstream):
    upstream.on("GET", "/orders", 200, {
        "orders": [{"id": n, "note": SECRET} for n in range(20)]})
    flowctl = tool()
    got = flowctl("--json", "preview", "e")
    by_name = stages(got)
    assert by_name["request"][0]["url"] == upstream.url("/orders")
    assert by_name["response"][0]["statusCode"] == 200
    assert "******" in by_name["response"][0]["body"]
    assert len(by_name["transform"]) == 10
    assert got["data"] == [{"key": n} for n in range(10) if n != 2]
    assert len(upstream.seen("GET", "/orders")) == 1
    text = flowctl("preview", "export:e")
    assert "--- request\nGET " in text and '{"key":3}' in text


def test_an_export_that_fails_shows_why(tool, upstream):
    upstream.on("GET", "/orders", 400, {"message": "no " + SECRET})
    got = tool()("--json", "preview", "e", ok=False)
    assert got["errors"][0]["code"] == "400"
    assert stages(got)["response"][0]["statusCode"] == 400


def test_an_import_is_sent_only_with_send(tool, upstream):
    upstream.on("POST", "/things", 201, {"id": "a7"})
    flowctl = tool()
    got = flowctl("--json", "preview", "i", "--record", "record.json")
    assert json.loads(stages(got)["request"][0]["body"]) == {"number": 7}
    assert stages(got)["mapping"] == [{"number": 7}]
    assert not upstream.seen("POST", "/things")
    got = flowctl("--json", "preview", "i", "--record", "record.json", "--send")
    assert got["data"][0]["id"] == "a7"
    assert len(upstream.seen("POST", "/things")) == 1


def test_delta_marks_stay(tool, httpd, upstream):
    bundle = documents(upstream)
    bundle["exports"][0].update(
        type="delta", http={"relativeURI":
                            "/orders?since={{{lastExportDateTime}}}"})
    del bundle["exports"][0]["transform"], bundle["exports"][0]["filter"]
    bundle["flows"] = [{"_id": "f", "pageGenerators": [{"_exportId": "e"}]}]
    upstream.on("GET", "/orders", 200, [])
    flowctl = tool(bundle)
    httpd.start('FlowInclude "@root@/docs"\n<Location "/run">\n'
                "FlowAPI flow:f\nFlowAuth none\n</Location>\n")
    assert httpd.post("/run?wait=30").json()["job"]["status"] == "completed"
    for _ in range(2):
        flowctl("preview", "e")
    since = [r.query["since"][0] for r in upstream.seen("GET", "/orders")]
    assert since[0] == "" and since[1] == since[2] != ""


@pytest.mark.parametrize("args, complaint", [
    (["preview"], "is missing"),
    (["preview", "x"], "no export or import 'x'"),
    (["preview", "import:e"], "no import 'e'"),
    (["preview", "i"], "needs a record"),
    (["preview", "e", "--send"], "--send is for imports"),
    (["preview", "i", "--record", "nosuch.json"], "nosuch.json"),
    (["preview", "e", "--timeout", "0"], "from 1 to 3600"),
    (["ping"], "is missing"),
])
def test_wrong_usage(tool, args, complaint):
    assert complaint in tool()(*args, ok=False)


def test_large_bodies_and_records_are_cut_with_a_note(tool, upstream):
    upstream.on("GET", "/orders", 200, {"orders": [
        {"id": 1, "note": "é" * 50000}]})
    bundle = documents(upstream)
    del bundle["exports"][0]["transform"], bundle["exports"][0]["filter"]
    flowctl = tool(bundle)
    text = flowctl("preview", "e")
    assert "... (cut; it has 1000" in text
    assert "bytes, --json shows them all)" in text
    assert len(text.encode()) < 65536 * 5
    got = flowctl("--json", "preview", "e")
    assert stages(got)["response"][0]["bodyBytes"] > 100000
    assert got["data"][0]["note"] == "é" * 50000
