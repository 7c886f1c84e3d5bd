"""Versions over HTTP: what every method makes of them, remote.php/dav/meta, and who may do what."""

import json
import re

import pytest

from harness.dav import error, lock_body, propfind_body, Multistatus

MTIME = 1500000000
LAST_MODIFIED = "Fri, 14 Jul 2017 02:40:00 GMT"
META = ("oc:meta-path-for-user",)
PROPS = ("d:getlastmodified", "d:getcontentlength", "d:getcontenttype", "d:getetag",
         "d:resourcetype", "oc:size", "oc:id", "oc:fileid", "oc:meta-version-edited-by",
         "oc:meta-version-edited-by-name", "oc:meta-version-tag", "oc:checksums")


@pytest.fixture(scope="module", autouse=True)
def fixture_no_trash(module_env):
    """What DELETE does here is about versions alone."""
    module_env.config(before="Define WITHOUT_TRASH")


def file_id(account, path):
    return account.prop(path, "oc:fileid")


def meta(account, method, path, **kwargs):
    return account.env.http(method, f"remote.php/dav/meta/{path}", account, **kwargs)


def listing(account, fid, props=PROPS, depth=1):
    answer = meta(account, "PROPFIND", f"{fid}/v", headers={"Depth": str(depth)},
                  data=propfind_body(props) if props else None)
    return Multistatus(answer)


def versions(account, fid):
    """Hrefs below remote.php/dav/meta/ of the versions, newest first."""
    return [f"{fid}/v/{name}" for name in listing(account, fid).names()]


def contents(account, fid):
    return [meta(account, "GET", path).content for path in versions(account, fid)]


def restore(account, version, destination, **headers):
    return meta(account, "COPY", version, headers={"Destination": account.url(destination),
                                                   **headers})


@pytest.fixture(name="file")
def fixture_file(account):
    """A file with two versions."""
    account.put("file.txt", b"hello world", headers={"X-OC-Mtime": str(MTIME)})
    account.put("file.txt", b"hello world 2")
    account.put("file.txt", b"hello world 3!")
    return file_id(account, "file.txt")


# ---- listing ----

def test_listing(account, file):
    rows = list(listing(account, file).items())
    href, collection = rows[0]
    assert href == f"/remote.php/dav/meta/{file}/v/"
    assert collection["d:resourcetype"] == "d:collection"
    assert collection["oc:meta-version-edited-by"] == collection["oc:meta-version-tag"] == ""
    assert set(collection.missing) == {"d:getlastmodified", "d:getcontentlength", "oc:checksums",
                                       "d:getcontenttype", "d:getetag", "oc:size", "oc:id",
                                       "oc:fileid"}
    assert len(rows) == 3
    for href, row in rows[1:]:
        assert re.fullmatch(rf"/remote.php/dav/meta/{file}/v/\d+", href)
        assert row["d:resourcetype"] == ""
        assert row["d:getcontenttype"] == "text/plain"
        assert re.fullmatch(r'"[0-9a-z]+"', row["d:getetag"])
        assert row["oc:meta-version-edited-by"] == account.id
        assert row["oc:meta-version-tag"] == ""
        assert "SHA1:" in row["oc:checksums"]
        assert set(row.missing) == {"oc:size", "oc:id", "oc:fileid"}
    assert [row["d:getcontentlength"] for _, row in rows[1:]] == ["13", "11"]
    assert rows[2][1]["d:getlastmodified"] == LAST_MODIFIED
    assert len({row["d:getetag"] for _, row in rows[1:]} | {account.etag("file.txt")}) == 3


def test_listing_all_properties(account, file):
    rows = list(listing(account, file, props=None).values())
    assert set(rows[0]) == {"d:resourcetype"}
    for row in rows[1:]:
        assert set(row) == {"d:getlastmodified", "d:getcontentlength", "d:resourcetype",
                            "d:getetag", "d:getcontenttype"}


def test_depth(account, file):
    assert len(listing(account, file, depth=0)) == 1
    version = versions(account, file)[0]
    one = Multistatus(meta(account, "PROPFIND", version, headers={"Depth": "0"},
                           data=propfind_body(PROPS)))
    assert list(one) == [f"/remote.php/dav/meta/{version}"]
    assert one.first["d:getcontentlength"] == "13"
    answer = meta(account, "PROPFIND", f"{file}/v", headers={"Depth": "infinity"})
    assert answer.status_code == 412


def test_the_file_may_be_named_as_answers_name_it(env, account, file):
    """OC-FileId of an answer, which is oc:id."""
    whole = account.get("file.txt").headers["OC-FileId"]
    assert whole == account.prop("file.txt", "oc:id") and whole.startswith(file) and whole != file
    assert contents(account, whole) == [b"hello world 2", b"hello world"]
    found = Multistatus(meta(account, "PROPFIND", whole, headers={"Depth": "0"}, data=propfind_body(META)))
    assert found.first["oc:meta-path-for-user"] == "/file.txt"
    for odd in (whole[:-1], whole + "x", file + "oc", "x" + whole, f"{file}x/v", "", "0", "9" * 40):
        assert meta(account, "PROPFIND", f"{odd}/v").status_code in (404, 405), odd
    stranger = env.account()
    assert meta(stranger, "PROPFIND", f"{whole}/v").status_code == 404


def test_meta_path_for_user(account):
    account.mkcol("folder")
    account.put("folder/fülé & 1.txt", b"x")
    for path, name in (("folder/fülé & 1.txt",) * 2, ("folder", "folder")):
        fid = file_id(account, path)
        answer = Multistatus(meta(account, "PROPFIND", fid, headers={"Depth": "0"},
                                  data=propfind_body(META)))
        assert list(answer) == [f"/remote.php/dav/meta/{fid}/"]
        assert answer.first["oc:meta-path-for-user"] == f"/{name}"
    account.move("folder", "moved")
    assert Multistatus(meta(account, "PROPFIND", fid, headers={"Depth": "0"},
                            data=propfind_body(META))).first["oc:meta-path-for-user"] == "/moved"


@pytest.mark.parametrize("path", ["99999999", "99999999/v", "0", "x", "-1", "1e3/v", "v",
                                  "99999999/v/1", "9" * 30])
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "DELETE"])
def test_what_is_not_there(account, method, path):
    answer = meta(account, method, path)
    assert answer.status_code == 404
    assert error(answer)[0] == r"Sabre\DAV\Exception\NotFound"


def test_places_that_do_not_exist(account, file):
    version = versions(account, file)[0]
    for path in (f"{file}/w", f"{file}/v/1", f"{file}/v/x", f"{version}/more", f"{file}/v/{file}"):
        assert meta(account, "PROPFIND", path).status_code == 404, path
        assert meta(account, "GET", path).status_code == 404, path


# ---- content ----

def test_get_and_head(account, file):
    first = versions(account, file)[1]
    for method in ("GET", "HEAD"):
        answer = meta(account, method, first)
        assert answer.status_code == 200
        assert answer.headers["Content-Length"] == "11"
        assert answer.headers["Last-Modified"] == LAST_MODIFIED
        assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
        assert answer.headers["Content-Disposition"] == \
            "attachment; filename*=UTF-8''file.txt; filename=\"file.txt\""
        assert answer.headers["ETag"]
        assert answer.content == (b"hello world" if method == "GET" else b"")


def test_ranges_and_conditions(account, file):
    first = versions(account, file)[1]
    part = meta(account, "GET", first, headers={"Range": "bytes=6-"})
    assert (part.status_code, part.content) == (206, b"world")
    assert part.headers["Content-Range"] == "bytes 6-10/11"
    assert meta(account, "GET", first, headers={"Range": "bytes=50-"}).status_code == 416
    etag = part.headers["ETag"]
    assert meta(account, "GET", first, headers={"If-None-Match": etag}).status_code == 304
    assert meta(account, "GET", first, headers={"If-Match": '"other"'}).status_code == 412


def test_a_big_version(account):
    data = bytes(range(256)) * 20000
    account.put("big.bin", data)
    account.put("big.bin", b"small")
    fid = file_id(account, "big.bin")
    assert contents(account, fid) == [data]
    assert restore(account, versions(account, fid)[0], "big.bin").status_code == 204
    assert account.get("big.bin").content == data


# ---- what makes versions ----

def test_empty_files_make_none(account):
    account.put("e.txt", b"")
    account.put("e.txt", b"x")
    account.put("e.txt", b"")
    account.put("e.txt", b"")
    assert contents(account, file_id(account, "e.txt")) == [b"x"]


def test_chunked_upload(account):
    account.put("c.bin", b"before")
    fid = file_id(account, "c.bin")
    account.mkcol("up", space="uploads")
    account.put("up/0000000000000000", b"after ", space="uploads")
    account.put("up/0000000000000006", b"wards", space="uploads")
    account.move("up/.file", "c.bin", space="uploads", expect=(204,))
    assert account.get("c.bin").content == b"after wards"
    assert file_id(account, "c.bin") == fid
    assert contents(account, fid) == [b"before"]


def test_copy_onto(account):
    account.put("a", b"new")
    account.put("b", b"old")
    fid = file_id(account, "b")
    account.copy("a", "b", expect=(204,))
    assert file_id(account, "b") == fid
    assert contents(account, fid) == [b"old"]
    account.copy("b", "c", expect=(201,))
    assert contents(account, file_id(account, "c")) == []


def test_move_onto(account):
    account.put("a", b"1")
    account.put("a", b"2")
    account.put("b", b"x")
    account.put("b", b"y")
    a, b = file_id(account, "a"), file_id(account, "b")
    account.move("a", "b", expect=(204,))
    assert file_id(account, "b") == a
    assert contents(account, a) == [b"1"]
    assert meta(account, "PROPFIND", f"{b}/v").status_code == 404


def test_rename_and_move_of_a_folder(account, file):
    account.mkcol("d")
    account.move("file.txt", "d/other.txt")
    account.move("d", "e")
    assert file_id(account, "e/other.txt") == file
    assert contents(account, file) == [b"hello world 2", b"hello world"]
    answer = meta(account, "HEAD", versions(account, file)[0])
    assert "other.txt" in answer.headers["Content-Disposition"]


def test_delete_without_a_trash(account, file):
    version = versions(account, file)[0]
    account.delete("file.txt")
    assert meta(account, "GET", version).status_code == 404
    assert meta(account, "PROPFIND", f"{file}/v").status_code == 404
    account.put("file.txt", b"again")
    assert contents(account, file_id(account, "file.txt")) == []


def test_into_the_trash_and_back(env, account, file):
    env.config()
    try:
        version = versions(account, file)[0]
        account.delete("file.txt")
        # What lies in the bin is not in the files: it is not found there.
        assert meta(account, "PROPFIND", f"{file}/v").status_code == 404
        assert meta(account, "GET", version).status_code == 404
        account.put("file.txt", b"another file")
        assert contents(account, file_id(account, "file.txt")) == []
        account.move(file, "back.txt", space="trash-bin", dest_space="files", expect=(201,))
        assert file_id(account, "back.txt") == file
        assert contents(account, file) == [b"hello world 2", b"hello world"]
        account.delete("back.txt")
        account.delete(file, space="trash-bin")
        ctl = env.cloudctl("--json", "versions", "list", "--account", account.id)
        assert json.loads(ctl.stdout)[0]["versions"] == 0
    finally:
        env.config(before="Define WITHOUT_TRASH")


def test_proppatch_and_locks_make_none(account, file):
    account.proppatch("file.txt", {"d:lastmodified": str(MTIME)})
    account.proppatch("file.txt", {"oc:favorite": "1"})
    assert len(versions(account, file)) == 2


# ---- restore ----

def test_restore(account, file):
    first = versions(account, file)[1]
    before = account.etag("file.txt")
    answer = restore(account, first, "file.txt")
    assert answer.status_code == 204
    assert answer.content == b""
    assert answer.headers["OC-FileId"] == account.prop("file.txt", "oc:id")
    assert file_id(account, "file.txt") == file
    assert account.get("file.txt").content == b"hello world"
    assert account.get("file.txt").headers["Last-Modified"] == LAST_MODIFIED
    assert account.etag("file.txt") != before
    assert contents(account, file) == [b"hello world 3!", b"hello world 2", b"hello world"]


def test_restore_elsewhere(account, file):
    first = versions(account, file)[1]
    assert restore(account, first, "new.txt").status_code == 201
    assert account.get("new.txt").content == b"hello world"
    assert restore(account, first, "new.txt", Overwrite="F").status_code == 412
    assert restore(account, first, "no/where.txt").status_code == 409
    account.mkcol("dir")
    assert restore(account, first, "dir").status_code == 409
    assert account.propfind("dir").first["d:resourcetype"] == "d:collection"
    assert restore(account, first, ".htaccess").status_code == 403


def test_restore_respects_locks(account, file):
    token = account.dav("LOCK", "file.txt", data=lock_body()).headers["Lock-Token"]
    first = versions(account, file)[1]
    assert restore(account, first, "file.txt").status_code == 423
    headers = {"If": f"<{account.url('file.txt')}> ({token})"}
    assert restore(account, first, "file.txt", **headers).status_code == 204
    account.dav("UNLOCK", "file.txt", headers={"Lock-Token": token})


def test_restore_respects_the_quota(env):
    account = env.account(quota="100")
    account.put("a", b"x" * 60)
    fid = file_id(account, "a")
    account.put("a", b"y")
    account.put("b", b"z" * 60)
    answer = restore(account, versions(account, fid)[0], "a")
    assert answer.status_code == 507
    assert account.get("a").content == b"y"


def test_what_can_not_be_done(account, file):
    version = versions(account, file)[0]
    for path in (file, f"{file}/v"):
        assert meta(account, "DELETE", path).status_code == 403
        assert meta(account, "COPY", path,
                    headers={"Destination": account.url("x")}).status_code == 403
    for path in (file, f"{file}/v", version):
        headers = {"Destination": account.url("x")}
        assert meta(account, "MOVE", path, headers=headers).status_code in (403, 405)
        assert meta(account, "PUT", path, data=b"x").status_code in (403, 405)
        assert meta(account, "MKCOL", path).status_code in (403, 405)
    assert account.dav("HEAD", "x").status_code == 404
    assert contents(account, file) == [b"hello world 2", b"hello world"]
    # Nothing gets in.
    answer = account.dav("COPY", "file.txt", headers={
        "Destination": f"{account.env.url}remote.php/dav/meta/{version}"})
    assert answer.status_code == 403


def test_delete_a_version(account, file):
    newest, oldest = versions(account, file)
    assert meta(account, "DELETE", newest).status_code == 204
    assert versions(account, file) == [oldest]
    assert meta(account, "DELETE", newest).status_code == 404
    assert account.get("file.txt").content == b"hello world 3!"


# ---- who ----

@pytest.mark.parametrize("method", ["PROPFIND", "GET", "HEAD", "DELETE", "COPY"])
def test_others_see_nothing(env, account, file, method):
    stranger = env.account()
    version = versions(account, file)[0]
    for path in (file, f"{file}/v", version):
        answer = meta(stranger, method, path, headers={"Destination": stranger.url("stolen")})
        assert answer.status_code == 404, path
        assert env.http(method, f"remote.php/dav/meta/{path}").status_code == 401
    assert stranger.dav("HEAD", "stolen").status_code == 404
    assert len(versions(account, file)) == 2


def test_restore_into_somebody_elses_space(env, account, file):
    stranger = env.account()
    version = versions(account, file)[0]
    answer = meta(account, "COPY", version, headers={"Destination": stranger.url("gift")})
    assert answer.status_code in (403, 404)
    assert stranger.dav("HEAD", "gift").status_code == 404


# ---- capability, configuration, cloudctl ----

def test_capability_goes_with_the_module(env, account, file):
    def files():
        return account.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]["files"]

    assert files()["versioning"] is True
    env.config(before="Define WITHOUT_TRASH\nDefine WITHOUT_VERSIONS")
    try:
        assert "versioning" not in files()
        assert meta(account, "PROPFIND", f"{file}/v").status_code == 404
        account.put("file.txt", b"nobody keeps what was there")
    finally:
        env.config(before="Define WITHOUT_TRASH")
    assert contents(account, file) == [b"hello world 2", b"hello world"]


def test_cloudctl(env, account, file):
    def ctl(*args):
        return json.loads(env.cloudctl("--json", "versions", *args, "--account",
                                       account.id).stdout or "null")

    newest, oldest = ctl("list", "file.txt")
    assert (newest["size"], oldest["size"]) == (13, 11)
    assert newest["author"] == account.id
    assert ctl("list")[0] == {"account": account.id, "versions": 2, "bytes": 24}
    ctl("restore", "file.txt", str(oldest["number"]))
    assert account.get("file.txt").content == b"hello world"
    ctl("restore", "file.txt", str(newest["number"]), "--to", "copy.txt")
    assert account.get("copy.txt").content == b"hello world 2"
    ctl("tag", "file.txt", str(oldest["number"]), "1.0")
    assert [row["oc:meta-version-tag"] for row in listing(account, file).values()] == \
        ["", "", "", "1.0"]
    version = f"{file}/v/{oldest['number']}"
    assert meta(account, "DELETE", version).status_code == 403
    assert ctl("cleanup", "--dry-run")["versions"] == 2
    assert len(versions(account, file)) == 3
    assert ctl("cleanup")["versions"] == 2
    assert versions(account, file) == [version]
    assert ctl("expire")["versions"] == 0
