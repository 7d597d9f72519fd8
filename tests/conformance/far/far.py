# SPDX-License-Identifier: Apache-2.0
"""The http connector against far ends and second opinions of others.

NODE_PATH  the packages of package.json    FLOWCTL  the program
Ends with "passed failed".
"""
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = Path(os.environ["NODE_PATH"])
sys.path.insert(0, str(HERE.parents[1] / "httpd"))
sys.dont_write_bytecode = True

ROOT = Path(tempfile.mkdtemp(prefix="flow-far-"))
RUN_ALL = ("import { exports, imports } from 'integrator-api'\n"
           "function all (o) { return exports.run({ _id: o.id }) }\n"
           "function send (o) { return imports.run({ _id: o.id, data: o.data })"
           " }\n")
tests = []


def test(function):
    tests.append(function)
    return function


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def flowctl(documents, *args, options=()):
    """(result, message) of one command with these documents."""
    docs = ROOT / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir()
    (docs / "bundle.json").write_text(json.dumps(documents))
    (docs / "run.js").write_text(RUN_ALL)
    done = subprocess.run(
        [os.environ["FLOWCTL"], "--json", "--include", docs / "bundle.json",
         "--presets", HERE.parents[2] / "connectors" / "presets", *options, *args],
        capture_output=True, text=True, timeout=120)
    return (json.loads(done.stdout) if done.stdout else None,
            done.stderr + (done.stdout if done.returncode else ""))


def run(documents, function, options=(), **arg):
    (ROOT / "input.json").write_text(json.dumps(arg))
    return flowctl(documents, "script", "run", ROOT / "docs" / "run.js",
                   function, "--input", ROOT / "input.json", options=options)


def a_store():
    """Options for one that keeps what a refresh brings."""
    state = ROOT / "state"
    state.mkdir(mode=0o700)
    key = state / "flow.key"
    key.touch(mode=0o600)
    key.write_text("6b" * 32 + "\n")
    options = ("--state-dir", state)
    subprocess.run([os.environ["FLOWCTL"], *options, "store", "migrate"],
                   check=True, stdout=subprocess.DEVNULL, timeout=60)
    return options


def records(documents, ident="e", options=()):
    result, message = run(documents, "all", options, id=ident)
    assert result is not None, message
    assert not result["errors"], result["errors"]
    return result["data"]


def refused(documents, what, ident="e"):
    result, message = run(documents, "all", id=ident)
    assert result is None and what in message, message


def bundle(base, auth=None, http=None, connection=None, **export):
    return {
        "connections": [{"_id": "c", "type": "http", "http": {
            "baseURI": base, "mediaType": "json",
            **({"auth": auth} if auth else {}), **(connection or {})}}],
        "exports": [{"_id": "e", "_connectionId": "c",
                     "http": http or {"relativeURI": "/"}, **export}]}


# --- OAuth 2 -----------------------------------------------------------------
def oauth2(ports, grant, **more):
    return {"type": "oauth", "oauth": {
        "grantType": grant, "clientId": "client", "clientSecret": "se cret%",
        "tokenURI": f"http://127.0.0.1:{ports['oauth2']['token']}/token",
        **more}}


PAGES = {"relativeURI": "?p={{export.http.paging.page}}",
         "paging": {"method": "page"}}


@test
def oauth2_client_credentials(ports):
    base = f"http://127.0.0.1:{ports['oauth2']['api']}/x"
    for where in ("basicauthheader", "body"):
        auth = oauth2(ports, "clientcredentials", scope=["a", "b"],
                      clientCredentialsLocation=where)
        assert len(records(bundle(base, auth, PAGES))) == 3, where


@test
def oauth2_password(ports):
    auth = oauth2(ports, "password", username="ann", password="pass word")
    base = f"http://127.0.0.1:{ports['oauth2']['api']}/x"
    assert len(records(bundle(base, auth, PAGES))) == 3


@test
def oauth2_refresh_token(ports):
    auth = oauth2(ports, "authorizecode", authURI="http://127.0.0.1:1/a")
    auth["token"] = {"refreshToken": "an old one"}
    base = f"http://127.0.0.1:{ports['oauth2']['api']}/x"
    documents = bundle(base, auth, PAGES)
    refused(documents, "auth_not_kept")
    assert len(records(documents, options=a_store())) == 3


@test
def oauth2_a_token_that_is_refused_is_renewed(ports):
    base = f"http://127.0.0.1:{ports['oauth2']['api']}"
    auth = oauth2(ports, "clientcredentials")
    before = records(bundle(base, http={"relativeURI": "/counts"}))[0]["token"]
    once = {**PAGES, "relativeURI": "/once" + PAGES["relativeURI"]}
    got = records(bundle(base, auth, once))
    after = records(bundle(base, http={"relativeURI": "/counts"}))[0]["token"]
    assert len(got) == 3 and after - before >= 2, (got, before, after)


@test
def oauth2_a_wrong_secret_is_told(ports):
    auth = oauth2(ports, "clientcredentials", clientSecret="wrong-secret")
    base = f"http://127.0.0.1:{ports['oauth2']['api']}/x"
    refused(bundle(base, auth, PAGES), "auth_failed")


# --- GraphQL -----------------------------------------------------------------
QUERY = ("query Parts($n: Int!, $after: String) { parts(first: $n, after: "
         "$after) { nodes { id name } pageInfo { endCursor hasNextPage } } } "
         "query Other { parts(first: 1) { nodes { id } } }")


def graphql(ports, http, **more):
    return bundle(f"http://127.0.0.1:{ports['graphql']}", http={
        "method": "POST", "relativeURI": "/graphql", **http}, **more)


@test
def graphql_pages_and_operation_name(ports):
    def body(**variables):
        return json.dumps({"query": QUERY, "operationName": "Parts",
                           "variables": {"n": 10, **variables}})
    got = records(graphql(ports, {
        "body": body(),
        "response": {"resourcePath": "data.parts.nodes", "failPath": "errors"},
        "paging": {"method": "body", "body": body(
            after="{{previous_page.full_response.data.parts.pageInfo"
                  ".endCursor}}"),
            "lastPagePath": "data.parts.pageInfo.hasNextPage",
            "lastPageValues": ["false"]}}))
    assert [p["id"] for p in got[:25]] == [f"p{i}" for i in range(25)]
    assert got[3]["name"] == 'part "3"'


@test
def graphql_partial_data_and_errors(ports):
    query = json.dumps({"query": "{ parts(first: 2) { nodes { id broken } } }"})
    http = {"body": query, "response": {"resourcePath": "data.parts.nodes"}}
    assert records(graphql(ports, http)) == [
        {"id": "p0", "broken": None}, {"id": "p1", "broken": None}]
    http["response"].update(failPath="errors",
                            errorPath="errors[0].message")
    refused(graphql(ports, http), "this field is broken")
    http["body"] = json.dumps({"query": "{ nosuch }"})
    refused(graphql(ports, http), "nosuch")


@test
def graphql_mutation_and_lookup(ports):
    docs = graphql(ports, {"body": "{}"})
    find = json.dumps({"query": "query($n: String!) { parts(first: 2, name: $n)"
                                " { nodes { id } } }",
                       "variables": {"n": "{{record.name}}"}})
    add = json.dumps({"query": "mutation($n: String!) { add(name: $n) { id } }",
                      "variables": {"n": "{{record.name}}"}})
    docs["imports"] = [{"_id": "i", "_connectionId": "c",
                        "ignoreExisting": True, "http": {
        "method": ["POST"], "relativeURI": ["/graphql"], "body": [add],
        "requestType": ["CREATE"], "ignoreLookupName": "find",
        "lookups": [{"name": "find", "method": "POST",
                     "relativeURI": "/graphql", "body": find,
                     "extract": "data.parts.nodes", "allowFailures": True}],
        "response": {"resourcePath": ["data.add"], "failPath": ["errors"],
                     "errorPath": "errors[0].message"}}}]
    name = 'new "part" {{x}}\\n'
    got, message = run(docs, "send", id="i",
                       data=[{"name": name}, {"name": 'part "3"'}])
    assert got, message
    assert got[0]["id"].startswith("p") and not got[0]["errors"], got
    assert got[1]["ignored"] is True, got
    got, message = run(docs, "send", id="i", data=[{"name": name}])
    assert got and got[0]["ignored"] is True, (got, message)


# --- signatures --------------------------------------------------------------
def keys():
    return json.loads((ROOT / "keys.json").read_text())


@test
def oauth1_all_methods(ports):
    base = f"http://127.0.0.1:{ports['signatures']}/oauth1"
    for method in ("hmac-sha1", "hmac-sha256", "hmac-sha512", "plaintext",
                   "rsa-sha1", "rsa-sha256", "rsa-sha512"):
        one = {"signatureMethod": method, "consumerKey": "c&key",
               "accessToken": "t=key", "consumerSecret": "c secret",
               "tokenSecret": "t%secret", "realm": "a realm"}
        if method.startswith("rsa"):
            one["consumerPrivateKey"] = keys()["rsa"]["private"]
            del one["consumerSecret"]
        auth = {"type": "oauth1", "oauth": {"oauth1": one}}
        for http in (
                     # (the other implementation leaves a + in an address a +)
                     {"relativeURI": "/a%20b?z=1&a=%3D%25&b=ä%2B%20x"},
                     {"relativeURI": "?q=1", "method": "POST",
                      "requestMediaType": "urlencoded",
                      "body": "name=J%C3%B6rg+x&a=1%2B1"},
                     {"relativeURI": "", "method": "POST", "body": "{}"}):
            got = records(bundle(base, auth, http))
            assert got == [{"good": True}], (method, http, got)
    one["tokenSecret"] = "wrong-secret"
    one["signatureMethod"] = "hmac-sha1"
    one["consumerSecret"] = "c secret"
    del one["consumerPrivateKey"]
    refused(bundle(base, {"type": "oauth1", "oauth": {"oauth1": one}}), "401")


@test
def jwt_all_algorithms(ports):
    base = f"http://127.0.0.1:{ports['signatures']}"
    secret = ("a secret that is long enough for all of the three hashes, even "
              "512 bits")
    for kind, name in (("HS", "hmac-sha"), ("RS", "rsa-sha"), ("ES", "es"),
                       ("PS", "ps")):
        for bits in ("256", "384", "512"):
            jwt = {"signatureMethod": name + bits,
                   "payload": {"iss": "flow", "iat": 0, "exp": 300,
                               "n": 1234567890123456789},
                   "headers": {"kid": "key 1"}}
            if kind == "HS":
                jwt["secret"] = secret
            else:
                which = f"ES{bits}" if kind == "ES" else "rsa"
                jwt["privateKey"] = keys()[which]["private"]
            got = records(bundle(base, {"type": "jwtbearer", "jwt": jwt},
                                 {"relativeURI": f"/{kind}{bits}"}))
            assert got == [{"good": True}], (kind, bits, got)


@test
def s3_signature_version_4(ports):
    def docs(secret):
        made = bundle(
            f"http://127.0.0.1:{ports['s3']}/flow-test",
            {"type": "custom"}, {"relativeURI": "/a%20b/%C3%A4%2Bx.json"},
            {"encrypted": {"keyId": "S3RVER", "keySecret": secret},
             "headers": [
                 {"name": "X-Amz-Date", "value":
                  '{{{timestamp "YYYYMMDD[T]HHmmss[Z]" "UTC"}}}'},
                 {"name": "X-Amz-Content-Sha256", "value": "UNSIGNED-PAYLOAD"},
                 {"name": "Authorization", "value":
                  "{{{aws4 connection.http.encrypted.keyId "
                  'connection.http.encrypted.keySecret "" "eu-west-1" '
                  '"s3"}}}'}]})
        made["imports"] = [{"_id": "i", "_connectionId": "c", "http": {
            "method": ["PUT"], "relativeURI": ["/a%20b/%C3%A4%2Bx.json"]}}]
        return made
    got, message = run(docs("S3RVER"), "send", id="i", data=[{"n": 19.90}])
    assert got and got[0]["statusCode"] == 200, (got, message)
    assert records(docs("S3RVER")) == [{"n": 19.9}]
    got, message = run(docs("wrong-secret"), "send", id="i", data=[{"n": 1}])
    assert got and "SignatureDoesNotMatch" in json.dumps(got), (got, message)


# --- httpd -------------------------------------------------------------------
@test
def basic_and_digest_against_httpd(ports):
    from env import Httpd
    server = Httpd(extra_modules=["auth_digest"])
    try:
        realm, user, password = "a realm", "ann", "pass:word ü"
        ha1 = hashlib.md5(f"{user}:{realm}:{password}".encode()).hexdigest()
        sha = subprocess.run(["htpasswd", "-nbB", user, password], text=True,
                             capture_output=True, check=True).stdout
        server.files({"digest": f"{user}:{realm}:{ha1}\n", "basic": sha,
                      "htdocs/digest/x.json": [{"id": 1}],
                      "htdocs/basic/x.json": [{"id": 2}]})
        server.start(f'''
<Location /digest>
  AuthType Digest
  AuthName "{realm}"
  AuthDigestDomain /digest
  AuthUserFile "{server.root}/digest"
  Require valid-user
</Location>
<Location /basic>
  AuthType Basic
  AuthName "{realm}"
  AuthUserFile "{server.root}/basic"
  Require valid-user
</Location>
''')
        for kind, wanted in (("digest", 1), ("basic", 2)):
            for given, good in ((password, True), ("wrong-word", False)):
                docs = bundle(server.url("/" + kind), {
                    "type": kind, "basic": {"username": user,
                                            "password": given}},
                    {"relativeURI": "/x.json?a=b&c=%20"})
                if good:
                    assert records(docs) == [{"id": wanted}], kind
                else:
                    refused(docs, "401")
    finally:
        server.destroy()


# --- OpenAPI documents -------------------------------------------------------
class Prism:
    def __init__(self, spec):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["node", PACKAGES / "@stoplight/prism-cli/dist/index.js", "mock",
             "-h", "127.0.0.1", "-p", str(self.port), "--errors", spec],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        end = time.monotonic() + 90
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise AssertionError("prism did not start")

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@test
def openapi_of_github_with_our_preset(ports):
    spec = json.loads((PACKAGES / "@octokit/openapi/generated/api.github.com"
                                  ".json").read_text())
    kept = ["/repos/{owner}/{repo}/issues", "/rate_limit"]
    spec["paths"] = {path: spec["paths"][path] for path in kept}
    (ROOT / "github.json").write_text(json.dumps(spec))
    prism = Prism(ROOT / "github.json")
    try:
        docs = {
            "connections": [{"_id": "c", "assistant": "github", "http": {
                "baseURI": prism.url(),
                # prism takes GitHub's own media type for one of its own
                "headers": [{"name": "X-GitHub-Api-Version",
                             "value": "2022-11-28"}],
                "auth": {"token": {"token": "a-token-of-mine"}}}}],
            "exports": [{"_id": "e", "_connectionId": "c",
                         "assistant": "github", "type": "test", "http": {
                "relativeURI": "/repos/o/r/issues?per_page=2&state=open"}}],
            "imports": [{"_id": "i", "_connectionId": "c",
                         "assistant": "github", "http": {
                "method": ["POST"],
                "relativeURI": ["/repos/o/r/issues"]}}]}
        result, message = flowctl(docs, "ping", "c")
        assert result and not result["errors"], message
        result, message = flowctl(docs, "preview", "e")
        assert result and result["data"][0]["title"], message
        got, message = run(docs, "send", id="i", data=[{"title": "x"}])
        assert got and got[0]["statusCode"] in (200, 201), (got, message)
        # what breaks the document is refused by it, and told
        docs["exports"][0]["http"]["relativeURI"] += "&direction=sideways"
        result, message = flowctl(docs, "preview", "e")
        assert result["errors"][0]["code"] == "422", message
    finally:
        prism.stop()


@test
def openapi_of_blockfrost(ports):
    prism = Prism(PACKAGES / "@blockfrost/openapi/openapi.yaml")
    try:
        auth = {"type": "token", "token": {
            "location": "header", "headerName": "project_id",
            "token": "mainnet-token"}}
        http = {"relativeURI": "/pools?count=5&page={{export.http.paging.page}}"
                               "&order=asc",
                "response": {"errorPath": "message"}}
        docs = bundle(prism.url(), auth, http)
        result, message = flowctl(docs, "preview", "e")
        assert result and result["data"], message
        assert "project_id" in json.dumps(result["stages"][0])
        docs = bundle(prism.url(), None, {"relativeURI": "/blocks/latest"})
        refused(docs, "401")
        docs = bundle(prism.url(), auth, {"relativeURI": "/blocks/latest"})
        assert records(docs)[0]["hash"]
    finally:
        prism.stop()


def main():
    servers = subprocess.Popen(["node", HERE / "servers.js", ROOT], text=True,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE)
    passed = failed = 0
    try:
        ports = json.loads(servers.stdout.readline() or "{}")
        for one in tests:
            if sys.argv[1:] and one.__name__ not in sys.argv[1:]:
                continue
            try:
                if not ports:
                    raise AssertionError("the servers did not start")
                one(ports)
                passed += 1
                print("ok    ", one.__name__, flush=True)
            except Exception as trouble:  # whatever it is, it is one failure
                failed += 1
                print("FAILED", one.__name__, repr(trouble), flush=True)
    finally:
        servers.terminate()
        servers.wait(10)
        shutil.rmtree(ROOT, ignore_errors=True)
    print(passed, failed)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
