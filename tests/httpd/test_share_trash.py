"""The trash and old versions of what is shared, over HTTP: what a receiver deletes is in the bins of both."""

from hashlib import sha1

import pytest

from harness.dav import propfind_body, proppatch_body
from harness.env import wait_until
from harness.shares import ALL, READ, UPDATE, share

LOCATION, NAME = "oc:trashbin-original-location", "oc:trashbin-original-filename"


def bin_of(account, path=""):
    """original location -> id of what is in a bin, or in a deleted folder."""
    answer = account.propfind(path, 1, (LOCATION, NAME), space="trash-bin")
    return {entry[LOCATION]: href.rstrip("/").rsplit("/", 1)[1]
            for href, entry in list(answer.items())[1:]}


def restore(account, item, path, **kwargs):
    return account.dav("MOVE", item, "trash-bin", destination=path, dest_space="files",
                       overwrite=False, **kwargs).status_code


class Pair:
    """alice's folder "work/team" is bob's "team"."""

    def __init__(self, env):
        self.alice, self.bob = env.account(), env.account()
        self.alice.mkcol("work")
        self.alice.mkcol("work/team")
        self.alice.mkcol("work/team/sub")
        self.alice.put("work/team/file.txt", b"first")
        self.alice.put("work/team/sub/deep.txt", b"deep")
        self.share = share(self.alice, "work/team", self.bob, permissions=ALL)


@pytest.fixture(name="pair")
def fixture_pair(env):
    return Pair(env)


def test_in_both_bins(pair):
    etag, before = pair.alice.etag("work/team/file.txt"), pair.alice.prop("work/team/file.txt", "oc:id")
    pair.bob.delete("team/file.txt")
    pair.bob.delete("team/sub")
    ours, theirs = bin_of(pair.bob), bin_of(pair.alice)
    assert set(ours) == {"team/file.txt", "team/sub"}
    assert set(theirs) == {"work/team/file.txt", "work/team/sub"}
    assert set(ours.values()) == set(theirs.values())
    assert set(bin_of(pair.bob, ours["team/sub"])) == {"team/sub/deep.txt"}
    assert restore(pair.bob, ours["team/file.txt"], "team/file.txt") == 201
    assert pair.alice.get("work/team/file.txt").content == b"first"
    assert pair.alice.etag("work/team/file.txt") == etag
    assert pair.alice.prop("work/team/file.txt", "oc:id") == before
    assert set(bin_of(pair.alice)) == {"work/team/sub"}
    assert restore(pair.alice, theirs["work/team/sub"], "work/team/sub") == 201
    assert bin_of(pair.bob) == bin_of(pair.alice) == {}
    assert pair.bob.get("team/sub/deep.txt").content == b"deep"


def test_for_good(pair):
    """A receiver puts it out of his sight; the owner still has it. For the owner it is for good."""
    for path in ("team/file.txt", "team/sub"):
        pair.bob.delete(path)
    pair.bob.put("own", b"own")
    pair.bob.delete("own")
    ours = bin_of(pair.bob)
    assert pair.bob.dav("DELETE", f"{ours['team/sub']}/deep.txt", "trash-bin").status_code == 403
    pair.bob.delete(ours["team/file.txt"], space="trash-bin")
    assert set(bin_of(pair.bob)) == {"team/sub", "own"}
    pair.bob.delete("", space="trash-bin")
    assert bin_of(pair.bob) == {}
    theirs = bin_of(pair.alice)
    assert set(theirs) == {"work/team/file.txt", "work/team/sub"}
    assert restore(pair.bob, theirs["work/team/sub"], "team/sub") == 404
    assert restore(pair.alice, theirs["work/team/file.txt"], "work/team/file.txt") == 201
    pair.bob.delete("team/file.txt")
    pair.alice.delete("", space="trash-bin")
    assert bin_of(pair.bob) == bin_of(pair.alice) == {}
    directory = pair.alice.env.data / "accounts" / pair.alice.id
    wait_until(lambda: not any((directory / "purge").iterdir()), "the purge")


def test_only_who_deleted_it_and_only_with_the_share(pair):
    carol = pair.alice.env.account()
    share(pair.alice, "work/team", carol, permissions=ALL)
    pair.bob.delete("team/file.txt")
    pair.alice.delete("work/team/sub")
    ours, theirs = bin_of(pair.bob), bin_of(pair.alice)
    assert set(ours) == {"team/file.txt"} and bin_of(carol) == {}
    for item in theirs.values():
        assert restore(carol, item, "team/back") == 404
        assert carol.dav("DELETE", item, "trash-bin").status_code == 404
        assert carol.dav("PROPFIND", item, "trash-bin", depth=0).status_code == 404
    assert restore(pair.bob, theirs["work/team/sub"], "team/sub") == 404
    pair.share.update(permissions=READ)
    assert bin_of(pair.bob) == ours
    assert restore(pair.bob, ours["team/file.txt"], "team/file.txt") == 403
    assert bin_of(pair.alice) == theirs
    pair.share.delete()
    assert bin_of(pair.bob) == {}
    for path in ("team/file.txt", "file.txt"):
        assert restore(pair.bob, ours["team/file.txt"], path) == 404
    assert pair.bob.dav("DELETE", ours["team/file.txt"], "trash-bin").status_code == 404
    assert bin_of(pair.alice) == theirs


def test_the_owners_quota_counts(env, pair):
    pair.alice.put("work/team/large", b"x" * 3000)
    pair.bob.delete("team/large")
    item = bin_of(pair.bob)["team/large"]
    env.cloudctl("account", "quota", pair.alice.id, "2000")
    assert restore(pair.bob, item, "team/large") == 507
    env.cloudctl("account", "quota", pair.alice.id, "none")
    assert restore(pair.bob, item, "team/large") == 201


# ---- versions ----

def versions(account, node):
    answer = account.env.http("PROPFIND", f"remote.php/dav/meta/{node}/v", account,
                              headers={"Depth": "1"})
    if answer.status_code != 207:
        return answer.status_code
    return [line for line in answer.text.split("<d:href>")[2:]]


def of_version(account, method, node, number, path=None):
    headers = {"Destination": account.url(path)} if path else {}
    return account.env.http(method, f"remote.php/dav/meta/{node}/v/{number}", account,
                            headers=headers)


def versioned(pair, path="work/team/file.txt"):
    """(node, number) of the content "first"; now it is "second"."""
    pair.alice.put(path, b"second")
    node = pair.alice.prop(path, "oc:fileid")
    return node, versions(pair.alice, node)[0].split("</d:href>")[0].rsplit("/", 1)[1]


def test_versions(pair):
    node, number = versioned(pair)
    assert len(versions(pair.bob, node)) == 1
    assert of_version(pair.bob, "GET", node, number).content == b"first"
    assert of_version(pair.bob, "COPY", node, number, "team/file.txt").status_code == 204
    assert pair.alice.get("work/team/file.txt").content == b"first"
    pair.share.update(permissions=READ)
    assert of_version(pair.bob, "COPY", node, number, "team/file.txt").status_code == 403
    assert of_version(pair.bob, "DELETE", node, number).status_code == 403
    assert of_version(pair.bob, "GET", node, number).content == b"first"
    pair.share.delete()
    assert versions(pair.bob, node) == 404
    for method, path in (("GET", None), ("COPY", "mine"), ("DELETE", None)):
        assert of_version(pair.bob, method, node, number, path).status_code == 404


def test_what_was_deleted_and_may_only_be_looked_at(pair):
    pair.share.delete()
    share(pair.alice, "work/team", pair.bob, permissions=ALL, **{
        "attributes[0][scope]": "permissions", "attributes[0][key]": "download",
        "attributes[0][value]": "false"})
    pair.bob.delete("team/file.txt")
    item = bin_of(pair.bob)["team/file.txt"]
    assert pair.bob.dav("GET", item, "trash-bin").status_code in (403, 404)
    assert "SHA1" not in pair.bob.dav("PROPFIND", item, "trash-bin", depth=0, data=propfind_body(
        ("oc:checksums",))).text
    assert restore(pair.bob, item, "mine.txt") == 403
    assert restore(pair.bob, item, "team/file.txt") == 201
    assert pair.bob.get("team/file.txt").status_code == 403


def test_what_may_only_be_looked_at(pair):
    """Without the right to download neither the content nor an old one gets out."""
    node, number = versioned(pair)
    pair.share.delete()
    made = share(pair.alice, "work/team", pair.bob, permissions=READ | UPDATE, **{
        "attributes[0][scope]": "permissions", "attributes[0][key]": "download",
        "attributes[0][value]": "false"})
    assert pair.bob.get("team/file.txt").status_code == 403
    pair.alice.put("single.txt", b"1234")
    share(pair.alice, "single.txt", pair.bob, permissions=READ, **{
        "attributes[0][scope]": "permissions", "attributes[0][key]": "download",
        "attributes[0][value]": "false"})
    for path, depth in (("team", 1), ("team/file.txt", 0), ("", 1), ("single.txt", 0)):
        found = pair.bob.propfind(path, depth, ("oc:checksums", "d:getcontentlength"))
        files = [entry for entry in found.values() if "d:getcontentlength" in entry]
        assert files and not any("oc:checksums" in entry for entry in files)
    for sum_ in (sha1(b"second"), sha1(b"other")):
        answer = pair.bob.dav("PROPPATCH", "team/file.txt", data=proppatch_body(
            {"{http://owncloud.org/ns}checksums": f"SHA1:{sum_.hexdigest()}"}))
        assert "200 OK" not in answer.text and "403" in answer.text
    assert pair.bob.dav("COPY", "team/file.txt", destination="mine").status_code == 403
    assert pair.bob.dav("COPY", "team", destination="mine").status_code == 403
    assert pair.bob.dav("COPY", "team/sub", destination="mine").status_code == 403
    assert of_version(pair.bob, "GET", node, number).status_code == 403
    for path in ("mine", "team/file.txt"):
        assert of_version(pair.bob, "COPY", node, number, path).status_code == 403
    assert pair.bob.propfind("", 1).names() == ["single.txt", "team"]
    made.delete()
