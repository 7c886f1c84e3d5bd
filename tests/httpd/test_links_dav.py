"""Public links by WebDAV: what each set of permissions lets a stranger do, at both addresses, and what
never works."""

import threading
import time
from urllib.parse import quote

import pytest

from harness.dav import error, lock_body, propfind_body, proppatch_body
from harness.env import wait_until
from harness.links import Link

SPACES = ("public-files", "webdav")

#: Permissions as ownCloud's links have them
READ, UPDATE, CREATE, DELETE = 1, 2, 4, 8
SETS = (1, 3, 4, 5, 7, 15)


EVERYTHING = (
    "d:resourcetype", "d:getlastmodified", "d:getetag", "d:quota-used-bytes", "d:quota-available-bytes",
    "d:creationdate", "d:displayname", "oc:id", "oc:fileid", "oc:size", "oc:permissions", "oc:privatelink",
    "oc:owner-id", "oc:owner-display-name", "oc:data-fingerprint", "oc:favorite", "oc:share-types",
    "oc:tags", "oc:public-link-item-type", "{http://open-collaboration-services.org/ns}share-permissions")


def grow(account, folder):
    account.mkcol(folder)
    account.mkcol(f"{folder}/sub")
    account.put(f"{folder}/file.txt", b"content")
    account.put(f"{folder}/sub/inner.txt", b"inner")


@pytest.fixture(autouse=True, scope="module")
def fixture_patience(module_env):
    """Many tokens are tried here; a test of its own is about that."""
    module_env.config("CloudAuthThrottle off")


@pytest.fixture(name="tree")
def fixture_tree(account):
    """An account with a folder to be shared and something beside it."""
    grow(account, "folder")
    account.put("secret.txt", b"nobody's business")
    return account


def status(link, method, path="", space="public-files", **kwargs):
    return link.dav(method, path, space, **kwargs).status_code


# ---- permissions against methods ----

#: method, path, arguments -> permissions it needs; what it answers then
METHODS = (
    ("GET", "file.txt", {}, READ, 200),
    ("HEAD", "file.txt", {}, READ, 200),
    ("PROPFIND", "file.txt", {"depth": 0}, READ, 207),
    ("PROPFIND", "sub", {"depth": 1}, READ, 207),
    ("PUT", "file.txt", {"data": b"new"}, READ | UPDATE, 204),
    ("PUT", "new.txt", {"data": b"new"}, READ | CREATE, 201),
    ("PUT", "sub/new.txt", {"data": b"new"}, READ | CREATE, 201),
    ("MKCOL", "made", {}, READ | CREATE, 201),
    ("COPY", "file.txt", {"destination": "copy.txt"}, READ | CREATE, 201),
    ("MOVE", "file.txt", {"destination": "moved.txt"}, READ | UPDATE, 201),
    ("DELETE", "file.txt", {}, DELETE, 204),
    ("DELETE", "sub", {}, DELETE, 204),
    ("PROPPATCH", "file.txt",
     {"data": proppatch_body({"{DAV:}lastmodified": "1000000000"})}, READ | UPDATE, 207),
)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("perms", SETS)
def test_what_permissions_allow(account, perms, space):
    for number, (method, path, arguments, needs, good) in enumerate(METHODS):
        folder = f"folder{number}"
        grow(account, folder)
        link = Link(account, folder, perms)
        before = account.propfind(folder, 1).names()
        answer = link.dav(method, path, space, **arguments)
        what = f"{method} {path}: {answer.status_code} {answer.text}"
        if perms & needs == needs:
            assert answer.status_code == good, what
        elif perms == CREATE and method == "PUT" and "/" not in path:
            assert answer.status_code == 201, what  # under a free name
        else:
            assert answer.status_code in (403, 404), what
            assert account.propfind(folder, 1).names() == before, what
            assert account.get(f"{folder}/file.txt").content == b"content"


@pytest.mark.parametrize("space", SPACES)
def test_a_file(tree, space):
    link = Link(tree, "folder/file.txt", 15)  # a file can't be given more than 3
    listed = link.propfind(depth=1, space=space)
    assert listed.names() == ["file.txt"]
    assert listed[link.path("file.txt", space)]["oc:permissions"] == "NVW"
    assert link.dav("GET", "file.txt", space).content == b"content"
    assert link.dav("GET", "file.txt", space, headers={"Range": "bytes=2-4"}).content == b"nte"
    assert status(link, "PUT", "file.txt", space, data=b"by a stranger") == 204
    assert tree.get("folder/file.txt").content == b"by a stranger"
    for method, path in (("GET", "inner.txt"), ("GET", "sub"), ("GET", "file.txt/x"),
                         ("PROPFIND", "secret.txt")):
        assert status(link, method, path, space) == 404, (method, path)
    assert status(link, "PUT", "other.txt", space, data=b"x") in (403, 404)
    assert status(link, "DELETE", "file.txt", space) == 403
    assert status(link, "DELETE", "", space) == 403
    assert status(link, "MOVE", "file.txt", space, destination="x.txt") == 403
    tree.move("folder/file.txt", "elsewhere.md")
    assert link.propfind(depth=1, space=space).names() == ["elsewhere.md"]
    assert link.dav("GET", "elsewhere.md", space).content == b"by a stranger"
    assert status(link, "GET", "file.txt", space) == 404


# ---- file drop ----

@pytest.mark.parametrize("space", SPACES)
def test_a_drop_tells_nothing(tree, space):
    link = Link(tree, "folder", CREATE)
    assert link.propfind(depth=1, space=space).names() == []
    answers = []
    for name in ("file.txt", "none.txt", "sub", "sub/inner.txt", "none/none.txt"):
        told = []
        for method, arguments in (("GET", {}), ("HEAD", {}), ("PROPFIND", {"depth": 0}),
                                  ("PROPFIND", {"depth": 1}), ("DELETE", {}), ("MKCOL", {}),
                                  ("COPY", {"destination": "copy"}),
                                  ("MOVE", {"destination": "moved"}),
                                  ("PROPPATCH", {"data": proppatch_body({"d:displayname": "x"})})):
            answer = link.dav(method, name, space, **arguments)
            assert answer.status_code in (403, 404), (method, name, answer.status_code)
            told.append((answer.status_code, answer.text.replace(name, "NAME"),
                         sorted(set(answer.headers) - {"Keep-Alive"})))
        answers.append(told)
    assert answers[0] == answers[1] == answers[2]
    assert answers[3] == answers[4]


@pytest.mark.parametrize("space", SPACES)
def test_a_drop_tells_nothing_of_itself(tree, space):
    """Neither its size nor its times, and not whether others bring something."""
    link = Link(tree, "folder", CREATE)
    shown = {"d:resourcetype": "d:collection", "oc:permissions": "CK"}
    if space == "public-files":
        shown["oc:public-link-item-type"] = "folder"

    def ask():
        (root,) = link.propfind(depth=1, space=space, props=EVERYTHING).values()
        assert dict(root) == shown
        (root,) = link.propfind(depth=1, space=space, props=None).values()
        assert set(root) == {"d:resourcetype"}
        return [link.dav("PROPFIND", "", space, depth=0, headers={name: f'"{etag}"'}).status_code
                for etag in etags for name in ("If-Match", "If-None-Match")]

    put = link.dav("PUT", "mine.txt", space, data=b"dropped")
    etags = [put.headers["ETag"].strip('"'), tree.etag("folder").strip('"'), "f00"]
    before = ask()
    tree.put("folder/another.txt", b"of somebody else")
    assert ask() == before == [412, 207] * 3


@pytest.mark.parametrize("space", SPACES)
def test_a_drop_replaces_nothing(tree, space):
    link = Link(tree, "folder", CREATE)
    told = []
    for name in ("file.txt", "file.txt", "sub", "new.txt"):
        for headers in ({}, {"If-None-Match": "*"}):
            answer = link.dav("PUT", name, space, data=b"dropped", headers=headers)
            told.append((answer.status_code, answer.text,
                         sorted(set(answer.headers) - {"Keep-Alive"})))
    assert told == [told[0]] * 8
    assert told[0][0] == 201
    assert sorted(tree.propfind("folder", 1).names()) == sorted([
        "file.txt", "file (2).txt", "file (3).txt", "file (4).txt", "file (5).txt", "sub", "sub (2)",
        "sub (3)", "new.txt", "new (2).txt"])
    assert tree.get("folder/file.txt").content == b"content"
    assert tree.get("folder/file (3).txt").content == b"dropped"
    assert status(link, "PUT", "sub/inner.txt", space, data=b"x") == \
        status(link, "PUT", "none/inner.txt", space, data=b"x") == 403


# ---- who may pass ----

def test_no_password(tree):
    link = Link(tree, "folder")
    for headers in ({}, {"Authorization": "Basic cHVibGljOmFueQ=="},
                    {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic !!"}):
        assert status(link, "PROPFIND", depth=0, headers=headers) == 207, headers
    # somebody who is logged in is a stranger, too
    assert tree.http.request("PUT", link.env.origin + link.path("x"), data=b"x").status_code == 403
    answer = link.dav("PROPFIND", space="webdav", headers={"Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="ownCloud"')


def test_a_password(tree):
    link = Link(tree, "folder", password="publicPass1")
    for space in SPACES:
        assert status(link, "PROPFIND", space=space, depth=1) == 207
        assert status(link, "GET", "file.txt", space) == 200
        answer = link.dav("PROPFIND", space=space, password="wrong")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="ownCloud", charset="UTF-8"'
        assert error(answer) == (r"Sabre\DAV\Exception\NotAuthenticated",
                                 "Username or password was incorrect")
    anonymous = link.env.http("PROPFIND", f"remote.php/dav/public-files/{link.token}/")
    assert anonymous.status_code == 401
    assert "WWW-Authenticate" in anonymous.headers
    link.update(password="anotherPass2")
    assert status(link, "PROPFIND", password="publicPass1") == 401
    assert status(link, "PROPFIND") == 207


def test_addresses_for_browsers(tree):
    """oc:downloadURL opens one file without the password, for a while."""
    tree.put("folder/ä b+c&d (2).txt", b"odd")
    link = Link(tree, "folder", 15, password="publicPass1")
    found = link.propfind(depth=1, props=("oc:downloadURL",))
    urls = {name: found[link.path() + name]["oc:downloadURL"]
            for name in ("file.txt", "ä b+c&d (2).txt")}
    get = tree.env.anonymous.get
    assert get(urls["file.txt"]).content == b"content"
    assert get(urls["ä b+c&d (2).txt"]).content == b"odd"
    answer = tree.env.anonymous.head(urls["file.txt"])
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    path, query = urls["file.txt"].split("?")
    signature, expires = (part.split("=")[1] for part in query.split("&"))
    other = Link(tree, "folder", password="publicPass1")
    for url in (path, f"{path}?signature={signature}", f"{path}?{query}0",
                f"{path}?signature={signature}&expires={int(expires) + 1}",
                f"{path}?signature={signature[::-1]}&expires={expires}",
                f"{path}?signature=&expires={expires}",
                path.replace("file.txt", "sub/inner.txt") + f"?{query}",
                path.replace("file.txt", "./file.txt2") + f"?{query}",
                path.replace(link.token, other.token) + f"?{query}"):
        assert get(url).status_code == 401, url
    for method in ("PUT", "DELETE", "PROPFIND", "MOVE"):
        assert tree.env.anonymous.request(method, urls["file.txt"]).status_code == 401
    link.update(password="anotherPass2")
    assert get(urls["file.txt"]).status_code == 401


def test_links_that_have_ended(tree):
    env = tree.env
    other = env.account()
    missing = Link(tree, "folder")
    missing.delete()
    over = Link(tree, "folder", expires=-1)
    tree.mkcol("deleted")
    deleted = Link(tree, "deleted")
    tree.delete("deleted")
    gone = Link(other)
    env.cloudctl("account", "disable", other.id)
    bodies = set()
    for link in (missing, over, deleted, gone):
        answer = link.dav("PROPFIND", depth=1)
        assert answer.status_code == 404
        bodies.add(answer.text)
        assert status(link, "PUT", "x", data=b"x") == 404
        assert status(link, "PROPFIND", space="webdav") == 401
        assert link.browser().open().status_code == 404
    assert len(bodies) == 1
    env.cloudctl("account", "enable", other.id)
    assert status(gone, "PROPFIND") == 207
    assert status(Link(tree, "folder", expires=100), "PROPFIND") == 207


def test_strangers_do_not_learn_why(tree):
    """What is no link any more answers as what never was one, to the letter, whatever is asked."""
    env = tree.env
    other, third = env.account(), env.account()
    other.mkcol("given")
    other.mkcol("trashed")
    tree.mkcol("trashed")
    dead = {"never made": Link(tree, "folder"), "deleted": Link(tree, "folder"),
            "expired": Link(tree, "folder", expires=-1),
            "expired, with a password": Link(tree, "folder", expires=-1, password="publicPass1"),
            "of who is disabled": Link(other, "given"),
            "of who is disabled, with a password": Link(other, "given", password="publicPass1"),
            "made by who has nothing there": Link(tree, "folder", initiator=third),
            "in the trash": Link(tree, "trashed")}
    dead["never made"].delete()
    dead["never made"].token = "a" * 15
    dead["deleted"].delete()
    tree.delete("trashed")
    env.cloudctl("account", "disable", other.id)

    def answers(link):
        for space in ("public-files", "webdav"):
            for password in (None, "publicPass1"):
                for method in ("OPTIONS", "HEAD", "GET", "PROPFIND", "PUT", "DELETE", "MKCOL", "LOCK"):
                    yield link.dav(method, "file.txt", space, password=password or "",
                                   data=b"x" if method == "PUT" else None)
        for more in ("", "/download", "/authenticate", "/upload"):
            yield env.http("GET", link.page + more)
            yield env.http("POST", link.page + more, data={"password": "publicPass1"})

    def told(link):
        changing = ("Date", "Set-Cookie", "Connection", "Keep-Alive")
        return [(answer.status_code, answer.text.replace(link.token, "TOKEN"),
                 sorted((name, value.replace(link.token, "TOKEN"))
                        for name, value in answer.headers.items() if name not in changing),
                 sorted(cookie.name for cookie in answer.cookies))
                for answer in answers(link)]

    wanted = told(dead.pop("never made"))
    assert {status for status, *_ in wanted} <= {200, 401, 404, 405}, wanted
    for name, link in dead.items():
        for got, want in zip(told(link), wanted, strict=True):
            assert got == want, name


def test_a_link_follows_its_item(tree):
    link = Link(tree, "folder", 15)
    tree.mkcol("other")
    tree.move("folder", "other/renamed")
    assert link.dav("GET", "file.txt").content == b"content"
    assert status(link, "PUT", "file.txt", data=b"later") == 204
    assert tree.get("other/renamed/file.txt").content == b"later"
    tree.delete("other")
    assert status(link, "GET", "file.txt") == 404


def test_guessing_is_slowed_down(new_env):
    env = new_env()
    env.start()
    account = env.account()
    account.mkcol("folder")
    link = Link(account, "folder", password="publicPass1")
    env.config("CloudAuthThrottle 3 60 60")
    for i in range(3):
        assert status(link, "PROPFIND", password=f"wrong{i}") == 401
    answer = link.dav("PROPFIND")
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    # tokens: only those that are none count, and the same one counts once
    for path in ("a", "a", "a", "a", "b", "c"):
        assert env.http("PROPFIND", f"remote.php/dav/public-files/{path}/").status_code == 404
    assert env.http("PROPFIND", "remote.php/dav/public-files/d/").status_code == 429
    assert env.http("GET", "index.php/s/d").status_code == 429
    assert status(Link(account, "folder"), "PROPFIND") == 207


# ---- nowhere else ----

@pytest.mark.parametrize("space", SPACES)
def test_no_way_out(tree, space):
    link = Link(tree, "folder", 15)
    origin, root = tree.env.origin, link.path("", space)
    for path in ("../secret.txt", "%2e%2e/secret.txt", "sub/../../secret.txt", "..%2fsecret.txt",
                 "sub%2finner.txt", "%5c..%5csecret.txt", "file.txt%00", "//etc/passwd"):
        sent = (f"GET {root}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                "".join(f"{name}: {value}\r\n" for name, value in link.auth(space).items()) + "\r\n")
        answer = tree.env.raw(sent.encode())
        assert answer.split()[1] in (b"400", b"403", b"404"), (path, answer[:300])
        assert b"nobody's business" not in answer
    other = Link(tree, "folder", 15)
    for destination in (tree.url("stolen.txt"), tree.url("stolen.txt", "webdav"),
                        origin + other.path("x", "public-files"), root + "../stolen.txt",
                        origin + tree.env.base + "remote.php/dav/uploads/x/y/1"):
        for method in ("COPY", "MOVE"):
            answer = link.dav(method, "file.txt", space, headers={"Destination": destination})
            assert answer.status_code in (400, 403, 404), (method, destination)
    # nor is there a way in
    for method in ("COPY", "MOVE"):
        answer = tree.dav(method, "secret.txt", headers={"Destination": origin + root + "in.txt"})
        assert answer.status_code == 403
    assert sorted(tree.propfind("folder", 1).names()) == ["file.txt", "sub"]


def test_symlinks_lead_nowhere(tree):
    link = Link(tree, "folder", 15)
    disk = tree.env.data / "accounts" / tree.id / "files/folder"
    (disk / "out").symlink_to("/etc")
    (disk / "passwd").symlink_to("/etc/passwd")
    assert link.propfind(depth=1).names() == ["file.txt", "sub"]
    for path in ("out/passwd", "passwd"):
        assert status(link, "GET", path) == 404


@pytest.mark.parametrize("space", SPACES)
def test_what_needs_an_account(tree, space):
    link = Link(tree, "folder", 15)
    options = link.dav("OPTIONS", "", space)
    assert options.status_code == 200 and options.headers["DAV"] == "1, 3"
    assert "LOCK" not in options.headers["Allow"]
    body = ('<?xml version="1.0"?><d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/>'
            "</d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>")
    for path in ("file.txt", "none.txt"):
        answer = link.dav("LOCK", path, space, data=body)
        assert answer.status_code == 405
        assert error(answer)[1] == "Locking not allowed from public endpoint"
        assert status(link, "UNLOCK", path, space, headers={"Lock-Token": "<urn:x>"}) == 405
    report = ('<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><oc:filter-rules>'
              "<oc:favorite>1</oc:favorite></oc:filter-rules></oc:filter-files>")
    assert status(link, "REPORT", "", space, data=report) in (415, 501)
    assert status(link, "PUT", "x-chunking-1-1-0", space, data=b"x",
                  headers={"OC-Chunked": "1"}) == 501
    assert status(link, "POST", "", space) in (405, 501)
    assert sorted(tree.propfind("folder", 1).names()) == ["file.txt", "sub"]


@pytest.mark.parametrize("space", SPACES)
def test_the_owners_locks_hold(tree, space):
    link = Link(tree, "folder", 15)
    body = ('<?xml version="1.0"?><d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/>'
            "</d:lockscope><d:locktype><d:write/></d:locktype><d:owner>me</d:owner></d:lockinfo>")
    lock = tree.dav("LOCK", "folder/file.txt", data=body)
    token = lock.headers["Lock-Token"]
    for headers in ({}, {"If": f"({token})"}):
        assert status(link, "PUT", "file.txt", space, data=b"x", headers=headers) in (412, 423)
        assert status(link, "DELETE", "file.txt", space, headers=headers) in (412, 423)
    found = link.dav("PROPFIND", "file.txt", space, depth=0, data=propfind_body(
        ("d:lockdiscovery", "d:supportedlock"))).text
    assert "opaquelocktoken" not in found and "<d:owner>" not in found
    assert f"<d:lockroot><d:href>{link.path('file.txt', space)}</d:href></d:lockroot>" in found
    assert "<d:exclusive/>" in found and "Second-" in found


@pytest.mark.parametrize("space", SPACES)
def test_a_lock_above_is_shown_at_the_root(tree, space):
    link = Link(tree, "folder/sub", 1)
    lock = tree.dav("LOCK", "folder", data=lock_body("me"))
    assert lock.status_code == 200
    for path in ("", "inner.txt"):
        found = link.dav("PROPFIND", path, space, depth=0, data=propfind_body(("d:lockdiscovery",)))
        assert found.text.count("<d:activelock>") == 1
        assert f"<d:lockroot><d:href>{link.path('', space)}</d:href></d:lockroot>" in found.text
        assert "folder" not in found.text.replace(link.path("", space), "")


def test_the_address_of_a_file_link_is_the_file(tree):
    link = Link(tree, "secret.txt", 1)
    for path in ("", "secret.txt"):
        answer = link.dav("GET", path, "webdav")
        assert (answer.status_code, answer.content) == (200, b"nobody's business"), path
        assert answer.headers["ETag"] == tree.etag("secret.txt")
    head = link.dav("HEAD", "", "webdav")
    assert head.headers["Content-Length"] == "17" and head.content == b""
    part = link.dav("GET", "", "webdav", headers={"Range": "bytes=0-5"})
    assert (part.status_code, part.content) == (206, b"nobody")
    assert link.dav("PUT", "", "webdav", data=b"new").status_code == 403
    written = Link(tree, "secret.txt", 3)
    stale = {"If-Match": '"stale"'}
    assert written.dav("PUT", "", "webdav", data=b"new", headers=stale).status_code == 412
    assert written.dav("PUT", "", "webdav", data=b"nobody's BUSINESS").status_code == 204
    assert tree.get("secret.txt").content == b"nobody's BUSINESS"
    assert written.dav("PUT", "", "webdav", data=b"nobody's business").status_code == 204
    assert written.dav("DELETE", "", "webdav").status_code == 403
    assert written.dav("PUT", data=b"new").status_code in (403, 405, 409)
    closed = Link(tree, "secret.txt", 1, password="pass word")
    assert closed.dav("GET", "", "webdav", password="").status_code == 401
    assert closed.dav("GET", "", "webdav").content == b"nobody's business"
    folder = Link(tree, "folder", 1).dav("GET", "", "webdav")
    assert folder.status_code == 200 and b"WebDAV interface" in folder.content
    assert tree.get("secret.txt").content == b"nobody's business"


# ---- what becomes of it ----

def test_what_a_stranger_deletes_is_in_the_owners_trash(tree):
    link = Link(tree, "folder", 15)
    assert status(link, "DELETE", "sub") == 204
    listed = tree.propfind("", 1, ("oc:trashbin-original-filename",), space="trash-bin")
    assert [entry["oc:trashbin-original-filename"] for entry in list(listed.values())[1:]] == ["sub"]


def test_what_a_stranger_overwrites_is_kept(tree):
    link = Link(tree, "folder", 15)
    node = tree.prop("folder/file.txt", "oc:fileid")
    assert status(link, "PUT", "file.txt", data=b"changed") == 204
    versions = tree.http.request("PROPFIND", f"{tree.env.url}remote.php/dav/meta/{node}/v",
                                 headers={"Depth": "1"})
    assert versions.text.count("<d:response>") == 2


def test_the_owners_quota_counts(env):
    account = env.account(quota="1000")
    account.mkcol("folder")
    for perms in (4, 15):
        link = Link(account, "folder", perms)
        for space in SPACES:
            assert status(link, "PUT", f"{space}{perms}", space, data=b"x" * 200) == 201
            assert status(link, "PUT", "big", space, data=b"x" * 900) == 507
            assert status(link, "PUT", ".htaccess", space, data=b"x") == 403


def test_an_end_within_an_upload(tree):
    """Nothing is stored by a link that ended, or lost its permission, while the body came in."""
    env = tree.env

    def run(link, change, perms_name):
        sent = threading.Event()
        go_on = threading.Event()

        def body():
            yield b"x" * 100000
            sent.set()
            assert go_on.wait(60)
            yield b"y" * 100000

        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            link.dav("PUT", perms_name, data=body())))
        thread.start()
        assert sent.wait(60)
        staging = env.data / "accounts" / tree.id / "staging"
        wait_until(lambda: any(staging.iterdir()), "the upload")
        change(link)
        go_on.set()
        thread.join()
        assert answers[0].status_code in (403, 404), answers[0].text

    run(Link(tree, "folder", 15), lambda link: link.update(expires=int(time.time()) - 1), "a.bin")
    run(Link(tree, "folder", 15), lambda link: link.update(perms=1), "b.bin")
    run(Link(tree, "folder", 4), lambda link: link.delete(), "c.bin")
    run(Link(tree, "folder", 15), lambda link: tree.delete("folder"), "d.bin")
    tree.mkcol("folder")
    assert not tree.propfind("folder", 1).names()


def test_downloads_are_never_shown(tree):
    tree.put("folder/page.html", b"<script>alert(1)</script>")
    tree.put('folder/a"b;c\u00e4.html', b"<script>alert(1)</script>")
    link = Link(tree, "folder")
    for name in ("page.html", 'a"b;c\u00e4.html'):
        for url in (link.path(name), f"/{link.page}/download?path=%2F&files={quote(name)}"):
            answer = link.env.http("GET", url)
            assert answer.status_code == 200, url
            assert answer.headers["Content-Disposition"].startswith("attachment; ")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("space", SPACES)
def test_downloads_are_not_kept_by_shared_caches(tree, space):
    etag = tree.etag("folder/file.txt")
    for link in (Link(tree, "folder"), Link(tree, "folder", password="publicPass1")):
        for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": etag}):
            answer = link.dav("GET", "file.txt", space, headers=headers)
            assert answer.status_code in (200, 206, 304)
            assert answer.headers["Cache-Control"] == "private, no-cache"
        assert link.dav("HEAD", "file.txt", space).headers["Cache-Control"] == "private, no-cache"


def test_conditions_and_headers(tree):
    link = Link(tree, "folder", 15)
    etag = tree.etag("folder/file.txt")
    assert link.dav("GET", "file.txt").headers["ETag"] == etag
    assert status(link, "GET", "file.txt", headers={"If-None-Match": etag}) == 304
    assert status(link, "PUT", "file.txt", data=b"x", headers={"If-Match": '"1"'}) == 412
    answer = link.dav("PUT", "file.txt", data=b"x", headers={"If-Match": etag, "X-OC-Mtime": "1000"})
    assert answer.status_code == 204 and answer.headers["X-OC-MTime"] == "accepted"
    assert answer.headers["OC-ETag"] == tree.etag("folder/file.txt") != etag


def test_links_made_by_the_api(tree):
    """A link's whole life, as clients make it."""
    api = "apps/files_sharing/api/v1/shares"
    made = tree.ocs(api, "POST", data={"path": "/folder", "shareType": 3, "permissions": 15,
                                       "password": "publicPass1", "name": "mine"}).json()["ocs"]
    assert made["meta"]["statuscode"] == 100, made
    share = made["data"]
    link = Link.existing(tree.env, share["token"], "publicPass1")
    assert share["url"].endswith(f"/{link.page}")
    page = tree.env.anonymous.get(share["url"])
    assert page.status_code == 200 and 'type="password"' in page.text
    browser = link.browser()
    assert browser.submit(browser.open(), {"password": "publicPass1"}).status_code == 303
    assert "<h1>folder</h1>" in browser.open().text
    for space in SPACES:
        assert status(link, "PUT", f"{space}.txt", space, data=b"x") == 201
        assert status(link, "PROPFIND", space=space, password="wrong") == 401

    def change(**values):
        answer = tree.ocs(f"{api}/{share['id']}", "PUT", data=values).json()["ocs"]
        assert answer["meta"]["statuscode"] == 100, answer

    change(permissions=1)
    assert status(link, "PUT", "more.txt", data=b"x") == 403
    change(password="")
    assert 'type="password"' not in tree.env.anonymous.get(share["url"]).text
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86400))
    change(expireDate=day)
    root = link.propfind(depth=0, props=("oc:public-link-expiration", "oc:public-link-permission",
                                         "oc:public-link-share-owner",
                                         "oc:public-link-share-datetime")).first
    assert root["oc:public-link-permission"] == "1"
    assert root["oc:public-link-share-owner"] == tree.id
    assert root["oc:public-link-expiration"].endswith(" GMT")
    assert root["oc:public-link-share-datetime"].endswith(" GMT")
    assert tree.ocs(f"{api}/{share['id']}", "DELETE").status_code == 200
    assert status(link, "PROPFIND") == 404
    assert tree.env.anonymous.get(share["url"]).status_code == 404


def test_a_link_ends_with_its_item(tree):
    api = "apps/files_sharing/api/v1/shares"
    token = tree.ocs(api, "POST", data={"path": "/folder/sub", "shareType": 3}).json()[
        "ocs"]["data"]["token"]
    link = Link.existing(tree.env, token)
    assert status(link, "GET", "inner.txt") == 200
    tree.delete("folder")
    assert status(link, "GET", "inner.txt") == 404
    item = list(tree.propfind("", 1, ("oc:trashbin-original-filename",), space="trash-bin"))[1]
    answer = tree.http.request("MOVE", tree.env.origin + quote(item),
                               headers={"Destination": tree.url("folder")})
    assert answer.status_code == 201
    assert tree.get("folder/sub/inner.txt").content == b"inner"
    assert status(link, "GET", "inner.txt") == 404  # a restore revives no link


def test_a_link_of_somebody_who_received_the_folder(tree):
    """It is worth what he has by now."""
    env, api = tree.env, "apps/files_sharing/api/v1/shares"
    friend = env.account()
    share = tree.ocs(api, "POST", data={"path": "/folder", "shareType": 0, "shareWith": friend.id,
                                        "permissions": 31}).json()["ocs"]["data"]
    token = friend.ocs(api, "POST", data={"path": "/folder", "shareType": 3,
                                          "permissions": 15}).json()["ocs"]["data"]["token"]
    link = Link.existing(env, token)
    assert status(link, "PUT", "by link.txt", data=b"x") == 201
    assert "by link.txt" in tree.propfind("folder", 1).names()
    tree.ocs(f"{api}/{share['id']}", "PUT", data={"permissions": 17})
    assert status(link, "PUT", "more.txt", data=b"x") == 403
    assert status(link, "GET", "file.txt") == 200
    tree.ocs(f"{api}/{share['id']}", "PUT", data={"permissions": 1})
    assert status(link, "GET", "file.txt") == 404
    tree.ocs(f"{api}/{share['id']}", "PUT", data={"permissions": 31})
    assert status(link, "GET", "file.txt") == 200
    env.cloudctl("account", "disable", friend.id)
    assert status(link, "GET", "file.txt") == 404
