# SPDX-License-Identifier: Apache-2.0
"""What somebody who is new here runs into."""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from env import BUILD, TOP, free_port, wait_for

HOOK = """
<FlowExport hook>
  FlowSet type webhook
  %s
</FlowExport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"hook"}]
</Flow>
<Location /run>
  FlowAPI flow:f
  FlowAuth none
</Location>
"""


@pytest.mark.parametrize("text, complaint", [
    (HOOK % "FlowSet webhook.verify token" + "<Location /x>\n"
     "FlowAPI export:hook\n</Location>\n", "use 'FlowWebhook hook'"),
    ('<FlowConnection c>\nFlowSet type http\n'
     'FlowSet http.baseURI https://x.example\n'
     'FlowSet http.headers [{"name":"X-A","value":"a\\r\\nb: c"}]\n'
     '</FlowConnection>\n', "a header is one line"),
    ('FlowInclude "@root@/nosuch"\n', "there is no file or directory"),
])
def test_configtest_finds_it(httpd, text, complaint):
    status, out = httpd.check(text)
    assert status != 0 and complaint in out, out


def test_a_listener_flow_needs_data(httpd):
    server = httpd.start(HOOK % "FlowSet webhook.requestMediaType json")
    got = server.post("/run")
    assert got.status_code == 400, got.text
    assert got.json()["errors"][0]["code"] == "nothing_to_run"
    assert got.json()["errors"][0]["source"] == "request"
    assert server.flowctl("--json", "job", "list") == "[]"
    assert server.post("/run", json={"id": 1}).status_code == 201


def test_an_unknown_query_parameter_is_refused(httpd):
    server = httpd.start(HOOK % "FlowSet webhook.requestMediaType json")
    got = server.post("/run?wiat=5", json={"id": 1})
    assert got.status_code == 400
    assert "'wiat'" in got.json()["errors"][0]["message"]


def test_an_open_webhook_does_not_flood_the_log(httpd):
    server = httpd.start(HOOK % "" + "<Location /hook>\nFlowWebhook hook\n"
                         "</Location>\n")
    server.expect_log("FLOW0202")
    for _ in range(20):
        assert server.post("/hook", json={}).status_code == 401
    assert server.log.count("FLOW0202") <= 4  # one in each child


@pytest.mark.parametrize("location, path, rest", [
    ('<LocationMatch "^/a/[0-9]+">', "/a/42/tok", "/tok"),
    ('<LocationMatch "/a">', "/a/tok", "/tok"),
    ('<Location ~ "^/a/[0-9]+">', "/a/42/tok", "/tok"),
    ("<Location /a>", "/a/tok", "/tok"),
])
def test_the_path_behind_a_pattern(httpd, location, path, rest):
    httpd.files({"s.js": "function handleRequest (o) {\n"
                         "  return { statusCode: 200, body: o.path }\n}\n"})
    end = "</LocationMatch>" if "Match" in location else "</Location>"
    server = httpd.start(f'{location}\nFlowAPI "@root@/s.js"\nFlowAuth none\n'
                         f"{end}\n")
    assert server.get(path).text == rest


def test_a_secret_url_behind_a_pattern(httpd):
    server = httpd.start(
        HOOK % "FlowSet webhook.verify secret_url\n"
        "  FlowSet webhook.token a-long-token"
        + '<LocationMatch "^/hooks/[a-z]+">\nFlowWebhook hook\n'
          "</LocationMatch>\n")
    assert server.post("/hooks/x/a-long-token", json={}).status_code == 204
    assert server.post("/hooks/x/another", json={}).status_code == 401


SCOPES = """
FlowInclude "@root@/docs"
<Location /script>
  FlowAPI script:main
</Location>
<Location /api>
  FlowAPI api:main
</Location>
<Location /file>
  FlowAPI "@root@/docs/scripts/main.js"
</Location>
"""


@pytest.mark.parametrize("scope, good", [
    ("script:main", {"/script"}),
    ("api:main", {"/api"}),
    ("main", {"/script", "/api"}),  # as tokens have it that are older
    ("@root@/docs/scripts/main.js", {"/file"}),
])
def test_a_scope_says_what_it_means(httpd, scope, good):
    httpd.files({
        "docs/scripts/main.js":
        "function handleRequest (o) { return { statusCode: 200 } }\n",
        "docs/apis/main.json": {"script": {"_scriptId": "main",
                                           "function": "handleRequest"}}})
    server = httpd.start(SCOPES)
    token = server.flowctl("token", "create", "--name", "t", "--api",
                           scope.replace("@root@", str(httpd.root)))
    for path in ("/script", "/api", "/file"):
        got = server.get(path, headers={"Authorization": f"Bearer {token}"})
        assert (got.status_code == 200) == (path in good), path


def test_a_scope_of_nothing_is_refused(httpd):
    httpd.files({"docs/apis/main.json": {}, "docs/scripts/main.js": "var a\n"})
    httpd.files({"docs/apis/main.json": {
        "script": {"_scriptId": "main", "function": "f"}},
        "docs/scripts/main.js": "function f () {}\n"})
    for scope, ok in (("main", True), ("api:main", True), ("api:mian", False),
                      ("nosuch", False)):
        status, _, err = httpd.flowctl(
            "--include", "docs", "token", "create", "--name", "t", "--api",
            scope, check=False)
        assert (status == 0) == ok, scope
        assert ok or f"--api '{scope}' is in none of the documents" in err
    status, _, err = httpd.flowctl("token", "create", "--name", "t", "--api",
                                   "nosuch", check=False)
    assert status == 0 and "not checked" in err


@pytest.mark.parametrize("blows", [1, 3])
def test_the_demo_leaves_nothing_behind_when_it_is_ended(tmp_path, blows):
    """`make run` is ended by SIGTERM, which may come more than once."""
    root = tmp_path / "demo"
    root.mkdir(mode=0o755)
    for folder in (root, *root.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    demo = subprocess.Popen(
        ["sh", str(TOP / "conf/demo/run.sh")], start_new_session=True,
        env={**os.environ, "BUILD": str(BUILD), "PORT": str(free_port()),
             "RUN": str(root)},
        stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    try:
        for line in demo.stdout:
            if line.startswith("Serving on"):
                break
        else:
            pytest.fail("the demo did not start")
        pid = int((root / "httpd.pid").read_text())
        for _ in range(blows):
            os.killpg(demo.pid, signal.SIGTERM)
            time.sleep(0.02)
        assert demo.wait(30) == 143
    finally:
        demo.stdout.close()
        if demo.poll() is None:
            demo.kill()
            demo.wait()
    assert not root.exists()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10, "httpd's end")
