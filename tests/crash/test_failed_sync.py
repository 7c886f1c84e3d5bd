"""A sync of the database's log that fails: nothing is acknowledged any more, and processes that can
do nothing but start anew do so by themselves."""

import pytest

from harness.dav import error
from harness.env import wait_until

NOT_AVAILABLE = ("Sabre\\DAV\\Exception\\ServiceUnavailable",
                 "Storage is temporarily not available")


@pytest.fixture(name="server")
def fixture_server(new_env):
    env = new_env()
    # One sync fails: the fourth of a process
    env.environ["CLOUD_INJECT_FAIL"] = "sync-log:4"
    env.environ["CLOUD_INJECT_ONCE"] = str(env.data / ".failed")
    return env


def put_until_it_fails(account):
    """Puts until the server says that it can't. Gives the names that were acknowledged, and the
    answer that was not."""
    acknowledged = []
    for n in range(400):
        answer = account.dav("PUT", f"f{n}", data=f"content {n}".encode())
        if answer.status_code != 201:
            return acknowledged, answer
        acknowledged.append(n)
    raise AssertionError("no sync failed")


def test_the_process_stops_acknowledging_and_ends(server):
    server.expect_log("sync of the database log failed, stopping")
    server.expect_log("writing to .* failed in a way that only a new process can recover from")
    server.start()
    account = server.account()
    before = set(server.children())
    acknowledged, answer = put_until_it_fails(account)
    assert answer.status_code == 503
    assert error(answer) == NOT_AVAILABLE
    wait_until(lambda: not before & set(server.children()), "the end of the processes")
    wait_until(lambda: len(server.children()) >= 2, "new processes")
    account.close()
    # What was acknowledged is there; what was not is there whole, or not at all
    for n in acknowledged:
        assert account.get(f"f{n}").content == f"content {n}".encode()
    last = account.get(f"f{len(acknowledged)}")
    assert last.status_code in (200, 404)
    if last.status_code == 200:
        assert last.content == f"content {len(acknowledged)}".encode()
    text = server.log.files()[0].read_text()
    assert text.count("only a new process can recover from") == len(before)
