"""The provisioning API: each call, right and wrong, as administrator, subadmin, somebody and nobody."""

import contextlib
import itertools
import re
import sqlite3
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

import pytest
import requests

from harness.account import Account
from harness.dav import lock_body
from harness.env import SRC, wait_until
from harness.ocs import check_old, statuses

AUTH_FAILURE = "AH01617|AH01618"  # mod_auth_basic logs them as errors
BOTH = [(version, fmt) for version in (1, 2) for fmt in ("json", "xml")]


class People:
    """root is an administrator, sub a subadmin of the group staff, in which alice is; bob is in none."""

    def __init__(self, env):
        self.env = env
        self.root = env.admin()
        self.sub = env.account()
        self.alice = env.account()
        self.bob = env.account()
        self.staff = f"staff of {self.sub.id}"
        env.cloudctl("config", "set", "system", "allow_subadmins", "yes")
        env.cloudctl("group", "add", self.staff)
        env.cloudctl("group", "add-member", self.staff, self.alice.id)
        env.cloudctl("group", "add-subadmin", self.staff, self.sub.id)

    def by_name(self, name):
        return getattr(self, name)


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    yield People(module_env)
    module_env.cloudctl("config", "delete", "system", "allow_subadmins")


def call(who, method, path, version=1, fmt="json", **data):
    """An OCS call with a form as body."""
    form = [(key.replace("groups", "groups[]"), item) for key, value in data.items()
            for item in (value if isinstance(value, list) else [value])]
    return who.ocs(path, method, version=version, fmt=fmt, data=form or None)


def data(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]


def code(answer):
    return answer.json()["ocs"]["meta"]["statuscode"]


def message_of(answer, fmt):
    if fmt == "json":
        return answer.json()["ocs"]["meta"]["message"]
    return ElementTree.fromstring(answer.content).findtext("meta/message")


def enc(name):
    return quote(name, safe="")


# ---- a whole life, exactly as ownCloud answers, in both versions and formats ----

@pytest.mark.parametrize("version,fmt", BOTH)
def test_life(env, people, version, fmt):
    root = people.root
    name, group = f"life{version}{fmt}", f"grp{version}{fmt}"
    account = Account(env, name, "alice-Pass1")

    def does(method, path, wanted=100, message=None, what=None, who=root, **form):
        check_old(call(who, method, path, version, fmt, **form), wanted, message, what, version, fmt)

    does("POST", "cloud/users", userid=name, password="alice-Pass1")
    does("POST", "cloud/users", 102, "User already exists", userid=name, password="alice-Pass1")
    does("POST", "cloud/users", 102, "User already exists", userid=name.upper(), password="x")
    does("POST", "cloud/groups", groupid=group)
    does("POST", "cloud/groups", 102, groupid=group)
    does("POST", f"cloud/users/{name}/groups", groupid=group)
    does("POST", f"cloud/users/{name}/groups", groupid=group)
    shown = data(call(root, "GET", f"cloud/users/{name}"))
    assert isinstance(shown["creation_time"], int) and shown["last_login"] == 0
    does("GET", f"cloud/users/{name}", what={
        "enabled": "true",
        "quota": {"free": -3, "used": 0, "total": -3, "relative": 0.0, "definition": "default"},
        "email": None, "displayname": name, "home": f"{env.data}/accounts/{name}",
        "two_factor_auth_enabled": "false", "last_login": 0,
        "creation_time": shown["creation_time"], "language": "en"})
    assert data(account.ocs("cloud/user"))["id"] == name
    assert data(call(root, "GET", f"cloud/users/{name}"))["last_login"] > 1700000000
    assert name in data(root.ocs("cloud/users", params={"search": name}))["users"]
    does("GET", f"cloud/groups/{group}", what={"users": [name]})
    does("GET", f"cloud/users/{name}/groups", what={"groups": [group]})
    does("PUT", f"cloud/users/{name}", key="display", value="Alice X")
    does("PUT", f"cloud/users/{name}", key="quota", value="10 MB")
    does("PUT", f"cloud/users/{name}", 997, key="bogus", value="1")
    shown = data(call(root, "GET", f"cloud/users/{name}"))
    assert shown["displayname"] == "Alice X"
    assert shown["quota"] == {"free": 10 << 20, "used": 0, "total": 10 << 20, "relative": 0,
                              "definition": "10 MB"}
    does("GET", "cloud/users/nosuch", 998, "The requested user could not be found")
    does("GET", "cloud/users", 997, "Unauthorised", who=account)
    does("PUT", f"cloud/users/{name}/disable")
    env.expect_log(AUTH_FAILURE)
    answer = account.ocs("cloud/user", version=version)
    assert answer.status_code == 401 and code(answer) == 997
    does("PUT", f"cloud/users/{name}/enable")
    assert account.ocs("cloud/user").status_code == 200
    does("POST", f"cloud/users/{name}/subadmins", groupid=group)
    does("POST", f"cloud/users/{name}/subadmins", groupid=group)
    does("GET", f"cloud/users/{name}/subadmins", what=[group])
    does("GET", f"cloud/groups/{group}/subadmins", what=[name])
    does("DELETE", f"cloud/users/{name}/subadmins", groupid=group)
    does("DELETE", f"cloud/users/{name}/subadmins", 102, "User is not a subadmin of this group",
         groupid=group)
    does("GET", f"cloud/users/{name}/subadmins")
    does("DELETE", f"cloud/users/{name}/groups", groupid=group)
    does("DELETE", f"cloud/users/{name}/groups", groupid=group)
    does("GET", f"cloud/users/{name}/groups", what={"groups": []})
    does("DELETE", f"cloud/groups/{group}")
    does("DELETE", f"cloud/groups/{group}", 101)
    does("DELETE", f"cloud/users/{name}")
    does("DELETE", f"cloud/users/{name}", 101)
    assert account.ocs("cloud/user").status_code == 401


def test_subadmins_that_are_off(env, people):
    env.cloudctl("config", "set", "system", "allow_subadmins", "no")
    try:
        for version, fmt in BOTH:
            answer = call(people.root, "POST", f"cloud/users/{people.bob.id}/subadmins", version,
                          fmt, groupid=people.staff)
            check_old(answer, 103, "The group admin (subadmin) feature has been disabled by the "
                      "administrator", None, version, fmt)
        assert call(people.sub, "GET", "cloud/users").status_code == 401
        assert data(call(people.root, "GET", f"cloud/users/{people.sub.id}/subadmins")) == []
    finally:
        env.cloudctl("config", "set", "system", "allow_subadmins", "yes")


# ---- every call that goes wrong, and who may ask it ----

#: who, method, path ({x} is an account's id, {staff} the encoded group), form, code, message
ANY = object()
WRONG = [
    # creating accounts
    ("root", "POST", "cloud/users", {}, 101, "A valid username must be provided"),
    ("root", "POST", "cloud/users", {"userid": "x1"}, 101, "A valid password must be provided"),
    ("root", "POST", "cloud/users", {"userid": "x1", "password": ""}, 101, ANY),
    ("root", "POST", "cloud/users", {"userid": "x1", "password": " \t "}, 101,
     "A valid password must be provided"),
    ("root", "POST", "cloud/users", {"userid": "a/b", "password": "x"}, 101, ANY),
    ("root", "POST", "cloud/users", {"userid": "a%b", "password": "x"}, 101, ANY),
    ("root", "POST", "cloud/users", {"userid": " x", "password": "x"}, 101, ANY),
    ("root", "POST", "cloud/users", {"userid": "x1", "password": "p" * 73}, 101, ANY),
    ("root", "POST", "cloud/users", {"userid": "x1", "password": "x", "groups": ["nogroup"]}, 104,
     "group nogroup does not exist"),
    ("sub", "POST", "cloud/users", {"userid": "x1", "password": "x"}, 106,
     "no group specified (required for subadmins)"),
    ("sub", "POST", "cloud/users", {"userid": "x1", "password": "x", "groups": ["admin"]}, 105,
     "insufficient privileges for group admin"),
    ("sub", "POST", "cloud/users", {"userid": "{bob}", "password": "x"}, 102, "User already exists"),
    ("alice", "POST", "cloud/users", {"userid": "x1", "password": "x"}, 997, "Unauthorised"),
    ("alice", "POST", "cloud/users", {"userid": "{bob}", "password": "x"}, 997, "Unauthorised"),
    # lists
    ("alice", "GET", "cloud/users", {}, 997, "Unauthorised"),
    ("alice", "GET", "cloud/groups", {}, 997, "Unauthorised"),
    # showing
    ("root", "GET", "cloud/users/none", {}, 998, "The requested user could not be found"),
    ("sub", "GET", "cloud/users/none", {}, 998, "The requested user could not be found"),
    ("sub", "GET", "cloud/users/{bob}", {}, 997, None),
    ("sub", "GET", "cloud/users/{root}", {}, 997, None),
    ("alice", "GET", "cloud/users/none", {}, 997, None),
    ("alice", "GET", "cloud/users/{bob}", {}, 997, None),
    # changing
    ("root", "PUT", "cloud/users/none", {"key": "email", "value": "a@b.org"}, 997, None),
    ("root", "PUT", "cloud/users/{alice}", {}, 997, None),
    ("root", "PUT", "cloud/users/{alice}", {"key": "email", "value": "nonsense"}, 102, ANY),
    ("root", "PUT", "cloud/users/{alice}", {"key": "quota", "value": "much"}, 103,
     "Invalid quota value much"),
    ("root", "PUT", "cloud/users/{alice}", {"key": "quota", "value": "-1"}, 103, ANY),
    ("root", "PUT", "cloud/users/{alice}", {"key": "quota", "value": ""}, 103, ANY),
    ("root", "PUT", "cloud/users/{alice}", {"key": "password", "value": ""}, 403, ANY),
    ("root", "PUT", "cloud/users/{alice}", {"key": "password", "value": "p" * 73}, 403, ANY),
    ("root", "PUT", "cloud/users/{alice}", {"key": "display", "value": "x" * 256}, 103, ANY),
    ("root", "PUT", "cloud/users/{alice}", {"key": "language", "value": "../x"}, 103, ANY),
    ("alice", "PUT", "cloud/users/{alice}", {"key": "quota", "value": "none"}, 997, None),
    ("alice", "PUT", "cloud/users/{bob}", {"key": "display", "value": "x"}, 997, None),
    ("alice", "PUT", "cloud/users/none", {"key": "display", "value": "x"}, 997, None),
    ("alice", "PUT", "cloud/users/{root}", {"key": "password", "value": "x"}, 997, None),
    ("sub", "PUT", "cloud/users/{root}", {"key": "password", "value": "x"}, 997, None),
    ("sub", "PUT", "cloud/users/{bob}", {"key": "email", "value": "a@b.org"}, 997, None),
    ("sub", "PUT", "cloud/users/{sub}", {"key": "quota", "value": "none"}, 997, None),
    # state
    ("root", "PUT", "cloud/users/none/disable", {}, 101, None),
    ("root", "PUT", "cloud/users/none/enable", {}, 101, None),
    ("root", "PUT", "cloud/users/{root}/disable", {}, 101, None),
    ("root", "DELETE", "cloud/users/{root}", {}, 101, None),
    ("root", "DELETE", "cloud/users/none", {}, 101, None),
    ("sub", "DELETE", "cloud/users/{sub}", {}, 101, None),
    ("sub", "DELETE", "cloud/users/{bob}", {}, 997, None),
    ("sub", "DELETE", "cloud/users/{root}", {}, 997, None),
    ("sub", "PUT", "cloud/users/{root}/disable", {}, 997, None),
    ("alice", "DELETE", "cloud/users/{bob}", {}, 997, "Unauthorised"),
    ("alice", "DELETE", "cloud/users/{alice}", {}, 997, "Unauthorised"),
    ("alice", "PUT", "cloud/users/{bob}/disable", {}, 997, "Unauthorised"),
    ("alice", "PUT", "cloud/users/{bob}/enable", {}, 997, "Unauthorised"),
    # memberships
    ("root", "GET", "cloud/users/none/groups", {}, 998, None),
    ("sub", "GET", "cloud/users/{bob}/groups", {}, 997, None),
    ("alice", "GET", "cloud/users/{bob}/groups", {}, 997, None),
    ("alice", "GET", "cloud/users/none/groups", {}, 997, None),
    ("root", "POST", "cloud/users/{alice}/groups", {}, 101, None),
    ("root", "POST", "cloud/users/{alice}/groups", {"groupid": ""}, 101, None),
    ("root", "POST", "cloud/users/{alice}/groups", {"groupid": "none"}, 102, None),
    ("root", "POST", "cloud/users/none/groups", {"groupid": "admin"}, 103, None),
    ("sub", "POST", "cloud/users/{alice}/groups", {"groupid": "admin"}, 104, None),
    ("sub", "POST", "cloud/users/{sub}/groups", {"groupid": "admin"}, 104, None),
    ("sub", "POST", "cloud/users/{bob}/groups", {"groupid": "{staff}"}, 104, None),
    ("alice", "POST", "cloud/users/{alice}/groups", {"groupid": "admin"}, 997, "Unauthorised"),
    ("alice", "POST", "cloud/users/none/groups", {"groupid": "none"}, 997, "Unauthorised"),
    ("root", "DELETE", "cloud/users/{alice}/groups", {}, 101, None),
    ("root", "DELETE", "cloud/users/{alice}/groups", {"groupid": "none"}, 102, None),
    ("root", "DELETE", "cloud/users/none/groups", {"groupid": "admin"}, 103, None),
    ("root", "DELETE", "cloud/users/{root}/groups", {"groupid": "admin"}, 105,
     "Cannot remove yourself from the admin group"),
    ("sub", "DELETE", "cloud/users/{root}/groups", {"groupid": "admin"}, 104, None),
    ("sub", "DELETE", "cloud/users/{sub}/groups", {"groupid": "{staff}"}, 105,
     "Cannot remove yourself from this group as you are a SubAdmin"),
    ("alice", "DELETE", "cloud/users/{alice}/groups", {"groupid": "{staff}"}, 997, "Unauthorised"),
    # subadmins
    ("root", "GET", "cloud/users/none/subadmins", {}, 998, "The requested user could not be found"),
    ("alice", "GET", "cloud/users/{bob}/subadmins", {}, 997, None),
    ("root", "POST", "cloud/users/none/subadmins", {"groupid": "{staff}"}, 101,
     "User does not exist"),
    ("root", "POST", "cloud/users/{bob}/subadmins", {"groupid": "none"}, 102,
     "Group:none does not exist"),
    ("root", "POST", "cloud/users/{bob}/subadmins", {}, 102, "Group: does not exist"),
    ("root", "POST", "cloud/users/{bob}/subadmins", {"groupid": "admin"}, 103,
     "Cannot create subadmins for admin group"),
    ("root", "DELETE", "cloud/users/none/subadmins", {"groupid": "{staff}"}, 101,
     "User does not exist"),
    ("root", "DELETE", "cloud/users/{bob}/subadmins", {"groupid": "none"}, 101,
     "Group does not exist"),
    ("root", "DELETE", "cloud/users/{bob}/subadmins", {"groupid": "{staff}"}, 102,
     "User is not a subadmin of this group"),
    ("sub", "POST", "cloud/users/{sub}/subadmins", {"groupid": "admin"}, 997, "Unauthorised"),
    ("sub", "DELETE", "cloud/users/{sub}/subadmins", {"groupid": "{staff}"}, 997, "Unauthorised"),
    ("alice", "POST", "cloud/users/{alice}/subadmins", {"groupid": "{staff}"}, 997, "Unauthorised"),
    # groups
    ("root", "POST", "cloud/groups", {}, 101, "Invalid group name"),
    ("root", "POST", "cloud/groups", {"groupid": ""}, 101, "Invalid group name"),
    ("root", "POST", "cloud/groups", {"groupid": " x"}, 101, "Invalid group name"),
    ("root", "POST", "cloud/groups", {"groupid": "x "}, 101, "Invalid group name"),
    ("root", "POST", "cloud/groups", {"groupid": "x" * 256}, 101, "Invalid group name"),
    ("root", "POST", "cloud/groups", {"groupid": "admin"}, 102, None),
    ("sub", "POST", "cloud/groups", {"groupid": "mine"}, 997, "Unauthorised"),
    ("alice", "POST", "cloud/groups", {"groupid": "mine"}, 997, "Unauthorised"),
    ("root", "GET", "cloud/groups/none", {}, 998, "The requested group could not be found"),
    ("sub", "GET", "cloud/groups/admin", {}, 997, "User does not have access to specified group"),
    ("alice", "GET", "cloud/groups/{staff}", {}, 997, "Unauthorised"),
    ("root", "DELETE", "cloud/groups/none", {}, 101, None),
    ("root", "DELETE", "cloud/groups/admin", {}, 102, None),
    ("sub", "DELETE", "cloud/groups/{staff}", {}, 997, "Unauthorised"),
    ("alice", "DELETE", "cloud/groups/{staff}", {}, 997, "Unauthorised"),
    ("root", "GET", "cloud/groups/none/subadmins", {}, 101, "Group does not exist"),
    ("sub", "GET", "cloud/groups/{staff}/subadmins", {}, 997, "Unauthorised"),
    # apps
    ("root", "GET", "cloud/apps?filter=odd", {}, 101, None),
    ("root", "GET", "cloud/apps/none", {}, 998, "The request app was not found"),
    ("root", "POST", "cloud/apps/none", {}, 403, ANY),
    ("root", "DELETE", "cloud/apps/dav", {}, 403, ANY),
    ("sub", "GET", "cloud/apps", {}, 997, "Unauthorised"),
    ("sub", "POST", "cloud/apps/dav", {}, 997, "Unauthorised"),
    ("alice", "DELETE", "cloud/apps/dav", {}, 997, "Unauthorised"),
    ("alice", "GET", "cloud/apps/dav", {}, 997, "Unauthorised"),
]


def fill(people, text, encode):
    def one(match):
        name = match.group(1)
        value = people.staff if name == "staff" else people.by_name(name).id
        return enc(value) if encode else value
    return re.sub(r"\{(\w+)\}", one, text)


@pytest.mark.parametrize("version,fmt", BOTH)
def test_wrong(people, version, fmt):
    for who, method, path, form, wanted, message in WRONG:
        sent = {key: [fill(people, item, False) for item in value] if isinstance(value, list)
                else fill(people, value, False) for key, value in form.items()}
        answer = call(people.by_name(who), method, fill(people, path, True), version, fmt, **sent)
        if message is ANY:
            assert answer.status_code == statuses(wanted, version)[0], (who, method, path, form)
            message = message_of(answer, fmt)
            assert message, (who, method, path, form)
        check_old(answer, wanted, message, None, version, fmt)


def test_nothing_wrong_has_changed_anything(people):
    """After all of the above."""
    root = people.root
    shown = data(call(root, "GET", f"cloud/users/{people.alice.id}"))
    assert shown["enabled"] == "true" and shown["email"] is None
    assert shown["displayname"] == people.alice.id and shown["quota"]["definition"] == "default"
    assert data(call(root, "GET", f"cloud/groups/{enc(people.staff)}")) == {"users": [people.alice.id]}
    assert data(call(root, "GET", f"cloud/groups/{enc(people.staff)}/subadmins")) == [people.sub.id]
    assert "mine" not in data(call(root, "GET", "cloud/groups"))["groups"]
    assert "x1" not in data(call(root, "GET", "cloud/users"))["users"]


# ---- what goes right, for those below administrators ----

def test_subadmin(env, people):
    sub, alice = people.sub, people.alice
    assert data(call(sub, "GET", "cloud/users"))["users"] == [alice.id]
    assert people.staff in data(call(sub, "GET", "cloud/groups"))["groups"]
    assert data(call(sub, "GET", f"cloud/groups/{enc(people.staff)}")) == {"users": [alice.id]}
    assert data(call(sub, "GET", f"cloud/users/{alice.id}"))["displayname"] == alice.id
    assert data(call(sub, "GET", f"cloud/users/{sub.id}/subadmins")) == [people.staff]
    name = f"by-{sub.id}"
    assert code(call(sub, "POST", "cloud/users", userid=name, password="x",
                     groups=[people.staff])) == 100
    assert data(call(people.root, "GET", f"cloud/users/{name}/groups")) == {"groups": [people.staff]}
    # of what else somebody is in a subadmin hears nothing
    env.cloudctl("group", "add", f"secret-{name}")
    env.cloudctl("group", "add-member", f"secret-{name}", name)
    assert data(call(sub, "GET", f"cloud/users/{name}/groups")) == {"groups": [people.staff]}
    for key, value in (("display", "N"), ("email", "n@example.org"), ("quota", "1 GB"),
                       ("password", "new"), ("language", "de")):
        assert code(call(sub, "PUT", f"cloud/users/{name}", key=key, value=value)) == 100, key
    assert data(Account(env, name, "new").ocs("cloud/user")) == {
        "id": name, "display-name": "N", "email": "n@example.org", "language": "de"}
    assert code(call(sub, "PUT", f"cloud/users/{name}/disable")) == 100
    assert code(call(sub, "PUT", f"cloud/users/{name}/enable")) == 100
    assert code(call(sub, "DELETE", f"cloud/users/{name}")) == 100
    assert code(call(sub, "POST", f"cloud/users/{alice.id}/groups", groupid=people.staff)) == 100


def test_oneself(env, people):
    me = env.account()
    env.cloudctl("group", "add-member", people.staff, me.id)
    path = f"cloud/users/{me.id}"
    assert data(call(me, "GET", path.replace(me.id, me.id.upper())))["displayname"] == me.id
    assert data(call(me, "GET", f"{path}/groups")) == {"groups": [people.staff]}
    assert data(call(me, "GET", f"{path}/subadmins")) == []
    for key, value in (("displayname", "Ä <&>"), ("email", "me@example.org"), ("language", "pt_BR")):
        assert code(call(me, "PUT", path, key=key, value=value)) == 100, key
    shown = data(call(me, "GET", path))
    assert (shown["displayname"], shown["email"], shown["language"]) == \
        ("Ä <&>", "me@example.org", "pt_BR")
    for key, field in (("display", "displayname"), ("email", "email"), ("language", "language")):
        assert code(call(me, "PUT", path, key=key, value="")) == 100
        assert data(call(me, "GET", path))[field] == {"display": me.id, "email": None,
                                                      "language": "en"}[key]
    assert code(call(me, "PUT", path, key="password", value="another")) == 100
    env.expect_log(AUTH_FAILURE)
    assert call(me, "GET", path).status_code == 401
    me.close()
    me.password = "another"
    assert call(me, "GET", path).status_code == 200
    env.cloudctl("group", "remove-member", people.staff, me.id)


def test_what_people_may_change_is_a_setting(env, people):
    me, path = people.bob, f"cloud/users/{people.bob.id}"
    for key, setting in (("display", "allow_user_to_change_display_name"),
                         ("email", "allow_user_to_change_mail_address")):
        env.cloudctl("config", "set", "system", setting, "no")
        assert call(me, "PUT", path, key=key, value="x@example.org").status_code == 401
        assert call(people.root, "PUT", path, key=key, value="x@example.org").status_code == 200
        env.cloudctl("config", "delete", "system", setting)
        assert code(call(me, "PUT", path, key=key, value="")) == 100


@pytest.mark.parametrize("value,definition,total", [
    ("none", "none", -3), ("default", "default", -3), ("5 GB", "5 GB", 5 << 30), ("5gb", "5 GB", 5 << 30),
    ("1.5 MB", "1.5 MB", 3 << 19), ("1048576", "1 MB", 1 << 20), ("1001", "1001 B", 1001),
    ("0", "0 B", 0), ("512 KB", "512 KB", 512 << 10), ("2 TB", "2 TB", 2 << 40)])
def test_quota(people, value, definition, total):
    path = f"cloud/users/{people.bob.id}"
    assert code(call(people.root, "PUT", path, key="quota", value=value)) == 100
    quota = data(call(people.root, "GET", path))["quota"]
    assert (quota["definition"], quota["total"]) == (definition, total)
    assert quota["free"] == (total if total < 0 else max(0, total - quota["used"]))
    # what was read can be written back
    assert code(call(people.root, "PUT", path, key="quota", value=definition)) == 100
    assert data(call(people.root, "GET", path))["quota"] == quota


def test_put_without_a_content_type(people):
    answer = people.root.ocs(f"cloud/users/{people.bob.id}", "PUT", data="key=display&value=No+Type")
    assert code(answer) == 100
    assert data(call(people.root, "GET", f"cloud/users/{people.bob.id}"))["displayname"] == "No Type"


# ---- lists ----

def test_search_limit_offset(env, people):
    names = [f"find{i}" for i in range(4)]
    for name in names:
        assert code(call(people.root, "POST", "cloud/users", userid=name, password="x",
                         groups=[people.staff])) == 100

    def users(who=people.root, path="cloud/users", **params):
        return data(who.ocs(path, params=params))["users"]

    assert users(search="FIND") == names
    assert users(search="find", limit=2) == names[:2]
    assert users(search="find", limit=2, offset=1) == names[1:3]
    assert users(search="find", offset=4) == []
    assert users(search="find", limit="", offset="") == names
    assert users(search="find", limit=-1) == names
    assert users(who=people.sub, search="find", limit=1, offset=3) == names[3:]
    everyone = users()
    assert everyone == sorted(everyone, key=str.lower) and set(names) < set(everyone)
    assert users(limit=3) == everyone[:3]
    assert users(path=f"cloud/groups/{enc(people.staff)}", search="find1") == ["find1"]
    env.cloudctl("account", "name", "find2", "Somebody Else")
    assert users(search="body el") == ["find2"]
    for bad in ({"limit": "x"}, {"offset": -1}, {"limit": "9" * 30}):
        assert people.root.ocs("cloud/users", version=2, params=bad).status_code == 400
    groups = data(people.root.ocs("cloud/groups", params={"search": "staff of"}))["groups"]
    assert people.staff in groups
    assert data(people.root.ocs("cloud/groups", params={"search": "staff of", "limit": 1}))["groups"] == \
        groups[:1]
    for name in names:
        env.cloudctl("account", "delete", name, "--yes")


# ---- odd names ----

GROUPS = ["b a", "a/b", "a//b", "/a", "a/", "a%b", "a%2Fb", "%", "100%25", "été", "ε中文", "😀", "007",
          "0", "-1", "1e3", "true", "null", "A.B-C_D+E", "a&b<c>\"'", "a?b#c;d=e", "x" * 64, "x" * 65,
          "y" * 255, "Case", "case", "a\\b", "..a", "$HOME", "\u200d"]


@pytest.mark.parametrize("name", GROUPS)
def test_odd_groups(people, name):
    root = people.root
    for version in (1, 2):
        assert call(root, "POST", "cloud/groups", version, groupid=name).status_code == 200
        assert name in data(call(root, "GET", "cloud/groups"))["groups"]
        assert data(call(root, "GET", f"cloud/groups/{enc(name)}", version)) == {"users": []}
        assert call(root, "POST", f"cloud/users/{people.bob.id}/groups", version,
                    groupid=name).status_code == 200
        for fmt in ("json", "xml"):
            check_old(call(root, "GET", f"cloud/users/{people.bob.id}/groups", version, fmt), 100, None,
                      {"groups": [name]}, version, fmt)
            check_old(call(root, "GET", f"cloud/groups/{enc(name)}", version, fmt), 100, None,
                      {"users": [people.bob.id]}, version, fmt)
        assert call(root, "DELETE", f"cloud/users/{people.bob.id}/groups", version,
                    groupid=name).status_code == 200
        assert call(root, "DELETE", f"cloud/groups/{enc(name)}", version).status_code == 200
        assert name not in data(call(root, "GET", "cloud/groups"))["groups"]


USERS = ["a b", "a.b", "a@b.example", "o'neil", "été", "中文", "007", "0", "a+b", "a-_", "x" * 64, "y" * 200]


@pytest.mark.parametrize("name", USERS)
def test_odd_users(env, people, name):
    root = people.root
    assert code(call(root, "POST", "cloud/users", userid=name, password="pässword %+&")) == 100
    account = Account(env, name, "pässword %+&")
    assert data(account.ocs("cloud/user"))["id"] == name
    for version, fmt in BOTH:
        answer = root.ocs("cloud/users", version=version, fmt=fmt, params={"search": name, "limit": 1})
        check_old(answer, 100, None, {"users": [name]}, version, fmt)
    assert data(call(account, "GET", f"cloud/users/{enc(name)}"))["displayname"] == name
    account.put("f", b"x")
    assert code(call(root, "DELETE", f"cloud/users/{enc(name)}")) == 100
    account.close()


def test_encoded_slashes_elsewhere_are_no_slashes(env, account):
    """What is let through for OCS stays refused where files are."""
    account.mkcol("d")
    account.put("d/f", b"x")
    for path in (f"remote.php/dav/files/{account.id}/d%2Ff", "remote.php/webdav/d%2ff"):
        assert env.http("GET", path, account).status_code == 404
    assert env.http("GET", "ocs/v1.php/cloud%2Fuser?format=json", account).json()["ocs"]["meta"][
        "statuscode"] == 998
    assert env.http("GET", "ocs%2Fv1.php/cloud/user", account).status_code == 404
    assert env.http("GET", "ocs/v2.php/cloud/groups/..%2F..%2Fuser", account).status_code == 401
    assert env.http("GET", "ocs/v2.php/cloud/groups/%ff", account).status_code == 404


# ---- apps, person/check, privatedata ----

def test_apps(people):
    apps = data(call(people.root, "GET", "cloud/apps"))["apps"]
    for app in ("dav", "files", "files_versions", "files_trashbin", "provisioning_api"):
        assert app in apps
    assert data(people.root.ocs("cloud/apps", params={"filter": "enabled"}))["apps"] == apps
    assert data(people.root.ocs("cloud/apps", params={"filter": "disabled"}))["apps"] == []
    shown = data(call(people.root, "GET", "cloud/apps/files"))
    assert shown["id"] == "files" and shown["name"] == "Files" and shown["version"]
    assert code(call(people.root, "POST", "cloud/apps/files")) == 100
    assert code(call(people.root, "DELETE", "cloud/apps/none")) == 100


def test_apps_are_the_loaded_modules(env, people):
    env.config(before="Define WITHOUT_TRASH")
    try:
        assert "files_trashbin" not in data(call(people.root, "GET", "cloud/apps"))["apps"]
    finally:
        env.config()


def test_roles(people):
    roles = data(call(people.bob, "GET", "cloud/roles"))
    rights = {role["id"]: sorted(role["context"]["publicLinks"]["permissions"]["ownCloud"])
              for role in roles}
    assert rights == {"core.viewer": ["read"], "core.contributor": ["create", "read"],
                      "core.editor": ["create", "delete", "read", "update"],
                      "core.uploader": ["create"]}
    assert [role["context"]["publicLinks"]["order"] for role in roles] == [10, 20, 30, 40]
    assert roles[0]["context"]["publicLinks"]["resourceTypes"] == ["*"]
    assert all(role["displayName"] for role in roles)


@pytest.mark.parametrize("version,fmt", BOTH)
def test_person_check(env, people, version, fmt):
    def check(**form):
        return requests.post(f"{env.url}ocs/v{version}.php/person/check?format={fmt}", data=form,
                             timeout=60)

    alice = people.alice
    for form, wanted in (({}, 101), ({"login": alice.id}, 101), ({"password": "x"}, 101),
                         ({"login": "", "password": "x"}, 101),
                         ({"login": alice.id, "password": "wrong"}, 102),
                         ({"login": "nobody", "password": "wrong"}, 102)):
        check_old(check(**form), wanted, None, None, version, fmt)
    check_old(check(login=alice.id.upper(), password=alice.password), 100, None,
              {"person": {"personid": alice.id}}, version, fmt)


def test_person_check_is_throttled_like_a_login(env):
    """And with it: failures here count there."""
    account, guesses = env.account(), itertools.count()
    env.config("CloudAuthThrottle 3 60 60")

    def check(password):
        return requests.post(f"{env.url}ocs/v1.php/person/check",
                             data={"login": account.id, "password": password}, timeout=60)

    wait_until(lambda: int(check(f"guess {next(guesses)}").headers.get("Retry-After", 0)) >= 4,
               "a long delay")
    assert check(account.password).status_code == 429
    env.expect_log(AUTH_FAILURE)
    assert account.dav("PROPFIND", depth=0).status_code == 429
    env.config()


def test_private_data(env, people):
    me, base = env.account(), "privatedata"
    assert data(call(me, "GET", f"{base}/getattribute")) == []
    assert code(call(me, "POST", f"{base}/setattribute/app/key", value="välue <&>")) == 100
    assert code(call(me, "POST", f"{base}/setattribute/app/{enc('a/b %')}", value="2")) == 100
    assert code(call(me, "POST", f"{base}/setattribute/core/lang", value="xx")) == 100
    entries = [{"key": "a/b %", "app": "app", "value": "2"},
               {"key": "key", "app": "app", "value": "välue <&>"}]
    for version, fmt in BOTH:
        check_old(call(me, "GET", f"{base}/getattribute/app", version, fmt), 100, None, entries,
                  version, fmt)
        check_old(call(me, "GET", f"{base}/getattribute/app/key", version, fmt), 100, None, entries[1:],
                  version, fmt)
    assert len(data(call(me, "GET", f"{base}/getattribute"))) == 3
    assert data(call(people.root, "GET", f"{base}/getattribute")) == []
    assert data(me.ocs("cloud/user"))["language"] == "en"
    for _ in range(2):
        assert code(call(me, "POST", f"{base}/deleteattribute/app/key", post="1")) == 100
    assert data(call(me, "GET", f"{base}/getattribute/app")) == entries[:1]
    answer = call(me, "POST", f"{base}/setattribute/app/big", version=2, value="x" * 70000)
    assert answer.status_code == 400


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
