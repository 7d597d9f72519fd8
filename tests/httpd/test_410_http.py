# SPDX-License-Identifier: Apache-2.0
"""The http connector against a far end that has moods."""
import re
import threading

import pytest

from flows import run, starter


TOKEN = """
  FlowSet http.auth.type token
  FlowSet http.auth.token.location header
  FlowSet http.auth.token.scheme Bearer
  FlowSet http.auth.token.token stale-token
  FlowSet http.auth.token.refreshRelativeURI /login
  FlowSet http.auth.token.refreshTokenPath token
"""


@pytest.fixture
def flow(httpd, upstream):
    start = starter(httpd, upstream)
    return lambda bundle, connection="", conf="": start(
        bundle, conf=conf, connection=connection)


def export(**more):
    return {"_id": "e", "_connectionId": "c",
            "http": {"method": "GET", "relativeURI": "/orders"}, **more}


def a_flow(*imports):
    return {"_id": "f", "pageGenerators": [{"_exportId": "e"}],
            "pageProcessors": [{"type": "import", "_importId": i}
                               for i in imports]}


DELTA = {
    "exports": [export(
        type="delta",
        http={"method": "GET",
              "relativeURI": "/orders?since={{{lastExportDateTime}}}"
                             "&until={{{currentExportDateTime}}}"})],
    "flows": [a_flow()],
}


def times(upstream):
    return [(r.query["since"][0], r.query["until"][0])
            for r in upstream.seen("GET", "/orders")]


def test_a_mark_moves_when_a_job_completes_and_only_then(flow, upstream):
    upstream.on("GET", "/orders", [(200, [{"id": 1}]), (200, []),
                                   (400, "no"), (200, []), (200, []),
                                   (200, [])])
    server = flow(DELTA)
    server.expect_log("FLOW03")
    for status in ("completed", "completed", "failed", "completed"):
        assert run(server)["job"]["status"] == status
    first, second, failed, again = times(upstream)
    assert first[0] == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first[1])
    assert second[0] == first[1]
    assert failed[0] == second[1]
    assert again[0] == second[1], "a failed job has moved the mark"
    # It is still there after a restart.
    server.stop()
    server.start()
    run(server)
    assert times(upstream)[-1][0] == again[1]


def test_explicit_dates_look_at_the_past(flow, upstream):
    upstream.on("GET", "/orders", 200, [])
    server = flow({**DELTA, "scripts": [{"_id": "s", "content": """
        import { flows } from 'integrator-api'
        function past() {
          return {statusCode: 200, body: flows.run({_id: 'f', wait: true,
            startDate: '2025-01-01T00:00:00Z',
            endDate: '2025-02-01T00:00:00Z'}).job.status}
        }"""}]}, conf="""
<Location "/past">
  FlowAPI script:s past
  FlowAuth none
</Location>
""")
    run(server)
    got = server.post("/past")
    assert "completed" in got.text, got.text
    run(server)
    first, past, after = times(upstream)
    assert past == ("2025-01-01T00:00:00.000Z", "2025-02-01T00:00:00.000Z")
    assert after[0] == first[1]


def test_a_lag_and_a_first_date(flow, upstream):
    upstream.on("GET", "/orders", 200, [])
    server = flow({**DELTA, "exports": [{
        **DELTA["exports"][0],
        "delta": {"startDate": "2020-02-29", "lagOffset": 86400000,
                  "dateFormat": "YYYY-MM-DD"}}]})
    run(server)
    run(server)
    (first, day), (second, _) = times(upstream)
    assert first == "2020-02-29"
    assert second < day


def test_token_pages_are_read_to_their_end(flow, upstream):
    def orders(request):
        cursor = request.query["c"][0]
        n = int(cursor or 0)
        return 200, {"list": [{"id": n}],
                     "next": str(n + 1) if n < 4 else None}

    upstream.on("GET", "/orders", orders)
    server = flow({"exports": [export(http={
        "method": "GET",
        "relativeURI": "/orders?c={{{export.http.paging.token}}}",
        "response": {"resourcePath": "list"},
        "paging": {"method": "token", "path": "next",
                   "pathLocation": "body"}})], "flows": [a_flow()]})
    result = run(server)
    assert [r["id"] for r in result["data"]] == [0, 1, 2, 3, 4]


def graphql(request):
    """A connection of five nodes, two a page."""
    query = request.json()
    assert query["query"].startswith("query Orders")
    after = int(query["variables"].get("after") or 0)
    nodes = [{"id": n} for n in range(after, min(after + 2, 5))]
    return 200, {"data": {"orders": {
        "nodes": nodes,
        "pageInfo": {"endCursor": str(after + 2),
                     "hasNextPage": after + 2 < 5}}}}


QUERY = ("query Orders($after: String) { orders(first: 2, after: $after) "
         "{ nodes { id } pageInfo { endCursor hasNextPage } } }")
GRAPHQL = {
    "method": "POST", "relativeURI": "/graphql",
    "body": '{"query":"%s","variables":{}}' % QUERY,
    "response": {"resourcePath": "data.orders.nodes", "failPath": "errors",
                 "errorPath": "errors[0].message"},
    "paging": {
        "method": "body",
        "body": '{"query":"%s","variables":{"after":"{{previous_page.'
                'full_response.data.orders.pageInfo.endCursor}}"}}' % QUERY,
        "lastPagePath": "data.orders.pageInfo.hasNextPage",
        "lastPageValues": ["false"]},
}


def test_graphql_pages_by_cursor(flow, upstream):
    upstream.on("POST", "/graphql", graphql)
    server = flow({"exports": [export(http=GRAPHQL)], "flows": [a_flow()]})
    result = run(server)
    assert [r["id"] for r in result["data"]] == [0, 1, 2, 3, 4]
    assert len(upstream.seen("POST", "/graphql")) == 3


def test_graphql_errors_in_a_good_answer_are_errors(flow, upstream):
    upstream.on("POST", "/graphql", 200, {
        "data": {"orders": {"nodes": [{"id": 1}], "pageInfo": {}}},
        "errors": [{"message": "field x is gone"}]})
    server = flow({"exports": [export(http=GRAPHQL)], "flows": [a_flow()]})
    server.expect_log("FLOW03")
    result = run(server)
    assert result["job"]["status"] == "failed"
    assert "field x is gone" in str(result)


def test_graphql_throttling_inside_a_good_answer_waits(flow, upstream):
    upstream.on("POST", "/graphql", [
        (200, {"errors": [{"message": "slow",
                           "extensions": {"code": "THROTTLED"}}]},
         {"Retry-After": "0.05"}),
        graphql])
    server = flow({"exports": [export(http=GRAPHQL)], "flows": [a_flow()]}, """
  FlowSet http.rateLimit.failPath errors[0].extensions.code
  FlowSet http.rateLimit.failValues THROTTLED
""")
    assert len(run(server)["data"]) == 5


def test_what_exists_is_updated_the_rest_created(flow, upstream):
    upstream.on("GET", "/orders", 200, [
        {"id": 1, "mail": "a@x"}, {"id": 2, "mail": "b@x"},
        {"id": 3, "mail": "gone@x"}])
    upstream.on("GET", "/find", lambda r: (
        200, {"list": [{"id": "7"}] if r.query["q"] == ["a@x"] else []}))
    upstream.on("PUT", "/customers/7", 200, {"id": "7"})
    upstream.on("POST", "/customers", 201, {"id": "8"})
    server = flow({"exports": [export()], "imports": [{
        "_id": "i", "_connectionId": "c",
        "http": {"method": ["PUT", "POST"],
                 "requestType": ["UPDATE", "CREATE"],
                 "relativeURI": ["/customers/{{{lookup.find}}}",
                                 "/customers"],
                 "existingLookupName": "find",
                 "lookups": [{"name": "find",
                              "relativeURI": "/find?q={{record.mail}}",
                              "extract": "list[*].id",
                              "allowFailures": True}]},
        "mapping": {"fields": [{"extract": "mail", "generate": "email"}]}}],
        "flows": [a_flow("i")]})
    job = run(server)["job"]
    assert (job["numSuccess"], job["numError"]) == (3, 0)
    assert upstream.seen("PUT", "/customers/7")[0].json() == {"email": "a@x"}
    assert len(upstream.seen("POST", "/customers")) == 2


def test_many_runs_renew_a_token_once_in_a_process(flow, upstream):
    def guarded(request):
        good = request.headers["Authorization"] == "Bearer fresh-token"
        return (200, [{"id": 1}]) if good else (401, "stale-token")

    upstream.on("GET", "/orders", guarded)
    upstream.on("POST", "/login", 200, {"token": "fresh-token"})
    server = flow({"exports": [export()], "flows": [a_flow()]}, TOKEN)
    results = []
    threads = [threading.Thread(target=lambda: results.append(run(server)))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r["job"]["status"] for r in results] == ["completed"] * 8
    assert len(upstream.seen("POST", "/login")) <= len(server.children())
    assert "fresh-token" not in server.log


def test_a_new_token_is_masked_too(flow, upstream):
    upstream.on("GET", "/orders", lambda r: (
        (400, "bad: fresh-token, stale-token")
        if r.headers["Authorization"] == "Bearer fresh-token" else (401, "")))
    upstream.on("POST", "/login", 200, {"token": "fresh-token"})
    server = flow({"exports": [export()], "flows": [a_flow()]}, TOKEN)
    server.expect_log("FLOW03")
    text = str(run(server))
    assert "bad: ******, ******" in text
    assert "fresh-token" not in server.log + text


def test_too_many_requests_are_a_matter_of_waiting(flow, upstream):
    upstream.on("GET", "/orders", [(429, "", {"Retry-After": "1"}),
                                   (200, [{"id": 1}])])
    server = flow({"exports": [export()], "flows": [a_flow()]})
    assert len(run(server)["data"]) == 1


def test_a_record_that_leads_astray_stops_no_other(flow, upstream):
    upstream.on("GET", "/orders", 200, [
        {"id": 1, "to": "/in/1"}, {"id": 2, "to": "http://elsewhere.test/in"},
        {"id": 3, "to": "/in/3"}])
    upstream.on("POST", "/in/1", 200, {}).on("POST", "/in/3", 200, {})
    result = run(flow({
        "exports": [export()],
        "imports": [{"_id": "i", "_connectionId": "c", "http": {
            "method": ["POST"], "relativeURI": ["{{{record.to}}}"]}}],
        "flows": [a_flow("i")]}))
    assert (result["job"]["numSuccess"], result["job"]["numError"]) == (2, 1)
    assert [e["code"] for e in result["errors"]] == ["url_foreign"]
    assert len(upstream.seen("POST", "/in/3")) == 1
