# SPDX-License-Identifier: Apache-2.0
"""flowctl try, and with it every example of docs/mapping.md."""
import json
import pathlib
import re
import subprocess

import pytest

from env import FLOWCTL

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = re.findall(r"^```json (mapping|transform|filter)\n(.*?)^```$",
                      (DOCS / "mapping.md").read_text(), re.M | re.S)


class Text(str):
    """A number as its text: what is only moved keeps it."""


def parse(text):
    return json.loads(text, parse_float=Text, parse_int=Text)


def try_(tmp_path, kind, doc, record, *options):
    (tmp_path / "doc").write_text(
        doc if isinstance(doc, str) else json.dumps(doc, indent=1))
    (tmp_path / "record").write_text(
        record if isinstance(record, str) else json.dumps(record))
    return subprocess.run(
        [str(FLOWCTL), "try", kind, "doc", "--record", "record", *options],
        cwd=tmp_path, text=True, capture_output=True, timeout=30,
        stdin=subprocess.DEVNULL, check=False)


def test_there_are_examples():
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("kind,text", EXAMPLES)
def test_an_example_of_the_manual_is_true(tmp_path, kind, text):
    example = json.loads(text)
    record = re.search(r'"record": (.*?),\n "', text, re.S).group(1)
    got = try_(tmp_path, kind, text_without(text), record)
    assert got.returncode == 0, got.stderr
    assert parse(got.stdout) == parse(text)["result"], example


def text_without(text):
    """The document: the example without its record and result."""
    text = re.sub(r'\{"record": .*?,\n "', '{"', text, count=1, flags=re.S)
    return re.sub(r',\n "result": .*\}\n?$', "}", text, flags=re.S)


def test_a_template_prints_its_text(tmp_path):
    got = try_(tmp_path, "template",
               "{{record.a}} {{a}} {{settings.x}} {{data.0.a}}\n",
               '{"a": 19.90}')
    assert (got.returncode, got.stdout) == (0, "19.90 19.90  19.90\n")
    got = try_(tmp_path, "template", "{{record.a}}", {"a": "ä b"},
               "--escape", "uri", "--json")
    assert json.loads(got.stdout) == {"result": "%C3%A4%20b"}


def test_context_stands_beside_the_record(tmp_path):
    (tmp_path / "context").write_text('{"settings": {"x": "y"}}')
    got = try_(tmp_path, "template", "{{settings.x}}", {}, "--context",
               "context")
    assert got.stdout == "y\n"


def test_a_mistake_in_a_template_has_its_place(tmp_path):
    got = try_(tmp_path, "template", "a\n{{#if x}}", {})
    assert got.returncode == 1
    assert "line 2" in got.stderr and got.stderr.startswith("doc: ")


def test_all_mistakes_of_a_mapping_have_their_lines(tmp_path):
    doc = {"mappings": [
        {"generate": "a", "dataType": "strng", "extract": "$.a",
         "status": "Active"},
        {"generate": "b", "dataType": "string", "extract": "$.b"}]}
    got = try_(tmp_path, "mapping", doc, {})
    assert got.returncode == 1
    assert got.stderr.splitlines() == [
        "doc:3: mappings[0]: 'a': unknown dataType 'strng'; did you mean "
        "'string'",
        "doc:9: mappings[1]: 'b': 'status' is missing; write \"status\": "
        "\"Active\""]
    got = try_(tmp_path, "mapping", doc["mappings"], {}, "--json")
    errors = json.loads(got.stdout)["errors"]
    assert [(e["line"], e["field"], e["code"]) for e in errors] == [
        (2, "[0]", "mapping_field"), (8, "[1]", "mapping_field")]


def test_a_filter_says_yes_or_no_or_where_it_is_wrong(tmp_path):
    got = try_(tmp_path, "filter", ["equals", ["extract", "a"], 1.0], {"a": 1})
    assert (got.returncode, got.stdout) == (0, "true\n")
    got = try_(tmp_path, "filter", {"expression": {"version": "1", "rules": [
        "and", ["equals", ["extract", "a"], 1], ["equl", 1, 2]]}}, {"a": 1})
    assert got.returncode == 1
    assert got.stderr == ("doc:14: expression.rules[2]: unknown operator "
                          "'equl'; did you mean 'equals'\n")


def test_a_record_that_fails_says_why(tmp_path):
    doc = {"mapping": {"fields": [{"extract": "a", "generate": "b",
                                   "dataType": "number"}]}}
    got = try_(tmp_path, "mapping", doc, {"a": "x"})
    assert got.returncode == 1
    assert got.stderr == ("doc: mapping.fields[0] 'b': a number is needed, "
                          "found text that is none\n")
    got = try_(tmp_path, "mapping", doc, {"a": "x"}, "--json")
    assert json.loads(got.stdout)["errors"][0]["code"] == "mapping_number"


def test_requests_and_conditions_can_be_tried(tmp_path):
    doc = {"mapping": {"fields": [
        {"generate": "n", "extract": "a",
         "conditional": {"when": "record_updated"}},
        {"generate": "r", "lookupName": "find"}]},
        "http": {"lookups": [{"name": "find", "relativeURI": "/x"}]}}
    got = try_(tmp_path, "mapping", doc, {"a": 1})
    assert json.loads(got.stdout) == {"r": "lookup.find"}
    got = try_(tmp_path, "mapping", doc, {"a": 1}, "--update")
    assert json.loads(got.stdout) == {"n": 1, "r": "lookup.find"}


def test_the_command_line_explains_itself(tmp_path):
    for arguments, text in (
            (["try", "maping", "doc"], "did you mean 'try mapping'"),
            (["try", "mapping", "doc"], "'--record FILE' is missing"),
            (["try", "mapping", "--record", "r"], "the file is missing"),
            (["try", "template", "doc", "--record", "record", "--escape",
              "jsn"], "none of none uri json")):
        (tmp_path / "doc").write_text("x")
        (tmp_path / "record").write_text("{}")
        got = subprocess.run([str(FLOWCTL), *arguments], cwd=tmp_path,
                             text=True, capture_output=True, timeout=30,
                             stdin=subprocess.DEVNULL, check=False)
        assert got.returncode == 2
        assert text in got.stderr
    got = subprocess.run([str(FLOWCTL), "try", "filter", "nix", "--record",
                          "record"], cwd=tmp_path, text=True,
                         capture_output=True, timeout=30,
                         stdin=subprocess.DEVNULL, check=False)
    assert got.returncode == 1
    assert "nix" in got.stderr
