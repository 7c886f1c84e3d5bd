"""Directives: what configtest refuses, what servers inherit, where the cloud lies, and that the
rest of the host is left alone."""

import re

import pytest
import requests

from harness.dav import error
from harness.env import SRC

AUTH_FAILURE = "AH01617|AH01618"

#: Lines that must be refused, by directive
REFUSED = {
    "CloudEngine": ["perhaps", ""],
    "CloudBase": ["no-slash", "/a//b", "/a?b", "/a%20b", ""],
    "CloudDataDir": ["relative/path", "", "/no/such/parent/at-all", "/etc/passwd"],
    "CloudDatabase": ["relative.db", "", "/no/such/place/cloud.db"],
    "CloudDurability": ["half", ""],
    "CloudQuota": ["lots", "-5", "5 XB", ""],
    "CloudSetting": ["core", "system pollinterval", "system pollinterval soon",
                     "system pollinterval -1", "nonsense nonsense 1",
                     "system maintenance perhaps", ""],
    "CloudMimeTypes": ["/no/such/file", "/etc", ""],
    "CloudMaintenance": ["perhaps", ""],
    "CloudAccountAutoCreate": ["perhaps", ""],
    "CloudOAuth2": ["perhaps", ""],
    "CloudSignedUrls": ["perhaps", ""],
    "CloudSessionTimeout": ["", "10", "soon", "99999999"],
    "CloudSessionLifetime": ["", "10", "soon", "999999999"],
    "CloudUserSource": ["database", "'a b'", "x" * 33, ""],
    "CloudUserIdMap": ["( x", "x", ""],
    "CloudUserIdCase": ["upper", ""],
    "CloudUserName": ["%{HTTP:X-Name}", "%{HTTP_X}", "%{req:X-Name}", "%{REMOTE_ADDR", ""],
    "CloudUserEmail": ["%{HTTP:X-Mail}", ""],
    "CloudUserQuota": ["%{req_novary:X}", ""],
    "CloudUserGroups": ["%{HTTP:X-Groups}", "x , x", ""],
    "CloudGroupMap": ["~( x", "x", ""],
    "CloudTwoFactor": ["", "perhaps", "optional staff"],
    "CloudSendmail": ["", "/bin/cat -u", "'sendmail -t'", "'/no/such/program -t'", "/tmp", "/etc/passwd",
                      "' '"],
    "CloudMailFrom": ["", "nobody", "'a b@example.org'", "@example.org", "a@example.org,b@example.org",
                      "'Cloud <a@example.org>'"],
    "CloudTrashRetention": ["sometimes", "-1", ""],
    "CloudSkeleton": ["/no/such/dir", "/etc/passwd", ""],
    "CloudPasswordPolicy": ["length", "length 0", "length 73", "digits many", "history 25", "beauty 1",
                            "banned /no/such/file", "banned /etc", ""],
    "CloudRetentionDisk": ["90", "95 90", "90 90", "-1 50", "50 101", "some more", ""],
    "CloudMassChangeFiles": ["-1", "many", ""],
    "CloudMassChangeShare": ["-1", "101", "half", ""],
    "CloudMassChangeTime": ["0", "100000", "long", ""],
    "CloudVersionsRetention": ["", "7", "sometimes", "auto, auto", "-1, auto", "1, 2, 3"],
    "CloudAuthLoginProvider": ["nonsense", "cloud", "file cloud", ""],
    "CloudAuthCacheTTL": ["-1", "long", "100000", ""],
    "CloudAuthThrottle": ["0", "some", "10 0", "10 600 0", "off 5", "5 x", ""],
    "CloudAuthCacheSize": ["0", "many", "1000000000", ""],
    "CloudAuthHashes": ["0", "many", "1000000000", ""],
}

ACCEPTED = """
CloudEngine on
CloudBase /
CloudDurability relaxed
CloudQuota 5 GB
CloudQuota "1.5 GiB"
CloudSetting system pollinterval 60000
CloudMimeTypes /etc/mime.types
CloudVersionsRetention auto
CloudVersionsRetention 7, auto
CloudVersionsRetention "auto,30"
CloudVersionsRetention disabled
CloudSkeleton /etc
CloudSkeleton none
CloudPasswordPolicy length 12
CloudPasswordPolicy lowercase off
CloudPasswordPolicy allowed "#!"
CloudPasswordPolicy history 24
CloudPasswordPolicy banned /etc/passwd
CloudPasswordPolicy banned off
CloudRetentionDisk 0 1
CloudRetentionDisk 99 100
CloudOAuth2 off
CloudOAuth2 always
CloudSignedUrls on
CloudSessionTimeout 1200
CloudTwoFactor optional
CloudTwoFactor required
CloudTwoFactor required staff "some, others"
CloudSessionLifetime 43200
CloudMassChangeFiles off
CloudMassChangeFiles 500
CloudMassChangeShare 20
CloudMassChangeTime 600
CloudSendmail off
CloudSendmail "/bin/cat -u"
CloudMailFrom cloud@example.org
CloudMailFrom cloud@example.org "Example Cloud"
CloudMaintenance on
CloudAccountAutoCreate on
CloudUserSource ldap
CloudUserIdMap "^([^@]+)@EXAMPLE\\.ORG$" "$1"
CloudUserIdCase keep
CloudUserName AUTHENTICATE_CN
CloudUserEmail none
CloudUserQuota "%{reqenv:QUOTA} GB"
CloudUserGroups AUTHENTICATE_MEMBEROF "; "
CloudGroupMap cn=x,dc=y admin
CloudAuthLoginProvider file
CloudAuthCacheTTL 0
CloudAuthThrottle 5 60 60
CloudAuthCacheSize 1024
CloudAuthHashes 4
<Location "/x">
    CloudMaintenance off
    CloudAccountAutoCreate off
    CloudUserIdCase lower
    CloudUserGroups none
    CloudGroupMap "~^cn=([^,]+)" "$1"
    CloudAuthLoginProvider none
    CloudAuthCacheTTL 10
    CloudAuthThrottle off
</Location>
"""


def directives():
    """Every directive that a module declares."""
    found = set()
    for source in (SRC / "modules").rglob("*.c"):
        found |= set(re.findall(r'AP_INIT_\w+\(\s*"(Cloud\w+)"', source.read_text()))
    return found


def test_every_directive_is_tested_and_documented():
    assert directives() == set(REFUSED)
    for place in ("conf.d/cloud.conf", "docs/directives.md"):
        described = (SRC / place).read_text()
        assert not [name for name in directives() if name not in described], place


@pytest.mark.parametrize("line", [f"{name} {value}".strip() for name, values in REFUSED.items()
                                  for value in values])
def test_refused(env, line):
    code, output = env.configtest(line)
    assert code != 0, output
    assert line.split()[0] in output
    assert "Syntax OK" not in output


@pytest.mark.parametrize("lines", ["retention_disk_low 95", "retention_disk_high 90",
                                   "retention_disk_low 60,retention_disk_high 60"])
def test_marks_out_of_order(env, lines):
    """What is fixed alone is compared with the default of the other."""
    code, output = env.configtest("\n".join(f"CloudSetting system {line}"
                                            for line in lines.split(",")))
    assert code != 0
    assert "retention_disk_low" in output and "must be less than" in output
    code, output = env.configtest("CloudSetting system retention_disk_low 40\n"
                                  "CloudSetting system retention_disk_high 60")
    assert code == 0, output


def test_accepted(env):
    code, output = env.configtest(ACCEPTED)
    assert (code, output.strip()) == (0, "Syntax OK")


def test_mail_comes_from_somebody(env):
    code, output = env.configtest('CloudSendmail "/bin/cat -u"')
    assert code != 0
    assert "CloudMailFrom says nothing" in output
    virtual = "Listen 127.0.0.1:1\n<VirtualHost 127.0.0.1:1>\n%s\n</VirtualHost>\n"
    code, output = env.configtest("CloudMailFrom cloud@example.org\nCloudSendmail /bin/cat\n"
                                  + virtual % "CloudEngine off")
    assert code == 0, output


@pytest.mark.parametrize("line", ["CloudEngine on", "CloudBase /x", "CloudDataDir /tmp/x",
                                  "CloudDatabase /tmp/x", "CloudDurability full",
                                  "CloudQuota none", "CloudSetting system maintenance false",
                                  "CloudAuthCacheSize 100", "CloudAuthHashes 4",
                                  "CloudSendmail off", "CloudMailFrom a@example.org"])
def test_server_directives_are_not_for_locations(env, line):
    code, output = env.configtest(f'<Location "/x">\n{line}\n</Location>')
    assert code != 0
    assert f"{line.split()[0]} not allowed in <Location> context" in output


def test_engine_without_a_place(env):
    code, output = env.configtest(before="CloudEngine on\nListen 127.0.0.1:1\n")
    assert code == 0, output  # the default has a CloudDataDir
    conf = env.conf.read_text()
    assert "CloudDataDir" not in conf
    path = env.home / "no-place.conf"
    path.write_text(re.sub(r'(?m)^Include .*$', "CloudEngine on", conf))
    done = env._run([env.settings["HTTPD"], "-t", "-f", str(path)])
    assert done.returncode != 0
    assert "CloudDataDir" in done.stderr


# ---- data must not be served ----

@pytest.mark.parametrize("line", [
    'DocumentRoot "{home}"',
    'DocumentRoot "{data}"',
    'DocumentRoot "{data}/accounts"',
    'DocumentRoot "/"',
    'DocumentRoot "{link}"',
    'Alias /oops "{data}"',
    'Alias "/oops" {home}/',
    'ScriptAlias /oops "{data}/accounts"',
    '<Location "/oops">\nAlias "{data}"\n</Location>',
    '<VirtualHost *:1>\nDocumentRoot "{home}"\n</VirtualHost>',
    '<IfModule mod_alias.c>\nAlias /oops "{data}"\n</IfModule>',
])
def test_data_below_something_that_is_served(env, line):
    link = env.home / "link"
    if not link.exists():
        link.symlink_to(env.data)
    code, output = env.configtest(line.format(home=env.home, data=env.data, link=link))
    assert code != 0
    assert "CloudDataDir" in output
    assert re.search("DocumentRoot|Alias", output)


@pytest.mark.parametrize("line", [
    'DocumentRoot "{home}/htdocs"',
    'Alias /fine "{home}/logs"',
    'Alias /fine "{data}-other"',
    'Redirect /fine https://example.org/',
])
def test_data_beside_what_is_served(env, line):
    code, output = env.configtest(line.format(home=env.home, data=env.data))
    assert code == 0, output


def test_database_below_something_that_is_served(env):
    code, output = env.configtest(f'CloudDatabase "{env.home}/htdocs/cloud.db"')
    assert code != 0
    assert "CloudDatabase" in output


# ---- several servers ----

VHOSTS = """
<VirtualHost *:{port}>
    ServerName first.test
    {first}
</VirtualHost>
<VirtualHost *:{port}>
    ServerName second.test
    {second}
</VirtualHost>
"""


def vhosts(env, first="", second=""):
    return VHOSTS.format(port=env.port, first=first, second=second)


@pytest.mark.parametrize("second,word", [
    ("CloudDurability relaxed", "CloudDurability"),
    ("CloudQuota 5GB", "CloudQuota"),
    ('CloudDatabase "{home}/run/other.db"', "CloudDatabase"),
])
def test_servers_that_share_a_place_agree(env, second, word):
    code, output = env.configtest(vhosts(env, second=second.format(home=env.home)))
    assert code != 0
    assert word in output


def test_two_places_do_not_share_a_database(env):
    one, two = (f'CloudDataDir "{env.home}/{name}"\nCloudDatabase "{env.home}/run/db"'
                for name in ("one", "two"))
    code, output = env.configtest(vhosts(env, one, two))
    assert code != 0
    assert "CloudDatabase" in output


def test_virtual_hosts(env, account):
    """One with a cloud of its own, one without any."""
    env.config(vhosts(env, first=f'CloudDataDir "{env.home}/own"', second="CloudEngine off"))

    def get(host, path="status.php", **kwargs):
        return requests.get(env.url + path, headers={"Host": host}, timeout=60, **kwargs)

    env.expect_log(AUTH_FAILURE)
    user = (account.id, account.password)
    assert get("first.test").status_code == 200
    assert get("first.test", "ocs/v1.php/cloud/user", auth=user).status_code == 401
    assert get("second.test").status_code == 404
    env.cloudctl("--data-dir", f"{env.home}/own", "account", "add", "own", "--password-stdin",
                 input="own\n")
    assert get("first.test", "ocs/v1.php/cloud/user", auth=("own", "own")).status_code == 200
    env.config()
    assert get("x", "ocs/v1.php/cloud/user", auth=user).status_code == 200


# ---- where the cloud lies ----

@pytest.mark.parametrize("base", ["/owncloud/", "/a/b c/"])
def test_prefix(env, account, base):
    env.config(base=base.replace(" ", "_"))
    assert env.http("GET", "status.php").json()["installed"] is True
    account.put("x y.txt", b"x")
    for space in ("files", "webdav"):
        listing = account.propfind("", depth=1, space=space)
        assert all(href.startswith(env.base + "remote.php/") for href in listing)
        assert listing.names() == ["x y.txt"]
    answer = account.move("x y.txt", "z.txt")
    assert answer.status_code == 201
    assert error(account.get("x y.txt"))[0] == "Sabre\\DAV\\Exception\\NotFound"
    assert account.ocs("cloud/user", version=2).status_code == 200
    for path in ("/status.php", "/remote.php/webdav/", "/ocs/v1.php/cloud/user",
                 env.base.rstrip("/") + "x/status.php"):
        assert requests.get(env.origin + path, auth=(account.id, account.password),
                            timeout=60).status_code == 404, path
    # A Destination outside is no place of ours
    answer = account.dav("MOVE", "z.txt", headers={
        "Destination": env.origin + f"/remote.php/dav/files/{account.id}/q.txt"})
    assert answer.status_code in (403, 404, 409, 502)
    env.config()


# ---- the rest of the host ----

def test_other_urls_are_untouched(env):
    htdocs = env.home / "htdocs"
    (htdocs / "site").mkdir(exist_ok=True)
    (htdocs / "site/index.html").write_text("<p>the site</p>")
    (htdocs / "status.php.txt").write_text("not ours")
    (htdocs / "remote.phpx").write_text("not ours either")
    assert env.http("GET", "site/").text == "<p>the site</p>"
    assert env.http("GET", "site").status_code == 301
    assert env.http("GET", "status.php.txt").text == "not ours"
    assert env.http("GET", "remote.phpx").text == "not ours either"
    missing = env.http("GET", "nothing")
    assert missing.status_code == 404
    assert missing.headers["Content-Type"].startswith("text/html")
    assert "d:error" not in missing.text
    assert "DAV" not in env.http("OPTIONS", "site/").headers


def test_the_parents_of_our_places_claim_nothing(env, account):
    for path in ("remote.php", "remote.php/"):
        for method in ("OPTIONS", "PROPFIND", "GET", "MKCOL", "PUT"):
            answer = env.http(method, path, account)
            assert answer.status_code == 404, (method, path)
            assert "DAV" not in answer.headers
            assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotFound"
    assert env.http("GET", "ocs/", account).status_code == 404


def test_no_redirects_to_add_a_slash(env, account):
    account.mkcol("folder")
    for path in (account.path("folder"), account.path("folder", "webdav"),
                 f"{env.base}remote.php/webdav", f"{env.base}remote.php/dav/files"):
        answer = env.anonymous.request("PROPFIND", env.origin + path, auth=account.auth,
                                       headers={"Depth": "0"}, timeout=60, allow_redirects=False)
        assert answer.status_code == 207, path


# ---- what people upload is data ----

CGI = b"#!/bin/sh\necho Content-Type: text/plain\necho\necho executed\n"


def test_uploads_are_inert(env, account):
    """The host executes scripts by extension everywhere; not here."""
    env.config(f"""
Options +ExecCGI +Includes
AddHandler cgi-script .cgi .php .sh
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
AddHandler type-map .var
<Directory />
    AllowOverride All
    Options +ExecCGI +Includes +MultiViews
</Directory>
<FilesMatch "\\.php$">
    SetHandler server-status
</FilesMatch>
AccessFileName .access
""", modules=("cgid", "include"))
    files = {
        "x.cgi": CGI, "x.php": b"<?php echo 1; ?>", "x.sh": CGI,
        "x.shtml": b'<!--#echo var="DATE_LOCAL" --> <!--#exec cmd="id" -->',
        "x.var": b"URI: x.cgi\n\n", ".access": b"Require all denied\nDeny from all\n",
        "index.html": b"<p>index</p>", "x.html.en": b"negotiated?",
    }
    for name, content in files.items():
        account.put(name, content)
    for name, content in files.items():
        answer = account.get(name)
        assert (answer.status_code, answer.content) == (200, content), name
        assert "ETag" in answer.headers
        again = account.get(name, headers={"Range": "bytes=1-2"})
        assert (again.status_code, again.content) == (206, content[1:3]), name
    assert account.get("x.html").status_code == 404
    assert account.get("x").status_code == 404
    assert len(account.propfind("", depth=1)) == len(files) + 1
    assert account.dav("PUT", ".htaccess", data=b"x").status_code == 403
    env.config()


# ---- errors keep their form, whatever the host has configured ----

def test_error_documents_of_the_host_do_not_show(env, account):
    (env.home / "htdocs/oops.html").write_text("<p>oops</p>")
    env.config("""
ErrorDocument 404 /oops.html
ErrorDocument 401 "text of the site"
ErrorDocument 403 /oops.html
<Location "/remote.php">
    ErrorDocument 404 /oops.html
    ErrorDocument 401 "text of the site"
    ErrorDocument 409 /oops.html
</Location>
<Location "/ocs">
    ErrorDocument 401 "text of the site"
</Location>
""")
    answer = account.get("nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotFound"
    answer = account.dav("PUT", "no/parent", data=b"x")
    assert answer.status_code == 409
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\Conflict"
    answer = env.http("PROPFIND", "remote.php/webdav/")
    assert answer.status_code == 401
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotAuthenticated"
    answer = env.http("GET", "ocs/v1.php/cloud/user?format=json")
    assert answer.status_code == 401
    assert answer.json()["ocs"]["meta"]["statuscode"] == 997
    assert env.http("GET", "nothing").text == "<p>oops</p>"
    env.config()


def test_errors_of_httpd_itself(env, account):
    """The form does not depend on who made the error."""
    env.config("""
<Location "/remote.php">
    LimitRequestBody 1000
    LimitXMLRequestBody 1000
</Location>""")
    answer = account.dav("PUT", "big", data=b"x" * 5000)
    assert answer.status_code == 413
    assert error(answer)[0].endswith("EntityTooLarge")
    answer = account.dav("PROPFIND", "", data=b"<x>" + b" " * 5000)
    assert answer.status_code in (400, 413)
    assert error(answer)[1]
    env.config()
    answer = account.dav("FOO", "x")
    assert answer.status_code in (405, 501)
    assert error(answer)[1]
    answer = account.dav("POST", "x", data=b"x")
    assert answer.status_code in (405, 501)
    assert error(answer)[0] in ("Sabre\\DAV\\Exception\\NotImplemented",
                                "Sabre\\DAV\\Exception\\MethodNotAllowed")
    head = account.dav("HEAD", "nothing")
    assert head.status_code == 404
    assert head.content == b""
    assert head.headers["Content-Type"] == "application/xml; charset=utf-8"
    request = (f"GET {account.path()}a%00b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
               f"Authorization: {account.authorization}\r\n\r\n")
    assert env.raw(request.encode()).split(b" ")[1] in (b"400", b"404")


def test_compression_does_not_spoil_answers(env, account):
    env.config("SetOutputFilter DEFLATE")
    account.put("x.txt", b"x" * 10000)
    answer = account.get("x.txt", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert "-gzip" not in answer.headers["ETag"]
    assert answer.headers["Content-Length"] == "10000"
    answer = account.dav("GET", "nothing", headers={"Accept-Encoding": "gzip"})
    assert error(answer)[0] == "Sabre\\DAV\\Exception\\NotFound"
    env.config()


# ---- rewriting ----

def test_rewrite_rules_of_the_operator_come_first(env, account):
    env.config("""
RewriteEngine on
RewriteRule ^/old/(.*)$ /remote.php/webdav/$1 [PT]
RewriteCond %{HTTP_USER_AGENT} insecure
RewriteRule ^/(.*)$ https://localhost/$1 [R=301,L]
""", modules=("rewrite",))
    account.put("x.txt", b"x")
    answer = env.http("GET", "remote.php/webdav/x.txt", account,
                      headers={"User-Agent": "insecure"})
    assert answer.status_code == 301
    assert env.http("GET", "remote.php/webdav/x.txt", account).status_code == 200
    assert env.http("GET", "old/x.txt", account).content == b"x"
    assert env.http("PUT", "old/y%20z.txt", account, data=b"y").status_code == 201
    assert account.get("y z.txt").content == b"y"
    env.config()


def test_a_proxy_for_the_whole_host_leaves_our_places(env, account):
    env.config("ProxyPass / http://127.0.0.1:9/", modules=("proxy", "proxy_http"))
    account.put("x.txt", b"x")
    assert account.get("x.txt").content == b"x"
    assert env.http("GET", "status.php").status_code == 200
    env.expect_log("AH00957|AH01114")
    assert env.http("GET", "elsewhere").status_code == 503
    env.config()


# ---- layers of settings ----

def test_the_configuration_file_wins(env, account):
    env.config("CloudSetting system pollinterval 61000\nCloudQuota 1MB")
    env.cloudctl("config", "set", "system", "pollinterval", "45000", check=False)

    def poll():
        answer = account.ocs("cloud/capabilities")
        return answer.json()["ocs"]["data"]["capabilities"]["core"]["pollinterval"]

    assert poll() == 61000
    assert account.dav("PUT", "big", data=b"x" * 2000000).status_code == 507
    env.config()
    assert poll() in (30000, 45000)
    env.cloudctl("config", "delete", "system", "pollinterval")
    assert poll() == 30000
    assert account.dav("PUT", "big", data=b"x" * 2000000).status_code == 201


def test_mime_types(env, account):
    types = env.home / "my.types"
    types.write_text("text/x-mine mine\n")
    env.config(f'CloudMimeTypes "{types}"')
    account.put("x.mine", b"x")
    assert account.get("x.mine").headers["Content-Type"].startswith("text/x-mine")
    env.config()
    account.put("x.pdf", b"x")
    assert account.get("x.pdf").headers["Content-Type"] == "application/pdf"
