"""PROPPATCH: what may be set, what may not, and that it is all or nothing."""

import hashlib
import threading
import xml.etree.ElementTree as ElementTree

import pytest

from harness.dav import Multistatus, clark, error, propfind_body, proppatch_body

START = ('<?xml version="1.0"?>\n<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" '
         'xmlns:oc="http://owncloud.org/ns"><d:response><d:href>')


def patch(account, body, path="file.txt", **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return account.dav("PROPPATCH", path, data=body, headers=sent)


def statuses(answer):
    """name -> status, for the single response of the answer."""
    entry = Multistatus(answer).first
    return {**{name: 200 for name in entry}, **entry.missing}


@pytest.fixture(name="file")
def fixture_file(account):
    account.put("file.txt", b"content", headers={"X-OC-Mtime": "1400000000"})
    return account


# ---- the form ----

@pytest.mark.parametrize("prop, value, tag", [
    ("oc:favorite", "1", "<oc:favorite/>"),
    ("{http://example.org/ns}very-custom", "abc",
     '<x1:very-custom xmlns:x1="http://example.org/ns"/>'),
    ("d:lastmodified", "1500000001", "<d:lastmodified/>")])
def test_answers_are_the_reference_to_the_byte(file, prop, value, tag):
    answer = patch(file, proppatch_body({prop: value}))
    assert answer.status_code == 207
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert answer.headers["Vary"] == "Brief,Prefer"
    assert answer.text == (
        f'{START}{file.path("file.txt")}</d:href><d:propstat><d:prop>{tag}</d:prop><d:status>'
        'HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>\n')


def test_a_protected_property(file):
    answer = patch(file, proppatch_body({"oc:id": "1"}))
    assert answer.text == (
        f'{START}{file.path("file.txt")}</d:href><d:propstat><d:prop><oc:id/></d:prop><d:status>'
        'HTTP/1.1 403 Forbidden</d:status></d:propstat></d:response></d:multistatus>\n')


PROTECTED = (
    "d:getetag", "d:getlastmodified", "d:getcontentlength", "d:getcontenttype", "d:resourcetype",
    "d:quota-used-bytes", "d:quota-available-bytes", "d:lockdiscovery", "d:supportedlock",
    "d:creationdate", "oc:fileid", "oc:permissions", "oc:size", "oc:owner-id",
    "oc:owner-display-name", "oc:data-fingerprint", "oc:share-types", "oc:privatelink",
    "oc:downloadURL", "{http://open-collaboration-services.org/ns}share-permissions")


def test_protected_properties(file):
    before = dict(file.propfind("file.txt", 0, PROTECTED).first)
    for name in PROTECTED:
        assert statuses(patch(file, proppatch_body({name: "forged"}))) == {name: 403}
        assert statuses(patch(file, proppatch_body(remove=(name,)))) == {name: 403}
    assert dict(file.propfind("file.txt", 0, PROTECTED).first) == before


# ---- lastmodified ----

@pytest.mark.parametrize("value, date", [
    ("1500000001", "Fri, 14 Jul 2017 02:40:01 GMT"),
    ("0", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("-86400", "Wed, 31 Dec 1969 00:00:00 GMT"),
    ("4294967296", "Sun, 07 Feb 2106 06:28:16 GMT"),
    (" 1500000001.75 ", "Fri, 14 Jul 2017 02:40:01 GMT"),
    ("Fri, 14 Jul 2017 02:40:01 GMT", "Fri, 14 Jul 2017 02:40:01 GMT")])
def test_lastmodified(file, value, date):
    root, put = file.etag(""), file.etag("file.txt")
    assert statuses(patch(file, proppatch_body({"d:lastmodified": value}))) == {
        "d:lastmodified": 200}
    assert file.prop("file.txt", "d:getlastmodified") == date
    assert file.get("file.txt").headers["Last-Modified"] == date
    assert file.get("file.txt").content == b"content"
    # It is a change like any other
    assert file.etag("file.txt") != put and file.etag("") != root
    assert file.propfind("", 1)[file.path("file.txt")]["d:getlastmodified"] == date


def test_lastmodified_of_a_folder(account):
    account.mkcol("dir")
    account.proppatch("dir", {"d:lastmodified": "1500000001"})
    assert account.prop("dir", "d:getlastmodified") == "Fri, 14 Jul 2017 02:40:01 GMT"


@pytest.mark.parametrize("value", ["yesterday", "", "12x"])
def test_what_is_no_time(file, value):
    before = file.etag("file.txt")
    assert statuses(patch(file, proppatch_body({"d:lastmodified": value}))) == {
        "d:lastmodified": 409}
    assert file.etag("file.txt") == before


# ---- checksums ----

def checksum_body(text):
    """As rclone sends it."""
    return ('<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" '
            'xmlns:oc="http://owncloud.org/ns"><D:set><D:prop>'
            '<lastmodified xmlns="DAV:">1500000001</lastmodified><oc:checksums>\n<oc:checksum>'
            f'{text}</oc:checksum>\n</oc:checksums></D:prop></D:set></D:propertyupdate>')


def test_the_checksum_that_the_file_has(file):
    digest = hashlib.sha1(b"content").hexdigest()
    assert statuses(patch(file, checksum_body(f"SHA1:{digest}"))) == {
        "d:lastmodified": 200, "oc:checksums": 200}
    assert file.prop("file.txt", "d:getlastmodified") == "Fri, 14 Jul 2017 02:40:01 GMT"


@pytest.mark.parametrize("text", ["SHA1:" + "0" * 40, "MD5:xyz", "", "SHA512:00"])
def test_any_other_checksum(file, text):
    assert statuses(patch(file, checksum_body(text))) == {
        "d:lastmodified": 424, "oc:checksums": 403}
    assert file.prop("file.txt", "d:getlastmodified") == "Tue, 13 May 2014 16:53:20 GMT"
    assert hashlib.sha1(b"content").hexdigest() in file.prop("file.txt", "oc:checksums")


# ---- favourites, tags, names ----

@pytest.mark.parametrize("value, after", [("1", "1"), ("true", "1"), ("0", "0"), ("no", "0"),
                                          ("", "0")])
def test_favorite(file, value, after):
    assert file.prop("file.txt", "oc:favorite") == "0"
    file.proppatch("file.txt", {"oc:favorite": value})
    assert file.prop("file.txt", "oc:favorite") == after
    file.proppatch("file.txt", remove=("oc:favorite",))
    assert file.prop("file.txt", "oc:favorite") == "0"


def test_favorites_change_no_etag(file):
    before = file.etag("file.txt"), file.etag("")
    file.proppatch("file.txt", {"oc:favorite": "1"})
    assert (file.etag("file.txt"), file.etag("")) == before


def test_displayname(file):
    assert file.prop("file.txt", "d:displayname") == "file.txt"
    file.proppatch("file.txt", {"d:displayname": "My file"})
    assert file.prop("file.txt", "d:displayname") == "My file"
    file.proppatch("file.txt", remove=("d:displayname",))
    assert file.prop("file.txt", "d:displayname") == "file.txt"


# ---- dead properties ----

def test_explorer(file):
    ns = "urn:schemas-microsoft-com:"
    names = ("Win32CreationTime", "Win32LastAccessTime", "Win32LastModifiedTime",
             "Win32FileAttributes")
    values = {f"{{{ns}}}{name}": "Fri, 14 Jul 2017 02:40:00 GMT" for name in names}
    assert set(statuses(patch(file, proppatch_body(values))).values()) == {200}
    assert dict(file.propfind("file.txt", 0, tuple(values)).first) == values


VALUES = [
    "plain", "a &lt;b&gt; &amp; c", "\U00010000", '<a xmlns="urn:a" b="c"><d xmlns=""/>t</a>',
    "<p:a xmlns:p='urn:p' p:x='1'>mixed <p:b/> content</p:a>", "  space  ", "<oc:tag>x</oc:tag>",
    "",
    '<a xml:lang="fr">mot</a>', "x" * 60000]


@pytest.mark.parametrize("ns", ["urn:x", "DAV:", "http://owncloud.org/ns", ""])
def test_any_value_in_any_namespace(file, ns):
    name = f"x:own xmlns:x='{ns}'" if ns else "own xmlns=''"
    end = name.split()[0]
    outer = 'xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"'
    ask = f"<d:propfind {outer}><d:prop><{name}/></d:prop></d:propfind>"
    for value in VALUES:
        body = (f"<d:propertyupdate {outer}><d:set><d:prop><{name}>{value}</{end}></d:prop></d:set>"
                "</d:propertyupdate>")
        answer = patch(file, body.encode())
        assert [status.text for status in ElementTree.fromstring(answer.content).iter(
            clark("d:status"))] == ["HTTP/1.1 200 OK"]
        answer = file.dav("PROPFIND", "file.txt", depth=0, data=ask)
        got = next(ElementTree.fromstring(answer.content).iter(f"{{{ns}}}own" if ns else "own"))
        want = ElementTree.fromstring(f"<{name} xmlns:oc='http://owncloud.org/ns'>{value}</{end}>")
        assert canonical(got) == canonical(want)


def canonical(element):
    return ElementTree.canonicalize(ElementTree.tostring(element), rewrite_prefixes=True)


def test_the_language(file):
    body = ('<d:propertyupdate xmlns:d="DAV:" xml:lang="de"><d:set><d:prop>'
            '<x:a xmlns:x="urn:x">eins</x:a><x:b xmlns:x="urn:x" xml:lang="en">one</x:b>'
            '</d:prop></d:set></d:propertyupdate>')
    assert patch(file, body).status_code == 207
    entry = file.propfind("file.txt", 0, ("{urn:x}a", "{urn:x}b")).first
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    assert entry.elements["{urn:x}a"].get(lang) == "de"
    assert entry.elements["{urn:x}b"].get(lang) == "en"


def test_they_follow_the_file(file):
    file.proppatch("file.txt", {"{urn:x}a": "1", "oc:favorite": "1"})
    file.mkcol("dir")
    file.move("file.txt", "dir/moved.txt")
    file.copy("dir/moved.txt", "dir/copy.txt")
    for name in ("moved.txt", "copy.txt"):
        assert file.prop(f"dir/{name}", "{urn:x}a") == "1"
    file.put("dir/moved.txt", b"new content")
    assert file.prop("dir/moved.txt", "{urn:x}a") == "1"
    file.delete("dir/moved.txt")
    file.put("dir/moved.txt", b"another file")
    assert file.propfind("dir/moved.txt", 0, ("{urn:x}a",)).first.missing == {"{urn:x}a": 404}


def test_set_and_remove_in_order(file):
    names = ("{urn:x}a", "{urn:x}b")
    body = ('<d:propertyupdate xmlns:d="DAV:" xmlns:x="urn:x">'
            '<d:set><d:prop><x:a>1</x:a></d:prop></d:set>'
            '<d:remove><d:prop><x:a/></d:prop></d:remove>'
            '<d:remove><d:prop><x:b/></d:prop></d:remove>'
            '<d:set><d:prop><x:b>2</x:b></d:prop></d:set>'
            '</d:propertyupdate>')
    assert statuses(patch(file, body)) == {"{urn:x}a": 200, "{urn:x}b": 200}
    entry = file.propfind("file.txt", 0, names).first
    assert dict(entry) == {"{urn:x}b": "2"}
    assert entry.missing == {"{urn:x}a": 404}


# ---- all or nothing ----

def test_one_refused_undoes_all(file):
    before = file.etag("file.txt")
    answer = patch(file, proppatch_body({"{urn:x}a": "1", "oc:id": "2", "d:lastmodified": "1",
                                         "oc:favorite": "1"}))
    assert statuses(answer) == {"{urn:x}a": 424, "oc:id": 403, "d:lastmodified": 424,
                                "oc:favorite": 424}
    assert file.etag("file.txt") == before
    entry = file.propfind("file.txt", 0, ("{urn:x}a", "oc:favorite")).first
    assert dict(entry) == {"oc:favorite": "0"}


def test_too_large(file):
    small = proppatch_body({"{urn:x}a": "1"})
    assert patch(file, small).status_code == 207
    answer = patch(file, proppatch_body({"{urn:x}b": "y", "{urn:x}a": "x" * 70000}))
    assert answer.status_code == 413
    entry = file.propfind("file.txt", 0, ("{urn:x}a", "{urn:x}b")).first
    assert dict(entry) == {"{urn:x}a": "1"}
    for i in range(16):
        assert patch(file, proppatch_body({f"{{urn:x}}big{i}": "x" * 60000})).status_code == 207
    answers = [patch(file, proppatch_body({f"{{urn:x}}more{i}": "x" * 60000})).status_code
               for i in range(3)]
    assert answers[-1] == 413
    assert file.prop("file.txt", "{urn:x}a") == "1"


def test_minimal(file):
    answer = patch(file, proppatch_body({"{urn:x}a": "1"}), Prefer="return=minimal")
    assert answer.status_code == 204
    assert answer.content == b""
    assert file.prop("file.txt", "{urn:x}a") == "1"
    assert patch(file, proppatch_body({"oc:id": "1"}), Prefer="return=minimal").status_code == 207


def test_two_writers(file):
    """Both properties are there in the end, whoever was first."""
    sessions = [file.session() for _ in range(4)]

    def work(number):
        for i in range(10):
            answer = file.dav("PROPPATCH", "file.txt", session=sessions[number],
                              data=proppatch_body({f"{{urn:x}}p{number}": str(i)}))
            assert answer.status_code == 207

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = tuple(f"{{urn:x}}p{number}" for number in range(4))
    assert dict(file.propfind("file.txt", 0, names).first) == {name: "9" for name in names}


# ---- conditions and locks ----

def test_locked(file):
    answer = file.dav("LOCK", "file.txt", data=(
        '<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/>'
        '</d:locktype></d:lockinfo>'))
    token = answer.headers["Lock-Token"]
    body = proppatch_body({"{urn:x}a": "1"})
    assert patch(file, body).status_code == 423
    assert patch(file, body, If=f"({token})").status_code == 207
    assert patch(file, body, If="(<opaquelocktoken:no>)").status_code == 412


def test_conditions(file):
    body = proppatch_body({"{urn:x}a": "1"})
    assert patch(file, body, If_Match='"no"').status_code == 412
    assert file.propfind("file.txt", 0, ("{urn:x}a",)).first.missing
    assert patch(file, body, If_Match=file.etag("file.txt")).status_code == 207
    assert patch(file, body, If=f'(["no"])').status_code == 412


# ---- errors ----

def test_what_is_not_there(account):
    answer = patch(account, proppatch_body({"oc:favorite": "1"}), "nosuch.txt")
    assert answer.status_code == 404
    assert error(answer) == ("Sabre\\DAV\\Exception\\NotFound",
                             "File with name nosuch.txt could not be located")


@pytest.mark.parametrize("body", [
    b"", b"<broken", b"<x/>", propfind_body(), b'<d:propertyupdate xmlns:d="DAV:"/>',
    b'<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop/></d:set></d:propertyupdate>',
    b'<!DOCTYPE x><d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x/></d:prop></d:set>'
    b'</d:propertyupdate>'])
def test_bad_bodies(file, body):
    answer = patch(file, body)
    assert answer.status_code == 400
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\BadRequest"


def test_where_there_is_nothing_to_set(account):
    account.mkcol("session", space="uploads")
    body = proppatch_body({"{urn:x}a": "1"})
    assert account.dav("PROPPATCH", "session", "uploads", data=body).status_code in (403, 405)
    assert account.env.http("PROPPATCH", "remote.php/dav/", account,
                            data=body).status_code in (403, 405)


def test_somebody_elses(env, account):
    account.put("file.txt", b"x")
    other = env.account()
    answer = other.http.request("PROPPATCH", account.url("file.txt"),
                                data=proppatch_body({"{urn:x}a": "1"}))
    assert answer.status_code in (403, 404)
    assert account.propfind("file.txt", 0, ("{urn:x}a",)).first.missing
