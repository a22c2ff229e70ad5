"""Cases of pck_counts and pck."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import pck as pck_reference
from tests.cuda_cases.case import Case
from tests.heatmap_samples import maps


def pck_case(norm: str, cmp: str, batch: int, num_thresholds: int) -> Case:
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
        thresholds = [0.002 * i for i in range(num_thresholds)]
        options = {"cmp": cmp, "norm_layout": norm if norm in ("axis", "joint") else "auto"}
        inputs = (pred, truth, valid, norms[norm])
        correct, counted = lp.pck_counts(*inputs, thresholds, **options)
        expected = pck_reference.pck_counts(*inputs, thresholds, **options)
        torch.testing.assert_close((correct, counted), expected, rtol=0, atol=0)
        ratio = lp.pck(*inputs, 0.05, **options)
        hits, _ = pck_reference.pck_counts(*inputs, [0.05], **options)
        torch.testing.assert_close(ratio, hits.sum().double() / counted.sum(), rtol=0, atol=0)

    launches = max(1, -(-num_thresholds // 128)) + 1
    name = f"pck {norm} {cmp} B={batch} T={num_thresholds}"
    return Case(name, ("pck_counts_kernel",) * launches, check)


CASES = [
    *(
        pck_case(norm, cmp, batch, 3)
        for norm, cmp, batch in itertools.product(
            ("number", "instance", "axis", "joint"), ("lt", "le"), (2, 300)
        )
    ),
    pck_case("joint", "lt", 40, 0),
    pck_case("joint", "lt", 2, 129),
]
