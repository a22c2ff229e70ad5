"""A training loop end to end, as lower-body projects write it and with ours.

The model takes most of the time, on a CPU nearly all of it, and loader workers hide the drawing of
targets: so this is where the gain ends. The last loop is the upper bound: no loader, no copy, no
drawing and no metrics.
"""

from __future__ import annotations

import itertools
import statistics
import time

import pytest
import torch

from benchmarks.packages import needs
from benchmarks.protocol import THREADS, threads

for module, package in (
    *(("PIL", "pillow"), ("tqdm", "tqdm"), ("matplotlib", "matplotlib")),
    ("pycocotools", "pycocotools"),
):
    needs(module, package)

from benchmarks.training_loops import (  # noqa: E402
    BATCH,
    INPUT,
    PARTS,
    Constant,
    Fused,
    Laps,
    Original,
    Ours,
    Score,
)
from python_models.data.coco_lower_body import CocoLowerBody  # noqa: E402
from python_models.data.synthetic_squats import generate  # noqa: E402

LOOPS = {"original style": Original, "ours": Ours, "ours, fused loss": Fused}
BOUND = {"constant tensors": Constant}
WORKERS = (0, 1, 2)
STEPS = 4  # of a turn, after those that fill queues
TURNS, BUDGET = 3, 30.0  # of each loop, and seconds after which no further ones begin
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    ),
]


class Endless:
    """The same persons again, so that no epoch ends within a turn."""

    def __init__(self, persons, length):
        self.persons, self.length = persons, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.persons[index % len(self.persons)]


@pytest.fixture(autouse=True)
def two_threads():
    with threads(THREADS):
        yield


@pytest.fixture(scope="module")
def persons(tmp_path_factory):
    """Pictures of squats, as `make train` makes them: read, cropped and resized by the loader."""
    folder = tmp_path_factory.mktemp("training") / "squats"
    generate(folder, train=64, val=0, processes=1)
    return CocoLowerBody.from_root(folder, "train", input_size=INPUT)


@pytest.mark.parametrize("device", DEVICES)
def test_all_compute_the_same(persons, device, benchmark):
    """The loss to 1e-4 and the very same joints, in a first step from the same weights."""
    scores = []
    for kind in LOOPS.values():
        loop, score = kind(torch.device(device)), Score()
        loop.step(next(iter(loop.loader(persons, 0))), score, Laps(loop.device, False))
        scores.append(tuple(map(float, (score.loss, score.correct, score.counted))))
    for score in scores[1:]:
        assert score == pytest.approx(scores[0], rel=1e-4)
        assert score[1:] == scores[0][1:]
    benchmark.pedantic(lambda: None)


def turn(loop, persons, workers, exact):
    """Seconds of each step's part, and of the whole, once everything is under way."""
    skipped = 1 + 2 * workers  # what the workers have ready
    loader = iter(loop.loader(Endless(persons, (skipped + STEPS) * BATCH), workers))
    score = Score()
    for batch in itertools.islice(loader, skipped):
        loop.step(batch, score, Laps(loop.device, exact))
    if loop.device.type == "cuda":
        torch.cuda.synchronize()
    laps, begin = Laps(loop.device, exact), time.perf_counter()
    for batch in itertools.islice(loader, STEPS):
        laps.lap("loader")
        loop.step(batch, score, laps)
    if loop.device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begin) / STEPS, laps.seconds


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("device", DEVICES)
def test_training(benchmark, results, persons, device, workers):
    kinds = LOOPS | BOUND if workers == 0 else LOOPS  # the bound has no loader
    running = {name: kind(torch.device(device)) for name, kind in kinds.items()}
    seconds = {name: [] for name in running}
    parts = {name: {part: [] for part in PARTS} for name in running}
    begin = time.perf_counter()
    for done in range(TURNS):
        if done and time.perf_counter() - begin > BUDGET:
            break
        for name, loop in running.items():
            whole, laps = turn(loop, persons, workers, exact=False)
            if device == "cuda":  # not waited for, a GPU's parts cannot be told apart
                _, laps = turn(loop, persons, workers, exact=True)
            seconds[name].append(whole)
            for part in PARTS:
                parts[name][part].append(laps[part] / STEPS)
    for name, times in seconds.items():
        whole = statistics.median(times)
        ratios = [a / b for a, b in zip(seconds["original style"], times, strict=True)]
        results.training.append(
            {
                "device": device,
                "workers": workers,
                "loop": name,
                "steps_per_second": 1 / whole,
                "images_per_second": BATCH / whole,
                "ratio": statistics.median(ratios),
                "ratio_range": (min(ratios), max(ratios)),
                "parts_ms": {
                    part: statistics.median(values) * 1e3 for part, values in parts[name].items()
                },
            }
        )
    benchmark.pedantic(lambda: None)
