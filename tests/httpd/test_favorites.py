"""Favorites: oc:favorite, and the report that finds them."""

import pytest

from harness.dav import Multistatus, error

FILTER = ('<?xml version="1.0"?><oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">'
          "{props}{rules}{search}</oc:filter-files>")
RULE = "<oc:filter-rules><oc:favorite>1</oc:favorite></oc:filter-rules>"


def body(props="<d:prop><oc:fileid/><oc:favorite/></d:prop>", rules=RULE, search=""):
    return FILTER.format(props=props, rules=rules, search=search).encode()


def report(account, path="", **kwargs):
    """Paths of what was found, in the order of the answer."""
    found = Multistatus(account.dav("REPORT", path, data=body(**kwargs)))
    return [href[len(account.path()):] for href in found]


@pytest.fixture(name="account")
def fixture_account(env):
    account = env.account()
    account.mkcol("folder")
    account.mkcol("folder/sub")
    for name in ("top", "folder/a b", "folder/sub/c"):
        account.put(name, b"1")
    for name in ("folder/sub/c", "folder/sub", "folder/a b"):
        account.proppatch(name, {"oc:favorite": "1"})
    return account


def test_found(account):
    assert report(account) == ["folder/sub/", "folder/a b", "folder/sub/c"]
    assert report(account, "folder/sub") == ["folder/sub/", "folder/sub/c"]
    assert report(account, "top") == []


def test_form(account):
    """As ownCloud's own server has it (the form of its answer, other names)."""
    account.proppatch("folder/sub", {"oc:favorite": "0"})
    account.proppatch("folder/a b", remove=["oc:favorite"])
    answer = account.dav("REPORT", data=body("<d:prop><oc:fileid/><d:getetag/></d:prop>"))
    assert answer.status_code == 207
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    entry = account.propfind("folder/sub/c", 0, ("oc:fileid", "d:getetag")).first
    assert answer.text.split("?>", 1)[1].strip().split(">", 1)[1] == (
        f"<d:response><d:href>{account.path('folder/sub/c')}</d:href><d:propstat><d:prop>"
        f"<oc:fileid>{entry['oc:fileid']}</oc:fileid>"
        f"<d:getetag>{entry['d:getetag'].replace(chr(34), '&quot;')}</d:getetag></d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>")


def test_the_old_endpoint_has_it_too(env, account):
    found = Multistatus(env.http("REPORT", "/remote.php/webdav/", account, data=body()))
    assert "/remote.php/webdav/folder/sub/c" in found


@pytest.mark.parametrize("search, expected", [
    ("<oc:limit>2</oc:limit>", ["folder/sub/", "folder/a b"]),
    ("<oc:limit>1</oc:limit><oc:offset>1</oc:offset>", ["folder/a b"]),
    ("<oc:offset>2</oc:offset>", ["folder/sub/c"]),
    ("<oc:offset>9</oc:offset>", []),
])
def test_pages(account, search, expected):
    assert report(account, search=f"<oc:search>{search}</oc:search>") == expected


@pytest.mark.parametrize("wrong, status", [
    ({"rules": ""}, 400),
    ({"rules": "<oc:filter-rules/>"}, 400),
    ({"rules": "<oc:filter-rules><oc:favorite>0</oc:favorite></oc:filter-rules>"}, 400),
    ({"rules": "<oc:filter-rules><oc:favorite>1</oc:favorite><oc:systemtag>7</oc:systemtag>"
               "</oc:filter-rules>"}, 412),
    ({"search": "<oc:search><oc:limit>many</oc:limit></oc:search>"}, 400),
    ({"search": "<oc:search><oc:offset>-1</oc:offset></oc:search>"}, 400),
])
def test_refused(account, wrong, status):
    answer = account.dav("REPORT", data=body(**wrong))
    assert answer.status_code == status
    assert error(answer)[0].startswith("Sabre\\DAV\\Exception\\")


def test_others_have_their_own(env, account):
    env.expect_log("Could not fetch resource information")  # what mod_dav has to say to a 404
    other = env.account()
    assert report(other) == []
    answer = env.http("REPORT", account.path(), other, data=body())
    assert answer.status_code == 404


def test_it_follows_moves_and_ends_with_the_file(account):
    account.move("folder/sub", "moved")
    assert report(account) == ["moved/", "folder/a b", "moved/c"]
    account.copy("folder/a b", "copy")
    assert account.prop("copy", "oc:favorite") == "0"
    account.put("folder/a b", b"22")
    assert account.prop("folder/a b", "oc:favorite") == "1"
    account.delete("moved")
    assert report(account) == ["folder/a b"]


def test_supported(account):
    element = account.propfind("", 0, ("d:supported-report-set",)).first
    assert element.elements["d:supported-report-set"].find(
        ".//{http://owncloud.org/ns}filter-files") is not None


def test_a_favorite_alone_minds_no_lock(account):
    """It is nothing of the file."""
    answer = account.dav("LOCK", "top", data=b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/>'
                         b"</d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>")
    assert answer.status_code == 200
    account.proppatch("top", {"oc:favorite": "1"})
    assert account.prop("top", "oc:favorite") == "1"
