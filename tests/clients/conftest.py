"""Stock clients, each run with a home of its own. The server comes from the common fixtures."""

import itertools
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from desktop import KINDS, Desktop
from harness.access import AccessLog


class Clients:
    """Runs clients; each method returns the finished process (returncode, stdout, stderr)."""

    def __init__(self, home):
        self.home = home

    def environ(self, more=None):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8",
                "XDG_RUNTIME_DIR": str(self.home), "QT_QPA_PLATFORM": "offscreen", **(more or {})}

    def run(self, command, environ=None, check=True, timeout=60, **kwargs):
        try:
            done = subprocess.run([str(arg) for arg in command], env=self.environ(environ),
                                  timeout=timeout, check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", **kwargs)
        except subprocess.TimeoutExpired as hung:
            text = (hung.output or b"").decode("utf-8", "replace")
            raise AssertionError(f"{command[0]} hangs:\n{text[-8000:]}") from None
        if check:
            assert done.returncode == 0, \
                f"{command[0]}: exit {done.returncode}\n{done.stdout[-8000:]}"
        return done

    def run_until(self, stop, command, environ=None, timeout=60):
        """Like run() without check; the client is ended as soon as its output has the text."""
        client = self.start(command, environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace")
        timer = threading.Timer(timeout, client.kill)
        timer.start()
        output = []
        for line in client.stdout:
            output.append(line)
            if stop in line:
                client.kill()
        timer.cancel()
        code = client.wait()
        return subprocess.CompletedProcess(command, code, "".join(output))

    def start(self, command, environ=None, **kwargs):
        """Starts a client that the test is going to end."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                   "stderr": subprocess.DEVNULL, **kwargs}
        return subprocess.Popen([str(arg) for arg in command], env=self.environ(environ), **streams)

    def folder(self, name):
        """A new local folder."""
        path = self.home / name
        path.mkdir()
        return path

    def desktop(self, kind, account, folder, *args, url=None):
        """The command line of a desktop client: owncloudcmd or nextcloudcmd."""
        command = [kind, "--non-interactive", *args]
        if kind == "owncloudcmd":
            # Debian's package has no list of names to leave out, and the client needs one
            exclude = self.home / "owncloud-exclude.lst"
            exclude.write_text("*~\n")
            command += ["--exclude", exclude]
        return [*command, "-u", account.id, "-p", account.password, folder,
                (url or account.env.url).rstrip("/")]

    def rclone(self, account, *args, vendor="owncloud", url=None, **kwargs):
        """rclone with a remote called "cloud:"."""
        (self.home / "rclone.conf").touch()
        secret = self.run(["rclone", "obscure", account.password]).stdout.strip()
        environ = {
            "RCLONE_CONFIG": str(self.home / "rclone.conf"),
            "RCLONE_CONFIG_CLOUD_TYPE": "webdav",
            "RCLONE_CONFIG_CLOUD_URL": url or account.url(),
            "RCLONE_CONFIG_CLOUD_VENDOR": vendor,
            "RCLONE_CONFIG_CLOUD_USER": account.id,
            "RCLONE_CONFIG_CLOUD_PASS": secret,
            **kwargs.pop("environ", {}),
        }
        return self.run(["rclone", *args], environ=environ, **kwargs)

    def cadaver(self, account, script, url=None, **kwargs):
        """Feeds a script (lines of commands) to cadaver."""
        netrc = self.home / ".netrc"
        netrc.write_text(f"machine 127.0.0.1 login {account.id} password {account.password}\n")
        netrc.chmod(0o600)
        return self.run(["cadaver", url or account.url()], input=script, **kwargs)

    def litmus(self, account, *suites, url=None, **kwargs):
        environ = {"TESTS": " ".join(suites), **kwargs.pop("environ", {})} if suites else None
        return self.run(["litmus", "-k", url or account.url(), account.id, account.password],
                        environ=environ, cwd=self.home, **kwargs)


def place_for_homes():
    """In memory where there is room: the server's disk is what is tested, not the clients'."""
    shm = "/dev/shm"
    if os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > 2 << 30:
        return shm
    return None


@pytest.fixture(name="clients")
def fixture_clients():
    home = Path(tempfile.mkdtemp(prefix="cloud-clients-", dir=place_for_homes()))
    home.chmod(0o755)
    yield Clients(home)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(name="log")
def fixture_log(env):
    """The access log since the test's begin."""
    return AccessLog(env)


@pytest.fixture(name="kind", params=KINDS)
def fixture_kind(request):
    """Each desktop client in turn."""
    return request.param


@pytest.fixture(name="computer")
def fixture_computer(clients, kind):
    """Makes computers with an empty folder: computer(account), computer(account, client)."""
    numbers = itertools.count(1)

    def make(account, which=None, **kwargs):
        folder = clients.folder(f"computer{next(numbers)}")
        return Desktop(clients, which or kind, account, folder, **kwargs)

    return make
