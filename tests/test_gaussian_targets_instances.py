"""Several instances on the same maps; what is new with them and with arrays of sigmas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import gaussian_targets as reference
from tests.gaussian_scenes import BAD_SIGMAS, EVERY_PRESET, SIZE, random_people
from tests.tolerances import TARGET_TOLERANCE

every_preset = pytest.mark.parametrize(("preset", "fixed"), EVERY_PRESET)
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.mark.usefixtures("device")
@given(
    seed=st.integers(0, 2**32 - 1),
    preset=st.sampled_from(EVERY_PRESET),
    dtype=st.sampled_from(DTYPES),
    joint_type=st.sampled_from(DTYPES),
    shape=st.sampled_from([(1, 1, 3), (2, 2, 2), (1, 4, 1), (2, 0, 2), (0, 2, 2), (1, 2, 0)]),
    size=st.sampled_from([(16, 8), (7, 9), (70, 3)]),
    sigma=st.sampled_from(["number", "[K]", "[B, N]"]),
    instance_weights=st.booleans(),
)
def test_equals_the_reference(
    seed, preset, dtype, joint_type, shape, size, sigma, instance_weights
):
    rng = np.random.default_rng(seed)
    joints, seen = random_people(rng, *shape, size)
    choices = [0.5, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, *BAD_SIGMAS]
    sigmas = {
        "number": 1.5,
        "[K]": torch.tensor(rng.choice(choices, shape[2])),
        "[B, N]": torch.tensor(rng.choice(choices, shape[:2])),
    }[sigma]
    arguments = torch.tensor(joints, dtype=joint_type), torch.tensor(seen), size, sigmas
    options = {"preset": preset[0], "fixed": preset[1], "dtype": dtype}
    options["instance_weights"] = instance_weights
    targets, weights = lp.gaussian_targets(*arguments, **options)
    expected, expected_weights = reference.gaussian_targets(*arguments, **options)
    torch.testing.assert_close(weights, expected_weights, rtol=0, atol=0)
    torch.testing.assert_close(targets, expected, **TARGET_TOLERANCE[dtype])


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", DTYPES)
@every_preset
def test_is_the_maximum_of_each_instance_alone(preset, fixed, dtype):
    """Bit by bit; on maps of several tiles, whose last one is not full."""
    rng = np.random.default_rng(0)
    size = (129, 65)
    joints, seen = (torch.tensor(array) for array in random_people(rng, 1, 3, 2, size))
    sigmas = torch.tensor([[6.0, 1.0, 20.0]])
    options = {"preset": preset, "fixed": fixed, "dtype": dtype}
    targets, weights = lp.gaussian_targets(joints, seen, size, sigmas, **options)
    each = [
        lp.gaussian_targets(joints[:, n], seen[:, n], size, sigmas[:, n : n + 1], **options)
        for n in range(3)
    ]
    maps, scores = (torch.stack(parts) for parts in zip(*each, strict=True))
    torch.testing.assert_close(targets, maps.amax(0), rtol=0, atol=0)
    torch.testing.assert_close(weights, scores.amax(0), rtol=0, atol=0)
    _, separate = lp.gaussian_targets(joints, seen, size, sigmas, instance_weights=True, **options)
    torch.testing.assert_close(separate, scores.movedim(0, 1), rtol=0, atol=0)


@pytest.mark.usefixtures("device")
def test_rows_longer_than_a_tile_of_the_cpu():
    joints = torch.tensor([[[[3.0, 1.0]], [[700.0, 0.0]], [[510.0, 2.0]]]])
    arguments = torch.ones(1, 3, 1), (1100, 3), 40.0
    targets, _ = lp.gaussian_targets(joints, *arguments)
    expected, _ = reference.gaussian_targets(joints, *arguments)
    torch.testing.assert_close(targets, expected, **TARGET_TOLERANCE[torch.float32])


@pytest.mark.usefixtures("array_device")
def test_the_first_drawn_instance_may_be_any():
    joints = np.full((1, 3, 1, 2), 20.0)
    joints[0, 2] = 30
    for seen in np.ndindex(2, 2, 2):
        targets, weights = lp.gaussian_targets(
            joints, np.reshape(seen, (1, 3, 1)), SIZE, preset="lower_body", instance_weights=True
        )
        assert weights.ravel().tolist() == list(seen)
        assert targets[0, 0, 20, 20] == (1 if seen[0] or seen[1] else 0)
        assert targets[0, 0, 30, 30] == seen[2]


@pytest.mark.usefixtures("array_device")
def test_a_copied_weight_may_be_negative():
    """The largest is among the instances' own; 0 is no instance."""
    joints = np.full((1, 2, 1, 2), 20.0)
    seen = np.array([[[-2.0], [-1.0]]])
    _, weights = lp.gaussian_targets(joints, seen, SIZE, preset="mmpose_msra")
    assert weights.ravel().tolist() == [-1]


@pytest.mark.usefixtures("array_device")
@every_preset
def test_without_instances(preset, fixed):
    empty = np.zeros((2, 0, 3, 2)), np.zeros((2, 0, 3))
    options = {"preset": preset, "fixed": fixed}
    targets, weights = lp.gaussian_targets(*empty, SIZE, **options)
    assert targets.shape == (2, 3, 64, 48)
    assert weights.shape == (2, 3, 1)
    assert not targets.any()
    assert not weights.any()
    _, weights = lp.gaussian_targets(*empty, SIZE, instance_weights=True, **options)
    assert weights.shape == (2, 0, 3, 1)


@pytest.mark.usefixtures("array_device")
def test_any_strides_and_both_shapes_of_visible():
    rng = np.random.default_rng(0)
    joints, seen = random_people(rng, 2, 3, 4)
    expected, expected_weights = lp.gaussian_targets(joints, seen, SIZE)
    storage = np.zeros((2, 4, 2, 3, 2), np.float32)
    moved = storage.transpose(2, 3, 1, 4, 0)[..., 0]
    moved[...] = joints
    assert not moved.flags.c_contiguous
    for strided in (seen[:, ::-1].copy()[:, ::-1], np.repeat(seen, 2, -1)[..., ::2]):
        for visible in (strided, strided[..., None]):
            targets, weights = lp.gaussian_targets(moved, visible, SIZE)
            np.testing.assert_array_equal(targets, expected)
            np.testing.assert_array_equal(weights, expected_weights)


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"joints": np.zeros((1, 2, 3, 3))}, ValueError, r"joints must be \[B, N, K, 2\] ="),
        (
            {"joints": np.zeros((1, 1, 2, 3, 2))},
            ValueError,
            r"joints must be .*\[B, N, K, 2\], got",
        ),
        ({"visible": np.ones((1, 3))}, ValueError, r"visible must be \[B, N, K\] = \[1, 2, 3\]"),
        ({"visible": np.ones((1, 3, 2))}, ValueError, r"visible must be \[B, N, K\] = \[1, 2, 3\]"),
        ({"visible": np.ones((1, 2, 3, 2))}, ValueError, r"visible must be \[B, N, K, 1\] = \["),
        ({"sigma": np.ones(2)}, ValueError, r"sigma must be \[K\] = \[3\], got \[2\]"),
        (
            {"sigma": np.ones((1, 3))},
            ValueError,
            r"sigma must be \[K\] or \[B, N\] = \[1, 2\], got",
        ),
        ({"sigma": np.ones((1, 2, 3))}, ValueError, r"sigma must be \[K\] or \[B, N\] = \[1, 2\]"),
        ({"sigma": np.array(2.0)}, ValueError, r"sigma must be \[K\] or \[B, N\] = \[1, 2\], got"),
        ({"sigma": np.ones(3, bool)}, TypeError, "sigma must be float32 or .*, got bool"),
        ({"sigma": np.ones(3, complex)}, TypeError, "sigma must be .* element type"),
        (
            {"sigma": torch.ones(3)},
            TypeError,
            "sigma must be a number or a NumPy array, got Tensor",
        ),
        ({"sigma": [1, 2, 3]}, TypeError, "sigma must be a number or a NumPy array, got list"),
        ({"instance_weights": 1}, TypeError, "instance_weights must be True or False, got int"),
        (
            {"instance_weights": True, "joints": np.zeros((1, 3, 2)), "visible": np.ones((1, 3))},
            ValueError,
            r"joints must be \[B, N, K, 2\] where instance_weights=True, got \[1, 3, 2\]",
        ),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {
        "joints": np.zeros((1, 2, 3, 2)),
        "visible": np.ones((1, 2, 3)),
        "heatmap_size": SIZE,
    } | change
    with pytest.raises(error, match=f"gaussian_targets: {message}"):
        lp.gaussian_targets(**arguments)


def test_refusals_of_tensors():
    joints, visible = torch.zeros(1, 2, 2), torch.ones(1, 2)
    with pytest.raises(TypeError, match="sigma must be a number or a torch tensor, got ndarray"):
        lp.gaussian_targets(joints, visible, SIZE, np.ones(2))
    with pytest.raises(ValueError, match="sigma must not require a gradient"):
        lp.gaussian_targets(joints, visible, SIZE, torch.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="sigma must be on cpu like joints, got meta"):
        lp.gaussian_targets(joints, visible, SIZE, torch.ones(2, device="meta"))


# Torch ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [None, (3,), (2, 4)])
@pytest.mark.parametrize("instance_weights", [False, True])
def test_opcheck(sigma, instance_weights):
    sigmas = None if sigma is None else torch.rand(sigma) + 1
    joints, visible = torch.rand(2, 4, 3, 2) * 40, torch.ones(2, 4, 3)
    torch.library.opcheck(
        torch.ops.lowerpose_ops.gaussian_targets.default,
        (joints, visible, 48, 64, 2.0, sigmas, "hrnet", True, instance_weights, torch.float32),
    )


def test_numpy_and_torch_give_the_same_bits():
    rng = np.random.default_rng(0)
    arguments = (*random_people(rng, 3, 2, 6), SIZE, rng.uniform(0.5, 4, (3, 2)))
    tensors = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    for preset, fixed in EVERY_PRESET:
        options = {"preset": preset, "fixed": fixed, "instance_weights": True}
        arrays = lp.gaussian_targets(*arguments, **options)
        for array, tensor in zip(arrays, lp.gaussian_targets(*tensors, **options), strict=True):
            np.testing.assert_array_equal(array, tensor.numpy())
