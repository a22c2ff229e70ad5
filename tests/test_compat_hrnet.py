"""The drop-in functions of HRNet and SimpleBaseline: their results, their bugs, and without."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lowerpose_ops.compat import hrnet
from tests import compat_hrnet_transcriptions as transcriptions
from tests.compat_signatures import keyword_only, positional
from tests.test_decode_presets import difficult_maps, peak

SIGNATURES = {
    "get_max_preds": "batch_heatmaps",
    "get_final_preds": "config, batch_heatmaps, center, scale",
    "accuracy": "output, target, hm_type='gaussian', thr=0.5",
    "JointsMSELoss": "use_target_weight",
    "JointsOHKMMSELoss": "use_target_weight, topk=8",
    "flip_back": "output_flipped, matched_parts",
    "transform_preds": "coords, center, scale, output_size",
    "oks_iou": "g, d, a_g, a_d, sigmas=None, in_vis_thre=None",
    "oks_nms": "kpts_db, thresh, sigmas=None, in_vis_thre=None",
    "soft_oks_nms": "kpts_db, thresh, sigmas=None, in_vis_thre=None",
    "generate_target": "dataset, joints, joints_vis",
}
SIZE = (48, 64)


def config(post_process=True):
    return SimpleNamespace(TEST=SimpleNamespace(POST_PROCESS=post_process))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    function = getattr(hrnet, name)
    assert positional(function) == SIGNATURES[name]
    assert keyword_only(function) in ({}, {"fixed": False})
    assert set(hrnet.__all__) == set(SIGNATURES)


def test_the_losses_are_called_with_three():
    for loss in (hrnet.JointsMSELoss, hrnet.JointsOHKMMSELoss):
        assert positional(loss.forward) == "output, target, target_weight"


@pytest.mark.parametrize(
    "module", ["inference", "evaluate", "transforms", "nms", "targets", "losses"]
)
def test_examples(module):
    results = doctest.testmod(
        importlib.import_module(f"lowerpose_ops.compat.hrnet.{module}"),
        extraglobs={"np": np, "torch": torch},
    )
    assert results.attempted > 0
    assert results.failed == 0


def test_what_takes_arrays_needs_no_torch():
    code = (
        "import sys, numpy as np\n"
        "from lowerpose_ops.compat import hrnet\n"
        "hrnet.accuracy(np.zeros((1, 2, 8, 8)), np.zeros((1, 2, 8, 8)))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Decoding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_maxima_equal_the_transcription(array_device, dtype):
    heatmaps = difficult_maps(60 if array_device == "cpu" else 8).astype(dtype)
    heatmaps[0, 0] = -1
    heatmaps[0, 0, 3, 2] = 0
    preds, maxvals = hrnet.get_max_preds(heatmaps)
    plain, plain_maxvals = transcriptions.get_max_preds(heatmaps)
    assert preds.dtype == np.float32
    assert maxvals.dtype == dtype
    np.testing.assert_array_equal(preds, plain)
    np.testing.assert_array_equal(maxvals, plain_maxvals)


def test_maxima_of_nothing():
    preds, maxvals = hrnet.get_max_preds(np.zeros((0, 17, 64, 48), np.float32))
    assert preds.shape == (0, 17, 2)
    assert maxvals.shape == (0, 17, 1)


@pytest.mark.parametrize("call", [hrnet.get_max_preds, lambda maps: hrnet.flip_back(maps, [])])
def test_what_hrnet_asserts(call):
    with pytest.raises(TypeError, match="a NumPy array"):
        call(torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"\[B, J, H, W\]"):
        call(np.zeros((2, 4, 4), np.float32))


@pytest.mark.parametrize("post_process", [True, False])
def test_final_places_equal_the_transcription(array_device, post_process):
    count = 100 if array_device == "cpu" else 8
    heatmaps = difficult_maps(count, seed=3)
    rng = np.random.default_rng(0)
    center = rng.uniform(0, 600, (count, 2)).astype(np.float32)
    scale = rng.uniform(0.2, 3, (count, 2)).astype(np.float32)
    ours = hrnet.get_final_preds(config(post_process), heatmaps, center, scale)
    plain = transcriptions.get_final_preds(config(post_process), heatmaps, center, scale)
    assert ours[0].dtype == plain[0].dtype == np.float32
    # OpenCV solves for the matrix from three float32 points.
    np.testing.assert_allclose(ours[0], plain[0], rtol=0, atol=5e-4)
    np.testing.assert_array_equal(ours[1], plain[1])


@pytest.mark.parametrize(
    ("x", "y", "moved", "meant"),
    [
        (1, 20, (0, 0), (0.25, 0.25)),
        (20, 0, (0, 0), (0.25, 0)),
        (20, 20, (0.25, 0.25), (0.25, 0.25)),
    ],
)
def test_the_border_that_is_not_refined(x, y, moved, meant):
    center, scale = np.array([[24.0, 32.0]]), np.array([[0.24, 0.32]])  # the heatmap's own pixels

    def offset(**options):
        preds, _ = hrnet.get_final_preds(config(), peak(x, y), center, scale, **options)
        return tuple((preds[0, 0] - [x, y]).tolist())

    assert offset() == pytest.approx(moved, abs=1e-5)
    assert offset(fixed=True) == pytest.approx(meant, abs=1e-5)


def test_the_height_of_scale_is_not_read():
    center, scale = np.array([[100.0, 200.0]]), np.array([[0.48, 0.32]])
    heatmaps = peak(12, 16)

    def place(**options):
        return hrnet.get_final_preds(config(False), heatmaps, center, scale, **options)[0][0, 0]

    assert place().tolist() == [76, 168]
    assert place(fixed=True).tolist() == [76, 184]
    coords = np.array([[12.0, 16.0]])
    moved = hrnet.transform_preds(coords, center[0], scale[0], SIZE)
    assert moved.tolist() == [[76, 168]]
    assert hrnet.transform_preds(coords, center[0], scale[0], SIZE, fixed=True).tolist() == [
        [76, 184]
    ]


@given(seed=st.integers(0, 2**32 - 1), columns=st.sampled_from([2, 3]))
def test_transforms_equal_the_transcription(seed, columns):
    rng = np.random.default_rng(seed)
    coords = rng.uniform(-10, 70, (17, columns))
    center = rng.uniform(0, 600, 2)
    scale = rng.uniform(0.2, 3, 2)
    for given_scale in (scale, scale.tolist(), float(scale[0])):
        ours = hrnet.transform_preds(coords, center, given_scale, [48, 64])
        plain = transcriptions.transform_preds(coords, center, given_scale, [48, 64])
        assert ours.dtype == np.float64
        assert ours.shape == coords.shape
        np.testing.assert_allclose(ours, plain, rtol=0, atol=5e-4)


# Accuracy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(20, 24), (20, 20)])
def test_accuracies_equal_the_transcription(array_device, size):
    output, target = difficult_maps(40, seed=4), difficult_maps(40, seed=5)
    near = np.random.default_rng(0).choice(4, (40, 5))
    output[near == 0] = target[near == 0]
    output[near == 1] = np.roll(target[near == 1], 1, 2)  # 0.5 of the square maps' norm
    output, target = output[:, :, : size[1]], target[:, :, : size[1]]
    target[:, 4] = 0  # a joint that never counts
    ours = hrnet.accuracy(output, target)
    plain = transcriptions.accuracy(output, target)
    np.testing.assert_array_equal(ours[0], plain[0])
    assert ours[1:3] == plain[1:3]
    np.testing.assert_array_equal(ours[3], plain[3])
    assert 0 < ours[1] < 1
    assert ours[0][5] == -1


def accuracy_of(dx, dy, place=(20, 20), **options):
    target = np.zeros((1, 1, 64, 48), np.float32)
    output = target.copy()
    target[0, 0, place[1], place[0]] = 1
    output[0, 0, place[1] + dy, place[0] + dx] = 1
    return hrnet.accuracy(output, target, **options)[0].tolist()


def test_bugs_of_the_accuracy():
    assert accuracy_of(3, 0) == [1, 1]  # x is divided by 64 / 10 and not by 48 / 10
    assert accuracy_of(3, 0, fixed=True) == [0, 0]
    assert accuracy_of(0, 3) == [0, 0]
    assert accuracy_of(0, 3, fixed=True) == [1, 1]
    assert accuracy_of(1, 0, thr=0.01) == [1, 1]  # thr is not read
    assert accuracy_of(1, 0, thr=0.01, fixed=True) == [0, 0]
    assert accuracy_of(0, 0, place=(1, 20)) == [0, -1]  # column 1 never counts
    assert accuracy_of(0, 0, place=(1, 20), fixed=True) == [1, 1]
    with pytest.raises(ValueError, match="hm_type"):
        accuracy_of(0, 0, hm_type="offset")


# Flip -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", [[], [(0, 3), (1, 4), (2, 5)], [[0, 1], [1, 2]], ((2, 2),)])
def test_flips_equal_the_transcription(pairs):
    heatmaps = np.random.default_rng(0).random((2, 6, 5, 4), np.float32)
    ours, plain = heatmaps.copy(), heatmaps.copy()
    flipped, expected = hrnet.flip_back(ours, pairs), transcriptions.flip_back(plain, pairs)
    np.testing.assert_array_equal(flipped, expected)
    np.testing.assert_array_equal(ours, plain)  # the caller's maps are changed alike
    assert flipped.strides == expected.strides
    assert np.shares_memory(flipped, ours)
    with pytest.raises(ValueError, match="negative"):
        torch.from_numpy(flipped)  # so scripts copy it
    kept = heatmaps.copy()
    fixed = hrnet.flip_back(kept, pairs, fixed=True)
    np.testing.assert_array_equal(fixed, expected)
    np.testing.assert_array_equal(kept, heatmaps)
    torch.from_numpy(fixed)


def test_flip_pairs_that_are_not_there():
    with pytest.raises(ValueError, match="matched_parts"):
        hrnet.flip_back(np.zeros((1, 2, 3, 3), np.float32), [(0, 2)])


# Losses ---------------------------------------------------------------------------------------


LOSSES = [("JointsMSELoss", {}), ("JointsOHKMMSELoss", {"topk": 3})]


@pytest.mark.parametrize("use_target_weight", [True, False])
@pytest.mark.parametrize(("name", "options"), LOSSES)
def test_losses_equal_the_transcription(name, options, use_target_weight, device):
    generator = np.random.default_rng(0)
    output, target = (
        torch.tensor(generator.random((3, 6, 16, 12)), dtype=torch.float32) for _ in range(2)
    )
    weight = torch.tensor(generator.choice([0, 0.5, 1, 2], (3, 6, 1)), dtype=torch.float32)
    output.requires_grad_()
    losses = [getattr(m, name)(use_target_weight, **options) for m in (hrnet, transcriptions)]
    values = [loss(output, target, weight) for loss in losses]
    gradients = [torch.autograd.grad(value, output)[0] for value in values]
    torch.testing.assert_close(*values, rtol=1e-6, atol=0)
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-10)


def test_a_batch_of_one_without_weights():
    maps = torch.rand(1, 6, 8, 8)
    with pytest.raises(ValueError, match="batch of one"):
        hrnet.JointsOHKMMSELoss(use_target_weight=False, topk=3)(maps, maps + 1, None)
    loss = hrnet.JointsOHKMMSELoss(False, 3, fixed=True)(maps, maps + 1, None)
    assert loss.item() == pytest.approx(0.5)
    assert hrnet.JointsMSELoss(use_target_weight=False)(maps, maps + 1, None) == 0.5


def test_losses_refuse():
    maps = torch.rand(2, 6, 8, 8)
    with pytest.raises(ValueError, match="topk"):
        hrnet.JointsOHKMMSELoss(use_target_weight=True)(maps, maps, torch.ones(2, 6, 1))
    for loss in (hrnet.JointsMSELoss(True), hrnet.JointsOHKMMSELoss(True, 3)):
        with pytest.raises(ValueError, match="target_weight"):
            loss(maps, maps, None)


# Suppression ----------------------------------------------------------------------------------


def crowd(rng, count, joints=17, ties=False):
    groups = rng.uniform(0, 200, (3, joints, 2))
    persons = []
    for i in range(count):
        keypoints = groups[i % 3] + rng.normal(0, 4, (joints, 2))
        scores = rng.random((joints, 1))
        score = rng.choice([0.3, 0.6, 0.9]) if ties else rng.random()
        area = float(rng.uniform(2000, 9000))
        persons.append({"score": score, "keypoints": np.hstack([keypoints, scores]), "area": area})
    return persons


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 30),
    ties=st.booleans(),
    in_vis_thre=st.sampled_from([None, 0.2, 0.9, 2.0]),
    joints=st.sampled_from([17, 6]),
)
def test_suppression_equals_the_transcription(seed, count, ties, in_vis_thre, joints):
    persons = crowd(np.random.default_rng(seed), count, joints, ties)
    sigmas = None if joints == 17 else np.array([0.107, 0.087, 0.089] * 2)
    for function in ("oks_nms", "soft_oks_nms"):
        ours = getattr(hrnet, function)(persons, 0.6, sigmas, in_vis_thre)
        plain = getattr(transcriptions, function)(persons, 0.6, sigmas, in_vis_thre)
        assert list(ours) == list(plain), function


def test_scores_of_joints_in_one_person_alone():
    """`list and list` is the second list: joints below the limit in the first person count."""
    person = np.zeros((17, 3))
    person[:, 2] = 1
    person[0] = 500, 0, 0.1
    other = np.zeros((17, 3))
    other[:2, 2] = 1  # joints 0 and 1 count: 0 is far off and weak in `person`
    arguments = person.ravel(), other.ravel()[None], 5000.0, np.array([5000.0]), None, 0.2
    assert hrnet.oks_iou(*arguments).tolist() == [0.5]
    assert hrnet.oks_iou(*arguments, fixed=True).tolist() == [1]
    other[:, 2] = 0
    assert hrnet.oks_iou(person.ravel(), other.ravel()[None], 1.0, np.ones(1), None, 0.2) == [0]


def test_equal_scores():
    persons = [{"score": 0.5, "keypoints": np.ones((17, 3)), "area": 9.0} for _ in range(3)]
    assert hrnet.oks_nms(persons, 0.9) == [2]
    assert hrnet.oks_nms(persons, 0.9, fixed=True) == [0]


def test_sigmas_must_fit():
    persons = crowd(np.random.default_rng(0), 3, joints=6)
    with pytest.raises(ValueError, match="sigmas"):
        hrnet.oks_nms(persons, 0.9)
    with pytest.raises(ValueError, match="'area'"):
        hrnet.oks_nms([{"score": 1, "keypoints": np.ones((17, 3))}], 0.9)


# Targets --------------------------------------------------------------------------------------


def dataset(**options):
    chosen = {
        "num_joints": 17,
        "image_size": np.array([192, 256]),
        "heatmap_size": np.array([48, 64]),
        "sigma": 2,
        "target_type": "gaussian",
        "use_different_joints_weight": False,
        "joints_weight": np.linspace(0.5, 1.5, 17, dtype=np.float32).reshape(17, 1),
    }
    return SimpleNamespace(**(chosen | options))


@pytest.mark.usefixtures("array_device")
@given(
    seed=st.integers(0, 2**32 - 1),
    weighted=st.booleans(),
    size=st.sampled_from([(192, 256), (190, 250)]),
)
def test_targets_equal_the_transcription(seed, weighted, size):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(-60, 300, (17, 3))
    joints[0] = np.round(joints[0] / 4) * 4
    visible = rng.choice([0, 0.3, 0.5, 0.7, 1], (17, 3))
    data = dataset(use_different_joints_weight=weighted, image_size=np.array(size))
    ours = hrnet.generate_target(data, joints, visible)
    plain = transcriptions.generate_target(data, joints, visible)
    np.testing.assert_allclose(ours[0], plain[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours[1], plain[1], rtol=1e-7)
    assert [a.dtype for a in ours] == [a.dtype for a in plain] == [np.float32] * 2


def test_bugs_of_the_targets():
    def draw(x, sigma=2, **options):
        joints, visible = np.array([[x, 120.0, 0]]), np.ones((1, 3))
        target, weight = hrnet.generate_target(
            dataset(num_joints=1, sigma=sigma), joints, visible, **options
        )
        return target[0], float(weight[0, 0])

    target, weight = draw(-32.0)  # heatmap pixel -8: an empty map that counts
    assert (target.any(), weight) == (False, 1)
    assert draw(-32.0, fixed=True)[1] == 0
    assert draw(80.0, 1.7)[0][30].argmax() == 19
    assert draw(80.0, 1.7, fixed=True)[0][30].argmax() == 20
    with pytest.raises(ValueError, match="finite"):
        draw(np.nan)
    assert draw(np.nan, fixed=True)[1] == 0


def test_it_takes_the_place_of_a_method():
    class JointsDataset(SimpleNamespace):
        generate_target = hrnet.generate_target

    data = JointsDataset(**vars(dataset()))
    target, _ = data.generate_target(np.full((17, 3), 80.0), np.ones((17, 3)))
    assert target[0, 20, 20] == 1
