"""Shares without the permission to read: folders to put things into, files to write and not to see."""

import pytest

from harness.dav import lock_body, proppatch_body
from harness.shares import CREATE, DELETE, LINK, READ, SHARE, UPDATE, ocs, received, share

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
    assert statuses(friend, "MKCOL", name) == [404, 404]
    assert friend.dav("MKCOL", f"{name}/sub").status_code == 404
    for path in (f"{name}/sub/new.txt", f"{name}/nosub/new.txt"):
        assert friend.dav("PUT", path, data=b"x").status_code == 403
    assert friend.dav("COPY", name, destination="copied").status_code == 403
    assert owner.get(f"{name}/a.txt").content == b"the owner's"
    assert owner.dav("PROPFIND", f"{name}/none.txt", depth=0).status_code == 404


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
