"""The desktop clients of ownCloud and Nextcloud: names and times that are out of the ordinary."""

import pytest

from desktop import KINDS, other, same_everywhere
from harness.trees import FOLDER

#: Clients cut the name of a temporary file by characters: longer ones they can send but not fetch
LONG = "ü" * 115 + " a long name"

NAMES = (
    "plain", "with space", "two  spaces", "per%cent", "%41", "%2F", "100 %", "a+b", "a&b", "a=b;c",
    "#hash", "a#b", "a?b", "quote'quote", 'double"quote', "back`tick", "(brackets) [and] {braces}",
    "<less>", "a|b", "a:b", "a*b", "$dollar", "~tilde", "!bang", "at@", "com,ma", "caret^", "-dash",
    "--help", "...dots", "trailing.", "o'clock.txt", "index.php", "page.shtml", "code.php.txt",
    "Größe", "naïve café", "日本語.txt", "Ελληνικά", "עברית", "emoji 😀", "\u200bzero width",
    "nbsp\u00a0nbsp", "İstanbul", "ß", "case", "Case", "CASE", LONG, "x" * 250,
    "webdav", "remote.php", "files", "a-chunking-4711-2-1", "con", "AUX.txt",
)


def test_files(account, computer):
    first = computer(account, args=["-h"])
    for name in NAMES:
        first.write(name, name.encode())
    first.sync()
    tree = same_everywhere(account, first)
    assert set(tree) == set(NAMES)
    second = computer(account, other(first.kind), args=["-h"])
    second.sync()
    same_everywhere(account, first, second)
    for name in NAMES:
        assert second.path(name).read_bytes() == name.encode()


def test_folders(account, computer, log):
    first = computer(account, args=["-h"])
    for name in NAMES:
        first.write(f"{name}/{name}", name.encode())
    first.sync()
    second = computer(account, other(first.kind), args=["-h"])
    second.sync()
    tree = same_everywhere(account, first, second)
    assert {path for path, what in tree.items() if what == FOLDER} == set(NAMES)
    # Each is renamed once, by its old name and to a new one that is no less odd
    for name in NAMES:
        if len(name.encode()) < 240:
            first.move(name, f"{name} 2")
    log.mark()
    first.sync()
    assert not log.requests("PUT", "GET", "DELETE", "MKCOL")
    second.sync()
    assert not log.requests("PUT", "GET")
    same_everywhere(account, first, second)


@pytest.mark.parametrize("name", ["ü" * 125, "日" * 83 + "x", "a" * 250])
def test_250_bytes(account, computer, name):
    assert len(name.encode()) == 250
    first = computer(account)
    first.write(f"{name}/{name}", b"deep")
    first.sync()
    first.edit(f"{name}/{name}")
    first.sync()
    same_everywhere(account, first)


@pytest.mark.parametrize("sender", KINDS)
def test_case_only_rename(account, computer, sender, kind):
    first, second = computer(account, sender), computer(account, kind)
    first.write("readme", b"x")
    first.write("Folder/x", b"x")
    first.sync()
    second.sync()
    first.move("readme", "README")
    first.move("Folder", "folder")
    first.sync()
    second.sync()
    assert set(same_everywhere(account, first, second)) == {"README", "folder", "folder/x"}


TIMES = {"first second": 0, "before 1970": -86400 * 365, "before 1970, odd": -1, "second": 1,
         "2^31 - 1": 2**31 - 1, "2^31": 2**31, "beyond 2^31": 2**31 + 86400 * 1000,
         "2^32": 2**32 + 5, "long ago": 86400, "now": 1700000000}


def test_times(account, computer, kind):
    """Times survive to the second, also those that do not fit 31 bits. The Nextcloud client itself
    refuses times before 1970 and beyond 2^32; everything else goes on."""
    first = computer(account)
    for name, mtime in TIMES.items():
        first.write(name, name.encode(), mtime=mtime)
    times = TIMES
    if kind == "nextcloudcmd":
        times = {name: mtime for name, mtime in TIMES.items() if 0 < mtime < 2**32}
    done = first.sync(check=False)
    assert (done.returncode == 0) == (times == TIMES)
    assert {name: what[2] for name, what in same_everywhere(account).items()} == times
    second = computer(account, kind)
    second.sync()
    same_everywhere(account, second)
    assert first.tree()["first second"][2] == 0


def test_times_of_others(account, computer, kind):
    """Times that another client gave."""
    for name, mtime in TIMES.items():
        account.put(name, name.encode(), headers={"X-OC-Mtime": str(mtime)})
    first = computer(account)
    done = first.sync(check=False)
    times = TIMES
    if kind == "nextcloudcmd":
        times = {name: mtime for name, mtime in TIMES.items() if 0 < mtime < 2**32}
    assert (done.returncode == 0) == (times == TIMES)
    assert {name: what[2] for name, what in first.tree().items()} == times
    assert len(same_everywhere(account)) == len(TIMES)
