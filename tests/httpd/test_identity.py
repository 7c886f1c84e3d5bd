"""People whom another module lets in: ids, names, groups, as the directives say."""

import re
import threading

import pytest
import requests

from harness.account import Account

#: "secret", as htpasswd -s writes it
SECRET = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="

NAMES = ("ann", "Ben", "carl@EXAMPLE.ORG", "carl@OTHER.ORG", "CORP\\dora", "eve", "fay", "gus", "hal",
         "ida", "jon", "kim", "lea", "mia", "ned", "odo", "pia", "quin", "ria", "sam", "tom")


@pytest.fixture(name="directory", scope="module")
def fixture_directory(module_env):
    """Configuration: the host's password file stands for a directory. What it says of people comes in
    a header, by SetEnvIf: no operator would do that, but a test can say what it likes."""
    path = module_env.home / "people"
    path.write_text("".join(f"{name}:{SECRET}\n" for name in NAMES))

    def conf(more="", create="on"):
        return f"""
SetEnvIf X-Name "(.+)" PERSON_NAME=$1
SetEnvIf X-Mail "(.+)" PERSON_MAIL=$1
SetEnvIf X-Quota "(.+)" PERSON_QUOTA=$1
SetEnvIf X-Groups "(.+)" PERSON_GROUPS=$1
<LocationMatch "^/(remote.php|ocs)">
    AuthBasicProvider cloud file
    AuthUserFile "{path}"
    CloudAccountAutoCreate {create}
    CloudUserName PERSON_NAME
    CloudUserEmail PERSON_MAIL
    CloudUserQuota PERSON_QUOTA
    CloudUserGroups PERSON_GROUPS
    {more}
</LocationMatch>"""

    return conf


def visit(env, who, password="secret", path="remote.php/webdav/", method="PROPFIND", **said):
    headers = {"Depth": "0", **{f"X-{key}": value.encode() for key, value in said.items()}}
    return requests.request(method, env.url + path, auth=(who.encode(), password), timeout=60,
                            headers=headers)


def show(env, name):
    return env.cloudctl_json("account", "show", name)


def groups(env, name):
    return show(env, name)["groups"]


def test_name_mail_quota_and_groups(env, directory):
    env.config(directory())
    said = {"name": "Ann Ö. Other", "mail": "ann@example.org", "quota": "3 GB", "groups": "red, green"}
    answer = visit(env, "ann", path="ocs/v2.php/cloud/users/ann?format=json", method="GET", **said)
    data = answer.json()["ocs"]["data"]
    # The first answer knows it already
    assert data["displayname"] == "Ann Ö. Other"
    assert data["email"] == "ann@example.org"
    assert data["quota"]["total"] == 3 << 30
    assert groups(env, "ann") == ["green", "red"]
    # Nothing is said: the texts stay, the groups end
    assert visit(env, "ann").status_code == 207
    account = show(env, "ann")
    assert (account["display_name"], account["email"]) == ("Ann Ö. Other", "ann@example.org")
    assert account["groups"] == []
    # Something else is said
    assert visit(env, "ann", **{**said, "name": "Ann B", "quota": "none",
                                "groups": "green,blue,,green"}).status_code == 207
    account = show(env, "ann")
    assert (account["display_name"], account["groups"]) == ("Ann B", ["blue", "green"])


def test_what_was_given_here_stays(env, directory):
    env.config(directory())
    env.cloudctl("group", "add", "local")
    assert visit(env, "eve", groups="outer,both").status_code == 207
    env.cloudctl("group", "add-member", "local", "eve")
    env.cloudctl("group", "add-member", "both", "eve")
    assert groups(env, "eve") == ["both", "local", "outer"]
    assert visit(env, "eve", groups="other").status_code == 207
    assert groups(env, "eve") == ["both", "local", "other"]


def test_nonsense_is_left_out(env, directory):
    env.config(directory())
    assert visit(env, "fay", name="x" * 300, mail="no address", quota="much",
                 groups="good," + "g" * 300 + ",.,a b").status_code == 207
    account = show(env, "fay")
    assert (account["display_name"], account["email"]) == ("fay", None)
    assert account["groups"] == ["a b", "good"]


def test_nobody_becomes_admin_by_a_name(env, directory):
    env.config(directory())
    assert visit(env, "gus", groups="admin,Admin,staff").status_code == 207
    assert groups(env, "gus") == ["staff"]
    env.config(directory('CloudGroupMap "~^(.*)$" "$1"'))
    assert visit(env, "gus", groups="admin,staff2").status_code == 207
    assert groups(env, "gus") == ["staff2"]
    env.config(directory('CloudGroupMap admin admin\nCloudGroupMap "~^x-(.*)$" "$1"'))
    assert visit(env, "gus", groups="x-admin").status_code == 207
    assert groups(env, "gus") == []
    assert visit(env, "gus", groups="ADMIN,x-staff,other").status_code == 207
    assert groups(env, "gus") == ["admin", "staff"]
    # and stops being one
    assert visit(env, "gus", groups="x-staff").status_code == 207
    assert groups(env, "gus") == ["staff"]


def test_a_group_map_takes_the_name_out_of_a_dn(env, directory):
    env.config(directory('CloudUserGroups PERSON_GROUPS "; "\n'
                         'CloudGroupMap "cn=Chefs,ou=g,dc=x" cooks\n'
                         'CloudGroupMap "~^cn=([^,]+),ou=g," "$1"'))
    assert visit(env, "hal", groups="CN=chefs,OU=g,dc=x; cn=Big Ones,ou=g,dc=x; "
                                    "cn=no,ou=other,dc=x").status_code == 207
    assert groups(env, "hal") == ["Big Ones", "cooks"]


def test_a_dn_with_the_delimiter_in_it(env, directory):
    """mod_authnz_ldap joins them as they are; in a DN a semicolon of a name is escaped."""
    env.config(directory('CloudUserGroups PERSON_GROUPS "; "\n'
                         'CloudGroupMap "cn=Chefs,ou=g,dc=x" admin\n'
                         'CloudGroupMap "~^cn=([^,]+),ou=g," "$1"'))
    assert visit(env, "hal", groups="cn=a\\; cn=Chefs,ou=g,dc=x; cn=b,ou=g,dc=x").status_code == 207
    assert groups(env, "hal") == ["a\\; cn=Chefs", "b"]
    assert visit(env, "hal", groups="cn=a\\\\; cn=b,ou=g,dc=x; cn=c,ou=g,dc=x").status_code == 207
    assert groups(env, "hal") == ["b", "c"]


def test_ids(env, directory):
    env.config(directory('CloudUserIdMap "^([^@]+)@EXAMPLE\\.ORG$" "$1"\n'
                         'CloudUserIdMap "^CORP.(.+)$" "corp-$1"\nCloudUserIdCase lower'))
    for name, account in (("carl@EXAMPLE.ORG", "carl"), ("carl@OTHER.ORG", "carl@other.org"),
                          ("CORP\\dora", "corp-dora"), ("Ben", "ben")):
        answer = visit(env, name, path="ocs/v2.php/cloud/user?format=json", method="GET")
        assert answer.json()["ocs"]["data"]["id"] == account, name
        assert show(env, account)["source"] == "directory"


@pytest.mark.parametrize("account,person", [("lboss", "lboſs"), ("lweiss", "Lweiß")])
@pytest.mark.parametrize("case", ["keep", "lower"])
def test_other_letters_are_another_person(env, directory, account, person, case):
    """Both would be one account by their full case folding."""
    with (env.home / "people").open("a", encoding="utf-8") as out:
        out.write(f"{person}:{SECRET}\n{account}:{SECRET}\n")
    env.config(directory(f"CloudUserIdCase {case}"))
    assert visit(env, account).status_code == 207
    assert visit(env, person).status_code == 403
    assert visit(env, person, path="ocs/v2.php/cloud/user", method="GET").status_code == 403
    assert visit(env, account).status_code == 207
    env.cloudctl("account", "delete", "--yes", account)
    # Now the name is free.
    assert visit(env, person).status_code == 207
    assert visit(env, account).status_code == 403
    env.cloudctl("account", "delete", "--yes", account)


def test_a_map_counts_once(env, directory):
    env.config(directory('CloudUserIdMap "^(.+)$" "x-$1"'))
    # A sub-request, a redirect: whatever asks again must come to the same account
    for _ in range(2):
        answer = visit(env, "ida", path="ocs/v2.php/cloud/user?format=json", method="GET")
        assert answer.json()["ocs"]["data"]["id"] == "x-ida"
    listed = [a["id"] for a in env.cloudctl_json("account", "list", "ida")]
    assert listed == ["x-ida"]


def test_app_passwords_and_passwords_here_say_nothing(env, directory):
    env.config(directory())
    assert visit(env, "jon", name="Jon", groups="old").status_code == 207
    secret = env.cloudctl("app-password", "create", "jon", "phone").stdout.strip()
    assert visit(env, "jon", secret, name="Liar", groups="admin").status_code == 207
    account = show(env, "jon")
    assert (account["display_name"], account["groups"]) == ("Jon", ["old"])
    local = env.account()
    assert visit(env, local.id, local.password, name="Liar", groups="x").status_code == 207
    assert show(env, local.id)["display_name"] == local.id
    assert show(env, local.id)["source"] == "database"


def test_whoever_is_not_authorised_gets_no_account(env, directory):
    env.config(directory("Require expr %{REMOTE_USER} == 'kim'"))
    env.expect_log("AH01631|AH01630")
    assert visit(env, "kim").status_code == 207
    env.config(directory("<RequireAll>\nRequire valid-user\nRequire user kim\n</RequireAll>"))
    assert visit(env, "lea").status_code in (401, 403)
    assert env.cloudctl("account", "show", "lea", check=False).returncode == 1
    assert visit(env, "kim").status_code == 207


def test_no_account_without_the_directive(env, directory):
    env.config(directory(create="off"))
    assert visit(env, "mia").status_code == 403
    env.cloudctl("account", "add", "mia", "--no-password")
    assert visit(env, "mia", name="Mia M").status_code == 207
    account = show(env, "mia")
    assert (account["display_name"], account["source"]) == ("Mia M", "directory")


def test_a_disabled_account_is_out_whatever_the_directory_says(env, directory):
    env.config(directory())
    assert visit(env, "ned").status_code == 207
    env.cloudctl("account", "disable", "ned")
    for _ in range(6):
        assert visit(env, "ned").status_code == 403
    env.cloudctl("account", "enable", "ned")
    assert visit(env, "ned").status_code == 207


def test_nothing_is_written_while_nothing_changes(env, directory):
    env.config(directory())
    said = {"name": "Odo", "mail": "odo@example.org", "groups": "b,a"}
    assert visit(env, "odo", **said).status_code == 207

    before = (env.data / "cloud.db-wal").stat()
    for order in ("b,a", "a, b", "a,b"):
        for _ in range(6):
            assert visit(env, "odo", **{**said, "groups": order}).status_code == 207
    after = (env.data / "cloud.db-wal").stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def test_what_was_changed_here_comes_back_when_asked_for(env, directory):
    env.config(directory())
    said = {"name": "Pia P", "groups": "team"}
    assert visit(env, "pia", **said).status_code == 207
    env.cloudctl("account", "name", "pia", "Somebody")
    env.cloudctl("group", "remove-member", "team", "pia")
    assert visit(env, "pia", **said).status_code == 207
    assert (show(env, "pia")["display_name"], groups(env, "pia")) == ("Somebody", [])
    env.cloudctl("account", "refresh", "pia")
    assert visit(env, "pia", **said).status_code == 207
    assert (show(env, "pia")["display_name"], groups(env, "pia")) == ("Pia P", ["team"])


def test_many_first_logins_at_once(env, directory):
    env.config(directory())
    codes = []
    threads = [threading.Thread(target=lambda n=n: codes.append(
        visit(env, "quin", name="Quin", groups=f"g{n % 3},all").status_code)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [207] * 9
    assert show(env, "quin")["display_name"] == "Quin"
    assert "all" in groups(env, "quin")


def test_the_next_provider_s_password_costs_a_hash_once(env, directory):
    """Not ours, so it is not hashed each time, nor counted as a guess."""
    env.config(directory("CloudAuthThrottle 3 60 60"))
    assert visit(env, "ria").status_code == 207
    for n in range(2):
        assert visit(env, "ria", f"guess {n}").status_code == 401
    env.expect_log("AH01617|AH01618")
    for _ in range(10):
        assert visit(env, "ria").status_code == 207
    for n in range(2):
        assert visit(env, "ria", f"other guess {n}").status_code == 401
    assert visit(env, "ria").status_code == 207
    # Guesses are counted here for the other provider, too
    codes = [visit(env, "ria", f"more {n}").status_code for n in range(5)]
    assert codes[-1] == 429


def test_what_looks_like_an_app_password_is_not_passed_on(env, directory):
    other = env.home / "app-shaped"
    other.write_text("sam:ABCDE-FGHJK-LMNPQ-RSTUV\n")
    env.config(directory(f'AuthBasicProvider cloud file\nAuthUserFile "{other}"'))
    env.expect_log("AH01617|AH01618")
    assert visit(env, "sam", "ABCDE-FGHJK-LMNPQ-RSTUV").status_code == 401


@pytest.mark.parametrize("line, complaint", [
    ('CloudUserName "%{HTTP:X-Name}"', "must not be taken from a header"),
    ('CloudUserEmail "%{REMOTE_ADDR"', "CloudUserEmail must be the name of a variable"),
    ('CloudUserIdMap "(" "$1"', "is not a regular expression"),
    ("CloudUserIdCase upper", "keep or lower"),
    ('CloudGroupMap "~(" x', "is not a regular expression"),
    ("CloudUserSource database", "CloudUserSource must be"),
    ("CloudUserGroups OIDC_CLAIM_groups", "a delimiter that nobody can guess"),
    ('CloudUserGroups "%{reqenv:OIDC_CLAIM_groups}" ", "', "a delimiter that nobody can guess"),
])
def test_configtest_says_what_is_wrong(env, line, complaint):
    status, text = env.configtest(f'<Location "/remote.php">\n{line}\n</Location>')
    assert status != 0
    assert complaint in text


def test_expressions_none_and_sections(env, directory):
    env.config(directory('CloudUserName "%{REMOTE_USER} of %{SERVER_NAME}"\nCloudUserEmail none\n'
                         "CloudUserGroups none"))
    assert visit(env, "Ben", mail="x@example.org", groups="a").status_code == 207
    account = show(env, "Ben")
    assert account["display_name"].lower() == "ben of 127.0.0.1"
    assert (account["email"], account["groups"]) == (None, [])


def test_the_log_and_the_throttle_see_the_real_address(env, directory):
    env.config(directory() + "\nRemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1",
               modules=("remoteip",))
    env.expect_log("AH01617|AH01618")
    requests.request("PROPFIND", env.url + "remote.php/webdav/", auth=("ann", "wrong"), timeout=60,
                     headers={"X-Forwarded-For": "203.0.113.77", "Depth": "0"})
    assert [line for line in env.log.new_lines() if "AH0161" in line and "[client 203.0.113.77" in line]
    env.config()


def test_somebody_of_the_directory_has_files(env, directory):
    env.config(directory())
    someone = Account(env, "Ben", "secret")
    someone.put("x.txt", b"hello")
    assert someone.get("x.txt").content == b"hello"
    env.config()


@pytest.mark.parametrize("version", (1, 2))
@pytest.mark.parametrize("fmt", ("json", "xml"))
def test_user_sync_over_http(env, directory, version, fmt):
    """An administrator lets everything be taken over again."""
    env.config(directory())
    path = f"ocs/v{version}.php/cloud/user-sync/"
    said = {"name": "Tom T"}
    boss, other = env.account(), env.account()
    env.cloudctl("group", "add-member", "admin", boss.id)
    assert visit(env, "tom", **said).status_code == 207
    env.cloudctl("account", "name", "tom", "Somebody")

    def post(name, account):
        answer = env.http("POST", f"{path}{name}?format={fmt}", account,
                          headers={"OCS-APIREQUEST": "true"})
        code = re.search(r'statuscode(?:>|": ?)(\d+)', answer.text)
        return answer.status_code, int(code.group(1)) if code else None

    nobody, denied, missing, good = {1: ((401, 997), (401, 997), (200, 404), (200, 100)),
                                     2: ((401, 997), (401, 997), (404, 404), (200, 200))}[version]
    assert post("tom", None) == nobody
    assert post("tom", other) == denied
    assert post("nobody%20here", other) == denied
    assert post("nobody%20here", boss) == missing
    assert visit(env, "tom", **said).status_code == 207
    assert show(env, "tom")["display_name"] == "Somebody"
    assert post("TOM", boss) == good
    assert visit(env, "tom", **said).status_code == 207
    assert show(env, "tom")["display_name"] == "Tom T"
    answer = env.http("GET", path + "tom", boss)
    assert answer.status_code == 405
