from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_targets as reference
from tests.tolerances import TARGET_TOLERANCE, TARGET_ULPS, ulps_apart

SIZE = (48, 64)  # (W, H)


def lower_body_transcription(joints, visible, size, sigma):
    """ops.md's T0 with the row LB, joint by joint in NumPy float32; written apart from ours."""
    width, height = size
    targets = np.zeros((len(joints), height, width), np.float32)
    weights = np.zeros((len(joints), 1), np.float32)
    for joint, seen, target, weight in zip(joints, visible, targets, weights, strict=True):
        if seen < 0.5:
            continue
        weight[0] = 1
        center = [int(np.float32(coordinate) + np.float32(0.5)) for coordinate in joint]
        low = [int(c - 3 * sigma) for c in center]
        high = [int(c + 3 * sigma + 1) for c in center]
        if low[0] >= width or low[1] >= height or high[0] < 0 or high[1] < 0:
            continue
        for y in range(max(0, low[1]), min(height, high[1])):
            xs = np.arange(max(0, low[0]), min(width, high[0]), dtype=np.float32)
            squares = (xs - center[0]) ** 2 + np.float32((y - center[1]) ** 2)
            row = np.exp(-squares / np.float32(2 * sigma**2))
            target[y, max(0, low[0]) : min(width, high[0])] = row
    return targets, weights


def draw_one(x, y, sigma=2.0, preset="lower_body", size=SIZE, **options):
    joints = np.array([[[x, y]]], np.float32)
    targets, weights = lp.gaussian_targets(
        joints, np.ones((1, 1)), size, sigma, preset=preset, **options
    )
    return targets[0, 0], float(weights[0, 0, 0])


@pytest.mark.usefixtures("array_device")
def test_numbers_of_the_rounded_window():
    target, weight = draw_one(20.3, 30.4)  # centre (20, 30), away from the border
    assert weight == 1
    assert target[30, 20] == 1
    assert target[30, 21] == pytest.approx(0.8824969, abs=5e-8)
    assert target[31, 21] == pytest.approx(0.7788007, abs=1e-7)
    assert target[30, 26] == pytest.approx(0.011108996, abs=5e-10)
    assert target[36, 26] == pytest.approx(1.2341e-4, abs=5e-9)
    assert target.sum(dtype=np.float64) == pytest.approx(25.08129, abs=5e-6)
    assert np.count_nonzero(target) == 169


@pytest.mark.usefixtures("array_device")
def test_numbers_at_the_borders():
    left, weight = draw_one(-6.0, 30.0)  # centre -5: only columns 0 and 1 are drawn
    assert weight == 1
    assert np.flatnonzero(left.any(0)).tolist() == [0, 1]
    assert left.sum() == pytest.approx(0.276, abs=5e-4)
    right, _ = draw_one(47.5, 30.0)  # centre 48, one column beyond the map
    assert right.sum() == pytest.approx(10.037, abs=5e-4)
    assert draw_one(-6.0, 30.0, preset="exact")[0].sum() == pytest.approx(0.069, abs=5e-4)
    assert draw_one(47.5, 30.0, preset="exact")[0].sum() == pytest.approx(12.566, abs=5e-4)


@pytest.mark.usefixtures("array_device")
def test_truncation_draws_small_negative_coordinates_at_zero():
    target, _ = draw_one(-1.2, 30.0)
    assert target[30].argmax() == 0
    assert target[30, 0] == 1


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("x", [-200.0, -8.5, 53.6, 1e9])
def test_lower_body_keeps_the_weight_of_a_joint_outside(x):
    target, weight = draw_one(x, 30.0)
    assert weight == 1
    assert not target.any()


@pytest.mark.usefixtures("array_device")
def test_rounding_happens_in_the_precision_of_the_joints():
    x = 0.49999997  # + 0.5 is 1.0 in float32 and below 1 in float64
    half = 0.499755859375  # + 0.5 rounds up in float16
    for dtype, value, column in ((np.float32, x, 1), (np.float64, x, 0), (np.float16, half, 0)):
        joints = np.array([[[value, 30]]], dtype)
        targets, _ = lp.gaussian_targets(joints, np.ones((1, 1)), SIZE, preset="lower_body")
        assert targets[0, 0, 30].argmax() == column


def test_lower_body_on_mpii_people(data_folder, array_device):
    """Crops by objpos and scale, shifted so that joints leave the map."""
    with gzip.open(data_folder / "mpii" / "mpii_annotations.json.gz") as file:
        people = json.load(file)[::12]
    joints = np.array([person["joint_self"] for person in people], np.float64)
    center = np.array([person["objpos"] for person in people])[:, None]
    scale = np.array([person["scale_provided"] for person in people])[:, None, None]
    shift = np.random.default_rng(0).uniform(-16, 16, (len(people), 1, 2))
    points = (joints[..., :2] - center) / (200 * scale) * 64 + [24, 32] + shift
    points, visible = points.astype(np.float32), joints[..., 2]

    outside = (points < -0.5).any(-1) | (points > np.array(SIZE) - 0.5).any(-1)
    assert outside[visible > 0].mean() >= 0.05
    assert len(points) > 2000
    if array_device == "cuda-emulated":  # some 500 joints: a thread costs as much as a map here
        sample = np.random.default_rng(1).choice(len(points), 31, replace=False)
        points, visible = points[sample], visible[sample]
    targets, weights = lp.gaussian_targets(points, visible, SIZE, preset="lower_body")
    for ours, weight, person, seen in zip(targets, weights, points, visible, strict=True):
        expected, expected_weight = lower_body_transcription(person, seen, SIZE, 2.0)
        np.testing.assert_array_equal(weight, expected_weight)
        np.testing.assert_array_equal(ours != 0, expected != 0)
        assert ulps_apart(ours, expected) <= TARGET_ULPS


# Coordinates with the borders over-represented, and values that no map holds.
coordinates = st.one_of(
    st.floats(-12, 76, width=32),
    st.integers(-10, 74).map(lambda i: i + 0.5),
    st.sampled_from([np.nan, np.inf, -np.inf, 2.0**30, 2.0**31, -(2.0**40), 1e38]),
)


def hrnet_transcription(joint, v, size, sigma, exponents):
    """ops.md's row HR for one joint in heatmap pixels: its kernel, cut and pasted.

    The original computes the exponents in float32; float64 gives what they stand for.
    """
    width, height = size
    target, weight = np.zeros((height, width), np.float32), v
    radius = 3 * sigma
    center = [int(float(c) + 0.5) for c in joint]
    low = [int(c - radius) for c in center]
    high = [int(c + radius + 1) for c in center]
    if low[0] >= width or low[1] >= height or high[0] < 0 or high[1] < 0:
        return target, 0.0
    if v > 0.5:
        side = np.arange(0, 2 * radius + 1, 1, exponents)
        middle = (2 * radius + 1) // 2
        kernel = np.exp(
            -((side - middle) ** 2 + (side[:, None] - middle) ** 2) / (2 * sigma**2)
        ).astype(np.float32)
        xs, ys = (
            slice(max(0, low[0]), min(high[0], width)),
            slice(max(0, low[1]), min(high[1], height)),
        )
        part = kernel[ys.start - low[1] : ys.stop - low[1], xs.start - low[0] : xs.stop - low[0]]
        target[ys, xs] = part
    return target, weight


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("sigma", [1.0, 1.1, 1.25, 1.5, 1.7, 2.0, 2.5, 3.0, 3.1])
def test_hrnet_equals_its_transcription(sigma):
    rng = np.random.default_rng(0)
    grid = np.arange(-14, 64, 0.5)
    joints = np.stack([grid, rng.permutation(grid)], -1).astype(np.float32)
    v = rng.choice([0, 0.3, 0.5, 0.7, 1, 2], len(grid))
    targets, weights = lp.gaussian_targets(joints, v, SIZE, sigma, preset="hrnet")
    for joint, seen, ours, weight in zip(joints, v, targets, weights, strict=True):
        expected, expected_weight = hrnet_transcription(joint, seen, SIZE, sigma, np.float64)
        original, _ = hrnet_transcription(joint, seen, SIZE, sigma, np.float32)
        assert weight[0] == np.float32(expected_weight)
        np.testing.assert_array_equal(ours != 0, original != 0)
        assert ulps_apart(ours, expected) <= 1
        np.testing.assert_allclose(ours, original, rtol=0, atol=1e-6)  # ops.md, section 4


@pytest.mark.usefixtures("array_device")
def test_the_bugs_of_hrnet():
    def peak(x, sigma):
        target, weight = draw_one(x, 30, sigma, preset="hrnet")
        return int(target[30].argmax()), weight

    assert peak(20, 1.1) == (19, 1)  # 3 sigma = 3.3: one pixel left of the joint
    assert peak(20, 1.5) == (20, 1)
    assert peak(2, 1.5) == (3, 1)  # near the left border: one pixel right of it
    empty, weight = draw_one(-8, 30, preset="hrnet")
    assert not empty.any()
    assert weight == 1  # an empty map with weight 1 on the left ...
    assert draw_one(53.5, 30, preset="hrnet")[1] == 0  # ... but not on the right
    assert draw_one(-8.6, 30, preset="hrnet")[1] == 0


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("exact", [(0, False), (1, True), (1, True), (1, True)]),
        ("lower_body", [(0, False), (1, True), (1, True), (1, True)]),
        ("hrnet", [(0.3, False), (0.5, False), (0.7, True), (2, True)]),
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
    preset=st.sampled_from(["exact", "lower_body", "hrnet"]),
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
    options = {"preset": preset, "dtype": dtype}
    targets, weights = lp.gaussian_targets(joints, visible, size, sigma, **options)
    expected, expected_weights = reference.gaussian_targets(joints, visible, size, sigma, **options)
    torch.testing.assert_close(weights, expected_weights, rtol=0, atol=0)
    torch.testing.assert_close(targets, expected, **TARGET_TOLERANCE[dtype])


def test_numpy_and_torch_give_the_same_bits():
    rng = np.random.default_rng(0)
    joints = rng.uniform(-5, 70, (3, 6, 2)).astype(np.float32)
    visible = rng.integers(0, 3, (3, 6))
    for preset in ("exact", "lower_body"):
        arrays = lp.gaussian_targets(joints, visible, SIZE, preset=preset)
        tensors = lp.gaussian_targets(
            torch.tensor(joints), torch.tensor(visible), SIZE, preset=preset
        )
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
    target, _ = draw_one(0, 0, preset="exact")
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


@pytest.mark.parametrize("sigma", [1.1, 1.7, 3.1])
def test_lower_body_refuses_sigmas_that_break_the_original(sigma):
    with pytest.raises(ValueError, match=r"gaussian_targets: sigma must be .*fractional part"):
        draw_one(20, 20, sigma)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize(("sigma", "first", "last"), [(1.5, 15, 24), (2.5, 12, 27)])
def test_half_pixel_windows_are_lopsided_with_the_peak_on_the_joint(sigma, first, last):
    target, _ = draw_one(20, 30, sigma)
    assert np.unravel_index(target.argmax(), target.shape) == (30, 20)
    assert np.flatnonzero(target.any(0)).tolist() == list(range(first, last + 1))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sigma": 0.0}, ValueError, "sigma must be positive and finite, got 0"),
        ({"sigma": float("nan")}, ValueError, "sigma must be finite"),
        ({"sigma": "2"}, TypeError, "sigma must be a number, got str"),
        ({"heatmap_size": (48, 0)}, ValueError, "heatmap_size must be two integers .* from 1"),
        ({"heatmap_size": (48.0, 64)}, TypeError, "heatmap_size must be two integers"),
        ({"heatmap_size": 48}, ValueError, r"heatmap_size must be \(W, H\), got 48"),
        ({"preset": "hrnt"}, ValueError, "preset must be 'exact' or 'hrnet' or 'lower_body', got"),
        ({"visible": np.ones((1, 3))}, ValueError, r"visible must be \[B, K\] = \[1, 2\]"),
        ({"joints": np.zeros((1, 2, 3))}, ValueError, r"joints must be \[B, K, 2\]"),
        ({"joints": np.zeros(4)}, ValueError, r"joints must be \[K, 2\] or \[B, K, 2\]"),
        ({"joints": [[1, 2]]}, TypeError, "joints must be a NumPy array or a torch tensor"),
        ({"joints": np.zeros((1, 2, 2), complex)}, TypeError, "joints must be .* element type"),
        ({"joints": np.zeros((1, 2, 2), ">f4")}, TypeError, "joints must be .* element type"),
        ({"visible": None}, TypeError, "visible must be a NumPy array, got NoneType"),
        ({"dtype": np.int32}, TypeError, "dtype must be float32, float64 or float16, got"),
        ({"dtype": torch.float32}, TypeError, "dtype must be float32, float64 or float16, got"),
        ({"sigma": 10**400}, ValueError, "sigma must be finite"),
        ({"sigma": True}, TypeError, "sigma must be a number, got bool"),
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


@pytest.mark.parametrize("preset", ["exact", "lower_body", "hrnet"])
def test_opcheck(preset):
    torch.library.opcheck(
        torch.ops.lowerpose_ops.gaussian_targets.default,
        (torch.rand(2, 3, 2) * 40, torch.ones(2, 3), 48, 64, 2.0, preset, torch.float32),
    )
