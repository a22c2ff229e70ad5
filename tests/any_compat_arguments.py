"""Random arguments for everything in `lowerpose_ops.compat`, beside tests/any_arguments.py."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from lowerpose_ops.compat import hrnet, kornia, lower_body, mmpose
from tests.any_arguments import FLOATS, Draw

_SIZES = ((48, 64), [6, 8], (1, 1), (3, 2))


def _fixed(draw: Draw) -> dict[str, Any]:
    return {} if draw.integer(0, 1) else {"fixed": draw.value(False, True)}


def _maps(draw: Draw, *shapes: str, tensor: bool = False) -> Any:
    return draw.array(*(shapes or ("BKHW",)), dtypes=FLOATS, tensor=tensor)


def _box(draw: Draw) -> Any:
    return draw.value([3.0, 4, 20, 30], (0, 0, 5, 5), np.array([-9.0, 2, 60, 4]))


def _lower_body_targets(draw: Draw) -> Any:
    joints, visible = draw.array("K2"), draw.array("K")
    size, sigma = draw.value(*_SIZES), draw.value(2.0, 1, 1.1)
    return lower_body.generate_target_heatmaps(
        *(joints, visible, draw.value(draw.sizes["K"]), size, sigma), **_fixed(draw)
    )


def _lower_body_decode(draw: Draw) -> Any:
    heatmaps = _maps(draw, tensor=True)
    beta, stride = draw.value(100.0, 3), draw.value(4.0, 1)
    return lower_body.decode_heatmaps(heatmaps, beta, stride, **_fixed(draw))


def _lower_body_pck(draw: Draw) -> Any:
    x, y, visible = (draw.array("BK", tensor=True) for _ in range(3))
    truth = draw.array("BK2", "BK3", tensor=True)
    return lower_body.pck_accuracy(x, y, truth, visible, draw.value(0.05, 0.1))


def _crop(draw: Draw) -> Any:
    picture = draw.value(Image.new("RGB", (32, 24)))
    return lower_body.crop_and_resize(picture, _box(draw), draw.value(*_SIZES), **_fixed(draw))


def _to_input(draw: Draw) -> Any:
    crop = draw.value((10, 20, 2.0, 0.5), [0, 0, 1, 1])
    return lower_body.transform_keypoints_to_input(draw.array("K2", "BK2"), crop, **_fixed(draw))


def _loss(make: Callable[..., Any], flag_first: bool = True) -> Callable[[Draw], Any]:
    def call(draw: Draw) -> Any:
        module = make(draw.value(True, False)) if flag_first else make()
        weight = draw.value(None, draw.array("BK", "BK1", tensor=True))
        return module(_maps(draw, tensor=True), _maps(draw, tensor=True), weight)

    return call


def _accuracy(draw: Draw) -> Any:
    kind, threshold = draw.value("gaussian", "gaussian"), draw.value(0.5, 0.05)
    return hrnet.accuracy(_maps(draw), _maps(draw), kind, threshold, **_fixed(draw))


def _generate_target(draw: Draw) -> Any:
    dataset = SimpleNamespace(
        num_joints=draw.value(draw.sizes["K"]),
        image_size=draw.value(np.array([192, 256])),
        heatmap_size=draw.value(np.array([6, 8])),
        sigma=draw.value(2, 1.5),
        target_type=draw.value("gaussian"),
        use_different_joints_weight=draw.value(False),
    )
    target = draw.value(dataset)
    return hrnet.generate_target(target, draw.array("K3"), draw.array("K3"), **_fixed(draw))


def _final_preds(draw: Draw) -> Any:
    config = SimpleNamespace(TEST=SimpleNamespace(POST_PROCESS=draw.value(True, False)))
    boxes = draw.array("B2"), draw.array("B2")
    return hrnet.get_final_preds(draw.value(config), _maps(draw), *boxes, **_fixed(draw))


def _transform_preds(draw: Draw) -> Any:
    boxes = draw.array("2"), draw.value(1.2, draw.array("2"))
    return hrnet.transform_preds(draw.array("K2"), *boxes, draw.value(*_SIZES), **_fixed(draw))


def _nms_options(draw: Draw, sigmas: Any) -> tuple[Any, ...]:
    return draw.value(None, sigmas), draw.value(None, 0.2)


def _oks_iou(draw: Draw) -> Any:
    one, some = np.ones(51), np.ones((draw.sizes["D"], 51))
    areas = draw.value(9.0), draw.array("D")
    options = _nms_options(draw, np.full(17, 0.1))
    return hrnet.oks_iou(draw.value(one), draw.value(some), *areas, *options, **_fixed(draw))


def _nms(nms: Callable[..., Any]) -> Callable[[Draw], Any]:
    def call(draw: Draw) -> Any:
        people = [
            {
                "keypoints": draw.value(draw.rng.normal(size=(17, 3))),
                "score": draw.value(0.5, 0.7),
                "area": draw.value(9.0),
            }
            for _ in range(draw.sizes["D"])
        ]
        options = _nms_options(draw, np.full(17, 0.1))
        return nms(draw.value(people), draw.value(0.9, 0.1), *options, **_fixed(draw))

    return call


def _mmpose_targets(generate: Callable[..., Any]) -> Callable[[Draw], Any]:
    def call(draw: Draw) -> Any:
        size, sigma = draw.value(*_SIZES), draw.value(2.0, 1.5, 0.05)
        return generate(size, draw.array("NK2"), draw.array("NK"), sigma, **_fixed(draw))

    return call


def _refine(refine: Callable[..., Any], *kernels: int) -> Callable[[Draw], Any]:
    def call(draw: Draw) -> Any:
        kernel = (draw.value(*kernels),) if kernels else ()
        return refine(draw.array("NK2"), _maps(draw, "KHW"), *kernel, **_fixed(draw))

    return call


def _codec(make: Callable[..., Any]) -> Callable[[Draw], Any]:
    def call(draw: Draw) -> Any:
        sizes = draw.value((24, 32)), draw.value((draw.sizes["W"], draw.sizes["H"]), (6, 8))
        codec = make(*sizes, sigma=draw.value(2.0, 1), **_fixed(draw))
        if draw.integer(0, 1):
            return codec.decode(_maps(draw, "KHW"))
        return codec.encode(draw.array("NK2"), draw.value(None, draw.array("NK")))

    return call


def _mask(draw: Draw) -> Any:
    return draw.array("BK", dtypes=("bool",))


def _mmpose_score(score: Callable[..., Any], *others: str) -> Callable[[Draw], Any]:
    def call(draw: Draw) -> Any:
        more = {
            "thr": lambda: draw.value(0.05, 0.5),
            "norm": lambda: draw.array("B2"),
            "factor": lambda: draw.value(30.0, 1, 0),
            "count": lambda: draw.value(20, 2),
            "alignment": lambda: draw.value("none", "scale", "procrustes"),
        }
        points = draw.array("BK2", "BK3"), draw.array("BK2", "BK3"), _mask(draw)
        options = {} if score is mmpose.keypoint_epe else _fixed(draw)
        return score(*points, *(more[name]() for name in others), **options)

    return call


def _soft_argmax(draw: Draw) -> Any:
    options = draw.value(None, 2.0, 0.5), draw.value(True, False)
    return kornia.spatial_soft_argmax2d(_maps(draw, tensor=True), *options, **_fixed(draw))


def _expectation(draw: Draw) -> Any:
    return kornia.spatial_expectation2d(_maps(draw, tensor=True), draw.value(True, False))


def _render(draw: Draw) -> Any:
    mean, std = (draw.array("B2", "BK2", dtypes=FLOATS, tensor=True) for _ in range(2))
    return kornia.render_gaussian2d(mean, std, draw.value(*_SIZES), draw.value(True, False))


CALLS: dict[str, Callable[[Draw], Any]] = {
    "hrnet.JointsMSELoss": _loss(hrnet.JointsMSELoss),
    "hrnet.JointsOHKMMSELoss": _loss(hrnet.JointsOHKMMSELoss),
    "hrnet.accuracy": _accuracy,
    "hrnet.flip_back": lambda draw: hrnet.flip_back(
        _maps(draw), draw.value([(0, 1)], [], ((0, 2),)), **_fixed(draw)
    ),
    "hrnet.generate_target": _generate_target,
    "hrnet.get_final_preds": _final_preds,
    "hrnet.get_max_preds": lambda draw: hrnet.get_max_preds(_maps(draw)),
    "hrnet.oks_iou": _oks_iou,
    "hrnet.oks_nms": _nms(hrnet.oks_nms),
    "hrnet.soft_oks_nms": _nms(hrnet.soft_oks_nms),
    "hrnet.transform_preds": _transform_preds,
    "kornia.render_gaussian2d": _render,
    "kornia.spatial_expectation2d": _expectation,
    "kornia.spatial_soft_argmax2d": _soft_argmax,
    "lower_body.JointsMSELoss": _loss(lower_body.JointsMSELoss),
    "lower_body.crop_and_resize": _crop,
    "lower_body.decode_heatmaps": _lower_body_decode,
    "lower_body.generate_target_heatmaps": _lower_body_targets,
    "lower_body.match_bbox": lambda draw: lower_body.match_bbox(_box(draw), draw.value(*_SIZES)),
    "lower_body.pck_accuracy": _lower_body_pck,
    "lower_body.transform_keypoints_to_input": _to_input,
    "mmpose.KeypointMSELoss": _loss(mmpose.KeypointMSELoss, flag_first=False),
    "mmpose.KeypointOHKMMSELoss": _loss(mmpose.KeypointOHKMMSELoss),
    "mmpose.MSRAHeatmap": _codec(mmpose.MSRAHeatmap),
    "mmpose.UDPHeatmap": _codec(mmpose.UDPHeatmap),
    "mmpose.generate_gaussian_heatmaps": _mmpose_targets(mmpose.generate_gaussian_heatmaps),
    "mmpose.generate_offset_heatmap": _mmpose_targets(mmpose.generate_offset_heatmap),
    "mmpose.generate_udp_gaussian_heatmaps": _mmpose_targets(mmpose.generate_udp_gaussian_heatmaps),
    "mmpose.generate_unbiased_gaussian_heatmaps": _mmpose_targets(
        mmpose.generate_unbiased_gaussian_heatmaps
    ),
    "mmpose.get_heatmap_maximum": lambda draw: mmpose.get_heatmap_maximum(
        _maps(draw, "KHW", "BKHW"), **_fixed(draw)
    ),
    "mmpose.keypoint_auc": _mmpose_score(mmpose.keypoint_auc, "factor", "count"),
    "mmpose.keypoint_epe": _mmpose_score(mmpose.keypoint_epe),
    "mmpose.keypoint_mpjpe": _mmpose_score(mmpose.keypoint_mpjpe, "alignment"),
    "mmpose.keypoint_nme": _mmpose_score(mmpose.keypoint_nme, "norm"),
    "mmpose.keypoint_pck_accuracy": _mmpose_score(mmpose.keypoint_pck_accuracy, "thr", "norm"),
    "mmpose.refine_keypoints": _refine(mmpose.refine_keypoints),
    "mmpose.refine_keypoints_dark": _refine(mmpose.refine_keypoints_dark, 11, 3),
    "mmpose.refine_keypoints_dark_udp": _refine(mmpose.refine_keypoints_dark_udp, 11, 3),
}
