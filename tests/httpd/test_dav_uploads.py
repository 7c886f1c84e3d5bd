"""Uploads: chunking NG with every client's names, chunking v1, and what can go wrong."""

import hashlib
import threading

import pytest

from harness.dav import error

UP = {"space": "uploads"}
MTIME = 1500000000


def sha1(data):
    return f"SHA1:{hashlib.sha1(data).hexdigest()}"


def finish(account, session, target, expect=(201, 204), total=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if total is not None:
        headers["OC-Total-Length"] = str(total)
    return account.move(f"{session}/.file", target, expect=expect, headers=headers, **UP)


def upload(account, session, chunks):
    account.mkcol(session, **UP)
    for name, data in chunks:
        account.put(f"{session}/{name}", data, expect=(201,), **UP)


def chunk_names(account, session):
    return [name for name in account.propfind(session, depth=1, **UP).names() if name != ".file"]


A, B, C = b"a" * 50000, b"b" * 70000, b"c" * 3


@pytest.mark.parametrize("names", [
    ("0000000000000000", "0000000000050000", "0000000000120000"),            # ownCloud desktop
    ("0000000000000000", "0000000000000001", "0000000000000002"),            # Nextcloud desktop
    ("0", "1", "2"), ("1", "2", "10"), ("8", "9", "10"),                     # Android
    ("000000000000000-000000000049999", "000000000050000-000000000119999",
     "000000000120000-000000000120002"),                                     # rclone
])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_chunks_of_all_clients(account, names, order):
    chunks = list(zip(names, (A, B, C)))
    account.mkcol("s", expect=(201,), headers={"OC-Total-Length": str(len(A + B + C))}, **UP)
    for index in order:
        name, data = chunks[index]
        account.put(f"s/{name}", data, expect=(201,), **UP)
    assert chunk_names(account, "s") == list(names)
    answer = finish(account, "s", "big", expect=(201,), total=len(A + B + C), X_OC_Mtime=str(MTIME),
                    OC_Checksum=sha1(A + B + C))
    assert answer.headers["X-OC-MTime"] == "accepted"
    assert answer.headers["ETag"] == answer.headers["OC-ETag"]
    get = account.get("big")
    assert get.content == A + B + C
    assert get.headers["ETag"] == answer.headers["ETag"]
    assert get.headers["OC-FileId"] == answer.headers["OC-FileId"]
    assert get.headers["OC-Checksum"] == sha1(A + B + C)
    assert get.headers["Last-Modified"] == "Fri, 14 Jul 2017 02:40:00 GMT"


def test_android_sends_an_empty_last_chunk(account):
    upload(account, "s", [("0", A), ("1", B), ("2", b"")])
    finish(account, "s", "big", total=len(A + B))
    assert account.get("big").content == A + B


def test_all_chunks_empty(account):
    upload(account, "s", [("0", b"")])
    finish(account, "s", "empty", total=0)
    assert account.get("empty").content == b""


def test_session_without_chunks(account):
    account.mkcol("s", **UP)
    finish(account, "s", "empty", total=0, expect=(201, 400, 404))
    account.mkcol("t", **UP)
    finish(account, "t", "empty", total=5, expect=(400,))


def test_chunk_replaced(account):
    upload(account, "s", [("0", A), ("1", B)])
    account.put("s/0", C, expect=(204,), **UP)
    account.put("s/1", A, expect=(204,), **UP)
    finish(account, "s", "big", total=len(C + A))
    assert account.get("big").content == C + A


def test_chunk_that_broke_off_is_sent_again(env, account):
    account.mkcol("s", **UP)
    request = (f"PUT {account.path('s/0', 'uploads')} HTTP/1.1\r\nHost: localhost\r\n"
               f"Authorization: {account.authorization}\r\nContent-Length: 50000\r\n\r\n")
    import socket
    with socket.create_connection(("127.0.0.1", env.port), 30) as sock:
        sock.sendall(request.encode() + A[:1000])
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    assert chunk_names(account, "s") == []
    account.put("s/0", A, expect=(201,), **UP)
    finish(account, "s", "big", total=len(A))
    assert account.get("big").content == A


def test_resume(account):
    upload(account, "s", [("0000000000000000", A)])
    listing = account.propfind("s", depth=1, props=("d:resourcetype", "d:getcontentlength"), **UP)
    first, *rest = listing.values()
    assert first["d:resourcetype"] == "d:collection"
    sizes = {href.rsplit("/", 1)[1]: int(entry["d:getcontentlength"])
             for href, entry in zip(list(listing)[1:], rest) if not href.endswith(".file")}
    assert sizes == {"0000000000000000": len(A)}
    account.put("s/0000000000050000", B, **UP)
    finish(account, "s", "big", total=len(A + B))
    assert account.get("big").content == A + B


def test_get_of_a_chunk(account):
    upload(account, "s", [("0", A), ("1", B)])
    assert account.dav("GET", "s/0", **UP).content == A
    assert account.dav("GET", "s/1", **UP).content == B
    assert account.dav("GET", "s/1", headers={"Range": "bytes=0-1"}, **UP).content == b"bb"
    assert account.dav("GET", "s/2", **UP).status_code == 404
    assert account.dav("GET", "s", **UP).status_code == 200
    assert account.dav("HEAD", "t", **UP).status_code == 404


def test_delete_of_chunks_and_sessions(account):
    upload(account, "s", [("0", A), ("1", B)])
    account.delete("s/1", **UP)
    account.delete("s/1", expect=(404,), **UP)
    assert chunk_names(account, "s") == ["0"]
    account.delete("s", **UP)
    account.delete("s", expect=(404,), **UP)
    account.put("s/0", A, expect=(404,), **UP)
    finish(account, "s", "big", expect=(404,))


def test_mkcol_twice(account):
    account.mkcol("s", **UP)
    again = account.mkcol("s", expect=(405,), **UP)
    assert error(again) == ("Sabre\\DAV\\Exception\\MethodNotAllowed",
                            "The resource you tried to create already exists")
    account.mkcol("rclone-chunked-upload-0123456789abcdef/", **UP)


def test_sizes_that_do_not_sum_up(account):
    upload(account, "s", [("0", A)])
    answer = finish(account, "s", "big", total=len(A) + 1, expect=(400,))
    assert error(answer) == ("Sabre\\DAV\\Exception\\BadRequest",
                             f"Chunks on server do not sum up to {len(A) + 1} but to {len(A)}")
    assert account.get("big").status_code == 404
    finish(account, "s", "big", total=len(A), expect=(201,))


def test_wrong_checksum(account):
    upload(account, "s", [("0", A)])
    answer = finish(account, "s", "big", expect=(400,), OC_Checksum=sha1(b"other"))
    assert error(answer)[1] == "The computed checksum does not match the one received from the client."
    assert account.get("big").status_code == 404
    finish(account, "s", "big", expect=(201,), OC_Checksum=sha1(A))


def test_overwrite_keeps_the_id(account):
    put = account.put("big", b"old")
    upload(account, "s", [("0", A)])
    answer = finish(account, "s", "big", expect=(204,), total=len(A))
    assert answer.headers["OC-FileId"] == put.headers["OC-FileId"]
    assert answer.headers["ETag"] != put.headers["ETag"]
    assert account.get("big").content == A


def test_overwrite_forbidden(account):
    account.put("big", b"old")
    upload(account, "s", [("0", A)])
    account.move("s/.file", "big", expect=(412,), overwrite=False, **UP)
    assert account.get("big").content == b"old"
    account.move("s/.file", "other", expect=(201,), overwrite=False, **UP)


def test_if_match_means_the_target(account):
    etag = account.put("big", b"old").headers["ETag"]
    upload(account, "s", [("0", A)])
    answer = finish(account, "s", "big", expect=(412,), If_Match='"bogus"')
    assert error(answer) == ("Sabre\\DAV\\Exception\\PreconditionFailed",
                             "An If-Match header was specified, but none of the specified ETags matched.")
    assert "<s:header>If-Match</s:header>" in answer.text
    finish(account, "s", "nothing", expect=(412,), If_Match=etag)
    finish(account, "s", "big", expect=(412,), If_None_Match="*")
    assert account.get("big").content == b"old"
    finish(account, "s", "big", expect=(204,), If_Match=etag)
    upload(account, "t", [("0", B)])
    finish(account, "t", "new", expect=(201,), If_None_Match="*")


@pytest.mark.parametrize("space", ("files", "webdav"))
def test_tagged_if_of_the_desktop_client(account, space):
    account.mkcol("a b+ü")
    etag = account.put("a b+ü/big", b"old").headers["ETag"]
    upload(account, "s", [("0", A)])
    path = account.path("a b+ü/big", space)
    finish(account, "s", "a b+ü/big", expect=(412,), If=f'<{path}> (["bogus"])')
    finish(account, "s", "a b+ü/big", expect=(204,), If=f"<{path}> ([{etag}])")
    assert account.get("a b+ü/big").content == A


def test_target_that_can_not_be(account):
    account.mkcol("folder")
    upload(account, "s", [("0", A)])
    finish(account, "s", "no/big", expect=(409,))
    finish(account, "s", "folder", expect=(409,))
    for value, status in ((account.path("t/0", "uploads"), 403), ("http://other.example/x", 502),
                          (account.path("a%5Cb").replace("%255C", "%5C"), 400)):
        assert account.dav("MOVE", "s/.file", headers={"Destination": value}, **UP).status_code \
            == status, value
    assert account.dav("MOVE", "s/.file", **UP).status_code == 400
    finish(account, "s", "folder/big", expect=(201,))


def test_over_quota(env):
    account = env.account(quota="100 KiB")
    upload(account, "s", [("0", A), ("1", B)])
    answer = finish(account, "s", "big", total=len(A + B), expect=(507,))
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\InsufficientStorage"
    assert account.get("big").status_code == 404
    account.mkcol("t", expect=(201, 507), headers={"OC-Total-Length": "200000"}, **UP)


def test_locked_target(account):
    from harness.dav import lock_body
    account.put("big", b"old")
    token = account.dav("LOCK", "big", data=lock_body()).headers["Lock-Token"]
    upload(account, "s", [("0", A)])
    finish(account, "s", "big", expect=(423,))
    path = account.path("big")
    finish(account, "s", "big", expect=(204,), If=f"<{path}> ({token})")


def test_same_finish_again_gives_the_same(account):
    upload(account, "s", [("0", A)])
    first = finish(account, "s", "big", expect=(201,), total=len(A))
    second = finish(account, "s", "big", total=len(A))
    for name in ("ETag", "OC-FileId"):
        assert second.headers[name] == first.headers[name]
    assert account.dav("PROPFIND", "s", depth=1, **UP).status_code == 404
    assert account.propfind("", depth=1, **UP).names() == []


def test_same_finish_again_though_its_condition_no_longer_holds(account):
    """The client that did not hear the first answer sends the very same request."""
    etag = account.put("big", b"old").headers["ETag"]
    path = account.path("big")
    for number, header in enumerate(({"If": f"<{path}> ([{etag}])"}, {"If_Match": etag})):
        if number:
            header = {"If_Match": account.etag("big")}
        upload(account, f"s{number}", [("0", A + bytes([number]))])
        first = finish(account, f"s{number}", "big", expect=(204,), **header)
        second = finish(account, f"s{number}", "big", expect=(204,), **header)
        for name in ("ETag", "OC-FileId"):
            assert second.headers[name] == first.headers[name]
    upload(account, "new", [("0", B)])
    for _ in range(2):
        finish(account, "new", "fresh", expect=(201,), If_None_Match="*")
    finish(account, "new", "elsewhere", expect=(404,))
    upload(account, "again", [("0", B)])
    finish(account, "again", "fresh", expect=(412,), If_None_Match="*")


def test_finished_session_is_not_in_the_way(account):
    for number in range(3):
        data = A + bytes([number])
        account.dav("DELETE", "same-id", **UP)
        upload(account, "same-id", [("0", data)])
        finish(account, "same-id", "big", total=len(data))
        assert account.get("big").content == data


def test_other_peoples_uploads(env, account):
    other = env.account()
    upload(other, "s", [("0", A)])
    base = f"/remote.php/dav/uploads/{other.id}/"
    for method, path, statuses in (("GET", "s/0", (404,)), ("PROPFIND", "", (404,)),
                                   ("PROPFIND", "s", (404,)), ("PUT", "s/1", (403, 404)),
                                   ("DELETE", "s", (403, 404)), ("MKCOL", "t", (403, 404)),
                                   ("MOVE", "s/.file", (403, 404))):
        answer = env.http(method, base + path, account, data=b"",
                          headers={"Destination": account.path("stolen")})
        assert answer.status_code in statuses, (method, path, answer.status_code)
    assert account.dav("MOVE", "nothing/.file", destination="x", **UP).status_code == 404
    upload(account, "mine", [("0", A)])
    assert account.dav("MOVE", "mine/.file", headers={"Destination": other.path("x")},
                       **UP).status_code == 403
    assert chunk_names(other, "s") == ["0"]


def test_what_has_no_meaning_there(account):
    upload(account, "s", [("0", A)])
    for method, path, statuses in (
            ("PUT", "s", (403, 405, 409)), ("PUT", "", (403, 405)), ("PUT", "s/.file", (403, 405)),
            ("MKCOL", "s/0", (403, 405)), ("MKCOL", "s/1", (403, 405)), ("MKCOL", "", (405,)),
            ("DELETE", "", (403,)), ("DELETE", "s/.file", (403, 405)), ("GET", "s/.file", (200, 405)),
            ("COPY", "s/.file", (403,)), ("COPY", "s/0", (403,)), ("MOVE", "s/0", (403,)),
            ("MOVE", "s", (403,)), ("LOCK", "s", (403, 405)), ("GET", "s/0/x", (404,)),
            ("PUT", "s/0/x", (403, 404, 409)), ("PROPPATCH", "s", (400, 403, 405))):
        answer = account.dav(method, path, destination="x",
                             data=b"x" if method == "PUT" else b"", **UP)
        assert answer.status_code in statuses, (method, path, answer.status_code)
    assert chunk_names(account, "s") == ["0"]


@pytest.mark.parametrize("name", ("x y", "ü", "1" * 255, "a.b"))
def test_odd_session_names(account, name):
    upload(account, name, [("0", A)])
    finish(account, name, "big", total=len(A))
    assert account.get("big").content == A


def test_uploads_in_parallel(account):
    """Several files and several chunks of each at once."""
    failures = []

    def one(number):
        session = account.session()
        try:
            chunks = [bytes([number, i]) * 40000 for i in range(6)]
            account.mkcol(f"s{number}", session=session, **UP)
            for i in (1, 0, 3, 2, 5, 4):
                account.put(f"s{number}/{i}", chunks[i], session=session, **UP)
            account.move(f"s{number}/.file", f"f{number}", expect=(201,), session=session,
                         headers={"OC-Checksum": sha1(b"".join(chunks))}, **UP)
        except AssertionError as err:
            failures.append(str(err))
        finally:
            session.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert account.propfind("", depth=1).names() == [f"f{number}" for number in range(8)]


def test_chunks_of_one_session_in_parallel(account):
    chunks = [bytes([i]) * (30000 + i) for i in range(12)]
    account.mkcol("s", **UP)
    failures = []

    def one(part):
        session = account.session()
        try:
            for i in part:
                account.put(f"s/{i:016}", chunks[i], session=session, expect=(201,), **UP)
        except AssertionError as err:
            failures.append(str(err))
        finally:
            session.close()

    threads = [threading.Thread(target=one, args=(range(first, 12, 4),)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    finish(account, "s", "big", expect=(201,), OC_Checksum=sha1(b"".join(chunks)))


# ---- chunking v1 ----

def v1(account, path, transfer, count, index, data, space="webdav", **kwargs):
    headers = {"OC-Chunked": "1", **kwargs.pop("headers", {})}
    return account.put(f"{path}-chunking-{transfer}-{count}-{index}", data, space=space,
                       headers=headers, **kwargs)


@pytest.mark.parametrize("space", ("webdav", "files"))
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_v1(account, space, order):
    account.mkcol("folder")
    chunks, total = (A, B, C), len(A + B + C)
    for index in order[:-1]:
        answer = v1(account, "folder/a b", 4711, 3, index, chunks[index], space, expect=(201,),
                    headers={"OC-Total-Length": str(total), "X-OC-Mtime": str(MTIME)})
        assert "ETag" not in answer.headers and "OC-ETag" not in answer.headers
        assert account.get("folder/a b").status_code == 404
    last = v1(account, "folder/a b", 4711, 3, order[-1], chunks[order[-1]], space, expect=(201,),
              headers={"OC-Total-Length": str(total), "X-OC-Mtime": str(MTIME),
                       "OC-Checksum": sha1(A + B + C)})
    assert last.headers["X-OC-MTime"] == "accepted"
    get = account.get("folder/a b")
    assert get.content == A + B + C
    assert get.headers["ETag"] == last.headers["ETag"] == last.headers["OC-ETag"]
    assert get.headers["OC-FileId"] == last.headers["OC-FileId"]
    assert account.propfind("folder", depth=1).names() == ["a b"]


def test_v1_replaces(account):
    put = account.put("f", b"old")
    v1(account, "f", 1, 2, 0, A, expect=(201,), headers={"If-Match": put.headers["ETag"]})
    last = v1(account, "f", 1, 2, 1, B, expect=(204,), headers={"If-Match": put.headers["ETag"]})
    assert last.headers["OC-FileId"] == put.headers["OC-FileId"]
    assert account.get("f").content == A + B
    v1(account, "f", 2, 2, 0, A, expect=(412,), headers={"If-Match": put.headers["ETag"]})


def test_v1_last_chunk_again(account):
    etag = account.put("f", b"old").headers["ETag"]
    v1(account, "f", 1, 2, 0, A, expect=(201,), headers={"If-Match": etag})
    first = v1(account, "f", 1, 2, 1, B, expect=(204,), headers={"If-Match": etag})
    second = v1(account, "f", 1, 2, 1, B, expect=(204,), headers={"If-Match": etag})
    assert second.headers["ETag"] == first.headers["ETag"]
    assert account.get("f").content == A + B


def test_v1_errors(account):
    v1(account, "no/f", 1, 2, 0, A, expect=(201, 404, 409))
    v1(account, "no/f", 1, 2, 1, B, expect=(404, 409))
    v1(account, "f", 1, 2, 0, A, expect=(201,), headers={"OC-Total-Length": "5"})
    v1(account, "f", 1, 2, 1, B, expect=(400,), headers={"OC-Total-Length": "5"})
    v1(account, "g", 1, 1, 0, A, expect=(400,), headers={"OC-Checksum": sha1(B)})
    assert account.propfind("", depth=1).names() == []


def test_v1_two_transfers_of_one_file(account):
    v1(account, "f", 1, 2, 0, A)
    v1(account, "f", 2, 2, 0, B)
    v1(account, "f", 2, 2, 1, B, expect=(201,))
    assert account.get("f").content == B + B
    v1(account, "f", 1, 2, 1, A, expect=(204,))
    assert account.get("f").content == A + A


def test_name_that_only_looks_like_a_v1_chunk(account):
    account.put("f-chunking-1-2-0", b"x", expect=(201,))
    assert account.get("f-chunking-1-2-0").content == b"x"
    account.put("plain", b"y", expect=(201,), headers={"OC-Chunked": "1"})
    assert account.get("plain").content == b"y"
