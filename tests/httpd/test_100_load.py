# SPDX-License-Identifier: Apache-2.0
"""The module loads, restarts and stops."""
import requests


def test_an_empty_configuration_is_good(httpd):
    status, output = httpd.check()
    assert status == 0, output
    assert "Syntax OK" in output


def test_an_unknown_directive_is_refused(httpd):
    status, output = httpd.check("ServerAdmin you@example.org\nFlowNonsense 1\n")
    assert status != 0
    assert "line 2" in output and "test.conf" in output
    assert "FlowNonsense" in output


def test_the_server_starts_and_answers(httpd):
    httpd.files({"htdocs/index.html": "hello"}).start()
    assert httpd.get("/index.html").text == "hello"
    assert httpd.get("/nothing-here").status_code == 404


def test_a_graceful_restart_replaces_the_children(httpd):
    httpd.files({"htdocs/index.html": "hello"}).start()
    before = set(httpd.children())
    for _ in range(3):
        httpd.graceful()
        assert httpd.get("/index.html").status_code == 200
    assert not before & set(httpd.children())


def test_a_killed_child_is_replaced(httpd):
    httpd.files({"htdocs/index.html": "hello"}).start()
    httpd.kill9_child()
    assert httpd.get("/index.html").status_code == 200


def test_the_server_comes_back_after_a_power_cut(httpd):
    httpd.files({"htdocs/index.html": "hello"}).start()
    httpd.kill9_all()
    httpd.start()
    assert httpd.get("/index.html").status_code == 200


def test_the_harness_sees_an_unannounced_error(httpd):
    httpd.start('<Location "/private">\n  Require all denied\n</Location>')
    assert httpd.get("/private").status_code == 403
    httpd.stop()
    assert "unannounced" in httpd.verdict() and "AH01630" in httpd.verdict()
    httpd.expect_log("AH01630")
    assert httpd.verdict() == ""


def test_the_harness_misses_an_announced_error_that_did_not_come(httpd):
    httpd.start()
    httpd.expect_log("FLOW9999")
    httpd.stop()
    assert "FLOW9999" in httpd.verdict()
    httpd._expected.clear()


def test_the_upstream_answers_as_scripted(upstream):
    upstream.on("POST", "/customers", [(503, "later"), (201, {"id": 7})])
    first = requests.post(upstream.url("/customers?a=1&a=2"), json={"n": 1})
    second = requests.post(upstream.url("/customers"), data="x")
    assert (first.status_code, first.text) == (503, "later")
    assert (second.status_code, second.json()) == (201, {"id": 7})
    seen = upstream.seen("POST", "/customers")
    assert seen[0].json() == {"n": 1} and seen[0].query == {"a": ["1", "2"]}
    assert seen[1].body == b"x"
