# SPDX-License-Identifier: Apache-2.0
"""Senders that know what was accepted, and a PostgreSQL of the tests' own.

A Storm posts numbered events to the hooks of one or several servers and
remembers which got a 2xx. Afterwards: every one of those must have arrived at
the far end, and what arrived twice must have been in flight when something was
killed. FLOW_STORM=long makes the storms longer (tests/bench/nightly).
"""
import collections
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

import requests

from env import TOP, wait_for

LONG = os.environ.get("FLOW_STORM") == "long"
FLOWS = 4  # one job of a flow runs at a time

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
<Location "/server-status">
  SetHandler server-status
</Location>
<Location "/api">
  FlowAPI "@root@/api.js"
  FlowAuth none
</Location>
""" + "".join(f"""
<FlowExport hook{k}>
  FlowSet type webhook
  FlowSet webhook.verify secret_url
  FlowSet webhook.token t
</FlowExport>
<Flow f{k}>
  FlowSet pageGenerators [{{"_exportId":"hook{k}"}}]
  FlowSet pageProcessors [{{"type":"import","_importId":"i"}}]
</Flow>
<Location "/hook{k}">
  FlowWebhook hook{k}
</Location>
""" for k in range(FLOWS))

API = ("function handleRequest (o) { return { statusCode: 200,"
       " body: { n: Number(o.queryString.n) } } }")

# What a kill leaves in the log is not the server's mistake.
KILLED = ("AH00052", "AH00045", "AH00046", "AH00047", "AH00098", r"FLOW03\d\d",
          "FLOW0203")


def prepare(httpd, upstream, store=None, more=""):
    """Configure a server for a storm; it is not started."""
    httpd.allow_log(*KILLED)
    httpd.files({"api.js": API})
    text = CONF % upstream.url()
    if store:
        text += f'FlowStore pgsql "{store}"\n'
    return httpd.conf(text + more)


class Storm:
    def __init__(self, servers, senders=8):
        self.servers = servers
        self.accepted = set()
        self.refused = collections.Counter()  # status: how often
        self.trouble = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(k,))
                         for k in range(senders)]
        for thread in self._threads:
            thread.start()

    def _send(self, sender):
        n = sender * 1000000
        session = requests.Session()
        session.trust_env = False
        while not self._stop.is_set():
            n += 1
            servers = self.servers  # a test may put another list there
            server = servers[n % len(servers)]
            try:
                got = session.post(server.url(f"/hook{n % FLOWS}/t"),
                                   json={"n": n}, timeout=15)
            except requests.RequestException:
                time.sleep(0.01)
                continue  # not accepted: the sender would try again
            with self._lock:
                if got.status_code < 300:
                    self.accepted.add(n)
                else:
                    self.refused[got.status_code] += 1
            if got.status_code >= 300:
                if got.status_code != 503 or "Retry-After" not in got.headers:
                    self.trouble.append((got.status_code, got.text))
                time.sleep(0.05)

    def wait_accepted(self, n, timeout=60):
        """Until n more have been accepted."""
        goal = len(self.accepted) + n
        wait_for(lambda: len(self.accepted) >= goal, timeout,
                 f"{n} more accepted events")

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.trouble, self.trouble[:5]
        return self.accepted


def numbers(upstream):
    """How often each number arrived."""
    return collections.Counter(
        r.json()["n"] for r in list(upstream.seen("POST", "/in")))


def judge(upstream, accepted, in_flight, timeout=120):
    """All of it arrived, and at most in_flight of it twice; returns the number
    of doubles."""
    wait_for(lambda: accepted <= set(numbers(upstream)), timeout,
             "every accepted event at the far end")
    time.sleep(1)  # what would come a second time, comes now
    doubles = {n: k for n, k in numbers(upstream).items() if k > 1}
    extra = sum(k - 1 for k in doubles.values())
    assert extra <= in_flight, doubles
    print(f"{len(accepted)} accepted, 0 lost, {extra} done twice")
    return extra


class Pgsql:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="flow-pg-"))
        self.params = None
        self.start()

    def _do(self, what):
        done = subprocess.run(["sh", str(TOP / "tests/pgsql.sh"), what,
                               str(self.dir)], text=True, timeout=90,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self):
        self.params = self._do("start")
        return self

    def stop(self):
        self._do("stop")

    def kill(self):
        """kill -9 of the database server with all its sessions."""
        self._do("kill")

    def sql(self, text):
        return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1",
                               self.params, "-c", text], text=True, check=True,
                              timeout=30, stdout=subprocess.PIPE).stdout.strip()

    def cut(self):
        """End all sessions but our own."""
        return int(self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'mod_flow'"))

    def idle_sessions(self, n):
        """Sockets of n sessions that do nothing."""
        return [self._session()[0] for _ in range(n)]

    def exhaust(self, most=500):
        """Sockets of as many sessions as the server takes."""
        found = []
        while len(found) < most:
            s, answer = self._session()
            if answer == b"E":
                s.close()
                return found
            found.append(s)
        raise AssertionError(f"the server takes {most} sessions")

    def _session(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(self.dir / ".s.PGSQL.5432"))
        body = struct.pack("!i", 196608) + b"user\0flow\0database\0postgres\0\0"
        s.sendall(struct.pack("!i", len(body) + 4) + body)
        s.settimeout(10)
        return s, s.recv(1)

    def destroy(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
