"""A real slapd on loopback, with people and groups of its own."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .env import SRC, free_port, wait_until

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ROOT_DN = f"cn=manager,{SUFFIX}"
ROOT_PASSWORD = "manager's secret"

CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {home}/slapd.pid
sizelimit {sizelimit}
database mdb
suffix "{suffix}"
rootdn "{root_dn}"
rootpw "{root_password}"
directory {home}/db
overlay memberof
index objectClass,uid eq
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""

BASE = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups
"""


class Directory:
    def __init__(self, sizelimit=500):
        self.home = Path(tempfile.mkdtemp(prefix="cloud-test-ldap-"))
        (self.home / "db").mkdir()
        self.port = free_port()
        self.conf = self.home / "slapd.conf"
        self.conf.write_text(CONF.format(home=self.home, suffix=SUFFIX, root_dn=ROOT_DN,
                                         root_password=ROOT_PASSWORD, sizelimit=sizelimit))
        self.process = None
        self.start()
        self.add(BASE)

    @property
    def url(self):
        return f"ldap://127.0.0.1:{self.port}"

    def start(self):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", "-f", str(self.conf), "-h", self.url + "/", "-d", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            assert self.process.poll() is None, "slapd did not start"
            try:
                socket.create_connection(("127.0.0.1", self.port), 10).close()
                return True
            except ConnectionRefusedError:
                return False

        wait_until(answers, "slapd")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program, *args, input):  # pylint: disable=redefined-builtin
        subprocess.run([program, "-x", "-H", self.url, "-D", ROOT_DN, "-w", ROOT_PASSWORD, *args],
                       input=input, text=True, check=True, capture_output=True, timeout=60)

    def add(self, ldif):
        self._run("ldapadd", input=ldif)

    def modify(self, ldif):
        self._run("ldapmodify", input=ldif)

    def delete(self, dn):
        self._run("ldapdelete", dn, input="")

    # ---- people and groups ----

    @staticmethod
    def dn(uid):
        return f"uid={uid},{PEOPLE}"

    def person(self, uid, password="secret", name=None, mail=None, **more):
        lines = [f"dn: {self.dn(uid)}", "objectClass: inetOrgPerson", f"uid: {uid}",
                 f"cn: {name or uid}", "sn: x", f"userPassword: {password}"]
        if mail:
            lines.append(f"mail: {mail}")
        lines += [f"{key}: {value}" for key, value in more.items()]
        self.add("\n".join(lines) + "\n")

    def replace(self, uid, attribute, value):
        self.modify(f"dn: {self.dn(uid)}\nchangetype: modify\nreplace: {attribute}\n"
                    f"{attribute}: {value}\n")

    def group(self, name, *uids):
        members = "".join(f"member: {self.dn(uid)}\n" for uid in uids)
        self.add(f"dn: cn={name},{GROUPS}\nobjectClass: groupOfNames\ncn: {name}\n{members}")

    def member(self, name, uid, out=False):
        self.modify(f"dn: cn={name},{GROUPS}\nchangetype: modify\n{'delete' if out else 'add'}: member\n"
                    f"member: {self.dn(uid)}\n")

    def search(self, *more):
        """Command line that lists everybody."""
        return ["ldapsearch", "-LLL", "-x", "-H", self.url, "-b", PEOPLE, "-E", "pr=100/noprompt",
                "(objectClass=inetOrgPerson)", "uid", "cn", "mail", *more]

    # ---- a server that asks it ----

    def configure(self, env, more="", ttl=600):
        """conf.d/cloud-ldap.conf on env; members of the group "bosses" are administrators."""
        url = f"{self.url}/{PEOPLE}?uid,cn,mail,memberOf?sub?(objectClass=inetOrgPerson)"
        env.config(f"""
Define CLOUD_LDAP_URL "{url}"
Define CLOUD_LDAP_BIND_DN "{ROOT_DN}"
Define CLOUD_LDAP_PASSWORD "{ROOT_PASSWORD}"
LDAPCacheTTL {ttl}
Include "{SRC}/conf.d/cloud-ldap.conf"
<LocationMatch "^/(remote.php|ocs|index.php)">
    CloudGroupMap "cn=bosses,{GROUPS}" admin
    CloudGroupMap "~^cn=([^,]+)," "$1"
    {more}
</LocationMatch>
""", modules=("ldap", "authnz_ldap"))
