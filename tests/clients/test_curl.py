"""curl, and what Finder does: bodies whose length is not announced, or announced otherwise."""

import random

import pytest


@pytest.fixture(name="curl")
def fixture_curl(clients, account):
    """curl(path, arguments ...) gives the status and the rest of what it printed."""
    def run(path, *args, **kwargs):
        output = clients.run(["curl", "-sS", "-o", clients.home / "answer", "-w", "%{http_code}",
                              "-u", f"{account.id}:{account.password}", *args, account.url(path)],
                             **kwargs).stdout
        return int(output)
    return run


def test_upload_from_a_pipe(account, curl):
    data = random.randbytes(2_000_000)
    assert curl("piped", "-T", "-", input=data.decode("latin-1"), encoding="latin-1") == 201
    assert account.get("piped").content == data


def test_finder(account, curl):
    """An empty PUT, LOCK, then the body in chunks with X-Expected-Entity-Length."""
    data = random.randbytes(1_000_000)
    text = data.decode("latin-1")
    assert curl("f", "-T", "/dev/null") == 201
    expected = ("-H", f"X-Expected-Entity-Length: {len(data)}", "-H", "Transfer-Encoding: chunked")
    assert curl("f", "-T", "-", *expected, input=text, encoding="latin-1") == 204
    assert account.get("f").content == data
    # What came is not what was announced: the file stays
    short = ("-H", f"X-Expected-Entity-Length: {len(data) + 1}", "-H", "Transfer-Encoding: chunked")
    assert curl("f", "-T", "-", *short, input=text[:-1], encoding="latin-1") == 400
    assert account.get("f").content == data


def test_finder_over_quota(env, clients):
    account = env.account(quota="1 MB")
    done = clients.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-u",
                        f"{account.id}:{account.password}", "-T", "-", "-H",
                        "X-Expected-Entity-Length: 5000000", account.url("f")],
                       input="x" * 5_000_000)
    assert done.stdout == "507"
    done = clients.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-u",
                        f"{account.id}:{account.password}", "-T", "-", account.url("f")],
                       input="x" * 5_000_000)
    assert done.stdout == "507"
    assert account.propfind("", 1).names() == []


def test_resumed_download(clients, account, curl):
    data = random.randbytes(1_000_000)
    account.put("f", data)
    (clients.home / "answer").write_bytes(data[:300_000])
    assert curl("f", "-C", "-") == 206
    assert (clients.home / "answer").read_bytes() == data


def test_challenge(clients, account):
    """Without credentials ahead: asked, then given."""
    account.put("f", b"x")
    done = clients.run(["curl", "-sS", "--anyauth", "-u", f"{account.id}:{account.password}",
                        account.url("f")])
    assert done.stdout == "x"


def test_expect_continue(account, curl):
    data = random.randbytes(500_000)
    assert curl("f", "-T", "-", "-H", "Expect: 100-continue", input=data.decode("latin-1"),
                encoding="latin-1") == 201
    assert account.get("f").content == data
