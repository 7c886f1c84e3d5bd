"""The operations of the matrix. Each needs the permissions that its line says, and nothing else is known here
of how the server decides; after a refusal nothing may be different."""

from .dav import lock_body, propfind_body, proppatch_body
from .matrix import (CREATED, DAV, DONE, MULTI, NEVER, NUMBERS, OK, OWNER, Op, Unread, inner,
                     inner_status, letters_for, permissions_of)
from .shares import ALL, CREATE, DELETE, READ, SHARE, UPDATE, encode

OPS = []
PEOPLE = ("owner", "mount")
REPORT = b"""<?xml version="1.0"?><oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">
<d:prop><d:getetag/></d:prop><oc:filter-rules><oc:favorite>1</oc:favorite></oc:filter-rules>
</oc:filter-files>"""

#: Of who may not read: what he brings, whatever there is of the name; what he sees
BRINGS = Unread(CREATE, CREATED)
SEES = Unread(0, OK, changes=False)


def op(name, needs, success, **kwargs):
    def add(run):
        OPS.append(Op(name, run, needs, success, **kwargs))
        return run
    return add


# ---- reading ----


@op("PROPFIND of a folder", READ, MULTI)
def _(c):
    answer = c.send("PROPFIND", c.at("a/"), propfind_body(("d:getetag",)), Depth=1)
    if answer.status == 207:
        assert b"file.txt" in answer.body and b"dir/" in answer.body
    return answer


@op("PROPFIND of a file", READ, MULTI)
def _(c):
    return c.send("PROPFIND", c.at("a/file.txt"), propfind_body(("d:getetag",)), Depth=0)


@op("permission letters", READ, MULTI)
def _(c):
    answer = c.send("PROPFIND", c.at("a/"), propfind_body(("oc:permissions",)), Depth=1)
    if answer.status == 207:
        for href, letters in permissions_of(answer).items():
            wanted = letters_for(c.role, href.endswith("/"))
            assert letters == wanted, f"{href}: {letters} instead of {wanted}"
    return answer


@op("GET", READ, OK)
def _(c):
    answer = c.send("GET", c.at("a/file.txt"))
    assert (answer.body == b"first") == (answer.status == 200)
    return answer


@op("GET of a range", READ, {206})
def _(c):
    return c.send("GET", c.at("a/file.txt"), Range="bytes=1-2")


@op("HEAD", READ, OK)
def _(c):
    return c.send("HEAD", c.at("a/dir/inner.txt"))


@op("OPTIONS", 0, OK, unread=Unread(0, OK, changes=False))
def _(c):
    return c.send("OPTIONS", c.at("a/file.txt"))


@op("archive of a folder", READ, OK, kinds=PEOPLE, refused={403, 404})
def _(c):
    answer = c.send("GET", f"index.php/apps/files/ajax/download.php?dir={encode(c.role.path)}"
                    f"&files={c.name('a')}")
    assert (b"first" in answer.body) == (answer.status == 200)
    return answer


@op("private link", READ, {302, 303}, kinds=PEOPLE, refused={403, 404}, versioned=True)
def _(c):
    return c.send("GET", f"index.php/f/{c.version()[0]}")


@op("search by favorites", READ, MULTI, kinds=PEOPLE)
def _(c):
    set_favorite = proppatch_body({"oc:favorite": "1"})
    answer = c.send("PROPPATCH", c.at("a/file.txt"), set_favorite)
    if inner_status(answer) == 200:
        found = c.send("REPORT", c.mine(""), REPORT)
        assert found.status == 207 and c.at("a/file.txt").encode() in found.body, found.text
        c.send("PROPPATCH", c.at("a/file.txt"), proppatch_body(remove=("oc:favorite",)))
    return answer


@op("COPY to one's own files", READ, CREATED, kinds=PEOPLE, leaves="copied")
def _(c):
    return c.send("COPY", c.at("a/file.txt"), Destination=c.whole(c.mine("copied")))


@op("COPY of a folder to one's own files", READ, CREATED, kinds=PEOPLE, leaves="copied")
def _(c):
    return c.send("COPY", c.at("a"), Destination=c.whole(c.mine("copied")))


@op("list of versions", READ, MULTI, kinds=PEOPLE, versioned=True)
def _(c):
    node, _ = c.version()
    return c.send("PROPFIND", f"{DAV}meta/{node}/v", Depth=1)


@op("GET of a version", READ, OK, kinds=PEOPLE, versioned=True)
def _(c):
    node, number = c.version()
    answer = c.send("GET", f"{DAV}meta/{node}/v/{number}")
    assert (answer.body == b"before") == (answer.status == 200)
    return answer


@op("COPY of a version to one's own files", READ, CREATED, kinds=PEOPLE, leaves="copied", versioned=True)
def _(c):
    node, number = c.version()
    return c.send("COPY", f"{DAV}meta/{node}/v/{number}", Destination=c.whole(c.mine("copied")))


@op("where a file is", READ, MULTI, kinds=PEOPLE, versioned=True)
def _(c):
    node, _ = c.version()
    return c.send("PROPFIND", f"{DAV}meta/{node}", propfind_body(("oc:meta-path-for-user",)),
                  Depth=0)


# ---- writing ----


@op("PUT of a new file", CREATE, CREATED, changes=True)
def _(c):
    return c.send("PUT", c.at("a/new.txt"), b"new")


@op("PUT over a file", UPDATE, DONE, changes=True)
def _(c):
    return c.send("PUT", c.at("a/file.txt"), b"second")


@op("MKCOL", CREATE, CREATED, changes=True)
def _(c):
    return c.send("MKCOL", c.at("a/new"))


@op("DELETE of a file", DELETE, DONE, changes=True)
def _(c):
    return c.send("DELETE", c.at("a/file.txt"))


@op("DELETE of a folder", DELETE, DONE, changes=True)
def _(c):
    return c.send("DELETE", c.at("a/dir"))


@op("MOVE to another name", UPDATE, CREATED, changes=True)
def _(c):
    return c.send("MOVE", c.at("a/file.txt"), Destination=c.whole(c.at("a/renamed.txt")))


@op("MOVE of a folder to another name", UPDATE, CREATED, changes=True)
def _(c):
    return c.send("MOVE", c.at("a/dir"), Destination=c.whole(c.at("a/renamed")))


@op("MOVE to another folder", UPDATE | DELETE | CREATE, CREATED, changes=True)
def _(c):
    return c.send("MOVE", c.at("a/file.txt"), Destination=c.whole(c.at("a/dir/file.txt")))


@op("MOVE over a file", UPDATE | DELETE | CREATE, DONE, changes=True)
def _(c):
    return c.send("MOVE", c.at("a/dir/inner.txt"), Destination=c.whole(c.at("a/file.txt")))


@op("MOVE to one's own files", READ | DELETE, CREATED, changes=True, kinds=("mount",),
    leaves="moved")
def _(c):
    return c.send("MOVE", c.at("a/file.txt"), Destination=c.whole(c.mine("moved")))


@op("MOVE of a folder to one's own files", READ | DELETE, CREATED, changes=True, kinds=("mount",),
    leaves="moved")
def _(c):
    return c.send("MOVE", c.at("a/dir"), Destination=c.whole(c.mine("moved")))


@op("MOVE of an own file into it", CREATE, CREATED, changes=True, kinds=("mount",))
def _(c):
    return c.send("MOVE", c.source(), Destination=c.whole(c.at("a/in.txt")))


@op("MOVE of an own file over a file in it", DELETE | CREATE, DONE, changes=True, kinds=("mount",))
def _(c):
    return c.send("MOVE", c.source(), Destination=c.whole(c.at("a/file.txt")))


@op("COPY of an own file into it", CREATE, CREATED, changes=True, kinds=PEOPLE)
def _(c):
    return c.send("COPY", c.source(), Destination=c.whole(c.at("a/in.txt")))


@op("COPY of an own file over a file in it", UPDATE, DONE, changes=True, kinds=PEOPLE)
def _(c):
    return c.send("COPY", c.source(), Destination=c.whole(c.at("a/file.txt")))


@op("COPY over a folder in it", DELETE | CREATE, DONE, changes=True, kinds=PEOPLE)
def _(c):
    return c.send("COPY", c.source(), Destination=c.whole(c.at("a/dir")))


@op("COPY inside", READ | CREATE, CREATED, changes=True)
def _(c):
    return c.send("COPY", c.at("a/file.txt"), Destination=c.whole(c.at("a/dir/copy.txt")))


@op("COPY of a folder inside", READ | CREATE, CREATED, changes=True)
def _(c):
    return c.send("COPY", c.at("a/dir"), Destination=c.whole(c.at("a/copy")))


@op("COPY over a file inside", READ | UPDATE, DONE, changes=True)
def _(c):
    return c.send("COPY", c.at("a/dir/inner.txt"), Destination=c.whole(c.at("a/file.txt")))


@op("time of a file", UPDATE, {200}, changes=True)
def _(c):
    return inner(c.send("PROPPATCH", c.at("a/file.txt"),
                        proppatch_body({"d:lastmodified": "1234567890"})))


@op("property of a file", UPDATE, {200})
def _(c):
    answer = inner(c.send("PROPPATCH", c.at("a/file.txt"), proppatch_body({"{urn:x}p": "v"})))
    there = c.world.owner_has(c.place, "{urn:x}p")
    assert there == (answer.status == 200)
    if there:
        c.world.dirty.add(c.place)
    return answer


@op("LOCK and UNLOCK", UPDATE, DONE)
def _(c):
    answer = c.send("LOCK", c.at("a/file.txt"), lock_body(), Depth=0)
    if answer.status == 200:
        return c.send("UNLOCK", c.at("a/file.txt"), Lock_Token=answer.headers["Lock-Token"])
    assert answer.status != 204
    return answer


@op("UNLOCK of the owner's lock", NEVER, set(), kinds=("mount", "link"), refused={403, 409})
def _(c):
    return c.send("UNLOCK", c.at("locked.txt"), Lock_Token=c.world.locks[c.place])


@op("PUT to what the owner has locked", NEVER, set(), kinds=("mount", "link"), refused={403, 423},
    unread=BRINGS)
def _(c):
    answer = c.send("PUT", c.at("locked.txt"), b"over")
    assert (answer.status == 423) == bool(c.role.live and c.role.perms & UPDATE
                                          and not c.role.blind), answer.status
    return answer


@op("the owner's lock with its token", NEVER, set(), kinds=("mount", "link"),
    refused={403, 412, 423})
def _(c):
    return c.send("PUT", c.at("locked.txt"), b"over", If=f"({c.world.locks[c.place]})")


@op("chunked upload of a new file", CREATE, CREATED, changes=True, kinds=PEOPLE)
def _(c):
    return c.chunked("a/big")


@op("chunked upload over a file", UPDATE, DONE, changes=True, kinds=PEOPLE)
def _(c):
    return c.chunked("a/file.txt")


@op("old chunked upload", CREATE, CREATED, changes=True, kinds=PEOPLE, webdav=True)
def _(c):
    return c.send("PUT", c.at(f"a/old-chunking-{next(NUMBERS)}-1-0"), b"x", OC_Chunked=1)


@op("restore of a version", READ | UPDATE, DONE, changes=True, kinds=PEOPLE, versioned=True)
def _(c):
    node, number = c.version()
    return c.send("COPY", f"{DAV}meta/{node}/v/{number}", Destination=c.whole(c.at("a/file.txt")))


@op("DELETE of a version", DELETE, DONE, kinds=PEOPLE, versioned=True)
def _(c):
    node, number = c.version()
    answer = c.send("DELETE", f"{DAV}meta/{node}/v/{number}")
    if answer.status == 204:
        c.world.dirty.add(c.place)
    return answer


# ---- what is not theirs ----


@op("trash of the owner", OWNER, MULTI, kinds=PEOPLE, refused={401, 403, 404})
def _(c):
    return c.send("PROPFIND", f"{DAV}trash-bin/{c.world.owner.id}/", Depth=1)


@op("MOVE out of the owner's trash", OWNER, CREATED, kinds=PEOPLE, refused={403, 404}, leaves="out")
def _(c):
    item = c.world.deleted()
    bin_of = c.role.account.id if c.role.kind == "mount" else c.world.owner.id
    return c.send("MOVE", f"{DAV}trash-bin/{bin_of}/{item}",
                  Destination=c.whole(c.mine("out")))


@op("DELETE in the owner's trash", NEVER, set(), kinds=("mount",), refused={403, 404})
def _(c):
    item = c.world.deleted()
    assert c.send("DELETE", f"{DAV}trash-bin/{c.world.owner.id}/{item}").status in (403, 404)
    return c.send("DELETE", f"{DAV}trash-bin/{c.role.account.id}/{item}")


@op("the owner's files by their own address", NEVER, set(), kinds=("mount",), refused={403, 404})
def _(c):
    base = f"{DAV}files/{c.world.owner.id}/{c.place}/a/"
    for method in ("PUT", "DELETE", "MKCOL", "PROPFIND", "PROPPATCH", "LOCK", "COPY", "MOVE"):
        answer = c.send(method, base + "file.txt", Depth=0,
                        Destination=c.whole(c.mine("stolen")))
        assert answer.status in (400, 403, 404, 405, 409), f"{method}: {answer.status}"
    return c.send("GET", base + "file.txt")


# ---- sharing further ----


@op("share of a file", SHARE, OK, kinds=PEOPLE, changes=True, refused={403, 404})
def _(c):
    return c.shared("a/file.txt", READ)


@op("share of a folder with all that one has", SHARE, OK, kinds=PEOPLE, changes=True,
    refused={403, 404})
def _(c):
    return c.shared("a/dir", c.role.perms & ALL)


@op("share of a folder with more than one has", NEVER, set(), kinds=("mount",),
    refused={403, 404})
def _(c):
    if c.role.perms & ALL == ALL:
        return c.shared("nowhere", ALL)
    return c.shared("a/dir", ALL)


@op("link to a folder", SHARE, OK, kinds=PEOPLE, changes=True, refused={403, 404})
def _(c):
    return c.shared("a/dir", READ, link=True)


@op("link with more than one has", NEVER, set(), kinds=("mount",), refused={400, 403, 404})
def _(c):
    more = c.role.perms & 15 != 15
    return c.shared("a/dir" if more else "nowhere", 15, link=True)


@op("list of the shares of what one has", READ, OK, kinds=PEOPLE, refused={403, 404})
def _(c):
    return c.ocs("GET", f"shares?path={c.role.path}/{c.name('a/file.txt')}")


@op("the share itself", READ, OK, kinds=("mount",), refused={403, 404},
    unread=SEES)
def _(c):
    for number in c.world.shares[c.place] if c.role.share is None else [c.role.share]:
        answer = c.ocs("GET", f"shares/{number}")
        if answer.status == 200:
            break
    else:
        answer = c.ocs("GET", f"shares/{c.world.others[0]}")
    return answer


@op("shares of others", NEVER, set(), kinds=("mount",), refused={403, 404})
def _(c):
    number = c.world.others[0]
    for method, route in (("GET", "shares"), ("DELETE", "shares"), ("POST", "shares/pending"),
                          ("DELETE", "shares/pending")):
        answer = c.ocs(method, f"{route}/{number}")
        assert answer.status in (403, 404), f"{method} {route}: {answer.text}"
    return answer


@op("change of the share that one has received", NEVER, set(), kinds=("mount",),
    refused={403, 404})
def _(c):
    for number in c.world.shares[c.place] or c.world.others:
        answer = c.ocs("PUT", f"shares/{number}", permissions=READ if c.role.perms != READ else 31)
        assert answer.status in (403, 404), answer.text
    return answer
