"""Old versions and trash under lack of space: a small file system of its own that uploads fill to the
brim, and quotas."""

import json
import os
import random
import re
import shutil
import subprocess

import pytest

from harness.env import wait_until

KIB = 1 << 10
MIB = 1 << 20
SIZE = 48 * MIB
LOW, HIGH = 50, 70

MARKS = f"CloudRetentionDisk {LOW} {HIGH}\n"
KEEP = MARKS + "CloudVersionsRetention disabled\nCloudTrashRetention disabled\n"
YOUNG = MARKS + "CloudVersionsRetention 1, auto\nCloudTrashRetention 1, auto\n"
# Two ages and no thinning: what goes, goes for want of space alone
OLD = MARKS + "CloudVersionsRetention 0, 1000\nCloudTrashRetention 0, auto\n"


def mount(folder):
    """A new ext4 on a loop device at folder, or a reason why not."""
    image = folder.parent / "disk.img"
    with open(image, "wb") as file:
        file.truncate(SIZE)
    if os.geteuid() != 0:
        return "mounting takes root"
    if not shutil.which("mkfs.ext4"):
        return "there is no mkfs.ext4"
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-N", "8000", "-E", "root_owner=0:0", image],
                   check=True)
    done = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True,
                          check=False)
    return f"no loop device: {done.stderr.strip()}" if done.returncode else None


@pytest.fixture(name="small")
def fixture_small(new_env):
    """A server whose data directory is a disk of its own."""
    env = new_env()
    env.data.mkdir(mode=0o755)
    problem = mount(env.data)
    if problem:
        pytest.skip(problem)
    try:
        (env.data / "lost+found").rmdir()
        shutil.chown(env.data, "www-data", "www-data")
        env.cloudctl("init")
        env.config(KEEP)
        yield env
    finally:
        env.stop()
        subprocess.run(["umount", "-l", env.data], check=True)


def wait_for_room(env):
    wait_until(lambda: filled(env) < LOW + 4, f"the jobs, from {filled(env):.1f} percent on", 90)


def fill_up(env):
    """Somebody else takes all that is left, to the last byte."""
    path = env.data / "ballast"
    with open(path, "ab", buffering=0) as file:
        for size in (64 * KIB, 4 * KIB, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                pass
    return path


def reserve(env):
    """Bytes that the server keeps for the day when the disk is full."""
    path = env.data / ".cloud/reserve"
    return path.stat().st_blocks * 512 if path.exists() else 0


def filled(env):
    """Percent of what uploads may use: they leave a twentieth of so small a disk alone."""
    disk = os.statvfs(env.data)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    room = max(disk.f_bavail * disk.f_frsize - disk.f_blocks // 20 * disk.f_frsize, 0)
    return 100 * used / (used + room)


class History:
    """What an account uploads and deletes, with contents that are made again from their name."""

    def __init__(self, account):
        self.account = account
        self.files = {}     # path -> number of the content
        self.number = 0

    def content(self, number):
        return random.Random(f"{self.account.id} {number}").randbytes(MIB // 2)

    def put(self, path):
        """False when there is no room."""
        self.number += 1
        answer = self.account.put(path, self.content(self.number), expect=(201, 204, 507))
        if answer.status_code == 507:
            return False
        self.files[path] = self.number
        return True

    def delete(self, path):
        self.account.delete(path)
        del self.files[path]

    def check(self):
        for path, number in self.files.items():
            assert self.account.get(path).content == self.content(number), path

    def fill(self):
        """Writes new files, overwrites and deletes until there is no room for another one."""
        step = 0
        while self.put(f"new{step}") and self.put("over") and self.put(f"gone{step}"):
            self.delete(f"gone{step}")
            step += 1
        assert step > 5

    def versions(self):
        done = self.account.env.cloudctl("--json", "versions", "list", "over", "--account",
                                         self.account.id)
        return [row["number"] for row in json.loads(done.stdout)]

    def trash(self):
        done = self.account.env.cloudctl("--json", "trash", "list", "--account", self.account.id)
        return {row["location"]: row["id"] for row in json.loads(done.stdout)}


def expire(env, *args):
    """How many versions and items of the trash an expiry removes, or would."""
    done = [json.loads(env.cloudctl("--json", what, "expire", *args).stdout)
            for what in ("versions", "trash")]
    return done[0]["versions"], done[1]["removed"]


def test_a_disk_that_uploads_fill(small):
    history = History(small.account())
    small.start()
    history.fill()
    assert filled(small) > 95
    versions, trash = history.versions(), history.trash()
    assert len(versions) > 5 and len(trash) > 5

    # Nothing may go, and all that needs no room works; also for a server that starts like that.
    small.restart()
    assert expire(small) == (0, 0)
    history.check()
    history.account.mkcol("folder")
    history.account.move("over", "folder/over")
    history.account.move("folder/over", "over")
    history.account.delete("folder")
    # The database's log may have given a little back.
    assert not all(history.put(f"more{number}") for number in range(10))

    # A minimum age is kept, whatever the disk is like, by cloudctl and by the jobs.
    small.config(YOUNG)
    assert expire(small, "--dry-run") == expire(small) == (0, 0)
    assert history.versions() == versions
    assert history.trash().items() >= trash.items()

    # What may go goes, oldest first, down to the low mark and not much further.
    small.cloudctl("versions", "tag", "over", versions[-1], "1.0", "--account",
                   history.account.id)
    small.config(OLD)
    wait_for_room(small)
    wait_until(lambda: not any((small.data / "accounts" / history.account.id / "purge").iterdir()),
               "the purge")
    assert filled(small) > LOW - 8
    left = history.versions()
    assert versions[-1] in left                         # has a tag
    assert left[:2] == versions[:2]                     # the newest
    assert [number for number in left if number != versions[-1]] == versions[:len(left) - 1]
    history.check()
    while history.put("over") and filled(small) < HIGH - 3:
        pass
    history.check()
    assert filled(small) > LOW
    assert small.cloudctl("fsck").returncode == 0


def test_trash_goes_when_versions_do_not_do(small):
    history = History(small.account())
    small.start()
    history.fill()
    trash = list(history.trash())
    small.config(MARKS + "CloudVersionsRetention disabled\nCloudTrashRetention 0, auto\n")
    kept = history.versions()
    wait_until(lambda: not history.trash() or filled(small) < LOW + 4, "the job", 90)
    assert history.versions() == kept
    left = list(history.trash())
    assert len(left) < len(trash)
    history.check()
    wait_until(lambda: history.put("again"), "what was removed to be unlinked")


def test_killed_on_a_full_disk(small):
    """What was decided on a full disk is done by the process that comes after."""
    history = History(small.account())
    small.start()
    history.fill()
    small.kill()
    small.config(OLD)
    small.start()
    history.check()
    wait_for_room(small)
    small.kill()
    small.start()
    history.check()
    wait_until(lambda: history.put("again"), "what was removed to be unlinked")
    assert small.cloudctl("fsck").returncode == 0


def test_filled_by_somebody_else(small):
    """There is room again when what was in the way is gone; nothing is lost meanwhile."""
    history = History(small.account())
    small.start()
    history.fill()
    ballast = fill_up(small)
    wait_until(lambda: reserve(small) == 0, "the reserve to be given up")
    fill_up(small)
    assert os.statvfs(small.data).f_bavail == 0
    small.expect_log("No space left|not enough space|disk is full|disk I/O|is full|available again")
    history.check()
    for _ in range(5):
        answer = history.account.dav("DELETE", "new0")
        assert answer.status_code in (204, 503, 507)
        if answer.status_code == 204:
            del history.files["new0"]
            break
    ballast.unlink()
    wait_until(lambda: history.account.dav("PROPFIND").status_code == 207, "the store")
    history.check()
    small.config(OLD)
    wait_for_room(small)
    wait_until(lambda: history.put("again"), "what was removed to be unlinked")


def test_files_can_be_deleted_on_a_full_disk(small):
    account = small.account()
    small.start()
    for number in range(8):
        account.put(f"f{number}", os.urandom(MIB))
    wait_until(lambda: reserve(small) >= SIZE // 50, "the reserve")
    small.stop()
    # Of two processes that end at the same moment each can leave the log to the other: one comes alone
    assert small.cloudctl("account", "list").returncode == 0
    assert not list(small.data.glob("cloud.db-*"))
    ballast = fill_up(small)
    assert os.statvfs(small.data).f_bavail == 0
    small.expect_log("the reserve is given up")
    small.start()
    assert reserve(small) == 0
    assert account.dav("PROPFIND").status_code == 207
    account.put("more", b"x" * MIB, expect=(507,))
    for number in range(5):
        account.delete(f"f{number}")
    trash = f"{small.origin}/remote.php/dav/trash-bin/{account.id}/"
    assert account.http.delete(trash).status_code == 204
    wait_until(lambda: os.statvfs(small.data).f_bavail * KIB > 4 * MIB, "what was removed to go")
    account.put("again", b"y")
    # The reserve is made again.
    ballast.unlink()
    wait_until(lambda: reserve(small) >= SIZE // 50, "the reserve")
    assert account.get("again").content == b"y"
    assert small.cloudctl("fsck").returncode == 0


# ---- quota ----

@pytest.mark.parametrize("obligation, goes", [("0, 1000", True), ("1, auto", False),
                                              ("disabled", False)])
def test_quota(env, obligation, goes):
    """Versions and trash each take at most half of what the files leave."""
    account = env.account()
    for step in range(10):
        account.put("over", os.urandom(100 * KIB))
        account.put(f"gone{step}", os.urandom(100 * KIB))
        account.delete(f"gone{step}")
    env.cloudctl("account", "quota", account.id, "600 KB")
    env.config(f'CloudVersionsRetention "{obligation}"\nCloudTrashRetention "{obligation}"')
    for what in ("versions", "trash"):
        dry = env.cloudctl("--json", what, "expire", "--dry-run", "--account", account.id)
        done = env.cloudctl("--json", what, "expire", "--account", account.id)
        again = env.cloudctl("--json", what, "expire", "--account", account.id)
        key = "versions" if what == "versions" else "removed"
        assert json.loads(done.stdout)[key] == (0 if not goes else json.loads(dry.stdout)[key])
        assert json.loads(again.stdout)[key] == 0
    versions = json.loads(env.cloudctl("--json", "versions", "list", "--account",
                                       account.id).stdout)[0]
    trash = json.loads(env.cloudctl("--json", "trash", "list", "--account", account.id).stdout)
    if goes:
        # (600 - 100) / 2, and the newest two of the versions in any case
        assert versions["bytes"] == 200 * KIB
        assert [item["location"] for item in trash] == ["gone8", "gone9"]
    else:
        assert versions["versions"] == 9
        assert len(trash) == 10
    assert re.fullmatch(r"\d+", account.prop("over", "oc:fileid"))
