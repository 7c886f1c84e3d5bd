"""Power cuts, simulated: see powercut/powercut.py. The seed is printed by a run that fails."""

import subprocess
import sys

import pytest

from harness.env import BUILD, SRC


def powercut(*args):
    done = subprocess.run([sys.executable, str(SRC / "tests/crash/powercut/powercut.py"),
                           "--build", str(BUILD), *map(str, args)],
                          capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("steps,cuts", [(40, 200), (150, 300), (400, 400)])
def test_nothing_acknowledged_is_lost(steps, cuts):
    powercut("--steps", steps, "--cuts", cuts)


def test_the_simulation_notices_losses():
    powercut("--relaxed", "--steps", 100, "--cuts", 100)
