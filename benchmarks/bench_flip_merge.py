"""The flip test's merge against the forms in use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp

SHAPE = (64, 6, 64, 48)
PERMUTATION = [3, 4, 5, 0, 1, 2]


def numpy_pairs(heatmaps, flipped, shift):
    """HRNet's way: on the CPU, pair by pair."""
    mirrored = flipped[..., ::-1].copy()
    for a, b in lp.LOWER_BODY_FLIP_PAIRS:
        kept = mirrored[:, a].copy()
        mirrored[:, a] = mirrored[:, b]
        mirrored[:, b] = kept
    if shift:
        mirrored[..., 1:] = mirrored[..., :-1].copy()
    return (heatmaps + mirrored) * 0.5


def torch_permutation(heatmaps, flipped, permutation, shift):
    """MMPose's way: the joints by an index, the columns by flip."""
    mirrored = flipped[:, permutation].flip(-1)
    if shift:
        mirrored[..., 1:] = mirrored[..., :-1].clone()
    return (heatmaps + mirrored) * 0.5


@pytest.mark.parametrize("shift", [False, True], ids=["plain", "shifted"])
def test_flip_merge(compare, shift):
    generator = torch.Generator().manual_seed(0)
    heatmaps, flipped = torch.rand(2, *SHAPE, generator=generator)
    permutation = torch.tensor(PERMUTATION)
    arrays = heatmaps.numpy(), flipped.numpy()
    compiled = torch.compile(torch_permutation, fullgraph=True)
    expected = numpy_pairs(*arrays, shift)
    results = (
        lp.flip_merge(heatmaps, flipped, lp.LOWER_BODY_FLIP_PAIRS, shift),
        torch_permutation(heatmaps, flipped, permutation, shift),
        compiled(heatmaps, flipped, permutation, shift),
    )
    for result in results:
        np.testing.assert_array_equal(result.numpy(), expected)
    compare("flip_merge, shifted" if shift else "flip_merge")(
        lambda: lp.flip_merge(heatmaps, flipped, lp.LOWER_BODY_FLIP_PAIRS, shift),
        {
            "a copy of one stack of maps": lambda: heatmaps.clone(),
            "NumPy, pair by pair": lambda: numpy_pairs(*arrays, shift),
            "torch flip and index": lambda: torch_permutation(
                heatmaps, flipped, permutation, shift
            ),
            "torch.compile": lambda: compiled(heatmaps, flipped, permutation, shift),
        },
    )
