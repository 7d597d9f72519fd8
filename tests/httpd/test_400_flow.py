# SPDX-License-Identifier: Apache-2.0
"""Flows: pages, steps, hooks, errors, counters, and runs that are waited for."""
import pytest

from env import wait_for
from flows import STEP, a_flow, run, starter


@pytest.fixture
def flow(httpd, upstream):
    return starter(httpd, upstream)


def export(ident="e", **http):
    http = {"method": "GET", "relativeURI": "/orders", **http}
    return {"_id": ident, "_connectionId": "c", "http": http}


def import_(ident="i", uri="/in", **more):
    return {"_id": ident, "_connectionId": "c",
            "http": {"method": ["POST"], "relativeURI": [uri]}, **more}


def test_records_move_page_by_page(flow, upstream):
    upstream.on("GET", "/orders", lambda r: (
        200, [{"id": n} for n in range(3)],
        {"Link": '</orders2>; rel="next"'}))
    upstream.on("GET", "/orders2", 200, [{"id": 3}])
    upstream.on("POST", "/in", 200, {"ok": True})
    result = run(flow({
        "exports": [export(paging={"method": "linkheader"})],
        "imports": [import_()], "flows": [a_flow(STEP)]}))
    assert result["job"]["status"] == "completed"
    assert result["job"]["numSuccess"] == 4
    assert result["job"]["numExport"] == 4
    assert [r.json()["id"] for r in upstream.seen("POST", "/in")] == [0, 1, 2, 3]


def test_page_numbers(flow, upstream):
    upstream.on("GET", "/orders", lambda r: (
        200, {"items": [{"p": int(r.query["page"][0])}]
              if int(r.query["page"][0]) < 3 else []}))
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [export(
            relativeURI="/orders?page={{export.http.paging.page}}",
            paging={"method": "page", "page": 1},
            response={"resourcePath": "items"})],
        "imports": [import_()], "flows": [a_flow(STEP)]}))
    assert result["job"]["numSuccess"] == 2


def test_lookup_mapping_filter_and_response_mapping(flow, upstream):
    upstream.on("GET", "/orders", 200,
                [{"id": 1, "sku": "a", "state": "paid", "total": 19.90},
                 {"id": 2, "sku": "b", "state": "draft", "total": 5}])
    upstream.on("GET", "/stock", lambda r: (
        200, {"rows": [{"name": "Name of " + r.query["sku"][0]}]}))
    upstream.on("POST", "/in", 201, {"key": "k1"})
    result = run(flow({
        "exports": [
            dict(export(), filter={"type": "expression", "expression": {
                "version": "1",
                "rules": ["notequals", ["extract", "state"], "draft"]}}),
            dict(export("stock", relativeURI="/stock?sku={{record.sku}}",
                        response={"resourcePath": "rows"}), isLookup=True)],
        "imports": [import_(mapping={"fields": [
            {"extract": "id", "generate": "order.no"},
            {"extract": "{{sku}}/{{name}}", "generate": "label"},
            {"extract": "total", "generate": "total"},
            {"hardCodedValue": "web", "generate": "channel"}]},
            http={"method": ["POST"], "relativeURI": ["/in"],
                  "response": {"resourceIdPath": ["key"]}})],
        "flows": [a_flow(
            {"type": "export", "_exportId": "stock", "responseMapping": {
                "fields": [{"extract": "data[0].name", "generate": "name"}]}},
            {"type": "import", "_importId": "i", "responseMapping": {
                "fields": [{"extract": "id", "generate": "erpId"}]}})]}))
    assert result["job"]["numSuccess"] == 1
    assert upstream.seen("POST", "/in")[0].json() == {
        "order": {"no": 1}, "label": "a/Name of a", "total": 19.9,
        "channel": "web"}
    assert result["data"] == [{"id": 1, "sku": "a", "state": "paid",
                               "total": 19.9, "name": "Name of a",
                               "erpId": "k1"}]


def test_a_failed_record_is_reported_and_the_others_go_on(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": n} for n in range(1, 4)])
    upstream.on("POST", "/in", lambda r: (
        (422, {"message": "no"}) if r.json()["id"] == 2 else (200, {})))
    upstream.on("POST", "/second", 200, {})
    result = run(flow({
        "exports": [export()],
        "imports": [import_(), import_("j", "/second")],
        "flows": [a_flow(STEP, {"type": "import", "_importId": "j"})]}))
    job = result["job"]
    assert job["status"] == "completed" and job["numError"] == 1
    error = result["errors"][0]
    assert error["code"] == "422" and error["traceKey"] == "2"
    assert error["source"] == "application"
    assert [r.json()["id"] for r in upstream.seen("POST", "/second")] == [1, 3]


def test_proceed_on_failure(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    upstream.on("POST", "/in", 500, "broken")
    upstream.on("POST", "/second", 200, {})
    result = run(flow({
        "exports": [export()],
        "imports": [import_(), import_("j", "/second")],
        "flows": [a_flow(dict(STEP, proceedOnFailure=True),
                         {"type": "import", "_importId": "j"})]}))
    assert result["job"]["numError"] == 1
    assert len(upstream.seen("POST", "/second")) == 1


def test_an_export_that_fails_fails_the_job(flow, upstream):
    upstream.on("GET", "/orders", 200, {"state": "error", "text": "closed"})
    server = flow({
        "exports": [export(response={"failPath": "state",
                                     "failValues": ["error"],
                                     "errorPath": "text"})],
        "imports": [import_()], "flows": [a_flow(STEP)]})
    result = run(server)
    assert result["job"]["status"] == "failed"
    assert "closed" in result["errors"][0]["message"]
    server.expect_log("FLOW03")


HOOKS = """
function preSavePage (options) {
  return { data: options.data.concat([{ id: 'added' }]), errors: options.errors,
           abort: false, newErrorsAndRetryData: [] }
}
function preMap (options) {
  return options.data.map(function (r) {
    if (r.id === 2) return { errors: [{ code: 'two', message: 'is two' }] }
    if (r.id === 3) return {}
    return { data: { id: r.id, seen: options._importId } }
  })
}
function postMap (options) {
  return options.postMapData.map(function (r) { r.post = true; return { data: r } })
}
function postSubmit (options) {
  return options.responseData.map(function (r) { r._json = { edited: true }; return r })
}
function postResponseMap (options) {
  return options.postResponseMapData.map(function (r) { r.last = true; return r })
}
function shorter (options) { return [] }
function thrower () { throw new Error('hook broke') }
"""


def hooks(**names):
    return {key: {"_scriptId": "h", "function": name}
            for key, name in names.items()}


def test_hooks(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2}, {"id": 3}])
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [dict(export(), hooks=hooks(preSavePage="preSavePage"))],
        "imports": [import_(hooks=hooks(preMap="preMap", postMap="postMap",
                                        postSubmit="postSubmit"))],
        "flows": [a_flow(dict(
            STEP, hooks=hooks(postResponseMap="postResponseMap"),
            responseMapping={"fields": [
                {"extract": "_json.edited", "generate": "edited"}]}))]},
        {"h": HOOKS}))
    job = result["job"]
    assert (job["numSuccess"], job["numError"], job["numIgnore"]) == (2, 1, 1)
    assert [r.json() for r in upstream.seen("POST", "/in")] == [
        {"id": 1, "seen": "i", "post": True},
        {"id": "added", "seen": "i", "post": True}]
    assert result["errors"][0]["code"] == "two"
    assert result["errors"][0]["source"] == "pre_map_hook"
    first = result["data"][0]
    assert first["edited"] is True and first["last"] is True
    assert "seen" not in first  # what preMap changes stays in its import


@pytest.mark.parametrize("name, text", [
    ("shorter", "hook must return 2 elements, got 0"),
    ("thrower", "hook broke"),
])
def test_a_hook_that_breaks_its_contract_fails_the_page(flow, upstream, name,
                                                        text):
    upstream.on("GET", "/orders", 200, [{"id": 1}, {"id": 2}])
    server = flow({"exports": [export()],
                   "imports": [import_(hooks=hooks(preMap=name))],
                   "flows": [a_flow(STEP)]}, {"h": HOOKS})
    result = run(server)
    assert result["job"]["numError"] == 2
    assert text in result["errors"][0]["message"]
    assert not upstream.seen("POST", "/in")


def test_a_queued_run_ends_by_itself(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1}])
    upstream.on("POST", "/in", 200, {})
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    got = server.post("/run")
    assert got.status_code == 201 and len(got.json()["_jobId"]) == 24
    wait_for(lambda: upstream.seen("POST", "/in"), what="the record")


def test_waiting_ends_before_the_run(flow, upstream):
    import time

    def slow(request):
        time.sleep(3)
        return 200, [{"id": 1}]
    upstream.on("GET", "/orders", slow)
    upstream.on("POST", "/in", 200, {})
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    got = server.post("/run?wait=1")
    assert got.status_code == 202 and got.json()["_jobId"]
    wait_for(lambda: upstream.seen("POST", "/in"), what="the run goes on")


def test_one_run_of_a_flow_at_a_time(flow, upstream):
    import threading
    active, most, lock = [0], [0], threading.Lock()

    def slow(request):
        import time
        with lock:
            active[0] += 1
            most[0] = max(most[0], active[0])
        time.sleep(0.2)
        with lock:
            active[0] -= 1
        return 200, []
    upstream.on("GET", "/orders", slow)
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]}, conf="FlowWorkers 4\n")
    for _ in range(4):
        server.post("/run")
    wait_for(lambda: len(upstream.seen("GET", "/orders")) == 4,
             what="four runs")
    assert most[0] == 1


def test_files_in_and_out(httpd):
    inbox, outbox = httpd.writable_dir("in"), httpd.writable_dir("out")
    (inbox / "a.csv").write_text("sku;qty\nx;1\n\"y;z\";2\n")
    httpd.start("""
<FlowConnection in>
  FlowSet type filesystem
  FlowSet filesystem.directoryPath "@root@/in"
</FlowConnection>
<FlowConnection out>
  FlowSet type filesystem
  FlowSet filesystem.directoryPath "@root@/out"
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId in
  FlowSet file.type csv
  FlowSet file.csv.columnDelimiter ;
  FlowSet file.skipDelete true
</FlowExport>
<FlowImport i>
  FlowSet _connectionId out
  FlowSet file.type json
  FlowSet file.skipAggregation true
  FlowSet file.fileName "{{record.qty}}.json"
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
""")
    result = run(httpd)
    assert result["job"]["numSuccess"] == 2
    assert "y;z" in (outbox / "2.json").read_text()
    assert (inbox / "a.csv").exists()


def test_batches_are_as_large_as_batch_size_says(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": n} for n in range(800)])
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [{**export(), "pageSize": 800}],
        "imports": [{"_id": "i", "_connectionId": "c", "http": {
            "method": ["POST"], "relativeURI": ["/in"], "batchSize": 400}}],
        "flows": [a_flow(STEP)]}))
    assert result["job"]["numSuccess"] == 800
    assert [len(r.json()) for r in upstream.seen("POST", "/in")] == [400, 400]


FILES = """
<FlowConnection in>
  FlowSet type filesystem
  FlowSet filesystem.directoryPath "@root@/in"
</FlowConnection>
<FlowConnection c>
  FlowSet type http
  FlowSet http.baseURI %s
  FlowSet http.mediaType json
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId in
  FlowSet file.type json
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
<Location "/run">
  FlowAPI flow:f
  FlowAuth none
</Location>
<Location "/read">
  FlowAPI export:e
  FlowAuth none
</Location>
"""


def test_a_file_goes_only_after_its_records_have_gone_through(httpd, upstream):
    inbox = httpd.writable_dir("in")
    for name in "abc":
        (inbox / f"{name}.json").write_text('[{"n":"%s"}]' % name)
    left = []

    def look(request):
        left.append(sorted(p.name for p in inbox.iterdir()))
        return 200, {}
    upstream.on("POST", "/in", look)
    httpd.start(FILES % upstream.url())
    assert len(httpd.get("/read").json()["data"]) == 3
    assert len(list(inbox.iterdir())) == 3  # an API leaves what it reads
    assert run(httpd)["job"]["numSuccess"] == 3
    assert left == [["a.json", "b.json", "c.json"], ["b.json", "c.json"],
                    ["c.json"]]
    assert not list(inbox.iterdir())


def test_a_broken_file_takes_no_good_one_along(httpd, upstream):
    inbox = httpd.writable_dir("in")
    (inbox / "a.json").write_text('[{"n":1}]')
    (inbox / "b.json").write_text('[{"n":')
    upstream.on("POST", "/in", 200, {})
    httpd.start(FILES % upstream.url())
    job = run(httpd)["job"]
    assert (job["status"], job["numError"]) == ("completed", 1)
    assert [r.json() for r in upstream.seen("POST", "/in")] == [{"n": 1}]
    assert [f.name for f in inbox.iterdir()] == ["b.json.error"]


def test_a_run_that_fails_says_whose_fault_it_was(flow, upstream):
    upstream.on("GET", "/orders", 404, {"error": "nothing here"})
    server = flow({"exports": [export()], "imports": [import_()],
                   "flows": [a_flow(STEP)]})
    server.expect_log("FLOW0304")
    result = run(server)
    assert result["job"]["status"] == "failed"
    assert [(e["code"], e["source"]) for e in result["errors"]] == [
        ("404", "application")]
