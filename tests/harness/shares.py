"""Shares with people and public links, made by the OCS API."""

import contextlib
import sqlite3
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

READ, UPDATE, CREATE, DELETE, SHARE = 1, 2, 4, 8, 16
ALL = 31
USER, GROUP, LINK = 0, 1, 3
API = "apps/files_sharing/api/v1"


class Share:
    """A share that an account has made."""

    def __init__(self, account, data):
        self.account = account
        self.data = data
        self.id = int(data["id"])
        self.token = data.get("token")

    def update(self, expect=200, **values):
        return call(self.account, "PUT", f"shares/{self.id}", expect, **values)

    def delete(self, expect=200):
        return call(self.account, "DELETE", f"shares/{self.id}", expect)


def ocs(account, method, route, /, **values):
    """An OCS call of the sharing API, version 2: the HTTP status says how it went."""
    kwargs = {"params" if method == "GET" else "data": values}
    return account.ocs(f"{API}/{route}", method, version=2, **kwargs)


def call(account, method, route, /, expect=200, **values):
    """The same with a status that is expected; gives the data."""
    answer = ocs(account, method, route, **values)
    assert answer.status_code == expect, \
        f"{method} {route} {values}: {answer.status_code} {answer.text[:500]}"
    return answer.json()["ocs"]["data"]


def share(account, path, who=None, kind=USER, permissions=None, **values):
    """Shares path with an account, with a group (its name) or, without who, by a link."""
    if who is None:
        kind = LINK
    else:
        values["shareWith"] = getattr(who, "id", who)
        kind = kind if hasattr(who, "id") else GROUP
    if permissions is not None:
        values["permissions"] = permissions
    return Share(account, call(account, "POST", "shares", path=f"/{path}", shareType=kind,
                               **values))


def received(account, **values):
    """The shares that an account has received: list of the answer's objects."""
    return call(account, "GET", "shares", shared_with_me="true", **values)


def accept(account, number, expect=200):
    return call(account, "POST", f"shares/pending/{number}", expect)


def decline(account, number, expect=200):
    return call(account, "DELETE", f"shares/pending/{number}", expect)


def group(env, name, *members):
    """A new group; its name."""
    env.cloudctl("group", "add", name)
    for member in members:
        env.cloudctl("group", "add-member", name, member.id)
    return name


def sql(env, statement, *values):
    """What only time can do, e.g. let a share expire."""
    with contextlib.closing(sqlite3.connect(env.data / "cloud.db", timeout=30)) as db, db:
        return db.execute(statement, values).fetchall()


class Answer:
    """What a test needs of an answer, for thousands of requests."""

    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


class Wire:
    """One connection that is kept open; requests are by whoever the headers say."""

    def __init__(self, env):
        where = urlsplit(env.url)
        self.connection = HTTPConnection(where.hostname, where.port, timeout=120)
        self.origin = env.origin
        self.base = env.base

    def send(self, method, url, authorization=None, body=None, **headers):
        """url: encoded, from the base on. Headers are written with _ for -."""
        sent = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        if authorization:
            sent["Authorization"] = authorization
        if isinstance(body, dict):
            body = urlencode(body).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if body is None and method in ("PUT", "POST"):
            body = b""
        for attempt in (1, 2):
            try:
                self.connection.request(method, self.base + url, body, sent)
                answer = self.connection.getresponse()
                return Answer(answer.status, answer.headers, answer.read())
            except (ConnectionError, OSError):
                # The server has closed the connection after so many requests
                self.connection.close()
                if attempt == 2:
                    raise
        raise AssertionError

    def close(self):
        self.connection.close()


def encode(path):
    return quote(path, safe="/")
