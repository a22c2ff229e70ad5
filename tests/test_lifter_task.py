from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from python_models.lifter_task import KNEE_ANGLE, SIZED, LifterTask
from python_models.models.lifters import LIFTERS, make_lifter
from python_models.models.standard_lifter import StandardLifter, predicted_joints
from python_models.motion import skeletons
from python_models.motion.skeletons import COCO_17, HUMAN36M_16, LOWER_BODY_6, MPII_16, skeleton
from tests.lifter_inputs import legs, pairs


def camera_legs(flexion):
    """[B, 6, 3] float32, relative to the middle of the hips, x right, y down."""
    x, y, z = np.moveaxis(legs(flexion), -1, 0)
    points = np.stack([-y, -z, x], -1)
    points -= points[:, [0, 3]].mean(1, keepdims=True)
    return torch.from_numpy(points).float()


def alone(values):
    return values


class Fixed(torch.nn.Module):
    def __init__(self, points):
        super().__init__()
        self.points = points

    def forward(self, _):
        return self.points


@pytest.mark.parametrize("name", LIFTERS)
@pytest.mark.parametrize(
    ("source", "target", "found"),
    [(MPII_16, HUMAN36M_16, 15), (LOWER_BODY_6, LOWER_BODY_6, 6), (COCO_17, LOWER_BODY_6, 6)],
)
def test_any_pair_of_skeletons(name, source, target, found):
    """16 keypoints to 15 points around the root, six to six around the middle of the hips."""
    assert len(predicted_joints(target)) == found
    if name != "martinez" and not set(target.joints) <= set(source.joints):
        with pytest.raises(ValueError, match="has no spine"):
            make_lifter(name, source, target, width=8)
        return
    model = make_lifter(name, source, target, width=8).eval()
    points = model(torch.randn(3, len(source), 2))
    assert points.shape == (3, len(target), 3)
    roots = [n for n, joint in enumerate(target.joints) if joint == "pelvis"]
    assert torch.equal(points[:, roots], torch.zeros(3, len(roots), 3))
    others = [n for n in range(len(target)) if n not in roots]
    assert points[:, others].abs().min() > 0


def test_statistics_make_inputs_and_outputs_standard():
    torch.manual_seed(0)
    chain = skeleton("chain", ("pelvis", "left_hip", "left_knee"))
    seen = []

    class Network(torch.nn.Module):
        def forward(self, keypoints):
            seen.append(keypoints)
            return keypoints.new_ones(len(keypoints), 2, 3)

    model = StandardLifter(Network(), 3, chain)
    keypoints = torch.randn(400, 3, 2) * 5 + 7
    keypoints[:, 0] = 0  # the root is always at the origin
    points = torch.randn(400, 3, 3) * 200 + 50
    sure, known = torch.ones(400, 3), torch.ones(400, 3)
    keypoints[::2, 1], sure[::2, 1] = 1e6, 0  # what is not known does not count
    points[::4, 2], known[::4, 2] = -1e6, 0
    blocks = [torch.arange(0, 150), torch.arange(150, 400)]
    model.take_statistics((keypoints[b], sure[b], points[b], known[b]) for b in blocks)
    assert not torch.equal(model.input_mean, torch.zeros(3, 2))
    out = model(keypoints)
    for place, rows in ((1, slice(1, None, 2)), (2, slice(None))):
        inputs = seen[0][rows, place]
        torch.testing.assert_close(inputs.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(inputs.std(0, correction=0), torch.ones(2))
    assert not seen[0][:, 0].any()
    torch.testing.assert_close(out[0, 1], points[:, 1].mean(0) + points[:, 1].std(0, correction=0))
    there = points[known[:, 2] > 0, 2]
    torch.testing.assert_close(out[0, 2], there.mean(0) + there.std(0, correction=0))
    again = StandardLifter(Network(), 3, chain)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(keypoints), out)


def test_the_loss_is_in_square_metres_over_the_joints_that_count():
    task = LifterTask("mpii-16", "human36m-16")
    truth = torch.randn(5, 16, 3) * 300
    known = torch.ones(5, 16)
    known[0, 3] = known[2, 5] = 0
    off = torch.full((16, 3), 30.0)
    off[0] = 1e6  # the pelvis is no prediction
    points = truth + off
    points[0, 3] = points[2, 5] = 1e6
    loss = task.loss(Fixed(points), pairs(truth, known))
    assert loss.item() == pytest.approx(0.03**2, rel=1e-4)  # float32 of numbers up to 1000
    nothing = task.loss(Fixed(points), pairs(truth, torch.zeros(5, 16)))
    assert nothing.item() == 0


def test_scores_are_means_over_the_pairs_of_all_batches():
    task = LifterTask()
    truth = camera_legs([20, 60, 100])
    points = truth.clone()
    points[0] += torch.tensor([30.0, 0, 40])  # 50 mm away, the same pose
    points[1] *= 1.1
    known = torch.ones(3, 6)
    known[2, :2] = 0
    batches = [pairs(truth[:1]), pairs(truth[1:], known[1:])]
    model = Fixed(None)

    def stream():
        for batch, found in zip(batches, (points[:1], points[1:]), strict=True):
            model.points = found
            yield batch

    results = task.score(model, stream(), alone)
    size = truth[1].norm(dim=-1).mean().item()
    assert results["mpjpe"] == pytest.approx((50 + 0.1 * size + 0) / 3, rel=1e-5)
    assert results["pa_mpjpe"] == pytest.approx(0, abs=1e-3)
    # A scale cannot undo a shift, but undoes itself.
    assert 0 < results["n_mpjpe"] <= 50 / 3
    assert results[KNEE_ANGLE] == pytest.approx(0, abs=1e-3)
    # The size of the second is put right; the first is as far off as before.
    assert results[SIZED] == pytest.approx(50 / 3, rel=1e-5)
    assert results["val_loss"] > 0


def test_knee_angles_are_compared_where_the_knee_is_known():
    task = LifterTask()
    truth, points = camera_legs([20, 60, 100]), camera_legs([30, 60, 95])
    points[1, 4] += torch.tensor([0.0, 0, 50])
    known = torch.ones(3, 6)
    known[1, 5] = 0  # the right ankle
    known[2] = 0
    errors = task.errors(points, pairs(truth, known))
    # Degrees of float32 lengths of 400 mm.
    assert errors[KNEE_ANGLE][:2].tolist() == pytest.approx([10, 0], abs=1e-3)
    assert math.isnan(errors[KNEE_ANGLE][2])
    assert math.isnan(errors["mpjpe"][2])
    flat = points[..., :2]
    assert task.knee_errors(flat, pairs(truth)).shape == (3, 2)


def test_a_skeleton_without_legs_has_no_knee_angle():
    assert skeletons.legs(skeleton("arms", ("left_shoulder", "left_elbow"))) == []
    assert skeletons.legs(LOWER_BODY_6) == [(0, 1, 2), (3, 4, 5)]


def test_a_lower_error_is_better():
    assert (LifterTask.best, LifterTask.best_is_lowest) == ("mpjpe", True)


@pytest.mark.parametrize("name", ["source", "target", "frame"])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=name):
        LifterTask(**{name: "octopus-8"})
    task = LifterTask("coco-17", "lower-body-6", "image")
    assert LifterTask.from_settings({"source": "coco-17", "frame": "image", "x": 1}) == task
