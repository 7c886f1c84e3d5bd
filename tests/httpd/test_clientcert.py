"""Logins by a certificate, as conf.d/cloud-clientcert.conf has it."""

import subprocess

import pytest
import requests

from harness.env import SRC, free_port


class Authority:
    """A certification authority, with openssl."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                      f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True,
                       timeout=60)

    def certificate(self, name, subject, names=""):
        """(certificate, key) files."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={names}\n" if names else "")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-utf8", "-subj", subject, "-keyout",
                      f"{name}.key", "-out", f"{name}.csr")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey",
                      f"{self.name}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
                      "-out", f"{name}.pem")
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")


@pytest.fixture(name="authority", scope="module")
def fixture_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "authority")


@pytest.fixture(name="tls", scope="module")
def fixture_tls(module_env, authority):
    """A host of the server that takes certificates: its URL, and the authority of its own."""
    server = authority.certificate("server", "/CN=localhost", "IP:127.0.0.1")
    port = free_port()
    module_env.leaks = False
    module_env.config(f"""
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLCertificateFile "{server[0]}"
    SSLCertificateKeyFile "{server[1]}"
    Define CLOUD_CLIENT_CA "{authority.folder}/authority.pem"
    Include "{SRC}/conf.d/cloud-clientcert.conf"
    <LocationMatch "^/(remote.php|ocs)">
        CloudUserName "%{{SSL:SSL_CLIENT_S_DN_G}} %{{SSL:SSL_CLIENT_S_DN_S}}"
        CloudUserGroups SSL_CLIENT_S_DN_OU
    </LocationMatch>
</VirtualHost>
""", modules=("socache_shmcb", "ssl"))
    yield f"https://127.0.0.1:{port}/", f"{authority.folder}/authority.pem"
    module_env.leaks = True
    module_env.config()


def ask(tls, cert=None, path="ocs/v2.php/cloud/user?format=json", method="GET", **kwargs):
    return requests.request(method, tls[0] + path, cert=cert, verify=tls[1], timeout=60, **kwargs)


def test_a_certificate_opens_the_account(env, tls, authority):
    cert = authority.certificate("calice", "/OU=staff/GN=Alice/SN=Ärmel/CN=calice",
                                 "email:alice@example.org")
    data = ask(tls, cert).json()["ocs"]["data"]
    assert (data["id"], data["display-name"], data["email"]) == \
        ("calice", "Alice Ärmel", "alice@example.org")
    account = env.cloudctl_json("account", "show", "calice")
    assert (account["source"], account["groups"]) == ("certificate", ["staff"])
    path = "remote.php/dav/files/calice/x.txt"
    assert ask(tls, cert, path, "PUT", data=b"hello").status_code == 201
    assert ask(tls, cert, path).content == b"hello"
    # Whoever has a certificate is who it says, whatever else is sent
    local = env.account()
    assert ask(tls, cert, auth=local.auth).json()["ocs"]["data"]["id"] == "calice"


def test_without_a_certificate(env, tls):
    assert ask(tls).status_code == 401
    local = env.account()
    assert ask(tls, auth=local.auth).json()["ocs"]["data"]["id"] == local.id


def test_another_authority(env, tls, tmp_path):
    env.expect_log("AH02039|AH02261|AH02008|SSL Library Error|Re-negotiation")
    cert = Authority(tmp_path, "other").certificate("calice", "/CN=calice")
    with pytest.raises(requests.ConnectionError):
        ask(tls, cert)


def test_a_disabled_account_is_out_at_once(env, tls, authority):
    cert = authority.certificate("cbert", "/CN=cbert")
    assert ask(tls, cert).status_code == 200
    env.cloudctl("account", "disable", "cbert")
    assert ask(tls, cert).status_code == 403
    assert ask(tls, cert, "remote.php/webdav/", "PROPFIND").status_code == 403


def test_a_name_that_can_t_be_one(env, tls, authority):
    cert = authority.certificate("odd", "/CN=a|b")
    assert ask(tls, cert).status_code == 403
