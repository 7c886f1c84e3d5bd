"""Logins by mod_auth_gssapi, as conf.d/cloud-kerberos.conf has it, with a real KDC."""

import pytest
import requests

from harness.env import SRC
from harness.kerberos import REALM, Realm
from harness.ldap import PEOPLE, Directory


@pytest.fixture(name="realm", scope="module")
def fixture_realm(module_env):
    realm = Realm()
    realm.person("kalice")
    realm.person("kbert")
    realm.person("svc/host")
    before = dict(module_env.environ)
    module_env.environ.update(realm.environ)
    module_env.leaks = False
    yield realm
    module_env.leaks = True
    module_env.environ = before
    module_env.config()
    realm.close()


def configure(env, realm, more="", modules=()):
    escaped = REALM.replace(".", "\\.")
    env.config(f"""
Define CLOUD_KEYTAB "{realm.keytab}"
Define CLOUD_REALM "{escaped}"
Include "{SRC}/conf.d/cloud-kerberos.conf"
{more}
""", modules=("auth_gssapi", *modules))


def url(env, path):
    # The ticket is for HTTP/localhost
    return f"http://localhost:{env.port}/{path}"


def test_a_ticket_opens_the_account(env, realm):
    configure(env, realm)
    status, body = realm.curl("kalice", url(env, "ocs/v2.php/cloud/user?format=json"))
    assert (status, '"id":"kalice"' in body.replace(" ", "")) == (200, True)
    assert env.cloudctl_json("account", "show", "kalice")["source"] == "kerberos"
    status, _ = realm.curl("kalice", "-X", "PROPFIND", "-H", "Depth: 0",
                           url(env, "remote.php/dav/files/kalice/"))
    assert status == 207
    status, _ = realm.curl("kalice", "-T", str(realm.home / "krb5.conf"),
                           url(env, "remote.php/dav/files/kalice/krb5.conf"))
    assert status == 201
    # Only people of the realm become accounts of their first name
    status, _ = realm.curl("svc/host", url(env, "ocs/v2.php/cloud/user"))
    assert status == 403


def test_without_a_ticket(env, realm):
    configure(env, realm)
    answer = env.http("PROPFIND", "remote.php/webdav/")
    assert answer.status_code == 401
    announced = answer.raw.headers.getlist("WWW-Authenticate")
    assert sorted(line.split()[0] for line in announced) == ["Basic", "Negotiate"]
    local = env.account()
    assert local.propfind("").first
    env.expect_log("auth_gssapi:error")
    for token in ("Negotiate", "Negotiate YWJj", "Negotiate !!!"):
        answer = requests.get(env.url + "ocs/v2.php/cloud/user", timeout=60,
                              headers={"Authorization": token})
        assert answer.status_code == 401, token


def test_disabled_and_app_passwords(env, realm):
    configure(env, realm)
    assert realm.curl("kbert", url(env, "ocs/v2.php/cloud/user"))[0] == 200
    secret = env.cloudctl("app-password", "create", "kbert", "phone").stdout.strip()
    assert requests.get(env.url + "ocs/v2.php/cloud/user", auth=("kbert", secret),
                        timeout=60).status_code == 200
    env.cloudctl("account", "disable", "kbert")
    assert realm.curl("kbert", url(env, "ocs/v2.php/cloud/user"))[0] == 403
    env.cloudctl("account", "enable", "kbert")
    assert realm.curl("kbert", url(env, "ocs/v2.php/cloud/user"))[0] == 200


def test_the_directory_tells_the_rest(env, realm):
    """The ticket says who, LDAP whether and what: in variables that are set while it authorises."""
    ldap = Directory()
    try:
        ldap.person("kalice", name="Alice A", mail="kalice@example.org")
        ldap.group("staff", "kalice")
        configure(env, realm, f"""<LocationMatch "^/(remote.php|ocs)">
    AuthLDAPURL "{ldap.url}/{PEOPLE}?uid,cn,mail,memberOf?sub"
    <RequireAny>
        Require method OPTIONS
        Require ldap-filter objectClass=person
    </RequireAny>
    CloudUserName   AUTHORIZE_CN
    CloudUserEmail  AUTHORIZE_MAIL
    CloudUserGroups AUTHORIZE_MEMBEROF "; "
    CloudGroupMap   "~^cn=([^,]+)," "$1"
</LocationMatch>""", modules=("ldap", "authnz_ldap"))
        assert realm.curl("kalice", url(env, "ocs/v2.php/cloud/user"))[0] == 200
        account = env.cloudctl_json("account", "show", "kalice")
        assert (account["display_name"], account["email"], account["groups"]) == \
            ("Alice A", "kalice@example.org", ["staff"])
        realm.person("kcarl")
        env.expect_log("AH01631|AH0173|AH0172|authnz_ldap")
        assert realm.curl("kcarl", url(env, "ocs/v2.php/cloud/user"))[0] in (401, 403)
        assert env.cloudctl("account", "show", "kcarl", check=False).returncode == 1
    finally:
        ldap.close()
