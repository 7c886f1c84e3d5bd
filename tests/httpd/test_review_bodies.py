"""Bodies that are made to keep the server busy."""

import os

import pytest


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
