"""Desktop clients of an owner and of two people that he shares a folder with: one by name, one as member of
a group; the second with the other client."""

from types import SimpleNamespace

import pytest

from desktop import assert_same, other
from harness import trees
from harness.shares import ALL, READ, SHARE, UPDATE, group, share
from harness.trees import FOLDER

TRANSFERS = ("GET", "PUT")
#: What a receiver may be told while his client sorts out what he was not allowed to do
TROUBLE = {"check": False}


def below(tree, folder):
    """The part of a tree inside of a folder, by paths from there."""
    return {path[len(folder) + 1:]: what for path, what in tree.items()
            if path.startswith(f"{folder}/")}


@pytest.fixture(name="team")
def fixture_team(env, computer, log):
    """Three people with computers; the owner has the folder "team", not yet shared."""
    owner, user, member = env.account(), env.account(), env.account()
    team = SimpleNamespace(env=env, owner=owner, user=user, member=member, log=log,
                           group=group(env, f"team-{owner.id}", member))
    team.at_owner = computer(owner)
    team.at_user = computer(user)
    team.at_member = computer(member, other(team.at_owner.kind))
    team.receivers = team.at_user, team.at_member
    team.everybody = team.at_owner, *team.receivers
    team.at_owner.write("team/plan.txt", b"the plan\n", mtime=1600000000)
    team.at_owner.write("team/pictures/one.jpg")
    team.at_owner.write("team/pictures/old/two.jpg")
    team.at_owner.write("private.txt")
    for at in team.receivers:
        at.write(f"own of {at.account.id}.txt")
    team.at_owner.sync()
    return team


def give(team, permissions):
    """Shares the folder with both; all sync."""
    team.shares = [share(team.owner, "team", who, permissions=permissions)
                   for who in (team.user, team.group)]
    for at in team.receivers:
        at.sync()


def sync(team):
    """All sync, twice: what the last one sends reaches the first one then."""
    for _ in range(2):
        for at in team.everybody:
            at.sync()


def same(team, name="team"):
    """The folder is the same at all, and each has besides it what he had; returns the folder's tree."""
    tree = below(team.at_owner.tree(), name)
    assert_same(below(trees.remote(team.owner), name), tree, "the owner's on the server")
    for at in team.receivers:
        assert_same(below(at.tree(), "team"), tree, f"{at.kind} of {at.account.id}")
        assert_same(below(trees.remote(at.account), "team"), tree, "a receiver's on the server")
        assert at.path(f"own of {at.account.id}.txt").exists()
        assert not at.path("private.txt").exists()
        assert not at.conflicts()
    assert team.at_owner.path("private.txt").exists()
    return tree


def test_all_work_in_one_folder(team):
    give(team, ALL)
    same(team)
    edited = team.at_user.edit("team/plan.txt")
    team.at_member.write("team/pictures/new/three.jpg")
    team.at_member.move("team/pictures/one.jpg", "team/uno.jpg")
    team.at_owner.write("team/from the owner.txt")
    sync(team)
    tree = same(team)
    assert team.at_owner.path("team/plan.txt").read_bytes() == edited
    assert {"pictures/new/three.jpg", "uno.jpg", "from the owner.txt"} <= set(tree)
    team.at_user.path("team/uno.jpg").unlink()
    team.at_user.path("team/pictures/new").rename(team.at_user.path("team/new pictures"))
    sync(team)
    tree = same(team)
    assert "uno.jpg" not in tree and "new pictures/three.jpg" in tree
    team.log.mark()
    for at in team.everybody:
        at.sync()
    assert team.log.requests(*TRANSFERS) == []


def test_nothing_to_do_costs_one_listing(team):
    give(team, ALL)
    for at in team.receivers:
        at.sync()
        team.log.mark()
        at.sync()
        asked = team.log.requests(below="remote.php/dav/files/")
        assert [request.method for request in asked] == ["PROPFIND"], [*map(str, asked)]


def test_both_edit_at_once(team):
    """A conflict: nobody's work is lost."""
    give(team, ALL)
    first = team.at_user.edit("team/plan.txt")
    second = team.at_member.edit("team/plan.txt")
    team.at_user.sync()
    team.at_member.sync()
    assert team.at_member.path("team/plan.txt").read_bytes() == first
    conflicts = team.at_member.conflicts()
    assert [team.at_member.path(path).read_bytes() for path in conflicts] == [second]
    assert team.owner.get("team/plan.txt").content == first


# ---- read-only ----

def test_what_may_only_be_read(team):
    """Changes of a receiver reach nobody; his client brings back what he changed or deleted."""
    give(team, READ)
    before = same(team)
    on_server = trees.remote(team.owner)
    for at in team.receivers:
        at.edit("team/plan.txt", b"scribble\n")
        at.path("team/pictures/one.jpg").unlink()
        at.sync(**TROUBLE)
        at.forget_failures()
        at.sync(**TROUBLE)
        now = below(at.tree_without_conflicts(), "team")
        assert_same({path: what for path, what in now.items() if path in before}, before, at.kind)
    assert_same(trees.remote(team.owner), on_server, "on the server")
    team.at_owner.sync()
    assert_same(below(team.at_owner.tree(), "team"), before, "the owner's")


def test_what_is_new_where_only_reading_is_allowed(team):
    """It stays with whoever made it, and what he deleted as a whole comes back."""
    give(team, READ)
    before = same(team)
    for at in team.receivers:
        at.write("team/mine.txt", b"mine\n")
        at.write("team/my folder/mine.txt", b"mine\n")
        at.sync(**TROUBLE)
        kept = at.tree()
        assert "mine\n".encode() in trees.contents(at.folder), sorted(kept)
    assert_same(below(trees.remote(team.owner), "team"), before, "on the server")


def test_from_reading_to_writing_and_back(team):
    """The clients learn it by themselves, for folders below, too."""
    give(team, READ)
    for made in team.shares:
        made.update(permissions=ALL)
    for at in team.receivers:
        at.sync()
        at.write(f"team/pictures/old/of {at.kind}.txt")
    first = team.at_user.edit("team/plan.txt")
    sync(team)
    tree = same(team)
    assert team.owner.get("team/plan.txt").content == first
    assert {f"pictures/old/of {at.kind}.txt" for at in team.receivers} <= set(tree)
    for made in team.shares:
        made.update(permissions=READ)
    for at in team.receivers:
        at.sync()
        at.edit("team/plan.txt", b"too late\n")
        at.sync(**TROUBLE)
        at.forget_failures()
        at.sync(**TROUBLE)
        assert at.path("team/plan.txt").read_bytes() == first
    assert team.owner.get("team/plan.txt").content == first


def test_files_that_may_be_changed_but_not_deleted(team):
    give(team, READ | UPDATE | SHARE)
    before = same(team)
    for at in team.receivers:
        content = at.edit("team/plan.txt")
        at.path("team/pictures/one.jpg").unlink()
        at.sync(**TROUBLE)
        at.forget_failures()
        at.sync(**TROUBLE)
        assert team.owner.get("team/plan.txt").content == content
        assert at.path("team/pictures/one.jpg").exists()
        for later in team.receivers:
            later.sync(**TROUBLE)
    assert set(below(trees.remote(team.owner), "team")) == set(before)


# ---- places ----

def test_a_receiver_gives_it_another_name_and_place(team):
    """Nothing is transferred, and nobody else notices."""
    give(team, ALL)
    tree = same(team)
    ids = trees.ids(team.user)
    team.log.mark()
    team.at_user.path("work").mkdir()
    team.at_user.move("team", "our team")
    team.at_user.sync()
    team.at_user.move("our team", "work/our team")
    team.at_user.sync()
    assert [request for request in team.log.requests(*TRANSFERS)] == []
    assert_same(below(team.at_user.tree(), "work/our team"), tree)
    moved = trees.ids(team.user)
    assert moved["work/our team"] == ids["team"]
    assert moved["work/our team/plan.txt"] == ids["team/plan.txt"]
    edited = team.at_user.edit("work/our team/plan.txt")
    team.at_user.sync()
    for at in (team.at_owner, team.at_member):
        at.sync()
        assert at.path("team/plan.txt").read_bytes() == edited


def test_the_owner_moves_folders_in_it(team):
    give(team, READ)
    team.at_owner.move("team/pictures/old", "team/old")
    team.at_owner.move("team/plan.txt", "team/old/plan.txt")
    team.at_owner.sync()
    team.log.mark()
    sync(team)
    assert team.log.requests(*TRANSFERS) == []
    tree = same(team)
    assert {"old/plan.txt", "old/two.jpg", "pictures/one.jpg"} <= set(tree)


def test_the_owner_moves_it_away(team):
    """It has its name at the receivers' still, and they get nothing anew."""
    give(team, ALL)
    team.at_owner.path("projects").mkdir()
    team.at_owner.move("team", "projects/last year")
    team.at_owner.sync()
    team.log.mark()
    sync(team)
    assert team.log.requests(*TRANSFERS) == []
    same(team, "projects/last year")
    team.at_member.write("team/later.txt")
    sync(team)
    assert "later.txt" in same(team, "projects/last year")


def test_moved_out_and_in_by_a_receiver(team):
    """What a receiver takes out is his; the owner has it in his trash. What he puts in is the owner's."""
    give(team, ALL)
    team.at_user.move("team/plan.txt", "plan of mine.txt")
    team.at_user.move(f"own of {team.user.id}.txt", "team/given.txt")
    team.at_user.write(f"own of {team.user.id}.txt")
    sync(team)
    tree = same(team)
    assert "given.txt" in tree and "plan.txt" not in tree
    assert team.user.get("plan of mine.txt").content == b"the plan\n"
    bin_of = team.owner.propfind("", 1, ("oc:trashbin-original-filename",), space="trash-bin")
    assert "plan.txt" in [entry.get("oc:trashbin-original-filename") for entry in bin_of.values()]


# ---- the end ----

def test_a_receiver_leaves(team):
    """Deleting the folder is leaving: the others keep all."""
    give(team, ALL)
    tree = same(team)
    for path in sorted(below(team.at_user.tree(), "team"), reverse=True):
        place = team.at_user.path(f"team/{path}")
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink()
    team.at_user.path("team").rmdir()
    team.at_user.sync()
    team.at_user.sync()
    assert not team.at_user.path("team").exists()
    for at in (team.at_owner, team.at_member):
        at.sync()
        assert_same(below(at.tree(), "team"), tree, at.kind)
    assert "team" not in team.user.propfind("", 1).names()


@pytest.mark.parametrize("permissions", (READ, ALL), ids=("readable", "writable"))
def test_the_owner_takes_it_back(team, permissions):
    """The receivers' copies go, and nothing else."""
    give(team, permissions)
    before = team.at_owner.tree()
    for made in team.shares:
        made.delete()
    for at in team.receivers:
        at.sync()
        assert set(at.tree()) == {f"own of {at.account.id}.txt"}
    team.at_owner.sync()
    assert_same(team.at_owner.tree(), before, "the owner's")


def test_what_a_receiver_has_not_sent_yet_stays(team):
    """It is taken back while something new waits at a receiver: that becomes his own."""
    give(team, ALL)
    new = {at: at.write("team/new.txt", mtime=1600000100) for at in team.receivers}
    for made in team.shares:
        made.delete()
    for at in team.receivers:
        for _ in range(2):
            at.sync()
        assert set(at.tree()) == {f"own of {at.account.id}.txt", "team", "team/new.txt"}
        assert at.path("team/new.txt").read_bytes() == new[at]
        assert at.account.get("team/new.txt").content == new[at]
    assert "new.txt" not in team.owner.propfind("team", 1).names()


def test_not_a_member_any_more(team):
    give(team, ALL)
    team.env.cloudctl("group", "remove-member", team.group, team.member.id)
    for at in team.everybody:
        at.sync()
    assert set(team.at_member.tree()) == {f"own of {team.member.id}.txt"}
    assert team.at_user.tree()["team/pictures"] == FOLDER
    team.env.cloudctl("group", "add-member", team.group, team.member.id)
    sync(team)
    same(team)


def test_a_shared_file(team):
    """One file, read-only for one and writable for the other."""
    share(team.owner, "team/plan.txt", team.user, permissions=READ)
    share(team.owner, "team/plan.txt", team.group, permissions=READ | UPDATE)
    for at in team.receivers:
        at.sync()
        assert at.path("plan.txt").read_bytes() == b"the plan\n"
    content = team.at_member.edit("plan.txt")
    team.at_member.sync()
    team.at_user.edit("plan.txt", b"not mine\n")
    team.at_user.sync(**TROUBLE)
    team.at_user.forget_failures()
    team.at_user.sync(**TROUBLE)
    team.at_owner.sync()
    assert team.at_owner.path("team/plan.txt").read_bytes() == content
    assert team.at_user.path("plan.txt").read_bytes() == content
