"""The server under test with its peers in the same httpd, and what can be measured about it."""

import mmap
import os
import struct
import subprocess
import time
from pathlib import Path

import harness.env
from harness.account import encode
from harness.dav import propfind_body
from harness.env import BUILD, Env

HERE = Path(__file__).resolve().parent
TOOLS = BUILD / "bench"

# A fixed number of processes: none starts or ends while it is measured
harness.env.MPM = """StartServers 2
ServerLimit 2
ThreadsPerChild 16
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
"""

PEERS = """
DavLockDB "{home}/davlock/db"
Alias /peer "{home}/peer"
<Directory "{home}/peer">
    Dav filesystem
    Require all granted
</Directory>
# As conf.d/cloud.conf has it for ours: both send large files the same way
<Directory "{home}/htdocs">
    EnableSendfile On
</Directory>
CloudDurability {durability}
"""


def build_tools():
    """Compiles the load generator and the counter."""
    TOOLS.mkdir(exist_ok=True)
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra"]
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, *flags, "-o", TOOLS / "load", HERE / "load.c", "-lpthread"],
                   check=True)
    subprocess.run([compiler, *flags, "-shared", "-fPIC", "-o", TOOLS / "count.so",
                    HERE / "count.c", "-ldl"], check=True)


class Load:
    """What one run of the load generator gave."""

    def __init__(self, line, cpu):
        count, seconds, received, bad, status, median, p99, _ = line.split()
        self.count, self.seconds, self.bytes = int(count), float(seconds), int(received)
        self.median, self.p99 = int(median) / 1e6, int(p99) / 1e6
        self.cpu = cpu / self.count         # of the server, seconds per request
        self.rate = self.count / self.seconds
        if int(bad):
            raise RuntimeError(f"{bad} of {count} requests failed, the first with {status}")


class Server(Env):
    def __init__(self, durability="full"):
        super().__init__()
        self.peer = self.home / "peer"
        for folder in (self.peer, self.home / "davlock"):
            folder.mkdir()
            self.give(folder)
        self.durable(durability)

    def durable(self, durability):
        self.config(PEERS.format(home=self.home, durability=durability), modules=("dav_fs",))

    def give(self, path):
        """Makes httpd's user the owner of a path and of all below it."""
        if self.root:
            subprocess.run(["chown", "-R", f"{harness.env.USER}:", path], check=True)

    # ---- load ----

    def load(self, method, path, account=None, count=1, connections=1, headers=(), body=None,
             size=None, first=0, modulo=0):
        """Runs the load generator; path is encoded, with '~' for the number of the request."""
        command = [TOOLS / "load", str(self.port), method, path, "-n", str(count),
                   "-c", str(connections), "-f", str(first), "-m", str(modulo)]
        headers = list(headers)
        if account:
            headers.append(f"Authorization: {account.authorization}")
        for header in headers:
            command += ["-H", header]
        if size is not None:
            command += ["-z", str(size)]
        if body is not None:
            name = self.home / "body"
            name.write_bytes(body)
            command += ["-d", name]
        before = self.cpu()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return Load(done.stdout, self.cpu() - before)

    def propfind(self, path, account=None, depth=1, count=1, **kwargs):
        """With the property list of the desktop client."""
        return self.load("PROPFIND", path, account, count, body=propfind_body(),
                         headers=[f"Depth: {depth}", "Content-Type: text/xml; charset=utf-8"],
                         **kwargs)

    def move(self, account, src, dst, space="files"):
        return self.load("MOVE", account.path(encode(src), space), account,
                         headers=[f"Destination: {account.url(dst)}"])

    # ---- processes ----

    def pids(self):
        return [self.process.pid, *self.children()]

    def cpu(self):
        """CPU time of all processes in seconds, exact to the nanosecond (the threads of a fixed
        set of processes do not end)."""
        total = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                try:
                    total += int((task / "schedstat").read_text().split()[0])
                except FileNotFoundError:
                    pass
        return total / 1e9

    def memory(self, what="Pss"):
        """kB of all processes: Pss, Pss_Anon, Rss ..."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(what + ":"):
                    total += int(line.split()[1])
        return total


    def forget_peak(self):
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak(self):
        """kB: the most that each process had resident since forget_peak(), added up."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1])
        return total


class Counts:
    """SQL statements and syncs of a server that is started with the counter preloaded."""

    def __init__(self, server):
        path = server.home / "counts"
        path.write_bytes(bytes(24))
        os.chmod(path, 0o666)
        server.environ["LD_PRELOAD"] = str(TOOLS / "count.so")
        server.environ["BENCH_COUNTS"] = str(path)
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 24)

    def read(self):
        return struct.unpack("3Q", self._map[:24])

    def during(self, work, count):
        """Statements and syncs per operation while work() runs."""
        before = self.read()
        work()
        statements, fsyncs, fdatasyncs = (b - a for a, b in zip(before, self.read()))
        return statements / count, (fsyncs + fdatasyncs) / count


def syscalls(server, work, count):
    """System calls per operation, or None without strace."""
    out = server.home / "strace.out"
    command = ["strace", "-f", "-c", "-U", "calls,name", "-o", out]
    for pid in server.children():
        command += ["-p", str(pid)]
    try:
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            for _ in server.children():
                if "attached" not in tracer.stderr.readline():
                    tracer.kill()
                    return None
            work()
            tracer.terminate()
            tracer.stderr.read()
    except FileNotFoundError:
        return None
    last = [line for line in out.read_text().splitlines() if line.strip().endswith("total")]
    return int(last[0].split()[0]) / count if last else None


def sync_rate(folder, milliseconds=1500):
    """Appended pages that the disk syncs in a second."""
    done = subprocess.run([TOOLS / "load", "fdatasync", Path(folder) / "sync", str(milliseconds)],
                          capture_output=True, text=True, check=True)
    return float(done.stdout)


def settle():
    """Lets the disk finish what was written before."""
    os.sync()
    time.sleep(0.2)
