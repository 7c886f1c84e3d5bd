"""Sharing at its largest: one folder with 10,000 receivers, one account with 1,000 received shares."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from harness.shares import ALL, READ, Wire, ocs, share
from server import Counts

RECEIVERS = int(os.environ.get("BENCH_RECEIVERS", 10_000))
RECEIVED = int(os.environ.get("BENCH_RECEIVED", 1000))
KIB = 1 << 10


def accounts(server, prefix, count):
    """Accounts without a password: names alone."""
    names = [f"{prefix}{number}" for number in range(count)]
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        list(pool.map(lambda name: server.cloudctl("account", "add", name, "--no-admin", "--no-password"), names))
    return names


def give_all(account, path, names):
    """Shares with each of them by the API, one after the other; seconds."""
    wire = Wire(account.env)
    start = time.monotonic()
    for name in names:
        answer = wire.send("POST", "ocs/v2.php/apps/files_sharing/api/v1/shares?format=json",
                           account.authorization,
                           {"path": path, "shareType": 0, "shareWith": name, "permissions": ALL},
                           OCS_APIREQUEST="true")
        assert answer.status == 200, answer.text
    wire.close()
    return time.monotonic() - start


def writes(server, account, folder, count=100):
    return lambda: server.load("PUT", account.path(f"{folder}/file-~"), account, count, 1, size=KIB)


def lists(server, account, depth, count):
    return lambda: server.propfind(account.path(), account, depth, count)


def statements(counts, work, count):
    """Statements per operation, BEGIN and ROLLBACK included, without what the jobs do meanwhile."""
    return min(counts.during(work, count)[0] for _ in range(5))


def prepare(server):
    """owner: the folders alone, by-name (all by user shares) and by-group; receiver: one who gets both and
    1,000 other shares; reader: one with none."""
    owner, receiver, reader = (server.account(f"shares-{what}")
                               for what in ("owner", "receiver", "reader"))
    for folder in ("alone", "by-name", "by-group"):
        owner.mkcol(folder)
        for number in range(100):
            owner.put(f"{folder}/file-{number}", b"x" * KIB)
    start = time.monotonic()
    names = accounts(server, "receiver-", RECEIVERS - 1)
    made = time.monotonic() - start
    server.cloudctl("group", "add", "all-receivers")
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        list(pool.map(lambda name: server.cloudctl("group", "add-member", "all-receivers", name),
                      [*names, receiver.id]))
    took = give_all(owner, "/by-name", [*names, receiver.id])
    share(owner, "by-group", "all-receivers", permissions=ALL)
    return owner, receiver, reader, made, took


def receive(owner, receiver):
    """1,000 folders more, with a file each."""
    for number in range(RECEIVED - 2):
        owner.mkcol(f"given-{number}")
        share(owner, f"given-{number}", receiver, permissions=READ)


def bench(b, result, turns, mid, ms):
    """Shares: one folder with 10,000 receivers, one account with 1,000 received shares."""
    server = b.server
    server.durable("relaxed")
    counts = Counts(server)
    server.restart()
    owner, receiver, reader, made, took = prepare(server)
    result(f"Shares with {RECEIVERS:,} accounts, one after the other",
           f"{RECEIVERS / took:.0f}/s", None, None, f"the accounts took {made:.0f} s")

    for folder, what in (("by-name", f"shared with {RECEIVERS:,} accounts"),
                         ("by-group", f"shared with a group of {RECEIVERS:,}")):
        alone, shared = turns(lambda n: writes(server, owner, "alone")(),
                              lambda n, folder=folder: writes(server, owner, folder)())
        ratio = mid(shared, "cpu") / mid(alone, "cpu")
        result(f"PUT into a folder {what}: CPU / not shared", f"{ratio:.2f}", "1.1", ratio <= 1.1,
               f"{ms(mid(shared, 'cpu'))} / {ms(mid(alone, 'cpu'))}")
        few, many = (statements(counts, writes(server, owner, name), 100)
                     for name in ("alone", folder))
        result(f"  statements: {what} / not shared", f"{many:.1f} / {few:.1f}", "equal",
               abs(many - few) < 0.1)
        load = server.load("PUT", receiver.path(f"{folder}/file-~"), receiver, 100, 1, size=KIB)
        result(f"PUT by a receiver, {what}", ms(load.median), None, None, f"CPU {ms(load.cpu)}")

    receive(owner, receiver)
    for depth in (0, 1):
        lists(server, receiver, depth, 20)()
        runs = [lists(server, receiver, depth, 40)() for _ in range(5)]
        asked = statements(counts, lists(server, receiver, depth, 40), 40)
        took = median(run.median for run in runs)
        result(f"PROPFIND Depth {depth} of the root with {RECEIVED:,} received shares", ms(took),
               "10 ms", took < 0.01, f"CPU {ms(mid(runs, 'cpu'))}, p99 {ms(mid(runs, 'p99'))}")
        result("  statements, with BEGIN and ROLLBACK", f"{asked:.1f}", "4", asked <= 4.05)
    nothing, one = (statements(counts, lists(server, who, 1, 40), 40) for who in (reader, owner))
    result("PROPFIND Depth 1 of the root without a received share: statements",
           f"{nothing:.1f}, of the owner {one:.1f}")

    for who, what in ((owner, "the owner"), (receiver, "a receiver")):
        start = time.monotonic()
        args = {"path": "/by-name", "reshares": "true"} if who is owner else {"shared_with_me": "true"}
        answer = ocs(who, "GET", "shares", **args)
        assert answer.status_code == 200
        result(f"List of all shares of {what}", ms(time.monotonic() - start), None, None,
               f"{len(answer.json()['ocs']['data']):,} shares")

    answer = server.cloudctl("account", "delete", "--yes", owner.id)
    assert answer.returncode == 0
    server.durable("full")
