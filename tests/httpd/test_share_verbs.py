"""What clients do with what is shared, by the owner and by a receiver, at the top of the receiver's files and
deep inside of them: uploads in chunks, properties, favorites, reports, locks, conditions, copies and moves
between the trees of several owners, ranges, checksums, quota. Who may do what: test_share_matrix.py."""

import hashlib
import itertools
import xml.etree.ElementTree as ElementTree

import pytest

from harness.dav import Multistatus, clark, error, lock_body, proppatch_body
from harness.shares import ALL, CREATE, DELETE, READ, SHARE, UPDATE, call, share

UP = {"space": "uploads"}
PARTS = [letter * 30000 for letter in (b"a", b"b", b"c")]
WHOLE = b"".join(PARTS)
NUMBERS = itertools.count(1)

REPORT = (b'<?xml version="1.0"?><oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">'
          b"<d:prop><oc:fileid/><oc:favorite/></d:prop><oc:filter-rules><oc:favorite>1</oc:favorite>"
          b"</oc:filter-rules></oc:filter-files>")


class World:
    """alice's "work/team" and erin's "kit" are bob's, at `team` and `kit`; what he may is perms."""

    def __init__(self, env, deep, perms=ALL):
        self.env = env
        self.alice, self.bob, self.erin = env.account(), env.account(), env.account()
        self.alice.mkcol("work")
        for who, folder in ((self.alice, "work/team"), (self.erin, "kit")):
            who.mkcol(folder)
            who.mkcol(f"{folder}/sub")
            who.put(f"{folder}/file.txt", b"first of " + folder.encode())
            who.put(f"{folder}/sub/deep.txt", b"deep")
        self.share = share(self.alice, "work/team", self.bob, permissions=perms)
        share(self.erin, "kit", self.bob, permissions=ALL)
        self.team, self.kit = "team", "kit"
        if deep:
            self.bob.mkcol("mine")
            self.bob.mkcol("mine/below")
            for name in ("team", "kit"):
                self.bob.move(name, f"mine/below/{name} of others")
            self.team, self.kit = "mine/below/team of others", "mine/below/kit of others"

    def sound(self):
        for who in (self.alice, self.bob, self.erin):
            done = self.env.cloudctl("fsck", "--account", who.id, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(name="w", params=(False, True), ids=("top", "deep"))
def fixture_w(request, env):
    world = World(env, request.param)
    yield world
    world.sound()


@pytest.fixture(name="reader", params=(False, True), ids=("top", "deep"))
def fixture_reader(request, env):
    return World(env, request.param, READ)


def letters(account, path):
    return account.prop(path, "oc:permissions")


# ---- uploads in chunks ----


def upload(account, parts=tuple(PARTS)):
    session = f"session-{next(NUMBERS)}"
    account.mkcol(session, **UP)
    for number, part in enumerate(parts):
        account.put(f"{session}/{number}", part, expect=(201,), **UP)
    return session


def finish(account, session, path, **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return account.dav("MOVE", f"{session}/.file", destination=path, headers=sent, **UP)


@pytest.mark.parametrize("path, status", [("new", 201), ("file.txt", 204), ("sub/new", 201)])
def test_chunks(w, path, status):
    sha1 = hashlib.sha1(WHOLE).hexdigest()
    answer = finish(w.bob, upload(w.bob), f"{w.team}/{path}", OC_Total_Length=str(len(WHOLE)),
                    X_OC_Mtime="1500000000", OC_Checksum=f"SHA1:{sha1}")
    assert answer.status_code == status and answer.headers["X-OC-MTime"] == "accepted"
    for who, folder in ((w.bob, w.team), (w.alice, "work/team")):
        got = who.get(f"{folder}/{path}")
        assert got.content == WHOLE and got.headers["ETag"] == answer.headers["ETag"]
        assert got.headers["OC-Checksum"] == f"SHA1:{sha1}"
        assert who.prop(f"{folder}/{path}", "d:getlastmodified") == "Fri, 14 Jul 2017 02:40:00 GMT"
    assert w.bob.propfind("", 1, **UP).names() == []


def test_chunks_that_may_not_come_in(reader):
    bob, etag = reader.bob, reader.alice.etag("work")
    session = upload(bob)
    for path in ("new", "file.txt", "sub/new"):
        assert finish(bob, session, f"{reader.team}/{path}").status_code == 403
    assert reader.alice.etag("work") == etag
    # nothing of what was sent is lost: it may go elsewhere
    assert finish(bob, session, "new").status_code == 201
    assert bob.get("new").content == WHOLE


def test_chunks_given_up(w):
    session = upload(w.bob, PARTS[:2])
    w.bob.delete(session, **UP)
    assert finish(w.bob, session, f"{w.team}/new").status_code == 404
    assert w.bob.get(f"{w.team}/new").status_code == 404
    assert w.alice.dav("PROPFIND", session, depth=0, **UP).status_code == 404


def test_chunks_with_conditions(w):
    etag = w.alice.etag("work/team/file.txt")
    session = upload(w.bob)
    w.alice.put("work/team/file.txt", b"by the owner meanwhile")
    assert finish(w.bob, session, f"{w.team}/file.txt", If_Match=etag).status_code == 412
    assert w.alice.get("work/team/file.txt").content == b"by the owner meanwhile"
    etag = w.bob.etag(f"{w.team}/file.txt")
    assert finish(w.bob, session, f"{w.team}/file.txt", If_Match=etag).status_code == 204


@pytest.mark.parametrize("path, perms, status", [
    ("new", ALL, 201), ("file.txt", ALL, 204), ("new", READ, 403), ("file.txt", READ, 403),
    ("new", READ | UPDATE, 403), ("file.txt", READ | UPDATE, 204), ("new", READ | CREATE, 201),
    ("file.txt", READ | CREATE, 403)])
def test_old_chunks(env, path, perms, status):
    w = World(env, True, perms)
    number = 4000 + next(NUMBERS)
    answers = [w.bob.dav("PUT", f"{w.team}/{path}-chunking-{number}-3-{part}", "webdav",
                         data=PARTS[part], headers={"OC-Chunked": "1"}).status_code
               for part in range(3)]
    assert answers[-1] == status, answers
    got = w.alice.get(f"work/team/{path}")
    assert (got.content == WHOLE) == (status < 300)
    assert not [name for name in w.alice.propfind("work/team", 1).names() if "chunking" in name]
    w.sound()


# ---- properties ----


def test_properties_are_the_files(w):
    """Dead properties and times are those of the file, for all who see it."""
    name = "{urn:test}colour"
    for who, path, value in ((w.bob, f"{w.team}/file.txt", "green"),
                             (w.alice, "work/team/file.txt", "blue")):
        set_it = who.proppatch(path, {name: value, "d:lastmodified": "1400000000"})
        assert not set_it.first.missing
        for other, place in ((w.bob, f"{w.team}/file.txt"), (w.alice, "work/team/file.txt")):
            entry = other.propfind(place, 0, (name, "d:getlastmodified")).first
            assert entry[name] == value
            assert entry["d:getlastmodified"] == "Tue, 13 May 2014 16:53:20 GMT"
    assert not w.alice.proppatch("work/team/file.txt", remove=[name]).first.missing
    assert name not in w.bob.propfind(f"{w.team}/file.txt", 0, (name,)).first


def test_properties_need_the_right_to_write(reader):
    etag = reader.alice.etag("work")
    for path in ("", "/file.txt", "/sub"):
        for props in ({"{urn:test}colour": "green"}, {"d:lastmodified": "1400000000"}):
            answer = reader.bob.dav("PROPPATCH", reader.team + path, data=proppatch_body(props))
            assert answer.status_code == 403, (path, props)
    assert reader.alice.etag("work") == etag


# ---- favorites ----


def test_what_is_moved_out_of_a_share_stays_a_favorite(env):
    w = World(env, True, ALL)
    for place in ("/file.txt", "/sub"):
        w.bob.proppatch(w.team + place, {"oc:favorite": "1"})
        w.alice.proppatch("work/team" + place, {"oc:favorite": "1"})
    w.bob.move(f"{w.team}/file.txt", "mine/out.txt")
    w.bob.move(f"{w.team}/sub", "mine/sub")
    assert favorites(w.bob) == {"mine/out.txt", "mine/sub"}
    for path in ("mine/out.txt", "mine/sub"):
        assert w.bob.prop(path, "oc:favorite") == "1"
    assert w.bob.prop("mine/sub/deep.txt", "oc:favorite") == "0"
    assert favorites(w.alice) == set()


def favorites(account, path=""):
    found = Multistatus(account.dav("REPORT", path, data=REPORT))
    return {href[len(account.path()):].rstrip("/") for href in found}


@pytest.mark.parametrize("perms", (READ, ALL))
def test_favorites_are_of_each_person(env, perms):
    w = World(env, True, perms)
    before = w.alice.etag("work")
    for path in ("", "/file.txt", "/sub/deep.txt"):
        assert not w.bob.proppatch(w.team + path, {"oc:favorite": "1"}).first.missing
        assert w.bob.prop(w.team + path, "oc:favorite") == "1"
        assert w.alice.prop("work/team" + path, "oc:favorite") == "0"
    found = {w.team, f"{w.team}/file.txt", f"{w.team}/sub/deep.txt"}
    assert favorites(w.bob) == favorites(w.bob, "mine") == favorites(w.bob, w.team) == found
    assert favorites(w.bob, f"{w.team}/sub") == {f"{w.team}/sub/deep.txt"}
    assert favorites(w.alice) == set()
    w.alice.proppatch("work/team/sub", {"oc:favorite": "1"})
    w.alice.proppatch("work/team/file.txt", {"oc:favorite": "1"})
    w.bob.proppatch(f"{w.team}/file.txt", {"oc:favorite": "0"})
    assert favorites(w.alice) == {"work/team/sub", "work/team/file.txt"}
    assert favorites(w.bob) == found - {f"{w.team}/file.txt"}
    assert w.alice.etag("work") == before
    # what one has no more is not found; it is found again with a new share
    w.share.delete()
    assert favorites(w.bob) == set()
    assert favorites(w.alice) == {"work/team/sub", "work/team/file.txt"}
    share(w.alice, "work/team/sub", w.bob, permissions=perms)
    assert favorites(w.bob) == {"sub/deep.txt"}


# ---- listings ----


def test_what_is_listed(w):
    """The same ids, ETags of files and sizes for both; all of it at once is refused, as everywhere."""
    props = ("oc:fileid", "oc:size", "d:resourcetype", "d:getcontentlength")
    for path in ("", "/sub"):
        for depth in (0, 1):
            mine = w.bob.propfind(w.team + path, depth, props)
            theirs = w.alice.propfind("work/team" + path, depth, props)
            assert [dict(entry) for entry in mine.values()] == \
                [dict(entry) for entry in theirs.values()]
    assert w.bob.etag(f"{w.team}/file.txt") == w.alice.etag("work/team/file.txt")
    for path in (w.team, w.kit, ""):
        assert w.bob.dav("PROPFIND", path, depth="infinity").status_code == 412


def test_parts_and_checksums(w):
    sha1 = hashlib.sha1(WHOLE).hexdigest()
    w.alice.put("work/team/file.txt", WHOLE, headers={"OC-Checksum": f"SHA1:{sha1}"})
    part = w.bob.get(f"{w.team}/file.txt", headers={"Range": "bytes=29990-30009"})
    assert (part.status_code, part.content) == (206, b"a" * 10 + b"b" * 10)
    assert part.headers["Content-Range"] == f"bytes 29990-30009/{len(WHOLE)}"
    assert w.bob.get(f"{w.team}/file.txt",
                     headers={"Range": f"bytes={len(WHOLE)}-"}).status_code == 416
    assert f"SHA1:{sha1}" in w.bob.prop(f"{w.team}/file.txt", "oc:checksums")
    bad = w.bob.dav("PUT", f"{w.team}/bad", data=b"x", headers={"OC-Checksum": f"SHA1:{sha1}"})
    assert bad.status_code == 400
    assert w.alice.get("work/team/bad").status_code == 404
    etag = w.bob.etag(f"{w.team}/file.txt")
    assert w.bob.get(f"{w.team}/file.txt", headers={"If-None-Match": etag}).status_code == 304
    assert w.alice.get("work/team/file.txt", headers={"If-None-Match": etag}).status_code == 304


# ---- quota ----


def test_the_quota_is_the_owners(w):
    quota = ("d:quota-available-bytes", "d:quota-used-bytes")
    used = int(w.alice.prop("work/team", "d:quota-used-bytes"))
    w.env.cloudctl("account", "quota", w.alice.id, str(100000 + int(w.alice.prop("", "oc:size"))))
    w.env.cloudctl("account", "quota", w.bob.id, "0")
    entry = w.bob.propfind(w.team, 0, quota).first
    assert int(entry["d:quota-available-bytes"]) == 100000
    assert int(entry["d:quota-used-bytes"]) == used
    w.bob.put(f"{w.team}/large", b"x" * 60000)
    assert w.bob.dav("PUT", "own", data=b"x" * 60).status_code == 507
    # a session for an upload does not know yet whose files it will be in
    assert finish(w.bob, upload(w.bob, PARTS[:1]), "own").status_code == 507
    assert finish(w.bob, upload(w.bob, PARTS[:1]), f"{w.team}/chunks").status_code == 201
    w.bob.delete(f"{w.team}/chunks")
    for answer in (w.bob.dav("PUT", f"{w.team}/more", data=b"x" * 60000),
                   finish(w.bob, upload(w.bob), f"{w.team}/more")):
        assert answer.status_code == 507
    assert w.bob.dav("COPY", f"{w.team}/large", destination=f"{w.team}/copy").status_code == 507
    assert w.bob.dav("COPY", f"{w.team}/large", destination="copy").status_code == 507
    assert w.bob.dav("MOVE", f"{w.team}/large", destination="moved").status_code == 507
    assert w.bob.get(f"{w.team}/large").content == b"x" * 60000
    assert w.alice.get("work/team/more").status_code == 404


# ---- locks ----


def lock(account, path, expect=(200, 201), **headers):
    answer = account.dav("LOCK", path, data=lock_body(account.id), depth="0", headers=headers)
    assert answer.status_code in expect, answer.text
    return answer.headers.get("Lock-Token")


def locks(account, path):
    """(token, root) of each lock that is told of something."""
    entry = account.propfind(path, 0, ("d:lockdiscovery",)).first
    return {(one.findtext(f"{clark('d:locktoken')}/{clark('d:href')}"),
             one.findtext(f"{clark('d:lockroot')}/{clark('d:href')}"))
            for one in entry.elements["d:lockdiscovery"].iter(clark("d:activelock"))}


@pytest.mark.parametrize("by_owner", (True, False), ids=("owner", "receiver"))
def test_locks_hold_for_all(w, by_owner):
    mine, theirs = ((w.alice, "work/team"), (w.bob, w.team))[::1 if by_owner else -1]
    holder, place = mine
    other, seen = theirs
    token = lock(holder, f"{place}/file.txt")
    number = token.strip("<>")
    for who, folder in (mine, theirs):
        assert locks(who, f"{folder}/file.txt") == {(number, who.path(f"{folder}/file.txt"))}
    for method, kwargs in (("PUT", {"data": b"x"}), ("DELETE", {}), ("PROPPATCH", {"data": (
            b'<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x xmlns="urn:x">1</x></d:prop></d:set>'
            b"</d:propertyupdate>")}), ("MOVE", {"destination": f"{seen}/moved"})):
        answer = other.dav(method, f"{seen}/file.txt", **kwargs)
        assert answer.status_code in (423, 207), f"{method}: {answer.status_code}"
        assert answer.status_code == 423 or b"423" in answer.content
        # a token counts for nobody else
        answer = other.dav(method, f"{seen}/file.txt", headers={"If": f"({token})"}, **kwargs)
        assert answer.status_code in (412, 423, 207), f"{method}: {answer.status_code}"
        assert answer.status_code != 207 or b"423" in answer.content
    lock(other, f"{seen}/file.txt", (423,))
    assert finish(other, upload(other), f"{seen}/file.txt").status_code == 423
    assert other.dav("UNLOCK", f"{seen}/file.txt",
                     headers={"Lock-Token": token}).status_code == (403 if by_owner else 204)
    if by_owner:
        assert holder.dav("PUT", f"{place}/file.txt", data=b"mine",
                          headers={"If": f"({token})"}).status_code == 204
        assert holder.dav("UNLOCK", f"{place}/file.txt",
                          headers={"Lock-Token": token}).status_code == 204
    for who, folder in (mine, theirs):
        assert locks(who, f"{folder}/file.txt") == set()
    other.put(f"{seen}/file.txt", b"free")


def test_a_lock_ends_with_the_share(w):
    """Of who may not write any more: it holds nobody up, and nobody is told of it."""
    for path in ("file.txt", "sub"):
        lock(w.bob, f"{w.team}/{path}")
    assert len(locks(w.alice, "work/team/file.txt")) == 1
    w.share.update(permissions=READ)
    for who, folder in ((w.alice, "work/team"), (w.bob, w.team)):
        for path in ("", "/file.txt", "/sub", "/sub/deep.txt"):
            assert locks(who, folder + path) == set()
        listed = who.propfind(folder, 1, ("d:lockdiscovery",))
        assert [entry["d:lockdiscovery"] for entry in listed.values()] == ["", "", ""]
    w.alice.put("work/team/file.txt", b"free")
    w.share.update(permissions=ALL)
    assert len(locks(w.alice, "work/team/file.txt")) == 1
    w.share.delete()
    assert locks(w.alice, "work/team/file.txt") == locks(w.alice, "work/team/sub") == set()
    w.alice.delete("work/team/sub")


def test_tagged_conditions(w):
    """A list of If about one's own path of something that another knows by his."""
    token = lock(w.bob, f"{w.team}/file.txt")
    good = {"If": f"<{w.bob.url(f'{w.team}/file.txt')}> ({token})"}
    assert w.bob.dav("PUT", f"{w.team}/file.txt", data=b"1", headers=good).status_code == 204
    theirs = {"If": f"<{w.alice.url('work/team/file.txt')}> ({token})"}
    assert w.bob.dav("PUT", f"{w.team}/file.txt", data=b"2", headers=theirs).status_code in (412, 423)
    assert w.alice.get("work/team/file.txt").content == b"1"
    etag = w.alice.etag("work/team/file.txt")
    both = {"If": f"<{w.bob.url(f'{w.team}/file.txt')}> ({token} [{etag}])"}
    assert w.bob.dav("PUT", f"{w.team}/file.txt", data=b"3", headers=both).status_code == 204
    assert w.bob.dav("PUT", f"{w.team}/file.txt", data=b"4", headers=both).status_code == 412


# ---- copies and moves between trees ----


def trash(account):
    listed = account.propfind("", 1, ("oc:trashbin-original-filename",), space="trash-bin")
    return sorted(entry["oc:trashbin-original-filename"] for entry in list(listed.values())[1:])


@pytest.mark.parametrize("name", ("file.txt", "sub"))
@pytest.mark.parametrize("way", ("mount to mount", "mount to own", "own to mount"))
def test_moves_between_owners(w, name, way):
    """What leaves somebody's tree is in his trash; where it comes it is the receiver's owner's."""
    bob = w.bob
    if name == "sub":
        bob.mkcol("sub")
        bob.put("sub/deep.txt", b"deep")
    else:
        bob.put("file.txt", b"mine")
    source, target = {"mount to mount": (w.team, w.kit), "mount to own": (w.team, ""),
                      "own to mount": ("", w.team)}[way]
    content = bob.get(f"{source}/{name}" + ("/deep.txt" if name == "sub" else "")).content
    used = int(w.alice.prop("", "oc:size"))
    copied = bob.dav("COPY", f"{source}/{name}", destination=f"{target}/copied")
    assert copied.status_code == 201, copied.text
    moved = bob.dav("MOVE", f"{source}/{name}", destination=f"{target}/moved")
    assert moved.status_code == 201, moved.text
    assert bob.dav("PROPFIND", f"{source}/{name}", depth=0).status_code == 404
    for to in ("copied", "moved"):
        path = f"{target}/{to}" + ("/deep.txt" if name == "sub" else "")
        assert bob.get(path).content == content
        owner = {"mount to mount": w.erin, "mount to own": bob, "own to mount": w.alice}[way]
        assert bob.prop(f"{target}/{to}", "oc:owner-id") == owner.id
    assert trash(w.alice) == ([] if way == "own to mount" else [name])
    grown = int(w.alice.prop("", "oc:size")) - used
    assert grown == (2 * len(content) if way == "own to mount" else -len(content))


def test_a_move_onto_something_between_owners(w):
    answer = w.bob.dav("MOVE", f"{w.team}/file.txt", destination=f"{w.kit}/file.txt", overwrite=False)
    assert answer.status_code == 412
    w.bob.move(f"{w.team}/file.txt", f"{w.kit}/file.txt", expect=(204,))
    assert w.erin.get("kit/file.txt").content == b"first of work/team"
    assert trash(w.alice) == ["file.txt"]


def test_what_one_shares_stays_shared_in_what_one_received(w):
    """It is worth what one has there, and ends with the item."""
    dave = w.env.account()
    w.bob.mkcol("own")
    w.bob.put("own/f.txt", b"bob's")
    given, link = share(w.bob, "own", dave, permissions=READ), share(w.bob, "own/f.txt")
    page = f"index.php/s/{link.token}"
    w.bob.move("own", f"{w.team}/own", expect=(201,))
    assert dave.get("own/f.txt").content == b"bob's"
    assert w.env.http("GET", page).status_code == 200
    [told] = call(w.bob, "GET", "shares", path=f"/{w.team}/own")
    assert (told["id"], told["uid_owner"], told["uid_file_owner"]) == \
        (str(given.id), w.bob.id, w.alice.id)
    [seen] = call(w.alice, "GET", "shares", path="/work/team/own", reshares="true")
    assert seen["id"] == str(given.id)
    w.share.update(permissions=ALL & ~SHARE)
    assert dave.dav("GET", "own/f.txt").status_code == 404
    assert w.env.http("GET", page).status_code == 404
    w.share.update(permissions=ALL)
    assert dave.get("own/f.txt").content == b"bob's"
    w.alice.delete("work/team/own")
    for one in (given, link):
        call(w.bob, "GET", f"shares/{one.id}", 404)


@pytest.mark.parametrize("place", ("own", "kit"))
def test_what_one_shared_on_stays_shared_where_one_moves_it(w, place):
    """Into one's own files, or another's; shares of it by others end."""
    dave = w.env.account()
    given = share(w.bob, f"{w.team}/file.txt", dave, permissions=READ | UPDATE)
    link = share(w.bob, f"{w.team}/file.txt")
    other = share(w.alice, "work/team/file.txt", w.erin, permissions=READ)
    owner, folder = {"own": (w.bob, "own"), "kit": (w.erin, w.kit)}[place]
    if place == "own":
        w.bob.mkcol(folder)
    w.bob.move(f"{w.team}/file.txt", f"{folder}/moved.txt", expect=(201,))
    for one in (given, link):
        [told] = call(w.bob, "GET", f"shares/{one.id}")
        assert (told["uid_owner"], told["uid_file_owner"], told["path"]) == \
            (w.bob.id, owner.id, f"/{folder}/moved.txt")
    dave.put("file.txt", b"of dave", expect=(204,))
    assert w.bob.get(f"{folder}/moved.txt").content == b"of dave"
    assert w.env.http("GET", f"index.php/s/{link.token}/download").content == b"of dave"
    call(w.alice, "GET", f"shares/{other.id}", 404)
    assert w.alice.dav("GET", "work/team/file.txt").status_code == 404
    w.bob.delete(f"{folder}/moved.txt")
    assert dave.dav("GET", "file.txt").status_code == 404


def test_moves_that_may_not_be(reader):
    """Out of what may only be read nothing moves; into it nothing comes; a copy out is free."""
    bob, etag = reader.bob, reader.alice.etag("work")
    bob.put("own", b"own")
    for method, source, target in (("MOVE", f"{reader.team}/file.txt", "out"),
                                   ("MOVE", f"{reader.team}/sub", f"{reader.kit}/out"),
                                   ("MOVE", "own", f"{reader.team}/in"),
                                   ("COPY", "own", f"{reader.team}/file.txt"),
                                   ("COPY", f"{reader.kit}/sub", f"{reader.team}/in"),
                                   ("COPY", f"{reader.team}/sub", f"{reader.team}/in")):
        answer = bob.dav(method, source, destination=target)
        assert answer.status_code == 403, f"{method} {source} {target}: {answer.status_code}"
        assert error(answer)[0].endswith("Forbidden")
    bob.copy(f"{reader.team}/sub", f"{reader.kit}/copied", expect=(201,))
    assert reader.alice.etag("work") == etag and trash(reader.alice) == trash(bob) == []
    reader.sound()


def test_the_mount_under_another_name(w):
    """Ids, ETags and versions are those of before, and the owner notices nothing."""
    w.bob.put(f"{w.team}/file.txt", b"second")
    before = w.alice.etag("work")
    node = w.bob.prop(f"{w.team}/file.txt", "oc:fileid")
    etag = w.bob.etag(w.team)
    new = f"{w.team} again"
    w.bob.move(w.team, new, expect=(201,))
    assert w.alice.etag("work") == before and w.bob.etag(new) == etag
    assert w.bob.prop(f"{new}/file.txt", "oc:fileid") == node
    listed = w.env.http("PROPFIND", f"remote.php/dav/meta/{node}/v", w.bob, headers={"Depth": "1"})
    assert ElementTree.fromstring(listed.content).findall(clark("d:response"))[1:]
    where = w.env.http("PROPFIND", f"remote.php/dav/meta/{node}", w.bob, headers={"Depth": "0"},
                       data=b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>'
                            b"<oc:meta-path-for-user/></d:prop></d:propfind>")
    assert f"/{new}/file.txt" in where.text
    assert letters(w.bob, new).startswith("S")


# ---- the trash of both ----


@pytest.mark.parametrize("perms", (READ | DELETE, ALL))
def test_a_deleted_folder_is_one_thing(env, perms):
    w = World(env, True, perms)
    w.bob.delete(f"{w.team}/sub")
    assert trash(w.alice) == trash(w.bob) == ["sub"]
    [item] = w.alice.propfind("", 1, space="trash-bin").names()
    assert w.bob.propfind("", 1, space="trash-bin").names() == [item]
    assert w.bob.propfind(item, 1, space="trash-bin").names() == ["deep.txt"]
    for who in (w.alice, w.bob):
        assert who.dav("GET", f"{item}/deep.txt", "trash-bin").status_code == 403
    back = w.bob.dav("MOVE", item, "trash-bin", destination=f"{w.team}/sub", dest_space="files",
                     overwrite=False)
    assert back.status_code == (201 if perms & CREATE else 403)
    assert trash(w.alice) == trash(w.bob) == ([] if perms & CREATE else ["sub"])
    w.sound()
