"""OAuth 2.0: the token endpoint, what ends tokens, the throttle, and what must be in no log."""

import threading

import pytest

from harness.oauth import (ANDROID, DESKTOP, IOS, REVOKE, TOKEN, OAuthClient, add_client, refused,
                           value)


@pytest.fixture(name="client")
def fixture_client(env):
    return OAuthClient(env)


# ---- the token endpoint ----

@pytest.mark.parametrize("fields,name", [
    ({}, "invalid_request"), ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password", "username": "x", "password": "x"}, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ({"grant_type": "authorization_code"}, "invalid_request"),
    ({"grant_type": "authorization_code", "code": "x"}, "invalid_request"),
    ({"grant_type": "authorization_code", "redirect_uri": "http://localhost:12345"},
     "invalid_request"),
    ({"grant_type": "authorization_code", "code": "x", "redirect_uri": "x"}, "invalid_grant"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant")])
def test_bad_requests(client, fields, name):
    refused(client.ask(**fields), name)


@pytest.mark.parametrize("auth", [
    None, ("", ""), ("nobody", "x"), (DESKTOP[0], "wrong"), (DESKTOP[0], ANDROID[1]),
    ("x' OR 1=1 --", "x")])
def test_bad_clients(account, client, auth):
    code = client.authorize(account)
    answer = client.exchange(code, auth=auth)
    refused(answer, "invalid_client", 401)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert client.exchange(code).status_code == 200


def test_client_shown_twice(env, account, client):
    code = client.authorize(account)
    answer = client.exchange(code, client_id=ANDROID[0])
    refused(answer, "invalid_request")
    assert client.exchange(code, client_id=client.id, client_secret=client.secret).status_code == 200


def test_body_is_a_form(env, client):
    for kwargs, status in (({"json": {"grant_type": "refresh_token"}}, 415),
                           ({"data": b"x=" + b"y" * 100000, "headers": {
                               "Content-Type": "application/x-www-form-urlencoded"}}, 413)):
        answer = env.http("POST", TOKEN, auth=(client.id, client.secret), **kwargs)
        refused_status = answer.status_code
        assert refused_status == status
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.json()["error"] == "invalid_request"
    # nothing in the address counts: it ends up in logs
    answer = env.http("POST", f"{TOKEN}?grant_type=refresh_token&refresh_token=x",
                      auth=(client.id, client.secret))
    refused(answer, "invalid_request")


@pytest.mark.parametrize("changes", [
    {"code": "x"}, {"redirect_uri": "http://localhost:12346"}, {"redirect_uri": ""},
    {"code_verifier": "x"}, {"code_verifier": None}, {"code_verifier": ""}])
def test_codes_are_bound(env, account, client, changes):
    code = client.authorize(account)
    refused(client.exchange(code, **changes) if "code" not in changes
            else client.exchange(changes["code"]), "invalid_grant")
    other = OAuthClient(env, ANDROID)
    other.verifier = client.verifier
    refused(other.exchange(code), "invalid_grant")
    assert client.exchange(code).status_code == 200


def test_plain_challenge_and_none(env, account, client):
    code = client.authorize(account, code_challenge=client.verifier, code_challenge_method="plain")
    assert client.exchange(code).status_code == 200
    code = client.authorize(account, code_challenge=client.verifier, code_challenge_method=None)
    assert client.exchange(code).status_code == 200
    code = client.authorize(account, code_challenge=None, code_challenge_method=None)
    refused(client.exchange(code), "invalid_grant")
    assert client.exchange(code, code_verifier=None).status_code == 200


def test_code_used_twice(env, account, client):
    code = client.authorize(account)
    assert client.exchange(code).status_code == 200
    assert client.get().status_code == 207
    refused(client.exchange(code), "invalid_grant")
    assert client.get().status_code == 401
    refused(client.refresh(), "invalid_grant")


def test_code_used_twice_at_once(env, account):
    """One gets tokens, and loses them again."""
    client = OAuthClient(env)
    code = client.authorize(account)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        OAuthClient.exchange(_copy(client), code))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [400] * 5
    winner = next(answer for answer in answers if answer.status_code == 200).json()
    assert client.get(token=winner["access_token"]).status_code == 401


def _copy(client):
    other = OAuthClient(client.env, (client.id, client.secret), client.redirect)
    other.verifier = client.verifier
    return other


def test_refresh(env, account, client):
    client.log_in(account)
    first = dict(client.tokens)
    other = OAuthClient(env, ANDROID)
    refused(other.refresh(first["refresh_token"]), "invalid_grant")
    refused(client.refresh(first["access_token"]), "invalid_grant")
    assert client.refresh().status_code == 200
    # the answer was lost
    assert client.refresh(first["refresh_token"]).status_code == 200
    assert client.refresh().status_code == 200
    assert client.get().status_code == 207
    # somebody else had it
    refused(client.refresh(first["refresh_token"]), "invalid_grant")
    assert client.get().status_code == 401
    refused(client.refresh(), "invalid_grant")


def test_revoke(env, account, client):
    client.log_in(account)
    answer = client.ask(REVOKE, token="nonsense")
    assert (answer.status_code, answer.json()) == (200, {})
    refused(client.ask(REVOKE), "invalid_request")
    refused(client.ask(REVOKE, auth=None, token="x"), "invalid_client", 401)
    assert OAuthClient(env, IOS).ask(REVOKE, token=client.tokens["refresh_token"]).status_code == 200
    assert client.get().status_code == 207
    access = client.tokens["access_token"]
    assert client.ask(REVOKE, token=access, token_type_hint="access_token").status_code == 200
    assert client.get().status_code == 401
    assert client.refresh().status_code == 200
    assert client.get().status_code == 207
    assert client.ask(REVOKE, token=client.tokens["refresh_token"]).status_code == 200
    assert client.get().status_code == 401
    refused(client.refresh(), "invalid_grant")


# ---- what ends tokens ----

@pytest.mark.parametrize("command", [
    ("account", "disable"), ("account", "passwd", "--no-password"), ("account", "delete", "--yes"),
    ("oauth2", "token", "revoke", "--all")])
def test_ends_at_once(env, command):
    account = env.account()
    client = OAuthClient(env).log_in(account)
    for _ in range(8):  # every process has seen it
        assert client.get().status_code == 207
    options = [word for word in command if word.startswith("--")]
    env.cloudctl(*(word for word in command if word not in options), account.id, *options)
    for _ in range(12):
        assert client.get().status_code == 401
    refused(client.refresh(), "invalid_grant")


# ---- the throttle ----

def test_guesses_are_throttled(env, account):
    client = OAuthClient(env).log_in(account)
    env.config("CloudAuthThrottle 4 600 2")
    try:
        for _ in range(3):  # the same wrong one again is no guess
            assert client.get(token="wrong").status_code == 401
        statuses = [client.get(token=f"wrong{i}").status_code for i in range(8)]
        assert statuses[:3] == [401] * 3 and 429 in statuses
        answer = client.get(token="one more")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert client.get().status_code == 207  # nobody suffers from what others guess
        answer = client.refresh("also wrong")
        refused(answer, "temporarily_unavailable", 429)
        assert client.refresh().status_code == 200
    finally:
        env.config()


def test_client_secrets_are_throttled(env, account):
    client = OAuthClient(env).log_in(account)
    env.config("CloudAuthThrottle 4 600 2")
    try:
        statuses = [client.refresh("x", auth=(client.id, f"wrong{i}")).status_code for i in range(8)]
        assert statuses[:4] == [401] * 4 and 429 in statuses
        assert client.refresh().status_code == 200
    finally:
        env.config()


# ---- secrets and logs ----

def test_secrets_are_in_no_log(env, account):
    env.config("LogLevel debug cloud:trace8 cloud_oauth2:trace8")
    try:
        client = OAuthClient(env)
        code = client.authorize(account)
        secrets = [code, client.verifier]
        assert client.exchange(code).status_code == 200
        secrets += client.tokens["access_token"], client.tokens["refresh_token"]
        assert client.get().status_code == 207
        assert client.get(token=client.tokens["access_token"][:-1] + "~").status_code == 401
        client.refresh()
        secrets += client.tokens["access_token"], client.tokens["refresh_token"]
        client.refresh(secrets[3])
        client.exchange(code)
        client.refresh()
        client.ask(REVOKE, token=client.tokens["access_token"])
        made = add_client(env, "Secretive", "https://x.example/cb")
        own = OAuthClient(env, (value(made, "id"), value(made, "secret")), "https://x.example/cb")
        own.log_in(account)
        secrets.append(own.secret)
        env.cloudctl("oauth2", "client", "remove", "Secretive")
    finally:
        env.config()
    for name in ("error.log", "access.log", "stderr.log"):
        text = (env.home / "logs" / name).read_text("utf-8", "replace")
        for secret in secrets:
            assert secret not in text, name


def test_survives_a_restart(env, account, client):
    client.log_in(account)
    env.restart()
    assert client.get().status_code == 207
    env.restart(graceful=True)
    assert client.refresh().status_code == 200
    assert client.get().status_code == 207
