"""File trees as values that can be compared: what a client has, what the server shows, what lies on
its disk. A tree is {path: FOLDER or (size, SHA-1, mtime in seconds)}."""

import hashlib
import os
import re
from email.utils import parsedate_to_datetime
from pathlib import Path

FOLDER = "folder"

#: The clients' own files in a synchronised folder
PRIVATE = re.compile(r"\.?_?sync_[0-9a-z]+\.db(-wal|-shm)?$|\.owncloudsync\.log(\.\d+)?$")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def local(folder, mtimes=True):
    """The tree below a local folder. Without mtimes they are None."""
    tree = {}
    top = os.fsencode(folder)
    for place, folders, files in os.walk(top):
        below = os.path.relpath(place, top)
        for name in folders:
            tree[os.fsdecode(os.path.normpath(os.path.join(below, name)))] = FOLDER
        for name in files:
            path = os.fsdecode(os.path.normpath(os.path.join(below, name)))
            if PRIVATE.match(path):
                continue
            status = os.stat(os.path.join(place, name))
            tree[path] = (status.st_size, digest(os.path.join(place, name)),
                          status.st_mtime_ns // 10**9 if mtimes else None)
    return tree


def contents(folder):
    """The contents of all files below a local folder."""
    return {path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def seconds(last_modified):
    return int(parsedate_to_datetime(last_modified).timestamp())


PROPS = ("d:resourcetype", "d:getcontentlength", "d:getlastmodified", "d:getetag", "oc:id",
         "oc:permissions", "oc:checksums", "oc:size")


def listing(account, space="files"):
    """{path: properties} of everything the account has, by PROPFIND alone."""
    entries = {}
    todo = [""]
    root = account.env.base + ("remote.php/webdav/" if space == "webdav"
                               else f"remote.php/dav/files/{account.id}/")
    while todo:
        below = todo.pop()
        answer = account.propfind(below, 1, PROPS, space=space)
        for href, entry in list(answer.items())[1:]:
            assert href.startswith(root)
            path = href[len(root):]
            folder = entry["d:resourcetype"] == "d:collection"
            assert path.endswith("/") == folder, path
            entries[path.rstrip("/")] = entry
            if folder:
                todo.append(path.rstrip("/"))
    return entries


def remote(account, space="files"):
    """The tree as the server shows it. Each file is fetched; its headers and checksums must agree
    with its content and its properties."""
    tree = {}
    for path, entry in listing(account, space).items():
        if entry["d:resourcetype"] == "d:collection":
            tree[path] = FOLDER
            continue
        answer = account.get(path, space=space)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code}"
        sha1 = hashlib.sha1(answer.content).hexdigest()
        assert answer.headers["ETag"] == entry["d:getetag"], path
        assert answer.headers["OC-FileId"] == entry["oc:id"], path
        assert f"SHA1:{sha1}" in entry["oc:checksums"], path
        assert int(entry["d:getcontentlength"]) == len(answer.content), path
        assert answer.headers["Last-Modified"] == entry["d:getlastmodified"], path
        tree[path] = (len(answer.content), sha1, seconds(entry["d:getlastmodified"]))
    return tree


def on_disk(account, mtimes=True):
    """The tree in the server's data directory."""
    return local(account.env.data / "accounts" / account.id / "files", mtimes)


def ids(account):
    """{path: oc:id}"""
    return {path: entry["oc:id"] for path, entry in listing(account).items()}
