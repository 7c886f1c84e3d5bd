"""Shares as their recipients have them: lists, answers, places, sharing on, notices."""

import email
import email.policy
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from harness.env import wait_until
from harness.shares import sql

API = "apps/files_sharing/api/v1/"


def call(who, method, place, params=None, **form):
    return who.ocs(API + place, method, params=params or {}, data=list(form.items()) or None)


def meta(answer):
    return answer.json()["ocs"]["meta"]


def data(answer):
    assert meta(answer)["statuscode"] == 100, answer.text
    return answer.json()["ocs"]["data"]


def fails(answer, wanted, text=None):
    assert meta(answer)["statuscode"] == wanted, answer.text
    if text is not None:
        assert meta(answer)["message"] == text


def share(who, path, whom=None, kind=0, **form):
    if whom is not None:
        form["shareWith"] = getattr(whom, "id", whom)
    return call(who, "POST", "shares", path=path, shareType=kind, **form)


def shared(who, path, whom=None, kind=0, **form):
    return data(share(who, path, whom, kind, **form))


def received(who, **params):
    return data(call(who, "GET", "shares", params={"shared_with_me": "true", **params}))


def letters(who, path):
    return who.prop(path, "oc:permissions")


def names(who, path=""):
    answer = who.propfind(path, 1, ("oc:fileid",))
    return sorted(href.rstrip("/").rsplit("/", 1)[1] for href in list(answer)[1:])


class World:
    def __init__(self, env):
        self.env = env
        self.alice, self.brian, self.carol, self.dave = (env.account() for _ in range(4))
        self.group = f"group of {self.alice.id}"
        env.cloudctl("group", "add", self.group)
        for who in (self.brian, self.carol):
            env.cloudctl("group", "add-member", self.group, who.id)
        self.alice.mkcol("sh")
        self.alice.put("sh/in.txt", b"text")
        self.alice.mkcol("sh/sub")
        self.alice.put("file.txt", b"a file")


@pytest.fixture(name="w")
def fixture_world(env):
    return World(env)


@pytest.fixture(name="setting")
def fixture_setting(env):
    changed = []

    def change(key, value, app="core"):
        changed.append((key, app))
        env.cloudctl("config", "set", app, key, value)

    yield change
    for key, app in changed:
        env.cloudctl("config", "delete", app, key)


# ---- what the recipient is told ----

def test_a_received_share(w):
    one = shared(w.alice, "sh", w.brian)
    two = shared(w.alice, "file.txt", w.group, 1, permissions=19)
    got = received(w.brian)
    assert [share["id"] for share in got] == [one["id"], two["id"]]
    folder, file = got
    for key in ("share_type", "uid_owner", "permissions", "stime", "item_source", "item_type",
                "share_with", "share_with_displayname", "mimetype"):
        assert folder[key] == one[key] and file[key] == two[key], key
    assert (folder["state"], folder["path"], folder["file_target"]) == (0, "/sh", "/sh")
    assert folder["storage_id"] == "shared::/sh"
    assert folder["file_parent"] == int(w.brian.prop("", "oc:fileid"))
    assert list(folder)[:13] == ["id", "share_type", "uid_owner", "displayname_owner",
                                 "permissions", "stime", "parent", "expiration", "token",
                                 "uid_file_owner", "displayname_file_owner",
                                 "additional_info_owner", "additional_info_file_owner"]
    assert list(folder)[13] == "state"
    assert [share["id"] for share in received(w.carol)] == [two["id"]]
    assert received(w.dave) == [] and received(w.alice) == []
    assert [share["id"] for share in received(w.brian, share_types="1")] == [two["id"]]
    assert [share["id"] for share in received(w.brian, path="sh")] == [one["id"]]
    fails(call(w.brian, "GET", "shares", params={"shared_with_me": "true", "path": "nosuch"}), 404)
    assert data(call(w.brian, "GET", f"shares/{one['id']}"))[0]["path"] == "/sh"
    fails(call(w.brian, "PUT", f"shares/{one['id']}", permissions=31), 404,
          "Could not update share")
    fails(call(w.brian, "DELETE", f"shares/{one['id']}"), 404, "Could not delete share")


@pytest.mark.parametrize("perms,is_dir,wanted", (
    (31, 1, "SRDNVCK"), (1, 1, "SDNV"), (17, 1, "SRDNV"), (5, 1, "SDNVCK"), (15, 1, "SDNVCK"),
    (19, 0, "SRDNVW"), (1, 0, "SDNV"), (3, 0, "SDNVW")))
def test_letters(w, perms, is_dir, wanted):
    path = "sh" if is_dir else "file.txt"
    shared(w.alice, path, w.brian, permissions=perms)
    assert letters(w.brian, path) == wanted
    assert w.brian.prop(path, "oc:owner-id") == w.alice.id


def test_places_are_the_recipients(w):
    one = shared(w.alice, "sh", w.brian)
    w.brian.mkcol("my")
    w.brian.move("sh", "my/renamed")
    assert names(w.brian) == ["my"] and names(w.brian, "my") == ["renamed"]
    assert names(w.alice) == ["file.txt", "sh"]
    got = received(w.brian)[0]
    assert (got["path"], got["file_target"]) == ("/my/renamed", "/my/renamed")
    assert got["file_parent"] == int(w.brian.prop("my", "oc:fileid"))
    w.alice.move("sh", "elsewhere")
    assert w.brian.get("my/renamed/in.txt").content == b"text"
    assert data(call(w.alice, "GET", f"shares/{one['id']}"))[0]["path"] == "/elsewhere"


def test_what_was_deleted_with_its_folder_can_be_taken_back(w):
    one = shared(w.alice, "sh", w.brian)
    shared(w.alice, "sh", w.carol)
    for again in (False, True):
        w.brian.mkcol("my")
        w.brian.move("sh", "my/sh")
        w.brian.delete("my")
        assert names(w.brian) == []
        for state in ("all", "0"):
            got = received(w.brian, state=state)
            assert [(g["id"], g["state"], g["file_target"]) for g in got] == [(one["id"], 0, "/sh")]
        if again:
            call(w.alice, "DELETE", f"shares/{one['id']}")
            shared(w.alice, "sh", w.brian)
        else:
            data(call(w.brian, "POST", f"shares/pending/{one['id']}"))
        assert names(w.brian) == ["sh"]
        assert received(w.brian)[0]["path"] == "/sh"


def test_clashes_get_a_number(w):
    w.brian.mkcol("sh")
    w.brian.put("file.txt", b"mine")
    assert shared(w.alice, "sh", w.brian)["file_target"] == "/sh (2)"
    assert shared(w.alice, "file.txt", w.brian)["file_target"] == "/file (2).txt"
    assert names(w.brian) == ["file (2).txt", "file.txt", "sh", "sh (2)"]
    w.dave.mkcol("sh")
    assert shared(w.dave, "sh", w.brian)["file_target"] == "/sh (3)"


def test_the_share_folder(w, setting):
    setting("share_folder", "/Shares/in", "system")
    w.brian.mkcol("Shares")
    w.brian.mkcol("Shares/in")
    assert shared(w.alice, "sh", w.brian)["file_target"] == "/Shares/in/sh"
    assert names(w.brian, "Shares/in") == ["sh"]
    assert received(w.brian)[0]["path"] == "/Shares/in/sh"


def test_the_share_folder_is_made_for_those_who_receive(w, setting):
    setting("share_folder", "/Shares", "system")
    assert names(w.brian) == [] and names(w.alice) == ["file.txt", "sh"]
    one = shared(w.alice, "sh", w.group, 1)
    for who in (w.brian, w.carol):
        assert names(who) == ["Shares"] and names(who, "Shares") == ["sh"]
        assert received(who)[0]["path"] == "/Shares/sh"
        assert who.get("Shares/sh/in.txt").content == b"text"
    assert names(w.dave) == [] and names(w.alice) == ["file.txt", "sh"]
    w.env.cloudctl("group", "add-member", w.group, w.dave.id)
    # The first thing that he asks for, whatever it is
    assert w.dave.get("Shares/sh/in.txt").content == b"text"
    data(call(w.alice, "DELETE", f"shares/{one['id']}"))
    assert names(w.dave) == ["Shares"] and names(w.dave, "Shares") == []


def test_accepting_makes_the_share_folder(w, setting):
    setting("share_folder", "/Shares", "system")
    setting("shareapi_auto_accept_share", "no")
    one = shared(w.alice, "sh", w.brian)
    assert received(w.brian, state="1")[0]["path"] == "/Shares/sh"
    assert names(w.brian) == []
    answer = data(call(w.brian, "POST", f"shares/pending/{one['id']}"))
    assert (answer[0]["path"], answer[0]["file_target"]) == ("/Shares/sh", "/Shares/sh")
    assert names(w.brian) == ["Shares"]


def test_the_share_folder_stays(w, setting):
    setting("share_folder", "/Shares", "system")
    shared(w.alice, "sh", w.brian)
    assert letters(w.brian, "Shares") == "NVCK" and letters(w.brian, "") == "RDNVCK"
    listed = w.brian.propfind("", 1, ("oc:permissions",))
    assert [listed[w.brian.path("Shares") + "/"].get("oc:permissions")] == ["NVCK"]
    inside = w.brian.propfind("Shares", 1, ("oc:permissions",))
    assert [one.get("oc:permissions") for one in list(inside.values())] == ["NVCK", "SRDNVCK"]
    w.brian.put("file", b"x")
    w.brian.delete("Shares", expect=(403,))
    assert w.brian.dav("DELETE", "Shares", space="webdav").status_code == 403
    w.brian.move("file", "Shares", expect=(403,))
    w.brian.copy("file", "Shares", expect=(403,))
    for to in ((w.dave,), (None, 3)):
        fails(share(w.brian, "Shares", *to), 403, "Path contains files shared with you")
    w.brian.move("Shares/sh", "sh")
    for to in ((w.dave,), (None, 3)):
        fails(share(w.brian, "Shares", *to), 404, "You are not allowed to share Shares")
    w.brian.move("sh", "Shares/sh")
    w.brian.move("Shares", "From others")
    assert names(w.brian) == ["From others", "file"]
    assert names(w.brian, "From others") == ["sh"]
    w.brian.delete("From others")
    assert names(w.brian) == ["file"]


# ---- answers ----

def test_leaving_and_coming_back(w):
    one = shared(w.alice, "sh", w.brian)
    two = shared(w.alice, "sh", w.group, 1)
    w.brian.delete("sh")
    assert names(w.brian) == [] and names(w.carol) == ["sh"]
    assert w.alice.get("sh/in.txt").content == b"text"
    assert received(w.brian) == []
    assert [(share["id"], share["state"]) for share in received(w.brian, state="all")] \
        == [(one["id"], 2), (two["id"], 2)]
    assert len(received(w.brian, state=2)) == 2 and received(w.brian, state=1) == []
    assert received(w.brian, state=2)[0]["path"] == "/sh"
    answer = data(call(w.brian, "POST", f"shares/pending/{one['id']}"))
    assert (len(answer), answer[0]["state"], answer[0]["path"]) == (1, 0, "/sh")
    assert names(w.brian) == ["sh"] and len(received(w.brian)) == 2
    assert data(call(w.brian, "DELETE", f"shares/pending/{two['id']}"))[0]["state"] == 2
    assert names(w.brian) == []
    assert w.alice.ocs("cloud/user").status_code == 200 and len(received(w.carol)) == 1


def test_shares_that_wait(w, setting):
    setting("shareapi_auto_accept_share", "no")
    one = shared(w.alice, "sh", w.brian)
    two = shared(w.alice, "file.txt", w.group, 1)
    assert names(w.brian) == [] and received(w.brian) == []
    waiting = received(w.brian, state=1)
    assert [share["id"] for share in waiting] == [one["id"], two["id"]]
    assert waiting[0]["path"] == "/sh" and waiting[0]["item_source"] == one["item_source"]
    before = w.brian.prop("")
    assert data(call(w.brian, "POST", f"shares/pending/{two['id']}"))[0]["path"] == "/file.txt"
    assert w.brian.prop("") != before
    assert names(w.brian) == ["file.txt"] and names(w.carol) == []
    data(call(w.brian, "DELETE", f"shares/pending/{one['id']}"))
    assert names(w.brian) == ["file.txt"]
    fails(call(w.dave, "POST", f"shares/pending/{one['id']}"), 404)
    fails(call(w.dave, "DELETE", f"shares/pending/{two['id']}"), 404)
    fails(call(w.alice, "POST", f"shares/pending/{one['id']}"), 403,
          "Only recipient can change accepted state")


def answered(who, method, one):
    return data(call(who, method, f"shares/pending/{one['id']}"))[0]["path"]


def paths(who, state):
    return sorted(share["path"] for share in received(who, state=state))


@pytest.mark.parametrize("kind", ("user", "group"))
def test_what_waits_is_called_as_its_item(w, setting, kind):
    """It gets its number when it is accepted, and keeps it over all answers that follow."""
    setting("shareapi_auto_accept_share", "no")
    to = (w.brian,) if kind == "user" else (w.group, 1)
    w.dave.mkcol("sh")
    w.dave.mkcol("sh/of dave")
    w.brian.put("file.txt", b"own")
    one, two, file = (shared(w.alice, "sh", *to), shared(w.dave, "sh", *to),
                      shared(w.alice, "file.txt", *to))
    assert paths(w.brian, 1) == ["/file.txt", "/sh", "/sh"]
    assert answered(w.brian, "POST", two) == "/sh"
    assert answered(w.brian, "POST", one) == "/sh (2)"
    assert answered(w.brian, "POST", file) == "/file (2).txt"
    assert names(w.brian, "sh") == ["of dave"] and names(w.brian, "sh (2)") == ["in.txt", "sub"]
    assert w.brian.get("file.txt").content == b"own"
    assert w.brian.get("file (2).txt").content == b"a file"
    # The names do not pass on when one goes
    assert answered(w.brian, "DELETE", two) == "/sh"
    assert names(w.brian, "sh (2)") == ["in.txt", "sub"]
    assert answered(w.brian, "DELETE", one) == "/sh (2)" and paths(w.brian, 2) == ["/sh", "/sh (2)"]
    assert answered(w.brian, "POST", one) == "/sh (2)"
    w.brian.mkcol("sh")
    assert answered(w.brian, "POST", two) == "/sh (3)"
    assert names(w.brian) == ["file (2).txt", "file.txt", "sh", "sh (2)", "sh (3)"]
    got = data(call(w.brian, "GET", f"shares/{two['id']}"))[0]
    assert (got["path"], got["file_target"]) == ("/sh (3)", "/sh (3)")


@pytest.mark.parametrize("by", ("call", "delete"))
@pytest.mark.parametrize("kind", ("user", "group"))
def test_what_was_left_is_found_where_it_was(w, kind, by):
    to = (w.brian,) if kind == "user" else (w.group, 1)
    one = shared(w.alice, "sh", *to)
    w.brian.mkcol("my")
    w.brian.move("sh", "my/renamed")

    def leave(path):
        if by == "call":
            assert answered(w.brian, "DELETE", one) == f"/{path}"
        else:
            w.brian.delete(path)
        assert paths(w.brian, 2) == [f"/{path}"] and paths(w.brian, 0) == []

    leave("my/renamed")
    assert names(w.brian, "my") == []
    w.brian.move("my", "mine")
    assert paths(w.brian, 2) == ["/mine/renamed"]
    assert answered(w.brian, "POST", one) == "/mine/renamed"
    leave("mine/renamed")
    w.brian.mkcol("mine/renamed")
    assert answered(w.brian, "POST", one) == "/mine/renamed (2)"
    assert names(w.brian, "mine/renamed (2)") == ["in.txt", "sub"]
    leave("mine/renamed (2)")
    # In the trash the folder is of no use
    w.brian.delete("mine")
    assert paths(w.brian, 2) == ["/mine/renamed (2)"]
    assert answered(w.brian, "POST", one) == "/sh"
    assert names(w.brian) == ["sh"]


def test_a_name_that_a_group_share_was_given_stays_when_it_is_left(w):
    w.brian.mkcol("sh")
    one = shared(w.alice, "sh", w.group, 1)
    assert paths(w.brian, 0) == ["/sh (2)"] and paths(w.carol, 0) == ["/sh"]
    w.brian.delete("sh (2)")
    w.brian.delete("sh")
    assert paths(w.brian, 2) == ["/sh (2)"] and paths(w.carol, 0) == ["/sh"]
    assert answered(w.brian, "POST", one) == "/sh (2)"
    assert names(w.brian) == ["sh (2)"]


def test_what_one_has_already_keeps_its_name(w, setting):
    setting("shareapi_auto_accept_share", "no")
    one = shared(w.alice, "sh", w.group, 1)
    assert answered(w.brian, "POST", one) == "/sh"
    w.brian.move("sh", "renamed")
    two = shared(w.alice, "sh", w.brian)
    assert paths(w.brian, 1) == ["/sh"]
    assert answered(w.brian, "POST", two) == "/renamed"
    assert names(w.brian) == ["renamed"]


def test_what_has_something_received_in_it_is_not_shared(w):
    text = "Path contains files shared with you"
    shared(w.alice, "sh", w.brian)
    w.brian.mkcol("my")
    w.brian.mkcol("my/sub")
    w.brian.move("sh", "my/sub/sh")
    for path in ("my", "my/sub"):
        for to in ((w.dave,), (w.group, 1), (None, 3)):
            fails(share(w.brian, path, *to), 403, text)
    shared(w.brian, "my/sub/sh", w.dave)
    w.brian.move("my/sub/sh", "sh")
    shared(w.brian, "my", w.dave)


def notices(who):
    answer = who.ocs("apps/notifications/api/v1/notifications", version=2)
    return answer.json()["ocs"]["data"] if answer.status_code == 200 else []


def test_notices(w, setting):
    setting("shareapi_auto_accept_share", "no")
    one = shared(w.alice, "sh", w.brian)
    two = shared(w.alice, "file.txt", w.group, 1)
    found = {notice["object_id"]: notice for notice in notices(w.brian)}
    assert set(found) == {f"ocinternal:{one['id']}", f"ocinternal:{two['id']}"}
    notice = found[f"ocinternal:{one['id']}"]
    assert notice["app"] == "files_sharing" and notice["object_type"] == "local_share"
    assert notice["subject"] == f'"{w.alice.id}" shared "sh" with you'
    assert [(action["label"], action["type"]) for action in notice["actions"]] \
        == [("Decline", "DELETE"), ("Accept", "POST")]
    assert len(notices(w.carol)) == 1 and notices(w.dave) == []
    accept = notice["actions"][1]["link"]
    answer = w.brian.http.post(accept, headers={"OCS-APIREQUEST": "true"}, timeout=60)
    assert answer.status_code == 200
    assert names(w.brian) == ["sh"]
    assert [notice["object_id"] for notice in notices(w.brian)] == [f"ocinternal:{two['id']}"]
    assert [notice["subject"] for notice in notices(w.alice)] == [f'"{w.brian.id}" accepted "sh"']
    w.env.cloudctl("group", "remove-member", w.group, w.carol.id)
    assert notices(w.carol) == []  # it is nothing that she could answer any more
    assert len(notices(w.brian)) == 1
    data(call(w.alice, "DELETE", f"shares/{two['id']}"))
    assert notices(w.brian) == []


def test_nobody_is_asked_about_what_is_his_by_now(w, setting):
    """Its owner moved it into what he received; the others are still asked."""
    w.brian.mkcol("kit")
    shared(w.brian, "kit", w.alice)
    setting("shareapi_auto_accept_share", "no")
    shared(w.alice, "sh", w.brian)
    two = shared(w.alice, "sh", w.group, 1)
    assert len(notices(w.brian)) == 2
    w.alice.move("sh", "kit/sh")
    assert notices(w.brian) == [] and received(w.brian, state="all") == []
    assert [notice["object_id"] for notice in notices(w.carol)] == [f"ocinternal:{two['id']}"]
    data(call(w.carol, "POST", f"shares/pending/{two['id']}"))
    assert names(w.carol) == ["sh"] and names(w.brian, "kit") == ["sh"]


# ---- sharing on ----

def test_sharing_on(w):
    one = shared(w.alice, "sh", w.brian, permissions=19)
    assert letters(w.brian, "sh") == "SRDNV"
    # Without permissions all are meant, or the server's default
    for asked in ({"permissions": 31}, {"permissions": 7}, {"permissions": 8}, {}):
        fails(share(w.brian, "sh", w.dave, **asked), 404,
              "Cannot set the requested share permissions for sh")
    two = shared(w.brian, "sh", w.dave, permissions=19)
    assert (two["permissions"], two["uid_owner"], two["uid_file_owner"]) \
        == (19, w.brian.id, w.alice.id)
    sub = shared(w.brian, "sh/sub", w.dave, permissions=17)
    assert names(w.dave) == ["sh", "sub"]
    fails(share(w.brian, "sh", w.alice), 404, "Cannot set the requested share permissions for sh")
    fails(share(w.brian, "sh", w.alice, permissions=17), 403, "Can't share with the share owner")
    fails(share(w.alice, "sh", w.dave), 403, "Path already shared with this user")
    assert [share["id"] for share in data(call(w.alice, "GET", "shares"))] == [one["id"]]
    assert [share["id"] for share in data(call(w.alice, "GET", "shares",
                                               params={"reshares": "true"}))] \
        == [one["id"], two["id"], sub["id"]]
    assert [share["path"] for share in data(call(w.brian, "GET", "shares"))] == ["/sh", "/sh/sub"]
    assert data(call(w.brian, "GET", "shares", params={"path": "sh", "subfiles": "true"}))[0]["id"] \
        == sub["id"]
    link = shared(w.brian, "sh", None, 3, permissions=3)
    assert link["permissions"] == 3
    fails(share(w.brian, "sh", None, 3, permissions=15), 404)
    # what the owner does to one counts for all that follow from it
    data(call(w.alice, "PUT", f"shares/{one['id']}", permissions=17))
    assert letters(w.dave, "sh") == "SRDNV" and received(w.dave)[0]["permissions"] == 17
    assert w.dave.dav("PUT", "sh/in.txt", data=b"x").status_code == 403
    data(call(w.alice, "PUT", f"shares/{one['id']}", permissions=1))
    assert names(w.dave) == [] and received(w.dave) == []
    fails(share(w.brian, "sh", w.carol), 404, "You are not allowed to share sh")
    data(call(w.alice, "PUT", f"shares/{one['id']}", permissions=31))
    assert names(w.dave) == ["sh", "sub"]
    data(call(w.alice, "DELETE", f"shares/{two['id']}"))
    assert names(w.dave) == ["sub"]
    data(call(w.alice, "DELETE", f"shares/{one['id']}"))
    assert names(w.dave) == [] and names(w.brian) == []


@pytest.mark.parametrize("sharing, writing", (("user", "group"), ("group", "user")))
def test_several_grants_add_up_for_who_shares_on(w, sharing, writing):
    """One lets him share on and another one write: he may give both, and no more, as long as he has them."""
    to = {"user": (w.brian, 0), "group": (w.group, 1)}
    may_share = shared(w.alice, "sh", *to[sharing], permissions=17)
    may_write = shared(w.alice, "sh", *to[writing], permissions=3)
    assert letters(w.brian, "sh") == "SRDNV"
    for perms in (4, 7, 8, 21, 31):
        fails(share(w.brian, "sh", w.dave, permissions=perms), 404,
              "Cannot set the requested share permissions for sh")
    two = shared(w.brian, "sh", w.dave, permissions=17)
    assert data(call(w.brian, "PUT", f"shares/{two['id']}", permissions=19))["permissions"] == 19
    fails(call(w.brian, "PUT", f"shares/{two['id']}", permissions=23), 404)
    link = shared(w.brian, "sh", None, 3, permissions=3)
    fails(share(w.brian, "sh", None, 3, permissions=15), 404)
    fails(call(w.brian, "PUT", f"shares/{link['id']}", permissions=5), 404)

    def writes(who):
        return who.dav("PUT", "sh/in.txt", data=b"by another").status_code

    assert received(w.dave)[0]["permissions"] == 19 and writes(w.dave) == 204
    # what lets him write shrinks, and comes back
    data(call(w.alice, "PUT", f"shares/{may_write['id']}", permissions=1))
    assert received(w.dave)[0]["permissions"] == 17 and writes(w.dave) == 403
    data(call(w.alice, "PUT", f"shares/{may_write['id']}", permissions=15))
    assert received(w.dave)[0]["permissions"] == 19 and writes(w.dave) == 204
    # what lets him share on goes: so does all that he gave
    data(call(w.alice, "PUT", f"shares/{may_share['id']}", permissions=1))
    assert names(w.dave) == [] and received(w.dave) == []
    fails(share(w.brian, "sh", w.carol), 404, "You are not allowed to share sh")
    data(call(w.alice, "PUT", f"shares/{may_share['id']}", permissions=17))
    assert received(w.dave)[0]["permissions"] == 19
    data(call(w.alice, "DELETE", f"shares/{may_share['id']}"))
    assert names(w.dave) == [] and writes(w.brian) == 204


def test_grants_on_a_folder_and_above_it_add_up(w):
    shared(w.alice, "sh", w.brian, permissions=17)
    below = shared(w.alice, "sh/sub", w.group, 1, permissions=15)
    w.alice.put("sh/sub/deep.txt", b"1")
    assert names(w.brian) == ["sh", "sub"]
    assert (letters(w.brian, "sh/sub"), letters(w.brian, "sub")) == ("SR", "SDNVCK")
    fails(share(w.brian, "sub", w.dave, permissions=1), 404, "You are not allowed to share sub")
    fails(share(w.brian, "sh", w.dave, permissions=19), 404)
    shared(w.brian, "sh/sub", w.dave, permissions=31)
    assert received(w.dave)[0]["permissions"] == 31
    assert w.dave.dav("PUT", "sub/deep.txt", data=b"2").status_code == 204
    assert w.alice.get("sh/sub/deep.txt").content == b"2"
    data(call(w.alice, "DELETE", f"shares/{below['id']}"))
    assert received(w.dave)[0]["permissions"] == 17
    assert w.dave.dav("PUT", "sub/deep.txt", data=b"3").status_code == 403


def test_grants_add_up_along_a_chain(w):
    """Carol has from Brian what he has from two; Dave has no more than she."""
    shared(w.alice, "sh", w.brian, permissions=17)
    write = shared(w.alice, "sh", w.group, 1, permissions=3)
    other = w.env.account()
    first = shared(w.brian, "sh", w.dave, permissions=19)
    shared(w.dave, "sh", other, permissions=19)
    assert received(other)[0]["permissions"] == 19
    data(call(w.alice, "DELETE", f"shares/{write['id']}"))
    assert received(w.dave)[0]["permissions"] == received(other)[0]["permissions"] == 17
    data(call(w.alice, "PUT", f"shares/{first['id']}", permissions=1))
    assert received(other) == [] and names(other) == []


def test_one_grant_that_lets_download_is_enough(w):
    secure = {"attributes[0][scope]": "permissions", "attributes[0][key]": "download",
              "attributes[0][value]": "false"}
    shared(w.alice, "sh", w.brian, permissions=17, **secure)
    free = shared(w.alice, "sh", w.group, 1, permissions=1)
    assert w.brian.get("sh/in.txt").content == b"text"
    shared(w.brian, "sh", w.dave, permissions=17)
    assert w.dave.get("sh/in.txt").content == b"text"
    data(call(w.alice, "DELETE", f"shares/{free['id']}"))
    assert w.brian.get("sh/in.txt").status_code == w.dave.get("sh/in.txt").status_code == 403


@pytest.mark.parametrize("item", ("sh", "file.txt"))
@pytest.mark.parametrize("moved", (False, True))
def test_ones_other_clients_see_that_one_shares_on(w, item, moved):
    """In the ETag of the root and of the folder that it lies in; and others, who see no difference, do not."""
    shared(w.alice, item, w.brian)
    shared(w.alice, item, w.carol)
    w.brian.mkcol("mine")
    w.brian.mkcol("other")
    path = f"mine/{item}" if moved else item
    if moved:
        w.brian.move(item, path)
    places = ["", "mine"] if moved else [""]

    def etags():
        return [w.brian.etag(place) for place in places]

    def change(method, place, **form):
        before, unmoved = etags(), (w.brian.etag("other"), w.carol.etag(""))
        answer = data(call(who, method, place, **form))
        assert not set(before) & set(etags()), f"{method} {place}"
        assert (w.brian.etag("other"), w.carol.etag("")) == unmoved
        return answer

    who = w.brian
    one = change("POST", "shares", path=path, shareType=0, shareWith=w.dave.id, permissions=17)
    change("PUT", f"shares/{one['id']}", permissions=1)
    who = w.alice
    change("DELETE", f"shares/{one['id']}")


def test_sharing_on_that_is_off(w, setting):
    shared(w.alice, "sh", w.brian)
    shared(w.brian, "sh/sub", w.dave)
    setting("shareapi_allow_resharing", "no")
    assert letters(w.brian, "sh") == "SDNVCK" and letters(w.brian, "sh/sub") == "SDNVCK"
    assert letters(w.alice, "sh") == "RDNVCK"
    fails(share(w.brian, "sh", w.carol), 404, "You are not allowed to share sh")
    fails(share(w.brian, "sh/sub", None, 3), 404, "You are not allowed to share sh/sub")
    assert names(w.dave) == ["sub"]
    setting("shareapi_exclude_groups", "yes")
    setting("shareapi_exclude_groups_list", json.dumps([w.group]))
    assert received(w.brian)[0]["permissions"] == 15


def test_no_download(w):
    secure = {"attributes[0][scope]": "permissions", "attributes[0][key]": "download",
              "attributes[0][value]": "false"}
    shared(w.alice, "sh", w.brian, permissions=17, **secure)
    assert w.brian.get("sh/in.txt").status_code == 403
    fails(share(w.brian, "sh", w.dave, permissions=17), 404,
          "Cannot set the requested share attributes for sh")
    shared(w.brian, "sh", w.dave, permissions=17, **secure)
    assert w.dave.get("sh/in.txt").status_code == 403
    assert names(w.dave, "sh") == ["in.txt", "sub"]


def test_a_group_share_back_into_ones_own_group(w):
    shared(w.alice, "sh", w.brian)
    shared(w.brian, "sh", w.group, 1, permissions=17)
    assert letters(w.brian, "sh") == "SRDNVCK" and letters(w.carol, "sh") == "SRDNV"
    assert names(w.alice) == ["file.txt", "sh"]


# ---- the end ----

def test_shares_end_with_the_item(w):
    shared(w.alice, "sh/sub", w.brian)
    shared(w.brian, "sub", w.dave)
    link = shared(w.alice, "sh/sub", None, 3)
    w.alice.delete("sh")
    assert names(w.brian) == [] and names(w.dave) == []
    fails(call(w.alice, "GET", f"shares/{link['id']}"), 404)
    assert data(call(w.alice, "GET", "shares", params={"reshares": "true"})) == []


def test_membership_counts_at_once(w):
    shared(w.alice, "sh", w.group, 1)
    assert names(w.dave) == []
    before = w.dave.prop("")
    w.env.cloudctl("group", "add-member", w.group, w.dave.id)
    assert names(w.dave) == ["sh"] and w.dave.prop("") != before
    w.env.cloudctl("group", "remove-member", w.group, w.dave.id)
    assert names(w.dave) == [] and w.dave.prop("") == before


def test_a_share_that_expired_is_gone(w):
    one = shared(w.alice, "sh", w.brian, expireDate="2126-01-01")
    assert names(w.brian) == ["sh"]
    assert one["expiration"] == "2126-01-01 00:00:00"
    data(call(w.alice, "PUT", f"shares/{one['id']}", expireDate=""))
    assert names(w.brian) == ["sh"]
    before = w.brian.prop("", "d:getetag")
    sql(w.env, "UPDATE share SET expires = 1 WHERE id = ?", one["id"])
    assert names(w.brian) == [] and received(w.brian) == []
    assert w.brian.prop("", "d:getetag") != before
    assert w.brian.dav("PROPFIND", "sh", depth=0).status_code == 404


# ---- names ----

@pytest.mark.parametrize("name", ("a <b> & \"c\"", "%20+ #?", "\U0001f600 é", "'; DROP TABLE share",
                                  "x" * 255, "]]>", "dot.", " blank"))
def test_odd_names(w, name):
    w.alice.mkcol(name)
    one = shared(w.alice, name, w.brian)
    assert one["path"] == one["file_target"] == "/" + name
    assert names(w.brian) == [name]
    assert [share["path"] for share in received(w.brian)] == ["/" + name]
    answer = w.brian.ocs(API + "shares", fmt="xml", params={"shared_with_me": "true"})
    found = ElementTree.fromstring(answer.content)
    assert found.findtext("data/element/path") == "/" + name
    link = shared(w.alice, name, None, 3, name=name[:60])
    assert link["name"] == name[:60]
    other = w.env.account()
    other.mkcol(name)
    if len(name) < 250:
        assert shared(other, name, w.brian)["file_target"] == f"/{name} (2)"


def test_what_the_owner_calls_it_is_his_own(w):
    """He renames it; whoever received it goes on with his own name for it, in headers as well."""
    shared(w.alice, "file.txt", w.brian)
    w.alice.move("file.txt", "private.doc")
    w.brian.move("file.txt", "mine.txt")
    w.brian.put("mine.txt", b"second")
    number = w.brian.prop("mine.txt", "oc:fileid")
    got = w.brian.get("mine.txt")
    versions = f"remote.php/dav/meta/{number}/v"
    listed = w.env.http("PROPFIND", versions, w.brian, headers={"Depth": "1"})
    place = re.findall(r"<d:href>([^<]*/v/[^<]+)</d:href>", listed.text)[0]
    old = w.env.http("GET", place.removeprefix(w.env.base), w.brian)
    archive = w.env.http("GET", "index.php/apps/files/ajax/download.php?files=mine.txt", w.brian)
    assert (got.content, old.content, archive.content) == (b"second", b"a file", b"second")
    assert "text/plain" in listed.text
    for answer in (got, old, archive):
        assert "mine.txt" in answer.headers["Content-Disposition"]
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "private.doc" not in str(answer.headers)
    assert "private.doc" in w.alice.get("private.doc").headers["Content-Disposition"]


# ---- mails ----

def test_mails(new_env):
    """With a program in place of sendmail that keeps what it gets."""
    env = new_env()
    box = env.home / "mail"
    box.mkdir()
    box.chmod(0o1777)
    program = box / "sendmail"
    program.write_text('#!/bin/sh\ncat >"$1/$$.part" && mv "$1/$$.part" "$1/$$.mail"\n')
    program.chmod(0o755)
    env.config(f'CloudSendmail "{program} {box}"\nCloudMailFrom cloud@example.org\n'
               "CloudSetting system overwrite.cli.url https://cloud.example.org/\n"
               "CloudSetting core shareapi_allow_mail_notification yes\n"
               "CloudSetting core shareapi_allow_public_notification yes\n")
    env.start()
    w = World(env)
    for who in (w.alice, w.brian):
        env.cloudctl("account", "email", who.id, f"{who.id}@example.org")
    sharing = w.alice.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]["files_sharing"]
    assert sharing["user"]["send_mail"] is True and sharing["public"]["send_mail"] is True
    one = shared(w.alice, "sh", w.group, 1)
    answer = call(w.alice, "POST", "notification/send", itemSource=one["item_source"],
                  itemType="folder", shareType=1, recipient=w.group)
    assert data(answer) == {"status": "error"}
    assert meta(answer)["message"].strip().endswith(w.carol.id)  # has no address
    key = ("core", "shareapi_allow_share_dialog_user_enumeration")
    env.cloudctl("config", "set", *key, "no")
    answer = call(w.alice, "POST", "notification/send", itemSource=one["item_source"],
                  itemType="folder", shareType=1, recipient=w.group)
    assert meta(answer)["message"].strip().endswith(f": {w.group}")  # who is in it is not told
    env.cloudctl("config", "delete", *key)
    link = shared(w.alice, "sh", None, 3, name="x")
    place = "notification/notify-public-link-by-email"
    data(call(w.alice, "POST", place, link=link["url"], personalNote="Look at this",
              **{"recipients[]": "somebody@example.org"}))
    fails(call(w.alice, "POST", place, link=f"https://cloud.example.org/index.php/s/{link['token']}",
               **{"recipients[]": "bad\r\nBcc: x@example.org"}), 400)
    fails(call(w.brian, "POST", place, link=link["url"], **{"recipients[]": "x@example.org"}), 400)
    wait_until(lambda: len(list(box.glob("*.mail"))) == 3, "three mails")
    mails = {mail["To"].addresses[0].addr_spec: mail for mail in (
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in box.glob("*.mail"))}
    assert set(mails) == {f"{w.brian.id}@example.org", "somebody@example.org"}
    text = mails["somebody@example.org"].get_content()
    # not by the host that the request named: whoever sends one may name any
    cloud = "https://cloud.example.org/index.php"
    assert f"{cloud}/s/{link['token']}\n" in text and "Look at this" in text
    assert link["url"] not in text
    assert f"{cloud}/f/{one['item_source']}\n" in mails[f"{w.brian.id}@example.org"].get_content()
    assert data(call(w.alice, "GET", f"shares/{one['id']}"))[0]["mail_send"] == 1
    env.cloudctl("config", "set", "notifications", "mail_waiting_per_account", "1")
    answer = w.brian.ocs(API + place, "POST", data=[
        ("link", shared(w.brian, "sh", None, 3)["url"]),
        *(("recipients[]", f"{name}@example.org") for name in "abc")])
    fails(answer, 400)
    assert meta(answer)["message"].endswith(
        "b@example.org,c@example.org (Too many of your mails wait to be sent)")
    env.cloudctl("config", "delete", "notifications", "mail_waiting_per_account")
    wait_until(lambda: len(list(box.glob("*.mail"))) == 4, "one of three")


def test_mails_that_are_off(w, setting):
    one = shared(w.alice, "sh", w.brian)
    form = {"itemSource": one["item_source"], "itemType": "folder", "shareType": 0,
            "recipient": w.brian.id}
    fails(call(w.alice, "POST", "notification/send", **form), 403,
          "Internal mail notification for shared files is not allowed")
    link = shared(w.alice, "sh", None, 3)
    form_of_link = {"link": link["url"], "recipients[]": "x@example.org"}
    place = "notification/notify-public-link-by-email"
    fails(call(w.alice, "POST", place, **form_of_link), 403,
          "Public link mail notification is not allowed")
    for url in ("http://evil.example/index.php/s/" + link["token"], "", "x", link["url"] + "/x"):
        fails(call(w.alice, "POST", place, **{**form_of_link, "link": url}), 400,
              "Invalid shared link")
    setting("shareapi_allow_mail_notification", "yes")
    answer = call(w.alice, "POST", "notification/send", **form)
    assert data(answer) == {"status": "error"}  # there is no program to send with
    assert data(call(w.alice, "POST", "notification/marksent", **form)) == {"status": "success"}
    assert data(call(w.alice, "GET", f"shares/{one['id']}"))[0]["mail_send"] == 1
    for who in (w.brian, w.dave):
        fails(call(who, "POST", "notification/marksent", **form), 404)
