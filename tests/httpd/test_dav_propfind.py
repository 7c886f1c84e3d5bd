"""PROPFIND and REPORT: the exact form that clients ask for, errors, limits, and what a slow or a
vanishing client may do."""

import gzip
import re
import socket
import sqlite3
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

import pytest

from harness.dav import Multistatus, clark, error, propfind_body
from harness.env import wait_until

TYPE = "application/xml; charset=utf-8"
START = ('<?xml version="1.0"?>\n<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" '
         'xmlns:oc="http://owncloud.org/ns"><d:response><d:href>')

#: What desktop 2.11 sends, stray M included
DESKTOP_211 = (
    '<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/>'
    '<d:getlastmodified/><d:getcontentlength/><d:getetag/><id xmlns="http://owncloud.org/ns"/>'
    '<downloadURL xmlns="http://owncloud.org/ns"/><dDC xmlns="http://owncloud.org/ns"/>'
    '<permissions xmlns="http://owncloud.org/ns"/><checksums xmlns="http://owncloud.org/ns"/>'
    '<data-fingerprint xmlns="http://owncloud.org/ns"/>'
    '<share-types xmlns="http://owncloud.org/ns"/></d:prop>M</d:propfind>')


def propfind(account, path="", body=None, depth=0, space="files", **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if depth is not None:
        sent["Depth"] = str(depth)
    return account.dav("PROPFIND", path, space, data=body, headers=sent)


@pytest.fixture(name="tree")
def fixture_tree(account):
    """folder/file.txt, web.txt"""
    account.mkcol("folder")
    account.put("folder/file.txt", b"hello world!!", headers={"X-OC-Mtime": "1500000000"})
    account.put("web.txt", b"hello world!", headers={"X-OC-Mtime": "1600000000"})
    return account


# ---- the form ----

def test_allprop_is_the_reference_to_the_byte(tree):
    answer = propfind(tree, "folder/file.txt")
    assert answer.status_code == 207
    assert answer.headers["Content-Type"] == TYPE
    assert answer.headers["Vary"] == "Brief,Prefer"
    assert {"1", "2", "3"} <= set(re.split(r",\s*", answer.headers["DAV"]))
    etag = tree.etag("folder/file.txt").strip('"')
    assert answer.text == (
        f'{START}{tree.path("folder/file.txt")}</d:href><d:propstat><d:prop>'
        '<d:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</d:getlastmodified>'
        '<d:getcontentlength>13</d:getcontentlength><d:resourcetype/>'
        f'<d:getetag>&quot;{etag}&quot;</d:getetag><d:getcontenttype>text/plain</d:getcontenttype>'
        '</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>\n')
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_allprop_of_a_folder(tree):
    text = propfind(tree, "folder").text
    names = re.findall(r"<d:prop>.*</d:prop>", text)[0]
    assert re.findall(r"<(d:[a-z-]+)>", names) == [
        "d:prop", "d:getlastmodified", "d:resourcetype", "d:quota-used-bytes",
        "d:quota-available-bytes", "d:getetag"]
    assert "<d:quota-used-bytes>13</d:quota-used-bytes>" in names
    assert "<d:quota-available-bytes>-3</d:quota-available-bytes>" in names


@pytest.mark.parametrize("body", [
    b"", b"  \r\n", b'<d:propfind xmlns:d="DAV:"><d:allprop/></d:propfind>',
    b'\n<?xml version="1.0"?>\n<propfind xmlns="DAV:"><allprop/></propfind>\n',
    '<?xml version="1.0" encoding="utf-16"?><propfind xmlns="DAV:"><allprop/></propfind>'
    .encode("utf-16")])
def test_bodies_that_mean_allprop(tree, body):
    assert propfind(tree, "web.txt", body).content == propfind(tree, "web.txt").content


def test_what_the_desktop_gets(tree):
    answer = propfind(tree, "", DESKTOP_211, 1)
    assert answer.headers["Content-Type"] == TYPE
    listing = Multistatus(answer)
    assert list(listing) == [tree.path(), tree.path("folder/"), tree.path("web.txt")]
    for href, entry in listing.items():
        assert {"d:resourcetype", "d:getlastmodified", "d:getetag", "oc:id", "oc:permissions",
                "oc:data-fingerprint", "oc:share-types"} <= set(entry)
        is_file = href.endswith(".txt")
        assert ("d:getcontentlength" in entry) == ("oc:checksums" in entry) == is_file
        assert {"oc:downloadURL", "oc:dDC"} <= set(entry.missing)
        assert set(entry.missing.values()) == {404}
    file = listing[tree.path("web.txt")]
    assert re.fullmatch(r"SHA1:[0-9a-f]{40} MD5:[0-9a-f]{32} ADLER32:[0-9a-f]{8}",
                        file["oc:checksums"])
    assert file["d:getlastmodified"] == "Sun, 13 Sep 2020 12:26:40 GMT"
    assert file["oc:permissions"] == "RDNVW"
    assert listing.first["oc:permissions"] == "RDNVCK"
    assert listing.first["d:resourcetype"] == "d:collection"
    assert re.fullmatch(r"\d{8,}oc[a-z0-9]+", file["oc:id"])
    # The 200 propstat comes first, and its text is what clients look for literally
    for response in ElementTree.fromstring(answer.content):
        statuses = [status.text for status in response.iter(clark("d:status"))]
        assert statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]
        found = [prop.tag for propstat in response.iter(clark("d:prop")) for prop in propstat]
        assert len(found) == len(set(found)) == 11


def test_prefixes_are_literal(tree):
    text = propfind(tree, "", propfind_body(("d:getetag", "oc:id", "s:x", "{urn:other}y")), 1).text
    assert set(re.findall(r"</?([a-z0-9]+):", text)) == {"d", "oc", "s", "x4"}
    assert '<x4:y xmlns:x4="urn:other"/>' in text


@pytest.mark.parametrize("header", [{"Prefer": "return=minimal"}, {"Prefer": "return-minimal"},
                                    {"Prefer": "respond-async, return=minimal"}, {"Brief": "t"}])
def test_minimal(tree, header):
    body = propfind_body(("d:getetag", "oc:nothing"))
    assert "404" in propfind(tree, "", body).text
    text = propfind(tree, "", body, **header).text
    assert "d:getetag" in text
    assert "404" not in text and "nothing" not in text
    # Each response keeps a propstat even if nothing is left in it
    text = propfind(tree, "", propfind_body(("oc:nothing",)), **header).text
    assert text.count("<d:propstat>") == 1 and "HTTP/1.1 200 OK" in text


def test_propname(tree):
    answer = propfind(tree, "web.txt", '<d:propfind xmlns:d="DAV:"><d:propname/></d:propfind>')
    names = Multistatus(answer).first
    assert {"d:getetag", "oc:id", "oc:checksums", "d:lockdiscovery"} <= set(names)
    assert not any(names.values())
    assert "d:quota-used-bytes" not in names


def test_include(tree):
    body = ('<d:propfind xmlns:d="DAV:"><d:allprop/><d:include><d:supportedlock/><d:no/>'
            '</d:include></d:propfind>')
    entry = Multistatus(propfind(tree, "web.txt", body)).first
    assert {"d:getetag", "d:supportedlock"} <= set(entry)
    assert entry.missing == {"d:no": 404}


def test_properties_of_other_clients(tree):
    tree.env.cloudctl("account", "quota", tree.id, "1 MB")
    entry = tree.propfind("folder", 1, (
        "d:displayname", "d:creationdate", "d:quota-available-bytes", "oc:fileid", "oc:size",
        "oc:owner-id", "oc:owner-display-name", "oc:favorite", "oc:tags", "oc:privatelink",
        "{http://open-collaboration-services.org/ns}share-permissions"))
    folder, file = entry.values()
    assert folder["d:displayname"] == "folder"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", folder["d:creationdate"])
    assert int(folder["d:quota-available-bytes"]) == (1 << 20) - 25
    assert folder["oc:size"] == file["oc:size"] == "13"
    assert folder["oc:owner-id"] == tree.id
    assert file["oc:favorite"] == "0"
    assert file["oc:fileid"].isdigit()
    assert file["oc:privatelink"] == f"{tree.env.url}index.php/f/{file['oc:fileid']}"
    assert file.missing == {"d:quota-available-bytes": 404}
    share = "{http://open-collaboration-services.org/ns}share-permissions"
    assert (folder[share], file[share]) == ("31", "19")


# ---- depth ----

def test_depth(tree):
    assert len(Multistatus(propfind(tree, "", depth=0))) == 1
    assert len(Multistatus(propfind(tree, "", depth=1))) == 3
    # ownCloud lists one level when the header is missing
    assert len(Multistatus(propfind(tree, "", depth=None))) == 3
    for depth in (0, 1, None):
        assert len(Multistatus(propfind(tree, "web.txt", depth=depth))) == 1
    assert propfind(tree, "", depth="two").status_code == 400


@pytest.mark.parametrize("path", ["", "folder", "folder/file.txt"])
def test_depth_infinity_is_refused(tree, path):
    answer = propfind(tree, path, depth="infinity")
    assert answer.status_code == 412
    assert error(answer) == ("Sabre\\DAV\\Exception\\PreconditionFailed",
                             "Depth infinity not supported")


def test_depth_infinity_where_it_is_allowed(tree):
    tree.mkcol("folder/sub")
    tree.put("folder/sub/deep")
    tree.env.cloudctl("config", "set", "system", "dav.propfind.depth_infinity", "true")
    try:
        listing = Multistatus(propfind(tree, "", depth="infinity"))
    finally:
        tree.env.cloudctl("config", "delete", "system", "dav.propfind.depth_infinity")
    assert sorted(listing) == sorted(map(tree.path, (
        "", "folder/", "folder/file.txt", "folder/sub/", "folder/sub/deep", "web.txt")))
    assert next(iter(listing)) == tree.path()


# ---- hrefs ----

@pytest.mark.parametrize("name", [
    "with space", "plus+sign", "100%", "a&b", "a<b>c", "hash#tag", "quest?ion", "semi;colon",
    "quote\"s'", "umlaut-\u00e4", "decomposed-a\u0308", "\u6f22\u5b57", "emoji-\U0001f600",
    "a:b*c|d",
    "x" * 250, "...", "%41", "~tilde", "(paren)"])
def test_names(account, name):
    account.mkcol(name)
    account.put(f"{name}/{name}", b"x")
    listing = account.propfind(name, 1)
    assert list(listing) == [account_path(account, name) + "/",
                             account_path(account, f"{name}/{name}")]
    answer = propfind(account, "", depth=1)
    assert f"<d:href>{account.path()}{quote(name, safe='()')}/</d:href>" in answer.text


def account_path(account, path):
    """The decoded path."""
    return account.path() + path


def test_hrefs_begin_as_the_request_does(env):
    account = env.account("Mixed.Case")
    for spelled in ("Mixed.Case", "mixed.case", "MIXED.CASE"):
        for slash in ("", "/"):
            path = f"/remote.php/dav/files/{spelled}"
            answer = env.http("PROPFIND", path + slash, account, headers={"Depth": "0"})
            assert f"<d:href>{path}/</d:href>" in answer.text


def test_both_spaces(tree):
    ids = {space: {href.split("/")[-1] or href.split("/")[-2]: entry["oc:id"] for href, entry in
                   list(tree.propfind("", 1, ("oc:id",), space=space).items())[1:]}
           for space in ("files", "webdav")}
    assert ids["files"] == ids["webdav"]
    assert list(tree.propfind("", 1, space="webdav"))[0] == "/remote.php/webdav/"


def test_below_a_prefix(new_env):
    env = new_env()
    env.config(base="/owncloud/")
    env.start()
    account = env.account()
    account.put("a b", b"x")
    assert list(account.propfind("", 1)) == [account.path(), account.path() + "a b"]
    assert account.path().startswith("/owncloud/remote.php/")
    listing = Multistatus(env.http("PROPFIND", "remote.php/dav/", account,
                                   headers={"Depth": "1"}))
    assert list(listing)[1] == "/owncloud/remote.php/dav/files/"


# ---- other collections ----

def test_collections_above(account):
    env = account.env
    for path in ("remote.php/dav", "remote.php/dav/", "remote.php/dav/files",
                 "remote.php/dav/files/", "remote.php/dav/uploads/"):
        answer = env.http("PROPFIND", path, account, headers={"Depth": "0"},
                          data=propfind_body(("d:resourcetype", "d:supported-method-set")))
        entry = Multistatus(answer).first
        assert entry.href == f"/{path.rstrip('/')}/"
        assert entry["d:resourcetype"] == "d:collection"
        assert entry.missing == {"d:supported-method-set": 404}
        assert "DAV" not in answer.headers
    listing = Multistatus(env.http("PROPFIND", "remote.php/dav/files", account,
                                   headers={"Depth": "1"}))
    assert list(listing) == ["/remote.php/dav/files/", account.path()]
    listing = Multistatus(env.http("PROPFIND", "remote.php/dav/", account, headers={"Depth": "1"}))
    assert list(listing) == ["/remote.php/dav/", "/remote.php/dav/files/",
                             "/remote.php/dav/uploads/", "/remote.php/dav/trash-bin/"]


def test_uploads(account):
    account.mkcol("session 1", space="uploads")
    account.put("session 1/0", b"hello", space="uploads")
    account.put("session 1/5", b"you", space="uploads")
    base = account.path("session 1/", "uploads").replace("%20", " ")
    listing = Multistatus(propfind(account, "session 1", depth=1, space="uploads"))
    assert list(listing) == [base, base + "0", base + "5", base + ".file"]
    sizes = [entry.get("d:getcontentlength") for entry in listing.values()]
    assert sizes == [None, "5", "3", "8"]
    assert listing[base + "0"]["d:getetag"] != listing[base + "5"]["d:getetag"]
    assert listing[base]["d:resourcetype"] == "d:collection"
    assert list(Multistatus(propfind(account, "", depth=1, space="uploads"))) == [
        account.path("", "uploads"), base]
    assert propfind(account, "none", space="uploads").status_code == 404
    assert propfind(account, "session 1/7", space="uploads").status_code == 404


# ---- errors ----

@pytest.mark.parametrize("path, space", [("none", "files"), ("none/below", "files"),
                                         ("none", "webdav")])
def test_what_is_not_there(account, path, space):
    answer = propfind(account, path, depth=1, space=space)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == TYPE
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotFound"


@pytest.mark.parametrize("body", [
    b"<broken", b"text", b'<d:propfind xmlns:d="DAV:"/>', b"<propfind><prop/></propfind>",
    b'<d:propfind xmlns:d="DAV:"><d:prop xmlns:x=""><x:y/></d:prop></d:propfind>',
    b'<d:propfind xmlns:d="DAV:"><d:prop/>', b"\xff\xff",
    b'<!DOCTYPE d [<!ENTITY e "x">]><d:propfind xmlns:d="DAV:"><d:prop>&e;</d:prop></d:propfind>',
    b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><d:propfind xmlns:d="DAV:"><d:prop/></d:propfind>'])
def test_bad_bodies(account, body):
    answer = propfind(account, "", body)
    assert answer.status_code == 400
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\BadRequest"


@pytest.mark.parametrize("body", [
    b"<a>" * 100000, b'<d:propfind xmlns:d="DAV:"><d:prop>' + b"<x/>" * 100000,
    b"<a " + b" ".join(b"a%d=''" % i for i in range(1000)) + b"/>",
    b'<d:propfind xmlns:d="DAV:"><d:prop>' + b"".join(b"<x%d/>" % i for i in range(1000))
    + b"</d:prop></d:propfind>"])
def test_bodies_out_of_proportion(account, body):
    answer = propfind(account, "", body)
    assert answer.status_code == 413
    assert propfind(account).status_code == 207


def test_a_body_over_the_limit_of_httpd(env, account):
    env.config("<Location /remote.php>\nLimitXMLRequestBody 1000\n</Location>")
    try:
        body = propfind_body() + b" " * 2000
        assert propfind(account, "", body).status_code == 413
        assert propfind(account, "", propfind_body()).status_code == 207
    finally:
        env.config()


def test_unavailable_is_never_an_empty_listing(new_env):
    env = new_env().start()
    account = env.account()
    account.put("file", b"x")
    directory = env.data / "accounts"
    env.stop()
    directory.rename(env.data / "elsewhere")
    directory.mkdir()
    env.start()
    env.expect_log(".*")
    for depth in (0, 1):
        answer = propfind(account, "", depth=depth)
        assert answer.status_code == 503
        assert error(answer) == ("Sabre\\DAV\\Exception\\ServiceUnavailable",
                                 "Storage is temporarily not available")


def test_nobody(env, account):
    answer = env.http("PROPFIND", account.path("", "files"), headers={"Depth": "1"})
    assert answer.status_code == 401
    other = env.account()
    answer = other.http.request("PROPFIND", account.url(), headers={"Depth": "1"})
    assert answer.status_code in (403, 404)


# ---- locks and dead properties ----

def test_locks_are_shown(tree):
    answer = tree.dav("LOCK", "folder", headers={"Depth": "infinity"}, data=(
        '<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/>'
        '</d:locktype><d:owner><d:href>http://me/</d:href></d:owner></d:lockinfo>'))
    token = answer.headers["Lock-Token"].strip("<>")
    listing = tree.propfind("folder", 1, ("d:lockdiscovery", "d:supportedlock"))
    for entry in listing.values():
        lock = entry.elements["d:lockdiscovery"].find(clark("d:activelock"))
        assert lock.findtext(f"{clark('d:locktoken')}/{clark('d:href')}") == token
        assert lock.findtext(f"{clark('d:owner')}/{clark('d:href')}") == "http://me/"
        assert lock.findtext(f"{clark('d:lockroot')}/{clark('d:href')}") == tree.path("folder")
        assert len(entry.elements["d:supportedlock"]) == 2
    assert len(tree.propfind("web.txt", 0, ("d:lockdiscovery",)).first
               .elements["d:lockdiscovery"]) == 0


def test_dead_properties_in_a_listing(tree):
    tree.proppatch("web.txt", {"{urn:x}color": "red"})
    listing = tree.propfind("", 1, ("{urn:x}color", "d:getetag"))
    assert listing[tree.path("web.txt")]["{urn:x}color"] == "red"
    assert listing[tree.path("folder/")].missing == {"{urn:x}color": 404}
    assert Multistatus(propfind(tree, "web.txt")).first["{urn:x}color"] == "red"


# ---- long listings ----

@pytest.fixture(name="big", scope="module")
def fixture_big(module_env):
    """An account with some hundred files in one folder."""
    account = module_env.account()
    account.mkcol("big")
    for i in range(BIG):
        account.put(f"big/{i:04d}-{'long name ' * 20}", b"x")
    return account


BIG = 400
#: Makes an answer of 12 MB of it: more than sockets hold
ENDLESS = propfind_body(["d:getetag"] + [f"oc:{'nothing' * 10}{i}" for i in range(380)])


def test_a_long_listing_is_complete(big):
    answer = propfind(big, "big", DESKTOP_211, 1)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    names = Multistatus(answer).names()
    assert names == sorted(names)
    assert len(names) == BIG


def test_one_snapshot(big):
    """What changes while a listing is on its way is in it as a whole or not at all."""
    with socket.create_connection(("127.0.0.1", big.env.port), 60) as sock:
        start_listing(big, sock)
        answer = bytearray(sock.recv(1000))
        big.put("big/9999-new", b"x")
        while block := sock.recv(1 << 20):
            answer += block
    assert b"9999-new" not in answer
    assert answer.endswith(b"\r\n0\r\n\r\n")
    assert answer.count(b"<d:response>") == BIG + 1
    assert len(answer) > 12_000_000
    big.delete("big/9999-new")


def start_listing(account, sock):
    body = ENDLESS
    sock.sendall((f"PROPFIND {account.path('big')} HTTP/1.1\r\nHost: localhost\r\nDepth: 1\r\n"
                  f"Authorization: {account.authorization}\r\nConnection: close\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n").encode() + body)


def checkpointed(env):
    """Whether all that is in the database's log is in the database by now."""
    database = sqlite3.connect(env.data / "cloud.db")
    try:
        busy, in_log, done = database.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    finally:
        database.close()
    return busy == 0 and in_log == done


def test_a_slow_client_pins_nothing(big):
    """While somebody does not read his answer, the database's log can be checkpointed whole."""
    with socket.create_connection(("127.0.0.1", big.env.port), 60) as sock:
        start_listing(big, sock)
        assert sock.recv(100).startswith(b"HTTP/1.1 207")
        big.put("other", b"x")
        # Only one can do that at a time, and the server does now and then. A snapshot that is held would be in the
        # way until its client reads on.
        wait_until(lambda: checkpointed(big.env), "a checkpoint")
        rest = 0
        while block := sock.recv(1 << 20):
            rest += len(block)
        assert rest > 12_000_000


def test_a_client_that_goes_away(big):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", big.env.port), 60) as sock:
            start_listing(big, sock)
            sock.recv(100)
    assert len(Multistatus(propfind(big, "big", DESKTOP_211, 1))) == BIG + 1


def test_compressed_where_the_admin_wants_it(env, big):
    request = {"Accept-Encoding": "gzip"}
    plain = propfind(big, "big", DESKTOP_211, 1, **request)
    assert "Content-Encoding" not in plain.headers
    env.config("<Location /remote.php>\nSetOutputFilter DEFLATE\n</Location>")
    try:
        answer = big.dav("PROPFIND", "big", depth=1, data=DESKTOP_211, headers=request,
                         stream=True)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.raw.read()) == plain.content
    finally:
        env.config()


# ---- REPORT ----

@pytest.mark.parametrize("body", [b'<x:bogus xmlns:x="urn:x"/>',
                                  b'<d:expand-property xmlns:d="DAV:"/>'])
def test_unknown_reports(account, body):
    answer = account.dav("REPORT", data=body)
    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == TYPE
    root = ElementTree.fromstring(answer.content)
    assert root.findtext(clark("s:exception")) == "Sabre\\DAV\\Exception\\ReportNotSupported"
    assert root.find(clark("d:supported-report")) is not None


def test_reports_out_of_proportion(account):
    assert account.dav("REPORT", data=b"<a>" * 100 + b"</a>" * 100).status_code == 413
    for body in (b"<a>", b"", b" \n"):
        assert account.dav("REPORT", data=body).status_code == 400
    assert account.dav("REPORT", "none", data=b"<a/>").status_code == 404

