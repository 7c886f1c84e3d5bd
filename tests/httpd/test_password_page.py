"""Changing one's password on the page of the account."""

import html
import re

import pytest
import requests

from harness.browser import PERSONAL, Browser
from harness.structure import wrong_fields

AUTH_FAILURE = "AH01617|AH01618"


@pytest.fixture(name="browser")
def fixture_browser(env, account):
    browser = Browser(env)
    assert browser.sign_in(account).status_code == 303
    yield browser
    browser.close()


def change(browser, current, new, again=None):
    page = browser.get(PERSONAL)
    assert page.status_code == 200
    return browser.submit(page, {"current": current, "new": new, "again": again or new},
                          having="current")


def alert(page):
    match = re.search(r'role="alert"[^>]*>([^<]*)<', page.text)
    return html.unescape(match.group(1)) if match else None


def opens(account, password):
    return requests.get(f"{account.env.url}ocs/v1.php/cloud/user", auth=(account.id, password),
                        timeout=60).status_code == 200


def test_change(env, account, browser):
    env.expect_log(AUTH_FAILURE)
    other = Browser(env)
    other.sign_in(account)
    secret = re.search(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){3}",
                       env.cloudctl("app-password", "create", account.id, "phone").stdout).group(0)
    cookie = browser.cookies["cloud_session"]
    answer = change(browser, account.password, "N€w pässword 1")
    assert answer.status_code == 200 and alert(answer) is None
    assert "The password is changed." in answer.text
    assert "N€w" not in answer.text and account.password not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    for _ in range(6):  # whichever process
        assert opens(account, "N€w pässword 1".encode())
        assert not opens(account, account.password)
        assert opens(account, secret)
    # this browser stays, with another session; the others do not
    assert browser.cookies["cloud_session"] != cookie
    assert browser.get(PERSONAL).status_code == 200
    assert other.get(PERSONAL).status_code == 303
    old = requests.get(env.url + PERSONAL, cookies={"cloud_session": cookie}, timeout=60,
                       allow_redirects=False)
    assert old.status_code == 303
    # the page that came with the answer works
    page = browser.submit(answer, {"name": "laptop"}, having="name")
    assert page.status_code == 200 and 'id="secret"' in page.text
    assert Browser(env).sign_in(account, "N€w pässword 1").status_code == 303
    other.close()


def test_refused(env, account, browser):
    env.expect_log("wrong current password")
    for current, new, again, status, text in (
            ("wrong", "another one", None, 403, "The current password is wrong"),
            ("", "another one", None, 403, "The current password is wrong"),
            (account.password, "another one", "another on", 400, "typed the same twice"),
            (account.password, "", "", 400, "password")):
        answer = change(browser, current, new, again)
        assert answer.status_code == status, (current, new, answer.text)
        assert wrong_fields(answer.text) == ["current", "new", "again"]
        assert text in alert(answer)
    assert opens(account, account.password)
    assert browser.get(PERSONAL).status_code == 200


def test_an_app_password_is_no_current_password(env, account, browser):
    env.expect_log("wrong current password")
    secret = re.search(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){3}",
                       env.cloudctl("app-password", "create", account.id, "phone").stdout).group(0)
    assert change(browser, secret, "another one").status_code == 403
    assert opens(account, account.password)


def test_policy(env, account, browser):
    env.config("CloudPasswordPolicy length 12\nCloudPasswordPolicy history 3")
    try:
        answer = change(browser, account.password, "short")
        assert answer.status_code == 400 and "12" in alert(answer)
        answer = change(browser, account.password, account.password)
        assert answer.status_code == 400 and "last 3" in alert(answer)
        assert change(browser, account.password, "long enough now").status_code == 200
    finally:
        env.config()


def test_policy_tells_nothing_without_the_password(env, account, browser):
    """Whether a password was used before is for its owner alone."""
    env.expect_log("wrong current password")
    env.config("CloudPasswordPolicy history 3")
    try:
        assert alert(change(browser, "wrong", account.password)) == "The current password is wrong"
    finally:
        env.config()


def test_token_and_login(env, account, browser):
    page = browser.get(PERSONAL)
    fields = {"section": "password", "current": account.password, "new": "another one",
              "again": "another one"}
    assert browser.post(PERSONAL, fields).status_code == 403
    assert browser.post(PERSONAL, {**fields, "requesttoken": "x" * 43}).status_code == 403
    token = re.search(r'name="requesttoken" value="([^"]+)"', page.text).group(1)
    stranger = Browser(env)
    assert stranger.post(PERSONAL, {**fields, "requesttoken": token}).status_code == 303
    foreign = browser.post(PERSONAL, {**fields, "requesttoken": token},
                           headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert opens(account, account.password)
    assert browser.post(PERSONAL, {**fields, "requesttoken": token}).status_code == 200
    assert opens(account, "another one")
    stranger.close()


def test_guesses_are_throttled(env, account):
    env.expect_log("wrong current password|refused user|too many")
    env.config("CloudAuthThrottle 4 600 2")
    browser = Browser(env)
    try:
        browser.sign_in(account)
        statuses = [change(browser, f"guess {i}", "another one").status_code for i in range(8)]
        assert statuses[:4] == [403] * 4 and statuses[-1] == 429
        page = browser.get(PERSONAL)
        answer = browser.submit(page, {"current": "guess", "new": "x", "again": "x"}, having="current")
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        env.config()
        browser.close()


def test_no_password_here(env, account, browser):
    """Somebody of a directory, or whose password was taken away, while a session is open."""
    page = browser.get(PERSONAL)
    env.cloudctl("account", "passwd", account.id, "--no-password")
    assert browser.submit(page, {"current": account.password, "new": "x", "again": "x"},
                          having="current").status_code == 303


def test_two_factors(env, account, browser):
    """The current password is asked all the same, and the new session needs no second code."""
    from harness import totp  # pylint: disable=import-outside-toplevel
    page = browser.submit(browser.get(PERSONAL), having="do=prepare")
    secret = re.search(r'id="totp-secret">([^<]+)<', page.text).group(1)
    page = browser.submit(page, {"code": totp.code(secret, -1)}, having="do=confirm")
    assert page.status_code == 200
    assert change(browser, account.password, "another one").status_code == 200
    assert "A second factor is set up" in browser.get(PERSONAL).text


def test_a_directory_has_the_password(env):
    account = env.account()
    env.cloudctl("account", "passwd", account.id, "--no-password")
    env.config(f'<Location "{env.base}index.php/settings">\nAuthType Basic\nAuthName x\n'
               f'AuthBasicProvider file\nAuthUserFile "{env.home}/users"\nRequire valid-user\n'
               "</Location>")
    (env.home / "users").write_text(f"{account.id}:{{SHA}}nU4eI71bcnBGqeO0t9tXvY1u5oQ=\n")  # pass
    try:
        page = requests.get(env.url + PERSONAL, auth=(account.id, "pass"), timeout=60)
        assert page.status_code == 200
        assert "not kept here" in page.text and 'name="current"' not in page.text
    finally:
        env.config()
