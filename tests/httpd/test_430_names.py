# SPDX-License-Identifier: Apache-2.0
"""Names whose addresses change between one question and the next: what was
checked is what is connected to. resolver.c stands in for the name server."""
import http.server
import os
import subprocess
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent

CONF = """
FlowEgress allow 127.0.0.2
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI http://127.0.0.1:%d
  FlowSet http.mediaType json
</FlowConnection>
FlowInclude "@root@/docs"
"""
LOCATION = """
<Location "/%s">
  FlowAPI export:%s
  FlowAuth none
</Location>
"""


class _Place(http.server.BaseHTTPRequestHandler):
    """Says which address it has been reached at."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        place = self.server.server_address[0]
        self.server.seen.append(self.headers["Host"].split(":")[0])
        body = ('[{"place": "%s"}]' % place).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def serve(address, port):
    server = http.server.ThreadingHTTPServer((address, port), _Place)
    server.daemon_threads = True
    server.seen = []
    threading.Thread(target=server.serve_forever,
                     kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@pytest.fixture
def places():
    """The same port of an address that may be called and of one that may not."""
    inner = serve("127.0.0.1", 0)
    outer = serve("127.0.0.2", inner.server_address[1])
    yield inner, outer
    for server in (inner, outer):
        server.shutdown()
        server.server_close()


@pytest.fixture
def resolver(tmp_path_factory, httpd):
    where = tmp_path_factory.mktemp("resolver")
    shim = where / "resolver.so"
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O1",
                    "-o", str(shim), str(HERE / "resolver.c"), "-ldl"],
                   check=True)
    log = httpd.writable_dir("names") / "asked"
    httpd.env["LD_PRELOAD"] = str(shim)
    httpd.env["RESOLVER_LOG"] = str(log)
    for path in (shim, *where.parents):
        if path.stat().st_uid == os.getuid():
            path.chmod(path.stat().st_mode | 0o055)
    return lambda: log.read_text().split() if log.exists() else []


def start(httpd, upstream, names, port):
    """An export for each name: a redirect of the connection's own host leads
    there, so nobody trusts it."""
    httpd.allow_log("FLOW0201")
    httpd.files({"docs/bundle.json": {"exports": [
        {"_id": "e%d" % n, "_connectionId": "c",
         "http": {"method": "GET", "relativeURI": "/to%d" % n}}
        for n in range(len(names))]}})
    for n, name in enumerate(names):
        upstream.on("GET", "/to%d" % n, 302, "", {
            "Location": "http://%s:%d/x" % (name, port)})
    return httpd.start(CONF % upstream.port + "".join(
        LOCATION % ("e%d" % n, "e%d" % n) for n in range(len(names))))


def test_an_address_that_changes_after_the_check_is_never_used(
        httpd, upstream, places, resolver):
    inner, outer = places
    names = ["n%d.turns.test" % n for n in range(6)]
    server = start(httpd, upstream, names, inner.server_address[1])
    for n in range(len(names)):
        # once with the good address, then, if it asks again, with the other
        for _ in range(3):
            got = server.get("/e%d" % n)
            if got.status_code == 200:
                assert got.json()["data"] == [{"place": "127.0.0.2"}]
            else:
                assert got.json()["errors"][0]["code"] == "egress_refused"
                assert "127.0.0" not in got.text and ".test" not in got.text
    assert set(outer.seen) == set(names), "the first address was good"
    assert not inner.seen, "an address was used that nobody had checked"
    asked = resolver()
    assert set(asked[0::2]) == set(names), "the test's resolver was not asked"


def test_of_two_addresses_the_one_that_may_be_called_is(
        httpd, upstream, places, resolver):
    inner, outer = places
    server = start(httpd, upstream, ["a.both.test"], inner.server_address[1])
    assert server.get("/e0").json()["data"] == [{"place": "127.0.0.2"}]
    assert outer.seen and not inner.seen



def test_a_name_that_leads_inside_is_refused(
        httpd, upstream, places, resolver):
    inner, outer = places
    server = start(httpd, upstream, ["a.inner.test"], inner.server_address[1])
    got = server.get("/e0")
    assert got.json()["errors"][0]["code"] == "egress_refused"
    assert "inner.test" not in got.text
    server.wait_log("host 'a.inner.test' port .* may not be called")
    assert not inner.seen and not outer.seen and resolver()
