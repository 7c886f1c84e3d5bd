#!/usr/bin/python3
# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Power cuts, simulated.

A program runs random verbs on a store while every write, sync and change of a name is recorded. For
many points of that record this makes what a power cut at that point could have left on disk: what was
synced is there; of what was not, nothing, everything or a random part, writes torn into sectors, names
of different directories in any order. Each outcome is opened with the recovery of the library and must
be the state after the last acknowledged verb, or after the one that was running; fsck must be clean.

usage: powercut.py --build DIR [--seed N] [--steps N] [--cuts N]
       powercut.py --build DIR --relaxed    the same without syncs: passes when losses are found
"""
import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

EVENT = struct.Struct("<BBHHHIIIQQ")
SECTOR = 512


class Event:
    __slots__ = ("type", "flags", "a", "b", "c", "off", "len", "name", "name2", "data")


def read_log(path):
    events = []
    with open(path, "rb") as f:
        raw = f.read()
    at = 0
    while at < len(raw):
        e = Event()
        (t, e.flags, n1, n2, _, e.a, e.b, e.c, e.off, e.len) = EVENT.unpack_from(raw, at)
        e.type = chr(t)
        at += EVENT.size
        e.name = raw[at:at + n1]
        at += n1
        e.name2 = raw[at:at + n2]
        at += n2
        e.data = None
        if e.type == "W":
            e.data = raw[at:at + e.len]
            at += e.len
        events.append(e)
    return events


class File:
    def __init__(self):
        self.data = b""        # as synced
        self.pending = []      # events since
        self.mtime = None

    def apply(self, data, e, sectors=None):
        if e.type == "T":
            return data[:e.off] + b"\0" * max(0, e.off - len(data))
        end = e.off + e.len
        if len(data) < end:
            data = data + b"\0" * (end - len(data))
        if sectors is None:
            return data[:e.off] + e.data + data[end:]
        # A torn write: some of its sectors arrived.
        buf = bytearray(data)
        for start in range(0, e.len, SECTOR):
            if sectors():
                stop = min(start + SECTOR, e.len)
                buf[e.off + start:e.off + stop] = e.data[start:stop]
        return bytes(buf)

    def settle(self):
        for e in self.pending:
            self.data = self.apply(self.data, e)
        self.pending = []


class Name:
    """A change of names: which (directory, name) it needs and gives, as {key: object or None}."""

    def __init__(self, needs, gives):
        self.needs, self.gives = needs, gives

    def objects(self):
        return {v for v in list(self.needs.values()) + list(self.gives.values()) if v}


class Disk:
    """What is durable, and what is only in memory, after the events so far."""

    def __init__(self):
        self.files, self.info = {}, {}
        self.names = {}         # durable: (dir, name) -> object
        self.pending = []       # Name
        self.now = {}           # in memory

    def change(self, needs, gives):
        op = Name(needs, gives)
        self.pending.append(op)
        self.put(self.now, op)

    @staticmethod
    def put(names, op):
        for key in op.needs:
            names.pop(key, None)
        for key, value in op.gives.items():
            if value:
                names[key] = value

    def sync_dir(self, d):
        """All changes in the directory become durable, and whatever they rest on."""
        wanted = [False] * len(self.pending)
        for i, op in enumerate(self.pending):
            wanted[i] = any(k[0] == d for k in list(op.needs) + list(op.gives))
        for i in range(len(self.pending) - 1, -1, -1):
            if not wanted[i]:
                continue
            keys = set(self.pending[i].needs) | set(self.pending[i].gives)
            objects = self.pending[i].objects()
            for j in range(i):
                other = self.pending[j]
                if objects & other.objects() or keys & (set(other.needs) | set(other.gives)):
                    wanted[j] = True
        for op, w in zip(self.pending, wanted):
            if w:
                self.put(self.names, op)
        self.pending = [op for op, w in zip(self.pending, wanted) if not w]

    def event(self, e):
        if e.type == "C":
            self.info[e.a] = (bool(e.flags), e.off, e.len)
            if not e.flags:
                self.files[e.a] = File()
        elif e.type in "WT":
            self.files[e.a].pending.append(e)
        elif e.type == "S":
            if self.info[e.a][0]:
                self.sync_dir(e.a)
            else:
                self.files[e.a].settle()
                self.files[e.a].mtime = e.off
        elif e.type == "F":
            for f in self.files.values():
                f.settle()
            for op in self.pending:
                self.put(self.names, op)
            self.pending = []
        elif e.type == "L":
            self.change({}, {(e.a, e.name): e.b})
        elif e.type == "U":
            key = (e.a, e.name)
            if key in self.now:
                self.change({key: self.now[key]}, {})
        elif e.type == "R":
            src, dst = (e.a, e.name), (e.b, e.name2)
            s, d = self.now.get(src), self.now.get(dst)
            if s is None:
                return
            if e.flags & 2:
                self.change({src: s, dst: d}, {src: d, dst: s})
            elif d:
                self.change({src: s, dst: d}, {dst: s})
            else:
                self.change({src: s}, {dst: s})

    # ---- what a cut leaves ----

    def cut_names(self, rng, mode):
        names = dict(self.names)
        for op in self.pending:
            if mode == "lost" or (mode == "random" and rng.random() < 0.5):
                continue
            # Possible only where what it rests on is there.
            if any(names.get(k) != v for k, v in op.needs.items()):
                continue
            if any(v and k not in op.needs and k in names for k, v in op.gives.items()):
                continue
            self.put(names, op)
        return names

    def cut_file(self, f, rng, mode):
        data = f.data
        if mode == "lost":
            return data
        for e in f.pending:
            if mode == "all":
                data = f.apply(data, e)
            elif rng.random() < 0.6:
                torn = (lambda: rng.random() < 0.7) if rng.random() < 0.3 else None
                data = f.apply(data, e, torn)
        return data

    def materialise(self, root, map_file, rng, mode):
        names = self.cut_names(rng, mode)
        below = {}
        for (d, name), oid in names.items():
            below.setdefault(d, []).append((name, oid))
        lines = []

        def note(path, oid):
            st = os.lstat(path)
            lines.append("%d %d %d\n" % (st.st_ino, self.info[oid][1], self.info[oid][2]))

        def make(path, oid, depth):
            if self.info[oid][0]:
                os.mkdir(path, 0o700)
                note(path, oid)
                for name, child in below.get(oid, []):
                    if depth < 60:
                        make(path + b"/" + name, child, depth + 1)
            else:
                f = self.files[oid]
                with open(path, "wb") as out:
                    out.write(self.cut_file(f, rng, mode))
                if f.mtime is not None:
                    os.utime(path, ns=(f.mtime, f.mtime))
                note(path, oid)

        make(root.encode(), 1, 0)
        with open(map_file, "w") as out:
            out.writelines(lines)


def read_states(path):
    states, current = [], None
    with open(path, errors="surrogateescape") as f:
        for line in f:
            if line.startswith("=== "):
                current = []
                states.append(current)
            else:
                current.append(line)
    return ["".join(s) for s in states]


class Runner:
    def __init__(self, args, work):
        self.args, self.work = args, work
        self.program = os.path.join(args.build, "tests/crash/powercut/program")
        self.shim = os.path.join(args.build, "tests/crash/powercut/shim.so")
        self.env = dict(os.environ)
        lib = os.path.join(args.build, ".libs")
        self.env["LD_LIBRARY_PATH"] = lib
        if os.path.exists(os.path.join(args.build, "tests/crash/powercut/.libs/program")):
            self.program = os.path.join(args.build, "tests/crash/powercut/.libs/program")

    def run(self, argv, **extra):
        return subprocess.run([self.program] + argv, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(self.env, **extra), text=True,
                              errors="surrogateescape", timeout=300)

    def record(self, seed, steps):
        root = os.path.join(self.work, "data")
        os.mkdir(root)
        log, states = os.path.join(self.work, "log"), os.path.join(self.work, "states")
        r = self.run(["relaxed" if self.args.relaxed else "record", root, states, str(seed), str(steps)], LD_PRELOAD=self.shim,
                     POWERCUT_LOG=log, POWERCUT_ROOT=root)
        if r.returncode != 0:
            sys.exit("the recorded program failed:\n" + r.stdout)
        shutil.rmtree(root)
        return read_log(log), read_states(states)

    def check(self, where):
        root, map_file = where + "/data", where + "/map"
        r = self.run(["check", root], LD_PRELOAD=self.shim, POWERCUT_MAP=map_file)
        out = "".join(l for l in r.stdout.splitlines(True) if not l.startswith("cloud: "))
        return r.returncode, out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--steps", type=int, default=60)
    p.add_argument("--cuts", type=int, default=300)
    p.add_argument("--relaxed", action="store_true", help="prove that losses are noticed")
    p.add_argument("--keep", action="store_true", help="keep the outcome of the first failure")
    args = p.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 30)
    print("powercut: seed %d, %d verbs, %d cuts" % (seed, args.steps, args.cuts), flush=True)
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    # The recording needs birth times and inode numbers of a real file system; outcomes do not.
    work = tempfile.mkdtemp(prefix="powercut-")
    outcomes = tempfile.mkdtemp(prefix="powercut-", dir=base)
    rng = random.Random(seed)
    runner = Runner(args, work)
    failed = []
    try:
        events, states = runner.record(seed, args.steps)
        first = next(i for i, e in enumerate(events) if e.type == "A")
        last = next(i for i, e in enumerate(events) if e.type == "E")
        points = sorted(rng.randrange(first, last + 1) for _ in range(args.cuts))
        jobs, pool = [], ThreadPoolExecutor(max_workers=os.cpu_count() or 1)

        def judge(where, point, mode, acked, begun):
            code, out = runner.check(where)
            allowed = [states[acked]] + ([states[begun]] if begun > acked else [])
            ok = code == 0 and out in allowed
            if ok or not args.keep:
                shutil.rmtree(where)
            return ok, "cut at event %d of %d (%s), verb %d acknowledged, %d begun: exit %d\n%s" \
                "---- wanted\n%s" % (point, last, mode, acked, begun, code, out, allowed[-1])

        disk, acked, begun, at = Disk(), 0, 0, 0
        for n, point in enumerate(points):
            while at <= point:
                e = events[at]
                if e.type == "A":
                    acked = e.a
                elif e.type == "B":
                    begun = e.a
                else:
                    disk.event(e)
                at += 1
            mode = ("lost", "all", "random", "random")[n % 4]
            where = os.path.join(outcomes, str(n))
            os.mkdir(where)
            disk.materialise(where + "/data", where + "/map", rng, mode)
            jobs.append(pool.submit(judge, where, point, mode, acked, max(begun, acked)))
            # Keep few outcomes on disk at a time.
            if len(jobs) % 16 == 0:
                jobs[-8].result()
        for j in jobs:
            ok, text = j.result()
            if not ok:
                failed.append(text)
        if args.relaxed:
            print("without syncs %d of %d cuts lost something" % (len(failed), len(jobs)))
            print("%d passed, %d failed" % (bool(failed), not failed))
            return 0 if failed else 1
        for text in failed[:3]:
            print(text)
        print("%d passed, %d failed" % (len(jobs) - len(failed), len(failed)))
        if failed:
            print("powercut: run again with --seed %d --steps %d --cuts %d"
                  % (seed, args.steps, args.cuts))
    finally:
        shutil.rmtree(work)
        if not (args.keep and failed):
            shutil.rmtree(outcomes)
    return 1 if failed else 0


sys.exit(main())
