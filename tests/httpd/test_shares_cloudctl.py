"""cloudctl share, and what listings say of shares."""

import re

import pytest

SHARES = "apps/files_sharing/api/v1/shares"


def listed(who, **params):
    return who.ocs(SHARES, params=params).json()["ocs"]["data"]


@pytest.fixture(name="alice")
def fixture_alice(env):
    alice = env.account()
    alice.mkcol("d")
    alice.put("d/f.txt", b"text")
    alice.mkcol("d/e")
    return alice


def test_a_life(env, alice):
    brian = env.account()
    group = f"group of {alice.id}"
    env.cloudctl("group", "add", group)
    one = env.cloudctl_json("share", "create", alice.id, "/d", "--to", brian.id)[0]
    assert (one["type"], one["path"], one["permissions"], one["shared_with"]) \
        == ("user", "d", 31, brian.id)
    two = env.cloudctl_json("share", "create", alice.id, "d/f.txt", "--group", group,
                            "--permissions", "1", "--expires", "2126-05-04")[0]
    assert (two["permissions"], two["expires"]) == (1, "2126-05-04")
    three = env.cloudctl_json("share", "create", alice.id, "d", "--link", "--name", "a link",
                              "--password-stdin", input="secret\n")[0]
    assert re.fullmatch("[A-Za-z0-9]{15}", three["token"]) and three["password"] is True
    assert [one["id"], two["id"], three["id"]] == [
        int(share["id"]) for share in listed(alice)]
    assert env.cloudctl_json("share", "list", alice.id) == [one, two, three]
    assert env.cloudctl_json("share", "list", brian.id) == []
    everybody = [share["id"] for share in env.cloudctl_json("share", "list")]
    assert {one["id"], two["id"], three["id"]} <= set(everybody)
    assert "d/f.txt  until 2126-05-04" in env.cloudctl("share", "list", alice.id).stdout
    assert "has ended" in env.cloudctl("share", "delete", str(two["id"])).stdout
    assert [share["id"] for share in listed(alice)] == [str(one["id"]), str(three["id"])]


@pytest.mark.parametrize("args,status,text", (
    (("create", "ID", "d"), 2, "one of --to, --group and --link"),
    (("create", "ID", "d", "--link", "--to", "x"), 2, "one of --to, --group and --link"),
    (("create", "ID", "nosuch", "--link"), 1, "Wrong path"),
    (("create", "ID", "/", "--link"), 1, "root folder"),
    (("create", "ID", "d", "--to", "nosuch"), 1, "valid user"),
    (("create", "ID", "d", "--to", "ID"), 1, "yourself"),
    (("create", "ID", "d", "--group", "nosuch"), 1, "valid group"),
    (("create", "ID", "d", "--link", "--expires", "no day"), 1, "Invalid date"),
    (("create", "ID", "d", "--link", "--permissions", "x"), 2, "permissions"),
    (("create", "nosuch", "d", "--link"), 1, "no account"),
    (("delete", "0"), 2, "is a number"), (("delete", "x"), 2, "is a number"),
    (("delete", "999999999"), 1, "Wrong share ID"),
    (("accept", "999999999", "ID"), 1, "Wrong share ID"),
    (("list", "nosuch"), 1, "no account"), (("auto-accept", "ID", "x"), 2, "yes or no"),
    (("transfer-ownership", "ID", "ID"), 1, "one and the same"),
    (("transfer-ownership", "ID", "nosuch"), 1, "no account")))
def test_mistakes(env, alice, args, status, text):
    done = env.cloudctl("share", *(alice.id if arg == "ID" else arg for arg in args), check=False)
    assert (done.returncode, text in done.stderr) == (status, True), done.stderr


def test_answers(env, alice):
    brian = env.account()
    env.cloudctl("share", "auto-accept", brian.id, "no")
    one = env.cloudctl_json("share", "create", alice.id, "d", "--to", brian.id)[0]
    number = str(one["id"])

    def state():
        return listed(brian, shared_with_me="true", state="all")[0]["state"]

    assert state() == 1 and brian.get("d/f.txt").status_code == 404
    env.cloudctl("share", "accept", number, brian.id)
    assert state() == 0 and brian.get("d/f.txt").content == b"text"
    env.cloudctl("share", "decline", number, brian.id)
    assert state() == 2 and brian.get("d/f.txt").status_code == 404
    done = env.cloudctl("share", "accept", number, alice.id, check=False)
    assert "Only recipient" in done.stderr
    env.cloudctl("share", "auto-accept", brian.id, "yes")
    env.cloudctl("share", "create", alice.id, "d/e", "--to", brian.id)
    assert brian.dav("PROPFIND", "e", depth=0).status_code == 207


def test_transfer(env, alice):
    brian, carol = env.account(), env.account()
    for path in ("d/f.txt", "d/e"):
        env.cloudctl("share", "create", alice.id, path, "--to", brian.id)
        env.cloudctl("share", "create", alice.id, path, "--to", carol.id)
    link = env.cloudctl_json("share", "create", alice.id, "d", "--link")[0]
    alice.put("g.txt", b"stays")
    number = alice.prop("d/f.txt", "oc:fileid")
    done = env.cloudctl_json("share", "transfer-ownership", alice.id, brian.id, "--path", "/d")
    assert done["items"] == 1
    assert done["folder"].startswith(f"transferred from {alice.id} on ")
    assert brian.get(done["folder"] + "/d/f.txt").content == b"text"
    assert brian.prop(done["folder"] + "/d/f.txt", "oc:fileid") == number
    assert alice.get("d").status_code == 404 and alice.get("g.txt").status_code == 200
    assert listed(alice) == []
    now = listed(brian)
    assert [(share["share_type"], share["path"].rsplit("/d", 1)[1], share["uid_file_owner"])
            for share in now] == [(0, "/f.txt", brian.id), (0, "/e", brian.id), (3, "", brian.id)]
    assert {share["share_with"] for share in now[:2]} == {carol.id}
    assert now[2]["token"] == link["token"]
    assert env.cloudctl_json("share", "transfer-ownership", alice.id, brian.id)["items"] == 1
    assert env.cloudctl_json("share", "transfer-ownership", alice.id, brian.id)["items"] == 0


def test_transfer_to_who_has_nothing(env, alice):
    brian, carol = env.account(), env.account()
    share = env.cloudctl_json("share", "create", alice.id, "d", "--to", carol.id)[0]
    transfer = ("share", "transfer-ownership", alice.id, brian.id, "--destination-use-user-folder")
    brian.put("here", b"x")
    refused = env.cloudctl(*transfer, check=False)
    assert refused.returncode == 1 and "has files already" in refused.stderr
    brian.delete("here")
    done = env.cloudctl_json(*transfer)
    assert (done["folder"], done["items"]) == ("", 1)
    assert brian.get("d/f.txt").content == b"text"
    assert carol.get("d/f.txt").content == b"text"
    assert [(one["id"], one["path"]) for one in listed(brian)] == [(str(share["id"]), "/d")]


def test_listings_tell_what_is_shared(env, alice):
    brian = env.account()

    def types(who, path):
        answer = who.dav("PROPFIND", path, depth=0, data=(
            '<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>'
            "<oc:share-types/></d:prop></d:propfind>"))
        return re.search("<oc:share-types.*(?=</d:prop>)", answer.text).group(0)

    assert types(alice, "d") == "<oc:share-types/>"
    for args in (("--link",), ("--to", brian.id), ("--link",)):
        env.cloudctl("share", "create", alice.id, "d", *args)
    one = "<oc:share-type>0</oc:share-type>"
    two = "<oc:share-type>3</oc:share-type>"
    assert types(alice, "d") == f"<oc:share-types>{one}{two}</oc:share-types>"
    assert types(alice, "") == types(alice, "d/e") == "<oc:share-types/>"


def test_who_may_not_share_has_no_r(env, alice):
    group = f"group of {alice.id}"
    env.cloudctl("group", "add", group)
    env.cloudctl("group", "add-member", group, alice.id)
    assert alice.prop("d", "oc:permissions") == "RDNVCK"
    env.cloudctl("config", "set", "core", "shareapi_exclude_groups", "yes")
    env.cloudctl("config", "set", "core", "shareapi_exclude_groups_list", group)
    try:
        assert alice.prop("d", "oc:permissions") == "DNVCK"
        assert env.account().prop("", "oc:permissions") == "RDNVCK"
    finally:
        env.cloudctl("config", "delete", "core", "shareapi_exclude_groups")
        env.cloudctl("config", "delete", "core", "shareapi_exclude_groups_list")
