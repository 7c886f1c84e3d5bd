"""More operations of the matrix: on what is shared itself, and right below it, which is where somebody who may
not read can do something. They are added to those of harness.matrix_ops."""

import json

from .dav import lock_body, propfind_body, proppatch_body
from .matrix import (CREATED, DONE, MULTI, NEVER, NUMBERS, OK, Unread, inner, inner_status, multi,
                     permissions_of)
from .matrix_ops import BRINGS, REPORT, SEES, op
from .shares import ALL, CREATE, DELETE, READ, SHARE, UPDATE, encode

MOUNT = ("mount",)
GONE = {403, 404}

#: The same as for everybody
CHANGES = Unread(UPDATE, {200})
LOCKS = Unread(UPDATE, DONE, changes=False)


def owner_reads(c, name):
    return c.world.as_owner("GET", f"{c.place}/{name}").body


def put(c, name, **headers):
    """A PUT; somebody who may not read takes the place of nothing."""
    answer = c.send("PUT", c.at(name), b"put", **headers)
    if c.role.blind and not c.absent and name == "taken.txt":
        assert owner_reads(c, name) == b"first"
    return answer


def lock(c, path):
    answer = c.send("LOCK", c.at(path), lock_body(), Depth=0)
    if answer.status in (200, 201):
        return c.send("UNLOCK", c.at(path), Lock_Token=answer.headers["Lock-Token"])
    assert answer.status != 204
    return answer


# ---- what is shared itself ----


@op("PROPFIND of what is shared", 0, MULTI, kinds=MOUNT, unread=Unread(0, MULTI, changes=False))
def _(c):
    answer = c.send("PROPFIND", c.at(""), propfind_body(("d:getetag", "oc:size", "oc:permissions")),
                    Depth=0)
    if answer.status == 207:
        has = c.role.perms
        [letters] = permissions_of(answer).values()
        assert letters == ("S" + ("R" if has & SHARE else "") + "DNV"
                           + ("CK" if has & CREATE else "")), letters
        assert (multi(answer).first["oc:size"] == "0") == c.role.blind
    return answer


@op("listing of what is shared", READ, MULTI, kinds=MOUNT)
def _(c):
    answer = c.send("PROPFIND", c.at(""), propfind_body(("d:getetag",)), Depth=1)
    assert (b"taken.txt" in answer.body) == (answer.status == 207)
    return answer


@op("archive of all that is shared", READ, OK, kinds=MOUNT, refused=GONE)
def _(c):
    above, name = c.role.path.rsplit("/", 1)
    answer = c.send("GET", f"index.php/apps/files/ajax/download.php?dir={encode(above) or '/'}"
                           f"&files={encode(name)}")
    assert (b"first" in answer.body) == (answer.status == 200)
    return answer


@op("COPY of all that is shared", READ, CREATED, kinds=MOUNT, leaves="copied")
def _(c):
    return c.send("COPY", c.at(""), Destination=c.whole(c.mine("copied")))


@op("what is shared as a favorite", 0, MULTI, kinds=MOUNT, unread=Unread(0, MULTI, changes=False))
def _(c):
    answer = c.send("PROPPATCH", c.at(""), proppatch_body({"oc:favorite": "1"}))
    if inner_status(answer) != 200:
        return answer
    found = c.send("REPORT", c.mine(""), REPORT)
    assert found.body.count(b"<d:response>") == 1, found.text
    c.send("PROPPATCH", c.at(""), proppatch_body(remove=("oc:favorite",)))
    return found


@op("time of what is shared", UPDATE, {200}, changes=True, kinds=MOUNT, unread=CHANGES)
def _(c):
    return inner(c.send("PROPPATCH", c.at(""), proppatch_body({"d:lastmodified": "1234567890"})))


@op("LOCK of what is shared", UPDATE, DONE, kinds=MOUNT, unread=LOCKS)
def _(c):
    if not c.role.live:  # else it would make a file of one's own
        return c.send("PROPPATCH", c.at(""), proppatch_body({"d:lastmodified": "1234567890"}))
    return lock(c, "")


@op("share of what is shared", SHARE, OK, changes=True, kinds=MOUNT, refused=GONE,
    unread=Unread(SHARE, OK))
def _(c):
    return c.shared("", c.role.perms & ALL)


@op("share of what is shared with more than one has", NEVER, set(), kinds=MOUNT, refused=GONE)
def _(c):
    return c.shared("" if c.role.perms & ALL != ALL else "nowhere", ALL)


@op("link to what is shared", READ | SHARE, OK, changes=True, kinds=MOUNT, refused=GONE)
def _(c):
    return c.shared("", READ, link=True)


@op("link to put something there", CREATE | SHARE, OK, changes=True, kinds=MOUNT, refused=GONE,
    unread=Unread(CREATE | SHARE, OK))
def _(c):
    return c.shared("", CREATE, link=True)


@op("list of the shares of it", 0, OK, kinds=MOUNT, unread=SEES)
def _(c):
    return c.ocs("GET", f"shares?path={c.role.path}")


@op("shares in it", 0, OK, kinds=MOUNT, unread=SEES)
def _(c):
    """Those that others made are none of his."""
    answer = c.ocs("GET", f"shares?path={c.role.path}&subfiles=true")
    assert answer.status != 200 or json.loads(answer.body)["ocs"]["data"] == [], answer.text
    return answer


@op("refresh of the owner's lock", NEVER, set(), refused={403, 412}, kinds=MOUNT)
def _(c):
    return c.send("LOCK", c.at("locked.txt"), If=f"({c.world.locks[c.place]})")


# ---- right below it ----


@op("GET at the top", READ, OK, kinds=MOUNT)
def _(c):
    return c.send("GET", c.at("taken.txt"))


@op("PROPFIND at the top", READ, MULTI, kinds=MOUNT)
def _(c):
    return c.send("PROPFIND", c.at("taken.txt"), propfind_body(("d:getetag",)), Depth=0)


@op("PUT at the top", CREATE, CREATED, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return put(c, "new.txt")


@op("PUT at the top over a file", UPDATE, DONE, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return put(c, "taken.txt")


@op("PUT at the top where a folder is", NEVER, set(), refused={403, 409}, unread=BRINGS, kinds=MOUNT)
def _(c):
    return put(c, "a")


@op("PUT at the top only if there is nothing", NEVER, set(), refused={403, 412}, unread=BRINGS,
    kinds=MOUNT)
def _(c):
    return put(c, "taken.txt", If_None_Match="*")


@op("MKCOL at the top", CREATE, CREATED, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.send("MKCOL", c.at("new"))


@op("MKCOL at the top of what is there", NEVER, set(), refused={403, 405}, unread=BRINGS,
    kinds=MOUNT)
def _(c):
    return c.send("MKCOL", c.at("taken.txt"))


@op("DELETE at the top", DELETE, DONE, changes=True, kinds=MOUNT)
def _(c):
    return c.send("DELETE", c.at("taken.txt"))


@op("MOVE at the top to another name", UPDATE, CREATED, changes=True, kinds=MOUNT)
def _(c):
    return c.send("MOVE", c.at("taken.txt"), Destination=c.whole(c.at("other.txt")))


@op("MOVE from the top to one's own files", READ | DELETE, CREATED, changes=True, leaves="moved",
    kinds=MOUNT)
def _(c):
    return c.send("MOVE", c.at("taken.txt"), Destination=c.whole(c.mine("moved")))


@op("COPY from the top to one's own files", READ, CREATED, leaves="copied", kinds=MOUNT)
def _(c):
    return c.send("COPY", c.at("taken.txt"), Destination=c.whole(c.mine("copied")))


@op("COPY at the top", READ | CREATE, CREATED, changes=True, kinds=MOUNT)
def _(c):
    return c.send("COPY", c.at("taken.txt"), Destination=c.whole(c.at("copy.txt")))


@op("time at the top", UPDATE, {200}, changes=True, kinds=MOUNT)
def _(c):
    return inner(c.send("PROPPATCH", c.at("taken.txt"),
                        proppatch_body({"d:lastmodified": "1234567890"})))


@op("LOCK at the top", UPDATE, DONE, kinds=MOUNT)
def _(c):
    return lock(c, "taken.txt")


@op("COPY of an own file to the top", CREATE, CREATED, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.send("COPY", c.source(), Destination=c.whole(c.at("in.txt")))


@op("MOVE of an own file to the top", CREATE, CREATED, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.send("MOVE", c.source(), Destination=c.whole(c.at("in.txt")))


@op("COPY of an own file over one at the top", UPDATE, DONE, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.send("COPY", c.source(), Destination=c.whole(c.at("taken.txt")))


@op("MOVE of an own file over one at the top", DELETE | CREATE, DONE, changes=True, unread=BRINGS,
    kinds=MOUNT)
def _(c):
    return c.send("MOVE", c.source(), Destination=c.whole(c.at("taken.txt")))


@op("COPY that overwrites nothing", NEVER, set(), refused={403, 412}, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.send("COPY", c.source(), Destination=c.whole(c.at("taken.txt")), Overwrite="F")


@op("chunked upload at the top", CREATE, CREATED, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.chunked("big")


@op("chunked upload over a file at the top", UPDATE, DONE, changes=True, unread=BRINGS, kinds=MOUNT)
def _(c):
    return c.chunked("taken.txt")


@op("old chunked upload at the top", CREATE, CREATED, changes=True, unread=BRINGS, webdav=True,
    kinds=MOUNT)
def _(c):
    return c.send("PUT", c.at(f"old-chunking-{next(NUMBERS)}-1-0"), b"x", OC_Chunked=1)
