"""The flip test's merge against the forms in use."""

from __future__ import annotations

import pytest
import torch

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.peers import compiled
from benchmarks.protocol import size_of


def numpy_pairs(heatmaps, flipped, pairs, shift):
    """HRNet's way: on the CPU, pair by pair."""
    mirrored = flipped[..., ::-1].copy()
    for a, b in pairs:
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


def compare_merges(compare, size, threads, shift):
    heatmaps, flipped = sizes.random_stacks(size, 2)
    # Neighbours, as in COCO; the first joint has no partner where their number is odd.
    pairs = [(joint, joint + 1) for joint in range(size.joints % 2, size.joints, 2)]
    order = list(range(size.joints))
    for a, b in pairs:
        order[a], order[b] = b, a
    permutation = torch.tensor(order)
    baselines = {
        "torch flip and index, eager": lambda: torch_permutation(
            heatmaps, flipped, permutation, shift
        )
    }
    if size.compiled:
        form = compiled(torch_permutation)
        baselines["torch flip and index, torch.compile"] = lambda: form(
            heatmaps, flipped, permutation, shift
        )
    if size.loops:
        arrays = heatmaps.numpy(), flipped.numpy()
        baselines["NumPy, pair by pair"] = lambda: numpy_pairs(*arrays, pairs, shift)
    name = "flip_merge, shifted" if shift else "flip_merge"
    moved = size_of(heatmaps, flipped, heatmaps)
    compare(name, size=size, threads=threads, moved=moved, same=(0, 0))(
        lambda: lp.flip_merge(heatmaps, flipped, pairs, shift), baselines
    )


@sizes.sizes_and_threads(sizes.WITHOUT_NEIGHBOURS, [sizes.LOWER_BODY])
def test_plain(compare, size, threads):
    compare_merges(compare, size, threads, False)


@pytest.mark.parametrize("size", [sizes.LOWER_BODY], ids=str)
def test_shifted(compare, size):
    compare_merges(compare, size, 2, True)
