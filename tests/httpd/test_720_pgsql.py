# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL for several servers, and all that can be taken away from
them."""
import os
import shutil
import subprocess
import time

import pytest

from env import wait_for
from storm import LONG, Pgsql, Storm, judge, numbers, prepare

MUCH = 600 if LONG else 60  # events between two blows
ROUNDS = 10 if LONG else 2


@pytest.fixture
def pgsql():
    server = Pgsql()
    yield server
    server.destroy()


def start(httpd, upstream, pgsql, more=""):
    upstream.on("POST", "/in", 200, {})
    return prepare(httpd, upstream, pgsql.params, more).start()


def test_an_event_is_stored_in_postgresql_and_run(httpd, upstream, pgsql):
    start(httpd, upstream, pgsql)
    assert httpd.post("/hook0/t", json={"n": 1}).status_code == 204
    wait_for(lambda: numbers(upstream) == {1: 1}, 10, "the event")
    wait_for(lambda: pgsql.sql("SELECT status FROM job") == "completed", 10,
             "its job's end")
    assert pgsql.sql("SELECT count(*) FROM event") == "1"


def test_text_that_the_database_refuses_is_stored_repaired(httpd, upstream,
                                                          pgsql):
    start(httpd, upstream, pgsql)
    for body in (b'{"n":1,"t":"a\\u0000b"}', b'{"n":2,"t":"\\ud800"}',
                 b'{"n":3,"t":"\xed\xa0\x80\xff"}'):
        got = httpd.post("/hook0/t", data=body,
                         headers={"Content-Type": "application/json"})
        assert got.status_code in (204, 400), got.text
    assert httpd.post("/hook0/t", json={"n": 4}).status_code == 204
    wait_for(lambda: 4 in numbers(upstream) and 1 in numbers(upstream), 10,
             "the events")


@pytest.mark.limit(600)
def test_kill_9_of_children_and_of_all_loses_nothing(httpd, upstream, pgsql):
    start(httpd, upstream, pgsql)
    storm = Storm([httpd])
    for _ in range(ROUNDS):
        storm.wait_accepted(MUCH)
        httpd.kill9_child()
        storm.wait_accepted(MUCH)
        httpd.kill9_all()
        httpd.start()
    storm.wait_accepted(MUCH)
    judge(upstream, storm.stop(), ROUNDS * 2 * 8, 300)


@pytest.mark.limit(600)
def test_kill_9_of_the_database_loses_nothing(httpd, upstream, pgsql):
    start(httpd, upstream, pgsql)
    children = httpd.children()
    storm = Storm([httpd])
    for _ in range(ROUNDS):
        storm.wait_accepted(MUCH)
        pgsql.kill()
        # What needs no store goes on; what does is told to come again.
        assert httpd.get("/api?n=5").json() == {"n": 5}
        refused = storm.refused[503]
        wait_for(lambda: storm.refused[503] > refused, 20, "a 503")
        pgsql.start()
    storm.wait_accepted(MUCH)
    assert httpd.children() == children, "nobody ends because of a database"
    judge(upstream, storm.stop(), ROUNDS * 8, 300)


@pytest.mark.limit(600)
def test_cut_sessions_lose_nothing(httpd, upstream, pgsql):
    start(httpd, upstream, pgsql)
    storm = Storm([httpd])
    for _ in range(3 * ROUNDS):
        storm.wait_accepted(MUCH)
        assert pgsql.cut() > 0
    storm.wait_accepted(MUCH)
    # No process has ended, so no page is repeated but those whose commit was
    # cut off.
    judge(upstream, storm.stop(), 3 * ROUNDS * 4, 300)


@pytest.mark.limit(300)
def test_without_a_database_at_the_start_it_comes_later(httpd, upstream, pgsql):
    pgsql.stop()
    start(httpd, upstream, pgsql)
    httpd.expect_log("FLOW0340")
    assert httpd.get("/api?n=5").json() == {"n": 5}
    got = httpd.post("/hook0/t", json={"n": 1})
    assert got.status_code == 503
    assert "Retry-After" in got.headers
    pgsql.start()
    wait_for(lambda: httpd.post("/hook0/t", json={"n": 2}).status_code == 204,
             20, "the store")
    wait_for(lambda: 2 in numbers(upstream), 20, "the event")


@pytest.mark.limit(300)
def test_other_peoples_idle_sessions_take_nothing_away(httpd, upstream, pgsql):
    start(httpd, upstream, pgsql)
    idle = pgsql.idle_sessions(100)
    storm = Storm([httpd])
    storm.wait_accepted(MUCH)
    for s in idle:
        s.close()
    judge(upstream, storm.stop(), 0)


@pytest.mark.limit(600)
def test_a_database_that_takes_no_more_sessions(httpd, upstream, pgsql):
    """Those that there are go on; a server that has none waits for one."""
    start(httpd, upstream, pgsql)
    storm = Storm([httpd])
    storm.wait_accepted(MUCH)
    taken = pgsql.exhaust()
    storm.wait_accepted(2 * MUCH)
    storm.stop()
    httpd.stop()
    taken += pgsql.exhaust()  # what it has given back
    httpd.allow_log("FLOW0340")
    httpd.start()
    got = httpd.post("/hook0/t", json={"n": -1})
    assert got.status_code == 503 and "Retry-After" in got.headers
    assert httpd.get("/api?n=5").json() == {"n": 5}
    for s in taken:
        s.close()
    wait_for(lambda: httpd.post("/hook0/t", json={"n": -2}).status_code == 204,
             20, "a session")
    judge(upstream, storm.accepted | {-2}, 0, 300)


FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'could not extend file: No space left on device'
    USING ERRCODE = '53100';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON %s
  FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
"""


@pytest.mark.limit(600)
@pytest.mark.parametrize("table", ["event", "job"])
def test_a_disk_without_room_refuses_and_loses_nothing(httpd, upstream, pgsql,
                                                       table):
    """As the database says it; no storage event can be accepted, and runs
    under way wait for the room that they need."""
    start(httpd, upstream, pgsql)
    children = httpd.children()
    storm = Storm([httpd])
    for _ in range(ROUNDS):
        storm.wait_accepted(MUCH)
        pgsql.sql(FULL % table)
        assert httpd.get("/api?n=5").json() == {"n": 5}
        refused = storm.refused[503]
        wait_for(lambda: storm.refused[503] > refused + 20, 20, "503s")
        before = len(storm.accepted)
        time.sleep(0.5)
        assert len(storm.accepted) <= before + 8  # those on their way back
        pgsql.sql("DROP FUNCTION full_disk CASCADE")
    storm.wait_accepted(MUCH)
    assert httpd.children() == children
    judge(upstream, storm.stop(), 0, 300)
    wait_for(lambda: pgsql.sql("SELECT count(*) FROM job WHERE status <>"
                               " 'completed'") == "0", 60, "the ends of all")


def test_a_full_tablespace_refuses_and_room_goes_on(httpd, upstream, pgsql):
    if os.getuid() != 0:
        pytest.skip("needs root for a small file system")
    small = pgsql.dir / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0777",
                       "tmpfs", str(small)]).returncode:
        pytest.skip("no tmpfs here")
    try:
        (small / "space").mkdir()
        shutil.chown(small / "space", "postgres")
        start(httpd, upstream, pgsql, "FlowWorkers 0\n")
        pgsql.sql(f"CREATE TABLESPACE small LOCATION '{small}/space'")
        pgsql.sql("ALTER TABLE event SET TABLESPACE small")
        codes = []
        for n in range(90):
            # text that cannot be packed away
            codes.append(httpd.post("/hook0/t", json={
                "n": n, "filler": os.urandom(30000).hex()}).status_code)
        assert codes[0] == 204 and set(codes) == {204, 503}, codes
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)],
                       check=True)
        wait_for(lambda: httpd.post("/hook0/t", json={"n": 1000}
                                    ).status_code == 204, 20, "room")
        count = codes.count(204)
        httpd.stop()
        start(httpd, upstream, pgsql)
        wait_for(lambda: len(numbers(upstream)) >= count + 1, 60,
                 "what was accepted")
        assert set(numbers(upstream)) == {
            n for n, code in enumerate(codes) if code == 204} | {1000}
    finally:
        httpd.stop()
        pgsql.stop()
        subprocess.run(["umount", str(small)])


@pytest.mark.limit(600)
def test_graceful_restarts_and_a_stop_under_load(httpd, upstream, pgsql):
    start(httpd, upstream, pgsql)
    storm = Storm([httpd])
    for _ in range(ROUNDS):
        storm.wait_accepted(MUCH)
        httpd.graceful()
    storm.wait_accepted(MUCH)
    httpd.stop()
    httpd.start()
    storm.wait_accepted(MUCH)
    judge(upstream, storm.stop(), 0, 300)


@pytest.mark.limit(900)
def test_four_servers_share_the_work_and_one_is_killed(new_httpd, upstream,
                                                       pgsql):
    servers = [start(new_httpd(), upstream, pgsql) for _ in range(4)]
    storm = Storm(servers)
    storm.wait_accepted(2000 if LONG else 4 * MUCH, 300)
    servers[1].kill9_all()
    storm.servers = servers[:1] + servers[2:]
    storm.wait_accepted(4 * MUCH, 300)
    accepted = storm.stop()
    # Its jobs are the machine's: nobody waits for a lease.
    judge(upstream, accepted, 8, 300)
    ran = pgsql.sql("SELECT count(*) FROM job WHERE status = 'completed'")
    assert int(ran) >= len(accepted)
    assert pgsql.sql("SELECT count(*) FROM job WHERE status NOT IN"
                     " ('completed')") == "0"


@pytest.mark.limit(300)
def test_a_node_that_only_accepts_leaves_the_work_to_another(new_httpd, upstream,
                                                             pgsql):
    accepting = start(new_httpd(), upstream, pgsql, "FlowWorkers 0\n")
    assert accepting.post("/hook0/t", json={"n": 1}).status_code == 204
    time.sleep(0.5)
    assert numbers(upstream) == {}
    start(new_httpd(), upstream, pgsql)
    wait_for(lambda: 1 in numbers(upstream), 10, "the first event")
    time.sleep(1.5)
    for n in range(2, 6):
        before = time.monotonic()
        assert accepting.post("/hook0/t", json={"n": n}).status_code == 204
        wait_for(lambda: n in numbers(upstream), 10, "the event")
        # seen by looking, within a second or so
        assert time.monotonic() - before < 3
