# SPDX-License-Identifier: Apache-2.0
"""Bytes that travel beside the records."""
import base64
import json
import os
import stat
import time

import pytest

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
FlowInclude "@root@/docs"
"""
BYTES = bytes(range(256)) * 100


@pytest.fixture
def flow(httpd, upstream):
    def start(export=None, imp=None, http=None, sends=None):
        httpd.files({"docs/bundle.json": {
            "exports": [
                {"_id": "list", "_connectionId": "c",
                 "http": {"method": "GET", "relativeURI": "/list"}},
                {"_id": "get", "_connectionId": "c", "isLookup": True,
                 "type": "blob", **(export or {}),
                 "http": {"method": "GET",
                          "relativeURI": "/files/{{record.id}}",
                          **(http or {})}}],
            "imports": [{"_id": "put", "_connectionId": "c",
                         "blobKeyPath": "file.blobKey", **(imp or {}),
                         "http": {"method": ["PUT"],
                                  "relativeURI": ["/copies/{{record.id}}"],
                                  **(sends or {})}}],
            "flows": [{"_id": "f", "pageGenerators": [{"_exportId": "list"}],
                       "pageProcessors": [
                           {"type": "export", "_exportId": "get",
                            "responseMapping": {"fields": [
                                {"extract": "data[0]", "generate": "file"}]}},
                           {"type": "import", "_importId": "put"}]}]}})
        upstream.on("GET", "/list", 200, [{"id": 1}])
        upstream.on("PUT", "/copies/1", 200, {"id": "copy"})
        return httpd.start(CONF % upstream.url())
    return start


def run(server):
    got = server.post("/run?wait=30")
    assert got.status_code == 200, got.text
    return got.json()


def blobs(server):
    path = server.state_dir / "blobs"
    return sorted(path.iterdir()) if path.exists() else []


def test_bytes_go_through_as_they_are(flow, upstream):
    upstream.on("GET", "/files/1", 200, BYTES, {
        "Content-Type": "image/png",
        "Content-Disposition": 'attachment; filename="../a b.png"'})
    server = flow()
    result = run(server)
    assert result["job"]["numError"] == 0
    record = result["data"][0]["file"]
    assert (record["size"], record["contentType"], record["fileName"]) == (
        len(BYTES), "image/png", "a b.png")
    sent = upstream.seen("PUT", "/copies/1")[0]
    assert sent.body == BYTES
    assert sent.headers["Content-Type"] == "application/octet-stream"
    (path,) = blobs(server)
    assert path.name == record["blobKey"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert path.read_bytes() == BYTES


def test_a_text_in_an_answer_may_be_one(flow, upstream):
    upstream.on("GET", "/files/1", 200, {
        "doc": {"content": base64.encodebytes(BYTES).decode()}})
    server = flow(http={"response": {"resourcePath": "doc.content",
                                     "blobFormat": "base64"}},
                  imp={"deleteAfterImport": True},
                  sends={"blobFormat": "hex", "headers": [
                      {"name": "Content-Type", "value": "text/x-hex"}]})
    assert run(server)["job"]["numError"] == 0
    sent = upstream.seen("PUT", "/copies/1")[0]
    assert bytes.fromhex(sent.body.decode()) == BYTES
    assert sent.headers["Content-Type"] == "text/x-hex"
    assert blobs(server) == []


def test_a_blob_stays_when_nobody_took_it(flow, upstream):
    upstream.on("GET", "/files/1", 200, b"abc")
    server = flow(imp={"deleteAfterImport": True})
    upstream.on("PUT", "/copies/1", 400, "no")
    assert run(server)["job"]["numError"] == 1
    assert len(blobs(server)) == 1


def test_a_key_is_no_path(flow, upstream):
    server = flow(http={"relativeURI": "/files/1"},
                  export={"type": None}, imp={"blobKeyPath": "file.key"})
    for key in ("../flow.key", "a" * 32, "A" * 32, "", 7):
        upstream.on("GET", "/files/1", 200, {"key": key})
        errors = run(server)["errors"]
        assert [e["code"] for e in errors] == ["blob_unknown"], key
    assert not upstream.seen("PUT", "/copies/1")


def test_what_nobody_removed_goes_with_the_rest(flow, upstream, httpd):
    httpd.directives.append("FlowRetention 1")
    path = httpd.writable_dir("state/blobs") / ("0" * 32)
    path.write_text("old")
    two_days_ago = time.time() - 2 * 86400
    os.utime(path, (two_days_ago, two_days_ago))
    upstream.on("GET", "/files/1", 200, b"abc")
    server = flow()
    run(server)
    assert [p.name for p in blobs(server)] != [path.name]
    assert len(blobs(server)) == 1


def test_a_blob_is_a_field_of_a_form(flow, upstream):
    upstream.on("GET", "/files/1", lambda r: (200, BYTES))
    server = flow(imp={"deleteAfterImport": True}, sends={
        "method": ["PUT"], "requestMediaType": "form-data", "body": [json.dumps({
            "title": "{{record.id}}",
            "scan": {"blobKey": "{{record.file.blobKey}}",
                     "fileName": "scan.pdf",
                     "contentType": "application/pdf"}})]})
    assert run(server)["job"]["numSuccess"] == 1
    (got,) = upstream.seen("PUT", "/copies/1")
    kind, boundary = got.headers["Content-Type"].split("; boundary=")
    assert kind == "multipart/form-data"
    parts = got.body.split(b"--" + boundary.encode())
    assert parts[1].endswith(b"\r\n\r\n1\r\n")
    assert b'name="scan"; filename="scan.pdf"' in parts[2]
    assert b"Content-Type: application/pdf" in parts[2]
    assert parts[2].split(b"\r\n\r\n", 1)[1] == BYTES + b"\r\n"
    assert not blobs(server), "the far end has it"


def test_a_form_without_its_blob_fails_alone(flow, upstream):
    upstream.on("GET", "/files/1", lambda r: (200, BYTES))
    server = flow(sends={"requestMediaType": "form-data", "body": [
        '{"scan": {"blobKey": "../../etc/passwd"}}']})
    result = run(server)
    assert result["job"]["numError"] == 1
    assert "field 'scan'" in json.dumps(result["errors"])
    assert not upstream.seen("PUT", "/copies/1")
