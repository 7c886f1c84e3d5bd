"""Rewind and batches: what clients see of "cloudctl rewind" and "cloudctl batches", and the mass-change
guard."""

import datetime
import json

import pytest

from harness.dav import lock_body
from harness.env import wait_until


def now(offset=0):
    """The time, for --to, without a zone. What was answered before is before it, what is sent from now
    on after it."""
    zone = datetime.timezone(datetime.timedelta(seconds=offset))
    return datetime.datetime.now(zone).strftime("%Y-%m-%dT%H:%M:%S.%f")


def rewind(account, to, *args, check=True):
    return account.env.cloudctl("rewind", "--account", account.id, "--to", to, *args, check=check)


def names(account, path=""):
    return sorted(account.propfind(path, depth=1).names())


def test_back_to_a_time(account):
    account.mkcol("docs")
    account.put("docs/a", b"first", headers={"X-OC-Mtime": "1500000000"})
    account.put("gone", b"gone")
    ids = {path: account.prop(path, "oc:fileid") for path in ("docs", "docs/a", "gone")}
    then = now() + "Z"
    account.put("docs/a", b"second")
    account.move("docs", "papers")
    account.delete("gone")
    account.put("new", b"new")
    before = account.etag()
    plan = rewind(account, then, "--dry-run").stdout.splitlines()
    assert sorted(plan[:-1]) == ["content  docs/a (" + plan_time(plan, "docs/a") + ")",
                                 "move     papers -> docs", "restore  gone", "trash    new"]
    assert plan[-1] == "4 to do, 0 could not be brought back"
    assert account.etag() == before
    done = rewind(account, then)
    assert done.stdout.splitlines()[:4] == plan[:4]
    assert account.etag() != before
    assert names(account) == ["docs", "gone"]
    assert account.get("docs/a").content == b"first"
    assert account.prop("docs/a", "d:getlastmodified") == "Fri, 14 Jul 2017 02:40:00 GMT"
    assert {path: account.prop(path, "oc:fileid") for path in ids} == ids
    assert rewind(account, then).stdout == "0 done, 0 could not be brought back\n"


def plan_time(plan, path):
    line = next(line for line in plan if line.startswith(f"content  {path} ("))
    return line[line.index("(") + 1:-1]


def test_path_and_json(account):
    for folder in ("in", "out"):
        account.mkcol(folder)
        account.put(f"{folder}/f", b"one")
    then = now() + "Z"
    for folder in ("in", "out"):
        account.put(f"{folder}/f", b"two")
    done = json.loads(account.env.cloudctl("--json", "rewind", "--account", account.id, "--to", then,
                                           "--path", "in").stdout)
    assert done["done"] == 1 and done["problems"] == 0 and done["dry_run"] is False
    assert [(step["step"], step["path"]) for step in done["steps"]] == [("content", "in/f")]
    assert account.get("in/f").content == b"one"
    assert account.get("out/f").content == b"two"
    batches = json.loads(account.env.cloudctl("--json", "batches", "list", "--account",
                                              account.id).stdout)
    assert [(batch["batch"], batch["kind"], batch["files"]) for batch in batches] == \
        [(done["batch"], "rewind", 1)]
    undone = account.env.cloudctl("batches", "undo", done["batch"])
    assert undone.stdout.startswith("content  in/f")
    assert account.get("in/f").content == b"two"


def test_what_cannot_be_brought_back_is_told(account):
    account.put("locked", b"one")
    account.put("free", b"one")
    account.put("purged", b"one")
    then = now() + "Z"
    for name in ("locked", "free"):
        account.put(name, b"two")
    account.delete("purged")
    account.env.cloudctl("trash", "cleanup", "--account", account.id)
    assert account.dav("LOCK", "locked", data=lock_body()).status_code == 200
    done = rewind(account, then, check=False)
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert any(line.startswith("problem  locked: ") for line in lines)
    assert "problem  purged: it has been deleted for good" in lines
    assert "1 done, 2 could not be brought back" in lines
    assert account.get("free").content == b"one"
    assert account.get("locked").content == b"two"


def test_the_trash_left_out(account):
    """What DELETE would not keep is not deleted unasked."""
    account.env.cloudctl("config", "set", "system", "trashbin_skip_extensions", "tmp")
    then = now() + "Z"
    account.put("a.tmp", b"x")
    assert rewind(account, then, check=False).returncode == 3
    assert account.get("a.tmp").status_code == 200
    assert "delete   a.tmp" in rewind(account, then, "--delete-for-good").stdout
    assert account.get("a.tmp").status_code == 404
    account.env.cloudctl("config", "delete", "system", "trashbin_skip_extensions")


@pytest.mark.parametrize("to, code, says", [
    ("yesterday", 2, "is no time"), ("", 2, "is no time"), ("2026-02-30", 2, "is no time"),
    ("2026-11-27T25:00:00Z", 2, "is no time"), ("2026-11-27T10:00:00+1", 2, "is no time"),
    ("2026-11-27T10:0", 2, "is no time"), ("2026-11-27T10:00:5Z", 2, "is no time"),
    ("2026-11-27T10:00:00.1234567Z", 2, "is no time"), ("2 fortnights ago", 2, "is no time"),
    ("-2 hours ago", 2, "is no time"), ("2999-01-01", 1, "still to come"),
    ("2001-01-01T00:00:00Z", 1, "was not there yet"), ("1000 weeks ago", 1, "was not there yet"),
    ("0 seconds ago", 0, ""), ("1 second ago", None, ""),
])
def test_times(account, to, code, says):
    done = rewind(account, to, "--dry-run", check=False)
    assert code is None or done.returncode == code
    assert says in done.stderr


@pytest.mark.parametrize("zone, offset", [("+01:00", 3600), ("-0530", -19800), ("+02", 7200)])
def test_zones(account, zone, offset):
    account.put("a", b"one")
    then = now(offset)
    account.put("a", b"two")
    rewind(account, then.replace("T", " ") + zone)
    assert account.get("a").content == b"one"


@pytest.mark.parametrize("args", [
    ("rewind", "--to", "2026-11-27"), ("rewind", "--account", "{}"),
    ("batches", "undo", "x"), ("batches", "undo", "-5"), ("batches", "undo"), ("batches", "show"),
])
def test_wrong_usage(account, args):
    done = account.env.cloudctl(*[arg.format(account.id) for arg in args], check=False)
    assert done.returncode == 2


def test_not_there(account):
    assert account.env.cloudctl("batches", "undo", 17, check=False).returncode == 1
    assert "There is no such batch" in account.env.cloudctl("batches", "show", 17,
                                                            check=False).stderr
    assert rewind(account, now() + "Z", "--path", "nowhere", check=False).returncode == 1


# ---- the mass-change guard ----

GUARD = "CloudMassChangeFiles 5\nCloudMassChangeTime 3600\n"


def marks(account):
    return [batch for batch in json.loads(account.env.cloudctl(
        "--json", "batches", "list", "--account", account.id).stdout) if batch["kind"] == "mass"]


@pytest.fixture(name="guarded")
def fixture_guarded(new_env):
    """A server of its own: on one that others use, what they did shortly before counts too."""
    def start(directives):
        env = new_env()
        env.config(directives)
        env.start()
        return env, env.account()
    return start


def test_a_mass_change_is_marked_and_undone(guarded):
    env, account = guarded(GUARD)
    other = env.account()
    account.mkcol("docs")
    for i in range(6):
        account.put(f"docs/{i}", b"docs")
        account.put(f"file{i}", b"content")
        other.put(f"file{i}", b"content")
    tree = {name: account.prop(name, "oc:fileid") for name in names(account)}
    other.delete("file0")
    env.expect_log(rf"mass change in the files of {account.id} by {account.id}: \d+ files")
    for i in range(3):
        account.put(f"file{i}", b"ENCRYPTED")
        account.delete(f"file{i + 3}")
    account.delete("docs")
    account.put("README", b"pay me")
    wait_until(lambda: marks(account) and marks(account)[0]["files"] == 12, "the mark")
    [mark] = marks(account)
    assert mark["login"] == account.id and mark["client"] is None
    assert not marks(other)
    warnings = [line for line in env.log.new_lines() if "mass change" in line]
    assert len(warnings) == 1 and ":warn]" in warnings[0]
    assert f"batches undo {mark['batch']}" in warnings[0]
    shown = json.loads(env.cloudctl("--json", "batches", "show", mark["batch"]).stdout)
    assert sorted((change["op"], change["name"]) for change in shown) == sorted(
        [("write", f"file{i}") for i in range(3)] + [("remove", f"file{i + 3}") for i in range(3)]
        + [("remove", "docs"), ("create", "README")])
    account.put("file2", b"mine again")
    plan = env.cloudctl("batches", "undo", "--dry-run", mark["batch"], check=False)
    assert "7 to do, 1 could not" in plan.stdout
    done = env.cloudctl("batches", "undo", mark["batch"], check=False)
    assert done.returncode == 3
    assert "problem  file2: its content has been changed since" in done.stdout
    assert {name: account.prop(name, "oc:fileid") for name in names(account)} == tree
    for i in range(6):
        assert account.get(f"file{i}").content == (b"mine again" if i == 2 else b"content")
        assert account.get(f"docs/{i}").content == b"docs"
    assert env.cloudctl("batches", "undo", "--account", other.id, mark["batch"],
                        check=False).returncode == 1


def test_a_share(guarded):
    env, account = guarded("CloudMassChangeShare 50\n")
    for i in range(20):
        account.put(f"file{i}", b"content")
    env.expect_log(r"mass change")
    for i in range(11):
        account.delete(f"file{i}")
    wait_until(lambda: marks(account), "the mark")
    env.cloudctl("batches", "undo", marks(account)[0]["batch"])
    assert len(names(account)) == 20
