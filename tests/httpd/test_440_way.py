# SPDX-License-Identifier: Apache-2.0
"""How calls leave the server: a proxy, and how long they may take."""
import time

import pytest

from env import Upstream

CONF = """
%s
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId c
  FlowSet http.relativeURI /orders
</FlowExport>
<Location /orders>
  FlowAPI export:e
  FlowAuth none
</Location>
"""


def test_calls_go_through_the_proxy(httpd, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    httpd.start(CONF % (f"FlowProxy {upstream.url()} *.direct.example",
                        "http://far.example/"))
    got = httpd.get("/orders")
    assert got.json()["data"] == [{"id": 1}]
    assert upstream.requests[0].target == "http://far.example/orders"


def test_an_answer_must_begin_in_time(httpd, upstream):
    def slow(request):
        time.sleep(4)
        return 200, []
    upstream.on("GET", "/orders", slow)
    httpd.start(CONF % ("FlowHTTPTimeout 30 5 1", upstream.url()))
    httpd.expect_log("FLOW0201")
    began = time.monotonic()
    # it is a GET, so it is asked three times
    got = httpd.get("/orders")
    assert got.status_code in (502, 503, 504)
    assert got.json()["errors"][0]["code"] == "timeout"
    assert "has not begun" in got.json()["errors"][0]["message"]
    assert time.monotonic() - began < 12


def test_the_largest_answer_is_a_setting(httpd, upstream):
    upstream.on("GET", "/orders", 200, ["x" * 2000])
    httpd.start(CONF % ("FlowHTTPMaxResponse 1K", upstream.url()))
    httpd.expect_log("FLOW0201")
    got = httpd.get("/orders")
    assert got.json()["errors"][0]["code"] == "response_too_large"


@pytest.mark.parametrize("line, complaint", [
    ("FlowProxy", "missing"),
    ("FlowProxy proxy.example:3128", "http://proxy.example:3128"),
    ("FlowProxy http://x.example:3128 a/b", "'a' is not an address"),
    ("FlowProxy env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"),
    ("FlowHTTPTimeout 0", "from 1 to 3600"),
    ("FlowHTTPTimeout 10 x", "connecting"),
    ("FlowHTTPMaxResponse 1", "FlowHTTPMaxResponse"),
])
def test_mistakes(httpd, line, complaint):
    status, out = httpd.check(line + "\n")
    assert status != 0 and complaint in out, out
