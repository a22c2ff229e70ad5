"""COCOeval of the package beside pycocotools' own."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.cocoeval import COCOeval as Original

from lowerpose_ops.compat.cocoeval import COCOeval
from tests.coco_detections import coco, perturbed, results

# Both add and divide in the same order; only the last bits of exp differ.
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def val538(data_folder: Path) -> dict[str, Any]:
    path = data_folder / "coco-val538" / "person_keypoints_val2017_538img.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return json.loads(path.read_text())


def run(kind: type, truth: Any, found: Any, *, sigmas: Any = None, **changes: Any) -> Any:
    evaluation = kind(truth, found, "keypoints")
    if sigmas is not None:
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
    for name, value in changes.items():
        setattr(evaluation.params, name, copy.deepcopy(value))
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def assert_same_tables(ours: Any, theirs: Any) -> None:
    assert list(ours.ious) == list(theirs.ious)
    for pair, values in theirs.ious.items():
        assert type(ours.ious[pair]) is type(values)
        np.testing.assert_allclose(ours.ious[pair], values, rtol=0, atol=TOLERANCE)
    assert len(ours.evalImgs) == len(theirs.evalImgs)
    for own, other in zip(ours.evalImgs, theirs.evalImgs, strict=True):
        assert (own is None) == (other is None)
        if other is None:
            continue
        assert list(own) == list(other)
        for name, value in other.items():
            assert type(own[name]) is type(value), name
            if isinstance(value, np.ndarray):
                assert own[name].dtype == value.dtype, name
            np.testing.assert_array_equal(own[name], value, err_msg=name)


def assert_same(ours: Any, theirs: Any, *, tables: bool = True) -> None:
    assert list(ours.eval) == list(theirs.eval)
    assert ours.eval["counts"] == theirs.eval["counts"]
    for name in ("precision", "recall", "scores"):
        assert ours.eval[name].shape == theirs.eval[name].shape
        np.testing.assert_allclose(
            ours.eval[name], theirs.eval[name], rtol=0, atol=TOLERANCE, err_msg=name
        )
    if tables:
        assert_same_tables(ours, theirs)


def compare(truth: Any, found: Any, **changes: Any) -> Any:
    ours = run(COCOeval, truth, found, **changes)
    assert_same(ours, run(Original, truth, found, **changes))
    return ours


def test_the_published_numbers(data_folder, capsys):
    folder = data_folder / "coco-fake100"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    rows = json.loads((folder / "person_keypoints_val2014_first100_rebuilt.json").read_text())
    truth = coco(rows["annotations"], rows["images"], rows["categories"])
    found = json.loads(
        (folder / "person_keypoints_val2014_fakekeypoints100_results.json").read_text()
    )
    evaluation = run(COCOeval, truth, results(truth, found))
    capsys.readouterr()
    evaluation.summarize()
    printed = capsys.readouterr().out
    published = (folder / "val2014_fake_eval_res.txt").read_text().split("type=keypoints")[1]
    lines = [" ".join(line.split()) for line in published.splitlines() if "@[" in line]
    # The published file is of an older pycocotools, which has other spaces.
    assert [" ".join(line.split()) for line in printed.splitlines()] == lines
    assert evaluation.stats.shape == (10,)


@pytest.mark.parametrize("seed", range(4))
def test_real_people(val538, seed, capsys):
    """Crowds, missing joints, equal scores, images without people or without detections."""
    images = [*(image["id"] for image in val538["images"]), 10**7, 10**7 + 1]
    truth = coco(val538["annotations"], images)
    found = perturbed(val538["annotations"], seed, boxes=seed % 2 == 1, strays=images[-2:])
    detections = results(truth, found)
    before = copy.deepcopy(val538["annotations"][:50])
    ours = run(COCOeval, truth, detections)
    assert val538["annotations"][:50] == before  # pycocotools writes into them
    theirs = run(Original, copy.deepcopy(truth), detections)
    assert_same(ours, theirs, tables=seed < 2)
    capsys.readouterr()
    ours.summarize()
    own = capsys.readouterr().out
    theirs.summarize()
    assert own == capsys.readouterr().out
    np.testing.assert_allclose(ours.stats, theirs.stats, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"areaRng": [[0, 1e10], [0, 50**2], [50**2, 51**2], [1e6, 1e10]]},
        {"maxDets": [5, 1, 20, 100]},
        {"useCats": 0},
        {"iouThrs": np.array([0.05, 0.5, 0.999, 1.0])},
        {"iouThrs": np.array([0.9, np.nan, 0.1, -2.0])},
        # More than fit into a word of bits, and not rising.
        {"iouThrs": np.random.default_rng(4).permutation(np.linspace(0, 1, 130))},
        {"recThrs": np.array([0.0, 0.3, 0.30000001, 0.99])},
        {"recThrs": np.array([0.9, 0.1, 0.5])},  # not rising
        {"recThrs": np.array([0.1, 2.0, 0.2])},  # nothing after the first that is out of reach
        {"catIds": []},
        {"imgIds": []},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_other_parameters(val538, changes):
    truth = coco(val538["annotations"], val538["images"])
    found = results(truth, perturbed(val538["annotations"][:300], 3))
    compare(truth, found, **changes)


def test_some_of_the_images(val538):
    truth = coco(val538["annotations"], val538["images"])
    found = results(truth, perturbed(val538["annotations"], 4, 3))
    ids = [image["id"] for image in val538["images"]]
    ours = compare(truth, found, imgIds=[*ids[100:300], ids[150], 5])
    theirs = run(Original, truth, found, imgIds=ids[100:300])
    # Fewer of everything than was evaluated.
    for evaluation in (ours, theirs):
        p = copy.deepcopy(evaluation.params)
        p.imgIds, p.areaRng = p.imgIds[:100], p.areaRng[:1]
        evaluation.accumulate(p)
    assert ours.eval["counts"] == theirs.eval["counts"]


def several_categories(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = copy.deepcopy(rows)
    for place, row in enumerate(rows):
        row["category_id"] = (7, 1, 3)[place % 3]
    return rows


@pytest.mark.parametrize(
    "changes", [{}, {"useCats": 0}, {"catIds": [7, 3]}, {"catIds": [7, 12]}], ids=str
)
def test_several_categories(val538, changes):
    rows = several_categories(val538["annotations"][:400])
    truth = coco(
        rows, val538["images"], [{"id": kind, "name": str(kind)} for kind in (7, 1, 3, 12)]
    )
    compare(truth, results(truth, perturbed(rows, 5, 4)), **changes)


def test_six_joints_with_their_own_sigmas(val538):
    rows = copy.deepcopy([row for row in val538["annotations"] if row["num_keypoints"]])
    for row in rows:
        joints = np.array(row["keypoints"]).reshape(17, 3)[11:]
        row["keypoints"] = joints.ravel().tolist()
        row["num_keypoints"] = int((joints[:, 2] > 0).sum())
    truth = coco(rows, val538["images"])
    found = results(truth, perturbed(rows, 6, 4))
    ours = compare(truth, found, sigmas=[0.107, 0.087, 0.089] * 2)
    given = COCOeval(truth, found, "keypoints", [0.107, 0.087, 0.089] * 2)
    given.evaluate()
    given.accumulate()
    np.testing.assert_array_equal(given.eval["precision"], ours.eval["precision"])
    with pytest.raises(ValueError, match="kpt_oks_sigmas must be one number a joint, 6"):
        COCOeval(truth, found).evaluate()
    for wrong in (0.0, -1.0, np.nan, np.inf, 1e-200, 1e200):
        with pytest.raises(ValueError, match="kpt_oks_sigmas must be positive and finite"):
            COCOeval(truth, found, "keypoints", [0.1] * 5 + [wrong]).evaluate()


numbers = st.sampled_from([0.0, 1.0, 2.0, 10.0, 32.0, 33.0, 40.0, 96.0])
joints = st.lists(st.tuples(numbers, numbers, st.sampled_from([0, 1, 2])), min_size=3, max_size=3)


@st.composite
def data_sets(draw: Any) -> tuple[list[Any], list[Any]]:
    """A few people and detections on three images: many equal scores, places and areas."""
    people, found = [], []
    for identifier in range(1, draw(st.integers(0, 6)) + 1):
        points = draw(joints)
        people.append(
            {
                "id": identifier,
                "image_id": draw(st.sampled_from([1, 2, 3])),
                "category_id": draw(st.sampled_from([1, 2])),
                "iscrowd": draw(st.sampled_from([0, 0, 0, 1])),
                "area": draw(st.sampled_from([0.0, 500.0, 1024.0, 5000.0, 9216.0, 9217.0])),
                "bbox": [draw(numbers) for _ in range(4)],
                "num_keypoints": sum(v > 0 for *_, v in points),
                "keypoints": [value for point in points for value in point],
            }
        )
    scores = st.sampled_from([0.1, 0.5, 0.5, 0.9, 1, float("nan"), -3.0, float("inf")])
    for _ in range(draw(st.integers(1, 10))):
        copied = people and draw(st.booleans())
        points = draw(st.sampled_from(people))["keypoints"] if copied else sum(draw(joints), ())
        found.append(
            {
                "image_id": draw(st.sampled_from([1, 2, 3])),
                "category_id": draw(st.sampled_from([1, 2])),
                "keypoints": list(points),
                "score": draw(scores),
            }
        )
    return people, found


@given(data=data_sets(), use_cats=st.sampled_from([1, 1, 1, 0]), most=st.sampled_from([1, 3, 20]))
def test_small_data_sets(data, use_cats, most):
    people, found = data
    truth = coco(people, [1, 2, 3], [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    compare(
        truth,
        results(truth, found),
        sigmas=[0.5, 1.0, 0.2],
        useCats=use_cats,
        maxDets=[1, most],
    )


@pytest.mark.parametrize("coordinate", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("labelled", [0, 2])
def test_coordinates_that_are_none(coordinate, labelled):
    points = [[1.0, 1.0, labelled]] * 3
    person = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "area": 2000.0,
        "bbox": [0.0, 0.0, 9.0, 9.0],
        "num_keypoints": 3,
        "keypoints": [*points[0], *points[1], *points[2]],
    }
    truth = coco([person], [1])
    found = [
        {"image_id": 1, "category_id": 1, "score": 0.5, "keypoints": [coordinate, 1.0, 1.0] * 3},
        {"image_id": 1, "category_id": 1, "score": 0.4, "keypoints": [1.0, 1.0, 1.0] * 3},
    ]
    compare(truth, results(truth, found), sigmas=[0.1] * 3)


def test_more_joints_than_are_added_at_once():
    rng = np.random.default_rng(0)
    person = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "area": 2000.0,
        "bbox": [0.0, 0.0, 50.0, 50.0],
        "num_keypoints": 200,
        "keypoints": np.c_[rng.uniform(0, 50, (300, 2)), np.arange(300) % 3].ravel().tolist(),
    }
    truth = coco([person], [1])
    compare(truth, results(truth, perturbed([person], 0, 30, absent=0)), sigmas=[0.1] * 300)


def test_any_object_with_the_two_methods(val538):
    class Store:
        def __init__(self, data: Any) -> None:
            self.data = data

        def getImgIds(self) -> list[int]:  # noqa: N802
            return list(self.data.imgs)

        def getCatIds(self) -> list[int]:  # noqa: N802
            return list(self.data.cats)

        def getAnnIds(self, imgIds: Any) -> list[int]:  # noqa: N802, N803
            return self.data.getAnnIds(imgIds=imgIds)

        def loadAnns(self, ids: Any) -> list[Any]:  # noqa: N802
            return self.data.loadAnns(ids)

    truth = coco(val538["annotations"], val538["images"])
    found = results(truth, perturbed(val538["annotations"][:300], 7))
    assert_same(run(COCOeval, Store(truth), Store(found)), run(Original, truth, found))


def test_annotations_that_share_an_id(val538):
    rows = copy.deepcopy(val538["annotations"][:40])
    rows[1]["id"] = rows[0]["id"]
    truth = coco(rows, val538["images"])
    compare(truth, results(truth, perturbed(rows, 8, 4)))


@pytest.mark.parametrize("change", ["score", "area", "id", "keypoints", "image_id", "category_id"])
def test_what_an_annotation_must_have(val538, change):
    rows = copy.deepcopy(val538["annotations"][:5])
    truth = coco(rows, val538["images"])
    found = results(truth, perturbed(rows, 9, 2, absent=0))
    del found.dataset["annotations"][1][change]
    with pytest.raises(KeyError, match=f"annotation 1 has no '{change}'"):
        COCOeval(truth, found).evaluate()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"keypoints": "abc"}, ValueError, "must be 51 numbers, got 3"),
        ({"keypoints": [None] * 51}, TypeError, "must be 51 numbers, got a NoneType"),
        ({"keypoints": 3}, TypeError, "must be 51 numbers, got int"),
        ({"score": "high"}, TypeError, "'score' of annotation 1 must be a number, got str"),
        ({"image_id": []}, TypeError, "unhashable"),
    ],
)
def test_what_an_annotation_must_be(val538, change, error, message):
    rows = copy.deepcopy(val538["annotations"][:5])
    truth = coco(rows, val538["images"])
    found = results(truth, perturbed(rows, 9, 2, absent=0))
    found.dataset["annotations"][1].update(change)
    with pytest.raises(error, match=message):
        COCOeval(truth, found).evaluate()


def test_refusals():
    for kind in ("bbox", "segm", None, "keypoints_crowd"):
        with pytest.raises(ValueError, match="COCOeval: iouType must be 'keypoints'"):
            COCOeval(None, None, kind)
    with pytest.raises(ValueError, match="COCOeval: preset must be 'coco' or 'xtcoco'"):
        COCOeval(preset="lvis")
    with pytest.raises(ValueError, match="COCOeval: zero_ids must be"):
        COCOeval(zero_ids="no")
    with pytest.raises(RuntimeError, match=r"evaluate\(\) first"):
        COCOeval().accumulate()
    with pytest.raises(RuntimeError, match=r"accumulate\(\) first"):
        COCOeval().summarize()
    assert COCOeval().ious == {}
    assert COCOeval().evalImgs == []
    truth = coco([], [1])
    evaluation = run(COCOeval, truth, truth)
    evaluation.params.iouThrs = evaluation.params.iouThrs[:3]
    with pytest.raises(ValueError, match=r"params\.iouThrs must be those of evaluate"):
        evaluation.accumulate()
    evaluation.params.iouType = "bbox"
    with pytest.raises(ValueError, match="iouType must be 'keypoints'"):
        evaluation.evaluate()


@pytest.mark.parametrize("labels", [["all"], ["all", "medium", "large", "huge"]])
def test_labels_of_other_ranges_than_there_are(val538, labels, capsys):
    """A range without a label is not found, and has -1."""
    images = [image["id"] for image in val538["images"][:40]]
    rows = [row for row in val538["annotations"] if row["image_id"] in images]
    truth = coco(rows, images)
    detections = results(truth, perturbed(rows, 0))
    printed = []
    for kind in (COCOeval, Original):
        evaluation = run(kind, copy.deepcopy(truth), detections, areaRngLbl=labels)
        capsys.readouterr()
        evaluation.summarize()
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_what_nobody_asked_for_is_not_read(val538):
    """A detection of another category, which has no keypoints; annotations in a tuple."""
    images = [image["id"] for image in val538["images"][:40]]
    rows = [row for row in val538["annotations"] if row["image_id"] in images]
    found = perturbed(rows, 0)
    truth = coco(rows, images)
    detections = results(truth, found)
    expected = run(COCOeval, truth, detections, catIds=[1])
    other = {"id": 10**6, "image_id": images[0], "category_id": 3, "score": 1.0, "area": 9.0}
    detections.dataset["annotations"] = (*detections.dataset["annotations"], other)
    detections.createIndex()
    for preset in ("coco", "xtcoco"):
        ours = COCOeval(truth, detections, "keypoints", preset=preset)
        ours.params.catIds = [1]
        ours.evaluate()
        ours.accumulate()
        np.testing.assert_array_equal(ours.eval["precision"], expected.eval["precision"])


def test_parameters_are_those_of_pycocotools():
    ours, theirs = COCOeval().params, Original(iouType="keypoints").params
    assert vars(ours).keys() == vars(theirs).keys()
    for name, value in vars(theirs).items():
        np.testing.assert_array_equal(getattr(ours, name), value, err_msg=name)
