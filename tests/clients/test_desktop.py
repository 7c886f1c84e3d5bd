"""The desktop clients of ownCloud and Nextcloud keep folders in sync: everyday life."""

import itertools
import json
import random
import shutil
import threading

import pytest

from desktop import assert_same, other, same_everywhere
from harness import trees
from harness.dav import Multistatus
from harness.trees import FOLDER

TRANSFERS = ("GET", "PUT")


def some_files(computer):
    computer.write("note.txt", b"a note\n", mtime=1600000000)
    computer.write("empty", b"")
    computer.write("photos/2020/one.jpg", mtime=1500000000)
    computer.write("photos/2020/two.jpg", random.randbytes(200000))
    computer.write("photos/2021/three.jpg")
    computer.path("photos/nothing yet").mkdir()
    computer.path("photos/nothing yet/at all").mkdir()
    return computer


@pytest.fixture(name="pair")
def fixture_pair(account, computer, log):
    """Two computers of one account that have the same files, the second with the other client."""
    first, second = some_files(computer(account)), None
    first.sync()
    second = computer(account, other(first.kind))
    second.sync()
    assert second.tree() == first.tree()
    log.mark()
    return first, second


def test_upload_and_download(account, computer, log):
    first = some_files(computer(account))
    before = first.tree()
    first.sync()
    assert first.tree() == before
    assert log.methods()["PUT"] == 5
    second = computer(account, other(first.kind))
    second.sync()
    assert same_everywhere(account, first, second) == before
    assert before["photos/nothing yet/at all"] == FOLDER
    assert before["empty"][0] == 0


def test_nothing_to_do_costs_one_listing(account, pair, log):
    for computer in pair:
        computer.sync()  # the first time, the folders' new ETags are taken over
        log.mark()
        computer.sync()
        asked = log.requests(below="remote.php/dav/files/")
        assert [request.method for request in asked] == ["PROPFIND"], [*map(str, asked)]


def test_edit(account, pair, log):
    first, second = pair
    before = trees.ids(account)
    content = first.edit("photos/2020/two.jpg")
    log.mark()
    first.sync()
    assert [str(put) for put in log.requests(*TRANSFERS)] == \
        [f"PUT remote.php/dav/files/{account.id}/photos/2020/two.jpg 204"]
    log.mark()
    second.sync()
    assert [str(get) for get in log.requests(*TRANSFERS)] == \
        [f"GET remote.php/dav/files/{account.id}/photos/2020/two.jpg 200"]
    assert second.path("photos/2020/two.jpg").read_bytes() == content
    same_everywhere(account, first, second)
    assert trees.ids(account) == before


def test_edit_on_the_server(account, pair):
    account.put("photos/2021/three.jpg", b"from elsewhere", headers={"X-OC-Mtime": "1700000000"})
    for computer in pair:
        computer.sync()
    tree = same_everywhere(account, *pair)
    assert tree["photos/2021/three.jpg"][2] == 1700000000


MOVES = {
    "a file's name": [("note.txt", "Note.txt")],
    "a folder's name": [("photos", "pictures")],
    "a file into a folder": [("note.txt", "photos/2020/note.txt")],
    "a folder into a folder": [("photos/2020", "photos/2021/2020")],
    "a folder to the top": [("photos/2020", "2020 & before")],
    "a folder and a file in it": [("photos", "pictures"),
                                  ("pictures/2020/one.jpg", "pictures/2020/uno.jpg")],
}


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES.keys())
def test_move(account, pair, log, moves):
    """Nothing is sent or fetched again, on no side, and ids stay."""
    first, second = pair
    before = trees.ids(account)
    for old, new in moves:
        first.move(old, new)
    log.mark()
    first.sync()
    seen = log.methods()
    assert seen["MOVE"] == len(moves)
    assert not {"GET", "PUT", "DELETE", "MKCOL", "COPY"} & set(seen), seen
    log.mark()
    second.sync()
    assert log.requests(*TRANSFERS) == []
    same_everywhere(account, first, second)
    assert sorted(trees.ids(account).values()) == sorted(before.values())


def test_swap_of_two_names(account, pair, log):
    first, second = pair
    first.write("note2.txt", b"the second note\n")
    first.sync()
    second.sync()
    first.move("note.txt", "between")
    first.move("note2.txt", "note.txt")
    first.move("between", "note2.txt")
    log.mark()
    first.sync()
    second.sync()
    same_everywhere(account, first, second)
    assert second.path("note.txt").read_bytes() == b"the second note\n"


def test_move_on_the_server(account, pair, log):
    account.move("photos", "pictures", expect=(201,))
    account.move("note.txt", "pictures/2021/note.txt", expect=(201,))
    log.mark()
    for computer in pair:
        computer.sync()
    assert log.requests(*TRANSFERS) == []
    same_everywhere(account, *pair)


def test_delete(account, pair, log):
    first, second = pair
    first.path("note.txt").unlink()
    for path in ("photos/2020/one.jpg", "photos/2020/two.jpg"):
        first.path(path).unlink()
    first.path("photos/2020").rmdir()
    first.sync()
    assert log.methods()["DELETE"] == 2
    second.sync()
    tree = same_everywhere(account, first, second)
    assert sorted(tree) == ["empty", "photos", "photos/2021", "photos/2021/three.jpg",
                            "photos/nothing yet", "photos/nothing yet/at all"]


def test_delete_on_the_server(account, pair):
    account.delete("photos")
    account.delete("empty")
    for computer in pair:
        computer.sync()
    assert list(same_everywhere(account, *pair)) == ["note.txt"]


def test_file_becomes_folder(account, pair):
    first, second = pair
    first.path("note.txt").unlink()
    first.write("note.txt/inside/more", b"in")
    # owncloudcmd 2.11 leaves what is in it to its next run
    for computer in (first, first, second):
        computer.sync()
    tree = same_everywhere(account, first, second)
    assert tree["note.txt"] == FOLDER and tree["note.txt/inside/more"][0] == 2


def test_folder_becomes_file(account, pair):
    """In two steps: both clients, when they meet the file in the folder's place at once, send their
    DELETE and then hang."""
    first, second = pair
    for path in ("photos/nothing yet/at all", "photos/nothing yet"):
        first.path(path).rmdir()
    first.sync()
    first.write("photos/nothing yet", b"now a file")
    first.sync()
    second.sync()
    tree = same_everywhere(account, first)
    assert tree["photos/nothing yet"][0] == 10
    # To be sure, the clients keep a folder that a file takes the place of
    assert second.conflicts()
    assert_same(second.tree_without_conflicts(), tree)


def test_type_changes_on_the_server(account, pair):
    account.delete("note.txt")
    account.mkcol("note.txt")
    account.put("note.txt/x", b"x")
    account.delete("photos/nothing yet")
    account.put("photos/nothing yet", b"now a file")
    for computer in pair * 2:
        computer.sync()
    tree = same_everywhere(account)
    assert tree["photos/nothing yet"][0] == 10 and tree["note.txt"] == FOLDER
    for computer in pair:
        assert_same(computer.tree_without_conflicts(), tree, computer.kind)


def test_conflict_keeps_both(account, pair):
    """Both computers changed a file: the second to come keeps its own beside the server's."""
    first, second = pair
    mine, theirs = b"what the first wrote\n", b"what the second has written\n"
    first.edit("note.txt", mine)
    second.edit("note.txt", theirs)
    first.sync()
    second.sync()
    first.sync()
    assert second.path("note.txt").read_bytes() == mine
    conflict, = second.conflicts()
    assert second.path(conflict).read_bytes() == theirs
    assert account.get("note.txt").content == mine
    assert first.tree() == second.tree_without_conflicts() == trees.remote(account)


def test_conflict_of_new_files(account, pair):
    first, second = pair
    for computer, content in ((first, b"one"), (second, b"two and more")):
        computer.write("new/file", content)
    first.sync()
    second.sync()
    assert second.path("new/file").read_bytes() == b"one"
    conflict, = second.conflicts()
    assert second.path(conflict).read_bytes() == b"two and more"
    # The same content, at the same time, is none
    for computer in pair:
        computer.write("same", b"same", mtime=1600000000)
    first.sync()
    second.sync()
    assert len(second.conflicts()) == 1


def test_edit_wins_over_delete(account, pair):
    first, second = pair
    first.path("note.txt").unlink()
    edited = second.edit("note.txt")
    first.sync()
    second.sync()
    first.sync()
    assert first.path("note.txt").read_bytes() == second.path("note.txt").read_bytes() == edited
    same_everywhere(account, first, second)


class Life:
    """What somebody does on a computer, at random."""

    clock = itertools.count(1600000000)

    def __init__(self, computer, number, seed):
        self.computer = computer
        self.rng = random.Random(seed)
        self.number = number
        self.written = {}

    def own_files(self):
        return [path for path, what in self.computer.tree().items()
                if what != FOLDER and path.startswith(f"own{self.number}/")]

    def write(self, name, size):
        """No time is used twice: a client knows an edit by time and size alone."""
        return self.computer.write(name, self.rng.randbytes(size), mtime=next(self.clock))

    def day(self):
        self.written = {}
        for _ in range(8):
            name = f"own{self.number}/{self.rng.randrange(3)}/{self.rng.randrange(1000)}"
            own = self.own_files()
            what = self.rng.choice(("new", "new", "edit", "move", "delete", "common", "common"))
            if what == "common":
                name = f"common/{self.rng.randrange(4)}"
                self.written[name] = self.write(name, 900)
            elif what == "new" or not own:
                self.write(name, self.rng.randrange(5000))
            elif what == "edit":
                self.write(self.rng.choice(own), 700)
            elif what == "delete":
                self.computer.path(self.rng.choice(own)).unlink()
            elif not self.computer.path(name).exists():
                self.computer.path(name).parent.mkdir(parents=True, exist_ok=True)
                self.computer.move(self.rng.choice(own), name)


def test_computers_converge(account, pair):
    """Two computers change what they like, in files of their own and in common ones, and sync at
    the same time. In the end both have the same, and what each wrote is there."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    lives = [Life(computer, number, f"{seed} {number}") for number, computer in enumerate(pair)]
    # When both make a new file of one name at the same moment, the clients put no condition on it
    for number in range(4):
        lives[0].write(f"common/{number}", 900)
    for computer in pair:
        computer.sync()
    for _ in range(3):
        for life in lives:
            life.day()
        # A client that meets the other's changes half-way says so, and its next run mends it
        threads = [threading.Thread(target=computer.sync, kwargs={"check": False})
                   for computer in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for computer in pair * 2:
            computer.forget_failures()
            computer.sync()
        contents = [trees.contents(computer.folder) for computer in pair]
        for life in lives:
            for name, content in life.written.items():
                assert any(content in found for found in contents), name
    first, second = pair
    tree = trees.remote(account)
    assert_same(trees.on_disk(account), tree, "on disk")
    for computer in pair:
        assert_same(computer.tree_without_conflicts(), tree, computer.kind)


def test_3000_small_files(account, computer, log):
    """One client sends them, the other fetches them."""
    first = computer(account)
    for number in range(3000):
        first.write(f"folder {number % 30}/file {number}.txt", b"%d" % number)
    first.sync()
    puts = log.requests("PUT")
    assert len(puts) == 3000 and all(put.status == 201 for put in puts)
    second = computer(account, other(first.kind))
    second.sync()
    assert second.tree() == first.tree() == trees.on_disk(account)
    assert len(trees.listing(account)) == 3030


def test_deleted_and_restored_from_the_trash(account, pair):
    """What a client deletes and the server brings back is there again, the same files by their ids."""
    first, second = pair
    before, ids = first.tree(), trees.ids(account)
    shutil.rmtree(first.path("photos"))
    first.path("note.txt").unlink()
    first.sync()
    second.sync()
    assert set(second.tree()) == {"empty"}
    place = "oc:trashbin-original-location"
    for href, item in account.propfind("", 1, (place,), space="trash-bin").items():
        if item.get(place) is not None:
            answer = account.dav("MOVE", href.rstrip("/").rsplit("/", 1)[1], "trash-bin",
                                 destination=item[place], dest_space="files", overwrite=False)
            assert answer.status_code == 201, answer.text
    first.sync()
    second.sync()
    assert same_everywhere(account, first, second) == before
    assert trees.ids(account) == ids


def test_restored_by_cloudctl(env, account, pair):
    """The same when the admin brings it back, and one file gets its old content again."""
    first, second = pair
    first.edit("note.txt", b"the second content")
    first.sync()
    second.sync()
    before, ids = first.tree(), trees.ids(account)
    shutil.rmtree(first.path("photos"))
    first.edit("note.txt", b"a content that nobody wants")
    first.sync()
    second.sync()

    def ctl(*args):
        done = env.cloudctl("--json", *args, "--account", account.id)
        return json.loads(done.stdout)

    for item in ctl("trash", "list"):
        ctl("trash", "restore", item["id"])
    ctl("versions", "restore", "note.txt", ctl("versions", "list", "note.txt")[0]["number"])
    first.sync()
    second.sync()
    assert same_everywhere(account, first, second) == before
    assert first.path("note.txt").read_bytes() == b"the second content"
    assert trees.ids(account) == ids


def test_restored_version(env, account, pair):
    """A version restored by HTTP reaches every computer; a computer that has an edit of its own keeps
    both."""
    first, second = pair
    first.edit("note.txt", b"the second content")
    first.sync()
    second.sync()
    ids = trees.ids(account)
    second.edit("note.txt", b"an edit of this computer")
    meta = f"remote.php/dav/meta/{account.prop('note.txt', 'oc:fileid')}/v"
    listing = Multistatus(env.http("PROPFIND", meta, account, headers={"Depth": "1"}))
    original = env.http("GET", f"{meta}/{listing.names()[0]}", account).content
    answer = env.http("COPY", f"{meta}/{listing.names()[0]}", account,
                      headers={"Destination": account.url("note.txt")})
    assert answer.status_code == 204
    first.sync()
    second.sync()
    assert first.path("note.txt").read_bytes() == second.path("note.txt").read_bytes() == original
    assert [second.path(path).read_bytes() for path in second.conflicts()] == [
        b"an edit of this computer"]
    assert trees.ids(account).items() >= ids.items()
