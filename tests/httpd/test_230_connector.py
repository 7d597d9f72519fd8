# SPDX-License-Identifier: Apache-2.0
"""A connector in a module of its own: built, loaded, checked and run."""
import os
import shlex
import subprocess

import pytest

from env import TOP, apxs

CONF = """
LoadModule memo_module "@root@/memo.so"
<FlowConnection m>
  FlowSet type memo
  FlowSet memo.text %s
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId m
</FlowExport>
<Location "/memo">
  FlowAPI export:e
  FlowAuth none
</Location>
"""


@pytest.fixture
def server(httpd):
    def config(name):
        return shlex.split(subprocess.run(
            [apxs(name), "--cppflags", "--includes"], check=True, text=True,
            stdout=subprocess.PIPE).stdout)
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-fPIC", "-shared", "-Wall",
         "-Werror", f"-I{TOP}/mod_flow", f"-I{apxs('INCLUDEDIR')}",
         *config("APR_CONFIG"), "-o", str(httpd.root / "memo.so"),
         str(TOP / "tests/data/connector/memo.c")], check=True)
    return httpd


def test_it_runs(server):
    server.start(CONF % "hello")
    assert server.get("/memo").json() == {
        "data": [{"text": "hello"}, {"text": "hello"}], "errors": []}
    server.graceful()
    assert server.get("/memo").status_code == 200


def test_its_fields_are_checked(server):
    status, output = server.check(CONF % "hello!")
    assert status != 0
    assert "test.conf:5: connection 'm', memo.text: must not shout" in output
    status, output = server.check((CONF % "hello").replace("memo.text",
                                                           "memo.txt"))
    assert status != 0 and "did you mean 'memo.text'" in output
