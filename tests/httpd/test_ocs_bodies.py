"""Parameters of OCS calls in each kind of body that programs send: forms of both kinds, and JSON."""

import json
import urllib.parse

import pytest
import requests

API = "apps/files_sharing/api/v1/shares"


def as_form(values):
    return {"data": values}


def as_multipart(values):
    """What "curl -F" sends; a file in it is none of the parameters."""
    return {"files": {**{name: (None, value) for name, value in values.items()},
                      "more": ("more.bin", b"\0\1\2")}}


def nested(values):
    """name[0][key] as lists and objects of JSON; what looks like a number or a bool is one."""
    tree = {}
    for name, value in values.items():
        *outer, last = name.replace("]", "").split("[")
        at = tree
        for part in outer:
            at = at.setdefault(part, {})
        at[last] = json.loads(value) if value in ("true", "false") or value.isdigit() else value

    def lists(at):
        if not isinstance(at, dict):
            return at
        at = {key: lists(value) for key, value in at.items()}
        return list(at.values()) if at and all(key.isdigit() for key in at) else at
    return lists(tree)


def as_json(values):
    return {"json": {**nested(values), "nothing": None}}


def as_json_with_charset(values):
    return {"data": json.dumps(nested(values)),
            "headers": {"Content-Type": "application/json; charset=utf-8"}}


def untyped(values):
    """PUT and DELETE are read as forms whatever their type."""
    return {"data": urllib.parse.urlencode(values), "headers": {"Content-Type": None}}


KINDS = [as_form, as_multipart, as_json, as_json_with_charset]


def done(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["ocs"]["meta"]["status"] == "ok", answer.text
    return answer.json()["ocs"]["data"]


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    alice, bob = module_env.account(), module_env.account()
    alice.put("ä+b &c.txt", b"content")
    alice.mkcol("folder")
    return alice, bob


@pytest.mark.parametrize("version", (1, 2))
@pytest.mark.parametrize("kind", KINDS)
def test_a_share_with_somebody(people, kind, version):
    alice, bob = people
    made = done(alice.ocs(API, "POST", version, **kind(
        {"path": "/folder", "shareType": "0", "shareWith": bob.id, "permissions": "17",
         "attributes[0][scope]": "app", "attributes[0][key]": "may", "attributes[0][enabled]": "false",
         "attributes[1][scope]": "app", "attributes[1][key]": "do", "attributes[1][enabled]": "true"})))
    assert (made["share_type"], made["share_with"], made["permissions"]) == (0, bob.id, 17)
    assert json.loads(made["attributes"]) == [
        {"scope": "app", "key": "may", "enabled": False},
        {"scope": "app", "key": "do", "enabled": True}]
    for change in (kind, untyped):
        for permissions in ("1", "31"):
            shown = done(alice.ocs(f"{API}/{made['id']}", "PUT", version,
                                   **change({"permissions": permissions})))
            assert shown["permissions"] == int(permissions)
    done(alice.ocs(f"{API}/{made['id']}", "DELETE", version, **kind({"format": "json"})))


@pytest.mark.parametrize("kind", KINDS)
def test_a_link(people, kind):
    alice, _ = people
    made = done(alice.ocs(API, "POST", **kind(
        {"path": "/folder", "shareType": "3", "publicUpload": "true", "password": "publicPass+%31",
         "name": "ä+b %41", "expireDate": "2037-08-09"})))
    assert (made["permissions"], made["name"]) == (15, "ä+b %41")
    assert (made["share_with"], made["expiration"]) == ("***redacted***", "2037-08-09 00:00:00")
    url = f"{alice.env.url}public.php/webdav/"
    for password, status in (("publicPass+%31", 207), ("publicPass", 401)):
        assert requests.request("PROPFIND", url, auth=(made["token"], password), timeout=60,
                                headers={"Depth": "0"}).status_code == status
    shown = done(alice.ocs(f"{API}/{made['id']}", "PUT", **kind(
        {"publicUpload": "false", "password": "", "expireDate": "", "name": ""})))
    assert (shown["permissions"], shown["name"], shown["expiration"]) == (1, "", None)
    assert "share_with" not in shown


def test_null_changes_nothing(people):
    alice, _ = people
    made = done(alice.ocs(API, "POST", json={
        "path": "/ä+b &c.txt", "shareType": 3, "password": "publicPass1", "expireDate": None,
        "name": None, "permissions": None, "publicUpload": None}))
    assert (made["permissions"], made["expiration"]) == (1, None)
    before = done(alice.ocs(f"{API}/{made['id']}"))[0]
    shown = done(alice.ocs(f"{API}/{made['id']}", "PUT", json={
        "name": "new", "password": None, "expireDate": None, "permissions": None}))
    assert shown == {**before, "name": "new"}


@pytest.mark.parametrize("kind", KINDS)
def test_format(people, kind):
    """Where ownCloud looks for it: in the body, too, except in calls that have been there for longer."""
    alice, _ = people
    told = {}
    for query, body in (("", "json"), ("xml", "json"), ("json", "xml"), ("json", ""), ("", "")):
        values = {"path": "/folder", "shareType": "3", **({"format": body} if body else {})}
        answer = alice.ocs(API, "POST", fmt=query, **kind(values))
        told[query, body] = answer.headers["Content-Type"].split(";", maxsplit=1)[0]
    assert told == {("", "json"): "application/json", ("xml", "json"): "application/json",
                    ("json", "xml"): "application/xml", ("json", ""): "application/json",
                    ("", ""): "application/xml"}
    answer = alice.ocs(f"cloud/users/{alice.id}", "PUT", fmt="",
                       **kind({"key": "display", "value": "Alice", "format": "json"}))
    assert answer.headers["Content-Type"] == "text/xml; charset=UTF-8"


def test_what_comes_with_get_is_nothing(people):
    alice, _ = people
    alice.ocs(API, "POST", data={"path": "/folder", "shareType": "3"})
    wanted = done(alice.ocs(API))
    for request in (as_form({"path": "/none"}), as_json({"path": "/none"}),
                    {"data": b"\xff", "headers": {"Content-Type": "text/plain"}},
                    {"data": b"x" * 100, "headers": {"Content-Type": None}}):
        assert done(alice.ocs(API, **request)) == wanted


def test_the_query_counts_less_than_the_body(people):
    alice, _ = people
    made = done(alice.ocs(API, "POST", params={"path": "/none", "shareType": "3"},
                          json={"path": "/folder"}))
    assert made["path"] == "/folder"


@pytest.mark.parametrize("kind", KINDS)
def test_accounts_and_groups(env, kind):
    root = env.admin()

    def call(method, path, **values):
        return done(root.ocs(f"cloud/{path}", method, **kind(values)))

    group, person = f"group {kind.__name__}", f"person-{kind.__name__}"
    call("POST", "groups", groupid=group)
    call("POST", "users", userid=person, password="a Password 2", **{"groups[0]": group})
    call("PUT", f"users/{person}", key="display", value="Ä+%41")
    assert done(root.ocs(f"cloud/users/{person}"))["displayname"] == "Ä+%41"
    assert done(root.ocs(f"cloud/users/{person}/groups"))["groups"] == [group]
    call("DELETE", f"users/{person}/groups", groupid=group)
    assert done(root.ocs(f"cloud/users/{person}/groups"))["groups"] == []


WRONG = [
    ("application/json", b'{"path": "/folder", "shareType": 3'),
    ("application/json", b'"/folder"'),
    ("application/json", b'[{"path": "/folder", "shareType": 3}]'),
    ("application/json", b'{"path": "/folder\\u0000", "shareType": 3}'),
    ("multipart/form-data; boundary=x", b"path=%2Ffolder&shareType=3"),
    ("multipart/form-data; boundary=x",
     b'--x\r\nContent-Disposition: form-data; name="path"\r\n\r\n/folder\r\n'),
    ("application/x-www-form-urlencoded", b"path=%2Ffolder%ff&shareType=3"),
]


@pytest.mark.parametrize("media,body", WRONG)
def test_malformed(people, media, body):
    alice, _ = people
    before = done(alice.ocs(API))
    for version, status in ((1, 200), (2, 400)):
        answer = alice.ocs(API, "POST", version, data=body, headers={"Content-Type": media})
        assert answer.status_code == status, answer.text
        assert answer.json()["ocs"]["meta"]["status"] == "failure"
    assert done(alice.ocs(API)) == before


@pytest.mark.parametrize("kind", KINDS)
def test_too_large(people, kind):
    alice, _ = people
    answer = alice.ocs(API, "POST", 2, **kind({"path": "/folder", "shareType": "3",
                                               "name": "x" * (1024 * 1024)}))
    assert answer.status_code == 413, answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_pages_of_other_sites(people, kind):
    """A page of another site can send both kinds of forms with the login of a browser."""
    alice, _ = people
    request = kind({"path": "/folder", "shareType": "3"})
    headers = {**request.pop("headers", {}), "Origin": "https://evil.example"}
    before = done(alice.ocs(API))
    answer = requests.post(f"{alice.env.url}ocs/v2.php/{API}", auth=(alice.id, alice.password),
                           headers=headers, timeout=60, params={"format": "json"}, **request)
    assert answer.status_code == 403
    assert answer.json()["ocs"]["meta"]["message"] == "Forms of other sites are not taken"
    assert done(alice.ocs(API)) == before
