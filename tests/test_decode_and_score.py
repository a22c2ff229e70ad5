"""Decoding, mapping back and counting in one pass: the bits of the three operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.decode_presets import DECODINGS, REFINEMENTS
from lowerpose_ops.reference import decode_and_score as reference
from tests.cuda_cases.layouts import channels_last, cut_out, transposed
from tests.heatmap_samples import difficult_maps, far_apart, maps

THRESHOLDS = (0.0, 0.1, 0.25)
DECODING = {"preset", "fixed", "border", "blur_kernel", "flipped", "flip_pairs", "shift"}
WAY_BACK = {"center", "scale", "convention", "matrix", "pixel_std", "scale_axes"}


def one_by_one(heatmaps, gt, valid, norm, thresholds, refine="quarter", **options):
    """The three operations, one behind the other."""
    parts: list[dict[str, Any]] = [
        {name: value for name, value in options.items() if name in names}
        for names in (DECODING, WAY_BACK, options.keys() - DECODING - WAY_BACK)
    ]
    decoding, way_back, counting = parts
    coords, scores = lp.decode_heatmaps(heatmaps, refine, **decoding)
    if way_back:
        size = {} if "matrix" in way_back else {"heatmap_size": heatmaps.shape[:1:-1]}
        coords = lp.to_image(coords, **{"heatmap_size": None} | size, **way_back)
    return coords, scores, *lp.pck_counts(coords, gt, valid, norm, thresholds, **counting)


def check_same(*arguments, **options):
    ours = lp.decode_and_score(*arguments, **options)
    expected = one_by_one(*arguments, **options)
    torch.testing.assert_close(ours, expected, rtol=0, atol=0, equal_nan=True)
    return ours


def people(batch=3, num_joints=5, size=(20, 24), seed=0):
    """Truths about maps of this (W, H), some that do not count; and boxes."""
    seeds = iter(range(10 * seed, 10 * seed + 10))
    gt = torch.tensor(size) / 2 + 6 * maps((batch, num_joints, 2), seed=next(seeds))
    valid = (maps((batch, num_joints), seed=next(seeds)) > -0.8).float()
    if gt.numel():
        gt[0, 0, 0], gt[-1, -1, 1] = torch.nan, 2.0**31
    center = 100 * maps((batch, 2), seed=next(seeds))
    scale = 80 + 5 * maps((batch, 2), seed=next(seeds))
    matrix = maps((batch, 2, 3), seed=next(seeds))
    return gt, valid, center, scale, matrix


WAYS = ("none", "corner", "udp", "half_pixel", "squares", "x_only", "matrices", "matrix")


def way_back(way, center, scale, matrix):
    box = {"center": center, "scale": scale}
    return {
        "none": {},
        "corner": box,
        "udp": box | {"convention": "udp"},
        "half_pixel": box | {"convention": "half_pixel"},
        "squares": box | {"scale": scale[:, 0]},
        "x_only": box | {"scale": scale / 200, "pixel_std": 200.0, "scale_axes": "x_only"},
        "matrices": {"matrix": matrix},
        "matrix": {"matrix": matrix.sum(0)},
    }[way]


@pytest.mark.usefixtures("device")
def test_known_numbers():
    heatmaps = torch.zeros(2, 2, 8, 8)
    heatmaps[0, 0, 3, 4] = heatmaps[0, 1, 5, 2] = heatmaps[1, 0, 2, 2] = 2.0
    heatmaps[1, 1, 4, 4] = torch.nan
    gt = torch.tensor([[[4.0, 3.0], [2.0, 1.0]], [[3.0, 2.0], [4.0, 4.0]]])
    valid = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    coords, scores, correct, counted = lp.decode_and_score(
        heatmaps, gt, valid, 8.0, (0.125, 0.25), "none"
    )
    assert coords[:, 0].tolist() == [[4, 3], [2, 2]]
    assert coords[0, 1].tolist() == [2, 5]
    assert coords[1, 1].isnan().all()
    assert scores[0].tolist() == [2, 2]
    assert scores[1, 1].isnan()
    # 0, 4 and 1 of 8 pixels, and a NaN.
    assert correct.tolist() == [[1, 0], [2, 0]]
    assert counted.tolist() == [2, 2]
    box = {"center": torch.full((2, 2), 40.0), "scale": torch.full((2,), 80.0)}
    image = lp.decode_and_score(heatmaps, 10 * gt, valid, 80.0, 0.125, "none", cmp="le", **box)
    assert image[0][0].tolist() == [[40, 30], [20, 50]]
    assert image[2].tolist() == [[2, 0]]
    assert image[3].tolist() == [2, 2]  # no hit of a threshold that is not there


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("merged", [False, True])
def test_equals_the_reference(merged, way):
    heatmaps, flipped = maps((3, 5, 12, 10)), maps((3, 5, 12, 10), seed=1)
    gt, valid, *box = people(size=(10, 12))
    image = way_back(way, *box)
    gt = gt if way == "none" else lp.to_image(gt, **size_of(image, (10, 12)), **image).double()
    flip = {"flipped": flipped, "flip_pairs": [(0, 4), (1, 2)], "shift": True} if merged else {}
    norm = 20.0 if way == "none" else 200.0
    ours = lp.decode_and_score(heatmaps, gt, valid, norm, THRESHOLDS, **flip, **image)
    expected = reference.decode_and_score(
        heatmaps, gt, valid, norm, THRESHOLDS, flip=flip, image=image
    )
    # The same double arithmetic, rounded to float32 at its end in another order of the sums.
    torch.testing.assert_close(ours[0], expected[0], rtol=2.4e-7, atol=1e-5)
    torch.testing.assert_close(ours[1:], expected[1:], rtol=0, atol=0)
    assert ours[2][-1].sum() > 0


def size_of(image, size):
    return {} if "matrix" in image else {"heatmap_size": size}


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("preset", DECODINGS)
def test_equals_the_three_operations_for_every_preset(preset, fixed):
    heatmaps = torch.from_numpy(difficult_maps(4)).to(torch.get_default_device())
    gt, valid, *box = people(4)
    check_same(heatmaps, gt, valid, 20.0, THRESHOLDS, preset=preset, fixed=fixed)
    check_same(
        *(heatmaps, gt, valid, 20.0, THRESHOLDS, "none"),
        preset=preset,
        fixed=fixed,
        **way_back("udp", *box),
    )


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("refine", REFINEMENTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_equals_the_three_operations_for_every_refinement_type_and_layout(dtype, refine):
    heatmaps = torch.from_numpy(difficult_maps(3)).to(torch.get_default_device()).to(dtype)
    flipped = heatmaps.flip(0, 3)
    gt, valid, *box = people()
    flip = {"flip_pairs": [(0, 1)], "shift": True}
    for lay_out in (torch.Tensor.contiguous, channels_last, transposed, cut_out):
        given = lay_out(heatmaps), gt, valid, (0, 4), THRESHOLDS, refine
        check_same(*given)
        check_same(*given, flipped=lay_out(flipped), **flip, **way_back("corner", *box))


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    batch=st.integers(0, 3),
    num_joints=st.integers(1, 4),
    way=st.sampled_from(WAYS),
    kind=st.sampled_from(["number", "instance", "axis", "joint", "pair"]),
    cmp=st.sampled_from(["lt", "le"]),
    inside=st.sampled_from([None, (5.0, 12.5)]),
    above=st.sampled_from([None, 0.0, 3.0]),
    refine=st.sampled_from(["none", "quarter", "parabola"]),
    border=st.sampled_from([None, "clamp", "full_interior"]),
)
def test_any_options(data, batch, num_joints, way, kind, cmp, inside, above, refine, border):
    num_joints += kind == "pair"
    gt, valid, *box = people(batch, num_joints, seed=data.draw(st.integers(0, 9)))
    few = st.sampled_from([-1.0, 0.0, 0.5, 1.0, np.inf, np.nan])
    count = batch * num_joints * 5 * 4
    values = data.draw(st.lists(few, min_size=count, max_size=count))
    heatmaps = torch.tensor(values).reshape(batch, num_joints, 5, 4)
    size = maps((batch, num_joints), seed=5).abs()
    norms = {"number": 8.0, "instance": size[:, 0], "axis": gt[:, 0], "joint": size}
    norms["pair"] = (num_joints - 1, 0)
    layout = kind if kind in ("axis", "joint") else "auto"
    options = {"cmp": cmp, "norm_layout": layout, "inside": inside, "above": above}
    options |= {} if refine == "none" else {"border": border}
    given_maps = heatmaps, gt, valid, norms[kind], THRESHOLDS, refine
    check_same(*given_maps, **options, **way_back(way, *box))


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.int64, torch.uint8])
def test_every_type_of_the_small_arguments(kind):
    heatmaps = maps((3, 5, 12, 10))
    gt, valid, *box = people()
    gt = gt.nan_to_num().clamp(0, 20).to(kind)
    norm = torch.tensor([3.0, 5.0, 7.0]).to(kind)
    given_maps = heatmaps, gt, valid.to(kind)[..., None], norm, np.array(THRESHOLDS)
    check_same(*given_maps)
    check_same(*given_maps, **way_back("corner", *(100 * each for each in box)))
    check_same(*given_maps[:2], valid > 0, *given_maps[3:])


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_any_number_of_thresholds(count):
    """More than a launch carries on a GPU."""
    gt, valid, *_ = people()
    check_same(maps((3, 5, 24, 20)), gt, valid, 20.0, [0.01 * i for i in range(count)])


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_without_maps(shape):
    gt, valid = torch.zeros(*shape, 2), torch.zeros(shape)
    for count in (2, 70):
        thresholds = [0.5] * count
        results = check_same(torch.zeros(*shape, 8, 8), gt, valid, 1.0, thresholds)
        assert results[2].shape == (count, shape[1])
        assert not results[2].any()


@pytest.mark.usefixtures("device")
def test_offsets_beyond_32_bits():
    gt, valid, *_ = people(2, 3)
    check_same(far_apart(maps((2, 3, 8, 8)).half()), gt, valid, 8.0, THRESHOLDS)


@pytest.mark.parametrize("batch", [7, 64])
def test_the_result_does_not_depend_on_the_number_of_threads(batch):
    heatmaps = maps((batch, 7, 32, 24))
    gt, valid, *box = people(batch, 7)
    before = torch.get_num_threads()
    results = []
    for count in (1, 2, 3, 7):
        torch.set_num_threads(count)
        for _ in range(3):
            results.append(
                lp.decode_and_score(
                    *(heatmaps[1:, ::2], gt[1:, ::2], valid[1:, ::2], 20.0, (0.1, 0.5), "dark"),
                    matrix=box[2][0],
                )
            )
    torch.set_num_threads(before)
    assert results[0][2].sum() > 0
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=0, equal_nan=True)


@pytest.mark.usefixtures("array_device")
def test_numpy_and_torch_give_the_same_bits():
    gt, valid, *box = people()
    tensors = torch.from_numpy(difficult_maps(3)), gt, valid
    arrays = tuple(tensor.numpy() for tensor in tensors)
    for way in WAYS:
        image = way_back(way, *box)
        as_arrays = {
            name: value.numpy() if isinstance(value, torch.Tensor) else value
            for name, value in image.items()
        }
        for norm in (20.0, (0, 1)):
            ours = lp.decode_and_score(*arrays, norm, THRESHOLDS, **as_arrays)
            expected = lp.decode_and_score(*tensors, norm, THRESHOLDS, **image)
            for array, tensor in zip(ours, expected, strict=True):
                assert array.dtype == tensor.numpy().dtype
                np.testing.assert_array_equal(array, tensor.numpy())
    flip = {"flip_pairs": [(0, 1)], "preset": "mmpose_udp"}
    ours = lp.decode_and_score(*arrays, gt.numpy()[:, 0], 0.1, flipped=arrays[0], **flip)
    expected = lp.decode_and_score(*tensors, gt[:, 0], 0.1, flipped=tensors[0], **flip)
    for array, tensor in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(array, tensor.numpy())


def test_counts_of_batches_add_up():
    heatmaps = maps((9, 5, 12, 10))
    gt, valid, *_ = people(9)
    whole = lp.decode_and_score(heatmaps, gt, valid, 10.0, (0.3, 0.6))
    parts = [
        lp.decode_and_score(heatmaps[s], gt[s], valid[s], 10.0, (0.3, 0.6))
        for s in (slice(4), slice(4, 9))
    ]
    for index in (2, 3):
        assert torch.equal(whole[index], parts[0][index] + parts[1][index])


def test_no_gradient_and_no_change_of_the_inputs():
    inputs = [maps((3, 5, 12, 10)), *people()]
    copies = [tensor.clone() for tensor in inputs]
    for tensor in inputs:
        tensor.requires_grad_()
    heatmaps, gt, valid, center, scale, _ = inputs
    results = lp.decode_and_score(heatmaps, gt, valid, 9.0, 0.5, center=center, scale=scale)
    assert not any(result.requires_grad for result in results)
    for tensor, copy in zip(inputs, copies, strict=True):
        torch.testing.assert_close(tensor.detach(), copy, rtol=0, atol=0, equal_nan=True)


RULES = ("auto", False, [], None)  # norm_layout, inclusive, inside, above
DECODINGS_OF_OP = {
    "plain": ([], False, "quarter", None, False, None, None),
    "merged": ([0, 2], True, "dark", None, False, None, 9),
    "preset": ([], False, "quarter", "mmpose_udp", True, None, None),
}


@pytest.mark.parametrize("case", DECODINGS_OF_OP)
def test_opcheck(case):
    joints = torch.tensor([[[3.2, 3.7], [4.1, 4.4], [3.6, 4.0]]]).expand(2, 3, 2)
    heatmaps, valid = lp.gaussian_targets(joints, torch.ones(2, 3), (8, 8))
    heatmaps += 0.01 * torch.rand(2, 3, 8, 8)  # a NaN differs from itself there
    flipped = heatmaps.clone() if case == "merged" else None
    box = {
        "plain": (None, None, None),
        "merged": (torch.ones(2, 2), torch.ones(2), None),
        "preset": (None, None, torch.ones(2, 3)),
    }[case]
    norm, pair = (torch.ones(2), []) if case == "merged" else (None, [0, 2])
    torch.library.opcheck(
        torch.ops.lowerpose_ops.decode_and_score.default,
        (
            *(heatmaps, joints, valid, [0.05, 0.1], norm, flipped, *box),
            *(*DECODINGS_OF_OP[case], "corner", 1.0, "xy", 1.0, pair, *RULES),
        ),
    )


class Scorer(torch.nn.Module):
    def forward(self, heatmaps, gt, valid, center, scale):
        return lp.decode_and_score(
            *(2 * heatmaps, gt, valid, (0, 1), (0.1, 0.5), "dark"),
            flipped=heatmaps.flip(3),
            flip_pairs=[(0, 1)],
            center=center,
            scale=scale,
            convention="udp",
        )


def inputs_of_scorer(batch):
    gt, valid, center, scale, _ = people(batch)
    return maps((batch, 5, 12, 10), seed=batch), 10 * gt, valid, center, scale


@pytest.mark.parametrize("backend", ["inductor", "aot_eager"])
def test_compiles_whole_for_any_batch(backend):
    torch._dynamo.reset()
    compiled = torch.compile(Scorer(), fullgraph=True, dynamic=True, backend=backend)
    for batch in (3, 5, 8):
        inputs = inputs_of_scorer(batch)
        torch.testing.assert_close(
            compiled(*inputs), Scorer()(*inputs), rtol=0, atol=0, equal_nan=True
        )


def test_exports_for_any_batch():
    size = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(
        Scorer(), inputs_of_scorer(3), dynamic_shapes=tuple({0: size} for _ in range(5))
    )
    inputs = inputs_of_scorer(6)
    ours, expected = program.module()(*inputs), Scorer()(*inputs)
    torch.testing.assert_close(ours, expected, rtol=0, atol=0, equal_nan=True)


# Refusals -------------------------------------------------------------------------------------

MAPS = np.zeros((2, 3, 8, 6), np.float32)
BOX = {"center": np.zeros((2, 2)), "scale": np.ones((2, 2))}
SOUND = {
    "heatmaps": MAPS,
    "gt": np.zeros((2, 3, 2)),
    "valid": np.ones((2, 3)),
    "norm": 10.0,
    "thresholds": 0.1,
}


@pytest.mark.parametrize("kind", ["arrays", "tensors"])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"heatmaps": MAPS[0]}, ValueError, r"heatmaps must be \[B, K, H, W\], got \[3, 8, 6\]"),
        ({"heatmaps": MAPS[:, :, :0]}, ValueError, "heatmaps must be maps of at least one pixel"),
        ({"heatmaps": MAPS.astype(np.int32)}, TypeError, "heatmaps must be float32 or float16"),
        ({"gt": np.zeros((2, 4, 2))}, ValueError, r"gt must be \[B, K, 2\] = \[2, 3, 2\]"),
        ({"valid": np.zeros((2, 4))}, ValueError, r"valid must be \[B, K\] = \[2, 3\]"),
        ({"norm": np.ones(3)}, ValueError, r"norm must be \[B\] = \[2\]"),
        ({"norm": 0}, ValueError, "norm must be positive and finite, got 0"),
        ({"norm": None}, TypeError, r"norm \(if no \w+\) must be a number, got NoneType"),
        ({"norm": (0, 3)}, ValueError, "norm must be indices of the 3 joints, got 3"),
        ({"thresholds": -0.1}, ValueError, "thresholds must be not negative"),
        ({"thresholds": "0.1"}, TypeError, "thresholds must be a number or a sequence"),
        ({"refine": "darker"}, ValueError, "refine must be 'dark' or"),
        ({"preset": "hrnt"}, ValueError, "preset must be .*, got 'hrnt'"),
        ({"fixed": True}, ValueError, "fixed must be False without a preset"),
        ({"border": "open"}, ValueError, "border must be 'both_axes' or"),
        ({"blur_kernel": 11}, ValueError, "blur_kernel must be None with refine 'quarter'"),
        ({"refine": "dark", "blur_kernel": 35}, ValueError, "blur_kernel must be an odd number"),
        ({"flipped": MAPS}, ValueError, "flip_pairs must be given with flipped"),
        ({"shift": True}, ValueError, "flipped must be heatmaps with shift, got None"),
        (
            {"flipped": MAPS[:1], "flip_pairs": [(0, 1)]},
            ValueError,
            r"flipped must be \[B, K, H, W\] like heatmaps",
        ),
        (
            {"flipped": MAPS, "flip_pairs": [(0, 3)]},
            ValueError,
            "flip_pairs must be joint indices from 0 to 2, got 3",
        ),
        ({"center": BOX["center"]}, ValueError, "scale must be given where there is no matrix"),
        ({"scale": BOX["scale"]}, ValueError, "center must be given where there is no matrix"),
        (BOX | {"matrix": np.zeros((2, 3))}, ValueError, "center must be left out where there is"),
        (BOX | {"scale": np.ones(3)}, ValueError, r"scale must be \[B, 2\] or \[B\] = \[2\]"),
        (BOX | {"center": np.ones((3, 2))}, ValueError, r"center must be \[B, 2\] = \[2, 2\]"),
        (BOX | {"convention": "centre"}, ValueError, "convention must be 'corner' or"),
        ({"matrix": np.zeros((3, 3))}, ValueError, r"matrix must be \[2, 3\] or \[B, 2, 3\]"),
        ({"matrix": np.zeros((2, 3)), "pixel_std": 2}, ValueError, "pixel_std must be left out"),
        ({"convention": "udp"}, ValueError, "convention must be left out without center and scale"),
        ({"convention": "centre"}, ValueError, "convention must be 'corner' or"),
        ({"pixel_std": 200}, ValueError, "pixel_std must be left out without center and scale"),
        ({"pixel_std": None}, TypeError, "pixel_std must be a number"),
        ({"scale_axes": "x_only"}, ValueError, "scale_axes must be left out without center"),
        (
            BOX | {"heatmaps": MAPS[:, :, :1], "convention": "udp"},
            ValueError,
            r"heatmaps must be at least \(2, 2\) under the convention 'udp', got \(6, 1\)",
        ),
        ({"cmp": "<"}, ValueError, "cmp must be 'le' or 'lt'"),
        ({"norm_layout": "both"}, ValueError, "norm_layout must be 'auto' or 'axis' or 'joint'"),
        ({"inside": 5}, ValueError, r"inside must be \(W, H\), got 5"),
        ({"above": "1"}, TypeError, "above must be a number, got str"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message, kind):
    arguments = SOUND | change
    if kind == "tensors":
        arguments = {
            name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
            for name, value in arguments.items()
        }
    with pytest.raises(error, match=f"^decode_and_score: {message}"):
        lp.decode_and_score(**arguments)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"thresholds": (1, 0.5)}, {"thresholds": (True, 0.5)}, "thresholds must be a number"),
        ({"norm": (0, 1)}, {"norm": (0, True)}, "norm must be joint indices, got bool"),
        ({"inside": (1, 5)}, {"inside": (True, 5)}, "inside must be two numbers, got bool"),
        ({"above": 1}, {"above": True}, "above must be a number, got bool"),
    ],
)
def test_what_was_accepted_before_lets_nothing_else_through(first, second, message):
    """Options are understood once; True is equal to 1, and refused."""
    for _ in range(2):
        lp.decode_and_score(**SOUND | first)
        with pytest.raises(TypeError, match=f"^decode_and_score: {message}"):
            lp.decode_and_score(**SOUND | second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heatmaps": [0.0]}, "heatmaps must be a NumPy array or a torch tensor, got list"),
        ({"gt": torch.zeros(2, 3, 2)}, "gt must be a NumPy array, got Tensor"),
        ({"valid": None}, "valid must be a NumPy array, got NoneType"),
        (BOX | {"center": torch.zeros(2, 2)}, "center must be a NumPy array, got Tensor"),
        (BOX | {"scale": 1.0}, "scale must be a NumPy array, got float"),
        ({"matrix": [[0.0]]}, "matrix must be a NumPy array, got list"),
        ({"flipped": torch.zeros(MAPS.shape)}, "flipped must be a NumPy array, got Tensor"),
    ],
)
def test_arrays_and_tensors_are_not_mixed(change, message):
    with pytest.raises(TypeError, match=f"^decode_and_score: {message}"):
        lp.decode_and_score(**SOUND | change)
