# SPDX-License-Identifier: Apache-2.0
"""Errors of records: what is kept, retried, resolved; jobs that are canceled or
run again; the store's own tools."""
import json
import os
import sqlite3
import threading
import time

import pytest

from env import wait_for

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
  FlowSet http.auth.type token
  FlowSet http.auth.token.token pl4nted-s3cret
  FlowSet http.auth.token.location header
  FlowSet http.auth.token.headerName X-Api-Key
  FlowSet http.auth.token.scheme custom
</FlowConnection>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
"""

STEP = {"type": "import", "_importId": "i"}


def export(ident="e", **more):
    return {"_id": ident, "_connectionId": "c",
            "http": {"method": "GET", "relativeURI": "/orders"}, **more}


def import_(ident="i", uri="/in", headers=None, **more):
    http = {"method": ["POST"], "relativeURI": [uri]}
    if headers:
        http["headers"] = headers
    return {"_id": ident, "_connectionId": "c", "http": http, **more}


def a_flow(*steps, **more):
    return {"_id": "f", "pageGenerators": [{"_exportId": "e"}],
            "pageProcessors": list(steps), **more}


@pytest.fixture
def flow(httpd, upstream):
    """A function: documents (a bundle) and scripts, started."""
    def start(bundle, scripts=None):
        conf = CONF.replace("  FlowSet http.auth.token.scheme custom\n", "")
        httpd.files({"docs/bundle.json": bundle})
        httpd.files({f"docs/scripts/{name}.js": text
                     for name, text in (scripts or {}).items()})
        return httpd.start(conf % upstream.url()
                           + 'FlowInclude "@root@/docs"\n')
    return start


def run(server, body=None):
    got = server.post("/run?wait=20",
                      **({"json": body} if body is not None else {}))
    assert got.status_code == 200, got.text
    return got.json()


def ctl(server, *args):
    return json.loads(server.flowctl("--json", *args))


def errors(server, *args):
    return ctl(server, "error", "list", *args)


def ended(server, job_id):
    def look():
        job = ctl(server, "job", "show", job_id)
        return job if job["status"] in ("completed", "failed",
                                        "canceled") else None
    return wait_for(look, what=f"the end of job {job_id}")


def failing(upstream, bad=(), code=422):
    """Records whose id is in @bad (a list that the test may empty) fail."""
    def answer(request):
        record = request.json()
        if record["id"] in bad:
            return code, {"message": f"no {record['id']}",
                          "seen": request.headers["X-Api-Key"]}
        return 200, {"id": f"n{record['id']}"}
    upstream.on("POST", "/in", answer)


def test_an_error_has_all_its_fields_and_no_secret(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2, "v": 19.90}])
    failing(upstream, [2])
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    job = run(server)["job"]
    assert job["numError"] == 1 and job["numSuccess"] == 1
    listed, = errors(server)
    assert listed["code"] == "422" and listed["source"] == "application"
    assert listed["classification"] == "value"
    assert listed["classifiedBy"] == "rules"
    assert listed["traceKey"] == "2" and listed["oIndex"] == "1"
    assert listed["stepId"] == "i" and listed["_flowId"] == "f"
    assert listed["_flowJobId"] == job["_id"]
    assert listed["retryDataKey"] == listed["errorId"]
    assert listed["reqAndResKey"].endswith("-422-POST")
    whole = ctl(server, "error", "show", listed["errorId"])
    assert whole["retryData"]["data"] == {"id": 2, "v": 19.9}
    assert whole["retryData"]["stage"] == "page_processor"
    exchange = whole["exchange"]
    assert exchange["request"]["method"] == "POST"
    assert json.loads(exchange["request"]["body"]) == {"id": 2, "v": 19.9}
    assert exchange["request"]["headers"]["X-Api-Key"] == "******"
    assert exchange["response"]["statusCode"] == 422
    assert "no 2" in exchange["response"]["body"]
    stored = b"".join(path.read_bytes() for path in
                      server.state_dir.iterdir() if path.is_file())
    assert b"pl4nted-s3cret" not in stored
    assert b"no 2" in stored


@pytest.mark.parametrize("bundle, scripts, source, code", [
    ({"exports": [export()]}, {}, "application", "503"),
    ({"exports": [export(hooks={"preSavePage": {
        "_scriptId": "s", "function": "boom"}})]},
     {"s": "function boom() { throw new Error('x') }"},
     "pre_save_page_hook", None),
])
def test_a_failed_run_names_its_source(flow, upstream, httpd, bundle, scripts,
                                       source, code):
    good = source != "application"
    upstream.on("GET", "/orders", 200 if good else 503, [{"id": 1}])
    httpd.expect_log("FLOW0304")
    server = flow({**bundle, "imports": [import_()], "flows": [a_flow(STEP)]},
                  scripts)
    result = run(server)
    assert result["job"]["status"] == "failed"
    assert result["errors"][0]["source"] == source
    shown = ctl(server, "job", "show", result["job"]["_id"])
    assert shown["failure"]["source"] == source
    if code:
        assert result["errors"][0]["code"] == code


def test_a_retry_goes_on_from_the_failed_step(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2}])
    bad = [2]
    failing(upstream, bad)
    upstream.on("POST", "/next", 200, {})
    server = flow({"exports": [export()],
                   "imports": [import_(), import_("n", "/next")],
                   "flows": [a_flow(STEP, {"type": "import",
                                           "_importId": "n"})]})
    run(server)
    error, = errors(server)
    assert [r.json()["id"] for r in upstream.seen("POST", "/next")] == [1]

    # It fails again: a new occurrence of the same error.
    answer = ctl(server, "error", "retry", error["errorId"])
    job = ended(server, answer["jobs"][0])
    assert job["type"] == "retry" and job["origin"] == "retry"
    assert job["status"] == "completed" and job["numError"] == 1
    again, = errors(server)
    assert again["errorId"] == error["errorId"] and again["occurrences"] == 2

    # With other data it goes through, and on to the next step.
    server.files({"new.json": {"id": 3}})
    answer = ctl(server, "error", "retry", error["errorId"], "--data",
                 "new.json")
    assert answer["queued"] == 1
    assert ended(server, answer["jobs"][0])["numSuccess"] == 2
    assert errors(server) == []
    resolved, = errors(server, "--resolved")
    assert resolved["resolvedBy"] == "retry" and resolved["resolvedAt"]
    shown = ctl(server, "error", "show", error["errorId"])
    assert shown["retryData"]["data"] == {"id": 2}
    assert shown["retryData"]["edited"] == {"id": 3}
    assert [r.json()["id"] for r in upstream.seen("POST", "/next")] == [1, 3]
    assert len(upstream.seen("GET", "/orders")) == 1

    # What is resolved is not retried.
    status, _, message = server.flowctl("error", "retry", error["errorId"],
                                        check=False)
    assert status == 1 and "resolved" in message


def test_a_step_that_proceeds_is_retried_alone(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    bad = [1]
    failing(upstream, bad)
    upstream.on("POST", "/next", 200, {})
    server = flow({"exports": [export()],
                   "imports": [import_(), import_("n", "/next")],
                   "flows": [a_flow(dict(STEP, proceedOnFailure=True),
                                    {"type": "import", "_importId": "n"})]})
    run(server)
    assert len(upstream.seen("POST", "/next")) == 1
    bad.clear()
    answer = ctl(server, "error", "retry", "--matching", "--flow", "f")
    ended(server, answer["jobs"][0])
    assert errors(server) == []
    assert len(upstream.seen("POST", "/next")) == 1


def test_many_are_retried_by_filter(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": n} for n in range(60)])
    bad = list(range(0, 60, 2))
    failing(upstream, bad)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    run(server)
    assert len(errors(server, "--limit", "100")) == 30
    assert errors(server, "--class", "duplicate") == []
    assert ctl(server, "error", "list", "--counts") == {"f": {"i": 30}}
    del bad[10:]  # 20 of them would go through now
    answer = ctl(server, "error", "retry", "--matching", "--flow", "f",
                 "--class", "value", "--code", "422")
    assert answer["queued"] == 30
    job = ended(server, answer["jobs"][0])
    assert job["type"] == "bulk_retry"
    assert (job["numSuccess"], job["numError"]) == (20, 10)
    assert len(errors(server, "--limit", "100")) == 10
    # page by page: each once
    seen, before = [], []
    while True:
        page = errors(server, "--all", "--limit", "7", *before)
        if not page:
            break
        seen += [e["errorId"] for e in page]
        before = ["--before", seen[-1]]
    assert len(seen) == 30 and seen == sorted(set(seen), reverse=True)


def test_resolve_tag_and_assign(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": n} for n in range(4)])
    failing(upstream, [0, 1, 2, 3])
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    run(server)
    one = errors(server)[0]["errorId"]
    server.flowctl("error", "tag", one, "--add", "erp", "--add", "urgent")
    server.flowctl("error", "assign", one, "--to", "ann@example.com")
    tagged, = errors(server, "--tag", "urgent")
    assert tagged["errorId"] == one and tagged["tags"] == ["erp", "urgent"]
    assert errors(server, "--assigned-to", "ann@example.com") == [tagged]
    server.flowctl("error", "tag", one, "--remove", "erp")
    server.flowctl("error", "assign", one, "--nobody")
    tagged, = errors(server, "--tag", "urgent")
    assert tagged["tags"] == ["urgent"] and "assignedTo" not in tagged
    answer = ctl(server, "error", "resolve", one, "--by", "ann")
    assert answer == {"resolved": 1, "selected": 1}
    assert errors(server, "--resolved")[0]["resolvedBy"] == "ann"
    status, _, _ = server.flowctl("error", "resolve", one, check=False)
    assert status == 1
    assert ctl(server, "error", "resolve", "--matching", "--step", "i",
               "--flow", "f")["resolved"] == 3
    assert errors(server) == []


@pytest.mark.parametrize("auto", [True, False])
def test_a_later_success_resolves_by_trace_key(flow, upstream, auto):
    bad = [1, 2]
    upstream.on("GET", "/orders", lambda r: (200, [{"id": 1}, {"id": 2}]))
    failing(upstream, bad)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP, **(
                       {} if auto else
                       {"autoResolveMatchingTraceKeys": False}))]})
    run(server)
    bad.remove(1)
    run(server)
    left = errors(server)
    if auto:
        # the second error of 2 has resolved the first one
        assert [e["traceKey"] for e in left] == ["2"]
        resolved = errors(server, "--resolved")
        assert {e["traceKey"] for e in resolved} == {"1", "2"}
        assert {e["resolvedBy"] for e in resolved} == {"auto"}
    else:
        assert len(left) == 3


def test_skip_retries_keeps_no_record(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    failing(upstream, [1], 503)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP, skipRetries=True)]})
    run(server)
    error, = errors(server)
    assert "retryDataKey" not in error and "retryAt" not in error
    status, _, _ = server.flowctl("error", "retry", error["errorId"],
                                  check=False)
    assert status == 1


def test_an_intermittent_error_is_retried_by_itself(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    bad = [1]
    failing(upstream, bad, 503)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    run(server)
    error, = errors(server)
    assert error["classification"] == "intermittent" and error["retryAt"]
    bad.clear()
    hurry(server)
    wait_for(lambda: not errors(server), what="the automatic retry")
    resolved, = errors(server, "--resolved")
    assert resolved["autoRetries"] == 1 and resolved["resolvedBy"] == "retry"
    assert ctl(server, "job", "list")[0]["origin"] == "auto"


def hurry(server):
    with sqlite3.connect(server.state_dir / "flow.db", timeout=10) as db:
        db.execute("UPDATE job_error SET retry_at = 1 WHERE retry_at > 0")


def test_automatic_retries_come_to_an_end(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    failing(upstream, [1], 503)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    run(server)
    for n in range(1, 5):
        hurry(server)
        wait_for(lambda: errors(server)[0]["occurrences"] == n + 1,
                 what=f"retry {n}")
    error, = errors(server)
    assert error["autoRetries"] == 4 and "retryAt" not in error


def test_an_idempotency_key_is_one_per_request(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": n} for n in range(5)])
    bad = [3]
    failing(upstream, bad)
    server = flow({"exports": [export()],
                   "imports": [import_(headers=[
                       {"name": "Idempotency-Key",
                        "value": "{{idempotencyKey}}"}])],
                   "flows": [a_flow(STEP)]})
    run(server)
    keys = [r.headers["Idempotency-Key"] for r in upstream.seen("POST", "/in")]
    assert len(set(keys)) == 5 and all(len(k) == 32 for k in keys)
    bad.clear()
    answer = ctl(server, "error", "retry", "--matching")
    ended(server, answer["jobs"][0])
    # the retry is another request: the far end may have kept its refusal
    assert upstream.seen("POST", "/in")[-1].headers[
        "Idempotency-Key"] not in keys


def test_a_repeated_page_has_the_same_keys(flow, upstream):
    hold = threading.Event()
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2}])

    def answer(request):
        if request.json()["id"] == 2 and not hold.is_set():
            hold.set()
            time.sleep(2)
        return 200, {}
    upstream.on("POST", "/in", answer)
    server = flow({"exports": [export()],
                   "imports": [import_(headers=[
                       {"name": "Idempotency-Key",
                        "value": "{{idempotencyKey}}"}])],
                   "flows": [a_flow(STEP)]})
    server.allow_log("FLOW0308", "AH00052", "AH00051")
    job = server.post("/run").json()["_jobId"]
    assert hold.wait(10)
    server.kill9_child()
    ended(server, job)
    keys = {}
    for r in upstream.seen("POST", "/in"):
        keys.setdefault(r.json()["id"], []).append(
            r.headers["Idempotency-Key"])
    assert len(keys[1]) == 2 and len(set(keys[1])) == 1
    assert len(keys[2]) == 2 and len(set(keys[2])) == 1
    assert keys[1] != keys[2]


def test_records_of_equal_keys_are_never_in_flight_together(flow, upstream):
    """Two flows, one import: pages of both at the same time."""
    lock, flying, worst = threading.Lock(), {}, [0, 0]

    def answer(request):
        key = request.json()["mail"]
        with lock:
            flying[key] = flying.get(key, 0) + 1
            worst[0] = max(worst[0], flying[key])
            worst[1] = max(worst[1], sum(flying.values()))
        time.sleep(0.05)
        with lock:
            flying[key] -= 1
        return 200, {}
    upstream.on("POST", "/in", answer)
    upstream.on("GET", "/orders", lambda r: (
        200, [{"mail": m} for m in "abacab"]))
    flows = [dict(a_flow(STEP), _id=name) for name in "fgh"]
    server = flow({"exports": [export()],
                   "imports": [import_(idLockTemplate="{{record.mail}}")],
                   "flows": flows})
    for name in "gh":
        server.flowctl("--include", "docs", "check", check=False)
    jobs = [server.post("/run").json()["_jobId"] for _ in range(2)]
    with sqlite3.connect(server.state_dir / "flow.db", timeout=10) as db:
        for i, name in enumerate("gh"):
            db.execute("INSERT INTO job (id, type, flow_id, status, created,"
                       " modified) VALUES (?, 'flow', ?, 'queued', 1, 1)",
                       (f"test{i}", name))
            jobs.append(f"test{i}")
    for job in jobs:
        assert ended(server, job)["numSuccess"] == 6
    assert worst[0] == 1
    with sqlite3.connect(server.state_dir / "flow.db", timeout=10) as db:
        assert db.execute("SELECT count(*) FROM record_lock").fetchone() == (0,)


# --- jobs --------------------------------------------------------------------
def test_a_job_is_run_again(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    failing(upstream)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    first = run(server)["job"]["_id"]
    second = server.flowctl("job", "rerun", first)
    job = ended(server, second)
    assert job["origin"] == "rerun" and job["_retryOfJobId"] == first
    assert job["numSuccess"] == 1
    assert len(upstream.seen("POST", "/in")) == 2
    status, _, message = server.flowctl("job", "rerun", "nope", check=False)
    assert status == 1 and "no job" in message


def test_a_queued_job_is_canceled_and_stays_so(flow, upstream):
    hold = threading.Event()
    upstream.on("GET", "/orders", lambda r: (hold.wait(10), (
        200, [{"id": 1}]))[1])
    failing(upstream)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    running = server.post("/run").json()["_jobId"]
    wait_for(lambda: upstream.seen("GET", "/orders"), what="a running job")
    waiting = server.post("/run").json()["_jobId"]
    assert server.flowctl("job", "cancel", waiting) == "canceled"
    status, _, message = server.flowctl("job", "cancel", waiting, check=False)
    assert status == 1 and "is canceled" in message
    hold.set()
    ended(server, running)
    assert ctl(server, "job", "show", waiting)["status"] == "canceled"
    assert len(upstream.seen("GET", "/orders")) == 1


# --- the store ---------------------------------------------------------------
def test_backup_while_the_server_runs(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    failing(upstream, [1])
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    run(server)
    copy = server.root / "it's a copy.db"
    server.flowctl("store", "backup", copy)
    assert os.stat(copy).st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as db:
        assert db.execute("SELECT count(*) FROM job_error").fetchone() == (1,)
    status, _, message = server.flowctl("store", "backup", copy, check=False)
    assert status == 1 and "exists" in message
    assert ctl(server, "store", "check")["ok"] is True
    assert "up to date" in server.flowctl("store", "migrate")


@pytest.mark.parametrize("args, words", [
    (["error", "retry"], "which errors"),
    (["error", "retry", "x", "--matching"], "not both"),
    (["error", "retry", "--matching", "--data", "f"], "one id"),
    (["error", "tag", "x"], "which tag"),
    (["error", "tag", "x", "--add", "a,b"], "cannot be a tag"),
    (["error", "assign", "x"], "to whom"),
    (["error", "list", "--since", "yesterday"], "is no time"),
    (["error", "list", "--klass", "x"], "did you mean '--class'"),
    (["event", "replay"], "which events"),
    (["event", "replay", "x", "--since", "1h"], "not both"),
    (["event", "show"], "id is missing"),
    (["job", "cancel"], "id is missing"),
    (["store", "backup"], "name of the new file"),
    (["error", "lst"], "error list"),
])
def test_wrong_usage_says_what_would_be_right(httpd, args, words):
    status, out, message = httpd.flowctl(*args, check=False)
    assert status == 2 and out == "" and words in message
