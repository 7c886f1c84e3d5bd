"""The share API: each call, right and wrong, as owner, recipient, member of a group, stranger and nobody."""

import json
import re
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta, timezone

import pytest

from harness.ocs import statuses, xml

API = "apps/files_sharing/api/v1/"
BOTH = [(version, fmt) for version in (1, 2) for fmt in ("json", "xml")]
REDACTED = "***redacted***"


def call(who, method, place, version=1, fmt="json", params=None, **form):
    return who.ocs(API + place, method, version=version, fmt=fmt, params=params or {},
                   data=list(form.items()) or None)


def code(answer):
    return answer.json()["ocs"]["meta"]["statuscode"]


def message(answer):
    return answer.json()["ocs"]["meta"]["message"]


def data(answer):
    assert code(answer) in (100, 200), answer.text
    return answer.json()["ocs"]["data"]


def fails(answer, wanted, text=None):
    assert (answer.status_code, code(answer)) == (200, wanted), answer.text
    if text is not None:
        assert message(answer) == text
    assert answer.json()["ocs"]["data"] == []


def share(who, path, with_whom=None, kind=0, **form):
    if with_whom is not None:
        form["shareWith"] = with_whom
    return call(who, "POST", "shares", path=path, shareType=kind, **form)


def shared(who, path, with_whom=None, kind=0, **form):
    return data(share(who, path, with_whom, kind, **form))


def listed(who, **params):
    return data(call(who, "GET", "shares", params=params))


def ids(shares):
    return [one["id"] for one in shares]


@pytest.fixture(name="world", scope="module")
def fixture_world(module_env):
    """alice has things to share, brian is in grp, carol is in no group."""

    class World:
        env = module_env
        alice = module_env.account()
        brian = module_env.account()
        carol = module_env.account()
        group = f"grp {alice.id}"

        def setting(self, key, value, app="core"):
            if value is None:
                self.env.cloudctl("config", "delete", app, key)
            else:
                self.env.cloudctl("config", "set", app, key, value)

    world = World()
    module_env.cloudctl("group", "add", world.group)
    module_env.cloudctl("group", "add-member", world.group, world.brian.id)
    return world


@pytest.fixture(name="setting")
def fixture_setting(world):
    """Sets settings for one test."""
    changed = []

    def change(key, value, app="core"):
        changed.append((key, app))
        world.setting(key, value, app)

    yield change
    for key, app in changed:
        world.setting(key, None, app)


@pytest.fixture(name="folder")
def fixture_folder(world, request):
    """A new folder of alice's, with a file in it."""
    name = re.sub(r"\W+", "-", request.node.name)
    assert world.alice.dav("MKCOL", name).status_code == 201
    assert world.alice.dav("PUT", name + "/in.txt", data=b"text").status_code == 201
    return name


# ---- a whole life, exactly as ownCloud answers, in both versions and formats ----

def exactly(answer, wanted, version, fmt, text=None, what=None, ok_text=None):
    """The whole answer is this one. what: data in the order of ownCloud."""
    status, statuscode = statuses(wanted, version)
    assert answer.status_code == status, answer.text
    meta = {"status": "ok" if wanted == 100 else "failure", "statuscode": statuscode,
            "message": text or ok_text, "totalitems": "", "itemsperpage": ""}
    envelope = {"ocs": {"meta": meta, "data": [] if what is None else what}}
    if fmt == "json":
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert json.dumps(answer.json()) == json.dumps(envelope)
    else:
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        assert answer.text == xml(envelope).replace("<totalitems/>", "<totalitems></totalitems>")


def item_fields(alice, path, kind, number, parent, storage):
    return {"path": path, "mimetype": kind, "storage_id": f"home::{alice.id}", "storage": storage,
            "item_type": "file" if "." in path else "folder", "item_source": number,
            "file_source": number, "file_parent": parent, "file_target": path}


def people_fields(alice):
    return {"uid_file_owner": alice.id, "displayname_file_owner": "Alice Hansen",
            "additional_info_owner": None, "additional_info_file_owner": None}


def shown(alice, item, number, kind, perms, stime, recipient, expiration=None, token=None):
    fields = {"id": number, "share_type": kind, "uid_owner": alice.id,
              "displayname_owner": "Alice Hansen", "permissions": perms, "stime": stime,
              "parent": None, "expiration": expiration, "token": token}
    return {**fields, **people_fields(alice), **item, **recipient, "mail_send": 0,
            "attributes": None}


@pytest.mark.parametrize("version,fmt", BOTH)
def test_life(env, version, fmt):
    alice, brian = env.account(), env.account()
    env.cloudctl("account", "name", alice.id, "Alice Hansen")
    env.cloudctl("account", "name", brian.id, "Brian Murphy")
    group = f"grp of {alice.id}"
    env.cloudctl("group", "add", group)
    env.cloudctl("group", "add-member", group, brian.id)
    assert alice.dav("MKCOL", "sh").status_code == 201
    assert alice.dav("PUT", "sh.txt", data=b"text").status_code == 201

    def does(method, place, wanted=100, text=None, what=None, who=alice, params=None, **form):
        answer = call(who, method, place, version, fmt, params, **form)
        exactly(answer, wanted, version, fmt, text, what)

    def made(**form):
        """Creates a share, and gives what JSON says of it."""
        answer = call(alice, "POST", "shares", version, "json", **form)
        return data(answer)

    root = int(alice.prop("", "oc:fileid"))
    numbers = {path: int(alice.prop(path, "oc:fileid")) for path in ("sh", "sh.txt")}
    one = made(path="/sh", shareType=0, shareWith=brian.id, permissions=31)
    storage = one["storage"]
    folder = item_fields(alice, "/sh", "httpd/unix-directory", numbers["sh"], root, storage)
    file = item_fields(alice, "/sh.txt", "text/plain", numbers["sh.txt"], root, storage)
    user = shown(alice, folder, one["id"], 0, 31, one["stime"],
                 {"share_with": brian.id, "share_with_displayname": "Brian Murphy",
                  "share_with_user_type": 0, "share_with_additional_info": None})
    assert json.dumps(one) == json.dumps(user)
    assert abs(one["stime"] - datetime.now(timezone.utc).timestamp()) < 60
    does("POST", "shares", 403, "Path already shared with this user", path="/sh", shareType=0,
         shareWith=brian.id, permissions=31)
    two = made(path="/sh.txt", shareType=1, shareWith=group, permissions=19)
    grp = shown(alice, file, two["id"], 1, 19, two["stime"],
                {"share_with": group, "share_with_displayname": group})
    assert json.dumps(two) == json.dumps(grp)
    three = made(path="/sh", shareType=3, permissions=15, password="publicPass1", name="link1",
                 expireDate="2127-01-31")
    token = three["token"]
    assert re.fullmatch("[A-Za-z0-9]{15}", token)

    def link(perms, secret=True, expiration="2127-01-31 00:00:00"):
        recipient = {"share_with": REDACTED, "share_with_displayname": REDACTED} if secret else {}
        return shown(alice, folder, three["id"], 3, perms, three["stime"],
                     {**recipient, "name": "link1", "url": f"{env.url}index.php/s/{token}"},
                     expiration, token)

    assert json.dumps(three) == json.dumps(link(15))
    does("POST", "shares", 404, "Wrong path, file/folder doesn't exist", path="/nosuch",
         shareType=0, shareWith=brian.id)
    does("POST", "shares", 404, "Please specify a valid user", path="/sh", shareType=0,
         shareWith="nobody at all")
    does("POST", "shares", 400, "Unknown share type", path="/sh", shareType=42,
         shareWith=brian.id)
    does("POST", "shares", 403, "Can't share with yourself", path="/sh", shareType=0,
         shareWith=alice.id)
    does("POST", "shares", 404, "Please specify a file or folder path", shareType=0,
         shareWith=brian.id)
    does("GET", "shares", what=[user, grp, link(15)])
    does("GET", "shares", what=[user, link(15)], params={"path": "/sh", "reshares": "true"})
    does("GET", f"shares/{three['id']}", what=[link(15)])
    does("PUT", f"shares/{three['id']}", what=link(1), permissions=1)
    does("PUT", f"shares/{three['id']}", what=link(1, False, None), password="", expireDate="")
    does("PUT", f"shares/{three['id']}", 400, "Invalid date. Format must be YYYY-MM-DD",
         expireDate="garbage")
    does("PUT", f"shares/{three['id']}", 404, "Could not update share", who=brian, permissions=1)
    does("GET", "shares/999999", 404, "Wrong share ID, share doesn't exist")
    does("DELETE", f"shares/{three['id']}")
    does("DELETE", "shares/999999", 404, "Wrong share ID, share doesn't exist")
    does("GET", "remote_shares")
    does("GET", "remote_shares/pending")
    assert ids(listed(alice)) == [one["id"], two["id"]]


# ---- creating ----

def test_permissions_of_folders_and_files(world, folder):
    alice, brian = world.alice, world.brian
    for asked, got in ((1, 1), (31, 31), (17, 17), (7, 7), (4, 4), (16, 16), (2, 2)):
        one = shared(alice, folder, brian.id, permissions=asked)
        assert one["permissions"] == got
        assert code(call(alice, "DELETE", f"shares/{one['id']}")) == 100
    for asked, got in ((1, 1), (31, 19), (19, 19), (3, 3), (15, 3)):
        one = shared(alice, folder + "/in.txt", brian.id, permissions=asked)
        assert one["permissions"] == got
        assert code(call(alice, "DELETE", f"shares/{one['id']}")) == 100
    fails(share(alice, folder, brian.id, permissions=0), 400, "Cannot remove all permissions")
    fails(share(alice, folder + "/in.txt", brian.id, permissions=8), 400,
          "Cannot remove all permissions")
    for bad in (-1, 32, 99999999999999999999, "x", "1x", "0x1f", "31 "):
        fails(share(alice, folder, brian.id, permissions=bad), 404, "Invalid permissions")
    assert shared(alice, folder, brian.id)["permissions"] == 31


def test_default_permissions(world, folder, setting):
    setting("shareapi_default_permissions", "17")
    assert shared(world.alice, folder, world.brian.id)["permissions"] == 17
    assert shared(world.alice, folder + "/in.txt", world.brian.id)["permissions"] == 17


def test_types_that_are_none(world, folder):
    for kind in ("", "x", "-1", "2", "4", "99", "3x", "1.0", "99999999999999999999"):
        fails(share(world.alice, folder, world.brian.id, kind), 400, "Unknown share type")
    for kind in (6, 7):
        fails(share(world.alice, folder, "a@b", kind), 403)
    fails(call(world.alice, "POST", "shares", path=folder), 400, "Unknown share type")


def test_places_that_are_none(world, folder):
    alice, brian = world.alice, world.brian
    for path in ("nosuch", folder + "/nosuch", folder + "/in.txt/x", "..", "a/../" + folder,
                 "\\", "x" * 5000):
        fails(share(alice, path, brian.id), 404, "Wrong path, file/folder doesn't exist")
    for path in ("", "/", "//"):
        fails(share(alice, path, brian.id), 403, "You can't share your root folder")
    fails(share(brian, folder, world.carol.id), 404)
    assert shared(alice, f"//{folder}/", brian.id)["path"] == f"/{folder}"


def test_recipients_that_are_none(world, folder):
    alice = world.alice
    for name in ("", "nosuch", "é" * 200, world.group, "*", "%"):
        fails(share(alice, folder, name), 404, "Please specify a valid user")
    fails(share(alice, folder), 404, "Please specify a valid user")
    for name in ("", "nosuch", world.brian.id, "%"):
        fails(share(alice, folder, name, 1), 404, "Please specify a valid group")
    fails(share(alice, folder, alice.id.upper()), 403, "Can't share with yourself")
    assert shared(alice, folder, world.brian.id.upper())["share_with"] == world.brian.id


def test_a_group_twice(world, folder):
    shared(world.alice, folder, world.group, 1)
    fails(share(world.alice, folder, world.group, 1), 403, "Path already shared with this group")
    shared(world.alice, folder, world.brian.id)


# ---- links ----

def test_link_permissions(world, folder):
    alice = world.alice
    for asked, got in ((1, 1), (4, 4), (3, 3), (5, 5), (15, 15), (31, 1), (7, 1), (2, 1), (0, 1)):
        assert shared(alice, folder, None, 3, permissions=asked)["permissions"] == got
    assert shared(alice, folder, "", 3)["permissions"] == 1
    assert shared(alice, folder, None, 3, publicUpload="true")["permissions"] == 15
    assert shared(alice, folder, None, 3, publicUpload="false")["permissions"] == 1
    file = folder + "/in.txt"
    text = "Public upload is only possible for publicly shared folders"
    fails(share(alice, file, None, 3, permissions=4), 404, text)
    fails(share(alice, file, None, 3, publicUpload="true"), 404, text)
    assert shared(alice, file, None, 3, permissions=3)["permissions"] == 3
    assert len(listed(alice, path=folder)) == 12


def test_changing_links(world, folder):
    alice = world.alice
    one = shared(alice, folder, None, 3, name="first")
    place = f"shares/{one['id']}"
    for asked in (4, 3, 5, 15, 7, 1):
        assert data(call(alice, "PUT", place, permissions=asked))["permissions"] == asked
    for asked in (0, 2, 8, 16, 31, -1, 99, "x"):
        fails(call(alice, "PUT", place, permissions=asked), 400,
              "Can't change permissions for public share links")
    assert data(call(alice, "PUT", place, publicUpload="true"))["permissions"] == 15
    assert data(call(alice, "PUT", place, publicUpload="false"))["permissions"] == 1
    assert data(call(alice, "PUT", place, name="second"))["name"] == "second"
    assert data(call(alice, "PUT", place, name=""))["name"] == ""
    fails(call(alice, "PUT", place, name="x" * 65), 400,
          "Share name cannot be more than 64 characters")
    assert data(call(alice, "PUT", place, name="ä" * 64))["name"] == "ä" * 64
    fails(call(alice, "PUT", place), 400, "Wrong or no update parameter given")
    fails(call(alice, "PUT", place, bogus="1"), 400, "Wrong or no update parameter given")
    now = data(call(alice, "PUT", place, password="secret"))
    assert now["share_with"] == REDACTED and now["token"] == one["token"]
    assert "share_with" not in data(call(alice, "PUT", place, password=""))
    assert data(call(alice, "GET", place))[0]["name"] == "ä" * 64


def test_links_need_what_the_settings_say(world, folder, setting):
    alice = world.alice
    kinds = {"read_only": 1, "read_write": 5, "write_only": 4, "read_write_delete": 15}
    for name, perms in kinds.items():
        key = f"shareapi_enforce_links_password_{name}"
        setting(key, "yes")
        for other in kinds.values():
            answer = share(alice, folder, None, 3, permissions=other)
            if other == perms:
                fails(answer, 403, "Passwords are enforced for link shares")
                one = shared(alice, folder, None, 3, permissions=other, password="pw")
                place = f"shares/{one['id']}"
                fails(call(alice, "PUT", place, password=""), 400,
                      "Passwords are enforced for link shares")
            else:
                one = data(answer)
                fails(call(alice, "PUT", f"shares/{one['id']}", permissions=perms), 400,
                      "Passwords are enforced for link shares")
        setting(key, "no")
    setting("spv_min_chars_checked", "yes", "password_policy")
    setting("spv_min_chars_value", "10", "password_policy")
    fails(share(alice, folder, None, 3, password="short"), 403)
    one = shared(alice, folder, None, 3, password="long enough")
    fails(call(alice, "PUT", f"shares/{one['id']}", password="short"), 400)
    fails(share(alice, folder, None, 3, password="x" * 73), 403)


def test_links_that_are_off(world, folder, setting):
    alice = world.alice
    one = shared(alice, folder, None, 3)
    setting("shareapi_allow_public_upload", "no")
    off = "Public upload disabled by the administrator"
    for perms in (4, 5, 15):
        fails(share(alice, folder, None, 3, permissions=perms), 403, off)
        fails(call(alice, "PUT", f"shares/{one['id']}", permissions=perms), 403, off)
    fails(share(alice, folder, None, 3, publicUpload="true"), 403, off)
    fails(share(alice, folder, None, 3, permissions=3), 403, "Public upload not allowed")
    assert shared(alice, folder, None, 3)["permissions"] == 1
    setting("shareapi_allow_links", "no")
    fails(share(alice, folder, None, 3), 404,
          "Public link sharing is disabled by the administrator")
    setting("shareapi_allow_links", "yes")
    setting("public_share_sharers_groups_allowlist_enabled", "yes", "files_sharing")
    shared(alice, folder, None, 3)  # nobody is listed: no limit
    setting("public_share_sharers_groups_allowlist", json.dumps([world.group]), "files_sharing")
    fails(share(alice, folder, None, 3), 403,
          "Public link creation is only possible for certain groups")
    assert world.brian.dav("MKCOL", folder).status_code == 201
    shared(world.brian, folder, None, 3)


def test_not_more_than_there_may_be(world, folder, setting):
    """Of links to one item, and of all that one account shares; what is there already stays."""
    dave, eve = world.env.account(), world.env.account()
    for who, path in ((dave, folder), (dave, "other"), (eve, folder)):
        assert who.dav("MKCOL", path).status_code == 201
    setting("links_per_item_max", "2", "files_sharing")
    first = shared(dave, folder, None, 3)
    shared(dave, folder, None, 3)
    fails(share(dave, folder, None, 3), 403, "There are too many public links to this item")
    assert data(call(dave, "PUT", f"shares/{first['id']}", permissions=1))["token"] == first["token"]
    shared(dave, "other", None, 3)
    shared(dave, folder, world.carol.id)
    assert call(dave, "DELETE", f"shares/{first['id']}").status_code == 200
    shared(dave, folder, None, 3)
    setting("shares_per_account_max", "5", "files_sharing")
    shared(dave, "other", world.carol.id)
    for kind, whom in ((3, None), (0, world.brian.id), (1, world.group)):
        fails(share(dave, "other", whom, kind), 403, "You have shared too many items")
    shared(eve, folder, dave.id)
    setting("shares_per_account_max", "0", "files_sharing")
    setting("links_per_item_max", "0", "files_sharing")
    for _ in range(3):
        shared(dave, folder, None, 3)


# ---- expiry ----

def day(n):
    return (datetime.now(timezone.utc) + timedelta(days=n)).strftime("%Y-%m-%d")


def test_expiry(world, folder):
    alice, brian = world.alice, world.brian
    for bad in ("garbage", "2027-13-01", "123", "2027-01-01x", "99999-01-01", "-2027-01-01", "+1"):
        fails(share(alice, folder, brian.id, expireDate=bad), 404,
              "Invalid date, date format must be YYYY-MM-DD")
    fails(share(alice, folder, brian.id, expireDate=day(-1)), 404, "Expiration date is in the past")
    fails(share(alice, folder, None, 3, expireDate="1999-01-01"), 404,
          "Expiration date is in the past")
    one = shared(alice, folder, brian.id, expireDate=day(0))
    assert one["expiration"] == day(0) + " 00:00:00"
    place = f"shares/{one['id']}"
    assert data(call(alice, "PUT", place, expireDate=day(9)))["expiration"] == day(9) + " 00:00:00"
    for tail in ("T00:00:00+0000", " 00:00:00"):
        assert data(call(alice, "PUT", place, expireDate=day(3) + tail))["expiration"].startswith(day(3))
    fails(call(alice, "PUT", place, expireDate=day(-1)), 404, "Expiration date is in the past")
    fails(call(alice, "PUT", place, expireDate="soon"), 400, "Invalid date. Format must be YYYY-MM-DD")
    for words, n in (("tomorrow", 1), ("today", 0), ("+2 weeks", 14)):
        assert data(call(alice, "PUT", place, expireDate=words))["expiration"] == day(n) + " 00:00:00"
    for text in ("11-12-2050", "12/11/2050", "11.12.2050 12:30:40"):
        assert data(call(alice, "PUT", place, expireDate=text))["expiration"] == "2050-12-11 00:00:00"
    fails(call(alice, "PUT", place, expireDate="yesterday"), 404, "Expiration date is in the past")
    assert data(call(alice, "PUT", place, expireDate=""))["expiration"] is None
    assert shared(alice, folder, None, 3, expireDate="")["expiration"] is None


@pytest.mark.parametrize("kind,suffix", [(0, "_user_share"), (1, "_group_share"), (3, "")])
def test_enforced_expiry(world, folder, setting, kind, suffix):
    alice = world.alice
    whom = {0: world.brian.id, 1: world.group, 3: None}[kind]
    setting("shareapi_enforce_expire_date" + suffix, "yes")
    one = shared(alice, folder, whom, kind)
    assert one["expiration"] is None
    setting("shareapi_default_expire_date" + suffix, "yes")
    setting("shareapi_expire_after_n_days" + suffix, "5")
    assert code(call(alice, "DELETE", f"shares/{one['id']}")) == 100
    one = shared(alice, folder, whom, kind)
    assert one["expiration"] == day(5) + " 00:00:00"
    place = f"shares/{one['id']}"
    fails(call(alice, "PUT", place, expireDate=""), 400, "Expiration date is enforced")
    fails(call(alice, "PUT", place, expireDate=day(6)), 404,
          "Cannot set expiration date more than 5 days in the future")
    assert data(call(alice, "PUT", place, expireDate=day(2)))["expiration"].startswith(day(2))
    assert code(call(alice, "DELETE", place)) == 100
    fails(share(alice, folder, whom, kind, expireDate=day(6)), 404,
          "Cannot set expiration date more than 5 days in the future")
    setting("shareapi_expire_after_n_days" + suffix, "0")
    fails(share(alice, folder, whom, kind, expireDate=day(1)), 404,
          "Cannot set expiration date more than 0 days in the future")
    one = shared(alice, folder, whom, kind)
    assert one["expiration"] == day(0) + " 00:00:00"
    assert code(call(alice, "DELETE", f"shares/{one['id']}")) == 100
    setting("shareapi_enforce_expire_date" + suffix, "no")
    assert shared(alice, folder, whom, kind)["expiration"] is None


# ---- switches ----

def test_sharing_that_is_off(world, folder, setting):
    alice, brian = world.alice, world.brian
    one = shared(alice, folder, brian.id)
    place = f"shares/{one['id']}"
    setting("shareapi_enabled", "no")
    off = "Share API is disabled"
    fails(share(alice, folder, None, 3), 404, off)
    fails(call(alice, "GET", place), 404, off)
    fails(call(alice, "PUT", place, permissions=1), 404, off)
    fails(call(alice, "DELETE", place), 404, off)
    fails(call(brian, "POST", f"shares/pending/{one['id']}"), 404, off)
    fails(call(brian, "DELETE", f"shares/pending/{one['id']}"), 404, off)
    assert listed(alice) == []
    shown_now = alice.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]
    assert shown_now["files_sharing"]["api_enabled"] is False
    setting("shareapi_enabled", "yes")
    assert ids(listed(alice, path=folder)) == [one["id"]]


def test_excluded_groups(world, folder, setting):
    brian = world.brian
    assert brian.dav("MKCOL", folder).status_code == 201
    one = shared(brian, folder, world.carol.id)
    setting("shareapi_exclude_groups", "yes")
    setting("shareapi_exclude_groups_list", json.dumps([world.group]))
    fails(share(brian, folder, world.alice.id), 403, "You are not allowed to share")
    fails(share(brian, folder, None, 3), 403, "You are not allowed to share")
    fails(call(brian, "PUT", f"shares/{one['id']}", permissions=1), 400,
          "You are not allowed to share")
    assert capabilities(brian)["can_share"] is False
    assert capabilities(world.alice)["can_share"] is True
    shared(world.alice, folder, brian.id)
    assert code(call(brian, "DELETE", f"shares/{one['id']}")) == 100


def test_groups_only(world, folder, setting):
    alice, brian = world.alice, world.brian
    setting("shareapi_only_share_with_group_members", "yes")
    setting("shareapi_only_share_with_membership_groups", "yes")
    fails(share(alice, folder, brian.id), 403, "Only sharing with group members is allowed")
    fails(share(alice, folder, world.group, 1), 403,
          "Only sharing within your own groups is allowed")
    world.env.cloudctl("group", "add-member", world.group, alice.id)
    try:
        shared(alice, folder, brian.id)
        shared(alice, folder, world.group, 1)
    finally:
        world.env.cloudctl("group", "remove-member", world.group, alice.id)


def test_group_sharing_that_is_off(world, folder, setting):
    place = f"shares/{shared(world.alice, folder, world.group, 1)['id']}"
    setting("blacklisted_receiver_groups", json.dumps([world.group]), "files_sharing")
    fails(share(world.alice, folder, world.group, 1), 403,
          "The group is blacklisted for sharing")
    setting("shareapi_allow_group_sharing", "no")
    fails(share(world.alice, folder, world.group, 1), 404,
          "Group sharing is disabled by the administrator")
    fails(call(world.alice, "PUT", place, permissions=1), 400, "Group sharing is not allowed")
    assert data(call(world.alice, "GET", place))[0]["permissions"] == 31
    assert code(call(world.alice, "DELETE", place)) == 100


# ---- attributes ----

def test_attributes(world, folder):
    alice = world.alice
    form = {"attributes[0][scope]": "permissions", "attributes[0][key]": "download",
            "attributes[0][value]": "false"}
    one = shared(alice, folder, world.brian.id, permissions=1, **form)
    assert json.loads(one["attributes"]) == [{"scope": "permissions", "key": "download",
                                              "enabled": False}]
    place = f"shares/{one['id']}"
    now = data(call(alice, "PUT", place, **{**form, "attributes[0][value]": "true"}))
    assert json.loads(now["attributes"])[0]["enabled"] is True
    assert data(call(alice, "PUT", place, permissions=3))["attributes"] == now["attributes"]
    bits = {f"attributes[{i}][{part}]": value
            for i, name in enumerate(("read", "update"))
            for part, value in (("scope", "ownCloud"), ("key", name), ("value", "true"))}
    assert data(call(alice, "PUT", place, **bits))["permissions"] == 3
    fails(call(alice, "PUT", place, **{**form, "attributes[0][key]": "x" * 65}), 400)
    for one_bad in ({"attributes[0][scope]": "x"}, {**form, "attributes[1][key]": "x"},
                    {**form, "attributes[x][key]": "x"}, {**form, "attributes[200][key]": "x"},
                    {"attributes": "x"}, {"attributes": "{}"}, {"attributes": "[1]"},
                    {"attributes": '[{"scope":"a","key":"b"}]'},
                    {"attributes": '[{"scope":"a","key":"b","value":1}]'}):
        fails(call(alice, "PUT", place, permissions=1, **one_bad), 400, "Invalid share attributes")
        fails(share(alice, folder + "/in.txt", world.brian.id, **one_bad), 400)
    for value in ("false", '"false"'):
        text = f'[{{"scope":"permissions","key":"download","value":{value}}}]'
        now = data(call(alice, "PUT", place, attributes=text))
        assert json.loads(now["attributes"])[0]["enabled"] is False
    assert data(call(alice, "PUT", place, attributes=""))["attributes"] is None
    assert data(call(alice, "PUT", place, attributes="[]"))["attributes"] is None
    fails(call(alice, "PUT", place, **{**form, "attributes[0][scope]": ""}), 400)


@pytest.mark.parametrize("name", ["password[]", "password[x]", "expireDate[]", "permissions[]",
                                  "publicUpload[0]", "shareWith[]", "path[]"])
def test_a_list_where_one_value_belongs(world, folder, name):
    """It is not passed over: a link would be without the password that was meant."""
    alice = world.alice
    wanted = {"path": folder, "shareType": 3, "password": "abcdefgh"}
    values = {key: value for key, value in wanted.items() if key != name.partition("[")[0]}
    said = f"The parameter {name.partition('[')[0]} has one value"
    fails(call(alice, "POST", "shares", **values, **{name: "2"}), 400, said)
    one = data(call(alice, "POST", "shares", **wanted))
    fails(call(alice, "PUT", f"shares/{one['id']}", **{name: "2"}), 400, said)
    assert data(call(alice, "PUT", f"shares/{one['id']}", name="n"))["share_with"]


# ---- lists ----

def test_lists(world, folder):
    alice, brian, carol = world.alice, world.brian, world.carol
    inner = folder + "/in.txt"
    one = shared(alice, folder, brian.id)
    two = shared(alice, inner, world.group, 1)
    three = shared(alice, folder, None, 3)
    assert ids(listed(alice, path=folder)) == [one["id"], three["id"]]
    assert ids(listed(alice, path="/" + inner)) == [two["id"]]
    assert ids(listed(alice, path=folder, subfiles="true")) == [two["id"]]
    assert {one["id"], three["id"]} <= set(ids(listed(alice, path="/", subfiles="true")))
    assert two["id"] not in ids(listed(alice, path="/", subfiles="true"))
    assert ids(listed(alice, path=folder, share_types="3")) == [three["id"]]
    assert ids(listed(alice, path=folder, share_types="0,3")) == [one["id"], three["id"]]
    assert listed(alice, path=folder, share_types="1,6,x,-1,99999999999") == []
    for who in (brian, carol):
        assert not {one["id"], two["id"], three["id"]} & set(ids(listed(who)))
    fails(call(alice, "GET", "shares", params={"path": "nosuch"}), 404,
          "Wrong path, file/folder doesn't exist")
    fails(call(brian, "GET", "shares", params={"path": folder + "/nosuch"}), 404)
    fails(call(alice, "GET", "shares", params={"path": inner, "subfiles": "true"}), 400,
          "Not a directory")
    fails(call(alice, "GET", "shares", params={"subfiles": "true"}), 400, "Not a directory")


def test_only_owner_and_sharer_may_change(world, folder):
    one = shared(world.alice, folder, world.group, 1)
    place = f"shares/{one['id']}"
    for who in (world.brian, world.carol, world.env.admin()):
        fails(call(who, "PUT", place, permissions=1), 404, "Could not update share")
        fails(call(who, "DELETE", place), 404, "Could not delete share")
    fails(call(world.carol, "GET", place), 404, "Wrong share ID, share doesn't exist")
    fails(call(world.carol, "POST", f"shares/pending/{one['id']}"), 404)
    fails(call(world.carol, "DELETE", f"shares/pending/{one['id']}"), 404)
    fails(call(world.alice, "POST", f"shares/pending/{one['id']}"), 403,
          "Only recipient can change accepted state")
    for wrong in ("0", "-1", "x", "1x", "%00", "99999999999999999999999", "1%2F2", "é", "*"):
        for method in ("GET", "PUT", "DELETE"):
            answer = call(world.alice, method, f"shares/{wrong}", permissions=1) \
                if method == "PUT" else call(world.alice, method, f"shares/{wrong}")
            assert answer.status_code in (200, 404) and b"404" in answer.content or \
                b"998" in answer.content, answer.text


ROUTES = [("GET", "shares"), ("POST", "shares"), ("GET", "shares/1"), ("PUT", "shares/1"),
          ("DELETE", "shares/1"), ("POST", "shares/pending/1"), ("DELETE", "shares/pending/1"),
          ("GET", "remote_shares"), ("GET", "remote_shares/all"), ("GET", "remote_shares/pending"),
          ("GET", "remote_shares/1"), ("DELETE", "remote_shares/1"),
          ("POST", "remote_shares/pending/1"), ("DELETE", "remote_shares/pending/1")]


@pytest.mark.parametrize("method,path", ROUTES)
def test_nobody_gets_nothing(env, method, path):
    answer = env.http(method, f"ocs/v1.php/{API}{path}?format=json")
    assert answer.status_code == 401 and code(answer) == 997


def test_remote_shares_are_none(world):
    for method, path in (("GET", "remote_shares/1"), ("DELETE", "remote_shares/1"),
                         ("POST", "remote_shares/pending/1"),
                         ("DELETE", "remote_shares/pending/1")):
        fails(call(world.alice, method, path), 404)


# ---- what changes for others ----

def test_the_owners_root_changes(world, folder):
    alice = world.alice

    def tags():
        return alice.prop(""), alice.prop(folder)

    root, item = tags()
    one = shared(alice, folder + "/in.txt", None, 3)
    root2, item2 = tags()
    assert root2 != root and item2 != item
    call(alice, "PUT", f"shares/{one['id']}", permissions=3)
    root3, _ = tags()
    assert root3 != root2
    call(alice, "DELETE", f"shares/{one['id']}")
    assert tags()[0] != root3
    before = alice.prop(folder + "/in.txt")
    shared(alice, folder + "/in.txt", None, 3)
    assert alice.prop(folder + "/in.txt") == before


def test_shares_end_with_what_they_need(env):
    alice, brian = env.account(), env.account()
    group = f"g {alice.id}"
    env.cloudctl("group", "add", group)
    for name in ("d", "d/e", "f"):
        assert alice.dav("MKCOL", name).status_code == 201
    one = shared(alice, "d", brian.id)
    two = shared(alice, "d/e", group, 1)
    three = shared(alice, "d/e", None, 3)
    four = shared(alice, "f", brian.id)
    env.cloudctl("group", "delete", group, "--yes")
    assert ids(listed(alice)) == [one["id"], four["id"], three["id"]]
    env.cloudctl("account", "delete", brian.id, "--yes")
    assert ids(listed(alice)) == [three["id"]]


def capabilities(who):
    return who.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]["files_sharing"]


def test_capabilities(world, setting):
    assert capabilities(world.alice) == {
        "api_enabled": True,
        "public": {
            "enabled": True,
            "password": {"enforced_for": {"read_only": False, "read_write": False,
                                          "upload_only": False, "read_write_delete": False},
                         "enforced": False},
            "roles_api": True, "can_create_public_link": True, "expire_date": {"enabled": False},
            "send_mail": False, "social_share": True, "upload": True, "multiple": True,
            "supports_upload_only": True, "defaultPublicLinkShareName": "Public link"},
        "user": {"send_mail": False, "profile_picture": True, "expire_date": {"enabled": False}},
        "group": {"expire_date": {"enabled": False}},
        "remote": {"expire_date": {"enabled": False}},
        "resharing": True, "group_sharing": True, "auto_accept_share": True,
        "share_with_group_members_only": False, "share_with_membership_groups_only": False,
        "can_share": True, "user_enumeration": {"enabled": True, "group_members_only": False},
        "default_permissions": 31,
        "providers_capabilities": {"ocinternal": {
            "user": ["shareExpiration"], "group": ["shareExpiration"],
            "link": ["shareExpiration", "passwordProtected"]}},
        "federation": {"outgoing": False, "incoming": False}, "search_min_length": 2}
    setting("shareapi_default_expire_date", "yes")
    setting("shareapi_expire_after_n_days", "30")
    setting("shareapi_enforce_links_password_write_only", "yes")
    setting("shareapi_allow_resharing", "no")
    now = capabilities(world.alice)
    assert now["public"]["expire_date"] == {"enabled": True, "days": "30", "enforced": False}
    assert now["public"]["password"]["enforced"] is True
    assert now["public"]["password"]["enforced_for"]["upload_only"] is True
    assert now["resharing"] is False
    setting("shareapi_allow_links", "no")
    assert capabilities(world.alice)["public"] == {"enabled": False}
