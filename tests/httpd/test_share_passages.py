"""What goes from one person's files to another's while the share that it goes through ends, shrinks or gets another
name, and while others do the same. Each answer is one that would be given before or after: what was moved is in exactly
one place, what was copied is there as a whole or not at all, and fsck finds nothing."""

import itertools

import pytest

from harness import trees
from harness.clashes import another, at_once
from harness.shares import ALL, CREATE, READ, call, group, share

ROUNDS = 3
ORIGINAL = "oc:trashbin-original-filename"
NUMBERS = itertools.count(1)


class World:
    """alice's folder "team", which she has shared with bob and carol."""

    def __init__(self, env):
        self.env = env
        self.alice, self.bob, self.carol = self.people = [env.account() for _ in range(3)]
        self.alice.mkcol("team")
        self.made = share(self.alice, "team", self.bob, permissions=ALL)
        share(self.alice, "team", self.carol, permissions=ALL)

    def sound(self):
        for who in self.people:
            done = self.env.cloudctl("fsck", "--account", who.id, check=False)
            assert done.returncode == 0, done.stdout + done.stderr

    def disk(self, who):
        return trees.contents(self.env.data / "accounts" / who.id / "files")

    def mend(self):
        """All is as it was at first, whatever was done to the folder and its share."""
        if self.alice.dav("PROPFIND", "team", depth=0).status_code == 404:
            binned = self.alice.propfind("", 1, (ORIGINAL,), space="trash-bin")
            [item] = [name for name, entry in zip(binned.names(), [*binned.values()][1:])
                      if entry[ORIGINAL] == "team"]
            self.alice.dav("MOVE", item, "trash-bin", destination="team", dest_space="files")
        for one in call(self.alice, "GET", "shares", path="/team"):
            if one["share_with"] == self.bob.id:
                call(self.alice, "DELETE", f"shares/{one['id']}")
        self.made = share(self.alice, "team", self.bob, permissions=ALL)
        if "another name" in self.bob.propfind("", 1).names():
            self.bob.move("another name", "team", expect=(201,))
        assert self.bob.propfind("team", 1)


@pytest.fixture(name="w")
def fixture_w(env):
    world = World(env)
    yield world
    world.sound()


def rename(w):
    for source, target in (("team", "renamed"), ("renamed", "team")):
        w.alice.move(source, target, expect=(201,))


CHANGES = {
    "the share is deleted": lambda w: w.made.delete(),
    "it allows only to read": lambda w: w.made.update(permissions=READ),
    "it allows only to create": lambda w: w.made.update(permissions=CREATE),
    "the owner renames the folder": rename,
    "the owner deletes the folder": lambda w: w.alice.delete("team"),
    "the receiver renames it": lambda w: w.bob.move("team", "another name"),
    "the receiver leaves": lambda w: w.bob.delete("team"),
}
REFUSED = {403, 404, 409}


@pytest.mark.parametrize("folder", (False, True), ids=("file", "folder"))
@pytest.mark.parametrize("method", ("MOVE", "COPY"))
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_into_a_share(w, change, method, folder):
    """A MOVE takes it away from here exactly when it is there; a COPY leaves it here."""
    for _ in range(ROUNDS):
        name = f"thing{next(NUMBERS)}"
        content = f"content of {name}".encode()
        if folder:
            w.bob.mkcol(name)
        w.bob.put(f"{name}/file" if folder else name, content)
        mover = another(w.bob)
        answer, _ = at_once(lambda: mover.dav(method, name, destination=f"team/{name}"),
                            lambda: change(w))
        done = answer.status_code == 201
        assert done or answer.status_code in REFUSED, answer.text
        assert (content in w.disk(w.bob)) == (method == "COPY" or not done)
        kept = w.disk(w.alice) | trees.contents(w.env.data / "accounts" / w.alice.id / "trash")
        assert (content in kept) == done
        w.mend()


@pytest.mark.parametrize("folder", (False, True), ids=("file", "folder"))
@pytest.mark.parametrize("method", ("MOVE", "COPY"))
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_out_of_a_share(w, change, method, folder):
    """Whoever takes something away has it as a whole, or nothing of it; its owner has it in any case, in the trash when
    it was taken."""
    for _ in range(ROUNDS):
        name = f"thing{next(NUMBERS)}"
        content = f"content of {name}".encode()
        if folder:
            w.alice.mkcol(f"team/{name}")
            w.alice.put(f"team/{name}/other", b"other " + content)
        w.alice.put(f"team/{name}/file" if folder else f"team/{name}", content)
        taker = another(w.bob)
        answer, _ = at_once(lambda: taker.dav(method, f"team/{name}", destination="mine"),
                            lambda: change(w))
        done = answer.status_code == 201
        assert done or answer.status_code in REFUSED, answer.text
        got = w.bob.get("mine/file" if folder else "mine")
        assert (got.status_code == 200) == done and (not done or got.content == content)
        if done:
            assert not folder or w.bob.get("mine/other").content == b"other " + content
            w.bob.delete("mine")
        else:
            assert w.bob.dav("PROPFIND", "mine", depth=0).status_code == 404
        w.mend()
        there = w.alice.get(f"team/{name}/file" if folder else f"team/{name}").status_code
        assert there == (404 if done and method == "MOVE" else 200)
        assert content in w.disk(w.alice) | trees.contents(
            w.env.data / "accounts" / w.alice.id / "trash")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_chunk_under_way(w, change):
    """Chunks are the sender's until the end: none is lost, whatever becomes of the place that they are for."""
    for _ in range(ROUNDS):
        name = f"big{next(NUMBERS)}"
        parts = [f"{name} part {number}".encode() for number in range(3)]
        w.bob.mkcol(name, space="uploads")
        for number in (0, 1):
            w.bob.put(f"{name}/{number}", parts[number], space="uploads", expect=(201,))
        sender = another(w.bob)

        def rest(sender=sender, name=name, parts=parts):
            sender.put(f"{name}/2", parts[2], space="uploads", expect=(201,))
            return sender.dav("MOVE", f"{name}/.file", "uploads", destination=f"team/{name}")

        answer, _ = at_once(rest, lambda: change(w))
        done = answer.status_code == 201
        assert done or answer.status_code in REFUSED, answer.text
        whole = b"".join(parts)
        kept = w.disk(w.alice) | trees.contents(w.env.data / "accounts" / w.alice.id / "trash")
        assert (whole in kept) == done
        if not done:
            again = w.bob.dav("MOVE", f"{name}/.file", "uploads", destination=name)
            assert again.status_code == 201 and w.bob.get(name).content == whole
        w.mend()


# ---- several people ----


def test_two_put_something_under_one_name(w):
    """One comes in, the other keeps what he has."""
    for _ in range(ROUNDS * 2):
        name = f"same{next(NUMBERS)}"
        for who in (w.bob, w.carol):
            who.put(name, who.id.encode())
        answers = at_once(*(lambda who=who: another(who).dav("MOVE", name, overwrite=False,
                                                             destination=f"team/{name}").status_code
                            for who in (w.bob, w.carol)))
        assert sorted(answers) == [201, 412]
        won, lost = (w.bob, w.carol) if answers[0] == 201 else (w.carol, w.bob)
        assert w.alice.get(f"team/{name}").content == won.id.encode()
        assert lost.get(name).content == lost.id.encode()
        assert won.get(name).status_code == 404


def test_two_take_the_same_away(w):
    """One has it, and nothing of it is left with the other."""
    for number in range(ROUNDS * 2):
        name = f"prize{next(NUMBERS)}"
        inner = "/file" if number % 2 else ""
        if inner:
            w.alice.mkcol(f"team/{name}")
        w.alice.put(f"team/{name}{inner}", name.encode())
        answers = at_once(*(lambda who=who: another(who).dav(
            "MOVE", f"team/{name}", destination=name).status_code for who in (w.bob, w.carol)))
        assert sorted(answers) == [201, 404], answers
        had = [who.get(f"{name}{inner}").status_code for who in (w.bob, w.carol)]
        assert had == [200 if answer == 201 else 404 for answer in answers]
        assert w.alice.get(f"team/{name}{inner}").status_code == 404


def found(people, content):
    """In whose files something is, by its paths."""
    places = []
    for who in people:
        for path, entry in trees.remote(who).items():
            if entry != trees.FOLDER and who.get(path).content == content:
                places.append((who.id, path))
    return places


@pytest.mark.parametrize("count", (2, 3))
def test_each_moves_his_folder_into_the_next_ones(env, count):
    """No folder ends up in itself: nothing is lost from everybody's sight."""
    for _ in range(ROUNDS):
        people = [env.account() for _ in range(count)]
        for number, who in enumerate(people):
            who.mkcol(f"f{number}")
            who.put(f"f{number}/file", f"of {who.id}".encode())
        for number, who in enumerate(people):
            share(who, f"f{number}", people[number - 1], permissions=ALL)

        def move(number, people=people):
            following = (number + 1) % count
            return another(people[number]).dav(
                "MOVE", f"f{number}", destination=f"f{following}/f{number}").status_code

        answers = at_once(*(lambda number=number: move(number) for number in range(count)))
        assert all(answer in (201, 403, 404, 409) for answer in answers), answers
        assert 201 in answers and answers.count(201) < count, answers
        for who in people:
            assert found(people, f"of {who.id}".encode()), f"{answers}: lost what {who.id} had"
            done = env.cloudctl("fsck", "--account", who.id, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_name_that_changes_while_it_is_listed(w):
    """Each listing has the folder once, by one name or the other; its owner's name for it is not seen."""
    names = ("team", "another name")

    def change():
        renamer = another(w.bob)
        for number in range(20):
            renamer.move(names[number % 2], names[1 - number % 2], expect=(201,))
            w.alice.move("team" if number % 2 == 0 else "renamed",
                         "renamed" if number % 2 == 0 else "team", expect=(201,))

    def look():
        client, seen = another(w.bob), []
        for _ in range(60):
            seen.append(list(client.propfind("", 1).names()))
        return seen

    _, seen = at_once(change, look)
    assert all(listed in (["team"], ["another name"]) for listed in seen), seen


def test_a_group_that_is_given_less(env):
    """Members write while their group's share shrinks: later none of them can."""
    alice, *people = [env.account() for _ in range(3)]
    alice.mkcol("team")
    team = group(env, f"passages-{alice.id}", *people)
    made = share(alice, "team", team, permissions=ALL)
    for number in range(ROUNDS):
        for who in people:
            who.put("own", f"{who.id} {number}".encode())
        answers = at_once(*(lambda who=who: another(who).dav(
            "MOVE", "own", destination=f"team/{who.id}-{number}").status_code for who in people),
                          lambda: made.update(permissions=READ))
        for who, answer in zip(people, answers):
            assert answer in (201, 403), answers
            assert (alice.get(f"team/{who.id}-{number}").status_code == 200) == (answer == 201)
            assert (who.get("own").status_code == 404) == (answer == 201)
            assert who.dav("PUT", "team/late", data=b"x").status_code == 403
        made.update(permissions=ALL)
