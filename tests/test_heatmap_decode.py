from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import heatmap_decode as reference
from tests.heatmap_samples import far_apart, maps

REFINEMENTS = ["none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp"]


def check_same(heatmaps, refine):
    coords, scores = lp.decode_heatmaps(heatmaps, refine)
    expected_coords, expected_scores = reference.decode_heatmaps(heatmaps, refine)
    # Both compute in double and round once; a Newton step divides by what is nearly 0 at times, and
    # its logarithms of blurred values come from sums in another order.
    atol = {"none": 0, "quarter": 0, "dark": 1e-5, "dark_udp": 1e-5}.get(refine, 1e-6)
    rtol = 0 if atol == 0 else 1.2e-7
    torch.testing.assert_close(coords, expected_coords, rtol=rtol, atol=atol, equal_nan=True)
    torch.testing.assert_close(scores, expected_scores, rtol=0, atol=0, equal_nan=True)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("refine", REFINEMENTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (3, 5), (2, 400), (96, 72)])
def test_random_maps(size, dtype, refine, device):
    if device == "cuda-emulated" and refine not in ("quarter", "dark") and size[0] > 5:
        return  # the same kernels, with another number in the arguments
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
    refine=st.sampled_from(REFINEMENTS),
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


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("refine", ["quarter", "gradient", "parabola", "log_parabola"])
@pytest.mark.parametrize("border", ["both_axes", "per_axis_mm", "full_interior", "clamp"])
def test_where_each_border_rule_moves_a_maximum(border, refine):
    """A peak at every pixel in turn, its right and lower neighbours larger than the others."""
    width, height = 6, 5
    heatmaps = torch.full((height * width, 1, height, width), 0.1)
    for index, heatmap in enumerate(heatmaps[:, 0]):
        y, x = divmod(index, width)
        heatmap[y, x] = 1
        heatmap[y, min(x + 1, width - 1)] = heatmap[min(y + 1, height - 1), x] = 0.5
        heatmap[y, x] = 1
    coords, _ = lp.decode_heatmaps(heatmaps, refine, border=border)
    for index, (moved_x, moved_y) in enumerate(coords[:, 0].tolist()):
        y, x = divmod(index, width)
        inner_x, inner_y = 1 < x < width - 1, 1 < y < height - 1
        expected = {
            "both_axes": (inner_x and inner_y, inner_x and inner_y),
            "per_axis_mm": (inner_x and y > 0, inner_y and x > 0),
            "full_interior": (0 < x < width - 1, 0 < y < height - 1),
            # On the far border the maximum is its own neighbour, and larger than the other.
            "clamp": (True, True),
        }[border]
        assert (moved_x != x, moved_y != y) == expected


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("refine", ["none", "quarter", "dark"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_flipped_maps_are_merged_on_the_way(dtype, refine, shift):
    heatmaps, flipped = maps((2, 6, 12, 10), dtype), maps((2, 6, 12, 10), dtype, seed=1)
    flip = {"flip_pairs": lp.LOWER_BODY_FLIP_PAIRS, "shift": shift}
    merged = lp.flip_merge(heatmaps, flipped, **flip)
    expected = lp.decode_heatmaps(merged, refine)
    for lay_out in (torch.Tensor.contiguous, lambda m: m.to(memory_format=torch.channels_last)):
        ours = lp.decode_heatmaps(lay_out(heatmaps), refine, flipped=lay_out(flipped), **flip)
        torch.testing.assert_close(ours, expected, rtol=0, atol=0)
    single = lp.decode_heatmaps(heatmaps[1], refine, flipped=flipped[1], **flip)
    torch.testing.assert_close(single, tuple(e[1] for e in expected), rtol=0, atol=0)


@pytest.mark.usefixtures("device")
def test_the_blur_of_dark_can_be_chosen():
    heatmaps = maps((2, 3, 24, 20))
    for refine, kernel in (("dark", 17), ("dark", 33), ("dark_udp", 13)):
        coords, _ = lp.decode_heatmaps(heatmaps, refine, blur_kernel=kernel)
        expected, _ = reference.decode_heatmaps(heatmaps, refine, blur_kernel=kernel)
        torch.testing.assert_close(coords, expected, rtol=1.2e-7, atol=1e-5)  # as in check_same


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
        ((torch.zeros(1, 8, 8), "darkest"), ValueError, "refine must be 'dark' or 'dark_udp' or"),
        ((torch.zeros(1, 8, 8), np.array(["none"])), TypeError, "refine must be a word, got nd"),
    ],
)
def test_refusals_name_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=f"decode_heatmaps: {message}"):
        lp.decode_heatmaps(*arguments)


@pytest.mark.parametrize("heatmaps", [torch.zeros(2, 8, 8), np.zeros((2, 8, 8))])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"preset": "hrnt"}, ValueError, "preset must be .* or 'hrnet' or .*, got 'hrnt'"),
        ({"preset": "hrnet", "refine": "dark"}, ValueError, "refine must be 'none', or left to"),
        ({"fixed": True}, ValueError, "fixed must be False without a preset"),
        ({"fixed": 1, "preset": "hrnet"}, TypeError, "fixed must be True or False, got int"),
        ({"border": "open"}, ValueError, "border must be 'both_axes' or"),
        ({"border": "clamp", "refine": "dark"}, ValueError, "border must be None with refine"),
        ({"border": "clamp", "preset": "hrnet"}, ValueError, "border must be None with"),
        ({"blur_kernel": 11}, ValueError, "blur_kernel must be None with refine 'quarter'"),
        ({"blur_kernel": 10, "refine": "dark"}, ValueError, "blur_kernel must be an odd number"),
        ({"blur_kernel": 35, "refine": "dark"}, ValueError, "blur_kernel must be an odd number"),
        ({"blur_kernel": 9.0, "refine": "dark"}, TypeError, "blur_kernel must be an integer"),
        ({"covariance": True}, ValueError, "covariance must be False unless refine is 'dark'"),
        ({"covariance": True, "preset": "mmpose_dark"}, ValueError, "covariance must be False"),
        ({"shift": True}, ValueError, "flipped must be heatmaps with shift, got None"),
        ({"flip_pairs": [(0, 1)]}, ValueError, "flipped must be heatmaps with flip_pairs"),
    ],
)
def test_options_that_do_not_fit_are_refused(heatmaps, options, error, message):
    with pytest.raises(error, match=f"decode_heatmaps: {message}"):
        lp.decode_heatmaps(heatmaps, **options)


def test_flipped_maps_must_match():
    heatmaps = torch.zeros(2, 8, 8)
    for flipped, pairs, error, message in (
        (
            torch.zeros(2, 8, 9),
            [(0, 1)],
            ValueError,
            r"flipped must be \[B, K, H, W\] like heatmaps",
        ),
        (torch.zeros(2, 8, 8).double(), [(0, 1)], TypeError, "flipped must be float32"),
        (torch.zeros(1, 2, 8, 8), [(0, 1)], ValueError, r"flipped must be \[K, H, W\]"),
        (torch.zeros(2, 8, 8), None, ValueError, "flip_pairs must be given with flipped"),
        (torch.zeros(2, 8, 8), [(0, 2)], ValueError, "flip_pairs must be joint indices"),
        (np.zeros((2, 8, 8)), [(0, 1)], TypeError, "flipped must be a torch tensor"),
    ):
        with pytest.raises(error, match=f"decode_heatmaps: {message}"):
            lp.decode_heatmaps(heatmaps, flipped=flipped, flip_pairs=pairs)


@pytest.mark.parametrize(
    "options",
    [
        (None, [], False, "quarter", None, False, None, None, False),
        (torch.zeros(2, 3, 8, 8), [0, 2], True, "dark", None, False, None, 9, True),
        (None, [], False, "quarter", "mmpose_udp", True, None, None, False),
    ],
)
def test_opcheck(options):
    joints = torch.tensor([[[3.2, 3.7], [4.1, 4.4], [3.6, 4.0]]])  # a NaN differs from itself there
    heatmaps, _ = lp.gaussian_targets(joints.expand(2, 3, 2), torch.ones(2, 3), (8, 8))
    heatmaps += 0.01 * torch.rand(2, 3, 8, 8)
    torch.library.opcheck(torch.ops.lowerpose_ops.decode_heatmaps.default, (heatmaps, *options))
