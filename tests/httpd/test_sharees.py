"""Whom one may share with: the search of share dialogs."""

import json

import pytest

from harness.ocs import xml

API = "apps/files_sharing/api/v1/sharees"


class People:
    """Names that only these tests have: zeb... are people, one of them with an address; two groups."""

    def __init__(self, env):
        self.env = env
        self.who = env.account()
        self.zebra = env.account("zebra1")
        self.zebu = env.account("Zebu2")
        self.other = env.account("umlaut3")
        self.odd = env.account("under_score4")
        env.cloudctl("account", "name", "zebra1", "Zacharias Ebra")
        env.cloudctl("account", "name", "umlaut3", "Ümläut Zebühl")
        env.cloudctl("account", "email", "Zebu2", "mail@zebu.example")
        env.cloudctl("group", "add", "zebras")
        env.cloudctl("group", "add", "all of zoo")
        env.cloudctl("group", "add-member", "zebras", "zebra1")

    def setting(self, key, value, app="core"):
        self.env.cloudctl("config", *(("delete", app, key) if value is None
                                      else ("set", app, key, value)))


@pytest.fixture(name="people", scope="module")
def fixture_people(module_env):
    return People(module_env)


@pytest.fixture(name="setting")
def fixture_setting(people):
    changed = []

    def change(key, value, app="core"):
        changed.append((key, app))
        people.setting(key, value, app)

    yield change
    for key, app in changed:
        people.setting(key, None, app)


def ask(who, text, version=1, fmt="json", **params):
    return who.ocs(API, version=version, fmt=fmt,
                   params={"search": text, "itemType": "file", **params})


def found(who, text, **params):
    answer = ask(who, text, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]


def names(entries):
    return [entry["value"]["shareWith"] for entry in entries]


def users(who, text, **params):
    data = found(who, text, **params)
    return names(data["exact"]["users"]), names(data["users"])


def groups(who, text, **params):
    data = found(who, text, **params)
    return names(data["exact"]["groups"]), names(data["groups"])


@pytest.mark.parametrize("version,status", ((1, 100), (2, 200)))
def test_the_form_of_the_answer(people, version, status):
    wanted = {"exact": {"users": [], "groups": [], "remotes": []},
              "users": [{"label": "Zacharias Ebra",
                         "value": {"shareType": 0, "shareWith": "zebra1", "userType": 0}}],
              "groups": [{"label": "zebras", "value": {"shareType": 1, "shareWith": "zebras"}}],
              "remotes": []}
    meta = {"status": "ok", "statuscode": status, "message": "OK", "totalitems": "",
            "itemsperpage": ""}
    envelope = {"ocs": {"meta": meta, "data": wanted}}
    answer = ask(people.who, "zebra", version)
    assert json.dumps(answer.json()) == json.dumps(envelope)
    assert "Link" not in answer.headers
    assert ask(people.who, "zebra", version, "xml").text == xml(envelope)


def test_parts_and_wholes(people):
    who = people.who
    assert users(who, "zeb") == ([], ["umlaut3", "zebra1", "Zebu2"])
    assert users(who, "ZEBRA1") == (["zebra1"], [])
    assert users(who, "zacharias ebra") == (["zebra1"], [])
    assert users(who, "harias") == ([], ["zebra1"])
    assert users(who, "mail@zebu.example") == (["Zebu2"], [])
    assert users(who, "zebu.ex") == ([], ["Zebu2"])
    assert users(who, "ümlä") == ([], ["umlaut3"])
    assert users(who, "ZEBÜHL") == ([], ["umlaut3"])
    assert users(who, "zebähl") == ([], [])
    assert groups(who, "zebras") == (["zebras"], [])
    assert groups(who, "OF ZOO") == ([], ["all of zoo"])


def test_wildcards_are_letters(people):
    assert users(people.who, "%%") == ([], [])
    assert users(people.who, "z%a") == ([], [])
    assert users(people.who, "r_s") == ([], ["under_score4"])
    assert users(people.who, "z_b") == ([], [])
    assert users(people.who, "\\\\") == ([], [])
    assert users(people.who, "' OR 1=1 --") == ([], [])


def test_a_search_needs_some_letters(people, setting):
    assert users(people.who, "") == ([], [])
    assert users(people.who, "z") == ([], [])
    setting("user.search_min_length", "4", "system")
    assert users(people.who, "zeb") == ([], [])
    assert users(people.who, "zebr") == ([], ["zebra1"])
    setting("user.search_min_length", "0", "system")
    assert users(people.who, "")[1]


def test_pages(people):
    who = people.who
    first = ask(who, "zeb", perPage=1, page=1)
    assert names(first.json()["ocs"]["data"]["users"]) == ["umlaut3"]
    link = first.headers["Link"]
    assert link.startswith(f"<{people.env.url}ocs/v1.php/{API}?") and link.endswith('; rel="next"')
    seen = []
    url = link[1:link.index(">")]
    while url:
        answer = who.http.get(url + "&format=json", headers={"OCS-APIREQUEST": "true"}, timeout=60)
        seen += names(answer.json()["ocs"]["data"]["users"])
        link = answer.headers.get("Link")
        url = link and link[1:link.index(">")]
    assert seen == ["zebra1", "Zebu2"]
    assert users(who, "zeb", perPage=2, page=2) == ([], ["Zebu2"])
    assert users(who, "zeb", perPage=2, page=9) == ([], [])


@pytest.mark.parametrize("params,text", (
    ({"perPage": 0}, "Invalid perPage argument"), ({"perPage": -1}, "Invalid perPage argument"),
    ({"perPage": "x"}, "Invalid perPage argument"), ({"page": 0}, "Invalid page"),
    ({"page": "x"}, "Invalid page"), ({"page": 99999999999}, "Invalid page"),
    ({"itemType": None}, "Missing itemType")))
def test_bad_questions(people, params, text):
    answer = ask(people.who, "zeb", **params).json()["ocs"]["meta"]
    assert (answer["statuscode"], answer["message"]) == (400, text)


def test_types(people):
    who = people.who
    assert users(who, "zeb", shareType=1) == ([], [])
    assert groups(who, "zeb", shareType=0) == ([], [])
    assert groups(who, "zeb", **{"shareType[]": 1}) == ([], ["zebras"])
    assert users(who, "zeb", **{"shareType[]": 6}) == ([], [])


def test_enumeration_that_is_off(people, setting):
    setting("shareapi_allow_share_dialog_user_enumeration", "no")
    assert users(people.who, "zeb") == ([], [])
    assert users(people.who, "zebra1") == (["zebra1"], [])
    assert users(people.who, "Zacharias Ebra") == (["zebra1"], [])
    assert users(people.who, "mail@zebu.example") == (["Zebu2"], [])
    assert groups(people.who, "zeb") == ([], [])
    assert groups(people.who, "zebras") == (["zebras"], [])


def test_own_groups_alone(people, setting):
    who = people.who
    setting("shareapi_share_dialog_user_enumeration_group_members", "yes")
    assert users(who, "zeb") == ([], [])
    assert groups(who, "zeb") == ([], [])
    assert users(who, "zebra1") == (["zebra1"], [])
    people.env.cloudctl("group", "add-member", "zebras", who.id)
    try:
        assert users(who, "zeb") == ([], ["zebra1"])
        assert groups(who, "zeb") == ([], ["zebras"])
    finally:
        people.env.cloudctl("group", "remove-member", "zebras", who.id)
    setting("shareapi_share_dialog_user_enumeration_group_members", "no")
    setting("shareapi_only_share_with_group_members", "yes")
    setting("shareapi_only_share_with_membership_groups", "yes")
    assert users(who, "zebra1") == ([], [])
    assert groups(who, "zebras") == ([], [])


def test_other_switches(people, setting):
    who = people.who
    setting("user_additional_info_field", "email")
    value = found(who, "Zebu2")["exact"]["users"][0]["value"]
    assert value["shareWithAdditionalInfo"] == "mail@zebu.example"
    assert "shareWithAdditionalInfo" not in found(who, "zebra1")["exact"]["users"][0]["value"]
    setting("user_additional_info_field", "id")
    value = found(who, "zebra1")["exact"]["users"][0]["value"]
    assert value["shareWithAdditionalInfo"] == "zebra1"
    setting("accounts.enable_medial_search", "no", "system")
    setting("groups.enable_medial_search", "no", "system")
    assert users(who, "ebu") == ([], []) and users(who, "zebu") == ([], ["Zebu2"])
    assert groups(who, "zoo") == ([], []) and groups(who, "all of") == ([], ["all of zoo"])
    setting("blacklisted_receiver_groups", '["zebras"]', "files_sharing")
    assert groups(who, "zeb") == ([], []) and groups(who, "zebras") == ([], [])
    setting("shareapi_allow_group_sharing", "no")
    assert groups(who, "all of") == ([], [])
    setting("shareapi_exclude_groups", "yes")
    setting("shareapi_exclude_groups_list", '["zebras"]')
    assert users(people.zebra, "Zebu2") == ([], [])
    setting("shareapi_enabled", "no")
    assert users(who, "Zebu2") == ([], [])


def test_nobody_searches(env):
    answer = env.http("GET", f"ocs/v1.php/{API}?search=zeb&itemType=file&format=json")
    assert answer.status_code == 401
