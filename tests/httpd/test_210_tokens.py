# SPDX-License-Identifier: Apache-2.0
"""API tokens: the default for APIs, and an Apache authentication type."""
import time

import pytest

SCRIPT = "function handleRequest () { return { statusCode: 200, body: 'in' } }"
CONF = """
FlowScript s "@root@/s.js"
FlowScript other "@root@/s.js"
<Location "/api">
  FlowAPI script:s
</Location>
<Location "/other">
  FlowAPI script:other
</Location>
<Location "/typed">
  FlowAPI script:s
  AuthType FlowToken
  Require flow-token
</Location>
<Location "/either">
  FlowAPI script:s
  AuthType FlowToken
  <RequireAny>
    Require flow-token
    Require expr "%{HTTP:X-Let-Me-In} == 'yes'"
  </RequireAny>
</Location>
<Location "/near">
  FlowAPI script:s
  Require ip 127.0.0.1
</Location>
<Location "/basic">
  FlowAPI script:s
  AuthType Basic
  AuthName here
  AuthBasicProvider file
  AuthUserFile "@root@/users"
  Require valid-user
</Location>
"""


@pytest.fixture
def server(httpd):
    # "ann" with the password "secret", as htpasswd -s writes it
    httpd.files({"s.js": SCRIPT,
                 "users": "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"})
    return httpd.start(CONF)


def bearer(token):
    return {"Authorization": "Bearer " + token}


def test_no_token(server):
    got = server.get("/api")
    assert got.status_code == 401
    assert got.json() == {"message": "Unauthorized"}
    assert got.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["x", "flow_" + "0" * 64, "a b", "é"])
def test_an_unknown_token(server, token):
    got = server.get("/api", headers=bearer(token.encode().decode("latin-1")))
    assert got.status_code == 401
    assert got.json() == {"message": "Bearer Authentication Failed"}


def test_a_token_opens_until_it_is_revoked(server):
    token = server.flowctl("token", "create", "--name", "t", "--full")
    assert server.get("/api", headers=bearer(token)).text == "in"
    assert server.get("/other", headers=bearer(token)).text == "in"
    listed = server.flowctl("token", "list")
    assert "t" in listed and token not in listed
    ident = server.flowctl("--json", "token", "list")
    import json
    ident = json.loads(ident)[0]["_id"]
    server.flowctl("token", "revoke", ident)
    got = server.get("/api", headers=bearer(token))
    assert got.status_code == 401
    assert got.json() == {"message": "Bearer Authentication Failed"}


def test_a_token_expires(server):
    token = server.flowctl("token", "create", "--name", "t", "--expires", "1s",
                           "--full")
    assert server.get("/api", headers=bearer(token)).status_code == 200
    time.sleep(1.1)
    assert server.get("/api", headers=bearer(token)).status_code == 401


def test_a_token_for_one_api_does_not_open_another(server):
    token = server.flowctl("token", "create", "--name", "t", "--api", "s")
    assert server.get("/api", headers=bearer(token)).text == "in"
    got = server.get("/other", headers=bearer(token))
    assert got.status_code == 403
    assert got.json()["errors"][0]["code"] == "forbidden"


def test_as_an_apache_authentication_type(server):
    token = server.flowctl("token", "create", "--name", "t", "--full")
    assert server.get("/typed", headers=bearer(token)).text == "in"
    got = server.get("/typed")
    assert got.status_code == 401
    assert got.json() == {"message": "Unauthorized"}
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["WWW-Authenticate"].startswith("Bearer")
    assert server.get("/typed", headers=bearer("no")).status_code == 401
    assert ' t "GET /typed ' in (server.root / "logs/access.log").read_text()


def test_it_combines_with_other_requirements(server):
    token = server.flowctl("token", "create", "--name", "t", "--full")
    assert server.get("/either", headers=bearer(token)).text == "in"
    assert server.get("/either", headers={"X-Let-Me-In": "yes"}).text == "in"
    assert server.get("/either").status_code == 401
    server.allow_log("AH01630")


def test_a_script_does_not_see_the_token(httpd):
    httpd.files({"s.js": "function handleRequest (o) { return { statusCode: 200, "
                         "body: o.headers } }"})
    httpd.start('<Location "/api">\n  FlowAPI "@root@/s.js"\n</Location>\n')
    token = httpd.flowctl("token", "create", "--name", "t", "--full")
    got = httpd.get("/api", headers=bearer(token)).json()
    assert "user-agent" in got and "authorization" not in got


def test_an_address_alone_is_no_authentication(server):
    assert server.get("/near").status_code == 401


def test_apaches_own_authentication_is_used_where_configured(server):
    token = server.flowctl("token", "create", "--name", "t", "--full")
    assert server.get("/basic", auth=("ann", "secret")).text == "in"
    assert server.get("/basic", headers=bearer(token)).status_code == 401
    assert server.get("/basic", auth=("ann", "wrong")).status_code == 401
    server.allow_log("AH01617", "AH01618", "AH01614")


@pytest.mark.parametrize("args, complaint", [
    (["token", "create"], "--name"),
    (["token", "create", "--name", "x"], "--full"),
    (["token", "create", "--name", "x", "--full", "--expires", "soon"], "soon"),
    (["token", "revoke"], "revoke"),
    (["tokne", "list"], "token"),
    ([], "token"),
])
def test_flowctl_says_what_is_wrong(server, args, complaint):
    status, out, err = server.flowctl(*args, check=False)
    assert status == 2 and complaint in err and out == ""


def test_revoking_what_is_not_there_fails(server):
    status, out, err = server.flowctl("token", "revoke", "nothing", check=False)
    assert status == 1 and "nothing" in err


def test_the_store_holds_no_token(server):
    token = server.flowctl("token", "create", "--name", "t", "--full")
    server.stop()
    for path in server.state_dir.iterdir():
        assert token.encode() not in path.read_bytes(), path
    assert token not in server.log
