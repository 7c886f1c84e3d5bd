"""A model of people who share, as simple as can be: trees of nodes, shares, and what each of them sees. Commands
are those of tests/crash/people.c. Each new thing has a name that nothing else ever has, so nobody's name meets another one's."""

import copy
from dataclasses import dataclass, field

from .shares import ALL, CREATE, DELETE, READ, SHARE, UPDATE

TEAM = "team"
#: What the model says of a command: it has to be done, it must not be, or nothing
MUST, NEVER, MAY = "must", "never", "may"


class Node:
    """id None: as the server says. text: of a file."""

    def __init__(self, name, text=None):
        self.id = None
        self.name = name
        self.text = text
        self.kids = {}
        self.parent = None

    @property
    def is_dir(self):
        return self.text is None

    def attach(self, node):
        self.kids[node.name] = node
        node.parent = self

    def detach(self):
        del self.parent.kids[self.name]
        self.parent = None

    def root(self):
        node = self
        while node.parent:
            node = node.parent
        return node

    def all(self):
        yield self
        for kid in self.kids.values():
            yield from kid.all()

    def inside(self, node):
        up = self
        while up and up is not node:
            up = up.parent
        return up is not None

    def twin(self, name):
        made = Node(name, self.text)
        for kid in self.kids.values():
            made.attach(kid.twin(kid.name))
        return made


@dataclass(eq=False)
class Share:
    """said: what recipients say, where they have not accepted it. id None: as the server says."""
    node: Node
    giver: str
    to: str
    perms: int
    id: int = None
    said: set = field(default_factory=set)


@dataclass
class Place:
    """Where a recipient has an item: folder None: the root. A place that nobody knows is learned from the server; it
    hangs on the first share by which he has the item, unless he has put it there himself."""
    folder: Node
    name: str
    by: Share = None


@dataclass
class Spot:
    """What a path leads to. mount: the item that it is seen through."""
    node: Node
    perms: int
    mount: Node = None

    @property
    def is_mount(self):
        return self.node is self.mount

    @property
    def blind(self):
        return bool(self.mount) and not self.perms & READ


class Model:
    def __init__(self, people, members):
        self.people = people
        self.members = set(members)
        self.roots = {who: Node("") for who in people}
        self.bins = {who: [] for who in people}
        self.purged = []          # what was deleted for good, and waits for the job
        self.deleters = {}        # node -> who deleted it
        self.shares = []
        self.places = {}          # (who, node) -> Place

    def copy(self):
        return copy.deepcopy(self)

    # ---- who has what ----

    def owner(self, node):
        root = node.root()
        return next((who for who in self.people if self.roots[who] is root), None)

    def recipients(self, share):
        named = self.members if share.to == TEAM else {share.to}
        return {who for who in named if who not in (share.giver, self.owner(share.node))}

    def worth(self):
        """{share: permissions}: of a reshare those that its giver has, where he may share at all."""
        found = {share: 0 for share in self.shares}
        changed = True
        while changed:
            changed = False
            for share in self.shares:
                has = ALL if share.giver == self.owner(share.node) else \
                    self.given(found, share.giver, share.node)
                value = share.perms & has if has & SHARE else 0
                if value != found[share]:
                    found[share] = value
                    changed = True
        return found

    def given(self, worth, who, node):
        """What somebody has of a node by grants on it and above."""
        has = 0
        for share in self.shares:
            if node.inside(share.node) and who in self.recipients(share) and who not in share.said:
                has |= worth[share]
        return has

    def items(self, who):
        """{item: [permissions, first share]} of what somebody has received and accepted."""
        found = {}
        worth = self.worth()
        for share in self.shares:
            if worth[share] and who in self.recipients(share) and who not in share.said:
                found.setdefault(share.node, [0, share])[0] |= worth[share]
        return found

    def lost(self, who, node):
        """The place is in a folder that was deleted."""
        place = self.places.get((who, node))
        return place and place.folder and place.folder.root() is not self.roots[who]

    def mounts(self, who):
        """{item: (permissions, its place, None where that is not known)}"""
        found = {}
        for node, (perms, first) in self.items(who).items():
            place = self.places.get((who, node))
            known = place and place.by in (None, first)
            if not self.lost(who, node):
                found[node] = perms, place if known else None
        return found

    def mounts_in(self, who, folder):
        """[(name, item, permissions)] of those with a place in a folder of his."""
        for node, (perms, place) in self.mounts(who).items():
            if place and (place.folder or self.roots[who]) is folder:
                yield place.name, node, perms

    def has_mounts_below(self, who, folder):
        return any(True for node in folder.all() for _ in self.mounts_in(who, node))

    # ---- what somebody sees ----

    def view(self, who):
        """{path: Spot}; places that are not known are left out."""
        found = {}

        def add(path, spot):
            found[path] = spot
            if spot.blind:
                return
            for kid in spot.node.kids.values():
                add(f"{path.rstrip('/')}/{kid.name}", Spot(kid, spot.perms, spot.mount))
            if not spot.mount:
                for name, node, perms in self.mounts_in(who, spot.node):
                    add(f"{path.rstrip('/')}/{name}", Spot(node, perms, node))

        add("/", Spot(self.roots[who], ALL))
        return found

    def unplaced(self, who):
        return [(node, first) for node, (_, first) in self.items(who).items()
                if self.mounts(who).get(node, (0, True))[1] is None]

    # ---- what commands do ----

    def plan(self, command):
        """(MUST, NEVER or MAY, what it does)"""
        name, who, *rest = command
        return getattr(self, f"plan_{name}")(who, *rest)

    def above(self, who, path):
        above, _, name = path.rpartition("/")
        return self.view(who).get(above or "/"), name

    def plan_put(self, who, path, text):
        spot = self.view(who).get(path)
        if spot:
            if spot.node.is_dir:
                return NEVER, None

            def change():
                spot.node.text = text
            return (MUST if spot.perms & UPDATE else NEVER), change
        return self.new(who, path, text)

    def plan_mkcol(self, who, path):
        return self.new(who, path, None)

    def new(self, who, path, text):
        folder, name = self.above(who, path)
        if not folder or not folder.node.is_dir or not folder.perms & CREATE:
            return NEVER, None
        return MUST, lambda: folder.node.attach(Node(name, text))

    def gone(self, who, node):
        """Into the bin of its owner; shares end."""
        owner = self.owner(node)
        self.end_below(node)
        node.detach()
        self.bins[owner].append(node)
        self.deleters[node] = who

    def end_below(self, node):
        for share in [one for one in self.shares if one.node.inside(node)]:
            self.drop(share)

    def drop(self, share):
        self.shares.remove(share)
        if not any(one.node is share.node for one in self.shares):
            for key in [key for key in self.places if key[1] is share.node]:
                del self.places[key]

    def plan_remove(self, who, path):
        spot = self.view(who)[path]
        if spot.is_mount:
            return MUST, lambda: self.say(who, spot.node, False)
        if not spot.perms & DELETE:
            return NEVER, None
        return MUST, lambda: self.gone(who, spot.node)

    def say(self, who, node, yes):
        for share in self.shares:
            if share.node is node and who in self.recipients(share):
                (share.said.discard if yes else share.said.add)(who)

    def plan_move(self, who, source, target):
        s = self.view(who)[source]
        folder, name = self.above(who, target)
        if not folder or not folder.node.is_dir or self.into_itself(s, folder, source, target):
            return NEVER, None
        if s.is_mount:
            def place():
                at = None if folder.node is self.roots[who] else folder.node
                self.places[who, s.node] = Place(at, name)
            return (NEVER if folder.mount else MUST), place
        if not folder.perms & CREATE and not (s.node.parent is folder.node and s.perms & UPDATE):
            return NEVER, None
        if self.owner(s.node) == self.owner(folder.node):
            return self.move_within(s, folder, name)
        if s.mount and not s.perms & READ or s.mount and not s.perms & DELETE:
            return NEVER, None
        return (self.move_out if s.mount else self.move_in)(who, s, folder, name)

    @staticmethod
    def into_itself(s, folder, source, target):
        """By what its path says, or by another path that leads to the same."""
        return f"{target}/".startswith(f"{source}/") or folder.node.inside(s.node)

    @staticmethod
    def move_within(s, folder, name):
        def move():
            s.node.detach()
            s.node.name = name
            folder.node.attach(s.node)
        whole = READ | UPDATE | CREATE | DELETE
        if s.node.parent is folder.node:
            return (MUST if s.perms & UPDATE else NEVER), move
        return (MUST if s.perms & whole == folder.perms & whole == whole else MAY), move

    def move_in(self, who, s, folder, name):
        """Of his own into somebody else's tree: it stays shared, by somebody who has it as he has the folder now, but
        with its new owner."""
        owner = self.owner(folder.node)

        def move():
            for share in [one for one in self.shares if one.node.inside(s.node)]:
                self.places.pop((owner, share.node), None)
                if share.to == owner:
                    self.drop(share)
            self.forget_places(who, s.node)
            s.node.detach()
            s.node.name = name
            folder.node.attach(s.node)
        return MUST, move

    def forget_places(self, who, folder):
        """What he has put into a folder that is his no more is where what he receives is."""
        for key in [(one, item) for (one, item), place in self.places.items()
                    if one == who and place.folder and place.folder.inside(folder)]:
            del self.places[key]

    def move_out(self, who, s, folder, name):
        """Out of somebody else's tree: a copy, and its owner has the other one in his bin. What he shared of it he
        shares of the copy."""
        def move():
            made = s.node.twin(name)
            owner = self.owner(folder.node)
            folder.node.attach(made)
            worth = self.worth()
            mine = [share for share in self.shares if share.node is s.node and share.giver == who
                    and share.to != owner]
            for share in [share for share in mine if worth[share]]:
                share.node, share.perms = made, worth[share]
            follow = {one for share in mine if share.node is made for one in self.recipients(share)}
            for key in [key for key in self.places if key[1] is s.node and key[0] in follow]:
                self.places[key[0], made] = self.places.pop(key)
            self.gone(who, s.node)
        return MUST, move

    def plan_copy(self, who, source, target):
        s = self.view(who)[source]
        folder, name = self.above(who, target)
        if not folder or not folder.node.is_dir or not folder.perms & CREATE \
                or not s.perms & READ or self.into_itself(s, folder, source, target):
            return NEVER, None
        return MUST, lambda: folder.node.attach(s.node.twin(name))

    # ---- the bin ----

    def binned(self, who, number):
        return next(node for node in self.bins[who] if node.id == int(number))

    def plan_restore(self, who, number, target):
        node = self.binned(who, number)
        folder, name = self.above(who, target)

        def restore():
            self.bins[who].remove(node)
            if folder.mount:
                self.forget_places(who, node)
            node.name = name
            folder.node.attach(node)
        return (MAY if folder.mount else MUST), restore

    def plan_purge(self, who, number):
        node = self.binned(who, number)

        def purge():
            self.bins[who].remove(node)
            self.purged.append(node)
        return MUST, purge

    def plan_maintain(self, _):
        """Whoever had put something into what is gone for good has left that."""
        def maintain():
            for node in self.purged:
                for key in [key for key, place in self.places.items()
                            if place.folder and place.folder.inside(node)]:
                    self.say(*key, False)
                    del self.places[key]
            self.purged = []
        return MUST, maintain

    # ---- shares ----

    def find(self, number):
        return next(share for share in self.shares if share.id == int(number))

    def plan_share(self, who, path, _, to, perms):
        spot = self.view(who)[path]
        wanted = self.fitting(spot.node, int(perms))
        owner = self.owner(spot.node)
        if not wanted or not spot.perms & SHARE:
            return NEVER, None
        if not spot.mount and self.has_mounts_below(who, spot.node):
            return NEVER, None

        def give():
            made = Share(spot.node, who, to, wanted)
            self.shares.append(made)
            for one in self.recipients(made):
                self.bring_back(one, spot.node)
        # By other ways he may have more than by this one
        return (MUST if who == owner or not wanted & ~spot.perms else MAY), give

    @staticmethod
    def fitting(node, perms):
        return perms if node.is_dir else perms & ~(CREATE | DELETE)

    def bring_back(self, who, node):
        if self.lost(who, node):
            del self.places[who, node]

    def plan_change(self, _, number, perms):
        share = self.find(number)
        wanted = self.fitting(share.node, int(perms))

        def change():
            share.perms = wanted
        return (MUST if wanted and share.giver == self.owner(share.node) else MAY), change

    def plan_end(self, _, number):
        share = self.find(number)
        return MUST, lambda: self.drop(share)

    def plan_decline(self, who, number):
        return MUST, lambda: self.say(who, self.find(number).node, False)

    def plan_accept(self, who, number):
        node = self.find(number).node

        def accept():
            if node not in self.mounts(who):
                self.bring_back(who, node)
            self.say(who, node, True)
        return MUST, accept

    def plan_join(self, group, who):
        assert group == TEAM
        return MUST, lambda: self.members.add(who)

    def plan_part(self, group, who):
        """What he has said of the group's shares is forgotten."""
        assert group == TEAM

        def part():
            self.members.discard(who)
            for share in self.shares:
                if share.to == TEAM:
                    share.said.discard(who)
        return MUST, part
