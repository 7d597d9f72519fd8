# SPDX-License-Identifier: Apache-2.0
"""Certificates: a private issuer, and one that we show."""
import base64
import http.server
import ssl
import subprocess
import threading

import pytest

CONF = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI https://localhost:%d
  FlowSet http.mediaType json
%s
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId c
  FlowSet adaptorType HTTPExport
  FlowSet http.relativeURI /x
</FlowExport>
<Location "/x">
  FlowAPI export:e
  FlowAuth none
</Location>
"""


def openssl(root, *args):
    subprocess.run(["openssl", *args], cwd=root, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def pki(httpd):
    """ca.pem, server.pem/.key, client.pem/.key/.enc/.pfx in the root."""
    root = httpd.root
    openssl(root, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/CN=Private CA", "-days", "2")
    for name in ("server", "client"):
        openssl(root, "req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
                "-out", name + ".csr", "-subj",
                "/CN=" + ("localhost" if name == "server" else "me"))
        (root / "ext").write_text("subjectAltName=DNS:localhost\n")
        openssl(root, "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem",
                "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".pem",
                "-days", "2", "-extfile", "ext")
    openssl(root, "pkey", "-in", "client.key", "-aes256", "-passout",
            "pass:open-sesame", "-out", "client.enc")
    openssl(root, "pkcs12", "-export", "-in", "client.pem", "-inkey",
            "client.key", "-passout", "pass:open-sesame", "-out", "client.pfx")
    (root / "client.b64").write_text(
        base64.b64encode((root / "client.pfx").read_bytes()).decode() + "\n")
    return root


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        cert = self.connection.getpeercert()
        name = dict(x[0] for x in cert["subject"])["commonName"] if cert else ""
        if self.path == "/x" and self.server.to:
            self.send_response(302)
            self.send_header("Location", self.server.to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b'[{"name": "%s"}]' % name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def far(pki):
    servers = []

    def start(verify=ssl.CERT_OPTIONAL, to=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "server.pem", pki / "server.key")
        context.load_verify_locations(pki / "ca.pem")
        context.verify_mode = verify
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.to = to
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *a: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


CA = '  FlowSet http.clientCertificates.ca "file:@root@/ca.pem"\n'


def test_a_private_issuer_is_trusted_when_it_is_named(httpd, far):
    server = httpd.start(CONF % (far(), ""))
    server.expect_log("FLOW0201")
    assert server.get("/x").json()["errors"][0]["code"] == "tls_failed"
    server.stop()
    server.start(CONF % (far(), CA))
    assert server.get("/x").json()["data"] == [{"name": ""}]


@pytest.mark.parametrize("how", [
    ["cert file:@root@/client.pem", "key file:@root@/client.key"],
    ["cert file:@root@/client.pem", "key file:@root@/client.enc",
     "passphrase open-sesame"],
    ["pfx file:@root@/client.b64", "passphrase open-sesame"],
])
def test_a_certificate_is_shown(httpd, far, how):
    lines = "".join("  FlowSet http.clientCertificates.%s\n" % line
                    for line in how)
    server = httpd.start(CONF % (far(ssl.CERT_REQUIRED), CA + lines))
    assert server.get("/x").json()["data"] == [{"name": "me"}]
    assert "open-sesame" not in server.log


def test_without_one_there_is_no_way_in(httpd, far):
    server = httpd.start(CONF % (far(ssl.CERT_REQUIRED), CA))
    server.expect_log("FLOW0201")
    assert server.get("/x").status_code == 502


def test_another_host_sees_no_certificate(httpd, far):
    # It asks for one; and it is not vouched for by our issuer's word either.
    other = far()
    server = httpd.start(CONF % (
        far(to="https://localhost:%d/y" % other),
        CA + "  FlowSet http.clientCertificates.cert file:@root@/client.pem\n"
             "  FlowSet http.clientCertificates.key file:@root@/client.key\n"))
    server.expect_log("FLOW0201")
    assert server.get("/x").json()["errors"][0]["code"] == "tls_failed"


def test_what_does_not_go_together_is_refused(httpd, pki):
    code, text = httpd.check(CONF % (
        1, "  FlowSet http.clientCertificates.cert file:@root@/client.pem\n"
           "  FlowSet http.clientCertificates.pfx file:@root@/client.b64\n"
           "  FlowSet http.clientCertificates.ca file:@root@/client.b64\n"))
    assert code
    assert "needs 'http.clientCertificates.key'" in text
    assert "excludes 'http.clientCertificates.cert'" in text
    assert "http.clientCertificates.ca: is not in PEM form" in text
