"""What a client asked for: the server's access log."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from .env import wait_until

LINE = re.compile(r'^\S+ \S+ \S+ \[[^\]]*\] "(\S+) (\S+)[^"]*" (\d+) (\d+|-) \d+ "([^"]*)"$')
LISTEN, TIME_WAIT = "0A", "06"
DAV = "remote.php/"


class Request(NamedTuple):
    method: str
    path: str       # decoded, without the base
    status: int
    size: int       # of the answer's body
    agent: str

    def __str__(self):
        return f"{self.method} {self.path} {self.status}"


class AccessLog:
    """The requests since the last mark()."""

    def __init__(self, env):
        self.env = env
        self.file = env.home / "logs/access.log"
        self.offset = 0
        self.mark()

    def _open_connections(self):
        """Connections that a process of the server still holds. A request is logged before its
        connection is closed, so when none is left the log is complete."""
        port = f":{self.env.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table][1:]
        return [row for row in rows if row[1].endswith(port) and row[3] not in (LISTEN, TIME_WAIT)
                and row[9] != "0"]

    def settle(self):
        """Waits until everything that was asked is in the log. The clients must have ended."""
        self.env.close_connections()
        wait_until(lambda: not self._open_connections(), "the end of all connections")

    def mark(self):
        if self.env.process is not None:
            self.settle()
        self.offset = self.file.stat().st_size if self.file.exists() else 0

    def so_far(self, *methods, below=DAV):
        """Like requests(), of a log that may still grow."""
        with open(self.file, "rb") as file:
            file.seek(self.offset)
            lines = file.read().decode("utf-8", "replace").split("\n")[:-1]
        found = []
        for line in lines:
            method, path, status, size, agent = LINE.match(line).groups()
            path = unquote(path)
            if path.startswith(self.env.base):
                path = path[len(self.env.base):]
            if (not methods or method in methods) and path.startswith(below):
                found.append(Request(method, path, int(status), 0 if size == "-" else int(size),
                                     agent))
        return found

    def requests(self, *methods, below=DAV):
        """The requests with one of the methods (any without) below a path, in the log's order."""
        self.settle()
        return self.so_far(*methods, below=below)

    def methods(self, below=DAV):
        """How often each method was used."""
        counts = {}
        for request in self.requests(below=below):
            counts[request.method] = counts.get(request.method, 0) + 1
        return counts
