"""Guessing passwords through side doors."""

import unicodedata


def login(env, name, password):
    return env.http("PROPFIND", "remote.php/webdav/", headers={"Depth": "0"},
                    auth=(name.encode(), password.encode()))


def spellings(name):
    """The same account, over and over in other bytes."""
    while True:
        for form in ("NFC", "NFD"):
            for case in (str.lower, str.upper, str.title):
                yield unicodedata.normalize(form, case(name))


def test_throttle_knows_an_account_by_every_spelling(env):
    env.expect_log("AH0161[78]: user")
    account = env.account("j\u00f6rg \u00e9mile")
    codes = [login(env, name, f"wrong {number}").status_code
             for number, name in zip(range(12), spellings(account.id))]
    assert codes[:10] == [401] * 10
    assert codes[10:] == [429] * 2
    codes = [login(env, name, f"wrong {number}").status_code
             for number, name in zip(range(12), spellings("nob\u00f6dy"))]
    assert codes[10:] == [429] * 2, "nor does the throttle tell which accounts there are"
