"""Start, stop, graceful restart, maintenance, a disk that is not mounted, a process that must go."""

import contextlib
import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
import requests

from harness.dav import error
from harness.env import SRC, wait_until
from harness.module import compile_module

MAINTENANCE = ("Sabre\\DAV\\Exception\\ServiceUnavailable", "System in maintenance mode.")
NOT_MOUNTED = ("Sabre\\DAV\\Exception\\ServiceUnavailable", "Storage is temporarily not available")


class Load:
    """Clients that put and get until told to stop; everything that is not a success is kept."""

    def __init__(self, account, clients=4):
        self.account = account
        self.stop = threading.Event()
        self.done = 0
        self.wrong = []
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]

    def _run(self, n):
        session = self.account.session()
        turn = 0
        while not self.stop.is_set():
            turn += 1
            content = f"{n} {turn}".encode() * 200
            answer = self._send("PUT", n, session, data=content)
            if answer is not None and answer.status_code not in (201, 204):
                self.wrong.append(f"PUT {answer.status_code} {answer.text}")
            answer = self._send("GET", n, session)
            if answer is not None and (answer.status_code != 200 or answer.content != content):
                self.wrong.append(f"GET {answer.status_code} {answer.text[:200]}")
            self.done += 2
        session.close()

    def _send(self, method, n, session, **kwargs):
        """A server may close an idle connection at the moment when a client uses it again; every
        client then sends the request once more on a new one (RFC 9112, 9.3.1)."""
        for attempt in (1, 2):
            try:
                return self.account.dav(method, f"load{n}", session=session, **kwargs)
            except requests.ConnectionError as problem:
                if attempt == 2:
                    self.wrong.append(repr(problem))
        return None

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_until(lambda: self.done > 20, "the load to begin")
        return self

    def __exit__(self, *exc):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def progress(self, requests_=40):
        before = self.done
        wait_until(lambda: self.done > before + requests_, "progress")


# ---- start and stop ----

def test_what_a_job_has_used_is_gone_before_the_process_ends(new_env):
    """The thread of jobs is still there when libraries clean up; a sanitizer tells what it leaves."""
    env = new_env()
    module = compile_module(Path(__file__).with_name("mod_test_job.c"), env.home, "-D_GNU_SOURCE",
                            *(f"-I{SRC}/modules/{name}" for name in ("core", "cloud")),
                            SRC / "modules/cloud/client.c")
    env.config(f"LoadModule test_job_module {module}")
    env.start()
    log = env.home / "logs/error.log"
    wait_until(lambda: "the test job has run" in log.read_text("utf-8"), "the job")
    env.stop()
    assert not env.problems()


def test_the_parent_makes_nothing_in_the_data_directory(new_env):
    env = new_env()
    assert not env.data.exists()
    env.start()
    wait_until(lambda: (env.data / "cloud.db").exists(), "the database")
    owner = env.data.stat().st_uid
    if env.root:
        assert owner != 0
    mode = stat.S_IMODE(env.data.stat().st_mode)
    assert mode & 0o007 == 0
    for path in env.data.rglob("*"):
        assert path.stat().st_uid == owner, path
    env.expect_log("CloudDataDir: made")


def test_stop_is_clean(new_env):
    env = new_env().start()
    account = env.account()
    account.put("x", b"x")
    env.stop()
    assert "exit signal" not in env.log.files()[0].read_text()
    env.start()
    assert account.get("x").content == b"x"


def test_graceful_restart_under_load(env, account):
    env.expect_log("AH03490")  # ServerLimit leaves no room for a third generation of processes
    with Load(account) as load:
        for _ in range(3):
            load.progress()
            env.restart(graceful=True)
        load.progress()
    assert not load.wrong
    assert load.done > 100


def test_graceful_restart_takes_a_new_configuration(env, account):
    with Load(account, 2) as load:
        env.conf.write_text(env.conf.read_text() + "\nCloudSetting system pollinterval 77000\n")
        env.restart(graceful=True)
        load.progress()
    assert not load.wrong

    def poll():
        with account.session() as session:
            answer = session.get(f"{env.url}ocs/v1.php/cloud/capabilities?format=json", timeout=60)
        return answer.json()["ocs"]["data"]["capabilities"]["core"]["pollinterval"]

    # old processes may live on until their connections end
    wait_until(lambda: {poll() for _ in range(6)} == {77000}, "the new configuration")
    env._write_config()
    env.restart()


def test_graceful_stop_lets_requests_end(new_env):
    env = new_env().start()
    account = env.account()
    sent = threading.Event()

    def body():
        for _ in range(20):
            yield b"x" * 1000
            sent.set()
            time.sleep(0.05)  # a slow client, not a wait for something

    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        account.dav("PUT", "slow", data=body(), session=account.session()).status_code))
    thread.start()
    assert sent.wait(60)
    env.process.send_signal(signal.SIGWINCH)
    thread.join()
    env.process.wait(60)
    env._gone()
    assert answers == [201]
    env.start()
    assert len(account.get("slow").content) == 20000


# ---- maintenance ----

def maintenance_answers(env, account):
    for method, path in (("PROPFIND", "remote.php/webdav/"), ("GET", "remote.php/webdav/x"),
                         ("PUT", "remote.php/webdav/x"), ("OPTIONS", "remote.php/webdav/"),
                         ("PROPFIND", f"remote.php/dav/files/{account.id}/"),
                         ("MKCOL", f"remote.php/dav/uploads/{account.id}/1")):
        for who in (account, None):
            answer = env.http(method, path, who)
            assert answer.status_code == 503, (method, path)
            assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
            assert error(answer) == MAINTENANCE
    answer = env.http("GET", "ocs/v1.php/cloud/user?format=json", account)
    assert answer.status_code == 503
    assert answer.json()["ocs"]["meta"]["statuscode"] == 503
    status = env.http("GET", "status.php")
    assert status.status_code == 200
    assert status.json()["maintenance"] is True
    assert status.json()["installed"] is True


def test_maintenance_by_cloudctl(env, account):
    account.put("x", b"x")
    env.cloudctl("maintenance", "on")
    try:
        for _ in range(4):
            maintenance_answers(env, account)
            env.close_connections()
    finally:
        env.cloudctl("maintenance", "off")
    assert account.get("x").content == b"x"
    assert env.http("GET", "status.php").json()["maintenance"] is False


def test_maintenance_by_directive(env, account):
    env.config("CloudMaintenance on")
    maintenance_answers(env, account)
    # the rest of the host goes on
    (env.home / "htdocs/x.html").write_text("x")
    assert env.http("GET", "x.html").text == "x"
    env.config()
    assert account.propfind("").first


def test_maintenance_of_one_place(env, account):
    env.config('<Location "/remote.php/dav/uploads">\nCloudMaintenance on\n</Location>')
    assert account.propfind("").first
    assert error(account.dav("MKCOL", "1", "uploads")) == MAINTENANCE
    env.config()


# ---- a disk that is not mounted ----

def test_not_mounted_at_start(new_env):
    env = new_env().start()
    account = env.account()
    account.put("x", b"x")
    env.stop()
    away = env.home / "away"
    env.data.rename(away)
    env.data.mkdir()
    os.chown(env.data, away.stat().st_uid, away.stat().st_gid)
    env.expect_log("can't be opened; requests are answered 503")
    env.start()
    for _ in range(3):
        answer = account.dav("PROPFIND", "")
        assert answer.status_code == 503
        assert error(answer) == NOT_MOUNTED
        env.close_connections()
    answer = account.ocs("cloud/user")
    assert answer.status_code == 503
    status = env.http("GET", "status.php")
    assert (status.status_code, status.json()["maintenance"]) == (200, False)
    assert not list(env.data.iterdir()), "nothing is made in what may be a mount point"
    # tried again at most every few seconds, and told once a minute at most by each process
    assert env.log.files()[0].read_text().count("can't be opened") <= len(env.children()) + 2
    env.data.rmdir()
    away.rename(env.data)

    def works():
        env.close_connections()
        return account.get("x").status_code == 200
    wait_until(works, "the disk to be noticed", 20)
    for _ in range(4):
        wait_until(works, "every process", 20)


def test_not_mounted_and_accounts_made_at_login(new_env):
    """An empty place must never look like an account without files."""
    env = new_env()
    htpasswd = env.home / "htpasswd"
    htpasswd.write_text("carol:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    env.config(f"""<Location "/remote.php">
    AuthBasicProvider file
    AuthUserFile "{htpasswd}"
    CloudAccountAutoCreate on
</Location>""")
    env.start()
    url = f"{env.url}remote.php/webdav/"

    def listing():
        return requests.request("PROPFIND", url, auth=("carol", "secret"), timeout=60,
                                headers={"Depth": "1"}).status_code
    assert listing() == 207
    env.stop()
    away = env.home / "away"
    env.data.rename(away)
    env.data.mkdir()
    os.chown(env.data, away.stat().st_uid, away.stat().st_gid)
    env.expect_log("can't be opened; requests are answered 503")
    env.start()
    assert listing() == 503
    env.stop()
    env.data.rmdir()
    away.rename(env.data)


# ---- jobs ----

def test_jobs_run(env, account):
    """What was deleted is unlinked by the watchdog, without anybody asking."""
    account.put("gone", b"x" * 100000)
    account.mkcol("folder")
    account.put("folder/also gone", b"y" * 100000)
    account.delete("gone")
    account.delete("folder")

    def sizes():
        found = []
        # It passes over what goes meanwhile
        for folder, _, names in os.walk(env.data / "accounts" / account.id):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    if os.stat(os.path.join(folder, name)).st_size == 100000:
                        found.append(name)
        return found

    account.dav("DELETE", "", "trash-bin")
    wait_until(lambda: not sizes(), "the files to be unlinked")


# ---- processes ----

def test_killed_children_do_not_matter(env, account):
    env.expect_log("exit signal Killed")
    with Load(account) as load:
        for _ in range(3):
            load.progress()
            os.kill(env.children()[0], signal.SIGKILL)
        wait_until(lambda: len(env.children()) >= 2, "new children")
        load.progress()
    # connections of the killed ones broke; nothing else went wrong
    assert not [line for line in load.wrong if not line.startswith("ConnectionError")]
    account.close()
    assert account.get("load0").status_code == 200


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_stop_signals(new_env, sig):
    env = new_env().start()
    account = env.account()
    account.put("x", b"x")
    env.process.send_signal(sig)
    env.process.wait(60)
    env._gone()
    env.start()
    assert account.get("x").content == b"x"
