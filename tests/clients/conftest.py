"""Stock clients, each run with a home of its own. The server comes from the fixtures of all tests."""

import shutil
import subprocess
from pathlib import Path

import pytest


class Clients:
    """Runs clients; each method returns the finished process (returncode, stdout, stderr)."""

    def __init__(self, home):
        self.home = home

    def run(self, command, environ=None, check=True, timeout=900, **kwargs):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8",
               "XDG_RUNTIME_DIR": str(self.home), "QT_QPA_PLATFORM": "offscreen", **(environ or {})}
        done = subprocess.run([str(arg) for arg in command], env=env, timeout=timeout, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", **kwargs)
        if check:
            assert done.returncode == 0, \
                f"{command[0]}: exit {done.returncode}\n{done.stdout[-8000:]}"
        return done

    def folder(self, name):
        """A new local folder."""
        path = self.home / name
        path.mkdir()
        return path

    def owncloudcmd(self, account, folder, *args, **kwargs):
        # Debian's package has no list of names to leave out, and the client will not run without one
        exclude = self.home / "owncloud-exclude.lst"
        exclude.write_text("*~\n")
        return self.run(["owncloudcmd", "--non-interactive", "--exclude", exclude, *args,
                         "-u", account.id, "-p", account.password, folder,
                         account.env.url.rstrip("/")], **kwargs)

    def nextcloudcmd(self, account, folder, *args, **kwargs):
        return self.run(["nextcloudcmd", "--non-interactive", *args, "-u", account.id,
                         "-p", account.password, folder, account.env.url.rstrip("/")], **kwargs)

    def rclone(self, account, *args, vendor="owncloud", url=None, **kwargs):
        """rclone with a remote called "cloud:"."""
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


@pytest.fixture(name="clients")
def fixture_clients(tmp_path):
    home = Path(tmp_path) / "clients"
    home.mkdir()
    yield Clients(home)
    shutil.rmtree(home, ignore_errors=True)
