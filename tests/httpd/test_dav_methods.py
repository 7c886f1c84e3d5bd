"""Every method of the files space, good and bad: statuses, headers, bodies."""

import hashlib
import re
import socket

import pytest

from harness.dav import clark, error

SPACES = ("files", "webdav")
MTIME = 1500000000
LAST_MODIFIED = "Fri, 14 Jul 2017 02:40:00 GMT"


def sha1(data):
    return f"SHA1:{hashlib.sha1(data).hexdigest()}"


def exchange(env, account, head, body=b"", close_early=False):
    """Sends a request as bytes; the status line's code and the rest of the answer."""
    head = head.replace("\n", "\r\n") + (f"\r\nHost: localhost\r\nAuthorization: "
                                         f"{account.authorization}\r\nConnection: close\r\n\r\n")
    with socket.create_connection(("127.0.0.1", env.port), 60) as sock:
        sock.sendall(head.encode() + body)
        if close_early:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        while block := sock.recv(65536):
            answer += block
    return int(answer.split()[1]) if answer else 0, answer


# ---- PUT ----

@pytest.mark.parametrize("space", SPACES)
def test_put_new_and_replaced(account, space):
    data = b"hello world"
    first = account.put("file.txt", data, expect=(201,), space=space, headers={
        "X-OC-Mtime": str(MTIME), "OC-Checksum": sha1(data), "OC-Total-Length": str(len(data))})
    assert first.content == b""
    assert first.headers["X-OC-MTime"] == "accepted"
    assert re.fullmatch(r'"[0-9a-z]+"', first.headers["ETag"])
    assert first.headers["OC-ETag"] == first.headers["ETag"]
    assert first.headers["OC-FileId"]
    second = account.put("file.txt", b"other", expect=(204,), space=space)
    assert second.headers["OC-FileId"] == first.headers["OC-FileId"]
    assert second.headers["ETag"] != first.headers["ETag"]
    assert "X-OC-MTime" not in second.headers


def test_put_etag_and_id_are_those_of_every_other_answer(account):
    put = account.put("same.txt", b"content")
    row = account.propfind("same.txt", props=("d:getetag", "oc:id")).first
    get = account.get("same.txt")
    assert row["d:getetag"] == put.headers["ETag"] == get.headers["ETag"] == get.headers["OC-ETag"]
    assert row["oc:id"] == put.headers["OC-FileId"] == get.headers["OC-FileId"]


def test_put_empty_file(account):
    assert account.put("empty", b"").status_code == 201
    answer = account.get("empty")
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_put_large_streamed_without_length(account):
    block = bytes(range(256)) * 1024

    def body():
        for _ in range(20):
            yield block

    assert account.put("streamed", body()).status_code == 201
    assert account.get("streamed").content == block * 20


@pytest.mark.parametrize("sent,seen", [
    ("1500000000", LAST_MODIFIED), ("1500000000.789", LAST_MODIFIED),
    ("0", "Thu, 01 Jan 1970 00:00:00 GMT"), ("-86400", "Wed, 31 Dec 1969 00:00:00 GMT"),
    ("4294967297", "Sun, 07 Feb 2106 06:28:17 GMT"),
    ("99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"),
])
def test_mtime(account, sent, seen):
    assert account.put("t", b"x", headers={"X-OC-Mtime": sent}).headers["X-OC-MTime"] == "accepted"
    assert account.get("t").headers["Last-Modified"] == seen
    assert account.prop("t", "d:getlastmodified") == seen


@pytest.mark.parametrize("sent", ("", "abc", "12abc", "--1", "0x10", "."))
def test_mtime_that_is_none_is_ignored(account, sent):
    assert "X-OC-MTime" not in account.put("t", b"x", headers={"X-OC-Mtime": sent}).headers


@pytest.mark.parametrize("algorithm,name", [("sha1", "SHA1"), ("md5", "MD5"), ("sha256", "SHA256")])
def test_checksum_is_verified(account, algorithm, name):
    good = f"{name}:{hashlib.new(algorithm, b'data').hexdigest()}"
    account.put("sum", b"data", expect=(201,), headers={"OC-Checksum": good})
    bad = account.put("sum", b"other", expect=(400,), headers={"OC-Checksum": good})
    assert error(bad)[0] == "Sabre\\DAV\\Exception\\BadRequest"
    assert "checksum" in error(bad)[1]
    assert account.get("sum").content == b"data"


def test_checksum_adler32(account):
    account.put("sum", b"Wikipedia", expect=(201,), headers={"OC-Checksum": "ADLER32:11e60398"})
    account.put("sum", b"Wikipedia", expect=(400,), headers={"OC-Checksum": "ADLER32:11e60399"})


def test_checksum_of_an_unknown_type_is_ignored(account):
    account.put("sum", b"data", expect=(201,), headers={"OC-Checksum": "FUTURE:0123"})


def test_body_shorter_than_announced_changes_nothing(env, account):
    account.put("kept", b"old content")
    status, _ = exchange(env, account, f"PUT {account.path('kept')} HTTP/1.1\nContent-Length: 100",
                         b"short", close_early=True)
    assert status in (0, 400)
    assert account.get("kept").content == b"old content"
    exchange(env, account, f"PUT {account.path('new')} HTTP/1.1\nTransfer-Encoding: chunked",
             b"5\r\nabcde\r\n5\r\nab", close_early=True)
    account.dav("GET", "new")
    assert account.get("new").status_code == 404


@pytest.mark.parametrize("header", ("OC-Total-Length", "X-Expected-Entity-Length"))
def test_chunked_body_of_another_length_than_announced(account, header):
    def body():
        yield b"12345"

    account.put("t", body(), expect=(400,), headers={header: "6"})
    account.put("t", body(), expect=(201,), headers={header: "5"})


def test_total_length_that_contradicts_content_length(account):
    account.put("t", b"12345", expect=(400,), headers={"OC-Total-Length": "6"})
    account.put("t", b"12345", expect=(400,), headers={"OC-Total-Length": "many"})
    assert account.get("t").status_code == 404


def test_put_with_content_range_is_refused(account):
    account.put("t", b"0123456789")
    answer = account.put("t", b"ab", expect=(501,), headers={"Content-Range": "bytes 2-3/10"})
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotImplemented"
    assert account.get("t").content == b"0123456789"


def test_put_where_it_can_not_be(account):
    account.mkcol("folder")
    account.put("file", b"x")
    assert error(account.put("folder", b"x", expect=(409,)))[0] == "Sabre\\DAV\\Exception\\Conflict"
    account.put("", b"x", expect=(409,))
    assert error(account.put("no/file", b"x", expect=(409,)))[0] == "Sabre\\DAV\\Exception\\Conflict"
    account.put("file/below", b"x", expect=(409,))


def test_put_over_quota(env):
    account = env.account(quota="1 MiB")
    big = b"x" * (2 << 20)
    answer = account.put("big", big, expect=(507,))
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\InsufficientStorage"

    def body():
        yield big

    account.put("big", body(), expect=(507,))
    assert account.get("big").status_code == 404
    account.put("small", b"x" * 1000)
    account.put("small", b"y" * 2000, expect=(204,))


def test_refused_before_the_body_is_read(env):
    """With Expect: 100-continue the answer comes without a byte of the body; without, the server does
    not read hundreds of megabytes only to throw them away."""
    account = env.account(quota="1 MiB")
    for head, status in (
            (f"PUT {account.path('big')} HTTP/1.1\nContent-Length: 300000000", 507),
            (f"PUT {account.path('no/such')} HTTP/1.1\nContent-Length: 300000", 409),
            (f"PUT {account.path('x')} HTTP/1.1\nContent-Length: 300000\nIf-Match: \"1\"", 412)):
        for expect in ("", "\nExpect: 100-continue"):
            got, answer = exchange(env, account, head + expect)
            assert got == status, answer
            assert b"100 Continue" not in answer


# ---- GET, HEAD ----

@pytest.mark.parametrize("space", SPACES)
def test_get_headers(account, space):
    data = b"hello world"
    account.put("ü \"a\".txt", data, headers={"X-OC-Mtime": str(MTIME)}, space=space)
    get = account.get("ü \"a\".txt", space=space)
    assert get.content == data
    assert get.headers["Content-Length"] == "11"
    assert get.headers["OC-Checksum"] == sha1(data)
    assert get.headers["Last-Modified"] == LAST_MODIFIED
    assert get.headers["Accept-Ranges"] == "bytes"
    assert get.headers["X-Content-Type-Options"] == "nosniff"
    assert get.headers["Content-Type"].replace(" ", "") == "text/plain;charset=UTF-8"
    assert get.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''%C3%BC%20%22a%22.txt; filename=\"__ _a_.txt\"")
    head = account.dav("HEAD", "ü \"a\".txt", space=space)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "OC-ETag", "OC-FileId", "Content-Length", "Last-Modified", "Content-Type",
                 "OC-Checksum", "Content-Disposition"):
        assert head.headers[name] == get.headers[name], name


def test_get_what_is_not_there(account):
    account.put("file", b"x")
    for path in ("nothing", "no/thing", "file/below"):
        answer = account.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotFound"
    assert account.dav("HEAD", "nothing").status_code == 404


@pytest.mark.parametrize("spec,status,body,content_range", [
    ("bytes=0-4", 206, b"01234", "bytes 0-4/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=-2", 206, b"89", "bytes 8-9/10"), ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
    ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"), ("lines=1-2", 200, b"0123456789", None),
])
def test_ranges(account, spec, status, body, content_range):
    etag = account.put("r", b"0123456789").headers["ETag"]
    answer = account.get("r", headers={"Range": spec, "Accept-Ranges": "bytes"})
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers.get("Content-Range") == content_range
    assert answer.headers["ETag"] == etag


def test_range_that_can_not_be(account):
    account.put("r", b"0123456789")
    answer = account.get("r", headers={"Range": "bytes=100-200"})
    assert answer.status_code == 416
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\RequestedRangeNotSatisfiable"


def test_several_ranges(account):
    account.put("r", b"0123456789")
    answer = account.get("r", headers={"Range": "bytes=0-1,8-9"})
    assert answer.status_code == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges")
    assert b"\r\n\r\n01\r\n" in answer.content and b"\r\n\r\n89\r\n" in answer.content


def test_if_range(account):
    etag = account.put("r", b"0123456789").headers["ETag"]
    assert account.get("r", headers={"Range": "bytes=1-1", "If-Range": etag}).status_code == 206
    assert account.get("r", headers={"Range": "bytes=1-1", "If-Range": '"old"'}).status_code == 200


@pytest.mark.parametrize("space", SPACES)
def test_collections_answer_get_and_head(account, space):
    account.mkcol("folder", space=space)
    for path in ("", "folder", "folder/"):
        get = account.get(path, space=space)
        assert get.status_code == 200
        assert get.text == ("This is the WebDAV interface. It can only be accessed by WebDAV clients "
                            "such as the ownCloud desktop sync client.")
        assert account.dav("HEAD", path, space=space).status_code == 200


def test_preview_is_never_the_file(account):
    account.put("a.jpg", b"picture")
    for query in ("preview=1", "x=36&y=36&c=1&preview=1", "preview=1&a=1"):
        assert account.dav("GET", "a.jpg", params=query).status_code == 404
    assert account.dav("GET", "a.jpg", params="preview=0").content == b"picture"
    assert account.dav("GET", "a.jpg", params="downloadStartSecret=abc").content == b"picture"


def test_limit_of_the_configuration(env, account):
    env.config("""
        <Location /remote.php>
            LimitRequestBody 1000
        </Location>""")
    env.expect_log("Requested content-length of|larger than the configured limit|Read content length of")
    account.put("f", b"x" * 1000)
    for data in (b"y" * 1001, iter([b"y" * 600, b"y" * 600])):
        answer = account.put("f", data, expect=(413,))
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert account.get("f").content == b"x" * 1000


def test_files_are_not_compressed(env, account):
    env.config("SetOutputFilter DEFLATE")
    account.put("text.txt", b"compressible " * 1000)
    answer = account.get("text.txt", headers={"Accept-Encoding": "gzip, deflate"})
    assert "Content-Encoding" not in answer.headers
    assert "gzip" not in answer.headers["ETag"]
    assert answer.headers["Content-Length"] == "13000"


@pytest.mark.parametrize("name", ("x.php", "x.shtml", "x.cgi", "x.html", "x.html.de", "x.var",
                                  "x.asis", "index.html", ".htpasswd", "x.gz", "x.svgz"))
def test_uploads_are_data(env, account, name):
    """Neither name nor content makes the host's modules do anything."""
    env.config("""
        <IfModule !mod_include.c>
            LoadModule include_module {0}/mod_include.so
        </IfModule>
        AddOutputFilter INCLUDES .shtml .html
        AddHandler type-map .var
        AddHandler cgi-script .cgi
        AddHandler send-as-is .asis
        Options +Includes +ExecCGI +MultiViews
    """.format(env.settings["HTTPD_MODULES"]))
    content = b'Status: 500 <!--#echo var="SERVER_SOFTWARE" --> <?php phpinfo(); ?>\n\n#!/bin/sh\n'
    account.put(name, content)
    answer = account.get(name)
    assert answer.status_code == 200
    assert answer.content == content
    assert "Content-Encoding" not in answer.headers
    assert "Content-Language" not in answer.headers
    assert answer.headers["Content-Disposition"].startswith("attachment")


# ---- MKCOL, DELETE ----

@pytest.mark.parametrize("space", SPACES)
def test_mkcol(account, space):
    made = account.mkcol("a", space=space)
    assert made.headers["OC-FileId"] == account.prop("a", "oc:id", space=space)
    assert made.content == b""
    account.mkcol("a/b/", space=space)
    again = account.mkcol("a", expect=(405,), space=space)
    assert "MKCOL" in again.headers["Allow"]
    assert error(again) == ("Sabre\\DAV\\Exception\\MethodNotAllowed",
                            "The resource you tried to create already exists")
    account.put("file", b"x", space=space)
    account.mkcol("file", expect=(405,), space=space)
    account.mkcol("", expect=(405,), space=space)
    assert error(account.mkcol("x/y", expect=(409,), space=space))[0] \
        == "Sabre\\DAV\\Exception\\Conflict"
    account.mkcol("file/y", expect=(409,), space=space)


def test_mkcol_with_body(account):
    body = b'<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/></resourcetype></prop></set>'
    for data in (body, iter([body])):
        account.mkcol("a", expect=(415,), data=data, headers={"Content-Type": "text/xml"})
    assert account.get("a").status_code == 404
    # in chunks, of which there is none
    account.mkcol("a", expect=(201,), data=iter([]), headers={"Content-Type": "text/xml"})
    account.mkcol("a", expect=(405,))


@pytest.mark.parametrize("space", SPACES)
def test_delete(account, space):
    account.mkcol("d")
    account.mkcol("d/e")
    account.put("d/e/f", b"x")
    account.put("g", b"x")
    assert account.delete("g", space=space).content == b""
    account.delete("d/", space=space, depth="infinity")
    for path in ("g", "d", "d/e", "d/e/f"):
        assert account.get(path, space=space).status_code == 404
        assert error(account.delete(path, expect=(404,), space=space))[0] \
            == "Sabre\\DAV\\Exception\\NotFound"


def test_delete_of_the_root(account):
    account.put("kept", b"x")
    for space in SPACES:
        assert error(account.delete("", expect=(403,), space=space))[0] \
            == "Sabre\\DAV\\Exception\\Forbidden"
    assert account.get("kept").status_code == 200


# ---- MOVE, COPY ----

@pytest.mark.parametrize("space", SPACES)
def test_move_keeps_id_and_etag(account, space):
    put = account.put("a", b"x", space=space, headers={"X-OC-Mtime": str(MTIME)})
    account.mkcol("folder", space=space)
    moved = account.move("a", "folder/b", expect=(201,), space=space)
    for name in ("OC-FileId", "ETag", "OC-ETag"):
        assert moved.headers[name] == put.headers[name], name
    assert account.get("a", space=space).status_code == 404
    assert account.get("folder/b", space=space).headers["Last-Modified"] == LAST_MODIFIED


def test_move_folder_with_content(account):
    account.mkcol("a")
    account.mkcol("a/b")
    account.put("a/b/c", b"content")
    ids = [account.prop(path, "oc:id") for path in ("a", "a/b", "a/b/c")]
    account.move("a/", "z/", expect=(201,))
    assert [account.prop(path, "oc:id") for path in ("z", "z/b", "z/b/c")] == ids
    assert account.get("z/b/c").content == b"content"


def test_rename_that_changes_only_case(account):
    account.put("foo", b"x")
    account.move("foo", "Foo", expect=(201,))
    assert account.propfind("", depth=1).names() == ["Foo"]


def test_overwrite(account):
    account.put("a", b"a")
    account.put("b", b"b")
    for method in (account.move, account.copy):
        answer = method("a", "b", expect=(412,), overwrite=False)
        assert error(answer)[0] == "Sabre\\DAV\\Exception\\PreconditionFailed"
    assert account.get("b").content == b"b"
    account.copy("a", "b", expect=(204,), overwrite=True)
    account.put("a", b"c")
    account.move("a", "b", expect=(204,))
    assert account.get("b").content == b"c"
    account.put("a", b"a")
    account.move("a", "c", expect=(201,), overwrite=False)


def test_overwrite_of_a_folder(account):
    account.mkcol("src")
    account.put("src/new", b"x")
    account.mkcol("dst")
    account.put("dst/old", b"x")
    account.move("src", "dst", expect=(204,), overwrite=True)
    assert account.propfind("dst", depth=1).names() == ["new"]


def test_copy(account):
    put = account.put("a", b"data", headers={"X-OC-Mtime": str(MTIME)})
    copied = account.copy("a", "b", expect=(201,))
    assert copied.headers["OC-FileId"] != put.headers["OC-FileId"]
    get = account.get("b")
    assert get.content == b"data"
    assert get.headers["Last-Modified"] == LAST_MODIFIED
    assert get.headers["OC-Checksum"] == sha1(b"data")
    assert get.headers["OC-FileId"] == copied.headers["OC-FileId"]
    account.put("a", b"changed")
    assert account.get("b").content == b"data"


def test_copy_of_a_folder(account):
    account.mkcol("a")
    account.mkcol("a/sub")
    account.put("a/sub/f", b"deep")
    account.copy("a", "whole", expect=(201,), depth="infinity")
    assert account.get("whole/sub/f").content == b"deep"
    account.copy("a", "shallow", expect=(201,), depth=0)
    assert account.propfind("shallow", depth=1).names() == []


@pytest.mark.parametrize("source,target", [("files", "webdav"), ("webdav", "files")])
def test_between_the_two_names_of_one_space(account, source, target):
    account.put("a", b"x", space=source)
    account.copy("a", "b", expect=(201,), space=source, dest_space=target)
    account.move("a", "c", expect=(201,), space=source, dest_space=target)
    assert account.propfind("", depth=1).names() == ["b", "c"]


def test_destination_parent_missing(account):
    account.put("a", b"x")
    for method in (account.move, account.copy):
        assert error(method("a", "no/b", expect=(409,)))[0] == "Sabre\\DAV\\Exception\\Conflict"
    assert account.get("a").status_code == 200


def test_into_itself_and_onto_itself(account):
    account.mkcol("a")
    account.mkcol("a/b")
    for method in (account.move, account.copy):
        method("a", "a/b/c", expect=(403, 409))
        method("a", "a", expect=(403,))
    assert account.propfind("a", depth=1).names() == ["b"]


def test_move_or_copy_of_nothing(account):
    for method in (account.move, account.copy):
        method("nothing", "b", expect=(404,))
    account.move("", "b", expect=(403,))


def destination(account, value, method="COPY", **headers):
    return account.dav(method, "a", headers={"Destination": value, **headers})


def test_forms_of_destination(env, account):
    account.put("a", b"x")
    path = account.path("b")
    for value in (path, f"http://127.0.0.1:{env.port}{path}", f"http://localhost{path}",
                  f"https://localhost:443{path}", f"http://LOCALHOST:1{path}"):
        assert destination(account, value).status_code in (201, 204), value
    # As a proxy in front leaves it
    assert destination(account, f"https://cloud.example{path}",
                       **{"X-Forwarded-Host": "cloud.example"}).status_code == 204
    assert destination(account, f"https://cloud.example{path}",
                       **{"X-Forwarded-For": "192.0.2.1"}).status_code == 204


def test_destinations_that_are_refused(env, account):
    account.put("a", b"x")
    root = account.path("")
    for value, status in ((f"http://other.example{root}b", 502), ("/elsewhere/b", 502),
                          ("/remote.php/dav/calendars/x", 403), ("b", 400), ("//b", 400), ("", 400),
                          (f"{root}b?x=1", 400), (f"{root}b#x", 400), (f"{root}x%2Fy", 400),
                          (f"{root}x%00y", 400), (f"{root}x%zz", 400), (f"{root}../b", 400),
                          (f"{root}%2e%2e/b", 400), (f"{root}%ff", 400), (f"{root}a%5Cb", 400),
                          ("http:", 400), ("ftp://", 400), ("/remote.php/dav/uploads/x/y/z", 403),
                          ("/remote.php/dav/files/", 403), ("/remote.php/dav/", 403)):
        for method in ("COPY", "MOVE"):
            answer = destination(account, value, method)
            assert answer.status_code == status, (method, value, answer.status_code)
    assert account.dav("MOVE", "a").status_code == 400
    assert account.propfind("", depth=1).names() == ["a"]


def test_destination_is_decoded_once_and_plus_is_literal(account):
    account.put("a", b"x")
    root = account.path("")
    for value, name in ((f"{root}b+c", "b+c"), (f"{root}b%2Bd", "b+d"), (f"{root}100%25", "100%"),
                        (f"{root}%2541", "%41"), (f"{root}x%20y", "x y"), (f"{root}%26%23", "&#")):
        assert destination(account, value).status_code == 201, value
        assert account.get(name).status_code == 200, name


def test_bad_depth_and_overwrite(account):
    account.mkcol("a")
    for method, headers in (("MOVE", {"Depth": "0"}), ("MOVE", {"Depth": "1"}),
                            ("COPY", {"Depth": "1"}), ("COPY", {"Depth": "x"}),
                            ("MOVE", {"Overwrite": "maybe"})):
        answer = destination(account, account.path("b"), method, **headers)
        assert answer.status_code == 400, (method, headers)


def test_copy_over_quota(env):
    account = env.account(quota="1 MiB")
    account.put("a", b"x" * 700000)
    account.copy("a", "b", expect=(507,))
    assert account.get("b").status_code == 404
    account.move("a", "c", expect=(201,))


def test_move_sets_mtime_when_asked(account):
    account.put("a", b"x", headers={"X-OC-Mtime": "1400000000"})
    moved = account.move("a", "b", headers={"X-OC-Mtime": str(MTIME)})
    assert moved.headers["X-OC-MTime"] == "accepted"
    get = account.get("b")
    assert get.headers["Last-Modified"] == LAST_MODIFIED
    assert get.headers["ETag"] == moved.headers["ETag"]


# ---- other methods ----

@pytest.mark.parametrize("path", ("remote.php/webdav/", "remote.php/webdav/any/thing",
                                  "remote.php/dav/files/somebody/", "remote.php/dav/uploads/x/"))
def test_options_are_anonymous(env, path):
    answer = env.http("OPTIONS", path)
    assert answer.status_code == 200
    assert answer.headers["DAV"].startswith("1, 2" if "uploads" not in path else "1")
    assert answer.headers["MS-Author-Via"] == "DAV"
    assert {"PROPFIND", "PUT", "MOVE", "LOCK", "MKCOL"} <= set(answer.headers["Allow"].split(", "))
    assert answer.content == b""


@pytest.mark.parametrize("path", ("remote.php/dav", "remote.php/dav/", "remote.php/dav/files",
                                  "remote.php/dav/files/", "remote.php/", "remote.php", ""))
def test_parents_do_not_claim_dav(env, path):
    answer = env.http("OPTIONS", path)
    assert "DAV" not in answer.headers
    assert "MS-Author-Via" not in answer.headers


def test_methods_that_are_not_served(account):
    account.put("a.php", b"content")
    for method, status in (("POST", 501), ("PATCH", 405), ("MKCALENDAR", 501), ("ACL", 501),
                           ("SEARCH", (405, 501)), ("CHECKOUT", 405), ("VERSION-CONTROL", 405),
                           ("TRACE", 405)):
        answer = account.dav(method, "a.php")
        assert answer.status_code == status or answer.status_code in (status or ()) \
            if isinstance(status, tuple) else answer.status_code == status, \
            (method, answer.status_code)
        assert b"content" not in answer.content
    assert account.get("a.php").content == b"content"


def test_unknown_report(account):
    answer = account.dav("REPORT", "", data=b'<x:nothing xmlns:x="urn:x"/>')
    assert answer.status_code in (403, 415, 501)
    assert account.dav("REPORT", "nothing", data=b'<x:no xmlns:x="urn:x"/>').status_code in (404, 415)


# ---- spaces and people ----

def test_other_peoples_spaces(env, account):
    other = env.account()
    other.put("secret", b"secret")
    for name in (other.id, "nobody-of-that-name"):
        base = f"/remote.php/dav/files/{name}/"
        for method in ("GET", "HEAD", "PROPFIND"):
            for path in ("", "secret", "nothing"):
                answer = env.http(method, base + path, account)
                assert answer.status_code == 404, (method, name, path)
        for method in ("PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK", "UNLOCK", "MOVE"):
            for path in ("secret", "new"):
                answer = env.http(method, base + path, account, data=b"",
                                  headers={"Destination": account.path("x")})
                assert answer.status_code == 403, (method, name, path, answer.status_code)
        assert env.http("COPY", base + "secret", account,
                        headers={"Destination": account.path("x")}).status_code == 404
        account.put("mine", b"x")
        for method in ("MOVE", "COPY"):
            assert account.dav(method, "mine", headers={"Destination": base + "x"}).status_code == 403
    assert other.propfind("", depth=1).names() == ["secret"]
    assert account.propfind("", depth=1).names() == ["mine"]


def test_id_in_another_case(env):
    account = env.account("MixedCase")
    account.put("f", b"x")
    answer = env.http("GET", "/remote.php/dav/files/mixedcase/f", account)
    assert answer.content == b"x"
    listing = env.http("PROPFIND", "/remote.php/dav/files/mIXEDcase/", account,
                       headers={"Depth": "1"})
    assert listing.status_code == 207
    assert "/remote.php/dav/files/mIXEDcase/f<" in listing.text


def test_places_that_are_not(env, account):
    for path in ("remote.php", "remote.php/", "remote.php/nothing", "remote.php/webdavx/f",
                 "remote.php/dav/nothing/", "remote.php/davx"):
        for method in ("GET", "PROPFIND"):
            assert env.http(method, path, account).status_code == 404, (method, path)
        assert env.http("PUT", path, account, data=b"x").status_code in (403, 404), path
    for path in ("remote.php/dav/", "remote.php/dav/files/"):
        assert env.http("GET", path, account).status_code == 200
        for method in ("PUT", "DELETE", "MOVE", "LOCK"):
            assert env.http(method, path, account, data=b"").status_code in (403, 405), (method, path)


def test_maintenance(env, account):
    account.put("f", b"x")
    env.cloudctl("maintenance", "on")
    try:
        for method in ("GET", "PUT", "PROPFIND", "DELETE", "MKCOL"):
            answer = account.dav(method, "f")
            assert answer.status_code == 503
            assert error(answer) == ("Sabre\\DAV\\Exception\\ServiceUnavailable",
                                     "System in maintenance mode.")
    finally:
        env.cloudctl("maintenance", "off")
    assert account.get("f").content == b"x"


@pytest.mark.parametrize("base", ("/owncloud/", "/a/b+c/"))
def test_prefix(env, base):
    env.config(base=base)
    try:
        account = env.account()
        account.mkcol("d")
        account.put("d/f", b"x")
        account.move("d/f", "g", expect=(201,))
        account.copy("g", "h", expect=(201,), dest_space="webdav")
        assert destination_status(account, "/remote.php/dav/files/x") == 502
        listing = account.propfind("", depth=1)
        assert list(listing)[0] == f"{base}remote.php/dav/files/{account.id}/"
        assert listing.names() == ["d", "g", "h"]
    finally:
        env.config()


def destination_status(account, value):
    return account.dav("COPY", "g", headers={"Destination": value}).status_code


def test_rules_of_the_configuration_hold_for_destinations(env, account):
    env.config(f'<Location "{account.path("closed")}">\nRequire all denied\n</Location>')
    env.expect_log("client denied by server configuration")
    account.put("a", b"x")
    account.put("closed", b"x", expect=(403,))
    for method in ("COPY", "MOVE"):
        assert destination(account, account.path("closed"), method).status_code == 403
    assert account.propfind("", depth=1).names() == ["a"]


def test_error_bodies_are_sabre_xml(account):
    answer = account.get("<&>")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotFound"
    assert clark("d:error") in answer.text or "<d:error" in answer.text
