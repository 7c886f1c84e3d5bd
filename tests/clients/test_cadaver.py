"""cadaver: a command line for WebDAV, with locks and properties of one's own."""

import re

import pytest

from harness import trees


@pytest.fixture(name="cadaver")
def fixture_cadaver(clients, account):
    """cadaver(commands ...) gives the output; each command must succeed."""
    def run(*commands, check=True, **kwargs):
        output = clients.cadaver(account, "\n".join([*commands, "quit", ""]), **kwargs).stdout
        if check:
            assert not re.search("failed|error|could not", output, re.I), output
        return output
    return run


def test_files(clients, account, cadaver):
    folder = clients.folder("local")
    (folder / "a file.txt").write_bytes(b"a file\n" * 1000)
    output = cadaver(f"lcd {folder}", "mkcol d", "cd d", "put 'a file.txt'", "ls",
                     "get 'a file.txt' back.txt", "copy 'a file.txt' copy", "move copy moved",
                     "cd ..", "mkcol e", "copy d e/d", "move e f", "ls f/d")
    assert "a file.txt" in output
    assert (folder / "back.txt").read_bytes() == b"a file\n" * 1000
    tree = trees.remote(account)
    assert sorted(tree) == ["d", "d/a file.txt", "d/moved", "f", "f/d", "f/d/a file.txt",
                            "f/d/moved"]
    assert tree["f/d/moved"] == tree["d/a file.txt"]
    cadaver("delete 'd/a file.txt'", "rmcol f")
    assert sorted(trees.listing(account)) == ["d", "d/moved"]


def test_locks(clients, account, cadaver):
    folder = clients.folder("local")
    (folder / "f").write_bytes(b"new")
    account.put("f", b"old")
    account.mkcol("d")
    output = cadaver("lock f", "discover f", "showlocks", f"lcd {folder}", "put f",
                     "unlock f", "lock d", f"put {folder}/f d/f", "unlock d")
    assert "exclusive write" in output.lower().replace("-", " ") or "opaquelocktoken" in output
    assert account.get("f").content == account.get("d/f").content == b"new"
    account.put("f", b"free again", expect=(204,))


def test_locked_by_another(clients, account, cadaver):
    """A lock that this cadaver does not know of."""
    account.put("f", b"old")
    cadaver("lock f")  # it forgets to unlock
    folder = clients.folder("local")
    (folder / "f").write_bytes(b"new")
    output = cadaver(f"lcd {folder}", "put f", "delete f", "move f g", check=False)
    assert output.count("Locked") >= 3
    assert account.get("f").content == b"old"
    account.put("f", b"x", expect=(423,))


def test_properties(account, cadaver):
    account.put("f", b"x")
    output = cadaver("set namespace http://example.org/ns", "propset f colour blue",
                     "propget f colour", "propnames f", "copy f g", "propget g colour",
                     "propdel f colour", "propnames f")
    assert output.count("blue") >= 2
    assert account.propfind("g", 0, ("{http://example.org/ns}colour",)).first == \
        {"{http://example.org/ns}colour": "blue"}
    assert account.propfind("f", 0, ("{http://example.org/ns}colour",)).first == {}
