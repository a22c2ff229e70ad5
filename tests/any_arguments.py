"""Random arguments for every public function: mostly right, at times quite wrong.

`CALLS` has an entry for each public function and module. hypothesis draws sizes, words, dtypes,
layouts and what is wrong; values come from a seed that it draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

import lowerpose_ops as lp

FLOATS = ("float32", "float64", "float16", "bfloat16")
NUMBERS = (*FLOATS, "int64", "int32", "int8", "uint8", "bool")
SPECIAL = (0.0, -0.0, 0.5, 1.0, 2.0, -1.5, 1e-40, 1e30, 2.0**30, 2.0**31, math.nan, math.inf)

_wrong_values = st.sampled_from(
    [
        *(None, "", "exact", "quarter", True, -1, 0, 1, 3, 2.5, -0.0, math.nan, math.inf),
        *(2**70, 10**400, (), [], (1, 2), (0, 0), [1.5, "x"], [[0, 1]], {}, b"x", object()),
        *(np.float32, torch.float16, np.float64(2.0), np.array("x"), np.array(None)),
        *(np.zeros((2, 2), "S3"), np.ma.masked, slice(3)),
    ]
)


class Draw:
    """What one call is made of."""

    def __init__(self, data: st.DataObject) -> None:
        self.one_of: Callable[..., Any] = lambda *values: data.draw(st.sampled_from(values))
        self.integer: Callable[[int, int], int] = lambda low, high: data.draw(
            st.integers(low, high)
        )
        self._wrong_value: Callable[[], Any] = lambda: data.draw(_wrong_values)
        self.rng = np.random.default_rng(self.integer(0, 2**32 - 1))
        self.sizes = {name: self.integer(0, 4) for name in "BNKDGT"}
        self.sizes |= {name: self.integer(0, 9) for name in "HW"}
        self.numpy = self.one_of(True, False)
        # At most so many arguments of a call are wrong: the deeper checks are to be met too.
        self._wrong_left = self.one_of(0, 0, 0, 1, 1, 2, 9)

    def _goes_wrong(self) -> bool:
        if self._wrong_left == 0 or self.integer(0, 3) > 0:
            return False
        self._wrong_left -= 1
        return True

    def value(self, *right: Any) -> Any:
        """One of these, or something else."""
        if not self._goes_wrong():
            return self.one_of(*right)
        return self.array("BK") if self.integer(0, 4) == 0 else self._wrong_value()

    def array(self, *shapes: str, dtypes: tuple[str, ...] = NUMBERS, tensor: bool = False) -> Any:
        """An array or tensor of one of these shapes: letters for sizes, and digits."""
        shape = [self.sizes[c] if c in self.sizes else int(c) for c in self.one_of(*shapes)]
        dtype, numpy = self.one_of(*dtypes), self.numpy and not tensor
        if self._goes_wrong():
            what = self.integer(0, 4)
            if what == 0:
                return self._wrong_value()
            if what == 1:
                shape = [self.integer(0, 3) for _ in range(self.integer(0, 5))]
            elif what == 2:
                dtype = self.one_of(*NUMBERS, "complex64", "uint16", "object", "datetime64[s]")
            elif what == 3:
                numpy = not numpy
            else:
                return self._odd_tensor(shape)
        return self._filled(shape, dtype, numpy)

    def _filled(self, shape: list[int], dtype: str, numpy: bool) -> Any:
        values = self.rng.normal(3, 3, shape)
        special = self.rng.choice(SPECIAL, shape) if shape else np.float64(1)
        values = np.where(self.rng.random(shape) < self.one_of(0, 0.1, 0.9), special, values)
        with np.errstate(all="ignore"):
            if numpy:
                return self._laid_out(values.astype("float16" if dtype == "bfloat16" else dtype))
            known = hasattr(torch, dtype)
            tensor = torch.from_numpy(values).to(getattr(torch, dtype) if known else torch.int16)
        tensor = self._tensor_laid_out(tensor.to(torch.get_default_device()))
        if tensor.is_floating_point() and self.integer(0, 3) == 0:
            tensor.requires_grad_()
        return tensor

    def _laid_out(self, array: np.ndarray) -> np.ndarray:
        layout = self.integer(0, 7)
        if layout == 0:
            return np.asfortranarray(array)
        if layout == 1 and array.ndim:
            return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
        if layout == 2:
            return np.repeat(array[..., None], 2, -1)[..., 0]
        if layout == 3:
            return array.astype(array.dtype.newbyteorder())
        if layout == 4:
            array.flags.writeable = False
        return array

    def _tensor_laid_out(self, tensor: torch.Tensor) -> torch.Tensor:
        layout = self.integer(0, 7)
        if layout == 0 and tensor.ndim > 1:
            return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
        if layout == 1 and tensor.ndim == 4:
            return tensor.contiguous(memory_format=torch.channels_last)
        if layout == 2:
            return torch.stack([tensor, tensor], -1)[..., 1]
        if layout == 3 and tensor.ndim and tensor.shape[0]:
            return tensor[:1].expand(tensor.shape)
        return tensor

    def _odd_tensor(self, shape: list[int]) -> Any:
        """What only looks like a tensor with values."""
        plain = torch.zeros(shape)
        return self.one_of(
            *(plain.to("meta"), plain.to_sparse(), torch.nn.Parameter(plain), plain.tolist()),
            *(plain.to(torch.complex64).conj(), plain.to(torch.complex64).conj().imag),
        )


def _maps(draw: Draw, **options: Any) -> Any:
    return draw.array("BKHW", dtypes=FLOATS, **options)


def _gaussian_targets(draw: Draw) -> Any:
    size = draw.value((draw.sizes["W"], draw.sizes["H"]), [5, 4], (1, 1), np.array([6, 3]))
    if draw.integer(0, 1):
        joints, visible = draw.array("BK2", "K2"), draw.array("BK", "BK1", "K")
        sigma = draw.value(2, 1.5, 0.1, draw.array("K"))
    else:
        joints, visible = draw.array("BNK2"), draw.array("BNK", "BNK1")
        sigma = draw.value(2.0, draw.array("BN", "K"))
    return lp.gaussian_targets(
        *(joints, visible, size, sigma),
        preset=draw.value(
            *("exact", "lower_body", "hrnet", "mmpose_msra", "mmpose_udp", "hourglass")
        ),
        fixed=draw.value(False, False, True),
        instance_weights=draw.value(False, True),
        dtype=draw.value(None, None, "float16", np.float64, torch.bfloat16),
    )


def _gaussian_options(draw: Draw) -> dict[str, Any]:
    return {
        "preset": draw.value(
            *("exact", "exact", "lower_body", "hrnet", "mmpose_msra", "mmpose_udp", "hourglass")
        ),
        "fixed": draw.value(False, False, True),
        "loss_preset": draw.value(None, "document", "lower_body", "hrnet", "mmpose"),
        "use_target_weight": draw.value(True, False),
        "topk": draw.value(None, None, 1, 2),
        "reduction": draw.value("mean", "mean", "sum"),
        "loss_weight": draw.value(1.0, 0, -2, 1e30),
    }


def _joints_and_visible(draw: Draw) -> tuple[Any, Any]:
    if draw.integer(0, 1):
        return draw.array("BK2", tensor=True), draw.array("BK", "BK1", tensor=True)
    return draw.array("BNK2", tensor=True), draw.array("BNK", "BNK1", tensor=True)


def _gaussian_joints_mse_loss(draw: Draw) -> Any:
    joints, visible = _joints_and_visible(draw)
    sigma = draw.value(2, 1.5, draw.array("K", "BN", "", tensor=True))
    options = _gaussian_options(draw)
    return lp.gaussian_joints_mse_loss(_outputs(draw), joints, visible, sigma=sigma, **options)


def _gaussian_joints_mse_module(draw: Draw) -> Any:
    joints, visible = _joints_and_visible(draw)
    module = lp.GaussianJointsMSELoss(
        draw.value(2, 1.5, draw.array("K", tensor=True)), **_gaussian_options(draw)
    )
    return module(_outputs(draw), joints, visible)


def _outputs(draw: Draw) -> Any:
    if draw.integer(0, 4):
        return _maps(draw, tensor=True)
    return draw.value([_maps(draw, tensor=True) for _ in range(draw.integer(0, 3))])


def _target_weight(draw: Draw) -> Any:
    return draw.value(None, draw.array("BK", "BK1", "BKHW", "BKHW", tensor=True))


def _loss_options(draw: Draw) -> dict[str, Any]:
    return {
        "preset": draw.value("document", "lower_body", "hrnet", "mmpose"),
        "reduction": draw.value("mean", "sum", "per_sample", "per_joint", "none"),
        "loss_weight": draw.value(1.0, 0, -2, 1e30),
        "half": draw.value(None, True, False),
        "weight_power": draw.value(None, 1, 2),
        "denominator": draw.value("all", "all", "weighted", "visible"),
        "skip_empty": draw.value(False, True),
    }


def _joints_mse_loss(draw: Draw) -> Any:
    return lp.joints_mse_loss(
        *(_outputs(draw), _maps(draw, tensor=True), _target_weight(draw)),
        mask=draw.value(None, draw.array("BKHW", "B1HW", "BHW", tensor=True)),
        **_loss_options(draw),
    )


def _joints_mse_module(draw: Draw) -> Any:
    module = lp.JointsMSELoss(
        draw.value(True, False), fixed=draw.value(False, True), **_loss_options(draw)
    )
    return module(_outputs(draw), _maps(draw, tensor=True), _target_weight(draw))


def _joints_ohkm_mse_loss(draw: Draw) -> Any:
    return lp.joints_ohkm_mse_loss(
        *(_outputs(draw), _maps(draw, tensor=True), _target_weight(draw)),
        topk=draw.value(1, 2, 3, 8),
        preset=draw.value("document", "lower_body", "hrnet", "mmpose"),
        loss_weight=draw.value(1.0, -0.5),
    )


def _joints_ohkm_mse_module(draw: Draw) -> Any:
    module = lp.JointsOHKMMSELoss(
        *(draw.value(True, False), draw.value(1, 2, 8)), preset=draw.value("hrnet", "mmpose")
    )
    return module(_outputs(draw), _maps(draw, tensor=True), _target_weight(draw))


def _flip_options(draw: Draw) -> dict[str, Any]:
    return {
        "flip_pairs": draw.value([(0, 1)], [], [(0, 2), (1, 3)], np.array([[0, 1]])),
        "shift": draw.value(False, True),
    }


def _decoding(draw: Draw) -> dict[str, Any]:
    flip = {} if draw.integer(0, 2) else {"flipped": _maps(draw), **_flip_options(draw)}
    refine = ("none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp")
    presets = ("hrnet", "mmpose_msra", "mmpose_dark", "mmpose_udp", "udp_original", "vitpose_hf")
    return {
        "refine": draw.value("quarter", *refine),
        "preset": draw.value(None, None, *presets, "hourglass"),
        "fixed": draw.value(False, False, True),
        "border": draw.value(None, None, "both_axes", "per_axis_mm", "full_interior", "clamp"),
        "blur_kernel": draw.value(None, None, 3, 11, 33),
        **flip,
    }


def _decode_heatmaps(draw: Draw) -> Any:
    return lp.decode_heatmaps(
        draw.array("BKHW", "BKHW", "KHW", dtypes=FLOATS),
        **_decoding(draw),
        covariance=draw.value(False, False, True),
    )


def _decode_and_score(draw: Draw) -> Any:
    options = _decoding(draw) | _counting(draw, "cmp", "norm_layout", "inside", "above")
    if draw.integer(0, 1):
        options |= {"center": draw.array("B2"), "scale": draw.array("B2", "B")}
        options |= {"convention": draw.value("corner", "udp", "half_pixel")}
        options |= {"pixel_std": draw.value(1.0, 200), "scale_axes": draw.value("xy", "x_only")}
    elif draw.integer(0, 1):
        options |= {"matrix": draw.array("B23", "23")}
    thresholds = draw.value(0.5, (0.05, 0.1), [], [1] * 70)
    points = _points(draw)[1:]
    return lp.decode_and_score(_maps(draw), *points, thresholds, **options)


def _flip_merge(draw: Draw) -> Any:
    shapes = draw.one_of("BKHW", "KHW")
    return lp.flip_merge(
        draw.array(shapes, dtypes=FLOATS), draw.array(shapes, dtypes=FLOATS), **_flip_options(draw)
    )


def _soft_argmax2d(draw: Draw) -> Any:
    heatmaps = draw.array("BKHW", "KHW", dtypes=FLOATS)
    beta = draw.value(25, 1.0, -3.0, draw.array("K", "1", "", dtypes=FLOATS))
    return lp.soft_argmax2d(heatmaps, beta, normalized=draw.value(False, True))


def _soft_argmax2d_module(draw: Draw) -> Any:
    beta = draw.value(25, -3.0, draw.array("K", dtypes=FLOATS, tensor=True))
    module = lp.SoftArgmax2d(
        beta, learnable=draw.value(False, True), normalized=draw.value(False, True)
    )
    return module(_maps(draw, tensor=True))


def _to_image(draw: Draw) -> Any:
    coords = draw.array("BK2", "K2")
    if draw.integer(0, 1):
        return lp.to_image(coords, matrix=draw.array("B23", "23"))
    return lp.to_image(
        *(coords, draw.array("B2", "2"), draw.array("B2", "2", "B")),
        draw.value((draw.sizes["W"], draw.sizes["H"]), (48, 64), (1, 1)),
        draw.value("corner", "udp", "half_pixel"),
        pixel_std=draw.value(1.0, 200),
        scale_axes=draw.value("xy", "x_only"),
    )


def _points(draw: Draw, norms: bool = True) -> list[Any]:
    points = [*(draw.array("BK2") for _ in range(2)), draw.array("BK", "BK1")]
    norm = draw.value(1.0, 256, (0, 1), draw.array("B", "B2", "BK"))
    return [*points, norm] if norms else points


def _counting(draw: Draw, *names: str) -> dict[str, Any]:
    options = {
        "cmp": draw.value("lt", "le"),
        "norm_layout": draw.value("auto", "axis", "joint"),
        "inside": draw.value(None, None, (48, 64), (2.5, 3)),
        "above": draw.value(None, None, 0, 1.5),
        "joints": draw.value(None, None, [0], (1, 0), np.array([0])),
        "reduce": draw.value("pooled", "joint_mean", "joint_count_weighted"),
    }
    return {name: options[name] for name in names}


def _pck_counts(draw: Draw) -> Any:
    thresholds = draw.value(0.5, (0.05, 0.1), [], [1] * 130)
    options = _counting(draw, "cmp", "norm_layout", "inside", "above")
    return lp.pck_counts(*_points(draw), thresholds, **options)


def _pck(draw: Draw) -> Any:
    options = _counting(draw, "cmp", "norm_layout", "inside", "above", "joints", "reduce")
    return lp.pck(*_points(draw), draw.value(0.05, 1, 0), **options)


def _keypoint_error_sums(draw: Draw) -> Any:
    options = _counting(draw, "norm_layout", "inside", "above")
    return lp.keypoint_error_sums(*_points(draw), **options)


def _keypoint_epe(draw: Draw) -> Any:
    options = _counting(draw, "inside", "above", "joints", "reduce")
    return lp.keypoint_epe(*_points(draw, norms=False), **options)


def _keypoint_nme(draw: Draw) -> Any:
    options = _counting(draw, "norm_layout", "inside", "above", "joints", "reduce")
    return lp.keypoint_nme(*_points(draw), **options)


def _keypoint_auc(draw: Draw) -> Any:
    options = _counting(draw, "cmp", "norm_layout", "inside", "above", "joints", "reduce")
    thresholds = draw.value(None, None, [0.1, 0.2], np.arange(20) / 20)
    return lp.keypoint_auc(*_points(draw), thresholds, **options)


def _sigmas(draw: Draw) -> Any:
    return draw.value((0.1,) * draw.sizes["K"], [0.05] * draw.sizes["K"], draw.array("K"), None)


def _oks(draw: Draw) -> Any:
    d, g = draw.one_of(("D", "G"), ("BD", "BG"), ("B", "B"))

    def optional(shape: str) -> Any:
        return None if draw.integer(0, 2) else draw.array(shape)

    return lp.oks(
        *(draw.array(f"{d}K2"), draw.array(f"{g}K2"), draw.array(f"{g}K"), draw.array(g)),
        _sigmas(draw),
        aligned=draw.value(d == "B"),
        bbox=optional(f"{g}4"),
        pred_visible=optional(f"{d}K"),
        pred_area=optional(d),
        eps=draw.value(2.0**-52, 0, 1e-7),
        no_visible=draw.value("nan", "zero", "box"),
        divide_by=draw.value("visible", "joints"),
    )


def _keypoint_ap(draw: Draw) -> Any:
    def optional(shape: str) -> Any:
        return draw.array(shape) if draw.integer(0, 1) else None

    def images(name: str) -> Any:
        count = draw.sizes[name]
        return draw.value(draw.rng.integers(0, 3, count), ["a"] * count, list(range(count)))

    return lp.keypoint_ap(
        *(draw.array("DK2", "DK3"), draw.array("D"), images("D"), draw.array("GK3"), images("G")),
        areas=draw.array("G"),
        boxes=optional("G4"),
        crowd=optional("G"),
        num_keypoints=optional("G"),
        pred_areas=optional("D"),
        pred_boxes=optional("D4"),
        sigmas=_sigmas(draw),
        use_area=draw.value(True, False),
        max_dets=draw.value(20, 1, 0),
        preset=draw.value("coco", "xtcoco"),
        fixed=draw.value(False, True),
        label_count=draw.value(None, "given", "counted"),
        unscored=draw.value(None, "keep", "drop"),
        nan_similarity=draw.value(None, "match", "miss"),
        extent=draw.value(None, "all", "scored"),
    )


def _pck_metric(draw: Draw) -> Any:
    metric = lp.metrics.PCK(
        draw.value((0.05, 0.1), 0.5),
        draw.value("image", "bbox", "head", "waist", (0, 1), 8.0, None),
        draw.value(None, (192, 256), (192, 256)),
        **_counting(draw, "cmp", "inside", "above", "joints", "reduce"),
    )
    given = draw.one_of({}, {"bbox": "B4"}, {"head_bbox": "B4"}, {"norm": "B"})
    for _ in range(2):
        others = {name: draw.array(shape) for name, shape in given.items()}
        metric.update(*_points(draw, norms=False), **others)
    return metric.compute()


def _mpjpe_metric(draw: Draw) -> Any:
    metric = lp.metrics.MPJPE(
        draw.value("none", "root", "scale", "procrustes"), root=draw.value(0, (0, 1))
    )
    for _ in range(2):
        shape = draw.one_of("K3", "BK3", "BK2")
        mask = draw.value(None, draw.array(shape[:-1]))
        metric.update(*(draw.array(shape, dtypes=FLOATS) for _ in range(2)), mask)
    return metric.compute()


def _keypoint_ap_metric(draw: Draw) -> Any:
    metric = lp.metrics.KeypointAP(
        _sigmas(draw), use_area=draw.value(True, False), max_dets=draw.value(20, 1)
    )
    for _ in range(draw.integer(0, 2)):
        pred = {"keypoints": draw.array("DK2", "DK3"), "scores": draw.array("D")}
        target = {"keypoints": draw.array("GK3"), "areas": draw.array("G")}
        target |= {"boxes": draw.array("G4")} if draw.integer(0, 1) else {}
        metric.update(draw.value([3], [4], np.array([5])), [draw.value(pred)], [draw.value(target)])
    return metric.compute()


def _poses(draw: Draw, *before: str) -> list[Any]:
    """A prediction, a ground truth and a mask, or none."""
    shape = draw.one_of("K3", "BK3", "TBK3", *before)
    mask = draw.value(None, draw.array(shape[:-1], tensor=True))
    return [*(draw.array(shape, dtypes=FLOATS, tensor=True) for _ in range(2)), mask]


def _mpjpe(draw: Draw) -> Any:
    return lp.mpjpe(
        *_poses(draw, "BK2"),
        align=draw.value("none", "root", "scale", "procrustes"),
        reduction=draw.value("mean", "none"),
        root=draw.value(0, 0, 1, (0, 1)),
    )


def _procrustes(draw: Draw) -> Any:
    return lp.procrustes(*_poses(draw), scale=draw.value(True, False))


def _velocity_error(draw: Draw) -> Any:
    return lp.velocity_error(*_poses(draw, "BK2"), reduction=draw.value("mean", "none"))


def _joint_angles(draw: Draw) -> Any:
    points = draw.array("K3", "BK2", dtypes=FLOATS, tensor=True)
    return lp.joint_angles(points, draw.value([(0, 1, 2)], ((2, 0, 1), [0, 2, 1]), [(0, 1)]))


def _camera(draw: Draw, *shapes: str) -> Any:
    return draw.array(*shapes, dtypes=FLOATS, tensor=True)


def _project_points(draw: Draw) -> Any:
    def optional(*shapes: str) -> Any:
        return _camera(draw, *shapes) if draw.integer(0, 1) else None

    return lp.project_points(
        *(_camera(draw, "N3", "BN3"), _camera(draw, "33", "B33")),
        *(optional("33", "B33"), optional("3", "B3"), optional("4", "5", "B5")),
    )


def _multi_view_consistency_loss(draw: Draw) -> Any:
    limb = draw.one_of(
        {}, {"limb": draw.value((0, 1)), "limb_length": draw.value(2, _camera(draw, "B"))}
    )
    return lp.multi_view_consistency_loss(
        *(_camera(draw, "BK3"), _camera(draw, "BK2"), _camera(draw, "33", "B33")),
        _camera(draw, "33", "B33"),
        translation=draw.value(None, _camera(draw, "3", "B3")),
        mask=draw.value(None, draw.array("BK", tensor=True)),
        **limb,
    )


CALLS: dict[str, Callable[[Draw], Any]] = {
    "GaussianJointsMSELoss": _gaussian_joints_mse_module,
    "JointsMSELoss": _joints_mse_module,
    "JointsOHKMMSELoss": _joints_ohkm_mse_module,
    "SoftArgmax2d": _soft_argmax2d_module,
    "decode_and_score": _decode_and_score,
    "decode_heatmaps": _decode_heatmaps,
    "flip_merge": _flip_merge,
    "gaussian_joints_mse_loss": _gaussian_joints_mse_loss,
    "gaussian_targets": _gaussian_targets,
    "joint_angles": _joint_angles,
    "joints_mse_loss": _joints_mse_loss,
    "joints_ohkm_mse_loss": _joints_ohkm_mse_loss,
    "keypoint_ap": _keypoint_ap,
    "keypoint_auc": _keypoint_auc,
    "keypoint_epe": _keypoint_epe,
    "keypoint_error_sums": _keypoint_error_sums,
    "keypoint_nme": _keypoint_nme,
    "mpjpe": _mpjpe,
    "multi_view_consistency_loss": _multi_view_consistency_loss,
    "oks": _oks,
    "pck": _pck,
    "pck_counts": _pck_counts,
    "procrustes": _procrustes,
    "project_points": _project_points,
    "soft_argmax2d": _soft_argmax2d,
    "to_image": _to_image,
    "velocity_error": _velocity_error,
    "metrics.KeypointAP": _keypoint_ap_metric,
    "metrics.MPJPE": _mpjpe_metric,
    "metrics.PCK": _pck_metric,
}
