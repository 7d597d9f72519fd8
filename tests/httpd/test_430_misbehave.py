# SPDX-License-Identifier: Apache-2.0
"""A far end that does what far ends do: tests/httpd/misbehave.py."""
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI http://127.0.0.1:%d
  FlowSet http.mediaType json
%s
</FlowConnection>
FlowInclude "@root@/docs"
"""
LOCATION = """
<Location "/%s">
  FlowAPI export:%s
  FlowAuth none
</Location>
"""


class Far:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "misbehave.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def seen(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/seen") as got:
            return [s for s in json.load(got) if s.split("?")[0] == path]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(5)


@pytest.fixture
def far():
    it = Far()
    yield it
    it.stop()


@pytest.fixture
def start(httpd, far):
    def go(http, connection="", conf="", **more):
        """Exports by name: {"a": {"relativeURI": ...}}."""
        httpd.files({"docs/bundle.json": {"exports": [
            {"_id": name, "_connectionId": "c", **more,
             "http": {"method": "GET", **one}}
            for name, one in http.items()]}})
        httpd.allow_log("FLOW0201")
        return httpd.start(CONF % (far.port, connection) + conf + "".join(
            LOCATION % (name, name) for name in http))
    return go


GOOD = ["chunked", "no-type", "json-as-text", "long-lie", "cut-once", "bom"]
# what it is called, and how often it was asked
BAD = {
    "cut": ("connection_lost", 3), "cut-head": ("connection_lost", 3),
    "two-lengths": ("", None), "chunk-lie": ("response_invalid|connection_lost", None),
    "chunk-cut": ("connection_lost|response_invalid", None),
    "not-http": ("response_invalid|connection_lost", None),
    "html-as-json": ("response_invalid", 1), "half-json": ("response_invalid", 1),
    "around": ("302", 6), "bad-gzip": ("response_invalid", None),
    "bomb": ("response_too_large", 1), "2gb": ("response_too_large", 1),
    "flood": ("response_too_large", 1), "headers": ("response_too_large", 1),
}


def rss(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) // 1024


def test_odd_answers_are_read_and_broken_ones_named(far, start):
    server = start({name: {"relativeURI": "/" + name}
                    for name in GOOD + list(BAD)})
    for name in GOOD:
        got = server.get("/" + name)
        assert got.status_code == 200, (name, got.text)
        if name not in ("json-as-text",):
            assert got.json()["data"] == [{"id": 1}], name
    for name, (code, times) in BAD.items():
        began = time.monotonic()
        got = server.get("/" + name)
        assert got.status_code in (502, 503, 500, 422), (name, got.text)
        error = got.json()["errors"][0]
        assert re.match(code, error["code"]), (name, error)
        assert len(got.content) < 20000
        if times:
            assert len(far.seen("/" + name)) == times, name
        assert time.monotonic() - began < 20, name
    # nobody has kept a bomb, or two gigabytes
    for pid in server.children():
        assert rss(pid) < 400


def test_an_error_inside_200_is_one(far, start):
    server = start({"x": {"relativeURI": "/error-200", "response": {
        "resourcePath": "list", "failPath": "status", "failValues": ["error"],
        "errorPath": "message"}}})
    got = server.get("/x")
    assert got.status_code == 502
    assert got.json()["errors"][0]["message"].endswith("no such shop")


def test_html_where_records_should_be_is_no_record(far, start):
    server = start({"x": {"relativeURI": "/html",
                          "successMediaType": "json"}})
    assert server.get("/x").json()["errors"][0]["code"] == "response_invalid"


def test_the_scripts_time_limit_is_not_the_far_ends(far, start):
    server = start({"slow": {"relativeURI": "/slow"}},
                   conf="FlowScriptTimeout 1\n")
    assert server.get("/slow").json()["data"] == [{"id": 1}]


LOOPS = {
    "same-token": ("paging_same_token",
                   {"relativeURI": "/same-token?t={{{export.http.paging.token"
                                   "}}}",
                    "paging": {"method": "token", "path": "next",
                               "pathLocation": "body"}}),
    "token-circle": ("paging_same_request",
                     {"relativeURI": "/token-circle?t={{{export.http.paging."
                                     "token}}}",
                      "paging": {"method": "token", "path": "next",
                                 "pathLocation": "body"}}),
    "last-for-ever": ("paging_same_page",
                      {"relativeURI": "/last-for-ever?p={{export.http.paging."
                                      "page}}",
                       "paging": {"method": "page"}}),
    "link-circle": ("paging_same_request",
                    {"relativeURI": "/link-circle",
                     "paging": {"method": "linkheader"}}),
    "link-away": ("url_foreign",
                  {"relativeURI": "/link-away",
                   "paging": {"method": "linkheader"}}),
}


def test_pages_that_go_nowhere_end_with_a_reason(far, start):
    server = start({name: {"response": {"resourcePath": "list"}, **http}
                    if "link" not in name else http
                    for name, (_, http) in LOOPS.items()})
    for name, (code, _) in LOOPS.items():
        error = server.get("/" + name).json()["errors"][0]
        assert error["code"] == code, name
        assert len(far.seen("/" + name)) <= 5
    assert not far.seen("/steal")


def test_a_redirect_takes_no_credentials_along_and_meets_the_rules(
        far, start):
    other = Far()
    try:
        token = """
  FlowSet http.auth.type token
  FlowSet http.auth.token.location header
  FlowSet http.auth.token.scheme Bearer
  FlowSet http.auth.token.token secret-token
"""
        server = start({
            "home": {"relativeURI": "/away?to=/echo"},
            "port": {"relativeURI": "/away?to=http://127.0.0.1:%d/echo"
                                    % other.port},
            "name": {"relativeURI": "/away?to=http://localhost:%d/inner"
                                    % other.port},
            "meta": {"relativeURI": "/away?to=http://169.254.169.254/latest"},
            "file": {"relativeURI": "/away?to=file:///etc/passwd"}}, token)
        assert server.get("/home").json()["data"] == [
            {"authorization": "Bearer secret-token"}]
        assert server.get("/port").json()["data"] == [{"authorization": None}]
        for name, code in (("name", "egress_refused"),
                           ("meta", "egress_refused"),
                           ("file", "redirect_invalid")):
            got = server.get("/" + name)
            assert got.json()["errors"][0]["code"] == code, got.text
        assert not other.seen("/inner")
    finally:
        other.stop()


WAITS = {"1": (1, 2), "0.4": (0.4, 1.2), "imf": (0.9, 3.2),
         "rfc850": (0.9, 3.2), "asctime": (0.9, 3.2), "epoch": (0.9, 3.2),
         "millis": (0.8, 2),
         # nothing to go by: our own, and never none
         "0": (0.04, 1), "-5": (0.04, 1), "soon": (0.04, 1), "1e3": (0.04, 1),
         "past": (0.04, 1), "1%3Bx": (0.04, 1), ".": (0.04, 1),
         "": (0.04, 1)}


def test_too_many_requests_wait_as_long_as_they_are_told(far, httpd):
    # one connection each: a pause is the whole connection's
    httpd.files({"docs/bundle.json": {
        "connections": [
            {"_id": "c%d" % n, "type": "http", "http": {
                "baseURI": "http://127.0.0.1:%d" % far.port,
                "mediaType": "json"}} for n in range(len(WAITS))],
        "exports": [
            {"_id": "w%d" % n, "_connectionId": "c%d" % n, "http": {
                "method": "GET", "relativeURI": "/limited?how=" + how}}
            for n, how in enumerate(WAITS)]}})
    server = httpd.start('FlowInclude "@root@/docs"\n' + "".join(
        LOCATION % ("w%d" % n, "w%d" % n) for n in range(len(WAITS))))
    for n, (how, (least, most)) in enumerate(WAITS.items()):
        got = server.get("/w%d" % n)
        assert got.status_code == 200, (how, got.text)
        waited = got.json()["data"][0]["waited"]
        assert least <= waited <= most, (how, waited)


def test_nobody_reads_on_for_a_client_that_has_gone(far, start):
    server = start({"p": {
        "relativeURI": "/pages?p={{export.http.paging.page}}",
        "paging": {"method": "page"}}})
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /p HTTP/1.1\r\nHost: x\r\n\r\n")
        while len(far.seen("/pages")) < 2:
            time.sleep(0.05)
    server.wait_log("FLOW0403")
    n = len(far.seen("/pages"))
    time.sleep(0.6)
    assert len(far.seen("/pages")) == n
