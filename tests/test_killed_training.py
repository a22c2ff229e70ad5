"""A training run that is killed again and again comes to what an undisturbed one comes to."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from python_models.training import checkpoint
from tests import coco_files

ROOT = Path(__file__).parent.parent
KILLS = 10
FLAGS = (
    *("--input-size", "48", "64", "--epochs", "6", "--batch-size", "4", "--save-every", "2"),
    *("--ema", "0.9", "--schedule", "cosine", "--accelerator", "cpu"),
)


@pytest.fixture
def coco(tmp_path):
    """40 persons: 10 steps an epoch, a checkpoint every other step."""
    rows = [
        coco_files.person(i, joints={j: (30 + i % 9 + 5 * j, 50 + i, 2) for j in range(6)})
        for i in range(1, 41)
    ]
    for split, count in (("train", 40), ("val", 4)):
        coco_files.write(tmp_path / "coco", rows[:count], split=split)
    return tmp_path / "coco"


class Trainings:
    """Trainings in processes of their own, one after the other."""

    def __init__(self, coco):
        self._coco = coco
        self._server = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "forked_training.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert self._server.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._server.kill()
        self._server.communicate()

    def run(self, folder, kill_after=None):
        """The exit status; with `kill_after`, kill -9 comes so many seconds after the start."""
        resume = ("--resume",) if (folder / "last.pt").exists() else ()
        flags = ["--data", str(self._coco), "--output", str(folder), *FLAGS, *resume]
        self._server.stdin.write(json.dumps(flags) + "\n")
        self._server.stdin.flush()
        child = int(self._server.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)  # the server has not waited: the number is still its
        return int(self._server.stdout.readline())


def test_kill_minus_nine_at_ten_random_moments(coco, tmp_path):
    """The moments are random; a failure names the seed that chose them."""
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    with Trainings(coco) as trainings:
        began = time.monotonic()
        assert trainings.run(tmp_path / "whole") == 0
        duration = time.monotonic() - began
        folder = tmp_path / "killed"
        for _ in range(KILLS):
            status = trainings.run(folder, moments.uniform(0, 0.15) * duration)
            assert status == -signal.SIGKILL, seed
            for path in folder.glob("*.pt"):
                checkpoint.load(path)  # raises where it is not whole
        assert trainings.run(folder) == 0, seed
    states = [checkpoint.load(tmp_path / name / "last.pt") for name in ("whole", "killed")]
    assert [len(state["progress"]["rows"]) for state in states] == [6, 6], seed
    for member in ("model", "average"):
        for name, tensor in states[0][member].items():
            assert torch.equal(tensor, states[1][member][name]), (seed, member, name)
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("whole", "killed")]
    assert logs[0] == logs[1], seed
    assert not list(folder.glob(".*partial"))
