"""Second factors: set up, asked for, required; and what a password alone does not open then."""

import base64
import re
import sqlite3
import subprocess

import pytest
import requests

from harness import totp
from harness.browser import LOGIN, PERSONAL, Browser, forms
from harness.dav import error
from harness.env import wait_until
from harness.structure import wrong_fields

CHALLENGE = "index.php/login/challenge"
GENERATE = "index.php/token/generate"


@pytest.fixture(name="browser")
def fixture_browser(env):
    made = Browser(env)
    yield made
    made.close()


@pytest.fixture(name="second")
def fixture_second(env):
    """An account with a second factor: (account, secret, backup codes)."""
    account = env.account()
    browser = Browser(env)
    browser.sign_in(account)
    secret, codes = set_up(browser)
    browser.close()
    return account, secret, codes


def secret_in(page):
    return re.search(r'id="totp-secret">([A-Z2-7 ]+)<', page.text).group(1)


def codes_in(page):
    listed = re.search(r'id="backup-codes">(.*?)</ul>', page.text, re.S).group(1)
    return re.findall(r"<code>([A-Z2-9]{5}-[A-Z2-9]{5})</code>", listed)


def set_up(browser):
    """On the page of the account; the code of the step before this one counts no more then."""
    page = browser.submit(browser.get(PERSONAL), having="do=prepare")
    assert page.status_code == 200, page.text
    secret = secret_in(page)
    page = browser.submit(page, {"code": totp.code(secret, -1)}, having="do=confirm")
    assert page.status_code == 200, page.text
    codes = codes_in(page)
    assert len(set(codes)) == 10
    return secret, codes


def is_signed_in(browser):
    return browser.get(PERSONAL).status_code == 200


def follow(browser, answer):
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["Location"].lstrip("/"))


def propfind(account, secret, path=None):
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (account.id, secret)
        return session.request("PROPFIND", path or account.url(), headers={"Depth": "0"}, timeout=60)


# ---- set up ----

def test_set_up_on_the_page(env, account, browser):
    env.expect_log("AH01617")
    other = Browser(env)
    other.sign_in(account)
    browser.sign_in(account)
    page = browser.submit(browser.get(PERSONAL), having="do=prepare")
    secret = secret_in(page)
    assert '<svg class="qr" role="img"' in page.text
    uri = re.search(r'id="totp-uri">([^<]*)<', page.text).group(1).replace("&amp;", "&")
    assert uri == (f"otpauth://totp/127.0.0.1:{account.id}?secret={secret.replace(' ', '')}"
                   "&issuer=127.0.0.1")
    # a wrong code shows it once more
    for wrong in ("", "12345", "abcdef", totp.code(secret, 9)):
        page = browser.submit(page, {"code": wrong}, having="do=confirm")
        assert page.status_code == 400
        assert secret_in(page) == secret
    assert "two_factor" not in page.text
    assert propfind(account, account.password).status_code == 207
    page = browser.submit(page, {"code": totp.code(secret)}, having="do=confirm")
    assert page.status_code == 200
    assert len(codes_in(page)) == 10
    assert "10 of 10 backup codes" in page.text
    # this browser goes on, others sign in again
    assert is_signed_in(browser)
    assert not is_signed_in(other)
    other.close()
    page = browser.get(PERSONAL)
    assert "backup-codes" not in page.text
    # a password that was verified a moment ago is not enough any more
    assert propfind(account, account.password).status_code == 401
    again = {**forms(page.text)[0]["fields"], "section": "second", "do": "prepare"}
    assert browser.post(PERSONAL, again).status_code == 409
    assert browser.post(PERSONAL, {**again, "do": "nothing"}).status_code == 400
    assert browser.post(PERSONAL, {**again, "do": "confirm"}).status_code == 404


def test_who_else_has_the_password(env, account, browser):
    """Is not shown the key that the owner goes on to confirm."""
    env.config("CloudTwoFactor required")
    other = Browser(env)
    try:
        theirs_page = follow(other, other.sign_in(account))
        theirs = secret_in(theirs_page)
        mine_page = follow(browser, browser.sign_in(account))
        mine = secret_in(mine_page)
        assert mine != theirs
        # a form of before counts no more, in either of them, and another key is shown
        page = other.submit(theirs_page, {"code": totp.code(theirs)}, having="code")
        assert page.status_code == 403 and secret_in(page) not in (mine, theirs)
        page = browser.submit(mine_page, {"code": totp.code(mine)}, having="code")
        assert page.status_code == 403
        fresh = secret_in(page)
        page = browser.submit(page, {"code": totp.code(fresh)}, having="code")
        assert page.status_code == 200 and len(codes_in(page)) == 10
        assert not is_signed_in(other)
    finally:
        other.close()
        env.config()


def test_qr_code_is_right(env, account, browser, tmp_path):
    """Read back by a decoder."""
    browser.sign_in(account)
    page = browser.submit(browser.get(PERSONAL), having="do=prepare")
    width = int(re.search(r'viewBox="0 0 (\d+)', page.text).group(1))
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", page.text)}
    scale = 8
    rows = [bytes(0 if (x // scale, y // scale) in dark else 255 for x in range(width * scale))
            for y in range(width * scale)]
    image = tmp_path / "code.pgm"
    image.write_bytes(b"P5 %d %d 255\n" % (width * scale, width * scale) + b"".join(rows))
    done = subprocess.run(["zbarimg", "-q", "--raw", str(image)], capture_output=True, text=True,
                          check=True)
    uri = re.search(r'id="totp-uri">([^<]*)<', page.text).group(1).replace("&amp;", "&")
    assert done.stdout.strip() == uri


def test_nothing_is_kept_in_the_clear(env, second):
    _, secret, codes = second
    raw = base64.b32decode(secret.replace(" ", ""))
    for path in env.data.glob("cloud.db*"):
        content = path.read_bytes()
        assert raw not in content and secret.replace(" ", "").encode() not in content
        assert not [code for code in codes if code.encode() in content
                    or code.replace("-", "").encode() in content]
    log = (env.home / "logs/error.log").read_text()
    assert secret not in log and not [code for code in codes if code in log]


# ---- asked for ----

def test_asked_after_the_password(env, second, browser):
    account, secret, _ = second
    target = f"{env.base}{PERSONAL}?x=1"
    answer = browser.sign_in(account, target=target)
    page = follow(browser, answer)
    half = browser.cookies["cloud_session"]
    assert page.status_code == 200 and 'autocomplete="one-time-code"' in page.text
    # half signed in is not signed in
    assert not is_signed_in(browser)
    assert CHALLENGE in browser.get(LOGIN).headers["Location"]
    for wrong in ("", "12345", "abcdef", "ABCDE-ABCDE"):
        page = browser.submit(page, {"code": wrong}, having="code")
        assert page.status_code == 403
        assert 'role="alert">The code is wrong.' in page.text
        assert wrong_fields(page.text) == ["code"]
    answer = browser.submit(page, {"code": totp.code(secret)}, having="code")
    assert answer.status_code == 303
    assert answer.headers["Location"] == target
    assert is_signed_in(browser)
    # another cookie than before the second factor; that one is over
    assert browser.cookies["cloud_session"] != half
    stranger = Browser(env)
    stranger.session.cookies.set("cloud_session", half)
    assert not is_signed_in(stranger)
    assert stranger.get(CHALLENGE).headers["Location"].startswith(f"{env.base}{LOGIN}")
    stranger.close()
    assert browser.get(CHALLENGE).headers["Location"] == f"{env.base}{PERSONAL}"


def test_a_code_counts_once(env, second, browser):
    account, secret, _ = second
    code = totp.code(secret, 1)
    page = follow(browser, browser.sign_in(account))
    assert browser.submit(page, {"code": code}, having="code").status_code == 303
    other = Browser(env)
    page = follow(other, other.sign_in(account))
    assert other.submit(page, {"code": code}, having="code").status_code == 403
    assert other.submit(page, {"code": totp.code(secret)}, having="code").status_code == 403
    other.close()


def test_backup_codes(env, second, browser):
    account, _, codes = second
    for code in (codes[0], codes[1].lower().replace("-", " ")):
        page = follow(browser, browser.sign_in(account))
        assert browser.submit(page, {"code": code}, having="code").status_code == 303
        assert is_signed_in(browser)
        browser.submit(browser.get("index.php/logout"))
    page = follow(browser, browser.sign_in(account))
    assert browser.submit(page, {"code": codes[0]}, having="code").status_code == 403
    browser.submit(page, {"code": codes[2]}, having="code")
    page = browser.get(PERSONAL)
    assert "7 of 10 backup codes" in page.text
    # new ones need a code; the old ones are gone then
    assert browser.submit(page, {"do": "codes", "code": "x"}, having="code").status_code == 403
    page = browser.submit(page, {"do": "codes", "code": codes[3]}, having="code")
    fresh = codes_in(page)
    assert len(fresh) == 10 and not set(fresh) & set(codes)
    other = Browser(env)
    page = follow(other, other.sign_in(account))
    assert other.submit(page, {"code": codes[4]}, having="code").status_code == 403
    assert other.submit(page, {"code": fresh[4]}, having="code").status_code == 303
    other.close()


def test_turned_off(env, second, browser):
    account, secret, codes = second
    page = follow(browser, browser.sign_in(account))
    browser.submit(page, {"code": codes[0]}, having="code")
    page = browser.get(PERSONAL)
    assert browser.submit(page, {"do": "off", "code": "123"}, having="code").status_code == 403
    answer = browser.submit(page, {"do": "off", "code": totp.code(secret)}, having="code")
    assert answer.status_code == 303
    assert is_signed_in(browser)
    assert propfind(account, account.password).status_code == 207
    other = Browser(env)
    assert other.sign_in(account).headers["Location"] == f"{env.base}{PERSONAL}"
    other.close()


def test_challenge_needs_its_token(second, browser):
    account, secret, _ = second
    follow(browser, browser.sign_in(account))
    answer = browser.post(CHALLENGE, {"code": totp.code(secret)})
    assert answer.status_code == 403
    assert not is_signed_in(browser)
    page = browser.get(CHALLENGE)
    answer = browser.submit(page, {"code": totp.code(secret)}, having="code")
    assert answer.status_code == 303


def test_another_may_sign_in_instead(env, second, browser):
    account, _, _ = second
    page = follow(browser, browser.sign_in(account))
    answer = browser.submit(page, number=1)
    assert answer.headers["Location"] == f"{env.base}{LOGIN}"
    assert browser.get(CHALLENGE).status_code == 303


def test_guessing_is_throttled(env, second, browser):
    account, secret, codes = second
    env.config("CloudAuthThrottle 3 60 60")
    try:
        page = follow(browser, browser.sign_in(account))
        status = [browser.submit(page, {"code": "00000x"}, having="code").status_code
                  for _ in range(4)]
        assert status == [403, 403, 403, 429]
        answer = browser.submit(page, {"code": codes[0]}, having="code")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        wait_until(lambda: browser.submit(page, {"code": codes[0]}, having="code").status_code == 303,
                   "the end of the delay")
    finally:
        env.config()


def test_guessing_from_everywhere(env, second, browser):
    """More than a few networks: counted with the account."""
    account, secret, codes = second
    db = sqlite3.connect(env.data / "cloud.db", timeout=30)
    with db:
        db.execute("UPDATE login_totp SET failures = 30, failed = 1000000 * unixepoch() WHERE account"
                   " = (SELECT number FROM account WHERE id = ?)", (account.id,))
    db.close()
    page = follow(browser, browser.sign_in(account))
    assert browser.submit(page, {"code": totp.code(secret)}, having="code").status_code == 429
    assert browser.submit(page, {"code": codes[0]}, having="code").status_code == 303


def test_change_of_password_in_between(env, second, browser):
    account, secret, _ = second
    page = follow(browser, browser.sign_in(account))
    env.cloudctl("account", "passwd", account.id, "--password-stdin", input="another\n")
    answer = browser.submit(page, {"code": totp.code(secret)}, having="code")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{env.base}{LOGIN}")
    assert not is_signed_in(browser)


# ---- what a password alone opens ----

def test_files_need_an_app_password(env, second):
    account, _, _ = second
    answer = propfind(account, account.password)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert "use an app password" in error(answer)[1]
    ocs = account.ocs("cloud/user")
    assert (ocs.status_code, ocs.json()["ocs"]["meta"]["statuscode"]) == (401, 997)
    assert account.put("x", b"x", expect=None).status_code == 401
    secret = env.cloudctl("app-password", "create", account.id, "phone").stdout.strip()
    assert propfind(account, secret).status_code == 207
    # OPTIONS and status.php are everybody's
    assert env.http("GET", "status.php").status_code == 200


def test_token_generate(env, second):
    account, secret, codes = second
    good = {"user": account.id, "password": account.password, "name": "phone"}
    answer = env.http("POST", GENERATE, data=good)
    assert answer.status_code == 401 and "otp" in answer.json()["message"]
    assert env.http("POST", GENERATE, data={**good, "otp": "123"}).status_code == 401
    answer = env.http("POST", GENERATE, data={**good, "password": "x", "otp": totp.code(secret)})
    assert answer.status_code == 401
    answer = env.http("POST", GENERATE, data={**good, "otp": totp.code(secret)})
    assert answer.status_code == 200
    assert propfind(account, answer.json()["token"]).status_code == 207
    assert env.http("POST", GENERATE, data={**good, "otp": totp.code(secret)}).status_code == 401
    assert env.http("POST", GENERATE, data={**good, "otp": codes[0]}).status_code == 200


def test_apache_asks_for_the_password(env, second, browser):
    """Where Apache's own Basic authentication guards the pages, they ask for the code."""
    account, secret, _ = second
    env.config('<Location "/index.php/settings">\nAuthType Basic\nAuthName x\n'
               'AuthBasicProvider cloud\nRequire valid-user\n</Location>\n'
               '<Location "/index.php/login">\nAuthType Basic\nAuthName x\n'
               'AuthBasicProvider cloud\nRequire valid-user\n</Location>')
    try:
        browser.session.auth = (account.id, account.password)
        answer = browser.get(PERSONAL)
        page = follow(browser, answer)
        page = follow(browser, page)
        answer = browser.submit(page, {"code": totp.code(secret)}, having="code")
        assert answer.headers["Location"] == f"{env.base}{PERSONAL}"
        assert is_signed_in(browser)
        browser.session.cookies.clear()
        assert not is_signed_in(browser)
    finally:
        env.config()


# ---- required ----

def test_required_of_everybody(env, account, browser):
    secret = env.cloudctl("app-password", "create", account.id, "phone").stdout.strip()
    browser.sign_in(account)
    env.config("CloudTwoFactor required")
    try:
        answer = propfind(account, account.password)
        assert answer.status_code == 401
        assert propfind(account, secret).status_code == 207
        # who is signed in already stays so; at the next time it is set up
        assert is_signed_in(browser)
        browser.submit(browser.get("index.php/logout"))
        target = f"{env.base}{PERSONAL}?x=1"
        page = follow(browser, browser.sign_in(account, target=target))
        key = secret_in(page)
        assert not is_signed_in(browser)
        page = browser.submit(page, {"code": "123456x"}, having="code")
        assert page.status_code == 403 and secret_in(page) == key
        page = browser.submit(page, {"code": totp.code(key, -1)}, having="code")
        assert page.status_code == 200
        assert len(codes_in(page)) == 10
        assert f'href="{target}"' in page.text
        assert is_signed_in(browser)
        # from now on it is asked for
        browser.submit(browser.get("index.php/logout"))
        page = follow(browser, browser.sign_in(account))
        assert "totp-secret" not in page.text
        assert browser.submit(page, {"code": totp.code(key)}, having="code").status_code == 303
        shown = env.cloudctl("two-factor", "show", account.id, "--json").stdout
        assert '"required": true' in shown and '"set_up": true' in shown
    finally:
        env.config()


def test_not_required_any_more(env, account, browser):
    env.config("CloudTwoFactor required")
    try:
        page = follow(browser, browser.sign_in(account))
        assert "totp-secret" in page.text
        env.config()
        answer = browser.get(CHALLENGE)
        assert answer.headers["Location"] == f"{env.base}{PERSONAL}"
        assert is_signed_in(browser)
    finally:
        env.config()


def test_required_of_a_group(env, browser):
    one, other = env.account(), env.account()
    env.cloudctl("group", "add", "some, staff")
    env.cloudctl("group", "add-member", "some, staff", one.id)
    env.config('CloudTwoFactor required "some, staff"')
    try:
        assert propfind(one, one.password).status_code == 401
        assert propfind(other, other.password).status_code == 207
        assert browser.sign_in(other).headers["Location"] == f"{env.base}{PERSONAL}"
    finally:
        env.config()


# ---- the admin ----

def test_provisioning(env, second):
    """The field of the API: read by who may see the account, turned off by administrators."""
    account, _, _ = second
    admin, plain = env.account(), env.account()
    env.cloudctl("group", "add-member", "admin", admin.id)
    mine = env.cloudctl("app-password", "create", account.id, "phone").stdout.strip()

    def field(who, password, of=account):
        answer = requests.get(f"{env.url}ocs/v1.php/cloud/users/{of.id}?format=json", timeout=60,
                              auth=(who.id, password)).json()
        return answer["ocs"]["data"]["two_factor_auth_enabled"]

    def put(who, password, value, of=account):
        answer = requests.put(f"{env.url}ocs/v1.php/cloud/users/{of.id}?format=json", timeout=60,
                              auth=(who.id, password),
                              data={"key": "two_factor_auth_enabled", "value": value}).json()
        return answer["ocs"]["meta"]["statuscode"]

    assert field(admin, admin.password) == "true"
    assert field(admin, admin.password, plain) == "false"
    assert put(admin, admin.password, "true", plain) == 103
    assert put(plain, plain.password, "false") == 997
    assert put(account, mine, "true") == 100
    # an app password is not worth a second factor
    assert put(account, mine, "false") == 997
    assert field(account, mine) == "true"
    assert put(admin, admin.password, "false") == 100
    assert field(admin, admin.password) == "false"
    assert propfind(account, account.password).status_code == 207


def test_cloudctl(env, second, browser):
    account, _, _ = second
    shown = env.cloudctl("two-factor", "show", account.id).stdout
    assert re.search(r"set up:\s+yes", shown) and re.search(r"backup codes:\s+10", shown)
    env.cloudctl("two-factor", "off", account.id)
    assert propfind(account, account.password).status_code == 207
    browser.sign_in(account)
    assert is_signed_in(browser)
    assert re.search(r"set up:\s+no", env.cloudctl("two-factor", "show", account.id).stdout)
    assert env.cloudctl("two-factor", "off", "nobody-here", check=False).returncode == 1
    # sessions
    listed = env.cloudctl("session", "list", account.id, "--json").stdout
    ident = re.search(r'"id": (\d+)', listed).group(1)
    assert ident in env.cloudctl("session", "list", account.id).stdout
    assert env.cloudctl("session", "end", account.id, "1", check=False).returncode == 1
    assert env.cloudctl("session", "end", account.id, "x", check=False).returncode == 2
    env.cloudctl("session", "end", account.id, ident)
    assert not is_signed_in(browser)
    browser.sign_in(account)
    env.cloudctl("session", "end", account.id)
    assert not is_signed_in(browser)


def test_a_lost_key_locks_nobody_out_for_good(env, second, browser):
    account, secret, codes = second
    key = env.data / ".cloud/key"
    kept = key.read_text()
    key.write_text("0" * 64 + "\n")
    env.restart()  # it is read once
    try:
        page = follow(browser, browser.sign_in(account))
        env.expect_log("second factor of an account can't be read")
        answer = browser.submit(page, {"code": totp.code(secret)}, having="code")
        assert answer.status_code == 503
        env.cloudctl("two-factor", "off", account.id)
        browser.session.cookies.clear()
        assert browser.sign_in(account).headers["Location"] == f"{env.base}{PERSONAL}"
    finally:
        key.write_text(kept)
        env.restart()
