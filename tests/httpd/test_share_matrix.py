"""Who may do what with what he was given: every set of permissions, every kind of receiver, every operation, by
both addresses of files. What has to happen is computed from one table (harness/matrix_ops.py)."""

import re

import pytest

from harness.dav import lock_body, propfind_body, proppatch_body
from harness.env import SRC, wait_until
from harness.matrix import (CREATED, DAV, DONE, MULTI, OK, OWNER, REFUSED, Case, World, check, inner,
                            multi, permissions_of, report)
from harness import matrix_top  # pylint: disable=unused-import # adds operations
from harness.matrix_ops import OPS
from harness.shares import (ALL, CREATE, DELETE, READ, SHARE, UPDATE, accept, call, decline, group,
                            share, sql)

DIR_SETS = [READ | more for more in (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)]
UNREAD_SETS = [perms for perms in range(2, 32) if not perms & READ]
FILE_SETS = [READ, READ | UPDATE, READ | SHARE, READ | UPDATE | SHARE, UPDATE, SHARE, UPDATE | SHARE]


@pytest.fixture(name="world", scope="module")
def fixture_world(module_env):
    module_env.config("CloudDurability relaxed")  # thousands of changes, and no power cut
    world = World(module_env)
    yield world
    world.close()


# ---- folders ----


def mounts(world, perms):
    """All who have a folder with these permissions, by whatever way: (role, place)."""
    name, place = f"p{perms}", f"m/p{perms}"
    world.folder(place)
    world.grant(place, world.user, perms)
    world.grant(place, world.members, perms)
    world.grant(place, world.both, READ | UPDATE)
    roles = [world.at(world.user, name, perms, "recipient"),
             world.at(world.user, name, perms, "recipient by webdav", "webdav"),
             world.at(world.member, name, perms, "member of a group"),
             world.at(world.both, name, perms | UPDATE, "by two ways", "webdav")]
    if perms & SHARE:
        for account, fewer, who, route in ((world.same, perms, "reshared", "files"),
                                           (world.fewer, READ, "reshared with less", "webdav")):
            made = world.grant(place, account, fewer, giver=world.user, path=name)
            roles.append(world.at(account, name, fewer, who, route, share=made.id))
    return roles, place


@pytest.mark.parametrize("perms", DIR_SETS)
def test_folder(world, perms):
    roles, place = mounts(world, perms)
    problems = []
    for role in roles:
        problems += check(world, role, place, OPS)
    report(problems)


def unread_mounts(world, perms):
    """All who have a folder with these permissions, and not that to read: (role, place)."""
    name, place = f"u{perms}", f"m/u{perms}"
    world.folder(place)
    world.grant(place, world.user, perms)
    world.grant(place, world.members, perms)
    world.grant(place, world.both, UPDATE)
    roles = [world.at(world.user, name, perms, "recipient"),
             world.at(world.member, name, perms, "member of a group", "webdav"),
             world.at(world.both, name, perms | UPDATE, "by two ways")]
    if perms & SHARE:
        for account, fewer, who, route in (
                (world.same, perms, "reshared", "webdav"),
                (world.fewer, perms & (CREATE | DELETE) or SHARE, "reshared with less", "files")):
            made = world.grant(place, account, fewer, giver=world.user, path=name)
            roles.append(world.at(account, name, fewer, who, route, share=made.id))
    return roles, place


@pytest.mark.parametrize("perms", UNREAD_SETS)
def test_folder_that_may_not_be_read(world, perms):
    """Files can be brought, where that is permitted; nothing else, and nothing is told of what there is."""
    roles, place = unread_mounts(world, perms)
    problems = []
    for role in roles:
        problems += check(world, role, place, OPS)
    report(problems)


def test_two_grants_of_which_one_lets_read(world):
    """They add up in whatever order they were given."""
    place = "m/added"
    world.folder(place)
    world.grant(place, world.user, CREATE)
    world.grant(place, world.member, READ | DELETE)
    world.grant(place, world.both, UPDATE)
    world.grant(place, group(world.env, f"matrix-read-{world.owner.id}", world.user), READ)
    world.grant(place, world.members, CREATE)
    problems = []
    for account, perms in ((world.user, READ | CREATE), (world.member, READ | CREATE | DELETE),
                           (world.both, UPDATE | CREATE)):
        problems += check(world, world.at(account, "added", perms, str(perms)), place, OPS)
    report(problems)


def test_owner(world):
    """The owner of what is shared may do everything."""
    place = "m/owned"
    world.folder(place)
    world.grant(place, world.user, READ)
    role = world.at(world.owner, place, ALL | OWNER, "owner", kind="owner")
    report(check(world, role, place, OPS))


@pytest.mark.parametrize("perms", (READ, 7, 19, 31, CREATE, CREATE | SHARE, 30))
def test_a_reshare_shrinks_with_what_it_comes_from(world, perms):
    """What was reshared is worth as much as what its sharer has, and nothing when he may not share any
    more; and it comes back."""
    name, place = f"s{perms}", f"m/s{perms}"
    world.folder(place)
    first = world.grant(place, world.user, ALL)
    second = world.grant(place, world.shrunk, ALL, giver=world.user, path=name)
    first.update(permissions=perms)
    role = world.at(world.shrunk, name, perms, "shrunk", live=bool(perms & SHARE), share=second.id)
    report(check(world, role, place, OPS))
    first.update(permissions=ALL)
    world.dirty.add(place)
    report(check(world, world.at(world.shrunk, name, ALL, "back again", share=second.id), place, OPS))


# ---- those who have nothing (any more) ----


def nothing(world, kind):
    """Somebody without a share, or whose share is none: (role, place)."""
    place, name = f"m/none-{kind}", f"none-{kind}"
    world.folder(place)
    account = getattr(world, kind)
    if kind == "pending":
        world.env.cloudctl("config", "set", "core", "shareapi_auto_accept_share", "no")
        world.grant(place, account, ALL)
        world.env.cloudctl("config", "delete", "core", "shareapi_auto_accept_share")
    elif kind == "declined":
        decline(account, world.grant(place, account, ALL).id)
    elif kind == "left":
        world.grant(place, account, ALL)
        account.delete(name)
    elif kind == "expired":
        made = world.grant(place, account, ALL, expireDate="2099-01-01")
        assert account.dav("PROPFIND", name, depth=0).status_code == 207
        sql(world.env, "UPDATE share SET expires = 1 WHERE id = ?", made.id)
        assert account.dav("PROPFIND", name, depth=0).status_code == 404
        wait_until(lambda: not sql(world.env, "SELECT 1 FROM share WHERE id = ?", made.id),
                   "the end of what has expired")
    elif kind == "ex_member":
        joined = group(world.env, f"matrix-ex-{account.id}", account)
        world.grant(place, joined, ALL)
        assert account.dav("PROPFIND", name, depth=0).status_code == 207
        world.env.cloudctl("group", "remove-member", joined, account.id)
    return name, place, account


@pytest.mark.parametrize("kind", ("stranger", "pending", "declined", "expired", "left", "ex_member"))
def test_without_a_share(world, kind):
    name, place, account = nothing(world, kind)
    problems = []
    for route in ("files", "webdav"):
        role = world.at(account, name, 0, kind, route, live=False)
        problems += check(world, role, place, OPS)
    report(problems)
    if kind in ("pending", "declined", "left"):
        accept(account, world.shares[place][0])
        report(check(world, world.at(account, name, ALL, f"{kind}, then accepted"), place, OPS))


def test_unshared(world):
    """The owner takes it back."""
    place = "m/unshared"
    world.folder(place)
    made = world.grant(place, world.user, ALL)
    assert world.user.dav("PROPFIND", "unshared", depth=0).status_code == 207
    made.delete()
    report(check(world, world.at(world.user, "unshared", 0, "unshared", live=False), place, OPS))


def test_owner_disabled(world):
    """What he gave goes on, as in ownCloud; it ends with him."""
    owner = world.env.account()
    owner.mkcol("ofdisabled")
    owner.put("ofdisabled/file.txt", b"first")
    share(owner, "ofdisabled", world.user, permissions=ALL)
    world.env.cloudctl("account", "disable", owner.id)
    assert world.user.get("ofdisabled/file.txt").content == b"first"
    world.user.put("ofdisabled/file.txt", b"second", expect=(204,))
    world.user.put("ofdisabled/new.txt", b"new", expect=(201,))
    world.user.delete("ofdisabled/new.txt")
    world.env.cloudctl("account", "delete", "--yes", owner.id)
    assert world.user.get("ofdisabled/file.txt").status_code == 404
    assert "ofdisabled" not in world.user.propfind("", 1).names()


def test_without_a_login(world):
    """Nothing is to be had without a login, at no address of the matrix."""
    place = "m/anonymous"
    world.folder(place)
    world.grant(place, world.user, ALL)
    for route in ("files", "webdav"):
        role = world.at(world.user, "anonymous", 0, "nobody", route, live=False)
        role.auth = None
        case = Case(world, role, place)
        world.fresh(place)
        before = world.state()
        for method in ("PROPFIND", "GET", "HEAD", "PUT", "MKCOL", "DELETE", "MOVE", "COPY",
                       "PROPPATCH", "LOCK", "UNLOCK", "REPORT"):
            answer = case.send(method, case.at("a/file.txt"), Depth=0,
                               Destination=case.whole(case.at("a/x")))
            assert answer.status == 401, f"{method}: {answer.status}"
        for method, path in (("GET", "shares"), ("POST", "shares"), ("PUT", "shares/1"),
                             ("DELETE", "shares/1"), ("POST", "shares/pending/1")):
            assert case.ocs(method, path).status == 401
        assert world.state() == before


# ---- files ----

#: The operations on one shared file: name -> needs, statuses, changes
FILE_OPS = {
    "PROPFIND": (READ, MULTI, False),
    "GET": (READ, OK, False),
    "PUT": (UPDATE, DONE, True),
    "COPY out": (READ, CREATED, False),
    "COPY over it": (UPDATE, DONE, True),
    "MOVE over it": (UPDATE, DONE, True),
    "PROPPATCH": (UPDATE, {200}, True),
    "LOCK": (UPDATE, OK, False),
    "list of versions": (READ, MULTI, False),
    "GET of a version": (READ, OK, False),
    "restore of a version": (READ | UPDATE, DONE, True),
    "DELETE of a version": (DELETE, DONE, False),
    "chunked upload": (UPDATE, DONE, True),
    "share": (SHARE, OK, True),
}


def file_op(c, name, node, number):  # pylint: disable=too-many-return-statements
    file = c.at("")
    if name in ("PROPFIND", "GET"):
        return c.send(name, file, Depth=0)
    if name == "PUT":
        return c.send("PUT", file, b"second")
    if name == "COPY out":
        answer = c.send("COPY", file, Destination=c.whole(c.mine("copied")))
        there = c.send("DELETE", c.mine("copied")).status == 204
        assert there == (answer.status == 201)
        return answer
    if name in ("COPY over it", "MOVE over it"):
        return c.send(name[:4], c.source(), Destination=c.whole(file))
    if name == "PROPPATCH":
        return inner(c.send("PROPPATCH", file, proppatch_body({"d:lastmodified": "1234567890"})))
    if name == "LOCK":
        answer = c.send("LOCK", file, lock_body(), Depth=0)
        if answer.status == 200:
            c.send("UNLOCK", file, Lock_Token=answer.headers["Lock-Token"])
        return answer
    if name == "list of versions":
        return c.send("PROPFIND", f"{DAV}meta/{node}/v", Depth=1)
    if name == "restore of a version":
        return c.send("COPY", f"{DAV}meta/{node}/v/{number}", Destination=c.whole(file))
    if name in ("GET of a version", "DELETE of a version"):
        return c.send(name.split()[0], f"{DAV}meta/{node}/v/{number}")
    if name == "chunked upload":
        return c.chunked("")
    assert name == "share"
    return c.shared("", c.role.perms & (ALL if c.role.blind else READ))


def file_roles(world, place, name, perms):
    roles = []
    world.grant(place, world.user, perms)
    world.grant(place, world.members, perms)
    for account, who, route in ((world.user, "recipient", "files"),
                                (world.user, "recipient by webdav", "webdav"),
                                (world.member, "member", "files")):
        role = world.at(account, name, perms, who, route)
        role.root = role.root.rstrip("/")
        roles.append(role)
    return roles


def versioned(world, place):
    """A file with an old version, as its owner has it: (node, number)."""
    for content in (b"before", b"first"):
        assert world.as_owner("PUT", place, content).status in (201, 204)
    node = multi(world.as_owner("PROPFIND", place, propfind_body(("oc:fileid",)),
                                Depth=0)).first["oc:fileid"]
    listed = world.wire.send("PROPFIND", f"{DAV}meta/{node}/v", world.owner.authorization, Depth=1)
    return node, multi(listed).names()[0]


@pytest.mark.parametrize("perms", FILE_SETS)
def test_file(world, perms):
    name, place = f"f{perms}.txt", f"m/f{perms}.txt"
    versioned(world, place)
    world.shares[place] = []
    problems = []
    for role in file_roles(world, place, name, perms):
        case = Case(world, role, place)
        for what, (needs, success, changes) in FILE_OPS.items():
            # That there is an item is seen by whoever was given it, whatever he may.
            allowed = what == "PROPFIND" or needs & ~perms == 0
            node, number = versioned(world, place)
            before = world.state()
            answer = file_op(case, what, node, number)
            good = answer.status in (success if allowed else {403, 404} if what == "share"
                                     else REFUSED)
            if not good:
                problems.append(f"{role.name}, {perms}: {what}: {answer.status} {answer.text[:200]}")
            if (world.state() != before) != (allowed and changes):
                problems.append(f"{role.name}, {perms}: {what}: the tree")
        answer = case.send("PROPFIND", case.at(""), propfind_body(("oc:permissions",)), Depth=0)
        wanted = "S" + ("R" if perms & SHARE else "") + "DNV" + ("W" if perms & UPDATE else "")
        if list(permissions_of(answer).values()) != [wanted]:
            problems.append(f"{role.name}, {perms}: letters {permissions_of(answer)}")
    report(problems)


# ---- the mount itself ----


@pytest.mark.parametrize("perms", (READ, 15, ALL))
def test_the_place_of_a_mount_is_its_receivers(world, perms):
    """Its name and its place, of which the owner notices nothing; and whether it is there at all."""
    name, place, user = f"r{perms}", f"m/r{perms}", world.user
    world.folder(place)
    made = world.grant(place, user, perms)
    world.fresh(place)
    before = world.state()
    letters = user.prop(name, "oc:permissions")
    assert letters == "S" + ("R" if perms & SHARE else "") + "DNV" + ("CK" if perms & CREATE else "")
    user.move(name, f"{name} renamed", expect=(201,))
    user.mkcol(f"mine{perms}")
    user.move(f"{name} renamed", f"mine{perms}/{name}", expect=(201,))
    assert user.get(f"mine{perms}/{name}/a/file.txt").content == b"first"
    assert user.dav("PROPFIND", name, depth=0).status_code == 404
    assert world.state() == before
    user.delete(f"mine{perms}/{name}")
    assert user.dav("PROPFIND", f"mine{perms}/{name}", depth=0).status_code == 404
    assert world.state() != before  # that somebody left is a change of the share
    assert world.owner.get(f"{place}/a/file.txt").content == b"first"
    assert [one for one in call(world.owner, "GET", "shares", path=f"/{place}")
            if int(one["id"]) == made.id]


def test_a_mount_does_not_go_to_others(world):
    """Neither into what is shared by somebody, nor out of the account."""
    for name in ("give", "take"):
        world.folder(f"m/{name}")
        world.grant(f"m/{name}", world.user, ALL)
    world.user.mkcol("own-with-mount")
    world.user.move("take", "own-with-mount/take", expect=(201,))
    before = world.state()
    answer = world.user.dav("MOVE", "own-with-mount/take", destination="give/taken")
    assert answer.status_code == 403, answer.text
    world.user.mkcol("a-folder")
    for method in ("MOVE", "COPY"):
        answer = world.user.dav(method, "a-folder", destination="give")
        assert answer.status_code == 403, f"{method}: {answer.text}"
    assert world.user.dav("MKCOL", "give").status_code == 405
    assert world.user.dav("PUT", "give", data=b"x").status_code in (403, 409)
    assert world.state() == before
    assert world.user.get("own-with-mount/take/locked.txt").content == b"locked"
    # The folder that it is in goes alone
    world.user.move("own-with-mount", "give/taken", expect=(201,))
    assert world.user.get("take/locked.txt").content == b"locked"
    assert world.user.dav("PROPFIND", "give/taken/take", headers={"Depth": "0"}).status_code == 404
    assert world.owner.dav("PROPFIND", "m/give/taken", headers={"Depth": "0"}).status_code == 207
    assert world.owner.dav("PROPFIND", "m/give/taken/take",
                           headers={"Depth": "0"}).status_code == 404


# ---- nothing is left out ----

#: Spaces and calls that have nothing to do with what is shared
OTHER_SPACES = {"principals", "avatars"}
OTHER_CALLS = re.compile(r"/(remote_shares|sharees|notification)")
SPACE = re.compile(r'cloud_dav_space_t \w+ = \{\s*\.name = "([^"]+)"')
ROUTE = re.compile(r'\{\s*"([A-Z]+)",\s*"/apps/files_sharing/api/v1(/[^"]*)"')


def test_nothing_is_left_out(world):
    """Each method of files, each DAV space and each call of the sharing API that the server has is in the table."""
    place = "m/complete"
    world.folder(place)
    made = world.grant(place, world.user, ALL)
    world.seen.clear()
    for route in ("files", "webdav"):
        report(check(world, world.at(world.user, "complete", ALL, "recipient", route), place, OPS))
    base = world.at(world.user, "complete", ALL, "recipient")
    allowed = world.wire.send("OPTIONS", base.root, base.auth).headers["Allow"].split(", ")
    for method in allowed:
        for address in ("remote.php/dav/files", "remote.php/webdav"):
            assert (method, address) in world.seen, f"{method} below {address}"
    listed = world.wire.send("PROPFIND", DAV, base.auth, propfind_body(("d:resourcetype",)), Depth=1)
    texts = [path.read_text("utf-8") for path in sorted((SRC / "modules").rglob("*.c"))]
    spaces = {*multi(listed).names(), *(name for text in texts for name in SPACE.findall(text))}
    spaces -= OTHER_SPACES
    assert {"files", "uploads", "trash-bin", "meta"} <= spaces
    seen = {address.rsplit("/", 1)[1] for _, address in world.seen if address.startswith(DAV)}
    assert spaces <= seen, spaces - seen
    calls = {(method, path) for text in texts for method, path in ROUTE.findall(text)
             if not OTHER_CALLS.match(path)}
    assert ("POST", "/shares") in calls
    assert calls <= world.seen, calls - world.seen
    made.delete()
