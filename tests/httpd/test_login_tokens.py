"""Passwords for programs: ownCloud's token/generate, Nextcloud's login flow v2."""

import threading

import pytest
import requests

from harness.browser import PERSONAL, Browser, forms
from harness.env import wait_until

GENERATE = "index.php/token/generate"
FLOW = "index.php/login/v2"
POLL = "index.php/login/v2/poll"


@pytest.fixture(name="browser")
def fixture_browser(env):
    made = Browser(env)
    yield made
    made.close()


def opens(account, secret):
    with requests.Session() as session:
        session.auth = (account.id, secret)
        return account.dav("PROPFIND", depth=0, session=session).status_code == 207


# ---- token/generate ----

def test_generate(env, account):
    data = {"user": account.id.upper(), "password": account.password, "name": "my phone"}
    answer = env.http("POST", GENERATE, data=data)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(answer.json()) == ["token"]
    assert opens(account, answer.json()["token"])
    second = env.http("POST", GENERATE, data=data).json()["token"]
    assert second != answer.json()["token"]
    env.http("POST", GENERATE, data={k: v for k, v in data.items() if k != "name"})
    listed = env.cloudctl("app-password", "list", account.id, "--json").stdout
    assert '"my phone"' in listed and '"my phone (2)"' in listed and '"unknown client"' in listed


@pytest.mark.parametrize("data, status", [
    ({}, 422), ({"user": "x"}, 422), ({"password": "x"}, 422),
    ({"user": "nobody-here", "password": "x"}, 401), ({"user": "", "password": ""}, 401),
    ({"user": "nobody-here", "password": "x", "name": ""}, 401),
])
def test_generate_wrong(env, data, status):
    answer = env.http("POST", GENERATE, data=data)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json()["message"]
    assert "Set-Cookie" not in answer.headers


def test_generate_takes_passwords_alone(env, account):
    secret = env.cloudctl("app-password", "create", account.id, "x").stdout.strip()
    good = {"user": account.id, "password": account.password}
    answers = [env.http("POST", GENERATE, data={"user": account.id, "password": word})
               for word in (secret, "wrong")]
    answers.append(env.http("POST", GENERATE, data={"user": "nobody-here", "password": "wrong"}))
    assert {(answer.status_code, answer.text) for answer in answers} == \
        {(401, '{"message":"Username or password was incorrect"}')}
    # a query is in everybody's log
    assert env.http("POST", GENERATE, params=good).status_code == 422
    env.cloudctl("account", "disable", account.id)
    assert env.http("POST", GENERATE, data=good).status_code == 401


def test_generate_is_throttled(env):
    env.config("CloudAuthThrottle 3 60 60")
    try:
        account = env.account()
        codes = [env.http("POST", GENERATE, data={"user": account.id, "password": f"wrong {n}"})
                 .status_code for n in range(4)]
        assert codes == [401, 401, 401, 429]
        good = {"user": account.id, "password": account.password}
        answer = env.http("POST", GENERATE, data=good)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        wait_until(lambda: env.http("POST", GENERATE, data=good).status_code == 200,
                   "the end of the delay")
    finally:
        env.config()


@pytest.mark.parametrize("method, path, status", [
    ("GET", GENERATE, 405), ("PUT", GENERATE, 405), ("GET", FLOW, 405), ("GET", POLL, 405),
    ("PUT", FLOW + "/flow/x", 405), ("GET", FLOW + "/nothing", 404), ("POST", FLOW + "/nothing", 404),
    ("GET", FLOW + "/flow/", 404), ("GET", FLOW + "/flow/x", 404), ("POST", FLOW + "/flow/x", 404),
])
def test_other_requests(env, method, path, status):
    assert env.http(method, path).status_code == status


def test_bad_bodies(env):
    for path in (GENERATE, POLL):
        answer = env.http("POST", path, data=b"[]", headers={"Content-Type": "application/json"})
        assert answer.status_code == 415
        answer = env.http("POST", path, data=b"x" * 70000,
                          headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 413


# ---- login flow v2 ----

def begin(env, agent="Mozilla/5.0 (Linux) mirall/3.7.3"):
    answer = env.http("POST", FLOW, headers={"User-Agent": agent})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    flow = answer.json()
    assert set(flow) == {"poll", "login"} and set(flow["poll"]) == {"token", "endpoint"}
    return flow


def poll(env, flow):
    assert flow["poll"]["endpoint"] == env.url + POLL
    return env.http("POST", POLL, data={"token": flow["poll"]["token"]})


def test_flow(env, account, browser):
    flow = begin(env)
    answer = poll(env, flow)
    assert (answer.status_code, answer.json()) == (404, [])
    assert flow["poll"]["token"] not in flow["login"]
    assert flow["login"].startswith(env.url + FLOW + "/flow/")
    # not signed in: to the login page and back
    answer = browser.get(flow["login"])
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"].lstrip("/"))
    answer = browser.submit(page, {"user": account.id, "password": account.password})
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"].lstrip("/"))
    assert page.status_code == 200
    assert "<strong>Mozilla/5.0 (Linux) mirall/3.7.3</strong>" in page.text
    assert account.id in page.text
    assert poll(env, flow).status_code == 404
    answer = browser.submit(page, {"answer": "allow"})
    assert answer.status_code == 200 and "Allowed" in answer.text
    answer = poll(env, flow)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.json()
    assert data["server"] == env.url.rstrip("/")
    assert data["loginName"] == account.id
    assert opens(account, data["appPassword"])
    # once
    assert poll(env, flow).status_code == 404
    assert browser.submit(page, {"answer": "allow"}).status_code == 409
    assert poll(env, flow).status_code == 404
    assert "mirall" in env.cloudctl("app-password", "list", account.id).stdout


def test_flow_denied(env, account, browser):
    browser.sign_in(account)
    flow = begin(env)
    page = browser.get(flow["login"])
    for answer in ({"answer": "deny"}, {"answer": ""}):
        done = browser.submit(page, answer)
        assert done.status_code == 200 and "Denied" in done.text
    assert poll(env, flow).status_code == 404


def test_flow_needs_the_form(env, account, browser):
    browser.sign_in(account)
    flow = begin(env)
    answer = browser.request("POST", flow["login"], data={"answer": "allow"})
    assert answer.status_code == 403
    page = browser.get(flow["login"])
    token = forms(page.text)[0]["fields"]["requesttoken"]
    # nobody, and somebody else's form
    assert env.http("POST", flow["login"][len(env.url):],
                    data={"answer": "allow", "requesttoken": token}).status_code == 303
    other = Browser(env)
    other.sign_in(env.account())
    assert other.request("POST", flow["login"],
                         data={"answer": "allow", "requesttoken": token}).status_code == 403
    other.close()
    answer = browser.request("POST", flow["login"], data={"answer": "allow", "requesttoken": token},
                             headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert poll(env, flow).status_code == 404


@pytest.mark.parametrize("change", ["disable", "delete"])
def test_flow_ends_with_the_account(env, account, browser, change):
    browser.sign_in(account)
    flow = begin(env)
    browser.submit(browser.get(flow["login"]), {"answer": "allow"})
    env.cloudctl("account", change, account.id, *(["--yes"] if change == "delete" else []))
    assert poll(env, flow).status_code == 404


def test_flow_fetched_by_many_at_once(env, account, browser):
    browser.sign_in(account)
    flow = begin(env)
    browser.submit(browser.get(flow["login"]), {"answer": "allow"})
    answers = []

    def fetch():
        answers.append(requests.post(env.url + POLL, data={"token": flow["poll"]["token"]},
                                     timeout=60).status_code)
    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [404] * 7


@pytest.mark.parametrize("agent, shown", [
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("x" * 300, "x" * 100),
])
def test_flow_odd_programs(env, account, browser, agent, shown):
    browser.sign_in(account)
    page = browser.get(begin(env, agent)["login"])
    assert f"<strong>{shown}</strong>" in page.text


def test_flow_below_a_prefix(env, account):
    env.config(base="/owncloud/")
    browser = Browser(env)
    try:
        browser.sign_in(account)
        flow = begin(env)
        assert flow["login"].startswith(env.url + FLOW)
        browser.submit(browser.get(flow["login"]), {"answer": "allow"})
        assert poll(env, flow).json()["server"] == env.origin + "/owncloud"
    finally:
        browser.close()
        env.config()


def test_an_app_password_is_seen_on_the_page(env, account, browser):
    env.http("POST", GENERATE, data={"user": account.id, "password": account.password,
                                     "name": "<my phone>"})
    browser.sign_in(account)
    assert "&lt;my phone&gt;" in browser.get(PERSONAL).text
