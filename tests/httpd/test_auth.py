"""Logging in: passwords, app passwords, the cache, the throttle, other providers."""

import itertools
import re
import statistics
import threading
import time

import pytest
import requests

from harness.dav import error
from harness.env import wait_until

AUTH_FAILURE = "AH01617|AH01618"


def login(env, user, password, path="remote.php/webdav/", method="PROPFIND", **kwargs):
    """A request of its own connection, so that any process may get it."""
    if isinstance(user, str):
        user = user.encode()
    if isinstance(password, str):
        password = password.encode()
    return requests.request(method, env.url + path, auth=(user, password), timeout=60,
                            headers={"Depth": "0"}, **kwargs)


def app_password(env, account, name="phone"):
    text = env.cloudctl("app-password", "create", account.id, name).stdout
    return re.search(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){3}", text).group(0)


@pytest.fixture(name="fails", autouse=True)
def fixture_fails(env):
    env.expect_log(AUTH_FAILURE)


# ---- who gets in ----

def test_right_and_wrong(env, account):
    assert login(env, account.id, account.password).status_code == 207
    answer = login(env, account.id, "wrong")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="ownCloud", charset="UTF-8"'
    assert error(answer) == ("Sabre\\DAV\\Exception\\NotAuthenticated",
                             "Username or password was incorrect")


def test_no_password_at_all(env):
    for path in ("remote.php/webdav/", "remote.php/dav/files/", "remote.php/dav/files"):
        answer = env.http("PROPFIND", path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].lower().startswith("basic")
        assert "bearer" not in answer.headers["WWW-Authenticate"].lower()
        assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotAuthenticated"


def test_a_script_does_not_make_the_browser_ask(env):
    answer = env.http("PROPFIND", "remote.php/webdav/",
                      headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("DummyBasic ")


def test_odd_credentials(env, account):
    for user, password in (("", ""), ("", "x"), (account.id, ""), (b"\xff\xfe", b"x"),
                           (account.id, "x" * 5000), ("x" * 5000, "x"), (account.id, b"\xff"),
                           (account.id + " ", account.password), ("../" + account.id, "x")):
        assert login(env, user, password).status_code == 401, (user, password)
    raw = f"PROPFIND {account.path()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    for header in ("Basic", "Basic !!!!", "Basic " + "A" * 7000, "Bearer x", "Nonsense"):
        answer = env.raw((raw + f"Authorization: {header}\r\n\r\n").encode())
        assert b" 401 " in answer.split(b"\r\n")[0], header
    env.expect_log("AH01614|AH01616")


def test_case_of_the_name_does_not_count_and_unicode_works(env):
    account = env.account("Zoë", "pässwörd €")
    assert login(env, "Zoë", account.password).status_code == 207
    assert login(env, "zOË", account.password).status_code == 207
    assert login(env, "Zoe", account.password).status_code == 401


def test_options_need_no_login(env):
    for path in ("remote.php/webdav/", "remote.php/dav/files/x/", "remote.php/dav/"):
        assert env.http("OPTIONS", path).status_code == 200, path


def test_nobody_gets_in_where_the_operator_asks_for_no_login(env, account):
    account.put("x", b"x")
    env.config("""<Location "/remote.php">
    Require all granted
</Location>
<Location "/ocs">
    Require all granted
</Location>""")
    for method, path in (("PROPFIND", "remote.php/webdav/"), ("GET", "remote.php/webdav/x"),
                         ("PUT", "remote.php/webdav/y"), ("DELETE", "remote.php/webdav/x"),
                         ("PROPFIND", account.path()[1:]), ("GET", "ocs/v2.php/cloud/user"),
                         ("GET", "ocs/v1.php/cloud/capabilities")):
        answer = env.http(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    env.config()
    assert account.get("x").content == b"x"


# ---- app passwords ----

def test_app_password(env, account):
    secret = app_password(env, account)
    assert login(env, account.id, secret).status_code == 207
    assert login(env, account.id, account.password).status_code == 207
    assert login(env, env.account().id, secret).status_code == 401
    listed = env.cloudctl("app-password", "list", account.id).stdout
    assert "phone" in listed
    assert secret not in listed
    env.cloudctl("app-password", "revoke", account.id, "phone")
    for _ in range(8):
        assert login(env, account.id, secret).status_code == 401


def test_account_without_password(env):
    account = env.account()
    secret = app_password(env, account)
    env.cloudctl("account", "passwd", account.id, "--no-password")
    assert login(env, account.id, account.password).status_code == 401
    assert login(env, account.id, secret).status_code == 207


# ---- changes count at once, in all processes ----

def test_changed_password(env, account):
    for _ in range(8):
        assert login(env, account.id, account.password).status_code == 207
    env.cloudctl("account", "passwd", account.id, "--password-stdin", input="another one\n")
    for _ in range(12):
        assert login(env, account.id, account.password).status_code == 401
    for _ in range(12):
        assert login(env, account.id, "another one").status_code == 207
    env.cloudctl("account", "passwd", account.id, "--password-stdin",
                 input=account.password + "\n")
    for _ in range(12):
        assert login(env, account.id, account.password).status_code == 207


def test_disabled_and_deleted(env, account):
    secret = app_password(env, account)
    for wanted in (207, 207):
        assert login(env, account.id, account.password).status_code == wanted
    env.cloudctl("account", "disable", account.id)
    for _ in range(8):
        assert login(env, account.id, account.password).status_code == 401
        assert login(env, account.id, secret).status_code == 401
    env.cloudctl("account", "enable", account.id)
    for _ in range(8):
        assert login(env, account.id, account.password).status_code == 207
    env.cloudctl("account", "delete", account.id, "--yes")
    for _ in range(8):
        assert login(env, account.id, account.password).status_code == 401
        assert login(env, account.id, secret).status_code == 401


@pytest.mark.parametrize("end", [("disable",), ("delete", "--yes")], ids=lambda end: end[0])
def test_what_is_under_way_when_the_account_ends_is_refused(env, end):
    account = env.account()

    def body():
        yield b"x" * 100_000
        wait_until(lambda: env.dav("PROPFIND", "", account).status_code == 207, "the login")
        env.cloudctl("account", end[0], account.id, *end[1:])
        yield b"y" * 100_000

    account.put("old", b"1")
    answer = account.dav("PUT", "new", data=body())
    account.close()
    assert answer.status_code == 401, answer.text
    if end[0] == "disable":
        env.cloudctl("account", "enable", account.id)
        assert account.get("old").content == b"1"
        assert account.get("new").status_code == 404


# ---- the cache ----

def cpu(env):
    """Seconds of CPU time of all children."""
    total = 0
    for pid in env.children():
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / 100
    return total


def test_the_slow_hash_is_paid_once(env, account):
    if env.sanitized:
        pytest.skip("times mean nothing under a sanitizer")
    env.cloudctl("config", "set", "system", "hashingCost", "12")
    try:
        slow = env.account()
        before = cpu(env)
        assert login(env, slow.id, slow.password).status_code == 207
        first = cpu(env) - before
        before = cpu(env)
        for _ in range(50):
            assert login(env, slow.id, slow.password).status_code == 207
        assert cpu(env) - before < 50 * first / 5
        # Not remembered: the same costs a hash each time
        env.config("CloudAuthCacheTTL 0")
        before = cpu(env)
        for _ in range(5):
            assert login(env, slow.id, slow.password).status_code == 207
        assert cpu(env) - before > 5 * first / 3
    finally:
        env.cloudctl("config", "delete", "system", "hashingCost")
        env.config()


def test_cache_expires(env, account):
    env.config("CloudAuthCacheTTL 1")
    assert login(env, account.id, account.password).status_code == 207
    before = cpu(env)
    time.sleep(1.1)  # what is tested is that time passes
    assert login(env, account.id, account.password).status_code == 207
    assert cpu(env) >= before
    env.config()


def test_wrong_passwords_leave_threads_for_others(env, account):
    """A storm of names and passwords that nobody has: some are told to come again, and who is known
    is served."""
    env.config("CloudAuthHashes 1")
    env.cloudctl("config", "set", "system", "hashingCost", "13")
    answers = []
    everybody = threading.Barrier(25)

    def guess(n):
        everybody.wait()
        answers.append(login(env, f"nobody{n}", "wrong"))

    try:
        known = env.account()
        assert login(env, known.id, known.password).status_code == 207
        threads = [threading.Thread(target=guess, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        everybody.wait()
        wait_until(lambda: any(a.status_code == 503 for a in answers), "a refusal")
        assert login(env, known.id, known.password).status_code == 207
        for thread in threads:
            thread.join()
        assert {a.status_code for a in answers} == {401, 503}
        for answer in answers:
            assert (answer.headers.get("Retry-After") == "3") == (answer.status_code == 503)
    finally:
        env.cloudctl("config", "delete", "system", "hashingCost")
        env.config()


# ---- the throttle ----

def test_the_desktop_repeats_a_wrong_password(env, account):
    """It sends it six times, and then the person types the right one."""
    for wrong in ("wrong one", "wrong two", "wrong three"):
        for _ in range(6):
            assert login(env, account.id, wrong).status_code == 401
    assert login(env, account.id, account.password).status_code == 207


def test_guessing_is_slowed_down(env, account):
    secret = app_password(env, account)
    codes = [login(env, account.id, f"guess {n}").status_code for n in range(14)]
    assert codes[:9] == [401] * 9
    assert 429 in codes[9:]
    guesses = itertools.count(100)

    def guess():
        answer = login(env, account.id, f"guess {next(guesses)}")
        return [answer] if answer.status_code == 429 else []  # an answer of 429 itself is false
    answer, = wait_until(guess, "a refusal")
    assert int(answer.headers["Retry-After"]) >= 1
    # the right password is no way round it: that would tell a guesser which one it is
    refused = login(env, account.id, account.password)
    assert refused.status_code == 429
    assert refused.content == answer.content
    # an app password always works
    assert login(env, account.id, secret).status_code == 207
    # somebody else is not touched
    other = env.account()
    assert login(env, other.id, other.password).status_code == 207
    # and it ends
    wait_until(lambda: login(env, account.id, account.password).status_code == 207,
               "the end of the delay")


def test_names_that_are_no_account_look_the_same(env, account):
    codes = {}
    for name in (account.id, "nobody-here"):
        codes[name] = [login(env, name, f"guess {n}").status_code for n in range(9)]
    assert codes[account.id] == codes["nobody-here"] == [401] * 9
    one, two = (login(env, name, "guess 1") for name in (account.id, "nobody-here"))
    assert one.content == two.content
    assert {k: v for k, v in one.headers.items() if k != "Date"} == \
        {k: v for k, v in two.headers.items() if k != "Date"}


def test_time_does_not_tell_who_exists(env):
    if env.sanitized:
        pytest.skip("times mean nothing under a sanitizer")
    times = {"known": [], "unknown": []}
    for n in range(7):
        account = env.account()
        for kind, name in (("known", account.id), ("unknown", f"nobody{n}")):
            begin = time.perf_counter()
            assert login(env, name, "wrong").status_code == 401
            times[kind].append(time.perf_counter() - begin)
    known, unknown = (statistics.median(times[kind]) for kind in ("known", "unknown"))
    assert 0.5 < known / unknown < 2, times


def test_throttle_off(env, account):
    env.config("CloudAuthThrottle off")
    assert {login(env, account.id, f"guess {n}").status_code for n in range(15)} == {401}
    env.config()


def test_throttle_directive(env, account):
    env.config("CloudAuthThrottle 3 60 60")
    codes = [login(env, account.id, f"guess {n}").status_code for n in range(4)]
    assert codes == [401, 401, 401, 429]
    env.config()


def test_memory_survives_a_graceful_restart(env, account):
    """Failures are not forgotten, and nobody's password is hashed anew."""
    env.config("CloudAuthThrottle 3 60 60")
    assert login(env, account.id, account.password).status_code == 207
    guesses = itertools.count()
    wait_until(lambda: int(login(env, account.id, f"guess {next(guesses)}")
                           .headers.get("Retry-After", 0)) >= 15, "a long delay")
    env.restart(graceful=True)
    for _ in range(6):
        assert login(env, account.id, account.password).status_code == 429
    # Another size: a new memory
    env.conf.write_text(env.conf.read_text() + "\nCloudAuthCacheSize 1000\n")
    env.restart(graceful=True)
    wait_until(lambda: {login(env, account.id, account.password).status_code
                        for _ in range(6)} == {207}, "the new memory in all processes")
    env._write_config()
    env.config()


def test_throttle_is_per_network(env, account):
    env.config("RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1",
               modules=("remoteip",))
    def from_(address, password):
        return requests.request("PROPFIND", env.url + "remote.php/webdav/", timeout=60,
                                auth=(account.id, password),
                                headers={"X-Forwarded-For": address, "Depth": "0"}).status_code
    codes = [from_(f"203.0.113.{n}", f"guess {n}") for n in range(12)]
    assert 429 in codes
    assert from_("203.0.113.200", account.password) == 429
    assert from_("198.51.100.7", account.password) == 207
    assert from_("2001:db8::1", account.password) == 207
    codes = [from_(f"2001:db8:0:1::{n:x}", f"guess {n}") for n in range(12)]
    assert 429 in codes
    assert from_("2001:db8:0:2::1", account.password) == 207
    env.config()


def test_many_at_once(env, account):
    env.config("CloudAuthHashes 9")  # by default some might be told to come again: all are new at first
    codes = []

    def run(password):
        for _ in range(5):
            codes.append(login(env, account.id, password).status_code)

    threads = [threading.Thread(target=run, args=(account.password,)) for _ in range(6)]
    threads += [threading.Thread(target=run, args=("stale",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    env.config()
    assert (codes.count(207), codes.count(401)) == (30, 15)


# ---- other providers ----

#: "secret", SHA1 as htpasswd -s writes it
SECRET = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="


@pytest.fixture(name="htpasswd")
def fixture_htpasswd(env):
    path = env.home / "htpasswd"
    path.write_text("".join(f"{name}:{SECRET}\n" for name in ("carol", "Dave", "bad\\name")))
    return path


def other_provider(path, more=""):
    return f"""<Location "/remote.php">
    AuthBasicProvider file
    AuthUserFile "{path}"
    {more}
</Location>
<Location "/ocs">
    AuthBasicProvider file
    AuthUserFile "{path}"
    {more}
</Location>"""


def test_another_provider_and_no_account(env, htpasswd):
    env.config(other_provider(htpasswd))
    answer = login(env, "carol", "secret")
    assert answer.status_code == 403
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\Forbidden"
    assert login(env, "carol", "wrong").status_code == 401
    env.config()


def test_first_login_creates_the_account(env, htpasswd):
    env.config(other_provider(htpasswd, "CloudAccountAutoCreate on"))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        login(env, "Dave", "secret").status_code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [207] * 6
    answer = login(env, "Dave", "secret", "ocs/v2.php/cloud/user?format=json", "GET")
    assert answer.json()["ocs"]["data"]["id"] == "Dave"
    # out at once, although the other provider goes on letting them in
    env.cloudctl("account", "disable", "dave")
    assert login(env, "Dave", "secret").status_code == 403
    assert login(env, "Dave", "secret", "ocs/v2.php/cloud/user", "GET").status_code == 403
    env.cloudctl("account", "enable", "dave")
    assert login(env, "Dave", "secret").status_code == 207
    # a name that can't be an account
    assert login(env, "bad\\name", "secret").status_code == 403
    env.config()


def set_password(env, name, secret, word):
    """The statuscode of OCS."""
    answer = requests.put(f"{env.url}ocs/v1.php/cloud/users/{name}", auth=(name, secret), timeout=60,
                          params={"format": "json"}, data={"key": "password", "value": word})
    return answer.json()["ocs"]["meta"]["statuscode"]


def test_own_password_by_whom_it_was_shown_alone(env, account):
    """What opens some things must not become what opens everything."""
    assert set_password(env, account.id, app_password(env, account), "stolen") == 997
    assert login(env, account.id, "stolen").status_code == 401
    assert login(env, account.id, account.password).status_code == 207
    assert set_password(env, account.id, account.password, "changed") == 100
    assert login(env, account.id, "changed").status_code == 207


@pytest.mark.parametrize("local", (True, False))
def test_own_password_by_whom_another_provider_lets_in(env, htpasswd, account, local):
    with htpasswd.open("a") as out:
        out.write(f"{account.id}:{SECRET}\n")
    if not local:
        env.cloudctl("account", "passwd", account.id, "--no-password")
    env.config(other_provider(htpasswd, "CloudAccountAutoCreate on"))
    assert login(env, account.id, "secret").status_code == 207
    assert set_password(env, account.id, "secret", "stolen") == 997
    env.config()
    assert login(env, account.id, "stolen").status_code == 401


def test_cloud_and_another_provider_together(env, htpasswd, account):
    both = other_provider(htpasswd, "CloudAccountAutoCreate on").replace("Provider file",
                                                                        "Provider cloud file")
    env.config(both)
    assert login(env, account.id, account.password).status_code == 207
    assert login(env, "carol", "secret").status_code == 207
    for _ in range(12):
        assert login(env, "carol", "secret").status_code == 207
    carol = type(account)(env, "carol", "secret")
    assert login(env, "carol", app_password(env, carol)).status_code == 207
    assert login(env, account.id, "secret").status_code == 401
    env.config()


def test_cloud_accounts_for_another_place_of_the_host(env, account):
    (env.home / "htdocs/private").mkdir(exist_ok=True)
    (env.home / "htdocs/private/x.txt").write_text("private")
    env.config("""<Location "/private">
    AuthType Basic
    AuthName "x"
    AuthBasicProvider cloud
    Require valid-user
</Location>""")
    assert login(env, account.id, account.password, "private/x.txt", "GET").text == "private"
    assert login(env, account.id, "wrong", "private/x.txt", "GET").status_code == 401
    codes = [login(env, account.id, f"guess {n}", "private/x.txt", "GET").status_code
             for n in range(14)]
    assert 429 in codes
    env.config()


def test_require_user_sees_the_canonical_name(env, account):
    env.config(f"""<Location "/remote.php">
    Require user {account.id}
</Location>""")
    assert login(env, account.id.upper(), account.password).status_code == 207
    other = env.account()
    env.expect_log("AH01631")
    assert login(env, other.id, other.password).status_code in (401, 403)
    env.config()
