"""Logins by mod_authnz_ldap, as conf.d/cloud-ldap.conf has it, with a real slapd."""

import time

import pytest
import requests

from harness.account import Account
from harness.browser import LOGIN, PERSONAL, Browser
from harness.env import wait_until
from harness.ldap import GROUPS, PEOPLE, Directory
from harness.oauth import OAuthClient

#: Wrong passwords
FAILURES = "AH01617|AH01618|AH01695"


@pytest.fixture(name="ldap", scope="module")
def fixture_ldap(module_env):
    directory = Directory()
    directory.person("alice", "alice's", "Alice A", "alice@example.org")
    directory.person("bert", "bert's", "Bert B")
    directory.group("staff", "alice", "bert")
    directory.group("bosses", "alice")
    module_env.ldap = directory
    module_env.leaks = False
    configure(module_env)
    yield directory
    module_env.leaks = True
    module_env.config()
    directory.close()


def configure(env, more="", ttl=600):
    """A change of the configuration starts httpd anew: mod_ldap has forgotten everything then."""
    env.ldap.configure(env, more, ttl)


def login(env, user, password, path="remote.php/webdav/", method="PROPFIND"):
    return requests.request(method, env.url + path, auth=(user, password), timeout=60,
                            headers={"Depth": "0"}).status_code


def show(env, name):
    return env.cloudctl_json("account", "show", name)


def test_first_login(env, ldap):
    env.expect_log(FAILURES)
    assert login(env, "alice", "wrong") == 401
    assert login(env, "nobody", "alice's") == 401
    assert env.cloudctl("account", "show", "alice", check=False).returncode == 1
    assert login(env, "alice", "alice's") == 207
    account = show(env, "alice")
    assert account["source"] == "ldap"
    assert account["display_name"] == "Alice A"
    assert account["email"] == "alice@example.org"
    assert account["groups"] == ["admin", "staff"]
    assert login(env, "alice", "wrong") == 401
    # Spelled as people spell
    assert login(env, "ALICE", "alice's") == 207


def test_somebody_else_may_be_admin_tomorrow(env, ldap):
    configure(env)
    assert login(env, "alice", "alice's") == 207
    assert login(env, "bert", "bert's") == 207
    assert show(env, "bert")["groups"] == ["staff"]
    ldap.member("bosses", "bert")
    ldap.member("bosses", "alice", out=True)
    ldap.replace("bert", "cn", "Bert the Boss")
    configure(env, "# a restart")
    assert login(env, "alice", "alice's") == 207
    assert login(env, "bert", "bert's") == 207
    assert show(env, "alice")["groups"] == ["staff"]
    account = show(env, "bert")
    assert (account["groups"], account["display_name"]) == (["admin", "staff"], "Bert the Boss")


def test_changes_are_seen_without_a_restart(env, ldap):
    ldap.person("carla", "carla's", "Carla")
    configure(env, ttl=1)
    assert login(env, "carla", "carla's") == 207
    ldap.replace("carla", "cn", "Carla C")
    ldap.group("late", "carla")

    def seen():
        assert login(env, "carla", "carla's") == 207
        account = show(env, "carla")
        return (account["display_name"], account["groups"]) == ("Carla C", ["late"])

    wait_until(seen, "the new name", 30)


def test_a_cached_login_asks_nobody(env, ldap):
    configure(env)
    someone = Account(env, "alice", "alice's")
    env.accounts.append(someone)
    assert someone.propfind("").first
    begin = time.perf_counter()
    ldap.stop()
    try:
        for _ in range(10):
            assert login(env, "alice", "alice's") == 207
    finally:
        ldap.start()
    assert time.perf_counter() - begin < 30


def test_app_passwords_never_get_to_the_directory(env, ldap):
    configure(env)
    env.expect_log(FAILURES)
    assert login(env, "alice", "alice's") == 207
    secret = env.cloudctl("app-password", "create", "alice", "phone").stdout.strip()
    ldap.stop()
    try:
        assert login(env, "alice", secret) == 207
        env.cloudctl("app-password", "revoke", "alice", "phone")
        assert login(env, "alice", secret) == 401
        local = env.account()
        assert login(env, local.id, local.password) == 207
        assert login(env, local.id, "wrong") == 401
    finally:
        ldap.start()


def test_a_directory_that_is_down(env, ldap):
    configure(env, "# a restart")
    env.expect_log(".")
    ldap.stop()
    try:
        assert login(env, "bert", "bert's") >= 500
    finally:
        ldap.start()
    wait_until(lambda: login(env, "bert", "bert's") == 207, "the directory", 30)


def test_a_disabled_account_is_out_at_once(env, ldap):
    configure(env)
    assert login(env, "bert", "bert's") == 207
    env.cloudctl("account", "disable", "bert")
    for _ in range(6):
        assert login(env, "bert", "bert's") == 403
        assert login(env, "bert", "bert's", "ocs/v2.php/cloud/user", "GET") == 403
    env.cloudctl("account", "enable", "bert")
    assert login(env, "bert", "bert's") == 207


def test_require_ldap_group(env, ldap):
    ldap.person("dan", "dan's")
    ldap.group("cloud", "bert")
    configure(env, f"""<RequireAny>
        Require method OPTIONS
        Require ldap-group cn=cloud,{GROUPS}
    </RequireAny>""")
    env.expect_log("AH01631|AH01732|AH01733|AH01734|AH01720|AH01721|AH01722|AH01723")
    assert login(env, "bert", "bert's") == 207
    assert login(env, "dan", "dan's") in (401, 403)
    assert env.cloudctl("account", "show", "dan", check=False).returncode == 1


# ---- the login page ----

def signed_in(env, user, password):
    """Whether the form of the login page takes somebody, and whose page comes then."""
    browser = Browser(env)
    try:
        page = browser.get(LOGIN)
        answer = browser.submit(page, {"user": user, "password": password})
        if answer.status_code != 303:
            return answer.status_code
        return browser.get(PERSONAL).text
    finally:
        browser.close()


def test_the_login_page(env, ldap):
    ldap.person("erna", "erna's", "Erna E")
    configure(env, "# a restart")
    assert signed_in(env, "erna", "wrong") == 403
    assert env.cloudctl("account", "show", "erna", check=False).returncode == 1
    assert "Erna E" in signed_in(env, "erna", "erna's")
    assert show(env, "erna")["source"] == "ldap"
    # App passwords open no pages, with or without a directory
    secret = env.cloudctl("app-password", "create", "erna", "phone").stdout.strip()
    assert signed_in(env, "erna", secret) == 403
    local = env.account()
    assert local.id in signed_in(env, local.id, local.password)
    assert signed_in(env, local.id, "wrong") == 403
    env.cloudctl("account", "disable", "erna")
    assert signed_in(env, "erna", "erna's") == 403
    env.cloudctl("account", "enable", "erna")
    assert "Erna E" in signed_in(env, "erna", "erna's")


def test_tokens_for_somebody_of_the_directory(env, ldap):
    """OAuth 2.0 of this server, with the directory's password on its page."""
    ldap.person("gerd", "gerd's", "Gerd")
    configure(env)
    client = OAuthClient(env).log_in(Account(env, "gerd", "gerd's"))
    assert client.get("remote.php/dav/files/gerd/").status_code == 207
    env.cloudctl("account", "disable", "gerd")
    assert client.get("remote.php/dav/files/gerd/").status_code == 401


def test_guesses_at_the_login_page(env, ldap):
    ldap.person("fritz", "fritz's")
    configure(env, "CloudAuthThrottle 3 60 60")
    codes = [signed_in(env, "fritz", f"guess {n}") for n in range(2)]
    assert codes == [403, 403]
    assert "fritz" in signed_in(env, "fritz", "fritz's")
    codes = [signed_in(env, "fritz", f"another {n}") for n in range(4)]
    assert codes == [403, 403, 403, 429]


# ---- cloudctl user sync ----

def sync(env, ldap, *options, search=(), check=True):
    return env.cloudctl("--json", "user", "sync", "--source", "ldap", *options, "--",
                        *ldap.search(*search), check=check)


def test_user_sync(env, ldap):
    for n in range(12):
        ldap.person(f"many{n}", "secret", f"Many {n}", f"many{n}@example.org")
    local = env.account()
    env.cloudctl("account", "add", "handmade", "--no-password")
    done = env.cloudctl("user", "sync", "--source", "ldap", "--create", "--dry-run", "--",
                        *ldap.search()).stdout
    assert "would be created many3" in done
    assert env.cloudctl("account", "show", "many3", check=False).returncode == 1

    assert "many3" in sync(env, ldap, "--create").stdout
    account = show(env, "many3")
    assert (account["display_name"], account["email"], account["source"]) == \
        ("Many 3", "many3@example.org", "ldap")
    configure(env, "# a restart")
    assert login(env, "many3", "secret") == 207
    secret = env.cloudctl("app-password", "create", "many3", "phone").stdout.strip()

    env.expect_log(FAILURES)
    # One is gone: he is disabled, app password and all, and nobody else
    ldap.delete(ldap.dn("many3"))
    assert '"many3"' in sync(env, ldap, "--dry-run").stdout
    assert login(env, "many3", secret) == 207
    done = env.cloudctl("user", "sync", "--source", "ldap", "--", *ldap.search()).stdout
    assert done.startswith("disabled many3\n")
    assert login(env, "many3", secret) == 401
    assert show(env, "many4")["enabled"]
    assert show(env, local.id)["enabled"]
    assert show(env, "handmade")["enabled"]
    # Again: nothing is left to do
    assert "disabled" not in env.cloudctl("user", "sync", "--source", "ldap", "--",
                                          *ldap.search()).stdout

    # He is back; whom the admin disabled stays so
    ldap.person("many3", "secret", "Many Three", "many3@example.org")
    env.cloudctl("account", "disable", "many5")
    sync(env, ldap)
    assert not show(env, "many3")["enabled"]
    sync(env, ldap, "--re-enable", "--update")
    account = show(env, "many3")
    assert (account["enabled"], account["display_name"]) == (True, "Many Three")
    assert not show(env, "many5")["enabled"]
    assert login(env, "many3", secret) == 207

    # A search that is cut off or fails says nothing of anybody
    before = {a["id"]: a["enabled"] for a in env.cloudctl_json("account", "list")}
    for search in (("-z", "3", "-E", "!pr=500"), ("-b", "ou=nowhere," + PEOPLE), ("-H", "ldap://127.0.0.1:1")):
        failed = sync(env, ldap, "--yes", search=search, check=False)
        assert failed.returncode == 1, search
        assert "failed" in failed.stderr
    for command, complaint in ((("sh", "-c", "echo dn: x; echo nonsense; yes"), "is not LDIF"),
                               (("sh", "-c", "echo alice; exit 3"), "exit status 3"),
                               (("sh", "-c", "kill -9 $$"), "signal 9"),
                               (("no-such-program",), "No such file")):
        failed = env.cloudctl("user", "sync", "--source", "ldap", "--yes", "--", *command,
                              check=False)
        assert (failed.returncode, complaint in failed.stderr) == (1, True), failed.stderr
    # An empty answer, too, and more than a tenth is asked for
    empty = env.cloudctl("user", "sync", "--source", "ldap", "--yes", "--from", "-", input="",
                         check=False)
    assert (empty.returncode, "Nobody is in the list" in empty.stderr) == (1, True)
    few = env.cloudctl("user", "sync", "--source", "ldap", "--from", "-", input="alice\nbert\n",
                       check=False)
    assert (few.returncode, "use --yes" in few.stderr) == (2, True)
    assert before == {a["id"]: a["enabled"] for a in env.cloudctl_json("account", "list")}
    env.cloudctl("user", "sync", "--source", "ldap", "--yes", "--from", "-", input="alice\nbert\n")
    assert not show(env, "many4")["enabled"]
    assert show(env, "alice")["enabled"]
    sync(env, ldap, "--re-enable")
    assert show(env, "many4")["enabled"]
