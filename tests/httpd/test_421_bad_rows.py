# SPDX-License-Identifier: Apache-2.0
"""Files in which something is wrong: what is good goes through, once."""
import gzip
import io
import json
import os
import re
import zipfile

import pytest

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
FlowInclude "@root@/docs"
"""
FLOW = {"_id": "f", "pageGenerators": [{"_exportId": "e"}],
        "pageProcessors": [{"type": "import", "_importId": "i"}]}
TO_HTTP = {"_id": "i", "_connectionId": "c",
           "http": {"method": ["POST"], "relativeURI": ["/in"]}}


class Disk:
    def __init__(self, httpd, upstream, path):
        self.httpd, self.upstream, self.path = httpd, upstream, path
        self.server = None

    def start(self, filesystem=None, **file):
        self.httpd.files({"docs/bundle.json": {
            "exports": [{"_id": "e", "_connectionId": "disk",
                         "filesystem": filesystem or {}, "file": file}],
            "imports": [TO_HTTP], "flows": [FLOW]}})
        self.server = self.httpd.start(
            CONF % {"dir": self.path, "url": self.upstream.url()})

    def run(self):
        """The job, and the bodies that came in since the last run."""
        before = len(self.upstream.seen("POST", "/in"))
        got = self.server.post("/run?wait=30")
        assert got.status_code == 200, got.text
        job = got.json()["job"]
        assert job["status"] == "completed", got.text
        return job, [r.json() for r in self.upstream.seen("POST", "/in")[before:]]

    def errors(self):
        return json.loads(self.server.flowctl(
            "--json", "error", "list", "--limit", "1000"))

    def names(self):
        return sorted(p.name for p in self.path.iterdir() if p.is_file())


@pytest.fixture
def disk(httpd, upstream, tmp_path):
    path = tmp_path / "data"
    path.mkdir()
    for p in (path, tmp_path):
        p.chmod(0o777)
    parent = tmp_path.parent
    while parent != parent.parent and parent.stat().st_uid == os.getuid():
        parent.chmod(parent.stat().st_mode | 0o055)
        parent = parent.parent
    upstream.on("POST", "/in", 200, {})
    return Disk(httpd, upstream, path)


BAD_ROWS = {
    "csv": ("n,m\n1,a\n2,b,c\n3,d\n", {},
            "line 3, byte 9: the row has 3 cells where the header has 2"),
    "utf8": (b"n,m\n1,a\n2,\xff\n3,d\n", {"type": "csv"},
             "the row is not UTF-8 in column 'm', byte 11; set the encoding"),
    "json": ('{"n":"1"}\n{"n":"2",}\n{"n":"3"}\n', {},
             "line 2, byte 20: expected a name in double quotes"),
    "fixed": ("1a\n2bcdef\n3d\n",
              {"type": "filedefinition", "fileDefinition": {"rules": [
                  {"elements": [{"name": "n", "size": 1},
                                {"name": "m", "size": 1}]}]}},
              "line 2, byte 4: the row is longer than the 2 characters"),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_bad_row_is_an_error_and_the_next_one_goes_through(disk, kind):
    text, file, message = BAD_ROWS[kind]
    (disk.path / "a").write_bytes(
        text if isinstance(text, bytes) else text.encode())
    (disk.path / "b").write_text(
        BAD_ROWS[kind][0].splitlines()[0] + "\n" if kind == "json" else
        "1z\n" if kind == "fixed" else "n,m\n1,z\n")
    disk.start(**{"type": kind, **file})
    job, got = disk.run()
    assert [r["n"] for r in got] == ["1", "3", "1"]
    assert (job["numSuccess"], job["numError"]) == (3, 1)
    error, = disk.errors()
    assert error["source"] == "application"
    assert "file 'a': " in error["message"] and message in error["message"]
    # what is wrong is kept for somebody to mend, and not read again
    assert disk.names() == ["a.error"]
    assert disk.run()[1] == []
    # mended, it comes again
    (disk.path / "a.error").rename(disk.path / "a")
    disk.run()
    assert disk.names() == ["a.error"]


BROKEN = {
    "xml": (b"<r><i><n>1</n></i><i><n>2</m></i></r>",
            {"xml": {"resourcePath": "/r/i"}}, [["1"]]),
    "array": (b'[{"n":1},{"n":2},\n{"n":}]', {"type": "json"}, [1, 2]),
    "gzip": (gzip.compress(b'{"n":1}\n' * 3)[:-9],
             {"type": "json", "compressionFormat": "gzip"}, None),
    "nothing": (b"rubbish", {"type": "json", "compressionFormat": "gzip"}, []),
    "quote": (b'n,m\n1,a\n2,"b\n3,c\n', {"type": "csv"}, ["1"]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_gives_what_stands_before_once_and_blocks_nothing(
        disk, kind):
    data, file, expected = BROKEN[kind]
    good = {"xml": b"<r><i><n>9</n></i></r>", "quote": b"n,m\n9,z\n"}.get(
        kind, b'{"n":9}')
    if "compressionFormat" in file:
        good = gzip.compress(good)
    (disk.path / "a").write_bytes(data)
    (disk.path / "b").write_bytes(good)
    disk.start(**{"type": kind, **file})
    job, got = disk.run()
    seen = [r["n"] for r in got]
    assert seen[-1] in (9, "9", ["9"])
    if expected is not None:
        assert seen[:-1] == expected
    assert job["numError"] == 1
    error, = disk.errors()
    assert "file 'a' cannot be read to its end: " in error["message"]
    assert disk.names() == ["a.error"]
    assert disk.run()[1] == []
    # another one of that name does not take its place
    (disk.path / "a").write_bytes(data)
    disk.run()
    assert disk.names() == ["a.2.error", "a.error"]


def test_files_that_are_to_stay_stay(disk):
    (disk.path / "a").write_text('n\n1\n"2\n')
    (disk.path / "b").write_text("n\n3\n")
    disk.start(type="csv", skipDelete=True)
    assert [r["n"] for r in disk.run()[1]] == ["1", "3"]
    assert disk.names() == ["a", "b"]
    assert [r["n"] for r in disk.run()[1]] == ["1", "3"]
    # the mistake is the same one
    assert len(disk.errors()) == 1


def test_files_go_where_the_document_says(disk):
    for name in ("done", "wrong"):
        (disk.path / name).mkdir()
        (disk.path / name).chmod(0o777)
    (disk.path / "a").write_text("n\n1\n2,2\n")
    (disk.path / "b").write_text('n\n3\n"4\n')
    (disk.path / "c").write_text("n\n5\n")
    disk.start({"backupDirectoryPath": "done", "errorDirectoryPath": "wrong"},
               type="csv")
    job, got = disk.run()
    assert [r["n"] for r in got] == ["1", "3", "5"]
    assert job["numError"] == 2
    assert disk.names() == []
    assert sorted(p.name for p in (disk.path / "done").iterdir()) == ["a", "c"]
    assert [p.name for p in (disk.path / "wrong").iterdir()] == ["b"]


@pytest.mark.parametrize("here", [".", "/", "./."])
def test_the_directory_itself_for_wrong_files_does_not_bring_them_again(
        disk, here):
    (disk.path / "a").write_text('n\n1\n"2\n')
    disk.start({"errorDirectoryPath": here}, type="csv")
    assert [r["n"] for r in disk.run()[1]] == ["1"]
    assert disk.names() == ["a.error"]
    assert disk.run()[1] == []


@pytest.mark.parametrize("field, where, message", [
    ("backupDirectoryPath", "nowhere", "filesystem.backupDirectoryPath: cannot "
     "open the directory 'nowhere'"),
    ("errorDirectoryPath", "nowhere", "filesystem.errorDirectoryPath: cannot "
     "open the directory 'nowhere'"),
    ("backupDirectoryPath", ".", "filesystem.backupDirectoryPath is the "
     "directory that is read; name another one"),
    ("backupDirectoryPath", "shut", "cannot write to the directory "
     "'filesystem.backupDirectoryPath'"),
    ("directoryPath", "shut", "cannot write to the directory "
     "'filesystem.directoryPath'"),
])
def test_what_cannot_be_taken_away_is_not_handed_on(disk, field, where,
                                                    message):
    shut = disk.path / "shut"
    shut.mkdir()
    for d in (shut, disk.path):
        (d / "a").write_text("n\n1\n")
    shut.chmod(0o555)
    disk.start({field: where}, type="csv")
    for _ in range(2):
        got = disk.server.post("/run?wait=30").json()
        assert got["job"]["status"] == "failed"
        assert message in got["errors"][0]["message"]
    assert disk.upstream.seen("POST", "/in") == []
    disk.server.expect_log("FLOW0304")
    if where == "nowhere":
        disk.server.expect_log("FLOW0440")


def test_a_name_without_room_for_more_is_set_aside(disk):
    name = "\u00e4" * 126
    (disk.path / name).write_text("n\n1\n2,2\n")
    disk.start(type="csv")
    disk.run()
    assert disk.names() == ["\u00e4" * 124 + ".error"]
    assert disk.run()[1] == []


def test_a_file_of_rubbish_is_given_up(disk):
    (disk.path / "a").write_text("n\n1\n" + "2,2\n" * 5000 + "3\n")
    (disk.path / "b").write_text("n\n4\n")
    disk.start(type="csv")
    job, got = disk.run()
    assert [r["n"] for r in got] == ["1", "4"]
    assert job["numError"] == 1002
    assert any("more than 1000 records are wrong" in e["message"]
               for e in disk.errors())


def test_bad_rows_of_an_answer_are_errors(disk, upstream):
    upstream.on("GET", "/rows", 200, "n,m\n1,a\n2,b,c\n3,d\n",
                {"Content-Type": "text/csv"})
    disk.httpd.files({"docs/bundle.json": {
        "exports": [{"_id": "e", "_connectionId": "c",
                     "http": {"relativeURI": "/rows", "type": "file"},
                     "file": {"type": "csv"}}],
        "imports": [TO_HTTP], "flows": [FLOW]}})
    disk.server = disk.httpd.start(
        CONF % {"dir": disk.path, "url": upstream.url()})
    job, got = disk.run()
    assert [r["n"] for r in got] == ["1", "3"]
    assert job["numError"] == 1
    error, = disk.errors()
    assert "line 3, byte 9" in error["message"]


def answer_of(disk, upstream, body, **file):
    upstream.on("GET", "/rows", 200, body,
                {"Content-Type": "application/octet-stream"})
    disk.httpd.files({"docs/bundle.json": {
        "exports": [{"_id": "e", "_connectionId": "c",
                     "http": {"relativeURI": "/rows", "type": "file"},
                     "file": {"type": "csv", **file}}],
        "imports": [TO_HTTP], "flows": [FLOW]}})
    disk.server = disk.httpd.start(
        CONF % {"dir": disk.path, "url": upstream.url()})


def test_the_members_of_an_archive_are_named_and_let_go_of(disk, upstream):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for i in range(5000):
            archive.writestr("m%d.csv" % i,
                             "n\n2,2\n" if i == 4321 else "n\n")
        archive.writestr("last.csv", "n\n1\n")
    answer_of(disk, upstream, packed.getvalue(), compressionFormat="zip")
    assert disk.run()[1] == [{"n": "1"}]
    error, = disk.errors()
    assert "the file in the answer: file 'm4321.csv': " in error["message"]
    if "FLOW_PRELOAD" not in os.environ:
        for pid in disk.server.children():
            with open("/proc/%d/status" % pid) as f:
                most = re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)
            assert int(most) < 80 * 1024


def test_an_answer_of_rubbish_says_so(disk, upstream):
    answer_of(disk, upstream, "n\n1\n" + "2,2\n" * 1001)
    got = disk.server.post("/run?wait=30").json()
    assert got["job"]["status"] == "failed"
    assert "more than 1000 records are wrong" in got["errors"][0]["message"]
    disk.server.expect_log("FLOW0304")
