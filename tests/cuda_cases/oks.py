"""Cases of oks."""

from __future__ import annotations

import itertools

import torch

import lowerpose_ops as lp
from lowerpose_ops.reference import oks as oks_reference
from tests.cuda_cases.case import Case
from tests.heatmap_samples import maps


def oks_case(
    batch: int, pairs: tuple[int, int], no_visible: str, divide_by: str, extras: bool
) -> Case:
    def check() -> None:
        num_joints, (detections, persons) = 6, pairs
        gt = 20 * maps((batch, persons, num_joints, 2))
        pred = gt[:, :1] + 5 * maps((batch, detections, num_joints, 2), seed=1)
        visible = (maps((batch, persons, num_joints), seed=2) > 0).float()
        gt[0, 0, 0, 0] = torch.nan
        pred[-1, -1, 1, 1] = torch.nan
        visible[:, -1] = 0
        area = 1000 * maps((batch, persons), seed=3)  # some of them negative
        sigmas = torch.tensor(lp.LOWER_BODY_SIGMAS, dtype=torch.float64)
        box = None
        if no_visible == "box":
            box = torch.cat([gt[:, :, 1], 10 * maps((batch, persons, 2), seed=4).abs()], -1)
        seen = (maps((batch, detections, num_joints), seed=5) > 0) if extras else None
        options = {
            "bbox": box,
            "pred_visible": seen,
            "pred_area": 1000 * maps((batch, detections), seed=6) if extras else None,
            "no_visible": no_visible,
            "divide_by": divide_by,
        }
        inputs = (pred, gt, visible, area)
        ours = lp.oks(*inputs, sigmas if extras else lp.LOWER_BODY_SIGMAS, **options)
        expected = oks_reference.oks(*inputs, sigmas, **options)
        # Six exponentials, each a few units in the last place off.
        torch.testing.assert_close(ours, expected, rtol=1e-13, atol=1e-15, equal_nan=True)

    name = f"oks {no_visible} {divide_by} B={batch} pairs={pairs} extras={extras}"
    return Case(name, ("oks_kernel",), check)


def unusable_sigmas() -> Case:
    def check() -> None:
        joints = torch.zeros(1, 1, 3, 2)
        sigmas = torch.tensor([0.1, -0.1, 0.1])
        seen = torch.tensor([[[1, 0, 1]], [[1, 1, 1]]])
        ours = lp.oks(
            joints.expand(2, 1, 3, 2), joints.expand(2, 1, 3, 2), seen, seen[:, :, 0], sigmas
        )
        torch.testing.assert_close(
            ours.flatten(), torch.tensor([1.0, torch.nan]).double(), equal_nan=True
        )

    return Case("oks unusable sigmas", ("oks_kernel",), check)


CASES = [
    *(
        oks_case(2, (3, 4), *options)
        for options in itertools.product(
            ("nan", "zero", "box"), ("visible", "joints"), (False, True)
        )
    ),
    oks_case(1, (20, 13), "box", "visible", False),
    unusable_sigmas(),
]
