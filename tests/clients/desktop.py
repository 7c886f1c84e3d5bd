"""A computer with a desktop client: one folder that is kept in sync with an account."""

import os
import re
import sqlite3

from harness import trees

KINDS = ("owncloudcmd", "nextcloudcmd")
CONFLICT = re.compile(r" \(conflicted copy [^()]*\)")


def other(kind):
    return KINDS[1 - KINDS.index(kind)]


class Desktop:
    def __init__(self, clients, kind, account, folder, args=(), environ=None, url=None):
        self.clients = clients
        self.kind = kind
        self.account = account
        self.folder = folder
        self.args = args
        self.environ = environ or {}
        self.url = url

    def command(self, *args):
        return self.clients.desktop(self.kind, self.account, self.folder, *self.args, *args,
                                    url=self.url)

    def sync(self, *args, check=True, **environ):
        """Runs the client once."""
        # After this owncloudcmd 2.11 never ends
        done = self.clients.run_until("restart count is exceeded", self.command(*args),
                                      {**self.environ, **environ})
        if check:
            complaints = [line for line in done.stdout.splitlines()
                          if re.search("warning|critical|fatal", line)]
            assert done.returncode == 0, \
                "\n".join([f"{self.kind}: exit {done.returncode}", *complaints])
        return done

    def start(self, *args, **environ):
        return self.clients.start(self.command(*args), {**self.environ, **environ})

    def database(self):
        return next(path for path in self.folder.iterdir() if trees.PRIVATE.match(path.name)
                    and path.suffix == ".db")

    def forget_failures(self):
        """Half a minute later: a client does not try again at once what has failed."""
        database = sqlite3.connect(self.database())
        with database:
            database.execute("DELETE FROM blacklist")
        database.close()

    # ---- the folder ----

    def path(self, name):
        return self.folder / name

    def write(self, name, content=None, mtime=None):
        """Writes a file and makes the folders above it; content is 100 random bytes by default."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = os.urandom(100) if content is None else content
        path.write_bytes(content)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return content

    def edit(self, name, content=None):
        """Replaces a file's content by other content of the same size. The time differs from
        before but lies in the past: a client leaves alone what may still be written to."""
        path = self.path(name)
        before = path.stat()
        content = self.write(name, os.urandom(before.st_size) if content is None else content)
        os.utime(path, (before.st_mtime - 10, before.st_mtime - 10))
        return content

    def move(self, old, new):
        self.path(old).rename(self.path(new))

    def tree(self, **kwargs):
        return trees.local(self.folder, **kwargs)

    def conflicts(self):
        return [path for path in self.tree() if CONFLICT.search(path)]

    def tree_without_conflicts(self):
        return {path: what for path, what in self.tree().items() if not CONFLICT.search(path)}


def assert_same(one, other_, what=""):
    """Two trees are the same."""
    differs = {path: (one.get(path), other_.get(path)) for path in {*one, *other_}
               if one.get(path) != other_.get(path)}
    assert not differs, f"{what}: {differs}"


def same_everywhere(account, *desktops):
    """Client folders, the server's answers and its disk hold the same; returns the tree."""
    tree = trees.remote(account)
    assert_same(trees.on_disk(account), tree, "on disk")
    for desktop in desktops:
        assert_same(desktop.tree(), tree, desktop.kind)
    return tree
