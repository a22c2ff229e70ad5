"""KeypointAP, in batches and in many processes, beside pycocotools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lowerpose_ops as lp
from tests.keypoint_ap_cases import (
    expected_of,
    found_arguments,
    found_of,
    people_of,
    same,
    truth_arguments,
    values,
)
from tests.metric_ranks import run_ranks


@pytest.fixture(scope="module")
def people(data_folder: Path) -> list[Any]:
    return people_of(data_folder)


@pytest.fixture(scope="module")
def found(people) -> list[Any]:
    return found_of(people)


@pytest.fixture(scope="module")
def expected(people, found) -> np.ndarray:
    return expected_of(people, found)


def samples(people: list[Any], found: list[Any]) -> tuple[list[int], list[Any], list[Any]]:
    images = sorted({row["image_id"] for row in (*people, *found)})
    preds, target = [], []
    for image in images:
        own = [row for row in found if row["image_id"] == image]
        here = [row for row in people if row["image_id"] == image]
        arguments = truth_arguments(here) | found_arguments(own)
        preds.append(
            {
                "keypoints": torch.tensor(arguments["pred"].reshape(-1, 17, 3)),
                "scores": torch.tensor(arguments["scores"], dtype=torch.float64),
            }
        )
        target.append(
            {
                "keypoints": arguments["gt"].reshape(-1, 17, 3),
                "areas": arguments["areas"].astype(float),
                "boxes": arguments["boxes"].reshape(-1, 4).astype(float),
                "crowd": arguments["crowd"].astype(int),
                "num_keypoints": arguments["num_keypoints"].astype(int),
            }
        )
    return images, preds, target


def test_metric(people, found, expected):
    images, preds, target = samples(people, found)
    metric = lp.metrics.KeypointAP()
    for begin in range(0, len(images), 7):
        batch = slice(begin, begin + 7)
        metric.update(torch.tensor(images[batch]), preds[batch], target[batch])
    same(values(metric.compute()), expected)
    metric.update(images[:9], preds[:9], target[:9])  # again
    same(values(metric.compute()), expected)
    metric.reset()
    assert set(values(metric.compute())) == {-1.0}


def test_a_collection_keeps_other_rules_apart(people, found):
    """Although there is nobody in the first batch, by any of them."""
    torchmetrics = pytest.importorskip("torchmetrics")
    images, preds, target = samples(people, found)
    kinds = [{}, {"max_dets": 1}, {"use_area": False}, {"label_count": "counted"}]
    metrics = {str(kind): lp.metrics.KeypointAP(**kind) for kind in kinds}
    collection = torchmetrics.MetricCollection(metrics, prefix="in ")
    alone = {name: lp.metrics.KeypointAP(**kind) for name, kind in zip(metrics, kinds, strict=True)}
    for metric in (collection, *alone.values()):
        metric.update([10**6], [empty(preds[0])], [empty(target[0])])
        metric.update(images, preds, target)
    for name, metric in alone.items():
        results = values(collection[name].compute()), values(metric.compute())
        np.testing.assert_array_equal(*results)


def empty(sample):
    return {name: value[:0] for name, value in sample.items()}


def test_samples_of_one_image(people, found, expected):
    """One sample a person, in any order: detections go to one of them, to no effect."""
    images, preds, target = samples(people, found)
    metric = lp.metrics.KeypointAP()
    parts = []
    for image, pred, true in zip(images, preds, target, strict=True):
        nobody = {name: value[:0] for name, value in true.items()}
        nothing = {name: value[:0] for name, value in pred.items()}
        parts.append((image, 0, pred, nobody))
        for place in range(len(true["keypoints"])):
            one = {name: value[place : place + 1] for name, value in true.items()}
            parts.append((image, place + 1, nothing, one))
    for place in np.random.default_rng(0).permutation(len(parts)):
        image, sample, pred, true = parts[place]
        metric.update([image], [pred], [true], sample_ids=[sample])
    same(values(metric.compute()), expected)


RANKS = """
rng = torch.Generator().manual_seed(0)
gt = torch.rand(10, 3, 6, 3, generator=rng, dtype=torch.float64) * 200
gt[..., 2] = (gt[..., 2] > 50) * 2
pred = gt + torch.randn(10, 3, 6, 3, generator=rng, dtype=torch.float64) * 10
scores = (torch.rand(10, 3, generator=rng) * 5).round() / 5
own = [index % 10 for index in range(rank, 10 + (-10) % ranks, ranks)]  # a padded sampler's
metric = lp.metrics.KeypointAP(lp.LOWER_BODY_SIGMAS)
for i in own:
    n = i % 4
    metric.update(
        [100 - i],
        [{"keypoints": pred[i, :n], "scores": scores[i, :n]}],
        [{"keypoints": gt[i], "areas": torch.full((3,), 5000.0)}],
    )
print({name: value.item() for name, value in metric.compute().items()})
print({name: value.item() for name, value in metric.compute().items()})
assert len(metric._rows(metric._sample_keys)) == len(own)  # its own again
"""


@pytest.mark.parametrize("torchmetrics", [False, True])
def test_ranks_with_a_padded_sampler(tmp_path, capsys, torchmetrics):
    if torchmetrics:
        pytest.importorskip("torchmetrics")
    exec(RANKS, {"torch": torch, "lp": lp, "rank": 0, "ranks": 1})
    alone = capsys.readouterr().out.splitlines()
    assert 0.05 < json.loads(alone[0].replace("'", '"'))["AP"] < 0.95
    for printed in run_ranks(RANKS, tmp_path, ranks=3, torchmetrics=torchmetrics):
        assert printed.splitlines() == alone


def test_a_rank_without_samples(tmp_path):
    code = RANKS.replace("own = [", "own = [] if rank == 2 else [")
    for printed in run_ranks(code, tmp_path, ranks=3, torchmetrics=False):
        assert '"AP"' in printed.replace("'", '"')


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"image_ids": [1, 2]}, ValueError, "preds must be 2, as many as image_ids, got 1"),
        ({"image_ids": [1.0]}, TypeError, "image_ids must be integers"),
        ({"image_ids": 1}, TypeError, "image_ids must be a sequence"),
        ({"image_ids": [2**70]}, ValueError, "image_ids must be integers of 64 bits"),
        ({"sample_ids": []}, ValueError, "sample_ids must be 1"),
        ({"preds": {}}, TypeError, "preds must be one mapping a sample"),
        ({"preds": [3]}, TypeError, "preds must be one mapping a sample"),
        ({"preds": [{}]}, ValueError, "preds must have 'keypoints'"),
        ({"target": [{"keypoints": np.zeros((1, 17, 3))}]}, ValueError, "areas must be given"),
        (
            {"target": [{"keypoints": np.zeros((1, 17, 3)), "area": 3}]},
            ValueError,
            "target must be of keypoints, areas, boxes, crowd, num_keypoints, got 'area'",
        ),
        ({"target": [{"keypoints": np.zeros((1, 6, 3))}]}, ValueError, "gt must be"),
    ],
)
def test_what_the_metric_refuses(change, error, message):
    arguments = {
        "image_ids": [1],
        "preds": [{"keypoints": np.zeros((1, 17, 3)), "scores": np.zeros(1)}],
        "target": [{"keypoints": np.zeros((1, 17, 3)), "areas": np.ones(1)}],
    } | change
    with pytest.raises(error, match=f"KeypointAP: {message}"):
        lp.metrics.KeypointAP().update(**arguments)


def test_sigmas_of_the_metric():
    for wrong in ([0.1, 0.0], [0.1, np.nan], [-1.0]):
        with pytest.raises(ValueError, match="KeypointAP: sigmas must be"):
            lp.metrics.KeypointAP(wrong)
    assert len(lp.metrics.KeypointAP(torch.full((6,), 0.1)).sigmas) == 6
