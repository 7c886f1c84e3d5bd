"""Desktop clients of somebody who logs in by a directory."""

import pytest

from desktop import same_everywhere
from harness.account import Account
from harness.ldap import Directory


@pytest.fixture(name="ldap", scope="module")
def fixture_ldap(module_env):
    directory = Directory()
    directory.configure(module_env)
    yield directory
    module_env.config()
    directory.close()


def test_sync(env, ldap, computer, kind):
    """With the directory's password, and with an app password on another computer."""
    ldap.person(f"ida-{kind}", "ida's", "Ida")
    ida = Account(env, f"ida-{kind}", "ida's")
    env.accounts.append(ida)
    one = computer(ida)
    one.write("letters/one.txt", b"dear all")
    one.sync()
    secret = env.cloudctl("app-password", "create", ida.id, "laptop").stdout.strip()
    other = computer(Account(env, ida.id, secret))
    other.sync()
    other.write("letters/two.txt", b"yours")
    other.sync()
    one.sync()
    assert set(same_everywhere(ida, one, other)) >= {"letters/one.txt", "letters/two.txt"}
    assert env.cloudctl_json("account", "show", ida.id)["display_name"] == "Ida"
