# SPDX-License-Identifier: Apache-2.0
"""Files and formats: what comes in a file leaves in a file or a request."""
import base64
import csv
import gzip
import io
import json
import os
import random
import subprocess
import zipfile

import pytest

from env import FLOWCTL, wait_for

CONF = """
<FlowConnection disk>
  FlowSet type filesystem
  FlowSet filesystem.directoryPath "%(dir)s"
</FlowConnection>
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %(url)s
  FlowSet http.mediaType json
</FlowConnection>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
"""
FLOW = {"_id": "f", "pageGenerators": [{"_exportId": "e"}],
        "pageProcessors": [{"type": "import", "_importId": "i"}]}
TO_HTTP = {"_id": "i", "_connectionId": "c",
           "http": {"method": ["POST"], "relativeURI": ["/in"]}}


@pytest.fixture
def files(httpd, upstream, tmp_path):
    """A function: start with an export and an import, run, give the result."""
    tmp_path.chmod(0o777)
    parent = tmp_path.parent
    while parent != parent.parent and parent.stat().st_uid == os.getuid():
        parent.chmod(parent.stat().st_mode | 0o055)
        parent = parent.parent

    def run(export, import_):
        httpd.files({"docs/bundle.json": {
            "exports": [export], "imports": [import_], "flows": [FLOW]}})
        server = httpd.start(CONF % {"dir": tmp_path, "url": upstream.url()}
                             + 'FlowInclude "@root@/docs"\n')
        got = server.post("/run?wait=30")
        assert got.status_code == 200, got.text
        result = got.json()
        assert result["job"]["status"] == "completed", result
        return result["job"]
    run.dir = tmp_path
    return run


def test_a_file_over_http_is_read_by_the_parsers_of_files(files, upstream):
    upstream.on("POST", "/in", 200, {})
    rows = "id;price\n" + "".join(
        "%d;19.%d0\n" % (i, i % 10) for i in range(300))
    upstream.on("GET", "/rows.gz", 200, gzip.compress(rows.encode()),
                {"Content-Type": "application/octet-stream"})
    job = files({"_id": "e", "_connectionId": "c",
                 "http": {"relativeURI": "/rows.gz", "type": "file"},
                 "file": {"type": "csv", "compressionFormat": "gzip",
                          "csv": {"columnDelimiter": ";"}}}, TO_HTTP)
    assert job["numSuccess"] == 300, job
    got = [r.json() for r in upstream.seen("POST", "/in")]
    assert sorted(got, key=lambda r: int(r["id"])) == [
        {"id": str(i), "price": "19.%d0" % (i % 10)} for i in range(300)]


def test_files_are_sorted_and_grouped(files, upstream):
    upstream.on("POST", "/in", 200, {})
    (files.dir / "in.csv").write_text(
        "no,sku\n" + "".join("%d,%d\n" % (i % 7, i) for i in range(70)))
    job = files(from_disk(type="csv", sortByFields=[{"field": "no"}],
                          groupByFields=["no"]),
                {**TO_HTTP, "mappings": [
                    {"generate": "no", "dataType": "number",
                     "extract": "$[0].no", "status": "Active"},
                    {"generate": "skus", "dataType": "numberarray",
                     "status": "Active",
                     "buildArrayHelper": [{"extract": "$[*].sku"}]}]})
    assert job["numSuccess"] == 7, job
    assert [r.json() for r in upstream.seen("POST", "/in")] == [
        {"no": n, "skus": list(range(n, 70, 7))} for n in range(7)]


def from_disk(**file):
    return {"_id": "e", "_connectionId": "disk",
            "filesystem": {"fileNameStartsWith": "in"},
            "file": {"skipDelete": True, **file}}


def number(r):
    return r.choice([
        "0", "-0", "19.90", "1e400", "1.0", "-1E-7", "9223372036854775807",
        "9007199254740993", "18446744073709551616", "0.1", "5e-324",
        str(r.randrange(10 ** 30)), "%d.%020d" % (r.randrange(99), r.randrange(10 ** 20))])


def value(r, depth):
    kind = r.randrange(6) if depth <= 0 else 6 + r.randrange(2)
    if kind < 2:
        return number(r)
    if kind < 5:
        return '"' + "".join(r.choice(
            ["a", "ä", "😀", '\\"', "\\\\", "\\n", "\\u0000", "/", "\u2028", " "])
            for _ in range(r.randrange(8))) + '"'
    if kind == 5:
        return r.choice(["null", "true", "false"])
    n = r.randrange(1, 3)
    inner = [value(r, depth - 1 if k == 0 else 0) for k in range(n)]
    if kind == 6:
        return "[" + ",".join(inner) + "]"
    return "{" + ",".join('"%s%d":%s' % (r.choice("zyxab"), k, v)
                          for k, v in enumerate(inner)) + "}"


def test_documents_pass_unchanged(files):
    r = random.Random(7)
    documents = ['{"id":%d,"v":%s}' % (n, value(r, 100 if n % 50 == 0 else r.randrange(5)))
                 for n in range(1000)]
    (files.dir / "in.json").write_text("\n".join(documents), encoding="utf-8")
    job = files(from_disk(type="json"),
                {"_id": "i", "_connectionId": "disk",
                 "file": {"type": "json", "fileName": "out.json"}})
    assert job["numSuccess"] == 1000 and job["numError"] == 0
    lines = (files.dir / "out.json").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "[" and lines[-2:] == ["]", ""]
    assert [line.rstrip(",") if line[-1] == "," else line
            for line in lines[1:-2]] == documents


def test_a_packed_csv_file_in_another_encoding(files, upstream):
    upstream.on("POST", "/in", 200, {})
    text = "id||name\r\n" + "".join(f"{n}||Zoë {n}\r\n" for n in range(3))
    (files.dir / "in.csv.gz").write_bytes(gzip.compress(text.encode("cp1252")))
    files(from_disk(type="csv", encoding="win1252", compressionFormat="gzip",
                    csv={"columnDelimiter": "||"}), TO_HTTP)
    assert [r.json() for r in upstream.seen("POST", "/in")] == [
        {"id": str(n), "name": f"Zoë {n}"} for n in range(3)]


def test_files_that_have_gone_through_are_gone(files, upstream):
    upstream.on("POST", "/in", 200, {})
    (files.dir / "in1.xml").write_text("<o><i><n>1</n></i><i><n>2</n></i></o>")
    (files.dir / "in2.xml").write_text("<o><i><n>3</n></i></o>")
    files(from_disk(type="xml", skipDelete=False,
                    xml={"resourcePath": "/o/i"}), TO_HTTP)
    assert [r.json()["n"] for r in upstream.seen("POST", "/in")] == [["1"], ["2"], ["3"]]
    assert list(files.dir.glob("in*")) == []


HOOKS = """
function preSavePage (options) {
  options.data.forEach((r, i) => { r.from = options.files[i].fileMeta.fileName })
  return { data: options.data, errors: options.errors, abort: false,
           newErrorsAndRetryData: [] }
}
function postAggregate (options) {
  const done = options.postAggregateData
  console.log(done.success, done._json && done._json.fileName, done.code)
  throw new Error('nobody minds')
}
"""


def hook(function):
    return {"_scriptId": "s", "function": function}


def test_hooks_know_the_files(files, httpd):
    """Names of files go in with the records, and come out when one was written."""
    httpd.files({"docs/s.js": HOOKS})
    httpd.allow_log("FLOW0430")
    for name, ids in ("in1.json", (1, 2, 3)), ("in2.json", (4,)):
        (files.dir / name).write_text(json.dumps([{"id": n} for n in ids]))
    export = from_disk(type="json")
    export.update(pageSize=2, hooks={"preSavePage": hook("preSavePage")})
    job = files(export,
                {"_id": "i", "_connectionId": "disk",
                 "hooks": {"postAggregate": hook("postAggregate")},
                 "file": {"type": "json", "fileName": "out.json"}})
    assert job["numSuccess"] == 4 and job["numError"] == 0
    assert json.loads((files.dir / "out.json").read_text()) == [
        {"id": 1, "from": "in1.json"}, {"id": 2, "from": "in1.json"},
        {"id": 3, "from": "in1.json"}, {"id": 4, "from": "in2.json"}]

    def lines():
        done = subprocess.run(
            [FLOWCTL, "script", "log", "--state-dir", httpd.state_dir, "--json"],
            text=True, capture_output=True, timeout=60)
        found = json.loads(done.stdout or "[]")
        return len(found) >= 6 and found
    told = [line["message"] for line in wait_for(lines)]
    assert told[0] == "true out.json undefined"
    assert told[1].startswith("postAggregate() failed: Error: nobody minds")


def test_an_xml_answer_is_taken_apart_by_xpath(files, upstream):
    upstream.on("GET", "/orders", lambda r: (
        200, "<r xmlns:n='u'><n:order id='1'/><n:order id='2'/></r>",
        {"Content-Type": "application/xml"}))
    upstream.on("POST", "/in", 200, {})
    files({"_id": "e", "_connectionId": "c", "http": {
        "method": "GET", "relativeURI": "/orders", "successMediaType": "xml",
        "response": {"resourcePath": "/r/order"}}}, TO_HTTP)
    assert [r.json() for r in upstream.seen("POST", "/in")] == [
        {"$": {"id": "1"}}, {"$": {"id": "2"}}]


def test_files_are_listed_or_passed_on_unread(files, upstream):
    upstream.on("POST", "/in", 200, {})
    (files.dir / "in1.bin").write_bytes(b"\x00\xff1")
    (files.dir / "in2.bin").write_bytes(b"2")
    export = from_disk(skipDelete=False, output="metadata")
    files(export, TO_HTTP)
    got = [r.json() for r in upstream.seen("POST", "/in")]
    assert [(r["fileName"], r["size"]) for r in got] == [
        ("in1.bin", 3), ("in2.bin", 1)]
    assert got[0]["lastModified"].endswith("Z")
    assert len(list(files.dir.glob("in*"))) == 2


def test_a_file_travels_as_a_blob(files, upstream):
    upstream.on("PUT", "/in", 200, {})
    (files.dir / "in1.bin").write_bytes(b"\x00\xff1")
    (files.dir / "in2.bin").write_bytes(b"2")
    files(from_disk(skipDelete=False, output="blobKeys"),
          {**TO_HTTP, "blobKeyPath": "blobKey",
           "http": {"method": ["PUT"], "relativeURI": ["/in"]}})
    assert [r.body for r in upstream.seen("PUT", "/in")] == [b"\x00\xff1", b"2"]
    assert list(files.dir.glob("in*")) == []


def test_records_without_a_key_are_grouped_only_when_the_document_says(
        files, upstream):
    upstream.on("POST", "/in", 200, {})
    (files.dir / "in.csv").write_text("k,v\na,1\na,2\n,3\n,4\n")
    files(from_disk(type="csv", groupByFields=["k"]), TO_HTTP)
    assert [[row["v"] for row in r.json()]
            for r in upstream.seen("POST", "/in")] == [["1", "2"], ["3"], ["4"]]


def test_records_without_a_key_can_be_one_group(files, upstream):
    upstream.on("POST", "/in", 200, {})
    (files.dir / "in.csv").write_text("k,v\na,1\na,2\n,3\n,4\n")
    files(from_disk(type="csv", groupByFields=["k"], groupEmptyValues=True),
          TO_HTTP)
    assert [[row["v"] for row in r.json()]
            for r in upstream.seen("POST", "/in")] == [["1", "2"], ["3", "4"]]


def test_a_filter_chooses_files_before_they_are_read(files, upstream):
    upstream.on("POST", "/in", 200, {})
    (files.dir / "in1.json").write_text('{"n":1}')
    (files.dir / "in2.json").write_text('{"n":2,"more":"' + "x" * 500 + '"}')
    (files.dir / "in3.json").write_text('{"n":3}')
    os.utime(files.dir / "in3.json", (0, 1000000000))
    files(from_disk(type="json", skipDelete=False, filter={
        "type": "expression", "expression": {"version": "1", "rules": [
            "and", ["lessthan", ["extract", "filesize"], 100],
            ["endswith", ["extract", "filename"], ".json"],
            ["greaterthan", ["epochtime", ["extract", "lastmodified"]],
             1600000000000]]}}), TO_HTTP)
    assert [r.json()["n"] for r in upstream.seen("POST", "/in")] == [1]
    assert sorted(p.name for p in files.dir.glob("in*")) == [
        "in2.json", "in3.json"]


# --- files over HTTP, the other members -----------------------------------------
LIST = {"_id": "e", "_connectionId": "c", "http": {
    "method": "GET", "relativeURI": "/list"}}


def sends(**more):
    http = {"method": ["PUT"], "relativeURI": ["/drop/{{fileName}}"],
            "type": "file", **more.pop("http", {})}
    return {"_id": "i", "_connectionId": "c", "http": http, **more}


def test_records_are_sent_as_a_file(files, upstream):
    rows = [{"id": n, "name": 'a "b"; c' if n == 2 else "x%d" % n}
            for n in range(1, 8)]
    upstream.on("GET", "/list", 200, rows)
    upstream.on("PUT", "/drop/stock-1.csv", 200, {"id": "f1"})
    job = files(LIST, sends(file={
        "type": "csv", "fileName": "stock-{{record.id}}.csv",
        "csv": {"columnDelimiter": ";"}}))
    assert (job["numSuccess"], job["numError"]) == (7, 0)
    (got,) = upstream.seen("PUT", "/drop/stock-1.csv")
    assert got.headers["Content-Type"] == "text/csv"
    assert list(csv.reader(io.StringIO(got.body.decode()), delimiter=";")) == [
        ["id", "name"]] + [[str(r["id"]), r["name"]] for r in rows]


def test_a_batch_a_file_and_a_record_a_file(files, upstream):
    upstream.on("GET", "/list", 200, [{"id": n} for n in range(5)])
    for n in range(5):
        upstream.on("PUT", "/drop/%d.json" % n, 200, {})
    job = files(LIST, sends(http={"batchSize": 2}, file={
        "type": "json", "fileName": "{{record.id}}.json"}))
    assert job["numSuccess"] == 5
    assert [len(r.json()) for n in (0, 2, 4)
            for r in upstream.seen("PUT", "/drop/%d.json" % n)] == [2, 2, 1]


def test_a_record_a_file(files, upstream):
    upstream.on("GET", "/list", 200, [{"id": n} for n in range(3)])
    for n in range(3):
        upstream.on("PUT", "/drop/%d" % n, 200, {})
    job = files(LIST, sends(file={
        "type": "json", "fileName": "{{record.id}}",
        "skipAggregation": True, "compressionFormat": "zip"}))
    assert job["numSuccess"] == 3
    for n in range(3):
        (got,) = upstream.seen("PUT", "/drop/%d" % n)
        assert got.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
            assert json.loads(archive.read(str(n))) == {"id": n}


def test_what_does_not_fit_the_file_fails_alone(files, upstream):
    upstream.on("GET", "/list", 200, [
        {"id": 1, "name": "ok"}, {"id": 2, "name": "\u4e2d"},
        {"id": 3, "name": "fine"}])
    upstream.on("PUT", "/drop/x", 200, {})
    job = files(LIST, sends(http={"requestMediaType": "octet-stream"}, file={
        "type": "csv", "fileName": "x", "encoding": "iso88591",
        "compressionFormat": "gzip"}))
    assert (job["numSuccess"], job["numError"]) == (2, 1)
    (got,) = upstream.seen("PUT", "/drop/x")
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert gzip.decompress(got.body) == b"id,name\n1,ok\n3,fine\n"


def test_a_file_that_nothing_fits_is_not_sent(files, upstream):
    upstream.on("GET", "/list", 200, [{"id": "\u4e2d"}])
    job = files(LIST, sends(file={"type": "csv", "fileName": "x",
                                  "encoding": "iso88591"}))
    assert (job["numSuccess"], job["numError"]) == (0, 1)
    assert not upstream.seen("PUT", "/drop/x")


def test_an_archive_over_http_is_read_member_by_member(files, upstream):
    upstream.on("POST", "/in", 200, {})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "id\n1\n2\n")
        archive.writestr("dir/", "")
        archive.writestr("dir/b.csv", "id\n3\n")
    upstream.on("GET", "/pack", lambda r: (200, packed.getvalue()))
    job = files({"_id": "e", "_connectionId": "c", "http": {
        "method": "GET", "relativeURI": "/pack", "type": "file"},
        "file": {"type": "csv", "compressionFormat": "zip"}}, TO_HTTP)
    assert job["numSuccess"] == 3
    assert [r.json()["id"] for r in upstream.seen("POST", "/in")] == [
        "1", "2", "3"]


def test_what_goes_with_no_file_is_told(httpd, upstream, tmp_path):
    httpd.files({"docs/bundle.json": {
        "exports": [LIST], "flows": [FLOW], "imports": [sends(
            http={"body": ["x"], "requestMediaType": "json"},
            file={"type": "csv"})]}})
    status, message = httpd.check(CONF % {"dir": tmp_path, "url": upstream.url()}
                               + 'FlowInclude "@root@/docs"\n')
    assert "http.body: has no effect with http.type 'file'" in message
    assert "only 'octet-stream' may be said instead" in message


def test_a_file_may_be_a_text_in_an_answer(files, upstream):
    upstream.on("POST", "/in", 200, {})
    upstream.on("GET", "/report", 200, {"ok": True, "report": {
        "data": base64.b64encode(gzip.compress(b"id;n\n1;a\n2;b\n")).decode()}})
    job = files({"_id": "e", "_connectionId": "c", "http": {
        "method": "GET", "relativeURI": "/report", "type": "file",
        "response": {"resourcePath": "report.data", "blobFormat": "base64",
                     "successPath": "ok", "successValues": ["true"]}},
        "file": {"type": "csv", "compressionFormat": "gzip",
                 "csv": {"columnDelimiter": ";"}}}, TO_HTTP)
    assert job["numSuccess"] == 2
    assert [r.json() for r in upstream.seen("POST", "/in")] == [
        {"id": "1", "n": "a"}, {"id": "2", "n": "b"}]
