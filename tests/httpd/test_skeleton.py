"""The skeleton: what new accounts begin with, whoever makes them."""

import pytest

from harness.account import Account


@pytest.fixture(name="skeleton", scope="module")
def fixture_skeleton(module_env):
    place = module_env.home / "skeleton"
    (place / "Photos").mkdir(parents=True)
    (place / "Manual.txt").write_text("Welcome", "utf-8")
    (place / "Photos/one.jpg").write_bytes(b"one")
    for path in (place, place / "Photos"):
        path.chmod(0o755)
    for path in (place / "Manual.txt", place / "Photos/one.jpg"):
        path.chmod(0o644)
    return place


def check(account):
    assert account.get("Manual.txt").content == b"Welcome"
    assert account.get("Photos/one.jpg").content == b"one"
    assert {name.strip("/").rsplit("/", 1)[-1] for name in account.propfind("", depth=1)} == {
        account.id, "Manual.txt", "Photos"}


def test_cloudctl_and_the_provisioning_api(env, skeleton):
    before, root = env.account(), env.admin()
    env.cloudctl("config", "set", "system", "skeletondirectory", str(skeleton))
    try:
        check(env.account())
        answer = root.ocs("cloud/users", "POST", data={"userid": "skel", "password": "skel-pw"})
        assert answer.json()["ocs"]["meta"]["statuscode"] == 100
        check(Account(env, "skel", "skel-pw"))
    finally:
        env.cloudctl("config", "delete", "system", "skeletondirectory")
    for account in (before, env.account()):
        assert account.get("Manual.txt").status_code == 404


def test_the_first_login(env, skeleton):
    """By the directive, and for accounts that a login makes."""
    users = env.home / "people"
    users.write_text("visitor:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "utf-8")  # "secret"
    env.config(f"""
CloudSkeleton "{skeleton}"
<LocationMatch "^/(remote.php|ocs)">
    AuthBasicProvider cloud file
    AuthUserFile "{users}"
    CloudAccountAutoCreate on
</LocationMatch>""")
    check(Account(env, "visitor", "secret"))
    env.config()


def test_one_that_is_not_there(env):
    """The account is made without, and one line tells why."""
    env.config("CloudSetting system skeletondirectory /no/such/directory")
    root = env.admin()
    env.expect_log("begins without files: the skeleton /no/such/directory")
    answer = root.ocs("cloud/users", "POST", data={"userid": "bare", "password": "bare-pw"})
    assert answer.json()["ocs"]["meta"]["statuscode"] == 100
    assert Account(env, "bare", "bare-pw").dav("PROPFIND", depth=0).status_code == 207
    env.config()
