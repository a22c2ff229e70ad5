from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import heatmap_decode as reference
from tests.heatmap_samples import far_apart, maps


def check_same(heatmaps, refine):
    coords, scores = lp.decode_heatmaps(heatmaps, refine)
    expected_coords, expected_scores = reference.decode_heatmaps(heatmaps, refine)
    torch.testing.assert_close(coords, expected_coords, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(scores, expected_scores, rtol=0, atol=0, equal_nan=True)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("refine", ["none", "quarter"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (3, 5), (2, 400), (96, 72)])
def test_random_maps(size, dtype, refine):
    heatmaps = maps((4, 5, *size)).to(dtype)
    check_same(heatmaps, refine)
    check_same(heatmaps.contiguous(memory_format=torch.channels_last), refine)
    check_same(heatmaps.transpose(2, 3), refine)
    check_same(heatmaps[:, ::2, 1 if size[0] > 1 else 0 :, ::3], refine)


@pytest.mark.usefixtures("device")
def test_offsets_beyond_32_bits():
    check_same(far_apart(maps((2, 3, 8, 8)).half()), "quarter")


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    height=st.integers(1, 9),
    width=st.integers(1, 40),
    refine=st.sampled_from(["none", "quarter"]),
)
def test_ties_infinities_and_nan(data, height, width, refine):
    few_values = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0, -np.inf, np.inf, np.nan])
    values = data.draw(st.lists(few_values, min_size=height * width, max_size=height * width))
    check_same(torch.tensor(values).reshape(1, 1, height, width), refine)


@pytest.mark.usefixtures("device")
def test_the_first_of_equal_maxima_wins_wherever_it_stands():
    for index in (0, 15, 16, 17, 255, 256, 300, 3071):
        heatmaps = torch.zeros(1, 1, 64, 48)
        heatmaps.view(-1)[index:] = 1.0
        coords, _ = lp.decode_heatmaps(heatmaps, "none")
        assert coords.flatten().tolist() == [index % 48, index // 48]


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("x", range(8))
@pytest.mark.parametrize("y", range(6))
def test_quarter_stays_put_on_the_outer_two_rows_of_hrnet(x, y):
    heatmap = torch.zeros(1, 1, 6, 8)
    heatmap[0, 0, y, x] = 1
    heatmap[0, 0, :, min(x + 1, 7)] += 0.1  # a larger right neighbour
    coords, _ = lp.decode_heatmaps(heatmap)
    inside = 1 < x < 7 and 1 < y < 5
    assert coords.flatten().tolist() == [x + 0.25 * inside, y]


def test_accuracy_on_exact_gaussians():
    rng = np.random.default_rng(0)
    joints = rng.uniform(16, 32, (500, 4, 2))
    targets, _ = lp.gaussian_targets(joints, np.ones((500, 4)), (48, 48))
    for refine, limit in (("none", 0.416), ("quarter", 0.208)):
        coords, scores = lp.decode_heatmaps(targets, refine)
        error = np.sqrt(((coords - joints) ** 2).sum(-1).mean())
        assert limit - 0.01 < error < limit
        assert (scores > 0.93).all()


@pytest.mark.usefixtures("array_device")
def test_numpy_and_torch_give_the_same_bits():
    heatmaps = np.random.default_rng(0).standard_normal((2, 3, 20, 24)).astype(np.float32)
    for given_maps in (heatmaps, heatmaps[:, :, ::-1, ::2]):
        arrays = lp.decode_heatmaps(given_maps)
        tensors = lp.decode_heatmaps(torch.tensor(given_maps.copy()))
        for array, tensor in zip(arrays, tensors, strict=True):
            np.testing.assert_array_equal(array, tensor.numpy())


@pytest.mark.usefixtures("device")
def test_shapes_and_types():
    heatmaps = torch.rand(6, 8, 8, dtype=torch.float64, requires_grad=True)
    coords, scores = lp.decode_heatmaps(heatmaps)
    assert coords.shape == (6, 2)
    assert scores.shape == (6,)
    assert coords.dtype == scores.dtype == torch.float32
    assert not coords.requires_grad
    assert lp.decode_heatmaps(torch.zeros(0, 6, 8, 8))[0].shape == (0, 6, 2)
    interleaved = torch.empty(2, 0, 8, 8, memory_format=torch.channels_last)
    assert lp.decode_heatmaps(interleaved)[0].shape == (2, 0, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(8, 8),), ValueError, r"heatmaps must be \[K, H, W\] or \[B, K, H, W\]"),
        ((torch.zeros(1, 1, 0, 8),), ValueError, "heatmaps must be maps of at least one pixel"),
        ((torch.zeros(1, 1, 8, 8).int(),), TypeError, "heatmaps must be float32 or float16"),
        ((np.zeros((1, 8, 8), np.uint8),), TypeError, "heatmaps must be float32 or float16"),
        (([[0.0]],), TypeError, "heatmaps must be a NumPy array or a torch tensor, got list"),
        ((torch.zeros(1, 8, 8), "darkest"), ValueError, "refine must be 'none' or 'quarter'"),
        ((torch.zeros(1, 8, 8), np.array(["none"])), ValueError, "refine must be 'none' or"),
    ],
)
def test_refusals_name_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=f"decode_heatmaps: {message}"):
        lp.decode_heatmaps(*arguments)


@pytest.mark.parametrize("heatmaps", [torch.zeros(1, 8, 8), np.zeros((1, 8, 8))])
def test_unknown_presets_are_refused(heatmaps):
    with pytest.raises(ValueError, match="decode_heatmaps: preset must be None, got 'hrnt'"):
        lp.decode_heatmaps(heatmaps, preset="hrnt")


def test_opcheck():
    torch.library.opcheck(
        torch.ops.lowerpose_ops.decode_heatmaps.default, (torch.rand(2, 3, 8, 8), "quarter")
    )
