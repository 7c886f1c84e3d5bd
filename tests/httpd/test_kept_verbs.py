"""What becomes of versions and trash in every verb: a table of what each leaves in the files, as old
versions and in the trash. All that is in the trash is then brought back, with ids and contents."""

import json
import os
import time

import pytest

from harness.dav import lock_body, Multistatus


def prepare(account):
    """a: two versions; b: one; d/x and d/s/y: one and none; e/x: none; top: none."""
    account.put("a", b"a1")
    account.put("a", b"a2")
    account.put("a", b"a3")
    account.put("b", b"b1")
    account.put("b", b"b2")
    for folder in ("d", "d/s", "e"):
        account.mkcol(folder)
    account.put("d/x", b"dx1")
    account.put("d/x", b"dx2")
    account.put("d/s/y", b"dsy")
    account.put("e/x", b"ex")
    account.put("top", b"top")


FILES = {"a": b"a3", "b": b"b2", "d/x": b"dx2", "d/s/y": b"dsy", "e/x": b"ex", "top": b"top"}
VERSIONS = {"a": [b"a2", b"a1"], "b": [b"b1"], "d/x": [b"dx1"]}


def files(changes=None, without=()):
    """The files of prepare() with changes; without names what is gone, folders with a slash."""
    found = {path: content for path, content in FILES.items()
             if not any(path == gone or (gone.endswith("/") and path.startswith(gone))
                        for gone in without)}
    return {**found, **(changes or {})}


def versions(changes=None, without=()):
    return {path: old for path, old in {**VERSIONS, **(changes or {})}.items()
            if path not in without}


# ---- what is there ----

def file_id(account, path):
    return account.prop(path, "oc:fileid")


def walk(account, path=""):
    """Paths of all files."""
    found = []
    listing = account.propfind(path, 1, ("d:resourcetype",))
    for name in listing.names():
        child = f"{path}/{name}".lstrip("/")
        row = account.propfind(child, 0, ("d:resourcetype",)).first
        found += walk(account, child) if row["d:resourcetype"] else [child]
    return found


def old_versions(account, path):
    """Contents of the versions, newest first."""
    meta = f"remote.php/dav/meta/{file_id(account, path)}/v"
    listing = Multistatus(account.env.http("PROPFIND", meta, account, headers={"Depth": "1"}))
    return [account.env.http("GET", f"{meta}/{name}", account).content
            for name in listing.names()]


def trash(account):
    """Original location -> id."""
    done = account.env.cloudctl("--json", "trash", "list", "--account", account.id)
    return {row["location"]: str(row["id"]) for row in json.loads(done.stdout)}


def restore(account, item, destination, overwrite=None, expect=(201, 204)):
    return account.move(item, destination, space="trash-bin", dest_space="files",
                        overwrite=overwrite, expect=expect)


# ---- the verbs ----

def chunked(account, destination, data):
    account.mkcol("up", space="uploads")
    half = len(data) // 2
    account.put("up/00000", data[:half], space="uploads")
    account.put("up/00001", data[half:], space="uploads")
    account.move("up/.file", destination, space="uploads", expect=(201, 204))


def chunked_v1(account, destination, data):
    half = len(data) // 2
    for number, part in enumerate((data[:half], data[half:])):
        account.put(f"{destination}-chunking-4711-2-{number}", part, headers={"OC-Chunked": "1"})


def refused(account, method, path, status, **kwargs):
    answer = account.dav(method, path, **kwargs)
    assert answer.status_code == status, answer.text


def locked(account):
    token = account.dav("LOCK", "a", data=lock_body()).headers["Lock-Token"]
    refused(account, "DELETE", "a", 423)
    refused(account, "PUT", "a", 423, data=b"no")
    refused(account, "MOVE", "b", 423, destination="a")
    refused(account, "COPY", "b", 423, destination="a")
    account.dav("UNLOCK", "a", headers={"Lock-Token": token})


def over_quota(account):
    account.env.cloudctl("account", "quota", account.id, "16 B")
    refused(account, "PUT", "a", 507, data=b"x" * 100)
    refused(account, "COPY", "d", 507, destination="b")
    account.env.cloudctl("account", "quota", account.id, "none")


def restore_over(account, overwrite, status):
    account.delete("a")
    refused(account, "MOVE", trash(account)["a"], status, space="trash-bin", dest_space="files",
            destination="b", overwrite=overwrite)


def restore_folder_over(account):
    account.delete("d")
    restore(account, trash(account)["d"], "e", overwrite=True, expect=(204,))


def restore_version(account, source, destination, status):
    meta = f"remote.php/dav/meta/{file_id(account, source)}/v"
    name = Multistatus(account.env.http("PROPFIND", meta, account,
                                        headers={"Depth": "1"})).names()[-1]
    answer = account.env.http("COPY", f"{meta}/{name}", account,
                              headers={"Destination": account.url(destination)})
    assert answer.status_code == status, answer.text


def delete_in_what_was_restored(account):
    account.delete("d")
    restore(account, trash(account)["d"], "d")
    account.delete("d/x")


def restore_without_what_was_purged(account):
    """Of a deleted folder one file is deleted for good, and one is brought back by itself."""
    account.delete("d")
    item = trash(account)["d"]
    account.delete(f"{item}/s", space="trash-bin")
    restore(account, f"{item}/x", "x")
    restore(account, item, "d")


def deleted_twice(account):
    account.delete("a")
    account.put("a", b"another")
    account.delete("a")
    items = json.loads(account.env.cloudctl("--json", "trash", "list", "--account",
                                            account.id).stdout)
    assert [item["location"] for item in items] == ["a", "a"]
    for number, item in enumerate(sorted(items, key=lambda item: item["id"])):
        restore(account, str(item["id"]), f"a{number}")


def outside(account, path, data):
    place = account.env.data / "accounts" / account.id / "files" / path
    place.write_bytes(data)
    # An outsider's clock moves on
    os.utime(place, (time.time() - 100, time.time() - 100))
    account.env.cloudctl("scan", "--account", account.id)


def vanished(account):
    """Content and all: nothing is left that a trash could keep."""
    (account.env.data / "accounts" / account.id / "files/a").unlink()
    account.env.cloudctl("scan", "--account", account.id, "--allow-vanish")


def outside_then_verb(account):
    place = account.env.data / "accounts" / account.id / "files/top"
    place.write_bytes(b"outside")
    os.utime(place, (time.time() - 100, time.time() - 100))
    account.put("top", b"new")


VERBS = {
    "put": (lambda a: a.put("a", b"a4"), files({"a": b"a4"}),
            versions({"a": [b"a3", b"a2", b"a1"]}), {}),
    "put new": (lambda a: a.put("new", b"new"), files({"new": b"new"}), versions(), {}),
    "put the same": (lambda a: a.put("top", b"top"), files(), versions({"top": [b"top"]}), {}),
    "put, refused": (lambda a: refused(a, "PUT", "a", 412, data=b"x",
                                       headers={"If-Match": '"no"'}), files(), versions(), {}),
    "chunked": (lambda a: chunked(a, "a", b"chunks"), files({"a": b"chunks"}),
                versions({"a": [b"a3", b"a2", b"a1"]}), {}),
    "chunked v1": (lambda a: chunked_v1(a, "a", b"chunks"), files({"a": b"chunks"}),
                   versions({"a": [b"a3", b"a2", b"a1"]}), {}),
    "copy over a file": (lambda a: a.copy("a", "b", expect=(204,)), files({"b": b"a3"}),
                         versions({"b": [b"b2", b"b1"]}), {}),
    "copy over a folder": (lambda a: a.copy("a", "d", expect=(204,)),
                           files({"d": b"a3"}, ("d/",)), versions(without=("d/x",)),
                           {"d": {"x": (b"dx2", [b"dx1"]), "s/y": (b"dsy", [])}}),
    "copy a folder over a file": (lambda a: a.copy("d", "b", expect=(204,)),
                                  files({"b/x": b"dx2", "b/s/y": b"dsy"}, ("b",)),
                                  versions(without=("b",)), {"b": (b"b2", [b"b1"])}),
    "copy a folder over a folder": (lambda a: a.copy("d", "e", expect=(204,)),
                                    files({"e/x": b"dx2", "e/s/y": b"dsy"}), versions(),
                                    {"e": {"x": (b"ex", [])}}),
    "copy, refused": (lambda a: refused(a, "COPY", "a", 412, destination="b", overwrite=False),
                      files(), versions(), {}),
    "move": (lambda a: a.move("a", "e/a"), files({"e/a": b"a3"}, ("a",)),
             versions({"e/a": [b"a2", b"a1"]}, ("a",)), {}),
    "move over a file": (lambda a: a.move("a", "b", expect=(204,)), files({"b": b"a3"}, ("a",)),
                         versions({"b": [b"a2", b"a1"]}, ("a",)), {"b": (b"b2", [b"b1"])}),
    "move over a folder": (lambda a: a.move("a", "d", expect=(204,)),
                           files({"d": b"a3"}, ("a", "d/")),
                           versions({"d": [b"a2", b"a1"]}, ("a", "d/x")),
                           {"d": {"x": (b"dx2", [b"dx1"]), "s/y": (b"dsy", [])}}),
    "move a folder over a file": (lambda a: a.move("d", "b", expect=(204,)),
                                  files({"b/x": b"dx2", "b/s/y": b"dsy"}, ("b", "d/")),
                                  versions({"b/x": [b"dx1"]}, ("b", "d/x")),
                                  {"b": (b"b2", [b"b1"])}),
    "move a folder over a folder": (lambda a: a.move("d", "e", expect=(204,)),
                                    files({"e/x": b"dx2", "e/s/y": b"dsy"}, ("d/", "e/")),
                                    versions({"e/x": [b"dx1"]}, ("d/x",)),
                                    {"e": {"x": (b"ex", [])}}),
    "move, refused": (lambda a: refused(a, "MOVE", "a", 412, destination="b", overwrite=False),
                      files(), versions(), {}),
    "delete": (lambda a: a.delete("a"), files(without=("a",)), versions(without=("a",)),
               {"a": (b"a3", [b"a2", b"a1"])}),
    "delete a folder": (lambda a: a.delete("d"), files(without=("d/",)),
                        versions(without=("d/x",)),
                        {"d": {"x": (b"dx2", [b"dx1"]), "s/y": (b"dsy", [])}}),
    "delete twice": (deleted_twice, files({"a0": b"a3", "a1": b"another"}, ("a",)),
                     versions({"a0": [b"a2", b"a1"]}, ("a",)), {}),
    "locked": (locked, files(), versions(), {}),
    "over quota": (over_quota, files(), versions(), {}),
    "restore over": (lambda a: restore_over(a, True, 204), files({"b": b"a3"}, ("a",)),
                     versions({"b": [b"a2", b"a1"]}, ("a",)), {"b": (b"b2", [b"b1"])}),
    "restore over, refused": (lambda a: restore_over(a, False, 412), files(without=("a",)),
                              versions(without=("a",)), {"a": (b"a3", [b"a2", b"a1"])}),
    "restore a folder over": (restore_folder_over,
                              files({"e/x": b"dx2", "e/s/y": b"dsy"}, ("d/", "e/")),
                              versions({"e/x": [b"dx1"]}, ("d/x",)), {"e": {"x": (b"ex", [])}}),
    "delete in what was restored": (delete_in_what_was_restored, files(without=("d/x",)),
                                    versions(without=("d/x",)), {"d/x": (b"dx2", [b"dx1"])}),
    "restore without what was purged": (restore_without_what_was_purged,
                                        files({"x": b"dx2"}, ("d/",)),
                                        versions({"x": [b"dx1"]}, ("d/x",)), {}),
    "restore a version": (lambda a: restore_version(a, "a", "a", 204), files({"a": b"a1"}),
                          versions({"a": [b"a3", b"a2", b"a1"]}), {}),
    "restore a version elsewhere": (lambda a: restore_version(a, "a", "b", 204),
                                    files({"b": b"a1"}), versions({"b": [b"b2", b"b1"]}), {}),
    "restore a version, refused": (lambda a: restore_version(a, "a", "d", 409), files(),
                                   versions(), {}),
    "outside edit": (lambda a: outside(a, "top", b"outside"), files({"top": b"outside"}),
                     versions(), {}),
    "outside delete": (vanished, files(without=("a",)), versions(without=("a",)), {}),
    "outside edit, then put": (outside_then_verb, files({"top": b"new"}),
                               versions({"top": [b"outside"]}), {}),
}


@pytest.fixture(name="account")
def fixture_account(env):
    account = env.account()
    prepare(account)
    return account


def check_deleted(account, item, expected, place):
    """Brings an item of the trash back to place; expected is (content, versions) of a file, or that
    of each file in a folder."""
    restore(account, item, place, expect=(201,))
    assert file_id(account, place) == item
    found = {path: place if path == "" else f"{place}/{path}" for path in
             (expected if isinstance(expected, dict) else [""])}
    if isinstance(expected, dict):
        assert sorted(walk(account, place)) == sorted(found.values())
    for path, full in found.items():
        content, old = expected[path] if path else expected
        assert account.get(full).content == content
        assert old_versions(account, full) == old


@pytest.mark.parametrize("verb", VERBS)
def test_verb(account, verb):
    act, expected, old, deleted = VERBS[verb]
    ids = {path: file_id(account, path) for path in FILES}
    act(account)
    assert {path: account.get(path).content for path in walk(account)} == expected
    assert {path: old_versions(account, path) for path in walk(account)} == \
        {path: old.get(path, []) for path in expected}
    items = trash(account)
    assert set(items) == set(deleted)
    for number, (location, item) in enumerate(sorted(items.items())):
        if location in ids:
            assert item == ids[location]
        check_deleted(account, item, deleted[location], f"back{number}")
    assert trash(account) == {}


def test_sound(env):
    """After all of the above."""
    assert env.cloudctl("fsck").returncode == 0
