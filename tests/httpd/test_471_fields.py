# SPDX-License-Identifier: Apache-2.0
"""Members of `http` that change one thing each."""
import time

import pytest

CONF = 'FlowInclude "@root@/docs"\n'
LOCATION = """
<Location "/%s">
  FlowAPI %s
  FlowAuth none
</Location>
"""


@pytest.fixture
def start(httpd, upstream):
    def go(connection, export=None, imp=None):
        httpd.allow_log("FLOW0201", "FLOW0450")
        httpd.files({"docs/bundle.json": {
            "connections": [{"_id": "c", "type": "http", "http": {
                "baseURI": upstream.url(), "mediaType": "json",
                **connection}}],
            "exports": [{"_id": "e", "_connectionId": "c", "http": {
                "method": "GET", "relativeURI": "/e", **(export or {})}}],
            "imports": [{"_id": "i", "_connectionId": "c", "http": {
                "method": ["POST"], "relativeURI": ["/i"], **(imp or {})}}]}})
        return httpd.start(CONF + LOCATION % ("e", "export:e")
                           + LOCATION % ("i", "import:i"))
    return go


def plain(body, status=200):
    """An answer that does not say what it is."""
    return status, body, {"Content-Type": "text/plain"}


@pytest.mark.parametrize("where", ["connection", "export"])
def test_an_error_is_read_by_its_own_media_type(start, upstream, where):
    upstream.on("GET", "/e", lambda r: plain("<e><m>no such shop</m></e>", 422))
    media = {"errorMediaType": "xml"}
    server = start(media if where == "connection" else {},
                   {"response": {"errorPath": "/e/m"},
                    **(media if where == "export" else {})})
    error = server.get("/e").json()["errors"][0]
    assert error["code"] == "422"
    assert error["message"].endswith("no such shop")
    assert "<" not in error["message"]


def test_an_import_reads_errors_by_their_media_type(start, upstream):
    upstream.on("POST", "/i", lambda r: plain("<e><m>taken</m></e>", 409))
    server = start({}, imp={"errorMediaType": "xml",
                            "response": {"errorPath": "/e/m"}})
    (error,) = server.post("/i", json={"id": 1}).json()["errors"]
    assert error["message"].endswith("taken") and "<" not in error["message"]


def test_the_answer_to_a_refresh_is_read_as_it_is_said_to_be(start, upstream):
    upstream.on("POST", "/login", lambda r: plain(
        "<a><token>t-of-xml</token></a>"))
    upstream.on("GET", "/e", lambda r: (
        (200, [{"id": 1}]) if r.headers.get("Authorization") == "Bearer t-of-xml"
        else (401, "")))
    server = start({"auth": {"type": "token", "token": {
        "location": "header", "scheme": "Bearer", "refreshRelativeURI": "/login",
        "refreshMediaType": "xml", "refreshBody": "<login/>",
        "refreshResponseMediaType": "xml", "refreshTokenPath": "/a/token"}}})
    assert server.get("/e").json()["data"] == [{"id": 1}]
    (login,) = upstream.seen("POST", "/login")
    assert login.headers["Content-Type"] == "application/xml"


def test_scopes_are_joined_as_the_far_end_wants_them(start, upstream):
    upstream.on("POST", "/token", 200, {"access_token": "t", "expires_in": 60})
    upstream.on("GET", "/e", 200, [])
    server = start({"auth": {"type": "oauth", "oauth": {
        "grantType": "clientcredentials", "clientId": "me",
        "clientSecret": "secret-of-me", "tokenURI": upstream.url("/token"),
        "scope": ["read", "write"], "scopeDelimiter": ","}}})
    assert server.get("/e").status_code == 200
    (token,) = upstream.seen("POST", "/token")
    assert b"scope=read%2Cwrite" in token.body


def test_a_limit_is_kept_in_every_window(start, upstream):
    at = []

    def answer(request):
        at.append(time.monotonic())
        return 200, [] if len(at) > 6 else [{"id": len(at)}]

    upstream.on("GET", "/e", answer)
    server = start({"rateLimit": {"limit": 2, "windowSeconds": 1}}, {
        "relativeURI": "/e?p={{export.http.paging.page}}",
        "paging": {"method": "page"}})
    assert len(server.get("/e").json()["data"]) == 6
    assert len(at) == 7
    assert at[-1] - at[0] >= 2.5
    for n in range(len(at) - 4):
        assert at[n + 4] - at[n] >= 0.9, "four in one window"


def test_lookups_of_older_documents(start, upstream):
    upstream.on("POST", "/find", 200, {"hit": {"id": 77}})
    upstream.on("POST", "/i", 200, {"id": 1})
    server = start({}, imp={
        "headers": [{"name": "X-Shop", "value": "{{record.shop}}"}],
        "body": ['{"owner": {{lookup.owner}}}'],
        "lookups": [{"name": "owner", "method": "POST", "relativeURI": "/find",
                     "postBody": '{"mail": "{{record.mail}}"}',
                     "extract": "hit.id", "useImportHeaders": True}]})
    assert server.post("/i", json={"mail": "a@b.test", "shop": "s1"}
                       ).status_code == 200
    (find,) = upstream.seen("POST", "/find")
    assert find.json() == {"mail": "a@b.test"}
    assert find.headers["X-Shop"] == "s1"
    (sent,) = upstream.seen("POST", "/i")
    assert sent.json() == {"owner": 77}
