"""Downloads of files and folders as a browser asks for them: zip and tar."""

import io
import os
import random
import re
import socket
import subprocess
import tarfile
import zipfile
from urllib.parse import quote, urlencode

import pytest

from harness.browser import Browser
from harness.env import wait_until
from harness.shares import share

DOWNLOAD = "index.php/apps/files/ajax/download.php"
MTIME = 1500000001
# What names may be, and unpackers trip over
ODD = ("ümläut.txt", "日本語.txt", "e\u0301 decomposed", "a&b=c;d", "per%cent", "quote\"s'", "-dash",
       "sp ace ", "new+plus", "q?uestion*", "~tilde", "c:olon", "😀", "x" * 240)


def download(account, dir="", files=None, method="GET", expect=200, **more):  # pylint: disable=redefined-builtin
    """files: a str, a list (files[]=), or None."""
    query = [("dir", dir)]
    if isinstance(files, str):
        query.append(("files", files))
    query += [("files[]", name) for name in files or () if not isinstance(files, str)]
    headers = more.pop("headers", {})
    query += more.items()
    answer = account.env.http(method, f"{DOWNLOAD}?{urlencode(query)}", account, headers=headers)
    assert answer.status_code == expect, f"{answer.status_code} {answer.text[:500]}"
    return answer


def unzip(content):
    """path -> content (None: a folder), after all that unzip has to say."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {info.filename: None if info.is_dir() else archive.read(info)
                for info in archive.infolist()}


def untar(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {info.name + ("/" if info.isdir() else ""):
                archive.extractfile(info).read() if info.isfile() else None for info in archive}


@pytest.fixture(name="tree")
def fixture_tree(account):
    account.mkcol("top")
    account.mkcol("top/sub")
    account.mkcol("top/empty")
    account.put("top/a.txt", b"alpha", headers={"X-OC-Mtime": str(MTIME)})
    account.put("top/sub/large.bin", random.Random(1).randbytes(200_000))
    account.put("top/sub/nothing", b"")
    account.put("beside.txt", b"beside")
    return account


TREE = {"top/": None, "top/sub/": None, "top/empty/": None, "top/a.txt": b"alpha",
        "top/sub/large.bin": random.Random(1).randbytes(200_000), "top/sub/nothing": b""}


# ---- what is in it ----

@pytest.mark.parametrize("path, query", [
    ("", {"files": "top"}), ("/", {"files": "top"}), ("top", {}), ("/top/", {}),
    ("/", {"files": '["top"]'}), ("/", {"files": ["top"]})])
def test_a_folder(tree, path, query):
    answer = download(tree, path, **query)
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == \
        "attachment; filename*=UTF-8''top.zip; filename=\"top.zip\""
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Accept-Ranges"] == "none"
    assert "no-store" in answer.headers["Cache-Control"]
    assert unzip(answer.content) == TREE


@pytest.mark.parametrize("files", [["a.txt", "sub"], '["a.txt","sub"]', ["sub", "a.txt", "sub", "a.txt"]])
def test_several(tree, files):
    answer = download(tree, "/top", files)
    assert 'filename="top.zip"' in answer.headers["Content-Disposition"]
    assert unzip(answer.content) == {path[4:]: content for path, content in TREE.items()
                                     if path.startswith("top/sub") or path == "top/a.txt"}
    answer = download(tree, "", ["top", "beside.txt"])
    assert 'filename="download.zip"' in answer.headers["Content-Disposition"]
    assert unzip(answer.content) == {**TREE, "beside.txt": b"beside"}


def test_all(tree):
    for path in ("", "/"):
        answer = download(tree, path)
        assert 'filename="download.zip"' in answer.headers["Content-Disposition"]
        assert unzip(answer.content) == {**TREE, "beside.txt": b"beside"}


def test_nothing_in_it(account):
    assert unzip(download(account).content) == {}
    assert untar(download(account, format="tar").content) == {}


def test_a_single_file_is_itself(tree):
    for files in ("a.txt", ["a.txt"], '["a.txt"]'):
        answer = download(tree, "/top", files)
        assert answer.content == b"alpha"
        assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
        assert answer.headers["Content-Disposition"] == \
            "attachment; filename*=UTF-8''a.txt; filename=\"a.txt\""
        assert answer.headers["ETag"] == tree.etag("top/a.txt")
    answer = download(tree, "/top", "a.txt", expect=206, headers={"Range": "bytes=1-2"})
    assert answer.content == b"lp"
    download(tree, "/top", "a.txt", expect=304, headers={"If-None-Match": tree.etag("top/a.txt")})
    assert download(tree, "/top/a.txt").content == b"alpha"


def test_odd_names(account):
    account.mkcol("odd")
    for name in ODD:
        account.put(f"odd/{name}", name.encode())
    expect = {"odd/": None, **{f"odd/{name}": name.encode() for name in ODD}}
    assert unzip(download(account, "", "odd").content) == expect
    assert untar(download(account, "", "odd", format="tar").content) == expect
    # each alone, by a JSON list and by name; and all together
    for name in ODD:
        answer = download(account, "/odd", [name])
        assert answer.content == name.encode()
        assert quote(name, safe="-_.~") in answer.headers["Content-Disposition"]
    assert unzip(download(account, "/odd", list(ODD)).content) == \
        {name: name.encode() for name in ODD}


def test_deep_and_long(account):
    """Paths longer than a header of tar."""
    path = "deep"
    account.mkcol(path)
    for n in range(6):
        path += f"/{n}{'d' * 60}"
        account.mkcol(path)
    account.put(path + "/" + "f" * 200, b"found")
    for unpack, fmt in ((unzip, "zip"), (untar, "tar")):
        found = unpack(download(account, "", "deep", format=fmt).content)
        assert found[path + "/" + "f" * 200] == b"found"
        assert len(found) == 8


def test_times(tree):
    tree.put("top/old", b"1", headers={"X-OC-Mtime": "1"})
    content = download(tree, "", "top").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.getinfo("top/a.txt").date_time == (2017, 7, 14, 2, 40, 0)
        assert archive.getinfo("top/a.txt").extra.endswith(MTIME.to_bytes(4, "little"))
        assert archive.getinfo("top/old").date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.getinfo("top/a.txt").external_attr >> 16 == 0o100644
    with tarfile.open(fileobj=io.BytesIO(download(tree, "", "top", format="tar").content)) as archive:
        info = archive.getmember("top/a.txt")
        assert (info.mtime, info.mode, info.uid) == (MTIME, 0o644, 0)
        assert archive.getmember("top/old").mtime == 1


# ---- which format ----

@pytest.mark.parametrize("headers, query, suffix", [
    ({}, {}, "zip"),
    ({"User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 13_0)"}, {}, "tar"),
    ({"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X)"}, {}, "zip"),
    ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, {}, "zip"),
    ({"Accept": "application/x-tar"}, {}, "tar"),
    ({"User-Agent": "Macintosh", "Accept": "application/zip"}, {}, "zip"),
    ({"User-Agent": "Macintosh"}, {"format": "zip"}, "zip"),
    ({}, {"format": "tar"}, "tar")])
def test_format(tree, headers, query, suffix):
    answer = download(tree, "", "top", headers=headers, **query)
    assert f'filename="top.{suffix}"' in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Type"] == ("application/zip" if suffix == "zip"
                                              else "application/x-tar")
    assert (unzip if suffix == "zip" else untar)(answer.content) == TREE


def test_other_formats(tree):
    download(tree, "", "top", format="rar", expect=400)


@pytest.mark.parametrize("fmt", ["zip", "tar"])
def test_the_programs_that_people_have(tree, tmp_path, fmt):
    path = tmp_path / f"top.{fmt}"
    path.write_bytes(download(tree, "", "top", format=fmt).content)
    commands = [["bsdtar", "-tf", path], ["bsdtar", "-xOf", path]]
    commands += [["unzip", "-tqq", path]] if fmt == "zip" else [["tar", "-tf", path]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
    # as it comes, without seeking
    done = subprocess.run(["bsdtar", "-xOf", "-"], input=path.read_bytes(), capture_output=True,
                          check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert sorted(done.stdout) == sorted(b"".join(content for content in TREE.values() if content))


# ---- requests ----

def test_head(tree):
    for files in ("top", "beside.txt"):
        full, head = (download(tree, "", files, method=method) for method in ("GET", "HEAD"))
        assert head.content == b""
        for name in ("Content-Length", "Content-Type", "Content-Disposition"):
            assert full.headers[name] == head.headers[name], name


def test_ranges_of_archives_are_not_there(tree):
    answer = download(tree, "", "top", headers={"Range": "bytes=0-9"})
    assert unzip(answer.content) == TREE


def test_methods(tree):
    answer = download(tree, "", "top", method="OPTIONS")
    assert set(answer.headers["Allow"].split(",")) - {"TRACE"} == {"GET", "HEAD", "POST", "OPTIONS"}
    download(tree, "", "top", method="PUT", expect=405)
    download(tree, "", "top", method="POST", expect=403)  # no form of ours


@pytest.mark.parametrize("secret, cookie", [
    ("abc123", True), ("x" * 32, True), ("x" * 33, False), ("a;b", False), ("a\r\nX: y", False),
    ("", False)])
def test_the_page_learns_of_the_start(tree, secret, cookie):
    answer = download(tree, "", "top", downloadStartSecret=secret)
    assert answer.headers.get("Set-Cookie") == \
        (f"ocDownloadStarted={secret}; Max-Age=20; Path=/; SameSite=Lax" if cookie else None)


@pytest.mark.parametrize("path, query, status", [
    ("", {"files": "no"}, 404), ("no", {}, 404), ("no", {"files": "top"}, 404),
    ("top", {"files": ["a.txt", "no"]}, 404), ("beside.txt", {"files": "x"}, 404),
    ("..", {}, 400), ("top/../top", {}, 400), ("top", {"files": "../beside.txt"}, 400),
    ("top", {"files": ["a.txt", ".."]}, 400), ("top", {"files": ["a.txt", "sub/large.bin"]}, 400),
    ("top", {"files": ["a.txt", ""]}, 400), ("top\\sub", {}, 400), ("top\0", {}, 400),
    ("top", {"files": "a\nb"}, 400)])
def test_what_is_refused(tree, path, query, status):
    answer = download(tree, path, expect=status, **query)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Content-Disposition" not in answer.headers


def test_other_peoples_files(env, tree):
    other = env.account()
    download(other, "", "top", expect=404)
    download(other, f"../{tree.id}/files", "top", expect=400)


# ---- logins ----

def test_a_page_of_a_browser(env, tree):
    query = f"{DOWNLOAD}?dir=%2F&files=top"
    browser = Browser(env)
    try:
        answer = browser.get(query)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{env.base}index.php/login?redirect_url=" \
            + quote(env.base + query, safe="")
        answer = browser.sign_in(tree, target=env.base + query)
        assert answer.headers["Location"] == env.base + query
        assert unzip(browser.get(query).content) == TREE
    finally:
        browser.close()


def test_secrets_of_programs(env, tree):
    secret = env.cloudctl("app-password", "create", tree.id, "test").stdout.split()[-1]
    answer = env.http("GET", f"{DOWNLOAD}?files=top", auth=(tree.id, secret))
    assert unzip(answer.content) == TREE
    env.expect_log("AH01617")
    answer = env.http("GET", f"{DOWNLOAD}?files=top", auth=(tree.id, "wrong"))
    assert answer.status_code == 401


def test_a_password_where_more_is_asked_for(env, tree):
    secret = env.cloudctl("app-password", "create", tree.id, "more").stdout.split()[-1]
    env.config("CloudTwoFactor required")
    try:
        download(tree, "", "top", expect=401)
        answer = env.http("GET", f"{DOWNLOAD}?files=top", auth=(tree.id, secret))
        assert unzip(answer.content) == TREE
    finally:
        env.config()


def test_without_the_module(new_env):
    env = new_env()
    env.config(before="Define WITHOUT_ARCHIVE")
    env.start()
    answer = env.http("GET", f"{DOWNLOAD}?files=top")
    assert answer.status_code == 404


# ---- what happens meanwhile ----

BIG = 24 << 20


class Slow:
    """A download whose client has read the head of the answer and waits: most of big is still to be sent."""

    def __init__(self, account, fmt="zip"):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", account.env.port))
        self.socket.sendall(f"GET {account.env.base}{DOWNLOAD}?files=slow&format={fmt} HTTP/1.1\r\n"
                            f"Host: localhost\r\nAuthorization: {account.authorization}\r\n\r\n".encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.data += self.socket.recv(4096)
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200"), head
        self.length = int(re.search(rb"Content-Length: (\d+)", head).group(1))

    def rest(self):
        """All that comes until the length is reached or the server closes."""
        chunks = [self.data]
        got = len(self.data)
        while got < self.length:
            try:
                chunk = self.socket.recv(1 << 20)
            except ConnectionResetError:
                break
            if not chunk:
                break
            chunks.append(chunk)
            got += len(chunk)
        self.socket.close()
        return b"".join(chunks)


@pytest.fixture(name="slow")
def fixture_slow(account):
    account.mkcol("slow")
    account.put("slow/big", b"\0" * BIG)
    account.put("slow/next", b"what was there")
    return account


@pytest.mark.parametrize("fmt, unpack", [("zip", unzip), ("tar", untar)])
def test_what_still_can_be_sent(slow, fmt, unpack):
    request = Slow(slow, fmt)
    slow.mkcol("other")
    slow.move("slow/next", "other/moved")
    slow.put("slow/new", b"too late")
    found = unpack(request.rest())
    assert found == {"slow/": None, "slow/big": b"\0" * BIG, "slow/next": b"what was there"}
    slow.move("other/moved", "slow/next")
    slow.delete("slow/new")
    request = Slow(slow, fmt)
    slow.put("slow/next", b"what is there!")  # of the same size
    assert unpack(request.rest())["slow/next"] == b"what is there!"


def delete(account):
    account.delete("slow/next")


def delete_all(account):
    account.delete("slow")


def overwrite(account):
    account.put("slow/next", b"other")


def make_a_folder(account):
    account.delete("slow/next")
    account.mkcol("slow/next")


def disable(account):
    account.env.cloudctl("account", "disable", account.id)


@pytest.mark.parametrize("change", [delete, delete_all, overwrite, make_a_folder, disable])
@pytest.mark.parametrize("fmt", ["zip", "tar"])
def test_what_can_not(slow, change, fmt):
    slow.env.expect_log("the download of an archive is broken off")
    request = Slow(slow, fmt)
    change(slow)
    content = request.rest()
    assert BIG < len(content) < request.length
    if fmt == "zip":
        with pytest.raises(zipfile.BadZipFile):
            unzip(content)


def test_what_can_not_be_read(slow):
    slow.env.expect_log("the download of an archive is broken off|not on disk|cannot|can't|Permission")
    request = Slow(slow)
    place = slow.env.data / "accounts" / slow.id / "files/slow/next"
    place.rename(place.with_name("elsewhere"))
    content = request.rest()
    assert len(content) < request.length
    place.with_name("elsewhere").rename(place)
    assert unzip(download(slow, "", "slow").content)["slow/next"] == b"what was there"


def test_a_client_that_leaves(slow):
    """Nothing is logged as an error, and the file is not read to its end."""
    request = Slow(slow)
    request.socket.close()
    assert slow.get("slow/next").content == b"what was there"


def test_http2_sees_it_too(slow):
    env = slow.env
    env.config("Protocols h2c http/1.1", modules=("http2",))
    try:
        slow.put("slow/big", b"\0" * (3 * BIG))  # more than the windows of the stream
        command = ["curl", "-s", "--http2-prior-knowledge", "-u", f"{slow.id}:{slow.password}",
                   f"{env.url}{DOWNLOAD}?files=slow"]
        env.expect_log("the download of an archive is broken off")
        with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
            assert curl.stdout.read(4) == b"PK\x03\x04"
            slow.delete("slow/next")
            curl.stdout.read()
        assert curl.returncode in (18, 92)  # partial file, or the stream was not closed cleanly
        assert unzip(subprocess.run(command, capture_output=True, check=True).stdout)["slow/big"] \
            == b"\0" * (3 * BIG)
    finally:
        env.config()


# ---- large ones ----

def peak(pid):
    """Most memory that a process ever had, in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))


@pytest.mark.parametrize("fmt", ["zip", "tar"])
def test_memory_does_not_grow(account, fmt):
    """The formats' own limits are in the unit tests."""
    env = account.env
    account.mkcol("large")
    place = env.data / "accounts" / account.id / "files/large/file"
    size = 300 << 20
    with open(place, "wb") as file:
        file.truncate(size)
    os.chown(place, env.data.stat().st_uid, env.data.stat().st_gid)
    env.cloudctl("scan", "--account", account.id)
    for n in range(200):
        account.put(f"large/{n:03}", b"small")
    before = {pid: peak(pid) for pid in env.children()}
    with account.http.get(f"{env.url}{DOWNLOAD}?files=large&format={fmt}", stream=True, timeout=300) as answer:
        assert answer.status_code == 200
        got = sum(map(len, answer.iter_content(1 << 20)))
    assert got == int(answer.headers["Content-Length"]) > size
    if not env.sanitized:
        for pid, kib in before.items():
            assert peak(pid) - kib < 20_000, "memory grew with the size"


# ---- what others share ----

NO_DOWNLOAD = {"attributes[0][scope]": "permissions", "attributes[0][key]": "download",
               "attributes[0][value]": "false"}


def test_received_shares_are_in_it(env, tree):
    other = env.account()
    other.put("own.txt", b"own")
    share(tree, "top", other)
    share(tree, "beside.txt", other)
    assert unzip(download(other).content) == {**TREE, "beside.txt": b"beside", "own.txt": b"own"}
    assert unzip(download(other, "", ["top", "own.txt"]).content) == {**TREE, "own.txt": b"own"}
    assert download(other, "", "beside.txt").content == b"beside"


@pytest.mark.parametrize("path", ["top", "beside.txt"])
def test_what_may_not_be_fetched_is_refused_at_once(env, tree, path):
    other = env.account()
    other.put("own.txt", b"own")
    share(tree, path, other, permissions=1, **NO_DOWNLOAD)
    download(other, "", path, expect=403)
    download(other, "", [path, "own.txt"], expect=403)
    assert download(other, "", "own.txt").content == b"own"
    # what nobody asked for by its name keeps nothing else from being fetched
    assert unzip(download(other).content) == {"own.txt": b"own"}


def test_many_long_names_are_selected(env, account):
    names = [f"{i:03}-" + "\u00e4" * 120 for i in range(500)]
    for name in names:
        account.put(name, b"")
    browser = Browser(env)
    assert browser.sign_in(account).status_code == 303
    page = browser.get("index.php/apps/files/")
    answer = browser.submit(page, {"files[]": names}, having="dir")
    assert answer.status_code == 200, answer.text[:500]
    assert unzip(answer.content) == dict.fromkeys(names, b"")
    answer = browser.submit(page, {"files[]": [*names, "x" * (1 << 20)]}, having="dir")
    assert answer.status_code == 413
    browser.close()
