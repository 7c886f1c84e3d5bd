"""OCS: the envelope in both formats and versions, the calls of the foundation, status.php."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
import requests

AUTH_FAILURE = "AH01617|AH01618"  # mod_auth_basic logs them as errors
VERSIONS = (1, 2)


def meta(answer):
    """(status, statuscode, message) of either format."""
    if answer.headers["Content-Type"] == "application/json; charset=utf-8":
        found = answer.json()["ocs"]["meta"]
        return found["status"], found["statuscode"], found["message"]
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    found = ElementTree.fromstring(answer.content).find("meta")
    return found.findtext("status"), int(found.findtext("statuscode")), found.findtext("message")


def data(answer):
    return answer.json()["ocs"]["data"]


# ---- status.php ----

def test_status_php(env):
    answer = env.http("GET", "status.php")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.content) < 4096
    status = answer.json()
    assert status["installed"] is True
    assert status["maintenance"] is False
    assert status["needsDbUpgrade"] is False
    assert status["productname"] == "ownCloud"
    assert "productversion" not in status
    assert tuple(map(int, status["version"].split(".")))[:1] >= (10,)
    assert status["version"].startswith(status["versionstring"])


def test_status_php_head_and_other_methods(env):
    answer = env.http("HEAD", "status.php")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) == len(env.http("GET", "status.php").content)
    answer = env.http("POST", "status.php", data=b"x")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert env.http("GET", "status.php/more").status_code == 404


def test_status_php_needs_no_login_and_ignores_a_wrong_one(env):
    assert requests.get(env.url + "status.php", auth=("nobody", "x"), timeout=60).status_code == 200


# ---- the envelope ----

@pytest.mark.parametrize("version,code", [(1, 100), (2, 200)])
def test_success_json(account, version, code):
    answer = account.ocs("cloud/user", version=version)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == {"ocs": {
        "meta": {"status": "ok", "statuscode": code, "message": "OK", "totalitems": "",
                 "itemsperpage": ""},
        "data": {"id": account.id, "display-name": account.id, "email": None, "language": "en"}}}


@pytest.mark.parametrize("version,code", [(1, 100), (2, 200)])
@pytest.mark.parametrize("fmt", ["xml", None])
def test_success_xml_byte_by_byte(account, version, code, fmt):
    answer = account.ocs("cloud/user", version=version, fmt=fmt)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert answer.text == f"""<?xml version="1.0"?>
<ocs>
 <meta>
  <status>ok</status>
  <statuscode>{code}</statuscode>
  <message>OK</message>
  <totalitems></totalitems>
  <itemsperpage></itemsperpage>
 </meta>
 <data>
  <id>{account.id}</id>
  <display-name>{account.id}</display-name>
  <email/>
  <language>en</language>
 </data>
</ocs>
"""


@pytest.mark.parametrize("fmt", ["json", "xml"])
@pytest.mark.parametrize("version,http,code", [(1, 200, 998), (2, 404, 404)])
def test_unknown_call(account, version, http, code, fmt):
    for path in ("nothing", "cloud/nothing", "cloud/user/more/still", ""):
        answer = account.ocs(path, version=version, fmt=fmt)
        assert answer.status_code == http, path
        assert meta(answer)[:2] == ("failure", code), path
        assert "html" not in answer.text.lower()


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_call_has_empty_data(account, version):
    assert data(account.ocs("nothing", version=version)) == []
    answer = account.ocs("nothing", version=version, fmt="xml")
    assert "\n <data/>\n" in answer.text


@pytest.mark.parametrize("fmt", ["json", "xml"])
@pytest.mark.parametrize("version,code", [(1, 997), (2, 997)])
def test_unauthorised(env, version, code, fmt):
    env.expect_log(AUTH_FAILURE)
    url = f"{env.url}ocs/v{version}.php/cloud/user?format={fmt}"
    for auth in (None, ("nobody", "wrong")):
        answer = requests.get(url, auth=auth, timeout=60)
        assert answer.status_code == 401
        assert meta(answer) == ("failure", code, "Unauthorised")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="ownCloud", charset="UTF-8"'


@pytest.mark.parametrize("version", VERSIONS)
def test_wrong_method(account, version):
    for method in ("POST", "PUT", "DELETE", "PROPFIND"):
        answer = account.ocs("cloud/user", method, version=version)
        assert answer.status_code == 405, method
        assert meta(answer)[:2] == ("failure", 405)
        assert answer.headers["Allow"] == "OPTIONS, GET, HEAD"


@pytest.mark.parametrize("version", VERSIONS)
def test_head_and_options(account, version):
    get = account.ocs("cloud/user", version=version)
    head = account.ocs("cloud/user", "HEAD", version=version)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(get.content))
    options = account.ocs("cloud/user", "OPTIONS", version=version)
    assert options.status_code == 200
    assert options.headers["Allow"] == "OPTIONS, GET, HEAD"


def test_encoded_path_with_a_body(account):
    """What a request has besides its path does not change how the path is read."""
    for data in (None, b""):
        answer = account.ocs("cloud/%75ser", version=2, data=data)
        assert meta(answer)[:2] == ("ok", 200)
    answer = account.ocs("cloud/%75ser", version=2, data=b"a=b",
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert meta(answer)[:2] == ("ok", 200)


def test_trailing_and_double_slashes(account):
    assert account.ocs("cloud/user/").status_code == 200
    assert meta(account.ocs("cloud/user/"))[1] == 100


def test_only_two_versions(env, account):
    assert env.http("GET", "ocs/v3.php/cloud/user", account).status_code == 404
    assert env.http("GET", "ocs/v1.phpx/cloud/user", account).status_code == 404


# ---- bodies ----

def test_large_body_is_refused(account):
    answer = account.ocs("cloud/user", "POST", data=b"a=" + b"x" * 2000000,
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (405, 413)


def test_query_that_is_not_utf8(env, account):
    answer = env.http("GET", "ocs/v2.php/cloud/user?format=json&x=%ff", account)
    assert answer.status_code == 400
    answer = env.http("GET", "ocs/v2.php/cloud/user?x=%00", account)
    assert answer.status_code == 400
    assert meta(answer)[:2] == ("failure", 400)


# ---- calls ----

@pytest.mark.parametrize("version", VERSIONS)
def test_config_is_anonymous(env, version):
    answer = env.http("GET", f"ocs/v{version}.php/config?format=json")
    assert answer.status_code == 200
    assert data(answer) == {"version": "1.7", "website": "ownCloud", "host": "127.0.0.1",
                            "contact": "", "ssl": "false"}
    assert meta(answer) == ("ok", 100 if version == 1 else 200, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_capabilities(account, version):
    found = data(account.ocs("cloud/capabilities", version=version))
    assert found["version"]["major"] == 10
    assert found["version"]["string"] == "10.15.0"
    capabilities = found["capabilities"]
    assert capabilities["core"]["pollinterval"] == 30000
    assert capabilities["core"]["webdav-root"] == "remote.php/webdav"
    status = dict(capabilities["core"]["status"])
    assert status["installed"] is True
    assert capabilities["dav"]["chunking"] == "1.0"
    assert capabilities["dav"]["propfind"] == {"depth_infinity": False}
    assert capabilities["checksums"] == {"supportedTypes": ["SHA1"], "preferredUploadType": "SHA1"}
    assert capabilities["files"]["bigfilechunking"] is True
    assert capabilities["files"]["favorites"] is True
    assert capabilities["files"]["file_locking_support"] is True
    assert capabilities["files"]["file_locking_enable_file_action"] is False
    assert capabilities["files"]["blacklisted_files"] == [".htaccess"]
    # the Android client can't read capabilities without this number
    assert capabilities["files_sharing"]["search_min_length"] == 2
    assert capabilities["files_sharing"]["api_enabled"] is True


def test_nothing_is_announced_that_is_not_there(account):
    capabilities = data(account.ocs("cloud/capabilities"))["capabilities"]
    for app, key in (("files", "tus_support"), ("dav", "bulkupload")):
        assert not capabilities[app].get(key), (app, key)
    for app in ("spaces", "migration", "async", "end-to-end-encryption"):
        assert app not in capabilities


def test_capabilities_follow_settings_at_once(env, account):
    env.cloudctl("config", "set", "system", "pollinterval", "60000")
    env.cloudctl("config", "set", "system", "blacklisted_files", '[".htaccess","Thumbs.db"]')
    try:
        for _ in range(8):  # whichever process answers
            with account.session() as session:
                answer = session.get(f"{env.url}ocs/v1.php/cloud/capabilities?format=json",
                                     timeout=60)
            found = data(answer)["capabilities"]
            assert found["core"]["pollinterval"] == 60000
            assert found["files"]["blacklisted_files"] == [".htaccess", "Thumbs.db"]
    finally:
        env.cloudctl("config", "delete", "system", "pollinterval")
        env.cloudctl("config", "delete", "system", "blacklisted_files")
    assert data(account.ocs("cloud/capabilities"))["capabilities"]["core"]["pollinterval"] == 30000


def test_capabilities_xml(account):
    root = ElementTree.fromstring(account.ocs("cloud/capabilities", fmt="xml").content)
    found = root.find("data/capabilities")
    assert found.findtext("core/pollinterval") == "30000"
    assert found.findtext("core/status/installed") == "1"
    assert found.findtext("core/status/maintenance") == ""
    assert found.find("files/blacklisted_files/element").text == ".htaccess"


def test_the_id_is_spelled_as_it_was_created(env, account):
    answer = requests.get(f"{env.url}ocs/v2.php/cloud/user?format=json",
                          auth=(account.id.upper(), account.password), timeout=60)
    assert data(answer)["id"] == account.id


def test_names_and_addresses(env):
    account = env.account("Jürgen O'Hara")
    env.cloudctl("account", "name", account.id, "Jürgen <&> \"O'Hara\"")
    env.cloudctl("account", "email", account.id, "j@example.org")
    found = data(account.ocs("cloud/user"))
    assert found == {"id": account.id, "display-name": "Jürgen <&> \"O'Hara\"",
                     "email": "j@example.org", "language": "en"}
    root = ElementTree.fromstring(account.ocs("cloud/user", fmt="xml").content)
    assert root.findtext("data/display-name") == found["display-name"]


def test_own_user_with_quota(env):
    account = env.account(quota="1 MB")
    account.put("x", b"x" * 1000)
    found = data(account.ocs(f"cloud/users/{account.id}"))
    assert found["enabled"] == "true"
    assert found["displayname"] == account.id
    assert found["quota"] == {"used": 1000, "total": 1048576, "free": 1047576, "relative": 0.1,
                              "definition": "1 MB"}
    assert data(account.ocs(f"cloud/users/{account.id}/groups")) == {"groups": []}
    assert "<relative>0.1</relative>" in account.ocs(f"cloud/users/{account.id}", fmt="xml").text


def test_nobody_learns_who_else_is_here(env, account):
    other = env.account()
    answers = [account.ocs(f"cloud/users/{name}", version=2) for name in (other.id, "no-such")]
    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].content == answers[1].content


def test_json_is_valid_for_every_call(account):
    for path in ("config", "cloud/user", "cloud/capabilities", "nothing"):
        json.loads(account.ocs(path).content)


# ---- forms of other sites ----

OWN = "own"  #: stands for the origin of the server
SITES = [
    # headers of the request, taken
    ({}, True),
    ({"Origin": OWN}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxied.example"}, True),
    ({"Sec-Fetch-Site": "cross-site", "OCS-APIREQUEST": "true"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": OWN + "0"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}, False),
]


@pytest.mark.parametrize("headers,taken", SITES)
def test_forms_of_other_sites(env, account, headers, taken):
    """A browser that logs in by itself does it for the form of another site, too."""
    headers = {key: value.replace(OWN, env.url.rstrip("/")) for key, value in headers.items()}
    for version, http in ((1, 200), (2, 200 if taken else 403)):
        name = f"changed {version}"
        account.ocs(f"cloud/users/{account.id}", "PUT", data={"key": "display", "value": "before"})
        url = f"{env.url}ocs/v{version}.php/cloud/users/{account.id}"
        answer = requests.put(url, auth=(account.id, account.password), headers=headers, timeout=60,
                              params={"format": "json"}, data={"key": "display", "value": name})
        assert answer.status_code == http
        assert answer.json()["ocs"]["meta"]["status"] == ("ok" if taken else "failure")
        if not taken:
            assert answer.json()["ocs"]["meta"]["message"] == "Forms of other sites are not taken"
        shown = data(account.ocs("cloud/user"))["display-name"]
        assert shown == (name if taken else "before")
        # Reading changes nothing, and other sites can't see the answer.
        assert requests.get(url, auth=(account.id, account.password), headers=headers,
                            timeout=60).status_code == 200
