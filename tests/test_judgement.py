"""Keypoints to an analysis: gaps, smoothing, lifting."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from python_models.analysis.analysis import analyse
from python_models.motion.skeletons import COCO_17, HUMAN36M_17, LOWER_BODY_6
from python_models.prediction.tracks import scaled_one_euro
from python_models.presentation.judgement import FLAT, LEVEL, LIFTED, judge, smoothed
from python_models.presentation.keypoints import Keypoints
from python_models.presentation.lifter_error import lifter_deviation
from python_models.presentation.person_choice import Follower, overlap
from python_models.training import checkpoint
from tests import squat_keypoints as squats

JOINTS, PIXELS, FLEXIONS = squats.squats(azimuth=45.0)
LEG = [f"left_{joint}" for joint in ("hip", "knee", "ankle")]


def keypoints(points=PIXELS, **fields):
    count = len(points)
    names = tuple(map(str, range(count)))
    sizes = (squats.SIZE,) * count
    rest = {"scores": None, "frame_rate": squats.FPS, "image_sizes": sizes, "names": names}
    return Keypoints(points=points, skeleton=COCO_17, **{**rest, **fields})


class ExactLifter:
    """Knows the truth; looks frames up by the pixels that it is given."""

    source = COCO_17
    target = COCO_17
    calibrated = False

    def __init__(self, *, fills_gaps=False):
        camera = squats.side_camera(45.0)
        self.joints = camera.to_camera(JOINTS.reshape(-1, 3)).reshape(JOINTS.shape)
        self.fills_gaps = fills_gaps
        self.sizes, self.focal = [], None

    def lift(self, points, size, focal=None):
        self.focal = focal
        self.sizes += np.unique(size, axis=0).tolist()
        result = np.full((len(points), 17, 3), np.nan)
        for frame, pose in enumerate(points):
            known = np.isfinite(pose).all(1)
            if known.any() and (known.all() or self.fills_gaps):
                distances = np.abs(PIXELS[:, known] - pose[known]).sum((1, 2))
                result[frame] = self.joints[np.argmin(distances)]
        return result


def knee(judged):
    curves = judged.analysis.curves
    return np.stack([curves[f"{side}_knee_flexion"].values for side in ("left", "right")], 1)


def test_lifted_angles_are_the_bodys():
    lifter = ExactLifter()
    judged = judge(keypoints(), "a", analyse, lifter=lifter, lifter_deviation=10.0)
    # The deepest of two equal moments, and rounding.
    assert np.abs(knee(judged) - FLEXIONS).max() < 1e-6
    assert judged.analysis.dimensions == 3
    assert judged.in_picture is not None
    assert np.nanmax(np.abs(judged.in_picture.curves["left_knee_flexion"].values
                            - FLEXIONS[:, 0])) > 5  # fmt: skip
    assert lifter.sizes == [list(squats.SIZE)]
    assert LIFTED in judged.notes
    assert FLAT not in judged.notes
    deviation = judged.analysis.curves["left_knee_flexion"].deviation
    # 10 mm at both ends of bones of 400 mm: a few degrees.
    assert 1 < np.nanmedian(deviation) < 6


def test_pictures_of_several_sizes_are_lifted_each_by_its_own():
    lifter = ExactLifter()
    sizes = (squats.SIZE,) * 45 + ((640, 480),) * 45
    judge(keypoints(image_sizes=sizes), "a", analyse, lifter=lifter)
    assert sorted(lifter.sizes) == sorted([list(squats.SIZE), [640, 480]])


@pytest.mark.parametrize("fills_gaps", [False, True])
def test_what_is_not_relied_on_is_not_lifted(fills_gaps):
    points = PIXELS.copy()
    swapped = COCO_17.indices(*LEG), COCO_17.indices(*(j.replace("left", "right") for j in LEG))
    points[40:44, swapped[0]], points[40:44, swapped[1]] = (
        points[40:44, swapped[1]],
        points[40:44, swapped[0]],
    )
    points[60, COCO_17.index("left_knee")] = np.nan
    lifter = ExactLifter(fills_gaps=fills_gaps)
    judged = judge(keypoints(points), "a", analyse, lifter=lifter)
    gaps = np.flatnonzero(np.isnan(knee(judged)[:, 0])).tolist()
    assert gaps == [40, 41, 42, 43, 60]
    rest = np.delete(np.arange(len(points)), gaps)
    assert np.abs(knee(judged) - FLEXIONS)[rest].max() < 1e-6
    kinds = {(i.kind, i.first, i.last) for i in judged.analysis.reliability.issues}
    assert {("swap", 40, 43), ("missing", 60, 60)} <= kinds
    # The other leg is known in frame 60 only if a lifter can do without the knee.
    assert np.isfinite(knee(judged)[60, 1]) == fills_gaps
    assert np.isnan(judged.shown[41, swapped[0]]).all()


def test_knees_that_are_exchanged_are_not_lifted():
    knees = COCO_17.indices("left_knee", "right_knee")
    points = PIXELS.copy()
    points[:, knees] = PIXELS[:, knees[::-1]]
    judged = judge(keypoints(points), "a", analyse, lifter=ExactLifter(fills_gaps=True))
    assert np.isnan(knee(judged)).all()
    assert {issue.kind for issue in judged.analysis.reliability.issues} == {"sides-alike"}


def test_an_upper_body_that_contradicts_is_told_of_a_lifted_pose_too():
    words = "left shoulder lies on the side of the right hip"
    shoulders = COCO_17.indices("left_shoulder", "right_shoulder")
    points = PIXELS.copy()
    points[:, shoulders] = PIXELS[:, shoulders[::-1]]
    for given, told in ((PIXELS, False), (points, True)):
        judged = judge(keypoints(given), "a", analyse, lifter=ExactLifter())
        assert any(words in note for note in judged.notes) == told


def test_lifters_that_do_not_fit():
    exact = ExactLifter()
    world = keypoints(JOINTS, frame="world", image_sizes=None)
    with pytest.raises(ValueError, match="2D keypoints, got 3D"):
        judge(world, "a", analyse, lifter=exact)
    with pytest.raises(ValueError, match="image_size"):
        judge(keypoints(image_sizes=None), "a", analyse, lifter=exact)
    exact.source = HUMAN36M_17
    legs = dataclasses.replace(keypoints(PIXELS[:, squats.LOWER_BODY]), skeleton=LOWER_BODY_6)
    with pytest.raises(ValueError, match=r"needs .*'spine'.* lower-body-6 does not have"):
        judge(legs, "a", analyse, lifter=exact)


def test_a_lifter_is_told_the_focal_length_if_it_has_learnt_to_use_it():
    lifter = ExactLifter()
    judge(keypoints(focal=500.0), "a", analyse, lifter=lifter)
    assert lifter.focal is None
    lifter.calibrated = True
    judged = judge(keypoints(focal=500.0), "a", analyse, lifter=lifter)
    assert lifter.focal == 500
    assert any("focal length is taken to be 500 pixels" in note for note in judged.notes)
    with pytest.raises(ValueError, match=r"trained with known focal lengths: .*--focal"):
        judge(keypoints(), "a", analyse, lifter=lifter)
    turned = ((640, 480),) * 45 + ((480, 640),) * 45
    judge(keypoints(focal=500.0, image_sizes=turned), "a", analyse, lifter=lifter)
    scaled = ((640, 480),) * 45 + ((320, 240),) * 45
    with pytest.raises(ValueError, match="pictures of one size"):
        judge(keypoints(focal=500.0, image_sizes=scaled), "a", analyse, lifter=lifter)


def test_low_scores_are_gaps_in_2d_and_in_3d():
    scores = np.full(PIXELS.shape[:2], 0.9)
    scores[30:35, COCO_17.index("left_knee")] = 0.01
    flat = judge(keypoints(scores=scores), "a", analyse)
    solid = judge(keypoints(scores=scores), "a", analyse, lifter=ExactLifter())
    for judged in (flat, solid):
        assert np.isnan(knee(judged)[30:35, 0]).all()
        kinds = {(i.kind, i.first, i.last) for i in judged.analysis.reliability.issues}
        assert ("low-confidence", 30, 34) in kinds
    assert np.isfinite(knee(solid)[:30]).all()


def test_the_frame_says_where_up_is():
    world = keypoints(JOINTS, frame="world", image_sizes=None)
    camera = ExactLifter().joints
    level = keypoints(camera, frame="camera", image_sizes=None)
    leans = [
        judge(points, "a", analyse).analysis.curves["trunk_lean"].values
        for points in (world, level)
    ]
    assert np.allclose(*leans, atol=1e-6)  # this camera is level
    assert LEVEL not in judge(world, "a", analyse).notes
    assert LEVEL in judge(level, "a", analyse).notes


def test_smoothing_starts_anew_after_a_gap():
    rng = np.random.default_rng(0)
    points = np.full((40, 1, 2), 50.0) + rng.normal(0, 1, (40, 1, 2))
    points[20:25] = np.nan
    points[25:] += 500
    one_euro = scaled_one_euro(1.0, 20.0, 1.0)
    found = smoothed(points, 10.0, one_euro)
    assert np.array_equal(np.isnan(found), np.isnan(points))
    assert np.array_equal(found[[0, 25]], points[[0, 25]])  # a filter's first value is its input
    assert found[26:].min() > 540  # nothing of what was before
    assert np.std(found[:20]) < np.std(points[:20])
    with pytest.raises(ValueError, match="give --fps"):
        smoothed(points, None, one_euro)


def test_smoothing_trembles_less_and_keeps_the_angle():
    rng = np.random.default_rng(0)
    noisy = PIXELS + rng.normal(0, 0.7, PIXELS.shape)
    rough = judge(keypoints(noisy), "a", analyse)
    smooth = judge(keypoints(noisy), "a", analyse, smoothing=scaled_one_euro(1.0, 20.0, 1.0))
    exact = judge(keypoints(), "a", analyse)

    # Second differences of the angle: what trembling is.
    def trembling(judged):
        return np.nanmean(np.abs(np.diff(knee(judged)[:, 1], 2)))

    assert trembling(smooth) < 0.8 * trembling(rough)
    # It lags a little; within what the noise is worth.
    assert np.nanmean(np.abs(knee(smooth) - knee(exact))) < 5


# How far lifters are off


def test_the_error_of_the_best_epoch(tmp_path):
    rows = [
        {"mpjpe": 90.0, "n_mpjpe": 50.0},
        {"mpjpe": 80.0, "n_mpjpe": 60.0},
        {"mpjpe": float("nan"), "n_mpjpe": 1.0},
        {"train_loss": 1.0},
    ]
    checkpoint.save(tmp_path / "a.pt", {"rows": rows, "model": {}})
    deviation = lifter_deviation(tmp_path / "a.pt")
    # Errors of that deviation have that mean length. 40000 of them: to a hundredth.
    errors = np.random.default_rng(0).normal(0, deviation, (40000, 3))
    assert np.linalg.norm(errors, axis=1).mean() == pytest.approx(60, rel=0.01)
    for rows in ([], None, [{"mpjpe": "x"}], [7]):
        checkpoint.save(tmp_path / "b.pt", {"rows": rows, "model": {}})
        assert lifter_deviation(tmp_path / "b.pt") is None


# Who is looked at


def test_the_largest_is_followed():
    small, large, away = (0, 0, 10, 10), (100, 0, 40, 40), (400, 0, 80, 80)
    follow = Follower()
    assert follow([(0, small), (1, large)]) == 1
    assert follow([(0, (105, 2, 40, 40)), (1, away)]) == 0  # a larger one comes in
    assert follow([(0, away)]) is None  # and stays alone
    assert follow([]) is None
    assert follow([(0, away), (1, (110, 4, 40, 40))]) == 1
    assert (follow.most, follow.lost) == (2, 1)
    assert len(follow.notes()) == 2
    single = Follower(follow=False)
    assert single([(0, small), (1, large)]) == 1
    assert single([(0, small)]) == 0


@pytest.mark.parametrize("person", [None, 0])
def test_one_who_jumps_is_noted(person):
    follow = Follower(person)
    assert [follow([(0, (100.0 * n, 0, 10, 10))]) for n in range(3)] == [0, 0, 0]
    assert follow.jumps == 2
    assert ["another person" in note for note in follow.notes()] == [True]
    still = Follower(person)
    assert [still([(0, (2.0 * n, 0, 10, 10))]) for n in range(3)] == [0, 0, 0]
    assert still.notes() == []
    pictures = Follower(person, follow=False)
    assert [pictures([(0, (100.0 * n, 0, 10, 10))]) for n in range(3)] == [0, 0, 0]
    assert pictures.notes() == []


def test_a_number_is_a_person():
    follow = Follower(7)
    assert follow([(3, (0, 0, 90, 90)), (7, (0, 0, 1, 1))]) == 1
    assert follow([(3, (0, 0, 90, 90))]) is None


def test_overlap():
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0
