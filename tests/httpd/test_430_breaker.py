# SPDX-License-Identifier: Apache-2.0
"""Connections that go offline: flows wait for them and go on."""
import json
import sqlite3
import time

import pytest

from env import Upstream, wait_for

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.ping.relativeURI /ping
%s
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId c
  FlowSet http.relativeURI /orders
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /things
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
<Location /run>
  FlowAPI flow:f
  FlowAuth none
</Location>
<Location /orders>
  FlowAPI export:e
  FlowAuth none
</Location>
<Location /server-status>
  SetHandler server-status
</Location>
"""


@pytest.fixture
def server(httpd, upstream):
    def start(more=""):
        upstream.on("POST", "/things", 201, {"id": "x"})
        return httpd.start(CONF % (upstream.url(), more))
    return start


def job(server, ident):
    return json.loads(server.flowctl("--json", "job", "show", ident))


def run(server):
    got = server.post("/run")
    assert got.status_code == 201, got.text
    return got.json()["_jobId"]


def status(server):
    return server.get("/server-status?auto").text


def outages(server):
    return json.loads(server.flowctl("--json", "connection", "list"))


def far_away(server):
    """As if the test had failed so often that the next one is far away."""
    store = sqlite3.connect(server.state_dir / "flow.db")
    value = json.loads(store.execute(
        "SELECT value FROM state WHERE scope = 'offline'").fetchone()[0])
    value["next"] += 10 ** 9
    store.execute("UPDATE state SET value = ? WHERE scope = 'offline'",
                  (json.dumps(value),))
    store.commit()
    store.close()


def test_a_flow_waits_until_the_far_end_is_back(server, upstream):
    down = {"is": True}
    upstream.on("GET", "/orders",
                lambda r: Upstream.DROP if down["is"] else (200, [{"id": 1}]))
    upstream.on("GET", "/ping",
                lambda r: Upstream.DROP if down["is"] else (200, {}))
    httpd = server()
    httpd.expect_log("FLOW0420", "FLOW0421")
    first = run(httpd)
    httpd.wait_log("FLOW0420", 20)
    second = run(httpd)
    wait_for(lambda: "FlowConnectionsOffline: 1" in status(httpd))
    assert "Flow.connection.c: offline_seconds=" in status(httpd)
    assert outages(httpd)[0]["code"] == "connection_lost"
    assert job(httpd, first)["status"] == "queued"
    # who calls meanwhile is told at once
    began = time.monotonic()
    got = httpd.get("/orders")
    assert got.status_code in (502, 503)
    assert got.json()["errors"][0]["code"] == "connection_offline"
    assert time.monotonic() - began < 1
    httpd.allow_log("FLOW0201")
    down["is"] = False
    for ident in (first, second):
        wait_for(lambda: job(httpd, ident)["status"] == "completed", 30)
        assert job(httpd, ident)["numSuccess"] == 1
        assert job(httpd, ident)["numError"] == 0
    assert outages(httpd) == []
    assert "FlowConnectionsOffline: 0" in status(httpd)


def test_a_page_whose_import_is_offline_is_repeated(server, upstream):
    down = {"is": True}
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2}])
    httpd = server()
    upstream.on("POST", "/things", lambda r: (401, "") if down["is"]
                else (201, {"id": "x"}))
    upstream.on("GET", "/ping", lambda r: (401, "") if down["is"]
                else (200, {}))
    httpd.expect_log("FLOW0420", "FLOW0421")
    ident = run(httpd)
    httpd.wait_log("FLOW0420", 20)
    down["is"] = False
    wait_for(lambda: job(httpd, ident)["status"] == "completed", 30)
    assert job(httpd, ident)["numSuccess"] == 2
    assert job(httpd, ident)["numError"] == 0


def test_what_only_one_address_does_is_no_outage(server, upstream):
    upstream.on("GET", "/orders", Upstream.DROP)
    upstream.on("GET", "/ping", 200, {})
    httpd = server()
    httpd.expect_log("FLOW0304")
    ident = run(httpd)
    wait_for(lambda: job(httpd, ident)["status"] == "failed", 30)
    assert outages(httpd) == []


def test_an_outage_outlives_the_server(server, upstream):
    upstream.on("GET", "/orders", Upstream.DROP)
    upstream.on("GET", "/ping", Upstream.DROP)
    httpd = server()
    httpd.expect_log("FLOW0420", "FLOW0421")
    ident = run(httpd)
    httpd.wait_log("FLOW0420", 20)
    httpd.stop()
    assert outages(httpd)[0]["_connectionId"] == "c"
    far_away(httpd)
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    upstream.on("GET", "/ping", 200, {})
    httpd.start()  # which tests at once, however long the wait has grown
    wait_for(lambda: job(httpd, ident)["status"] == "completed", 30)
