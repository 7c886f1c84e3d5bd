"""The desktop clients of ownCloud and Nextcloud: big files, in chunks, and over a bad line."""

import random
import re

import pytest

from desktop import other, same_everywhere
from harness import trees
from harness.env import wait_until
from harness.proxy import Line

MB = 1_000_000
CHUNKS = {"OWNCLOUD_CHUNK_SIZE": str(5 * MB), "OWNCLOUD_MIN_CHUNK_SIZE": str(5 * MB),
          "OWNCLOUD_MAX_CHUNK_SIZE": str(5 * MB)}
NAME = re.compile(r"remote\.php/dav/uploads/[^/]+/[^/]+/(\d{16})$")


def sent_chunks(requests):
    """The chunks that arrived, by their names: ownCloud's are offsets, Nextcloud's are numbers."""
    return [int(NAME.search(put.path).group(1)) for put in requests
            if put.method == "PUT" and put.status in (201, 204) and NAME.search(put.path)]


def nothing_left(account, replaced=0):
    """No upload is left, to clients nor on disk. Replaced content may wait there for its end."""
    assert len(account.propfind("", 1, space="uploads")) == 1
    staging = account.env.data / "accounts" / account.id / "staging"
    assert len([*staging.iterdir()]) <= replaced


def test_chunks(account, computer, kind, log):
    first = computer(account)
    content = first.write("big", random.randbytes(25 * MB))
    first.sync()
    chunks = sent_chunks(log.requests("PUT"))
    if kind == "owncloudcmd":
        assert chunks[:2] == [0, 10 * MB]
    assert len(chunks) >= 2
    assert [move.status for move in log.requests("MOVE")] == [201]
    assert account.get("big").content == content
    nothing_left(account)
    # Replaced: the same file for everybody
    before = trees.ids(account)
    first.edit("big")
    log.mark()
    first.sync()
    assert [move.status for move in log.requests("MOVE")] == [204]
    assert trees.ids(account) == before
    nothing_left(account, replaced=1)
    second = computer(account, other(kind))
    second.sync()
    same_everywhere(account, first, second)


def test_sizes_around_a_chunk(account, computer, kind):
    first = computer(account)
    for size in (5 * MB - 1, 5 * MB, 5 * MB + 1, 10 * MB, 10 * MB + 1):
        first.write(f"file of {size}", random.randbytes(size))
    first.sync(**CHUNKS)
    second = computer(account, other(kind))
    second.sync()
    same_everywhere(account, first, second)
    nothing_left(account)


@pytest.mark.parametrize("kind", ["owncloudcmd"])
def test_chunking_v1(account, computer, log):
    """The old way, of clients that do not know uploads/: OC-Chunked PUTs of name-chunking-..."""
    first = computer(account, environ={"OWNCLOUD_CHUNKING_NG": "0", **CHUNKS})
    first.write("folder/big file", random.randbytes(23 * MB))
    first.write("small", b"small")
    first.sync()
    puts = [put.path for put in log.requests("PUT")]
    transfer = re.escape("remote.php/webdav/folder/big file-chunking-")
    assert sorted(re.sub(transfer + r"\d+", "", path) for path in puts) == \
        ["-5-0", "-5-1", "-5-2", "-5-3", "-5-4", "remote.php/webdav/small"]
    assert not log.requests("MKCOL", "MOVE", below="remote.php/dav/uploads/")
    before = trees.ids(account)
    first.edit("folder/big file")
    first.sync()
    assert trees.ids(account) == before
    second = computer(account)
    second.sync()
    same_everywhere(account, first, second)
    assert trees.remote(account, "webdav") == first.tree()
    nothing_left(account, replaced=1)


def test_killed_while_sending(env, account, computer, log):
    """A client dies within a 100 MB upload. When it runs again, only what is missing is sent."""
    with Line(env.port) as line:
        first = computer(account, url=line.origin + env.base, environ=CHUNKS)
        first.write("small", b"small")
        first.sync()
        content = first.write("big", random.randbytes(100 * MB))
        log.mark()
        line.limit("up", 42 * MB)
        client = first.start()
        assert line.stalled.wait(120)
        wait_until(lambda: len(sent_chunks(log.so_far("PUT"))) >= 7, "seven chunks")
        client.kill()
        client.wait()
        line.cut()
        kept = sent_chunks(log.requests("PUT"))
        assert len(kept) == 8
        assert "big" not in trees.listing(account)
        log.mark()
        first.sync()
        again = sent_chunks(log.requests("PUT"))
    assert len(again) == 12
    assert not set(kept) & set(again)
    assert not log.requests("MKCOL")
    assert account.get("big").content == content
    assert account.prop("big", "oc:size") == str(100 * MB)
    nothing_left(account)
    same_everywhere(account, first)


def test_killed_while_fetching(env, account, computer, log):
    """A client dies within a download. When it runs again, it fetches the rest."""
    content = random.randbytes(60 * MB)
    account.put("big", content)
    with Line(env.port) as line:
        first = computer(account, url=line.origin + env.base)
        line.limit("down", 30 * MB)
        client = first.start()
        assert line.stalled.wait(120)
        client.kill()
        client.wait()
        line.cut()
        log.mark()
        first.sync()
    get, = log.requests("GET", below="remote.php/dav/files/")
    assert get.status == 206
    assert get.size < 50 * MB
    assert first.path("big").read_bytes() == content


def test_changed_between_two_halves(env, account, computer):
    """The file changes on the server while a client has half of it: no mixture is ever seen."""
    account.put("big", random.randbytes(30 * MB))
    content = random.randbytes(30 * MB)
    with Line(env.port) as line:
        first = computer(account, url=line.origin + env.base)
        line.limit("down", 15 * MB)
        client = first.start()
        assert line.stalled.wait(120)
        client.kill()
        client.wait()
        line.cut()
        account.put("big", content)
        first.sync()
    assert first.path("big").read_bytes() == content


def test_server_killed_while_receiving(new_env, computer):
    """The server dies within a chunk, and its restart keeps the chunks before."""
    env = new_env().start()
    account = env.account()
    with Line(env.port) as line:
        first = computer(account, url=line.origin + env.base, environ=CHUNKS)
        content = first.write("big", random.randbytes(40 * MB))
        line.limit("up", 22 * MB)
        client = first.start()
        assert line.stalled.wait(120)
        env.kill()
        client.kill()
        client.wait()
        line.cut()
        env.start()
        first.sync()
    assert account.get("big").content == content
    nothing_left(account)
