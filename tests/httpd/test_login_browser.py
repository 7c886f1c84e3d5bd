"""The pages in Chromium: with the keyboard alone, and nothing that their Content-Security-Policy
refuses."""

import contextlib
import http.server
import re
import ssl
import subprocess
import threading

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness import totp
from harness.browser import LOGIN, PERSONAL
from harness.chromium import Page, refused, start_chromium
from harness.oauth import OAuthClient, add_client, query_of, value


@pytest.fixture(name="chromium", scope="module")
def fixture_chromium(tmp_path_factory):
    browser = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.quit()


@pytest.fixture(name="page")
def fixture_page(chromium, env, tmp_path):
    chromium.get(env.url + LOGIN)
    chromium.delete_all_cookies()
    yield Page(chromium, env, tmp_path)
    assert not refused(chromium)


def test_sign_in_with_the_keyboard(page, account):
    page.open(LOGIN)
    page.check("login")
    assert page.focus == "user"  # nothing has to be reached first
    page.keys(account.id, Keys.TAB)
    assert page.focus == "password"
    page.keys("wrong")
    page.leave(Keys.ENTER)
    page.check("wrong")
    assert "The user name or the password is wrong." in page.text
    assert page.focus == "password"
    page.keys(account.password)
    page.leave(Keys.ENTER)
    assert page.title == "Your account"
    page.check("account")
    # a script that got into the page would not run
    assert page.browser.execute_script("""
        let ran = false; window.mark = () => { ran = true; };
        const script = document.createElement('script'); script.textContent = 'mark()';
        document.head.append(script); return ran;""") is False
    assert [entry for entry in page.browser.get_log("browser")
            if "Content Security Policy" in entry["message"]]
    # the cookie is out of reach of scripts
    assert "cloud_session" not in page.browser.execute_script("return document.cookie")


def test_app_password_and_sign_out(page, account):
    page.sign_in(account)
    page.tab_to("name")
    page.keys("my phone")
    page.leave(Keys.ENTER)
    page.check("apppassword")
    assert re.search(r"\b([A-Z2-9]{5}-){3}[A-Z2-9]{5}\b", page.text)
    page.open(PERSONAL)
    row = page.browser.find_element(By.XPATH, "//tr[td='my phone']")
    page.leave(Keys.ENTER, at=row.find_element(By.TAG_NAME, "button"))
    assert "my phone" not in page.text
    button = page.browser.find_elements(By.XPATH, "//button[text()='Sign out']")[-1]
    page.leave(Keys.ENTER, at=button)
    assert page.title == "Sign in"


def test_change_of_the_password_with_the_keyboard(page, env, account):
    env.expect_log("wrong current password")
    page.sign_in(account)
    page.tab_to("current")
    page.keys("wrong", Keys.TAB, "a new one", Keys.TAB, "a new one")
    page.leave(Keys.ENTER)
    page.check("wrong")
    assert "The current password is wrong" in page.text
    page.tab_to("current")
    page.keys(account.password, Keys.TAB)
    assert page.focus == "new"
    page.keys("a new one", Keys.TAB, "a new one")
    page.leave(Keys.ENTER)
    page.check("changed")
    assert "The password is changed." in page.text
    page.open(PERSONAL)
    assert page.title == "Your account"
    page.browser.delete_all_cookies()
    account.password = "a new one"
    page.sign_in(account)
    assert page.title == "Your account"


def test_second_factor_with_the_keyboard(page, account):
    page.sign_in(account)
    button = page.browser.find_element(By.XPATH, "//button[text()='Set up a second factor']")
    page.leave(Keys.ENTER, at=button)
    page.check("setup")
    picture = page.browser.find_element(By.CSS_SELECTOR, "svg.qr")
    assert picture.size["width"] >= 150 and picture.size["width"] == picture.size["height"]
    secret = page.browser.find_element(By.ID, "totp-secret").text
    page.tab_to("code")
    page.keys(totp.code(secret, -1))
    page.leave(Keys.ENTER)
    page.check("codes")
    codes = [code.text for code in page.browser.find_elements(By.CSS_SELECTOR, "#backup-codes code")]
    assert len(codes) == 10
    page.browser.delete_all_cookies()
    page.sign_in(account)
    assert page.title == "Second factor"
    page.check("challenge")
    assert page.focus == "code"
    page.keys(totp.code(secret))
    page.leave(Keys.ENTER)
    assert page.title == "Your account"


def test_login_flow(page, env, account):
    flow = env.http("POST", LOGIN + "/v2", headers={"User-Agent": "Test program"}).json()
    page.browser.get(flow["login"])
    page.keys(account.id, Keys.TAB, account.password)
    page.leave(Keys.ENTER)
    page.check("grant")
    assert "Test program" in page.text
    page.tab_to("answer")
    page.leave(Keys.ENTER)
    page.check("granted")
    assert page.title == "Allowed"
    answer = env.http("POST", LOGIN + "/v2/poll", data={"token": flow["poll"]["token"]})
    assert answer.json()["loginName"] == account.id


class Program(http.server.BaseHTTPRequestHandler):
    """What gets the code, and sends the browser to the page that says so."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", self.server.then)
        self.end_headers()

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def listening(env, certificate=None):
    with http.server.HTTPServer(("127.0.0.1", 0), Program) as listener:
        listener.asked = []
        listener.then = env.url + "index.php/apps/oauth2/authorization-successful"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield listener
        listener.shutdown()


def code_of(listener):
    return next(query_of(path)["code"] for path in listener.asked if "code=" in path)


def test_authorize_with_the_keyboard(page, env, account):
    """The redirect to a program on the same machine is one that the page's policy allows."""
    with listening(env) as listener:
        client = OAuthClient(env, redirect=f"http://localhost:{listener.server_port}")
        page.open(client.address())
        page.tab_to("user")
        page.keys(account.id, Keys.TAB, account.password)
        page.leave(Keys.ENTER)
        assert page.title == "Access to your files"
        assert page.focus == "answer"
        page.leave(Keys.ENTER)
    assert page.title == "Authorized"
    assert client.exchange(code_of(listener)).status_code == 200


@pytest.mark.parametrize("second", (False, True), ids=("password", "two factors"))
def test_a_trusted_client(page, env, account, tmp_path, second):
    """No page stands between the login form and the program: the form's own policy lets it through."""
    pem = tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-keyout", pem, "-out", tmp_path / "cert"], check=True,
                   capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert").read_text())
    secret = None
    if second:
        page.sign_in(account)
        button = page.browser.find_element(By.XPATH, "//button[text()='Set up a second factor']")
        page.leave(Keys.ENTER, at=button)
        secret = page.browser.find_element(By.ID, "totp-secret").text
        page.tab_to("code")
        page.keys(totp.code(secret, -1))
        page.leave(Keys.ENTER)
        page.browser.delete_all_cookies()
    with listening(env, pem) as listener:
        redirect = f"https://localhost:{listener.server_port}/cb"
        made = add_client(env, f"trusted {second}", redirect, "--trusted")
        client = OAuthClient(env, (value(made, "id"), value(made, "secret")), redirect)
        page.open(client.address())
        page.tab_to("user")
        page.keys(account.id, Keys.TAB, account.password)
        page.leave(Keys.ENTER)
        if second:
            assert page.focus == "code"
            page.keys(totp.code(secret))
            page.leave(Keys.ENTER)
        assert page.title == "Authorized"
    assert client.exchange(code_of(listener)).status_code == 200
    env.cloudctl("oauth2", "client", "remove", f"trusted {second}")
