"""The desktop clients of ownCloud and Nextcloud when something is wrong: what is on the computer
stays there, and what can go on goes on."""

import random

from desktop import other, same_everywhere
from harness import trees


def small_files(computer, count=5):
    for number in range(count):
        computer.write(f"folder/small {number}", b"%d" % number)


def test_over_quota(env, computer, kind, log):
    account = env.account(quota="5 MB")
    first = computer(account)
    small_files(first)
    first.write("folder/too big", random.randbytes(8_000_000))
    first.write("other/too big", random.randbytes(25_000_000))
    first.write("other/fits", random.randbytes(1_000_000))
    done = first.sync(check=False)
    assert done.returncode != 0
    statuses = {request.path.rsplit("/", 1)[1]: request.status
                for request in log.requests("PUT", below="remote.php/dav/files/")}
    assert statuses.pop("too big", 507) == 507
    assert set(statuses.values()) == {201} and len(statuses) == 6
    tree = trees.remote(account)
    assert sorted(path for path, what in tree.items() if what != trees.FOLDER) == \
        sorted([*(f"folder/small {number}" for number in range(5)), "other/fits"])
    assert first.path("folder/too big").stat().st_size == 8_000_000
    # With more room they follow
    env.cloudctl("account", "quota", account.id, "100 MB")
    first.forget_failures()
    first.sync()
    same_everywhere(account, first)


def test_maintenance(env, account, computer, kind):
    first = computer(account)
    small_files(first)
    first.sync()
    before = first.tree()
    first.write("new", b"new")
    env.cloudctl("maintenance", "on")
    try:
        assert first.sync(check=False).returncode != 0
        assert first.tree() == {**before, "new": first.tree()["new"]}
    finally:
        env.cloudctl("maintenance", "off")
    first.forget_failures()
    first.sync()
    same_everywhere(account, first)
    assert account.get("new").content == b"new"


def test_disk_not_mounted(env, account, computer, kind, log):
    """Where the account's files should be there is an empty folder: nothing is deleted for it."""
    first = computer(account)
    small_files(first)
    first.sync()
    before = first.tree()
    place = env.data / "accounts" / account.id
    away = place.with_name(f"{account.id}.away")
    place.rename(away)
    place.mkdir()
    env.expect_log("carries no marker|no such file|No such file")
    try:
        log.mark()
        assert first.sync(check=False).returncode != 0
        assert first.tree() == before
        # A computer that has a file to send and one to delete does neither
        first.write("folder/more", b"more")
        first.path("folder/small 1").unlink()
        first.sync(check=False)
    finally:
        place.rmdir()
        away.rename(place)
    statuses = {request.status for request in log.requests(below="remote.php/dav/files/")}
    assert statuses == {503}
    first.forget_failures()
    first.sync()
    tree = same_everywhere(account, first)
    assert "folder/more" in tree and "folder/small 1" not in tree and "folder/small 2" in tree


def test_unreadable_file(env, account, computer, kind):
    """One file's content is missing on the server: the client's copy stays, other files go on."""
    first, second = computer(account), computer(account, other(kind))
    small_files(first)
    first.sync()
    second.sync()
    (env.data / "accounts" / account.id / "files/folder/small 3").rename(env.home / "elsewhere")
    env.expect_log("small 3|content")
    assert account.get("folder/small 3").status_code == 503
    first.write("folder/new", b"new")
    for computer_ in (first, second):
        computer_.sync(check=False)
        assert computer_.path("folder/small 3").read_bytes() == b"3"
        assert computer_.path("folder/new").read_bytes() == b"new"
    (env.home / "elsewhere").rename(env.data / "accounts" / account.id / "files/folder/small 3")
    same_everywhere(account, first, second)


def test_wrong_password(env, account, computer, kind, log):
    first = computer(account)
    small_files(first)
    first.sync()
    before = first.tree()
    env.cloudctl("account", "passwd", account.id, "--password-stdin", input="another\n")
    env.expect_log("AH01617: user .*: authentication failure .*: Password Mismatch")
    log.mark()
    assert first.sync(check=False).returncode != 0
    assert first.tree() == before
    assert {request.status for request in log.requests(below="ocs/")} == {401}
    assert not log.requests()
    account.password = "another"
    account.close()
    first.write("new", b"new")
    first.sync()
    same_everywhere(account, first)


def test_server_gone(new_env, computer, kind):
    env = new_env().start()
    account = env.account()
    first = computer(account)
    small_files(first)
    first.sync()
    before = first.tree()
    env.stop()
    assert first.sync(check=False).returncode != 0
    assert first.tree() == before
    env.start()
    first.sync()
    same_everywhere(account, first)


def test_locked_file(account, computer, kind):
    """Somebody else's lock: the file waits, the others go, and it follows when it is free."""
    from harness.dav import lock_body
    first = computer(account)
    small_files(first)
    first.sync()
    token = account.dav("LOCK", "folder/small 1", data=lock_body()).headers["Lock-Token"]
    first.edit("folder/small 1", b"changed")
    first.edit("folder/small 2", b"changed")
    first.sync(check=False)
    assert account.get("folder/small 1").content == b"1"
    assert account.get("folder/small 2").content == b"changed"
    account.dav("UNLOCK", "folder/small 1", headers={"Lock-Token": token})
    first.forget_failures()
    first.sync()
    same_everywhere(account, first)
