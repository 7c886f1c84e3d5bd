"""What a public link lets a stranger do: every set of permissions, every operation of the matrix, at both
addresses of WebDAV, with and without a password, and on the page. What has to happen is computed from one
table (harness/matrix_ops.py)."""

import base64
from dataclasses import replace

import pytest

from harness.dav import lock_body, propfind_body
from harness.matrix import DAV, NEVER, NOTHING, Case, Role, World, check, report
from harness.matrix_ops import OPS
from harness.shares import CREATE, READ, UPDATE, encode, share, sql

LINK_SETS = [READ, 3, 5, 7, 15]
PASSWORD = "Secret 17"
#: WebDAV locks are not for strangers
NO_LOCKS = ("LOCK and UNLOCK", "UNLOCK of the owner's lock")


@pytest.fixture(name="world", scope="module")
def fixture_world(module_env):
    module_env.config("CloudDurability relaxed")  # thousands of changes, and no power cut
    world = World(module_env)
    yield world
    world.close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def roles(link, perms, password="", live=True):
    """A stranger with the link, at both addresses."""
    token = link.token
    yield Role(f"public.php {perms}", "link", perms, basic(token, password), "public.php/webdav/",
               live=live)
    yield Role(f"public-files {perms}", "link", perms,
               basic("public", password) if password else None, f"{DAV}public-files/{token}/",
               live=live)


def operations(more=frozenset()):
    """Those of the table, with more answers that are refusals; LOCK is for nobody here."""
    locks = {"needs": NEVER, "ok": set(), "refused": {403, 404, 405, 501}}
    return [replace(one, **locks) if one.name in NO_LOCKS else
            replace(one, refused=one.refused | more) for one in OPS]


@pytest.mark.parametrize("password", ("", PASSWORD), ids=("open", "password"))
@pytest.mark.parametrize("perms", LINK_SETS)
def test_folder(world, perms, password):
    place = f"m/l{perms}{'p' if password else ''}"
    world.folder(place)
    values = {"password": password} if password else {}
    link = share(world.owner, place, permissions=perms, **values)
    given = int(link.data["permissions"])  # some sets are not those of a link: it gets less then
    assert given & ~perms == 0 and given & READ
    problems = []
    for role in roles(link, given, password):
        problems += check(world, role, place, operations())
    report(problems)


def test_drop(world):
    """A stranger brings files and learns nothing: to him there is nothing else."""
    place = "m/drop"
    world.folder(place)
    link = share(world.owner, place, permissions=CREATE)
    problems = []
    for role in roles(link, 0):
        # What has the name of something that is there gets another one: see below
        problems += check(world, role, place, [one for one in operations(NOTHING)
                                               if "lock" not in one.name])
    report(problems)
    world.fresh(place)
    known = {"a", "locked.txt", "taken.txt"}
    for role in roles(link, CREATE):
        case = Case(world, role, place)
        for name in ("locked.txt", "new.txt", "a"):
            answer = case.send("PUT", case.at(name), b"dropped")
            assert answer.status == 201, f"{role.name}: {name}: {answer.status}"
        listed = case.send("PROPFIND", case.at(""), propfind_body(("d:getetag",)), Depth=1)
        assert listed.status == 207 and listed.body.count(b"<d:response>") == 1
    names = set(world.owner.propfind(place, 1).names())
    assert known <= names and len(names) == len(known) + 6
    assert world.owner.get(f"{place}/locked.txt").content == b"locked"
    assert world.owner.get(f"{place}/a/file.txt").content == b"first"


# ---- links that open nothing ----

def ended(world, kind):
    """A link that does not work (any more), and its place."""
    place = f"m/ended-{kind}"
    world.folder(place)
    link = share(world.owner, place, permissions=15, **({"password": PASSWORD} if "password" in kind
                                                        else {}))
    world.fresh(place)
    if kind == "deleted":
        link.delete()
    elif kind == "expired":
        sql(world.env, "UPDATE share SET expires = 1 WHERE id = ?", link.id)
    elif kind == "unknown":
        link.token = "A" * 15
    elif kind == "shut":
        world.env.cloudctl("config", "set", "core", "shareapi_allow_links", "no")
    return link, place


ROW = "SELECT 1 FROM share WHERE id = ?"


def ended_problems(case):
    """What a link that has ended lets anybody do."""
    problems = []
    before = case.world.state()
    for method in ("PROPFIND", "GET", "HEAD", "PUT", "MKCOL", "DELETE", "COPY", "MOVE",
                   "PROPPATCH", "LOCK", "UNLOCK", "REPORT"):
        answer = case.send(method, case.at("a/file.txt"), b"x" if method == "PUT" else None,
                           Depth=0, Destination=case.whole(case.at("a/x")))
        if answer.status not in (401, 403, 404, 429):
            problems.append(f"{method}: {answer.status}")
    if case.world.state() != before:
        problems.append("the tree")
    return problems


@pytest.mark.parametrize("kind", ("deleted", "expired", "unknown", "wrong password", "no password",
                                  "shut"))
def test_ended(world, kind):
    link, place = ended(world, kind)
    problems = []
    for role in roles(link, 0, "wrong" if kind == "wrong password" else "", live=False):
        case = Case(world, role, place)
        found = ended_problems(case)
        # The job that takes away what has expired may have come by: the owner sees that in his ETags. Once.
        if found and kind == "expired" and not sql(world.env, ROW, link.id):
            found = ended_problems(case)
        problems += [f"{role.name}, {kind}: {problem}" for problem in found]
    for path in ("", "/download", "/download?path=%2Fa&files=file.txt"):
        answer = world.wire.send("GET", f"index.php/s/{link.token}{path}")
        if "password" in kind and path == "":
            good = answer.status == 200 and b"file.txt" not in answer.body
        else:
            good = answer.status in (303, 302, 403, 404) and b"first" not in answer.body
        if not good:
            problems.append(f"page {path}: {answer.status}")
    world.env.cloudctl("config", "delete", "core", "shareapi_allow_links", check=False)
    if kind == "expired":  # else the job would change the owner's ETags while another case looks
        sql(world.env, "DELETE FROM share WHERE id = ?", link.id)
    report(problems)


def test_owner_disabled_or_gone(world):
    """A link ends with its owner; while he is disabled it opens nothing."""
    env = world.env
    owner = env.account()
    owner.mkcol("f")
    owner.put("f/file.txt", b"first")
    link = share(owner, "f", permissions=15)

    def statuses():
        found = set()
        for role in roles(link, 15):
            for method in ("GET", "PUT", "DELETE", "PROPFIND"):
                found.add(world.wire.send(method, role.root + "file.txt", role.auth, Depth=0).status)
        return found

    env.cloudctl("account", "disable", owner.id)
    assert statuses() <= {401, 403, 404}
    env.cloudctl("account", "enable", owner.id)
    assert owner.get("f/file.txt").content == b"first"
    env.cloudctl("account", "delete", "--yes", owner.id)
    assert statuses() <= {401, 403, 404}


def test_uploads_switched_off(world):
    """What the administrator takes away is gone at once, and comes back."""
    place = "m/no-uploads"
    world.folder(place)
    link, drop = (share(world.owner, place, permissions=perms) for perms in (15, CREATE))
    world.env.cloudctl("config", "set", "core", "shareapi_allow_public_upload", "no")
    problems = []
    for role in roles(link, READ):
        problems += check(world, role, place, operations())
    for role in roles(drop, CREATE):
        answer = world.wire.send("PUT", f"{role.root}new.txt", role.auth, b"x")
        if answer.status not in (401, 404):
            problems.append(f"{role.name}: drop: {answer.status}")
    world.env.cloudctl("config", "delete", "core", "shareapi_allow_public_upload")
    for role in roles(link, 15):
        problems += check(world, role, place, operations())
    report(problems)


# ---- the page ----


@pytest.mark.parametrize("perms", [READ, CREATE, 5, 15])
def test_page(world, perms):
    place = f"m/page{perms}"
    world.folder(place)
    link = share(world.owner, place, permissions=perms)
    world.fresh(place)
    before = world.state()
    base = f"index.php/s/{link.token}"
    page = world.wire.send("GET", base)
    assert page.status == 200
    assert (b"locked.txt" in page.body) == bool(perms & READ)
    assert (b'type="file"' in page.body) == bool(perms & CREATE)
    for path, content in (("download?path=%2Fa&files=file.txt", b"first"),
                          ("download?path=%2F&files=locked.txt", b"locked"),
                          ("download?path=%2Fa", b"PK"), ("download", b"PK")):
        answer = world.wire.send("GET", f"{base}/{path}")
        assert answer.status in ((200,) if perms & READ else (403, 404)), f"{path}: {answer.status}"
        assert (content in answer.body) == bool(perms & READ), path
    for path in ("%2F..", "%2F..%2Fp1", "%2Fa%2F..%2F..", "..%2F..%2F"):
        answer = world.wire.send("GET", f"{base}/download?path={path}&files=file.txt")
        assert answer.status in (400, 403, 404), f"{path}: {answer.status}"
        answer = world.wire.send("GET", f"{base}?path={path}")
        assert answer.status in (400, 403, 404) or not perms & READ, f"{path}: {answer.status}"
        assert b"template" not in answer.body
    assert world.state() == before


# ---- one file ----

@pytest.mark.parametrize("perms", (READ, READ | UPDATE))
def test_file(world, perms):
    name = f"file{perms}.txt"
    world.owner.put(f"m/{name}", b"first")
    link = share(world.owner, f"m/{name}", permissions=perms)
    for role in roles(link, perms):
        case = Case(world, role, f"m/{name}")
        assert case.send("PROPFIND", case.at(""), propfind_body(("d:getetag",)), Depth=1).status == 207
        assert case.send("GET", case.at(name)).body == b"first"
        before = world.state()
        for method, path in (("PUT", "other.txt"), ("MKCOL", "other"), ("DELETE", name),
                             ("MOVE", name), ("COPY", name), ("DELETE", ""), ("GET", "owned"),
                             ("LOCK", name)):
            answer = case.send(method, case.at(path), lock_body() if method == "LOCK" else None,
                               Destination=case.whole(case.at("x")))
            assert answer.status in (403, 404, 405, 409, 501), f"{method} {path}: {answer.status}"
        assert world.state() == before
        answer = case.send("PUT", case.at(encode(name)), b"second")
        assert answer.status == (204 if perms & UPDATE else 403)
        world.owner.put(f"m/{name}", b"first")
