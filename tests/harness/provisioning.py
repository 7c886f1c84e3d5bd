"""The provisioning API: the people who call it, and what they get."""

import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

AUTH_FAILURE = "AH01617|AH01618"  # mod_auth_basic logs them as errors
BOTH = [(version, fmt) for version in (1, 2) for fmt in ("json", "xml")]


class People:
    """root is an administrator, sub a subadmin of the group staff, in which alice is; bob is in none."""

    def __init__(self, env):
        self.env = env
        self.root = env.admin()
        self.sub = env.account()
        self.alice = env.account()
        self.bob = env.account()
        self.staff = f"staff of {self.sub.id}"
        env.cloudctl("config", "set", "system", "allow_subadmins", "yes")
        env.cloudctl("group", "add", self.staff)
        env.cloudctl("group", "add-member", self.staff, self.alice.id)
        env.cloudctl("group", "add-subadmin", self.staff, self.sub.id)

    def by_name(self, name):
        return getattr(self, name)

    def close(self):
        self.env.cloudctl("config", "delete", "system", "allow_subadmins")


def call(who, method, path, version=1, fmt="json", **data):
    """An OCS call with a form as body."""
    form = [(key.replace("groups", "groups[]"), item) for key, value in data.items()
            for item in (value if isinstance(value, list) else [value])]
    return who.ocs(path, method, version=version, fmt=fmt, data=form or None)


def data(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]


def code(answer):
    return answer.json()["ocs"]["meta"]["statuscode"]


def message_of(answer, fmt):
    if fmt == "json":
        return answer.json()["ocs"]["meta"]["message"]
    return ElementTree.fromstring(answer.content).findtext("meta/message")


def enc(name):
    return quote(name, safe="")
