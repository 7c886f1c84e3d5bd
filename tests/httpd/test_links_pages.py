"""The pages of public links, without script: who sees what, forms, uploads and downloads."""

import io
import re
import threading
import zipfile
from html import unescape
from urllib.parse import quote

import pytest

from harness.browser import Browser, forms
from harness.env import wait_until
from harness.links import Link, Visitor
from harness.structure import check_structure, wrong_fields

NAMES = ("a&b <i>.txt", 'quo"te.txt', "per%cent.txt", "plus+and space.txt", "\u00fcml\u00e4ut.txt",
         "semi;colon.txt", "hash#mark.txt", "question?.txt")


@pytest.fixture(autouse=True, scope="module")
def fixture_patience(module_env):
    """Many tokens are tried here; a test of its own is about that."""
    module_env.config("CloudAuthThrottle off")


@pytest.fixture(name="tree")
def fixture_tree(account):
    account.mkcol("folder")
    account.mkcol("folder/sub")
    account.put("folder/file.txt", b"content")
    account.put("folder/sub/inner.txt", b"inner")
    account.put("secret.txt", b"nobody's business")
    return account


def check_headers(answer):
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';") and "unsafe" not in policy
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    check_structure(answer.text)


def links_of(page):
    return [href.replace("&amp;", "&") for href in re.findall(r'<a [^>]*href="([^"]*)"', page.text)]


# ---- folders and files ----

def test_a_folder(tree):
    for name in NAMES:
        tree.put(f"folder/sub/{name}", name.encode())
    browser = Link(tree, "folder").browser()
    page = browser.open()
    assert page.status_code == 200
    check_headers(page)
    assert "<h1>folder</h1>" in page.text and "Upload" not in page.text
    assert browser.request("HEAD", browser.link.page).status_code == 200
    sub = next(href for href in links_of(page) if "path=/sub" in href)
    page = browser.get(sub.lstrip("/"))
    check_headers(page)
    assert '<span aria-current="page"><bdi>sub</bdi></span>' in page.text
    assert f'<a rel="up" href="{tree.env.base}{browser.link.page}">Up to <bdi>folder</bdi></a>' in page.text
    found = [browser.get(href.lstrip("/")).text for href in links_of(page) if "files=" in href]
    assert sorted(found) == sorted([*NAMES, "inner"])
    # the form that selects files names them as they are
    assert sorted(value.replace("&quot;", '"').replace("&amp;", "&").replace("&lt;", "<")
                  .replace("&gt;", ">") for value in
                  re.findall(r'name="files\[\]" value="([^"]*)"', page.text)) == \
        sorted([*NAMES, "inner.txt"])


def test_where_there_is_nothing(tree):
    browser = Link(tree, "folder").browser()
    for more, params in (("", {"path": "/none"}), ("", {"path": "/../"}), ("", {"path": "../secret.txt"}),
                         ("", {"path": "/file.txt"}), ("/nothing", {}), ("/download/x", {}),
                         ("/download", {"path": "/", "files": "none"}),
                         ("/download", {"path": "/..", "files": "secret.txt"}),
                         ("/download", {"path": "/", "files": "../secret.txt"}),
                         ("/download", {"path": "/..%2f", "files": "secret.txt"}),
                         ("/download", {"path": "/\x01"}), ("", {"path": "/a\\b"})):
        answer = browser.open(more, **params)
        assert answer.status_code in (400, 404), (more, params, answer.status_code)
        check_headers(answer)
        assert "nobody" not in answer.text
    unknown = tree.env.http("GET", "index.php/s/" + "x" * 15)
    assert unknown.status_code == 404
    check_headers(unknown)
    for path in ("index.php/s", "index.php/s/", "index.php/s//x", "index.php/s/" + "x" * 5000,
                 "index.php/s/%C3%A4", "index.php/s/%00", "index.php/s/..%2f.."):
        assert tree.env.http("GET", path).status_code in (400, 404), path
    # as with ownCloud, not without index.php
    assert tree.env.http("GET", f"s/{browser.link.token}").status_code == 404


def test_a_file(tree):
    browser = Link(tree, "folder/file.txt", 3).browser()
    page = browser.open()
    check_headers(page)
    assert "<h1>file.txt</h1>" in page.text and "files[]" not in page.text
    url = next(href for href in links_of(page) if href.endswith("/download"))
    assert browser.get(url.lstrip("/")).text == "content"
    assert browser.open("/download", path="/", files="secret.txt").text == "content"
    assert browser.request("HEAD", browser.link.page + "/download").headers["Content-Length"] == "7"
    ranged = browser.get(browser.link.page + "/download", headers={"Range": "bytes=1-2"})
    assert (ranged.status_code, ranged.text) == (206, "on")


def test_many_long_names_are_selected(tree):
    names = [f"{i:03}-" + "\u00e4" * 120 for i in range(500)]
    tree.mkcol("folder/many")
    for name in names:
        tree.put(f"folder/many/{name}", b"")
    browser = Link(tree, "folder").browser()
    page = browser.open(path="/many")
    answer = browser.submit(page, {"files[]": names})
    assert names_in(answer) == names
    url = browser.link.page + "/download"
    assert browser.post(url, {"path": "/many", "files[]": names}).status_code == 403  # not our form
    assert browser.submit(page, {"files[]": ["x" * (1 << 20)]}).status_code == 413


def names_in(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return sorted(archive.namelist())


def test_archives(tree):
    tree.put("folder/\u00e4 b.txt", b"odd")
    browser = Link(tree, "folder").browser()
    page = browser.open()
    everything = next(href for href in links_of(page) if href.endswith("/download?path=/"))
    found = names_in(browser.get(everything.lstrip("/")))
    assert [name.rsplit("/", 1)[-1] for name in found if not name.endswith("/")] == \
        ["file.txt", "inner.txt", "\u00e4 b.txt"]
    answer = browser.open("/download", path="/")
    assert "folder.zip" in answer.headers["Content-Disposition"]
    head = browser.request("HEAD", browser.link.page + "/download", params={"path": "/"})
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]
    for params in ({"path": "/", "files[]": ["file.txt", "sub"]},
                   {"path": "/", "files": '["file.txt","sub"]'}):
        found = names_in(browser.open("/download", **params))
        assert [name for name in found if not name.endswith("/")] == ["file.txt", "sub/inner.txt"]
    found = names_in(browser.open("/download", path="/sub"))
    assert [name.rsplit("/", 1)[-1] for name in found if not name.endswith("/")] == ["inner.txt"]
    assert names_in(browser.open("/download", path="/", files="sub"))
    for params in ({"path": "/", "files": '["../secret.txt"]'}, {"path": "/", "files": "[1]"},
                   {"path": "/..", "files": '["secret.txt","folder"]'}, {"path": "/none"},
                   {"path": "/", "files[]": ["../secret.txt", "file.txt"]},
                   {"path": "/", "files[]": ["sub/inner.txt", "file.txt"]},
                   {"path": "/", "files": "["}, {"path": "/", "files": "[[]]"}):
        answer = browser.open("/download", **params)
        assert answer.status_code in (400, 404), params
        assert b"nobody" not in answer.content
    drop = Link(tree, "folder", 4).browser()
    for params in ({"path": "/"}, {"path": "/", "files": "sub"}, {"path": "/sub"},
                   {"path": "/", "files[]": ["file.txt", "none"]}):
        assert drop.open("/download", **params).status_code in (403, 404)


def turn(page, rel):
    """Address of the page before or behind a page, or None."""
    found = re.search(f'rel="{rel}" href="([^"]*)"', page.text)
    return found and found.group(1).replace("&amp;", "&").lstrip("/")


def selectable(page):
    return [unescape(value) for value in re.findall(r'name="files\[\]" value="([^"]*)"', page.text)]


def test_many_files_come_in_pages(tree):
    tree.mkcol("many")
    tree.mkcol("many/in")
    disk = tree.env.data / "accounts" / tree.id / "files/many/in"
    names = [f"f{i:04} &\u00e4" for i in range(1203)]
    for name in names:
        (disk / name).write_bytes(b"x")
    tree.env.cloudctl("scan", "--account", tree.id)
    tree.mkcol("many/in/zz")
    browser = Link(tree, "many").browser()
    pages = [browser.open(path="/in")]
    while turn(pages[-1], "next"):
        pages.append(browser.get(turn(pages[-1], "next")))
    # folders come first
    assert [selectable(page) for page in pages] == \
        [["zz"] + names[:499], names[499:999], names[999:]]
    assert all("<caption>1 folder and 1203 files, 1.2 KB in all</caption>" in page.text for page in pages)
    back = [browser.get(turn(pages[2], "prev"))]
    back.append(browser.get(turn(back[0], "prev")))
    assert [selectable(page) for page in back] == [names[499:999], ["zz"] + names[:499]]
    assert turn(back[0], "next") and turn(back[1], "next")
    assert not turn(pages[0], "prev") and not turn(back[1], "prev")
    following = browser.get(turn(browser.open(path="/in", sort="-name"), "next"))
    assert selectable(following) == names[-500:-1000:-1]
    assert selectable(browser.get(turn(following, "prev"))) == ["zz"] + names[:-500:-1]
    for where in ({"after": "zz"}, {"before": ""}, {"before": "a"}, {"page": 4}):
        page = browser.open(path="/in", **where)
        assert page.status_code == 200 and "There is nothing more in this folder" in page.text
    for where in ({"page": 0}, {"page": "x"}, {"sort": ""}, {"sort": "-"}, {"sort": "owner"}):
        assert browser.open(path="/in", **where).status_code == 400


def columns(page):
    """Addresses that sort, by what they say; and what the columns say of themselves."""
    found = re.findall(r'<th scope="col"([^>]*)><a href="([^"]*)">(\w+)', page.text)
    return ({name: unescape(href).lstrip("/") for _, href, name in found},
            {name: re.search('aria-sort="(.*)"', attrs).group(1) for attrs, _, name in found
             if "aria-sort" in attrs})


def test_the_order_is_the_visitors(tree):
    tree.mkcol("sorted")
    tree.mkcol("sorted/sub")
    for name, size, mtime in (("b 10.txt", 10, 300), ("B 9.txt", 30, 100), ("a.txt", 20, 200), ("c.txt", 20, 200)):
        tree.put(f"sorted/{name}", b"x" * size, headers={"X-OC-MTime": str(mtime)})
    browser = Link(tree, "sorted").browser()
    page = browser.open()
    by_name = ["sub", "a.txt", "B 9.txt", "b 10.txt", "c.txt"]
    by_size = ["sub", "B 9.txt", "a.txt", "c.txt", "b 10.txt"]
    by_time = ["sub", "b 10.txt", "a.txt", "c.txt", "B 9.txt"]
    assert selectable(page) == by_name and columns(page)[1] == {"Name": "ascending"}
    for name, wanted, way, other in (
            ("Name", ["sub"] + by_name[:0:-1], "descending", by_name),
            ("Size", by_size, "descending", ["sub", "b 10.txt", "a.txt", "c.txt", "B 9.txt"]),
            ("Changed", by_time, "descending", ["sub", "B 9.txt", "a.txt", "c.txt", "b 10.txt"])):
        once = browser.get(columns(page)[0][name])
        check_headers(once)
        assert selectable(once) == wanted and columns(once)[1] == {name: way}
        again = browser.get(columns(once)[0][name])
        assert selectable(again) == other and columns(again)[1] == {name: "ascending"}


def test_too_many_to_be_sorted(tree):
    """They come by name, and no page costs more than what it shows."""
    tree.mkcol("many")
    disk = tree.env.data / "accounts" / tree.id / "files/many"
    names = [f"f{i:05}" for i in range(10001)]
    for name in names:
        (disk / name).write_bytes(b"")
    tree.env.cloudctl("scan", "--account", tree.id)
    browser = Link(tree, "many").browser()
    page = browser.open(sort="-size")
    assert selectable(page) == names[:500] and columns(page) == ({}, {})
    assert "<caption>More than 10000 files and folders, by name</caption>" in page.text
    following = browser.get(turn(page, "next"))
    assert selectable(following) == names[500:1000]
    assert selectable(browser.get(turn(following, "prev"))) == names[:500]
    last = browser.open(after=names[9600])
    assert selectable(last) == names[9601:] and not turn(last, "next")
    assert selectable(browser.get(turn(last, "prev"))) == names[9101:9601]
    # whose folder it is sees how many there are
    owner = Browser(tree.env)
    owner.sign_in(tree)
    page = owner.get("index.php/apps/files/?dir=/many&page=21")
    assert selectable(page) == names[10000:] and not turn(page, "next")
    assert "<caption>0 folders and 10001 files, 0 B in all, by name</caption>" in page.text
    assert selectable(owner.get(turn(page, "prev"))) == names[9500:10000]
    owner.close()
    tree.delete("many/f00000")
    assert selectable(browser.open(sort="-name"))[0] == names[-1]


def test_methods(tree):
    browser = Link(tree, "folder", 15).browser()
    page, download, upload = {"GET", "HEAD"}, {"GET", "HEAD", "POST"}, {"POST"}
    for method, more, allowed in (
            ("POST", "", page), ("PUT", "", page), ("DELETE", "", page), ("PROPFIND", "", page),
            ("PUT", "/download", download), ("GET", "/upload", upload), ("PUT", "/upload", upload),
            ("OPTIONS", "", page), ("OPTIONS", "/upload", upload)):
        answer = browser.request(method, browser.link.page + more)
        assert answer.status_code == (200 if method == "OPTIONS" else 405), (method, more)
        assert set(answer.headers["Allow"].split(",")) - {"TRACE"} == allowed | {"OPTIONS"}


# ---- passwords ----

def test_a_password(tree):
    link = Link(tree, "folder", password="publicPass1")
    browser = link.browser()
    for more in ("", "/download", "/authenticate"):
        page = browser.open(more, path="/", files="file.txt")
        assert page.status_code == (403 if more == "/download" else 200)
        check_headers(page)
        assert "folder" not in page.text and 'type="password"' in page.text
    wrong = browser.submit(page, {"password": "wrong"})
    assert wrong.status_code == 403 and "Set-Cookie" not in wrong.headers
    check_headers(wrong)
    assert wrong_fields(wrong.text) == ["password"] and not wrong_fields(page.text)
    right = browser.submit(wrong, {"password": "publicPass1"})
    assert right.status_code == 303
    assert right.headers["Location"] == f"{tree.env.base}{link.page}"
    cookie = right.headers["Set-Cookie"]
    assert f"Path={tree.env.base}{link.page};" in cookie
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "<h1>folder</h1>" in browser.open().text
    assert browser.open("/download", path="/", files="file.txt").text == "content"
    assert browser.open("/authenticate").status_code == 303

    # it opens this link alone, with this password alone, and only as it was given
    value = re.match("[^=]*=([^;]*)", cookie).group(1)
    other = Link(tree, "folder", password="publicPass1")
    for page_of, text in ((other, value), (link, value[:-1]), (link, "f" + value), (link, ""),
                          (link, "ffffffffffff-" + value.split("-", 1)[1])):
        answer = tree.env.http("GET", page_of.page, headers={"Cookie": f"cloud_link={text}"})
        assert 'type="password"' in answer.text
    answer = tree.env.http("GET", link.page, headers={
        "Cookie": f"cloud_link=x; other=1; cloud_link={value}"})
    assert "<h1>folder</h1>" in answer.text
    link.update(password="anotherPass2")
    assert 'type="password"' in browser.open().text


def test_forms_of_other_sites(tree):
    link = Link(tree, "folder", 15, password="publicPass1")
    browser = link.browser()
    page = browser.open()
    token = forms(page.text)[0]["fields"]["requesttoken"]
    data = {"requesttoken": token, "password": "publicPass1"}
    authenticate = link.page + "/authenticate"
    for visitor, fields, headers in (
            (Visitor(link), data, {}), (browser, {"password": "publicPass1"}, {}),
            (browser, {**data, "requesttoken": token[::-1]}, {}),
            (browser, data, {"Sec-Fetch-Site": "cross-site"})):
        answer = visitor.post(authenticate, fields, headers=headers)
        assert answer.status_code == 403
        assert "cloud_link" not in answer.headers.get("Set-Cookie", "")
    assert browser.post(authenticate, data).status_code == 303
    upload = link.page + "/upload"
    for fields, headers in (({}, {}), ({"requesttoken": "x"}, {}),
                            ({"requesttoken": token}, {"Sec-Fetch-Site": "same-site"})):
        answer = browser.request("POST", upload, data=fields, headers=headers,
                                 files={"files": ("up.txt", b"x")})
        assert answer.status_code == 403
    # a file that stands before the token
    answer = browser.request("POST", upload, files=[("files", ("up.txt", b"x")),
                                                    ("requesttoken", (None, token))])
    assert answer.status_code == 403
    assert sorted(tree.propfind("folder", 1).names()) == ["file.txt", "sub"]


def test_somebody_who_is_signed_in(tree):
    """His session opens nothing more, and his forms work."""
    link = Link(tree, "folder", 5)
    browser = link.browser()
    browser.sign_in(tree)
    page = browser.open()
    assert "<h1>folder</h1>" in page.text
    assert browser.upload(page, ("up.txt", b"mine")).status_code == 303
    assert tree.get("folder/up.txt").content == b"mine"
    ended = Link(tree, "folder", expires=-1)
    assert browser.get(ended.page).status_code == 404


# ---- uploads ----

@pytest.mark.parametrize("perms", (4, 5, 7, 15))
def test_uploads(tree, perms):
    browser = Link(tree, "folder", perms).browser()
    page = browser.open()
    check_headers(page)
    assert ("inner.txt" in page.text or "file.txt" in page.text) == bool(perms & 1)
    answer = browser.upload(page, ("file.txt", b"new"), ("\u00e4 b.txt", b"2"), ("empty", b""),
                            ("C:\\dir\\old.txt", b"ie"), ("/x/y/z", b"z"))
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"].lstrip("/"))
    assert "5 files were uploaded" in page.text
    # told is what it is called now; to those who see nothing, what they have called it
    assert re.findall("<li><bdi>(.*)</bdi></li>", page.text) == [
        "file (2).txt" if perms & 1 else "file.txt", "\u00e4 b.txt", "empty", "old.txt", "z"]
    assert sorted(tree.propfind("folder", 1).names()) == sorted(
        ["empty", "file (2).txt", "file.txt", "old.txt", "sub", "z", "\u00e4 b.txt"])
    assert tree.get("folder/file.txt").content == b"content"
    assert tree.get("folder/file (2).txt").content == b"new"
    assert browser.upload(page, ("", b"")).status_code == 303


def test_uploads_into_a_folder(tree):
    browser = Link(tree, "folder", 15).browser()
    page = browser.open(path="/sub")
    assert browser.upload(page, ("up.txt", b"x")).status_code == 303
    assert tree.get("folder/sub/up.txt").content == b"x"
    for path in ("..", "../", "sub/../..", "none", "file.txt", "/"):
        form = next(form for form in forms(page.text) if "files" in form["fields"])
        answer = browser.request("POST", tree.env.origin + form["action"],
                                 data={**form["fields"], "path": path, "files": None},
                                 files={"files": ("stray.txt", b"x")})
        assert answer.status_code in (200, 303, 400, 404), path
    assert "stray.txt" not in tree.propfind("", 1).names()
    # a drop has one place alone
    drop = Link(tree, "folder", 4).browser()
    form = next(form for form in forms(drop.open().text) if "files" in form["fields"])
    for path in ("sub", "none"):
        answer = drop.request("POST", tree.env.origin + form["action"],
                              data={**form["fields"], "path": path, "files": None},
                              files={"files": ("stray.txt", b"x")})
        assert "was not uploaded" in answer.text or answer.status_code == 404
    assert "stray.txt" not in tree.propfind("folder/sub", 1).names()


def test_nobody_makes_up_what_was_uploaded(tree):
    """The page says what came in, and no address has it say anything else."""
    browser = Link(tree, "folder", 5).browser()
    names = [f"{i:02}-" + "\u00e4" * 60 + " &<.txt" for i in range(20)]
    answer = browser.upload(browser.open(), *((name, b"") for name in names))
    place = answer.headers["Location"].lstrip("/")
    assert len(place) < 4000
    page = browser.get(place)
    told = re.findall("<li><bdi>(.*)</bdi></li>", page.text)
    assert [unescape(name) for name in told] == names[:len(told)]
    assert "20 files were uploaded" in page.text and f"<li>and {20 - len(told)} more</li>" in page.text
    for other in (re.sub("uploaded=20", "uploaded=21", place), place + "&new[]=x", place.replace("00-", "01-"),
                  re.sub("until=1", "until=2", place), place.replace("path=/", "path=/sub"),
                  re.sub("signature=(.)", lambda c: "signature=" + ("B" if c[1] == "A" else "A"), place),
                  re.sub("signature=[^&]*", "signature=", place),
                  f"{browser.link.page}?uploaded=3",
                  place.replace(browser.link.token, Link(tree, "folder", 5).token)):
        page = browser.get(other)
        assert other != place and page.status_code == 200 and "uploaded." not in page.text, other
    assert browser.get(f"{browser.link.page}?signature=x&until=y").status_code == 400


@pytest.mark.parametrize("perms", (1, 3))
def test_no_uploads(tree, perms):
    browser = Link(tree, "folder", perms).browser()
    page = browser.open()
    assert "multipart" not in page.text
    other = Link(tree, "folder", 15).browser()
    form = next(form for form in forms(other.open().text) if "files" in form["fields"])
    browser.session.cookies.update(other.session.cookies)
    answer = browser.request("POST", tree.env.url + browser.link.page + "/upload",
                             data={"requesttoken": form["fields"]["requesttoken"]},
                             files={"files": ("x", b"x")})
    assert answer.status_code == 200 and "<bdi>x</bdi> was not uploaded" in answer.text
    assert sorted(tree.propfind("folder", 1).names()) == ["file.txt", "sub"]


def test_some_of_the_files_fail(env):
    account = env.account(quota="1000")
    account.mkcol("folder")
    browser = Link(account, "folder", 5).browser()
    page = browser.upload(browser.open(), ("ok.txt", b"x"), ("big.txt", b"x" * 5000),
                          (".htaccess", b"x"), ("..", b"x"), ("last.txt", b"x"))
    assert page.status_code == 200
    check_headers(page)
    assert "2 files were uploaded" in page.text
    for name in ("big.txt", ".htaccess", ".."):
        assert f"<li><bdi>{name}</bdi> was not uploaded: " in page.text
    assert re.findall("<li><bdi>(.*)</bdi></li>", page.text) == ["ok.txt", "last.txt"]
    assert account.propfind("folder", 1).names() == ["last.txt", "ok.txt"]


def test_bodies_that_are_no_form(tree):
    link = Link(tree, "folder", 15)
    browser = link.browser()
    token = forms(browser.open().text)[1]["fields"]["requesttoken"]
    upload = link.page + "/upload"
    field = f'--B\r\nContent-Disposition: form-data; name="requesttoken"\r\n\r\n{token}\r\n'
    file = '--B\r\nContent-Disposition: form-data; name="files"; filename="half.txt"\r\n\r\nhalf'
    for kind, body, status in (
            ("application/x-www-form-urlencoded", f"requesttoken={token}", 415),
            ("multipart/form-data", "x", 415),
            ("multipart/form-data; boundary=" + "B" * 200, "x", 415),
            ("multipart/form-data; boundary=B", "", 400),
            ("multipart/form-data; boundary=B", "nothing", 400),
            ("multipart/form-data; boundary=B", field + file, 400),
            ("multipart/form-data; boundary=B", field + file + "\r\n-", 400),
            ("multipart/form-data; boundary=B", field + "--B\r\n\r\nx\r\n--B--", 400),
            ("multipart/form-data; boundary=B", field + "--B\r\n" + "x" * 20000, 413),
            ("multipart/form-data; boundary=B", field + "--B\r\nContent-Disposition: form-data; "
             'name="path"\r\n\r\n' + "x" * 20000, 413)):
        answer = browser.request("POST", upload, data=body.encode(), headers={"Content-Type": kind})
        assert answer.status_code == status, (kind, body[:60], answer.text)
        check_headers(answer)
    many = field + "".join('--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
                           for _ in range(1001)) + "--B--"
    assert browser.request("POST", upload, data=many.encode(), headers={
        "Content-Type": "multipart/form-data; boundary=B"}).status_code == 413
    assert sorted(tree.propfind("folder", 1).names()) == ["file.txt", "sub"]


@pytest.mark.parametrize("given, status, text, stored", (
    ('filename="q\\"q.txt"', 303, None, 'q"q.txt'),       # as curl wrote it for long
    ('filename="end\\"', 200, "<bdi>end\\</bdi> was not uploaded", None),
    ('filename="x/"', 200, "<bdi>x/</bdi> was not uploaded", None),
    ('filename="a\rb"', 200, "was not uploaded", None),
    ('filename="a\nb"', 200, "was not uploaded", None),
    ('filename="a\r\nb"', 400, None, None),
    ('filename="a', 400, None, None),
    ("filename*=UTF-8''a.txt", 303, None, "a.txt"),
    ("x=y", 400, None, None)))
def test_no_file_is_lost_without_a_word(tree, given, status, text, stored):
    link = Link(tree, "folder", 15)
    browser = link.browser()
    token = forms(browser.open().text)[1]["fields"]["requesttoken"]
    body = (f'--B\r\nContent-Disposition: form-data; name="requesttoken"\r\n\r\n{token}\r\n'
            f'--B\r\nContent-Disposition: form-data; name="files"; {given}\r\n\r\nx\r\n--B--\r\n')
    answer = browser.request("POST", link.page + "/upload", data=body.encode(),
                             headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert answer.status_code == status, answer.text
    assert text is None or text in answer.text
    names = ["file.txt", "sub"] + ([stored] if stored else [])
    assert sorted(tree.propfind("folder", 1).names()) == sorted(names)


def test_a_large_file_in_constant_memory(tree):
    """300 MB through the form; no process of the server grows by it."""
    link = Link(tree, "folder", 5)
    browser = link.browser()
    token = forms(browser.open().text)[1]["fields"]["requesttoken"]
    size, block = 300 * 1000 * 1000, bytes(range(256)) * 4096

    def memory():
        return max(int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
                   for pid in tree.env.children())

    head = (f'--B\r\nContent-Disposition: form-data; name="requesttoken"\r\n\r\n{token}\r\n--B\r\n'
            'Content-Disposition: form-data; name="files"; filename="big.bin"\r\n\r\n').encode()

    def body():
        yield head
        for _ in range(size // len(block)):
            yield block
        yield b"\r\n--B--\r\n"

    before = memory()
    answer = browser.request("POST", link.page + "/upload", data=body(), headers={
        "Content-Type": "multipart/form-data; boundary=B"})
    assert answer.status_code == 303, answer.text
    assert int(tree.prop("folder/big.bin", "d:getcontentlength")) == size // len(block) * len(block)
    if not tree.env.sanitized:
        assert memory() - before < 30000


def test_an_end_within_an_upload(tree):
    link = Link(tree, "folder", 5)
    browser = link.browser()
    token = forms(browser.open().text)[1]["fields"]["requesttoken"]
    go_on, answers = threading.Event(), []

    def body():
        yield (f'--B\r\nContent-Disposition: form-data; name="requesttoken"\r\n\r\n{token}\r\n--B\r\n'
               'Content-Disposition: form-data; name="files"; filename="up.bin"\r\n\r\n').encode()
        yield b"x" * 200000
        assert go_on.wait(60)
        yield b"y" * 1000 + b"\r\n--B--\r\n"

    thread = threading.Thread(target=lambda: answers.append(browser.request(
        "POST", link.page + "/upload", data=body(),
        headers={"Content-Type": "multipart/form-data; boundary=B"})))
    thread.start()
    staging = tree.env.data / "accounts" / tree.id / "staging"
    wait_until(lambda: any(staging.iterdir()), "the upload")
    link.delete()
    go_on.set()
    thread.join()
    assert answers[0].status_code == 404
    assert sorted(tree.propfind("folder", 1).names()) == ["file.txt", "sub"]
    assert not any(staging.iterdir())


def test_below_a_prefix(module_env):
    module_env.config("CloudAuthThrottle off", base="/owncloud/")
    account = module_env.account()
    account.mkcol("folder")
    account.put("folder/file.txt", b"content")
    link = Link(account, "folder", 15, password="publicPass1")
    browser = link.browser()
    answer = browser.submit(browser.open(), {"password": "publicPass1"})
    assert answer.headers["Location"] == f"/owncloud/{link.page}"
    assert f"Path=/owncloud/{link.page};" in answer.headers["Set-Cookie"]
    page = browser.open()
    file = next(href for href in links_of(page) if "files=" in href)
    assert browser.get(module_env.origin + file).text == "content"
    answer = browser.upload(page, ("up.txt", b"x"))
    assert answer.status_code == 303
    assert browser.get(module_env.origin + answer.headers["Location"]).status_code == 200
    for space in ("public-files", "webdav"):
        listed = link.propfind(space=space, props=("oc:downloadURL",))
        assert listed.names() == ["file.txt", "up.txt"]
    url = link.propfind(props=("oc:downloadURL",))[link.path("file.txt")]["oc:downloadURL"]
    assert url.startswith(module_env.origin + quote(link.path("file.txt")) + "?signature=")
    assert module_env.anonymous.get(url).text == "content"


def test_without_archives(new_env):
    """What can't be fetched at once is not offered."""
    env = new_env()
    env.config("CloudAuthThrottle off", before="Define WITHOUT_ARCHIVE")
    env.start()
    account = env.account()
    account.mkcol("folder")
    account.mkcol("folder/sub")
    account.put("folder/file.txt", b"content")
    browser = Link(account, "folder").browser()
    page = browser.open()
    check_headers(page)
    assert "<form" not in page.text and "Download all" not in page.text
    assert browser.open("/download", path="/", files="file.txt").text == "content"
    assert browser.open("/download", path="/").status_code == 501
    assert browser.get(columns(page)[0]["Size"]).status_code == 200
