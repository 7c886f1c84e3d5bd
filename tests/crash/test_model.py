"""Random verbs compared with a simple model of them: see model.c. CLOUD_MODEL_SEED and CLOUD_MODEL_STEPS
run it with others; a failure names its seed, and that seed gives the same steps again."""

import os
import random
import shutil
import subprocess
import tempfile

import pytest

from harness.env import BUILD

STEPS = int(os.environ.get("CLOUD_MODEL_STEPS", "70000"))
SEED = os.environ.get("CLOUD_MODEL_SEED")
# The same steps in each run; CLOUD_MODEL_SEED=random looks elsewhere.
SEEDS = [random.randrange(10 ** 9)] if SEED == "random" else [int(SEED)] if SEED else [1, 2, 3]


@pytest.fixture(name="folder")
def fixture_folder():
    """In memory, where there is such a place: a disk has nothing to add here but its slowness."""
    folder = tempfile.mkdtemp(prefix="cloud-model-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("kept", [(), ("kept",)], ids=["plain", "kept"])
@pytest.mark.parametrize("seed", SEEDS)
def test_verbs_do_what_the_model_does(seed, kept, folder):
    """kept: with trash and versions."""
    steps = STEPS // 2 if kept else STEPS
    done = subprocess.run([f"{BUILD}/tests/crash/model", f"{folder}/store", str(seed), str(steps),
                           *kept], capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    print(done.stdout)
    assert f"{steps} steps" in done.stdout
