# SPDX-License-Identifier: Apache-2.0
"""Scripts take SIGSEGV in a child process. What crashes there crashes as it
would without them, and the parent says so."""
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from env import apxs, wait_for

HERE = Path(__file__).resolve().parent

CONF = """
LoadModule crash_module "@root@/mod_crash.so"
<Location "/api">
  FlowAPI @root@/main.js
  FlowAuth none
</Location>
<Location "/crash">
  SetHandler crash
</Location>
"""

SCRIPT = """
const seen = []
function handleRequest (options) {
  seen.push(1)
  return { statusCode: 200, body: { seen: seen.length } }
}
"""


@pytest.fixture(params=["On", "Off"])
def server(request, httpd):
    flags = subprocess.run(["apr-1-config", "--includes", "--cppflags"],
                           check=True, text=True, stdout=subprocess.PIPE)
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O1",
                    "-I" + apxs("INCLUDEDIR"), *shlex.split(flags.stdout),
                    "-o", str(httpd.root / "mod_crash.so"),
                    str(HERE / "mod_crash.c")], check=True)
    httpd.files({"main.js": SCRIPT})
    watch = f"FlowScriptWatch {request.param}\n" \
        if "FLOW_MODULE" not in os.environ else ""
    return httpd.start(watch + CONF)


def use_scripts(server):
    for _ in range(20):
        got = server.post("/api", json={})
        assert (got.status_code, got.json()) == (200, {"seen": 1}), got.text


def has_new_child(server, before):
    server.wait_log(r"child pid %d exit signal Segmentation" % before[0])
    wait_for(lambda: server.children()
             and not set(before) & set(server.children()), what="a new child")
    use_scripts(server)


def test_a_crash_elsewhere_is_httpds(server):
    server.expect_crash()
    use_scripts(server)
    before = server.children()
    with pytest.raises(requests.ConnectionError):
        server.get("/crash")
    has_new_child(server, before)


def test_a_signal_that_was_sent_is_obeyed_at_once(server):
    server.expect_crash()
    use_scripts(server)
    before = server.children()
    os.kill(before[0], signal.SIGSEGV)
    has_new_child(server, before)
