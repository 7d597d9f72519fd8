# SPDX-License-Identifier: Apache-2.0
"""Documents that tests of flows begin with: an export that reads /orders, an
import that posts to /in, a flow between them, and a Location that runs it."""

CONNECTION = """
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
%s
</FlowConnection>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
"""
STEP = {"type": "import", "_importId": "i"}


def starter(httpd, upstream):
    """A function: documents (a bundle) and scripts; the server with them."""
    def start(bundle, scripts=None, conf="", connection=""):
        httpd.files({"docs/bundle.json": bundle})
        httpd.files({f"docs/scripts/{name}.js": text
                     for name, text in (scripts or {}).items()})
        return httpd.start(CONNECTION % (upstream.url(), connection)
                           + 'FlowInclude "@root@/docs"\n' + conf)
    return start


def run(server, body=None, wait=30):
    """The answer of a run that is waited for."""
    got = server.post(f"/run?wait={wait}",
                      **({"json": body} if body is not None else {}))
    assert got.status_code == 200, got.text
    return got.json()


def a_flow(*steps, **more):
    return {"_id": "f", "pageGenerators": [{"_exportId": "e"}],
            "pageProcessors": list(steps), **more}
