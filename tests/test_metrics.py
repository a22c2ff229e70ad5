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


@either_way
def test_update_compute_reset(tmp_path, torchmetrics):
    code = """
metric.update(values(1, 2))
metric.update(values())
metric.update(values(3))
print(metric.compute())
metric.update(values(4))
print(metric.compute())
metric.reset()
metric.update(values(5))
print(metric.compute())
print(metric(values(6, 7)), metric.compute())
"""
    (out,) = run_ranks(COLLECTOR + code, tmp_path, ranks=1, torchmetrics=torchmetrics)
    assert out.splitlines() == [
        "([6, 6], [1, 2, 3], [1.0, 2.0, 3.0])",
        "([10, 10], [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])",
        "([5, 5], [5], [5.0])",
        "([13, 13], [6, 7], [6.0, 7.0]) ([18, 18], [5, 6, 7], [5.0, 6.0, 7.0])",
    ]


@either_way
def test_ranks_with_unequal_numbers_of_rows_and_a_rank_without_any(tmp_path, torchmetrics):
    code = """
if rank == 0:
    metric.update(values(1))
if rank == 2:
    metric.update(values(2, 3))
    metric.update(values(4))
print(metric.compute())
if rank == 1:
    metric.update(values(5))
print(metric.compute())  # the rank's own states came back after the first time
metric.reset()
print(metric.compute())
"""
    outputs = run_ranks(COLLECTOR + code, tmp_path, ranks=3, torchmetrics=torchmetrics)
    expected = [
        "([10, 10], [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])",
        "([15, 15], [1, 5, 2, 3, 4], [1.0, 5.0, 2.0, 3.0, 4.0])",
        "([0, 0], [], [])",
    ]
    assert [out.splitlines() for out in outputs] == [expected] * 3


@either_way
def test_forward_asks_no_other_rank(tmp_path, torchmetrics):
    code = """
print(metric(values(rank)))
print(metric.compute())
alone = Collector(sync_on_compute=False)
alone.update(values(rank))
print(alone.compute())
"""
    outputs = run_ranks(COLLECTOR + code, tmp_path, ranks=2, torchmetrics=torchmetrics)
    for rank, out in enumerate(outputs):
        own = f"({[rank, rank]}, {[rank]}, {[float(rank)]})"
        assert out.splitlines() == [own, "([1, 1], [0, 1], [0.0, 1.0])", own]


@either_way
def test_moving_a_metric_keeps_the_types_of_its_states(tmp_path, torchmetrics):
    """The meta device stands for another one."""
    code = """
metric.update(values(1))
metric.half()
print(metric.compute())
metric.to("meta")
print(metric.total.device, metric.total.dtype, metric.points[0].device, metric.points[0].dtype)
metric.reset()
print(metric.total.device, metric.device)
"""
    (out,) = run_ranks(COLLECTOR + code, tmp_path, ranks=1, torchmetrics=torchmetrics)
    assert out.splitlines() == [
        "([1, 1], [1], [1.0])",
        "meta torch.int64 meta torch.float64",
        "meta meta",
    ]


@either_way
def test_an_update_that_fails_in_forward_changes_nothing(tmp_path, torchmetrics):
    if torchmetrics:
        pytest.skip("torchmetrics forgets the states itself")
    code = """
metric.update(values(1))
try:
    metric("2")
except AttributeError:
    print(metric.compute())
"""
    (out,) = run_ranks(COLLECTOR + code, tmp_path, ranks=1, torchmetrics=torchmetrics)
    assert out.strip() == "([1, 1], [1], [1.0])"


def test_importing_the_metrics_imports_no_torch():
    code = "import sys, lowerpose_ops as lp; dir(lp.metrics); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
