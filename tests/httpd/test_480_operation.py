# SPDX-License-Identifier: Apache-2.0
"""What an operator asks: which jobs there are, why one waits, which flows; runs
by hand; and flowctl on the sections of httpd.conf."""
import json
import time

import pytest

from env import FLOWCTL, wait_for

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
  FlowSet http.auth.type token
  FlowSet http.auth.token.token env:SHOP_TOKEN
  FlowSet http.auth.token.location header
  FlowSet http.auth.token.headerName X-Api-Key
  FlowSet http.ping.relativeURI /ping
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId c
  FlowSet http.method GET
  FlowSet http.relativeURI /orders
</FlowExport>
<FlowExport hook>
  FlowSet type webhook
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<Flow orders>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
<Flow off>
  FlowSet disabled true
  FlowSet pageGenerators [{"_exportId":"e"}]
</Flow>
<Location "/hook">
  FlowWebhook hook
  FlowAuth none
</Location>
"""
LISTENS = """
<Flow events>
  FlowSet pageGenerators [{"_exportId":"hook"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
"""


@pytest.fixture
def server(httpd, upstream, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "pl4nted-s3cret")
    httpd.env["SHOP_TOKEN"] = "pl4nted-s3cret"
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2}])
    upstream.on("POST", "/in", 200, {})
    upstream.on("GET", "/ping", 200, {})

    def start(more=LISTENS):
        return httpd.start(CONF % upstream.url() + more)
    return start


def ctl(server, *args):
    return json.loads(server.flowctl("--json", *args))


def run(server, *args):
    return server.flowctl(*documents(server), "flow", "run", *args)


def documents(server):
    """Options by which flowctl knows this server's documents and store."""
    return ("--httpd", server.program, "--httpd-conf",
            server.root / "conf" / "httpd.conf")


def test_a_run_by_hand_is_waited_for_and_told(server, upstream, httpd):
    s = server()
    job = ctl(s, *documents(s), "flow", "run", "orders", "--wait")
    assert job["status"] == "completed" and job["numSuccess"] == 2
    out = s.flowctl(*documents(s), "flow", "run", "orders", "--wait",
                    "--timeout", 20).splitlines()
    assert out[1] == "completed  (2 good, 0 failed, 0 ignored)"
    assert [j["_id"] for j in ctl(s, "job", "list")] == [out[0], job["_id"]]
    # without waiting it is an id alone
    other = s.flowctl("flow", "run", "orders")
    wait_for(lambda: ctl(s, "job", "show", other)["status"] == "completed")
    # records of one's own
    s.files({"new.json": [{"id": 7}]})
    s.flowctl("flow", "run", "events", "--data", "new.json", "--wait",
              check=False)
    # a run that fails is exit status 1, with the reason
    httpd.expect_log("FLOW0304")
    upstream.on("GET", "/orders", 404, {})
    status, out, _ = s.flowctl("flow", "run", "orders", "--wait", check=False)
    assert status == 1 and "failed" in out and "404" in out


@pytest.mark.parametrize("flow, says", [
    ("order", "no flow 'order' is known; did you mean 'orders'?"),
    ("off", "flow 'off' is disabled"),
])
def test_a_run_that_could_not_be_is_refused(server, flow, says):
    s = server()
    status, _, message = s.flowctl(*documents(s), "flow", "run", flow,
                                   check=False)
    assert status == 1 and says in message
    assert ctl(s, "job", "list") == []


def test_jobs_are_filtered_and_paged(server, upstream, httpd):
    s = server()
    httpd.expect_log("FLOW0304")
    ids = [run(s, "orders", "--wait").splitlines()[0]
           for _ in range(3)]
    upstream.on("GET", "/orders", 404, {})
    status, out, _ = s.flowctl("flow", "run", "orders", "--wait", check=False)
    failed = out.splitlines()[0]
    s.post("/hook", json={"id": 5})
    wait_for(lambda: len(ctl(s, "job", "list", "--state", "completed")) == 4)

    def found(*args):
        return [j["_id"] for j in ctl(s, "job", "list", *args)]
    assert found("--state", "failed") == [failed]
    assert ctl(s, "job", "list", "--state", "failed")[0]["failure"]["code"]
    assert "404" in s.flowctl("job", "list", "--state", "failed")
    assert found("--flow", "orders") == [failed, *reversed(ids)]
    assert found("--flow", "orders", "--state", "completed", "--limit",
                 2) == [ids[2], ids[1]]
    assert found("--flow", "orders", "--state", "completed", "--limit", 2,
                 "--before", ids[1]) == [ids[0]]
    assert found("--type", "bulk_retry") == []
    assert len(found("--since", "1h")) == 5
    assert found("--until", "1h") == []
    assert found("--since", "2099-01-01T00:00Z") == []
    for args, says in (
            (("--state", "done"), "'--state done' is none of queued,"),
            (("--type", "x"), "none of flow, retry, bulk_retry"),
            (("--since", "soon"), "is no time")):
        status, _, message = s.flowctl("job", "list", *args, check=False)
        assert status == 2 and says in message, message
    # failed runs leave no records: the list of errors says where they are
    status, out, message = s.flowctl("error", "list", check=False)
    assert (status, out) == (0, "")
    assert "1 run failed as a whole" in message


@pytest.mark.parametrize("command", ["error", "job"])
def test_an_unknown_flow_is_not_an_empty_list(server, command):
    s = server()
    run(s, "orders", "--wait")
    status, out, message = s.flowctl(command, "list", "--flow", "nope",
                                     check=False)
    assert status == 1 and "no flow 'nope' is known" in message
    status, _, message = s.flowctl(command, "list", "--flow", "ordes",
                                   check=False)
    assert status == 1 and "did you mean 'orders'?" in message
    assert s.flowctl(command, "list", "--flow", "orders", "--since",
                     "2099-01-01T00:00Z") == ""
    assert s.flowctl(*documents(s), command, "list", "--flow", "events") == ""


def test_a_waiting_job_says_what_it_waits_for(server, upstream, httpd):
    gate = []

    def slow(request):
        wait_for(lambda: gate, 20, "the gate")
        return 200, [{"id": 1}]
    upstream.on("GET", "/orders", slow)
    s = server()
    ids = [run(s, "orders") for _ in range(3)]
    wait_for(lambda: ctl(s, "job", "show", ids[0])["status"] == "running")

    def waits(ident, *more):
        return {w["code"]: w for w in
                ctl(s, *more, "job", "show", ident).get("waitsFor", [])}
    assert waits(ids[0]) == {}
    assert waits(ids[1])["flow_busy"]["_jobId"] == ids[0]
    assert waits(ids[2])["behind_others"]["jobs"] == 1
    assert "waitsFor" in s.flowctl("job", "show", ids[2])
    gate.append(1)
    wait_for(lambda: ctl(s, "job", "show", ids[2])["status"] == "completed")
    assert waits(ids[2]) == {}
    s.stop()
    ident = s.flowctl("flow", "run", "orders")
    assert "no server has claimed it" in waits(ident)["unclaimed"]["message"]
    off = s.flowctl("flow", "run", "off", check=False)
    assert off[0] == 1


def test_a_job_that_is_held_names_the_connection(server, upstream, httpd):
    s = server("FlowHttpTimeout 5 2\n" + LISTENS)
    httpd.allow_log(r"FLOW\d+")
    upstream.on("GET", "/orders", 401, {})
    upstream.on("GET", "/ping", 401, {})
    ident = run(s, "orders")
    wait_for(lambda: ctl(s, "connection", "list"), 20, "the outage")
    wait_for(lambda: ctl(s, "job", "show", ident)["status"] == "queued")
    codes = [w["code"] for w in ctl(s, "job", "show", ident)["waitsFor"]]
    assert "connections_offline" in codes
    codes = [w["code"] for w in ctl(s, *documents(s), "job", "show",
                                    ident)["waitsFor"]]
    assert "connection_offline" in codes
    upstream.on("GET", "/orders", 200, [])
    upstream.on("GET", "/ping", 200, {})
    wait_for(lambda: ctl(s, "job", "show", ident)["status"] == "completed", 30,
             "its end")


def test_flows_are_listed_with_what_they_do(server, upstream):
    s = server()
    upstream.on("POST", "/in", 422, {})
    run(s, "orders", "--wait")
    row, = ctl(s, "flow", "list")
    assert (row["_id"], row["openErrors"], row["queued"]) == ("orders", 2, 0)
    assert row["lastJob"]["status"] == "completed"
    rows = {r["_id"]: r for r in ctl(s, *documents(s), "flow", "list")}
    assert set(rows) == {"events", "off", "orders"}
    assert rows["off"]["disabled"] and not rows["orders"]["disabled"]
    assert "off (disabled)" in s.flowctl(*documents(s), "flow", "list")


def test_resolved_errors_are_counted_with_their_job(server, upstream):
    s = server()
    upstream.on("POST", "/in", 422, {})
    job = ctl(s, *documents(s), "flow", "run", "orders", "--wait")
    assert (job["numError"], job["numResolved"]) == (2, 0)
    first = ctl(s, "error", "list")[0]["errorId"]
    assert s.flowctl("error", "resolve", first) == "1 of 1 error resolved"
    assert ctl(s, "job", "show", job["_id"])["numResolved"] == 1
    assert s.flowctl("error", "resolve", "--matching", "--code",
                     "422") == "1 of 1 error resolved"
    assert ctl(s, "job", "list")[0]["numResolved"] == 2
    assert len(ctl(s, "error", "list", "--resolved", "--code", "422")) == 2
    assert ctl(s, "error", "list", "--resolved", "--code", "422", "--flow",
               "orders", "--since", "1h") != []


def test_events_show_their_ids_and_duplicates(server, upstream):
    s = server()
    for n in (1, 1, 1, 2):
        s.post("/hook", json={"id": n}, headers={"webhook-id": f"ev-{n}"})
    s.post("/hook", json={"id": 3})
    third, second, first = ctl(s, "event", "list")
    assert "eventId" not in third
    assert (second["eventId"], second["duplicates"]) == ("ev-2", 0)
    assert (first["eventId"], first["duplicates"]) == ("ev-1", 2)
    assert "ev-1  (2 duplicates)" in s.flowctl("event", "list")
    assert ctl(s, "event", "show", first["_id"])["duplicates"] == 2
    assert s.flowctl("event", "replay",
                     second["_id"]) == "1 event, 1 job queued"


def test_a_webhook_that_nobody_listens_to_is_said_at_the_start(server, httpd):
    httpd.expect_log("FLOW0460.*'hook'")
    server("")
    status, said = httpd.check()
    assert status == 0 and "FLOW0460" in said and "Syntax OK" in said


def test_flowctl_reads_the_sections_of_httpd_conf(server, upstream, httpd):
    s = server()
    status, out, message = s.flowctl(*documents(s), "check", check=False)
    assert (status, out) == (0, ""), message
    assert "7 documents, no mistakes" in message
    assert s.flowctl(*documents(s), "ping", "c")
    seen = upstream.seen("GET", "/ping")[-1]
    assert seen.headers["X-Api-Key"] == "pl4nted-s3cret"
    shown = ctl(s, *documents(s), "preview", "e")
    assert shown["data"] == [{"id": 1}, {"id": 2}]
    # what httpd would refuse, it refuses here, too, and says where
    s.conf(CONF.replace("http.relativeURI /in", "http.relativeURL /in")
           % upstream.url())
    status, _, message = s.flowctl(*documents(s), "check", check=False)
    assert status == 1
    assert "relativeURL" in message and "does not take" in message


def test_the_dump_has_no_resolved_secret_and_the_store(server, httpd):
    import subprocess
    s = server()
    done = subprocess.run(s._command("-t", "-D", "FLOW_DUMP"), text=True,
                          env=s._environment(), check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line, = [x for x in done.stdout.splitlines() if x.startswith("FLOW_DUMP ")]
    dump = json.loads(line[len("FLOW_DUMP "):])
    assert dump["driver"] == "sqlite3"
    assert dump["params"] == str(s.state_dir / "flow.db")
    assert "env:SHOP_TOKEN" in line and "pl4nted-s3cret" not in line
    assert len(dump["documents"]) == 7
    # without -D nothing is told
    assert "FLOW_DUMP" not in httpd.check()[1]


def test_the_configuration_tells_where_the_store_and_its_key_are(server):
    import subprocess
    s = server()
    program = s.program.rsplit("/", 1)
    done = subprocess.run(
        [str(FLOWCTL), "--httpd", program[-1], *documents(s)[2:], "ping", "c"],
        env={**s._environment(), "PATH": "/nowhere:" + program[0]}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert "are not used" not in done.stderr
    assert (s.state_dir / "flow.key").exists()


@pytest.mark.parametrize("options, says", [
    (("--httpd", "no-such-httpd", "--httpd-conf", "x"), "cannot start"),
    (("--httpd", "/bin/true"), "goes with --httpd-conf"),
    (("--httpd", "/no/such/httpd", "--httpd-conf", "x"), "cannot start"),
    (("--httpd", "/bin/true", "--httpd-conf", "x"), "no mod_flow was there"),
    (("--httpd", "/bin/false", "--httpd-conf", "x"), "does not take"),
])
def test_a_program_that_is_no_httpd_is_named(server, options, says):
    s = server()
    status, _, message = s.flowctl(*options, "flow", "list", check=False)
    assert status in (1, 2) and says in message
