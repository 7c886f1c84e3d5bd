"""Who may do what with what is shared, as a matrix: roles (harness.matrix), and operations with what each
needs (harness.matrix_ops)."""

import itertools
import json
import re
from dataclasses import dataclass, field

from .account import Account
from .dav import Multistatus, lock_body, propfind_body
from .shares import CREATE, DELETE, READ, SHARE, UPDATE, Wire, encode, group, share

#: Needed by what nobody may but the owner, and by what nobody may at all
OWNER, NEVER = 1 << 10, 1 << 11

REFUSED = {403}
#: Where nothing is shared there is nothing: it can't be read, and nothing can be put below it
NOTHING = {401, 403, 404, 405, 409}
DAV = "remote.php/dav/"

#: What is called when something is allowed; and what the answers may be then
MULTI, OK, CREATED, DONE = {207}, {200}, {201}, {204}


@dataclass
class Unread:
    """What an operation needs of somebody who received something without the permission to read, and its answers
    then. A refusal tells him nothing: it is the same where there is nothing of the name."""
    needs: int = NEVER
    ok: set = frozenset()
    changes: bool = True


@dataclass
class Op:
    """One operation. run gets a Case and gives an answer; changes: the owner's tree is another one
    afterwards; leaves: a place in one's own files that it makes; versioned: a/file.txt has a version; webdav: only
    by that address."""
    name: str
    run: object
    needs: int
    ok: set
    changes: bool = False
    leaves: str = None
    versioned: bool = False
    kinds: tuple = ("owner", "mount", "link")
    refused: set = field(default_factory=lambda: REFUSED)
    unread: Unread = field(default_factory=Unread)
    webdav: bool = False

    def rule(self, role):
        return self.unread if role.blind else self


#: What is in the files of m
SECRETS = (b"first", b"before")
NUMBERS = itertools.count(1000)


class Plain:
    """requests' interface, as far as Multistatus needs it."""

    def __init__(self, answer):
        self.status_code = answer.status
        self.content = answer.body
        self.text = answer.text
        self.headers = answer.headers


def multi(answer):
    return Multistatus(Plain(answer))


def permissions_of(answer):
    return {href: entry["oc:permissions"] for href, entry in multi(answer).items()}


def letters_for(role, is_dir):
    """oc:permissions of something inside of what is shared."""
    has = role.perms
    text = "S" if role.kind == "mount" else ""
    text += "R" if has & SHARE else ""
    text += "D" if has & DELETE else ""
    text += "NV" if has & UPDATE else ""
    text += "W" if has & UPDATE and not is_dir else ""
    text += "CK" if has & CREATE and is_dir else ""
    return text


def inner_status(answer):
    """Of a PROPPATCH with one property: what became of it."""
    if answer.status != 207:
        return answer.status
    entry = multi(answer).first
    return entry.status or next(iter(entry.missing.values()), 200)


def inner(answer):
    answer.status = inner_status(answer)
    return answer


@dataclass
class Role:
    """Somebody on some route. root: the URL of what is shared, own: that of his files."""
    name: str
    kind: str
    perms: int
    auth: str
    root: str
    own: str = None
    account: Account = None
    path: str = None     # for the OCS API
    live: bool = True
    share: int = None    # by which he has it, when that is none of the owner's

    @property
    def blind(self):
        return self.kind == "mount" and self.live and not self.perms & READ


class Case:
    """absent: the same where nothing has the names that are asked for."""

    def __init__(self, world, role, place, absent=False):
        self.world = world
        self.role = role
        self.place = place
        self.absent = absent

    def name(self, path):
        """A path in what is shared."""
        first, slash, rest = path.partition("/")
        return f"no-{first}{slash}{rest}" if self.absent and first else path

    def at(self, path):
        return self.role.root + encode(self.name(path))

    def mine(self, path):
        return self.role.own + encode(path)

    def whole(self, url):
        return self.world.env.url + url

    def send(self, method, url, body=None, **headers):
        self.world.seen.add((method, re.sub(r"^((remote|public)\.php/(webdav|dav/[^/]+)).*|"
                                            r"^(index\.php/s)/.*", r"\1\4", url)))
        answer = self.world.wire.send(method, url, self.role.auth, body, **headers)
        if self.role.blind:
            assert not any(text in answer.body for text in SECRETS), answer.text
        return answer

    def ocs(self, method, route, /, **values):
        url = f"ocs/v2.php/apps/files_sharing/api/v1/{route}{'&' if '?' in route else '?'}format=json"
        self.world.seen.add((method, re.sub(r"\d+$", "{id}", "/" + route.split("?")[0])))
        return self.world.wire.send(method, url, self.role.auth, values, OCS_APIREQUEST="true")

    def source(self):
        """A file of one's own; it stays when it is not taken."""
        url = self.mine("source.txt")
        if self.world.wire.send("HEAD", url, self.role.auth).status != 200:
            assert self.world.wire.send("PUT", url, self.role.auth, b"own").status == 201
        return url

    def version(self):
        node, number = self.world.version(self.place)
        return (str(int(node) - 10 ** 12), number) if self.absent else (node, number)

    def chunked(self, path):
        session = f"{DAV}uploads/{self.role.account.id}/session-{next(NUMBERS)}"
        assert self.send("MKCOL", session).status == 201
        assert self.send("PUT", f"{session}/0", b"part ").status == 201
        assert self.send("PUT", f"{session}/1", b"whole").status == 201
        answer = self.send("MOVE", f"{session}/.file", Destination=self.whole(self.at(path)))
        if answer.status not in (201, 204):
            assert self.send("DELETE", session).status == 204
        return answer

    def shared(self, path, permissions, link=False):
        values = {"shareType": 3} if link else {"shareType": 0, "shareWith": self.world.third.id}
        answer = self.ocs("POST", "shares", path=f"{self.role.path}/{self.name(path)}".rstrip("/"),
                          permissions=permissions, **values)
        if answer.status == 200:
            data = json.loads(answer.body)["ocs"]["data"]
            assert int(data["permissions"]) & ~self.role.perms & 15 == 0, data
            assert self.ocs("DELETE", f"shares/{data['id']}").status == 200
        return answer


class World:
    """The owner's folder m with one folder for each set of permissions, and all who got shares of it."""

    def __init__(self, env):
        self.env = env
        self.wire = Wire(env)
        self.seen = set()
        self.dirty = set()
        self.locks = {}
        self.versions = {}
        self.shares = {}
        self.others = []      # a share that is nobody's of the matrix
        self._deleted = None
        names = ("owner", "user", "member", "both", "same", "fewer", "shrunk", "third", "stranger",
                 "pending", "declined", "expired", "left", "ex_member")
        for name in names:
            setattr(self, name, env.account())
        self.members = group(env, f"matrix-{self.owner.id}", self.member, self.both)
        self.owner.mkcol("m")
        self.owner.mkcol("m/template")
        self.owner.put("m/template/file.txt", b"first")
        self.owner.mkcol("m/template/dir")
        self.owner.put("m/template/dir/inner.txt", b"inner")
        self.others.append(share(self.owner, "m/template/dir", self.third, permissions=READ).id)

    def close(self):
        self.wire.close()

    def as_owner(self, method, path, body=None, **headers):
        return self.wire.send(method, self.url(self.owner, path), self.owner.authorization, body,
                              **headers)

    @staticmethod
    def url(account, path, route="files"):
        middle = "webdav/" if route == "webdav" else f"dav/files/{encode(account.id)}/"
        return f"remote.php/{middle}{encode(path)}"

    # ---- what the operations work on ----

    def folder(self, place):
        """A folder to be shared."""
        assert self.as_owner("MKCOL", place).status == 201
        assert self.as_owner("PUT", f"{place}/locked.txt", b"locked").status == 201
        assert self.as_owner("PUT", f"{place}/taken.txt", b"first").status == 201
        answer = self.as_owner("LOCK", f"{place}/locked.txt", lock_body(), Depth=0,
                               Timeout="Second-7200")
        self.locks[place] = answer.headers["Lock-Token"]
        self.dirty.add(place)
        self.shares[place] = []

    def fresh(self, place):
        """All in it but what is locked is as it was at first."""
        if place not in self.dirty:
            return False
        self.dirty.discard(place)
        self.versions.pop(place, None)
        there = self.as_owner("PROPFIND", place, propfind_body(("d:getetag",)), Depth=1)
        for name in {*multi(there).names()} - {"locked.txt"}:
            assert self.as_owner("DELETE", f"{place}/{name}").status == 204
        assert self.as_owner("PUT", f"{place}/taken.txt", b"first").status == 201
        assert self.as_owner("COPY", "m/template", Destination=self.env.url + self.url(
            self.owner, f"{place}/a")).status == 201
        return True

    def version(self, place):
        """(node, number) of an old version of a/file.txt, whose content is "before"."""
        if place not in self.versions:
            file = f"{place}/a/file.txt"
            for content in (b"before", b"first"):
                assert self.as_owner("PUT", file, content).status == 204
            node = multi(self.as_owner("PROPFIND", file, propfind_body(("oc:fileid",)),
                                       Depth=0)).first["oc:fileid"]
            answer = self.wire.send("PROPFIND", f"{DAV}meta/{node}/v", self.owner.authorization,
                                    Depth=1)
            self.versions[place] = node, multi(answer).names()[0]
        return self.versions[place]

    def deleted(self):
        """The id of something in the owner's trash."""
        if self._deleted is None:
            self.owner.put("m/gone.txt", b"gone")
            node = self.owner.prop("m/gone.txt", "oc:fileid")
            self.owner.delete("m/gone.txt")
            self._deleted = node
        return self._deleted

    def owner_has(self, place, name):
        entry = multi(self.as_owner("PROPFIND", f"{place}/a/file.txt", propfind_body((name,)),
                                    Depth=0)).first
        return name in entry

    def state(self):
        """Another one whenever something in m was changed."""
        answer = self.as_owner("PROPFIND", "m", propfind_body(("d:getetag", "oc:size")), Depth=0)
        return tuple(sorted(multi(answer).first.items()))

    # ---- who ----

    def grant(self, place, who, permissions, giver=None, path=None, **values):
        made = share(giver or self.owner, path or place, who, permissions=permissions, **values)
        if not giver:
            self.shares[place].append(made.id)
        return made

    def at(self, account, name, perms, who, route="files", kind="mount", **kwargs):
        """The role of an account that has a mount in its root."""
        return Role(who, kind, perms, account.authorization, self.url(account, f"{name}/", route),
                    self.url(account, "", route), account, f"/{name}", **kwargs)


def learns(world, role, place, one, answer):
    """What somebody who may not read has learned from a refusal; None: nothing."""
    if not role.blind:
        return None
    other = one.run(Case(world, role, place, absent=True))
    return None if other.status == answer.status else \
        f"{answer.status}, and {other.status} where there is nothing"


def check(world, role, place, ops):
    """Runs the operations as a role; the list of what was not as it has to be."""
    problems = []
    case = Case(world, role, place)
    before = None
    for one in ops:
        if role.kind not in one.kinds or (one.webdav and "/webdav/" not in role.root):
            continue
        if one.versioned:
            world.fresh(place)
            world.version(place)
            before = None
        if world.fresh(place) or before is None:
            world.deleted()
            before = world.state()
        rule = one.rule(role)
        allowed = role.live and rule.needs & ~role.perms == 0
        expected = rule.ok if allowed else one.refused if role.live else NOTHING | {400, 412, 423}
        if not allowed and role.live and not role.perms & READ:
            expected = expected | {404}
        what = f"{role.name}, {place}: {one.name}"
        try:
            answer = one.run(case)
            learned = None if allowed else learns(world, role, place, one, answer)
        except AssertionError as wrong:
            problems.append(f"{what}: {wrong}")
            world.dirty.add(place)
            before = None
            continue
        if one.needs == 0 and not role.live:
            continue
        if answer.status not in expected:
            problems.append(f"{what}: {answer.status} instead of {sorted(expected)}"
                            f" {answer.text[:300] if answer.status >= 400 else ''}")
        if learned:
            problems.append(f"{what}: {learned}")
        if one.leaves:
            there = world.wire.send("DELETE", case.mine(one.leaves), role.auth).status == 204
            if there != allowed:
                problems.append(f"{what}: {'left' if there else 'did not leave'} {one.leaves}")
        after = world.state()
        changed = after != before
        if changed != (allowed and rule.changes) and role.kind != "owner":
            problems.append(f"{what}: {'changed' if changed else 'did not change'} the tree")
        if changed or (allowed and rule.changes):
            world.dirty.add(place)
        before = after
    return problems


def report(problems):
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems[:60])
