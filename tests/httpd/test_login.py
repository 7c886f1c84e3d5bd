"""The login page, sessions, and the page of the account."""

import re
import threading

import pytest
import requests

from harness.browser import LOGIN, PERSONAL, Browser, forms
from harness.env import wait_until
from harness.structure import check_structure, wrong_fields

LOGOUT = "index.php/logout"
STRICT = {"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
          "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


@pytest.fixture(name="browser")
def fixture_browser(env):
    made = Browser(env, **{"User-Agent": "Test browser <1>"})
    yield made
    made.close()


def is_signed_in(browser):
    answer = browser.get(PERSONAL)
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def alert(page):
    match = re.search(r'role="alert"[^>]*>([^<]*)<', page.text)
    return match and match.group(1)


def check_page(answer, status=200):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for name, value in STRICT.items():
        assert answer.headers[name] == value, name
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "script-src" not in policy
    check_structure(answer.text)
    assert "Content-Encoding" not in answer.headers


# ---- signing in and out ----

def test_sign_in_and_out(env, account, browser):
    page = browser.get(LOGIN)
    check_page(page)
    assert '<label for="user">' in page.text and '<label for="password">' in page.text
    answer = browser.sign_in(account)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == f"{env.base}{PERSONAL}"
    page = browser.get(PERSONAL)
    check_page(page)
    assert account.id in page.text
    assert "Test browser &lt;1&gt;" in page.text
    # the login page has nothing more to ask
    assert browser.get(LOGIN).headers["Location"] == f"{env.base}{PERSONAL}"
    assert browser.post(LOGIN, {}).headers["Location"] == f"{env.base}{PERSONAL}"
    page = browser.get(LOGOUT)
    check_page(page)
    before = browser.cookies["cloud_session"]
    answer = browser.submit(page)
    assert answer.headers["Location"] == f"{env.base}{LOGIN}"
    assert "cloud_session" not in browser.cookies
    assert not is_signed_in(browser)
    # the old cookie opens nothing
    browser.session.cookies.set("cloud_session", before)
    assert not is_signed_in(browser)
    assert browser.get(LOGOUT).headers["Location"] == f"{env.base}{LOGIN}"


def test_cookie(env, account, browser):
    answer = browser.sign_in(account)
    cookie = answer.headers["Set-Cookie"]
    assert re.fullmatch(r"cloud_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax", cookie)
    # nothing of it is stored as it is
    value = browser.cookies["cloud_session"].encode()
    for path in env.data.glob("cloud.db*"):
        assert value not in path.read_bytes()


@pytest.mark.parametrize("base, prefix", [("/", "__Host-"), ("/owncloud/", "__Secure-")])
def test_cookies_with_tls(env, account, base, prefix):
    """Behind a proxy that ends TLS; no other host of the domain can set such cookies."""
    env.config("ServerName https://localhost", base=base)
    try:
        page = env.http("GET", LOGIN)
        path = base.rstrip("/") or "/"
        rest = f"; Path={path}; HttpOnly; SameSite=Lax; Secure"
        form = re.fullmatch(rf"({prefix}cloud_form=[\w-]{{43}}){re.escape(rest)}",
                            page.headers["Set-Cookie"]).group(1)
        fields = {**forms(page.text)[0]["fields"], "user": account.id,
                  "password": account.password}
        # under its plain name it is somebody else's
        answer = env.http("POST", LOGIN, data=fields, headers={"Cookie": form[len(prefix):]})
        assert answer.status_code == 403
        answer = env.http("POST", LOGIN, data=fields, headers={"Cookie": form})
        assert answer.status_code == 303
        session = re.fullmatch(rf"({prefix}cloud_session=[\w-]{{43}}){re.escape(rest)}",
                               answer.headers["Set-Cookie"]).group(1)
        assert env.http("GET", PERSONAL, headers={"Cookie": session}).status_code == 200
        plain = session[len(prefix):]
        assert env.http("GET", PERSONAL, headers={"Cookie": plain}).status_code == 303
        flow = env.http("POST", LOGIN + "/v2").json()
        assert flow["login"].startswith("https://")
        assert flow["poll"]["endpoint"].startswith("https://")
    finally:
        env.config()


def test_any_spelling_of_the_name(env, account, browser):
    page = browser.get(LOGIN)
    answer = browser.submit(page, {"user": account.id.upper(), "password": account.password})
    assert answer.status_code == 303
    assert f"({account.id})" in browser.get(PERSONAL).text


def test_wrong_passwords_look_alike(env, account, browser):
    pages = []
    secret = env.cloudctl("app-password", "create", account.id, "phone").stdout.strip()
    for user, password in ((account.id, "wrong"), ("nobody-here", "wrong"), (account.id, ""),
                           ("", ""), (account.id, secret), ("\N{SNOWMAN}", "x" * 5000)):
        page = browser.submit(browser.get(LOGIN), {"user": user, "password": password})
        check_page(page, 403)
        assert alert(page) == "The user name or the password is wrong."
        assert wrong_fields(page.text) == ["user", "password"]
        pages.append(re.sub(r'value="[^"]*"', "", page.text).replace("autofocus", ""))
        assert "cloud_session" not in browser.cookies
    assert len({re.sub(r"\s+", "", page) for page in pages}) == 1
    env.cloudctl("account", "disable", account.id)
    page = browser.sign_in(account)
    assert page.status_code == 403
    assert alert(page) == "The user name or the password is wrong."


def test_what_was_typed_is_escaped(browser):
    evil = '"><img src=x onerror=alert(1)>\'&'
    page = browser.submit(browser.get(LOGIN), {"user": evil, "password": "x"})
    assert "<img" not in page.text
    assert 'value="&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;&amp;"' in page.text
    page = browser.get(LOGIN, params={"user": evil, "redirect_url": "/x" + evil})
    assert "<img" not in page.text


def test_throttle(env, browser):
    """The one of Basic logins, shared with it."""
    env.config("CloudAuthThrottle 3 60 60")
    try:
        account = env.account()
        env.expect_log("AH01617")
        for n in range(2):
            assert browser.sign_in(account, f"wrong {n}").status_code == 403
        assert account.dav("PROPFIND", depth=0, session=requests.Session(),
                           auth=(account.id, "wrong 3")).status_code == 401
        page = browser.sign_in(account)
        check_page(page, 429)
        assert int(page.headers["Retry-After"]) >= 1
        assert alert(page) == "Too many failed attempts; try again later"
        wait_until(lambda: browser.sign_in(account).status_code == 303, "the end of the delay")
    finally:
        env.config()


# ---- where it leads ----

@pytest.mark.parametrize("target, followed", [
    ("/index.php/settings/personal", True),
    ("/index.php/apps/oauth2/authorize?client_id=a&redirect_uri=http%3A%2F%2Flocalhost%3A1", True),
    ("//evil.example/", False),
    ("https://evil.example/", False),
    ("/\\evil.example/", False),
    ("\\\\evil.example/", False),
    ("/\t/evil.example/", False),
    ("javascript:alert(1)", False),
    ("evil.example", False),
    ("", False),
    ("/x\r\nSet-Cookie: a=b", False),
    ("/x y", False),
    ("/\N{SNOWMAN}", False),
    ("/../other", False),
    ("/%2e%2e/other", False),
])
def test_target(env, account, browser, target, followed):
    wanted = target if followed else f"{env.base}{PERSONAL}"
    answer = browser.sign_in(account, target=target)
    assert answer.status_code == 303
    assert answer.headers["Location"] == wanted
    # and for who is signed in already
    answer = browser.get(LOGIN, params={"redirect_url": target})
    if answer.status_code != 400:  # with control characters it is no parameter
        assert answer.headers["Location"] == wanted


def test_asked_and_back(env, account, browser):
    answer = browser.get(PERSONAL + "?sectionid=security&x=1#apppasswords")
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"].lstrip("/"))
    answer = browser.submit(page, {"user": account.id, "password": "wrong"})
    answer = browser.submit(answer, {"user": account.id, "password": account.password})
    assert answer.headers["Location"] == f"{env.base}{PERSONAL}?sectionid=security&x=1"


def test_below_a_prefix(env, account):
    env.config(base="/owncloud/")
    browser = Browser(env)
    try:
        answer = browser.sign_in(account)
        assert "; Path=/owncloud;" in answer.headers["Set-Cookie"]
        assert answer.headers["Location"] == f"/owncloud/{PERSONAL}"
        assert is_signed_in(browser)
        # outside of it is another application's
        answer = browser.get(LOGIN, params={"redirect_url": "/other"})
        assert answer.headers["Location"] == f"/owncloud/{PERSONAL}"
        answer = browser.get(LOGIN, params={"redirect_url": "/owncloud/x"})
        assert answer.headers["Location"] == "/owncloud/x"
    finally:
        browser.close()
        env.config()


# ---- forms ----

def test_forms_need_their_token(env, account, browser):
    good = {"user": account.id, "password": account.password}
    page = browser.get(LOGIN)
    token = forms(page.text)[0]["fields"]["requesttoken"]
    other = Browser(env)
    wrong = [{}, {"requesttoken": ""}, {"requesttoken": token[:-1]}, {"requesttoken": "A" * 43},
             {"requesttoken": forms(other.get(LOGIN).text)[0]["fields"]["requesttoken"]}]
    other.close()
    for extra in wrong:
        answer = browser.post(LOGIN, {**good, **extra})
        check_page(answer, 403)
        assert "try again" in alert(answer)
    assert not is_signed_in(browser)
    # the query is no form
    answer = browser.post(LOGIN + f"?requesttoken={token}&user={account.id}", {})
    assert answer.status_code == 403
    # from another site
    for site in ("cross-site", "same-site"):
        answer = browser.post(LOGIN, {**good, "requesttoken": token},
                              headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    # without the cookie that it belongs to
    bare = Browser(env)
    assert bare.post(LOGIN, {**good, "requesttoken": token}).status_code == 403
    bare.close()
    answer = browser.post(LOGIN, {**good, "requesttoken": token},
                          headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    # a token from before signing in is no good after it
    for path, fields in ((LOGOUT, {}), (PERSONAL, {"section": "apppasswords", "name": "x"})):
        answer = browser.post(path, {**fields, "requesttoken": token})
        check_page(answer, 403)
    assert is_signed_in(browser)
    assert env.cloudctl("app-password", "list", account.id).stdout == ""


def test_the_session_cookie_is_always_new(env, account, browser):
    """Nobody can plant a session that is signed in later, and none outlives signing in again."""
    planted = "P" * 43
    browser.session.cookies.set("cloud_session", planted)
    browser.sign_in(account)
    first = browser.cookies["cloud_session"]
    assert first != planted
    stranger = Browser(env)
    stranger.session.cookies.set("cloud_session", planted)
    assert not is_signed_in(stranger)
    stranger.close()


@pytest.mark.parametrize("body, content_type, status", [
    (b"x" * 70000, "application/x-www-form-urlencoded", 413),
    (b"{}", "application/json", 415),
    (b"user=%ff&password=x", "application/x-www-form-urlencoded", 400),
    (b"user=%00&password=x", "application/x-www-form-urlencoded", 400),
])
def test_bodies_that_are_no_form(env, body, content_type, status):
    answer = env.http("POST", LOGIN, data=body, headers={"Content-Type": content_type})
    check_page(answer, status)


@pytest.mark.parametrize("method, path, status", [
    ("PUT", LOGIN, 405), ("DELETE", LOGOUT, 405), ("PUT", PERSONAL, 405),
    ("GET", LOGIN + "/nothing", 404), ("POST", LOGIN + "/nothing", 404),
    ("GET", PERSONAL + "/more", 404),
])
def test_other_requests(env, method, path, status):
    answer = env.http(method, path)
    assert answer.status_code == status
    if status == 405:
        allowed = set(answer.headers["Allow"].split(","))
        assert allowed - {"TRACE"} == {"GET", "HEAD", "POST", "OPTIONS"}
        check_page(answer, 405)
    assert env.http("OPTIONS", LOGIN).status_code == 200
    assert env.http("HEAD", LOGIN).content == b""


def test_style_sheet(env):
    page = env.http("GET", LOGIN)
    href = re.search(r'href="([^"]*style\.css[^"]*)"', page.text).group(1)
    sheet = env.http("GET", href)
    assert sheet.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "max-age" in sheet.headers["Cache-Control"]


def luminance(colour):
    """Relative luminance (WCAG 2.1) of "#rgb" or "#rrggbb"."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(part * weight for part, weight in zip(parts, (0.2126, 0.7152, 0.0722)))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


CONTRASTS = (  # of all pairs that are one upon the other
    [(text, ground, 7) for text in ("ink", "soft", "link") for ground in ("page", "card")]
    + [("ink", ground, 7) for ground in ("badcard", "goodcard")] + [("on", "main", 7)]
    + [("line", "card", 4.5), ("bad", "badcard", 4.5), ("good", "goodcard", 4.5), ("focus", "page", 3), ("focus", "card", 3)])


def test_contrasts(env):
    """Of the colours of the style sheet, light and dark."""
    assert round(contrast("#000", "#ffffff"), 2) == 21 and contrast("#777", "#fff") < 4.5
    sheet = env.http("GET", LOGIN + "/style.css").text
    schemes = [dict(re.findall(r"--(\w+):(#[0-9a-f]+)", rule)) for rule in
               re.findall(r":root\{([^}]*)\}", sheet.split("@media print")[0])]
    assert len(schemes) == 2
    for colours in (schemes[0], {**schemes[0], **schemes[1]}):
        for above, below, least in CONTRASTS:
            assert contrast(colours[above], colours[below]) >= least, (above, below, colours)
    # nothing moves, and no colour is given but by these names
    assert "animation" not in sheet and "transition" not in sheet
    assert set(re.findall(r"color:([^;}]+)", re.sub(r"color-scheme:[^;]*;", "", sheet))) <= \
        {"#fff", "#000"} | {f"var(--{name})" for name in schemes[0]}


def test_maintenance(env):
    env.cloudctl("maintenance", "on")
    try:
        answer = env.http("GET", LOGIN)
        check_page(answer, 503)
        assert "maintenance" in answer.text
    finally:
        env.cloudctl("maintenance", "off")


# ---- the end of sessions ----

def change_password(env, account):
    env.cloudctl("account", "passwd", account.id, "--password-stdin", input="another\n")


@pytest.mark.parametrize("change", [
    change_password,
    lambda env, account: env.cloudctl("account", "disable", account.id),
    lambda env, account: env.cloudctl("account", "delete", account.id, "--yes"),
])
def test_session_ends_with(env, account, browser, change):
    browser.sign_in(account)
    assert is_signed_in(browser)
    change(env, account)
    assert not is_signed_in(browser)


def test_disabled_and_enabled_again(env, account, browser):
    browser.sign_in(account)
    env.cloudctl("account", "disable", account.id)
    env.cloudctl("account", "enable", account.id)
    assert not is_signed_in(browser)


def test_a_name_used_again_inherits_no_session(env, account, browser):
    browser.sign_in(account)
    env.cloudctl("account", "delete", account.id, "--yes")
    env.account(account.id, account.password)
    assert not is_signed_in(browser)


def test_session_survives_a_restart(env, account, browser):
    browser.sign_in(account)
    env.restart()
    assert is_signed_in(browser)


def age(env, column, seconds):
    """As if that much time had passed."""
    import sqlite3  # pylint: disable=import-outside-toplevel
    db = sqlite3.connect(env.data / "cloud.db", timeout=30)
    with db:
        db.execute(f"UPDATE login_session SET {column} = {column} - ?", (seconds * 1000000,))
    db.close()


@pytest.mark.parametrize("column, short, long", [("seen", 3500, 3700), ("created", 86000, 87000)])
def test_session_gets_old(env, account, browser, column, short, long):
    browser.sign_in(account)
    age(env, column, short)
    assert is_signed_in(browser)
    age(env, column, long - short if column == "created" else long)
    assert not is_signed_in(browser)


def test_session_directives(env, account, browser):
    env.config("CloudSessionTimeout 600\nCloudSessionLifetime 7200")
    try:
        browser.sign_in(account)
        age(env, "seen", 500)
        assert is_signed_in(browser)  # and that was seen
        age(env, "seen", 500)
        assert is_signed_in(browser)
        age(env, "created", 7300)
        assert not is_signed_in(browser)
        assert "7200" in env.cloudctl("config", "get", "system", "session_max_lifetime").stdout
    finally:
        env.config()


# ---- the page of the account ----

def test_app_passwords(env, account, browser):
    env.expect_log("AH01617")
    browser.sign_in(account)
    page = browser.submit(browser.get(PERSONAL), {"name": "my <phone>"}, having="name")
    check_page(page)
    secret = re.search(r'id="secret">([A-Z0-9-]{23})<', page.text).group(1)
    session = requests.Session()
    session.auth = (account.id, secret)
    assert account.dav("PROPFIND", depth=0, session=session).status_code == 207
    page = browser.get(PERSONAL)
    assert secret not in page.text
    assert "<td>my &lt;phone&gt;</td>" in page.text
    # shown once, named once
    page = browser.submit(page, {"name": "my <phone>"}, having="name")
    check_page(page, 409)
    assert alert(page) == "There is an app password &quot;my &lt;phone&gt;&quot; already"
    page = browser.submit(browser.get(PERSONAL), {"name": ""}, having="name")
    check_page(page, 400)
    answer = browser.submit(browser.get(PERSONAL), having="revoke=my <phone>")
    assert answer.headers["Location"] == f"{env.base}{PERSONAL}"
    assert account.dav("PROPFIND", depth=0, session=session).status_code == 401
    session.close()
    # that did not sign anybody out
    assert is_signed_in(browser)
    page = browser.get(PERSONAL)
    assert "&lt;phone&gt;" not in page.text
    fields = next(form["fields"] for form in forms(page.text) if "name" in form["fields"])
    check_page(browser.post(PERSONAL, {**fields, "revoke": "nothing"}), 404)


def test_an_app_password_opens_no_page(env, account):
    secret = env.cloudctl("app-password", "create", account.id, "phone").stdout.strip()
    answer = env.http("GET", PERSONAL, auth=(account.id, secret))
    assert answer.status_code == 303
    # also where Apache itself asks
    env.config('<Location "/index.php/settings">\nAuthType Basic\nAuthName x\n'
               'AuthBasicProvider cloud\nRequire valid-user\n</Location>')
    try:
        assert env.http("GET", PERSONAL, auth=(account.id, secret)).status_code == 303
        answer = env.http("GET", PERSONAL, auth=(account.id, account.password))
        check_page(answer)
        assert "Sign out" not in answer.text
        assert env.http("GET", PERSONAL).status_code == 401
        # forms have their token here, too
        browser = Browser(env)
        browser.session.auth = (account.id, account.password)
        page = browser.get(PERSONAL)
        assert browser.post(PERSONAL, {"section": "apppasswords", "name": "x"}).status_code == 403
        assert browser.submit(page, {"name": "x"}, having="name").status_code == 200
        # a session of somebody else does not count here
        other = env.account()
        browser.session.auth = None
        browser.sign_in(other)
        browser.session.auth = (account.id, account.password)
        assert f"({account.id})" in browser.get(PERSONAL).text
        browser.close()
    finally:
        env.config()


def test_sessions_are_listed_and_ended(env, account, browser):
    others = [Browser(env, **{"User-Agent": f"other {n}"}) for n in range(3)]
    for one in (browser, *others):
        one.sign_in(account)
    page = browser.get(PERSONAL)
    assert all(f"<td>other {n}</td>" in page.text for n in range(3))
    assert page.text.count("this one") == 1
    row = re.search(r"<tr><td>other 1</td>.*?</tr>", page.text, re.S).group(0)
    ident = forms(row)[0]["fields"]["end"]
    assert browser.submit(page, having=f"end={ident}").status_code == 303
    assert [is_signed_in(one) for one in others] == [True, False, True]
    fields = forms(row)[0]["fields"]
    check_page(browser.post(PERSONAL, fields), 404)
    for bad in ("0", "-1", "x", "", "99999999999999999999"):
        assert browser.post(PERSONAL, {**fields, "end": bad}).status_code in (400, 404)
    # not somebody else's
    stranger = Browser(env)
    stranger.sign_in(env.account())
    row = re.search(r"<tr><td>other 0</td>.*?</tr>", page.text, re.S).group(0)
    theirs = forms(stranger.get(PERSONAL).text)[0]["fields"]["requesttoken"]
    answer = stranger.post(PERSONAL, {**forms(row)[0]["fields"], "requesttoken": theirs})
    assert answer.status_code == 404
    assert is_signed_in(others[0])
    stranger.close()
    assert browser.submit(page, having="end=others").status_code == 303
    assert [is_signed_in(one) for one in (browser, *others)] == [True, False, False, False]
    for one in others:
        one.close()


def test_unknown_section(account, browser):
    browser.sign_in(account)
    token = forms(browser.get(PERSONAL).text)[0]["fields"]["requesttoken"]
    answer = browser.post(PERSONAL, {"requesttoken": token, "section": "nothing"})
    check_page(answer, 400)


def test_many_at_once(env, account):
    """Sessions of one account do not get into each other's way."""
    results = []

    def run():
        one = Browser(env)
        one.sign_in(account)
        results.append(is_signed_in(one))
        one.close()
    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 6


def test_without_the_module(env):
    env.config(before="Define WITHOUT_LOGIN")
    try:
        assert env.http("GET", LOGIN).status_code == 404
        assert env.http("GET", "status.php").status_code == 200
    finally:
        env.config()
