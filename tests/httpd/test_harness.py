"""The server starts, stops and reads its configuration; the kit itself works."""

import os
import signal

import pytest

from harness.env import wait_until
from harness.logs import ErrorLog


def test_status_is_anonymous(env):
    answer = env.http("GET", "status.php")
    assert answer.status_code == 200
    assert answer.json()["installed"] is True
    assert answer.json()["maintenance"] is False


def test_several_processes(env):
    assert len(wait_until(lambda: len(env.children()) >= 2 and env.children(), "two children")) >= 2


def test_login_is_asked_for(env):
    for path in ("remote.php/webdav/", "remote.php/dav/files/", "remote.php/dav/files",
                 "ocs/v1.php/cloud/user", "ocs/v2.php/cloud/capabilities"):
        answer = env.http("PROPFIND" if "remote" in path else "GET", path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="ownCloud"'), path


def test_options_need_no_login(env):
    answer = env.http("OPTIONS", "remote.php/webdav/")
    assert answer.status_code == 200
    assert answer.headers["DAV"].replace(" ", "").startswith("1,2")


def test_unknown_paths_are_404(env):
    for path in ("nothing", ".well-known/openid-configuration", "index.php/nothing"):
        assert env.http("GET", path).status_code == 404, path


def test_encoded_slash_is_refused(env, account):
    request = (f"GET {account.path()}a%2Fb HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               f"Authorization: {account.authorization}\r\n\r\n")
    assert b" 404 " in env.raw(request.encode()).split(b"\r\n")[0]


def test_account_can_store_and_fetch(account):
    account.put("a b+c%.txt", b"content")
    answer = account.get("a b+c%.txt")
    assert answer.status_code == 200
    assert answer.content == b"content"
    listing = account.propfind("", depth=1)
    assert listing.names() == ["a b+c%.txt"]
    assert listing.first["d:resourcetype"] == "d:collection"


def test_data_survives_restarts(env, account):
    account.put("kept.txt", b"kept")
    env.restart()
    assert account.get("kept.txt").content == b"kept"
    env.restart(graceful=True)
    assert account.get("kept.txt").content == b"kept"


def test_data_survives_kill(new_env):
    env = new_env().start()
    account = env.account()
    account.put("kept.txt", b"kept")
    env.kill()
    env.start()
    assert account.get("kept.txt").content == b"kept"


def test_a_dead_child_is_replaced(env, account):
    account.put("kept.txt", b"kept")
    before = set(wait_until(lambda: len(env.children()) >= 2 and env.children(), "two children"))
    victim = sorted(before)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in env.children(), "the end of the child")
    account.close()
    assert account.get("kept.txt").content == b"kept"


def test_prefix(env, account):
    env.config(base="/owncloud/")
    assert env.http("GET", "status.php").status_code == 200
    account.put("x.txt", b"x")
    listing = account.propfind("", depth=1)
    assert list(listing)[0].startswith("/owncloud/remote.php/dav/files/")
    account.move("x.txt", "y.txt", expect=(201,))
    assert account.get("y.txt").content == b"x"
    env.config()
    assert env.http("GET", "owncloud/status.php").status_code == 404
    assert account.get("y.txt").content == b"x"


@pytest.mark.parametrize("line", [
    "CloudEngine perhaps",
    "CloudDurability half",
    "CloudQuota lots",
    "CloudDataDir relative/path",
    "CloudBase no-slash",
    "CloudSetting core",
    "CloudSetting core pollinterval soon",
    "CloudSetting nonsense nonsense 1",
])
def test_configtest_refuses(env, line):
    code, output = env.configtest(line)
    assert code != 0
    assert line.split()[0] in output


def test_configtest_accepts_the_default(env):
    code, output = env.configtest()
    assert code == 0, output
    assert output.strip() == "Syntax OK"


def test_configtest_refuses_data_below_a_document_root(env):
    code, output = env.configtest(f'DocumentRoot "{env.home}"')
    assert code != 0
    assert "DocumentRoot" in output
    code, output = env.configtest(f'Alias /oops "{env.data}"')
    assert code != 0
    assert "Alias" in output


@pytest.mark.parametrize("line,bad", [
    ("[mpm_event:error] [pid 7:tid 7] (9)Bad file descriptor: AH00468: error closing socket", False),
    ("[mpm_event:error] [pid 7:tid 8] (9)Bad file descriptor: AH00468: error closing socket", True),
    ("[mpm_event:error] [pid 7:tid 7] (5)Input/output error: AH00468: error closing socket", True),
    ("[core:error] [pid 7:tid 7] (9)Bad file descriptor: AH00468: error closing socket", True),
    ("[core:notice] [pid 7:tid 7] AH00094: Command line: 'httpd'", False),
    ("free(): corrupted unsorted chunks", True),
])
def test_lines_that_fail_a_test(tmp_path, line, bad):
    log = ErrorLog(tmp_path)
    stamp = "[Sat Nov 28 03:14:51.938527 2026] " if line.startswith("[") else ""
    assert log.is_bad(stamp + line) is bad
