"""Names: what is stored, what is refused, and that bytes come back as they were given."""

import unicodedata
from urllib.parse import quote

import pytest

from harness.dav import error

GOOD = ("a b", "a+b", "100%", "%41", "a&b=c;d", "#hash", "q?x", "ünï©ödé", "日本語", "emoji 😀",
        "'quote'", 'double"quote', "semi;colon", "a:b", "star*", "<angle>", "pipe|", ".hidden", "..dots",
        "trailing.", "trailing ", " leading", "~tilde", "back`tick", "$HOME", "x" * 255, "é" * 127,
        "CON", "nul", "a\u200bb", "[brackets]", "{braces}", "comma,", "a@b", "!bang", "^caret", "=eq",
        "-dash", "con.txt", "a.b.c.d", "Thumbs.db", ".DS_Store", "._resource")


@pytest.mark.parametrize("name", GOOD)
def test_good_names(account, name):
    account.put(name, name.encode())
    assert account.get(name).content == name.encode()
    assert account.propfind("", depth=1).names() == [name]
    account.mkcol("d")
    account.move(name, f"d/{name}", expect=(201,))
    account.copy(f"d/{name}", name, expect=(201,))
    account.delete(name)
    account.mkcol(name)
    account.put(f"{name}/{name}", b"x")
    assert account.propfind(name, depth=1).names() == [name]
    account.delete(name)


@pytest.mark.parametrize("encoded", ("a%5Cb", "a%01b", "a%1Fb", "a%7Fb", "%FF", "a%C3", "%ED%A0%80", "%2A",
                                     "x" * 256, quote("é" * 128), "a%0Ab", "%EF%BF%BF", "%C0%AE"))
def test_bad_names(env, account, encoded):
    target = account.path("") + encoded
    for method in ("PUT", "MKCOL"):
        answer = env.http(method, target, account)
        assert answer.status_code == 400, (method, encoded, answer.status_code)
        assert error(answer)[0].endswith("InvalidPath")
    account.put("a", b"x")
    for method in ("MOVE", "COPY"):
        answer = account.dav(method, "a", headers={"Destination": target})
        assert answer.status_code == 400, (method, encoded, answer.status_code)
    for method in ("GET", "PROPFIND", "DELETE"):
        assert env.http(method, target, account).status_code in (400, 404), (method, encoded)
    assert account.propfind("", depth=1).names() == ["a"]


@pytest.mark.parametrize("name", (".htaccess", ".HTAccess", "x.part", "x.filepart"))
def test_blacklisted_names(account, name):
    account.put("a", b"x")
    for answer in (account.put(name, b"x", expect=()), account.mkcol(name, expect=()),
                   account.move("a", name, expect=()), account.copy("a", name, expect=())):
        assert answer.status_code in (400, 403)
    assert account.propfind("", depth=1).names() == ["a"]


def raw(env, account, method, target, headers=""):
    request = (f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               f"Content-Length: 0\r\nAuthorization: {account.authorization}\r\n{headers}\r\n")
    return int(env.raw(request.encode("utf-8", "surrogateescape")).split()[1])


def test_paths_that_httpd_refuses(env, account):
    root = account.path("")
    env.expect_log("invalid URI path")
    for target in ("a%2Fb", "a%00b", "a%zz", "%"):
        assert raw(env, account, "PUT", root + target) in (400, 404), target
    assert account.propfind("", depth=1).names() == []


def test_dots_never_leave_the_space(env, account):
    other = env.account()
    other.put("secret", b"secret")
    for path in (f"../{other.id}/secret", f"%2e%2e/{other.id}/secret", f"x/../../{other.id}/secret",
                 f"..%5C{other.id}/secret", f"%252e%252e/{other.id}/secret"):
        assert raw(env, account, "GET", account.path("") + path) in (400, 403, 404), path
        assert raw(env, account, "PUT", account.path("") + path) in (400, 403, 404, 409), path
    assert other.get("secret").content == b"secret"


def test_hrefs_keep_parentheses(account):
    """As ownCloud writes them: scripts compare hrefs as text."""
    account.mkcol("d (2)")
    account.put("d (2)/it's (1)!.txt")
    found = account.propfind("d (2)", depth=1)
    assert [entry.href for entry in found.values()] == [
        account.path("") + "d%20(2)/", account.path("") + "d%20(2)/it%27s%20(1)%21.txt"]


def test_slashes(account):
    account.mkcol("d")
    account.put("d/f", b"x")
    assert account.get("d//f").content == b"x"
    assert account.get("d/f/").content == b"x"
    account.put("d//g/", b"y")
    assert account.propfind("d/", depth=1).names() == ["f", "g"]


def test_case_matters(account):
    for name in ("name", "Name", "NAME"):
        account.put(name, name.encode())
    for name in ("name", "Name", "NAME"):
        assert account.get(name).content == name.encode()
    assert sorted(account.propfind("", depth=1).names()) == ["NAME", "Name", "name"]


def test_one_name_in_two_forms_of_unicode(account):
    nfc, nfd = (unicodedata.normalize(form, "ä") for form in ("NFC", "NFD"))
    account.put(nfd, b"x", expect=(201,))
    assert account.get(nfc).content == b"x"
    account.put(nfc, b"y", expect=(204,))
    assert account.get(nfd).content == b"y"
    account.mkcol(nfc, expect=(405,))
    assert len(account.propfind("", depth=1).names()) == 1


def test_deep_tree(account):
    path = ""
    for depth in range(60):
        path += f"/level-{depth:03}"
        account.mkcol(path[1:])
    account.put(f"{path[1:]}/file", b"deep")
    assert account.get(f"{path[1:]}/file").content == b"deep"
    account.delete("level-000")
