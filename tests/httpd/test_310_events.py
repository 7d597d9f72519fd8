# SPDX-License-Identifier: Apache-2.0
"""Events of webhooks: once only, without secrets, and once more on request."""
import json
import sqlite3
import threading

import pytest

from env import wait_for

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<FlowImport to-erp>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<FlowExport hook>
  FlowSet type webhook
%s
</FlowExport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"hook"}]
  FlowSet pageProcessors [{"type":"import","_importId":"to-erp"}]
</Flow>
<Location "/hook">
  FlowWebhook hook
%s
</Location>
"""


@pytest.fixture
def hook(httpd, upstream):
    upstream.on("POST", "/in", 200, {"id": 1})

    def start(fields=(), location="FlowAuth none", server=httpd):
        lines = "\n".join("  FlowSet " + line for line in fields)
        return server.start(CONF % (upstream.url(), lines, location))
    return start


def ctl(server, *args):
    return json.loads(server.flowctl("--json", *args))


def moved(upstream, n):
    wait_for(lambda: len(upstream.seen("POST", "/in")) >= n,
             what=f"{n} records at the far end")
    return [r.json() for r in upstream.seen("POST", "/in")]


def rows(server, sql):
    with sqlite3.connect(server.state_dir / "flow.db", timeout=10) as db:
        return db.execute(sql).fetchall()


@pytest.mark.parametrize("header", [
    "webhook-id", "svix-id", "X-Shopify-Webhook-Id", "X-GitHub-Delivery",
    "Idempotency-Key"])
def test_the_second_delivery_is_answered_like_the_first(hook, upstream, header):
    server = hook(["webhook.successStatusCode 202",
                   'webhook.successBody {"ok":{{n}}}'])
    first = server.post("/hook", json={"n": 1}, headers={header: "ev-1"})
    again = server.post("/hook", json={"n": 1}, headers={header: "ev-1"})
    other = server.post("/hook", json={"n": 2}, headers={header: "ev-2"})
    assert (first.status_code, first.text) == (202, '{"ok":1}')
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert again.headers.get("Content-Type") == first.headers["Content-Type"]
    assert other.status_code == 202
    assert sorted(r["n"] for r in moved(upstream, 2)) == [1, 2]
    assert len(ctl(server, "event", "list")) == 2
    assert rows(server, "SELECT count(*) FROM job") == [(2,)]


def test_both_deliveries_name_the_same_event(hook, httpd):
    httpd.directives.append('LogFormat "%{flow-event}n" events')
    httpd.directives.append(f'CustomLog "{httpd.root}/logs/events" events')
    server = hook()
    for _ in range(2):
        server.post("/hook", json={}, headers={"webhook-id": "a"})
    ids = wait_for(lambda: (lambda t: t if len(t) == 2 else None)(
        (httpd.root / "logs/events").read_text().split()), what="two lines")
    assert ids[0] == ids[1] == ctl(server, "event", "list")[0]["_id"]


def test_a_template_says_what_an_event_is(hook, upstream):
    server = hook(["webhook.eventId {{type}}-{{data.id}}"])
    for n in (1, 1, 2):
        got = server.post("/hook", json={"type": "t", "data": {"id": n}},
                          headers={"webhook-id": f"not-asked-{n}"})
        assert got.status_code == 204
    assert len(ctl(server, "event", "list")) == 2


def test_a_window_that_is_over_and_one_that_is_switched_off(hook, upstream):
    server = hook(["webhook.eventIdWindow 3600"])
    send = {"json": {}, "headers": {"webhook-id": "a"}}
    server.post("/hook", **send)
    server.post("/hook", **send)
    assert len(ctl(server, "event", "list")) == 1
    with sqlite3.connect(server.state_dir / "flow.db", timeout=10) as db:
        db.execute("UPDATE event_key SET until = 1")
    server.post("/hook", **send)
    server.post("/hook", **send)
    assert len(ctl(server, "event", "list")) == 2


def test_without_a_window_each_delivery_counts(hook):
    server = hook(["webhook.eventIdWindow 0"])
    for _ in range(2):
        server.post("/hook", json={}, headers={"webhook-id": "a"})
    assert len(ctl(server, "event", "list")) == 2


def test_equal_events_at_the_same_instant_are_stored_once(new_httpd, hook,
                                                          upstream):
    """Several children: what one of them has not committed yet, another one
    must not take for new."""
    server = new_httpd()
    server.directives += ["StartServers 4", "MinSpareThreads 64",
                          "ThreadsPerChild 16"]
    server = hook(server=server)
    wait_for(lambda: len(server.children()) >= 2, what="several children")
    codes, rounds, senders = [], 20, 8

    def send(n, gate):
        gate.wait()
        codes.append(server.post("/hook", json={"n": n}, headers={
            "webhook-id": f"e{n}"}).status_code)
    for n in range(rounds):
        gate = threading.Barrier(senders)
        threads = [threading.Thread(target=send, args=(n, gate))
                   for _ in range(senders)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert codes == [204] * rounds * senders
    assert rows(server, "SELECT count(*) FROM event") == [(rounds,)]
    assert rows(server, "SELECT count(*) FROM job") == [(rounds,)]
    assert sorted(r["n"] for r in moved(upstream, rounds)) == list(
        range(rounds))


# --- replay ------------------------------------------------------------------
def test_replay_of_one_of_a_range_and_since_a_time(hook, upstream):
    server = hook()
    for n in range(3):
        server.post("/hook", json={"n": n}, headers={"webhook-id": f"e{n}"})
    moved(upstream, 3)
    events = ctl(server, "event", "list")
    assert [e["_exportId"] for e in events] == ["hook"] * 3
    oldest = ctl(server, "event", "show", events[-1]["_id"])
    assert oldest["request"]["body"] == '{"n": 0}'
    assert [j["_flowId"] for j in oldest["jobs"]] == ["f"]

    assert ctl(server, "event", "replay", oldest["_id"]) == {
        "events": 1, "jobs": 1, "withoutFlow": 0}
    assert moved(upstream, 4)[3] == {"n": 0}
    job = ctl(server, "job", "list")[0]
    assert job["origin"] == "replay" and job["_eventId"] == oldest["_id"]

    answer = ctl(server, "event", "replay", "--since", "1h", "--export", "hook")
    assert answer["events"] == 3
    assert [r["n"] for r in moved(upstream, 7)][4:] == [0, 1, 2]
    # nothing was received again
    assert len(ctl(server, "event", "list")) == 3
    assert ctl(server, "event", "replay", "--since", "2h", "--until",
               "1h")["events"] == 0
    status, _, message = server.flowctl("event", "replay", "nope", check=False)
    assert status == 1 and "no event" in message


# --- secrets -----------------------------------------------------------------
@pytest.mark.parametrize("fields, path, kwargs", [
    (["webhook.verify token", "webhook.token pl4nted",
      "webhook.tokenLocation header", "webhook.tokenHeaderName X-Tok",
      "webhook.tokenHeaderScheme none"],
     "/hook", {"headers": {"X-Tok": "pl4nted"}}),
    (["webhook.verify token", "webhook.token pl4nted",
      "webhook.tokenLocation queryParam", "webhook.tokenQueryParamName the key"],
     "/hook?a=1&the%20key=pl4nted&b=2", {}),
    (["webhook.verify secret_url", "webhook.token pl4nted"],
     "/hook/pl4nted/data", {}),
    (["webhook.verify secret_url", "webhook.token pl4nted"],
     "/hook/%70l4nted", {}),
    (["webhook.verify basic", "webhook.username u",
      "webhook.password pl4nted"], "/hook", {"auth": ("u", "pl4nted")}),
])
def test_what_proves_the_sender_is_not_stored(hook, upstream, fields, path,
                                              kwargs):
    server = hook(fields, "")
    assert server.post(path, json={"n": 1}, **kwargs).status_code == 204
    moved(upstream, 1)
    event = ctl(server, "event", "show",
                ctl(server, "event", "list")[0]["_id"])
    text = json.dumps(event)
    assert "l4nted" not in text and "cGw0bnRlZA" not in text
    if "a=1" in path:
        assert event["request"]["query"] == "a=1&the%20key=******&b=2"
    stored = b"".join(p.read_bytes() for p in server.state_dir.iterdir())
    assert b"l4nted" not in stored


@pytest.mark.parametrize("fields, challenge", [
    (["webhook.verify basic", "webhook.username u", "webhook.password p"],
     'Basic realm="hook"'),
    (["webhook.verify token", "webhook.token T",
      "webhook.tokenLocation header",
      "webhook.tokenHeaderName Authorization"], 'Bearer realm="hook"'),
    (["webhook.verify secret_url", "webhook.token T"], 'Webhook realm="hook"'),
])
def test_401_says_what_is_wanted(hook, fields, challenge):
    server = hook(fields, "")
    got = server.post("/hook", json={})
    assert got.status_code == 401
    assert got.headers["WWW-Authenticate"] == challenge
