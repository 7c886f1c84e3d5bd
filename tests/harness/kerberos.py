"""A real MIT KDC on loopback, with a realm of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .env import free_port, wait_until

REALM = "EXAMPLE.ORG"

KRB5_CONF = """[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
{realm} = {{
    kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
"""

KDC_CONF = """[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
    database_name = {home}/principal
    key_stash_file = {home}/stash
    acl_file = {home}/acl
}}
[logging]
kdc = FILE:{home}/kdc.log
"""


class Realm:
    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="cloud-test-krb5-"))
        self.home.chmod(0o755)
        self.port = free_port()
        values = {"realm": REALM, "port": self.port, "home": self.home}
        (self.home / "krb5.conf").write_text(KRB5_CONF.format(**values))
        (self.home / "kdc.conf").write_text(KDC_CONF.format(**values))
        self.keytab = self.home / "http.keytab"
        self.environ = {"KRB5_CONFIG": str(self.home / "krb5.conf"),
                        "KRB5_KDC_PROFILE": str(self.home / "kdc.conf")}
        self._run("/usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["/usr/sbin/krb5kdc", "-n"], env=self._environ(),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(self._answers, "the KDC")
        self._admin("addprinc -randkey HTTP/localhost")
        self._admin(f"ktadd -k {self.keytab} HTTP/localhost")
        self.keytab.chmod(0o644)  # of no use to anybody else

    def _answers(self):
        assert self.process.poll() is None, "krb5kdc did not start"
        try:
            socket.create_connection(("127.0.0.1", self.port), 10).close()
            return True
        except ConnectionRefusedError:
            return False

    def _environ(self, **more):
        return {**os.environ, **self.environ, **more}

    def _run(self, *command, input="", **more):  # pylint: disable=redefined-builtin
        done = subprocess.run(command, env=self._environ(**more), input=input, text=True,
                              capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _admin(self, query):
        self._run("/usr/sbin/kadmin.local", "-r", REALM, "-q", query)

    def person(self, name, password="secret"):
        self._admin(f"addprinc -pw {password} {name}")

    def curl(self, name, *args, password="secret"):
        """curl with a ticket of somebody: (status, body)."""
        cache = str(self.home / f"cc-{name.replace('/', '-')}")
        self._run("kinit", name, input=password + "\n", KRB5CCNAME=cache)
        out = self._run("curl", "-s", "--negotiate", "-u", ":", "-w", "\n%{http_code}", *args,
                        KRB5CCNAME=cache)
        body, _, status = out.rpartition("\n")
        return int(status), body

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)
