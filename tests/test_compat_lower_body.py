"""The drop-in functions of the lower-body project: their results, their bugs, and without."""

from __future__ import annotations

import doctest
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lowerpose_ops.compat import _lower_body_boxes, _lower_body_loss, lower_body
from tests import compat_lower_body_transcriptions as transcriptions
from tests.compat_signatures import keyword_only, positional

SIGNATURES = {
    "generate_target_heatmaps": "joints, joints_vis, num_joints=6, hm_size=(48, 64), sigma=2.0",
    "decode_heatmaps": "hm, beta=100.0, stride=4.0",
    "JointsMSELoss": "use_target_weight=True",
    "pck_accuracy": "pred_x, pred_y, gt_kpts_in, vis, thr",
    "match_bbox": "bbox, img_size, ratio=0.75, scale=1.0",
    "crop_and_resize": "src_img, bbox, input_size=(192, 256)",
    "transform_keypoints_to_input": "keypoints_xy, crop_to_input",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    function = getattr(lower_body, name)
    assert positional(function) == SIGNATURES[name]
    assert keyword_only(function) in ({}, {"fixed": False})
    assert set(lower_body.__all__) == {*SIGNATURES, "IN_W", "IN_H"}


def test_the_loss_is_called_with_three():
    assert positional(lower_body.JointsMSELoss.forward) == "output, target, target_weight"


@pytest.mark.parametrize("module", [lower_body, _lower_body_boxes, _lower_body_loss])
def test_examples(module):
    results = doctest.testmod(module, extraglobs={"np": np, "torch": torch})
    assert results.attempted > 0
    assert results.failed == 0


def test_targets_need_no_torch():
    code = (
        "import sys, numpy as np\n"
        "from lowerpose_ops.compat.lower_body import generate_target_heatmaps, match_bbox\n"
        "generate_target_heatmaps(np.ones((6, 2), np.float32), np.ones(6))\n"
        "assert 'torch' not in sys.modules and 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Targets --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("array_device")
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from([np.float32, np.float64]),
    sigma=st.sampled_from([1.0, 1.5, 2.0, 2.5, 3.0]),
)
def test_targets_equal_the_transcription(seed, dtype, sigma):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(-20, 90, (6, 2)).astype(dtype)
    joints[0] = np.round(joints[0] * 2) / 2
    visible = rng.choice([0, 0.3, 0.5, 0.7, 1, 2], 6).astype(dtype)
    ours = lower_body.generate_target_heatmaps(joints, visible, sigma=sigma)
    plain = transcriptions.generate_target_heatmaps(joints, visible, sigma=sigma)
    assert [a.dtype for a in ours] == [np.float32] * 2
    np.testing.assert_allclose(ours[0], plain[0], rtol=0, atol=1e-6)  # exponentials of float32
    np.testing.assert_array_equal(ours[1], plain[1])


def test_fewer_maps_than_joints():
    joints = np.full((17, 2), 20.0, np.float32)
    target, weight = lower_body.generate_target_heatmaps(joints, np.ones(17), 4, (24, 32))
    assert target.shape == (4, 32, 24)
    assert weight.shape == (4, 1)


def test_bugs_of_the_targets():
    def draw(x, sigma=2.0, **options):
        joints, visible = np.array([[x, 30.0]], np.float32), np.ones(1)
        return lower_body.generate_target_heatmaps(joints, visible, 1, sigma=sigma, **options)

    assert draw(500.0)[1] == 1  # far outside, and yet it counts
    assert draw(500.0, fixed=True)[1] == 0
    with pytest.raises(ValueError, match="sigma must be"):
        draw(20.0, 1.1)
    assert draw(20.0, 1.1, fixed=True)[0][0, 30, 20] == 1
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="joints must be finite"):
            draw(value)
        assert draw(value, fixed=True)[1] == 0
    assert draw(-1.2)[0][0, 30, 0] == 1  # truncated towards 0
    assert draw(-1.2, fixed=True)[0][0, 30, 0] < 1


# Decoding -------------------------------------------------------------------------------------


def peaks(dtype=torch.float32, batch=3):
    rng = np.random.default_rng(0)
    maps = rng.uniform(0, 0.2, (batch, 6, 64, 48))
    x, y = rng.uniform(-1, (49, 65), (batch, 6, 2)).transpose(2, 0, 1)[..., None, None]
    maps += np.exp(-((np.arange(48) - x) ** 2 + (np.arange(64)[:, None] - y) ** 2) / 8)
    maps[0, 0] = 0
    return torch.from_numpy(maps).to(dtype)


@pytest.mark.parametrize("beta", [10.0, 100.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_decoding_and_its_gradients_equal_the_transcription(dtype, beta):
    ours, plain = peaks(dtype).requires_grad_(), peaks(dtype).requires_grad_()
    results = lower_body.decode_heatmaps(ours, beta)
    expected = transcriptions.decode_heatmaps(plain, beta)
    # Sums over 3072 pixels, in float32 there.
    tolerance = {"rtol": 1e-4, "atol": 2e-4} if dtype is torch.float32 else {}
    for a, b in zip(results, expected, strict=True):
        assert a.dtype is dtype
        torch.testing.assert_close(a, b, **tolerance)
    # The empty map has no single maximum: its gradient is a matter of taste.
    sum((a * (i + 1)).sin()[..., 1:].sum() for i, a in enumerate(results)).backward()
    sum((b * (i + 1)).sin()[..., 1:].sum() for i, b in enumerate(expected)).backward()
    scale = float(plain.grad.abs().max())
    torch.testing.assert_close(ours.grad / scale, plain.grad / scale, rtol=1e-4, atol=1e-4)


def test_coordinates_come_in_the_maps_dtype():
    maps = peaks(torch.bfloat16)
    xs, _, conf = lower_body.decode_heatmaps(maps, beta=10.0)
    assert xs.dtype is conf.dtype is torch.bfloat16
    exact, _, height = lower_body.decode_heatmaps(maps, beta=10.0, fixed=True)
    assert exact.dtype is height.dtype is torch.float32
    assert (xs.float() - exact).abs().max() > 0.1  # eight bits for 192 pixels
    torch.testing.assert_close(exact, lower_body.decode_heatmaps(maps.float(), beta=10.0)[0])


def test_the_confidence_is_no_height():
    maps = peaks()
    _, _, conf = lower_body.decode_heatmaps(maps)
    assert conf[0, 0] == pytest.approx(1 / 3072)
    _, _, half = lower_body.decode_heatmaps(maps / 2)
    assert not torch.allclose(half, conf / 2, rtol=0.1)
    _, _, height = lower_body.decode_heatmaps(maps, fixed=True)
    torch.testing.assert_close(height, maps.amax((2, 3)), rtol=0, atol=0)
    xs, ys, _ = lower_body.decode_heatmaps(maps)
    assert (xs[0, 0].item(), ys[0, 0].item()) == pytest.approx((94, 126), abs=1e-4)


def test_a_nan_map_decodes_to_nan():
    maps = peaks()
    maps[1, 2, 5, 5] = torch.nan
    for result in lower_body.decode_heatmaps(maps):
        assert result.isnan().nonzero().tolist() == [[1, 2]]


# Loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_target_weight", [True, False])
def test_the_loss_equals_the_transcription(use_target_weight, device):
    here = torch.get_default_device()
    output, target = (maps.to(here) for maps in (peaks(), peaks().flip(1)))
    output.requires_grad_()
    weight = torch.linspace(0, 2, 18).reshape(3, 6, 1)
    loss = lower_body.JointsMSELoss(use_target_weight)(output, target, weight)
    (ours,) = torch.autograd.grad(loss, output)
    plain = transcriptions.joints_mse(output, target, weight, use_target_weight)
    (theirs,) = torch.autograd.grad(plain, output)
    torch.testing.assert_close(loss, plain, rtol=1e-5, atol=0)  # a sum of 55296 in another order
    # w o - w t and w (o - t) cancel differently; the largest is 1e-4.
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-10)


def test_the_loss_refuses_a_missing_weight():
    with pytest.raises(ValueError, match="target_weight"):
        lower_body.JointsMSELoss()(peaks(), peaks(), None)
    assert lower_body.JointsMSELoss(False)(peaks(), peaks(), None) == 0
    assert repr(lower_body.JointsMSELoss()) == "JointsMSELoss(use_target_weight=True)"


# PCK ------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), joints=st.sampled_from([(6, 6), (4, 6), (6, 3)]))
def test_pck_equals_the_transcription(seed, joints):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(-20, 270, (4, joints[1], 3)).astype(np.float32)
    gt[0, :, 0] = rng.choice([0, 192, 191.99, -0.01], joints[1])
    gt = torch.from_numpy(gt)
    shared = min(joints)
    pred = torch.full((4, joints[0], 2), 50.0)
    pred[:, :shared] = gt[:, :shared, :2] + torch.from_numpy(rng.normal(0, 15, (4, shared, 2)))
    pred[1, 0] = torch.nan
    vis = torch.from_numpy(rng.choice([0, 0.5, 0.6, 1, 2], (4, joints[1])))
    for thr in (0.05, 0.1):
        ours = lower_body.pck_accuracy(pred[..., 0], pred[..., 1], gt, vis, thr)
        assert isinstance(ours, float)
        assert ours == transcriptions.pck_accuracy(pred[..., 0], pred[..., 1], gt, vis, thr)


def test_a_joint_on_the_threshold_is_correct():
    gt = torch.full((1, 2, 2), 100.0)
    shifted = torch.tensor([[112.8, 112.9]])
    zeros = lower_body.pck_accuracy(shifted, gt[..., 1], gt, torch.ones(1, 2), 0.05)
    assert zeros == 0.0  # 112.8 - 100 is more than 12.8 in float32
    near = torch.tensor([[12.8, 12.9]])
    gt[..., 0] = 0
    assert lower_body.pck_accuracy(near, gt[..., 1], gt, torch.ones(1, 2), 0.05) == 0.5
    assert lower_body.pck_accuracy(near, gt[..., 1], gt, torch.zeros(1, 2), 0.05) == 0.0


def test_the_input_size_is_the_modules(monkeypatch):
    gt = torch.full((1, 1, 2), 300.0)
    arguments = gt[..., 0] + 20, gt[..., 1], gt, torch.ones(1, 1), 0.05
    assert lower_body.pck_accuracy(*arguments) == 0.0  # outside 192 x 256
    monkeypatch.setattr(lower_body, "IN_W", 400)
    monkeypatch.setattr(lower_body, "IN_H", 400)
    assert lower_body.pck_accuracy(*arguments) == 1.0


# Boxes ----------------------------------------------------------------------------------------


@given(
    x=st.floats(-50, 700),
    y=st.floats(-50, 500),
    w=st.floats(0.5, 800),
    h=st.floats(0.5, 800),
    scale=st.sampled_from([1.0, 1.25]),
)
def test_boxes_equal_the_transcription(x, y, w, h, scale):
    ours = lower_body.match_bbox([x, y, w, h], (640, 480), scale=scale)
    plain = transcriptions.match_bbox([x, y, w, h], (640, 480), scale=scale)
    assert ours == pytest.approx(plain, rel=1e-12, abs=1e-12)
    assert min(ours[2:]) >= 2


def test_a_box_without_height():
    with pytest.raises(ValueError, match="match_bbox: bbox"):
        lower_body.match_bbox([0, 0, 10, 0], (640, 480))


@pytest.mark.parametrize("bbox", [[10.7, 20.2, 96.9, 128.3], [-5, -7, 60, 700], [90, 90, 0.4, 9]])
def test_crops_equal_the_transcription(bbox):
    pixels = np.random.default_rng(0).integers(0, 256, (200, 160, 3), np.uint8)
    image = Image.fromarray(pixels)
    ours, ours_crop = lower_body.crop_and_resize(image, bbox)
    plain, plain_crop = transcriptions.crop_and_resize(image, bbox)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(plain))
    assert ours_crop == plain_crop


def test_keypoints_move_with_the_crop():
    keypoints = np.array([[12.0, 24.0, 2.0], [100.5, 50.25, 1.0]], np.float32)
    moved = lower_body.transform_keypoints_to_input(keypoints, (10, 20, 2.0, 4.0))
    assert moved.dtype == np.float32
    assert moved.tolist() == [[4, 16, 2], [181, 121, 1]]
    assert keypoints[0, 0] == 12


def test_what_the_truncated_box_and_the_missing_half_pixel_cost():
    """A pixel that is bright alone is found where the keypoint says, with `fixed` alone."""
    pixels = np.zeros((128, 96), np.float32)
    pixels[60, 50] = 1
    image = Image.fromarray(pixels)

    def distance(fixed):
        box = [20.7, 30.6, 48.0, 64.0]
        resized, crop = lower_body.crop_and_resize(image, box, fixed=fixed)
        values = np.asarray(resized)
        rows, columns = np.indices(values.shape)
        found = [(values * columns).sum() / values.sum(), (values * rows).sum() / values.sum()]
        keypoint = np.array([[50.0, 60.0]])
        said = lower_body.transform_keypoints_to_input(keypoint, crop, fixed=fixed)[0]
        return float(np.hypot(*(said - found)))

    assert distance(fixed=False) > 1  # (s - 1) / 2 = 1.5 input pixels along each axis
    assert distance(fixed=True) < 0.01
