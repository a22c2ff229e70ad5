"""COCO's keypoint evaluation against pycocotools and its successors.

On real people where LOWERPOSE_DATA names a folder that has them, else on as many that are made up:
the times are nearly the same, since they follow the numbers of people and detections.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.packages import needs

needs("pycocotools.coco", "pycocotools")  # its objects are what ours takes

from lowerpose_ops.compat.cocoeval import COCOeval  # noqa: E402
from tests.coco_detections import perturbed  # noqa: E402

# pycocotools takes seconds: a call a turn, and few of them.
PROTOCOL = {"rounds": 7, "warmup": 1, "turn": 0.0}
IMAGES, PEOPLE = 538, 2213


def made_up_people():
    """A COCO file's content: as many people in as many images as in the real one."""
    rng = np.random.default_rng(0)
    people = []
    for number in range(PEOPLE):
        x, y, width, height = *rng.uniform(0, 300, 2), *rng.uniform(20, 300, 2)
        joints = np.concatenate(
            [rng.uniform((x, y), (x + width, y + height), (17, 2)), rng.integers(0, 3, (17, 1))], 1
        )
        people.append(
            {
                "id": number + 1,
                "image_id": int(rng.integers(1, IMAGES + 1)),
                "category_id": 1,
                "iscrowd": 0,
                "area": width * height / 2,
                "bbox": [x, y, width, height],
                "keypoints": joints.round(1).ravel().tolist(),
                "num_keypoints": int((joints[:, 2] > 0).sum()),
            }
        )
    images = [{"id": number + 1, "width": 640, "height": 480} for number in range(IMAGES)]
    return {
        "images": images,
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
        "info": {},
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """People, 12 detections of nearly each in any order, and what they are."""
    folder = tmp_path_factory.mktemp("keypoint_ap")
    if "LOWERPOSE_DATA" in os.environ:
        data = Path(os.environ["LOWERPOSE_DATA"])
        truth = data / "coco-val538/person_keypoints_val2017_538img.json"
        title = f"{IMAGES} images of val2017"
    else:
        truth, title = folder / "people.json", f"{IMAGES} made-up images"
        truth.write_text(json.dumps(made_up_people()))
    detections = folder / "detections.json"
    people = json.loads(truth.read_text())["annotations"]
    detections.write_text(json.dumps(perturbed(people, 0)))
    return str(truth), str(detections), title


def quietly(run):
    def silent():
        with contextlib.redirect_stdout(io.StringIO()):
            return run()

    return silent


# Where the objects of a package are, what they are called, and how far its numbers may be from
# ours. faster-coco-eval draws its recall curve from other points.
PEERS = {
    "pycocotools": (
        *("pycocotools.coco", "loadRes"),
        *("pycocotools.cocoeval", "COCOeval", 1e-9),
    ),
    "hotcoco": ("hotcoco", "load_res", "hotcoco", "COCOeval", 1e-9),
    "faster-coco-eval": (
        *("faster_coco_eval", "loadRes"),
        *("faster_coco_eval", "COCOeval_faster", None),
    ),
}


def loading(peer, files):
    module, results, *_ = PEERS[peer]
    kind = needs(module, peer).COCO

    def both():
        data = kind(files[0])
        return data, getattr(data, results)(files[1])

    return quietly(both)


def evaluation(kind, pair):
    def run():
        evaluated = kind(*pair, "keypoints")
        evaluated.evaluate()
        evaluated.accumulate()
        return evaluated

    return quietly(run)


@pytest.mark.parametrize("peer", PEERS)
def test_evaluate_and_accumulate(compare, files, peer):
    *_, module, kind, tolerance = PEERS[peer]
    theirs = evaluation(getattr(needs(module, peer), kind), loading(peer, files)())
    ours = evaluation(COCOeval, loading("pycocotools", files)())

    def same_precision(name, own, other):
        expected = np.asarray(own.eval["precision"])
        precision = np.asarray(other.eval["precision"]).reshape(expected.shape)
        atol = 0.02 if tolerance is None else tolerance
        np.testing.assert_allclose(precision, expected, rtol=0, atol=atol, err_msg=name)

    compare("COCOeval: evaluate, accumulate", size=files[2], same=same_precision, **PROTOCOL)(
        ours, {peer: theirs}
    )


@pytest.mark.parametrize("peer", ["hotcoco", "faster-coco-eval"])
def test_loading(compare, files, peer):
    """Not ours: what stands before an evaluation."""
    own, other = loading("pycocotools", files), loading(peer, files)
    options = PROTOCOL | {"rounds": 3}
    compare("reading both JSON files with pycocotools", size=files[2], **options)(
        own, {peer: other}
    )
