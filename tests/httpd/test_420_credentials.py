# SPDX-License-Identifier: Apache-2.0
"""Credentials that are got while running: one of all processes asks, all use
them, and they outlive the server."""
import os
import re
import sqlite3
import stat
import threading
import time

import pytest

from env import wait_for

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
%s
</FlowConnection>
<Location "/orders">
  FlowAPI export:e
  FlowAuth none
</Location>
"""

OAUTH = """
  FlowSet http.auth.type oauth
  FlowSet http.auth.oauth.tokenURI %s
  FlowSet http.auth.oauth.clientId client-1
  FlowSet http.auth.oauth.clientSecret client-secret
  FlowSet http.auth.token.token access-0-stale
  FlowSet http.auth.token.refreshToken refresh-0-first
"""

EXPORT = {"_id": "e", "_connectionId": "c",
          "http": {"method": "GET", "relativeURI": "/orders"}}


class Family:
    """An authorization server with rotation: a refresh token is good once, and
    using an old one ends the whole family."""

    def __init__(self, upstream, delay=0.0):
        self.lock = threading.Lock()
        self.delay = delay
        self.n = 0
        self.refreshes = 0
        self.revoked = False
        self.reuse = False
        self.served = 0
        upstream.on("POST", "/token", self.token)
        upstream.on("GET", "/orders", self.orders)

    def token(self, request):
        time.sleep(self.delay)
        form = dict(pair.split("=", 1)
                    for pair in request.body.decode().split("&"))
        with self.lock:
            self.refreshes += 1
            current = "refresh-%d-%s" % (self.n, "first" if not self.n
                                         else "later")
            if self.revoked or (form["refresh_token"] != current
                                and not self.reuse):
                self.revoked = True
                return 400, {"error": "invalid_grant"}
            self.n += 1
            return 200, {"access_token": "access-%d-fresh" % self.n,
                         "refresh_token": "refresh-%d-later" % self.n,
                         "expires_in": 3600}

    def expire(self):
        with self.lock:
            self.gone = self.n

    gone = 0

    def orders(self, request):
        with self.lock:
            good = (not self.revoked and self.n > self.gone
                    and request.headers["Authorization"]
                    == "Bearer access-%d-fresh" % self.n)
            self.served += good
        return (200, [{"id": 1}]) if good else (401, "stale")


@pytest.fixture
def start(httpd, upstream):
    def go(auth=None, conf=""):
        httpd.files({"docs/bundle.json": {"exports": [EXPORT]}})
        return httpd.start(CONF % (upstream.url(), auth or
                                   OAUTH % upstream.url("/token"))
                           + 'FlowInclude "@root@/docs"\n' + conf)
    return go


def storm(server, n=16):
    """n calls at once: their statuses."""
    out = []
    threads = [threading.Thread(
        target=lambda: out.append(server.get("/orders").status_code))
        for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def two_children(httpd):
    httpd.allow_log("AH00484", "AH10159")  # all threads busy, as is meant here
    httpd.directives = [
        "StartServers 2", "ServerLimit 2", "MinSpareThreads 32",
        "MaxSpareThreads 64", "ThreadsPerChild 16", "MaxRequestWorkers 32"]


def row(server):
    with sqlite3.connect(server.state_dir / "flow.db") as db:
        return db.execute("SELECT generation, key_id, value, lease_owner "
                          "FROM credential").fetchone()


def test_a_storm_in_two_processes_renews_once(httpd, upstream, start):
    two_children(httpd)
    far = Family(upstream, delay=0.3)
    server = start()
    server.allow_log("AH10159")  # all threads of both are wanted
    assert len(server.children()) == 2
    for expected in (1, 2, 3):
        # Both processes get their share: more calls than one has threads.
        assert storm(server, 32) == [200] * 32
        assert far.refreshes == expected
        assert not far.revoked
        far.expire()
    used = set(re.findall(r"\[pid (\d+):.*GET host '127.0.0.1'", server.log))
    assert len(used) == 2, "only one process has taken part"


def test_new_credentials_outlive_the_server(upstream, start):
    far = Family(upstream)
    server = start()
    assert server.get("/orders").status_code == 200
    server.stop()
    server.start()
    assert server.get("/orders").status_code == 200
    assert far.refreshes == 1
    far.expire()
    assert server.get("/orders").status_code == 200
    server.kill9_child()
    assert server.get("/orders").status_code == 200
    server.graceful()
    assert server.get("/orders").status_code == 200
    assert (far.refreshes, far.revoked) == (2, False)


def test_what_is_stored_is_sealed(upstream, start):
    far = Family(upstream)
    server = start()
    server.get("/orders")
    generation, key_id, value, lease = row(server)
    assert (generation, lease) == (1, None)
    assert re.fullmatch(r"1\.[0-9a-f]{8}\.[A-Za-z0-9+/=]+", value)
    assert value.split(".")[1] == key_id
    key = server.state_dir / "flow.key"
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", key.read_text())
    server.stop()
    for path in server.state_dir.iterdir():
        data = path.read_bytes()
        assert b"fresh" not in data and b"refresh-1" not in data, path
    assert far.refreshes == 1


def test_a_key_is_replaced_by_one_before_it(upstream, start):
    far = Family(upstream)
    server = start()
    server.get("/orders")
    old = row(server)
    server.stop()
    key = server.state_dir / "flow.key"
    key.write_text("# new\n" + "ab" * 32 + "\n" + key.read_text())
    server.start()
    assert server.get("/orders").status_code == 200
    assert row(server) == old
    far.expire()
    assert server.get("/orders").status_code == 200
    assert row(server)[1] != old[1]
    assert not far.revoked


def test_a_lost_key_is_told_and_the_document_counts_again(upstream, start):
    far = Family(upstream)
    server = start()
    server.get("/orders")
    server.stop()
    (server.state_dir / "flow.key").unlink()
    far.reuse = True
    server.expect_log("FLOW0401")
    server.start()
    assert server.get("/orders").status_code == 200
    assert row(server)[0] == 2


def test_a_key_file_must_be_private(httpd, upstream, start):
    httpd.files({"my.key": "00" * 32 + "\n"})
    Family(upstream)
    conf = CONF % (upstream.url(), "") + 'FlowKeyFile "@root@/my.key"\n'
    os.chmod(httpd.root / "my.key", 0o644)
    httpd.expect_log("FLOW0400: key file '.*my.key' may be used by everybody",
                     "AH00020")
    httpd.files({"docs/bundle.json": {"exports": [EXPORT]}})
    with pytest.raises(AssertionError):
        httpd.start(conf + 'FlowInclude "@root@/docs"\n')
    os.chmod(httpd.root / "my.key", 0o600)
    httpd.start()
    assert not (httpd.state_dir / "flow.key").exists()


def test_a_process_that_dies_while_asking_leaves_no_lock(upstream, start):
    far = Family(upstream, delay=2.0)
    far.reuse = True   # what it had got is lost; the far end forgives
    server = start()
    thread = threading.Thread(target=lambda: _try(server))
    thread.start()
    wait_for(lambda: upstream.seen("POST", "/token"), what="the refresh")
    assert row(server)[3]
    server.allow_log("AH00052", "AH00051")
    server.kill9_child()
    thread.join()
    far.delay = 0
    began = time.monotonic()
    assert server.get("/orders").status_code == 200
    # not the time of a lease
    assert time.monotonic() - began < 5
    assert row(server)[3] is None


def _try(server):
    try:
        server.get("/orders")
    except Exception:   # the child that answered is dead
        pass


def test_a_dead_grant_is_an_error_of_the_connection(upstream, start):
    far = Family(upstream)
    far.revoked = True
    upstream.on("GET", "/", 401)  # the connection's test
    server = start()
    server.expect_log("FLOW0201")
    server.allow_log("FLOW0420")
    got = server.get("/orders")
    assert got.status_code == 502
    assert "auth_failed" in got.text and "invalid_grant" in got.text
    assert row(server)[3] is None
    # The call has asked, and the test of the connection; nobody asks while it
    # is offline.
    assert far.refreshes == 2
    assert "connection_offline" in server.get("/orders").text
    assert far.refreshes == 2


def test_new_tokens_in_the_document_win(upstream, start):
    far = Family(upstream)
    server = start()
    server.get("/orders")
    server.stop()
    # a person has authorized anew: a new family
    far.n, far.gone = 10, 0
    conf = (server.root / "conf" / "test.conf").read_text()
    conf = conf.replace("refresh-0-first", "refresh-10-later").replace(
        "access-0-stale", "access-10-fresh")
    (server.root / "conf" / "test.conf").write_text(conf)
    server.start()
    assert server.get("/orders").status_code == 200
    assert far.refreshes == 1
    far.expire()
    assert server.get("/orders").status_code == 200
    assert (far.refreshes, far.revoked) == (2, False)


def test_a_login_serves_all_processes(httpd, upstream, start):
    two_children(httpd)
    logins = []

    def login(request):
        time.sleep(0.2)
        logins.append(1)
        return 200, "", {"Set-Cookie": "sid=session-%d; Path=/" % len(logins)}

    upstream.on("POST", "/login", login)
    upstream.on("GET", "/orders", lambda r: (
        (200, [{"id": 1}]) if r.headers.get("Cookie") ==
        "sid=session-%d" % len(logins) else (401, "")))
    server = start("""
  FlowSet http.auth.type cookie
  FlowSet http.auth.cookie.uri %s
  FlowSet http.auth.cookie.body user=x
""" % upstream.url("/login"))
    assert storm(server, 32) == [200] * 32
    assert len(logins) == 1


def test_a_shared_client_says_what_the_connection_does_not(
        httpd, upstream, start):
    Family(upstream)
    upstream.on("POST", "/grant", lambda r: (
        200, {"data": {"token": "shared-token"}}))
    upstream.on("GET", "/orders", lambda r: (
        (200, [{"id": 1}])
        if r.headers.get("X-Token") == "Key shared-token" else (401, "")))
    httpd.files({"docs/clients.json": {"iClients": [{"_id": "app", "oauth2": {
        "grantType": "clientcredentials", "clientId": "app-1",
        "clientSecret": "env:APP_SECRET", "scope": ["a", "b"],
        "clientCredentialsLocation": "body", "accessTokenPath": "data.token",
        "accessTokenHeaderName": "X-Token", "scheme": "Key",
        "token": {"uri": upstream.url("/grant"),
                  "body": "audience={{{iClient.unencrypted.aud}}}"},
        "unencrypted": {"aud": "orders"},
        "validDomainNames": ["127.0.0.1"]}}]}})
    httpd.env["APP_SECRET"] = "client-secret-7"
    server = start("""
  FlowSet http.auth.type oauth
  FlowSet http._iClientId app
""")
    assert server.get("/orders").status_code == 200
    form = upstream.seen("POST", "/grant")[0].body.decode()
    assert form == ("grant_type=client_credentials&scope=a%20b&client_id=app-1"
                    "&client_secret=client-secret-7&audience=orders")
    assert "client-secret-7" not in server.log


def test_a_shared_client_stays_at_its_hosts(httpd, upstream):
    httpd.files({"docs/bundle.json": {"exports": [EXPORT], "iClients": [
        {"_id": "app", "oauth2": {
            "clientId": "x", "token": {"uri": "https://elsewhere.example/t"},
            "validDomainNames": ["good.example"], "nmae": 1}}]}})
    code, text = httpd.check(CONF % (upstream.url(), """
  FlowSet http.auth.type oauth
  FlowSet http._iClientId app
""") + 'FlowInclude "@root@/docs"\n')
    assert code
    assert ("'oauth2.token.uri' of iClient 'app' leads to "
            "'elsewhere.example'") in text
    assert "iClient 'app', oauth2.nmae" in text


# --- tools beside the server ---------------------------------------------------
BUNDLE_AUTH = {"type": "oauth", "oauth": {
    "clientId": "client-1", "clientSecret": "client-secret"},
    "token": {"token": "access-0-stale", "refreshToken": "refresh-0-first"}}


def tool(server, upstream, *args, **auth):
    auth = {**BUNDLE_AUTH, **auth}
    auth["oauth"] = {**auth["oauth"], "tokenURI": upstream.url("/token")}
    server.files({"tool/bundle.json": {
        "connections": [{"_id": "c", "type": "http", "http": {
            "baseURI": upstream.url(), "mediaType": "json", "auth": auth,
            "ping": {"relativeURI": "/orders"}}}],
        "exports": [EXPORT]}})
    return server.flowctl("--include", "tool/bundle.json", *args, check=False)


def test_a_ping_takes_what_is_stored_and_stores_what_it_gets(upstream, start):
    """A refresh token that is good once serves the server and the tools."""
    far = Family(upstream)
    server = start()
    assert server.get("/orders").status_code == 200
    assert far.refreshes == 1
    status, out, err = tool(server, upstream, "ping", "c")
    assert status == 0, err
    assert far.refreshes == 1, "the stored token was not used"
    # now the tool is the one that must renew, and the server follows it
    far.expire()
    status, out, err = tool(server, upstream, "preview", "e")
    assert status == 0, err
    assert "refresh-" not in out + err and "access-" not in out + err
    assert far.refreshes == 2 and row(server)[0] == 2
    assert row(server)[3] is None, "the lease was not given back"
    assert server.get("/orders").status_code == 200
    assert far.refreshes == 2 and not far.revoked
    # both at once: one asks
    far.expire()
    far.delay = 0.3
    out = []
    threads = [threading.Thread(target=lambda: out.append(
        tool(server, upstream, "ping", "c")[0])),
        threading.Thread(target=lambda: out.append(
            server.get("/orders").status_code != 200))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out == [0, 0]
    assert far.refreshes == 3 and not far.revoked


def test_a_ping_that_cannot_keep_a_token_uses_none_up(httpd, upstream, start):
    far = Family(upstream)
    # there is no store yet
    status, out, err = tool(httpd, upstream, "--json", "ping", "c")
    assert status == 1
    assert "auth_not_kept" in out and "--key-file" in out
    server = start()
    status, out, err = tool(server, upstream, "--key-file", "/nowhere",
                            "ping", "c")
    assert status == 1 and "auth_not_kept" in err and "/nowhere" in err
    assert far.refreshes == 0
    # what needs no refresh token is got all the same, store or not
    upstream.on("POST", "/token", 200, {"access_token": "other"})
    upstream.on("GET", "/orders", lambda r: (
        (200, []) if r.headers["Authorization"] == "Bearer other"
        else (401, "stale")))
    status, out, err = tool(
        server, upstream, "--key-file", "/nowhere", "ping", "c",
        oauth={**BUNDLE_AUTH["oauth"], "grantType": "clientcredentials"},
        token={})
    assert status == 0, err



def test_tokens_are_revoked_and_forgotten(upstream, start):
    far = Family(upstream)
    server = start()
    assert server.get("/orders").status_code == 200
    auth = {"token": {**BUNDLE_AUTH["token"], "revoke": {
        "uri": upstream.url("/revoke")}}}
    upstream.on("POST", "/revoke", [(503, "later"), (200, "")])
    status, out, err = tool(server, upstream, "connection", "revoke", "c", **auth)
    assert status == 1 and "has not revoked the token (status 503)" in err
    assert row(server)[0] == 1
    status, out, err = tool(server, upstream, "connection", "revoke", "c", **auth)
    assert status == 0, err
    for request in upstream.seen("POST", "/revoke"):
        assert request.body == (b"token=refresh-1-later"
                                b"&token_type_hint=refresh_token")
        assert request.headers["Authorization"].startswith("Basic ")
    assert row(server)[0] == 2 and row(server)[3] is None
    # what is stored is nobody's now
    far.revoked = True
    status, out, err = tool(server, upstream, "ping", "c", **auth)
    assert status == 1 and "invalid_grant" in err
    # a body of one's own
    auth["token"]["revoke"] = {
        "uri": "/gone", "body": "t={{{connection.http.auth.token.token}}}",
        "headers": [{"name": "X-Why", "value": "moved"}]}
    upstream.on("POST", "/gone", 204)
    status, out, err = tool(server, upstream, "connection", "revoke", "c", **auth)
    assert status == 0, err
    (request,) = upstream.seen("POST", "/gone")
    assert request.body == b"t=access-0-stale"
    assert request.headers["X-Why"] == "moved"
    del auth["token"]["revoke"]
    status, out, err = tool(server, upstream, "connection", "revoke", "c", **auth)
    assert status == 1 and "set 'http.auth.token.revoke'" in err


def test_a_shared_client_says_how_tokens_are_revoked(httpd, upstream):
    upstream.on("POST", "/revoke", 200)
    documents = {
        "iClients": [{"_id": "app", "provider": "custom_oauth2", "oauth2": {
            "clientId": "client-1", "clientSecret": "client-secret",
            "validDomainNames": ["127.0.0.1"],
            "token": {"uri": upstream.url("/token")},
            "revoke": {"uri": upstream.url("/revoke"), "headers": [
                {"name": "X-App", "value": "a"}]}}}],
        "connections": [{"_id": "c", "type": "http", "http": {
            "baseURI": upstream.url(), "mediaType": "json",
            "_iClientId": "app", "auth": {"type": "oauth", "token": {
                "refreshToken": "refresh-0-first"}}}}]}
    httpd.files({"tool/bundle.json": documents})
    status, out, err = httpd.flowctl("--include", "tool/bundle.json",
                                     "connection", "revoke", "c", check=False)
    assert status == 0, err
    (request,) = upstream.seen("POST", "/revoke")
    assert request.body.startswith(b"token=refresh-0-first&")
    assert request.headers["X-App"] == "a"
    documents["iClients"][0]["oauth2"]["revoke"]["uri"] = "http://else.test/r"
    httpd.files({"tool/bundle.json": documents})
    status, out, err = httpd.flowctl("--include", "tool/bundle.json", "check",
                                     check=False)
    assert status == 1 and "'oauth2.revoke.uri' of iClient 'app'" in out
