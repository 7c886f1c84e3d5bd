"""cloudctl versions and cloudctl trash: every command, what it refuses, and with which exit status."""

import json

import pytest

MISSING = 99999
USAGE, FAILED = 2, 1


@pytest.fixture(name="kept")
def fixture_kept(env):
    return Kept(env)


class Kept:
    """An account with a file of two versions, and two things in the trash."""

    def __init__(self, env):
        self.env = env
        self.account = env.account()
        for content in (b"one", b"two!", b"three"):
            self.account.put("file", content)
        self.account.mkcol("d")
        self.account.put("d/inner", b"inner")
        self.account.put("gone", b"gone")
        self.account.delete("d")
        self.account.delete("gone")

    def ctl(self, *args, status=0):
        """With --json and the account; the output parsed, or what was complained about."""
        done = self.env.cloudctl("--json", *args, "--account", self.account.id, check=False)
        assert done.returncode == status, (args, done.stdout, done.stderr)
        return json.loads(done.stdout) if status == 0 and done.stdout else done.stderr

    def numbers(self):
        return [row["number"] for row in self.ctl("versions", "list", "file")]

    def trash(self):
        return {row["location"]: row["id"] for row in self.ctl("trash", "list")}


def test_list(kept):
    rows = kept.ctl("versions", "list", "file")
    assert [(row["size"], row["author"], row["tag"]) for row in rows] == [
        (4, kept.account.id, None), (3, kept.account.id, None)]
    assert rows[0]["number"] > rows[1]["number"]
    assert kept.ctl("versions", "list") == [{"account": kept.account.id, "versions": 2,
                                             "bytes": 7}]
    rows = kept.ctl("trash", "list")
    assert {(row["location"], row["name"], row["kind"], row["size"]) for row in rows} == {
        ("d", "d", "folder", 5), ("gone", "gone", "file", 4)}
    everything = kept.env.cloudctl("versions", "list").stdout
    assert kept.account.id in everything
    assert kept.account.id in kept.env.cloudctl("trash", "list").stdout


@pytest.mark.parametrize("args, status", [
    (("versions", "list", "nosuch"), FAILED),
    (("versions", "restore", "file"), USAGE),
    (("versions", "restore", "file", "x"), USAGE),
    (("versions", "restore", "file", MISSING), FAILED),
    (("versions", "restore", "file", MISSING, "--dry-run"), FAILED),
    (("versions", "restore", "nosuch", MISSING), FAILED),
    (("versions", "tag", "file"), USAGE),
    (("versions", "tag", "file", MISSING), USAGE),
    (("versions", "tag", "file", MISSING, "1.0"), FAILED),
    (("versions", "nonsense"), USAGE),
    (("versions", "expire", "surplus"), USAGE),
    (("trash", "list", "surplus"), USAGE),
    (("trash", "restore"), USAGE),
    (("trash", "restore", MISSING), FAILED),
    (("trash", "restore", MISSING, "--dry-run"), FAILED),
    (("trash", "restore", "x"), FAILED),
    (("trash", "expire", "--nonsense"), USAGE),
])
def test_refused(kept, args, status):
    before = kept.numbers(), kept.trash()
    assert kept.ctl(*args, status=status).startswith("cloudctl: ")
    assert (kept.numbers(), kept.trash()) == before


@pytest.mark.parametrize("args", [("versions", "list"), ("versions", "expire"),
                                  ("versions", "cleanup"), ("trash", "list"),
                                  ("trash", "expire"), ("trash", "cleanup"),
                                  ("trash", "restore", "17"), ("versions", "restore", "a", "1")])
def test_no_such_account(env, args):
    done = env.cloudctl(*args, "--account", "nobody", check=False)
    assert done.returncode == FAILED
    assert "nobody" in done.stderr


@pytest.mark.parametrize("args", [("trash", "restore", "17"), ("versions", "restore", "a", "1"),
                                  ("versions", "list", "a"), ("versions", "tag", "a", "1", "t")])
def test_needs_an_account(env, args):
    assert env.cloudctl(*args, check=False).returncode == USAGE


@pytest.mark.parametrize("what", ["versions", "trash"])
def test_cleanup_of_all_asks(kept, what):
    """Where there is no terminal to ask at, nothing is done."""
    before = kept.numbers(), kept.trash()
    done = kept.env.cloudctl(what, "cleanup", check=False)
    assert done.returncode == USAGE
    assert "--yes" in done.stderr
    assert (kept.numbers(), kept.trash()) == before
    kept.env.cloudctl(what, "cleanup", "--yes")
    assert (kept.numbers() if what == "versions" else list(kept.trash())) == []


def test_restore_a_version(kept):
    newest, oldest = kept.numbers()
    dry = kept.ctl("versions", "restore", "file", oldest, "--dry-run")
    assert dry == {"path": "file", "size": 3, "dry_run": True}
    assert kept.account.get("file").content == b"three"
    assert kept.numbers() == [newest, oldest]
    done = kept.ctl("versions", "restore", "file", oldest)
    assert done["path"] == "file"
    assert str(done["id"]) == kept.account.prop("file", "oc:fileid")
    assert kept.account.get("file").content == b"one"
    assert kept.numbers()[1:] == [newest, oldest]
    for place, problem in (("file", "already"), ("no/where", "folder")):
        for options in ((), ("--dry-run",)):
            message = kept.ctl("versions", "restore", "file", oldest, "--to", place, *options,
                               status=FAILED)
            assert problem in message or not options, message
    kept.ctl("versions", "restore", "file", newest, "--to", "/copy")
    assert kept.account.get("copy").content == b"two!"


def test_restore_from_the_trash(kept):
    items = kept.trash()
    dry = kept.ctl("trash", "restore", items["gone"], "--dry-run")
    assert dry == {"path": "gone", "restored": False}
    assert kept.trash() == items
    for place in ("file", "no/where"):
        for options in ((), ("--dry-run",)):
            kept.ctl("trash", "restore", items["gone"], "--to", place, *options, status=FAILED)
    assert kept.trash() == items
    assert kept.ctl("trash", "restore", items["gone"]) == {"path": "gone", "restored": True}
    assert kept.account.get("gone").content == b"gone"
    assert kept.account.prop("gone", "oc:fileid") == str(items["gone"])
    inner = f"{items['d']}/inner"
    kept.ctl("trash", "restore", inner, status=USAGE)
    kept.ctl("trash", "restore", inner, "--to", "file", "--overwrite")
    assert kept.account.get("file").content == b"inner"
    assert set(kept.trash()) == {"d", "file"}
    kept.ctl("trash", "restore", items["d"], "--to", "/e")
    assert kept.account.propfind("e").first["d:resourcetype"] == "d:collection"


def test_tags(kept):
    newest, oldest = kept.numbers()
    kept.ctl("versions", "tag", "file", oldest, "1.0")
    assert [row["tag"] for row in kept.ctl("versions", "list", "file")] == [None, "1.0"]
    assert kept.ctl("versions", "cleanup", "--dry-run")["versions"] == 1
    assert kept.ctl("versions", "cleanup")["versions"] == 1
    assert kept.numbers() == [oldest]
    kept.ctl("versions", "tag", "file", oldest, "--remove")
    assert kept.ctl("versions", "cleanup")["versions"] == 1
    assert kept.numbers() == []
    kept.ctl("versions", "tag", "file", newest, "1.0", status=FAILED)


@pytest.fixture(name="unthinned")
def fixture_unthinned(env):
    """Only lack of space takes versions, so that it does not matter how fast this runs."""
    env.cloudctl("config", "set", "system", "versions_retention_obligation", "0, 1000")
    yield
    env.cloudctl("config", "delete", "system", "versions_retention_obligation")


def test_expire_and_cleanup(kept, unthinned):  # pylint: disable=unused-argument
    assert kept.ctl("versions", "expire", "--dry-run")["versions"] == 0
    assert kept.ctl("trash", "expire")["removed"] == 0
    kept.account.put("file", b"another")
    kept.account.put("file", b"and another")
    # Half of what is free is less than they take; the newest two stay in any case.
    kept.env.cloudctl("account", "quota", kept.account.id, "12 B")
    assert kept.ctl("versions", "expire", "--dry-run")["versions"] == 2
    assert len(kept.numbers()) == 4
    assert kept.ctl("versions", "expire")["versions"] == 2
    assert len(kept.numbers()) == 2
    kept.env.cloudctl("account", "quota", kept.account.id, "none")
    assert kept.ctl("trash", "cleanup", "--dry-run") == {"seen": 2, "removed": 2, "bytes": 9,
                                                         "dry_run": True}
    assert len(kept.trash()) == 2
    assert kept.ctl("trash", "cleanup")["removed"] == 2
    assert kept.trash() == {}
    assert kept.env.cloudctl("fsck").returncode == 0
