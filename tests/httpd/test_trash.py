"""The trash over HTTP: remote.php/dav/trash-bin/<account>/."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from harness.env import wait_until

D = "{DAV:}"
OC = "{http://owncloud.org/ns}"
PROPS = """<?xml version="1.0"?>
<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><d:resourcetype/>
<d:getcontentlength/><d:getcontenttype/><d:getetag/><d:getlastmodified/><oc:size/><oc:fileid/>
<oc:id/><oc:permissions/><oc:trashbin-original-filename/><oc:trashbin-original-location/>
<oc:trashbin-delete-datetime/><oc:trashbin-delete-timestamp/></d:prop></d:propfind>"""


def propfind(account, url, depth="1", body=PROPS):
    return account.http.request("PROPFIND", url, headers={"Depth": depth}, data=body)


def rows(answer):
    """href -> {name: element} of the properties that are there."""
    assert answer.status_code == 207, answer.text
    found = {}
    for response in ET.fromstring(answer.content):
        props = {}
        for propstat in response.findall(f"{D}propstat"):
            if " 200 " in propstat.findtext(f"{D}status"):
                for prop in propstat.find(f"{D}prop"):
                    props[prop.tag] = prop
        found[response.findtext(f"{D}href")] = props
    return found


class Bin:
    def __init__(self, account):
        self.account = account
        self.root = f"/remote.php/dav/trash-bin/{account.id}/"
        self.url = account.env.origin + self.root
        self.files = account.env.origin + f"/remote.php/dav/files/{account.id}/"

    def put(self, path, content="content"):
        answer = self.account.http.request("PUT", self.files + path, data=content)
        assert answer.status_code in (201, 204)
        return answer

    def mkcol(self, path):
        assert self.account.http.request("MKCOL", self.files + path).status_code == 201

    def delete(self, path):
        assert self.account.http.request("DELETE", self.files + path).status_code == 204

    def list(self):
        """original location -> id"""
        return {props[f"{OC}trashbin-original-location"].text: href.rstrip("/").rsplit("/", 1)[1]
                for href, props in rows(propfind(self.account, self.url)).items()
                if href != self.root}

    def move(self, item, dst, overwrite="F"):
        return self.account.http.request("MOVE", self.url + item, headers={
            "Destination": self.files + dst, "Overwrite": overwrite})

    def get(self, path):
        return self.account.http.request("GET", self.files + path)


@pytest.fixture(name="trash")
def fixture_trash(account):
    return Bin(account)


def test_properties(trash):
    put = trash.put("copy.txt", "13 characters")
    trash.mkcol("folder")
    trash.put("folder/inner.txt")
    trash.delete("copy.txt")
    trash.delete("folder")
    ids = trash.list()
    assert set(ids) == {"copy.txt", "folder"}
    assert put.headers["OC-FileId"].startswith(ids["copy.txt"])
    answer = propfind(trash.account, trash.url)
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    found = rows(answer)
    assert set(found[trash.root]) == {f"{D}resourcetype"}
    file = found[trash.root + ids["copy.txt"]]
    assert file[f"{D}resourcetype"].find(f"{D}collection") is None
    assert file[f"{D}getcontentlength"].text == "13"
    assert file[f"{D}getcontenttype"].text == "application/octet-stream"
    assert file[f"{D}getetag"].text == put.headers["ETag"]
    assert file[f"{OC}trashbin-original-filename"].text == "copy.txt"
    assert file[f"{OC}trashbin-original-location"].text == "copy.txt"
    assert file[f"{D}getlastmodified"].text == file[f"{OC}trashbin-delete-datetime"].text
    assert re.fullmatch(r"\d{10}", file[f"{OC}trashbin-delete-timestamp"].text)
    for name in ("size", "fileid", "id", "permissions"):
        assert f"{OC}{name}" not in file
    folder = found[trash.root + ids["folder"] + "/"]
    assert folder[f"{D}resourcetype"].find(f"{D}collection") is not None
    for name in (f"{D}getcontentlength", f"{D}getcontenttype", f"{D}getetag"):
        assert name not in folder


def test_depth(trash):
    trash.put("a")
    trash.delete("a")
    item = trash.list()["a"]
    assert list(rows(propfind(trash.account, trash.url, "0"))) == [trash.root]
    assert list(rows(propfind(trash.account, trash.url + item, "0"))) == [trash.root + item]
    answer = propfind(trash.account, trash.url, "infinity")
    assert answer.status_code == 412
    assert "Depth infinity not supported" in answer.text


def test_inside_a_deleted_folder(trash):
    trash.mkcol("d")
    trash.mkcol("d/e")
    trash.put("d/e/f.txt", "deep")
    trash.delete("d")
    item = trash.list()["d"]
    found = rows(propfind(trash.account, f"{trash.url}{item}/"))
    assert set(found) == {f"{trash.root}{item}/", f"{trash.root}{item}/e/"}
    found = rows(propfind(trash.account, f"{trash.url}{item}/e"))
    props = found[f"{trash.root}{item}/e/f.txt"]
    assert props[f"{OC}trashbin-original-location"].text == "d/e/f.txt"
    assert props[f"{OC}trashbin-original-filename"].text == "f.txt"
    assert trash.move(f"{item}/e/f.txt", "f.txt").status_code == 201
    assert trash.get("f.txt").text == "deep"
    assert propfind(trash.account, f"{trash.url}{item}/e/f.txt").status_code == 404


def test_nothing_deleted_yet(trash):
    assert list(rows(propfind(trash.account, trash.url))) == [trash.root]
    assert trash.account.http.request("DELETE", trash.url).status_code == 204


def test_the_id_survives(trash):
    before = trash.put("a.txt", "kept")
    trash.delete("a.txt")
    assert trash.get("a.txt").status_code == 404
    answer = trash.move(trash.list()["a.txt"], "restored.txt")
    assert answer.status_code == 201
    for name in ("ETag", "OC-ETag", "OC-FileId"):
        assert answer.headers[name] == before.headers[name]
    assert trash.get("restored.txt").text == "kept"
    assert trash.list() == {}


def test_the_destination_decides(trash):
    trash.mkcol("d")
    trash.put("d/a", "old")
    trash.delete("d/a")
    item = trash.list()["d/a"]
    trash.delete("d")
    assert trash.move(item, "d/a").status_code == 409
    trash.put("there", "new")
    answer = trash.move(item, "there")
    assert answer.status_code == 412
    assert "Overwrite" in answer.text
    assert trash.move(item, "there", "T").status_code == 204
    assert trash.get("there").text == "old"
    assert "there" in trash.list()  # what it took the place of
    assert trash.move("99999", "x").status_code == 404
    answer = trash.account.http.request("MOVE", trash.url + trash.list()["there"], headers={
        "Destination": trash.url + "17"})
    assert answer.status_code == 403


def test_deleting_for_good(trash):
    trash.put("a")
    trash.put("b")
    trash.delete("a")
    trash.delete("b")
    ids = trash.list()
    assert trash.account.http.request("DELETE", trash.url + ids["a"]).status_code == 204
    assert trash.account.http.request("DELETE", trash.url + ids["a"]).status_code == 404
    assert set(trash.list()) == {"b"}
    assert trash.account.http.request("DELETE", trash.url).status_code == 204
    assert trash.list() == {}
    assert trash.account.http.request("DELETE", trash.url).status_code == 204
    trash.put("c")
    trash.delete("c")
    assert set(trash.list()) == {"c"}


def test_space_comes_back(env, trash):
    trash.mkcol("d")
    trash.put("d/a", "x" * 10000)
    trash.delete("d")
    item = trash.list()["d"]
    directory = env.data / "accounts" / trash.account.id
    assert (directory / "trash" / item / "d" / "a").stat().st_size == 10000
    trash.account.http.request("DELETE", trash.url)
    wait_until(lambda: not any((directory / "purge").iterdir()), "the purge")


def test_content_is_not_served(trash):
    trash.put("a")
    trash.delete("a")
    item = trash.list()["a"]
    answer = trash.account.http.request("GET", trash.url + item)
    assert answer.status_code == 403
    assert "Permission denied to read this file" in answer.text
    for method in ("PUT", "MKCOL", "PROPPATCH", "LOCK", "COPY"):
        answer = trash.account.http.request(method, trash.url + item, headers={
            "Destination": trash.files + "x"})
        assert answer.status_code in (403, 405, 400), method
    assert set(trash.list()) == {"a"}


def test_somebody_elses(env, trash):
    trash.put("secret")
    trash.delete("secret")
    item = trash.list()["secret"]
    other = env.account()
    assert propfind(other, trash.url).status_code == 404
    assert propfind(other, trash.url + item).status_code == 404
    assert other.http.request("DELETE", trash.url + item).status_code == 403
    assert other.http.request("DELETE", trash.url).status_code == 403
    answer = other.http.request("MOVE", trash.url + item, headers={
        "Destination": f"{env.origin}/remote.php/dav/files/{other.id}/mine"})
    assert answer.status_code in (403, 404)
    # By its id in one's own trash neither
    assert propfind(other, Bin(other).url + item).status_code == 404
    assert set(trash.list()) == {"secret"}


def capabilities(account):
    answer = account.http.request("GET", account.env.url + "ocs/v1.php/cloud/capabilities?format=json",
                             headers={"OCS-APIRequest": "true"})
    return answer.json()["ocs"]["data"]["capabilities"]


def test_capability(account):
    found = capabilities(account)
    assert found["dav"]["trashbin"] == "1.0"
    assert found["dav"]["chunking"] == "1.0"
    assert found["files"]["undelete"] is True
    assert found["files"]["bigfilechunking"] is True


def test_listed_above_the_spaces(account):
    answer = propfind(account, account.env.origin + "/remote.php/dav/")
    assert "/remote.php/dav/trash-bin/" in rows(answer)
    answer = propfind(account, account.env.origin + "/remote.php/dav/trash-bin/")
    assert f"/remote.php/dav/trash-bin/{account.id}/" in rows(answer)


def test_kept_over_a_restart(env, trash):
    trash.put("a", "kept")
    trash.delete("a")
    env.kill()
    env.start()
    assert trash.move(trash.list()["a"], "a").status_code == 201
    assert trash.get("a").text == "kept"


def test_retention_directive(env):
    env.config("CloudTrashRetention auto, 30\n")
    assert env.configtest("CloudTrashRetention sometimes\n")[0] != 0
    assert env.configtest('CloudTrashRetention "30, 60"\n')[0] == 0


def test_cloudctl(env, trash):
    trash.put("a", "aaaa")
    trash.put("b", "bb")
    trash.delete("a")
    trash.delete("b")
    ids = trash.list()
    account = ("--account", trash.account.id)
    listed = json.loads(env.cloudctl("--json", "trash", "list", *account).stdout)
    assert {(item["location"], str(item["id"]), item["size"]) for item in listed} == {
        ("a", ids["a"], 4), ("b", ids["b"], 2)}
    env.cloudctl("trash", "restore", ids["a"], "--to", "back", *account)
    assert trash.get("back").text == "aaaa"
    env.cloudctl("trash", "expire", *account)
    assert set(trash.list()) == {"b"}
    done = json.loads(env.cloudctl("--json", "trash", "cleanup", "--dry-run", *account).stdout)
    assert done["removed"] == 1
    assert set(trash.list()) == {"b"}
    env.cloudctl("trash", "cleanup", *account)
    assert trash.list() == {}


def test_left_out(env):
    env.config(before="Define WITHOUT_TRASH")
    account = env.account()
    trash = Bin(account)
    found = capabilities(account)
    assert "trashbin" not in found["dav"]
    assert "undelete" not in found["files"]
    assert propfind(account, trash.url).status_code == 404
    trash.put("a")
    trash.delete("a")
    directory = env.data / "accounts" / account.id
    assert not (directory / "trash").exists()
    wait_until(lambda: not any((directory / "purge").iterdir()), "the purge")
