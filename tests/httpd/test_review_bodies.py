"""Bodies that are made to keep the server busy."""

import os

import pytest

from harness.shares import share


def cpu_seconds(env):
    """Processor time of the server's processes so far."""
    ticks = 0
    for pid in env.children():
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("start", [b"", b"<a ", b"<a x='"])
@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH"])
def test_one_long_token(env, account, method, start):
    """The parser must not scan it anew with each piece that comes in."""
    before = cpu_seconds(env)
    answer = account.dav(method, data=start + b"x" * 1000000, headers={"Depth": "0"})
    assert answer.status_code in (400, 413)
    assert cpu_seconds(env) - before < 0.25


def test_xml_bodies_are_bounded(env, account):
    """REPORT is read by mod_dav, whose parser gets small pieces."""
    env.expect_log("AH00539: XML request body is larger")
    for method in ("PROPFIND", "PROPPATCH", "REPORT"):
        answer = account.dav(method, data=b"<a>" + b" " * 1100000, headers={"Depth": "0"})
        assert answer.status_code == 413


def declarations(n):
    return (b'<d:x xmlns:d="DAV:" ' + b" ".join(b'xmlns:n%d="u%d"' % (i, i) for i in range(n))
            + b"/>")


@pytest.mark.parametrize("send", [lambda body: body, lambda body: iter([body])],
                         ids=["length", "chunked"])
def test_many_namespaces(env, account, send):
    """The parser of mod_dav compares each namespace with all others."""
    account.mkcol("linked")
    link = share(account, "linked")
    before = cpu_seconds(env)
    for url, who in ((account.path()[len(env.base):], account),
                     (f"remote.php/dav/public-files/{link.token}/", None)):
        answer = env.http("REPORT", url, who, data=send(declarations(40000)))
        assert answer.status_code == 413
    assert cpu_seconds(env) - before < 2


def test_reports_of_some_size(account):
    """What a client may send is not refused for its size."""
    assert account.dav("REPORT", data=declarations(2000)).status_code == 415
