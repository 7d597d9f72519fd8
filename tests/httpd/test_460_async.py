# SPDX-License-Identifier: Apache-2.0
"""Results that take their time."""
import time

import pytest

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
<Location "/send">
  FlowAPI import:i
  FlowAuth none
</Location>
FlowInclude "@root@/docs"
"""
HELPER = {"_id": "h", "http": {
    "submit": {"sameAsStatus": False},
    "status": {"_exportId": "state", "statusPath": "state",
               "inProgressValues": ["queued", "working"],
               "doneValues": ["done"], "initialWaitTime": 100,
               "pollWaitTime": 100},
    "result": {"_exportId": "result"}}}


@pytest.fixture
def start(httpd, upstream):
    def go(helper=None, **more):
        get = {"method": "GET"}
        httpd.files({"docs/bundle.json": {
            "asyncHelpers": [helper or HELPER],
            "exports": [
                {"_id": "report", "_connectionId": "c", "http": {
                    "method": "POST", "relativeURI": "/reports",
                    "body": "{}", "_asyncHelperId": "h", **more}},
                {"_id": "state", "_connectionId": "c", "http": {
                    **get, "relativeURI": "/reports/{{record.id}}"}},
                {"_id": "result", "_connectionId": "c", "http": {
                    **get, "relativeURI": "/{{record.file}}?p={{export.http."
                                          "paging.page}}",
                    "response": {"resourcePath": "rows"},
                    "paging": {"method": "page"}}}],
            "imports": [{"_id": "i", "_connectionId": "c", "http": {
                "method": ["POST"], "relativeURI": ["/reports"],
                "_asyncHelperId": "h"}}],
            "flows": [{"_id": "f",
                       "pageGenerators": [{"_exportId": "report"}]}]}})
        upstream.on("POST", "/reports", 202, {"id": 7})
        upstream.on("GET", "/out", lambda r: (
            200, {"rows": [{"n": r.query["p"][0]}]
                  if r.query["p"][0] in "01" else [], "id": "r7"}))
        return httpd.start(CONF % upstream.url())
    return go


def state(name):
    return 200, {"id": 7, "state": name, "file": "out"}


def run(server):
    return server.post("/run?wait=30").json()


def test_a_report_is_asked_for_until_it_is_there(upstream, start):
    upstream.on("GET", "/reports/7",
                [state("queued"), state("working"), state("done")])
    result = run(start())
    assert [r["n"] for r in result["data"]] == ["0", "1"]
    assert len(upstream.seen("GET", "/reports/7")) == 3
    assert len(upstream.seen("POST", "/reports")) == 1


def test_a_state_that_is_neither_is_an_error(upstream, start):
    upstream.on("GET", "/reports/7", [state("queued"), state("broken")])
    server = start()
    server.expect_log("FLOW0304")
    result = run(server)
    assert result["job"]["status"] == "failed"
    assert "async_failed" in str(result) and "broken" in str(result)


def test_the_first_answer_may_be_the_last(upstream, start):
    server = start({**HELPER, "http": {**HELPER["http"], "submit": {
        "sameAsStatus": True}, "result": {}}})
    upstream.on("POST", "/reports", *state("done"))
    assert [r["state"] for r in run(server)["data"]] == ["done"]


def test_a_job_waits_on_in_another_process(upstream, start):
    upstream.on("GET", "/reports/7", *state("working"))
    server = start({**HELPER, "http": {**HELPER["http"], "status": {
        **HELPER["http"]["status"], "pollWaitTime": 300}}})
    server.allow_log("FLOW0308", "FLOW0306")
    server.post("/run")
    time.sleep(1)
    began = time.monotonic()
    server.graceful()
    server.stop()
    assert time.monotonic() - began < 15
    upstream.on("GET", "/reports/7", *state("done"))
    server.start()
    end = time.monotonic() + 10
    while not upstream.seen("GET", "/out"):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert len(upstream.seen("POST", "/reports")) == 1, "submitted again"


def test_an_import_waits_for_its_result(upstream, start):
    upstream.on("GET", "/reports/7", [state("working"), state("done")])
    server = start()
    got = server.post("/send", json={"a": 1}).json()
    assert (got["statusCode"], got["id"]) == (200, "r7")
    assert len(upstream.seen("GET", "/reports/7")) == 2
