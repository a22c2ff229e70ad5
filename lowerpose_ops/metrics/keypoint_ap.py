"""COCO's average precision of keypoints, over the batches and ranks of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from .. import _arguments as arguments
from .._dispatch._kinds import host_array
from ..arrays._coco_statistics import MAX_DETS
from ..arrays._keypoint_ap_inputs import Detections, People, detections_limit, joint_sigmas
from ..arrays.keypoint_ap import evaluate
from ..keypoint_ap_presets import rules
from ..skeletons import COCO_SIGMAS
from ._metric import Metric

_NAME = "KeypointAP"
_PREDICTED = {"keypoints": "pred", "scores": "scores", "areas": "areas", "boxes": "boxes"}
_TRUE = ("keypoints", "areas", "boxes", "crowd", "num_keypoints")


class KeypointAP(Metric):
    """COCO's average precision and recall of keypoints.

    A sample is what a data loader gives at once: an image with all its people, or one person of an
    image. Samples of one image are put together. A sample that comes again counts once, as it came
    first, so a sampler that repeats samples to give all ranks as many changes nothing; across ranks
    the first is the lowest rank's.

    Args:
        sigmas: K numbers, one a joint; None: COCO's, for 17 joints alone.
        use_area: False takes 0.53 times the box's area for a person's, and for a box that is left
            out the one around the labelled joints.
        max_dets: How many detections of an image count, the best first.
        preset, fixed, label_count, unscored, nan_similarity, extent: As `lowerpose_ops.keypoint_ap`
            takes them.
        options: As every metric takes them.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: sigmas are not positive and finite; what `update` is given does not fit.

    Example:
        >>> metric = KeypointAP(sigmas=(0.1, 0.1))
        >>> gt = torch.tensor([[[10.0, 10.0, 2], [30.0, 40.0, 2]]])
        >>> metric.update(
        ...     [7],
        ...     [{"keypoints": gt + 0.5, "scores": torch.tensor([0.9])}],
        ...     [{"keypoints": gt, "areas": torch.tensor([1500.0])}],
        ... )
        >>> round(metric.compute()["AP"].item(), 3)
        1.0

    COCO: https://cocodataset.org/#keypoints-eval
    """

    # Rows of the detections and people; keys are (image, sample, rank, update).
    pred_keys: list[Tensor]
    pred_joints: list[Tensor]
    pred_numbers: list[Tensor]
    gt_keys: list[Tensor]
    gt_joints: list[Tensor]
    gt_numbers: list[Tensor]

    def __init__(
        self,
        sigmas: Any = None,
        *,
        use_area: bool = True,
        max_dets: int = MAX_DETS,
        preset: str = "coco",
        fixed: bool = False,
        label_count: str | None = None,
        unscored: str | None = None,
        nan_similarity: str | None = None,
        extent: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        given = host_array(sigmas)
        is_list = isinstance(given, (list, tuple)) or getattr(given, "ndim", 0) == 1
        count = len(given) if is_list else len(COCO_SIGMAS)
        self.sigmas = tuple(joint_sigmas(_NAME, given, count).tolist())
        self.use_area = arguments.check_flag(_NAME, "use_area", use_area)
        self.max_dets = detections_limit(_NAME, max_dets)
        self.rules = rules(
            *(_NAME, preset, fixed),
            label_count=label_count,
            unscored=unscored,
            nan_similarity=nan_similarity,
            extent=extent,
        )
        self._updates = 0
        given_rules = self.sigmas, self.use_area, self.max_dets, self.rules
        self._sample_keys = self._name_of_rules("sample_keys", *given_rules)
        self._add_rows(self._sample_keys, (4,), torch.int64)
        self._add_rows("pred_keys", (4,), torch.int64)
        self._add_rows("pred_joints", (count, 3), torch.float64)
        self._add_rows("pred_numbers", (2,), torch.float64)  # score, area
        self._add_rows("gt_keys", (4,), torch.int64)
        self._add_rows("gt_joints", (count, 3), torch.float64)
        self._add_rows("gt_numbers", (7,), torch.float64)  # box, area, ignored, crowd

    def update(
        self,
        image_ids: Any,
        preds: Sequence[Mapping[str, Any]],
        target: Sequence[Mapping[str, Any]],
        *,
        sample_ids: Any = None,
    ) -> None:
        """Adds the detections and people of N samples.

        Args:
            image_ids: N integers: a sequence, a tensor or an array.
            preds: N mappings of tensors or arrays: keypoints [D, K, 2] or [D, K, 3] and scores [D];
                if need be areas [D] or boxes [D, 4], (x, y, width, height). Pixels.
            target: N mappings: keypoints [G, K, 3], (x, y, v); areas [G]; if need be boxes [G, 4],
                crowd [G], num_keypoints [G].
            sample_ids: N integers, where an image has several samples; None: the image ids.

        Raises:
            TypeError: Something is of another type or dtype.
            ValueError: Numbers of samples differ; a shape does not fit; a name is unknown.
        """
        images = _integers("image_ids", image_ids)
        samples = images if sample_ids is None else _integers("sample_ids", sample_ids)
        for name, values in (("preds", preds), ("target", target), ("sample_ids", samples)):
            if isinstance(values, (Mapping, str)) or not isinstance(values, Sequence):
                raise arguments.type_error(_NAME, name, "one mapping a sample", values)
            if len(values) != len(images):
                raise ValueError(
                    f"{_NAME}: {name} must be {len(images)}, as many as image_ids, "
                    f"got {len(values)}"
                )
        found = [self._read_detections(given) for given in preds]
        people = [self._read_people(given) for given in target]
        for place, (image, sample) in enumerate(zip(images, samples, strict=True)):
            key = torch.tensor([[image, sample, _rank(), self._updates]])
            self._updates += 1
            self._append(self._sample_keys, key)
            pred, gt = found[place], people[place]
            self._append("pred_keys", key.expand(len(pred.keypoints), 4))
            self._append("pred_joints", torch.from_numpy(pred.keypoints))
            self._append("pred_numbers", torch.from_numpy(np.stack([pred.scores, pred.areas], 1)))
            self._append("gt_keys", key.expand(len(gt.keypoints), 4))
            self._append("gt_joints", torch.from_numpy(gt.keypoints))
            numbers = np.column_stack([gt.boxes, gt.areas, gt.ignored, gt.crowd])
            self._append("gt_numbers", torch.from_numpy(numbers))

    def compute(self) -> dict[str, Tensor]:
        """AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL; -1 where there is nobody to be found."""
        first: dict[tuple[int, int], tuple[int, int]] = {}
        for image, sample, rank, update in self._rows(self._sample_keys).tolist():
            known = first.get((image, sample))
            first[image, sample] = min(known, (rank, update)) if known else (rank, update)
        counted = {(*place, *occurrence) for place, occurrence in first.items()}

        def chosen(kind: str) -> tuple[Any, Any, Any]:
            keys, joints, numbers = (
                self._rows(f"{kind}_{name}").cpu().numpy() for name in ("keys", "joints", "numbers")
            )
            kept = [row for row, key in enumerate(keys.tolist()) if tuple(key) in counted]
            # By image and sample, whichever rank they come from.
            order = sorted(kept, key=lambda row: (keys[row, 0], keys[row, 1], row))
            return keys[order, 0], joints[order], numbers[order]

        pred_images, pred, pred_numbers = chosen("pred")
        gt_images, gt, gt_numbers = chosen("gt")
        values = evaluate(
            _NAME,
            Detections(pred, pred_numbers[:, 0].copy(), pred_numbers[:, 1].copy()),
            People(gt, gt_numbers[:, :4].copy(), *_columns(gt_numbers)),
            (pred_images, np.zeros(len(pred), np.int64)),
            (gt_images, np.zeros(len(gt), np.int64)),
            *(np.array(self.sigmas), self.rules, self.max_dets),
        )
        return {
            name: torch.tensor(value, dtype=torch.float64, device=self.device)
            for name, value in values.items()
        }

    def _read_detections(self, given: Mapping[str, Any]) -> Detections:
        arrays = _arrays("preds", given, tuple(_PREDICTED), ("keypoints", "scores"))
        return Detections.read(
            *(_NAME, len(self.sigmas), self.rules, arrays["keypoints"], arrays["scores"]),
            *(arrays.get("areas"), arrays.get("boxes")),
        )

    def _read_people(self, given: Mapping[str, Any]) -> People:
        arrays = _arrays("target", given, _TRUE, ("keypoints",))
        return People.read(
            *(_NAME, len(self.sigmas), self.rules, self.use_area),
            *(arrays.get(name) for name in _TRUE),
        )


def _columns(numbers: Any) -> tuple[Any, Any, Any]:
    return numbers[:, 4].copy(), numbers[:, 5] != 0, numbers[:, 6] != 0


def _rank() -> int:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    return 0


def _arrays(
    argument: str, given: object, known: tuple[str, ...], needed: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise arguments.type_error(_NAME, argument, "one mapping a sample", given)
    for name in needed:
        if name not in given:
            raise ValueError(f"{_NAME}: {argument} must have {name!r}, got {sorted(given)}")
    for name in given:
        if name not in known:
            raise ValueError(f"{_NAME}: {argument} must be of {', '.join(known)}, got {name!r}")
    return {name: host_array(value) for name, value in given.items() if value is not None}


def _integers(argument: str, values: object) -> list[int]:
    values = host_array(values)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise arguments.type_error(_NAME, argument, "a sequence of integers", values)
    for value in values:
        value = arguments.integer(_NAME, argument, value, "integers")
        if not -(2**63) <= value < 2**63:
            raise arguments.value_error(_NAME, argument, "integers of 64 bits", value)
    return [int(value) for value in values]
