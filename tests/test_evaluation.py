from __future__ import annotations

import contextlib
import io
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn

import lowerpose_ops as lp
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.crop import Crop
from python_models.data.samples import loader
from python_models.decoding import (
    ALL_DECODINGS,
    REFINEMENTS,
    Decoding,
    decode_images,
    image_matrix,
)
from python_models.evaluation import report
from python_models.evaluation.evaluation import Evaluation, evaluate, find_joints
from python_models.evaluation.people import Found, mean_pose, people_of
from python_models.evaluation.person_scores import measure, measure_chosen, worst_first
from python_models.heatmap_task import HeatmapTask
from python_models.models.registry import MODELS
from python_models.whole_file import write_json
from tests import evaluation_scenes as scenes

TASK = HeatmapTask(input_size=scenes.INPUT)
CPU = torch.device("cpu")
# By hand, for a peak of 1 with 0 on its left and 0.5 on its right: where the maximum is moved.
OFFSETS = {"none": 0.0, "quarter": 0.25, "gradient": 0.25, "parabola": 1 / 6}


def open_data(root, **options):
    return CocoLowerBody.from_root(
        root, "val", input_size=scenes.INPUT, box_scale=scenes.BOX_SCALE, **options
    )


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    content = scenes.annotations()
    root = scenes.write(tmp_path_factory.mktemp("scene"), content)
    return content, root, scenes.peaks_near(content)


@pytest.fixture(scope="module")
def evaluated(scene):
    content, root, peaks = scene
    model = scenes.KnownHeatmaps(peaks)
    result = evaluate(model, TASK, open_data(root), Decoding("quarter"), device=CPU, batch_size=5)
    batches = -(-len(content["annotations"]) // 5)
    assert model.calls == 2 * batches, "one pass, and one over the mirror images"
    return result


def places(peaks, name):
    """Where a decoding finds the joints, in heatmap pixels."""
    refine, _, flip = name.partition(", ")
    if flip:
        assert refine == "none"
        return peaks.mirrored.astype(float)
    return peaks.plain + np.array([OFFSETS[refine], 0])


@pytest.mark.parametrize("name", [*OFFSETS, "none, flip"])
def test_every_number_is_that_of_plain_loops(scene, evaluated, name):
    content, _, peaks = scene
    scores = evaluated.methods[name]
    hits = {0.05: np.zeros(6, int), 0.1: np.zeros(6, int)}
    counted = np.zeros(6, int)
    input_sums, image_sums = np.zeros(6), np.zeros(6)
    for row, found in zip(content["annotations"], places(peaks, name), strict=True):
        for joint, (x, y, v) in enumerate(scenes.lower_body(row)):
            if v == 0:
                continue
            truth = scenes.to_input((x, y), row["bbox"])
            distance = math.dist(truth, 4 * found[joint])
            counted[joint] += 1
            input_sums[joint] += distance
            image_sums[joint] += math.dist((x, y), scenes.to_image(found[joint], row["bbox"]))
            for threshold in hits:
                hits[threshold][joint] += distance / 64 < threshold
    assert scores.persons == len(content["annotations"])
    assert scores.joints.tolist() == counted.tolist()
    for threshold, correct in hits.items():
        assert 0 < correct.sum() < counted.sum(), "a test that tells something"
        assert scores.pck[threshold].tolist() == (correct / counted).tolist()
        assert scores.pooled_pck[threshold] == correct.sum() / counted.sum()
    # The joints are float32: about 1e-7 of 200 pixels.
    np.testing.assert_allclose(scores.input_distances, input_sums / counted, rtol=0, atol=1e-4)
    np.testing.assert_allclose(scores.image_distances, image_sums / counted, rtol=0, atol=1e-4)
    assert scores.input_distance == pytest.approx(input_sums.sum() / counted.sum(), abs=1e-4)
    assert scores.image_distance == pytest.approx(image_sums.sum() / counted.sum(), abs=1e-4)


def test_all_decodings_are_side_by_side(evaluated):
    assert list(evaluated.methods) == [
        *REFINEMENTS,
        *(f"{refine}, flip" for refine in REFINEMENTS),
    ]
    assert len(REFINEMENTS) == 7


def coco_average_precision(content, results, path, *, six):
    """pycocotools on files: of six keypoints and six sigmas, or of 17 of which six are labelled."""
    rows = []
    for row in content["annotations"]:
        joints = scenes.lower_body(row)
        keypoints = np.zeros((17, 3))
        keypoints[list(scenes.LOWER_BODY)] = joints
        kept = joints if six else keypoints
        rows.append(
            {
                **row,
                "keypoints": kept.ravel().tolist(),
                "num_keypoints": int((joints[:, 2] > 0).sum()),
            }
        )
    found = [
        {**row, "keypoints": scenes.lower_body(row).ravel().tolist()} if six else row
        for row in results
    ]
    (path / "truth.json").write_text(json.dumps({**content, "annotations": rows}))
    (path / "found.json").write_text(json.dumps(found))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path / "truth.json"))
        scorer = COCOeval(truth, truth.loadRes(str(path / "found.json")), "keypoints")
        if six:
            scorer.params.kpt_oks_sigmas = np.array([0.107, 0.087, 0.089] * 2)
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return scorer.stats


def height_with_flip(peaks):
    """Half of a peak of 2, and half of the plain map's 1 or 0.5 where that is at the same place."""
    ahead = peaks.mirrored - peaks.plain
    level = ahead[..., 1] == 0
    return 1 + 0.5 * (level & (ahead[..., 0] == 0)) + 0.25 * (level & (ahead[..., 0] == 1))


@pytest.mark.parametrize("six", [True, False])
@pytest.mark.parametrize("name", ["quarter", "none, flip"])
def test_average_precision_is_that_of_pycocotools_on_the_written_file(scene, tmp_path, six, name):
    content, root, peaks = scene
    refine, _, flip = name.partition(", ")
    model = scenes.KnownHeatmaps(peaks)
    decoding = Decoding(refine, bool(flip))
    evaluated = evaluate(model, TASK, open_data(root), decoding, device=CPU)
    write_json(tmp_path / "coco_results.json", report.coco_results(evaluated))
    results = json.loads((tmp_path / "coco_results.json").read_text())
    heights = peaks.heights * (height_with_flip(peaks) if flip else 1)
    for row, height in zip(results, heights, strict=True):
        assert row["score"] == pytest.approx(height.mean(dtype=float), rel=1e-6)
    stats = coco_average_precision(content, results, tmp_path, six=six)
    ours = evaluated.scores.ap
    assert 0 < ours["AP"] < 1
    names = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
    np.testing.assert_allclose([ours[name] for name in names], stats, rtol=0, atol=1e-9)


def test_the_ratio_bins_hold_the_persons_of_their_area(scene, evaluated):
    content, _, peaks = scene
    sizes = {image["id"]: image["width"] * image["height"] for image in content["images"]}
    expected = {name: [0, 0, 0] for name in evaluated.ratios}
    for row, found in zip(content["annotations"], places(peaks, "quarter"), strict=True):
        ratio = row["bbox"][2] * row["bbox"][3] / sizes[row["image_id"]]
        name = (
            "below 0.05"
            if ratio < 0.05
            else "0.05 to 0.075"
            if ratio < 0.075
            else "0.075 to 0.1"
            if ratio < 0.1
            else "0.1 and up"
        )
        expected[name][0] += 1
        for joint, (x, y, v) in enumerate(scenes.lower_body(row)):
            if v:
                truth = scenes.to_input((x, y), row["bbox"])
                expected[name][1] += 1
                expected[name][2] += math.dist(truth, 4 * found[joint]) < 0.1 * 64
    assert sum(count > 0 for count, _, _ in expected.values()) >= 3
    for name, (persons, joints, hits) in expected.items():
        scores = evaluated.ratios[name]
        assert (scores.persons, scores.joints.sum()) == (persons, joints)
        if joints:
            assert scores.pooled_pck[0.1] == hits / joints
        else:
            assert math.isnan(scores.pooled_pck[0.1])


@given(
    st.floats(-50, 300),
    st.floats(-50, 300),
    st.floats(5, 400),
    st.floats(5, 400),
    st.integers(1, 8),
)
def test_heatmap_pixels_come_back_to_the_image(x, y, width, height, stride):
    task = HeatmapTask(input_size=(12 * stride, 16 * stride), stride=stride)
    crop = Crop(x, y, width, height)
    places = np.array([[0, 0], [3.25, 7.5], [11, 15]])
    found = lp.to_image(places, matrix=image_matrix(crop, task))
    for point, (heat_x, heat_y) in zip(found, places, strict=True):
        assert point[0] == pytest.approx(
            x + (heat_x * stride + 0.5) * width / (12 * stride) - 0.5, abs=1e-9
        )
        assert point[1] == pytest.approx(
            y + (heat_y * stride + 0.5) * height / (16 * stride) - 0.5, abs=1e-9
        )
    # And the crop's own way there; it gives float32.
    np.testing.assert_allclose(crop.points(found, task.input_size), places * stride, atol=1e-3)


class LeftHipOnly(nn.Module):
    """An asymmetric network: the brightness of every fourth pixel, for the left hip alone."""

    def forward(self, images):
        maps = torch.zeros(len(images), 6, *(side // 4 for side in images.shape[2:]))
        maps[:, 0] = images[:, 0, ::4, ::4].clamp(min=0)
        return maps


def test_the_flip_test_mirrors_exchanges_and_moves():
    images = torch.zeros(1, 3, 64, 48, dtype=torch.uint8)
    images[0, :, 20:24, 12:16] = 255
    plain, flipped = decode_images(
        LeftHipOnly(), TASK, images, [Decoding("none"), Decoding("none", flip=True)]
    )
    white = (1 - 0.485) / 0.229
    assert plain[0][0, 0].tolist() == [3, 5]
    assert plain[1][0].tolist() == pytest.approx([white, 0, 0, 0, 0, 0])
    # The mirrored image's left hip is the right one here, one pixel further to the right.
    assert flipped[0][0, 0].tolist() == [3, 5]
    assert flipped[0][0, 3].tolist() == [4, 5]
    assert flipped[1][0].tolist() == pytest.approx([white / 2, 0, 0, white / 2, 0, 0])


def test_without_a_flip_the_mirror_image_is_not_looked_at():
    class Counter(LeftHipOnly):
        calls = 0

        def forward(self, images):
            self.calls += 1
            return super().forward(images)

    model = Counter()
    images = torch.zeros(1, 3, 64, 48, dtype=torch.uint8)
    decode_images(model, TASK, images, [Decoding(refine) for refine in REFINEMENTS])
    assert model.calls == 1
    decode_images(model, TASK, images, ALL_DECODINGS)
    assert model.calls == 3


def test_the_blur_fits_the_targets():
    """The pairs that docs/decode_accuracy.md names, and widths that the operation takes."""
    for refine in ("dark", "dark_udp"):
        assert [HeatmapTask(sigma=sigma).blur_kernel(refine) for sigma in (2.0, 3.0)] == [11, 17]
    assert TASK.blur_kernel("none") is TASK.blur_kernel("log_parabola") is None
    for sigma in (0.1, 1.0, 1.5, 2.4, 8.0):
        kernel = HeatmapTask(sigma=sigma).blur_kernel("dark")
        assert kernel % 2 == 1
        assert 3 <= kernel <= 33


def test_maps_of_another_model_are_refused():
    images = torch.zeros(1, 3, 64, 48, dtype=torch.uint8)

    class Other(nn.Module):
        def __init__(self, *shape):
            super().__init__()
            self.shape = shape

        def forward(self, images):
            return torch.zeros(len(images), *self.shape)

    for shape in ((14, 16, 12), (6, 32, 24)):
        with pytest.raises(ValueError, match=r"must be \[1, 6, 16, 12\], got"):
            decode_images(Other(*shape), TASK, images, [Decoding("none")])


def test_a_person_counts_once_and_what_cannot_be_read_is_named(scene, tmp_path):
    content, _, _ = scene
    root = scenes.write(tmp_path, content)
    (root / "val2017" / "2.png").write_bytes(b"no picture")
    data = open_data(root)
    readable = [row for row in content["annotations"] if row["image_id"] != 2]
    peaks = scenes.peaks_near({**content, "annotations": readable})
    evaluated = evaluate(
        scenes.KnownHeatmaps(peaks), TASK, data, Decoding("none"), device=CPU, batch_size=3
    )
    assert evaluated.people.annotation_ids == [row["id"] for row in readable]
    assert evaluated.scores.persons == len(readable)
    assert len(evaluated.unreadable) == len(content["annotations"]) - len(readable)
    assert all("2.png" in line for line in evaluated.unreadable)
    batch = {"samples": None, "unreadable": []}
    with pytest.raises(ValueError, match="no image could be read"):
        find_joints(LeftHipOnly(), TASK, [batch], [Decoding("none")], CPU)
    sample = {
        "image": torch.zeros(1, 3, 64, 48, dtype=torch.uint8),
        "joints": torch.zeros(1, 6, 2),
        "visible": torch.ones(1, 6),
        "index": torch.tensor([3]),
    }
    twice = [{"samples": sample, "unreadable": []}] * 2
    with pytest.raises(ValueError, match="once"):
        find_joints(LeftHipOnly(), TASK, twice, [Decoding("none")], CPU)


def test_batches_and_workers_change_nothing(scene, evaluated):
    _, root, peaks = scene
    others = evaluate(
        *(scenes.KnownHeatmaps(peaks), TASK, open_data(root), Decoding("quarter")),
        device=CPU,
        batch_size=100,
        workers=2,
    )
    assert json.dumps(report.results(others)) == json.dumps(report.results(evaluated))


def test_pck_is_that_of_the_training_log(scene):
    _, root, _ = scene
    torch.manual_seed(0)
    model = MODELS["dilated_cnn"](num_joints=6).eval()
    task = HeatmapTask(input_size=scenes.INPUT, refine="quarter")
    data = open_data(root)
    (batch,) = loader(data, [list(range(len(data)))])
    with torch.no_grad():
        logged = task.score(model, [batch["samples"]], lambda sums: sums)
    evaluated = evaluate(model, task, data, Decoding("quarter"), device=CPU, batch_size=len(data))
    for threshold, value in evaluated.scores.pooled_pck.items():
        assert value == logged[f"pck_{threshold}"]


def test_the_mean_pose_is_over_the_visible_joints(scene):
    content, root, _ = scene
    data = open_data(root)
    people = people_of(data, range(len(data)), TASK)
    found = mean_pose(data, people, TASK)
    for joint in range(6):
        inputs = [
            scenes.to_input(scenes.lower_body(row)[joint, :2], row["bbox"])
            for row in content["annotations"]
            if scenes.lower_body(row)[joint, 2] > 0
        ]
        expected = np.mean(inputs, 0)
        for person in (0, len(data) - 1):
            np.testing.assert_allclose(found.input_joints(TASK)[person, joint], expected, atol=1e-4)


def test_the_worst_come_first(scene):
    _, root, _ = scene
    data = open_data(root)
    people = people_of(data, range(len(data)), TASK)
    joints = people.input_joints / 4
    joints[4] += (3, 4)  # 20 input pixels
    joints[2] += (0, 1)
    joints[1, people.visible[1] == 0] += 1000  # what nobody sees
    found = Found(joints, np.ones(joints.shape[:2], np.float32))
    order, distances = worst_first(people, found, TASK)
    assert order[:2].tolist() == [4, 2]
    assert distances[:3] == pytest.approx([20, 4, 0], abs=1e-4)
    assert order[2:4].tolist() == [0, 1], "equals keep their order"


def test_a_prediction_that_is_no_number_is_wrong_and_worst(scene):
    _, root, _ = scene
    data = open_data(root)
    people = people_of(data, range(len(data)), TASK)
    joints = people.input_joints / 4
    seen = int(people.visible.sum())
    joints[3] = np.nan
    found = Found(joints, np.ones(joints.shape[:2], np.float32))
    scores = measure(people, found, TASK)
    assert scores.pooled_pck[0.05] == (seen - people.visible[3].sum()) / seen
    assert scores.ap["AP"] < 1
    assert worst_first(people, found, TASK)[0][0] == 3
    decoding = Decoding("none")
    evaluated = Evaluation(TASK, people, decoding, found, {"none": scores}, {}, [])
    assert len(report.coco_results(evaluated)) == len(people) - 1
    text = json.dumps(report.as_json(scores), allow_nan=False)
    assert json.loads(text)["distance_input_pixels"]["all"] is None


def test_where_there_is_nobody_there_is_no_number(scene):
    _, root, _ = scene
    data = open_data(root)
    people = people_of(data, range(len(data)), TASK)
    found = Found(people.input_joints / 4, np.ones(people.visible.shape, np.float32))
    nobody = measure_chosen(people, found, TASK, np.zeros(len(people), bool))
    written = json.loads(json.dumps(report.as_json(nobody), allow_nan=False))
    assert written["persons"] == 0
    assert set(written["ap"].values()) == {None}
    assert set(written["pck"]["0.05"].values()) == {None}
    assert set(written["joints"].values()) == {0}
    assert "-1" not in report.ratios_table({"nobody": nobody})


def test_the_tables_have_the_numbers(evaluated):
    lines = report.tables(evaluated).splitlines()
    scores = evaluated.methods["dark, flip"]
    (line,) = (line for line in lines if line.startswith("dark, flip"))
    cells = line.removeprefix("dark, flip").split()
    assert cells[0] == f"{scores.pooled_pck[0.05]:.3f}"
    assert cells[2] == f"{scores.ap['AP']:.3f}"
    assert cells[-1] == f"{scores.image_distance:.2f}"
    (line,) = (line for line in lines if line.startswith("right ankle"))
    assert line.split()[2:] == [
        str(evaluated.scores.joints[5]),
        f"{evaluated.scores.pck[0.05][5]:.3f}",
        f"{evaluated.scores.pck[0.1][5]:.3f}",
        f"{evaluated.scores.input_distances[5]:.2f}",
        f"{evaluated.scores.image_distances[5]:.2f}",
    ]
