"""Uploads, times and locks killed at every point: the suite upload_crash of the unit tests, which has
tests only in a build with injection points."""

import re
import subprocess

from harness.env import BUILD


def test_upload_crash():
    subprocess.run(["make", "-s", "-C", BUILD, "tests/unit/run"], check=True, capture_output=True,
                   text=True, timeout=900)
    done = subprocess.run([f"{BUILD}/tests/unit/run", "upload_crash"], capture_output=True, text=True,
                          timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    checks = re.search(r"100%: Checks: (\d+), Failures: 0, Errors: 0", done.stdout)
    assert checks and int(checks[1]) > 30, done.stdout[-2000:]
