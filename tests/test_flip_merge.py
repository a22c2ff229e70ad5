"""The flip test against its formula, HRNet's and MMPose's numbers, and the reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import flip_merge as reference
from tests.heatmap_samples import far_apart, maps

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
PAIRS = lp.LOWER_BODY_FLIP_PAIRS


def check_same(heatmaps, flipped, pairs, shift):
    merged = lp.flip_merge(heatmaps, flipped, pairs, shift)
    expected = reference.flip_merge(heatmaps, flipped, pairs, shift)
    # One sum, one product with a power of two and one rounding on either side: the same bits.
    torch.testing.assert_close(merged, expected, rtol=0, atol=0, equal_nan=True)
    return merged


@pytest.mark.usefixtures("device")
def test_the_formula_on_one_row():
    heatmaps = torch.tensor([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])
    flipped = torch.tensor([[[10.0, 20.0, 30.0]], [[100.0, 200.0, 300.0]]])
    alone = lp.flip_merge(heatmaps, flipped, [])
    assert alone.tolist() == [[[15.5, 11.0, 6.5]], [[152.0, 102.5, 53.0]]]
    exchanged = lp.flip_merge(heatmaps, flipped, [(0, 1)])
    assert exchanged.tolist() == [[[150.5, 101.0, 51.5]], [[17.0, 12.5, 8.0]]]
    # The columns 0 and 1 of what is added are equal: column 0 keeps its value.
    shifted = lp.flip_merge(heatmaps, flipped, [(1, 0)], shift=True)
    assert shifted.tolist() == [[[150.5, 151.0, 101.5]], [[17.0, 17.5, 13.0]]]


@pytest.mark.usefixtures("device")
def test_a_joint_and_its_mirror_image_meet():
    """The heatmaps of a mirrored image, mirrored back: with UDP's alignment the same maps."""
    joints = torch.tensor([[[10.25, 20.0], [30.5, 40.25], [12.0, 50.0]]])
    visible = torch.ones(1, 3)
    heatmaps, _ = lp.gaussian_targets(joints, visible, (48, 64))
    mirrored = joints[:, [0, 2, 1]] * torch.tensor([-1.0, 1.0]) + torch.tensor([47.0, 0.0])
    flipped, _ = lp.gaussian_targets(mirrored, visible, (48, 64))
    merged = lp.flip_merge(heatmaps, flipped, [(1, 2)])
    # All these coordinates are exact, and so are the distances from the pixels.
    torch.testing.assert_close(merged, heatmaps, rtol=0, atol=0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("size", [(16, 12), (1, 1), (3, 1), (1, 5), (5, 33)])
def test_any_layout_of_either(size, shift, dtype):
    def layouts(seed):
        plain = maps((2, 6, *size), seed=seed).to(dtype)
        wide = torch.zeros(2, 7, size[0], 3 * size[1], dtype=dtype)
        wide[:, 1:, :, ::3] = plain
        return (
            plain,
            plain.contiguous(memory_format=torch.channels_last),
            plain.transpose(2, 3).contiguous().transpose(2, 3),
            wide[:, 1:, :, ::3],
        )

    for heatmaps, flipped in itertools.product(layouts(0), layouts(1)):
        merged = check_same(heatmaps, flipped, PAIRS, shift)
        assert merged.dtype == dtype
        assert merged.stride() == torch.empty_like(heatmaps).stride()


@pytest.mark.usefixtures("device")
@given(data=st.data(), num_joints=st.integers(1, 9), width=st.integers(1, 9), shift=st.booleans())
def test_any_pairs_and_values(data, num_joints, width, shift):
    order = data.draw(st.permutations(range(num_joints)))
    count = data.draw(st.integers(0, num_joints // 2))
    pairs = [(order[2 * i], order[2 * i + 1]) for i in range(count)]
    few_values = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 3e38, np.inf, -np.inf, np.nan])
    number = 2 * num_joints * 2 * width
    values = data.draw(st.lists(few_values, min_size=number, max_size=number))
    heatmaps, flipped = torch.tensor(values).reshape(2, 1, num_joints, 2, width)
    check_same(heatmaps, flipped, pairs, shift)


@pytest.mark.usefixtures("device")
def test_offsets_beyond_32_bits():
    near, far = maps((2, 6, 8, 8)).half(), far_apart(maps((2, 6, 8, 8), seed=1).half())
    check_same(near, far, PAIRS, True)
    check_same(far, near, PAIRS, False)


@pytest.mark.usefixtures("device")
def test_one_tensor_for_both():
    heatmaps = maps((2, 6, 8, 8))
    check_same(heatmaps, heatmaps, PAIRS, False)


@pytest.mark.usefixtures("device")
def test_expanded_maps_of_stride_zero():
    check_same(maps((1, 1, 5, 6)).expand(3, 6, 5, 6), maps((3, 6, 5, 6), seed=1), PAIRS, True)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(0, 6, 8, 8), (2, 6, 0, 8), (2, 6, 8, 0)])
def test_nothing_to_merge(shape):
    assert lp.flip_merge(torch.zeros(shape), torch.zeros(shape), PAIRS, True).shape == shape


@pytest.mark.usefixtures("device")
def test_no_joints():
    empty = torch.zeros(2, 0, 8, 8)
    assert lp.flip_merge(empty, empty, []).shape == (2, 0, 8, 8)


@pytest.mark.usefixtures("device")
def test_as_many_joints_as_there_may_be():
    heatmaps, flipped = maps((1, 1024, 1, 2)), maps((1, 1024, 1, 2), seed=1)
    check_same(heatmaps, flipped, [(i, 1023 - i) for i in range(512)], True)
    with pytest.raises(ValueError, match="flip_pairs must be of heatmaps of at most 1024 joints"):
        lp.flip_merge(torch.zeros(1025, 1, 2), torch.zeros(1025, 1, 2), [])


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shift", [False, True])
def test_numpy_and_torch_give_the_same_bits(dtype, shift):
    arrays = np.random.default_rng(0).standard_normal((2, 2, 6, 10, 12)).astype(dtype)
    for heatmaps, flipped in ((arrays[0], arrays[1]), arrays[:, :, :, ::-1, ::2], arrays[:, 0]):
        merged = lp.flip_merge(heatmaps, flipped, PAIRS, shift)
        tensors = (torch.tensor(values.copy()) for values in (heatmaps, flipped))
        assert merged.dtype == dtype
        np.testing.assert_array_equal(merged, lp.flip_merge(*tensors, PAIRS, shift).numpy())


def test_pairs_may_be_arrays():
    heatmaps, flipped = maps((6, 4, 4)), maps((6, 4, 4), seed=1)
    expected = lp.flip_merge(heatmaps, flipped, PAIRS)
    for pairs in (np.array(PAIRS), [list(pair) for pair in PAIRS], np.array(PAIRS, np.uint8)):
        assert torch.equal(lp.flip_merge(heatmaps, flipped, pairs), expected)
    assert torch.equal(
        lp.flip_merge(heatmaps, flipped, np.zeros((0, 2))), lp.flip_merge(heatmaps, flipped, [])
    )


MAPS = torch.zeros(1, 3, 4, 4)
PLACED = {"heatmaps": MAPS, "flipped": MAPS, "flip_pairs": [(0, 1)], "shift": False}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"heatmaps": torch.zeros(4, 4)}, ValueError, r"heatmaps must be \[K, H, W\] or \[B, K"),
        ({"flipped": MAPS[0]}, ValueError, r"flipped must be \[B, K, H, W\], got \[3, 4, 4\]"),
        ({"flipped": MAPS[:, :2]}, ValueError, r"flipped must be .* like heatmaps = \[1, 3, 4, 4"),
        ({"flipped": MAPS.double()}, TypeError, "flipped must be float32, got float64"),
        ({"heatmaps": MAPS.int()}, TypeError, "heatmaps must be float32 or float16"),
        ({"heatmaps": [0.0]}, TypeError, "heatmaps must be a NumPy array or a torch tensor"),
        ({"flipped": MAPS.numpy()}, TypeError, "flipped must be a torch tensor, got ndarray"),
        ({"flip_pairs": [(0, 3)]}, ValueError, "flip_pairs must be joint indices from 0 to 2, got"),
        ({"flip_pairs": [(-1, 0)]}, ValueError, "flip_pairs must be pairs of joint indices"),
        ({"flip_pairs": [(0, 2**70)]}, ValueError, "flip_pairs must be pairs of joint indices"),
        ({"flip_pairs": [(0, 1), (1, 2)]}, ValueError, "each joint at most once, got 1 twice"),
        ({"flip_pairs": [(2, 2)]}, ValueError, "each joint at most once, got 2 twice"),
        ({"flip_pairs": [1, 0, 2]}, ValueError, "flip_pairs must be pairs of joint indices, got"),
        ({"flip_pairs": [(0, 1, 2)]}, ValueError, "flip_pairs must be pairs of joint indices"),
        ({"flip_pairs": [(0, 1.0)]}, TypeError, "flip_pairs must be .*, got float"),
        ({"flip_pairs": None}, TypeError, "flip_pairs must be pairs of joint indices, got None"),
        ({"shift": 1}, TypeError, "shift must be True or False, got int"),
        ({"heatmaps": MAPS.clone().requires_grad_()}, ValueError, "heatmaps must not require"),
        ({"flipped": MAPS.clone().requires_grad_()}, ValueError, "flipped must not require"),
    ],
)
def test_refusals_name_what_is_wrong(changed, error, message):
    with pytest.raises(error, match=f"flip_merge: .*{message}"):
        lp.flip_merge(**PLACED | changed)


def test_opcheck():
    arguments = (maps((2, 3, 8, 6)), maps((2, 3, 8, 6), seed=1), [0, 2], True)
    operation = torch.ops.lowerpose_ops.flip_merge.default
    torch.library.opcheck(operation, arguments)
    last = arguments[0].contiguous(memory_format=torch.channels_last)
    torch.library.opcheck(operation, (last, *arguments[1:]))
