from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_targets as reference
from tests.gaussian_scenes import EVERY_PRESET, SIZE
from tests.tolerances import TARGET_TOLERANCE


@pytest.mark.usefixtures("array_device")
def test_rounding_happens_in_the_precision_of_the_joints():
    x = 0.49999997  # + 0.5 is 1.0 in float32 and below 1 in float64
    half = 0.499755859375  # + 0.5 rounds up in float16
    for dtype, value, column in ((np.float32, x, 1), (np.float64, x, 0), (np.float16, half, 0)):
        joints = np.array([[[value, 30]]], dtype)
        targets, _ = lp.gaussian_targets(joints, np.ones((1, 1)), SIZE, preset="lower_body")
        assert targets[0, 0, 30].argmax() == column


# Coordinates with the borders over-represented, and values that no map holds.
coordinates = st.one_of(
    st.floats(-12, 76, width=32),
    st.integers(-10, 74).map(lambda i: i + 0.5),
    st.sampled_from([np.nan, np.inf, -np.inf, 2.0**30, 2.0**31, -(2.0**40), 1e38]),
)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("exact", [(0, False), (1, True), (1, True), (1, True)]),
        ("lower_body", [(0, False), (1, True), (1, True), (1, True)]),
        ("hrnet", [(0.3, False), (0.5, False), (0.7, True), (2, True)]),
        ("mmpose_msra", [(0.3, False), (0.5, True), (0.7, True), (2, True)]),
        ("mmpose_udp", [(0.3, False), (0.5, True), (0.7, True), (2, True)]),
        ("hourglass", [(1, True), (1, True), (1, True), (1, True)]),
    ],
)
def test_weight_and_drawing_by_visibility(preset, expected):
    joints = np.full((4, 2), 20.0)
    targets, weights = lp.gaussian_targets(
        joints, np.array([0.3, 0.5, 0.7, 2]), SIZE, preset=preset
    )
    drawn = targets.any((1, 2))
    for weight, is_drawn, (wanted, wanted_drawn) in zip(weights, drawn, expected, strict=True):
        assert weight[0] == np.float32(wanted)
        assert is_drawn == wanted_drawn


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    preset=st.sampled_from(EVERY_PRESET),
    joint_type=st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]),
    sigma=st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    size=st.sampled_from([(48, 64), (1, 1), (7, 300), (300, 5)]),
)
def test_equals_the_reference(data, preset, joint_type, dtype, sigma, size):
    batch, num_joints = data.draw(st.sampled_from([(1, 1), (2, 3)]))
    count = batch * num_joints
    values = data.draw(st.lists(coordinates, min_size=2 * count, max_size=2 * count))
    seen = data.draw(st.lists(st.sampled_from([0, 0.3, 0.5, 1, 2, np.nan]), min_size=count))
    joints = torch.tensor(values, dtype=joint_type).reshape(batch, num_joints, 2)
    visible = torch.tensor(seen[:count], dtype=torch.float32).reshape(batch, num_joints)
    options = {"preset": preset[0], "fixed": preset[1], "dtype": dtype}
    targets, weights = lp.gaussian_targets(joints, visible, size, sigma, **options)
    expected, expected_weights = reference.gaussian_targets(joints, visible, size, sigma, **options)
    torch.testing.assert_close(weights, expected_weights, rtol=0, atol=0)
    torch.testing.assert_close(targets, expected, **TARGET_TOLERANCE[dtype])


def test_numpy_and_torch_give_the_same_bits():
    rng = np.random.default_rng(0)
    joints = rng.uniform(-5, 70, (3, 6, 2)).astype(np.float32)
    visible = rng.integers(0, 3, (3, 6))
    for preset, fixed in EVERY_PRESET:
        options = {"preset": preset, "fixed": fixed}
        arrays = lp.gaussian_targets(joints, visible, SIZE, **options)
        tensors = lp.gaussian_targets(torch.tensor(joints), torch.tensor(visible), SIZE, **options)
        for array, tensor in zip(arrays, tensors, strict=True):
            np.testing.assert_array_equal(array, tensor.numpy())


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int16, np.int64, np.float64])
def test_any_numeric_type_of_visible(kind):
    joints = np.full((1, 2, 2), 20, np.float32)
    _, weights = lp.gaussian_targets(joints, np.array([[0, 1]], kind), SIZE)
    assert weights.ravel().tolist() == [0, 1]


@pytest.mark.usefixtures("array_device")
def test_strided_joints_and_single_sample():
    storage = np.arange(24, dtype=np.float32).reshape(2, 6, 2)
    flipped = storage[:, ::-1, ::-1]
    visible = np.ones((2, 6, 3))[..., 1]
    strided, _ = lp.gaussian_targets(flipped, visible, SIZE)
    dense, _ = lp.gaussian_targets(flipped.copy(), visible.copy(), SIZE)
    np.testing.assert_array_equal(strided, dense)
    single, weights = lp.gaussian_targets(flipped[1], np.ones((6, 1)), SIZE)
    np.testing.assert_array_equal(single, dense[1])
    assert weights.shape == (6, 1)


@pytest.mark.usefixtures("array_device")
def test_no_subnormal_values():
    target, _ = lp.gaussian_targets(np.zeros((1, 2)), np.ones(1), SIZE)
    assert (target[target > 0] >= np.finfo(np.float32).tiny).all()
    assert (target == 0).any()


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_smallest_values_are_as_exact_as_the_others(dtype):
    """Down to the smallest normal float, where the parts of a product may not be."""
    generator = torch.Generator("cpu").manual_seed(0)
    joints = 20 * torch.rand(4, 6, 2, generator=generator, device="cpu")
    joints = joints.to(torch.get_default_device())
    for sigma in (1.7, 2.0, 3.609):
        targets, _ = lp.gaussian_targets(joints, torch.ones(4, 6), (64, 64), sigma, dtype=dtype)
        expected, _ = reference.gaussian_targets(
            joints, torch.ones(4, 6), (64, 64), sigma, dtype=torch.float64
        )
        small = (expected < 1e-30) & (expected > 1.0001 * torch.finfo(torch.float32).tiny)
        assert small.sum() > 100
        torch.testing.assert_close(
            targets[small].double(), expected[small], **TARGET_TOLERANCE[dtype]
        )


@pytest.mark.usefixtures("array_device")
def test_empty_batch():
    targets, weights = lp.gaussian_targets(np.zeros((0, 6, 2)), np.zeros((0, 6)), SIZE)
    assert targets.shape == (0, 6, 64, 48)
    assert weights.shape == (0, 6, 1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sigma": 0.0}, ValueError, "sigma must be positive and finite, got 0"),
        ({"sigma": float("nan")}, ValueError, "sigma must be finite"),
        ({"sigma": "2"}, TypeError, "sigma must be a number or a NumPy array, got str"),
        ({"heatmap_size": (48, 0)}, ValueError, "heatmap_size must be two integers .* from 1"),
        ({"heatmap_size": (48.0, 64)}, TypeError, "heatmap_size must be two integers"),
        ({"heatmap_size": 48}, ValueError, r"heatmap_size must be \(W, H\), got 48"),
        (
            {"preset": "hrnt"},
            ValueError,
            "preset must be 'exact' or 'hourglass' or 'hrnet' or .*'hrnt",
        ),
        ({"fixed": True}, ValueError, "fixed must be False for preset 'exact', which has no bugs"),
        ({"fixed": 1, "preset": "hrnet"}, TypeError, "fixed must be True or False, got int"),
        ({"visible": np.ones((1, 3))}, ValueError, r"visible must be \[B, K\] = \[1, 2\]"),
        ({"joints": np.zeros((1, 2, 3))}, ValueError, r"joints must be \[B, K, 2\]"),
        ({"joints": np.zeros(4)}, ValueError, r"joints must be \[K, 2\] or \[B, K, 2\] or \[B,"),
        ({"joints": [[1, 2]]}, TypeError, "joints must be a NumPy array or a torch tensor"),
        ({"joints": np.zeros((1, 2, 2), complex)}, TypeError, "joints must be .* element type"),
        ({"joints": np.zeros((1, 2, 2), ">f4")}, TypeError, "joints must be .* element type"),
        ({"visible": None}, TypeError, "visible must be a NumPy array, got NoneType"),
        ({"dtype": np.int32}, TypeError, "dtype must be float32, float64 or float16, got"),
        ({"dtype": torch.float32}, TypeError, "dtype must be float32, float64 or float16, got"),
        ({"sigma": 10**400}, ValueError, "sigma must be finite"),
        ({"sigma": True}, TypeError, "sigma must be a number or a NumPy array, got bool"),
        ({"sigma": 1e308}, ValueError, "sigma must be positive and finite"),
        ({"preset": ["exact"]}, ValueError, "preset must be 'exact' or"),
        ({"heatmap_size": (48, 64, 2)}, ValueError, r"heatmap_size must be \(W, H\)"),
        ({"heatmap_size": b"ab"}, ValueError, r"heatmap_size must be \(W, H\)"),
        ({"heatmap_size": (True, 64)}, TypeError, "heatmap_size must be two integers"),
        ({"heatmap_size": (2**63, 1)}, ValueError, "heatmap_size must be two integers .* from 1"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {
        "joints": np.zeros((1, 2, 2), np.float32),
        "visible": np.ones((1, 2), np.float32),
        "heatmap_size": SIZE,
    } | change
    with pytest.raises(error, match=f"gaussian_targets: {message}"):
        lp.gaussian_targets(**arguments)


@pytest.mark.parametrize("dtype", ["float32", np.float32, int, torch.int32])
def test_tensors_take_torch_dtypes(dtype):
    with pytest.raises(TypeError, match=r"gaussian_targets: dtype must be one of .*, got"):
        lp.gaussian_targets(torch.zeros(1, 2, 2), torch.ones(1, 2), SIZE, dtype=dtype)


def test_compile_with_varying_sizes():
    def draw(joints, visible, heatmaps, sigma):
        size = heatmaps.shape[3], heatmaps.shape[2]
        return lp.gaussian_targets(joints, visible, size, sigma)[0]

    compiled = torch.compile(draw, fullgraph=True, dynamic=True)
    for batch, height, sigma in ((2, 16, 2.0), (3, 24, 1.5), (5, 32, 1.25)):
        arguments = torch.rand(batch, 6, 2) * 9, torch.ones(batch, 6), torch.zeros(1, 1, height, 9)
        torch.testing.assert_close(compiled(*arguments, sigma), draw(*arguments, sigma))


def test_values_down_to_the_smallest_normal_number():
    sigma = 59 / np.sqrt(2 * 708.2)
    joints = np.zeros((1, 2))
    targets, _ = lp.gaussian_targets(joints, np.ones(1), (60, 1), sigma, dtype=np.float64)
    assert targets[0, 0, 59] == pytest.approx(np.exp(-708.2), rel=1e-12)


def test_arguments_that_require_a_gradient_are_refused():
    joints, visible = torch.zeros(1, 2, 2), torch.ones(1, 2)
    with pytest.raises(ValueError, match="joints must not require a gradient"):
        lp.gaussian_targets(joints.clone().requires_grad_(), visible, SIZE)
    with pytest.raises(ValueError, match="visible must not require a gradient"):
        lp.gaussian_targets(joints, visible.requires_grad_(), SIZE)


@pytest.mark.parametrize(("preset", "fixed"), EVERY_PRESET)
def test_opcheck(preset, fixed):
    joints = torch.rand(2, 3, 2) * 40
    torch.library.opcheck(
        torch.ops.lowerpose_ops.gaussian_targets.default,
        (joints, torch.ones(2, 3), 48, 64, 2.0, None, preset, fixed, False, torch.float32),
    )
