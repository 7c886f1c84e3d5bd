"""What a stock ownCloud answered to requests by a public link, and what we answer. What differs is named
here, with the reason."""

import pytest

from harness.dav import error, propfind_body
from harness.links import Link

PROPS = ("d:resourcetype", "d:getlastmodified", "d:getcontentlength", "d:getetag", "d:getcontenttype",
         "d:quota-used-bytes", "d:quota-available-bytes", "d:displayname", "d:creationdate", "oc:id",
         "oc:fileid", "oc:permissions", "oc:size", "oc:downloadURL", "oc:dDC", "oc:checksums",
         "oc:share-types", "oc:owner-id", "oc:owner-display-name", "oc:favorite", "oc:privatelink",
         "oc:data-fingerprint", "oc:tags", "oc:comments-count", "oc:comments-unread",
         "oc:comments-href", "oc:zsync", "oc:public-link-item-type", "oc:meta-path-for-user")

FILE = {"d:resourcetype", "d:getlastmodified", "d:getcontentlength", "d:getetag", "d:getcontenttype",
        "oc:fileid", "oc:permissions", "oc:size", "oc:owner-id", "oc:owner-display-name"}


@pytest.fixture(name="alice", scope="module")
def fixture_alice(module_env):
    account = module_env.account()
    account.mkcol("folder")
    account.put("folder/file.txt", b"file content\n")
    account.put("folder/pub.txt", b"public content")
    return account


def test_properties_at_public_files(alice):
    link = Link(alice, "folder", 15)
    listed = link.propfind(depth=1, props=PROPS)
    assert list(listed) == [link.path(), link.path("file.txt"), link.path("pub.txt")]
    root, file, _ = listed.values()
    assert root == {"d:resourcetype": "d:collection", "oc:permissions": "DNVCK",
                    "oc:public-link-item-type": "folder"}
    assert set(file) == FILE | {"oc:downloadURL"}
    assert set(file.missing) == set(PROPS) - set(file)
    assert file["oc:permissions"] == "DNVW"
    assert file["oc:downloadURL"] == alice.env.origin + link.path("file.txt")
    assert file["oc:owner-id"] == alice.id
    assert file["d:getcontenttype"] == "text/plain"
    # without a body
    listed = link.propfind(depth=1, props=None)
    assert [set(entry) for entry in listed.values()] == [
        {"d:resourcetype"},
        *[{"d:getlastmodified", "d:getcontentlength", "d:resourcetype", "d:getetag",
           "d:getcontenttype"}] * 2]


def test_properties_at_public_webdav(alice):
    link = Link(alice, "folder", 15)
    listed = link.propfind(depth=1, props=PROPS, space="webdav")
    root, file, other = listed.values()
    assert list(listed) == [link.path("", "webdav"), link.path("file.txt", "webdav"),
                            link.path("pub.txt", "webdav")]
    # not as there: R, since nobody can share here; d:creationdate, oc:favorite and oc:share-types are
    # known; oc:downloadURL is not empty but missing; checksums are there however a file came in
    more = {"d:creationdate", "oc:favorite", "oc:share-types", "oc:tags"}
    assert set(root) - more - {"oc:privatelink", "d:displayname"} == {
        "d:resourcetype", "d:getlastmodified", "d:getetag", "d:quota-used-bytes",
        "d:quota-available-bytes", "oc:id", "oc:fileid", "oc:permissions", "oc:size", "oc:owner-id",
        "oc:owner-display-name", "oc:data-fingerprint"}
    assert root["oc:permissions"] == "DNVCK"
    assert root["d:quota-used-bytes"] == root["oc:size"] == "27"
    assert root["d:quota-available-bytes"] == "-3"
    assert set(file) - more - {"oc:privatelink", "d:displayname"} == FILE | {
        "oc:id", "oc:checksums", "oc:data-fingerprint"}
    assert file["oc:permissions"] == other["oc:permissions"] == "DNVW"
    assert not {"oc:public-link-item-type", "oc:meta-path-for-user"} & set(root)


@pytest.mark.parametrize("space", ("public-files", "webdav"))
def test_content(alice, space):
    link = Link(alice, "folder", 15)
    answer = link.dav("GET", "pub.txt", space)
    assert (answer.status_code, answer.content) == (200, b"public content")
    assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert answer.headers["ETag"] == answer.headers["OC-ETag"] == alice.etag("folder/pub.txt")
    # there at public.php alone
    assert answer.headers["Content-Disposition"] == \
        "attachment; filename*=UTF-8''pub.txt; filename=\"pub.txt\""
    assert answer.headers["OC-Checksum"].startswith("SHA1:")
    answer = link.dav("PUT", "up.txt", space, data=b"uploaded",
                      headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.status_code == 201 and answer.headers["Content-Length"] == "0"
    assert answer.headers["ETag"] == answer.headers["OC-ETag"]
    assert "OC-FileId" in answer.headers
    assert link.dav("DELETE", "up.txt", space).status_code == 204


def test_passwords(alice):
    link = Link(alice, "folder", 1, password="publicPass1")
    path = f"remote.php/dav/public-files/{link.token}/"
    for headers in ({}, link.auth(password="wrong")):
        answer = alice.env.http("PROPFIND", path, headers={"Depth": "1", **headers})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="ownCloud", charset="UTF-8"'
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        assert error(answer)[0] == r"Sabre\DAV\Exception\NotAuthenticated"
    assert link.propfind(depth=1, props=None).names() == ["file.txt", "pub.txt"]
    assert link.propfind(depth=1, props=None, space="webdav").names() == ["file.txt", "pub.txt"]


def test_a_drop(alice):
    link = Link(alice, "folder", 4)
    answer = link.dav("PROPFIND", depth=1)
    assert answer.text.count("<d:response>") == 1 and answer.text.count("<d:prop>") == 1
    assert "<d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop>" in answer.text
    etags = {link.dav("PUT", "drop.txt", data=b"dropped").headers["ETag"] for _ in range(2)}
    assert len(etags) == 2
    for name in ("drop.txt", "drop (2).txt"):
        assert alice.get(f"folder/{name}").content == b"dropped"
        alice.delete(f"folder/{name}")


def test_no_such_token(alice):
    answer = alice.env.http("PROPFIND", "remote.php/dav/public-files/nosuchtoken/",
                            headers={"Depth": "1"}, data=propfind_body())
    assert answer.status_code == 404
    assert error(answer)[0] == r"Sabre\DAV\Exception\NotFound"


def test_pages(alice):
    link = Link(alice, "folder", 15)
    env = alice.env
    assert env.http("GET", f"s/{link.token}").status_code == 404
    answer = env.http("GET", f"{link.page}/download?path=%2F&files=pub.txt")
    assert (answer.status_code, answer.content) == (200, b"public content")
    assert answer.headers["Content-Disposition"] == \
        "attachment; filename*=UTF-8''pub.txt; filename=\"pub.txt\""
    assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    answer = env.http("GET", link.page)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].lower() == "text/html; charset=utf-8"


# ---- addresses that links had before ownCloud 8 ----

def test_old_addresses(env, alice):
    alice.put("old.txt", b"content")
    link = Link(alice, "old.txt", password="publicPass1")
    page = f"{env.base}index.php/s/{link.token}"

    def ask(query, method="GET"):
        return env.http(method, f"public.php{query}")

    for query, where in ((f"?service=files&t={link.token}", page),
                         (f"?t={link.token}&service=files&path=//x", page),
                         (f"?service=files&t={link.token}&download", f"{page}/download"),
                         (f"?service=files&t={link.token}&download&path=/x", f"{page}/download"),
                         # whether there is such a link is for the page to say
                         ("?service=files&t=none", f"{env.base}index.php/s/none")):
        for method in ("GET", "HEAD"):
            answer = ask(query, method)
            assert answer.status_code == 302, query
            assert answer.headers["Location"].removeprefix(env.origin) == where
            assert answer.content == b""
    for query in ("", "?service=files", "?service=files&t=", "?service=gallery&t=abc", "?t=abc",
                  "?service=files&t=../../x", "?service=files&t=a%0d%0aSet-Cookie:%20x=y",
                  "?service=files&t=//evil.example", "?service=files&t=%ff",
                  f"/webdav/?service=files&t={link.token}", f"/x?service=files&t={link.token}"):
        answer = ask(query)
        assert answer.status_code in (401, 404), query
        assert "Location" not in answer.headers and "Set-Cookie" not in answer.headers
    for method in ("POST", "PUT", "PROPFIND", "DELETE"):
        assert ask(f"?service=files&t={link.token}", method).status_code in (401, 404, 405), method
