# SPDX-License-Identifier: Apache-2.0
"""Flows that start by themselves: schedules, flows after flows, routers."""
import datetime
import json
import random
import sqlite3
import time

import pytest

from env import wait_for

CONNECTION = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId c
  FlowSet http.method GET
  FlowSet http.relativeURI /orders
</FlowExport>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
"""

FLOW = """
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet schedule ? 0 3 * * *
  FlowSet timezone Europe/Brussels
</Flow>
"""

KILLED = ("AH00052", "AH10392", "AH00045", "AH00046", "AH00047", r"FLOW03\d\d")


@pytest.fixture
def start(httpd, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    httpd.directives[0] = "StartServers 4"

    def begin(conf=FLOW):
        return httpd.start(CONNECTION % upstream.url() + conf)
    return begin


def rows(server):
    return json.loads(server.flowctl("--json", "schedule", "list"))


def when(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def set_next(server, at):
    """The server must not run: its children remember when they look again."""
    with sqlite3.connect(server.state_dir / "flow.db") as db:
        db.execute("UPDATE schedule SET next_at = ?", (int(at * 1e6),))
    db.close()


def jobs(server, flow="f"):
    return [j for j in json.loads(server.flowctl("--json", "job", "list",
                                                 "--limit", 1000))
            if j["_flowId"] == flow]


def row_there(server, n=1):
    wait_for(lambda: len(rows(server)) == n, what=f"{n} schedules")


def test_a_schedule_is_known_and_tells_its_next_tick(start):
    server = start()
    row_there(server)
    row = rows(server)[0]
    assert row["_flowId"] == "f" and "_exportId" not in row
    next_at = when(row["nextAt"])
    local = json.loads(server.flowctl(
        "--json", "schedule", "next", "--count", 1, "--timezone",
        "Europe/Brussels", "? 0 3 * * *"))[0]
    assert when(local["at"]) == next_at
    assert time.time() < next_at <= time.time() + 86400 + 3600


def test_one_run_for_a_tick_of_four_children(start, upstream):
    server = start()
    row_there(server)
    server.stop()
    due = time.time() + 3
    set_next(server, due)
    start()
    assert len(server.children()) == 4
    wait_for(lambda: upstream.seen("GET", "/orders"), what="the run")
    assert due - 0.1 < time.time() < due + 3
    time.sleep(2.5)
    assert len(upstream.seen("GET", "/orders")) == 1
    assert len(jobs(server)) == 1
    row = rows(server)[0]
    assert when(row["nextAt"]) > due and abs(when(row["lastAt"]) - due) < 1
    assert row["_lastJobId"] == jobs(server)[0]["_id"]


@pytest.mark.parametrize("policy,runs", [("none", 0), ("one", 1), ("all", 6)])
def test_missed_ticks(start, upstream, policy, runs):
    conf = FLOW.replace("? 0 3 * * *", "? 0 * * * *").replace(
        "FlowSet timezone", f"FlowSet scheduleCatchUp {policy}\n"
        "  FlowSet timezone")
    server = start(conf)
    row_there(server)
    server.stop()
    if time.time() % 3600 < 65 or time.time() % 3600 > 3590:
        pytest.skip("a tick is due just now")
    # the first missed one six full hours ago, the last within this hour
    set_next(server, time.time() // 3600 * 3600 - 5 * 3600)
    server.allow_log("FLOW0381", "FLOW0382")
    start(conf)
    wait_for(lambda: when(rows(server)[0]["nextAt"]) > time.time(),
             what="the tick")
    wait_for(lambda: len(upstream.seen("GET", "/orders")) >= runs, 20,
             f"{runs} runs")
    time.sleep(1.5)
    assert len(upstream.seen("GET", "/orders")) == runs
    assert len(jobs(server)) == runs


@pytest.mark.limit(300)
def test_kill_9_around_the_tick_neither_loses_nor_doubles_it(start, upstream):
    server = start()
    server.allow_log(*KILLED)
    row_there(server)
    server.stop()
    for n in range(12):
        set_next(server, time.time() + 1.2)
        server.start()
        time.sleep(1.2 - 0.35 + random.random() * 0.7)
        server.kill9_all()
        server.start()
        wait_for(lambda: len(jobs(server)) == n + 1 and all(
            j["status"] == "completed" for j in jobs(server)), 20,
            f"run {n + 1}")
        server.stop()
    assert len(jobs(server)) == 12


def test_a_changed_schedule_begins_anew_without_a_burst(start, httpd, upstream):
    server = start()
    row_there(server)
    before = rows(server)[0]
    server.graceful()
    time.sleep(1.5)
    assert rows(server)[0]["nextAt"] == before["nextAt"]
    # the old one would be due: the new one is not
    changed = FLOW.replace("0 3 * * *", "0 0 1 1 *")
    server.conf(CONNECTION % upstream.url() + changed)
    server.graceful()
    wait_for(lambda: "0 0 1 1" in rows(server)[0]["schedule"],
             what="the new definition")
    assert rows(server)[0]["nextAt"][5:16] == "12-31T23:00"
    time.sleep(1)
    assert not jobs(server)
    # disabled: gone, and back without what it missed
    server.conf(CONNECTION % upstream.url()
                + changed.replace("</Flow>", "  FlowSet disabled true\n</Flow>"))
    server.graceful()
    row_there(server, 0)
    server.conf(CONNECTION % upstream.url() + changed)
    server.graceful()
    row_there(server)
    # the flow is gone
    server.conf((CONNECTION % upstream.url()).replace("flow:f", "export:e"))
    server.graceful()
    row_there(server, 0)
    assert not jobs(server)


def test_ticks_do_not_pile_up(start, httpd, upstream):
    httpd.directives.append("FlowWorkers 0")
    conf = FLOW.replace("? 0 3 * * *", "? 0 * * * *")
    server = start(conf)
    row_there(server)
    for n in range(3):
        server.stop()
        set_next(server, time.time() - 1)
        start(conf)
        wait_for(lambda: when(rows(server)[0]["nextAt"]) > time.time(),
                 what="the tick")
        assert len(jobs(server)) == 1
        assert rows(server)[0]["merged"] == n
    assert jobs(server)[0]["status"] == "queued"


@pytest.mark.limit(180)
def test_it_ticks_by_the_clock(start, upstream):
    server = start(FLOW.replace("? 0 3 * * *", "? * * * * *"))
    wait_for(lambda: upstream.seen("GET", "/orders"), 65, "the full minute")
    assert time.time() % 60 < 5
    row = rows(server)[0]
    assert when(row["lastAt"]) % 60 == 0 and when(row["nextAt"]) % 60 == 0


def test_a_generator_has_a_schedule_of_its_own(start, upstream):
    upstream.on("GET", "/stock", 200, [])
    conf = """
<FlowExport s>
  FlowSet _connectionId c
  FlowSet http.method GET
  FlowSet http.relativeURI /stock
</FlowExport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"},{"_exportId":"s","schedule":"0 4 * * *"}]
  FlowSet schedule 0 3 * * *
</Flow>
"""
    server = start(conf)
    row_there(server, 2)
    server.stop()
    with sqlite3.connect(server.state_dir / "flow.db") as db:
        db.execute("UPDATE schedule SET next_at = ? WHERE name = 's'",
                   (int((time.time() - 1) * 1e6),))
    db.close()
    start(conf)
    wait_for(lambda: upstream.seen("GET", "/stock"), what="the run")
    time.sleep(0.5)
    assert not upstream.seen("GET", "/orders")


def test_flows_after_a_flow(start, upstream):
    upstream.on("POST", "/second", 200, {})
    upstream.on("POST", "/third", 200, {})
    conf = """
<FlowImport second>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /second
</FlowImport>
<FlowImport third>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /third
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet _runNextFlowIds g
</Flow>
<Flow g>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"_importId":"second"}]
  FlowSet _runNextExportIds [{"_flowId":"h","_exportId":"e"}]
</Flow>
<Flow h>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"_importId":"third"}]
</Flow>
"""
    server = start(conf)
    for n in range(1, 4):
        assert server.post("/run?wait=20").status_code == 200
        wait_for(lambda: len(upstream.seen("POST", "/third")) >= n,
                 what="the third flow")
    time.sleep(0.5)
    for flow in "fgh":
        wait_for(lambda: [j["status"] for j in jobs(server, flow)]
                 == ["completed"] * 3, what=f"three jobs of {flow}")


def test_a_failed_run_has_no_next_flow(start, upstream):
    upstream.on("GET", "/orders", 404, "")
    server = start("""
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet _runNextFlowIds g
</Flow>
<Flow g>
  FlowSet pageGenerators [{"_exportId":"e"}]
</Flow>
""")
    server.allow_log("FLOW0304")
    server.post("/run?wait=20")
    wait_for(lambda: [j["status"] for j in jobs(server)] == ["failed"],
             what="the failure")
    time.sleep(0.5)
    assert not jobs(server, "g")


@pytest.mark.limit(300)
def test_kill_9_while_chained_flows_run(start, upstream):
    server = start("""
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet _runNextFlowIds g
</Flow>
<Flow g>
  FlowSet pageGenerators [{"_exportId":"e"}]
</Flow>
""")
    server.allow_log(*KILLED)
    for n in range(40):
        server.post("/run")
        if n % 4 == 3:
            server.kill9_child()
    wait_for(lambda: len(jobs(server, "g")) >= 40
             and all(j["status"] == "completed" for f in "fg"
                     for j in jobs(server, f)), 60, "all runs")
    assert len(jobs(server, "f")) == 40 and len(jobs(server, "g")) == 40


def test_records_are_routed(start, upstream):
    for path in ("/big", "/small", "/log"):
        upstream.on("POST", path, 200, {})
    upstream.on("GET", "/orders", 200, [{"id": n, "total": n * 10}
                                        for n in range(1, 5)])
    imports = "".join(f"""
<FlowImport {name}>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /{name}
</FlowImport>
""" for name in ("big", "small", "log"))
    routers = [
        {"id": "size", "branches": [
            {"name": "big", "inputFilter": {"type": "expression", "expression": {
                "version": "1", "rules": ["greaterthan", ["number",
                                          ["extract", "total"]], 25]}},
             "pageProcessors": [{"type": "import", "_importId": "big"}],
             "nextRouterId": "end"},
            {"name": "small", "pageProcessors": [
                {"type": "import", "_importId": "small"}],
             "nextRouterId": "end"}]},
        {"id": "end", "branches": [{"pageProcessors": [
            {"type": "import", "_importId": "log"}]}]}]
    server = start(imports + f"""
<Flow f>
  FlowSet pageGenerators [{{"_exportId":"e"}}]
  FlowSet routers {json.dumps(routers)}
</Flow>
""")
    got = server.post("/run?wait=20").json()
    assert len(got["data"]) == 4, got

    def ids(path):
        return [r.json()["id"] for r in upstream.seen("POST", path)]
    assert sorted(ids("/big")) == [3, 4] and sorted(ids("/small")) == [1, 2]
    assert sorted(ids("/log")) == [1, 2, 3, 4]


def test_a_mistake_stops_configtest_with_its_position(httpd, upstream):
    status, out = httpd.check(CONNECTION % upstream.url() + FLOW.replace(
        "? 0 3 * * *", "? 0 25 * * *"))
    assert status != 0
    assert "'25' at position 5 of '? 0 25 * * *'; hour is 0 to 23" in out


ONCE = """
<FlowExport o>
  FlowSet _connectionId c
  FlowSet type once
  FlowSet pageSize 2
  FlowSet http.method GET
  FlowSet http.relativeURI /todo
  FlowSet http.once.method PUT
  FlowSet http.once.relativeURI /todo/{{record.id}}
  FlowSet http.once.body {"done":true,"was":"{{record.name}}"}
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"o"}]
  FlowSet pageProcessors [{"_importId":"i"}]
</Flow>
"""


def test_records_of_type_once_are_marked_after_they_are_through(start, upstream):
    todo = {n: {"id": n, "name": f"n{n}"} for n in range(1, 6)}
    order = []

    def mark(n):
        def answer(request):
            order.append(("mark", n))
            assert request.json() == {"done": True, "was": f"n{n}"}
            todo.pop(n, None)
            return 200, {}
        return answer

    def take(request):
        order.append(("in", request.json()["id"]))
        return 200, {}
    upstream.on("GET", "/todo", lambda request: (200, list(todo.values())))
    upstream.on("POST", "/in", take)
    for n in range(1, 6):
        upstream.on("PUT", f"/todo/{n}", mark(n))
    server = start(ONCE)
    got = server.post("/run?wait=20").json()
    assert got["job"]["status"] == "completed", got
    assert not todo
    for n in range(1, 6):
        assert order.index(("in", n)) < order.index(("mark", n))
    assert server.post("/run?wait=20").json()["job"]["numExport"] == 0


def test_generators_in_parallel(start, upstream):
    waiting, most = [0], [0]

    def slow(request):
        waiting[0] += 1
        most[0] = max(most[0], waiting[0])
        time.sleep(0.7)
        waiting[0] -= 1
        return 200, [{"id": 1}]
    exports, generators = "", []
    for n in range(4):
        upstream.on("GET", f"/g{n}", slow)
        generators.append({"_exportId": f"g{n}"})
        exports += f"""
<FlowExport g{n}>
  FlowSet _connectionId c
  FlowSet http.method GET
  FlowSet http.relativeURI /g{n}
</FlowExport>
"""
    server = start(exports + f"""
<Flow f>
  FlowSet pageGenerators {json.dumps(generators)}
  FlowSet runPageGeneratorsInParallel true
</Flow>
""")
    begun = time.monotonic()
    got = server.post("/run?wait=20").json()
    assert got["job"]["status"] == "completed", got
    assert got["job"]["numExport"] == 4 and len(got["data"]) == 4
    assert most[0] > 1 and time.monotonic() - begun < 2.5


def test_delta_is_kept_behind_another_flow(start, upstream):
    upstream.on("GET", "/changes", 200, [])
    server = start("""
<FlowExport d>
  FlowSet _connectionId c
  FlowSet type delta
  FlowSet delta.dateFormat M/D/YYYY
  FlowSet http.method GET
  FlowSet http.relativeURI /changes?since={{lastExportDateTime}}
</FlowExport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"d","_keepDeltaBehindFlowId":"g"}]
</Flow>
<Flow g>
  FlowSet pageGenerators [{"_exportId":"d"}]
</Flow>
<Location "/other">
  FlowAPI flow:g
  FlowAuth none
</Location>
""")

    def since():
        return [r.query["since"][0] for r in upstream.seen("GET", "/changes")]
    server.post("/run?wait=20")
    server.post("/run?wait=20")
    assert since() == ["", ""]  # the other one has no mark yet
    server.post("/other?wait=20")
    server.post("/run?wait=20")
    server.post("/run?wait=20")
    today = datetime.datetime.utcnow()
    assert since()[-1] == f"{today.month}/{today.day}/{today.year}"
