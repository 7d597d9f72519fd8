# SPDX-License-Identifier: Apache-2.0
"""Accepted means committed: nothing is lost by kill -9, at any point."""
import threading
import time

import pytest
import requests

from env import wait_for
from storm import LONG, Storm, judge, numbers, prepare

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<FlowExport hook>
  FlowSet type webhook
  FlowSet webhook.verify secret_url
  FlowSet webhook.token t
</FlowExport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"hook"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
<Location "/hook">
  FlowWebhook hook
</Location>
<Location "/server-status">
  SetHandler server-status
</Location>
"""


@pytest.fixture
def server(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    # What is cut off by a kill is not the server's mistake.
    httpd.allow_log("AH00052", "AH00045", "AH00046", "AH00047", r"FLOW03\d\d")
    return httpd.start(CONF % upstream.url())


def arrived(upstream):
    return {r.json()["n"] for r in upstream.seen("POST", "/in")}


@pytest.mark.limit(400)
def test_kill_9_right_after_a_204_loses_nothing_fifty_times(server, upstream):
    for n in range(50):
        assert server.post("/hook/t", json={"n": n}).status_code == 204
        if n % 2:
            server.kill9_child()
        else:
            server.kill9_all()
            server.start()
    wait_for(lambda: arrived(upstream) >= set(range(50)), 60,
             "all fifty events at the far end")


@pytest.mark.limit(200)
def test_kill_9_under_load_loses_nothing_that_was_accepted(server, upstream):
    accepted, lock, stop = set(), threading.Lock(), threading.Event()

    def send(base):
        n = base
        while not stop.is_set() and n < base + 3000:
            n += 1
            try:
                got = requests.post(server.url("/hook/t"), json={"n": n},
                                    timeout=10)
            except requests.RequestException:
                continue  # not accepted: the sender would try again
            if got.status_code == 204:
                with lock:
                    accepted.add(n)

    senders = [threading.Thread(target=send, args=(10000 * k,))
               for k in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(5):
        time.sleep(0.5)
        server.kill9_child()
    time.sleep(0.5)
    server.kill9_all()
    server.start()
    time.sleep(0.5)
    stop.set()
    for sender in senders:
        sender.join()
    assert len(accepted) > 100
    wait_for(lambda: arrived(upstream) >= accepted, 120,
             "every accepted event at the far end")


def test_a_run_that_was_killed_goes_on_after_the_last_page(httpd, upstream):
    """Pages that were committed are not sent again."""
    def page(request):
        n = int(request.query.get("p", ["1"])[0])
        headers = {"Link": f'</orders?p={n + 1}>; rel="next"'} if n < 6 else {}
        return 200, [{"n": n}], headers

    def slow(request):
        time.sleep(0.3)
        return 200, {}
    upstream.on("GET", "/orders", page)
    upstream.on("POST", "/in", slow)
    httpd.allow_log("AH00052", r"FLOW03\d\d")
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
  FlowSet http.paging.method linkheader
  FlowSet pageSize 1
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{{"_exportId":"e"}}]
  FlowSet pageProcessors [{{"type":"import","_importId":"i"}}]
</Flow>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
""")
    assert httpd.post("/run").status_code == 201
    wait_for(lambda: len(upstream.seen("POST", "/in")) >= 3, what="3 pages")
    httpd.kill9_child()
    wait_for(lambda: arrived(upstream) >= set(range(1, 7)), 60, "six pages")
    time.sleep(0.5)
    sent = [r.json()["n"] for r in upstream.seen("POST", "/in")]
    assert len(sent) <= 7, sent  # at most the page in flight was repeated


def test_the_disk_is_full(httpd, upstream):
    """A store that cannot grow refuses with 503 and takes again later."""
    import os
    if os.getuid() != 0:
        pytest.skip("needs root for a small file system")
    import subprocess
    small = httpd.root / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o",
                              "size=1m,mode=0777", "tmpfs", str(small)])
    if mounted.returncode:
        pytest.skip("no tmpfs here")
    try:
        upstream.on("POST", "/in", 200, {})
        httpd.allow_log(r"FLOW03\d\d", "FLOW0203")
        httpd.state_dir = small
        httpd.start(CONF % upstream.url() + "FlowWorkers 0\n")
        codes = []
        for n in range(60):
            codes.append(httpd.post("/hook/t", json={
                "n": n, "filler": "x" * 30000}).status_code)
        assert codes[0] == 204 and 503 in codes
        assert set(codes) == {204, 503}
        count = codes.count(204)
        httpd.stop()
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)],
                       check=True)
        httpd.start(CONF % upstream.url())
        wait_for(lambda: len(arrived(upstream)) == count, 30,
                 "what was accepted")
    finally:
        httpd.stop()
        subprocess.run(["umount", str(small)])


MUCH = 600 if LONG else 60  # events between two blows
ROUNDS = 10 if LONG else 2


@pytest.mark.limit(600)
def test_a_storm_with_kill_9_of_children_and_of_all(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    prepare(httpd, upstream).start()
    storm = Storm([httpd])
    for _ in range(ROUNDS):
        storm.wait_accepted(MUCH)
        httpd.kill9_child()
        storm.wait_accepted(MUCH)
        httpd.kill9_all()
        httpd.start()
    storm.wait_accepted(MUCH)
    # a page for each worker of each child that may have been there
    judge(upstream, storm.stop(), ROUNDS * 2 * 8, 300)


@pytest.mark.limit(600)
def test_graceful_restarts_and_a_stop_repeat_nothing(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    prepare(httpd, upstream).start()
    storm = Storm([httpd])
    for _ in range(ROUNDS):
        storm.wait_accepted(MUCH)
        httpd.graceful()
    storm.wait_accepted(MUCH)
    httpd.stop()
    httpd.start()
    storm.wait_accepted(MUCH)
    judge(upstream, storm.stop(), 0, 300)


@pytest.mark.limit(120)
def test_a_worker_that_waits_for_ever_does_not_outlive_a_restart(httpd,
                                                                 upstream):
    """Its call is cut short, its page is done again elsewhere, and nothing is
    freed under it."""
    calls = []

    def hang_once(request):
        calls.append(request)
        if len(calls) == 1:
            time.sleep(60)
        return 200, {}
    upstream.on("POST", "/in", hang_once)
    prepare(httpd, upstream).start()
    old = httpd.children()
    assert httpd.post("/hook0/t", json={"n": 1}).status_code == 204
    wait_for(lambda: calls, 10, "the call")
    httpd.graceful()
    wait_for(lambda: not set(old) & set(httpd.children()), 30,
             "the old child's end")
    wait_for(lambda: len(calls) == 2, 10, "the second call")
    # That was planned: the job is under no suspicion, and done.
    time.sleep(1)
    assert len(calls) == 2


def test_a_store_that_is_deleted_refuses_and_a_restart_makes_a_new_one(
        httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    prepare(httpd, upstream).start()
    assert httpd.post("/hook0/t", json={"n": 1}).status_code == 204
    wait_for(lambda: numbers(upstream) == {1: 1}, 10, "the first event")
    for path in httpd.state_dir.iterdir():
        path.unlink()
    got = httpd.post("/hook0/t", json={"n": 2})
    assert got.status_code == 503
    assert "Retry-After" in got.headers
    assert httpd.get("/api?n=5").json() == {"n": 5}
    httpd.graceful()
    wait_for(lambda: httpd.post("/hook0/t", json={"n": 3}).status_code == 204,
             20, "the new store")
    wait_for(lambda: 3 in numbers(upstream), 10, "the third event")
    assert 2 not in numbers(upstream)
