"""rclone, as a client of an ownCloud and of a Nextcloud."""

import hashlib
import json
import os
import random

import pytest

from desktop import assert_same
from harness import trees

NAMES = ("plain.txt", "with space", "per%cent", "a+b&c=d;e", "#hash?", "quote'\"quote",
         "Größe/日本語.txt", "-dash", "[brackets] {braces}", "deep/er/and/deeper/file", "x" * 250,
         "empty", "e:f*g|h<i>",
         "comma, and `tick`", ".hidden", "emoji 😀")


@pytest.fixture(name="folder")
def fixture_folder(clients):
    folder = clients.folder("local")
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else random.randbytes(100 * number))
        os.utime(path, (1400000000 + number, 1400000000 + number))
    return folder


@pytest.fixture(name="vendor")
def fixture_vendor():
    """Tests that are run for both vendors have it as a parameter instead."""
    return "owncloud"


both_vendors = pytest.mark.parametrize("vendor", ["owncloud", "nextcloud"])


@pytest.fixture(name="rclone")
def fixture_rclone(clients, account, vendor):
    """rclone(arguments ...) gives the output."""
    def run(*args, check=True, **kwargs):
        done = clients.rclone(account, *args, vendor=vendor, check=check, **kwargs)
        return done.stdout if check else done
    return run


@both_vendors
def test_sync(account, folder, rclone, log):
    rclone("sync", folder, "cloud:backup")
    # mtime and checksum come with the PUT: nothing has to be set afterwards
    assert set(log.methods()) == {"PROPFIND", "MKCOL", "PUT"}
    assert_same(trees.local(folder),
                {path.removeprefix("backup/"): what for path, what in trees.remote(account).items()
                 if path != "backup"})
    rclone("check", folder, "cloud:backup")
    rclone("check", "--download", folder, "cloud:backup")
    # Again, with one file changed, one new, one gone
    (folder / "plain.txt").write_bytes(b"other")
    (folder / "new").write_bytes(b"new")
    (folder / "-dash").unlink()
    log.mark()
    rclone("sync", folder, "cloud:backup")
    assert sorted(put.path.rsplit("/", 1)[1] for put in log.requests("PUT")) == ["new", "plain.txt"]
    assert [delete.path.rsplit("/", 1)[1] for delete in log.requests("DELETE")] == ["-dash"]
    rclone("check", folder, "cloud:backup")


def test_check_finds_differences(account, folder, rclone):
    rclone("sync", folder, "cloud:")
    account.put("plain.txt", b"x")
    (folder / "new").write_bytes(b"new")
    done = rclone("check", folder, "cloud:", check=False)
    assert done.returncode != 0
    assert "2 differences found" in done.stdout


@both_vendors
def test_hashsum(folder, rclone, vendor):
    rclone("sync", folder, "cloud:")
    for algorithm in ("sha1", "md5") if vendor == "owncloud" else ("sha1",):
        expected = {name: hashlib.new(algorithm, (folder / name).read_bytes()).hexdigest()
                    for name in NAMES}
        lines = rclone("hashsum", algorithm, "cloud:").splitlines()
        assert {line.split("  ", 1)[1]: line.split("  ", 1)[0] for line in lines} == expected


def test_copy_back_with_times(clients, account, folder, rclone, log):
    rclone("sync", folder, "cloud:")
    back = clients.folder("back")
    rclone("copy", "cloud:", back)
    assert_same(trees.local(back), trees.local(folder))
    listed = json.loads(rclone("lsjson", "-R", "--files-only", "--hash", "cloud:"))
    assert {entry["Path"]: entry["Size"] for entry in listed} == \
        {name: (folder / name).stat().st_size for name in NAMES}
    assert "2014-05-13 16:53:20" in rclone("lsl", "cloud:plain.txt")
    log.mark()
    rclone("copy", "cloud:", back)
    assert not log.requests("GET")


def test_moves_and_copies_on_the_server(account, folder, rclone, log):
    rclone("sync", folder, "cloud:a")
    before = trees.ids(account)
    log.mark()
    rclone("moveto", "cloud:a/plain.txt", "cloud:a/b+c/100 %.txt")
    rclone("moveto", "cloud:a", "cloud:z")
    rclone("copyto", "cloud:z/with space", "cloud:z/copy")
    rclone("copy", "cloud:z/deep", "cloud:deep copy")
    assert not log.requests("GET", "PUT")
    after = trees.ids(account)
    assert after["z/b+c/100 %.txt"] == before["a/plain.txt"]
    assert after["z/deep/er"] == before["a/deep/er"]
    assert after["z/copy"] != after["z/with space"]
    tree = trees.remote(account)
    assert tree["z/copy"] == tree["z/with space"]
    assert tree["deep copy/er/and/deeper/file"] == tree["z/deep/er/and/deeper/file"]
    assert trees.on_disk(account) == tree


def test_deletes(account, folder, rclone):
    rclone("sync", folder, "cloud:a")
    rclone("copy", folder, "cloud:b")
    rclone("deletefile", "cloud:a/with space")
    assert "a/with space" not in trees.listing(account)
    rclone("delete", "cloud:a")
    assert {what for path, what in trees.remote(account).items() if path.startswith("a/")} == \
        {trees.FOLDER}
    rclone("rmdirs", "cloud:a")
    rclone("purge", "cloud:b")
    assert trees.listing(account) == {}
    assert rclone("lsf", "cloud:b", check=False).returncode == 3  # there is no such folder


def test_streams_and_ranges(account, rclone):
    """A body of unknown length; a part of a file."""
    data = random.randbytes(3_000_000)
    rclone("rcat", "--streaming-upload-cutoff", "0", "cloud:stream",
           input=data.decode("latin-1"), encoding="latin-1")
    assert account.get("stream").content == data
    part = rclone("cat", "--offset", "1000000", "--count", "10", "cloud:stream",
                  encoding="latin-1")
    assert part.encode("latin-1") == data[1000000:1000010]


def test_quota(env, clients):
    account = env.account(quota="10 MB")
    account.put("used", b"x" * 1_000_000)
    about = json.loads(clients.rclone(account, "about", "--json", "cloud:").stdout)
    total = about["used"] + about["free"]
    assert about["used"] == 1_000_000 and total in (10_000_000, 10 * 1024 * 1024)
    folder = clients.folder("local")
    (folder / "too big").write_bytes(b"x" * 11_000_000)
    (folder / "small").write_bytes(b"small")
    done = clients.rclone(account, "copy", "--retries", "1", "--low-level-retries", "1", folder,
                          "cloud:", check=False)
    assert done.returncode != 0 and "507" in done.stdout
    assert sorted(trees.listing(account)) == ["small", "used"]


def test_big_file(clients, account, rclone):
    folder = clients.folder("local")
    (folder / "big").write_bytes(random.randbytes(30_000_000))
    rclone("copy", folder, "cloud:")
    rclone("check", folder, "cloud:")
    back = clients.folder("back")
    rclone("copy", "--multi-thread-cutoff", "10M", "--multi-thread-streams", "4", "cloud:", back)
    assert trees.local(back) == trees.local(folder)


def test_old_address(clients, account, folder):
    url = account.url(space="webdav")
    clients.rclone(account, "sync", folder, "cloud:x", url=url)
    clients.rclone(account, "check", folder, "cloud:x", url=url)
    clients.rclone(account, "moveto", "cloud:x", "cloud:y", url=url)
    clients.rclone(account, "check", folder, "cloud:y")
