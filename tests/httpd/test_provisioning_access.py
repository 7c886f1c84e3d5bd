"""The provisioning API: what is taken away is gone at once, and no route is open that should not be."""

import contextlib
import re
import sqlite3

import pytest
import requests

from harness.account import Account
from harness.dav import lock_body
from harness.env import SRC, wait_until
from harness.provisioning import AUTH_FAILURE, People, call, code, data, enc


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    with contextlib.closing(People(module_env)) as people:
        yield people


# ---- out at once ----

def test_a_disabled_account_is_out_everywhere(env, people):
    me = env.account()
    me.put("f", b"x")
    assert me.get("f").status_code == 200
    sessions = [me.session() for _ in range(6)]  # more than one process
    for session in sessions:
        assert me.dav("PROPFIND", depth=0, session=session).status_code == 207
    assert code(call(people.root, "PUT", f"cloud/users/{me.id}/disable")) == 100
    env.expect_log(AUTH_FAILURE)
    for session in sessions:
        assert me.dav("PROPFIND", depth=0, session=session).status_code == 401
        session.close()
    assert me.ocs("cloud/user").status_code == 401
    assert data(call(people.root, "GET", f"cloud/users/{me.id}"))["enabled"] == "false"
    check = requests.post(f"{env.url}ocs/v1.php/person/check?format=json",
                          data={"login": me.id, "password": me.password}, timeout=60)
    assert code(check) == 102
    assert code(call(people.root, "PUT", f"cloud/users/{me.id}/enable")) == 100
    assert me.get("f").content == b"x"


def test_a_right_that_is_taken_away_is_gone_at_once(env, people):
    other = env.admin()
    assert call(other, "GET", "cloud/users").status_code == 200
    assert code(call(people.root, "DELETE", f"cloud/users/{other.id}/groups", groupid="admin")) == 100
    for _ in range(4):
        other.close()
        assert call(other, "GET", "cloud/users").status_code == 401


def test_a_deleted_name_can_be_used_again_and_inherits_nothing(env, people):
    root, name = people.root, "phoenix"
    assert code(call(root, "POST", "cloud/users", userid=name, password="one",
                     groups=[people.staff])) == 100
    old = Account(env, name, "one")
    old.put("secret", b"old")
    old.put("secret", b"old, changed")
    old.put("gone", b"x")
    old.delete("gone")
    secret = env.cloudctl("app-password", "create", name, "phone").stdout.strip()
    assert code(call(old, "POST", "privatedata/setattribute/a/b", value="old")) == 100
    for key, value in (("display", "Old"), ("email", "old@example.org"), ("quota", "1 GB"),
                       ("language", "de")):
        assert code(call(root, "PUT", f"cloud/users/{name}", key=key, value=value)) == 100
    old_id = old.prop("", "oc:fileid")
    assert code(call(root, "DELETE", f"cloud/users/{name}")) == 100
    env.expect_log(AUTH_FAILURE)
    assert old.dav("PROPFIND", depth=0).status_code == 401
    assert name not in data(call(root, "GET", f"cloud/groups/{enc(people.staff)}"))["users"]

    assert code(call(root, "POST", "cloud/users", userid="Phoenix", password="two")) == 100
    for password in ("one", secret):
        assert Account(env, name, password).dav("PROPFIND", depth=0).status_code == 401
    new = Account(env, "Phoenix", "two")
    assert list(new.propfind(depth=1)) == [new.path()]
    assert new.prop("", "oc:fileid") != old_id
    assert len(new.propfind(depth=1, space="trash-bin", props=("d:resourcetype",))) == 1
    assert data(call(new, "GET", "privatedata/getattribute")) == []
    shown = data(call(root, "GET", f"cloud/users/{name}"))
    assert shown["displayname"] == "Phoenix" and shown["email"] is None
    assert shown["language"] == "en" and shown["quota"]["definition"] == "default"
    assert shown["quota"]["used"] == 0
    assert data(call(root, "GET", f"cloud/users/{name}/groups")) == {"groups": []}
    env.cloudctl("maintenance", "run")
    assert not [path for path in (env.data / "accounts").iterdir()
                if path.name.startswith(".deleted")]
    assert not list((env.data / "accounts/Phoenix/files").iterdir())
    new.put("f", b"new")
    assert new.get("f").content == b"new"


@pytest.mark.parametrize("method,path", [("PUT", "/disable"), ("DELETE", "")])
def test_a_request_that_is_under_way_fails(env, people, method, path):
    me = env.account()
    me.put("f", b"before")
    home = env.data / "accounts" / me.id

    def body():
        yield b"first half, "
        wait_until(lambda: list((home / "staging").iterdir()), "the staging file")
        assert code(call(people.root, method, f"cloud/users/{me.id}{path}")) == 100
        yield b"second half"

    env.expect_log(AUTH_FAILURE)
    assert me.put("f", body(), expect=None).status_code == 401
    env.cloudctl("maintenance", "run")
    if method == "DELETE":
        assert not home.exists()
        assert not list((env.data / "accounts").glob(".deleted*"))
    else:
        assert code(call(people.root, "PUT", f"cloud/users/{me.id}/enable")) == 100
        assert me.get("f").content == b"before"


def test_nothing_of_a_deleted_account_is_left_in_the_database(env, people):
    me = env.account()
    me.put("a", b"1")
    me.put("a", b"2")
    me.put("b", b"1")
    me.delete("b")
    me.proppatch("a", {"{urn:x}a": "1", "oc:favorite": "1"})
    me.dav("LOCK", "a", data=lock_body())
    me.mkcol("upload1", space="uploads")
    me.put("upload1/0", b"chunk", space="uploads")
    env.cloudctl("app-password", "create", me.id, "phone")
    env.cloudctl("group", "add-member", people.staff, me.id)
    env.cloudctl("group", "add-subadmin", people.staff, me.id)
    call(me, "POST", "privatedata/setattribute/a/b", value="x")

    def rows():
        """Tables with rows that name the account, or anything that was its."""
        with contextlib.closing(sqlite3.connect(f"file:{env.data}/cloud.db?mode=ro", uri=True)) as db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {f"{table}.{column[1]}" for table in tables if table != "change"
                    for column in db.execute(f"PRAGMA table_info({table})")
                    for found in db.execute(f'SELECT "{column[1]}" FROM "{table}"')
                    if found[0] in numbers}

    with contextlib.closing(sqlite3.connect(f"file:{env.data}/cloud.db?mode=ro", uri=True)) as db:
        number, root, purge = db.execute("SELECT number, root, purge FROM account WHERE id = ?",
                                         (me.id,)).fetchone()
        numbers = {number, root, purge, *(row[0] for row in db.execute(
            "SELECT id FROM node WHERE parent = ?", (root,)))}
    assert {"account.number", "apppass.account", "membership.account", "subadmin.account",
            "pref.account", "lock.account", "upload.account", "node.id", "prop.node",
            "favorite.account", "favorite.node"} <= rows()
    assert code(call(people.root, "DELETE", f"cloud/users/{me.id}")) == 100
    for _ in range(3):  # what a step of the job finds may be made by the step before
        env.cloudctl("maintenance", "run")
    assert not rows()


# ---- the module ----

def test_without_the_module(env, people):
    env.config(before="Define WITHOUT_PROVISIONING")
    try:
        assert call(people.root, "GET", "cloud/users").json()["ocs"]["meta"]["statuscode"] == 998
        assert people.root.ocs("cloud/user").status_code == 200
    finally:
        env.config()


# ---- every route ----

ROUTE = re.compile(r'\{\s*"([A-Z]+)",\s*"(/[^"]*)",\s*(CLOUD_OCS_\w+),\s*\w+[^}]*\}')
TABLE = re.compile(r"const cloud_ocs_route_t (\w+)\[\] = \{(.*?)\n\};", re.S)
#: What nobody has to log in for
OPEN = {("GET", "/config"), ("POST", "/person/check")}


def routes():
    """All routes in the sources: (method, pattern, who may call)."""
    found = []
    for path in sorted((SRC / "modules").rglob("*.c")):
        text = path.read_text("utf-8")
        for _, body in TABLE.findall(text):
            rows = ROUTE.findall(body)
            assert len(rows) == len(re.findall(r'\{\s*"[A-Z]+",', body)), path
            found += rows
        assert len(TABLE.findall(text)) == text.count("cloud_ocs_route_t ") - len(
            re.findall(r"cloud_ocs_route_t \*|extern const cloud_ocs_route_t", text)), path
    assert len(found) > 25
    return found


def test_routes_in_the_sources_are_those_of_the_server(people):
    """What the server says is allowed at each place, against the tables."""
    allowed = {}
    for method, pattern, _ in routes():
        path = re.sub(r"\{\w+\}", "x", pattern)
        allowed.setdefault(path, set()).add(method)
    for path, methods in allowed.items():
        answer = people.root.ocs(path.lstrip("/"), "OPTIONS")
        assert answer.status_code == 200, path
        said = set(answer.headers["Allow"].split(", ")) - {"OPTIONS", "HEAD"}
        assert said >= methods, path
        assert said == set().union(*(
            {method} for method, pattern, _ in routes()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path))), path


@pytest.mark.parametrize("version", (1, 2))
def test_no_route_answers_without_a_login(env, version):
    for method, pattern, auth in routes():
        path = re.sub(r"\{\w+\}", "x", pattern)
        assert (auth == "CLOUD_OCS_ANYBODY") == ((method, pattern) in OPEN), (method, pattern)
        answer = env.http(method, f"ocs/v{version}.php{path}?format=json")
        if (method, pattern) in OPEN:
            assert answer.status_code != 401, (method, pattern)
            continue
        assert answer.status_code == 401, (method, pattern)
        assert answer.json()["ocs"]["data"] == [], (method, pattern)


def test_routes_keep_themselves_closed(env, people):
    """Where the configuration lets everybody in, the routes still ask who it is."""
    env.config('<Location /ocs>\nRequire all granted\n</Location>')
    try:
        for method, pattern, auth in routes():
            if auth == "CLOUD_OCS_ANYBODY":
                continue
            path = re.sub(r"\{\w+\}", "x", pattern)
            answer = env.http(method, f"ocs/v1.php{path}?format=json")
            assert answer.status_code == 401, (method, pattern)
            assert answer.json()["ocs"]["data"] == [], (method, pattern)
    finally:
        env.config()


def test_routes_about_others_are_decided(env, people):
    """Whoever manages nobody gets nothing from a route about somebody else, and cannot tell whether there
    is such an account."""
    plain = env.account()
    for method, pattern, auth in routes():
        if "{user}" not in pattern and auth in ("CLOUD_OCS_USER", "CLOUD_OCS_ANYBODY"):
            continue
        answers = []
        for name in (people.bob.id, "nobody-at-all"):
            path = re.sub(r"\{\w+\}", "x", pattern.replace("{user}", name))
            answer = plain.ocs(path.lstrip("/"), method, data={
                "groupid": "admin", "key": "password", "value": "stolen", "userid": "y",
                "password": "z"} if method != "GET" else None)
            assert answer.json()["ocs"]["meta"]["status"] == "failure", (method, pattern)
            assert answer.json()["ocs"]["data"] == [], (method, pattern)
            answers.append((answer.status_code, answer.content))
        assert answers[0] == answers[1], (method, pattern)
