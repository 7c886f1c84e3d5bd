"""Signed URLs: the key, addresses signed as the web clients do it, and all that must not open."""

import itertools
import json
import re
import threading
from urllib.parse import quote, urlsplit

import pytest
import requests

from harness.env import wait_until
from harness.oauth import REVOKE, OAuthClient, add_client, value
from harness.signed import KEY, now, sign, signing_key


@pytest.fixture(name="owner")
def fixture_owner(env):
    account = env.account()
    account.put("a file.txt", b"content")
    account.key = signing_key(account)
    return account


def fetch(env, url, method="GET", **kwargs):
    return env.http(method, url[len(env.url):], **kwargs)


def signed(account, path="a file.txt", space="files", **changes):
    return sign(account.url(path, space), account.id, account.key, **changes)


def test_no_shared_cache_keeps_it(env, owner):
    answer = fetch(env, signed(owner))
    assert (answer.content, answer.headers["Cache-Control"]) == (b"content", "private, no-cache")
    assert "Cache-Control" not in owner.get("a file.txt").headers


def refused(answer):
    assert answer.status_code == 401, (answer.status_code, answer.text)
    assert b"content" not in answer.content


# ---- the key ----

def test_key(env, account):
    key = signing_key(account)
    assert signing_key(account, version=2) == key
    keys = {key} | {signing_key(env.account()) for _ in range(3)}
    assert len(keys) == 4
    assert all(re.fullmatch("[A-Za-z0-9+/]{64}", one) for one in keys)
    answer = account.ocs(KEY, fmt="xml")
    assert f"<signing-key>{key}</signing-key>" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert env.http("GET", f"ocs/v1.php/{KEY}").status_code == 401
    assert account.ocs(KEY, method="POST").status_code == 405


def test_capability(env, account):
    def announced():
        answer = account.ocs("cloud/capabilities", version=2).json()
        return answer["ocs"]["data"]["capabilities"]["core"].get("support-url-signing")

    assert announced() is True
    env.config(before="Define WITHOUT_SIGNEDURL")
    assert announced() is None
    assert account.ocs(KEY, version=2).status_code == 404
    env.config("CloudSignedUrls off")
    assert announced() is None
    env.config()


# ---- what opens ----

def test_opens(env, owner):
    url = signed(owner)
    for _ in range(4):
        answer = fetch(env, url)
        assert answer.status_code == 200, answer.text
        assert answer.content == b"content"
    answer = fetch(env, url, "HEAD")
    assert answer.status_code == 200 and answer.headers["Content-Length"] == "7"
    answer = fetch(env, url, headers={"Range": "bytes=3-"})
    assert (answer.status_code, answer.content) == (206, b"tent")
    assert fetch(env, signed(owner, Verb="HEAD"), "HEAD").status_code == 200


@pytest.mark.parametrize("path,space", [
    ("a file.txt", "webdav"), ("ünï cödé & 100 %.txt", "files"), ("sub/deep.txt", "files")])
def test_places(env, owner, path, space):
    owner.mkcol("sub")
    owner.put(path, b"content")
    assert fetch(env, signed(owner, path, space)).content == b"content"


def test_queries(env, owner):
    url = owner.url("a file.txt")
    for query in ("?x=1", "?c=a+b%20c&downloadStartSecret=50"):
        answer = fetch(env, sign(url + query, owner.id, owner.key))
        assert answer.status_code == 200, (query, answer.text)
    assert fetch(env, signed(owner, Algo=None)).status_code == 200
    assert fetch(env, signed(owner, Date=now(-1100))).status_code == 200
    assert fetch(env, signed(owner, Expires="3600")).status_code == 200
    assert fetch(env, signed(owner, Verb="get")).status_code == 200
    assert fetch(env, signed(owner, Credential=owner.id.upper())).status_code == 200


def test_behind_a_proxy(env, owner):
    path = urlsplit(owner.url("a file.txt")).path
    for scheme in ("https", "http"):
        url = sign(f"{scheme}://cloud.example.org{path}", owner.id, owner.key)
        query = url.split("?", 1)[1]
        for headers in ({"Host": "cloud.example.org"}, {"Host": "CLOUD.example.org"},
                        {"X-Forwarded-Host": "cloud.example.org", "X-Forwarded-Proto": "https"}):
            answer = env.http("GET", f"{path}?{query}", headers=headers)
            assert answer.status_code == 200, headers
        refused(env.http("GET", f"{path}?{query}", headers={"Host": "other.example.org"}))


def test_a_login_comes_first(env, owner):
    env.expect_log("AH01617")
    other = env.account()
    url = signed(owner)
    assert fetch(env, url, account=other).status_code in (403, 404)
    refused(fetch(env, url, auth=(owner.id, "wrong")))
    assert fetch(env, signed(owner, Signature="0" * 64), account=owner).status_code == 200


# ---- what does not ----

@pytest.mark.parametrize("changes", [
    {"Credential": None}, {"Date": None}, {"Expires": None}, {"Verb": None},
    {"Credential": ""}, {"Credential": "nobody"}, {"Credential": "../x"}, {"Credential": "\x00"},
    {"Date": ""}, {"Date": "yesterday"}, {"Date": "2019-05-14T11:01:58Z"},
    {"Expires": "0"}, {"Expires": "-1"}, {"Expires": "3601"}, {"Expires": "x"},
    {"Expires": "99999999999999999999"},
    {"Verb": "PUT"}, {"Verb": "DELETE"}, {"Verb": "HEAD"}, {"Verb": ""}, {"Verb": "PROPFIND"},
    {"Algo": "PBKDF2/1-SHA512"}, {"Algo": "PBKDF2/99999999-SHA512"}, {"Algo": "HMAC"}, {"Algo": ""},
    {"Signature": "0" * 64}, {"Signature": "x" * 64}, {"Signature": "0"}])
def test_does_not_open(env, owner, changes):
    refused(fetch(env, signed(owner, **changes)))


def test_times(env, owner):
    refused(fetch(env, signed(owner, Date=now(-1201))))
    refused(fetch(env, signed(owner, Date=now(330))))
    refused(fetch(env, signed(owner, Date=now(86400), Expires="3600")))
    assert fetch(env, signed(owner, Date=now(240))).status_code == 200


def test_tampered(env, owner):
    url = signed(owner)
    owner.put("other.txt", b"content")
    for wrong in (url.replace("a%20file.txt", "other.txt"), url.replace("=1200", "=1201"),
                  url + "&x=y", url.replace("?", "?x=y&"), url + "&OC-Credential=" + owner.id,
                  url + url[-64:], url[:-1], url.replace("OC-Date=202", "OC-Date=20%32"),
                  url.replace("a%20file", "a%2520file"), url.replace("files", "fil%65s")):
        assert wrong != url
        path = wrong[len(env.origin):]
        answer = env.raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{env.port}\r\n"
                         "Connection: close\r\n\r\n".encode())
        assert b" 401 " in answer.split(b"\r\n")[0] and b"content" not in answer, wrong
    assert fetch(env, url).status_code == 200


def test_other_methods(env, owner):
    for method in ("PUT", "DELETE", "PROPFIND", "MKCOL", "MOVE", "PROPPATCH", "POST", "LOCK"):
        for verb in ("GET", method):
            refused(fetch(env, signed(owner, Verb=verb), method))
    assert owner.get("a file.txt").content == b"content"


def test_key_of_somebody_else(env, owner):
    other = env.account()
    other.key = signing_key(other)
    refused(fetch(env, sign(owner.url("a file.txt"), owner.id, other.key)))
    # a right signature opens what its account may open
    answer = fetch(env, sign(owner.url("a file.txt"), other.id, other.key))
    assert answer.status_code in (403, 404)


def test_no_key_was_ever_made(env, account):
    """CVE-2023-49105: it counted as the empty key."""
    account.put("x", b"content")
    for key in ("", "0" * 64, "null"):
        refused(fetch(env, sign(account.url("x"), account.id, key)))


def test_only_files(env, owner):
    for path in (f"ocs/v1.php/{KEY}", f"ocs/v2.php/{KEY}", "ocs/v1.php/cloud/user",
                 "index.php/settings/personal", "index.php/apps/oauth2/authorize",
                 "index.php/apps/oauth2/api/v1/userinfo"):
        answer = fetch(env, sign(env.url + path, owner.id, owner.key))
        assert answer.status_code in (303, 400, 401), path
        assert owner.key not in answer.text


# ---- what ends it ----

@pytest.mark.parametrize("command", [
    ("account", "disable", None), ("account", "passwd", None, "--no-password"),
    ("account", "delete", None, "--yes"), ("signing-key", "renew", None)])
def test_ends_at_once(env, owner, command):
    url = signed(owner)
    for _ in range(8):
        assert fetch(env, url).status_code == 200
    env.cloudctl(*(owner.id if word is None else word for word in command))
    for _ in range(12):
        refused(fetch(env, url))


def test_another_password_is_another_key(env, owner):
    env.cloudctl("account", "passwd", owner.id, "--password-stdin", input="another\n")
    env.cloudctl("account", "passwd", owner.id, "--password-stdin", input=owner.password + "\n")
    old = owner.key
    refused(fetch(env, signed(owner)))
    owner.key = signing_key(owner)
    assert owner.key != old
    assert fetch(env, signed(owner)).status_code == 200
    for name in ("nobody", env.account().id):
        assert env.cloudctl("signing-key", "renew", name, check=False).returncode == 1


def key_for(account, **kwargs):
    """The key as somebody gets it who comes with another secret than the password."""
    answer = requests.get(f"{account.env.url}ocs/v1.php/{KEY}?format=json", timeout=60, **kwargs)
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]["signing-key"]


def app_password(env, account, name):
    text = env.cloudctl("app-password", "create", account.id, name).stdout
    return account.id, re.search(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){3}", text).group(0)


def test_ends_with_the_app_password_that_got_it(env, owner):
    thief, other = app_password(env, owner, "thief"), app_password(env, owner, "other")
    assert key_for(owner, auth=thief) == owner.key
    url = signed(owner)
    for _ in range(8):
        assert fetch(env, url).status_code == 200
    env.cloudctl("app-password", "revoke", owner.id, "other")  # which never asked for the key
    assert requests.get(env.url + "remote.php/webdav/a%20file.txt", auth=other,
                        timeout=60).status_code == 401
    env.expect_log("AH01617")
    assert fetch(env, url).status_code == 200
    env.cloudctl("app-password", "revoke", owner.id, "thief")
    for _ in range(12):
        refused(fetch(env, url))
    old = owner.key
    owner.key = signing_key(owner)
    assert owner.key != old
    refused(fetch(env, sign(owner.url("a file.txt"), owner.id, old)))
    assert fetch(env, signed(owner)).status_code == 200


@pytest.mark.parametrize("how", ("by the client", "by cloudctl", "all", "a replay", "no client"))
def test_ends_with_the_authorization_that_got_it(env, owner, how):
    made = add_client(env, f"client {how}", "http://localhost:12345")
    client = OAuthClient(env, (value(made, "id"), value(made, "secret"))).log_in(owner)
    bystander = OAuthClient(env).log_in(owner)
    assert key_for(owner, headers=client.bearer) == owner.key
    url = signed(owner)
    assert fetch(env, url).status_code == 200
    bystander.ask(REVOKE, token=bystander.tokens["refresh_token"])
    assert fetch(env, url).status_code == 200
    if how == "by the client":
        client.ask(REVOKE, token=client.tokens["refresh_token"])
    elif how == "a replay":
        first = client.tokens["refresh_token"]
        client.refresh()
        client.refresh()
        client.refresh(first)
    elif how == "no client":
        env.cloudctl("oauth2", "client", "remove", f"client {how}")
    else:
        env.cloudctl("oauth2", "token", "revoke", owner.id, *revoke_of(env, owner, how))
    assert client.get().status_code == 401
    for _ in range(12):
        refused(fetch(env, url))


def revoke_of(env, owner, how):
    if how == "all":
        return ("--all",)
    listed = json.loads(env.cloudctl("--json", "oauth2", "token", "list", owner.id).stdout)
    return (str(listed[0]["number"]),)


def test_off(env, owner):
    url = signed(owner)
    env.config("CloudSignedUrls off")
    refused(fetch(env, url))
    env.config()
    assert fetch(env, url).status_code == 200


# ---- guesses, and logs ----

def test_guesses_are_throttled(env, owner):
    env.config("CloudAuthThrottle 4 600 2")
    try:
        good = signed(owner)
        assert fetch(env, good).status_code == 200
        statuses = [fetch(env, signed(owner, Signature=f"{i:064x}")).status_code for i in range(8)]
        assert statuses[:4] == [401] * 4 and 429 in statuses
        nobody = [fetch(env, signed(owner, Credential="nobody", Signature=f"{i:064x}")).status_code
                  for i in range(8)]
        assert nobody[:4] == [401] * 4 and 429 in nobody
        assert fetch(env, good).status_code == 200  # known to be right
    finally:
        env.config()


def test_a_storm_leaves_threads_for_others(env, owner):
    """Names that nobody has, from many places: some are told to come again, who is known is served."""
    env.config("CloudAuthHashes 1")
    numbers, answers, over = itertools.count(), [], threading.Event()

    def guess():
        with requests.Session() as session:
            session.trust_env = False
            while not over.is_set():
                answers.append(session.get(signed(owner, Credential=f"nobody{next(numbers)}",
                                                  Signature="0" * 64), timeout=60))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    try:
        good = signed(owner)
        assert fetch(env, good).status_code == 200
        for thread in threads:
            thread.start()
        wait_until(lambda: {401, 503} <= {a.status_code for a in answers}, "a refusal")
        assert fetch(env, good).status_code == 200
    finally:
        over.set()
        for thread in threads:
            thread.join()
        env.config()
    assert {a.status_code for a in answers} == {401, 503}
    for answer in answers:
        assert (answer.headers.get("Retry-After") == "3") == (answer.status_code == 503)


def test_in_no_log(env, owner):
    env.config('LogLevel debug cloud_signedurl:trace8\n'
               'CustomLog "logs/more.log" "%r %q %U %{Referer}i"')
    try:
        urls = [signed(owner), signed(owner, Verb="PUT"), signed(owner, Expires="5000"),
                signed(owner, path="missing")]
        for url in urls:
            fetch(env, url)
    finally:
        env.config()
    text = ""
    for name in ("error.log", "access.log", "stderr.log", "more.log"):
        text += (env.home / "logs" / name).read_text("utf-8", "replace")
    for url in urls:
        assert url[-64:] not in text
    assert owner.key not in text
    assert "OC-Signature=" + "*" * 64 in text
    assert quote("a file.txt") in text
