"""COCO's keypoint evaluation against pycocotools and its successors, on real people."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from lowerpose_ops.compat.cocoeval import COCOeval
from tests.coco_detections import perturbed

# pycocotools takes seconds: a call a turn, and few of them.
PROTOCOL = {"rounds": 7, "warmup": 1, "calls": 1, "turn": 0.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """538 images of val2017 with 2213 people, and 12 detections of nearly each, in any order."""
    if "LOWERPOSE_DATA" not in os.environ:
        pytest.skip("needs real data: set LOWERPOSE_DATA to its folder")
    truth = Path(os.environ["LOWERPOSE_DATA"], "coco-val538/person_keypoints_val2017_538img.json")
    detections = tmp_path_factory.mktemp("keypoint_ap") / "detections.json"
    people = json.loads(truth.read_text())["annotations"]
    detections.write_text(json.dumps(perturbed(people, 0)))
    return str(truth), str(detections)


def quietly(run):
    def silent():
        with contextlib.redirect_stdout(io.StringIO()):
            return run()

    return silent


def loaders(files):
    import faster_coco_eval
    import hotcoco
    from pycocotools.coco import COCO

    truth, detections = files

    def load(kind, results):
        def both():
            data = kind(truth)
            return data, getattr(data, results)(detections)

        return quietly(both)

    return {
        "pycocotools": load(COCO, "loadRes"),
        "hotcoco": load(hotcoco.COCO, "load_res"),
        "faster-coco-eval": load(faster_coco_eval.COCO, "loadRes"),
    }


def test_evaluate_and_accumulate(compare, files):
    from faster_coco_eval import COCOeval_faster
    from hotcoco import COCOeval as HotEval
    from pycocotools.cocoeval import COCOeval as Original

    data = {name: load() for name, load in loaders(files).items()}
    kinds = {"pycocotools": Original, "hotcoco": HotEval, "faster-coco-eval": COCOeval_faster}

    def evaluation(kind, pair):
        def run():
            evaluated = kind(*pair, "keypoints")
            evaluated.evaluate()
            evaluated.accumulate()
            return evaluated

        return quietly(run)

    ours = evaluation(COCOeval, data["pycocotools"])
    others = {name: evaluation(kind, data[name]) for name, kind in kinds.items()}
    expected = ours().eval["precision"]
    for name in ("pycocotools", "hotcoco"):
        precision = np.asarray(others[name]().eval["precision"]).reshape(expected.shape)
        np.testing.assert_allclose(precision, expected, rtol=0, atol=1e-9, err_msg=name)
    compare("COCOeval: evaluate, accumulate", **PROTOCOL)(ours, others)


def test_loading(compare, files):
    """Not ours: what stands before an evaluation. pycocotools' objects are what ours takes."""
    load = loaders(files)
    compare("reading both JSON files with pycocotools", **PROTOCOL)(load.pop("pycocotools"), load)
