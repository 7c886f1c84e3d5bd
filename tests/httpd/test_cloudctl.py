"""cloudctl: the commands, what the running server sees of them, options, exit codes, privileges."""

import json
import os
import pty
import pwd
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness.env import BUILD, USER

DONE, FAILED, USAGE = 0, 1, 2


def ctl_json(env, *args, **kwargs):
    return json.loads(env.cloudctl("--json", *args, **kwargs).stdout)


def status(account):
    return account.dav("PROPFIND", depth=0).status_code


def let_in(folder):
    """The server's user may pass to it. pytest makes folders that only their owner may enter, one for each of
    its processes."""
    top = Path(tempfile.gettempdir())
    while folder not in (top, folder.parent):
        folder.chmod(0o755)
        folder = folder.parent


#: What httpd logs of a login that fails
REFUSED = "AH0161[78]: user .*(Password Mismatch|not found)"


# ---- usage ----

@pytest.mark.parametrize("args, code", [
    ((), USAGE),
    (("--help",), DONE),
    (("help", "account"), DONE),
    (("account", "add", "--help"), DONE),
    (("--version",), DONE),
    (("nonsense",), USAGE),
    (("account",), USAGE),
    (("account", "add"), USAGE),
    (("account", "show", "a", "b"), USAGE),
    (("account", "add", "x", "--nonsense"), USAGE),
    (("account", "add", "x", "secret"), USAGE),           # a password can't be an argument
    (("account", "add", "x", "--password-stdin=secret"), USAGE),
    (("account", "delete", "nobody", "--yes=1"), USAGE),
    (("account", "show"), USAGE),
    (("uploads", "expire", "--max-age"), USAGE),
    (("uploads", "expire", "--max-age", "soon"), USAGE),
    (("account", "show", "nobody"), FAILED),
    (("account", "delete", "nobody", "--yes"), FAILED),
    (("config", "get", "no", "such"), FAILED),
    (("config", "set", "core", "lock_timeout_max", "long"), FAILED),
    (("app-password", "revoke", "nobody", "x"), FAILED),
])
def test_exit_code(env, args, code):
    done = env.cloudctl(*args, check=False)
    assert done.returncode == code, done.stderr
    if code == DONE:
        assert done.stdout and not done.stderr
    else:
        assert done.stderr
    if code == FAILED:
        assert not done.stdout


def test_help_names_every_command(env):
    text = env.cloudctl("--help").stdout
    for command in ("account add", "account passwd", "app-password create", "group add-member",
                    "config list", "status",
                    "maintenance data-fingerprint", "uploads expire"):
        assert command in text


def test_json_error(env):
    done = env.cloudctl("account", "show", "nobody", "--json", check=False)
    assert done.returncode == FAILED
    assert json.loads(done.stdout)["error"]["code"] == "NOT_FOUND"


def test_data_dir(env, tmp_path):
    """--data-dir=DIR, the environment; and a directory that is none of ours."""
    tool = f"{BUILD}/.libs/cloudctl"
    environ = {**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs", "CLOUD_DATA_DIR": str(env.data)}
    for args, extra in ((["status", "--json"], environ),
                        ([f"--data-dir={env.data}", "status", "--json"],
                         {**environ, "CLOUD_DATA_DIR": "/nowhere"})):
        done = subprocess.run([tool, *args], env=extra, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["data_dir"] == str(env.data)
    other = tmp_path / "other"
    other.mkdir()
    if env.root:
        user = pwd.getpwnam(USER)
        os.chown(other, user.pw_uid, user.pw_gid)
        let_in(tmp_path)
    done = subprocess.run([tool, "--data-dir", other, "account", "list"], env=environ,
                          capture_output=True, text=True, check=False)
    assert done.returncode == FAILED and "marker" in done.stderr
    assert not list(other.iterdir())
    done = subprocess.run([tool, "--data-dir", other, "init"], env=environ, capture_output=True,
                          text=True, check=False)
    assert done.returncode == DONE, done.stderr
    done = subprocess.run([tool, "--data-dir", other, "account", "list", "--json"], env=environ,
                          capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


# ---- privileges ----

@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
class TestPrivileges:
    def test_files_belong_to_the_server(self, env, account):
        user = pwd.getpwnam(USER)
        env.cloudctl("config", "set", "core", "lock_timeout_max", "5000")
        env.cloudctl("config", "delete", "core", "lock_timeout_max")
        for folder, _, names in os.walk(env.data):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                assert os.lstat(path).st_uid == user.pw_uid, path
        assert not os.stat(env.data / "accounts" / account.id).st_mode & 0o077

    def test_root_is_not_the_owner(self, env, tmp_path):
        tmp_path.chmod(0o755)
        done = subprocess.run(
            [f"{BUILD}/.libs/cloudctl", "--data-dir", tmp_path, "account", "add", "x",
             "--no-password"], env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs"},
            capture_output=True, text=True, check=False)
        assert done.returncode == FAILED and "root" in done.stderr
        assert not list(tmp_path.iterdir())

    def test_user_option(self, env, tmp_path):
        let_in(tmp_path)
        data = tmp_path / "data"
        done = subprocess.run(
            [f"{BUILD}/.libs/cloudctl", "--data-dir", data, "--user", USER, "init"],
            env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs"}, capture_output=True,
            text=True, check=False)
        assert done.returncode == DONE, done.stderr
        assert data.stat().st_uid == pwd.getpwnam(USER).pw_uid
        assert stat.S_IMODE(data.stat().st_mode) == 0o750

    def test_roots_folders_stay(self, env, tmp_path):
        """A backup to a place that is in use takes it away from nobody."""
        tmp_path.chmod(0o700)
        (tmp_path / "something").touch()
        assert env.cloudctl("backup", tmp_path, check=False).returncode == FAILED
        assert tmp_path.stat().st_uid == 0
        assert [path.name for path in tmp_path.iterdir()] == ["something"]

    def test_password_file_of_root(self, env, account, tmp_path):
        """The file is read with the caller's rights, everything else with the owner's."""
        secret = tmp_path / "secret"
        secret.write_text("from-a-file\n")
        secret.chmod(0o600)
        env.cloudctl("account", "passwd", account.id, "--password-file", secret)
        account.close()
        account.password = "from-a-file"
        assert status(account) == 207


# ---- accounts ----

def test_account(env, account):
    shown = ctl_json(env, "account", "show", account.id)
    assert shown["id"] == account.id and shown["enabled"] is True
    assert shown["quota"] == "default" and shown["quota_bytes"] is None
    assert shown["email"] is None
    account.put("f", b"x" * 1000)
    assert ctl_json(env, "account", "show", account.id)["used"] == 1000
    assert ctl_json(env, "account", "show", account.id)["last_login"]
    assert account.id in [a["id"] for a in ctl_json(env, "account", "list")]
    assert [a["id"] for a in ctl_json(env, "account", "list", account.id)] == [account.id]
    assert account.id in env.cloudctl("account", "list").stdout
    env.cloudctl("account", "name", account.id, "Ä Name")
    env.cloudctl("account", "email", account.id, "a@example.org")
    shown = ctl_json(env, "account", "show", account.id.upper())
    assert shown["display_name"] == "Ä Name" and shown["email"] == "a@example.org"
    assert shown["language"] == "en" and shown["groups"] == []
    assert ctl_json(env, "account", "language", account.id, "pt_BR")["language"] == "pt_BR"
    assert account.ocs("cloud/user").json()["ocs"]["data"]["language"] == "pt_BR"
    assert env.cloudctl("account", "language", account.id, "../x", check=False).returncode == FAILED
    assert ctl_json(env, "account", "language", account.id, "")["language"] == "en"
    assert env.cloudctl("account", "add", account.id, "--no-password",
                        check=False).returncode == FAILED


def test_add_options(env):
    shown = ctl_json(env, "account", "add", "addopts", "--display-name=A B", "--email", "x@y.z",
                     "--quota", "5 GB", "--no-password")
    assert shown["display_name"] == "A B" and shown["quota"] == 5 << 30


def test_first_account_is_an_administrator(tmp_path):
    tool = [f"{BUILD}/.libs/cloudctl", "--data-dir", tmp_path / "data", "--user", USER]
    environ = {**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs"}

    def run(*args):
        return subprocess.run([*tool, *args], env=environ, capture_output=True, text=True,
                              check=True, cwd="/")

    let_in(tmp_path)
    assert "administrator" in run("account", "add", "one", "--no-password").stderr
    assert not run("user", "add", "two", "--no-password").stderr
    assert json.loads(run("group", "show", "admin", "--json").stdout)["members"] == ["one"]
    assert json.loads(run("user", "show", "two", "--json").stdout)["groups"] == []


def test_groups(env, account):
    other = env.account()
    assert env.cloudctl("group", "add", "a/b %é").stdout == "Group a/b %é was created.\n"
    assert env.cloudctl("group", "add", "a/b %é", check=False).returncode == FAILED
    shown = ctl_json(env, "group", "add-member", "a/b %é", account.id, other.id.upper())
    assert shown["members"] == sorted([account.id, other.id])
    assert shown["source"] == "database" and shown["subadmins"] == []
    assert ctl_json(env, "account", "show", other.id)["groups"] == ["a/b %é"]
    assert "a/b %é" in env.cloudctl("account", "show", other.id).stdout
    assert env.cloudctl("group", "add-subadmin", "a/b %é", other.id, check=False).returncode == FAILED
    env.cloudctl("config", "set", "system", "allow_subadmins", "yes")
    assert ctl_json(env, "group", "add-subadmin", "a/b %é", other.id)["subadmins"] == [other.id]
    assert ctl_json(env, "group", "remove-subadmin", "a/b %é", other.id)["subadmins"] == []
    env.cloudctl("config", "delete", "system", "allow_subadmins")
    env.cloudctl("group", "name", "a/b %é", "The group")
    assert ctl_json(env, "group", "list", "the GROUP") == ["a/b %é"]
    assert "admin" in env.cloudctl("group", "list").stdout.splitlines()
    shown = ctl_json(env, "group", "remove-member", "a/b %é", account.id)
    assert shown["members"] == [other.id] and shown["display_name"] == "The group"
    env.cloudctl("group", "delete", "a/b %é", "--yes")
    assert env.cloudctl("group", "show", "a/b %é", check=False).returncode == FAILED
    assert env.cloudctl("group", "delete", "admin", "--yes", check=False).returncode == FAILED
    shown = ctl_json(env, "account", "add", "grouped", "--no-password", "--group", "admin")
    assert shown["groups"] == ["admin"]
    assert env.cloudctl("account", "add", "nogroup", "--no-password", "--group", "none",
                        check=False).returncode == FAILED
    env.cloudctl("account", "delete", "grouped", "--yes")


def test_quota(env, account):
    env.cloudctl("account", "quota", account.id, "1 KB")
    account.put("f", b"x" * 1025, expect=(507,))
    account.put("f", b"x" * 1024)
    env.cloudctl("account", "quota", account.id, "none")
    account.put("f", b"x" * 5000)
    assert env.cloudctl("account", "quota", account.id, "much", check=False).returncode == FAILED


def test_password(env, account):
    env.expect_log(REFUSED)
    assert status(account) == 207
    env.cloudctl("account", "passwd", account.id, "--password-stdin", input="other\nnot this\n")
    assert status(account) == 401
    account.close()
    account.password = "other"
    assert status(account) == 207
    assert env.cloudctl("account", "passwd", account.id, "--password-stdin", input="\n",
                        check=False).returncode == FAILED
    assert status(account) == 207


def test_disable(env, account):
    env.expect_log(REFUSED)
    assert status(account) == 207
    env.cloudctl("account", "disable", account.id)
    assert status(account) == 401
    env.cloudctl("account", "enable", account.id)
    assert status(account) == 207


def test_delete(env):
    env.expect_log(REFUSED)
    account = env.account()
    account.put("f", b"x")
    done = subprocess.run(
        [f"{BUILD}/.libs/cloudctl", "--data-dir", env.data, "account", "delete", account.id],
        env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, start_new_session=True)
    assert done.returncode == USAGE and "--yes" in done.stderr  # nobody there to be asked
    assert status(account) == 207
    env.cloudctl("account", "delete", account.id, "--yes")
    assert status(account) == 401
    env.cloudctl("maintenance", "run")
    assert account.id not in os.listdir(env.data / "accounts")


def at_terminal(env, args, answers):
    """Runs cloudctl at a terminal of its own; answers are pairs of prompt and what is typed."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ["LD_LIBRARY_PATH"] = f"{BUILD}/.libs"
        os.execv(f"{BUILD}/.libs/cloudctl",
                 ["cloudctl", "--data-dir", str(env.data), *args])
    shown = b""
    end = time.monotonic() + 60
    for prompt, answer in answers:
        while prompt not in shown[shown.rfind(b"\n") + 1:]:
            assert time.monotonic() < end
            shown += os.read(master, 1000)
        os.write(master, answer + b"\n")
    try:
        while chunk := os.read(master, 1000):
            shown += chunk
    except OSError:  # the terminal's other end is closed
        pass
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_prompts(env):
    env.expect_log(REFUSED)
    code, shown = at_terminal(env, ["account", "add", "prompted"],
                              [(b"Password for prompted: ", b"typed pw"),
                               (b"Again: ", b"typed pw")])
    assert code == DONE and b"typed pw" not in shown
    account = env.account("dummy" + str(time.time_ns()))
    account.id, account.password = "prompted", "typed pw"
    assert status(account) == 207
    code, shown = at_terminal(env, ["account", "passwd", "prompted"],
                              [(b"New password for prompted: ", b"a"), (b"Again: ", b"b")])
    assert code == FAILED and b"differ" in shown
    assert status(account) == 207
    code, shown = at_terminal(env, ["account", "delete", "prompted"], [(b"[y/N] ", b"n")])
    assert code == FAILED
    assert status(account) == 207
    code, shown = at_terminal(env, ["account", "delete", "prompted"], [(b"[y/N] ", b"y")])
    assert code == DONE
    assert status(account) == 401


def test_app_passwords(env, account):
    env.expect_log(REFUSED)
    secret = env.cloudctl("app-password", "create", account.id, "phone").stdout.strip()
    other = ctl_json(env, "account", "app-password", "create", account.id, "desk")
    assert other["name"] == "desk"
    assert env.cloudctl("app-password", "create", account.id, "phone",
                        check=False).returncode == FAILED
    main, account.password = account.password, secret
    account.close()
    assert status(account) == 207
    listed = {p["name"]: p for p in ctl_json(env, "app-password", "list", account.id)}
    assert set(listed) == {"phone", "desk"}
    assert listed["phone"]["last_used"] and not listed["desk"]["last_used"]
    env.cloudctl("app-password", "revoke", account.id, "phone")
    assert status(account) == 401
    account.close()
    account.password = other["password"]
    assert status(account) == 207
    account.close()
    account.password = main
    assert status(account) == 207
    assert secret not in env.cloudctl("app-password", "list", account.id).stdout


# ---- settings ----

def test_config(env):
    before = ctl_json(env, "config", "get", "system", "version.hide")
    assert before["value"] is False and before["layer"] == "default"
    assert env.http("GET", "status.php").json()["version"]
    env.cloudctl("config", "set", "system", "version.hide", "true")
    try:
        assert env.cloudctl("config", "get", "system", "version.hide").stdout == "true\n"
        assert ctl_json(env, "config", "get", "system", "version.hide")["layer"] == "database"
        assert env.http("GET", "status.php").json()["version"] == ""
    finally:
        env.cloudctl("config", "delete", "system", "version.hide")
    assert ctl_json(env, "config", "get", "system", "version.hide")["layer"] == "default"
    assert env.http("GET", "status.php").json()["version"]


def test_config_list(env):
    listed = ctl_json(env, "config", "list")
    assert len(listed) > 5
    assert all({"app", "key", "value", "layer", "default", "help"} <= set(s) for s in listed)
    assert {s["app"] for s in ctl_json(env, "config", "list", "core")} == {"core"}


def test_config_of_the_server(env):
    """What httpd.conf fixes wins, and cloudctl knows it."""
    env.config("CloudQuota \"7 KB\"\nCloudSetting core lock_timeout_default 77\n")
    setting = ctl_json(env, "config", "get", "core", "lock_timeout_default")
    assert setting["value"] == 77 and setting["layer"] == "file"
    assert "7 KB" in env.cloudctl("config", "get", "files", "default_quota").stdout
    done = env.cloudctl("config", "set", "core", "lock_timeout_default", "99")
    assert "stays in force" in done.stderr
    assert ctl_json(env, "config", "get", "core", "lock_timeout_default")["value"] == 77
    account = env.account()
    assert ctl_json(env, "account", "show", account.id)["quota_bytes"] == 7 << 10
    env.config()
    setting = ctl_json(env, "config", "get", "core", "lock_timeout_default")
    assert setting["value"] == 99 and setting["layer"] == "database"
    env.cloudctl("config", "delete", "core", "lock_timeout_default")


# ---- state and maintenance ----

def test_status(env, account):
    shown = ctl_json(env, "status")
    assert shown["accounts"] >= 1 and shown["available"] > 0
    assert shown["maintenance"] is False and shown["instance"].startswith("oc")
    assert shown["data_dir"] == str(env.data)
    assert shown["instance"] in account.prop("", "oc:id")
    assert shown["instance"] in env.cloudctl("status").stdout


def test_maintenance(env, account):
    assert ctl_json(env, "maintenance", "status") == {"maintenance": False, "fixed": False}
    env.cloudctl("maintenance", "on")
    try:
        assert ctl_json(env, "maintenance", "status")["maintenance"] is True
        assert status(account) == 503
        assert env.http("GET", "status.php").json()["maintenance"] is True
    finally:
        env.cloudctl("maintenance", "off")
    assert status(account) == 207


def test_maintenance_fixed(env, account):
    env.config("CloudSetting system maintenance true\n")
    assert ctl_json(env, "maintenance", "status") == {"maintenance": True, "fixed": True}
    done = env.cloudctl("maintenance", "off", check=False)
    assert done.returncode == FAILED and "configuration file" in done.stderr
    assert status(account) == 503
    env.config()
    assert status(account) == 207


def test_fingerprint(env, account):
    before = account.prop("", "oc:data-fingerprint")
    shown = ctl_json(env, "maintenance", "data-fingerprint")["data_fingerprint"]
    assert shown and shown != before
    assert account.prop("", "oc:data-fingerprint") == shown


# ---- uploads ----

def test_uploads(env, account):
    account.mkcol("up1", space="uploads", headers={"OC-Total-Length": "100"})
    account.put("up1/0", b"x" * 60, space="uploads", expect=(201,))
    listed = ctl_json(env, "uploads", "list", account.id)
    assert [(u["name"], u["received"], u["total"]) for u in listed] == [("up1", 60, 100)]
    assert "up1" in env.cloudctl("uploads", "list").stdout
    assert ctl_json(env, "uploads", "expire") == {"removed": 0}
    assert ctl_json(env, "uploads", "expire", "--max-age", "0")["removed"] >= 1
    assert ctl_json(env, "uploads", "list", account.id) == []
    assert account.dav("PROPFIND", "up1", "uploads", depth=1).status_code == 404
    assert not os.listdir(env.data / "accounts" / account.id / "staging")


# ---- files changed behind the server's back ----

def write(env, account, path, data):
    """A file as somebody who logs in by ssh would leave it."""
    place = env.data / "accounts" / account.id / "files" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    if env.root:
        user = pwd.getpwnam(USER)
        for made in (place, place.parent):
            os.chown(made, user.pw_uid, user.pw_gid)
    return place


def test_scan(env, account):
    account.put("kept", b"x")
    etag = account.etag()
    write(env, account, "dir/new", b"new content")
    assert account.get("dir/new").status_code == 404
    found = ctl_json(env, "scan", "--account", account.id)
    assert found["added"] == 2 and found["vanished"] == 0 and found["refused"] is False
    assert sorted(f["path"] for f in found["findings"]) == ["dir", "dir/new"]
    assert account.get("dir/new").content == b"new content"
    assert account.etag() != etag
    etag = account.etag()
    assert ctl_json(env, "scan", "--account", account.id, "dir")["added"] == 0
    assert account.etag() == etag
    assert "2 added" not in env.cloudctl("scan").stdout
    assert env.cloudctl("scan", "dir", check=False).returncode == USAGE
    assert env.cloudctl("scan", "--limit-percent", "101", check=False).returncode == USAGE


def test_scan_vanished(env, account):
    account.put("kept", b"x")
    write(env, account, "gone", b"x")
    env.cloudctl("scan", "--account", account.id)
    (env.data / "accounts" / account.id / "files" / "gone").unlink()
    env.expect_log("is missing|can't be opened|gone")
    assert account.get("gone").status_code == 503
    done = env.cloudctl("scan", "--account", account.id, check=False)
    assert done.returncode == FAILED and "--allow-vanish" in done.stderr
    assert account.get("gone").status_code == 503
    found = ctl_json(env, "scan", "--account", account.id, "--limit-percent", "60")
    assert found["vanished"] == 1 and not found["refused"]
    assert account.get("gone").status_code == 404
    assert account.get("kept").content == b"x"


def test_fsck(env, account):
    account.put("f", b"content")
    found = ctl_json(env, "fsck", "--hashes", "--account", account.id)
    assert found["found"] == 0 and found["files"] == 1
    place = write(env, account, "stranger", b"x")
    done = env.cloudctl("--json", "fsck", "--account", account.id, check=False)
    assert done.returncode == FAILED
    assert [f["path"].lstrip("/") for f in json.loads(done.stdout)["findings"]] == ["stranger"]
    assert place.exists()  # fsck only reads
    done = env.cloudctl("fsck", "--account", account.id, "--repair")
    assert "repaired" in done.stdout
    assert env.cloudctl("fsck", "--account", account.id).returncode == DONE
    kept = [path for path in (env.data / "accounts" / account.id).rglob("*")
            if path.is_file() and path.read_bytes() == b"x"]
    assert kept  # what belongs nowhere is moved away, not deleted


# ---- backup ----

def test_backup(env, account, tmp_path):
    """A copy made while the server runs, restored elsewhere: the same, but for the fingerprint."""
    let_in(tmp_path)
    if env.root:
        tmp_path.chmod(0o777)
    account.mkcol("d")
    account.put("d/f", b"content" * 1000, headers={"X-OC-Mtime": "1500000000"})
    before = account.propfind("d/f").first
    copy, data = tmp_path / "copy", tmp_path / "data"
    done = ctl_json(env, "backup", copy)
    assert done["files"] >= 1 and done["bytes"] >= 7000
    assert env.cloudctl("backup", copy, check=False).returncode == FAILED  # it is not empty
    account.put("d/f", b"changed later")

    def restored(*args):
        return subprocess.run([f"{BUILD}/.libs/cloudctl", "--json", "--data-dir", "data", *args],
                              env={**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs"},
                              cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    restored("restore", "copy")
    assert (data / "accounts" / account.id / "files/d/f").read_bytes() == b"content" * 1000
    assert json.loads(restored("fsck", "--hashes"))["found"] == 0
    assert json.loads(restored("account", "show", account.id))["used"] == 7000
    shown = json.loads(restored("status"))
    assert shown["instance"] in before["oc:id"]
    assert shown["data_fingerprint"] != ctl_json(env, "status")["data_fingerprint"]
    assert account.get("d/f").content == b"changed later"
