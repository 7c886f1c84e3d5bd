"""OAuth 2.0: the flow, the challenge, bearer tokens, the pages, clients of one's own."""

import re

import pytest

from harness.browser import LOGIN, PERSONAL, Browser, forms
from harness.dav import error
from harness.oauth import (ANDROID, AUTHORIZE, BASE, DESKTOP, IOS, REVOKE, TOKEN, USERINFO,
                           OAuthClient, add_client, query_of, refused, value)

LOGOUT = f"{BASE}/logout"
CHALLENGE = 'Bearer realm="ownCloud", Basic realm="ownCloud", charset="UTF-8"'


@pytest.fixture(name="browser")
def fixture_browser(env):
    made = Browser(env)
    yield made
    made.close()


@pytest.fixture(name="client")
def fixture_client(env):
    return OAuthClient(env)


@pytest.fixture(name="fails", autouse=True)
def fixture_fails(env):
    env.expect_log("AH01617|AH01618")  # wrong Basic passwords


def is_page(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text


# ---- the flow ----

@pytest.mark.parametrize("stock,redirect", [
    (DESKTOP, "http://localhost:54321"), (DESKTOP, "http://127.0.0.1:54321"),
    (DESKTOP, "http://localhost:54321/"), (ANDROID, "oc://android.owncloud.com"),
    (IOS, "oc://ios.owncloud.com")])
@pytest.mark.parametrize("auth", ["basic", "form", "public"])
def test_stock_clients(env, account, stock, redirect, auth):
    client = OAuthClient(env, stock, redirect)
    answer = client.exchange(client.authorize(account), auth=auth)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3600
    assert body["user_id"] == account.id
    assert body["message_url"] == f"{env.url}{BASE}/authorization-successful"
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "user_id",
                         "message_url"}
    assert client.get().status_code == 207
    first = dict(client.tokens)
    assert client.refresh(auth=auth).status_code == 200
    assert client.tokens["refresh_token"] != first["refresh_token"]
    assert client.get().status_code == 207
    is_page(env.http("GET", f"{BASE}/authorization-successful"), 200)


def test_everywhere(env, account, client):
    account.put("a.txt", b"content")
    client.log_in(account)
    mine = f"remote.php/dav/files/{account.id}"
    for method, path, status in (
            ("PROPFIND", "remote.php/webdav/", 207), ("PROPFIND", "remote.php/dav/files/", 207),
            ("PROPFIND", f"{mine}/", 207), ("GET", f"{mine}/a.txt", 200),
            ("PUT", f"{mine}/b.txt", 201), ("MKCOL", f"{mine}/c", 201),
            ("DELETE", f"{mine}/b.txt", 204), ("GET", "ocs/v1.php/cloud/user", 200),
            ("GET", "ocs/v2.php/cloud/capabilities?format=json", 200), ("GET", USERINFO, 200),
            ("PROPFIND", "remote.php/dav/files/somebody/", 404)):
        assert client.get(path, method).status_code == status, (method, path)
    me = client.get("ocs/v2.php/cloud/user?format=json", "GET").json()["ocs"]
    assert me["meta"]["statuscode"] == 200
    assert me["data"]["id"] == account.id
    for header in ("bearer {}", "BEARER  {}"):
        answer = env.http("GET", USERINFO, headers={
            "Authorization": header.format(client.tokens["access_token"])})
        assert answer.status_code == 200, header


def test_userinfo(env, account, client):
    env.cloudctl("account", "name", account.id, "A. Name")
    env.cloudctl("account", "email", account.id, "a@example.org")
    client.log_in(account)
    answer = client.get(USERINFO, "GET")
    assert answer.json() == {"sub": account.id, "name": "A. Name", "email": "a@example.org"}
    assert env.http("GET", USERINFO, account).json()["sub"] == account.id
    assert env.http("GET", USERINFO).status_code == 401
    assert client.get(USERINFO, "POST").status_code == 405


# ---- the challenge ----

@pytest.mark.parametrize("config", ["CloudOAuth2 always", "ServerName https://cloud.example.org"])
def test_challenge(env, account, config):
    env.config(config)
    for method, path in (("PROPFIND", "remote.php/webdav/"), ("PROPFIND", "remote.php/dav/files"),
                         ("PROPFIND", account.path()[1:]), ("GET", "ocs/v1.php/cloud/user")):
        answer = env.http(method, path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == CHALLENGE, path
    answer = env.http("PROPFIND", "remote.php/webdav/", auth=(account.id, "wrong"))
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    # one header line; whoever reads only its beginning finds a scheme he knows
    raw = env.raw(b"PROPFIND /remote.php/webdav/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw.count(b"WWW-Authenticate:") == 1
    env.config()


def test_without_tls(env):
    """Stock clients would take a token for the only way, and refuse to get one without TLS."""
    answer = env.http("PROPFIND", "remote.php/webdav/")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="ownCloud", charset="UTF-8"'


def test_scripts_are_not_asked_for_a_password(env):
    env.config("CloudOAuth2 always")
    answer = env.http("PROPFIND", "remote.php/webdav/",
                      headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="ownCloud", DummyBasic ')
    env.config()


@pytest.mark.parametrize("off", ["before", "extra"])
def test_not_announced_when_it_is_off(env, account, client, off):
    client.log_in(account)
    env.expect_log("AH01614")  # httpd knows no other scheme then
    try:
        if off == "before":
            env.config(before="Define WITHOUT_OAUTH2")
        else:
            env.config('ServerName https://cloud.example.org\nCloudOAuth2 off')
        for answer in (env.http("PROPFIND", "remote.php/webdav/"), client.get()):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="ownCloud", charset="UTF-8"'
        for method, path in (("GET", AUTHORIZE), ("POST", TOKEN), ("POST", REVOKE)):
            assert env.http(method, path).status_code == 404
    finally:
        env.config()
    assert client.get().status_code == 207


def test_bad_tokens(env, account, client):
    client.log_in(account)
    good = client.tokens["access_token"]
    for token in ("x", good[:-1], good + "x", good.swapcase(), client.tokens["refresh_token"],
                  "%00", "a b", '"'):
        answer = client.get(token=token)
        assert answer.status_code == 401, token
        header = answer.headers["WWW-Authenticate"]
        assert header.startswith('Bearer realm="ownCloud", error="invalid_token", '), header
        assert ', Basic realm="ownCloud", charset="UTF-8"' in header
        assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotAuthenticated"
    for header in ("Bearer", "bearer", "Bearer "):
        answer = env.http("PROPFIND", "remote.php/webdav/", headers={"Authorization": header})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert client.get("ocs/v1.php/cloud/user", "GET", token="x").status_code == 401
    assert client.get().status_code == 207


# ---- the page ----

def test_page(env, account, browser, client):
    browser.sign_in(account)
    page = browser.get(client.address())
    is_page(page, 200)
    assert "Desktop Client" in page.text and account.id in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' http://localhost:12345;" in policy
    answer = browser.submit(page, {"answer": "deny"}, having="answer")
    assert answer.status_code == 303
    assert query_of(answer.headers["Location"]) == {"error": "access_denied", "state": client.state}
    assert answer.headers["Location"].startswith("http://localhost:12345?")
    assert answer.headers["Cache-Control"] == "no-store"


def test_names_are_text(env, account, browser):
    name = "<b>\"Bold\" & co"
    made = env.cloudctl("--json", "oauth2", "client", "add", name, "https://x.example/cb")
    client_id = re.search(r'"id": *"([^"]*)"', made.stdout).group(1)
    client = OAuthClient(env, (client_id, ""), "https://x.example/cb")
    browser.sign_in(account)
    page = browser.get(client.address(state="\"><i>"))
    assert "<b>" not in page.text and "<i>" not in page.text
    assert "&lt;b&gt;&quot;Bold&quot; &amp; co" in page.text
    code = client.authorize(account, browser, state="\"><i>")
    assert code
    env.cloudctl("oauth2", "client", "remove", name)


def test_no_state(env, account, client):
    code = client.authorize(account, state=None)
    assert client.exchange(code).status_code == 200


@pytest.mark.parametrize("changes", [
    {"client_id": None}, {"client_id": ""}, {"client_id": "nobody"}, {"client_id": "x' OR 1=1 --"},
    {"redirect_uri": None}, {"redirect_uri": ""}, {"redirect_uri": "http://evil.example"},
    {"redirect_uri": "http://localhost.evil.example:1"},
    {"redirect_uri": "http://localhost:1@evil.example"},
    {"redirect_uri": "https://localhost:12345"}, {"redirect_uri": "http://localhost:12345/x"},
    {"redirect_uri": "http://localhost:12345?x=y"}, {"redirect_uri": "//localhost:12345"},
    {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": "/index.php"},
    {"client_id": ANDROID[0]}])
def test_never_sent_to_strangers(env, account, browser, client, changes):
    for signed_in in (0, 1):
        if signed_in:
            browser.sign_in(account)
        answer = browser.get(client.address(**changes))
        is_page(answer, 400)
        assert "Location" not in answer.headers
        assert "evil.example" not in answer.text


def test_nor_by_the_form(env, account, browser, client):
    browser.sign_in(account)
    page = browser.get(client.address())
    for changes in ({"redirect_uri": "http://evil.example"}, {"client_id": ANDROID[0]}):
        answer = browser.submit(page, {"answer": "allow", **changes}, having="answer")
        is_page(answer, 400)
        assert "Location" not in answer.headers


@pytest.mark.parametrize("changes,name", [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code token"}, "unsupported_response_type"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge_method": "S512"}, "invalid_request")])
def test_errors_for_the_client(env, account, browser, client, changes, name):
    for signed_in in (0, 1):
        if signed_in:
            browser.sign_in(account)
        answer = browser.get(client.address(**changes))
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("http://localhost:12345?")
        query = query_of(answer.headers["Location"])
        assert query["error"] == name and query["state"] == client.state


def test_consent_needs_the_token_of_the_form(env, account, browser, client):
    browser.sign_in(account)
    page = browser.get(client.address())
    fields = {**forms(page.text)[0]["fields"], "answer": "allow"}
    token = next(name for name in fields if name not in client.query() and name != "answer")
    for value in (None, "", "x" * 43):
        sent = {**fields, token: value}
        if value is None:
            del sent[token]
        answer = browser.post(AUTHORIZE, sent)
        assert answer.status_code == 403, value
        assert "Location" not in answer.headers
    other = Browser(env)
    other.sign_in(env.account())
    assert other.post(AUTHORIZE, fields).status_code == 403
    other.close()
    assert browser.post(AUTHORIZE, fields).status_code == 303


def test_consent_needs_a_session(env, account, client):
    answer = env.http("POST", AUTHORIZE, data={**client.query(), "answer": "allow"})
    assert answer.status_code == 303
    assert "index.php/login" in answer.headers["Location"]
    # neither Basic nor a token is a session
    client.log_in(account)
    for kwargs in ({"headers": client.bearer}, {"auth": account.auth}):
        answer = env.http("GET", client.address(), **kwargs)
        assert answer.status_code == 303, answer.text
        assert "index.php/login" in answer.headers["Location"]


def test_other_user(env, account, browser, client):
    other = env.account()
    browser.sign_in(account)
    is_page(browser.get(client.address(user=account.id.upper())), 200)
    page = browser.get(client.address(user=other.id))
    is_page(page, 200)
    assert other.id in page.text and account.id in page.text
    assert not any("answer" in form["fields"] for form in forms(page.text))
    answer = browser.submit(page, having="client_id")
    assert answer.status_code == 303, answer.text
    location = answer.headers["Location"]
    assert location.startswith(f"{env.base}{AUTHORIZE}?")
    assert query_of(location)["user"] == other.id
    answer = browser.get(env.origin + location)
    assert answer.status_code == 303 and "index.php/login" in answer.headers["Location"]
    code = client.authorize(other, browser, user=other.id)
    assert client.exchange(code).json()["user_id"] == other.id


def test_logout_needs_the_form(env, account, browser, client):
    browser.sign_in(account)
    page = browser.get(f"{LOGOUT}?client_id=x&redirect_uri=http://evil.example")
    is_page(page, 200)
    assert browser.post(LOGOUT, {}).status_code == 403
    assert browser.get(PERSONAL).status_code == 200
    answer = browser.submit(page, having="client_id")
    assert answer.headers["Location"].startswith(f"{env.base}{AUTHORIZE}?")
    assert browser.get(PERSONAL).status_code == 303


def test_where_apache_authenticates(env, account):
    client = OAuthClient(env)
    env.config(f"""<Location "/{AUTHORIZE}">
    AuthType Basic
    AuthName "ownCloud"
    AuthBasicProvider cloud
    Require valid-user
</Location>""")
    try:
        browser = Browser(env)
        assert browser.get(client.address()).status_code == 401
        browser.session.auth = account.auth
        page = browser.get(client.address())
        is_page(page, 200)
        assert "somebody else" not in page.text
        answer = browser.submit(page, {"answer": "allow"}, having="answer")
        assert answer.status_code == 303
        code = query_of(answer.headers["Location"])["code"]
        browser.close()
        assert client.exchange(code).status_code == 200
    finally:
        env.config()
    assert client.get().status_code == 207


def test_methods(env):
    for path in (AUTHORIZE, LOGOUT, f"{BASE}/authorization-successful"):
        answer = env.http("DELETE", path)
        assert answer.status_code == 405, path
        assert "GET" in answer.headers["Allow"].split(","), path
    for path in (TOKEN, REVOKE):
        answer = env.http("GET", path)
        assert answer.status_code == 405
        for given in (answer, env.http("OPTIONS", path)):
            methods = {word.strip() for word in given.headers["Allow"].split(",")}
            assert "POST" in methods and not methods & {"GET", "PUT"}, path
    for path in (BASE, f"{BASE}/", f"{BASE}/nothing", f"{TOKEN}/x"):
        assert env.http("GET", path).status_code == 404, path


def test_page_of_the_account(env, account, browser):
    first, second = OAuthClient(env).log_in(account), OAuthClient(env, ANDROID,
                                                              "oc://android.owncloud.com")
    second.log_in(account)
    browser.sign_in(account)
    page = browser.get(PERSONAL)
    assert "Desktop Client" in page.text and "Android" in page.text
    families = [form for form in forms(page.text) if "family" in form["fields"]]
    assert len(families) == 2
    other = Browser(env)
    other.sign_in(env.account())
    mine = other.get(PERSONAL)
    assert "Android" not in mine.text
    other.close()
    answer = browser.submit(page, having=f"family={families[0]['fields']['family']}")
    assert answer.status_code in (200, 303), answer.text
    assert sorted(client.get().status_code for client in (first, second)) == [207, 401]


# ---- clients of one's own ----

def test_own_client(env, account):
    made = add_client(env, "Reader", "https://reader.example/cb")
    client = OAuthClient(env, (value(made, "id"), value(made, "secret")), "https://reader.example/cb")
    assert client.secret not in env.cloudctl("oauth2", "client", "list").stdout
    code = client.authorize(account)
    for auth in ("public", (client.id, "wrong"), (client.id, "")):
        refused(client.exchange(code, auth=auth), "invalid_client", 401)
    assert client.exchange(code).status_code == 200
    assert client.get().status_code == 207
    env.cloudctl("oauth2", "client", "remove", "Reader")
    assert client.get().status_code == 401
    refused(client.refresh(), "invalid_client", 401)


def test_public_client(env, account, browser):
    made = add_client(env, "Web", "https://web.example/oidc-callback.html", "--public",
                      "--id", "web-client-of-this-server")
    assert "secret" not in made
    client = OAuthClient(env, ("web-client-of-this-server", ""),
                         "https://web.example/oidc-callback.html")
    code = client.authorize(account, browser)
    assert client.exchange(code, auth="public").status_code == 200
    assert client.refresh(auth="public").status_code == 200
    answer = browser.get(client.address(code_challenge=None, code_challenge_method=None))
    assert query_of(answer.headers["Location"])["error"] == "invalid_request"
    env.cloudctl("oauth2", "client", "remove", "web-client-of-this-server")


def test_trusted_client(env, account, browser):
    made = add_client(env, "Intranet", "https://intranet.example/cb", "--trusted", secret="s" * 40)
    client = OAuthClient(env, (value(made, "id"), "s" * 40), "https://intranet.example/cb")
    answer = browser.get(client.address())
    assert answer.status_code == 303
    login = browser.get(env.origin + answer.headers["Location"])
    assert "form-action 'self' https://intranet.example;" in login.headers["Content-Security-Policy"]
    # nobody else gets in there
    for other in (client.address(redirect_uri="https://evil.example/"),
                  OAuthClient(env).address(), client.address(client_id="nobody"),
                  client.address() + ";x", "x/" + client.address(),
                  client.address().replace("redirect_uri", "redirect-uri")):
        page = browser.get(LOGIN, params={"redirect_url": env.base + other})
        policy = page.headers["Content-Security-Policy"]
        assert ("intranet" in policy) == (";x" in other), other
        assert "evil" not in policy and "localhost" not in policy
    browser.sign_in(account)
    answer = browser.get(client.address())
    assert answer.status_code == 302
    assert client.exchange(query_of(answer.headers["Location"])["code"]).status_code == 200
    env.cloudctl("oauth2", "client", "remove", "Intranet")


def test_cloudctl(env, account):
    def fails(code, *args):
        done = env.cloudctl("oauth2", *args, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stderr

    listed = env.cloudctl("oauth2", "client", "list").stdout
    for name in ("Desktop Client", "Android", "iOS", "http://localhost:*", DESKTOP[0]):
        assert name in listed
    fails(1, "client", "add", "Desktop Client", "https://x.example/")
    fails(1, "client", "add", "X", "nonsense")
    fails(1, "client", "add", "X", "http://localhost:*", "--trusted")
    fails(1, "client", "remove", "nobody")
    fails(1, "client", "restore", "Android")
    fails(2, "client", "add", "X")
    fails(1, "token", "list", "nobody")
    fails(2, "token", "revoke", account.id)
    fails(2, "token", "revoke", account.id, "x")
    fails(1, "token", "revoke", account.id, "12")

    env.cloudctl("oauth2", "client", "remove", "Android")
    assert "removed" in env.cloudctl("oauth2", "client", "list").stdout
    client = OAuthClient(env, ANDROID, "oc://android.owncloud.com")
    is_page(env.http("GET", client.address()), 400)
    env.cloudctl("oauth2", "client", "restore", "Android")
    client.log_in(account)
    number = re.search(r"^(\d+)", env.cloudctl("oauth2", "token", "list", account.id).stdout).group(1)
    env.cloudctl("oauth2", "token", "revoke", account.id, number)
    assert client.get().status_code == 401
