"""A share without the permission to download: no route gives its content away, whatever else its receiver may
do with it; neither to him, nor to whom he shares it on with, nor to a third one whose folder he moves it to."""

import pytest

from harness import trees
from harness.dav import Multistatus
from harness.shares import ALL, READ, call, ocs, share
from harness.signed import signed_path

SECRET, OLD = b"what nobody is to have", b"what nobody was to have"
LOCKED = {"attributes[0][scope]": "permissions", "attributes[0][key]": "download",
          "attributes[0][value]": "false"}
OPEN = {**LOCKED, "attributes[0][value]": "true"}


class World:
    """alice's "view" is bob's "view" with all rights, but not to download; erin's "kit" is his, too."""

    def __init__(self, env):
        self.env = env
        self.alice, self.bob, self.carol, self.erin = (env.account() for _ in range(4))
        for folder in ("view", "view/sub", "view/other"):
            self.alice.mkcol(folder)
        self.paths = ("view/file.txt", "view/sub/deep.txt")
        for path in self.paths:
            self.alice.put(path, OLD)
            self.alice.put(path, SECRET)
        self.node = self.alice.prop("view/file.txt", "oc:fileid")
        listed = env.http("PROPFIND", f"remote.php/dav/meta/{self.node}/v", self.alice,
                          headers={"Depth": "1"})
        self.version = f"remote.php/dav/meta/{self.node}/v/{Multistatus(listed).names()[0]}"
        self.share = share(self.alice, "view", self.bob, permissions=ALL, **LOCKED)
        self.erin.mkcol("kit")
        self.erin.put("kit/file.txt", b"no secret")
        share(self.erin, "kit", self.bob, permissions=ALL)
        self.links = []

    def get(self, url, who=None, **headers):
        return self.env.http("GET", url, who or self.bob, headers=headers)

    def reshare(self, **values):
        """What bob gives carol, when he may."""
        answer = ocs(self.bob, "POST", "shares", path="/view", shareType=0,
                     shareWith=self.carol.id, permissions=READ, **values)
        return answer

    def link(self, path="view", **values):
        answer = ocs(self.bob, "POST", "shares", path=f"/{path}", shareType=3, permissions=READ,
                     **values)
        if answer.status_code == 200:
            self.links.append(answer.json()["ocs"]["data"]["token"])
        return answer

    def trashed(self):
        """bob deletes the file and the folder; their ids in the trash."""
        self.bob.delete("view/file.txt")
        self.bob.delete("view/sub")
        return self.bob.propfind("", 1, space="trash-bin").names()

    def out_of_trash(self, destination):
        return [self.bob.dav("MOVE", item, "trash-bin", destination=f"{destination}{number}",
                             dest_space="files")
                for number, item in enumerate(self.trashed())]


def dav(method, path, **kwargs):
    return lambda w: w.bob.dav(method, path, **kwargs)


def out(method, destination, **kwargs):
    """The file, its folder, and a folder in it, to some place."""
    return lambda w: [w.bob.dav(method, path, destination=f"{destination}{number}", **kwargs)
                      for number, path in enumerate(("view/file.txt", "view/sub"))]


def renamed(w):
    w.bob.mkcol("mine")
    w.bob.move("view", "mine/view of mine")
    return w.bob.get("mine/view of mine/file.txt")


def in_trash(w):
    node = w.bob.prop("view/file.txt", "oc:fileid")
    [folder] = [item for item in w.trashed() if item != node]
    return [w.bob.dav("GET", path, "trash-bin") for path in (node, f"{folder}/deep.txt")]


def update_own(w):
    made = w.reshare(**LOCKED)
    assert made.status_code == 200, made.text
    number = made.json()["ocs"]["data"]["id"]
    answers = [ocs(w.bob, "PUT", f"shares/{number}", permissions=READ, **OPEN),
               ocs(w.bob, "PUT", f"shares/{number}", attributes='[{"scope":"permissions",'
                   '"key":"download","enabled":true}]'),
               ocs(w.bob, "PUT", f"shares/{w.share.id}", **OPEN),
               ocs(w.carol, "PUT", f"shares/{number}", **OPEN)]
    return [*[answer for answer in answers if answer.status_code != 200],
            w.carol.get("view/file.txt"), w.carol.get("view/sub/deep.txt")]


def archives(w):
    place = "index.php/apps/files/ajax/download.php"
    return [w.get(f"{place}?dir=/&files=view"), w.get(f"{place}?dir=/view&files=file.txt"),
            w.get(f"{place}?dir=/view&files=sub"), w.get(f"{place}?dir=/view/sub&files=deep.txt"),
            w.get(f"{place}?dir=/view&files[]=sub&files[]=file.txt"),
            w.get(f"{place}?dir=/view&files=sub", Accept="application/x-tar")]


def favorites(w):
    w.bob.proppatch("view/file.txt", {"oc:favorite": "1"})
    answer = w.bob.dav("REPORT", "", data=(
        b'<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:downloadURL/>'
        b"<oc:dDC/><d:getetag/></d:prop><oc:filter-rules><oc:favorite>1</oc:favorite>"
        b"</oc:filter-rules></oc:filter-files>"))
    assert answer.status_code == 207
    return w.bob.get("view/file.txt")


def in_place(w):
    """What he may do with it there leaves it as unreadable as it is."""
    assert w.bob.dav("MOVE", "view/file.txt", destination="view/other/moved").status_code == 201
    w.bob.dav("COPY", "view/other/moved", destination="view/copied")
    return [w.bob.get("view/other/moved"), w.bob.get("view/copied")]


def replaced(w):
    """A copy over what he may read, in his files and in erin's folder."""
    w.bob.put("mine", b"mine")
    return [w.bob.dav(method, "view/file.txt", destination=target, overwrite=True)
            for method in ("COPY", "MOVE") for target in ("mine", "kit/file.txt")]


def versions(w):
    url = w.env.url
    return [w.get(w.version), *[
        w.env.http("COPY", w.version, w.bob, headers={"Destination": w.bob.url(path)})
        for path in ("mine", "kit/mine", "kit/file.txt")], w.get(f"{w.version}?x=1"),
        w.env.http("MOVE", w.version, w.bob, headers={"Destination": f"{url}remote.php/webdav/x"})]


ROUTES = {
    "GET": lambda w: [w.bob.get(path) for path in w.paths],
    "GET by the old address": lambda w: [w.bob.get(path, space="webdav") for path in w.paths],
    "GET of a part": lambda w: w.bob.get("view/file.txt", headers={"Range": "bytes=0-3"}),
    "GET with a condition": lambda w: w.bob.get("view/file.txt", headers={"If-None-Match": '"x"'}),
    "POST": dav("POST", "view/file.txt"),
    "signed URL": lambda w: w.env.http("GET", signed_path(w.bob, "view/file.txt")),
    "COPY": out("COPY", "copy"),
    "COPY by the old address": out("COPY", "copy", space="webdav"),
    "COPY of the share": dav("COPY", "view", destination="copy"),
    "COPY to somebody else's": out("COPY", "kit/copy"),
    "MOVE": out("MOVE", "moved"),
    "MOVE to somebody else's": out("MOVE", "kit/moved"),
    "over what is there": replaced,
    "archive": archives,
    "the share under another name": renamed,
    "report": favorites,
    "what he may do in it": in_place,
    "version": versions,
    "trash, GET": in_trash,
    "trash, restored to his own": lambda w: w.out_of_trash("restored"),
    "trash, restored to somebody else's": lambda w: w.out_of_trash("kit/restored"),
    "link": lambda w: [w.link(), w.link("view/file.txt"), w.link("view/sub")],
    "link that allows it": lambda w: [w.link(**OPEN), w.link("view/file.txt", **OPEN)],
    "reshare": lambda w: w.reshare(),
    "reshare that allows it": lambda w: w.reshare(**OPEN),
    "reshare, changed": update_own,
}


def texts_of(account, path=""):
    """All that an account can read."""
    listed = account.propfind(path, 1, ("d:resourcetype",))
    for name, entry in zip(listed.names(), list(listed.values())[1:]):
        below = f"{path}/{name}"
        if entry["d:resourcetype"] == "d:collection":
            yield from texts_of(account, below)
        else:
            yield account.get(below).content


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_nothing_gets_out(env, route):
    w = World(env)
    answers = route(w)
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer.status_code in (403, 404, 405, 409, 501), \
            f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:200]}"
        assert SECRET not in answer.content and OLD not in answer.content
    for who in (w.bob, w.carol, w.erin):
        for text in texts_of(who):
            assert text not in (SECRET, OLD)
    for token in w.links:
        for place in (f"remote.php/dav/public-files/{token}/", f"index.php/s/{token}/download"):
            for more in ("", "file.txt"):
                assert env.http("GET", place + more).content not in (SECRET, OLD)
    # its owner has it all, where it was or in his trash
    assert {SECRET, OLD} <= trees.contents(env.data / "accounts" / w.alice.id)
    assert not {SECRET, OLD} & set().union(*(trees.contents(env.data / "accounts" / who.id)
                                             for who in (w.bob, w.carol, w.erin)))


def test_with_the_permission_all_of_it_works(env):
    """The same share with the permission: what was refused was refused for the lack of it."""
    w = World(env)
    w.share.update(permissions=ALL, **OPEN)
    assert w.bob.get("view/file.txt").content == SECRET
    assert w.get(w.version).content == OLD
    w.bob.copy("view/sub", "copy")
    w.bob.move("view/file.txt", "kit/moved")
    assert w.erin.get("kit/moved").content == SECRET
    assert w.link().status_code == 200
    assert w.reshare().status_code == 200
    assert w.carol.get("view/sub/deep.txt").content == SECRET
    # and it ends when it is taken away again, for who has it from him, too
    call(w.alice, "PUT", f"shares/{w.share.id}", permissions=ALL, **LOCKED)
    assert w.carol.get("view/sub/deep.txt").status_code == 403
    token = w.links[0]
    for place in (f"remote.php/dav/public-files/{token}/sub/deep.txt",
                  f"index.php/s/{token}/download", f"index.php/s/{token}/download?path=/sub"):
        assert SECRET not in env.http("GET", place).content
