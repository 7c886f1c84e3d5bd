"""What the settings ask of links and of dates: when a share is made, and by each way to change one."""

from datetime import datetime, timedelta, timezone

import pytest

from harness.shares import GROUP, LINK, USER, call, group, ocs, share

ENFORCED = "Passwords are enforced for link shares"
TOO_LATE = "Cannot set expiration date more than 5 days in the future"
NO_END = "Expiration date is enforced"
KINDS = {"read_only": (1,), "read_write": (5,), "write_only": (4,),
         "read_write_delete": (3, 7, 15)}


@pytest.fixture(name="setting")
def fixture_setting(env):
    changed = []

    def change(key, value, app="core"):
        changed.append((app, key))
        env.cloudctl("config", "set", app, key, value)

    yield change
    for app, key in dict.fromkeys(changed):
        env.cloudctl("config", "delete", app, key)


def day(n):
    return (datetime.now(timezone.utc) + timedelta(days=n)).strftime("%Y-%m-%d")


def outcome(answer):
    """(status, message) of a refusal, the data of what went well."""
    body = answer.json()["ocs"]
    return body["data"] if answer.status_code == 200 else (answer.status_code,
                                                           body["meta"]["message"])


# ---- passwords of links ----

@pytest.mark.parametrize("kind", KINDS)
def test_a_link_of_this_kind_needs_a_password(env, setting, kind):
    alice = env.account()
    alice.mkcol("d")
    alice.put("d/f", b"x")
    setting(f"shareapi_enforce_links_password_{kind}", "yes")
    for other, sets in KINDS.items():
        for perms in sets:
            needed = other == kind
            path = "/d/f" if perms == 3 else "/d"
            free = next(each for name, each in (("read_only", 1), ("read_write_delete", 3))
                        if name != kind)
            start = share(alice, path[1:], permissions=free)
            # made so; 7 is an old way to write it, which only changes know
            if perms != 7:
                made = outcome(ocs(alice, "POST", "shares", path=path, shareType=LINK,
                                   permissions=perms))
                assert made == (403, ENFORCED) if needed else made["permissions"] == perms
                made = share(alice, path[1:], permissions=perms, password="a secret")
                assert made.data["share_with"] == "***redacted***"
                taken = outcome(ocs(alice, "PUT", f"shares/{made.id}", password=""))
                assert taken == (400, ENFORCED) if needed else "share_with" not in taken
            # become so
            became = outcome(ocs(alice, "PUT", f"shares/{start.id}", permissions=perms))
            assert became == (400, ENFORCED) if needed else became["permissions"] == perms
            if needed:
                assert call(alice, "GET", f"shares/{start.id}")[0]["permissions"] == free
                became = start.update(permissions=perms, password="a secret")
                assert became["permissions"] == perms


def test_links_from_before_a_password_was_needed(env, setting):
    alice = env.account()
    alice.mkcol("d")
    old = share(alice, "d", permissions=1)
    setting("shareapi_enforce_links_password_read_only", "yes")
    # What does not touch password and permissions goes on; a password can be given, and not be taken again.
    old.update(name="a name")
    old.update(expireDate=day(3))
    assert outcome(ocs(alice, "PUT", f"shares/{old.id}", password="")) == (400, ENFORCED)
    assert old.update(password="a secret")["share_with"] == "***redacted***"
    assert outcome(ocs(alice, "PUT", f"shares/{old.id}", password="")) == (400, ENFORCED)
    assert "share_with" not in old.update(password="", permissions=15)


# ---- dates ----

@pytest.mark.parametrize("kind, suffix", ((USER, "_user_share"), (GROUP, "_group_share"),
                                          (LINK, "")))
@pytest.mark.parametrize("default, enforced", ((0, 0), (1, 0), (0, 1), (1, 1)))
def test_dates(env, setting, kind, suffix, default, enforced):
    alice, brian = env.account(), env.account()
    people = group(env, f"group of {alice.id}", brian)
    whom = {USER: {"shareWith": brian.id}, GROUP: {"shareWith": people}, LINK: {}}[kind]
    forms = ({}, {"expireDate": ""}, {"expireDate": day(0)}, {"expireDate": day(5)},
             {"expireDate": day(6)}, {"expireDate": day(-1)})
    for i in range(2 * len(forms)):
        alice.mkcol(f"d{i}")

    def make(i, form):
        return outcome(ocs(alice, "POST", "shares", path=f"/d{i}", shareType=kind, **whom, **form))

    old = [make(len(forms) + i, {}) for i in range(len(forms))]
    setting("shareapi_default_expire_date" + suffix, "yes" if default else "no")
    setting("shareapi_enforce_expire_date" + suffix, "yes" if enforced else "no")
    setting("shareapi_expire_after_n_days" + suffix, "5")
    strict = default and enforced  # a default alone is for clients to propose, as in ownCloud
    late = (404, TOO_LATE) if strict else day(6)
    made = [day(5) if strict else None] * 2 + [day(0), day(5), late,
                                               (404, "Expiration date is in the past")]
    changed = [None, None, *made[2:]]  # nothing is changed by nothing

    def date(result):
        if isinstance(result, tuple):
            return result
        return result["expiration"] and result["expiration"][:10]

    assert [date(make(i, form)) for i, form in enumerate(forms)] == made
    # shares from before: what says nothing of the date leaves it, whatever else is changed
    assert [date(outcome(ocs(alice, "PUT", f"shares/{one['id']}", permissions=1, **form)))
            for one, form in zip(old, forms)] == changed
    dated = old[3]["id"]
    assert date(outcome(ocs(alice, "PUT", f"shares/{dated}", permissions=1))) == day(5)
    gone = outcome(ocs(alice, "PUT", f"shares/{dated}", expireDate=""))
    assert gone == (400, NO_END) if strict else gone["expiration"] is None


def test_one_kind_of_share_has_nothing_to_do_with_another(env, setting):
    alice, brian = env.account(), env.account()
    people = group(env, f"group of {alice.id}", brian)
    for name, value in (("default", "yes"), ("enforce", "yes")):
        setting(f"shareapi_{name}_expire_date_group_share", value)
    setting("shareapi_expire_after_n_days_group_share", "1")
    alice.mkcol("d")
    ends = [share(alice, "d", whom).data["expiration"] for whom in (brian, people, None)]
    assert ends == [None, day(1) + " 00:00:00", None]


# ---- sharing on, and dates ----

def test_who_shares_on_gives_no_longer_than_he_has(env):
    """A date of his own may be later: what he gives ends with what he has."""
    alice, brian, carol = env.account(), env.account(), env.account()
    alice.mkcol("d")
    first = share(alice, "d", brian, expireDate=day(2))
    share(brian, "d", carol, expireDate=day(30))
    assert carol.dav("PROPFIND", "d", depth=0).status_code == 207
    first.delete()
    assert carol.dav("PROPFIND", "d", depth=0).status_code == 404
