# SPDX-License-Identifier: Apache-2.0
"""Mappings, transforms and lookups, from a far end to a far end."""
import pytest

from flows import CONNECTION, STEP, a_flow, run, starter

ORDERS = [{"shop": "N1", "orders": [
    {"no": 7, "items": [{"sku": "x", "q": "2"}, {"sku": "y", "q": "1"}]},
    {"no": 8, "items": [{"sku": "z", "q": "5"}]}]}]


@pytest.fixture
def flow(httpd, upstream):
    return starter(httpd, upstream)


def export(ident="e", **more):
    return {"_id": ident, "_connectionId": "c",
            "http": {"method": "GET", "relativeURI": "/orders"}, **more}


def import_(ident="i", http=None, **more):
    return {"_id": ident, "_connectionId": "c",
            "http": {"method": ["POST"], "relativeURI": ["/in"],
                     **(http or {})}, **more}


def field(generate, data_type, extract=None, **more):
    out = {"generate": generate, "dataType": data_type, "status": "Active"}
    if extract is not None:
        out["extract"] = extract
    return {**out, **more}


def sent(upstream, path="/in"):
    return [r.json() for r in upstream.seen("POST", path)]


def test_the_manuals_example(flow, upstream):
    upstream.on("GET", "/orders", 200, ORDERS)
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [export()],
        "imports": [import_(mappings=[
            field("source", "string", "web"),
            field("lines", "objectarray", buildArrayHelper=[
                {"extract": "$.orders[*].items[*]", "mappings": [
                    field("order", "number", "$.orders.no"),
                    field("code", "string",
                          "{{uppercase record.orders.items.sku}}"),
                    field("qty", "number", "$.orders.items.q"),
                    field("shop", "string", "$.shop")]}]),
            field("skus", "stringarray", buildArrayHelper=[
                {"extract": "$.orders[*].items[*].sku"}])])],
        "flows": [a_flow(STEP)]}))
    assert result["job"]["numSuccess"] == 1
    assert sent(upstream) == [{
        "source": "web",
        "lines": [
            {"order": 7, "code": "X", "qty": 2, "shop": "N1"},
            {"order": 7, "code": "Y", "qty": 1, "shop": "N1"},
            {"order": 8, "code": "Z", "qty": 5, "shop": "N1"}],
        "skus": ["x", "y", "z"]}]


@pytest.mark.parametrize("mapper", ["none", "fields", "mappings"])
def test_what_is_only_moved_keeps_its_digits(flow, upstream, mapper):
    text = ('{"price":19.90,"id":9007199254740993,'
            '"big":123456789012345678901234567890,"huge":1e400,"one":1.0}')
    upstream.on("GET", "/orders", 200, text,
                {"Content-Type": "application/json"})
    upstream.on("POST", "/in", 200, {})
    names = ["price", "id", "big", "huge", "one"]
    shape = {
        "none": {},
        "fields": {"mapping": {"fields": [
            {"extract": n, "generate": n} for n in names]}},
        "mappings": {"mappings": [
            field(n, "number", f"$.{n}") for n in names]}}[mapper]
    run(flow({"exports": [export()], "imports": [import_(**shape)],
              "flows": [a_flow(STEP)]}))
    assert upstream.seen("POST", "/in")[0].body.decode() == text


def test_tables_in_mappings_and_templates(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"segment": "A"}, {"segment": "Z"}])
    upstream.on("POST", "/in", 200, {})
    run(flow({
        "exports": [export()],
        "imports": [import_(
            http={"relativeURI": [
                "/in?tier={{lookup \"tiers\" record.segment}}"]},
            mappings=[
                field("tier", "string", "$.segment", lookupName="tiers"),
                field("said", "string",
                      "{{lookup \"tiers\" record.segment}}!")],
            lookups=[{"name": "tiers", "map": {"A": "gold", "B": "silver"},
                      "default": "basic", "allowFailures": True}])],
        "flows": [a_flow(STEP)]}))
    assert sent(upstream) == [{"tier": "gold", "said": "gold!"},
                              {"tier": "basic", "said": "basic!"}]
    assert [r.query["tier"][0] for r in upstream.seen("POST", "/in")] == [
        "gold", "basic"]


def test_a_miss_fails_its_record_only(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"s": "A"}, {"s": "Q"}])
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [export()],
        "imports": [import_(
            mappings=[field("t", "string", "$.s", lookupName="tiers")],
            lookups=[{"name": "tiers", "map": {"A": "gold"}}])],
        "flows": [a_flow(STEP)]}))
    assert sent(upstream) == [{"t": "gold"}]
    assert [(e["code"], e["source"]) for e in result["errors"]] == [
        ("lookup_failed", "lookup")]


@pytest.mark.parametrize("mapper", ["fields", "mappings"])
def test_requests_find_values_for_mappings(flow, upstream, mapper):
    upstream.on("GET", "/orders", 200, [{"mail": "a@b"}, {"mail": "no@b"}])
    upstream.on("GET", "/find", lambda r: (
        200, {"list": [{"id": 19.90}] if r.query["m"][0] == "a@b" else []}))
    upstream.on("POST", "/in", 200, {})
    lookups = [{"name": "find", "method": "GET", "extract": "list[*].id",
                "relativeURI": "/find?m={{record.mail}}",
                "default": "none", "allowFailures": True}]
    shape = {
        "fields": {"mapping": {"fields": [
            {"generate": "id", "lookupName": "find"},
            {"generate": "text", "extract": "<{{lookup.find}}>"}]}},
        "mappings": {"mappings": [
            field("id", "string", lookupName="find"),
            field("text", "string", "<{{lookup.find}}>")],
            "lookups": lookups}}[mapper]
    http = {"lookups": lookups} if mapper == "fields" else {
        "relativeURI": ["/in?id={{lookup.find}}"]}
    run(flow({"exports": [export()], "imports": [import_(http=http, **shape)],
              "flows": [a_flow(STEP)]}))
    got = sent(upstream)
    assert [g["text"] for g in got] == ["<19.9>", "<none>"]
    assert [str(g["id"]) for g in got] == ["19.9", "none"]


def test_caches_are_filled_by_scripts_and_read_by_mappings(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"k": "a"}, {"k": "b"}])
    upstream.on("POST", "/in", 200, {})
    script = """
import { lookupCaches } from 'integrator-api'
export function fill(options) {
  lookupCaches.upsertData('names', [
    {key: 'a', value: JSON.stringify({name: {full: 'Ann'}})}])
  return {data: options.data, errors: options.errors, abort: false}
}
"""
    server = flow({
        "exports": [export(hooks={"preSavePage": {
            "_scriptId": "fill", "function": "fill"}})],
        "imports": [import_(
            mappings=[field("n", "string", "$.k", lookupName="names")],
            lookups=[{"name": "names", "_lookupCacheId": "names",
                      "extract": "$.name.full", "default": "?",
                      "allowFailures": True}])],
        "flows": [a_flow(STEP)]}, {"fill": script})
    result = run(server)
    assert result["errors"] == []
    assert sent(upstream) == [{"n": "Ann"}, {"n": "?"}]


def test_transforms_create_and_modify(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1, "state": "A", "x": "5"}])
    upstream.on("POST", "/in", 200, {"order": {"key": "k9"}})
    result = run(flow({
        "exports": [export(transform={
            "type": "expression", "expression": {
                "version": "2", "rulesTwoDotZero": {
                    "mode": "modify",
                    "mappings": [
                        field("x", "number", "$.x"),
                        field("state", "string", "$.state",
                              lookupName="states")],
                    "lookups": [{"name": "states",
                                 "map": {"A": "active"}}]}}})],
        "imports": [import_(responseTransform={
            "type": "expression", "expression": {
                "version": "1", "rules": [[
                    {"extract": "order.key", "generate": "erp.key"}]]}})],
        "flows": [a_flow({**STEP, "responseMapping": {"fields": [
            {"extract": "_json.erp.key", "generate": "key"}]}})]}))
    assert sent(upstream) == [{"id": 1, "state": "active", "x": 5}]
    assert result["data"] == [
        {"id": 1, "state": "active", "x": 5, "key": "k9"}]


def test_record_created_and_updated_follow_the_composite_rule(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1, "erp": "7"}, {"id": 2}])
    upstream.on("PUT", "/in/7", 200, {})
    upstream.on("POST", "/in", 200, {})
    run(flow({
        "exports": [export()],
        "imports": [import_(
            http={"method": ["PUT", "POST"],
                  "requestType": ["UPDATE", "CREATE"],
                  "relativeURI": ["/in/{{{data.0.erp}}}", "/in"],
                  "existingExtract": "erp"},
            mappings=[
                field("new", "string", "yes",
                      conditional={"when": "record_created"}),
                field("old", "string", "yes",
                      conditional={"when": "record_updated"})])],
        "flows": [a_flow(STEP)]}))
    assert upstream.seen("PUT", "/in/7")[0].json() == {"old": "yes"}
    assert sent(upstream) == [{"new": "yes"}]


def test_rows_are_grouped_and_mapped_to_lists(flow, upstream):
    upstream.on("GET", "/orders", 200, [
        {"no": 7, "sku": "x"}, {"no": 7, "sku": "y"}, {"no": 8, "sku": "z"},
        {"no": 7, "sku": "w"}])
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [export(groupByFields=["no"], pageSize=2)],
        "imports": [import_(mapping={
            "fields": [{"extract": "no", "generate": "order"}],
            "lists": [{"generate": "lines", "fields": [
                {"extract": "*.sku", "generate": "code"}]}]})],
        "flows": [a_flow(STEP)]}))
    assert result["job"]["numExport"] == 3
    assert sent(upstream) == [
        {"order": 7, "lines": [{"code": "x"}, {"code": "y"}]},
        {"order": 8, "lines": [{"code": "z"}]},
        {"order": 7, "lines": [{"code": "w"}]}]


def test_groups_go_on_from_page_to_page(flow, upstream):
    upstream.on("GET", "/orders", lambda r: (
        200, [{"no": 1, "n": 0}, {"no": 2, "n": 1}],
        {"Link": '</more>; rel="next"'}))
    upstream.on("GET", "/more", 200, [{"no": 2, "n": 2}, {"no": 3, "n": 3}])
    upstream.on("POST", "/in", 200, {})
    run(flow({
        "exports": [export(groupByFields=["no"], http={
            "method": "GET", "relativeURI": "/orders",
            "paging": {"method": "linkheader"}})],
        "imports": [import_(mappings=[
            field("n", "numberarray", buildArrayHelper=[
                {"extract": "$[*].n"}])])],
        "flows": [a_flow(STEP)]}))
    assert [r["n"] for r in sent(upstream)] == [[0], [1, 2], [3]]


def test_groups_go_on_from_file_to_file_that_is_taken(httpd, upstream):
    inbox = httpd.writable_dir("in")
    for name, rows in (("a", "1,x"), ("b", "1,y\n2,z"), ("c", "2,w\n3,v")):
        (inbox / f"{name}.csv").write_text(f"no,sku\n{rows}\n")
    upstream.on("POST", "/in", 200, {})
    httpd.start(CONNECTION % (upstream.url(), "") + """
<FlowConnection in>
  FlowSet type filesystem
  FlowSet filesystem.directoryPath "@root@/in"
</FlowConnection>
<FlowExport e>
  FlowSet _connectionId in
  FlowSet file.type csv
  FlowSet groupByFields no
</FlowExport>
<FlowImport i>
  FlowSet _connectionId c
  FlowSet http.method POST
  FlowSet http.relativeURI /in
  FlowSet mappings [{"generate":"skus","dataType":"stringarray",\
"status":"Active","buildArrayHelper":[{"extract":"$[*].sku"}]}]
</FlowImport>
<Flow f>
  FlowSet pageGenerators [{"_exportId":"e"}]
  FlowSet pageProcessors [{"type":"import","_importId":"i"}]
</Flow>
""")
    result = run(httpd)
    assert result["job"]["numSuccess"] == 3
    assert [r["skus"] for r in sent(upstream)] == [
        ["x", "y"], ["z", "w"], ["v"]]
    assert list(inbox.iterdir()) == []


def test_a_lookup_with_children_asks_once_for_each(flow, upstream):
    upstream.on("GET", "/orders", 200, [
        {"id": 1, "items": [{"sku": "x"}, {"sku": "nix"}, {"sku": "y"}]},
        {"id": 2, "items": []}])
    upstream.on("POST", "/stock", lambda r: (
        200, [] if r.json()["code"] == "nix" else [
            {"free": r.json()["code"] + "!", "order": r.json()["order"]}]))
    result = run(flow({
        "exports": [export(), {
            "_id": "stock", "_connectionId": "c", "isLookup": True,
            "oneToMany": True, "pathToMany": "items",
            "http": {"method": "POST", "relativeURI": "/stock"},
            "mappings": [field("code", "string", "$.sku"),
                         field("order", "number", "$._PARENT.id")]}],
        "flows": [a_flow({
            "type": "export", "_exportId": "stock", "responseMapping": {
                "fields": [{"extract": "data[*].order", "generate": "o"}],
                "lists": [{"generate": "stock", "jsonPath": "data",
                           "fields": [{"extract": "free",
                                       "generate": "free"}]}]}})]}))
    assert sent(upstream, "/stock") == [
        {"code": "x", "order": 1}, {"code": "nix", "order": 1},
        {"code": "y", "order": 1}]
    assert [r.get("stock") for r in result["data"]] == [
        [{"free": "x!"}, {}, {"free": "y!"}], []]
    assert result["data"][0]["o"] == [1, 1]


def test_the_body_of_a_lookup_sees_the_mapped_record(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 5, "key": "k"}])
    upstream.on("POST", "/find", 200, {"hit": True})
    run(flow({
        "exports": [export(), {
            "_id": "find", "_connectionId": "c", "isLookup": True,
            "http": {"method": "POST", "relativeURI": "/find?k={{record.key}}",
                     "body": "{\"query\":\"{{record.q}}\"}"},
            "mapping": {"fields": [{"extract": "id", "generate": "q"}]}}],
        "flows": [a_flow({"type": "export", "_exportId": "find"})]}))
    got = upstream.seen("POST", "/find")[0]
    assert got.json() == {"query": "5"}
    assert got.query["k"] == ["k"]


def test_the_manuals_upsert(flow, upstream):
    upstream.on("GET", "/orders", 200, [
        {"email": "a@b", "segment": "A", "remoteId": "7"},
        {"email": "c@d", "segment": "Q"}, {"email": "e@f", "segment": "B"}])
    upstream.on("PUT", "/customers/7", 200,
                {"ok": "true", "customer": {"id": "7"}})
    upstream.on("POST", "/customers", lambda r: (
        200, {"ok": "true", "customer": {"id": "8"}}
        if r.json()["email"] == "c@d" else
        {"ok": "false", "problems": [{"text": "too late"}]}))
    result = run(flow({
        "exports": [export()],
        "imports": [{
            "_id": "i", "name": "Upsert customers",
            "adaptorType": "HTTPImport", "_connectionId": "c",
            "http": {
                "method": ["PUT", "POST"],
                "requestType": ["UPDATE", "CREATE"],
                "relativeURI": ["/customers/{{{data.0.remoteId}}}",
                                "/customers"],
                "existingExtract": "remoteId", "batchSize": 1,
                "requestMediaType": "json",
                "response": {
                    "resourceIdPath": ["customer.id", "customer.id"],
                    "successPath": ["ok", "ok"],
                    "successValues": [["true"], ["true"]],
                    "errorPath": "problems.0.text"}},
            "mappings": [
                field("email", "string", "$.email"),
                field("tier", "string", "$.segment", lookupName="tierMap")],
            "lookups": [{"name": "tierMap",
                         "map": {"A": "gold", "B": "silver"},
                         "default": "basic", "allowFailures": True}]}],
        "flows": [a_flow({**STEP, "responseMapping": {"fields": [
            {"extract": "id", "generate": "id"}]}})]}))
    assert upstream.seen("PUT", "/customers/7")[0].json() == {
        "email": "a@b", "tier": "gold"}
    assert sent(upstream, "/customers") == [
        {"email": "c@d", "tier": "basic"}, {"email": "e@f", "tier": "silver"}]
    assert [r["id"] for r in result["data"]] == ["7", "8"]
    assert "too late" in result["errors"][0]["message"]


def test_the_manuals_create_only(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"tag": "old"}, {"tag": "new"}])
    upstream.on("GET", "/tags", lambda r: (
        200, {"list": [{"id": 1}] if r.query["name"][0] == "old" else []}))
    upstream.on("POST", "/tags", 201, {"id": 2})
    result = run(flow({
        "exports": [export()],
        "imports": [{
            "_id": "i", "name": "Add missing tags",
            "adaptorType": "HTTPImport", "_connectionId": "c",
            "ignoreExisting": True,
            "http": {
                "method": ["POST"], "relativeURI": ["/tags"],
                "requestType": ["CREATE"], "ignoreLookupName": "findTag",
                "lookups": [{
                    "name": "findTag", "method": "GET",
                    "relativeURI": "/tags?name={{record.tag}}",
                    "extract": "list.0.id", "allowFailures": True}]}}],
        "flows": [a_flow(STEP)]}))
    assert sent(upstream, "/tags") == [{"tag": "new"}]
    assert result["job"]["numIgnore"] == 1


def test_an_envelope_sees_settings(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 5}])
    upstream.on("POST", "/in", 200, {})
    run(flow({
        "exports": [export()],
        "imports": [import_(
            mappingContext="envelope", settings={"channel": "web"},
            mappings=[field("id", "number", "$.record.id"),
                      field("channel", "string",
                            "$.settings.import.channel")])],
        "flows": [a_flow(STEP)]}))
    assert sent(upstream) == [{"id": 5, "channel": "web"}]


def test_all_mistakes_of_a_mapping_are_told_at_once(httpd):
    httpd.files({"docs/bundle.json": {
        "imports": [import_(mappings=[
            field("a", "strng", "$.x"),
            {"generate": "b", "dataType": "string", "extract": "$.x"},
            field("c", "string", "{{nohelper x}}"),
            field("d", "number", "twelve"),
            field("e", "string", "$.x", lookupName="nix")],
            lookups=[{"name": "nox", "map": []}])]}})
    status, text = httpd.check(
        CONNECTION.split("<Location")[0] % ("http://127.0.0.1:1", "")
        + 'FlowInclude "@root@/docs"\n')
    assert status != 0
    for part in ("mappings[0]", "did you mean 'string'", "mappings[1]",
                 "'status' is missing", "mappings[2]", "nohelper",
                 "mappings[3]", "the constant is no number", "mappings[4]",
                 "did you mean 'nox'", "lookups[0]", "must be an object"):
        assert part in text, part


def test_the_lookups_of_a_transform_ask_the_far_end(flow, upstream):
    upstream.on("GET", "/orders", 200, [{"id": 1, "mail": "a@b"},
                                        {"id": 2, "mail": "none"}])
    upstream.on("GET", "/customers", lambda r: (
        200, [{"no": 70}] if r.query.get("m") == ["a@b"] else []))
    upstream.on("POST", "/in", 200, {})
    result = run(flow({
        "exports": [export(transform={
            "type": "expression", "expression": {
                "version": "2", "rulesTwoDotZero": {
                    "mode": "modify",
                    "mappings": [field("customer", "number", "$.mail",
                                       lookupName="find")],
                    "lookups": [{"name": "find",
                                 "relativeURI": "/customers?m={{record.mail}}",
                                 "extract": "0.no"}]}}})],
        "imports": [import_()], "flows": [a_flow(STEP)]}))
    assert sent(upstream) == [{"id": 1, "mail": "a@b", "customer": 70}]
    error, = result["errors"]
    assert error["source"] == "transformation"
    assert "'find' has found nothing" in error["message"]
