"""The base of all metrics, as a torchmetrics.Metric and without torchmetrics."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.metric_ranks import run_ranks

either_way = pytest.mark.parametrize("torchmetrics", [True, False], ids=["torchmetrics", "alone"])

COLLECTOR = """
from lowerpose_ops.metrics._metric import Metric

class Collector(Metric):
    def __init__(self, **options):
        super().__init__(**options)
        self._add_sum("total", torch.zeros(2, dtype=torch.int64))
        self._add_rows("ids", (), torch.int64)
        self._add_rows("points", (2, 3), torch.float64)

    def update(self, ids):
        self.total += ids.sum()
        self._append("ids", ids)
        self._append("points", ids.double().reshape(-1, 1, 1).expand(-1, 2, 3))

    def compute(self):
        points = self._rows("points")
        assert points.shape[1:] == (2, 3) and points.dtype == torch.float64
        return self.total.tolist(), self._rows("ids").tolist(), points[:, 1, 2].tolist()

def values(*ids):
    return torch.tensor(ids, dtype=torch.int64)

metric = Collector()
"""


ONE_PROCESS = """
metric.update(values(1, 2))
metric.update(values())
metric.update(values(3))
assert metric.compute() == ([6, 6], [1, 2, 3], [1.0, 2.0, 3.0])
metric.update(values(4))
assert metric.compute() == ([10, 10], [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
metric.reset()
metric.update(values(5))
assert metric.compute() == ([5, 5], [5], [5.0])
assert metric(values(6, 7)) == ([13, 13], [6, 7], [6.0, 7.0])
assert metric.compute() == ([18, 18], [5, 6, 7], [5.0, 6.0, 7.0])

# Moving a metric keeps the types of its states. The meta device stands for another one.
metric.half()
assert metric.compute() == ([18, 18], [5, 6, 7], [5.0, 6.0, 7.0])
metric.to("meta")
assert (metric.total.device.type, metric.total.dtype) == ("meta", torch.int64)
assert {(points.device.type, points.dtype) for points in metric.points} == {("meta", torch.float64)}
metric.reset()
assert metric.total.device.type == metric.device.type == "meta"
"""


@either_way
def test_update_compute_reset_and_move(tmp_path, torchmetrics):
    run_ranks(COLLECTOR + ONE_PROCESS, tmp_path, ranks=1, torchmetrics=torchmetrics)


def test_an_update_that_fails_in_forward_changes_nothing(tmp_path):
    """Without torchmetrics, which forgets all updates then."""
    code = """
metric.update(values(1))
try:
    metric("2")
except AttributeError:
    assert metric.compute() == ([1, 1], [1], [1.0])
else:
    raise AssertionError("it did not fail")
"""
    run_ranks(COLLECTOR + code, tmp_path, ranks=1, torchmetrics=False)


THREE_RANKS = """
if rank == 0:
    metric.update(values(1))
if rank == 2:
    metric.update(values(2, 3))
    metric.update(values(4))
assert metric.compute() == ([10, 10], [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
if rank == 1:
    metric.update(values(5))
# The rank's own states came back, and the ranks that have nothing new are asked again.
assert metric.compute() == ([15, 15], [1, 5, 2, 3, 4], [1.0, 5.0, 2.0, 3.0, 4.0])
metric.reset()
assert metric.compute() == ([0, 0], [], [])

# Calling a metric asks no other rank.
assert metric(values(rank)) == ([rank, rank], [rank], [float(rank)])
assert metric.compute() == ([3, 3], [0, 1, 2], [0.0, 1.0, 2.0])
alone = Collector(sync_on_compute=False)
alone.update(values(rank))
assert alone.compute() == ([rank, rank], [rank], [float(rank)])
"""


@either_way
def test_ranks_with_unequal_numbers_of_rows_and_a_rank_without_any(tmp_path, torchmetrics):
    run_ranks(COLLECTOR + THREE_RANKS, tmp_path, ranks=3, torchmetrics=torchmetrics)


def test_importing_the_metrics_imports_no_torch():
    code = "import sys, lowerpose_ops as lp; dir(lp.metrics); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
