"""Private links, and the pages of folders that they lead to."""

import re
from urllib.parse import quote

import pytest

from harness.browser import Browser, forms
from test_archive import unzip
from test_login import check_page

FILES = "index.php/apps/files/"
LINK = "index.php/f/"
ODD = "ä & <b>\"'+%x#?.txt"


@pytest.fixture(name="tree")
def fixture_tree(account):
    account.mkcol("folder")
    account.mkcol("folder/in it")
    account.put("folder/file.txt", b"hello")
    account.put(f"folder/{ODD}", b"odd")
    return account


@pytest.fixture(name="browser")
def fixture_browser(env, tree):
    made = Browser(env)
    assert made.sign_in(tree).status_code == 303
    yield made
    made.close()


def links(page):
    return [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]*)"', page.text)]


# ---- private links ----

def test_where_they_lead(env, tree, browser):
    for path, place in (("folder/file.txt", "dir=/folder&scrollto=file.txt"), ("folder", "dir=/folder"),
                        ("folder/in it", "dir=/folder/in%20it"), ("", "dir=/"),
                        (f"folder/{ODD}", f"dir=/folder&scrollto={quote(ODD, safe='')}")):
        number = tree.prop(path, "oc:fileid")
        full = tree.prop(path, "oc:id")
        for link in (f"{LINK}{number}", f"f/{number}", f"{LINK}{full}"):
            answer = browser.get(link)
            assert answer.status_code == 303, link
            assert answer.headers["Location"] == f"{env.base}{FILES}?{place}"
            assert answer.headers["Webdav-Location"] == tree.path(path)
            assert browser.get(answer.headers["Location"].removeprefix(env.base)).status_code == 200
        assert tree.prop(path, "oc:privatelink") == f"{env.url}{LINK}{number}"


def test_they_follow_the_file(tree, browser):
    link = LINK + tree.prop("folder/file.txt", "oc:fileid")
    tree.move("folder/file.txt", "moved.txt")
    assert browser.get(link).headers["Location"].endswith("?dir=/&scrollto=moved.txt")
    tree.delete("moved.txt")
    check_page(browser.get(link), 404)


def test_what_is_not_theirs_is_not_there(env, tree, browser):
    other = env.account()
    other.put("secret name.txt", b"1")
    theirs = other.prop("secret name.txt", "oc:fileid")
    mine = tree.prop("folder", "oc:fileid")
    pages = [browser.get(LINK + place) for place in
             (theirs, "1", "9" * 15, "9" * 40, "0", "-1", "x", "", mine + "x", mine + "ocabcdefghij", f"{mine}/x",
              f"%20{mine}", other.prop("", "oc:fileid"))]
    for page in pages:
        check_page(page, 404)
        assert page.text == pages[0].text
        assert "secret" not in page.text and "Webdav-Location" not in page.headers
    check_page(browser.get("index.php/f"), 404)


def test_they_lead_through_the_login_page(env, tree):
    link = env.base + LINK + tree.prop("folder/file.txt", "oc:fileid")
    visitor = Browser(env)
    answer = visitor.get(link.removeprefix(env.base))
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{env.base}index.php/login?redirect_url={quote(link, safe='')}"
    # the same for what is not there
    assert visitor.get(LINK + "1").status_code == 303
    assert visitor.sign_in(tree, target=link).headers["Location"] == link
    visitor.close()


def test_programs(env, tree):
    number = tree.prop("folder/file.txt", "oc:fileid")
    answer = env.http("GET", f"{LINK}{number}", tree)
    assert answer.status_code == 303
    assert answer.headers["Webdav-Location"] == tree.path("folder/file.txt")
    answer = env.http("OPTIONS", f"{LINK}{number}", tree)
    assert set(answer.headers["Allow"].split(",")) - {"TRACE"} == {"GET", "HEAD", "OPTIONS"}
    assert env.http("POST", f"{LINK}{number}", tree).status_code == 405
    files = tree.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]["files"]
    assert files["privateLinks"] is True


# ---- pages of folders ----

def test_a_folder(env, tree, browser):
    page = browser.get(f"{FILES}?dir=/folder")
    check_page(page)
    assert "<b>" not in page.text
    assert "<caption>1 folder and 2 files, 8 B in all</caption>" in page.text
    assert f'<a rel="up" href="{env.base}{FILES}?dir=/">Up to <bdi>Files</bdi></a>' in page.text
    found = links(page)
    download = f"{env.base}index.php/apps/files/ajax/download.php?dir=/folder"
    assert {f"{env.base}{FILES}?dir=/", f"{env.base}{FILES}?dir=/folder/in%20it", download,
            f"{download}&files[]=file.txt", f"{download}&files[]={quote(ODD, safe='')}"} <= set(found)
    assert browser.get(f"{download}&files[]=file.txt".removeprefix(env.base)).content == b"hello"
    assert browser.get(f"{download}&files[]={quote(ODD, safe='')}".removeprefix(env.base)).content \
        == b"odd"
    assert unzip(browser.get(download.removeprefix(env.base)).content)["folder/file.txt"] == b"hello"
    for address in (FILES, FILES.rstrip("/"), f"{FILES}?dir="):
        check_page(browser.get(address))
        assert f"{env.base}{FILES}?dir=/folder" in links(browser.get(address))


def test_the_selected(env, tree, browser):
    page = browser.get(f"{FILES}?dir=/folder")
    form = next(form for form in forms(page.text) if "files[]" in form["fields"])
    data = [("dir", form["fields"]["dir"]), ("requesttoken", form["fields"]["requesttoken"]),
            ("files[]", "file.txt"), ("files[]", ODD)]
    answer = browser.request("POST", env.origin + form["action"], data=data)
    assert answer.status_code == 200, answer.text
    assert unzip(answer.content) == {"file.txt": b"hello", ODD: b"odd"}
    data[1] = ("requesttoken", "x")
    assert browser.request("POST", env.origin + form["action"], data=data).status_code == 403


def test_the_one_looked_for(tree, browser):
    page = browser.get(f"{FILES}?dir=/folder&scrollto=file.txt")
    assert "<h2><bdi>file.txt</bdi></h2>" in page.text
    assert "<dd>text/plain</dd>" in page.text and "<dd>5 bytes</dd>" in page.text
    for gone in ("no", "../x", "in it", "a%2Fb", "%5C", ""):
        page = browser.get(f"{FILES}?dir=/folder&scrollto={gone}")
        check_page(page)
        assert "<h2>" not in page.text


def test_empty_and_missing(tree, browser):
    assert "This folder is empty" in browser.get(f"{FILES}?dir=/folder/in it").text
    for place, status in (("/no", 404), ("/folder/file.txt", 404), ("/..", 400), ("/folder/../folder", 400),
                          ("/a\\b", 400), ("%00", 400), ("%ff", 400)):
        check_page(browser.get(f"{FILES}?dir={place}"), status)
    check_page(browser.get(f"{FILES}?dir=/&page=0"), 400)
    check_page(browser.get(f"{FILES}x"), 404)


def test_many(env, tree, browser):
    for n in range(501):
        tree.mkcol(f"folder/in it/{n:03}")
    page = browser.get(f"{FILES}?dir=/folder/in it")
    assert page.text.count("<tr>") == 501 and "in%20it/500" not in page.text
    second = [link for link in links(page) if "page=2" in link]
    page = browser.get(second[0].removeprefix(env.base))
    assert page.text.count("<tr>") == 2 and "in%20it/500" in page.text
    assert any("&page=1" in link for link in links(page)) and not any("&page=3" in link for link in links(page))


def test_strangers(env, tree):
    other = env.account()
    visitor = Browser(env)
    assert visitor.get(f"{FILES}?dir=/folder").status_code == 303
    visitor.sign_in(other)
    check_page(visitor.get(f"{FILES}?dir=/folder"), 404)
    visitor.close()


def test_below_another_place(new_env):
    env = new_env()
    env.config(base="/owncloud/")
    env.start()
    account = env.account()
    account.mkcol("folder")
    account.put("folder/file", b"1")
    number = account.prop("folder/file", "oc:fileid")
    assert account.prop("folder/file", "oc:privatelink") == f"{env.url}{LINK}{number}"
    answer = env.http("GET", f"f/{number}", account)
    assert answer.headers["Location"] == "/owncloud/index.php/apps/files/?dir=/folder&scrollto=file"
    assert answer.headers["Webdav-Location"] == account.path("folder/file")


def test_without_the_module(new_env):
    env = new_env()
    env.config(before="Define WITHOUT_WEB")
    env.start()
    account = env.account()
    account.put("file", b"1")
    assert env.http("GET", f"{LINK}1", account).status_code == 404
    assert account.propfind("file", 0, ("oc:privatelink",)).first.missing == {"oc:privatelink": 404}
    files = account.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]["files"]
    assert "privateLinks" not in files
