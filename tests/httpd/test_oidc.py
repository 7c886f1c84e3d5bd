"""Logins by mod_auth_openidc, as conf.d/cloud-oidc.conf has it, with a real OpenID provider."""

import secrets

import pytest
import requests

from harness.env import SRC
from harness.oidc import Provider

MODULES = ("auth_openidc", "proxy", "proxy_http")


@pytest.fixture(name="provider", scope="module")
def fixture_provider(module_env):
    provider = Provider(f"{module_env.origin}/oidc")
    provider.person("1", preferred_username="oalice", name="Alice Ä", email="alice@example.org",
                    groups=["staff", "big ones"])
    provider.person("2", preferred_username="obert", name="Bert", groups=["bosses"])
    module_env.leaks = False
    module_env.config(f"""
CloudOAuth2 always
Define CLOUD_OIDC_METADATA "{provider.metadata}"
Define CLOUD_OIDC_CLIENT_ID "cloud"
Define CLOUD_OIDC_CLIENT_SECRET "of the cloud"
Define CLOUD_OIDC_PASSPHRASE "a passphrase"
Define CLOUD_OIDC_DELIMITER "{secrets.token_hex(16)}"
Define CLOUD_OIDC_PAGES
Include "{SRC}/conf.d/cloud-oidc.conf"
OIDCOAuthTokenIntrospectionInterval -1
<LocationMatch "^/(remote.php|ocs|index.php)">
    CloudUserGroups OIDC_CLAIM_groups "${{CLOUD_OIDC_DELIMITER}}"
    CloudGroupMap bosses admin
    CloudGroupMap "~^(.*)$" "$1"
</LocationMatch>
""", modules=MODULES)
    yield provider
    module_env.leaks = True
    module_env.config()
    provider.close()


def ask(env, token, path="ocs/v2.php/cloud/user?format=json", method="GET"):
    return requests.request(method, env.url + path, timeout=60,
                            headers={"Authorization": f"Bearer {token}", "Depth": "0"})


def show(env, name):
    return env.cloudctl_json("account", "show", name)


def test_a_client_with_a_token(env, provider):
    token = provider.token("1")
    data = ask(env, token).json()["ocs"]["data"]
    assert (data["id"], data["display-name"], data["email"]) == \
        ("oalice", "Alice Ä", "alice@example.org")
    assert ask(env, token, "remote.php/dav/files/oalice/", "PROPFIND").status_code == 207
    assert ask(env, token, "remote.php/dav/files/obert/", "PROPFIND").status_code in (403, 404)
    account = show(env, "oalice")
    assert (account["source"], account["groups"]) == ("oidc", ["big ones", "staff"])


def test_a_name_that_tries_to_be_two(env, provider):
    """Whoever can name groups gets into the one with that name, and into no other."""
    names = ["x,bosses", "y;bosses", "z\u001fbosses", "v; bosses"]
    provider.person("3", preferred_username="ocarl", name="Carl", groups=names)
    assert ask(env, provider.token("3")).status_code == 200
    assert show(env, "ocarl")["groups"] == sorted(name for name in names if "\u001f" not in name)


def test_claims_that_change(env, provider):
    assert ask(env, provider.token("2")).status_code == 200
    assert show(env, "obert")["groups"] == ["admin"]
    provider.person("2", preferred_username="obert", name="Bert B", groups=[])
    assert ask(env, provider.token("2")).status_code == 200
    account = show(env, "obert")
    assert (account["display_name"], account["groups"]) == ("Bert B", [])


def test_wrong_tokens(env, provider):
    env.expect_log("auth_openidc:(error|warn)")
    for token in ("nonsense", "", "a.b.c", provider.token("1")[:-2] + "xx"):
        for path in ("ocs/v2.php/cloud/user", "remote.php/webdav/"):
            answer = ask(env, token, path)
            assert answer.status_code == 401, token
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), token


def test_a_revoked_token(env, provider):
    env.expect_log("auth_openidc:(error|warn)")
    token = provider.token("1")
    assert ask(env, token).status_code == 200
    provider.revoke(token)
    assert ask(env, token).status_code == 401


def test_a_disabled_account_is_out_at_once(env, provider):
    token = provider.token("1")
    assert ask(env, token).status_code == 200
    env.cloudctl("account", "disable", "oalice")
    assert ask(env, token).status_code == 403
    env.cloudctl("account", "enable", "oalice")
    assert ask(env, token).status_code == 200


def test_what_clients_look_for(env, provider):
    """Both ways in are announced, and the provider is found through this server."""
    answer = env.http("PROPFIND", "remote.php/webdav/")
    assert answer.status_code == 401
    announced = answer.raw.headers.getlist("WWW-Authenticate")
    assert sorted(line.split()[0] for line in announced) == ["Basic", "Bearer"]
    answer = env.http("GET", ".well-known/openid-configuration")
    assert answer.status_code == 200
    assert answer.json()["issuer"] == provider.issuer
    assert "client_secret_basic" in answer.json()["token_endpoint_auth_methods_supported"]


def test_passwords_of_here_go_on_working(env, provider):
    local = env.account()
    assert local.propfind("").first
    assert ask(env, provider.token("1")).status_code == 200
    secret = env.cloudctl("app-password", "create", "oalice", "phone").stdout.strip()
    answer = requests.get(env.url + "ocs/v2.php/cloud/user", auth=("oalice", secret), timeout=60)
    assert answer.status_code == 200


def test_headers_are_not_claims(env, provider):
    """Nobody becomes administrator by a header."""
    env.expect_log("scrubbed suspicious request header")
    answer = requests.get(env.url + "ocs/v2.php/cloud/user", timeout=60, headers={
        "Authorization": f"Bearer {provider.token('1')}", "OIDC_CLAIM_groups": "bosses",
        "OIDC-CLAIM-groups": "bosses", "OIDC_CLAIM_name": "Liar"})
    assert answer.status_code == 200
    account = show(env, "oalice")
    assert (account["groups"], account["display_name"]) == (["big ones", "staff"], "Alice Ä")


def test_a_browser(env, provider):
    """The pages are opened by the provider's login; its cookie does not open files."""
    provider.person("3", preferred_username="ocarla", name="Carla")
    page = f"{env.origin}/index.php/settings/personal"
    with requests.Session() as browser:
        back = provider.browse(browser, page, "3", page)
        answer = browser.get(back, timeout=60)
        assert answer.status_code == 200
        assert "Carla" in answer.text
        answer = browser.get(env.url + "ocs/v2.php/cloud/user", timeout=60)
        assert answer.status_code == 401
        assert browser.get(env.url + "remote.php/webdav/", timeout=60).status_code == 401
    assert show(env, "ocarla")["source"] == "oidc"
