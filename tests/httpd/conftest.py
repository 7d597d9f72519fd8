# SPDX-License-Identifier: Apache-2.0
"""Fixtures. A test that leaves a warning in the error log without having
announced it fails, and so does one whose far end was asked something odd."""
import signal

import pytest

from env import Httpd, Upstream

LIMIT = 120  # seconds a test may take; @pytest.mark.limit(n) says otherwise


def pytest_configure(config):
    config.addinivalue_line("markers",
                            "limit(seconds): how long this test may take")


@pytest.fixture(autouse=True)
def time_limit(request):
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT

    def too_long(signum, frame):
        raise TimeoutError(f"the test took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Put the error log's end under the report of a failed test."""
    report = (yield).get_result()
    item.flow_failed = getattr(item, "flow_failed", False) or report.failed
    for server in getattr(item, "flow_servers", []):
        if report.failed and server.root.exists():
            report.sections.append((f"error log ({call.when})",
                                    server.log[-6000:]))


@pytest.fixture
def new_httpd(request):
    """A function that makes servers; each is stopped and judged at the end."""
    servers = request.node.flow_servers = []

    def make(**kwargs):
        servers.append(Httpd(**kwargs))
        return servers[-1]

    yield make
    complaints = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as trouble:
            complaints.append(str(trouble))
        # A test that failed has said enough, and may not have got as far as
        # what it announced.
        if not request.node.flow_failed:
            complaints.append(server.verdict())
    try:
        trouble = "\n".join(filter(None, complaints))
        if trouble:
            pytest.fail(trouble, pytrace=False)
    finally:
        for server in servers:
            server.destroy()


@pytest.fixture
def httpd(new_httpd):
    return new_httpd()


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()
    assert not server.unexpected
