"""Shares without the permission to read: folders to put things into, files to write and not to see."""

import itertools

import pytest

from harness.dav import lock_body, proppatch_body
from harness.shares import CREATE, DELETE, LINK, READ, SHARE, UPDATE, ocs, received, share

NUMBERS = itertools.count(1)
NAMES = ("a.txt", "none.txt")  # one that is there, and one that is not


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    return module_env.account(), module_env.account(), module_env.account()


@pytest.fixture(name="drop")
def fixture_drop(people, request):
    """A folder of the first account, in which the second one may create."""
    owner, friend, _ = people
    name = request.node.name[5:40]
    owner.mkcol(name)
    owner.put(f"{name}/a.txt", b"the owner's")
    owner.mkcol(f"{name}/sub")
    made = share(owner, name, friend, permissions=CREATE)
    yield name, made
    owner.delete(name)


@pytest.fixture(name="mine")
def fixture_mine(people):
    """What the second account has to put there: files and folders of a name."""
    friend = people[1]
    names = ("mine.txt", "moved.txt", "mine", "moved")
    for name in names:
        if name.endswith(".txt"):
            friend.put(name, b"of " + name.encode())
        else:
            friend.mkcol(name)
            friend.put(f"{name}/f", b"in it")
    yield friend
    for name in names:
        friend.delete(name, expect=(204, 404))


def statuses(friend, method, drop, **kwargs):
    return [friend.dav(method, f"{drop}/{name}", **kwargs).status_code for name in NAMES]


def test_what_is_asked_for_stays(people, drop):
    _, friend, _ = people
    name, made = drop
    assert int(made.data["permissions"]) == CREATE
    mine = [one for one in received(friend) if one["path"] == f"/{name}"]
    assert [int(one["permissions"]) for one in mine] == [CREATE]
    assert ocs(people[0], "PUT", f"shares/{made.id}", permissions=UPDATE | CREATE).status_code == 200
    assert int(received(friend, path=name)[0]["permissions"]) == UPDATE | CREATE


def test_it_is_seen_and_not_looked_into(people, drop):
    owner, friend, _ = people
    name, _ = drop
    found = friend.propfind("", 1, ("oc:permissions", "oc:size", "d:getetag"))
    entry = next(props for href, props in found.items() if href.rstrip("/").endswith(f"/{name}"))
    assert entry["oc:permissions"] == "SDNVCK"
    assert entry["oc:size"] == "0"
    assert friend.dav("PROPFIND", name, depth=0).status_code == 207
    assert friend.dav("PROPFIND", name, depth=1).status_code == 403
    assert friend.dav("PROPFIND", name, "webdav", depth=1).status_code == 403
    before = friend.etag(name), friend.etag("")
    owner.put(f"{name}/b.txt", b"more")
    assert (friend.etag(name), friend.etag("")) == before


def test_all_that_there_is(module_env, people, drop):
    _, friend, _ = people
    name, _ = drop
    module_env.cloudctl("config", "set", "system", "dav.propfind.depth_infinity", "true")
    try:
        everything = friend.dav("PROPFIND", "", depth="infinity")
        assert everything.status_code == 207
        assert f"/{name}/<" in everything.text and "a.txt" not in everything.text
        assert friend.dav("PROPFIND", name, depth="infinity").status_code == 403
    finally:
        module_env.cloudctl("config", "delete", "system", "dav.propfind.depth_infinity")


def test_nothing_tells_what_is_there(people, drop):
    owner, friend, _ = people
    name, _ = drop
    assert statuses(friend, "GET", name) == [404, 404]
    assert statuses(friend, "PROPFIND", name, depth=0) == [404, 404]
    assert statuses(friend, "PROPPATCH", name,
                    data=proppatch_body({"d:displayname": "x"})) == [404, 404]
    assert statuses(friend, "DELETE", name) == [403, 403]
    assert statuses(friend, "LOCK", name, data=lock_body()) == [403, 403]
    assert statuses(friend, "COPY", name, destination="copied") == [404, 404]
    assert statuses(friend, "MOVE", name, destination="moved") == [404, 404]
    assert friend.dav("COPY", name, destination="copied").status_code == 403
    assert owner.get(f"{name}/a.txt").content == b"the owner's"
    assert owner.dav("PROPFIND", f"{name}/none.txt", depth=0).status_code == 404


FOLDERS = ("sub", "nosub", "a.txt")  # one that is there, one that is not, and no folder


@pytest.mark.parametrize("perms", (CREATE, UPDATE | CREATE | DELETE, UPDATE | DELETE))
def test_folders_in_it_are_not_reached(people, drop, mine, perms):
    """By no name, whether there is one or not."""
    owner, friend = people[0], mine
    name, made = drop
    made.update(permissions=perms)
    owner.put(f"{name}/sub/in.txt", b"in")
    owner.mkcol(f"{name}/sub/deep")
    friend.mkcol(f"up-{perms}", space="uploads")
    friend.put(f"up-{perms}/0", b"x", space="uploads")

    def all_ways(folder):
        for below in ("new.txt", "in.txt", "deep"):
            path = f"{name}/{folder}/{below}"
            for method in ("GET", "PROPFIND", "DELETE", "MKCOL", "LOCK", "UNLOCK", "PUT", "PROPPATCH"):
                body = {"PUT": b"x", "LOCK": lock_body(),
                        "PROPPATCH": proppatch_body({"d:displayname": "x"})}.get(method)
                headers = {"UNLOCK": {"Lock-Token": "<opaquelocktoken:none>"},
                           "PROPFIND": {"Depth": "0"}}.get(method)
                yield friend.dav(method, path, data=body, headers=headers).status_code
            for overwrite in (True, False):
                for method, source in itertools.product(("COPY", "MOVE"), ("mine.txt", "mine")):
                    yield friend.dav(method, source, destination=path,
                                     overwrite=overwrite).status_code
            yield friend.dav("MOVE", f"up-{perms}/.file", "uploads", destination=path,
                             dest_space="files").status_code
            yield friend.dav("COPY", path, destination="copied").status_code
            yield friend.dav("MOVE", path, destination="moved").status_code

    first = list(all_ways(FOLDERS[0]))
    assert set(first) <= {403, 404, 409}, first
    for folder in FOLDERS[1:]:
        assert list(all_ways(folder)) == first
    assert sorted(owner.propfind(f"{name}/sub", 1).names()) == ["deep", "in.txt"]
    assert sorted(owner.propfind(name, 1).names()) == ["a.txt", "sub"]
    assert friend.get("mine.txt").content == b"of mine.txt"


def upload(friend, path, data, **headers):
    """In chunks."""
    session = f"session-{next(NUMBERS)}"
    friend.mkcol(session, space="uploads")
    friend.put(f"{session}/0", data, space="uploads")
    return friend.dav("MOVE", f"{session}/.file", "uploads", destination=path, dest_space="files",
                      headers={"OC-Total-Length": str(len(data)), **headers})


@pytest.mark.parametrize("overwrite", (True, False, None))
def test_all_that_is_put_there_gets_a_free_name(people, drop, mine, overwrite):
    owner, friend = people[0], mine
    name, _ = drop
    flag = {"overwrite": overwrite}
    answers = [friend.dav("COPY", "mine.txt", destination=f"{name}/a.txt", **flag),
               friend.dav("MOVE", "moved.txt", destination=f"{name}/a.txt", **flag),
               friend.dav("COPY", "mine.txt", destination=f"{name}/sub", **flag),
               friend.dav("COPY", "mine", destination=f"{name}/sub", **flag),
               friend.dav("MOVE", "moved", destination=f"{name}/a.txt", **flag),
               upload(friend, f"{name}/a.txt", b"in chunks"),
               upload(friend, f"{name}/none.txt", b"in chunks"),
               friend.dav("MKCOL", f"{name}/sub"), friend.dav("MKCOL", f"{name}/free"),
               friend.dav("MKCOL", f"{name}/a.txt")]
    assert [answer.status_code for answer in answers] == [201] * len(answers)
    there = {"a.txt": b"the owner's", "a (2).txt": b"of mine.txt", "a (3).txt": b"of moved.txt",
             "sub (2)": b"of mine.txt", "a (4).txt": b"in chunks", "none.txt": b"in chunks"}
    for path, content in there.items():
        assert owner.get(f"{name}/{path}").content == content, path
    folders = {"sub": [], "sub (3)": ["f"], "a.txt (2)": ["f"], "sub (4)": [], "free": [],
               "a.txt (3)": []}
    for path, names in folders.items():
        assert owner.propfind(f"{name}/{path}", 1).names() == names, path
    assert sorted(owner.propfind(name, 1).names()) == sorted([*there, *folders])
    for path in ("moved.txt", "moved"):
        assert friend.dav("GET", path).status_code == 404


def test_the_end_of_an_upload_that_is_repeated(people, drop):
    """Who did not hear the answer asks again, and gets it; nothing is there twice."""
    owner, friend, _ = people
    name, _ = drop
    friend.mkcol("repeated", space="uploads")
    friend.put("repeated/0", b"in chunks", space="uploads")
    first, again = [friend.dav("MOVE", "repeated/.file", "uploads", destination=f"{name}/a.txt",
                               dest_space="files") for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    for header in ("ETag", "OC-FileId"):
        assert first.headers[header] == again.headers[header]
    assert sorted(owner.propfind(name, 1).names()) == ["a (2).txt", "a.txt", "sub"]


CONDITIONS = ({"If-None-Match": "*"}, {"If-Match": "*"}, {"If-Match": '"deadbeef"'},
              {"If": '(["deadbeef"])'}, {"If": "(Not <DAV:no-lock>)"}, {"If": "(<opaquelocktoken:none>)"})


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_conditions_tell_nothing(people, drop, mine, condition):
    owner, friend = people[0], mine
    name, made = drop
    made.update(permissions=UPDATE | CREATE)
    names = ("a.txt", "none.txt", "sub")

    def alike(answers):
        found = {answer.status_code for answer in answers}
        assert len(found) == 1, found

    alike(friend.dav("PUT", f"{name}/{one}", data=b"x", headers=condition) for one in names)
    alike(friend.dav("COPY", "mine.txt", destination=f"{name}/{one}", headers=condition)
          for one in names)
    alike(upload(friend, f"{name}/{one}", b"x", **condition) for one in names)
    assert owner.get(f"{name}/a.txt").content == b"the owner's"


def test_ones_own_lock_on_it_tells_nothing(people, drop):
    """Whoever may update may lock the folder itself."""
    owner, friend, _ = people
    name, made = drop
    made.update(permissions=UPDATE | CREATE)
    token = friend.dav("LOCK", name, depth="infinity", data=lock_body()).headers["Lock-Token"]
    url = friend.url(name)
    for kind in (f"<{url}> ({token})", f"({token})"):
        found = [[friend.dav("PUT", f"{name}/{one}", data=b"x", headers={"If": kind}).status_code,
                  friend.dav("MKCOL", f"{name}/{one}", headers={"If": kind}).status_code,
                  friend.dav("DELETE", f"{name}/{one}", headers={"If": kind}).status_code,
                  friend.dav("UNLOCK", f"{name}/{one}", headers={"Lock-Token": token}).status_code,
                  friend.dav("LOCK", f"{name}/{one}", headers={"If": kind}).status_code]
                 for one in ("a.txt", "sub", "none.txt")]
        assert found[0] == found[1] == found[2], found
        assert found[0][:2] == [201, 201]
    assert friend.dav("UNLOCK", name, headers={"Lock-Token": token}).status_code == 204
    assert owner.get(f"{name}/a.txt").content == b"the owner's"


def test_files_are_put_there(people, drop):
    owner, friend, _ = people
    name, _ = drop
    answer = friend.put(f"{name}/new.txt", b"new", expect=(201,))
    assert answer.headers["ETag"].startswith('"')
    assert owner.get(f"{name}/new.txt").content == b"new"
    friend.put(f"{name}/a.txt", b"another", expect=(201,))
    assert owner.get(f"{name}/a.txt").content == b"the owner's"
    assert owner.get(f"{name}/a (2).txt").content == b"another"
    friend.put("mine.txt", b"mine")
    friend.copy("mine.txt", f"{name}/mine.txt", expect=(201,))
    assert owner.get(f"{name}/mine.txt").content == b"mine"
    assert friend.dav("GET", f"{name}/mine.txt").status_code == 404
    friend.delete("mine.txt")


def test_what_is_not_permitted_is_refused_for_all_names(people, drop):
    owner, friend, _ = people
    name, made = drop
    made.update(permissions=UPDATE | DELETE)
    assert statuses(friend, "PUT", name, data=b"x") == [403, 403]
    assert statuses(friend, "DELETE", name) == [403, 403]
    assert statuses(friend, "GET", name) == [404, 404]
    assert owner.get(f"{name}/a.txt").content == b"the owner's"


def test_it_can_be_renamed_and_left(people, drop):
    owner, friend, _ = people
    name, _ = drop
    friend.move(name, f"{name}-renamed", expect=(201,))
    friend.put(f"{name}-renamed/new.txt", b"new", expect=(201,))
    assert owner.get(f"{name}/new.txt").content == b"new"
    friend.delete(f"{name}-renamed")
    assert friend.dav("PROPFIND", f"{name}-renamed", depth=0).status_code == 404
    assert owner.get(f"{name}/a.txt").content == b"the owner's"


def test_grants_add_up(people, drop):
    owner, friend, _ = people
    name, _ = drop
    inner = share(owner, f"{name}/sub", friend, permissions=READ)
    assert friend.dav("PROPFIND", "sub", depth=1).status_code == 207
    assert friend.dav("PROPFIND", f"{name}/sub", depth=0).status_code == 404
    inner.delete()


def test_who_may_not_read_gives_nobody_anything_to_read(people, drop):
    owner, friend, third = people
    name, made = drop
    made.update(permissions=CREATE | SHARE)
    for kind, whom in ((0, third.id), (LINK, None)):
        refused = ocs(friend, "POST", "shares", path=f"/{name}", shareType=kind, shareWith=whom,
                      permissions=READ)
        assert refused.status_code == 404, refused.text
    share(friend, name, third, permissions=CREATE)
    third.put(f"{name}/third.txt", b"third", expect=(201,))
    assert third.dav("PROPFIND", name, depth=1).status_code == 403
    assert owner.get(f"{name}/third.txt").content == b"third"


def test_a_file_to_be_written(people):
    owner, friend, _ = people
    owner.put("board.txt", b"first")
    made = share(owner, "board.txt", friend, permissions=UPDATE)
    assert int(made.data["permissions"]) == UPDATE
    assert friend.dav("GET", "board.txt").status_code == 403
    assert friend.dav("COPY", "board.txt", destination="copied").status_code == 403
    assert "oc:checksums" not in friend.propfind("board.txt", 0, ("oc:checksums", "oc:size"))
    friend.put("board.txt", b"second", expect=(204,))
    assert owner.get("board.txt").content == b"second"
    owner.delete("board.txt")
