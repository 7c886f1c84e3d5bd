"""Uploads: what was acknowledged is there, also where transfer ids come twice."""

import hashlib

A, B, C, D = (letter * 1000 for letter in (b"a", b"b", b"c", b"d"))


def v1(account, path, transfer, count, index, data, expect=(201,), **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return account.put(f"{path}-chunking-{transfer}-{count}-{index}", data, space="webdav",
                       expect=expect, headers={"OC-Chunked": "1", **headers})


def sha1(data):
    return f"SHA1:{hashlib.sha1(data).hexdigest()}"


def test_v1_transfer_id_that_comes_twice(account):
    """Clients draw transfer ids of four digits: the second upload is another one."""
    common = {"OC_Total_Length": "2000"}
    v1(account, "f", 4711, 2, 0, A, X_OC_Mtime="1000", **common)
    first = v1(account, "f", 4711, 2, 1, B, X_OC_Mtime="1000", **common)
    answer = v1(account, "f", 4711, 2, 0, C, X_OC_Mtime="2000", **common)
    assert "ETag" not in answer.headers
    assert account.get("f").content == A + B
    second = v1(account, "f", 4711, 2, 1, D, expect=(204,), X_OC_Mtime="2000", **common)
    assert account.get("f").content == C + D
    assert second.headers["ETag"] != first.headers["ETag"]


def test_v1_transfer_id_that_comes_twice_without_mtime(account):
    v1(account, "f", 7, 2, 0, A)
    v1(account, "f", 7, 2, 1, B)
    v1(account, "f", 7, 2, 0, C)
    v1(account, "f", 7, 2, 1, D, expect=(204,))
    assert account.get("f").content == C + D
    v1(account, "g", 7, 1, 0, A)
    v1(account, "g", 7, 1, 0, B, expect=(204,))
    assert account.get("g").content == B


def test_v1_transfer_id_of_a_file_that_is_gone(account):
    v1(account, "f", 7, 2, 0, A, X_OC_Mtime="1000")
    v1(account, "f", 7, 2, 1, B, X_OC_Mtime="1000")
    account.delete("f")
    v1(account, "f", 7, 2, 0, A, X_OC_Mtime="1000")
    v1(account, "f", 7, 2, 1, B, X_OC_Mtime="1000")
    assert account.get("f").content == A + B


def test_v1_lost_answer(account):
    """The same upload, sent again in part or as a whole, gets the same answer."""
    last = v1(account, "f", 7, 1, 0, A, X_OC_Mtime="1000", OC_Checksum=sha1(A))
    again = v1(account, "f", 7, 1, 0, A, X_OC_Mtime="1000", OC_Checksum=sha1(A))
    assert again.headers["ETag"] == last.headers["ETag"]
    other = v1(account, "f", 7, 1, 0, B, expect=(204,), X_OC_Mtime="1000", OC_Checksum=sha1(B))
    assert other.headers["ETag"] != last.headers["ETag"]
    assert account.get("f").content == B
