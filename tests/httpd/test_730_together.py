# SPDX-License-Identifier: Apache-2.0
"""Deduplication, flows after flows, errors and retries at once, on both stores,
while processes and sessions are taken away."""
import collections
import json
import random
import sqlite3
import subprocess
import threading
import time

import pytest
import requests

from env import FLOWCTL, wait_for
from storm import KILLED, LONG, Pgsql

EVENTS = 600 if LONG else 120

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<FlowExport hook>
  FlowSet type webhook
</FlowExport>
<FlowExport orders>
  FlowSet _connectionId c
  FlowSet http.method GET
  FlowSet http.relativeURI /orders
</FlowExport>
<FlowImport in>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<FlowImport after>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /after
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"hook"}]
  FlowSet pageProcessors [{"type":"import","_importId":"in"}]
  FlowSet _runNextFlowIds g
</Flow>
<Flow g>
  FlowSet pageGenerators [{"_exportId":"orders"}]
  FlowSet pageProcessors [{"type":"import","_importId":"after"}]
  FlowSet autoResolveMatchingTraceKeys false
</Flow>
<Location "/hook">
  FlowWebhook hook
  FlowAuth none
</Location>
"""


@pytest.fixture(params=["sqlite3", "pgsql"])
def server(request, httpd, upstream):
    """A server with several children; ask() for rows of its store, cut() its
    sessions."""
    httpd.allow_log("AH10392", *KILLED)  # children are killed successively
    httpd.directives += ["StartServers 2", "MinSpareThreads 32",
                         "ThreadsPerChild 16"]
    text, pgsql = CONF % upstream.url(), None
    if request.param == "pgsql":
        pgsql = Pgsql()
        text += f'FlowStore pgsql "{pgsql.params}"\n'
        httpd.store = f"pgsql {pgsql.params}"
        httpd.ask, httpd.cut = pgsql.sql, pgsql.cut
    else:
        def ask(sql):
            with sqlite3.connect(httpd.state_dir / "flow.db",
                                 timeout=10) as db:
                return "\n".join("|".join(map(str, row))
                                 for row in db.execute(sql))
        httpd.ask, httpd.cut = ask, lambda: None
        httpd.store = f"sqlite3 {httpd.state_dir}/flow.db"
    yield httpd.start(text)
    httpd.stop()
    if pgsql:
        pgsql.destroy()


def send_all(server):
    """Each event twice at once, until both deliveries are accepted."""
    def send(n):
        session = requests.Session()
        session.trust_env = False
        for n in range(n, EVENTS):
            while True:
                try:
                    if session.post(server.url("/hook"), json={"n": n},
                                    headers={"webhook-id": f"e{n}"},
                                    timeout=15).status_code == 204:
                        break
                except requests.RequestException:
                    pass
                time.sleep(0.01)
    threads = [threading.Thread(target=send, args=(0,)) for _ in range(2)]
    for t in threads:
        t.start()
    return threads


def blow(server):
    random.choice([server.kill9_child, server.graceful, server.cut])()


def is_quiet(server):
    return server.ask("SELECT count(*) FROM job"
                      " WHERE status IN ('queued', 'running')") == "0"


def ctl(server, *args):
    done = subprocess.run([str(FLOWCTL), "--store", server.store, "--json",
                           *args], stdin=subprocess.DEVNULL, text=True,
                          timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.limit(900)
def test_nothing_is_lost_doubled_or_stuck(server, upstream):
    broken = {True}
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    upstream.on("POST", "/in", 200, {})
    upstream.on("POST", "/after",
                lambda r: (422, {"message": "no"}) if broken else (200, {}))
    threads = send_all(server)
    blows = 0
    while any(t.is_alive() for t in threads):
        time.sleep(random.uniform(0.1, 0.6))
        blow(server)
        blows += 1
    for t in threads:
        t.join()
    wait_for(lambda: is_quiet(server), 120, "the end of all jobs")
    assert server.ask("SELECT count(*) FROM event") == str(EVENTS)
    assert server.ask("SELECT flow_id, status, count(*) FROM job"
                      " GROUP BY flow_id, status ORDER BY flow_id") == (
        f"f|completed|{EVENTS}\ng|completed|{EVENTS}")
    came = collections.Counter(r.json()["n"] for r in upstream.seen("POST",
                                                                    "/in"))
    assert set(came) == set(range(EVENTS))
    # what was at work when a process was killed: one job per flow
    assert sum(came.values()) <= EVENTS + 2 * blows
    # each run of g has left its one error, none has left two
    assert server.ask("SELECT count(*), count(DISTINCT job_id) FROM job_error"
                      " WHERE resolved_at = 0") == f"{EVENTS}|{EVENTS}"

    broken.clear()
    before = len(upstream.seen("POST", "/after"))
    answer = ctl(server, "error", "retry", "--matching", "--flow", "g")
    assert answer["queued"] == EVENTS
    for k in range(4):
        time.sleep(random.uniform(0.02, 0.2))
        blow(server)
    wait_for(lambda: is_quiet(server), 120, "the end of the retry")
    assert server.ask("SELECT count(*) FROM job_error"
                      " WHERE resolved_by = 'retry'") == str(EVENTS)
    # after a kill at most one commit's worth comes again
    assert len(upstream.seen("POST", "/after")) - before <= EVENTS + 4 * 20
    job = ctl(server, "job", "show", answer["jobs"][0])
    assert (job["status"], job["numSuccess"], job["numError"]) == (
        "completed", EVENTS, 0)


@pytest.mark.limit(300)
def test_flowctl_cancels_what_runs(server, upstream):
    """From another process, which knows nothing of the run."""
    gate = threading.Event()
    upstream.on("GET", "/orders", 200, [{"id": 1}])

    def slow(_):
        gate.wait(3)
        return 200, {}
    upstream.on("POST", "/in", slow)
    upstream.on("POST", "/after", 200, {})
    assert server.post("/hook", json=[{"n": n} for n in range(50)]
                       ).status_code == 204
    wait_for(lambda: len(upstream.seen("POST", "/in")) > 0, what="the run")
    job, = [j for j in ctl(server, "job", "list") if j["_flowId"] == "f"]
    assert ctl(server, "job", "cancel", job["_id"])["status"] == "canceling"
    assert ctl(server, "job", "show", job["_id"])["status"] == "canceling"
    gate.set()
    wait_for(lambda: ctl(server, "job", "show", job["_id"])["status"]
             in ("canceled", "completed"), 20, "its end")
    # the flow is free for the next one
    assert server.post("/hook", json={"n": 99}).status_code == 204
    wait_for(lambda: is_quiet(server), 20, "the next one")
