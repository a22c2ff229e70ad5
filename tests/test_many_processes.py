"""Training and scoring by two processes (gloo, started by torchrun) and by one."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from python_models.training import checkpoint
from python_models.training.plan import Plan
from tests import coco_files, many_ranks, toy_training
from tests.toy_training import SCORED, Vectors, make_model, make_trainer

ROOT = Path(__file__).parent.parent


def run_by_two(*arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]  # any free port
    result = subprocess.run(
        [*command, str(ROOT / "tests" / "many_ranks.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def scores_in(printed, kind):
    """Those that each process has printed, if on one line."""
    return [json.loads(line) for line in re.findall(kind + r" scores ({.*?})", printed)]


def trained_toy(folder, printed, processes):
    """The last checkpoint, the rows of the log, and the first scores of each process."""
    assert printed.count(f"finished {processes}") == processes
    with (folder / "log.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return checkpoint.load(folder / "last.pt"), rows, scores_in(printed, "first")


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    """13 persons in batches of two: seven for the first process, six for the second."""
    numbers = np.random.default_rng(0)
    rows = [
        coco_files.person(i, joints={j: (*numbers.uniform(25, 85, 2), 2) for j in range(1 + i % 6)})
        for i in range(1, 14)
    ]
    return coco_files.write(tmp_path_factory.mktemp("coco"), rows, split="val")


@pytest.fixture(scope="module")
def two(tmp_path_factory, coco):
    """The folder in which two processes have trained the toy, and what they have printed."""
    folder = tmp_path_factory.mktemp("two")
    return folder, run_by_two(folder / "toy", coco, folder / "heatmaps")


def test_two_processes_are_one_that_accumulates(two, tmp_path, capsys):
    """41 and 13 samples are uneven shards. BatchNorm's statistics are those of one process."""
    folder, printed = two
    two, two_rows, two_first = trained_toy(folder / "toy", printed, 2)
    toy_training.train(tmp_path / "one", accumulate=2, epochs=3)
    one, one_rows, (one_first,) = trained_toy(tmp_path / "one", capsys.readouterr().out, 1)
    assert two_first == [pytest.approx(one_first, abs=1e-6)] * 2  # each process knows the sum
    for name, weight in one["model"].items():
        # BatchNorm takes off the bias before it, whose gradient is rounding alone: Adam makes steps
        # of it all the same.
        if name != "0.bias" and "running" not in name and "num_batches" not in name:
            # float32 sums in another order, over 18 steps of Adam
            torch.testing.assert_close(two["model"][name], weight, rtol=1e-5, atol=1e-6)
    assert [row["scored"] for row in two_rows] == [SCORED] * 3
    for alone, together in zip(one_rows, two_rows, strict=True):
        assert together["train_loss"] == pytest.approx(alone["train_loss"], rel=1e-6)


def test_two_processes_score_the_model_that_they_save(two, tmp_path):
    """With the first process's BatchNorm statistics on both: the others' are kept nowhere."""
    folder, printed = two
    two, rows, _ = trained_toy(folder / "toy", printed, 2)
    model = make_model()
    average = {name.partition(".")[2]: tensor for name, tensor in two["average"].items()}
    del average[""]  # n_averaged
    model.load_state_dict(average)
    alone = make_trainer(tmp_path / "alone", Plan(epochs=1, batch_size=4), model=model)
    score = alone.evaluate(Vectors(SCORED, seed=1))["minus_error"]
    assert rows[-1]["minus_error"] == pytest.approx(score, rel=1e-6)


def test_two_processes_score_heatmaps_as_one(two, coco, tmp_path):
    one = many_ranks.score(coco, tmp_path / "one")
    assert scores_in(two[1], "heatmaps'") == [pytest.approx(one, abs=1e-6)] * 2
    assert 0 < one["pck_0.1"] < 1  # some of the joints are found by chance
