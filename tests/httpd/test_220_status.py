# SPDX-License-Identifier: Apache-2.0
"""server-status: the section of the page and the lines of ?auto."""
import re

from env import wait_for
from test_700_durable import CONF


def flow_lines(server):
    text = server.get("/server-status?auto").text
    return dict(line.split(": ", 1) for line in text.splitlines()
                if line.startswith("Flow"))


def test_counts_are_those_of_all_children(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    httpd.files({"s.js": "function handleRequest (o) { "
                         "if (o.queryString.bad) throw new Error('x'); "
                         "return { statusCode: 200, body: 'ok' } }"})
    httpd.directives += ["StartServers 3", "MinSpareThreads 40"]
    httpd.start(CONF % upstream.url() + '<Location "/api">\n'
                '  FlowAPI "@root@/s.js"\n  FlowAuth none\n</Location>\n')
    for _ in range(20):
        httpd.get("/api")
    for _ in range(5):
        httpd.get("/api?bad=1")
    for n in range(7):
        assert httpd.post("/hook/t", json={"n": n}).status_code == 204
    wait_for(lambda: flow_lines(httpd)["FlowJobsDone"] == "7",
             what="seven jobs done")
    lines = flow_lines(httpd)
    assert int(lines["FlowWorkers"]) >= 2
    assert lines["FlowJobsQueued"] == "0" and lines["FlowEvents"] == "7"
    assert re.match(r"calls=25 errors=5 ", lines["Flow.api./api"])
    assert re.match(r"calls=7 errors=0 ", lines["Flow.webhook.hook"])
    assert re.match(r"calls=7 errors=0 records=7 record_errors=0 mean_ms=\d",
                    lines["Flow.flow.f"])
    page = httpd.get("/server-status").text
    assert "<h2>mod_flow</h2>" in page and "<td>/api</td>" in page
    httpd.expect_log("FLOW0201")


def test_waiting_jobs_are_seen(httpd, upstream):
    httpd.start(CONF % upstream.url() + "FlowWorkers 0\n")
    for n in range(3):
        httpd.post("/hook/t", json={"n": n})
    lines = flow_lines(httpd)
    assert lines["FlowJobsQueued"] == "3" and lines["FlowWorkers"] == "0"
