"""Cases of pck_counts, and of all scores that it is made for."""

from __future__ import annotations

import itertools
from typing import Any

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import pck as pck_reference
from tests.cuda_cases.case import Case
from tests.heatmap_samples import maps

NORMS = ("number", "instance", "axis", "joint", "pair")
RULES = (
    {"inside": (24.0, 18.0)},
    {"above": 2.0, "reduce": "joint_mean"},
    {"joints": (0, 2), "inside": (24.0, 18.0), "above": 0.5},
    {"joints": (2,), "reduce": "joint_mean"},
)


def pck_case(
    norm: str, cmp: str, batch: int, num_thresholds: int, rules: dict[str, Any] | None = None
) -> Case:
    def check() -> None:
        num_joints = 3
        truth = 20 * maps((batch, num_joints, 2))
        pred = truth + maps((batch, num_joints, 2), seed=1)
        truth[0, 0, 0] = torch.nan
        pred[-1, 1, 1] = torch.inf
        valid = (maps((batch, num_joints), seed=2) > -1).float()
        size = 10 + maps((batch, num_joints), seed=3).abs()
        size[0, -1] = 0
        norms = {"number": 20.0, "instance": size[:, 0], "axis": size[:, :2], "joint": size}
        norms["pair"] = (2, 0)
        thresholds = [0.002 * i for i in range(num_thresholds)]
        scored = dict(rules or {})
        chosen = {name: scored.pop(name) for name in ("joints", "reduce") if name in scored}
        layout = {"norm_layout": norm if norm in ("axis", "joint") else "auto"} | scored
        inputs = (pred, truth, valid, norms[norm])

        counts = lp.pck_counts(*inputs, thresholds, cmp=cmp, **layout)
        expected = pck_reference.pck_counts(*inputs, thresholds, cmp=cmp, **layout)
        torch.testing.assert_close(counts, expected, rtol=0, atol=0)
        ratio = lp.pck(*inputs, 0.05, cmp=cmp, **layout, **chosen)
        hits, counted = pck_reference.pck_counts(*inputs, [0.05], cmp=cmp, **layout)
        mean = pck_reference.mean_over_joints(hits[0], counted, **chosen)
        # Of three fractions.
        torch.testing.assert_close(ratio, mean, rtol=1e-15, atol=0, equal_nan=True)

        # 300 numbers added in another order.
        close = {"rtol": 1e-13, "atol": 0, "equal_nan": True}
        sums = lp.keypoint_error_sums(*inputs, **layout)
        plain_sums = pck_reference.keypoint_error_sums(*inputs, **layout)
        torch.testing.assert_close(sums, plain_sums, **close)
        error = lp.keypoint_nme(*inputs, **layout, **chosen)
        mean = pck_reference.mean_over_joints(*plain_sums, **chosen)
        torch.testing.assert_close(error, mean, **close)

    launches = max(1, -(-num_thresholds // 128)) + 3
    name = f"pck {norm} {cmp} B={batch} T={num_thresholds} {rules or ''}"
    return Case(name, ("pck_counts_kernel",) * launches, check)


def no_joints() -> Case:
    def check() -> None:
        points = torch.zeros(2, 0, 2)
        valid = torch.ones(2, 0)
        assert lp.pck(points, points, valid, 1.0).isnan()
        assert lp.keypoint_epe(points, points, valid).isnan()

    return Case("pck without joints", (), check)


CASES = [
    *(
        pck_case(norm, cmp, batch, 3)
        for norm, cmp, batch in itertools.product(NORMS, ("lt", "le"), (2, 300))
    ),
    *(pck_case("pair", "lt", 300, 3, rules) for rules in RULES),
    pck_case("joint", "lt", 40, 0),
    pck_case("joint", "lt", 2, 129),
    no_joints(),
]
