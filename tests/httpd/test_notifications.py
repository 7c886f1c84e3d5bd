"""Notifications: the OCS calls of clients, the options, cloudctl notify, and mail through a program of
ours in place of sendmail."""

import email
import email.policy
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from harness.env import wait_until
from harness.ocs import statuses

V1 = "apps/notifications/api/v1/notifications"
V2 = "apps/notifications/api/v2/notifications"
OPTIONS = "index.php/apps/notifications/settings/personal/notifications/options"


def tell(account, subject="Hello", message=None, *options):
    args = ["notify", "--account", account.id, *options, "--", subject]
    account.env.cloudctl(*args, *([message] if message is not None else []))


def data(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]


def listed(account, path=V1, **kwargs):
    return data(account.ocs(path, **kwargs))


# ---- the list ----

@pytest.mark.parametrize("path", (V1, V2))
@pytest.mark.parametrize("version", (1, 2))
def test_list(env, account, path, version):
    answer = account.ocs(path, version=version)
    assert answer.json()["ocs"]["data"] == []
    assert answer.json()["ocs"]["meta"]["statuscode"] == statuses(100, version)[1]
    tell(account, "First")
    tell(account, "Sec\u00f6nd <b>", "line\nline & more", "--link", "/index.php/f/1")
    found = listed(account, path, version=version)
    assert [one["subject"] for one in found] == ["Sec\u00f6nd <b>", "First"]
    one = found[0]
    assert isinstance(one["notification_id"], int) and one["notification_id"] < 2 ** 31
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", one.pop("datetime"))
    one.pop("notification_id"), one.pop("object_id")
    assert one == {"app": "notifications", "user": account.id, "object_type": "admin-notification",
                   "subject": "Sec\u00f6nd <b>", "message": "line\nline & more", "icon": "",
                   "link": f"{env.url}index.php/f/1", "actions": []}
    assert found[1]["message"] == "" and found[1]["link"] == ""


def test_xml(account):
    tell(account, "a < b & c", "m")
    answer = account.ocs(V1, fmt="xml")
    assert answer.headers["Content-Type"].startswith("application/xml")
    [element] = ElementTree.fromstring(answer.content).findall("data/element")
    assert element.findtext("subject") == "a < b & c"
    assert element.findtext("user") == account.id
    number = element.findtext("notification_id")
    one = ElementTree.fromstring(account.ocs(f"{V1}/{number}", fmt="xml").content)
    assert one.findtext("data/message") == "m"


def test_the_newest_are_listed(account):
    for i in range(27):
        tell(account, str(i))
    assert [one["subject"] for one in listed(account)] == [str(i) for i in range(26, 1, -1)]


@pytest.mark.parametrize("version", (1, 2))
def test_etag(account, version):
    def poll(**kwargs):
        return account.ocs(V1, version=version, **kwargs)

    empty = poll().headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', empty)
    answer = poll(headers={"If-None-Match": empty})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == empty
    tell(account)
    answer = poll(headers={"If-None-Match": empty})
    assert answer.status_code == 200
    full = answer.headers["ETag"]
    assert full != empty
    assert poll(headers={"If-None-Match": f'"x", {full}'}).status_code == 304
    number = answer.json()["ocs"]["data"][0]["notification_id"]
    account.ocs(f"{V1}/{number}", "DELETE")
    answer = poll(headers={"If-None-Match": full})
    assert answer.status_code == 200 and answer.headers["ETag"] == empty
    tell(account)
    assert poll(headers={"If-None-Match": full}).status_code == 200  # ids are not used again


# ---- one ----

@pytest.mark.parametrize("path", (V1, V2))
@pytest.mark.parametrize("version", (1, 2))
def test_one(account, path, version):
    tell(account, "a"), tell(account, "b")
    second, first = listed(account)
    assert data(account.ocs(f"{path}/{first['notification_id']}", version=version)) == first
    answer = account.ocs(f"{path}/{first['notification_id']}", "DELETE", version=version)
    assert answer.json()["ocs"] == {
        "meta": {"status": "ok", "statuscode": statuses(100, version)[1], "message": "OK",
                 "totalitems": "", "itemsperpage": ""}, "data": []}
    assert listed(account) == [second]
    # dismissed on another device already
    answer = account.ocs(f"{path}/{first['notification_id']}", "DELETE", version=version)
    assert answer.json()["ocs"]["meta"]["status"] == "ok"


@pytest.mark.parametrize("number", ("999999999", "0", "-1", "x", "1x", "99999999999999999999", "1%2F2"))
@pytest.mark.parametrize("version", (1, 2))
def test_no_such_notification(account, number, version):
    tell(account)
    answer = account.ocs(f"{V1}/{number}", version=version)
    assert answer.json()["ocs"]["meta"]["statuscode"] == 404
    assert answer.status_code == (200 if version == 1 else 404)
    account.ocs(f"{V1}/{number}", "DELETE", version=version)
    assert len(listed(account)) == 1


@pytest.mark.parametrize("path", (V1, V2))
def test_those_of_others(env, account, path):
    other = env.account()
    tell(account)
    number = listed(account)[0]["notification_id"]
    assert listed(other, path) == []
    assert other.ocs(f"{path}/{number}", version=2).status_code == 404
    other.ocs(f"{path}/{number}", "DELETE")
    other.ocs(path, "DELETE")
    assert len(listed(account)) == 1
    env.admin().ocs(f"{path}/{number}", "DELETE")
    assert len(listed(account)) == 1


@pytest.mark.parametrize("path", (V1, V2))
def test_dismiss_all(env, account, path):
    other = env.account()
    tell(account, "a"), tell(account, "b"), tell(other)
    assert account.ocs(path, "DELETE", version=2).status_code == 200
    assert listed(account) == []
    assert len(listed(other)) == 1


def test_methods(account):
    assert account.ocs(V1, "POST").status_code == 405
    assert account.ocs(f"{V1}/1", "PUT").status_code == 405
    head = account.ocs(V1, "HEAD")
    assert head.status_code == 200 and head.content == b"" and "ETag" in head.headers


def test_the_account_goes(env):
    name = env.account().id
    account = env.accounts[-1]
    tell(account)
    env.cloudctl("account", "delete", name, "--yes")
    again = env.account(name)
    assert listed(again) == []


# ---- the feature ----

def test_capability(env, account):
    found = data(account.ocs("cloud/capabilities"))["capabilities"]["notifications"]
    assert found["ocs-endpoints"][:3] == ["list", "get", "delete"]


def test_without_the_module(env, account):
    env.config(before="Define WITHOUT_NOTIFICATIONS")
    try:
        assert "notifications" not in data(account.ocs("cloud/capabilities"))["capabilities"]
        assert account.ocs(V1, version=2).status_code == 404
        assert account.http.get(env.url + OPTIONS).status_code == 404
    finally:
        env.config()


def test_links_have_the_prefix(env, account):
    tell(account, "x", "y", "--link", "/index.php/f/1")
    env.config(base="/owncloud/")
    try:
        assert listed(account)[0]["link"] == f"{env.origin}/owncloud/index.php/f/1"
    finally:
        env.config()


# ---- cloudctl ----

def test_cloudctl(env, account):
    other = env.account()
    group = f"told-{account.id}"
    env.cloudctl("group", "add", group)
    for one in (account, other):
        env.cloudctl("group", "add-member", group, one.id)
    assert env.cloudctl_json("notify", "--group", group, "For all") == {"told": 2}
    assert [one["subject"] for one in listed(account)] == ["For all"]
    assert [one["subject"] for one in listed(other)] == ["For all"]
    for wrong in (["x"], ["--account", "a", "--group", "b", "x"]):
        assert env.cloudctl("notify", *wrong, check=False).returncode == 2
    assert env.cloudctl("notify", "--account", "nobody-at-all", "x", check=False).returncode == 1
    assert env.cloudctl("notify", "--group", "nobody-at-all", "x", check=False).returncode == 1
    done = env.cloudctl("notify", "--account", account.id, "--link", "javascript:x", "x", check=False)
    assert done.returncode == 1 and "links to the web" in done.stderr
    assert len(listed(account)) == 1


# ---- the options ----

def options(account, method="GET", **kwargs):
    return account.http.request(method, account.env.url + OPTIONS, timeout=60, **kwargs)


def test_options(env, account):
    def said(answer):
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    assert said(options(account)) == {"options": {"id": account.id, "email_sending_option": "action"}}
    form = {"email_sending_option": "always"}
    wanted = {"message": "Saved", "options": {"id": account.id, **form}}
    assert said(options(account, "PUT", data=form)) == wanted
    assert said(options(account, "PATCH", data={})) == wanted
    assert said(options(account, "PATCH", data={"email_sending_option": "never"}))["options"][
        "email_sending_option"] == "never"
    other = env.account()
    assert said(options(other))["options"]["email_sending_option"] == "action"

    answer = options(account, "PUT", data={})
    assert (answer.status_code, answer.json()["data"]["errorCode"]) == (400, 3)
    for value in ("", "sometimes", "ALWAYS"):
        answer = options(account, "PUT", data={"email_sending_option": value})
        assert (answer.status_code, answer.json()["data"]["errorCode"]) == (422, 2), value
    answer = options(account, "PATCH", data='{"email_sending_option": "always"}',
                     headers={"Content-Type": "application/json"})
    assert answer.status_code == 415 and "message" in answer.json()["data"]
    wrong = options(account, "POST", data=form)
    assert wrong.status_code == 405 and "PATCH" in wrong.headers["Allow"]
    assert options(account, "PUT", data="email_sending_option=" + "x" * 5000, headers={
        "Content-Type": "application/x-www-form-urlencoded"}).status_code == 413
    assert env.http("GET", OPTIONS).status_code == 401
    assert env.http("PUT", OPTIONS, data=form).status_code == 401
    assert said(options(account))["options"]["email_sending_option"] == "never"


# ---- mail ----

#: Keeps each mail in a file of its own; does what the file "mode" says
SENDMAIL = """#!/bin/sh
dir=$1
case $(cat "$dir/mode" 2>/dev/null) in
fail) cat >/dev/null; echo "no such user"; exit 67;;
hang) echo $$ >"$dir/pid"; exec sleep 1000;;
esac
cat >"$dir/$$.part" && mv "$dir/$$.part" "$dir/$$.mail"
"""


class Mailbox:
    """What the program in place of sendmail was given."""

    def __init__(self, env):
        self.env = env
        self.dir = env.home / "mail"
        self.dir.mkdir()
        self.dir.chmod(0o1777)
        program = self.dir / "sendmail"
        program.write_text(SENDMAIL)
        program.chmod(0o755)
        self.directives = (f'CloudSendmail "{program} {self.dir}"\n'
                           'CloudMailFrom cloud@example.org "Example Cloud"\n'
                           "CloudSetting system overwrite.cli.url https://cloud.example.org/\n")

    def mode(self, text):
        (self.dir / "mode").write_text(text)

    def mails(self):
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                for path in self.dir.glob("*.mail")]

    def wait(self, count=1):
        wait_until(lambda: len(self.mails()) >= count, "a mail")
        return self.mails()

    def queue(self):
        return self.env.cloudctl_json("mail", "list")


@pytest.fixture(name="mailbox")
def fixture_mailbox(new_env):
    env = new_env()
    box = Mailbox(env)
    env.config(box.directives)
    env.start()
    return box


def reader(box, address="reader@example.net"):
    account = box.env.account()
    box.env.cloudctl("account", "email", account.id, address)
    assert options(account, "PUT", data={"email_sending_option": "always"}).status_code == 200
    return account


def test_mail(mailbox):
    account = reader(mailbox)
    mailbox.env.cloudctl("account", "name", account.id, "R\u00e4der, \"R\"\u20ac")
    subject = "N\u00e4ws \U0001f600 " * 20
    tell(account, subject, "First\n.\nFrom here\n\u20ac = end ", "--link", "/index.php/f/1")
    [mail] = mailbox.wait()
    assert sorted(mail.keys()) == sorted([
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding"])
    assert not mail.defects
    assert mail["From"] == "Example Cloud <cloud@example.org>"
    [to] = mail["To"].addresses
    assert to.addr_spec == "reader@example.net"
    assert to.display_name == "R\u00e4der, \"R\"\u20ac"
    assert mail["Subject"] == subject
    assert mail["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[\w.-]+@example\.org>", mail["Message-ID"])
    assert mail["Date"].datetime is not None
    assert mail.get_content() == ("First\n.\nFrom here\n\u20ac = end \n\n"
                                  "https://cloud.example.org/index.php/f/1\n")
    wait_until(lambda: not mailbox.queue(), "an empty queue")


@pytest.mark.parametrize("subject", ("x\nBcc: victim@example.net", "x\r\n\r\nbody", "=?UTF-8?Q?=0ABcc:_v?=",
                                     "x\u2028Bcc: v@example.net", " ", ".", "x" * 300))
def test_nothing_gets_into_the_headers(mailbox, subject):
    account = reader(mailbox)
    tell(account, subject, "text")
    [mail] = mailbox.wait()
    assert len(mail.keys()) == 9
    assert "Bcc" not in mail and "victim" not in str(mail["To"])
    assert mail.get_content() == "text\n"


def test_a_program_that_fails(mailbox):
    env, account = mailbox.env, reader(mailbox)
    mailbox.mode("fail")
    tell(account)
    wait_until(lambda: mailbox.queue() and mailbox.queue()[0]["problem"], "a try")
    [row] = mailbox.queue()
    assert row["problem"] == "exit status 67: no such user"
    assert row["to"] == "reader@example.net" and row["subject"] == "Hello" and row["tries"] == 1
    assert "no such user" in env.cloudctl("mail", "list").stdout
    done = env.cloudctl("mail", "flush", check=False)
    assert done.returncode == 1 and "0 sent, 1 failed" in done.stdout
    mailbox.mode("")
    assert env.cloudctl_json("mail", "flush") == {"sent": 1, "failed": 0}
    assert len(mailbox.mails()) == 1 and not mailbox.queue()


def test_a_program_that_hangs(mailbox):
    """Requests do not wait for it, and the server ends in spite of it."""
    env, account = mailbox.env, reader(mailbox)
    mailbox.mode("hang")
    tell(account)
    wait_until((mailbox.dir / "pid").exists, "the program")
    account.put("file", b"content")
    assert listed(account)
    env.stop()
    wait_until(lambda: not _alive((mailbox.dir / "pid").read_text()), "its end")
    mailbox.mode("")
    env.start()
    mailbox.wait()


def _alive(pid):
    try:
        with open(f"/proc/{int(pid)}/stat", encoding="ascii") as stat:
            return ") Z " not in stat.read()
    except FileNotFoundError:
        return False


def test_a_server_that_is_killed(mailbox):
    """A mail that somebody was about to send waits for a quarter of an hour; others go out."""
    env, account = mailbox.env, reader(mailbox)
    mailbox.mode("hang")
    tell(account, "first")
    wait_until((mailbox.dir / "pid").exists, "the program")
    env.kill()
    mailbox.mode("")
    env.start()
    tell(account, "second")
    assert mailbox.wait()[0]["Subject"] == "second"
    # The mail is there before it is known to be sent.
    wait_until(lambda: [row["subject"] for row in mailbox.queue()] == ["first"], "a mail less that waits")


def test_no_mail_by_default(env, account):
    env.cloudctl("account", "email", account.id, "somebody@example.net")
    options(account, "PUT", data={"email_sending_option": "always"})
    tell(account)
    assert not [row for row in json.loads(env.cloudctl("--json", "mail", "list").stdout)
                if row["to"] == "somebody@example.net"]
    done = env.cloudctl("mail", "flush", check=False)
    assert done.returncode == 1 and "CloudSendmail" in done.stderr


def test_a_command_in_the_database_is_not_run(env, account):
    """Who can change settings must not be able to run programs by that."""
    env.cloudctl("config", "set", "system", "mail_sendmail", "/bin/cat -u", check=False)
    try:
        assert env.cloudctl("mail", "flush", check=False).returncode == 1
    finally:
        env.cloudctl("config", "delete", "system", "mail_sendmail", check=False)
