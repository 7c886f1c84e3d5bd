"""Public links: rows made for tests, and requests of whoever has one."""

import base64
import secrets
import sqlite3
import string
import time
from contextlib import closing
from urllib.parse import quote

from .browser import Browser, forms
from .dav import DESKTOP_PROPS, Multistatus, propfind_body

LETTERS = string.ascii_letters + string.digits

_hashes = {}


def _database(env):
    return closing(sqlite3.connect(env.data / "cloud.db", timeout=60, isolation_level=None))


def _hash(env, password):
    """The hash of a password, as the server makes it: that of an account that has it."""
    if password is not None and (env, password) not in _hashes:
        account = env.account(password=password)
        with _database(env) as db:
            _hashes[env, password], = db.execute("SELECT password FROM account WHERE id = ?",
                                                 (account.id,)).fetchone()
    return _hashes.get((env, password))


class Link:
    """A link to path of an account. expires: seconds from now, may be negative."""

    def __init__(self, account, path="", perms=1, password=None, expires=None, initiator=None):
        self.env = account.env
        self.password = password
        self.token = "".join(secrets.choice(LETTERS) for _ in range(15))
        self.node = int(account.prop(path, "oc:fileid"))
        hashed = _hash(self.env, password)
        with _database(self.env) as db:
            def number(of):
                return db.execute("SELECT number FROM account WHERE id = ?",
                                  (of.id,)).fetchone()[0]
            self.id = db.execute(
                "INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target,"
                " created, expires, token, password) VALUES (3, 0, ?, ?, ?, ?, 0, '', ?, ?, ?, ?)",
                (self.node, number(account), number(initiator or account), perms,
                 int(time.time()), None if expires is None else int(time.time()) + expires,
                 self.token, hashed)).lastrowid

    @classmethod
    def existing(cls, env, token, password=None):
        """A link that was made by the API."""
        link = cls.__new__(cls)
        link.env, link.token, link.password = env, token, password
        return link

    def update(self, **columns):
        if "password" in columns:
            self.password = columns["password"]
            columns["password"] = _hash(self.env, self.password)
        with _database(self.env) as db:
            for column, value in columns.items():
                db.execute(f"UPDATE share SET {column} = ? WHERE id = ?", (value, self.id))

    def delete(self):
        with _database(self.env) as db:
            db.execute("DELETE FROM share WHERE id = ?", (self.id,))

    # ---- DAV, at both addresses ----

    def path(self, path="", space="public-files"):
        root = (f"remote.php/dav/public-files/{self.token}/" if space == "public-files"
                else "public.php/webdav/")
        return f"{self.env.base}{root}{quote(path, safe='/')}"

    def auth(self, space="public-files", password=None):
        password = self.password if password is None else password
        user = "public" if space == "public-files" else self.token
        if space == "public-files" and password is None:
            return {}
        text = f"{user}:{password or ''}".encode()
        return {"Authorization": "Basic " + base64.b64encode(text).decode()}

    def dav(self, method, path="", space="public-files", *, depth=None, destination=None,
            overwrite=None, password=None, headers=None, **kwargs):
        sent = self.auth(space, password)
        if depth is not None:
            sent["Depth"] = str(depth)
        if destination is not None:
            sent["Destination"] = self.env.origin + self.path(destination, space)
        if overwrite is not None:
            sent["Overwrite"] = "T" if overwrite else "F"
        sent.update(headers or {})
        return self.env.http(method, self.path(path, space)[len(self.env.base):], headers=sent,
                             **kwargs)

    def propfind(self, path="", depth=1, props=DESKTOP_PROPS, space="public-files", **kwargs):
        data = None if props is None else propfind_body(props)
        return Multistatus(self.dav("PROPFIND", path, space, depth=depth, data=data, **kwargs))

    # ---- the page ----

    @property
    def page(self):
        return f"index.php/s/{self.token}"

    def browser(self):
        return Visitor(self)


class Visitor(Browser):
    """A browser at the page of a link."""

    def __init__(self, link, **headers):
        super().__init__(link.env, **headers)
        self.link = link

    def open(self, more="", **params):
        return self.get(self.link.page + more, params=params)

    def upload(self, page, *files):
        """Sends the upload form of a page: files are (name, content)."""
        form = next(form for form in forms(page.text) if "files" in form["fields"])
        fields = {name: value for name, value in form["fields"].items() if name != "files"}
        return self.request("POST", self.env.origin + form["action"], data=fields,
                            files=[("files", file) for file in files])
