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
@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "REPORT"])
def test_one_long_token(env, account, method, start):
    """The parser must not scan it anew with each piece that comes in."""
    before = cpu_seconds(env)
    answer = account.dav(method, data=start + b"x" * 1000000, headers={"Depth": "0"})
    assert answer.status_code in (400, 413)
    assert cpu_seconds(env) - before < 0.25


def test_xml_bodies_are_bounded(env, account):
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


@pytest.mark.parametrize("place", ["files/{id}/", "meta/"])
def test_a_namespace_for_each_element(env, account, place):
    body = b"<a>" + b"".join(b'<b xmlns="u%d"/>' % i for i in range(20000)) + b"</a>"
    before = cpu_seconds(env)
    answer = env.http("REPORT", "remote.php/dav/" + place.format(id=account.id), account, data=body)
    assert answer.status_code == 413
    assert cpu_seconds(env) - before < 0.5


@pytest.mark.parametrize("body", [
    declarations(400),
    b'<d:x xmlns:d="DAV:">' + b"<d:href>/remote.php/dav/files/somebody/x</d:href>" * 10000 + b"</d:x>",
    b"<a x='" + b"y" * 450000 + b"'>" + b"z" * 450000 + b"</a>",
], ids=["namespaces", "elements", "text"])
def test_reports_of_some_size(env, account, body):
    """What a client may send is not refused for its size."""
    before = cpu_seconds(env)
    assert account.dav("REPORT", data=body).status_code == 415
    assert cpu_seconds(env) - before < 1
