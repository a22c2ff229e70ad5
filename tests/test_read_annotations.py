"""The native reading of annotations against Python's own, with all that may stand in a dict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lowerpose_ops import _native

KEYS = ("image_id", "score", "iscrowd")
ROWS = 20_000  # enough for helpers to be started


class Subclass(dict):  # type: ignore[type-arg]
    pass


class Number:
    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


def annotations(seed: int) -> list[dict[str, Any]]:
    """Nearly all are plain; of the others there are all kinds, and any order of keys."""
    rng = np.random.default_rng(seed)
    unusual: list[Any] = [
        *(True, 2**62, -(2**63), 2**64, -5, 0, 2**30, -(2**30) + 1, 2**53 + 1),
        *(float("nan"), float("inf"), None, "7", "seven", [], Number(2.5)),
        *(np.float64(0.25), np.float32(0.5), np.int64(9)),
    ]
    rows = []
    for i in range(ROWS):
        row: dict[str, Any] = {"image_id": i % 700, "keypoints": [0.5, i, -1.5], "score": i / ROWS}
        if i % 3:
            row["iscrowd"] = i % 2
        if rng.random() < 0.1:
            row = {key: row[key] for key in rng.permutation(list(row)).tolist()}
        if rng.random() < 0.02:
            row[KEYS[rng.integers(3)]] = unusual[rng.integers(len(unusual))]
        if rng.random() < 0.02:
            del row["score" if "score" in row else "image_id"]
        if rng.random() < 0.02:
            row["keypoints"] = (1, Number(2.0), np.float32(3.0))
        if rng.random() < 0.02:
            row = Subclass(row)
        if rng.random() < 0.02:
            row = {1: 0, None: 1, "ü": 2, ("score",): 3, **row}
        rows.append(row)
    return rows


def as_number(value: Any) -> float:
    try:
        return float("nan") if isinstance(value, str) else float(value)
    except (TypeError, OverflowError):
        return float("nan")


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("places", [{5: 1, 6: 0}, {i: 700 - i for i in range(700)}, {"a": 3, 5: 2}])
def test_columns_of_numbers(places: dict[Any, int], threads: int) -> None:
    rows = annotations(threads)
    # What cannot be a key of a dict is a TypeError with a table.
    rows = [row for row in rows if not isinstance(row.get("image_id"), list)]
    chosen = np.random.default_rng(1).permutation(len(rows))[: ROWS // 2]
    numbers = np.empty((3, len(chosen)))
    _native.core.read_annotations(
        *(rows, chosen, KEYS, (None, None, 0.0), (places, None, None), False, numbers, threads)
    )
    expected = np.empty_like(numbers)
    for i, row in enumerate(rows[place] for place in chosen):
        image = row.get("image_id")
        expected[0, i] = float("nan") if image is None else places.get(image, -1)
        expected[1, i] = as_number(row.get("score"))
        expected[2, i] = as_number(row.get("iscrowd", 0.0))
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_lists_of_numbers(threads: int) -> None:
    rows = annotations(threads)
    chosen = np.arange(0, ROWS, 2)
    places = np.random.default_rng(2).permutation(len(chosen))
    numbers = np.empty((len(chosen), 3))
    _native.core.read_annotation_lists(rows, chosen, places, "keypoints", numbers, threads)
    expected = [[float(value) for value in rows[place]["keypoints"]] for place in chosen]
    np.testing.assert_array_equal(numbers[places], expected)


def test_too_many_keys_are_refused() -> None:
    keys = tuple("abcdefghi")
    nothing = (None,) * len(keys)
    with pytest.raises(ValueError, match="keypoint_ap: at most 8 keys"):
        _native.core.read_annotations(
            *([{}], np.array([0]), keys, nothing, nothing, False, np.empty((9, 1)), 1)
        )


@pytest.mark.parametrize("field", ["area", "image_id"])
def test_an_object_that_lets_go_of_itself(field):
    """Its own code runs while it is read, and drops the last reference to it."""
    script = f"""
import numpy as np
from lowerpose_ops.compat.cocoeval import COCOeval
from tests.coco_detections import coco, results

class Odd:
    def __init__(self, row): self.row = row
    def __float__(self):
        self.row.pop({field!r}, None)
        return "no"
    def __hash__(self):
        self.row.clear()
        return 1
    def __eq__(self, other): return False

keypoints = [1.0, 1.0, 2.0] * 17
row = dict(id=1, image_id=1, category_id=1, keypoints=keypoints, num_keypoints=17, area=9.0,
           bbox=[0, 0, 3, 3], iscrowd=0)
truth = coco([row], [1])
found = results(truth, [dict(image_id=1, category_id=1, keypoints=keypoints, score=1.0)])
annotation = found.dataset["annotations"][0]
annotation[{field!r}] = Odd(annotation)
try:
    COCOeval(truth, found).evaluate()
except (TypeError, KeyError, ValueError):
    print("refused")
"""
    finished = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent.parent,
        env=os.environ | {"PYTHONMALLOC": "debug", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith("refused\n")
