"""The provisioning API: lists, and names of all kinds."""

import contextlib

import pytest

from harness.account import Account
from harness.ocs import check_old
from harness.provisioning import BOTH, People, call, code, data, enc


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    with contextlib.closing(People(module_env)) as people:
        yield people


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
