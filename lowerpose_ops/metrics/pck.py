"""The percentage of correct keypoints of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .. import _arguments as arguments
from .. import _score_arguments as score_arguments
from .._dispatch.pck import pck_counts
from ..skeletons import COCO_SIGMAS, LOWER_BODY_JOINTS
from ._metric import Metric

_NAME = "PCK"
# The states have as many columns, so that ranks which have not seen a joint yet have them as well.
MAX_JOINTS = 1024

# The two joints whose distance is the norm, by the number of joints: COCO's left shoulder and right
# hip, and the hips of COCO and of the lower body.
_PAIRS = {
    "torso": {len(COCO_SIGMAS): (5, 12)},
    "waist": {len(COCO_SIGMAS): (11, 12), len(LOWER_BODY_JOINTS): (0, 3)},
}
_NORMS = ("image", "bbox", "head", *_PAIRS)


class PCK(Metric):
    """The percentage of correct keypoints of all batches and ranks, as fractions.

    The counts are summed, [T, K] and [K] int64, where the batches are, and nothing waits for a GPU
    before compute. Which joints count, and when one is correct, is told at `pck_counts`.

    Args:
        thresholds: A number or a sequence of T numbers.
        norm: What distances are divided by. "image": the longer side of image_size. "bbox": the
            longer side of each person's box. "head": 0.6 times the diagonal of each person's head
            box (PCKh). "torso": the distance of left shoulder and right hip, of COCO's 17 joints.
            "waist": that of the hips, of COCO's 17 joints or the lower body's six. Two joints, such
            as (4, 5), or a number. None: update is given the norms.
        image_size: (W, H) of the image or the network's input, for norm="image".
        cmp: "lt" for <, "le" for <=.
        reduce: "pooled", "joint_mean" or "joint_count_weighted", as for `pck`; or "per_joint".
        joints: The indices of the joints that the scores are made of; None for all.
        inside: (W, H): only joints count whose ground truth is inside, as for `pck_counts`.
        above: Only joints count whose ground truth lies above it, as for `pck_counts`.
        **options: Those of torchmetrics.Metric; without torchmetrics process_group and
            sync_on_compute.

    update(pred, gt, valid): [B, K, 2] twice and [B, K], tensors or NumPy arrays, as for
    `pck_counts`; and by name bbox=[B, 4] with norm="bbox", head_bbox=[B, 4] with norm="head", both
    (left, top, width, height), or norm=... with norm=None, as for `pck_counts`. There are at most
    1024 joints.

    compute(): {"PCK@0.05": ..., "PCK@0.1": ...}, float64 tensors without dimensions, or one number
    a joint for "per_joint"; NaN where no joint counts. All ranks call it and get the same.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A word is unknown; image_size is missing with norm="image", or given without it;
            joints are not there; update is not given what the norm needs, or given what it does
            not.

    Example:
        >>> metric = PCK(thresholds=(0.05, 0.1), norm="image", image_size=(192, 256))
        >>> gt = torch.zeros(2, 6, 2)
        >>> metric.update(gt + 9, gt, torch.ones(2, 6))
        >>> metric.update(gt + 15, gt, torch.ones(2, 6))
        >>> {name: score.item() for name, score in metric.compute().items()}
        {'PCK@0.05': 0.5, 'PCK@0.1': 1.0}
    """

    correct: Tensor
    counted: Tensor

    def __init__(
        self,
        thresholds: float | Sequence[float] = (0.05, 0.1),
        norm: str | float | tuple[int, int] | None = "image",
        image_size: tuple[float, float] | None = None,
        *,
        cmp: str = "lt",
        reduce: str = "pooled",
        joints: Sequence[int] | None = None,
        inside: tuple[float, float] | None = None,
        above: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.thresholds = arguments.thresholds(_NAME, "thresholds", thresholds)
        fixed, self.norm = _fixed_norm(norm, image_size), norm
        # Now, and not in the first batch.
        score_arguments.pck_rules(
            _NAME,
            (1.0, []),
            "auto",
            self.thresholds,
            cmp=cmp,
            inside=inside,
            above=above,
            joints=joints,
            reduce=reduce,
            reductions=score_arguments.ERROR_REDUCTIONS,
        )
        self.fixed_norm = fixed
        self.num_joints: int | None = None  # what the first batch has
        self.reduce = reduce
        self.joints = None if joints is None else score_arguments.chosen_joints(_NAME, joints)
        if self.joints and max(self.joints) >= MAX_JOINTS:
            raise arguments.value_error(_NAME, "joints", f"below {MAX_JOINTS}", joints)
        self.rules: dict[str, Any] = {"cmp": cmp, "inside": inside, "above": above}
        counts = torch.zeros(len(self.thresholds), MAX_JOINTS, dtype=torch.int64)
        self._add_sum("correct", counts)
        self._add_sum("counted", torch.zeros(MAX_JOINTS, dtype=torch.int64))
        # How many people had the joint.
        rules = self.thresholds, self.norm, self.fixed_norm, self.rules
        self._people = self._name_of_rules("people", *rules)
        self._add_sum(self._people, torch.zeros(MAX_JOINTS, dtype=torch.int64))

    def update(
        self,
        pred: Any,
        gt: Any,
        valid: Any,
        *,
        bbox: Any = None,
        head_bbox: Any = None,
        norm: Any = None,
    ) -> None:
        """Adds a batch."""
        chosen = self._norm(pred, {"bbox": bbox, "head_bbox": head_bbox, "norm": norm})
        counts = pck_counts(pred, gt, valid, chosen, self.thresholds, **self.rules)
        correct, counted = (torch.as_tensor(count) for count in counts)
        num_joints = len(counted)
        for joint in self.joints or ():
            if joint >= num_joints:
                expected = f"indices of the {num_joints} joints"
                raise arguments.value_error(_NAME, "joints", expected, joint)
        if num_joints > MAX_JOINTS:
            expected = f"of at most {MAX_JOINTS} joints"
            raise arguments.value_error(_NAME, "pred", expected, num_joints)
        self._check_as_before(num_joints)
        self.num_joints = num_joints
        self._follow(counted)
        missing = (0, MAX_JOINTS - num_joints)
        # Not in place: a state that was made in inference mode could not be changed outside.
        self.correct = self.correct + functional.pad(correct, missing)
        self.counted = self.counted + functional.pad(counted, missing)
        people = counted.new_full((num_joints,), len(pred))
        people = getattr(self, self._people) + functional.pad(people, missing)
        setattr(self, self._people, people)

    def forward(self, pred: Any, *others: Any, **options: Any) -> Any:
        """Adds a batch and gives its own score."""
        if getattr(pred, "ndim", 0) == 3:  # here, since torchmetrics resets before it updates
            self._check_as_before(pred.shape[1])
        before = self.num_joints
        try:
            return super().forward(pred, *others, **options)
        except BaseException:
            self.num_joints = before
            raise

    def reset(self) -> None:
        """Forgets all updates."""
        super().reset()
        self.num_joints = None

    def _check_as_before(self, num_joints: int) -> None:
        if self.num_joints not in (None, num_joints):
            expected = f"of {self.num_joints} joints like those before"
            raise arguments.value_error(_NAME, "pred", expected, num_joints)

    def compute(self) -> dict[str, Tensor]:
        """The score for each threshold, of all updates on all ranks."""
        num_joints = int(getattr(self, self._people).count_nonzero())
        joints = list(range(num_joints)) if self.joints is None else self.joints
        correct, counted = self.correct[:, joints].double(), self.counted[joints]
        if self.reduce == "per_joint":
            scores = correct / counted
        elif self.reduce == "joint_mean":
            scores = (correct / counted)[:, counted > 0].mean(1)
        else:
            scores = correct.sum(1) / counted.sum()
        return {
            f"PCK@{threshold}": score
            for threshold, score in zip(self.thresholds, scores, strict=True)
        }

    def _norm(self, pred: Any, given: dict[str, Any]) -> Any:
        """What `pck_counts` takes for this batch."""
        needed = {"bbox": "bbox", "head": "head_bbox", None: "norm"}
        argument = needed.get(self.norm) if isinstance(self.norm, (str, type(None))) else None
        for name, value in given.items():
            if (value is not None) != (name == argument):
                state = "given" if name == argument else "left out"
                raise ValueError(f"{_NAME}: {name} must be {state} with norm={self.norm!r}")
        if self.fixed_norm is not None:
            return self.fixed_norm
        if self.norm in _PAIRS:
            arguments.check_ndim(_NAME, "pred", pred, {3: "[B, K, 2]"})
            return _pair_of(str(self.norm), pred.shape[1])
        if argument == "norm":
            return given["norm"]
        return _box_norm(str(argument), given[str(argument)], len(pred))


def _fixed_norm(norm: object, image_size: object) -> float | tuple[int, int] | None:
    """The norm of all batches, where it is the same."""
    of_image = isinstance(norm, str) and norm == "image"
    if (image_size is not None) != of_image:
        state = "given with norm='image'" if of_image else "left out without norm='image'"
        raise ValueError(f"{_NAME}: image_size must be {state}, got {image_size!r}")
    if of_image:
        if not isinstance(image_size, (tuple, list)) or len(image_size) != 2:
            raise arguments.value_error(_NAME, "image_size", "(W, H)", image_size)
        sides = [arguments.number(_NAME, "image_size", side) for side in image_size]
        if min(sides) <= 0:
            raise arguments.value_error(_NAME, "image_size", "(W, H), both positive", image_size)
        return max(sides)
    if norm is None:
        return None
    if isinstance(norm, str):
        arguments.choice(_NAME, "norm", norm, _NORMS)
        return None
    value, pair = score_arguments.norm_of(_NAME, norm, "word")
    if pair:
        return pair[0], pair[1]
    if value <= 0:
        raise arguments.value_error(_NAME, "norm", "positive", norm)
    return value


def _pair_of(norm: str, num_joints: int) -> tuple[int, int]:
    """The joints of the torso or the waist."""
    if num_joints not in _PAIRS[norm]:
        known = " or ".join(map(str, _PAIRS[norm]))
        raise ValueError(
            f"{_NAME}: norm must be two joints where there are {num_joints}, because {norm!r} is "
            f"known of {known} joints"
        )
    return _PAIRS[norm][num_joints]


def _box_norm(argument: str, box: Any, batch: int) -> Any:
    """One norm a person, [B], from boxes [B, 4]."""
    if not isinstance(box, (Tensor, np.ndarray)):
        raise arguments.type_error(_NAME, argument, "a NumPy array or a torch tensor", box)
    if tuple(box.shape) != (batch, 4):
        raise arguments.value_error(_NAME, argument, f"[B, 4] = [{batch}, 4]", list(box.shape))
    if isinstance(box, Tensor):
        width, height = box.detach()[:, 2:].double().unbind(1)
        if argument == "bbox":
            return torch.maximum(width, height)
        return 0.6 * torch.hypot(width, height)
    columns = box[:, 2:].astype(np.float64).T
    return np.maximum(*columns) if argument == "bbox" else 0.6 * np.hypot(*columns)
