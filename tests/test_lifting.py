from __future__ import annotations

import numpy as np
import pytest
import torch

from python_models.evaluation import lifting
from python_models.evaluation.lift_baselines import Baselines, picture_pose
from python_models.lifter_task import KNEE_ANGLE, SIZED, LifterTask
from python_models.motion.lifter_pairs import LifterPairs
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.motion.views import MotionViews, PictureViews
from tests.lifter_inputs import legs, squat


def views(motions, **options):
    return MotionViews(motions, LOWER_BODY_6, LOWER_BODY_6, **options)


@pytest.fixture(scope="module")
def data():
    """Two persons to train on, and one who is 20 % larger in two exercises."""
    train = LifterPairs(views([squat("a"), squat("b")], cameras_per_pose=20))
    scored = [squat("c", 30, length=480.0), squat("c", 10, "lunge", length=480.0)]
    return train, LifterPairs(views(scored, cameras_per_pose=2))


def test_the_constant_pose_is_the_mean_of_the_training_data(data):
    train, val = data
    baselines = Baselines.fit(LifterTask(), train)
    batch = train.batch([(0, n) for n in range(len(train))])
    mean = batch["targets"].double().mean(0).float()
    torch.testing.assert_close(baselines.mean_pose, mean, atol=1e-2, rtol=0)  # 1600 float32
    assert torch.equal(baselines.constant(val.batch([(0, 3)]))[0], baselines.mean_pose)


def flat_views(scale):
    """Someone seen from so far that the picture is the pose, in pixels of `scale` mm."""
    points = np.stack([legs([n])[0][:, [1, 2, 0]] * [1, -1, 1] for n in range(10, 90, 10)])
    keypoints = points[..., :2] / scale + 400
    names = [str(n) for n in range(len(points))]
    return LifterPairs(
        PictureViews(keypoints, points, np.array([1000, 1000]), LOWER_BODY_6, LOWER_BODY_6,
                     subjects=names, actions=["bend"] * len(names), names=names)
    )  # fmt: skip


def test_2d_only_takes_the_picture_for_the_body():
    data = flat_views(2.0)
    task = LifterTask()
    baselines = Baselines.fit(task, data)
    batch = data.batch([(0, n) for n in range(len(data))])
    flat = baselines.flat(batch)
    assert not flat[..., 2].any()
    seen = picture_pose(task, batch)
    roots = seen[:, [0, 3]].mean(1)
    assert roots.abs().max() < 1e-6
    # One unit for all fits best: no other does better.
    truth = batch["targets"].double()[..., :2]

    def squares(unit):
        return ((seen * unit - truth) ** 2).sum().item()

    best = squares(baselines.unit)
    assert best < min(squares(baselines.unit * 1.01), squares(baselines.unit * 0.99))


def test_the_limit_is_the_true_pose_at_an_average_size(data):
    train, val = data
    task = LifterTask()
    baselines = Baselines.fit(task, train)
    batch = val.batch([(0, n) for n in range(len(val))])
    sized = baselines.average_size(batch)
    errors = task.errors(sized, batch)
    assert errors[SIZED].max() < 1e-3
    assert errors["n_mpjpe"].max() < 1e-3
    assert errors[KNEE_ANGLE].max() < 1e-3
    # Legs 20 % longer than those trained on; hips are as far apart: they make up 1 of 9 parts.
    torch.testing.assert_close(sized * 1.2, batch["targets"], atol=0.1, rtol=1e-4)


def test_a_table_has_each_exercise_and_all(data):
    train, val = data
    task = LifterTask()

    class Perfect:
        def __init__(self):
            self.calls = iter(val.batches([[(0, n) for n in range(len(val))]]))

        def __call__(self, _):
            return next(self.calls)["targets"]

    comparison = lifting.compare(Perfect(), task, Baselines.fit(task, train), val)
    rows = comparison.rows()
    assert {name: int(found.sum()) for name, found in rows.items()} == {
        "deep squat": 60, "lunge": 20, "all": 80,
    }  # fmt: skip
    for name in rows:
        assert comparison.mean(lifting.LIFTER, "mpjpe", rows[name]) == 0
        assert comparison.mean(lifting.CONSTANT, "mpjpe", rows[name]) > 50
        assert comparison.mean(lifting.PICTURE, KNEE_ANGLE, rows[name]) > 1
    parts = [comparison.mean(lifting.PICTURE, "mpjpe", rows[name]) for name in rows]
    assert parts[2] == pytest.approx((60 * parts[0] + 20 * parts[1]) / 80)
    text = lifting.table(comparison)
    assert text.count(lifting.LIFTER) == text.count(lifting.CONSTANT) == 3
    assert text.count(lifting.LIMIT) == 1
    results = lifting.results(comparison)
    assert results["lunge"]["pairs"] == 20
    assert results["all"][lifting.LIFTER]["mpjpe"] == 0


def test_one_exercise_is_one_row(data):
    train, _ = data
    comparison = lifting.compare(
        lambda inputs: torch.zeros(len(inputs), 6, 3), LifterTask(),
        Baselines.fit(LifterTask(), train), train,
    )  # fmt: skip
    assert [*comparison.rows()] == ["deep squat"]
    assert lifting.LIMIT in lifting.table(comparison)


def test_sizes_are_those_of_the_bones_and_errors_are_listed_by_them(data):
    train, val = data
    task = LifterTask()
    comparison = lifting.compare(lambda inputs: inputs.new_ones(len(inputs), 6, 3), task,
                                 Baselines.fit(task, train), val)  # fmt: skip
    np.testing.assert_allclose(comparison.sizes, 480 / 400, rtol=1e-5)  # float32
    errors = {
        method: {"mpjpe": np.array([1.0, 2.0, 3.0, 4.0, np.nan]) * factor}
        for factor, method in enumerate(lifting.METHODS, 1)
    }
    sizes = np.array([1.02, 0.96, 0.93, 1.3, 0.5])
    made_up = lifting.Comparison(errors, sizes, ["squat"] * 5, ["one"] * 5)
    assert lifting.size_table(made_up).splitlines()[4:] == [
        "| 0% to 5% off | 2 | 1.5 | 6.0 |",
        "| 5% to 10% off | 1 | 3.0 | 12.0 |",
        "| more than 10% off | 2 | 4.0 | 16.0 |",
    ]
