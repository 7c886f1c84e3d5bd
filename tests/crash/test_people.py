"""Random commands of people who share, and kill -9 at random points of them. After each command everybody sees what
the model (harness/people.py) says, with new ETags wherever he sees something else than before; after each kill all of
the command is there or nothing of it, and fsck finds nothing.

CLOUD_PEOPLE_SEED runs one seed, or with "random" another one each time; CLOUD_PEOPLE_STEPS is how many commands,
CLOUD_PEOPLE_SECONDS lets seeds follow each other for so long. A failure names its seed, and that seed gives the same
commands and kills again."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter

import pytest

from harness.env import BUILD
from harness.people import MUST, NEVER, TEAM, Model, Place
from harness.shares import CREATE, DELETE, READ, SHARE, UPDATE

STEPS = int(os.environ.get("CLOUD_PEOPLE_STEPS", "400"))
SECONDS = int(os.environ.get("CLOUD_PEOPLE_SECONDS", "0"))
SEED = os.environ.get("CLOUD_PEOPLE_SEED")
SEEDS = [random.randrange(10 ** 9)] if SEED == "random" else [int(SEED)] if SEED else [1, 2, 3]
PEOPLE = ("alice", "bob", "carol", "dave")
SETS = [31, 31, 31, 15, READ, READ | SHARE, READ | CREATE, READ | UPDATE, READ | DELETE, CREATE,
        CREATE | SHARE, UPDATE | SHARE, READ | UPDATE | CREATE | SHARE]
#: Files and folders of everybody together
MANY = 70


class Died(Exception):
    """Killed in the midst of a command."""


class Process:
    """tests/crash/people. kill: at which injection point it dies while it opens the store."""

    def __init__(self, folder, kill=None):
        environ = {**os.environ, "LD_LIBRARY_PATH": f"{BUILD}/.libs"}
        if kill:
            environ["CLOUD_INJECT_AT"] = f"*:{kill}"
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [f"{BUILD}/tests/crash/.libs/people", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=environ)
        try:
            self.answer()
        except Died:
            self.close()
            raise

    def answer(self):
        """(lines, what is said at the end)"""
        lines = []
        while True:
            line = self.process.stdout.readline()
            if not line.endswith("\n"):
                raise Died
            if line.startswith("= "):
                return lines, line[2:].strip()
            lines.append(line.split())

    def run_all(self, commands):
        """Runs commands one after the other; their answers."""
        try:
            self.process.stdin.write("".join(" ".join(words) + "\n" for words in commands))
            self.process.stdin.flush()
        except BrokenPipeError as gone:
            raise Died from gone
        return [self.answer() for _ in commands]

    def run(self, *words):
        return self.run_all([words])[0]

    def done_all(self, commands):
        """The same for what has to work; what they say."""
        answers = self.run_all(commands)
        for words, (_, said) in zip(commands, answers):
            assert said.startswith("ok "), f"{words}: {said}"
        return [lines for lines, _ in answers]

    def done(self, *words):
        return self.done_all([words])[0]

    def close(self):
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        assert self.process.wait(60) in (0, -9), self.process.returncode


class Seen:
    """What everybody sees, what lies in the bins, and what is shared, as the server says."""

    def __init__(self, process):
        shares, *rest = process.done_all([("shares",), *(("walk", who) for who in PEOPLE),
                                          *(("bin", who) for who in PEOPLE)])
        views, bins = rest[:len(PEOPLE)], rest[len(PEOPLE):]
        self.views = dict(zip(PEOPLE, map(self.view, views)))
        self.bins = {who: {int(line[0]) for line in lines} for who, lines in zip(PEOPLE, bins)}
        self.shares = {int(line[0]): (line[1], line[2], int(line[3]), int(line[4]))
                       for line in shares}

    @staticmethod
    def view(lines):
        """{path: [id, is folder, permissions, in somebody else's files, text, ETag]}"""
        found = {}
        for line in lines:
            if line[0] == "content":
                found[line[1]][4] = line[2]
                continue
            path, number, kind, etag, perms, shared = line
            found[path] = [int(number), kind == "d", int(perms), shared == "1", None, int(etag)]
        return found


def what_differs(model, seen):
    """Compares; learns places and ids that only the server knows. None: nothing."""
    differs = differing_shares(model, seen)
    if differs:
        return differs
    for who in PEOPLE:
        for item, first in model.unplaced(who):
            learn_place(model, who, item, first, seen.views[who])
    return differing_views(model, seen) or differing_bins(model, seen)


def learn_place(model, who, item, first, view):
    by_id = {node.id: node for node in model.roots[who].all()}
    for path, (number, _, _, shared, _, _) in view.items():
        above, _, name = path.rpartition("/")
        above = view[above or "/"]
        if number == item.id and shared and not above[3] and above[0] in by_id:
            folder = by_id[above[0]]
            model.places[who, item] = Place(folder if folder.parent else None, name, first)
            return


def differing_shares(model, seen):
    rest = dict(seen.shares)
    for share in sorted(model.shares, key=lambda one: one.id is None):
        if share.node.id is None and share.id in rest:
            share.node.id = rest[share.id][3]
        wanted = share.giver, share.to, share.perms, share.node.id
        if share.id is None:
            share.id = next((number for number, found in rest.items() if found == wanted), None)
        if rest.pop(share.id, None) != wanted:
            return f"share {share.id}: {seen.shares.get(share.id)} instead of {wanted}"
    return f"shares that there should not be: {rest}" if rest else None


def differing_views(model, seen):
    for who in PEOPLE:
        actual, wanted = seen.views[who], model.view(who)
        for path, spot in wanted.items():
            if path not in actual:
                return f"{who} does not see {path}"
            number, is_dir, perms, shared, text, _ = actual[path]
            if spot.node.id is None:
                spot.node.id = number
            mask = 31 if is_dir else 31 & ~(CREATE | DELETE)
            had = number, is_dir, perms & mask, shared, text
            readable = spot.perms & READ
            want = (spot.node.id, spot.node.is_dir, spot.perms & mask, bool(spot.mount),
                    None if is_dir else spot.node.text if readable else "denied")
            if had != want:
                return f"{who}, {path}: {had} instead of {want}"
        if len(actual) != len(wanted):
            return f"{who} sees what he should not: {sorted(set(actual) - set(wanted))}"
    return None


def differing_bins(model, seen):
    deleted = {who: {node.id for node, by in model.deleters.items() if by == who}
               for who in PEOPLE}
    for who in PEOPLE:
        own = {node.id for node in model.bins[who]}
        others = {node.id for one in PEOPLE if one != who for node in model.bins[one]}
        if not own <= seen.bins[who]:
            return f"not in the bin of {who}: {own - seen.bins[who]}"
        if not seen.bins[who] - own <= others & deleted[who]:
            return f"in the bin of {who}: {seen.bins[who] - own}"
    return None


def old_etags(before, after):
    """Folders in which somebody sees something else than before, with the ETag of before."""
    for who in PEOPLE:
        one, other = before.views[who], after.views[who]
        for path, entry in one.items():
            if not entry[1] or path not in other or entry[0] != other[path][0]:
                continue
            inside = path.rstrip("/") + "/"
            if entry[5] == other[path][5] and below(one, inside) != below(other, inside):
                yield f"{who}, {path}"


def below(view, inside):
    return {path: entry[:5] for path, entry in view.items()
            if path.startswith(inside) and path != inside}


class Chance:
    """Commands by chance."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = iter(range(1, 10 ** 9))
        self.given = {}  # name -> id of the one item that was ever shared under it

    def fresh(self, letter="n"):
        return f"{letter}{next(self.numbers)}"

    def path(self, view, folders=False, files=False, root=False):
        paths = [path for path, spot in view.items()
                 if (not folders or spot.node.is_dir) and (not files or not spot.node.is_dir)
                 and (root or path != "/")]
        shared = [path for path in paths if view[path].mount]
        if shared and self.random.random() < 0.5:
            paths = shared
        return self.random.choice(paths) if paths else None

    def target(self, view):
        folder = self.path(view, folders=True, root=True)
        return f"{folder.rstrip('/')}/{self.fresh()}"

    def command(self, model):
        """Something to do, or None; never something whose outcome nobody would see."""
        who = self.random.choice(PEOPLE)
        view = model.view(who)
        nodes = sum(1 for one in PEOPLE for _ in model.roots[one].all())
        kinds = dict(WEIGHTS)
        if nodes > MANY:
            kinds |= {"remove": 60, "copy": 1}
        kind = self.random.choices([*kinds], [*kinds.values()])[0]
        return getattr(self, f"make_{kind}")(model, who, view)

    def make_put(self, _, who, view):
        text = self.fresh("t") * self.random.randint(1, 6)
        known = self.path(view, files=True) if self.random.random() < 0.4 else None
        return "put", who, known or self.target(view), text

    def make_mkcol(self, _, who, view):
        return "mkcol", who, self.target(view)

    def make_remove(self, _, who, view):
        path = self.path(view)
        return path and ("remove", who, path)

    def make_move(self, _, who, view):
        source = self.path(view)
        return source and ("move", who, source, self.target(view))

    def make_copy(self, model, who, view):
        """Not of a folder with something received in it: what a copy of that has is not known here."""
        source = self.path(view)
        if not source or (not view[source].mount
                          and model.has_mounts_below(who, view[source].node)):
            return None
        return "copy", who, source, self.target(view)

    def make_share(self, model, who, view):
        path = self.path(view)
        if not path:
            return None
        node = view[path].node
        to = self.random.choice((*PEOPLE, TEAM))
        if to in (who, model.owner(node)) or any(one.node is node and one.to == to
                                                 for one in model.shares):
            return None
        # What is in copies has names that others have, too
        if self.given.setdefault(path.rpartition("/")[2], node.id) != node.id:
            return None
        kind = "group" if to == TEAM else "user"
        return "share", who, path, kind, to, str(self.random.choice(SETS))

    def any_share(self, model):
        return self.random.choice(model.shares) if model.shares else None

    def make_change(self, model, *_):
        share = self.any_share(model)
        return share and ("change", share.giver, str(share.id), str(self.random.choice(SETS)))

    def make_end(self, model, *_):
        share = self.any_share(model)
        if not share:
            return None
        return "end", self.random.choice((share.giver, model.owner(share.node))), str(share.id)

    def make_decline(self, model, who, _):
        found = [share for share in model.shares if share.node in model.mounts(who)
                 and who in model.recipients(share)]
        return found and ("decline", who, str(self.random.choice(found).id))

    def make_accept(self, model, who, _):
        found = [share for share in model.shares if share.node not in model.mounts(who)
                 and who in model.recipients(share)]
        return found and ("accept", who, str(self.random.choice(found).id))

    def make_restore(self, model, who, view):
        if not model.bins[who]:
            return None
        return "restore", who, str(self.random.choice(model.bins[who]).id), self.target(view)

    def make_purge(self, model, who, _):
        return model.bins[who] and ("purge", who, str(self.random.choice(model.bins[who]).id))

    def make_maintain(self, *_):
        return "maintain", None

    def make_join(self, model, who, _):
        return who not in model.members and ("join", TEAM, who)

    def make_part(self, model, who, _):
        return who in model.members and ("part", TEAM, who)


WEIGHTS = {"put": 24, "mkcol": 14, "remove": 12, "move": 30, "copy": 8, "share": 24, "change": 8,
           "end": 4, "decline": 4, "accept": 8, "restore": 8, "purge": 3, "maintain": 3, "join": 3,
           "part": 2}
#: What can be done once more, and of which nobody sees whether it is done
AGAIN = ("maintain", "join", "part")


class Run:
    """One store, one seed."""

    def __init__(self, folder, seed):
        self.folder = f"{folder}/{seed}"
        self.chance = Chance(seed)
        self.random = random.Random(f"kills {seed}")
        self.model = Model(PEOPLE, ())
        self.counts = Counter()
        self.last = None
        self.process = Process(self.folder)
        for who in PEOPLE:
            self.process.done("account", who)
        self.process.done("group", TEAM)
        self.seen = Seen(self.process)
        self.arm()
        assert what_differs(self.model, self.seen) is None

    def close(self):
        self.process.close()

    def arm(self):
        """It will die in one of the next commands."""
        most = self.random.choice((20, 200))
        self.process.done("kill", str(self.random.randint(1, most)))

    def start(self):
        """After a kill; sometimes it is killed while it recovers, too."""
        self.counts["kills"] += 1
        self.process.close()
        for _ in range(self.random.choice((0, 0, 1, 2))):
            try:
                self.process = Process(self.folder, self.random.randint(1, 12))
            except Died:
                self.counts["kills of a recovery"] += 1
                continue
            self.process.close()
        self.process = Process(self.folder)
        lines = self.process.done("fsck")
        assert not lines, lines

    def step(self):
        command = self.chance.command(self.model)
        if not command:
            return
        self.last = command
        after = self.model.copy()
        verdict, do = after.plan(command)
        try:
            said = self.process.run(*(word for word in command if word is not None))[1]
            fresh = None
        except Died:
            said, fresh = None, self.recover(command, after, do)
        if said and said.startswith("ok "):
            assert verdict != NEVER, f"done, and should not be: {said}"
            do()
            self.model = after
            self.counts[command[0]] += 1
        elif said:
            assert verdict != MUST, f"refused: {said}"
            assert not said.startswith(("INTERNAL", "UNAVAILABLE", "AGAIN")), said
            self.counts[f"{command[0]} refused"] += 1
        try:
            fresh = fresh or Seen(self.process)
        except Died:
            self.start()
            fresh, said = Seen(self.process), None
        if not said:
            self.arm()
        differs = what_differs(self.model, fresh)
        assert differs is None, differs
        stale = [*old_etags(self.seen, fresh)]
        assert not stale, f"other content and the same ETag: {stale}"
        self.seen = fresh

    def recover(self, command, after, do):
        """All of it was done, or nothing; what is seen then."""
        self.start()
        if command[0] in AGAIN:
            self.process.run(*(word for word in command if word is not None))
            do()
            self.model = after
            return Seen(self.process)
        fresh = Seen(self.process)
        unchanged = what_differs(self.model.copy(), fresh)
        if unchanged is not None and do:
            do()
            changed = what_differs(after, fresh)
            assert changed is None, f"neither {unchanged}, nor {changed}"
            self.model = after
            self.counts["killed and done"] += 1
        return fresh


@pytest.fixture(name="folder")
def fixture_folder():
    """In memory, where there is such a place: what was written survives a kill there, too."""
    folder = tempfile.mkdtemp(prefix="cloud-people-",
                              dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def one_run(folder, seed, steps):
    run = Run(folder, seed)
    try:
        for number in range(steps):
            try:
                run.step()
            except AssertionError as wrong:
                raise AssertionError(f"seed {seed}, step {number}: {run.last}: {wrong}") from wrong
        assert not run.process.done("fsck")
    finally:
        run.close()
    shutil.rmtree(run.folder)
    return run.counts


@pytest.mark.parametrize("seed", SEEDS)
def test_people_who_share(seed, folder):
    counts = one_run(folder, seed, STEPS)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        seed += 1000
        counts += one_run(folder, seed, STEPS)
    print(seed, dict(counts))
    if STEPS >= 400:
        # Less means that nothing was tested
        assert counts["kills"] >= STEPS / 50 and counts["killed and done"], counts
        assert counts["share"] and sum(counts[kind] for kind in WEIGHTS) > STEPS / 3, counts
