"""litmus: all its suites, on both addresses of the files."""

import re

import pytest

#: How many tests each suite of litmus 0.13 has, without the two of its own set-up and clearing up
SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}
SUMMARY = re.compile(r"<- summary for `(\w+)': of (\d+) tests run: (\d+) passed, (\d+) failed")


@pytest.mark.parametrize("space", ["files", "webdav"])
def test_all_suites(account, clients, space):
    done = clients.litmus(account, url=account.url(space=space), check=False)
    output = done.stdout
    print(output)
    assert done.returncode == 0
    for word in ("FAIL", "WARNING", "SKIPPED"):
        assert word not in output
    assert {suite: (int(run), int(passed), int(failed))
            for suite, run, passed, failed in SUMMARY.findall(output)} == \
        {suite: (count, count, 0) for suite, count in SUITES.items()}
