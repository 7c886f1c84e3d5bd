"""A real httpd with a data directory of its own, below a temporary folder."""

import ctypes
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import requests

from .account import Account
from .logs import ErrorLog

SRC = Path(os.environ.get("CLOUD_SRC") or Path(__file__).resolve().parents[2])
BUILD = Path(os.environ.get("CLOUD_BUILD") or SRC / "var/build")

#: What a stock Debian host loads, and mod_dav. Env.config(modules=...) adds to it.
MODULES = ("authn_core", "authn_file", "authz_core", "authz_host", "authz_user", "auth_basic",
           "access_compat", "alias", "autoindex", "deflate", "dir", "env", "filter", "headers",
           "mime", "negotiation", "reqtimeout", "setenvif", "status", "dav")

#: At least two processes, always
MPM = """StartServers 2
ServerLimit 16
ThreadsPerChild 16
MaxRequestWorkers 64
MinSpareThreads 32
MaxSpareThreads 64
"""

USER = "www-data"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None)
# Children of a killed httpd become ours, so that their end can be waited for
_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def config_env():
    """What configure found out, see config.env in the build directory."""
    values = {}
    for line in (BUILD / "config.env").read_text().splitlines():
        name, _, value = line.partition("=")
        values[name] = value
    return values


def free_port():
    """A port below the range that outgoing connections use, so that it stays free over a restart."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(condition, what, seconds=60):
    """Polls until condition() is true; its value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Env:
    """One server. Its life: start(), config(), restart(), kill(), stop(), close()."""

    #: All that are open, for the log check of each test
    instances = []
    _names = itertools.count(1)

    def __init__(self, keep=False):
        self.settings = config_env()
        self.sanitized = bool(self.settings.get("PRELOAD"))
        self.home = Path(tempfile.mkdtemp(prefix="cloud-test-")).resolve()
        self.keep = keep or bool(os.environ.get("CLOUD_KEEP"))
        self.data = self.home / "data"
        self.root = os.geteuid() == 0
        for name in ("logs", "run", "htdocs", "sanitizer"):  # data is made by the server
            (self.home / name).mkdir()
        os.chmod(self.home, 0o755)
        os.chmod(self.home / "sanitizer", 0o1777)
        self.port = free_port()
        self.base = "/"
        self.process = None
        self.log = ErrorLog(self.home, self.sanitized)
        self.accounts = []
        self.environ = {}
        #: Whether a sanitizer looks for leaks: not where libraries of stock modules (LDAP, TLS, Kerberos)
        #: leave what they have to the end of the process
        self.leaks = True
        self._config = ("", "", (), "/")
        self._anonymous = None
        self._write_config()
        Env.instances.append(self)

    # ---- places ----

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self):
        """The base URL, with the prefix and a slash at the end."""
        return self.origin + self.base

    @property
    def conf(self):
        return self.home / "httpd.conf"

    # ---- configuration ----

    def _render(self, extra, before, modules, base):
        module_dir = Path(self.settings["HTTPD_MODULES"])
        loads = "\n".join(f"LoadModule {name}_module {module_dir}/mod_{name}.so"
                          for name in (*MODULES, *modules)
                          if (module_dir / f"mod_{name}.so").exists())
        if base != "/":
            before = f"Define CLOUD_BASE {base}\n{before}"
        if self.sanitized:
            # Lets the leak check look into a process that has changed its user
            extra = f'CoreDumpDirectory "{self.home}/sanitizer"\n{extra}'
        values = {
            "HOME": self.home, "SRC": SRC, "BUILD": BUILD, "SERVER_NAME": "localhost",
            "LISTEN": f"127.0.0.1:{self.port}", "MODULES": module_dir, "LOAD_MODULES": loads,
            "USER_GROUP": f"User {USER}\nGroup {USER}" if self.root else "", "MPM": MPM,
            "LOGLEVEL": os.environ.get("CLOUD_LOGLEVEL", "notice"), "BEFORE": before,
            "EXTRA": extra,
        }
        text = (SRC / "build/httpd.conf.in").read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def _write_config(self):
        self.conf.write_text(self._render(*self._config))

    def config(self, extra="", *, before="", modules=(), base="/"):
        """Sets more configuration: extra stands after the Include of cloud.conf, before ahead of it,
        modules are loaded in addition, base is where the cloud lies ("/owncloud/"). A running server
        is started anew if that changes anything. Without arguments: the default again."""
        wanted = (extra, before, tuple(modules), base)
        if wanted == self._config:
            return
        self._config = wanted
        self.base = base
        self._write_config()
        if self.process:
            self.restart()

    def configtest(self, extra="", *, before="", modules=(), base="/"):
        """What "apachectl configtest" says to a configuration, without touching the server:
        (exit code, output)."""
        path = self.home / "configtest.conf"
        path.write_text(self._render(extra, before, modules, base))
        done = self._run([self.settings["HTTPD"], "-t", "-f", str(path)])
        return done.returncode, done.stdout + done.stderr

    # ---- processes ----

    def _environ(self, preload=True):
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TZ": "UTC",
                   "HOME": str(self.home), "LD_LIBRARY_PATH": f"{BUILD}/.libs", **self.environ}
        if self.sanitized:
            log = f"log_path={self.home}/sanitizer/report"
            # Whole stacks of what others allocated for us take twice the time: on demand
            slow = "fast_unwind_on_malloc=0:" if os.environ.get("CLOUD_STACKS") else ""
            environ["ASAN_OPTIONS"] = f"detect_leaks={int(self.leaks)}:{slow}{log}"
            environ["UBSAN_OPTIONS"] = f"halt_on_error=0:print_stacktrace=1:{log}"
            environ["LSAN_OPTIONS"] = (f"suppressions={SRC}/tests/lsan.supp:print_suppressions=0:"
                                       f"exitcode=0:{log}")
            if preload:
                environ["LD_PRELOAD"] = self.settings["PRELOAD"]
        return environ

    def _run(self, command, **kwargs):
        return subprocess.run(command, env=self._environ(), capture_output=True, text=True,
                              timeout=300, check=False, **kwargs)

    def start(self):
        """Starts the server and returns when it answers."""
        assert self.process is None, "the server runs already"
        for _ in range(5):
            if self._start():
                return self
            self.port = free_port()  # somebody was quicker
            self._write_config()
        raise RuntimeError("no port is free")

    def _start(self):
        with open(self.home / "logs/stderr.log", "ab") as stderr:
            # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
            self.process = subprocess.Popen(
                [self.settings["HTTPD"], "-DFOREGROUND", "-f", str(self.conf)], env=self._environ(),
                stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True,
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0))

        def answers():
            if self.process.poll() is not None:
                return True
            try:
                requests.get(f"{self.url}status.php", timeout=10)
                return True
            except requests.ConnectionError:
                return False

        wait_until(answers, "an answer of the server", 120)
        if self.process.poll() is None:
            return True
        self._gone()
        log = "\n".join(self.log.new_lines())
        if "could not bind" in log or "Address already in use" in log:
            self.log.expect("could not bind|Address already in use|no listening sockets")
            return False
        raise RuntimeError(f"httpd did not start:\n{log}")

    def _gone(self):
        """Waits for every process of the server's group; they are all our children by now."""
        pid = self.process.pid
        self.process.wait()
        while True:
            try:
                os.waitpid(-pid, 0)
            except ChildProcessError:
                break
        self.process = None
        self.close_connections()

    def _connections_ended(self, seconds=2):
        """Waits a moment for the threads that are just closing connections. On SIGTERM the event MPM
        closes the sockets of its threads from another one, and both at once can spoil the heap."""
        port = f":{self.port:04X}"

        def closing():
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            return any(row[1].endswith(port) and row[3] in ("05", "08")  # FIN-WAIT-2, CLOSE-WAIT
                       for row in rows)

        self.close_connections()
        try:
            wait_until(lambda: not closing(), "the ends of connections", seconds)
        except TimeoutError:
            pass  # one that a test holds open

    def stop(self):
        """Stops the server cleanly and waits for all its processes."""
        if self.process is None:
            return
        self._connections_ended()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._gone()

    def kill(self):
        """kill -9 to every process of the server at once: a crash."""
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGKILL)
        self._gone()
        (self.home / "httpd.pid").unlink(missing_ok=True)

    def died(self, seconds=60):
        """Waits until the server has ended by itself (a crash point), with all its processes."""
        self.process.wait(seconds)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._gone()
        (self.home / "httpd.pid").unlink(missing_ok=True)

    def restart(self, graceful=False):
        if not graceful:
            self.stop()
            self.start()
            return
        ready = "resuming normal operations"
        log = self.home / "logs/error.log"
        before = log.read_text("utf-8", "replace").count(ready)
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: log.read_text("utf-8", "replace").count(ready) > before,
                   "the graceful restart")

    def children(self):
        """Process ids of the server's children."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in Path(path).read_text().split()]

    def close_connections(self):
        for account in self.accounts:
            account.close()
        if self._anonymous is not None:
            self._anonymous.close()
            self._anonymous = None

    def close(self):
        """Stops the server and removes its folder."""
        try:
            self.stop()
            problems = self.problems()
        finally:
            Env.instances.remove(self)
            if not self.keep:
                shutil.rmtree(self.home, ignore_errors=True)
        assert not problems, "\n".join(problems)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    # ---- the log ----

    def expect_log(self, regex):
        """Announces lines of the error log that this test is going to cause."""
        self.log.expect(regex)

    def problems(self):
        """Unannounced lines of the log and reports of sanitizers since the last mark."""
        found = self.log.problems()
        for report in self.log.sanitizer_reports():
            found += report.splitlines()
        return found

    # ---- the admin ----

    def cloudctl(self, *args, input=None, check=True):  # pylint: disable=redefined-builtin
        """Runs cloudctl, which becomes the server's user by itself. The result has returncode,
        stdout, stderr."""
        done = subprocess.run(
            [f"{BUILD}/.libs/cloudctl", "--data-dir", str(self.data), *map(str, args)],
            env=self._environ(preload=False), input=input, capture_output=True, text=True,
            timeout=600, check=False, cwd="/")
        if check and done.returncode != 0:
            raise AssertionError(f"cloudctl {' '.join(map(str, args))}: exit {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def cloudctl_json(self, *args, **kwargs):
        """What cloudctl prints with --json."""
        return json.loads(self.cloudctl("--json", *args, **kwargs).stdout)

    def account(self, name=None, password=None, quota=None):
        """A new account, with a name of its own unless one is given."""
        name = name or f"user{next(Env._names)}"
        password = password or f"pw-{random.randrange(1 << 48):x}"
        self.cloudctl("account", "add", name, "--password-stdin", "--no-admin",
                      input=password + "\n")
        if quota is not None:
            self.cloudctl("account", "quota", name, quota)
        account = Account(self, name, password)
        self.accounts.append(account)
        return account

    def admin(self):
        """A new account that administers the server."""
        account = self.account()
        self.cloudctl("group", "add-member", "admin", account.id)
        return account

    # ---- requests ----

    @property
    def anonymous(self):
        """A session without login."""
        if self._anonymous is None:
            self._anonymous = requests.Session()
            self._anonymous.trust_env = False
        return self._anonymous

    def http(self, method, path, account=None, **kwargs):
        """A request to an encoded path below the base URL ("status.php")."""
        kwargs.setdefault("timeout", 120)
        kwargs.setdefault("allow_redirects", False)
        session = account.http if account else self.anonymous
        return session.request(method, self.url + path.lstrip("/"), **kwargs)

    def dav(self, method, path="", account=None, **kwargs):
        """Like Account.dav; see there."""
        return account.dav(method, path, **kwargs)

    def raw(self, data, timeout=30):
        """Sends bytes as they are and returns all that comes back until the server closes the
        connection (send "Connection: close")."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as sock:
            sock.sendall(data)
            answer = b""
            while True:
                block = sock.recv(65536)
                if not block:
                    return answer
                answer += block
