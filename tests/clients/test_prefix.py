"""Stock clients where the cloud is not at the top of its host but at /owncloud/."""

import random

import pytest

from desktop import other, same_everywhere


@pytest.fixture(name="account")
def fixture_account(env):
    env.config(base="/owncloud/")
    return env.account()


def test_desktop(account, computer, log):
    first = computer(account)
    first.write("photos/a", b"a")
    first.write("photos/b c", b"b c")
    first.write("gone", b"")
    first.sync()
    assert log.requests("PUT") and not log.requests("PUT", below="/")
    first.move("photos", "pictures")
    first.edit("pictures/a")
    first.write("big", random.randbytes(11_000_000))  # goes in chunks
    first.path("gone").unlink()
    first.sync()
    assert {move.status for move in log.requests("MOVE")} == {201}
    second = computer(account, other(first.kind))
    second.sync()
    assert set(same_everywhere(account, first, second)) == \
        {"pictures", "pictures/a", "pictures/b c", "big"}


def test_litmus(account, clients):
    done = clients.litmus(account, "basic", "copymove", check=False)
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout and "WARNING" not in done.stdout, done.stdout


def test_rclone(account, clients):
    folder = clients.folder("rclone")
    (folder / "a b").write_bytes(b"a b")
    clients.rclone(account, "sync", folder, "cloud:to")
    clients.rclone(account, "moveto", "cloud:to/a b", "cloud:to/c")
    (folder / "a b").rename(folder / "c")
    clients.rclone(account, "check", folder, "cloud:to")
