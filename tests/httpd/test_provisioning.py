"""The provisioning API: each call, right and wrong, as administrator, subadmin, somebody and nobody."""

import contextlib
import itertools
import re

import pytest
import requests

from harness.account import Account
from harness.env import wait_until
from harness.ocs import check_old, statuses
from harness.provisioning import AUTH_FAILURE, BOTH, People, call, code, data, enc, message_of


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    with contextlib.closing(People(module_env)) as people:
        yield people


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
