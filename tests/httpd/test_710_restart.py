# SPDX-License-Identifier: Apache-2.0
"""Graceful restarts under load lose nothing and leave nothing behind."""
import threading
import time

import pytest
import requests

from env import wait_for
from test_600_abuse import rss, threads
from test_700_durable import CONF, arrived

API = """
<Location "/api">
  FlowAPI "@root@/s.js"
  FlowAuth none
</Location>
"""


@pytest.mark.limit(400)
def test_fifty_graceful_restarts_under_load(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    httpd.files({"s.js": "function handleRequest (o) { return { statusCode: 200, "
                         "body: { n: Number(o.queryString.n) } } }"})
    httpd.start(CONF % upstream.url() + API)
    sent, lost, stop, lock = set(), [], threading.Event(), threading.Lock()

    def send(base):
        n = base
        with requests.Session() as session:
            session.trust_env = False
            while not stop.is_set():
                n += 1
                for attempt in range(2):
                    # One retry on a kept connection that the old child closed
                    # in time, as RFC 9112 9.3.1 has clients do.
                    try:
                        got = session.get(httpd.url(f"/api?n={n}"), timeout=20)
                        break
                    except requests.ConnectionError as error:
                        if attempt:
                            lost.append(repr(error))
                            return
                if got.json() != {"n": n}:
                    lost.append(got.text)
                if n % 10 == 0:
                    try:
                        got = requests.post(httpd.url("/hook/t"),
                                            json={"n": n}, timeout=20)
                    except requests.ConnectionError as error:
                        lost.append(repr(error))
                        return
                    if got.status_code != 204:
                        lost.append(got.text)
                    else:
                        with lock:
                            sent.add(n)
                time.sleep(0.002)

    senders = [threading.Thread(target=send, args=(1000000 * k,))
               for k in range(3)]
    for sender in senders:
        sender.start()
    parent = []
    for n in range(50):
        time.sleep(0.1)
        httpd.graceful()
        if n in (9, 49):
            parent.append((rss(httpd.pid), threads(httpd.pid)))
    stop.set()
    for sender in senders:
        sender.join()
    assert not lost, lost[:5]
    assert len(sent) > 20
    wait_for(lambda: arrived(upstream) >= sent, 60, "all accepted events")
    # The parent keeps what a generation leaves: it must leave nothing.
    assert parent[1][1] == parent[0][1], parent
    assert parent[1][0] < parent[0][0] * 1.1 + 2000, parent
    wait_for(lambda: len(httpd.children()) <= 3, 30, "the old children's end")


def test_a_graceful_restart_lets_a_running_flow_finish_or_go_on(httpd, upstream):
    def slow(request):
        time.sleep(0.2)
        return 200, {}
    upstream.on("POST", "/in", slow)
    httpd.start(CONF % upstream.url())
    for n in range(10):
        assert httpd.post("/hook/t", json={"n": n}).status_code == 204
    httpd.graceful()
    wait_for(lambda: arrived(upstream) == set(range(10)), 30, "ten records")
    time.sleep(0.5)
    assert len(upstream.seen("POST", "/in")) == 10


def test_stopping_is_quick_and_clean(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    httpd.start(CONF % upstream.url())
    assert httpd.post("/hook/t", json={"n": 1}).status_code == 204
    started = time.monotonic()
    httpd.stop()
    assert time.monotonic() - started < 10
