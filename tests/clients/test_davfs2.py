"""davfs2: the files mounted, with locks, and programs that know nothing of WebDAV."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from harness import trees
from harness.env import wait_until

if not os.path.exists("/dev/fuse"):
    pytest.skip("there is no /dev/fuse", allow_module_level=True)
if os.geteuid() != 0:
    pytest.skip("only root can mount", allow_module_level=True)

# Linux since 6.13 reads folders in larger pieces than davfs2 expects: hence buf_size
CONF = """\
secrets {home}/secrets
cache_dir {home}/cache
use_locks 1
lock_timeout 600
delay_upload 0
gui_optimize 0
buf_size 256
"""


def daemons():
    """Process ids of the mount.davfs that are children of ours."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            if Path(f"/proc/{pid}/comm").read_text() == "mount.davfs\n":
                found.add(int(pid))
    return found


class Mount:
    def __init__(self, clients, account, name):
        home = clients.folder(name)
        (home / "davfs2.conf").write_text(CONF.format(home=home))
        (home / "secrets").write_text(f'"{account.url()}" "{account.id}" "{account.password}"\n')
        (home / "secrets").chmod(0o600)
        (home / "cache").mkdir(mode=0o777)
        (home / "cache").chmod(0o1777)
        self.place = home / "mounted"
        self.place.mkdir()
        self.command = ["mount.davfs", account.url(), self.place, "-o", f"conf={home}/davfs2.conf"]
        self.clients = clients
        self.daemon = None

    def __enter__(self):
        before = daemons()
        self.clients.run(self.command)
        self.daemon, = daemons() - before
        return self.place

    def __exit__(self, *exc):
        """Returns when everything has been sent. The daemon has become a child of ours (the tests
        adopt orphans), and umount waits until it is gone altogether."""
        with subprocess.Popen(["umount", str(self.place)]) as umount:
            wait_until(lambda: umount.poll() or os.waitpid(self.daemon, os.WNOHANG)[0],
                       "the end of mount.davfs")
            assert umount.wait(60) == 0


@pytest.fixture(name="mount")
def fixture_mount(clients, account):
    return lambda name="davfs": Mount(clients, account, name)


def shell(place, script):
    return subprocess.run(["bash", "-euc", script], cwd=place, timeout=120, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def test_files(account, mount, log):
    with mount() as place:
        shell(place, """
            echo one > file
            echo two >> file
            test "$(cat file)" = "$(printf 'one\\ntwo')"
            mkdir -p a/b/c
            mv file 'a/b/c/Größe + 100 %.txt'
            cp 'a/b/c/Größe + 100 %.txt' copy
            mv a/b moved
            : > empty
            dd if=/dev/urandom of=random bs=100000 count=20 status=none
            truncate -s 1000 random
            printf 'XY' | dd of=random bs=1 seek=10 conv=notrunc status=none
            mkdir -p away/x/y && touch away/x/y/z && rm -r away
        """)
        inside = (place / "random").read_bytes()
        assert len(inside) == 1000 and inside[10:12] == b"XY"
    tree = trees.remote(account)
    assert sorted(tree) == ["a", "copy", "empty", "moved", "moved/c",
                            "moved/c/Größe + 100 %.txt", "random"]
    assert account.get("copy").content == b"one\ntwo\n"
    assert account.get("random").content == inside
    assert trees.on_disk(account) == tree
    methods = log.methods()
    assert methods["LOCK"] and methods["UNLOCK"], methods
    assert not [request for request in log.requests() if request.status >= 500]


def test_replace_as_editors_do(account, mount):
    account.put("note", b"old")
    with mount() as place:
        shell(place, "echo new > .note.swp; mv .note.swp note; cat note")
    assert account.get("note").content == b"new\n"
    assert sorted(trees.listing(account)) == ["note"]


def test_others_are_locked_out(account, mount):
    """While a file is open for writing, a sync client gets 423."""
    account.put("note", b"old")
    with mount() as place:
        with open(place / "note", "w", encoding="utf-8") as file:
            file.write("new")
            file.flush()
            account.put("note", b"other", expect=(423,))
            account.delete("note", expect=(423,))
    assert account.get("note").content == b"new"
    account.put("note", b"other", expect=(204,))


def test_tar(clients, account, mount, log):
    """A tree is unpacked into the mount; a second mount sees the same."""
    source = clients.folder("source")
    for number in range(30):
        path = source / f"d{number % 7}/e{number % 3}/file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(500 * number))
    with tarfile.open(clients.home / "x.tar", "w") as tar:
        tar.add(source, arcname=".")
    with mount() as place:
        shell(place, f"tar --no-same-owner --no-same-permissions -xmf {clients.home}/x.tar")
    expected = trees.local(source, mtimes=False)
    assert {path: what if what == trees.FOLDER else (*what[:2], None)
            for path, what in trees.remote(account).items()} == expected
    with mount("again") as place:
        seen = trees.local(place, mtimes=False)
        seen.pop("lost+found", None)
        assert seen == expected


def test_git(clients, account, mount):
    """git's renames, appends and exclusive creations."""
    git = "git -c user.name=x -c user.email=x@example.org -c init.defaultBranch=main"
    with mount() as place:
        shell(place, f"""
            mkdir repo && cd repo
            {git} init -q
            echo one > one && {git} add one && {git} commit -qm one
            echo two > two && {git} add two && {git} commit -qm two
            {git} fsck --strict
            {git} mv one eins && {git} commit -qm eins
            test -z "$({git} status --porcelain)"
        """)
    with mount("again") as place:
        assert shell(place / "repo", f"{git} -c safe.directory='*' log --format=%s").split() == \
            ["eins", "two", "one"]
        shell(place / "repo", f"{git} -c safe.directory='*' fsck --strict")
