"""Power cuts, simulated: see powercut/powercut.py. Each run has the same verbs and cuts;
CLOUD_POWERCUT_SEED (a number, or "random") gives others, and a failure prints its seed."""

import os
import random
import subprocess
import sys

import pytest

from harness.env import BUILD, SRC


def seed(default):
    given = os.environ.get("CLOUD_POWERCUT_SEED")
    return random.randrange(1 << 30) if given == "random" else int(given or default)


def powercut(*args, **environ):
    done = subprocess.run([sys.executable, str(SRC / "tests/crash/powercut/powercut.py"),
                           "--build", str(BUILD), *map(str, args)],
                          capture_output=True, text=True, check=False, timeout=900,
                          env={**os.environ, **environ})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("steps,cuts", [(40, 200), (150, 300), (400, 400)])
def test_nothing_acknowledged_is_lost(steps, cuts):
    powercut("--seed", seed(steps), "--steps", steps, "--cuts", cuts)


@pytest.mark.parametrize("steps,cuts", [(60, 200), (200, 200)])
def test_nothing_deleted_is_lost(steps, cuts):
    powercut("--seed", seed(steps), "--steps", steps, "--cuts", cuts, POWERCUT_TRASH="1")


def test_the_simulation_notices_losses():
    powercut("--relaxed", "--seed", seed(7), "--steps", 100, "--cuts", 100)
