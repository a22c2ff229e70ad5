"""People, detections and pycocotools' scores of them, for the tests of keypoint_ap."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval as Original

from lowerpose_ops.arrays._coco_statistics import STATISTICS
from tests.coco_detections import coco, perturbed, results

# Both add and divide in the same order; only the last bits of exp differ.
TOLERANCE = 1e-12


def val538(data_folder: Path) -> dict[str, Any]:
    """COCO's file of 538 images; the test is left out where it is not there."""
    path = data_folder / "coco-val538" / "person_keypoints_val2017_538img.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return json.loads(path.read_text())


def people_of(data_folder: Path) -> list[Any]:
    """Its first 700 annotations."""
    return val538(data_folder)["annotations"][:700]


def found_of(people: list[Any]) -> list[Any]:
    """Detections of them, some in an image without anybody."""
    return perturbed(people, 11, 5, strays=[10**7])


def expected_of(people: list[Any], found: list[Any]) -> np.ndarray:
    """What pycocotools says of them."""
    images = [*sorted({row["image_id"] for row in people}), 10**7]
    truth = coco(copy.deepcopy(people), images)
    return stats(Original(truth, results(truth, copy.deepcopy(found)), "keypoints"))


def stats(evaluation: Any, **changes: Any) -> np.ndarray:
    """Of an evaluation, ours or pycocotools', with other parameters."""
    for name, value in changes.items():
        setattr(evaluation.params, name, value)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats


def values(result: dict[str, Any]) -> np.ndarray:
    """Of a result, in the order of `stats`."""
    assert list(result) == list(STATISTICS)
    return np.array([float(value) for value in result.values()])


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def joints_of(rows: list[Any]) -> np.ndarray:
    return np.array([row["keypoints"] for row in rows], float).reshape(len(rows), 17, 3)


def column(rows: list[Any], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows])


def truth_arguments(rows: list[Any]) -> dict[str, Any]:
    return {
        "gt": joints_of(rows),
        "gt_images": column(rows, "image_id"),
        "areas": column(rows, "area"),
        "boxes": column(rows, "bbox"),
        "crowd": column(rows, "iscrowd"),
        "num_keypoints": column(rows, "num_keypoints"),
    }


def found_arguments(rows: list[Any]) -> dict[str, Any]:
    return {
        "pred": joints_of(rows),
        "scores": column(rows, "score"),
        "pred_images": column(rows, "image_id"),
    }
