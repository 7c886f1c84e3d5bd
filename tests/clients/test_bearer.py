"""Stock programs with an access token in place of a password."""

import random

import pytest

from desktop import assert_same
from harness import trees
from harness.oauth import OAuthClient


@pytest.fixture(name="login")
def fixture_login(env, account):
    return OAuthClient(env).log_in(account)


def rclone(clients, account, token, *args, **kwargs):
    (clients.home / "rclone.conf").touch()
    environ = {"RCLONE_CONFIG": str(clients.home / "rclone.conf"),
               "RCLONE_CONFIG_CLOUD_TYPE": "webdav", "RCLONE_CONFIG_CLOUD_URL": account.url(),
               "RCLONE_CONFIG_CLOUD_VENDOR": "owncloud", "RCLONE_CONFIG_CLOUD_BEARER_TOKEN": token}
    return clients.run(["rclone", *args], environ=environ, **kwargs)


def test_rclone(clients, account, login):
    folder = clients.folder("local")
    for number, name in enumerate(("a.txt", "with space", "Größe", "deep/er/file")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.randbytes(1000 * number))
    token = login.tokens["access_token"]
    rclone(clients, account, token, "sync", folder, "cloud:")
    assert_same(trees.local(folder), trees.remote(account))
    rclone(clients, account, token, "check", "--download", folder, "cloud:")
    # the next token goes on, and a revoked one does not
    assert login.refresh().status_code == 200
    (folder / "a.txt").write_bytes(b"other")
    rclone(clients, account, login.tokens["access_token"], "sync", folder, "cloud:")
    assert account.get("a.txt").content == b"other"
    account.env.cloudctl("oauth2", "token", "revoke", account.id, "--all")
    done = rclone(clients, account, login.tokens["access_token"], "lsf", "cloud:", "--retries", "1",
                  check=False)
    assert done.returncode != 0 and "401" in done.stdout


def test_curl(clients, account, login):
    account.put("x", b"content")
    done = clients.run(["curl", "-sS", "--oauth2-bearer", login.tokens["access_token"],
                        account.url("x")])
    assert done.stdout == "content"
