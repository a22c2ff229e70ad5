from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lowerpose_ops as lp
from lowerpose_ops.reference import oks as reference
from tests.scores_transcriptions import coco_similarity, nms_similarity

# Sums of at most 17 terms in (0, 1] whose exponentials err by a unit in the last place.
CLOSE = {"rtol": 1e-13, "atol": 1e-15}

values = st.sampled_from([0.0, 3.0, 4.0, 5.5, -7.0, 60.0, np.nan, np.inf, -np.inf, 2.0**31])


@pytest.mark.usefixtures("device")
@given(
    data=st.data(),
    sizes=st.tuples(*[st.integers(0, 3)] * 3),
    num_joints=st.integers(1, 4),
    no_visible=st.sampled_from(["nan", "zero", "box"]),
    divide_by=st.sampled_from(["visible", "joints"]),
    extras=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    eps=st.sampled_from([2.0**-52, 0.0, 1.0]),
)
def test_equals_the_reference(data, sizes, num_joints, no_visible, divide_by, extras, eps):
    def draw(elements, *shape):
        count = math.prod(shape)
        drawn = data.draw(st.lists(elements, min_size=count, max_size=count))
        return torch.tensor(drawn, dtype=torch.float64).reshape(shape)

    batch, detections, persons = sizes
    seen = st.sampled_from([0.0, 0.0, 1.0, 2.0, -1.0, np.nan])
    areas = st.sampled_from([100.0, 2500.0, 0.0, -5.0, np.nan, np.inf])
    pred = draw(values, batch, detections, num_joints, 2)
    gt = draw(values, batch, persons, num_joints, 2)
    visible, area = draw(seen, batch, persons, num_joints), draw(areas, batch, persons)
    sigmas = draw(st.sampled_from([0.1, 0.05, 0.5]), num_joints)
    as_tensor, with_visible, with_area = extras
    if as_tensor:
        sigmas = draw(st.sampled_from([0.1, 0.0, -0.1, np.nan, np.inf]), num_joints)
    options = {
        "bbox": draw(values, batch, persons, 4) if no_visible == "box" else None,
        "pred_visible": draw(seen, batch, detections, num_joints) if with_visible else None,
        "pred_area": draw(areas, batch, detections) if with_area else None,
    }
    options |= {"eps": eps, "no_visible": no_visible, "divide_by": divide_by}
    given_sigmas = sigmas if as_tensor else sigmas.tolist()
    ours = lp.oks(pred, gt, visible, area, given_sigmas, **options)
    assert ours.dtype == torch.float64
    expected = reference.oks(pred, gt, visible, area, sigmas, **options)
    torch.testing.assert_close(ours, expected, **CLOSE, equal_nan=True)


def scene(seed, detections=5, persons=4, num_joints=17):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 200, (persons, num_joints, 2))
    visible = rng.integers(0, 3, (persons, num_joints))
    visible[1] = 0
    bbox = np.concatenate([rng.uniform(0, 100, (persons, 2)), rng.uniform(5, 60, (persons, 2))], 1)
    pred = gt[rng.integers(0, persons, detections)] + rng.normal(0, 10, (detections, num_joints, 2))
    area = rng.uniform(100, 20000, persons)
    return pred, gt, visible, area, bbox


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("num_joints", [17, 6])
def test_equals_the_coco_api_s_formula(num_joints):
    sigmas = lp.COCO_SIGMAS if num_joints == 17 else lp.LOWER_BODY_SIGMAS
    for seed in range(5):
        pred, gt, visible, area, bbox = scene(seed, num_joints=num_joints)
        ours = lp.oks(pred, gt, visible, area, sigmas, bbox=bbox, no_visible="box")
        theirs = [
            [
                coco_similarity(detection, *person, sigmas)
                for person in zip(gt, visible, area, bbox, strict=True)
            ]
            for detection in pred
        ]
        np.testing.assert_allclose(ours, theirs, **CLOSE)


def test_equals_pycocotools():
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    evaluation = cocoeval.COCOeval(iouType="keypoints")
    for seed in range(5):
        pred, gt, visible, area, bbox = scene(seed)
        evaluation._gts = {
            (1, 1): [
                {
                    "keypoints": np.concatenate([person, seen[:, None]], 1).ravel().tolist(),
                    "area": size,
                    "bbox": box.tolist(),
                }
                for person, seen, size, box in zip(gt, visible, area, bbox, strict=True)
            ]
        }
        joints = np.concatenate([pred, np.ones((*pred.shape[:2], 1))], 2).reshape(len(pred), -1)
        # In the order of their scores, which is the one they have.
        evaluation._dts = {
            (1, 1): [{"keypoints": list(row), "score": -i} for i, row in enumerate(joints)]
        }
        theirs = evaluation.computeOks(1, 1)
        ours = lp.oks(pred, gt, visible, area, bbox=bbox, no_visible="box")
        np.testing.assert_allclose(ours, theirs, **CLOSE)


@pytest.mark.usefixtures("array_device")
@pytest.mark.parametrize("threshold", [None, 0.2])
def test_equals_the_similarity_of_suppression(threshold):
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, 50, (6, 17, 2))
    scores, areas = rng.random((6, 17)) * 0.5, rng.uniform(100, 3000, 6)
    seen = np.ones((6, 17)) if threshold is None else scores > threshold
    ours = lp.oks(joints, joints, seen, areas, pred_visible=seen, pred_area=areas)
    for i in range(6):
        for j in range(6):
            theirs = nms_similarity(
                *(joints[j], joints[i], scores[j], scores[i], areas[j], areas[i]),
                *(lp.COCO_SIGMAS, threshold),
            )
            assert ours[j, i] == pytest.approx(theirs, rel=1e-13)


@pytest.mark.usefixtures("array_device")
def test_layouts_agree():
    pred, gt, visible, area, bbox = scene(0, detections=4)
    options = {"pred_visible": visible[::-1], "pred_area": area[::-1], "no_visible": "zero"}
    pairs = lp.oks(pred, gt, visible, area, **options)
    assert pairs.shape == (4, 4)
    aligned = lp.oks(pred, gt, visible, area, aligned=True, **options)
    np.testing.assert_array_equal(aligned, pairs.diagonal())
    twice = {name: np.stack([value] * 2) for name, value in options.items() if name[0] == "p"}
    batch = lp.oks(
        *(np.stack([array] * 2) for array in (pred, gt, visible, area)),
        **options | twice,
    )
    np.testing.assert_array_equal(batch, np.stack([pairs] * 2))
    boxes = lp.oks(pred, gt, visible, area, aligned=True, bbox=bbox, no_visible="box")
    expected = lp.oks(pred, gt, visible, area, bbox=bbox, no_visible="box").diagonal()
    np.testing.assert_array_equal(boxes, expected)


@pytest.mark.usefixtures("array_device")
def test_numpy_and_torch_agree_for_every_type_and_layout_in_memory():
    pred, gt, visible, area, _ = scene(1)
    for kind in (np.float32, np.float16, np.int64, np.uint8):
        arrays = [array.astype(kind)[..., ::1] for array in (pred, gt, visible, area)]
        ours = lp.oks(*arrays)
        tensors = [torch.tensor(array) for array in arrays]
        np.testing.assert_array_equal(ours, lp.oks(*tensors).numpy())
        turned = [tensor.T.contiguous().T for tensor in (tensors[2],)]
        np.testing.assert_array_equal(
            ours, lp.oks(tensors[0], tensors[1].flip(0).flip(0), *turned, tensors[3]).numpy()
        )


@pytest.mark.usefixtures("array_device")
def test_what_is_not_visible():
    person = np.zeros((1, 3, 2))
    person[0, 1] = np.nan
    far = np.full((1, 3, 2), 1e6)
    far[0, 2] = 0
    area, sigmas = np.array([100.0]), (0.1, 0.1, 0.1)
    assert lp.oks(far, person, np.array([[0, 1, 1]]), area, sigmas).tolist() == [[1.0]]
    third = lp.oks(far, person, np.array([[0, 1, 1]]), area, sigmas, divide_by="joints")
    assert third.tolist() == [[1 / 3]]
    nobody = np.array([[0, 2, -1]])
    assert np.isnan(lp.oks(far, person, nobody, area, sigmas)).all()
    assert lp.oks(far, person, nobody, area, sigmas, no_visible="zero").tolist() == [[0.0]]
    # A detection that sees none of a person's visible joints has found nothing of it.
    blind = lp.oks(far, person, np.array([[0, 1, 1]]), area, sigmas, pred_visible=nobody)
    assert blind.tolist() == [[0.0]]


@pytest.mark.usefixtures("array_device")
def test_nan_is_seen():
    person, area = np.zeros((1, 1, 2)), np.array([100.0])
    lost, box = np.full((1, 1, 2), np.nan), np.array([[0.0, 0.0, 5.0, 5.0]])
    for seen in (np.ones((1, 1)), np.zeros((1, 1))):
        assert np.isnan(lp.oks(lost, person, seen, area, (0.1,), bbox=box, no_visible="box")).all()
    assert np.isnan(lp.oks(person, person, np.ones((1, 1)), -area, (0.1,))).all()


@pytest.mark.usefixtures("device")
def test_sigmas_of_all_kinds():
    pred, gt, visible, area, _ = (torch.tensor(array) for array in scene(2))
    ours = lp.oks(pred, gt, visible, area, no_visible="zero")
    for sigmas in (
        lp.COCO_SIGMAS,
        list(lp.COCO_SIGMAS),
        np.array(lp.COCO_SIGMAS),
        torch.tensor(lp.COCO_SIGMAS, dtype=torch.float64),
    ):
        again = lp.oks(pred, gt, visible, area, sigmas, no_visible="zero")
        torch.testing.assert_close(again, ours, rtol=0, atol=0)
    many = [torch.zeros(1, 300, 2)] * 2 + [torch.ones(1, 300), torch.ones(1)]
    with pytest.raises(
        ValueError, match="oks: sigmas must be a tensor on the device for more than 256 joints"
    ):
        lp.oks(*many, [0.1] * 300)
    assert lp.oks(*many, torch.full((300,), 0.1)).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pred": [1.0]}, TypeError, "pred must be a NumPy array or a torch tensor, got list"),
        ({"gt": [1.0]}, TypeError, "gt must be a NumPy array, got list"),
        ({"area": None}, TypeError, "area must be a NumPy array, got NoneType"),
        ({"pred": np.zeros((2, 2))}, ValueError, r"pred must be \[D, K, 2\] or \[B, D, K, 2\]"),
        ({"pred": np.zeros((2, 6, 3))}, ValueError, r"pred must be .*\[any, any, any, 2\]"),
        ({"gt": np.zeros((1, 5, 2))}, ValueError, r"gt must be \[N, G, K, 2\] = \[1, any, 6, 2\]"),
        ({"gt": np.zeros((6, 2))}, ValueError, r"gt must be \[G, K, 2\], got \[6, 2\]"),
        ({"visible": np.zeros((1, 6, 1))}, ValueError, r"visible must be \[G, K\], got"),
        ({"visible": np.zeros((2, 6))}, ValueError, r"visible must be \[N, G, K\] = \[1, 1, 6\]"),
        ({"area": np.zeros(2)}, ValueError, r"area must be \[N, G\] = \[1, 1\]"),
        ({"sigmas": None}, ValueError, "sigmas must be given for 6 joints, .*COCO's for its 17"),
        ({"sigmas": (0.1,) * 5}, ValueError, "sigmas must be one number for each of 6 joints"),
        (
            {"sigmas": (0.1,) * 5 + (0.0,)},
            ValueError,
            "sigmas must be positive and finite, squared too, got 0.0",
        ),
        ({"sigmas": np.full(6, np.nan)}, ValueError, "sigmas must be finite, got nan"),
        ({"sigmas": "abcdef"}, TypeError, "sigmas must be an array or a sequence, got str"),
        ({"sigmas": ("a",) * 6}, TypeError, "sigmas must be numbers, got str"),
        ({"sigmas": np.full((6, 1), 0.1)}, TypeError, "sigmas must be numbers, got list"),
        ({"aligned": 1}, TypeError, "aligned must be True or False, got int"),
        ({"aligned": True}, ValueError, r"gt must be \[N, G, K, 2\] = \[2, any, 6, 2\]"),
        ({"eps": -1.0}, ValueError, "eps must be not negative, got -1.0"),
        ({"eps": math.inf}, ValueError, "eps must be finite"),
        ({"no_visible": "box"}, ValueError, "bbox must be given with no_visible='box'"),
        ({"bbox": np.zeros((1, 4))}, ValueError, "bbox must be given with no_visible='box' and"),
        (
            {"no_visible": "box", "bbox": np.zeros((1, 5))},
            ValueError,
            r"bbox must be .*\[1, 1, 4\]",
        ),
        ({"no_visible": "1"}, ValueError, "no_visible must be 'box' or 'nan' or 'zero'"),
        ({"divide_by": "K"}, ValueError, "divide_by must be 'joints' or 'visible'"),
        ({"pred_visible": np.zeros((1, 6))}, ValueError, r"pred_visible must be .*\[1, 2, 6\]"),
        ({"pred_area": np.zeros(3)}, ValueError, r"pred_area must be \[N, D\] = \[1, 2\]"),
    ],
)
def test_refusals_name_what_is_wrong(change, error, message):
    arguments = {
        "pred": np.zeros((2, 6, 2)),
        "gt": np.zeros((1, 6, 2)),
        "visible": np.ones((1, 6)),
        "area": np.ones(1),
        "sigmas": lp.LOWER_BODY_SIGMAS,
    } | change
    with pytest.raises(error, match=f"oks: {message}"):
        lp.oks(**arguments)


def test_refusals_of_tensors():
    pred, gt, visible, area, _ = (torch.tensor(array) for array in scene(2))
    with pytest.raises(ValueError, match=r"oks: sigmas must be \[K\] = \[17\], got \[6\]"):
        lp.oks(pred, gt, visible, area, torch.ones(6))
    with pytest.raises(ValueError, match="oks: sigmas must be on cpu like pred, got meta"):
        lp.oks(pred, gt, visible, area, torch.ones(17, device="meta"))
    with pytest.raises(TypeError, match="oks: gt must be a torch tensor, got ndarray"):
        lp.oks(pred, gt.numpy(), visible, area)
    with pytest.raises(ValueError, match="oks: sigmas must be given for 6 joints"):
        lp.oks(pred[:, :6], gt[:, :6], visible[:, :6], area)


def test_a_similarity_has_no_gradient():
    pred, gt, visible, area, _ = (torch.tensor(array) for array in scene(3))
    assert not lp.oks(pred.requires_grad_(), gt, visible, area.requires_grad_()).requires_grad


def test_opcheck():
    pred, gt, visible, area, bbox = (torch.tensor(array)[None] for array in scene(3))
    sigmas = torch.tensor(lp.COCO_SIGMAS)
    lp.oks(pred, gt, visible, area, sigmas)  # which declares the operation
    options = (None, None, bbox, 0.0, "box", "visible")
    for given_sigmas, numbers in ((None, list(lp.COCO_SIGMAS)), (sigmas, [])):
        torch.library.opcheck(
            torch.ops.lowerpose_ops.oks.default,
            (pred, gt, visible, area, given_sigmas, numbers, *options),
        )


def test_many_joints_of_arrays():
    pred = np.zeros((1, 300, 2))
    similarity = lp.oks(pred, pred, np.ones((1, 300)), np.ones(1), np.full(300, 0.1))
    assert similarity.tolist() == [[1.0]]
