# SPDX-License-Identifier: Apache-2.0
"""Webhooks: verified on the raw body, answered after the commit."""
import base64
import hashlib
import hmac
import json
import re
import time

import pytest

from env import wait_for

FLOW = """
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
%s
</Flow>
<Location "/hook">
  FlowWebhook hook
%s
</Location>
"""


@pytest.fixture
def hook(httpd, upstream):
    """A function: a listener with these FlowSet lines, in front of upstream."""
    upstream.on("POST", "/in", 200, {"id": 1})

    def start(fields, location="", flow=""):
        lines = "\n".join("  FlowSet " + line for line in fields)
        return httpd.start(FLOW % (upstream.url(), lines, flow, location))
    return start


def moved(upstream, n=1):
    """The first n records that reached the far end."""
    wait_for(lambda: len(upstream.seen("POST", "/in")) >= n,
             what=f"{n} records at the far end")
    return [r.json() for r in upstream.seen("POST", "/in")]


def test_204_and_the_flow_runs(hook, upstream):
    server = hook(["webhook.verify secret_url", "webhook.token s3cr3t"])
    raw = '{"id":9007199254740993,"price":19.90}'
    got = server.post("/hook/s3cr3t", data=raw,
                      headers={"Content-Type": "application/json"})
    assert got.status_code == 204 and got.content == b""
    assert "Content-Type" not in got.headers
    moved(upstream)
    assert upstream.seen("POST", "/in")[0].body.decode() == raw


def signature(body, key="k", alg="sha256", encoding="hex"):
    mac = hmac.new(key.encode(), body, alg)
    return (mac.hexdigest() if encoding == "hex"
            else base64.b64encode(mac.digest()).decode())


@pytest.mark.parametrize("alg", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_hmac(hook, upstream, alg, encoding):
    server = hook(["webhook.verify hmac", "webhook.key k",
                   f"webhook.algorithm {alg}", f"webhook.encoding {encoding}",
                   "webhook.header X-Sig"])
    # Not JSON as we would write it: the raw bytes are what is signed.
    body = b'{ "a" : "\\u00e9" }'
    good = signature(body, "k", alg, encoding)

    def send(value, data=body):
        headers = {"Content-Type": "application/json"}
        if value is not None:
            headers["x-sig"] = value
        return server.post("/hook", data=data, headers=headers).status_code

    assert send(good) == 204
    assert send(f"{alg}={good}") == 204
    assert send(good, body + b" ") == 401
    assert send(signature(body, "other", alg, encoding)) == 401
    assert send(None) == 401
    assert send("") == 401
    assert send(good[:-1]) == 401
    assert len(moved(upstream, 2)) == 2


def test_basic(hook):
    server = hook(["webhook.verify basic", "webhook.username u",
                   "webhook.password p"])
    assert server.post("/hook", json={}, auth=("u", "p")).status_code == 204
    assert server.post("/hook", json={}, auth=("u", "q")).status_code == 401
    got = server.post("/hook", json={})
    assert got.status_code == 401 and got.json() == {"message": "Unauthorized"}


@pytest.mark.parametrize("fields, good, bad", [
    (["webhook.tokenLocation header", "webhook.tokenHeaderName X-Tok",
      "webhook.tokenHeaderScheme none"],
     {"headers": {"X-Tok": "T"}, "json": {}},
     {"headers": {"X-Tok": "t"}, "json": {}}),
    (["webhook.tokenLocation header", "webhook.tokenHeaderName Authorization"],
     {"headers": {"Authorization": "Bearer T"}, "json": {}},
     {"headers": {"Authorization": "T"}, "json": {}}),
    (["webhook.tokenLocation queryParam", "webhook.tokenQueryParamName k"],
     {"params": {"k": "T"}, "json": {}},
     {"params": {"k": "T "}, "json": {}}),
    (["webhook.tokenLocation body", "webhook.path meta.token"],
     {"json": {"meta": {"token": "T"}}},
     {"json": {"token": "T"}}),
])
def test_token(hook, fields, good, bad):
    server = hook(["webhook.verify token", "webhook.token T"] + fields)
    assert server.post("/hook", **good).status_code == 204
    assert server.post("/hook", **bad).status_code == 401


def test_records_at_a_path_keep_what_surrounds_them(hook, upstream):
    server = hook(["webhook.verify secret_url", "webhook.token t",
                   "webhook.pathToRecords data.items",
                   "webhook.includeParentData true"])
    got = server.post("/hook/t", json={"shop": 7,
                                       "data": {"items": [{"a": 1}, {"a": 2}]}})
    assert got.status_code == 204
    records = moved(upstream, 2)
    assert [r["a"] for r in records] == [1, 2]
    assert all(r["shop"] == 7 for r in records)


def test_an_array_is_one_record_per_element(hook, upstream):
    server = hook(["webhook.verify secret_url", "webhook.token t"])
    assert server.post("/hook/t", json=[{"a": 1}, {"a": 2}]).status_code == 204
    assert moved(upstream, 2) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("content_type, body, record", [
    ("application/xml", b"<o><id>7</id></o>", {"o": {"id": ["7"]}}),
    ("application/x-www-form-urlencoded", b"a=1&b=2", {"a": "1", "b": "2"}),
])
def test_other_payloads(hook, upstream, content_type, body, record):
    server = hook(["webhook.verify secret_url", "webhook.token t"])
    got = server.post("/hook/t", data=body,
                      headers={"Content-Type": content_type})
    assert got.status_code == 204
    assert moved(upstream) == [record]


def test_what_does_not_parse_is_refused(hook):
    server = hook(["webhook.verify secret_url", "webhook.token t"])
    got = server.post("/hook/t", data="{", headers={
        "Content-Type": "application/json"})
    assert got.status_code == 400
    assert got.json()["errors"][0]["code"] == "invalid_json"


def test_the_answer_can_be_configured(hook):
    server = hook(["webhook.verify secret_url", "webhook.token t",
                   "webhook.successStatusCode 202",
                   'webhook.successBody {"ok":true}',
                   "webhook.successMediaType json",
                   'webhook.successResponseHeaders [{"name":"X-A","value":"b"}]'])
    got = server.post("/hook/t", json={})
    assert got.status_code == 202 and got.json() == {"ok": True}
    assert got.headers["X-A"] == "b"
    assert got.headers["Content-Type"].startswith("application/json")


def test_a_challenge_is_answered_and_makes_no_record(hook, upstream):
    server = hook(["webhook.verify token", "webhook.token T",
                   "webhook.tokenLocation queryParam",
                   "webhook.tokenQueryParamName k",
                   "webhook.challengeSuccessBody {{hub.challenge}}",
                   "webhook.challengeSuccessMediaType plaintext"])
    got = server.get("/hook?k=T&hub.challenge=abc123")
    assert got.status_code == 200 and got.text == "abc123"
    assert not upstream.seen("POST", "/in")


def test_methods(hook):
    server = hook(["webhook.verify secret_url", "webhook.token t"])
    assert server.call("PUT", "/hook/t", json={}).status_code == 204
    assert server.call("PO", "/hook/t", json={}).status_code == 405
    got = server.get("/hook/t")
    assert got.status_code == 405 and "POST" in got.headers["Allow"]


def test_without_verify_or_authentication_it_is_refused(hook):
    server = hook([])
    assert server.post("/hook", json={}).status_code == 401
    server.expect_log("FLOW0202")


def test_deliberately_open(hook, upstream):
    server = hook([], "  FlowAuth none")
    assert server.post("/hook", json={"a": 1}).status_code == 204
    assert moved(upstream) == [{"a": 1}]


def test_a_disabled_flow_takes_nothing(hook):
    server = hook(["webhook.verify secret_url", "webhook.token t"],
                  flow="  FlowSet disabled true")
    got = server.post("/hook/t", json={})
    assert got.status_code == 404
    assert got.json()["errors"][0]["code"] == "flow_disabled"


def test_a_full_queue_refuses_and_says_when_to_come_back(hook):
    server = hook(["webhook.verify secret_url", "webhook.token t"],
                  location="</Location>\nFlowWorkers 0\nFlowQueueLimit 3\n"
                           '<Location "/x">')
    codes = [server.post("/hook/t", json={}).status_code for _ in range(6)]
    assert codes[:3] == [204] * 3 and codes[-1] == 503
    got = server.post("/hook/t", json={})
    assert got.json()["errors"][0]["code"] == "queue_full"
    assert int(got.headers["Retry-After"]) > 0
    server.expect_log("FLOW0203")


def test_the_key_from_the_environment(httpd, upstream):
    upstream.on("POST", "/in", 200, {})
    httpd.env["HOOK_KEY"] = "very-secret-key"
    lines = "\n".join("  FlowSet " + line for line in [
        "webhook.verify hmac", "webhook.key env:HOOK_KEY",
        "webhook.algorithm sha256", "webhook.encoding hex",
        "webhook.header X-Sig"])
    httpd.start(FLOW % (upstream.url(), lines, "", ""))
    body = json.dumps({"a": 1}).encode()
    mac = hmac.new(b"very-secret-key", body, hashlib.sha256).hexdigest()
    got = httpd.post("/hook", data=body, headers={
        "X-Sig": mac, "Content-Type": "application/json"})
    assert got.status_code == 204
    httpd.post("/hook", data=body, headers={"X-Sig": "0" * 64})
    httpd.stop()
    assert "very-secret-key" not in httpd.log and mac not in httpd.log


def test_a_signature_with_a_time_is_good_for_a_while(hook, upstream):
    server = hook(["webhook.provider stripe", "webhook.verify hmac",
                   "webhook.key whsec_1"])
    server.allow_log("FLOW0203", "FLOW0204", "does not pass")
    raw = '{"id":1}'

    def send(at):
        signature = hmac.new(b"whsec_1", b"%d.%s" % (at, raw.encode()),
                             hashlib.sha256).hexdigest()
        return server.post("/hook", data=raw, headers={
            "Content-Type": "application/json",
            "Stripe-Signature": "t=%d,v1=00,v1=%s" % (at, signature)})

    now = int(time.time())
    assert send(now).status_code == 204
    assert send(now - 280).status_code == 204
    assert send(now - 400).status_code == 401
    assert send(now + 400).status_code == 401
    assert moved(upstream, 2) == [{"id": 1}] * 2
    assert re.search("its time is not within", server.log)
