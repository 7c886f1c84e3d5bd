"""What is nobody else's business: how somebody calls what he shares or received, in which folders he keeps it, his
mail address. Each looks at all that there is to be seen, by every route, and finds none of it."""

import pytest

from harness.dav import lock_body, propfind_body
from harness.shares import ALL, READ, accept, call, ocs, share

PROPS = ("d:displayname", "d:getetag", "d:lockdiscovery", "oc:fileid", "oc:owner-id",
         "oc:owner-display-name", "oc:share-types", "oc:permissions", "oc:size", "d:owner",
         "oc:downloadURL", "oc:dDC", "oc:privatelink", "oc:public-link-item-type",
         "oc:public-link-share-owner", "oc:public-link-share-datetime", "oc:meta-path-for-user",
         "oc:meta-version-edited-by", "oc:meta-version-edited-by-name", "oc:checksums")


class World:
    """alice shares "alicefolder/project" with bob, who shares it on with carol; alice and bob each make a link.
    Then all of them move it and call it something else."""

    def __init__(self, env):
        self.env = env
        self.alice, self.bob, self.carol, self.dave = (env.account() for _ in range(4))
        for who, name in ((self.alice, "alice"), (self.bob, "bob"), (self.carol, "carol")):
            env.cloudctl("account", "email", who.id, f"{name}mail@example.org")
            who.mkcol(f"{name}folder")
        self.alice.mkcol("alicefolder/project")
        self.alice.mkcol("alicefolder/project/sub")
        self.alice.put("alicefolder/project/file.txt", b"first")
        self.alice.put("alicefolder/project/file.txt", b"second")
        self.shares = [share(self.alice, "alicefolder/project", self.bob, permissions=ALL),
                       share(self.bob, "project", self.carol, permissions=ALL)]
        self.links = [share(self.alice, "alicefolder/project", permissions=15, name="for the public"),
                      share(self.bob, "project", permissions=READ)]
        self.alice.move("alicefolder/project", "alicefolder/alicename")
        for who, name in ((self.bob, "bob"), (self.carol, "carol")):
            who.move("project", f"{name}folder/{name}name")
        self.bob.put("bobfolder/bobname/file.txt", b"third, by bob")
        self.node = self.alice.prop("alicefolder/alicename", "oc:fileid")
        self.file = self.alice.prop("alicefolder/alicename/file.txt", "oc:fileid")
        self.token = self.bob.dav("LOCK", "bobfolder/bobname/file.txt", depth=0,
                                  data=lock_body("a client"),
                                  headers={"Timeout": "Second-3600"}).headers["Lock-Token"]
        self.bob.delete("bobfolder/bobname/sub")
        for who in (self.carol, self.bob):
            for made in self.shares:
                # both ways, so that there are notices of all kinds
                ocs(who, "DELETE", f"shares/pending/{made.id}")
                ocs(who, "POST", f"shares/pending/{made.id}")

    def where(self, who):
        """The folder, as somebody has it."""
        name = {self.alice.id: "alice", self.bob.id: "bob", self.carol.id: "carol"}[who.id]
        found = [href for folder in ("", f"{name}folder") for href in who.propfind(folder, 1)]
        [place] = [href[len(who.path()):].rstrip("/") for href in found
                   if href.rstrip("/").endswith(("name", "project"))]
        return place

    def account_sees(self, who):
        place, env = self.where(who), self.env
        for path in (place, f"{place}/file.txt"):
            yield who.dav("PROPFIND", path, depth=1, data=propfind_body(PROPS))
            yield who.dav("PROPFIND", path, depth=0)
            yield who.dav("PROPFIND", path, "webdav", depth=1, data=propfind_body(PROPS))
            yield who.dav("OPTIONS", path)
        yield who.get(f"{place}/file.txt")
        yield who.dav("PUT", f"{place}/file.txt", data=b"x")
        yield who.dav("MKCOL", f"{place}/file.txt")
        yield who.dav("COPY", f"{place}/nowhere", destination=f"{place}/x")
        yield who.dav("DELETE", f"{place}/nowhere")
        yield who.dav("LOCK", f"{place}/file.txt", depth=0, data=lock_body())
        for values in ({}, {"reshares": "true"}, {"shared_with_me": "true"},
                       {"shared_with_me": "true", "state": "all"}, {"path": f"/{place}"},
                       {"path": f"/{place}", "reshares": "true"},
                       {"path": f"/{place}", "subfiles": "true"}):
            yield ocs(who, "GET", "shares", **values)
        for made in (*self.shares, *self.links):
            yield ocs(who, "GET", f"shares/{made.id}")
        yield who.ocs("apps/notifications/api/v1/notifications", version=2)
        for number in (self.node, self.file):
            yield env.http("PROPFIND", f"remote.php/dav/meta/{number}/v", who,
                           headers={"Depth": "1"}, data=propfind_body(PROPS))
            yield env.http("PROPFIND", f"remote.php/dav/meta/{number}", who, headers={"Depth": "0"},
                           data=propfind_body(PROPS))
            yield env.http("GET", f"index.php/f/{number}", who)
        yield who.dav("PROPFIND", "", "trash-bin", depth=1, data=propfind_body(
            ("oc:trashbin-original-location", "oc:trashbin-original-filename",
             "oc:trashbin-delete-datetime", "d:displayname")))
        yield env.http("GET", f"index.php/apps/files/ajax/download.php?dir=/{place}&files=file.txt", who)
        yield from self.stranger_sees(who)

    def stranger_sees(self, who):
        """What anybody with an account may ask."""
        for number in (self.node, self.file):
            yield self.env.http("GET", f"index.php/f/{number}", who)
        for search in ("project", "name", "folder", "mail", *(one.id for one in (
                self.alice, self.bob, self.carol))):
            yield ocs(who, "GET", "sharees", search=search, itemType="folder", perPage=200)
        for one in (self.alice, self.bob, self.carol):
            yield who.dav("PROPFIND", "", "principals/users", depth=0)
            yield self.env.http("GET", f"remote.php/dav/files/{one.id}/", who)

    def visitor_sees(self, link):
        env, token = self.env, link.token
        for base in (f"remote.php/dav/public-files/{token}/",):
            for path in ("", "file.txt"):
                for depth in "01":
                    yield env.http("PROPFIND", base + path, headers={"Depth": depth},
                                   data=propfind_body(PROPS))
                    yield env.http("PROPFIND", base + path, headers={"Depth": depth})
                yield env.http("GET", base + path)
                yield env.http("OPTIONS", base + path)
            yield env.http("PUT", base + "file.txt", data=b"x")
            yield env.http("LOCK", base + "file.txt", data=lock_body())
            yield env.http("DELETE", base + "nowhere")
        for page in ("", "/download", "?path=/sub", "/download?path=/&files=file.txt"):
            yield env.http("GET", f"index.php/s/{token}{page}")


@pytest.fixture(name="w")
def fixture_w(env):
    return World(env)


def texts(answers):
    for answer in answers:
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        yield (f"{answer.request.method} {answer.url} {answer.status_code}",
               f"{headers}\n{answer.content.decode('utf-8', 'replace')}")


def shown(answers, words):
    """Where one of the words is to be seen, other than in what the request itself had."""
    return [f"{word}: {what}\n{text[max(0, text.find(word) - 200):text.find(word) + 100]}"
            for what, text in texts(answers) for word in words if word in text]


ALICES, BOBS, CAROLS = (tuple(f"{name}{what}" for what in ("folder", "name", "mail"))
                        for name in ("alice", "bob", "carol"))


def test_the_owner_sees_only_his_own(w):
    assert not shown(w.account_sees(w.alice), BOBS + CAROLS)


def test_a_receiver_sees_only_his_own(w):
    assert not shown(w.account_sees(w.bob), ALICES + CAROLS)


def test_who_has_it_from_a_receiver(w):
    assert not shown(w.account_sees(w.carol), ALICES + BOBS)


def test_a_stranger(w):
    assert not shown(w.stranger_sees(w.dave), ALICES + BOBS + CAROLS)


def test_a_visitor_of_the_owners_link(w):
    """He sees what it is called by now, which is what the owner shows him."""
    hidden = ("alicefolder", "alicemail") + BOBS + CAROLS
    assert not shown(w.visitor_sees(w.links[0]), hidden)


def test_a_visitor_of_a_receivers_link(w):
    """He sees what it is called where the link was made."""
    page = w.env.http("GET", f"index.php/s/{w.links[1].token}")
    assert "bobname" in page.text
    archive = w.env.http("GET", f"index.php/s/{w.links[1].token}/download")
    assert "bobname.zip" in archive.headers["Content-Disposition"]
    assert not shown(w.visitor_sees(w.links[1]), ALICES + ("bobfolder", "bobmail") + CAROLS)
