"""Joints and their counts in one pass, against our own operations in turn and the forms in use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from benchmarks import peers
from benchmarks.bench_heatmap_decode import numpy_quarter

HEIGHT, WIDTH, NORM, THRESHOLDS = 64, 48, 64.0, (0.05, 0.1)


def scene(batch, joints):
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(batch, joints, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    heatmaps, valid = lp.gaussian_targets(places, torch.ones(batch, joints), (WIDTH, HEIGHT))
    heatmaps += 0.05 * torch.rand(heatmaps.shape, generator=generator)
    return heatmaps, places + 3 * torch.randn(places.shape, generator=generator), valid[..., 0]


def ours_one_by_one(heatmaps, gt, valid):
    coords, scores = lp.decode_heatmaps(heatmaps)
    return coords, scores, *lp.pck_counts(coords, gt, valid, NORM, THRESHOLDS)


def numpy_loops(heatmaps, gt, valid):
    """The decoding with a loop for its offsets, then joint by joint the distances that count."""
    coords, scores = numpy_quarter(heatmaps)
    distances = np.linalg.norm((coords - gt) / NORM, axis=-1)
    correct = np.zeros((len(THRESHOLDS), gt.shape[1]), np.int64)
    for joint, column in enumerate(distances.T):
        counted = column[valid[:, joint] > 0.5]
        for row, threshold in enumerate(THRESHOLDS):
            correct[row, joint] = (counted < threshold).sum()
    return coords, scores, correct, (valid > 0.5).sum(0)


@pytest.mark.parametrize(("batch", "joints"), [(64, 6), (8, 6), (64, 17)])
def test_quarter(compare, batch, joints):
    tensors = scene(batch, joints)
    arrays = tuple(tensor.numpy() for tensor in tensors)
    steps, limits = torch.tensor([1, WIDTH, -1, -WIDTH]), torch.tensor(THRESHOLDS)

    def eager(heatmaps, gt, valid):
        coords, scores = peers.argmax_quarter(heatmaps, steps)
        return coords, scores, *peers.count_within(coords, gt, valid, NORM, limits)

    ours = lp.decode_and_score(*tensors, NORM, THRESHOLDS)
    for theirs in (ours_one_by_one(*tensors), eager(*tensors), numpy_loops(*arrays)):
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, torch.as_tensor(other), rtol=0, atol=0)
    compare(f"decode_and_score, quarter, B={batch} K={joints}")(
        lambda: lp.decode_and_score(*tensors, NORM, THRESHOLDS),
        {
            "decode_heatmaps alone": lambda: lp.decode_heatmaps(tensors[0]),
            "ours, one by one": lambda: ours_one_by_one(*tensors),
            "torch max and gathered neighbours": lambda: eager(*tensors),
            "NumPy argmax and loops": lambda: numpy_loops(*arrays),
        },
    )


def test_flip_test_in_the_image(compare):
    """What a validation step does: merge, decode by DARK, map back, count."""
    heatmaps, gt, valid = scene(64, 17)
    flipped = 0.9 * heatmaps.flip(3)
    center, scale = 4 * gt[:, 0], 200 + gt[:, 1]
    flip = {"flip_pairs": [(2 * i + 1, 2 * i + 2) for i in range(8)], "shift": True}

    def one_by_one():
        merged = lp.flip_merge(heatmaps, flipped, **flip)
        coords, scores = lp.decode_heatmaps(merged, "dark")
        image = lp.to_image(coords, center, scale, (WIDTH, HEIGHT))
        return image, scores, *lp.pck_counts(image, gt, valid, NORM, THRESHOLDS)

    def ours():
        return lp.decode_and_score(
            *(heatmaps, gt, valid, NORM, THRESHOLDS, "dark"),
            **flip,
            flipped=flipped,
            center=center,
            scale=scale,
        )

    torch.testing.assert_close(ours(), one_by_one(), rtol=0, atol=0)
    compare("decode_and_score, dark, flipped, in the image, B=64 K=17")(
        ours, {"ours, one by one": one_by_one}
    )


@pytest.mark.parametrize("kind", ["tensors", "arrays"])
def test_a_small_call(compare, kind):
    """What a call costs beside its work: maps of 16 pixels."""
    inputs = torch.rand(1, 1, 4, 4), torch.ones(1, 1, 2), torch.ones(1, 1)
    if kind == "arrays":
        inputs = tuple(tensor.numpy() for tensor in inputs)
    compare(f"decode_and_score, a small call, {kind}")(
        lambda: lp.decode_and_score(*inputs, NORM, THRESHOLDS),
        {
            "decode_heatmaps alone": lambda: lp.decode_heatmaps(inputs[0]),
            "ours, one by one": lambda: ours_one_by_one(*inputs),
        },
    )
