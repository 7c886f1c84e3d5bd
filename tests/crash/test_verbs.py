"""kill -9 and failing syncs, writes and renames at every step of every verb: see verbs.c."""

import re
import subprocess

import pytest

from harness.env import BUILD

PROGRAM = f"{BUILD}/tests/crash/verbs"


def names():
    return subprocess.run([PROGRAM, "list"], capture_output=True, text=True,
                          check=True).stdout.split()


@pytest.mark.parametrize("verb", names())
def test_killed_at_every_step(verb, tmp_path):
    done = subprocess.run([PROGRAM, "run", str(tmp_path / "stores"), verb], capture_output=True,
                          text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-10000:] + done.stderr[-2000:]
    kills = re.search(r"^(\d+) kills, \d+ faults, 0 failures$", done.stdout, re.MULTILINE)
    # Less means that the points are gone, and nothing was tested
    assert kills and int(kills[1]) >= 5, done.stdout
