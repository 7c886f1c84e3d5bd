"""The error log is part of the test: a line at level warn or above that the test did not announce
fails it, and so does anything that a sanitizer has to say."""

import re

LEVEL = re.compile(r"^\[[^\]]+\] \[(?:[\w.-]+:)?(emerg|alert|crit|error|warn|notice|info|debug|trace\d)\]")
BAD = {"emerg", "alert", "crit", "error", "warn"}
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehaviorSanitizer")

# httpd's own, seen without any module of ours: the event MPM closes its pollset on a graceful stop while
# a thread still wants to hand a connection back (the client connects anew), and on SIGTERM the main thread
# of a child closes the sockets of its threads, who may be closing them themselves
HARMLESS = re.compile(r"\[mpm_event:error\].* AH03093: "
                      r"|\[mpm_event:error\] \[pid (\d+):tid \1\] \(9\)Bad file descriptor: AH00468: ")


# httpd's own, too: a child that is told to end while it is still starting does so in its signal handler,
# and that can wait for a lock it holds. A child of a sanitizer build takes long to start; elsewhere these
# lines are a failure.
SLOW_START = re.compile(r"\[core:(warn|error)\].* AH0004[56]: child process ")


class ErrorLog:
    """Reads what is new in the files that a server writes errors to."""

    def __init__(self, home, sanitized=False):
        self.home = home
        self.sanitized = sanitized
        self.offsets = {}
        self.expected = []

    def files(self):
        return [self.home / "logs/error.log", self.home / "logs/stderr.log"]

    def mark(self):
        """Everything up to here has been dealt with; nothing is announced any more."""
        for path in self.files():
            self.offsets[path] = path.stat().st_size if path.exists() else 0
        self.expected = []

    def expect(self, regex):
        self.expected.append(re.compile(regex))

    def new_lines(self):
        lines = []
        for path in self.files():
            if path.exists():
                with open(path, "rb") as file:
                    file.seek(self.offsets.get(path, 0))
                    lines += file.read().decode("utf-8", "replace").splitlines()
        return lines

    def is_bad(self, line):
        if not line.strip() or HARMLESS.search(line):
            return False
        if self.sanitized and SLOW_START.search(line):
            return False
        match = LEVEL.match(line)
        if match and match.group(1) not in BAD and not SANITIZER.search(line):
            return False
        return not any(regex.search(line) for regex in self.expected)

    def problems(self):
        """The unannounced lines. A line without a level came from stderr and counts as well."""
        return [line for line in self.new_lines() if self.is_bad(line)]

    def sanitizer_reports(self):
        """What sanitizers wrote since the last call; each report is told once."""
        reports = []
        for path in sorted((self.home / "sanitizer").glob("report.*")):
            text = path.read_text("utf-8", "replace")
            if text.strip():
                reports.append(text)
            path.unlink()
        return reports
