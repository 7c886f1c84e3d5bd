"""The password policy: wherever a password is set."""

import contextlib

import pytest

from harness.account import Account

RULES = {"length": ("spv_min_chars", 10), "digits": ("spv_numbers", 2),
         "history": ("spv_password_history", 2)}


@contextlib.contextmanager
def policy(env, **rules):
    """With some rules set by cloudctl: they hold at once."""
    try:
        for rule in rules.values():
            key, value = rule
            env.cloudctl("config", "set", "password_policy", f"{key}_checked", "yes")
            env.cloudctl("config", "set", "password_policy", f"{key}_value", str(value))
        yield
    finally:
        for rule in rules.values():
            env.cloudctl("config", "delete", "password_policy", f"{rule[0]}_checked")
            env.cloudctl("config", "delete", "password_policy", f"{rule[0]}_value")


def meta(answer):
    found = answer.json()["ocs"]["meta"]
    return found["statuscode"], found["message"]


def put(who, account, password, version=1):
    return who.ocs(f"cloud/users/{account.id}", "PUT", version=version,
                   data={"key": "password", "value": password})


@pytest.mark.parametrize("version", (1, 2))
def test_new_accounts(env, version):
    root, name = env.admin(), f"policy{version}"

    def post(password):
        return root.ocs("cloud/users", "POST", version=version,
                        data={"userid": name, "password": password})

    with policy(env, length=RULES["length"], digits=RULES["digits"]):
        answer = post("short1")
        assert meta(answer) == (101 if version == 1 else 400,
                                "The password needs at least 10 characters")
        assert answer.status_code == (200 if version == 1 else 400)
        assert meta(post("long enough 1"))[1] == "The password needs at least 2 digits"
        assert env.cloudctl("account", "show", name, check=False).returncode != 0
        assert meta(post("long enough 12"))[0] == (100 if version == 1 else 200)
    assert Account(env, name, "long enough 12").dav("PROPFIND", depth=0).status_code == 207


def test_changes(env, account):
    root, other, first = env.admin(), env.account(), account.password
    with policy(env, **RULES):
        for who in (account, root):
            assert meta(put(who, account, "short")) == (
                403, "The password needs at least 10 characters")
        assert meta(put(account, account, "short", 2))[0] == 403
        assert meta(put(other, account, "short"))[0] == 997
        assert account.dav("PROPFIND", depth=0).status_code == 207  # the old one stays
        assert meta(put(account, account, "new password 12"))[0] == 100
        account.close()
        account.password = "new password 12"
        differ = (403, "The password must differ from the last 2")
        assert meta(put(account, account, "new password 12")) == differ
        assert meta(put(other, account, "new password 12"))[0] == 997
        assert meta(put(account, account, "new password 13"))[0] == 100
        account.close()
        account.password = "new password 13"
        assert meta(put(account, account, "new password 12")) == differ
    assert meta(put(account, account, first))[0] == 100


def test_cloudctl(env, account):
    def passwd(*options, password="short"):
        return env.cloudctl("account", "passwd", account.id, "--password-stdin", *options,
                            input=f"{password}\n", check=False)

    def add(*options):
        return env.cloudctl("account", "add", "policyctl", "--password-stdin", *options,
                            input="short\n", check=False)

    with policy(env, length=RULES["length"]):
        refused = passwd()
        assert refused.returncode == 1
        assert "The password needs at least 10 characters" in refused.stderr
        assert account.dav("PROPFIND", depth=0).status_code == 207
        assert passwd("--force").returncode == 0
        account.close()
        account.password = "short"
        assert account.dav("PROPFIND", depth=0).status_code == 207
        assert add().returncode == 1
        assert add("--force").returncode == 0
    assert Account(env, "policyctl", "short").dav("PROPFIND", depth=0).status_code == 207


def test_capability(env, account):
    def shown():
        return account.ocs("cloud/capabilities").json()["ocs"]["data"]["capabilities"]["password_policy"]

    none = {"max_characters": 72, "min_characters": 0, "min_lowercase_characters": 0,
            "min_uppercase_characters": 0, "min_digits": 0, "min_special_characters": 0}
    assert shown() == none
    with policy(env, **RULES):
        assert shown() == {**none, "min_characters": 10, "min_digits": 2}


def test_directives(env, account):
    root = env.admin()
    banned = env.home / "banned"
    banned.write_text("Passw0rd#99\n", "utf-8")
    banned.chmod(0o644)
    env.config("CloudPasswordPolicy length 5\nCloudPasswordPolicy special 1\n"
               f'CloudPasswordPolicy allowed "#!"\nCloudPasswordPolicy banned "{banned}"')
    for password, message in (
            ("abc", "The password needs at least 5 characters"),
            ("abcdef", "The password needs at least 1 special character of #!"),
            ("abcdef.#", "Of special characters a password may have these only: #!"),
            ("passw0rd#99", "The password is one of those that many people use")):
        assert meta(put(root, account, password)) == (403, message)
    assert meta(put(root, account, "abcd#"))[0] == 100
    banned.unlink()
    env.expect_log(f"open {banned}")
    assert put(root, account, "abcdefg#", 2).status_code == 503
    env.config()
