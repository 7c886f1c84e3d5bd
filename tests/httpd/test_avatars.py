"""Pictures of people: ownCloud's two places to see them, setting and removing, bounds, rights."""

import threading

import pytest
import requests

from harness.picture import pixels, plain, png, size_of

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def seen(by, of, path="index.php/avatar/{id}/64", **kwargs):
    return by.http.get(by.env.url + path.format(id=of.id), timeout=60, **kwargs)


def post(account, data, name="me.png", field="files[]", **kwargs):
    """As ownCloud's page does it."""
    return account.http.post(account.env.url + "index.php/avatar/", timeout=60,
                             files={field: (name, data, "image/png")}, **kwargs)


def put(account, data, of=None, **kwargs):
    target = "index.php/avatar/" + (of.id if of else "")
    return account.http.put(account.env.url + target, data=data, timeout=60, **kwargs)


def announced(account):
    found = account.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]
    return found["files_sharing"]["user"]["profile_picture"]


@pytest.fixture(name="other")
def fixture_other(env):
    return env.account()


@pytest.mark.parametrize("path", ("remote.php/dav/avatars/{id}/128.png", "index.php/avatar/{id}/64"))
def test_nobody_has_one_at_first(account, other, path):
    """The desktop waits for this answer when it logs in; 404 is how ownCloud says that there is none."""
    assert announced(account) is True
    assert seen(account, account, path).status_code == 404
    assert seen(account, other, path).status_code == 404
    other.id = "nobody at all"
    assert seen(account, other, path).status_code == 404


def test_set_see_remove(account, other):
    answer = post(account, png([[RED, GREEN, BLUE]] * 1))
    assert answer.status_code == 200 and answer.json() == {"status": "success"}
    found = seen(other, account)
    assert found.status_code == 200 and found.headers["Content-Type"] == "image/png"
    assert pixels(found.content) == [[GREEN]]  # the middle, and never larger than it was
    assert "Set-Cookie" not in found.headers
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    head = other.http.head(found.url, timeout=60)
    assert head.headers["Content-Length"] == str(len(found.content)) and not head.content
    assert head.headers["ETag"] == found.headers["ETag"]
    assert account.http.delete(account.env.url + "index.php/avatar/", timeout=60).status_code == 200
    assert seen(other, account).status_code == 404
    assert account.http.delete(account.env.url + "index.php/avatar/", timeout=60).status_code == 200


@pytest.mark.parametrize("path, kind, side", (
    ("remote.php/dav/avatars/{id}/128.png", "png", 128),
    ("remote.php/dav/avatars/{id}/96.jpeg", "jpeg", 96),
    ("remote.php/dav/avatars/{id}/96.jpg", "jpeg", 96),
    ("remote.php/dav/avatars/{id}/32", "png", 32),
    ("remote.php/dav/avatars/{id}/1.png", "png", 1),
    ("remote.php/dav/avatars/{id}/1024.png", "png", 512),
    ("index.php/avatar/{id}/16", "png", 16),
    ("index.php/avatar/{id}/0", "png", 64),
    ("index.php/avatar/{id}/-5", None, 404),
    ("index.php/avatar/{id}/99999999999", "png", 512),
    ("index.php/avatar/{id}/x.png", None, 404),
    ("index.php/avatar/{id}", None, 404),
    ("index.php/avatar/", None, 404),
    ("index.php/avatar/{id}/64/x", None, 404),
    ("remote.php/dav/avatars/{id}/0.png", None, 405),
    ("remote.php/dav/avatars/{id}/1025.png", None, 405),
    ("remote.php/dav/avatars/{id}/64.gif", None, 405),
    ("remote.php/dav/avatars/{id}/64.png/x", None, 405),
    ("remote.php/dav/avatars/{id}/", None, 404),
    ("remote.php/dav/avatars/", None, 404),
))
def test_sizes_and_formats(account, path, kind, side):
    assert put(account, plain(RED, 600)).status_code == 200
    found = seen(account, account, path)
    if not kind:
        assert found.status_code == side
        if path.startswith("remote.php"):
            assert b"<s:exception>" in found.content
        else:
            assert found.json()["data"]["message"]
        return
    assert found.status_code == 200 and found.headers["Content-Type"] == f"image/{kind}"
    assert size_of(found.content) == (kind, side, side)
    if kind == "png":
        assert pixels(found.content)[0][0] == RED


def test_etag(account):
    put(account, plain(RED))
    first = seen(account, account)
    etag = first.headers["ETag"]
    assert "no-cache" in first.headers["Cache-Control"]
    again = seen(account, account, headers={"If-None-Match": etag})
    assert again.status_code == 304 and not again.content and again.headers["ETag"] == etag
    smaller = seen(account, account, "index.php/avatar/{id}/8", headers={"If-None-Match": etag})
    assert smaller.status_code == 200
    put(account, plain(RED))
    assert seen(account, account, headers={"If-None-Match": etag}).status_code == 200


def test_what_is_kept_is_made_anew(env, account):
    """Nothing but pixels gets through: no data behind the picture, no comments."""
    put(account, plain(RED) + b"<script>alert(1)</script>")
    jpeg = seen(account, account, "remote.php/dav/avatars/{id}/64.jpeg").content
    evil = jpeg[:2] + b"\xff\xfe\x00\x12<?php system(1)?" + jpeg[2:] + b"<script>"
    assert b"php" not in jpeg and b"script" not in jpeg
    assert put(account, evil).status_code == 200
    found = seen(account, account)
    assert found.headers["Content-Type"] == "image/jpeg"
    assert size_of(found.content) == ("jpeg", 64, 64)
    kept = list((env.data / "accounts" / account.id / "avatars/pictures").iterdir())
    assert all(b"php" not in path.read_bytes() for path in kept)
    red, green, blue = pixels(seen(account, account, "remote.php/dav/avatars/{id}/64.png").content)[9][9]
    assert red > 240 and green < 15 and blue < 15


# Large ones are made when they are needed: pytest keeps a name of each that is four times its size
@pytest.mark.parametrize("data, large, status", (
    (b"", 0, 415), (b"GIF89a\1\0\1\0", 0, 415),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 0, 415),
    (plain(RED)[:60], 0, 400), (b"\xff\xd8\xff\xe0 and no more", 0, 400),
    (png([[RED]], size=(100000, 100000)), 0, 413), (png([[RED]], size=(6000, 6000)), 0, 413),
    (plain(RED), 20 << 20, 413), (b"", 22 << 20, 413),
))
def test_refused(account, data, large, status):
    data += bytes(large)
    put(account, plain(GREEN))
    etag = seen(account, account).headers["ETag"]
    answer = put(account, data)
    assert answer.status_code == status
    if answer.headers["Content-Type"].startswith("application/json"):
        assert answer.json()["data"]["message"]
    assert post(account, data).status_code in (status, 413)
    assert seen(account, account).headers["ETag"] == etag


def test_forms(account):
    account.put("holiday/me.png".split("/", maxsplit=1)[1], plain(BLUE))
    account.put("text.txt", b"no picture")
    url = account.env.url + "index.php/avatar/"

    def send(files):
        return account.http.post(url, files=files, timeout=60).status_code

    assert send({"path": (None, "/me.png")}) == 200
    assert pixels(seen(account, account).content)[0][0] == BLUE
    assert send({"path": (None, "/missing.png")}) == 404
    assert send({"path": (None, "../../other/files/me.png")}) in (400, 404)
    assert send({"path": (None, "/text.txt")}) == 415
    assert send({"note": (None, "no file")}) == 400
    assert send({"note": (None, "first"), "anything": ("x.png", plain(RED))}) == 200
    assert pixels(seen(account, account).content)[0][0] == RED
    parts = {f"field{i}": (None, "") for i in range(999)}
    assert send({**parts, "anything": ("x.png", plain(BLUE))}) == 200
    assert send({**parts, "one more": (None, ""), "anything": ("x.png", plain(RED))}) == 413
    broken = account.http.post(url, data=b"--x\r\nno end", timeout=60,
                               headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status_code == 400


def test_rights(env, account, other):
    boss = env.account()
    env.cloudctl("group", "add-member", "admin", boss.id)
    assert put(other, plain(RED), account).status_code == 403
    assert put(other, plain(RED), boss).status_code == 403
    assert put(boss, plain(RED), account).status_code == 200
    mine = f"{env.url}index.php/avatar/{account.id}"
    assert other.http.delete(mine, timeout=60).status_code == 403
    assert seen(other, account).status_code == 200
    assert put(account, plain(GREEN), account).status_code == 200
    assert boss.http.delete(mine, timeout=60).status_code == 200
    assert seen(other, account).status_code == 404
    for method, path in (("GET", f"index.php/avatar/{account.id}/64"), ("PUT", "index.php/avatar/"),
                         ("GET", f"remote.php/dav/avatars/{account.id}/64.png"),
                         ("POST", "index.php/avatar/"), ("DELETE", "index.php/avatar/")):
        answer = requests.request(method, env.url + path, data=plain(RED), timeout=60)
        assert answer.status_code == 401, (method, path)
    for method, path in (("POST", mine), ("PUT", mine + "/64"), ("PROPFIND", mine),
                         ("PROPFIND", f"{env.url}remote.php/dav/avatars/{account.id}/"),
                         ("MKCOL", f"{env.url}remote.php/dav/avatars/x"),
                         ("POST", f"{env.url}remote.php/dav/avatars/")):
        answer = account.http.request(method, path, timeout=60)
        assert answer.status_code == 405, (method, path)
        allowed = set(answer.headers["Allow"].split(","))
        assert {"GET", "HEAD", "OPTIONS"} <= allowed and method not in allowed
    dav = f"{env.url}remote.php/dav/avatars/{account.id}"
    assert account.http.put(dav, data=plain(RED), timeout=60).status_code == 204
    assert account.http.delete(dav, timeout=60).status_code == 204


@pytest.mark.parametrize("headers", ({"Sec-Fetch-Site": "cross-site"},
                                     {"Origin": "https://evil.example"}))
def test_forms_of_other_sites_are_refused(account, headers):
    """Browsers log in by themselves."""
    assert post(account, plain(RED), headers=headers).status_code == 403
    assert put(account, plain(RED), headers=headers).status_code == 403
    assert account.http.delete(account.env.url + "index.php/avatar/", headers=headers,
                               timeout=60).status_code == 403
    assert seen(account, account).status_code == 404
    assert post(account, plain(RED),
                headers={**headers, "OCS-APIREQUEST": "true"}).status_code == 200


def test_a_picture_that_is_replaced_all_the_time(env, account):
    put(account, plain(RED))
    stop = threading.Event()
    states = set()

    def watch():
        with account.session() as session:
            while not stop.is_set():
                states.add(session.get(f"{env.url}index.php/avatar/{account.id}/16",
                                       timeout=60).status_code)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for thread in watchers:
        thread.start()
    for i in range(20):
        assert put(account, plain(RED if i % 2 else GREEN)).status_code == 200
    stop.set()
    for thread in watchers:
        thread.join()
    assert states == {200}


def test_deleted_with_the_account(env):
    name = "avatar again"
    account = env.account(name)
    put(account, plain(RED))
    env.cloudctl("account", "delete", "--yes", name)
    again = env.account(name)
    assert seen(again, again).status_code == 404


def test_odd_names(env):
    account = env.account("Zoë O'Hara +41@example")
    put(account, plain(BLUE))
    url = account.url("64.png", "avatars")
    assert pixels(account.http.get(url, timeout=60).content)[0][0] == BLUE


def test_switched_off(new_env):
    env = new_env()
    env.config(extra="CloudSetting system enable_avatars false")
    env.start()
    account = env.account()
    assert announced(account) is False
    assert put(account, plain(RED)).status_code == 403
    assert seen(account, account).status_code == 404


def test_without_the_module(new_env):
    env = new_env()
    env.config(before="Define WITHOUT_AVATARS")
    env.start()
    account = env.account()
    assert announced(account) is False
    for path in ("remote.php/dav/avatars/{id}/128.png", "index.php/avatar/{id}/64"):
        assert seen(account, account, path).status_code == 404
    assert put(account, plain(RED)).status_code in (404, 405)
