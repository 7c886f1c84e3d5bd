"""What people say of themselves and of what they are given: personal settings, tags in lists."""

import pytest
import requests

from harness.shares import ALL, GROUP, READ, decline, group, received, share

SETTINGS = "index.php/apps/files_sharing/personalsettings/setuserconfig"
FAVORITE = "_$!<Favorite>!$_"


def put(who, data, **headers):
    return who.http.post(who.env.url + SETTINGS, data=data, headers=headers, timeout=60,
                         allow_redirects=False)


@pytest.mark.parametrize("sent, status, accepted, rejected", (
    ({"auto_accept_share": "no"}, 200, ["auto_accept_share"], []),
    ({"auto_accept_share": "maybe"}, 400, [], ["auto_accept_share"]),
    ({"other": "yes", "allow_share_dialog_user_enumeration": "yes", "_route": "x"}, 200,
     ["allow_share_dialog_user_enumeration"], ["other"]),
    ({"quota": "yes"}, 400, [], ["quota"]),
    ({}, 400, [], []),
))
def test_personal_settings_have_the_form_of_owncloud(account, sent, status, accepted, rejected):
    answer = put(account, sent)
    assert answer.status_code == status
    assert answer.json() == {"accepted": accepted, "rejected": rejected}


def test_one_who_wants_to_be_asked_is_asked(env):
    alice, brian = env.account(), env.account()
    for name in ("one", "two", "three"):
        alice.mkcol(name)
    first = share(alice, "one", brian)
    assert put(brian, {"auto_accept_share": "no"}).status_code == 200
    second = share(alice, "two", brian)
    assert [one["id"] for one in received(brian)] == [str(first.id)]
    assert [one["id"] for one in received(brian, state="1")] == [str(second.id)]
    assert put(brian, {"auto_accept_share": "yes"}).status_code == 200
    share(alice, "three", brian)
    assert [one["path"] for one in received(brian)] == ["/one", "/three"]


def test_one_who_does_not_want_to_be_found_is_not(env):
    alice, brian = env.account(), env.account(f"findme{env.account().id}")

    def search(text):
        answer = alice.ocs("apps/files_sharing/api/v1/sharees",
                           params={"search": text, "itemType": "file"}).json()["ocs"]["data"]
        return [[one["value"]["shareWith"] for one in part["users"]]
                for part in (answer, answer["exact"])]

    assert search(brian.id[:-1]) == [[brian.id], []]
    put(brian, {"allow_share_dialog_user_enumeration": "no"})
    assert search(brian.id[:-1]) == [[], []]
    assert search(brian.id) == [[], [brian.id]]


def test_personal_settings_are_ones_own(env, account):
    anonymous = requests.post(env.url + SETTINGS, data={"auto_accept_share": "no"}, timeout=60)
    assert anonymous.status_code == 401
    form = put(account, {"auto_accept_share": "no"}, Origin="https://evil.example")
    assert form.status_code == 403
    form = put(account, {"auto_accept_share": "no"}, **{"Sec-Fetch-Site": "cross-site"})
    assert form.status_code == 403
    for method in ("GET", "PUT", "DELETE"):
        answer = account.http.request(method, env.url + SETTINGS, timeout=60)
        assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert put(account, "x" * 5000, **{"Content-Type": "application/x-www-form-urlencoded"}
               ).status_code == 413


@pytest.mark.parametrize("which", ({}, {"shared_with_me": "true"}, {"reshares": "true"}))
def test_lists_have_tags_where_they_are_asked_for(env, which):
    alice, brian = env.account(), env.account()
    for name in ("liked", "not liked"):
        alice.mkcol(name)
        share(alice, name, brian, permissions=ALL)
    who = brian if "shared_with_me" in which else alice
    who.proppatch("liked", {"oc:favorite": "1"})
    route = "apps/files_sharing/api/v1/shares"

    def tags(**params):
        found = who.ocs(route, params={**which, **params}).json()["ocs"]["data"]
        return {one["path"]: one.get("tags") for one in found}

    assert tags() == tags(include_tags="0") == {"/liked": None, "/not liked": None}
    assert tags(include_tags="true") == {"/liked": [FAVORITE], "/not liked": []}
    other = alice if who is brian else brian
    found = other.ocs(route, params={"include_tags": "true", "shared_with_me": str(
        other is brian).lower()}).json()["ocs"]["data"]
    assert [one["tags"] for one in found] == [[], []]  # a favorite is somebody's own


def test_who_comes_back_to_a_group_is_a_member_like_any_other(env):
    alice, brian, carol = env.account(), env.account(), env.account()
    name = group(env, f"group of {alice.id}", brian, carol)
    alice.mkcol("sh")
    one = share(alice, "sh", name, GROUP, permissions=READ)
    decline(brian, one.id)
    decline(carol, one.id)
    assert received(brian) == [] and received(carol) == []
    env.cloudctl("group", "remove-member", name, brian.id)
    assert received(brian, state="all") == []
    env.cloudctl("group", "add-member", name, brian.id)
    assert [found["path"] for found in received(brian)] == ["/sh"]
    assert received(carol) == []
