"""A disk that is full: what was acknowledged stays, and deleting helps."""

import os
import shutil
import subprocess

import pytest

from harness.env import wait_until

MIB = 1 << 20


@pytest.fixture(name="small")
def fixture_small(new_env):
    """A server whose data directory is a disk of 48 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    env = new_env()
    env.data.mkdir(mode=0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=777", "tmpfs", env.data],
                   check=True)
    try:
        shutil.chown(env.data, "www-data", "www-data")
        env.cloudctl("init")
        yield env
    finally:
        env.stop()
        subprocess.run(["umount", "-l", env.data], check=True)


def fill(env):
    """Somebody else takes all that is left."""
    path = env.data / "ballast"
    with open(path, "ab", buffering=0) as ballast:
        for size in (MIB, 4096):
            try:
                while ballast.write(b"x" * size) == size:
                    pass
            except OSError:
                pass
    return path


def test_a_user_who_fills_the_disk_can_delete_again(small):
    account = small.account()
    small.start()
    data = os.urandom(MIB)
    names = []
    for number in range(100):
        answer = account.put(f"f{number}", data, expect=(201, 507))
        if answer.status_code == 507:
            break
        names.append(f"f{number}")
    assert 30 < len(names) < 48
    for size in (MIB // 16, 4096) * 200:
        answer = account.put("rest", os.urandom(size), expect=(201, 204, 507))
    chunked = account.put("chunked", iter([data] * 20), expect=(507, 201))
    assert chunked.status_code == 507
    account.mkcol("still")
    account.move(names[0], "still/there")
    assert account.get("still/there").content == data
    for name in names[1:8]:
        assert account.get(name).content == data
        account.delete(name)
    wait_until(lambda: account.put("again", data, expect=(201, 204, 507)).status_code != 507,
               "room for a file")
    assert account.get("again").content == data


def test_a_server_that_starts_on_a_full_disk_does_not_crash(small):
    account = small.account()
    (small.data / ".cloud/shm").unlink()
    ballast = fill(small)
    done = small.cloudctl("account", "list", check=False)
    assert done.returncode == 1 and "space" in done.stderr
    small.expect_log("No space left|not enough space|is available again|disk I/O|is full")
    small.start()
    assert account.dav("PROPFIND").status_code in (503, 507)
    ballast.unlink()
    wait_until(lambda: account.dav("PROPFIND").status_code == 207, "the store")
